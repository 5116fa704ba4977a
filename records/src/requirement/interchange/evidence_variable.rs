//! FHIR R5 `EvidenceVariable`: characteristics nested as deep as the expression is.

use serde_json::{Map, Value, json};

use super::{
    ImportError,
    fhir::{self, date},
    json::Cursor,
    model::{Filter, Question, ReadDocument, Report, Wanted},
};
use crate::{
    civil::CivilDay,
    requirement::{
        document::Requirement,
        syntax::{Calendar, MAX_NESTING, Window},
    },
};

/// What a relative window is counted from.
const EVALUATION: &str = "evaluation of the requirement";

type Read<T> = Result<T, ImportError>;

pub(super) fn read(top: Cursor<'_>) -> Read<ReadDocument> {
    top.object()?;
    if top.text_of("resourceType")? != Some("EvidenceVariable") {
        return top.wrong("a resource of the type `EvidenceVariable`");
    }
    let characteristics = top
        .must("characteristic", "a list of characteristics")?
        .items()?;
    if characteristics.is_empty() {
        return top.wrong("at least one characteristic");
    }
    let parts = characteristics
        .iter()
        .map(|c| characteristic(c, 0))
        .collect::<Read<_>>()?;
    let title = top.text_of("title")?.or(top.text_of("name")?);
    Ok(ReadDocument {
        id: fhir::id(&top)?,
        title: title.map(str::to_owned),
        wanted: Wanted::All(parts),
    })
}

fn characteristic(c: &Cursor<'_>, depth: usize) -> Read<Wanted> {
    c.object()?;
    if depth > MAX_NESTING {
        return c.wrong("characteristics nested less deep");
    }
    let wanted = if let Some(combination) = c.get("definitionByCombination") {
        combined(c, &combination, depth)?
    } else if let Some(definition) = c.get("definitionByTypeAndValue") {
        Wanted::One(typed(c, &definition)?)
    } else if let Some(code) = c.get("definitionCodeableConcept") {
        let mut question = inexpressible(c, "")?;
        question.about = fhir::concept(&code)?;
        question.filter = Filter::Present;
        Wanted::One(restricted(c, question)?)
    } else {
        let kind = c
            .others(&[])
            .into_iter()
            .find(|k| k.starts_with("definition"));
        let what = kind.map_or_else(|| "no definition".to_owned(), |k| format!("`{k}`"));
        Wanted::One(inexpressible(c, &what)?)
    };
    let exclude = c.boolean_of("exclude")?.unwrap_or(false);
    Ok(if exclude { wanted.not() } else { wanted })
}

fn combined(c: &Cursor<'_>, combination: &Cursor<'_>, depth: usize) -> Read<Wanted> {
    let unknown = others(c, "definitionByCombination");
    if !unknown.is_empty() {
        let what = format!("a combination with `{}`", unknown.join("`, `"));
        return Ok(Wanted::One(inexpressible(c, &what)?));
    }
    let list = combination.must("characteristic", "a list of characteristics")?;
    let parts = list
        .items()?
        .iter()
        .map(|p| characteristic(p, depth + 1))
        .collect::<Read<Vec<_>>>()?;
    if parts.is_empty() {
        return list.wrong("at least one characteristic");
    }
    let threshold = || combination.get("threshold")?.decimal().ok()?.whole();
    let count = i64::try_from(parts.len()).ok();
    let code = combination.must("code", "how the characteristics combine")?;
    Ok(match code.text()? {
        "all-of" => Wanted::All(parts),
        "any-of" => Wanted::Any(parts),
        "at-least" if threshold() == Some(1) => Wanted::Any(parts),
        "at-least" if threshold() == count => Wanted::All(parts),
        "at-most" if threshold() == Some(0) => Wanted::Any(parts).not(),
        other => Wanted::One(inexpressible(c, &format!("the combination `{other}`"))?),
    })
}

fn typed(c: &Cursor<'_>, definition: &Cursor<'_>) -> Read<Question> {
    let kind = definition.must("type", "a type")?;
    let mut question = fhir::question(definition, &kind)?;
    question.place.clone_from(&c.place);
    let known = [
        "type",
        "valueQuantity",
        "valueRange",
        "valueBoolean",
        "valueCodeableConcept",
    ];
    let unknown = definition.others(&known);
    if !unknown.is_empty() {
        question.filter = Filter::Inexpressible(format!("`{}`", unknown.join("`, `")));
    }
    restricted(c, question)
}

/// Adds the window, and whatever else restricts the characteristic.
fn restricted(c: &Cursor<'_>, mut question: Question) -> Read<Question> {
    let unknown = others(c, "timeFromEvent");
    let unknown: Vec<_> = unknown
        .into_iter()
        .filter(|k| !k.starts_with("definition"))
        .collect();
    if !unknown.is_empty() {
        question.filter = Filter::Inexpressible(format!("`{}`", unknown.join("`, `")));
    }
    let events = c.items_of("timeFromEvent")?;
    if !events.is_empty() {
        match window(&events)? {
            Some(window) => question.window = Some(window),
            None => question.filter = Filter::Inexpressible("this `timeFromEvent`".to_owned()),
        }
    }
    Ok(question)
}

fn others<'a>(c: &Cursor<'a>, known: &'static str) -> Vec<&'a str> {
    let texts = ["id", "linkId", "description", "note", "exclude"];
    let mut all = texts.to_vec();
    all.push(known);
    c.others(&all)
}

fn inexpressible(c: &Cursor<'_>, what: &str) -> Read<Question> {
    let description = c.text_of("description")?.map(str::to_owned);
    Ok(Question {
        place: c.place.clone(),
        about: Vec::new(),
        group: description,
        filter: Filter::Inexpressible(what.to_owned()),
        window: None,
    })
}

/// Windows as they are written below; others are not understood.
fn window(events: &[Cursor<'_>]) -> Read<Option<Window>> {
    let (mut from, mut to, mut relative) = (None, None, None);
    for event in events {
        let unknown = event.others(&[
            "description",
            "note",
            "range",
            "eventDateTime",
            "eventCodeableConcept",
        ]);
        let Some(range) = event.get("range").filter(|_| unknown.is_empty()) else {
            return Ok(None);
        };
        let end = |key: &str| range.get(key).map(|e| counted(&e)).transpose();
        let (low, high) = (end("low")?.flatten(), end("high")?.flatten());
        let day = date(event, "eventDateTime")?;
        let both = range.get("low").is_some() && range.get("high").is_some();
        match (day, low, high) {
            (Some(day), Some((0, _)), None) if !both && from.is_none() => from = Some(day),
            (Some(day), None, Some((0, _))) if !both && to.is_none() => to = Some(day),
            (None, Some((low, Some(unit))), Some((high, Some(other))))
                if unit == other && low <= high && high <= 0 && from_evaluation(event)? =>
            {
                let count = |n: i64| u32::try_from(-n).ok().filter(|n| *n <= 9999);
                let (Some(least), Some(most)) = (count(high), count(low)) else {
                    return Ok(None);
                };
                relative = Some(match least {
                    0 if most > 0 => Window::Within { count: most, unit },
                    _ => Window::Ago { least, most, unit },
                });
            }
            _ => return Ok(None),
        }
    }
    Ok(match (from, to, relative) {
        (Some(from), Some(to), None) => Some(Window::Between { from, to }),
        (Some(from), None, None) => Some(Window::Since(from)),
        (None, Some(to), None) => Some(Window::Until(to)),
        (None, None, relative) => relative.filter(|_| events.len() == 1),
        _ => None,
    })
}

fn from_evaluation(event: &Cursor<'_>) -> Read<bool> {
    let concept = event.get("eventCodeableConcept");
    let text = concept.map_or(Ok(None), |c| c.text_of("text"))?;
    Ok(text == Some(EVALUATION))
}

/// A whole number of calendar units, or of days (only 0 of which is used).
fn counted(c: &Cursor<'_>) -> Read<Option<(i64, Option<Calendar>)>> {
    let value = c.must("value", "a number")?.decimal()?;
    let unit = match c.text_of("code")? {
        Some("a") => Some(Calendar::Years),
        Some("mo") => Some(Calendar::Months),
        Some("d") => None,
        _ => return Ok(None),
    };
    Ok(value.whole().map(|n| (n, unit)))
}

pub(super) fn write(requirement: &Requirement, wanted: Wanted, report: &mut Report) -> Value {
    let parts = match wanted {
        Wanted::All(parts) => parts,
        other => vec![other],
    };
    let mut characteristics = Vec::new();
    for part in &parts {
        match written(part, false) {
            Ok(value) => characteristics.push(value),
            Err(reason) => report.unsupported(part.place(), part.to_string(), reason),
        }
    }
    let mut out = Map::new();
    out.insert("resourceType".into(), "EvidenceVariable".into());
    out.insert("id".into(), requirement.id().replace('_', "-").into());
    out.insert("title".into(), requirement.title().into());
    out.insert("status".into(), "draft".into());
    out.insert("publisher".into(), requirement.publisher().into());
    out.insert("actual".into(), false.into());
    out.insert("characteristic".into(), characteristics.into());
    Value::Object(out)
}

fn written(wanted: &Wanted, exclude: bool) -> Result<Value, String> {
    let combination = |parts: &[Wanted], code: &str| {
        let parts = parts
            .iter()
            .map(|p| written(p, false))
            .collect::<Result<Vec<_>, _>>()?;
        Ok::<_, String>(Map::from_iter([(
            "definitionByCombination".to_owned(),
            json!({ "code": code, "characteristic": parts }),
        )]))
    };
    let mut out = match wanted {
        Wanted::Not(inner) => return written(inner, !exclude),
        Wanted::All(parts) => combination(parts, "all-of")?,
        Wanted::Any(parts) => combination(parts, "any-of")?,
        Wanted::One(question) => {
            let (kind, (key, value)) = fhir::written_question(question)?;
            let mut definition = Map::new();
            definition.insert("type".into(), kind);
            definition.insert(key, value);
            let mut out = Map::new();
            out.insert("definitionByTypeAndValue".into(), definition.into());
            let events = question.window.map(written_window);
            out.extend(events.map(|e| ("timeFromEvent".to_owned(), e)));
            out
        }
    };
    out.insert("exclude".into(), exclude.into());
    Ok(Value::Object(out))
}

fn written_window(window: Window) -> Value {
    let amount = |n: i64, code: &str| json!({ "value": n, "unit": code, "system": "http://unitsofmeasure.org", "code": code });
    let not_before = |day: CivilDay| json!({ "eventDateTime": day.to_string(), "range": { "low": amount(0, "d") } });
    let not_after = |day: CivilDay| json!({ "eventDateTime": day.to_string(), "range": { "high": amount(0, "d") } });
    let ago = |least: u32, most: u32, unit: Calendar| {
        let code = match unit {
            Calendar::Months => "mo",
            Calendar::Years => "a",
        };
        let range = json!({
            "low": amount(-i64::from(most), code),
            "high": amount(-i64::from(least), code),
        });
        json!([{ "eventCodeableConcept": { "text": EVALUATION }, "range": range }])
    };
    match window {
        Window::Within { count, unit } => ago(0, count, unit),
        Window::Ago { least, most, unit } => ago(least, most, unit),
        Window::Between { from, to } => json!([not_before(from), not_after(to)]),
        Window::Since(from) => json!([not_before(from)]),
        Window::Until(to) => json!([not_after(to)]),
    }
}
