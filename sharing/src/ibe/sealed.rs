//! A short message sealed to a name: what the emergency capsule carries is a record's content key.

use ark_bls12_381::{G1Affine, G2Affine};
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use rand_core::{CryptoRng, RngCore};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::extraction::require;
use super::{Identity, IdentityKey, IdentityTag, WrongPurpose};
use crate::bfkem;
use crate::curve::{self, G1_BYTES, G2_BYTES};
use crate::dkg::{GroupKey, Purpose};
use crate::domain::{self, lp, sha256};
use crate::pairing::Gt;
use crate::scalar::SecretScalar;
use crate::wire::{Fields, WireError};

const FORMAT: &[u8] = b"MEDIBE-V01-SEALED";
/// Longest message.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// (id, U, W, kc, C), not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    master: [u8; G2_BYTES],
    pub(super) identity: Identity,
    pub(super) u: G2Affine,
    w: G1Affine,
    commitment: [u8; 32],
    ciphertext: Vec<u8>,
}

/// A message whose tag fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedSealed(Sealed);

/// Why a message is not sealed, or not as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// The master key is for something else.
    #[error(transparent)]
    Purpose(#[from] WrongPurpose),
    /// More than 64 KiB.
    #[error("{0} bytes are too long to be sealed to a name")]
    TooLong(usize),
    /// The tag does not fit, or the master key is another.
    #[error("the sealed message was altered, or is under another master key")]
    Altered,
}

/// Why a message does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenSealedError {
    /// The key is another name's.
    #[error("the message is sealed to another name")]
    OtherIdentity,
    /// The key inside is not the one committed to, or the cipher refuses.
    #[error("the message does not decrypt")]
    Decrypt,
    /// Shares of a decryption are too few or do not belong together.
    #[error("{have} fitting shares, but {need} are needed")]
    NotEnough {
        /// Fitting shares.
        have: usize,
        /// t.
        need: usize,
    },
}

fn derive(master: &[u8], id: &Identity, u: &G2Affine, kap: &Gt) -> Zeroizing<[u8; 64]> {
    let kap = Zeroizing::new(kap.to_bytes());
    let info = lp(&[master, id.as_bytes(), &curve::encode_g2(u)]);
    domain::kdf::<64>(b"MEDIBE-V01", kap.as_slice(), &info)
}

/// Seals a message of at most 64 KiB to a name. One pairing.
///
/// # Errors
/// [`SealedError`] if the message is too long or the key for another purpose.
pub fn seal(
    key: &GroupKey,
    identity: &Identity,
    message: &[u8],
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<Sealed, SealedError> {
    require(key, Purpose::Identity)?;
    if message.len() > MESSAGE_LIMIT {
        return Err(SealedError::TooLong(message.len()));
    }
    let id = identity.as_bytes();
    let encapsulation = bfkem::encap::<IdentityTag>(key.master(), id, SecretScalar::random(rng));
    let (u, master) = (encapsulation.u, key.master_bytes());
    let okm = derive(&master, identity, &u, &encapsulation.kap);
    let (k, kc) = okm.split_at(32);
    let aad = lp(&[FORMAT, id]);
    let ciphertext = ChaCha20Poly1305::new(k.into())
        .encrypt(
            &[0; 12].into(),
            Payload {
                msg: message,
                aad: &aad,
            },
        )
        .map_err(|_| SealedError::TooLong(message.len()))?;
    let mut commitment = [0; 32];
    commitment.copy_from_slice(kc);
    let w = encapsulation.tag(&statement(&master, identity, &u, &commitment, &ciphertext));
    Ok(Sealed {
        master,
        identity: identity.clone(),
        u,
        w,
        commitment,
        ciphertext,
    })
}

fn statement(
    master: &[u8],
    identity: &Identity,
    u: &G2Affine,
    commitment: &[u8],
    ciphertext: &[u8],
) -> Vec<u8> {
    let digest = sha256(ciphertext);
    lp(&[
        FORMAT,
        master,
        identity.as_bytes(),
        &curve::encode_g2(u),
        commitment,
        &digest,
    ])
}

impl Sealed {
    /// e(W, P2) = e(H1\[CAPTAG\](..), U). Two pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`SealedError`] if anything was altered, or the master key is another.
    pub fn check(self, key: &GroupKey) -> Result<CheckedSealed, SealedError> {
        require(key, Purpose::Identity)?;
        let statement = statement(
            &self.master,
            &self.identity,
            &self.u,
            &self.commitment,
            &self.ciphertext,
        );
        if self.master == key.master_bytes() && bfkem::check(&self.u, &self.w, &statement) {
            Ok(CheckedSealed(self))
        } else {
            Err(SealedError::Altered)
        }
    }

    /// To whom it is sealed.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        lp(&[
            FORMAT,
            &self.master,
            self.identity.as_bytes(),
            &curve::encode_g2(&self.u),
            &curve::encode_g1(&self.w),
            &self.commitment,
            &self.ciphertext,
        ])
    }

    /// Decodes a sealed message.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let master = fields.array("MPK")?;
        let identity = Identity::read(&mut fields)?;
        let u = fields.point("U", G2_BYTES, curve::decode_g2)?;
        let w = fields.point("W", G1_BYTES, curve::decode_g1)?;
        let commitment = fields.array("kc")?;
        let ciphertext = fields.bytes("C", MESSAGE_LIMIT + 16)?.to_vec();
        fields.end()?;
        Ok(Self {
            master,
            identity,
            u,
            w,
            commitment,
            ciphertext,
        })
    }
}

impl core::ops::Deref for CheckedSealed {
    type Target = Sealed;

    fn deref(&self) -> &Sealed {
        &self.0
    }
}

impl CheckedSealed {
    /// Opens with the name's key: kap = e(D, U). One pairing.
    ///
    /// # Errors
    /// [`OpenSealedError`] if the key is another name's or the content is not what it says.
    pub fn open(&self, key: &IdentityKey) -> Result<Zeroizing<Vec<u8>>, OpenSealedError> {
        if key.identity != self.0.identity {
            return Err(OpenSealedError::OtherIdentity);
        }
        self.open_with(&bfkem::decap(&key.d, &self.0.u))
    }

    pub(super) fn open_with(&self, kap: &Gt) -> Result<Zeroizing<Vec<u8>>, OpenSealedError> {
        let Sealed {
            master,
            identity,
            u,
            commitment,
            ciphertext,
            ..
        } = &self.0;
        let okm = derive(master, identity, u, kap);
        let (k, kc) = okm.split_at(32);
        if !bool::from(kc.ct_eq(commitment)) {
            return Err(OpenSealedError::Decrypt);
        }
        let aad = lp(&[FORMAT, identity.as_bytes()]);
        ChaCha20Poly1305::new(k.into())
            .decrypt(
                &[0; 12].into(),
                Payload {
                    msg: ciphertext,
                    aad: &aad,
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| OpenSealedError::Decrypt)
    }
}

#[cfg(test)]
impl Sealed {
    /// As if everyone who should check it had not.
    pub(super) fn pass_unchecked(self) -> CheckedSealed {
        CheckedSealed(self)
    }
}
