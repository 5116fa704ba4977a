//! A requirement after parsing and type checking: a formula in negation normal form over tests of
//! single cells and quantifiers over families, with its native evaluator.
//!
//! The formula is monotone: negation lives in the tests only ([`Test::Outside`], [`Test::NotElapsed`],
//! [`Test::NoCode`]), each of which says what it means when the value is absent.

use crate::{
    cell::{CellId, Cells, FamilyCells, Layout, Role},
    civil::{CIVIL_BITS, CivilDay},
    schema::{SchemaId, field_digest},
};

/// A formula over tests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Formula {
    /// Every part holds; true when empty.
    All(Vec<Formula>),
    /// Some part holds; false when empty.
    Any(Vec<Formula>),
    /// One test.
    Test(Test),
}

/// One test. Bounds on cells are inclusive and in cell units (`1 + value`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// Present, and `lo <= cell <= hi`; `1 <= lo <= hi < 2^w`.
    Within {
        /// The cell.
        cell: CellId,
        /// Lower bound.
        lo: u64,
        /// Upper bound.
        hi: u64,
    },
    /// Absent, or `cell < lo`, or `cell > hi`.
    Outside {
        /// The cell.
        cell: CellId,
        /// Lower bound.
        lo: u64,
        /// Upper bound.
        hi: u64,
    },
    /// A date cell: present, and `least <= today - date <= most` in civil units.
    Elapsed {
        /// The date cell.
        cell: CellId,
        /// Least civil units since that date.
        least: u32,
        /// Most civil units since that date; below 2^18.
        most: u32,
    },
    /// A date cell: absent, or fewer than `least` or more than `most` civil units ago, or in the
    /// future.
    NotElapsed {
        /// The date cell.
        cell: CellId,
        /// Least civil units since that date.
        least: u32,
        /// Most civil units since that date; below 2^18.
        most: u32,
    },
    /// Some code of the family lies in `[lo, hi]` (and its onset in the window).
    AnyCode {
        /// The family.
        family: FamilyCells,
        /// Lower bound, at least 1.
        lo: u64,
        /// Upper bound.
        hi: u64,
        /// A window on the onset of that same code.
        onset: Option<Onset>,
    },
    /// The family is recorded and no code of it lies in `[lo, hi]`.
    NoCode {
        /// The family.
        family: FamilyCells,
        /// Lower bound, at least 1.
        lo: u64,
        /// Upper bound.
        hi: u64,
    },
}

/// A window on an onset date; absent onsets never pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Onset {
    /// `least <= today - onset <= most` in civil units.
    Elapsed {
        /// Least civil units since the onset.
        least: u32,
        /// Most civil units since the onset.
        most: u32,
    },
    /// `lo <= onset <= hi` as cells (`1 + civil number`).
    Between {
        /// Lower bound.
        lo: u32,
        /// Upper bound.
        hi: u32,
    },
}

/// A checked program over one schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    schema: SchemaId,
    formula: Formula,
}

/// Why a formula is no program over a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// A test names a cell the schema does not have, or of the wrong role.
    #[error("cell {0:?} is not of the kind this test needs")]
    Cell(CellId),
    /// Bounds are empty or outside the cell's width.
    #[error("the bounds {lo} to {hi} are empty or outside cell {cell:?}")]
    Bounds {
        /// The cell.
        cell: CellId,
        /// Lower bound.
        lo: u64,
        /// Upper bound.
        hi: u64,
    },
    /// Too many tests, or nested too deep.
    #[error("a program has at most {MAX_TESTS} tests, nested at most {MAX_DEPTH} deep")]
    Size,
}

/// Most tests in a program.
pub const MAX_TESTS: usize = 4096;
/// Deepest nesting.
pub const MAX_DEPTH: usize = 64;

impl Program {
    /// Checks a formula against a layout.
    pub fn new(layout: &Layout, formula: Formula) -> Result<Self, ProgramError> {
        let mut tests = 0;
        check(layout, &formula, 0, &mut tests)?;
        Ok(Self {
            schema: layout.schema(),
            formula,
        })
    }

    /// The schema it reads.
    pub const fn schema(&self) -> SchemaId {
        self.schema
    }

    /// The formula.
    pub const fn formula(&self) -> &Formula {
        &self.formula
    }

    /// Whether a record meets it on a day.
    pub fn holds(&self, cells: &Cells, today: CivilDay) -> bool {
        cells.schema() == self.schema && self.formula.holds(cells, today)
    }

    /// `F("program", encoding)`: the program's field element, 31 bytes big-endian.
    pub fn digest(&self) -> [u8; 31] {
        let mut bytes = Vec::new();
        encode(&self.formula, &mut bytes);
        field_digest("program", &[&self.schema.0, &bytes])
    }
}

impl Formula {
    /// Whether the formula holds.
    pub fn holds(&self, cells: &Cells, today: CivilDay) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|p| p.holds(cells, today)),
            Self::Any(parts) => parts.iter().any(|p| p.holds(cells, today)),
            Self::Test(test) => test.holds(cells, today),
        }
    }

    /// Every test, left to right.
    pub fn tests(&self) -> Vec<Test> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::tests).collect(),
            Self::Test(test) => vec![*test],
        }
    }
}

fn elapsed(cell: u64, today: CivilDay, least: u32, most: u32) -> bool {
    let since = i64::from(today.number()) - (cell as i64 - 1);
    cell != 0 && (i64::from(least)..=i64::from(most)).contains(&since)
}

impl Onset {
    /// Whether an onset cell lies in the window.
    pub fn holds(self, cell: u64, today: CivilDay) -> bool {
        match self {
            Self::Elapsed { least, most } => elapsed(cell, today, least, most),
            Self::Between { lo, hi } => {
                cell != 0 && (u64::from(lo)..=u64::from(hi)).contains(&cell)
            }
        }
    }
}

impl Test {
    /// Whether the test holds.
    pub fn holds(&self, cells: &Cells, today: CivilDay) -> bool {
        let within = |cell, lo, hi| (lo..=hi).contains(&cells.get(cell));
        match *self {
            Self::Within { cell, lo, hi } => within(cell, lo, hi),
            Self::Outside { cell, lo, hi } => !within(cell, lo, hi),
            Self::Elapsed { cell, least, most } => elapsed(cells.get(cell), today, least, most),
            Self::NotElapsed { cell, least, most } => !elapsed(cells.get(cell), today, least, most),
            Self::AnyCode {
                family,
                lo,
                hi,
                onset,
            } => match (onset, family.onsets()) {
                (None, _) => family.codes().any(|c| within(c, lo, hi)),
                (Some(_), None) => false,
                (Some(window), Some(mut onsets)) => family.codes().any(|c| {
                    let onset = onsets.next().map_or(0, |o| cells.get(o));
                    within(c, lo, hi) && window.holds(onset, today)
                }),
            },
            Self::NoCode { family, lo, hi } => {
                cells.get(family.recorded) == 2 && !family.codes().any(|c| within(c, lo, hi))
            }
        }
    }
}

fn check(
    layout: &Layout,
    formula: &Formula,
    depth: usize,
    tests: &mut usize,
) -> Result<(), ProgramError> {
    if depth > MAX_DEPTH {
        return Err(ProgramError::Size);
    }
    match formula {
        Formula::All(parts) | Formula::Any(parts) => parts
            .iter()
            .try_for_each(|p| check(layout, p, depth + 1, tests)),
        Formula::Test(test) => {
            *tests += 1;
            if *tests > MAX_TESTS {
                return Err(ProgramError::Size);
            }
            check_test(layout, test)
        }
    }
}

fn check_test(layout: &Layout, test: &Test) -> Result<(), ProgramError> {
    let place = |cell| layout.place(cell).ok_or(ProgramError::Cell(cell));
    let bounds = |cell, width: u32, lo: u64, hi: u64| {
        if lo == 0 || lo > hi || hi >> width != 0 {
            return Err(ProgramError::Bounds { cell, lo, hi });
        }
        Ok(())
    };
    match *test {
        Test::Within { cell, lo, hi } | Test::Outside { cell, lo, hi } => {
            let place = place(cell)?;
            if matches!(place.role, Role::Code(_) | Role::Onset(_)) {
                return Err(ProgramError::Cell(cell));
            }
            bounds(cell, u32::from(place.width), lo, hi)
        }
        Test::Elapsed { cell, least, most } | Test::NotElapsed { cell, least, most } => {
            if u32::from(place(cell)?.width) != CIVIL_BITS {
                return Err(ProgramError::Cell(cell));
            }
            if least > most || most >> CIVIL_BITS != 0 {
                return Err(ProgramError::Bounds {
                    cell,
                    lo: u64::from(least),
                    hi: u64::from(most),
                });
            }
            Ok(())
        }
        Test::AnyCode { family, lo, hi, .. } | Test::NoCode { family, lo, hi } => {
            let first = place(family.first)?;
            let recorded = place(family.recorded)?;
            let last = CellId(family.first.0.saturating_add(family.size.saturating_sub(1)));
            let shaped = family.size > 0
                && first.role == Role::Code(0)
                && recorded.role == Role::Recorded
                && recorded.attribute == first.attribute
                && first.width == family.width
                && place(last)?.role == Role::Code(family.size - 1)
                && place(last)?.attribute == first.attribute;
            if !shaped {
                return Err(ProgramError::Cell(family.first));
            }
            bounds(family.first, u32::from(family.width), lo, hi)?;
            if let Test::AnyCode { onset: Some(o), .. } = *test {
                let onset = family
                    .first_onset
                    .ok_or(ProgramError::Cell(family.recorded))?;
                if place(onset)?.role != Role::Onset(0)
                    || place(onset)?.attribute != first.attribute
                {
                    return Err(ProgramError::Cell(onset));
                }
                let (lo, hi) = match o {
                    Onset::Elapsed { least, most } => (least.saturating_add(1), most),
                    Onset::Between { lo, hi } => (lo, hi),
                };
                if lo == 0 || hi >> CIVIL_BITS != 0 || lo > hi.saturating_add(1) {
                    return Err(ProgramError::Bounds {
                        cell: onset,
                        lo: lo.into(),
                        hi: hi.into(),
                    });
                }
            }
            Ok(())
        }
    }
}

/// Canonical encoding: one byte of tag, then big-endian integers; lists carry their length.
fn encode(formula: &Formula, out: &mut Vec<u8>) {
    match formula {
        Formula::All(parts) | Formula::Any(parts) => {
            out.push(u8::from(matches!(formula, Formula::Any(_))));
            out.extend((parts.len() as u32).to_be_bytes());
            parts.iter().for_each(|p| encode(p, out));
        }
        Formula::Test(test) => encode_test(test, out),
    }
}

fn encode_test(test: &Test, out: &mut Vec<u8>) {
    let mut put = |tag: u8, numbers: &[u64]| {
        out.push(tag);
        out.extend(numbers.iter().flat_map(|n| n.to_be_bytes()));
    };
    match *test {
        Test::Within { cell, lo, hi } => put(2, &[cell.0.into(), lo, hi]),
        Test::Outside { cell, lo, hi } => put(3, &[cell.0.into(), lo, hi]),
        Test::Elapsed { cell, least, most } => put(4, &[cell.0.into(), least.into(), most.into()]),
        Test::NotElapsed { cell, least, most } => {
            put(5, &[cell.0.into(), least.into(), most.into()]);
        }
        Test::AnyCode {
            family,
            lo,
            hi,
            onset,
        } => {
            let window = match onset {
                None => [0, 0, 0],
                Some(Onset::Elapsed { least, most }) => [1, least.into(), most.into()],
                Some(Onset::Between { lo, hi }) => [2, lo.into(), hi.into()],
            };
            put(
                6,
                &[
                    family.first.0.into(),
                    lo,
                    hi,
                    window[0],
                    window[1],
                    window[2],
                ],
            );
        }
        Test::NoCode { family, lo, hi } => put(7, &[family.first.0.into(), lo, hi]),
    }
}
