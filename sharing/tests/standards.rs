//! Published vectors of the primitives that are used as they come: Wycheproof, RFC 8439, EIP-2537.

#![allow(missing_docs, clippy::unwrap_used)]

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use ed25519_dalek::{Signature, VerifyingKey};
use eligo_sharing::curve::PointError;
use eligo_sharing::keys::{ReceivingPublicKey, RecordPublicKey};
use eligo_sharing::letter::LetterPublicKey;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

fn tests(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let parsed: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    parsed["tests"].as_array().unwrap().clone()
}

fn bytes(test: &Value, name: &str) -> Vec<u8> {
    hex::decode(test[name].as_str().unwrap()).unwrap()
}

#[test]
fn chacha20_poly1305_of_wycheproof() {
    let (mut valid, mut invalid) = (0, 0);
    for test in tests("chacha20-poly1305.json") {
        let cipher = ChaCha20Poly1305::new(Key::from_slice(&bytes(&test, "key")));
        let (nonce, aad, msg) = (bytes(&test, "iv"), bytes(&test, "aad"), bytes(&test, "msg"));
        let nonce = Nonce::from_slice(&nonce);
        let sealed = [bytes(&test, "ct"), bytes(&test, "tag")].concat();
        let payload = |msg| Payload { msg, aad: &aad };
        let opened = cipher.decrypt(nonce, payload(&sealed));
        if test["result"] == "valid" {
            assert_eq!(opened.unwrap(), msg, "{test}");
            assert_eq!(cipher.encrypt(nonce, payload(&msg)).unwrap(), sealed);
            valid += 1;
        } else {
            assert!(opened.is_err(), "{test}");
            invalid += 1;
        }
    }
    assert!(valid > 40 && invalid > 20, "{valid} {invalid}");
}

/// RFC 8439, section 2.8.2.
#[test]
fn chacha20_poly1305_of_the_rfc() {
    let key: Vec<u8> = (0x80..=0x9f).collect();
    let nonce = hex::decode("070000004041424344454647").unwrap();
    let aad = hex::decode("50515253c0c1c2c3c4c5c6c7").unwrap();
    let msg = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                sunscreen would be it.";
    let cipher = ChaCha20Poly1305::new(Key::from_slice(&key));
    let payload = Payload { msg, aad: &aad };
    let sealed = cipher.encrypt(Nonce::from_slice(&nonce), payload).unwrap();
    assert_eq!(sealed.len(), 114 + 16);
    assert_eq!(
        hex::encode(&sealed[..16]),
        "d31a8d34648e60db7b86afbc53ef7ec2"
    );
    assert_eq!(
        hex::encode(&sealed[114..]),
        "1ae10b594f09e26a7e902ecbd0600691"
    );
}

/// Keys with which every letter would be readable by anyone are not written to.
#[test]
fn x25519_keys_of_low_order_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for test in tests("x25519-low-order.json") {
        let key = LetterPublicKey::new(bytes(&test, "public").try_into().unwrap());
        let letter = key.write(b"plain", b"info", b"aad", &mut rng);
        assert!(letter.is_err(), "{test}");
    }
}

/// Strict verification, as every signature here is checked: no malleability, no weak keys.
#[test]
fn ed25519_of_wycheproof() {
    for test in tests("ed25519.json") {
        let key = bytes(&test, "key").try_into().unwrap();
        let key = VerifyingKey::from_bytes(&key).unwrap();
        let signature = Signature::from_slice(&bytes(&test, "sig"));
        let verified = signature.is_ok_and(|s| key.verify_strict(&bytes(&test, "msg"), &s).is_ok());
        assert_eq!(verified, test["result"] == "valid", "{test}");
    }
}

/// Points off the subgroup, under both signs, and coordinates that are not reduced.
#[test]
fn hostile_points_of_eip_2537_are_refused() {
    for test in tests("bls12-381-points.json") {
        let x = test["x"].as_array().unwrap();
        // Compressed: the coordinates, highest first, with the flags in the first byte.
        let x: Vec<u8> = x
            .iter()
            .rev()
            .flat_map(|c| hex::decode(c.as_str().unwrap()).unwrap())
            .collect();
        let error = match test["error"].as_str().unwrap() {
            "subgroup" => PointError::Subgroup,
            _ => PointError::Encoding,
        };
        for sign in [0x80, 0xa0] {
            let mut compressed = x.clone();
            compressed[0] |= sign;
            let found = match test["group"].as_u64().unwrap() {
                1 => ReceivingPublicKey::from_bytes(&compressed).unwrap_err(),
                _ => RecordPublicKey::from_bytes(&compressed).unwrap_err(),
            };
            assert_eq!(found, error, "{test}");
        }
    }
}
