//! Verifying keys.

use alloc::vec::Vec;
use core::fmt;

use ark_bn254::{Bn254, Fq12, G1Affine, G2Affine};
use ark_ec::pairing::Pairing;
use sha2::{Digest, Sha256};

use crate::{
    bases::InputBases,
    field::FieldError,
    inputs::PUBLIC_INPUTS,
    lint::{Finding, lint},
    pairing::Lines,
    point::{self, G1_BYTES, G2_BYTES, Place},
};

/// Most public inputs of a key that is accepted.
pub const MAX_INPUTS: usize = 1024;
const MAGIC: &[u8; 8] = b"ELIGOVK1";
const HEAD_BYTES: usize = 8 + G1_BYTES + 3 * G2_BYTES + 4;

/// The points of a verifying key, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyParts {
    /// `alpha` in G1.
    pub alpha: G1Affine,
    /// `beta` in G2.
    pub beta: G2Affine,
    /// `gamma` in G2.
    pub gamma: G2Affine,
    /// `delta` in G2.
    pub delta: G2Affine,
    /// Input bases in G1: the constant's, then one for each public input.
    pub ic: Vec<G1Affine>,
}

/// A verifying key with nothing [`lint`] objects to.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(KeyParts);

/// A key that must not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsafeKey {
    /// Why, never empty.
    pub findings: Vec<Finding>,
}

/// Why bytes are no verifying key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyBytesError {
    /// Shorter or longer than the count of its bases says.
    #[error("{got} bytes; expected {expected}")]
    Length {
        /// Bytes expected, as far as they were understood.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// Does not begin as a verifying key does.
    #[error("not a verifying key in Eligo's format, version 1")]
    Magic,
    /// More input bases than a key may have.
    #[error("{0} input bases; at most 1025 are accepted")]
    Bases(u32),
    /// A coordinate that is no field element.
    #[error("{place}: {error}")]
    Coordinate {
        /// Of which point.
        place: Place,
        /// What is wrong with it.
        error: FieldError,
    },
    /// Read, and refused.
    #[error(transparent)]
    Unsafe(#[from] UnsafeKey),
}

/// SHA-256 of a key's [bytes](VerifyingKey::to_bytes).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyDigest(pub [u8; 32]);

impl VerifyingKey {
    /// Accepts a key that [`lint`] has no finding on.
    pub fn new(parts: KeyParts) -> Result<Self, UnsafeKey> {
        let findings = lint(&parts);
        if findings.is_empty() {
            Ok(Self(parts))
        } else {
            Err(UnsafeKey { findings })
        }
    }

    /// The points.
    pub const fn parts(&self) -> &KeyParts {
        &self.0
    }

    /// How many public inputs its statement has.
    pub fn inputs(&self) -> usize {
        self.0.ic.len() - 1
    }

    /// Whether it can be a key of the eligibility statement, which has six public inputs.
    pub fn fits_statement(&self) -> bool {
        self.inputs() == PUBLIC_INPUTS
    }

    /// The canonical bytes: magic, alpha, beta, gamma, delta, the count of bases (four bytes), the
    /// bases; points uncompressed in the EVM's order, everything big-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let key = &self.0;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + key.ic.len() * G1_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&point::g1_to_bytes(&key.alpha));
        for point in [&key.beta, &key.gamma, &key.delta] {
            bytes.extend_from_slice(&point::g2_to_bytes(point));
        }
        // A checked key has at most MAX_INPUTS + 1 bases.
        bytes.extend_from_slice(&(key.ic.len() as u32).to_be_bytes());
        for base in &key.ic {
            bytes.extend_from_slice(&point::g1_to_bytes(base));
        }
        bytes
    }

    /// Reads and lints what [`to_bytes`](Self::to_bytes) wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyBytesError> {
        let length = |expected| KeyBytesError::Length {
            expected,
            got: bytes.len(),
        };
        let head: &[u8; HEAD_BYTES] = bytes.first_chunk().ok_or(length(HEAD_BYTES))?;
        let rest = head.strip_prefix(MAGIC).ok_or(KeyBytesError::Magic)?;
        let (alpha, rest) = g1(rest, Place::Alpha)?;
        let (beta, rest) = g2(rest, Place::Beta)?;
        let (gamma, rest) = g2(rest, Place::Gamma)?;
        let (delta, rest) = g2(rest, Place::Delta)?;
        let count = rest.iter().fold(0u32, |n, b| n << 8 | u32::from(*b));
        if count > MAX_INPUTS as u32 + 1 {
            return Err(KeyBytesError::Bases(count));
        }
        let expected = HEAD_BYTES + count as usize * G1_BYTES;
        if bytes.len() != expected {
            return Err(length(expected));
        }
        let mut ic = Vec::with_capacity(count as usize);
        let mut rest = bytes.get(HEAD_BYTES..).unwrap_or_default();
        while !rest.is_empty() {
            let (base, after) = g1(rest, Place::Ic(ic.len()))?;
            ic.push(base);
            rest = after;
        }
        Ok(Self::new(KeyParts {
            alpha,
            beta,
            gamma,
            delta,
            ic,
        })?)
    }

    /// The key's name.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(Sha256::digest(self.to_bytes()).into())
    }
}

fn g1(bytes: &[u8], place: Place) -> Result<(G1Affine, &[u8]), KeyBytesError> {
    let (chunk, rest) = bytes.split_first_chunk().ok_or(KeyBytesError::Magic)?;
    let point = point::g1_from_bytes(chunk);
    let point = point.map_err(|error| KeyBytesError::Coordinate { place, error })?;
    Ok((point, rest))
}

fn g2(bytes: &[u8], place: Place) -> Result<(G2Affine, &[u8]), KeyBytesError> {
    let (chunk, rest) = bytes.split_first_chunk().ok_or(KeyBytesError::Magic)?;
    let point = point::g2_from_bytes(chunk);
    let point = point.map_err(|error| KeyBytesError::Coordinate { place, error })?;
    Ok((point, rest))
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "VerifyingKey({}, {} inputs)",
            self.digest(),
            self.inputs()
        )
    }
}

impl fmt::Display for UnsafeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unsafe verifying key")?;
        for (i, finding) in self.findings.iter().enumerate() {
            write!(f, "{} {finding}", if i == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnsafeKey {}

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyDigest({self})")
    }
}

/// A key made ready for many verifications: `e(alpha, beta)` and the Miller lines of its fixed
/// points are computed once. About 40 KiB.
#[derive(Clone, Debug)]
pub struct PreparedKey {
    key: VerifyingKey,
    digest: KeyDigest,
    /// `e(alpha, beta)`.
    pub(crate) alpha_beta: Fq12,
    /// Input bases with small multiples.
    pub(crate) bases: InputBases,
    /// Lines of `-beta`, for batches.
    pub(crate) beta_neg: Lines,
    /// Lines of `-gamma`.
    pub(crate) gamma_neg: Lines,
    /// Lines of `-delta`.
    pub(crate) delta_neg: Lines,
}

impl PreparedKey {
    /// Prepares a key; costs about one verification.
    pub fn new(key: VerifyingKey) -> Self {
        let parts = key.parts();
        Self {
            digest: key.digest(),
            alpha_beta: Bn254::pairing(parts.alpha, parts.beta).0,
            bases: InputBases::new(&parts.ic),
            beta_neg: Lines::of(&-parts.beta),
            gamma_neg: Lines::of(&-parts.gamma),
            delta_neg: Lines::of(&-parts.delta),
            key,
        }
    }

    /// The key.
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The key's digest.
    pub const fn digest(&self) -> KeyDigest {
        self.digest
    }

    /// How many public inputs its statement has.
    pub fn inputs(&self) -> usize {
        self.key.inputs()
    }
}

impl From<VerifyingKey> for PreparedKey {
    fn from(key: VerifyingKey) -> Self {
        Self::new(key)
    }
}
