//! The commands, one file a group.

mod agent;
mod care;
mod cluster;
mod combine;
mod completions;
mod convene;
mod demo;
mod explain;
mod export;
mod grant;
pub mod hospital;
mod institution;
pub mod keys;
mod market;
mod name;
mod node;
mod open;
pub mod prove;
mod proxy;
mod reencrypt;
mod requirement;
mod schema;
mod seal;
mod verify;
pub mod wallet;

use clap::{Parser, Subcommand};

use crate::{console::Console, failure::Attempt};

/// Prove that a hospital-signed record meets a research requirement, without showing the record.
#[derive(Parser, Debug)]
#[command(
    name = "eligo",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 done; 1 unexpected; 2 usage; 3 bad file, wrong wallet, altered credential; \
4 not eligible; 5 proof invalid; 6 untrusted issuer; 7 closed, expired or not yet valid; 8 network; \
9 unsafe key; 10 wrong passphrase; 11 refused by the contract.\n\nExample:\n  eligo demo --out tour"
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Print one JSON object on one line instead of text
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// The whole path on shipped, synthetic patients: issue, publish, make keys, prove, verify
    Demo(demo::Demo),
    /// Schemas: which attributes a record can have
    #[command(subcommand, after_help = "Example:\n  eligo schema list")]
    Schema(schema::Command),
    /// For hospitals: keys and credentials
    #[command(
        subcommand,
        after_help = "Example:\n  eligo hospital keygen --name \"Municipal Hospital\" -o hospital.key"
    )]
    Hospital(hospital::Command),
    /// For patients: the wallet
    #[command(subcommand, after_help = "Example:\n  eligo wallet new -o wallet.json")]
    Wallet(wallet::Command),
    /// For institutions: the key that signs requirements
    #[command(
        subcommand,
        after_help = "Example:\n  eligo institution keygen -o institution.key"
    )]
    Institution(institution::Command),
    /// Requirements: check, size, sign, import, export
    #[command(
        subcommand,
        after_help = "Example:\n  eligo requirement check stroke.toml"
    )]
    Requirement(requirement::Command),
    /// Say which criteria a record meets, and which value decided; nothing leaves this device
    Explain(explain::Explain),
    /// Keys: make, inspect, check
    #[command(
        subcommand,
        after_help = "Example:\n  eligo keys generate --requirement stroke.toml -o keys"
    )]
    Keys(keys::Command),
    /// Prove that a record meets a requirement, without showing the record
    Prove(prove::Prove),
    /// Check a proof against a requirement
    Verify(verify::Verify),
    /// Encrypt a file of any size to a patient's visit
    Seal(seal::Seal),
    /// Grant a sealed record to an institution, through proxies of which some must help
    Grant(grant::Grant),
    /// Take a grant back: proxies that obey answer it no more
    Revoke(grant::Revoke),
    /// Answer a grant with a proxy's share; it reveals nothing to the proxy
    Reencrypt(reencrypt::Reencrypt),
    /// Check the proxies' shares and make the record's key of them; proxies that lied are named
    Combine(combine::Combine),
    /// Open a sealed file: the patient with the wallet, an institution with what `combine` found
    Open(open::Open),
    /// The marketplace: offers, claims, payments, and every record's history
    #[command(subcommand, after_help = "Example:\n  eligo market offers")]
    Market(market::Command),
    /// Care between hospitals: teams, index, requests, permits, reads, emergencies, history
    #[command(
        subcommand,
        after_help = "Example:\n  eligo care history --wallet wallet.json --hospital charite.example"
    )]
    Care(Box<care::Command>),
    /// Seal records to names instead of a patient's key, between institutions that choose so
    #[command(
        subcommand,
        after_help = "Example:\n  eligo name seal --to-organisation 5f.. --record 8c.. scan.dcm -o scan.sealed"
    )]
    Name(Box<name::Command>),
    /// What institutions do together: make keys, fill offices, renew keys; and who is in office
    #[command(subcommand, after_help = "Example:\n  eligo convene show")]
    Convene(convene::Command),
    /// Run a node: four replicas in one process, with no set-up
    Node(node::Node),
    /// A ledger of one replica a process, for several machines
    #[command(
        subcommand,
        after_help = "Example:\n  eligo cluster init --replicas 4 -o cluster"
    )]
    Cluster(cluster::Command),
    /// Run a proxy: re-encrypt what it was drawn for
    Proxy(proxy::Proxy),
    /// Run a party's agent
    #[command(
        subcommand,
        after_help = "Example:\n  eligo agent hospital --key hospital.key --inbox outgoing"
    )]
    Agent(agent::Command),
    /// Circuits for other tools
    #[command(
        subcommand,
        after_help = "Example:\n  eligo export constraints --requirement stroke.toml -o constraints.json"
    )]
    Export(export::Command),
    /// Print a shell's completions
    Completions(completions::Completions),
    /// Print the manual page, or write one for each command into a folder
    Man(completions::Man),
}

/// Runs a command; its exit code.
pub fn run(command: Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Demo(c) => demo::run(&c, console),
        Command::Schema(c) => schema::run(c, console),
        Command::Hospital(c) => hospital::run(c, console),
        Command::Wallet(c) => wallet::run(c, console),
        Command::Institution(c) => institution::run(c, console),
        Command::Requirement(c) => requirement::run(c, console),
        Command::Explain(c) => explain::run(&c, console),
        Command::Keys(c) => keys::run(c, console),
        Command::Prove(c) => prove::run(&c, console),
        Command::Verify(c) => verify::run(&c, console),
        Command::Seal(c) => seal::run(&c, console),
        Command::Grant(c) => grant::run(&c, console),
        Command::Revoke(c) => grant::revoke(&c, console),
        Command::Reencrypt(c) => reencrypt::run(&c, console),
        Command::Combine(c) => combine::run(&c, console),
        Command::Open(c) => open::run(&c, console),
        Command::Market(c) => market::run(&c, console),
        Command::Care(c) => care::run(&c, console),
        Command::Name(c) => name::run(&c, console),
        Command::Convene(c) => convene::run(&c, console),
        Command::Node(c) => node::run(&c, console),
        Command::Cluster(c) => cluster::run(c, console),
        Command::Proxy(c) => proxy::run(&c, console),
        Command::Agent(c) => agent::run(&c, console),
        Command::Export(c) => export::run(c, console),
        Command::Completions(c) => completions::print(&c),
        Command::Man(c) => completions::manual(&c, console),
    }
}
