//! A relative acts for a patient who cannot: the ledger has a signed delegation, and the relative a letter with
//! exactly the secrets it takes to grant those encounters' records. Never the seed, never a signing key.

use ed25519_dalek::Signer;
use eligo_marketplace::{
    care::{
        Act,
        act::{Delegation, SignedDelegation, delegation_end_bytes},
    },
    encoding::List,
    name::{AccountId, ChainId, DelegationId, EncounterName, RecordName},
};
use eligo_sharing::{
    keys::RecordKey,
    letter::LetterKey,
    wallet::{Encounter, HospitalId},
};
use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::{
    card::letter_key,
    form::{self, Form},
};
use crate::failure::{Attempt, Failure, Kind};

/// One encounter of a mandate.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entrusted {
    /// As the wallet knows the hospital.
    pub hospital: HospitalId,
    /// The encounter, as the ledger knows it.
    pub encounter: EncounterName,
    /// Its records.
    pub records: Vec<RecordName>,
    /// a, hexadecimal.
    key: String,
    /// What letters to the visit are opened with, hexadecimal.
    letters: String,
}

impl Drop for Entrusted {
    fn drop(&mut self) {
        self.key.zeroize();
        self.letters.zeroize();
    }
}

impl Entrusted {
    /// a.
    pub fn key(&self) -> Attempt<RecordKey> {
        form::message(&self.key, "key", RecordKey::from_bytes)
    }

    /// What letters to the visit are opened with.
    pub fn letters(&self) -> Attempt<LetterKey> {
        form::message(&self.letters, "letters", LetterKey::from_bytes)
    }
}

/// What a relative is handed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mandate {
    /// The delegation on the ledger.
    pub delegation: DelegationId,
    /// Until when, seconds since 1970.
    pub until: u64,
    /// The encounters.
    pub entrusted: Vec<Entrusted>,
}

impl core::fmt::Debug for Mandate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Mandate")
            .field("delegation", &self.delegation)
            .finish_non_exhaustive()
    }
}

impl Form for Mandate {
    const NAME: &'static str = "eligo mandate";
    const MADE_BY: &'static str = "care delegate";
}

impl Mandate {
    /// The encounter of this name.
    pub fn at(&self, encounter: &EncounterName) -> Option<&Entrusted> {
        self.entrusted.iter().find(|e| e.encounter == *encounter)
    }

    /// The encounter a record is of.
    pub fn of(&self, record: &RecordName) -> Option<&Entrusted> {
        self.entrusted.iter().find(|e| e.records.contains(record))
    }
}

/// An encounter to be entrusted, with its records.
pub struct Entrusting {
    /// As the wallet knows the hospital.
    pub hospital: HospitalId,
    /// Its keys.
    pub encounter: Encounter,
    /// Its records.
    pub records: Vec<RecordName>,
}

/// Prepares a delegation: the act for the ledger, and what the relative is handed.
pub fn delegate(
    chain: &ChainId,
    delegate: AccountId,
    entrusting: &[Entrusting],
    until: u64,
) -> Attempt<(Act, Mandate)> {
    let mut nonce = [0; 32];
    OsRng.fill_bytes(&mut nonce);
    let keys = entrusting
        .iter()
        .map(|e| e.encounter.signer.verifying_key().to_bytes());
    let delegation = Delegation {
        delegate,
        encounters: List::new(keys.collect()).map_err(Failure::usage)?,
        until_ms: until.saturating_mul(1000),
        nonce,
    };
    let bytes = delegation.signed_bytes(chain);
    let signatures = entrusting
        .iter()
        .map(|e| e.encounter.signer.sign(&bytes).to_bytes());
    let signatures = List::new(signatures.collect()).map_err(Failure::usage)?;
    let name = delegation.name(chain);
    let entrusted = entrusting.iter().map(|e| Entrusted {
        hospital: e.hospital.clone(),
        encounter: EncounterName::of(e.encounter.signer.verifying_key().as_bytes()),
        records: e.records.clone(),
        key: hex::encode(e.encounter.key.to_bytes().as_slice()),
        letters: hex::encode(letter_key(&e.encounter).expose()),
    });
    let mandate = Mandate {
        delegation: name,
        until,
        entrusted: entrusted.collect(),
    };
    let act = Act::Delegate(SignedDelegation {
        delegation,
        signatures,
    });
    Ok((act, mandate))
}

/// Ends a delegation, by the key of one of its encounters.
pub fn end(chain: &ChainId, delegation: DelegationId, encounter: &Encounter) -> Act {
    let bytes = delegation_end_bytes(chain, &delegation);
    Act::RevokeDelegation {
        delegation,
        encounter: encounter.signer.verifying_key().to_bytes(),
        signature: encounter.signer.sign(&bytes).to_bytes(),
    }
}

/// No such encounter in a mandate.
pub fn outside(what: impl core::fmt::Display) -> Failure {
    Failure::new(Kind::File, "the mandate does not cover it").of(what)
}
