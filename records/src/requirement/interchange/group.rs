//! FHIR `Group`, R4 and R5: a list of characteristics, all of which (R5: or any of which) apply.

use serde_json::{Map, Value, json};

use super::{
    ImportError,
    fhir::{self, date},
    json::Cursor,
    model::{Filter, Question, ReadDocument, Report, Wanted},
};
use crate::requirement::{document::Requirement, syntax::Window};

/// Which release of FHIR is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    R4,
    R5,
}

type Read<T> = Result<T, ImportError>;

pub(super) fn read(top: Cursor<'_>) -> Read<ReadDocument> {
    top.object()?;
    if top.text_of("resourceType")? != Some("Group") {
        return top.wrong("a resource of the type `Group`");
    }
    if top.text_of("type")?.is_some_and(|t| t != "person") {
        return top.wrong("a group of persons");
    }
    let enumerated =
        top.boolean_of("actual")? == Some(true) || top.text_of("membership")? == Some("enumerated");
    if enumerated {
        return top.wrong("a group that is defined, not one that lists its members");
    }
    let characteristics = top
        .must("characteristic", "a list of characteristics")?
        .items()?;
    if characteristics.is_empty() {
        return top.wrong("at least one characteristic");
    }
    let parts = characteristics
        .iter()
        .map(characteristic)
        .collect::<Read<Vec<_>>>()?;
    let wanted = match top.text_of("combinationMethod")? {
        None | Some("all-of") => Wanted::All(parts),
        Some("any-of") => Wanted::Any(parts),
        Some("at-least") if threshold(&top) == Some(1) => Wanted::Any(parts),
        Some("at-least") if threshold(&top) == i64::try_from(parts.len()).ok() => {
            Wanted::All(parts)
        }
        Some(_) => return top.wrong("the combination method `all-of` or `any-of`"),
    };
    let title = top.text_of("title")?.or(top.text_of("name")?);
    Ok(ReadDocument {
        id: fhir::id(&top)?,
        title: title.map(str::to_owned),
        wanted,
    })
}

fn threshold(top: &Cursor<'_>) -> Option<i64> {
    top.get("combinationThreshold")?.decimal().ok()?.whole()
}

fn characteristic(c: &Cursor<'_>) -> Read<Wanted> {
    c.object()?;
    let code = c.must("code", "a code")?;
    let mut question = fhir::question(c, &code)?;
    let known = [
        "code",
        "exclude",
        "period",
        "description",
        "id",
        "valueQuantity",
        "valueRange",
        "valueBoolean",
        "valueCodeableConcept",
    ];
    let unknown = c.others(&known);
    if !unknown.is_empty() {
        question.filter = Filter::Inexpressible(format!("`{}`", unknown.join("`, `")));
    }
    if let Some(period) = c.get("period") {
        question.window = match (date(&period, "start")?, date(&period, "end")?) {
            (Some(from), Some(to)) => Some(Window::Between { from, to }),
            (Some(from), None) => Some(Window::Since(from)),
            (None, Some(to)) => Some(Window::Until(to)),
            (None, None) => return period.wrong("`start` or `end`"),
        };
    }
    let one = Wanted::One(question);
    let exclude = c.boolean_of("exclude")?.unwrap_or(false);
    Ok(if exclude { one.not() } else { one })
}

pub(super) fn write(
    requirement: &Requirement,
    wanted: Wanted,
    release: Release,
    report: &mut Report,
) -> Value {
    let parts = match wanted {
        Wanted::All(parts) => parts,
        other => vec![other],
    };
    // A single disjunction is a group of its own in R5.
    let (method, parts) = match (release, parts.as_slice()) {
        (Release::R5, [Wanted::Any(alternatives)]) => ("any-of", alternatives.clone()),
        _ => ("all-of", flattened(&parts)),
    };
    let mut characteristics = Vec::new();
    let mut lost = false;
    for part in &parts {
        match written(part) {
            Ok(value) => characteristics.push(value),
            Err(reason) => {
                lost = true;
                report.unsupported(part.place(), part.to_string(), reason);
            }
        }
    }
    if lost && method == "any-of" {
        report.note(
            "",
            "some alternatives are missing: the group is narrower than the requirement",
        );
    }
    let mut out = Map::new();
    out.insert("resourceType".into(), "Group".into());
    out.insert("id".into(), requirement.id().replace('_', "-").into());
    out.insert("active".into(), true.into());
    out.insert("type".into(), "person".into());
    match release {
        Release::R4 => out.insert("actual".into(), false.into()),
        Release::R5 => out.insert("membership".into(), "definitional".into()),
    };
    out.insert("name".into(), requirement.title().into());
    if method == "any-of" {
        out.insert("combinationMethod".into(), method.into());
    }
    out.insert("characteristic".into(), characteristics.into());
    Value::Object(out)
}

/// Conjunctions within the conjunction, unfolded.
fn flattened(parts: &[Wanted]) -> Vec<Wanted> {
    parts
        .iter()
        .flat_map(|p| match p {
            Wanted::All(inner) => flattened(inner),
            other => vec![other.clone()],
        })
        .collect()
}

fn written(part: &Wanted) -> Result<Value, String> {
    let (question, exclude) = match part {
        Wanted::One(question) => (question, false),
        Wanted::Not(inner) => match inner.as_ref() {
            Wanted::One(question) => (question, true),
            _ => return Err("a group has no nested combinations".to_owned()),
        },
        _ => return Err("a group has no nested combinations".to_owned()),
    };
    characteristic_of(question, exclude)
}

fn characteristic_of(question: &Question, exclude: bool) -> Result<Value, String> {
    let (code, (key, value)) = fhir::written_question(question)?;
    let mut out = Map::new();
    out.insert("code".into(), code);
    out.insert(key, value);
    out.insert("exclude".into(), exclude.into());
    let period = match question.window {
        None => None,
        Some(Window::Between { from, to }) => {
            Some(json!({ "start": from.to_string(), "end": to.to_string() }))
        }
        Some(Window::Since(from)) => Some(json!({ "start": from.to_string() })),
        Some(Window::Until(to)) => Some(json!({ "end": to.to_string() })),
        Some(Window::Within { .. } | Window::Ago { .. }) => {
            return Err("a group's period has absolute dates only".to_owned());
        }
    };
    out.extend(period.map(|p| ("period".to_owned(), p)));
    Ok(Value::Object(out))
}
