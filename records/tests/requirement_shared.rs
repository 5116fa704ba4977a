//! Trials and records of others, tried when they are there.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{fs, path::PathBuf};

use eligo_records::{
    civil::CivilDay,
    fhir::Input,
    issue::{Options, issue},
    requirement::{
        explain,
        interchange::{Format, import},
    },
    schema::shipped,
};
use serde_json::Value;

#[test]
fn both_trials_agree_with_what_is_expected_of_ten_patients() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let Ok(expected) = fs::read_to_string(root.join("criteria/expected.json")) else {
        return;
    };
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let schema = shipped("core").unwrap();
    let today = CivilDay::parse(expected["asOf"].as_str().unwrap()).unwrap();
    let mut compared = 0;
    for trial in ["stroke", "t2dm"] {
        let text = fs::read_to_string(root.join(format!("criteria/ccdl-{trial}.json"))).unwrap();
        let imported = import(Format::Ccdl, &text, schema).unwrap();
        assert_eq!(imported.unsupported, []);
        let criteria = imported.expression.check(schema).unwrap();
        for (file, patient) in expected[trial].as_object().unwrap() {
            let content = fs::read(root.join("fhir/synthea_r4").join(file)).unwrap();
            let input = Input {
                name: file,
                content: &content,
            };
            let issued = issue(schema, &[input], &Options::default()).unwrap();
            let explanation = explain(&criteria, &issued.cells, today);
            assert_eq!(
                explanation.holds,
                patient["eligible"].as_bool().unwrap(),
                "{trial} {file}: {explanation:#?}"
            );
            assert_eq!(explanation.holds, explanation.failing().count() == 0);
            // The reasons are the criteria that fail: one each, the value and its window together.
            let reasons = patient["reasons"].as_array().unwrap().len();
            assert_eq!(explanation.failing().count(), reasons, "{trial} {file}");
            compared += 1;
        }
    }
    assert_eq!(compared, 20);
}

#[test]
fn the_other_forms_of_the_trials_import_whole() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/criteria");
    if !root.exists() {
        return;
    }
    for (format, name) in [
        (Format::GroupR4, "R4-Group-t2dm.json"),
        (Format::GroupR5, "R5-Group-t2dm.json"),
        (Format::EvidenceVariable, "R5-EvidenceVariable-stroke.json"),
    ] {
        let text = fs::read_to_string(root.join(name)).unwrap();
        let imported = import(format, &text, shipped("core").unwrap()).unwrap();
        assert_eq!(imported.unsupported, [], "{name}");
    }
}
