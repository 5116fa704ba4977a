//! The requirement language over a small schema.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "requirement/document.rs"]
mod document;
#[path = "requirement/explanation.rs"]
mod explanation;
#[path = "requirement/language.rs"]
mod language;
#[path = "requirement/small.rs"]
mod small;
