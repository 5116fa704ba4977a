//! CCDL: inclusion is a conjunction of disjunctions, exclusion a disjunction of conjunctions.

mod write;

use super::{
    ImportError,
    fhir::date,
    json::Cursor,
    model::{Coding, Filter, Quantity, Question, ReadDocument, Wanted},
    vocabulary,
};
use crate::requirement::syntax::{Comparator, Window};

pub(super) use write::write;

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
