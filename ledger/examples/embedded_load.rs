//! Measures the embedded engine on disk: first block, commit latency one at a time, throughput.
//!
//! `cargo run --release -p eligo-ledger --example embedded_load -- [REPLICAS..] [--seconds N]`; with
//! `--features malachite` the engine for several machines beside it, as many replicas in one process, over
//! the loopback interface.

use eligo_ledger::application::{Genesis, Limits, Timeouts};
use eligo_ledger::block::Transaction;
use eligo_ledger::embedded::{ClusterConfig, Embedded};
use eligo_ledger::engine::Engine;
use eligo_ledger::height::{ReplicaId, Time};
use eligo_ledger::identity::SecretKey;
use eligo_ledger::pool::PoolLimits;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::{Class, Member, Roster};
use eligo_ledger::teller::{Order, Slip, Teller};
use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut sizes: Vec<u16> = Vec::new();
    let mut seconds = 5;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--seconds" {
            seconds = args.next().ok_or("--seconds needs a number")?.parse()?;
        } else {
            sizes.push(arg.parse()?);
        }
    }
    if sizes.is_empty() {
        sizes = vec![4, 7, 13];
    }
    println!("replicas  first block ms  commit p50 ms  p99 ms  blocks/s  transactions/s");
    let period = Duration::from_secs(seconds);
    for &n in &sizes {
        measure(n, "load", |directory| measure_in(directory, n, period))?;
    }
    #[cfg(feature = "malachite")]
    {
        println!("the engine for several machines");
        for &n in &sizes {
            measure(n, "machines", |directory| machines(directory, n, period))?;
        }
    }
    Ok(())
}

fn measure(
    n: u16,
    name: &str,
    work: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let directory = format!("eligo-{name}-{}-{n}", std::process::id());
    let directory = std::env::temp_dir().join(directory);
    let result = work(&directory);
    std::fs::remove_dir_all(&directory)?;
    result
}

fn measure_in(directory: &Path, n: u16, period: Duration) -> Result<(), Failure> {
    let started = Instant::now();
    let engine = start(directory, n)?;
    load(&engine, n, started, period)?;
    engine.stop();
    Ok(())
}

/// As many replicas of the engine for several machines; the first one is given the load.
#[cfg(feature = "malachite")]
fn machines(directory: &Path, n: u16, period: Duration) -> Result<(), Failure> {
    use eligo_ledger::cluster::{Charter, configurations, found};
    use eligo_ledger::malachite::Malachite;
    use rand_core::SeedableRng as _;

    let charter = Charter {
        name: "load".into(),
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
        base_port: 28_000 + n * 200,
    };
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
    found(directory, &charter, &mut rng)?;
    let started = Instant::now();
    let configs = configurations(directory)?;
    let replicas = configs.iter().map(|c| Malachite::start(c, Teller::new()));
    let replicas = replicas.collect::<Result<Vec<_>, _>>()?;
    if let Some(first) = replicas.first() {
        load(first, n, started, period)?;
    }
    replicas.into_iter().for_each(Engine::stop);
    Ok(())
}

fn load(engine: &impl Engine, n: u16, started: Instant, period: Duration) -> Result<(), Failure> {
    engine.submit(order(1, 1)?)?.wait(PATIENCE)?;
    let first = started.elapsed();
    let mut latencies = Vec::new();
    let begin = Instant::now();
    let mut counter = 1;
    while begin.elapsed() < period {
        counter += 1;
        let sent = Instant::now();
        engine.submit(order(1, counter)?)?.wait(PATIENCE)?;
        latencies.push(sent.elapsed());
    }
    latencies.sort();
    let at = |q: usize| {
        let found = latencies.get(latencies.len() * q / 100);
        found.map_or(0.0, |d| d.as_secs_f64() * 1e3)
    };
    let (blocks, transactions) = flood(engine, period)?;
    println!(
        "{n:>8}  {:>14.1}  {:>13.2}  {:>6.2}  {blocks:>8.0}  {transactions:>14.0}",
        first.as_secs_f64() * 1e3,
        at(50),
        at(99)
    );
    Ok(())
}

/// Keeps some thousand transactions waiting; blocks and transactions a second.
fn flood(engine: &impl Engine, period: Duration) -> Result<(f64, f64), Failure> {
    let blocks = engine.blocks();
    let mut waiting = VecDeque::new();
    let (begin, mut sent) = (Instant::now(), 0u64);
    let mut done = 0u64;
    while begin.elapsed() < period {
        while waiting.len() < 4_000 {
            sent += 1;
            waiting.push_back(engine.submit(order(2, sent)?)?);
        }
        for receipt in waiting.drain(..1_000) {
            receipt.wait(PATIENCE)?;
            done += 1;
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let mut count = 0u64;
    while blocks.next(Duration::from_millis(1)).is_ok() {
        count += 1;
    }
    Ok((count as f64 / seconds, done as f64 / seconds))
}

fn order(client: u8, counter: u64) -> Result<Transaction, Failure> {
    let slip = Slip {
        client: [client; 32],
        counter,
        order: Order::Add(1),
    };
    Ok(slip.transaction()?)
}

fn start(directory: &Path, n: u16) -> Result<Embedded<Teller>, Failure> {
    let keys: BTreeMap<ReplicaId, Arc<SecretKey>> = (0..n)
        .map(|i| {
            let mut seed = [1; 32];
            seed[0] = i as u8;
            (
                ReplicaId::new(i),
                Arc::new(SecretKey::from_seed(seed.into())),
            )
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
        name: "load".into(),
        time: Time::new(1),
        roster: Roster::first(members.collect())?,
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
        genesis,
        keys,
        pool: PoolLimits::default(),
    };
    Ok(Embedded::start(config, |_| Teller::new())?)
}
