//! Measures the embedded engine on disk: first block, commit latency one at a time, throughput; and what the
//! disk alone takes, one synced append after another, as the baseline.
//!
//! `cargo run --release -p eligo-ledger --example embedded_load -- [REPLICAS..] [--seconds N] [--dir DIR]`; with
//! `--features malachite` the engine for several machines beside it, as many replicas in one process, over
//! the loopback interface. `--dir /dev/shm` leaves the disk out.

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
    let (mut seconds, mut place) = (5, std::env::temp_dir());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => seconds = args.next().ok_or("--seconds needs a number")?.parse()?,
            "--dir" => place = args.next().ok_or("--dir needs a folder")?.into(),
            size => sizes.push(size.parse()?),
        }
    }
    if sizes.is_empty() {
        sizes = vec![4, 7, 13];
    }
    let period = Duration::from_secs(seconds);
    let disk = measure(&place, "disk", |directory| {
        synced_appends(directory, period)
    })?;
    let (p50, p99) = (disk.ms(50), disk.ms(99));
    println!("one synced append of 300 bytes: p50 {p50:.2} ms, p99 {p99:.2} ms\n");
    println!(
        "replicas  first block ms  commit p50 ms  p99 ms  blocks/s  transactions/s  p50 / append"
    );
    for &n in &sizes {
        let row = measure(&place, "load", |directory| measure_in(directory, n, period))?;
        row.print(n, &disk);
    }
    #[cfg(feature = "malachite")]
    {
        println!("the engine for several machines");
        for &n in &sizes {
            match measure(&place, "machines", |directory| {
                machines(directory, n, period)
            }) {
                Ok(row) => row.print(n, &disk),
                Err(failure) => println!("{n:>8}  not measured: {failure}"),
            }
        }
    }
    Ok(())
}

/// Times of one thing after another, in order of length.
struct Latencies(Vec<Duration>);

impl Latencies {
    /// As long as the period lasts.
    fn of(period: Duration, mut one: impl FnMut() -> Result<(), Failure>) -> Result<Self, Failure> {
        let (mut all, begin) = (Vec::new(), Instant::now());
        while begin.elapsed() < period {
            let started = Instant::now();
            one()?;
            all.push(started.elapsed());
        }
        all.sort();
        Ok(Self(all))
    }

    /// The q-th percentile, in milliseconds.
    fn ms(&self, q: usize) -> f64 {
        let found = self.0.get(self.0.len() * q / 100);
        found.map_or(0.0, |d| d.as_secs_f64() * 1e3)
    }
}

/// What was measured of a cluster.
struct Row {
    first: Duration,
    commits: Latencies,
    blocks: f64,
    transactions: f64,
}

impl Row {
    fn print(&self, n: u16, disk: &Latencies) {
        println!(
            "{n:>8}  {:>14.1}  {:>13.2}  {:>6.2}  {:>8.0}  {:>14.0}  {:>12.1}",
            self.first.as_secs_f64() * 1e3,
            self.commits.ms(50),
            self.commits.ms(99),
            self.blocks,
            self.transactions,
            self.commits.ms(50) / disk.ms(50)
        );
    }
}

/// Works in a folder of its own, which is gone afterwards.
fn measure<T>(
    place: &Path,
    name: &str,
    work: impl FnOnce(&Path) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let directory = place.join(format!("eligo-{name}-{}", std::process::id()));
    let result = work(&directory);
    std::fs::remove_dir_all(&directory)?;
    result
}

fn synced_appends(directory: &Path, period: Duration) -> Result<Latencies, Failure> {
    use std::io::Write as _;

    std::fs::create_dir_all(directory)?;
    let mut file = std::fs::File::create(directory.join("log"))?;
    Latencies::of(period, || {
        file.write_all(&[7; 300])?;
        Ok(file.sync_data()?)
    })
}

fn measure_in(directory: &Path, n: u16, period: Duration) -> Result<Row, Failure> {
    let started = Instant::now();
    let engine = start(directory, n)?;
    let row = load(&engine, started, period)?;
    engine.stop();
    Ok(row)
}

/// As many replicas of the engine for several machines; the first one is given the load.
#[cfg(feature = "malachite")]
fn machines(directory: &Path, n: u16, period: Duration) -> Result<Row, Failure> {
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
    let first = replicas.first().ok_or("no replica")?;
    let row = load(first, started, period);
    replicas.into_iter().for_each(Engine::stop);
    row
}

fn load(engine: &impl Engine, started: Instant, period: Duration) -> Result<Row, Failure> {
    engine.submit(order(1, 1)?)?.wait(PATIENCE)?;
    let first = started.elapsed();
    let mut counter = 1;
    let commits = Latencies::of(period, || {
        counter += 1;
        engine.submit(order(1, counter)?)?.wait(PATIENCE)?;
        Ok(())
    })?;
    let (blocks, transactions) = flood(engine, period)?;
    Ok(Row {
        first,
        commits,
        blocks,
        transactions,
    })
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
