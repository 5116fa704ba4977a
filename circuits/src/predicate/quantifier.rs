//! Quantifiers over sorted families of codes.
//!
//! * `any`: the prover points at a code `v` of the family with `lo <= v <= hi`. Pointers `s_j` with
//!   `sum s_j = 1` and `s_j (v - c_j) = 0` need not be bits: some `s_j` is not zero, and there `v = c_j`.
//! * `no`: the prover points at a gap: neighbours `u = c_{i-1} < lo` and `w = c_i > hi`, with sentinels
//!   `c_{-1} = 0` and `c_m = 2^width`. Codes ascend (the issuer signs them so), hence nothing lies
//!   between. `u` and `w` are shown together, as `u + 2^(width+2) w`, so they belong to one gap.
//!
//! A family may be opened whole, or searched through copies of its elements (see [`super::plan`]).

use std::collections::BTreeMap;

use ark_bn254::Fr;
use ark_ff::{BigInteger, One, PrimeField};
use eligo_records::{
    cell::{CellId, ELEMENT_BITS, FamilyCells},
    program::Onset,
};

use super::{Guard, Predicate, guard_num, inverse, shown};
use crate::{
    bits,
    record::power,
    system::{Bit, Num, System},
};

impl Predicate<'_> {
    /// Some code in `[lo, hi]`, and its onset in the window.
    pub(super) fn any_code(
        &self,
        system: &mut System,
        family: &FamilyCells,
        (lo, hi): (u64, u64),
        onset: Option<Onset>,
        guard: Guard<'_>,
    ) {
        let shown = shown(guard, self.facts);
        let found = self.facts.filter(|_| shown == Some(true)).and_then(|f| {
            let mut onsets = family.onsets();
            family.codes().position(|cell| {
                let onset_cell = onsets.as_mut().and_then(Iterator::next);
                let onset_value = onset_cell.map_or(0, |o| f.cells.get(o));
                (lo..=hi).contains(&f.cells.get(cell))
                    && onset.is_none_or(|o| o.holds(onset_value, f.today))
            })
        });
        let found_cell = found.map(|i| CellId(family.first.0 + i as u16));
        let value = self
            .facts
            .map(|f| found_cell.map_or(lo, |c| f.cells.get(c)));
        let v = ranged(system, lo, hi, value);

        let pointers = self.pointers(system, family.size.into(), found, guard, false);
        match onset {
            Some(window) => {
                let target = self.onset(system, family, &v, window, found, guard);
                for (s, (code, onset)) in pointers
                    .iter()
                    .zip(family.codes().zip(family.onsets().into_iter().flatten()))
                {
                    let pair = Num::combine([
                        (Fr::one(), &Num::from_bits(self.bits(code))),
                        (power(family.width), &Num::from_bits(self.bits(onset))),
                    ]);
                    system.enforce(s, &target.minus(&pair), &Num::fixed(0u64));
                }
            }
            None if self.plan.copies(family) => {
                let copy = self.copy(system, family, &pointers, 0, found_cell, guard);
                for (s, cell) in pointers.iter().zip(family.codes()) {
                    let code = self.slice(&copy, cell);
                    system.enforce(s, &v.minus(&code), &Num::fixed(0u64));
                }
            }
            None => {
                for (s, cell) in pointers.iter().zip(family.codes()) {
                    let code = Num::from_bits(self.bits(cell));
                    system.enforce(s, &v.minus(&code), &Num::fixed(0u64));
                }
            }
        }
    }

    /// `v + 2^width * onset` for an onset inside the window, present.
    fn onset(
        &self,
        system: &mut System,
        family: &FamilyCells,
        v: &Num,
        window: Onset,
        found: Option<usize>,
        guard: Guard<'_>,
    ) -> Num {
        let value = self.facts.map(|f| {
            let cell = family
                .first_onset
                .zip(found)
                .map(|(first, i)| first.0 + i as u16);
            (cell.map(|c| f.cells.get(CellId(c))), f.today)
        });
        let onset = match window {
            Onset::Between { lo, hi } => {
                let value = value.map(|(onset, _)| onset.unwrap_or(lo.into()));
                ranged(system, lo.into(), hi.into(), value)
            }
            Onset::Elapsed { least, most } => {
                // onset = today + 1 - least - d, 0 <= d <= most - least
                let d = value.map(|(onset, today)| match onset {
                    Some(onset) => (u64::from(today.number()) + 1)
                        .saturating_sub(onset)
                        .saturating_sub(least.into()),
                    None => 0,
                });
                let d = ranged(system, 0, u64::from(most - least), d);
                let onset = self.today.minus(&d).offset(Fr::one() - Fr::from(least));
                // Not 0, which is absent: its inverse exists where this is shown.
                let guard = guard_num(guard);
                let inverse = onset
                    .value()
                    .zip(guard.value())
                    .map(|(o, g)| inverse(o) * g);
                let inverse = system.alloc(inverse);
                system.enforce(&onset, &inverse, &guard);
                onset
            }
        };
        v.plus(&onset.times(power(family.width)))
    }

    /// Recorded, and no code in `[lo, hi]`.
    pub(super) fn no_code(
        &self,
        system: &mut System,
        family: &FamilyCells,
        (lo, hi): (u64, u64),
        guard: Guard<'_>,
    ) {
        // recorded = 1 + 1
        let recorded = Num::from_bits(self.bits(family.recorded)).offset(-Fr::from(2u64));
        system.enforce(&guard_num(guard), &recorded, &Num::fixed(0u64));

        let size = usize::from(family.size);
        let end = 1u64 << family.width;
        let cells: Vec<CellId> = family.codes().collect();
        let code = |f: &super::Facts<'_>, i: usize| cells.get(i).map_or(end, |c| f.cells.get(*c));
        let gap = self
            .facts
            .filter(|_| shown(guard, self.facts) == Some(true))
            .and_then(|f| {
                (0..=size).find(|i| {
                    let before = i.checked_sub(1).map_or(0, |b| code(&f, b));
                    before < lo && code(&f, *i) > hi
                })
            });

        // u = lo - 1 - .., w = hi + 1 + ..
        let before = self.facts.map(|f| match gap {
            Some(i) => i.checked_sub(1).map_or(0, |b| code(&f, b)),
            None => lo - 1,
        });
        let after = self.facts.map(|f| gap.map_or(hi + 1, |i| code(&f, i)));
        let below = before.map(|u| Fr::from((lo - 1).saturating_sub(u)));
        let above = after.map(|w| Fr::from(w.saturating_sub(hi + 1)));
        let below = Num::from_bits(&bits::alloc(system, below, bits::width(lo - 1)));
        let above = Num::from_bits(&bits::alloc(system, above, bits::width(end - hi - 1)));
        let shift = power(family.width + 2);
        let target = Num::combine([
            (-Fr::one(), &below),
            (shift, &above),
            (Fr::one(), &Num::fixed(lo - 1)),
            (shift, &Num::fixed(hi + 1)),
        ]);

        let copies = self.plan.copies(family);
        // With copies, which element a pointer selects must be unambiguous: pointers are bits.
        let pointers = self.pointers(system, size + 1, gap, guard, copies);
        let (left, right) = if copies {
            let at = |i: Option<usize>| i.and_then(|i| cells.get(i).copied());
            let left = gap.and_then(|i| i.checked_sub(1));
            (
                Some(self.copy(
                    system,
                    family,
                    pointers.get(1..).unwrap_or_default(),
                    0,
                    at(left),
                    guard,
                )),
                Some(self.copy(system, family, &pointers, 1, at(gap), guard)),
            )
        } else {
            (None, None)
        };
        let read = |copy: &Option<Copy>, cell: CellId| match copy {
            Some(copy) => self.slice(copy, cell),
            None => Num::from_bits(self.bits(cell)),
        };
        for (i, s) in pointers.iter().enumerate() {
            let u = match i.checked_sub(1).and_then(|b| cells.get(b)) {
                Some(cell) => read(&left, *cell),
                None => Num::fixed(0u64),
            };
            let w = match cells.get(i) {
                Some(cell) => read(&right, *cell),
                None => Num::fixed(end),
            };
            let pair = u.plus(&w.times(shift));
            system.enforce(s, &target.minus(&pair), &Num::fixed(0u64));
        }
    }

    /// `n` columns that sum to the guard, bits if asked; the prover sets the one found.
    fn pointers(
        &self,
        system: &mut System,
        n: usize,
        found: Option<usize>,
        guard: Guard<'_>,
        bits: bool,
    ) -> Vec<Num> {
        let known = self.facts.is_some();
        let pointers: Vec<Num> = (0..n)
            .map(|i| {
                let here = known.then_some(found == Some(i));
                if bits {
                    system.alloc_bit(here).num().clone()
                } else {
                    system.alloc(here.map(Fr::from))
                }
            })
            .collect();
        let sum = Num::combine(pointers.iter().map(|s| (Fr::one(), s)));
        system.enforce_equal(&sum, &guard_num(guard));
        pointers
    }

    /// A copy of the element that the pointers select, opened into 248 bits. `pointers[i]` points at
    /// code `i`; `tail` of them, at the end, point past the family and select nothing.
    fn copy(
        &self,
        system: &mut System,
        family: &FamilyCells,
        pointers: &[Num],
        tail: usize,
        cell: Option<CellId>,
        _guard: Guard<'_>,
    ) -> Copy {
        let mut selected: BTreeMap<u16, Vec<&Num>> = BTreeMap::new();
        let pointing = pointers.len() - tail;
        for (s, cell) in pointers.iter().take(pointing).zip(family.codes()) {
            if let Some(place) = self.layout.place(cell) {
                selected.entry(place.element).or_default().push(s);
            }
        }
        let value = cell
            .and_then(|c| self.layout.place(c))
            .and_then(|p| self.record.element(p.element))
            .and_then(Num::value)
            .or(self.facts.map(|_| Fr::default()))
            .map(PrimeField::into_bigint);
        let bits: Vec<Bit> = (0..ELEMENT_BITS as usize)
            .map(|i| system.alloc_bit(value.map(|v| v.get_bit(i))))
            .collect();
        let copy = Num::from_bits(&bits);
        for (element, pointers) in selected {
            let Some(element) = self.record.element(element) else {
                continue;
            };
            let chosen = Num::combine(pointers.into_iter().map(|s| (Fr::one(), s)));
            system.enforce(&chosen, &copy.minus(element), &Num::fixed(0u64));
        }
        Copy(bits)
    }

    /// The cell's bits in a copy of its element.
    fn slice(&self, copy: &Copy, cell: CellId) -> Num {
        let range = self.layout.place(cell).map(|p| {
            let from = usize::from(p.offset);
            from..from + usize::from(p.width)
        });
        let bits = range.and_then(|r| copy.0.get(r)).unwrap_or_default();
        Num::from_bits(bits)
    }
}

/// An opened copy of one element.
struct Copy(Vec<Bit>);

/// A number between constants, from its distance to the lower one.
fn ranged(system: &mut System, lo: u64, hi: u64, value: Option<u64>) -> Num {
    let distance = value.map(|v| Fr::from(v.saturating_sub(lo)));
    let bits = bits::alloc(system, distance, bits::width(hi - lo));
    bits::at_most(system, &bits, hi - lo, None);
    Num::from_bits(&bits).offset(Fr::from(lo))
}
