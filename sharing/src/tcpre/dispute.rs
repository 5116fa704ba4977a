//! Who lied, shown without giving away the receiving key or the label's key.
//!
//! Grant and shares were verified, so if the combined key is not the one committed to, or the content does
//! not decrypt or is not what was signed, only the maker of the capsule can be at fault. The transcript is
//! v = e(bX1, U) with a Chaum-Pedersen proof that log_P1 B = log_e(X1,U) v; with it anyone computes kap.

use ark_bls12_381::{Fr, G1Affine};
use ark_ec::{AffineRepr, CurveGroup};
use rand_core::{CryptoRng, RngCore};

use super::open::interpolate;
use super::{CheckedCapsule, CombineError, ContentKey, GrantId, VerifiedGrant, VerifiedShare};
use crate::bfkem::SecretPoint;
use crate::curve::{self, SCALAR_BYTES};
use crate::domain::{self, lp};
use crate::keys::{ReceivingKey, ReceivingPublicKey};
use crate::pairing::{self, GT_BYTES, Gt};
use crate::scalar::Hedge;
use crate::wire::{Fields, WireError};

const FORMAT: &[u8] = b"MEDPRE-V01-DISPUTE";

/// v, c, z of one grant's dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    grant: GrantId,
    v: Gt,
    c: Fr,
    z: Fr,
}

/// A transcript that shows a wrong key commitment. It opens nothing, so it can be public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDispute(pub Transcript);

/// What an institution can show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dispute {
    /// The key commitment is wrong: for the ledger.
    KeyCommitment(KeyDispute),
    /// The key is right, so what is wrong must be the content. This transcript **opens the record**: it goes,
    /// encrypted, to arbiters alone.
    Content(Transcript),
}

/// Why a dispute cannot be raised or judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisputeError {
    /// The shares do not belong together.
    #[error(transparent)]
    Combine(#[from] CombineError),
    /// The transcript is of another grant.
    #[error("the transcript is of another grant")]
    OtherGrant,
    /// The transcript's proof fails: its maker, not the hospital, is at fault.
    #[error("the transcript's proof fails: who raised the dispute is at fault")]
    Transcript,
}

/// What a transcript shows.
#[derive(Debug)]
pub enum Verdict {
    /// The capsule commits to another key than it carries: whoever sealed it is at fault.
    SealerAtFault,
    /// The key stands. With it an arbiter opens the ciphertext: if that fails, or the content is not what
    /// the hospital signed, the hospital is at fault; else the disputer.
    KeyStands(ContentKey),
}

fn challenge(grant: &VerifiedGrant, u: &[u8], base: &Gt, v: &Gt, a1: &G1Affine, a2: &Gt) -> Fr {
    domain::hash_to_scalar(&lp(&[
        b"TCPRE-dispute",
        grant.id().as_bytes(),
        &grant.terms().receiver.to_bytes(),
        u,
        &base.to_bytes(),
        &v.to_bytes(),
        &curve::encode_g1(a1),
        &a2.to_bytes(),
    ]))
}

impl Dispute {
    /// Makes the transcript, and says whom it may be shown to. Two pairings.
    ///
    /// # Errors
    /// [`DisputeError::Combine`] if the shares do not belong to grant and capsule.
    pub fn raise(
        key: &ReceivingKey,
        grant: &VerifiedGrant,
        capsule: &CheckedCapsule,
        shares: &[VerifiedShare],
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Self, DisputeError> {
        if key.public() != grant.terms().receiver {
            return Err(CombineError::OtherKey.into());
        }
        let blinded = interpolate(grant, capsule, shares)?;
        let base = pairing::pair(grant.x1(), &capsule.u);
        let xb = SecretPoint(key.0.times_g1(grant.x1()));
        let v = pairing::pair(&xb.0, &capsule.u);
        let u = curve::encode_g2(&capsule.u);
        let hedge = Hedge::new(
            key.to_bytes().as_slice(),
            &lp(&[grant.id().as_bytes(), &u]),
            rng,
        );
        let w = hedge.scalar(b"w");
        let (a1, a2) = (w.in_g1(), base.pow_secret(w.expose()));
        let c = challenge(grant, &u, &base, &v, &a1, &a2);
        let z = *w.expose() + c * key.0.expose();
        let transcript = Transcript {
            grant: grant.id(),
            v,
            c,
            z,
        };
        Ok(match capsule.content_key(&(*blinded * v.inverse())) {
            None => Self::KeyCommitment(KeyDispute(transcript)),
            Some(_) => Self::Content(transcript),
        })
    }
}

impl Transcript {
    /// Judges: checks the proof and recomputes kap. One pairing, t + 2 powers in GT.
    ///
    /// # Errors
    /// [`DisputeError`] if the transcript proves nothing.
    pub fn judge(
        &self,
        grant: &VerifiedGrant,
        capsule: &CheckedCapsule,
        shares: &[VerifiedShare],
    ) -> Result<Verdict, DisputeError> {
        if self.grant != grant.id() {
            return Err(DisputeError::OtherGrant);
        }
        let blinded = interpolate(grant, capsule, shares)?;
        let ReceivingPublicKey(b) = grant.terms().receiver;
        let base = pairing::pair(grant.x1(), &capsule.u);
        // a1 = zP1 - cB, a2 = e(X1,U)^z / v^c
        let a1 = (G1Affine::generator() * self.z - b * self.c).into_affine();
        let a2 = base.pow(&self.z) * self.v.pow(&self.c).inverse();
        let u = curve::encode_g2(&capsule.u);
        if challenge(grant, &u, &base, &self.v, &a1, &a2) != self.c {
            return Err(DisputeError::Transcript);
        }
        Ok(match capsule.content_key(&(*blinded * self.v.inverse())) {
            None => Verdict::SealerAtFault,
            Some(key) => Verdict::KeyStands(key),
        })
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        lp(&[
            FORMAT,
            self.grant.as_bytes(),
            &self.v.to_bytes(),
            &curve::encode_scalar(&self.c),
            &curve::encode_scalar(&self.z),
        ])
    }

    /// Decodes a transcript; v must be of order r.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let grant = GrantId::new(fields.array("grant")?);
        let v = fields.point("v", GT_BYTES, Gt::from_bytes)?;
        let c = fields.point("c", SCALAR_BYTES, curve::decode_scalar)?;
        let z = fields.point("z", SCALAR_BYTES, curve::decode_scalar)?;
        fields.end()?;
        Ok(Self { grant, v, c, z })
    }
}
