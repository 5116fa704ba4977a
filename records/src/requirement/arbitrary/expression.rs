//! Random expressions.

use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
    strategy::Union,
};

use super::{layout_of, near, near_elapsed};
use crate::{
    cell::{CellId, Cells, FamilyCells},
    civil::{CIVIL_BITS, CivilDay, MONTH, YEAR},
    code,
    requirement::{
        constant::Constant,
        resolve::AGE,
        syntax::{
            Calendar, CodeRange, Comparator, Criterion, Name, Node, Operand, Quantifier, Spanned,
            Window,
        },
    },
    schema::{Choice, Coding, DateSource, Family, Kind, Number, Schema},
};

type Leaf = BoxedStrategy<Criterion>;

/// Expressions that check against a schema, of up to some twenty criteria of every kind, with constants
/// near the values of a record.
pub fn arb_node(
    schema: &Schema,
    cells: &Cells,
    today: CivilDay,
) -> impl Strategy<Value = Node> + use<> {
    let leaves = arb_criterion(schema, cells, today).prop_map(Node::Criterion);
    let nested = leaves.prop_recursive(4, 20, 3, |part| {
        let parts = vec(part.clone().prop_map(Spanned::unwritten), 2..4);
        prop_oneof![
            2 => parts.clone().prop_map(Node::And),
            2 => parts.prop_map(Node::Or),
            1 => part.prop_map(|p| Node::Not(Box::new(Spanned::unwritten(p)))),
        ]
    });
    nested.prop_map(|mut node| {
        without_negated_windows(&mut node, true);
        node
    })
}

/// `no .. within` and `not any .. within` are refused: drops those windows.
fn without_negated_windows(node: &mut Node, positive: bool) {
    match node {
        Node::And(parts) | Node::Or(parts) => {
            for part in parts {
                without_negated_windows(&mut part.node, positive);
            }
        }
        Node::Not(part) => without_negated_windows(&mut part.node, !positive),
        Node::Criterion(Criterion::Codes { window, .. }) if !positive => *window = None,
        Node::Criterion(_) => {}
    }
}

/// One criterion over a schema.
pub fn arb_criterion(
    schema: &Schema,
    cells: &Cells,
    today: CivilDay,
) -> impl Strategy<Value = Criterion> + use<> {
    let layout = layout_of(schema);
    let mut leaves: Vec<Leaf> = Vec::new();
    let mut age = schema.attributes().iter().all(|a| a.name != AGE);
    for (i, attribute) in schema.attributes().iter().enumerate() {
        let Some(cell) = layout.first_cell(i) else {
            continue;
        };
        let name = Spanned::unwritten(attribute.name.clone());
        let window = match layout.date_cell(i) {
            Some(date) => arb_window(cells.get(date), today),
            None => Just(None).boxed(),
        };
        let value = cells.get(cell);
        match &attribute.kind {
            Kind::Number(n) => leaves.push(arb_number(name.clone(), n, value, &window)),
            Kind::Choice(c) => leaves.push(arb_choice(name.clone(), c, &window)),
            Kind::Date(source) => {
                leaves.push(arb_date(name.clone(), value, today));
                if core::mem::take(&mut age) && *source == DateSource::BirthDate {
                    leaves.push(arb_age(value, today));
                } else {
                    // `age` means the first date of birth.
                    age |= *source != DateSource::BirthDate;
                }
            }
            Kind::Flag(_) => leaves.push(Just(Criterion::Flag { name: name.clone() }).boxed()),
            Kind::Family(f) => {
                if let Some(family) = layout.family(schema, i) {
                    leaves.push(arb_codes(schema, f, family, cells, today));
                }
                continue;
            }
        }
        leaves.push(arb_presence(name, &window));
    }
    Union::new(leaves)
}

fn arb_presence(name: Name, window: &BoxedStrategy<Option<Window>>) -> Leaf {
    (any::<bool>(), window.clone())
        .prop_map(move |(present, window)| Criterion::Presence {
            name: name.clone(),
            present,
            window: window.filter(|_| present).map(Spanned::unwritten),
        })
        .boxed()
}

fn arb_comparator() -> impl Strategy<Value = Comparator> {
    select(vec![
        Comparator::Less,
        Comparator::AtMost,
        Comparator::Greater,
        Comparator::AtLeast,
        Comparator::Equal,
        Comparator::Unequal,
    ])
}

fn compare(
    name: &Name,
    comparator: Comparator,
    operand: Operand,
    window: Option<Window>,
) -> Criterion {
    Criterion::Compare {
        name: name.clone(),
        comparator,
        operand: Spanned::unwritten(operand),
        window: window.map(Spanned::unwritten),
    }
}

fn between(name: &Name, low: Operand, high: Operand, window: Option<Window>) -> Criterion {
    Criterion::Between {
        name: name.clone(),
        low: Spanned::unwritten(low),
        high: Spanned::unwritten(high),
        window: window.map(Spanned::unwritten),
    }
}

fn quantity(scaled: i128, scale: u8, unit: &str) -> Operand {
    // Values of at most 40 bits and scales of at most 9 have fewer than 18 digits.
    let value = Constant::from_parts(scaled, scale.into()).unwrap_or(Constant::ZERO);
    Operand::Number {
        value,
        unit: (unit != "1").then(|| Spanned::unwritten(unit.to_owned())),
    }
}

fn arb_number(
    name: Name,
    number: &Number,
    value: u64,
    window: &BoxedStrategy<Option<Window>>,
) -> Leaf {
    let (scale, min, unit) = (number.scale, i128::from(number.min), number.unit.clone());
    // Two beyond either end of what can be kept.
    let constant = near(value, (1 << number.width) + 1)
        .prop_map(move |cell| quantity(i128::from(cell) - 2 + min, scale, &unit))
        .boxed();
    (
        arb_comparator(),
        constant.clone(),
        option::weighted(0.3, constant),
        window.clone(),
    )
        .prop_map(move |(comparator, a, b, window)| match b {
            Some(b) => between(&name, a, b, window),
            None => compare(&name, comparator, a, window),
        })
        .boxed()
}

fn arb_choice(name: Name, choice: &Choice, window: &BoxedStrategy<Option<Window>>) -> Leaf {
    let names: Vec<_> = choice.values.iter().map(|v| v.name.clone()).collect();
    let some = subsequence(names.clone(), 1..=names.len());
    (some, any::<bool>(), any::<bool>(), window.clone())
        .prop_map(move |(some, none, one, window)| {
            let comparator = if none {
                Comparator::Unequal
            } else {
                Comparator::Equal
            };
            match some.first() {
                Some(first) if one => {
                    compare(&name, comparator, Operand::Word(first.clone()), window)
                }
                _ => Criterion::Among {
                    name: name.clone(),
                    none,
                    values: some.into_iter().map(Spanned::unwritten).collect(),
                    window: window.map(Spanned::unwritten),
                },
            }
        })
        .boxed()
}

/// A calendar day near a date cell.
fn arb_day(cell: u64) -> impl Strategy<Value = CivilDay> {
    near(cell, (1 << CIVIL_BITS) - 1).prop_filter_map("a calendar day", |cell| {
        CivilDay::from_number(u32::try_from(cell.checked_sub(1)?).ok()?).ok()
    })
}

fn arb_date(name: Name, value: u64, today: CivilDay) -> Leaf {
    let (n, m, o) = (name.clone(), name.clone(), name);
    let compared = (arb_comparator(), arb_day(value))
        .prop_map(move |(c, day)| compare(&n, c, Operand::Date(day), None));
    let ranged = (arb_day(value), arb_day(value))
        .prop_map(move |(a, b)| between(&m, Operand::Date(a), Operand::Date(b), None));
    let dated = arb_window(value, today).prop_filter_map("a window", move |window| {
        Some(Criterion::Dated {
            name: o.clone(),
            window: Spanned::unwritten(window?),
        })
    });
    prop_oneof![compared, ranged, dated].boxed()
}

fn arb_age(birth: u64, today: CivilDay) -> Leaf {
    let since = (u64::from(today.number()) + 1).saturating_sub(birth);
    let unit = select(vec![("years", YEAR), ("months", MONTH)]);
    unit.prop_flat_map(move |(word, length)| {
        let count = near(since / u64::from(length), 1000)
            .prop_map(move |n| quantity(i128::from(n), 0, word))
            .boxed();
        (
            arb_comparator(),
            count.clone(),
            option::weighted(0.3, count),
        )
    })
    .prop_map(|(comparator, a, b)| {
        let name = Spanned::unwritten(AGE.to_owned());
        match b {
            Some(b) => between(&name, a, b, None),
            None => compare(&name, comparator, a, None),
        }
    })
    .boxed()
}

/// No window, or one near a date.
fn arb_window(date: u64, today: CivilDay) -> BoxedStrategy<Option<Window>> {
    let unit = select(vec![Calendar::Months, Calendar::Years]);
    let relative = (near_elapsed(date, today), unit, any::<bool>()).prop_map(
        |((least, most), unit, within)| {
            let count = |units: u32| (units / unit.civil_units()).min(9999);
            if within {
                let count = count(most).max(1);
                Window::Within { count, unit }
            } else {
                let (least, most) = (count(least), count(most));
                Window::Ago { least, most, unit }
            }
        },
    );
    let absolute = (arb_day(date), arb_day(date)).prop_map(|(a, b)| Window::Between {
        from: a.min(b),
        to: a.max(b),
    });
    prop_oneof![
        4 => Just(None),
        2 => relative.prop_map(Some),
        1 => absolute.prop_map(Some),
        1 => arb_day(date).prop_map(|d| Some(Window::Since(d))),
        1 => arb_day(date).prop_map(|d| Some(Window::Until(d))),
    ]
    .boxed()
}

/// A quantifier over a group, with codes of one of its families.
fn arb_codes(
    schema: &Schema,
    family: &Family,
    family_cells: FamilyCells,
    cells: &Cells,
    today: CivilDay,
) -> Leaf {
    let read =
        |ids: &mut dyn Iterator<Item = CellId>| -> Vec<u64> { ids.map(|c| cells.get(c)).collect() };
    let present = read(&mut family_cells.codes());
    let onset = family_cells
        .onsets()
        .and_then(|mut o| o.find(|c| cells.get(*c) != 0));
    let onset = onset.map_or(0, |c| cells.get(c));
    // A window needs the onsets of every family of the group when no code is named.
    let group_has_onsets = schema.attributes().iter().all(|a| match &a.kind {
        Kind::Family(f) => f.group != family.group || f.onset,
        _ => true,
    });
    let (group, own_onset) = (family.group.clone(), family.onset);
    let codes = vec(arb_code(family, present), 0..4);
    let quantifier = select(vec![Quantifier::Any, Quantifier::No]);
    (quantifier, codes, arb_window(onset, today))
        .prop_map(move |(quantifier, codes, window)| {
            let dated = if codes.is_empty() {
                group_has_onsets
            } else {
                own_onset
            };
            let window = window.filter(|_| dated && quantifier == Quantifier::Any);
            Criterion::Codes {
                quantifier,
                group: Spanned::unwritten(group.clone()),
                codes: codes.into_iter().map(Spanned::unwritten).collect(),
                window: window.map(Spanned::unwritten),
            }
        })
        .boxed()
}

fn arb_code(family: &Family, present: Vec<u64>) -> impl Strategy<Value = CodeRange> + use<> {
    let (prefix, coding) = (family.prefix.clone(), family.coding);
    let most = (1u64 << coding.width()) - 1;
    let texts: Vec<String> = present
        .iter()
        .filter_map(|cell| code::decode(coding, cell.checked_sub(1)?))
        .collect();
    let random = match coding {
        Coding::Base37 => "[A-Z][0-9]{1,2}[0-9A-Z]{0,4}".boxed(),
        Coding::Numeric => (1..most - 1).prop_map(|n| n.to_string()).boxed(),
    };
    let close = if texts.is_empty() {
        random.clone()
    } else {
        (select(texts), 1..=code::MAX_CHARACTERS)
            .prop_map(move |(text, n)| match coding {
                Coding::Base37 => text.chars().take(n).collect(),
                Coding::Numeric => text,
            })
            .boxed()
    };
    let text = prop_oneof![2 => close, 1 => random];
    (text.clone(), option::weighted(0.2, text)).prop_map(move |(from, to)| {
        let ranged = |to: &String| coding == Coding::Base37 && from.to_uppercase() <= *to;
        CodeRange {
            prefix: prefix.clone(),
            to: to
                .filter(ranged)
                .filter(|_| !from.starts_with(|c: char| c.is_ascii_digit())),
            from,
        }
    })
}
