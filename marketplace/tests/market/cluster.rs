//! A sale on four nodes that are four processes: each transaction goes to another node, one node is killed
//! and comes back, and every node shows the same history with its proofs.
//!
//! This test program is also the nodes' program: with `ELIGO_MEMBER` set it runs that configuration.

use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::support::Toy;
use eligo_ledger::application::{Genesis, Limits, Timeouts};
use eligo_ledger::cluster::{Charter, ReplicaConfig, found, replica_folder};
use eligo_ledger::height::{Height, ReplicaId, Time};
use eligo_ledger::proposer::ProposerPolicy;
use eligo_marketplace::agent::{
    Account, Agent, BeaconAgent, BeaconHands, HospitalAgent, Journal, ProxyAgent, ProxyIdentity,
    Registration,
};
use eligo_marketplace::application::Market;
use eligo_marketplace::client::{Client, Desk, HttpDesk};
use eligo_marketplace::credits::Credits;
use eligo_marketplace::entry::SignedEntry;
use eligo_marketplace::event::{Event, Subject};
use eligo_marketplace::node::{HttpLimits, MemberConfig, Node, Server};
use eligo_marketplace::scenario::{Config, Scenario};
use eligo_marketplace::storage::{ObjectDigest, Objects};
use eligo_marketplace::transaction::Body;
use eligo_sharing::keys::ProxyKey;

const PATIENCE: Duration = Duration::from_secs(120);
const CHILD: &str = "ELIGO_MEMBER";
const URL: &str = "url";

/// Not a test of its own: the nodes' program. Without the variable it has nothing to do.
#[test]
fn member_process() {
    let Some(file) = std::env::var_os(CHILD) else {
        return;
    };
    let file = PathBuf::from(file);
    let folder = file.parent().unwrap();
    let config = MemberConfig {
        replica: ReplicaConfig::read(&file).unwrap(),
        directory: folder.join("node"),
        objects: Objects::local(&folder.join("../objects")).unwrap(),
        patience: PATIENCE,
    };
    let node = Arc::new(Node::join(config, Market::new()).unwrap());
    let any = ([127, 0, 0, 1], 0).into();
    let server = Server::start(node.clone(), any, HttpLimits::default()).unwrap();
    std::fs::write(folder.join("url.new"), server.url()).unwrap();
    std::fs::rename(folder.join("url.new"), folder.join(URL)).unwrap();
    while node.going() {
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the replica stopped");
}

/// The first of some ports that nobody listens on.
fn free_ports() -> u16 {
    let from = 30_000 + (std::process::id() % 120) as u16 * 200;
    let free = |base: &u16| {
        let ports = (0..4).chain(100..104);
        ports
            .map(|i| TcpListener::bind(("127.0.0.1", base + i)))
            .all(|l| l.is_ok())
    };
    (0..20).map(|i| from + i * 4).find(free).unwrap()
}

fn charter(app_state: Vec<u8>) -> Charter {
    Charter {
        name: "market".into(),
        time: Time::new(1),
        replicas: 4,
        policy: ProposerPolicy::Rotation,
        timeouts: Timeouts {
            request_ms: 1_500,
            ceiling_ms: 6_000,
            heartbeat_ms: 1_000,
            interval_ms: 0,
            ..Timeouts::default()
        },
        limits: Limits::default(),
        app_state,
        host: IpAddr::from([127, 0, 0, 1]),
        base_port: free_ports(),
    }
}

struct Nodes {
    folder: PathBuf,
    genesis: Genesis,
    children: Vec<Option<Child>>,
}

impl Nodes {
    fn folder_of(&self, at: usize) -> PathBuf {
        replica_folder(&self.folder, ReplicaId::new(at as u16))
    }

    fn run(&mut self, at: usize) {
        let folder = self.folder_of(at);
        std::fs::remove_file(folder.join(URL)).ok();
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cluster::member_process", "--nocapture"])
            .env(CHILD, folder.join("replica.json"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.children[at] = Some(child.unwrap());
    }

    /// SIGKILL: no last words.
    fn kill(&mut self, at: usize) {
        let mut child = self.children[at].take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// A client of one node, that checks every proof against the genesis document.
    fn client(&self, at: usize) -> Client<HttpDesk> {
        let file = self.folder_of(at).join(URL);
        let start = Instant::now();
        loop {
            if let Ok(url) = std::fs::read_to_string(&file) {
                let desk = HttpDesk::new(&url, PATIENCE);
                if let Ok(client) = Client::new(self.genesis.clone(), desk) {
                    return client;
                }
            }
            assert!(start.elapsed() < PATIENCE, "node {at} does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            child.kill().ok();
            child.wait().ok();
        }
        if std::thread::panicking() {
            for at in 0..4 {
                let log = std::fs::read_to_string(self.folder_of(at).join("log"));
                eprintln!("node {at}: {}", log.unwrap_or_default());
            }
        }
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A market whose chain is the cluster's.
fn found_cluster(folder: &Path) -> (Scenario<Toy>, Nodes) {
    let mut config = Config::default();
    config.parameters.delivery_ms = 600_000;
    config.parameters.dispute_ms = 1_000;
    let mut market = Scenario::new(Toy::new(1), &config).unwrap();
    let charter = charter(market.genesis.app_state.clone());
    let genesis = found(folder, &charter, &mut market.rng).unwrap();
    market.chain = genesis.digest().into();
    market.genesis = genesis.clone();
    let mut nodes = Nodes {
        folder: folder.to_owned(),
        genesis,
        children: (0..4).map(|_| None).collect(),
    };
    (0..4).for_each(|at| nodes.run(at));
    (market, nodes)
}

#[test]
fn a_sale_on_four_processes_one_of_which_is_killed_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut market, mut nodes) = found_cluster(folder.path());
    let clients: Vec<_> = (0..4).map(|at| nodes.client(at)).collect();
    // Each step at another node.
    let hospital = market.hospitals[0].key.clone();
    let amount = Credits::new(2_000);
    let bond = Account::new(&clients[0], &hospital).send(Body::DepositBond { amount });
    bond.unwrap().accepted().unwrap();
    let record = market.seal(0, None);
    let ciphertext = folder.path().join("sealed");
    std::fs::write(&ciphertext, &record.ciphertext).unwrap();
    let entry = SignedEntry {
        patient: record.entry.sign(&market.chain, &record.signer),
        hospital: record.entry.sign(&market.chain, &hospital),
        entry: record.entry.clone(),
    };
    let journal = |name: &str| Journal::open(&folder.path().join("journals").join(name)).unwrap();
    let agent = HospitalAgent::new(&clients[1], &hospital, folder.path(), journal("hospital"));
    let registered = agent.register(&Registration { entry, ciphertext });
    assert!(registered.unwrap().is_some());
    let mut wanted = market.want(1, false);
    wanted.offer.question.deadline += 36_500;
    wanted.name = wanted
        .offer
        .requirement(&market.chain, "Institute 0")
        .unwrap();
    let institution = Account::new(&clients[2], &market.institutions[0].key);
    let publish = institution.send(Body::Publish(wanted.offer.clone()));
    publish.unwrap().accepted().unwrap();
    let hands = BeaconHands::new(market.beacon.clone(), std::mem::take(&mut market.signers));
    let mut beacon = BeaconAgent::new(&clients[3], &hands, &market.registrar.key);
    wait_until("the draw", || {
        beacon.step().unwrap();
        let seen = clients[0].requirement(&wanted.name).unwrap();
        seen.and_then(|r| r.sale?.drawn).is_some()
    });
    // One node dies without a word; three of four go on.
    nodes.kill(3);
    let sale = clients[0].requirement(&wanted.name).unwrap().unwrap().sale;
    let drawn: Vec<_> = sale.unwrap().drawn.unwrap();
    let drawn = drawn.iter().map(|proxy| {
        let mut key = [0; 48];
        hex::decode_to_slice(&proxy.key, &mut key).unwrap();
        (proxy.account, key)
    });
    let drawn: Vec<_> = drawn.collect();
    let claim = market.claim(1, &wanted, &record, &drawn, now_ms()).unwrap();
    let committed = clients[1].submit(&claim.transaction).unwrap();
    assert!(committed.accepted(), "{:?}", committed.outcome);
    for (at, client) in clients[..3].iter().enumerate() {
        let proxy = &market.proxies[at];
        let key = ProxyKey::from_bytes(proxy.key.to_bytes().as_slice()).unwrap();
        let identity = ProxyIdentity::new("proxy", proxy.actor.key.clone(), key);
        let name = format!("proxy-{at}");
        wait_until("a share", || {
            let mut agent = ProxyAgent::new(client, &identity, journal(&name));
            agent.step().unwrap();
            let steps = client.history(&Subject::Claim(claim.id)).unwrap();
            let own = identity.account();
            steps
                .iter()
                .any(|s| matches!(s.event, Event::SharePosted { proxy, .. } if proxy == own))
        });
    }
    wait_until("settlement", || {
        let seen = clients[2].claim(&claim.id).unwrap();
        seen.is_some_and(|c| c.status == "settled")
    });
    let height = clients[2].desk().height().unwrap();
    // It comes back, and has what happened meanwhile.
    nodes.run(3);
    let back = nodes.client(3);
    wait_until("catching up", || back.desk().height().unwrap() >= height);
    for client in [&clients[0], &clients[1], &back] {
        let record = Subject::Record(record.name());
        let steps = client.history(&record).unwrap();
        let settled = |e: &Event| matches!(e, Event::Settled { .. });
        assert_eq!(steps.iter().filter(|s| settled(&s.event)).count(), 1);
        // Every step with the proof that it is on the ledger, checked against the genesis document.
        assert_eq!(client.prove(steps.clone()).unwrap().len(), steps.len());
        let paid = client.account(&claim.account.account()).unwrap().unwrap();
        assert_eq!(paid.credits.get(), 100);
    }
    let digest = ObjectDigest::new(record.entry.ciphertext);
    assert!(back.desk().size(digest).unwrap().is_some());
    assert!(back.desk().block(Height::new(1)).unwrap().is_some());
    // And takes transactions again.
    let to = market.hospitals[0].account();
    let amount = Credits::new(1);
    let transfer = Account::new(&back, &market.institutions[1].key);
    let transfer = transfer.send(Body::Transfer { to, amount });
    transfer.unwrap().accepted().unwrap();
}
