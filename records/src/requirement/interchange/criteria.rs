//! From checked criteria to questions about codes.

use super::{
    model::{Coding, Filter, Quantity, Question, Report, Wanted},
    vocabulary::{self, Scalar, Vocabulary},
};
use crate::{
    requirement::{
        constant::Constant,
        criteria::Criteria,
        lower::{Literal, Tree},
        ranges::{code_cells, prefixes},
        resolve::{AGE, Atom},
        syntax::{
            Calendar, CodeRange, Comparator, Criterion, Operand, Quantifier, Spanned, Window,
        },
    },
    schema::{Choice, Family, Kind},
};

/// Most codes that a range of codes is written as.
const MOST_CODES: usize = 200;

type Reason = String;

/// The criteria as questions. What cannot be asked is reported, with everything that would change its
/// meaning without it.
pub(super) fn wanted(criteria: &Criteria, report: &mut Report) -> Wanted {
    let writer = Writer {
        criteria,
        vocabulary: Vocabulary {
            schema: criteria.schema(),
        },
    };
    // A conjunction may lose parts; nothing else may.
    let parts = match criteria.tree() {
        Tree::All { parts, .. } => parts.as_slice(),
        other => core::slice::from_ref(other),
    };
    let parts = parts.iter().filter_map(|p| {
        let written = writer.tree(p);
        written
            .map_err(|reason| report.unsupported(p.text(), p.text().to_owned(), reason))
            .ok()
    });
    Wanted::All(parts.collect())
}

struct Writer<'a> {
    criteria: &'a Criteria,
    vocabulary: Vocabulary<'a>,
}

impl Writer<'_> {
    fn tree(&self, tree: &Tree) -> Result<Wanted, Reason> {
        let each = |parts: &[Tree]| -> Result<Vec<_>, Reason> {
            parts.iter().map(|p| self.tree(p)).collect()
        };
        match tree {
            Tree::All { parts, .. } => Ok(Wanted::All(each(parts)?)),
            Tree::Any { parts, .. } => Ok(Wanted::Any(each(parts)?)),
            Tree::Literal(literal) => self.literal(literal),
        }
    }

    fn literal(&self, literal: &Literal) -> Result<Wanted, Reason> {
        let Some(criterion) = &literal.criterion else {
            return Err("it is implied".to_owned());
        };
        let wanted = match (criterion, &literal.atom) {
            (Criterion::Codes { .. }, Atom::Codes { quantifier, .. }) => {
                let some = Wanted::One(self.codes(criterion, &literal.text)?);
                return Ok(match quantifier {
                    Quantifier::Any => some,
                    Quantifier::No => some.not(),
                });
            }
            (_, Atom::Value { attribute, .. } | Atom::Elapsed { attribute, .. }) => {
                self.scalar(criterion, *attribute, &literal.text)?
            }
            _ => return Err("it has no codes".to_owned()),
        };
        Ok(if literal.negated {
            negation(wanted)
        } else {
            wanted
        })
    }

    fn scalar(
        &self,
        criterion: &Criterion,
        attribute: usize,
        text: &str,
    ) -> Result<Wanted, Reason> {
        let attributes = self.criteria.schema().attributes();
        let found = attributes.get(attribute);
        let Some(found) = found else {
            return Err("it has no attribute".to_owned());
        };
        let scalar = Scalar {
            index: attribute,
            name: &found.name,
            kind: &found.kind,
        };
        let is_age = criterion.name().node == AGE && found.name != AGE;
        let coding = if is_age {
            vocabulary::age()
        } else {
            self.vocabulary.code_of(scalar)
        };
        let coding = coding.ok_or_else(|| format!("no code means `{}`", found.name))?;
        let one = |filter, window: &Option<Spanned<Window>>| {
            Wanted::One(Question {
                place: text.to_owned(),
                about: vec![coding.clone()],
                group: None,
                filter,
                window: window.as_ref().map(|w| w.node),
            })
        };
        match criterion {
            Criterion::Compare {
                comparator: Comparator::Unequal,
                operand,
                window,
                ..
            } if !matches!(found.kind, Kind::Choice(_)) => {
                let equal = one(
                    Filter::Compare(Comparator::Equal, quantity(operand)?),
                    &None,
                );
                let present = if is_age {
                    // Present and not in the future.
                    let zero = Quantity {
                        value: Constant::ZERO,
                        unit: Some("a".to_owned()),
                    };
                    one(Filter::Compare(Comparator::AtLeast, zero), window)
                } else {
                    one(Filter::Present, window)
                };
                Ok(Wanted::All(vec![present, equal.not()]))
            }
            Criterion::Compare {
                comparator,
                operand,
                window,
                ..
            } => match &found.kind {
                Kind::Choice(choice) => concepts(choice, criterion, window, &one),
                _ => Ok(one(
                    Filter::Compare(*comparator, quantity(operand)?),
                    window,
                )),
            },
            Criterion::Between {
                low, high, window, ..
            } => {
                let high = quantity(high)?;
                let mut low = quantity(low)?;
                low.unit = low.unit.or_else(|| high.unit.clone());
                Ok(one(Filter::Range(Some(low), Some(high)), window))
            }
            Criterion::Among { window, .. } => match &found.kind {
                Kind::Choice(choice) => concepts(choice, criterion, window, &one),
                _ => Err("it is no list of values".to_owned()),
            },
            Criterion::Presence { .. } if matches!(found.kind, Kind::Flag(_)) => Err(format!(
                "whether `{}` is known cannot be told from its value",
                found.name
            )),
            // `absent` is a negated presence.
            Criterion::Presence { window, .. } => Ok(one(Filter::Present, window)),
            Criterion::Flag { .. } => Ok(one(Filter::Is(true), &None)),
            Criterion::Dated { .. } => Err("dates have no comparisons there".to_owned()),
            Criterion::Codes { .. } => Err("it has codes".to_owned()),
        }
    }

    fn codes(&self, criterion: &Criterion, text: &str) -> Result<Question, Reason> {
        let Criterion::Codes {
            group,
            codes,
            window,
            ..
        } = criterion
        else {
            return Err("it has no codes".to_owned());
        };
        let families: Vec<_> = self.vocabulary.families_of(&group.node).collect();
        let mut about = Vec::new();
        for code in codes {
            let family = families
                .iter()
                .find(|f| f.prefix == code.node.prefix)
                .ok_or_else(|| format!("`{group}` is one family; name its group"))?;
            about.extend(codings(family, &code.node)?);
        }
        if families.is_empty() {
            return Err(format!("`{group}` is one family; name its group"));
        }
        Ok(Question {
            place: text.to_owned(),
            about,
            group: Some(group.node.clone()),
            filter: Filter::Present,
            window: window.as_ref().map(|w| w.node),
        })
    }
}

/// A range of codes as codes that cover it.
fn codings(family: &Family, code: &CodeRange) -> Result<Vec<Coding>, Reason> {
    let coding = |code: String| Coding {
        system: family.system.clone(),
        code,
        display: None,
    };
    let Some(to) = &code.to else {
        return Ok(vec![coding(code.from.to_ascii_uppercase())]);
    };
    let range = code_cells(family.coding, &code.from, Some(to)).map_err(|e| e.to_string())?;
    let prefixes = prefixes(range, MOST_CODES)
        .ok_or_else(|| format!("`{code}` cannot be written as a list of codes"))?;
    Ok(prefixes.into_iter().map(coding).collect())
}

fn concepts(
    choice: &Choice,
    criterion: &Criterion,
    window: &Option<Spanned<Window>>,
    one: &impl Fn(Filter, &Option<Spanned<Window>>) -> Wanted,
) -> Result<Wanted, Reason> {
    let among: Vec<&str> = match criterion {
        Criterion::Among { values, .. } => values.iter().map(|v| v.node.as_str()).collect(),
        Criterion::Compare { operand, .. } => match &operand.node {
            Operand::Word(word) => vec![word],
            _ => return Err("it is compared with no value".to_owned()),
        },
        _ => return Err("it is no list of values".to_owned()),
    };
    let others = matches!(
        criterion,
        Criterion::Among { none: true, .. }
            | Criterion::Compare {
                comparator: Comparator::Unequal,
                ..
            }
    );
    let wanted = choice
        .values
        .iter()
        .enumerate()
        .filter(|(_, v)| among.contains(&v.name.as_str()) != others);
    let codes = wanted
        .map(|(i, v)| {
            Vocabulary::value_code(choice, i).ok_or_else(|| format!("no code means `{}`", v.name))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if codes.is_empty() {
        return Err("no value is left".to_owned());
    }
    Ok(one(Filter::Concepts(codes), window))
}

fn quantity(operand: &Spanned<Operand>) -> Result<Quantity, Reason> {
    match &operand.node {
        Operand::Number { value, unit } => {
            let unit = unit
                .as_ref()
                .map(|u| match super::super::parse::calendar(u) {
                    Ok(Calendar::Years) => "a".to_owned(),
                    Ok(Calendar::Months) => "mo".to_owned(),
                    Err(_) => u.node.clone(),
                });
            Ok(Quantity {
                value: *value,
                unit,
            })
        }
        Operand::Date(_) => Err("dates have no comparisons there".to_owned()),
        Operand::Word(_) => Err("it is compared with a word".to_owned()),
    }
}

fn negation(wanted: Wanted) -> Wanted {
    match wanted {
        Wanted::All(parts) => Wanted::Any(parts.into_iter().map(negation).collect()),
        Wanted::Any(parts) => Wanted::All(parts.into_iter().map(negation).collect()),
        other => other.not(),
    }
}
