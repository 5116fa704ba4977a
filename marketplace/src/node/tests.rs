//! A node over real sockets and files, with the ledger's small test application.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eligo_ledger::application::{Finalized, Genesis, Limits, Timeouts};
use eligo_ledger::block::{Block, Transaction};
use eligo_ledger::height::{Height, ReplicaId, Time};
use eligo_ledger::identity::SecretKey;
use eligo_ledger::light::LedgerProof;
use eligo_ledger::pbft::effect::Delivery;
use eligo_ledger::pool::PoolLimits;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::{Class, Member, Roster};
use eligo_ledger::teller::{Order, Slip, Teller};
use eligo_ledger::wire::Wire;
use serde_json::{Value, json};

use super::openapi::OPERATIONS;
use super::*;
use crate::client::{Client, ClientError, DeskError, HttpDesk};

impl Served for Teller {
    fn refusal(code: u32) -> Option<(&'static str, String)> {
        (code == 1).then(|| ("no-cover", "the account has too little".into()))
    }

    fn notices(block: &Block, _done: &Finalized) -> Vec<Notice> {
        let each = (0u32..).zip(block.transactions());
        each.map(|(index, tx)| {
            let slip = Slip::from_wire(tx.bytes()).unwrap();
            Notice {
                index,
                record: (slip.counter % 2 == 0).then(|| "even".to_owned()),
                requirement: None,
                parties: vec![hex::encode(slip.client)],
                value: json!({ "counter": slip.counter }),
            }
        })
        .collect()
    }
}

fn genesis(name: &str, replicas: u16) -> (Genesis, BTreeMap<ReplicaId, Arc<SecretKey>>) {
    let keys: BTreeMap<ReplicaId, Arc<SecretKey>> = (0..replicas)
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
        name: name.into(),
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
        limits: Limits {
            transaction_bytes: 1000,
            ..Limits::default()
        },
        checkpoint_every: 8,
        app_state: Vec::new(),
    };
    (genesis, keys)
}

fn node(folder: &Path) -> Arc<Node<Teller>> {
    let (genesis, keys) = genesis("test", 4);
    let config = NodeConfig {
        directory: folder.to_owned(),
        genesis,
        keys,
        pool: PoolLimits::default(),
        objects: Objects::local(&folder.join("objects")).unwrap(),
        patience: Duration::from_secs(30),
    };
    Arc::new(Node::start(config, |_| Teller::new()).unwrap())
}

fn serve(folder: &Path) -> Server<Teller> {
    serve_with(folder, HttpLimits::default())
}

fn serve_with(folder: &Path, limits: HttpLimits) -> Server<Teller> {
    Server::start(node(folder), ([127, 0, 0, 1], 0).into(), limits).unwrap()
}

fn client(server: &Server<Teller>) -> Client<HttpDesk> {
    let desk = HttpDesk::new(&server.url(), Duration::from_secs(30));
    Client::new(genesis("test", 4).0, desk).unwrap()
}

fn add(counter: u64) -> Transaction {
    slip(counter, Order::Add(1))
}

fn slip(counter: u64, order: Order) -> Transaction {
    let slip = Slip {
        client: [7; 32],
        counter,
        order,
    };
    slip.transaction().unwrap()
}

/// One request as it goes over the wire: status, content type, body.
fn raw(server: &Server<Teller>, request: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let mut socket = TcpStream::connect(server.address()).unwrap();
    let length = body.len();
    let head =
        format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}");
    socket
        .write_all(format!("{head}\r\n\r\n").as_bytes())
        .unwrap();
    // A server that refuses may close before all of it was sent.
    socket.write_all(body).ok();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).ok();
    let split = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..split].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let kind = head
        .lines()
        .find_map(|l| l.strip_prefix("content-type: "))
        .unwrap_or_default();
    (status, kind.to_owned(), answer[split + 4..].to_vec())
}

fn problem(answer: &(u16, String, Vec<u8>)) -> Problem {
    assert_eq!(answer.1, "application/problem+json", "{answer:?}");
    let problem = Problem::from_json(&serde_json::from_slice(&answer.2).unwrap()).unwrap();
    assert_eq!(problem.kind().status(), answer.0);
    problem
}

#[test]
fn a_transaction_goes_round_and_its_proof_holds() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path());
    let client = client(&server);
    let first = client.submit(&add(1)).unwrap();
    assert!(first.accepted());
    assert_eq!((first.height.get(), first.index), (1, 0));
    // Again: the same place, executed once.
    let again = client.submit(&add(1)).unwrap();
    assert_eq!((again.height, again.index), (first.height, first.index));
    let second = client.submit(&add(2)).unwrap();
    assert_eq!(u64::from_wire(&second.outcome.data), Ok(2));
    // Another with a used counter gets nobody else's result, and no long wait.
    let late = client.submit(&slip(2, Order::Add(5))).unwrap_err();
    let ClientError::Desk(DeskError::Refused(problem)) = late else {
        panic!("{late}")
    };
    assert_eq!(problem.kind(), ProblemKind::Rejected);

    // The next block proves the first one's results; the last block's are only said.
    let found = client.transaction(first.height, first.index).unwrap();
    assert_eq!(found.transaction, add(1));
    assert!(found.outcome_proved);
    let last = client.transaction(second.height, 0).unwrap();
    assert!(!last.outcome_proved);
    let missing = client.transaction(second.height, 1);
    assert!(matches!(missing, Err(ClientError::Missing { .. })));
    assert_eq!(client.desk().height().unwrap(), second.height);

    let (status, _, body) = raw(&server, "GET /v1/events?record=even", b"");
    assert_eq!(status, 200);
    let events: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(events["events"].as_array().unwrap().len(), 1);
    assert_eq!(events["events"][0]["event"]["counter"], json!(2));
    let party = format!("GET /v1/events?party={}&from=2", "07".repeat(32));
    let events: Value = serde_json::from_slice(&raw(&server, &party, b"").2).unwrap();
    assert_eq!(events["events"].as_array().unwrap().len(), 1);
    assert_eq!(events["next"], json!(3));
    let (_, kind, page) = raw(&server, "GET /metrics", b"");
    assert!(kind.starts_with("text/plain"));
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("eligo_height 2\n"), "{page}");
    assert!(page.contains("eligo_transactions_total{outcome=\"accepted\"} 3"));
}

#[test]
fn refusals_are_problem_documents() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path());
    let kinds = |request: &str, body: &[u8]| problem(&raw(&server, request, body)).kind();
    assert_eq!(
        kinds("POST /v1/transactions", &[0; 1001]),
        ProblemKind::TooLong
    );
    assert_eq!(kinds("GET /v1/blocks/x", b""), ProblemKind::Malformed);
    assert_eq!(kinds("GET /v1/blocks/9", b""), ProblemKind::NotFound);
    assert_eq!(
        kinds("GET /v1/blocks/9/proofs/0", b""),
        ProblemKind::NotFound
    );
    assert_eq!(kinds("GET /v1/events?from=-1", b""), ProblemKind::Malformed);
    assert_eq!(kinds("GET /v1/events?name=x", b""), ProblemKind::Malformed);
    assert_eq!(
        kinds("GET /v1/query/counter?data=0", b""),
        ProblemKind::Malformed
    );
    assert_eq!(kinds("GET /v1/query/.admit", b""), ProblemKind::NotFound);
    assert_eq!(
        kinds("GET /v1/objects/..%2Fkeys", b""),
        ProblemKind::Malformed
    );
    assert_eq!(kinds("GET /elsewhere", b""), ProblemKind::NotFound);
    assert_eq!(kinds("DELETE /v1/status", b""), ProblemKind::Method);
    let name = ObjectDigest::of(b"one");
    let put = format!("PUT /v1/objects/{name}");
    assert_eq!(kinds(&put, b"another"), ProblemKind::Swapped);
    let get = format!("GET /v1/objects/{name}");
    assert_eq!(kinds(&get, b""), ProblemKind::NotFound);
    // Not a transaction of this application.
    let refused = problem(&raw(&server, "POST /v1/transactions", b"nonsense"));
    assert_eq!(refused.kind(), ProblemKind::Rejected);
    assert!(refused.code().is_some());
}

#[test]
fn too_many_requests_at_once_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let limits = HttpLimits {
        requests: 0,
        uploads: 0,
        ..HttpLimits::default()
    };
    let server = serve_with(folder.path(), limits);
    let busy = problem(&raw(&server, "GET /v1/status", b""));
    assert_eq!(busy.kind(), ProblemKind::Busy);
    assert!(busy.kind().is_passing());
}

#[test]
fn connections_that_never_come_to_the_point_make_room_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let limits = HttpLimits {
        door: DoorLimits {
            connections: 4,
            head_timeout: Duration::from_millis(300),
            ..HttpLimits::default().door
        },
        ..HttpLimits::default()
    };
    let server = serve_with(folder.path(), limits);
    let drip: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut socket = TcpStream::connect(server.address()).unwrap();
            socket
                .write_all(b"GET /v1/status HTTP/1.1\r\nhost")
                .unwrap();
            socket
        })
        .collect();
    let (status, ..) = raw(&server, "GET /v1/status", b"");
    assert_eq!(status, 200);
    drop(drip);
}

#[test]
fn slow_uploads_are_cut_off_and_keep_nobody_else_out() {
    let folder = tempfile::tempdir().unwrap();
    let limits = HttpLimits {
        uploads: 1,
        door: DoorLimits {
            head_timeout: Duration::from_secs(3),
            ..HttpLimits::default().door
        },
        pause_timeout: Duration::from_secs(2),
        ..HttpLimits::default()
    };
    let server = serve_with(folder.path(), limits);
    let name = ObjectDigest::of(b"record");
    let mut slow = TcpStream::connect(server.address()).unwrap();
    let head =
        format!("PUT /v1/objects/{name} HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\nrec");
    slow.write_all(head.as_bytes()).unwrap();
    // Another upload is refused or, where it was first, taken; everything else is served.
    let (status, ..) = raw(&server, "GET /v1/status", b"");
    assert_eq!(status, 200);
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).ok();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let put = format!("PUT /v1/objects/{name}");
    assert_eq!(raw(&server, &put, b"record").0, 201);
}

#[test]
fn a_node_goes_on_after_a_restart_and_without_one_replica() {
    let folder = tempfile::tempdir().unwrap();
    let first = {
        let server = serve(folder.path());
        let client = client(&server);
        client.submit(&add(1)).unwrap()
    };
    // The archive is derived: without it, blocks come from the replicas' files.
    std::fs::remove_dir_all(folder.path().join("blocks")).unwrap();
    let server = serve(folder.path());
    let client = client(&server);
    assert!(server.node().stop_replica(ReplicaId::new(0)));
    let second = client.submit(&add(2)).unwrap();
    assert_eq!(u64::from_wire(&second.outcome.data), Ok(2));
    let found = client.transaction(first.height, first.index).unwrap();
    assert!(found.outcome_proved);
    server.node().start_replica(ReplicaId::new(0)).unwrap();
    let third = client.submit(&add(3)).unwrap();
    assert_eq!(u64::from_wire(&third.outcome.data), Ok(3));
}

#[test]
fn ciphertexts_go_round() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path());
    let client = client(&server);
    let bytes: Vec<u8> = (0..700_000u32).map(|i| (i % 251) as u8).collect();
    let digest = ObjectDigest::of(&bytes);
    assert_eq!(client.desk().size(digest).unwrap(), None);
    client.desk().put(digest, &mut &bytes[..]).unwrap();
    assert_eq!(client.desk().size(digest).unwrap(), Some(700_000));
    let mut back = Vec::new();
    client.desk().get(digest, &mut back).unwrap();
    assert!(back == bytes);
    // Swapped behind the node's back.
    let name = digest.to_string();
    let file = folder.path().join("objects").join(&name[..2]).join(&name);
    std::fs::write(&file, b"something else").unwrap();
    let (over_http, here) = (client.desk(), server.node());
    assert!(over_http.get(digest, &mut io::sink()).is_err());
    assert!(here.get(digest, &mut io::sink()).is_err());
}

#[test]
fn the_openapi_document_names_every_route_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path());
    let (status, _, body) = raw(&server, "GET /openapi.json", b"");
    assert_eq!(status, 200);
    let document: Value = serde_json::from_slice(&body).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations: usize = paths.values().map(|p| p.as_object().unwrap().len()).sum();
    assert_eq!(operations, OPERATIONS.len());
    for (path, method, ..) in OPERATIONS {
        let at = path.replace("{height}", "1").replace("{index}", "0");
        let at = at.replace("{digest}", "00").replace("{path}", "counter");
        let answer = raw(&server, &format!("{} {at}", method.to_uppercase()), b"");
        // The route is there: whatever it says, it is not that there is none, nor another method.
        let body = String::from_utf8_lossy(&answer.2).into_owned();
        assert!(!body.contains("no such resource"), "{method} {path}");
        assert_ne!(answer.0, 405, "{method} {path}");
        let known = &document["paths"][path][method]["responses"];
        assert!(
            known.get(answer.0.to_string()).is_some(),
            "{method} {path} answered {}",
            answer.0
        );
    }
}

/// A node that lies, in one way after another.
struct Liar {
    honest: Arc<Node<Teller>>,
    lie: Mutex<fn(&mut Said)>,
    chain: Genesis,
}

impl Desk for Liar {
    fn genesis(&self) -> Result<Genesis, DeskError> {
        Ok(self.chain.clone())
    }
    fn height(&self) -> Result<Height, DeskError> {
        self.honest.height()
    }
    fn submit(&self, transaction: &Transaction) -> Result<Said, DeskError> {
        let mut said = self.honest.submit(transaction)?;
        self.lie.lock().unwrap()(&mut said);
        Ok(said)
    }
    fn query(&self, path: &str, data: &[u8]) -> Result<Option<Vec<u8>>, DeskError> {
        self.honest.query(path, data)
    }
    fn block(&self, height: Height) -> Result<Option<Delivery>, DeskError> {
        let mut block = self.honest.block(height)?;
        if let Some(outcome) = block.as_mut().and_then(|b| b.done.outcomes.first_mut()) {
            outcome.code = 99;
        }
        Ok(block)
    }
    fn proof(&self, height: Height, index: u32) -> Result<Option<LedgerProof>, DeskError> {
        self.honest.proof(height, index)
    }
    fn put(&self, digest: ObjectDigest, bytes: &mut (dyn Read + Send)) -> Result<(), DeskError> {
        self.honest.put(digest, bytes)
    }
    fn get(&self, digest: ObjectDigest, out: &mut dyn Write) -> Result<u64, DeskError> {
        self.honest.get(digest, out)
    }
    fn size(&self, digest: ObjectDigest) -> Result<Option<u64>, DeskError> {
        self.honest.size(digest)
    }
}

#[test]
fn a_client_believes_no_forged_proof_certificate_result_or_chain() {
    let folder = tempfile::tempdir().unwrap();
    let liar = |honest: &Arc<Node<Teller>>, lie| Liar {
        honest: honest.clone(),
        lie: Mutex::new(lie),
        chain: genesis("test", 4).0,
    };
    let honest = node(folder.path());
    honest.submit(&add(1)).unwrap();
    let lies: [fn(&mut Said); 5] = [
        // Another place.
        |said| said.height = said.height.next(),
        |said| said.index += 1,
        // A header nobody signed.
        |said| said.proof.inclusion.header.time = Time::new(7),
        // A certificate without signatures enough.
        |said| {
            let bytes = said.proof.inclusion.certificate.to_wire();
            let mut forged = bytes.clone();
            let last = forged.len() - 1;
            forged[last] ^= 1;
            let forged = Wire::from_wire(&forged).unwrap();
            said.proof.inclusion.certificate = forged;
        },
        // Another transaction's path.
        |said| {
            let one = Transaction::new(vec![1]).unwrap().id();
            let path = eligo_ledger::merkle::Path::new(&[one, one], 0);
            said.proof.inclusion.path = path.unwrap();
        },
    ];
    for (i, lie) in lies.into_iter().enumerate() {
        let client = Client::new(genesis("test", 4).0, liar(&honest, lie)).unwrap();
        let refused = client.submit(&add(i as u64 + 2));
        assert!(
            matches!(
                refused,
                Err(ClientError::Proof(_) | ClientError::OtherPlace { .. })
            ),
            "lie {i}: {refused:?}"
        );
    }
    // A result that the next block does not commit to.
    let client = Client::new(genesis("test", 4).0, liar(&honest, |_| ())).unwrap();
    let refused = client.transaction(Height::new(1), 0);
    assert!(
        matches!(refused, Err(ClientError::OtherOutcome(_))),
        "{refused:?}"
    );
    // The same name and keys, another chain.
    let mut other = genesis("test", 4).0;
    other.time = Time::new(2);
    let refused = Client::new(other.clone(), liar(&honest, |_| ()));
    assert!(matches!(refused, Err(ClientError::OtherChain { .. })));
    // A node of this chain, shown to a client of another by a liar who serves the other's genesis.
    let mut mixed = liar(&honest, |_| ());
    mixed.chain = other.clone();
    let client = Client::new(other, mixed).unwrap();
    assert!(matches!(client.submit(&add(9)), Err(ClientError::Proof(_))));
}
