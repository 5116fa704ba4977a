//! Verification of one proof.

use ark_bn254::{Fr, G1Affine};
use ark_ec::CurveGroup;
use ark_ff::Field;

use crate::{
    inputs::PublicInputs,
    key::PreparedKey,
    pairing::{finish, miller},
    proof::Proof,
};

/// Why a proof is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The key is for another number of public inputs: missing ones do not count as 0.
    #[error("{got} public inputs; the verifying key is for {expected}")]
    InputCount {
        /// What the key is for.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// The proof does not prove these inputs under this key.
    #[error("the proof is not valid for these public inputs")]
    Rejected,
}

/// Checks a proof of the eligibility statement.
///
/// A proof can be re-randomised by anyone into another that is as valid; what makes a copy
/// worthless is `context`, and what makes a second claim impossible is `nullifier`. The caller
/// recomputes every public input it can: it takes none from the claimant.
pub fn verify(key: &PreparedKey, proof: &Proof, inputs: &PublicInputs) -> Result<(), VerifyError> {
    verify_inputs(key, proof, &inputs.to_field_elements())
}

/// Checks a proof of any statement: as many inputs as the key is for, three pairs in one Miller
/// loop, one final exponentiation.
pub fn verify_inputs(key: &PreparedKey, proof: &Proof, inputs: &[Fr]) -> Result<(), VerifyError> {
    check_count(key, inputs)?;
    // e(A, B) e(X, -gamma) e(C, -delta) = e(alpha, beta)
    let x: G1Affine = key.bases.sum(&Fr::ONE, inputs).into_affine();
    let f = miller(
        &[(*proof.a(), *proof.b())],
        &[(x, &key.gamma_neg), (*proof.c(), &key.delta_neg)],
    );
    match finish(f) == Some(key.alpha_beta) {
        true => Ok(()),
        false => Err(VerifyError::Rejected),
    }
}

/// Refuses missing and extra inputs.
pub(crate) fn check_count(key: &PreparedKey, inputs: &[Fr]) -> Result<(), VerifyError> {
    let (expected, got) = (key.inputs(), inputs.len());
    match expected == got {
        true => Ok(()),
        false => Err(VerifyError::InputCount { expected, got }),
    }
}
