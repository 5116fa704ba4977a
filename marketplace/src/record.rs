//! Registered records: what is sealed, to whom, by which hospital, and of which lineage.

use std::sync::OnceLock;

use eligo_ledger::height::Height;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::keys::RecordKeyProof;
use eligo_sharing::tcpre::{Capsule, CheckedCapsule};

use crate::care;
use crate::contract::Contract;
use crate::entry::{RecordEntry, SignedEntry};
use crate::event::Event;
use crate::name::{ChainId, Lineage, RecordName};
use crate::offer::withdrawal_bytes;
use crate::rejection::Rejection;
use crate::signature::{verify, verifying_key};

/// A registered record.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) entry: RecordEntry,
    pub(crate) lineage: Lineage,
    pub(crate) height: Height,
    pub(crate) withdrawn: bool,
    /// The capsule, checked when it was registered, or again when it is first used after a restart.
    checked: OnceLock<CheckedCapsule>,
}

impl Record {
    pub(crate) fn capsule(&self) -> Option<&CheckedCapsule> {
        if self.checked.get().is_none() {
            let capsule = Capsule::from_bytes(&self.entry.capsule).ok()?;
            let checked = capsule.check().ok()?;
            return Some(self.checked.get_or_init(|| checked));
        }
        self.checked.get()
    }
}

impl Wire for Record {
    const MIN_SIZE: usize = 64;
    fn encode(&self, out: &mut Vec<u8>) {
        self.entry.encode(out);
        self.lineage.encode(out);
        self.height.encode(out);
        self.withdrawn.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            entry: Wire::decode(r)?,
            lineage: Wire::decode(r)?,
            height: Wire::decode(r)?,
            withdrawn: Wire::decode(r)?,
            checked: OnceLock::new(),
        })
    }
}

/// A record key and a label, as the ledger knows them: together they occur once.
pub(crate) type KeyAndLabel = [u8; 128];

pub(crate) fn key_and_label(capsule: &[u8; Capsule::BYTES]) -> KeyAndLabel {
    let mut both = [0; 128];
    both.iter_mut()
        .zip(capsule)
        .for_each(|(to, from)| *to = *from);
    both
}

/// What can be said of an entry without the state: both signatures, the capsule (two pairings), the proof
/// of possession (two pairings), the digest.
pub(crate) fn admit_entry(
    chain: &ChainId,
    signed: &SignedEntry,
) -> Result<CheckedCapsule, Rejection> {
    let entry = &signed.entry;
    let message = entry.signed_bytes(chain);
    verifying_key(&entry.encounter).ok_or(Rejection::PatientSignature)?;
    if !verify(&entry.encounter, &message, &signed.patient) {
        return Err(Rejection::PatientSignature);
    }
    if !verify(entry.hospital.as_bytes(), &message, &signed.hospital) {
        return Err(Rejection::HospitalSignature);
    }
    let capsule = Capsule::from_bytes(&entry.capsule).map_err(|_| Rejection::Capsule)?;
    if *capsule.ciphertext_digest() != entry.ciphertext {
        return Err(Rejection::CiphertextDigest);
    }
    let possession = RecordKeyProof::from_bytes(&entry.possession)
        .map_err(|_| Rejection::RecordKeyPossession)?;
    let key = *capsule.key();
    key.check_possession(&possession)
        .map_err(|_| Rejection::RecordKeyPossession)?;
    capsule.check().map_err(|_| Rejection::Capsule)
}

/// The lineage that the record belongs to.
pub(crate) fn check_register(
    contract: &Contract,
    signed: &SignedEntry,
) -> Result<Lineage, Rejection> {
    let entry = &signed.entry;
    let hospital = contract.admitted(&entry.hospital)?;
    hospital.issuer_key().ok_or(Rejection::NotPermitted)?;
    let name = entry.name();
    if contract.records.contains(&name) {
        return Err(Rejection::RecordTwice);
    }
    if contract
        .index
        .labels
        .contains(&key_and_label(&entry.capsule))
    {
        return Err(Rejection::LabelTwice);
    }
    care::check_entry(contract, entry)?;
    match &entry.supersedes {
        None => Ok(name.into()),
        Some(earlier) => {
            let earlier = contract
                .records
                .get(earlier)
                .ok_or(Rejection::UnknownRecord)?;
            if earlier.entry.hospital != entry.hospital {
                return Err(Rejection::Supersedes);
            }
            Ok(earlier.lineage)
        }
    }
}

pub(crate) fn write_register(
    contract: &mut Contract,
    signed: &SignedEntry,
    capsule: CheckedCapsule,
    lineage: Lineage,
    events: &mut Vec<Event>,
) {
    let entry = signed.entry.clone();
    let (record, hospital) = (entry.name(), entry.hospital);
    contract.index.labels.insert(key_and_label(&entry.capsule));
    contract.index.care.add_record(record, &entry);
    let height = contract.height;
    let checked = OnceLock::from(capsule);
    let withdrawn = false;
    contract.records.insert(
        record,
        Record {
            entry,
            lineage,
            height,
            withdrawn,
            checked,
        },
    );
    events.push(Event::RecordRegistered {
        record,
        hospital,
        lineage,
    });
}

pub(crate) fn check_withdraw(
    contract: &Contract,
    name: &RecordName,
    signature: &[u8; 64],
) -> Result<(), Rejection> {
    let record = contract.records.get(name).ok_or(Rejection::UnknownRecord)?;
    if record.withdrawn {
        return Err(Rejection::RecordWithdrawn);
    }
    let message = withdrawal_bytes(&contract.chain, name);
    if verify(&record.entry.encounter, &message, signature) {
        Ok(())
    } else {
        Err(Rejection::PatientSignature)
    }
}

pub(crate) fn write_withdraw(contract: &mut Contract, name: RecordName, events: &mut Vec<Event>) {
    if let Some(record) = contract.records.get_mut(&name) {
        record.withdrawn = true;
        events.push(Event::RecordWithdrawn { record: name });
    }
}
