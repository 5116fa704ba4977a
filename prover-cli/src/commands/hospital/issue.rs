//! `eligo hospital issue`: from a FHIR record to a signed credential.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use eligo_circuits::{
    credential::{Credential, Grounds, Salt},
    issuer::IssuerKey,
};
use eligo_records::{
    civil::CivilDay,
    fhir::{Input, MAX_BYTES, MAX_FILES},
    issue::{IssueError, Issued, Options, Recorded, Report, State, issue},
    schema::Schema,
};
use eligo_sharing::{
    document::Document,
    tcpre::{Label, RecordId},
    wallet::HolderDocument,
};
use eligo_verifier_contract::{Fr, field};
use rand_core::{OsRng, RngCore};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::read_key;
use crate::{
    commands::seal::capsule_beside,
    console::Console,
    day, encounter,
    failure::{Attempt, Failure},
    file::{self, Access, Source, Target},
    ledger_key::ledger_key,
    schemas,
    sealing::{Record, SealedRecord, seal_record},
    stream::Staged,
};

pub const EXAMPLE: &str = "Example:\n  eligo hospital issue --key hospital.key --schema core --holder holder.json --record bundle.json \\\n    \
    -o credential.json --report report.json\n  \
    eligo hospital issue --key hospital.key --holder holder.json --record bundle.json --sealed-out record.sealed \\\n    \
    -o credential.json\n\n\
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
    #[command(flatten)]
    pub sealing: SealingArgs,
    /// Overwrite
    #[arg(long)]
    pub force: bool,
}

/// Where a sealed record goes, if there is to be one.
#[derive(Args, Clone, Debug, Default)]
pub struct SealingArgs {
    /// Also seal the record to the patient's visit and write the ciphertext; the credential then names it, and
    /// supports sales
    #[arg(long, value_name = "FILE")]
    pub sealed_out: Option<Target>,
    /// The sealed record's capsule; SEALED_OUT.capsule if not given
    #[arg(long, value_name = "FILE", requires = "sealed_out")]
    pub capsule_out: Option<Target>,
    /// The card of the visit (eligo wallet encounter), when the holder document has none
    #[arg(long, value_name = "CARD", requires = "sealed_out")]
    pub encounter: Option<Source>,
    /// The record's id, 64 hexadecimal digits, when this is a new version of it; a random one if not given
    #[arg(long, value_name = "HEX", requires = "sealed_out")]
    pub record_id: Option<RecordId>,
    /// The record's version
    #[arg(long, value_name = "N", default_value_t = 1, requires = "record_id")]
    pub record_version: u64,
}

/// Issues a credential; the report.
pub fn run(args: &Issue, console: &Console) -> Attempt<Report> {
    args.output.check(args.force)?;
    args.report.iter().try_for_each(|r| r.check(args.force))?;
    apart(args)?;
    let issued_on = day::or_today(args.issued)?;
    let expires = day::months_after(issued_on, args.valid_months)?;
    let schema = schemas::find(&args.schema)?;
    let sealing = Sealing::begin(args)?;
    let key = read_key(&args.key, console)?;
    let holder = read_holder(&args.holder)?;
    let files = read_record(&args.record)?;
    let mut issued = cells(&schema, &files, args, day::or_today(args.until)?)?;
    let bundle = Zeroizing::new(core::mem::take(&mut issued.bundle));
    let record = Record {
        schema: &schema,
        cells: &issued.cells,
        bundle: &bundle,
    };
    let sealing = sealing
        .map(|s| s.seal(args, &record, &holder, &key, console))
        .transpose()?;
    let (salt, sealed) = match &sealing {
        Some((_, record)) => (None, record.sealed.to_field()),
        // No sealed record: the credential supports count claims.
        None => (Some(Salt::draw(&mut OsRng)), Fr::from(0u64)),
    };
    let grounds = Grounds {
        schema: &schema,
        cells: issued.cells,
        holder: *holder.holder.as_fr(),
        sealed,
        issued: issued_on,
        expires,
    };
    let salt = salt.as_ref().or(sealing.as_ref().map(|(_, r)| &r.salt));
    let salt = salt.ok_or_else(|| Failure::unexpected("a record without a salt"))?;
    let credential =
        Credential::issue_salted(&key, grounds, salt, &mut OsRng).map_err(Failure::unexpected)?;
    let mut text =
        zeroize::Zeroizing::new(credential.to_json(&schema).map_err(Failure::unexpected)?);
    text.push('\n');
    if args.output.is_stdout() || args.report.as_ref().is_some_and(Target::is_stdout) {
        console.leave_stdout();
    }
    // The ciphertext first: a credential never names one that is not there.
    let named = match sealing {
        Some((sealing, record)) => Some(sealing.keep(&record)?),
        None => None,
    };
    args.output
        .write(text.as_bytes(), Access::Secret, args.force)?;
    if let Some(target) = &args.report {
        let mut text = serde_json::to_vec_pretty(&issued.report).map_err(Failure::unexpected)?;
        text.push(b'\n');
        target.write(&text, Access::Secret, args.force)?;
    }
    summarize(
        args,
        &issued.report,
        (issued_on, expires),
        &schema,
        named,
        console,
    );
    Ok(issued.report)
}

/// Refuses two files of one name: the second would take the first one's place.
fn apart(args: &Issue) -> Attempt<()> {
    let sealing = &args.sealing;
    let targets: Vec<&Target> = [
        Some(&args.output),
        args.report.as_ref(),
        sealing.sealed_out.as_ref(),
        sealing.capsule_out.as_ref(),
    ]
    .into_iter()
    .flatten()
    .collect();
    for (i, target) in targets.iter().enumerate() {
        if targets.iter().skip(i + 1).any(|other| other == target) {
            return Err(Failure::usage(format!(
                "two of the files to write would go to {target}; nothing was written"
            )));
        }
    }
    Ok(())
}

/// The files of a sealed record, under way.
struct Sealing {
    label: Label,
    record_id: RecordId,
    sealed: Staged,
    capsule: Staged,
}

impl Sealing {
    /// Begins them, if a sealed record is asked for.
    fn begin(args: &Issue) -> Attempt<Option<Self>> {
        let Some(target) = &args.sealing.sealed_out else {
            return Ok(None);
        };
        let beside = capsule_beside(target, args.sealing.capsule_out.as_ref())?;
        let stdout = [target, &beside, &args.output];
        if stdout.iter().filter(|t| t.is_stdout()).count() > 1 {
            return Err(Failure::usage(
                "only one of the files can go to standard output",
            ));
        }
        let record_id = args.sealing.record_id.unwrap_or_else(|| {
            let mut id = [0; 32];
            OsRng.fill_bytes(&mut id);
            RecordId::new(id)
        });
        Ok(Some(Self {
            label: Label::of_record(&record_id, args.sealing.record_version),
            record_id,
            sealed: Staged::begin(target, Access::Public, args.force)?,
            capsule: Staged::begin(&beside, Access::Public, args.force)?,
        }))
    }

    fn seal(
        mut self,
        args: &Issue,
        record: &Record<'_>,
        holder: &HolderDocument,
        key: &IssuerKey,
        console: &Console,
    ) -> Attempt<(Self, SealedRecord)> {
        let card = match (&args.sealing.encounter, &holder.encounter) {
            (Some(source), _) => encounter::read_card(source)?,
            (None, Some((_, _, card))) => card.clone(),
            (None, None) => {
                return Err(Failure::file(
                    &args.holder,
                    "has no keys of a visit, to which the record could be sealed",
                )
                .help("ask the patient for them: eligo wallet holder --hospital ID --visit N"));
            }
        };
        if args
            .sealing
            .sealed_out
            .as_ref()
            .is_some_and(Target::is_stdout)
        {
            console.leave_stdout();
        }
        let signer = ledger_key(key)?;
        let sealed = seal_record(
            record,
            &card.key,
            self.label,
            &signer,
            &mut self.sealed,
            &mut OsRng,
        )
        .map_err(|e| Failure::unexpected(e).of(self.sealed.name()))?;
        let text = sealed.capsule.to_json();
        let written = self.capsule.write_all(text.as_bytes());
        written.map_err(|e| Failure::unexpected(e).of(self.capsule.name()))?;
        Ok((self, sealed))
    }

    /// Puts the files in place, and names them.
    fn keep(self, record: &SealedRecord) -> Attempt<Value> {
        let named = json!({
            "ciphertext": self.sealed.name(),
            "capsule": self.capsule.name(),
            "record_id": self.record_id.to_string(),
            "label": self.label.to_string(),
            "digest": hex::encode(record.capsule.ciphertext_digest()),
            "record": field::to_decimal(&record.record),
            "sealed": record.sealed.to_string(),
        });
        self.capsule.keep()?;
        self.sealed.keep()?;
        Ok(named)
    }
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
    sealed: Option<Value>,
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
    if let Some(sealed) = &sealed {
        let text = |name: &str| sealed.get(name).and_then(Value::as_str).unwrap_or_default();
        console.say(format!(
            "{}: the record, sealed to the patient's visit\n{}: its capsule\nsealed {}",
            text("ciphertext"),
            text("capsule"),
            text("sealed")
        ));
    }
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
        "sealed_record": sealed,
        "report": report,
    }));
}
