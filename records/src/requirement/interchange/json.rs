//! Walking through JSON with the place in hand.

use serde_json::Value;

use super::{ImportError, MAX_INPUT};
use crate::requirement::constant::Constant;

/// Reads JSON of limited length (and, by the parser, limited depth).
pub(super) fn read(text: &str) -> Result<Value, ImportError> {
    if text.len() > MAX_INPUT {
        return Err(ImportError::Length);
    }
    serde_json::from_str(text).map_err(|e| ImportError::Json {
        line: e.line(),
        column: e.column(),
    })
}

/// A value and the JSON pointer to it.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    value: &'a Value,
    pub place: String,
}

type Read<T> = Result<T, ImportError>;

impl<'a> Cursor<'a> {
    pub fn top(value: &'a Value) -> Self {
        Self {
            value,
            place: String::new(),
        }
    }

    /// A member that is there and not null.
    pub fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|v| !v.is_null())?;
        Some(Self {
            value,
            place: format!("{}/{key}", self.place),
        })
    }

    pub fn must(&self, key: &str, expected: &'static str) -> Read<Self> {
        self.get(key).ok_or_else(|| ImportError::Shape {
            place: format!("{}/{key}", self.place),
            expected,
        })
    }

    pub fn wrong<T>(&self, expected: &'static str) -> Read<T> {
        Err(ImportError::Shape {
            place: self.place.clone(),
            expected,
        })
    }

    pub fn text(&self) -> Read<&'a str> {
        match self.value {
            Value::String(text) => Ok(text),
            _ => self.wrong("a text"),
        }
    }

    /// A member that is a text, if it is there.
    pub fn text_of(&self, key: &str) -> Read<Option<&'a str>> {
        self.get(key).map(|c| c.text()).transpose()
    }

    pub fn boolean(&self) -> Read<bool> {
        match self.value {
            Value::Bool(b) => Ok(*b),
            _ => self.wrong("`true` or `false`"),
        }
    }

    pub fn boolean_of(&self, key: &str) -> Read<Option<bool>> {
        self.get(key).map(|c| c.boolean()).transpose()
    }

    /// An exact decimal, whatever its spelling.
    pub fn decimal(&self) -> Read<Constant> {
        let parsed = match self.value {
            Value::Number(n) => Constant::parse(&n.to_string()),
            _ => return self.wrong("a number"),
        };
        parsed.or_else(|_| self.wrong("a number of at most 18 digits"))
    }

    pub fn items(&self) -> Read<Vec<Self>> {
        match self.value {
            Value::Array(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(i, value)| Self {
                    value,
                    place: format!("{}/{i}", self.place),
                })
                .collect()),
            _ => self.wrong("a list"),
        }
    }

    /// The items of a member that is a list; none when it is not there.
    pub fn items_of(&self, key: &str) -> Read<Vec<Self>> {
        self.get(key).map_or(Ok(Vec::new()), |c| c.items())
    }

    pub fn object(&self) -> Read<()> {
        match self.value {
            Value::Object(_) => Ok(()),
            _ => self.wrong("an object"),
        }
    }

    /// The members that are there, not empty, and not among `known`.
    pub fn others(&self, known: &[&str]) -> Vec<&'a str> {
        let empty = |v: &Value| match v {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        match self.value {
            Value::Object(members) => members
                .iter()
                .filter(|(key, value)| !known.contains(&key.as_str()) && !empty(value))
                .map(|(key, _)| key.as_str())
                .collect(),
            _ => Vec::new(),
        }
    }
}
