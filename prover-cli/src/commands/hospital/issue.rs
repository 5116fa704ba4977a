//! `eligo hospital issue`: from a FHIR record to a signed credential.

use std::path::{Path, PathBuf};

use clap::Args;
use eligo_circuits::credential::{Credential, Grounds};
use eligo_records::{
    civil::CivilDay,
    fhir::{Input, MAX_BYTES, MAX_FILES},
    issue::{IssueError, Issued, Options, Recorded, Report, State, issue},
    schema::Schema,
};
use eligo_sharing::wallet::HolderDocument;
use eligo_verifier_contract::Fr;
use rand_core::OsRng;
use serde_json::json;

use super::read_key;
use crate::{
    console::Console,
    day,
    failure::{Attempt, Failure},
    file::{self, Access, Source, Target},
    schemas,
};

pub const EXAMPLE: &str = "Example:\n  eligo hospital issue --key hospital.key --schema core --holder holder.json --record bundle.json \\\n    \
    -o credential.json --report report.json\n\n\
The record is a FHIR R4 or R5 bundle, a resource, an NDJSON file, or a folder of such files. What is dated in the\n\
future is left out. The report says for every attribute what was used, and for every resource left out why.\n\
The credential holds the record: it is for the patient alone (mode 0600).";

/// Largest holder document read.
const HOLDER_LIMIT: usize = 4096;

/// Read a patient's FHIR record and sign a credential
#[derive(Args, Debug)]
pub struct Issue {
    /// The hospital's secret key
    #[arg(long, value_name = "FILE")]
    pub key: Source,
    /// Name of a shipped schema, or a schema file
    #[arg(long, value_name = "NAME|FILE", default_value = "core")]
    pub schema: String,
    /// The patient's holder document
    #[arg(long, value_name = "FILE")]
    pub holder: Source,
    /// The record: a bundle, an NDJSON file, a folder of them, or `-`; may be repeated
    #[arg(long, value_name = "FILE|DIR", required = true)]
    pub record: Vec<Source>,
    /// The patient, when the record holds several: id, Patient/id or full URL
    #[arg(long, value_name = "ID")]
    pub patient: Option<String>,
    /// First day of the credential, YYYY-MM-DD; today (UTC) if not given
    #[arg(long, value_name = "DATE", value_parser = CivilDay::parse)]
    pub issued: Option<CivilDay>,
    /// Leave out what is dated after this day, YYYY-MM-DD; today (UTC) if not given
    #[arg(long, value_name = "DATE", value_parser = CivilDay::parse)]
    pub until: Option<CivilDay>,
    /// Months for which it is good
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=1200))]
    pub valid_months: u32,
    /// A group of codes (diagnosis, medication, procedure, allergy) whose list is not complete; may be repeated
    #[arg(long, value_name = "GROUP")]
    pub incomplete: Vec<String>,
    /// The credential to write
    #[arg(short, long, value_name = "FILE")]
    pub output: Target,
    /// Write the report, JSON; it holds the record's values (mode 0600)
    #[arg(long, value_name = "FILE")]
    pub report: Option<Target>,
    /// Overwrite
    #[arg(long)]
    pub force: bool,
}

/// Issues a credential; the report.
pub fn run(args: &Issue, console: &Console) -> Attempt<Report> {
    args.output.check(args.force)?;
    args.report.iter().try_for_each(|r| r.check(args.force))?;
    if args.output.is_stdout() && args.report.as_ref().is_some_and(Target::is_stdout) {
        return Err(Failure::usage(
            "the credential and the report cannot both go to standard output",
        ));
    }
    let issued_on = day::or_today(args.issued)?;
    let expires = day::months_after(issued_on, args.valid_months)?;
    let schema = schemas::find(&args.schema)?;
    let key = read_key(&args.key, console)?;
    let holder = read_holder(&args.holder)?;
    let files = read_record(&args.record)?;
    let issued = cells(&schema, &files, args, day::or_today(args.until)?)?;
    let grounds = Grounds {
        schema: &schema,
        cells: issued.cells,
        holder: *holder.holder.as_fr(),
        // No sealed record: the credential supports count claims.
        sealed: Fr::from(0u64),
        issued: issued_on,
        expires,
    };
    let credential = Credential::issue(&key, grounds, &mut OsRng).map_err(Failure::unexpected)?;
    let mut text =
        zeroize::Zeroizing::new(credential.to_json(&schema).map_err(Failure::unexpected)?);
    text.push('\n');
    if args.output.is_stdout() || args.report.as_ref().is_some_and(Target::is_stdout) {
        console.leave_stdout();
    }
    args.output
        .write(text.as_bytes(), Access::Secret, args.force)?;
    if let Some(target) = &args.report {
        let mut text = serde_json::to_vec_pretty(&issued.report).map_err(Failure::unexpected)?;
        text.push(b'\n');
        target.write(&text, Access::Secret, args.force)?;
    }
    summarize(args, &issued.report, (issued_on, expires), &schema, console);
    Ok(issued.report)
}

/// Reads and checks a holder document.
fn read_holder(source: &Source) -> Attempt<HolderDocument> {
    HolderDocument::from_json(&source.read(HOLDER_LIMIT)?)
        .map_err(|e| Failure::file(source, e).help("expected a file made by `eligo wallet holder`"))
}

/// Names and contents of a record's files.
fn read_record(sources: &[Source]) -> Attempt<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let mut bytes = 0;
    let mut take = |source: &Source| {
        let content = source.read(MAX_BYTES)?;
        bytes += content.len();
        files.push((source.to_string(), content));
        if bytes > MAX_BYTES {
            return Err(Failure::file(
                source,
                format!("more than {} MiB of input", MAX_BYTES >> 20),
            ));
        }
        Ok(())
    };
    for source in sources {
        match source {
            Source::File(path) if path.is_dir() => {
                let inner = files_in(path)?;
                inner.into_iter().try_for_each(|p| take(&Source::File(p)))?;
            }
            source => take(source)?,
        }
    }
    Ok(files)
}

/// The JSON and NDJSON files in a folder, by name.
fn files_in(folder: &Path) -> Attempt<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|e| file::unreadable(folder, &e))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "json" || e == "ndjson"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::file(
            folder.display(),
            "holds no .json or .ndjson file",
        ));
    }
    if paths.len() > MAX_FILES {
        return Err(Failure::file(
            folder.display(),
            format!("holds more than {MAX_FILES} files"),
        ));
    }
    Ok(paths)
}

fn cells(
    schema: &Schema,
    files: &[(String, Vec<u8>)],
    args: &Issue,
    until: CivilDay,
) -> Attempt<Issued> {
    let inputs: Vec<Input<'_>> = files
        .iter()
        .map(|(name, content)| Input { name, content })
        .collect();
    let recorded = match args.incomplete.as_slice() {
        [] => Recorded::Judged,
        groups => Recorded::Except(groups.iter().cloned().collect()),
    };
    let options = Options {
        patient: args.patient.clone(),
        until: Some(until),
        recorded,
    };
    issue(schema, &inputs, &options).map_err(|e| {
        let help = match &e {
            IssueError::Patient(_) => format!("{} (--patient ID)", e.advice()),
            IssueError::TooManyCodes { .. } => {
                "use a schema with more room: --schema core-large".to_owned()
            }
            _ => e.advice().to_owned(),
        };
        let failure = Failure::new(crate::failure::Kind::File, &e).help(help);
        match (&e, files) {
            // What cannot be read names its file itself.
            (IssueError::Read(_), _) => failure,
            (_, [(name, _)]) => failure.of(name),
            _ => failure,
        }
    })
}

fn summarize(
    args: &Issue,
    report: &Report,
    (issued, expires): (CivilDay, CivilDay),
    schema: &Schema,
    console: &Console,
) {
    let present = report
        .attributes
        .iter()
        .filter(|a| a.state == State::Present)
        .count();
    let used = report
        .resources
        .iter()
        .filter(|r| !r.used_for.is_empty())
        .count();
    console.say(format!(
        "{}: credential for patient {}, schema {}, good from {issued} to {expires}\n\
         {present} of {} attributes present; {used} of {} resources used",
        args.output,
        report.patient,
        schema.name(),
        report.attributes.len(),
        report.resources.len(),
    ));
    match &args.report {
        Some(target) => console.say(format!(
            "{target}: what was used, and what was left out and why"
        )),
        None => console.say(format!("\n{}", report.to_string().trim_end())),
    }
    console.object(json!({
        "credential": args.output.to_string(),
        "patient": report.patient,
        "schema": schema.name(),
        "issued": issued.to_string(),
        "expires": expires.to_string(),
        "attributes_present": present,
        "resources_used": used,
        "report": report,
    }));
}
