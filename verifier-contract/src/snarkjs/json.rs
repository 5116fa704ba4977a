//! JSON as snarkjs writes it, and as an enemy might.

use alloc::{string::String, vec::Vec};
use core::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

use super::{Expected, SnarkjsError};
use crate::key::MAX_INPUTS;

/// Parses a whole file of at most `limit` bytes.
pub(super) fn parse<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    limit: usize,
    expected: Expected,
) -> Result<T, SnarkjsError> {
    if bytes.len() > limit {
        let length = bytes.len();
        return Err(SnarkjsError::TooLong { length, limit });
    }
    serde_json::from_slice(bytes).map_err(|error| SnarkjsError::Json {
        line: error.line(),
        column: error.column(),
        expected,
    })
}

/// A list of which at most one more than [`MAX_INPUTS`] items are kept, however long it is.
pub(super) struct Bounded<T> {
    items: Vec<T>,
    more: bool,
}

impl<T> Bounded<T> {
    /// Whether there were more than `MAX_INPUTS` items.
    pub(super) fn overflowed(&self) -> bool {
        self.more || self.items.len() > MAX_INPUTS
    }

    /// Whether there were more than `MAX_INPUTS + 1` items.
    pub(super) fn cut(&self) -> bool {
        self.more
    }

    pub(super) fn items(&self) -> &[T] {
        &self.items
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = Bounded<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                let mut more = false;
                while items.len() <= MAX_INPUTS {
                    match list.next_element()? {
                        Some(item) => items.push(item),
                        None => break,
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    more = true;
                }
                Ok(Bounded { items, more })
            }
        }

        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// What is written. Texts hold only digits and names, so nothing needs escaping.
pub(super) enum Json {
    Number(usize),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// The file, indented by one space a level as snarkjs does, with a newline at its end.
    pub(super) fn to_file(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out.push('\n');
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Number(number) => out.push_str(&alloc::format!("{number}")),
            Self::Text(text) => quote(out, text),
            Self::List(items) => block(out, depth, ['[', ']'], items, |out, item| {
                item.write(out, depth + 1);
            }),
            Self::Object(fields) => block(out, depth, ['{', '}'], fields, |out, (name, value)| {
                quote(out, name);
                out.push_str(": ");
                value.write(out, depth + 1);
            }),
        }
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    out.push_str(text);
    out.push('"');
}

fn block<T>(
    out: &mut String,
    depth: usize,
    [open, close]: [char; 2],
    items: &[T],
    mut write: impl FnMut(&mut String, &T),
) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(core::iter::repeat_n(' ', depth));
    };
    out.push(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        line(out, depth + 1);
        write(out, item);
    }
    if !items.is_empty() {
        line(out, depth);
    }
    out.push(close);
}
