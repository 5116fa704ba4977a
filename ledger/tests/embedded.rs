//! The embedded engine on real files: first block, restarts, halts, proofs.

#![allow(clippy::unwrap_used)]

use eligo_ledger::application::{
    AppInfo, Application, Finalized, Genesis, Limits, NextParams, Query, QueryAnswer, Reject,
    RequestId, Timeouts, Verdict,
};
use eligo_ledger::block::{Block, Transaction};
use eligo_ledger::certificate::CommitCert;
use eligo_ledger::digest::Digest;
use eligo_ledger::embedded::{ClusterConfig, Embedded};
use eligo_ledger::engine::{Alarm, Engine, EngineError, Reply};
use eligo_ledger::height::{Height, ReplicaId, Time};
use eligo_ledger::identity::SecretKey;
use eligo_ledger::light::verify_proof;
use eligo_ledger::pool::PoolLimits;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::{Class, Member, Roster};
use eligo_ledger::teller::{Order, Slip, Teller};
use eligo_ledger::wire::Wire;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

fn config(directory: &Path, n: u16) -> ClusterConfig {
    let keys: BTreeMap<ReplicaId, Arc<SecretKey>> = (0..n)
        .map(|i| {
            let seed = [i as u8 + 1; 32].into();
            (ReplicaId::new(i), Arc::new(SecretKey::from_seed(seed)))
        })
        .collect();
    let members = keys.iter().map(|(id, key)| Member {
        id: *id,
        key: key.public(),
        power: 1,
        class: Class::Tertiary,
        may_propose: true,
        votes: true,
        region: String::new(),
    });
    let genesis = Genesis {
        name: "test".into(),
        time: Time::new(1),
        roster: Roster::first(members.collect()).unwrap(),
        policy: ProposerPolicy::Sticky,
        timeouts: Timeouts {
            request_ms: 400,
            resend_ms: 100,
            heartbeat_ms: 200,
            interval_ms: 0,
            ..Timeouts::default()
        },
        limits: Limits::default(),
        checkpoint_every: 8,
        app_state: Vec::new(),
    };
    ClusterConfig {
        directory: directory.to_path_buf(),
        genesis,
        keys,
        pool: PoolLimits::default(),
    }
}

fn cluster(directory: &Path, n: u16) -> (Genesis, Embedded<Teller>) {
    let config = config(directory, n);
    let genesis = config.genesis.clone();
    let engine = Embedded::start(config, |_| Teller::new()).unwrap();
    (genesis, engine)
}

fn add(counter: u64) -> Transaction {
    let slip = Slip {
        client: [7; 32],
        counter,
        order: Order::Add(1),
    };
    slip.transaction().unwrap()
}

fn ask(engine: &Embedded<Teller>, counter: u64) -> Reply {
    engine.submit(add(counter)).unwrap().wait(PATIENCE).unwrap()
}

fn counter_of(reply: &Reply) -> u64 {
    u64::from_wire(&reply.outcome.data).unwrap()
}

#[test]
fn transactions_are_answered_proven_and_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let (genesis, engine) = cluster(dir.path(), 4);
    let first = ask(&engine, 1);
    assert_eq!(counter_of(&first), 1);
    let again = ask(&engine, 1);
    assert_eq!(again, first, "the stored result is sent again");
    let second = ask(&engine, 2);
    assert_eq!(counter_of(&second), 2);
    let proof = engine.prove(second.height, second.index).unwrap().unwrap();
    assert_eq!(verify_proof(&genesis, &proof, &add(2)), Ok(second.height));
    assert!(verify_proof(&genesis, &proof, &add(3)).is_err());
    let query = Query {
        path: "counter".into(),
        data: Vec::new(),
    };
    let answer = engine.query(ReplicaId::new(0), query).unwrap();
    assert!(answer.value.is_some());
}

#[test]
fn a_request_whose_counter_is_used_up_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let (_, engine) = cluster(dir.path(), 4);
    let fifth = ask(&engine, 5);
    let told = |slip: Slip| {
        let receipt = engine.submit(slip.transaction().unwrap()).unwrap();
        receipt.wait(PATIENCE)
    };
    let slip = |counter, order| Slip {
        client: [7; 32],
        counter,
        order,
    };
    assert_eq!(told(slip(4, Order::Add(1))), Err(EngineError::CounterUsed));
    // Not the result of another request with the same counter.
    assert_eq!(told(slip(5, Order::Add(2))), Err(EngineError::CounterUsed));
    assert_eq!(told(slip(5, Order::Add(1))), Ok(fifth));
    // Two with one counter at the same time: one is executed, and the other is told.
    let rivals = [6, 7].map(|n| slip(6, Order::Add(n)).transaction().unwrap());
    let receipts = rivals.map(|tx| engine.submit(tx).unwrap());
    let answers = receipts.map(|receipt| receipt.wait(PATIENCE));
    assert!(answers[0].is_ok());
    assert_eq!(answers[1], Err(EngineError::CounterUsed));
}

#[test]
fn replicas_can_be_stopped_and_started_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let (_, engine) = cluster(dir.path(), 4);
    ask(&engine, 1);
    // The primary goes: another takes over.
    assert!(engine.stop_replica(ReplicaId::new(0)));
    assert_eq!(counter_of(&ask(&engine, 2)), 2);
    // A second one goes: three of four are needed.
    assert!(engine.stop_replica(ReplicaId::new(3)));
    let waiting = engine.submit(add(3)).unwrap();
    assert_eq!(
        waiting.wait(Duration::from_millis(500)),
        Err(EngineError::TimedOut)
    );
    engine.start_replica(ReplicaId::new(0)).unwrap();
    assert_eq!(counter_of(&waiting.wait(PATIENCE).unwrap()), 3);
    engine.start_replica(ReplicaId::new(3)).unwrap();
    assert_eq!(counter_of(&ask(&engine, 4)), 4);
}

#[test]
fn a_cluster_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (_, engine) = cluster(dir.path(), 4);
    for c in 1..=20 {
        ask(&engine, c);
    }
    engine.stop();
    let (_, engine) = cluster(dir.path(), 4);
    let reply = ask(&engine, 21);
    assert_eq!(counter_of(&reply), 21);
    assert!(reply.height.get() > 20);
    let replicas = engine.status().replicas;
    assert_eq!(replicas.len(), 4);
    assert!(replicas.iter().all(|r| !r.halted));
}

/// A teller whose memory is bad on one replica: another state after the second block.
struct Forgetful {
    teller: Teller,
    bad: bool,
}

impl Application for Forgetful {
    fn info(&self) -> AppInfo {
        self.teller.info()
    }
    fn init_chain(&mut self, genesis: &Genesis) -> NextParams {
        self.teller.init_chain(genesis)
    }
    fn check_tx(&self, tx: &Transaction) -> Result<(), Reject> {
        self.teller.check_tx(tx)
    }
    fn request_id(&self, tx: &Transaction) -> RequestId {
        self.teller.request_id(tx)
    }
    fn verify(&mut self, block: &Block) -> Verdict {
        self.teller.verify(block)
    }
    fn finalize_block(&mut self, block: &Block) -> Finalized {
        let mut done = self.teller.finalize_block(block);
        if self.bad && block.height() >= Height::new(2) {
            done.app_hash = Digest::new([6; 32]);
        }
        done
    }
    fn commit(&mut self, certificate: &CommitCert) -> Height {
        self.teller.commit(certificate)
    }
    fn query(&self, query: &Query) -> QueryAnswer {
        self.teller.query(query)
    }
}

#[test]
fn a_replica_whose_state_differs_stops_and_raises_an_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Embedded::start(config(dir.path(), 4), |id| Forgetful {
        teller: Teller::new(),
        bad: id == ReplicaId::new(3),
    })
    .unwrap();
    let alarms = engine.alarms();
    for counter in 1..=6 {
        engine.submit(add(counter)).unwrap().wait(PATIENCE).unwrap();
    }
    let (replica, alarm) = alarms.next(PATIENCE).unwrap();
    assert_eq!(replica, ReplicaId::new(3));
    assert!(
        matches!(alarm, Alarm::Halted(h) if h >= Height::new(3)),
        "{alarm:?}"
    );
    let status = engine.status();
    let halted = status.replicas.iter().filter(|r| r.halted);
    let halted: Vec<ReplicaId> = halted.map(|r| r.id).collect();
    assert_eq!(halted, [ReplicaId::new(3)]);
}
