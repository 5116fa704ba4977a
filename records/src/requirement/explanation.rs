//! Which criteria a record meets, and which value decided. For the patient's own eyes only: an
//! explanation holds values of the record.

use serde::Serialize;

use super::{
    constant::Constant,
    criteria::Criteria,
    lower::{Literal, Tree},
    ranges::{CellRange, code_text},
    resolve::Atom,
    syntax::{Criterion, Quantifier},
};
use crate::{
    cell::{CellId, Cells, FamilyCells, Layout},
    civil::{CivilDay, MONTH, YEAR},
    schema::{DateSource, Kind, Schema},
};

/// Most codes a reading lists.
const MOST_CODES: usize = 16;

/// Which criteria hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whether the requirement is met: exactly what the program says.
    pub holds: bool,
    /// The day it was asked for.
    pub today: String,
    /// The criteria of the outermost conjunction; `not deceased` first when it goes without saying.
    pub criteria: Vec<Finding>,
    /// What may surprise.
    pub warnings: Vec<String>,
}

/// Whether one criterion holds, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The criterion.
    pub criterion: String,
    /// Whether it holds.
    pub holds: bool,
    /// Whether it was added without being written.
    pub implied: bool,
    /// The values of the record that decided; empty for a combination.
    pub readings: Vec<Reading>,
    /// How the parts of a combination combine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub combination: Option<Combination>,
    /// The parts of a combination.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Finding>,
}

/// How parts combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Combination {
    /// All must hold.
    All,
    /// One must hold.
    Any,
}

/// A value of the record, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The attribute's name.
    pub attribute: String,
    /// Its value; none when absent, which means "not in the signed record".
    pub value: Option<String>,
    /// The unit of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The date of the observation, where the schema keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// For a family: the codes that were asked for and found, at most 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes: Option<Vec<String>>,
    /// For a family: whether the hospital says that it lists what it knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<bool>,
}

/// Explains whether a record meets criteria on a day.
pub fn explain(criteria: &Criteria, cells: &Cells, today: CivilDay) -> Explanation {
    let reader = Reader {
        schema: criteria.schema(),
        layout: Layout::of(criteria.schema()),
        cells,
        today,
    };
    let mut found: Vec<_> = criteria
        .implied()
        .map(|tree| Finding {
            implied: true,
            ..reader.finding(tree)
        })
        .into_iter()
        .collect();
    match criteria.tree() {
        Tree::All { parts, .. } => found.extend(parts.iter().map(|p| reader.finding(p))),
        other => found.push(reader.finding(other)),
    }
    let mut warnings: Vec<_> = criteria
        .warnings()
        .iter()
        .map(|w| match &w.help {
            Some(help) => format!(
                "{}: {} ({help})",
                w.span.text(criteria.expression().source()),
                w.message
            ),
            None => w.message.clone(),
        })
        .collect();
    if cells.schema() != criteria.schema().id() {
        warnings.push("the record follows another schema".to_owned());
    }
    Explanation {
        holds: criteria.holds(cells, today),
        today: today.to_string(),
        criteria: found,
        warnings,
    }
}

impl Explanation {
    /// The criteria that fail, outermost first.
    pub fn failing(&self) -> impl Iterator<Item = &Finding> {
        self.criteria.iter().filter(|c| !c.holds)
    }
}

struct Reader<'a> {
    schema: &'a Schema,
    layout: Layout,
    cells: &'a Cells,
    today: CivilDay,
}

impl Reader<'_> {
    fn finding(&self, tree: &Tree) -> Finding {
        let (combination, parts) = match tree {
            Tree::All { parts, .. } => (Some(Combination::All), parts.as_slice()),
            Tree::Any { parts, .. } => (Some(Combination::Any), parts.as_slice()),
            Tree::Literal(_) => (None, [].as_slice()),
        };
        let readings = match tree {
            Tree::Literal(literal) => self.readings(literal),
            _ => Vec::new(),
        };
        Finding {
            criterion: tree.text().to_owned(),
            holds: self.cells.schema() == self.schema.id()
                && tree.formula().holds(self.cells, self.today),
            implied: false,
            readings,
            combination,
            parts: parts.iter().map(|p| self.finding(p)).collect(),
        }
    }

    fn readings(&self, literal: &Literal) -> Vec<Reading> {
        match &literal.atom {
            Atom::Value {
                attribute, cell, ..
            } => vec![self.value(*attribute, *cell)],
            Atom::Elapsed {
                attribute, cell, ..
            } => {
                let asks_age = literal.criterion.as_ref().is_some_and(|c| {
                    !matches!(c, Criterion::Dated { .. }) && self.is_birth_date(*attribute)
                });
                let date = self.value(*attribute, *cell);
                let age = asks_age.then(|| self.age(*cell)).flatten();
                age.into_iter().chain([date]).collect()
            }
            Atom::Codes {
                quantifier,
                families,
                ..
            } => families
                .iter()
                .map(|f| self.family(f.attribute, f.cells, &f.ranges, *quantifier))
                .collect(),
        }
    }

    fn is_birth_date(&self, attribute: usize) -> bool {
        self.schema
            .attributes()
            .get(attribute)
            .is_some_and(|a| matches!(a.kind, Kind::Date(DateSource::BirthDate)))
    }

    fn name(&self, attribute: usize) -> String {
        let attribute = self.schema.attributes().get(attribute);
        attribute.map_or_else(String::new, |a| a.name.clone())
    }

    fn value(&self, attribute: usize, cell: CellId) -> Reading {
        let raw = self.cells.get(cell);
        let kind = self.schema.attributes().get(attribute).map(|a| &a.kind);
        let (value, unit) = match (raw.checked_sub(1), kind) {
            (None, _) | (_, None | Some(Kind::Family(_))) => (None, None),
            (Some(v), Some(Kind::Number(n))) => {
                let scaled = i128::from(v) + i128::from(n.min);
                let shown = Constant::from_parts(scaled, n.scale.into()).map(|d| d.to_string());
                (shown.ok(), Some(n.unit.clone()))
            }
            (Some(v), Some(Kind::Choice(c))) => {
                let named = usize::try_from(v).ok().and_then(|v| c.values.get(v));
                let shown = named.map_or_else(|| format!("value {v}"), |v| v.name.clone());
                (Some(shown), None)
            }
            (Some(v), Some(Kind::Flag(_))) => (Some((v == 1).to_string()), None),
            (Some(_), Some(Kind::Date(_))) => (day(raw), None),
        };
        let date = self
            .layout
            .date_cell(attribute)
            .and_then(|c| day(self.cells.get(c)));
        Reading {
            attribute: self.name(attribute),
            value,
            unit,
            date,
            codes: None,
            recorded: None,
        }
    }

    /// Completed years, or months below two years.
    fn age(&self, cell: CellId) -> Option<Reading> {
        let birth = self.cells.get(cell).checked_sub(1)?;
        let since = u64::from(self.today.number()).checked_sub(birth)?;
        let (unit, word) = if since < 2 * u64::from(YEAR) {
            (MONTH, "months")
        } else {
            (YEAR, "years")
        };
        Some(Reading {
            attribute: super::resolve::AGE.to_owned(),
            value: Some((since / u64::from(unit)).to_string()),
            unit: Some(word.to_owned()),
            date: None,
            codes: None,
            recorded: None,
        })
    }

    fn family(
        &self,
        attribute: usize,
        cells: FamilyCells,
        ranges: &[CellRange],
        quantifier: Quantifier,
    ) -> Reading {
        let coding = match self.schema.attributes().get(attribute).map(|a| &a.kind) {
            Some(Kind::Family(f)) => Some(f.coding),
            _ => None,
        };
        let present: Vec<_> = cells
            .codes()
            .map(|c| self.cells.get(c))
            .filter(|c| *c != 0)
            .collect();
        let asked = present
            .iter()
            .filter(|c| ranges.iter().any(|r| r.contains(**c)));
        let found: Vec<_> = asked
            .filter_map(|c| code_text(coding?, *c))
            .take(MOST_CODES)
            .collect();
        let value = match (found.is_empty(), quantifier) {
            (false, _) => Some(found.join(", ")),
            (true, _) if present.is_empty() => None,
            (true, _) => Some(format!("none of the {} codes recorded", present.len())),
        };
        Reading {
            attribute: self.name(attribute),
            value,
            unit: None,
            date: None,
            codes: Some(found),
            recorded: Some(self.cells.get(cells.recorded) == 2),
        }
    }
}

fn day(cell: u64) -> Option<String> {
    let number = u32::try_from(cell.checked_sub(1)?).ok()?;
    let day = CivilDay::from_number(number);
    Some(day.map_or_else(|_| format!("civil number {number}"), |d| d.to_string()))
}
