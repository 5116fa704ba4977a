//! One test for each attack that the contract can see: refused with its own reason, and nothing changed but
//! the attacker's counter (and, for a claim, the note that it was rejected).

#![allow(missing_docs, clippy::unwrap_used)]

mod market;
mod support;

use ark_bn254::Fr;
use eligo_ledger::block::Transaction;
use eligo_ledger::wire::Wire;
use eligo_marketplace::credits::Credits;
use eligo_marketplace::encoding::Blob;
use eligo_marketplace::entry::sign_withdrawal;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Actor, Config, MadeClaim, Prover, Scenario, proxy_entry};
use eligo_marketplace::transaction::{Body, ClaimRequest, SignedTransaction, claim_context};
use eligo_sharing::keys::{ReceivingKey, RecordKey};
use eligo_sharing::tcpre::{
    GrantTerms, ProxyRoster, RequirementId, Revocation, Share, SignedGrant, Window, grant,
};
use eligo_verifier_contract::{Day, Proof, PublicInputs};
use market::{Fair, refused};
use support::rerandomised;

fn day(fair: &Fair) -> Day {
    Day::from_unix(fair.solo.time_ms / 1000).unwrap()
}

/// A claim's request by another account, or with other inputs, proved for what it says.
fn altered(
    fair: &mut Fair,
    claim: &MadeClaim,
    change: impl FnOnce(&mut PublicInputs),
    prove: bool,
) -> Transaction {
    let mut inputs = PublicInputs::from_bytes(&claim.request.inputs).unwrap();
    change(&mut inputs);
    let mut request = claim.request.clone();
    request.inputs = inputs.to_bytes();
    if prove {
        request.proof = fair.market.prover.prove(1, &inputs).to_bytes();
    }
    let key = claim.account.key.clone();
    fair.market.sign(&key, Body::Claim(request))
}

#[test]
fn double_claim() {
    let mut fair = Fair::open();
    fair.claimed(1);
    let record = fair.register(0);
    let another = fair.market.want(1, false);
    let wanted = std::mem::replace(&mut fair.wanted, another);
    let again = fair.claim_on(1, &wanted, &record);
    refused(&mut fair, again.transaction, Rejection::NullifierUsed);
}

#[test]
fn copied_proof_from_another_account() {
    let mut fair = Fair::open();
    let claim = fair.claim(1);
    let thief = Actor::new(&mut fair.market.rng);
    let copy = fair
        .market
        .sign(&thief.key, Body::Claim(claim.request.clone()));
    refused(&mut fair, copy, Rejection::Context);
    // The owner's goes through all the same.
    fair.solo.submit(claim.transaction).unwrap();
}

#[test]
fn rerandomised_proof_from_another_account() {
    let mut fair = Fair::open();
    let claim = fair.claim(1);
    let thief = Actor::new(&mut fair.market.rng);
    let proof = Proof::from_bytes(&claim.request.proof).unwrap();
    let mut request = claim.request.clone();
    request.proof = rerandomised(&fair.market.prover, &proof).to_bytes();
    assert_ne!(request.proof, claim.request.proof);
    let copy = fair.market.sign(&thief.key, Body::Claim(request.clone()));
    refused(&mut fair, copy, Rejection::Context);
    // With the thief's context instead, it proves nothing.
    let signed = SignedGrant::from_bytes(request.grant.as_slice()).unwrap();
    let mut inputs = PublicInputs::from_bytes(&request.inputs).unwrap();
    inputs.context = claim_context(&fair.market.chain, &thief.account(), Some(&signed));
    request.inputs = inputs.to_bytes();
    let forged = fair.market.sign(&thief.key, Body::Claim(request));
    refused(&mut fair, forged, Rejection::Proof);
}

#[test]
fn proof_for_another_requirement() {
    let mut fair = Fair::open();
    let other = fair.market.want(1, false);
    let other = fair.publish(1, other);
    let claim = fair.claim(1);
    let mut request = claim.request.clone();
    request.requirement = other.name;
    let key = claim.account.key.clone();
    let moved = fair.market.sign(&key, Body::Claim(request));
    refused(&mut fair, moved, Rejection::OtherRequirement);
    // Its name in the inputs too: the proof is not for that.
    let requirement = eligo_verifier_contract::Requirement::from_bytes(other.name.as_bytes());
    let mut request = claim.request.clone();
    request.requirement = other.name;
    let mut inputs = PublicInputs::from_bytes(&request.inputs).unwrap();
    inputs.requirement = requirement.unwrap();
    request.inputs = inputs.to_bytes();
    let moved = fair.market.sign(&key, Body::Claim(request));
    refused(&mut fair, moved, Rejection::GrantRecipient);
}

#[test]
fn stale_and_future_today() {
    let mut fair = Fair::open();
    let claim = fair.claim(1);
    let today = day(&fair).number();
    for wrong in [today - 2, today + 1] {
        let day = Day::from_number(wrong).unwrap();
        let stale = altered(&mut fair, &claim, |inputs| inputs.today = day, true);
        refused(&mut fair, stale, Rejection::Today);
    }
    let yesterday = Day::from_number(today - 1).unwrap();
    let late = altered(&mut fair, &claim, |inputs| inputs.today = yesterday, true);
    fair.solo.submit(late).unwrap();
}

#[test]
fn claim_for_a_block_of_the_day_after_tomorrow() {
    let mut fair = Fair::open();
    let claim = fair.claim(1);
    fair.solo.time_ms += 2 * 86_400_000;
    refused(&mut fair, claim.transaction, Rejection::Today);
}

#[test]
fn record_under_a_live_exclusive_licence() {
    let mut fair = Fair::with(&Config::default(), true);
    fair.claimed(1);
    for exclusive in [false, true] {
        let other = fair.market.want(1, exclusive);
        let other = fair.publish(1, other);
        let (drawn, now) = (fair.solo.drawn(&other.name), fair.solo.time_ms);
        let resale = fair
            .market
            .claim(1, &other, &fair.record, &drawn, now)
            .unwrap();
        refused(&mut fair, resale.transaction, Rejection::ExclusiveLicence);
    }
}

#[test]
fn exclusive_sale_of_a_record_already_licensed() {
    let mut fair = Fair::open();
    fair.claimed(1);
    let other = fair.market.want(1, true);
    let other = fair.publish(1, other);
    let (drawn, now) = (fair.solo.drawn(&other.name), fair.solo.time_ms);
    let resale = fair
        .market
        .claim(1, &other, &fair.record, &drawn, now)
        .unwrap();
    refused(&mut fair, resale.transaction, Rejection::ExclusiveLicence);
}

#[test]
fn reissued_record_does_not_evade_an_exclusive_licence() {
    let mut fair = Fair::with(&Config::default(), true);
    fair.claimed(1);
    let reissued = fair.market.seal(0, Some(fair.record.name()));
    let registration = fair.market.register(0, &reissued);
    fair.solo.submit(registration).unwrap();
    let other = fair.market.want(1, false);
    let other = fair.publish(1, other);
    let resale = fair.claim_on(1, &other, &reissued);
    refused(&mut fair, resale.transaction, Rejection::ExclusiveLicence);
}

#[test]
fn an_exclusive_licence_that_ended_excludes_nobody() {
    let mut fair = Fair::open();
    let mut wanted = fair.market.want(1, true);
    wanted.offer.licence.until = Some(wanted.offer.question.deadline);
    let wanted = fair.publish(0, wanted);
    let record = fair.register(0);
    let claim = fair.claim_on(1, &wanted, &record);
    fair.solo.submit(claim.transaction.clone()).unwrap();
    for place in 0..3 {
        let account = fair.solo.drawn(&wanted.name)[place].0;
        let now = fair.solo.time_ms;
        let share = fair.market.share(&account, &claim, &record, now).unwrap();
        fair.solo.submit(share).unwrap();
    }
    fair.solo.pass(40 * 86_400_000);
    assert_eq!(fair.solo.status(&claim.id), "settled");
    let mut later = fair.market.want(1, true);
    later.offer.question.deadline += 62;
    let later = fair.publish(1, later);
    let resale = fair.claim_on(1, &later, &record);
    fair.solo.submit(resale.transaction).unwrap();
}

#[test]
fn self_signed_credential() {
    let mut fair = Fair::open();
    let claim = fair.claim(1);
    // Issuers of one's own: not the tree the contract built.
    let own = eligo_verifier_contract::IssuersRoot::from_field(Fr::from(7));
    let forged = altered(&mut fair, &claim, |inputs| inputs.issuers = own, true);
    refused(&mut fair, forged, Rejection::OtherIssuers);
    // The right tree, and a proof of something else.
    let forged = altered(&mut fair, &claim, |_| (), false);
    let mut signed = SignedTransaction::from_wire(forged.bytes()).unwrap();
    let Body::Claim(request) = signed.body() else {
        unreachable!()
    };
    let mut request = request.clone();
    let mut inputs = PublicInputs::from_bytes(&request.inputs).unwrap();
    inputs.issuers = own;
    request.proof = fair.market.prover.prove(1, &inputs).to_bytes();
    let key = claim.account.key.clone();
    signed = SignedTransaction::sign(fair.market.chain, &key, 9, Body::Claim(request));
    refused(
        &mut fair,
        signed.to_transaction().unwrap(),
        Rejection::Proof,
    );
}

#[test]
fn record_of_a_hospital_that_is_not_accepted() {
    let mut fair = Fair::open();
    let record = fair.register(1);
    let mut wanted = fair.market.want(1, false);
    let first = fair.market.prover.issuers()[0];
    wanted.offer.question.issuers = eligo_marketplace::encoding::List::new(vec![first]).unwrap();
    let wanted = fair.publish(0, wanted);
    let claim = fair.claim_on(1, &wanted, &record);
    refused(&mut fair, claim.transaction, Rejection::HospitalNotAccepted);
}

#[test]
fn record_of_a_dismissed_hospital() {
    let mut fair = Fair::open();
    let party = fair.market.hospitals[0].account();
    let dismiss = fair.market.by_registrar(Body::Dismiss { party });
    fair.solo.submit(dismiss).unwrap();
    let claim = fair.claim(1);
    refused(&mut fair, claim.transaction, Rejection::HospitalDismissed);
}

#[test]
fn record_of_a_hospital_without_bond() {
    let mut fair = Fair::open();
    let amount = Credits::new(1_500);
    let withdraw = fair.market.by_hospital(0, Body::WithdrawBond { amount });
    fair.solo.submit(withdraw).unwrap();
    let claim = fair.claim(1);
    refused(&mut fair, claim.transaction, Rejection::HospitalBond);
}

#[test]
fn bond_taken_away_under_an_open_claim() {
    let mut fair = Fair::open();
    fair.claimed(1);
    let amount = Credits::new(1);
    let withdraw = fair.market.by_hospital(0, Body::WithdrawBond { amount });
    refused(&mut fair, withdraw, Rejection::BondCommitted);
}

#[test]
fn unregistered_or_withdrawn_record() {
    let mut fair = Fair::open();
    let loose = fair.market.seal(0, None);
    let wanted = fair.market.want(2, false);
    let wanted = fair.publish(1, wanted);
    let claim = fair.claim_on(1, &wanted, &loose);
    refused(&mut fair, claim.transaction, Rejection::UnknownRecord);
    let name = fair.record.name();
    let forged = Body::WithdrawRecord {
        record: name,
        signature: sign_withdrawal(&fair.market.chain, &name, &loose.signer),
    };
    let forged = fair.market.by_hospital(0, forged);
    refused(&mut fair, forged, Rejection::PatientSignature);
    let signature = sign_withdrawal(&fair.market.chain, &name, &fair.record.signer);
    let record = name;
    let withdraw = fair
        .market
        .by_hospital(0, Body::WithdrawRecord { record, signature });
    fair.solo.submit(withdraw).unwrap();
    let claim = fair.claim(1);
    refused(&mut fair, claim.transaction, Rejection::RecordWithdrawn);
}

#[test]
fn proof_for_another_sealed_record() {
    let mut fair = Fair::open();
    let other = fair.register(0);
    let claim = fair.claim(1);
    let mut request = claim.request.clone();
    request.record = other.name();
    let key = claim.account.key.clone();
    let moved = fair.market.sign(&key, Body::Claim(request));
    refused(&mut fair, moved, Rejection::OtherRecord);
}

#[test]
fn count_claim_on_an_offer_and_sale_claim_on_a_draft() {
    let mut fair = Fair::open();
    let draft = fair.market.draft(3, 0);
    let publish = fair.market.by_institution(0, Body::Draft(draft.clone()));
    fair.solo.submit(publish).unwrap();
    let name = draft
        .requirement(&fair.market.chain, "Institute 0")
        .unwrap();
    let claim = fair.claim(1);
    let mut request = claim.request.clone();
    request.requirement = name;
    let key = claim.account.key.clone();
    let sale = fair.market.sign(&key, Body::Claim(request));
    refused(&mut fair, sale, Rejection::Kind);
    let now = fair.solo.time_ms;
    let (account, count) = fair.market.count(1, &draft, 0, now).unwrap();
    let signed = SignedTransaction::from_wire(count.bytes()).unwrap();
    let Body::Count(request) = signed.body() else {
        unreachable!()
    };
    let mut wrong = request.clone();
    wrong.requirement = fair.wanted.name;
    let wrong = fair.market.sign(&account.key, Body::Count(wrong));
    refused(&mut fair, wrong, Rejection::Kind);
    // That account is not a fresh one any more.
    let again = fair.market.sign(&account.key, Body::Count(request.clone()));
    refused(&mut fair, again, Rejection::NotOneTime);
}

/// A claim whose grant is about something else than it must be.
fn with_grant(fair: &mut Fair, change: impl FnOnce(&mut GrantTerms)) -> Transaction {
    let (drawn, now) = (fair.solo.drawn(&fair.wanted.name), fair.solo.time_ms);
    let mut terms = fair
        .market
        .grant_terms(&fair.wanted, &fair.record, &drawn, now)
        .unwrap();
    change(&mut terms);
    let claim = fair
        .market
        .claim_with(1, &fair.wanted, &fair.record, &terms, now);
    claim.unwrap().transaction
}

#[test]
fn grant_for_another_record() {
    let mut fair = Fair::open();
    let other = fair.register(0);
    let claim = with_grant(&mut fair, |terms| terms.label = *other.capsule.label());
    refused(&mut fair, claim, Rejection::GrantRecord);
}

#[test]
fn grant_for_another_institution() {
    let mut fair = Fair::open();
    let other = ReceivingKey::generate(&mut fair.market.rng).public();
    let claim = with_grant(&mut fair, |terms| terms.receiver = other);
    refused(&mut fair, claim, Rejection::GrantRecipient);
}

#[test]
fn grant_for_another_requirement() {
    let mut fair = Fair::open();
    let claim = with_grant(&mut fair, |terms| terms.requirement = RequirementId::NONE);
    refused(&mut fair, claim, Rejection::GrantRequirement);
}

#[test]
fn grant_for_proxies_of_ones_own_choice() {
    let mut fair = Fair::open();
    let keys: Vec<_> = fair
        .market
        .proxies
        .iter()
        .map(|proxy| proxy.key.public())
        .collect();
    let drawn = Scenario::<support::Toy>::roster(&fair.solo.drawn(&fair.wanted.name)).unwrap();
    let mut own = keys.clone();
    own.rotate_left(1);
    let mut roster = ProxyRoster::majority(own).unwrap();
    if roster == drawn {
        roster = ProxyRoster::majority(keys).unwrap();
    }
    let claim = with_grant(&mut fair, |terms| terms.proxies = roster);
    refused(&mut fair, claim, Rejection::GrantProxies);
    let lower = with_grant(&mut fair, |terms| {
        let keys = terms.proxies.iter().map(|(_, key)| *key).collect();
        terms.proxies = ProxyRoster::new(2, keys).unwrap();
    });
    refused(&mut fair, lower, Rejection::GrantProxies);
}

#[test]
fn grant_that_ends_before_delivery() {
    let mut fair = Fair::open();
    let now = fair.solo.time_ms / 1000;
    for window in [
        Window::new(now, now + 30),
        Window::new(now + 10, now + 86_400),
    ] {
        let window = window.unwrap();
        let claim = with_grant(&mut fair, |terms| terms.window = window);
        refused(&mut fair, claim, Rejection::GrantWindow);
    }
}

/// A claim over a grant made by hand.
fn granting(fair: &mut Fair, grant: &SignedGrant) -> Transaction {
    let account = Actor::new(&mut fair.market.rng);
    let root = fair.wanted.offer.question.issuers_root().unwrap();
    let sealed =
        eligo_verifier_contract::Sealed::from_bytes(fair.record.name().as_bytes()).unwrap();
    let granted = (account.account(), Some(grant));
    let now = fair.solo.time_ms;
    let about = (fair.wanted.name, root);
    let inputs = fair.market.inputs(1, about, sealed, granted, now).unwrap();
    let request = ClaimRequest {
        requirement: fair.wanted.name,
        record: fair.record.name(),
        inputs: inputs.to_bytes(),
        proof: fair.market.prover.prove(1, &inputs).to_bytes(),
        grant: Blob::new(grant.to_bytes()).unwrap(),
    };
    fair.market.sign(&account.key, Body::Claim(request))
}

#[test]
fn grant_signed_by_somebody_else() {
    let mut fair = Fair::open();
    let (drawn, now) = (fair.solo.drawn(&fair.wanted.name), fair.solo.time_ms);
    let terms = fair
        .market
        .grant_terms(&fair.wanted, &fair.record, &drawn, now)
        .unwrap();
    let other = Actor::new(&mut fair.market.rng).key;
    let forged = grant(&fair.record.key, terms, &other, &mut fair.market.rng).unwrap();
    let claim = granting(&mut fair, &forged);
    refused(&mut fair, claim, Rejection::GrantSignature);
}

#[test]
fn grant_with_a_wrong_share_for_one_proxy() {
    let mut fair = Fair::open();
    let (drawn, now) = (fair.solo.drawn(&fair.wanted.name), fair.solo.time_ms);
    let terms = fair
        .market
        .grant_terms(&fair.wanted, &fair.record, &drawn, now)
        .unwrap();
    // A grant by another secret under this record's key: every share is wrong, and the patient signs.
    let other = RecordKey::generate(&mut fair.market.rng);
    let mut foreign = terms.clone();
    foreign.key = other.public();
    let signer = fair.record.signer.clone();
    let made = grant(&other, foreign.clone(), &signer, &mut fair.market.rng).unwrap();
    let mut bytes = made.grant().to_bytes();
    let (from, to) = (foreign.key.to_bytes(), terms.key.to_bytes());
    let at = bytes.windows(96).position(|w| w == from).unwrap();
    bytes[at..at + 96].copy_from_slice(&to);
    let id = eligo_sharing::domain::sha256(&eligo_sharing::domain::lp(&[b"gid", &bytes]));
    let message = eligo_sharing::domain::lp(&[b"MEDPRE-V01-GRANT-SIGNATURE", &id]);
    let signature = ed25519_dalek::Signer::sign(&signer, &message).to_bytes();
    let key = signer.verifying_key();
    let signed = eligo_sharing::domain::lp(&[&bytes, key.as_bytes(), &signature]);
    let forged = SignedGrant::from_bytes(&signed).unwrap();
    let claim = granting(&mut fair, &forged);
    refused(&mut fair, claim, Rejection::GrantShares);
}

#[test]
fn false_share_is_refused_recorded_and_its_proxy_named() {
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    let drawn = fair.solo.drawn(&fair.wanted.name);
    let at = fair
        .market
        .proxies
        .iter()
        .position(|proxy| proxy.actor.account() == drawn[2].0)
        .unwrap();
    let capsule = fair.record.capsule.clone().check().unwrap();
    let make = |fair: &mut Fair, place: usize| {
        let account = fair.solo.drawn(&fair.wanted.name)[place].0;
        let proxy = fair
            .market
            .proxies
            .iter()
            .find(|p| p.actor.account() == account)
            .unwrap();
        let key = claim.grant.share_key(&proxy.key).unwrap();
        let now = fair.solo.time_ms / 1000;
        key.reencrypt(&capsule, now, &mut fair.market.rng)
            .unwrap()
            .to_bytes()
    };
    // Another proxy's pairing value under this one's number.
    let (mut lie, honest) = (make(&mut fair, 2), make(&mut fair, 1));
    let rho = lie.len() - (4 + 48) - (4 + 32) - 576;
    lie[rho..rho + 576].copy_from_slice(&honest[rho..rho + 576]);
    assert!(Share::from_bytes(&lie).is_ok());
    let share = Blob::new(lie).unwrap();
    let post = fair.market.by_proxy(
        at,
        Body::PostShare {
            claim: claim.id,
            share,
        },
    );
    assert_eq!(fair.solo.submit(post), Err(Rejection::FalseShare));
    let view = fair.solo.contract().proxy_view(&drawn[2].0).unwrap();
    assert_eq!(
        (view.stake.get(), view.jailed, view.false_shares),
        (950, true, 1)
    );
    assert_eq!(
        fair.solo.contract().status_view().forfeited,
        Credits::new(50)
    );
    let path = format!("events/party/{}", drawn[2].0);
    let events = eligo_marketplace::query::answer(fair.solo.contract(), &path).unwrap();
    assert!(String::from_utf8(events).unwrap().contains("false_share"));
    fair.solo.contract().check_books().unwrap();
    // The claim is delivered without it.
    for place in [0, 1, 3] {
        fair.share_by(place, &claim).unwrap();
    }
    assert_eq!(fair.solo.status(&claim.id), "delivered");
    // And it is not drawn again.
    let next = fair.market.want(1, false);
    let mut next = next;
    let publish = fair.market.publish(0, &mut next);
    refused(&mut fair, publish, Rejection::Electorate);
    // Nor does it come back as if new: it gets the rest of its stake, and its entry stays.
    fair.solo.pass(31_000);
    let requirement = fair.wanted.name;
    let withdraw = fair
        .market
        .by_institution(0, Body::WithdrawRequirement { requirement });
    fair.solo.submit(withdraw).unwrap();
    let before = fair.solo.credits(&drawn[2].0);
    let leave = fair.market.by_proxy(at, Body::WithdrawProxy);
    fair.solo.submit(leave).unwrap();
    assert_eq!(fair.solo.credits(&drawn[2].0), before + 950);
    let leave = fair.market.by_proxy(at, Body::WithdrawProxy);
    refused(&mut fair, leave, Rejection::UnknownProxy);
    let entry = proxy_entry(&fair.market.proxies[at].key, Credits::new(500));
    let again = fair.market.by_proxy(at, Body::RegisterProxy(entry));
    refused(&mut fair, again, Rejection::ProxyTwice);
    assert!(fair.solo.contract().proxy_view(&drawn[2].0).unwrap().jailed);
}

#[test]
fn slots_and_fees_used_up_by_claiming_and_revoking_again_and_again() {
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    // Two proxies, too few to deliver, are paid; then the patient revokes.
    for place in 0..2 {
        fair.share_by(place, &claim).unwrap();
    }
    let real = Revocation::new(claim.grant.id(), &fair.record.signer);
    let revocation = Blob::new(real.to_bytes()).unwrap();
    let body = Body::Revoke {
        claim: claim.id,
        revocation,
    };
    let revoke = fair.market.by_hospital(0, body);
    fair.solo.submit(revoke).unwrap();
    fair.solo.pass(1_000);
    fair.solo.pass(1_000);
    assert_eq!(fair.solo.status(&claim.id), "expired");
    let again = fair.claim(1);
    refused(&mut fair, again.transaction, Rejection::NullifierUsed);
}

#[test]
fn a_person_whose_proxies_kept_silent_may_claim_again() {
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    fair.solo.pass(61_000);
    assert_eq!(fair.solo.status(&claim.id), "expired");
    fair.claimed(1);
}

#[test]
fn claim_on_the_requirement_of_a_dismissed_institution() {
    let mut fair = Fair::open();
    let draft = fair.market.draft(3, 0);
    let publish = fair.market.by_institution(0, Body::Draft(draft.clone()));
    fair.solo.submit(publish).unwrap();
    let party = fair.market.institutions[0].account();
    let dismiss = fair.market.by_registrar(Body::Dismiss { party });
    fair.solo.submit(dismiss).unwrap();
    let claim = fair.claim(1);
    refused(
        &mut fair,
        claim.transaction,
        Rejection::InstitutionDismissed,
    );
    let now = fair.solo.time_ms;
    let (_, count) = fair.market.count(1, &draft, 0, now).unwrap();
    refused(&mut fair, count, Rejection::InstitutionDismissed);
    // It gets back what nobody may claim any more.
    let requirement = fair.wanted.name;
    let withdraw = fair
        .market
        .by_institution(0, Body::WithdrawRequirement { requirement });
    fair.solo.submit(withdraw).unwrap();
}

#[test]
fn share_by_a_stranger_for_another_or_twice() {
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    let account = fair.solo.drawn(&fair.wanted.name)[0].0;
    let now = fair.solo.time_ms;
    let share = fair
        .market
        .share(&account, &claim, &fair.record, now)
        .unwrap();
    let signed = SignedTransaction::from_wire(share.bytes()).unwrap();
    let stranger = Actor::new(&mut fair.market.rng);
    let stolen = fair.market.sign(&stranger.key, signed.body().clone());
    refused(&mut fair, stolen, Rejection::NotDrawn);
    let other = fair.solo.drawn(&fair.wanted.name)[1].0;
    let at = fair
        .market
        .proxies
        .iter()
        .position(|p| p.actor.account() == other)
        .unwrap();
    let stolen = fair.market.by_proxy(at, signed.body().clone());
    refused(&mut fair, stolen, Rejection::ShareMalformed);
    fair.solo.submit(share).unwrap();
    let at = fair
        .market
        .proxies
        .iter()
        .position(|p| p.actor.account() == account)
        .unwrap();
    let twice = fair.market.by_proxy(at, signed.body().clone());
    refused(&mut fair, twice, Rejection::ShareTwice);
}

#[test]
fn share_after_expiry() {
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    fair.solo.time_ms += 61_000;
    assert_eq!(fair.share_by(0, &claim), Err(Rejection::ClaimExpired));
    assert_eq!(fair.solo.status(&claim.id), "expired");
    assert_eq!(fair.share_by(0, &claim), Err(Rejection::ClaimExpired));
}

#[test]
fn share_after_revocation() {
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    let other = Actor::new(&mut fair.market.rng).key;
    let forged = Revocation::new(claim.grant.id(), &other);
    let revocation = Blob::new(forged.to_bytes()).unwrap();
    let forged = fair.market.by_hospital(
        0,
        Body::Revoke {
            claim: claim.id,
            revocation,
        },
    );
    refused(&mut fair, forged, Rejection::RevocationSignature);
    let real = Revocation::new(claim.grant.id(), &fair.record.signer);
    let revocation = Blob::new(real.to_bytes()).unwrap();
    let body = Body::Revoke {
        claim: claim.id,
        revocation,
    };
    let revoke = fair.market.by_hospital(0, body.clone());
    fair.solo.submit(revoke).unwrap();
    let again = fair.market.by_hospital(0, body);
    refused(&mut fair, again, Rejection::AlreadyRevoked);
    // It takes effect two blocks after its own, so the next block is too late, and the claim is over.
    assert_eq!(fair.share_by(0, &claim), Err(Rejection::Revoked));
    assert_eq!(fair.solo.status(&claim.id), "expired");
    let silences = |place: usize| {
        let account = fair.solo.drawn(&fair.wanted.name)[place].0;
        fair.solo.contract().proxy_view(&account).unwrap().silences
    };
    assert_eq!(
        (0..5).map(silences).sum::<u32>(),
        0,
        "obeying is not silence"
    );
}

#[test]
fn revocation_does_not_race_delivery() {
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    let real = Revocation::new(claim.grant.id(), &fair.record.signer);
    let revocation = Blob::new(real.to_bytes()).unwrap();
    let body = Body::Revoke {
        claim: claim.id,
        revocation,
    };
    let drawn = fair.solo.drawn(&fair.wanted.name);
    let now = fair.solo.time_ms;
    let mut block = vec![fair.market.by_hospital(0, body.clone())];
    for (account, _) in &drawn[..3] {
        block.push(
            fair.market
                .share(account, &claim, &fair.record, now)
                .unwrap(),
        );
    }
    assert!(
        fair.solo
            .block(block)
            .iter()
            .all(|outcome| outcome.code == 0)
    );
    assert_eq!(fair.solo.status(&claim.id), "delivered");
    let late = fair.market.by_hospital(0, body);
    refused(&mut fair, late, Rejection::ClaimState);
    fair.solo.pass(31_000);
    assert_eq!(fair.solo.status(&claim.id), "settled");
}
