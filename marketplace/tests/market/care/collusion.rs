//! Attacks by several, or on what lies outside the contract: what the ledger gives them to work with.

use std::collections::BTreeSet;

use eligo_ledger::application::Application;
use eligo_ledger::merkle::Path;
use eligo_marketplace::care::Act;
use eligo_marketplace::care::scenario::{encounter_of, plan};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::SealedRecord;
use eligo_sharing::domain::sha256;
use eligo_sharing::tcpre::{Capsule, combine};
use eligo_sharing::team::{DoctorId, Prekey, Welcome, WelcomeError, found};
use eligo_sharing::wallet::{HospitalId, Visit, Wallet};

use super::ward::Ward;

/// Between lead and members somebody exchanges the welcome for one of its own.
#[test]
fn man_in_the_middle_on_the_teams_key() {
    let mut ward = Ward::open();
    let encounter = encounter_of(&ward.records[0]);
    let ids: Vec<DoctorId> = ward.doctors[..3]
        .iter()
        .map(|d| DoctorId::new(d.account().to_string()).unwrap())
        .collect();
    let members = |ward: &Ward| -> Vec<_> {
        let doctors = ward.doctors[..3].iter();
        doctors
            .map(|d| {
                let key = d.actor.key.verifying_key();
                d.signed_prekey.clone().verify(&key).unwrap()
            })
            .collect()
    };
    let lead = ward.doctors[0].actor.key.clone();
    let roster = members(&ward);
    let rng = &mut ward.market.rng;
    let name = *encounter.as_bytes();
    let honest = found(name, 0, &ids[0], &lead, roster, rng).unwrap();
    let mut team = plan(&ward.accounts(&[0, 1, 2]), sha256(&honest.to_bytes()));
    team.slot_ms = 60_000;
    ward.hospital_acts(0, Act::AssignTeam { encounter, team })
        .unwrap();
    // The man in the middle founds a team of its own around a member, with a key it knows.
    let (between, mut roster) = (ward.market.registrar.key.clone(), members(&ward));
    let rng = &mut ward.market.rng;
    let (_, prekey) = Prekey::generate(ids[0].clone(), &between, rng);
    roster[0] = prekey.verify(&between.verifying_key()).unwrap();
    let forged = found(name, 0, &ids[0], &between, roster, rng).unwrap();
    let lead_key = lead.verifying_key();
    let member = ward.doctors.remove(1);
    let verifier = member.actor.key.verifying_key();
    let accepted = Welcome::from_bytes(&forged.to_bytes()).unwrap().accept(
        &lead_key,
        &ids[1],
        &verifier,
        member.prekey,
        None,
    );
    assert_eq!(
        accepted.err(),
        Some(WelcomeError::NotMember(ids[0].clone()))
    );
    // A member that is taken in all the same says what it accepted, and everybody sees that it is not that.
    let team = ward.market.team_name(0, encounter);
    let act = |welcome: &Welcome| Act::ConfirmTeam {
        team,
        epoch: 0,
        welcome: sha256(&welcome.to_bytes()),
        confirmation: [1; 32],
    };
    let (wrong, right) = (act(&forged), act(&honest));
    let wrong = ward.market.act(&member.actor.key, wrong);
    ward.refused(wrong, Rejection::OtherWelcome);
    let right = ward.market.act(&member.actor.key, right);
    ward.solo.submit(right).unwrap();
}

/// Every window of 16 bytes.
fn windows(bytes: &[u8]) -> BTreeSet<&[u8]> {
    bytes.windows(16).collect()
}

/// All that a visit leaves on the ledger, patient's side: entry, ask's inbox, permit, delegation.
fn traces(ward: &mut Ward, wallet: &Wallet, visit: u32) -> Vec<u8> {
    let hospital = HospitalId::new("Hospital 0").unwrap();
    let encounter = wallet.encounter(&hospital, Visit::new(visit));
    let mut record: SealedRecord = ward.market.seal(0, None);
    // Sealed to the wallet's keys of this visit.
    let label = *record.capsule.label();
    let mut stored = Vec::new();
    let (public, schema) = (
        encounter.key.public(),
        eligo_sharing::tcpre::SchemaId::new([2; 32]),
    );
    let rng = &mut ward.market.rng;
    let sealed: Capsule =
        eligo_sharing::tcpre::seal(&public, label, schema, &b"content"[..], &mut stored, rng)
            .unwrap();
    record.entry.capsule = sealed.to_bytes();
    record.entry.ciphertext = *sealed.ciphertext_digest();
    record.entry.encounter = encounter.signer.verifying_key().to_bytes();
    record.entry.possession = encounter.key.prove_possession().to_bytes();
    (record.capsule, record.ciphertext) = (sealed, stored);
    (record.key, record.signer) = (encounter.key, encounter.signer);
    let before = ward.solo.blocks.len();
    let registration = ward.market.register(0, &record);
    ward.solo.submit(registration).unwrap();
    ward.team_for(encounter_of(&record));
    let inbox = record.signer.clone();
    let ask = ward.market.make_ask(&ward.doctors[3].actor, 1, &inbox);
    ward.doctor_acts(3, Act::Ask(ask.terms.clone())).unwrap();
    ward.two_rounds();
    let drawn = ward.drawn(ask.id);
    let until_ms = ask.terms.until_ms;
    let permit = ward.market.make_permit(&ask, &[&record], &drawn, until_ms);
    let signed = ward.market.sign_permit(permit.unwrap(), &inbox);
    ward.anyone_acts(Act::Permit(signed)).unwrap();
    let mut bytes = Vec::new();
    for block in &ward.solo.blocks[before..] {
        for transaction in block.transactions() {
            bytes.extend_from_slice(transaction.bytes());
        }
    }
    bytes
}

/// Whatever two visits of one patient have in common on the ledger, a visit of another patient has too.
#[test]
fn tracking_a_patient_across_encounters_by_ledger_bytes() {
    let mut ward = Ward::open();
    let patient = Wallet::generate(&mut ward.market.rng);
    let other = Wallet::generate(&mut ward.market.rng);
    let one = traces(&mut ward, &patient, 0);
    let two = traces(&mut ward, &patient, 1);
    // Enough of other patients that every proxy and every party of the ward was named.
    let control: Vec<Vec<u8>> = (0..8).map(|n| traces(&mut ward, &other, n)).collect();
    let control: Vec<u8> = control.concat();
    let (one, two, control) = (windows(&one), windows(&two), windows(&control));
    let shared: Vec<_> = one.intersection(&two).copied().collect();
    assert!(!shared.is_empty(), "hospital and doctors are the same");
    let telling: Vec<_> = shared.iter().filter(|w| !control.contains(*w)).collect();
    assert!(telling.is_empty(), "{telling:02x?}");
}

/// A doctor who opened a record and the storage that holds it agree on another content.
#[test]
fn doctor_and_storage_colluding_to_alter_a_record() {
    let mut ward = Ward::open();
    let (ask, permit) = ward.permitted(0);
    ward.read(3, ask.id, 0).unwrap();
    let grant = ward.grant(&ask, &permit, 0);
    let record = &ward.records[0];
    let capsule = record.capsule.clone().check().unwrap();
    let drawn = ward.drawn(ask.id);
    let shares: Vec<_> = drawn[..2]
        .iter()
        .map(|(account, _)| {
            let mut proxies = ward.market.proxies.iter();
            let proxy = proxies.find(|p| p.actor.account() == *account).unwrap();
            let key = grant.share_key(&proxy.key).unwrap();
            let now = ward.solo.time_ms / 1000;
            let share = key.reencrypt(&capsule, now, &mut ward.market.rng).unwrap();
            grant.verify_share(&capsule, &share).unwrap()
        })
        .collect();
    let key = combine(&ask.receiving, &grant, &capsule, &shares).unwrap();
    for at in 0..record.ciphertext.len() {
        let mut altered = record.ciphertext.clone();
        altered[at] ^= 1;
        assert!(
            key.open(altered.as_slice(), &mut Vec::new()).is_err(),
            "{at}"
        );
    }
    assert!(key.open(&record.ciphertext[1..], &mut Vec::new()).is_err());
    // Another content under the same record key and label has no place on the ledger, nor has the old
    // capsule with another digest.
    let mut exchanged = ward.market.seal(0, None);
    exchanged.entry.encounter = record.entry.encounter;
    exchanged.entry.possession = record.entry.possession;
    let mut stored = Vec::new();
    let schema = eligo_sharing::tcpre::SchemaId::new([2; 32]);
    let (public, label) = (record.key.public(), *record.capsule.label());
    let rng = &mut ward.market.rng;
    let sealed =
        eligo_sharing::tcpre::seal(&public, label, schema, &b"altered"[..], &mut stored, rng);
    let sealed = sealed.unwrap();
    exchanged.entry.capsule = sealed.to_bytes();
    exchanged.entry.ciphertext = *sealed.ciphertext_digest();
    exchanged.signer = record.signer.clone();
    let again = ward.market.register(0, &exchanged);
    ward.refused(again, Rejection::LabelTwice);
    exchanged.entry.capsule = ward.records[0].entry.capsule;
    let again = ward.market.register(0, &exchanged);
    ward.refused(again, Rejection::CiphertextDigest);
}

/// A node that tells another history than the one that was decided has another state, and shows it.
#[test]
fn a_malicious_node_that_leaves_a_read_out() {
    let mut ward = Ward::open();
    let (ask, _) = ward.permitted(0);
    ward.read(3, ask.id, 0).unwrap();
    let honest = ward.solo.market.info().app_hash;
    // It replays the chain without the read.
    let mut lying = eligo_marketplace::application::Market::new();
    lying.init_chain(&ward.market.genesis);
    let (read, blocks) = ward.solo.blocks.split_last().unwrap();
    for block in blocks {
        lying.finalize_block(block);
    }
    let parent = eligo_ledger::block::Parent {
        digest: eligo_ledger::digest::Digest::ZERO,
        app_hash: lying.info().app_hash,
        outcomes: eligo_ledger::digest::Digest::ZERO,
        roster: eligo_ledger::digest::Digest::ZERO,
    };
    let (height, time) = (read.height(), read.header().time);
    let without =
        eligo_ledger::block::Block::new(height, time, &parent, Vec::new(), None, Vec::new());
    lying.finalize_block(&without);
    assert_ne!(lying.info().app_hash, honest);
    // Nor does a proof of inclusion for one transaction serve for another, or in another block.
    let ids: Vec<_> = read.transactions().iter().map(|tx| tx.id()).collect();
    let path = Path::new(&ids, 0).unwrap();
    assert_eq!(path.root(&ids[0]), Some(read.header().transactions));
    let other = blocks.last().unwrap().transactions()[0].id();
    assert_ne!(path.root(&other), Some(read.header().transactions));
    assert_ne!(path.root(&ids[0]), Some(without.header().transactions));
}
