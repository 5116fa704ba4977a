//! What happened, checked against the ledger: every event is looked up in the results of a transaction
//! whose inclusion is proved. What the contract does by itself at the end of a block is in no
//! transaction's result; it is marked as such.

use eligo_ledger::height::Height;
use eligo_ledger::wire::Wire;
use eligo_sharing::keys::ProxyKey;
use eligo_sharing::keys::ReceivingPublicKey;
use eligo_sharing::tcpre::{
    Capsule, CheckedCapsule, GrantTerms, Share, SignedGrant, VerifiedGrant, VerifiedShare,
};
use serde::Deserialize;

use super::seen::SeenAccepted;
use super::{Client, ClientError, Desk, DeskError};
use crate::event::{Event, Subject, read_outcome};
use crate::name::ClaimId;
use crate::transaction::{Body, SignedTransaction};

/// How many events are asked for at once.
const PAGE: usize = 500;

/// How far an event is shown by the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its transaction is final, and the chain commits to its result.
    Proved,
    /// Its transaction is final; no later block commits to its result yet.
    Final,
    /// The contract did it by itself at the end of a block: f+1 replicas told the node.
    Told,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Step {
    /// What.
    pub event: Event,
    /// The block.
    pub height: Height,
    /// Its number among the block's events.
    pub number: u32,
    /// The block's time, milliseconds since 1970.
    pub time_ms: u64,
    /// The transaction's position in the block; none for what the contract did by itself.
    pub transaction: Option<u32>,
}

/// A step that was checked.
#[derive(Clone, Debug)]
pub struct ProvenStep {
    /// The step.
    pub step: Step,
    /// How far it is shown.
    pub standing: Standing,
    /// The transaction that brought it about.
    pub signed: Option<SignedTransaction>,
}

#[derive(Deserialize)]
struct SeenEvent {
    height: u64,
    number: u32,
    time_ms: u64,
    transaction: Option<u32>,
    event: Event,
}

/// A claim that the ledger accepted, with everything that serving or opening it takes.
#[derive(Clone, Debug)]
pub struct AcceptedClaim {
    /// What the node says of it.
    pub seen: SeenAccepted,
    /// Where it is in its life.
    pub status: String,
    /// The grant, verified.
    pub grant: VerifiedGrant,
    /// The record's capsule, checked.
    pub capsule: CheckedCapsule,
    /// The ciphertext's digest.
    pub ciphertext: crate::storage::ObjectDigest,
}

impl AcceptedClaim {
    /// Whether shares are still taken.
    #[must_use]
    pub fn wants_shares(&self) -> bool {
        matches!(self.status.as_str(), "accepted" | "delivered")
            && self.seen.shares.len() < self.grant.terms().proxies.size()
    }

    /// The shares on the ledger, each verified here once more.
    #[must_use]
    pub fn shares(&self) -> Vec<VerifiedShare> {
        let decoded = self.seen.shares.iter().filter_map(|(_, text)| {
            let share = Share::from_bytes(&hex::decode(text).ok()?).ok()?;
            self.grant.verify_share(&self.capsule, &share).ok()
        });
        decoded.collect()
    }

    /// Whether this proxy's share is on the ledger.
    #[must_use]
    pub fn has_share_of(&self, key: &ProxyKey) -> bool {
        let public = key.public();
        let mine = self
            .grant
            .terms()
            .proxies
            .iter()
            .find(|(_, k)| **k == public);
        mine.is_some_and(|(id, _)| {
            let mut posted = self.seen.shares.iter();
            posted.any(|(number, _)| u64::from(*number) == u64::from(id.number()))
        })
    }
}

fn nonsense(what: &'static str) -> ClientError {
    DeskError::Malformed(what).into()
}

impl<D: Desk> Client<D> {
    /// Everything a node tells about a subject, oldest first, unchecked.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn history(&self, subject: &Subject) -> Result<Vec<Step>, ClientError> {
        let (kind, name) = match subject {
            Subject::Record(name) => ("record", name.to_string()),
            Subject::Requirement(name) => ("requirement", name.to_string()),
            Subject::Claim(name) => ("claim", name.to_string()),
            Subject::Party(name) => ("party", name.to_string()),
        };
        let mut steps = Vec::new();
        loop {
            let after = steps.len();
            let path = format!("events/{kind}/{name}?after={after}&limit={PAGE}");
            let page: Vec<SeenEvent> = self.ask(&path)?.unwrap_or_default();
            let full = page.len() >= PAGE;
            steps.extend(page.into_iter().map(|seen| Step {
                event: seen.event,
                height: Height::new(seen.height),
                number: seen.number,
                time_ms: seen.time_ms,
                transaction: seen.transaction,
            }));
            if !full {
                return Ok(steps);
            }
        }
    }

    /// Checks every step against the ledger.
    ///
    /// # Errors
    /// [`ClientError`] if a proof does not hold, or a result does not contain what the node told.
    pub fn prove(&self, steps: Vec<Step>) -> Result<Vec<ProvenStep>, ClientError> {
        steps
            .into_iter()
            .map(|step| self.prove_step(step))
            .collect()
    }

    fn prove_step(&self, step: Step) -> Result<ProvenStep, ClientError> {
        let Some(index) = step.transaction else {
            return Ok(ProvenStep {
                step,
                standing: Standing::Told,
                signed: None,
            });
        };
        let committed = self.transaction(step.height, index)?;
        let signed = SignedTransaction::from_wire(committed.transaction.bytes());
        let signed = signed.map_err(|_| nonsense("a transaction"))?;
        let events = match committed.outcome.code {
            0 => read_outcome(&committed.outcome.data).map_err(|_| nonsense("a result"))?,
            _ => Vec::new(),
        };
        // A refusal says so itself; a false share is evidence although its transaction was refused.
        let refused = committed.outcome.code != 0
            && matches!(
                step.event,
                Event::ClaimRejected { .. } | Event::FalseShare { .. }
            );
        if !refused && !events.contains(&step.event) {
            return Err(nonsense(
                "an event that its transaction did not bring about",
            ));
        }
        let standing = match committed.outcome_proved {
            true => Standing::Proved,
            false => Standing::Final,
        };
        Ok(ProvenStep {
            step,
            standing,
            signed: Some(signed),
        })
    }

    /// A claim whose acceptance the ledger shows; `None` if it was not accepted.
    ///
    /// # Errors
    /// [`ClientError`], also if the grant does not hold: the contract would not have accepted it.
    pub fn accepted_claim(&self, id: &ClaimId) -> Result<Option<AcceptedClaim>, ClientError> {
        let Some(claim) = self.claim(id)? else {
            return Ok(None);
        };
        let Some(seen) = claim.accepted else {
            return Ok(None);
        };
        // The claim itself is on the ledger, and was accepted.
        let steps = self.history(&Subject::Claim(*id))?;
        let accepted = steps
            .into_iter()
            .find(|s| matches!(s.event, Event::ClaimAccepted { .. }));
        let accepted = accepted.ok_or_else(|| nonsense("a claim that was never accepted"))?;
        let proven = self.prove_step(accepted)?;
        let request = match proven.signed.as_ref().map(SignedTransaction::body) {
            Some(Body::Claim(request)) => request,
            _ => return Err(nonsense("a claim")),
        };
        let this = proven
            .signed
            .as_ref()
            .map(SignedTransaction::to_transaction);
        if this.and_then(Result::ok).map(|t| ClaimId::from(t.id())) != Some(*id) {
            return Err(nonsense("another claim"));
        }
        let (grant, capsule) = self.check_grant(request.grant.as_slice(), &seen)?;
        let ciphertext = crate::storage::ObjectDigest::new(*capsule.ciphertext_digest());
        Ok(Some(AcceptedClaim {
            seen,
            status: claim.status,
            grant,
            capsule,
            ciphertext,
        }))
    }

    /// Checks a grant against the record and the requirement it is for.
    fn check_grant(
        &self,
        grant: &[u8],
        seen: &SeenAccepted,
    ) -> Result<(VerifiedGrant, CheckedCapsule), ClientError> {
        let record = self.record(&seen.record)?;
        let record = record.ok_or_else(|| nonsense("a claim on no record"))?;
        let requirement = self.requirement(&seen.requirement)?;
        let sale = requirement.and_then(|r| r.sale);
        let sale = sale.ok_or_else(|| nonsense("a claim on no requirement"))?;
        let capsule = hex::decode(&record.capsule).ok();
        let capsule = capsule.and_then(|bytes| Capsule::from_bytes(&bytes).ok()?.check().ok());
        let capsule = capsule.ok_or_else(|| nonsense("a capsule"))?;
        // The record's name binds the capsule.
        let named = eligo_verifier_contract::Sealed::of(
            &capsule_digest(&record.capsule),
            capsule.ciphertext_digest(),
        );
        if crate::name::RecordName::from(named) != seen.record {
            return Err(nonsense("another record's capsule"));
        }
        let mut encounter = [0; 32];
        hex::decode_to_slice(&record.encounter, &mut encounter).ok();
        let signer = ed25519_dalek::VerifyingKey::from_bytes(&encounter);
        let signer = signer.map_err(|_| nonsense("an encounter key"))?;
        let receiver = hex::decode(&sale.receiving_key).ok();
        let receiver = receiver.and_then(|b| ReceivingPublicKey::from_bytes(&b).ok());
        let signed = SignedGrant::from_bytes(grant).map_err(|_| nonsense("a grant"))?;
        let own = signed.grant().terms().clone();
        let terms = GrantTerms {
            key: *capsule.key(),
            label: *capsule.label(),
            receiver: receiver.ok_or_else(|| nonsense("a receiving key"))?,
            requirement: seen.requirement.into(),
            ..own
        };
        let grant = signed.verify(&terms, &signer);
        Ok((grant.map_err(|_| nonsense("an accepted grant"))?, capsule))
    }
}

fn capsule_digest(text: &str) -> [u8; 32] {
    eligo_sharing::domain::sha256(&hex::decode(text).unwrap_or_default())
}
