//! What a doctor does: ask, look at what was found, read, open. And the history, for everyone concerned.

use clap::Args;
use eligo_marketplace::{
    care::Act,
    name::{AccountId, EncounterName, RecordName},
};
use eligo_sharing::wallet::Visit;
use serde_json::json;

use super::indexing::this_month;
use crate::{
    care::{
        asking::{self, AskKeys, Question},
        card::VisitCard,
        crumbs::{Crumb, Crumbs},
        doctor::Doctor,
        form::Form,
        history::{self, subjects},
        opening,
        order::{Answer, AnswerLetter, Place},
        searching::{pointed, rows_at},
        service,
        words::{Code, Department, Month, Wanted},
    },
    commands::wallet::WalletArgs,
    console::{Console, count},
    failure::{Attempt, Failure},
    file::{Access, Source, Target},
    market::{audit::LEFT_OUT, connection::NodeArgs},
    moment,
    names::{self, Encounter},
    passphrase::PassphraseArgs,
    schemas::SchemaArgs,
};

/// Ask a patient for records
#[derive(Args, Debug)]
pub struct Ask {
    /// The doctor's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The account of the hospital that employs the doctor
    #[arg(long, value_name = "ACCOUNT")]
    hospital: AccountId,
    /// The card that the patient showed there (eligo care card)
    #[arg(long, value_name = "CARD")]
    card: Source,
    /// A diagnosis, such as I63 or snomed:432504007; may be repeated
    #[arg(long, value_name = "CODE")]
    diagnosis: Vec<Code>,
    /// A department; may be repeated
    #[arg(long, value_name = "NAME")]
    department: Vec<Department>,
    /// The first month, YYYY-MM; this one if not given
    #[arg(long, value_name = "MONTH")]
    from: Option<Month>,
    /// The last month, YYYY-MM; this one if not given
    #[arg(long, value_name = "MONTH")]
    to: Option<Month>,
    /// Why; the patient reads it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Until when: YYYY-MM-DD, or YYYY-MM-DDThh:mm:ssZ
    #[arg(long, value_name = "TIME", value_parser = moment::parse_end)]
    until: u64,
    /// How many of the proxies drawn must help: f + 1 of 2f + 1
    #[arg(long, value_name = "N", default_value_t = 3)]
    threshold: u16,
    /// The keys of this ask to write (mode 0600)
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn ask(args: &Ask, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let doctor = Doctor::read(&args.key, console)?;
    let card = VisitCard::read_checked(&args.card)?;
    let or_now = |month: Option<Month>| month.map_or_else(this_month, Ok);
    let codes = args.diagnosis.iter().cloned().map(Wanted::Diagnosis);
    let departments = args.department.iter().cloned().map(Wanted::Department);
    let question = Question {
        hospital: args.hospital,
        card: &card,
        wanted: codes.chain(departments).collect(),
        months: (or_now(args.from)?, or_now(args.to)?),
        reason: &args.reason,
        until: args.until,
        threshold: args.threshold,
    };
    let client = args.node.connect(console)?;
    let draft = asking::draft(&client, &doctor, question)?;
    // Kept before it is sent: what is granted to keys that are lost cannot be opened.
    args.output
        .write(draft.keys.to_text()?.as_bytes(), Access::Secret, args.force)?;
    let height = asking::send(&client, &doctor, draft.act).map_err(|failure| {
        failure.also(format!(
            "{} is kept, with the keys of this ask; --force replaces them by those of another",
            args.output
        ))
    })?;
    let ask = draft.keys.ask();
    console.say(format!(
        "ask {ask}: in block {height}, until {}\n{}: its keys",
        moment::show(args.until),
        args.output
    ));
    console.object(json!({
        "ask": ask.to_string(),
        "height": height,
        "keys": args.output.to_string(),
    }));
    Ok(0)
}

/// What was found
#[derive(Args, Debug)]
pub struct Find {
    /// As a doctor: the keys of the ask
    #[arg(long, value_name = "FILE", required_unless_present = "wallet")]
    keys: Option<Source>,
    /// A search node's answer (eligo care match); may be repeated
    #[arg(long, value_name = "FILE", requires = "keys")]
    answer: Vec<Source>,
    /// A search node that serves answers (eligo care serve); may be repeated
    #[arg(long, value_name = "URL", requires = "keys")]
    at: Vec<String>,
    /// As a patient: the wallet
    #[arg(long, value_name = "FILE", conflicts_with = "keys", requires_all = ["crumbs", "department"])]
    wallet: Option<Source>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// The device's index (eligo care keep)
    #[arg(long, value_name = "FILE")]
    crumbs: Option<Source>,
    /// The department
    #[arg(long, value_name = "NAME")]
    department: Option<Department>,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn find(args: &Find, console: &Console) -> Attempt<u8> {
    match (&args.keys, &args.wallet, &args.crumbs, &args.department) {
        (Some(keys), ..) => found_for_doctor(args, keys, console),
        (None, Some(wallet), Some(crumbs), Some(department)) => {
            find_own(args, (wallet, crumbs), department, console)
        }
        _ => Err(Failure::usage("whose?").help("give --keys, or --wallet with --crumbs")),
    }
}

fn found_for_doctor(args: &Find, keys: &Source, console: &Console) -> Attempt<u8> {
    let keys = AskKeys::read(keys, console)?;
    let ask = keys.ask();
    let mut records = std::collections::BTreeSet::new();
    let mut nodes = Vec::new();
    if args.answer.is_empty() && args.at.is_empty() {
        return Err(Failure::usage("whose answer?").help("give --at URL or --answer FILE"));
    }
    let kept = args.answer.iter().map(|source| -> Attempt<_> {
        let letter = AnswerLetter::read(source)?;
        Ok((letter, source.to_string()))
    });
    let fetched = args.at.iter().map(|url| -> Attempt<_> {
        let letter = service::fetch(url, &ask)?;
        Ok((letter, url.clone()))
    });
    for letter in kept.chain(fetched) {
        let (letter, from): (AnswerLetter, String) = letter?;
        let letter = letter.letter().map_err(|e| e.of(&from))?;
        let answer = Answer::open(&letter, keys.answers(), ask.as_bytes());
        let answer = answer.map_err(|e| e.of(&from))?;
        console.say(format!(
            "{}: {} tested, {} fetched",
            answer.node,
            count(answer.tested, "row"),
            count(answer.fetched, "block")
        ));
        nodes.push(json!({
            "node": answer.node,
            "tested": answer.tested,
            "fetched": answer.fetched,
        }));
        records.extend(answer.records());
    }
    let records: Vec<String> = records.iter().map(RecordName::to_string).collect();
    for record in &records {
        console.say(format!("record {record}"));
    }
    console.object(json!({
        "ask": ask.to_string(),
        "found": records.len(),
        "records": records,
        "nodes": nodes,
    }));
    Ok(0)
}

/// A patient's own records of a department: straight to the blocks where the crumbs are.
fn find_own(
    args: &Find,
    (wallet, crumbs): (&Source, &Source),
    department: &Department,
    console: &Console,
) -> Attempt<u8> {
    let wallet = WalletArgs::new(wallet.clone(), args.passphrase.clone()).open(console)?;
    let crumbs = Crumbs::read(crumbs, &wallet)?;
    let crumbs: Vec<&Crumb> = crumbs.of(department).collect();
    let client = args.node.connect(console)?;
    let places: Vec<Place> = crumbs.iter().map(|c| c.receipt.place).collect();
    let (rows, fetched) = rows_at(&client, &places)?;
    let mut found = Vec::new();
    for crumb in crumbs {
        let receipt = &crumb.receipt;
        let writer = eligo_marketplace::agent::trail::writer(&client, &receipt.hospital)?;
        let Some((writer, row)) = writer.zip(rows.get(&receipt.place)) else {
            continue;
        };
        let key = wallet.search_key(&crumb.hospital);
        let shared = key.share_with(&writer);
        let keyword = Wanted::Department(department.clone()).keyword()?;
        let trapdoor = key.trapdoor(&shared, &keyword, &receipt.month.bucket()?);
        let record = trapdoor.find(row).and_then(|p| pointed(&p));
        if record != Some(receipt.record) {
            console.warn(format!(
                "the row at block {} is not the one the hospital promised",
                receipt.place.height
            ));
            continue;
        }
        console.say(format!(
            "record {}: {}, {department}, {}, block {}",
            receipt.record, crumb.hospital, receipt.month, receipt.place.height
        ));
        found.push(json!({
            "record": receipt.record.to_string(),
            "hospital": crumb.hospital.as_str(),
            "month": receipt.month.to_string(),
            "height": receipt.place.height,
        }));
    }
    console.say(format!("{} found, {fetched} blocks fetched", found.len()));
    console.object(json!({ "found": found.len(), "records": found, "fetched": fetched }));
    Ok(0)
}

/// A doctor with an ask, and one of its records
#[derive(Args, Debug)]
pub struct Read {
    /// The record: its name, or `sealed` as its credential has it
    #[arg(value_parser = names::record)]
    record: RecordName,
    /// The doctor's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The keys of the ask
    #[arg(long, value_name = "FILE")]
    ask_keys: Source,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn read(args: &Read, console: &Console) -> Attempt<u8> {
    let doctor = Doctor::read(&args.key, console)?;
    let keys = AskKeys::read(&args.ask_keys, console)?;
    let client = args.node.connect(console)?;
    let (ask, record) = (keys.ask(), args.record);
    let height = asking::send(&client, &doctor, Act::Read { ask, record })?;
    console.say(format!(
        "record {record}: the read is in block {height}; proxies answer now"
    ));
    console.object(json!({ "record": record.to_string(), "height": height }));
    Ok(0)
}

/// Open a record that is read
#[derive(Args, Debug)]
pub struct Open {
    #[command(flatten)]
    read: Read,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// Write the FHIR bundle (mode 0600)
    #[arg(short, long, value_name = "FILE")]
    output: Option<Target>,
    /// Do not say on the ledger that it was opened
    #[arg(long)]
    quiet: bool,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn open(args: &Open, console: &Console) -> Attempt<u8> {
    args.output.iter().try_for_each(|o| o.check(args.force))?;
    let doctor = Doctor::read(&args.read.key, console)?;
    let keys = AskKeys::read(&args.read.ask_keys, console)?;
    let schemas = args.schemas.read()?;
    let client = args.read.node.connect(console)?;
    let record = args.read.record;
    let opened = opening::open(&client, &keys, &record, &schemas);
    let tell = |right| {
        let ask = keys.ask();
        let act = Act::Opened { ask, record, right };
        asking::send(&client, &doctor, act)
    };
    let opened = match opened {
        Err(wrong) if wrong.kind() == crate::failure::Kind::ProofInvalid && !args.quiet => {
            // The hospital's or the team's fault: said where everyone sees it.
            tell(false).ok();
            return Err(wrong);
        }
        opened => opened?,
    };
    if let Some(target) = &args.output {
        target.write(&opened.opened.bundle, Access::Secret, args.force)?;
    }
    if !args.quiet {
        // Opened twice is opened.
        tell(true).ok();
    }
    show(&opened, console);
    let opinions = opened.diagnosis.as_ref().map(|(signed, notes)| {
        json!({
            "epoch": signed.epoch,
            "opinions": notes.iter().map(|n| json!({
                "doctor": n.doctor.to_string(),
                "text": n.text,
            })).collect::<Vec<_>>(),
        })
    });
    console.object(json!({
        "record": record.to_string(),
        "hospital": opened.hospital_name,
        "content_signature": true,
        "team": opinions,
        "summary": opened.summary.to_json(),
        "bundle": args.output.as_ref().map(ToString::to_string),
    }));
    Ok(0)
}

fn show(opened: &opening::OpenedReferral, console: &Console) {
    console.say(format!(
        "record {} of {}: the hospital's signature is right",
        opened.record, opened.hospital_name
    ));
    if let Some((signed, notes)) = &opened.diagnosis {
        console.say(format!(
            "diagnosis of a team of {}: every signature is right, in this order",
            signed.doctors.len()
        ));
        for (number, note) in (1..).zip(notes) {
            console.say(format!("  {number}. {}: {}", note.doctor, note.text));
        }
    }
    if !opened.summary.agrees() {
        console.warn("the bundle gives other values than those the hospital signed");
    }
    for line in opened.summary.lines() {
        console.say(line);
    }
}

/// What happened
#[derive(Args, Debug)]
pub struct ShowHistory {
    /// The patient's wallet: everything about one's own visits
    #[arg(long, value_name = "FILE", requires = "hospital")]
    wallet: Option<Source>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// A hospital visited, as the wallet knows it
    #[arg(long, value_name = "ID")]
    hospital: Option<eligo_sharing::wallet::HospitalId>,
    /// Number of the visit, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    visit: u32,
    /// The device's index: its visits and records too
    #[arg(long, value_name = "FILE", requires = "wallet")]
    crumbs: Option<Source>,
    /// An encounter: a visit's card, or its name; may be repeated
    #[arg(long, value_name = "NAME|CARD", value_parser = names::encounter)]
    encounter: Vec<Encounter>,
    /// A record: its name, or `sealed` as its credential has it; may be repeated
    #[arg(long, value_name = "NAME", value_parser = names::record)]
    record: Vec<RecordName>,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn history(args: &ShowHistory, console: &Console) -> Attempt<u8> {
    let given = args.encounter.iter().map(Encounter::name);
    let mut encounters = given.collect::<Attempt<Vec<EncounterName>>>()?;
    let mut records = args.record.clone();
    if let (Some(wallet), Some(hospital)) = (&args.wallet, &args.hospital) {
        let wallet = WalletArgs::new(wallet.clone(), args.passphrase.clone()).open(console)?;
        let mut visits = vec![(hospital.clone(), args.visit)];
        if let Some(crumbs) = &args.crumbs {
            let crumbs = Crumbs::read(crumbs, &wallet)?;
            records.extend(crumbs.all().iter().map(|c| c.receipt.record));
            visits.extend(crumbs.all().iter().map(|c| (c.hospital.clone(), c.visit)));
        }
        visits.sort();
        visits.dedup();
        for (hospital, visit) in visits {
            let encounter = wallet.encounter(&hospital, Visit::new(visit));
            let name = EncounterName::of(encounter.signer.verifying_key().as_bytes());
            encounters.push(name);
        }
    }
    if encounters.is_empty() && records.is_empty() {
        return Err(Failure::usage("whose history?")
            .help("give --wallet and --hospital, --encounter or --record"));
    }
    let client = args.node.connect(console)?;
    let history = history::history(&client, &subjects(&encounters, &records))?;
    for line in history.lines() {
        console.say(line);
    }
    let verified = history.verified();
    console.say(format!(
        "{}, {}; {}",
        count(history.len(), "step"),
        count(history.reads().len(), "read"),
        if verified {
            "every one is what the chain shows"
        } else {
            "NOT every one is what the chain shows"
        }
    ));
    console.say(LEFT_OUT);
    let mut object = history.to_json();
    if let Some(object) = object.as_object_mut() {
        object.insert("reads".to_owned(), history.reads().len().into());
        object.insert("emergency".to_owned(), history.has_emergency().into());
    }
    console.object(object);
    Ok(0)
}
