//! Small random schemas for property tests.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    Attribute, Choice, ChoiceSource, ChoiceValue, Coding, DateSource, Document, Family, FlagSource,
    InputUnit, Kind, Number, Schema,
};

/// Schemas of one to eight attributes of every kind, with families of one to six codes.
pub fn arb_schema() -> impl Strategy<Value = Schema> {
    vec(arb_kind(), 1..=8).prop_filter_map("a schema that passes its checks", |kinds| {
        let attributes = kinds.into_iter().enumerate().map(|(i, mut kind)| {
            if let Kind::Family(f) = &mut kind {
                f.prefix = format!("p{i}");
                f.system = format!("urn:eligo:test:{i}");
            }
            Attribute {
                name: format!("a{i}"),
                title: format!("Attribute {i}"),
                kind,
            }
        });
        let document = Document {
            name: "random".to_owned(),
            version: 1,
            title: "A random schema".to_owned(),
            attributes: attributes.collect(),
        };
        Schema::try_from(document).ok()
    })
}

fn arb_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => arb_number().prop_map(Kind::Number),
        2 => arb_choice().prop_map(Kind::Choice),
        1 => select(vec![DateSource::BirthDate, DateSource::DeathDate]).prop_map(Kind::Date),
        1 => Just(Kind::Flag(FlagSource::Deceased)),
        4 => arb_family().prop_map(Kind::Family),
    ]
}

fn arb_number() -> impl Strategy<Value = Number> {
    let min = prop_oneof![Just(0), -1_000_000i64..1_000_000];
    (2u8..=40, 0u8..=4, min, any::<bool>()).prop_map(|(width, scale, min, dated)| Number {
        codes: vec![format!("http://loinc.org|{width}-{scale}")],
        unit: "mg/dL".to_owned(),
        inputs: vec![InputUnit {
            code: "mg/dL".to_owned(),
            factor: "1".to_owned(),
        }],
        scale,
        min,
        width,
        dated,
    })
}

fn arb_choice() -> impl Strategy<Value = Choice> {
    (1usize..=7, any::<bool>()).prop_map(|(values, dated)| Choice {
        source: ChoiceSource::Observation(vec!["http://loinc.org|883-9".to_owned()]),
        values: (0..values)
            .map(|i| ChoiceValue {
                name: format!("v{i}"),
                codes: vec![format!("http://snomed.info/sct|{}", i + 1)],
            })
            .collect(),
        width: 3,
        dated,
    })
}

fn arb_family() -> impl Strategy<Value = Family> {
    let coding = select(vec![Coding::Base37, Coding::Numeric]);
    let group = select(vec![
        ("diagnosis", "Condition"),
        ("medication", "MedicationRequest"),
        ("procedure", "Procedure"),
        ("allergy", "AllergyIntolerance"),
    ]);
    (group, coding, 1u16..=6, any::<bool>()).prop_map(|((group, resource), coding, size, onset)| {
        Family {
            group: group.to_owned(),
            prefix: String::new(),
            system: String::new(),
            aliases: Vec::new(),
            resources: vec![resource.to_owned()],
            coding,
            size,
            onset,
        }
    })
}
