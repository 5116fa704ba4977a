//! Claims that were accepted, and what they rest on: record, requirement, proxies. Checked against the
//! ledger where it shows them; what is the node's word alone is said to be.

use eligo_ledger::height::{ReplicaId, Time};
use eligo_sharing::keys::{ProxyKey, ReceivingPublicKey};
use eligo_sharing::tcpre::{
    Capsule, CheckedCapsule, GrantTerms, Share, SignedGrant, VerifiedGrant, VerifiedShare,
};

use super::history::{Standing, nonsense};
use super::seen::SeenAccepted;
use super::{Client, ClientError, Desk};
use crate::entry::RecordEntry;
use crate::event::{Event, Subject};
use crate::name::{ClaimId, RecordName};
use crate::signature::verifying_key;
use crate::transaction::{Body, DisputeEvidence, SignedTransaction};

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
    /// Whether the chain commits to the acceptance. Before the next block it is only the node that says the
    /// claim was not rejected: reason enough to look, not to hand anything out.
    pub proved: bool,
    /// The time of the block that accepted it.
    pub accepted: Time,
}

/// What a dispute says to an arbiter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisputeLetter {
    /// Only the node says that it was raised: the next block has the chain's word.
    Unproved,
    /// Nothing: it is decided on the ledger, or that arbiter was not written to.
    None,
    /// The letter's bytes, and when the dispute was raised.
    Letter(Vec<u8>, Time),
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

impl<D: Desk> Client<D> {
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
        let (what, proven) = (accepted.event.clone(), self.prove_step(accepted)?);
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
        // What else the node says of it is what the claim itself says.
        let same = Event::ClaimAccepted {
            claim: *id,
            requirement: seen.requirement,
            record: seen.record,
            account: seen.account,
        };
        if what != same || (request.requirement, request.record) != (seen.requirement, seen.record)
        {
            return Err(nonsense("another requirement, record or account"));
        }
        let (grant, capsule) = self.check_grant(request.grant.as_slice(), &seen)?;
        let ciphertext = crate::storage::ObjectDigest::new(*capsule.ciphertext_digest());
        Ok(Some(AcceptedClaim {
            seen,
            status: claim.status,
            grant,
            capsule,
            ciphertext,
            proved: proven.standing == Standing::Proved,
            accepted: proven.time.ok_or_else(|| nonsense("a claim"))?,
        }))
    }

    /// With which letter to a replica's arbiter a content was disputed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn dispute_letter(
        &self,
        id: &ClaimId,
        arbiter: ReplicaId,
    ) -> Result<DisputeLetter, ClientError> {
        let mut steps = self.history(&Subject::Claim(*id))?.into_iter();
        let raised = |e: &Event| matches!(e, Event::Disputed { claim, .. } if claim == id);
        let step = steps.find(|step| raised(&step.event));
        let step = step.ok_or_else(|| nonsense("a dispute that nobody raised"))?;
        let proven = self.prove_step(step)?;
        if proven.standing != Standing::Proved {
            return Ok(DisputeLetter::Unproved);
        }
        let evidence = match proven.signed.as_ref().map(SignedTransaction::body) {
            Some(Body::Dispute { claim, evidence }) if claim == id => evidence,
            _ => return Err(nonsense("a dispute")),
        };
        let DisputeEvidence::Content(letters) = evidence else {
            return Ok(DisputeLetter::None);
        };
        let letter = letters.as_slice().iter().find(|l| l.arbiter == arbiter);
        let raised = proven.time.ok_or_else(|| nonsense("a dispute"))?;
        Ok(letter.map_or(DisputeLetter::None, |l| {
            DisputeLetter::Letter(l.letter.as_slice().to_vec(), raised)
        }))
    }

    /// A record's entry as it was registered, by a transaction that the chain shows to have been accepted.
    fn registered(&self, name: &RecordName) -> Result<RecordEntry, ClientError> {
        let steps = self.history(&Subject::Record(*name))?;
        let registered = steps.into_iter().find(
            |step| matches!(step.event, Event::RecordRegistered { record, .. } if record == *name),
        );
        let registered = registered.ok_or_else(|| nonsense("a claim on no record"))?;
        let proven = self.prove_step(registered)?;
        match proven.signed.as_ref().map(SignedTransaction::body) {
            Some(Body::Register(signed))
                if proven.standing == Standing::Proved && signed.entry.name() == *name =>
            {
                Ok(signed.entry.clone())
            }
            _ => Err(nonsense("a record")),
        }
    }

    /// Checks a grant against the record and the requirement it is for.
    fn check_grant(
        &self,
        grant: &[u8],
        seen: &SeenAccepted,
    ) -> Result<(VerifiedGrant, CheckedCapsule), ClientError> {
        let entry = self.registered(&seen.record)?;
        if entry.hospital != seen.hospital {
            return Err(nonsense("another hospital"));
        }
        let requirement = self.requirement(&seen.requirement)?;
        let sale = requirement.and_then(|r| r.sale);
        let sale = sale.ok_or_else(|| nonsense("a claim on no requirement"))?;
        let capsule = Capsule::from_bytes(&entry.capsule).ok();
        let capsule = capsule.and_then(|capsule| capsule.check().ok());
        let capsule = capsule.ok_or_else(|| nonsense("a capsule"))?;
        let signer = verifying_key(&entry.encounter).ok_or_else(|| nonsense("an encounter key"))?;
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
