//! What FHIR's resources have in common.

use serde_json::{Map, Value, json};

use super::{
    ImportError,
    json::Cursor,
    model::{Coding, Filter, Quantity, Question},
    vocabulary,
};
use crate::{
    civil::CivilDay,
    requirement::{constant::Constant, syntax::Comparator},
};

type Read<T> = Result<T, ImportError>;

const UCUM: &str = "http://unitsofmeasure.org";

/// A `CodeableConcept`'s codings.
pub(super) fn concept(c: &Cursor<'_>) -> Read<Vec<Coding>> {
    c.object()?;
    let mut out = Vec::new();
    for coding in c.items_of("coding")? {
        let (Some(system), Some(code)) = (coding.text_of("system")?, coding.text_of("code")?)
        else {
            continue;
        };
        out.push(Coding {
            system: system.to_owned(),
            code: code.to_owned(),
            display: coding.text_of("display")?.map(str::to_owned),
        });
    }
    if out.is_empty() {
        // Named, so that it shows up as something that cannot be expressed.
        out.push(Coding {
            system: String::new(),
            code: c.text_of("text")?.unwrap_or("no code").to_owned(),
            display: None,
        });
    }
    Ok(out)
}

pub(super) fn written_concept(codings: &[Coding]) -> Value {
    let each = codings.iter().map(|c| {
        let mut out = Map::new();
        out.insert("system".into(), c.system.clone().into());
        out.insert("code".into(), c.code.clone().into());
        out.extend(c.display.clone().map(|d| ("display".into(), d.into())));
        Value::Object(out)
    });
    json!({ "coding": each.collect::<Vec<_>>() })
}

/// A calendar date; a date and time counts as its date.
pub(super) fn date(c: &Cursor<'_>, key: &str) -> Read<Option<CivilDay>> {
    let Some(member) = c.get(key) else {
        return Ok(None);
    };
    let text = member.text()?;
    let day = text.split('T').next().unwrap_or_default();
    match CivilDay::parse(day) {
        Ok(day) => Ok(Some(day)),
        Err(_) => member.wrong("a date, YYYY-MM-DD"),
    }
}

/// A decimal as a JSON number with its own digits.
pub(super) fn number(value: Constant) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or(Value::Null)
}

fn quantity(c: &Cursor<'_>) -> Read<Quantity> {
    let value = c.must("value", "a number")?.decimal()?;
    let ucum = c.text_of("system")?.is_none_or(|s| s == UCUM);
    let code = c.text_of("code")?.filter(|_| ucum);
    let unit = code.or(c.text_of("unit")?);
    Ok(Quantity {
        value,
        unit: unit.map(str::to_owned),
    })
}

pub(super) fn written_quantity(quantity: &Quantity) -> Map<String, Value> {
    let unit = quantity.unit.as_deref().unwrap_or("1");
    let mut out = Map::new();
    out.insert("value".into(), number(quantity.value));
    out.insert("unit".into(), unit.into());
    out.insert("system".into(), UCUM.into());
    out.insert("code".into(), unit.into());
    out
}

fn comparator(c: &Cursor<'_>) -> Read<Option<Comparator>> {
    Ok(Some(match c.text_of("comparator")? {
        None => Comparator::Equal,
        Some("<") => Comparator::Less,
        Some("<=") => Comparator::AtMost,
        Some(">") => Comparator::Greater,
        Some(">=") => Comparator::AtLeast,
        Some(_) => return Ok(None),
    }))
}

/// The `value[x]` of a characteristic.
fn filter(c: &Cursor<'_>) -> Read<Filter> {
    if let Some(value) = c.get("valueQuantity") {
        let quantity = quantity(&value)?;
        return Ok(match comparator(&value)? {
            Some(comparator) => Filter::Compare(comparator, quantity),
            None => Filter::Inexpressible("this comparator".to_owned()),
        });
    }
    if let Some(value) = c.get("valueRange") {
        let end = |key| value.get(key).map(|e| quantity(&e)).transpose();
        return match (end("low")?, end("high")?) {
            (None, None) => value.wrong("`low` or `high`"),
            (low, high) => Ok(Filter::Range(low, high)),
        };
    }
    if let Some(value) = c.get("valueBoolean") {
        return Ok(Filter::Is(value.boolean()?));
    }
    if let Some(value) = c.get("valueCodeableConcept") {
        return Ok(Filter::Concepts(concept(&value)?));
    }
    let other = c.others(&[]).into_iter().find(|k| k.starts_with("value"));
    Ok(match other {
        Some(key) => Filter::Inexpressible(format!("a `{key}`")),
        None => Filter::Present,
    })
}

/// A question from a kind of statement (`kind`, such as "disease" or a LOINC code) and the `value[x]`
/// beside it.
pub(super) fn question(c: &Cursor<'_>, kind: &Cursor<'_>) -> Read<Question> {
    let kinds = concept(kind)?;
    let group = kinds
        .iter()
        .find_map(vocabulary::group_of)
        .map(str::to_owned);
    let filter = filter(c)?;
    let place = c.place.clone();
    Ok(match (group, filter) {
        // "a disease, namely I63": the value holds the codes asked for.
        (Some(group), Filter::Concepts(about)) => Question {
            place,
            about,
            group: Some(group),
            filter: Filter::Present,
            window: None,
        },
        (Some(group), filter) => Question {
            place,
            about: Vec::new(),
            group: Some(group),
            filter,
            window: None,
        },
        (None, filter) => Question {
            place,
            about: kinds,
            group: None,
            filter,
            window: None,
        },
    })
}

/// The kind of statement and the `value[x]` of a question.
pub(super) fn written_question(question: &Question) -> Result<(Value, (String, Value)), String> {
    if let Some(group) = &question.group {
        let kind = written_concept(&[vocabulary::kind_of(group)]);
        let value = if question.about.is_empty() {
            ("valueBoolean".to_owned(), Value::Bool(true))
        } else {
            let codes = written_concept(&question.about);
            ("valueCodeableConcept".to_owned(), codes)
        };
        return Ok((kind, value));
    }
    let value = match &question.filter {
        Filter::Present => ("valueBoolean", Value::Bool(true)),
        Filter::Is(b) => ("valueBoolean", Value::Bool(*b)),
        Filter::Compare(comparator, quantity) => {
            let mut out = written_quantity(quantity);
            match comparator {
                Comparator::Equal => {}
                Comparator::Unequal => return Err("FHIR has no `!=`".to_owned()),
                other => {
                    out.insert("comparator".into(), other.symbol().into());
                }
            }
            ("valueQuantity", Value::Object(out))
        }
        Filter::Range(low, high) => {
            let mut out = Map::new();
            for (key, end) in [("low", low), ("high", high)] {
                let end = end.as_ref().map(|q| Value::Object(written_quantity(q)));
                out.extend(end.map(|q| (key.to_owned(), q)));
            }
            ("valueRange", Value::Object(out))
        }
        Filter::Concepts(concepts) => ("valueCodeableConcept", written_concept(concepts)),
        Filter::Inexpressible(what) => return Err(format!("{what} cannot be expressed")),
    };
    let kind = written_concept(&question.about);
    Ok((kind, (value.0.to_owned(), value.1)))
}

/// A resource's identifier, if it can name a requirement.
pub(super) fn id(top: &Cursor<'_>) -> Read<Option<String>> {
    let id = top.text_of("id")?.map(str::to_ascii_lowercase);
    Ok(id.filter(|id| {
        !id.is_empty()
            && id.len() <= 64
            && id.starts_with(|c: char| c.is_ascii_alphanumeric())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    }))
}
