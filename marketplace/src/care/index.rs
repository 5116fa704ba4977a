//! What is looked up by something else than its name. Derived from the state, never part of it.

use std::collections::BTreeSet;

use crate::entry::RecordEntry;
use crate::name::{AccountId, AskId, EncounterName, RecordName};
use crate::proxy::Service;

use super::Care;
use super::asking::{Ask, Stage};
use super::rows::{RowMark, mark};

/// Lookups derived from the tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct CareIndex {
    /// Receiving keys of asks.
    pub(crate) receivers: BTreeSet<[u8; 48]>,
    /// Asks by the encounter they are made at.
    pub(crate) inboxes: BTreeSet<(EncounterName, AskId)>,
    /// Open asks that wait for a round.
    pub(crate) draws: BTreeSet<(u64, AskId)>,
    /// Open asks by their doctor.
    pub(crate) open: BTreeSet<(AccountId, AskId)>,
    /// Open asks by their last millisecond.
    pub(crate) due: BTreeSet<(u64, AskId)>,
    /// Records by encounter.
    pub(crate) records: BTreeSet<(EncounterName, RecordName)>,
    /// Rows in the index.
    pub(crate) rows: BTreeSet<RowMark>,
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
        index
    }

    pub(crate) fn add_record(&mut self, name: RecordName, entry: &RecordEntry) {
        let encounter = EncounterName::of(&entry.encounter);
        self.records.insert((encounter, name));
    }

    pub(crate) fn add_ask(&mut self, id: &AskId, ask: &Ask) {
        self.receivers.insert(ask.terms.receiver);
        self.inboxes.insert((ask.encounter(), *id));
        if ask.stage != Stage::Open {
            return;
        }
        self.due.insert((ask.terms.until_ms, *id));
        self.open.insert((ask.doctor, *id));
        if let Service::Pending { round, .. } = &ask.service {
            self.draws.insert((*round, *id));
        }
    }

    /// How many asks of a doctor are open.
    pub(crate) fn open_asks_of(&self, doctor: &AccountId) -> usize {
        let (first, last) = (AskId::new([0; 32]), AskId::new([0xff; 32]));
        self.open.range((*doctor, first)..=(*doctor, last)).count()
    }
}
