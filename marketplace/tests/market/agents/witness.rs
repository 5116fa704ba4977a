//! Who was drawn: nobody grants to proxies that a node chose.

use eligo_marketplace::agent::trail::{AskTrail, witnessed, witnessed_offer};
use eligo_marketplace::care::CareEvent;
use eligo_marketplace::care::scenario::MadeAsk;
use eligo_marketplace::convene::act::{Act, DrawnProxy};
use eligo_marketplace::convene::event::Convened;
use eligo_marketplace::name::RequirementName;

use super::lying::Lying;
use super::*;

fn nonsense<T: core::fmt::Debug>(answer: Result<T, AgentError>) {
    assert!(
        matches!(answer, Err(AgentError::Nonsense { .. })),
        "{answer:?}"
    );
}

fn service_of(ask: &MadeAsk) -> RequirementName {
    RequirementName::new(*ask.id.as_bytes())
}

/// Who was drawn for an ask, as the node tells it, with their keys.
fn drawn_for<D: Desk>(client: &Client<D>, ask: &MadeAsk) -> Vec<DrawnProxy> {
    let trail = AskTrail::proved(client, &ask.id).unwrap().unwrap();
    let roster = trail.roster(client).unwrap().unwrap();
    let keys = roster.iter().map(|(_, key)| key.to_bytes());
    let accounts = trail.drawn().unwrap().iter().copied();
    let drawn = accounts
        .zip(keys)
        .map(|(account, key)| DrawnProxy { account, key });
    drawn.collect()
}

impl Fair {
    /// How often the contract bore witness to a draw.
    fn witnesses(&self, service: RequirementName) -> usize {
        let steps = self.client.history(&Subject::Requirement(service)).unwrap();
        let told = steps
            .iter()
            .filter(|step| matches!(step.event, Event::Convened(Convened::DrawWitnessed { .. })));
        told.count()
    }

    /// As many proxies as were drawn, one of them another.
    fn others(&self, drawn: &[AccountId]) -> Vec<AccountId> {
        let mut all = self.market.proxies.iter().map(|p| p.actor.account());
        let stranger = all.find(|account| !drawn.contains(account)).unwrap();
        let mut others = drawn.to_vec();
        others[0] = stranger;
        others
    }
}

#[test]
fn a_node_that_names_other_proxies_gets_no_grant() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    fair.registered(folder.path());
    let clinic = fair.clinic();
    let ask = fair.ask(&clinic);
    let drawn: Vec<_> = drawn_for(&fair.client, &ask)
        .iter()
        .map(|p| p.account)
        .collect();
    let mut turned = drawn.clone();
    turned.reverse();
    for others in [fair.others(&drawn), turned] {
        let named = List::new(others.clone()).unwrap();
        let liar = Lying::altering(&fair, move |event| {
            if let Event::Care(CareEvent::AskDrawn { proxies, .. }) = event {
                *proxies = named.clone();
            }
        });
        // All of them are proxies, with the keys they stood with.
        let trail = AskTrail::proved(&liar, &ask.id).unwrap().unwrap();
        assert_eq!(trail.drawn().unwrap(), others);
        assert!(trail.roster(&liar).unwrap().is_some());
        nonsense(trail.witnessed_roster(&liar));
    }
    assert_eq!(fair.witnesses(service_of(&ask)), 0);
    // With an honest one it is granted, and the contract is asked once.
    for _ in 0..2 {
        let client = Client::new(fair.market.genesis.clone(), fair.client.desk().clone()).unwrap();
        drop(fair.permit_by(&client, &ask));
        assert_eq!(fair.witnesses(service_of(&ask)), 1);
    }
    // Now the contract's word contradicts the node's.
    let named = List::new(fair.others(&drawn)).unwrap();
    let liar = Lying::altering(&fair, move |event| {
        if let Event::Care(CareEvent::AskDrawn { proxies, .. }) = event {
            *proxies = named.clone();
        }
    });
    let trail = AskTrail::proved(&liar, &ask.id).unwrap().unwrap();
    nonsense(trail.witnessed_roster(&liar));
}

#[test]
fn a_refused_witness_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    fair.registered(folder.path());
    let clinic = fair.clinic();
    let ask = fair.ask(&clinic);
    let service = service_of(&ask);
    let mut turned = drawn_for(&fair.client, &ask);
    turned.reverse();
    let stranger = fair.stranger();
    let refused = fair.sends(
        &stranger.key,
        Body::Convene(Act::WitnessDraw {
            service,
            proxies: List::new(turned.clone()).unwrap(),
        }),
    );
    assert_eq!(refused.outcome.code, Rejection::OtherDraw.code());
    let event = Event::Convened(Convened::DrawWitnessed {
        service,
        proxies: u16::try_from(turned.len()).unwrap(),
    });
    let liar = Lying::about(&fair, &refused, event);
    let answer = witnessed(&liar, service, turned);
    assert!(matches!(answer, Err(AgentError::Unproved(_))), "{answer:?}");
}

#[test]
fn an_offers_proxies_are_the_ones_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let fair = open(folder.path(), LONG_MS);
    fair.registered(folder.path());
    fair.publish();
    let name = fair.wanted.name;
    let seen = fair.client.requirement(&name).unwrap().unwrap();
    let mut drawn = seen.sale.unwrap().drawn.unwrap();
    drawn.reverse();
    // Every one of them stood, with this key.
    fair.client.check_drawn(&name, &drawn).unwrap();
    nonsense(witnessed_offer(&fair.client, name, &drawn));
    drawn.reverse();
    witnessed_offer(&fair.client, name, &drawn).unwrap();
    witnessed_offer(&fair.client, name, &drawn).unwrap();
    assert_eq!(fair.witnesses(name), 1);
}
