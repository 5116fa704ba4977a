//! A record that meets a conjunction of tests, with something in every other cell too.

use eligo_records::{
    cell::{CellId, Cells, FamilyCells, Layout, Role},
    civil::{CivilDay, YEAR},
    program::{Formula, Test},
};

/// A full record that meets every test of the formula; `None` when the formula is no conjunction or its
/// tests contradict one another.
pub fn meeting(layout: &Layout, formula: &Formula, today: CivilDay) -> Option<Cells> {
    let mut values: Vec<u64> = layout
        .places()
        .iter()
        .map(|place| match place.role {
            Role::Recorded => 2,
            Role::Code(_) => 0,
            Role::Date | Role::Onset(_) => u64::from(today.number().saturating_sub(YEAR)) + 1,
            Role::Value if place.width == 18 => {
                u64::from(today.number().saturating_sub(50 * YEAR)) + 1
            }
            Role::Value if place.width == 2 => 1,
            Role::Value => 1 << (place.width - 1),
        })
        .collect();
    let mut wanted: Vec<(FamilyCells, u64)> = Vec::new();
    for test in formula.tests() {
        match test {
            Test::Within { cell, lo, hi } => {
                let value = values.get_mut(usize::from(cell.0))?;
                *value = (*value).clamp(lo, hi);
            }
            Test::Elapsed { cell, least, most } => {
                let since = (least + most) / 2;
                let date = today.number().checked_sub(since.min(today.number()))?;
                *values.get_mut(usize::from(cell.0))? = u64::from(date) + 1;
            }
            Test::AnyCode { family, lo, .. } => wanted.push((family, lo)),
            _ => {}
        }
    }
    fill_families(layout, &mut values, &wanted);
    let cells = Cells::new(layout, values).ok()?;
    formula.holds(&cells, today).then_some(cells)
}

/// Puts the wanted codes into their families, highest cells last.
fn fill_families(layout: &Layout, values: &mut [u64], wanted: &[(FamilyCells, u64)]) {
    let mut families: Vec<FamilyCells> = wanted.iter().map(|(f, _)| *f).collect();
    families.sort_unstable();
    families.dedup();
    for family in families {
        let mut codes: Vec<u64> = wanted
            .iter()
            .filter(|(f, _)| *f == family)
            .map(|(_, code)| *code)
            .collect();
        codes.sort_unstable();
        codes.dedup();
        let cells: Vec<CellId> = family.codes().collect();
        let first = cells.len().saturating_sub(codes.len());
        for (cell, code) in cells.iter().skip(first).zip(codes) {
            if layout.place(*cell).is_some()
                && let Some(value) = values.get_mut(usize::from(cell.0))
            {
                *value = code;
            }
        }
    }
}
