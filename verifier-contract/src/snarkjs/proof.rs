//! `proof.json`.

use alloc::string::String;

use serde::Deserialize;

use super::{
    Expected, G1Text, G2Text, PROOF_LIMIT, SnarkjsError, g1_json, g2_json,
    json::{Json, parse},
    read_g1, read_g2,
};
use crate::{point::Place, proof::Proof};

#[derive(Deserialize)]
struct ProofFile<'a> {
    #[serde(borrow)]
    pi_a: G1Text<'a>,
    #[serde(borrow)]
    pi_b: G2Text<'a>,
    #[serde(borrow)]
    pi_c: G1Text<'a>,
    protocol: &'a str,
    curve: &'a str,
}

/// Reads `proof.json`; the points are checked as [`Proof::new`] does.
pub fn read_proof(bytes: &[u8]) -> Result<Proof, SnarkjsError> {
    let file: ProofFile<'_> = parse(bytes, PROOF_LIMIT, Expected::Proof)?;
    check_names(file.protocol, file.curve)?;
    Ok(Proof::new(
        read_g1(&file.pi_a, Place::PiA)?,
        read_g2(&file.pi_b, Place::PiB)?,
        read_g1(&file.pi_c, Place::PiC)?,
    )?)
}

/// Writes `proof.json`.
pub fn write_proof(proof: &Proof) -> String {
    Json::Object(alloc::vec![
        ("pi_a", g1_json(proof.a())),
        ("pi_b", g2_json(proof.b())),
        ("pi_c", g1_json(proof.c())),
        ("protocol", Json::text("groth16")),
        ("curve", Json::text("bn128")),
    ])
    .to_file()
}

pub(super) fn check_names(protocol: &str, curve: &str) -> Result<(), SnarkjsError> {
    match (protocol, curve) {
        ("groth16", "bn128") => Ok(()),
        ("groth16", _) => Err(SnarkjsError::Curve),
        _ => Err(SnarkjsError::Protocol),
    }
}
