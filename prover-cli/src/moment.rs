//! Moments on the command line: a day, or a day and a time.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::failure::{Attempt, Failure};

/// Seconds in a day.
const DAY_SECONDS: i64 = 86_400;

/// A moment, in seconds since 1970: RFC 3339 (`2026-05-01T12:00:00Z`), or the first second of a day (UTC).
pub fn parse_start(text: &str) -> Result<u64, String> {
    parse(text, 0)
}

/// As [`parse_start`], but a day means its last second.
pub fn parse_end(text: &str) -> Result<u64, String> {
    parse(text, DAY_SECONDS - 1)
}

fn parse(text: &str, of_day: i64) -> Result<u64, String> {
    let seconds = match text.parse::<Date>() {
        Ok(day) if text.len() == "2026-05-01".len() => day
            .to_zoned(TimeZone::UTC)
            .map(|z| z.timestamp().as_second() + of_day)
            .ok(),
        _ => text.parse::<Timestamp>().map(Timestamp::as_second).ok(),
    };
    seconds.and_then(|s| u64::try_from(s).ok()).ok_or_else(|| {
        format!("`{text}` is no moment; expected YYYY-MM-DD, or YYYY-MM-DDThh:mm:ssZ")
    })
}

/// Now, in seconds since 1970.
pub fn now() -> Attempt<u64> {
    u64::try_from(Timestamp::now().as_second())
        .map_err(|_| Failure::unexpected("the clock is before 1970").help("set the clock"))
}

/// A moment as people read it; none for the end of time.
pub fn show(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|s| Timestamp::from_second(s).ok())
        .map_or_else(|| "for ever".to_owned(), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments() {
        assert_eq!(parse_start("1970-01-02"), Ok(86_400));
        assert_eq!(parse_end("1970-01-01"), Ok(86_399));
        assert_eq!(parse_end("1970-01-01T00:01:00Z"), Ok(60));
        assert_eq!(parse_start("1970-01-01T01:00:00+01:00"), Ok(0));
        for bad in [
            "",
            "tomorrow",
            "1970-02-30",
            "1969-12-31",
            "1970-01-01T00:00:00",
        ] {
            assert!(parse_start(bad).is_err(), "{bad}");
        }
        assert_eq!(show(60), "1970-01-01T00:01:00Z");
        assert_eq!(show(u64::MAX), "for ever");
    }
}
