//! `eligo keys`: making, looking at and checking keys.

mod sharing;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Subcommand;
use eligo_circuits::{
    claim::Requirement,
    groth16::{ConsistencyError, ProvingKey},
};
use eligo_verifier_contract::{lint, snarkjs};
use rand_core::OsRng;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::{
    circuit::Circuit,
    console::Console,
    failure::{Attempt, Failure, Kind, shown},
    file::Source,
    folder,
    keyring::{self, KeyFolder},
    progress::Progress,
    publication::Publication,
    schemas::SchemaArgs,
};

/// Largest `.zkey` read.
const ZKEY_LIMIT: usize = 4 << 30;

/// Keys: make, inspect, check
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make the proving and verifying keys of requirements
    #[command(
        after_help = "Example:\n  eligo keys generate --requirement stroke.toml -o keys\n  \
        eligo keys generate --requirement stroke.toml --requirement diabetes.toml -o keys --jobs 2\n\n\
        Whoever runs this could keep what is wiped here and make false proofs: the institution that relies on\n\
        the proofs runs it, or a ceremony does (eligo export r1cs, eligo keys import)."
    )]
    Generate {
        /// A requirement; may be repeated
        #[arg(long, value_name = "FILE", required = true)]
        requirement: Vec<Source>,
        #[command(flatten)]
        schemas: SchemaArgs,
        /// Folder; each requirement's keys go into a folder in it, named by the requirement's id
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// Threads; all processors if not given
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
        jobs: Option<u16>,
        /// Overwrite
        #[arg(long)]
        force: bool,
    },
    /// Make a folder of keys from a `.zkey` that snarkjs made for a requirement's `.r1cs`
    #[command(
        after_help = "Example:\n  eligo export r1cs --requirement stroke.toml -o stroke.r1cs\n  \
        eligo keys import --zkey stroke.zkey --requirement stroke.toml -o keys"
    )]
    Import {
        /// The key
        #[arg(long, value_name = "FILE")]
        zkey: Source,
        /// The requirement
        #[arg(long, value_name = "FILE")]
        requirement: Source,
        #[command(flatten)]
        schemas: SchemaArgs,
        /// Folder; the keys go into a folder in it, named by the requirement's id
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// Overwrite
        #[arg(long)]
        force: bool,
    },
    /// Show what keys are of, their sizes and digests; check the files against one another
    #[command(after_help = "Example:\n  eligo keys inspect keys")]
    Inspect {
        /// Folder of keys, or of folders of keys
        #[arg(value_name = "DIR")]
        keys: PathBuf,
    },
    /// Check that a proving key is of a requirement's circuit, rebuilt here, before using it
    #[command(after_help = "Example:\n  eligo keys check --requirement stroke.toml --keys keys")]
    Check {
        /// The requirement
        #[arg(long, value_name = "FILE")]
        requirement: Source,
        #[command(flatten)]
        schemas: SchemaArgs,
        /// Folder of keys
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
    },
    /// Make an institution's receiving key, to which patients grant records; one for each requirement
    #[command(
        after_help = "Example:\n  eligo keys receiving -o institute.receiving.key --card institute.card"
    )]
    Receiving(sharing::Pair),
    /// Make a proxy's key, with which it answers grants
    #[command(after_help = "Example:\n  eligo keys proxy -o p1.key --card p1.card")]
    Proxy(sharing::Pair),
    /// Say whether a verifying key is safe; exit code 9 if not
    #[command(after_help = "Example:\n  eligo keys lint keys/stroke/verification_key.json")]
    Lint {
        /// verification_key.json, `-` for standard input
        file: Source,
    },
}

pub fn run(command: Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Generate {
            requirement,
            schemas,
            output,
            jobs,
            force,
        } => {
            let schemas = schemas.read()?;
            let read = |r: &Source| Publication::read(r, &schemas);
            let publications = requirement.iter().map(read).collect::<Attempt<Vec<_>>>()?;
            generate(&publications, &output, jobs, force, console)?;
        }
        Command::Import {
            zkey,
            requirement,
            schemas,
            output,
            force,
        } => {
            let publication = Publication::read(&requirement, &schemas.read()?)?;
            import(&publication, &zkey, &output, force, console)?;
        }
        Command::Inspect { keys } => inspect(&keys, console)?,
        Command::Check {
            requirement,
            schemas,
            keys,
        } => {
            let publication = Publication::read(&requirement, &schemas.read()?)?;
            check(&publication, &keys, console)?;
        }
        Command::Receiving(pair) => sharing::receiving(&pair, console)?,
        Command::Proxy(pair) => sharing::proxy(&pair, console)?,
        Command::Lint { file } => return lint_key(&file, console),
    }
    Ok(0)
}

/// What was made for one requirement.
pub struct Made {
    /// Folder of the keys.
    pub path: PathBuf,
    /// Constraints.
    pub constraints: usize,
    /// Sizes, bytes.
    pub written: keyring::Written,
    /// How long it took.
    pub elapsed_ms: f64,
}

impl Made {
    fn to_json(&self) -> Value {
        json!({
            "folder": shown(&self.path),
            "constraints": self.constraints,
            "proving_key_bytes": self.written.proving,
            "verification_key_bytes": self.written.verifying,
            "keygen_ms": self.elapsed_ms,
        })
    }
}

/// Makes the keys of requirements, in parallel.
pub fn generate(
    publications: &[Publication],
    output: &Path,
    jobs: Option<u16>,
    force: bool,
    console: &Console,
) -> Attempt<Vec<Made>> {
    let mut seen = BTreeSet::new();
    for publication in publications {
        publication.statement()?;
        folder::check(&output.join(publication.id()), &keyring::NAMES, force)?;
        if !seen.insert(publication.id()) {
            return Err(Failure::usage(format!(
                "two requirements have the id `{}`",
                publication.id()
            ))
            .of(publication.source())
            .help("make their keys in two folders"));
        }
    }
    let progress = Progress::start(console, "Making keys", publications.len());
    let one = |publication: &Publication| {
        progress.working_on(publication.id());
        let made = make(publication, &output.join(publication.id()), force);
        progress.advance();
        made
    };
    let all = || {
        publications
            .par_iter()
            .map(one)
            .collect::<Attempt<Vec<_>>>()
    };
    let made = match jobs {
        None => all(),
        Some(n) => rayon::ThreadPoolBuilder::new()
            .num_threads(n.into())
            .build()
            .map_err(Failure::unexpected)?
            .install(all),
    }?;
    drop(progress);
    for m in &made {
        console.say(format!(
            "{}: {} constraints, proving key {}, verifying key {}, {:.0} ms",
            shown(&m.path),
            m.constraints,
            size(m.written.proving as u64),
            size(m.written.verifying as u64),
            m.elapsed_ms
        ));
    }
    console.object(json!({ "keys": made.iter().map(Made::to_json).collect::<Vec<_>>() }));
    Ok(made)
}

fn make(publication: &Publication, path: &Path, force: bool) -> Attempt<Made> {
    let start = Instant::now();
    let statement = publication.statement()?;
    let shape = statement.statement().shape();
    let circuit = Circuit::of(publication, &statement, &shape);
    let constraints = circuit.constraints().total;
    let key = ProvingKey::generate(shape.0, &mut OsRng);
    let elapsed_ms = milliseconds(start);
    let written = keyring::write(path, circuit, &key, force)?;
    Ok(Made {
        path: path.to_owned(),
        constraints,
        written,
        elapsed_ms,
    })
}

/// Makes a folder of keys from a `.zkey`, which must be of the requirement's circuit.
fn import(
    publication: &Publication,
    zkey: &Source,
    output: &Path,
    force: bool,
    console: &Console,
) -> Attempt<()> {
    let path = output.join(publication.id());
    folder::check(&path, &keyring::NAMES, force)?;
    let statement = publication.statement()?;
    let shape = statement.statement().shape();
    let circuit = Circuit::of(publication, &statement, &shape);
    let constraints = circuit.constraints().total;
    let bytes = zkey.read(ZKEY_LIMIT)?;
    let key = ProvingKey::import_zkey(&bytes, shape.0).map_err(|e| {
        Failure::file(zkey, e)
            .help("make it for the file that `eligo export r1cs` writes for this requirement")
    })?;
    let written = keyring::write(&path, circuit, &key, force).map_err(|e| e.of(zkey))?;
    console.say(format!(
        "{}: {constraints} constraints, proving key {}, verifying key {}",
        shown(&path),
        size(written.proving as u64),
        size(written.verifying as u64)
    ));
    console.object(json!({
        "folder": shown(&path),
        "constraints": constraints,
        "proving_key_bytes": written.proving,
        "verification_key_bytes": written.verifying,
    }));
    Ok(())
}

/// Milliseconds since, to a tenth.
pub fn milliseconds(start: Instant) -> f64 {
    (start.elapsed().as_secs_f64() * 10_000.0).round() / 10.0
}

/// A number of bytes for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

fn inspect(keys: &Path, console: &Console) -> Attempt<()> {
    let mut all = Vec::new();
    for folder in KeyFolder::all(keys)? {
        // Reading them is the check.
        let proving = folder.proving_key()?;
        let verifying = folder.verifying_key()?;
        if keyring::verifying_key(&proving)? != verifying {
            return Err(Failure::file(
                shown(&folder.path().join(keyring::VERIFYING)),
                "not the verifying key of the proving key beside it",
            ));
        }
        let circuit = folder.circuit();
        let (digest, bytes) = folder.proving_pin();
        let parts: Vec<String> = circuit
            .constraints()
            .parts
            .iter()
            .map(|(name, n)| format!("{name} {n}"))
            .collect();
        console.say(format!(
            "{}\n  requirement    {}\n  schema         {}\n  issuers        {}\n  constraints    {} ({})\n  \
             domain         2^{}\n  matrices       {}\n  proving key    {}, sha256 {digest}\n  verifying key  sha256 {}",
            shown(folder.path()),
            circuit.requirement(),
            circuit.schema(),
            circuit.issuers(),
            circuit.constraints().total,
            parts.join(", "),
            proving.domain_size().trailing_zeros(),
            circuit.matrices(),
            size(bytes),
            folder.verifying_pin(),
        ));
        all.push(json!({
            "folder": shown(folder.path()),
            "requirement": circuit.requirement(),
            "schema": circuit.schema(),
            "issuers": circuit.issuers(),
            "constraints": circuit.constraints(),
            "domain": proving.domain_size(),
            "matrices": circuit.matrices(),
            "proving_key": { "sha256": digest, "bytes": bytes },
            "verifying_key": folder.verifying_pin(),
        }));
    }
    console.object(json!({ "keys": all }));
    Ok(())
}

fn check(publication: &Publication, keys: &Path, console: &Console) -> Attempt<()> {
    let folder = KeyFolder::find(keys, publication.id())?;
    let statement = publication.statement()?;
    let key = checked(publication, &statement, &folder)?;
    let constraints = key.system().constraints();
    let consistent = consistent(&key, &folder)?;
    let elements = if consistent {
        "every element is the one the circuit calls for, so proofs hide the record whoever made the key"
    } else {
        "every point is on its curve and in its subgroup"
    };
    console.say(format!(
        "{}: the circuit of {}, {constraints} constraints; {elements}",
        shown(folder.path()),
        publication.source(),
    ));
    if !consistent {
        console.warn("a key from another tool carries nothing to check its elements by: trust it as you trust who ran its set-up");
    }
    console.object(json!({
        "folder": shown(folder.path()),
        "requirement": publication.id(),
        "constraints": constraints,
        "matches": true,
        "consistent": consistent,
    }));
    Ok(())
}

/// Whether every element of a key was checked against its matrices; false if it carries nothing to check it by.
///
/// # Errors
///
/// 9 if some element is wrong.
fn consistent(key: &ProvingKey, folder: &KeyFolder) -> Attempt<bool> {
    match key.check_consistency(&mut OsRng) {
        Ok(()) => Ok(true),
        Err(ConsistencyError::Unchecked) => Ok(false),
        Err(error) => Err(Failure::new(Kind::UnsafeKey, error)
            .of(shown(&folder.path().join(keyring::PROVING)))
            .help(
                "do not prove with it: such a proof may show the record to whoever made the key",
            )),
    }
}

/// As [`checked`], and every element of the key checked against the circuit where the key allows it.
pub fn checked_whole(
    publication: &Publication,
    statement: &Requirement,
    folder: &KeyFolder,
) -> Attempt<ProvingKey> {
    let key = checked(publication, statement, folder)?;
    consistent(&key, folder)?;
    Ok(key)
}

/// Reads a proving key, every point checked, rebuilds the requirement's circuit and compares it with the
/// one the key carries.
fn checked(
    publication: &Publication,
    statement: &Requirement,
    folder: &KeyFolder,
) -> Attempt<ProvingKey> {
    folder.matches(publication, statement, Kind::File)?;
    let key = folder.proving_key_checked()?;
    let (shape, _) = statement.statement().shape();
    if *key.system() != shape {
        return Err(Failure::file(
            shown(&folder.path().join(keyring::PROVING)),
            "carries another circuit than the requirement's: a proof made with it may say something else",
        )
        .help("do not use it; ask the institution for keys of its requirement"));
    }
    if keyring::verifying_key(&key)? != folder.verifying_key()? {
        return Err(Failure::file(
            shown(&folder.path().join(keyring::VERIFYING)),
            "not the verifying key of the proving key beside it",
        ));
    }
    Ok(key)
}

fn lint_key(file: &Source, console: &Console) -> Attempt<u8> {
    let bytes = file.read(snarkjs::KEY_LIMIT)?;
    let parts = snarkjs::read_key_parts(&bytes).map_err(|e| {
        Failure::file(file, e)
            .help("expected a verification_key.json as snarkjs and eligo write it")
    })?;
    let findings = lint(&parts);
    for finding in &findings {
        console.say(format!("{file}: {finding}: {}", finding.explanation()));
    }
    let inputs = parts.ic.len().saturating_sub(1);
    let listed: Vec<Value> = findings
        .iter()
        .map(|f| json!({ "code": f.code(), "message": f.to_string(), "explanation": f.explanation() }))
        .collect();
    console.object(json!({
        "file": file.to_string(),
        "safe": findings.is_empty(),
        "public_inputs": inputs,
        "findings": listed,
    }));
    if findings.is_empty() {
        console.say(format!(
            "{file}: nothing is wrong with this key of {inputs} public inputs"
        ));
        return Ok(0);
    }
    console.say("Do not use this key: false proofs may pass.");
    Ok(Kind::UnsafeKey.code())
}
