//! `eligo reencrypt`: a proxy's answer to a grant.

use clap::Args;
use eligo_sharing::{
    document::Document,
    tcpre::{GrantError, ReencryptError, Revocation},
};
use rand_core::OsRng;
use serde_json::json;

use super::grant::read_verified;
use crate::{
    console::Console,
    document, encounter,
    failure::{Attempt, Failure, Kind},
    file::{Access, Source, Target},
    moment,
};

/// Answer a grant with a proxy's share; it reveals nothing to the proxy
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo reencrypt --key p1.key --grant grant.json --capsule scan.sealed.capsule --encounter encounter.json -o p1.share\n\n\
    Refused (exit code 7) before and after the grant's time, and when a revocation is given."
)]
pub struct Reencrypt {
    /// The proxy's key
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The grant
    #[arg(long, value_name = "FILE")]
    grant: Source,
    /// The record's capsule
    #[arg(long, value_name = "FILE")]
    capsule: Source,
    /// The card of the patient's visit, whose key must have signed the grant
    #[arg(long, value_name = "CARD")]
    encounter: Source,
    /// A revocation that is known; may be repeated
    #[arg(long, value_name = "FILE")]
    revocation: Vec<Source>,
    /// The moment to answer at, YYYY-MM-DDThh:mm:ssZ; now if not given
    #[arg(long, value_name = "TIME", value_parser = moment::parse_start)]
    at: Option<u64>,
    /// The share to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Reencrypt, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let key = document::read_proxy_key(&args.key, console)?;
    let capsule = document::read_capsule(&args.capsule)?;
    let card = encounter::read_card(&args.encounter)?;
    let granted = read_verified(&args.grant, &capsule, &card)?;
    let share_key = granted.share_key(&key).map_err(|e| match e {
        GrantError::NoShare => Failure::file(&args.grant, e)
            .help("the patient chose other proxies; there is nothing to do"),
        e => Failure::file(&args.grant, e),
    })?;
    for source in &args.revocation {
        let revocation: Revocation = document::read(source, "revoke")?;
        if revocation.verify(&granted.id(), granted.signer()).is_ok() {
            return Err(Failure::new(Kind::Closed, "the patient revoked the grant").of(&args.grant));
        }
        console.warn(format!(
            "{source}: revokes another grant, or is not the patient's"
        ));
    }
    let now = args.at.map_or_else(moment::now, Ok)?;
    let share = share_key
        .reencrypt(&capsule, now, &mut OsRng)
        .map_err(|e| closed(&e).of(&args.grant))?;
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    let text = share.to_json();
    args.output
        .write(text.as_bytes(), Access::Public, args.force)?;
    let (proxy, id) = (share.proxy().number(), granted.id().to_string());
    console.say(format!(
        "{}: share of proxy {proxy} of grant {id}",
        args.output
    ));
    console.object(json!({ "share": args.output.to_string(), "proxy": proxy, "id": id }));
    Ok(0)
}

fn closed(error: &ReencryptError) -> Failure {
    match error {
        ReencryptError::NotYet { not_before } => Failure::new(
            Kind::Closed,
            format!("the grant holds only from {} on", moment::show(*not_before)),
        ),
        ReencryptError::Expired { not_after } => Failure::new(
            Kind::Closed,
            format!("the grant held until {}", moment::show(*not_after)),
        ),
        ReencryptError::OtherRecord => Failure::new(Kind::File, error),
    }
}
