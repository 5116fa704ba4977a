//! Unsafe verifying keys are refused, and each refusal has a reason that works.

use crate::toy::{Toy, bad, inputs, stock_accepts};
use ark_bn254::{Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_std::UniformRand;
use eligo_verifier_contract::{
    Finding, Flaw, KeyBytesError, KeyParts, Place, VerifyingKey, lint, snarkjs,
};

fn codes(key: &KeyParts) -> Vec<&'static str> {
    lint(key).iter().map(Finding::code).collect()
}

#[test]
fn honest_keys_pass() {
    for inputs in [0, 1, 6, 20] {
        assert_eq!(lint(&Toy::new(inputs, 1).parts()), []);
    }
    // gamma = 1, as in snarkjs's keys.
    let mut parts = Toy::new(6, 1).parts();
    parts.gamma = G2Affine::generator();
    assert_eq!(lint(&parts), []);
}

#[test]
fn every_bad_key_is_forgeable_and_refused() {
    for bad in bad::all() {
        assert!(
            stock_accepts(&bad.key, &bad.proof, &bad.inputs),
            "{}",
            bad.name
        );
        let findings = VerifyingKey::new(bad.key.clone()).unwrap_err().findings;
        assert!(!findings.is_empty(), "{}", bad.name);
        for finding in findings {
            assert!(!finding.to_string().is_empty() && finding.explanation().len() > 20);
        }
    }
}

#[test]
fn findings_name_their_place() {
    let same = |first, second| Finding::SamePair { first, second };
    let names = |name: &str| {
        let bad = bad::all().into_iter().find(|b| b.name == name).unwrap();
        lint(&bad.key)
    };
    assert_eq!(names("gamma_is_delta"), [same(Place::Gamma, Place::Delta)]);
    assert_eq!(
        names("gamma_is_minus_delta"),
        [same(Place::Gamma, Place::Delta)]
    );
    assert_eq!(names("beta_is_gamma"), [same(Place::Beta, Place::Gamma)]);
    assert_eq!(names("beta_is_delta"), [same(Place::Beta, Place::Delta)]);
    let (place, flaw) = (Place::Ic(3), Flaw::Identity);
    assert_eq!(names("identity_base"), [Finding::Point { place, flaw }]);
    let (first, second) = (Place::Ic(3), Place::Ic(4));
    assert_eq!(names("same_bases"), [Finding::SameBase { first, second }]);
    let untouched = names("untouched_ceremony");
    for place in [Place::Alpha, Place::Beta, Place::Delta] {
        assert!(untouched.contains(&Finding::Generator(place)));
    }
    assert!(untouched.contains(&same(Place::Gamma, Place::Delta)));
}

#[test]
fn every_point_is_checked() {
    let sound = Toy::new(6, 1).parts();
    let mut rng = Toy::new(1, 1).rng;
    let off_curve = G1Affine::new_unchecked(sound.alpha.y, sound.alpha.x);
    let wild = loop {
        let x = Fq2::rand(&mut rng);
        if let Some(point) = G2Affine::get_point_from_x_unchecked(x, false) {
            break point;
        }
    };
    for g1 in [off_curve, G1Affine::identity(), -G1Affine::generator()] {
        let mut bent = sound.clone();
        bent.alpha = g1;
        assert_eq!(codes(&bent).len(), 1, "{g1}");
        for i in 0..7 {
            let mut bent = sound.clone();
            bent.ic[i] = g1;
            assert_eq!(codes(&bent).len(), 1, "{i} {g1}");
        }
    }
    let places: [fn(&mut KeyParts) -> &mut G2Affine; 3] =
        [|k| &mut k.beta, |k| &mut k.gamma, |k| &mut k.delta];
    for place in places {
        let off_curve = G2Affine::new_unchecked(sound.beta.x, sound.gamma.y);
        for (bad, code) in [
            (wild, "off-subgroup"),
            (off_curve, "off-curve"),
            (G2Affine::identity(), "identity"),
        ] {
            let mut bent = sound.clone();
            *place(&mut bent) = bad;
            assert!(codes(&bent).contains(&code), "{code}");
        }
    }
    let mut twin = sound.clone();
    twin.ic[2] = -twin.alpha;
    assert_eq!(codes(&twin), ["same-base"]);
}

#[test]
fn bases_are_counted() {
    let mut none = Toy::new(1, 1).parts();
    none.ic.clear();
    assert_eq!(codes(&none), ["bases"]);
    let mut many = Toy::new(1, 1).parts();
    many.ic = (2..2 + 1026u64)
        .map(|i| (G1Affine::generator() * Fr::from(i)).into())
        .collect();
    assert_eq!(codes(&many), ["bases"]);
}

#[test]
fn keys_as_bytes() {
    let key = Toy::new(6, 1).key();
    let bytes = key.to_bytes();
    assert_eq!(bytes.len(), 8 + 64 + 3 * 128 + 4 + 7 * 64);
    assert_eq!(VerifyingKey::from_bytes(&bytes).unwrap(), key);
    assert_ne!(Toy::new(6, 2).key().digest(), key.digest());
    for cut in [0, 7, 100, bytes.len() - 1] {
        assert!(matches!(
            VerifyingKey::from_bytes(&bytes[..cut]),
            Err(KeyBytesError::Length { .. })
        ));
    }
    let mut long = bytes.clone();
    long.push(0);
    assert!(matches!(
        VerifyingKey::from_bytes(&long),
        Err(KeyBytesError::Length { .. })
    ));
    let mut huge = bytes.clone();
    huge[8 + 64 + 384..][..4].fill(0xff);
    assert_eq!(
        VerifyingKey::from_bytes(&huge),
        Err(KeyBytesError::Bases(u32::MAX))
    );
    let mut zero = bytes.clone();
    let end = zero.len() - 64;
    zero[end..].fill(0);
    assert!(matches!(
        VerifyingKey::from_bytes(&zero),
        Err(KeyBytesError::Unsafe(_))
    ));
    let mut wrapped = bytes.clone();
    wrapped[end..end + 32].fill(0xff);
    assert!(matches!(
        VerifyingKey::from_bytes(&wrapped),
        Err(KeyBytesError::Coordinate {
            place: Place::Ic(6),
            ..
        })
    ));
    let mut other = bytes;
    other[0] ^= 1;
    assert_eq!(VerifyingKey::from_bytes(&other), Err(KeyBytesError::Magic));
}

/// Real keys, where they are at hand.
#[test]
fn keys_behave_as_their_description_says() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/vk");
    let Ok(good) = std::fs::read(folder.join("vk_good.json")) else {
        return;
    };
    let file = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let good = snarkjs::read_key(&good).unwrap();
    let proof = snarkjs::read_proof(&file("proof.json")).unwrap();
    let public = snarkjs::read_public(&file("public.json")).unwrap();
    assert_eq!(
        eligo_verifier_contract::verify_inputs(&good.into(), &proof, &public),
        Ok(())
    );
    let tau1 = file("vk_tau1_identity_IC.json");
    let parts = snarkjs::read_key_parts(&tau1).unwrap();
    let proof = snarkjs::read_proof(&file("proof_tau1.json")).unwrap();
    let public = file("public_tau1_tampered_but_accepted.json");
    let public = snarkjs::read_public(&public).unwrap();
    assert!(stock_accepts(&parts, &proof, &public));
    for bad in ["vk_gamma_eq_delta.json", "vk_tau1_identity_IC.json"] {
        let error = snarkjs::read_key(&file(bad)).unwrap_err();
        assert!(
            matches!(error, snarkjs::SnarkjsError::Unsafe(_)),
            "{bad}: {error}"
        );
    }
}

#[test]
fn the_inputs_of_the_statement_fit_its_keys() {
    assert!(Toy::new(6, 1).key().fits_statement());
    assert!(!Toy::new(5, 1).key().fits_statement());
    assert_eq!(
        inputs().to_field_elements().len(),
        Toy::new(6, 1).key().inputs()
    );
}
