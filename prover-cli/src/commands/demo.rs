//! `eligo demo`: the whole path on shipped, synthetic patients, every artefact left behind.
//!
//! One process, and nothing in it pretended: the hospital's FHIR bundles, four replicas that agree on every
//! transaction, one of them stopped half-way, ciphertexts on disk, five proxies of which one is down and
//! one lies, and clients that check proofs against the validators' keys.

mod parties;
mod referral;
mod sale;
mod stage;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::{Args, Subcommand};
use eligo_records::civil::CivilDay;
use serde_json::{Map, Value};

use super::{
    keys::{milliseconds, size},
    wallet::WalletArgs,
};
use crate::{
    console::Console,
    day,
    failure::{Attempt, Failure, shown},
    file::{self, Access, Source, Target},
    passphrase::PassphraseArgs,
};

/// The whole path on shipped, synthetic patients: from a hospital's records to a paid patient
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Example:\n  eligo demo --out tour\n  eligo demo referral --out referral\n\n\
    A hospital, two patients of whom one is eligible, an institute, five proxies of which one is down and one\n\
    lies, four replicas of which one is stopped half-way. Leaves every file in the folder."
)]
pub struct Demo {
    #[command(subcommand)]
    other: Option<Other>,
    #[command(flatten)]
    place: Place,
}

/// Another demonstration.
#[derive(Subcommand, Debug)]
enum Other {
    /// A stroke patient's records are found and read by another hospital, while the patient permits it
    #[command(after_help = "Example:\n  eligo demo referral --out referral\n\n\
        Teams sign diagnoses in a community and in a secondary hospital; records are sealed and indexed.\n\
        At a tertiary hospital a doctor asks, the patient permits, rows are found, both records are read\n\
        and opened: not after the period, not after the revocation. Authorities, of whom one cheated,\n\
        open an emergency summary; a relative permits; the history is audited. Leaves every file in the\n\
        folder.")]
    Referral(Place),
}

/// Where a demonstration leaves its files.
#[derive(Args, Debug)]
struct Place {
    /// Folder for everything that is made; a fresh temporary one if not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Use the folder even if it holds files of an earlier run, which are overwritten
    #[arg(long)]
    force: bool,
}

/// Runs the demonstration.
pub fn run(args: &Demo, console: &Console) -> Attempt<u8> {
    let start = Instant::now();
    let place = match &args.other {
        Some(Other::Referral(place)) => place,
        None => &args.place,
    };
    let tour = Tour {
        folder: folder(place)?,
        force: place.force,
        today: day::today()?,
        console,
        silent: Console::silent(),
    };
    let mut figures = Map::new();
    figures.insert("status".to_owned(), "ok".into());
    figures.insert("out".to_owned(), shown(&tour.folder).into());
    let last = match &args.other {
        None => tour.market(&mut figures)?,
        Some(Other::Referral(_)) => tour.refer(&mut figures)?,
    };
    let seconds = start.elapsed().as_secs_f64();
    figures.insert("seconds".to_owned(), format!("{seconds:.1}").into());
    console.say(format!(
        "\n{last} {seconds:.0} s. Look around in {}",
        shown(&tour.folder)
    ));
    console.object(Value::Object(figures));
    Ok(0)
}

fn folder(args: &Place) -> Attempt<PathBuf> {
    let Some(folder) = &args.out else {
        let fresh = tempfile::Builder::new().prefix("eligo-demo-").tempdir();
        return fresh
            .map(tempfile::TempDir::keep)
            .map_err(|e| Failure::unexpected(file::plain(&e)));
    };
    file::make_folder(folder)?;
    let taken = fs::read_dir(folder)
        .map_err(|e| file::unreadable(folder, &e))?
        .next()
        .is_some();
    if taken && !args.force {
        return Err(
            Failure::usage("the folder is not empty; nothing was written")
                .of(shown(folder))
                .help(
                    "name another folder, or add --force to overwrite the files of an earlier run",
                ),
        );
    }
    // A chain starts from its genesis: the ledger of an earlier run is not this one's.
    for earlier in ["node", "journals", "opened"] {
        let path = folder.join(earlier);
        if path.is_dir() {
            fs::remove_dir_all(&path).map_err(|e| file::unwritable(&path, &e))?;
        }
    }
    Ok(folder.clone())
}

/// The demonstration under way.
struct Tour<'a> {
    folder: PathBuf,
    force: bool,
    today: CivilDay,
    console: &'a Console,
    silent: Console,
}

impl Tour<'_> {
    /// A record is sold; what is said last.
    fn market(&self, figures: &mut Map<String, Value>) -> Attempt<&'static str> {
        self.console.say(format!(
            "A patient proves to a research institute that a hospital-signed record meets its requirement, without\n\
             showing the record, and is paid for handing over that very record, to that institute alone.\n\
             Synthetic patients. Files: {}\n",
            shown(&self.folder)
        ));
        self.sell(figures)?;
        Ok(
            "The ledger shows that this record met this requirement, and which hospital registered it: not who the\n\
             patient is, and no value.",
        )
    }

    fn wallet(&self, name: &str) -> WalletArgs {
        WalletArgs::new(self.source(&format!("{name}.wallet")), self.passphrase())
    }

    fn passphrase(&self) -> PassphraseArgs {
        PassphraseArgs::from_file(self.source("passphrase"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn source(&self, name: &str) -> Source {
        Source::File(self.path(name))
    }

    fn target(&self, name: &str) -> Target {
        Target::File(self.path(name))
    }

    fn write(&self, name: &str, bytes: &[u8], access: Access) -> Attempt<()> {
        file::write(&self.path(name), bytes, access, self.force)
    }

    /// Does a step, and says what it made.
    fn step(
        &self,
        command: &str,
        what: &str,
        file: &str,
        doing: impl FnOnce() -> Attempt<()>,
    ) -> Attempt<()> {
        let start = Instant::now();
        doing()?;
        let bytes = fs::metadata(Path::new(&self.path(file))).map_or(0, |m| m.len());
        self.line(start, command, &format!("{file}, {}: {what}", size(bytes)));
        Ok(())
    }

    fn chapter(&self, title: &str) {
        self.console.say(format!("\n{title}"));
    }

    fn line(&self, start: Instant, command: &str, text: &str) {
        let took = format!("{:.0} ms", milliseconds(start));
        self.console
            .say(format!("{took:>9}    {command:20} {text}"));
    }
}
