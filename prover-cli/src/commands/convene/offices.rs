//! Who is where, who runs what, who votes for whom, and offices that are filled.

use clap::{Args, Subcommand};
use eligo_ledger::height::ReplicaId;
use eligo_marketplace::{
    agent::Account,
    convene::{
        act::{Act, Office},
        event::Convened,
    },
    encoding::Text,
    event::Event,
    name::AccountId,
    transaction::Body,
};
use serde_json::json;

use super::Registrar;
use crate::{
    commands::hospital::read_key,
    console::Console,
    failure::{Attempt, Failure},
    file::Source,
    ledger_key::ledger_key,
    market::connection::NodeArgs,
};

/// Say where a hospital is
#[derive(Args, Debug)]
pub struct Place {
    /// The hospital's account
    #[arg(long, value_name = "ACCOUNT")]
    hospital: AccountId,
    /// The region, at most 32 bytes; empty for none
    #[arg(long, value_name = "NAME")]
    region: String,
    #[command(flatten)]
    registrar: Registrar,
}

pub fn place(args: &Place, console: &Console) -> Attempt<u8> {
    let (hospital, region) = (args.hospital, args.region.as_str());
    let place = Act::Place {
        hospital,
        region: Text::new(region).map_err(Failure::usage)?,
    };
    let (height, _) = args.registrar.send(place, console)?;
    console.say(match region {
        "" => format!("{hospital}: in no region, in block {height}"),
        region => format!("{hospital}: in {region}, in block {height}"),
    });
    let hospital = hospital.to_string();
    console.object(json!({ "hospital": hospital, "region": region, "height": height }));
    Ok(0)
}

/// Say which hospital runs a replica
#[derive(Args, Debug)]
pub struct Host {
    /// The hospital's account
    #[arg(long, value_name = "ACCOUNT")]
    hospital: AccountId,
    /// The replica
    #[arg(long, value_name = "N")]
    replica: u16,
    #[command(flatten)]
    registrar: Registrar,
}

pub fn host(args: &Host, console: &Console) -> Attempt<u8> {
    let (hospital, replica) = (args.hospital, args.replica);
    let act = Act::Host {
        hospital,
        replica: ReplicaId::new(replica),
    };
    let (height, _) = args.registrar.send(act, console)?;
    console.say(format!(
        "{hospital}: runs replica {replica}, in block {height}; its part in proposing follows the certificate"
    ));
    let hospital = hospital.to_string();
    console.object(json!({ "hospital": hospital, "replica": replica, "height": height }));
    Ok(0)
}

/// Vote for an endorser
#[derive(Args, Debug)]
pub struct Vote {
    /// The secret key of the hospital that votes
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The account of the hospital it votes for
    #[arg(long, value_name = "ACCOUNT")]
    candidate: AccountId,
    #[command(flatten)]
    node: NodeArgs,
}

pub fn vote(args: &Vote, console: &Console) -> Attempt<u8> {
    let key = ledger_key(&read_key(&args.key, console)?)?;
    let client = args.node.connect(console)?;
    let candidate = args.candidate;
    let vote = Body::Convene(Act::Vote { candidate });
    let sent = Account::new(&client, &key).send(vote)?;
    let height = sent.height.get();
    sent.accepted()?;
    console.say(format!(
        "vote for {candidate}: in block {height}; it counts in every election called from now on"
    ));
    let hospital = AccountId::of(&key.verifying_key()).to_string();
    let candidate = candidate.to_string();
    console.object(json!({ "hospital": hospital, "candidate": candidate, "height": height }));
    Ok(0)
}

/// Fill an office
#[derive(Subcommand, Debug)]
pub enum Elect {
    /// Of each region the hospitals drawn first, by its hospitals' votes: they propose in turn
    #[command(after_help = "Example:\n  eligo convene elect endorsers --per-region 1 --blocks 10")]
    Endorsers {
        /// How many of each region
        #[arg(long, value_name = "N", default_value_t = 1)]
        per_region: u16,
        /// How many blocks a turn lasts
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        blocks: u32,
        #[command(flatten)]
        registrar: Registrar,
    },
    /// Tertiary and secondary hospitals propose in rotation, community hospitals verify; nothing is drawn
    #[command(after_help = "Example:\n  eligo convene elect primaries")]
    Primaries {
        #[command(flatten)]
        registrar: Registrar,
    },
    /// Every proposer, in an order drawn from the beacon
    #[command(after_help = "Example:\n  eligo convene elect orderers")]
    Orderers {
        #[command(flatten)]
        registrar: Registrar,
    },
    /// A standing committee of proxies, drawn by their stakes
    #[command(after_help = "Example:\n  eligo convene elect proxies --count 3")]
    Proxies {
        /// How many
        #[arg(long, value_name = "N")]
        count: u16,
        #[command(flatten)]
        registrar: Registrar,
    },
}

impl Elect {
    fn office(&self) -> (&'static str, Office, &Registrar) {
        match self {
            Self::Endorsers {
                per_region,
                blocks,
                registrar,
            } => {
                let office = Office::Endorsers {
                    per_region: *per_region,
                    blocks_per_turn: *blocks,
                };
                ("endorsers", office, registrar)
            }
            Self::Primaries { registrar } => ("primaries", Office::Primaries, registrar),
            Self::Orderers { registrar } => ("orderers", Office::Orderers, registrar),
            Self::Proxies { count, registrar } => {
                ("proxies", Office::Proxies { count: *count }, registrar)
            }
        }
    }
}

pub fn elect(args: &Elect, console: &Console) -> Attempt<u8> {
    let (name, office, registrar) = args.office();
    let (height, events) = registrar.send(Act::Elect(office), console)?;
    let called = events.into_iter().find_map(|event| match event {
        Event::Convened(Convened::ElectionCalled { election, round }) => {
            Some((election, Some(round)))
        }
        Event::Convened(Convened::Elected { election, .. }) => Some((election, None)),
        _ => None,
    });
    let (election, round) =
        called.ok_or_else(|| Failure::unexpected("an election without a number"))?;
    console.say(match round {
        Some(round) => format!(
            "election {election} of {name}: called in block {height}; round {round} of the beacon draws"
        ),
        None => format!("election {election} of {name}: in force after block {height}"),
    });
    console.object(json!({
        "election": election,
        "office": name,
        "round": round,
        "height": height,
    }));
    Ok(0)
}
