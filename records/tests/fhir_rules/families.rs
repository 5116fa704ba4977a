//! Diagnoses, medications, procedures, allergies.

use eligo_records::{
    cell::CellValue, cell::Layout, fhir::Input, issue::IssueError, issue::Options, issue::Recorded,
    issue::RecordedReport, issue::issue,
};
use serde_json::{Value, json};

use crate::record::{ICD10, SNOMED, bundle, condition, core, issue_text, made, why, with};

#[test]
fn families_are_sorted_unique_and_right_justified() {
    let issued = made(&[
        condition("a", ICD10, "I63.9"),
        condition("b", ICD10, "E11"),
        condition("c", "urn:oid:2.16.840.1.113883.6.3", "I639"),
        condition("d", SNOMED, "230690007"),
    ]);
    let schema = core();
    let layout = Layout::of(schema);
    let position = schema.position("diagnosis_icd10").unwrap();
    let family = layout.family(schema, position).unwrap();
    let cells: Vec<u64> = family.codes().map(|c| issued.cells.get(c)).collect();
    let (absent, present) = cells.split_at(22);
    assert!(absent.iter().all(|c| *c == 0));
    assert!(present[0] < present[1]);
    let text = |cell| {
        let place = layout
            .place(eligo_records::cell::CellId(family.first.0 + 23))
            .unwrap();
        CellValue::decode(schema, place, cell).unwrap().to_string()
    };
    assert_eq!(text(present[1]), "I639");
    assert_eq!(issued.cells.get(family.recorded), 2);
    let report = issued.report.attribute("diagnosis_icd10").unwrap();
    assert_eq!(report.codes[1].resources, ["Condition/a", "Condition/c"]);
}

#[test]
fn more_codes_than_room_is_an_error() {
    let many: Vec<Value> = (0..25)
        .map(|i| condition(&format!("c{i}"), ICD10, &format!("A{i:02}")))
        .collect();
    assert!(issue_text(&bundle(&many[..24])).is_ok());
    match issue_text(&bundle(&many)) {
        Err(IssueError::TooManyCodes {
            attribute,
            found,
            room,
            ..
        }) => {
            assert_eq!(
                (attribute.as_str(), found, room),
                ("diagnosis_icd10", 25, 24)
            );
        }
        other => panic!("{other:?}"),
    }
}

const IPS: &str = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips";

#[test]
fn what_is_left_out_decides_whether_a_list_is_whole() {
    let verification = |code: &str| json!({"verificationStatus": {"coding": [{"code": code}]}});
    let af = || condition("c", ICD10, "I48.0");
    for (resource, whole) in [
        (af(), true),
        (with(af(), verification("confirmed")), true),
        (with(af(), verification("refuted")), true),
        (with(af(), verification("entered-in-error")), true),
        (with(af(), verification("provisional")), false),
        (with(af(), verification("unconfirmed")), false),
        (with(af(), json!({"code": {"text": "AF"}})), false),
        (with(af(), json!({"code": null})), false),
        (
            with(af(), json!({"subject": {"reference": "Patient/q"}})),
            false,
        ),
        (condition("c", ICD10, "I48 0"), false),
        (condition("c", "http://example.org/codes", "1"), false),
        (condition("c", SNOMED, "49436004"), true),
        (condition("c", IPS, "no-known-problems"), true),
        (condition("c", IPS, "no-problem-info"), false),
    ] {
        let issued = made(std::slice::from_ref(&resource));
        let report = issued.report.attribute("diagnosis_icd10").unwrap();
        let recorded = report.recorded.as_ref().unwrap();
        assert_eq!(*recorded == RecordedReport::Yes, whole, "{resource}");
        let allergies = issued.report.attribute("allergy_snomed").unwrap();
        assert_eq!(allergies.recorded, Some(RecordedReport::Yes));
    }
}

#[test]
fn the_hospital_may_say_that_a_list_is_not_whole() {
    let options = Options {
        recorded: Recorded::Except(["allergy".to_owned()].into()),
        ..Options::default()
    };
    let text = bundle(&[]);
    let input = Input {
        name: "r",
        content: text.as_bytes(),
    };
    let issued = issue(core(), &[input], &options).unwrap();
    let recorded = |name| {
        issued
            .report
            .attribute(name)
            .unwrap()
            .recorded
            .clone()
            .unwrap()
    };
    assert_eq!(recorded("allergy_snomed"), RecordedReport::Excepted);
    assert_eq!(recorded("diagnosis_icd10"), RecordedReport::Yes);
    // So may the document itself.
    let composition = |reason: &str| {
        json!({"resourceType": "Composition", "section": [{
            "code": {"coding": [{"system": "http://loinc.org", "code": "48765-2"}]},
            "emptyReason": {"coding": [{"system": "s", "code": reason}]}}]})
    };
    for (reason, whole) in [
        ("nilknown", true),
        ("notasked", false),
        ("unavailable", false),
    ] {
        let issued = made(&[composition(reason)]);
        let report = issued.report.attribute("allergy_snomed").unwrap();
        assert_eq!(report.recorded == Some(RecordedReport::Yes), whole);
    }
}

#[test]
fn medications_count_when_ordered_or_taken() {
    let rx = json!({"coding": [{"system": "http://www.whocc.no/atc", "code": "A10BA02"}]});
    let request = |members: Value| {
        let base = json!({"resourceType": "MedicationRequest", "id": "m", "status": "active",
            "intent": "order", "subject": {"reference": "Patient/p"},
            "medicationCodeableConcept": rx});
        let issued = made(&[with(base, members)]);
        let count = issued
            .report
            .attribute("medication_atc")
            .unwrap()
            .codes
            .len();
        (count, why(&issued, "MedicationRequest/m"))
    };
    assert_eq!(request(json!({})), (1, vec![]));
    assert_eq!(
        request(json!({"intent": "plan", "reportedBoolean": true})),
        (1, vec![])
    );
    for (members, reason) in [
        (json!({"status": "cancelled"}), "status"),
        (json!({"status": "draft"}), "status"),
        (json!({"intent": "proposal"}), "intent"),
        (json!({"doNotPerform": true}), "do-not-perform"),
        (json!({"medicationCodeableConcept": null}), "no-code"),
        (
            json!({"medicationCodeableConcept": null, "medicationReference": {"reference": "#x"}}),
            "medication",
        ),
    ] {
        assert_eq!(request(members), (0, vec![reason]));
    }
    let taken = json!({"resourceType": "MedicationStatement", "id": "s", "status": "recorded",
        "subject": {"reference": "Patient/p"}, "medication": {"concept": rx},
        "adherence": {"code": {"coding": [{"code": "not-taking"}]}}});
    assert_eq!(why(&made(&[taken]), "MedicationStatement/s"), ["not-taken"]);
}
