//! Calendar dates as order-preserving integers.
//!
//! The civil number of a date is `372*(year-1900) + 31*(month-1) + (day-1)`: whole years (372) and
//! whole months (31) can be added exactly, and comparing numbers compares dates.

use core::fmt;

use jiff::civil::Date;

/// Number of bits of a civil number.
pub const CIVIL_BITS: u32 = 18;
/// Civil units in one year.
pub const YEAR: u32 = 372;
/// Civil units in one month.
pub const MONTH: u32 = 31;

/// A calendar date between 1900-01-01 and 2604-07-31, as its civil number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDay(u32);

/// A date outside the representable years, or a number that is no calendar date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CivilError {
    /// The year is before 1900 or after 2603.
    #[error("the year {0} is outside 1900 to 2603")]
    Year(i16),
    /// Not a `YYYY-MM-DD` calendar date.
    #[error("`{0}` is not a calendar date; expected YYYY-MM-DD")]
    Text(String),
    /// The number is no civil number of a calendar date.
    #[error("{0} is not the civil number of a calendar date")]
    Number(u32),
}

impl CivilDay {
    /// The civil number of a date.
    pub fn from_date(date: Date) -> Result<Self, CivilError> {
        let year = date.year();
        if !(1900..=2603).contains(&year) {
            return Err(CivilError::Year(year));
        }
        let years = u32::from(year.unsigned_abs()) - 1900;
        let months = u32::from(date.month().unsigned_abs()) - 1;
        let days = u32::from(date.day().unsigned_abs()) - 1;
        Ok(Self(YEAR * years + MONTH * months + days))
    }

    /// Reads `YYYY-MM-DD`; partial dates are refused.
    pub fn parse(text: &str) -> Result<Self, CivilError> {
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(i, b)| match i {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shaped {
            return Err(CivilError::Text(text.to_owned()));
        }
        let date: Date = text
            .parse()
            .map_err(|_| CivilError::Text(text.to_owned()))?;
        Self::from_date(date)
    }

    /// The date with this civil number, if there is one (31 February has a number but no date).
    pub fn from_number(number: u32) -> Result<Self, CivilError> {
        let day = Self(number);
        day.date().map(|_| day).ok_or(CivilError::Number(number))
    }

    /// The civil number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The calendar date.
    pub fn date(self) -> Option<Date> {
        let year = i16::try_from(1900 + self.0 / YEAR).ok()?;
        let month = i8::try_from(1 + self.0 % YEAR / MONTH).ok()?;
        let day = i8::try_from(1 + self.0 % YEAR % MONTH).ok()?;
        if self.0 >= 1 << CIVIL_BITS || year > 2603 {
            return None;
        }
        Date::new(year, month, day).ok()
    }
}

impl fmt::Display for CivilDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date() {
            Some(date) => write!(f, "{date}"),
            None => write!(f, "civil {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_years_and_months_are_exact() {
        let a = CivilDay::parse("2021-06-01").unwrap();
        let b = CivilDay::parse("2019-06-01").unwrap();
        assert_eq!(a.number() - b.number(), 2 * YEAR);
        assert_eq!(
            CivilDay::parse("2021-05-01").unwrap().number() + MONTH,
            a.number()
        );
        assert_eq!(a.to_string(), "2021-06-01");
    }

    #[test]
    fn partial_impossible_and_far_dates_are_refused() {
        for text in [
            "2021",
            "2021-06",
            "2021-02-30",
            "1899-12-31",
            "2604-01-01",
            "+2021-01-1",
            "",
        ] {
            assert!(CivilDay::parse(text).is_err(), "{text}");
        }
        assert!(CivilDay::from_number(2 * MONTH - 1).is_err()); // 31 February 1900
        assert!(CivilDay::from_number(u32::MAX).is_err());
    }

    #[test]
    fn every_number_round_trips_or_is_refused() {
        for n in 0..(1 << CIVIL_BITS) {
            if let Ok(day) = CivilDay::from_number(n) {
                assert_eq!(
                    CivilDay::from_date(day.date().unwrap()).unwrap().number(),
                    n
                );
            }
        }
    }
}
