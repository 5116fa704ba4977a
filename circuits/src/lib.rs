//! The eligibility statement as an R1CS over BN254, its keys and its proofs.

pub mod bits;
pub mod groth16;
pub mod jubjub;
pub mod poseidon;
pub mod predicate;
pub mod r1cs;
pub mod record;
pub mod schnorr;
pub mod statement;
pub mod system;
