//! A patient's care between hospitals, on the same ledger as the marketplace.
//!
//! * `team`, `diagnosis`: doctors enter signing keys, hospitals employ them and assign teams; a team signs a
//!   diagnosis in order, each doctor within a time slot;
//! * `rows`: the encrypted index, in batches and nothing else;
//! * `asking`: a doctor asks, on one standard form; proxies are drawn for the ask;
//! * `permission`: the patient grants records for a period, and takes that back;
//! * `reading`: every read stands here before any share exists; proxies re-encrypt;
//! * `delegation`: a relative acts for encounters; `emergency`: authorities open together, and leave a trace;
//! * `view`: what can be seen of it, a patient's history among it.
//!
//! [`Act`] is what can be asked, [`CareEvent`] what happened. The three phases are the contract's:
//! `examine` without state, `check_*` read-only, `write_*` without fail. A state without any of it adds
//! nothing to the contract's digest.

use eligo_ledger::digest::{Digest, Purpose};
use eligo_ledger::height::Height;
use eligo_ledger::wire::{Reader, Wire, WireError};

use crate::encoding::List;
use crate::name::{
    AccountId, AskId, DelegationId, DiagnosisName, EmergencyId, EncounterName, RecordName,
    SignerName,
};
use crate::rejection::Rejection;
use crate::table::Table;

pub mod act;
mod asking;
mod delegation;
mod diagnosis;
mod emergency;
mod event;
mod index;
mod permission;
mod reading;
mod rows;
mod team;

pub use act::Act;
pub use event::CareEvent;
pub use permission::MAX_RECORDS;

pub(crate) use index::CareIndex;

use act::{MAX_ROWS, ROW_BYTES};

/// What is known of patients' care.
#[derive(Clone, Debug, Default)]
pub(crate) struct Care {
    /// How many asks there were: the epochs of their draws.
    asks_made: u64,
    signers: Table<SignerName, team::Signer>,
    doctors: Table<AccountId, team::DoctorCard>,
    employments: Table<(AccountId, AccountId), team::Employment>,
    teams: Table<(AccountId, EncounterName), diagnosis::Team>,
    diagnoses: Table<DiagnosisName, (AccountId, EncounterName)>,
    writers: Table<AccountId, [u8; 48]>,
    rows: Table<(Height, u32), List<[u8; ROW_BYTES], MAX_ROWS>>,
    asks: Table<AskId, asking::Ask>,
    permits: Table<(AskId, [u8; 32]), permission::Permitted>,
    granted: Table<(AskId, RecordName), permission::Granted>,
    delegations: Table<DelegationId, delegation::Delegated>,
    capsules: Table<RecordName, emergency::EmergencyCapsule>,
    emergencies: Table<EmergencyId, emergency::Emergency>,
}

impl Care {
    /// A digest of all of it; none while there is nothing.
    pub(crate) fn digest(&self) -> Option<Digest> {
        if self.is_empty() {
            return None;
        }
        let tables = [
            self.signers.digest(),
            self.doctors.digest(),
            self.employments.digest(),
            self.teams.digest(),
            self.diagnoses.digest(),
            self.writers.digest(),
            self.rows.digest(),
            self.asks.digest(),
            self.permits.digest(),
            self.granted.digest(),
            self.delegations.digest(),
            self.capsules.digest(),
            self.emergencies.digest(),
        ];
        let made = self.asks_made.to_wire();
        let mut parts: Vec<&[u8]> = vec![b"care", &made];
        parts.extend(tables.iter().map(|digest| digest.as_bytes().as_slice()));
        Some(Purpose::Application.hash(&parts))
    }

    fn is_empty(&self) -> bool {
        let counts = [
            self.signers.len(),
            self.doctors.len(),
            self.employments.len(),
            self.teams.len(),
            self.diagnoses.len(),
            self.writers.len(),
            self.rows.len(),
            self.asks.len(),
            self.permits.len(),
            self.granted.len(),
            self.delegations.len(),
            self.capsules.len(),
            self.emergencies.len(),
        ];
        self.asks_made == 0 && counts.iter().all(|count| *count == 0)
    }
}

impl Wire for Care {
    const MIN_SIZE: usize = 8 + 13 * 4;
    fn encode(&self, out: &mut Vec<u8>) {
        self.asks_made.encode(out);
        self.signers.encode(out);
        self.doctors.encode(out);
        self.employments.encode(out);
        self.teams.encode(out);
        self.diagnoses.encode(out);
        self.writers.encode(out);
        self.rows.encode(out);
        self.asks.encode(out);
        self.permits.encode(out);
        self.granted.encode(out);
        self.delegations.encode(out);
        self.capsules.encode(out);
        self.emergencies.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            asks_made: Wire::decode(r)?,
            signers: Wire::decode(r)?,
            doctors: Wire::decode(r)?,
            employments: Wire::decode(r)?,
            teams: Wire::decode(r)?,
            diagnoses: Wire::decode(r)?,
            writers: Wire::decode(r)?,
            rows: Wire::decode(r)?,
            asks: Wire::decode(r)?,
            permits: Wire::decode(r)?,
            granted: Wire::decode(r)?,
            delegations: Wire::decode(r)?,
            capsules: Wire::decode(r)?,
            emergencies: Wire::decode(r)?,
        })
    }
}

/// What the stateless checks of an act gave.
#[derive(Clone, Debug)]
pub(crate) enum Finding {
    /// Nothing beyond the signature.
    Plain,
}

/// The stateless phase.
pub(crate) fn examine(_act: &Act) -> Result<Finding, Rejection> {
    Ok(Finding::Plain)
}
