//! Doctors: the keys they sign with, and who employs them.

use std::sync::OnceLock;

use eligo_ledger::height::Height;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::oms::{RegisteredSigner, SignerKey, SignerProof};
use eligo_sharing::team::SignedPrekey;

use crate::certificate::{Level, Role};
use crate::contract::{Contract, Moment};
use crate::encoding::{Blob, wire_struct};
use crate::event::Event;
use crate::name::{AccountId, SignerName};
use crate::rejection::Rejection;
use crate::signature::verifying_key;

use super::CareEvent;
use super::act::{MAX_PREKEY, MAX_SIGNER, SignerEntry};

/// A signing key whose possession was proved. It stays: earlier diagnoses are checked against it.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    pub(crate) doctor: AccountId,
    key: Blob<MAX_SIGNER>,
    possession: Blob<MAX_SIGNER>,
    /// The key, checked when it was entered, or again when it is first used after a restart.
    registered: OnceLock<RegisteredSigner>,
}

impl Wire for Signer {
    const MIN_SIZE: usize = 32 + 4 + 4;
    fn encode(&self, out: &mut Vec<u8>) {
        self.doctor.encode(out);
        self.key.encode(out);
        self.possession.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            doctor: Wire::decode(r)?,
            key: Wire::decode(r)?,
            possession: Wire::decode(r)?,
            registered: OnceLock::new(),
        })
    }
}

impl Signer {
    /// Key and proof of possession.
    pub(crate) fn bytes(&self) -> (&[u8], &[u8]) {
        (self.key.as_slice(), self.possession.as_slice())
    }

    pub(crate) fn registered(&self) -> Option<&RegisteredSigner> {
        if self.registered.get().is_none() {
            let key = SignerKey::from_bytes(self.key.as_slice()).ok()?;
            let proof = SignerProof::from_bytes(self.possession.as_slice()).ok()?;
            let registered = key.register(&proof).ok()?;
            return Some(self.registered.get_or_init(|| registered));
        }
        self.registered.get()
    }
}

wire_struct! {
    /// What a doctor signs with now, and where a team's key is sent.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct DoctorCard {
        pub(crate) signer: SignerName,
        pub(crate) prekey: Blob<MAX_PREKEY>,
    }
}

wire_struct! {
    /// That a hospital employs a doctor.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Employment {
        pub(crate) until_ms: u64,
        pub(crate) since: Height,
    }
}

/// A signing key with its proof of possession: four pairings.
pub(crate) fn admit_signer(entry: &SignerEntry) -> Result<RegisteredSigner, Rejection> {
    let key = SignerKey::from_bytes(entry.key.as_slice()).map_err(|_| Rejection::SignerKey)?;
    let proof = SignerProof::from_bytes(entry.possession.as_slice());
    let proof = proof.map_err(|_| Rejection::SignerKey)?;
    key.register(&proof).map_err(|_| Rejection::SignerKey)
}

pub(crate) fn require_doctor(contract: &Contract, account: &AccountId) -> Result<(), Rejection> {
    match contract.admitted(account)?.certificate.role {
        Role::Doctor => Ok(()),
        _ => Err(Rejection::NotPermitted),
    }
}

pub(crate) fn require_hospital(
    contract: &Contract,
    account: &AccountId,
) -> Result<Level, Rejection> {
    match contract.admitted(account)?.certificate.role {
        Role::Hospital { level, .. } => Ok(level),
        _ => Err(Rejection::NotPermitted),
    }
}

/// A certified doctor whom a certified hospital employs now, and the hospital's level.
pub(crate) fn require_employed(
    contract: &Contract,
    (hospital, doctor): (&AccountId, &AccountId),
    now_ms: u64,
) -> Result<Level, Rejection> {
    require_doctor(contract, doctor)?;
    let level = require_hospital(contract, hospital)?;
    let employment = contract.care.employments.get(&(*hospital, *doctor));
    employment
        .filter(|employment| now_ms <= employment.until_ms)
        .map(|_| level)
        .ok_or(Rejection::NotEmployed)
}

/// A prekey is signed by the doctor's account, and names it: nobody's letters go to another.
fn check_prekey(doctor: &AccountId, prekey: &Blob<MAX_PREKEY>) -> Result<(), Rejection> {
    let prekey = SignedPrekey::from_bytes(prekey.as_slice()).map_err(|_| Rejection::Prekey)?;
    let key = verifying_key(doctor.as_bytes()).ok_or(Rejection::Prekey)?;
    let member = prekey.verify(&key).map_err(|_| Rejection::Prekey)?;
    if member.id().as_str() == doctor.to_string() {
        Ok(())
    } else {
        Err(Rejection::Prekey)
    }
}

pub(crate) fn check_enter_signer(
    contract: &Contract,
    sender: &AccountId,
    entry: &SignerEntry,
    registered: &RegisteredSigner,
) -> Result<(), Rejection> {
    require_doctor(contract, sender)?;
    let name = SignerName::new(*registered.id().as_bytes());
    if contract.care.signers.contains(&name) {
        return Err(Rejection::SignerTwice);
    }
    check_prekey(sender, &entry.prekey)
}

pub(crate) fn write_enter_signer(
    contract: &mut Contract,
    doctor: AccountId,
    entry: &SignerEntry,
    registered: RegisteredSigner,
    events: &mut Vec<Event>,
) {
    let signer = SignerName::new(*registered.id().as_bytes());
    let prekey = entry.prekey.clone();
    let entered = Signer {
        doctor,
        key: entry.key.clone(),
        possession: entry.possession.clone(),
        registered: OnceLock::from(registered),
    };
    contract.care.signers.insert(signer, entered);
    let card = DoctorCard { signer, prekey };
    contract.care.doctors.insert(doctor, card);
    events.push(CareEvent::SignerEntered { doctor, signer }.into());
}

pub(crate) fn check_renew(
    contract: &Contract,
    sender: &AccountId,
    prekey: &Blob<MAX_PREKEY>,
) -> Result<(), Rejection> {
    require_doctor(contract, sender)?;
    if !contract.care.doctors.contains(sender) {
        return Err(Rejection::UnknownSigner);
    }
    check_prekey(sender, prekey)
}

pub(crate) fn write_renew(
    contract: &mut Contract,
    doctor: AccountId,
    prekey: &Blob<MAX_PREKEY>,
    events: &mut Vec<Event>,
) {
    if let Some(card) = contract.care.doctors.get_mut(&doctor) {
        card.prekey = prekey.clone();
        events.push(CareEvent::PrekeyRenewed { doctor }.into());
    }
}

pub(crate) fn check_employ(
    contract: &Contract,
    sender: &AccountId,
    doctor: &AccountId,
    until_ms: u64,
    now: &Moment,
) -> Result<(), Rejection> {
    require_hospital(contract, sender)?;
    require_doctor(contract, doctor)?;
    if until_ms > now.time_ms {
        Ok(())
    } else {
        Err(Rejection::EmploymentPeriod)
    }
}

pub(crate) fn write_employ(
    contract: &mut Contract,
    (hospital, doctor): (AccountId, AccountId),
    until_ms: u64,
    events: &mut Vec<Event>,
) {
    let since = contract.height;
    let employment = Employment { until_ms, since };
    let employments = &mut contract.care.employments;
    employments.insert((hospital, doctor), employment);
    let employed = CareEvent::Employed {
        hospital,
        doctor,
        until_ms,
    };
    events.push(employed.into());
}

pub(crate) fn check_release(
    contract: &Contract,
    sender: &AccountId,
    doctor: &AccountId,
) -> Result<(), Rejection> {
    require_hospital(contract, sender)?;
    let employs = contract.care.employments.contains(&(*sender, *doctor));
    employs.then_some(()).ok_or(Rejection::EmploymentPeriod)
}

pub(crate) fn write_release(
    contract: &mut Contract,
    (hospital, doctor): (AccountId, AccountId),
    events: &mut Vec<Event>,
) {
    contract.care.employments.remove(&(hospital, doctor));
    events.push(CareEvent::Released { hospital, doctor }.into());
}
