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
use eligo_sharing::beacon::Randomness;
use eligo_sharing::ibe::Sealed;
use eligo_sharing::oms::{Chain, RegisteredSigner};
use eligo_sharing::tcpre::SignedGrant;

use crate::contract::{Contract, Moment};
use crate::delivery::Posted;
use crate::event::Event;
use crate::name::{
    AccountId, AskId, DelegationId, DiagnosisName, EmergencyId, EncounterName, RecordName,
    SignerName,
};
use crate::proxy::Service;
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
#[cfg(feature = "test-util")]
pub mod scenario;
mod team;
pub mod view;

pub use act::Act;
pub use asking::{MOST_OPEN_ASKS, longest_period_ms};
pub use delegation::LONGEST_DELEGATION_MS;
pub use diagnosis::case;
pub use emergency::{CALL_MS, MOST_OPEN_CALLS};
pub use event::CareEvent;
pub use permission::MAX_RECORDS;

pub(crate) use diagnosis::check_entry;
pub(crate) use index::CareIndex;

use act::TeamName;

/// What is known of patients' care.
#[derive(Clone, Debug, Default)]
pub(crate) struct Care {
    /// How many asks there were: their serial numbers.
    asks_made: u64,
    signers: Table<SignerName, team::Signer>,
    doctors: Table<AccountId, team::DoctorCard>,
    employments: Table<(AccountId, AccountId), team::Employment>,
    teams: Table<(AccountId, EncounterName), diagnosis::Team>,
    diagnoses: Table<DiagnosisName, (AccountId, EncounterName)>,
    writers: Table<AccountId, [u8; 48]>,
    rows: Table<(Height, u32), rows::Rows>,
    asks: Table<AskId, asking::Ask>,
    permits: Table<(AskId, [u8; 32]), permission::Permitted>,
    granted: Table<(AskId, RecordName), permission::Granted>,
    delegations: Table<DelegationId, delegation::Delegated>,
    capsules: Table<RecordName, emergency::EmergencyCapsule>,
    emergencies: Table<EmergencyId, emergency::Emergency>,
}

impl Care {
    /// Who serves an ask, or who stands for its draw.
    pub(crate) fn service(&self, ask: &AskId) -> Option<&Service> {
        Some(&self.asks.get(ask)?.service)
    }

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
#[allow(clippy::large_enum_variant)]
pub(crate) enum Finding {
    /// Nothing beyond what was checked.
    Plain,
    /// A doctor's key.
    Signer(RegisteredSigner),
    /// A team's signatures, not yet verified.
    Chain(Chain),
    /// A permit's grants in order, not yet verified.
    Grants(Vec<SignedGrant>),
    /// A capsule for emergencies, not yet checked.
    Emergency(Sealed),
}

/// The stateless phase.
pub(crate) fn examine(act: &Act) -> Result<Finding, Rejection> {
    match act {
        Act::EnterSigner(entry) => return Ok(Finding::Signer(team::admit_signer(entry)?)),
        Act::SignOpinion { chain, .. } => {
            let chain = Chain::from_bytes(chain.as_slice());
            return chain
                .map(Finding::Chain)
                .map_err(|_| Rejection::ChainMalformed);
        }
        Act::Permit(signed) => {
            return permission::admit_permit(&signed.permit).map(Finding::Grants);
        }
        Act::EnterEmergency { sealed, .. } => {
            return emergency::admit_capsule(sealed).map(Finding::Emergency);
        }
        Act::EnterWriter { key, possession } => rows::admit_writer(key, possession)?,
        Act::WriteRows { rows } => rows::admit_rows(rows)?,
        Act::Ask(terms) => asking::admit_ask(terms)?,
        _ => {}
    }
    Ok(Finding::Plain)
}

/// Whether somebody may ask this at all, before anything is computed about the content.
pub(crate) fn heed(contract: &Contract, sender: &AccountId, act: &Act) -> Result<(), Rejection> {
    let now_ms = contract.time_ms;
    match act {
        Act::EnterSigner(_) => team::require_doctor(contract, sender),
        Act::SignOpinion { team, .. } => diagnosis::heed_sign(contract, sender, team),
        Act::EnterWriter { .. } => team::require_hospital(contract, sender).map(|_| ()),
        Act::WriteRows { .. } => rows::check_writer(contract, sender),
        Act::Ask(terms) => {
            let employment = (&terms.hospital, sender);
            team::require_employed(contract, employment, now_ms).map(|_| ())
        }
        Act::Permit(signed) => asking::open_ask(contract, &signed.permit.ask).map(|_| ()),
        Act::EnterEmergency { record, .. } => emergency::heed_enter(contract, sender, record),
        _ => Ok(()),
    }
}

/// Check, then write, for each kind of act.
pub(crate) fn carry_out(
    contract: &mut Contract,
    sender: AccountId,
    (act, finding): (&Act, &Finding),
    now: &Moment,
    events: &mut Vec<Event>,
) -> Result<(), Rejection> {
    match (act, finding) {
        (Act::EnterSigner(entry), Finding::Signer(registered)) => {
            team::check_enter_signer(contract, &sender, entry, registered)?;
            team::write_enter_signer(contract, sender, entry, *registered, events);
        }
        (Act::RenewPrekey { prekey }, _) => {
            team::check_renew(contract, &sender, prekey)?;
            team::write_renew(contract, sender, prekey, events);
        }
        (Act::Employ { doctor, until_ms }, _) => {
            team::check_employ(contract, &sender, doctor, *until_ms, now)?;
            team::write_employ(contract, (sender, *doctor), *until_ms, events);
        }
        (Act::Release { doctor }, _) => {
            team::check_release(contract, &sender, doctor)?;
            team::write_release(contract, (sender, *doctor), events);
        }
        (Act::EnterWriter { key, .. }, _) => {
            rows::check_enter_writer(contract, &sender, key)?;
            rows::write_enter_writer(contract, sender, *key, events);
        }
        (Act::WriteRows { rows }, _) => {
            rows::check_write(contract, &sender, rows)?;
            rows::write_rows(contract, rows, events);
        }
        (
            Act::AssignTeam { .. }
            | Act::ConfirmTeam { .. }
            | Act::SignOpinion { .. }
            | Act::AskAgain { .. }
            | Act::AmendTeam { .. },
            _,
        ) => work_as_team(contract, sender, (act, finding), now, events)?,
        (Act::Delegate(signed), _) => {
            delegation::check_delegate(contract, signed, now)?;
            delegation::write_delegate(contract, &signed.delegation, events);
        }
        (
            Act::RevokeDelegation {
                delegation,
                encounter,
                signature,
            },
            _,
        ) => {
            delegation::check_end(contract, delegation, (encounter, signature), now)?;
            delegation::write_end(contract, *delegation, events);
        }
        (Act::EnterEmergency { .. } | Act::AskEmergency(_) | Act::EmergencyShare { .. }, _) => {
            act_in_emergency(contract, sender, (act, finding), now, events)?;
        }
        _ => ask_and_read(contract, sender, (act, finding), now, events)?,
    }
    Ok(())
}

/// The acts of a team at work.
fn work_as_team(
    contract: &mut Contract,
    sender: AccountId,
    (act, finding): (&Act, &Finding),
    now: &Moment,
    events: &mut Vec<Event>,
) -> Result<(), Rejection> {
    let own = |encounter: &EncounterName| TeamName {
        hospital: sender,
        encounter: *encounter,
    };
    match (act, finding) {
        (Act::AssignTeam { encounter, team }, _) => {
            let name = own(encounter);
            let team = diagnosis::check_assign(contract, &name, team, now)?;
            diagnosis::write_team(contract, name, team, events);
        }
        (Act::AmendTeam { encounter, team }, _) => {
            let name = own(encounter);
            let team = diagnosis::check_amend(contract, &name, team, now)?;
            diagnosis::write_team(contract, name, team, events);
        }
        (Act::AskAgain { encounter }, _) => {
            let name = own(encounter);
            diagnosis::check_ask_again(contract, &name, now)?;
            diagnosis::write_ask_again(contract, name, now, events);
        }
        (
            Act::ConfirmTeam {
                team,
                epoch,
                welcome,
                confirmation,
            },
            _,
        ) => {
            diagnosis::check_confirm(contract, &sender, (team, *epoch), welcome, now)?;
            let at = (*team, *epoch);
            diagnosis::write_confirm(contract, sender, at, *confirmation, now, events);
        }
        (Act::SignOpinion { team, epoch, chain }, Finding::Chain(parsed)) => {
            diagnosis::check_sign(contract, &sender, (team, *epoch), parsed, now)?;
            diagnosis::write_sign(contract, sender, *team, chain, now, events);
        }
        _ => return Err(Rejection::Malformed),
    }
    Ok(())
}

/// The acts of asking, permitting and reading.
fn ask_and_read(
    contract: &mut Contract,
    sender: AccountId,
    (act, finding): (&Act, &Finding),
    now: &Moment,
    events: &mut Vec<Event>,
) -> Result<(), Rejection> {
    match (act, finding) {
        (Act::Ask(terms), _) => {
            let asked = asking::check_ask(contract, &sender, terms, now)?;
            asking::write_ask(contract, sender, asked, terms, events);
        }
        (Act::Withdraw { ask }, _) => {
            asking::check_withdraw(contract, &sender, ask)?;
            asking::write_withdraw(contract, *ask, events);
        }
        (Act::Permit(signed), Finding::Grants(grants)) => {
            let answer = permission::check_permit(contract, signed, grants, now)?;
            permission::write_permit(contract, &signed.permit, answer, events);
        }
        (
            Act::RevokePermit {
                ask,
                hand,
                signature,
            },
            _,
        ) => {
            let delegate = permission::check_revoke(contract, ask, hand, signature, now)?;
            permission::write_revoke(contract, *ask, delegate, events);
        }
        (Act::Read { ask, record }, _) => {
            reading::check_read(contract, &sender, (ask, record), now)?;
            reading::write_read(contract, sender, (*ask, *record), events);
        }
        (Act::Share { ask, record, share }, _) => {
            let at = (*ask, *record);
            match reading::check_share(contract, &sender, (ask, record), share, now)? {
                Posted::Right(place) => {
                    let share = (place, share.clone());
                    reading::write_share(contract, sender, at, share, events);
                }
                Posted::False => {
                    reading::write_false_share(contract, sender, at, share, events);
                    return Err(Rejection::FalseShare);
                }
            }
        }
        (Act::Opened { ask, record, right }, _) => {
            reading::check_opened(contract, &sender, (ask, record))?;
            reading::write_opened(contract, sender, (*ask, *record), *right, events);
        }
        _ => return Err(Rejection::Malformed),
    }
    Ok(())
}

/// The acts of emergencies.
fn act_in_emergency(
    contract: &mut Contract,
    sender: AccountId,
    (act, finding): (&Act, &Finding),
    now: &Moment,
    events: &mut Vec<Event>,
) -> Result<(), Rejection> {
    match (act, finding) {
        (
            Act::EnterEmergency {
                record,
                region,
                epoch,
                sealed,
            },
            Finding::Emergency(parsed),
        ) => {
            let given = (record, (region, *epoch, sealed));
            let capsule = emergency::check_enter(contract, &sender, given, parsed)?;
            emergency::write_enter(contract, sender, (*record, capsule), events);
        }
        (Act::AskEmergency(terms), _) => {
            let called = emergency::check_call(contract, &sender, terms, now)?;
            emergency::write_call(contract, sender, called, terms, events);
        }
        (Act::EmergencyShare { emergency, letter }, _) => {
            emergency::check_answer(contract, &sender, emergency, letter, now)?;
            emergency::write_answer(contract, sender, *emergency, letter, events);
        }
        _ => return Err(Rejection::Malformed),
    }
    Ok(())
}

/// What happens by itself: draws of proxies, the ends of asks.
pub(crate) fn end_block(
    contract: &mut Contract,
    rounds: &[(u64, Randomness)],
    now: &Moment,
    events: &mut Vec<Event>,
) {
    for (round, randomness) in rounds {
        asking::draw_pending(contract, *round, *randomness, events);
    }
    asking::end_due(contract, now, events);
    contract.index.care.forget_calls(now.time_ms);
}
