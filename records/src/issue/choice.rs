//! Choices: a coded answer, or the patient's administrative gender.

use super::{
    Filled, Source,
    desk::{Desk, list_codes},
    number::{choose, source, write},
    person,
};
use crate::{
    fhir::{
        Reason,
        element::{Coding, is, matches},
    },
    schema::{Attribute, Choice, ChoiceSource},
};

/// Fills a choice's cells.
pub(super) fn fill(desk: &mut Desk<'_>, attribute: &Attribute, choice: &Choice) -> Filled {
    let codes = match &choice.source {
        ChoiceSource::PatientGender => return person::fill_gender(desk, attribute, choice),
        ChoiceSource::Observation(codes) => codes,
    };
    let choosing = choose(
        desk,
        attribute,
        |m| matches(&m.reading.codings, codes),
        |m| m.reading.answer().and_then(|a| position(choice, a)),
        |a, b| a.0 == b.0,
    );
    let mut filled = Filled::absent(attribute);
    filled.report.unusable = choosing.unusable;
    let Some((chosen, (position, coding))) = choosing.chosen else {
        return filled;
    };
    let source = source(desk, chosen);
    write(&mut filled, desk, chosen, choice.dated, position as u64);
    filled.report.value = choice.values.get(position).map(|v| v.name.clone());
    filled.report.source = source.map(|s| Source {
        value: Some(format!("{}|{}", coding.system, coding.code)),
        ..s
    });
    filled
}

/// The one listed value that the codes of an answer mean, and the code that says so.
fn position(choice: &Choice, answer: Vec<Coding>) -> Result<(usize, Coding), Reason> {
    let mut found: Option<(usize, &Coding)> = None;
    for coding in &answer {
        let meant = |v: &&crate::schema::ChoiceValue| v.codes.iter().any(|c| is(coding, c));
        let Some(value) = choice.values.iter().find(meant) else {
            continue;
        };
        let position = choice.values.iter().position(|v| v == value).unwrap_or(0);
        match found {
            Some((other, _)) if other != position => return Err(Reason::ConflictingAnswers),
            _ => found = Some((position, coding)),
        }
    }
    match found {
        Some((position, coding)) => Ok((position, coding.clone())),
        None => Err(Reason::Answer(list_codes(&answer))),
    }
}
