//! Names' keys: asked for on the ledger, taken when t authorities answered.

use clap::Args;
use ed25519_dalek::SigningKey;
use eligo_marketplace::{
    agent::{Account, AgentError},
    convene::{act::Act, naming::epoch_of},
    name::AccountId,
    transaction::Body,
};
use serde_json::json;

use crate::{
    care::form::Form,
    commands::hospital,
    console::Console,
    failure::{Attempt, Failure, Kind},
    file::{Access, Source, Target},
    ledger_key::ledger_key,
    market::connection::NodeArgs,
    naming::{Authorities, NameAsk, NameKey, WrittenName},
    publisher::Publisher,
};

/// Write down the authorities' key
#[derive(Args, Debug)]
pub struct Fetch {
    /// The file to write, which everyone may have
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn fetch(args: &Fetch, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let client = args.node.connect(console)?;
    let authorities = Authorities::in_force(&client)?;
    let threshold = authorities.key()?.threshold();
    let text = authorities.text()?;
    args.output
        .write(text.as_bytes(), Access::Public, args.force)?;
    let ceremony = authorities.ceremony;
    console.say(format!(
        "{}: the authorities' key of ceremony {ceremony}; any {threshold} of them together open what is sealed under it",
        args.output
    ));
    console.object(json!({
        "authorities": args.output.to_string(),
        "ceremony": ceremony.to_string(),
        "threshold": threshold,
    }));
    Ok(0)
}

/// Ask for a name's key
#[derive(Args, Debug)]
pub struct Ask {
    /// The hospital's secret key, for a record's name or a role's
    #[arg(long, value_name = "FILE", required_unless_present = "institution_key")]
    hospital_key: Option<Source>,
    /// The institution's signing key, for a role's name
    #[arg(long, value_name = "FILE", conflicts_with_all = ["hospital_key", "record"])]
    institution_key: Option<Source>,
    /// The record, as the hospital numbers it: 64 hexadecimal digits
    #[arg(long, value_name = "HEX", required_unless_present = "role")]
    record: Option<String>,
    /// The record's version, from 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    record_version: u64,
    /// A role, such as a department, in the epoch of 30 days that runs
    #[arg(long, value_name = "NAME", conflicts_with = "record")]
    role: Option<String>,
    /// The secret file to write: with it the key is taken
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

fn signer(args: &Ask, console: &Console) -> Attempt<SigningKey> {
    match (&args.hospital_key, &args.institution_key) {
        (Some(key), _) => ledger_key(&hospital::read_key(key, console)?),
        (None, Some(key)) => Ok(Publisher::read(key, console)?.signing_key().clone()),
        (None, None) => {
            Err(Failure::usage("whose name?").help("--hospital-key or --institution-key"))
        }
    }
}

pub fn ask(args: &Ask, console: &Console) -> Attempt<u8> {
    let begun = begun(args, console);
    if begun.is_none() {
        args.output.check(args.force)?;
    }
    let key = signer(args, console)?;
    let client = args.node.connect(console)?;
    let name = match (&args.record, &args.role) {
        (Some(record), _) => WrittenName::Record {
            record: record.to_lowercase(),
            version: args.record_version,
        },
        (None, Some(role)) => WrittenName::Role {
            role: role.clone(),
            epoch: epoch_of(client.market_status()?.today),
        },
        (None, None) => return Err(Failure::usage("which name?").help("--record or --role")),
    };
    let party = AccountId::of(&key.verifying_key());
    // First the file: without it the answers could not be read.
    let asked = match begun.filter(|b| b.party == party && b.name == name) {
        Some(begun) => begun,
        None => written(args, NameAsk::new(party, name))?,
    };
    let letters = asked.letters()?.public();
    let act = Act::AskName {
        name: asked.name.name().map_err(|e| e.of("the name"))?,
        letters: *letters.as_bytes(),
    };
    let mine = hex::encode(letters.as_bytes());
    let known = || {
        let mut views = client.names()?.into_iter();
        Ok(views.any(|v| v.party == party && v.letters == mine))
    };
    let sent = Account::new(&client, &key).send_unless(Body::Convene(act), known);
    let sent = sent.map_err(|error| unasked(error, &args.output))?;
    let height = sent.map(|sent| sent.height.get());
    let since = height.map_or_else(|| "already".to_owned(), |h| format!("in block {h}"));
    console.say(format!(
        "{}: asked for the key of {}, {since}\nnext: eligo name take --ask {} -o FILE",
        args.output, asked.name, args.output
    ));
    let mut object = json!({
        "ask": args.output.to_string(),
        "party": party.to_string(),
        "height": height,
    });
    if let (WrittenName::Role { epoch, .. }, Some(fields)) = (&asked.name, object.as_object_mut()) {
        fields.insert("epoch".to_owned(), (*epoch).into());
    }
    console.object(object);
    Ok(0)
}

/// The ask of a run that was cut short or refused, if one lies where it is to be written.
fn begun(args: &Ask, console: &Console) -> Option<NameAsk> {
    let Target::File(path) = &args.output else {
        return None;
    };
    if args.force || !path.is_file() {
        return None;
    }
    NameAsk::read_secret(&Source::File(path.clone()), console).ok()
}

fn written(args: &Ask, asked: NameAsk) -> Attempt<NameAsk> {
    let text = asked.text()?;
    args.output
        .write(text.as_bytes(), Access::Secret, args.force)?;
    Ok(asked)
}

/// Why the ledger did not hear of an ask. The file stays whatever was said: that it was refused may be a node's word
/// alone, and without the file the answers could not be read.
fn unasked(error: AgentError, output: &Target) -> Failure {
    let refused = matches!(error, AgentError::Refused(_));
    let failure = Failure::from(error);
    match output {
        Target::File(_) if refused => failure.also(format!(
            "{output} is kept, for a node can say so of an ask that stands; run this again with -o {output}, which goes \
             on with that ask, best at another node"
        )),
        _ => failure,
    }
}

/// Take a name's key
#[derive(Args, Debug)]
pub struct Take {
    /// What `eligo name ask` wrote
    #[arg(long, value_name = "FILE")]
    ask: Source,
    /// The secret file to write: the name's key
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn take(args: &Take, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let asked = NameAsk::read_secret(&args.ask, console)?;
    let letters = asked.letters().map_err(|e| e.of(&args.ask))?;
    let client = args.node.connect(console)?;
    let mine = hex::encode(letters.public().as_bytes());
    let views = client.names()?.into_iter();
    let mut views = views.filter(|v| v.party == asked.party && v.letters == mine);
    let view = views.next().ok_or_else(|| {
        Failure::file(&args.ask, "the ledger has no such ask").help("ask again: eligo name ask")
    })?;
    let ceremony = client.ceremony(&view.ceremony)?;
    let ceremony = ceremony.ok_or_else(|| Failure::unexpected("an ask to no authorities"))?;
    let group = client.settled_key(&ceremony)?;
    let group = group.ok_or_else(|| Failure::unexpected("an ask to no authorities"))?;
    let Some(key) = client.name_key(view.ask, &letters)? else {
        let (have, need) = (view.shares.len(), group.threshold());
        let what = format!("{have} authorities have answered, and {need} right answers are needed");
        return Err(Failure::new(Kind::Closed, what)
            .help("try again when more of them have run: eligo convene attend"));
    };
    if *key.identity() != asked.name.identity(&asked.party)? {
        return Err(Failure::new(Kind::ProofInvalid, "the key of another name")
            .help("do not trust this node; use another one"));
    }
    let taken = NameKey::new(&asked, (view.ceremony, &group), &key);
    let text = taken.text()?;
    args.output
        .write(text.as_bytes(), Access::Secret, args.force)?;
    console.say(format!(
        "{}: the key of {}; who has it opens what is sealed to that name",
        args.output, taken.name
    ));
    console.object(json!({
        "key": args.output.to_string(),
        "party": taken.party.to_string(),
        "ceremony": taken.authorities.ceremony.to_string(),
    }));
    Ok(0)
}
