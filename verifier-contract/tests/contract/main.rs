//! The contract from outside, beside stock arkworks. One program: each would compile the curve again.

#![allow(clippy::unwrap_used)]

mod lint;
mod snarkjs;
mod toy;
mod verification;
