//! The contract that checks proofs.
//!
//! It knows no attributes and makes no proofs. It owns what every verifier has to agree on: the
//! hashes, the [public inputs](PublicInputs) and their order, the files proofs and keys travel in,
//! what makes a verifying key unsafe, and verification itself. It is deterministic (no clock, no
//! randomness, no I/O), depends on no other part of Eligo and needs only `alloc`.

#![cfg_attr(not(any(feature = "std", test)), no_std)]

extern crate alloc;

pub mod day;
pub mod digest;
pub mod field;
pub mod hash;
pub mod inputs;
pub mod issuers;
pub mod statement;
pub mod terms;

pub use ark_bn254::Fr;
pub use day::{Day, DayError};
pub use inputs::{InputsError, PUBLIC_INPUTS, PublicInputs};
pub use issuers::{IssuerPath, IssuerTree, IssuersError};
pub use statement::{Context, ContextParts, IssuersRoot, Nullifier, Requirement, Sealed};
pub use terms::{Kind, Terms};
