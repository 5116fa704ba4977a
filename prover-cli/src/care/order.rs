//! What a patient sends a search node, and what the node answers the doctor.

use eligo_marketplace::name::RecordName;
use eligo_sharing::{
    letter::{Letter, LetterPublicKey},
    search::SearchToken,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::form::{self, Form};
use crate::failure::Attempt;

/// Where a row is: the block, and the row's number among the block's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The block.
    pub height: u64,
    /// The row's number in it, from 0.
    pub position: u32,
}

/// A search token, whom to answer, and where to look.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchOrder {
    token: String,
    answers: String,
    /// Where the patient's device knows matching rows to be: nothing else is looked at. Everything if empty.
    pub places: Vec<Place>,
}

impl core::fmt::Debug for SearchOrder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SearchOrder")
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}

impl Drop for SearchOrder {
    fn drop(&mut self) {
        self.token.zeroize();
    }
}

impl Form for SearchOrder {
    const NAME: &'static str = "eligo search order";
    const MADE_BY: &'static str = "care permit";
}

impl SearchOrder {
    /// An order.
    pub fn new(token: &SearchToken, answers: &LetterPublicKey, places: Vec<Place>) -> Self {
        Self {
            token: hex::encode(token.to_bytes().as_slice()),
            answers: hex::encode(answers.as_bytes()),
            places,
        }
    }

    /// The token, not yet verified.
    pub fn token(&self) -> Attempt<SearchToken> {
        form::message(&self.token, "token", SearchToken::from_bytes)
    }

    /// Whom to answer.
    pub fn answers(&self) -> Attempt<LetterPublicKey> {
        Ok(LetterPublicKey::new(form::bytes(&self.answers, "answers")?))
    }
}

/// A row that matched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The record its pointer names.
    pub record: RecordName,
    /// Where the row is.
    pub place: Place,
}

/// A search node's answer as it travels: a letter to the doctor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerLetter {
    letter: String,
}

impl Form for AnswerLetter {
    const NAME: &'static str = "eligo search answer letter";
    const MADE_BY: &'static str = "care match";
    const LIMIT: usize = 4 << 20;
}

impl AnswerLetter {
    /// The form of a letter.
    pub fn of(letter: &Letter) -> Self {
        Self {
            letter: hex::encode(letter.to_bytes()),
        }
    }

    /// The letter.
    pub fn letter(&self) -> Attempt<Letter> {
        form::message(&self.letter, "letter", Letter::from_bytes)
    }
}

/// A search node's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Which node.
    pub node: String,
    /// What matched.
    pub found: Vec<Found>,
    /// How many rows were tested.
    pub tested: u64,
    /// How many blocks were fetched for it.
    pub fetched: u64,
}

impl Form for Answer {
    const NAME: &'static str = "eligo search answer";
    const MADE_BY: &'static str = "care match";
    const LIMIT: usize = 1 << 20;
}

impl Answer {
    /// The records, each once.
    pub fn records(&self) -> Vec<RecordName> {
        let mut records: Vec<_> = self.found.iter().map(|f| f.record).collect();
        records.sort();
        records.dedup();
        records
    }
}
