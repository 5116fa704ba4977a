//! `eligo seal`: a file of any size, encrypted to a patient's visit.

use std::io::Write;

use clap::Args;
use eligo_sharing::{
    document::Document,
    tcpre::{Label, RecordId, SchemaId, SealError, seal},
};
use rand_core::{OsRng, RngCore};
use serde_json::json;

use crate::{
    console::Console,
    encounter,
    failure::{Attempt, Failure},
    file::{Access, Source, Target},
    progress::Progress,
    schemas, sealing,
    stream::{Incoming, Staged},
};

/// Encrypt a file of any size to a patient's visit
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo seal --to encounter.json scan.dcm -o scan.sealed\n  \
    tar c study | eligo seal --to encounter.json --capsule study.capsule > study.sealed\n\n\
    Besides the ciphertext a capsule of 336 bytes is written: with it the patient opens the file, and grants it \
    to others. Memory stays the same whatever the size. Between institutions that choose so, to a name instead: \
    eligo name seal."
)]
pub struct Seal {
    /// The file, `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    input: Source,
    /// The visit's card (eligo wallet encounter), or a holder document with a visit
    #[arg(long, value_name = "CARD")]
    to: Source,
    /// The label, 64 hexadecimal digits; a random one if not given
    #[arg(long, value_name = "HEX")]
    label: Option<Label>,
    /// Name the schema the file follows: one that ships, or a schema file
    #[arg(long, value_name = "NAME|FILE")]
    schema: Option<String>,
    /// The ciphertext to write
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: Target,
    /// The capsule to write; OUTPUT.capsule if not given
    #[arg(long, value_name = "FILE")]
    capsule: Option<Target>,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Seal, console: &Console) -> Attempt<u8> {
    let capsule_target = capsule_beside(&args.output, args.capsule.as_ref())?;
    let mut sealed = Staged::begin(&args.output, Access::Public, args.force)?;
    let mut capsule_file = Staged::begin(&capsule_target, Access::Public, args.force)?;
    let card = encounter::read_card(&args.to)?;
    let schema = match &args.schema {
        Some(name) => sealing::schema_id(&schemas::find(name)?),
        None => SchemaId::new([0; 32]),
    };
    let label = args.label.unwrap_or_else(fresh_label);
    let incoming = Incoming::open(&args.input)?;
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    let progress = Progress::of_bytes(console, "Sealing", incoming.length());
    let record = progress.reading(incoming);
    let capsule = seal(&card.key, label, schema, record, &mut sealed, &mut OsRng)
        .map_err(|e| unsealed(&e, &args.input, &sealed))?;
    drop(progress);
    let written = capsule_file.write_all(capsule.to_json().as_bytes());
    written.map_err(|e| Failure::unexpected(e).of(capsule_file.name()))?;
    sealed.keep()?;
    capsule_file.keep()?;
    let digest = hex::encode(capsule.ciphertext_digest());
    console.say(format!(
        "{}: sealed\n{capsule_target}: capsule\nlabel {label}\ndigest {digest}",
        args.output
    ));
    console.object(json!({
        "sealed": args.output.to_string(),
        "capsule": capsule_target.to_string(),
        "label": label.to_string(),
        "digest": digest,
    }));
    Ok(0)
}

/// Why nothing was sealed.
pub fn unsealed(error: &SealError, input: &Source, sealed: &Staged) -> Failure {
    match error {
        SealError::Read(_) => Failure::file(input, error),
        SealError::Write(_) => Failure::unexpected(error).of(sealed.name()),
        SealError::TooLong => Failure::file(input, error),
    }
}

/// A label that was never used.
pub fn fresh_label() -> Label {
    let mut id = [0; 32];
    OsRng.fill_bytes(&mut id);
    Label::of_record(&RecordId::new(id), 1)
}

/// Where the capsule goes: as asked, else beside the ciphertext.
pub fn capsule_beside(sealed: &Target, capsule: Option<&Target>) -> Attempt<Target> {
    match (sealed, capsule) {
        (Target::Stdout, Some(Target::Stdout)) => Err(Failure::usage(
            "the ciphertext and the capsule cannot both go to standard output",
        )),
        (_, Some(capsule)) => Ok(capsule.clone()),
        (Target::File(path), None) => {
            let mut name = path.clone().into_os_string();
            name.push(".capsule");
            Ok(Target::File(name.into()))
        }
        (Target::Stdout, None) => Err(Failure::usage(
            "the ciphertext goes to standard output, and the capsule nowhere",
        )
        .help("name a file for it: --capsule FILE")),
    }
}
