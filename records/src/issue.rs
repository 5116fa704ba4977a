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
mod desk;
mod family;
mod number;
mod person;
mod report;
mod text;

use std::collections::BTreeSet;

pub use report::{
    AttributeReport, CodeReport, LeftOut, Outcome, RecordedReport, Report, ResourceReport, Source,
    State, Unusable,
};

use self::desk::Desk;
use crate::{
    cell::{CellError, Cells, Layout},
    civil::CivilDay,
    fhir::{
        Input, ReadError, References,
        patient::{PatientError, choose},
        read,
    },
    schema::{Attribute, Kind, Schema},
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

/// A record made. `Debug` shows none of it.
#[derive(Clone)]
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

impl core::fmt::Debug for Issued {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Issued").finish_non_exhaustive()
    }
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
    fn absent(attribute: &Attribute) -> Self {
        Self {
            cells: vec![0; crate::cell::cells_of(&attribute.kind)],
            report: AttributeReport::absent(attribute),
        }
    }
}
