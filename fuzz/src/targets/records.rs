//! Schemas, FHIR input, expressions, requirement documents and imports.

use eligo_records::{
    fhir::Input,
    issue::{Options, issue},
    requirement::{
        Expression, Requirement,
        interchange::{Format, import},
    },
    schema::{Schema, shipped, shipped_text},
};

use super::Target;

const PATIENT: &[u8] = include_bytes!("../../../fixtures/fhir/marta-nowak.json");
const R5: &[u8] = include_bytes!("../../../fixtures/fhir/sofia-andersen-r5.json");
const STROKE: &str = include_str!("../../../fixtures/requirements/stroke.toml");
const CCDL: &[u8] = include_bytes!("../../../fixtures/criteria/heart-failure.ccdl.json");
const GROUP: &[u8] = include_bytes!("../../../fixtures/criteria/lipids.group-r5.json");
const VARIABLE: &[u8] = include_bytes!("../../../fixtures/criteria/kidney.evidence-variable.json");

const JSON: &[&[u8]] = &[
    b"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b"null",
    b"true",
    b"1e9",
    b"-1",
    b"1e-999999999",
    b"\"resourceType\"",
    b"\"Observation\"",
    b"\"Patient\"",
    b"\"valueQuantity\"",
    b"\"value\"",
    b"\"code\"",
    b"\"system\"",
    b"\"subject\"",
    b"\"reference\"",
    b"\"2021-02-30\"",
];
const LANGUAGE: &[&[u8]] = &[
    b" and ",
    b" or ",
    b"not ",
    b"(",
    b")",
    b"any diagnosis in ",
    b"no ",
    b"icd10:I63",
    b"-I69",
    b" within 24 months",
    b" between ",
    b"age ",
    b"<",
    b">=",
    b"present ",
    b"absent ",
    b"9999999999",
    b"0.0000000001",
    b"from 2019-06-01 to 2021-06-01",
    b"#",
    b"\n",
];

pub fn targets() -> Vec<Target> {
    vec![
        Target {
            name: "fhir".into(),
            seeds: || vec![PATIENT.to_vec(), R5.to_vec()],
            dictionary: JSON,
            run: fhir,
            cost: 20,
        },
        Target {
            name: "schema".into(),
            seeds: || {
                vec![
                    shipped_text("bench-64")
                        .unwrap_or_default()
                        .as_bytes()
                        .to_vec(),
                ]
            },
            dictionary: JSON,
            run: schema,
            cost: 4,
        },
        Target {
            name: "expression".into(),
            seeds: || {
                let examples: [&[u8]; 3] = [
                    b"age between 40 and 80 years and any diagnosis in icd10:I63, snomed:230690007",
                    b"systolic_bp < 140 mm[Hg] within 24 months or not (egfr < 30 mL/min/{1.73_m2})",
                    b"sex = female and (present hba1c or no medication in atc:A10)",
                ];
                examples.map(<[u8]>::to_vec).to_vec()
            },
            dictionary: LANGUAGE,
            run: expression,
            cost: 1,
        },
        Target {
            name: "requirement".into(),
            seeds: || vec![STROKE.as_bytes().to_vec()],
            dictionary: LANGUAGE,
            run: requirement,
            cost: 2,
        },
        Target {
            name: "import".into(),
            seeds: || vec![CCDL.to_vec(), GROUP.to_vec(), VARIABLE.to_vec()],
            dictionary: JSON,
            run: imported,
            cost: 4,
        },
    ]
}

fn fhir(input: &[u8]) -> String {
    let Some(schema) = shipped("core") else {
        return "no schema".into();
    };
    let inputs = [Input {
        name: "input",
        content: input,
    }];
    match issue(schema, &inputs, &Options::default()) {
        Ok(issued) => {
            // A report can always be told.
            assert!(!issued.report.to_string().is_empty());
            "issued".into()
        }
        Err(error) => kind(&error),
    }
}

fn schema(input: &[u8]) -> String {
    match serde_json::from_slice::<Schema>(input) {
        Ok(schema) => {
            let again: Schema =
                serde_json::from_str(&schema.canonical_json()).expect("canonical JSON is read");
            assert_eq!(again.id(), schema.id());
            "read".into()
        }
        Err(_) => "refused".into(),
    }
}

fn expression(input: &[u8]) -> String {
    let (Ok(text), Some(schema)) = (core::str::from_utf8(input), shipped("core")) else {
        return "no text".into();
    };
    match Expression::parse(text) {
        Ok(expression) => match expression.check(schema) {
            Ok(criteria) => {
                criteria.program().digest();
                "checked".into()
            }
            Err(diagnostics) => {
                for diagnostic in &diagnostics {
                    diagnostic.render("input", text);
                }
                "unchecked".into()
            }
        },
        Err(diagnostic) => {
            diagnostic.render("input", text);
            "unparsed".into()
        }
    }
}

fn requirement(input: &[u8]) -> String {
    let Ok(text) = core::str::from_utf8(input) else {
        return "no text".into();
    };
    match Requirement::from_toml(text) {
        Ok(requirement) => {
            let written = requirement.to_toml();
            let again = Requirement::from_toml(&written).expect("what is written is read");
            assert_eq!(again.to_toml(), written);
            "read".into()
        }
        Err(error) => kind(&error),
    }
}

fn imported(input: &[u8]) -> String {
    let (Ok(text), Some(schema)) = (core::str::from_utf8(input), shipped("core")) else {
        return "no text".into();
    };
    [Format::Ccdl, Format::GroupR5, Format::EvidenceVariable]
        .map(|format| match import(format, text, schema) {
            Ok(_) => "imported",
            Err(_) => "refused",
        })
        .join(" ")
}

/// An error's variant.
fn kind(error: &impl core::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let end = text.find(|c: char| !c.is_alphanumeric());
    text[..end.unwrap_or(text.len())].to_owned()
}
