//! Small records to try rules on.

use eligo_records::{
    fhir::Input,
    issue::{IssueError, Issued, Options, issue},
    schema::{Schema, shipped},
};
use serde_json::{Value, json};

pub fn core() -> &'static Schema {
    shipped("core").unwrap()
}

pub fn issue_text(text: &str) -> Result<Issued, IssueError> {
    let input = Input {
        name: "record.json",
        content: text.as_bytes(),
    };
    issue(core(), &[input], &Options::default())
}

/// A bundle of a patient `p` and these resources, whose subject is that patient.
pub fn bundle(resources: &[Value]) -> String {
    let patient = json!({"resourceType": "Patient", "id": "p", "gender": "male",
        "birthDate": "1961-02-03"});
    let entries: Vec<Value> = core::iter::once(patient)
        .chain(resources.iter().cloned())
        .map(|r| json!({"resource": r}))
        .collect();
    json!({"resourceType": "Bundle", "type": "collection", "entry": entries}).to_string()
}

pub fn made(resources: &[Value]) -> Issued {
    issue_text(&bundle(resources)).unwrap()
}

pub fn with(mut base: Value, members: Value) -> Value {
    let members = members.as_object().unwrap().clone();
    base.as_object_mut().unwrap().extend(members);
    base
}

pub fn observation(id: &str, code: &str, date: &str, value: Value) -> Value {
    json!({"resourceType": "Observation", "id": id, "status": "final",
        "subject": {"reference": "Patient/p"}, "effectiveDateTime": date,
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "valueQuantity": value})
}

pub fn ucum(value: &str, unit: &str) -> Value {
    let value: Value = serde_json::from_str(value).unwrap();
    json!({"value": value, "system": "http://unitsofmeasure.org", "code": unit})
}

pub fn condition(id: &str, system: &str, code: &str) -> Value {
    json!({"resourceType": "Condition", "id": id, "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": system, "code": code}]}})
}

pub fn value<'a>(issued: &'a Issued, name: &str) -> Option<&'a str> {
    issued.report.attribute(name).unwrap().value.as_deref()
}

pub fn why(issued: &Issued, resource: &str) -> Vec<&'static str> {
    let resource = issued.report.resource(resource).unwrap();
    resource.left_out.iter().map(|l| l.reason.code()).collect()
}

pub const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
pub const SNOMED: &str = "http://snomed.info/sct";
