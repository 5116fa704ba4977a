//! A node can prove whatever it tells, and leave the rest out. In a key generation much follows from what was not
//! said: so nothing is said there, and nothing sealed to a key, before the chain itself says how much was.

use std::sync::{Arc, Mutex};

use crate::desk::passes_on;
use eligo_ledger::block::Transaction;
use eligo_ledger::wire::Wire;
use eligo_marketplace::agent::{
    Account, Agent, AuthorityAgent, AuthorityIdentity, Journal, read_share,
};
use eligo_marketplace::application::Market;
use eligo_marketplace::client::{Client, Desk, DeskError, Problem, Said};
use eligo_marketplace::convene::act::{Act, CeremonyTerms, KeyPurpose, Windows};
use eligo_marketplace::convene::event::Convened;
use eligo_marketplace::convene::transcript::Stage;
use eligo_marketplace::convene::view::CeremonyView;
use eligo_marketplace::encoding::List;
use eligo_marketplace::event::Event;
use eligo_marketplace::node::Node;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::transaction::{Body, SignedTransaction};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

use super::authority::open;
/// A node that says that the shares are to be opened, and leaves out what was exposed; it lets nothing be said.
struct Omitting {
    node: Arc<Node<Market>>,
    openings: Mutex<u32>,
}

impl Desk for Omitting {
    passes_on!(genesis height block proof objects);
    fn submit(&self, transaction: &Transaction) -> Result<Said, DeskError> {
        let signed = SignedTransaction::from_wire(transaction.bytes()).unwrap();
        if matches!(signed.body(), Body::Convene(Act::Say { .. })) {
            *self.openings.lock().unwrap() += 1;
            let code = Rejection::CeremonyStage.code();
            return Err(Problem::rejected(code, "CeremonyStage", "").into());
        }
        self.node.submit(transaction)
    }
    fn query(&self, path: &str, data: &[u8]) -> Result<Option<Vec<u8>>, DeskError> {
        let answer = self.node.query(path, data)?;
        let ceremonies = path.starts_with("convene/ceremonies");
        if !ceremonies && !path.starts_with("events/ceremony/") {
            return Ok(answer);
        }
        let mut told: Vec<Value> = serde_json::from_slice(&answer.unwrap()).unwrap();
        if ceremonies {
            told[0]["stage"] = json!(Stage::Open);
        }
        told.retain(|step| {
            let exposed = |event: Event| {
                matches!(event, Event::Convened(Convened::Said { stage, .. }) if stage == Stage::Expose)
            };
            ceremonies || !exposed(serde_json::from_value(step["event"].clone()).unwrap())
        });
        Ok(Some(serde_json::to_vec(&told).unwrap()))
    }
}

/// With the exposures left out all shares of a dealer would seem to be wanted, and their sum is the secret.
#[test]
fn a_node_that_leaves_words_out_gets_no_share_and_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let (market, client) = open(folder.path());
    let identities: Vec<_> = (0..3)
        .map(|at| {
            let account = market.institutions[at].key.clone();
            let mut rng = ChaCha20Rng::seed_from_u64(90 + at as u64);
            AuthorityIdentity::generate("authority", account, &mut rng)
        })
        .collect();
    let cards = identities.iter().map(AuthorityIdentity::card);
    let terms = CeremonyTerms {
        purpose: KeyPurpose::Identity,
        threshold: 2,
        authorities: List::new(cards.collect()).unwrap(),
        windows: Windows {
            blocks: 100,
            ms: 600_000,
        },
    };
    let registrar = Account::new(&client, &market.registrar.key);
    let begun = registrar.send(Body::Convene(Act::Begin(terms))).unwrap();
    begun.accepted().unwrap();
    let view = || -> CeremonyView { client.ceremonies().unwrap().remove(0) };
    let journal = |at: usize| Journal::open(&folder.path().join(format!("a{at}"))).unwrap();
    let step = |at: usize| {
        let mut agent = AuthorityAgent::new(&client, &identities[at], journal(at));
        agent.step().unwrap()
    };
    while view().stage != Stage::Object {
        for at in 0..3 {
            if view().stage != Stage::Object {
                step(at);
            }
        }
    }
    let desk = Omitting {
        node: client.desk().clone(),
        openings: Mutex::new(0),
    };
    let lied_to = Client::new(market.genesis.clone(), desk).unwrap();
    assert_eq!(lied_to.ceremonies().unwrap()[0].stage, Stage::Open);
    for (at, identity) in identities.iter().enumerate() {
        let deeds = AuthorityAgent::new(&lied_to, identity, journal(at)).step();
        assert!(deeds.unwrap().is_empty());
    }
    assert_eq!(*lied_to.desk().openings.lock().unwrap(), 0);
    // Told the truth they go on, and have their shares.
    while !(0..3).all(|at| {
        read_share(&journal(at), &view().ceremony)
            .unwrap()
            .is_some()
    }) {
        (0..3).for_each(|at| drop(step(at)));
    }
    let settled = view();
    assert!(client.settled_key(&settled).unwrap().is_some());
    // Nor is anything sealed to a key that follows from a part of what was said.
    assert!(!matches!(lied_to.settled_key(&settled), Ok(Some(_))));
    // The chain says nothing that is not so.
    let account = Account::new(&client, &market.registrar.key);
    let Act::Witness {
        ceremony,
        said,
        key,
        ..
    } = client.witness(&settled).unwrap()
    else {
        panic!("no witness");
    };
    for (stage, said, key) in [
        (Stage::Open, said, None),
        (Stage::Settled, said - 1, key),
        (Stage::Settled, said, None),
        (Stage::Settled, said, Some([7; 32])),
    ] {
        let witness = Act::Witness {
            ceremony,
            stage,
            said,
            key,
        };
        let sent = account.send(Body::Convene(witness)).unwrap();
        assert_eq!(sent.result, Err(Rejection::CeremonyStage), "{stage:?}");
    }
}
