//! A requirement's formula as constraints. Native twin: `Program::holds`.
//!
//! The formula is monotone, so a prover may choose what to show but never pretend: every test is
//! enforced under a *guard*, a bit that may be 1 only if the test is true. A conjunction passes its
//! guard on; a disjunction splits it among its parts, which are bits that sum to it. So a part costs
//! one bit, a conjunction nothing, and a false branch leaves the system satisfiable.

mod plan;
mod quantifier;

use ark_bn254::Fr;
use ark_ff::{Field, One};
use eligo_records::{
    cell::{CellId, Cells, Layout},
    civil::{CIVIL_BITS, CivilDay},
    program::{Formula, Test},
};

pub use plan::Plan;

use crate::{
    bits,
    record::Record,
    system::{Bit, Num, System},
};

/// What the prover knows.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The record.
    pub cells: &'a Cells,
    /// The day.
    pub today: CivilDay,
}

/// Enforces formulas over one record.
pub struct Predicate<'a> {
    /// Where cells lie.
    pub layout: &'a Layout,
    /// Which elements are opened, and how families are searched.
    pub plan: &'a Plan,
    /// The record.
    pub record: &'a Record,
    /// The day, a public input.
    pub today: &'a Num,
    /// Known to the prover only.
    pub facts: Option<Facts<'a>>,
}

/// A guard: absent at the top, where everything is enforced.
type Guard<'a> = Option<&'a Bit>;

fn guard_num(guard: Guard<'_>) -> Num {
    guard.map_or_else(|| Num::fixed(1u64), |g| g.num().clone())
}

/// Whether the prover shows what stands under this guard; `None` in shape mode.
fn shown(guard: Guard<'_>, facts: Option<Facts<'_>>) -> Option<bool> {
    match guard {
        None => facts.map(|_| true),
        Some(g) => g.value(),
    }
}

impl Predicate<'_> {
    /// Enforces a formula.
    pub fn enforce(&self, system: &mut System, formula: &Formula) {
        self.formula(system, formula, None);
    }

    fn formula(&self, system: &mut System, formula: &Formula, guard: Guard<'_>) {
        match formula {
            Formula::All(parts) => {
                for part in parts {
                    self.formula(system, part, guard);
                }
            }
            Formula::Any(parts) => {
                let holding = self
                    .facts
                    .and_then(|f| parts.iter().position(|p| p.holds(f.cells, f.today)));
                let guards = self.split(system, parts.len(), guard, holding);
                for (part, bit) in parts.iter().zip(&guards) {
                    self.formula(system, part, bit.as_ref());
                }
            }
            Formula::Test(test) => self.test(system, test, guard),
        }
    }

    /// Bits that sum to the guard, of which the prover sets one that holds. A single part inherits the
    /// guard itself.
    fn split(
        &self,
        system: &mut System,
        parts: usize,
        guard: Guard<'_>,
        holding: Option<usize>,
    ) -> Vec<Option<Bit>> {
        if parts == 1 {
            return vec![guard.cloned()];
        }
        let shown = shown(guard, self.facts);
        let bits: Vec<Bit> = (0..parts)
            .map(|i| system.alloc_bit(shown.map(|s| s && holding == Some(i))))
            .collect();
        let sum = Num::combine(bits.iter().map(|b| (Fr::one(), b.num())));
        system.enforce_equal(&sum, &guard_num(guard));
        bits.into_iter().map(Some).collect()
    }

    fn test(&self, system: &mut System, test: &Test, guard: Guard<'_>) {
        match *test {
            Test::Within { cell, lo, hi } => self.within(system, cell, lo, hi, guard),
            Test::Outside { cell, lo, hi } => self.outside(system, cell, lo, hi, guard),
            Test::Elapsed { cell, least, most } => self.elapsed(system, cell, least, most, guard),
            Test::NotElapsed { cell, least, most } => {
                self.not_elapsed(system, cell, least, most, guard);
            }
            Test::AnyCode {
                family,
                lo,
                hi,
                onset,
            } => self.any_code(system, &family, (lo, hi), onset, guard),
            Test::NoCode { family, lo, hi } => self.no_code(system, &family, (lo, hi), guard),
        }
    }

    fn bits(&self, cell: CellId) -> &[Bit] {
        self.record
            .bits(cell)
            .unwrap_or_else(|| unreachable!("the plan opens every cell that a test reads"))
    }

    /// `lo <= cell <= hi`; presence is part of it, since `lo >= 1`.
    fn within(&self, system: &mut System, cell: CellId, lo: u64, hi: u64, guard: Guard<'_>) {
        let bits = self.bits(cell);
        if lo == hi {
            let difference = Num::from_bits(bits).offset(-Fr::from(lo));
            system.enforce(&guard_num(guard), &difference, &Num::fixed(0u64));
            return;
        }
        bits::at_least(system, bits, lo, guard);
        bits::at_most(system, bits, hi, guard);
    }

    /// `cell < lo` (absent, being 0, is that) or `cell > hi`.
    fn outside(&self, system: &mut System, cell: CellId, lo: u64, hi: u64, guard: Guard<'_>) {
        let bits = self.bits(cell);
        if lo == hi {
            // cell - lo has an inverse.
            let difference = Num::from_bits(bits).offset(-Fr::from(lo));
            let guard = guard_num(guard);
            let value = difference.value().zip(guard.value());
            let quotient = system.alloc(value.map(|(d, g)| inverse(d) * g));
            system.enforce(&difference, &quotient, &guard);
            return;
        }
        if hi >> bits.len() != 0 || hi + 1 == 1 << bits.len() {
            bits::at_most(system, bits, lo - 1, guard);
            return;
        }
        let holding = self.facts.and_then(|f| match f.cells.get(cell) {
            v if v < lo => Some(0),
            v if v > hi => Some(1),
            _ => None,
        });
        let guards = self.split(system, 2, guard, holding);
        if let [below, above] = guards.as_slice() {
            bits::at_most(system, bits, lo - 1, below.as_ref());
            bits::at_least(system, bits, hi + 1, above.as_ref());
        }
    }

    /// `today - date`, where the cell holds `1 + date`.
    fn since(&self, cell: CellId) -> Num {
        self.today
            .minus(&Num::from_bits(self.bits(cell)))
            .offset(Fr::one())
    }

    /// Present, and `least <= today - date <= most`.
    fn elapsed(&self, system: &mut System, cell: CellId, least: u32, most: u32, guard: Guard<'_>) {
        bits::at_least(system, self.bits(cell), 1, guard);
        let beyond = self.since(cell).offset(-Fr::from(least));
        bounded(system, &beyond, u64::from(most - least), guard);
    }

    /// Absent, or after `today - least`, or before `today - most`.
    fn not_elapsed(
        &self,
        system: &mut System,
        cell: CellId,
        least: u32,
        most: u32,
        guard: Guard<'_>,
    ) {
        let holding = self.facts.and_then(|f| {
            let value = f.cells.get(cell);
            let since = i64::from(f.today.number()) + 1 - value as i64;
            match since {
                _ if value == 0 => Some(0),
                s if s < i64::from(least) => Some(1),
                s if s > i64::from(most) => Some(2),
                _ => None,
            }
        });
        let guards = self.split(system, 3, guard, holding);
        if let [absent, after, before] = guards.as_slice() {
            bits::at_most(system, self.bits(cell), 0, absent.as_ref());
            // today and dates have 18 bits, so neither difference exceeds 19.
            let widest = (1u64 << (CIVIL_BITS + 1)) - 1;
            let since = self.since(cell);
            let late = Num::fixed(u64::from(least))
                .minus(&since)
                .offset(-Fr::one());
            bounded(system, &late, widest, after.as_ref());
            let early = since.offset(-Fr::from(u64::from(most) + 1));
            bounded(system, &early, widest, before.as_ref());
        }
    }
}

/// Enforces `0 <= num <= most` where the guard holds.
fn bounded(system: &mut System, num: &Num, most: u64, guard: Guard<'_>) {
    let guarded = match guard {
        None => num.clone(),
        Some(g) => system.mul(g.num(), num),
    };
    let bits = bits::decompose(system, &guarded, bits::width(most));
    bits::at_most(system, &bits, most, None);
}

/// `1 / x`, or 0.
fn inverse(x: Fr) -> Fr {
    x.inverse().unwrap_or_default()
}
