//! The wallet's passphrase: from a file, the environment or a prompt; never from an argument.

use std::env;

use clap::Args;
use eligo_sharing::wallet::Passphrase;
use zeroize::Zeroizing;

use crate::{
    console::Console,
    failure::{Attempt, Failure},
    file::Source,
};

const LIMIT: usize = 4096;

/// Where the passphrase of an existing wallet comes from.
#[derive(Args, Clone, Debug, Default)]
pub struct PassphraseArgs {
    /// File whose first line is the passphrase (`-` for standard input); else ELIGO_PASSPHRASE, else a prompt
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
}

/// Where a new passphrase comes from.
#[derive(Args, Clone, Debug, Default)]
pub struct NewPassphraseArgs {
    /// File whose first line is the new passphrase; else ELIGO_NEW_PASSPHRASE, else a prompt
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<Source>,
}

impl PassphraseArgs {
    /// A passphrase read from a file, for use by the program itself.
    pub const fn from_file(file: Source) -> Self {
        Self {
            passphrase_file: Some(file),
        }
    }

    /// The passphrase of an existing wallet.
    pub fn ask(&self, wallet: &Source, console: &Console) -> Attempt<Passphrase> {
        let file = self.passphrase_file.as_ref();
        match given(file, "ELIGO_PASSPHRASE", console)? {
            Some(text) => checked(&text),
            None => checked(&prompt(&format!("Passphrase of {wallet}: "))?),
        }
    }

    /// A passphrase for a new wallet; asked for twice at a prompt.
    pub fn choose(&self, console: &Console) -> Attempt<Passphrase> {
        let file = self.passphrase_file.as_ref();
        match given(file, "ELIGO_PASSPHRASE", console)? {
            Some(text) => checked(&text),
            None => twice(),
        }
    }
}

impl NewPassphraseArgs {
    /// The passphrase that replaces another; asked for twice at a prompt.
    pub fn choose(&self, console: &Console) -> Attempt<Passphrase> {
        let file = self.new_passphrase_file.as_ref();
        match given(file, "ELIGO_NEW_PASSPHRASE", console)? {
            Some(text) => checked(&text),
            None => twice(),
        }
    }
}

fn given(
    file: Option<&Source>,
    variable: &str,
    console: &Console,
) -> Attempt<Option<Zeroizing<String>>> {
    if let Some(file) = file {
        let bytes = file.read_secret(LIMIT, console)?;
        let text = core::str::from_utf8(&bytes)
            .map_err(|_| Failure::file(file, "not UTF-8 text; expected a passphrase"))?;
        let line = text.split(['\r', '\n']).next().unwrap_or_default();
        return Ok(Some(Zeroizing::new(line.to_owned())));
    }
    match env::var(variable) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Failure::usage(format!("{variable} is not UTF-8 text")))
        }
    }
}

fn prompt(text: &str) -> Attempt<Zeroizing<String>> {
    rpassword::prompt_password(text)
        .map(Zeroizing::new)
        .map_err(|_| {
            Failure::usage("a passphrase is needed, and there is no terminal to ask at")
                .help("use --passphrase-file FILE, or set ELIGO_PASSPHRASE")
        })
}

fn twice() -> Attempt<Passphrase> {
    let first = prompt("New passphrase: ")?;
    let second = prompt("The same again: ")?;
    if *first != *second {
        return Err(Failure::usage("the two passphrases differ").help("try again"));
    }
    checked(&first)
}

fn checked(text: &str) -> Attempt<Passphrase> {
    Passphrase::new(text.to_owned()).map_err(Failure::usage)
}
