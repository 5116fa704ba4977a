//! Emergencies: authorities make a key together, and open a summary together.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ed25519_dalek::SigningKey;
use eligo_marketplace::{
    agent::{Account, AuthorityAgent, AuthorityIdentity, read_share},
    convene::{
        act::{Act as Convene, Authority, CeremonyTerms, KeyPurpose, Windows},
        event::Convened,
    },
    encoding::List,
    event::Event,
    name::{AccountId, ChainId, EmergencyId, RecordName},
    transaction::Body,
};
use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use super::team::by_hospital;
use crate::{
    care::{
        doctor::Doctor,
        emergency,
        form::{self, Form},
    },
    commands::{
        agent::{Pace, work},
        node,
    },
    console::Console,
    failure::{Attempt, Failure, shown},
    file::{Access, Source, Target},
    market::{self, connection::NodeArgs},
    names,
};

/// Largest summary or key file read.
const LIMIT: usize = 16 << 10;

/// Emergencies
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make an authority's keys
    #[command(
        after_help = "Example:\n  eligo care emergency authority --name \"Medical Chamber\" -o chamber.key --card chamber.card\n\n\
        The registrar certifies the card: eligo node admit --authority chamber.card"
    )]
    Authority(MakeAuthority),
    /// Begin a ceremony in which authorities make the key for emergencies, by the development chain's registrar
    #[command(
        after_help = "Example:\n  eligo care emergency convene --authority a.card --authority b.card --authority c.card --threshold 2"
    )]
    Convene(ConveneArgs),
    /// Take an authority's part in ceremonies
    #[command(
        after_help = "Example:\n  eligo care emergency attend --key chamber.key --journal chamber-journal"
    )]
    Attend(Attend),
    /// Enter a record's summary for emergencies, sealed to the authorities of a region
    #[command(
        after_help = "Example:\n  eligo care emergency enter --key hospital.key --record 8c.. --region north --summary summary.txt"
    )]
    Enter(Enter),
    /// Call the authorities to open a record's summary; it stays in the patient's history
    #[command(
        after_help = "Example:\n  eligo care emergency ask --record 8c.. --key farah.doctor --hospital 5f.. --reason \"Unconscious\""
    )]
    Ask(AskArgs),
    /// Answer a call, as an authority: a share in a letter to the doctor
    #[command(
        after_help = "Example:\n  eligo care emergency answer 3e.. --record 8c.. --key chamber.key --journal chamber-journal"
    )]
    Answer(Answer),
    /// Open the summary, as the doctor who called
    #[command(
        after_help = "Example:\n  eligo care emergency open 3e.. --record 8c.. --key farah.doctor"
    )]
    Open(Open),
}

pub fn run(command: &Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Authority(args) => make_authority(args, console),
        Command::Convene(args) => begin(KeyPurpose::Identity, args, console),
        Command::Attend(args) => attend(args, console),
        Command::Enter(args) => enter(args, console),
        Command::Ask(args) => ask(args, console),
        Command::Answer(args) => answer(args, console),
        Command::Open(args) => open(args, console),
    }
}

/// What the registrar needs of an authority.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityCard {
    /// Its name.
    pub name: String,
    /// Its account.
    pub account: AccountId,
    letters: String,
}

impl Form for AuthorityCard {
    const NAME: &'static str = "eligo authority card";
    const MADE_BY: &'static str = "care emergency authority";
}

fn read_identity(source: &Source, console: &Console) -> Attempt<AuthorityIdentity> {
    let bytes = source.read_secret(LIMIT, console)?;
    AuthorityIdentity::from_json(&bytes).map_err(|e| {
        Failure::file(source, e).help("expected a file made by `eligo care emergency authority`")
    })
}

/// Make an authority's keys
#[derive(Args, Debug)]
pub struct MakeAuthority {
    /// Its name, as the registrar certifies it
    #[arg(long)]
    name: String,
    /// The secret key file to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// The card to write, which everyone may have
    #[arg(long, value_name = "FILE")]
    card: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

fn make_authority(args: &MakeAuthority, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    args.card.check(args.force)?;
    let mut seed = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(seed.as_mut_slice());
    let account = SigningKey::from_bytes(&seed);
    let identity = AuthorityIdentity::generate(&args.name, account, &mut OsRng);
    let card = AuthorityCard {
        name: args.name.clone(),
        account: identity.account(),
        letters: hex::encode(identity.letters().public().as_bytes()),
    };
    args.output
        .write(identity.to_json().as_bytes(), Access::Secret, args.force)?;
    args.card
        .write(card.text()?.as_bytes(), Access::Public, args.force)?;
    console.say(format!(
        "{}: keys of {}, account {}",
        args.output, args.name, card.account
    ));
    console.object(json!({ "key": args.output.to_string(), "account": card.account.to_string() }));
    Ok(0)
}

/// Begin a ceremony
#[derive(Args, Debug)]
pub struct ConveneArgs {
    /// Folder of the development chain
    #[arg(long, value_name = "DIR", default_value = "eligo-node")]
    dir: PathBuf,
    /// An authority's card; repeat: at least 2t - 1 of them
    #[arg(long, value_name = "CARD", required = true)]
    authority: Vec<Source>,
    /// t: how many must work together
    #[arg(long, value_name = "N")]
    threshold: u16,
    /// How many blocks a round lasts if somebody keeps silent
    #[arg(long, value_name = "N", default_value_t = 4)]
    blocks: u32,
    /// And how many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    ms: u64,
    #[command(flatten)]
    node: NodeArgs,
}

/// The registrar of the development chain in a folder.
pub fn registrar(dir: &Path) -> Attempt<SigningKey> {
    node::existing(dir).map(|chain| chain.registrar().clone())
}

/// Begins a ceremony in which authorities make a key for a purpose.
pub fn begin(purpose: KeyPurpose, args: &ConveneArgs, console: &Console) -> Attempt<u8> {
    let cards = args.authority.iter().map(AuthorityCard::read);
    let cards = cards.collect::<Attempt<Vec<_>>>()?;
    let authorities = cards.iter().map(|card| {
        Ok(Authority {
            account: card.account,
            letters: form::bytes(&card.letters, "letters")?,
        })
    });
    let terms = CeremonyTerms {
        purpose,
        threshold: args.threshold,
        authorities: List::new(authorities.collect::<Attempt<_>>()?).map_err(Failure::usage)?,
        windows: Windows {
            blocks: args.blocks,
            ms: args.ms,
        },
    };
    let key = registrar(&args.dir)?;
    let client = args.node.connect(console)?;
    let sent = Account::new(&client, &key).send(Body::Convene(Convene::Begin(terms)))?;
    let height = sent.height.get();
    let name = sent.accepted()?.into_iter().find_map(|e| match e {
        Event::Convened(Convened::CeremonyBegun { ceremony, .. }) => Some(ceremony),
        _ => None,
    });
    let name = name.ok_or_else(|| Failure::unexpected("a ceremony without a name"))?;
    console.say(format!(
        "ceremony {name}: begun in block {height}; each authority: eligo care emergency attend"
    ));
    console.object(json!({ "ceremony": name.to_string(), "height": height }));
    Ok(0)
}

/// Take an authority's part
#[derive(Args, Debug)]
pub struct Attend {
    /// The authority's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// Folder in which it keeps its shares (mode 0700)
    #[arg(long, value_name = "DIR")]
    journal: PathBuf,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    node: NodeArgs,
}

/// Takes an authority's part.
pub fn attend(args: &Attend, console: &Console) -> Attempt<u8> {
    let identity = read_identity(&args.key, console)?;
    let journal = market::journal(&args.journal)?;
    let client = args.node.connect(console)?;
    let mut agent = AuthorityAgent::new(&client, &identity, journal);
    work(&mut agent, args.pace, console)
}

/// Enter a summary
#[derive(Args, Debug)]
pub struct Enter {
    /// The secret key of the record's hospital
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The record: its name, or `sealed` as its credential has it
    #[arg(long, value_name = "NAME", value_parser = names::record)]
    record: RecordName,
    /// The region whose authorities may open it
    #[arg(long, value_name = "NAME")]
    region: String,
    /// The epoch: in another one, other summaries
    #[arg(long, value_name = "N", default_value_t = 1)]
    epoch: u64,
    /// What a doctor must know, a text file of at most 4096 bytes
    #[arg(long, value_name = "FILE")]
    summary: Source,
    #[command(flatten)]
    node: NodeArgs,
}

fn enter(args: &Enter, console: &Console) -> Attempt<u8> {
    let summary = Zeroizing::new(args.summary.read_text(LIMIT)?);
    let client = args.node.connect(console)?;
    let (_, key) = emergency::identity_key(&client)?;
    let region = (args.region.as_str(), args.epoch);
    let height = by_hospital(&args.key, &args.node, &Console::silent(), |_| {
        emergency::entry(&key, args.record, region, &summary)
    })?;
    console.say(format!(
        "record {}: a summary for emergencies in {}, in block {height}",
        args.record, args.region
    ));
    console.object(json!({ "record": args.record.to_string(), "height": height }));
    Ok(0)
}

/// Call the authorities
#[derive(Args, Debug)]
pub struct AskArgs {
    /// The record: its name, or `sealed` as its credential has it
    #[arg(long, value_name = "NAME", value_parser = names::record)]
    record: RecordName,
    /// The doctor's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The account of the hospital that employs the doctor
    #[arg(long, value_name = "ACCOUNT")]
    hospital: AccountId,
    /// Why; the ledger gets a salted digest of it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    node: NodeArgs,
}

fn ask(args: &AskArgs, console: &Console) -> Attempt<u8> {
    let doctor = Doctor::read(&args.key, console)?;
    let client = args.node.connect(console)?;
    let keys = (doctor.account(), doctor.letters());
    let call = emergency::call(&client, keys, args.hospital, args.record, &args.reason)?;
    console.say(format!(
        "call {call}: on the ledger, where the patient sees it; tell the authorities why"
    ));
    console.object(json!({ "call": call.to_string(), "record": args.record.to_string() }));
    Ok(0)
}

/// Answer a call
#[derive(Args, Debug)]
pub struct Answer {
    /// The call
    call: EmergencyId,
    /// The record: its name, or `sealed` as its credential has it
    #[arg(long, value_name = "NAME", value_parser = names::record)]
    record: RecordName,
    /// The authority's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// Folder in which it keeps its shares
    #[arg(long, value_name = "DIR")]
    journal: PathBuf,
    #[command(flatten)]
    node: NodeArgs,
}

fn answer(args: &Answer, console: &Console) -> Attempt<u8> {
    let identity = read_identity(&args.key, console)?;
    let journal = market::journal(&args.journal)?;
    let client = args.node.connect(console)?;
    let call = emergency::find(&client, &args.record, &args.call)?;
    let keys = emergency::identity_keys(&client)?;
    let (ceremony, _) = call.under(&keys)?;
    let (key, share) = read_share(&journal, ceremony)?.ok_or_else(|| {
        Failure::file(
            shown(&args.journal),
            "holds no share of the key it is sealed under",
        )
        .help("take part in the ceremony: eligo care emergency attend")
    })?;
    let act = call.answer(&ChainId::from(client.chain()), &key, share)?;
    let sent = Account::new(&client, identity.signer()).send(Body::Care(act))?;
    let height = sent.height.get();
    sent.accepted()?;
    console.say(format!("call {}: answered in block {height}", args.call));
    console.object(json!({ "call": args.call.to_string(), "height": height }));
    Ok(0)
}

/// Open the summary
#[derive(Args, Debug)]
pub struct Open {
    /// The call
    call: EmergencyId,
    /// The record: its name, or `sealed` as its credential has it
    #[arg(long, value_name = "NAME", value_parser = names::record)]
    record: RecordName,
    /// The doctor's keys
    #[arg(long, value_name = "FILE")]
    key: Source,
    #[command(flatten)]
    node: NodeArgs,
}

fn open(args: &Open, console: &Console) -> Attempt<u8> {
    let doctor = Doctor::read(&args.key, console)?;
    let client = args.node.connect(console)?;
    let call = emergency::find(&client, &args.record, &args.call)?;
    let keys = emergency::identity_keys(&client)?;
    let (_, key) = call.under(&keys)?;
    let chain = ChainId::from(client.chain());
    let opened = call.open(&chain, key, doctor.letters())?;
    let text = String::from_utf8_lossy(&opened);
    console.say(text.as_ref());
    console.object(json!({
        "call": args.call.to_string(),
        "answers": call.answers(),
        "summary": text,
    }));
    Ok(0)
}
