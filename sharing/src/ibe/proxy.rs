//! Identity-based proxy re-encryption: Green and Ateniese's IBP1 (ACNS 2007) with asymmetric pairings.
//!
//! ```text
//! encrypt   U = rP2,  c2 = M e(Q1, MPK)^r                   M in GT, the content under a key hashed from it
//! delegate  X2 = xP2,  Y = H1[BLIND](LP(e(Q2, MPK)^x, X2, id1, id2)),  rk = Y - D1
//! transform c2' = c2 e(rk, U)                                           1 pairing
//! open      Y as above from e(D2, X2),  M = c2' / e(Y, U)               2 pairings
//! ```
//!
//! **A proxy and a delegatee together compute D1 = Y - rk.** That is inherent, so encrypt to a name that has
//! the record in it ([`Identity::of_record`]): then D1 is the key of the one record that was delegated.
//! Everything a patient grants goes by [`tcpre`](crate::tcpre) instead, where shares prove themselves; this
//! is what consortia that insist on names rather than keys can use among themselves. The tag W makes a
//! ciphertext checkable before a proxy touches it, which the published scheme (chosen-plaintext secure)
//! lacks.

use ark_bls12_381::{G1Affine, G2Affine};
use ark_ec::CurveGroup;
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::extraction::require;
use super::{Identity, IdentityKey, IdentityTag, SealedError, WrongPurpose};
use crate::bfkem::{self, SecretPoint};
use crate::curve::{self, G1_BYTES, G2_BYTES};
use crate::dkg::{GroupKey, Purpose};
use crate::domain::{self, dst, lp, sha256};
use crate::pairing::{self, GT_BYTES, Gt};
use crate::scalar::SecretScalar;
use crate::wire::{Fields, WireError};

const FORMAT: &[u8] = b"MEDIBP-V01-CIPHERTEXT";
const KEY_FORMAT: &[u8] = b"MEDIBP-V01-KEY";
const TRANSFORMED_FORMAT: &[u8] = b"MEDIBP-V01-TRANSFORMED";
const MESSAGE_LIMIT: usize = 64 * 1024;

/// (id, U, c2, C, W): a ciphertext a proxy can transform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyCiphertext {
    identity: Identity,
    u: G2Affine,
    c2: Gt,
    content: Vec<u8>,
    w: G1Affine,
}

/// rk with X2: transforms ciphertexts from one name to another. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::ibe::DelegationKey) { drop(k); drop(k); }
/// ```
#[derive(Debug)]
pub struct DelegationKey {
    from: Identity,
    to: Identity,
    x2: G2Affine,
    rk: SecretPoint,
}

/// (id1, id2, U, c2', X2, C): a ciphertext for its second name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformedCiphertext {
    from: Identity,
    to: Identity,
    u: G2Affine,
    c2: Gt,
    x2: G2Affine,
    content: Vec<u8>,
}

/// Why a ciphertext is not transformed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyCiphertextError {
    /// It was altered.
    #[error("the ciphertext was altered: its tag does not fit")]
    Altered,
    /// The key is for another name.
    #[error("the key is for another name")]
    OtherIdentity,
    /// The cipher refuses.
    #[error("the ciphertext does not decrypt")]
    Decrypt,
}

fn cipher(m: &Gt) -> ChaCha20Poly1305 {
    let m = Zeroizing::new(m.to_bytes());
    let key = domain::kdf::<32>(b"MEDIBP-V01", m.as_slice(), b"");
    ChaCha20Poly1305::new(key.as_slice().into())
}

fn statement(identity: &Identity, u: &G2Affine, c2: &Gt, content: &[u8]) -> Vec<u8> {
    let (u, c2, digest) = (curve::encode_g2(u), c2.to_bytes(), sha256(content));
    lp(&[FORMAT, identity.as_bytes(), &u, &c2, &digest])
}

/// Encrypts at most 64 KiB to a name. One pairing.
///
/// # Errors
/// [`SealedError`] if the message is too long or the key for another purpose.
pub fn encrypt(
    key: &GroupKey,
    identity: &Identity,
    message: &[u8],
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<ProxyCiphertext, SealedError> {
    require(key, Purpose::Identity)?;
    if message.len() > MESSAGE_LIMIT {
        return Err(SealedError::TooLong(message.len()));
    }
    let m = Zeroizing::new(pairing::generator().pow_secret(SecretScalar::random(rng).expose()));
    let r = SecretScalar::random(rng);
    let encapsulation = bfkem::encap::<IdentityTag>(key.master(), identity.as_bytes(), r);
    let (u, c2) = (encapsulation.u, *m * *encapsulation.kap);
    let content = cipher(&m)
        .encrypt(
            &[0; 12].into(),
            Payload {
                msg: message,
                aad: identity.as_bytes(),
            },
        )
        .map_err(|_| SealedError::TooLong(message.len()))?;
    let w = encapsulation.tag(&statement(identity, &u, &c2, &content));
    Ok(ProxyCiphertext {
        identity: identity.clone(),
        u,
        c2,
        content,
        w,
    })
}

/// Y = H1\[BLIND\](LP(e(Q2, MPK)^x, X2, id1, id2)).
fn blind(shared: &Gt, x2: &G2Affine, from: &Identity, to: &Identity) -> SecretPoint {
    let shared = Zeroizing::new(shared.to_bytes());
    let x2 = curve::encode_g2(x2);
    let message = Zeroizing::new(lp(&[
        shared.as_slice(),
        &x2,
        from.as_bytes(),
        to.as_bytes(),
    ]));
    SecretPoint(domain::hash_to_g1(dst::BLIND, &message))
}

/// Delegates the name of `key` to another name. One pairing.
///
/// # Errors
/// [`WrongPurpose`] if the master key is not an identity key.
pub fn delegate(
    key: &IdentityKey,
    to: &Identity,
    master: &GroupKey,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<DelegationKey, WrongPurpose> {
    require(master, Purpose::Identity)?;
    let x = SecretScalar::random(rng);
    let x2 = x.in_g2();
    let shared = pairing::pair(&x.times_g1(&to.hash(master)), master.master());
    let y = blind(&shared, &x2, &key.identity, to);
    let rk = SecretPoint((y.0 - key.d.0).into_affine());
    Ok(DelegationKey {
        from: key.identity.clone(),
        to: to.clone(),
        x2,
        rk,
    })
}

impl ProxyCiphertext {
    fn is_sound(&self) -> bool {
        bfkem::check(
            &self.u,
            &self.w,
            &statement(&self.identity, &self.u, &self.c2, &self.content),
        )
    }

    /// The delegator opens: M = c2 / e(D1, U). Three pairings with the check.
    ///
    /// # Errors
    /// [`ProxyCiphertextError`] says why not.
    pub fn open(&self, key: &IdentityKey) -> Result<Zeroizing<Vec<u8>>, ProxyCiphertextError> {
        if key.identity != self.identity {
            return Err(ProxyCiphertextError::OtherIdentity);
        }
        if !self.is_sound() {
            return Err(ProxyCiphertextError::Altered);
        }
        let m = Zeroizing::new(self.c2 * bfkem::decap(&key.d, &self.u).inverse());
        decrypt(&m, &self.identity, &self.content)
    }

    /// The proxy transforms: c2' = c2 e(rk, U), after checking the tag. Three pairings.
    ///
    /// # Errors
    /// [`ProxyCiphertextError`] says why not.
    pub fn transform(
        &self,
        key: &DelegationKey,
    ) -> Result<TransformedCiphertext, ProxyCiphertextError> {
        if key.from != self.identity {
            return Err(ProxyCiphertextError::OtherIdentity);
        }
        if !self.is_sound() {
            return Err(ProxyCiphertextError::Altered);
        }
        Ok(TransformedCiphertext {
            from: key.from.clone(),
            to: key.to.clone(),
            u: self.u,
            c2: self.c2 * pairing::pair(&key.rk.0, &self.u),
            x2: key.x2,
            content: self.content.clone(),
        })
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (u, w) = (curve::encode_g2(&self.u), curve::encode_g1(&self.w));
        lp(&[
            FORMAT,
            self.identity.as_bytes(),
            &u,
            &self.c2.to_bytes(),
            &self.content,
            &w,
        ])
    }

    /// Decodes a ciphertext; c2 must be of order r.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let identity = Identity::read(&mut fields)?;
        let u = fields.point("U", G2_BYTES, curve::decode_g2)?;
        let c2 = fields.point("c2", GT_BYTES, Gt::from_bytes)?;
        let content = fields.bytes("C", MESSAGE_LIMIT + 16)?.to_vec();
        let w = fields.point("W", G1_BYTES, curve::decode_g1)?;
        fields.end()?;
        Ok(Self {
            identity,
            u,
            c2,
            content,
            w,
        })
    }
}

fn decrypt(
    m: &Gt,
    identity: &Identity,
    content: &[u8],
) -> Result<Zeroizing<Vec<u8>>, ProxyCiphertextError> {
    cipher(m)
        .decrypt(
            &[0; 12].into(),
            Payload {
                msg: content,
                aad: identity.as_bytes(),
            },
        )
        .map(Zeroizing::new)
        .map_err(|_| ProxyCiphertextError::Decrypt)
}

impl TransformedCiphertext {
    /// The delegatee opens: Y from e(D2, X2), M = c2' / e(Y, U). Two pairings.
    ///
    /// # Errors
    /// [`ProxyCiphertextError`] says why not.
    pub fn open(&self, key: &IdentityKey) -> Result<Zeroizing<Vec<u8>>, ProxyCiphertextError> {
        if key.identity != self.to {
            return Err(ProxyCiphertextError::OtherIdentity);
        }
        let shared = bfkem::decap(&key.d, &self.x2);
        let y = blind(&shared, &self.x2, &self.from, &self.to);
        let m = Zeroizing::new(self.c2 * pairing::pair(&y.0, &self.u).inverse());
        decrypt(&m, &self.from, &self.content)
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (from, to) = (self.from.as_bytes(), self.to.as_bytes());
        let (u, x2) = (curve::encode_g2(&self.u), curve::encode_g2(&self.x2));
        lp(&[
            TRANSFORMED_FORMAT,
            from,
            to,
            &u,
            &self.c2.to_bytes(),
            &x2,
            &self.content,
        ])
    }

    /// Decodes a transformed ciphertext; c2' must be of order r.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", TRANSFORMED_FORMAT)?;
        let (from, to) = (Identity::read(&mut fields)?, Identity::read(&mut fields)?);
        let u = fields.point("U", G2_BYTES, curve::decode_g2)?;
        let c2 = fields.point("c2", GT_BYTES, Gt::from_bytes)?;
        let x2 = fields.point("X2", G2_BYTES, curve::decode_g2)?;
        let content = fields.bytes("C", MESSAGE_LIMIT + 16)?.to_vec();
        fields.end()?;
        Ok(Self {
            from,
            to,
            u,
            c2,
            x2,
            content,
        })
    }
}

impl DelegationKey {
    /// Canonical bytes. They are secret: send them to the proxy in a letter.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let rk = Zeroizing::new(curve::encode_g1(&self.rk.0));
        let (from, to) = (self.from.as_bytes(), self.to.as_bytes());
        Zeroizing::new(lp(&[
            KEY_FORMAT,
            from,
            to,
            &curve::encode_g2(&self.x2),
            rk.as_slice(),
        ]))
    }

    /// Takes back what [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", KEY_FORMAT)?;
        let (from, to) = (Identity::read(&mut fields)?, Identity::read(&mut fields)?);
        let x2 = fields.point("X2", G2_BYTES, curve::decode_g2)?;
        let rk = SecretPoint(fields.point("rk", G1_BYTES, curve::decode_g1)?);
        fields.end()?;
        Ok(Self { from, to, x2, rk })
    }

    #[cfg(test)]
    pub(super) fn parts(&self) -> (&G2Affine, &SecretPoint) {
        (&self.x2, &self.rk)
    }
}

#[cfg(test)]
pub(super) fn blind_of(key: &IdentityKey, x2: &G2Affine, from: &Identity) -> SecretPoint {
    blind(&bfkem::decap(&key.d, x2), x2, from, &key.identity)
}
