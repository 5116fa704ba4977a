//! Break-glass: t authorities decrypt one message, without the name's key ever existing in one place. (The
//! name's key would open every message sealed to the same record's emergencies in its region and epoch.)

use std::collections::BTreeMap;

use ark_bls12_381::G2Affine;
use rand_core::{CryptoRng, RngCore};
use zeroize::{Zeroize, Zeroizing};

use super::extraction::require;
use super::{Authority, CheckedSealed, ExtractError, IdentityTag, OpenSealedError, WrongPurpose};
use crate::bfkem::{self, SecretPoint, ShareProof, index};
use crate::dkg::{GroupKey, Participant, Purpose};
use crate::domain::{int, lp, sha256};
use crate::pairing::{self, Gt};
use crate::wire::{Fields, WireError};

const FORMAT: &[u8] = b"MEDIBE-V01-DECRYPTION";

/// rho_j = e(x_j Q, U) with its proof. With t of them anyone opens the message: they go in letters. Wiped when
/// dropped.
///
/// ```compile_fail
/// fn twice(s: eligo_sharing::ibe::DecryptionShare) { drop(s); drop(s); }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecryptionShare {
    authority: Participant,
    proof: ShareProof,
}

/// A decryption share that was checked. Cannot be decoded, only verified. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(s: eligo_sharing::ibe::VerifiedDecryptionShare) { drop(s); drop(s); }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDecryptionShare {
    authority: Participant,
    u: G2Affine,
    rho: Gt,
}

impl Drop for DecryptionShare {
    fn drop(&mut self) {
        self.proof.rho.zeroize();
    }
}

impl Drop for VerifiedDecryptionShare {
    fn drop(&mut self) {
        self.rho.zeroize();
    }
}

fn context(sealed: &CheckedSealed, authority: Participant) -> [Vec<u8>; 2] {
    [
        sha256(&sealed.to_bytes()).to_vec(),
        index(authority.number()).to_vec(),
    ]
}

impl Authority {
    /// Its part of decrypting one message, once policy allows and the ledger has logged it. Four pairings.
    ///
    /// # Errors
    /// [`WrongPurpose`] if the key is not an identity key.
    pub fn decrypt(
        &self,
        key: &GroupKey,
        sealed: &CheckedSealed,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<DecryptionShare, WrongPurpose> {
        require(key, Purpose::Identity)?;
        let authority = self.share.participant();
        let q = sealed.identity.hash(key);
        let d = SecretPoint(self.share.scalar().times_g1(&q));
        let y = pairing::pair(&d.0, &<G2Affine as ark_ec::AffineRepr>::generator());
        let context = context(sealed, authority);
        let context = context.each_ref().map(Vec::as_slice);
        let proof = bfkem::share::<IdentityTag>(&d, &y, &sealed.u, &context, rng);
        Ok(DecryptionShare { authority, proof })
    }
}

impl DecryptionShare {
    /// Who made it.
    #[must_use]
    pub fn authority(&self) -> Participant {
        self.authority
    }

    /// Checks the proof against y_j = e(Q, V_j). Three pairings.
    ///
    /// # Errors
    /// [`ExtractError::WrongShare`] names the authority.
    pub fn verify(
        &self,
        key: &GroupKey,
        sealed: &CheckedSealed,
    ) -> Result<VerifiedDecryptionShare, ExtractError> {
        require(key, Purpose::Identity)?;
        let authority = self.authority;
        let v = key
            .share(authority)
            .ok_or(ExtractError::WrongShare { authority })?;
        let y = pairing::pair(&sealed.identity.hash(key), v);
        let context = context(sealed, authority);
        let context = context.each_ref().map(Vec::as_slice);
        if !bfkem::verify_share::<IdentityTag>(&self.proof, &y, &sealed.u, None, &context) {
            return Err(ExtractError::WrongShare { authority });
        }
        Ok(VerifiedDecryptionShare {
            authority,
            u: sealed.u,
            rho: self.proof.rho,
        })
    }

    /// Canonical bytes. They are secret: send them in a letter.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let [rho, c, z] = self.proof.fields().map(Zeroizing::new);
        Zeroizing::new(lp(&[FORMAT, &int(self.authority.x()), &rho, &c, &z]))
    }

    /// Decodes a share; rho_j must be of order r.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let authority = Participant::new(fields.int("authority")?);
        let authority = authority.ok_or(WireError::Value { field: "authority" })?;
        let proof = ShareProof::read(&mut fields)?;
        fields.end()?;
        Ok(Self { authority, proof })
    }
}

impl CheckedSealed {
    /// Opens with t decryption shares. No pairing, t powers in GT.
    ///
    /// # Errors
    /// [`OpenSealedError`] if they are too few, or the content is not what it says.
    pub fn open_jointly(
        &self,
        key: &GroupKey,
        shares: &[VerifiedDecryptionShare],
    ) -> Result<Zeroizing<Vec<u8>>, OpenSealedError> {
        let need = key.threshold();
        let fitting = shares.iter().filter(|share| share.u == self.u);
        let chosen: BTreeMap<_, _> = fitting.map(|s| (s.authority.x(), s.rho)).collect();
        if chosen.len() < need {
            return Err(OpenSealedError::NotEnough {
                have: chosen.len(),
                need,
            });
        }
        let chosen: Vec<_> = chosen.into_iter().take(need).collect();
        self.open_with(&bfkem::combine(&chosen))
    }
}
