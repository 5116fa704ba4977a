//! The day a command works on.

use eligo_records::civil::CivilDay;
use eligo_verifier_contract::Day;
use jiff::{Timestamp, tz::TimeZone};

use crate::failure::{Attempt, Failure};

/// Today, UTC.
pub fn today() -> Attempt<CivilDay> {
    let date = Timestamp::now().to_zoned(TimeZone::UTC).date();
    CivilDay::from_date(date)
        .map_err(|e| Failure::unexpected(format!("the clock: {e}")).help("set the clock"))
}

/// The given day, else today, UTC.
pub fn or_today(given: Option<CivilDay>) -> Attempt<CivilDay> {
    given.map_or_else(today, Ok)
}

/// The day before.
pub fn before(day: CivilDay) -> Attempt<CivilDay> {
    let date = day.date().and_then(|d| d.yesterday().ok());
    date.and_then(|d| CivilDay::from_date(d).ok())
        .ok_or_else(|| Failure::usage(format!("there is no day before {day}")))
}

/// The day `months` after; the last of the month where it has no such day.
pub fn months_after(day: CivilDay, months: u32) -> Attempt<CivilDay> {
    let span = jiff::Span::new().try_months(months).ok();
    let date = day
        .date()
        .zip(span)
        .and_then(|(d, s)| d.checked_add(s).ok());
    date.and_then(|d| CivilDay::from_date(d).ok())
        .ok_or_else(|| Failure::usage(format!("{months} months after {day} is out of range")))
}

/// As the contract counts days.
pub fn civil(day: CivilDay) -> Attempt<Day> {
    Day::from_number(day.number()).map_err(Failure::unexpected)
}
