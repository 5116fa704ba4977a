//! Decoding as from an enemy: limits before allocation, whole input consumed, one encoding a value.

use crate::curve::PointError;

/// Why a byte string is not the message it claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The input ends inside this field.
    #[error("field `{field}` is cut short")]
    Short {
        /// The field.
        field: &'static str,
    },
    /// A field has a length it can't have.
    #[error("field `{field}` has {found} bytes, which it cannot have")]
    Length {
        /// The field.
        field: &'static str,
        /// The length that was declared.
        found: usize,
    },
    /// A field is not what it should be.
    #[error("field `{field}` holds no valid value")]
    Value {
        /// The field.
        field: &'static str,
    },
    /// A field is no curve point, pairing value or scalar.
    #[error("field `{field}`: {source}")]
    Point {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        source: PointError,
    },
    /// Bytes are left over after the last field.
    #[error("{0} bytes are left over")]
    Trailing(usize),
    /// Too many of a repeated thing.
    #[error("field `{field}` repeats more than {limit} times")]
    TooMany {
        /// The field.
        field: &'static str,
        /// How often it may.
        limit: usize,
    },
}

/// Reads length-prefixed fields in order.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next field, of any length up to `limit`.
    pub(crate) fn bytes(
        &mut self,
        field: &'static str,
        limit: usize,
    ) -> Result<&'a [u8], WireError> {
        let (length, rest) = self
            .0
            .split_first_chunk::<4>()
            .ok_or(WireError::Short { field })?;
        let length = u32::from_be_bytes(*length) as usize;
        if length > limit {
            return Err(WireError::Length {
                field,
                found: length,
            });
        }
        let (value, rest) = rest
            .split_at_checked(length)
            .ok_or(WireError::Short { field })?;
        self.0 = rest;
        Ok(value)
    }

    /// The next field, of exactly `N` bytes.
    pub(crate) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], WireError> {
        let bytes = self.bytes(field, N)?;
        bytes.try_into().map_err(|_| WireError::Length {
            field,
            found: bytes.len(),
        })
    }

    /// The next field, an eight-byte integer.
    pub(crate) fn int(&mut self, field: &'static str) -> Result<u64, WireError> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// The next field, decoded by `decode`.
    pub(crate) fn point<T>(
        &mut self,
        field: &'static str,
        limit: usize,
        decode: impl Fn(&[u8]) -> Result<T, PointError>,
    ) -> Result<T, WireError> {
        decode(self.bytes(field, limit)?).map_err(|source| WireError::Point { field, source })
    }

    /// A field that must be exactly `expected`.
    pub(crate) fn literal(
        &mut self,
        field: &'static str,
        expected: &[u8],
    ) -> Result<(), WireError> {
        if self.bytes(field, expected.len())? == expected {
            Ok(())
        } else {
            Err(WireError::Value { field })
        }
    }

    /// A nested list of at most `limit` fields, each decoded by `decode`.
    pub(crate) fn list<T>(
        &mut self,
        field: &'static str,
        limit: usize,
        item_limit: usize,
        decode: impl Fn(&mut Fields<'a>) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        let mut inner = Fields(self.bytes(field, limit * (item_limit + 4))?);
        let mut items = Vec::new();
        while !inner.0.is_empty() {
            if items.len() == limit {
                return Err(WireError::TooMany { field, limit });
            }
            items.push(decode(&mut inner)?);
        }
        Ok(items)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), WireError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(WireError::Trailing(self.0.len()))
        }
    }
}

/// Lower-case hex of exactly `N` bytes.
pub(crate) fn bytes_from_hex<const N: usize>(text: &str) -> Result<[u8; N], PointError> {
    let mut out = [0u8; N];
    if text.len() != 2 * N {
        return Err(PointError::Length {
            expected: N,
            found: text.len() / 2,
        });
    }
    if text.bytes().any(|c| c.is_ascii_uppercase()) {
        return Err(PointError::Encoding);
    }
    hex::decode_to_slice(text, &mut out).map_err(|_| PointError::Encoding)?;
    Ok(out)
}

/// Serialises a type as its `Display` text and reads it back through `FromStr`.
macro_rules! serde_as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

/// A fixed-length byte string with hex text: digests, labels, tags.
macro_rules! byte_string {
    ($(#[$doc:meta])* $name:ident, $bytes:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) [u8; $bytes]);

        impl $name {
            /// Wraps the bytes.
            #[must_use]
            pub const fn new(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::curve::PointError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::wire::bytes_from_hex(text).map(Self)
            }
        }

        $crate::wire::serde_as_text!($name);
    };
}
pub(crate) use byte_string;

/// An Ed25519 key that is canonical and not of small order; anything weaker would accept signatures that
/// nobody made.
pub(crate) fn verifying_key(bytes: &[u8; 32]) -> Option<ed25519_dalek::VerifyingKey> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?;
    (!key.is_weak() && key.to_bytes() == *bytes).then_some(key)
}
