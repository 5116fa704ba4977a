//! The index: cards, entries, rows, receipts, search nodes.

use clap::Args;
use eligo_ledger::wire::Wire;
use eligo_marketplace::{
    agent::patient_entry,
    name::{AccountId, AskId, ChainId, EncounterName, RecordName},
};
use eligo_records::civil::CivilDay;
use eligo_sharing::{letter::Letter, wallet::Wallet};
use rand_core::OsRng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    care::{
        card::{CheckedCard, VisitCard, letter_key},
        crumbs::{Crumb, Crumbs, Receipt},
        form::{self, Form},
        indexing,
        searching::{Searcher, SearcherKey},
        service,
        words::{Department, Month, diagnoses_in},
    },
    commands::hospital::read_key,
    console::{Console, count},
    day, document,
    encounter::VisitArgs,
    failure::{Attempt, Failure},
    file::{Access, Source, Target},
    ledger_key::{LedgerKeyCard, ledger_key},
    market::connection::NodeArgs,
    moment, names,
};

/// Largest issuing report read.
const REPORT_LIMIT: usize = 64 << 20;

/// Print the card of a visit
#[derive(Args, Debug)]
pub struct Card {
    #[command(flatten)]
    visit: VisitArgs,
    /// Write to a file instead
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn card(args: &Card, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let (wallet, encounter) = args.visit.open_wallet(console)?;
    let card = VisitCard::of(&wallet, args.visit.hospital(), &encounter);
    let name = EncounterName::of(encounter.signer.verifying_key().as_bytes());
    let text = card.text()?;
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    args.output
        .write(text.as_bytes(), Access::Public, args.force)?;
    console.say(format!("{}: card of encounter {name}", args.output));
    console.object(json!({ "card": args.output.to_string(), "encounter": name.to_string() }));
    Ok(0)
}

/// Sign a record's entry with its team's diagnosis
#[derive(Args, Debug)]
pub struct Entry {
    #[command(flatten)]
    visit: VisitArgs,
    /// The sealed record's capsule
    #[arg(long, value_name = "FILE")]
    capsule: Source,
    /// The hospital's card (eligo hospital ledger-key)
    #[arg(long, value_name = "CARD")]
    hospital_card: Source,
    /// The team's completed diagnosis, as `eligo care sign` prints it
    #[arg(long, value_name = "NAME")]
    diagnosis: Option<String>,
    /// The entry to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn entry(args: &Entry, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let capsule = document::read_capsule(&args.capsule)?;
    let card = LedgerKeyCard::read(&args.hospital_card)?;
    let team: Option<[u8; 32]> = args
        .diagnosis
        .as_deref()
        .map(|name| form::bytes(name, "diagnosis"))
        .transpose()?;
    let client = args.node.connect(console)?;
    let encounter = args.visit.open(console)?;
    if *capsule.key() != encounter.key.public() {
        return Err(args.visit.other_visit(&args.capsule));
    }
    let uri = format!("eligo-object:{}", hex::encode(capsule.ciphertext_digest()));
    let chain = ChainId::from(client.chain());
    let hospital = AccountId::of(&card.key()?);
    let mut entry = patient_entry(&chain, &capsule, &uri, &encounter, hospital, None)?;
    entry.entry.team = team;
    entry.patient = entry.entry.sign(&chain, &encounter.signer);
    args.output
        .write(&entry.to_wire(), Access::Public, args.force)?;
    let record = entry.entry.name();
    console.say(format!("{}: entry of record {record}", args.output));
    console.object(json!({ "entry": args.output.to_string(), "record": record.to_string() }));
    Ok(0)
}

/// Write the encrypted rows by which sealed records are found
#[derive(Args, Debug)]
pub struct Index {
    /// The hospital's secret key
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// A record's name; repeat, with as many cards, reports and departments, to shuffle several together
    #[arg(long, value_name = "NAME", required = true, value_parser = names::record)]
    record: Vec<RecordName>,
    /// The card of the visit (eligo care card)
    #[arg(long, value_name = "CARD", required = true)]
    card: Vec<Source>,
    /// The issuing report (eligo hospital issue --report): where the diagnoses are
    #[arg(long, value_name = "FILE", required = true)]
    report: Vec<Source>,
    /// The department
    #[arg(long, value_name = "NAME", required = true)]
    department: Vec<Department>,
    /// The month of the treatment, YYYY-MM; this one if not given
    #[arg(long, value_name = "MONTH")]
    month: Option<Month>,
    /// Receipts to write: FILE for one record, FILE.1, FILE.2 and so on for several
    #[arg(short, long, value_name = "FILE")]
    output: std::path::PathBuf,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

/// A receipt as a file: a letter to the visit.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptLetter {
    letter: String,
}

impl Form for ReceiptLetter {
    const NAME: &'static str = "eligo index receipt letter";
    const MADE_BY: &'static str = "care index";
}

pub fn index(args: &Index, console: &Console) -> Attempt<u8> {
    let number = args.record.len();
    let same = [args.card.len(), args.report.len(), args.department.len()];
    if same.iter().any(|n| *n != number) {
        return Err(Failure::usage(
            "as many records as cards, reports and departments are needed",
        ));
    }
    let targets: Vec<Target> = (1..=number)
        .map(|i| match number {
            1 => Target::File(args.output.clone()),
            _ => {
                let mut name = args.output.clone().into_os_string();
                name.push(format!(".{i}"));
                Target::File(name.into())
            }
        })
        .collect();
    targets.iter().try_for_each(|t| t.check(args.force))?;
    let cards = args.card.iter().map(VisitCard::read_checked);
    let cards = cards.collect::<Attempt<Vec<CheckedCard>>>()?;
    let month = match args.month {
        Some(month) => month,
        None => Month::of(day::today()?)?,
    };
    let ledger = ledger_key(&read_key(&args.key, console)?)?;
    let parts = args.record.iter().zip(&cards).zip(&args.report);
    let entries = parts
        .zip(&args.department)
        .map(|(((record, card), report), department)| {
            let text = report.read(REPORT_LIMIT)?;
            let read: Value =
                serde_json::from_slice(&text).map_err(|e| Failure::file(report, e))?;
            Ok(indexing::Entry {
                record: *record,
                card,
                diagnoses: diagnoses_in(&read).map_err(|e| e.of(report))?,
                department: department.clone(),
                month,
            })
        });
    let entries = entries.collect::<Attempt<Vec<_>>>()?;
    let client = args.node.connect(console)?;
    let written = indexing::index(&client, &ledger, &entries)?;
    for ((receipt, card), target) in written.receipts.iter().zip(&cards).zip(&targets) {
        let occasion = card.pseudonym();
        let letter = receipt.write_to(&card.letters, occasion.as_bytes(), &mut OsRng)?;
        let letter = ReceiptLetter {
            letter: hex::encode(letter.to_bytes()),
        };
        target.write(letter.text()?.as_bytes(), Access::Public, args.force)?;
    }
    console.say(format!(
        "{}: {} in block {}, shuffled and filled up\ngive the patient {}",
        count(number, "record"),
        count(written.rows, "row"),
        written.height,
        targets
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    ));
    console.object(json!({
        "records": number,
        "rows": written.rows,
        "height": written.height.get(),
        "receipts": targets.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
    Ok(0)
}

/// Keep a hospital's receipt
#[derive(Args, Debug)]
pub struct Keep {
    #[command(flatten)]
    visit: VisitArgs,
    /// The receipt (eligo care index)
    #[arg(long, value_name = "FILE")]
    receipt: Source,
    /// The device's index, encrypted to the wallet; made if it is not there
    #[arg(long, value_name = "FILE")]
    crumbs: std::path::PathBuf,
}

pub fn keep(args: &Keep, console: &Console) -> Attempt<u8> {
    let (wallet, encounter): (Wallet, _) = args.visit.open_wallet(console)?;
    let letter = ReceiptLetter::read(&args.receipt)?;
    let of = |e: Failure| e.of(&args.receipt);
    let letter = form::message(&letter.letter, "letter", Letter::from_bytes).map_err(of)?;
    let occasion = encounter.pseudonym();
    let receipt = Receipt::open(&letter, &letter_key(&encounter), occasion.as_bytes());
    let receipt = receipt.map_err(of)?;
    let mut crumbs = Crumbs::read_or_new(&Source::File(args.crumbs.clone()), &wallet)?;
    let (record, department, month) = (receipt.record, receipt.department.clone(), receipt.month);
    let new = crumbs.keep(Crumb {
        hospital: args.visit.hospital().clone(),
        visit: args.visit.number(),
        receipt,
    })?;
    crumbs.write(&Target::File(args.crumbs.clone()), &wallet)?;
    let how = if new { "kept" } else { "was kept already" };
    console.say(format!("record {record}, {department}, {month}: {how}"));
    console.object(json!({
        "record": record.to_string(),
        "department": department.to_string(),
        "month": month.to_string(),
        "new": new,
        "crumbs": crumbs.all().len(),
    }));
    Ok(0)
}

/// Make a search node's keys
#[derive(Args, Debug)]
pub struct MakeSearcher {
    /// The node's name
    #[arg(long)]
    name: String,
    /// The secret key file to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// The card to write, for patients
    #[arg(long, value_name = "FILE")]
    card: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn make_searcher(args: &MakeSearcher, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    args.card.check(args.force)?;
    let key = SearcherKey::generate(&args.name);
    let card = key.card();
    args.output
        .write(key.to_text()?.as_bytes(), Access::Secret, args.force)?;
    args.card
        .write(card.text()?.as_bytes(), Access::Public, args.force)?;
    console.say(format!(
        "{}: keys of {}, account {}",
        args.output, card.name, card.account
    ));
    console.object(json!({ "key": args.output.to_string(), "account": card.account.to_string() }));
    Ok(0)
}

/// Search, as a search node
#[derive(Args, Debug)]
pub struct Match {
    /// The ask
    ask: AskId,
    /// The search node's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The answer to write; only the ask's doctor can read it
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn search(args: &Match, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let key = SearcherKey::read(&args.key, console)?;
    let client = args.node.connect(console)?;
    let node = Searcher::new(&client, &key);
    let start = std::time::Instant::now();
    let told = node.answer(&args.ask, moment::now()?)?;
    let answer = &told.answer;
    args.output
        .write(told.text.as_bytes(), Access::Public, args.force)?;
    let ms = start.elapsed().as_millis();
    console.say(format!(
        "{}: {} of {} rows answer, {ms} ms",
        args.output,
        answer.found.len(),
        answer.tested
    ));
    console.object(json!({
        "answer": args.output.to_string(),
        "found": answer.found.len(),
        "tested": answer.tested,
        "fetched": answer.fetched,
    }));
    Ok(0)
}

/// Serve a search node's answers
#[derive(Args, Debug)]
pub struct Serve {
    /// The search node's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// Where to listen; port 0 for any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7118")]
    listen: std::net::SocketAddr,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn serve(args: &Serve, console: &Console) -> Attempt<u8> {
    let key = SearcherKey::read(&args.key, console)?;
    let client = args.node.connect(console)?;
    let node = Searcher::new(&client, &key);
    node.follow()?;
    let listening = |at: std::net::SocketAddr| {
        console.say(format!("http://{at}"));
        console.object(json!({ "url": format!("http://{at}") }));
    };
    service::serve(&node, args.listen, listening, |ask, told| {
        let (found, tested) = (told.answer.found.len(), told.tested_now);
        console.say(format!(
            "ask {ask}: {found} rows answer, {tested} tested now"
        ));
        console.object(json!({ "ask": ask.to_string(), "found": found, "tested": tested }));
    })?;
    Ok(0)
}

/// The month of a day, for defaults.
pub fn this_month() -> Attempt<Month> {
    let today: CivilDay = day::today()?;
    Month::of(today)
}
