//! Asking, permitting, reading, revoking: as it should go.

use eligo_ledger::application::{Application, Restoration};
use eligo_ledger::height::Height;
use eligo_marketplace::application::Market;
use eligo_marketplace::care::act::{Delegation, Hand};
use eligo_marketplace::care::{Act, MOST_OPEN_ASKS};
use eligo_marketplace::convene::act::{Act as Convening, Office};
use eligo_marketplace::encoding::List;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::Actor;
use eligo_marketplace::transaction::Body;
use eligo_sharing::tcpre::{Share, combine};

use super::ward::Ward;

#[test]
fn a_doctor_asks_the_patient_permits_two_proxies_share_and_the_doctor_opens() {
    let mut ward = Ward::open();
    let (ask, permit) = ward.permitted(0);
    assert_eq!(ward.drawn(ask.id).len(), 3);
    ward.read(3, ask.id, 0).unwrap();
    ward.share(0, &ask, &permit, 0).unwrap();
    ward.share(2, &ask, &permit, 0).unwrap();

    // The doctor's device: shares from the ledger, checked again, combined and opened.
    let at = (ask.id, ward.records[0].name());
    let seen = ward.solo.contract().granted_view(at).unwrap();
    let (grant, record) = (ward.grant(&ask, &permit, 0), &ward.records[0]);
    let capsule = record.capsule.clone().check().unwrap();
    let shares: Vec<_> = seen
        .shares
        .iter()
        .map(|(_, share)| Share::from_bytes(&hex::decode(share).unwrap()).unwrap())
        .map(|share| grant.verify_share(&capsule, &share).unwrap())
        .collect();
    let key = combine(&ask.receiving, &grant, &capsule, &shares).unwrap();
    let mut content = Vec::new();
    key.open(record.ciphertext.as_slice(), &mut content)
        .unwrap();
    assert_eq!(content, b"content");

    let record = record.name();
    let opened = Act::Opened {
        ask: ask.id,
        record,
        right: true,
    };
    ward.doctor_acts(3, opened.clone()).unwrap();
    ward.doctor_refused(3, opened, Rejection::NotReadable);
    assert_eq!(
        ward.history(&record),
        [
            "record_registered",
            "permitted",
            "record_read",
            "care_shared",
            "care_shared",
            "readable",
            "record_opened"
        ]
    );
    let encounter = ward.visit(0).pseudonym();
    assert_eq!(
        ward.history(&encounter),
        [
            "asked",
            "permitted",
            "record_read",
            "readable",
            "record_opened"
        ]
    );
}

#[test]
fn revoking_ends_reading_and_sharing_at_once() {
    let mut ward = Ward::open();
    let (ask, permit) = ward.permitted(0);
    ward.read(3, ask.id, 0).unwrap();
    ward.share(0, &ask, &permit, 0).unwrap();
    let inbox = ward.visit(0).signer;
    let revoke = ward.market.revoke_permit(ask.id, Hand::Patient, &inbox);
    ward.solo.submit(revoke).unwrap();
    let share = ward.make_share(1, &ask, &permit, 0);
    assert_eq!(ward.proxy_acts(share), Err(Rejection::PermitRevoked));
    assert_eq!(ward.read(3, ask.id, 1), Err(Rejection::PermitRevoked));
    assert_eq!(
        ward.see(&format!("care/ask/{}", ask.id))["stage"],
        "revoked"
    );
    // Its proxies are free to go.
    let proxies = ward.see("proxies");
    let duties = proxies.as_array().unwrap().iter().map(|p| &p["duties"]);
    assert!(duties.into_iter().all(|duties| *duties == 0));
    let last = ward.history(&ward.records[1].name()).pop();
    assert_eq!(last.unwrap(), "permit_revoked");
}

#[test]
fn the_end_of_the_period_revokes_by_itself() {
    let mut ward = Ward::open();
    let ask = ward.ask(0);
    let mut permit = ward.make_permit(&ask, &[0]);
    // The first record for an hour, the second as long as was asked.
    let soon = ward.solo.time_ms / 1000 * 1000 + 3_600_000;
    let drawn = ward.drawn(ask.id);
    let terms = ward
        .market
        .care_terms(&ask, &ward.records[0], &drawn, soon)
        .unwrap();
    let signer = ward.records[0].signer.clone();
    let grant = ward
        .market
        .care_grant(&ward.records[0], terms, &signer)
        .unwrap();
    (permit.grants, permit.until_ms) = (List::new(vec![grant]).unwrap(), soon);
    ward.permit(0, permit.clone()).unwrap();
    let other = ward.make_permit(&ask, &[1]);
    ward.permit(0, other.clone()).unwrap();
    ward.read(3, ask.id, 0).unwrap();
    let late = ward.make_share(0, &ask, &permit, 0);
    ward.solo.pass(3_600_000);
    assert_eq!(ward.proxy_acts(late), Err(Rejection::PermitOver));
    ward.read(3, ask.id, 1).unwrap();
    let later = ward.make_share(0, &ask, &other, 1);
    ward.solo.time_ms = ask.terms.until_ms + 1;
    // In the very block after the period, before it is closed, and ever after.
    assert_eq!(ward.proxy_acts(later.clone()), Err(Rejection::PermitOver));
    assert_eq!(ward.proxy_acts(later), Err(Rejection::AskOver));
    assert_eq!(ward.read(3, ask.id, 1), Err(Rejection::AskOver));
    let last = ward.history(&ward.records[1].name()).pop();
    assert_eq!(last.unwrap(), "ask_ended");
}

#[test]
fn a_relative_acts_within_the_delegation_and_no_longer() {
    let mut ward = Ward::open();
    let ask = ward.ask(0);
    let relative = Actor::new(&mut ward.market.rng);
    let inbox = ward.visit(0).signer;
    let granting = ward.records[0].signer.clone();
    let keys = [&inbox, &granting].map(|key| key.verifying_key().to_bytes());
    let delegation = Delegation {
        delegate: relative.account(),
        encounters: List::new(keys.to_vec()).unwrap(),
        until_ms: ask.terms.until_ms + 1,
        nonce: [1; 32],
    };
    let id = delegation.name(&ward.market.chain);
    let made = ward.market.delegate(delegation, &[&inbox, &granting]);
    ward.solo.submit(made).unwrap();
    // The relative has a_k of the record's encounter, and signs with its own key.
    let mut permit = ward.make_permit(&ask, &[0]);
    let drawn = ward.drawn(ask.id);
    let record = &ward.records[0];
    let terms = ward
        .market
        .care_terms(&ask, record, &drawn, permit.until_ms)
        .unwrap();
    let grant = ward
        .market
        .care_grant(record, terms, &relative.key)
        .unwrap();
    permit.grants = List::new(vec![grant]).unwrap();
    let hand = Hand::Delegate(id);
    let signed = ward
        .market
        .sign_permit_as(permit.clone(), hand, &relative.key);
    ward.anyone_acts(Act::Permit(signed)).unwrap();
    ward.read(3, ask.id, 0).unwrap();
    ward.share(0, &ask, &permit, 0).unwrap();
    ward.share(1, &ask, &permit, 0).unwrap();
    assert!(
        ward.history(&ward.records[0].name())
            .contains(&"readable".to_owned())
    );
    // The other record's encounter is not in scope, whoever signs.
    let other = ward.make_permit(&ask, &[1]);
    let record = &ward.records[1];
    let terms = ward
        .market
        .care_terms(&ask, record, &drawn, other.until_ms)
        .unwrap();
    let grant = ward
        .market
        .care_grant(record, terms, &relative.key)
        .unwrap();
    let mut beyond = other.clone();
    beyond.grants = List::new(vec![grant]).unwrap();
    let beyond = ward.market.sign_permit_as(beyond, hand, &relative.key);
    ward.anyone_refused(Act::Permit(beyond), Rejection::DelegationScope);
    // The patient ends it: nothing more by the relative, not even taking back.
    let end = ward.market.end_delegation(id, &granting);
    ward.solo.submit(end).unwrap();
    let late = ward.market.sign_permit_as(other, hand, &relative.key);
    ward.anyone_refused(Act::Permit(late), Rejection::DelegationOver);
    let late = ward.market.revoke_permit(ask.id, hand, &relative.key);
    ward.refused(late, Rejection::DelegationOver);
    let revoke = ward.market.revoke_permit(ask.id, Hand::Patient, &inbox);
    ward.solo.submit(revoke).unwrap();
    let encounter = ward.visit(0).pseudonym();
    let trail = ward.history(&encounter);
    assert!(trail.contains(&"delegated".to_owned()));
    assert!(trail.contains(&"delegation_revoked".to_owned()));
}

#[test]
fn a_snapshot_holds_all_of_it() {
    let mut ward = Ward::open();
    ward.team();
    let (ask, permit) = ward.permitted(0);
    ward.read(3, ask.id, 0).unwrap();
    ward.share(0, &ask, &permit, 0).unwrap();
    let height = ward.solo.market.info().height;
    let hash = ward.solo.market.info().app_hash;
    let info = ward.solo.market.take_snapshot(height);
    let mut other = Market::new();
    other.init_chain(&ward.market.genesis);
    assert!(other.offer(&info, hash));
    let count = u32::try_from(info.chunks.len()).unwrap();
    for index in 0..count {
        let chunk = ward.solo.market.load_chunk(height, index).unwrap();
        let done = other.apply_chunk(index, &chunk);
        assert!(matches!(
            done,
            Restoration::Continue | Restoration::Complete
        ));
    }
    assert_eq!(other.info().app_hash, hash);
    // What was only derived is derived again: the next share is checked against the restored grant.
    std::mem::swap(&mut ward.solo.market, &mut other);
    ward.share(1, &ask, &permit, 0).unwrap();
    assert_eq!(ward.read(3, ask.id, 0), Err(Rejection::ReadTwice));
    assert!(ward.solo.market.info().height > Height::new(0));
}

#[test]
fn the_elected_proxies_serve_without_a_draw() {
    let mut ward = Ward::open();
    let elect = Convening::Elect(Office::Proxies { count: 3 });
    let elect = ward.market.by_registrar(Body::Convene(elect));
    ward.solo.submit(elect).unwrap();
    ward.two_rounds();
    let committee = ward.solo.contract().convene().committee().unwrap();
    let ask = ward.make_ask(0);
    ward.doctor_acts(3, Act::Ask(ask.terms.clone())).unwrap();
    assert_eq!(ward.drawn(ask.id), committee);
    let permit = ward.make_permit(&ask, &[0]);
    ward.permit(0, permit.clone()).unwrap();
    ward.read(3, ask.id, 0).unwrap();
    ward.share(0, &ask, &permit, 0).unwrap();
    // Their duties are the office's and the ask's.
    let duties = |ward: &Ward| {
        let proxy = ward.see(&format!("proxy/{}", committee[0].0));
        proxy["duties"].as_u64().unwrap()
    };
    assert_eq!(duties(&ward), 2);
    ward.doctor_acts(3, Act::Withdraw { ask: ask.id }).unwrap();
    assert_eq!(duties(&ward), 1);
    // An ask for another number has a draw of its own.
    let mut other = ward.make_ask(1);
    other.terms.threshold = 3;
    let id = other.terms.name(&ward.market.chain, &other.doctor);
    ward.doctor_acts(3, Act::Ask(other.terms)).unwrap();
    assert!(ward.drawn(id).is_empty());
    ward.two_rounds();
    assert_eq!(ward.drawn(id).len(), 5);
}

#[test]
fn a_doctor_has_so_many_open_asks() {
    let mut ward = Ward::open();
    let asks: Vec<_> = (0..=MOST_OPEN_ASKS as u32)
        .map(|visit| ward.make_ask(visit))
        .collect();
    let ids: Vec<_> = asks.iter().map(|ask| ask.id).collect();
    let asks = asks.into_iter().map(|ask| Act::Ask(ask.terms));
    let transactions = asks.map(|ask| ward.by_doctor(3, ask)).collect();
    let outcomes = ward.solo.block(transactions);
    let (last, before) = outcomes.split_last().unwrap();
    assert!(before.iter().all(|outcome| outcome.code == 0));
    assert_eq!(last.code, Rejection::TooManyAsks.code());
    // To withdraw one makes no room before its draw, for whoever stands cannot leave.
    let first = ids[0];
    ward.doctor_acts(3, Act::Withdraw { ask: first }).unwrap();
    let one_more = Act::Ask(ward.make_ask(99).terms);
    ward.doctor_refused(3, one_more.clone(), Rejection::TooManyAsks);
    ward.two_rounds();
    ward.doctor_acts(3, one_more).unwrap();
}
