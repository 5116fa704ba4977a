//! Disputes over delivered records: a wrong key is judged here, a wrong content by arbiters.

use std::collections::BTreeSet;

use eligo_ledger::height::ReplicaId;
use eligo_sharing::tcpre::{Transcript, Verdict};

use crate::claim::Stage;
use crate::contract::{Contract, Moment};
use crate::credits::Credits;
use crate::delivery::{self, Closed};
use crate::encoding::{List, wire_struct};
use crate::event::Event;
use crate::licence;
use crate::name::{AccountId, ClaimId};
use crate::rejection::Rejection;
use crate::table::Table;
use crate::transaction::{ArbiterLetter, DisputeEvidence, Finding, MAX_ARBITERS};

wire_struct! {
    /// A dispute that arbiters judge.
    #[derive(Clone, Debug)]
    pub(crate) struct Contest {
        pub(crate) deposit: Credits,
        pub(crate) letters: List<ArbiterLetter, MAX_ARBITERS>,
        pub(crate) verdicts: Table<AccountId, Finding>,
    }
}

/// What a dispute comes to at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Raised {
    /// The transcript decides.
    Decided(Finding),
    /// The arbiters will.
    ToArbiters,
}

pub(crate) fn check_dispute(
    contract: &Contract,
    sender: &AccountId,
    id: &ClaimId,
    evidence: &DisputeEvidence,
    now: &Moment,
) -> Result<Raised, Rejection> {
    let claim = contract.claims.get(id).ok_or(Rejection::UnknownClaim)?;
    if claim.terms.institution != *sender {
        return Err(Rejection::NotOwner);
    }
    if claim.stage != Stage::Delivered {
        return Err(Rejection::ClaimState);
    }
    if now.time_ms > claim.due_ms {
        return Err(Rejection::DisputeWindow);
    }
    contract.require_funds(sender, contract.parameters.dispute_deposit)?;
    match evidence {
        DisputeEvidence::Content(letters) => {
            check_letters(contract, letters.as_slice()).map(|()| Raised::ToArbiters)
        }
        DisputeEvidence::KeyCommitment(transcript) => {
            judge(contract, id, transcript.as_slice()).map(Raised::Decided)
        }
    }
}

/// A dispute that nobody can judge only delays: every voting arbiter gets a letter, and none two.
fn check_letters(contract: &Contract, letters: &[ArbiterLetter]) -> Result<(), Rejection> {
    let to: BTreeSet<ReplicaId> = letters.iter().map(|letter| letter.arbiter).collect();
    let all = contract.voting_arbiters().all(|a| to.contains(&a.replica));
    if all && to.len() == letters.len() {
        Ok(())
    } else {
        Err(Rejection::DisputeLetters)
    }
}

/// Recomputes the key from verified shares and transcript. A transcript that proves nothing is refused.
fn judge(contract: &Contract, id: &ClaimId, transcript: &[u8]) -> Result<Finding, Rejection> {
    let transcript =
        Transcript::from_bytes(transcript).map_err(|_| Rejection::DisputeTranscript)?;
    let claim = contract.claims.get(id).ok_or(Rejection::UnknownClaim)?;
    let grant = claim.grant(contract).ok_or(Rejection::UnknownClaim)?;
    let record = contract.records.get(&claim.terms.request.record);
    let capsule = record.and_then(|record| record.capsule());
    let capsule = capsule.ok_or(Rejection::Capsule)?;
    let shares: Vec<_> = claim
        .shares
        .iter()
        .filter_map(|(_, bytes)| eligo_sharing::tcpre::Share::from_bytes(bytes.as_slice()).ok())
        .filter_map(|share| grant.verify_share(capsule, &share).ok())
        .collect();
    match transcript.judge(&grant, capsule, &shares) {
        Ok(Verdict::SealerAtFault) => Ok(Finding::HospitalAtFault),
        Ok(Verdict::KeyStands(_)) => Ok(Finding::DisputerAtFault),
        Err(_) => Err(Rejection::DisputeTranscript),
    }
}

pub(crate) fn write_dispute(
    contract: &mut Contract,
    sender: AccountId,
    id: ClaimId,
    (raised, evidence): (Raised, &DisputeEvidence),
    now: &Moment,
    events: &mut Vec<Event>,
) {
    let deposit = contract.debit(&sender, contract.parameters.dispute_deposit);
    let until = now
        .time_ms
        .saturating_add(contract.parameters.arbitration_ms);
    let Some(claim) = contract.claims.get_mut(&id) else {
        return;
    };
    contract.index.due.remove(&(claim.due_ms, id));
    claim.stage = Stage::Disputed;
    claim.due_ms = until;
    contract.index.due.insert((until, id));
    let letters = match evidence {
        DisputeEvidence::Content(letters) => letters.clone(),
        DisputeEvidence::KeyCommitment(_) => List::default(),
    };
    claim.contest = Some(Contest {
        deposit,
        letters,
        verdicts: Table::default(),
    });
    let terms = &claim.terms;
    events.push(Event::Disputed {
        claim: id,
        record: terms.request.record,
        institution: sender,
        hospital: terms.hospital,
    });
    if let Raised::Decided(finding) = raised {
        decide(contract, id, Some(finding), events);
    }
}

pub(crate) fn check_verdict(
    contract: &Contract,
    sender: &AccountId,
    id: &ClaimId,
) -> Result<(), Rejection> {
    let claim = contract.claims.get(id).ok_or(Rejection::UnknownClaim)?;
    let contest = claim.contest.as_ref();
    let contest = contest.filter(|_| claim.stage == Stage::Disputed);
    let contest = contest.ok_or(Rejection::ClaimState)?;
    if !contract.is_arbiter(sender) {
        return Err(Rejection::NotArbiter);
    }
    if contest.verdicts.contains(sender) {
        return Err(Rejection::VerdictTwice);
    }
    Ok(())
}

pub(crate) fn write_verdict(
    contract: &mut Contract,
    sender: AccountId,
    (id, finding): (ClaimId, Finding),
    events: &mut Vec<Event>,
) {
    events.push(Event::VerdictGiven {
        claim: id,
        arbiter: sender,
        finding,
    });
    let Some(claim) = contract.claims.get_mut(&id) else {
        return;
    };
    let Some(contest) = &mut claim.contest else {
        return;
    };
    contest.verdicts.insert(sender, finding);
    // Arbiters whose replicas vote no more do not count.
    let given: Vec<AccountId> = contest
        .verdicts
        .iter()
        .filter(|(_, given)| **given == finding)
        .map(|(arbiter, _)| *arbiter)
        .collect();
    let agreeing = given
        .iter()
        .filter(|arbiter| contract.is_arbiter(arbiter))
        .count();
    if agreeing >= contract.arbiters_quorum() {
        decide(contract, id, Some(finding), events);
    }
}

/// Ends a dispute. Without a finding, because the arbiters did not agree in time, the record stands and the
/// deposit goes back.
pub(crate) fn decide(
    contract: &mut Contract,
    id: ClaimId,
    finding: Option<Finding>,
    events: &mut Vec<Event>,
) {
    let stage = match finding {
        Some(Finding::HospitalAtFault) => Stage::Refunded,
        Some(Finding::DisputerAtFault) | None => Stage::Upheld,
    };
    let contest = contract
        .claims
        .get_mut(&id)
        .and_then(|claim| claim.contest.as_mut());
    let deposit = contest.map_or(Credits::ZERO, |contest| contest.deposit.take_all());
    let Some(closed) = delivery::finish(contract, id, stage) else {
        return;
    };
    match finding {
        Some(Finding::HospitalAtFault) => refund(contract, id, &closed, deposit, events),
        Some(Finding::DisputerAtFault) | None => {
            let lost = match finding {
                Some(_) => deposit,
                None => Credits::ZERO,
            };
            let to = match finding {
                Some(_) => closed.terms.hospital,
                None => closed.terms.institution,
            };
            contract.credit(to, deposit);
            delivery::pay(contract, id, &closed);
            events.push(Event::Upheld {
                claim: id,
                record: closed.terms.request.record,
                account: closed.terms.account,
                deposit: lost,
            });
        }
    }
}

/// The institution gets back what is reserved, its deposit and, from the hospital's bond, the fees it paid;
/// the patient gets the reward from the bond, before them.
fn refund(
    contract: &mut Contract,
    id: ClaimId,
    closed: &Closed,
    deposit: Credits,
    events: &mut Vec<Event>,
) {
    let Closed { reserve, terms } = closed;
    let offer = contract.requirements.get(&terms.request.requirement);
    let offer = offer.and_then(|requirement| requirement.offer());
    let reward = offer.map_or(Credits::ZERO, |offer| offer.reward);
    let price = offer
        .and_then(|offer| offer.price().ok())
        .unwrap_or_default();
    let paid = price.minus(*reserve).unwrap_or_default();
    let (mut compensation, mut fees) = (Credits::ZERO, Credits::ZERO);
    if let Some(hospital) = contract.parties.get_mut(&terms.hospital) {
        compensation = hospital.bond.take_up_to(reward);
        fees = hospital.bond.take_up_to(paid);
    }
    let mut refund = *reserve;
    refund.put(fees);
    contract.credit(terms.account, compensation);
    contract.credit(terms.institution, refund);
    contract.credit(terms.institution, deposit);
    licence::release(contract, terms.lineage, id);
    events.push(Event::Refunded {
        claim: id,
        record: terms.request.record,
        hospital: terms.hospital,
        refund,
        compensation,
    });
}
