//! Import from and export to other languages of eligibility.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{fs, path::PathBuf};

use eligo_records::{
    requirement::{
        Requirement,
        document::Document,
        interchange::{Format, ImportError, Imported, Study, export, import},
    },
    schema::{Schema, shipped},
};

fn core() -> &'static Schema {
    shipped("core").unwrap()
}

fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/criteria");
    fs::read_to_string(path.join(name)).unwrap()
}

fn format_of(name: &str) -> Format {
    match name.split('.').nth(1).unwrap() {
        "ccdl" => Format::Ccdl,
        "group-r4" => Format::GroupR4,
        "group-r5" => Format::GroupR5,
        _ => Format::EvidenceVariable,
    }
}

fn draft(imported: &Imported) -> Requirement {
    Requirement::try_from(imported.document("University Clinic")).unwrap()
}

const FIXTURES: [&str; 4] = [
    "heart-failure.ccdl.json",
    "hypertension.group-r4.json",
    "lipids.group-r5.json",
    "kidney.evidence-variable.json",
];

/// `ELIGO_WRITE_FIXTURES=1 cargo test -p eligo-records --test requirement_interchange` writes them anew.
#[test]
fn fixtures_import_to_the_requirements_beside_them() {
    for name in FIXTURES {
        let imported = import(format_of(name), &fixture(name), core()).unwrap();
        let requirement = draft(&imported);
        requirement.check(core()).unwrap();
        let beside = name.replace(".json", ".toml");
        if std::env::var_os("ELIGO_WRITE_FIXTURES").is_some() {
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/criteria");
            fs::write(path.join(&beside), requirement.to_toml()).unwrap();
        }
        assert_eq!(requirement.to_toml(), fixture(&beside), "{beside}");
        assert_eq!(
            requirement.screened_later().len(),
            imported.unsupported.len()
        );
    }
}

#[test]
fn what_cannot_be_expressed_is_named_with_its_place() {
    let places = |name: &str| {
        let imported = import(format_of(name), &fixture(name), core()).unwrap();
        imported
            .unsupported
            .into_iter()
            .map(|u| (u.place, u.reason))
            .collect::<Vec<_>>()
    };
    let found = places("heart-failure.ccdl.json");
    let expect = [
        ("/inclusionCriteria/1/1", "alternatives"),
        ("/inclusionCriteria/4/0", "`attributeFilters`"),
        (
            "/exclusionCriteria/2/0",
            "cannot be excluded within a window",
        ),
    ];
    assert_eq!(found.len(), expect.len(), "{found:?}");
    for ((place, reason), (at, words)) in found.iter().zip(expect) {
        assert_eq!(place, at);
        assert!(reason.contains(words), "{reason}");
    }
    let found = places("hypertension.group-r4.json");
    assert_eq!(found[0].0, "/characteristic/5");
    let found = places("kidney.evidence-variable.json");
    assert_eq!(found[0].0, "/characteristic/4");
    assert!(found[0].1.contains("definitionCanonical"));
}

#[test]
fn notes_tell_of_the_latest_observation_and_of_rounding() {
    let notes = |name: &str| {
        let imported = import(format_of(name), &fixture(name), core()).unwrap();
        imported
            .notes
            .into_iter()
            .map(|n| n.text)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let ccdl = notes("heart-failure.ccdl.json");
    assert!(
        ccdl.contains("latest usable observation of `lvef`"),
        "{ccdl}"
    );
    assert!(
        ccdl.contains("118.25 pmol/L is compared as 1000.04 pg/mL"),
        "{ccdl}"
    );
    assert!(notes("lipids.group-r5.json").contains("4.9 mmol/L is compared as 189.483 mg/dL"));
}

/// Exports of what was imported import to the same program, where nothing was reported.
#[test]
fn exports_read_back() {
    for name in FIXTURES {
        let imported = import(format_of(name), &fixture(name), core()).unwrap();
        let requirement = draft(&imported);
        let criteria = requirement.check(core()).unwrap();
        let mut complete = 0;
        for format in [
            Format::Ccdl,
            Format::GroupR4,
            Format::GroupR5,
            Format::EvidenceVariable,
        ] {
            let exported = export(format, &requirement, &criteria);
            if exported.unsupported.is_empty() {
                let back = import(format, &exported.json.to_string(), core()).unwrap();
                complete += 1;
                let again = back.expression.check(core()).unwrap();
                assert_eq!(
                    again.program().digest(),
                    criteria.program().digest(),
                    "{name} {format:?}: {}",
                    back.expression
                );
            }
        }
        assert!(complete >= 1, "{name}");
    }
}

#[test]
fn malformed_documents_are_refused_with_the_place() {
    let table = [
        (Format::Ccdl, "[", ""),
        (Format::Ccdl, "[]", "an object"),
        (Format::Ccdl, "{}", "`inclusionCriteria` or"),
        (
            Format::Ccdl,
            r#"{"inclusionCriteria":[[]]}"#,
            "/inclusionCriteria/0",
        ),
        (
            Format::Ccdl,
            r#"{"inclusionCriteria":[[{}]]}"#,
            "/inclusionCriteria/0/0/termCodes",
        ),
        (
            Format::Ccdl,
            r#"{"exclusionCriteria":[[]]}"#,
            "excludes everyone",
        ),
        (
            Format::Ccdl,
            r#"{"cohort":1,"inclusionCriteria":[]}"#,
            "only `version`",
        ),
        (
            Format::Ccdl,
            r#"{"inclusionCriteria":[[{"termCodes":[{"system":"http://loinc.org","code":"30525-0"}],
               "valueFilter":{"type":"quantity-comparator","comparator":"lt","value":"18"}}]]}"#,
            "/valueFilter/value: expected a number",
        ),
        (
            Format::Ccdl,
            r#"{"inclusionCriteria":[[{"termCodes":[{"system":"http://loinc.org","code":"30525-0"}],
               "valueFilter":{"type":"quantity-comparator","comparator":"lt","value":1e400,"unit":{"code":"a"}}}]]}"#,
            "at most 18 digits",
        ),
        (Format::GroupR4, "{}", "of the type `Group`"),
        (
            Format::GroupR4,
            r#"{"resourceType":"Group","type":"animal"}"#,
            "persons",
        ),
        (
            Format::GroupR4,
            r#"{"resourceType":"Group","type":"person","actual":true,"characteristic":[{}]}"#,
            "lists its members",
        ),
        (
            Format::GroupR5,
            r#"{"resourceType":"Group","characteristic":[{}]}"#,
            "/characteristic/0/code",
        ),
        (
            Format::EvidenceVariable,
            r#"{"resourceType":"EvidenceVariable","characteristic":[{"definitionByCombination":{"code":"all-of","characteristic":[]}}]}"#,
            "/definitionByCombination/characteristic",
        ),
    ];
    for (format, text, words) in table {
        let error = import(format, text, core()).expect_err(text);
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
    let long = " ".repeat(5_000_000);
    assert_eq!(
        import(Format::Ccdl, &long, core()),
        Err(ImportError::Length)
    );
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    assert!(matches!(
        import(Format::Ccdl, &deep, core()),
        Err(ImportError::Json { .. })
    ));
    let mut nested = r#"{"definitionCodeableConcept":{"text":"x"}}"#.to_owned();
    for _ in 0..40 {
        nested = format!(
            r#"{{"definitionByCombination":{{"code":"all-of","characteristic":[{nested}]}}}}"#
        );
    }
    let nested = format!(r#"{{"resourceType":"EvidenceVariable","characteristic":[{nested}]}}"#);
    assert!(import(Format::EvidenceVariable, &nested, core()).is_err());
}

#[test]
fn a_document_of_which_nothing_can_be_expressed_is_refused() {
    let text =
        r#"{"inclusionCriteria":[[{"termCodes":[{"system":"http://loinc.org","code":"0-0"}]}]]}"#;
    let Err(ImportError::Nothing(lost)) = import(Format::Ccdl, text, core()) else {
        panic!("imported")
    };
    assert_eq!(lost[0].place, "/inclusionCriteria/0/0");
}

/// One CCDL criterion and the expression it becomes over `core`.
#[test]
fn codes_and_filters_map_to_attributes() {
    let filter = |f: &str| format!(r#","valueFilter":{f}"#);
    let compare = |c: &str, v: &str, u: &str| {
        filter(&format!(
            r#"{{"type":"quantity-comparator","comparator":"{c}","value":{v},"unit":{{"code":"{u}"}}}}"#
        ))
    };
    let concept = |system: &str, code: &str| {
        filter(&format!(
            r#"{{"type":"concept","selectedConcepts":[{{"system":"{system}","code":"{code}"}}]}}"#
        ))
    };
    let (loinc, sct) = ("http://loinc.org", "http://snomed.info/sct");
    let gender = "http://hl7.org/fhir/administrative-gender";
    let table = [
        (
            loinc,
            "30525-0",
            "",
            compare("ge", "18", "a"),
            "age >= 18 years",
        ),
        (
            loinc,
            "30525-0",
            "",
            compare("lt", "6", "mo"),
            "age < 6 months",
        ),
        (sct, "424144002", "", String::new(), "present age"),
        (
            loinc,
            "17856-6",
            "",
            compare("ge", "6.5", "%"),
            "hba1c >= 6.5 %",
        ),
        (
            loinc,
            "59261-8",
            "",
            compare("ge", "47.54", "mmol/mol"),
            "hba1c_ifcc >= 47.54 mmol/mol",
        ),
        (
            loinc,
            "59261-8",
            "",
            compare("gt", "47.54321", "mmol/mol"),
            "hba1c_ifcc >= 47.544 mmol/mol",
        ),
        (
            loinc,
            "59261-8",
            "",
            compare("le", "4.754321e1", "mmol/mol"),
            "hba1c_ifcc <= 47.543 mmol/mol",
        ),
        (
            loinc,
            "8310-5",
            "",
            compare("ge", "100.4", "[degF]"),
            "temperature >= 100.4 [degF]",
        ),
        (loinc, "4548-4", "", String::new(), "present hba1c"),
        (
            sct,
            "263495000",
            "",
            concept(gender, "female"),
            "sex = female",
        ),
        (
            sct,
            "263495000",
            "",
            concept(sct, "248153007"),
            "sex = male",
        ),
        (
            loinc,
            "882-1",
            "",
            concept(sct, "278149003"),
            "blood_group = A and rhesus = positive",
        ),
        (
            loinc,
            "883-9",
            "",
            concept(sct, "112144000"),
            "blood_group = A",
        ),
        (
            sct,
            "44054006",
            "",
            String::new(),
            "any diagnosis in snomed:44054006",
        ),
        (
            sct,
            "80146002",
            "Prozedur",
            String::new(),
            "any procedure in snomed:80146002",
        ),
        (
            "urn:oid:2.16.840.1.113883.6.90",
            "E11.9",
            "",
            String::new(),
            "any diagnosis in icd10cm:E11.9",
        ),
        (
            "http://www.whocc.no/atc",
            "A10",
            "",
            String::new(),
            "any medication in atc:A10",
        ),
        (
            "http://www.nlm.nih.gov/research/umls/rxnorm",
            "7980",
            "Allergie",
            String::new(),
            "any allergy in rxnorm:7980",
        ),
        (sct, "419099009", "", String::new(), "deceased"),
    ];
    for (system, code, context, filter, expected) in table {
        let text = format!(
            r#"{{"inclusionCriteria":[[{{"context":{{"system":"fdpg.mii.cds","code":"{context}"}},
                "termCodes":[{{"system":"{system}","code":"{code}"}}]{filter}}}]]}}"#
        );
        let imported = import(Format::Ccdl, &text, core()).expect(expected);
        assert_eq!(imported.expression.to_string(), expected);
        assert_eq!(imported.unsupported, []);
    }
    // Never a neighbouring unit, never a converted HbA1c, never a guessed code.
    let refused = [
        (
            loinc,
            "4548-4",
            "",
            compare("ge", "48", "mmol/mol"),
            "no unit in which",
        ),
        (
            loinc,
            "4548-4",
            "",
            compare("eq", "6.54321", "%"),
            "too few for",
        ),
        (
            loinc,
            "30525-0",
            "",
            compare("ge", "900", "wk"),
            "not in `wk`",
        ),
        (
            loinc,
            "30525-0",
            "",
            compare("ge", "17.5", "a"),
            "no whole number",
        ),
        (loinc, "4548-4", "", concept(sct, "1"), "has no value"),
        (
            sct,
            "44054006",
            "",
            compare("ge", "1", "1"),
            "no value with this code",
        ),
        (
            sct,
            "44054006",
            "Specimen",
            String::new(),
            "keeps nothing with this code",
        ),
        (
            "http://hl7.org/fhir/sid/icd-10",
            "E11-E14",
            "",
            String::new(),
            "is no code",
        ),
    ];
    for (system, code, context, filter, words) in refused {
        let text = format!(
            r#"{{"inclusionCriteria":[[{{"context":{{"system":"fdpg.mii.cds","code":"{context}"}},
                "termCodes":[{{"system":"{system}","code":"{code}"}}]{filter}}}]]}}"#
        );
        let Err(ImportError::Nothing(lost)) = import(Format::Ccdl, &text, core()) else {
            panic!("{text} was imported")
        };
        assert!(lost[0].reason.contains(words), "{lost:?}");
    }
}

#[test]
fn studies_say_how_many_and_where() {
    let study = Study::read(&fixture("recruitment.research-study.json")).unwrap();
    assert_eq!(study.target_number, Some(240));
    assert_eq!(
        study.eligibility.as_deref(),
        Some("EvidenceVariable/ckd-a2")
    );
    assert!(Study::read("{}").is_err());
}

#[test]
fn exports_name_what_the_other_language_cannot_say() {
    let requirement = |expression: &str| {
        Requirement::try_from(Document {
            id: "x".into(),
            title: "t".into(),
            publisher: "p".into(),
            schema: "core".into(),
            expression: expression.into(),
            ..Document::default()
        })
        .unwrap()
    };
    let all = [
        Format::Ccdl,
        Format::GroupR4,
        Format::GroupR5,
        Format::EvidenceVariable,
    ];
    let table: [(&str, &[Format]); 9] = [
        (
            "hba1c >= 6.5 % within 12 months",
            &[Format::EvidenceVariable],
        ),
        ("hba1c >= 6.5 % since 2020-01-01", &all),
        (
            "hba1c >= 6.5 % or present egfr",
            &[Format::Ccdl, Format::GroupR5, Format::EvidenceVariable],
        ),
        (
            "hba1c >= 6.5 % or absent egfr",
            &[Format::GroupR5, Format::EvidenceVariable],
        ),
        (
            "not (hba1c >= 6.5 % and present egfr)",
            &[Format::Ccdl, Format::GroupR5, Format::EvidenceVariable],
        ),
        (
            "no diagnosis",
            &[Format::GroupR4, Format::GroupR5, Format::EvidenceVariable],
        ),
        ("birth_date >= 1950-01-01", &[]),
        ("any diagnosis_icd10 in icd10:I63", &[]),
        ("hba1c != 6.5 % and smoking not in never", &all),
    ];
    for (expression, possible) in table {
        let requirement = requirement(expression);
        let criteria = requirement.check(core()).unwrap();
        for format in all {
            let exported = export(format, &requirement, &criteria);
            let complete = exported.unsupported.is_empty();
            assert_eq!(
                complete,
                possible.contains(&format),
                "{expression} {format:?}"
            );
            if complete {
                let back = import(format, &exported.json.to_string(), core()).unwrap();
                assert_eq!(back.unsupported, []);
            } else {
                assert!(!exported.unsupported[0].criterion.is_empty());
                assert!(!exported.unsupported[0].reason.is_empty());
            }
            assert!(exported.notes.iter().any(|n| n.text.contains("dead")));
        }
    }
}
