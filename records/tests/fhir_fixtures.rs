//! The synthetic patients of `fixtures/fhir/`: what is read of each, and who is eligible.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use eligo_records::{
    fhir::Input,
    issue::{IssueError, Issued, Options, RecordedReport, State, issue},
    schema::shipped,
};

mod study;

use study::Study;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/fhir"))
}

fn issued(file: &str, patient: Option<&str>) -> Result<Issued, IssueError> {
    let content = fs::read(folder().join(file)).unwrap();
    let options = Options {
        patient: patient.map(str::to_owned),
        ..Options::default()
    };
    let input = Input {
        name: file,
        content: &content,
    };
    issue(shipped("core").unwrap(), &[input], &options)
}

#[test]
fn eligibility_is_as_the_readme_says() {
    let study = Study::new();
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let rows: BTreeMap<&str, (bool, bool)> = readme
        .lines()
        .filter(|l| l.starts_with("| `"))
        .map(|l| {
            let cells: Vec<&str> = l.split('|').map(str::trim).collect();
            (
                cells[1].trim_matches('`'),
                (cells[2] == "yes", cells[3] == "yes"),
            )
        })
        .collect();
    assert_eq!(rows.len(), 14);
    for (file, (stroke, diabetes)) in rows {
        let patient = (file == "two-patients.json").then_some("ward-1");
        let cells = issued(file, patient).unwrap().cells;
        assert_eq!(study.stroke(&cells), stroke, "{file}");
        assert_eq!(study.diabetes(&cells), diabetes, "{file}");
    }
}

#[test]
fn the_patient_of_the_demonstration_fills_most_of_core() {
    let issued = issued("marta-nowak.json", None).unwrap();
    for (name, value) in [
        ("birth_date", "1962-03-14"),
        ("sex", "female"),
        ("systolic_bp", "126.935 mm[Hg]"),
        ("heart_rate", "71.85 /min"),
        ("temperature", "36.722 Cel"),
        ("cholesterol", "189.483 mg/dL"),
        ("creatinine", "0.882 mg/dL"),
        ("blood_group", "O"),
        ("rhesus", "positive"),
        ("smoking", "former"),
    ] {
        let found = issued.report.attribute(name).unwrap();
        assert_eq!(found.value.as_deref(), Some(value), "{name}");
    }
    let pressure = issued.report.attribute("systolic_bp").unwrap();
    let source = pressure.source.as_ref().unwrap();
    assert_eq!(source.value.as_deref(), Some("126.93487120564873"));
    assert_eq!(source.date.as_deref(), Some("2021-03-15T09:05:00+01:00"));
    assert_eq!(source.place, "/component/1");
    let icd10 = issued.report.attribute("diagnosis_icd10").unwrap();
    let codes: Vec<&str> = icd10.codes.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(codes, ["E780", "I10", "I639"]);
    // A partial onset is absent.
    assert_eq!(icd10.codes[0].onset, None);
    assert_eq!(icd10.codes[2].onset.as_deref(), Some("2019-11-02"));
    assert_eq!(icd10.recorded, Some(RecordedReport::Yes));
}

#[test]
fn ndjson_and_bundle_give_the_same_cells() {
    let bundle = issued("marta-nowak.json", None).unwrap();
    // Without full URLs the references still resolve, by id of the patient.
    let lines = issued("marta-nowak.ndjson", None);
    match lines {
        Ok(lines) => assert_eq!(lines.cells, bundle.cells),
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn one_of_everything_unusable_is_reported() {
    let issued = issued("lea-fontaine.json", None).unwrap();
    let report = &issued.report;
    let reasons = |name: &str| -> Vec<&str> {
        let unusable = &report.attribute(name).unwrap().unusable;
        unusable.iter().map(|u| u.reason.code()).collect()
    };
    let heart = report.attribute("heart_rate").unwrap();
    assert_eq!(heart.value.as_deref(), Some("64 /min"));
    assert_eq!(heart.date.as_deref(), Some("2020-01-01"));
    assert_eq!(
        reasons("heart_rate"),
        ["number-size", "value-type", "data-absent", "unit"]
    );
    assert_eq!(reasons("glucose"), ["status", "status", "comparator"]);
    assert_eq!(reasons("weight"), ["range"]);
    assert_eq!(report.attribute("weight").unwrap().state, State::Absent);
    // A partial date: the value stands, its date is absent.
    let height = report.attribute("height").unwrap();
    assert_eq!(height.value.as_deref(), Some("171 cm"));
    assert_eq!(height.date, None);
    assert_eq!(reasons("birth_date"), ["demographic"]);
    assert_eq!(reasons("sex"), ["demographic"]);
    let icd10 = report.attribute("diagnosis_icd10").unwrap();
    assert!(icd10.codes.is_empty());
    match icd10.recorded.as_ref().unwrap() {
        RecordedReport::Hidden(by) => assert_eq!(by.len(), 4), // all but the refuted one
        other => panic!("{other:?}"),
    }
    let atc = report.attribute("medication_atc").unwrap();
    assert_eq!(atc.codes.len(), 1);
    assert_eq!(atc.codes[0].code, "N02BE01");
    let every: Vec<&str> = report
        .resources
        .iter()
        .flat_map(|r| &r.left_out)
        .map(|l| l.reason.code())
        .collect();
    for code in [
        "date",
        "verification",
        "code",
        "system",
        "no-code",
        "medication",
        "status",
    ] {
        assert!(every.contains(&code), "{code}");
    }
}

#[test]
fn r5_medications_and_procedures_are_read() {
    let issued = issued("sofia-andersen-r5.json", None).unwrap();
    let atc = issued.report.attribute("medication_atc").unwrap();
    let codes: Vec<&str> = atc.codes.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(codes, ["B01AC04", "C10AA07"]);
    let medication = issued.report.resource("Medication/sofia-andersen-5");
    assert!(medication.unwrap().used_for.contains("medication_atc"));
    let procedures = issued.report.attribute("procedure_snomed").unwrap();
    assert_eq!(procedures.codes[0].onset.as_deref(), Some("2019-10-10"));
    let group = issued.report.attribute("blood_group").unwrap();
    assert_eq!(group.value.as_deref(), Some("A"));
}

#[test]
fn of_two_patients_one_is_chosen_and_nothing_of_the_other_is_sealed() {
    assert!(matches!(
        issued("two-patients.json", None),
        Err(IssueError::Patient(_))
    ));
    let one = issued("two-patients.json", Some("ward-1")).unwrap();
    let pressure = one.report.attribute("systolic_bp").unwrap();
    assert_eq!(pressure.value.as_deref(), Some("138.5 mm[Hg]"));
    let other = one.report.resource("Observation/ward-2-1").unwrap();
    assert_eq!(other.left_out[0].reason.code(), "other-patient");
    let sealed = String::from_utf8(one.bundle).unwrap();
    assert!(sealed.contains("ward-1-1") && !sealed.contains("ward-2"));
    assert!(issued("two-patients.json", Some("ward-3")).is_err());
}
