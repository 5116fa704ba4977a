//! The verifier, and a gate for claims, in Solidity.
//!
//! Both are templates of our own beside this file; keys enter as constants. What they accept is
//! what [`verify_inputs`](crate::verify_inputs) accepts: inputs below the modulus, points in their
//! groups and not the identity, the same equation.

use alloc::{format, string::String};

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;

use crate::{
    digest::field_digest, field::to_decimal, inputs::PUBLIC_INPUTS, key::VerifyingKey,
    statement::Context,
};

const VERIFIER: &str = include_str!("solidity/Groth16Verifier.sol");
const GATE: &str = include_str!("solidity/EligibilityGate.sol");

/// Most public inputs of a contract: each takes about 150 bytes of the 24,576 that code may have.
pub const MAX_INPUTS: usize = 100;

/// Selector of `InputNotCanonical(uint256)`.
const INPUT_NOT_CANONICAL: &str = "0x14ce44f9";
/// Selector of `ProofInvalid()`.
const PROOF_INVALID: &str = "0x7fcdd1f4";

/// Why there is no contract for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SolidityError {
    /// None, or too many for one contract.
    #[error("{0} public inputs; a contract can have 1 to 100")]
    Inputs(usize),
    /// A gate checks the eligibility statement and no other.
    #[error("a key for {0} public inputs; the eligibility statement has 6")]
    NotTheStatement(usize),
}

/// A contract `Groth16Verifier` with `verify(uint256[8] proof, uint256[n] inputs)`, which reverts
/// unless the proof is valid. The proof's eight words are
/// [`Proof::to_uncompressed_bytes`](crate::Proof::to_uncompressed_bytes).
pub fn verifier(key: &VerifyingKey) -> Result<String, SolidityError> {
    let count = key.inputs();
    if !(1..=MAX_INPUTS).contains(&count) {
        return Err(SolidityError::Inputs(count));
    }
    Ok(VERIFIER
        .replace("{{KEY_DIGEST}}", &format!("{}", key.digest()))
        .replace("{{CONSTANTS}}", &constants(key))
        .replace("{{COUNT}}", &format!("{count}"))
        .replace("{{INPUT_NOT_CANONICAL}}", INPUT_NOT_CANONICAL)
        .replace("{{PROOF_INVALID}}", PROOF_INVALID)
        .replace("{{FOLDS}}", &folds(count)))
}

/// The verifier and a contract `EligibilityGate` that accepts claims on one requirement.
pub fn gate(key: &VerifyingKey) -> Result<String, SolidityError> {
    if key.inputs() != PUBLIC_INPUTS {
        return Err(SolidityError::NotTheStatement(key.inputs()));
    }
    Ok(verifier(key)? + GATE)
}

/// The context of a claim at a gate: F("context", chain, contract, account, grant) with the chain's
/// number in eight bytes and addresses in twenty.
pub fn context(chain: u64, contract: &[u8; 20], account: &[u8; 20], grant: &[u8; 32]) -> Context {
    let parts: [&[u8]; 4] = [&chain.to_be_bytes(), contract, account, grant];
    Context::from_field(field_digest("context", &parts))
}

fn constants(key: &VerifyingKey) -> String {
    let parts = key.parts();
    let mut out = String::new();
    g1(&mut out, "ALPHA", &parts.alpha);
    g2(&mut out, "BETA_NEG", &-parts.beta);
    g2(&mut out, "GAMMA_NEG", &-parts.gamma);
    g2(&mut out, "DELTA_NEG", &-parts.delta);
    for (i, base) in parts.ic.iter().enumerate() {
        g1(&mut out, &format!("IC{i}"), base);
    }
    out
}

fn g1(out: &mut String, name: &str, point: &G1Affine) {
    // A checked key has no identity.
    let (x, y) = point.xy().unwrap_or_default();
    constant(out, name, "X", &to_decimal(&x));
    constant(out, name, "Y", &to_decimal(&y));
}

fn g2(out: &mut String, name: &str, point: &G2Affine) {
    let (x, y) = point.xy().unwrap_or_default();
    for (part, number) in [("X1", x.c1), ("X0", x.c0), ("Y1", y.c1), ("Y0", y.c0)] {
        constant(out, name, part, &to_decimal(&number));
    }
}

fn constant(out: &mut String, name: &str, part: &str, number: &str) {
    out.push_str(&format!(
        "    uint256 private constant {name}_{part} =\n        {number};\n"
    ));
}

fn folds(count: usize) -> String {
    let mut out = String::new();
    for i in 0..count {
        let base = i + 1;
        out.push_str(&format!(
            "            ok := and(ok, fold(sum, IC{base}_X, IC{base}_Y, calldataload(add(inputs, {offset:#x})), {i}))\n",
            offset = 32 * i,
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy::Toy;

    #[test]
    fn keys_enter_as_constants() {
        for count in [1, 6, MAX_INPUTS] {
            let key = Toy::new(count, 1).key();
            let source = verifier(&key).unwrap();
            assert!(!source.contains("{{"), "a placeholder is left");
            assert_eq!(source.matches("fold(sum, ").count(), count);
            assert!(source.contains(&format!("uint256[{count}] calldata inputs")));
            assert!(source.contains(&format!("0x{}", key.digest())));
            for base in &key.parts().ic {
                assert!(source.contains(&to_decimal(&base.x)));
            }
        }
    }

    #[test]
    fn refused() {
        let error = |count| Err(SolidityError::Inputs(count));
        assert_eq!(verifier(&Toy::new(0, 1).key()), error(0));
        assert_eq!(verifier(&Toy::new(101, 1).key()), error(101));
        assert_eq!(
            gate(&Toy::new(5, 1).key()),
            Err(SolidityError::NotTheStatement(5))
        );
    }

    /// A context at a gate is the ledger's formula without shares.
    #[test]
    fn contexts() {
        let parts = crate::ContextParts {
            chain: &[0, 0, 0, 0, 0, 0, 0, 1],
            contract: &[2; 20],
            account: &[3; 20],
            grant: &[4; 32],
            shares: &[],
        };
        assert_eq!(
            context(1, &[2; 20], &[3; 20], &[4; 32]),
            Context::of(&parts)
        );
    }
}
