//! `eligo convene`: keys that authorities make together, offices that are filled, keys that are renewed.

mod keys;
mod offices;
mod showing;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use eligo_marketplace::{agent::Account, convene::act::Act, event::Event, transaction::Body};

use crate::{
    commands::care::emergency, console::Console, failure::Attempt, market::connection::NodeArgs,
};

/// What institutions do together
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Who is in office, who proposes, which keys are in force, and which ceremonies run
    #[command(
        after_help = "Example:\n  eligo convene show\n  eligo convene show --json --node http://127.0.0.1:7118"
    )]
    Show(showing::Show),
    /// Begin a ceremony in which authorities make a key, by the development chain's registrar
    #[command(
        after_help = "Example:\n  eligo convene begin --for beacon --authority a.card --authority b.card --authority c.card --threshold 2\n\n\
        Cards are made by `eligo care emergency authority`. A key for the beacon verifies its rounds from the next one on;\n\
        the authorities' machines sign them."
    )]
    Begin(keys::Begin),
    /// Run an authority's machine: ceremonies, shares of names' keys, the beacon's rounds
    #[command(
        after_help = "Example:\n  eligo convene attend --key chamber.key --journal chamber-journal"
    )]
    Attend(emergency::Attend),
    /// Say in which region a hospital is, by the registrar
    #[command(
        after_help = "Example:\n  eligo convene place --hospital 5f.. --region north\n\n\
        A hospital's level is in its certificate: eligo node admit --hospital hospital.ledger --level secondary"
    )]
    Place(offices::Place),
    /// Say which hospital runs a replica, whose part in proposing then follows the hospital's certificate
    #[command(after_help = "Example:\n  eligo convene host --hospital 5f.. --replica 2")]
    Host(offices::Host),
    /// Vote for a hospital of one's own region as endorser
    #[command(after_help = "Example:\n  eligo convene vote --key hospital.key --candidate 5f..")]
    Vote(offices::Vote),
    /// Fill an office, by the registrar
    #[command(
        subcommand,
        after_help = "Example:\n  eligo convene elect endorsers --per-region 1 --blocks 10\n  eligo convene elect proxies --count 3"
    )]
    Elect(offices::Elect),
    /// Take another key as a proxy that serves nothing now; what was granted to the old one is still served
    #[command(
        after_help = "Example:\n  eligo convene renew --key proxy.key -o proxy.renewed.key\n  \
        eligo proxy --key proxy.renewed.key --journal proxy-1\n\n\
        The new file holds both keys. Cut short, run it again with the same -o: it goes on with the same new key."
    )]
    Renew(keys::Renew),
}

/// Where the registrar's key is.
#[derive(Args, Debug)]
pub struct Registrar {
    /// Folder of the development chain
    #[arg(long, value_name = "DIR", default_value = "eligo-node")]
    dir: PathBuf,
    #[command(flatten)]
    node: NodeArgs,
}

impl Registrar {
    /// Sends what the registrar alone may; the block, and what happened in it.
    fn send(&self, act: Act, console: &Console) -> Attempt<(u64, Vec<Event>)> {
        let key = emergency::registrar(&self.dir)?;
        let client = self.node.connect(console)?;
        let sent = Account::new(&client, &key).send(Body::Convene(act))?;
        let height = sent.height.get();
        Ok((height, sent.accepted()?))
    }
}

pub fn run(command: &Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Show(args) => showing::show(args, console),
        Command::Begin(args) => keys::begin(args, console),
        Command::Attend(args) => emergency::attend(args, console),
        Command::Place(args) => offices::place(args, console),
        Command::Host(args) => offices::host(args, console),
        Command::Vote(args) => offices::vote(args, console),
        Command::Elect(args) => offices::elect(args, console),
        Command::Renew(args) => keys::renew(args, console),
    }
}
