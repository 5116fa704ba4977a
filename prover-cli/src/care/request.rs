//! The letter with which a doctor asks a patient: who, what, why, until when.

use eligo_sharing::letter::LetterPublicKey;
use serde::{Deserialize, Serialize};

use super::{
    form::{self, Form},
    words::{Month, Wanted},
};
use crate::failure::{Attempt, Failure};

/// The most words of one request.
const MAX_WANTED: usize = 8;
/// The longest reason, in characters.
const MAX_REASON: usize = 400;

/// What a doctor asks for. The ledger has only its letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The doctor's name. Certificates on the ledger say whether it is so.
    pub doctor: String,
    /// The asking hospital's name.
    pub hospital: String,
    /// What is looked for.
    pub wanted: Vec<Wanted>,
    /// The first month.
    pub from: Month,
    /// The last month.
    pub to: Month,
    /// Why.
    pub reason: String,
    /// Whom the search nodes' answers are written to, hexadecimal.
    answers: String,
}

impl Form for Request {
    const NAME: &'static str = "eligo request";
    const MADE_BY: &'static str = "care ask";
}

impl Request {
    /// A request; refused if it asks for nothing, for too much, or does not say why.
    pub fn new(
        (doctor, hospital): (&str, &str),
        wanted: Vec<Wanted>,
        (from, to): (Month, Month),
        reason: &str,
        answers: &LetterPublicKey,
    ) -> Attempt<Self> {
        from.until(to)?;
        if wanted.is_empty() || wanted.len() > MAX_WANTED {
            return Err(Failure::usage(format!(
                "a request is for 1 to {MAX_WANTED} diagnoses and departments"
            ))
            .help("give --diagnosis or --department"));
        }
        if reason.trim().is_empty() || reason.chars().count() > MAX_REASON {
            return Err(Failure::usage(format!(
                "a request says why, in 1 to {MAX_REASON} characters"
            )));
        }
        Ok(Self {
            doctor: doctor.to_owned(),
            hospital: hospital.to_owned(),
            wanted,
            from,
            to,
            reason: reason.trim().to_owned(),
            answers: hex::encode(answers.as_bytes()),
        })
    }

    /// Whom the search nodes' answers are written to.
    pub fn answers(&self) -> Attempt<LetterPublicKey> {
        Ok(LetterPublicKey::new(form::bytes(&self.answers, "answers")?))
    }

    /// The months asked for.
    pub fn months(&self) -> Attempt<Vec<Month>> {
        self.from.until(self.to)
    }
}
