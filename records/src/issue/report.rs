//! The issuing report, for people ([`core::fmt::Display`]) and for programs (`serde`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    fhir::{Reason, Records, patient::Patient},
    schema::Schema,
};

/// What became of everything: for each attribute what was used, for each resource left out why.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Version of this form.
    pub version: u32,
    /// Name of the schema.
    pub schema: String,
    /// Identity of the schema, hexadecimal.
    pub schema_id: String,
    /// The patient's id.
    pub patient: String,
    /// Names of the files read.
    pub files: Vec<String>,
    /// In the order of the schema.
    pub attributes: Vec<AttributeReport>,
    /// In the order of the input.
    pub resources: Vec<ResourceReport>,
}

/// What an attribute holds, and where it comes from.
#[derive(Clone, Debug, Serialize)]
pub struct AttributeReport {
    /// Name.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Whether there is a value, or at least one code.
    pub state: State,
    /// The value as the cell holds it, with its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The date cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// What was used, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What could not be used though it is newer than what was; newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<Unusable>,
    /// A family: whether it lists all that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<RecordedReport>,
    /// A family's codes, in ascending order of their cells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<CodeReport>,
}

/// Whether an attribute has a value. Absent means "not in the signed record", never "the patient does
/// not have it".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There is one.
    Present,
    /// There is none.
    Absent,
}

/// Whether a family lists all that the hospital knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedReport {
    /// It does: the absence of a code can be proved.
    Yes,
    /// These resources or sections may hide something.
    Hidden(Vec<String>),
    /// The hospital does not say so.
    Excepted,
}

/// What was used, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Resource.
    pub resource: String,
    /// JSON pointer within the resource.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Date as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Value as written: a number, or `system|code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Unit as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

impl Source {
    /// The same, not used.
    pub(super) fn unusable(self, reason: Reason) -> Unusable {
        Unusable {
            resource: self.resource,
            place: self.place,
            date: self.date,
            reason,
        }
    }
}

/// What could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unusable {
    /// Resource.
    pub resource: String,
    /// JSON pointer within the resource.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Date as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Why.
    pub reason: Reason,
}

/// One code of a family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CodeReport {
    /// The code, without dots.
    pub code: String,
    /// Its display text, as the record has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// The latest onset on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onset: Option<String>,
    /// Where it was found.
    pub resources: Vec<String>,
}

/// What became of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Attributes it was used for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub used_for: BTreeSet<String>,
    /// What of it was left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// Something left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The attribute it would have fed; none when the whole resource was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// JSON pointer within the resource.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Why.
    pub reason: Reason,
}

/// A resource and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceReport {
    /// Resource.
    pub resource: String,
    /// Name of the file.
    pub file: String,
    /// JSON pointer within the file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Attributes it was used for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub used_for: BTreeSet<String>,
    /// What of it was left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

impl Report {
    pub(super) fn new(
        schema: &Schema,
        patient: &Patient,
        records: &Records,
        outcomes: Vec<Outcome>,
        attributes: Vec<AttributeReport>,
    ) -> Self {
        let resources = records.resources.iter().zip(outcomes);
        Self {
            version: 1,
            schema: schema.name().to_owned(),
            schema_id: schema.id().to_string(),
            patient: patient.id.clone(),
            files: records.files.clone(),
            attributes,
            resources: resources
                .map(|(r, outcome)| ResourceReport {
                    resource: r.name(),
                    file: records.files.get(r.file).cloned().unwrap_or_default(),
                    place: r.place.clone(),
                    used_for: outcome.used_for,
                    left_out: outcome.left_out,
                })
                .collect(),
        }
    }

    /// An attribute's part, by name.
    pub fn attribute(&self, name: &str) -> Option<&AttributeReport> {
        self.attributes.iter().find(|a| a.name == name)
    }

    /// A resource's part, by name such as `Observation/7`.
    pub fn resource(&self, name: &str) -> Option<&ResourceReport> {
        self.resources.iter().find(|r| r.resource == name)
    }

    /// How many resources hold readings older than the one used, and one example.
    pub fn older(&self) -> Option<(usize, &str)> {
        let mut resources = self.resources.iter().filter(|resource| {
            let mut left = resource.left_out.iter();
            left.any(|l| matches!(l.reason, Reason::NotLatest(_)))
        });
        let example = resources.next()?.resource.as_str();
        Some((1 + resources.count(), example))
    }

    /// Reasons for leaving something out, each with how often it occurs and one example. Older
    /// readings of what was used are not counted: the latest is what a record holds.
    pub fn reasons(&self) -> BTreeMap<String, (usize, String)> {
        let mut reasons = BTreeMap::new();
        for resource in &self.resources {
            for left in &resource.left_out {
                let text = match (&left.reason, &left.attribute) {
                    (Reason::NotLatest(_) | Reason::Demographic(_), _) => continue,
                    (reason, Some(attribute)) => format!("{attribute}: {reason}"),
                    (reason, None) => reason.to_string(),
                };
                let entry = reasons
                    .entry(text)
                    .or_insert_with(|| (0usize, resource.resource.clone()));
                entry.0 += 1;
            }
        }
        reasons
    }
}
