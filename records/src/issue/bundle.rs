//! The FHIR JSON that is sealed with a record: this patient's resources and nobody else's.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fhir::{
    Input, Reason, Records, References,
    element::{member, text},
    patient::Patient,
};

/// The input as it is when it is one file about one patient; else a collection of the patient's
/// resources and, when nobody else's are there, of those about nobody (organisations, medications).
pub(super) fn of(
    inputs: &[Input<'_>],
    records: &Records,
    references: &References<'_>,
    patient: &Patient,
) -> Vec<u8> {
    let mut kept: BTreeSet<usize> = BTreeSet::new();
    let mut nobodys: BTreeSet<usize> = BTreeSet::new();
    let mut others = false;
    for (i, resource) in records.resources.iter().enumerate() {
        if resource.kind == "Patient" {
            let mine = patient.resource == Some(i);
            let copy = records.set_apart.get(i) == Some(&Some(Reason::Copy));
            others |= !mine && !copy;
            if mine {
                kept.insert(i);
            }
            continue;
        }
        match patient.owns(records, references, resource) {
            Ok(()) => {
                kept.insert(i);
                let medication = ["medicationReference", "medication"]
                    .iter()
                    .find_map(|k| member(&resource.body, k))
                    .map(|m| {
                        member(m, "reference")
                            .filter(|r| r.is_object())
                            .unwrap_or(m)
                    })
                    .and_then(|r| text(r, "reference"))
                    .and_then(|r| references.resolve(resource, r));
                kept.extend(medication);
            }
            Err(Reason::NoSubject) => {
                nobodys.insert(i);
            }
            Err(_) => others = true,
        }
    }
    if let ([one], false) = (inputs, others) {
        return one.content.to_vec();
    }
    if !others {
        kept.extend(nobodys);
    }
    let entries: Vec<Value> = kept
        .iter()
        .filter_map(|i| records.resources.get(*i))
        .map(|r| match &r.full_url {
            Some(url) => json!({"fullUrl": url, "resource": r.body}),
            None => json!({"resource": r.body}),
        })
        .collect();
    json!({"resourceType": "Bundle", "type": "collection", "entry": entries})
        .to_string()
        .into_bytes()
}
