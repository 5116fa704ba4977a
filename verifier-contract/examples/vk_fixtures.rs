//! Writes `fixtures/vk` anew: `cargo run -p eligo-verifier-contract --example vk_fixtures`.

#[path = "../tests/toy/mod.rs"]
mod toy;

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/vk");
    for (path, content) in toy::files::all() {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}
