//! The log before the database: batches of writes, appended, one sync each.
//!
//! A batch that was synced is found again, a torn one at the end was never acted upon and is cut off. A
//! damaged batch before the end means that promises are lost: the log is refused.

use crate::digest::{Digest, Purpose};
use crate::height::ReplicaId;
use crate::store::StoreError;
use crate::wire::Wire;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Length and digest before every batch.
const HEAD: usize = 4 + 32;
/// The longest log: several batches of the largest blocks.
const MAX_JOURNAL: u64 = 1 << 30;

/// The open log of one replica.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    /// Where the first batch begins.
    begin: u64,
    size: u64,
}

impl Journal {
    /// Opens or makes the log of a replica of a chain; gives the batches in it. A log that was `begun` before is on
    /// disk with its owner at least.
    pub(super) fn open(
        path: &Path,
        owner: (Digest, ReplicaId),
        begun: bool,
    ) -> Result<(Journal, Vec<Vec<u8>>), StoreError> {
        let (file, bytes) = load(path).map_err(StoreError::Log)?;
        let name = owner.to_wire();
        let begin = name.len();
        let mut journal = Journal {
            file,
            begin: begin as u64,
            size: 0,
        };
        let Some((found, batches)) = bytes.split_at_checked(begin) else {
            if begun {
                return Err(StoreError::LogMissing(path.to_owned()));
            }
            // New, or torn before its first batch.
            journal.found(path, &name).map_err(StoreError::Log)?;
            return Ok((journal, Vec::new()));
        };
        if found != name {
            let (_, found) = <(Digest, ReplicaId)>::from_wire(found)?;
            let expected = owner.1;
            return Err(StoreError::Foreign { found, expected });
        }
        let (batches, whole) = read(batches).map_err(|at| StoreError::LogDamaged {
            at: (begin + at) as u64,
        })?;
        let size = (begin + whole) as u64;
        journal.cut(size).map_err(StoreError::Log)?;
        Ok((journal, batches))
    }

    /// Writes whose log it is.
    fn found(&mut self, path: &Path, name: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(name)?;
        self.file.sync_all()?;
        self.size = self.begin;
        sync_folder(path)
    }

    /// Bytes in the log.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a batch; it is on disk when this returns.
    pub(super) fn append(&mut self, batch: &[u8]) -> io::Result<()> {
        let length = u32::try_from(batch.len()).map_err(io::Error::other)?;
        let mut framed = Vec::with_capacity(HEAD + batch.len());
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(digest(batch).as_bytes());
        framed.extend_from_slice(batch);
        self.file.write_all(&framed)?;
        self.file.sync_data()?;
        self.size += framed.len() as u64;
        Ok(())
    }

    /// Forgets all batches: they are in the database, on disk.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.cut(self.begin)
    }

    fn cut(&mut self, size: u64) -> io::Result<()> {
        self.file.set_len(size)?;
        self.file.seek(SeekFrom::Start(size))?;
        self.file.sync_data()?;
        self.size = size;
        Ok(())
    }
}

fn digest(batch: &[u8]) -> Digest {
    Purpose::Journal.hash(&[batch])
}

/// The batches, and how many bytes they take; or where a damaged one is that others follow.
fn read(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, usize), usize> {
    let (mut batches, mut at) = (Vec::new(), 0);
    let mut rest = bytes;
    while let Some((head, after)) = rest.split_at_checked(HEAD) {
        let (length, expected) = head.split_at(4);
        let length = length.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        let Some((batch, next)) = after.split_at_checked(length) else {
            break;
        };
        if digest(batch).as_bytes().as_slice() != expected {
            if next.is_empty() {
                break;
            }
            return Err(at);
        }
        batches.push(batch.to_vec());
        at += HEAD + length;
        rest = next;
    }
    Ok((batches, at))
}

/// A new file's name is on disk once its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn load(path: &Path) -> io::Result<(File, Vec<u8>)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path)?;
    if file.metadata()?.len() > MAX_JOURNAL {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::new();
    (&file).read_to_end(&mut bytes)?;
    Ok((file, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: (Digest, ReplicaId) = (Digest::ZERO, ReplicaId::new(3));

    fn open(path: &Path) -> Result<Vec<Vec<u8>>, StoreError> {
        Journal::open(path, OWNER, false).map(|(_, batches)| batches)
    }

    #[test]
    fn whole_batches_are_found_again_and_a_torn_one_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (mut journal, none) = Journal::open(&path, OWNER, false).unwrap();
        assert!(none.is_empty());
        let batches: Vec<Vec<u8>> = (0..5u8).map(|i| vec![i; 100 * usize::from(i)]).collect();
        batches.iter().for_each(|b| journal.append(b).unwrap());
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(journal.size(), whole.len() as u64);
        drop(journal);
        // Cut anywhere within the last batch, as a crash would: the four before it are there.
        for cut in 1..(HEAD + 400) {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            assert_eq!(open(&path).unwrap(), batches[..4], "{cut}");
            // What was torn is gone, and the next batch follows the last whole one.
            let (mut journal, _) = Journal::open(&path, OWNER, false).unwrap();
            journal.append(b"next").unwrap();
            assert_eq!(open(&path).unwrap()[4], b"next");
        }
        // Pages of the last batch that never came to disk.
        let mut torn = whole.clone();
        *torn.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &torn).unwrap();
        assert_eq!(open(&path).unwrap(), batches[..4]);
    }

    #[test]
    fn a_damaged_batch_before_others_is_refused_and_so_is_anothers_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (mut journal, _) = Journal::open(&path, OWNER, false).unwrap();
        journal.append(b"a promise").unwrap();
        journal.append(b"another").unwrap();
        let whole = std::fs::read(&path).unwrap();
        let begin = usize::try_from(journal.begin).unwrap();
        let mut damaged = whole.clone();
        damaged[begin + HEAD] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        assert!(matches!(open(&path), Err(StoreError::LogDamaged { at }) if at == journal.begin));
        std::fs::write(&path, &whole).unwrap();
        let other = Journal::open(&path, (Digest::ZERO, ReplicaId::new(4)), false);
        assert!(matches!(other, Err(StoreError::Foreign { .. })));
        let (mut journal, batches) = Journal::open(&path, OWNER, false).unwrap();
        assert_eq!(batches.len(), 2);
        journal.clear().unwrap();
        assert!(open(&path).unwrap().is_empty());
    }
}
