//! From a hospital's FHIR bundle to the integers a circuit can read, and the language in which a
//! research institution says what those integers must satisfy.
//!
//! * [`schema`]: a published, ordered, versioned list of attributes;
//! * [`cell`]: how attributes become cells, and cells become packed field elements;
//! * [`civil`], [`code`], [`decimal`]: dates, codes and exact decimals as order-preserving integers;
//! * [`fhir`]: reading FHIR R4 and R5 resources;
//! * [`issue`]: making the cells of one patient, with a report of what was used and what was not;
//! * [`program`]: a requirement after parsing and type checking, in negation normal form, with the
//!   native evaluator that the circuits must agree with.
//!
//! This crate knows no cryptography beyond SHA-256 and nothing of Eligo's other crates.

pub mod cell;
pub mod civil;
pub mod code;
pub mod decimal;
pub mod fhir;
pub mod issue;
pub mod program;
pub mod requirement;
pub mod schema;
