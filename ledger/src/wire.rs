//! The canonical byte form of everything that is hashed, signed, stored or sent.
//!
//! Integers are big-endian and of fixed width, sequences carry a `u32` count, options one byte.
//! There is exactly one encoding of each value. Decoding treats its input as written by an enemy: a
//! length is compared with the limit and with what is left of the buffer before anything is
//! allocated, sorted sequences must be sorted, and the whole buffer must be consumed.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Why bytes are not the encoding of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The buffer ended inside a value.
    #[error("{needed} more bytes expected, {left} left")]
    Truncated {
        /// Bytes the value still needed.
        needed: usize,
        /// Bytes the buffer still had.
        left: usize,
    },
    /// A sequence is longer than its limit.
    #[error("{what}: {count} exceeds the limit {max}")]
    TooLong {
        /// Which sequence.
        what: &'static str,
        /// Its claimed length.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// A tag names no variant.
    #[error("{what}: unknown tag {tag}")]
    UnknownTag {
        /// Which enumeration.
        what: &'static str,
        /// The byte found.
        tag: u8,
    },
    /// The bytes decode, but are not the one encoding of a valid value.
    #[error("{what} is not valid or not canonical")]
    Invalid {
        /// Which value.
        what: &'static str,
    },
    /// Bytes follow the value.
    #[error("{left} bytes follow the value")]
    Trailing {
        /// How many.
        left: usize,
    },
}

/// A cursor over bytes from outside.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from the start.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// Bytes not yet read.
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`WireError::Truncated`] if fewer are left.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], WireError> {
        match self.rest.split_at_checked(n) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(WireError::Truncated {
                needed: n,
                left: self.rest.len(),
            }),
        }
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`WireError::Truncated`] if fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let mut out = [0u8; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// The count of a sequence whose elements take at least `min_size` bytes each.
    ///
    /// # Errors
    /// [`WireError::TooLong`] above `max`; [`WireError::Truncated`] if the buffer cannot hold them.
    pub fn count(
        &mut self,
        what: &'static str,
        max: usize,
        min_size: usize,
    ) -> Result<usize, WireError> {
        let count = u32::decode(self)? as usize;
        if count > max {
            return Err(WireError::TooLong { what, count, max });
        }
        let needed = count.saturating_mul(min_size);
        if needed > self.left() {
            return Err(WireError::Truncated {
                needed,
                left: self.left(),
            });
        }
        Ok(count)
    }

    /// A byte string of at most `max` bytes.
    ///
    /// # Errors
    /// [`WireError::TooLong`] or [`WireError::Truncated`].
    pub fn bytes(&mut self, what: &'static str, max: usize) -> Result<&'a [u8], WireError> {
        let count = self.count(what, max, 1)?;
        self.take(count)
    }

    /// A sequence of at most `max` values, each of at least one byte.
    ///
    /// # Errors
    /// Those of the count and of the elements.
    pub fn list<T: Wire>(&mut self, what: &'static str, max: usize) -> Result<Vec<T>, WireError> {
        let count = self.count(what, max, T::MIN_SIZE)?;
        // Never more memory at first than bytes came, however small an element is on the wire.
        let mut out = Vec::with_capacity(count.min(self.left() / size_of::<T>().max(1)));
        for _ in 0..count {
            out.push(T::decode(self)?);
        }
        Ok(out)
    }

    /// Succeeds if everything was read.
    ///
    /// # Errors
    /// [`WireError::Trailing`].
    pub fn finish(self) -> Result<(), WireError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(WireError::Trailing { left }),
        }
    }
}

/// A value with one canonical byte form.
pub trait Wire: Sized {
    /// The fewest bytes any value takes; bounds allocation for sequences. At least 1.
    const MIN_SIZE: usize = 1;

    /// Appends the encoding to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads one value.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are not an encoding.
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError>;

    /// The encoding.
    fn to_wire(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    /// Reads a value that fills `bytes`.
    ///
    /// # Errors
    /// [`WireError`], also if bytes are left over.
    fn from_wire(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        let value = Self::decode(&mut r)?;
        r.finish()?;
        Ok(value)
    }
}

/// A map: its pairs by strictly growing key.
pub(crate) fn sorted_map<K: Wire + Ord + Copy, V: Wire>(
    r: &mut Reader<'_>,
    what: &'static str,
    max: usize,
) -> Result<BTreeMap<K, V>, WireError> {
    let pairs: Vec<(K, V)> = r.list(what, max)?;
    if pairs.windows(2).any(|w| matches!(w, [a, b] if a.0 >= b.0)) {
        return Err(WireError::Invalid { what });
    }
    Ok(pairs.into_iter().collect())
}

macro_rules! integer {
    ($($t:ty),*) => {$(
        impl Wire for $t {
            const MIN_SIZE: usize = size_of::<$t>();
            fn encode(&self, out: &mut Vec<u8>) { out.extend_from_slice(&self.to_be_bytes()); }
            fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> { Ok(<$t>::from_be_bytes(r.array()?)) }
        }
    )*};
}
integer!(u8, u16, u32, u64, i64, u128);

impl Wire for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::decode(r)? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(WireError::UnknownTag { what: "bool", tag }),
        }
    }
}

impl<const N: usize> Wire for [u8; N] {
    const MIN_SIZE: usize = N;
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.array()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(v) => {
                out.push(1);
                v.encode(out);
            }
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(if bool::decode(r)? {
            Some(T::decode(r)?)
        } else {
            None
        })
    }
}

impl<T: Wire> Wire for Arc<T> {
    const MIN_SIZE: usize = T::MIN_SIZE;
    fn encode(&self, out: &mut Vec<u8>) {
        T::encode(self, out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        T::decode(r).map(Arc::new)
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    const MIN_SIZE: usize = A::MIN_SIZE + B::MIN_SIZE;
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok((A::decode(r)?, B::decode(r)?))
    }
}

/// Appends a sequence: a `u32` count, then the elements.
pub fn encode_list<'a, T: Wire + 'a>(
    items: impl ExactSizeIterator<Item = &'a T>,
    out: &mut Vec<u8>,
) {
    encode_count(items.len(), out);
    items.for_each(|i| i.encode(out));
}

/// Appends a byte string with its length.
pub fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    encode_count(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Appends a count. Every sequence in this crate is bounded far below `u32::MAX` when it is built.
pub fn encode_count(count: usize, out: &mut Vec<u8>) {
    u32::try_from(count).unwrap_or(u32::MAX).encode(out);
}

/// Implements [`Wire`] for a structure as its fields in order.
macro_rules! wire_struct {
    ($name:ty { $($field:ident : $t:ty),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            const MIN_SIZE: usize = 0 $(+ <$t as $crate::wire::Wire>::MIN_SIZE)*;
            fn encode(&self, out: &mut Vec<u8>) { $(self.$field.encode(out);)* }
            fn decode(r: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                Ok(Self { $($field: <$t as $crate::wire::Wire>::decode(r)?),* })
            }
        }
    };
}
pub(crate) use wire_struct;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_from_the_wire_allocates_nothing_it_cannot_back() {
        let mut r = Reader::new(&[0xff, 0xff, 0xff, 0xff, 1]);
        assert!(matches!(
            r.list::<u64>("x", usize::MAX),
            Err(WireError::Truncated { .. })
        ));
        let mut r = Reader::new(&[0, 0, 0, 9]);
        assert_eq!(
            r.bytes("x", 8),
            Err(WireError::TooLong {
                what: "x",
                count: 9,
                max: 8
            })
        );
    }

    #[test]
    fn trailing_bytes_and_odd_booleans_are_refused() {
        assert_eq!(
            u16::from_wire(&[0, 1, 2]),
            Err(WireError::Trailing { left: 1 })
        );
        assert!(Option::<u8>::from_wire(&[2, 0]).is_err());
    }
}
