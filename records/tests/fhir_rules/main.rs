//! The rules of reading, one by one, on the smallest records that show them.

#![allow(clippy::unwrap_used)]

mod families;
mod files;
mod measurements;
mod record;
mod subjects;
