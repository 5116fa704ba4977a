//! Ranges of integers: bounds of numbers, and prefixes of codes.

use super::{decimal::Decimal, syntax::Comparator};
use crate::schema::{Coding, Number};

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
    constant: Decimal,
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

/// Digits of a base-37 code.
pub const CODE_DIGITS: usize = 7;

/// Why a text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Empty, or too long for the coding.
    #[error("the code is empty or too long")]
    Length,
    /// A character that codes of this system do not have.
    #[error("the code has a character that codes of this system do not have")]
    Character,
    /// A range whose end lies before its beginning.
    #[error("the range ends before it begins")]
    Backwards,
    /// A range of numeric codes, whose order means nothing.
    #[error("numeric codes have no ranges")]
    NoRange,
}

/// The cells of a code and everything under it, or from one code to everything under another.
pub fn code_cells(coding: Coding, from: &str, to: Option<&str>) -> Result<CellRange, CodeError> {
    match (coding, to) {
        (Coding::Base37, _) => {
            let lo = base37(from, 0)?;
            let hi = base37(to.unwrap_or(from), 36)?;
            if lo > hi {
                return Err(CodeError::Backwards);
            }
            Ok(CellRange {
                lo: 1 + lo,
                hi: 1 + hi,
            })
        }
        (Coding::Numeric, None) => {
            if !from.bytes().all(|b| b.is_ascii_digit()) {
                return Err(CodeError::Character);
            }
            // No leading zero: a code is the integer, and each has one spelling.
            let canonical = !from.is_empty() && (from == "0" || !from.starts_with('0'));
            let cell = from
                .parse::<u64>()
                .ok()
                .filter(|n| canonical && *n < (1 << coding.width()) - 1)
                .ok_or(CodeError::Length)?
                + 1;
            Ok(CellRange { lo: cell, hi: cell })
        }
        (Coding::Numeric, Some(_)) => Err(CodeError::NoRange),
    }
}

/// A base-37 code, left-justified and filled up with one digit; dots are dropped, letters are read in
/// either case.
fn base37(code: &str, fill: u64) -> Result<u64, CodeError> {
    let mut digits = Vec::with_capacity(CODE_DIGITS);
    for c in code.bytes().filter(|b| *b != b'.') {
        if digits.len() == CODE_DIGITS {
            return Err(CodeError::Length);
        }
        digits.push(match c {
            b'0'..=b'9' => u64::from(c - b'0') + 1,
            b'A'..=b'Z' => u64::from(c - b'A') + 11,
            b'a'..=b'z' => u64::from(c - b'a') + 11,
            _ => return Err(CodeError::Character),
        });
    }
    if digits.is_empty() {
        return Err(CodeError::Length);
    }
    digits.resize(CODE_DIGITS, fill);
    Ok(digits.iter().fold(0, |n, d| 37 * n + d))
}

/// The text of a base-37 code cell, without dot; none for an absent cell or one that is no code.
pub fn base37_text(cell: u64) -> Option<String> {
    let mut rest = cell.checked_sub(1)?;
    let mut digits = [0u8; CODE_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = (rest % 37) as u8;
        rest /= 37;
    }
    if rest != 0 {
        return None;
    }
    let end = digits.iter().position(|d| *d == 0).unwrap_or(CODE_DIGITS);
    let (code, padding) = digits.split_at(end);
    if code.is_empty() || padding.iter().any(|d| *d != 0) {
        return None;
    }
    Some(
        code.iter()
            .map(|d| {
                char::from(if *d <= 10 {
                    b'0' + d - 1
                } else {
                    b'A' + d - 11
                })
            })
            .collect(),
    )
}

/// The text of a code cell.
pub fn code_text(coding: Coding, cell: u64) -> Option<String> {
    match coding {
        Coding::Base37 => base37_text(cell),
        Coding::Numeric => Some(cell.checked_sub(1)?.to_string()),
    }
}

/// The fewest prefixes that together mean the same as a range of base-37 cells; none when the range
/// cannot be put so, or only with more than `most` prefixes.
pub fn prefixes(range: CellRange, most: usize) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let (mut next, end) = (range.lo - 1, range.hi);
    while next < end {
        // The widest block that starts here: 37^k codes under a prefix of 7 - k digits.
        let (mut block, mut digits) = (1u64, CODE_DIGITS);
        while digits > 1 && next % (block * 37) == 0 && next + block * 37 <= end {
            block *= 37;
            digits -= 1;
        }
        // A shorter text would be a wider prefix than the block.
        let prefix = base37_text(next + 1).filter(|p| p.len() == digits)?;
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
    fn malformed_codes_are_refused() {
        let base37 = |c: &str| code_cells(Coding::Base37, c, None);
        assert_eq!(base37(""), Err(CodeError::Length));
        assert_eq!(base37("..."), Err(CodeError::Length));
        assert_eq!(base37("I6312345"), Err(CodeError::Length));
        assert_eq!(base37("I63+"), Err(CodeError::Character));
        assert_eq!(
            code_cells(Coding::Base37, "I69", Some("I60")),
            Err(CodeError::Backwards)
        );
        let numeric = |c: &str| code_cells(Coding::Numeric, c, None);
        assert_eq!(numeric("230690007").unwrap().lo(), 230_690_008);
        assert_eq!(numeric("1152921504606846974").unwrap().hi(), (1 << 60) - 1);
        assert_eq!(numeric("1152921504606846975"), Err(CodeError::Length));
        assert_eq!(numeric("007"), Err(CodeError::Length));
        assert_eq!(numeric("A10"), Err(CodeError::Character));
        assert_eq!(
            code_cells(Coding::Numeric, "1", Some("2")),
            Err(CodeError::NoRange)
        );
    }

    #[test]
    fn codes_read_back() {
        for text in ["I63", "A10BA02", "Z999999", "0"] {
            assert_eq!(base37_text(code(text, None).lo()).unwrap(), text);
        }
        assert_eq!(base37_text(0), None);
        assert_eq!(base37_text(1), None); // the empty code
        assert_eq!(base37_text(1 << 37), None);
        assert_eq!(base37_text(code("I63", None).lo() + 1), None); // an inner end digit
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
        let one = |c, text: &str, s| bounds(c, Decimal::parse(text).unwrap(), s).map(|b| b[0]);
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
