//! `eligo agent`: what hospitals' and institutions' machines do by themselves.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use eligo_marketplace::{
    agent::{Account, Agent, ArbiterAgent, Deed, HospitalAgent, InstitutionAgent},
    credits::Credits,
    name::AccountId,
    transaction::Body,
};
use serde_json::json;

use super::{hospital, node};
use crate::{
    console::Console,
    document,
    failure::{Attempt, Failure, shown},
    file::{self, Source},
    interrupt,
    ledger_key::ledger_key,
    market::{
        self,
        connection::NodeArgs,
        judging::{DisputeJudge, RecordJudge},
        offering,
    },
    publication::Publication,
    publisher::Publisher,
    schemas::SchemaArgs,
};

/// How long an agent works.
#[derive(Args, Clone, Copy, Debug)]
pub struct Pace {
    /// Do what can be done now, then stop
    #[arg(long)]
    pub once: bool,
    /// Milliseconds between looks at the ledger
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(10..=3_600_000))]
    pub every: u64,
}

/// Run a party's agent
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Store ciphertexts and register the records whose entries patients signed
    #[command(
        after_help = "Example:\n  eligo agent hospital --key hospital.key --inbox outgoing --journal hospital-journal\n\n\
        Takes NAME.entry (eligo market entry) with NAME.sealed beside it, countersigns, stores, registers."
    )]
    Hospital(Hospital),
    /// Open, check, keep, dispute and settle what was bought under a requirement
    #[command(
        after_help = "Example:\n  eligo agent institution --key institute.key --receiving institute.receiving.key \\\n    \
        --requirement stroke.offer.toml --journal institute-journal -o opened"
    )]
    Institution(Institution),
    /// Judge what institutions dispute, for one replica
    #[command(
        after_help = "Example:\n  eligo agent arbiter --dir eligo-node --replica 2 --journal arbiter-journal\n\n\
        Takes the arbiter's keys from the folder of the chain, opens what was disputed, checks it against hospital,\n\
        claim and requirement, gives a verdict, keeps nothing. `eligo node --dev` does so for all its replicas."
    )]
    Arbiter(Arbiter),
}

/// An arbiter.
#[derive(Args, Debug)]
pub struct Arbiter {
    /// Folder of the chain whose genesis document names the arbiter
    #[arg(long, value_name = "DIR", default_value = "eligo-node")]
    dir: PathBuf,
    /// For which replica
    #[arg(long, value_name = "N")]
    replica: u16,
    /// Folder in which it remembers what it judged
    #[arg(long, value_name = "DIR")]
    journal: PathBuf,
    #[command(flatten)]
    schemas: SchemaArgs,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    node: NodeArgs,
}

/// A hospital's agent.
#[derive(Args, Debug)]
pub struct Hospital {
    /// The hospital's secret key
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// Folder of entries and ciphertexts
    #[arg(long, value_name = "DIR")]
    inbox: PathBuf,
    /// Folder in which it remembers what it did
    #[arg(long, value_name = "DIR")]
    journal: PathBuf,
    /// Bring the hospital's bond to at least this many credits first
    #[arg(long, value_name = "CREDITS")]
    bond: Option<u64>,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    node: NodeArgs,
}

/// An institution's agent.
#[derive(Args, Debug)]
pub struct Institution {
    #[command(flatten)]
    pub buyer: Buyer,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    node: NodeArgs,
}

/// An institution with one of its requirements.
#[derive(Args, Clone, Debug)]
pub struct Buyer {
    /// The institution's signing key
    #[arg(long, value_name = "FILE")]
    pub key: Source,
    /// The receiving key made for the requirement
    #[arg(long, value_name = "FILE")]
    pub receiving: Source,
    /// The requirement as it was published
    #[arg(long, value_name = "FILE")]
    pub requirement: Source,
    #[command(flatten)]
    pub schemas: SchemaArgs,
    /// Folder in which it remembers what it did
    #[arg(long, value_name = "DIR")]
    pub journal: PathBuf,
    /// Folder for opened records, CLAIM.bundle.json (mode 0600)
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
}

pub fn run(command: &Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Hospital(args) => hospital(args, console),
        Command::Institution(args) => {
            let client = args.node.connect(console)?;
            with_buyer(&client, &args.buyer, console, |agent| {
                work(agent, args.pace, console)
            })
        }
        Command::Arbiter(args) => arbiter(args, console),
    }
}

fn arbiter(args: &Arbiter, console: &Console) -> Attempt<u8> {
    let chain = node::existing(&args.dir)?;
    let known = chain.arbiters().iter();
    let mine = known
        .clone()
        .find(|(replica, ..)| replica.get() == args.replica);
    let (replica, account, letters) = mine.ok_or_else(|| {
        let all: Vec<String> = known.map(|(id, ..)| id.get().to_string()).collect();
        Failure::usage(format!("no arbiter judges for replica {}", args.replica))
            .help(format!("one of: {}", all.join(", ")))
    })?;
    let journal = market::journal(&args.journal)?;
    let client = args.node.connect(console)?;
    let judge = DisputeJudge::new(&client, args.schemas.clone());
    let arbiter = (*replica, account, letters);
    let mut agent = ArbiterAgent::new(&client, arbiter, journal, judge);
    work(&mut agent, args.pace, console)
}

fn hospital(args: &Hospital, console: &Console) -> Attempt<u8> {
    let issuer = hospital::read_key(&args.key, console)?;
    let key = ledger_key(&issuer)?;
    let journal = market::journal(&args.journal)?;
    let client = args.node.connect(console)?;
    if let Some(wanted) = args.bond {
        let me = AccountId::of(&key.verifying_key());
        let party = client.account(&me)?.and_then(|a| a.party);
        let bond = party.map_or(0, |p| p.bond.get());
        if bond < wanted {
            let amount = Credits::new(wanted - bond);
            let account = Account::new(&client, &key);
            account.send(Body::DepositBond { amount })?.accepted()?;
            console.say(format!("bond: {wanted} credits"));
        }
    }
    let mut agent = HospitalAgent::new(&client, &key, &args.inbox, journal);
    work(&mut agent, args.pace, console)
}

/// Does something with an institution's agent.
pub fn with_buyer<T>(
    client: &eligo_marketplace::client::Client<eligo_marketplace::client::HttpDesk>,
    args: &Buyer,
    console: &Console,
    doing: impl FnOnce(&mut InstitutionAgent<'_, eligo_marketplace::client::HttpDesk>) -> Attempt<T>,
) -> Attempt<T> {
    let publisher = Publisher::read(&args.key, console)?;
    let receiving = document::read_receiving_key(&args.receiving, console)?;
    let schemas = args.schemas.read()?;
    let publication = Publication::read(&args.requirement, &schemas)?;
    let name = offering::name(&publication)?;
    file::make_folder(&args.output)?;
    let journal = market::journal(&args.journal)?;
    let judge = RecordJudge::new(&publication, schemas, &args.output);
    let key = publisher.signing_key();
    let mut agent = InstitutionAgent::new(client, key, name, &receiving, journal, judge);
    doing(&mut agent)
}

/// Lets an agent work, and tells what it does: a line a deed, or with `--json` an object a deed.
pub fn work(agent: &mut dyn Agent, pace: Pace, console: &Console) -> Attempt<u8> {
    let tell = |deed: &Deed| {
        console.say(format!("{}: {}", deed.subject, deed.what));
        console.object(json!({ "subject": deed.subject, "done": deed.what }));
    };
    if pace.once {
        let deeds = agent.step()?;
        deeds.iter().for_each(tell);
        return Ok(0);
    }
    interrupt::be_patient();
    let mut tell = tell;
    let every = Duration::from_millis(pace.every);
    agent.run(every, &interrupt::going, &mut tell)?;
    Ok(0)
}

impl Buyer {
    /// Where the record of a claim is kept, as messages name it.
    pub fn kept(&self, claim: &eligo_marketplace::name::ClaimId) -> String {
        shown(&RecordJudge::file(&self.output, claim))
    }
}
