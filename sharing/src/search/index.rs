//! Rows, trapdoors, and the test of one against the other.

use ark_bls12_381::{G1Affine, G2Affine};
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use rand_core::{CryptoRng, RngCore};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{SearchKey, SearchPublicKey, SharedIndexKey};
use crate::bfkem::SecretPoint;
use crate::curve::{self, G1_BYTES, G2_BYTES};
use crate::domain::{self, dst, lp};
use crate::pairing::{self, Gt};
use crate::scalar::SecretScalar;
use crate::wire::{Fields, WireError};

/// Bytes of an encrypted pointer before encryption: all are padded to it.
pub const POINTER_BYTES: usize = 128;
const TAG: usize = 16;

/// What a keyword is about. A row for one never answers a trapdoor for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// A diagnosis, medication or other clinical code.
    Diagnosis,
    /// The patient's pseudonym.
    Pseudonym,
    /// Both in one: a conjunction that reveals neither half.
    DiagnosisAndPseudonym,
    /// The department that wrote.
    Department,
}

impl Field {
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Diagnosis => b"dx",
            Self::Pseudonym => b"nym",
            Self::DiagnosisAndPseudonym => b"dx+nym",
            Self::Department => b"dept",
        }
    }
}

/// A time a row belongs to and a trapdoor is made for, as the index names it: `2025-03`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(String);

/// What is looked for: a value, of at most 256 bytes. `Debug` shows the field alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keyword {
    field: Field,
    value: Vec<u8>,
}

impl core::fmt::Debug for Keyword {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Keyword")
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// A value or bucket that is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} has 1 to {limit} bytes, not {found}")]
pub struct KeywordError {
    /// What.
    pub what: &'static str,
    /// The most bytes it can have.
    pub limit: usize,
    /// The bytes it has.
    pub found: usize,
}

fn limited(what: &'static str, found: usize, limit: usize) -> Result<(), KeywordError> {
    if (1..=limit).contains(&found) {
        Ok(())
    } else {
        Err(KeywordError { what, limit, found })
    }
}

impl Bucket {
    /// A bucket by its name.
    ///
    /// # Errors
    /// [`KeywordError`] if it is empty or has more than 32 bytes.
    pub fn new(name: impl Into<String>) -> Result<Self, KeywordError> {
        let name = name.into();
        limited("a bucket", name.len(), 32)?;
        Ok(Self(name))
    }
}

impl Keyword {
    /// A keyword of a field. Spelling is the caller's: `I63.9` and `i63.9` are different words.
    ///
    /// # Errors
    /// [`KeywordError`] if the value is empty or has more than 256 bytes.
    pub fn new(field: Field, value: impl Into<Vec<u8>>) -> Result<Self, KeywordError> {
        let value = value.into();
        limited("a keyword", value.len(), 256)?;
        Ok(Self { field, value })
    }

    /// The conjunction of a diagnosis and a pseudonym.
    ///
    /// # Errors
    /// [`KeywordError`] if the two together have more than 248 bytes.
    pub fn both(diagnosis: &[u8], pseudonym: &[u8]) -> Result<Self, KeywordError> {
        Self::new(Field::DiagnosisAndPseudonym, lp(&[diagnosis, pseudonym]))
    }

    /// V = H1\[KW\](LP(kSR, f, v, bucket)).
    fn point(&self, shared: &SharedIndexKey, bucket: &Bucket) -> G1Affine {
        let parts: [&[u8]; 4] = [
            shared.expose(),
            self.field.tag(),
            &self.value,
            bucket.0.as_bytes(),
        ];
        domain::hash_to_g1(dst::KEYWORD, &Zeroizing::new(lp(&parts)))
    }
}

/// Where a record is: at most 126 bytes, padded so that its length says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<u8>);

/// A pointer of more than 126 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pointer has at most 126 bytes, not {0}")]
pub struct PointerError(pub usize);

impl Pointer {
    /// A pointer.
    ///
    /// # Errors
    /// [`PointerError`] if it is too long.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, PointerError> {
        let bytes = bytes.into();
        if bytes.len() > POINTER_BYTES - 2 {
            Err(PointerError(bytes.len()))
        } else {
            Ok(Self(bytes))
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn padded(&self) -> [u8; POINTER_BYTES] {
        let mut out = [0u8; POINTER_BYTES];
        let length = (self.0.len() as u16).to_be_bytes();
        for (to, from) in out.iter_mut().zip(length.iter().chain(&self.0)) {
            *to = *from;
        }
        out
    }

    pub(crate) fn unpadded(bytes: &[u8; POINTER_BYTES]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (pointer, padding) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        padding
            .iter()
            .all(|byte| *byte == 0)
            .then(|| Self(pointer.to_vec()))
    }
}

/// (U, tag, encrypted pointer): 256 bytes of which nothing can be read or tested without a trapdoor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    u: G2Affine,
    tag: [u8; TAG],
    pointer: [u8; POINTER_BYTES],
    seal: [u8; TAG],
}

/// What a hospital indexes about one record. `Debug` shows the bucket alone.
#[derive(Clone)]
pub struct IndexEntry<'a> {
    /// Clinical codes.
    pub diagnoses: &'a [&'a [u8]],
    /// The encounter's pseudonym.
    pub pseudonym: &'a [u8],
    /// The department.
    pub department: &'a [u8],
    /// When.
    pub bucket: &'a Bucket,
    /// Where the record is.
    pub pointer: &'a Pointer,
}

impl core::fmt::Debug for IndexEntry<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("IndexEntry")
            .field("bucket", self.bucket)
            .finish_non_exhaustive()
    }
}

/// tag || kp = HKDF(k, info = LP(U)).
fn derive(k: &Gt, u: &G2Affine) -> Zeroizing<[u8; TAG + 32]> {
    let k = Zeroizing::new(k.to_bytes());
    domain::kdf(
        b"MEDPEKS-V01-ROW",
        k.as_slice(),
        &lp(&[&curve::encode_g2(u)]),
    )
}

impl Row {
    /// Bytes of the encoding.
    pub const BYTES: usize = G2_BYTES + TAG + POINTER_BYTES + TAG;

    /// A row for one keyword. One pairing.
    #[must_use]
    pub fn new(
        shared: &SharedIndexKey,
        reader: &SearchPublicKey,
        keyword: &Keyword,
        bucket: &Bucket,
        pointer: &Pointer,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Self {
        let r = SecretScalar::random(rng);
        let u = r.in_g2();
        let k = Zeroizing::new(pairing::pair(
            &r.times_g1(&keyword.point(shared, bucket)),
            &reader.0,
        ));
        let okm = derive(&k, &u);
        let (tag_part, key) = okm.split_at(TAG);
        let mut tag = [0; TAG];
        tag.copy_from_slice(tag_part);
        let mut padded = pointer.padded();
        let seal = ChaCha20Poly1305::new(key.into())
            .encrypt_in_place_detached(&[0; 12].into(), &[], &mut padded)
            .map(Into::into)
            .unwrap_or([0; TAG]); // 128 bytes are never too long for the cipher
        Self {
            u,
            tag,
            pointer: padded,
            seal,
        }
    }

    /// All rows of a record: one for each diagnosis, one for each diagnosis with the pseudonym, one for the
    /// pseudonym, one for the department, in random order, so that their places say nothing.
    ///
    /// # Errors
    /// [`KeywordError`] if a value does not do.
    pub fn of(
        entry: &IndexEntry<'_>,
        shared: &SharedIndexKey,
        reader: &SearchPublicKey,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Vec<Self>, KeywordError> {
        let mut words = vec![
            Keyword::new(Field::Pseudonym, entry.pseudonym)?,
            Keyword::new(Field::Department, entry.department)?,
        ];
        for diagnosis in entry.diagnoses {
            words.push(Keyword::new(Field::Diagnosis, *diagnosis)?);
            words.push(Keyword::both(diagnosis, entry.pseudonym)?);
        }
        let mut rows: Vec<_> = words
            .iter()
            .map(|word| Self::new(shared, reader, word, entry.bucket, entry.pointer, rng))
            .collect();
        shuffle(&mut rows, rng);
        Ok(rows)
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let u = curve::encode_g2(&self.u);
        [u.as_slice(), &self.tag, &self.pointer, &self.seal].concat()
    }

    /// Decodes exactly 256 bytes.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let short = WireError::Length {
            field: "row",
            found: bytes.len(),
        };
        let (u, rest) = bytes.split_first_chunk::<G2_BYTES>().ok_or(short)?;
        let (tag, rest) = rest.split_first_chunk::<TAG>().ok_or(short)?;
        let (pointer, rest) = rest.split_first_chunk::<POINTER_BYTES>().ok_or(short)?;
        let seal = rest.try_into().map_err(|_| short)?;
        let u = curve::decode_g2(u).map_err(|source| WireError::Point { field: "U", source })?;
        Ok(Self {
            u,
            tag: *tag,
            pointer: *pointer,
            seal,
        })
    }
}

/// Fisher and Yates's shuffle, with 64-bit draws (bias below 2^-50 for any index that fits memory).
fn shuffle<T>(items: &mut [T], rng: &mut impl RngCore) {
    for last in (1..items.len()).rev() {
        let at = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
        items.swap(last, at as usize);
    }
}

/// T = yV: finds the rows of one keyword in one bucket. It is secret: search nodes get it in a letter. Wiped
/// when dropped, never printed.
///
/// ```compile_fail
/// fn twice(t: eligo_sharing::search::Trapdoor) { drop(t); drop(t); }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trapdoor(SecretPoint);

impl SearchKey {
    /// A trapdoor for a keyword in a bucket. One product in G1.
    #[must_use]
    pub fn trapdoor(
        &self,
        shared: &SharedIndexKey,
        keyword: &Keyword,
        bucket: &Bucket,
    ) -> Trapdoor {
        Trapdoor(SecretPoint(self.0.times_g1(&keyword.point(shared, bucket))))
    }
}

impl Trapdoor {
    /// Tests a row, and opens its pointer if it matches. One pairing.
    #[must_use]
    pub fn find(&self, row: &Row) -> Option<Pointer> {
        let k = Zeroizing::new(pairing::pair(&self.0.0, &row.u));
        let okm = derive(&k, &row.u);
        let (tag, key) = okm.split_at(TAG);
        if !bool::from(tag.ct_eq(&row.tag)) {
            return None;
        }
        let mut padded = row.pointer;
        ChaCha20Poly1305::new(key.into())
            .decrypt_in_place_detached(&[0; 12].into(), &[], &mut padded, &row.seal.into())
            .ok()?;
        Pointer::unpadded(&padded)
    }

    /// The places of matching rows, with their pointers. One pairing a row.
    pub fn search<'a>(
        &'a self,
        rows: impl IntoIterator<Item = &'a Row> + 'a,
    ) -> impl Iterator<Item = (usize, Pointer)> + 'a {
        rows.into_iter()
            .enumerate()
            .filter_map(|(at, row)| Some((at, self.find(row)?)))
    }

    pub(super) fn to_bytes(&self) -> Zeroizing<[u8; G1_BYTES]> {
        Zeroizing::new(curve::encode_g1(&self.0.0))
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, WireError> {
        fields
            .point("trapdoor", G1_BYTES, curve::decode_g1)
            .map(|point| Self(SecretPoint(point)))
    }

    #[cfg(test)]
    pub(super) fn point(&self) -> &G1Affine {
        &self.0.0
    }
}

#[cfg(test)]
impl Row {
    pub(super) fn u(&self) -> &G2Affine {
        &self.u
    }
}
