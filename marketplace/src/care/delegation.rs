//! Relatives who act for encounters.
//!
//! A delegate signs permits, their revocation and grants with its own key, for exactly the encounters of the
//! delegation and while it lasts. What the patient hands over off the ledger are those encounters'
//! re-encryption secrets, never the keys that sign for them, nor the wallet's seed: so the patient can take
//! it all back. Permits given before stay until they end or are revoked themselves.

use std::collections::BTreeSet;

use eligo_ledger::height::Height;

use crate::contract::{Contract, Moment};
use crate::encoding::{List, wire_struct};
use crate::event::Event;
use crate::name::{DelegationId, EncounterName};
use crate::rejection::Rejection;
use crate::signature::verify;

use super::CareEvent;
use super::act::{Delegation, MAX_SCOPE, SignedDelegation, delegation_end_bytes};

/// The longest delegation, in milliseconds: a year.
pub const LONGEST_DELEGATION_MS: u64 = 366 * 86_400_000;

wire_struct! {
    /// A delegation that was made.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Delegated {
        pub(crate) delegation: Delegation,
        pub(crate) revoked: bool,
        pub(crate) height: Height,
    }
}

impl Delegation {
    pub(crate) fn scope(&self) -> List<EncounterName, MAX_SCOPE> {
        let names = self.encounters.as_slice().iter().map(EncounterName::of);
        List::new(names.collect()).unwrap_or_default()
    }
}

/// A delegation that holds now.
pub(crate) fn live<'a>(
    contract: &'a Contract,
    id: &DelegationId,
    now: &Moment,
) -> Result<&'a Delegation, Rejection> {
    let delegated = contract.care.delegations.get(id);
    let delegated = delegated.ok_or(Rejection::UnknownDelegation)?;
    if delegated.revoked || now.time_ms > delegated.delegation.until_ms {
        return Err(Rejection::DelegationOver);
    }
    Ok(&delegated.delegation)
}

pub(crate) fn check_delegate(
    contract: &Contract,
    signed: &SignedDelegation,
    now: &Moment,
) -> Result<(), Rejection> {
    let delegation = &signed.delegation;
    let encounters = delegation.encounters.as_slice();
    let distinct: BTreeSet<_> = encounters.iter().collect();
    let latest = now.time_ms.saturating_add(LONGEST_DELEGATION_MS);
    let in_time = delegation.until_ms > now.time_ms && delegation.until_ms <= latest;
    if encounters.is_empty() || distinct.len() != encounters.len() || !in_time {
        return Err(Rejection::DelegationTerms);
    }
    let name = delegation.name(&contract.chain);
    if contract.care.delegations.contains(&name) {
        return Err(Rejection::DelegationTwice);
    }
    let message = delegation.signed_bytes(&contract.chain);
    let signatures = signed.signatures.as_slice();
    let both = encounters.iter().zip(signatures);
    let all = signatures.len() == encounters.len();
    if all && both.into_iter().all(|(key, s)| verify(key, &message, s)) {
        Ok(())
    } else {
        Err(Rejection::DelegationSignature)
    }
}

pub(crate) fn write_delegate(
    contract: &mut Contract,
    delegation: &Delegation,
    events: &mut Vec<Event>,
) {
    let name = delegation.name(&contract.chain);
    let delegated = Delegated {
        delegation: delegation.clone(),
        revoked: false,
        height: contract.height,
    };
    contract.care.delegations.insert(name, delegated);
    let made = CareEvent::Delegated {
        delegation: name,
        encounters: delegation.scope(),
        delegate: delegation.delegate,
        until_ms: delegation.until_ms,
    };
    events.push(made.into());
}

pub(crate) fn check_end(
    contract: &Contract,
    id: &DelegationId,
    (encounter, signature): (&[u8; 32], &[u8; 64]),
    now: &Moment,
) -> Result<(), Rejection> {
    let delegation = live(contract, id, now)?;
    if !delegation.encounters.as_slice().contains(encounter) {
        return Err(Rejection::DelegationScope);
    }
    let message = delegation_end_bytes(&contract.chain, id);
    if verify(encounter, &message, signature) {
        Ok(())
    } else {
        Err(Rejection::DelegationSignature)
    }
}

pub(crate) fn write_end(contract: &mut Contract, id: DelegationId, events: &mut Vec<Event>) {
    if let Some(delegated) = contract.care.delegations.get_mut(&id) {
        delegated.revoked = true;
        let ended = CareEvent::DelegationRevoked {
            delegation: id,
            encounters: delegated.delegation.scope(),
            delegate: delegated.delegation.delegate,
        };
        events.push(ended.into());
    }
}
