//! From acceptance to settlement: shares, expiry, revocation.

use eligo_ledger::height::Height;
use eligo_sharing::domain::sha256;
use eligo_sharing::tcpre::{CheckedCapsule, Revocation, Share, ShareError, VerifiedGrant};

use crate::claim::{Claim, Stage};
use crate::contract::{Contract, Moment};
use crate::credits::Credits;
use crate::encoding::Blob;
use crate::event::Event;
use crate::licence;
use crate::name::{AccountId, ClaimId, NullifierName};
use crate::proxy::DrawnProxy;
use crate::rejection::Rejection;
use crate::requirement;
use crate::signature::verifying_key;
use crate::transaction::{MAX_REVOCATION, MAX_SHARE};

/// What a share turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Posted {
    /// Right: the proxy's number.
    Right(u8),
    /// False: it is refused, and held against the proxy.
    False,
}

/// Two pairings, after everything cheaper.
pub(crate) fn check_share(
    contract: &Contract,
    sender: &AccountId,
    id: &ClaimId,
    bytes: &Blob<MAX_SHARE>,
    now: &Moment,
) -> Result<Posted, Rejection> {
    let claim = contract.claims.get(id).ok_or(Rejection::UnknownClaim)?;
    if !matches!(claim.stage, Stage::Accepted | Stage::Delivered) {
        return Err(match claim.stage {
            Stage::Expired => Rejection::ClaimExpired,
            _ => Rejection::ClaimState,
        });
    }
    // Delivery ends with its time, or, once delivered, with the dispute window.
    if now.time_ms > claim.due_ms {
        return Err(Rejection::ClaimExpired);
    }
    if claim
        .revoked
        .is_some_and(|effective| now.height >= effective)
    {
        return Err(Rejection::Revoked);
    }
    let requirement = contract
        .requirements
        .get(&claim.terms.request.requirement)
        .ok_or(Rejection::UnknownRequirement)?;
    let drawn = requirement.drawn().ok_or(Rejection::DrawPending)?;
    let place = place_of(sender, drawn)?;
    if claim.shares.contains(&place) {
        return Err(Rejection::ShareTwice);
    }
    let share = read_share(place, bytes)?;
    let grant = claim.grant(contract).ok_or(Rejection::UnknownClaim)?;
    let record = contract
        .records
        .get(&claim.terms.request.record)
        .ok_or(Rejection::UnknownRecord)?;
    let capsule = record.capsule().ok_or(Rejection::Capsule)?;
    judge_share(&grant, capsule, place, &share)
}

/// A proxy's number among those drawn.
pub(crate) fn place_of(sender: &AccountId, drawn: &[DrawnProxy]) -> Result<u8, Rejection> {
    (1u8..)
        .zip(drawn)
        .find(|(_, proxy)| proxy.account == *sender)
        .map(|(place, _)| place)
        .ok_or(Rejection::NotDrawn)
}

/// A share that says to be of the proxy with this number.
pub(crate) fn read_share(place: u8, bytes: &Blob<MAX_SHARE>) -> Result<Share, Rejection> {
    let share = Share::from_bytes(bytes.as_slice()).map_err(|_| Rejection::ShareMalformed)?;
    if share.proxy().number() == place {
        Ok(share)
    } else {
        Err(Rejection::ShareMalformed)
    }
}

/// Two pairings.
pub(crate) fn judge_share(
    grant: &VerifiedGrant,
    capsule: &CheckedCapsule,
    place: u8,
    share: &Share,
) -> Result<Posted, Rejection> {
    match grant.verify_share(capsule, share) {
        Ok(_) => Ok(Posted::Right(place)),
        Err(ShareError::Wrong { .. }) => Ok(Posted::False),
        Err(_) => Err(Rejection::ShareMalformed),
    }
}

/// A right share: its fee is paid; the t-th delivers.
pub(crate) fn write_share(
    contract: &mut Contract,
    sender: AccountId,
    id: ClaimId,
    (place, share): (u8, Blob<MAX_SHARE>),
    now: &Moment,
    events: &mut Vec<Event>,
) {
    let Some(claim) = contract.claims.get_mut(&id) else {
        return;
    };
    let request = &claim.terms.request;
    let (name, record) = (request.requirement, request.record);
    let offer = contract.requirements.get(&name).and_then(|r| r.offer());
    let (fee, threshold) = offer.map_or((Credits::ZERO, u16::MAX), |o| (o.proxy_fee, o.threshold));
    claim.shares.insert(place, share);
    let fee = claim.reserve.take_up_to(fee);
    let delivered = claim.stage == Stage::Accepted && claim.shares.len() >= usize::from(threshold);
    if delivered {
        contract.index.due.remove(&(claim.due_ms, id));
        claim.stage = Stage::Delivered;
        claim.due_ms = now.time_ms.saturating_add(contract.parameters.dispute_ms);
        contract.index.due.insert((claim.due_ms, id));
    }
    contract.credit(sender, fee);
    events.push(Event::SharePosted {
        claim: id,
        record,
        proxy: sender,
        fee,
    });
    if delivered {
        events.push(Event::Delivered {
            claim: id,
            requirement: name,
            record,
        });
    }
}

/// A false share: evidence, a penalty, and no draw any more.
pub(crate) fn write_false_share(
    contract: &mut Contract,
    sender: AccountId,
    id: ClaimId,
    share: &Blob<MAX_SHARE>,
    events: &mut Vec<Event>,
) {
    let slashed = jail(contract, &sender);
    events.push(Event::FalseShare {
        claim: id,
        proxy: sender,
        share: sha256(share.as_slice()),
        slashed,
    });
}

/// A proxy that lied pays and is not drawn again. What it lost.
pub(crate) fn jail(contract: &mut Contract, sender: &AccountId) -> Credits {
    let penalty = contract.parameters.false_share_penalty;
    let mut slashed = Credits::ZERO;
    if let Some(proxy) = contract.proxies.get_mut(sender) {
        proxy.jailed = true;
        proxy.false_shares = proxy.false_shares.saturating_add(1);
        slashed = proxy.stake.take_up_to(penalty);
    }
    contract.forfeited.put(slashed);
    slashed
}

pub(crate) fn check_settle(
    contract: &Contract,
    id: &ClaimId,
    now: &Moment,
) -> Result<(), Rejection> {
    let claim = contract.claims.get(id).ok_or(Rejection::UnknownClaim)?;
    if claim.stage != Stage::Delivered {
        return Err(Rejection::ClaimState);
    }
    is_due(claim, now)
}

pub(crate) fn check_expire(
    contract: &Contract,
    id: &ClaimId,
    now: &Moment,
) -> Result<(), Rejection> {
    let claim = contract.claims.get(id).ok_or(Rejection::UnknownClaim)?;
    if claim.stage != Stage::Accepted {
        return Err(Rejection::ClaimState);
    }
    is_due(claim, now)
}

fn is_due(claim: &Claim, now: &Moment) -> Result<(), Rejection> {
    if now.time_ms > claim.due_ms {
        Ok(())
    } else {
        Err(Rejection::NotDue)
    }
}

/// Who was concerned by a claim that is over now, and what was left in its reserve.
pub(crate) struct Closed {
    pub(crate) reserve: Credits,
    pub(crate) terms: crate::claim::Terms,
}

/// Ends a claim in `stage`: takes its reserve out, and lets hospital and proxies go.
pub(crate) fn finish(contract: &mut Contract, id: ClaimId, stage: Stage) -> Option<Closed> {
    let claim = contract.claims.get_mut(&id)?;
    claim.stage = stage;
    contract.index.due.remove(&(claim.due_ms, id));
    if let Some(effective) = claim.revoked {
        contract.index.revocations.remove(&(effective, id));
    }
    let reserve = claim.reserve.take_all();
    let terms = claim.terms.clone();
    if let Some(hospital) = contract.parties.get_mut(&terms.hospital) {
        hospital.open_claims = hospital.open_claims.saturating_sub(1);
    }
    requirement::finish_claim(contract, &terms.request.requirement);
    Some(Closed { reserve, terms })
}

/// The reward to the claimant, unused fees back to the institution, the licence runs.
pub(crate) fn pay(contract: &mut Contract, id: ClaimId, closed: &Closed) -> Credits {
    let Closed { reserve, terms } = closed;
    let offer = contract.requirements.get(&terms.request.requirement);
    let reward = offer
        .and_then(|r| r.offer())
        .map_or(Credits::ZERO, |o| o.reward);
    let mut left = *reserve;
    let reward = left.take_up_to(reward);
    contract.credit(terms.account, reward);
    contract.credit(terms.institution, left);
    licence::run(contract, terms.lineage, id);
    reward
}

pub(crate) fn write_settle(contract: &mut Contract, id: ClaimId, events: &mut Vec<Event>) {
    let Some(closed) = finish(contract, id, Stage::Settled) else {
        return;
    };
    let reward = pay(contract, id, &closed);
    events.push(Event::Settled {
        claim: id,
        requirement: closed.terms.request.requirement,
        record: closed.terms.request.record,
        account: closed.terms.account,
        reward,
    });
}

/// Reserve back to the institution, licence and nullifier released; proxies that kept silent pay. Not so if
/// the patient revoked: nobody was silent, and the nullifier stays used, or one person could use up slot
/// after slot and have the institution pay for shares that are never enough.
pub(crate) fn write_expire(contract: &mut Contract, id: ClaimId, events: &mut Vec<Event>) {
    let revoked = contract
        .claims
        .get(&id)
        .is_some_and(|c| c.revoked.is_some());
    if !revoked {
        penalise_silence(contract, id, events);
    }
    let Some(Closed { reserve, terms }) = finish(contract, id, Stage::Expired) else {
        return;
    };
    contract.credit(terms.institution, reserve);
    licence::release(contract, terms.lineage, id);
    let name = terms.request.requirement;
    if let Some(nullifier) = nullifier(&terms.request.inputs).filter(|_| !revoked) {
        contract.nullifiers.remove(&(name, nullifier));
    }
    events.push(Event::Expired {
        claim: id,
        requirement: name,
        record: terms.request.record,
        returned: reserve,
    });
}

/// The third of the six public inputs.
fn nullifier(inputs: &[u8; 192]) -> Option<NullifierName> {
    let bytes = inputs.get(64..96)?;
    Some(NullifierName::new(bytes.try_into().ok()?))
}

fn penalise_silence(contract: &mut Contract, id: ClaimId, events: &mut Vec<Event>) {
    let Some(claim) = contract.claims.get(&id) else {
        return;
    };
    let drawn = contract
        .requirements
        .get(&claim.terms.request.requirement)
        .and_then(|requirement| requirement.drawn())
        .unwrap_or_default();
    let silent: Vec<AccountId> = (1u8..)
        .zip(drawn)
        .filter(|(place, _)| !claim.shares.contains(place))
        .map(|(_, proxy)| proxy.account)
        .collect();
    let penalty = contract.parameters.silence_penalty;
    for account in silent {
        let Some(proxy) = contract.proxies.get_mut(&account) else {
            continue;
        };
        proxy.silences = proxy.silences.saturating_add(1);
        let slashed = proxy.stake.take_up_to(penalty);
        contract.forfeited.put(slashed);
        events.push(Event::ProxySilent {
            claim: id,
            proxy: account,
            slashed,
        });
    }
}

pub(crate) fn check_revoke(
    contract: &Contract,
    id: &ClaimId,
    bytes: &Blob<MAX_REVOCATION>,
) -> Result<(), Rejection> {
    let claim = contract.claims.get(id).ok_or(Rejection::UnknownClaim)?;
    if claim.stage != Stage::Accepted {
        return Err(Rejection::ClaimState);
    }
    if claim.revoked.is_some() {
        return Err(Rejection::AlreadyRevoked);
    }
    let revocation =
        Revocation::from_bytes(bytes.as_slice()).map_err(|_| Rejection::RevocationSignature)?;
    let grant = claim.grant(contract).ok_or(Rejection::UnknownClaim)?;
    let record = contract.records.get(&claim.terms.request.record);
    let signer = record.and_then(|record| verifying_key(&record.entry.encounter));
    let signer = signer.ok_or(Rejection::RevocationSignature)?;
    revocation
        .verify(&grant.id(), &signer)
        .map_err(|_| Rejection::RevocationSignature)
}

pub(crate) fn write_revoke(
    contract: &mut Contract,
    id: ClaimId,
    now: &Moment,
    events: &mut Vec<Event>,
) {
    let effective = now.height.plus(contract.parameters.revocation_blocks);
    let Some(claim) = contract.claims.get_mut(&id) else {
        return;
    };
    claim.revoked = Some(effective);
    let record = claim.terms.request.record;
    contract.index.revocations.insert((effective, id));
    events.push(Event::Revoked {
        claim: id,
        record,
        effective: effective.get(),
    });
}

/// Ends claims whose revocation takes effect and that were not delivered before it.
pub(crate) fn end_revoked(contract: &mut Contract, height: Height, events: &mut Vec<Event>) {
    while let Some((effective, id)) = contract.index.revocations.first().copied() {
        if effective > height {
            return;
        }
        contract.index.revocations.remove(&(effective, id));
        let accepted = contract
            .claims
            .get(&id)
            .is_some_and(|c| c.stage == Stage::Accepted);
        if accepted {
            write_expire(contract, id, events);
        }
    }
}
