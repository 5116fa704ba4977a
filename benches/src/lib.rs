//! What the benches prove: the reference statements, and Huang 2020's 100 to 1000 attributes.

use ark_bn254::Fr;
use eligo_circuits::{
    r1cs::R1cs,
    statement::scenario::{Scenario, meeting},
};
use eligo_records::{
    cell::{CellId, Layout, Role},
    civil::CivilDay,
    program::{Formula, Program, Test},
    requirement::Requirement,
    schema::shipped,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// A statement with a claim that satisfies it.
pub struct Circuit {
    /// What to call it.
    pub name: String,
    /// The matrices.
    pub system: R1cs,
    /// A satisfying assignment.
    pub assignment: Vec<Fr>,
    /// What both were made from.
    pub scenario: Scenario,
}

impl Circuit {
    /// One of the reference requirements: `r64`, `r1000` or `r1000-all`, with one accepted issuer.
    ///
    /// # Errors
    /// When there is no such requirement, or no record can meet it.
    pub fn reference(name: &str) -> Result<Self, String> {
        let text = match name {
            "r64" => include_str!("../../fixtures/bench/r64.toml"),
            "r1000" => include_str!("../../fixtures/bench/r1000.toml"),
            "r1000-all" => include_str!("../../fixtures/bench/r1000-all.toml"),
            _ => return Err(format!("no reference requirement `{name}`")),
        };
        let requirement = Requirement::from_toml(text).map_err(|e| e.to_string())?;
        let schema = shipped(requirement.schema().name()).ok_or("unknown schema")?;
        let criteria = requirement.check(schema).map_err(|e| e.to_string())?;
        Self::new(
            name.to_owned(),
            Layout::of(schema),
            criteria.program().clone(),
        )
    }

    /// Huang 2020: a record of this many attributes, of which one, or every one, is range-tested.
    ///
    /// # Errors
    /// When there is no bench schema of that size.
    pub fn attributes(count: usize, every: bool) -> Result<Self, String> {
        let schema = shipped(&format!("bench-{count}")).ok_or("no bench schema of that size")?;
        let layout = Layout::of(schema);
        let mut tests: Vec<Formula> = layout
            .places()
            .iter()
            .enumerate()
            .filter(|(_, place)| matches!(place.role, Role::Value | Role::Date) && place.width > 2)
            .map(|(i, place)| {
                let top = (1u64 << place.width) - 1;
                let (lo, hi) = (top / 16, top - top / 16);
                let cell = CellId(i as u16);
                Formula::Test(Test::Within { cell, lo, hi })
            })
            .collect();
        if !every {
            tests.truncate(1);
        }
        let program = Program::new(&layout, Formula::All(tests)).map_err(|e| e.to_string())?;
        let name = format!(
            "{count} attributes, {}",
            if every { "every one" } else { "one" }
        );
        Self::new(name, layout, program)
    }

    fn new(name: String, layout: Layout, program: Program) -> Result<Self, String> {
        let mut rng = ChaCha20Rng::seed_from_u64(2020);
        let today = CivilDay::parse("2021-06-01").map_err(|e| e.to_string())?;
        let cells =
            meeting(&layout, program.formula(), today).ok_or("no record meets the requirement")?;
        let scenario = Scenario::new(layout, program, cells, today, 1, &mut rng)
            .ok_or("the claim cannot be stated")?;
        let (system, _) = scenario.statement.shape();
        let assignment = scenario.assign();
        if let Some(row) = system.violated(&assignment) {
            return Err(format!("{name}: constraint {row} is violated"));
        }
        Ok(Self {
            name,
            system,
            assignment,
            scenario,
        })
    }
}

/// The median of some durations, in milliseconds.
pub fn median_ms(mut times: Vec<std::time::Duration>) -> f64 {
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .map_or(f64::NAN, |t| t.as_secs_f64() * 1e3)
}
