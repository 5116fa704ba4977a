//! Bread crumbs: on the patient's device, an index of where the rows of each department are. With it a look-up
//! goes straight to those blocks, however long the ledger is. On the ledger the rows are like any others.

use eligo_marketplace::name::{AccountId, RecordName};
use eligo_sharing::{
    domain::lp,
    letter::{Letter, LetterKey},
    wallet::{HospitalId, Wallet},
};
use rand_core::OsRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    form::{self, Form},
    order::Place,
    words::{Code, Department, Month, Wanted},
};
use crate::{
    failure::{Attempt, Failure},
    file::{Access, Source, Target},
};

/// What crumbs are kept for: letters to oneself.
const OCCASION: &[u8] = b"crumbs";

/// What a hospital tells a patient after it wrote a record's rows, in a letter to the visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The hospital's account.
    pub hospital: AccountId,
    /// The record.
    pub record: RecordName,
    /// The department.
    pub department: Department,
    /// The diagnoses it is found by, with their prefixes: the device can tell what a request is about.
    pub diagnoses: Vec<Code>,
    /// The month the rows are of.
    pub month: Month,
    /// Where the department's row is.
    pub place: Place,
}

impl Form for Receipt {
    const NAME: &'static str = "eligo index receipt";
    const MADE_BY: &'static str = "care index";
}

impl Receipt {
    /// Whether a request for this is about the record.
    pub fn answers(&self, wanted: &Wanted, months: &[Month]) -> bool {
        let word = match wanted {
            Wanted::Diagnosis(code) => self.diagnoses.contains(code),
            Wanted::Department(department) => self.department == *department,
        };
        word && months.contains(&self.month)
    }
}

/// One crumb: a receipt, and the hospital as the wallet knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crumb {
    /// As the wallet knows it.
    pub hospital: HospitalId,
    /// Number of the visit.
    pub visit: u32,
    /// What the hospital said.
    pub receipt: Receipt,
}

/// The device's index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crumbs {
    crumbs: Vec<Crumb>,
}

impl Form for Crumbs {
    const NAME: &'static str = "eligo crumbs";
    const MADE_BY: &'static str = "care keep";
    const LIMIT: usize = 4 << 20;
}

/// The file: the index, encrypted to the wallet.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    letter: String,
}

impl Form for Sealed {
    const NAME: &'static str = "eligo sealed crumbs";
    const MADE_BY: &'static str = "care keep";
    const LIMIT: usize = 16 << 20;
}

fn key(wallet: &Wallet) -> LetterKey {
    let ikm = Zeroizing::new(lp(&[b"ELIGO-CRUMBS-V01", wallet.seed().expose()]));
    LetterKey::derive(&ikm)
}

impl Crumbs {
    /// Reads the wallet's index, or begins one.
    pub fn read_or_new(source: &Source, wallet: &Wallet) -> Attempt<Self> {
        match source {
            Source::File(path) if !path.exists() => Ok(Self::default()),
            _ => Self::read(source, wallet),
        }
    }

    /// Reads the wallet's index.
    pub fn read(source: &Source, wallet: &Wallet) -> Attempt<Self> {
        let sealed = <Sealed as Form>::read(source)?;
        let letter = form::message(&sealed.letter, "letter", Letter::from_bytes);
        let letter = letter.map_err(|e| e.of(source))?;
        Form::open(&letter, &key(wallet), OCCASION).map_err(|e| {
            e.of(source)
                .help("expected the crumbs of this wallet, unaltered")
        })
    }

    /// Writes it, encrypted to the wallet.
    pub fn write(&self, target: &Target, wallet: &Wallet) -> Attempt<()> {
        let letter = self.write_to(&key(wallet).public(), OCCASION, &mut OsRng)?;
        let sealed = Sealed {
            letter: hex::encode(letter.to_bytes()),
        };
        target.write(sealed.text()?.as_bytes(), Access::Secret, true)
    }

    /// Adds a crumb; whether it is new.
    pub fn keep(&mut self, crumb: Crumb) -> Attempt<bool> {
        if self.crumbs.contains(&crumb) {
            return Ok(false);
        }
        if self.crumbs.len() >= 10_000 {
            return Err(Failure::usage("an index has at most 10,000 crumbs"));
        }
        self.crumbs.push(crumb);
        Ok(true)
    }

    /// All crumbs.
    pub fn all(&self) -> &[Crumb] {
        &self.crumbs
    }

    /// The crumbs of a department.
    pub fn of(&self, department: &Department) -> impl Iterator<Item = &Crumb> {
        self.crumbs
            .iter()
            .filter(move |c| c.receipt.department == *department)
    }
}
