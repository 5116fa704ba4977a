//! Conditions, medications, procedures and allergies as coded statements.
//!
//! | resource | usable when | date |
//! | --- | --- | --- |
//! | Condition, AllergyIntolerance | `verificationStatus` confirmed or not given | onset |
//! | MedicationRequest | active, completed, on-hold or stopped; an order, or reported by the patient | authored |
//! | MedicationStatement | active, completed, on-hold, stopped (R4), recorded (R5) | effective |
//! | Procedure | completed | performed (R4), occurrence (R5) |

use serde_json::Value;

use super::{
    Moment, Reason, Records, References, Resource,
    element::{Coding, codings, items, member, shown, status_code, text, unmodified},
    observation::parse,
};

/// The resource types read here.
pub const TYPES: [&str; 5] = [
    "Condition",
    "MedicationRequest",
    "MedicationStatement",
    "Procedure",
    "AllergyIntolerance",
];

/// A coded fact about the patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The codes, all of the same fact.
    pub codings: Vec<Coding>,
    /// Index of the `Medication` resource that supplied the codes.
    pub medication: Option<usize>,
    /// Onset, or when it was ordered, taken or done.
    pub moment: Option<Moment>,
}

/// Reads a resource of one of [`TYPES`].
pub fn statement(
    records: &Records,
    references: &References<'_>,
    resource: &Resource,
) -> Result<Statement, Reason> {
    let body = &resource.body;
    unmodified(body)?;
    let mut supplied = None;
    let (codings, written) = match resource.kind.as_str() {
        "Condition" | "AllergyIntolerance" => {
            verified(body)?;
            let period = member(body, "onsetPeriod").and_then(|p| text(p, "start"));
            (concept(body), text(body, "onsetDateTime").or(period))
        }
        "MedicationRequest" => {
            ordered(body)?;
            let (codings, from) = medication(records, references, resource)?;
            supplied = from;
            (codings, text(body, "authoredOn"))
        }
        "MedicationStatement" => {
            taken(body)?;
            let written = text(body, "effectiveDateTime").or_else(|| end(body, "effectivePeriod"));
            let (codings, from) = medication(records, references, resource)?;
            supplied = from;
            (codings, written)
        }
        "Procedure" => {
            status(body, &["completed"])?;
            let written = text(body, "performedDateTime")
                .or_else(|| text(body, "occurrenceDateTime"))
                .or_else(|| end(body, "performedPeriod"))
                .or_else(|| end(body, "occurrencePeriod"));
            (concept(body), written)
        }
        other => return Err(Reason::Type(shown(other))),
    };
    if codings.is_empty() {
        return Err(Reason::NoCode);
    }
    Ok(Statement {
        codings,
        medication: supplied,
        moment: parse(written)?,
    })
}

fn concept(body: &Value) -> Vec<Coding> {
    member(body, "code").map(codings).unwrap_or_default()
}

/// The end of a period, else its start.
fn end<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    let period = member(body, key)?;
    text(period, "end").or_else(|| text(period, "start"))
}

fn status(body: &Value, usable: &[&str]) -> Result<(), Reason> {
    match text(body, "status") {
        Some(status) if usable.contains(&status) => Ok(()),
        Some(other) => Err(Reason::Status(shown(other))),
        None => Err(Reason::NoStatus),
    }
}

fn verified(body: &Value) -> Result<(), Reason> {
    match status_code(body, "verificationStatus") {
        None | Some("confirmed") => Ok(()),
        Some(other) => Err(Reason::Verification(shown(other))),
    }
}

fn ordered(body: &Value) -> Result<(), Reason> {
    status(body, &["active", "completed", "on-hold", "stopped"])?;
    if member(body, "doNotPerform") == Some(&Value::Bool(true)) {
        return Err(Reason::DoNotPerform);
    }
    let reported = ["reportedBoolean", "reported"]
        .iter()
        .any(|k| member(body, k) == Some(&Value::Bool(true)));
    match text(body, "intent") {
        Some("order" | "original-order" | "reflex-order" | "filler-order" | "instance-order") => {
            Ok(())
        }
        Some("plan") if reported => Ok(()),
        other => Err(Reason::Intent(shown(other.unwrap_or("not given")))),
    }
}

fn taken(body: &Value) -> Result<(), Reason> {
    status(
        body,
        &["active", "completed", "on-hold", "stopped", "recorded"],
    )?;
    let adherence = member(body, "adherence").and_then(|a| status_code(a, "code"));
    match adherence {
        Some(code) if code.starts_with("not-taking") => Err(Reason::NotTaken(shown(code))),
        _ => Ok(()),
    }
}

/// R4 `medicationCodeableConcept` or `medicationReference`, R5 `medication.concept` or
/// `medication.reference`; references to a contained `Medication` or one of the input.
fn medication(
    records: &Records,
    references: &References<'_>,
    resource: &Resource,
) -> Result<(Vec<Coding>, Option<usize>), Reason> {
    let body = &resource.body;
    let either = member(body, "medication");
    let concept = member(body, "medicationCodeableConcept")
        .or_else(|| either.and_then(|m| member(m, "concept")));
    if let Some(concept) = concept {
        return Ok((codings(concept), None));
    }
    let reference = member(body, "medicationReference")
        .or_else(|| either.and_then(|m| member(m, "reference")))
        .and_then(|r| text(r, "reference"));
    let Some(target) = reference else {
        return Err(Reason::NoCode);
    };
    let (index, found) = match target.strip_prefix('#') {
        Some(id) => {
            let contained = items(body, "contained").find(|c| text(c, "id") == Some(id));
            (None, contained)
        }
        None => {
            let index = references.resolve(resource, target);
            let found = index.and_then(|i| records.resources.get(i));
            (index, found.map(|r| &r.body))
        }
    };
    let medication = found
        .filter(|m| text(m, "resourceType") == Some("Medication"))
        .ok_or_else(|| Reason::Medication(shown(target)))?;
    unmodified(medication)?;
    match text(medication, "status") {
        Some("entered-in-error") => Err(Reason::Medication(shown(target))),
        _ => {
            let codes = member(medication, "code").map(codings);
            Ok((codes.unwrap_or_default(), index))
        }
    }
}
