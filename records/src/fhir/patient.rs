//! Whose record it is, and which resources are about that person.
//!
//! A patient is known by the resource's id, full URL or identifiers; never by name.

use serde_json::Value;

use super::{
    Reason, Records, References, Resource,
    element::{items, member, shown, text},
    resource::type_and_id,
};

/// The patient a record is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patient {
    /// Index of the `Patient` resource; `None` if only references name the patient.
    pub resource: Option<usize>,
    /// Logical id, or the full URL where there is none.
    pub id: String,
}

/// Why no patient could be chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatientError {
    /// No `Patient` resource, and nobody named.
    #[error("no Patient resource in the input{}", about(.subjects))]
    None {
        /// Whom the resources are about.
        subjects: Vec<String>,
    },
    /// Several, and nobody named.
    #[error("{count} patients in the input: {}{}", .patients.join(", "), if *count > .patients.len() { ", and others" } else { "" })]
    Several {
        /// How many.
        count: usize,
        /// Their ids, at most ten.
        patients: Vec<String>,
    },
    /// The one named is not there.
    #[error("no patient `{asked}` in the input{}", about(.patients))]
    Unknown {
        /// Who was asked for.
        asked: String,
        /// Who is there, at most ten.
        patients: Vec<String>,
    },
    /// Several are called so.
    #[error("several patients in the input are called `{asked}`")]
    Ambiguous {
        /// Who was asked for.
        asked: String,
    },
    /// The patient resource cannot be used.
    #[error("{patient}: {reason}")]
    Unusable {
        /// Resource.
        patient: String,
        /// Why.
        reason: Reason,
    },
}

fn about(subjects: &[String]) -> String {
    match subjects {
        [] => String::new(),
        some => format!("; its resources are about {}", some.join(", ")),
    }
}

const MAX_LISTED: usize = 10;

/// Chooses the patient: the one asked for, or the only one.
pub fn choose(
    records: &Records,
    references: &References<'_>,
    asked: Option<&str>,
) -> Result<Patient, PatientError> {
    let patients: Vec<(usize, &Resource)> = records
        .resources
        .iter()
        .enumerate()
        .filter(|(i, r)| {
            let apart = records.set_apart.get(*i).and_then(Option::as_ref);
            // Of conflicting versions both are kept here, so that the conflict is an error.
            r.kind == "Patient" && matches!(apart, None | Some(Reason::ConflictingVersions))
        })
        .collect();
    let names = || {
        let mut names: Vec<String> = patients.iter().map(|(_, r)| id_of(r)).collect();
        names.dedup();
        names
    };
    let listed = || {
        let mut names = names();
        names.truncate(MAX_LISTED);
        names
    };
    let fitting: Vec<(usize, &Resource)> = match asked {
        None => patients.clone(),
        Some(asked) => patients
            .iter()
            .filter(|(_, r)| is_called(r, asked))
            .copied()
            .collect(),
    };
    match (fitting.as_slice(), asked) {
        ([(i, resource)], _) => usable(records, *i, resource),
        ([(i, first), rest @ ..], _) if rest.iter().all(|(_, r)| id_of(r) == id_of(first)) => {
            match usable(records, *i, first) {
                Ok(_) => Err(PatientError::Ambiguous {
                    asked: id_of(first),
                }),
                error => error,
            }
        }
        (_, Some(asked)) if !fitting.is_empty() => Err(PatientError::Ambiguous {
            asked: shown(asked),
        }),
        ([], None) => Err(PatientError::None {
            subjects: subjects(records),
        }),
        ([], Some(asked)) => {
            // Nobody by that name, but resources may still be about them.
            let named = records.resources.iter().any(|r| {
                subject(r).is_some_and(|s| {
                    let reference = text(s, "reference").unwrap_or_default();
                    refers_outside(reference, asked) && references.resolve(r, reference).is_none()
                })
            });
            if named {
                return Ok(Patient {
                    resource: None,
                    id: asked.strip_prefix("Patient/").unwrap_or(asked).to_owned(),
                });
            }
            Err(PatientError::Unknown {
                asked: shown(asked),
                patients: if patients.is_empty() {
                    subjects(records)
                } else {
                    listed()
                },
            })
        }
        (_, _) => Err(PatientError::Several {
            count: names().len(),
            patients: listed(),
        }),
    }
}

fn usable(records: &Records, index: usize, resource: &Resource) -> Result<Patient, PatientError> {
    let apart = records.set_apart.get(index).cloned().flatten();
    let modifier = super::element::unmodified(&resource.body).err();
    match apart.or(modifier) {
        Some(reason) => Err(PatientError::Unusable {
            patient: resource.name(),
            reason,
        }),
        None => Ok(Patient {
            resource: Some(index),
            id: id_of(resource),
        }),
    }
}

fn id_of(resource: &Resource) -> String {
    let id = resource.id.as_deref().or(resource.full_url.as_deref());
    shown(id.unwrap_or("(no id)"))
}

fn is_called(resource: &Resource, asked: &str) -> bool {
    let id = asked.strip_prefix("Patient/").unwrap_or(asked);
    resource.id.as_deref() == Some(id)
        || resource.full_url.as_deref() == Some(asked)
        || resource
            .full_url
            .as_deref()
            .and_then(|u| u.strip_prefix("urn:uuid:"))
            == Some(id)
}

/// Whether a reference to a resource that is not in the input means the patient asked for.
fn refers_outside(reference: &str, asked: &str) -> bool {
    let id = asked.strip_prefix("Patient/").unwrap_or(asked);
    reference == asked
        || reference.strip_prefix("urn:uuid:") == Some(id)
        || type_and_id(reference) == Some(("Patient", id))
}

/// `subject` or `patient` of a resource.
fn subject(resource: &Resource) -> Option<&Value> {
    ["subject", "patient", "beneficiary", "for"]
        .iter()
        .find_map(|key| member(&resource.body, key))
}

/// Whom the resources are about, at most ten.
fn subjects(records: &Records) -> Vec<String> {
    let mut found: Vec<String> = records
        .resources
        .iter()
        .filter_map(|r| text(subject(r)?, "reference"))
        .map(shown)
        .collect();
    found.sort();
    found.dedup();
    found.truncate(MAX_LISTED);
    found
}

impl Patient {
    /// Whether a resource is about this patient; else why it is left out.
    pub fn owns(
        &self,
        records: &Records,
        references: &References<'_>,
        resource: &Resource,
    ) -> Result<(), Reason> {
        let Some(subject) = subject(resource) else {
            return Err(Reason::NoSubject);
        };
        self.is_meant(records, references, resource, subject)?;
        for focus in items(&resource.body, "focus") {
            if let Err(other) = self.is_meant(records, references, resource, focus) {
                return Err(match other {
                    Reason::OtherPatient(who) | Reason::UnknownSubject(who) => {
                        Reason::OtherFocus(who)
                    }
                    _ => Reason::OtherFocus("unnamed".to_owned()),
                });
            }
        }
        Ok(())
    }

    fn is_meant(
        &self,
        records: &Records,
        references: &References<'_>,
        from: &Resource,
        reference: &Value,
    ) -> Result<(), Reason> {
        let patient = self.resource.and_then(|i| records.resources.get(i));
        if let Some(target) = text(reference, "reference") {
            let meant = match (references.resolve(from, target), patient) {
                (Some(found), _) if Some(found) == self.resource => true,
                (Some(_), _) => return Err(Reason::OtherPatient(shown(target))),
                (None, Some(p)) => names_by_identifier(target, p),
                (None, None) => refers_outside(target, &self.id),
            };
            return if meant {
                Ok(())
            } else {
                Err(Reason::UnknownSubject(shown(target)))
            };
        }
        let Some(identifier) = member(reference, "identifier") else {
            return Err(Reason::NoSubject);
        };
        match patient {
            Some(p) if has_identifier(p, text(identifier, "system"), text(identifier, "value")) => {
                Ok(())
            }
            _ => Err(Reason::UnknownSubject(
                "somebody known by an identifier".to_owned(),
            )),
        }
    }
}

/// A conditional reference, `Patient?identifier=system|value`.
fn names_by_identifier(target: &str, patient: &Resource) -> bool {
    let Some(token) = target.strip_prefix("Patient?identifier=") else {
        return false;
    };
    match token.split_once('|') {
        Some((system, value)) => has_identifier(patient, Some(system), Some(value)),
        None => false,
    }
}

/// Identifiers count only with both their system and their value.
fn has_identifier(patient: &Resource, system: Option<&str>, value: Option<&str>) -> bool {
    system.is_some()
        && value.is_some()
        && items(&patient.body, "identifier")
            .any(|i| text(i, "system") == system && text(i, "value") == value)
}
