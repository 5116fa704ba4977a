//! A doctor's keys: the account that asks and reads, the key that signs diagnoses, the key that letters are
//! written to. One file, the doctor's own; nobody else ever holds it.

use ed25519_dalek::SigningKey;
use eligo_marketplace::name::AccountId;
use eligo_sharing::{letter::LetterKey, oms::MultiSigner};
use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::form::{self, Form};
use crate::{
    console::Console,
    failure::{Attempt, Failure},
    file::Source,
};

/// A doctor's keys, wiped when dropped.
pub struct Doctor {
    name: String,
    account: SigningKey,
    signer: MultiSigner,
    letters: LetterKey,
}

impl core::fmt::Debug for Doctor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Doctor")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    name: String,
    account: String,
    signer: String,
    letters: String,
}

impl Drop for Keys {
    fn drop(&mut self) {
        let all = [&mut self.account, &mut self.signer, &mut self.letters];
        all.into_iter().for_each(Zeroize::zeroize);
    }
}

impl Form for Keys {
    const NAME: &'static str = "eligo doctor";
    const MADE_BY: &'static str = "care doctor";
}

/// What everyone may know of a doctor: the registrar certifies it, hospitals employ it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoctorCard {
    /// The name, as the doctor writes it.
    pub name: String,
    /// The account, hexadecimal.
    pub account: AccountId,
}

impl Form for DoctorCard {
    const NAME: &'static str = "eligo doctor card";
    const MADE_BY: &'static str = "care doctor";
}

impl Doctor {
    /// Draws keys.
    pub fn generate(name: &str) -> Attempt<Self> {
        if name.trim().is_empty() || name.chars().count() > 100 {
            return Err(Failure::usage("a doctor's name has 1 to 100 characters"));
        }
        let mut seed = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(seed.as_mut_slice());
        Ok(Self {
            name: name.to_owned(),
            account: SigningKey::from_bytes(&seed),
            signer: MultiSigner::generate(&mut OsRng),
            letters: LetterKey::generate(&mut OsRng),
        })
    }

    /// The key file's text.
    pub fn to_text(&self) -> Attempt<Zeroizing<String>> {
        let keys = Keys {
            name: self.name.clone(),
            account: hex::encode(self.account.as_bytes()),
            signer: hex::encode(self.signer.to_bytes().as_slice()),
            letters: hex::encode(self.letters.expose()),
        };
        keys.text()
    }

    /// Reads a key file.
    pub fn read(source: &Source, console: &Console) -> Attempt<Self> {
        let keys = Keys::read_secret(source, console)?;
        let of = |e: Failure| e.of(source);
        let account = Zeroizing::new(form::bytes(&keys.account, "account").map_err(of)?);
        Ok(Self {
            name: keys.name.clone(),
            account: SigningKey::from_bytes(&account),
            signer: form::message(&keys.signer, "signer", MultiSigner::from_bytes).map_err(of)?,
            letters: form::message(&keys.letters, "letters", LetterKey::from_bytes).map_err(of)?,
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What everyone may know.
    pub fn card(&self) -> DoctorCard {
        DoctorCard {
            name: self.name.clone(),
            account: self.id(),
        }
    }

    /// The account's name.
    pub fn id(&self) -> AccountId {
        AccountId::of(&self.account.verifying_key())
    }

    /// The account's key.
    pub const fn account(&self) -> &SigningKey {
        &self.account
    }

    /// The key that signs diagnoses.
    pub const fn signer(&self) -> &MultiSigner {
        &self.signer
    }

    /// The key that letters are written to.
    pub const fn letters(&self) -> &LetterKey {
        &self.letters
    }
}
