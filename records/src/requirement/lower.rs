//! From syntax to negation normal form, and from there to a program.

use super::{
    diagnostic::Diagnostic,
    resolve::{Atom, Resolved, Scope, no_within},
    syntax::{Criterion, Node, Quantifier, Spanned},
};
use crate::{
    cell::CellId,
    program::{Formula, Onset, Test},
};

/// An expression in negation normal form, each part with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    /// Every part.
    All { text: String, parts: Vec<Tree> },
    /// Some part.
    Any { text: String, parts: Vec<Tree> },
    /// One criterion or its opposite.
    Literal(Box<Literal>),
}

/// One criterion or its opposite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    /// As written, canonically, with `not` before it where a negation reached it.
    pub text: String,
    /// The criterion as written; none for `not deceased`, which goes without saying.
    pub criterion: Option<Criterion>,
    /// What it means.
    pub atom: Atom,
    /// Whether the opposite of the atom is asked. Never with a quantifier.
    pub negated: bool,
}

/// What was found on the way.
#[derive(Default)]
pub(crate) struct Findings {
    pub errors: Vec<Diagnostic>,
    pub warnings: Vec<Diagnostic>,
}

/// Pushes negations down to the criteria. `None` where a criterion is in error.
pub(crate) fn normal_form(
    scope: Scope<'_>,
    node: &Spanned<Node>,
    positive: bool,
    findings: &mut Findings,
) -> Option<Tree> {
    match &node.node {
        Node::Not(inner) => {
            let mut tree = normal_form(scope, inner, !positive, findings)?;
            if positive {
                *tree.text_mut() = node.to_string();
            }
            Some(tree)
        }
        Node::And(parts) | Node::Or(parts) => {
            // Every part is visited, so that every error is reported.
            let parts: Vec<_> = parts
                .iter()
                .map(|p| normal_form(scope, p, positive, findings))
                .collect();
            let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
            let text = if positive {
                node.to_string()
            } else {
                format!("not ({node})")
            };
            Some(if matches!(node.node, Node::And(_)) == positive {
                Tree::All { text, parts }
            } else {
                Tree::Any { text, parts }
            })
        }
        Node::Criterion(criterion) => {
            let place = Spanned::new(criterion, node.span);
            literal(scope, place, positive, findings)
                .map_err(|e| findings.errors.push(e))
                .ok()
                .map(|l| Tree::Literal(Box::new(l)))
        }
    }
}

fn literal(
    scope: Scope<'_>,
    criterion: Spanned<&Criterion>,
    positive: bool,
    findings: &mut Findings,
) -> Result<Literal, Diagnostic> {
    let Resolved { mut atom, negated } = scope.resolve(criterion.node, &mut findings.warnings)?;
    let mut opposite = negated == positive;
    if !positive {
        warn_of_negation(criterion, &atom, findings);
    }
    if let (
        Atom::Codes {
            quantifier, onset, ..
        },
        true,
    ) = (&mut atom, opposite)
    {
        if onset.is_some() {
            return Err(no_within(criterion.span));
        }
        // Quantifiers are never negated: not-any is `no`, not-no is `any`.
        *quantifier = match quantifier {
            Quantifier::Any => Quantifier::No,
            Quantifier::No => Quantifier::Any,
        };
        opposite = false;
    }
    if never(&atom) {
        findings.warnings.push(
            Diagnostic::warning(criterion.span, "this never holds")
                .with_help("the schema keeps no value in these bounds"),
        );
    }
    let text = if positive {
        criterion.node.to_string()
    } else {
        criterion.node.negated()
    };
    Ok(Literal {
        text,
        criterion: Some(criterion.node.clone()),
        atom,
        negated: opposite,
    })
}

fn warn_of_negation(criterion: Spanned<&Criterion>, atom: &Atom, findings: &mut Findings) {
    let name = criterion.node.name();
    match (criterion.node, atom) {
        (Criterion::Presence { .. } | Criterion::Flag { .. }, _) => {}
        (
            _,
            Atom::Codes {
                quantifier: Quantifier::No,
                ..
            },
        ) => findings.warnings.push(
            Diagnostic::warning(
                criterion.span,
                format!("the opposite of `no {name}` asks that such a code is shown"),
            )
            .with_help(format!(
                "write `any {name}`; a family that the hospital did not record meets neither"
            )),
        ),
        (_, Atom::Codes { .. }) => {}
        _ => findings.warnings.push(
            Diagnostic::warning(
                criterion.span,
                format!("this exclusion passes on missing data: it holds when `{name}` is absent"),
            )
            .with_help(format!(
                "add `and present {name}` where a missing value must not pass"
            )),
        ),
    }
}

fn never(atom: &Atom) -> bool {
    match atom {
        Atom::Value { ranges, .. } => ranges.is_empty(),
        Atom::Elapsed { spans, .. } => spans.is_empty(),
        Atom::Codes { families, .. } => families.is_empty(),
    }
}

/// `not deceased`, which every requirement includes unless it says otherwise.
pub(crate) fn alive(scope: Scope<'_>) -> Option<Tree> {
    let (attribute, cell) = scope.deceased()?;
    let name = &scope.schema.attributes().get(attribute)?.name;
    Some(Tree::Literal(Box::new(Literal {
        text: format!("not {name}"),
        criterion: None,
        atom: Atom::Value {
            attribute,
            cell,
            ranges: super::ranges::CellRange::clamped(2, 2, crate::cell::FLAG_BITS)
                .into_iter()
                .collect(),
            date: None,
        },
        negated: true,
    })))
}

impl Tree {
    /// The text of this part.
    pub fn text(&self) -> &str {
        match self {
            Self::All { text, .. } | Self::Any { text, .. } => text,
            Self::Literal(literal) => &literal.text,
        }
    }

    fn text_mut(&mut self) -> &mut String {
        match self {
            Self::All { text, .. } | Self::Any { text, .. } => text,
            Self::Literal(literal) => &mut literal.text,
        }
    }

    /// The program's formula, with constants folded.
    pub fn formula(&self) -> Formula {
        match self {
            Self::All { parts, .. } => all(parts.iter().map(Self::formula)),
            Self::Any { parts, .. } => any(parts.iter().map(Self::formula)),
            Self::Literal(literal) => literal.formula(),
        }
    }
}

impl Literal {
    /// The formula of this literal alone.
    pub fn formula(&self) -> Formula {
        let test = |t| Formula::Test(t);
        match &self.atom {
            Atom::Value {
                cell, ranges, date, ..
            } => {
                let cell = *cell;
                let values = ranges.iter().map(|r| (r.lo(), r.hi()));
                let date = date.map(|(cell, window)| dated(cell, window, self.negated));
                if self.negated {
                    any([all(
                        values.map(|(lo, hi)| test(Test::Outside { cell, lo, hi }))
                    )]
                    .into_iter()
                    .chain(date))
                } else {
                    all([any(
                        values.map(|(lo, hi)| test(Test::Within { cell, lo, hi }))
                    )]
                    .into_iter()
                    .chain(date))
                }
            }
            Atom::Elapsed { cell, spans, .. } => {
                let parts = spans.iter().map(|(least, most)| {
                    let (least, most) = (*least, *most);
                    let window = Onset::Elapsed { least, most };
                    dated(*cell, window, self.negated)
                });
                if self.negated { all(parts) } else { any(parts) }
            }
            Atom::Codes {
                quantifier: Quantifier::Any,
                families,
                onset,
            } => any(families.iter().flat_map(|f| {
                f.ranges.iter().map(|r| {
                    test(Test::AnyCode {
                        family: f.cells,
                        lo: r.lo(),
                        hi: r.hi(),
                        onset: *onset,
                    })
                })
            })),
            Atom::Codes {
                quantifier: Quantifier::No,
                families,
                ..
            } => all(families.iter().flat_map(|f| {
                f.ranges.iter().map(|r| {
                    test(Test::NoCode {
                        family: f.cells,
                        lo: r.lo(),
                        hi: r.hi(),
                    })
                })
            })),
        }
    }
}

fn dated(cell: CellId, window: Onset, negated: bool) -> Formula {
    Formula::Test(match (window, negated) {
        (Onset::Elapsed { least, most }, false) => Test::Elapsed { cell, least, most },
        (Onset::Elapsed { least, most }, true) => Test::NotElapsed { cell, least, most },
        (Onset::Between { lo, hi }, false) => Test::Within {
            cell,
            lo: lo.into(),
            hi: hi.into(),
        },
        (Onset::Between { lo, hi }, true) => Test::Outside {
            cell,
            lo: lo.into(),
            hi: hi.into(),
        },
    })
}

/// Conjunction without nested conjunctions and constants.
pub(crate) fn all(parts: impl IntoIterator<Item = Formula>) -> Formula {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Formula::Any(p) if p.is_empty() => return Formula::Any(p),
            Formula::All(p) => out.extend(p),
            other => out.push(other),
        }
    }
    single(out, Formula::All)
}

/// Disjunction without nested disjunctions and constants.
pub(crate) fn any(parts: impl IntoIterator<Item = Formula>) -> Formula {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Formula::All(p) if p.is_empty() => return Formula::All(p),
            Formula::Any(p) => out.extend(p),
            other => out.push(other),
        }
    }
    single(out, Formula::Any)
}

fn single(mut parts: Vec<Formula>, join: fn(Vec<Formula>) -> Formula) -> Formula {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}
