//! Issuer keys, credentials, points and proving keys.

use eligo_circuits::{
    credential::{Credential, Grounds},
    groth16::ProvingKey,
    issuer::{IssuerKey, IssuerPublic},
    jubjub::Point,
};
use eligo_records::{
    cell::{Cells, Layout},
    civil::CivilDay,
    schema::{Schema, shipped},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::Target;

const DICTIONARY: &[&[u8]] = &[
    b"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b"\"version\":1",
    b"\"cells\":[",
    b"null",
    b"0",
    b"1e9",
    b"18446744073709551615",
    &[0; 8],
    &[0xff; 8],
];

fn schema() -> &'static Schema {
    shipped("bench-64").expect("a shipped schema")
}

fn key() -> IssuerKey {
    IssuerKey::generate("Hospital", &mut ChaCha20Rng::seed_from_u64(1)).expect("a name")
}

fn credential() -> Vec<u8> {
    let layout = Layout::of(schema());
    let values = vec![0; layout.places().len()];
    let day = |text| CivilDay::parse(text).expect("a day");
    let grounds = Grounds {
        schema: schema(),
        cells: Cells::new(&layout, values).expect("an empty record"),
        holder: 7u64.into(),
        sealed: 0u64.into(),
        issued: day("2021-01-01"),
        expires: day("2022-01-01"),
    };
    let credential = Credential::issue(&key(), grounds, &mut ChaCha20Rng::seed_from_u64(2));
    let text = credential.and_then(|c| c.to_json(schema()));
    text.expect("a credential").into_bytes()
}

pub fn targets() -> Vec<Target> {
    let target = |name: &str, seeds, run, cost| Target {
        name: name.into(),
        seeds,
        dictionary: DICTIONARY,
        run,
        cost,
    };
    vec![
        target("credential", || vec![credential()], read_credential, 10),
        target(
            "issuer_public",
            || vec![key().public().to_json().expect("JSON").into_bytes()],
            read_public,
            2,
        ),
        target(
            "issuer_secret",
            || vec![key().to_json().expect("JSON").as_bytes().to_vec()],
            read_secret,
            4,
        ),
        target(
            "point",
            || vec![key().public().schnorr().to_bytes().to_vec()],
            read_point,
            1,
        ),
        target(
            "proving_key",
            || vec![include_bytes!("../../../circuits/tests/groth16/golden-v1.pk").to_vec()],
            read_proving_key,
            4,
        ),
    ]
}

fn read_credential(input: &[u8]) -> String {
    match Credential::from_json(input, schema()) {
        Ok(credential) => {
            let text = credential.to_json(schema()).expect("JSON");
            let again = Credential::from_json(text.as_bytes(), schema());
            assert_eq!(again.expect("what is written is read"), credential);
            "read".into()
        }
        Err(error) => format!("{error:?}").chars().take(12).collect(),
    }
}

fn read_public(input: &[u8]) -> String {
    match IssuerPublic::from_json(input) {
        Ok(public) => {
            let again = public.to_json().expect("JSON");
            assert_eq!(IssuerPublic::from_json(again.as_bytes()), Ok(public));
            "read".into()
        }
        Err(error) => format!("{error:?}").chars().take(12).collect(),
    }
}

fn read_secret(input: &[u8]) -> String {
    match IssuerKey::from_json(input) {
        Ok(key) => {
            assert!(key.to_json().is_ok());
            "read".into()
        }
        Err(error) => format!("{error:?}").chars().take(12).collect(),
    }
}

fn read_point(input: &[u8]) -> String {
    let Ok(bytes) = <&[u8; 32]>::try_from(input) else {
        return "length".into();
    };
    match Point::from_bytes(bytes) {
        Ok(point) => {
            assert_eq!(point.to_bytes(), *bytes);
            "read".into()
        }
        Err(error) => format!("{error:?}"),
    }
}

fn read_proving_key(input: &[u8]) -> String {
    match ProvingKey::read_checked(input) {
        Ok(_) => "read".into(),
        Err(error) => format!("{error:?}").chars().take(12).collect(),
    }
}
