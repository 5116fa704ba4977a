//! One test for each attack on teams, asks, permits and reads that the contract can see: refused with its
//! own reason, and nothing changed but the attacker's counter.

use eligo_marketplace::care::Act;
use eligo_marketplace::care::act::{Delegation, Hand, Permit, RecordGrant, SignerEntry};
use eligo_marketplace::care::scenario::{MadeAsk, encounter_of, plan, signer_entry};
use eligo_marketplace::encoding::{Blob, List};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::Actor;
use eligo_marketplace::transaction::{Body, SignedTransaction};
use eligo_sharing::keys::ReceivingKey;
use eligo_sharing::oms::{Case, MultiSigner, Opinion, VerifiedChain};
use eligo_sharing::tcpre::GrantTerms;

use super::ward::{WELCOME, Ward};

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
    let mut changed = bytes.to_vec();
    changed[at..at + to.len()].copy_from_slice(to);
    changed
}

fn opinion(at: (eligo_marketplace::care::act::TeamName, u64), chain: &[u8]) -> Act {
    Act::SignOpinion {
        team: at.0,
        epoch: at.1,
        chain: Blob::new(chain.to_vec()).unwrap(),
    }
}

#[test]
fn forged_opinion() {
    let mut ward = Ward::open();
    let at = (ward.team(), 0);
    // Somebody signs in doctor 0's name with another key.
    let rogue = MultiSigner::generate(&mut ward.market.rng);
    let registered = rogue.public().register(&rogue.prove_possession()).unwrap();
    let names: Vec<_> = ward.doctors[..3].iter().map(|d| d.name()).collect();
    let case: Case = eligo_marketplace::care::case(&ward.market.chain, &at.0, 0, &names);
    let (text, _) = Opinion::commit(b"nothing wrong", &mut ward.market.rng);
    let rng = &mut ward.market.rng;
    let forged = VerifiedChain::begin(case).sign(&rogue, &registered, text, rng);
    let forged = forged.unwrap().to_bytes();
    let own = *ward.doctors[0].registered.id().as_bytes();
    let renamed = replace(&forged, registered.id().as_bytes(), &own);
    ward.doctor_refused(0, opinion(at, &forged), Rejection::ChainContinuation);
    ward.doctor_refused(0, opinion(at, &renamed), Rejection::ChainSignature);
    ward.doctor_refused(0, opinion(at, b"no chain"), Rejection::ChainMalformed);
    // A right one from anybody else's account is nobody's.
    let right = ward.opine(&[0, 1, 2], at, &[], "right");
    ward.doctor_refused(3, opinion(at, &right), Rejection::NotPermitted);
    ward.sign(0, at, &right).unwrap();
}

#[test]
fn modified_chain() {
    let mut ward = Ward::open();
    let at = (ward.team(), 0);
    let first = ward.opine(&[0, 1, 2], at, &[], "infarct");
    ward.sign(0, at, &first).unwrap();
    let second = ward.opine(&[0, 1, 2], at, &first, "I agree");
    // Doctor 1 exchanges doctor 0's opinion for another of doctor 0's making, or for noise.
    let other = ward.opine(&[0, 1, 2], at, &[], "no infarct");
    let on_other = ward.opine(&[0, 1, 2], at, &other, "I agree");
    ward.doctor_refused(1, opinion(at, &on_other), Rejection::ChainContinuation);
    let steps = eligo_sharing::oms::Chain::from_bytes(&second).unwrap();
    let [theirs, mine] = [0, 1].map(|n: usize| *steps.steps()[n].1.as_bytes());
    let noise = replace(&second, &theirs, &[5; 32]);
    ward.doctor_refused(1, opinion(at, &noise), Rejection::ChainContinuation);
    let changed = replace(&second, &mine, &[5; 32]);
    ward.doctor_refused(1, opinion(at, &changed), Rejection::ChainSignature);
    ward.sign(1, at, &second).unwrap();
}

#[test]
fn swapped_order() {
    let mut ward = Ward::open();
    let at = (ward.team(), 0);
    let early = ward.opine(&[1, 0, 2], at, &[], "me first");
    ward.doctor_refused(1, opinion(at, &early), Rejection::NotInTurn);
    let both = ward.opine(&[1, 0, 2], at, &early, "second");
    ward.doctor_refused(0, opinion(at, &both), Rejection::ChainContinuation);
    // One doctor cannot sign for the next either.
    let first = ward.opine(&[0, 1, 2], at, &[], "first");
    let two = ward.opine(&[0, 1, 2], at, &first, "second");
    ward.doctor_refused(0, opinion(at, &two), Rejection::ChainContinuation);
}

#[test]
fn signatures_moved_to_another_encounter() {
    let mut ward = Ward::open();
    let (one, other) = (ward.team(), ward.market.seal(0, None));
    let two = ward.team_for(encounter_of(&other));
    let first = ward.opine(&[0, 1, 2], (one, 0), &[], "infarct");
    ward.doctor_refused(0, opinion((two, 0), &first), Rejection::ChainSignature);
    let encounters = [one.encounter, two.encounter];
    let renamed = replace(&first, encounters[0].as_bytes(), encounters[1].as_bytes());
    ward.doctor_refused(0, opinion((two, 0), &renamed), Rejection::ChainSignature);
    ward.sign(0, (one, 0), &first).unwrap();
}

#[test]
fn rogue_signing_key_without_possession() {
    let mut ward = Ward::open();
    let (actor, victim) = (Actor::new(&mut ward.market.rng), &ward.doctors[0]);
    let rogue = MultiSigner::generate(&mut ward.market.rng);
    let mut entry = signer_entry(victim);
    entry.key = Blob::new(rogue.public().to_bytes()).unwrap();
    // The victim's proof does not prove the rogue key, and the victim's key is taken.
    ward.doctor_refused(1, Act::EnterSigner(entry), Rejection::SignerKey);
    let copied = signer_entry(&ward.doctors[0]);
    ward.doctor_refused(1, Act::EnterSigner(copied), Rejection::SignerTwice);
    // A key of its own with the victim's prekey, so that letters to it can be read by another.
    let disguised = SignerEntry {
        key: Blob::new(rogue.public().to_bytes()).unwrap(),
        possession: Blob::new(rogue.prove_possession().to_bytes()).unwrap(),
        prekey: signer_entry(&ward.doctors[0]).prekey,
    };
    ward.doctor_refused(1, Act::EnterSigner(disguised.clone()), Rejection::Prekey);
    let stranger = ward.market.act(&actor.key, Act::EnterSigner(disguised));
    ward.refused(stranger, Rejection::NotPermitted);
}

#[test]
fn doctors_who_are_not_employed() {
    let mut ward = Ward::open();
    // Of another hospital, in an ask, in a team.
    let inbox = ward.visit(0).signer;
    let foreign = ward.market.make_ask(&ward.doctors[0].actor, 1, &inbox);
    ward.doctor_refused(0, Act::Ask(foreign.terms), Rejection::NotEmployed);
    let encounter = encounter_of(&ward.records[0]);
    let team = plan(&ward.accounts(&[0, 3]), WELCOME);
    let assign = Act::AssignTeam { encounter, team };
    ward.hospital_refused(0, assign, Rejection::NotEmployed);
    // Let go, between permit and read.
    let (ask, _) = ward.permitted(0);
    let doctor = ward.doctors[3].account();
    ward.hospital_acts(1, Act::Release { doctor }).unwrap();
    let record = ward.records[0].name();
    let read = Act::Read {
        ask: ask.id,
        record,
    };
    ward.doctor_refused(3, read.clone(), Rejection::NotEmployed);
    let late = ward.make_ask(1);
    ward.doctor_refused(3, Act::Ask(late.terms), Rejection::NotEmployed);
    // Employed again for an hour, which passes.
    let until_ms = ward.solo.time_ms + 3_600_000;
    ward.hospital_acts(1, Act::Employ { doctor, until_ms })
        .unwrap();
    ward.solo.pass(3_602_000);
    ward.doctor_refused(3, read.clone(), Rejection::NotEmployed);
    // Employed, but no doctor any more.
    let employ = ward.market.employ(1, doctor);
    ward.solo.submit(employ).unwrap();
    let dismiss = ward.market.by_registrar(Body::Dismiss { party: doctor });
    ward.solo.submit(dismiss).unwrap();
    ward.doctor_refused(3, read, Rejection::NotPermitted);
}

#[test]
fn identity_disguise() {
    let mut ward = Ward::open();
    let (ask, _) = ward.permitted(0);
    let record = ward.records[0].name();
    let read = Act::Read {
        ask: ask.id,
        record,
    };
    // A colleague, the hospital, a stranger.
    let colleague = ward.accounts(&[0])[0];
    let employ = ward.market.employ(1, colleague);
    ward.solo.submit(employ).unwrap();
    ward.doctor_refused(0, read.clone(), Rejection::NotAsker);
    ward.hospital_refused(1, read.clone(), Rejection::NotAsker);
    ward.anyone_refused(read.clone(), Rejection::NotAsker);
    let withdraw = Act::Withdraw { ask: ask.id };
    ward.doctor_refused(0, withdraw, Rejection::NotAsker);
    // The asker's name over another's signature.
    let chain = ward.market.chain;
    let signed = SignedTransaction::sign(chain, &ward.doctors[0].actor.key, 77, Body::Care(read));
    let forged = replace(
        signed.to_transaction().unwrap().bytes(),
        ward.doctors[0].account().as_bytes(),
        ward.doctors[3].account().as_bytes(),
    );
    let forged = eligo_ledger::block::Transaction::new(forged).unwrap();
    ward.refused(forged, Rejection::Signature);
    // A colleague asks with the form and receiving key of another, to be sent what that one is granted.
    let copied = ask.terms.clone();
    ward.doctor_refused(0, Act::Ask(copied), Rejection::ReceiverTwice);
    // Hospitals and patients do not ask.
    let fresh = ward.make_ask(1).terms;
    ward.hospital_refused(1, Act::Ask(fresh.clone()), Rejection::NotPermitted);
    ward.anyone_refused(Act::Ask(fresh), Rejection::NotPermitted);
}

#[test]
fn binding_attack_with_a_receiving_key_not_possessed() {
    let mut ward = Ward::open();
    let mut ask = ward.make_ask(0).terms;
    let victim = ReceivingKey::generate(&mut ward.market.rng);
    ask.receiver = victim.public().to_bytes();
    ward.doctor_refused(3, Act::Ask(ask.clone()), Rejection::ReceivingPossession);
    ask.receiver = [0; 48];
    ward.doctor_refused(3, Act::Ask(ask), Rejection::ReceivingKey);
}

#[test]
fn asks_beyond_the_form() {
    let mut ward = Ward::open();
    let honest = ward.make_ask(0).terms;
    let now = ward.solo.time_ms;
    for until_ms in [0, now - 1, now + 91 * 86_400_000] {
        let asked = Act::Ask(eligo_marketplace::care::act::AskTerms {
            until_ms,
            ..honest.clone()
        });
        ward.doctor_refused(3, asked, Rejection::AskPeriod);
    }
    for threshold in [0, 1, 9, 33] {
        let asked = Act::Ask(eligo_marketplace::care::act::AskTerms {
            threshold,
            ..honest.clone()
        });
        ward.doctor_refused(3, asked, Rejection::ProxyPolicy);
    }
    let many = Act::Ask(eligo_marketplace::care::act::AskTerms {
        threshold: 4,
        ..honest.clone()
    });
    ward.doctor_refused(3, many, Rejection::Electorate);
    let mut nowhere = honest;
    nowhere.inbox = [0; 32];
    ward.doctor_refused(3, Act::Ask(nowhere), Rejection::Inbox);
}

#[test]
fn replayed_ask_permit_and_share() {
    let mut ward = Ward::open();
    let ask = ward.ask(0);
    let again = Act::Ask(ask.terms.clone());
    ward.doctor_refused(3, again.clone(), Rejection::AskTwice);
    let permit = ward.make_permit(&ask, &[0]);
    ward.permit(0, permit.clone()).unwrap();
    let replayed = ward
        .market
        .sign_permit(permit.clone(), &ward.visit(0).signer);
    ward.anyone_refused(Act::Permit(replayed), Rejection::PermitTwice);
    // The same grant in another permit.
    let mut shorter = ward.make_permit(&ask, &[1]);
    let grants = [permit.grants.as_slice(), shorter.grants.as_slice()].concat();
    shorter.grants = List::new(grants).unwrap();
    let signed = ward.market.sign_permit(shorter, &ward.visit(0).signer);
    ward.anyone_refused(Act::Permit(signed), Rejection::GrantedTwice);
    ward.read(3, ask.id, 0).unwrap();
    let record = ward.records[0].name();
    let read = Act::Read {
        ask: ask.id,
        record,
    };
    ward.doctor_refused(3, read, Rejection::ReadTwice);
    let share = ward.make_share(0, &ask, &permit, 0);
    ward.proxy_acts(share.clone()).unwrap();
    let twice = ward.proxy_acts(share.clone());
    assert_eq!(twice, Err(Rejection::ShareTwice));
    // Another proxy hands in the first one's share.
    let (second, _) = ward.make_share(1, &ask, &permit, 0);
    let copied = ward.proxy_acts((second, share.1));
    assert_eq!(copied, Err(Rejection::ShareMalformed));
    // After it is over, the ask does not begin anew.
    let withdraw = Act::Withdraw { ask: ask.id };
    ward.doctor_acts(3, withdraw).unwrap();
    ward.doctor_refused(3, again, Rejection::AskTwice);
}

/// A permit of record 0 whose grant is made under other terms.
fn permit_with(ward: &mut Ward, ask: &MadeAsk, change: impl FnOnce(&mut GrantTerms)) -> Permit {
    let drawn = ward.drawn(ask.id);
    let until_ms = ask.terms.until_ms;
    let record = &ward.records[0];
    let terms = ward.market.care_terms(ask, record, &drawn, until_ms);
    let mut terms = terms.unwrap();
    change(&mut terms);
    let signer = record.signer.clone();
    let grant = ward.market.care_grant(record, terms, &signer).unwrap();
    permit_of(ask, vec![grant])
}

fn permit_of(ask: &MadeAsk, grants: Vec<RecordGrant>) -> Permit {
    Permit {
        ask: ask.id,
        until_ms: ask.terms.until_ms,
        grants: List::new(grants).unwrap(),
        tokens: List::default(),
    }
}

fn permit_refused(ward: &mut Ward, permit: Permit, reason: Rejection) {
    let signed = ward.market.sign_permit(permit, &ward.visit(0).signer);
    ward.anyone_refused(Act::Permit(signed), reason);
}

#[test]
fn grants_for_something_else_in_a_permit() {
    let mut ward = Ward::open();
    let (ask, other) = (ward.ask(0), ward.ask(1));
    // Another receiver, ask, roster, period.
    let receiver = other.receiving.public();
    let permit = permit_with(&mut ward, &ask, |terms| terms.receiver = receiver);
    permit_refused(&mut ward, permit, Rejection::GrantRecipient);
    let elsewhere = other.id.into();
    let permit = permit_with(&mut ward, &ask, |terms| terms.requirement = elsewhere);
    permit_refused(&mut ward, permit, Rejection::GrantRequirement);
    let mut drawn = ward.drawn(ask.id);
    drawn.reverse();
    let reversed = eligo_marketplace::scenario::Scenario::<crate::support::Toy>::roster(&drawn);
    let permit = permit_with(&mut ward, &ask, |terms| terms.proxies = reversed.unwrap());
    permit_refused(&mut ward, permit, Rejection::GrantProxies);
    let (begin, end) = (ward.solo.time_ms / 1000, ask.terms.until_ms / 1000);
    for (begin, end) in [(begin - 9, end + 1), (begin - 9, end - 1), (end - 1, end)] {
        let window = eligo_sharing::tcpre::Window::new(begin, end).unwrap();
        let permit = permit_with(&mut ward, &ask, |terms| terms.window = window);
        permit_refused(&mut ward, permit, Rejection::GrantWindow);
    }
    // Another record's grant, and another encounter's signature.
    let mut permit = ward.make_permit(&ask, &[0]);
    let mut moved = permit.grants.as_slice()[0].clone();
    moved.record = ward.records[1].name();
    permit.grants = List::new(vec![moved]).unwrap();
    permit_refused(&mut ward, permit, Rejection::GrantRecord);
    let drawn = ward.drawn(ask.id);
    let record = &ward.records[0];
    let terms = ward
        .market
        .care_terms(&ask, record, &drawn, ask.terms.until_ms)
        .unwrap();
    let thief = ward.visit(0).signer;
    let grant = ward.market.care_grant(record, terms, &thief).unwrap();
    permit_refused(
        &mut ward,
        permit_of(&ask, vec![grant]),
        Rejection::GrantSignature,
    );
    let noise = RecordGrant {
        record: ward.records[0].name(),
        grant: Blob::new(vec![1; 99]).unwrap(),
    };
    permit_refused(
        &mut ward,
        permit_of(&ask, vec![noise]),
        Rejection::GrantMalformed,
    );
    let mut unknown = ward.make_permit(&ask, &[0]).grants.as_slice()[0].clone();
    unknown.record = eligo_marketplace::name::RecordName::new([1; 32]);
    permit_refused(
        &mut ward,
        permit_of(&ask, vec![unknown]),
        Rejection::UnknownRecord,
    );
    // One bad grant among good ones: nothing of it counts.
    let mut both = ward.make_permit(&ask, &[0, 1]).grants.as_slice().to_vec();
    both[1].grant = both[0].grant.clone();
    permit_refused(&mut ward, permit_of(&ask, both), Rejection::GrantRecord);
    let good = ward.make_permit(&ask, &[0, 1]);
    ward.permit(0, good).unwrap();
}

#[test]
fn permits_by_another_hand_for_another_period_or_of_nothing() {
    let mut ward = Ward::open();
    let ask = ward.ask(0);
    let permit = ward.make_permit(&ask, &[0]);
    for thief in [ward.visit(1).signer, ward.records[0].signer.clone()] {
        let signed = ward.market.sign_permit(permit.clone(), &thief);
        ward.anyone_refused(Act::Permit(signed), Rejection::PermitSignature);
        let revoke = ward.market.revoke_permit(ask.id, Hand::Patient, &thief);
        ward.refused(revoke, Rejection::PermitSignature);
    }
    let asked = ask.terms.until_ms;
    for until_ms in [asked + 1000, asked - 1, ward.solo.time_ms - 1000] {
        let mut other = permit.clone();
        other.until_ms = until_ms;
        permit_refused(&mut ward, other, Rejection::PermitPeriod);
    }
    permit_refused(
        &mut ward,
        permit_of(&ask, Vec::new()),
        Rejection::PermitSize,
    );
    // Before anything is drawn there is nobody to grant to.
    let undrawn = ward.make_ask(2);
    ward.doctor_acts(3, Act::Ask(undrawn.terms.clone()))
        .unwrap();
    let mut early = permit;
    early.ask = undrawn.id;
    let signed = ward.market.sign_permit(early, &ward.visit(2).signer);
    ward.anyone_refused(Act::Permit(signed), Rejection::AskPending);
}

#[test]
fn reading_without_beyond_and_after_the_permit() {
    let mut ward = Ward::open();
    let ask = ward.ask(0);
    let record = |ward: &Ward, n: usize| Act::Read {
        ask: ask.id,
        record: ward.records[n].name(),
    };
    let read = record(&ward, 0);
    ward.doctor_refused(3, read.clone(), Rejection::NotGranted);
    let permit = ward.make_permit(&ask, &[0]);
    ward.permit(0, permit.clone()).unwrap();
    let beyond = record(&ward, 1);
    ward.doctor_refused(3, beyond, Rejection::NotGranted);
    // A proxy shares nothing that nobody reads, in whoever's favour.
    let share = ward.make_share(0, &ask, &permit, 0);
    assert_eq!(ward.proxy_acts(share.clone()), Err(Rejection::NotRead));
    ward.doctor_acts(3, read.clone()).unwrap();
    let opened = Act::Opened {
        ask: ask.id,
        record: ward.records[0].name(),
        right: true,
    };
    ward.doctor_refused(3, opened, Rejection::NotReadable);
    // Whoever was not drawn does not share.
    let drawn = ward.drawn(ask.id);
    let outsider = (0..5).find(|n: &usize| {
        let account = ward.market.proxies[*n].actor.account();
        drawn.iter().all(|(drawn, _)| *drawn != account)
    });
    let stolen = ward.proxy_acts((outsider.unwrap(), share.1.clone()));
    assert_eq!(stolen, Err(Rejection::NotDrawn));
    let inbox = ward.visit(0).signer;
    let revoke = ward.market.revoke_permit(ask.id, Hand::Patient, &inbox);
    ward.solo.submit(revoke.clone()).unwrap();
    ward.doctor_refused(3, read, Rejection::PermitRevoked);
    assert_eq!(ward.proxy_acts(share), Err(Rejection::PermitRevoked));
    // Nor is it permitted or revoked again.
    let other = ward.make_permit(&ask, &[1]);
    permit_refused(&mut ward, other, Rejection::PermitRevoked);
    ward.refused(revoke, Rejection::Replayed);
    let revoke = ward.market.revoke_permit(ask.id, Hand::Patient, &inbox);
    ward.refused(revoke, Rejection::PermitRevoked);
}

#[test]
fn a_false_share_is_held_against_its_proxy_and_read_by_nobody() {
    let mut ward = Ward::open();
    let (ask, permit) = ward.permitted(0);
    ward.read(3, ask.id, 0).unwrap();
    // Another proxy's pairing value under this one's number; and its own right share of another record,
    // which names another grant.
    let bytes = |act: &Act| match act {
        Act::Share { share, .. } => share.as_slice().to_vec(),
        _ => Vec::new(),
    };
    let (proxy, own) = ward.make_share(0, &ask, &permit, 0);
    let (_, theirs) = ward.make_share(1, &ask, &permit, 0);
    let (mut own, theirs) = (bytes(&own), bytes(&theirs));
    let rho = own.len() - (4 + 48) - (4 + 32) - 576;
    own[rho..rho + 576].copy_from_slice(&theirs[rho..rho + 576]);
    let record = ward.records[0].name();
    let lie = |share: Vec<u8>| Act::Share {
        ask: ask.id,
        record,
        share: Blob::new(share).unwrap(),
    };
    let (_, other) = ward.make_share(0, &ask, &permit, 1);
    let moved = ward.proxy_acts((proxy, lie(bytes(&other))));
    assert_eq!(moved, Err(Rejection::ShareMalformed));
    let lie = lie(own);
    assert_eq!(ward.proxy_acts((proxy, lie)), Err(Rejection::FalseShare));
    let account = ward.drawn(ask.id)[0].0;
    let seen = ward.see(&format!("proxy/{account}"));
    assert_eq!(
        (&seen["jailed"], &seen["stake"]),
        (&true.into(), &950.into())
    );
    ward.solo.contract().check_books().unwrap();
    let trail = ward.history(&record);
    assert!(trail.contains(&"false_care_share".to_owned()));
    ward.share(1, &ask, &permit, 0).unwrap();
    ward.share(2, &ask, &permit, 0).unwrap();
    assert_eq!(ward.history(&record).pop().unwrap(), "readable");
}

#[test]
fn delegations_that_were_not_made() {
    let mut ward = Ward::open();
    let ask = ward.ask(0);
    let relative = Actor::new(&mut ward.market.rng);
    let (inbox, thief) = (ward.visit(0).signer, ward.visit(7).signer);
    let keys = vec![inbox.verifying_key().to_bytes()];
    let honest = Delegation {
        delegate: relative.account(),
        encounters: List::new(keys.clone()).unwrap(),
        until_ms: ward.solo.time_ms + 7_200_000,
        nonce: [1; 32],
    };
    let forged = ward.market.delegate(honest.clone(), &[&thief]);
    ward.refused(forged, Rejection::DelegationSignature);
    let unsigned = ward.market.delegate(honest.clone(), &[]);
    ward.refused(unsigned, Rejection::DelegationSignature);
    let mut twice = honest.clone();
    twice.encounters = List::new([keys.clone(), keys].concat()).unwrap();
    let twice = ward.market.delegate(twice, &[&inbox, &inbox]);
    ward.refused(twice, Rejection::DelegationTerms);
    for until_ms in [1, ward.solo.time_ms + 400 * 86_400_000] {
        let mut other = honest.clone();
        other.until_ms = until_ms;
        let other = ward.market.delegate(other, &[&inbox]);
        ward.refused(other, Rejection::DelegationTerms);
    }
    let id = honest.name(&ward.market.chain);
    let hand = Hand::Delegate(id);
    let revoke = ward.market.revoke_permit(ask.id, hand, &relative.key);
    ward.refused(revoke, Rejection::UnknownDelegation);
    let made = ward.market.delegate(honest.clone(), &[&inbox]);
    ward.solo.submit(made).unwrap();
    let again = ward.market.delegate(honest, &[&inbox]);
    ward.refused(again, Rejection::DelegationTwice);
    let end = ward.market.end_delegation(id, &thief);
    ward.refused(end, Rejection::DelegationScope);
    // Not by another's key, not for another's inbox, not after its end.
    let permit = ward.make_permit(&ask, &[0]);
    let signed = ward.market.sign_permit_as(permit.clone(), hand, &thief);
    ward.anyone_refused(Act::Permit(signed), Rejection::PermitSignature);
    let other = ward.ask(1);
    let revoke = ward.market.revoke_permit(other.id, hand, &relative.key);
    ward.refused(revoke, Rejection::DelegationScope);
    // A permit does not outlast the delegation.
    let signed = ward.market.sign_permit_as(permit, hand, &relative.key);
    ward.anyone_refused(Act::Permit(signed.clone()), Rejection::PermitPeriod);
    ward.solo.pass(7_200_000);
    ward.anyone_refused(Act::Permit(signed), Rejection::DelegationOver);
}
