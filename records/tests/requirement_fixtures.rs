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

/// `ELIGO_WRITE_FIXTURES=1 cargo test -p eligo-records --test requirement_fixtures` writes them anew.
#[test]
fn bench_requirements_are_as_shipped() {
    for (name, schema, coverage) in [
        ("r64", "bench-64", Coverage::Eight),
        ("r1000", "bench-1000", Coverage::Eight),
        ("r1000-all", "bench-1000", Coverage::All),
    ] {
        let mut made = document(shipped(schema).unwrap(), coverage);
        made.id = name.into();
        let text = Requirement::try_from(made).unwrap().to_toml();
        let path = fixture(&format!("bench/{name}.toml"));
        if std::env::var_os("ELIGO_WRITE_FIXTURES").is_some() {
            fs::write(&path, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "{name}");
    }
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

#[test]
fn the_eight_lie_in_three_elements_beside_the_family() {
    for name in ["bench-64", "bench-1000"] {
        let schema = shipped(name).unwrap();
        let layout = Layout::of(schema);
        let requirement = Requirement::try_from(document(schema, Coverage::Eight)).unwrap();
        let criteria = requirement.check(schema).unwrap();
        let mut elements = Vec::new();
        let (mut relative, mut quantifiers) = (0, 0);
        for test in criteria.program().formula().tests() {
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
        assert_eq!(
            (elements, relative, quantifiers),
            (vec![0, 1, 2], 2, 2),
            "{name}"
        );
    }
}

#[test]
fn the_requirements_for_use_check() {
    for name in ["stroke", "t2dm"] {
        let text = fs::read_to_string(fixture(&format!("requirements/{name}.toml"))).unwrap();
        let requirement = Requirement::from_toml(&text).unwrap();
        let core = shipped("core").unwrap();
        requirement.check(core).unwrap();
        assert!(requirement.missing().contains(&"issuers"));
    }
}
