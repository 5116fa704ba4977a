//! Files of any size: read as they come, in constant memory, and put in place whole.

use std::{
    fs,
    io::{self, Read, Seek, Write},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

use tempfile::{Builder, NamedTempFile};

use crate::{
    failure::{Attempt, Failure, shown},
    file::{self, Access, Source, Target},
    interrupt::Unfinished,
};

/// A file or standard input, to be read once from its beginning.
pub enum Incoming {
    /// Standard input.
    Stdin(io::Stdin),
    /// A file, and its length if it is a plain one.
    File(fs::File, Option<u64>),
}

impl Incoming {
    /// Opens a source.
    pub fn open(source: &Source) -> Attempt<Self> {
        match source {
            Source::Stdin => {
                file::take_stdin()?;
                Ok(Self::Stdin(io::stdin()))
            }
            Source::File(path) => {
                let file = fs::File::open(path).map_err(|e| file::unreadable(path, &e))?;
                let metadata = file.metadata().map_err(|e| file::unreadable(path, &e))?;
                if metadata.is_dir() {
                    return Err(Failure::file(source, "a folder; expected a file"));
                }
                let length = metadata.is_file().then_some(metadata.len());
                Ok(Self::File(file, length))
            }
        }
    }

    /// Bytes to come, if that is known.
    pub const fn length(&self) -> Option<u64> {
        match self {
            Self::Stdin(_) => None,
            Self::File(_, length) => *length,
        }
    }

    /// A file with the same content that can be read twice: itself, or a nameless temporary copy.
    pub fn rewindable(mut self) -> io::Result<fs::File> {
        if let Self::File(file, Some(_)) = self {
            return Ok(file);
        }
        let mut copy = tempfile::tempfile()?;
        io::copy(&mut self, &mut copy)?;
        copy.rewind()?;
        Ok(copy)
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stdin(stdin) => stdin.read(buffer),
            Self::File(file, _) => file.read(buffer),
        }
    }
}

/// A file being written under no name of its own, until it is [kept](Staged::keep); dropped, nothing of it
/// is left.
pub struct Staged {
    place: Place,
    force: bool,
}

enum Place {
    Beside {
        file: NamedTempFile,
        path: PathBuf,
        _unfinished: Unfinished,
    },
    Device(fs::File, PathBuf),
    /// Copied to standard output when complete.
    Nameless(fs::File),
}

impl Staged {
    /// Begins a file.
    pub fn begin(target: &Target, access: Access, force: bool) -> Attempt<Self> {
        target.check(force)?;
        let place = match target {
            Target::Stdout => Place::Nameless(tempfile::tempfile().map_err(Failure::unexpected)?),
            Target::File(path) if file::is_device(path) => {
                let opened = fs::OpenOptions::new().write(true).open(path);
                let file = opened.map_err(|e| file::unwritable(path, &e))?;
                Place::Device(file, path.clone())
            }
            Target::File(path) => {
                let mode = match access {
                    Access::Public => 0o666,
                    Access::Secret => 0o600,
                };
                let file = Builder::new()
                    .prefix(".eligo-")
                    .permissions(fs::Permissions::from_mode(mode))
                    .tempfile_in(file::folder_of(path))
                    .map_err(|e| file::unwritable(path, &e))?;
                let _unfinished = Unfinished::at(file.path());
                let path = path.clone();
                Place::Beside {
                    file,
                    path,
                    _unfinished,
                }
            }
        };
        Ok(Self { place, force })
    }

    /// Puts the complete file in its place.
    pub fn keep(self) -> Attempt<()> {
        match self.place {
            Place::Beside { file, path, .. } => {
                let synced = file.as_file().sync_all();
                synced.map_err(|e| file::unwritable(&path, &e))?;
                file::persist(file, &path, self.force)?;
                file::sync_folder(&file::folder_of(&path));
                Ok(())
            }
            Place::Device(mut file, path) => file.flush().map_err(|e| file::unwritable(&path, &e)),
            Place::Nameless(mut file) => file::to_stdout(|out| {
                file.rewind()?;
                io::copy(&mut file, out).map(|_| ())
            }),
        }
    }

    /// The file's name in messages.
    pub fn name(&self) -> String {
        match &self.place {
            Place::Beside { path, .. } | Place::Device(_, path) => shown(path),
            Place::Nameless(_) => Target::Stdout.to_string(),
        }
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::Beside { file, .. } => file.write(bytes),
            Place::Device(file, _) | Place::Nameless(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            Place::Beside { file, .. } => file.flush(),
            Place::Device(file, _) | Place::Nameless(file) => file.flush(),
        }
    }
}
