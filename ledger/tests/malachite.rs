//! The engine for several machines: four processes over loopback, load, kill -9 of one and of all,
//! catching up, two of four, a liar. In one process: snapshots, roster changes, and the same transactions
//! through both engines.
//!
//! This test binary is also the replica's program: with `ELIGO_REPLICA` set it runs that configuration.

#![allow(clippy::unwrap_used)]

use eligo_ledger::application::{
    AppInfo, Application, Finalized, Genesis, Limits, NextParams, Query, QueryAnswer, Reject,
    RequestId, Timeouts, Verdict,
};
use eligo_ledger::block::{Block, Outcome, Transaction};
use eligo_ledger::certificate::CommitCert;
use eligo_ledger::cluster::control::{Control, ControlServer, Report};
use eligo_ledger::cluster::{Charter, ReplicaConfig, configurations, found};
use eligo_ledger::digest::{Digest, Purpose};
use eligo_ledger::embedded::{ClusterConfig, Embedded};
use eligo_ledger::engine::{Engine, EngineError, Reply};
use eligo_ledger::height::{Height, Time};
use eligo_ledger::light::verify_proof;
use eligo_ledger::malachite::Malachite;
use eligo_ledger::pool::PoolLimits;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::Roster;
use eligo_ledger::teller::{Order, Slip, Teller};
use eligo_ledger::wire::Wire;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const CHILD: &str = "ELIGO_REPLICA";
/// Set beside it for a replica that lies.
const LIAR: &str = "ELIGO_REPLICA_LIES";

/// One cluster at a time: two cores are few enough for four replicas.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Not a test of its own: the replicas' program. Without the variable it has nothing to do.
#[test]
fn replica_process() {
    let Some(file) = std::env::var_os(CHILD) else {
        return;
    };
    let config = ReplicaConfig::read(Path::new(&file)).unwrap();
    let replica = match std::env::var_os(LIAR) {
        None => Malachite::start(&config, Teller::new()),
        Some(_) => Malachite::start_liar(&config, Teller::new()),
    };
    let replica = Arc::new(replica.unwrap());
    let _server = ControlServer::start(config.control, replica.clone()).unwrap();
    while replica.going() {
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the replica stopped");
}

fn charter() -> Charter {
    Charter {
        name: "test".into(),
        time: Time::new(1),
        replicas: 4,
        policy: ProposerPolicy::Rotation,
        timeouts: Timeouts {
            request_ms: 1_200,
            ceiling_ms: 4_000,
            heartbeat_ms: 1_000,
            interval_ms: 0,
            ..Timeouts::default()
        },
        limits: Limits::default(),
        app_state: Vec::new(),
        host: IpAddr::from([127, 0, 0, 1]),
        base_port: free_ports(),
    }
}

/// The first of some ports that nobody listens on.
fn free_ports() -> u16 {
    let from = 20_000 + (std::process::id() % 200) as u16 * 200;
    let free = |base: &u16| {
        let ports = (0..5).chain(100..105);
        ports
            .map(|i| TcpListener::bind(("127.0.0.1", base + i)))
            .all(|l| l.is_ok())
    };
    (0..20).map(|i| from + i * 5).find(free).unwrap()
}

struct Cluster {
    configs: Vec<ReplicaConfig>,
    files: Vec<PathBuf>,
    genesis: Genesis,
    children: Vec<Option<Child>>,
    controls: BTreeMap<usize, Control>,
    liar: Option<usize>,
}

impl Cluster {
    fn start(dir: &Path, liar: Option<usize>) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let genesis = found(dir, &charter(), &mut rng).unwrap();
        let files = (0..4)
            .map(|i| dir.join(format!("replica-{i}")).join("replica.json"))
            .collect();
        let mut cluster = Cluster {
            configs: configurations(dir).unwrap(),
            files,
            genesis,
            children: (0..4).map(|_| None).collect(),
            controls: BTreeMap::new(),
            liar,
        };
        (0..4).for_each(|i| cluster.run(i));
        cluster
    }

    fn run(&mut self, i: usize) {
        let program = std::env::current_exe().unwrap();
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.files[i].with_file_name("log"))
            .unwrap();
        let mut command = Command::new(program);
        command
            .args(["--exact", "replica_process", "--nocapture"])
            .env(CHILD, &self.files[i]);
        if self.liar == Some(i) {
            command.env(LIAR, "1");
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.children[i] = Some(child);
    }

    /// SIGKILL: no last words.
    fn kill(&mut self, i: usize) {
        let mut child = self.children[i].take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        self.controls.remove(&i);
    }

    fn control(&mut self, i: usize) -> &mut Control {
        let address = self.configs[i].control;
        self.controls.entry(i).or_insert_with(|| {
            let begun = Instant::now();
            loop {
                match Control::connect(address, Duration::from_secs(1)) {
                    Ok(control) => return control,
                    Err(e) if begun.elapsed() > PATIENCE => panic!("replica {i}: {e}"),
                    Err(_) => std::thread::sleep(Duration::from_millis(20)),
                }
            }
        })
    }

    fn report(&mut self, i: usize) -> Report {
        self.control(i).report().unwrap()
    }

    fn add(&mut self, i: usize, counter: u64) -> Reply {
        self.control(i).submit(add(1, counter)).unwrap()
    }

    /// Waits until a replica has reached a height.
    fn reaches(&mut self, i: usize, height: Height) -> Report {
        let begun = Instant::now();
        loop {
            let report = self.report(i);
            assert!(!report.halted, "replica {i} halted at {}", report.height);
            if report.height >= height {
                return report;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "replica {i} is at {}",
                report.height
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// All running honest replicas come to one height, block and state.
    fn agree(&mut self) -> Report {
        let running = (0..4).filter(|i| self.children[*i].is_some());
        let running: Vec<usize> = running.filter(|i| self.liar != Some(*i)).collect();
        let begun = Instant::now();
        loop {
            let reports: Vec<Report> = running.iter().map(|i| self.report(*i)).collect();
            let first = &reports[0];
            for report in &reports {
                assert!(!report.halted);
                if report.height == first.height {
                    assert_eq!((report.tip, report.app_hash), (first.tip, first.app_hash));
                }
            }
            if reports.iter().all(|r| r.height == first.height) {
                return first.clone();
            }
            assert!(begun.elapsed() < PATIENCE, "{reports:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn counter(&mut self, i: usize) -> u64 {
        let query = Query {
            path: "counter".into(),
            data: Vec::new(),
        };
        let answer = self.control(i).query(query).unwrap();
        u64::from_wire(&answer.value.unwrap()).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for file in &self.files {
                let log = std::fs::read_to_string(file.with_file_name("log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(30).collect();
                eprintln!("-- {}", file.display());
                tail.iter().rev().for_each(|line| eprintln!("{line}"));
            }
        }
        for child in self.children.iter_mut().flatten() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn add(client: u8, counter: u64) -> Transaction {
    let slip = Slip {
        client: [client; 32],
        counter,
        order: Order::Add(1),
    };
    slip.transaction().unwrap()
}

#[test]
fn four_processes_survive_kill_nine_of_one_and_of_all() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(dir.path(), None);

    // Load, through every replica; the answers are final, and provable from the genesis alone.
    let begun = Instant::now();
    for counter in 1..=40 {
        cluster.add(counter as usize % 4, counter);
    }
    let reply = cluster.add(2, 41);
    assert_eq!(u64::from_wire(&reply.outcome.data).unwrap(), 41);
    println!("41 transactions in {:?}", begun.elapsed());
    let proof = cluster.control(3).prove(reply.height, reply.index);
    let proof = match proof {
        Ok(proof) => proof,
        // Replica 3 may be a block behind.
        Err(_) => {
            cluster.reaches(3, reply.height);
            cluster.control(3).prove(reply.height, reply.index).unwrap()
        }
    };
    assert_eq!(
        verify_proof(&cluster.genesis, &proof, &add(1, 41)),
        Ok(reply.height)
    );
    assert!(verify_proof(&cluster.genesis, &proof, &add(1, 40)).is_err());
    let again = cluster.add(0, 41);
    assert_eq!(again, reply, "the stored result is sent again");
    assert_eq!(cluster.agree().peers, 3);

    // One is killed; the others go on; it catches up.
    cluster.kill(1);
    for counter in 42..=50 {
        cluster.add(0, counter);
    }
    let ahead = cluster.report(0).height;
    cluster.run(1);
    let begun = Instant::now();
    cluster.reaches(1, ahead);
    println!("caught up in {:?}", begun.elapsed());
    cluster.add(1, 51);

    // Two are killed: no progress, no harm. One comes back: progress.
    cluster.kill(2);
    cluster.kill(3);
    std::thread::sleep(Duration::from_millis(500));
    let stuck = cluster.report(0).height;
    let address = cluster.configs[0].control;
    let waiting = std::thread::spawn(move || {
        let mut control = Control::connect(address, PATIENCE).unwrap();
        control.submit(add(1, 52)).unwrap()
    });
    std::thread::sleep(Duration::from_secs(3));
    let heights = [0, 1].map(|i| cluster.report(i).height);
    assert!(
        heights.iter().all(|h| *h <= stuck.next()),
        "{heights:?} after {stuck}"
    );
    cluster.run(2);
    let reply = waiting.join().unwrap();
    assert_eq!(u64::from_wire(&reply.outcome.data).unwrap(), 52);
    cluster.run(3);
    cluster.reaches(3, reply.height);
    cluster.agree();

    // All are killed at once, and start again from what they have.
    let before = cluster.report(0);
    (0..4).for_each(|i| cluster.kill(i));
    (0..4).for_each(|i| cluster.run(i));
    let begun = Instant::now();
    let reply = cluster.add(0, 53);
    println!("first answer after all were killed: {:?}", begun.elapsed());
    assert!(reply.height > before.height);
    assert_eq!(u64::from_wire(&reply.outcome.data).unwrap(), 53);
    for i in 0..4 {
        cluster.reaches(i, reply.height);
        assert_eq!(cluster.counter(i), 53);
    }
    cluster.agree();
}

/// Replica 3 says everything twice, differently, forges votes of its own and of others, and spoils half of
/// its blocks. The others go on, agree, and name it, and nobody else, on the ledger.
#[test]
fn a_replica_that_lies_harms_nobody_and_is_named() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(dir.path(), Some(3));
    let begun = Instant::now();
    for counter in 1..=20 {
        let reply = cluster.add(counter as usize % 3, counter);
        assert_eq!(u64::from_wire(&reply.outcome.data).unwrap(), counter);
    }
    println!("20 transactions beside a liar in {:?}", begun.elapsed());
    let begun = Instant::now();
    for i in 0..3 {
        while cluster.report(i).liars.is_empty() {
            assert!(begun.elapsed() < PATIENCE, "the liar was not caught");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let report = cluster.agree();
    assert_eq!(report.liars, [cluster.configs[3].replica()]);

    // An honest one is killed and comes back beside the liar.
    cluster.kill(1);
    cluster.run(1);
    let reply = cluster.add(0, 21);
    assert_eq!(u64::from_wire(&reply.outcome.data).unwrap(), 21);
    cluster.reaches(1, reply.height);
    let proof = cluster.control(1).prove(reply.height, reply.index).unwrap();
    let proven = verify_proof(&cluster.genesis, &proof, &add(1, 21));
    assert_eq!(proven, Ok(reply.height));
    for i in 0..3 {
        cluster.reaches(i, reply.height);
        assert_eq!(cluster.counter(i), 21);
    }
    assert_eq!(cluster.agree().liars, [cluster.configs[3].replica()]);
}

/// Configurations of a cluster whose genesis document and settings were changed before the start.
fn founded(
    dir: &Path,
    replicas: u16,
    change: impl FnOnce(&mut Genesis),
) -> (Genesis, Vec<ReplicaConfig>) {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let charter = Charter {
        replicas,
        policy: ProposerPolicy::Sticky,
        ..charter()
    };
    let mut genesis = found(dir, &charter, &mut rng).unwrap();
    change(&mut genesis);
    std::fs::write(dir.join("genesis"), genesis.to_wire()).unwrap();
    (genesis, configurations(dir).unwrap())
}

fn begin(config: &ReplicaConfig) -> Malachite {
    Malachite::start(config, Teller::new()).unwrap()
}

fn order(replica: &Malachite, counter: u64, order: Order) -> Reply {
    let slip = Slip {
        client: [5; 32],
        counter,
        order,
    };
    let receipt = replica.submit(slip.transaction().unwrap()).unwrap();
    receipt.wait(PATIENCE).unwrap()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn counter_of(replica: &Malachite) -> u64 {
    let query = Query {
        path: "counter".into(),
        data: Vec::new(),
    };
    let answer = replica.query(query).unwrap();
    u64::from_wire(&answer.value.unwrap()).unwrap()
}

#[test]
fn a_replica_left_behind_goes_on_from_a_snapshot() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let (genesis, mut configs) = founded(dir.path(), 4, |g| g.checkpoint_every = 4);
    configs.iter_mut().for_each(|c| c.keep_blocks = Some(1));
    let mut replicas: Vec<Malachite> = configs.iter().take(3).map(begin).collect();
    for counter in 1..=14 {
        order(&replicas[0], counter, Order::Add(1));
    }
    until("blocks are dropped", || {
        replicas.iter().all(|r| r.report().lowest >= Height::new(8))
    });
    assert_eq!(replicas[0].prove(Height::new(1), 0).unwrap(), None);

    // The fourth begins with nothing, and block 1 is nowhere any more.
    replicas.push(begin(&configs[3]));
    let ahead = replicas[0].report();
    until("the fourth has caught up", || {
        replicas[3].report().height >= ahead.height
    });
    assert!(replicas[3].report().lowest > Height::new(8));
    assert_eq!(counter_of(&replicas[3]), 14);
    // It takes part: without replica 2 its vote is needed.
    replicas.remove(2).stop();
    let reply = order(&replicas[2], 15, Order::Add(1));
    assert_eq!(u64::from_wire(&reply.outcome.data).unwrap(), 15);
    let proof = replicas[2].prove(reply.height, reply.index).unwrap();
    let slip = Slip {
        client: [5; 32],
        counter: 15,
        order: Order::Add(1),
    };
    let proven = verify_proof(&genesis, &proof.unwrap(), &slip.transaction().unwrap());
    assert_eq!(proven, Ok(reply.height));

    // All stop and begin again, each from its own snapshot: the teller keeps nothing itself.
    replicas.into_iter().for_each(Engine::stop);
    let replicas: Vec<Malachite> = configs.iter().map(begin).collect();
    assert!(replicas[3].report().lowest > Height::new(8));
    let reply = order(&replicas[3], 16, Order::Add(1));
    assert_eq!(u64::from_wire(&reply.outcome.data).unwrap(), 16);
    until("all have it", || {
        replicas.iter().all(|r| r.report().height >= reply.height)
    });
    assert!(replicas.iter().all(|r| counter_of(r) == 16));
    replicas.into_iter().for_each(Engine::stop);
}

#[test]
fn members_join_and_leave_two_heights_later() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let mut joiner = None;
    let (genesis, configs) = founded(dir.path(), 5, |g| {
        let mut members = g.roster.members().to_vec();
        joiner = members.pop();
        g.roster = Roster::first(members).unwrap();
    });
    let mut replicas: Vec<Malachite> = configs.iter().map(begin).collect();
    order(&replicas[0], 1, Order::Add(1));
    // Whoever has no vote follows all the same.
    until("the fifth follows", || counter_of(&replicas[4]) == 1);

    let joined = order(&replicas[0], 2, Order::Join(joiner.unwrap()));
    assert_eq!(joined.outcome.code, 0);
    for counter in 3..=6 {
        order(&replicas[0], counter, Order::Add(1));
    }
    // Five votes, four needed: without replica 1 the joiner's is one of them.
    replicas.remove(1).stop();
    let reply = order(&replicas[0], 7, Order::Add(1));
    let proof = replicas[0]
        .prove(reply.height, reply.index)
        .unwrap()
        .unwrap();
    let signers = proof.inclusion.certificate.signatures.iter();
    assert!(
        signers
            .into_iter()
            .any(|(id, _)| *id == configs[4].replica())
    );
    let steps: Vec<Height> = proof.steps.iter().map(|s| s.header.height).collect();
    assert_eq!(
        steps,
        [joined.height.next()],
        "it votes from two heights on"
    );

    // The absent one leaves: four votes, three needed, and another one may go.
    let left = order(&replicas[0], 8, Order::Leave(configs[1].replica()));
    for counter in 9..=11 {
        order(&replicas[0], counter, Order::Add(1));
    }
    replicas.remove(1).stop();
    let reply = order(&replicas[2], 12, Order::Add(1));
    let proof = replicas[2]
        .prove(reply.height, reply.index)
        .unwrap()
        .unwrap();
    let steps: Vec<Height> = proof.steps.iter().map(|s| s.header.height).collect();
    assert_eq!(steps, [joined.height.next(), left.height.next()]);
    let slip = Slip {
        client: [5; 32],
        counter: 12,
        order: Order::Add(1),
    };
    let proven = verify_proof(&genesis, &proof, &slip.transaction().unwrap());
    assert_eq!(proven, Ok(reply.height));
    replicas.into_iter().for_each(Engine::stop);
}

/// The teller, with a hash over what was done and in which order, not over where the blocks end: that
/// differs between engines.
#[derive(Default)]
struct Abacus {
    teller: Teller,
    hash: Digest,
}

impl Application for Abacus {
    fn info(&self) -> AppInfo {
        AppInfo {
            app_hash: self.hash,
            ..self.teller.info()
        }
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
        for (tx, outcome) in block.transactions().iter().zip(&done.outcomes) {
            let parts = [self.hash, tx.id(), outcome.digest()];
            let parts = parts.each_ref().map(|d| d.as_bytes().as_slice());
            self.hash = Purpose::Application.hash(&parts);
        }
        done.app_hash = self.hash;
        done
    }
    fn commit(&mut self, certificate: &CommitCert) -> Height {
        self.teller.commit(certificate)
    }
    fn query(&self, query: &Query) -> QueryAnswer {
        self.teller.query(query)
    }
}

fn mixed_orders() -> Vec<Transaction> {
    let order = |i: u64| match i % 3 {
        0 => Order::Add(i),
        1 => Order::Transfer {
            from: (i % 7) as u16,
            to: (i % 5) as u16,
            amount: i * 10,
        },
        _ => Order::Idle(vec![i as u8; 100]),
    };
    let slip = |i| Slip {
        client: [(i % 2) as u8; 32],
        counter: i,
        order: order(i),
    };
    (1..=60).map(|i| slip(i).transaction().unwrap()).collect()
}

fn outcomes(engine: &impl Engine, orders: &[Transaction]) -> Vec<Outcome> {
    let outcome = |tx: &Transaction| {
        let receipt = engine.submit(tx.clone()).unwrap();
        receipt.wait(PATIENCE).unwrap().outcome
    };
    orders.iter().map(outcome).collect()
}

#[test]
fn both_engines_come_to_the_same_state() {
    let _alone = alone();
    let orders = mixed_orders();
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let dir = tempfile::tempdir().unwrap();
    let genesis = found(dir.path(), &charter(), &mut rng).unwrap();
    let configs = configurations(dir.path()).unwrap();

    let start = |c| Malachite::start(c, Abacus::default()).unwrap();
    let replicas: Vec<Malachite> = configs.iter().map(start).collect();
    let malachite = outcomes(&replicas[0], &orders);
    // Whoever comes too late is told, on this engine as on the other.
    let late = Slip {
        client: [0; 32],
        counter: 59,
        order: Order::Add(1),
    };
    let late = replicas[1].submit(late.transaction().unwrap()).unwrap();
    assert_eq!(late.wait(PATIENCE), Err(EngineError::CounterUsed));
    let hash = replicas[0].report().app_hash;
    let begun = Instant::now();
    while replicas.iter().any(|r| r.report().app_hash != hash) {
        assert!(begun.elapsed() < PATIENCE, "the replicas differ");
        std::thread::sleep(Duration::from_millis(20));
    }
    replicas.into_iter().for_each(Engine::stop);

    let keys = configs.iter().map(|c| {
        let (_, key) = c.open().unwrap();
        (c.replica(), Arc::new(key))
    });
    let config = ClusterConfig {
        directory: dir.path().join("embedded"),
        genesis,
        keys: keys.collect(),
        pool: PoolLimits::default(),
    };
    let embedded = Embedded::start(config, |_| Abacus::default()).unwrap();
    let blocks = embedded.blocks();
    let pbft = outcomes(&embedded, &orders);
    let last = orders.last().unwrap().id();
    let holds = |b: &Block| b.transactions().iter().any(|tx| tx.id() == last);
    let end = loop {
        let delivery = blocks.next(PATIENCE).unwrap();
        if holds(&delivery.decision.block) {
            break delivery.done.app_hash;
        }
    };
    embedded.stop();
    assert_eq!(malachite, pbft, "every result is the same");
    assert_eq!(hash, end, "and so is the application's hash");
    assert_ne!(hash, Digest::ZERO);
}
