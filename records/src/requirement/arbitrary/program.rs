//! Random programs.

use proptest::{collection::vec, prelude::*, strategy::Union};

use super::{layout_of, near, near_elapsed};
use crate::{
    cell::{CellId, Cells, FamilyCells, Role},
    civil::{CIVIL_BITS, CivilDay},
    program::{Formula, Onset, Program, Test},
    schema::{Kind, Schema},
};

/// Programs of up to some twenty tests of every kind, with bounds at the edges of cells and near the
/// values of a record. Empty conjunctions and disjunctions occur.
pub fn arb_program(
    schema: &Schema,
    cells: &Cells,
    today: CivilDay,
) -> impl Strategy<Value = Program> + use<> {
    let layout = layout_of(schema);
    arb_formula(schema, cells, today).prop_filter_map("a program", move |formula| {
        Program::new(&layout, formula).ok()
    })
}

/// The formula of [`arb_program`].
pub fn arb_formula(
    schema: &Schema,
    cells: &Cells,
    today: CivilDay,
) -> impl Strategy<Value = Formula> + use<> {
    let tests = arb_test(schema, cells, today).prop_map(Formula::Test);
    tests.prop_recursive(4, 20, 4, |part| {
        prop_oneof![
            vec(part.clone(), 0..4).prop_map(Formula::All),
            vec(part, 0..4).prop_map(Formula::Any),
        ]
    })
}

fn arb_test(
    schema: &Schema,
    cells: &Cells,
    today: CivilDay,
) -> impl Strategy<Value = Test> + use<> {
    let layout = layout_of(schema);
    let mut tests: Vec<BoxedStrategy<Test>> = Vec::new();
    for (i, place) in layout.places().iter().enumerate() {
        let cell = CellId(i as u16); // at most 4096 cells
        let value = cells.get(cell);
        if matches!(place.role, Role::Code(_) | Role::Onset(_)) {
            continue;
        }
        tests.push(arb_range(cell, value, place.width));
        if u32::from(place.width) == CIVIL_BITS {
            tests.push(arb_elapsed(cell, value, today));
        }
    }
    for (i, attribute) in schema.attributes().iter().enumerate() {
        if let (Kind::Family(_), Some(family)) = (&attribute.kind, layout.family(schema, i)) {
            tests.push(arb_codes(family, cells, today));
        }
    }
    Union::new(tests)
}

fn arb_range(cell: CellId, value: u64, width: u8) -> BoxedStrategy<Test> {
    let bounds = bounds(value, width);
    (bounds, any::<bool>())
        .prop_map(move |((lo, hi), inside)| {
            if inside {
                Test::Within { cell, lo, hi }
            } else {
                Test::Outside { cell, lo, hi }
            }
        })
        .boxed()
}

fn bounds(value: u64, width: u8) -> impl Strategy<Value = (u64, u64)> {
    let most = (1u64 << width) - 1;
    (near(value, most), near(value, most)).prop_map(|(a, b)| (a.min(b).max(1), a.max(b).max(1)))
}

fn arb_elapsed(cell: CellId, value: u64, today: CivilDay) -> BoxedStrategy<Test> {
    (near_elapsed(value, today), any::<bool>())
        .prop_map(move |((least, most), inside)| {
            if inside {
                Test::Elapsed { cell, least, most }
            } else {
                Test::NotElapsed { cell, least, most }
            }
        })
        .boxed()
}

fn arb_codes(family: FamilyCells, cells: &Cells, today: CivilDay) -> BoxedStrategy<Test> {
    let codes: Vec<u64> = family.codes().map(|c| cells.get(c)).collect();
    let onsets: Vec<u64> = family
        .onsets()
        .map(|o| o.map(|c| cells.get(c)).collect())
        .unwrap_or_default();
    (0..codes.len())
        .prop_flat_map(move |rank| {
            let code = codes.get(rank).copied().unwrap_or_default();
            let onset = onsets.get(rank).copied();
            (
                bounds(code, family.width),
                arb_onset(onset, today),
                any::<bool>(),
            )
        })
        .prop_map(move |((lo, hi), onset, some)| {
            if some {
                Test::AnyCode {
                    family,
                    lo,
                    hi,
                    onset,
                }
            } else {
                Test::NoCode { family, lo, hi }
            }
        })
        .boxed()
}

fn arb_onset(cell: Option<u64>, today: CivilDay) -> BoxedStrategy<Option<Onset>> {
    let Some(cell) = cell else {
        return Just(None).boxed();
    };
    let elapsed =
        near_elapsed(cell, today).prop_map(|(least, most)| Onset::Elapsed { least, most });
    let between = bounds(cell, CIVIL_BITS as u8).prop_map(|(lo, hi)| Onset::Between {
        lo: lo as u32, // 18 bits
        hi: hi as u32,
    });
    prop_oneof![Just(None), elapsed.prop_map(Some), between.prop_map(Some),].boxed()
}
