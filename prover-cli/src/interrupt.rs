//! Interrupted runs leave nothing behind: unfinished files are known here and removed.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::{Mutex, PoisonError},
};

use crate::failure::{Attempt, Failure};

static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
/// Exit code of an interrupted program, by the shells' convention.
const INTERRUPTED: i32 = 130;

/// An unfinished file or folder, until dropped.
pub struct Unfinished(PathBuf);

impl Unfinished {
    /// Remembers a path to remove when the program is interrupted.
    pub fn at(path: &Path) -> Self {
        pending().push(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        pending().retain(|path| *path != self.0);
    }
}

fn pending() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From here on an interrupt or a request to terminate removes what is unfinished, then exits.
pub fn watch() -> Attempt<()> {
    ctrlc::set_handler(|| {
        // Held until the exit, so that nothing new begins.
        let pending = pending();
        for path in pending.iter() {
            let _ = if path.is_dir() {
                fs::remove_dir_all(path)
            } else {
                fs::remove_file(path)
            };
        }
        process::exit(INTERRUPTED);
    })
    .map_err(Failure::unexpected)
}
