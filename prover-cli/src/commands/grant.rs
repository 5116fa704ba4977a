//! `eligo grant` and `eligo revoke`: the patient's word on who may open a record.

use clap::Args;
use eligo_sharing::{
    document::Document,
    tcpre::{
        GrantError, GrantTerms, ProxyRoster, RequirementId, Revocation, RosterError, SignedGrant,
        Window, grant,
    },
};
use rand_core::OsRng;
use serde_json::json;

use crate::{
    console::Console,
    document,
    encounter::VisitArgs,
    failure::{Attempt, Failure, Kind},
    file::{Access, Source, Target},
    moment,
};

/// Grant a sealed record to an institution, through proxies of which some must help
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo grant --wallet wallet.json --hospital charite.example --capsule scan.sealed.capsule \\\n    \
    --to institute.card --proxy p1.card --proxy p2.card --proxy p3.card --proxy p4.card --proxy p5.card \\\n    \
    --until 2027-01-31 -o grant.json\n\n\
    The grant holds no secret. Anyone can check that every proxy was given a right share; fewer than the threshold \
    of them open nothing, and all of them together open nothing without the institution."
)]
pub struct Grant {
    #[command(flatten)]
    visit: VisitArgs,
    /// The record's capsule
    #[arg(long, value_name = "FILE")]
    capsule: Source,
    /// The institution's receiving card (eligo keys receiving)
    #[arg(long, value_name = "CARD")]
    to: Source,
    /// A proxy's card (eligo keys proxy); repeated, in the order in which they are numbered
    #[arg(long, value_name = "CARD", required = true)]
    proxy: Vec<Source>,
    /// How many proxies must help; more than half if not given
    #[arg(long, value_name = "N")]
    threshold: Option<u64>,
    /// From when on it holds, YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ; now if not given
    #[arg(long, value_name = "TIME", value_parser = moment::parse_start)]
    from: Option<u64>,
    /// Until when it holds, the day or second included; for ever if not given
    #[arg(long, value_name = "TIME", value_parser = moment::parse_end)]
    until: Option<u64>,
    /// The requirement it answers, 64 hexadecimal digits; none if not given
    #[arg(long, value_name = "HEX", default_value_t = RequirementId::NONE, hide_default_value = true)]
    requirement: RequirementId,
    /// The grant to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

/// Grants.
pub fn run(args: &Grant, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let capsule = document::read_capsule(&args.capsule)?;
    let receiver = document::read_receiving_card(&args.to)?;
    let proxies = roster(&args.proxy, args.threshold)?;
    let from = args.from.map_or_else(moment::now, Ok)?;
    let until = args.until.unwrap_or(u64::MAX);
    let window = Window::new(from, until)
        .map_err(|e| Failure::usage(e).help("give --until a later moment than --from"))?;
    let encounter = args.visit.open(console)?;
    let terms = GrantTerms {
        key: *capsule.key(),
        label: *capsule.label(),
        receiver: receiver.key(),
        proxies,
        window,
        requirement: args.requirement,
    };
    let (threshold, size) = (terms.proxies.threshold(), terms.proxies.size());
    let granted =
        grant(&encounter.key, terms, &encounter.signer, &mut OsRng).map_err(|e| match e {
            GrantError::Terms { .. } => args.visit.other_visit(&args.capsule),
            e => Failure::unexpected(e),
        })?;
    let id = granted.grant().id().to_string();
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    let text = granted.to_json();
    args.output
        .write(text.as_bytes(), Access::Public, args.force)?;
    console.say(format!(
        "{}: grant {id}\n{threshold} of {size} proxies; until {}",
        args.output,
        moment::show(until)
    ));
    console.object(json!({
        "grant": args.output.to_string(),
        "id": id,
        "threshold": threshold,
        "proxies": size,
        "not_before": from,
        "not_after": args.until,
    }));
    Ok(0)
}

/// The proxies whose cards are given, in order.
fn roster(cards: &[Source], threshold: Option<u64>) -> Attempt<ProxyRoster> {
    let read = |card: &Source| document::read_proxy_card(card).map(|c| c.key());
    let keys = cards.iter().map(read).collect::<Attempt<Vec<_>>>()?;
    let roster = match threshold {
        Some(t) => ProxyRoster::new(t, keys),
        None => ProxyRoster::majority(keys),
    };
    roster.map_err(|e| {
        let help = match e {
            RosterError::Twice { .. } => "name each proxy once",
            RosterError::Size(_) | RosterError::Threshold { .. } => {
                "give --threshold a number from 1 to that of the proxies"
            }
        };
        Failure::usage(e).help(help)
    })
}

/// Take a grant back: proxies that obey answer it no more
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo revoke --wallet wallet.json --hospital charite.example --grant grant.json -o revocation.json\n\n\
    It holds while fewer proxies than the threshold disobey it. What was opened cannot be taken back."
)]
pub struct Revoke {
    #[command(flatten)]
    visit: VisitArgs,
    /// The grant
    #[arg(long, value_name = "FILE")]
    grant: Source,
    /// The revocation to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

/// Revokes.
pub fn revoke(args: &Revoke, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let granted: SignedGrant = document::read(&args.grant, "grant")?;
    let encounter = args.visit.open(console)?;
    if granted.signer() != &encounter.signer.verifying_key() {
        return Err(args.visit.other_visit(&args.grant));
    }
    let id = granted.grant().id();
    let revocation = Revocation::new(id, &encounter.signer);
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    let text = revocation.to_json();
    args.output
        .write(text.as_bytes(), Access::Public, args.force)?;
    console.say(format!("{}: revocation of grant {id}", args.output));
    console.object(json!({ "revocation": args.output.to_string(), "id": id.to_string() }));
    Ok(0)
}

/// The grant in a file, verified: on this capsule's record, by the encounter key of the card. Its recipient,
/// proxies, window and requirement are as it says itself.
pub fn read_verified(
    source: &Source,
    capsule: &eligo_sharing::tcpre::CheckedCapsule,
    card: &eligo_sharing::wallet::EncounterCard,
) -> Attempt<eligo_sharing::tcpre::VerifiedGrant> {
    let signed: SignedGrant = document::read(source, "grant")?;
    let terms = GrantTerms {
        key: *capsule.key(),
        label: *capsule.label(),
        ..signed.grant().terms().clone()
    };
    signed.verify(&terms, &card.signer).map_err(|e| {
        let help = match e {
            GrantError::Terms { .. } => "give the capsule of the record that was granted",
            GrantError::Signature => "give the card of the visit whose record was granted",
            _ => "ask the patient to grant again",
        };
        Failure::new(Kind::File, e).of(source).help(help)
    })
}
