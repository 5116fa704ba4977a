//! The ledger: a durable commit on 4, 7 and 13 embedded replicas, a burst, and the proof that a transaction is
//! final. The baseline is one process that writes to the same store and trusts itself: one durable write.
//!
//! `cargo bench -p eligo-benches --bench ledger`; with `--features malachite` the engine for several machines, as
//! many replicas over loopback, is measured in the same run. The table of throughput and p99 comes from
//! `cargo run --release -p eligo-ledger --example embedded_load`.

#![allow(missing_docs)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use eligo_ledger::application::{Genesis, Limits, Timeouts};
use eligo_ledger::block::Transaction;
use eligo_ledger::embedded::{ClusterConfig, Embedded};
use eligo_ledger::engine::Engine;
use eligo_ledger::height::{ReplicaId, Time};
use eligo_ledger::identity::SecretKey;
use eligo_ledger::light::verify_proof;
use eligo_ledger::pool::PoolLimits;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::{Class, Member, Roster};
use eligo_ledger::teller::{Order, Slip, Teller};
use eligo_ledger::wire::Wire;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
/// Transactions that wait at once.
const BURST: u64 = 2_000;

#[expect(clippy::expect_used, reason = "a bench without its cluster is over")]
fn start(directory: &Path, n: u16) -> (Genesis, Embedded<Teller>) {
    let keys: BTreeMap<ReplicaId, Arc<SecretKey>> = (0..n)
        .map(|i| {
            let mut seed = [1; 32];
            seed[..2].copy_from_slice(&i.to_be_bytes());
            let key = SecretKey::from_seed(seed.into());
            (ReplicaId::new(i), Arc::new(key))
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
        name: "bench".into(),
        time: Time::new(1),
        roster: Roster::first(members.collect()).expect("a roster"),
        policy: ProposerPolicy::Sticky,
        timeouts: Timeouts {
            interval_ms: 0,
            ..Timeouts::default()
        },
        limits: Limits::default(),
        checkpoint_every: 128,
        app_state: Vec::new(),
    };
    let config = ClusterConfig {
        directory: directory.to_path_buf(),
        genesis: genesis.clone(),
        keys,
        pool: PoolLimits::default(),
    };
    let engine = Embedded::start(config, |_| Teller::new()).expect("a cluster");
    (genesis, engine)
}

#[expect(clippy::expect_used, reason = "an order always fits a transaction")]
fn order(counter: u64) -> Transaction {
    let slip = Slip {
        client: [1; 32],
        counter,
        order: Order::Add(1),
    };
    slip.transaction().expect("a small transaction")
}

#[expect(clippy::expect_used, reason = "a bench without answers is over")]
fn commits(c: &mut Criterion) {
    let mut group = c.benchmark_group("ledger");
    group.sample_size(20);
    {
        let directory = tempfile::tempdir().expect("a directory");
        let table: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("orders");
        let store = redb::Database::create(directory.path().join("one.redb")).expect("a store");
        let mut counter = 0;
        group.bench_function("baseline: one durable write, nobody else", |b| {
            b.iter(|| {
                counter += 1;
                let write = store.begin_write().expect("a transaction");
                write
                    .open_table(table)
                    .and_then(|mut t| {
                        t.insert(counter, order(counter).bytes())
                            .map(|_| ())
                            .map_err(Into::into)
                    })
                    .expect("a row");
                write.commit().expect("durable");
            });
        });
    }
    for n in [4, 7, 13] {
        let directory = tempfile::tempdir().expect("a directory");
        let (_, engine) = start(directory.path(), n);
        let mut counter = 0;
        let mut next = || {
            counter += 1;
            order(counter)
        };
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("one durable commit, {n} replicas"), |b| {
            b.iter(|| {
                let receipt = engine.submit(next()).expect("submitted");
                receipt.wait(PATIENCE).expect("answered")
            });
        });
        group.throughput(Throughput::Elements(BURST));
        group.bench_function(format!("{BURST} at once, {n} replicas"), |b| {
            b.iter_batched(
                || (0..BURST).map(|_| next()).collect::<Vec<_>>(),
                |burst| {
                    let receipts: Vec<_> = burst
                        .into_iter()
                        .map(|tx| engine.submit(tx).expect("submitted"))
                        .collect();
                    for receipt in receipts {
                        receipt.wait(PATIENCE).expect("answered");
                    }
                },
                BatchSize::PerIteration,
            );
        });
        engine.stop();
    }
    group.finish();
}

/// The engine for several machines: the same numbers of replicas, here in one process, over the loopback
/// interface.
#[cfg(feature = "malachite")]
fn several_machines(c: &mut Criterion) {
    for (n, base_port) in [(4, 27_200), (7, 27_500), (13, 27_800)] {
        several(c, n, base_port);
    }
}

#[cfg(feature = "malachite")]
#[expect(clippy::expect_used, reason = "a bench without its cluster is over")]
fn several(c: &mut Criterion, n: u16, base_port: u16) {
    use eligo_ledger::cluster::{Charter, configurations, found};
    use eligo_ledger::malachite::Malachite;
    use rand_chacha::rand_core::SeedableRng as _;

    let directory = tempfile::tempdir().expect("a directory");
    let charter = Charter {
        name: "bench".into(),
        time: Time::new(1),
        replicas: n,
        policy: ProposerPolicy::Rotation,
        timeouts: Timeouts {
            interval_ms: 0,
            ..Timeouts::default()
        },
        limits: Limits::default(),
        app_state: Vec::new(),
        host: [127, 0, 0, 1].into(),
        base_port,
    };
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
    found(directory.path(), &charter, &mut rng).expect("a cluster");
    let configs = configurations(directory.path()).expect("configurations");
    let replicas: Vec<Malachite> = configs
        .iter()
        .map(|c| Malachite::start(c, Teller::new()).expect("a replica"))
        .collect();
    let first = replicas.first().expect("replicas");
    let mut counter = 0;
    let mut next = || {
        counter += 1;
        order(counter)
    };
    // Thirteen replicas in one process may be more than a machine bears: the others are measured all the same.
    let answer = first.submit(next()).expect("submitted").wait(PATIENCE);
    if let Err(silence) = answer {
        println!("{n} Malachite replicas: not measured: {silence}");
        return replicas.into_iter().for_each(Engine::stop);
    }
    let missing = std::cell::Cell::new(0);
    let mut group = c.benchmark_group("ledger over loopback");
    group.sample_size(20);
    group.bench_function(format!("one durable commit, {n} Malachite replicas"), |b| {
        b.iter(|| {
            let receipt = first.submit(next()).expect("submitted");
            receipt.wait(PATIENCE).expect("answered")
        });
    });
    group.throughput(Throughput::Elements(BURST));
    group.bench_function(format!("{BURST} at once, {n} Malachite replicas"), |b| {
        b.iter_batched(
            || (0..BURST).map(|_| next()).collect::<Vec<_>>(),
            |burst| {
                let receipts: Vec<_> = burst
                    .into_iter()
                    .map(|tx| first.submit(tx).expect("submitted"))
                    .collect();
                for receipt in receipts {
                    if receipt.wait(PATIENCE).is_err() {
                        missing.set(missing.get() + 1);
                        return;
                    }
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
    if missing.get() > 0 {
        println!(
            "{n} Malachite replicas: {} bursts not answered in {PATIENCE:?}",
            missing.get()
        );
    }
    replicas.into_iter().for_each(Engine::stop);
}

#[cfg(not(feature = "malachite"))]
fn several_machines(_: &mut Criterion) {}

#[expect(clippy::expect_used, reason = "a bench without its proof is over")]
fn proofs(c: &mut Criterion) {
    for n in [4, 13] {
        let directory = tempfile::tempdir().expect("a directory");
        let (genesis, engine) = start(directory.path(), n);
        let tx = order(1);
        let receipt = engine.submit(tx.clone()).expect("submitted");
        let reply = receipt.wait(PATIENCE).expect("answered");
        let proof = engine.prove(reply.height, reply.index);
        let proof = proof.expect("a replica").expect("a proof");
        println!(
            "inclusion proof, {n} replicas, one transaction: {} bytes",
            proof.to_wire().len()
        );
        c.bench_function(&format!("verify an inclusion proof, {n} replicas"), |b| {
            b.iter(|| verify_proof(black_box(&genesis), black_box(&proof), black_box(&tx)));
        });
        engine.stop();
    }
}

criterion_group!(benches, commits, several_machines, proofs);
criterion_main!(benches);
