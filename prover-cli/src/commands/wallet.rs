//! `eligo wallet`: the patient's secret, encrypted on the patient's device.

use clap::{Args, Subcommand};
use eligo_sharing::wallet::{
    HolderDocument, HospitalId, KdfCost, OpenError, Visit, Wallet, change_passphrase,
};
use rand_core::OsRng;
use serde_json::json;

use crate::{
    console::Console,
    encounter::VisitArgs,
    failure::{Attempt, Failure, Kind},
    file::{Access, Source, Target},
    passphrase::{NewPassphraseArgs, PassphraseArgs},
};

/// Largest wallet file read.
pub const LIMIT: usize = 64 << 10;
const WORDS_LIMIT: usize = 4096;

/// For patients: the wallet
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a wallet
    #[command(after_help = "Example:\n  eligo wallet new -o wallet.json\n\n\
        The passphrase is asked for. There is no way to open a wallet without it, except from the backup words.")]
    New {
        /// The wallet file to write
        #[arg(short, long, value_name = "FILE")]
        output: Target,
        #[command(flatten)]
        passphrase: PassphraseArgs,
        #[command(flatten)]
        cost: CostArgs,
        /// Overwrite; the wallet that was there is lost unless its words are backed up
        #[arg(long)]
        force: bool,
    },
    /// Write the document to hand to a hospital; it holds no secret
    #[command(
        after_help = "Example:\n  eligo wallet holder --wallet wallet.json -o holder.json\n  \
        eligo wallet holder --wallet wallet.json --hospital charite.example --visit 2 -o holder.json"
    )]
    Holder {
        #[command(flatten)]
        wallet: WalletArgs,
        /// Add the keys of a visit to this hospital, to which it can seal the record
        #[arg(long, value_name = "ID")]
        hospital: Option<HospitalId>,
        /// Number of the visit, from 0; each visit has its own keys
        #[arg(long, value_name = "N", default_value_t = 0, requires = "hospital")]
        visit: u32,
        /// The document to write
        #[arg(short, long, value_name = "FILE")]
        output: Target,
        /// Overwrite
        #[arg(long)]
        force: bool,
    },
    /// Write the card of a visit, to which records are sealed; it names neither holder nor hospital
    #[command(
        after_help = "Example:\n  eligo wallet encounter --wallet wallet.json --hospital charite.example --visit 2 -o encounter.json"
    )]
    Encounter {
        #[command(flatten)]
        visit: VisitArgs,
        /// The card to write
        #[arg(short, long, value_name = "FILE")]
        output: Target,
        /// Overwrite
        #[arg(long)]
        force: bool,
    },
    /// Print the twenty-four words from which the wallet can be made again
    #[command(
        after_help = "Example:\n  eligo wallet backup --wallet wallet.json\n\n\
        Whoever has the words has the wallet: write them on paper."
    )]
    Backup {
        #[command(flatten)]
        wallet: WalletArgs,
        /// Write the words to a file instead (mode 0600)
        #[arg(short, long, value_name = "FILE", default_value = "-")]
        output: Target,
        /// Overwrite
        #[arg(long)]
        force: bool,
    },
    /// Make the wallet again from its twenty-four words
    #[command(
        after_help = "Example:\n  eligo wallet recover --words words.txt -o wallet.json\n  \
        eligo wallet recover -o wallet.json        (asks for the words)"
    )]
    Recover {
        /// File with the words (`-` for standard input); asked for at the terminal if not given
        #[arg(long, value_name = "FILE")]
        words: Option<Source>,
        /// The wallet file to write
        #[arg(short, long, value_name = "FILE")]
        output: Target,
        #[command(flatten)]
        passphrase: PassphraseArgs,
        #[command(flatten)]
        cost: CostArgs,
        /// Overwrite
        #[arg(long)]
        force: bool,
    },
    /// Change the passphrase
    #[command(after_help = "Example:\n  eligo wallet passwd --wallet wallet.json")]
    Passwd {
        #[command(flatten)]
        wallet: WalletArgs,
        #[command(flatten)]
        new: NewPassphraseArgs,
        #[command(flatten)]
        cost: CostArgs,
        /// Write to another file instead of replacing the wallet file
        #[arg(short, long, value_name = "FILE")]
        output: Option<Target>,
        /// Overwrite that other file
        #[arg(long)]
        force: bool,
    },
}

/// Which wallet, and its passphrase.
#[derive(Args, Clone, Debug)]
pub struct WalletArgs {
    /// The wallet file
    #[arg(long, value_name = "FILE")]
    wallet: Source,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// What a guess at the passphrase costs whoever has the file.
#[derive(Args, Clone, Debug)]
pub struct CostArgs {
    /// Memory that one guess at the passphrase needs (Argon2id), KiB: less is faster and weaker
    #[arg(long, value_name = "KIB", default_value_t = MEMORY_KIB)]
    kdf_memory: u32,
    /// Passes over that memory
    #[arg(long, value_name = "N", default_value_t = PASSES)]
    kdf_passes: u32,
}

/// The library's own default cost, shown in the help.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;

impl CostArgs {
    /// A low cost, for a wallet that protects nothing.
    pub const fn low() -> Self {
        Self {
            kdf_memory: 1024,
            kdf_passes: 1,
        }
    }

    fn cost(&self) -> Attempt<KdfCost> {
        KdfCost::new(self.kdf_memory, self.kdf_passes, 1).map_err(Failure::usage)
    }
}

impl WalletArgs {
    /// A wallet file and where its passphrase comes from.
    pub const fn new(wallet: Source, passphrase: PassphraseArgs) -> Self {
        Self { wallet, passphrase }
    }

    /// Opens the wallet.
    pub fn open(&self, console: &Console) -> Attempt<Wallet> {
        let bytes = self.wallet.read_secret(LIMIT, console)?;
        let passphrase = self.passphrase.ask(&self.wallet, console)?;
        Wallet::open(&bytes, &passphrase).map_err(|e| refused(&self.wallet, &e))
    }
}

fn refused(wallet: &Source, error: &OpenError) -> Failure {
    match error {
        OpenError::WrongPassphrase => Failure::new(Kind::Passphrase, error)
            .of(wallet)
            .help("try again; the wallet can also be made again from its backup words: eligo wallet recover"),
        OpenError::Altered => Failure::file(wallet, error)
            .help("use a copy, or make the wallet again from its backup words: eligo wallet recover"),
        OpenError::Derivation => Failure::unexpected(error).of(wallet),
        _ => Failure::file(wallet, error).help("expected a file made by `eligo wallet new`"),
    }
}

pub fn run(command: Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::New {
            output,
            passphrase,
            cost,
            force,
        } => {
            make(&output, &passphrase, &cost, force, console)?;
        }
        Command::Holder {
            wallet,
            hospital,
            visit,
            output,
            force,
        } => {
            holder(
                &wallet,
                hospital,
                Visit::new(visit),
                &output,
                force,
                console,
            )?;
        }
        Command::Encounter {
            visit,
            output,
            force,
        } => encounter(&visit, &output, force, console)?,
        Command::Backup {
            wallet,
            output,
            force,
        } => backup(&wallet, &output, force, console)?,
        Command::Recover {
            words,
            output,
            passphrase,
            cost,
            force,
        } => {
            recover(
                words.as_ref(),
                (&output, force),
                &passphrase,
                &cost,
                console,
            )?;
        }
        Command::Passwd {
            wallet,
            new,
            cost,
            output,
            force,
        } => {
            passwd(&wallet, &new, &cost, output, force, console)?;
        }
    }
    Ok(0)
}

/// Makes a wallet file.
pub fn make(
    output: &Target,
    passphrase: &PassphraseArgs,
    cost: &CostArgs,
    force: bool,
    console: &Console,
) -> Attempt<()> {
    output.check(force)?;
    let cost = cost.cost()?;
    let wallet = Wallet::generate(&mut OsRng);
    seal(&wallet, output, passphrase, cost, force, console)
}

fn seal(
    wallet: &Wallet,
    output: &Target,
    passphrase: &PassphraseArgs,
    cost: KdfCost,
    force: bool,
    console: &Console,
) -> Attempt<()> {
    let passphrase = passphrase.choose(console)?;
    let file = wallet
        .seal(&passphrase, cost, &mut OsRng)
        .map_err(Failure::unexpected)?;
    if output.is_stdout() {
        console.leave_stdout();
    }
    output.write(&file, Access::Secret, force)?;
    let holder = wallet.holder().to_string();
    console.say(format!(
        "{output}: wallet\nholder {holder}\nnext: eligo wallet backup --wallet {output}"
    ));
    console.object(json!({ "wallet": output.to_string(), "holder": holder }));
    Ok(())
}

/// Writes the document a hospital needs.
pub fn holder(
    wallet: &WalletArgs,
    hospital: Option<HospitalId>,
    visit: Visit,
    output: &Target,
    force: bool,
    console: &Console,
) -> Attempt<()> {
    output.check(force)?;
    let wallet = wallet.open(console)?;
    let encounter = hospital.map(|h| {
        let card = wallet.encounter(&h, visit).public();
        (h, visit, card)
    });
    let document = HolderDocument {
        holder: wallet.holder(),
        encounter,
    };
    let mut text = document.to_json().map_err(Failure::unexpected)?;
    text.push('\n');
    if output.is_stdout() {
        console.leave_stdout();
    }
    output.write(text.as_bytes(), Access::Public, force)?;
    let holder = document.holder.to_string();
    console.say(format!("{output}: holder document\nholder {holder}"));
    console.object(json!({ "document": output.to_string(), "holder": holder }));
    Ok(())
}

/// Writes the card of a visit.
pub fn encounter(
    visit: &VisitArgs,
    output: &Target,
    force: bool,
    console: &Console,
) -> Attempt<()> {
    output.check(force)?;
    let card = visit.open(console)?.public();
    if output.is_stdout() {
        console.leave_stdout();
    }
    output.write(card.to_json().as_bytes(), Access::Public, force)?;
    console.say(format!("{output}: card of a visit\nkey {}", card.key));
    console.object(json!({ "card": output.to_string(), "key": card.key.to_string() }));
    Ok(())
}

fn backup(wallet: &WalletArgs, output: &Target, force: bool, console: &Console) -> Attempt<()> {
    output.check(force)?;
    let wallet = wallet.open(console)?;
    let words = wallet.backup_words();
    let mut text = zeroize::Zeroizing::new(String::with_capacity(words.expose().len() + 1));
    text.push_str(words.expose());
    text.push('\n');
    if output.is_stdout() {
        console.leave_stdout();
        console.warn("whoever reads these words has the wallet; write them on paper");
    }
    if console.json() && output.is_stdout() {
        // The words are the result: one object, as of every command.
        let mut line = zeroize::Zeroizing::new(String::with_capacity(text.len() + 32));
        line.push_str("{\"version\":1,\"words\":\"");
        line.push_str(text.trim_end());
        line.push_str("\"}\n");
        return output.write(line.as_bytes(), Access::Secret, force);
    }
    output.write(text.as_bytes(), Access::Secret, force)?;
    if !output.is_stdout() {
        console.say(format!(
            "{output}: twenty-four words; whoever has them has the wallet"
        ));
        console.object(json!({ "words": output.to_string() }));
    }
    Ok(())
}

fn recover(
    words: Option<&Source>,
    (output, force): (&Target, bool),
    passphrase: &PassphraseArgs,
    cost: &CostArgs,
    console: &Console,
) -> Attempt<()> {
    output.check(force)?;
    let cost = cost.cost()?;
    let (named, text) = match words {
        Some(source) => {
            let bytes = source.read_secret(WORDS_LIMIT, console)?;
            let text = core::str::from_utf8(&bytes)
                .map_err(|_| Failure::file(source, "not UTF-8 text; expected 24 words"))?;
            (source.to_string(), zeroize::Zeroizing::new(text.to_owned()))
        }
        None => {
            let typed = rpassword::prompt_password("The twenty-four words: ").map_err(|_| {
                Failure::usage("the words are needed, and there is no terminal to ask at")
                    .help("use --words FILE")
            })?;
            ("the words".to_owned(), zeroize::Zeroizing::new(typed))
        }
    };
    let wallet = Wallet::from_words(&text).map_err(|e| {
        Failure::file(named, e)
            .help("expected the words that `eligo wallet backup` printed, in their order")
    })?;
    seal(&wallet, output, passphrase, cost, force, console)
}

fn passwd(
    wallet: &WalletArgs,
    new: &NewPassphraseArgs,
    cost: &CostArgs,
    output: Option<Target>,
    force: bool,
    console: &Console,
) -> Attempt<()> {
    let (target, force) = match (output, &wallet.wallet) {
        (Some(target), _) => (target, force),
        (None, Source::File(path)) => (Target::File(path.clone()), true),
        (None, Source::Stdin) => (Target::Stdout, false),
    };
    target.check(force)?;
    let cost = cost.cost()?;
    let bytes = wallet.wallet.read_secret(LIMIT, console)?;
    let old = wallet.passphrase.ask(&wallet.wallet, console)?;
    // The old one is checked before the new one is asked for.
    Wallet::open(&bytes, &old).map_err(|e| refused(&wallet.wallet, &e))?;
    let new = new.choose(console)?;
    let file = change_passphrase(&bytes, &old, &new, cost, &mut OsRng)
        .map_err(|e| refused(&wallet.wallet, &e))?;
    if target.is_stdout() {
        console.leave_stdout();
    }
    target.write(&file, Access::Secret, force)?;
    console.say(format!("{target}: the passphrase was changed"));
    console.object(json!({ "wallet": target.to_string() }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_cost_is_the_librarys() {
        let shown = KdfCost::new(MEMORY_KIB, PASSES, 1).unwrap();
        assert_eq!(shown, KdfCost::default());
    }
}
