//! One sale from registration to settlement, and the ways it can end.

use crate::fair::Fair;
use eligo_ledger::application::{Application, Query};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::HOLDING;
use eligo_marketplace::transaction::Body;
use eligo_sharing::tcpre::{Capsule, Share, combine};

#[test]
fn a_sale_is_accepted_delivered_opened_and_settled() {
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    assert_eq!(fair.solo.status(&claim.id), "accepted");
    fair.share_by(0, &claim).unwrap();
    fair.share_by(1, &claim).unwrap();
    assert_eq!(fair.solo.status(&claim.id), "accepted");
    assert_eq!(fair.solo.credits(&claim.account.account()), 0);
    fair.share_by(2, &claim).unwrap();
    assert_eq!(fair.solo.status(&claim.id), "delivered");
    // A fourth honest proxy is paid as well.
    fair.share_by(3, &claim).unwrap();

    // The institution opens what was sealed.
    let view = fair
        .solo
        .contract()
        .claim_view(&claim.id)
        .unwrap()
        .accepted
        .unwrap();
    let capsule = Capsule::from_bytes(&fair.record.entry.capsule)
        .unwrap()
        .check()
        .unwrap();
    let shares: Vec<_> = view
        .shares
        .iter()
        .map(|(_, bytes)| Share::from_bytes(&hex::decode(bytes).unwrap()).unwrap())
        .map(|share| claim.grant.verify_share(&capsule, &share).unwrap())
        .collect();
    let key = combine(&fair.wanted.receiving, &claim.grant, &capsule, &shares).unwrap();
    let mut opened = Vec::new();
    key.open(&fair.record.ciphertext[..], &mut opened).unwrap();
    assert_eq!(opened, b"content");

    // Too early to settle; after the window it happens by itself.
    let settle = fair
        .market
        .by_institution(1, Body::Settle { claim: claim.id });
    assert_eq!(fair.solo.submit(settle), Err(Rejection::NotDue));
    fair.solo.pass(31_000);
    assert_eq!(fair.solo.status(&claim.id), "settled");
    assert_eq!(fair.solo.credits(&claim.account.account()), 100);
    let institution = fair.market.institutions[0].account();
    // Two wanted: one still in escrow (110), one sold for 100 and four fees.
    assert_eq!(
        fair.solo.credits(&institution),
        HOLDING.get() - 110 - 100 - 8
    );
    let record = fair
        .solo
        .contract()
        .record_view(&fair.record.name())
        .unwrap();
    assert!(record.licences[0].running);
    fair.solo.contract().check_books().unwrap();
}

#[test]
fn silence_ends_in_expiry_and_the_money_goes_back() {
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    fair.share_by(0, &claim).unwrap();
    let early = fair
        .market
        .by_institution(1, Body::Expire { claim: claim.id });
    assert_eq!(fair.solo.submit(early), Err(Rejection::NotDue));
    fair.solo.pass(61_000);
    assert_eq!(fair.solo.status(&claim.id), "expired");
    let institution = fair.market.institutions[0].account();
    // One slot is still in escrow, and one fee was earned.
    assert_eq!(fair.solo.credits(&institution), HOLDING.get() - 110 - 2);
    let proxies: Vec<_> = fair
        .solo
        .drawn(&fair.wanted.name)
        .iter()
        .map(|(account, _)| fair.solo.contract().proxy_view(account).unwrap().silences)
        .collect();
    assert_eq!(proxies, [0, 1, 1, 1, 1]);
    // Nothing was disclosed: licence and nullifier are free again.
    let record = fair
        .solo
        .contract()
        .record_view(&fair.record.name())
        .unwrap();
    assert!(record.licences.is_empty());
    let again = fair.claim(1);
    fair.solo.submit(again.transaction.clone()).unwrap();
    // A share for the first claim comes too late.
    assert_eq!(fair.share_by(1, &claim), Err(Rejection::ClaimExpired));
}

#[test]
fn a_withdrawn_requirement_returns_what_is_not_reserved() {
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    let name = fair.wanted.name;
    let foreign = fair
        .market
        .by_institution(1, Body::WithdrawRequirement { requirement: name });
    assert_eq!(fair.solo.submit(foreign), Err(Rejection::NotOwner));
    let own = fair
        .market
        .by_institution(0, Body::WithdrawRequirement { requirement: name });
    fair.solo.submit(own).unwrap();
    let institution = fair.market.institutions[0].account();
    assert_eq!(fair.solo.credits(&institution), HOLDING.get() - 110);
    // The accepted claim goes on.
    for proxy in 0..3 {
        fair.share_by(proxy, &claim).unwrap();
    }
    fair.solo.pass(31_000);
    assert_eq!(fair.solo.status(&claim.id), "settled");
    let late = fair.claim(2);
    assert_eq!(
        fair.solo.submit(late.transaction),
        Err(Rejection::RequirementClosed)
    );
}

#[test]
fn a_proxy_leaves_when_nothing_needs_it() {
    let mut fair = Fair::open();
    let leave = fair.market.by_proxy(0, Body::WithdrawProxy);
    assert_eq!(fair.solo.submit(leave), Err(Rejection::ProxyBusy));
    let name = fair.wanted.name;
    let end = fair
        .market
        .by_institution(0, Body::WithdrawRequirement { requirement: name });
    fair.solo.submit(end).unwrap();
    let leave = fair.market.by_proxy(0, Body::WithdrawProxy);
    fair.solo.submit(leave).unwrap();
    let proxy = fair.market.proxies[0].actor.account();
    assert_eq!(fair.solo.credits(&proxy), HOLDING.get());
}

#[test]
fn a_past_deadline_closes_a_requirement() {
    let mut fair = Fair::open();
    fair.solo.pass(40 * 86_400_000);
    let institution = fair.market.institutions[0].account();
    assert_eq!(fair.solo.credits(&institution), HOLDING.get());
    let view = fair
        .solo
        .contract()
        .requirement_view(&fair.wanted.name)
        .unwrap();
    assert_eq!((view.status, view.escrow.get()), ("past", 0));
}

#[test]
fn counts_name_no_record_and_count_each_person_once() {
    let mut fair = Fair::open();
    let draft = fair.market.draft(3, 4);
    let publish = fair.market.by_institution(0, Body::Draft(draft.clone()));
    fair.solo.submit(publish).unwrap();
    let now = fair.solo.time_ms;
    let (account, count) = fair.market.count(1, &draft, 0, now).unwrap();
    fair.solo.submit(count).unwrap();
    assert_eq!(fair.solo.credits(&account.account()), 4);
    let (_, again) = fair.market.count(1, &draft, 0, now).unwrap();
    assert_eq!(fair.solo.submit(again), Err(Rejection::NullifierUsed));
    let (_, other) = fair.market.count(2, &draft, 0, now).unwrap();
    fair.solo.submit(other).unwrap();
    let name = draft
        .requirement(&fair.market.chain, "Institute 0")
        .unwrap();
    assert_eq!(
        fair.solo
            .contract()
            .requirement_view(&name)
            .unwrap()
            .counted,
        2
    );
    // The sale of the same person is another nullifier.
    let claim = fair.claim(1);
    fair.solo.submit(claim.transaction).unwrap();
}

#[test]
fn everything_can_be_asked_for() {
    let mut fair = Fair::open();
    let claim = fair.claimed(1);
    let ask = |fair: &Fair, path: String| {
        let answer = fair.solo.market.query(&Query {
            path,
            data: Vec::new(),
        });
        answer
            .value
            .map(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).unwrap())
    };
    let status = ask(&fair, "status".into()).unwrap();
    assert_eq!(status["claims"], 1);
    assert_eq!(status["chain"], fair.market.chain.to_string());
    let offers = ask(&fair, "offers".into()).unwrap();
    assert_eq!(offers[0]["requirement"], fair.wanted.name.to_string());
    assert_eq!(offers[0]["sale"]["drawn"].as_array().unwrap().len(), 5);
    let view = ask(&fair, format!("claim/{}", claim.id)).unwrap();
    assert_eq!(view["status"], "accepted");
    let events = ask(&fair, format!("events/record/{}", fair.record.name())).unwrap();
    assert!(events[0]["event"]["record_registered"].is_object());
    assert!(events[1]["event"]["claim_accepted"].is_object());
    let page = ask(&fair, "events?after=1&limit=2".into()).unwrap();
    assert_eq!(page.as_array().unwrap().len(), 2);
    for list in [
        "parties",
        "records",
        "requirements",
        "drafts",
        "claims",
        "proxies",
        "arbiters",
    ] {
        assert!(ask(&fair, list.into()).unwrap().is_array(), "{list}");
    }
    let institution = fair.market.institutions[0].account();
    let account = ask(&fair, format!("account/{institution}")).unwrap();
    assert_eq!(account["party"]["role"], "institution");
    for nothing in [
        "",
        "x",
        "claim/00",
        "claim",
        "events/x/y",
        "status?x",
        "offers?limit=-1",
    ] {
        assert_eq!(ask(&fair, nothing.into()), None, "{nothing}");
    }
}
