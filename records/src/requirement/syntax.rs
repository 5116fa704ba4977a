//! The abstract syntax of expressions, which prints itself canonically: printing and parsing again
//! gives the same tree.

mod print;

use core::fmt;

use super::{
    constant::Constant,
    diagnostic::{Diagnostic, Span},
};
use crate::civil::CivilDay;

/// Longest source text, in bytes.
pub const MAX_SOURCE: usize = 256 * 1024;
/// Deepest nesting of parentheses and `not`.
pub const MAX_NESTING: usize = 24;

/// Something with its place in the source. Two are equal when what they hold is equal, wherever it
/// stands.
#[derive(Clone, Copy, Debug)]
pub struct Spanned<T> {
    /// What stands there.
    pub node: T,
    /// Where.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Something at a place.
    pub const fn new(node: T, span: Span) -> Self {
        Self { node, span }
    }

    /// Something that was never written down.
    pub fn unwritten(node: T) -> Self {
        Self::new(node, Span::default())
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

/// A parsed expression with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    source: String,
    root: Spanned<Node>,
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// The first place that cannot be read, with what was expected there. Sources longer than
    /// [`MAX_SOURCE`] or nested deeper than [`MAX_NESTING`] are refused.
    pub fn parse(source: &str) -> Result<Self, Diagnostic> {
        let root = super::parse::parse(source)?;
        Ok(Self {
            source: source.to_owned(),
            root,
        })
    }

    /// Prints a tree and reads it back, so that every part has its place.
    ///
    /// # Errors
    ///
    /// When the tree is too long or too deep, or holds names that are none.
    pub fn from_node(root: &Node) -> Result<Self, Diagnostic> {
        Self::parse(&root.to_string())
    }

    /// The source as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The outermost node.
    pub const fn root(&self) -> &Spanned<Node> {
        &self.root
    }
}

/// Prints canonically, on one line.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

/// A node of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Every part; two or more.
    And(Vec<Spanned<Node>>),
    /// Some part; two or more.
    Or(Vec<Spanned<Node>>),
    /// The opposite.
    Not(Box<Spanned<Node>>),
    /// One criterion.
    Criterion(Criterion),
}

/// A name or word.
pub type Name = Spanned<String>;

/// One criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// `hba1c >= 6.5 %`
    Compare {
        /// The attribute.
        name: Name,
        /// How.
        comparator: Comparator,
        /// With what.
        operand: Spanned<Operand>,
        /// When it was observed.
        window: Option<Spanned<Window>>,
    },
    /// `age between 40 and 80 years`, both ends included.
    Between {
        /// The attribute.
        name: Name,
        /// Least.
        low: Spanned<Operand>,
        /// Most.
        high: Spanned<Operand>,
        /// When it was observed.
        window: Option<Spanned<Window>>,
    },
    /// `smoking in current, former`, `smoking not in never`
    Among {
        /// The attribute.
        name: Name,
        /// Whether none of them is asked.
        none: bool,
        /// The values.
        values: Vec<Name>,
        /// When it was observed.
        window: Option<Spanned<Window>>,
    },
    /// `any diagnosis in icd10:I63`, `no diagnosis`
    Codes {
        /// Some or none.
        quantifier: Quantifier,
        /// The group of families.
        group: Name,
        /// Which codes; all when empty.
        codes: Vec<Spanned<CodeRange>>,
        /// When it began.
        window: Option<Spanned<Window>>,
    },
    /// `present hba1c`, `absent hba1c`
    Presence {
        /// The attribute.
        name: Name,
        /// Present or absent.
        present: bool,
        /// When it was observed.
        window: Option<Spanned<Window>>,
    },
    /// `birth_date from 1950-01-01 to 1960-12-31`: a date in a window.
    Dated {
        /// The attribute.
        name: Name,
        /// The window.
        window: Spanned<Window>,
    },
    /// `deceased`
    Flag {
        /// The attribute.
        name: Name,
    },
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparator {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `=`
    Equal,
    /// `!=`: present, and another value.
    Unequal,
}

/// What an attribute is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A number, with its unit as written.
    Number {
        /// The number.
        value: Constant,
        /// Its unit.
        unit: Option<Name>,
    },
    /// A date.
    Date(CivilDay),
    /// A choice's value.
    Word(String),
}

/// Some or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// None, of a family that the hospital says it recorded.
    No,
}

/// A code, or a range of codes, of one system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRange {
    /// The system's prefix.
    pub prefix: String,
    /// The code, or where the range begins.
    pub from: String,
    /// Where the range ends, inclusive.
    pub to: Option<String>,
}

/// Whole months or years: the units in which calendar dates can be counted exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Calendar {
    /// 31 civil units.
    Months,
    /// 372 civil units.
    Years,
}

/// When something was observed, or began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// `within 24 months`: from 24 months before today up to today.
    Within {
        /// How many.
        count: u32,
        /// Of what.
        unit: Calendar,
    },
    /// `between 3 and 24 months ago`, both ends included.
    Ago {
        /// Least.
        least: u32,
        /// Most.
        most: u32,
        /// Of what.
        unit: Calendar,
    },
    /// `from 2019-06-01 to 2021-06-01`, both ends included.
    Between {
        /// First day.
        from: CivilDay,
        /// Last day.
        to: CivilDay,
    },
    /// `since 2019-06-01`, that day included.
    Since(CivilDay),
    /// `until 2021-06-01`, that day included.
    Until(CivilDay),
}

impl Comparator {
    /// As written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Equal => "=",
            Self::Unequal => "!=",
        }
    }
}

impl Calendar {
    /// Civil units in one.
    pub const fn civil_units(self) -> u32 {
        match self {
            Self::Months => crate::civil::MONTH,
            Self::Years => crate::civil::YEAR,
        }
    }

    /// `month` or `years`, as the count asks.
    pub const fn word(self, count: u32) -> &'static str {
        match (self, count) {
            (Self::Months, 1) => "month",
            (Self::Months, _) => "months",
            (Self::Years, 1) => "year",
            (Self::Years, _) => "years",
        }
    }
}

impl Criterion {
    /// The attribute or group it asks about.
    pub const fn name(&self) -> &Name {
        match self {
            Self::Compare { name, .. }
            | Self::Between { name, .. }
            | Self::Among { name, .. }
            | Self::Presence { name, .. }
            | Self::Dated { name, .. }
            | Self::Flag { name }
            | Self::Codes { group: name, .. } => name,
        }
    }
}

impl Criterion {
    /// The opposite, as an author would write it.
    pub(crate) fn negated(&self) -> String {
        match self {
            Self::Flag { .. }
            | Self::Codes { window: None, .. }
            | Self::Presence { window: None, .. } => format!("not {self}"),
            _ => format!("not ({self})"),
        }
    }
}

impl Node {
    /// Calls `visit` on every criterion, left to right.
    pub fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Criterion)) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|p| p.node.visit(visit)),
            Self::Not(part) => part.node.visit(visit),
            Self::Criterion(criterion) => visit(criterion),
        }
    }
}
