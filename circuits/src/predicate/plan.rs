//! Which packed elements a formula needs opened, and how its families are searched.
//!
//! Opening an element costs a constraint a bit. A quantifier over a large family need not open all of
//! it: the prover can copy the one element (or the two) that holds the code (or the two neighbours),
//! show the copy to be one of the family's elements, and open only the copy.

use std::collections::{BTreeMap, BTreeSet};

use eligo_records::{
    cell::{CellId, ELEMENT_BITS, FamilyCells, Layout},
    program::{Formula, Test},
};

/// How a formula is read from a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    open: BTreeSet<u16>,
    copied: BTreeSet<CellId>,
}

#[derive(Default)]
struct Uses {
    cells: BTreeSet<u16>,
    copies: usize,
    onset: bool,
}

impl Plan {
    /// The cheapest plan for a formula.
    pub fn of(layout: &Layout, formula: &Formula) -> Self {
        let element = |cell: CellId| layout.place(cell).map(|p| p.element);
        let mut open = BTreeSet::new();
        let mut families: BTreeMap<FamilyCells, Uses> = BTreeMap::new();
        for test in formula.tests() {
            match test {
                Test::Within { cell, .. }
                | Test::Outside { cell, .. }
                | Test::Elapsed { cell, .. }
                | Test::NotElapsed { cell, .. } => open.extend(element(cell)),
                Test::AnyCode { family, onset, .. } => {
                    let uses = families.entry(family).or_default();
                    uses.copies += 1;
                    if onset.is_some() {
                        uses.onset = true;
                        uses.cells
                            .extend(family.onsets().into_iter().flatten().filter_map(element));
                    }
                }
                Test::NoCode { family, .. } => {
                    families.entry(family).or_default().copies += 2;
                    open.extend(element(family.recorded));
                }
            }
        }
        for (family, uses) in &mut families {
            uses.cells.extend(family.codes().filter_map(element));
        }
        // Families that must be opened come first: what they open is free for the others.
        for uses in families.values().filter(|u| u.onset) {
            open.extend(&uses.cells);
        }
        let mut copied = BTreeSet::new();
        for (family, uses) in families.iter().filter(|(_, u)| !u.onset) {
            let unopened: BTreeSet<u16> = uses.cells.difference(&open).copied().collect();
            let elements = uses.cells.len();
            let bits = ELEMENT_BITS as usize;
            // Each copy is opened, linked to every element, and needs bits to point at its code.
            let copying = uses.copies * (bits + elements + usize::from(family.size) / 2);
            if copying < unopened.len() * bits {
                copied.insert(family.first);
            } else {
                open.extend(unopened);
            }
        }
        Self { open, copied }
    }

    /// A plan that copies every family it can, however small, to test that search.
    #[cfg(any(test, feature = "test-util"))]
    pub fn copying(layout: &Layout, formula: &Formula) -> Self {
        let mut plan = Self::of(layout, formula);
        let tests = formula.tests();
        let with_onset = |family: &FamilyCells| {
            tests.iter().any(
                |t| matches!(t, Test::AnyCode { family: f, onset: Some(_), .. } if f == family),
            )
        };
        for test in &tests {
            if let Test::AnyCode { family, .. } | Test::NoCode { family, .. } = test
                && !with_onset(family)
            {
                plan.copied.insert(family.first);
            }
        }
        plan
    }

    /// Elements decomposed into their cells.
    pub const fn open(&self) -> &BTreeSet<u16> {
        &self.open
    }

    /// Whether a family is searched through copies of its elements.
    pub fn copies(&self, family: &FamilyCells) -> bool {
        self.copied.contains(&family.first)
    }
}
