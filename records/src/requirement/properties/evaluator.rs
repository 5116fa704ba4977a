//! What an expression means, written a second time: on decoded values and calendar dates, straight from
//! the syntax, knowing nothing of cells' bounds, civil numbers or normal forms.

use crate::{
    cell::{CellId, Cells, Layout},
    civil::CivilDay,
    code,
    requirement::{
        constant::Constant,
        resolve::AGE,
        syntax::{
            Calendar, CodeRange, Comparator, Criterion, Node, Operand, Quantifier, Spanned, Window,
        },
    },
    schema::{Coding, DateSource, Family, FlagSource, Kind, Schema},
};

/// Year, month and day, counted from 0; not always a calendar day.
type Triple = (i64, i64, i64);

pub(super) struct Evaluator<'a> {
    pub schema: &'a Schema,
    pub layout: &'a Layout,
    pub cells: &'a Cells,
    pub today: CivilDay,
}

fn triple(number: u64) -> Triple {
    let n = number as i64;
    (n / 372, n % 372 / 31, n % 31)
}

fn months(t: Triple) -> i64 {
    12 * t.0 + t.1
}

fn compares<T: PartialOrd>(comparator: Comparator, a: T, b: T) -> bool {
    match comparator {
        Comparator::Less => a < b,
        Comparator::AtMost => a <= b,
        Comparator::Greater => a > b,
        Comparator::AtLeast => a >= b,
        Comparator::Equal => a == b,
        Comparator::Unequal => a != b,
    }
}

impl Evaluator<'_> {
    /// The whole requirement, with the patient alive unless it speaks of death.
    pub fn requirement(&self, node: &Node) -> bool {
        let mut speaks = false;
        node.visit(&mut |c| {
            speaks |= self.schema.attributes().iter().any(|a| {
                a.name == c.name().node
                    && matches!(
                        a.kind,
                        Kind::Flag(FlagSource::Deceased) | Kind::Date(DateSource::DeathDate)
                    )
            });
        });
        let flag = self
            .schema
            .attributes()
            .iter()
            .position(|a| matches!(a.kind, Kind::Flag(FlagSource::Deceased)));
        let dead = flag.is_some_and(|i| self.cells.get(self.layout.first_cell(i).unwrap()) == 2);
        (speaks || !dead) && self.node(node, true)
    }

    /// The node, or its opposite.
    fn node(&self, node: &Node, positive: bool) -> bool {
        match node {
            Node::Not(part) => self.node(&part.node, !positive),
            Node::And(parts) if positive => parts.iter().all(|p| self.node(&p.node, true)),
            Node::Or(parts) if !positive => parts.iter().all(|p| self.node(&p.node, false)),
            Node::And(parts) | Node::Or(parts) => {
                parts.iter().any(|p| self.node(&p.node, positive))
            }
            Node::Criterion(Criterion::Codes {
                quantifier,
                group,
                codes,
                window,
            }) => {
                let some = (*quantifier == Quantifier::Any) == positive;
                self.codes(some, &group.node, codes, window.as_ref())
            }
            Node::Criterion(criterion) => self.scalar(criterion) == positive,
        }
    }

    fn scalar(&self, criterion: &Criterion) -> bool {
        let name = &criterion.name().node;
        let named = self
            .schema
            .attributes()
            .iter()
            .position(|a| a.name == *name);
        let is_age = named.is_none() && name == AGE;
        let index = named.unwrap_or_else(|| {
            let births = |k: &Kind| matches!(k, Kind::Date(DateSource::BirthDate));
            self.schema
                .attributes()
                .iter()
                .position(|a| births(&a.kind))
                .unwrap()
        });
        let cell = self.cells.get(self.layout.first_cell(index).unwrap());
        let Some(value) = cell.checked_sub(1) else {
            return matches!(criterion, Criterion::Presence { present: false, .. });
        };
        let in_window = |window: &Option<Spanned<Window>>| match window {
            None => true,
            Some(window) => {
                let date = self.layout.date_cell(index).unwrap();
                self.dated(self.cells.get(date), window.node)
            }
        };
        let kind = &self.schema.attributes()[index].kind;
        let compared = |comparator: Comparator, operand: &Operand, unit: Option<&str>| {
            self.compared(kind, is_age, value, comparator, operand, unit)
        };
        match criterion {
            Criterion::Presence {
                present, window, ..
            } => *present && in_window(window),
            Criterion::Flag { .. } => value == 1,
            Criterion::Dated { window, .. } => self.dated(cell, window.node),
            Criterion::Compare {
                comparator,
                operand,
                window,
                ..
            } => compared(*comparator, &operand.node, None) && in_window(window),
            Criterion::Between {
                low, high, window, ..
            } => {
                let unit = match &high.node {
                    Operand::Number { unit, .. } => unit.as_ref().map(|u| u.node.as_str()),
                    _ => None,
                };
                compared(Comparator::AtLeast, &low.node, unit)
                    && compared(Comparator::AtMost, &high.node, None)
                    && in_window(window)
            }
            Criterion::Among {
                none,
                values,
                window,
                ..
            } => {
                let Kind::Choice(choice) = kind else {
                    return false;
                };
                // A cell beyond the list is none of its values.
                let Some(is) = choice.values.get(value as usize) else {
                    return false;
                };
                (values.iter().any(|v| v.node == is.name) != *none) && in_window(window)
            }
            Criterion::Codes { .. } => unreachable!(),
        }
    }

    fn compared(
        &self,
        kind: &Kind,
        is_age: bool,
        value: u64,
        comparator: Comparator,
        operand: &Operand,
        shared_unit: Option<&str>,
    ) -> bool {
        match (kind, operand) {
            (Kind::Date(_), Operand::Number { value: n, unit }) if is_age => {
                let unit = unit
                    .as_ref()
                    .map(|u| u.node.as_str())
                    .or(shared_unit)
                    .unwrap();
                let (birth, today) = (triple(value), triple(self.today.number().into()));
                if birth > today {
                    return false;
                }
                let completed = months(today) - months(birth) - i64::from(today.2 < birth.2);
                let age = if unit.starts_with("mo") {
                    completed
                } else {
                    completed / 12
                };
                compares(comparator, age, n.whole().unwrap())
            }
            (Kind::Date(_), Operand::Date(day)) => {
                compares(comparator, triple(value), triple(day.number().into()))
            }
            (
                Kind::Number(n),
                Operand::Number {
                    value: constant, ..
                },
            ) => {
                // Both over 10^18.
                let (constant, _) = constant.scaled(18);
                let kept = i128::from(value) + i128::from(n.min);
                let (kept, _) = Constant::from_parts(kept, n.scale.into())
                    .unwrap()
                    .scaled(18);
                compares(comparator, kept, constant)
            }
            (Kind::Choice(c), Operand::Word(word)) => match c.values.get(value as usize) {
                Some(is) => compares(comparator, is.name.as_str(), word.as_str()),
                None => false,
            },
            _ => unreachable!("{operand:?}"),
        }
    }

    /// Whether a date cell lies in a window.
    fn dated(&self, cell: u64, window: Window) -> bool {
        let Some(number) = cell.checked_sub(1) else {
            return false;
        };
        let (date, today) = (triple(number), triple(self.today.number().into()));
        // The day so many months ago, be it a calendar day or not.
        let ago = |count: u32, unit: Calendar| {
            let count = match unit {
                Calendar::Months => i64::from(count),
                Calendar::Years => 12 * i64::from(count),
            };
            let month = months(today) - count;
            (month.div_euclid(12), month.rem_euclid(12), today.2)
        };
        let day = |d: CivilDay| triple(d.number().into());
        match window {
            Window::Within { count, unit } => (ago(count, unit)..=today).contains(&date),
            Window::Ago { least, most, unit } => {
                (ago(most, unit)..=ago(least, unit)).contains(&date)
            }
            Window::Between { from, to } => (day(from)..=day(to)).contains(&date),
            Window::Since(from) => date >= day(from),
            Window::Until(to) => date <= day(to),
        }
    }

    fn codes(
        &self,
        some: bool,
        group: &str,
        codes: &[Spanned<CodeRange>],
        window: Option<&Spanned<Window>>,
    ) -> bool {
        let attributes = self.schema.attributes();
        let families = attributes
            .iter()
            .enumerate()
            .filter_map(|(i, a)| match &a.kind {
                Kind::Family(f) if f.group == group => Some((i, f)),
                _ => None,
            });
        let asked: Vec<(usize, &Family)> = families
            .filter(|(_, f)| codes.is_empty() || codes.iter().any(|c| c.node.prefix == f.prefix))
            .collect();
        let in_family = |(i, f): &(usize, &Family)| {
            let cells = self.layout.family(self.schema, *i).unwrap();
            cells.codes().enumerate().any(|(rank, cell)| {
                let own = codes.iter().filter(|c| c.node.prefix == f.prefix);
                let wanted = self.cells.get(cell).checked_sub(1).is_some_and(|code| {
                    codes.is_empty() || own.clone().any(|c| covers(f.coding, &c.node, code))
                });
                let onset = cells.first_onset.map(|o| CellId(o.0 + rank as u16));
                wanted && window.is_none_or(|w| self.dated(self.cells.get(onset.unwrap()), w.node))
            })
        };
        if some {
            asked.iter().any(in_family)
        } else {
            asked.iter().all(|f| {
                let cells = self.layout.family(self.schema, f.0).unwrap();
                self.cells.get(cells.recorded) == 2 && !in_family(f)
            })
        }
    }
}

/// Whether a code lies under another, or between two.
fn covers(coding: Coding, range: &CodeRange, value: u64) -> bool {
    // As text of seven characters, `!` standing for the end: it sorts below digits and letters.
    let text = |code: &str, fill: &str| {
        let plain: String = code.chars().filter(|c| *c != '.').collect();
        let mut out = plain.to_ascii_uppercase();
        while out.len() < code::MAX_CHARACTERS {
            out += fill;
        }
        out
    };
    match coding {
        Coding::Numeric => range.from == value.to_string(),
        Coding::Base37 => {
            let mut rest = value;
            let mut digits = Vec::new();
            for _ in 0..code::MAX_CHARACTERS {
                digits.push(b"!0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(rest % 37) as usize]);
                rest /= 37;
            }
            digits.reverse();
            // Integers above every code are above every text.
            let is = if rest == 0 {
                String::from_utf8(digits).unwrap()
            } else {
                "~".into()
            };
            let to = range.to.as_deref().unwrap_or(&range.from);
            (text(&range.from, "!")..=text(to, "Z")).contains(&is)
        }
    }
}
