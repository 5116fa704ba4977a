//! The shape of the reference circuits: constraints by part, columns, and the digest of the matrices.
//!
//! A change here changes every key. Regenerate on purpose only:
//! `ELIGO_REGENERATE=1 cargo test -p eligo-circuits --test pinned`.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use eligo_circuits::statement::scenario::{Scenario, meeting};
use eligo_records::{cell::Layout, civil::CivilDay, requirement::Requirement, schema::shipped};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde_json::{Value, json};

fn scenario(name: &str, issuers: usize) -> Scenario {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/bench");
    let text = std::fs::read_to_string(root.join(format!("{name}.toml"))).unwrap();
    let requirement = Requirement::from_toml(&text).unwrap();
    let schema = shipped(requirement.schema().name()).unwrap();
    let program = requirement.check(schema).unwrap().program().clone();
    let layout = Layout::of(schema);
    let today = CivilDay::parse("2021-06-01").unwrap();
    let cells = meeting(&layout, program.formula(), today).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(64);
    Scenario::new(layout, program, cells, today, issuers, &mut rng).unwrap()
}

fn shape(name: &str, issuers: usize) -> Value {
    let scenario = scenario(name, issuers);
    let (r1cs, parts) = scenario.statement.shape();
    assert_eq!(r1cs.violated(&scenario.assign()), None, "{name}");
    let digest: String = r1cs.digest().iter().map(|b| format!("{b:02x}")).collect();
    json!({
        "constraints": r1cs.constraints(),
        "columns": r1cs.columns(),
        "public": r1cs.instance - 1,
        "parts": parts,
        "matrices": digest,
    })
}

#[test]
fn the_reference_circuits_keep_their_shape_and_their_limits() {
    let shapes = json!({
        "r64, 1 issuer": shape("r64", 1),
        "r64, 64 issuers": shape("r64", 64),
        "r1000, 1 issuer": shape("r1000", 1),
        "r1000-all, 1 issuer": shape("r1000-all", 1),
    });
    let constraints = |name: &str| shapes[name]["constraints"].as_u64().unwrap();
    assert!(constraints("r64, 1 issuer") <= 5_000);
    assert!(constraints("r1000, 1 issuer") <= 12_000);
    for shape in shapes.as_object().unwrap().values() {
        assert!(shape["parts"]["signature"].as_u64().unwrap() <= 2_100);
    }

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pinned.json");
    if std::env::var_os("ELIGO_REGENERATE").is_some() {
        let text = serde_json::to_string_pretty(&shapes).unwrap();
        std::fs::write(&path, text + "\n").unwrap();
    }
    let pinned: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(shapes, pinned);
}
