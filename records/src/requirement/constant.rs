//! Exact decimals of bounded size: the constants of requirements.

use core::fmt;

use crate::{
    decimal::{Conversion, Decimal},
    schema::InputUnit,
};

/// Most digits of a decimal, before and after the point together.
pub const MAX_DIGITS: usize = 18;

/// `mantissa * 10^-scale`, with at most [`MAX_DIGITS`] digits, without trailing zeros after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Constant {
    mantissa: i64,
    scale: u8,
}

/// Why a text is no decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstantError {
    /// Not digits with at most one point, a sign and an exponent.
    #[error("not a decimal number")]
    Shape,
    /// More digits than are kept.
    #[error("more than {MAX_DIGITS} digits")]
    Digits,
}

impl Constant {
    /// Zero.
    pub const ZERO: Self = Self {
        mantissa: 0,
        scale: 0,
    };

    /// Reads an optional `-`, digits, and optionally a point and digits; and, as JSON has it, an
    /// exponent.
    pub fn parse(text: &str) -> Result<Self, ConstantError> {
        let (plain, exponent) = match text.split_once(['e', 'E']) {
            Some((plain, exponent)) => {
                let digits = exponent.trim_start_matches(['+', '-']);
                if digits.is_empty() || exponent.len() > digits.len() + 1 {
                    return Err(ConstantError::Shape);
                }
                (plain, exponent.parse().map_err(|_| ConstantError::Digits)?)
            }
            None => (text, 0i32),
        };
        let (sign, digits) = match plain.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, plain),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let numeric = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !numeric(whole) || !numeric(fraction) {
            return Err(ConstantError::Shape);
        }
        let fraction = fraction.trim_end_matches('0');
        let whole = whole.trim_start_matches('0');
        if whole.len() + fraction.len() > MAX_DIGITS || exponent.unsigned_abs() > 40 {
            return Err(ConstantError::Digits);
        }
        let mantissa = [whole, fraction].concat();
        let mantissa: i128 = if mantissa.is_empty() {
            0
        } else {
            mantissa.parse().map_err(|_| ConstantError::Digits)?
        };
        // At most 18 digits and an exponent below 60: below 10^78 only in scale, never in the mantissa.
        Self::from_parts(sign * mantissa, fraction.len() as i32 - exponent)
    }

    /// `mantissa * 10^-scale`.
    pub fn from_parts(mut mantissa: i128, mut scale: i32) -> Result<Self, ConstantError> {
        if mantissa == 0 {
            scale = 0;
        }
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        while scale < 0 && mantissa.unsigned_abs() < 10u128.pow(MAX_DIGITS as u32) {
            mantissa *= 10;
            scale += 1;
        }
        match (i64::try_from(mantissa), u8::try_from(scale)) {
            (Ok(m), Ok(s))
                if m.unsigned_abs() < 10u64.pow(MAX_DIGITS as u32)
                    && usize::from(s) <= MAX_DIGITS =>
            {
                Ok(Self {
                    mantissa: m,
                    scale: s,
                })
            }
            _ => Err(ConstantError::Digits),
        }
    }

    /// A whole number, if it is one.
    pub fn whole(self) -> Option<i64> {
        (self.scale == 0).then_some(self.mantissa)
    }

    /// In an attribute's own unit and on its scale, converted and rounded exactly as the values of a
    /// record are: a value recorded as this very constant compares equal to it. Also whether nothing
    /// was rounded away.
    ///
    /// # Errors
    ///
    /// When the unit's conversion is none, or its result has more than [`MAX_DIGITS`] digits.
    pub fn in_unit(self, unit: &InputUnit, scale: u8) -> Result<(Self, bool), ConstantError> {
        let conversion = Conversion::parse(&unit.factor).map_err(|_| ConstantError::Shape)?;
        let value = Decimal::parse(&self.to_string()).map_err(|_| ConstantError::Shape)?;
        let scaled = |scale: u8| {
            i128::try_from(conversion.scaled(&value, scale)).map_err(|_| ConstantError::Digits)
        };
        let kept = scaled(scale)?;
        // What nine more digits do not show comes from a repeating decimal, and they show that.
        let exact = kept.checked_mul(1_000_000_000) == Some(scaled(scale + 9)?);
        Ok((Self::from_parts(kept, scale.into())?, exact))
    }

    /// `floor` and `ceil` of `self * 10^scale`; equal when the decimal is no finer than the scale.
    pub fn scaled(self, scale: u8) -> (i128, i128) {
        let mantissa = i128::from(self.mantissa);
        if scale >= self.scale {
            // 10^18 * 10^18 fits; schemas have scales up to 9.
            let exact = mantissa * 10i128.pow(u32::from(scale - self.scale).min(18));
            return (exact, exact);
        }
        let divisor = 10i128.pow(u32::from(self.scale - scale));
        let floor = mantissa.div_euclid(divisor);
        (floor, floor + i128::from(mantissa.rem_euclid(divisor) != 0))
    }
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs();
        let scale = usize::from(self.scale);
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let unit = 10u64.pow(u32::from(self.scale));
        write!(f, "{sign}{}.{:0scale$}", digits / unit, digits % unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_read_and_print_exactly() {
        for (text, shown) in [
            ("6.5", "6.5"),
            ("-0.050", "-0.05"),
            ("007", "7"),
            ("0", "0"),
            ("-0", "0"),
            ("1e2", "100"),
            ("1.25E+1", "12.5"),
            ("4754e-2", "47.54"),
            ("999999999999999999", "999999999999999999"),
            ("0.000000000000000001", "0.000000000000000001"),
        ] {
            assert_eq!(Constant::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn malformed_and_oversized_decimals_are_refused() {
        for text in [
            "", "-", ".5", "5.", "1e", "1e+-2", "+1", "1_0", "--1", "１", "NaN",
        ] {
            assert_eq!(Constant::parse(text), Err(ConstantError::Shape), "{text}");
        }
        for text in [
            "1e99",
            "1e999999999999",
            "1000000000000000000",
            "1e-40",
            "1e18",
        ] {
            assert_eq!(Constant::parse(text), Err(ConstantError::Digits), "{text}");
        }
    }

    #[test]
    fn scaling_rounds_both_ways() {
        let scaled = |text: &str, s| Constant::parse(text).unwrap().scaled(s);
        assert_eq!(scaled("6.5", 1), (65, 65));
        assert_eq!(scaled("6.5", 0), (6, 7));
        assert_eq!(scaled("-6.5", 0), (-7, -6));
        assert_eq!(scaled("47.54", 1), (475, 476));
        assert_eq!(scaled("3", 2), (300, 300));
    }

    #[test]
    fn units_convert_as_records_do() {
        let converted = |text: &str, factor: &str, scale| {
            let unit = InputUnit {
                code: "x".into(),
                factor: factor.into(),
            };
            let (value, exact) = Constant::parse(text).unwrap().in_unit(&unit, scale)?;
            Ok::<_, ConstantError>((value.to_string(), exact))
        };
        let shown = |text: &str, exact| Ok((text.to_owned(), exact));
        assert_eq!(converted("7", "18.016", 3), shown("126.112", true));
        assert_eq!(converted("7", "18.0156", 3), shown("126.109", false));
        assert_eq!(converted("7", "18.0156", 0), shown("126", false));
        assert_eq!(converted("100.4", "-32 * 5/9", 3), shown("38", true));
        assert_eq!(converted("100", "-32 * 5/9", 3), shown("37.778", false));
        assert_eq!(converted("7", "1e999", 3), Err(ConstantError::Shape));
        assert_eq!(converted("7", "1/0", 3), Err(ConstantError::Shape));
        assert_eq!(
            converted("999999999999999999", "1000", 3),
            Err(ConstantError::Digits)
        );
    }
}
