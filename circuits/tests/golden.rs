//! Files written by earlier versions, which every version reads.
//!
//! `ELIGO_REGENERATE=1 cargo test -p eligo-circuits --test golden` writes them anew; only a new version of
//! a format is a reason to.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use ark_bn254::Fr;
use eligo_circuits::{
    credential::{Credential, Grounds},
    issuer::{IssuerKey, IssuerPublic},
    statement::HolderSecret,
};
use eligo_records::{
    cell::{Cells, Layout},
    civil::CivilDay,
    schema::shipped,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/golden")
        .join(name)
}

fn write_anew() {
    let mut rng = ChaCha20Rng::seed_from_u64(2026);
    let schema = shipped("bench-64").unwrap();
    let layout = Layout::of(schema);
    let key = IssuerKey::generate("Golden Hospital", &mut rng).unwrap();
    let grounds = Grounds {
        schema,
        cells: Cells::new(&layout, vec![0; layout.places().len()]).unwrap(),
        holder: HolderSecret::new(Fr::from(2026)).holder(),
        sealed: Fr::from(0),
        issued: CivilDay::parse("2026-01-01").unwrap(),
        expires: CivilDay::parse("2027-01-01").unwrap(),
    };
    let credential = Credential::issue(&key, grounds, &mut rng).unwrap();
    std::fs::create_dir_all(file("")).unwrap();
    std::fs::write(
        file("issuer-secret-v1.json"),
        key.to_json().unwrap().as_bytes(),
    )
    .unwrap();
    std::fs::write(
        file("issuer-public-v1.json"),
        key.public().to_json().unwrap(),
    )
    .unwrap();
    std::fs::write(
        file("credential-v1.json"),
        credential.to_json(schema).unwrap(),
    )
    .unwrap();
}

#[test]
fn keys_and_credentials_of_version_1_are_read() {
    if std::env::var_os("ELIGO_REGENERATE").is_some() {
        write_anew();
    }
    let read = |name| std::fs::read(file(name)).unwrap();
    let key = IssuerKey::from_json(&read("issuer-secret-v1.json")).unwrap();
    let public = IssuerPublic::from_json(&read("issuer-public-v1.json")).unwrap();
    assert_eq!(key.public(), public);

    let bytes = read("credential-v1.json");
    assert_eq!(Credential::schema_of(&bytes).unwrap().name, "bench-64");
    let schema = shipped("bench-64").unwrap();
    let credential = Credential::from_json(&bytes, schema).unwrap();
    assert_eq!(credential.issuer(), &public);
    let secret = HolderSecret::new(Fr::from(2026));
    let today = CivilDay::parse("2026-06-01").unwrap();
    assert_eq!(credential.usable(&secret, today), Ok(()));
    // And writes back the same bytes.
    assert_eq!(credential.to_json(schema).unwrap().as_bytes(), bytes);
}
