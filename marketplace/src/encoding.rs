//! Canonical bytes of the marketplace's values, on the ledger's [`Wire`]: bounded strings and lists,
//! and macros that declare a type together with its encoding.

use eligo_ledger::wire::{Reader, Wire, WireError, encode_bytes, encode_list};

/// At most `MAX` bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blob<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Blob<MAX> {
    /// Takes the bytes in.
    ///
    /// # Errors
    /// [`WireError::TooLong`] above `MAX`.
    pub fn new(bytes: Vec<u8>) -> Result<Self, WireError> {
        let count = bytes.len();
        if count > MAX {
            let (what, max) = ("byte string", MAX);
            return Err(WireError::TooLong { what, count, max });
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> Wire for Blob<MAX> {
    const MIN_SIZE: usize = 4;
    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(&self.0, out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self(r.bytes("byte string", MAX)?.to_vec()))
    }
}

impl<const MAX: usize> serde::Serialize for Blob<MAX> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(&self.0))
    }
}

/// Text of at most `MAX` bytes of UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Takes the text in.
    ///
    /// # Errors
    /// [`WireError::TooLong`] above `MAX` bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, WireError> {
        let text = text.into();
        let count = text.len();
        if count > MAX {
            let (what, max) = ("text", MAX);
            return Err(WireError::TooLong { what, count, max });
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Wire for Text<MAX> {
    const MIN_SIZE: usize = 4;
    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(self.0.as_bytes(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let bytes = r.bytes("text", MAX)?.to_vec();
        String::from_utf8(bytes)
            .map(Self)
            .map_err(|_| WireError::Invalid { what: "text" })
    }
}

impl<const MAX: usize> serde::Serialize for Text<MAX> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

/// At most `MAX` values, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// Takes the values in.
    ///
    /// # Errors
    /// [`WireError::TooLong`] with more than `MAX`.
    pub fn new(values: Vec<T>) -> Result<Self, WireError> {
        let count = values.len();
        if count > MAX {
            let (what, max) = ("list", MAX);
            return Err(WireError::TooLong { what, count, max });
        }
        Ok(Self(values))
    }

    /// The values.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<T: Wire, const MAX: usize> Wire for List<T, MAX> {
    const MIN_SIZE: usize = 4;
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(self.0.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self(r.list("list", MAX)?))
    }
}

/// Declares a structure that is encoded as its fields in order.
macro_rules! wire_struct {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $t:ty),* $(,)?
    }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $t),* }

        impl eligo_ledger::wire::Wire for $name {
            const MIN_SIZE: usize = 0 $(+ <$t as eligo_ledger::wire::Wire>::MIN_SIZE)*;
            fn encode(&self, out: &mut Vec<u8>) {
                $(eligo_ledger::wire::Wire::encode(&self.$field, out);)*
            }
            fn decode(
                r: &mut eligo_ledger::wire::Reader<'_>,
            ) -> Result<Self, eligo_ledger::wire::WireError> {
                Ok(Self { $($field: <$t as eligo_ledger::wire::Wire>::decode(r)?),* })
            }
        }
    };
}
pub(crate) use wire_struct;

/// Declares an enumeration that is encoded as a tag and the variant's content.
macro_rules! wire_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident($what:literal) {
        $($(#[$variant_meta:meta])* $tag:literal => $variant:ident
            $(($inner:ty))?
            $({ $($(#[$field_meta:meta])* $field:ident: $t:ty),* $(,)? })?
        ),* $(,)?
    }) => {
        $(#[$meta])*
        $vis enum $name {
            $($(#[$variant_meta])* $variant $(($inner))? $({ $($(#[$field_meta])* $field: $t),* })?),*
        }

        impl eligo_ledger::wire::Wire for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(wire_enum!(@pattern content $variant $(($inner))? $({ $($field),* })?) => {
                        out.push($tag);
                        wire_enum!(@encode content out $(($inner))? $({ $($field),* })?);
                    }),*
                }
            }
            fn decode(
                r: &mut eligo_ledger::wire::Reader<'_>,
            ) -> Result<Self, eligo_ledger::wire::WireError> {
                match <u8 as eligo_ledger::wire::Wire>::decode(r)? {
                    $($tag => Ok(wire_enum!(@decode r $variant $(($inner))? $({ $($field: $t),* })?)),)*
                    tag => Err(eligo_ledger::wire::WireError::UnknownTag { what: $what, tag }),
                }
            }
        }
    };
    (@pattern $content:ident $variant:ident ($inner:ty)) => { Self::$variant($content) };
    (@pattern $content:ident $variant:ident { $($field:ident),* }) => { Self::$variant { $($field),* } };
    (@pattern $content:ident $variant:ident) => { Self::$variant };
    (@encode $content:ident $out:ident ($inner:ty)) => { eligo_ledger::wire::Wire::encode($content, $out) };
    (@encode $content:ident $out:ident { $($field:ident),* }) => { $(eligo_ledger::wire::Wire::encode($field, $out);)* };
    (@encode $content:ident $out:ident) => {};
    (@decode $r:ident $variant:ident ($inner:ty)) => {
        Self::$variant(<$inner as eligo_ledger::wire::Wire>::decode($r)?)
    };
    (@decode $r:ident $variant:ident { $($field:ident: $t:ty),* }) => {
        Self::$variant { $($field: <$t as eligo_ledger::wire::Wire>::decode($r)?),* }
    };
    (@decode $r:ident $variant:ident) => { Self::$variant };
}
pub(crate) use wire_enum;
