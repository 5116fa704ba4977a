//! Taking a grant back before it is used, or before it is used again.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::GrantId;
use crate::domain::lp;
use crate::wire::{Fields, WireError};

/// The patient's word that a grant no longer holds. Effective while fewer than t proxies disobey it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    grant: GrantId,
    signature: Signature,
}

/// Why a revocation is not obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// It revokes another grant.
    #[error("the revocation is of another grant")]
    OtherGrant,
    /// The encounter key of the grant did not sign it.
    #[error("the revocation is not signed by the encounter key that granted")]
    Signature,
}

const FORMAT: &[u8] = b"MEDPRE-V01-REVOKE";

impl Revocation {
    /// Revokes a grant, signed by the encounter key that granted it.
    #[must_use]
    pub fn new(grant: GrantId, signer: &SigningKey) -> Self {
        Self {
            grant,
            signature: signer.sign(&lp(&[FORMAT, grant.as_bytes()])),
        }
    }

    /// The grant it is about.
    #[must_use]
    pub fn grant(&self) -> GrantId {
        self.grant
    }

    /// Checks that it is of this grant and by its signer.
    ///
    /// # Errors
    /// [`RevocationError`] says which it is not.
    pub fn verify(&self, grant: &GrantId, signer: &VerifyingKey) -> Result<(), RevocationError> {
        if self.grant != *grant {
            return Err(RevocationError::OtherGrant);
        }
        signer
            .verify_strict(&lp(&[FORMAT, grant.as_bytes()]), &self.signature)
            .map_err(|_| RevocationError::Signature)
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        lp(&[FORMAT, self.grant.as_bytes(), &self.signature.to_bytes()])
    }

    /// Decodes a revocation.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let grant = GrantId::new(fields.array("grant")?);
        let signature = Signature::from_bytes(&fields.array("signature")?);
        fields.end()?;
        Ok(Self { grant, signature })
    }
}
