//! The capsule: 336 bytes on the ledger that carry a record's key to whoever has the label's.

use ark_bls12_381::{G1Affine, G2Affine};
use subtle::ConstantTimeEq;

use super::{ContentKey, Label, LabelTag};
use crate::bfkem::{self, SecretPoint};
use crate::curve::{self, G1_BYTES, G2_BYTES};
use crate::domain::{self, lp};
use crate::keys::{RecordKey, RecordPublicKey};
use crate::pairing::Gt;
use crate::scalar::SecretScalar;
use crate::wire::WireError;

/// (A, l, U, W, kc, d), not yet checked: record key and label, the encapsulation U = rP2, the tag W that
/// keeps anyone from altering the rest, a commitment kc to the content key, and the ciphertext's digest d.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capsule {
    pub(super) key: RecordPublicKey,
    pub(super) label: Label,
    pub(super) u: G2Affine,
    w: G1Affine,
    pub(super) commitment: [u8; 32],
    pub(super) digest: [u8; 32],
}

/// A capsule whose tag W does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the capsule of label {label} was altered: its tag does not fit")]
pub struct CapsuleError {
    /// The capsule's label.
    pub label: Label,
}

/// A capsule whose tag fits: what it says is what its maker, who knew r, put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCapsule(Capsule);

/// Why a capsule does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecapsulateError {
    /// It is sealed to another record key.
    #[error("the capsule is sealed to another key")]
    OtherKey,
    /// The key inside is not the one committed to.
    #[error("the key in the capsule is not the one it commits to")]
    KeyCommitment,
}

/// K || kc = HKDF(ikm = kap, salt = "MEDPRE-V01", info = LP(A, l, U), 64).
fn derive(key: &RecordPublicKey, label: &Label, u: &G2Affine, kap: &Gt) -> ([u8; 32], [u8; 32]) {
    let info = lp(&[&key.to_bytes(), label.as_bytes(), &curve::encode_g2(u)]);
    let mut kap = kap.to_bytes();
    let okm = domain::kdf::<64>(b"MEDPRE-V01", &kap, &info);
    zeroize::Zeroize::zeroize(&mut kap);
    halves(&okm)
}

pub(super) fn halves(okm: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (mut low, mut high) = ([0; 32], [0; 32]);
    let (a, b) = okm.split_at(32);
    low.copy_from_slice(a);
    high.copy_from_slice(b);
    (low, high)
}

/// An encapsulation before the content is sealed and its digest known.
pub(super) struct Opening {
    key: RecordPublicKey,
    label: Label,
    pub(super) encapsulation: bfkem::Encapsulation,
}

impl Opening {
    /// U = rP2, kap = e(rQ_l, A).
    pub(super) fn new(key: &RecordPublicKey, label: Label, r: SecretScalar) -> Self {
        let encapsulation = bfkem::encap::<LabelTag>(&key.0, label.as_bytes(), r);
        Self {
            key: *key,
            label,
            encapsulation,
        }
    }

    /// K and kc.
    pub(super) fn derive(&self) -> ([u8; 32], [u8; 32]) {
        derive(
            &self.key,
            &self.label,
            &self.encapsulation.u,
            &self.encapsulation.kap,
        )
    }

    /// W = r H1\[CAPTAG\](LP(A, l, U, kc, d)); r is gone afterwards.
    pub(super) fn close(self, commitment: [u8; 32], digest: [u8; 32]) -> Capsule {
        let u = self.encapsulation.u;
        let statement = statement(&self.key, &self.label, &u, &commitment, &digest);
        let w = self.encapsulation.tag(&statement);
        Capsule {
            key: self.key,
            label: self.label,
            u,
            w,
            commitment,
            digest,
        }
    }
}

fn statement(
    key: &RecordPublicKey,
    label: &Label,
    u: &G2Affine,
    commitment: &[u8; 32],
    digest: &[u8; 32],
) -> Vec<u8> {
    lp(&[
        &key.to_bytes(),
        label.as_bytes(),
        &curve::encode_g2(u),
        commitment,
        digest,
    ])
}

impl Capsule {
    /// Bytes of the encoding: A 96, l 32, U 96, W 48, kc 32, d 32.
    pub const BYTES: usize = 336;

    /// e(W, P2) = e(H1\[CAPTAG\](LP(A, l, U, kc, d)), U). Two pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`CapsuleError`] if anything in the capsule was altered.
    pub fn check(self) -> Result<CheckedCapsule, CapsuleError> {
        let statement = statement(
            &self.key,
            &self.label,
            &self.u,
            &self.commitment,
            &self.digest,
        );
        if bfkem::check(&self.u, &self.w, &statement) {
            Ok(CheckedCapsule(self))
        } else {
            Err(CapsuleError { label: self.label })
        }
    }

    /// A, the record key it is sealed to.
    #[must_use]
    pub fn key(&self) -> &RecordPublicKey {
        &self.key
    }

    /// l, the record's label.
    #[must_use]
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// d, the digest of the stored ciphertext (header included).
    #[must_use]
    pub fn ciphertext_digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// kc, the commitment to the content key.
    #[must_use]
    pub fn key_commitment(&self) -> &[u8; 32] {
        &self.commitment
    }

    /// SHA-256 of the encoding: half of what a credential's `sealed` binds.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        domain::sha256(&self.to_bytes())
    }

    /// The 336 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut out = [0u8; Self::BYTES];
        let parts: [&[u8]; 6] = [
            &self.key.to_bytes(),
            self.label.as_bytes(),
            &curve::encode_g2(&self.u),
            &curve::encode_g1(&self.w),
            &self.commitment,
            &self.digest,
        ];
        for (to, from) in out
            .iter_mut()
            .zip(parts.iter().flat_map(|part| part.iter()))
        {
            *to = *from;
        }
        out
    }

    /// Decodes exactly 336 bytes with valid, non-identity points.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut rest = bytes;
        let mut take = |field: &'static str, length: usize| {
            let (part, after) = rest
                .split_at_checked(length)
                .ok_or(WireError::Short { field })?;
            rest = after;
            Ok::<_, WireError>(part)
        };
        let point = |field: &'static str| move |source| WireError::Point { field, source };
        let key = RecordPublicKey::from_bytes(take("A", G2_BYTES)?).map_err(point("A"))?;
        let label = Label::new(fixed(take("label", 32)?));
        let u = curve::decode_g2(take("U", G2_BYTES)?).map_err(point("U"))?;
        let w = curve::decode_g1(take("W", G1_BYTES)?).map_err(point("W"))?;
        let commitment = fixed(take("kc", 32)?);
        let digest = fixed(take("d", 32)?);
        if !rest.is_empty() {
            return Err(WireError::Trailing(rest.len()));
        }
        Ok(Self {
            key,
            label,
            u,
            w,
            commitment,
            digest,
        })
    }
}

/// 32 bytes of a slice that was cut to 32 bytes.
fn fixed(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0u8; 32];
    out.copy_from_slice(bytes);
    out
}

impl core::ops::Deref for CheckedCapsule {
    type Target = Capsule;

    fn deref(&self) -> &Capsule {
        &self.0
    }
}

impl CheckedCapsule {
    /// The patient's own way in: kap = e(aQ_l, U). One pairing.
    ///
    /// # Errors
    /// [`DecapsulateError`] if the capsule is another key's, or its key is not the one it commits to.
    pub fn decapsulate(&self, key: &RecordKey) -> Result<ContentKey, DecapsulateError> {
        if key.public() != self.0.key {
            return Err(DecapsulateError::OtherKey);
        }
        let d = label_key(key, &self.0.label);
        let kap = bfkem::decap(&d, &self.0.u);
        self.content_key(&kap)
            .ok_or(DecapsulateError::KeyCommitment)
    }

    /// The content key, if kap is the one committed to.
    pub(crate) fn content_key(&self, kap: &Gt) -> Option<ContentKey> {
        let capsule = &self.0;
        let (k, kc) = derive(&capsule.key, &capsule.label, &capsule.u, kap);
        let key = ContentKey::new(k, capsule.label, capsule.digest);
        bool::from(kc.ct_eq(&capsule.commitment)).then_some(key)
    }
}

/// D = aQ_l.
pub(super) fn label_key(key: &RecordKey, label: &Label) -> SecretPoint {
    let q = bfkem::hash_id::<LabelTag>(&key.public().0, label.as_bytes());
    SecretPoint(key.0.times_g1(&q))
}

#[cfg(test)]
impl Capsule {
    pub(crate) fn u(&self) -> &G2Affine {
        &self.u
    }
}
