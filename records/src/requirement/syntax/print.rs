//! Canonical printing: parsing what is printed gives the same tree.

use core::fmt;

use super::{CodeRange, Comparator, Criterion, Node, Operand, Quantifier, Spanned, Window};

impl fmt::Display for Comparator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Spanned<Self>], word: &str| {
            parts.iter().enumerate().try_for_each(|(i, part)| {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                match (&part.node, word) {
                    (Self::And(_), "or") | (Self::Not(_) | Self::Criterion(_), _) => part.fmt(f),
                    (Self::And(_) | Self::Or(_), _) => write!(f, "({part})"),
                }
            })
        };
        match self {
            Self::And(parts) => joined(f, parts, "and"),
            Self::Or(parts) => joined(f, parts, "or"),
            Self::Not(part) => match &part.node {
                Self::And(_) | Self::Or(_) => write!(f, "not ({part})"),
                Self::Not(_) => write!(f, "not {part}"),
                Self::Criterion(criterion) => f.write_str(&criterion.negated()),
            },
            Self::Criterion(criterion) => criterion.fmt(f),
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = match self {
            Self::Compare {
                name,
                comparator,
                operand,
                window,
            } => {
                write!(f, "{name} {comparator} {operand}")?;
                window
            }
            Self::Between {
                name,
                low,
                high,
                window,
            } => {
                write!(f, "{name} between {low} and {high}")?;
                window
            }
            Self::Among {
                name,
                none,
                values,
                window,
            } => {
                write!(f, "{name} {}", if *none { "not in " } else { "in " })?;
                list(f, values)?;
                window
            }
            Self::Codes {
                quantifier,
                group,
                codes,
                window,
            } => {
                let word = match quantifier {
                    Quantifier::Any => "any",
                    Quantifier::No => "no",
                };
                write!(f, "{word} {group}")?;
                if !codes.is_empty() {
                    f.write_str(" in ")?;
                    list(f, codes)?;
                }
                window
            }
            Self::Presence {
                name,
                present,
                window,
            } => {
                write!(f, "{} {name}", if *present { "present" } else { "absent" })?;
                window
            }
            Self::Dated { name, window } => return write!(f, "{name} {window}"),
            Self::Flag { name } => return write!(f, "{name}"),
        };
        match window {
            Some(window) => write!(f, " {window}"),
            None => Ok(()),
        }
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(i, item)| {
        let comma = if i > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")
    })
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { value, unit: None } => write!(f, "{value}"),
            Self::Number {
                value,
                unit: Some(unit),
            } => write!(f, "{value} {unit}"),
            Self::Date(day) => write!(f, "{day}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

impl fmt::Display for CodeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.prefix, self.from)?;
        match &self.to {
            Some(to) => write!(f, "-{to}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within { count, unit } => write!(f, "within {count} {}", unit.word(*count)),
            Self::Ago { least, most, unit } => {
                write!(f, "between {least} and {most} {} ago", unit.word(*most))
            }
            Self::Between { from, to } => write!(f, "from {from} to {to}"),
            Self::Since(day) => write!(f, "since {day}"),
            Self::Until(day) => write!(f, "until {day}"),
        }
    }
}
