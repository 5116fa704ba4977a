//! An ask's trail: everything the ledger shows of it, each step checked against the validators' keys. What
//! proxies serve, doctors open and patients permit rests on this and not on a node's word.
//!
//! That a transaction is final says nothing of whether the contract accepted it: until the next block commits to
//! its result, that is the node's word ([`Standing::Final`]), and a node can keep the next block back. So nothing
//! here is decided on a step that is not [`Standing::Proved`], nor on one that somebody else sent than whom it
//! speaks for. Where a step is of the last block, the next is [caused](committed).

mod entered;
mod witness;

use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use eligo_sharing::keys::ReceivingPublicKey;
use eligo_sharing::tcpre::{
    Capsule, CheckedCapsule, GrantTerms, ProxyRoster, Share, SignedGrant, VerifiedGrant,
    VerifiedShare,
};
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

pub use entered::{SignedDiagnosis, diagnosis, registered, signers, writer};
pub use witness::{witnessed, witnessed_offer};

use super::{Account, AgentError};
use crate::care::act::{AskTerms, Hand, Permit, RecordGrant};
use crate::care::{Act, CareEvent};
use crate::client::{Client, Desk, Place, ProvenStep, Standing, Step};
use crate::entry::RecordEntry;
use crate::event::{Event, Subject};
use crate::name::{AccountId, AskId, ChainId, EncounterName, RecordName};
use crate::storage::ObjectDigest;
use crate::transaction::{Body, SignedTransaction};

const fn nonsense(what: &'static str) -> AgentError {
    AgentError::Nonsense { what }
}

/// The act that brought a step about.
#[must_use]
pub fn act(step: &ProvenStep) -> Option<&Act> {
    match step.signed.as_ref()?.body() {
        Body::Care(act) => Some(act),
        _ => None,
    }
}

/// What a step says of care.
#[must_use]
pub const fn event(step: &ProvenStep) -> Option<&CareEvent> {
    match &step.step.event {
        Event::Care(event) => Some(event),
        _ => None,
    }
}

/// Who sent the transaction that brought a step about; nobody for what the contract did by itself.
#[must_use]
pub fn sender(step: &ProvenStep) -> Option<AccountId> {
    step.signed.as_ref().map(SignedTransaction::sender)
}

/// Whether the chain commits to what this account did here.
fn is_done_by(step: &ProvenStep, account: &AccountId) -> bool {
    step.standing == Standing::Proved && sender(step).as_ref() == Some(account)
}

/// An account that is used once and thrown away.
fn nobody() -> SigningKey {
    let mut seed = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(seed.as_mut_slice());
    SigningKey::from_bytes(&seed)
}

/// Checks steps, and has the chain commit to their results: if some are of the last block, the next is caused,
/// from an account that is thrown away. Those that are [`Standing::Final`] even then rest on the node's word.
///
/// # Errors
/// [`AgentError::Client`] if a step is not what the ledger shows.
pub fn committed<D: Desk>(
    client: &Client<D>,
    steps: Vec<Step>,
) -> Result<Vec<ProvenStep>, AgentError> {
    let proven = client.prove(steps)?;
    if proven.iter().all(|s| s.standing != Standing::Final) {
        return Ok(proven);
    }
    // A node that takes none leaves the steps as they are.
    drop(Account::new(client, &nobody()).cause_block());
    let again = proven.into_iter().map(|step| match step.standing {
        Standing::Final => {
            let checked = client.prove(vec![step.step])?;
            checked.into_iter().next().ok_or(nonsense("a step"))
        }
        _ => Ok(step),
    });
    again.collect()
}

/// The steps of a subject, oldest first: what transactions brought about, as the chain commits to it, and what
/// the contract did by itself, as the node tells it.
///
/// # Errors
/// [`AgentError::Client`] if a step is not what the ledger shows, [`AgentError::Unproved`] if the node does not
/// show the block after it.
pub fn proved<D: Desk>(
    client: &Client<D>,
    subject: &Subject,
) -> Result<Vec<ProvenStep>, AgentError> {
    all_proved(client, client.history(subject)?)
}

fn all_proved<D: Desk>(
    client: &Client<D>,
    steps: Vec<Step>,
) -> Result<Vec<ProvenStep>, AgentError> {
    let steps = committed(client, steps)?;
    match steps.iter().find(|s| s.standing == Standing::Final) {
        Some(open) => Err(AgentError::Unproved(open.step.height)),
        None => Ok(steps),
    }
}

/// An ask, and all that came of it.
#[derive(Clone, Debug)]
pub struct AskTrail {
    ask: AskId,
    doctor: AccountId,
    terms: AskTerms,
    steps: Vec<ProvenStep>,
}

/// A record that is granted in an ask, with everything that serving or opening it takes.
#[derive(Clone, Debug)]
pub struct GrantedRecord {
    /// The record.
    pub record: RecordName,
    /// Its entry, as it was registered.
    pub entry: RecordEntry,
    /// The grant, verified.
    pub grant: VerifiedGrant,
    /// The record's capsule, checked.
    pub capsule: CheckedCapsule,
    /// The ciphertext's digest.
    pub ciphertext: ObjectDigest,
}

impl AskTrail {
    /// Collects and checks the trail; none if there is no such ask. Steps of the last block may be in it that the
    /// contract refused: to look at, and nothing else. What is decided on it is decided on what is proved.
    ///
    /// # Errors
    /// [`AgentError`], also if the node tells of another ask.
    pub fn of<D: Desk>(client: &Client<D>, ask: &AskId) -> Result<Option<Self>, AgentError> {
        let steps = client.prove(Self::told(client, ask)?)?;
        Self::read_from(client, *ask, steps)
    }

    /// The same, the chain's word for every step: of the last block too, by [causing](committed) the next.
    ///
    /// # Errors
    /// As [`AskTrail::of`], and [`AgentError::Unproved`].
    pub fn proved<D: Desk>(client: &Client<D>, ask: &AskId) -> Result<Option<Self>, AgentError> {
        let steps = all_proved(client, Self::told(client, ask)?)?;
        Self::read_from(client, *ask, steps)
    }

    /// What a node tells of an ask, without what anyone may add to it.
    fn told<D: Desk>(client: &Client<D>, ask: &AskId) -> Result<Vec<Step>, AgentError> {
        let mut steps = client.history(&Subject::Ask(*ask))?;
        steps.retain(|step| !witness::is_witness(step));
        Ok(steps)
    }

    fn read_from<D: Desk>(
        client: &Client<D>,
        ask: AskId,
        steps: Vec<ProvenStep>,
    ) -> Result<Option<Self>, AgentError> {
        let Some(first) = steps.first() else {
            return Ok(None);
        };
        let (Some(Act::Ask(terms)), Some(doctor)) = (act(first), sender(first)) else {
            return Err(nonsense("an ask"));
        };
        let chain = ChainId::from(client.chain());
        let terms = terms.clone();
        // The name is of the terms and of who sent them.
        if terms.name(&chain, &doctor) != ask {
            return Err(nonsense("another ask"));
        }
        Ok(Some(Self {
            ask,
            doctor,
            terms,
            steps,
        }))
    }

    /// Its name.
    #[must_use]
    pub const fn ask(&self) -> AskId {
        self.ask
    }

    /// Who asks.
    #[must_use]
    pub const fn doctor(&self) -> AccountId {
        self.doctor
    }

    /// What was asked.
    #[must_use]
    pub const fn terms(&self) -> &AskTerms {
        &self.terms
    }

    /// Every step, oldest first.
    #[must_use]
    pub fn steps(&self) -> &[ProvenStep] {
        &self.steps
    }

    /// The encounter asked at.
    #[must_use]
    pub fn encounter(&self) -> EncounterName {
        EncounterName::of(&self.terms.inbox)
    }

    /// The block of the ask, and its number among the block's transactions.
    ///
    /// # Errors
    /// [`AgentError::Unproved`] before the chain commits to the ask.
    pub fn place(&self) -> Result<Place, AgentError> {
        let asked = self.steps.iter().find(
            |step| matches!(event(step), Some(CareEvent::Asked { ask, .. }) if *ask == self.ask),
        );
        let asked = asked.ok_or(nonsense("an ask"))?;
        if !is_done_by(asked, &self.doctor) {
            return Err(AgentError::Unproved(asked.step.height));
        }
        Place::of(&asked.step).ok_or(nonsense("an ask"))
    }

    /// The proxies drawn, in order, once they are. That these were drawn is the node's word where a round of the
    /// beacon drew them: the contract does that by itself at the end of a block. Their keys are nobody's word:
    /// [`AskTrail::roster`]; nor is the draw, for whoever grants: [`AskTrail::witnessed_roster`].
    #[must_use]
    pub fn drawn(&self) -> Option<&[AccountId]> {
        self.steps.iter().find_map(|step| match event(step)? {
            CareEvent::AskDrawn { proxies, .. } if step.standing != Standing::Final => {
                Some(proxies.as_slice())
            }
            _ => None,
        })
    }

    /// The drawn proxies with the keys they stood with when the ask was made, as the chain shows them; none before
    /// the draw.
    ///
    /// # Errors
    /// [`AgentError`], also if somebody was drawn who is no proxy.
    pub fn roster<D: Desk>(&self, client: &Client<D>) -> Result<Option<ProxyRoster>, AgentError> {
        let Some(drawn) = self.drawn() else {
            return Ok(None);
        };
        let at = self.place()?;
        let keys = drawn.iter().map(|proxy| client.proxy_key(proxy, at));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let roster = ProxyRoster::new(u64::from(self.terms.threshold), keys);
        roster.map(Some).map_err(|_| nonsense("a draw"))
    }

    /// Whether the ask was withdrawn or revoked, or its period ended, as far as anything says so: the node's word
    /// is enough to hand nothing out.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.steps.iter().filter_map(event).any(|event| {
            matches!(
                event,
                CareEvent::AskWithdrawn { .. }
                    | CareEvent::PermitRevoked { .. }
                    | CareEvent::AskEnded { .. }
            )
        })
    }

    /// Every permit that the contract accepted, with its step and whose hand signed it. Who sent it says nothing:
    /// patients hand in from accounts of their own that nobody knows, and the hand's signature is in it.
    pub fn permits(&self) -> impl Iterator<Item = (&ProvenStep, &Permit, Hand)> {
        self.steps.iter().filter_map(|step| match act(step)? {
            Act::Permit(signed)
                if signed.permit.ask == self.ask && step.standing == Standing::Proved =>
            {
                Some((step, &signed.permit, signed.hand))
            }
            _ => None,
        })
    }

    /// Whether it was answered, as far as the node says.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        let mut events = self.steps.iter().filter_map(event);
        events.any(|event| matches!(event, CareEvent::Permitted { .. }))
    }

    /// The records granted, each with the permit's end in milliseconds.
    pub fn granted(&self) -> impl Iterator<Item = (&RecordGrant, u64)> {
        self.permits()
            .flat_map(|(_, p, _)| p.grants.as_slice().iter().map(|g| (g, p.until_ms)))
    }

    /// The records whose reading is said to have begun: what to look at. What is handed out rests on
    /// [`AskTrail::is_begun`].
    #[must_use]
    pub fn read(&self) -> Vec<RecordName> {
        let begun = self.steps.iter().filter_map(|step| match event(step)? {
            CareEvent::RecordRead { record, .. } => Some(*record),
            _ => None,
        });
        begun.collect()
    }

    /// Whether the chain commits to it that the doctor who asked began to read a record: before that, no share is
    /// handed out.
    #[must_use]
    pub fn is_begun(&self, record: &RecordName) -> bool {
        self.steps.iter().any(|step| {
            let begun = matches!(
                event(step),
                Some(CareEvent::RecordRead { record: r, doctor, .. })
                    if r == record && *doctor == self.doctor
            );
            begun && is_done_by(step, &self.doctor)
        })
    }

    /// A granted record, checked as the contract did.
    ///
    /// # Errors
    /// [`AgentError`] if it is not granted in this ask, or the node tells of another record.
    pub fn granted_record<D: Desk>(
        &self,
        client: &Client<D>,
        record: &RecordName,
    ) -> Result<GrantedRecord, AgentError> {
        // Only what the chain shows was accepted: a refused permit may hold another grant for the record.
        let mut granted = self.granted().map(|(granted, _)| granted);
        let granted = granted
            .find(|granted| granted.record == *record)
            .ok_or(nonsense("a record that is not granted"))?;
        let entry = registered(client, record)?;
        let capsule = Capsule::from_bytes(&entry.capsule).ok();
        let capsule = capsule.and_then(|c| c.check().ok());
        let capsule = capsule.ok_or(nonsense("a capsule"))?;
        let signed = SignedGrant::from_bytes(granted.grant.as_slice());
        let signed = signed.map_err(|_| nonsense("a grant"))?;
        let receiver = ReceivingPublicKey::from_bytes(&self.terms.receiver);
        let own = signed.grant().terms().clone();
        let terms = GrantTerms {
            key: *capsule.key(),
            label: *capsule.label(),
            receiver: receiver.map_err(|_| nonsense("a receiving key"))?,
            requirement: self.ask.into(),
            ..own
        };
        // The encounter's own key, or a relative's: the contract knows whose hand it may be, and accepted it.
        let signer = *signed.signer();
        let grant = signed.verify(&terms, &signer);
        Ok(GrantedRecord {
            record: *record,
            ciphertext: ObjectDigest::new(*capsule.ciphertext_digest()),
            grant: grant.map_err(|_| nonsense("an accepted grant"))?,
            entry,
            capsule,
        })
    }

    /// The shares posted for a granted record. Each is verified here, under the proxy's key that the grant names:
    /// it needs nobody's word, so it counts wherever it comes from.
    #[must_use]
    pub fn shares(&self, granted: &GrantedRecord) -> Vec<VerifiedShare> {
        let posted = self.steps.iter().filter_map(|step| {
            let CareEvent::CareShared { record, .. } = event(step)? else {
                return None;
            };
            match act(step)? {
                Act::Share { share, .. } if *record == granted.record => Some(share),
                _ => None,
            }
        });
        posted
            .filter_map(|bytes| {
                let share = Share::from_bytes(bytes.as_slice()).ok()?;
                granted.grant.verify_share(&granted.capsule, &share).ok()
            })
            .collect()
    }
}

/// Asks a proxy is said to have been drawn for, each once: where to look. What it serves rests on the ask's trail.
///
/// # Errors
/// [`AgentError`].
pub fn asks_of_proxy<D: Desk>(
    client: &Client<D>,
    proxy: &AccountId,
) -> Result<BTreeSet<AskId>, AgentError> {
    let steps = client.history(&Subject::Party(*proxy))?;
    let drawn = steps.into_iter().filter_map(|step| match step.event {
        Event::Care(CareEvent::AskDrawn { ask, .. }) => Some(ask),
        _ => None,
    });
    Ok(drawn.collect())
}
