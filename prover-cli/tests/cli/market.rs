//! The marketplace against a development node: every command from a hospital's records to a paid patient.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::desk::{ADULT, CHEAP, Desk, fixture};

/// A node that is stopped when the test ends.
pub struct Node {
    child: Child,
    pub url: String,
}

impl Node {
    pub fn start(desk: &Desk, dispute_ms: u32) -> Self {
        let line = format!("node --dev --listen 127.0.0.1:0 --json --dispute-ms {dispute_ms}");
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut command = desk.command(&words);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut first).unwrap();
        let said: Value = serde_json::from_str(&first).unwrap();
        let url = said["url"].as_str().unwrap().to_owned();
        Self { child, url }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Killed, not asked: what it promised must be on disk.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const VISIT: &str = "--hospital charite.example";

/// A hospital with two sealed records, an institute, both admitted; a requirement for sale.
fn parties(desk: &Desk, node: &Node) {
    let at = format!("--node {}", node.url);
    desk.run("hospital keygen --name Charité -o h.key").code(0);
    desk.run("hospital public h.key -o h.pub").code(0);
    desk.run("hospital ledger-key h.key -o h.ledger").code(0);
    desk.run("institution keygen --name Institute -o i.key")
        .code(0);
    desk.run("institution public i.key -o i.pub").code(0);
    desk.run(&format!(
        "node admit --hospital h.ledger --credits 5000 {at}"
    ))
    .code(0);
    desk.run(&format!(
        "node admit --institution i.pub --credits 2000 {at}"
    ))
    .code(0);
    std::fs::create_dir(desk.path("inbox")).unwrap();
    for (name, bundle) in [
        ("marta", "fhir/marta-nowak.json"),
        ("nora", "fhir/nora-o'dwyer.json"),
    ] {
        desk.run(&format!("wallet new -o {name}.w {CHEAP}")).code(0);
        desk.run(&format!(
            "wallet holder --wallet {name}.w {VISIT} -o {name}.holder"
        ))
        .code(0);
        let bundle = fixture(bundle);
        let sealed = format!("inbox/{name}.sealed");
        let capsule = format!("{name}.capsule");
        let (holder, credential) = (format!("{name}.holder"), format!("{name}.json"));
        desk.run_words(&[
            "hospital",
            "issue",
            "--key",
            "h.key",
            "--holder",
            &holder,
            "--record",
            &bundle,
            "--sealed-out",
            &sealed,
            "--capsule-out",
            &capsule,
            "-o",
            &credential,
        ])
        .code(0);
        desk.run(&format!(
            "market entry --wallet {name}.w {VISIT} --capsule {capsule} --hospital-card h.ledger \
             -o inbox/{name}.entry {at}"
        ))
        .code(0);
    }
    let agent =
        format!("agent hospital --key h.key --inbox inbox --journal hj --bond 2000 --once {at}");
    let first = desk.run(&agent).code(0);
    assert_eq!(first.out.matches("registered").count(), 2, "{}", first.out);
    // Again: nothing is left to do.
    assert_eq!(desk.run(&agent).code(0).out, "");
    // What is no entry is named, once.
    let cut = std::fs::read(desk.path("inbox/marta.entry")).unwrap();
    desk.write("inbox/a.entry", &cut[..50]);
    let told = desk.run(&agent).code(0);
    assert!(
        told.out.contains("inbox/a.entry: refused: not an entry"),
        "{}",
        told.out
    );
    assert_eq!(desk.run(&agent).code(0).out, "");
    std::fs::remove_file(desk.path("inbox/a.entry")).unwrap();
    desk.run(&agent.replace("--inbox inbox", "--inbox absent"))
        .code(3)
        .says("absent: ");
    desk.run(&agent.replace("--journal hj", "--journal h.key"))
        .code(3)
        .says("h.key");
    // Only `node` makes a chain.
    desk.run(&format!(
        "node admit --dir nowhere --institution i.pub {at}"
    ))
    .code(2)
    .says("no development chain there");
    assert!(!desk.path("nowhere").exists());
    desk.write("adult.toml", format!("{ADULT}issuers = [\"h.pub\"]\n"));
}

pub fn until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_record_is_sold_over_http() {
    let desk = Desk::new();
    let mut node = Node::start(&desk, 500);
    let at = format!("--node {}", node.url);
    parties(&desk, &node);
    let buyer =
        "--key i.key --receiving i.receiving --requirement adult.offer.toml --journal ij -o opened";

    let published = desk
        .run(&format!(
            "market publish --requirement adult.toml --key i.key --reward 300 --number 1 --deadline 2599-12-31 \
             --keys keys --receiving i.receiving -o adult.offer.toml --json {at}"
        ))
        .code(0)
        .json();
    let requirement = published["requirement"].as_str().unwrap().to_owned();
    // The completed form again: it is there already, and nothing is locked twice.
    let again = desk.run(&format!(
        "market publish --requirement adult.offer.toml --key i.key --keys keys --receiving i.receiving {at}"
    ));
    assert!(again.code(0).out.contains("already"));
    assert_eq!(desk.mode("i.receiving"), 0o600);

    let drawn = || {
        let offers = desk
            .run(&format!("market offers --json {at}"))
            .code(0)
            .json();
        offers["offers"][0]["drawn"] == true
    };
    until("the draw", drawn);
    for (name, qualifies) in [("marta", true), ("nora", false)] {
        let offers = desk.run(&format!(
            "market offers --for {name}.json --wallet {name}.w --json {at}"
        ));
        assert_eq!(offers.code(0).json()["offers"][0]["qualifies"], qualifies);
    }
    let claim = |name: &str| {
        desk.run(&format!(
            "market claim {requirement} --wallet {name}.w {VISIT} --credential {name}.json --keys keys \
             --journal {name}.claims --json {at}"
        ))
    };
    claim("nora").code(4);
    let claimed = claim("marta").code(0).json();
    // As after a crash: the same claim, handed in again, changes nothing.
    assert_eq!(claim("marta").code(0).json()["claim"], claimed["claim"]);
    let id = claimed["claim"].as_str().unwrap();
    let record = claimed["record"].as_str().unwrap();

    // The node is killed and started again: everything is still there.
    node = Node::start(
        {
            drop(node);
            &desk
        },
        500,
    );
    let at = format!("--node {}", node.url);
    let open = || desk.run(&format!("market open {buyer} --claim {id} --json {at}"));
    until("delivery", || open().code == 0);
    let opened = open().code(0).json();
    assert_eq!(opened["opened_matches_proof"], true);
    let bundle = format!("opened/{id}.bundle.json");
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let issued = std::fs::read_to_string(fixture("fhir/marta-nowak.json")).unwrap();
    assert_eq!(read(&desk.read(&bundle)), read(&issued));
    assert_eq!(desk.mode(&bundle), 0o600);

    let settle = format!("agent institution {buyer} --once {at}");
    let status = |name: &str| desk.run(&format!("market status {name} {at}")).code(0).out;
    until("settlement", || {
        desk.run(&settle).code(0);
        status(id).contains("settled")
    });
    let account = claimed["account"].as_str().unwrap();
    assert!(status(account).contains("300 credits"));

    let audit = desk
        .run(&format!("market audit {record} --json {at}"))
        .code(0)
        .json();
    assert_eq!(audit["verified"], true);
    let told: Vec<&str> = audit["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["what"].as_str().unwrap())
        .collect();
    for step in [
        "registered by Charité",
        "proof and grant accepted",
        "re-encrypted by Proxy",
        "delivered",
        "settled",
    ] {
        assert!(told.iter().any(|t| t.contains(step)), "{step}: {told:?}");
    }
    // Too late for a dispute, and for taking the grant back.
    desk.run(&format!("market dispute {buyer} --claim {id} {at}"))
        .code(7);
    desk.run(&format!(
        "market revoke --claim {id} --wallet marta.w {VISIT} {at}"
    ))
    .code(7);
    desk.run(&format!(
        "market withdraw --record {record} --wallet marta.w {VISIT} {at}"
    ))
    .code(0);
    assert!(status(record).contains("withdrawn"));
}

#[test]
fn no_node_is_a_failure_of_the_network() {
    let desk = Desk::new();
    // Nobody listens on port 1.
    let ran = desk.run("market offers --node http://127.0.0.1:1 --json");
    let ran = ran.code(8).says("cannot be reached");
    assert_eq!(ran.json()["error"]["kind"], "network");
    desk.run("market offers --node example.org").code(2);
    desk.run("node").code(2).says("--dev");
}

#[test]
fn a_node_of_another_chain_is_refused() {
    let (one, other) = (Desk::new(), Desk::new());
    let node = Node::start(&one, 500);
    let elsewhere = Node::start(&other, 500);
    let genesis = other.path("eligo-node/genesis");
    let genesis = genesis.to_str().unwrap();
    one.run(&format!(
        "market offers --node {} --genesis {genesis}",
        node.url
    ))
    .code(8)
    .says("chain");
    one.run(&format!(
        "market offers --node {} --genesis {genesis}",
        elsewhere.url
    ))
    .code(0);
    let fresh = Desk::new();
    fresh
        .run(&format!("market offers --node {}", node.url))
        .code(0)
        .says("taking the node's word");
    assert_eq!(one.mode("eligo-node/secrets.json"), 0o600);
}
