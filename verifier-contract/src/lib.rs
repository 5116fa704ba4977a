//! The contract that checks proofs.
//!
//! It knows no attributes and makes no proofs. It owns what every verifier has to agree on: the
//! hashes, the [public inputs](PublicInputs) and their order, the files proofs and keys travel in,
//! what makes a verifying key unsafe, and verification itself. It is deterministic (no clock, no
//! randomness, no I/O), depends on no other part of Eligo and needs only `alloc`.

#![cfg_attr(not(any(feature = "std", test)), no_std)]

extern crate alloc;

mod bases;
pub mod batch;
pub mod day;
pub mod digest;
pub mod field;
pub mod hash;
pub mod inputs;
pub mod issuers;
pub mod key;
pub mod lint;
mod pairing;
pub mod point;
pub mod proof;
pub mod registry;
pub mod snarkjs;
pub mod solidity;
pub mod statement;
pub mod terms;
pub mod verify;

#[cfg(test)]
extern crate self as eligo_verifier_contract;
#[cfg(test)]
#[allow(missing_docs)]
#[path = "../tests/contract/toy/mod.rs"]
mod toy;

pub use ark_bn254::Fr;
pub use batch::{BatchError, Entry, verify_batch};
pub use day::{Day, DayError};
pub use inputs::{InputsError, PUBLIC_INPUTS, PublicInputs};
pub use issuers::{IssuerPath, IssuerTree, IssuersError};
pub use key::{KeyBytesError, KeyDigest, KeyParts, PreparedKey, UnsafeKey, VerifyingKey};
pub use lint::{Finding, lint};
pub use point::{Flaw, Place};
pub use proof::{PROOF_BYTES, PROOF_UNCOMPRESSED_BYTES, Proof, ProofError};
pub use registry::{Registry, RegistryBytesError, RegistryError};
pub use statement::{Context, ContextParts, IssuersRoot, Nullifier, Requirement, Sealed};
pub use terms::{Kind, Terms};
pub use verify::{VerifyError, verify, verify_inputs};
