//! The examples of the author's guide.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{fs, path::PathBuf};

use eligo_records::{
    requirement::{Expression, Requirement},
    schema::shipped,
};

/// Fenced blocks with what stands behind the fence.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(tag) = line.strip_prefix("```") {
            let body: Vec<_> = lines.by_ref().take_while(|l| *l != "```").collect();
            out.push((tag.to_owned(), body.join("\n")));
        }
    }
    out
}

#[test]
fn every_example_is_what_it_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/requirements.md");
    let guide = fs::read_to_string(path).unwrap();
    let core = shipped("core").unwrap();
    let check = |source: &str| {
        let expression = Expression::parse(source).map_err(|e| vec![e])?;
        expression.check(core)
    };
    let blocks = blocks(&guide);
    let (mut accepted, mut refused, mut documents) = (0, 0, 0);
    for (i, (tag, body)) in blocks.iter().enumerate() {
        match tag.as_str() {
            "eligo" => {
                let shown = |e: Vec<_>| -> String {
                    let each = e
                        .iter()
                        .map(|d: &eligo_records::requirement::Diagnostic| d.render("guide", body));
                    each.collect()
                };
                check(body).unwrap_or_else(|e| panic!("{}", shown(e)));
                accepted += 1;
            }
            "eligo refused" => {
                let errors = check(body).unwrap_err();
                let (next, text) = &blocks[i + 1];
                assert_eq!(next, "text");
                assert_eq!(errors[0].render("requirement", body).trim_end(), text);
                refused += 1;
            }
            "toml" => {
                Requirement::from_toml(body).unwrap().check(core).unwrap();
                documents += 1;
            }
            "text" => {}
            other => panic!("a block tagged `{other}`"),
        }
    }
    assert_eq!((accepted, refused, documents), (6, 4, 1));
}

/// The criteria of the tables, between backticks.
#[test]
fn the_tables_show_criteria_that_check() {
    let core = shipped("core").unwrap();
    for source in [
        "hba1c >= 6.5 %",
        "bmi between 18.5 and 30 kg/m2",
        "birth_date >= 1950-01-01",
        "smoking in current, former",
        "smoking not in never",
        "sex != female",
        "deceased",
        "absent egfr",
        "any procedure",
        "no allergy",
        "hba1c != 6.5 %",
        "not (egfr < 30 mL/min/{1.73_m2})",
        "hba1c < 1000 %",
    ] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/requirements.md");
        assert!(
            fs::read_to_string(path)
                .unwrap()
                .contains(&format!("`{source}`")),
            "{source}"
        );
        Expression::parse(source).unwrap().check(core).unwrap();
    }
}
