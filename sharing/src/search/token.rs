//! Tokens: trapdoors for one audience, until a time, signed by the patient.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::{Pointer, Row, Trapdoor};
use crate::curve::G1_BYTES;
use crate::domain::{int, lp};
use crate::letter::{Letter, LetterError, LetterKey, LetterPublicKey};
use crate::wire::{Fields, WireError};

const FORMAT: &[u8] = b"MEDPEKS-V01-TOKEN";
const MAX_TRAPDOORS: usize = 256;
const TOKEN_LIMIT: usize = 1024 + MAX_TRAPDOORS * (G1_BYTES + 4);

/// For whom a token is, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTerms {
    /// The one audience: who may use it, at most 128 bytes.
    pub audience: String,
    /// The last second in which it may be used, since 1970.
    pub not_after: u64,
    /// Makes it unique: the audience keeps the nonces it has seen until they expire.
    pub nonce: [u8; 16],
}

/// Trapdoors with their terms and the patient's signature, not yet verified. Its trapdoors are secret: wiped
/// when dropped, never printed.
///
/// ```compile_fail
/// fn twice(t: eligo_sharing::search::SearchToken) { drop(t); drop(t); }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchToken {
    terms: TokenTerms,
    trapdoors: Vec<Trapdoor>,
    signature: Signature,
}

/// A token that its audience may use now. Cannot be decoded, only verified. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(t: eligo_sharing::search::VerifiedToken) { drop(t); drop(t); }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    terms: TokenTerms,
    trapdoors: Vec<Trapdoor>,
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// None, or more than 256 trapdoors; or an audience of more than 128 bytes.
    #[error("a token has 1 to {MAX_TRAPDOORS} trapdoors and an audience of at most 128 bytes")]
    Size,
    /// It is another's.
    #[error("the token is for `{audience}`")]
    OtherAudience {
        /// Whose it is.
        audience: String,
    },
    /// It is too late.
    #[error("the token expired at {not_after}")]
    Expired {
        /// When, seconds since 1970.
        not_after: u64,
    },
    /// It was used before.
    #[error("the token was used before")]
    Used,
    /// The patient did not sign it.
    #[error("the token is not signed by the patient")]
    Signature,
    /// The letter does not open.
    #[error(transparent)]
    Letter(#[from] LetterError),
    /// The letter holds no token.
    #[error(transparent)]
    Wire(#[from] WireError),
}

fn signed(terms: &TokenTerms, trapdoors: &[Trapdoor]) -> Zeroizing<Vec<u8>> {
    let points: Vec<_> = trapdoors.iter().map(Trapdoor::to_bytes).collect();
    let points = points.iter().map(|point| point.as_slice());
    let points = Zeroizing::new(lp(&points.collect::<Vec<_>>()));
    Zeroizing::new(lp(&[
        FORMAT,
        terms.audience.as_bytes(),
        &int(terms.not_after),
        &terms.nonce,
        &points,
    ]))
}

fn info(audience: &str) -> Vec<u8> {
    lp(&[b"MEDPEKS-V01-TOKEN-LETTER", audience.as_bytes()])
}

impl SearchToken {
    /// Signs trapdoors for one audience, with a fresh nonce.
    ///
    /// # Errors
    /// [`TokenError::Size`] if there are none, or too many.
    pub fn new(
        trapdoors: Vec<Trapdoor>,
        audience: &str,
        not_after: u64,
        signer: &SigningKey,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Self, TokenError> {
        let fits = (1..=MAX_TRAPDOORS).contains(&trapdoors.len()) && audience.len() <= 128;
        if !fits {
            return Err(TokenError::Size);
        }
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        let terms = TokenTerms {
            audience: audience.into(),
            not_after,
            nonce,
        };
        let signature = signer.sign(&signed(&terms, &trapdoors));
        Ok(Self {
            terms,
            trapdoors,
            signature,
        })
    }

    /// Puts it in a letter to its audience: outsiders never see a trapdoor.
    ///
    /// # Errors
    /// [`LetterError`] if the audience's key is unusable.
    pub fn write_to(
        &self,
        audience: &LetterPublicKey,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Letter, LetterError> {
        audience.write(&self.to_bytes(), &info(&self.terms.audience), &[], rng)
    }

    /// Takes it out of a letter.
    ///
    /// # Errors
    /// [`TokenError`] if the letter does not open or holds no token.
    pub fn read_from(letter: &Letter, key: &LetterKey, audience: &str) -> Result<Self, TokenError> {
        Ok(Self::from_bytes(&key.open(
            letter,
            &info(audience),
            &[],
        )?)?)
    }

    /// Checks audience, time, nonce and signature. `used` says whether the nonce was seen before.
    ///
    /// # Errors
    /// [`TokenError`] says what does not hold.
    pub fn verify(
        self,
        signer: &VerifyingKey,
        audience: &str,
        now: u64,
        used: impl FnOnce(&[u8; 16]) -> bool,
    ) -> Result<VerifiedToken, TokenError> {
        let Self {
            terms,
            trapdoors,
            signature,
        } = self;
        signer
            .verify_strict(&signed(&terms, &trapdoors), &signature)
            .map_err(|_| TokenError::Signature)?;
        if terms.audience != audience {
            return Err(TokenError::OtherAudience {
                audience: terms.audience,
            });
        }
        if now > terms.not_after {
            return Err(TokenError::Expired {
                not_after: terms.not_after,
            });
        }
        if used(&terms.nonce) {
            return Err(TokenError::Used);
        }
        Ok(VerifiedToken { terms, trapdoors })
    }

    /// Canonical bytes. They are secret.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(lp(&[
            &signed(&self.terms, &self.trapdoors),
            &self.signature.to_bytes(),
        ]))
    }

    /// Decodes a token.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut outer = Fields::new(bytes);
        let mut fields = Fields::new(outer.bytes("token", TOKEN_LIMIT)?);
        let signature = Signature::from_bytes(&outer.array("signature")?);
        outer.end()?;
        fields.literal("format", FORMAT)?;
        let audience = core::str::from_utf8(fields.bytes("audience", 128)?)
            .map_err(|_| WireError::Value { field: "audience" })?
            .to_owned();
        let not_after = fields.int("not_after")?;
        let nonce = fields.array("nonce")?;
        let trapdoors = fields.list("trapdoors", MAX_TRAPDOORS, G1_BYTES, Trapdoor::read)?;
        fields.end()?;
        if trapdoors.is_empty() {
            return Err(WireError::Value { field: "trapdoors" });
        }
        let terms = TokenTerms {
            audience,
            not_after,
            nonce,
        };
        Ok(Self {
            terms,
            trapdoors,
            signature,
        })
    }
}

impl VerifiedToken {
    /// Its terms: the nonce is to be remembered until `not_after`.
    #[must_use]
    pub fn terms(&self) -> &TokenTerms {
        &self.terms
    }

    /// Tests a row against every trapdoor. One pairing each.
    #[must_use]
    pub fn find(&self, row: &Row) -> Option<Pointer> {
        self.trapdoors
            .iter()
            .find_map(|trapdoor| trapdoor.find(row))
    }

    /// The places of matching rows, with their pointers. One pairing for each row and trapdoor.
    pub fn search<'a>(
        &'a self,
        rows: impl IntoIterator<Item = &'a Row> + 'a,
    ) -> impl Iterator<Item = (usize, Pointer)> + 'a {
        rows.into_iter()
            .enumerate()
            .filter_map(|(at, row)| Some((at, self.find(row)?)))
    }
}
