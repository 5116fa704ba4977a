//! Import from and export to other languages of eligibility: CCDL (the cohort language of the German
//! research data portal), FHIR R4 and R5 `Group`, FHIR R5 `EvidenceVariable`.
//!
//! Both ways go through one model: combinations of questions, each with the codes it asks about, a filter
//! on the value and a window on the date. A reader makes it from a document, a writer makes a document
//! from it; in between, codes are matched to the attributes of a schema.
//!
//! Nothing is dropped in silence. What an import cannot express is listed with place and reason, and
//! goes into the requirement's `screened_later`; what an export cannot express is listed likewise.
//!
//! * Absolute dates stay absolute, relative windows relative.
//! * A constant finer than an attribute's scale is rounded inwards: because records are kept to that
//!   scale, this asks of the kept value exactly what the document asks. It is noted.
//! * Where a document asks for *any* observation, a record holds the *latest*. It is noted.
//! * An alternative that cannot be expressed narrows the requirement; a criterion that cannot be
//!   expressed widens it, and is screened later. An exclusion of several criteria together is screened
//!   later as a whole when one of them cannot be expressed.

mod ccdl;
mod criteria;
mod evidence_variable;
mod fhir;
mod group;
mod json;
mod model;
mod question;
mod study;
mod translate;
mod vocabulary;

use core::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{
    criteria::Criteria,
    diagnostic::Diagnostic,
    document::{Document, Requirement, SchemaReference},
    syntax::Expression,
};
use crate::schema::Schema;

pub use study::Study;

/// Longest document read, in bytes.
pub const MAX_INPUT: usize = 4 * 1024 * 1024;

/// A language of eligibility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Clinical Cohort Definition Language: a conjunction of disjunctions, and exclusions.
    Ccdl,
    /// FHIR R4 `Group`; reading takes R5 as well.
    GroupR4,
    /// FHIR R5 `Group`; reading takes R4 as well.
    GroupR5,
    /// FHIR R5 `EvidenceVariable`.
    EvidenceVariable,
}

/// Something a document asks that cannot be expressed on the other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unsupported {
    /// Where: a JSON pointer into an imported document, or a criterion of an exported expression.
    pub place: String,
    /// What it asks, in words.
    pub criterion: String,
    /// Why it cannot be expressed, and what follows.
    pub reason: String,
}

/// Something worth knowing about what was expressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Where: a JSON pointer into an imported document, or a criterion of an exported expression.
    pub place: String,
    /// What is worth knowing.
    pub text: String,
}

/// What a document asks, as an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The document's own identifier, if it has a usable one.
    pub id: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// What could be expressed.
    pub expression: Expression,
    /// The schema over which it was expressed.
    pub schema: SchemaReference,
    /// What could not.
    pub unsupported: Vec<Unsupported>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
}

/// A requirement in another language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The document.
    pub json: Value,
    /// What could not be expressed in it.
    pub unsupported: Vec<Unsupported>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
}

/// Why nothing could be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Longer than [`MAX_INPUT`].
    #[error("the document is longer than {MAX_INPUT} bytes")]
    Length,
    /// Not JSON.
    #[error("not JSON: line {line}, column {column}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Something else stands where the format asks for something.
    #[error("at {}: expected {expected}", Place(.place))]
    Shape {
        /// JSON pointer.
        place: String,
        /// What is expected there.
        expected: &'static str,
    },
    /// Not one criterion could be expressed.
    #[error("none of the {} criteria can be expressed over this schema", .0.len())]
    Nothing(Vec<Unsupported>),
    /// The expression made from it is in error.
    #[error("the expression made from it is in error: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Expression(Vec<Diagnostic>),
}

struct Place<'a>(&'a str);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the top" } else { self.0 })
    }
}

/// Imports a document over a schema.
///
/// # Errors
///
/// When the text is too long, no JSON, not of the format, or when none of it can be expressed.
pub fn import(format: Format, text: &str, schema: &Schema) -> Result<Imported, ImportError> {
    let value = json::read(text)?;
    let top = json::Cursor::top(&value);
    let read = match format {
        Format::Ccdl => ccdl::read(top)?,
        Format::GroupR4 | Format::GroupR5 => group::read(top)?,
        Format::EvidenceVariable => evidence_variable::read(top)?,
    };
    let (node, report) = translate::translate(schema, read.wanted);
    let Some(node) = node else {
        return Err(ImportError::Nothing(report.unsupported));
    };
    let expression = Expression::from_node(&node).map_err(|d| ImportError::Expression(vec![d]))?;
    expression.check(schema).map_err(ImportError::Expression)?;
    Ok(Imported {
        id: read.id,
        title: read.title,
        expression,
        schema: SchemaReference::to(schema),
        unsupported: report.unsupported,
        notes: report.notes,
    })
}

/// Exports a requirement.
pub fn export(format: Format, requirement: &Requirement, criteria: &Criteria) -> Exported {
    let mut report = model::Report::default();
    let wanted = criteria::wanted(criteria, &mut report);
    let json = match format {
        Format::Ccdl => ccdl::write(requirement, wanted, &mut report),
        Format::GroupR4 => group::write(requirement, wanted, group::Release::R4, &mut report),
        Format::GroupR5 => group::write(requirement, wanted, group::Release::R5, &mut report),
        Format::EvidenceVariable => evidence_variable::write(requirement, wanted, &mut report),
    };
    if criteria.implies_alive() {
        report.note(
            "",
            "the requirement also asks that the patient is not recorded as dead; the document leaves \
             that unsaid",
        );
    }
    for criterion in requirement.screened_later() {
        report.note(
            "",
            format!("screened later, which the document leaves unsaid: {criterion}"),
        );
    }
    Exported {
        json,
        unsupported: report.unsupported,
        notes: report.notes,
    }
}

impl Imported {
    /// A draft of the document, without issuers and terms. What could not be expressed is carried as
    /// criteria screened later.
    pub fn document(&self, publisher: &str) -> Document {
        let title = self.title.as_deref().unwrap_or_default();
        Document {
            id: self.id.clone().unwrap_or_else(|| identifier(title)),
            title: self
                .title
                .clone()
                .unwrap_or_else(|| "Imported requirement".to_owned()),
            publisher: publisher.to_owned(),
            schema: self.schema.to_string(),
            expression: pretty(&self.expression),
            screened_later: self
                .unsupported
                .iter()
                .map(|u| format!("{} ({})", u.criterion, u.reason))
                .collect(),
            ..Document::default()
        }
    }
}

/// An identifier made of a title's words.
fn identifier(title: &str) -> String {
    let lower = title.to_ascii_lowercase();
    let words = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty());
    let mut out = String::new();
    for word in words {
        if out.len() + 1 + word.len() > 48 {
            break;
        }
        out += if out.is_empty() { "" } else { "-" };
        out += word;
    }
    if out.is_empty() {
        "imported".to_owned()
    } else {
        out
    }
}

/// One line for each part of the outermost conjunction.
fn pretty(expression: &Expression) -> String {
    use super::syntax::Node;
    let Node::And(parts) = &expression.root().node else {
        return expression.to_string();
    };
    let lines: Vec<_> = parts
        .iter()
        .map(|p| match &p.node {
            Node::And(_) | Node::Or(_) => format!("({p})"),
            Node::Not(_) | Node::Criterion(_) => p.to_string(),
        })
        .collect();
    lines.join("\nand ") + "\n"
}
