//! CCDL: inclusion is a conjunction of disjunctions, exclusion a disjunction of conjunctions.

use serde_json::{Map, Value, json};

use super::{
    ImportError,
    fhir::{date, number},
    json::Cursor,
    model::{Coding, Filter, Quantity, Question, ReadDocument, Report, Wanted},
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

type Read<T> = Result<T, ImportError>;

pub(super) fn read(top: Cursor<'_>) -> Read<ReadDocument> {
    top.object()?;
    let unknown = top.others(&[
        "version",
        "display",
        "inclusionCriteria",
        "exclusionCriteria",
    ]);
    if !unknown.is_empty() {
        return top.wrong("only `version`, `display`, `inclusionCriteria` and `exclusionCriteria`");
    }
    let mut parts = Vec::new();
    for group in top.items_of("inclusionCriteria")? {
        let alternatives = group
            .items()?
            .iter()
            .map(criterion)
            .collect::<Read<Vec<_>>>()?;
        if alternatives.is_empty() {
            return group.wrong("at least one criterion");
        }
        parts.push(Wanted::Any(alternatives));
    }
    for group in top.items_of("exclusionCriteria")? {
        let together = group
            .items()?
            .iter()
            .map(criterion)
            .collect::<Read<Vec<_>>>()?;
        if together.is_empty() {
            return group.wrong("at least one criterion: an empty exclusion excludes everyone");
        }
        parts.push(Wanted::All(together).not());
    }
    if parts.is_empty() {
        return top.wrong("`inclusionCriteria` or `exclusionCriteria`");
    }
    Ok(ReadDocument {
        id: None,
        title: top.text_of("display")?.map(str::to_owned),
        wanted: Wanted::All(parts),
    })
}

fn criterion(c: &Cursor<'_>) -> Read<Wanted> {
    c.object()?;
    let mut about = Vec::new();
    for code in c.must("termCodes", "a list of codes")?.items()? {
        about.push(coding(&code)?);
    }
    if about.is_empty() {
        return c.wrong("`termCodes` with at least one code");
    }
    let context = c.get("context").map_or(Ok(None), |x| x.text_of("code"))?;
    let unknown = c.others(&[
        "termCodes",
        "context",
        "display",
        "valueFilter",
        "timeRestriction",
    ]);
    let mut filter = match c.get("valueFilter") {
        Some(f) => value_filter(&f)?,
        None => Filter::Present,
    };
    if !unknown.is_empty() {
        filter = Filter::Inexpressible(format!("`{}`", unknown.join("`, `")));
    }
    let window = match c.get("timeRestriction") {
        Some(t) => {
            if !t.others(&["afterDate", "beforeDate"]).is_empty() {
                return t.wrong("only `afterDate` and `beforeDate`");
            }
            match (date(&t, "afterDate")?, date(&t, "beforeDate")?) {
                (Some(from), Some(to)) => Some(Window::Between { from, to }),
                (Some(from), None) => Some(Window::Since(from)),
                (None, Some(to)) => Some(Window::Until(to)),
                (None, None) => None,
            }
        }
        None => None,
    };
    Ok(Wanted::One(Question {
        place: c.place.clone(),
        about,
        group: context
            .and_then(vocabulary::group_of_context)
            .map(str::to_owned),
        filter,
        window,
    }))
}

fn coding(c: &Cursor<'_>) -> Read<Coding> {
    let text = |key| c.must(key, "a text")?.text().map(str::to_owned);
    Ok(Coding {
        system: text("system")?,
        code: text("code")?,
        display: c.text_of("display")?.map(str::to_owned),
    })
}

fn value_filter(c: &Cursor<'_>) -> Read<Filter> {
    let kind = c.must("type", "a kind of filter")?.text()?;
    let quantity = |key| -> Read<Option<Quantity>> {
        let Some(value) = c.get(key) else {
            return Ok(None);
        };
        let unit = match c.get("unit") {
            Some(unit) => unit.text_of("code")?.map(str::to_owned),
            None => None,
        };
        Ok(Some(Quantity {
            value: value.decimal()?,
            unit,
        }))
    };
    let known: &[&str] = match kind {
        "concept" => &["type", "selectedConcepts"],
        "quantity-comparator" => &["type", "comparator", "value", "unit"],
        "quantity-range" => &["type", "minValue", "maxValue", "unit"],
        _ => {
            return Ok(Filter::Inexpressible(format!(
                "a filter of the kind `{kind}`"
            )));
        }
    };
    let unknown = c.others(known);
    if !unknown.is_empty() {
        let names = unknown.join("`, `");
        return Ok(Filter::Inexpressible(format!("a filter with `{names}`")));
    }
    match kind {
        "concept" => {
            let concepts = c.must("selectedConcepts", "a list of codes")?.items()?;
            let concepts = concepts.iter().map(coding).collect::<Read<Vec<_>>>()?;
            if concepts.is_empty() {
                return c.wrong("`selectedConcepts` with at least one code");
            }
            Ok(Filter::Concepts(concepts))
        }
        "quantity-comparator" => {
            let symbol = c.must("comparator", "a comparator")?;
            let comparator = match symbol.text()? {
                "lt" => Comparator::Less,
                "le" => Comparator::AtMost,
                "gt" => Comparator::Greater,
                "ge" => Comparator::AtLeast,
                "eq" => Comparator::Equal,
                "ne" => Comparator::Unequal,
                _ => return symbol.wrong("`lt`, `le`, `gt`, `ge`, `eq` or `ne`"),
            };
            match quantity("value")? {
                Some(quantity) => Ok(Filter::Compare(comparator, quantity)),
                None => c.wrong("`value`"),
            }
        }
        _ => match (quantity("minValue")?, quantity("maxValue")?) {
            (None, None) => c.wrong("`minValue` or `maxValue`"),
            (low, high) => Ok(Filter::Range(low, high)),
        },
    }
}

/// A question or its opposite.
type Sign = (Question, bool);

pub(super) fn write(requirement: &Requirement, wanted: Wanted, report: &mut Report) -> Value {
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
