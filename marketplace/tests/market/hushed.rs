//! A node that lies to a proxy's agent, so that it falls silent: it is asked again, and the share comes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::desk::passes_on;
use eligo_ledger::block::Transaction;
use eligo_ledger::height::ReplicaId;
use eligo_ledger::identity::SecretKey;
use eligo_ledger::pool::PoolLimits;
use eligo_ledger::wire::Wire;
use eligo_marketplace::agent::trail::AskTrail;
use eligo_marketplace::agent::{
    Account, Agent, BeaconAgent, BeaconHands, Deed, Journal, ProxyAgent, ProxyIdentity,
};
use eligo_marketplace::application::Market;
use eligo_marketplace::care::scenario::MadeAsk;
use eligo_marketplace::care::{Act, CareEvent};
use eligo_marketplace::certificate::{Certificate, Role};
use eligo_marketplace::client::{Client, Desk, DeskError, Problem, Said};
use eligo_marketplace::encoding::{List, Text};
use eligo_marketplace::event::Event;
use eligo_marketplace::name::{AskId, EncounterName};
use eligo_marketplace::node::{Node, NodeConfig};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Actor, Config, Scenario, SealedRecord};
use eligo_marketplace::storage::Objects;
use eligo_marketplace::transaction::{Body, SignedTransaction};
use serde_json::{Value, json};

use crate::support::Toy;

const HOUR_MS: u64 = 3_600_000;

/// What the node lies about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// Nothing.
    None,
    /// The ask is over.
    Over,
    /// It is the year 2100.
    Time,
    /// The share was refused.
    Refused,
}

struct Hushing {
    node: Arc<Node<Market>>,
    ask: AskId,
    encounter: EncounterName,
    lie: Mutex<Lie>,
}

impl Hushing {
    fn lies(&self, lie: Lie) -> bool {
        *self.lie.lock().unwrap() == lie
    }
}

impl Desk for Hushing {
    passes_on!(genesis height block proof objects);
    fn submit(&self, transaction: &Transaction) -> Result<Said, DeskError> {
        let signed = SignedTransaction::from_wire(transaction.bytes()).unwrap();
        let share = matches!(signed.body(), Body::Care(Act::Share { .. }));
        if share && self.lies(Lie::Refused) {
            let code = Rejection::ShareTwice.code();
            return Err(Problem::rejected(code, "ShareTwice", "").into());
        }
        self.node.submit(transaction)
    }
    fn query(&self, path: &str, data: &[u8]) -> Result<Option<Vec<u8>>, DeskError> {
        let answer = self.node.query(path, data)?;
        let Some(bytes) = &answer else {
            return Ok(answer);
        };
        let mut said: Value = serde_json::from_slice(bytes).unwrap();
        if self.lies(Lie::Over) && path.starts_with(&format!("events/ask/{}", self.ask)) {
            let ended = Event::Care(CareEvent::AskEnded {
                ask: self.ask,
                encounter: self.encounter,
                records: List::default(),
            });
            said.as_array_mut().unwrap().push(json!({
                "height": 3, "number": 0, "time_ms": 0, "transaction": null, "event": ended,
            }));
        } else if self.lies(Lie::Time) && path == "status" {
            said["time_ms"] = json!(4_102_444_800_000u64);
        } else {
            return Ok(answer);
        }
        Ok(Some(said.to_string().into_bytes()))
    }
}

/// A record that a doctor reads, and waits for its shares.
struct Waiting {
    market: Scenario<Toy>,
    client: Client<Hushing>,
    record: SealedRecord,
    ask: MadeAsk,
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

fn start(folder: &Path, market: &Scenario<Toy>) -> Arc<Node<Market>> {
    let keys = market.replicas.iter().map(|key| key.to_seed());
    let keys: BTreeMap<ReplicaId, Arc<SecretKey>> = (0u16..)
        .zip(keys)
        .map(|(n, seed)| (ReplicaId::new(n), Arc::new(SecretKey::from_seed(seed))))
        .collect();
    let config = NodeConfig {
        directory: folder.join("node"),
        genesis: market.genesis.clone(),
        keys,
        pool: PoolLimits::default(),
        objects: Objects::local(&folder.join("objects")).unwrap(),
        patience: std::time::Duration::from_secs(30),
    };
    Arc::new(Node::start(config, |_| Market::new()).unwrap())
}

fn does<D: Desk>(client: &Client<D>, actor: &Actor, body: Body) {
    let sent = Account::new(client, &actor.key).send(body);
    sent.unwrap().accepted().unwrap();
}

/// A doctor is certified and employed, asks, is permitted, and begins to read.
fn waiting(folder: &Path) -> Waiting {
    let mut market = Scenario::new(Toy::new(1), &Config::default()).unwrap();
    let node = start(folder, &market);
    let honest = Client::new(market.genesis.clone(), node.clone()).unwrap();
    let record = market.seal(0, None);
    let register = market.register(0, &record);
    assert!(honest.submit(&register).unwrap().accepted());
    let (doctor, inbox) = (Actor::new(&mut market.rng), Actor::new(&mut market.rng));
    let certificate = Certificate {
        subject: doctor.account(),
        name: Text::new("Doctor").unwrap(),
        role: Role::Doctor,
        serial: 1,
    };
    let certificate = certificate.sign(&market.chain, &market.registrar.key);
    does(&honest, &market.registrar, Body::Certify(certificate));
    let until_ms = (now_ms() / 1000 + 7200) * 1000;
    let employ = Act::Employ {
        doctor: doctor.account(),
        until_ms: until_ms + HOUR_MS,
    };
    does(&honest, &market.hospitals[0], Body::Care(employ));
    let mut ask = market.make_ask(&doctor, 0, &inbox.key);
    ask.terms.until_ms = until_ms;
    ask.id = ask.terms.name(&market.chain, &doctor.account());
    let terms = ask.terms.clone();
    does(&honest, &doctor, Body::Care(Act::Ask(terms)));
    let hands = BeaconHands::new(market.beacon.clone(), std::mem::take(&mut market.signers));
    let mut beacon = BeaconAgent::new(&honest, &hands, &market.registrar.key);
    assert_eq!(beacon.step().unwrap().len(), 2);
    let trail = AskTrail::of(&honest, &ask.id).unwrap().unwrap();
    let drawn = trail.drawn().unwrap().iter().map(|account| {
        let mut proxies = market.proxies.iter();
        let proxy = proxies.find(|p| p.actor.account() == *account).unwrap();
        (*account, proxy.key.public().to_bytes())
    });
    let drawn: Vec<_> = drawn.collect();
    let permit = market.make_permit(&ask, &[&record], &drawn, until_ms);
    let signed = market.sign_permit(permit.unwrap(), &inbox.key);
    let fresh = Actor::new(&mut market.rng);
    does(&honest, &fresh, Body::Care(Act::Permit(signed)));
    let read = Act::Read {
        ask: ask.id,
        record: record.name(),
    };
    does(&honest, &doctor, Body::Care(read));
    let desk = Hushing {
        node,
        ask: ask.id,
        encounter: trail.encounter(),
        lie: Mutex::new(Lie::None),
    };
    let client = Client::new(market.genesis.clone(), desk).unwrap();
    Waiting {
        market,
        client,
        record,
        ask,
    }
}

impl Waiting {
    /// The drawn proxy at a place, started and stepped once with the node lying so.
    fn step(&self, place: usize, folder: &Path, lie: Lie) -> Vec<Deed> {
        *self.client.desk().lie.lock().unwrap() = lie;
        let trail = AskTrail::of(&self.client, &self.ask.id).unwrap().unwrap();
        let account = trail.drawn().unwrap()[place];
        let mut proxies = self.market.proxies.iter();
        let proxy = proxies.find(|p| p.actor.account() == account).unwrap();
        let key = proxy.key.to_bytes();
        let key = eligo_sharing::keys::ProxyKey::from_bytes(key.as_slice()).unwrap();
        let identity = ProxyIdentity::new("proxy", proxy.actor.key.clone(), key);
        let journal = Journal::open(&folder.join(format!("proxy-{place}"))).unwrap();
        let mut agent = ProxyAgent::new(&self.client, &identity, journal);
        agent.step().unwrap()
    }

    fn posted(&self) -> usize {
        let trail = AskTrail::of(&self.client, &self.ask.id).unwrap().unwrap();
        let trail = trail.steps().iter();
        let shared = |event: &Event| matches!(event, Event::Care(CareEvent::CareShared { record, .. }) if *record == self.record.name());
        trail.filter(|step| shared(&step.step.event)).count()
    }
}

#[test]
fn no_node_silences_a_proxy_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let waiting = waiting(folder.path());
    for (place, lie) in [(0, Lie::Over), (1, Lie::Time), (2, Lie::Refused)] {
        for _ in 0..2 {
            let deeds = waiting.step(place, folder.path(), lie);
            let refused = deeds.iter().all(|deed| deed.what.contains("refused"));
            assert!(refused, "{lie:?}: {deeds:?}");
            assert_eq!(waiting.posted(), place, "{lie:?}");
        }
        let deeds = waiting.step(place, folder.path(), Lie::None);
        assert_eq!(deeds.len(), 1, "{lie:?}: {deeds:?}");
        assert_eq!(waiting.posted(), place + 1, "{lie:?}");
        // And then it has done with it.
        assert!(waiting.step(place, folder.path(), Lie::None).is_empty());
    }
}
