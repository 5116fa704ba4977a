//! `eligo requirement`: checking, sizing, signing, importing and exporting requirements.

mod interchange;
mod size;

use std::path::PathBuf;

use clap::Subcommand;
use eligo_records::requirement::{Diagnostic, Purpose};
use serde_json::{Value, json};

use crate::{
    console::Console,
    failure::{Attempt, Failure, Kind},
    file::{Access, Source, Target},
    publication::Publication,
    publisher::{Publisher, PublisherPublic, RequirementSignature},
    schemas::SchemaArgs,
};

const EXAMPLE: &str = r#"Example:
  eligo requirement check stroke.toml

A requirement to start from:
  id = "stroke"
  title = "Ischaemic stroke without atrial fibrillation"
  publisher = "Stroke Research Institute"
  schema = "core"
  expression = """
  age between 40 and 80 years
  and any diagnosis in icd10:I63, snomed:230690007
  and systolic_bp < 140 mm[Hg] within 24 months
  and no diagnosis in icd10:I48
  """
  issuers = ["hospital.pub"]        # a public key file beside it, or its key in hexadecimal"#;

/// Requirements: check, size, sign, import, export
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Check a requirement, and its signature when FILE.sig lies beside it
    #[command(after_help = EXAMPLE)]
    Check {
        /// The requirement, `-` for standard input
        file: Source,
        #[command(flatten)]
        schemas: SchemaArgs,
        /// The public key that must have signed it
        #[arg(long, value_name = "FILE")]
        publisher: Option<Source>,
    },
    /// Count the constraints of a requirement's circuit, by part, before any key is made
    #[command(
        after_help = "Example:\n  eligo requirement size stroke.toml\n  eligo requirement size stroke.toml --json"
    )]
    Size {
        /// The requirement, `-` for standard input
        file: Source,
        #[command(flatten)]
        schemas: SchemaArgs,
    },
    /// Sign a requirement with the institution's key
    #[command(
        after_help = "Example:\n  eligo requirement sign stroke.toml --key institution.key        (writes stroke.toml.sig)"
    )]
    Sign {
        /// The requirement
        file: Source,
        #[command(flatten)]
        schemas: SchemaArgs,
        /// The institution's secret key (eligo institution keygen)
        #[arg(long, value_name = "FILE")]
        key: Source,
        /// The signature to write; FILE.sig if not given
        #[arg(short, long, value_name = "FILE")]
        output: Option<Target>,
        /// Overwrite
        #[arg(long)]
        force: bool,
    },
    /// Make a requirement from a document in another language
    #[command(after_help = interchange::IMPORT_EXAMPLE)]
    Import(interchange::Import),
    /// Write a requirement in another language
    #[command(after_help = interchange::EXPORT_EXAMPLE)]
    Export(interchange::Export),
}

pub fn run(command: Command, console: &Console) -> Attempt<u8> {
    match command {
        Command::Check {
            file,
            schemas,
            publisher,
        } => {
            check(&file, &schemas, publisher.as_ref(), console)?;
        }
        Command::Import(args) => interchange::import(&args, console)?,
        Command::Export(args) => interchange::export(&args, console)?,
        Command::Size { file, schemas } => size::print(&file, &schemas, console)?,
        Command::Sign {
            file,
            schemas,
            key,
            output,
            force,
        } => {
            sign(&file, &schemas, &key, output, force, console)?;
        }
    }
    Ok(0)
}

fn check(
    file: &Source,
    schemas: &SchemaArgs,
    publisher: Option<&Source>,
    console: &Console,
) -> Attempt<()> {
    let publication = Publication::read(file, &schemas.read()?)?;
    let document = publication.document();
    let signer = signature(&publication, publisher)?;
    if !publication.is_draft() {
        // Issuers that make no tree are found here.
        publication.statement()?;
    }
    let kind = match document.purpose() {
        Purpose::Count => "count",
        Purpose::Sale => "sale",
    };
    console.say(format!(
        "{file}: a requirement\n{}: {}\npublisher  {}\nschema     {}\nkind       {kind}\nissuers    {}\nsignature  {}",
        publication.id(),
        document.title(),
        document.publisher(),
        document.schema(),
        match publication.issuers().len() {
            0 => "none: a draft, which can be explained but not proved".to_owned(),
            n => n.to_string(),
        },
        signer.as_ref().map_or_else(|| "none".to_owned(), |s| format!("by {} ({})", s.name, s.ed25519)),
    ));
    if publication.criteria().implies_alive() {
        console.say("added      not deceased");
    }
    let missing = document.missing();
    if !missing.is_empty() {
        console.say(format!(
            "to publish it on a ledger, add: {}",
            missing.join(", ")
        ));
    }
    let source = document.expression().source();
    for warning in publication.criteria().warnings() {
        console.warn(warning_text(warning, source));
    }
    console.object(json!({
        "id": publication.id(),
        "title": document.title(),
        "publisher": document.publisher(),
        "schema": document.schema().to_string(),
        "kind": kind,
        "draft": publication.is_draft(),
        "issuers": publication.issuers().iter().map(|k| k.to_hex()).collect::<Vec<_>>(),
        "implies_alive": publication.criteria().implies_alive(),
        "missing": missing,
        "screened_later": document.screened_later(),
        "signature": signer.map(|s| json!({ "name": s.name, "ed25519": s.ed25519 })),
        "warnings": publication.criteria().warnings().iter().map(|w| warning_json(w, source)).collect::<Vec<_>>(),
    }));
    Ok(())
}

fn warning_text(warning: &Diagnostic, source: &str) -> String {
    let (line, column) = warning.position(source);
    let text = format!(
        "expression, line {line}, column {column}: {}",
        warning.message
    );
    match &warning.help {
        Some(help) => format!("{text}\nhelp: {help}"),
        None => text,
    }
}

fn warning_json(warning: &Diagnostic, source: &str) -> Value {
    let (line, column) = warning.position(source);
    json!({
        "message": warning.message,
        "text": warning.span.text(source),
        "line": line,
        "column": column,
        "help": warning.help,
    })
}

/// Who signed the requirement, if a signature lies beside it; one that is wrong, or of another publisher
/// than wanted, is refused.
pub fn signature(
    publication: &Publication,
    wanted: Option<&Source>,
) -> Attempt<Option<PublisherPublic>> {
    let beside = beside(publication.source()).filter(|p| p.exists());
    let wanted = wanted.map(PublisherPublic::read).transpose()?;
    let Some(path) = beside else {
        return match wanted {
            None => Ok(None),
            Some(wanted) => Err(Failure::file(
                publication.source(),
                format!("not signed; expected a signature by {}", wanted.name),
            )
            .help("put the signature beside it, as FILE.sig")),
        };
    };
    let source = Source::File(path);
    let signature = RequirementSignature::read(&source)?;
    let signer = signature.check(publication.document(), &source)?;
    match wanted {
        Some(wanted) if wanted.ed25519 != signer.ed25519 => Err(Failure::new(
            Kind::File,
            format!(
                "signed by {} ({}), not by {}",
                signer.name, signer.ed25519, wanted.name
            ),
        )
        .of(&source)),
        _ => Ok(Some(signer.clone())),
    }
}

/// The signature's place: the requirement's name with `.sig` added.
fn beside(source: &Source) -> Option<PathBuf> {
    match source {
        Source::Stdin => None,
        Source::File(path) => {
            let mut name = path.clone().into_os_string();
            name.push(".sig");
            Some(name.into())
        }
    }
}

/// Signs a requirement.
pub fn sign(
    file: &Source,
    schemas: &SchemaArgs,
    key: &Source,
    output: Option<Target>,
    force: bool,
    console: &Console,
) -> Attempt<()> {
    let output = output
        .or_else(|| beside(file).map(Target::File))
        .unwrap_or(Target::Stdout);
    output.check(force)?;
    let publication = Publication::read(file, &schemas.read()?)?;
    let publisher = Publisher::read(key, console)?;
    let signature = publisher.sign(publication.document());
    let mut text = serde_json::to_string(&signature).map_err(Failure::unexpected)?;
    text.push('\n');
    if output.is_stdout() {
        console.leave_stdout();
    }
    output.write(text.as_bytes(), Access::Public, force)?;
    let public = publisher.public();
    console.say(format!(
        "{output}: signature by {} over {}",
        public.name,
        publication.id()
    ));
    console.object(json!({
        "signature": output.to_string(),
        "requirement": publication.id(),
        "ed25519": public.ed25519,
    }));
    Ok(())
}
