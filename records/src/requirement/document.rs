//! The published document, `requirement.toml`.

mod check;
mod reference;
mod terms;

use serde::{Deserialize, Serialize};

use self::check::{
    check_delivery, check_licence, check_numbers, check_texts, is_identifier, value,
};
pub use self::{
    reference::SchemaReference,
    terms::{Bytes32, Bytes32Error, Delivery, Licence, Purpose, Terms},
};
use super::{
    criteria::Criteria,
    diagnostic::Diagnostic,
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
