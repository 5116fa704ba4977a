//! Published vectors of the curve: EIP-2537 and Ethereum's signatures, held against both libraries.

use ark_bls12_381::{Bls12_381, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{PrimeField, Zero};
use serde_json::Value;

use crate::curve::{self, decode_g1, decode_g2, decode_scalar, encode_g1, encode_g2};
use crate::domain::hash_to_g2;
use crate::pairing;

const EIP_2537: &str = include_str!("../tests/vectors/eip-2537.json");
const ETHEREUM: &str = include_str!("../tests/vectors/ethereum-bls.json");
const ETHEREUM_DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// Bytes of a base field element, of G1 and G2 points in EIP-2537's encoding.
const FIELD: usize = 64;
const G1: usize = 2 * FIELD;
const G2: usize = 4 * FIELD;

fn cases(file: &str, name: &str) -> Vec<Value> {
    let parsed: Value = serde_json::from_str(file).unwrap();
    let cases = parsed[name].as_array().unwrap().clone();
    assert!(cases.len() >= 3);
    cases
}

fn bytes(case: &Value, name: &str) -> Vec<u8> {
    hex::decode(case[name].as_str().unwrap()).unwrap()
}

fn field(bytes: &[u8]) -> Fq {
    assert_eq!(bytes[..16], [0; 16]);
    Fq::from_be_bytes_mod_order(bytes)
}

/// A point by its coordinates; 0, 0 is the identity.
fn g1(bytes: &[u8]) -> G1Affine {
    let (x, y) = (field(&bytes[..FIELD]), field(&bytes[FIELD..]));
    if x.is_zero() && y.is_zero() {
        return G1Affine::identity();
    }
    let point = G1Affine::new(x, y);
    assert_eq!(decode_g1(&encode_g1(&point)), Ok(point));
    point
}

fn g2(bytes: &[u8]) -> G2Affine {
    let of = |i: usize| field(&bytes[i * FIELD..][..FIELD]);
    let (x, y) = (Fq2::new(of(0), of(1)), Fq2::new(of(2), of(3)));
    if x.is_zero() && y.is_zero() {
        return G2Affine::identity();
    }
    let point = G2Affine::new(x, y);
    assert_eq!(decode_g2(&encode_g2(&point)), Ok(point));
    point
}

#[test]
fn products_of_eip_2537() {
    for case in cases(EIP_2537, "mul_g1") {
        let (input, expected) = (bytes(&case, "Input"), g1(&bytes(&case, "Expected")));
        let (point, k) = (g1(&input[..G1]), Fr::from_be_bytes_mod_order(&input[G1..]));
        assert_eq!(curve::mul_g1(&point, &k), expected, "{case}");
        assert_eq!((point * k).into_affine(), expected, "{case}");
    }
    for case in cases(EIP_2537, "mul_g2") {
        let (input, expected) = (bytes(&case, "Input"), g2(&bytes(&case, "Expected")));
        let (point, k) = (g2(&input[..G2]), Fr::from_be_bytes_mod_order(&input[G2..]));
        assert_eq!(curve::mul_g2(&point, &k), expected, "{case}");
        assert_eq!((point * k).into_affine(), expected, "{case}");
    }
}

#[test]
fn pairings_of_eip_2537() {
    for case in cases(EIP_2537, "pairing") {
        let input = bytes(&case, "Input");
        let pairs: Vec<_> = input
            .chunks_exact(G1 + G2)
            .map(|pair| (g1(&pair[..G1]), g2(&pair[G1..])))
            .collect();
        let holds = bytes(&case, "Expected").last() == Some(&1);
        assert_eq!(pairing::is_one(&pairs), holds, "{case}");
        let (ps, qs): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let theirs = Bls12_381::multi_pairing(ps, qs);
        assert_eq!(theirs.is_zero(), holds, "{case}");
        // one by one, with lines computed beforehand where there are any
        let product = pairs.iter().fold(pairing::Gt::one(), |product, (p, q)| {
            product
                * if q.is_zero() {
                    pairing::pair(p, q)
                } else {
                    pairing::pair_prepared(p, &pairing::Prepared::new(q))
                }
        });
        assert_eq!(product.is_one(), holds, "{case}");
        assert_eq!(product.to_ark(), theirs, "{case}");
    }
}

/// Signatures in G2 under keys in G1, as proofs of possession of receiving keys are.
#[test]
fn signatures_of_ethereum() {
    for case in cases(ETHEREUM, "sign") {
        let secret = decode_scalar(&bytes(&case, "privkey")).unwrap();
        let (key, message) = (bytes(&case, "pubkey"), bytes(&case, "message"));
        let p1 = G1Affine::generator();
        assert_eq!(encode_g1(&curve::mul_g1(&p1, &secret)).as_slice(), key);
        let hash = hash_to_g2(ETHEREUM_DST, &message);
        let signature = curve::mul_g2(&hash, &secret);
        assert_eq!(
            encode_g2(&signature).as_slice(),
            bytes(&case, "signature"),
            "{case}"
        );
        assert_eq!((hash * secret).into_affine(), signature);
        // e(P1, sig) = e(key, H), and not for another message
        let key = decode_g1(&key).unwrap();
        assert!(pairing::is_one(&[(-p1, signature), (key, hash)]));
        let other = hash_to_g2(ETHEREUM_DST, b"another message");
        assert!(!pairing::is_one(&[(-p1, signature), (key, other)]));
    }
}

#[test]
fn aggregates_of_ethereum() {
    for case in cases(ETHEREUM, "aggregate") {
        let signatures = case["signatures"].as_array().unwrap();
        let decode = |text: &Value| decode_g2(&hex::decode(text.as_str().unwrap()).unwrap());
        let sum = signatures.iter().map(|text| decode(text).unwrap());
        let sum: ark_bls12_381::G2Projective = sum.map(G2Affine::into_group).sum();
        let sum = encode_g2(&sum.into_affine());
        assert_eq!(sum.as_slice(), bytes(&case, "aggregate"), "{case}");
    }
}
