//! The contract as the ledger's application: replicas agree, snapshots restore, four replicas sell a record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::fair::Fair;
use crate::support::Toy;
use eligo_ledger::application::{Application, Query, Restoration, Timeouts};
use eligo_ledger::block::{Block, Outcome, Transaction};
use eligo_ledger::embedded::{ClusterConfig, Embedded};
use eligo_ledger::engine::{Engine, Reply};
use eligo_ledger::height::{Height, ReplicaId, Time};
use eligo_ledger::identity::SecretKey;
use eligo_ledger::light::verify_proof;
use eligo_ledger::pool::PoolLimits;
use eligo_ledger::wire::Wire;
use eligo_marketplace::application::{Market, Stopped};
use eligo_marketplace::contract::Contract;
use eligo_marketplace::credits::Credits;
use eligo_marketplace::event::{Event, read_outcome};
use eligo_marketplace::genesis::{GenesisError, MarketGenesis, Parameters};
use eligo_marketplace::name::AccountId;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Actor, Config, Prover, Scenario};
use eligo_marketplace::solo::Solo;
use eligo_marketplace::transaction::{Body, ClaimRequest};
use eligo_verifier_contract::PublicInputs;

/// A history with a bit of everything, among it a block of good and bad claims.
fn history() -> (Fair, Vec<Outcome>) {
    let mut fair = Fair::open();
    let (first, second) = (fair.claim(1), fair.claim(2));
    // The first's proof under another account: its context is wrong.
    let thief = Actor::new(&mut fair.market.rng);
    let stolen = fair
        .market
        .sign(&thief.key, Body::Claim(first.request.clone()));
    // A proof of something else, which only the pairings tell.
    let third = fair.claim(3);
    let mut inputs = PublicInputs::from_bytes(&third.request.inputs).unwrap();
    inputs.nullifier = eligo_verifier_contract::Nullifier::from_field(5.into());
    let false_proof = fair.market.prover.prove(3, &inputs).to_bytes();
    let forged = ClaimRequest {
        proof: false_proof,
        ..third.request.clone()
    };
    let forged = fair.market.sign(&third.account.key, Body::Claim(forged));
    // The same person twice in one block.
    let twice = fair.claim(1);
    let block = vec![
        first.transaction.clone(),
        forged,
        stolen,
        twice.transaction,
        second.transaction,
    ];
    let outcomes = fair.solo.block(block);
    for place in 0..3 {
        fair.share_by(place, &first).unwrap();
    }
    fair.solo.pass(31_000);
    (fair, outcomes)
}

fn codes(outcomes: &[Outcome]) -> Vec<Option<Rejection>> {
    outcomes
        .iter()
        .map(|outcome| Rejection::from_code(outcome.code))
        .collect()
}

#[test]
fn a_block_of_claims_gets_each_the_verdict_it_would_get_alone() {
    let (fair, outcomes) = history();
    let expected = [
        None,
        Some(Rejection::Proof),
        Some(Rejection::Context),
        Some(Rejection::NullifierUsed),
        None,
    ];
    assert_eq!(codes(&outcomes), expected);
    // The same transactions, a block each.
    let block = fair
        .solo
        .blocks
        .iter()
        .find(|block| block.transactions().len() == 5)
        .unwrap();
    let mut alone = Solo::new(&fair.market.genesis);
    for earlier in fair
        .solo
        .blocks
        .iter()
        .take_while(|b| b.height() < block.height())
    {
        alone.time_ms = earlier.header().time.get();
        alone.block(earlier.transactions().to_vec());
    }
    let found: Vec<_> = block
        .transactions()
        .iter()
        .map(|tx| alone.submit(tx.clone()).err())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn replicas_fed_the_same_blocks_agree_after_every_one() {
    let (fair, _) = history();
    let mut replicas = [Market::new(), Market::new()];
    for replica in &mut replicas {
        replica.init_chain(&fair.market.genesis);
    }
    for block in &fair.solo.blocks {
        let [a, b] = replicas
            .each_mut()
            .map(|replica| replica.finalize_block(block));
        assert_eq!(a, b);
    }
    assert_eq!(replicas[0].info(), fair.solo.market.info());
}

#[test]
fn a_snapshot_restores_the_state_and_goes_on_like_it() {
    let (mut fair, _) = history();
    let info = fair.solo.market.info();
    let snapshot = fair.solo.market.take_snapshot(info.height);
    let mut restored = Market::new();
    restored.init_chain(&fair.market.genesis);
    assert!(restored.offer(&snapshot, info.app_hash));
    for index in 0..snapshot.chunks.len() as u32 {
        let chunk = fair.solo.market.load_chunk(info.height, index).unwrap();
        let expected = match index as usize + 1 < snapshot.chunks.len() {
            true => Restoration::Continue,
            false => Restoration::Complete,
        };
        assert_eq!(restored.apply_chunk(index, &chunk), expected);
    }
    assert_eq!(restored.info(), info);
    // What is kept beside the state is made again: a claim, its shares, a settlement.
    let original = std::mem::replace(&mut fair.solo.market, restored);
    let mut other = Solo {
        market: original,
        time_ms: fair.solo.time_ms,
        blocks: Vec::new(),
    };
    let record = fair.register(0);
    let wanted = fair.market.want(1, false);
    let wanted = fair.publish(1, wanted);
    let claim = fair.claim_on(4, &wanted, &record);
    fair.solo.submit(claim.transaction.clone()).unwrap();
    for place in 0..3 {
        let account = fair.solo.drawn(&wanted.name)[place].0;
        let now = fair.solo.time_ms;
        let share = fair.market.share(&account, &claim, &record, now).unwrap();
        fair.solo.submit(share).unwrap();
    }
    fair.solo.pass(31_000);
    assert_eq!(fair.solo.status(&claim.id), "settled");
    let new = fair
        .solo
        .blocks
        .iter()
        .filter(|block| block.height() > info.height);
    for block in new {
        other.market.finalize_block(block);
    }
    assert_eq!(other.market.info(), fair.solo.market.info());
    // Altered chunks are no state.
    let mut chunk = other.market.load_chunk(info.height, 0).unwrap();
    chunk[200] ^= 1;
    let mut victim = Market::new();
    victim.init_chain(&fair.market.genesis);
    victim.offer(&snapshot, info.app_hash);
    assert_eq!(
        victim.apply_chunk(snapshot.chunks.len() as u32 - 1, &chunk),
        Restoration::Failed
    );
}

#[test]
fn books_that_do_not_balance_stop_the_marketplace() {
    let (fair, _) = history();
    let bytes = fair.solo.contract().to_wire();
    // A credit more in the supply than there is anywhere.
    let supply = Credits::new(9_000_000).to_wire();
    let at = bytes
        .windows(8)
        .position(|window| window == supply)
        .unwrap();
    let mut more = bytes.clone();
    more[at + 7] += 1;
    let contract = Contract::from_wire(&more).unwrap();
    assert!(contract.check_books().is_err());
    assert!(Contract::from_wire(&bytes).unwrap().check_books().is_ok());
    for cut in [0, 100, bytes.len() / 2, bytes.len() - 1] {
        assert!(Contract::from_wire(&bytes[..cut]).is_err());
    }
    // A restored state with such books is refused.
    let mut market = Market::new();
    market.init_chain(&fair.market.genesis);
    let snapshot = eligo_ledger::application::SnapshotInfo {
        height: contract.height(),
        chunks: vec![eligo_ledger::application::chunk_digest(&more)],
    };
    market.offer(&snapshot, contract.digest());
    assert_eq!(market.apply_chunk(0, &more), Restoration::Failed);
}

#[test]
fn a_genesis_that_is_none_finds_no_votes() {
    let market = Scenario::new(Toy::new(1), &Config::default()).unwrap();
    let genesis = MarketGenesis::from_wire(&market.genesis.app_state).unwrap();
    let mut broken = market.genesis.clone();
    broken.app_state.push(0);
    assert!(Market::check_genesis(&market.genesis).is_ok());
    assert!(matches!(
        Market::check_genesis(&broken),
        Err(GenesisError::Bytes(_))
    ));
    let mut other = genesis.clone();
    other.beacon = Default::default();
    broken.app_state = other.to_app_state();
    assert_eq!(Market::check_genesis(&broken), Err(GenesisError::Beacon));
    let mut twice = genesis.holdings.as_slice().to_vec();
    twice.push(twice[0].clone());
    let mut other = genesis.clone();
    other.holdings = eligo_marketplace::encoding::List::new(twice.clone()).unwrap();
    broken.app_state = other.to_app_state();
    assert_eq!(
        Market::check_genesis(&broken),
        Err(GenesisError::Twice(twice[0].account))
    );
    let mut stopped = Market::new();
    stopped.init_chain(&broken);
    assert!(matches!(stopped.stopped(), Some(Stopped::Genesis(_))));
    let solo = Solo::new(&market.genesis);
    let block: Option<&Block> = solo.blocks.first();
    assert!(block.is_none());
}

// Four replicas.

const PATIENCE: Duration = Duration::from_secs(30);

struct Cluster {
    engine: Embedded<Market>,
    market: Scenario<Toy>,
}

impl Cluster {
    fn start(directory: &std::path::Path) -> Self {
        let config = Config {
            timeouts: Timeouts {
                request_ms: 1_000,
                resend_ms: 100,
                heartbeat_ms: 200,
                interval_ms: 0,
                ..Timeouts::default()
            },
            parameters: Parameters {
                dispute_ms: 200,
                ..Parameters::default()
            },
            ..Config::default()
        };
        let market = Scenario::new(Toy::new(2), &config).unwrap();
        let keys: BTreeMap<ReplicaId, Arc<SecretKey>> = (0u16..)
            .zip(&market.replicas)
            .map(|(id, key)| {
                (
                    ReplicaId::new(id),
                    Arc::new(SecretKey::from_seed(key.to_seed())),
                )
            })
            .collect();
        let cluster = ClusterConfig {
            directory: directory.to_path_buf(),
            genesis: market.genesis.clone(),
            keys,
            pool: PoolLimits::default(),
        };
        let engine = Embedded::start(cluster, |_| Market::new()).unwrap();
        Self { engine, market }
    }

    fn submit(&self, transaction: Transaction) -> Reply {
        let reply = self
            .engine
            .submit(transaction)
            .unwrap()
            .wait(PATIENCE)
            .unwrap();
        assert_eq!(Rejection::from_code(reply.outcome.code), None);
        reply
    }

    fn ask(&self, replica: u16, path: String) -> serde_json::Value {
        let query = Query {
            path,
            data: Vec::new(),
        };
        let answer = self.engine.query(ReplicaId::new(replica), query).unwrap();
        answer.value.map_or(serde_json::Value::Null, |v| {
            serde_json::from_slice(&v).unwrap()
        })
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}

#[test]
fn four_replicas_sell_a_record_while_one_is_down() {
    let directory = tempfile::tempdir().unwrap();
    let mut c = Cluster::start(directory.path());
    let bond = c.market.by_hospital(
        0,
        Body::DepositBond {
            amount: Credits::new(2_000),
        },
    );
    c.submit(bond);
    let record = c.market.seal(0, None);
    let registration = c.market.register(0, &record);
    c.submit(registration);
    let mut wanted = c.market.want(1, true);
    wanted.offer.question.deadline = eligo_verifier_contract::Day::from_unix(now_ms() / 1000)
        .unwrap()
        .number()
        + 31;
    let publish = c.market.publish(0, &mut wanted);
    c.submit(publish);
    for round in 1..=2 {
        let round = c.market.round(round);
        c.submit(round);
    }
    let path = format!("requirement/{}", wanted.name);
    let view = c.ask(0, path);
    let drawn: Vec<(AccountId, [u8; 48])> = view["sale"]["drawn"]
        .as_array()
        .unwrap()
        .iter()
        .map(|proxy| {
            let key = hex::decode(proxy["key"].as_str().unwrap()).unwrap();
            let account = proxy["account"].as_str().unwrap().parse().unwrap();
            (account, key.try_into().unwrap())
        })
        .collect();
    // A replica stops half-way.
    assert!(c.engine.stop_replica(ReplicaId::new(3)));
    let claim = c
        .market
        .claim(1, &wanted, &record, &drawn, now_ms())
        .unwrap();
    let accepted = c.submit(claim.transaction.clone());
    let events = read_outcome(&accepted.outcome.data).unwrap();
    assert!(matches!(events[0], Event::ClaimAccepted { .. }));
    let proof = c
        .engine
        .prove(accepted.height, accepted.index)
        .unwrap()
        .unwrap();
    let height: Height = verify_proof(&c.market.genesis, &proof, &claim.transaction).unwrap();
    assert_eq!(height, accepted.height);
    for (account, _) in &drawn[..3] {
        let share = c.market.share(account, &claim, &record, now_ms()).unwrap();
        c.submit(share);
    }
    std::thread::sleep(Duration::from_millis(250));
    let settle = c.market.by_institution(1, Body::Settle { claim: claim.id });
    c.submit(settle);
    c.engine.start_replica(ReplicaId::new(3)).unwrap();
    let path = format!("claim/{}", claim.id);
    assert_eq!(c.ask(0, path.clone())["status"], "settled");
    let account = format!("account/{}", claim.account.account());
    assert_eq!(c.ask(1, account)["credits"], 100);
    // The late one catches up.
    let mut late = serde_json::Value::Null;
    for _ in 0..100 {
        late = c.ask(3, path.clone());
        if late["status"] == "settled" {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(late["status"], "settled");
    assert_eq!(Time::new(1), c.market.genesis.time);
    c.engine.stop();
}
