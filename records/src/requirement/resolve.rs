//! What each criterion means over a schema: names become cells, constants become bounds.

use super::{
    constant::Constant,
    diagnostic::{Diagnostic, Span, suggestion},
    parse::calendar,
    ranges::{self, CellRange, CodeRangeError, bounds, merged, number_cells},
    syntax::{
        Calendar, CodeRange, Comparator, Criterion, Name, Operand, Quantifier, Spanned, Window,
    },
};
use crate::{
    cell::{CellId, FLAG_BITS, FamilyCells, Layout},
    civil::{CIVIL_BITS, CivilDay},
    code::CodeError,
    program::Onset,
    schema::{Choice, Coding, DateSource, Family, FlagSource, Kind, Number, Schema},
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
    pub fn resolve(&self, criterion: &Criterion) -> Resolution<Resolved> {
        let atom = match criterion {
            Criterion::Compare {
                name,
                comparator,
                operand,
                window,
            } => self.compare(name, &[(*comparator, operand)], window.as_ref())?,
            Criterion::Between {
                name,
                low,
                high,
                window,
            } => self.between(name, low, high, window.as_ref())?,
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
                    let (value, span) = number_operand(name, number, operand)?;
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

    fn codes(
        &self,
        quantifier: Quantifier,
        group: &Name,
        codes: &[Spanned<CodeRange>],
        window: Option<&Spanned<Window>>,
    ) -> Resolution<Atom> {
        let known: Vec<_> = self.families(&group.node).collect();
        if known.is_empty() {
            return Err(self.no_group(group));
        }
        if let (Quantifier::No, Some(window)) = (quantifier, window) {
            return Err(no_within(window.span));
        }
        let mut asked: Vec<(usize, &Family, Vec<CellRange>)> = if codes.is_empty() {
            let all = |f: &Family| vec![CellRange::present(f.coding.width())];
            known.iter().map(|(i, f)| (*i, *f, all(f))).collect()
        } else {
            known.iter().map(|(i, f)| (*i, *f, Vec::new())).collect()
        };
        for code in codes {
            let (_, family, ranges) = asked
                .iter_mut()
                .find(|(_, f, _)| f.prefix == code.node.prefix)
                .ok_or_else(|| unknown_prefix(group, &known, code))?;
            ranges.push(code_range(family.coding, code)?);
        }
        let onset = window.map(civil_window).transpose()?;
        let mut families = Vec::new();
        for (attribute, family, ranges) in asked.into_iter().filter(|(_, _, r)| !r.is_empty()) {
            if let (Some(window), false) = (window, family.onset) {
                return Err(Diagnostic::error(
                    window.span,
                    format!(
                        "the schema does not keep when a `{}:` {group} began",
                        family.prefix
                    ),
                )
                .with_help("leave the window out, or use a schema whose family keeps onsets"));
            }
            let Some(cells) = self.layout.family(self.schema, attribute) else {
                return Err(self.no_group(group));
            };
            families.push(FamilyRanges {
                attribute,
                cells,
                ranges: merged(ranges),
            });
        }
        Ok(Atom::Codes {
            quantifier,
            families,
            onset,
        })
    }

    fn no_group(&self, group: &Name) -> Diagnostic {
        let groups = self
            .schema
            .attributes()
            .iter()
            .filter_map(|a| match &a.kind {
                Kind::Family(f) => Some(f.group.as_str()),
                _ => None,
            });
        let exists = self
            .schema
            .attributes()
            .iter()
            .any(|a| a.name == group.node);
        let help = if exists || group.node == AGE {
            Some(format!(
                "`any` and `no` ask for codes; write `present {group}`"
            ))
        } else {
            suggestion(&group.node, groups)
        };
        Diagnostic::error(
            group.span,
            format!(
                "the schema `{}` has no group of codes `{group}`",
                self.schema.name()
            ),
        )
        .with_maybe_help(help)
    }
}

fn is_group(name: &Name) -> Diagnostic {
    Diagnostic::error(name.span, format!("`{name}` is a group of codes"))
        .with_help(format!("write `any {name} in ..` or `no {name} in ..`"))
}

/// Why an exclusion cannot look at a window.
pub(crate) fn no_within(span: Span) -> Diagnostic {
    Diagnostic::error(
        span,
        "that codes are missing cannot be asked within a window",
    )
    .with_help(
        "an absent code has no date; leave the window out to ask that the code was never recorded",
    )
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

fn unknown_prefix(
    group: &Name,
    known: &[(usize, &Family)],
    code: &Spanned<CodeRange>,
) -> Diagnostic {
    let prefixes: Vec<_> = known.iter().map(|(_, f)| f.prefix.as_str()).collect();
    let span = Span::new(code.span.start, code.span.start + code.node.prefix.len());
    let help = suggestion(&code.node.prefix, prefixes.iter().copied())
        .unwrap_or_else(|| format!("`{group}` has {}", prefixes.join(", ")));
    Diagnostic::error(
        span,
        format!(
            "`{group}` has no codes of the system `{}`",
            code.node.prefix
        ),
    )
    .with_help(help)
}

fn code_range(coding: Coding, code: &Spanned<CodeRange>) -> Resolution<CellRange> {
    let CodeRange { from, to, .. } = &code.node;
    ranges::code_cells(coding, from, to.as_deref()).map_err(|e| {
        let help = match (e, coding) {
            (CodeRangeError::Numeric, _) => "list the codes one by one",
            (CodeRangeError::Code(CodeError::Order), _) => "put the lower code first",
            (_, Coding::Base37) => "a code has at most 7 letters and digits, such as `I63.9`",
            (_, Coding::Numeric) => "a code is a whole number; numeric codes have no ranges",
        };
        Diagnostic::error(code.span, format!("`{}`: {e}", code.node)).with_help(help)
    })
}

/// A window in civil units or cells.
fn civil_window(window: &Spanned<Window>) -> Resolution<Onset> {
    let cell = |day: CivilDay| day.number() + 1;
    let counted = |least: u32, most: u32, unit: Calendar| {
        let (least, most) = (
            u64::from(least) * u64::from(unit.civil_units()),
            u64::from(most) * u64::from(unit.civil_units()),
        );
        match (u32::try_from(least), u32::try_from(most)) {
            (Ok(least), Ok(most)) if least <= most && most <= MOST_ELAPSED => {
                Ok(Onset::Elapsed { least, most })
            }
            _ => Err(Diagnostic::error(
                window.span,
                "the window is longer than 704 years, or ends before it begins",
            )),
        }
    };
    match window.node {
        Window::Within { count: 0, .. } => {
            Err(Diagnostic::error(window.span, "a window of no length")
                .with_help("the shortest is `within 1 month`"))
        }
        Window::Within { count, unit } => counted(0, count, unit),
        Window::Ago { least, most, unit } => counted(least, most, unit),
        Window::Between { from, to } if from > to => Err(Diagnostic::error(
            window.span,
            "the window ends before it begins",
        )
        .with_help(format!("write `from {to} to {from}`"))),
        Window::Between { from, to } => Ok(Onset::Between {
            lo: cell(from),
            hi: cell(to),
        }),
        Window::Since(from) => Ok(Onset::Between {
            lo: cell(from),
            hi: MOST_ELAPSED,
        }),
        Window::Until(to) => Ok(Onset::Between {
            lo: 1,
            hi: cell(to),
        }),
    }
}

fn intersection(a: &[CellRange], b: &[CellRange]) -> Vec<CellRange> {
    let cut = |x: &CellRange, y: &CellRange| {
        let (lo, hi) = (x.lo().max(y.lo()), x.hi().min(y.hi()));
        CellRange::clamped(lo.into(), hi.into(), 63)
    };
    merged(
        a.iter()
            .flat_map(|x| b.iter().filter_map(move |y| cut(x, y)))
            .collect(),
    )
}

/// A number in the attribute's own unit.
fn number_operand(
    name: &Name,
    number: &Number,
    operand: &Spanned<Operand>,
) -> Resolution<(Constant, Span)> {
    let Operand::Number { value, unit } = &operand.node else {
        return Err(
            Diagnostic::error(operand.span, format!("`{name}` is compared with a number"))
                .with_help(format!("write a number and the unit `{}`", number.unit)),
        );
    };
    let Some(unit) = unit else {
        if number.unit == "1" {
            return Ok((*value, operand.span));
        }
        return Err(Diagnostic::error(
            operand.span,
            format!(
                "`{name}` is kept in `{}`, and this number has no unit",
                number.unit
            ),
        )
        .with_help(format!("write `{value} {}`", number.unit)));
    };
    if unit.node == number.unit {
        return Ok((*value, operand.span));
    }
    let Some(input) = number.inputs.iter().find(|i| i.code == unit.node) else {
        let units: Vec<_> = number.inputs.iter().map(|i| i.code.as_str()).collect();
        let help = suggestion(&unit.node, units.iter().copied())
            .unwrap_or_else(|| format!("it is kept in `{}`", units.join("`, or read in `")));
        return Err(Diagnostic::error(
            unit.span,
            format!("`{}` is no unit of `{name}`", unit.node),
        )
        .with_help(help));
    };
    let converted = value.in_unit(input).map_err(|e| {
        Diagnostic::error(
            operand.span,
            format!("cannot convert to `{}`: {e}", number.unit),
        )
    })?;
    Ok((converted, operand.span))
}

fn finer(name: &Name, number: &Number, value: Constant, span: Span) -> Diagnostic {
    let digits = match number.scale {
        0 => "without decimals".to_owned(),
        1 => "with one decimal".to_owned(),
        n => format!("with {n} decimals"),
    };
    let (floor, ceil) = value.scaled(number.scale);
    let near = |n| Constant::from_parts(n, number.scale.into()).map(|d| d.to_string());
    let help = match (near(floor), near(ceil)) {
        (Ok(a), Ok(b)) => format!("write `{a} {unit}` or `{b} {unit}`", unit = number.unit),
        _ => "write fewer decimals".to_owned(),
    };
    Diagnostic::error(
        span,
        format!(
            "`{name}` is kept in `{}` {digits}, and {value} is finer",
            number.unit
        ),
    )
    .with_help(help)
}

fn date_operand(name: &Name, operand: &Spanned<Operand>) -> Resolution<CivilDay> {
    match operand.node {
        Operand::Date(day) => Ok(day),
        _ => Err(
            Diagnostic::error(operand.span, format!("`{name}` is compared with a date"))
                .with_help("write a date as YYYY-MM-DD"),
        ),
    }
}

fn date_ranges(comparator: Comparator, day: CivilDay) -> Vec<CellRange> {
    let cell = i128::from(day.number()) + 1;
    let width = CIVIL_BITS as u8;
    let below = || CellRange::clamped(1, cell - 1, width);
    let above = || CellRange::clamped(cell + 1, i128::MAX, width);
    let same = CellRange::clamped(cell, cell, width);
    let parts = match comparator {
        Comparator::Less => [below(), None],
        Comparator::AtMost => [below(), same],
        Comparator::Greater => [above(), None],
        Comparator::AtLeast => [above(), same],
        Comparator::Equal => [same, None],
        Comparator::Unequal => [below(), above()],
    };
    merged(parts.into_iter().flatten().collect())
}

fn position(name: &Name, choice: &Choice, value: &str, span: Span) -> Resolution<usize> {
    choice
        .values
        .iter()
        .position(|v| v.name == value)
        .ok_or_else(|| {
            let names: Vec<_> = choice.values.iter().map(|v| v.name.as_str()).collect();
            let help = suggestion(value, names.iter().copied())
                .unwrap_or_else(|| format!("it is one of {}", names.join(", ")));
            Diagnostic::error(span, format!("`{name}` has no value `{value}`")).with_help(help)
        })
}

fn choice_cells(choice: &Choice, take: impl Fn(usize) -> bool) -> Vec<CellRange> {
    let cell = |i: usize| CellRange::clamped(i as i128 + 1, i as i128 + 1, choice.width);
    merged(
        (0..choice.values.len())
            .filter(|i| take(*i))
            .filter_map(cell)
            .collect(),
    )
}

fn choice_ranges(
    name: &Name,
    choice: &Choice,
    comparator: Comparator,
    operand: &Spanned<Operand>,
) -> Resolution<Vec<CellRange>> {
    let Operand::Word(word) = &operand.node else {
        let names: Vec<_> = choice.values.iter().map(|v| v.name.as_str()).collect();
        return Err(Diagnostic::error(
            operand.span,
            format!("`{name}` is compared with one of its values"),
        )
        .with_help(format!("it is one of {}", names.join(", "))));
    };
    let wanted = position(name, choice, word, operand.span)?;
    match comparator {
        Comparator::Equal => Ok(choice_cells(choice, |i| i == wanted)),
        Comparator::Unequal => Ok(choice_cells(choice, |i| i != wanted)),
        _ => Err(Diagnostic::error(
            operand.span,
            format!("the values of `{name}` have no order"),
        )
        .with_help(format!("write `{name} = {word}` or `{name} in {word}, ..`"))),
    }
}

/// Age in completed years or months: `a` to `b` is `unit * a <= today - birth <= unit * (b+1) - 1`.
fn age(found: &Found<'_>, sides: &[(Comparator, &Spanned<Operand>)]) -> Resolution<Atom> {
    let most = i128::from(MOST_ELAPSED);
    let mut spans = vec![(0, most)];
    for (comparator, operand) in sides {
        let (a, unit) = age_operand(operand)?;
        let (a, unit) = (i128::from(a), i128::from(unit.civil_units()));
        let (from, to) = (a * unit, (a + 1) * unit - 1);
        let side = match comparator {
            Comparator::Less => vec![(0, from - 1)],
            Comparator::AtMost => vec![(0, to)],
            Comparator::Greater => vec![(to + 1, most)],
            Comparator::AtLeast => vec![(from, most)],
            Comparator::Equal => vec![(from, to)],
            Comparator::Unequal => vec![(0, from - 1), (to + 1, most)],
        };
        spans = spans
            .iter()
            .flat_map(|s| side.iter().map(move |t| (s.0.max(t.0), s.1.min(t.1))))
            .filter(|(least, most)| least <= most)
            .collect();
    }
    Ok(Atom::Elapsed {
        attribute: found.index,
        cell: found.cell,
        // Within 0 and 2^18 - 1 by the intersection with the first span.
        spans: spans.iter().map(|s| (s.0 as u32, s.1 as u32)).collect(),
    })
}

fn age_operand(operand: &Spanned<Operand>) -> Resolution<(i64, Calendar)> {
    let Operand::Number { value, unit } = &operand.node else {
        return Err(Diagnostic::error(
            operand.span,
            "age is compared with a number of years or months",
        ));
    };
    let Some(unit) = unit else {
        return Err(Diagnostic::error(operand.span, "this age has no unit")
            .with_help(format!("write `{value} years`")));
    };
    let unit = calendar(unit)?;
    match value.whole() {
        Some(whole) if whole.unsigned_abs() <= 1_000_000 => Ok((whole, unit)),
        _ => Err(Diagnostic::error(
            operand.span,
            format!(
                "age counts completed {}, and {value} is no whole number",
                unit.word(2)
            ),
        )
        .with_help("write whole years, or months")),
    }
}
