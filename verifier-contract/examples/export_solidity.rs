//! Prints the Solidity gate (or, with `--verifier`, the verifier alone) for a key:
//! `cargo run -p eligo-verifier-contract --example export_solidity -- verification_key.json`.

use std::{env, error::Error, fs};

use eligo_verifier_contract::{snarkjs, solidity};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let file = words.iter().find(|word| !word.starts_with("--"));
    let key = snarkjs::read_key(&fs::read(file.ok_or("which verification_key.json?")?)?)?;
    let source = if words.iter().any(|word| word == "--verifier") {
        solidity::verifier(&key)?
    } else {
        solidity::gate(&key)?
    };
    print!("{source}");
    Ok(())
}
