//! `eligo requirement import`, `eligo requirement export`: other languages of eligibility.

use clap::{Args, ValueEnum};
use eligo_circuits::jubjub::Point;
use eligo_records::requirement::{
    Requirement,
    interchange::{self, Format, ImportError, MAX_INPUT, Note, Study, Unsupported},
};
use serde_json::json;

use crate::{
    console::Console,
    failure::{Attempt, Failure},
    file::{Access, Source, Target},
    publication::{Publication, read_issuer},
    schemas::{self, SchemaArgs},
};

pub const IMPORT_EXAMPLE: &str = "Example:\n  \
eligo requirement import --from ccdl cohort.json --issuer hospital.pub -o stroke.toml\n\n\
What cannot be expressed is listed, and carried in the requirement as `screened_later`: nothing is dropped in silence.\n\
Without --issuer it is a draft: it can be explained, not proved.";
pub const EXPORT_EXAMPLE: &str =
    "Example:\n  eligo requirement export --to evidence-variable stroke.toml -o stroke.json";

/// Languages that can be read.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum From {
    /// Clinical Cohort Definition Language
    Ccdl,
    /// FHIR R4 or R5 Group
    Group,
    /// FHIR R5 EvidenceVariable
    EvidenceVariable,
}

/// Languages that can be written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum To {
    /// Clinical Cohort Definition Language
    Ccdl,
    /// FHIR R5 Group
    #[value(alias = "group")]
    GroupR5,
    /// FHIR R4 Group
    GroupR4,
    /// FHIR R5 EvidenceVariable
    EvidenceVariable,
}

/// Make a requirement from a document in another language
#[derive(Args, Debug)]
pub struct Import {
    /// The language
    #[arg(long, value_enum)]
    from: From,
    /// The document, `-` for standard input
    file: Source,
    /// Name of a shipped schema, or a schema file
    #[arg(long, value_name = "NAME|FILE", default_value = "core")]
    schema: String,
    /// An issuer to accept, a public key file or its key in hexadecimal; may be repeated
    #[arg(long, value_name = "PUB")]
    issuer: Vec<String>,
    /// The institution
    #[arg(long, default_value = "unnamed institution")]
    publisher: String,
    /// A FHIR R5 ResearchStudy, for its title, identifier and number of participants
    #[arg(long, value_name = "FILE")]
    study: Option<Source>,
    /// The requirement's identifier, instead of the document's
    #[arg(long)]
    id: Option<String>,
    /// The requirement to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

/// Write a requirement in another language
#[derive(Args, Debug)]
pub struct Export {
    /// The language
    #[arg(long, value_enum)]
    to: To,
    /// The requirement, `-` for standard input
    file: Source,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// The document to write
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn import(args: &Import, console: &Console) -> Attempt<()> {
    args.output.check(args.force)?;
    let schema = schemas::find(&args.schema)?;
    let issuers = args
        .issuer
        .iter()
        .map(|i| issuer(i))
        .collect::<Attempt<Vec<Point>>>()?;
    let format = match args.from {
        From::Ccdl => Format::Ccdl,
        From::Group => Format::GroupR5,
        From::EvidenceVariable => Format::EvidenceVariable,
    };
    let text = args.file.read_text(MAX_INPUT)?;
    let imported =
        interchange::import(format, &text, &schema).map_err(|e| refused(&args.file, &e))?;
    let mut document = imported.document(&args.publisher);
    document.issuers = issuers.iter().map(Point::to_hex).collect();
    if let Some(source) = &args.study {
        let text = source.read_text(MAX_INPUT)?;
        let study = Study::read(&text).map_err(|e| refused(source, &e))?;
        document.title = study.title.unwrap_or(document.title);
        document.number_wanted = study.target_number.or(document.number_wanted);
        document.id = study.id.unwrap_or(document.id);
    }
    if let Some(id) = &args.id {
        document.id.clone_from(id);
    }
    let requirement = Requirement::try_from(document)
        .map_err(|e| Failure::usage(e).help("correct --id or --publisher"))?;
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    let text = requirement.to_toml();
    args.output
        .write(text.as_bytes(), Access::Public, args.force)?;
    console.say(format!(
        "{}: {} over {}, {}",
        args.output,
        requirement.id(),
        requirement.schema(),
        match issuers.len() {
            0 => "a draft without issuers".to_owned(),
            1 => "one issuer".to_owned(),
            n => format!("{n} issuers"),
        }
    ));
    say_report(
        &imported.unsupported,
        &imported.notes,
        "screened later",
        console,
    );
    console.object(json!({
        "requirement": args.output.to_string(),
        "id": requirement.id(),
        "schema": requirement.schema().to_string(),
        "draft": issuers.is_empty(),
        "expression": requirement.expression().source(),
        "unsupported": imported.unsupported,
        "notes": imported.notes,
    }));
    Ok(())
}

pub fn export(args: &Export, console: &Console) -> Attempt<()> {
    args.output.check(args.force)?;
    let publication = Publication::read(&args.file, &args.schemas.read()?)?;
    let format = match args.to {
        To::Ccdl => Format::Ccdl,
        To::GroupR5 => Format::GroupR5,
        To::GroupR4 => Format::GroupR4,
        To::EvidenceVariable => Format::EvidenceVariable,
    };
    let exported = interchange::export(format, publication.document(), publication.criteria());
    let mut text = serde_json::to_string_pretty(&exported.json).map_err(Failure::unexpected)?;
    text.push('\n');
    if args.output.is_stdout() {
        console.leave_stdout();
    }
    args.output
        .write(text.as_bytes(), Access::Public, args.force)?;
    console.say(format!("{}: {}", args.output, publication.id()));
    say_report(&exported.unsupported, &exported.notes, "left out", console);
    console.object(json!({
        "document": args.output.to_string(),
        "requirement": publication.id(),
        "unsupported": exported.unsupported,
        "notes": exported.notes,
    }));
    Ok(())
}

fn say_report(unsupported: &[Unsupported], notes: &[Note], what: &str, console: &Console) {
    for u in unsupported {
        console.say(format!(
            "{what}: {}: {}: {}",
            u.place, u.criterion, u.reason
        ));
    }
    for n in notes {
        let place = if n.place.is_empty() {
            String::new()
        } else {
            format!("{}: ", n.place)
        };
        console.say(format!("note: {place}{}", n.text));
    }
}

fn refused(file: &Source, error: &ImportError) -> Failure {
    match error {
        ImportError::Shape { place, expected } => {
            let place = if place.is_empty() { "the top" } else { place };
            Failure::file(file, format!("expected {expected}"))
                .at(place)
                .help("check that --from names the document's language")
        }
        ImportError::Json { line, column } => {
            Failure::file(file, "not JSON").at(format!("line {line}, column {column}"))
        }
        ImportError::Nothing(unsupported) => {
            let lines: Vec<String> = unsupported
                .iter()
                .map(|u| format!("  {}: {}: {}", u.place, u.criterion, u.reason))
                .collect();
            Failure::file(file, error)
                .showing(lines.join("\n"))
                .help("try another schema with --schema")
        }
        ImportError::Length | ImportError::Expression(_) => Failure::file(file, error),
    }
}

/// A key in hexadecimal, or a public key file.
fn issuer(text: &str) -> Attempt<Point> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Point::from_hex(text).map_err(|e| Failure::usage(e).of(text));
    }
    let Ok(source) = text.parse::<Source>();
    read_issuer(&source).map(|key| *key.schnorr())
}
