//! FHIR `dateTime`, `date` and `instant`.

use core::fmt;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::civil::CivilDay;

/// Longest accepted text, in bytes.
const MAX_TEXT: usize = 40;

/// A point in time as written, with the instant by which it is ordered and the civil day it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    text: String,
    instant: Timestamp,
    day: Option<CivilDay>,
}

/// Not a FHIR `dateTime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a FHIR date or dateTime")]
pub struct MomentError;

impl Moment {
    /// Reads `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, or a day with time and zone.
    ///
    /// The instant of a partial date is its start; without a zone, UTC is assumed. The civil day is
    /// the day as written, whatever the zone; partial dates have none.
    pub fn parse(text: &str) -> Result<Self, MomentError> {
        if text.len() > MAX_TEXT || !text.is_ascii() {
            return Err(MomentError);
        }
        let (date, time) = match text.split_once('T') {
            None => (text, None),
            Some((date, time)) => (date, Some(time)),
        };
        let (first, complete) = match date.len() {
            4 => (format!("{date}-01-01"), false),
            7 => (format!("{date}-01"), false),
            _ => (date.to_owned(), true),
        };
        let first = day(&first)?;
        let midnight = first
            .to_zoned(TimeZone::UTC)
            .map_err(|_| MomentError)?
            .timestamp();
        let instant = match time {
            None => midnight,
            Some(_) if !complete => return Err(MomentError),
            Some(time) => at_time(date, time)?,
        };
        Ok(Self {
            text: text.to_owned(),
            instant,
            day: complete.then(|| CivilDay::from_date(first).ok()).flatten(),
        })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// By which moments are ordered.
    pub const fn instant(&self) -> Timestamp {
        self.instant
    }

    /// The civil day as written; `None` for partial dates and years that cells cannot hold.
    pub const fn day(&self) -> Option<CivilDay> {
        self.day
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A strict `YYYY-MM-DD`.
fn day(text: &str) -> Result<Date, MomentError> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    if !shaped {
        return Err(MomentError);
    }
    text.parse().map_err(|_| MomentError)
}

fn at_time(date: &str, time: &str) -> Result<Timestamp, MomentError> {
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = (
        time.get(..zone).unwrap_or_default(),
        time.get(zone..).unwrap_or_default(),
    );
    // More than nine decimals of a second do not matter.
    let clock = match clock.split_once('.') {
        Some((whole, fraction)) => {
            let kept: String = fraction.chars().take(9).collect();
            if kept.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
                return Err(MomentError);
            }
            format!("{whole}.{kept}")
        }
        None => clock.to_owned(),
    };
    let zone = if zone.is_empty() { "Z" } else { zone };
    let digits = clock
        .bytes()
        .all(|b| b.is_ascii_digit() || b == b':' || b == b'.');
    if clock.len() < 5 || !digits || (zone != "Z" && zone.len() != 6) {
        return Err(MomentError);
    }
    format!("{date}T{clock}{zone}")
        .parse()
        .map_err(|_| MomentError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::parse(text).unwrap()
    }

    #[test]
    fn instants_compare_across_zones_and_days_are_as_written() {
        let west = at("2020-03-16T23:30:00-05:00");
        let east = at("2020-03-17T05:00:00+02:00");
        assert!(west.instant() > east.instant());
        assert_eq!(west.day().unwrap().to_string(), "2020-03-16");
        assert_eq!(east.day().unwrap().to_string(), "2020-03-17");
        assert_eq!(
            at("2020-03-17T00:00:00Z").instant(),
            at("2020-03-17").instant()
        );
    }

    #[test]
    fn partial_dates_have_no_day() {
        for text in ["2020", "2020-03"] {
            assert_eq!(at(text).day(), None);
        }
        assert!(at("2020").instant() < at("2020-01-01T00:00:01Z").instant());
        assert_eq!(at("1850-01-01").day(), None);
    }

    #[test]
    fn odd_texts_are_refused() {
        for text in [
            "",
            "20",
            "2020-13",
            "2020-02-30",
            "2020-03T10:00:00Z",
            "2020-03-17T",
            "2020-03-17T25:00:00Z",
            "2020-03-17 10:00:00Z",
            "2020-03-17T10:00:00+2",
            "2020-03-17T10:00:00.Z",
            "-200-01-01",
            "2020-03-17T10:00:00Z[Europe/Berlin]",
            "２０２０",
        ] {
            assert!(Moment::parse(text).is_err(), "{text}");
        }
        for text in [
            "2020-03-17T10:00:00.123456789012Z",
            "2020-03-17T23:59:60Z",
            "2020-03-17T10:00:00",
        ] {
            assert!(Moment::parse(text).is_ok(), "{text}");
        }
    }
}
