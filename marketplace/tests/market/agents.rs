//! Agents on a node of this process: each crashes at every place where its journal is written, is started
//! again, and in the end everything was done once.

mod lying;
mod rotation;
mod trust;
mod witness;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::desk::passes_on;
use crate::support::Toy;
use eligo_ledger::application::Genesis;
use eligo_ledger::block::Transaction;
use eligo_ledger::height::{Height, ReplicaId};
use eligo_ledger::identity::SecretKey;
use eligo_ledger::light::LedgerProof;
use eligo_ledger::pbft::effect::Delivery;
use eligo_ledger::pool::PoolLimits;
use eligo_ledger::wire::Wire;
use eligo_marketplace::agent::{
    Account, Agent, AgentError, ArbiterAgent, BeaconAgent, BeaconHands, Deed, HospitalAgent,
    InstitutionAgent, Journal, JournalError, Judge, Judgement, ProxyAgent, ProxyIdentity,
    Registration,
};
use eligo_marketplace::application::Market;
use eligo_marketplace::certificate::{Certificate, Level, Role};
use eligo_marketplace::client::{AcceptedClaim, Client, Committed, Desk, DeskError, Said, Step};
use eligo_marketplace::credits::Credits;
use eligo_marketplace::encoding::{Blob, List, Text};
use eligo_marketplace::entry::{SignedEntry, sign_withdrawal};
use eligo_marketplace::event::{Event, MAX_EVENTS, Subject};
use eligo_marketplace::name::{AccountId, ClaimId};
use eligo_marketplace::node::{Node, NodeConfig};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{
    Config, HOLDING, MadeClaim, Prover, Scenario, SealedRecord, Wanted,
};
use eligo_marketplace::storage::{ObjectDigest, Objects};
use eligo_marketplace::transaction::{Body, ClaimRequest, Finding, SignedTransaction};
use eligo_sharing::keys::ProxyKey;
use eligo_sharing::tcpre::{ContentKey, Revocation};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

type Ledger = Client<Arc<Node<Market>>>;

/// A dispute window that is over soon, for what settles.
const SHORT_MS: u64 = 400;
/// One that is not over before the institution had its say, however slow the machine.
const LONG_MS: u64 = 600_000;
/// How long something may take that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

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

fn open(folder: &Path, dispute_ms: u64) -> Fair {
    let mut config = Config::default();
    config.parameters.delivery_ms = 600_000;
    config.parameters.dispute_ms = dispute_ms;
    config.parameters.arbitration_ms = 600_000;
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
        let registration = self.registration(folder);
        let hospital = &self.market.hospitals[0].key;
        let (crashes, _) = crashing(&folder.join("hospital"), |journal| {
            let agent = HospitalAgent::new(&self.client, hospital, folder, journal);
            let deed = agent.register(&registration)?;
            Ok(deed.into_iter().collect())
        });
        assert!(crashes >= 2, "{crashes}");
        let digest = ObjectDigest::new(self.record.entry.ciphertext);
        assert!(self.client.desk().size(digest).unwrap().is_some());
    }

    fn registration(&self, folder: &Path) -> Registration {
        let entry = &self.record.entry;
        let chain = self.market.chain;
        let entry = SignedEntry {
            patient: entry.sign(&chain, &self.record.signer),
            hospital: entry.sign(&chain, &self.market.hospitals[0].key),
            entry: entry.clone(),
        };
        let ciphertext = folder.join("sealed");
        std::fs::write(&ciphertext, &self.record.ciphertext).unwrap();
        Registration { entry, ciphertext }
    }

    /// Registers without ado.
    fn registered(&self, folder: &Path) {
        let registration = self.registration(folder);
        let hospital = &self.market.hospitals[0].key;
        let journal = Journal::open(&folder.join("hospital")).unwrap();
        let agent = HospitalAgent::new(&self.client, hospital, folder, journal);
        assert!(agent.register(&registration).unwrap().is_some());
    }

    fn identity(&self, at: usize) -> ProxyIdentity {
        let proxy = &self.market.proxies[at];
        let key = proxy.key.to_bytes();
        let key = ProxyKey::from_bytes(key.as_slice()).unwrap();
        ProxyIdentity::new("proxy", proxy.actor.key.clone(), key)
    }

    /// Three proxies deliver without ado.
    fn delivered(&self, folder: &Path) {
        for at in 0..3 {
            let journal = Journal::open(&folder.join(format!("proxy-{at}"))).unwrap();
            let mut identity = self.identity(at);
            if at == 1 {
                // It has another key meanwhile: what was granted to the one before is served with that.
                let next = ProxyKey::generate(&mut ChaCha20Rng::seed_from_u64(1));
                identity = identity.renewed(next);
                identity = ProxyIdentity::from_json(identity.to_json().as_bytes()).unwrap();
                assert_eq!(identity.former().len(), 1);
            }
            ProxyAgent::new(&self.client, &identity, journal)
                .step()
                .unwrap();
        }
    }

    fn count(&self, about: &Subject, wanted: fn(&Event) -> bool) -> usize {
        let steps = self.client.history(about).unwrap();
        steps.iter().filter(|s| wanted(&s.event)).count()
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
        let made = self.make_claim(1);
        let committed = self.client.submit(&made.transaction).unwrap();
        assert!(committed.accepted(), "{:?}", committed.outcome);
        made
    }

    fn make_claim(&mut self, person: u64) -> MadeClaim {
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
        self.market
            .claim(person, &self.wanted, &self.record, &drawn, now_ms())
            .unwrap()
    }

    /// Each proxy crashes wherever it can.
    fn deliver(&self, folder: &Path, claim: &ClaimId) {
        for n in 0..3 {
            let identity = self.identity(n);
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

fn buy(fair: &Fair, folder: &Path, claim: &ClaimId, verdict: &Judgement) -> usize {
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
        let status = fair.status(claim);
        if crashed == 0 && deeds.is_empty() && matches!(status.as_str(), "settled" | "disputed") {
            return crashes;
        }
        assert!(start.elapsed() < PATIENCE, "neither settled nor disputed");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn whoever_crashes_wherever_everything_happens_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), SHORT_MS);
    fair.register(folder.path());
    fair.publish();
    let claim = fair.claim();
    fair.deliver(folder.path(), &claim.id);
    // The window is short: a block after it settles by itself.
    let status = fair.status(&claim.id);
    assert!(
        matches!(status.as_str(), "delivered" | "settled"),
        "{status}"
    );
    assert!(buy(&fair, folder.path(), &claim.id, &Judgement::Sound) >= 2);
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
    let mut fair = open(folder.path(), LONG_MS);
    fair.register(folder.path());
    fair.publish();
    let claim = fair.claim();
    fair.deliver(folder.path(), &claim.id);
    assert_eq!(fair.status(&claim.id), "delivered");
    let wrong = Judgement::Wrong("the hospital did not sign this record".into());
    assert!(buy(&fair, folder.path(), &claim.id, &wrong) >= 2);
    assert_eq!(fair.status(&claim.id), "disputed");
    let steps = fair.client.history(&Subject::Claim(claim.id)).unwrap();
    let raised = steps
        .iter()
        .filter(|s| matches!(s.event, Event::Disputed { .. }));
    assert_eq!(raised.count(), 1);
}

/// Arbiters judge what was disputed; how often they died over it.
fn judge(fair: &Fair, folder: &Path, claim: &ClaimId, verdict: &Judgement) -> usize {
    let (start, mut crashes) = (Instant::now(), 0);
    while fair.status(claim) == "disputed" {
        for (n, arbiter) in (0u16..).zip(&fair.market.arbiters) {
            let (crashed, _) = crashing(&folder.join(format!("arbiter-{n}")), |journal| {
                let keys = (ReplicaId::new(n), &arbiter.actor.key, &arbiter.letters);
                let judge = Compare(verdict.clone());
                ArbiterAgent::new(&fair.client, keys, journal, judge).step()
            });
            crashes += crashed;
        }
        assert!(start.elapsed() < PATIENCE, "not decided");
    }
    crashes
}

fn disputed(folder: &Path) -> (Fair, MadeClaim) {
    let mut fair = open(folder, LONG_MS);
    fair.registered(folder);
    fair.publish();
    let claim = fair.claim();
    fair.delivered(folder);
    let wrong = Judgement::Wrong("the hospital did not sign this record".into());
    buy(&fair, folder, &claim.id, &wrong);
    assert_eq!(fair.status(&claim.id), "disputed");
    (fair, claim)
}

#[test]
fn arbiters_open_what_was_disputed_and_the_hospital_pays() {
    let folder = tempfile::tempdir().unwrap();
    let (fair, claim) = disputed(folder.path());
    let wrong = Judgement::Wrong("it is another record".into());
    assert!(judge(&fair, folder.path(), &claim.id, &wrong) >= 3);
    assert_eq!(fair.status(&claim.id), "refunded");
    let credits = |id: &AccountId| fair.client.account(id).unwrap().unwrap().credits;
    assert_eq!(credits(&claim.account.account()).get(), 100);
    assert_eq!(credits(&fair.market.institutions[0].account()), HOLDING);
    // Three of four decide; nobody said anything twice, and nothing that was judged lies about.
    let given = |e: &Event| matches!(e, Event::VerdictGiven { .. });
    assert_eq!(fair.count(&Subject::Claim(claim.id), given), 3);
    assert!(fair.client.disputes().unwrap().is_empty());
    for n in 0..4 {
        let kept = folder.path().join(format!("arbiter-{n}/ciphertexts"));
        let kept = std::fs::read_dir(kept).map_or(0, Iterator::count);
        assert_eq!(kept, 0);
    }
}

#[test]
fn who_disputes_a_sound_record_loses_the_deposit_and_the_patient_is_paid() {
    let folder = tempfile::tempdir().unwrap();
    let (fair, claim) = disputed(folder.path());
    judge(&fair, folder.path(), &claim.id, &Judgement::Sound);
    assert_eq!(fair.status(&claim.id), "upheld");
    let credits = |id: &AccountId| fair.client.account(id).unwrap().unwrap().credits;
    assert_eq!(credits(&claim.account.account()).get(), 100);
    let deposit = fair.client.parameters().unwrap().dispute_deposit.get();
    let paid = 100 + 3 * 2;
    let left = credits(&fair.market.institutions[0].account()).get();
    assert!(left <= HOLDING.get() - paid - deposit, "{left}");
}

/// A machine that dies at its nth word with the node, before the node hears it or before the answer comes back.
struct Dying {
    node: Arc<Node<Market>>,
    left: AtomicI64,
    after: bool,
}

impl Dying {
    fn say<T>(&self, word: impl FnOnce() -> Result<T, DeskError>) -> Result<T, DeskError> {
        let left = self.left.fetch_sub(1, Ordering::Relaxed);
        if left > 0 {
            return word();
        }
        if left == 0 && self.after {
            word()?;
        }
        Err(DeskError::Unreachable("died, as the test asked".into()))
    }
}

impl Desk for Dying {
    fn genesis(&self) -> Result<Genesis, DeskError> {
        self.node.genesis()
    }
    fn height(&self) -> Result<Height, DeskError> {
        self.say(|| self.node.height())
    }
    fn submit(&self, transaction: &Transaction) -> Result<Said, DeskError> {
        self.say(|| self.node.submit(transaction))
    }
    fn query(&self, path: &str, data: &[u8]) -> Result<Option<Vec<u8>>, DeskError> {
        self.say(|| self.node.query(path, data))
    }
    fn block(&self, height: Height) -> Result<Option<Delivery>, DeskError> {
        self.say(|| self.node.block(height))
    }
    fn proof(&self, height: Height, index: u32) -> Result<Option<LedgerProof>, DeskError> {
        self.say(|| self.node.proof(height, index))
    }
    fn put(&self, digest: ObjectDigest, bytes: &mut (dyn Read + Send)) -> Result<(), DeskError> {
        self.say(|| self.node.put(digest, bytes))
    }
    fn get(&self, digest: ObjectDigest, out: &mut dyn Write) -> Result<u64, DeskError> {
        self.say(|| self.node.get(digest, out))
    }
    fn size(&self, digest: ObjectDigest) -> Result<Option<u64>, DeskError> {
        self.say(|| self.node.size(digest))
    }
}

impl Fair {
    /// Lets an agent die at every word it says, before and after it, and starts it again until it comes
    /// through; how many words it then needed.
    fn dying(&self, mut step: impl FnMut(&Client<Dying>) -> Result<(), AgentError>) -> i64 {
        for n in 0..400 {
            let desk = Dying {
                node: self.client.desk().clone(),
                left: AtomicI64::new(n / 2),
                after: n % 2 == 1,
            };
            let client = Client::new(self.market.genesis.clone(), desk).unwrap();
            let done = step(&client);
            if client.desk().left.load(Ordering::Relaxed) >= 0 {
                done.unwrap();
                return n / 2;
            }
        }
        panic!("never came to an end");
    }
}

#[test]
fn whoever_dies_at_any_word_with_the_node_everything_happens_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| Journal::open(&folder.path().join(name)).unwrap();
    let mut fair = open(folder.path(), SHORT_MS);
    // The hospital.
    let registration = fair.registration(folder.path());
    let hospital = &fair.market.hospitals[0].key;
    fair.dying(|client| {
        let agent = HospitalAgent::new(client, hospital, folder.path(), at("hospital"));
        agent.register(&registration).map(drop)
    });
    let record = Subject::Record(fair.record.name());
    let registered = |e: &Event| matches!(e, Event::RecordRegistered { .. });
    assert_eq!(fair.count(&record, registered), 1);
    // The institution publishes, once; the beacon makes its rounds, and no round twice.
    let publisher = &fair.market.institutions[0].key.clone();
    fair.dying(|client| {
        let publish = Body::Publish(fair.wanted.offer.clone());
        let sent =
            Account::new(client, publisher).send_once(&at("publisher"), "offer", || Ok(publish));
        match sent?.result {
            Ok(_) | Err(Rejection::RequirementTwice) => Ok(()),
            Err(reason) => Err(AgentError::Refused(reason)),
        }
    });
    let registrar = &fair.market.registrar.key;
    fair.dying(|client| {
        BeaconAgent::new(client, &fair.hands, registrar)
            .step()
            .map(drop)
    });
    assert_eq!(fair.client.market_status().unwrap().beacon_round, 2);
    // The patient: whatever was proved before is handed in again.
    let made = fair.make_claim(1);
    let mut claim = None;
    fair.dying(|client| {
        let account = Account::new(client, &made.account.key);
        let body = Body::Claim(made.request.clone());
        let sent = account.send_once(&at("patient"), "claim", || Ok(body))?;
        let id = ClaimId::from(sent.transaction.to_transaction()?.id());
        assert_eq!(*claim.get_or_insert(id), id);
        sent.accepted().map(drop)
    });
    let claim = claim.unwrap();
    // The proxies.
    for n in 0..3 {
        let identity = fair.identity(n);
        fair.dying(|client| {
            let journal = at(&format!("proxy-{n}"));
            ProxyAgent::new(client, &identity, journal).step().map(drop)
        });
    }
    let about = Subject::Claim(claim);
    assert_eq!(
        fair.count(&about, |e| matches!(e, Event::SharePosted { .. })),
        3
    );
    // The institution.
    let start = Instant::now();
    while fair.status(&claim) != "settled" {
        assert!(start.elapsed() < PATIENCE, "not settled");
        fair.dying(|client| {
            let (name, key) = (fair.wanted.name, &fair.wanted.receiving);
            let judge = Compare(Judgement::Sound);
            let journal = at("institution");
            InstitutionAgent::new(client, publisher, name, key, journal, judge)
                .step()
                .map(drop)
        });
    }
    assert_eq!(
        fair.count(&about, |e| matches!(e, Event::Settled { .. })),
        1
    );
    let credits = |id: &AccountId| fair.client.account(id).unwrap().unwrap().credits.get();
    assert_eq!(credits(&made.account.account()), 100);
    let institution = credits(&fair.market.institutions[0].account());
    assert_eq!(institution, HOLDING.get() - 100 - 3 * 2);
}

#[test]
fn what_is_taken_back_at_any_word_is_taken_back_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    fair.registered(folder.path());
    fair.publish();
    let claim = fair.claim();
    let signer = &fair.record.signer;
    // The patient revokes.
    let revocation = Revocation::new(claim.grant.id(), signer).to_bytes();
    let revoke = Body::Revoke {
        claim: claim.id,
        revocation: Blob::new(revocation).unwrap(),
    };
    let key = &claim.account.key;
    fair.dying(|client| {
        let revoked = || {
            let seen = client.claim(&claim.id)?;
            Ok(seen.and_then(|c| c.accepted?.revoked).is_some())
        };
        let account = Account::new(client, key);
        account.send_unless(revoke.clone(), revoked).map(drop)
    });
    let about = Subject::Claim(claim.id);
    assert_eq!(
        fair.count(&about, |e| matches!(e, Event::Revoked { .. })),
        1
    );
    // The patient takes the record off the market.
    let name = fair.record.name();
    let withdraw = Body::WithdrawRecord {
        record: name,
        signature: sign_withdrawal(&fair.market.chain, &name, signer),
    };
    fair.dying(|client| {
        let gone = || Ok(client.record(&name)?.is_some_and(|r| r.withdrawn));
        let account = Account::new(client, key);
        account.send_unless(withdraw.clone(), gone).map(drop)
    });
    let about = Subject::Record(name);
    let withdrawn = |e: &Event| matches!(e, Event::RecordWithdrawn { .. });
    assert_eq!(fair.count(&about, withdrawn), 1);
    // The institution ends a requirement, and has its escrow back once.
    let mut other = fair.market.want(2, false);
    let institution = &fair.market.institutions[1].key;
    other.offer.question.deadline += 36_500;
    let chain = fair.market.chain;
    let requirement = other.offer.requirement(&chain, "Institute 1").unwrap();
    let account = Account::new(&fair.client, institution);
    let publish = account.send(Body::Publish(other.offer)).unwrap();
    publish.accepted().unwrap();
    fair.dying(|client| {
        let ended = || {
            let seen = client.requirement(&requirement)?;
            Ok(seen.is_some_and(|r| r.status == "withdrawn"))
        };
        let body = Body::WithdrawRequirement { requirement };
        let account = Account::new(client, institution);
        account.send_unless(body, ended).map(drop)
    });
    let about = Subject::Requirement(requirement);
    let closed = |e: &Event| matches!(e, Event::RequirementClosed { .. });
    assert_eq!(fair.count(&about, closed), 1);
    let held = fair.client.account(&account.id()).unwrap().unwrap();
    assert_eq!(held.credits, HOLDING);
    // What was never done is not taken for done.
    let other = Account::new(&fair.client, &fair.market.institutions[0].key);
    let refused = other.send_unless(Body::WithdrawRequirement { requirement }, || Ok(false));
    assert!(
        matches!(refused, Err(AgentError::Refused(Rejection::NotOwner))),
        "{refused:?}"
    );
}

#[test]
fn verdicts_given_at_any_word_are_given_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    fair.registered(folder.path());
    fair.publish();
    let claim = fair.claim();
    fair.delivered(folder.path());
    let wrong = Judgement::Wrong("the hospital did not sign this record".into());
    buy(&fair, folder.path(), &claim.id, &wrong);
    assert_eq!(fair.status(&claim.id), "disputed");
    let verdict = Body::Verdict {
        claim: claim.id,
        finding: Finding::HospitalAtFault,
    };
    for arbiter in &fair.market.arbiters[..3] {
        let own = arbiter.actor.account();
        fair.dying(|client| {
            let account = Account::new(client, &arbiter.actor.key);
            let given = || {
                let seen = client.history(&Subject::Claim(claim.id))?;
                let mine =
                    |e: &Event| matches!(e, Event::VerdictGiven { arbiter, .. } if *arbiter == own);
                Ok(seen.iter().any(|step| mine(&step.event)))
            };
            account.send_unless(verdict.clone(), given).map(drop)
        });
    }
    assert_eq!(fair.status(&claim.id), "refunded");
    let about = Subject::Claim(claim.id);
    let given = |e: &Event| matches!(e, Event::VerdictGiven { .. });
    assert_eq!(fair.count(&about, given), 3);
    // The patient has the reward, the institution everything back.
    let credits = |id: &AccountId| fair.client.account(id).unwrap().unwrap().credits;
    assert_eq!(credits(&claim.account.account()).get(), 100);
    assert_eq!(credits(&fair.market.institutions[0].account()), HOLDING);
}

/// Buys a record whose ciphertext something was done to after it was stored.
fn buy_spoilt(spoil: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    // Half of the window is to pass before the storage is given up.
    let mut fair = open(folder.path(), 16_000);
    fair.registered(folder.path());
    fair.publish();
    let claim = fair.claim();
    fair.delivered(folder.path());
    let name = ObjectDigest::new(fair.record.entry.ciphertext).to_string();
    spoil(&folder.path().join("objects").join(&name[..2]).join(&name));
    let start = Instant::now();
    while fair.status(&claim.id) == "delivered" {
        assert!(start.elapsed() < PATIENCE, "not disputed");
        let journal = Journal::open(&folder.path().join("institution")).unwrap();
        let key = &fair.market.institutions[0].key;
        let (name, receiving) = (fair.wanted.name, &fair.wanted.receiving);
        let judge = Compare(Judgement::Sound);
        let client = &fair.client;
        let mut agent = InstitutionAgent::new(client, key, name, receiving, journal, judge);
        agent.step().ok();
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(fair.status(&claim.id), "disputed");
}

#[test]
fn a_record_whose_ciphertext_was_swapped_is_disputed_and_not_paid_for() {
    buy_spoilt(|file| std::fs::write(file, b"another").unwrap());
}

#[test]
fn a_record_whose_ciphertext_is_gone_is_disputed_and_not_paid_for() {
    buy_spoilt(|file| std::fs::remove_file(file).unwrap());
}

#[test]
fn long_offers_hide_no_other_from_patients_and_beacon() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    let mut flood = Vec::new();
    for n in 0..70u8 {
        let mut wanted = fair.market.want(1, false);
        wanted.offer.question.deadline += 36_500;
        wanted.offer.question.document = Blob::new(vec![b'x'; 64 << 10]).unwrap();
        wanted.offer.question.nonce = [n; 32];
        flood.push(wanted.offer);
    }
    let institution = Account::new(&fair.client, &fair.market.institutions[1].key);
    for offer in flood {
        let sent = institution.send(Body::Publish(offer)).unwrap();
        sent.accepted().unwrap();
    }
    fair.publish();
    let offers = fair.client.offers().unwrap();
    assert_eq!(offers.len(), 71);
    assert!(offers.iter().any(|o| o.requirement == fair.wanted.name));
    let answer = fair.client.desk().query("offers", &[]).unwrap().unwrap();
    assert!(answer.len() < 5 << 20, "{}", answer.len());
}

#[test]
fn entries_that_are_none_or_not_the_hospitals_keep_no_record_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let fair = open(folder.path(), LONG_MS);
    let inbox = folder.path().join("inbox");
    std::fs::create_dir_all(&inbox).unwrap();
    let mut registration = fair.registration(folder.path());
    let good = registration.entry.to_wire();
    std::fs::write(inbox.join("a.entry"), b"not an entry").unwrap();
    std::fs::write(inbox.join("b.entry"), vec![7; 1 << 20]).unwrap();
    // The same record, not signed by its patient: it must not pass for the good one.
    registration.entry.patient[0] ^= 1;
    std::fs::write(inbox.join("c.entry"), registration.entry.to_wire()).unwrap();
    std::fs::write(inbox.join("d.entry"), good).unwrap();
    for name in ["c.sealed", "d.sealed"] {
        std::fs::write(inbox.join(name), &fair.record.ciphertext).unwrap();
    }
    let journal = Journal::open(&folder.path().join("hospital")).unwrap();
    let key = &fair.market.hospitals[0].key;
    let mut agent = HospitalAgent::new(&fair.client, key, &inbox, journal);
    let deeds = agent.step().unwrap();
    let done: Vec<_> = deeds.iter().map(|d| d.what.as_str()).collect();
    assert_eq!(done.len(), 4, "{done:?}");
    for refused in &done[..2] {
        assert!(refused.starts_with("refused: not an entry"), "{done:?}");
    }
    assert!(done[2].starts_with("refused: "), "{done:?}");
    assert_eq!(done[3], "record registered");
    // None is handed in, or told of, again.
    let height = fair.client.desk().height().unwrap();
    assert_eq!(agent.step().unwrap(), []);
    assert_eq!(fair.client.desk().height().unwrap(), height);
}

#[test]
fn a_hospital_that_is_admitted_later_registers_then() {
    let folder = tempfile::tempdir().unwrap();
    let fair = open(folder.path(), LONG_MS);
    let registrar = Account::new(&fair.client, &fair.market.registrar.key);
    let party = fair.market.hospitals[0].account();
    let dismiss = registrar.send(Body::Dismiss { party }).unwrap();
    dismiss.accepted().unwrap();
    let registration = fair.registration(folder.path());
    let key = &fair.market.hospitals[0].key;
    let journal = Journal::open(&folder.path().join("hospital")).unwrap();
    let agent = HospitalAgent::new(&fair.client, key, folder.path(), journal);
    let refused = agent.register(&registration);
    assert!(
        matches!(refused, Err(AgentError::Refused(Rejection::NotPermitted))),
        "{refused:?}"
    );
    let role = Role::Hospital {
        level: Level::Tertiary,
        issuer_key: fair.market.prover.issuers()[0],
    };
    let certificate = Certificate {
        subject: party,
        name: Text::new("Hospital again").unwrap(),
        role,
        serial: 9,
    };
    let signed = certificate.sign(&fair.market.chain, &fair.market.registrar.key);
    registrar
        .send(Body::Certify(signed))
        .unwrap()
        .accepted()
        .unwrap();
    // What was refused is signed anew.
    assert!(agent.register(&registration).unwrap().is_some());
}

/// A node that says that a rejected claim was accepted, and hides the block that would give it away.
struct Liar {
    node: Arc<Node<Market>>,
    accepted: ClaimId,
    rejected: ClaimId,
    at: Height,
    request: ClaimRequest,
    account: AccountId,
    shares: AtomicI64,
}

impl Liar {
    fn event(&self) -> Event {
        Event::ClaimAccepted {
            claim: self.rejected,
            requirement: self.request.requirement,
            record: self.request.record,
            account: self.account,
        }
    }
}

impl Desk for Liar {
    passes_on!(genesis height proof objects);
    fn submit(&self, transaction: &Transaction) -> Result<Said, DeskError> {
        let signed = SignedTransaction::from_wire(transaction.bytes()).unwrap();
        if matches!(signed.body(), Body::PostShare { .. }) {
            self.shares.fetch_add(1, Ordering::Relaxed);
        }
        self.node.submit(transaction)
    }
    fn query(&self, path: &str, data: &[u8]) -> Result<Option<Vec<u8>>, DeskError> {
        let event = serde_json::json!([{
            "height": self.at.get(),
            "number": 0,
            "time_ms": 0,
            "transaction": 0,
            "event": self.event(),
        }]);
        if path.starts_with("events/requirement/") || path.contains(&self.rejected.to_string()) {
            if path.starts_with("events/") {
                return Ok(Some(event.to_string().into_bytes()));
            }
            // As the accepted claim's, with the other's names.
            let honest = self.node.query(&format!("claim/{}", self.accepted), data)?;
            let mut view: serde_json::Value = serde_json::from_slice(&honest.unwrap()).unwrap();
            view["claim"] = self.rejected.to_string().into();
            view["accepted"]["account"] = self.account.to_string().into();
            view["accepted"]["shares"] = serde_json::json!([]);
            view["accepted"]["grant"] = hex::encode(self.request.grant.as_slice()).into();
            return Ok(Some(view.to_string().into_bytes()));
        }
        self.node.query(path, data)
    }
    fn block(&self, height: Height) -> Result<Option<Delivery>, DeskError> {
        if height > self.at {
            return Ok(None);
        }
        let mut block = self.node.block(height)?;
        if height == self.at {
            let outcome = &mut block.as_mut().unwrap().done.outcomes[0];
            let events = List::<Event, MAX_EVENTS>::new(vec![self.event()]).unwrap();
            (outcome.code, outcome.data) = (0, events.to_wire());
        }
        Ok(block)
    }
}

#[test]
fn no_proxy_hands_out_a_share_of_a_rejected_claim_on_a_nodes_word() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    fair.registered(folder.path());
    fair.publish();
    // One record is wanted. The second claim's grant is public, and worth nothing without shares.
    let (first, second) = (fair.make_claim(1), fair.make_claim(2));
    assert!(fair.client.submit(&first.transaction).unwrap().accepted());
    let late = fair.client.submit(&second.transaction).unwrap();
    assert_eq!(late.outcome.code, Rejection::OfferFull.code());
    let liar = Liar {
        node: fair.client.desk().clone(),
        accepted: first.id,
        rejected: second.id,
        at: late.height,
        request: second.request.clone(),
        account: second.account.account(),
        shares: AtomicI64::new(0),
    };
    let client = Client::new(fair.market.genesis.clone(), liar).unwrap();
    // The lie is a good one: nothing but the missing next block tells.
    let seen = client.accepted_claim(&second.id).unwrap().unwrap();
    assert!(!seen.proved);
    let identity = fair.identity(0);
    let journal = Journal::open(&folder.path().join("proxy")).unwrap();
    let refused = ProxyAgent::new(&client, &identity, journal).step();
    assert!(
        matches!(refused, Err(AgentError::Nonsense { .. })),
        "{refused:?}"
    );
    assert_eq!(client.desk().shares.load(Ordering::Relaxed), 0);
}

#[test]
fn a_node_cannot_name_an_honest_proxy_a_liar_nor_tell_what_no_transaction_did() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    fair.registered(folder.path());
    fair.publish();
    let (first, second) = (fair.make_claim(1), fair.make_claim(2));
    let claim = fair.client.submit(&first.transaction).unwrap();
    let refused = fair.client.submit(&second.transaction).unwrap();
    assert!(!refused.accepted());
    let proxy = fair.identity(0).account();
    let step = |event: Event, place: Option<&Committed>| Step {
        event,
        height: place.map_or(claim.height, |p| p.height),
        number: 0,
        time_ms: 0,
        transaction: place.map(|p| p.index),
    };
    let slander = Event::FalseShare {
        claim: first.id,
        proxy,
        share: [0; 32],
        slashed: Credits::new(50),
    };
    let reason = Rejection::OfferFull.code();
    let rejected = |claim, reason| Event::ClaimRejected { claim, reason };
    for lie in [
        step(slander.clone(), Some(&refused)),
        step(slander, None),
        step(rejected(first.id, reason), Some(&refused)),
        step(rejected(second.id, reason + 1), Some(&refused)),
        step(
            Event::RecordWithdrawn {
                record: fair.record.name(),
            },
            None,
        ),
    ] {
        let told = format!("{lie:?}");
        assert!(fair.client.prove(vec![lie]).is_err(), "{told}");
    }
    let true_one = step(rejected(second.id, reason), Some(&refused));
    assert_eq!(fair.client.prove(vec![true_one]).unwrap().len(), 1);
}
