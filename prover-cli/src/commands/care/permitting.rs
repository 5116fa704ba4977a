//! What a patient, or a relative, does: look at requests, permit, revoke.

use clap::Args;
use ed25519_dalek::SigningKey;
use eligo_marketplace::{
    agent::Account,
    care::{Act, act::Hand},
    client::{Client, HttpDesk},
    name::{AskId, ChainId, EncounterName, RecordName},
    transaction::Body,
};
use eligo_sharing::{
    keys::RecordKey,
    wallet::{HospitalId, Visit, Wallet},
};
use serde_json::{Value, json};

use super::relatives::{read_mandate, relative_key};
use crate::{
    care::{
        card::letter_key,
        crumbs::{Crumb, Crumbs},
        form::Form,
        mandate::{Mandate, outside},
        permitting::{self, Answering, Asked, Besides, Own, read_ask, seen_at},
        searching::SearcherCard,
    },
    commands::wallet::WalletArgs,
    console::{Console, count},
    encounter::VisitArgs,
    failure::{Attempt, Failure, Kind},
    file::Source,
    market::connection::NodeArgs,
    moment, names,
};

/// What doctors ask of the patient
#[derive(Args, Debug)]
pub struct Inbox {
    #[command(flatten)]
    visit: VisitArgs,
    /// The device's index: which of one's records a request is about
    #[arg(long, value_name = "FILE")]
    crumbs: Option<Source>,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn inbox(args: &Inbox, console: &Console) -> Attempt<u8> {
    let (wallet, encounter) = args.visit.open_wallet(console)?;
    let crumbs = match &args.crumbs {
        Some(source) => Crumbs::read(source, &wallet)?,
        None => Crumbs::default(),
    };
    let client = args.node.connect(console)?;
    let name = EncounterName::of(encounter.signer.verifying_key().as_bytes());
    let letters = letter_key(&encounter);
    let seen = seen_at(&client, &name, now_ms())?;
    let mut all = Vec::new();
    for ask in seen.iter().map(|seen| seen.ask) {
        let besides = Besides::of(&ask, &seen);
        // Anyone can write letters; one that does not open is none of ours.
        match read_ask(&client, &ask, &letters) {
            Ok(asked) => all.push(show(&asked, &besides, &crumbs, console)?),
            Err(error) if error.kind() == Kind::File => {
                console.warn(format!("ask {ask}: its letter cannot be read"));
            }
            Err(error) => return Err(error),
        }
    }
    if all.is_empty() {
        console.say("nobody asks");
    }
    console.object(json!({ "asks": all }));
    Ok(0)
}

fn now_ms() -> u64 {
    moment::now().unwrap_or_default().saturating_mul(1000)
}

fn status(asked: &Asked) -> &'static str {
    match (asked.trail.is_over(), asked.trail.is_answered()) {
        (true, _) => "over",
        _ if now_ms() > asked.trail.terms().until_ms => "over",
        (false, true) => "permitted",
        (false, false) => "waiting",
    }
}

fn show(asked: &Asked, besides: &Besides, crumbs: &Crumbs, console: &Console) -> Attempt<Value> {
    let request = &asked.request;
    let about = permitting::matching(request, crumbs.all())?;
    let until = asked.trail.terms().until_ms / 1000;
    let wanted: Vec<String> = request.wanted.iter().map(ToString::to_string).collect();
    let certified = asked.is_as_it_says();
    console.say(format!(
        "ask {} ({})\n  who    {} of {}{}\n  what   {}, {} to {}\n  why    {}\n  until  {}",
        asked.trail.ask(),
        status(asked),
        request.doctor,
        request.hospital,
        if certified {
            ", certified"
        } else {
            ": NOT whom the ledger certifies"
        },
        wanted.join(", "),
        request.from,
        request.to,
        request.reason,
        moment::show(until)
    ));
    for crumb in &about {
        console.say(format!(
            "  record {}: {}, {}, {}",
            crumb.receipt.record, crumb.hospital, crumb.receipt.department, crumb.receipt.month
        ));
    }
    warn_of(besides, &asked.trail.ask(), console);
    Ok(json!({
        "ask": asked.trail.ask().to_string(),
        "status": status(asked),
        "doctor": request.doctor,
        "hospital": request.hospital,
        "certified": certified,
        "wanted": wanted,
        "from": request.from.to_string(),
        "to": request.to.to_string(),
        "reason": request.reason,
        "until": moment::show(until),
        "records": about.iter().map(|c| c.receipt.record.to_string()).collect::<Vec<_>>(),
        "besides": besides_json(besides),
    }))
}

fn warn_of(besides: &Besides, ask: &AskId, console: &Console) {
    if let Some(warning) = besides.warning(ask) {
        console.warn(warning);
    }
}

/// The other asks at the visit by the same doctor or name, and through how many hospitals they all are.
fn besides_json(besides: &Besides) -> Value {
    let asks = besides.asks.iter().map(ToString::to_string);
    json!({ "asks": asks.collect::<Vec<_>>(), "hospitals": besides.hospitals })
}

/// Warns of asks of the same doctor through several hospitals, and refuses the second of two that are open.
fn look_beside(client: &Client<HttpDesk>, asked: &Asked, console: &Console) -> Attempt<Besides> {
    let ask = asked.trail.ask();
    let seen = seen_at(client, &asked.trail.encounter(), now_ms())?;
    let besides = Besides::of(&ask, &seen);
    warn_of(&besides, &ask, console);
    match besides.stands {
        None => Ok(besides),
        Some(other) => {
            let what = "the same doctor has an open ask at this visit through another hospital";
            let help =
                format!("permit ask {other} instead, or end it first: eligo care revoke {other}");
            Err(Failure::new(Kind::Closed, what).of(ask).help(help))
        }
    }
}

/// Who answers: a patient with the visit asked at, or a relative with a mandate
#[derive(Args, Clone, Debug)]
pub struct Hands {
    #[command(flatten)]
    wallet: WalletArgs,
    /// The hospital asked at, as the wallet knows it
    #[arg(long, value_name = "ID", required_unless_present = "mandate")]
    hospital: Option<HospitalId>,
    /// Number of the visit there, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    visit: u32,
    /// As a relative: the mandate (eligo care delegate); --wallet is then the relative's own
    #[arg(long, value_name = "FILE", conflicts_with = "hospital")]
    mandate: Option<Source>,
}

/// Hands that were read.
enum Held {
    Patient(Wallet, eligo_sharing::wallet::Encounter),
    Relative(SigningKey, Mandate),
}

impl Hands {
    fn open(&self, chain: &ChainId, console: &Console) -> Attempt<Held> {
        let wallet = self.wallet.open(console)?;
        match (&self.hospital, &self.mandate) {
            (_, Some(mandate)) => {
                let key = relative_key(&wallet, chain);
                let mandate = read_mandate(mandate, &wallet)?;
                Ok(Held::Relative(key, mandate))
            }
            (Some(hospital), None) => {
                let encounter = wallet.encounter(hospital, Visit::new(self.visit));
                Ok(Held::Patient(wallet, encounter))
            }
            (None, None) => {
                Err(Failure::usage("who answers?").help("give --hospital or --mandate"))
            }
        }
    }
}

impl Held {
    const fn answering(&self) -> Answering<'_> {
        match self {
            Self::Patient(_, encounter) => Answering {
                signer: &encounter.signer,
                hand: Hand::Patient,
            },
            Self::Relative(key, mandate) => Answering {
                signer: key,
                hand: Hand::Delegate(mandate.delegation),
            },
        }
    }

    /// Who hands the transaction in.
    fn account(&self, chain: &ChainId, ask: &AskId) -> SigningKey {
        match self {
            Self::Patient(wallet, _) => permitting::account_for(wallet, chain, ask),
            Self::Relative(key, _) => key.clone(),
        }
    }

    /// The ask, read with the letter key of the visit it was addressed to.
    fn read(&self, client: &Client<HttpDesk>, ask: &AskId) -> Attempt<Asked> {
        match self {
            Self::Patient(_, encounter) => read_ask(client, ask, &letter_key(encounter)),
            Self::Relative(_, mandate) => {
                let trail = crate::care::opening::trail_of(client, ask)?;
                let inbox = mandate.at(&trail.encounter()).ok_or_else(|| outside(ask))?;
                read_ask(client, ask, &inbox.letters()?)
            }
        }
    }
}

/// Permit
#[derive(Args, Debug)]
pub struct Permit {
    /// The ask
    ask: AskId,
    #[command(flatten)]
    hands: Hands,
    /// The device's index: the records that the request is about are granted
    #[arg(long, value_name = "FILE", conflicts_with = "mandate")]
    crumbs: Option<Source>,
    /// Grant this record, and no other: its name, or `sealed` as its credential has it; may be repeated
    #[arg(long, value_name = "NAME", value_parser = names::record)]
    record: Vec<RecordName>,
    /// The card of a search node that may search for what is asked; may be repeated
    #[arg(long, value_name = "CARD")]
    searcher: Vec<Source>,
    /// Until when, not after what was asked: YYYY-MM-DD, or YYYY-MM-DDThh:mm:ssZ
    #[arg(long, value_name = "TIME", value_parser = moment::parse_end)]
    until: u64,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn permit(args: &Permit, console: &Console) -> Attempt<u8> {
    let client = args.node.connect(console)?;
    let chain = ChainId::from(client.chain());
    let held = args.hands.open(&chain, console)?;
    let asked = held.read(&client, &args.ask)?;
    if !asked.is_as_it_says() {
        let what = "the letter names somebody else than the ledger certifies";
        return Err(Failure::new(Kind::UntrustedIssuer, what)
            .of(args.ask)
            .help("do not permit; ask at the hospital"));
    }
    let besides = look_beside(&client, &asked, console)?;
    let mut until = args.until.min(asked.trail.terms().until_ms / 1000);
    if let Held::Relative(_, mandate) = &held {
        until = until.min(mandate.until);
    }
    if until < args.until {
        console.warn(format!(
            "permitted until {} only: no longer was asked for, or delegated",
            moment::show(until)
        ));
    }
    let act = match &held {
        Held::Patient(wallet, _) => by_patient(args, &client, wallet, (&held, &asked), until)?,
        Held::Relative(_, mandate) => by_relative(args, &client, mandate, (&held, &asked), until)?,
    };
    let Act::Permit(signed) = &act else {
        return Err(Failure::unexpected("no permit"));
    };
    let records: Vec<String> = signed
        .permit
        .grants
        .as_slice()
        .iter()
        .map(|g| g.record.to_string())
        .collect();
    let searches = signed.permit.tokens.as_slice().len();
    let account = held.account(&chain, &args.ask);
    let sent = Account::new(&client, &account).send(Body::Care(act))?;
    let height = sent.height.get();
    sent.accepted()?;
    console.say(format!(
        "ask {}: {} granted and {} may search, until {}, in block {height}",
        args.ask,
        count(records.len(), "record"),
        count(searches, "node"),
        moment::show(until)
    ));
    console.object(json!({
        "ask": args.ask.to_string(),
        "records": records,
        "searches": searches,
        "until": moment::show(until),
        "height": height,
        "besides": besides_json(&besides),
    }));
    Ok(0)
}

fn by_patient(
    args: &Permit,
    client: &Client<HttpDesk>,
    wallet: &Wallet,
    (held, asked): (&Held, &Asked),
    until: u64,
) -> Attempt<Act> {
    let crumbs = match &args.crumbs {
        Some(source) => Crumbs::read(source, wallet)?,
        None => return Err(Failure::usage("which records?").help("give --crumbs FILE")),
    };
    let about: Vec<&Crumb> = match args.record.as_slice() {
        [] => permitting::matching(&asked.request, crumbs.all())?,
        named => {
            let all = crumbs.all().iter();
            all.filter(|c| named.contains(&c.receipt.record)).collect()
        }
    };
    if about.is_empty() {
        return Err(Failure::new(
            Kind::File,
            "none of the records on this device is asked for",
        )
        .help("name one with --record, or let the hospital index it: eligo care keep"));
    }
    let encounters: Vec<_> = about
        .iter()
        .map(|c| wallet.encounter(&c.hospital, Visit::new(c.visit)))
        .collect();
    let own: Vec<Own<'_>> = about
        .iter()
        .zip(&encounters)
        .map(|(crumb, encounter)| Own {
            record: crumb.receipt.record,
            key: &encounter.key,
            signer: &encounter.signer,
        })
        .collect();
    let cards = args.searcher.iter().map(SearcherCard::read);
    let cards = cards.collect::<Attempt<Vec<_>>>()?;
    let searches = cards
        .iter()
        .map(|card| permitting::search(client, wallet, &asked.request, &about, card));
    let searches = searches.collect::<Attempt<Vec<_>>>()?;
    permitting::permit(client, asked, held.answering(), (&own, &searches), until)
}

fn by_relative(
    args: &Permit,
    client: &Client<HttpDesk>,
    mandate: &Mandate,
    (held, asked): (&Held, &Asked),
    until: u64,
) -> Attempt<Act> {
    if !args.searcher.is_empty() {
        return Err(Failure::usage("a relative has no keys to search with")
            .help("leave --searcher out; the records of the mandate are granted"));
    }
    let entrusted = mandate.entrusted.iter();
    let all: Vec<RecordName> = entrusted.flat_map(|e| e.records.iter().copied()).collect();
    let named = match args.record.as_slice() {
        [] => all,
        named => named.to_vec(),
    };
    let keys = named.iter().map(|record| {
        let entrusted = mandate.of(record).ok_or_else(|| outside(record))?;
        Ok((*record, entrusted.key()?))
    });
    let keys = keys.collect::<Attempt<Vec<(RecordName, RecordKey)>>>()?;
    let answering = held.answering();
    let own: Vec<Own<'_>> = keys
        .iter()
        .map(|(record, key)| Own {
            record: *record,
            key,
            signer: answering.signer,
        })
        .collect();
    permitting::permit(client, asked, answering, (&own, &[]), until)
}

/// Take back what was permitted
#[derive(Args, Debug)]
pub struct Revoke {
    /// The ask
    ask: AskId,
    #[command(flatten)]
    hands: Hands,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn revoke(args: &Revoke, console: &Console) -> Attempt<u8> {
    let client = args.node.connect(console)?;
    let chain = ChainId::from(client.chain());
    let held = args.hands.open(&chain, console)?;
    let act = permitting::revocation(&chain, args.ask, held.answering());
    let account = held.account(&chain, &args.ask);
    let sent = Account::new(&client, &account).send(Body::Care(act))?;
    let height = sent.height.get();
    sent.accepted()?;
    console.say(format!(
        "ask {}: revoked in block {height}; what was opened stays open",
        args.ask
    ));
    console.object(json!({ "ask": args.ask.to_string(), "height": height }));
    Ok(0)
}
