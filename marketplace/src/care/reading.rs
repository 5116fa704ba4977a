//! Reading: on the ledger first, then the proxies' shares.
//!
//! A proxy answers nothing but a read that stands here, under a permit that is live. Revoking ends all of
//! it at once: a read that was begun gets no further share.

use eligo_sharing::domain::sha256;

use crate::contract::{Contract, Moment};
use crate::delivery::{Posted, jail, judge_share, place_of, read_share};
use crate::encoding::Blob;
use crate::event::Event;
use crate::name::{AccountId, AskId, RecordName};
use crate::rejection::Rejection;
use crate::transaction::MAX_SHARE;

use super::CareEvent;
use super::asking::{Ask, open_ask};
use super::permission::Granted;
use super::team::require_employed;

/// A record granted in an ask, in time.
fn live<'a>(
    contract: &'a Contract,
    (id, record): (&AskId, &RecordName),
    now: &Moment,
) -> Result<(&'a Ask, &'a Granted), Rejection> {
    let ask = open_ask(contract, id)?;
    let granted = contract.care.granted.get(&(*id, *record));
    let granted = granted.ok_or(Rejection::NotGranted)?;
    if now.time_ms > granted.until_ms {
        return Err(Rejection::PermitOver);
    }
    Ok((ask, granted))
}

pub(crate) fn check_read(
    contract: &Contract,
    sender: &AccountId,
    at: (&AskId, &RecordName),
    now: &Moment,
) -> Result<(), Rejection> {
    let (ask, granted) = live(contract, at, now)?;
    if ask.doctor != *sender {
        return Err(Rejection::NotAsker);
    }
    require_employed(contract, (&ask.terms.hospital, sender), now.time_ms)?;
    match granted.read {
        None => Ok(()),
        Some(_) => Err(Rejection::ReadTwice),
    }
}

pub(crate) fn write_read(
    contract: &mut Contract,
    doctor: AccountId,
    (id, record): (AskId, RecordName),
    events: &mut Vec<Event>,
) {
    let height = contract.height;
    let Some(encounter) = contract.care.asks.get(&id).map(Ask::encounter) else {
        return;
    };
    if let Some(granted) = contract.care.granted.get_mut(&(id, record)) {
        granted.read = Some(height);
        let read = CareEvent::RecordRead {
            ask: id,
            encounter,
            record,
            doctor,
        };
        events.push(read.into());
    }
}

/// Two pairings, after everything cheaper.
pub(crate) fn check_share(
    contract: &Contract,
    sender: &AccountId,
    at: (&AskId, &RecordName),
    bytes: &Blob<MAX_SHARE>,
    now: &Moment,
) -> Result<Posted, Rejection> {
    let (ask, granted) = live(contract, at, now)?;
    if granted.read.is_none() {
        return Err(Rejection::NotRead);
    }
    let drawn = ask.service.drawn().ok_or(Rejection::AskPending)?;
    let place = place_of(sender, drawn)?;
    if granted.shares.contains(&place) {
        return Err(Rejection::ShareTwice);
    }
    let share = read_share(place, bytes)?;
    let record = contract.records.get(at.1).ok_or(Rejection::UnknownRecord)?;
    let grant = granted.verified((at.0, ask), record);
    let grant = grant.ok_or(Rejection::GrantMalformed)?;
    let capsule = record.capsule().ok_or(Rejection::Capsule)?;
    judge_share(&grant, capsule, place, &share)
}

pub(crate) fn write_share(
    contract: &mut Contract,
    proxy: AccountId,
    (id, record): (AskId, RecordName),
    (place, share): (u8, Blob<MAX_SHARE>),
    events: &mut Vec<Event>,
) {
    let Some(ask) = contract.care.asks.get(&id) else {
        return;
    };
    let (encounter, threshold) = (ask.encounter(), usize::from(ask.terms.threshold));
    let Some(granted) = contract.care.granted.get_mut(&(id, record)) else {
        return;
    };
    granted.shares.insert(place, share);
    let readable = granted.shares.len() == threshold;
    let ask = id;
    events.push(CareEvent::CareShared { ask, record, proxy }.into());
    if readable {
        let readable = CareEvent::Readable {
            ask,
            encounter,
            record,
        };
        events.push(readable.into());
    }
}

/// A false share: evidence, a penalty, and no draw any more, as in the market.
pub(crate) fn write_false_share(
    contract: &mut Contract,
    proxy: AccountId,
    (ask, record): (AskId, RecordName),
    share: &Blob<MAX_SHARE>,
    events: &mut Vec<Event>,
) {
    let slashed = jail(contract, &proxy);
    let evidence = CareEvent::FalseCareShare {
        ask,
        record,
        proxy,
        share: sha256(share.as_slice()),
        slashed,
    };
    events.push(evidence.into());
}

/// Opening takes no permit: the shares are there. So it may be said later.
pub(crate) fn check_opened(
    contract: &Contract,
    sender: &AccountId,
    (id, record): (&AskId, &RecordName),
) -> Result<(), Rejection> {
    let ask = contract.care.asks.get(id).ok_or(Rejection::UnknownAsk)?;
    if ask.doctor != *sender {
        return Err(Rejection::NotAsker);
    }
    let granted = contract.care.granted.get(&(*id, *record));
    let granted = granted.ok_or(Rejection::NotGranted)?;
    let enough = granted.shares.len() >= usize::from(ask.terms.threshold);
    if enough && granted.opened.is_none() {
        Ok(())
    } else {
        Err(Rejection::NotReadable)
    }
}

pub(crate) fn write_opened(
    contract: &mut Contract,
    doctor: AccountId,
    (ask, record): (AskId, RecordName),
    right: bool,
    events: &mut Vec<Event>,
) {
    let Some(encounter) = contract.care.asks.get(&ask).map(Ask::encounter) else {
        return;
    };
    if let Some(granted) = contract.care.granted.get_mut(&(ask, record)) {
        granted.opened = Some(right);
        let opened = CareEvent::RecordOpened {
            ask,
            encounter,
            record,
            doctor,
            right,
        };
        events.push(opened.into());
    }
}
