//! One question over a schema.

mod rounding;

use self::rounding::{Rounding, number};
use super::{
    model::{Coding, Filter, Quantity, Question, Report},
    translate::{and, not, or},
    vocabulary::{self, Scalar, Vocabulary},
};
use crate::{
    requirement::{
        ranges::code_cells,
        resolve::AGE,
        syntax::{
            CodeRange, Comparator, Criterion, Name, Node, Operand, Quantifier, Spanned, Window,
        },
    },
    schema::{Choice, Kind, Schema},
};

/// Why a question cannot be expressed.
type Reason = String;
type Answer = Result<Node, Reason>;

/// Matches questions to a schema.
pub(super) struct Translator<'a> {
    vocabulary: Vocabulary<'a>,
}

impl<'a> Translator<'a> {
    pub fn new(schema: &'a Schema) -> Self {
        Self {
            vocabulary: Vocabulary { schema },
        }
    }

    /// A question as an expression: any of the codes it is about.
    pub fn node(&self, question: &Question, positive: bool, report: &mut Report) -> Answer {
        if let Filter::Inexpressible(what) = &question.filter {
            return Err(format!("{what} cannot be expressed"));
        }
        if question.about.is_empty() {
            return self.whole_group(question, positive);
        }
        let mut nodes = Vec::new();
        let mut lost = Vec::new();
        for coding in &question.about {
            match self.about(coding, question, positive, report) {
                Ok(node) => nodes.push(node),
                Err(reason) => lost.push((coding, reason)),
            }
        }
        let place = &question.place;
        match (nodes.is_empty(), lost.as_slice()) {
            (true, [(_, reason), ..]) => return Err(reason.clone()),
            (false, lost) => {
                for (coding, reason) in lost {
                    let follows = if positive {
                        "patients who qualify through it alone are not found"
                    } else {
                        "records with it are not excluded"
                    };
                    report.unsupported(place, coding.to_string(), format!("{reason}; {follows}"));
                }
            }
            (true, []) => {}
        }
        or(nodes).ok_or_else(|| "it names no code".to_owned())
    }

    fn about(
        &self,
        coding: &Coding,
        question: &Question,
        positive: bool,
        report: &mut Report,
    ) -> Answer {
        if vocabulary::is_age(coding) {
            return self.age(question, report);
        }
        let meant = self.vocabulary.meant(coding);
        if meant.is_empty() {
            return self.code(coding, question, positive, report);
        }
        let nodes = match &question.filter {
            Filter::Concepts(concepts) => {
                let each = concepts
                    .iter()
                    .map(|c| concept(&meant, c, question.window))
                    .collect::<Result<Vec<_>, _>>()?;
                return or(grouped(each)).ok_or_else(|| "it names no value".to_owned());
            }
            _ => meant
                .iter()
                .map(|s| scalar(*s, question, report))
                .collect::<Vec<_>>(),
        };
        // Several attributes may carry the same code; whichever fits the filter is meant.
        let reason = nodes.iter().find_map(|n| n.as_ref().err().cloned());
        let fitting: Vec<_> = nodes.into_iter().flatten().collect();
        for s in &meant {
            if matches!(s.kind, Kind::Number(_) | Kind::Choice(_)) && !fitting.is_empty() {
                let latest = format!(
                    "asked of the latest usable observation of `{}`, which is the one that a record \
                     keeps, where the document means any observation",
                    s.name
                );
                report.note(&question.place, latest);
            }
        }
        or(fitting).ok_or_else(|| reason.unwrap_or_default())
    }

    fn age(&self, question: &Question, report: &mut Report) -> Answer {
        if !self.vocabulary.has_birth_date() {
            return Err("the schema does not keep the date of birth".to_owned());
        }
        if question.window.is_some() {
            return Err("age is counted on the day of the proof and takes no window".to_owned());
        }
        let name = || Spanned::unwritten(AGE.to_owned());
        let node = match &question.filter {
            Filter::Present => Node::Criterion(Criterion::Presence {
                name: name(),
                present: true,
                window: None,
            }),
            Filter::Compare(comparator, quantity) => {
                compare(name(), *comparator, age_operand(quantity)?, None)
            }
            Filter::Range(low, high) => {
                let low = low.as_ref().map(age_operand).transpose()?;
                let high = high.as_ref().map(age_operand).transpose()?;
                between(name(), low, high, None)?
            }
            _ => return Err("age is compared with a number of years or months".to_owned()),
        };
        report.note(
            &question.place,
            "age counts completed units of time on the day of the proof",
        );
        Ok(node)
    }

    /// A recorded code of a family.
    fn code(
        &self,
        coding: &Coding,
        question: &Question,
        positive: bool,
        report: &mut Report,
    ) -> Answer {
        let asked = match &question.filter {
            Filter::Present | Filter::Is(true) => true,
            Filter::Is(false) => false,
            _ => {
                return Err(format!(
                    "the schema `{}` has no value with this code",
                    self.vocabulary.schema.name()
                ));
            }
        };
        let families = self
            .vocabulary
            .families(&coding.system, question.group.as_deref());
        let Some(found) = families.first() else {
            return Err(format!(
                "the schema `{}` keeps nothing with this code",
                self.vocabulary.schema.name()
            ));
        };
        let family = found.family;
        if question.group.is_none() && families.iter().any(|f| f.family.group != family.group) {
            let taken = format!(
                "the document does not say what kind of statement it means; `{}` is taken as a {}",
                coding.code, family.group
            );
            report.note(&question.place, taken);
        }
        if code_cells(family.coding, &coding.code, None).is_err() {
            return Err(format!(
                "`{}` is no code that the schema can keep",
                coding.code
            ));
        }
        if question.window.is_some() {
            if !family.onset {
                return Err(format!(
                    "the schema does not keep when a `{}:` {} began",
                    family.prefix, family.group
                ));
            }
            if positive != asked {
                return Err(
                    "an absent code has no date, so it cannot be excluded within a window"
                        .to_owned(),
                );
            }
            report.note(
                &question.place,
                "the window is asked of the date on which the code began, as recorded",
            );
        }
        let node = Node::Criterion(Criterion::Codes {
            quantifier: Quantifier::Any,
            group: Spanned::unwritten(family.group.clone()),
            codes: vec![Spanned::unwritten(CodeRange {
                prefix: family.prefix.clone(),
                from: coding.code.to_ascii_uppercase(),
                to: None,
            })],
            window: question.window.map(Spanned::unwritten),
        });
        Ok(if asked { node } else { not(node) })
    }

    fn whole_group(&self, question: &Question, positive: bool) -> Answer {
        let Some(group) = question.group.as_deref() else {
            return Err("it names no code".to_owned());
        };
        if !self.vocabulary.has_group(group) {
            return Err(format!(
                "the schema `{}` keeps no group `{group}`",
                self.vocabulary.schema.name()
            ));
        }
        let asked = match question.filter {
            Filter::Present | Filter::Is(true) => true,
            Filter::Is(false) => false,
            _ => return Err(format!("`{group}` has codes and no value")),
        };
        if question.window.is_some() {
            if positive != asked {
                return Err(
                    "an absent code has no date, so it cannot be excluded within a window"
                        .to_owned(),
                );
            }
            let mut families = self.vocabulary.families_of(group);
            if families.any(|f| !f.onset) {
                return Err(format!("the schema does not keep when each {group} began"));
            }
        }
        let node = Node::Criterion(Criterion::Codes {
            quantifier: Quantifier::Any,
            group: Spanned::unwritten(group.to_owned()),
            codes: Vec::new(),
            window: question.window.map(Spanned::unwritten),
        });
        Ok(if asked { node } else { not(node) })
    }
}

/// A number, choice, date or flag.
fn scalar(scalar: Scalar<'_>, question: &Question, report: &mut Report) -> Answer {
    let name = || Spanned::unwritten(scalar.name.to_owned());
    let window = question.window.map(Spanned::unwritten);
    let dated = match scalar.kind {
        Kind::Number(n) => n.dated,
        Kind::Choice(c) => c.dated,
        Kind::Date(_) | Kind::Flag(_) | Kind::Family(_) => false,
    };
    if window.is_some() && !dated {
        return Err(format!(
            "the schema does not keep the date of `{}`",
            scalar.name
        ));
    }
    let presence = |present: bool| {
        let node = Node::Criterion(Criterion::Presence {
            name: name(),
            present: true,
            window,
        });
        if present { node } else { not(node) }
    };
    match (scalar.kind, &question.filter) {
        (Kind::Flag(_), Filter::Present | Filter::Is(true)) => {
            Ok(Node::Criterion(Criterion::Flag { name: name() }))
        }
        (Kind::Flag(_), Filter::Is(false)) => {
            Ok(not(Node::Criterion(Criterion::Flag { name: name() })))
        }
        (_, Filter::Present | Filter::Is(true)) => Ok(presence(true)),
        (_, Filter::Is(false)) => Ok(presence(false)),
        (Kind::Number(number), Filter::Compare(comparator, quantity)) => {
            let mut rounding = Rounding::new(number, question, report);
            let (comparator, operand) = rounding.compared(*comparator, quantity)?;
            Ok(compare(name(), comparator, operand, question.window))
        }
        (Kind::Number(number), Filter::Range(low, high)) => {
            let mut rounding = Rounding::new(number, question, report);
            let mut side = |comparator, q: &Option<Quantity>| {
                q.as_ref()
                    .map(|q| rounding.compared(comparator, q).map(|(_, operand)| operand))
                    .transpose()
            };
            let low = side(Comparator::AtLeast, low)?;
            let high = side(Comparator::AtMost, high)?;
            between(name(), low, high, question.window)
        }
        _ => Err(format!("`{}` cannot be asked so", scalar.name)),
    }
}

/// One coded value, of whichever attributes have it: all of those that do.
fn concept(
    meant: &[Scalar<'_>],
    concept: &Coding,
    window: Option<Window>,
) -> Result<Vec<(String, String, Option<Window>)>, Reason> {
    let mut parts = Vec::new();
    for scalar in meant {
        let Kind::Choice(choice) = scalar.kind else {
            continue;
        };
        if let Some(position) = Vocabulary::position(choice, concept) {
            if window.is_some() && !choice.dated {
                return Err(format!(
                    "the schema does not keep the date of `{}`",
                    scalar.name
                ));
            }
            let value = value_name(choice, position);
            parts.push((scalar.name.to_owned(), value, window));
        }
    }
    if parts.is_empty() {
        let name = meant.first().map_or("it", |s| s.name);
        return Err(format!("`{name}` has no value {concept}"));
    }
    Ok(parts)
}

fn value_name(choice: &Choice, position: usize) -> String {
    let value = choice.values.get(position);
    value.map_or_else(String::new, |v| v.name.clone())
}

/// Values of one attribute become one list; values of several attributes a conjunction each.
fn grouped(each: Vec<Vec<(String, String, Option<Window>)>>) -> Vec<Node> {
    let mut lists: Vec<(String, Vec<Name>, Option<Window>)> = Vec::new();
    let mut nodes = Vec::new();
    for parts in each {
        match parts.as_slice() {
            [(name, value, window)] => {
                let value = Spanned::unwritten(value.clone());
                match lists.iter_mut().find(|l| l.0 == *name) {
                    Some((_, values, _)) if values.contains(&value) => {}
                    Some((_, values, _)) => values.push(value),
                    None => lists.push((name.clone(), vec![value], *window)),
                }
            }
            several => nodes.extend(and(several
                .iter()
                .map(|(name, value, window)| {
                    among(
                        name.clone(),
                        vec![Spanned::unwritten(value.clone())],
                        *window,
                    )
                })
                .collect())),
        }
    }
    let lists = lists
        .into_iter()
        .map(|(name, values, window)| among(name, values, window));
    lists.chain(nodes).collect()
}

fn among(name: String, mut values: Vec<Name>, window: Option<Window>) -> Node {
    let name = Spanned::unwritten(name);
    let window = window.map(Spanned::unwritten);
    if values.len() == 1
        && let Some(value) = values.pop()
    {
        return Node::Criterion(Criterion::Compare {
            name,
            comparator: Comparator::Equal,
            operand: Spanned::unwritten(Operand::Word(value.node)),
            window,
        });
    }
    Node::Criterion(Criterion::Among {
        name,
        none: false,
        values,
        window,
    })
}

fn compare(name: Name, comparator: Comparator, operand: Operand, window: Option<Window>) -> Node {
    Node::Criterion(Criterion::Compare {
        name,
        comparator,
        operand: Spanned::unwritten(operand),
        window: window.map(Spanned::unwritten),
    })
}

fn between(
    name: Name,
    low: Option<Operand>,
    high: Option<Operand>,
    window: Option<Window>,
) -> Answer {
    match (low, high) {
        (Some(mut low), Some(high)) => {
            share_unit(&mut low, &high);
            Ok(Node::Criterion(Criterion::Between {
                name,
                low: Spanned::unwritten(low),
                high: Spanned::unwritten(high),
                window: window.map(Spanned::unwritten),
            }))
        }
        (Some(low), None) => Ok(compare(name, Comparator::AtLeast, low, window)),
        (None, Some(high)) => Ok(compare(name, Comparator::AtMost, high, window)),
        (None, None) => Err("the range has no ends".to_owned()),
    }
}

/// `40 years` to `80 years` is `between 40 and 80 years`.
fn share_unit(low: &mut Operand, high: &Operand) {
    if let (Operand::Number { unit, .. }, Operand::Number { unit: other, .. }) = (low, high)
        && unit == other
    {
        *unit = None;
    }
}

fn age_operand(quantity: &Quantity) -> Result<Operand, Reason> {
    let unit = match quantity.unit.as_deref() {
        Some("a" | "year" | "years" | "yr") => "years",
        Some("mo" | "month" | "months") => "months",
        Some(other) => {
            return Err(format!(
                "age can be counted in years and months, not in `{other}`"
            ));
        }
        None => return Err("the age has no unit".to_owned()),
    };
    if quantity.value.whole().is_none() {
        return Err("age counts completed units of time, and the bound is no whole number".into());
    }
    Ok(number(quantity.value, Some(unit)))
}
