//! Letters: HPKE (RFC 9180), DHKEM(X25519, HKDF-SHA256) / HKDF-SHA256 / ChaCha20-Poly1305, base mode.
//!
//! How a share, a trapdoor or a team key goes to one addressee. A letter says nothing about who wrote it:
//! whoever carries it signs it. `info` binds it to what it is for, `aad` to its place in that.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::curve::PointError;
use crate::wire::{self, Fields, WireError};

type Suite = X25519HkdfSha256;

/// Bytes a letter is longer than what it says.
pub const LETTER_OVERHEAD: usize = 32 + 16;

/// An addressee's secret X25519 key. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::letter::LetterKey) { drop(k); drop(k); }
/// ```
pub struct LetterKey {
    bytes: Zeroizing<[u8; 32]>,
    public: LetterPublicKey,
}

impl core::fmt::Debug for LetterKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("LetterKey(..)")
    }
}

wire::byte_string! {
    /// An addressee's public X25519 key.
    LetterPublicKey, 32
}

/// A letter cannot be written to this key, or was not written to it for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the letter does not open, or its addressee's key is not usable")]
pub struct LetterError;

/// An encapsulated key (32 bytes) and a ciphertext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    enc: [u8; 32],
    ciphertext: Vec<u8>,
}

impl LetterKey {
    /// Draws a key.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut ikm = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(ikm.as_mut_slice());
        Self::derive(ikm.as_slice())
    }

    /// RFC 9180's DeriveKeyPair.
    #[must_use]
    pub fn derive(ikm: &[u8]) -> Self {
        let (secret, public) = Suite::derive_keypair(ikm);
        let bytes = Zeroizing::new(<[u8; 32]>::from(secret.to_bytes()));
        Self {
            bytes,
            public: LetterPublicKey::new(public.to_bytes().into()),
        }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> LetterPublicKey {
        self.public
    }

    /// The 32 secret bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Takes back what [`expose`](Self::expose) gave.
    ///
    /// # Errors
    /// [`PointError::Length`] if there are not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PointError> {
        let wrong = |_| PointError::Length {
            expected: 32,
            found: bytes.len(),
        };
        let secret = <Suite as Kem>::PrivateKey::from_bytes(bytes).map_err(wrong)?;
        let public = Suite::sk_to_pk(&secret);
        let mut held = Zeroizing::new([0u8; 32]);
        held.copy_from_slice(bytes);
        Ok(Self {
            bytes: held,
            public: LetterPublicKey::new(public.to_bytes().into()),
        })
    }

    /// Opens a letter.
    ///
    /// # Errors
    /// [`LetterError`] if it is to someone else, for something else, or altered.
    pub fn open(
        &self,
        letter: &Letter,
        info: &[u8],
        aad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, LetterError> {
        let secret = <Suite as Kem>::PrivateKey::from_bytes(self.bytes.as_slice());
        let enc = <Suite as Kem>::EncappedKey::from_bytes(&letter.enc);
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Suite>(
            &OpModeR::Base,
            &secret.map_err(|_| LetterError)?,
            &enc.map_err(|_| LetterError)?,
            info,
            &letter.ciphertext,
            aad,
        )
        .map(Zeroizing::new)
        .map_err(|_| LetterError)
    }
}

impl LetterPublicKey {
    /// Writes a letter to this addressee.
    ///
    /// # Errors
    /// [`LetterError`] if the key is one with which anyone could read it (of small order).
    pub fn write(
        &self,
        message: &[u8],
        info: &[u8],
        aad: &[u8],
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Letter, LetterError> {
        let key = <Suite as Kem>::PublicKey::from_bytes(&self.0).map_err(|_| LetterError)?;
        let (enc, ciphertext) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, Suite, _>(
            &OpModeS::Base,
            &key,
            info,
            message,
            aad,
            rng,
        )
        .map_err(|_| LetterError)?;
        Ok(Letter {
            enc: enc.to_bytes().into(),
            ciphertext,
        })
    }
}

impl Letter {
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [&self.enc, &self.ciphertext]
    }

    /// The two parts, each length-prefixed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::domain::lp(&self.parts())
    }

    /// The longest ciphertext of a letter that travels on its own, in bytes.
    pub const LIMIT: usize = 4 << 20;

    /// Decodes a letter that travels on its own.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        let letter = Self::read(&mut fields, Self::LIMIT)?;
        fields.end()?;
        Ok(letter)
    }

    /// Reads the two parts, the message of at most `limit` bytes.
    pub(crate) fn read(fields: &mut Fields<'_>, limit: usize) -> Result<Self, WireError> {
        let enc = fields.array("enc")?;
        let ciphertext = fields.bytes("ciphertext", limit + 16)?.to_vec();
        Ok(Self { enc, ciphertext })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::test_rng;

    /// RFC 9180 appendix A.2.1, first message.
    #[test]
    fn opens_the_published_letter() {
        let bytes = |text: &str| hex::decode(text).unwrap();
        let key = LetterKey::derive(&bytes(
            "1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df",
        ));
        let public = "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a";
        assert_eq!(key.public().to_string(), public);
        let enc = bytes("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
        let letter = Letter {
            enc: enc.try_into().unwrap(),
            ciphertext: bytes(
                "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
            ),
        };
        let info = bytes("4f6465206f6e2061204772656369616e2055726e");
        let plain = key.open(&letter, &info, b"Count-0").unwrap();
        assert_eq!(plain.as_slice(), b"Beauty is truth, truth beauty");
    }

    #[test]
    fn letters_are_for_one_addressee_and_purpose() {
        let mut rng = test_rng(1);
        let (key, other) = (LetterKey::generate(&mut rng), LetterKey::generate(&mut rng));
        let letter = key
            .public()
            .write(b"hello", b"info", b"aad", &mut rng)
            .unwrap();
        assert_eq!(
            key.open(&letter, b"info", b"aad").unwrap().as_slice(),
            b"hello"
        );
        assert_eq!(letter.to_bytes().len(), 8 + 5 + LETTER_OVERHEAD);
        assert_eq!(other.open(&letter, b"info", b"aad"), Err(LetterError));
        assert_eq!(key.open(&letter, b"Info", b"aad"), Err(LetterError));
        assert_eq!(key.open(&letter, b"info", b"Aad"), Err(LetterError));
        let mut altered = letter.clone();
        altered.ciphertext[0] ^= 1;
        assert_eq!(key.open(&altered, b"info", b"aad"), Err(LetterError));
        assert!(
            LetterPublicKey::new([0; 32])
                .write(b"", b"", b"", &mut rng)
                .is_err()
        );
        let again = LetterKey::from_bytes(key.expose()).unwrap();
        assert_eq!(again.public(), key.public());
    }
}
