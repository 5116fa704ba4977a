//! Which hospital runs which replica, and what follows for proposing: a replica's class is its hospital's
//! level, its region the hospital's, and it may propose while the hospital is admitted. A renewed
//! certificate so changes the rotation; voting is never touched.

use eligo_ledger::height::ReplicaId;
use eligo_ledger::roster::{Class, MAX_REGION, Member, Roster};

use crate::certificate::{Level, Role};
use crate::contract::Contract;
use crate::convene::event::Convened;
use crate::encoding::Text;
use crate::event::Event;
use crate::name::AccountId;
use crate::rejection::Rejection;

impl From<Level> for Class {
    fn from(level: Level) -> Self {
        match level {
            Level::Tertiary => Self::Tertiary,
            Level::Secondary => Self::Secondary,
            Level::Community => Self::Community,
        }
    }
}

/// An admitted hospital's level.
pub(crate) fn level_of(contract: &Contract, hospital: &AccountId) -> Result<Level, Rejection> {
    match contract.admitted(hospital)?.certificate.role {
        Role::Hospital { level, .. } => Ok(level),
        _ => Err(Rejection::NotPermitted),
    }
}

pub(crate) fn check_place(
    contract: &Contract,
    sender: &AccountId,
    hospital: &AccountId,
) -> Result<(), Rejection> {
    contract.require_registrar(sender)?;
    level_of(contract, hospital).map(|_| ())
}

pub(crate) fn write_place(
    contract: &mut Contract,
    hospital: AccountId,
    region: &Text<MAX_REGION>,
    events: &mut Vec<Event>,
) {
    if region.as_str().is_empty() {
        contract.convene.places.remove(&hospital);
    } else {
        contract.convene.places.insert(hospital, region.clone());
    }
    events.push(Event::Convened(Convened::HospitalPlaced { hospital }));
}

pub(crate) fn check_host(
    contract: &Contract,
    sender: &AccountId,
    hospital: &AccountId,
    replica: ReplicaId,
) -> Result<(), Rejection> {
    contract.require_registrar(sender)?;
    level_of(contract, hospital)?;
    let known = contract.next.roster.member(replica).is_some();
    let mut hosts = contract.convene.hosts.iter();
    let another = hosts.any(|(other, host)| host == hospital && *other != replica);
    (known && !another)
        .then_some(())
        .ok_or(Rejection::ReplicaHost)
}

pub(crate) fn write_host(
    contract: &mut Contract,
    hospital: AccountId,
    replica: ReplicaId,
    events: &mut Vec<Event>,
) {
    contract.convene.hosts.insert(replica, hospital);
    events.push(Event::Convened(Convened::ReplicaHosted {
        hospital,
        replica: replica.get(),
    }));
}

/// Brings the roster nearer to the certificates: one member a block, as rosters change.
pub(crate) fn follow_certificates(contract: &mut Contract, events: &mut Vec<Event>) {
    if contract.roster_changed {
        return;
    }
    let Some((roster, event)) = next_change(contract) else {
        return;
    };
    contract.next.roster = roster;
    contract.roster_changed = true;
    events.push(Event::Convened(event));
}

/// The first change that makes a valid roster.
fn next_change(contract: &Contract) -> Option<(Roster, Convened)> {
    contract
        .convene
        .hosts
        .iter()
        .find_map(|(replica, hospital)| {
            let member = contract.next.roster.member(*replica)?;
            let level = level_of(contract, hospital).ok();
            let wanted = Member {
                class: level.map_or(member.class, Class::from),
                may_propose: level.is_some(),
                region: match contract.convene.places.get(hospital) {
                    Some(region) => region.as_str().to_owned(),
                    None => member.region.clone(),
                },
                ..member.clone()
            };
            if wanted == *member {
                return None;
            }
            let members = contract.next.roster.members().iter();
            let members = members.map(|m| if m.id == *replica { &wanted } else { m });
            let roster = contract.next.roster.successor(members.cloned().collect());
            let event = Convened::ReplicaChanged {
                hospital: *hospital,
                replica: replica.get(),
                level,
            };
            Some((roster.ok()?, event))
        })
}
