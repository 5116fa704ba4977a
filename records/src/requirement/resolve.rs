//! What each criterion means over a schema: names become cells, constants become bounds.

mod code;
mod operand;
mod window;

pub(crate) use self::code::no_within;
use self::{
    code::is_group,
    operand::{
        age, choice_cells, choice_ranges, date_operand, date_ranges, finer, intersection,
        number_operand, position,
    },
    window::civil_window,
};
use super::{
    diagnostic::{Diagnostic, suggestion},
    ranges::{CellRange, bounds, number_cells},
    syntax::{Comparator, Criterion, Name, Operand, Quantifier, Spanned, Window},
};
use crate::{
    cell::{CellId, FLAG_BITS, FamilyCells, Layout},
    civil::CIVIL_BITS,
    program::Onset,
    schema::{DateSource, Family, FlagSource, Kind, Schema},
};

/// The name under which requirements reach the time since the date of birth.
pub const AGE: &str = "age";
/// Greatest number of civil units that can lie between two days.
pub(crate) const MOST_ELAPSED: u32 = (1 << CIVIL_BITS) - 1;

/// What a criterion means, before any negation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Atom {
    /// A present value in one of the ranges, and, if asked, its date in a window.
    Value {
        /// Index of the attribute.
        attribute: usize,
        /// Its value cell.
        cell: CellId,
        /// Merged; none when no value can hold.
        ranges: Vec<CellRange>,
        /// The date cell and its window.
        date: Option<(CellId, Onset)>,
    },
    /// A present date, for one of the pairs of least and most civil units ago.
    Elapsed {
        /// Index of the attribute.
        attribute: usize,
        /// Its cell.
        cell: CellId,
        /// Least and most civil units; none when no date can hold.
        spans: Vec<(u32, u32)>,
    },
    /// A quantifier over the codes of one or several families.
    Codes {
        /// Some or none.
        quantifier: Quantifier,
        /// The families and the codes asked for.
        families: Vec<FamilyRanges>,
        /// When the code found began.
        onset: Option<Onset>,
    },
}

/// Codes asked for in one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FamilyRanges {
    /// Index of the attribute.
    pub attribute: usize,
    /// Its cells.
    pub cells: FamilyCells,
    /// Merged, not empty.
    pub ranges: Vec<CellRange>,
}

/// A criterion's atom; `negated` when the criterion asks the opposite of it (`absent x`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub atom: Atom,
    pub negated: bool,
}

type Resolution<T> = Result<T, Diagnostic>;

/// A schema with its layout: where names are looked up.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub schema: &'a Schema,
    pub layout: &'a Layout,
}

/// An attribute found by name.
struct Found<'a> {
    index: usize,
    cell: CellId,
    kind: &'a Kind,
}

impl<'a> Scope<'a> {
    /// What a criterion means.
    pub fn resolve(
        &self,
        criterion: &Criterion,
        warnings: &mut Vec<Diagnostic>,
    ) -> Resolution<Resolved> {
        let atom = match criterion {
            Criterion::Compare {
                name,
                comparator,
                operand,
                window,
            } => self.compare(name, &[(*comparator, operand)], window.as_ref(), warnings)?,
            Criterion::Between {
                name,
                low,
                high,
                window,
            } => self.between(name, low, high, window.as_ref(), warnings)?,
            Criterion::Among {
                name,
                none,
                values,
                window,
            } => self.among(name, *none, values, window.as_ref())?,
            Criterion::Codes {
                quantifier,
                group,
                codes,
                window,
            } => self.codes(*quantifier, group, codes, window.as_ref())?,
            Criterion::Presence {
                name,
                present,
                window,
            } => {
                let atom = self.presence(name, *present, window.as_ref())?;
                return Ok(Resolved {
                    atom,
                    negated: !present,
                });
            }
            Criterion::Dated { name, window } => self.dated(name, window)?,
            Criterion::Flag { name } => self.flag(name)?,
        };
        Ok(Resolved {
            atom,
            negated: false,
        })
    }

    /// The flag that says a patient died, if the schema has one.
    pub fn deceased(&self) -> Option<(usize, CellId)> {
        let index = self
            .schema
            .attributes()
            .iter()
            .position(|a| matches!(a.kind, Kind::Flag(FlagSource::Deceased)))?;
        Some((index, self.layout.first_cell(index)?))
    }

    /// Whether a criterion says anything about the patient's death.
    pub fn mentions_death(&self, criterion: &Criterion) -> bool {
        self.schema.attributes().iter().any(|a| {
            a.name == criterion.name().node
                && matches!(
                    a.kind,
                    Kind::Flag(FlagSource::Deceased) | Kind::Date(DateSource::DeathDate)
                )
        })
    }

    fn find(&self, name: &Name) -> Resolution<Found<'a>> {
        let position = self
            .schema
            .attributes()
            .iter()
            .position(|a| a.name == name.node)
            .or_else(|| (name.node == AGE).then(|| self.birth_date()).flatten());
        let found = position.and_then(|index| {
            Some(Found {
                index,
                cell: self.layout.first_cell(index)?,
                kind: &self.schema.attributes().get(index)?.kind,
            })
        });
        match found {
            Some(found) => {
                if let Kind::Family(_) = found.kind {
                    return Err(is_group(name));
                }
                Ok(found)
            }
            None if self.families(&name.node).next().is_some() => Err(is_group(name)),
            None => Err(self.unknown(name)),
        }
    }

    fn birth_date(&self) -> Option<usize> {
        self.schema
            .attributes()
            .iter()
            .position(|a| matches!(a.kind, Kind::Date(DateSource::BirthDate)))
    }

    /// `age`, unless the schema has an attribute of that very name.
    fn is_age(&self, name: &Name) -> bool {
        name.node == AGE && self.schema.attributes().iter().all(|a| a.name != AGE)
    }

    fn unknown(&self, name: &Name) -> Diagnostic {
        let names = self.schema.attributes().iter().map(|a| a.name.as_str());
        let names = names.chain(core::iter::once(AGE));
        Diagnostic::error(
            name.span,
            format!(
                "the schema `{}` has no attribute `{}`",
                self.schema.name(),
                name.node
            ),
        )
        .with_maybe_help(suggestion(&name.node, names))
    }

    fn families(&self, group: &str) -> impl Iterator<Item = (usize, &'a Family)> {
        let attributes = self.schema.attributes();
        let named = attributes
            .iter()
            .any(|a| matches!(&a.kind, Kind::Family(f) if f.group == group));
        attributes
            .iter()
            .enumerate()
            .filter_map(move |(i, a)| match &a.kind {
                Kind::Family(f) if f.group == group || (!named && a.name == group) => Some((i, f)),
                _ => None,
            })
    }

    fn compare(
        &self,
        name: &Name,
        sides: &[(Comparator, &Spanned<Operand>)],
        window: Option<&Spanned<Window>>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Resolution<Atom> {
        let found = self.find(name)?;
        if self.is_age(name) {
            no_window(name, window)?;
            return age(&found, sides);
        }
        let ranges = match found.kind {
            Kind::Number(number) => {
                let mut all = vec![CellRange::present(number.width)];
                for (comparator, operand) in sides {
                    let (value, span) = number_operand(name, number, operand, warnings)?;
                    let found: Vec<_> = bounds(*comparator, value, number.scale)
                        .map_err(|_| finer(name, number, value, span))?
                        .into_iter()
                        .filter_map(|b| number_cells(number, b))
                        .collect();
                    all = intersection(&all, &found);
                }
                all
            }
            Kind::Date(_) => {
                no_window(name, window)?;
                let mut all = vec![CellRange::present(CIVIL_BITS as u8)];
                for (comparator, operand) in sides {
                    let day = date_operand(name, operand)?;
                    all = intersection(&all, &date_ranges(*comparator, day));
                }
                all
            }
            Kind::Choice(choice) => {
                let [(comparator, operand)] = sides else {
                    return Err(Diagnostic::error(
                        name.span,
                        format!("`{name}` is one of a list of values and has no order"),
                    ));
                };
                choice_ranges(name, choice, *comparator, operand)?
            }
            Kind::Flag(_) | Kind::Family(_) => {
                return Err(Diagnostic::error(
                    name.span,
                    format!("`{name}` is true or false and cannot be compared"),
                )
                .with_help(format!("write `{name}` or `not {name}`")));
            }
        };
        self.value(name, &found, ranges, window)
    }

    fn between(
        &self,
        name: &Name,
        low: &Spanned<Operand>,
        high: &Spanned<Operand>,
        window: Option<&Spanned<Window>>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Resolution<Atom> {
        // `between 40 and 80 years`: the unit stands for both.
        let mut shared = low.clone();
        if let (Operand::Number { unit, .. }, Operand::Number { unit: Some(u), .. }) =
            (&mut shared.node, &high.node)
        {
            unit.get_or_insert_with(|| u.clone());
        }
        self.compare(
            name,
            &[(Comparator::AtLeast, &shared), (Comparator::AtMost, high)],
            window,
            warnings,
        )
    }

    fn among(
        &self,
        name: &Name,
        none: bool,
        values: &[Name],
        window: Option<&Spanned<Window>>,
    ) -> Resolution<Atom> {
        let found = self.find(name)?;
        let Kind::Choice(choice) = found.kind else {
            return Err(Diagnostic::error(
                name.span,
                format!("`{name}` is not one of a list of values"),
            )
            .with_help(format!("use `{name} between .. and ..` or a comparison")));
        };
        let positions = values
            .iter()
            .map(|v| position(name, choice, &v.node, v.span))
            .collect::<Resolution<Vec<_>>>()?;
        let ranges = choice_cells(choice, |i| positions.contains(&i) != none);
        self.value(name, &found, ranges, window)
    }

    fn presence(
        &self,
        name: &Name,
        present: bool,
        window: Option<&Spanned<Window>>,
    ) -> Resolution<Atom> {
        if self.families(&name.node).next().is_some() {
            let word = if present { "any" } else { "no" };
            return Err(
                Diagnostic::error(name.span, format!("`{name}` is a group of codes"))
                    .with_help(format!("write `{word} {name}`")),
            );
        }
        let found = self.find(name)?;
        if let (false, Some(window)) = (present, window) {
            return Err(Diagnostic::error(
                window.span,
                "`absent` asks about the whole record and takes no window",
            )
            .with_help(format!("write `not (present {name} {window})`")));
        }
        if self.is_age(name) || matches!(found.kind, Kind::Date(_)) {
            no_window(name, window)?;
        }
        let ranges = vec![CellRange::present(self.width(&found))];
        self.value(name, &found, ranges, window)
    }

    fn dated(&self, name: &Name, window: &Spanned<Window>) -> Resolution<Atom> {
        let found = self.find(name)?;
        if !matches!(found.kind, Kind::Date(_)) || self.is_age(name) {
            return Err(Diagnostic::error(
                window.span,
                format!("a window follows a criterion, and `{name}` alone is none"),
            )
            .with_help(format!("write `present {name} {window}`, or a comparison")));
        }
        Ok(match civil_window(window)? {
            Onset::Elapsed { least, most } => Atom::Elapsed {
                attribute: found.index,
                cell: found.cell,
                spans: vec![(least, most)],
            },
            Onset::Between { lo, hi } => {
                let range = CellRange::clamped(lo.into(), hi.into(), CIVIL_BITS as u8);
                self.value(name, &found, range.into_iter().collect(), None)?
            }
        })
    }

    fn flag(&self, name: &Name) -> Resolution<Atom> {
        let found = self.find(name)?;
        if !matches!(found.kind, Kind::Flag(_)) {
            return Err(
                Diagnostic::error(name.span, format!("`{name}` alone is no criterion"))
                    .with_help(format!("compare it, or write `present {name}`")),
            );
        }
        let ranges = CellRange::clamped(2, 2, FLAG_BITS).into_iter().collect();
        self.value(name, &found, ranges, None)
    }

    fn width(&self, found: &Found<'_>) -> u8 {
        self.layout.place(found.cell).map_or(0, |p| p.width)
    }

    fn value(
        &self,
        name: &Name,
        found: &Found<'_>,
        ranges: Vec<CellRange>,
        window: Option<&Spanned<Window>>,
    ) -> Resolution<Atom> {
        let date = match window {
            None => None,
            Some(window) => {
                let cell = self.layout.date_cell(found.index).ok_or_else(|| {
                    Diagnostic::error(
                        window.span,
                        format!("the schema does not keep the date of `{name}`"),
                    )
                    .with_help("leave the window out, or use a schema that keeps the date")
                })?;
                Some((cell, civil_window(window)?))
            }
        };
        Ok(Atom::Value {
            attribute: found.index,
            cell: found.cell,
            ranges,
            date,
        })
    }
}

fn no_window(name: &Name, window: Option<&Spanned<Window>>) -> Resolution<()> {
    match window {
        None => Ok(()),
        Some(window) => Err(Diagnostic::error(
            window.span,
            format!("`{name}` is not observed at a date and takes no window"),
        )),
    }
}
