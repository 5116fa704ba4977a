//! What can be seen of patients' care, as JSON by path: names and bytes in hexadecimal, times as integers.
//!
//! | path | answer |
//! | --- | --- |
//! | `care/doctor/ACCOUNT` | [`DoctorView`] |
//! | `care/employed/HOSPITAL` | list of [`EmploymentView`] |
//! | `care/team/HOSPITAL/ENCOUNTER` | [`TeamView`] |
//! | `care/diagnosis/DIAGNOSIS` | [`TeamView`] |
//! | `care/writers` | list of [`WriterView`] |
//! | `care/rows`, `care/rows/HEIGHT` | list of [`RowView`] in order; those of one block |
//! | `care/ask/ASK`, `care/asks`, `care/inbox/ENCOUNTER` | [`AskView`]; the open ones; all of one inbox |
//! | `care/permits/ASK` | list of [`PermitView`] |
//! | `care/granted/ASK`, `care/granted/ASK/RECORD` | list of [`GrantedView`]; one |
//! | `care/reads` | list of [`GrantedView`] that wait for shares |
//! | `care/delegation/DELEGATION` | [`DelegationView`] |
//! | `care/capsule/RECORD` | [`CapsuleView`] |
//! | `care/emergency/EMERGENCY`, `care/emergencies` | [`EmergencyView`], list |
//! | `care/history/NAME` | list of [`EventView`](crate::view::EventView) about a record, or about an encounter and its records |

use eligo_ledger::height::Height;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::event::Subject;
use crate::name::{
    AccountId, AskId, DelegationId, DiagnosisName, EmergencyId, EncounterName, RecordName,
    SignerName,
};
use crate::proxy::Service;
use crate::query::{Page, json};

use super::asking::Ask;
use super::emergency::CALL_MS;
use super::permission::Granted;

/// A doctor's keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DoctorView {
    /// The doctor.
    pub doctor: AccountId,
    /// The signing key's name.
    pub signer: SignerName,
    /// The signing key's bytes.
    pub key: String,
    /// The proof of its possession.
    pub possession: String,
    /// The signed prekey.
    pub prekey: String,
}

/// An employment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EmploymentView {
    /// The doctor.
    pub doctor: AccountId,
    /// Its last millisecond since 1970.
    pub until_ms: u64,
    /// The block it was entered or prolonged in.
    pub since: u64,
}

/// A team and its diagnosis.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TeamView {
    /// The hospital.
    pub hospital: AccountId,
    /// The encounter.
    pub encounter: EncounterName,
    /// The epoch.
    pub epoch: u64,
    /// Who, in order.
    pub doctors: Vec<AccountId>,
    /// Their keys in order.
    pub signers: Vec<SignerName>,
    /// Who founded the team's key.
    pub lead: AccountId,
    /// How long each has, in milliseconds.
    pub slot_ms: u64,
    /// How often a doctor is asked again at most.
    pub retries: u8,
    /// How often the doctor in turn was.
    pub asked: u8,
    /// SHA-256 of the lead's welcome.
    pub welcome: String,
    /// Who confirmed, with the digests of their confirmations.
    pub confirmed: Vec<(AccountId, String)>,
    /// Whom everyone waits for; none when it is complete.
    pub in_turn: Option<AccountId>,
    /// The slot's last millisecond since 1970.
    pub slot_ends_ms: u64,
    /// The accepted signatures; empty before the first.
    pub chain: String,
    /// How many have signed.
    pub signed: u8,
    /// The completed diagnosis.
    pub completed: Option<DiagnosisName>,
}

/// A hospital's writer key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WriterView {
    /// The hospital.
    pub hospital: AccountId,
    /// The key.
    pub key: String,
}

/// A row of the index.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RowView {
    /// Its block.
    pub height: u64,
    /// Its position in the block.
    pub position: u32,
    /// Its 256 bytes.
    pub row: String,
}

/// A proxy drawn for an ask.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServingView {
    /// Its account.
    pub account: AccountId,
    /// E.
    pub key: String,
}

/// A doctor's ask.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AskView {
    /// The ask.
    pub ask: AskId,
    /// `open`, `withdrawn`, `revoked` or `ended`.
    pub stage: String,
    /// The doctor.
    pub doctor: AccountId,
    /// The doctor's hospital.
    pub hospital: AccountId,
    /// The encounter asked at.
    pub encounter: EncounterName,
    /// Its key.
    pub inbox: String,
    /// B.
    pub receiver: String,
    /// t.
    pub threshold: u16,
    /// Until when, milliseconds since 1970.
    pub until_ms: u64,
    /// The letter to the patient.
    pub letter: String,
    /// The proxies in order; none before the draw.
    pub drawn: Option<Vec<ServingView>>,
    /// The beacon's round that draws them.
    pub draw_round: u64,
    /// What was granted.
    pub records: Vec<RecordName>,
    /// The block it was made in.
    pub height: u64,
}

/// A permit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PermitView {
    /// SHA-256 of what was signed.
    pub permit: String,
    /// Until when, milliseconds since 1970.
    pub until_ms: u64,
    /// The relative who acted.
    pub delegate: Option<AccountId>,
    /// Letters with search tokens, by node; none once the ask is over.
    pub tokens: Vec<(AccountId, String)>,
    /// The block it was given in.
    pub height: u64,
}

/// A record granted in an ask.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrantedView {
    /// The ask.
    pub ask: AskId,
    /// The record.
    pub record: RecordName,
    /// The grant's bytes.
    pub grant: String,
    /// Until when, milliseconds since 1970.
    pub until_ms: u64,
    /// The block in which the doctor began to read.
    pub read: Option<u64>,
    /// Shares: the proxy's number and the share's bytes.
    pub shares: Vec<(u8, String)>,
    /// How many are needed.
    pub threshold: u16,
    /// What the doctor said of the content.
    pub opened: Option<bool>,
}

/// A delegation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DelegationView {
    /// The delegation.
    pub delegation: DelegationId,
    /// The relative.
    pub delegate: AccountId,
    /// The encounters.
    pub encounters: Vec<EncounterName>,
    /// Until when, milliseconds since 1970.
    pub until_ms: u64,
    /// Whether it was revoked.
    pub revoked: bool,
    /// The block it was made in.
    pub height: u64,
}

/// A record's capsule for emergencies.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CapsuleView {
    /// The record.
    pub record: RecordName,
    /// The region.
    pub region: String,
    /// The epoch of its name.
    pub epoch: u64,
    /// The capsule's bytes.
    pub sealed: String,
}

/// A call to the authorities.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EmergencyView {
    /// Until when authorities may answer, milliseconds since 1970.
    pub until_ms: u64,
    /// The call.
    pub emergency: EmergencyId,
    /// The record.
    pub record: RecordName,
    /// The doctor.
    pub doctor: AccountId,
    /// The doctor's hospital.
    pub hospital: AccountId,
    /// Where letters to the doctor are sealed to.
    pub letter_key: String,
    /// SHA-256 of the reason.
    pub reason: String,
    /// The authorities' letters.
    pub letters: Vec<(AccountId, String)>,
    /// The block it was made in.
    pub height: u64,
}

/// The answer to a path below `care`; none if there is no such thing.
pub(crate) fn answer(contract: &Contract, path: &[&str], page: Page) -> Option<Vec<u8>> {
    let care = &contract.care;
    match path {
        ["doctor", account] => json(&contract.doctor_view(&account.parse().ok()?)?),
        ["employed", hospital] => {
            let hospital: AccountId = hospital.parse().ok()?;
            let (first, last) = (AccountId::new([0; 32]), AccountId::new([0xff; 32]));
            let all = care.employments.range((hospital, first)..=(hospital, last));
            page.of(all.map(|((_, doctor), employment)| EmploymentView {
                doctor: *doctor,
                until_ms: employment.until_ms,
                since: employment.since.get(),
            }))
        }
        ["team", hospital, encounter] => {
            let name = (hospital.parse().ok()?, encounter.parse().ok()?);
            json(&contract.team_view(&name)?)
        }
        ["diagnosis", name] => {
            let name = care.diagnoses.get(&name.parse().ok()?)?;
            json(&contract.team_view(name)?)
        }
        ["writers"] => page.of(care.writers.iter().map(|(hospital, key)| WriterView {
            hospital: *hospital,
            key: hex::encode(key),
        })),
        ["rows"] => page.of(contract.row_views(None)),
        ["rows", height] => {
            let height = Height::new(height.parse().ok()?);
            page.of(contract.row_views(Some(height)))
        }
        ["ask", id] => json(&contract.ask_view(&id.parse().ok()?)?),
        ["asks"] => {
            let open = contract.index.care.due.iter();
            page.of(open.filter_map(|(_, id)| contract.ask_view(id)))
        }
        ["inbox", encounter] => {
            let asks = contract.asks_of(encounter.parse().ok()?);
            page.of(asks.filter_map(|id| contract.ask_view(id)))
        }
        ["permits", ask] => page.of(contract.permit_views(ask.parse().ok()?)),
        ["granted", ask] => page.of(contract.granted_views(&ask.parse().ok()?)),
        ["granted", ask, record] => {
            let at = (ask.parse().ok()?, record.parse().ok()?);
            json(&contract.granted_view(at)?)
        }
        ["reads"] => {
            let open = contract.index.care.due.iter();
            let granted = open.flat_map(|(_, id)| contract.granted_views(id));
            page.of(granted.filter(|g| g.read.is_some() && g.shares.len() < g.proxies()))
        }
        ["delegation", id] => json(&contract.delegation_view(&id.parse().ok()?)?),
        ["capsule", record] => json(&contract.capsule_view(&record.parse().ok()?)?),
        ["emergency", id] => json(&contract.emergency_view(&id.parse().ok()?)?),
        ["emergencies"] => {
            let all = care.emergencies.iter();
            page.of(all.filter_map(|(id, _)| contract.emergency_view(id)))
        }
        ["history", name] => {
            let (encounter, record): (EncounterName, _) = (name.parse().ok()?, name.parse().ok()?);
            let mut about = vec![Subject::Encounter(encounter), Subject::Record(record)];
            about.extend(contract.records_of(encounter).map(Subject::Record));
            page.of(contract.events_about_any(&about))
        }
        _ => None,
    }
}

impl GrantedView {
    /// n = 2t - 1.
    fn proxies(&self) -> usize {
        usize::from(self.threshold)
            .saturating_mul(2)
            .saturating_sub(1)
    }
}

impl Contract {
    /// A digest of all that is known of patients' care; none while there is nothing.
    #[must_use]
    pub fn care_digest(&self) -> Option<eligo_ledger::digest::Digest> {
        self.care.digest()
    }

    /// A doctor's keys.
    #[must_use]
    pub fn doctor_view(&self, doctor: &AccountId) -> Option<DoctorView> {
        let card = self.care.doctors.get(doctor)?;
        let signer = self.care.signers.get(&card.signer)?;
        let (key, possession) = signer.bytes();
        Some(DoctorView {
            doctor: *doctor,
            signer: card.signer,
            key: hex::encode(key),
            possession: hex::encode(possession),
            prekey: hex::encode(card.prekey.as_slice()),
        })
    }

    /// A hospital's team for an encounter.
    #[must_use]
    pub fn team_view(&self, name: &(AccountId, EncounterName)) -> Option<TeamView> {
        let team = self.care.teams.get(name)?;
        let (plan, complete) = (&team.plan, team.completed.is_some());
        let confirmed = team.confirmed.iter();
        Some(TeamView {
            hospital: name.0,
            encounter: name.1,
            epoch: team.epoch,
            doctors: plan.doctors.as_slice().to_vec(),
            signers: team.signers.as_slice().to_vec(),
            lead: plan.lead,
            slot_ms: plan.slot_ms,
            retries: plan.retries,
            asked: team.asked,
            welcome: hex::encode(plan.welcome),
            confirmed: confirmed.map(|(d, tau)| (*d, hex::encode(tau))).collect(),
            in_turn: team.in_turn().filter(|_| !complete).copied(),
            slot_ends_ms: team.slot_ends_ms,
            chain: hex::encode(team.chain.as_slice()),
            signed: team.signed,
            completed: team.completed,
        })
    }

    /// Rows in order; with a height, those of that block.
    fn row_views(&self, height: Option<Height>) -> impl Iterator<Item = RowView> {
        let (first, last) = height.map_or((Height::new(0), Height::new(u64::MAX)), |h| (h, h));
        let batches = self.care.rows.range((first, 0)..=(last, u32::MAX));
        batches.flat_map(|((height, first), rows)| {
            let places = *first..;
            places.zip(rows.as_slice()).map(|(position, row)| RowView {
                height: height.get(),
                position,
                row: hex::encode(row),
            })
        })
    }

    /// A doctor's ask.
    #[must_use]
    pub fn ask_view(&self, id: &AskId) -> Option<AskView> {
        let ask: &Ask = self.care.asks.get(id)?;
        let terms = &ask.terms;
        let draw_round = match &ask.service {
            Service::Pending { round, .. } | Service::Drawn { round, .. } => *round,
        };
        let drawn = ask.service.drawn().map(|drawn| {
            let serving = drawn.iter().map(|proxy| ServingView {
                account: proxy.account,
                key: hex::encode(proxy.key),
            });
            serving.collect()
        });
        Some(AskView {
            ask: *id,
            stage: ask.stage.name().to_owned(),
            doctor: ask.doctor,
            hospital: terms.hospital,
            encounter: ask.encounter(),
            inbox: hex::encode(terms.inbox),
            receiver: hex::encode(terms.receiver),
            threshold: terms.threshold,
            until_ms: terms.until_ms,
            letter: hex::encode(terms.letter.as_slice()),
            drawn,
            draw_round,
            records: ask.records.as_slice().to_vec(),
            height: ask.height.get(),
        })
    }

    /// The proxies drawn for an ask, in order: account and key; none before the draw.
    #[must_use]
    pub fn drawn_for_ask(&self, id: &AskId) -> Option<Vec<(AccountId, [u8; 48])>> {
        let drawn = self.care.asks.get(id)?.service.drawn()?.iter();
        Some(drawn.map(|proxy| (proxy.account, proxy.key)).collect())
    }

    fn asks_of(&self, encounter: EncounterName) -> impl Iterator<Item = &AskId> {
        let (first, last) = (AskId::new([0; 32]), AskId::new([0xff; 32]));
        let all = (encounter, first)..=(encounter, last);
        self.index.care.inboxes.range(all).map(|(_, id)| id)
    }

    /// The records of an encounter.
    fn records_of(&self, encounter: EncounterName) -> impl Iterator<Item = RecordName> {
        let (first, last) = (RecordName::new([0; 32]), RecordName::new([0xff; 32]));
        let all = (encounter, first)..=(encounter, last);
        self.index.care.records.range(all).map(|(_, name)| *name)
    }

    /// How many of a doctor's calls authorities may still answer at this time, milliseconds since 1970.
    #[must_use]
    pub fn open_calls(&self, doctor: &AccountId, now_ms: u64) -> usize {
        self.index.care.open_calls_of(doctor, now_ms).count()
    }

    /// A record's capsule for emergencies.
    #[must_use]
    pub fn capsule_view(&self, record: &RecordName) -> Option<CapsuleView> {
        let capsule = self.care.capsules.get(record)?;
        Some(CapsuleView {
            record: *record,
            region: capsule.region.as_str().to_owned(),
            epoch: capsule.epoch,
            sealed: hex::encode(capsule.sealed.as_slice()),
        })
    }

    /// A call to the authorities.
    #[must_use]
    pub fn emergency_view(&self, id: &EmergencyId) -> Option<EmergencyView> {
        let emergency = self.care.emergencies.get(id)?;
        let terms = &emergency.terms;
        let letters = emergency.letters.iter();
        Some(EmergencyView {
            emergency: *id,
            until_ms: emergency.called_ms.saturating_add(CALL_MS),
            record: terms.record,
            doctor: emergency.doctor,
            hospital: terms.hospital,
            letter_key: hex::encode(terms.letters),
            reason: hex::encode(terms.reason),
            letters: letters
                .map(|(authority, letter)| (*authority, hex::encode(letter.as_slice())))
                .collect(),
            height: emergency.height.get(),
        })
    }

    fn permit_views(&self, ask: AskId) -> impl Iterator<Item = PermitView> {
        let permits = self.care.permits_of(&ask);
        permits.map(|((_, digest), permit)| PermitView {
            permit: hex::encode(digest),
            until_ms: permit.until_ms,
            delegate: permit.delegate,
            tokens: permit
                .tokens
                .as_slice()
                .iter()
                .map(|token| (token.node, hex::encode(token.letter.as_slice())))
                .collect(),
            height: permit.height.get(),
        })
    }

    fn granted_views(&self, ask: &AskId) -> impl Iterator<Item = GrantedView> {
        let records = self.care.asks.get(ask).map(|ask| ask.records.as_slice());
        let records = records.unwrap_or_default().iter();
        let at = *ask;
        records.filter_map(move |record| self.granted_view((at, *record)))
    }

    /// A record granted in an ask.
    #[must_use]
    pub fn granted_view(&self, at: (AskId, RecordName)) -> Option<GrantedView> {
        let granted: &Granted = self.care.granted.get(&at)?;
        let ask = self.care.asks.get(&at.0)?;
        let shares = granted.shares.iter();
        Some(GrantedView {
            ask: at.0,
            record: at.1,
            grant: hex::encode(granted.grant.as_slice()),
            until_ms: granted.until_ms,
            read: granted.read.map(Height::get),
            shares: shares
                .map(|(place, share)| (*place, hex::encode(share.as_slice())))
                .collect(),
            threshold: ask.terms.threshold,
            opened: granted.opened,
        })
    }

    /// A delegation.
    #[must_use]
    pub fn delegation_view(&self, id: &DelegationId) -> Option<DelegationView> {
        let delegated = self.care.delegations.get(id)?;
        let delegation = &delegated.delegation;
        Some(DelegationView {
            delegation: *id,
            delegate: delegation.delegate,
            encounters: delegation.scope().as_slice().to_vec(),
            until_ms: delegation.until_ms,
            revoked: delegated.revoked,
            height: delegated.height.get(),
        })
    }
}
