//! Emergencies: authorities open a record together when its patient cannot answer.
//!
//! A hospital seals a capsule for its record to that record's name in a region's emergencies, under the
//! authorities' group key: a copy of it is no other record's capsule. A doctor who needs it calls them here,
//! so that the call is on the ledger before anything is opened; each authority answers with its part in a
//! letter to that doctor, which is on the ledger too. Fewer than t of them open nothing; t of them leave this
//! trace. A doctor has few calls open at a time, and one for a record.

use eligo_ledger::height::Height;
use eligo_sharing::ibe::Sealed;

use crate::certificate::MAX_NAME;
use crate::contract::{Contract, Moment};
use crate::encoding::{Blob, Text, wire_struct};
use crate::event::Event;
use crate::name::{AccountId, CeremonyName, EmergencyId, RecordName};
use crate::rejection::Rejection;
use crate::table::Table;
use crate::transaction::MAX_LETTER;

use super::CareEvent;
use super::act::{EmergencyTerms, MAX_EMERGENCY, emergency_name};
use super::team::{require_employed, require_hospital};

/// How long a call stands, in milliseconds: a day.
pub const CALL_MS: u64 = 86_400_000;
/// The most open calls of one doctor: each is work for every authority, and a patient's summary.
pub const MOST_OPEN_CALLS: usize = 16;

wire_struct! {
    /// A record's capsule for emergencies.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct EmergencyCapsule {
        /// Whose key it is sealed under.
        pub(crate) office: CeremonyName,
        pub(crate) region: Text<MAX_NAME>,
        pub(crate) epoch: u64,
        pub(crate) sealed: Blob<MAX_EMERGENCY>,
    }
}

wire_struct! {
    /// A call to the authorities.
    #[derive(Clone, Debug)]
    pub(crate) struct Emergency {
        pub(crate) doctor: AccountId,
        pub(crate) terms: EmergencyTerms,
        /// Whom it calls: those its capsule was sealed to.
        pub(crate) office: CeremonyName,
        pub(crate) called_ms: u64,
        pub(crate) height: Height,
        /// The authorities' letters.
        pub(crate) letters: Table<AccountId, Blob<MAX_LETTER>>,
    }
}

/// The stateless part: every point in its group.
pub(crate) fn admit_capsule(sealed: &Blob<MAX_EMERGENCY>) -> Result<Sealed, Rejection> {
    Sealed::from_bytes(sealed.as_slice()).map_err(|_| Rejection::EmergencyCapsule)
}

/// Whether the sender may enter a capsule at all.
pub(crate) fn heed_enter(
    contract: &Contract,
    sender: &AccountId,
    record: &RecordName,
) -> Result<(), Rejection> {
    require_hospital(contract, sender)?;
    let record = contract
        .records
        .get(record)
        .ok_or(Rejection::UnknownRecord)?;
    let own = record.entry.hospital == *sender;
    own.then_some(()).ok_or(Rejection::NotPermitted)
}

/// The capsule as it will be kept. Sealed to this record's name in this region's emergencies, under the key in
/// office: two pairings. A record has one for each office.
pub(crate) fn check_enter(
    contract: &Contract,
    sender: &AccountId,
    (record, capsule): (&RecordName, (&Text<MAX_NAME>, u64, &Blob<MAX_EMERGENCY>)),
    sealed: &Sealed,
) -> Result<EmergencyCapsule, Rejection> {
    heed_enter(contract, sender, record)?;
    let (region, epoch, bytes) = capsule;
    let convene = contract.convene();
    let office = convene.identity_ceremony();
    let office = office.ok_or(Rejection::NoIdentityKey)?;
    let known = contract.care.capsules.get(record);
    if known.is_some_and(|known| known.office == office) {
        return Err(Rejection::EmergencyTwice);
    }
    if *sealed.identity() != emergency_name(region.as_str(), epoch, record) {
        return Err(Rejection::EmergencyCapsule);
    }
    let key = convene.key_of(&office).ok_or(Rejection::NoIdentityKey)?;
    sealed
        .clone()
        .check(key)
        .map_err(|_| Rejection::EmergencyCapsule)?;
    Ok(EmergencyCapsule {
        office,
        region: region.clone(),
        epoch,
        sealed: bytes.clone(),
    })
}

pub(crate) fn write_enter(
    contract: &mut Contract,
    hospital: AccountId,
    (record, capsule): (RecordName, EmergencyCapsule),
    events: &mut Vec<Event>,
) {
    contract.care.capsules.insert(record, capsule);
    events.push(CareEvent::EmergencyEntered { record, hospital }.into());
}

/// The call's name, and whom it calls.
pub(crate) fn check_call(
    contract: &Contract,
    sender: &AccountId,
    terms: &EmergencyTerms,
    now: &Moment,
) -> Result<(EmergencyId, CeremonyName), Rejection> {
    require_employed(contract, (&terms.hospital, sender), now.time_ms)?;
    let capsule = contract.care.capsules.get(&terms.record);
    let capsule = capsule.ok_or(Rejection::UnknownEmergency)?;
    let id = terms.name(&contract.chain, sender);
    if contract.care.emergencies.contains(&id) {
        return Err(Rejection::EmergencyTwice);
    }
    let open = contract.index.care.open_calls_of(sender, now.time_ms);
    let open: Vec<&Emergency> = open
        .filter_map(|id| contract.care.emergencies.get(id))
        .collect();
    if open.iter().any(|call| call.terms.record == terms.record) {
        return Err(Rejection::EmergencyOpen);
    }
    if open.len() >= MOST_OPEN_CALLS {
        return Err(Rejection::TooManyEmergencies);
    }
    Ok((id, capsule.office))
}

pub(crate) fn write_call(
    contract: &mut Contract,
    doctor: AccountId,
    (id, office): (EmergencyId, CeremonyName),
    terms: &EmergencyTerms,
    events: &mut Vec<Event>,
) {
    let emergency = Emergency {
        doctor,
        terms: terms.clone(),
        office,
        called_ms: contract.time_ms,
        height: contract.height,
        letters: Table::default(),
    };
    contract.index.care.add_call(&id, &emergency);
    contract.care.emergencies.insert(id, emergency);
    let asked = CareEvent::EmergencyAsked {
        emergency: id,
        record: terms.record,
        doctor,
        hospital: terms.hospital,
    };
    events.push(asked.into());
}

pub(crate) fn check_answer(
    contract: &Contract,
    sender: &AccountId,
    id: &EmergencyId,
    letter: &Blob<MAX_LETTER>,
    now: &Moment,
) -> Result<(), Rejection> {
    let emergency = contract.care.emergencies.get(id);
    let emergency = emergency.ok_or(Rejection::UnknownEmergency)?;
    let convene = contract.convene();
    convene
        .participant(&emergency.office, sender)
        .ok_or(Rejection::NotKeyholder)?;
    // Dismissed, it has its share of the key still, and no business with patients.
    contract.admitted(sender)?;
    if now.time_ms > emergency.called_ms.saturating_add(CALL_MS) {
        return Err(Rejection::EmergencyOver);
    }
    if emergency.letters.contains(sender) {
        return Err(Rejection::EmergencyShareTwice);
    }
    match letter.as_slice() {
        [] => Err(Rejection::Malformed),
        _ => Ok(()),
    }
}

pub(crate) fn write_answer(
    contract: &mut Contract,
    authority: AccountId,
    id: EmergencyId,
    letter: &Blob<MAX_LETTER>,
    events: &mut Vec<Event>,
) {
    let Some(emergency) = contract.care.emergencies.get_mut(&id) else {
        return;
    };
    emergency.letters.insert(authority, letter.clone());
    let (record, doctor) = (emergency.terms.record, emergency.doctor);
    let key = contract.convene.key_of(&emergency.office);
    let openable = key.is_some_and(|key| emergency.letters.len() == key.threshold());
    let emergency = id;
    let shared = CareEvent::EmergencyShared {
        emergency,
        record,
        authority,
    };
    events.push(shared.into());
    if openable {
        let openable = CareEvent::EmergencyOpenable {
            emergency,
            record,
            doctor,
        };
        events.push(openable.into());
    }
}
