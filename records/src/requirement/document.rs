//! The published document, `requirement.toml`.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{
    criteria::Criteria,
    diagnostic::Diagnostic,
    duo::DuoCode,
    syntax::{Expression, MAX_SOURCE},
};
use crate::{civil::CivilDay, schema::Schema};

/// Longest document, in bytes.
pub const MAX_DOCUMENT: usize = 1024 * 1024;
/// Most accepted issuers.
pub const MAX_ISSUERS: usize = 4096;
/// Most keywords, and most criteria screened later.
pub const MAX_ITEMS: usize = 256;
/// Longest text of a title, publisher, keyword, issuer or other single field, in bytes.
pub const MAX_TEXT: usize = 1024;

/// What claims on a requirement are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To count who is eligible; no record is handed over.
    Count,
    /// To buy the records of those who are.
    Sale,
}

/// Which schema a requirement reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaReference {
    name: String,
    version: Option<u32>,
}

/// Under what conditions a record may be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Whether no one else may buy the same record before `until`.
    pub exclusive: bool,
    /// The last day of the licence.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_day"
    )]
    pub until: Option<CivilDay>,
    /// Data use conditions.
    #[serde(default)]
    pub duo: Vec<DuoCode>,
    /// SHA-256 of the text of the agreement, where the text is kept elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_sha256: Option<Bytes32>,
    /// The text of the agreement itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// How a record bought is handed over: `threshold` of `proxies` shares, to a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Shares that suffice.
    pub threshold: u16,
    /// Proxies that hold one.
    pub proxies: u16,
    /// The institution's receiving key for this requirement, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiving_key: Option<String>,
}

/// Thirty-two bytes, written in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes32(pub [u8; 32]);

/// A requirement as published: who asks what of whom, and what they offer.
///
/// Reads and writes TOML ([`Requirement::from_toml`], [`Requirement::to_toml`]); unknown keys are
/// refused, and what is written reads back as the same requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Requirement {
    document: Document,
    schema: SchemaReference,
    expression: Expression,
    deadline: Option<CivilDay>,
}

/// The keys of the document, not yet checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The institution's own identifier: lower-case letters, digits, `.`, `_`, `-`.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// The institution.
    pub publisher: String,
    /// `NAME`, or `NAME@VERSION`.
    pub schema: String,
    /// `count` or `sale`; `count` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Purpose>,
    /// What is asked.
    pub expression: String,
    /// Words under which it is found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// The accepted issuers' public keys, or where to find them; a draft has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<String>,
    /// Criteria that cannot be proved, checked by people afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub screened_later: Vec<String>,
    /// Credits for each record, or for each count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<u64>,
    /// How many are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_wanted: Option<u64>,
    /// Last day for claims, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// The ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// The contract on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// Makes two publications of the same requirement differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Bytes32>,
    /// What may be done with a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<Licence>,
    /// How a record is handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
}

/// The terms that a requirement's hash covers, besides its schema, program and issuers.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The ledger.
    pub chain: Option<&'a str>,
    /// The contract on it.
    pub contract: Option<&'a str>,
    /// The institution.
    pub institution: &'a str,
    /// Makes two publications of the same requirement differ.
    pub nonce: Option<[u8; 32]>,
    /// What claims are for.
    pub purpose: Purpose,
    /// Credits for each claim.
    pub reward: u64,
    /// What may be done with a record.
    pub licence: Option<&'a Licence>,
    /// Last day for claims.
    pub deadline: Option<CivilDay>,
    /// How a record is handed over.
    pub delivery: Option<&'a Delivery>,
}

/// Why a text is no requirement.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DocumentError {
    /// Longer than [`MAX_DOCUMENT`].
    #[error("the document is longer than {MAX_DOCUMENT} bytes")]
    Length,
    /// Not TOML, or a key is missing, unknown, or of the wrong type.
    #[error("{0}")]
    Toml(Box<toml::de::Error>),
    /// A value is not what the key asks for.
    #[error("`{key}` {problem}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// The expression cannot be read.
    #[error("{}", .diagnostic.render("expression", .source_text))]
    Expression {
        /// What is wrong.
        diagnostic: Box<Diagnostic>,
        /// The expression.
        source_text: String,
    },
}

/// Why a requirement does not hold together with a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// It asks for another schema.
    #[error("the requirement reads the schema `{wanted}`, not `{found}`")]
    Schema {
        /// The schema asked for.
        wanted: SchemaReference,
        /// The schema given.
        found: SchemaReference,
    },
    /// The expression is in error; one or more diagnostics.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Expression(Vec<Diagnostic>),
}

impl Requirement {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// Names the key or the place in the expression, what was expected, and what to do.
    pub fn from_toml(text: &str) -> Result<Self, DocumentError> {
        if text.len() > MAX_DOCUMENT {
            return Err(DocumentError::Length);
        }
        let document: Document =
            toml::from_str(text).map_err(|e| DocumentError::Toml(Box::new(e)))?;
        Self::try_from(document)
    }

    /// Writes the document canonically: the same requirement always gives the same text.
    pub fn to_toml(&self) -> String {
        // A struct of strings, integers and lists of them has a TOML form.
        toml::to_string_pretty(&self.document).unwrap_or_default()
    }

    /// The document, to change it and check it again.
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// The institution's own identifier.
    pub fn id(&self) -> &str {
        &self.document.id
    }

    /// One line for people.
    pub fn title(&self) -> &str {
        &self.document.title
    }

    /// The institution.
    pub fn publisher(&self) -> &str {
        &self.document.publisher
    }

    /// The schema it reads.
    pub const fn schema(&self) -> &SchemaReference {
        &self.schema
    }

    /// What is asked.
    pub const fn expression(&self) -> &Expression {
        &self.expression
    }

    /// What claims are for.
    pub fn purpose(&self) -> Purpose {
        self.document.kind.unwrap_or(Purpose::Count)
    }

    /// Words under which it is found.
    pub fn keywords(&self) -> &[String] {
        &self.document.keywords
    }

    /// The accepted issuers; none in a draft.
    pub fn issuers(&self) -> &[String] {
        &self.document.issuers
    }

    /// Criteria that cannot be proved, checked by people afterwards.
    pub fn screened_later(&self) -> &[String] {
        &self.document.screened_later
    }

    /// Credits for each claim.
    pub fn reward(&self) -> u64 {
        self.document.reward.unwrap_or_default()
    }

    /// How many claims are wanted.
    pub const fn number_wanted(&self) -> Option<u64> {
        self.document.number_wanted
    }

    /// Last day for claims.
    pub const fn deadline(&self) -> Option<CivilDay> {
        self.deadline
    }

    /// What may be done with a record.
    pub const fn licence(&self) -> Option<&Licence> {
        self.document.licence.as_ref()
    }

    /// What its hash covers besides schema, program and issuers.
    pub fn terms(&self) -> Terms<'_> {
        Terms {
            chain: self.document.chain.as_deref(),
            contract: self.document.contract.as_deref(),
            institution: self.publisher(),
            nonce: self.document.nonce.map(|n| n.0),
            purpose: self.purpose(),
            reward: self.reward(),
            licence: self.licence(),
            deadline: self.deadline,
            delivery: self.document.delivery.as_ref(),
        }
    }

    /// The keys that a publication needs and this draft does not have.
    pub fn missing(&self) -> Vec<&'static str> {
        let d = &self.document;
        let delivers = d
            .delivery
            .as_ref()
            .is_some_and(|d| d.receiving_key.is_some());
        let sale = self.purpose() == Purpose::Sale;
        [
            ("issuers", d.issuers.is_empty()),
            ("chain", d.chain.is_none()),
            ("contract", d.contract.is_none()),
            ("nonce", d.nonce.is_none()),
            ("deadline", d.deadline.is_none()),
            ("number_wanted", d.number_wanted.is_none()),
            ("reward", sale && d.reward.is_none()),
            ("licence", sale && d.licence.is_none()),
            ("delivery.receiving_key", sale && !delivers),
        ]
        .into_iter()
        .filter_map(|(key, missing)| missing.then_some(key))
        .collect()
    }

    /// Checks the expression against the schema it asks for.
    ///
    /// # Errors
    ///
    /// When the schema is another one, or the expression is in error over it.
    pub fn check(&self, schema: &Schema) -> Result<Criteria, CheckError> {
        if !self.schema.names(schema) {
            return Err(CheckError::Schema {
                wanted: self.schema.clone(),
                found: SchemaReference::to(schema),
            });
        }
        self.expression
            .check(schema)
            .map_err(CheckError::Expression)
    }
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

    fn parse(text: &str) -> Option<Self> {
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

impl From<Requirement> for Document {
    fn from(requirement: Requirement) -> Self {
        requirement.document
    }
}

impl TryFrom<Document> for Requirement {
    type Error = DocumentError;

    fn try_from(document: Document) -> Result<Self, DocumentError> {
        if !is_identifier(&document.id) {
            return value(
                "id",
                "is 1 to 64 lower-case letters, digits, `.`, `_` or `-`, starting with a letter or digit",
            );
        }
        let schema = SchemaReference::parse(&document.schema);
        let Some(schema) = schema else {
            return value(
                "schema",
                "is a name, or a name and version, such as `core@1`",
            );
        };
        check_texts(&document)?;
        check_numbers(&document)?;
        if let Some(licence) = &document.licence {
            check_licence(licence)?;
        }
        if let Some(delivery) = &document.delivery {
            check_delivery(delivery)?;
        }
        let deadline = match &document.deadline {
            Some(text) => match CivilDay::parse(text) {
                Ok(day) => Some(day),
                Err(e) => return value("deadline", &format!("is no date: {e}")),
            },
            None => None,
        };
        if document.expression.len() > MAX_SOURCE {
            return value("expression", &format!("is longer than {MAX_SOURCE} bytes"));
        }
        let expression =
            Expression::parse(&document.expression).map_err(|d| DocumentError::Expression {
                diagnostic: Box::new(d),
                source_text: document.expression.clone(),
            })?;
        Ok(Self {
            schema,
            expression,
            deadline,
            document,
        })
    }
}

fn value<T>(key: &'static str, problem: &str) -> Result<T, DocumentError> {
    Err(DocumentError::Value {
        key,
        problem: problem.to_owned(),
    })
}

fn is_identifier(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
}

fn check_texts(document: &Document) -> Result<(), DocumentError> {
    let line = |text: &str| {
        !text.trim().is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
    };
    let lines = [
        ("title", Some(&document.title)),
        ("publisher", Some(&document.publisher)),
        ("chain", document.chain.as_ref()),
        ("contract", document.contract.as_ref()),
    ];
    for (key, text) in lines {
        if text.is_some_and(|t| !line(t)) {
            return value(key, &format!("is one line of 1 to {MAX_TEXT} bytes"));
        }
    }
    let lists = [
        ("keywords", &document.keywords, MAX_ITEMS),
        ("issuers", &document.issuers, MAX_ISSUERS),
    ];
    for (key, list, most) in lists {
        if list.len() > most || !list.iter().all(|t| line(t)) {
            return value(
                key,
                &format!("is a list of at most {most} lines of 1 to {MAX_TEXT} bytes"),
            );
        }
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = list.iter().find(|t| !seen.insert(*t)) {
            return value(key, &format!("names `{twice}` twice; remove one"));
        }
    }
    let later = &document.screened_later;
    let text = |t: &String| !t.trim().is_empty() && t.len() <= 16 * MAX_TEXT;
    if later.len() > MAX_ITEMS || !later.iter().all(text) {
        return value(
            "screened_later",
            &format!("is a list of at most {MAX_ITEMS} texts"),
        );
    }
    Ok(())
}

fn check_numbers(document: &Document) -> Result<(), DocumentError> {
    let fits = |n: Option<u64>| n.is_none_or(|n| i64::try_from(n).is_ok());
    if !fits(document.reward) {
        return value("reward", "is a whole number of credits below 2^63");
    }
    if document.number_wanted == Some(0) || !fits(document.number_wanted) {
        return value("number_wanted", "is a whole number from 1, below 2^63");
    }
    let (reward, wanted) = (document.reward, document.number_wanted);
    if let (Some(reward), Some(wanted)) = (reward, wanted)
        && reward
            .checked_mul(wanted)
            .is_none_or(|t| i64::try_from(t).is_err())
    {
        return value(
            "reward",
            "times `number_wanted` is 2^63 credits or more; lower one",
        );
    }
    Ok(())
}

fn check_licence(licence: &Licence) -> Result<(), DocumentError> {
    if licence.exclusive && licence.until.is_none() {
        return value(
            "licence.until",
            "is missing: an exclusive licence ends on a day; add `until = \"YYYY-MM-DD\"`",
        );
    }
    let mut seen = std::collections::BTreeSet::new();
    if licence.duo.len() > MAX_ITEMS || !licence.duo.iter().all(|c| seen.insert(c)) {
        return value("licence.duo", "names a code twice; remove one");
    }
    if licence.text.is_some() && licence.text_sha256.is_some() {
        return value(
            "licence.text",
            "and `licence.text_sha256` exclude each other; keep one",
        );
    }
    Ok(())
}

fn check_delivery(delivery: &Delivery) -> Result<(), DocumentError> {
    if delivery.threshold == 0 || delivery.threshold > delivery.proxies || delivery.proxies > 255 {
        return value(
            "delivery.threshold",
            "is from 1 to `delivery.proxies`, which is at most 255",
        );
    }
    let hexadecimal = |k: &String| {
        !k.is_empty()
            && k.len() <= MAX_TEXT
            && k.len().is_multiple_of(2)
            && k.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    if !delivery.receiving_key.as_ref().is_none_or(hexadecimal) {
        return value("delivery.receiving_key", "is lower-case hexadecimal");
    }
    Ok(())
}

impl fmt::Display for Bytes32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl From<Bytes32> for String {
    fn from(bytes: Bytes32) -> Self {
        bytes.to_string()
    }
}

/// Why a text is no thirty-two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 lower-case hexadecimal digits")]
pub struct Bytes32Error;

impl TryFrom<String> for Bytes32 {
    type Error = Bytes32Error;

    fn try_from(text: String) -> Result<Self, Bytes32Error> {
        let digit = |b: u8| match b {
            b'0'..=b'9' => Ok(b - b'0'),
            b'a'..=b'f' => Ok(b - b'a' + 10),
            _ => Err(Bytes32Error),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(Bytes32Error);
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(bytes))
    }
}

mod optional_day {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::civil::CivilDay;

    pub(super) fn serialize<S: Serializer>(
        day: &Option<CivilDay>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match day {
            Some(day) => serializer.collect_str(day),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<CivilDay>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|t| CivilDay::parse(&t).map_err(D::Error::custom))
            .transpose()
    }
}
