//! `verification_key.json`.

use alloc::{string::String, vec::Vec};

use ark_bn254::{Bn254, Fq12};
use ark_ec::pairing::Pairing;
use serde::Deserialize;

use super::{
    Expected, G1Text, G2Text, KEY_LIMIT, SnarkjsError, fq2_json, g1_json, g2_json,
    json::{Bounded, Json, parse},
    proof::check_names,
    read_g1, read_g2,
};
use crate::{
    key::{KeyParts, VerifyingKey},
    point::Place,
};

/// `vk_alphabeta_12` is not read: it follows from alpha and beta, and a wrong one would change what
/// verifies.
#[derive(Deserialize)]
struct KeyFile<'a> {
    protocol: &'a str,
    curve: &'a str,
    #[serde(rename = "nPublic")]
    n_public: u64,
    #[serde(borrow)]
    vk_alpha_1: G1Text<'a>,
    #[serde(borrow)]
    vk_beta_2: G2Text<'a>,
    #[serde(borrow)]
    vk_gamma_2: G2Text<'a>,
    #[serde(borrow)]
    vk_delta_2: G2Text<'a>,
    #[serde(borrow, rename = "IC")]
    ic: Bounded<G1Text<'a>>,
}

/// Reads `verification_key.json` and lints it.
pub fn read_key(bytes: &[u8]) -> Result<VerifyingKey, SnarkjsError> {
    Ok(VerifyingKey::new(read_key_parts(bytes)?)?)
}

/// Reads the points of `verification_key.json` without linting them: for a report of everything
/// that is wrong with a key.
pub fn read_key_parts(bytes: &[u8]) -> Result<KeyParts, SnarkjsError> {
    let file: KeyFile<'_> = parse(bytes, KEY_LIMIT, Expected::Key)?;
    check_names(file.protocol, file.curve)?;
    if file.ic.cut() {
        return Err(SnarkjsError::TooMany);
    }
    let bases = file.ic.items().len();
    if file.n_public.checked_add(1) != Some(bases as u64) {
        let n_public = file.n_public;
        return Err(SnarkjsError::Count { n_public, bases });
    }
    let ic = file.ic.items().iter().enumerate();
    Ok(KeyParts {
        alpha: read_g1(&file.vk_alpha_1, Place::Alpha)?,
        beta: read_g2(&file.vk_beta_2, Place::Beta)?,
        gamma: read_g2(&file.vk_gamma_2, Place::Gamma)?,
        delta: read_g2(&file.vk_delta_2, Place::Delta)?,
        ic: ic
            .map(|(i, point)| read_g1(point, Place::Ic(i)))
            .collect::<Result<Vec<_>, _>>()?,
    })
}

/// Writes `verification_key.json`.
pub fn write_key(key: &VerifyingKey) -> String {
    let parts = key.parts();
    Json::Object(alloc::vec![
        ("protocol", Json::text("groth16")),
        ("curve", Json::text("bn128")),
        ("nPublic", Json::Number(key.inputs())),
        ("vk_alpha_1", g1_json(&parts.alpha)),
        ("vk_beta_2", g2_json(&parts.beta)),
        ("vk_gamma_2", g2_json(&parts.gamma)),
        ("vk_delta_2", g2_json(&parts.delta)),
        ("vk_alphabeta_12", fq12_json(&alpha_beta(parts))),
        ("IC", Json::list(parts.ic.iter().map(g1_json))),
    ])
    .to_file()
}

/// snarkjs's `e(alpha, beta)`.
fn alpha_beta(parts: &KeyParts) -> Fq12 {
    Bn254::pairing(parts.alpha, parts.beta).0
}

fn fq12_json(x: &Fq12) -> Json {
    Json::list([&x.c0, &x.c1].map(|half| Json::list([&half.c0, &half.c1, &half.c2].map(fq2_json))))
}
