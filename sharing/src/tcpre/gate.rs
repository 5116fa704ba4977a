//! The optional gate: expiry that holds even if t proxies kept copies of their shares.
//!
//! A gated record's key takes, besides the label's key, a pairing value of a *gate* whose shares x_j are made
//! by distributed key generation and live in hardware that enforces the grant's window:
//!
//! ```text
//! kap' = kap * e(rH, MPK_gate),  H = H1[GATE](LP(MPK_gate, l))      the same r and U
//! gate share: rho_j = e(x_j H, U), with the proof of a re-encryption share against y_j = e(H, V_j)
//! ```
//!
//! So that the patient needs nobody, the content key is also sealed under a label of its own, to the
//! patient's key alone. Grants are never made for that label.
//!
//! Sealing takes 3 pairings, a gate share 4 and its check 3, opening 1 for the institution and 5 for the patient.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use ark_bls12_381::G2Affine;
use ark_ec::AffineRepr;
use rand_core::{CryptoRng, RngCore};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::capsule::{DecapsulateError, Opening, halves};
use super::content::{OpenContentError, SealError, encrypt};
use super::open::{CombineError, unblind};
use super::{Capsule, CheckedCapsule, ContentKey, GrantId, Label, SchemaId, VerifiedGrant};
use super::{CapsuleError, VerifiedShare, seal};
use crate::bfkem::{self, SecretPoint, ShareProof, index};
use crate::curve;
use crate::dkg::{GroupKey, KeyShare, Participant, Purpose};
use crate::domain::{self, dst, int, lp};
use crate::ibe::{WrongPurpose, require};
use crate::keys::{ReceivingKey, RecordKey, RecordPublicKey};
use crate::pairing::{self, Gt};
use crate::scalar::SecretScalar;
use crate::wire::{Fields, WireError};

struct GateTag;

impl bfkem::Tag for GateTag {
    const IDENTITY: &'static [u8] = dst::GATE;
    const SHARE: &'static [u8] = b"GATE-share";
}

/// The capsules of a gated record: one that takes grant and gate, one for the patient alone with the content
/// key sealed in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatedRecord {
    /// Names the record; opened by grant and gate together.
    pub capsule: Capsule,
    /// Opened by the patient.
    pub own: Capsule,
    /// The content key, sealed to `own`.
    pub own_key: Vec<u8>,
}

/// Why a gated record does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenGatedError {
    /// The gate's key is for something else.
    #[error(transparent)]
    Purpose(#[from] WrongPurpose),
    /// The grant's shares do not open.
    #[error(transparent)]
    Combine(#[from] CombineError),
    /// Too few of the gate's shares belong to this grant and capsule.
    #[error("{have} fitting shares of the gate, but {need} are needed")]
    GateShut {
        /// Fitting shares.
        have: usize,
        /// t of the gate.
        need: usize,
    },
    /// The patient's own capsule does not belong to the record.
    #[error("the patient's own capsule does not belong to the record")]
    OtherRecord,
    /// The patient's own capsule was altered.
    #[error(transparent)]
    Capsule(#[from] CapsuleError),
    /// The patient's own capsule does not open.
    #[error(transparent)]
    Decapsulate(#[from] DecapsulateError),
    /// The content key in it does not open.
    #[error(transparent)]
    OwnKey(#[from] OpenContentError),
}

/// K || kc = HKDF(ikm = kap', salt = "MEDPRE-V01-GATED", info = LP(A, l, U, MPK_gate), 64).
fn derive(
    key: &RecordPublicKey,
    label: &Label,
    u: &G2Affine,
    gate: &GroupKey,
    kap: &Gt,
) -> ([u8; 32], [u8; 32]) {
    let u = curve::encode_g2(u);
    let info = lp(&[&key.to_bytes(), label.as_bytes(), &u, &gate.master_bytes()]);
    let kap = Zeroizing::new(kap.to_bytes());
    halves(&domain::kdf::<64>(
        b"MEDPRE-V01-GATED",
        kap.as_slice(),
        &info,
    ))
}

/// Seals a record to (A, l) behind a gate, and its key to the patient alone. As
/// [`seal`](super::seal()), but three pairings.
///
/// # Errors
/// [`SealGatedError`] if the gate's key is for something else, or reading or writing fails.
pub fn seal_gated(
    key: &RecordPublicKey,
    label: Label,
    schema: SchemaId,
    gate: &GroupKey,
    record: impl Read,
    sealed: impl Write,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<GatedRecord, SealGatedError> {
    require(gate, Purpose::Gate)?;
    let opening = Opening::new(key, label, SecretScalar::random(rng));
    let h = bfkem::hash_id::<GateTag>(gate.master(), label.as_bytes());
    let through_gate = opening.encapsulation.also(&h, gate.master());
    let kap = Zeroizing::new(*opening.encapsulation.kap * *through_gate);
    let (mut k, kc) = derive(key, &label, &opening.encapsulation.u, gate, &kap);
    let outcome = encrypt(&k, &label, &schema, record, sealed).and_then(|digest| {
        let mut own_key = Vec::new();
        let own = seal(
            key,
            label.for_self(),
            schema,
            k.as_slice(),
            &mut own_key,
            rng,
        )?;
        Ok((digest, own, own_key))
    });
    k.zeroize();
    let (digest, own, own_key) = outcome?;
    Ok(GatedRecord {
        capsule: opening.close(kc, digest),
        own,
        own_key,
    })
}

/// Why a record is not sealed behind a gate.
#[derive(Debug, thiserror::Error)]
pub enum SealGatedError {
    /// The gate's key is for something else.
    #[error(transparent)]
    Purpose(#[from] WrongPurpose),
    /// Reading or writing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The patient opens a gated record's key without the gate. Five pairings, three final exponentiations: both
/// capsules are checked.
///
/// # Errors
/// [`OpenGatedError`] says what does not fit.
pub fn open_gated_alone(
    key: &RecordKey,
    record: &GatedRecord,
) -> Result<ContentKey, OpenGatedError> {
    let capsule = record.capsule.clone().check()?;
    let own = record.own.clone().check()?;
    if own.label != capsule.label.for_self() || own.key != capsule.key {
        return Err(OpenGatedError::OtherRecord);
    }
    let mut k = Zeroizing::new(Vec::new());
    own.decapsulate(key)?
        .open(record.own_key.as_slice(), &mut *k)?;
    let k = <[u8; 32]>::try_from(k.as_slice()).map_err(|_| OpenGatedError::OtherRecord)?;
    Ok(ContentKey::new(k, capsule.label, capsule.digest))
}

/// One holder of the gate: hardware that knows the time, with a share of the gate's key.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::tcpre::GateKey) { drop(k); drop(k); }
/// ```
#[derive(Debug)]
pub struct GateKey(KeyShare);

/// rho_j = e(x_j H, U) with its proof, bound to a grant, to be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateShare {
    grant: GrantId,
    holder: Participant,
    proof: ShareProof,
}

/// A gate's share that was checked. Cannot be decoded, only verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedGateShare {
    grant: GrantId,
    holder: Participant,
    u: G2Affine,
    rho: Gt,
}

/// Why a gate stays shut, or its share is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateShareError {
    /// The gate's key is for something else.
    #[error(transparent)]
    Purpose(#[from] WrongPurpose),
    /// The grant's window is not open.
    #[error("the grant holds from {not_before} to {not_after} only")]
    Closed {
        /// Its first second.
        not_before: u64,
        /// Its last second.
        not_after: u64,
    },
    /// The capsule is of another record than the grant.
    #[error("the capsule is of another record than the grant")]
    OtherRecord,
    /// The share's proof fails.
    #[error("gate holder {holder} gave a wrong share")]
    Wrong {
        /// The holder.
        holder: Participant,
    },
}

fn context(grant: &GrantId, holder: Participant) -> [Vec<u8>; 2] {
    [grant.as_bytes().to_vec(), index(holder.number()).to_vec()]
}

fn same_record(grant: &VerifiedGrant, capsule: &CheckedCapsule) -> Result<(), GateShareError> {
    if capsule.key == grant.terms().key && capsule.label == grant.terms().label {
        Ok(())
    } else {
        Err(GateShareError::OtherRecord)
    }
}

impl GateKey {
    /// Takes up office with a share of a gate key.
    ///
    /// # Errors
    /// [`WrongPurpose`] if the share is of another kind of key.
    pub fn new(share: KeyShare) -> Result<Self, WrongPurpose> {
        match share.purpose() {
            Purpose::Gate => Ok(Self(share)),
            found => Err(WrongPurpose {
                found,
                expected: Purpose::Gate,
            }),
        }
    }

    /// Opens the gate by one share for one grant, within its window. Four pairings.
    ///
    /// # Errors
    /// [`GateShareError`] if the window is closed or the capsule another record's.
    pub fn open(
        &self,
        gate: &GroupKey,
        grant: &VerifiedGrant,
        capsule: &CheckedCapsule,
        now: u64,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<GateShare, GateShareError> {
        require(gate, Purpose::Gate)?;
        let window = grant.terms().window;
        if !window.holds(now) {
            let (not_before, not_after) = (window.not_before(), window.not_after());
            return Err(GateShareError::Closed {
                not_before,
                not_after,
            });
        }
        same_record(grant, capsule)?;
        let h = bfkem::hash_id::<GateTag>(gate.master(), capsule.label.as_bytes());
        let k = SecretPoint(self.0.scalar().times_g1(&h));
        let y = pairing::pair(&k.0, &G2Affine::generator());
        let (grant, holder) = (grant.id(), self.0.participant());
        let context = context(&grant, holder);
        let context = context.each_ref().map(Vec::as_slice);
        let proof = bfkem::share::<GateTag>(&k, &y, &capsule.u, &context, rng);
        Ok(GateShare {
            grant,
            holder,
            proof,
        })
    }
}

impl GateShare {
    /// Checks the proof against y_j = e(H, V_j). Three pairings.
    ///
    /// # Errors
    /// [`GateShareError`] names the holder.
    pub fn verify(
        &self,
        gate: &GroupKey,
        grant: &VerifiedGrant,
        capsule: &CheckedCapsule,
    ) -> Result<VerifiedGateShare, GateShareError> {
        require(gate, Purpose::Gate)?;
        same_record(grant, capsule)?;
        let holder = self.holder;
        let v = gate.share(holder).filter(|_| self.grant == grant.id());
        let v = v.ok_or(GateShareError::Wrong { holder })?;
        let h = bfkem::hash_id::<GateTag>(gate.master(), capsule.label.as_bytes());
        let context = context(&self.grant, holder);
        let context = context.each_ref().map(Vec::as_slice);
        if !bfkem::verify_share::<GateTag>(
            &self.proof,
            &pairing::pair(&h, v),
            &capsule.u,
            None,
            &context,
        ) {
            return Err(GateShareError::Wrong { holder });
        }
        Ok(VerifiedGateShare {
            grant: self.grant,
            holder,
            u: capsule.u,
            rho: self.proof.rho,
        })
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let [rho, c, z] = self.proof.fields();
        lp(&[
            FORMAT,
            self.grant.as_bytes(),
            &int(self.holder.x()),
            &rho,
            &c,
            &z,
        ])
    }

    /// Decodes a share; rho_j must be of order r.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let grant = GrantId::new(fields.array("grant")?);
        let holder = Participant::new(fields.int("holder")?);
        let holder = holder.ok_or(WireError::Value { field: "holder" })?;
        let proof = ShareProof::read(&mut fields)?;
        fields.end()?;
        Ok(Self {
            grant,
            holder,
            proof,
        })
    }
}

const FORMAT: &[u8] = b"MEDPRE-V01-GATE-SHARE";

/// The institution opens a gated record: t shares of the grant and t of the gate. One pairing.
///
/// # Errors
/// [`OpenGatedError`] says what does not fit.
pub fn combine_gated(
    key: &ReceivingKey,
    grant: &VerifiedGrant,
    capsule: &CheckedCapsule,
    shares: &[VerifiedShare],
    gate: &GroupKey,
    gate_shares: &[VerifiedGateShare],
) -> Result<ContentKey, OpenGatedError> {
    require(gate, Purpose::Gate)?;
    let need = gate.threshold();
    let fitting = gate_shares
        .iter()
        .filter(|s| s.grant == grant.id() && s.u == capsule.u);
    let chosen: BTreeMap<_, _> = fitting.map(|s| (s.holder.x(), s.rho)).collect();
    if chosen.len() < need {
        return Err(OpenGatedError::GateShut {
            have: chosen.len(),
            need,
        });
    }
    let chosen: Vec<_> = chosen.into_iter().take(need).collect();
    let kap = unblind(key, grant, capsule, shares)?;
    let kap = Zeroizing::new(*kap * *bfkem::combine(&chosen));
    let (k, kc) = derive(&capsule.key, &capsule.label, &capsule.u, gate, &kap);
    let content = ContentKey::new(k, capsule.label, capsule.digest);
    if bool::from(kc.as_slice().ct_eq(&capsule.commitment)) {
        Ok(content)
    } else {
        Err(CombineError::KeyCommitment.into())
    }
}
