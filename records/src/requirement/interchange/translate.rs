//! From questions about codes to expressions over a schema.

use super::{
    Unsupported,
    model::{Question, Report, Wanted},
    question::Translator,
};
use crate::{
    requirement::syntax::{Criterion, Node, Quantifier, Spanned},
    schema::Schema,
};

/// What of a document can be expressed over a schema, and what is to be told about it.
pub(super) fn translate(schema: &Schema, wanted: Wanted) -> (Option<Node>, Report) {
    let mut report = Report::default();
    let translator = Translator::new(schema);
    let node = compose(&translator, &wanted, true, &mut report);
    (node, report)
}

/// `positive` is whether an even number of negations stands above.
fn compose(
    translator: &Translator<'_>,
    wanted: &Wanted,
    positive: bool,
    report: &mut Report,
) -> Option<Node> {
    match wanted {
        Wanted::Not(inner) => compose(translator, inner, !positive, report).map(not),
        Wanted::One(question) => single(translator, question, positive, report),
        Wanted::All(parts) if positive => {
            let nodes = each(translator, parts, positive, report);
            and(nodes)
        }
        Wanted::Any(parts) if !positive => {
            let nodes = each(translator, parts, positive, report);
            or(nodes)
        }
        Wanted::Any(parts) => {
            let before = report.unsupported.len();
            let nodes = each(translator, parts, positive, report);
            if !nodes.is_empty() {
                for lost in report.unsupported.iter_mut().skip(before) {
                    lost.reason += "; it is one of several alternatives, and patients who qualify \
                                    through it alone are not found";
                }
            }
            or(nodes)
        }
        Wanted::All(parts) => match parts.as_slice() {
            [only] => compose(translator, only, positive, report),
            _ => exclusion(translator, wanted, parts, report),
        },
    }
}

/// Criteria excluded together: all of them, or none.
fn exclusion(
    translator: &Translator<'_>,
    whole: &Wanted,
    parts: &[Wanted],
    report: &mut Report,
) -> Option<Node> {
    let mut inner = Report::default();
    let nodes = each(translator, parts, false, &mut inner);
    if inner.unsupported.is_empty() {
        report.notes.append(&mut inner.notes);
        return and(nodes);
    }
    let reasons: Vec<_> = inner
        .unsupported
        .iter()
        .map(|u| format!("{}: {}", u.criterion, u.reason))
        .collect();
    report.unsupported.push(Unsupported {
        place: whole.place().to_owned(),
        criterion: format!("excluded: {whole}"),
        reason: format!(
            "criteria excluded together are screened together; {}",
            reasons.join("; ")
        ),
    });
    None
}

fn each(
    translator: &Translator<'_>,
    parts: &[Wanted],
    positive: bool,
    report: &mut Report,
) -> Vec<Node> {
    parts
        .iter()
        .filter_map(|p| compose(translator, p, positive, report))
        .collect()
}

fn single(
    translator: &Translator<'_>,
    question: &Question,
    positive: bool,
    report: &mut Report,
) -> Option<Node> {
    match translator.node(question, positive, report) {
        Ok(node) => Some(node),
        Err(reason) => {
            let excluded = if positive { "" } else { "excluded: " };
            report.unsupported(&question.place, format!("{excluded}{question}"), reason);
            None
        }
    }
}

// Combining nodes, so that what was made from lists of codes reads as an author would write it.

pub(super) fn not(node: Node) -> Node {
    match node {
        Node::Not(inner) => inner.node,
        Node::Criterion(Criterion::Codes {
            quantifier,
            group,
            codes,
            window: None,
        }) => Node::Criterion(Criterion::Codes {
            quantifier: match quantifier {
                Quantifier::Any => Quantifier::No,
                Quantifier::No => Quantifier::Any,
            },
            group,
            codes,
            window: None,
        }),
        Node::Criterion(Criterion::Presence {
            name,
            present,
            window: None,
        }) => Node::Criterion(Criterion::Presence {
            name,
            present: !present,
            window: None,
        }),
        other => Node::Not(Box::new(Spanned::unwritten(other))),
    }
}

pub(super) fn and(nodes: Vec<Node>) -> Option<Node> {
    combine(nodes, Quantifier::No)
}

pub(super) fn or(nodes: Vec<Node>) -> Option<Node> {
    combine(nodes, Quantifier::Any)
}

/// A conjunction (whose `no`s join) or a disjunction (whose `any`s join), without repetitions.
fn combine(nodes: Vec<Node>, joining: Quantifier) -> Option<Node> {
    let conjunction = joining == Quantifier::No;
    let mut out: Vec<Spanned<Node>> = Vec::new();
    let flat = nodes.into_iter().flat_map(|n| match n {
        Node::And(parts) if conjunction => parts.into_iter().map(|p| p.node).collect(),
        Node::Or(parts) if !conjunction => parts.into_iter().map(|p| p.node).collect(),
        other => vec![other],
    });
    for node in flat {
        let joined = out.iter_mut().any(|o| join(&mut o.node, &node, joining));
        if !joined && !out.iter().any(|o| o.node == node) {
            out.push(Spanned::unwritten(node));
        }
    }
    match out.len() {
        0 => None,
        1 => out.pop().map(|o| o.node),
        _ if conjunction => Some(Node::And(out)),
        _ => Some(Node::Or(out)),
    }
}

/// Adds the codes of `other` to `node` when both ask the same of the same group at the same time.
fn join(node: &mut Node, other: &Node, joining: Quantifier) -> bool {
    let (
        Node::Criterion(Criterion::Codes {
            quantifier,
            group,
            codes,
            window,
        }),
        Node::Criterion(Criterion::Codes {
            quantifier: other_quantifier,
            group: other_group,
            codes: other_codes,
            window: other_window,
        }),
    ) = (node, other)
    else {
        return false;
    };
    let same = *quantifier == joining
        && *other_quantifier == joining
        && group == other_group
        && window == other_window
        && !codes.is_empty()
        && !other_codes.is_empty();
    if same {
        for code in other_codes {
            if !codes.contains(code) {
                codes.push(code.clone());
            }
        }
    }
    same
}
