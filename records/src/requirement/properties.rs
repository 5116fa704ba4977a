//! Properties of requirements over random schemas, records and days.

mod evaluator;
mod interchange;
mod language;
