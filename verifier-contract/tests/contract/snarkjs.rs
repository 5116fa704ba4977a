//! snarkjs's files, both ways, and what is refused of them.

use std::{fs, path::PathBuf};

use crate::toy::{Toy, inputs, stock_accepts};
use ark_bn254::Fr;
use ark_ff::PrimeField;
use eligo_verifier_contract::{
    Fr as Element, PROOF_BYTES, Proof, ProofError, VerifyError,
    field::FieldError,
    point::Place,
    snarkjs::{self, At, Expected, SnarkjsError},
    verify_inputs,
};
use proptest::prelude::*;

const R: &str = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
const Q: &str = "21888242871839275222246405745257275088696311157297823662689037894645226208583";

fn fixture(path: &str) -> Vec<u8> {
    fs::read(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../fixtures/vk")
            .join(path),
    )
    .unwrap()
}

fn text(path: &str) -> String {
    String::from_utf8(fixture(path)).unwrap()
}

/// The files are what their generator writes, byte for byte, for ever after.
#[test]
fn fixtures_are_reproducible() {
    for (path, content) in crate::toy::files::all() {
        assert_eq!(text(&format!("../{path}")), content, "{path}");
    }
}

#[test]
fn good_files_verify() {
    let key = snarkjs::read_key(&fixture("good/verification_key.json")).unwrap();
    let proof = snarkjs::read_proof(&fixture("good/proof.json")).unwrap();
    let public = snarkjs::read_public(&fixture("good/public.json")).unwrap();
    assert_eq!(public, inputs().to_field_elements());
    assert_eq!(verify_inputs(&key.into(), &proof, &public), Ok(()));
}

#[test]
fn bad_keys_are_refused_though_their_proofs_pass_stock() {
    for bad in crate::toy::bad::all() {
        let file = fixture(&format!("{}/verification_key.json", bad.name));
        let error = snarkjs::read_key(&file).unwrap_err();
        assert!(
            matches!(error, SnarkjsError::Unsafe(_)),
            "{}: {error}",
            bad.name
        );
        let parts = snarkjs::read_key_parts(&file).unwrap();
        let proof = snarkjs::read_proof(&fixture(&format!("{}/proof.json", bad.name))).unwrap();
        let public = fixture(&format!("{}/public.json", bad.name));
        let public = snarkjs::read_public(&public).unwrap();
        assert!(stock_accepts(&parts, &proof, &public), "{}", bad.name);
    }
}

/// Files of a snarkjs set-up and prover: see `interop`.
#[test]
fn proofs_made_by_snarkjs_verify() {
    let key = snarkjs::read_key(&fixture("snarkjs/verification_key.json")).unwrap();
    let proof = snarkjs::read_proof(&fixture("snarkjs/proof.json")).unwrap();
    let mut public = snarkjs::read_public(&fixture("snarkjs/public.json")).unwrap();
    // Byte for byte what snarkjs writes, the redundant pairing included; only it ends no line.
    assert_eq!(
        snarkjs::write_key(&key).trim_end(),
        text("snarkjs/verification_key.json")
    );
    assert_eq!(
        snarkjs::write_proof(&proof).trim_end(),
        text("snarkjs/proof.json")
    );
    assert_eq!(
        snarkjs::write_public(&public).trim_end(),
        text("snarkjs/public.json")
    );
    let key = key.into();
    assert_eq!(verify_inputs(&key, &proof, &public), Ok(()));
    public[0] += Fr::from(1);
    assert_eq!(
        verify_inputs(&key, &proof, &public),
        Err(VerifyError::Rejected)
    );
}

#[test]
fn numbers_from_the_modulus_on_are_refused() {
    let public = text("good/public.json");
    let first = public
        .lines()
        .nth(1)
        .unwrap()
        .trim()
        .trim_matches([',', '"'])
        .to_owned();
    let plus_r = num_bigint::BigUint::parse_bytes(first.as_bytes(), 10).unwrap()
        + num_bigint::BigUint::parse_bytes(R.as_bytes(), 10).unwrap();
    for (bad, error) in [
        (plus_r.to_string(), FieldError::NotCanonical),
        (R.to_owned(), FieldError::NotCanonical),
        (format!("0{first}"), FieldError::LeadingZero),
        (format!("-{first}"), FieldError::NotDecimal),
        (format!("0x{first}"), FieldError::NotDecimal),
        (String::new(), FieldError::NotDecimal),
    ] {
        let file = public.replacen(&first, &bad, 1);
        let at = At::Input(0);
        assert_eq!(
            snarkjs::read_public(file.as_bytes()),
            Err(SnarkjsError::Number { at, error }),
            "{bad}"
        );
    }
    // The same proof with a coordinate written as x + q.
    let proof = text("good/proof.json");
    let x = proof
        .lines()
        .nth(2)
        .unwrap()
        .trim()
        .trim_matches([',', '"'])
        .to_owned();
    let plus_q = num_bigint::BigUint::parse_bytes(x.as_bytes(), 10).unwrap()
        + num_bigint::BigUint::parse_bytes(Q.as_bytes(), 10).unwrap();
    let file = proof.replacen(&x, &plus_q.to_string(), 1);
    let (at, error) = (At::Point(Place::PiA), FieldError::NotCanonical);
    assert_eq!(
        snarkjs::read_proof(file.as_bytes()),
        Err(SnarkjsError::Number { at, error })
    );
}

#[test]
fn malformed_proofs() {
    let good = text("good/proof.json");
    let json = |file: &str| match snarkjs::read_proof(file.as_bytes()) {
        Err(SnarkjsError::Json { expected, .. }) => assert_eq!(expected, Expected::Proof),
        other => panic!("{file}: {other:?}"),
    };
    let nested = "[".repeat(10_000);
    for file in ["", "{}", "[]", "null", "{", "\u{feff}{}", &nested] {
        json(file);
    }
    json(&good.replace("pi_b", "pi_d"));
    json(&format!("{good}x"));
    json(&good.replacen("\"1\"\n", "1\n", 1)); // a number, not a string
    json(&good.replacen("\"1\"\n", "\"1\", \"1\"\n", 1)); // four coordinates
    json(&good.replace(
        "\"protocol\"",
        "\"pi_a\": [\"1\", \"2\", \"1\"], \"protocol\"",
    )); // twice
    json(&good.replace("groth16", "gr\\u006fth16")); // escapes are not how anyone writes this
    json(&good.replace("\"groth16\"", "{\"a\": \"groth16\"}"));
    let cut = &good[..good.len() - 30];
    json(cut);
    let other = |file: String, error: SnarkjsError| {
        assert_eq!(snarkjs::read_proof(file.as_bytes()), Err(error), "{file}");
    };
    other(good.replace("groth16", "plonk"), SnarkjsError::Protocol);
    other(good.replace("bn128", "bls12381"), SnarkjsError::Curve);
    other(
        good.replacen("\"1\"\n", "\"2\"\n", 1),
        SnarkjsError::NotAffine(Place::PiA),
    );
    other(
        good.replacen("\"1\"\n", "\"0\"\n", 1),
        SnarkjsError::NotAffine(Place::PiA),
    );
    other(
        good.replace("\"1\",\n   \"0\"", "\"1\",\n   \"1\""),
        SnarkjsError::NotAffine(Place::PiB),
    );
    let limit = snarkjs::PROOF_LIMIT;
    let long = format!("{good}{}", " ".repeat(limit));
    let length = long.len();
    other(long, SnarkjsError::TooLong { length, limit });
}

#[test]
fn points_are_checked() {
    let good = text("good/proof.json");
    let lines: Vec<&str> = good.lines().collect();
    let refused = |file: &str, place: Place| match snarkjs::read_proof(file.as_bytes()) {
        Err(SnarkjsError::Proof(ProofError::Point { place: at, .. })) => assert_eq!(at, place),
        other => panic!("{file}: {other:?}"),
    };
    let a = |x: &str, y: &str, z: &str| {
        let mut lines: Vec<String> = lines.iter().map(|l| l.to_string()).collect();
        lines[2] = format!("\"{x}\",");
        lines[3] = format!("\"{y}\",");
        lines[4] = format!("\"{z}\"");
        lines.join("\n")
    };
    refused(&a("1", "1", "1"), Place::PiA);
    refused(&a("0", "1", "0"), Place::PiA); // the identity, as snarkjs writes it
    assert!(snarkjs::read_proof(a("1", "2", "1").as_bytes()).is_ok());
    assert!(snarkjs::read_proof(a("0", "0", "1").as_bytes()).is_err());
    let swapped = good.replacen(lines[9].trim(), lines[8].trim().trim_matches(','), 1);
    refused(&swapped, Place::PiB);
}

#[test]
fn malformed_keys() {
    let good = text("good/verification_key.json");
    let read = |file: &str| snarkjs::read_key(file.as_bytes());
    let count = |n_public, bases| Err(SnarkjsError::Count { n_public, bases });
    assert_eq!(
        read(&good.replace("\"nPublic\": 6", "\"nPublic\": 5")),
        count(5, 7)
    );
    assert_eq!(
        read(&good.replace("\"nPublic\": 6", "\"nPublic\": 7")),
        count(7, 7)
    );
    let huge = format!("\"nPublic\": {}", u64::MAX);
    assert_eq!(
        read(&good.replace("\"nPublic\": 6", &huge)),
        count(u64::MAX, 7)
    );
    for bad in ["-1", "6.0", "6e0", "\"6\"", "null", "1e400"] {
        let file = good.replace("\"nPublic\": 6", &format!("\"nPublic\": {bad}"));
        assert!(
            matches!(read(&file), Err(SnarkjsError::Json { .. })),
            "{bad}"
        );
    }
    // The redundant pairing is not believed.
    let at = good.find("vk_alphabeta_12").unwrap();
    let end = good.find("\"IC\"").unwrap();
    let lied = format!("{}vk_alphabeta_12\": 5,\n {}", &good[..at], &good[end..]);
    assert_eq!(read(&lied).unwrap(), read(&good).unwrap());
    let without = format!("{}{}", &good[..at - 1], &good[end..]);
    assert_eq!(read(&without).unwrap(), read(&good).unwrap());
    // More bases than any statement has are counted without being kept.
    let many = vec!["[\"1\",\"2\",\"1\"]"; 3000].join(",");
    let many = format!(
        "{}\"nPublic\": 2999, \"IC\": [{many}]}}",
        &good[..end].replace("\"nPublic\": 6,", "")
    );
    assert_eq!(read(&many), Err(SnarkjsError::TooMany));
}

#[test]
fn public_inputs_are_limited() {
    let many = format!("[{}]", vec!["\"1\""; 1025].join(","));
    assert_eq!(
        snarkjs::read_public(many.as_bytes()),
        Err(SnarkjsError::TooMany)
    );
    let many = format!("[{}]", vec!["\"1\""; 5000].join(","));
    assert_eq!(
        snarkjs::read_public(many.as_bytes()),
        Err(SnarkjsError::TooMany)
    );
    let most = format!("[{}]", vec!["\"1\""; 1024].join(","));
    assert_eq!(snarkjs::read_public(most.as_bytes()).unwrap().len(), 1024);
    assert_eq!(snarkjs::read_public(b"[]"), Ok(vec![]));
    for bad in [
        &b"[1]"[..],
        b"{}",
        b"\"1\"",
        b"[\"1\",]",
        b"[\"1\"] 2",
        b"[[\"1\"]]",
        b"\xff",
    ] {
        assert!(matches!(
            snarkjs::read_public(bad),
            Err(SnarkjsError::Json { .. })
        ));
    }
}

fn proofs() -> impl Strategy<Value = Proof> {
    (1..u64::MAX, 1..u64::MAX, 1..u64::MAX).prop_map(|(a, b, c)| {
        use ark_ec::AffineRepr;
        let (one, two) = (
            ark_bn254::G1Affine::generator(),
            ark_bn254::G2Affine::generator(),
        );
        let b = (two * Fr::from(b)).into();
        Proof::new((one * Fr::from(a)).into(), b, (one * Fr::from(c)).into()).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn proofs_round_trip(proof in proofs()) {
        prop_assert_eq!(Proof::from_bytes(&proof.to_bytes()), Ok(proof));
        prop_assert_eq!(Proof::from_bytes(&proof.to_uncompressed_bytes()), Ok(proof));
        prop_assert_eq!(snarkjs::read_proof(snarkjs::write_proof(&proof).as_bytes()), Ok(proof));
    }

    /// Whatever is read is written back the same: there is one encoding.
    #[test]
    fn one_encoding(proof in proofs(), at in 0..PROOF_BYTES, bit in 0..8) {
        let mut bytes = proof.to_bytes();
        bytes[at] ^= 1u8 << bit;
        if let Ok(other) = Proof::from_bytes(&bytes) {
            prop_assert_ne!(other, proof);
            prop_assert_eq!(other.to_bytes(), bytes);
        }
        let mut long = proof.to_uncompressed_bytes();
        long[at * 2] ^= 1u8 << bit;
        prop_assert!(Proof::from_bytes(&long).is_err());
    }

    #[test]
    fn inputs_round_trip(bytes: Vec<[u8; 32]>) {
        let inputs: Vec<Element> =
            bytes.iter().map(|b| Element::from_be_bytes_mod_order(b)).collect();
        let file = snarkjs::write_public(&inputs);
        prop_assert_eq!(snarkjs::read_public(file.as_bytes()), Ok(inputs));
    }

    #[test]
    fn keys_round_trip(inputs in 0..4usize, seed: u64) {
        let key = Toy::new(inputs, seed).key();
        prop_assert_eq!(&snarkjs::read_key(snarkjs::write_key(&key).as_bytes()).unwrap(), &key);
    }

    #[test]
    fn noise_never_panics(bytes: Vec<u8>) {
        let _ = snarkjs::read_proof(&bytes);
        let _ = snarkjs::read_key(&bytes);
        let _ = snarkjs::read_public(&bytes);
        let _ = Proof::from_bytes(&bytes);
    }
}

#[test]
fn lengths_of_proofs() {
    for length in [0, 127, 129, 255, 257] {
        assert_eq!(
            Proof::from_bytes(&vec![0; length]),
            Err(ProofError::Length(length))
        );
    }
    assert!(Proof::from_bytes(&[0; 128]).is_err());
    assert!(Proof::from_bytes(&[0; 256]).is_err());
    let infinity = {
        let mut bytes = [0; 128];
        for at in [31, 95, 127] {
            bytes[at] = 0x40;
        }
        bytes
    };
    assert!(matches!(
        Proof::from_bytes(&infinity),
        Err(ProofError::Point {
            place: Place::PiA,
            ..
        })
    ));
}
