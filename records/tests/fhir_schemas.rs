//! The shipped schemas: all readable, their identities pinned.

#![allow(clippy::unwrap_used)]

use eligo_records::{
    cell::Layout,
    schema::{Kind, NAMES, Schema, shipped, shipped_text},
};

/// Regenerate with `cargo run -p eligo-records --example schemas`, on purpose only: a change of id is
/// another schema, and old credentials do not follow it.
const IDS: &[(&str, &str)] = &[
    (
        "core",
        "bf9f8da82a03aad6db9c836f4c5064b44a9afd5bf6e6ca20e486afbc7fa441",
    ),
    (
        "core-large",
        "68d27cfbefeab5d775dadc6d4322a661e82a541989d5a3c2cca0f7a1d6a861",
    ),
    (
        "bench-64",
        "c4611ba63488612c744f85c4bd791d8d5e432af6443ff03254281c1d8d5b26",
    ),
    (
        "bench-100",
        "bbc5b55a01e0c8912a60e4118dc99c158e7cf0ab02ddb6a7d095ce0f23fc4c",
    ),
    (
        "bench-250",
        "072f28e534cde15772b69e26e665f6bcf09d5931df303715c0c4c42af6a593",
    ),
    (
        "bench-500",
        "9f05b4ee0a1663c5fd987046b9f48515d52cb3f171ff376c8d981db68c09fd",
    ),
    (
        "bench-750",
        "fa570febc3bddea4d20ddca7995554154490006e0993a5896e4dd9177ad821",
    ),
    (
        "bench-1000",
        "8c889cc9385a038058d5b36b47727f7961d5946d8839169f7f0f4af4e3e931",
    ),
];

#[test]
fn identities_are_pinned() {
    assert_eq!(NAMES.len(), IDS.len());
    for (name, id) in IDS {
        let schema = shipped(name).unwrap();
        assert_eq!(schema.name(), *name);
        assert_eq!(schema.id().to_string(), *id, "{name}");
        let again: Schema = serde_json::from_str(shipped_text(name).unwrap()).unwrap();
        assert_eq!(&again, schema);
        let canonical: Schema = serde_json::from_str(&schema.canonical_json()).unwrap();
        assert_eq!(canonical.id(), schema.id());
    }
    assert!(shipped("nothing").is_none());
}

#[test]
fn the_reference_schemas_have_the_reference_sizes() {
    for (name, cells, elements) in [
        ("bench-64", 64, 6..=9),
        ("bench-100", 100, 9..=12),
        ("bench-250", 250, 24..=27),
        ("bench-500", 500, 48..=52),
        ("bench-750", 750, 72..=77),
        ("bench-1000", 1000, 95..=105),
    ] {
        let schema = shipped(name).unwrap();
        let layout = Layout::of(schema);
        // The family's `recorded` flag is not counted.
        assert_eq!(layout.places().len() - 1, cells);
        assert!(elements.contains(&layout.elements()), "{name}");
    }
    let r64 = shipped("bench-64").unwrap();
    for a in r64.attributes() {
        if let Kind::Number(n) = &a.kind {
            assert!(n.width <= 24);
        }
    }
}

#[test]
fn what_core_is_asked_most_lies_in_its_first_element() {
    let core = shipped("core").unwrap();
    let layout = Layout::of(core);
    for name in [
        "birth_date",
        "deceased",
        "sex",
        "systolic_bp",
        "hba1c",
        "egfr",
        "bmi",
    ] {
        let i = core
            .attributes()
            .iter()
            .position(|a| a.name == name)
            .unwrap();
        assert_eq!(
            layout.place(layout.first_cell(i).unwrap()).unwrap().element,
            0
        );
    }
}
