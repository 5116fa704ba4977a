//! The eligibility statement as an R1CS over BN254, its keys and its proofs.

pub mod groth16;
pub mod r1cs;
