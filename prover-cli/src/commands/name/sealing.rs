//! Files sealed to names, and opened with names' keys.

use std::io::Write;

use clap::Args;
use eligo_marketplace::{
    convene::named::{
        OpenNamedError, RecordAddress, SealNamedError, open_named, open_passed_on, seal_to_name,
    },
    name::AccountId,
};
use eligo_sharing::tcpre::{RecordId, SchemaId};
use rand_core::OsRng;
use serde_json::json;

use crate::{
    care::form::{self, Form},
    commands::{
        open::write_opened,
        seal::{capsule_beside, unsealed},
    },
    console::Console,
    failure::{Attempt, Failure, Kind},
    file::{Access, Source, Target},
    market::connection::NodeArgs,
    naming::{self, Authorities, NameCapsule, ReadCapsule},
    progress::Progress,
    schemas,
    sealing::schema_id,
    stream::{Incoming, Staged},
};

/// Examples, and who can open.
pub const SEAL_HELP: &str = "Example:\n  eligo name seal --to-organisation 5f.. --record 8c.. --record-version 1 scan.dcm -o scan.sealed\n  \
    eligo name seal --authorities authorities --to-organisation 5f.. --record 8c.. scan.dcm -o scan.sealed\n\n\
    Who can open: the organisation, with the key of this name (eligo name ask), whom it passes the record on to, and\n\
    t of the authorities together. A patient's record is sealed to the patient, with `eligo seal`, and never falls\n\
    back to this.";

/// Seal to a name
#[derive(Args, Debug)]
pub struct Seal {
    /// The file, `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    input: Source,
    /// The organisation whose record it is: a hospital's account
    #[arg(long, value_name = "ACCOUNT")]
    to_organisation: AccountId,
    /// The record, as the hospital numbers it: 64 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    record: String,
    /// The record's version, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    record_version: u64,
    /// The authorities' key (eligo name authorities); the one in force on the ledger if not given
    #[arg(long, value_name = "FILE")]
    authorities: Option<Source>,
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
    #[command(flatten)]
    node: NodeArgs,
}

pub fn seal(args: &Seal, console: &Console) -> Attempt<u8> {
    let capsule_target = capsule_beside(&args.output, args.capsule.as_ref())?;
    let mut sealed = Staged::begin(&args.output, Access::Public, args.force)?;
    let mut capsule_file = Staged::begin(&capsule_target, Access::Public, args.force)?;
    let authorities = match &args.authorities {
        Some(source) => Authorities::read(source)?,
        None => Authorities::in_force(&args.node.connect(console)?)?,
    };
    let key = authorities.key()?;
    let address = RecordAddress {
        organisation: args.to_organisation.to_string(),
        record: RecordId::new(form::bytes(&args.record, "record")?),
        version: args.record_version,
    };
    let schema = match &args.schema {
        Some(name) => schema_id(&schemas::find(name)?),
        None => SchemaId::new([0; 32]),
    };
    let incoming = Incoming::open(&args.input)?;
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    let progress = Progress::of_bytes(console, "Sealing", incoming.length());
    let record = progress.reading(incoming);
    let capsule = seal_to_name(&key, &address, schema, record, &mut sealed, &mut OsRng);
    let capsule = capsule.map_err(|e| match &e {
        SealNamedError::Seal(e) => unsealed(e, &args.input, &sealed),
        e => Failure::unexpected(e),
    })?;
    drop(progress);
    let text = NameCapsule::sealed(&capsule).text()?;
    let written = capsule_file.write_all(text.as_bytes());
    written.map_err(|e| Failure::unexpected(e).of(capsule_file.name()))?;
    keep_both(sealed, capsule_file)?;
    let threshold = key.threshold();
    console.say(format!(
        "{}: sealed to the name of version {} of the record\n{capsule_target}: capsule\n\
        who can open: {}, whom it passes the record on to, and any {threshold} of the authorities together",
        args.output, args.record_version, args.to_organisation
    ));
    console.object(json!({
        "sealed": args.output.to_string(),
        "capsule": capsule_target.to_string(),
        "organisation": args.to_organisation.to_string(),
        "ceremony": authorities.ceremony.to_string(),
        "threshold": threshold,
    }));
    Ok(0)
}

/// Puts both files in their places, the ciphertext first: a capsule that is overwritten is never of a ciphertext that
/// still stands.
fn keep_both(sealed: Staged, capsule: Staged) -> Attempt<()> {
    let (ciphertext, name) = (sealed.name(), capsule.name());
    sealed.keep().map_err(|failure| {
        failure.showing(format!(
            "neither the ciphertext {ciphertext} nor the capsule {name} is written"
        ))
    })?;
    capsule.keep().map_err(|failure| {
        failure.showing(format!(
            "the ciphertext {ciphertext} is written and the capsule {name} is not: seal again, to both"
        ))
    })
}

/// Open what was sealed to a name
#[derive(Args, Debug)]
pub struct Open {
    /// The sealed file, `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    input: Source,
    /// Its capsule, as it was sealed or as a proxy passed it on
    #[arg(long, value_name = "FILE")]
    capsule: Source,
    /// The name's key (eligo name take)
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// What to write (mode 0600)
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn open(args: &Open, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let (_, key, _) = naming::read_key(&args.key, console)?;
    let content = match NameCapsule::open(&args.capsule)? {
        ReadCapsule::Sealed(capsule) => open_named(&capsule, &key),
        ReadCapsule::Passed(capsule) => open_passed_on(&capsule, &key),
    };
    let content = content.map_err(|e| unopened(e, &args.capsule))?;
    write_opened(&content, (&args.input, &args.output, args.force), console)
}

/// Why a capsule gives no key.
fn unopened(error: OpenNamedError, capsule: &Source) -> Failure {
    Failure::new(Kind::File, error)
        .of(capsule)
        .help("use an unaltered capsule, and the key of the name it is sealed or passed on to")
}
