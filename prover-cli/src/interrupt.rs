//! Interrupted runs leave nothing behind: unfinished files are known here and removed.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
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

static PATIENT: AtomicBool = AtomicBool::new(false);
static STOP: AtomicBool = AtomicBool::new(false);

/// From here on the first interrupt only asks to stop, which [`going`] then says; the second does not ask.
pub fn be_patient() {
    PATIENT.store(true, Ordering::Relaxed);
}

/// Whether nobody asked to stop.
pub fn going() -> bool {
    !STOP.load(Ordering::Relaxed)
}

/// From here on an interrupt or a request to terminate removes what is unfinished, then exits.
pub fn watch() -> Attempt<()> {
    ctrlc::set_handler(|| {
        if PATIENT.load(Ordering::Relaxed) && !STOP.swap(true, Ordering::Relaxed) {
            return;
        }
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
