//! Records of others, tried when they are there: every one issues, or is refused with a reason.

#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf};

use eligo_records::{
    fhir::Input,
    issue::{IssueError, Issued, Options, RecordedReport, State, issue},
    schema::shipped,
};

mod study;

fn folder(name: &str) -> Vec<(String, Vec<u8>)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/fhir");
    let Ok(entries) = fs::read_dir(root.join(name)) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .map(|p| {
            let name = p.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(p).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn made(file: &(String, Vec<u8>), patient: Option<&str>) -> Result<Issued, IssueError> {
    let input = Input {
        name: &file.0,
        content: &file.1,
    };
    let options = Options {
        patient: patient.map(str::to_owned),
        ..Options::default()
    };
    issue(shipped("core").unwrap(), &[input], &options)
}

/// Every resource is either used or has a reason.
fn explained(issued: &Issued) {
    for r in &issued.report.resources {
        assert!(
            !r.used_for.is_empty() || !r.left_out.is_empty(),
            "{}",
            r.resource
        );
    }
    assert!(serde_json::to_string(&issued.report).unwrap().len() > 100);
    assert!(issued.report.to_string().contains("Left out"));
}

#[test]
fn synthetic_patients_issue_with_their_latest_usable_values() {
    let latest = [
        ("Alda", "systolic_bp", "128.22"),
        ("Brant", "systolic_bp", "155.887"),
        ("Bryan", "systolic_bp", "126.935"),
        ("Clarine", "systolic_bp", "109.088"),
        ("Clemente", "systolic_bp", "122.459"),
        ("Jessi", "hba1c", "6.455"),
        ("Louis", "hba1c", "7.4987"),
        ("Miguel", "systolic_bp", "111.139"),
        ("Patria", "hba1c", "7.5645"),
        ("Ángela", "hba1c", "6.6"),
    ];
    for file in folder("synthea_r4") {
        let issued = made(&file, None).unwrap();
        explained(&issued);
        let (_, name, value) = latest.iter().find(|(n, ..)| file.0.starts_with(n)).unwrap();
        let found = issued.report.attribute(name).unwrap();
        assert!(
            found.value.as_deref().unwrap().starts_with(value),
            "{} {found}",
            file.0
        );
        if file.0.starts_with("Miguel") {
            assert_eq!(found.date.as_deref(), Some("2009-09-19"));
            assert_eq!(found.unusable.len(), 56);
            assert_eq!(found.unusable[0].reason.code(), "no-unit");
        }
        for family in &issued.report.attributes {
            // One procedure of Miguel's has a LOINC code under the SNOMED CT system.
            let odd = file.0.starts_with("Miguel") && family.name == "procedure_snomed";
            if let Some(recorded) = &family.recorded
                && !odd
            {
                assert_eq!(*recorded, RecordedReport::Yes, "{} {}", file.0, family.name);
            }
        }
        let snomed = issued.report.attribute("diagnosis_snomed").unwrap();
        assert_eq!(snomed.state, State::Present);
    }
}

#[test]
fn documents_issue() {
    for name in ["ips_r4", "hl7_examples", "uscore"] {
        for file in folder(name) {
            match made(&file, None) {
                Ok(issued) => explained(&issued),
                Err(e) => {
                    assert!(!e.advice().is_empty());
                    assert!(matches!(e, IssueError::Patient(_)), "{}: {e}", file.0);
                }
            }
        }
    }
    for file in folder("uscore") {
        for patient in ["PatientA", "PatientB"] {
            let issued = made(&file, Some(patient)).unwrap();
            explained(&issued);
        }
    }
}

#[test]
fn eligibility_is_as_expected() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/criteria");
    let Ok(expected) = fs::read_to_string(root.join("expected.json")) else {
        return;
    };
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let study = study::Study::new();
    for file in folder("synthea_r4") {
        let cells = made(&file, None).unwrap().cells;
        for (name, found) in [
            ("stroke", study.stroke(&cells)),
            ("t2dm", study.diabetes(&cells)),
        ] {
            let expected = &expected[name][&file.0]["eligible"];
            assert_eq!(expected.as_bool(), Some(found), "{} {name}", file.0);
        }
    }
}
