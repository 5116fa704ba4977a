//! Codes as order-preserving integers.
//!
//! * ICD-10, ATC, OPS, CPT ([`Coding::Base37`]): seven base-37 digits, left-justified: 0 is the end, 1
//!   to 10 are `0`-`9`, 11 to 36 are `A`-`Z`. Dots are dropped, so `I63.9` is `I639`; everything that
//!   starts with `I63` is one range of integers.
//! * SNOMED CT, RxNorm ([`Coding::Numeric`]): the integer itself.
//!
//! A cell holds 1 + the integer. Ranges here are inclusive and in cell units, as in
//! [`crate::program::Test`].

use crate::schema::Coding;

/// Characters of the longest base-37 code.
pub const MAX_CHARACTERS: usize = 7;
const BASE: u64 = 37;
/// Largest numeric code: `2^60 - 2`.
const MAX_NUMERIC: u64 = (1 << 60) - 2;

/// Why a text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum CodeError {
    /// Nothing left after dropping dots.
    #[error("the code is empty")]
    Empty,
    /// A character that such codes do not have.
    #[error("`{0}` does not occur in such codes")]
    Character(char),
    /// Longer than seven characters, dots aside.
    #[error("the code has more than {MAX_CHARACTERS} characters")]
    Long,
    /// Not a decimal integer without leading zero, or beyond 60 bits.
    #[error("the code is no integer of at most 60 bits")]
    Number,
    /// The end of a range lies before its start.
    #[error("the end of the range lies before its start")]
    Order,
}

/// The integer of a code (one less than its cell).
///
/// Base-37 codes may be written with dots, in lower case, with OPS's hyphen after the first
/// character, and with one of ICD-10's trailing markers `+`, `*`, `!`.
pub fn encode(coding: Coding, text: &str) -> Result<u64, CodeError> {
    match coding {
        Coding::Base37 => {
            let digits = base37(text)?;
            Ok(justify(&digits, 0))
        }
        Coding::Numeric => {
            let canonical = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
            match text.parse() {
                _ if text.is_empty() => Err(CodeError::Empty),
                Ok(n) if canonical && n <= MAX_NUMERIC => Ok(n),
                _ => Err(CodeError::Number),
            }
        }
    }
}

/// The code of an integer, without dots; `None` if no code has it.
pub fn decode(coding: Coding, value: u64) -> Option<String> {
    match coding {
        Coding::Numeric => (1..=MAX_NUMERIC)
            .contains(&value)
            .then(|| value.to_string()),
        Coding::Base37 => {
            let mut rest = value;
            let mut digits = [0u8; MAX_CHARACTERS];
            for digit in digits.iter_mut().rev() {
                *digit = (rest % BASE) as u8;
                rest /= BASE;
            }
            let length = digits.iter().take_while(|d| **d != 0).count();
            let ended = digits.iter().skip(length).all(|d| *d == 0);
            (rest == 0 && length > 0 && ended).then(|| {
                digits
                    .iter()
                    .take(length)
                    .map(|d| {
                        char::from(if *d <= 10 {
                            b'0' + d - 1
                        } else {
                            b'A' + d - 11
                        })
                    })
                    .collect()
            })
        }
    }
}

/// The cells of every code that starts with a prefix, `I63` or `E11.2`; inclusive.
pub fn prefix_range(prefix: &str) -> Result<(u64, u64), CodeError> {
    let digits = base37(prefix)?;
    Ok((
        1 + justify(&digits, 0),
        1 + justify(&digits, (BASE - 1) as u8),
    ))
}

/// The cells meant by a code in a requirement: a prefix's range, or one numeric code; inclusive.
pub fn range(coding: Coding, text: &str) -> Result<(u64, u64), CodeError> {
    match coding {
        Coding::Base37 => prefix_range(text),
        Coding::Numeric => encode(coding, text).map(|n| (n + 1, n + 1)),
    }
}

/// The cells from one code to another, both with everything below them: `I60` to `I69`; inclusive.
pub fn interval(coding: Coding, from: &str, to: &str) -> Result<(u64, u64), CodeError> {
    let (lo, _) = range(coding, from)?;
    let (_, hi) = range(coding, to)?;
    if lo > hi {
        return Err(CodeError::Order);
    }
    Ok((lo, hi))
}

/// The digits of a code, at most seven, each 1 to 36.
fn base37(text: &str) -> Result<Vec<u8>, CodeError> {
    let text = text.strip_suffix(['+', '*', '!']).unwrap_or(text);
    let mut digits = Vec::with_capacity(MAX_CHARACTERS);
    for (i, c) in text.chars().enumerate() {
        let digit = match c {
            '0'..='9' => c as u8 - b'0' + 1,
            'A'..='Z' => c as u8 - b'A' + 11,
            'a'..='z' => c as u8 - b'a' + 11,
            '.' if i > 0 => continue,
            '-' if i == 1 => continue,
            _ => return Err(CodeError::Character(c)),
        };
        if digits.len() == MAX_CHARACTERS {
            return Err(CodeError::Long);
        }
        digits.push(digit);
    }
    if digits.is_empty() {
        return Err(CodeError::Empty);
    }
    Ok(digits)
}

/// Seven digits as an integer, the missing ones filled in.
fn justify(digits: &[u8], fill: u8) -> u64 {
    digits
        .iter()
        .chain(core::iter::repeat(&fill))
        .take(MAX_CHARACTERS)
        .fold(0, |n, d| n * BASE + u64::from(*d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_case_and_markers_do_not_matter() {
        let code = |t| encode(Coding::Base37, t).unwrap();
        assert_eq!(code("I63.9"), code("i639"));
        assert_eq!(code("F00.1*"), code("F001"));
        assert_eq!(code("5-377.1"), code("53771"));
        assert_eq!(decode(Coding::Base37, code("I63.9")).unwrap(), "I639");
        assert!(code("ZZZZZZZ") + 1 < 1 << 37);
        assert!(code("E11") < code("E110") && code("E119") < code("E12"));
    }

    #[test]
    fn a_prefix_is_exactly_its_range() {
        let (lo, hi) = prefix_range("I63").unwrap();
        for (text, inside) in [
            ("I63", true),
            ("I63.9", true),
            ("I63ZZZZ", true),
            ("I62.9", false),
            ("I64", false),
            ("I6", false),
        ] {
            let cell = 1 + encode(Coding::Base37, text).unwrap();
            assert_eq!((lo..=hi).contains(&cell), inside, "{text}");
        }
        assert_eq!(
            interval(Coding::Base37, "I60", "I69").unwrap(),
            (
                prefix_range("I60").unwrap().0,
                prefix_range("I69").unwrap().1
            )
        );
        assert_eq!(
            interval(Coding::Base37, "I69", "I60"),
            Err(CodeError::Order)
        );
    }

    #[test]
    fn bad_codes_are_refused() {
        for (text, error) in [
            ("", CodeError::Empty),
            (".", CodeError::Character('.')),
            ("E10-E14", CodeError::Character('-')),
            ("I63 9", CodeError::Character(' ')),
            ("S72.001AXX", CodeError::Long),
            ("É11", CodeError::Character('É')),
        ] {
            assert_eq!(encode(Coding::Base37, text), Err(error), "{text}");
        }
        for text in ["012", "0", "-1", "+1", "1.5", "abc", "1152921504606846976"] {
            assert_eq!(encode(Coding::Numeric, text), Err(CodeError::Number));
        }
        assert_eq!(
            encode(Coding::Numeric, "1152921504606846974").unwrap(),
            MAX_NUMERIC
        );
        assert_eq!(
            range(Coding::Numeric, "230690007").unwrap(),
            (230_690_008, 230_690_008)
        );
    }

    proptest::proptest! {
        #[test]
        fn codes_round_trip_and_keep_order(a in "[0-9A-Z]{1,7}", b in "[0-9A-Z]{1,7}") {
            let (x, y) = (encode(Coding::Base37, &a).unwrap(), encode(Coding::Base37, &b).unwrap());
            assert_eq!(decode(Coding::Base37, x).unwrap(), a);
            assert_eq!(x.cmp(&y), a.cmp(&b));
            let (lo, hi) = prefix_range(&a).unwrap();
            assert_eq!((lo..=hi).contains(&(y + 1)), b.starts_with(&a));
        }

        #[test]
        fn integers_that_are_no_code_decode_to_nothing(n in 0u64..1 << 37) {
            if let Some(text) = decode(Coding::Base37, n) {
                assert_eq!(encode(Coding::Base37, &text).unwrap(), n);
            }
        }
    }
}
