//! What is looked up by something else than its name. Derived from the state, never part of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::entry::RecordEntry;
use crate::name::{AccountId, AskId, EmergencyId, EncounterName, RecordName};
use crate::proxy::Service;

use super::Care;
use super::asking::{Ask, Stage};
use super::emergency::{CALL_MS, Emergency};
use super::rows::{RowMark, mark};

/// Lookups derived from the tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct CareIndex {
    /// Receiving keys of asks.
    pub(crate) receivers: BTreeSet<[u8; 48]>,
    /// Asks by the encounter they are made at.
    pub(crate) inboxes: BTreeSet<(EncounterName, AskId)>,
    /// A hospital's last ask at an encounter, with its serial number: whose proxies serve the next.
    last: BTreeMap<(AccountId, EncounterName), (u64, AskId)>,
    /// Asks that wait for a round, over or not.
    pub(crate) draws: BTreeSet<(u64, AskId)>,
    /// Asks by their doctor: open ones, and those that wait for a draw.
    pub(crate) open: BTreeSet<(AccountId, AskId)>,
    /// Open asks by their last millisecond.
    pub(crate) due: BTreeSet<(u64, AskId)>,
    /// Records by encounter.
    pub(crate) records: BTreeSet<(EncounterName, RecordName)>,
    /// Rows in the index.
    pub(crate) rows: BTreeSet<RowMark>,
    /// Calls of emergencies by their doctor and time, until they are over.
    calls: BTreeSet<(AccountId, u64, EmergencyId)>,
    /// The same by their time.
    calls_by_time: BTreeSet<(u64, AccountId, EmergencyId)>,
}

impl CareIndex {
    /// Everything, from the tables.
    pub(crate) fn of(care: &Care) -> Self {
        let mut index = Self::default();
        for (id, ask) in care.asks.iter() {
            index.add_ask(id, ask);
        }
        for (_, rows) in care.rows.iter() {
            index.rows.extend(rows.as_slice().iter().map(mark));
        }
        for (id, call) in care.emergencies.iter() {
            index.add_call(id, call);
        }
        index
    }

    pub(crate) fn add_record(&mut self, name: RecordName, entry: &RecordEntry) {
        let encounter = EncounterName::of(&entry.encounter);
        self.records.insert((encounter, name));
    }

    pub(crate) fn add_ask(&mut self, id: &AskId, ask: &Ask) {
        self.receivers.insert(ask.terms.receiver);
        self.inboxes.insert((ask.encounter(), *id));
        let (place, this) = ((ask.terms.hospital, ask.encounter()), (ask.serial, *id));
        let last = self.last.entry(place).or_insert(this);
        *last = this.max(*last);
        if let Service::Pending { round, .. } = &ask.service {
            self.draws.insert((*round, *id));
            self.open.insert((ask.doctor, *id));
        }
        if ask.stage == Stage::Open {
            self.due.insert((ask.terms.until_ms, *id));
            self.open.insert((ask.doctor, *id));
        }
    }

    /// The last ask that a hospital's doctors made at an encounter, whatever became of it.
    pub(crate) fn last_ask_of(
        &self,
        hospital: &AccountId,
        encounter: &EncounterName,
    ) -> Option<&AskId> {
        let last = self.last.get(&(*hospital, *encounter));
        last.map(|(_, id)| id)
    }

    pub(crate) fn add_call(&mut self, id: &EmergencyId, call: &Emergency) {
        self.calls.insert((call.doctor, call.called_ms, *id));
        self.calls_by_time
            .insert((call.called_ms, call.doctor, *id));
    }

    /// A doctor's calls that authorities may still answer.
    pub(crate) fn open_calls_of(
        &self,
        doctor: &AccountId,
        now_ms: u64,
    ) -> impl Iterator<Item = &EmergencyId> {
        let since_ms = now_ms.saturating_sub(CALL_MS);
        let first = (*doctor, since_ms, EmergencyId::new([0; 32]));
        let last = (*doctor, u64::MAX, EmergencyId::new([0xff; 32]));
        self.calls.range(first..=last).map(|(_, _, id)| id)
    }

    /// Forgets the calls that are over. What is found does not hang on when this is done.
    pub(crate) fn forget_calls(&mut self, now_ms: u64) {
        let since_ms = now_ms.saturating_sub(CALL_MS);
        while let Some((called_ms, doctor, id)) = self.calls_by_time.first().copied() {
            if called_ms >= since_ms {
                break;
            }
            self.calls_by_time.pop_first();
            self.calls.remove(&(doctor, called_ms, id));
        }
    }

    /// How many asks of a doctor are open or wait for a draw: those that keep proxies from leaving.
    pub(crate) fn open_asks_of(&self, doctor: &AccountId) -> usize {
        let (first, last) = (AskId::new([0; 32]), AskId::new([0xff; 32]));
        self.open.range((*doctor, first)..=(*doctor, last)).count()
    }
}
