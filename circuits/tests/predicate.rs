//! The predicate's constraints against the native evaluator, on random records and programs.

#![allow(clippy::unwrap_used)]

use ark_bn254::Fr;
use eligo_circuits::{
    predicate::{Facts, Plan, Predicate},
    record::Record,
    system::{Mode, System},
};
use eligo_records::{
    cell::{CellId, Cells, FamilyCells, Layout, Role},
    civil::CivilDay,
    program::{Formula, Onset, Program, Test},
    schema::{Document, Schema},
};
use proptest::prelude::*;

/// What differs from schema to schema.
#[derive(Clone, Copy, Debug)]
struct Shape {
    widths: [u8; 2],
    sizes: [u16; 2],
    base37: [bool; 2],
    /// The position of the family with onsets among the attributes is 4 or 5.
    onset_first: bool,
}

fn arb_shape() -> impl Strategy<Value = Shape> {
    (
        [2u8..12, 12u8..32],
        [1u16..24, 1u16..10],
        [any::<bool>(), any::<bool>()],
        any::<bool>(),
    )
        .prop_map(|(widths, sizes, base37, onset_first)| Shape {
            widths,
            sizes,
            base37,
            onset_first,
        })
}

/// Two families (one with onsets) of few small cells, dated numbers, a flag: enough for every test.
fn schema(shape: Shape) -> Schema {
    let number = |name: &str, width: u8| {
        serde_json::json!({"name": name, "title": name, "kind": {"number": {
            "codes": [format!("urn:test|{name}")], "unit": "1", "inputs": [{"code": "1", "factor": "1"}],
            "scale": 0, "min": 0, "width": width, "dated": true}}})
    };
    let family = |name: &str, size: u16, coding: &str, onset: bool| {
        serde_json::json!({"name": name, "title": name, "kind": {"family": {
            "group": "diagnosis", "prefix": name, "system": format!("urn:test:{name}"), "aliases": [],
            "resources": ["Condition"], "coding": coding, "size": size, "onset": onset}}})
    };
    let coding = |base37: bool| if base37 { "base37" } else { "numeric" };
    let document: Document = serde_json::from_value(serde_json::json!({
        "name": "small", "version": 1, "title": "small",
        "attributes": [
            {"name": "born", "title": "born", "kind": {"date": "birth_date"}},
            {"name": "deceased", "title": "deceased", "kind": {"flag": "deceased"}},
            number("a", shape.widths[0]), number("b", shape.widths[1]),
            family("x", shape.sizes[0], coding(shape.base37[0]), shape.onset_first),
            family("y", shape.sizes[1], coding(shape.base37[1]), !shape.onset_first),
        ]
    }))
    .unwrap();
    Schema::try_from(document).unwrap()
}

const TODAY: u32 = 45_000;

fn today() -> CivilDay {
    CivilDay::from_number(TODAY).unwrap()
}

/// Values near few points, so that tests hold about as often as not.
fn arb_cells(layout: Layout) -> impl Strategy<Value = Cells> {
    let cell = (0u64..8, any::<bool>());
    proptest::collection::vec(cell, layout.places().len()).prop_map(move |raw| {
        let mut values: Vec<u64> = raw
            .iter()
            .zip(layout.places())
            .map(|((v, absent), place)| match place.role {
                Role::Value | Role::Date | Role::Onset(_) if place.width == 18 => {
                    if *absent {
                        0
                    } else {
                        u64::from(TODAY) - 3 + v
                    }
                }
                _ if place.width <= 3 => v & ((1 << place.width) - 1),
                _ if *absent => 0,
                _ => v + 1,
            })
            .collect();
        // Families: sorted, absent first, no duplicates.
        let mut start = 0;
        while start < values.len() {
            let run = layout.places()[start..]
                .iter()
                .take_while(|p| matches!(p.role, Role::Code(_)))
                .count();
            if run > 0 {
                let mut codes: Vec<u64> = values[start..start + run].to_vec();
                codes.sort_unstable();
                codes.dedup();
                let kept = codes.len();
                codes.retain(|c| *c != 0);
                let zeros = run - codes.len();
                let _ = kept;
                values[start..start + zeros].fill(0);
                values[start + zeros..start + run].copy_from_slice(&codes);
            }
            start += run.max(1);
        }
        Cells::new(&layout, values).unwrap()
    })
}

fn families(schema: &Schema, layout: &Layout) -> [FamilyCells; 2] {
    [4, 5].map(|a| layout.family(schema, a).unwrap())
}

fn arb_test(schema: &Schema, layout: &Layout, shape: Shape) -> impl Strategy<Value = Test> + use<> {
    let [mut x, mut y] = families(schema, layout);
    if shape.onset_first {
        core::mem::swap(&mut x, &mut y);
    }
    let scalars: Vec<(CellId, u8)> = layout
        .places()
        .iter()
        .enumerate()
        .filter(|(_, p)| !matches!(p.role, Role::Code(_) | Role::Onset(_)))
        .map(|(i, p)| (CellId(i as u16), p.width))
        .collect();
    let dates: Vec<CellId> = scalars.iter().filter(|s| s.1 == 18).map(|s| s.0).collect();
    let range =
        |base: u64| (0u64..9, 0u64..9).prop_map(move |(a, b)| (base + a.min(b), base + a.max(b)));
    let bounds = move |width: u8| {
        let top = (1u64 << width) - 1;
        let base = if width == 18 { u64::from(TODAY) - 3 } else { 1 };
        prop_oneof![
            4 => range(base),
            1 => Just((1, top)),
            1 => Just((top, top)),
        ]
        .prop_map(move |(lo, hi)| (lo.min(top), hi.min(top)))
    };
    let scalar = proptest::sample::select(scalars).prop_flat_map(move |(cell, width)| {
        (bounds(width), any::<bool>()).prop_map(move |((lo, hi), inside)| match inside {
            true => Test::Within { cell, lo, hi },
            false => Test::Outside { cell, lo, hi },
        })
    });
    let window = || {
        prop_oneof![
            4 => (0u32..6, 0u32..6).prop_map(|(a, b)| (a.min(b), a.max(b))),
            1 => Just((0, (1 << 18) - 1)),
            1 => Just((TODAY, TODAY + 5)),
        ]
    };
    let elapsed = (proptest::sample::select(dates), window(), any::<bool>()).prop_map(
        |(cell, (least, most), inside)| match inside {
            true => Test::Elapsed { cell, least, most },
            false => Test::NotElapsed { cell, least, most },
        },
    );
    let onset = prop_oneof![
        Just(None),
        window().prop_map(|(least, most)| Some(Onset::Elapsed { least, most })),
        (0u32..8, 0u32..8).prop_map(|(a, b)| Some(Onset::Between {
            lo: TODAY - 3 + a.min(b),
            hi: TODAY - 3 + a.max(b)
        })),
    ];
    let any_code =
        (any::<bool>(), bounds(37), onset).prop_map(move |(first, (lo, hi), onset)| match first {
            true => Test::AnyCode {
                family: x,
                lo,
                hi,
                onset: None,
            },
            false => Test::AnyCode {
                family: y,
                lo,
                hi,
                onset,
            },
        });
    let no_code = (any::<bool>(), bounds(37)).prop_map(move |(first, (lo, hi))| Test::NoCode {
        family: if first { x } else { y },
        lo,
        hi,
    });
    prop_oneof![2 => scalar, 2 => elapsed, 2 => any_code, 2 => no_code]
}

fn arb_formula(
    schema: &Schema,
    layout: &Layout,
    shape: Shape,
) -> impl Strategy<Value = Formula> + use<> {
    arb_test(schema, layout, shape)
        .prop_map(Formula::Test)
        .prop_recursive(3, 12, 4, |inner| {
            let parts = proptest::collection::vec(inner, 0..4);
            (parts, any::<bool>()).prop_map(|(parts, all)| match all {
                true => Formula::All(parts),
                false => Formula::Any(parts),
            })
        })
}

/// Whether the honest prover's assignment satisfies the predicate's constraints.
fn satisfied(layout: &Layout, program: &Program, plan: &Plan, cells: &Cells) -> bool {
    let build = |mode: Mode| {
        let known = mode != Mode::Shape;
        let (mut system, inputs) = System::new(mode, &[known.then_some(Fr::from(TODAY))]);
        let record = Record::alloc(&mut system, layout, plan.open(), known.then_some(cells));
        Predicate {
            layout,
            plan,
            record: &record,
            today: &inputs[0],
            facts: known.then_some(Facts {
                cells,
                today: today(),
            }),
        }
        .enforce(&mut system, program.formula());
        system
    };
    let witness = build(Mode::Witness).into_assignment();
    let shape = build(Mode::Shape).r1cs();
    assert_eq!(shape.columns(), witness.len());
    shape.violated(&witness).is_none()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn constraints_and_evaluator_agree(
        (shape, formula, cells) in arb_shape().prop_flat_map(|shape| {
            let schema = schema(shape);
            let layout = Layout::of(&schema);
            (Just(shape), arb_formula(&schema, &layout, shape), arb_cells(layout))
        })
    ) {
        let layout = Layout::of(&schema(shape));
        let program = Program::new(&layout, formula).unwrap();
        let holds = program.holds(&cells, today());
        for plan in [Plan::of(&layout, program.formula()), Plan::copying(&layout, program.formula())] {
            prop_assert_eq!(satisfied(&layout, &program, &plan, &cells), holds);
        }
    }
}
