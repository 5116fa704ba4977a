//! Requirements for measuring, over the bench schemas, and a record that meets them.

use core::fmt::Write;

use super::{constant::Constant, document::Document};
use crate::{
    cell::{CellError, Cells, Layout, Role},
    civil::{CivilDay, YEAR},
    code,
    schema::{Coding, DateSource, Kind, Number, Schema},
};

/// How much of a schema a requirement for measuring tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coverage {
    /// One value.
    One,
    /// The eight tests of the reference statements: a code that is there, a code that is not, an age, a
    /// value with its date, and three more values, the scalars in three packed elements.
    Eight,
    /// Every value and every date, and both quantifiers over every family.
    All,
}

/// Codes of which the first is in every record made by [`record`] and the second in none.
const PRESENT_AND_ABSENT: [&str; 2] = ["I10", "I48"];

/// A requirement over a bench schema.
pub fn document(schema: &Schema, coverage: Coverage) -> Document {
    let (suffix, title) = match coverage {
        Coverage::One => ("-one", "one value"),
        Coverage::Eight => ("", "eight tests"),
        Coverage::All => ("-all", "every value"),
    };
    Document {
        id: format!("{}{suffix}", schema.name()),
        title: format!("{}: {title}", schema.title()),
        publisher: "Eligo".to_owned(),
        schema: schema.name().to_owned(),
        expression: expression(schema, coverage),
        ..Document::default()
    }
}

fn expression(schema: &Schema, coverage: Coverage) -> String {
    let layout = Layout::of(schema);
    let numbers = || {
        schema.attributes().iter().enumerate().filter_map(|(i, a)| {
            let place = layout.place(layout.first_cell(i)?)?;
            match &a.kind {
                Kind::Number(n) => Some((a.name.as_str(), n, place.element)),
                _ => None,
            }
        })
    };
    let dates = schema
        .attributes()
        .iter()
        .any(|a| matches!(a.kind, Kind::Date(DateSource::BirthDate)));
    let age = dates.then(|| "age between 40 and 80 years".to_owned());
    let criteria: Vec<String> = match coverage {
        Coverage::One => numbers()
            .take(1)
            .map(|(a, n, _)| value(a, n, false))
            .collect(),
        Coverage::Eight => {
            let dated = numbers().find(|(_, n, _)| n.dated).map(|(a, ..)| a);
            let others = (0..3).filter_map(|element| {
                numbers().find(|(a, _, e)| *e == element && Some(*a) != dated)
            });
            quantifiers(schema)
                .into_iter()
                .take(2)
                .chain(age)
                .chain(
                    numbers()
                        .find(|(a, ..)| Some(*a) == dated)
                        .map(|(a, n, _)| value(a, n, true)),
                )
                .chain(others.map(|(a, n, _)| value(a, n, false)))
                .collect()
        }
        Coverage::All => quantifiers(schema)
            .into_iter()
            .chain(age)
            .chain(numbers().map(|(a, n, _)| value(a, n, n.dated)))
            .collect(),
    };
    criteria.join("\nand ") + "\n"
}

/// A value in the middle of what can be kept, and observed lately if it is dated.
fn value(name: &str, number: &Number, dated: bool) -> String {
    let sixteenths = |n: i128| {
        let scaled = (n << (number.width - 4)) - 1 + i128::from(number.min);
        Constant::from_parts(scaled, number.scale.into()).map(|c| c.to_string())
    };
    let (Ok(low), Ok(high)) = (sixteenths(5), sixteenths(11)) else {
        return format!("present {name}");
    };
    let mut out = format!("{name} between {low} and {high}");
    // Writing to a String cannot fail.
    if number.unit != "1" {
        let _ = write!(out, " {}", number.unit);
    }
    if dated {
        out += " within 24 months";
    }
    out
}

fn quantifiers(schema: &Schema) -> Vec<String> {
    let [present, absent] = PRESENT_AND_ABSENT;
    let families = schema.attributes().iter().filter_map(|a| match &a.kind {
        Kind::Family(f) if f.coding == Coding::Base37 => Some(f),
        _ => None,
    });
    families
        .flat_map(|f| {
            let (group, prefix) = (&f.group, &f.prefix);
            [
                format!("any {group} in {prefix}:{present}"),
                format!("no {group} in {prefix}:{absent}"),
            ]
        })
        .collect()
}

/// A record with something in every cell, which meets every requirement of [`document`] on a day: born 50
/// years before it, every value in the middle and a year old, every family full.
///
/// # Errors
///
/// When the schema has a family of more than 26 codes: bench schemas have 16.
pub fn record(schema: &Schema, today: CivilDay) -> Result<Cells, CellError> {
    let layout = Layout::of(schema);
    let ago = |years: u32| u64::from(today.number().saturating_sub(years * YEAR)) + 1;
    let values = layout
        .places()
        .iter()
        .map(|place| {
            let kind = schema
                .attributes()
                .get(usize::from(place.attribute))
                .map(|a| &a.kind);
            match (place.role, kind) {
                (Role::Recorded, _) => 2,
                (Role::Code(rank), Some(Kind::Family(f))) => code_cell(f.coding, rank),
                (Role::Code(_), _) => 0,
                (Role::Date | Role::Onset(_), _) => ago(1),
                (Role::Value, Some(Kind::Date(DateSource::BirthDate))) => ago(50),
                (Role::Value, Some(Kind::Date(DateSource::DeathDate))) => 0,
                (Role::Value, Some(Kind::Number(n))) => 1 << (n.width - 1),
                (Role::Value, _) => 1,
            }
        })
        .collect();
    Cells::new(&layout, values)
}

/// The codes A10, B10, .. of which the ninth is I10.
fn code_cell(coding: Coding, rank: u16) -> u64 {
    let letter = char::from(b'A'.saturating_add(rank.min(200) as u8));
    match coding {
        Coding::Base37 => code::encode(coding, &format!("{letter}10")).map_or(0, |c| c + 1),
        Coding::Numeric => u64::from(rank) + 2,
    }
}
