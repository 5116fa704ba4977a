//! What institutions do together, against a development node: authorities make keys; records are sealed to names
//! and passed on; offices are filled, levels change, keys are renewed, the beacon passes on.

use serde_json::Value;

use crate::desk::{Desk, Ran};
use crate::market::{Node, until};

const RECORD: &str = "0909090909090909090909090909090909090909090909090909090909090909";
const AUTHORITIES: [&str; 3] = ["ministry", "chamber", "office"];

/// A node and who is admitted there.
struct Council {
    desk: Desk,
    node: Node,
}

fn text(value: &Value, field: &str) -> String {
    let text = value[field].as_str();
    text.unwrap_or_else(|| panic!("no {field} in {value}"))
        .to_owned()
}

impl Council {
    fn open() -> Self {
        let desk = Desk::new();
        let node = Node::start(&desk, 500);
        Self { desk, node }
    }

    fn run(&self, line: &str) -> Ran {
        self.desk
            .run(&format!("{line} --json --node {}", self.node.url))
    }

    fn did(&self, line: &str) -> Value {
        self.run(line).code(0).json()
    }

    fn show(&self) -> Value {
        self.did("convene show")
    }

    /// A hospital's account.
    fn hospital(&self, file: &str, level: &str) -> String {
        self.desk
            .run(&format!("hospital keygen --name {file} -o {file}.key"))
            .code(0);
        self.desk
            .run(&format!("hospital ledger-key {file}.key -o {file}.ledger"))
            .code(0);
        let admitted = self.did(&format!(
            "node admit --hospital {file}.ledger --level {level}"
        ));
        text(&admitted, "account")
    }

    fn institution(&self, file: &str) -> String {
        self.desk
            .run(&format!("institution keygen --name {file} -o {file}.key"))
            .code(0);
        self.desk
            .run(&format!("institution public {file}.key -o {file}.pub"))
            .code(0);
        text(
            &self.did(&format!("node admit --institution {file}.pub")),
            "account",
        )
    }

    /// Three authorities begin to make a key that two of them can use.
    fn begin(&self, purpose: &str) {
        let mut cards = String::new();
        for name in AUTHORITIES {
            self.desk
                .run(&format!(
                    "care emergency authority --name {name} -o {name}.key --card {name}.card"
                ))
                .code(0);
            self.did(&format!("node admit --authority {name}.card"));
            cards.push_str(&format!("--authority {name}.card "));
        }
        // Two of three could not outvote one cheat in two.
        let few = "--authority ministry.card --threshold 2";
        self.run(&format!("convene begin --for {purpose} {few}"))
            .code(11)
            .says("help: a threshold t and at least 2t - 1 authorities");
        self.did(&format!(
            "convene begin --for {purpose} {cards} --threshold 2"
        ));
    }

    fn attend(&self, name: &str) {
        self.run(&format!(
            "convene attend --key {name}.key --journal {name}-journal --once"
        ))
        .code(0);
    }

    fn attend_until(&self, what: &str, done: impl Fn() -> bool) {
        until(what, || {
            AUTHORITIES.iter().for_each(|name| self.attend(name));
            done()
        });
    }
}

#[test]
fn a_record_is_sealed_to_a_name_passed_on_and_opened_there() {
    let council = Council::open();
    let (hospital, institution) = (council.hospital("s", "secondary"), council.institution("i"));
    let desk = &council.desk;
    council.run("name authorities -o authorities").code(7);
    council.begin("identity");
    let shown = council.show();
    assert_eq!(shown["ceremonies"][0]["stage"], "deal");
    let waits = shown["ceremonies"][0]["waits_for"].as_array().unwrap();
    assert_eq!(waits.len(), 3);
    council.attend_until("the key", || {
        council.run("name authorities -o authorities --force").code == 0
    });
    let shown = council.show();
    assert_eq!(shown["keys"][0]["purpose"], "identity");
    assert_eq!(shown["ceremonies"][0]["stage"], "settled");
    // A round more, in which every authority takes its share.
    AUTHORITIES.iter().for_each(|name| council.attend(name));

    // With the authorities' key in a file no node is needed.
    desk.write("note.txt", "Left-sided weakness.\n");
    for version in [1, 2] {
        let sealed = desk.run(&format!(
            "name seal --authorities authorities --to-organisation {hospital} --record {RECORD} \
             --record-version {version} note.txt -o note{version}.sealed --json"
        ));
        assert_eq!(sealed.code(0).json()["threshold"], 2);
    }
    desk.run(&format!(
        "name seal --authorities authorities --to-organisation {hospital} --record 09 note.txt -o x"
    ))
    .code(3)
    .says("64 hexadecimal digits");
    assert!(!desk.path("x").exists() && !desk.path("x.capsule").exists());

    // A record's name is a hospital's.
    let record = format!("--record {RECORD} --record-version 1");
    council
        .run(&format!(
            "name ask --institution-key i.key {record} -o no.ask"
        ))
        .code(2);
    council.did(&format!("name ask --hospital-key s.key {record} -o s.ask"));
    assert_eq!(desk.mode("s.ask"), 0o600);
    // Said again it is asked already, with the same key; another name does not go over it.
    let kept = desk.read("s.ask");
    let again = council.did(&format!("name ask --hospital-key s.key {record} -o s.ask"));
    assert_eq!((&again["height"], desk.read("s.ask")), (&Value::Null, kept));
    council
        .run(&format!(
            "name ask --hospital-key s.key --record {RECORD} --record-version 9 -o s.ask"
        ))
        .code(2);
    let take = "name take --ask s.ask -o s.name";
    council
        .run(take)
        .code(7)
        .says("0 authorities have answered");
    council.attend("office");
    council
        .run(take)
        .code(7)
        .says("1 authorities have answered");
    council.attend("ministry");
    council.did(take);
    assert_eq!(desk.mode("s.name"), 0o600);
    let open = "name open --capsule note1.sealed.capsule --key s.name note1.sealed -o opened.txt";
    desk.run(open).code(0);
    assert_eq!(desk.read("opened.txt"), desk.read("note.txt"));
    assert_eq!(desk.mode("opened.txt"), 0o600);
    // The key of one version opens no other.
    desk.run("name open --capsule note2.sealed.capsule --key s.name note2.sealed -o no.txt")
        .code(3)
        .says("another name");

    let asked = council.did("name ask --institution-key i.key --role neurology -o i.ask");
    let epoch = asked["epoch"].as_u64().unwrap();
    AUTHORITIES.iter().for_each(|name| council.attend(name));
    council.did("name take --ask i.ask -o i.name");
    pass_on(desk, &institution, epoch);
}

/// From the hospital's name to the institution's, by a proxy that reads nothing.
fn pass_on(desk: &Desk, institution: &str, epoch: u64) {
    for name in ["porter", "other"] {
        desk.run(&format!("name proxy -o {name}.key --card {name}.card"))
            .code(0);
        assert_eq!(desk.mode(&format!("{name}.key")), 0o600);
    }
    let to = format!("--to {institution} --role neurology --epoch {epoch} --proxy porter.card");
    desk.run(&format!("name delegate --key i.name {to} -o no"))
        .code(3)
        .says("the key of a role");
    desk.run(&format!("name delegate --key s.name {to} -o delegation"))
        .code(0);
    let transform = |key: &str, version: u8, out: &str| {
        desk.run(&format!(
            "name transform --key {key}.key --delegation delegation --capsule note{version}.sealed.capsule -o {out}"
        ))
    };
    transform("other", 1, "no").code(3).says("another proxy");
    transform("porter", 2, "no").code(3).says("one version");
    transform("porter", 1, "passed.capsule").code(0);
    let open = |capsule: &str, out: &str| {
        desk.run(&format!(
            "name open --capsule {capsule} --key i.name note1.sealed -o {out}"
        ))
    };
    open("note1.sealed.capsule", "no").code(3);
    open("passed.capsule", "there.txt").code(0);
    assert_eq!(desk.read("there.txt"), desk.read("note.txt"));
    // The proxy says to whom it goes; who says otherwise has no letter for it.
    let altered = desk.read("delegation").replace("neurology", "cardiology");
    desk.write("delegation", altered);
    transform("porter", 1, "no").code(3);
    assert!(!desk.path("no").exists());
}

#[test]
fn offices_are_filled_and_keys_renewed() {
    let council = Council::open();
    let hospitals = ["a", "b", "c"].map(|file| council.hospital(file, "tertiary"));
    for (replica, (hospital, region)) in
        hospitals.iter().zip(["north", "south", "east"]).enumerate()
    {
        let whose = format!("--hospital {hospital}");
        council.did(&format!("convene host {whose} --replica {replica}"));
        council.did(&format!("convene place {whose} --region {region}"));
    }
    council
        .run(&format!(
            "convene host --hospital {} --replica 9",
            hospitals[0]
        ))
        .code(11);
    council
        .desk
        .run(&format!(
            "convene place --hospital {} --region north --dir nowhere",
            hospitals[0]
        ))
        .code(2)
        .says("no development chain");
    // Of another region.
    let vote = |key: &str, candidate: &str| {
        council.run(&format!(
            "convene vote --key {key}.key --candidate {candidate}"
        ))
    };
    vote("a", &hospitals[1]).code(11);
    vote("a", &hospitals[0]).code(0);
    let called = council.did("convene elect endorsers --per-region 1 --blocks 4");
    assert!(called["round"].is_u64(), "{called}");
    let elected = |election: usize| !council.show()["elections"][election]["elected"].is_null();
    until("the endorsers", || elected(0));
    let shown = council.show();
    assert_eq!(shown["policy"], "endorsers");
    let mut endorsers: Vec<_> = shown["endorsers"].as_array().unwrap().clone();
    endorsers.sort_by_key(Value::as_u64);
    assert_eq!(endorsers, [0, 1, 2]);
    assert_eq!(shown["hospitals"][0]["endorses"], true);

    // A renewed certificate of another level, and its replica stops proposing in rotation.
    council.did("node admit --hospital c.ledger --level community");
    assert_eq!(council.did("convene elect primaries")["round"], Value::Null);
    until("the level", || {
        let shown = council.show();
        shown["replicas"][2]["class"] == "community" && shown["policy"] == "rotation"
    });
    renew_keys(&council, elected);
}

/// Elected proxies are bound to their keys; the others take new ones.
fn renew_keys(council: &Council, elected: impl Fn(usize) -> bool) {
    council.run("convene elect proxies --count 9").code(11);
    council.did("convene elect proxies --count 3");
    until("the proxies", || elected(2));
    let shown = council.show();
    assert_eq!(shown["proxies"].as_array().unwrap().len(), 3);
    let mut renewed = 0;
    for n in 1..=5 {
        let key = format!("eligo-node/proxies/proxy-{n}.key");
        let out = format!("proxy-{n}.renewed");
        let renew = format!("convene renew --key {key} -o {out}");
        let ran = council.run(&renew);
        if ran.code == 7 {
            // What was refused may be a node's word: the key stays, and a rerun goes on with it.
            let kept = council.desk.read(&out);
            council
                .run(&renew)
                .code(7)
                .says("is kept")
                .says("run this again");
            assert_eq!(council.desk.read(&out), kept);
            continue;
        }
        let done = ran.code(0).json();
        assert_eq!(
            (&done["former"], council.desk.mode(&out)),
            (&1.into(), 0o600)
        );
        let roster = council.show();
        let mut roster = roster["roster"].as_array().unwrap().iter();
        let mine = roster.find(|p| p["account"] == done["account"]).unwrap();
        assert_eq!(mine["key"], done["key"]);
        // Said again it is done already, and by the same key.
        let again = council.did(&renew);
        assert_eq!(
            (&again["height"], &again["key"]),
            (&Value::Null, &done["key"])
        );
        council
            .run(&format!("proxy --key {out} --journal {out}-journal --once"))
            .code(0);
        // Something else that lies there is not overwritten.
        council
            .run(&format!("convene renew --key {out} -o {key}"))
            .code(2);
        renewed += 1;
    }
    assert_eq!(renewed, 2);
}

#[test]
fn the_beacon_passes_to_the_authorities() {
    let council = Council::open();
    council.begin("beacon");
    // In force with the last message; shown by the chain when an authority takes its share.
    council.attend_until("the key", || {
        council.show()["keys"][0]["purpose"] == "beacon"
    });
    let shown = council.show();
    assert_eq!(shown["beacon"]["since"], 1);
    assert_eq!(shown["keys"][0]["purpose"], "beacon");
    council.did("convene elect orderers");
    council.attend_until("the draw", || {
        !council.show()["elections"][0]["elected"].is_null()
    });
    let shown = council.show();
    assert_eq!(
        (&shown["beacon"]["round"], &shown["policy"]),
        (&2.into(), &"beacon".into())
    );
}
