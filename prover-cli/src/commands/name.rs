//! `eligo name`: records sealed between institutions to names instead of a patient's key, under a key that
//! authorities have together. Chosen expressly, and nothing falls back to it.

mod asking;
mod passing;
mod sealing;

use clap::Subcommand;

use crate::{console::Console, failure::Attempt};

/// Seal records to names instead of a patient's key, between institutions that choose so
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Write down the authorities' key in force, checked against what the ledger shows they said
    #[command(
        after_help = "Example:\n  eligo name authorities -o authorities\n\nWith the file sealing needs no node."
    )]
    Authorities(asking::Fetch),
    /// Ask the authorities for the key of a name of one's own: a record's of a hospital, or a role in this epoch
    #[command(
        after_help = "Example:\n  eligo name ask --hospital-key hospital.key --record 8c.. --record-version 1 -o record.ask\n  \
        eligo name ask --institution-key institute.key --role neurology -o neurology.ask\n\n\
        The ask stands on the ledger; the authorities' machines answer it (eligo convene attend). Then: eligo name take"
    )]
    Ask(asking::Ask),
    /// Take the key, once t authorities answered
    #[command(after_help = "Example:\n  eligo name take --ask record.ask -o record.name")]
    Take(asking::Take),
    /// Seal a file to the name of one version of one record of an organisation's
    #[command(after_help = sealing::SEAL_HELP)]
    Seal(sealing::Seal),
    /// Open what was sealed or passed on to a name, with the name's key
    #[command(
        after_help = "Example:\n  eligo name open scan.sealed --capsule scan.sealed.capsule --key record.name -o scan.dcm\n  \
        eligo name open scan.sealed --capsule passed.capsule --key neurology.name -o scan.dcm\n\n\
        Nothing is written unless all of it is what was sealed."
    )]
    Open(sealing::Open),
    /// Make the key of a proxy that passes records on
    #[command(after_help = "Example:\n  eligo name proxy -o porter.key --card porter.card")]
    Proxy(passing::MakeProxy),
    /// Let a proxy pass one version of one record on to a role of another institution's
    #[command(
        after_help = "Example:\n  eligo name delegate --key record.name --to 5f.. --role neurology --epoch 690 \\\n    \
        --proxy porter.card -o delegation\n\n\
        The proxy learns nothing of the record. The proxy and the institution together could compute the key of the one\n\
        name delegated, which opens this version of this record and nothing else."
    )]
    Delegate(passing::Delegate),
    /// Pass a record on, as the proxy: its capsule becomes one for the other institution's name
    #[command(
        after_help = "Example:\n  eligo name transform --key porter.key --delegation delegation --capsule scan.sealed.capsule \\\n    \
        -o passed.capsule\n\nThe ciphertext itself stays as it is."
    )]
    Transform(passing::Transform),
}

pub fn run(command: &Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Authorities(args) => asking::fetch(args, console),
        Command::Ask(args) => asking::ask(args, console),
        Command::Take(args) => asking::take(args, console),
        Command::Seal(args) => sealing::seal(args, console),
        Command::Open(args) => sealing::open(args, console),
        Command::Proxy(args) => passing::make_proxy(args, console),
        Command::Delegate(args) => passing::delegate(args, console),
        Command::Transform(args) => passing::transform(args, console),
    }
}
