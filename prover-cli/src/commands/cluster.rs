//! `eligo cluster`: a ledger whose replicas are processes of their own, on one machine or several.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use eligo_ledger::{
    application::{Limits, Timeouts},
    cluster::{self, Charter, ClusterError, ReplicaConfig, control::Control},
    height::{ReplicaId, Time},
    proposer::ProposerPolicy,
};
use rand_core::OsRng;
use serde_json::{Value, json};

use crate::{
    console::Console,
    failure::{Attempt, Failure, Kind, shown},
    moment,
};

#[cfg(feature = "malachite")]
mod replica;

/// A ledger of one replica a process
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Write a ready cluster: genesis document, keys, one configuration per replica
    Init(Init),
    /// Show the heights and peers of a cluster's replicas
    Status(Status),
    /// Run one replica until it is interrupted
    #[cfg(feature = "malachite")]
    #[command(alias = "start")]
    Run(replica::Run),
    /// Run one replica, which this build cannot
    #[cfg(not(feature = "malachite"))]
    #[command(alias = "start", hide = true, disable_help_flag = true)]
    Run(Absent),
}

/// Write a ready cluster: genesis document, keys, one configuration per replica
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo cluster init --replicas 4 -o cluster\n\n\
    Each replica's folder can be carried to its machine as it is, with the genesis document beside it; enter the\n\
    machines' addresses in the configurations then. Keys are mode 0600."
)]
pub struct Init {
    /// How many replicas; 3f+1 bear f that fail or lie
    #[arg(long, value_name = "N", default_value_t = 4)]
    replicas: u16,
    /// Folder to write
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// A name for people
    #[arg(long, value_name = "NAME", default_value = "eligo-cluster")]
    name: String,
    /// Who proposes
    #[arg(long, value_name = "POLICY", default_value = "rotation")]
    policy: Policy,
    /// Address on which the replicas listen for each other
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Replica i listens on this port + i, and is asked on 127.0.0.1, this port + 100 + i
    #[arg(long, value_name = "PORT", default_value_t = 7200)]
    base_port: u16,
    /// Take pace, limits and the application's state from this genesis document
    #[arg(long, value_name = "GENESIS")]
    like: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Policy {
    Sticky,
    Rotation,
    Stake,
}

impl Policy {
    fn policy(self) -> ProposerPolicy {
        match self {
            Self::Sticky => ProposerPolicy::Sticky,
            Self::Rotation => ProposerPolicy::Rotation,
            Self::Stake => ProposerPolicy::Stake,
        }
    }
}

/// Show the heights and peers of a cluster's replicas
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  eligo cluster status --dir cluster")]
pub struct Status {
    /// Folder of the cluster: every replica in it is asked
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    dir: Option<PathBuf>,
    /// One replica's configuration
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    config: Option<PathBuf>,
}

pub fn run(command: Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Init(args) => init(&args, console),
        Command::Status(args) => status(&args, console),
        #[cfg(feature = "malachite")]
        Command::Run(args) => replica::run(&args, console),
        #[cfg(not(feature = "malachite"))]
        Command::Run(_) => Err(without_engine()),
    }
}

/// What a build without the engine for several machines takes, to say so.
#[cfg(not(feature = "malachite"))]
#[derive(Args, Debug)]
pub struct Absent {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<std::ffi::OsString>,
}

/// Why this build runs no replica of a cluster.
#[cfg(not(feature = "malachite"))]
pub fn without_engine() -> Failure {
    Failure::usage("this eligo was built without the engine for several machines")
        .help("cargo build --release -p eligo-prover-cli --features malachite")
}

fn failed(error: ClusterError) -> Failure {
    let failure = match &error {
        ClusterError::Roster(_) | ClusterError::Ports(_) | ClusterError::Exists(_) => {
            Failure::usage(&error)
        }
        _ => Failure::new(Kind::File, &error),
    };
    match error {
        ClusterError::Exposed { .. } => {
            failure.help("chmod 600 it, and think about who may have read it")
        }
        ClusterError::Roster(_) => failure.help("at least 4 replicas"),
        ClusterError::Exists(_) => failure.help("name another folder: nothing is overwritten"),
        ClusterError::Empty(_) => failure.help("name the folder that `eligo cluster init` made"),
        _ => failure,
    }
}

fn init(args: &Init, console: &Console) -> Attempt<u8> {
    let like = args.like.as_deref().map(cluster::read_genesis);
    let like = like.transpose().map_err(failed)?;
    let charter = Charter {
        name: args.name.clone(),
        time: Time::new(moment::now()? * 1000),
        replicas: args.replicas,
        policy: args.policy.policy(),
        timeouts: like.as_ref().map_or(Timeouts::default(), |g| g.timeouts),
        limits: like.as_ref().map_or(Limits::default(), |g| g.limits),
        app_state: like.map_or(Vec::new(), |g| g.app_state),
        host: args.host,
        base_port: args.base_port,
    };
    let genesis = cluster::found(&args.out, &charter, &mut OsRng).map_err(failed)?;
    let configs = cluster::configurations(&args.out).map_err(failed)?;
    console.say(format!(
        "{} replicas in {}\nchain {}\nstart each: eligo cluster run --config {}",
        configs.len(),
        shown(&args.out),
        genesis.digest(),
        shown(&args.out.join("replica-0").join(cluster::CONFIG)),
    ));
    console.object(json!({
        "chain": genesis.digest().to_string(),
        "replicas": configs.iter().map(|c| json!({
            "id": c.id,
            "listen": c.listen.to_string(),
            "control": c.control.to_string(),
        })).collect::<Vec<Value>>(),
    }));
    Ok(0)
}

/// Whose lies are proven on the ledger.
fn liars(ids: &[ReplicaId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    match ids.is_empty() {
        true => String::new(),
        false => format!(", LIARS {}", ids.join(" ")),
    }
}

fn status(args: &Status, console: &Console) -> Attempt<u8> {
    let configs = match (&args.dir, &args.config) {
        (Some(dir), _) => cluster::configurations(dir).map_err(failed)?,
        (None, Some(file)) => vec![ReplicaConfig::read(file).map_err(failed)?],
        (None, None) => return Err(Failure::usage("which cluster?").help("--dir or --config")),
    };
    let mut answers = Vec::new();
    for config in &configs {
        let report = Control::connect(config.control, Duration::from_secs(2));
        match report.and_then(|mut control| control.report()) {
            Ok(r) => {
                console.say(format!(
                    "replica {}: height {}, blocks from {}, round {}, peers {}/{}, waiting {}, state {}{}{}",
                    r.id,
                    r.height,
                    r.lowest,
                    r.round,
                    r.peers,
                    config.peers.len(),
                    r.waiting,
                    r.app_hash,
                    if r.halted { ", HALTED" } else { "" },
                    liars(&r.liars),
                ));
                answers.push(json!({
                    "id": config.id, "running": true, "height": r.height.get(), "round": r.round.get(),
                    "peers": r.peers, "waiting": r.waiting, "app_hash": r.app_hash.to_string(),
                    "block": r.tip.to_string(), "chain": r.chain.to_string(), "halted": r.halted,
                    "lowest": r.lowest.get(), "liars": r.liars.iter().map(|id| id.get()).collect::<Vec<_>>(),
                }));
            }
            Err(e) => {
                console.say(format!(
                    "replica {}: no answer at {}: {e}",
                    config.id, config.control
                ));
                answers.push(json!({ "id": config.id, "running": false }));
            }
        }
    }
    let running = answers.iter().filter(|a| a["running"] == true).count();
    console.object(json!({ "replicas": answers, "running": running }));
    if running == 0 {
        return Err(Failure::new(Kind::Network, "no replica answers")
            .help("start them: eligo cluster run --config FILE"));
    }
    Ok(0)
}
