//! Ciphertexts under their own digest: nothing here is readable, and nothing swapped goes unnoticed.
//!
//! An object's name is the SHA-256 of its bytes, which for a sealed record is the digest in its capsule.
//! It is checked when an object comes in, before it can be seen under its name, and again whenever it
//! is read: the last piece is handed out only when all of it was right.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

#[cfg(feature = "node")]
mod objects;

#[cfg(feature = "node")]
pub use objects::{ObjectStream, Objects};

/// The longest object by default, in bytes: 1 GiB.
pub const MAX_OBJECT: u64 = 1 << 30;

/// The name of an object: the SHA-256 of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectDigest([u8; 32]);

/// Not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 lower-case hexadecimal digits")]
pub struct ObjectDigestError;

impl ObjectDigest {
    /// A digest known from elsewhere, such as a capsule.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ObjectDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ObjectDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectDigest {
    type Err = ObjectDigestError;

    fn from_str(text: &str) -> Result<Self, ObjectDigestError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ObjectDigestError)?;
        let digest = Self(bytes);
        // One spelling only: a name is also a path.
        (digest.to_string() == text)
            .then_some(digest)
            .ok_or(ObjectDigestError)
    }
}

/// Why an object is not stored or not given.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no object of this name.
    #[error("there is no object {0}")]
    Missing(ObjectDigest),
    /// The bytes are another object's: swapped, damaged, or cut.
    #[error("the bytes are those of {found}, not of {expected}")]
    Swapped {
        /// The name asked for.
        expected: ObjectDigest,
        /// What the bytes hash to.
        found: ObjectDigest,
    },
    /// Longer than this storage takes.
    #[error("more than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: u64,
    },
    /// The bytes stopped coming.
    #[error("the bytes stopped coming: {0}")]
    Read(#[source] std::io::Error),
    /// The directory or service refuses.
    #[cfg(feature = "node")]
    #[error("the storage: {0}")]
    Store(#[from] object_store::Error),
}
