//! Signatures under this ledger's one statement form, for the engine.

use crate::identity::{Domain, PublicKey, SecretKey, Signature};
use crate::malachite::context::{Epochs, LedgerContext, Proposal, Vote};
use arc_malachitebft_app_channel::app::types::core::{
    SignedMessage, ValidatorProof, VoteExtensionScope,
};
use arc_malachitebft_signing::{Error, Signer, VerificationResult, Verifier};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// The longest network identity in a validator's proof.
const MAX_PEER_ID: usize = 128;

/// Checks signatures of one chain.
#[derive(Clone, Debug)]
pub(super) struct Seals {
    pub(super) domain: Domain,
    pub(super) epochs: Arc<Epochs>,
}

impl Seals {
    /// True if a proposal is signed by its proposer's key.
    pub(super) fn proposed(&self, p: &Proposal, key: &PublicKey, signature: &Signature) -> bool {
        let statement = p.statement(self.epochs.at(p.height));
        self.domain.verify(key, &statement, signature)
    }
}

/// Signs as one replica.
#[derive(Clone, Debug)]
pub(super) struct Pen {
    pub(super) key: Arc<SecretKey>,
    pub(super) seals: Seals,
}

impl Pen {
    /// Signs a proposal.
    pub(super) fn propose(&self, p: &Proposal) -> Signature {
        let statement = p.statement(self.seals.epochs.at(p.height));
        self.seals.domain.sign(&self.key, &statement)
    }

    /// Binds this replica's key to its network identity.
    pub(super) fn proof(&self, public: Vec<u8>, peer: Vec<u8>) -> ValidatorProof<LedgerContext> {
        let bytes = ValidatorProof::<LedgerContext>::signing_bytes(&public, &peer);
        let signature = self.key.sign_bytes(&bytes);
        ValidatorProof::new(public, peer, signature)
    }
}

#[async_trait]
impl Verifier<LedgerContext> for Seals {
    async fn verify_signed_vote(
        &self,
        vote: &Vote,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        let statement = vote.statement(self.epochs.at(vote.height));
        let valid = self.domain.verify(key, &statement, signature);
        Ok(VerificationResult::from_bool(valid))
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &Proposal,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        let valid = self.proposed(proposal, key, signature);
        Ok(VerificationResult::from_bool(valid))
    }

    async fn verify_signed_vote_extension(
        &self,
        _scope: &VoteExtensionScope<LedgerContext>,
        _extension: &Bytes,
        _signature: &Signature,
        _key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        // Votes are not extended on this ledger.
        Ok(VerificationResult::Invalid)
    }

    async fn verify_validator_proof(
        &self,
        proof: &ValidatorProof<LedgerContext>,
    ) -> Result<VerificationResult, Error> {
        let key: Option<[u8; 32]> = proof.public_key.as_slice().try_into().ok();
        let key = key.and_then(|k| PublicKey::new(k).ok());
        let valid = proof.peer_id.len() <= MAX_PEER_ID
            && key.is_some_and(|k| k.verify_bytes(&proof.preimage(), &proof.signature));
        Ok(VerificationResult::from_bool(valid))
    }
}

#[async_trait]
impl Signer<LedgerContext> for Pen {
    async fn sign_vote(&self, vote: Vote) -> Result<SignedMessage<LedgerContext, Vote>, Error> {
        let statement = vote.statement(self.seals.epochs.at(vote.height));
        let signature = self.seals.domain.sign(&self.key, &statement);
        Ok(SignedMessage::new(vote, signature))
    }

    async fn sign_proposal(
        &self,
        proposal: Proposal,
    ) -> Result<SignedMessage<LedgerContext, Proposal>, Error> {
        let signature = self.propose(&proposal);
        Ok(SignedMessage::new(proposal, signature))
    }

    async fn sign_vote_extension(
        &self,
        _scope: VoteExtensionScope<LedgerContext>,
        _extension: Bytes,
    ) -> Result<SignedMessage<LedgerContext, Bytes>, Error> {
        Err(Error::new())
    }

    async fn sign_validator_proof(
        &self,
        public_key: Vec<u8>,
        peer_id: Vec<u8>,
    ) -> Result<ValidatorProof<LedgerContext>, Error> {
        Ok(self.proof(public_key, peer_id))
    }
}
