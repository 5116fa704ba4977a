//! Ranges of integers: bounds of numbers, and prefixes of codes.

use super::{constant::Constant, syntax::Comparator};
use crate::{
    code::{self, CodeError, MAX_CHARACTERS},
    schema::{Coding, Number},
};

/// An inclusive range of cell values, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellRange {
    lo: u64,
    hi: u64,
}

impl CellRange {
    /// From `lo` to `hi`, both included, cut to what a present cell of `width` bits can hold,
    /// `[1, 2^width - 1]`; none when nothing is left.
    pub fn clamped(lo: i128, hi: i128, width: u8) -> Option<Self> {
        let most = (1i128 << width.min(63)) - 1;
        let (lo, hi) = (lo.max(1), hi.min(most));
        match (u64::try_from(lo), u64::try_from(hi)) {
            (Ok(lo), Ok(hi)) if lo <= hi => Some(Self { lo, hi }),
            _ => None,
        }
    }

    /// Every present value of a cell of `width` bits.
    pub fn present(width: u8) -> Self {
        Self {
            lo: 1,
            hi: (1 << width.min(63)) - 1,
        }
    }

    /// The lower bound.
    pub const fn lo(self) -> u64 {
        self.lo
    }

    /// The upper bound.
    pub const fn hi(self) -> u64 {
        self.hi
    }

    /// Whether a cell lies in it.
    pub const fn contains(self, cell: u64) -> bool {
        self.lo <= cell && cell <= self.hi
    }
}

/// Sorts ranges and joins those that overlap or touch.
pub fn merged(mut ranges: Vec<CellRange>) -> Vec<CellRange> {
    ranges.sort_unstable();
    let mut out: Vec<CellRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.lo <= last.hi.saturating_add(1) => last.hi = last.hi.max(range.hi),
            _ => out.push(range),
        }
    }
    out
}

/// What is left of the present values of a cell of `width` bits. `ranges` are merged.
pub fn complement(ranges: &[CellRange], width: u8) -> Vec<CellRange> {
    let mut out = Vec::new();
    let mut next = 1i128;
    for range in ranges {
        out.extend(CellRange::clamped(next, i128::from(range.lo) - 1, width));
        next = i128::from(range.hi) + 1;
    }
    out.extend(CellRange::clamped(next, i128::MAX, width));
    out
}

/// Why a bound is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundError {
    /// The constant has more digits after the point than the attribute keeps.
    #[error("finer than the scale")]
    Finer,
}

/// The bounds, in units of `10^-scale`, of the values that compare so with a constant.
/// `!=` has two ranges; the others one.
///
/// # Errors
///
/// [`BoundError::Finer`] when `constant * 10^scale` is no whole number.
pub fn bounds(
    comparator: Comparator,
    constant: Constant,
    scale: u8,
) -> Result<Vec<(i128, i128)>, BoundError> {
    let (floor, ceil) = constant.scaled(scale);
    if floor != ceil {
        return Err(BoundError::Finer);
    }
    const LEAST: i128 = i128::MIN / 2;
    const MOST: i128 = i128::MAX / 2;
    Ok(match comparator {
        Comparator::Less => vec![(LEAST, ceil - 1)],
        Comparator::AtMost => vec![(LEAST, floor)],
        Comparator::Greater => vec![(floor + 1, MOST)],
        Comparator::AtLeast => vec![(ceil, MOST)],
        Comparator::Equal => vec![(ceil, floor)],
        Comparator::Unequal => vec![(LEAST, ceil - 1), (floor + 1, MOST)],
    })
}

/// Bounds in units of `10^-scale` as a range of an attribute's cells.
pub fn number_cells(number: &Number, (lo, hi): (i128, i128)) -> Option<CellRange> {
    let shift = 1 - i128::from(number.min);
    CellRange::clamped(
        lo.saturating_add(shift),
        hi.saturating_add(shift),
        number.width,
    )
}

/// Why a text is no code, or two are no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeRangeError {
    /// Not a code.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// A range of numeric codes, whose order means nothing.
    #[error("numeric codes have no ranges")]
    Numeric,
}

/// The cells of a code and everything under it, or from one code to everything under another.
pub fn code_cells(
    coding: Coding,
    from: &str,
    to: Option<&str>,
) -> Result<CellRange, CodeRangeError> {
    let (lo, hi) = match (coding, to) {
        (_, None) => code::range(coding, from)?,
        (Coding::Base37, Some(to)) => code::interval(coding, from, to)?,
        (Coding::Numeric, Some(_)) => return Err(CodeRangeError::Numeric),
    };
    Ok(CellRange { lo, hi })
}

/// The text of a code cell, without dot; none for an absent cell or one that is no code.
pub fn code_text(coding: Coding, cell: u64) -> Option<String> {
    code::decode(coding, cell.checked_sub(1)?)
}

/// The fewest prefixes that together mean the same as a range of base-37 cells; none when the range
/// cannot be put so, or only with more than `most` prefixes.
pub fn prefixes(range: CellRange, most: usize) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let (mut next, end) = (range.lo - 1, range.hi);
    while next < end {
        // The widest block that starts here: 37^k codes under a prefix of 7 - k digits.
        let (mut block, mut digits) = (1u64, MAX_CHARACTERS);
        while digits > 1 && next % (block * 37) == 0 && next + block * 37 <= end {
            block *= 37;
            digits -= 1;
        }
        // A shorter text would be a wider prefix than the block.
        let prefix = code::decode(Coding::Base37, next).filter(|p| p.len() == digits)?;
        if out.len() == most {
            return None;
        }
        out.push(prefix);
        next += block;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(from: &str, to: Option<&str>) -> CellRange {
        code_cells(Coding::Base37, from, to).unwrap()
    }

    #[test]
    fn a_prefix_is_a_range() {
        let i63 = code("I63", None);
        for inside in ["I63", "i63.0", "I63.89", "I639999"] {
            assert!(i63.contains(code(inside, None).lo()), "{inside}");
        }
        for outside in ["I62", "I629999", "I64", "I6", "J63"] {
            assert!(!i63.contains(code(outside, None).lo()), "{outside}");
        }
        assert_eq!(i63.hi() + 1, code("I64", None).lo());
        assert_eq!(
            merged((60..70).map(|n| code(&format!("I{n}"), None)).collect()),
            [code("I60", Some("I69"))]
        );
    }

    #[test]
    fn ranges_become_prefixes_and_back() {
        for (from, to) in [("I60", "I69"), ("C0", "C4"), ("A", "Z"), ("E11", "E11")] {
            let range = code(from, Some(to));
            let parts = prefixes(range, 200).unwrap();
            let back = parts.iter().map(|p| code(p, None)).collect();
            assert_eq!(merged(back), [range]);
        }
        assert_eq!(prefixes(code("I60", Some("I69")), 200).unwrap().len(), 10);
        assert_eq!(prefixes(code("I60", Some("I69")), 9), None);
        assert_eq!(prefixes(code("C00", Some("D48")), 999), None); // the bare code D
        assert_eq!(prefixes(code("A10BA", Some("A10BA05")), 99), None); // A10BA without what is under it
    }

    #[test]
    fn bounds_round_exactly() {
        let one = |c, text: &str, s| bounds(c, Constant::parse(text).unwrap(), s).map(|b| b[0]);
        assert_eq!(one(Comparator::AtLeast, "6.5", 1).unwrap().0, 65);
        assert_eq!(one(Comparator::Greater, "6.5", 1).unwrap().0, 66);
        assert_eq!(one(Comparator::Less, "140", 0).unwrap().1, 139);
        assert_eq!(one(Comparator::AtMost, "-1.5", 2).unwrap().1, -150);
        assert_eq!(one(Comparator::AtMost, "6.55", 1), Err(BoundError::Finer));
    }

    #[test]
    fn ranges_clamp_to_present_cells() {
        assert_eq!(
            CellRange::clamped(-5, 3, 4).unwrap(),
            CellRange { lo: 1, hi: 3 }
        );
        assert_eq!(
            CellRange::clamped(3, 99, 4).unwrap(),
            CellRange { lo: 3, hi: 15 }
        );
        assert_eq!(CellRange::clamped(-5, 0, 4), None);
        assert_eq!(CellRange::clamped(16, 99, 4), None);
        assert_eq!(CellRange::clamped(4, 3, 4), None);
        let middle = CellRange { lo: 4, hi: 9 };
        assert_eq!(
            complement(&[middle], 4),
            [CellRange { lo: 1, hi: 3 }, CellRange { lo: 10, hi: 15 }]
        );
        assert_eq!(complement(&[CellRange::present(4)], 4), []);
        assert_eq!(complement(&[], 4), [CellRange::present(4)]);
    }
}
