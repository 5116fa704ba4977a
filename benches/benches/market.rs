//! The marketplace's load: accepted claims a second, claim to settlement on four replicas, bytes a sale,
//! beside the papers' block times. `cargo bench -p eligo-benches --bench market`; `ELIGO_CLAIMS` sets how
//! many claims (200).
//!
//! Grants, shares and proofs are real; the proofs are of a statement of six constraints with the six public
//! inputs of the real one, which costs a verifier exactly as much.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../../marketplace/tests/market/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use eligo_ledger::application::{Query, Timeouts};
use eligo_ledger::block::Transaction;
use eligo_ledger::embedded::{ClusterConfig, Embedded};
use eligo_ledger::engine::{Engine, Reply};
use eligo_ledger::height::ReplicaId;
use eligo_ledger::identity::SecretKey;
use eligo_ledger::pool::PoolLimits;
use eligo_marketplace::application::Market;
use eligo_marketplace::credits::Credits;
use eligo_marketplace::genesis::Parameters;
use eligo_marketplace::name::AccountId;
use eligo_marketplace::scenario::{Config, MadeClaim, Scenario, SealedRecord, Wanted};
use eligo_marketplace::solo::Solo;
use eligo_marketplace::transaction::Body;
use eligo_verifier_contract::Day;
use support::Toy;

const PATIENCE: Duration = Duration::from_secs(120);

/// Huang 2020, figure 5: block generation.
const PAPERS: [(&str, &str); 3] = [
    ("Huang 2020, its own blocks", "about 2 min"),
    ("Huang 2020, MDSM (DPoS)", "3 min"),
    ("Huang 2020, proof of work", "about 10 min"),
];

fn main() {
    let claims = std::env::var("ELIGO_CLAIMS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(200);
    one_replica(claims);
    four_replicas(claims);
    println!("\nblock generation in the papers:");
    for (what, time) in PAPERS {
        println!("  {what:34} {time}");
    }
}

/// A record and a requirement for this many, ready to be submitted, but for the proxies' draw.
fn stage(
    market: &mut Scenario<Toy>,
    claims: u32,
    now_ms: u64,
) -> (SealedRecord, Wanted, Vec<Transaction>) {
    let bond = market.by_hospital(
        0,
        Body::DepositBond {
            amount: Credits::new(2_000),
        },
    );
    let record = market.seal(0, None);
    let registration = market.register(0, &record);
    let mut wanted = market.want(claims + 1, false);
    wanted.offer.question.deadline = Day::from_unix(now_ms / 1000).unwrap().number() + 31;
    let publish = market.publish(0, &mut wanted);
    let rounds = [market.round(1), market.round(2)];
    let mut steps = vec![bond, registration, publish];
    steps.extend(rounds);
    (record, wanted, steps)
}

fn make(
    market: &mut Scenario<Toy>,
    (record, wanted): (&SealedRecord, &Wanted),
    drawn: &[(AccountId, [u8; 48])],
    (claims, now_ms): (u32, u64),
) -> Vec<MadeClaim> {
    let persons = 1..=u64::from(claims);
    persons
        .map(|person| market.claim(person, wanted, record, drawn, now_ms).unwrap())
        .collect()
}

/// Checks and execution alone: what bounds a replica.
fn one_replica(claims: u32) {
    let mut market = Scenario::new(Toy::new(1), &Config::default()).unwrap();
    let mut solo = Solo::new(&market.genesis);
    let (record, wanted, steps) = stage(&mut market, claims, solo.time_ms);
    for step in steps {
        solo.submit(step).unwrap();
    }
    let (drawn, now) = (solo.drawn(&wanted.name), solo.time_ms);
    let made = make(&mut market, (&record, &wanted), &drawn, (claims, now));
    let half = made.len() / 2;
    let (batched, single) = made.split_at(half);
    let start = Instant::now();
    let outcomes = solo.block(batched.iter().map(|c| c.transaction.clone()).collect());
    let together = start.elapsed();
    assert!(outcomes.iter().all(|outcome| outcome.code == 0));
    let start = Instant::now();
    for claim in single {
        solo.submit(claim.transaction.clone()).unwrap();
    }
    let alone = start.elapsed();
    let rate = |n: usize, time: Duration| n as f64 / time.as_secs_f64();
    println!("one replica, checks and execution:");
    println!(
        "  {half} claims in one block {:9.1} claims/s",
        rate(half, together)
    );
    println!(
        "  a block each           {:9.1} claims/s",
        rate(single.len(), alone)
    );
    let ratio = rate(half, together) / rate(single.len(), alone);
    println!("  batched against alone  {ratio:9.2}");
}

struct Cluster(Embedded<Market>);

impl Cluster {
    fn start(market: &Scenario<Toy>, directory: &std::path::Path) -> Self {
        let keys: BTreeMap<ReplicaId, Arc<SecretKey>> = (0u16..)
            .zip(&market.replicas)
            .map(|(id, key)| {
                (
                    ReplicaId::new(id),
                    Arc::new(SecretKey::from_seed(key.to_seed())),
                )
            })
            .collect();
        let config = ClusterConfig {
            directory: directory.to_path_buf(),
            genesis: market.genesis.clone(),
            keys,
            pool: PoolLimits::default(),
        };
        Self(Embedded::start(config, |_| Market::new()).unwrap())
    }

    fn submit(&self, transaction: Transaction) -> Reply {
        let reply = self.0.submit(transaction).unwrap().wait(PATIENCE).unwrap();
        assert_eq!(reply.outcome.code, 0);
        reply
    }

    fn drawn(&self, wanted: &Wanted) -> Vec<(AccountId, [u8; 48])> {
        let path = format!("requirement/{}", wanted.name);
        let query = Query {
            path,
            data: Vec::new(),
        };
        let value = self
            .0
            .query(ReplicaId::new(0), query)
            .unwrap()
            .value
            .unwrap();
        let view: serde_json::Value = serde_json::from_slice(&value).unwrap();
        let proxies = view["sale"]["drawn"].as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let key = |hex: String| -> Vec<u8> {
            (0..hex.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
                .collect()
        };
        proxies
            .map(|p| {
                (
                    text(&p["account"]).parse().unwrap(),
                    key(text(&p["key"])).try_into().unwrap(),
                )
            })
            .collect()
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}

/// Four replicas of one process on disk.
fn four_replicas(claims: u32) {
    let config = Config {
        timeouts: Timeouts {
            interval_ms: 0,
            request_ms: 30_000,
            ..Timeouts::default()
        },
        parameters: Parameters {
            dispute_ms: 0,
            ..Parameters::default()
        },
        ..Config::default()
    };
    let mut market = Scenario::new(Toy::new(1), &config).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(&market, directory.path());
    let (record, wanted, steps) = stage(&mut market, claims, now_ms());
    for step in steps {
        cluster.submit(step);
    }
    let drawn = cluster.drawn(&wanted);
    let made = make(&mut market, (&record, &wanted), &drawn, (claims, now_ms()));

    let start = Instant::now();
    let receipts: Vec<_> = made
        .iter()
        .map(|claim| cluster.0.submit(claim.transaction.clone()).unwrap())
        .collect();
    for receipt in receipts {
        assert_eq!(receipt.wait(PATIENCE).unwrap().outcome.code, 0);
    }
    let elapsed = start.elapsed();
    println!("\nfour replicas in one process, on disk:");
    println!(
        "  accepted               {:9.1} claims/s",
        f64::from(claims) / elapsed.as_secs_f64()
    );

    // One sale alone: claim, three shares, settlement with no dispute window.
    let person = u64::from(claims) + 1;
    let claim = market
        .claim(person, &wanted, &record, &drawn, now_ms())
        .unwrap();
    let shares: Vec<Transaction> = drawn[..3]
        .iter()
        .map(|(account, _)| market.share(account, &claim, &record, now_ms()).unwrap())
        .collect();
    let settle = market.by_institution(1, Body::Settle { claim: claim.id });
    let bytes = |tx: &Transaction| tx.bytes().len();
    let (claim_bytes, share_bytes) = (
        bytes(&claim.transaction),
        shares.iter().map(bytes).sum::<usize>(),
    );
    let start = Instant::now();
    cluster.submit(claim.transaction.clone());
    let accepted = start.elapsed();
    for share in shares {
        cluster.submit(share);
    }
    let delivered = start.elapsed();
    std::thread::sleep(Duration::from_millis(2));
    cluster.submit(settle);
    let settled = start.elapsed();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("  claim to acceptance    {:9.1} ms", ms(accepted));
    println!("  claim to delivery      {:9.1} ms", ms(delivered));
    println!(
        "  claim to settlement    {:9.1} ms (dispute window 0)",
        ms(settled)
    );
    println!(
        "  ledger bytes a sale    {:9} (claim {claim_bytes}, three shares {share_bytes})",
        claim_bytes + share_bytes
    );
    cluster.0.stop();
}
