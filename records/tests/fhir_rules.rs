//! The rules of reading, one by one, on the smallest records that show them.

#![allow(clippy::unwrap_used)]

use eligo_records::{
    cell::{CellValue, Layout},
    civil::CivilDay,
    fhir::{Input, ReadError, patient::PatientError},
    issue::{IssueError, Issued, Options, Recorded, RecordedReport, State, issue},
    schema::{Kind, Schema, shipped},
};
use serde_json::{Value, json};

fn core() -> &'static Schema {
    shipped("core").unwrap()
}

fn issue_text(text: &str) -> Result<Issued, IssueError> {
    let input = Input {
        name: "record.json",
        content: text.as_bytes(),
    };
    issue(core(), &[input], &Options::default())
}

/// A bundle of a patient `p` and these resources, whose subject is that patient.
fn bundle(resources: &[Value]) -> String {
    let patient = json!({"resourceType": "Patient", "id": "p", "gender": "male",
        "birthDate": "1961-02-03"});
    let entries: Vec<Value> = core::iter::once(patient)
        .chain(resources.iter().cloned())
        .map(|r| json!({"resource": r}))
        .collect();
    json!({"resourceType": "Bundle", "type": "collection", "entry": entries}).to_string()
}

fn made(resources: &[Value]) -> Issued {
    issue_text(&bundle(resources)).unwrap()
}

fn with(mut base: Value, members: Value) -> Value {
    let members = members.as_object().unwrap().clone();
    base.as_object_mut().unwrap().extend(members);
    base
}

fn observation(id: &str, code: &str, date: &str, value: Value) -> Value {
    json!({"resourceType": "Observation", "id": id, "status": "final",
        "subject": {"reference": "Patient/p"}, "effectiveDateTime": date,
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "valueQuantity": value})
}

fn ucum(value: &str, unit: &str) -> Value {
    let value: Value = serde_json::from_str(value).unwrap();
    json!({"value": value, "system": "http://unitsofmeasure.org", "code": unit})
}

fn condition(id: &str, system: &str, code: &str) -> Value {
    json!({"resourceType": "Condition", "id": id, "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": system, "code": code}]}})
}

fn value<'a>(issued: &'a Issued, name: &str) -> Option<&'a str> {
    issued.report.attribute(name).unwrap().value.as_deref()
}

fn why(issued: &Issued, resource: &str) -> Vec<&'static str> {
    let resource = issued.report.resource(resource).unwrap();
    resource.left_out.iter().map(|l| l.reason.code()).collect()
}

const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
const SNOMED: &str = "http://snomed.info/sct";

#[test]
fn every_unusable_quantity_has_its_reason() {
    let plain = || ucum("70", "/min");
    for (quantity, reason) in [
        (with(plain(), json!({"comparator": "<"})), "comparator"),
        (with(plain(), json!({"code": null})), "no-unit"),
        (with(plain(), json!({"code": ""})), "no-unit"),
        (with(plain(), json!({"system": null})), "unit-system"),
        (
            with(plain(), json!({"system": "http://example.org"})),
            "unit-system",
        ),
        (with(plain(), json!({"value": "70"})), "not-a-number"),
        (with(plain(), json!({"value": null})), "no-value"),
        (ucum("70", "Hz"), "unit"),
        (ucum("1e999999999", "/min"), "number-size"),
        (ucum("-1", "/min"), "range"),
        (ucum("655.345", "/min"), "range"),
        (
            with(
                plain(),
                json!({"modifierExtension": [{"url": "http://example.org/not"}]}),
            ),
            "modifier",
        ),
    ] {
        let issued = made(&[observation("o", "8867-4", "2021-01-01", quantity.clone())]);
        assert_eq!(value(&issued, "heart_rate"), None, "{quantity}");
        assert_eq!(why(&issued, "Observation/o"), [reason], "{quantity}");
        let layout = Layout::of(core());
        let cell = layout
            .first_cell(core().position("heart_rate").unwrap())
            .unwrap();
        assert_eq!(issued.cells.get(cell), 0);
    }
    // The largest value the cell holds.
    let issued = made(&[observation(
        "o",
        "8867-4",
        "2021-01-01",
        ucum("655.344", "/min"),
    )]);
    assert_eq!(value(&issued, "heart_rate"), Some("655.34 /min"));
}

#[test]
fn every_unusable_observation_has_its_reason() {
    let plain = || observation("o", "8867-4", "2021-01-01", ucum("70", "/min"));
    for (members, reason) in [
        (json!({"status": "preliminary"}), "status"),
        (json!({"status": "entered-in-error"}), "status"),
        (json!({"status": null}), "no-status"),
        (json!({"effectiveDateTime": "yesterday"}), "date"),
        (
            json!({"dataAbsentReason": {"text": "refused"}}),
            "data-absent",
        ),
        (
            json!({"subject": {"reference": "Patient/q"}}),
            "unknown-subject",
        ),
        (
            json!({"subject": {"reference": "Group/p"}}),
            "unknown-subject",
        ),
        (json!({"subject": {"display": "P."}}), "no-subject"),
        (json!({"subject": null}), "no-subject"),
        (
            json!({"focus": [{"reference": "Patient/fetus"}]}),
            "other-focus",
        ),
        (
            json!({"modifierExtension": [{"url": "http://example.org/not"}]}),
            "modifier",
        ),
        (
            json!({"implicitRules": "http://example.org/rules"}),
            "modifier",
        ),
        (
            json!({"valueQuantity": null, "valueInteger": 70}),
            "value-type",
        ),
        (json!({"valueQuantity": null}), "no-value"),
    ] {
        let issued = made(&[with(plain(), members.clone())]);
        assert_eq!(value(&issued, "heart_rate"), None, "{members}");
        assert_eq!(why(&issued, "Observation/o"), [reason], "{members}");
    }
    for status in ["final", "amended", "corrected"] {
        let issued = made(&[with(plain(), json!({"status": status}))]);
        assert_eq!(value(&issued, "heart_rate"), Some("70 /min"));
    }
}

#[test]
fn the_latest_usable_one_supplies_value_and_date() {
    let hr = |id: &str, date: &str, v: &str| observation(id, "8867-4", date, ucum(v, "/min"));
    // As instants b is the latest, though a's text sorts after it.
    let issued = made(&[
        hr("a", "2021-01-02T01:00:00+14:00", "61"),
        hr("b", "2021-01-01T23:00:00-05:00", "62"),
        hr("c", "2021-01-01", "63"),
    ]);
    let report = issued.report.attribute("heart_rate").unwrap();
    assert_eq!(report.value.as_deref(), Some("62 /min"));
    assert_eq!(report.date.as_deref(), Some("2021-01-01"));
    assert_eq!(why(&issued, "Observation/a"), ["not-latest"]);
    // A tie goes to the greatest id, whatever the order of the input.
    for order in [["a", "b"], ["b", "a"]] {
        let [x, y] = order.map(|id| {
            hr(
                id,
                "2021-01-01T10:00:00Z",
                if id == "a" { "61" } else { "62" },
            )
        });
        assert_eq!(value(&made(&[x, y]), "heart_rate"), Some("62 /min"));
    }
    // Newer unusable ones are named, older ones not.
    let issued = made(&[
        hr("old", "2019-01-01", "61"),
        with(
            hr("older", "2018-01-01", "61"),
            json!({"status": "preliminary"}),
        ),
        with(
            hr("newer", "2020-01-01", "61"),
            json!({"status": "preliminary"}),
        ),
    ]);
    let report = issued.report.attribute("heart_rate").unwrap();
    let named: Vec<&str> = report
        .unusable
        .iter()
        .map(|u| u.resource.as_str())
        .collect();
    assert_eq!(named, ["Observation/newer"]);
    assert_eq!(report.date.as_deref(), Some("2019-01-01"));
}

#[test]
fn a_latest_value_out_of_range_is_not_replaced_by_an_older_one() {
    let issued = made(&[
        observation("old", "8867-4", "2020-01-01", ucum("61", "/min")),
        observation("new", "8867-4", "2021-01-01", ucum("6100", "/min")),
    ]);
    let report = issued.report.attribute("heart_rate").unwrap();
    assert_eq!(report.state, State::Absent);
    assert_eq!(report.unusable[0].reason.code(), "range");
}

#[test]
fn components_of_both_panels_count() {
    for panel in ["85354-9", "55284-4"] {
        let component = |code: &str, v: &str| {
            json!({"code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "valueQuantity": ucum(v, "mm[Hg]")})
        };
        let absent = json!({"code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]},
            "dataAbsentReason": {"coding": [{"code": "not-performed", "system": "s"}]}});
        let o = with(
            observation("o", panel, "2021-01-01", Value::Null),
            json!({"component": [component("8480-6", "107"), absent]}),
        );
        let issued = made(&[o]);
        assert_eq!(value(&issued, "systolic_bp"), Some("107 mm[Hg]"));
        assert_eq!(value(&issued, "diastolic_bp"), None);
        let left = &issued.report.resource("Observation/o").unwrap().left_out;
        assert_eq!(left[0].place, "/component/1");
        assert_eq!(left[0].reason.code(), "data-absent");
    }
}

#[test]
fn times_are_read_wherever_they_are_given() {
    let at = |members: Value| {
        let o = observation("o", "8867-4", "x", ucum("70", "/min"));
        let issued = made(&[with(with(o, json!({"effectiveDateTime": null})), members)]);
        let report = issued.report.attribute("heart_rate").unwrap();
        assert_eq!(report.state, State::Present);
        report.date.clone()
    };
    let day = |d: &str| Some(d.to_owned());
    assert_eq!(
        at(json!({"effectiveInstant": "2020-02-29T10:00:00Z"})),
        day("2020-02-29")
    );
    assert_eq!(
        at(json!({"effectivePeriod": {"start": "2020-01-01", "end": "2020-01-03"}})),
        day("2020-01-03")
    );
    assert_eq!(
        at(json!({"effectivePeriod": {"start": "2020-01-01"}})),
        day("2020-01-01")
    );
    assert_eq!(
        at(json!({"issued": "2016-03-18T05:27:04Z"})),
        day("2016-03-18")
    );
    assert_eq!(at(json!({"effectiveDateTime": "2020-02"})), None);
    assert_eq!(at(json!({})), None);
}

#[test]
fn haemoglobin_a1c_units_are_never_converted() {
    let percent = observation("a", "4548-4", "2021-01-01", ucum("7", "%"));
    let ifcc = observation("b", "59261-8", "2021-01-01", ucum("53", "mmol/mol"));
    let wrong = observation("c", "4548-4", "2021-01-02", ucum("53", "mmol/mol"));
    let issued = made(&[percent, ifcc, wrong]);
    assert_eq!(value(&issued, "hba1c"), Some("7 %"));
    assert_eq!(value(&issued, "hba1c_ifcc"), Some("53 mmol/mol"));
    assert_eq!(why(&issued, "Observation/c"), ["unit"]);
}

#[test]
fn answers_need_exactly_one_meaning() {
    let answer = |codes: &[(&str, &str)]| {
        let codings: Vec<Value> = codes
            .iter()
            .map(|(s, c)| json!({"system": s, "code": c}))
            .collect();
        let o = observation("o", "72166-2", "2021-01-01", Value::Null);
        made(&[with(
            o,
            json!({"valueCodeableConcept": {"coding": codings}}),
        )])
    };
    let loinc = "http://loinc.org";
    let issued = answer(&[
        ("http://example.org", "x"),
        (SNOMED, "266919005"),
        (loinc, "LA18978-9"),
    ]);
    assert_eq!(value(&issued, "smoking"), Some("never"));
    let issued = answer(&[(SNOMED, "266919005"), (loinc, "LA15920-4")]);
    assert_eq!(why(&issued, "Observation/o"), ["conflicting-answers"]);
    let issued = answer(&[(SNOMED, "266927001")]);
    assert_eq!(why(&issued, "Observation/o"), ["answer"]);
}

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
fn several_files_are_one_record() {
    let patient =
        json!({"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01"}).to_string();
    let o = observation("o", "8867-4", "2021-01-01", ucum("61", "/min")).to_string();
    let lines = format!(
        "{}\n\n{}\n",
        condition("c", ICD10, "I10"),
        condition("d", ICD10, "I11")
    );
    let inputs = [
        ("Patient.json", &patient),
        ("o.json", &o),
        ("Condition.ndjson", &lines),
    ]
    .map(|(name, text)| Input {
        name,
        content: text.as_bytes(),
    });
    let issued = issue(core(), &inputs, &Options::default()).unwrap();
    assert_eq!(value(&issued, "heart_rate"), Some("61 /min"));
    let second = issued.report.resource("Condition/d").unwrap();
    assert_eq!(
        (second.file.as_str(), second.place.as_str()),
        ("Condition.ndjson", "line 3 ")
    );
    let sealed: Value = serde_json::from_slice(&issued.bundle).unwrap();
    assert_eq!(sealed["entry"].as_array().unwrap().len(), 4);
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
fn what_comes_after_the_day_of_issue_is_left_out() {
    let text = bundle(&[
        observation("a", "8867-4", "2021-06-01", ucum("61", "/min")),
        observation("b", "8867-4", "2021-06-02", ucum("62", "/min")),
        with(
            condition("c", ICD10, "I10"),
            json!({"onsetDateTime": "2022-01-01"}),
        ),
    ]);
    let options = Options {
        until: Some(CivilDay::parse("2021-06-01").unwrap()),
        ..Options::default()
    };
    let input = Input {
        name: "r",
        content: text.as_bytes(),
    };
    let issued = issue(core(), &[input], &options).unwrap();
    assert_eq!(value(&issued, "heart_rate"), Some("61 /min"));
    assert_eq!(why(&issued, "Observation/b"), ["future"]);
    assert_eq!(why(&issued, "Condition/c"), ["future"]);
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

#[test]
fn files_that_are_no_fhir_are_refused_with_their_place() {
    let read = |text: &[u8]| {
        let input = Input {
            name: "f",
            content: text,
        };
        match issue(core(), &[input], &Options::default()) {
            Err(IssueError::Read(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(read(b""), ReadError::Empty { .. }));
    assert!(matches!(read(b" \n"), ReadError::Empty { .. }));
    for (bytes, found) in [
        (&b"<Patient/>"[..], "XML"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"{\"a\": \"\xff\"}", "bytes that are not UTF-8 text"),
        (b"\xff\xfe{\x00", "UTF-16 text"),
    ] {
        match read(bytes) {
            ReadError::Format { found: f, .. } => assert_eq!(f, found),
            other => panic!("{other:?}"),
        }
    }
    match read(b"{\n  \"resourceType\": \"Patient\",\n  \"id\": }") {
        ReadError::Json { line, column, .. } => assert_eq!((line, column), (3, 9)),
        other => panic!("{other:?}"),
    }
    match read(br#"{"resourceType": "Patient", "gender": "male", "gender": "female"}"#) {
        ReadError::Json { problem, .. } => assert!(problem.contains("`gender` is given twice")),
        other => panic!("{other:?}"),
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(read(deep.as_bytes()), ReadError::Json { .. }));
    match read(br#"{"resourceType": "Bundle", "entry": [{"resource": {"id": "x"}}]}"#) {
        ReadError::Shape { place, .. } => assert_eq!(place, "/entry/0/resource"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(read(b"[]"), ReadError::Shape { .. }));
    assert!(matches!(
        read(br#"{"resourceType": "Bundle", "type": "history"}"#),
        ReadError::History { .. }
    ));
}

#[test]
fn reports_show_no_control_characters_of_the_input() {
    let o = with(
        observation("o", "8867-4", "2021-01-01", ucum("61", "\u{1b}[2J")),
        json!({"id": "\u{1b}[31mred\u{202e}"}),
    );
    let report = made(&[o]).report.to_string();
    assert!(!report.contains('\u{1b}') && !report.contains('\u{202e}'));
}

#[test]
fn cells_decode_to_what_the_report_says() {
    let content = include_bytes!("../../fixtures/fhir/marta-nowak.json");
    let input = Input {
        name: "marta",
        content,
    };
    let schema = core();
    let issued = issue(schema, &[input], &Options::default()).unwrap();
    let layout = Layout::of(schema);
    for (place, cell) in layout.places().iter().zip(issued.cells.values()) {
        if let Some(value) = CellValue::decode(schema, place, *cell) {
            assert_eq!(value.encode(schema, place), Some(*cell));
        } else {
            assert_eq!(*cell, 0);
        }
    }
    for (i, attribute) in schema.attributes().iter().enumerate() {
        if matches!(attribute.kind, Kind::Family(_)) {
            continue;
        }
        let cell = layout.first_cell(i).unwrap();
        let place = layout.place(cell).unwrap();
        let decoded = CellValue::decode(schema, place, issued.cells.get(cell));
        let report = issued.report.attribute(&attribute.name).unwrap();
        assert_eq!(
            decoded.map(|v| v.to_string()),
            report.value,
            "{}",
            attribute.name
        );
    }
}

proptest::proptest! {
    /// Whatever the bytes, reading ends in an answer.
    #[test]
    fn no_input_panics(bytes in proptest::collection::vec(0u8..=255, 0..400)) {
        let input = Input { name: "x", content: &bytes };
        let _answer = issue(core(), &[input], &Options::default()).is_ok();
    }

    /// So does a record of which any one member is replaced by any other value.
    #[test]
    fn no_replaced_member_panics(at in 0usize..1000, with in 0usize..8) {
        let mut record: Value =
            serde_json::from_slice(include_bytes!("../../fixtures/fhir/lea-fontaine.json")).unwrap();
        let odd = [json!(null), json!([]), json!({}), json!(""), json!(-1), json!([[{}]]),
            json!(true), json!({"coding": 7})];
        let mut left = at;
        replace(&mut record, &mut left, &odd[with]);
        let text = record.to_string();
        let _answer = issue_text(&text).is_ok();
    }
}

/// Replaces the member or element number `left`, counted depth first.
fn replace(value: &mut Value, left: &mut usize, by: &Value) -> bool {
    let children: Box<dyn Iterator<Item = &mut Value>> = match value {
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Object(members) => Box::new(members.values_mut()),
        _ => return false,
    };
    for child in children {
        if *left == 0 {
            *child = by.clone();
            return true;
        }
        *left -= 1;
        if replace(child, left, by) {
            return true;
        }
    }
    false
}
