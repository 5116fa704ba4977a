//! `eligo institution`: the key with which an institution signs its requirements.

use clap::Subcommand;
use serde_json::json;

use crate::{
    console::Console,
    failure::{Attempt, Failure},
    file::{Access, Source, Target},
    publisher::Publisher,
};

/// For institutions: the key that signs requirements
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make an institution's signing key
    #[command(
        after_help = "Example:\n  eligo institution keygen --name \"Stroke Research Institute\" -o institution.key"
    )]
    Keygen {
        /// The institution's name
        #[arg(long, default_value = "Institution")]
        name: String,
        /// The secret key file to write
        #[arg(short, long, value_name = "FILE")]
        output: Target,
        /// Overwrite
        #[arg(long)]
        force: bool,
    },
    /// Print the public key
    #[command(
        after_help = "Example:\n  eligo institution public institution.key > institution.pub"
    )]
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
}

pub fn run(command: Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Keygen {
            name,
            output,
            force,
        } => keygen(&name, &output, force, console)?,
        Command::Public { key, output, force } => public(&key, &output, force, console)?,
    }
    Ok(0)
}

/// Makes an institution's key.
pub fn keygen(name: &str, output: &Target, force: bool, console: &Console) -> Attempt<()> {
    output.check(force)?;
    let publisher = Publisher::generate(name)?;
    let mut text = publisher.to_json()?;
    text.push('\n');
    if output.is_stdout() {
        console.leave_stdout();
    }
    output.write(text.as_bytes(), Access::Secret, force)?;
    let public = publisher.public();
    console.say(format!(
        "{output}: signing key of {name}\nkey {}",
        public.ed25519
    ));
    console.object(json!({ "key": output.to_string(), "name": name, "ed25519": public.ed25519 }));
    Ok(())
}

fn public(key: &Source, output: &Target, force: bool, console: &Console) -> Attempt<()> {
    output.check(force)?;
    let public = Publisher::read(key, console)?.public();
    let mut text = serde_json::to_string(&public).map_err(Failure::unexpected)?;
    text.push('\n');
    output.write(text.as_bytes(), Access::Public, force)?;
    if !output.is_stdout() {
        console.say(format!("{output}: public key of {}", public.name));
        console.object(json!({ "key": output.to_string() }));
    }
    Ok(())
}
