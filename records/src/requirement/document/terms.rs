//! What a requirement offers, and on which conditions.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{civil::CivilDay, requirement::duo::DuoCode};

/// What claims on a requirement are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To count who is eligible; no record is handed over.
    Count,
    /// To buy the records of those who are.
    Sale,
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
