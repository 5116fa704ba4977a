//! What a patient shows at a desk, as a QR code or a file: the keys of this visit that hospitals write to.
//! Nothing of it is used at another hospital.

use ed25519_dalek::{Signature, Signer, VerifyingKey};
use eligo_sharing::{
    domain::lp,
    letter::{LetterKey, LetterPublicKey},
    search::SearchCard,
    wallet::{Encounter, HospitalId, Pseudonym, Wallet},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::form::{self, Form};
use crate::{
    failure::{Attempt, Failure, Kind},
    file::Source,
};

/// A visit's card: the encounter key, to which requests are addressed and by which permits are signed; a
/// letter key; the key under which this hospital writes index rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisitCard {
    hospital: HospitalId,
    encounter: String,
    letters: String,
    search: String,
    signature: String,
}

impl Form for VisitCard {
    const NAME: &'static str = "eligo visit card";
    const MADE_BY: &'static str = "care card";
}

/// A card whose signature and proof were checked.
#[derive(Clone, Debug)]
pub struct CheckedCard {
    /// The encounter key.
    pub encounter: VerifyingKey,
    /// Whom letters are written to.
    pub letters: LetterPublicKey,
    /// Under whose key rows are written.
    pub search: SearchCard,
}

impl CheckedCard {
    /// The name under which the ledger knows the encounter.
    pub fn pseudonym(&self) -> Pseudonym {
        Pseudonym::of(&self.encounter)
    }
}

/// The key that letters to this visit are opened with: derived from its encounter key, so that a wallet
/// that was recovered from paper can still read them.
pub fn letter_key(encounter: &Encounter) -> LetterKey {
    let ikm = Zeroizing::new(lp(&[
        b"ELIGO-VISIT-LETTERS-V01",
        encounter.signer.as_bytes(),
    ]));
    LetterKey::derive(&ikm)
}

fn signed(hospital: &HospitalId, letters: &[u8], search: &[u8]) -> Vec<u8> {
    lp(&[
        b"ELIGO-VISIT-CARD-V01",
        hospital.as_str().as_bytes(),
        letters,
        search,
    ])
}

impl VisitCard {
    /// The card of a visit.
    pub fn of(wallet: &Wallet, hospital: &HospitalId, encounter: &Encounter) -> Self {
        let letters = letter_key(encounter).public();
        let search = wallet.search_key(hospital).card().to_bytes();
        let message = signed(hospital, letters.as_bytes(), &search);
        Self {
            hospital: hospital.clone(),
            encounter: hex::encode(encounter.signer.verifying_key().as_bytes()),
            letters: hex::encode(letters.as_bytes()),
            search: hex::encode(search),
            signature: hex::encode(encounter.signer.sign(&message).to_bytes()),
        }
    }

    /// Checks signature and proof of possession.
    pub fn check(&self) -> Attempt<CheckedCard> {
        let encounter: [u8; 32] = form::bytes(&self.encounter, "encounter")?;
        let encounter = VerifyingKey::from_bytes(&encounter).ok();
        let encounter = encounter.filter(|k| !k.is_weak());
        let refused = |what: &str| Failure::new(Kind::File, format!("the visit's card: {what}"));
        let encounter = encounter.ok_or_else(|| refused("no encounter key"))?;
        let letters: [u8; 32] = form::bytes(&self.letters, "letters")?;
        let search = form::message(&self.search, "search", SearchCard::from_bytes)?;
        let signature = Signature::from_bytes(&form::bytes(&self.signature, "signature")?);
        let message = signed(&self.hospital, &letters, &search.to_bytes());
        encounter
            .verify_strict(&message, &signature)
            .map_err(|_| refused("it is not signed by its encounter key"))?;
        search.check().map_err(|e| refused(&e.to_string()))?;
        Ok(CheckedCard {
            encounter,
            letters: LetterPublicKey::new(letters),
            search,
        })
    }

    /// Reads and checks a card.
    pub fn read_checked(source: &Source) -> Attempt<CheckedCard> {
        Self::read(source)?.check().map_err(|e| e.of(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eligo_sharing::wallet::Visit;
    use rand_core::OsRng;

    #[test]
    fn a_card_says_what_its_encounter_signed() {
        let wallet = Wallet::generate(&mut OsRng);
        let hospital = HospitalId::new("h").unwrap();
        let encounter = wallet.encounter(&hospital, Visit::FIRST);
        let card = VisitCard::of(&wallet, &hospital, &encounter);
        let checked = card.check().unwrap();
        assert_eq!(checked.pseudonym(), encounter.pseudonym());
        let other = wallet.encounter(&hospital, Visit::new(1));
        let mut altered = card.clone();
        altered.letters = hex::encode(letter_key(&other).public().as_bytes());
        assert!(altered.check().is_err());
        let mut altered = card;
        altered.hospital = HospitalId::new("i").unwrap();
        assert!(altered.check().is_err());
    }
}
