//! Credentials and claims: what is refused, and with which error.

#![allow(clippy::unwrap_used)]

use ark_bn254::Fr;
use eligo_circuits::{
    claim::{ClaimError, Requirement},
    credential::{Credential, CredentialError, Grounds, UseError},
    issuer::IssuerKey,
    statement::HolderSecret,
};
use eligo_records::{
    cell::{Cells, Layout},
    civil::CivilDay,
    program::{Formula, Program, Test},
    schema::{Schema, shipped},
};
use eligo_verifier_contract::{Context, Kind};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

fn day(text: &str) -> CivilDay {
    CivilDay::parse(text).unwrap()
}

struct World {
    schema: &'static Schema,
    hospital: IssuerKey,
    secret: HolderSecret,
    credential: Credential,
    rng: ChaCha20Rng,
}

fn world() -> World {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let schema = shipped("bench-64").unwrap();
    let layout = Layout::of(schema);
    let hospital = IssuerKey::generate("Hospital", &mut rng).unwrap();
    let secret = HolderSecret::new(Fr::from(12345));
    let mut values = vec![0; layout.places().len()];
    values[1] = 1; // deceased: absent is 0, false is 1
    let grounds = Grounds {
        schema,
        cells: Cells::new(&layout, values).unwrap(),
        holder: secret.holder(),
        sealed: Fr::from(0),
        issued: day("2021-01-01"),
        expires: day("2022-01-01"),
    };
    let credential = Credential::issue(&hospital, grounds, &mut rng).unwrap();
    World {
        schema,
        hospital,
        secret,
        credential,
        rng,
    }
}

fn requirement(world: &World, issuers: &[&IssuerKey], kind: Kind, alive: bool) -> Requirement {
    let layout = Layout::of(world.schema);
    let cell = layout.first_cell(1).unwrap();
    let test = if alive {
        Test::Outside { cell, lo: 2, hi: 2 }
    } else {
        Test::Within { cell, lo: 2, hi: 2 }
    };
    let program = Program::new(&layout, Formula::Test(test)).unwrap();
    let issuers = issuers.iter().map(|k| *k.public().schnorr()).collect();
    Requirement::new(layout, program, issuers, kind, |root| root.to_bytes()).unwrap()
}

#[test]
fn a_good_claim_satisfies_the_statement_for_one_issuer_and_for_many() {
    let mut w = world();
    let others: Vec<IssuerKey> = (0..9)
        .map(|_| IssuerKey::generate("Other", &mut w.rng).unwrap())
        .collect();
    let mut many: Vec<&IssuerKey> = others.iter().collect();
    many.insert(4, &w.hospital);
    for issuers in [vec![&w.hospital], many] {
        let requirement = requirement(&w, &issuers, Kind::Count, true);
        let claim = requirement
            .claim(
                &w.credential,
                &w.secret,
                day("2021-06-01"),
                Context::from_field(Fr::from(9)),
            )
            .unwrap();
        let (r1cs, _) = requirement.statement().shape();
        assert_eq!(r1cs.violated(&claim.assignment), None);
        let inputs = claim.inputs.to_field_elements();
        assert_eq!(claim.assignment[1..7], inputs);
    }
}

#[test]
fn each_refusal_has_its_own_error() {
    let mut w = world();
    let context = Context::from_field(Fr::from(9));
    let count = requirement(&w, &[&w.hospital], Kind::Count, true);
    let claim = |secret: &HolderSecret, today: &str, r: &Requirement| {
        r.claim(&w.credential, secret, day(today), context)
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(
        claim(&HolderSecret::new(Fr::from(1)), "2021-06-01", &count),
        ClaimError::Use(UseError::WrongWallet)
    );
    assert!(matches!(
        claim(&w.secret, "2022-01-02", &count),
        ClaimError::Use(UseError::Expired { .. })
    ));
    assert!(matches!(
        claim(&w.secret, "2020-12-31", &count),
        ClaimError::Use(UseError::NotYetValid { .. })
    ));
    assert_eq!(
        claim(
            &w.secret,
            "2021-06-01",
            &requirement(&w, &[&w.hospital], Kind::Count, false)
        ),
        ClaimError::NotEligible
    );
    assert_eq!(
        claim(
            &w.secret,
            "2021-06-01",
            &requirement(&w, &[&w.hospital], Kind::Sale, true)
        ),
        ClaimError::NotSealed
    );
    let stranger = IssuerKey::generate("Stranger", &mut w.rng).unwrap();
    assert!(matches!(
        requirement(&w, &[&stranger], Kind::Count, true).claim(
            &w.credential,
            &w.secret,
            day("2021-06-01"),
            context
        ),
        Err(ClaimError::Use(UseError::UnknownIssuer { .. }))
    ));
}

#[test]
fn files_round_trip_and_every_alteration_is_refused() {
    let w = world();
    let text = w.credential.to_json(w.schema).unwrap();
    let again = Credential::from_json(text.as_bytes(), w.schema).unwrap();
    assert_eq!(again, w.credential);
    assert_eq!(
        Credential::schema_of(text.as_bytes()).unwrap().name,
        "bench-64"
    );

    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let altered = |field: &str, with: serde_json::Value| {
        let mut value = value.clone();
        value[field] = with;
        Credential::from_json(value.to_string().as_bytes(), w.schema).unwrap_err()
    };
    let mut cells = value["cells"].clone();
    cells[2] = 77.into();
    assert_eq!(altered("cells", cells), CredentialError::Altered);
    assert_eq!(altered("salt", "1".into()), CredentialError::Altered);
    assert_eq!(altered("record", "1".into()), CredentialError::Altered);
    for (field, with) in [
        ("holder", "1"),
        ("sealed", "1"),
        ("issued", "2020-01-01"),
        ("expires", "2030-01-01"),
        ("challenge", "00000000000000000000000000000000"),
    ] {
        assert_eq!(
            altered(field, with.into()),
            CredentialError::Signature("Schnorr"),
            "{field}"
        );
    }
    let other = IssuerKey::generate("Other", &mut ChaCha20Rng::seed_from_u64(8)).unwrap();
    let other: serde_json::Value =
        serde_json::from_str(&other.public().to_json().unwrap()).unwrap();
    assert_eq!(
        altered("issuer", other.clone()),
        CredentialError::Signature("Schnorr")
    );
    let mut p256 = value["issuer"].clone();
    p256["p256"] = other["p256"].clone();
    assert_eq!(altered("issuer", p256), CredentialError::Signature("ES256"));
    assert!(matches!(
        altered(
            "holder",
            "21888242871839275222246405745257275088548364400416034343698204186575808495617".into()
        ),
        CredentialError::Number("holder")
    ));
    assert!(matches!(
        altered("extra", 1.into()),
        CredentialError::Format(_)
    ));
    assert!(matches!(
        altered("version", 2.into()),
        CredentialError::Kind(_)
    ));
    assert!(matches!(
        Credential::from_json(text.as_bytes(), shipped("core").unwrap()),
        Err(CredentialError::Schema { .. })
    ));
    for cut in [0, 1, text.len() / 2, text.len() - 1] {
        assert!(Credential::from_json(&text.as_bytes()[..cut], w.schema).is_err());
    }
}
