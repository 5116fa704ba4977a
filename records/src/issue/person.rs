//! What the patient resource itself says.

use serde_json::Value;

use super::{Filled, Source, State, desk::Desk};
use crate::{
    civil::CivilDay,
    fhir::{
        Moment, Reason,
        element::{member, shown, text},
    },
    schema::{Attribute, Choice, DateSource, FlagSource},
};

/// Fills a date from the patient resource. Partial dates are absent.
pub(super) fn fill_date(desk: &mut Desk<'_>, attribute: &Attribute, source: DateSource) -> Filled {
    let (key, what) = match source {
        DateSource::BirthDate => ("birthDate", "birth date"),
        DateSource::DeathDate => ("deceasedDateTime", "date of death"),
    };
    let written = body(desk).and_then(|b| text(b, key)).map(str::to_owned);
    let day = written
        .as_deref()
        .and_then(|w| Moment::parse(w).ok())
        .and_then(|m| m.day())
        .filter(|d| !later(desk, *d));
    let value = day.map(|d: CivilDay| (u64::from(d.number()), d.to_string()));
    fill(desk, attribute, written, value, what)
}

/// Fills a flag from the patient resource.
pub(super) fn fill_flag(desk: &mut Desk<'_>, attribute: &Attribute, source: FlagSource) -> Filled {
    let FlagSource::Deceased = source;
    let body = body(desk);
    let date = body.and_then(|b| text(b, "deceasedDateTime"));
    let flag = body.and_then(|b| member(b, "deceasedBoolean"));
    let written = date.map(str::to_owned).or(flag.map(Value::to_string));
    let value = match (date, flag) {
        (Some(_), Some(Value::Bool(false))) => None,
        // A death in the future is a mistake, and which one is not known.
        (Some(date), _) if moment_later(desk, date) => None,
        (Some(_), _) => Some(true),
        (None, Some(Value::Bool(flag))) => Some(*flag),
        (None, _) => None,
    };
    let value = value.map(|v| (u64::from(v), if v { "yes" } else { "no" }.to_owned()));
    fill(desk, attribute, written, value, "statement of death")
}

/// Fills a choice from `Patient.gender`.
pub(super) fn fill_gender(desk: &mut Desk<'_>, attribute: &Attribute, choice: &Choice) -> Filled {
    let written = body(desk)
        .and_then(|b| text(b, "gender"))
        .map(str::to_owned);
    let value = written.as_ref().and_then(|w| {
        let i = choice.values.iter().position(|v| v.codes.contains(w))?;
        Some((i as u64, choice.values.get(i)?.name.clone()))
    });
    let mut filled = fill(desk, attribute, written, value, "administrative gender");
    filled
        .cells
        .resize(crate::cell::cells_of(&attribute.kind), 0);
    filled
}

/// Whether a day lies after the one up to which the record counts.
fn later(desk: &Desk<'_>, day: CivilDay) -> bool {
    desk.options.until.is_some_and(|until| day > until)
}

fn moment_later(desk: &Desk<'_>, written: &str) -> bool {
    let day = Moment::parse(written).ok().and_then(|m| m.day());
    day.is_some_and(|d| later(desk, d))
}

fn body<'a>(desk: &Desk<'a>) -> Option<&'a Value> {
    let i = desk.patient.resource?;
    Some(&desk.records.resources.get(i)?.body)
}

fn fill(
    desk: &mut Desk<'_>,
    attribute: &Attribute,
    written: Option<String>,
    value: Option<(u64, String)>,
    what: &'static str,
) -> Filled {
    let mut filled = Filled::absent(attribute);
    let Some(patient) = desk.patient.resource else {
        return filled;
    };
    let source = Source {
        resource: desk.name(patient),
        place: String::new(),
        date: None,
        value: written.as_deref().map(shown),
        unit: None,
    };
    match value {
        Some((value, text)) => {
            filled.cells = vec![value + 1];
            filled.report.state = State::Present;
            filled.report.value = Some(text);
            filled.report.source = Some(source);
            desk.mark_used(patient, &attribute.name);
        }
        None => {
            let reason = Reason::Demographic(match &source.value {
                Some(written) => format!("{what}: `{written}`"),
                None => what.to_owned(),
            });
            if source.value.is_some() {
                filled.report.unusable.push(source.unusable(reason.clone()));
            }
            desk.leave_out(patient, Some(&attribute.name), "", reason);
        }
    }
    filled
}
