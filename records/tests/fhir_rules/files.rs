//! Files, reports, and hostile input.

use eligo_records::{
    cell::CellValue, cell::Layout, fhir::Input, fhir::ReadError, issue::IssueError, issue::Options,
    issue::issue, schema::Kind,
};
use serde_json::{Value, json};

use crate::record::{ICD10, condition, core, issue_text, made, observation, ucum, value, with};

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
    let content = include_bytes!("../../../fixtures/fhir/marta-nowak.json");
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
            serde_json::from_slice(include_bytes!("../../../fixtures/fhir/lea-fontaine.json")).unwrap();
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
