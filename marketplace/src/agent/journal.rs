//! An agent's memory: small files, each written whole or not at all.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
#[cfg(any(test, feature = "test-util"))]
use std::sync::Arc;
#[cfg(any(test, feature = "test-util"))]
use std::sync::atomic::{AtomicI64, Ordering};

/// The longest entry, in bytes.
const MAX_ENTRY: u64 = 4 << 20;

/// Why an agent cannot remember.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder.
    #[error("the journal: {0}")]
    Folder(#[from] io::Error),
    /// An entry that no agent wrote.
    #[error("the journal's entry `{0}` is damaged")]
    Damaged(String),
    /// A crash that a test asked for.
    #[cfg(any(test, feature = "test-util"))]
    #[error("crashed, as the test asked")]
    Crashed,
}

/// A folder of entries, readable by its owner alone.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: PathBuf,
    #[cfg(any(test, feature = "test-util"))]
    fuse: Option<Arc<AtomicI64>>,
}

impl Journal {
    /// The journal in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`JournalError::Folder`].
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        std::fs::create_dir_all(folder)?;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
        Ok(Self {
            folder: folder.to_owned(),
            #[cfg(any(test, feature = "test-util"))]
            fuse: None,
        })
    }

    /// A journal that crashes at the `n`th place where its agent could: before and after each entry.
    ///
    /// # Errors
    /// [`JournalError::Folder`].
    #[cfg(any(test, feature = "test-util"))]
    pub fn crashing(folder: &Path, n: i64) -> Result<Self, JournalError> {
        let mut journal = Self::open(folder)?;
        journal.fuse = Some(Arc::new(AtomicI64::new(n)));
        Ok(journal)
    }

    #[cfg(any(test, feature = "test-util"))]
    fn burn(&self) -> Result<(), JournalError> {
        match &self.fuse {
            Some(fuse) if fuse.fetch_sub(1, Ordering::Relaxed) <= 0 => Err(JournalError::Crashed),
            _ => Ok(()),
        }
    }

    #[cfg(not(any(test, feature = "test-util")))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    fn burn(&self) -> Result<(), JournalError> {
        Ok(())
    }

    /// The folder, for larger files of the agent's.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, name: &str) -> Result<PathBuf, JournalError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(JournalError::Damaged(name.to_owned()));
        }
        Ok(self.folder.join(name))
    }

    /// An entry; `None` if it was never written.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, JournalError> {
        let path = self.path(name)?;
        match std::fs::metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
            Ok(m) if m.len() > MAX_ENTRY => Err(JournalError::Damaged(name.to_owned())),
            Ok(_) => Ok(Some(std::fs::read(path)?)),
        }
    }

    /// Whether there is an entry.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn has(&self, name: &str) -> Result<bool, JournalError> {
        Ok(self.path(name)?.exists())
    }

    /// Writes an entry, in place of one of that name; on disk when this returns.
    ///
    /// # Errors
    /// [`JournalError::Folder`].
    pub fn write(&self, name: &str, entry: &[u8]) -> Result<(), JournalError> {
        self.burn()?;
        let path = self.path(name)?;
        // Made for its owner alone.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(entry)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        std::fs::File::open(&self.folder)?.sync_all()?;
        self.burn()
    }

    /// Forgets an entry.
    ///
    /// # Errors
    /// [`JournalError::Folder`].
    pub fn forget(&self, name: &str) -> Result<(), JournalError> {
        match std::fs::remove_file(self.path(name)?) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// A number an agent counts with; 0 at first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn number(&self, name: &str) -> Result<u64, JournalError> {
        let Some(entry) = self.read(name)? else {
            return Ok(0);
        };
        let text = std::str::from_utf8(&entry).ok();
        text.and_then(|t| t.parse().ok())
            .ok_or_else(|| JournalError::Damaged(name.to_owned()))
    }
}
