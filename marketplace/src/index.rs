//! What is looked up by something else than its name. Derived from the state, never part of it.

use std::collections::{BTreeMap, BTreeSet};

use eligo_ledger::height::Height;

use crate::care::CareIndex;
use crate::contract::Contract;
use crate::event::{Event, Place, Subject};
use crate::name::{AccountId, ClaimId, RequirementName};
use crate::party::Party;
use crate::proxy::Service;
use crate::record::{KeyAndLabel, key_and_label};
use crate::requirement::{Requirement, Status};

/// Lookups derived from the tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// Whose a party's name is.
    pub(crate) names: BTreeMap<String, AccountId>,
    /// Whose an issuer key is.
    pub(crate) issuer_keys: BTreeMap<[u8; 32], AccountId>,
    /// Record keys and labels in use.
    pub(crate) labels: BTreeSet<KeyAndLabel>,
    /// Requirements that wait for a round.
    pub(crate) draws: BTreeSet<(u64, RequirementName)>,
    /// Open requirements by their last day.
    pub(crate) deadlines: BTreeSet<(u32, RequirementName)>,
    /// Open claims by when something happens to them by itself.
    pub(crate) due: BTreeSet<(u64, ClaimId)>,
    /// Revocations by when they take effect.
    pub(crate) revocations: BTreeSet<(Height, ClaimId)>,
    /// When a claim was rejected.
    pub(crate) rejected: BTreeMap<ClaimId, Height>,
    /// Claims under a requirement.
    pub(crate) claims: BTreeSet<(RequirementName, ClaimId)>,
    /// Events by what they are about.
    pub(crate) events: BTreeSet<(Subject, Place)>,
    /// Of patients' care.
    pub(crate) care: CareIndex,
}

impl Index {
    /// Everything, from the tables.
    pub(crate) fn of(contract: &Contract) -> Self {
        let mut index = Self::default();
        for (account, party) in contract.parties.iter() {
            index.add_party(account, party);
        }
        index.care = CareIndex::of(&contract.care);
        for (name, record) in contract.records.iter() {
            index.labels.insert(key_and_label(&record.entry.capsule));
            index.care.add_record(*name, &record.entry);
        }
        for (name, requirement) in contract.requirements.iter() {
            index.add_requirement(name, requirement);
        }
        for (id, claim) in contract.claims.iter() {
            index.claims.insert((claim.terms.request.requirement, *id));
            if !claim.is_open() {
                continue;
            }
            index.due.insert((claim.due_ms, *id));
            if let Some(effective) = claim.revoked {
                index.revocations.insert((effective, *id));
            }
        }
        for ((height, id), _) in contract.rejected.iter() {
            index.rejected.insert(*id, *height);
        }
        for (place, logged) in contract.events.iter() {
            index.add_event(*place, &logged.event);
        }
        index
    }

    pub(crate) fn add_party(&mut self, account: &AccountId, party: &Party) {
        let name = party.certificate.name.as_str().to_owned();
        self.names.insert(name, *account);
        if let Some(key) = party.issuer_key() {
            self.issuer_keys.insert(*key, *account);
        }
    }

    pub(crate) fn add_requirement(&mut self, name: &RequirementName, requirement: &Requirement) {
        if requirement.is_over() {
            return;
        }
        if let Service::Pending { round, .. } = &requirement.service {
            self.draws.insert((*round, *name));
        }
        if requirement.status == Status::Open {
            let deadline = requirement.question().deadline;
            self.deadlines.insert((deadline, *name));
        }
    }

    pub(crate) fn add_event(&mut self, place: Place, event: &Event) {
        for subject in event.subjects() {
            self.events.insert((subject, place));
        }
    }
}
