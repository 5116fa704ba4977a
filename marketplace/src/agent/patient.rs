//! The patient: what goes into a claim before and after the proof, which this crate cannot make.

use ed25519_dalek::SigningKey;
use eligo_sharing::domain::{lp, sha256};
use eligo_sharing::keys::{ProxyPublicKey, ReceivingPublicKey};
use eligo_sharing::tcpre::{
    Capsule, GrantTerms, ProxyRoster, Revocation, SignedGrant, Window, grant,
};
use eligo_sharing::wallet::{Encounter, Wallet};
use eligo_verifier_contract::{Context, PROOF_BYTES, Sealed};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::AgentError;
use crate::client::seen::{SeenRecord, SeenRequirement, SeenStatus};
use crate::encoding::Blob;
use crate::name::{AccountId, ChainId, ClaimId, RecordName, RequirementName};
use crate::transaction::{Body, ClaimRequest, claim_context};

/// How much longer than asked for a grant holds, in seconds: clocks differ.
const SLACK_S: u64 = 600;

/// Why a claim cannot be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatientError {
    /// Nothing is bought.
    #[error("the requirement only counts; there is nothing to grant")]
    NotForSale,
    /// The requirement's proxies are not drawn yet.
    #[error("the requirement's proxies are not drawn yet")]
    NotDrawn,
    /// What the node says of the offer or the record makes no sense.
    #[error("the {0} is malformed")]
    Malformed(&'static str),
    /// The record was sealed to another visit's keys.
    #[error("the record was sealed to the keys of another visit, or of another wallet")]
    OtherVisit,
}

/// The account that claims on a requirement and is paid: from the wallet's seed, a fresh one for every
/// requirement, so that claims cannot be linked. `SHA-256(LP("ELIGO-CLAIM-ACCOUNT-V01", seed, chain,
/// requirement))` is its Ed25519 seed.
#[must_use]
pub fn claim_account(
    wallet: &Wallet,
    chain: &ChainId,
    requirement: &RequirementName,
) -> SigningKey {
    let seed = Zeroizing::new(sha256(&Zeroizing::new(lp(&[
        b"ELIGO-CLAIM-ACCOUNT-V01",
        wallet.seed().expose(),
        chain.as_bytes(),
        requirement.as_bytes(),
    ]))));
    SigningKey::from_bytes(&seed)
}

/// A claim of which only the proof is missing.
#[derive(Clone, Debug)]
pub struct ClaimDraft {
    requirement: RequirementName,
    record: RecordName,
    grant: SignedGrant,
    context: Context,
}

impl ClaimDraft {
    /// What the proof is bound to.
    #[must_use]
    pub const fn context(&self) -> Context {
        self.context
    }

    /// The grant.
    #[must_use]
    pub const fn grant(&self) -> &SignedGrant {
        &self.grant
    }

    /// The claim with its proof and the six public inputs.
    ///
    /// # Errors
    /// [`AgentError::Wire`] if the grant is too long.
    pub fn with_proof(
        &self,
        proof: [u8; PROOF_BYTES],
        inputs: [u8; 192],
    ) -> Result<Body, AgentError> {
        Ok(Body::Claim(ClaimRequest {
            requirement: self.requirement,
            record: self.record,
            inputs,
            proof,
            grant: Blob::new(self.grant.to_bytes())?,
        }))
    }
}

/// Grants the record to the institution through the proxies drawn, for as long as they have to deliver.
///
/// # Errors
/// [`PatientError`].
pub fn draft_grant(
    chain: &ChainId,
    (status, now_s): (&SeenStatus, u64),
    requirement: &SeenRequirement,
    record: &SeenRecord,
    encounter: &Encounter,
    account: &AccountId,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<ClaimDraft, PatientError> {
    let sale = requirement.sale.as_ref().ok_or(PatientError::NotForSale)?;
    let drawn = sale.drawn.as_ref().ok_or(PatientError::NotDrawn)?;
    let malformed = PatientError::Malformed;
    let keys = drawn.iter().map(|proxy| {
        let bytes = hex::decode(&proxy.key).ok()?;
        ProxyPublicKey::from_bytes(&bytes).ok()
    });
    let keys: Vec<ProxyPublicKey> = keys.collect::<Option<_>>().ok_or(malformed("draw"))?;
    let proxies = ProxyRoster::new(u64::from(sale.threshold), keys);
    let capsule = hex::decode(&record.capsule).ok();
    let capsule = capsule.and_then(|bytes| Capsule::from_bytes(&bytes).ok());
    let capsule = capsule.ok_or(malformed("capsule"))?;
    if *capsule.key() != encounter.key.public() {
        return Err(PatientError::OtherVisit);
    }
    // The record's name binds the capsule: a grant for another of this visit is not to be had by a lie.
    let named = Sealed::of(&sha256(&capsule.to_bytes()), capsule.ciphertext_digest());
    if RecordName::from(named) != record.record {
        return Err(malformed("capsule"));
    }
    let receiver = hex::decode(&sale.receiving_key).ok();
    let receiver = receiver.and_then(|bytes| ReceivingPublicKey::from_bytes(&bytes).ok());
    // From now until delivery and disputes are over.
    let start = now_s.min(status.time_ms / 1000).saturating_sub(SLACK_S);
    let (delivery_ms, dispute_ms) = (status.parameters.delivery_ms, status.parameters.dispute_ms);
    let open_s = delivery_ms.saturating_add(dispute_ms) / 1000;
    let end = now_s.saturating_add(open_s).saturating_add(SLACK_S);
    let terms = GrantTerms {
        key: *capsule.key(),
        label: *capsule.label(),
        receiver: receiver.ok_or(malformed("receiving key"))?,
        proxies: proxies.map_err(|_| malformed("draw"))?,
        window: Window::new(start, end).map_err(|_| malformed("status"))?,
        requirement: requirement.requirement.into(),
    };
    let grant = grant(&encounter.key, terms, &encounter.signer, rng);
    let grant = grant.map_err(|_| PatientError::OtherVisit)?;
    Ok(ClaimDraft {
        requirement: requirement.requirement,
        record: record.record,
        context: claim_context(chain, account, Some(&grant)),
        grant,
    })
}

/// Takes a grant back.
///
/// # Errors
/// [`AgentError::Wire`], which does not happen.
pub fn revocation(
    claim: ClaimId,
    grant: &SignedGrant,
    encounter: &Encounter,
) -> Result<Body, AgentError> {
    let revocation = Revocation::new(grant.grant().id(), &encounter.signer);
    Ok(Body::Revoke {
        claim,
        revocation: Blob::new(revocation.to_bytes())?,
    })
}
