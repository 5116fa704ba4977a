//! `eligo hospital`: issuer keys and credentials.

mod issue;

use clap::Subcommand;
use eligo_circuits::issuer::{IssuerKey, MAX_KEY_BYTES};
use rand_core::OsRng;
use serde_json::json;

use crate::{
    console::Console,
    failure::{Attempt, Failure},
    file::{Access, Source, Target},
    ledger_key::LedgerKeyCard,
};

/// For hospitals: keys and credentials
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make an issuer's signing keys
    #[command(
        after_help = "Example:\n  eligo hospital keygen --name \"Charité, Neurology\" -o hospital.key"
    )]
    Keygen {
        /// The hospital's name, as credentials show it
        #[arg(long, default_value = "Hospital")]
        name: String,
        /// The secret key file to write
        #[arg(short, long, value_name = "FILE")]
        output: Target,
        /// Overwrite; credentials stay valid, but no more can be signed with the key that was there
        #[arg(long)]
        force: bool,
    },
    /// Print the public key, which institutions list among the issuers they accept
    #[command(after_help = "Example:\n  eligo hospital public hospital.key > hospital.pub")]
    Public {
        /// The secret key file, `-` for standard input
        key: Source,
        /// Write to a file instead
        #[arg(short, long, value_name = "FILE", default_value = "-")]
        output: Target,
        /// Overwrite
        #[arg(long)]
        force: bool,
    },
    /// Print the key with which the hospital signs what it seals, for those who open it and for the ledger
    #[command(after_help = "Example:\n  eligo hospital ledger-key hospital.key > hospital.ledger")]
    LedgerKey {
        /// The secret key file, `-` for standard input
        key: Source,
        /// Write to a file instead
        #[arg(short, long, value_name = "FILE", default_value = "-")]
        output: Target,
        /// Overwrite
        #[arg(long)]
        force: bool,
    },
    /// Read a patient's FHIR record and sign a credential
    #[command(after_help = issue::EXAMPLE)]
    Issue(Box<issue::Issue>),
}

pub use issue::{Issue, SealingArgs, run as issue_credential};

pub fn run(command: Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Keygen {
            name,
            output,
            force,
        } => keygen(&name, &output, force, console)?,
        Command::Public { key, output, force } => public(&key, &output, force, console)?,
        Command::LedgerKey { key, output, force } => {
            ledger_key(&key, &output, force, console)?;
        }
        Command::Issue(args) => {
            issue::run(&args, console)?;
        }
    }
    Ok(0)
}

/// Makes an issuer's keys.
pub fn keygen(name: &str, output: &Target, force: bool, console: &Console) -> Attempt<()> {
    output.check(force)?;
    let key = IssuerKey::generate(name, &mut OsRng).map_err(Failure::usage)?;
    let mut text = key.to_json().map_err(Failure::unexpected)?;
    text.push('\n');
    if output.is_stdout() {
        console.leave_stdout();
    }
    output.write(text.as_bytes(), Access::Secret, force)?;
    let public = key.public().schnorr().to_hex();
    console.say(format!(
        "{output}: secret key of {name}\nkey {public}\nnext: eligo hospital public {output}"
    ));
    console.object(json!({ "key": output.to_string(), "name": name, "baby_jubjub": public }));
    Ok(())
}

/// Reads an issuer's secret keys.
pub fn read_key(source: &Source, console: &Console) -> Attempt<IssuerKey> {
    let bytes = source.read_secret(MAX_KEY_BYTES, console)?;
    IssuerKey::from_json(&bytes).map_err(|e| {
        Failure::file(source, e).help("expected a file made by `eligo hospital keygen`")
    })
}

/// Writes the public half of a hospital's ledger key.
pub fn ledger_key(key: &Source, output: &Target, force: bool, console: &Console) -> Attempt<()> {
    output.check(force)?;
    let card = LedgerKeyCard::of(&read_key(key, console)?)?;
    let mut text = card.to_json()?;
    text.push('\n');
    output.write(text.as_bytes(), Access::Public, force)?;
    if !output.is_stdout() {
        console.say(format!("{output}: ledger key of {}", card.name));
        console.object(json!({ "key": output.to_string() }));
    }
    Ok(())
}

/// Writes an issuer's public keys.
pub fn public(key: &Source, output: &Target, force: bool, console: &Console) -> Attempt<()> {
    output.check(force)?;
    let key = read_key(key, console)?;
    let mut text = key.public().to_json().map_err(Failure::unexpected)?;
    text.push('\n');
    // The key file is itself one object on one line with its version.
    output.write(text.as_bytes(), Access::Public, force)?;
    if !output.is_stdout() {
        console.say(format!("{output}: public key of {}", key.public().name()));
        console.object(json!({ "key": output.to_string() }));
    }
    Ok(())
}
