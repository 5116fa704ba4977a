//! Writing CCDL.

use serde_json::{Map, Value, json};

use super::super::{
    fhir::number,
    model::{Coding, Filter, Quantity, Question, Report, Wanted},
    vocabulary,
};
use crate::requirement::{
    document::Requirement,
    syntax::{Comparator, Window},
};

/// The version that the portal's definitions carry.
const VERSION: &str = "http://to_be_decided.com/draft-1/schema#";
/// Most clauses of a conjunctive normal form.
const MOST_CLAUSES: usize = 1024;

/// A question or its opposite.
type Sign = (Question, bool);

pub(in super::super) fn write(
    requirement: &Requirement,
    wanted: Wanted,
    report: &mut Report,
) -> Value {
    let (mut inclusion, mut exclusion) = (Vec::new(), Vec::new());
    let parts = match wanted {
        Wanted::All(parts) => parts,
        other => vec![other],
    };
    for part in parts {
        let place = part.place().to_owned();
        let text = part.to_string();
        let written = clauses(part).and_then(|clauses| {
            let written = clauses.iter().map(|c| clause(c));
            written.collect::<Result<Vec<_>, _>>()
        });
        match written {
            Ok(written) => {
                for one in written {
                    match one {
                        Clause::Inclusion(group) => inclusion.push(group),
                        Clause::Exclusion(groups) => exclusion.extend(groups),
                    }
                }
            }
            Err(reason) => report.unsupported(&place, text, reason),
        }
    }
    let mut out = Map::new();
    out.insert("version".into(), VERSION.into());
    out.insert("display".into(), requirement.title().into());
    out.insert("inclusionCriteria".into(), inclusion.into());
    if !exclusion.is_empty() {
        out.insert("exclusionCriteria".into(), exclusion.into());
    }
    Value::Object(out)
}

/// Conjunctive normal form.
fn clauses(wanted: Wanted) -> Result<Vec<Vec<Sign>>, String> {
    let too_many = || "its conjunctive normal form is too large".to_owned();
    match wanted {
        Wanted::One(question) => Ok(vec![vec![(question, true)]]),
        Wanted::Not(inner) => match *inner {
            Wanted::One(question) => Ok(vec![vec![(question, false)]]),
            _ => Err("a negation stands above a combination".to_owned()),
        },
        Wanted::All(parts) => {
            let mut out = Vec::new();
            for part in parts {
                out.extend(clauses(part)?);
                if out.len() > MOST_CLAUSES {
                    return Err(too_many());
                }
            }
            Ok(out)
        }
        Wanted::Any(parts) => {
            let mut out: Vec<Vec<Sign>> = vec![Vec::new()];
            for part in parts {
                let more = clauses(part)?;
                if out.len() * more.len() > MOST_CLAUSES {
                    return Err(too_many());
                }
                out = out
                    .iter()
                    .flat_map(|a| more.iter().map(move |b| [a.as_slice(), b].concat()))
                    .collect();
            }
            Ok(out)
        }
    }
}

enum Clause {
    /// One list of alternatives.
    Inclusion(Value),
    /// Lists of criteria excluded together.
    Exclusion(Vec<Value>),
}

fn clause(signs: &[Sign]) -> Result<Clause, String> {
    let positive = signs.iter().filter(|(_, sign)| *sign).count();
    let each = |split: bool| {
        let written = signs.iter().map(|(q, _)| criteria(q, split));
        written.collect::<Result<Vec<_>, _>>()
    };
    if positive == signs.len() {
        Ok(Clause::Inclusion(each(true)?.concat().into()))
    } else if positive > 0 {
        Err("CCDL has no alternatives between a criterion and an exclusion".to_owned())
    } else if signs.len() == 1 {
        let groups = each(true)?.concat();
        Ok(Clause::Exclusion(
            groups.into_iter().map(|g| json!([g])).collect(),
        ))
    } else {
        Ok(Clause::Exclusion(vec![each(false)?.concat().into()]))
    }
}

/// A question as one criterion for each of its codes, or as one with several codes.
fn criteria(question: &Question, split: bool) -> Result<Vec<Value>, String> {
    if question.about.is_empty() {
        return Err("CCDL asks for codes, not for a whole group".to_owned());
    }
    let mut rest = Map::new();
    if let Some(filter) = written_filter(&question.filter)? {
        rest.insert("valueFilter".into(), filter);
    }
    match question.window {
        None => {}
        Some(Window::Between { from, to }) => {
            let times = json!({ "afterDate": from.to_string(), "beforeDate": to.to_string() });
            rest.insert("timeRestriction".into(), times);
        }
        Some(Window::Since(from)) => {
            rest.insert(
                "timeRestriction".into(),
                json!({ "afterDate": from.to_string() }),
            );
        }
        Some(Window::Until(to)) => {
            rest.insert(
                "timeRestriction".into(),
                json!({ "beforeDate": to.to_string() }),
            );
        }
        Some(Window::Within { .. } | Window::Ago { .. }) => {
            return Err("CCDL has absolute dates only".to_owned());
        }
    }
    let context = question.group.as_deref().map_or("", vocabulary::context_of);
    let codes: Vec<Value> = question.about.iter().map(written_coding).collect();
    let chunk = if split { 1 } else { codes.len() };
    Ok(codes
        .chunks(chunk)
        .map(|codes| {
            let mut out = Map::new();
            out.insert(
                "context".into(),
                json!({ "system": "fdpg.mii.cds", "code": context, "display": context }),
            );
            out.insert("termCodes".into(), codes.into());
            out.extend(rest.clone());
            Value::Object(out)
        })
        .collect())
}

fn written_coding(coding: &Coding) -> Value {
    json!({
        "system": coding.system,
        "code": coding.code,
        "display": coding.display.as_deref().unwrap_or(&coding.code),
    })
}

fn written_filter(filter: &Filter) -> Result<Option<Value>, String> {
    let unit = |q: &Quantity| {
        let code = q.unit.as_deref().unwrap_or("1");
        json!({ "code": code, "display": code })
    };
    Ok(Some(match filter {
        Filter::Present | Filter::Is(true) => return Ok(None),
        Filter::Is(false) | Filter::Inexpressible(_) => {
            return Err("CCDL has no filter for it".to_owned());
        }
        Filter::Compare(comparator, quantity) => json!({
            "type": "quantity-comparator",
            "comparator": match comparator {
                Comparator::Less => "lt",
                Comparator::AtMost => "le",
                Comparator::Greater => "gt",
                Comparator::AtLeast => "ge",
                Comparator::Equal => "eq",
                Comparator::Unequal => "ne",
            },
            "value": number(quantity.value),
            "unit": unit(quantity),
        }),
        Filter::Range(low, high) => {
            let mut out = Map::new();
            out.insert("type".into(), "quantity-range".into());
            let units = [low, high].map(|q| q.as_ref().map(unit));
            if let [Some(a), Some(b)] = &units
                && a != b
            {
                return Err("both ends of a range have one unit".to_owned());
            }
            for (key, end) in [("minValue", low), ("maxValue", high)] {
                if let Some(end) = end {
                    out.insert(key.into(), number(end.value));
                }
            }
            out.extend(
                units
                    .into_iter()
                    .flatten()
                    .next()
                    .map(|u| ("unit".into(), u)),
            );
            Value::Object(out)
        }
        Filter::Concepts(concepts) => json!({
            "type": "concept",
            "selectedConcepts": concepts.iter().map(written_coding).collect::<Vec<_>>(),
        }),
    }))
}
