//! What hospitals and doctors do while a diagnosis grows.

use std::path::PathBuf;

use clap::Args;
use eligo_marketplace::{
    agent::Account,
    care::{Act, act::TeamName},
    name::AccountId,
    transaction::Body,
};
use serde_json::json;

use crate::{
    care::{
        doctor::{Doctor, DoctorCard},
        form::Form,
        opinion::{self, Note},
        teams::{self, PrekeySeed, TeamTrail, WelcomeFile},
    },
    commands::hospital::read_key,
    console::Console,
    failure::{Attempt, Failure, Kind},
    file::{self, Access, Source, Target},
    ledger_key::ledger_key,
    market::connection::NodeArgs,
    moment,
    names::{self, Encounter},
};

/// Largest bundle read.
const BUNDLE_LIMIT: usize = eligo_records::fhir::MAX_BYTES;
/// Largest opinion read.
const OPINION_LIMIT: usize = 128 << 10;

/// Make a doctor's keys
#[derive(Args, Debug)]
pub struct MakeDoctor {
    /// The doctor's name, as the registrar certifies it
    #[arg(long)]
    name: String,
    /// The secret key file to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// The card to write, which everyone may have
    #[arg(long, value_name = "FILE")]
    card: Option<Target>,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn make_doctor(args: &MakeDoctor, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    args.card.iter().try_for_each(|c| c.check(args.force))?;
    let doctor = Doctor::generate(&args.name)?;
    let text = doctor.to_text()?;
    args.output
        .write(text.as_bytes(), Access::Secret, args.force)?;
    if let Some(card) = &args.card {
        let text = doctor.card().text()?;
        card.write(text.as_bytes(), Access::Public, args.force)?;
    }
    console.say(format!(
        "{}: keys of {}, account {}",
        args.output,
        doctor.name(),
        doctor.id()
    ));
    console.object(json!({ "key": args.output.to_string(), "account": doctor.id().to_string() }));
    Ok(0)
}

/// Enter a doctor's signing key and a one-time prekey
#[derive(Args, Debug)]
pub struct Enter {
    /// The doctor's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The prekey to write: kept until the next team's key is confirmed, then thrown away
    #[arg(long, value_name = "FILE")]
    prekey: Target,
    /// The signing key is entered already: enter a new prekey alone
    #[arg(long)]
    renew: bool,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn enter(args: &Enter, console: &Console) -> Attempt<u8> {
    args.prekey.check(args.force)?;
    let doctor = Doctor::read(&args.key, console)?;
    let client = args.node.connect(console)?;
    let seed = PrekeySeed::generate();
    let (_, signed) = seed.prekey(&doctor)?;
    // Kept before it is public: a prekey whose secret is lost opens nothing.
    args.prekey
        .write(seed.text()?.as_bytes(), Access::Secret, args.force)?;
    let act = if args.renew {
        let prekey = eligo_marketplace::encoding::Blob::new(signed.to_bytes());
        let prekey = prekey.map_err(Failure::unexpected)?;
        Act::RenewPrekey { prekey }
    } else {
        teams::entry(&doctor, &signed)?
    };
    let height = crate::care::asking::send(&client, &doctor, act)?;
    console.say(format!("{}: entered in block {height}", doctor.name()));
    console.object(json!({ "account": doctor.id().to_string(), "height": height }));
    Ok(0)
}

/// Employ a doctor, or let one go
#[derive(Args, Debug)]
pub struct Employ {
    /// The hospital's secret key
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The doctor's card
    #[arg(long, value_name = "CARD")]
    doctor: Source,
    /// The last day, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = moment::parse_end, required_unless_present = "release")]
    until: Option<u64>,
    /// End the employment now
    #[arg(long, conflicts_with = "until")]
    release: bool,
    #[command(flatten)]
    node: NodeArgs,
}

/// Sends a hospital's act; the block.
pub fn by_hospital(
    key: &Source,
    node: &NodeArgs,
    console: &Console,
    act: impl FnOnce(AccountId) -> Attempt<Act>,
) -> Attempt<u64> {
    let ledger = ledger_key(&read_key(key, console)?)?;
    let client = node.connect(console)?;
    let act = act(AccountId::of(&ledger.verifying_key()))?;
    let sent = Account::new(&client, &ledger).send(Body::Care(act))?;
    let height = sent.height.get();
    sent.accepted()?;
    Ok(height)
}

pub fn employ(args: &Employ, console: &Console) -> Attempt<u8> {
    let card = DoctorCard::read(&args.doctor)?;
    let doctor = card.account;
    let height = by_hospital(&args.key, &args.node, console, |_| {
        Ok(match args.until {
            Some(until) => Act::Employ {
                doctor,
                until_ms: until.saturating_mul(1000),
            },
            None => Act::Release { doctor },
        })
    })?;
    let what = if args.release { "released" } else { "employed" };
    console.say(format!("{}: {what} in block {height}", card.name));
    console.object(json!({ "doctor": doctor.to_string(), "done": what, "height": height }));
    Ok(0)
}

/// Which encounter of which hospital
#[derive(Args, Clone, Debug)]
pub struct TeamArgs {
    /// The hospital's account
    #[arg(long, value_name = "ACCOUNT")]
    hospital: AccountId,
    /// The encounter: the visit's card, or its name
    #[arg(long, value_name = "NAME|CARD", value_parser = names::encounter)]
    encounter: Encounter,
}

impl TeamArgs {
    fn name(&self) -> Attempt<TeamName> {
        Ok(TeamName {
            hospital: self.hospital,
            encounter: self.encounter.name()?,
        })
    }
}

fn no_team(team: TeamName) -> Failure {
    Failure::new(Kind::File, "the hospital assigned this encounter no team").of(team.encounter)
}

/// The team's trail; refused if there is no team.
fn trail<D: eligo_marketplace::client::Desk>(
    client: &eligo_marketplace::client::Client<D>,
    team: TeamName,
) -> Attempt<TeamTrail> {
    TeamTrail::of(client, team)?.ok_or_else(|| no_team(team))
}

fn accounts(doctors: &[Source]) -> Attempt<Vec<AccountId>> {
    let cards = doctors.iter().map(DoctorCard::read);
    cards.map(|card| Ok(card?.account)).collect()
}

/// Found a team's key as its lead
#[derive(Args, Debug)]
pub struct Found {
    /// The lead's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    #[command(flatten)]
    team: TeamArgs,
    /// A doctor's card; repeat, in the order in which they sign
    #[arg(long, value_name = "CARD", required = true)]
    doctor: Vec<Source>,
    /// The welcome to write, for the hospital and every doctor of the team
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn found(args: &Found, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let lead = Doctor::read(&args.key, console)?;
    let doctors = accounts(&args.doctor)?;
    let team = args.team.name()?;
    let client = args.node.connect(console)?;
    let epoch = TeamTrail::seen(&client, team)?.map_or(0, |t| t.epoch + 1);
    let welcome = teams::found(&client, &lead, &team, epoch, &doctors)?;
    let text = WelcomeFile::of(&welcome).text()?;
    args.output
        .write(text.as_bytes(), Access::Public, args.force)?;
    console.say(format!(
        "{}: key of epoch {epoch} for {} doctors",
        args.output,
        doctors.len()
    ));
    console.object(json!({ "welcome": args.output.to_string(), "epoch": epoch }));
    Ok(0)
}

/// Assign an encounter its team
#[derive(Args, Debug)]
pub struct Assign {
    /// The hospital's secret key
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The encounter: the visit's card, or its name
    #[arg(long, value_name = "NAME|CARD", value_parser = names::encounter)]
    encounter: Encounter,
    /// A doctor's card; repeat, in the order in which they sign
    #[arg(long, value_name = "CARD", required = true)]
    doctor: Vec<Source>,
    /// The lead's welcome (eligo care found)
    #[arg(long, value_name = "FILE")]
    welcome: Source,
    /// How long each has to sign, such as 45m or 24h
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    slot: u64,
    /// How often a doctor whose time ran out is asked again at most
    #[arg(long, value_name = "N", default_value_t = 2)]
    retries: u8,
    #[command(flatten)]
    node: NodeArgs,
}

/// Milliseconds of `30s`, `45m`, `24h`, `7d`.
fn duration(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is no time; expected one such as 45m or 24h");
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(bad()),
    };
    let number: u64 = text
        .strip_suffix(unit)
        .and_then(|n| n.parse().ok())
        .ok_or_else(bad)?;
    number.checked_mul(seconds * 1000).ok_or_else(bad)
}

pub fn assign(args: &Assign, amend: bool, console: &Console) -> Attempt<u8> {
    let doctors = accounts(&args.doctor)?;
    let welcome = WelcomeFile::read(&args.welcome)?.welcome();
    let welcome = welcome.map_err(|e| e.of(&args.welcome))?;
    let epoch = welcome.epoch();
    let encounter = args.encounter.name()?;
    let height = by_hospital(&args.key, &args.node, console, |_| {
        let team = teams::plan(&doctors, &welcome, args.slot, args.retries)?;
        Ok(match amend {
            true => Act::AmendTeam { encounter, team },
            false => Act::AssignTeam { encounter, team },
        })
    })?;
    let n = doctors.len();
    console.say(format!(
        "encounter {encounter}: a team of {n}, epoch {epoch}, in block {height}"
    ));
    console.object(json!({
        "encounter": encounter.to_string(),
        "doctors": n,
        "epoch": epoch,
        "height": height,
    }));
    Ok(0)
}

/// Accept a team's key
#[derive(Args, Debug)]
pub struct Confirm {
    /// The doctor's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The prekey (eligo care enter); removed when the key is confirmed
    #[arg(long, value_name = "FILE")]
    prekey: PathBuf,
    #[command(flatten)]
    team: TeamArgs,
    /// The lead's welcome
    #[arg(long, value_name = "FILE")]
    welcome: Source,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn confirm(args: &Confirm, console: &Console) -> Attempt<u8> {
    let doctor = Doctor::read(&args.key, console)?;
    let source = Source::File(args.prekey.clone());
    let (prekey, _) = PrekeySeed::open(&source, console)?.prekey(&doctor)?;
    let welcome = WelcomeFile::read(&args.welcome)?.welcome();
    let welcome = welcome.map_err(|e| e.of(&args.welcome))?;
    let epoch = welcome.epoch();
    let team = args.team.name()?;
    let client = args.node.connect(console)?;
    let (pending, _, act) = teams::accept(&doctor, prekey, welcome, team)?;
    drop(pending);
    let height = crate::care::asking::send(&client, &doctor, act)?;
    std::fs::remove_file(&args.prekey).map_err(|e| file::unwritable(&args.prekey, &e))?;
    console.say(format!(
        "{}: the team's key of epoch {epoch} confirmed in block {height}; the prekey is gone\n\
         next: eligo care enter --key KEY --prekey FILE --renew, for the next team",
        doctor.name()
    ));
    console.object(json!({ "epoch": epoch, "height": height }));
    Ok(0)
}

/// Add an opinion, and sign
#[derive(Args, Debug)]
pub struct Sign {
    /// The doctor's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    #[command(flatten)]
    team: TeamArgs,
    /// The opinion, a text file
    #[arg(long, value_name = "FILE")]
    opinion: Source,
    /// The opinion with what opens its commitment, for the record (mode 0600)
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn sign(args: &Sign, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let doctor = Doctor::read(&args.key, console)?;
    let text = args.opinion.read_text(OPINION_LIMIT)?;
    let name = args.team.name()?;
    let client = args.node.connect(console)?;
    let team = trail(&client, name)?;
    match team.in_turn() {
        Some(account) if account == doctor.id() => {}
        Some(account) => {
            return Err(Failure::new(Kind::Closed, "it is another doctor's turn").of(account));
        }
        None => return Err(Failure::new(Kind::Closed, "the diagnosis is complete")),
    }
    let place = team.chain.as_ref().map_or(0, |c| c.steps().len()) + 1;
    let (note, act) = team.sign(&client, &doctor, &text)?;
    // The salt is nowhere else: kept before the commitment is public.
    args.output
        .write(note.text()?.as_bytes(), Access::Secret, args.force)?;
    let height = crate::care::asking::send(&client, &doctor, act)?;
    let seen = TeamTrail::seen(&client, name)?;
    let done = seen.and_then(|t| t.completed).map(hex::encode);
    console.say(format!(
        "{}: opinion {place} of {} signed in block {height}",
        doctor.name(),
        team.plan.doctors.as_slice().len()
    ));
    if let Some(done) = &done {
        console.say(format!("the diagnosis is complete: {done}"));
    }
    console.object(json!({ "place": place, "height": height, "diagnosis": done }));
    Ok(0)
}

/// Ask the doctor whose time ran out once more
#[derive(Args, Debug)]
pub struct Remind {
    /// The hospital's secret key
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The encounter: the visit's card, or its name
    #[arg(long, value_name = "NAME|CARD", value_parser = names::encounter)]
    encounter: Encounter,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn remind(args: &Remind, console: &Console) -> Attempt<u8> {
    let encounter = args.encounter.name()?;
    let height = by_hospital(&args.key, &args.node, console, |_| {
        Ok(Act::AskAgain { encounter })
    })?;
    console.say(format!(
        "encounter {encounter}: asked again in block {height}"
    ));
    console.object(json!({ "encounter": encounter.to_string(), "height": height }));
    Ok(0)
}

/// Put a team's opinions into a bundle
#[derive(Args, Debug)]
pub struct Attach {
    /// The FHIR bundle of one patient
    #[arg(long, value_name = "FILE")]
    record: Source,
    /// An opinion (eligo care sign); repeat, in the order of signing
    #[arg(long, value_name = "FILE", required = true)]
    opinion: Vec<Source>,
    /// The bundle to write (mode 0600)
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn attach(args: &Attach, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let bundle = args.record.read(BUNDLE_LIMIT)?;
    let notes = args.opinion.iter().map(|s| Note::read_secret(s, console));
    let notes = notes.collect::<Attempt<Vec<_>>>()?;
    let bundle = opinion::attach(&bundle, &notes).map_err(|e| e.of(&args.record))?;
    args.output.write(&bundle, Access::Secret, args.force)?;
    console.say(format!("{}: with {} opinions", args.output, notes.len()));
    console.object(json!({ "bundle": args.output.to_string(), "opinions": notes.len() }));
    Ok(0)
}

/// Where an encounter's team is
#[derive(Args, Debug)]
pub struct ShowTeam {
    #[command(flatten)]
    team: TeamArgs,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn show(args: &ShowTeam, console: &Console) -> Attempt<u8> {
    let name = args.team.name()?;
    let client = args.node.connect(console)?;
    let team = TeamTrail::seen(&client, name)?.ok_or_else(|| no_team(name))?;
    let signed = team.chain.as_ref().map_or(0, |c| c.steps().len());
    let doctors = team.plan.doctors.as_slice();
    let completed = team.completed.map(hex::encode);
    console.say(format!(
        "epoch {}: {} of {} confirmed the key, {signed} signed",
        team.epoch,
        team.confirmed.len(),
        doctors.len()
    ));
    match (&completed, team.in_turn()) {
        (Some(name), _) => console.say(format!("the diagnosis is complete: {name}")),
        (None, Some(next)) => console.say(format!("in turn: {next}")),
        (None, None) => {}
    }
    console.object(json!({
        "epoch": team.epoch,
        "doctors": doctors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "confirmed": team.confirmed.len(),
        "signed": signed,
        "in_turn": team.in_turn().map(|a| a.to_string()),
        "diagnosis": completed,
    }));
    Ok(0)
}
