//! Agents on a node of this process: each crashes at every place where its journal is written, is started
//! again, and in the end everything was done once.

#![cfg(feature = "node")]
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use eligo_ledger::height::ReplicaId;
use eligo_ledger::identity::SecretKey;
use eligo_ledger::pool::PoolLimits;
use eligo_marketplace::agent::{
    Account, Agent, AgentError, BeaconAgent, BeaconHands, Deed, HospitalAgent, InstitutionAgent,
    Journal, JournalError, Judge, Judgement, ProxyAgent, ProxyIdentity, Registration,
};
use eligo_marketplace::application::Market;
use eligo_marketplace::client::{AcceptedClaim, Client, Desk};
use eligo_marketplace::credits::Credits;
use eligo_marketplace::entry::SignedEntry;
use eligo_marketplace::event::{Event, Subject};
use eligo_marketplace::name::{AccountId, ClaimId};
use eligo_marketplace::node::{Node, NodeConfig};
use eligo_marketplace::scenario::{Config, HOLDING, MadeClaim, Scenario, SealedRecord, Wanted};
use eligo_marketplace::storage::{ObjectDigest, Objects};
use eligo_marketplace::transaction::Body;
use eligo_sharing::tcpre::ContentKey;
use support::Toy;

type Ledger = Client<Arc<Node<Market>>>;

const DISPUTE_MS: u64 = 400;

struct Fair {
    market: Scenario<Toy>,
    client: Ledger,
    record: SealedRecord,
    wanted: Wanted,
    hands: BeaconHands,
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

fn open(folder: &Path) -> Fair {
    let mut config = Config::default();
    config.parameters.dispute_ms = DISPUTE_MS;
    config.parameters.arbitration_ms = 60_000;
    let mut market = Scenario::new(Toy::new(1), &config).unwrap();
    let keys: BTreeMap<ReplicaId, Arc<SecretKey>> = (0u16..)
        .zip(&market.replicas)
        .map(|(n, key)| {
            let key = SecretKey::from_seed(key.to_seed());
            (ReplicaId::new(n), Arc::new(key))
        })
        .collect();
    let config = NodeConfig {
        directory: folder.join("node"),
        genesis: market.genesis.clone(),
        keys,
        pool: PoolLimits::default(),
        objects: Objects::local(&folder.join("objects")).unwrap(),
        patience: Duration::from_secs(30),
    };
    let node = Arc::new(Node::start(config, |_| Market::new()).unwrap());
    let client = Client::new(market.genesis.clone(), node).unwrap();
    let hospital = Account::new(&client, &market.hospitals[0].key);
    let amount = Credits::new(2_000);
    let bond = hospital.send(Body::DepositBond { amount }).unwrap();
    bond.accepted().unwrap();
    let record = market.seal(0, None);
    let mut wanted = market.want(1, false);
    wanted.offer.question.deadline += 36_500;
    let chain = market.chain;
    wanted.name = wanted.offer.requirement(&chain, "Institute 0").unwrap();
    let hands = BeaconHands::new(market.beacon.clone(), std::mem::take(&mut market.signers));
    Fair {
        market,
        client,
        record,
        wanted,
        hands,
    }
}

/// Starts an agent again and again; the nth time it may reach its nth place before it crashes. The deeds of
/// the runs that did not crash.
fn crashing(
    folder: &Path,
    mut step: impl FnMut(Journal) -> Result<Vec<Deed>, AgentError>,
) -> (usize, Vec<Deed>) {
    for n in 0..100 {
        match step(Journal::crashing(folder, n).unwrap()) {
            Err(AgentError::Journal(JournalError::Crashed)) => {}
            deeds => return (usize::try_from(n).unwrap(), deeds.unwrap()),
        }
    }
    panic!("never came to an end");
}

impl Fair {
    fn register(&self, folder: &Path) {
        let entry = &self.record.entry;
        let chain = self.market.chain;
        let hospital = &self.market.hospitals[0].key;
        let entry = SignedEntry {
            patient: entry.sign(&chain, &self.record.signer),
            hospital: entry.sign(&chain, hospital),
            entry: entry.clone(),
        };
        let ciphertext = folder.join("sealed");
        std::fs::write(&ciphertext, &self.record.ciphertext).unwrap();
        let registration = Registration { entry, ciphertext };
        let (crashes, _) = crashing(&folder.join("hospital"), |journal| {
            let agent = HospitalAgent::new(&self.client, hospital, folder, journal);
            let deed = agent.register(&registration)?;
            Ok(deed.into_iter().collect())
        });
        assert!(crashes >= 2, "{crashes}");
        let digest = ObjectDigest::new(self.record.entry.ciphertext);
        assert!(self.client.desk().size(digest).unwrap().is_some());
    }

    fn publish(&self) {
        let institution = Account::new(&self.client, &self.market.institutions[0].key);
        let publish = Body::Publish(self.wanted.offer.clone());
        institution.send(publish).unwrap().accepted().unwrap();
        let registrar = &self.market.registrar.key;
        let mut beacon = BeaconAgent::new(&self.client, &self.hands, registrar);
        assert_eq!(beacon.step().unwrap().len(), 2);
        assert_eq!(beacon.step().unwrap().len(), 0);
    }

    fn claim(&mut self) -> MadeClaim {
        let seen = self.client.requirement(&self.wanted.name).unwrap().unwrap();
        let drawn: Vec<_> = seen.sale.unwrap().drawn.unwrap();
        let drawn: Vec<_> = drawn
            .iter()
            .map(|proxy| {
                let mut key = [0; 48];
                hex::decode_to_slice(&proxy.key, &mut key).unwrap();
                (proxy.account, key)
            })
            .collect();
        let made = self
            .market
            .claim(1, &self.wanted, &self.record, &drawn, now_ms())
            .unwrap();
        let committed = self.client.submit(&made.transaction).unwrap();
        assert!(committed.accepted(), "{:?}", committed.outcome);
        made
    }

    /// Each proxy crashes wherever it can.
    fn deliver(&self, folder: &Path, claim: &ClaimId) {
        for (n, proxy) in self.market.proxies.iter().take(3).enumerate() {
            let identity = ProxyIdentity::new(
                "proxy",
                proxy.actor.key.clone(),
                eligo_sharing::keys::ProxyKey::from_bytes(proxy.key.to_bytes().as_slice()).unwrap(),
            );
            let (crashes, _) = crashing(&folder.join(format!("proxy-{n}")), |journal| {
                ProxyAgent::new(&self.client, &identity, journal).step()
            });
            assert!(crashes >= 2, "{crashes}");
        }
        let steps = self.client.history(&Subject::Claim(*claim)).unwrap();
        let shares = steps
            .iter()
            .filter(|s| matches!(s.event, Event::SharePosted { .. }));
        assert_eq!(shares.count(), 3);
    }

    fn status(&self, claim: &ClaimId) -> String {
        self.client.claim(claim).unwrap().unwrap().status
    }
}

/// Opens and compares with what was sealed.
struct Compare(Judgement);

impl Judge for Compare {
    fn judge(
        &mut self,
        _: &ClaimId,
        _: &AcceptedClaim,
        key: &ContentKey,
        ciphertext: &Path,
    ) -> Result<Judgement, AgentError> {
        let mut opened = Vec::new();
        key.open(std::fs::File::open(ciphertext)?, &mut opened)
            .unwrap();
        assert_eq!(opened, b"content");
        Ok(self.0.clone())
    }
}

fn buy(fair: &Fair, folder: &Path, verdict: &Judgement) -> usize {
    let start = Instant::now();
    let mut crashes = 0;
    loop {
        let (crashed, deeds) = crashing(&folder.join("institution"), |journal| {
            InstitutionAgent::new(
                &fair.client,
                &fair.market.institutions[0].key,
                fair.wanted.name,
                &fair.wanted.receiving,
                journal,
                Compare(verdict.clone()),
            )
            .step()
        });
        crashes += crashed;
        let over = |d: &Deed| d.what == "settled" || d.what.starts_with("opened: disputed");
        if deeds.iter().any(over) || start.elapsed() > Duration::from_secs(20) {
            return crashes;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn whoever_crashes_wherever_everything_happens_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path());
    fair.register(folder.path());
    fair.publish();
    let claim = fair.claim();
    fair.deliver(folder.path(), &claim.id);
    assert_eq!(fair.status(&claim.id), "delivered");
    assert!(buy(&fair, folder.path(), &Judgement::Sound) >= 2);
    let start = Instant::now();
    while fair.status(&claim.id) != "settled" && start.elapsed() < Duration::from_secs(10) {
        buy(&fair, folder.path(), &Judgement::Sound);
    }
    assert_eq!(fair.status(&claim.id), "settled");
    // Money moved once: the reward, three fees, and the fees of two silent proxies came back or stay locked.
    let credits = |id: &AccountId| fair.client.account(id).unwrap().unwrap().credits.get();
    assert_eq!(credits(&claim.account.account()), 100);
    let institution = credits(&fair.market.institutions[0].account());
    assert_eq!(institution, HOLDING.get() - 100 - 3 * 2);
    let record = fair
        .client
        .history(&Subject::Record(fair.record.name()))
        .unwrap();
    let count = |wanted: fn(&Event) -> bool| record.iter().filter(|s| wanted(&s.event)).count();
    assert_eq!(count(|e| matches!(e, Event::RecordRegistered { .. })), 1);
    assert_eq!(count(|e| matches!(e, Event::Settled { .. })), 1);
    // The whole history is shown by the ledger.
    let proven = fair.client.prove(record).unwrap();
    assert!(
        proven
            .iter()
            .all(|s| s.step.transaction.is_some() == s.signed.is_some())
    );
}

#[test]
fn a_wrong_record_is_disputed_once_and_the_arbiters_get_the_transcript() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path());
    fair.register(folder.path());
    fair.publish();
    let claim = fair.claim();
    fair.deliver(folder.path(), &claim.id);
    let wrong = Judgement::Wrong("the hospital did not sign this record".into());
    assert!(buy(&fair, folder.path(), &wrong) >= 2);
    assert_eq!(fair.status(&claim.id), "disputed");
    let steps = fair.client.history(&Subject::Claim(claim.id)).unwrap();
    let raised = steps
        .iter()
        .filter(|s| matches!(s.event, Event::Disputed { .. }));
    assert_eq!(raised.count(), 1);
}
