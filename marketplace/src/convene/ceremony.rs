//! Key generations on the ledger, round by round. The ledger is the broadcast: each authority speaks once a
//! round, by a transaction of its account; what was not said when the round ends was not said.

use std::sync::OnceLock;

use eligo_ledger::height::Height;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::dkg::{Fault, GroupKey, Participant};
use eligo_sharing::domain::sha256;

use crate::contract::{Contract, Moment};
use crate::convene::act::{CeremonyTerms, KeyPurpose};
use crate::convene::beacon;
use crate::convene::event::{AuthorityFault, Convened};
use crate::convene::transcript::{self, Message, NoKey, Stage, Transcript};
use crate::encoding::{Blob, List, wire_struct};
use crate::event::Event;
use crate::name::{AccountId, CeremonyName};
use crate::rejection::Rejection;

/// The longest key, in bytes.
const MAX_KEY: usize = 16 << 10;
/// The most faults of a ceremony.
const MAX_FAULTS: usize = 4096;

wire_struct! {
    /// What an authority said.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Said {
        pub(crate) participant: u8,
        pub(crate) message: Message,
    }
}

wire_struct! {
    /// Who failed, and how.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Failing {
        pub(crate) authority: AccountId,
        pub(crate) fault: AuthorityFault,
    }
}

/// A key that came out, in its bytes; read again when it is first used after a restart.
#[derive(Clone, Debug)]
pub(crate) struct SettledKey {
    bytes: Blob<MAX_KEY>,
    read: OnceLock<Option<GroupKey>>,
}

impl SettledKey {
    fn new(key: GroupKey) -> Option<Self> {
        let bytes = Blob::new(key.to_bytes()).ok()?;
        let read = OnceLock::from(Some(key));
        Some(Self { bytes, read })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    pub(crate) fn key(&self) -> Option<&GroupKey> {
        let read = || GroupKey::from_bytes(self.bytes.as_slice()).ok();
        self.read.get_or_init(read).as_ref()
    }
}

impl Wire for SettledKey {
    const MIN_SIZE: usize = 4;
    fn encode(&self, out: &mut Vec<u8>) {
        self.bytes.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let (bytes, read) = (Wire::decode(r)?, OnceLock::new());
        Ok(Self { bytes, read })
    }
}

wire_struct! {
    /// A ceremony and where it is. What was said in it is kept beside it until it is over.
    #[derive(Clone, Debug)]
    pub(crate) struct Convening {
        pub(crate) terms: CeremonyTerms,
        pub(crate) serial: u64,
        pub(crate) stage: Stage,
        /// When the round began.
        pub(crate) opened: Height,
        pub(crate) opened_ms: u64,
        /// How many messages there are.
        pub(crate) messages: u32,
        pub(crate) faults: List<Failing, MAX_FAULTS>,
        pub(crate) key: Option<SettledKey>,
    }
}

impl Convening {
    /// The account's number.
    pub(crate) fn participant(&self, account: &AccountId) -> Option<Participant> {
        let mut all = self.terms.authorities.as_slice().iter();
        let at = all.position(|authority| authority.account == *account)?;
        Participant::new(u64::try_from(at).ok()?.saturating_add(1))
    }

    fn account(&self, participant: Participant) -> Option<AccountId> {
        let at = usize::from(participant.number()).checked_sub(1)?;
        let authority = self.terms.authorities.as_slice().get(at)?;
        Some(authority.account)
    }

    /// Whether the round's time is up.
    fn is_due(&self, now: &Moment) -> bool {
        let windows = &self.terms.windows;
        let last = self.opened.get().saturating_add(u64::from(windows.blocks));
        now.height.get() >= last && now.time_ms >= self.ends_ms()
    }

    /// When the round ends at the earliest if somebody keeps silent.
    pub(crate) const fn ends_ms(&self) -> u64 {
        self.opened_ms.saturating_add(self.terms.windows.ms)
    }

    fn name_fault(&mut self, authority: AccountId, fault: AuthorityFault) {
        let mut faults = self.faults.as_slice().to_vec();
        faults.push(Failing { authority, fault });
        if let Ok(faults) = List::new(faults) {
            self.faults = faults;
        }
    }
}

pub(crate) fn check_begin(
    contract: &Contract,
    sender: &AccountId,
    terms: &CeremonyTerms,
) -> Result<CeremonyName, Rejection> {
    contract.require_registrar(sender)?;
    let authorities = terms.authorities.as_slice();
    for (at, authority) in authorities.iter().enumerate() {
        contract.admitted(&authority.account)?;
        let mut others = authorities.iter().skip(at + 1);
        if others.any(|other| other.account == authority.account) {
            return Err(Rejection::CeremonyTerms);
        }
    }
    if terms.windows.blocks == 0 {
        return Err(Rejection::CeremonyTerms);
    }
    let serial = contract.convene.begun;
    let ceremony = transcript::ceremony(&contract.chain, serial, terms);
    let ceremony = ceremony.map_err(|_| Rejection::CeremonyTerms)?;
    Ok(CeremonyName::new(*ceremony.id().as_bytes()))
}

pub(crate) fn write_begin(
    contract: &mut Contract,
    name: CeremonyName,
    terms: &CeremonyTerms,
    now: &Moment,
    events: &mut Vec<Event>,
) {
    let serial = contract.convene.begun;
    contract.convene.begun = serial.saturating_add(1);
    let accounts = terms.authorities.as_slice().iter().map(|a| a.account);
    let begun = Convened::CeremonyBegun {
        ceremony: name,
        purpose: terms.purpose,
        authorities: List::new(accounts.collect()).unwrap_or_default(),
    };
    events.push(Event::Convened(begun));
    let convening = Convening {
        terms: terms.clone(),
        serial,
        stage: Stage::Deal,
        opened: now.height,
        opened_ms: now.time_ms,
        messages: 0,
        faults: List::default(),
        key: None,
    };
    contract.convene.ceremonies.insert(name, convening);
    contract.convene.open.insert(name);
}

/// The sender's number, if it may say this now.
pub(crate) fn check_say(
    contract: &Contract,
    sender: &AccountId,
    name: &CeremonyName,
    message: &Message,
) -> Result<Participant, Rejection> {
    let (convening, participant) = authority(contract, sender, name)?;
    if convening.stage != message.stage() {
        return Err(Rejection::CeremonyStage);
    }
    let mut said = contract.convene.said_in(name);
    if said.any(|s| s.participant == participant.number() && s.message.stage() == message.stage()) {
        return Err(Rejection::SpokenAlready);
    }
    let size = convening.terms.authorities.as_slice().len();
    let theirs = message.check(participant, size);
    theirs.map_err(|_| Rejection::CeremonyMessage)?;
    Ok(participant)
}

fn authority<'a>(
    contract: &'a Contract,
    sender: &AccountId,
    name: &CeremonyName,
) -> Result<(&'a Convening, Participant), Rejection> {
    let convening = contract.convene.ceremonies.get(name);
    let convening = convening.ok_or(Rejection::UnknownCeremony)?;
    let participant = convening.participant(sender);
    Ok((convening, participant.ok_or(Rejection::NotParticipant)?))
}

pub(crate) fn write_say(
    contract: &mut Contract,
    name: CeremonyName,
    (sender, participant): (AccountId, Participant),
    message: &Message,
    events: &mut Vec<Event>,
) {
    let Some(convening) = contract.convene.ceremonies.get_mut(&name) else {
        return;
    };
    let (number, stage) = (convening.messages, message.stage());
    convening.messages = number.saturating_add(1);
    let said = Said {
        participant: participant.number(),
        message: message.clone(),
    };
    contract.convene.said.insert((name, number), said);
    contract.convene.heard.insert(name);
    events.push(Event::Convened(Convened::Said {
        ceremony: name,
        authority: sender,
        stage,
    }));
}

/// Refused while the round lasts; otherwise the block it is in ends the round.
pub(crate) fn check_close(
    contract: &Contract,
    sender: &AccountId,
    name: &CeremonyName,
    now: &Moment,
) -> Result<(), Rejection> {
    let (convening, _) = authority(contract, sender, name)?;
    if convening.stage.is_over() {
        return Err(Rejection::CeremonyStage);
    }
    let due = convening.is_due(now);
    due.then_some(()).ok_or(Rejection::NotDue)
}

/// Refused unless the ceremony is in this round, after so many messages in those before it, and with this key.
pub(crate) fn check_witness(
    contract: &Contract,
    name: &CeremonyName,
    stage: Stage,
    (said, key): (u32, Option<&[u8; 32]>),
) -> Result<(), Rejection> {
    let convening = contract.convene.ceremonies.get(name);
    let convening = convening.ok_or(Rejection::UnknownCeremony)?;
    // What was said is forgotten when a ceremony is over; how much it was is not.
    let before = if stage.is_over() {
        Some(convening.messages)
    } else {
        let before = contract.convene.said_in(name);
        u32::try_from(before.filter(|s| s.message.stage() < stage).count()).ok()
    };
    let known = convening.key.as_ref().map(|key| sha256(key.bytes()));
    let so = convening.stage == stage && before == Some(said) && known.as_ref() == key;
    so.then_some(()).ok_or(Rejection::CeremonyStage)
}

/// Ends every round whose time is up, or in which everyone has spoken.
pub(crate) fn end_rounds(contract: &mut Contract, now: &Moment, events: &mut Vec<Event>) {
    let open: Vec<CeremonyName> = contract.convene.open.iter().copied().collect();
    for name in open {
        // At most one round after the other ends in a block: Answer and Open may be passed over.
        while end_round(contract, &name, now, events) {}
    }
    contract.convene.heard.clear();
}

/// Ends the round if it is to end now; whether it did.
fn end_round(
    contract: &mut Contract,
    name: &CeremonyName,
    now: &Moment,
    events: &mut Vec<Event>,
) -> bool {
    let chain = contract.chain;
    let Some(convening) = contract.convene.ceremonies.get(name) else {
        return false;
    };
    let (stage, due) = (convening.stage, convening.is_due(now));
    // Whether everyone has spoken changes with a message alone, and may cost thousands of points to find out.
    if stage.is_over() || !(due || contract.convene.heard.contains(name)) {
        return false;
    }
    let Some(transcript) = contract.convene.transcript(&chain, name) else {
        return false;
    };
    if !due && !everyone_spoke(&transcript, stage) {
        return false;
    }
    let mut ended = convening.clone();
    let first_fault = ended.faults.as_slice().len();
    ended.stage = conclude(&mut ended, &transcript);
    (ended.opened, ended.opened_ms) = (now.height, now.time_ms);
    for failing in ended.faults.as_slice().iter().skip(first_fault) {
        events.push(Event::Convened(Convened::AuthorityFault {
            ceremony: *name,
            authority: failing.authority,
            fault: failing.fault,
        }));
    }
    events.push(Event::Convened(Convened::RoundEnded {
        ceremony: *name,
        stage: ended.stage,
    }));
    let mut passed = false;
    if let Some(key) = &ended.key {
        let purpose = ended.terms.purpose;
        events.push(Event::Convened(Convened::KeySettled {
            ceremony: *name,
            purpose,
            key: sha256(key.bytes()),
        }));
        contract.convene.in_force.insert(purpose, *name);
        passed = purpose == KeyPurpose::Beacon;
    }
    if ended.stage.is_over() {
        contract.convene.forget_said(name);
        contract.convene.open.remove(name);
    }
    contract.convene.ceremonies.insert(*name, ended);
    if passed {
        beacon::write_pass(contract, *name, events);
    }
    true
}

/// Whether nobody is left whose word the round waits for.
fn everyone_spoke(transcript: &Transcript, stage: Stage) -> bool {
    let spoke = |who: Participant| transcript.has_spoken(who, stage);
    match stage {
        Stage::Answer => transcript.accused().into_iter().all(spoke),
        Stage::Expose => transcript
            .qualify()
            .is_ok_and(|qualified| qualified.dealers().all(spoke)),
        _ => transcript.participants().all(spoke),
    }
}

/// Judges the round that ends, and says which comes next.
fn conclude(convening: &mut Convening, transcript: &Transcript) -> Stage {
    match convening.stage {
        Stage::Deal => Stage::Complain,
        Stage::Complain if !transcript.accused().is_empty() => Stage::Answer,
        Stage::Complain | Stage::Answer => conclude_qualification(convening, transcript),
        Stage::Expose => {
            let silent = transcript.qualify().map(|q| {
                let dealers = q.dealers();
                let silent = dealers.filter(|d| !transcript.has_spoken(*d, Stage::Expose));
                silent.collect::<Vec<_>>()
            });
            name_all(
                convening,
                silent.unwrap_or_default(),
                AuthorityFault::NoExposure,
            );
            Stage::Object
        }
        Stage::Object => conclude_objections(convening, transcript),
        Stage::Open => {
            let everyone = transcript.participants();
            let mute: Vec<_> = everyone
                .filter(|p| !transcript.has_spoken(*p, Stage::Open))
                .collect();
            name_all(convening, mute, AuthorityFault::NoOpening);
            settle(convening, transcript.settle())
        }
        over @ (Stage::Settled | Stage::Failed) => over,
    }
}

fn name_all(convening: &mut Convening, who: Vec<Participant>, fault: AuthorityFault) {
    for participant in who {
        if let Some(account) = convening.account(participant) {
            convening.name_fault(account, fault);
        }
    }
}

fn conclude_qualification(convening: &mut Convening, transcript: &Transcript) -> Stage {
    let Ok(qualified) = transcript.qualify() else {
        let everyone = transcript.participants();
        let silent: Vec<_> = everyone
            .filter(|p| !transcript.has_spoken(*p, Stage::Deal))
            .collect();
        name_all(convening, silent, AuthorityFault::NoDeal);
        return Stage::Failed;
    };
    for (dealer, fault) in qualified.faults() {
        let fault = match fault {
            Fault::NoDeal => AuthorityFault::NoDeal,
            Fault::ManyComplaints => AuthorityFault::ManyComplaints,
            Fault::Unanswered(holder) => match convening.account(*holder) {
                Some(holder) => AuthorityFault::Unanswered { holder },
                None => continue,
            },
        };
        name_all(convening, vec![*dealer], fault);
    }
    Stage::Expose
}

fn conclude_objections(convening: &mut Convening, transcript: &Transcript) -> Stage {
    let Ok(exposed) = transcript.expose() else {
        return Stage::Failed;
    };
    for (holder, dealer) in exposed.unfounded() {
        if let Some(dealer) = convening.account(*dealer) {
            let fault = AuthorityFault::FalseObjection { dealer };
            name_all(convening, vec![*holder], fault);
        }
    }
    let missing = exposed.missing().iter().copied();
    let liars: Vec<_> = missing
        .filter(|d| transcript.has_spoken(*d, Stage::Expose))
        .collect();
    name_all(convening, liars, AuthorityFault::FalseExposure);
    if exposed.missing().is_empty() {
        settle(convening, transcript.settle_exposed(exposed))
    } else {
        Stage::Open
    }
}

fn settle(convening: &mut Convening, key: Result<GroupKey, NoKey>) -> Stage {
    convening.key = key.ok().and_then(SettledKey::new);
    match convening.key {
        Some(_) => Stage::Settled,
        None => Stage::Failed,
    }
}
