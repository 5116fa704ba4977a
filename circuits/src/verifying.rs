//! Handing keys and proofs over to the verifier contract.

use ark_bn254::Bn254;
use ark_groth16::{Proof as ArkProof, VerifyingKey as ArkVerifyingKey};
use eligo_verifier_contract::{KeyParts, Proof, ProofError, UnsafeKey, VerifyingKey};

/// A verifying key as the contract takes it: linted.
pub fn key(key: &ArkVerifyingKey<Bn254>) -> Result<VerifyingKey, UnsafeKey> {
    VerifyingKey::new(KeyParts {
        alpha: key.alpha_g1,
        beta: key.beta_g2,
        gamma: key.gamma_g2,
        delta: key.delta_g2,
        ic: key.gamma_abc_g1.clone(),
    })
}

/// A proof as the contract takes it.
pub fn proof(proof: &ArkProof<Bn254>) -> Result<Proof, ProofError> {
    Proof::new(proof.a, proof.b, proof.c)
}
