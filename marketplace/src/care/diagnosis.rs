//! Diagnoses: a team signs one after the other, each within a slot, in epochs.

use std::collections::BTreeSet;

use eligo_ledger::height::Height;
use eligo_sharing::domain::{int, lp, sha256};
use eligo_sharing::oms::{Case, Chain, Roster, SignerId};
use eligo_sharing::wallet::Pseudonym;

use crate::contract::{Contract, Moment};
use crate::encoding::{Blob, List, wire_struct};
use crate::entry::RecordEntry;
use crate::event::Event;
use crate::name::{AccountId, ChainId, DiagnosisName, EncounterName, SignerName};
use crate::rejection::Rejection;
use crate::table::Table;

use super::CareEvent;
use super::act::{MAX_CHAIN, MAX_TEAM, TeamName, TeamPlan};
use super::team::{require_employed, require_hospital};

wire_struct! {
    /// A team at work, or done.
    #[derive(Clone, Debug)]
    pub(crate) struct Team {
        pub(crate) epoch: u64,
        pub(crate) plan: TeamPlan,
        /// The doctors' keys in order, as they were when the epoch began.
        pub(crate) signers: List<SignerName, MAX_TEAM>,
        /// Digests of the doctors' confirmations.
        pub(crate) confirmed: Table<AccountId, [u8; 32]>,
        /// The last accepted signatures; empty before the first.
        pub(crate) chain: Blob<MAX_CHAIN>,
        /// How many have signed.
        pub(crate) signed: u8,
        /// How often the doctor in turn was asked again.
        pub(crate) asked: u8,
        /// The slot's last millisecond since 1970.
        pub(crate) slot_ends_ms: u64,
        pub(crate) completed: Option<DiagnosisName>,
        pub(crate) height: Height,
    }
}

impl Team {
    fn begin(
        epoch: u64,
        plan: TeamPlan,
        signers: List<SignerName, MAX_TEAM>,
        now: &Moment,
    ) -> Self {
        Self {
            epoch,
            slot_ends_ms: now.time_ms.saturating_add(plan.slot_ms),
            plan,
            signers,
            confirmed: Table::default(),
            chain: Blob::default(),
            signed: 0,
            asked: 0,
            completed: None,
            height: now.height,
        }
    }

    fn all_confirmed(&self) -> bool {
        self.confirmed.len() == self.plan.doctors.as_slice().len()
    }

    /// Whom everyone waits for: the first who has not confirmed, then the next to sign.
    pub(crate) fn in_turn(&self) -> Option<&AccountId> {
        let doctors = self.plan.doctors.as_slice();
        let unconfirmed = |doctor: &&AccountId| !self.confirmed.contains(doctor);
        match doctors.iter().find(unconfirmed) {
            Some(doctor) => Some(doctor),
            None => doctors.get(usize::from(self.signed)),
        }
    }

    fn retries_used(&self, now: &Moment) -> bool {
        self.asked >= self.plan.retries && now.time_ms > self.slot_ends_ms
    }
}

/// What a team's signatures are about: this hospital, encounter, epoch and team on this chain, and nothing
/// else. `header = SHA-256(LP("ELIGO-CARE-V01-TEAM", chain, hospital, encounter, epoch, LP(signers)))`.
#[must_use]
pub fn case(chain: &ChainId, team: &TeamName, epoch: u64, signers: &[SignerName]) -> Case {
    let signers: Vec<&[u8]> = signers.iter().map(|s| s.as_bytes().as_slice()).collect();
    let header = sha256(&lp(&[
        b"ELIGO-CARE-V01-TEAM",
        chain.as_bytes(),
        team.hospital.as_bytes(),
        team.encounter.as_bytes(),
        &int(epoch),
        &lp(&signers),
    ]));
    let pseudonym = Pseudonym::new(*team.encounter.as_bytes());
    Case { header, pseudonym }
}

/// The doctors' keys in order: each certified, employed, and with a key.
fn check_plan(
    contract: &Contract,
    hospital: &AccountId,
    plan: &TeamPlan,
    now: &Moment,
) -> Result<List<SignerName, MAX_TEAM>, Rejection> {
    require_hospital(contract, hospital)?;
    let doctors = plan.doctors.as_slice();
    let distinct: BTreeSet<_> = doctors.iter().collect();
    let lead = distinct.contains(&plan.lead);
    if distinct.len() != doctors.len() || !lead || plan.slot_ms == 0 {
        return Err(Rejection::TeamPlan);
    }
    let signer = |doctor: &AccountId| {
        require_employed(contract, (hospital, doctor), now.time_ms)?;
        let card = contract.care.doctors.get(doctor);
        card.map(|card| card.signer).ok_or(Rejection::UnknownSigner)
    };
    let signers: Result<Vec<_>, _> = doctors.iter().map(signer).collect();
    List::new(signers?).map_err(|_| Rejection::TeamPlan)
}

pub(crate) fn check_assign(
    contract: &Contract,
    team: &TeamName,
    plan: &TeamPlan,
    now: &Moment,
) -> Result<Team, Rejection> {
    let signers = check_plan(contract, &team.hospital, plan, now)?;
    if contract.care.teams.contains(&team.key()) {
        return Err(Rejection::TeamTwice);
    }
    Ok(Team::begin(0, plan.clone(), signers, now))
}

/// Another set of doctors at any time; the same ones only when one of them failed to the last.
pub(crate) fn check_amend(
    contract: &Contract,
    name: &TeamName,
    plan: &TeamPlan,
    now: &Moment,
) -> Result<Team, Rejection> {
    let signers = check_plan(contract, &name.hospital, plan, now)?;
    let team = at_work(contract, name)?;
    let set = |plan: &TeamPlan| plan.doctors.as_slice().iter().copied().collect();
    let (old, new): (BTreeSet<AccountId>, BTreeSet<AccountId>) = (set(&team.plan), set(plan));
    if old == new && !team.retries_used(now) {
        return Err(Rejection::TeamUnchanged);
    }
    let epoch = team.epoch.saturating_add(1);
    Ok(Team::begin(epoch, plan.clone(), signers, now))
}

pub(crate) fn write_team(
    contract: &mut Contract,
    name: TeamName,
    team: Team,
    events: &mut Vec<Event>,
) {
    let assigned = CareEvent::TeamAssigned {
        hospital: name.hospital,
        encounter: name.encounter,
        epoch: team.epoch,
        doctors: team.plan.doctors.clone(),
    };
    contract.care.teams.insert(name.key(), team);
    events.push(assigned.into());
}

fn known<'a>(contract: &'a Contract, name: &TeamName) -> Result<&'a Team, Rejection> {
    let team = contract.care.teams.get(&name.key());
    team.ok_or(Rejection::UnknownTeam)
}

/// A team that has not completed its diagnosis.
fn at_work<'a>(contract: &'a Contract, name: &TeamName) -> Result<&'a Team, Rejection> {
    let team = known(contract, name)?;
    match team.completed {
        None => Ok(team),
        Some(_) => Err(Rejection::DiagnosisComplete),
    }
}

/// A team at work in this epoch, of which the sender is, still employed.
fn member_of<'a>(
    contract: &'a Contract,
    sender: &AccountId,
    (name, epoch): (&TeamName, u64),
    now: &Moment,
) -> Result<&'a Team, Rejection> {
    let team = at_work(contract, name)?;
    if team.epoch != epoch {
        return Err(Rejection::OldEpoch);
    }
    if !team.plan.doctors.as_slice().contains(sender) {
        return Err(Rejection::NotPermitted);
    }
    require_employed(contract, (&name.hospital, sender), now.time_ms)?;
    Ok(team)
}

pub(crate) fn check_confirm(
    contract: &Contract,
    sender: &AccountId,
    at: (&TeamName, u64),
    welcome: &[u8; 32],
    now: &Moment,
) -> Result<(), Rejection> {
    let team = member_of(contract, sender, at, now)?;
    if *welcome != team.plan.welcome {
        return Err(Rejection::OtherWelcome);
    }
    if team.confirmed.contains(sender) {
        return Err(Rejection::ConfirmedTwice);
    }
    Ok(())
}

pub(crate) fn write_confirm(
    contract: &mut Contract,
    doctor: AccountId,
    (name, epoch): (TeamName, u64),
    confirmation: [u8; 32],
    now: &Moment,
    events: &mut Vec<Event>,
) {
    let Some(team) = contract.care.teams.get_mut(&name.key()) else {
        return;
    };
    team.confirmed.insert(doctor, confirmation);
    if team.all_confirmed() {
        team.next_slot(now);
    }
    let confirmed = CareEvent::TeamConfirmed {
        hospital: name.hospital,
        encounter: name.encounter,
        epoch,
        doctor,
    };
    events.push(confirmed.into());
}

impl Team {
    /// The next doctor's time begins.
    fn next_slot(&mut self, now: &Moment) {
        self.asked = 0;
        self.slot_ends_ms = now.time_ms.saturating_add(self.plan.slot_ms);
    }
}

impl TeamName {
    pub(crate) const fn key(&self) -> (AccountId, EncounterName) {
        (self.hospital, self.encounter)
    }
}

/// Whether the sender may sign at all: what costs pairings comes after.
pub(crate) fn heed_sign(
    contract: &Contract,
    sender: &AccountId,
    name: &TeamName,
) -> Result<(), Rejection> {
    let team = at_work(contract, name)?;
    let member = team.plan.doctors.as_slice().contains(sender);
    member.then_some(()).ok_or(Rejection::NotPermitted)
}

/// In this epoch, in turn, in time; the accepted signatures and exactly this doctor's; then n + 2 pairings.
pub(crate) fn check_sign(
    contract: &Contract,
    sender: &AccountId,
    at: (&TeamName, u64),
    chain: &Chain,
    now: &Moment,
) -> Result<(), Rejection> {
    let team = member_of(contract, sender, at, now)?;
    if !team.all_confirmed() {
        return Err(Rejection::Unconfirmed);
    }
    if team.in_turn() != Some(sender) {
        return Err(Rejection::NotInTurn);
    }
    if now.time_ms > team.slot_ends_ms {
        return Err(Rejection::SlotOver);
    }
    let accepted = match team.signed {
        0 => None,
        _ => Chain::from_bytes(team.chain.as_slice()).ok(),
    };
    let before = accepted.as_ref().map(Chain::steps).unwrap_or_default();
    let signers = team.signers.as_slice();
    let mine = signers.get(before.len());
    let (last, earlier) = chain
        .steps()
        .split_last()
        .ok_or(Rejection::ChainContinuation)?;
    let by_me = mine.is_some_and(|mine| last.0 == SignerId::new(*mine.as_bytes()));
    if earlier != before || !by_me {
        return Err(Rejection::ChainContinuation);
    }
    let case = case(&contract.chain, at.0, team.epoch, signers);
    let roster = roster(contract, signers).ok_or(Rejection::UnknownSigner)?;
    let verified = chain.clone().verify(&case, &roster);
    verified.map(|_| ()).map_err(|_| Rejection::ChainSignature)
}

fn roster(contract: &Contract, signers: &[SignerName]) -> Option<Roster> {
    let registered = |name: &SignerName| {
        let signer = contract.care.signers.get(name)?.registered()?;
        Some((signer.id(), *signer))
    };
    signers.iter().map(registered).collect()
}

pub(crate) fn write_sign(
    contract: &mut Contract,
    doctor: AccountId,
    name: TeamName,
    chain: &Blob<MAX_CHAIN>,
    now: &Moment,
    events: &mut Vec<Event>,
) {
    let Some(team) = contract.care.teams.get_mut(&name.key()) else {
        return;
    };
    let (hospital, encounter, epoch) = (name.hospital, name.encounter, team.epoch);
    team.chain = chain.clone();
    team.signed = team.signed.saturating_add(1);
    team.next_slot(now);
    let place = team.signed;
    let signed = CareEvent::OpinionSigned {
        hospital,
        encounter,
        epoch,
        doctor,
        place,
    };
    events.push(signed.into());
    if usize::from(place) < team.plan.doctors.as_slice().len() {
        return;
    }
    let diagnosis = DiagnosisName::new(sha256(chain.as_slice()));
    team.completed = Some(diagnosis);
    contract.care.diagnoses.insert(diagnosis, name.key());
    let completed = CareEvent::DiagnosisCompleted {
        hospital,
        encounter,
        epoch,
        diagnosis,
    };
    events.push(completed.into());
}

pub(crate) fn check_ask_again(
    contract: &Contract,
    name: &TeamName,
    now: &Moment,
) -> Result<(), Rejection> {
    require_hospital(contract, &name.hospital)?;
    let team = at_work(contract, name)?;
    if now.time_ms <= team.slot_ends_ms {
        return Err(Rejection::SlotRunning);
    }
    if team.asked >= team.plan.retries {
        return Err(Rejection::RetriesUsed);
    }
    Ok(())
}

pub(crate) fn write_ask_again(
    contract: &mut Contract,
    name: TeamName,
    now: &Moment,
    events: &mut Vec<Event>,
) {
    let Some(team) = contract.care.teams.get_mut(&name.key()) else {
        return;
    };
    team.asked = team.asked.saturating_add(1);
    team.slot_ends_ms = now.time_ms.saturating_add(team.plan.slot_ms);
    let Some(doctor) = team.in_turn().copied() else {
        return;
    };
    let again = CareEvent::AskedAgain {
        hospital: name.hospital,
        encounter: name.encounter,
        epoch: team.epoch,
        doctor,
        times: team.asked,
    };
    events.push(again.into());
}

/// A record that names a team's diagnosis: completed by a team of that hospital, for that very encounter.
pub(crate) fn check_entry(contract: &Contract, entry: &RecordEntry) -> Result<(), Rejection> {
    let Some(team) = entry.team else {
        return Ok(());
    };
    let here = (entry.hospital, EncounterName::of(&entry.encounter));
    let of = contract.care.diagnoses.get(&DiagnosisName::new(team));
    if of == Some(&here) {
        Ok(())
    } else {
        Err(Rejection::UnknownDiagnosis)
    }
}
