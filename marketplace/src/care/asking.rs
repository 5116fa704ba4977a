//! Asks: who asks a patient for records, and which proxies will serve.
//!
//! The contract is the query manager: one form, certificates, employment, level and period are checked, no
//! ask is taken twice. The proxies are those in office, if proxies were elected and are as many; else they
//! are drawn by a round of the beacon that nobody knew when the ask was made. A doctor cannot choose them,
//! nor have them drawn until it likes them: a hospital's asks at one encounter have one draw. Who asks there
//! again, whatever became of the ask before, is served by the same, and only the places of those who no longer
//! serve are drawn anew.

use eligo_ledger::height::Height;
use eligo_sharing::beacon::Randomness;
use eligo_sharing::domain::{lp, sha256};
use eligo_sharing::keys::{ReceivingKeyProof, ReceivingPublicKey};

use crate::certificate::Level;
use crate::contract::{Contract, Moment};
use crate::encoding::{List, wire_enum, wire_struct};
use crate::event::Event;
use crate::name::{AccountId, AskId, ChainId, EncounterName, RecordName};
use crate::proxy::{self, DrawnProxy, Service};
use crate::rejection::Rejection;
use crate::signature::verifying_key;

use super::CareEvent;
use super::act::AskTerms;
use super::permission::MAX_RECORDS;
use super::team::require_employed;

/// A day, in milliseconds.
const DAY_MS: u64 = 86_400_000;
/// The most asks that end by themselves in one block; more wait for the next.
const MOST_ENDINGS: usize = 4096;
/// The most asks of one doctor that are open or wait for their draw: each keeps proxies from leaving.
pub const MOST_OPEN_ASKS: usize = 64;
/// Asks and requirements have draws of their own.
const DRAWS_OF_ASKS: u64 = 1 << 63;

/// For how long a doctor of a hospital of this level may ask, in milliseconds.
#[must_use]
pub const fn longest_period_ms(level: Level) -> u64 {
    match level {
        Level::Tertiary => 90 * DAY_MS,
        Level::Secondary => 60 * DAY_MS,
        Level::Community => 30 * DAY_MS,
    }
}

wire_enum! {
    /// Whether an ask is still answered and read under.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Stage("ask") {
        1 => Open,
        2 => Withdrawn,
        3 => Revoked,
        4 => Ended,
    }
}

impl Stage {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Withdrawn => "withdrawn",
            Self::Revoked => "revoked",
            Self::Ended => "ended",
        }
    }
}

wire_struct! {
    /// A doctor's ask.
    #[derive(Clone, Debug)]
    pub(crate) struct Ask {
        pub(crate) doctor: AccountId,
        pub(crate) terms: AskTerms,
        pub(crate) stage: Stage,
        /// Its number among all asks.
        pub(crate) serial: u64,
        pub(crate) service: Service,
        /// While it waits for its draw: who served the hospital's last ask at the encounter, and stays.
        pub(crate) kept: Kept,
        /// What was granted, in order.
        pub(crate) records: List<RecordName, MAX_RECORDS>,
        pub(crate) height: Height,
    }
}

/// Proxies that keep their places.
type Kept = List<DrawnProxy, 64>;

/// Who serves an ask, or who stands for its draw and who stays whatever is drawn.
pub(crate) type Engaged = (Service, Kept);

impl Ask {
    pub(crate) fn encounter(&self) -> EncounterName {
        EncounterName::of(&self.terms.inbox)
    }

    /// n of t = (n + 1) / 2.
    const fn proxies(&self) -> u16 {
        proxies_for(self.terms.threshold)
    }
}

/// The epoch of a draw for an ask: of hospital and inbox alone, so nothing a doctor writes changes it.
fn draw_epoch(terms: &AskTerms) -> u64 {
    let tag = b"ELIGO-CARE-V01-ASK-DRAW";
    let digest = sha256(&lp(&[tag, terms.hospital.as_bytes(), &terms.inbox]));
    let head = digest.iter().take(8);
    let number = head.fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    DRAWS_OF_ASKS | number
}

const fn proxies_for(threshold: u16) -> u16 {
    threshold.saturating_mul(2).saturating_sub(1)
}

/// The parts of an ask that need no state: inbox, receiving key and its possession (two pairings), policy.
pub(crate) fn admit_ask(terms: &AskTerms) -> Result<(), Rejection> {
    verifying_key(&terms.inbox).ok_or(Rejection::Inbox)?;
    if terms.threshold < 2 || terms.threshold > 32 {
        return Err(Rejection::ProxyPolicy);
    }
    let key = ReceivingPublicKey::from_bytes(&terms.receiver);
    let key = key.map_err(|_| Rejection::ReceivingKey)?;
    let proof = ReceivingKeyProof::from_bytes(&terms.possession);
    let proof = proof.map_err(|_| Rejection::ReceivingPossession)?;
    key.check_possession(&proof)
        .map_err(|_| Rejection::ReceivingPossession)
}

/// The ask's name, and who stands for its draw.
pub(crate) fn check_ask(
    contract: &Contract,
    sender: &AccountId,
    terms: &AskTerms,
    now: &Moment,
) -> Result<(AskId, Engaged), Rejection> {
    let level = require_employed(contract, (&terms.hospital, sender), now.time_ms)?;
    let latest = now.time_ms.saturating_add(longest_period_ms(level));
    if terms.until_ms <= now.time_ms || terms.until_ms > latest {
        return Err(Rejection::AskPeriod);
    }
    let id = terms.name(&contract.chain, sender);
    if contract.care.asks.contains(&id) {
        return Err(Rejection::AskTwice);
    }
    if contract.index.care.receivers.contains(&terms.receiver) {
        return Err(Rejection::ReceiverTwice);
    }
    if contract.index.care.open_asks_of(sender) >= MOST_OPEN_ASKS {
        return Err(Rejection::TooManyAsks);
    }
    let proxies = proxies_for(terms.threshold);
    let parameters = &contract.parameters;
    if terms.threshold < parameters.least_threshold || proxies > parameters.most_proxies {
        return Err(Rejection::ProxyPolicy);
    }
    Ok((id, engage(contract, terms)?))
}

/// Who serves: whoever served the hospital's last ask at the encounter; if there was none, the committee, or
/// a draw.
fn engage(contract: &Contract, terms: &AskTerms) -> Result<Engaged, Rejection> {
    let encounter = EncounterName::of(&terms.inbox);
    let last = contract.index.care.last_ask_of(&terms.hospital, &encounter);
    let proxies = proxies_for(terms.threshold);
    let Some(last) = last.and_then(|id| contract.care.asks.get(id)) else {
        let service = committee(contract, usize::from(proxies));
        let service = service.map_or_else(|| proxy::snapshot(contract, proxies), Ok)?;
        return Ok((service, Kept::default()));
    };
    if last.terms.threshold != terms.threshold {
        return Err(Rejection::AskThreshold);
    }
    match &last.service {
        // Its draw, whatever it will be.
        Service::Pending { .. } => Ok((last.service.clone(), last.kept.clone())),
        Service::Drawn {
            round,
            proxies: drawn,
        } => {
            let drawn = drawn.as_slice().iter();
            let kept = drawn.filter_map(|proxy| proxy::serving(contract, &proxy.account));
            let kept: Vec<DrawnProxy> = kept.collect();
            let all = kept.len() == usize::from(proxies);
            let kept = List::new(kept).map_err(|_| Rejection::ProxyPolicy)?;
            if all {
                let (round, proxies) = (*round, kept);
                return Ok((Service::Drawn { round, proxies }, Kept::default()));
            }
            Ok((proxy::snapshot(contract, proxies)?, kept))
        }
    }
}

/// The elected proxies in office, if they are as many and all of them still serve: nobody waits for a draw.
/// The doctor did not choose them either.
fn committee(contract: &Contract, proxies: usize) -> Option<Service> {
    let service = contract.convene.in_office()?;
    let drawn = service.drawn().filter(|drawn| drawn.len() == proxies)?;
    let serves = |proxy: &DrawnProxy| proxy::serving(contract, &proxy.account).is_some();
    drawn.iter().all(serves).then(|| service.clone())
}

pub(crate) fn write_ask(
    contract: &mut Contract,
    doctor: AccountId,
    (id, (service, kept)): (AskId, Engaged),
    terms: &AskTerms,
    events: &mut Vec<Event>,
) {
    let serial = contract.care.asks_made;
    contract.care.asks_made = serial.saturating_add(1);
    proxy::engage(contract, &service);
    let ask = Ask {
        doctor,
        terms: terms.clone(),
        stage: Stage::Open,
        serial,
        service,
        kept,
        records: List::default(),
        height: contract.height,
    };
    let asked = CareEvent::Asked {
        ask: id,
        encounter: ask.encounter(),
        doctor,
        hospital: terms.hospital,
        until_ms: terms.until_ms,
    };
    contract.index.care.add_ask(&id, &ask);
    events.push(asked.into());
    if let Service::Drawn { round, .. } = &ask.service {
        let proxies = List::new(ask.service.accounts()).unwrap_or_default();
        let drawn = CareEvent::AskDrawn {
            ask: id,
            round: *round,
            proxies,
        };
        events.push(drawn.into());
    }
    contract.care.asks.insert(id, ask);
}

/// An ask that is still answered and read under.
pub(crate) fn open_ask<'a>(contract: &'a Contract, id: &AskId) -> Result<&'a Ask, Rejection> {
    let ask = contract.care.asks.get(id).ok_or(Rejection::UnknownAsk)?;
    match ask.stage {
        Stage::Open => Ok(ask),
        Stage::Revoked => Err(Rejection::PermitRevoked),
        Stage::Withdrawn | Stage::Ended => Err(Rejection::AskOver),
    }
}

pub(crate) fn check_withdraw(
    contract: &Contract,
    sender: &AccountId,
    id: &AskId,
) -> Result<(), Rejection> {
    let ask = open_ask(contract, id)?;
    if ask.doctor == *sender {
        Ok(())
    } else {
        Err(Rejection::NotAsker)
    }
}

pub(crate) fn write_withdraw(contract: &mut Contract, id: AskId, events: &mut Vec<Event>) {
    if let Some((encounter, records)) = finish(contract, &id, Stage::Withdrawn) {
        let withdrawn = CareEvent::AskWithdrawn {
            ask: id,
            encounter,
            records,
        };
        events.push(withdrawn.into());
    }
}

/// What an ask that is over was about.
pub(crate) type Over = (EncounterName, List<RecordName, MAX_RECORDS>);

/// Ends an ask: lets its proxies go, forgets its search tokens. One that waits for its draw is drawn for all
/// the same, and holds until then whoever stands: else a doctor who knew the draw early could avoid it.
pub(crate) fn finish(contract: &mut Contract, id: &AskId, stage: Stage) -> Option<Over> {
    let ask = contract.care.asks.get_mut(id)?;
    ask.stage = stage;
    let over = (ask.encounter(), ask.records.clone());
    let (doctor, until_ms) = (ask.doctor, ask.terms.until_ms);
    let drawn = ask.service.drawn().is_some().then(|| ask.service.clone());
    contract.index.care.due.remove(&(until_ms, *id));
    if let Some(drawn) = drawn {
        contract.index.care.open.remove(&(doctor, *id));
        proxy::release(contract, &drawn);
    }
    contract.care.forget_tokens(id);
    Some(over)
}

/// Draws as many as the ask takes; those who keep their places keep them, the first of the others fill up.
fn draw(chain: &ChainId, ask: &Ask, beta: Randomness) -> Option<Service> {
    let epoch = draw_epoch(&ask.terms);
    let drawn = proxy::draw_service(chain, epoch, &ask.service, ask.proxies(), beta)?;
    let Service::Drawn { round, proxies } = drawn else {
        return None;
    };
    let kept = ask.kept.as_slice();
    let stays = |proxy: &&DrawnProxy| kept.iter().any(|k| k.account == proxy.account);
    let others = proxies.as_slice().iter().filter(|proxy| !stays(proxy));
    let all = kept.iter().chain(others).cloned();
    let all = all.take(usize::from(ask.proxies())).collect();
    let proxies = List::new(all).ok()?;
    Some(Service::Drawn { round, proxies })
}

/// Draws the proxies of every ask that waits for this round, over or not.
pub(crate) fn draw_pending(
    contract: &mut Contract,
    round: u64,
    beta: Randomness,
    events: &mut Vec<Event>,
) {
    let waiting = contract.index.care.draws.iter();
    let waiting: Vec<(u64, AskId)> = waiting
        .take_while(|(at, _)| *at <= round)
        .copied()
        .collect();
    for (at, id) in waiting {
        contract.index.care.draws.remove(&(at, id));
        let chain = contract.chain;
        let Some(ask) = contract.care.asks.get_mut(&id) else {
            continue;
        };
        // The snapshot was found large enough when it was taken.
        let Some(drawn) = draw(&chain, ask, beta) else {
            continue;
        };
        let (open, doctor) = (ask.stage == Stage::Open, ask.doctor);
        let stood = std::mem::replace(&mut ask.service, drawn.clone());
        ask.kept = Kept::default();
        proxy::release(contract, &stood);
        if !open {
            contract.index.care.open.remove(&(doctor, id));
            continue;
        }
        proxy::engage(contract, &drawn);
        let proxies = List::new(drawn.accounts()).unwrap_or_default();
        let drawn = CareEvent::AskDrawn {
            ask: id,
            round,
            proxies,
        };
        events.push(drawn.into());
    }
}

/// Ends the asks whose period is over.
pub(crate) fn end_due(contract: &mut Contract, now: &Moment, events: &mut Vec<Event>) {
    let due = contract.index.care.due.iter();
    let due: Vec<AskId> = due
        .take_while(|(until_ms, _)| *until_ms < now.time_ms)
        .take(MOST_ENDINGS)
        .map(|(_, id)| *id)
        .collect();
    for ask in due {
        if let Some((encounter, records)) = finish(contract, &ask, Stage::Ended) {
            let ended = CareEvent::AskEnded {
                ask,
                encounter,
                records,
            };
            events.push(ended.into());
        }
    }
}
