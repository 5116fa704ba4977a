//! Reading a file in pieces that know where they stand.

use std::fmt;

use thiserror::Error;

use super::KeyDigest;

/// A part of a key file, in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Magic, version, dimensions.
    Header,
    /// The circuit's description.
    Metadata,
    /// The verifying key.
    Verifying,
    /// The constraint matrices.
    Matrices,
    /// Which columns have elements.
    Bitmaps,
    /// The A query, in G1.
    A,
    /// The L query, in G1.
    L,
    /// The H query, in G1.
    H,
    /// The B query, in G2.
    B,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "the header",
            Self::Metadata => "the circuit's description",
            Self::Verifying => "the verifying key",
            Self::Matrices => "the matrices",
            Self::Bitmaps => "the bitmaps",
            Self::A => "the A query",
            Self::L => "the L query",
            Self::H => "the H query",
            Self::B => "the B query",
        })
    }
}

/// Why a key file is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The file does not begin as a key file does.
    #[error("not a proving key: it does not begin with \"eligo-pk\"")]
    Magic,
    /// A version this program does not know.
    #[error("key file version {found}, this program reads 1")]
    Version {
        /// The version in the file.
        found: u32,
    },
    /// The file ends too soon.
    #[error("the key file ends in {section}: {needed} more bytes needed at byte {offset}")]
    Truncated {
        /// The section that is cut.
        section: Section,
        /// Where its missing piece begins.
        offset: usize,
        /// Bytes that are missing.
        needed: usize,
    },
    /// Bytes after the end.
    #[error("{extra} bytes too many after byte {offset} of the key file")]
    TooLong {
        /// Where the file should have ended.
        offset: usize,
        /// Bytes after it.
        extra: usize,
    },
    /// The file is another one than was asked for.
    #[error("the key's digest is {found}, expected {expected}")]
    Digest {
        /// The pinned digest.
        expected: KeyDigest,
        /// The file's.
        found: KeyDigest,
    },
    /// An encoding that no writer makes.
    #[error("{reason}, in {section} at byte {offset} of the key file")]
    Malformed {
        /// The section.
        section: Section,
        /// The end of what was being read.
        offset: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// Coordinates that are not canonical, off the curve, outside the subgroup, or infinity.
    #[error(
        "point {index} of {section} (byte {offset} of the key file) is not a point of the group"
    )]
    Point {
        /// The section.
        section: Section,
        /// Position among the section's points.
        index: usize,
        /// Where it begins.
        offset: usize,
    },
    /// Some point of a section lies outside the prime-order subgroup.
    #[error("a point of {section} lies outside the prime-order subgroup")]
    Subgroup {
        /// The section.
        section: Section,
    },
}

/// A slice being read from the front.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    base: usize,
    offset: usize,
    section: Section,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::within(bytes, Section::Header, 0)
    }

    /// A cursor over a section that begins at byte `base` of the file.
    pub(crate) fn within(bytes: &'a [u8], section: Section, base: usize) -> Self {
        Self {
            bytes,
            base,
            offset: 0,
            section,
        }
    }

    pub(crate) fn enter(&mut self, section: Section) {
        self.section = section;
    }

    pub(crate) fn section(&self) -> Section {
        self.section
    }

    pub(crate) fn offset(&self) -> usize {
        self.base + self.offset
    }

    pub(crate) fn malformed(&self, reason: &'static str) -> ReadError {
        ReadError::Malformed {
            section: self.section,
            offset: self.offset(),
            reason,
        }
    }

    fn truncated(&self, length: usize, have: usize) -> ReadError {
        ReadError::Truncated {
            section: self.section,
            offset: self.offset(),
            needed: length - have,
        }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], ReadError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let taken = rest
            .get(..length)
            .ok_or_else(|| self.truncated(length, rest.len()))?;
        self.offset += length;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ReadError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A 32-bit integer in little-endian base 128, in as few bytes as possible.
    pub(crate) fn varint(&mut self) -> Result<u32, ReadError> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    break;
                }
                return u32::try_from(value).map_err(|_| self.malformed("integer above 2^32 - 1"));
            }
        }
        Err(self.malformed("integer in too many bytes"))
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.offset)
    }

    /// Refuses a file whose rest has another length.
    pub(crate) fn expect_remaining(&self, length: usize) -> Result<(), ReadError> {
        let have = self.remaining();
        if have < length {
            return Err(self.truncated(length, have));
        }
        if have > length {
            return Err(ReadError::TooLong {
                offset: self.offset() + length,
                extra: have - length,
            });
        }
        Ok(())
    }
}

/// Appends what [`Cursor::varint`] reads.
pub(crate) fn put_varint(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn varints_round_trip_and_are_canonical(value in any::<u32>(), bytes in proptest::collection::vec(any::<u8>(), 1..8)) {
            let mut out = Vec::new();
            put_varint(value, &mut out);
            let mut cursor = Cursor::new(&out);
            prop_assert_eq!(cursor.varint().unwrap(), value);
            prop_assert_eq!(cursor.remaining(), 0);
            let mut cursor = Cursor::new(&bytes);
            if let Ok(value) = cursor.varint() {
                let mut again = Vec::new();
                put_varint(value, &mut again);
                prop_assert_eq!(&again[..], &bytes[..again.len()]);
            }
        }
    }
}
