//! What attributes are compared with.

use super::{Atom, Found, MOST_ELAPSED, Resolution};
use crate::{
    civil::{CIVIL_BITS, CivilDay},
    requirement::{
        constant::Constant,
        diagnostic::{Diagnostic, Span, suggestion},
        parse::calendar,
        ranges::{CellRange, merged},
        syntax::{Calendar, Comparator, Name, Operand, Spanned},
    },
    schema::{Choice, Number},
};

pub(super) fn intersection(a: &[CellRange], b: &[CellRange]) -> Vec<CellRange> {
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

/// A number in the attribute's own unit; from another unit, converted and rounded as records are.
pub(super) fn number_operand(
    name: &Name,
    number: &Number,
    operand: &Spanned<Operand>,
    warnings: &mut Vec<Diagnostic>,
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
    let (converted, exact) = value.in_unit(input, number.scale).map_err(|e| {
        Diagnostic::error(
            operand.span,
            format!("cannot convert to `{}`: {e}", number.unit),
        )
    })?;
    if !exact {
        let own = &number.unit;
        let rounded = format!("{value} {unit} is compared as {converted} {own}");
        warnings.push(
            Diagnostic::warning(operand.span, rounded)
                .with_help("it is converted and rounded as the values of records are"),
        );
    }
    Ok((converted, operand.span))
}

pub(super) fn finer(name: &Name, number: &Number, value: Constant, span: Span) -> Diagnostic {
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

pub(super) fn date_operand(name: &Name, operand: &Spanned<Operand>) -> Resolution<CivilDay> {
    match operand.node {
        Operand::Date(day) => Ok(day),
        _ => Err(
            Diagnostic::error(operand.span, format!("`{name}` is compared with a date"))
                .with_help("write a date as YYYY-MM-DD"),
        ),
    }
}

pub(super) fn date_ranges(comparator: Comparator, day: CivilDay) -> Vec<CellRange> {
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

pub(super) fn position(name: &Name, choice: &Choice, value: &str, span: Span) -> Resolution<usize> {
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

pub(super) fn choice_cells(choice: &Choice, take: impl Fn(usize) -> bool) -> Vec<CellRange> {
    let cell = |i: usize| CellRange::clamped(i as i128 + 1, i as i128 + 1, choice.width);
    merged(
        (0..choice.values.len())
            .filter(|i| take(*i))
            .filter_map(cell)
            .collect(),
    )
}

pub(super) fn choice_ranges(
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
pub(super) fn age(
    found: &Found<'_>,
    sides: &[(Comparator, &Spanned<Operand>)],
) -> Resolution<Atom> {
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

pub(super) fn age_operand(operand: &Spanned<Operand>) -> Resolution<(i64, Calendar)> {
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
