//! Permits: what a patient grants in answer to an ask, until when, and taking it back.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use ed25519_dalek::VerifyingKey;
use eligo_ledger::height::Height;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::domain::sha256;
use eligo_sharing::keys::{ProxyPublicKey, ReceivingPublicKey};
use eligo_sharing::tcpre::{GrantTerms, ProxyRoster, SignedGrant, VerifiedGrant};
use rayon::prelude::*;

use crate::claim::refuse_grant;
use crate::contract::{Contract, Moment};
use crate::encoding::{Blob, List, wire_struct};
use crate::event::Event;
use crate::name::{AccountId, AskId, RecordName};
use crate::record::Record;
use crate::rejection::Rejection;
use crate::signature::{verify, verifying_key};
use crate::table::Table;
use crate::transaction::{MAX_GRANT, MAX_SHARE};

use super::act::{
    Delegation, Hand, MAX_TOKENS, Permit, SignedPermit, TokenLetter, revocation_bytes,
};
use super::asking::{Ask, Stage, finish, open_ask};
use super::delegation::live;
use super::{Care, CareEvent};

/// The most permits of one ask.
const MAX_PERMITS: usize = 16;
/// The most records granted in one ask.
pub const MAX_RECORDS: usize = 32;

wire_struct! {
    /// A permit that was given.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Permitted {
        pub(crate) until_ms: u64,
        pub(crate) delegate: Option<AccountId>,
        /// For the search nodes; dropped when the ask is over.
        pub(crate) tokens: List<TokenLetter, MAX_TOKENS>,
        pub(crate) height: Height,
    }
}

/// A record that is granted in an ask.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    pub(crate) grant: Blob<MAX_GRANT>,
    pub(crate) until_ms: u64,
    /// When the doctor began to read.
    pub(crate) read: Option<Height>,
    /// By the proxies' numbers.
    pub(crate) shares: Table<u8, Blob<MAX_SHARE>>,
    /// What the doctor said of it.
    pub(crate) opened: Option<bool>,
    /// The grant, verified when it was accepted, or again when it is first used after a restart.
    verified: OnceLock<Arc<VerifiedGrant>>,
}

impl Wire for Granted {
    const MIN_SIZE: usize = 4 + 8 + 1 + 4 + 1;
    fn encode(&self, out: &mut Vec<u8>) {
        self.grant.encode(out);
        self.until_ms.encode(out);
        self.read.encode(out);
        self.shares.encode(out);
        self.opened.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            grant: Wire::decode(r)?,
            until_ms: Wire::decode(r)?,
            read: Wire::decode(r)?,
            shares: Wire::decode(r)?,
            opened: Wire::decode(r)?,
            verified: OnceLock::new(),
        })
    }
}

impl Granted {
    fn new(grant: Blob<MAX_GRANT>, until_ms: u64, verified: VerifiedGrant) -> Self {
        Self {
            grant,
            until_ms,
            read: None,
            shares: Table::default(),
            opened: None,
            verified: OnceLock::from(Arc::new(verified)),
        }
    }

    /// The grant as it was accepted: whose signature it bears was right then.
    pub(crate) fn verified(
        &self,
        (id, ask): (&AskId, &Ask),
        record: &Record,
    ) -> Option<Arc<VerifiedGrant>> {
        if let Some(grant) = self.verified.get() {
            return Some(Arc::clone(grant));
        }
        let signed = SignedGrant::from_bytes(self.grant.as_slice()).ok()?;
        let terms = grant_terms(record, (id, ask), &signed)?;
        let signer = *signed.signer();
        let grant = signed.verify(&terms, &signer).ok()?;
        Some(Arc::clone(self.verified.get_or_init(|| Arc::new(grant))))
    }
}

/// What the grant has to be about: from record, ask and draw, never from the grant itself, but for the
/// window, which was checked.
fn grant_terms(
    record: &Record,
    (id, ask): (&AskId, &Ask),
    grant: &SignedGrant,
) -> Option<GrantTerms> {
    let capsule = record.capsule()?;
    let keys = ask.service.drawn()?.iter();
    let keys = keys.map(|proxy| ProxyPublicKey::from_bytes(&proxy.key).ok());
    let keys = keys.collect::<Option<Vec<_>>>()?;
    Some(GrantTerms {
        key: *capsule.key(),
        label: *capsule.label(),
        receiver: ReceivingPublicKey::from_bytes(&ask.terms.receiver).ok()?,
        proxies: ProxyRoster::new(u64::from(ask.terms.threshold), keys).ok()?,
        window: grant.grant().terms().window,
        requirement: (*id).into(),
    })
}

/// The stateless part: every point on its curve and in its subgroup.
pub(crate) fn admit_permit(permit: &Permit) -> Result<Vec<SignedGrant>, Rejection> {
    let grants = permit.grants.as_slice().par_iter();
    grants
        .map(|granted| SignedGrant::from_bytes(granted.grant.as_slice()))
        .map(|grant| grant.map_err(|_| Rejection::GrantMalformed))
        .collect()
}

/// Everything to be written for a permit.
#[derive(Debug)]
pub(crate) struct Answer {
    digest: [u8; 32],
    delegate: Option<AccountId>,
    granted: Vec<(RecordName, Granted)>,
}

/// Ask, signature, replay, period and size; then each grant, its pairings last and side by side.
pub(crate) fn check_permit(
    contract: &Contract,
    signed: &SignedPermit,
    grants: &[SignedGrant],
    now: &Moment,
) -> Result<Answer, Rejection> {
    let permit = &signed.permit;
    let ask = open_ask(contract, &permit.ask)?;
    let hand = Holder::of(contract, &signed.hand, ask, now)?;
    let message = permit.signed_bytes(&contract.chain);
    if !verify(&hand.key, &message, &signed.signature) {
        return Err(Rejection::PermitSignature);
    }
    let digest = sha256(&message);
    if contract.care.permits.contains(&(permit.ask, digest)) {
        return Err(Rejection::PermitTwice);
    }
    check_period(permit, ask, now)?;
    let delegation_ends = hand.delegation.map(|delegation| delegation.until_ms);
    if delegation_ends.is_some_and(|ends_ms| permit.until_ms > ends_ms) {
        return Err(Rejection::PermitPeriod);
    }
    check_size(contract, permit, ask)?;
    let records = check_records(contract, permit, grants, &hand, now)?;
    if !records.is_empty() && ask.service.drawn().is_none() {
        return Err(Rejection::AskPending);
    }
    let verified = records
        .par_iter()
        .zip(grants)
        .map(|((record, signer), grant)| {
            let terms = grant_terms(record, (&permit.ask, ask), grant);
            let terms = terms.ok_or(Rejection::GrantMalformed)?;
            grant.clone().verify(&terms, signer).map_err(refuse_grant)
        });
    let verified: Vec<Result<VerifiedGrant, Rejection>> = verified.collect();
    let both = permit.grants.as_slice().iter().zip(verified);
    let granted = both.map(|(granted, verified)| {
        let grant = Granted::new(granted.grant.clone(), permit.until_ms, verified?);
        Ok((granted.record, grant))
    });
    Ok(Answer {
        digest,
        delegate: hand.delegation.map(|delegation| delegation.delegate),
        granted: granted.collect::<Result<_, Rejection>>()?,
    })
}

fn check_period(permit: &Permit, ask: &Ask, now: &Moment) -> Result<(), Rejection> {
    let whole = permit.until_ms.is_multiple_of(1000);
    if whole && permit.until_ms > now.time_ms && permit.until_ms <= ask.terms.until_ms {
        Ok(())
    } else {
        Err(Rejection::PermitPeriod)
    }
}

fn check_size(contract: &Contract, permit: &Permit, ask: &Ask) -> Result<(), Rejection> {
    let (grants, tokens) = (permit.grants.as_slice(), permit.tokens.as_slice());
    let records = ask.records.as_slice().len().saturating_add(grants.len());
    let permits = contract.care.permits_of(&permit.ask).count();
    let empty = grants.is_empty() && tokens.is_empty();
    if empty || records > MAX_RECORDS || permits >= MAX_PERMITS {
        return Err(Rejection::PermitSize);
    }
    Ok(())
}

/// Each record with the key that may sign its grant.
fn check_records<'a>(
    contract: &'a Contract,
    permit: &Permit,
    grants: &[SignedGrant],
    hand: &Holder<'_>,
    now: &Moment,
) -> Result<Vec<(&'a Record, VerifyingKey)>, Rejection> {
    let mut seen = BTreeSet::new();
    let mut records = Vec::new();
    for (granted, grant) in permit.grants.as_slice().iter().zip(grants) {
        let name = granted.record;
        let record = contract
            .records
            .get(&name)
            .ok_or(Rejection::UnknownRecord)?;
        let before = contract.care.granted.contains(&(permit.ask, name));
        if before || !seen.insert(name) {
            return Err(Rejection::GrantedTwice);
        }
        let window = grant.grant().terms().window;
        let ends = Some(window.not_after()) == permit.until_ms.checked_div(1000);
        if !ends || !window.holds(now.seconds()) {
            return Err(Rejection::GrantWindow);
        }
        records.push((record, hand.signer_for(record, grant)?));
    }
    Ok(records)
}

/// Who acts for a patient: the inbox's own key, or a delegate's.
struct Holder<'a> {
    key: [u8; 32],
    delegation: Option<&'a Delegation>,
}

impl<'a> Holder<'a> {
    fn of(contract: &'a Contract, hand: &Hand, ask: &Ask, now: &Moment) -> Result<Self, Rejection> {
        let inbox = ask.terms.inbox;
        match hand {
            Hand::Patient => Ok(Self {
                key: inbox,
                delegation: None,
            }),
            Hand::Delegate(id) => {
                let delegation = live(contract, id, now)?;
                if !delegation.encounters.as_slice().contains(&inbox) {
                    return Err(Rejection::DelegationScope);
                }
                Ok(Self {
                    key: *delegation.delegate.as_bytes(),
                    delegation: Some(delegation),
                })
            }
        }
    }

    /// The record's encounter key; the delegate's for encounters in its scope.
    fn signer_for(&self, record: &Record, grant: &SignedGrant) -> Result<VerifyingKey, Rejection> {
        let encounter = &record.entry.encounter;
        let delegates = self
            .delegation
            .filter(|d| grant.signer().as_bytes() == d.delegate.as_bytes());
        let key = match delegates {
            None => encounter,
            Some(d) if d.encounters.as_slice().contains(encounter) => &self.key,
            Some(_) => return Err(Rejection::DelegationScope),
        };
        verifying_key(key).ok_or(Rejection::GrantSignature)
    }
}

pub(crate) fn write_permit(
    contract: &mut Contract,
    permit: &Permit,
    answer: Answer,
    events: &mut Vec<Event>,
) {
    let Answer {
        digest,
        delegate,
        granted,
    } = answer;
    let (ask, until_ms, height) = (permit.ask, permit.until_ms, contract.height);
    let permitted = Permitted {
        until_ms,
        delegate,
        tokens: permit.tokens.clone(),
        height,
    };
    contract.care.permits.insert((ask, digest), permitted);
    let names: Vec<RecordName> = granted.iter().map(|(name, _)| *name).collect();
    for (name, grant) in granted {
        contract.care.granted.insert((ask, name), grant);
    }
    let Some(asked) = contract.care.asks.get_mut(&ask) else {
        return;
    };
    let all = [asked.records.as_slice(), &names].concat();
    asked.records = List::new(all).unwrap_or_default();
    let searches = u32::try_from(permit.tokens.as_slice().len()).unwrap_or(u32::MAX);
    let permitted = CareEvent::Permitted {
        ask,
        encounter: asked.encounter(),
        records: List::new(names).unwrap_or_default(),
        searches,
        until_ms,
        delegate,
    };
    events.push(permitted.into());
}

/// Who revoked, if a delegate did.
pub(crate) fn check_revoke(
    contract: &Contract,
    id: &AskId,
    hand: &Hand,
    signature: &[u8; 64],
    now: &Moment,
) -> Result<Option<AccountId>, Rejection> {
    let ask = open_ask(contract, id)?;
    let hand = Holder::of(contract, hand, ask, now)?;
    let message = revocation_bytes(&contract.chain, id);
    if verify(&hand.key, &message, signature) {
        Ok(hand.delegation.map(|delegation| delegation.delegate))
    } else {
        Err(Rejection::PermitSignature)
    }
}

pub(crate) fn write_revoke(
    contract: &mut Contract,
    ask: AskId,
    delegate: Option<AccountId>,
    events: &mut Vec<Event>,
) {
    if let Some((encounter, records)) = finish(contract, &ask, Stage::Revoked) {
        let revoked = CareEvent::PermitRevoked {
            ask,
            encounter,
            records,
            delegate,
        };
        events.push(revoked.into());
    }
}

impl Care {
    pub(crate) fn permits_of<'a>(
        &'a self,
        ask: &AskId,
    ) -> impl Iterator<Item = (&'a (AskId, [u8; 32]), &'a Permitted)> + use<'a> {
        self.permits.range((*ask, [0; 32])..=(*ask, [0xff; 32]))
    }

    /// Search nodes forget the tokens of an ask that is over.
    pub(crate) fn forget_tokens(&mut self, ask: &AskId) {
        let keys: Vec<_> = self.permits_of(ask).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(permit) = self.permits.get_mut(&key) {
                permit.tokens = List::default();
            }
        }
    }
}
