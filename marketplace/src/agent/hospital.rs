//! The hospital: puts ciphertexts into storage and registers records.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use eligo_ledger::wire::Wire;
use eligo_sharing::domain::sha256;
use eligo_sharing::tcpre::Capsule;
use eligo_sharing::wallet::{Encounter, EncounterCard};

use super::{Account, Agent, AgentError, Deed, Journal, for_each};
use crate::client::{Client, Desk};
use crate::encoding::Text;
use crate::entry::{RecordEntry, SignedEntry};
use crate::name::{AccountId, ChainId, RecordName};
use crate::rejection::Rejection;
use crate::storage::ObjectDigest;
use crate::transaction::Body;

/// The longest file of an entry that is read, in bytes.
const MAX_FILE: u64 = 16 << 10;

/// A sealed record to be registered.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The entry with both signatures.
    pub entry: SignedEntry,
    /// The ciphertext.
    pub ciphertext: PathBuf,
}

/// An entry for a sealed record, signed by the patient's encounter; the hospital's signature is still to come.
///
/// # Errors
/// [`AgentError::Wire`] if the address is too long.
pub fn patient_entry(
    chain: &ChainId,
    capsule: &Capsule,
    uri: &str,
    encounter: &Encounter,
    hospital: AccountId,
    supersedes: Option<RecordName>,
) -> Result<SignedEntry, AgentError> {
    let card: EncounterCard = encounter.public();
    let entry = RecordEntry {
        capsule: capsule.to_bytes(),
        ciphertext: *capsule.ciphertext_digest(),
        uri: Text::new(uri)?,
        hospital,
        encounter: card.signer.to_bytes(),
        possession: card.proof.to_bytes(),
        supersedes,
        team: None,
    };
    Ok(SignedEntry {
        patient: entry.sign(chain, &encounter.signer),
        hospital: [0; 64],
        entry,
    })
}

/// An entry for a sealed record, with the encounter's signature and the hospital's: the patient signs on
/// their device, the hospital with its account key.
///
/// # Errors
/// [`AgentError::Wire`] if the address is too long.
pub fn sealed_entry(
    chain: &ChainId,
    capsule: &Capsule,
    uri: &str,
    encounter: &Encounter,
    hospital: &SigningKey,
    supersedes: Option<RecordName>,
) -> Result<SignedEntry, AgentError> {
    let account = AccountId::of(&hospital.verifying_key());
    let mut signed = patient_entry(chain, capsule, uri, encounter, account, supersedes)?;
    signed.hospital = signed.entry.sign(chain, hospital);
    Ok(signed)
}

/// A hospital at work on a folder of entries: `NAME.entry`, the canonical bytes of a [`SignedEntry`], with
/// `NAME.sealed` beside it.
#[derive(Debug)]
pub struct HospitalAgent<'a, D> {
    client: &'a Client<D>,
    account: &'a SigningKey,
    inbox: PathBuf,
    journal: Journal,
}

impl<'a, D: Desk> HospitalAgent<'a, D> {
    /// Works on the folder `inbox`.
    #[must_use]
    pub fn new(
        client: &'a Client<D>,
        account: &'a SigningKey,
        inbox: &Path,
        journal: Journal,
    ) -> Self {
        Self {
            client,
            account,
            inbox: inbox.to_owned(),
            journal,
        }
    }

    /// Stores and registers one record, once.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn register(&self, registration: &Registration) -> Result<Option<Deed>, AgentError> {
        let name = registration.entry.entry.name();
        let done = format!("done-{name}");
        // Another entry of the same name may be right.
        let entry = hex::encode(sha256(&registration.entry.to_wire()));
        let refused = format!("refused-{entry}");
        if self.journal.has(&done)? || self.journal.has(&refused)? {
            return Ok(None);
        }
        let digest = ObjectDigest::new(registration.entry.entry.ciphertext);
        if self.client.desk().size(digest)?.is_none() {
            let path = &registration.ciphertext;
            let mut file = File::open(path).map_err(|e| unreadable(path, e))?;
            self.client.desk().put(digest, &mut file)?;
        }
        let account = Account::new(self.client, self.account);
        let sent = account.send_once(&self.journal, &format!("register-{entry}"), || {
            Ok(Body::Register(registration.entry.clone()))
        });
        match sent.and_then(super::Sent::accepted) {
            Ok(_) | Err(AgentError::Refused(Rejection::RecordTwice)) => {}
            // The registrar may admit the hospital yet; a wrong entry stays wrong.
            Err(AgentError::Refused(reason)) if reason != Rejection::NotPermitted => {
                self.journal
                    .write(&refused, reason.to_string().as_bytes())?;
                return Ok(Some(Deed::new(name, format!("refused: {reason}"))));
            }
            Err(error) => return Err(error),
        }
        self.journal.write(&done, b"registered")?;
        Ok(Some(Deed::new(name, "record registered")))
    }

    fn waiting(&self) -> Result<Vec<PathBuf>, AgentError> {
        let mut found = Vec::new();
        let unread = |e| unreadable(&self.inbox, e);
        for file in std::fs::read_dir(&self.inbox).map_err(unread)? {
            let path = file.map_err(unread)?.path();
            if path.extension().is_some_and(|e| e == "entry") {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    /// A file that is no entry: said once, and again when it has changed.
    fn unread(&self, path: &Path, bytes: &[u8]) -> Result<Option<Deed>, AgentError> {
        let refused = format!("refused-{}", hex::encode(sha256(bytes)));
        if self.journal.has(&refused)? {
            return Ok(None);
        }
        self.journal.write(&refused, b"not an entry")?;
        let what = "refused: not an entry as `eligo market entry` makes them";
        Ok(Some(Deed::new(path.display(), what)))
    }

    /// An entry with the hospital's signature; none if it is not this hospital's to sign.
    fn countersign(&self, path: &Path, mut entry: SignedEntry) -> Option<Registration> {
        let me = AccountId::of(&self.account.verifying_key());
        if entry.entry.hospital != me {
            return None;
        }
        let chain = ChainId::from(self.client.chain());
        entry.hospital = entry.entry.sign(&chain, self.account);
        Some(Registration {
            entry,
            ciphertext: path.with_extension("sealed"),
        })
    }
}

impl<D: Desk> Agent for HospitalAgent<'_, D> {
    fn step(&mut self) -> Result<Vec<Deed>, AgentError> {
        for_each(self.waiting()?, |path| {
            let bytes = read(&path).map_err(|e| unreadable(&path, e))?;
            let deed = match SignedEntry::from_wire(&bytes) {
                Err(_) => self.unread(&path, &bytes)?,
                Ok(entry) => match self.countersign(&path, entry) {
                    Some(registration) => self.register(&registration)?,
                    None => None,
                },
            };
            Ok(deed.into_iter().collect())
        })
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: std::io::Error) -> AgentError {
    AgentError::Unread {
        file: path.to_owned(),
        error,
    }
}
