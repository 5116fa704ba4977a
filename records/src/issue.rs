//! Making one patient's cells from FHIR, with a report of what was used and what was not.
//!
//! ```
//! use eligo_records::{fhir::Input, issue::{Options, issue}, schema};
//!
//! let bundle = br#"{"resourceType": "Bundle", "type": "collection", "entry": [
//!   {"resource": {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1961-02-03"}},
//!   {"resource": {"resourceType": "Observation", "id": "o", "status": "final",
//!     "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2021-03-04",
//!     "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
//!     "valueQuantity": {"value": 71.5, "system": "http://unitsofmeasure.org", "code": "/min"}}}]}"#;
//! let core = schema::shipped("core").expect("ships");
//! let input = Input { name: "bundle.json", content: bundle };
//! let issued = issue(core, &[input], &Options::default())?;
//! let heart_rate = issued.report.attribute("heart_rate").expect("in core");
//! assert_eq!(heart_rate.value.as_deref(), Some("71.5 /min"));
//! # Ok::<(), eligo_records::issue::IssueError>(())
//! ```

mod bundle;
mod choice;
mod family;
mod number;
mod person;
mod report;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

pub use report::{
    AttributeReport, CodeReport, LeftOut, Outcome, RecordedReport, Report, ResourceReport, Source,
    State, Unusable,
};

use crate::{
    cell::{CellError, Cells, Layout},
    civil::CivilDay,
    fhir::{
        Input, Moment, ReadError, Reason, Records, References, Resource,
        observation::{Reading, circumstances, readings},
        patient::{Patient, PatientError, choose},
        read, statement,
    },
    schema::{Kind, Schema},
};

/// What the hospital decides when it issues.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The patient: id, `Patient/id` or full URL. Needed when the input holds several.
    pub patient: Option<String>,
    /// Leave out what is dated after this day.
    pub until: Option<CivilDay>,
    /// Which families list all that the hospital knows.
    pub recorded: Recorded,
}

/// When a family's `recorded` flag is set: only then can anyone prove that a code is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recorded {
    /// Unless something of that group had to be left out that the patient may have (a diagnosis
    /// without a code, say), or the record itself says that the list is not available.
    #[default]
    Judged,
    /// As judged, and never for these groups (`diagnosis`, `allergy`).
    Except(BTreeSet<String>),
}

/// A record made.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The cells.
    pub cells: Cells,
    /// Whose record it is: the resource's id.
    pub patient: String,
    /// What was used, what was not, and why.
    pub report: Report,
    /// FHIR JSON of this patient alone, for sealing: the input itself when it is one file about one
    /// patient, else a collection bundle of this patient's resources.
    pub bundle: Vec<u8>,
}

/// Why no record could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The input cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No patient could be chosen.
    #[error(transparent)]
    Patient(#[from] PatientError),
    /// More codes than the family has room for; nothing is cut silently.
    #[error("{attribute}: {found} different codes, and {schema} has room for {room}")]
    TooManyCodes {
        /// Attribute.
        attribute: String,
        /// Schema.
        schema: String,
        /// Different codes found.
        found: usize,
        /// Code cells.
        room: u16,
    },
    /// The cells do not fit the schema: a defect of the schema.
    #[error("the schema is inconsistent: {0}")]
    Cells(#[from] CellError),
}

impl IssueError {
    /// What to do about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Read(error) => error.advice(),
            Self::Patient(PatientError::None { .. }) => {
                "add the Patient resource, or name the patient that the resources refer to"
            }
            Self::Patient(PatientError::Several { .. } | PatientError::Unknown { .. }) => {
                "name one of them by id"
            }
            Self::Patient(PatientError::Ambiguous { .. }) => "name the patient by full URL",
            Self::Patient(PatientError::Unusable { .. }) => {
                "export the patient's current record again"
            }
            Self::TooManyCodes { .. } => "issue under a schema with more room, such as core-large",
            Self::Cells(_) => "report this with the schema",
        }
    }
}

/// Reads FHIR files and makes the cells of one patient.
pub fn issue(
    schema: &Schema,
    inputs: &[Input<'_>],
    options: &Options,
) -> Result<Issued, IssueError> {
    let records = read(inputs)?;
    let references = References::of(&records);
    let patient = choose(&records, &references, options.patient.as_deref())?;
    let mut desk = Desk::open(&records, &references, &patient, options, schema);
    let layout = Layout::of(schema);
    let mut values = Vec::with_capacity(layout.places().len());
    let mut attributes = Vec::with_capacity(schema.attributes().len());
    let families = family::Families::read(&mut desk, schema);
    for (index, attribute) in schema.attributes().iter().enumerate() {
        let filled = match &attribute.kind {
            Kind::Number(n) => number::fill(&mut desk, attribute, n),
            Kind::Choice(c) => choice::fill(&mut desk, attribute, c),
            Kind::Date(source) => person::fill_date(&mut desk, attribute, *source),
            Kind::Flag(source) => person::fill_flag(&mut desk, attribute, *source),
            Kind::Family(f) => families.fill(&mut desk, attribute, f, index, schema.name())?,
        };
        values.extend(filled.cells);
        attributes.push(filled.report);
    }
    let cells = Cells::new(&layout, values)?;
    let bundle = bundle::of(inputs, &records, &references, &patient);
    let report = desk.close(schema, attributes);
    Ok(Issued {
        cells,
        patient: patient.id,
        report,
        bundle,
    })
}

/// The cells of one attribute and what the report says of it.
struct Filled {
    cells: Vec<u64>,
    report: AttributeReport,
}

impl Filled {
    fn absent(attribute: &crate::schema::Attribute) -> Self {
        Self {
            cells: vec![0; crate::cell::cells_of(&attribute.kind)],
            report: AttributeReport::absent(attribute),
        }
    }
}

/// The work in progress: the records, whose they are, and what became of each resource so far.
struct Desk<'a> {
    records: &'a Records,
    references: &'a References<'a>,
    patient: &'a Patient,
    options: &'a Options,
    /// What became of each resource.
    outcomes: Vec<Outcome>,
    /// Usable readings of this patient's observations, and unusable ones with the reason.
    readings: Vec<Measured<'a>>,
}

/// A reading with its observation's circumstances.
struct Measured<'a> {
    resource: usize,
    reading: Reading<'a>,
    moment: Option<Moment>,
    unusable: Option<Reason>,
}

/// Orders readings: latest instant, then greatest resource id, then last in the input.
type Rank = (Option<Timestamp>, Option<String>, usize);

impl<'a> Desk<'a> {
    /// Sets aside what is not this patient's, not read, or not yet true; takes the readings.
    fn open(
        records: &'a Records,
        references: &'a References<'a>,
        patient: &'a Patient,
        options: &'a Options,
        schema: &Schema,
    ) -> Self {
        let read = types_read(schema);
        let mut desk = Self {
            records,
            references,
            patient,
            options,
            outcomes: vec![Outcome::default(); records.resources.len()],
            readings: Vec::new(),
        };
        for (i, resource) in records.resources.iter().enumerate() {
            if let Err(reason) = desk.admit(i, resource, &read) {
                desk.leave_out(i, None, "", reason);
            } else if resource.kind == "Observation" {
                desk.take_readings(i, &resource.body);
            }
        }
        desk
    }

    fn admit(&self, i: usize, resource: &Resource, read: &[&str]) -> Result<(), Reason> {
        if let Some(reason) = self.records.set_apart.get(i).cloned().flatten() {
            return Err(reason);
        }
        match resource.kind.as_str() {
            "Patient" if self.patient.resource == Some(i) => Ok(()),
            "Patient" => Err(Reason::OtherPatient(resource.name())),
            // Read through the statements that refer to it.
            "Medication" => Ok(()),
            kind if read.contains(&kind) => {
                self.patient.owns(self.records, self.references, resource)
            }
            kind => Err(Reason::Type(kind.to_owned())),
        }
    }

    fn take_readings(&mut self, i: usize, body: &'a Value) {
        let circumstances = circumstances(body);
        let future = self.future(circumstances.moment.as_ref());
        let unusable = circumstances.unusable.or(future);
        self.readings
            .extend(readings(body).into_iter().map(|reading| Measured {
                resource: i,
                reading,
                moment: circumstances.moment.clone(),
                unusable: unusable.clone(),
            }));
    }

    /// Whether a moment lies after the day up to which the record counts.
    fn future(&self, moment: Option<&Moment>) -> Option<Reason> {
        let moment = moment?;
        (moment.day()? > self.options.until?).then(|| Reason::Future(moment.text().to_owned()))
    }

    /// Whether a resource passed the first look.
    fn admitted(&self, i: usize) -> bool {
        let refused = |o: &Outcome| o.left_out.iter().any(|l| l.attribute.is_none());
        !self.outcomes.get(i).is_some_and(refused)
    }

    /// Where a reading stands among the others.
    fn rank(&self, reading: usize) -> Option<Rank> {
        let m = self.readings.get(reading)?;
        let resource = self.records.resources.get(m.resource)?;
        let instant = m.moment.as_ref().map(Moment::instant);
        Some((instant, resource.id.clone(), reading))
    }

    fn mark_used(&mut self, i: usize, attribute: &str) {
        if let Some(outcome) = self.outcomes.get_mut(i) {
            outcome.used_for.insert(attribute.to_owned());
        }
    }

    fn leave_out(&mut self, i: usize, attribute: Option<&str>, place: &str, reason: Reason) {
        if let Some(outcome) = self.outcomes.get_mut(i) {
            outcome.left_out.push(LeftOut {
                attribute: attribute.map(str::to_owned),
                place: place.to_owned(),
                reason,
            });
        }
    }

    fn name(&self, i: usize) -> String {
        let resource = self.records.resources.get(i);
        resource.map(Resource::name).unwrap_or_default()
    }

    /// Explains what is still unexplained, and writes the report.
    fn close(mut self, schema: &Schema, attributes: Vec<AttributeReport>) -> Report {
        for (i, resource) in self.records.resources.iter().enumerate() {
            let explained = |o: &Outcome| !o.used_for.is_empty() || !o.left_out.is_empty();
            if self.outcomes.get(i).is_some_and(explained) {
                continue;
            }
            let reason = match resource.kind.as_str() {
                "Medication" => Reason::Unreferenced,
                _ => Reason::NotAsked(codes_of(&resource.body)),
            };
            self.leave_out(i, None, "", reason);
        }
        Report::new(
            schema,
            self.patient,
            self.records,
            self.outcomes,
            attributes,
        )
    }
}

/// The resource types that feed a schema.
fn types_read(schema: &Schema) -> Vec<&str> {
    let mut read = vec!["Patient", "Observation"];
    for attribute in schema.attributes() {
        if let Kind::Family(f) = &attribute.kind {
            let known = f.resources.iter().map(String::as_str);
            read.extend(known.filter(|r| statement::TYPES.contains(r)));
        }
    }
    read
}

/// The codes of a resource, for a message.
fn codes_of(body: &Value) -> String {
    let codings = crate::fhir::element::member(body, "code")
        .map(crate::fhir::element::codings)
        .unwrap_or_default();
    list_codes(&codings)
}

fn list_codes(codings: &[crate::fhir::element::Coding]) -> String {
    use crate::fhir::element::shown;
    if codings.is_empty() {
        return "it has none".to_owned();
    }
    let codes: Vec<String> = codings
        .iter()
        .take(5)
        .map(|c| format!("{}|{}", shown(&c.system), shown(&c.code)))
        .collect();
    codes.join(", ")
}
