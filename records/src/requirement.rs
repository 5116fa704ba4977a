//! Requirements: what a research institution asks of a record.
//!
//! An author writes a small expression over attribute names; it is parsed ([`Expression`]), checked
//! against a schema and lowered to a [`Program`](crate::program::Program) ([`Expression::check`]), and
//! carried by a published document ([`Requirement`]). [`explain`] says, on the patient's own device,
//! which criteria a record meets and which value decided.
//!
//! * [`syntax`]: the abstract syntax, which prints itself canonically;
//! * [`diagnostic`]: errors and warnings with their place in the source;
//! * [`criteria`]: an expression checked against a schema;
//! * [`explanation`]: which criterion holds, and why.

#[cfg(any(test, feature = "test-util"))]
pub mod arbitrary;
pub mod constant;
pub mod criteria;
pub mod diagnostic;
pub mod document;
pub mod duo;
pub mod explanation;
pub mod interchange;
mod lower;
mod parse;
#[cfg(test)]
mod properties;
pub mod ranges;
pub mod reference;
mod resolve;
pub mod syntax;

pub use constant::Constant;
pub use criteria::Criteria;
pub use diagnostic::{Diagnostic, Severity, Span};
pub use document::{Delivery, Licence, Purpose, Requirement, SchemaReference, Terms};
pub use duo::DuoCode;
pub use explanation::{Explanation, explain};
pub use syntax::Expression;
