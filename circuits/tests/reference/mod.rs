//! The reference statement's eight atoms over a bench schema, and a record that meets them.

use eligo_circuits::statement::scenario::{Scenario, meeting};
use eligo_records::{
    cell::{CellId, Layout, Role},
    civil::{CivilDay, MONTH, YEAR},
    program::{Formula, Program, Test},
    schema::{Schema, shipped},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

pub fn today() -> CivilDay {
    CivilDay::parse("2021-06-01").unwrap()
}

/// The eight atoms of the reference statement, in three elements beside the family.
pub fn reference(schema: &Schema, layout: &Layout) -> Program {
    let attribute = |name: &str| {
        schema
            .attributes()
            .iter()
            .position(|a| a.name == name)
            .unwrap()
    };
    let family = layout.family(schema, attribute("diagnosis_icd10")).unwrap();
    let scalars: Vec<CellId> = layout
        .places()
        .iter()
        .enumerate()
        .filter(|(_, p)| p.role == Role::Value && p.element < 3 && p.width > 8 && p.width != 18)
        .map(|(i, _)| CellId(i as u16))
        .collect();
    let within = |cell: CellId| {
        let width = layout.place(cell).unwrap().width;
        Test::Within {
            cell,
            lo: 5 << (width - 4),
            hi: 11 << (width - 4),
        }
    };
    let code = |rank: u64| rank << (family.width - 10);
    let tests = [
        Test::AnyCode {
            family,
            lo: code(3),
            hi: code(3) + 1_874_160,
            onset: None,
        },
        Test::NoCode {
            family,
            lo: code(5) + 1,
            hi: code(5) + 1_874_161,
        },
        Test::Elapsed {
            cell: layout.first_cell(attribute("birth_date")).unwrap(),
            least: 40 * YEAR,
            most: 81 * YEAR - 1,
        },
        Test::Elapsed {
            cell: layout.date_cell(attribute("v001")).unwrap(),
            least: 0,
            most: 24 * MONTH,
        },
        within(scalars[0]),
        within(scalars[2]),
        within(scalars[5]),
        within(*scalars.last().unwrap()),
    ];
    let formula = Formula::All(tests.into_iter().map(Formula::Test).collect());
    Program::new(layout, formula).unwrap()
}

pub fn scenario(name: &str, issuers: usize) -> Scenario {
    let schema = shipped(name).unwrap();
    let layout = Layout::of(schema);
    let program = reference(schema, &layout);
    let cells = meeting(&layout, program.formula(), today()).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(64);
    Scenario::new(layout, program, cells, today(), issuers, &mut rng).unwrap()
}
