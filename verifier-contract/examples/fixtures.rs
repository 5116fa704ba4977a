//! Writes `fixtures/vk` and `fixtures/evm` anew, except what snarkjs and solc make:
//! `cargo run -p eligo-verifier-contract --example fixtures`.

#[path = "../tests/contract/toy/mod.rs"]
mod toy;

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    for (path, content) in toy::files::all() {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}
