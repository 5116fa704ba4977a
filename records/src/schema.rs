//! Schemas: published, ordered, versioned lists of attributes.
//!
//! A schema is identified by [`SchemaId`], the first 31 bytes of
//! `SHA-256(LP("schema", canonical JSON))`, which the circuits read as a field element. Any change to
//! an attribute, its codes, units, scale, bounds or place makes another schema.

use core::fmt;

#[cfg(any(test, feature = "test-util"))]
mod arbitrary;
mod check;
mod shipped;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[cfg(any(test, feature = "test-util"))]
pub use arbitrary::arb_schema;
pub use shipped::{NAMES, shipped, shipped_text};

/// Most cells a schema may expand to.
pub const MAX_CELLS: usize = 4096;
/// Most code cells in one family.
pub const MAX_FAMILY: u16 = 512;

/// The schema's identity: 31 bytes, read big-endian as a field element.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId(pub [u8; 31]);

impl fmt::Debug for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaId({self})")
    }
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// `SHA-256(LP(tag, parts..))` cut to 31 bytes: how byte strings become field elements.
pub fn field_digest(tag: &str, parts: &[&[u8]]) -> [u8; 31] {
    let mut hash = Sha256::new();
    for part in core::iter::once(tag.as_bytes()).chain(parts.iter().copied()) {
        // A part longer than 4 GiB cannot occur: every caller bounds its input.
        hash.update((part.len() as u32).to_be_bytes());
        hash.update(part);
    }
    let mut out = [0; 31];
    out.copy_from_slice(&hash.finalize()[..31]);
    out
}

/// A checked schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Schema {
    document: Document,
    id: SchemaId,
}

/// The JSON form of a schema, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Short name, such as `core`.
    pub name: String,
    /// Counts up with every published change.
    pub version: u32,
    /// One line for people.
    pub title: String,
    /// In packing order.
    pub attributes: Vec<Attribute>,
}

/// One attribute of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Name in requirements: lower-case letters, digits and `_`, starting with a letter.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// What feeds it and how it is encoded.
    pub kind: Kind,
}

/// How an attribute is encoded, and where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// A quantity; a value cell, then a date cell when `dated`.
    Number(Number),
    /// One of a declared list of values; a value cell, then a date cell when `dated`.
    Choice(Choice),
    /// A calendar date, such as the date of birth.
    Date(DateSource),
    /// True or false; absent when unknown.
    Flag(FlagSource),
    /// A sorted list of codes of one code system, preceded by a `recorded` flag cell and followed by
    /// as many onset date cells when `onset`.
    Family(Family),
}

/// A quantity: `cell = floor(x * 10^scale + 1/2) - min + 1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// `system|code` of the observations (or observation components) that feed it.
    pub codes: Vec<String>,
    /// UCUM code of the unit in which the value is kept.
    pub unit: String,
    /// Accepted input units with their exact factor, `value * factor = value in unit`. The schema's
    /// own unit must be listed with factor `1`. Anything not listed is not usable.
    pub inputs: Vec<InputUnit>,
    /// Decimal digits kept after the point.
    pub scale: u8,
    /// Smallest representable value, in units of `10^-scale`.
    pub min: i64,
    /// Bits of the cell, at most 40.
    pub width: u8,
    /// Whether a date cell follows.
    pub dated: bool,
}

/// One accepted input unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputUnit {
    /// UCUM code.
    pub code: String,
    /// Exact conversion, as text: a factor `"38.67"`, a fraction `"5/9"`, or an offset and a factor
    /// `"-32 * 5/9"`, which means `(x - 32) * 5/9`. See [`crate::decimal::Conversion`].
    pub factor: String,
}

/// One of a declared list of values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Where the value is read.
    pub source: ChoiceSource,
    /// In order; the cell is 1 + the position.
    pub values: Vec<ChoiceValue>,
    /// Bits of the cell.
    pub width: u8,
    /// Whether a date cell follows.
    pub dated: bool,
}

/// Where a choice is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ChoiceSource {
    /// `Patient.gender`.
    PatientGender,
    /// The coded value of observations with one of these `system|code`.
    Observation(Vec<String>),
}

/// One value of a choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceValue {
    /// Name in requirements.
    pub name: String,
    /// `system|code` (or the bare FHIR code for `Patient.gender`) that mean it.
    pub codes: Vec<String>,
}

/// Where a date is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DateSource {
    /// `Patient.birthDate`.
    BirthDate,
    /// `Patient.deceasedDateTime`.
    DeathDate,
}

/// Where a flag is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FlagSource {
    /// `Patient.deceased[x]`: true when dead; absent when the patient resource does not say.
    Deceased,
}

/// A family of codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// The name under which requirements reach it together with its siblings: `diagnosis`,
    /// `medication`, `procedure`, `allergy`.
    pub group: String,
    /// The prefix in requirements: `icd10`, `snomed`, `atc`, `rxnorm`.
    pub prefix: String,
    /// Canonical URI of the code system (and edition).
    pub system: String,
    /// Other URIs or OIDs of the very same code system and edition.
    pub aliases: Vec<String>,
    /// Resource types that feed it, such as `Condition`.
    pub resources: Vec<String>,
    /// How a code becomes an integer.
    pub coding: Coding,
    /// Code cells.
    pub size: u16,
    /// Whether as many onset date cells follow.
    pub onset: bool,
}

/// How a code becomes an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// Seven base-37 digits, left-justified (0 end, then 0-9, then A-Z), dot dropped; 37 bits. A
    /// prefix is a range.
    Base37,
    /// The integer itself; 60 bits.
    Numeric,
}

impl Coding {
    /// Bits of a code cell.
    pub const fn width(self) -> u8 {
        match self {
            Self::Base37 => 37,
            Self::Numeric => 60,
        }
    }
}

/// Why a schema is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct SchemaError {
    /// The attribute's name, or the schema's.
    pub place: String,
    /// What is wrong and what was expected.
    pub problem: String,
}

impl Schema {
    /// The identity.
    pub const fn id(&self) -> SchemaId {
        self.id
    }

    /// The short name.
    pub fn name(&self) -> &str {
        &self.document.name
    }

    /// The version.
    pub const fn version(&self) -> u32 {
        self.document.version
    }

    /// One line for people.
    pub fn title(&self) -> &str {
        &self.document.title
    }

    /// The attributes, in packing order.
    pub fn attributes(&self) -> &[Attribute] {
        &self.document.attributes
    }

    /// Where an attribute stands, by name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.attributes().iter().position(|a| a.name == name)
    }

    /// An attribute by name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes().iter().find(|a| a.name == name)
    }

    /// The families of a group such as `diagnosis`, in packing order, with their positions.
    pub fn group<'a>(&'a self, group: &'a str) -> impl Iterator<Item = (usize, &'a Family)> {
        let families = self.attributes().iter().enumerate();
        families.filter_map(move |(i, a)| match &a.kind {
            Kind::Family(f) if f.group == group => Some((i, f)),
            _ => None,
        })
    }

    /// The canonical JSON whose digest is the identity.
    pub fn canonical_json(&self) -> String {
        canonical_json(&self.document)
    }
}

/// Field order is the struct order and there are no maps or floats: `serde_json`'s compact form is
/// canonical.
fn canonical_json(document: &Document) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

impl From<Schema> for Document {
    fn from(schema: Schema) -> Self {
        schema.document
    }
}

impl TryFrom<Document> for Schema {
    type Error = SchemaError;

    fn try_from(document: Document) -> Result<Self, SchemaError> {
        check::check(&document)?;
        let id = SchemaId(field_digest(
            "schema",
            &[canonical_json(&document).as_bytes()],
        ));
        Ok(Self { document, id })
    }
}
