//! Reading FHIR R4 and R5 JSON: bundles of any kind, single resources, NDJSON, and several files.
//!
//! [`read`] turns files into [`Records`]: every resource with its file and place, copies and older
//! versions set apart. What the resources say is read by [`patient`], [`observation`] and
//! [`statement`]; every reason for not using one is a [`Reason`]. Names of people are never read.
//!
//! Input is taken as from an enemy: bytes, resources, nesting and numbers are limited, and a key given
//! twice in one object is refused.

pub mod element;
mod input;
mod moment;
pub mod observation;
pub mod patient;
mod reason;
mod resource;
pub mod statement;
mod unique;
mod version;

pub use input::{Input, MAX_BYTES, MAX_FILES, MAX_RESOURCES, ReadError, Records, read};
pub use moment::{Moment, MomentError};
pub use reason::Reason;
pub use resource::{References, Resource};
