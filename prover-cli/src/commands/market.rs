//! `eligo market`: offers, claims, payments, and every record's history.

mod buying;
mod looking;
mod selling;

use clap::Subcommand;

use crate::{console::Console, failure::Attempt};

/// The marketplace: offers, claims, payments, and every record's history
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Open offers; with --for, which of them a record meets, decided on this device
    #[command(
        after_help = "Example:\n  eligo market offers\n  eligo market offers --for credential.json --wallet wallet.json"
    )]
    Offers(looking::Offers),
    /// Publish a requirement with its reward, and lock the money
    #[command(after_help = buying::PUBLISH_EXAMPLE)]
    Publish(buying::Publish),
    /// Sign a record's entry for the ledger; the hospital countersigns and registers it
    #[command(
        after_help = "Example:\n  eligo market entry --wallet wallet.json --hospital charite.example --capsule record.sealed.capsule \\\n    \
        --hospital-card hospital.ledger -o record.entry"
    )]
    Entry(selling::Entry),
    /// Claim on an offer: prove, grant the record to the institution, and be paid
    #[command(after_help = selling::CLAIM_EXAMPLE)]
    Claim(selling::Claim),
    /// Where a claim, a requirement, a record or an account is
    #[command(after_help = "Example:\n  eligo market status 8c5f..  (64 hexadecimal digits)")]
    Status(looking::Status),
    /// Take a record off the market, or end a requirement; what was accepted goes on
    #[command(
        after_help = "Example:\n  eligo market withdraw --requirement 5d..  --key institute.key\n  \
        eligo market withdraw --record 8c..  --wallet wallet.json --hospital charite.example"
    )]
    Withdraw(selling::Withdraw),
    /// Take back what a claim granted; effective some blocks later
    #[command(
        after_help = "Example:\n  eligo market revoke --claim 8c..  --wallet wallet.json --hospital charite.example"
    )]
    Revoke(selling::Revoke),
    /// Open a delivered record, check that it is the one that was proved, and keep it
    #[command(
        after_help = "Example:\n  eligo market open --key institute.key --receiving institute.receiving.key \\\n    \
        --requirement stroke.offer.toml --claim 8c..  --journal institute-journal -o opened"
    )]
    Open(buying::Open),
    /// Dispute a delivered record, with a deposit
    #[command(
        after_help = "Example:\n  eligo market dispute --key institute.key --receiving institute.receiving.key \\\n    \
        --requirement stroke.offer.toml --claim 8c..  --journal institute-journal -o opened"
    )]
    Dispute(buying::Open),
    /// A record's whole history, every step checked against the ledger
    #[command(after_help = "Example:\n  eligo market audit 8c..  (the record's name)")]
    Audit(looking::AuditArgs),
}

pub fn run(command: &Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Offers(args) => looking::offers(args, console),
        Command::Publish(args) => buying::publish(args, console),
        Command::Entry(args) => selling::entry(args, console),
        Command::Claim(args) => selling::claim(args, console),
        Command::Status(args) => looking::status(args, console),
        Command::Withdraw(args) => selling::withdraw(args, console),
        Command::Revoke(args) => selling::revoke(args, console),
        Command::Open(args) => buying::open(args, console),
        Command::Dispute(args) => buying::dispute(args, console),
        Command::Audit(args) => looking::audit(args, console),
    }
}
