//! The institution opens: t verified shares, and the blinding stripped with b.

use std::collections::BTreeMap;

use super::{CheckedCapsule, ContentKey, VerifiedGrant, VerifiedShare};
use crate::bfkem::{self, SecretPoint};
use crate::keys::ReceivingKey;
use crate::pairing::{self, Gt};
use zeroize::Zeroizing;

/// Why shares do not open a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// Fewer than t different proxies' shares.
    #[error("{have} shares, but {need} are needed")]
    NotEnough {
        /// How many different ones there are.
        have: usize,
        /// t.
        need: usize,
    },
    /// A share was verified against another grant, epoch or capsule.
    #[error("a share was verified against another grant, epoch or capsule")]
    Mixed,
    /// The grant is to another receiving key.
    #[error("the grant is to another receiving key")]
    OtherKey,
    /// The grant is for another record.
    #[error("the grant is for another record than this capsule's")]
    OtherRecord,
    /// All shares are right, and yet the key is not the one committed to: whoever sealed the record is at
    /// fault, and a [dispute](super::Dispute) shows it.
    #[error("the key in the capsule is not the one it commits to: its maker is at fault")]
    KeyCommitment,
}

/// Opens: kap = prod rho_j^lam_j / e(bX1, U). One pairing, t powers in GT. Any t of the shares given are used.
///
/// # Errors
/// [`CombineError`] says what does not fit.
pub fn combine(
    key: &ReceivingKey,
    grant: &VerifiedGrant,
    capsule: &CheckedCapsule,
    shares: &[VerifiedShare],
) -> Result<ContentKey, CombineError> {
    let kap = unblind(key, grant, capsule, shares)?;
    capsule.content_key(&kap).ok_or(CombineError::KeyCommitment)
}

/// kap = prod rho_j^lam_j / e(bX1, U).
pub(super) fn unblind(
    key: &ReceivingKey,
    grant: &VerifiedGrant,
    capsule: &CheckedCapsule,
    shares: &[VerifiedShare],
) -> Result<Zeroizing<Gt>, CombineError> {
    if key.public() != grant.terms().receiver {
        return Err(CombineError::OtherKey);
    }
    let blinded = interpolate(grant, capsule, shares)?;
    // e(bX1, U): bX1 = xB
    let xb = SecretPoint(key.0.times_g1(grant.x1()));
    let strip = Zeroizing::new(pairing::pair(&xb.0, &capsule.u).inverse());
    Ok(Zeroizing::new(*blinded * *strip))
}

/// prod rho_j^lam_j = e(D + xB, U) of t shares that belong together.
pub(super) fn interpolate(
    grant: &VerifiedGrant,
    capsule: &CheckedCapsule,
    shares: &[VerifiedShare],
) -> Result<Zeroizing<Gt>, CombineError> {
    if capsule.key != grant.terms().key || capsule.label != grant.terms().label {
        return Err(CombineError::OtherRecord);
    }
    let mut chosen = BTreeMap::new();
    for share in shares {
        if share.grant != grant.id() || share.epoch != grant.epoch() || share.u != capsule.u {
            return Err(CombineError::Mixed);
        }
        chosen.insert(share.proxy.x(), share.rho);
    }
    let need = grant.terms().proxies.threshold();
    if chosen.len() < need {
        return Err(CombineError::NotEnough {
            have: chosen.len(),
            need,
        });
    }
    let chosen: Vec<_> = chosen.into_iter().take(need).collect();
    Ok(bfkem::combine(&chosen))
}
