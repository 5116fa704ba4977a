//! `eligo proxy`: a proxy's daemon.

use std::path::PathBuf;

use clap::Args;
use eligo_marketplace::agent::{ProxyAgent, ProxyIdentity};

use super::agent::{Pace, work};
use crate::{
    console::Console,
    failure::{Attempt, Failure},
    file::Source,
    market::{self, connection::NodeArgs},
};

/// Largest key file read.
const LIMIT: usize = 4096;

/// Run a proxy: watch for accepted claims it was drawn for, and post its shares
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo proxy --key eligo-node/proxies/proxy-1.key --journal proxy-1\n\n\
    It learns nothing of the records. Stop it and start it again at any time: what it did is in the journal."
)]
pub struct Proxy {
    /// The proxy's key file
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// Folder in which it remembers what it did
    #[arg(long, value_name = "DIR")]
    journal: PathBuf,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    node: NodeArgs,
}

/// Reads a proxy's key file.
pub fn read_identity(source: &Source, console: &Console) -> Attempt<ProxyIdentity> {
    let bytes = source.read_secret(LIMIT, console)?;
    ProxyIdentity::from_json(&bytes).map_err(|e| {
        Failure::file(source, e)
            .help("give a proxy's key file, such as proxies/proxy-1.key of a node's folder")
    })
}

pub fn run(args: &Proxy, console: &Console) -> Attempt<u8> {
    let identity = read_identity(&args.key, console)?;
    let journal = market::journal(&args.journal)?;
    let client = args.node.connect(console)?;
    let mut agent = ProxyAgent::new(&client, &identity, journal);
    work(&mut agent, args.pace, console)
}
