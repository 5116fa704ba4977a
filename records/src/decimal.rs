//! Exact decimals: the text of a JSON number, scaled and rounded without ever becoming a float.
//!
//! A number `x` in an accepted unit becomes the integer `floor((x + offset) * factor * 10^scale + 1/2)`.

use core::fmt;

use bigdecimal::{BigDecimal, num_bigint::BigInt, num_traits::Pow};

/// Longest accepted text of a number, in bytes.
pub const MAX_TEXT: usize = 128;
/// Largest accepted power of ten in a number's exponent, either sign.
pub const MAX_EXPONENT: i64 = 128;

/// Why a text is no number we accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not of the form `-12.34e5`.
    #[error("not a decimal number")]
    Text,
    /// More digits, or a larger exponent, than any measurement has.
    #[error("more than {MAX_TEXT} characters, or an exponent beyond {MAX_EXPONENT}")]
    Size,
}

/// An exact decimal number, bounded in size so that no arithmetic on it can exhaust memory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(BigDecimal);

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({})", self.0)
    }
}

impl Decimal {
    /// Reads a decimal in JSON's number syntax.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        if text.len() > MAX_TEXT {
            return Err(DecimalError::Size);
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            None => (text, 0),
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        };
        let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
        let (whole, fraction) = match unsigned.split_once('.') {
            None => (unsigned, ""),
            Some((_, "")) => return Err(DecimalError::Text),
            Some(parts) => parts,
        };
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading_zero || !digits(whole) || !digits(fraction) {
            return Err(DecimalError::Text);
        }
        let all: BigInt = format!("{whole}{fraction}")
            .parse()
            .map_err(|_| DecimalError::Text)?;
        let signed = if mantissa.len() == unsigned.len() {
            all
        } else {
            -all
        };
        let scale = fraction.len() as i64 - exponent; // at most MAX_TEXT + MAX_EXPONENT
        Ok(Self(BigDecimal::new(signed, scale)))
    }

    /// `self * 10^scale` as an integer, if that is exact.
    pub fn scaled_exactly(&self, scale: u8) -> Option<BigInt> {
        let (numerator, denominator) = self.fraction(scale);
        (&numerator % &denominator == BigInt::from(0)).then(|| numerator / denominator)
    }

    /// `floor(self * 10^scale)`.
    pub fn scaled_floor(&self, scale: u8) -> BigInt {
        let (numerator, denominator) = self.fraction(scale);
        floor_div(&numerator, &denominator)
    }

    /// `self * 10^scale` as a fraction of integers.
    fn fraction(&self, scale: u8) -> (BigInt, BigInt) {
        let (digits, places) = self.0.as_bigint_and_exponent();
        let shift = i64::from(scale) - places;
        let power = BigInt::from(10).pow(shift.unsigned_abs().min(u64::from(u16::MAX)) as u32);
        if shift >= 0 {
            (digits * power, BigInt::from(1))
        } else {
            (digits, power)
        }
    }
}

fn parse_exponent(text: &str) -> Result<i64, DecimalError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DecimalError::Text);
    }
    let exponent: i64 = text.parse().map_err(|_| DecimalError::Size)?;
    if exponent.abs() > MAX_EXPONENT {
        return Err(DecimalError::Size);
    }
    Ok(exponent)
}

/// `floor(a / b)` for positive `b`.
fn floor_div(a: &BigInt, b: &BigInt) -> BigInt {
    let zero = BigInt::from(0);
    let quotient = a / b;
    if *a < zero && a % b != zero {
        quotient - 1
    } else {
        quotient
    }
}

/// How a value in an accepted unit becomes one in the schema's unit: `(x + offset) * factor`.
///
/// Written `"2.54"`, `"5/9"`, or with the offset first, `"-32 * 5/9"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    offset: Decimal,
    numerator: Decimal,
    denominator: Decimal,
}

impl Conversion {
    /// Reads a conversion.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let zero = Decimal(BigDecimal::from(0));
        let (offset, factor) = match text.split_once(" * ") {
            None => (zero.clone(), text),
            Some((offset, factor)) => (Decimal::parse(offset)?, factor),
        };
        let (numerator, denominator) = match factor.split_once('/') {
            None => (Decimal::parse(factor)?, Decimal(BigDecimal::from(1))),
            Some((n, d)) => (Decimal::parse(n)?, Decimal::parse(d)?),
        };
        if numerator <= zero || denominator <= zero {
            return Err(DecimalError::Text);
        }
        Ok(Self {
            offset,
            numerator,
            denominator,
        })
    }

    /// `floor((x + offset) * factor * 10^scale + 1/2)`.
    pub fn scaled(&self, x: &Decimal, scale: u8) -> BigInt {
        let converted = Decimal((&x.0 + &self.offset.0) * &self.numerator.0);
        let (n, d) = converted.fraction(scale);
        let (dn, dd) = self.denominator.fraction(0);
        let (n, d) = (n * dd, d * dn);
        floor_div(&(2 * n + &d), &(2 * d))
    }
}

/// `scaled / 10^scale` as text, without trailing zeros.
pub fn decimal_text(scaled: i64, scale: u8) -> String {
    let digits = format!(
        "{:0>width$}",
        scaled.unsigned_abs(),
        width = usize::from(scale) + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    let fraction = fraction.trim_end_matches('0');
    let sign = if scaled < 0 { "-" } else { "" };
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(text: &str, factor: &str, scale: u8) -> i64 {
        let x = Decimal::parse(text).unwrap();
        let n = Conversion::parse(factor).unwrap().scaled(&x, scale);
        i64::try_from(n).unwrap()
    }

    #[test]
    fn rounding_is_half_up_and_exact() {
        assert_eq!(scaled("6.454976133754152", "1", 1), 65);
        assert_eq!(scaled("6.454976133754152", "1", 4), 64550);
        assert_eq!(scaled("6.45", "1", 1), 65);
        assert_eq!(scaled("6.44999999999999999999999", "1", 1), 64);
        assert_eq!(scaled("-0.5", "1", 0), 0);
        assert_eq!(scaled("-0.51", "1", 0), -1);
        assert_eq!(scaled("-1.5", "1", 0), -1);
        assert_eq!(scaled("65e-1", "1", 1), 65);
        assert_eq!(scaled("0.65E+1", "1", 1), 65);
        // 0.1 + 0.2 is not 0.3 in binary.
        assert_eq!(scaled("0.30000000000000004", "1", 9), 300_000_000);
    }

    #[test]
    fn units_convert_exactly() {
        assert_eq!(scaled("66.899999999999991", "2.54", 3), 169_926);
        assert_eq!(scaled("98.6", "-32 * 5/9", 3), 37_000);
        assert_eq!(scaled("100", "-32 * 5/9", 3), 37_778);
        assert_eq!(scaled("-40", "-32 * 5/9", 1), -400);
        assert_eq!(scaled("3.6", "38.67", 3), 139_212);
    }

    #[test]
    fn bombs_and_odd_texts_are_refused() {
        for text in [
            "", "-", ".5", "5.", "01", "+1", "1e", "1e+", "1_0", "NaN", "0x1", "1 ", "١",
        ] {
            assert_eq!(Decimal::parse(text), Err(DecimalError::Text), "{text}");
        }
        for text in ["1e999999999", "1e-129", "1e99999999999999999999"] {
            assert_eq!(Decimal::parse(text), Err(DecimalError::Size), "{text}");
        }
        assert_eq!(Decimal::parse(&"9".repeat(129)), Err(DecimalError::Size));
        for text in ["0", "-1", "1/0", "1 * ", "5/9/2", ""] {
            assert!(Conversion::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn text_drops_trailing_zeros() {
        assert_eq!(decimal_text(65_000, 4), "6.5");
        assert_eq!(decimal_text(0, 2), "0");
        assert_eq!(decimal_text(-5, 2), "-0.05");
        assert_eq!(decimal_text(1200, 0), "1200");
    }

    proptest::proptest! {
        #[test]
        fn text_reads_back(n in -1_000_000_000i64..1_000_000_000, scale in 0u8..9) {
            let text = decimal_text(n, scale);
            let back = Decimal::parse(&text).unwrap().scaled_exactly(scale).unwrap();
            assert_eq!(back, BigInt::from(n));
            assert_eq!(Decimal::parse(&text).unwrap().scaled_floor(scale), BigInt::from(n));
        }
    }
}
