//! Whose record it is.

use eligo_records::{
    fhir::Input, fhir::patient::PatientError, issue::IssueError, issue::Options, issue::issue,
};
use serde_json::json;

use crate::record::{core, issue_text, made, observation, ucum, value, with};

#[test]
fn references_are_followed_to_the_right_patient() {
    // Two servers, the same id: a relative reference means the one on its own server.
    let patient = |base: &str, born: &str| {
        json!({"fullUrl": format!("{base}/Patient/1"),
            "resource": {"resourceType": "Patient", "id": "1", "birthDate": born}})
    };
    let entry = |base: &str, id: &str, v: &str| {
        let o = observation(id, "8867-4", "2021-01-01", ucum(v, "/min"));
        let o = with(o, json!({"subject": {"reference": "Patient/1"}}));
        json!({"fullUrl": format!("{base}/Observation/{id}"), "resource": o})
    };
    let (a, b) = ("https://a.example/fhir", "https://b.example/fhir");
    let text = json!({"resourceType": "Bundle", "type": "searchset", "entry": [
        patient(a, "1950-01-01"), patient(b, "1960-01-01"), entry(a, "x", "61"), entry(b, "y", "62")]})
    .to_string();
    let input = Input {
        name: "r",
        content: text.as_bytes(),
    };
    let asked = |who: &str| {
        let options = Options {
            patient: Some(who.to_owned()),
            ..Options::default()
        };
        issue(core(), &[input], &options)
    };
    let issued = asked("https://b.example/fhir/Patient/1").unwrap();
    assert_eq!(value(&issued, "heart_rate"), Some("62 /min"));
    assert_eq!(value(&issued, "birth_date"), Some("1960-01-01"));
    assert!(
        !String::from_utf8(issued.bundle)
            .unwrap()
            .contains("a.example")
    );
    assert!(matches!(
        asked("1"),
        Err(IssueError::Patient(PatientError::Ambiguous { .. }))
    ));
}

#[test]
fn copies_are_read_once_and_conflicting_versions_not_at_all() {
    let o = |v: &str, updated: Option<&str>| {
        let o = observation("o", "8867-4", "2021-01-01", ucum(v, "/min"));
        match updated {
            Some(at) => with(o, json!({"meta": {"lastUpdated": at}})),
            None => o,
        }
    };
    let issued = made(&[o("61", None), o("61", None)]);
    assert_eq!(value(&issued, "heart_rate"), Some("61 /min"));
    let issued = made(&[o("61", None), o("62", None)]);
    assert_eq!(value(&issued, "heart_rate"), None);
    let (first, second) = ("2021-01-01T10:00:00Z", "2021-01-01T10:30:00+01:00");
    let issued = made(&[o("61", Some(first)), o("62", Some(second))]);
    assert_eq!(value(&issued, "heart_rate"), Some("61 /min"));
}

#[test]
fn a_patient_known_only_by_references_must_be_named() {
    let o = observation("o", "8867-4", "2021-01-01", ucum("61", "/min")).to_string();
    match issue_text(&o) {
        Err(IssueError::Patient(PatientError::None { subjects })) => {
            assert_eq!(subjects, ["Patient/p"]);
        }
        other => panic!("{other:?}"),
    }
    let input = Input {
        name: "o.json",
        content: o.as_bytes(),
    };
    let options = Options {
        patient: Some("p".to_owned()),
        ..Options::default()
    };
    let issued = issue(core(), &[input], &options).unwrap();
    assert_eq!(value(&issued, "heart_rate"), Some("61 /min"));
    assert_eq!(value(&issued, "birth_date"), None);
}

#[test]
fn death_is_read_in_both_forms() {
    for (members, flag, date) in [
        (json!({}), None, None),
        (json!({"deceasedBoolean": false}), Some("no"), None),
        (json!({"deceasedBoolean": true}), Some("yes"), None),
        (
            json!({"deceasedDateTime": "2020-01-02T03:04:05Z"}),
            Some("yes"),
            Some("2020-01-02"),
        ),
        (json!({"deceasedDateTime": "2020"}), Some("yes"), None),
        (json!({"deceasedBoolean": "true"}), None, None),
    ] {
        let patient = with(
            json!({"resourceType": "Patient", "id": "p"}),
            members.clone(),
        );
        let issued = issue_text(&patient.to_string()).unwrap();
        assert_eq!(value(&issued, "deceased"), flag, "{members}");
        assert_eq!(value(&issued, "death_date"), date, "{members}");
    }
}
