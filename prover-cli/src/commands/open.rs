//! `eligo open`: a sealed file, for its patient or for whom it was granted to.

use std::{
    io::{self, Read, Seek},
    path::PathBuf,
};

use clap::Args;
use eligo_records::civil::CivilDay;
use eligo_sharing::{
    tcpre::{CheckedCapsule, ContentKey, OpenContentError},
    wallet::HospitalId,
};
use eligo_verifier_contract::{PublicInputs, field, snarkjs};
use serde_json::{Value, json};

use crate::{
    console::Console,
    document,
    encounter::VisitArgs,
    failure::{Attempt, Failure, Kind},
    file::{Access, Source, Target, to_stdout},
    ledger_key::LedgerKeyCard,
    passphrase::PassphraseArgs,
    progress::Progress,
    publication::Publication,
    schemas::SchemaArgs,
    sealing::{self, OpenRecordError, OpenedRecord},
    stream::{Incoming, Staged},
};

use super::{prove, wallet::WalletArgs};

/// Open a sealed file: the patient with the wallet, an institution with what `combine` found
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo open --wallet wallet.json --hospital charite.example --capsule scan.sealed.capsule scan.sealed -o scan.dcm\n  \
    eligo open --key content.key scan.sealed -o scan.dcm\n  \
    eligo open --key content.key --issuer hospital.ledger --requirement stroke.toml --proof proof record.sealed -o bundle.json\n\n\
    Nothing is written unless all of it is what was sealed. With --issuer the file must be a record that this \
    hospital sealed with a credential: the FHIR bundle in it is written, and the commitment to the record is \
    recomputed; with --requirement and --proof also whether this is the record that was proved, and still meets \
    the requirement."
)]
pub struct Open {
    /// The sealed file, `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    input: Source,
    /// The file's own key, which `combine` wrote
    #[arg(long, value_name = "FILE", conflicts_with = "wallet")]
    key: Option<Source>,
    /// The patient's wallet
    #[arg(long, value_name = "FILE", required_unless_present = "key", requires_all = ["hospital", "capsule"])]
    wallet: Option<Source>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// The hospital visited, as the wallet knows it
    #[arg(long, value_name = "ID")]
    hospital: Option<HospitalId>,
    /// Number of the visit, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    visit: u32,
    /// The capsule
    #[arg(long, value_name = "FILE")]
    capsule: Option<Source>,
    /// The hospital's ledger key (eligo hospital ledger-key): the file is a record it sealed with a credential
    #[arg(long, value_name = "FILE")]
    issuer: Option<Source>,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// The requirement it was bought for, evaluated again on the proof's day
    #[arg(long, value_name = "FILE", requires_all = ["issuer", "proof"])]
    requirement: Option<Source>,
    /// Folder of the proof, which must name this sealed record
    #[arg(long, value_name = "DIR", requires_all = ["issuer", "capsule"])]
    proof: Option<PathBuf>,
    /// What to write: the file, or with --issuer the FHIR bundle (mode 0600)
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Open, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let capsule = args
        .capsule
        .as_ref()
        .map(document::read_capsule)
        .transpose()?;
    let key = content_key(args, capsule.as_ref(), console)?;
    match &args.issuer {
        Some(issuer) => open_record(args, issuer, &key, capsule.as_ref(), console),
        None => write_opened(&key, (&args.input, &args.output, args.force), console),
    }
}

fn content_key(
    args: &Open,
    capsule: Option<&CheckedCapsule>,
    console: &Console,
) -> Attempt<ContentKey> {
    match (&args.key, &args.wallet, &args.hospital, capsule) {
        (Some(key), _, _, capsule) => {
            let content = document::read_content_key(key, console)?;
            let same = capsule.is_none_or(|c| {
                c.label() == content.label() && c.ciphertext_digest() == content.ciphertext_digest()
            });
            if same {
                Ok(content)
            } else {
                Err(Failure::file(
                    key,
                    "the key of another record than the capsule's",
                ))
            }
        }
        (None, Some(wallet), Some(hospital), Some(capsule)) => {
            let wallet = WalletArgs::new(wallet.clone(), args.passphrase.clone());
            let visit = VisitArgs::new(wallet, hospital.clone(), args.visit);
            let encounter = visit.open(console)?;
            capsule.decapsulate(&encounter.key).map_err(|e| {
                let source = args.capsule.clone().unwrap_or(Source::Stdin);
                match e {
                    eligo_sharing::tcpre::DecapsulateError::OtherKey => visit.other_visit(&source),
                    eligo_sharing::tcpre::DecapsulateError::KeyCommitment => {
                        Failure::file(source, e)
                            .help("whoever sealed it is at fault; ask them to seal it again")
                    }
                }
            })
        }
        _ => Err(Failure::usage("no key to open with")
            .help("give --key, or --wallet with --hospital and --capsule")),
    }
}

/// Opens a sealed file with its own key, and says so.
pub fn write_opened(
    key: &ContentKey,
    (input, output, force): (&Source, &Target, bool),
    console: &Console,
) -> Attempt<u8> {
    let incoming = Incoming::open(input)?;
    let of = |e: OpenContentError| unopened(&e, input, output);
    let bytes = if output.is_stdout() {
        // Nothing is printed before all of it was checked, and no plaintext lies in a temporary file.
        console.leave_stdout();
        let failed = |e: io::Error| Failure::file(input, e);
        let mut file = incoming.rewindable().map_err(failed)?;
        let checked = key.open(&mut file, io::sink()).map_err(of)?;
        file.rewind().map_err(failed)?;
        let mut done = Ok(());
        to_stdout(|out| match key.open(&mut file, out) {
            Err(OpenContentError::Write(e)) => Err(e),
            Err(e) => {
                done = Err(of(e));
                Ok(())
            }
            Ok(_) => Ok(()),
        })?;
        done?;
        checked.bytes
    } else {
        let mut out = Staged::begin(output, Access::Secret, force)?;
        let progress = Progress::of_bytes(console, "Opening", incoming.length());
        let opened = key.open(progress.reading(incoming), &mut out).map_err(of)?;
        drop(progress);
        out.keep()?;
        opened.bytes
    };
    console.say(format!("{output}: opened, {bytes} bytes"));
    console.object(json!({
        "opened": output.to_string(),
        "bytes": bytes,
        "label": key.label().to_string(),
    }));
    Ok(0)
}

fn unopened(error: &OpenContentError, input: &Source, output: &Target) -> Failure {
    match error {
        OpenContentError::Write(e) if e.kind() != io::ErrorKind::Other => {
            Failure::unexpected(error).of(output)
        }
        OpenContentError::Header(_) => {
            Failure::file(input, error).help("expected a file made by `eligo seal`")
        }
        _ => {
            Failure::file(input, error).help("use an unaltered copy, and the key of this very file")
        }
    }
}

fn open_record(
    args: &Open,
    issuer: &Source,
    key: &ContentKey,
    capsule: Option<&CheckedCapsule>,
    console: &Console,
) -> Attempt<u8> {
    let card = LedgerKeyCard::read(issuer)?;
    let given = args.schemas.read()?;
    let mut sealed = Incoming::open(&args.input)?;
    let opened =
        sealing::open_record(key, sealed.by_ref(), &given).map_err(|e| no_record(&e, args))?;
    sealing::check_opened(&opened, &card.key()?).map_err(|e| no_record(&e, args))?;
    let mut object = json!({
        "opened": args.output.to_string(),
        "label": opened.label.to_string(),
        "schema": opened.schema.name(),
        "record": field::to_decimal(&opened.record),
        "signed_by": card.name,
    });
    let mut lines = vec![format!("record {}", field::to_decimal(&opened.record))];
    if let (Some(folder), Some(capsule)) = (&args.proof, capsule) {
        let today = matches_proof(args, folder, capsule, &opened, &card)?;
        lines.push(format!("the record that was proved on {today}"));
        if let Value::Object(fields) = &mut object {
            fields.insert("opened_matches_proof".to_owned(), true.into());
            fields.insert("today".to_owned(), today.to_string().into());
        }
    }
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    args.output
        .write(&opened.bundle, Access::Secret, args.force)?;
    console.say(format!(
        "{}: the FHIR record signed by {}\n{}",
        args.output,
        card.name,
        lines.join("\n")
    ));
    console.object(object);
    Ok(0)
}

/// Refuses another record than the proof's, and one that does not meet the requirement; the day of the proof.
fn matches_proof(
    args: &Open,
    folder: &std::path::Path,
    capsule: &CheckedCapsule,
    opened: &OpenedRecord,
    hospital: &LedgerKeyCard,
) -> Attempt<CivilDay> {
    let source = Source::File(folder.join(prove::PUBLIC));
    let elements =
        snarkjs::read_public(&source.read(1 << 20)?).map_err(|e| Failure::file(&source, e))?;
    let inputs =
        PublicInputs::from_field_elements(&elements).map_err(|e| Failure::file(&source, e))?;
    if inputs.sealed != sealing::sealed_of(capsule) {
        return Err(Failure::new(
            Kind::ProofInvalid,
            "the proof is about another sealed record",
        )
        .of(&source)
        .at("sealed"));
    }
    let today = CivilDay::from_number(inputs.today.number())
        .map_err(|e| Failure::file(&source, e).at("today"))?;
    if let Some(requirement) = &args.requirement {
        let publication = Publication::read(requirement, &args.schemas.read()?)?;
        let statement = publication.statement()?;
        if statement.digest() != inputs.requirement {
            return Err(
                Failure::new(Kind::ProofInvalid, "the proof is about another requirement")
                    .of(&source)
                    .at("requirement"),
            );
        }
        let accepted = publication
            .issuers()
            .iter()
            .any(|k| k.to_hex() == hospital.baby_jubjub);
        if !accepted {
            return Err(Failure::new(
                Kind::UntrustedIssuer,
                format!("the requirement does not accept {}", hospital.name),
            ));
        }
        if !sealing::still_holds(opened, publication.criteria().program(), today) {
            return Err(Failure::new(
                Kind::NotEligible,
                format!("what was sealed does not meet `{}` on {today}", publication.id()),
            )
            .of(&args.input)
            .help("the hospital sealed another record than it certified; keep the files: they show it"));
        }
    }
    Ok(today)
}

fn no_record(error: &OpenRecordError, args: &Open) -> Failure {
    match error {
        OpenRecordError::Open(e) => unopened(e, &args.input, &args.output),
        OpenRecordError::UnknownSchema(_) => {
            Failure::file(&args.input, error).help("give the schema's file with --schema-file")
        }
        OpenRecordError::Signature => Failure::new(Kind::UntrustedIssuer, error)
            .of(&args.input)
            .help("give the ledger key of the hospital that sealed it; if it is, the hospital is at fault"),
        _ => Failure::file(&args.input, error)
            .help("without --issuer a file that is no record is opened as it is"),
    }
}
