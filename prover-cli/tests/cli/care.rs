//! Care between hospitals against a development node: a team's diagnosis, the encrypted index, a request, a
//! permit, a read; revocation, a relative, an emergency, and the history of all of it.

#[path = "lies.rs"]
mod lies;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::desk::{CHEAP, Desk, Ran, fixture};
use crate::liar::{Liar, Lies};
use crate::market::{Node, until};

const SECONDARY: &str = "--hospital riverside.example";
const TERTIARY: &str = "--hospital university.example";
const LATER: &str = "--until 2099-12-31";
/// A tertiary hospital's doctors may ask for weeks, not for ever.
const HOURS_S: u64 = 6 * 3600;

/// A node, two hospitals with doctors, a patient.
struct Ward {
    desk: Desk,
    node: Node,
    /// What commands printed: names of accounts, encounters, records.
    names: BTreeMap<&'static str, String>,
}

/// A search node that serves answers, stopped when dropped.
struct Served {
    child: Child,
    said: BufReader<ChildStdout>,
    url: String,
}

impl Served {
    fn start(ward: &Ward) -> Self {
        let line = format!(
            "care serve --key search.key --listen 127.0.0.1:0 --json --node {}",
            ward.node.url
        );
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut command = ward.desk.command(&words);
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
        let url = text(&said, "url");
        Self {
            child,
            said: out,
            url,
        }
    }

    /// The next thing it says: an answer it gave.
    fn says(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Connections that ask for nothing, and one that asks a letter at a time until it is cut off; it says how many
    /// letters it got rid of.
    fn beset(&self) -> (Vec<TcpStream>, std::thread::JoinHandle<usize>) {
        let at = self.url.strip_prefix("http://").unwrap().to_owned();
        let idle = (0..64).map(|_| TcpStream::connect(&at).unwrap()).collect();
        let mut slow = TcpStream::connect(&at).unwrap();
        let letters = std::thread::spawn(move || {
            let mut sent = 0;
            while sent < 600 && slow.write_all(b"G").is_ok() {
                sent += 1;
                std::thread::sleep(Duration::from_millis(100));
            }
            sent
        });
        (idle, letters)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {value}"))
        .to_owned()
}

fn soon() -> String {
    within(HOURS_S)
}

fn within(seconds: u64) -> String {
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let at = jiff::Timestamp::from_second(i64::try_from(now + seconds).unwrap()).unwrap();
    format!("--until {at}")
}

impl Ward {
    /// Runs against the node; `{name}` stands for what was printed before.
    fn run(&self, line: &str) -> Ran {
        let mut line = line.to_owned();
        for (name, value) in &self.names {
            line = line.replace(&format!("{{{name}}}"), value);
        }
        self.desk
            .run(&format!("{line} --json --node {}", self.node.url))
    }

    fn did(&self, line: &str) -> Value {
        self.run(line).code(0).json()
    }

    fn keep(&mut self, name: &'static str, value: String) {
        self.names.insert(name, value);
    }

    fn open() -> Self {
        let desk = Desk::new();
        let node = Node::start(&desk, 500);
        let mut ward = Self {
            desk,
            node,
            names: BTreeMap::new(),
        };
        for (file, name, level, key) in [
            ("s", "Riverside Hospital", "secondary", "S"),
            ("t", "University Hospital", "tertiary", "T"),
        ] {
            ward.desk
                .run_words(&[
                    "hospital",
                    "keygen",
                    "--name",
                    name,
                    "-o",
                    &format!("{file}.key"),
                ])
                .code(0);
            ward.desk
                .run(&format!("hospital ledger-key {file}.key -o {file}.ledger"))
                .code(0);
            let admitted = ward.did(&format!(
                "node admit --hospital {file}.ledger --level {level}"
            ));
            ward.keep(key, text(&admitted, "account"));
        }
        for (doctor, hospital) in [("chen", "s"), ("dora", "s"), ("farah", "t")] {
            let (key, card) = (format!("{doctor}.doctor"), format!("{doctor}.card"));
            ward.desk
                .run(&format!(
                    "care doctor --name {doctor} -o {key} --card {card}"
                ))
                .code(0);
            assert_eq!(ward.desk.mode(&key), 0o600);
            ward.did(&format!("node admit --doctor {card}"));
            ward.did(&format!(
                "care employ --key {hospital}.key --doctor {card} {LATER}"
            ));
        }
        ward.desk.run(&format!("wallet new -o m.w {CHEAP}")).code(0);
        ward
    }

    /// A diagnosis of two doctors in order.
    fn diagnose(&mut self) {
        let card = self.desk.run(&format!(
            "care card --wallet m.w {SECONDARY} -o s.visit --json"
        ));
        let encounter = text(&card.code(0).json(), "encounter");
        self.keep("E", encounter);
        for doctor in ["chen", "dora"] {
            self.did(&format!(
                "care enter --key {doctor}.doctor --prekey {doctor}.prekey"
            ));
        }
        let team = "--doctor chen.card --doctor dora.card";
        self.did(&format!(
            "care found --key chen.doctor --hospital {{S}} --encounter s.visit {team} -o welcome"
        ));
        self.did(&format!(
            "care assign --key s.key --encounter s.visit {team} --welcome welcome --slot 1h"
        ));
        let whose = "--hospital {S} --encounter {E}";
        for doctor in ["chen", "dora"] {
            self.did(&format!(
                "care confirm --key {doctor}.doctor --prekey {doctor}.prekey {whose} --welcome welcome"
            ));
            // What was said under the key cannot be read again with what the doctor still has.
            assert!(!self.desk.path(&format!("{doctor}.prekey")).exists());
        }
        self.desk
            .write("first.txt", "Left-sided weakness, four hours.\n");
        self.desk
            .write("second.txt", "Ischaemic stroke; aspirin.\n");
        let sign = |doctor: &str, opinion: &str| {
            format!(
                "care sign --key {doctor}.doctor {whose} --opinion {opinion}.txt -o {opinion}.note"
            )
        };
        // It is not the second one's turn, and the slot of the first is not over.
        self.run(&sign("dora", "second")).code(7);
        self.run("care remind --key s.key --encounter {E}").code(7);
        self.did(&sign("chen", "first"));
        let done = self.did(&sign("dora", "second"));
        self.keep("D", text(&done, "diagnosis"));
        self.run(&format!("{} --force", sign("dora", "second")))
            .code(7);
        assert_eq!(self.did(&format!("care team {whose}"))["signed"], 2);
    }

    /// The record with the opinions in it, sealed, registered under the team's name, and indexed.
    fn seal(&mut self) {
        let marta = fixture("fhir/marta-nowak.json");
        self.desk
            .run_words(&[
                "care",
                "attach",
                "--record",
                &marta,
                "--opinion",
                "first.note",
                "--opinion",
                "second.note",
                "-o",
                "signed.json",
            ])
            .code(0);
        let desk = &self.desk;
        desk.run(&format!(
            "wallet holder --wallet m.w {SECONDARY} -o m.holder"
        ))
        .code(0);
        std::fs::create_dir(desk.path("in")).unwrap();
        desk.run(
            "hospital issue --key s.key --holder m.holder --record signed.json --sealed-out in/m.sealed \
             --capsule-out m.capsule --report m.report -o m.credential",
        )
        .code(0);
        let entry = self.did(&format!(
            "care entry --wallet m.w {SECONDARY} --capsule m.capsule --hospital-card s.ledger \
             --diagnosis {{D}} -o in/m.entry"
        ));
        self.keep("R", text(&entry, "record"));
        let agent = self
            .run("agent hospital --key s.key --inbox in --journal sj --once")
            .code(0);
        assert!(agent.out.contains("registered"), "{}", agent.out);
        let indexed = self.did(
            "care index --key s.key --record {R} --card s.visit --report m.report --department Neurology -o receipt",
        );
        assert_eq!(indexed["rows"].as_u64().unwrap() % 16, 0);
        let kept = self.desk.run(&format!(
            "care keep --wallet m.w {SECONDARY} --receipt receipt --crumbs crumbs --json"
        ));
        let kept = kept.code(0).json();
        assert_eq!(kept["new"], true);
        self.desk
            .run("care searcher --name Node -o search.key --card search.card")
            .code(0);
    }

    fn ask(&mut self, what: &str, reason: &str, keys: &str) -> String {
        let ask = self.run(&format!(
            "care ask --key farah.doctor --hospital {{T}} --card t.visit {what} --reason {reason} {} -o {keys} --force",
            soon()
        ));
        let name = text(&ask.code(0).json(), "ask");
        self.keep("A", name.clone());
        let drawn = || {
            self.did(&format!(
                "care inbox --wallet m.w {TERTIARY} --crumbs crumbs"
            ))
        };
        until("the ask", || {
            !drawn()["asks"].as_array().unwrap().is_empty()
        });
        name
    }

    /// Permits once the proxies are drawn.
    fn permit(&self, how: &str) -> Value {
        let line = format!("care permit {{A}} {how} {}", soon());
        until("the draw", || self.run(&line).code != 7);
        // Said twice it is granted already: the first of them did it.
        self.did("care history --record {R}")
    }
}

#[test]
fn a_record_is_found_read_and_opened_while_the_patient_permits() {
    let mut ward = Ward::open();
    ward.diagnose();
    ward.seal();
    let visit = format!("care card --wallet m.w {TERTIARY} -o t.visit");
    ward.desk.run(&visit).code(0);
    let patient = format!("--wallet m.w {TERTIARY}");

    // By one's own crumbs: one block, however many there are.
    ward.run("care find --wallet m.w --crumbs crumb --department neurology")
        .code(3)
        .says("crumb: ");
    let own = ward.did("care find --wallet m.w --crumbs crumbs --department neurology");
    assert_eq!(
        (own["found"].as_u64(), own["fetched"].as_u64()),
        (Some(1), Some(1))
    );

    ward.ask("--diagnosis I63", "Stroke", "ask.keys");
    let inbox = ward.did(&format!("care inbox {patient} --crumbs crumbs"));
    let asked = &inbox["asks"][0];
    assert_eq!(
        (&asked["doctor"], &asked["certified"]),
        (&"farah".into(), &true.into())
    );
    assert_eq!(
        asked["records"][0].as_str(),
        ward.names.get("R").map(String::as_str)
    );
    // Nothing is granted yet.
    ward.run("care read {R} --key farah.doctor --ask-keys ask.keys")
        .code(7);
    ward.permit(&format!("{patient} --crumbs crumbs --searcher search.card"));
    let searched = ward.did("care match {A} --key search.key -o answer");
    assert_eq!(searched["found"], 1);
    let found = ward.did("care find --keys ask.keys --answer answer");
    let mut served = Served::start(&ward);
    let (idle, letters) = served.beset();
    let find = format!("care find --keys ask.keys --at {}", served.url);
    let fetched = ward.did(&find);
    assert_eq!(fetched["records"], found["records"]);
    assert!(served.says()["tested"].as_u64().unwrap() > 0);
    // Asked again, nothing is tested again.
    assert_eq!(ward.did(&find), fetched);
    let again = served.says();
    assert_eq!((&again["found"], &again["tested"]), (&1.into(), &0.into()));
    // Who was slow was not waited for, and was cut off.
    assert!(letters.join().unwrap() < 600);
    drop(idle);
    assert_eq!(
        found["records"][0].as_str(),
        ward.names.get("R").map(String::as_str)
    );
    ward.did("care read {R} --key farah.doctor --ask-keys ask.keys");
    let open =
        || ward.run("care open {R} --key farah.doctor --ask-keys ask.keys -o opened.json --force");
    until("the proxies", || open().code == 0);
    let opened = open().code(0).json();
    assert_eq!(
        opened["team"]["opinions"][1]["text"],
        "Ischaemic stroke; aspirin."
    );
    assert_eq!(opened["summary"]["agrees"], true);
    assert_eq!(ward.desk.read("opened.json"), ward.desk.read("signed.json"));
    assert_eq!(ward.desk.mode("opened.json"), 0o600);

    // By department: straight to the block.
    ward.ask("--department neurology", "Control", "second.keys");
    ward.permit(&format!("{patient} --crumbs crumbs --searcher search.card"));
    let searched = ward.did("care match {A} --key search.key -o answer --force");
    assert_eq!(
        (&searched["found"], &searched["fetched"]),
        (&1.into(), &1.into())
    );
    let find = format!("care find --keys second.keys --at {}", served.url);
    assert_eq!(ward.did(&find)["found"], 1);
    ward.did(&format!("care revoke {{A}} {patient}"));
    // What the search node kept goes with the revocation.
    until("the revocation", || ward.run(&find).code == 7);
    ward.run("care read {R} --key farah.doctor --ask-keys second.keys")
        .code(7);
    ward.run("care match {A} --key search.key -o answer --force")
        .code(7);
    stand_in(&mut ward);
    emergency(&mut ward);
    let history = ward.did(&format!("care history {patient} --crumbs crumbs"));
    assert_eq!(
        (&history["reads"], &history["emergency"]),
        (&1.into(), &true.into())
    );
    assert_eq!(history["verified"], true);
    let lines = history["steps"].as_array().unwrap();
    assert!(lines.len() > 20, "{history}");
    lies::no_node_makes_a_history_up(&ward);
}

/// A slot runs out, the doctor is asked again, as often as was agreed; then another order, a new epoch; then one
/// leaves the hospital.
#[test]
fn a_team_is_reminded_and_amended_and_a_doctor_let_go() {
    let mut ward = Ward::open();
    let card = ward.desk.run(&format!(
        "care card --wallet m.w {SECONDARY} -o s.visit --json"
    ));
    ward.keep("E", text(&card.code(0).json(), "encounter"));
    let whose = "--hospital {S} --encounter {E}";
    let found = |lead: &str, team: &str, out: &str| {
        let founded = ward.did(&format!(
            "care found --key {lead}.doctor {whose} {team} -o {out}"
        ));
        founded["epoch"].as_u64().unwrap()
    };
    let confirm = |welcome: &str| {
        for doctor in ["chen", "dora"] {
            ward.did(&format!(
                "care confirm --key {doctor}.doctor --prekey {doctor}.prekey {whose} --welcome {welcome}"
            ));
        }
    };
    for doctor in ["chen", "dora"] {
        ward.did(&format!(
            "care enter --key {doctor}.doctor --prekey {doctor}.prekey"
        ));
    }
    let team = "--doctor chen.card --doctor dora.card";
    assert_eq!(found("chen", team, "first"), 0);
    ward.did(&format!(
        "care assign --key s.key --encounter {{E}} {team} --welcome first --slot 2s --retries 1"
    ));
    confirm("first");
    // Chen does not sign in time. Asked again, Chen has two seconds more, and is not asked a third time.
    ward.run("care remind --key s.key --encounter chen.card")
        .code(3)
        .says("visit card");
    ward.run("care remind --key s.key --encounter nowhere")
        .code(3)
        .says("64 hexadecimal digits");
    let remind = "care remind --key s.key --encounter {E}";
    until("the end of the slot", || ward.run(remind).code == 0);
    let again = ward.did("care history --encounter {E}");
    let told = again["steps"].to_string();
    assert!(told.contains("is asked again, time 1"), "{told}");
    until("the end of the retries", || {
        let refused = ward.run(remind).code(7);
        refused.err.contains("RetriesUsed")
    });

    // The same two in another order: a new epoch, in which Dora begins.
    for doctor in ["chen", "dora"] {
        ward.did(&format!(
            "care enter --key {doctor}.doctor --prekey {doctor}.prekey --renew"
        ));
    }
    let team = "--doctor dora.card --doctor chen.card";
    assert_eq!(found("dora", team, "second"), 1);
    let amended = ward.did(&format!(
        "care amend --key s.key --encounter {{E}} {team} --welcome second --slot 1h"
    ));
    assert_eq!(
        (&amended["epoch"], &amended["doctors"]),
        (&1.into(), &2.into())
    );
    confirm("second");
    ward.desk.write(
        "opinion.txt",
        "Ischaemic stroke.
",
    );
    let sign = |doctor: &str| {
        ward.run(&format!(
            "care sign --key {doctor}.doctor {whose} --opinion opinion.txt -o {doctor}.note --force"
        ))
    };
    sign("chen").code(7);
    assert_eq!(sign("dora").code(0).json()["place"], 1);
    let shown = ward.did(&format!("care team {whose}"));
    assert_eq!((&shown["epoch"], &shown["signed"]), (&1.into(), &1.into()));

    // Who is let go signs nothing any more, until employed again.
    let released = ward.did("care employ --key s.key --doctor chen.card --release");
    assert_eq!(released["done"], "released");
    sign("chen").code(6).says("employ");
    ward.run("care employ --key s.key --doctor farah.card --release")
        .code(11);
    ward.did(&format!(
        "care employ --key s.key --doctor chen.card {LATER}"
    ));
    let done = sign("chen").code(0).json();
    assert!(done["diagnosis"].is_string(), "{done}");
}

/// A relative permits under a delegation, and not after its end.
fn stand_in(ward: &mut Ward) {
    ward.desk.run(&format!("wallet new -o d.w {CHEAP}")).code(0);
    ward.did("care relative --wallet d.w -o daughter.card");
    let delegated = ward.did(&format!(
        "care delegate --wallet m.w --to daughter.card --encounter riverside.example:0 \
         --encounter university.example:0 --crumbs crumbs {} -o mandate",
        within(2 * HOURS_S)
    ));
    ward.keep("G", text(&delegated, "delegation"));
    ward.ask("--diagnosis I63", "Visit", "third.keys");
    // Only the relative can read the mandate.
    ward.run(&format!(
        "care permit {{A}} --wallet m.w --mandate mandate {}",
        soon()
    ))
    .code(3);
    let line = "--wallet d.w --mandate mandate";
    let short = soon();
    until("the draw", || {
        ward.run(&format!("care permit {{A}} {line} {short}")).code != 7
    });
    let permits = ward.did("care history --record {R}");
    let told = permits["steps"].to_string();
    assert!(told.contains("for the patient"), "{told}");
    ward.did(&format!("care undelegate {{G}} --wallet m.w {SECONDARY}"));
    ward.ask("--diagnosis I63", "Again", "fourth.keys");
    std::thread::sleep(Duration::from_secs(1));
    ward.run(&format!("care permit {{A}} {line} {}", soon()))
        .code(7);
}

/// Two of three authorities open the summary of an unconscious patient.
fn emergency(ward: &mut Ward) {
    let names = ["ministry", "chamber", "office"];
    let mut cards = String::new();
    for name in names {
        ward.desk
            .run(&format!(
                "care emergency authority --name {name} -o {name}.key --card {name}.card"
            ))
            .code(0);
        ward.did(&format!("node admit --authority {name}.card"));
        cards.push_str(&format!("--authority {name}.card "));
    }
    ward.desk
        .write("summary.txt", "Stroke. Aspirin. No allergies.\n");
    let enter =
        "care emergency enter --key s.key --record {R} --region north --summary summary.txt";
    ward.run(enter).code(7);
    ward.did(&format!("care emergency convene {cards} --threshold 2"));
    let attend = |name: &str| {
        ward.run(&format!(
            "care emergency attend --key {name}.key --journal {name}-journal --once"
        ))
        .code(0);
    };
    // What a node says the key is does not matter: it follows from what the authorities said.
    let liar = Liar::start(&ward.node.url, Lies::of_another_key());
    let enter = enter.replace("{R}", &ward.names["R"]);
    until("the key", || {
        names.iter().for_each(|name| attend(name));
        let entered = ward.desk.run(&format!("{enter} --node {}", liar.url));
        entered.code == 0
    });
    names.iter().for_each(|name| attend(name));
    let call = ward.did(
        "care emergency ask --record {R} --key farah.doctor --hospital {T} --reason Unconscious",
    );
    ward.keep("C", text(&call, "call"));
    let open = "care emergency open {C} --record {R} --key farah.doctor";
    for name in ["ministry", "office"] {
        ward.run(open).code(7);
        ward.did(&format!(
            "care emergency answer {{C}} --record {{R}} --key {name}.key --journal {name}-journal"
        ));
    }
    assert_eq!(
        ward.did(open)["summary"],
        "Stroke. Aspirin. No allergies.\n"
    );
    lies::no_authority_answers_a_refused_call(ward);
}
