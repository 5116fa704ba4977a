//! Sealing to names: what organisations keep on their own machines and hand to one another. The names
//! themselves, and who may ask for whose key, are `eligo_marketplace::convene`'s.

use eligo_ledger::wire::Wire;
use eligo_marketplace::{
    client::{Client, Desk},
    convene::naming::{MAX_ROLE, Name},
    encoding::Text,
    name::{AccountId, CeremonyName},
};
use eligo_sharing::{
    dkg::{GroupKey, Purpose},
    ibe::{DelegationKey, Identity, IdentityKey, ProxyCiphertext, TransformedCiphertext},
    letter::{Letter, LetterKey, LetterPublicKey},
};
use rand_core::OsRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    care::form::{self, Form},
    console::Console,
    failure::{Attempt, Failure, Kind},
    file::Source,
};

/// What letters with delegations are bound to.
const DELEGATION: &[u8] = b"ELIGO-NAME-DELEGATION-V01";

/// The key that authorities made together, which names are sealed to under. Everyone may have it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorities {
    /// The ceremony that made it.
    pub ceremony: CeremonyName,
    key: String,
}

impl Form for Authorities {
    const NAME: &'static str = "eligo authorities";
    const MADE_BY: &'static str = "name authorities";
}

impl Authorities {
    fn of(ceremony: CeremonyName, key: &GroupKey) -> Self {
        let key = hex::encode(key.to_bytes());
        Self { ceremony, key }
    }

    /// The identity key in force, as it follows from what the ledger shows the authorities said. Which ceremony's
    /// is in force is the node's word.
    pub fn in_force<D: Desk>(client: &Client<D>) -> Attempt<Self> {
        let closed = || {
            Failure::new(Kind::Closed, "no authorities have made an identity key yet")
                .help("the registrar begins: eligo convene begin --for identity")
        };
        let view = client.identity_ceremony()?.ok_or_else(closed)?;
        let key = client.settled_key(&view)?.ok_or_else(closed)?;
        Ok(Self::of(view.ceremony, &key))
    }

    /// The key.
    pub fn key(&self) -> Attempt<GroupKey> {
        let key = form::message(&self.key, "key", GroupKey::from_bytes)?;
        if key.purpose() == Purpose::Identity {
            Ok(key)
        } else {
            Err(Failure::new(
                Kind::File,
                "a key for something else than names",
            ))
        }
    }
}

/// A name of an organisation's, as files and messages have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WrittenName {
    /// One version of one record.
    Record {
        /// Its number at the hospital, hexadecimal.
        record: String,
        /// Its version, from 1.
        version: u64,
    },
    /// A role in an epoch.
    Role {
        /// Such as a department.
        role: String,
        /// The epoch: civil days / 30.
        epoch: u64,
    },
}

impl WrittenName {
    /// As the contract has it.
    pub fn name(&self) -> Attempt<Name> {
        match self {
            Self::Record { version: 0, .. } => Err(Failure::usage("versions count from 1")),
            Self::Record { record, version } => Ok(Name::Record {
                record: form::bytes(record, "record")?,
                version: *version,
            }),
            Self::Role { role, .. } if role.trim().is_empty() || role.len() > MAX_ROLE => {
                Err(Failure::usage(format!("a role has 1 to {MAX_ROLE} bytes")))
            }
            Self::Role { role, epoch } => Ok(Name::Role {
                role: Text::new(role.as_str()).map_err(Failure::usage)?,
                epoch: *epoch,
            }),
        }
    }

    /// What is sealed to.
    pub fn identity(&self, party: &AccountId) -> Attempt<Identity> {
        Ok(self.name()?.identity(party))
    }
}

impl std::fmt::Display for WrittenName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Record { record, version } => {
                let short = record.get(..8).unwrap_or(record);
                write!(f, "record {short}, version {version}")
            }
            Self::Role { role, epoch } => write!(f, "role {role}, epoch {epoch}"),
        }
    }
}

/// An ask for a name's key: with it the authorities' shares are read. Secret.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameAsk {
    /// Whose name it is.
    pub party: AccountId,
    /// The name.
    pub name: WrittenName,
    letters: String,
}

impl Form for NameAsk {
    const NAME: &'static str = "eligo name ask";
    const MADE_BY: &'static str = "name ask";
}

impl Drop for NameAsk {
    fn drop(&mut self) {
        self.letters.zeroize();
    }
}

impl NameAsk {
    /// An ask with a fresh letter key.
    pub fn new(party: AccountId, name: WrittenName) -> Self {
        let letters = hex::encode(LetterKey::generate(&mut OsRng).expose());
        Self {
            party,
            name,
            letters,
        }
    }

    /// The key that shares are sealed to.
    pub fn letters(&self) -> Attempt<LetterKey> {
        read_letters(&self.letters)
    }
}

fn read_letters(hex: &str) -> Attempt<LetterKey> {
    let bytes = Zeroizing::new(form::bytes::<32>(hex, "letters")?);
    LetterKey::from_bytes(bytes.as_slice()).map_err(|e| Failure::new(Kind::File, e))
}

/// The key of a name, with the authorities' it belongs to. Secret: who has it opens what is sealed to the name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameKey {
    /// Whose name it is.
    pub party: AccountId,
    /// The name.
    pub name: WrittenName,
    /// Under which key.
    pub authorities: Authorities,
    key: String,
}

impl Form for NameKey {
    const NAME: &'static str = "eligo name key";
    const MADE_BY: &'static str = "name take";
}

impl Drop for NameKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl NameKey {
    /// The key that authorities gave for what was asked.
    pub fn new(
        ask: &NameAsk,
        (ceremony, group): (CeremonyName, &GroupKey),
        key: &IdentityKey,
    ) -> Self {
        Self {
            party: ask.party,
            name: ask.name.clone(),
            authorities: Authorities::of(ceremony, group),
            key: hex::encode(key.to_bytes().as_slice()),
        }
    }

    /// The key, which is the name's under the authorities' key, and that one.
    pub fn open(&self) -> Attempt<(IdentityKey, GroupKey)> {
        let group = self.authorities.key()?;
        let bytes = Zeroizing::new(hex::decode(&self.key).unwrap_or_default());
        let key = IdentityKey::from_bytes(&bytes, &group);
        let key = key.map_err(|e| Failure::new(Kind::File, format!("key: {e}")))?;
        if *key.identity() == self.name.identity(&self.party)? {
            Ok((key, group))
        } else {
            Err(Failure::new(Kind::File, "the key of another name"))
        }
    }
}

/// What goes with a ciphertext that is sealed to a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NameCapsule {
    /// To the name of a version of a record.
    Sealed(String),
    /// Passed on to another organisation's name.
    Passed(String),
}

impl Form for NameCapsule {
    const NAME: &'static str = "eligo name capsule";
    const MADE_BY: &'static str = "name seal";
}

/// A capsule that was read.
pub enum ReadCapsule {
    /// To the name of a version of a record.
    Sealed(ProxyCiphertext),
    /// Passed on to another organisation's name.
    Passed(TransformedCiphertext),
}

impl NameCapsule {
    /// The capsule as it is sealed.
    pub fn sealed(capsule: &ProxyCiphertext) -> Self {
        Self::Sealed(hex::encode(capsule.to_bytes()))
    }

    /// The capsule as it is passed on.
    pub fn passed(capsule: &TransformedCiphertext) -> Self {
        Self::Passed(hex::encode(capsule.to_bytes()))
    }

    /// Reads the file.
    pub fn open(source: &Source) -> Attempt<ReadCapsule> {
        let read = match Self::read(source)? {
            Self::Sealed(hex) => {
                form::message(&hex, "sealed", ProxyCiphertext::from_bytes).map(ReadCapsule::Sealed)
            }
            Self::Passed(hex) => form::message(&hex, "passed", TransformedCiphertext::from_bytes)
                .map(ReadCapsule::Passed),
        };
        read.map_err(|e| e.of(source))
    }
}

/// The key to which delegations for a proxy are written. Secret.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Porter {
    letters: String,
}

impl Form for Porter {
    const NAME: &'static str = "eligo name proxy";
    const MADE_BY: &'static str = "name proxy";
}

impl Drop for Porter {
    fn drop(&mut self) {
        self.letters.zeroize();
    }
}

/// What everyone may know of a proxy that passes records on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PorterCard {
    letters: String,
}

impl Form for PorterCard {
    const NAME: &'static str = "eligo name proxy card";
    const MADE_BY: &'static str = "name proxy";
}

impl Porter {
    /// Draws a key.
    pub fn generate() -> Self {
        let letters = hex::encode(LetterKey::generate(&mut OsRng).expose());
        Self { letters }
    }

    /// What everyone may know.
    pub fn card(&self) -> Attempt<PorterCard> {
        let letters = read_letters(&self.letters)?;
        let letters = hex::encode(letters.public().as_bytes());
        Ok(PorterCard { letters })
    }
}

/// A delegation in a letter to the proxy.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// Whose record is passed on.
    pub from: AccountId,
    /// Which.
    pub record: WrittenName,
    /// To whom.
    pub to: AccountId,
    /// To which name of theirs.
    pub role: WrittenName,
    letter: String,
}

impl Form for Delegation {
    const NAME: &'static str = "eligo name delegation";
    const MADE_BY: &'static str = "name delegate";
}

impl Delegation {
    /// Writes a delegation of the record whose name's key this is to the proxy.
    pub fn write(
        key: &NameKey,
        (to, role): (AccountId, WrittenName),
        delegation: &DelegationKey,
        proxy: &PorterCard,
    ) -> Attempt<Self> {
        let letters = LetterPublicKey::new(form::bytes(&proxy.letters, "letters")?);
        let bytes = delegation.to_bytes();
        let envelope = occasion((&key.party, &key.name.name()?), (&to, &role.name()?));
        let letter = letters.write(&bytes, DELEGATION, &envelope, &mut OsRng);
        let letter = letter.map_err(|e| Failure::new(Kind::File, e))?.to_bytes();
        Ok(Self {
            from: key.party,
            record: key.name.clone(),
            to,
            role,
            letter: hex::encode(letter),
        })
    }

    /// The delegation, for the proxy it was written to.
    pub fn open(&self, proxy: &Porter) -> Attempt<DelegationKey> {
        let letter = form::message(&self.letter, "letter", Letter::from_bytes)?;
        let (record, role) = (self.record.name()?, self.role.name()?);
        let envelope = occasion((&self.from, &record), (&self.to, &role));
        let opened = read_letters(&proxy.letters)?.open(&letter, DELEGATION, &envelope);
        let opened = opened.map_err(|e| {
            Failure::new(Kind::File, e).help("the delegation is for another proxy, or was altered")
        })?;
        DelegationKey::from_bytes(&opened).map_err(|e| Failure::new(Kind::File, e))
    }
}

/// What a letter with a delegation says on its envelope.
fn occasion(from: (&AccountId, &Name), to: (&AccountId, &Name)) -> Vec<u8> {
    let side = |(party, name): (&AccountId, &Name)| [party.to_wire(), name.to_wire()].concat();
    [side(from), side(to)].concat()
}

/// Reads a name's key that others cannot read, and says so if they can.
pub fn read_key(source: &Source, console: &Console) -> Attempt<(NameKey, IdentityKey, GroupKey)> {
    let file = NameKey::read_secret(source, console)?;
    let (key, group) = file.open().map_err(|e| e.of(source))?;
    Ok((file, key, group))
}
