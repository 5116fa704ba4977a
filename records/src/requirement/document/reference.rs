//! References to schemas.

use core::fmt;

use super::check::is_identifier;
use crate::schema::Schema;

/// Which schema a requirement reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaReference {
    name: String,
    version: Option<u32>,
}

impl SchemaReference {
    /// A reference to this very version.
    pub fn to(schema: &Schema) -> Self {
        Self {
            name: schema.name().to_owned(),
            version: Some(schema.version()),
        }
    }

    /// The schema's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version, if only one will do.
    pub const fn version(&self) -> Option<u32> {
        self.version
    }

    /// Whether a schema is meant.
    pub fn names(&self, schema: &Schema) -> bool {
        self.name == schema.name() && self.version.is_none_or(|v| v == schema.version())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => {
                let digits = version.bytes().all(|b| b.is_ascii_digit());
                let canonical = digits && !version.starts_with('0');
                (name, Some(version.parse().ok().filter(|_| canonical)?))
            }
            None => (text, None),
        };
        is_identifier(name).then(|| Self {
            name: name.to_owned(),
            version,
        })
    }
}

impl fmt::Display for SchemaReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
