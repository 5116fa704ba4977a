//! Files: read with a limit, written whole or not at all, never over another without `--force`.

use std::{
    convert::Infallible,
    fmt, fs,
    io::{self, Read, Write},
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering},
};

use tempfile::{Builder, NamedTempFile};
use zeroize::Zeroizing;

use crate::{
    console::Console,
    failure::{Attempt, Failure, Kind, shown},
    interrupt::Unfinished,
};

/// Whether only the owner may read what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// As the umask says.
    Public,
    /// Only the owner: 0600.
    Secret,
}

/// Where a command reads: a file, or standard input for `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// Where a command writes: a file, or standard output for `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "-" => Self::Stdin,
            path => Self::File(path.into()),
        })
    }
}

impl FromStr for Target {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "-" => Self::Stdout,
            path => Self::File(path.into()),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

static STDIN_TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes standard input for one argument; a second one is refused.
pub fn take_stdin() -> Attempt<()> {
    if STDIN_TAKEN.swap(true, Ordering::Relaxed) {
        return Err(Failure::usage("two arguments read standard input (`-`)")
            .help("give all but one of them as files"));
    }
    Ok(())
}

impl Source {
    /// Reads at most `limit` bytes; more is refused.
    pub fn read(&self, limit: usize) -> Attempt<Vec<u8>> {
        match self {
            Self::Stdin => {
                take_stdin()?;
                bounded(io::stdin().lock(), limit, self)
            }
            Self::File(path) => {
                let file = fs::File::open(path).map_err(|e| unreadable(path, &e))?;
                if file.metadata().is_ok_and(|m| m.is_dir()) {
                    return Err(Failure::file(self, "a folder; expected a file"));
                }
                bounded(file, limit, self)
            }
        }
    }

    /// Reads a secret; warns when others can read the file too.
    pub fn read_secret(&self, limit: usize, console: &Console) -> Attempt<Zeroizing<Vec<u8>>> {
        if let Self::File(path) = self {
            warn_if_open(path, console);
        }
        self.read(limit).map(Zeroizing::new)
    }

    /// Reads text.
    pub fn read_text(&self, limit: usize) -> Attempt<String> {
        String::from_utf8(self.read(limit)?).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            Failure::file(self, "not UTF-8 text").at(format!("byte {at}"))
        })
    }
}

/// A file that cannot be opened.
pub fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::file(shown(path), plain(error));
    match error.kind() {
        io::ErrorKind::NotFound => failure.help("check the path"),
        io::ErrorKind::PermissionDenied => failure.help("check the file's permissions"),
        _ => failure,
    }
}

/// An I/O error without its number.
pub fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn bounded(reader: impl Read, limit: usize, source: &Source) -> Attempt<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|e| Failure::file(source, plain(&e)))?;
    if bytes.len() > limit {
        let what = format!("more than {limit} bytes; expected at most that many");
        return Err(Failure::file(source, what));
    }
    Ok(bytes)
}

fn warn_if_open(path: &Path, console: &Console) {
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    let mode = metadata.permissions().mode() & 0o777;
    if metadata.is_file() && mode & 0o077 != 0 {
        console.warn(format!(
            "{}: others can read this secret (mode {mode:03o}); run `chmod 600` on it",
            shown(path)
        ));
    }
}

impl Target {
    /// Whether it is standard output.
    pub const fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// Refuses, before any work is done, a file that exists (unless `force`) or has no folder.
    pub fn check(&self, force: bool) -> Attempt<()> {
        match self {
            Self::Stdout => Ok(()),
            Self::File(path) => check_free(path, force),
        }
    }

    /// Writes the whole content or nothing.
    pub fn write(&self, bytes: &[u8], access: Access, force: bool) -> Attempt<()> {
        match self {
            Self::Stdout => to_stdout(|out| out.write_all(bytes)),
            Self::File(path) => write(path, bytes, access, force),
        }
    }
}

/// Writes an artefact to standard output. A reader that went away, as `head` does, is no failure.
pub fn to_stdout(write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>) -> Attempt<()> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::unexpected(plain(&e)).of(Target::Stdout))
        }
        _ => Ok(()),
    }
}

/// Refuses a path that is taken (unless `force`), or whose folder does not exist.
pub fn check_free(path: &Path, force: bool) -> Attempt<()> {
    if path.symlink_metadata().is_ok() {
        if path.is_dir() {
            return Err(Failure::usage("a folder; expected the name of a file").of(shown(path)));
        }
        if !force && !is_device(path) {
            return Err(exists(path));
        }
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(Failure::usage("its folder does not exist")
            .of(shown(path))
            .help(format!("make it first: mkdir -p {}", shown(&folder))));
    }
    Ok(())
}

/// A path that is already taken.
pub fn exists(path: &Path) -> Failure {
    Failure::usage("exists already; nothing was written")
        .of(shown(path))
        .help("choose another name, or add --force to overwrite it")
}

/// Whether a path is a device, a pipe or a socket: written to as it is.
pub fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| {
        let kind = m.file_type();
        kind.is_char_device() || kind.is_fifo() || kind.is_socket()
    })
}

/// The folder a path lies in.
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Writes a file: a temporary one in the same folder, flushed to disk, then renamed.
pub fn write(path: &Path, bytes: &[u8], access: Access, force: bool) -> Attempt<()> {
    check_free(path, force)?;
    if is_device(path) {
        return fs::write(path, bytes).map_err(|e| unwritable(path, &e));
    }
    let failed = |e: io::Error| unwritable(path, &e);
    let mode = match access {
        Access::Public => 0o666,
        Access::Secret => 0o600,
    };
    let mut file = Builder::new()
        .prefix(".eligo-")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder_of(path))
        .map_err(failed)?;
    let _unfinished = Unfinished::at(file.path());
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    persist(file, path, force)?;
    sync_folder(&folder_of(path));
    Ok(())
}

/// Gives a temporary file its name.
pub fn persist(file: NamedTempFile, path: &Path, force: bool) -> Attempt<()> {
    let persisted = if force {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    match persisted {
        Ok(_) => Ok(()),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(path)),
        Err(e) => Err(unwritable(path, &e.error)),
    }
}

/// Makes a rename in a folder durable; systems that cannot sync folders do so on their own.
pub fn sync_folder(folder: &Path) {
    let _ = fs::File::open(folder).and_then(|f| f.sync_all());
}

/// Makes a folder, if it is not there.
pub fn make_folder(path: &Path) -> Attempt<()> {
    fs::create_dir_all(path).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            Failure::usage("a file is where the folder should be")
                .of(shown(path))
                .help("name another folder")
        }
        _ => unwritable(path, &e),
    })
}

/// A file that cannot be written.
pub fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Kind::Unexpected,
        format!("cannot be written: {}", plain(error)),
    )
    .of(shown(path))
    .help("check the folder's permissions and free space")
}
