//! The checked-in vectors are what the code makes, and what it reads.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../examples/vectors.rs"]
mod generator;

use eligo_sharing::wallet::{Passphrase, Wallet};
use serde_json::Value;

fn file(name: &str) -> Value {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// After a deliberate change: `cargo run -p eligo-sharing --example vectors`.
#[test]
fn vectors_are_current() {
    for (name, value) in generator::generate() {
        assert!(
            file(name) == value,
            "vectors/{name}.json is not what the code makes"
        );
    }
}

#[test]
fn a_kept_wallet_file_still_opens() {
    let file = &file("wallet")["file"];
    let text = |name: &str| file[name].as_str().unwrap().to_owned();
    let passphrase = Passphrase::new(text("passphrase")).unwrap();
    let wallet = Wallet::open(text("text").as_bytes(), &passphrase).unwrap();
    assert_eq!(hex::encode(wallet.seed().expose()), text("seed"));
}
