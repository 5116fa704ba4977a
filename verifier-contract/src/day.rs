//! Calendar days as civil numbers, and the day of a block.

use core::fmt;

use ark_bn254::Fr;

use crate::field::small;

/// Bits of a civil number.
pub const DAY_BITS: u32 = 18;
const SECONDS_A_DAY: u64 = 86_400;

/// A civil number, `372*(year-1900) + 31*(month-1) + (day-1)`, below 2^18.
///
/// Comparing numbers compares dates, and whole years (372) and months (31) add exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

/// A number or time that is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DayError {
    /// Not below 2^18.
    #[error("{0} is not a civil number below 2^18")]
    Number(u64),
    /// After 2604-07, where civil numbers of 18 bits end.
    #[error("the time {0} s is after the last representable day")]
    Time(u64),
}

impl Day {
    /// A civil number below 2^18.
    pub const fn from_number(number: u32) -> Result<Self, DayError> {
        if number >> DAY_BITS == 0 {
            Ok(Self(number))
        } else {
            Err(DayError::Number(number as u64))
        }
    }

    /// The civil number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The day, in UTC, of a time in seconds since 1970-01-01.
    pub fn from_unix(time_s: u64) -> Result<Self, DayError> {
        // The proleptic Gregorian calendar in eras of 400 years that begin on 1 March.
        let days = time_s / SECONDS_A_DAY + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5; // from 0
        let month = (march_month + 2) % 12; // from 0, January
        let year = era * 400 + year_of_era + u64::from(march_month >= 10);
        // Times are not before 1970, so neither is the year.
        let number = (year - 1900)
            .checked_mul(372)
            .and_then(|years| years.checked_add(31 * month + day));
        number
            .and_then(|number| u32::try_from(number).ok())
            .and_then(|number| Self::from_number(number).ok())
            .ok_or(DayError::Time(time_s))
    }

    /// Whether a claim that names this day may be accepted in a block of the given time: it is the
    /// block's day or the one before it.
    pub fn is_current(self, block_time_s: u64) -> bool {
        let at = |time_s: Option<u64>| time_s.and_then(|t| Self::from_unix(t).ok());
        at(Some(block_time_s)) == Some(self)
            || at(block_time_s.checked_sub(SECONDS_A_DAY)) == Some(self)
    }

    /// The day as a public input.
    pub fn to_field(self) -> Fr {
        Fr::from(self.0)
    }

    /// Reads a public input; refuses numbers from 2^18 on.
    pub fn from_field(element: &Fr) -> Result<Self, DayError> {
        let number = small(element).ok_or(DayError::Number(u64::MAX))?;
        u32::try_from(number)
            .map_err(|_| DayError::Number(number))
            .and_then(Self::from_number)
    }
}

impl fmt::Display for Day {
    /// As a date, `YYYY-MM-DD` (31 February where the number says so).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, rest) = (1900 + self.0 / 372, self.0 % 372);
        write!(f, "{year:04}-{:02}-{:02}", 1 + rest / 31, 1 + rest % 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_times() {
        for (time_s, date) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_622_505_600, "2021-06-01"),
            (1_640_995_199, "2021-12-31"),
            (1_640_995_200, "2022-01-01"),
            (4_107_542_400, "2100-03-01"),
            (4_107_542_399, "2100-02-28"),
        ] {
            assert_eq!(Day::from_unix(time_s).unwrap().to_string(), date);
        }
        assert_eq!(
            Day::from_unix(1_622_505_600).unwrap().number(),
            372 * 121 + 31 * 5
        );
        assert_eq!(Day::from_unix(u64::MAX), Err(DayError::Time(u64::MAX)));
    }

    /// Day by day over six centuries against a calendar that only counts.
    #[test]
    fn every_day() {
        let leap =
            |y: u32| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
        let (mut y, mut m, mut d) = (1970, 1, 1);
        for n in 0..230_000u64 {
            let number = 372 * (y - 1900) + 31 * (m - 1) + d - 1;
            assert_eq!(Day::from_unix(n * SECONDS_A_DAY).unwrap().number(), number);
            let last = match m {
                2 => 28 + u32::from(leap(y)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            d += 1;
            if d > last {
                (m, d) = (m + 1, 1);
            }
            if m > 12 {
                (y, m) = (y + 1, 1);
            }
        }
    }

    #[test]
    fn currency() {
        let noon = 1_622_548_800; // 2021-06-01 12:00
        let today = Day::from_unix(noon).unwrap();
        assert!(today.is_current(noon));
        assert!(today.is_current(noon + SECONDS_A_DAY));
        assert!(!today.is_current(noon + 2 * SECONDS_A_DAY));
        assert!(!today.is_current(noon - SECONDS_A_DAY));
        assert!(Day::from_unix(0).unwrap().is_current(1));
    }

    #[test]
    fn bounds() {
        assert!(Day::from_number((1 << 18) - 1).is_ok());
        assert_eq!(Day::from_number(1 << 18), Err(DayError::Number(1 << 18)));
        assert!(Day::from_field(&Fr::from(1u32 << 18)).is_err());
        assert!(Day::from_field(&-Fr::from(1)).is_err());
        assert!(Day::from_field(&(Fr::from(u64::MAX) + Fr::from(1))).is_err());
        let day = Day::from_number(1234).unwrap();
        assert_eq!(Day::from_field(&day.to_field()), Ok(day));
    }
}
