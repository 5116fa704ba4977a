//! What both sides have in common: questions about codes, and their combinations.

use core::fmt;

use super::{Note, Unsupported};
use crate::requirement::{
    constant::Constant,
    syntax::{Comparator, Window},
};

/// A code of a code system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    pub system: String,
    pub code: String,
    pub display: Option<String>,
}

/// A number with its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quantity {
    pub value: Constant,
    pub unit: Option<String>,
}

/// What is asked of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// That there is one.
    Present,
    /// That it compares so.
    Compare(Comparator, Quantity),
    /// That it lies between, both ends included; at least one is there.
    Range(Option<Quantity>, Option<Quantity>),
    /// That it is one of these.
    Concepts(Vec<Coding>),
    /// That it is true or false.
    Is(bool),
    /// Something that cannot be asked here.
    Inexpressible(String),
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Where it stands.
    pub place: String,
    /// What it is about: any of these codes.
    pub about: Vec<Coding>,
    /// For questions about recorded codes: the group of families, where the document tells.
    pub group: Option<String>,
    /// What is asked of the value.
    pub filter: Filter,
    /// When it was observed, or began.
    pub window: Option<Window>,
}

/// Questions combined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All(Vec<Wanted>),
    Any(Vec<Wanted>),
    Not(Box<Wanted>),
    One(Question),
}

/// What a reader found.
pub(super) struct ReadDocument {
    pub id: Option<String>,
    pub title: Option<String>,
    pub wanted: Wanted,
}

/// What could not be expressed, and what is worth knowing.
#[derive(Default)]
pub(super) struct Report {
    pub unsupported: Vec<Unsupported>,
    pub notes: Vec<Note>,
}

impl Report {
    pub fn note(&mut self, place: &str, text: impl Into<String>) {
        let note = Note {
            place: place.to_owned(),
            text: text.into(),
        };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub fn unsupported(&mut self, place: &str, criterion: String, reason: impl Into<String>) {
        self.unsupported.push(Unsupported {
            place: place.to_owned(),
            criterion,
            reason: reason.into(),
        });
    }
}

impl Wanted {
    pub fn not(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// The first question's place.
    pub fn place(&self) -> &str {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.first().map_or("", Self::place),
            Self::Not(inner) => inner.place(),
            Self::One(question) => &question.place,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            parts.iter().enumerate().try_for_each(|(i, part)| {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                match part {
                    Self::All(_) | Self::Any(_) => write!(f, "({part})"),
                    Self::Not(_) | Self::One(_) => write!(f, "{part}"),
                }
            })
        };
        match self {
            Self::All(parts) => joined(f, parts, "and"),
            Self::Any(parts) => joined(f, parts, "or"),
            Self::Not(inner) => write!(f, "excluded: {inner}"),
            Self::One(question) => question.fmt(f),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.about.is_empty() {
            f.write_str(self.group.as_deref().unwrap_or("something"))?;
        }
        for (i, coding) in self.about.iter().enumerate() {
            write!(f, "{}{coding}", if i > 0 { " or " } else { "" })?;
        }
        match &self.filter {
            Filter::Present | Filter::Is(true) => {}
            Filter::Is(false) => f.write_str(" = false")?,
            Filter::Compare(comparator, quantity) => write!(f, " {comparator} {quantity}")?,
            Filter::Range(Some(low), Some(high)) => write!(f, " between {low} and {high}")?,
            Filter::Range(Some(low), None) => write!(f, " >= {low}")?,
            Filter::Range(None, Some(high)) => write!(f, " <= {high}")?,
            Filter::Range(None, None) => {}
            Filter::Concepts(concepts) => {
                f.write_str(" in ")?;
                for (i, concept) in concepts.iter().enumerate() {
                    write!(f, "{}{concept}", if i > 0 { ", " } else { "" })?;
                }
            }
            Filter::Inexpressible(what) => write!(f, " with {what}")?,
        }
        match &self.window {
            Some(window) => write!(f, " {window}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.display {
            _ if self.system.is_empty() => f.write_str(&self.code),
            Some(display) => write!(f, "{display} [{}|{}]", self.system, self.code),
            None => write!(f, "[{}|{}]", self.system, self.code),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Some(unit) => write!(f, "{} {unit}", self.value),
            None => write!(f, "{}", self.value),
        }
    }
}
