//! A doctor asks a patient: the letter, and the keys that serve this ask alone.

use eligo_marketplace::{
    agent::Account,
    care::{
        Act,
        act::{AskTerms, ask_letter_info},
    },
    client::{Client, Desk},
    encoding::Blob,
    name::{AccountId, AskId, ChainId},
    transaction::Body,
};
use eligo_sharing::{keys::ReceivingKey, letter::LetterKey};
use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{
    card::CheckedCard,
    doctor::Doctor,
    form::{self, Form},
    request::Request,
    words::{Month, Wanted},
};
use crate::{
    console::Console,
    failure::{Attempt, Failure},
    file::Source,
};

/// What an asking doctor keeps: the keys of one ask. With them what is read under it is opened.
pub struct AskKeys {
    ask: AskId,
    receiving: ReceivingKey,
    answers: LetterKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    ask: AskId,
    receiving: String,
    answers: String,
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.receiving.zeroize();
        self.answers.zeroize();
    }
}

impl Form for Keys {
    const NAME: &'static str = "eligo ask keys";
    const MADE_BY: &'static str = "care ask";
}

impl AskKeys {
    /// The ask.
    pub const fn ask(&self) -> AskId {
        self.ask
    }

    /// b.
    pub const fn receiving(&self) -> &ReceivingKey {
        &self.receiving
    }

    /// What search nodes' answers are opened with.
    pub const fn answers(&self) -> &LetterKey {
        &self.answers
    }

    /// The file's text.
    pub fn to_text(&self) -> Attempt<Zeroizing<String>> {
        let keys = Keys {
            ask: self.ask,
            receiving: hex::encode(self.receiving.to_bytes().as_slice()),
            answers: hex::encode(self.answers.expose()),
        };
        keys.text()
    }

    /// Reads a file.
    pub fn read(source: &Source, console: &Console) -> Attempt<Self> {
        let keys = Keys::read_secret(source, console)?;
        let of = |e: Failure| e.of(source);
        Ok(Self {
            ask: keys.ask,
            receiving: form::message(&keys.receiving, "receiving", ReceivingKey::from_bytes)
                .map_err(of)?,
            answers: form::message(&keys.answers, "answers", LetterKey::from_bytes).map_err(of)?,
        })
    }
}

/// What a doctor asks for.
pub struct Question<'a> {
    /// The hospital that employs the doctor.
    pub hospital: AccountId,
    /// What the patient showed there.
    pub card: &'a CheckedCard,
    /// Diagnoses and departments.
    pub wanted: Vec<Wanted>,
    /// The first and the last month.
    pub months: (Month, Month),
    /// Why.
    pub reason: &'a str,
    /// Until when, seconds since 1970.
    pub until: u64,
    /// How many proxies must help.
    pub threshold: u16,
}

/// An ask that is ready: keys to keep, and the act to send.
pub struct Draft {
    /// To be kept before anything is sent.
    pub keys: AskKeys,
    /// What the doctor's account sends.
    pub act: Act,
}

/// Prepares an ask.
pub fn draft<D: Desk>(
    client: &Client<D>,
    doctor: &Doctor,
    question: Question<'_>,
) -> Attempt<Draft> {
    let chain = ChainId::from(client.chain());
    let party = |id: &AccountId| -> Attempt<Option<String>> {
        let party = client.account(id)?.and_then(|a| a.party);
        Ok(party.filter(|p| p.admitted).map(|p| p.name))
    };
    let stranger = |what: &str| {
        let kind = crate::failure::Kind::UntrustedIssuer;
        Failure::new(
            kind,
            format!("the ledger knows no admitted {what} of this key"),
        )
        .help("ask the registrar")
    };
    let name = party(&doctor.id())?.ok_or_else(|| stranger("doctor"))?;
    let hospital = party(&question.hospital)?.ok_or_else(|| stranger("hospital"))?;
    let (receiving, answers) = (
        ReceivingKey::generate(&mut OsRng),
        LetterKey::generate(&mut OsRng),
    );
    let names = (name.as_str(), hospital.as_str());
    let public = answers.public();
    let request = Request::new(
        names,
        question.wanted,
        question.months,
        question.reason,
        &public,
    )?;
    let inbox = *question.card.encounter.as_bytes();
    let info = ask_letter_info(&chain, &inbox);
    let letter = request.write_to(&question.card.letters, &info, &mut OsRng)?;
    let mut nonce = [0; 32];
    OsRng.fill_bytes(&mut nonce);
    let terms = AskTerms {
        hospital: question.hospital,
        inbox,
        receiver: receiving.public().to_bytes(),
        possession: receiving.prove_possession().to_bytes(),
        threshold: question.threshold,
        until_ms: question.until.saturating_mul(1000),
        letter: Blob::new(letter.to_bytes()).map_err(Failure::usage)?,
        nonce,
    };
    let ask = terms.name(&chain, &doctor.id());
    Ok(Draft {
        keys: AskKeys {
            ask,
            receiving,
            answers,
        },
        act: Act::Ask(terms),
    })
}

/// Sends a doctor's act; the block.
pub fn send<D: Desk>(client: &Client<D>, doctor: &Doctor, act: Act) -> Attempt<u64> {
    let sent = Account::new(client, doctor.account()).send(Body::Care(act))?;
    let height = sent.height.get();
    sent.accepted()?;
    Ok(height)
}
