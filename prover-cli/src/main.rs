//! `eligo`: hospitals issue credentials, institutions publish requirements, patients prove.

mod care;
mod circuit;
mod commands;
mod console;
mod day;
mod document;
mod encounter;
mod failure;
mod file;
mod folder;
mod held;
mod interrupt;
mod keyring;
mod ledger_key;
mod market;
mod moment;
mod names;
mod naming;
mod passphrase;
mod progress;
mod publication;
mod publisher;
mod schemas;
mod sealing;
mod stream;

use std::{env, process::ExitCode};

use clap::Parser;

use commands::Cli;
use console::Console;
use failure::Failure;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => {
            let console = Console::new(cli.json);
            let done = interrupt::watch().and_then(|()| commands::run(cli.command, &console));
            match done {
                Ok(code) => ExitCode::from(code),
                Err(failure) => {
                    console.fail(&failure);
                    ExitCode::from(failure.kind().code())
                }
            }
        }
        Err(error) => {
            let _ = error.print();
            let code = u8::try_from(error.exit_code()).unwrap_or(1);
            let asked = env::args_os().any(|a| a == "--json");
            if code != 0 && asked {
                let what = error.kind().to_string();
                Console::new(true).object(
                    serde_json::json!({ "error": Failure::usage(what).help("see --help").to_json() }),
                );
            }
            ExitCode::from(code)
        }
    }
}
