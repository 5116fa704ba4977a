//! The requirements that ship.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{fs, path::PathBuf};

use eligo_records::{
    cell::{Layout, Role},
    civil::CivilDay,
    program::Test,
    requirement::{
        Requirement,
        reference::{Coverage, document, record},
    },
    schema::shipped,
};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(name)
}

fn shipped_requirement(name: &str) -> Requirement {
    Requirement::from_toml(&fs::read_to_string(fixture(name)).unwrap()).unwrap()
}

/// `ELIGO_WRITE_FIXTURES=1 cargo test -p eligo-records --test requirement_fixtures` writes it anew.
#[test]
fn the_requirement_for_every_value_is_as_shipped() {
    let mut made = document(shipped("bench-1000").unwrap(), Coverage::All);
    made.id = "r1000-all".into();
    let text = Requirement::try_from(made).unwrap().to_toml();
    let path = fixture("bench/r1000-all.toml");
    if std::env::var_os("ELIGO_WRITE_FIXTURES").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn the_bench_record_meets_every_bench_requirement() {
    let today = CivilDay::parse("2026-03-14").unwrap();
    for (name, attributes) in [
        ("bench-64", 64),
        ("bench-100", 100),
        ("bench-250", 250),
        ("bench-500", 500),
        ("bench-750", 750),
        ("bench-1000", 1000),
    ] {
        let schema = shipped(name).unwrap();
        let layout = Layout::of(schema);
        let cells = record(schema, today).unwrap();
        for (coverage, tests) in [(Coverage::One, 2), (Coverage::Eight, 9)] {
            let requirement = Requirement::try_from(document(schema, coverage)).unwrap();
            let criteria = requirement.check(schema).unwrap();
            assert!(criteria.holds(&cells, today), "{name} {coverage:?}");
            assert_eq!(criteria.warnings(), []);
            assert_eq!(criteria.program().formula().tests().len(), tests);
        }
        let all = Requirement::try_from(document(schema, Coverage::All)).unwrap();
        let all = all.check(schema).unwrap();
        assert!(all.holds(&cells, today));
        let mut tested: Vec<_> = all
            .program()
            .formula()
            .tests()
            .iter()
            .flat_map(|t| match t {
                Test::Within { cell, .. }
                | Test::Outside { cell, .. }
                | Test::Elapsed { cell, .. }
                | Test::NotElapsed { cell, .. } => vec![*cell],
                Test::AnyCode { family, .. } | Test::NoCode { family, .. } => {
                    family.codes().chain([family.recorded]).collect()
                }
            })
            .collect();
        tested.sort_unstable();
        tested.dedup();
        assert_eq!(tested.len(), layout.places().len(), "{name}");
        // The `recorded` flag is not an attribute.
        assert_eq!(tested.len(), attributes + 1);
    }
}

/// The shipped statements and the ones made for other sizes.
#[test]
fn the_eight_lie_in_three_elements() {
    let today = CivilDay::parse("2026-03-14").unwrap();
    for (file, name) in [
        (Some("bench/r64.toml"), "bench-64"),
        (Some("bench/r1000.toml"), "bench-1000"),
        (None, "bench-64"),
        (None, "bench-500"),
    ] {
        let schema = shipped(name).unwrap();
        let layout = Layout::of(schema);
        let requirement = file.map_or_else(
            || Requirement::try_from(document(schema, Coverage::Eight)).unwrap(),
            shipped_requirement,
        );
        let criteria = requirement.check(schema).unwrap();
        assert!(
            criteria.holds(&record(schema, today).unwrap(), today),
            "{file:?}"
        );
        let tests = criteria.program().formula().tests();
        // And `not deceased`, which goes without saying.
        assert_eq!(tests.len(), 9, "{file:?}");
        let mut elements = Vec::new();
        let (mut relative, mut quantifiers) = (0, 0);
        for test in tests {
            match test {
                Test::Within { cell, .. } | Test::Outside { cell, .. } => {
                    elements.push(layout.place(cell).unwrap().element);
                }
                Test::Elapsed { cell, .. } | Test::NotElapsed { cell, .. } => {
                    relative += 1;
                    let place = layout.place(cell).unwrap();
                    assert!(matches!(place.role, Role::Value | Role::Date));
                    elements.push(place.element);
                }
                Test::AnyCode { .. } | Test::NoCode { .. } => quantifiers += 1,
            }
        }
        elements.sort_unstable();
        elements.dedup();
        assert_eq!((elements.len(), relative, quantifiers), (3, 2, 2), "{name}");
    }
}

#[test]
fn the_requirements_for_use_check() {
    for name in ["stroke", "t2dm"] {
        let requirement = shipped_requirement(&format!("requirements/{name}.toml"));
        let core = shipped("core").unwrap();
        requirement.check(core).unwrap();
        assert!(requirement.missing().contains(&"issuers"));
    }
}
