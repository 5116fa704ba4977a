//! Who serves an ask: whoever asks again, however often and whatever came of it, has no other draw.

use eligo_ledger::wire::Wire;
use eligo_marketplace::care::Act;
use eligo_marketplace::care::act::Hand;
use eligo_marketplace::care::scenario::{HOUR_MS, MadeAsk};
use eligo_marketplace::contract::Contract;
use eligo_marketplace::convene::act::{Act as Convene, DrawnProxy};
use eligo_marketplace::encoding::{Blob, List};
use eligo_marketplace::name::{AccountId, AskId, RequirementName};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Actor, Config};
use eligo_marketplace::transaction::{Body, ProxyEntry};

use crate::fair::Fair;

use super::ward::Ward;

type Drawn = Vec<(AccountId, [u8; 48])>;

impl Ward {
    /// Asks, without waiting for a draw.
    fn asks(&mut self, visit: u32) -> MadeAsk {
        let ask = self.make_ask(visit);
        self.doctor_acts(3, Act::Ask(ask.terms.clone())).unwrap();
        ask
    }

    fn withdraw(&mut self, ask: &MadeAsk) {
        self.doctor_acts(3, Act::Withdraw { ask: ask.id }).unwrap();
    }

    /// How many duties each proxy of the roster has.
    fn duties(&self) -> Vec<u64> {
        let proxies = self.see("proxies");
        let proxies = proxies.as_array().unwrap().iter();
        proxies.map(|p| p["duties"].as_u64().unwrap()).collect()
    }

    fn place(&self, account: &AccountId) -> usize {
        let mut proxies = self.market.proxies.iter();
        proxies.position(|p| p.actor.account() == *account).unwrap()
    }

    fn leave(&mut self, proxy: usize) {
        let leave = self.market.by_proxy(proxy, Body::WithdrawProxy);
        self.solo.submit(leave).unwrap();
    }
}

#[test]
fn who_asks_again_is_served_by_the_same() {
    let mut ward = Ward::open();
    let first = ward.ask(0);
    let drawn: Drawn = ward.drawn(first.id);
    assert_eq!(drawn.len(), 3);
    // Withdrawn, though the beacon would draw others by now.
    ward.withdraw(&first);
    let second = ward.asks(0);
    assert_eq!(ward.drawn(second.id), drawn);
    assert_eq!(ward.duties().iter().sum::<u64>(), 3);
    // Revoked by the patient.
    let permit = ward.make_permit(&second, &[0]);
    ward.permit(0, permit).unwrap();
    let inbox = ward.visit(0).signer;
    let revoke = ward.market.revoke_permit(second.id, Hand::Patient, &inbox);
    ward.solo.submit(revoke).unwrap();
    // Asked for a moment, which is over.
    let mut third = ward.make_ask(0);
    third.terms.until_ms = ward.solo.time_ms + 2_000;
    third.id = third.terms.name(&ward.market.chain, &third.doctor);
    ward.doctor_acts(3, Act::Ask(third.terms.clone())).unwrap();
    assert_eq!(ward.drawn(third.id), drawn);
    ward.solo.pass(5_000);
    ward.solo.pass(0);
    assert_eq!(ward.duties().iter().sum::<u64>(), 0);
    // By a colleague.
    let colleague = ward.doctors[0].account();
    let employ = ward.market.employ(1, colleague);
    ward.solo.submit(employ).unwrap();
    let fourth = ward.market.make_ask(&ward.doctors[0].actor, 1, &inbox);
    ward.doctor_acts(0, Act::Ask(fourth.terms)).unwrap();
    assert_eq!(ward.drawn(fourth.id), drawn);
    // They serve it to the end, as if they had been drawn for it.
    let ask = ward.asks(0);
    let permit = ward.make_permit(&ask, &[1]);
    ward.permit(0, permit.clone()).unwrap();
    ward.read(3, ask.id, 1).unwrap();
    for place in 0..2 {
        ward.share(place, &ask, &permit, 1).unwrap();
    }
    // At another encounter there is another draw.
    let elsewhere = ward.asks(1);
    assert!(ward.drawn(elsewhere.id).is_empty());
}

/// A doctor who has the beacon's round before the others withdraws in the same block, and asks again.
#[test]
fn a_draw_that_is_avoided_is_drawn_all_the_same() {
    let mut ward = Ward::open();
    let first = ward.asks(0);
    ward.withdraw(&first);
    assert_eq!(
        ward.duties(),
        [1; 5],
        "who stands could leave before the draw"
    );
    let early = ward.asks(0);
    ward.withdraw(&early);
    assert_eq!(ward.duties(), [2; 5]);
    assert!(ward.see("care/asks").as_array().unwrap().is_empty());
    assert_eq!(ward.see("status")["awaited_round"], 2);
    // A replica that restores the state draws as the others do.
    let bytes = ward.solo.contract().to_wire();
    let restored = Contract::from_wire(&bytes).unwrap();
    assert_eq!(restored.status_view().awaited_round, Some(2));
    ward.two_rounds();
    assert_eq!(ward.duties(), [0; 5]);
    let drawn = ward.drawn(first.id);
    assert_eq!((drawn.len(), &drawn), (3, &ward.drawn(early.id)));
    ward.two_rounds();
    let again = ward.asks(0);
    assert_eq!(ward.drawn(again.id), drawn);
    assert!(ward.see("status")["awaited_round"].is_null());
}

/// Asks made before change the asks' numbers, and nothing about a draw.
#[test]
fn a_draw_hangs_on_hospital_inbox_and_beacon_alone() {
    let drawn = |before: u32| {
        let mut ward = Ward::open();
        for visit in 1..=before {
            let ask = ward.asks(visit);
            ward.withdraw(&ask);
        }
        let ask = ward.ask(0);
        ward.drawn(ask.id)
    };
    let alone = drawn(0);
    assert_eq!(alone.len(), 3);
    for before in 1..5 {
        assert_eq!(drawn(before), alone);
    }
}

#[test]
fn only_the_places_of_those_who_no_longer_serve_are_drawn_anew() {
    let mut ward = Ward::open();
    let first = ward.ask(0);
    let drawn = ward.drawn(first.id);
    ward.withdraw(&first);
    let leaving = ward.place(&drawn[1].0);
    ward.leave(leaving);
    let second = ward.asks(0);
    assert!(ward.drawn(second.id).is_empty());
    let waiting = ward.asks(0);
    ward.two_rounds();
    let mended = ward.drawn(second.id);
    assert_eq!(mended.len(), 3);
    assert_eq!(mended[..2], [drawn[0], drawn[2]]);
    assert!(!drawn.contains(&mended[2]));
    assert_eq!(ward.drawn(waiting.id), mended);
    assert_eq!(ward.duties().iter().sum::<u64>(), 6);
    ward.withdraw(&second);
    ward.withdraw(&waiting);
    // Back in the roster it is one of all, and gets no place back.
    let proxy = &ward.market.proxies[leaving];
    let entry = ProxyEntry {
        key: proxy.key.public().to_bytes(),
        possession: proxy.key.prove_possession().to_bytes(),
        stake: eligo_marketplace::credits::Credits::new(100),
    };
    let back = ward.market.by_proxy(leaving, Body::RegisterProxy(entry));
    ward.solo.submit(back).unwrap();
    let third = ward.asks(0);
    assert_eq!(ward.drawn(third.id), mended);
    // A liar is replaced too.
    let permit = ward.make_permit(&third, &[0]);
    ward.permit(0, permit.clone()).unwrap();
    ward.read(3, third.id, 0).unwrap();
    // Another's pairing value under its own number.
    let bytes = |act: &Act| match act {
        Act::Share { share, .. } => share.as_slice().to_vec(),
        _ => Vec::new(),
    };
    let (liar, mut act) = ward.make_share(0, &third, &permit, 0);
    let theirs = bytes(&ward.make_share(1, &third, &permit, 0).1);
    let mut own = bytes(&act);
    let rho = own.len() - (4 + 48) - (4 + 32) - 576;
    own[rho..rho + 576].copy_from_slice(&theirs[rho..rho + 576]);
    if let Act::Share { share, .. } = &mut act {
        *share = Blob::new(own).unwrap();
    }
    assert_eq!(ward.proxy_acts((liar, act)), Err(Rejection::FalseShare));
    let fourth = ward.asks(0);
    ward.two_rounds();
    let others = ward.drawn(fourth.id);
    assert_eq!(others[..2], mended[1..]);
    assert!(!others.contains(&mended[0]));
}

#[test]
fn thresholds_are_the_first_asks_and_no_less_than_the_chains() {
    let mut ward = Ward::open();
    let first = ward.ask(0);
    let mut more = ward.make_ask(0);
    more.terms.threshold = 3;
    ward.doctor_refused(3, Act::Ask(more.terms.clone()), Rejection::AskThreshold);
    ward.withdraw(&first);
    ward.doctor_refused(3, Act::Ask(more.terms), Rejection::AskThreshold);
    let mut config = Config::default();
    config.parameters.least_threshold = 3;
    let mut ward = Ward::with(&config);
    let few = ward.make_ask(0);
    ward.doctor_refused(3, Act::Ask(few.terms), Rejection::ProxyPolicy);
    let mut enough = ward.make_ask(0);
    enough.terms.threshold = 3;
    enough.terms.until_ms -= HOUR_MS;
    ward.doctor_acts(3, Act::Ask(enough.terms)).unwrap();
    // Nor are requirements published with less.
    let mut wanted = ward.market.want(1, false);
    (wanted.offer.threshold, wanted.offer.proxies) = (2, 3);
    let publish = ward.market.publish(0, &mut wanted);
    let refused = ward.solo.submit(publish);
    assert_eq!(refused, Err(Rejection::ProxyPolicy));
    Fair::with(&config, false);
}

impl Ward {
    /// Somebody says who was drawn for an ask.
    fn witness(&mut self, ask: AskId, drawn: &[(AccountId, [u8; 48])]) -> Result<(), Rejection> {
        let nobody = Actor::new(&mut self.market.rng);
        let proxies = drawn.iter().map(|(account, key)| DrawnProxy {
            account: *account,
            key: *key,
        });
        let witness = Body::Convene(Convene::WitnessDraw {
            service: RequirementName::new(*ask.as_bytes()),
            proxies: List::new(proxies.collect()).unwrap(),
        });
        let witness = self.market.sign(&nobody.key, witness);
        self.solo.submit(witness)
    }
}

#[test]
fn the_contract_bears_witness_to_exactly_who_was_drawn() {
    let mut ward = Ward::open();
    let ask = ward.asks(0);
    assert_eq!(ward.witness(ask.id, &[]), Err(Rejection::DrawPending));
    ward.two_rounds();
    let drawn = ward.drawn(ask.id);
    ward.witness(ask.id, &drawn).unwrap();
    ward.witness(ask.id, &drawn).unwrap();
    let mut order = drawn.clone();
    order.swap(0, 1);
    let mut key = drawn.clone();
    key[0].1 = drawn[1].1;
    let mut more = drawn.clone();
    more.push(drawn[0]);
    for other in [order, key, more, drawn[1..].to_vec(), Vec::new()] {
        let refused = ward.witness(ask.id, &other);
        assert_eq!(refused, Err(Rejection::OtherDraw));
    }
    let nothing = AskId::new([9; 32]);
    let refused = ward.witness(nothing, &drawn);
    assert_eq!(refused, Err(Rejection::UnknownRequirement));
    assert_eq!(ward.drawn(ask.id), drawn);
}
