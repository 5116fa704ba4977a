//! The beacon's rounds, and how the ledger itself is run.

use eligo_ledger::height::ReplicaId;
use eligo_ledger::roster::{Member, Roster};
use eligo_sharing::beacon::{BeaconKey, BeaconSignature, Randomness, Round};

use crate::contract::Contract;
use crate::event::Event;
use crate::name::AccountId;
use crate::rejection::Rejection;
use crate::transaction::Governance;

/// What can be said of a round by the key that verifies it: two pairings.
pub(crate) fn admit_round(
    key: &BeaconKey,
    round: u64,
    signature: &[u8; 48],
) -> Result<Randomness, Rejection> {
    let signature =
        BeaconSignature::from_bytes(signature).map_err(|_| Rejection::BeaconSignature)?;
    let output = key
        .verify(Round::new(round), &signature)
        .map_err(|_| Rejection::BeaconSignature)?;
    Ok(output.randomness())
}

/// Rounds come one after the other, so nobody chooses which one draws.
pub(crate) fn check_round(contract: &Contract, round: u64) -> Result<(), Rejection> {
    if contract.beacon_round.checked_add(1) == Some(round) {
        Ok(())
    } else {
        Err(Rejection::BeaconRound)
    }
}

/// Draws are made at the block's end.
pub(crate) fn write_round(
    contract: &mut Contract,
    round: u64,
    randomness: Randomness,
    events: &mut Vec<Event>,
) {
    contract.beacon_round = round;
    contract.convene.forget_parts();
    contract.fresh_rounds.push((round, randomness));
    events.push(Event::BeaconRound { round });
}

/// The roster or policy that would follow. One change of the roster a block.
pub(crate) fn check_govern(
    contract: &Contract,
    sender: &AccountId,
    change: &Governance,
) -> Result<Option<Roster>, Rejection> {
    contract.require_registrar(sender)?;
    let mut members = contract.next.roster.members().to_vec();
    match change {
        Governance::Policy(_) => return Ok(None),
        Governance::Join(member) => add(&mut members, member),
        Governance::Leave(id) => members.retain(|member| member.id != *id),
    }
    if members == contract.next.roster.members() || contract.roster_changed {
        return Err(Rejection::Roster);
    }
    let next = contract.next.roster.successor(members);
    next.map(Some).map_err(|_| Rejection::Roster)
}

fn add(members: &mut Vec<Member>, member: &Member) {
    members.retain(|other| other.id != member.id);
    members.push(member.clone());
    members.sort_by_key(|member| member.id);
}

pub(crate) fn write_govern(
    contract: &mut Contract,
    change: &Governance,
    roster: Option<Roster>,
    events: &mut Vec<Event>,
) {
    if let Governance::Policy(policy) = change {
        contract.next.policy = policy.clone();
    }
    if let Some(roster) = roster {
        contract.next.roster = roster;
        contract.roster_changed = true;
    }
    events.push(Event::Governed {
        registrar: contract.registrar,
    });
}

pub(crate) fn check_ready(
    contract: &Contract,
    sender: &AccountId,
    replica: ReplicaId,
) -> Result<(), Rejection> {
    let arbiters = contract.arbiters.as_slice();
    let own = |a: &&crate::genesis::Arbiter| a.replica == replica && a.account == *sender;
    arbiters
        .iter()
        .find(own)
        .map(|_| ())
        .ok_or(Rejection::NotArbiter)
}
