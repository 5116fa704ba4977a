//! Folders of files that belong together: written whole or not at all.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use tempfile::Builder;

use crate::{
    failure::{Attempt, Failure, shown},
    file::{self, Access, exists, folder_of, sync_folder, unwritable},
    interrupt::Unfinished,
};

/// A file of the folder: its name and content.
pub type Part = (&'static str, Vec<u8>);

/// Refuses, before any work is done, a folder in which one of the files exists already.
pub fn check(path: &Path, names: &[&str], force: bool) -> Attempt<()> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    if !path.is_dir() {
        return Err(Failure::usage("a file; expected a folder").of(shown(path)));
    }
    match names.iter().map(|n| path.join(n)).find(|p| p.exists()) {
        Some(taken) if !force => Err(exists(&taken)),
        _ => Ok(()),
    }
}

/// Writes a folder. A new one appears with all its files at once; in one that exists each file is
/// replaced whole.
pub fn write(path: &Path, parts: &[Part], force: bool) -> Attempt<()> {
    let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
    check(path, &names, force)?;
    if path.is_dir() {
        return parts.iter().try_for_each(|(name, bytes)| {
            file::write(&path.join(name), bytes, Access::Public, force)
        });
    }
    let parent = folder_of(path);
    let failed = |e: io::Error| unwritable(path, &e);
    fs::create_dir_all(&parent).map_err(failed)?;
    let staged = Builder::new()
        .prefix(".eligo-")
        .permissions(fs::Permissions::from_mode(0o777))
        .tempdir_in(&parent)
        .map_err(failed)?;
    let _unfinished = Unfinished::at(staged.path());
    for (name, bytes) in parts {
        let mut file = fs::File::create_new(staged.path().join(name)).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        file.sync_all().map_err(failed)?;
    }
    sync_folder(staged.path());
    fs::rename(staged.path(), path).map_err(failed)?;
    // The folder lives on under its own name; there is nothing left to remove.
    let _ = staged.keep();
    sync_folder(&parent);
    Ok(())
}
