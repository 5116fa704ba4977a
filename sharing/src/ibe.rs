//! Identity-based encryption under a distributed master key.
//!
//! One encrypts to a *name*; whoever is entitled to it gets the name's key from t of n authorities, or, in an
//! emergency, has t of them decrypt a single message. Names carry an epoch (revocation by not renewing) and,
//! for records, the record and its version, so that a leaked key opens one record.
//!
//! ```text
//! Q = H1[ID](LP(MPK, id))      D_j = x_j Q, checked by e(D_j, P2) = e(Q, V_j)      D = sum of lam_j D_j
//! seal: U = rP2, K || kc = HKDF(e(rQ, MPK), "MEDIBE-V01", LP(MPK, id, U)), C = AEAD_K(m), W as in a capsule
//! ```
//!
//! t authorities together can always extract any key: that escrow is what the threshold is for, and it is
//! stated here because the patient-held keys of [`tcpre`](crate::tcpre) have none.
//!
//! | step | pairings / final exponentiations |
//! | --- | --- |
//! | [`seal`] | 1 / 1 |
//! | [`Sealed::check`] | 2 / 1 |
//! | [`CheckedSealed::open`] | 1 / 1 |
//! | [`Authority::extract`] | 0 |
//! | [`IdentityShare::verify`] | 2 / 1 |
//! | [`IdentityKey::combine`] | 2 / 1 |
//! | [`Authority::decrypt`] | 4 / 4 |
//! | [`DecryptionShare::verify`] | 3 / 3 |

mod emergency;
mod extraction;
mod proxy;
mod sealed;

pub use emergency::{DecryptionShare, VerifiedDecryptionShare};
pub(crate) use extraction::require;
pub use extraction::{
    Authority, ExtractError, Identity, IdentityKey, IdentityShare, VerifiedIdentityShare,
    WrongPurpose,
};
pub use proxy::{
    DelegationKey, ProxyCiphertext, ProxyCiphertextError, TransformedCiphertext, delegate, encrypt,
};
pub use sealed::{CheckedSealed, OpenSealedError, Sealed, SealedError, seal};

/// The identity tag of the core.
pub(crate) struct IdentityTag;

impl crate::bfkem::Tag for IdentityTag {
    const IDENTITY: &'static [u8] = crate::domain::dst::IDENTITY;
    const SHARE: &'static [u8] = b"IBE-share";
}

#[cfg(test)]
mod tests;
