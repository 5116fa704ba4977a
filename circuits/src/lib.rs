//! The eligibility statement as an R1CS over BN254, its keys and its proofs.
//!
//! A circuit reads from [`statement`] downwards: [`record`] (the commitment), [`schnorr`] (the hospital's
//! signature), [`predicate`] (the requirement's formula), each beside its native twin and built on
//! [`system`], [`bits`], [`poseidon`] and [`jubjub`]. [`claim`] puts a requirement and a [`credential`]
//! together; [`groth16`] makes keys and proofs.

pub mod bits;
pub mod claim;
pub mod credential;
pub mod groth16;
pub mod issuer;
pub mod jubjub;
pub mod poseidon;
pub mod predicate;
pub mod r1cs;
pub mod record;
pub mod schnorr;
pub mod statement;
pub mod system;
pub mod verifying;
