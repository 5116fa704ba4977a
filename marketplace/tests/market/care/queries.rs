//! What can be seen: keys, employments, inboxes, permits with their tokens, reads that wait, delegations.

use eligo_marketplace::care::Act;
use eligo_marketplace::care::act::{Delegation, Permit};
use eligo_marketplace::care::scenario::{TOMORROW_MS, signer_entry, token};
use eligo_marketplace::encoding::{Blob, List};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::Actor;
use eligo_sharing::letter::LetterKey;
use eligo_sharing::search::{Bucket, Field, Keyword, SearchKey, SearchToken, WriterKey};
use eligo_sharing::team::{DoctorId, Prekey};

use super::ward::Ward;

#[test]
fn doctors_with_their_keys_and_employments() {
    let mut ward = Ward::open();
    let (hospital, doctor) = (
        ward.market.hospitals[0].account(),
        ward.doctors[1].account(),
    );
    let seen = ward.see(&format!("care/doctor/{doctor}"));
    let entry = signer_entry(&ward.doctors[1]);
    assert_eq!(seen["key"], hex::encode(entry.key.as_slice()));
    assert_eq!(seen["prekey"], hex::encode(entry.prekey.as_slice()));
    let employed = ward.see(&format!("care/employed/{hospital}"));
    assert_eq!(employed.as_array().unwrap().len(), 3);
    assert_eq!(employed[0]["until_ms"], TOMORROW_MS);
    // A prekey serves once; the next is the doctor's own, or is refused.
    let mut prekey = |of: usize, by: usize| {
        let id = DoctorId::new(ward.doctors[of].account().to_string()).unwrap();
        let key = ward.doctors[by].actor.key.clone();
        let (_, signed) = Prekey::generate(id, &key, &mut ward.market.rng);
        Blob::new(signed.to_bytes()).unwrap()
    };
    let (own, named, signed) = (prekey(1, 1), prekey(0, 1), prekey(1, 0));
    for wrong in [named, signed, Blob::default()] {
        let renew = Act::RenewPrekey { prekey: wrong };
        ward.doctor_refused(1, renew, Rejection::Prekey);
    }
    let renew = Act::RenewPrekey {
        prekey: own.clone(),
    };
    ward.hospital_refused(0, renew.clone(), Rejection::NotPermitted);
    ward.doctor_acts(1, renew).unwrap();
    let seen = ward.see(&format!("care/doctor/{doctor}"));
    assert_eq!(seen["prekey"], hex::encode(own.as_slice()));
    // Employing is for hospitals, of doctors, into the future.
    let employ = |doctor, until_ms| Act::Employ { doctor, until_ms };
    ward.doctor_refused(0, employ(doctor, TOMORROW_MS), Rejection::NotPermitted);
    ward.hospital_refused(1, employ(hospital, TOMORROW_MS), Rejection::NotPermitted);
    ward.hospital_refused(1, employ(doctor, 1), Rejection::EmploymentPeriod);
    let release = Act::Release { doctor };
    ward.hospital_refused(1, release.clone(), Rejection::EmploymentPeriod);
    ward.hospital_acts(0, release).unwrap();
    let employed = ward.see(&format!("care/employed/{hospital}"));
    assert_eq!(employed.as_array().unwrap().len(), 2);
}

#[test]
fn a_search_token_reaches_its_node_and_is_forgotten_with_the_ask() {
    let mut ward = Ward::open();
    let ask = ward.ask(0);
    let encounter = ward.visit(0).pseudonym();
    let inbox = ward.see(&format!("care/inbox/{encounter}"));
    assert_eq!(inbox[0]["ask"], ask.id.to_string());
    assert_eq!(ward.see("care/asks").as_array().unwrap().len(), 1);
    let (signer, rng) = (ward.visit(0).signer, &mut ward.market.rng);
    let (search, writer) = (SearchKey::generate(rng), WriterKey::generate(rng));
    let (shared, march) = (
        search.share_with(&writer.public()),
        Bucket::new("2025-03").unwrap(),
    );
    let word = Keyword::new(Field::Diagnosis, *b"I63").unwrap();
    let trapdoor = search.trapdoor(&shared, &word, &march);
    let (node, until) = (LetterKey::generate(rng), ask.terms.until_ms / 1000);
    let made = SearchToken::new(vec![trapdoor], "node 1", until, &signer, rng).unwrap();
    let letter = made.write_to(&node.public(), rng).unwrap();
    let account = Actor::new(rng).account();
    let permit = Permit {
        ask: ask.id,
        until_ms: ask.terms.until_ms,
        grants: List::default(),
        tokens: List::new(vec![token(account, letter.to_bytes())]).unwrap(),
    };
    ward.permit(0, permit).unwrap();
    let permits = ward.see(&format!("care/permits/{}", ask.id));
    let tokens = permits[0]["tokens"].as_array().unwrap();
    assert_eq!(tokens[0][0], account.to_string());
    assert_eq!(tokens[0][1], hex::encode(letter.to_bytes()));
    let withdraw = Act::Withdraw { ask: ask.id };
    ward.doctor_acts(3, withdraw).unwrap();
    let permits = ward.see(&format!("care/permits/{}", ask.id));
    assert!(permits[0]["tokens"].as_array().unwrap().is_empty());
    assert!(ward.see("care/asks").as_array().unwrap().is_empty());
    assert_eq!(
        ward.history(&encounter),
        ["asked", "permitted", "ask_withdrawn"]
    );
}

#[test]
fn reads_wait_for_the_proxies_until_all_have_shared() {
    let mut ward = Ward::open();
    let (ask, permit) = ward.permitted(0);
    assert!(ward.see("care/reads").as_array().unwrap().is_empty());
    ward.read(3, ask.id, 1).unwrap();
    let waiting = ward.see("care/reads");
    assert_eq!(waiting[0]["record"], ward.records[1].name().to_string());
    assert_eq!(waiting.as_array().unwrap().len(), 1);
    for place in 0..3 {
        ward.share(place, &ask, &permit, 1).unwrap();
    }
    assert!(ward.see("care/reads").as_array().unwrap().is_empty());
    let granted = ward.see(&format!("care/granted/{}", ask.id));
    assert_eq!(granted.as_array().unwrap().len(), 2);
    let one = ward.see(&format!(
        "care/granted/{}/{}",
        ask.id,
        ward.records[1].name()
    ));
    assert_eq!(one, granted[1]);
    assert_eq!(one["shares"].as_array().unwrap().len(), 3);
    let about = ward.see(&format!("events/ask/{}", ask.id));
    assert!(about.as_array().unwrap().len() >= 7);
}

#[test]
fn delegations_by_name() {
    let mut ward = Ward::open();
    let signer = ward.visit(0).signer;
    let delegation = Delegation {
        delegate: ward.market.institutions[0].account(),
        encounters: List::new(vec![signer.verifying_key().to_bytes()]).unwrap(),
        until_ms: TOMORROW_MS,
        nonce: [2; 32],
    };
    let id = delegation.name(&ward.market.chain);
    let made = ward.market.delegate(delegation, &[&signer]);
    ward.solo.submit(made).unwrap();
    let path = format!("care/delegation/{id}");
    let seen = ward.see(&path);
    assert_eq!(seen["encounters"][0], ward.visit(0).pseudonym().to_string());
    assert_eq!(seen["revoked"], false);
    let end = ward.market.end_delegation(id, &signer);
    ward.solo.submit(end).unwrap();
    assert_eq!(ward.see(&path)["revoked"], true);
    let end = ward.market.end_delegation(id, &signer);
    ward.refused(end, Rejection::DelegationOver);
}
