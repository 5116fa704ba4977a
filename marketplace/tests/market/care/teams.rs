//! Teams: assigned, confirmed, signing in order, asked again, amended.

use eligo_marketplace::care::Act;
use eligo_marketplace::care::scenario::{HOUR_MS, encounter_of, plan};
use eligo_marketplace::entry::SignedEntry;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::transaction::Body;
use eligo_sharing::domain::sha256;

use super::ward::{WELCOME, Ward};

#[test]
fn a_team_signs_in_order_and_the_record_names_its_diagnosis() {
    let mut ward = Ward::open();
    let mut record = ward.market.seal(0, None);
    let name = ward.team_for(encounter_of(&record));
    let (mut chain, at) = (Vec::new(), (name, 0));
    for doctor in 0..3 {
        chain = ward.opine(&[0, 1, 2], at, &chain, "infarct, left");
        ward.sign(doctor, at, &chain).unwrap();
    }
    let team = ward.see(&format!("care/team/{}/{}", name.hospital, name.encounter));
    let digest = sha256(&chain);
    assert_eq!(team["completed"], hex::encode(digest));
    assert_eq!(team["in_turn"], serde_json::Value::Null);
    assert_eq!(
        ward.history(&name.encounter),
        [
            "team_assigned",
            "team_confirmed",
            "team_confirmed",
            "team_confirmed",
            "opinion_signed",
            "opinion_signed",
            "opinion_signed",
            "diagnosis_completed"
        ]
    );
    // Nothing of the opinions is there, in whatever form it could be guessed.
    let bytes = hex::decode(team["chain"].as_str().unwrap()).unwrap();
    let guess = sha256(b"infarct, left");
    assert!(!bytes.windows(32).any(|w| w == guess));
    // The record's entry names it; another digest, or another encounter, is refused.
    record.entry.team = Some(digest);
    let registration = ward.market.register(0, &record);
    ward.solo.submit(registration).unwrap();
    let mut other = ward.market.seal(0, None);
    for team in [digest, [9; 32]] {
        other.entry.team = Some(team);
        let registration = ward.market.register(0, &other);
        ward.refused(registration, Rejection::UnknownDiagnosis);
    }
    // Nor can another hospital claim it for the same encounter.
    let mut stolen = ward.market.seal(1, None);
    stolen.signer = record.signer.clone();
    stolen.entry.encounter = record.entry.encounter;
    stolen.entry.team = Some(digest);
    let entry = stolen.entry.clone();
    let chain = ward.market.chain;
    let signed = SignedEntry {
        patient: entry.sign(&chain, &stolen.signer),
        hospital: entry.sign(&chain, &ward.market.hospitals[1].key),
        entry,
    };
    let registration = ward.market.by_hospital(1, Body::Register(signed));
    ward.refused(registration, Rejection::UnknownDiagnosis);
    let amended = Act::AmendTeam {
        encounter: name.encounter,
        team: plan(&ward.accounts(&[0, 1]), WELCOME),
    };
    ward.hospital_refused(0, amended, Rejection::DiagnosisComplete);
}

#[test]
fn a_late_doctor_is_asked_again_so_often_and_then_the_order_is_amended() {
    let mut ward = Ward::open();
    let name = ward.team();
    let (encounter, at) = (name.encounter, (name, 0));
    let first = ward.opine(&[0, 1, 2], at, &[], "first");
    ward.sign(0, at, &first).unwrap();
    let again = Act::AskAgain { encounter };
    ward.hospital_refused(0, again.clone(), Rejection::SlotRunning);
    let reordered = Act::AmendTeam {
        encounter,
        team: plan(&ward.accounts(&[0, 2, 1]), WELCOME),
    };
    ward.hospital_refused(0, reordered.clone(), Rejection::TeamUnchanged);
    let second = ward.opine(&[0, 1, 2], at, &first, "second");
    for _ in 0..2 {
        ward.solo.pass(HOUR_MS + 1_000);
        let late = Act::SignOpinion {
            team: name,
            epoch: 0,
            chain: eligo_marketplace::encoding::Blob::new(second.clone()).unwrap(),
        };
        ward.doctor_refused(1, late, Rejection::SlotOver);
        ward.hospital_acts(0, again.clone()).unwrap();
        ward.hospital_refused(0, reordered.clone(), Rejection::TeamUnchanged);
    }
    ward.solo.pass(HOUR_MS + 1_000);
    ward.hospital_refused(0, again, Rejection::RetriesUsed);
    ward.hospital_acts(0, reordered).unwrap();
    // A new epoch: opinions begin anew, those of the old one are worth nothing.
    for doctor in 0..3 {
        ward.confirm(doctor, name, 1).unwrap();
    }
    let old = Act::SignOpinion {
        team: name,
        epoch: 0,
        chain: eligo_marketplace::encoding::Blob::new(second.clone()).unwrap(),
    };
    ward.doctor_refused(1, old, Rejection::OldEpoch);
    let relabelled = Act::SignOpinion {
        team: name,
        epoch: 1,
        chain: eligo_marketplace::encoding::Blob::new(first).unwrap(),
    };
    ward.doctor_refused(0, relabelled, Rejection::ChainSignature);
    let mut chain = Vec::new();
    for doctor in [0, 2, 1] {
        chain = ward.opine(&[0, 2, 1], (name, 1), &chain, "anew");
        ward.sign(doctor, (name, 1), &chain).unwrap();
    }
    let last = ward.history(&encounter).pop();
    assert_eq!(last.unwrap(), "diagnosis_completed");
}

#[test]
fn adding_or_removing_a_doctor_begins_an_epoch_at_any_time() {
    let mut ward = Ward::open();
    let name = ward.team();
    let encounter = name.encounter;
    let removed = Act::AmendTeam {
        encounter,
        team: plan(&ward.accounts(&[0, 2]), WELCOME),
    };
    ward.hospital_acts(0, removed).unwrap();
    ward.confirm(0, name, 1).unwrap();
    assert_eq!(ward.confirm(1, name, 1), Err(Rejection::NotPermitted));
    let alone = ward.opine(&[0, 2], (name, 1), &[], "waits for the key");
    assert_eq!(ward.sign(0, (name, 1), &alone), Err(Rejection::Unconfirmed));
    ward.confirm(2, name, 1).unwrap();
    ward.sign(0, (name, 1), &alone).unwrap();
    assert_eq!(
        ward.see(&format!("care/team/{}/{encounter}", name.hospital))["epoch"],
        1
    );
}
