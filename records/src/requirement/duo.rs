//! Data use, in the terms of the GA4GH Data Use Ontology.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A term of the Data Use Ontology that says something of itself, such as `DUO:0000042`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DuoCode(u32);

/// Why a text is no usable term.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DuoError {
    /// Not `DUO:` and seven digits.
    #[error("`{0}` is no data use code; expected `DUO:` and seven digits, such as `DUO:0000042`")]
    Shape(String),
    /// Not a term of the ontology, or an abstract or withdrawn one.
    #[error("`{0}` is no usable term of the Data Use Ontology")]
    Unknown(String),
}

/// Permissions and modifiers of the release of 2021-02-23 with their abbreviation and label.
const TERMS: &[(u32, &str, &str)] = &[
    (4, "NRES", "no restriction"),
    (6, "HMB", "health or medical or biomedical research"),
    (7, "DS", "disease specific research"),
    (11, "POA", "population origins or ancestry research only"),
    (12, "RS", "research specific restrictions"),
    (15, "NMDS", "no general methods research"),
    (16, "GSO", "genetic studies only"),
    (18, "NPUNCU", "not for profit, non commercial use only"),
    (19, "PUB", "publication required"),
    (20, "COL", "collaboration required"),
    (21, "IRB", "ethics approval required"),
    (22, "GS", "geographical restriction"),
    (24, "MOR", "publication moratorium"),
    (25, "TS", "time limit on use"),
    (26, "US", "user specific restriction"),
    (27, "PS", "project specific restriction"),
    (28, "IS", "institution specific restriction"),
    (29, "RTN", "return to database or resource"),
    (42, "GRU", "general research use"),
    (43, "CC", "clinical care use"),
    (
        44,
        "NPOA",
        "population origins or ancestry research prohibited",
    ),
    (45, "NPU", "not for profit organisation use only"),
    (46, "NCU", "non-commercial use only"),
];

impl DuoCode {
    /// Reads `DUO:0000042`.
    pub fn parse(text: &str) -> Result<Self, DuoError> {
        let number = text
            .strip_prefix("DUO:")
            .filter(|d| d.len() == 7 && d.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|d| d.parse().ok())
            .ok_or_else(|| DuoError::Shape(text.to_owned()))?;
        if TERMS.iter().any(|t| t.0 == number) {
            Ok(Self(number))
        } else {
            Err(DuoError::Unknown(text.to_owned()))
        }
    }

    /// The label of the term.
    pub fn label(self) -> &'static str {
        self.term().2
    }

    /// The abbreviation of the term.
    pub fn abbreviation(self) -> &'static str {
        self.term().1
    }

    fn term(self) -> (u32, &'static str, &'static str) {
        let term = TERMS.iter().find(|t| t.0 == self.0);
        term.copied().unwrap_or_default()
    }
}

impl fmt::Display for DuoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DUO:{:07}", self.0)
    }
}

impl From<DuoCode> for String {
    fn from(code: DuoCode) -> Self {
        code.to_string()
    }
}

impl TryFrom<String> for DuoCode {
    type Error = DuoError;

    fn try_from(text: String) -> Result<Self, DuoError> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_read_back_and_others_are_refused() {
        for (number, ..) in TERMS {
            let text = format!("DUO:{number:07}");
            assert_eq!(DuoCode::parse(&text).unwrap().to_string(), text);
        }
        assert_eq!(DuoCode::parse("DUO:0000042").unwrap().abbreviation(), "GRU");
        for text in [
            "DUO:42",
            "duo:0000042",
            "DUO:00000042",
            "GRU",
            "DUO:+000042",
        ] {
            assert!(
                matches!(DuoCode::parse(text), Err(DuoError::Shape(_))),
                "{text}"
            );
        }
        for text in ["DUO:0000001", "DUO:0000017", "DUO:9999999"] {
            assert!(
                matches!(DuoCode::parse(text), Err(DuoError::Unknown(_))),
                "{text}"
            );
        }
    }
}
