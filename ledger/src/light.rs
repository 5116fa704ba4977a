//! Proofs for those who keep no ledger: from the genesis roster alone to a final transaction.
//!
//! Header h carries the digest of the roster of h+1. The last header of an epoch, certified by that
//! epoch's roster, therefore vouches for the next epoch's: one [`EpochStep`] per roster change.

use crate::application::Genesis;
use crate::block::{Block, Header, Transaction};
use crate::certificate::{CertificateError, CommitCert};
use crate::digest::Digest;
use crate::height::{Epoch, Height};
use crate::identity::Domain;
use crate::merkle::Path;
use crate::roster::Roster;
use crate::wire::{Reader, Wire, WireError, encode_list, wire_struct};
use std::sync::Arc;

/// The most roster changes in one proof.
pub(crate) const MAX_STEPS: usize = 1 << 16;

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The certificate of a header does not hold.
    #[error("height {height}: {error}")]
    Certificate {
        /// The header's height.
        height: Height,
        /// Why.
        error: CertificateError,
    },
    /// A certificate is another header's.
    #[error("the certificate at height {0} is of another block")]
    OtherBlock(Height),
    /// A roster is not the one the header before vouches for.
    #[error("the roster of epoch {0} is not the one announced")]
    OtherRoster(Epoch),
    /// Roster changes out of order.
    #[error("the step to epoch {0} is out of order")]
    OutOfOrder(Epoch),
    /// The path does not lead to the header's root.
    #[error("the transaction is not in the block")]
    NotIncluded,
}

/// One roster change: the last header of an epoch, its certificate, the next epoch's roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochStep {
    /// The last header of the epoch before.
    pub header: Header,
    /// Its certificate, by that epoch's roster.
    pub certificate: CommitCert,
    /// The roster from the next height on.
    pub roster: Arc<Roster>,
}

wire_struct!(EpochStep {
    header: Header,
    certificate: CommitCert,
    roster: Arc<Roster>
});

/// Follows roster changes and judges headers.
#[derive(Clone, Debug)]
pub struct LightClient {
    domain: Domain,
    roster: Arc<Roster>,
    /// The first height of the roster.
    since: Height,
}

impl LightClient {
    /// Starts from the genesis document.
    #[must_use]
    pub fn new(genesis: &Genesis) -> Self {
        Self::within(
            Domain::new(genesis.digest()),
            Arc::new(genesis.roster.clone()),
        )
    }

    pub(crate) fn within(domain: Domain, roster: Arc<Roster>) -> Self {
        LightClient {
            domain,
            roster,
            since: Height::new(1),
        }
    }

    /// The roster it trusts now.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Goes on to the next epoch.
    ///
    /// # Errors
    /// [`ProofError`]; the client stays where it is.
    pub fn follow(&mut self, step: &EpochStep) -> Result<(), ProofError> {
        let epoch = step.roster.epoch();
        if epoch != self.roster.epoch().next() {
            return Err(ProofError::OutOfOrder(epoch));
        }
        self.check(&step.header, &step.certificate)?;
        if step.header.roster != step.roster.digest() {
            return Err(ProofError::OtherRoster(epoch));
        }
        self.roster = step.roster.clone();
        self.since = step.header.height.next();
        Ok(())
    }

    /// Goes on through all steps not yet taken.
    ///
    /// # Errors
    /// [`ProofError`] at the first step that does not hold.
    pub fn follow_all(&mut self, steps: &[EpochStep]) -> Result<(), ProofError> {
        let known = self.roster.epoch();
        let mut news = steps.iter().filter(|s| s.roster.epoch() > known);
        news.try_for_each(|s| self.follow(s))
    }

    /// Checks a header of the current epoch.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn check(&self, header: &Header, certificate: &CommitCert) -> Result<(), ProofError> {
        let height = header.height;
        if certificate.height != height
            || certificate.block != header.digest()
            || height < self.since
        {
            return Err(ProofError::OtherBlock(height));
        }
        certificate
            .verify(&self.domain, &self.roster)
            .map_err(|error| ProofError::Certificate { height, error })
    }
}

/// Proof that a transaction is final: header, certificate, Merkle path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The block's header.
    pub header: Header,
    /// Its certificate.
    pub certificate: CommitCert,
    /// From the transaction to the header's root.
    pub path: Path,
}

wire_struct!(InclusionProof {
    header: Header,
    certificate: CommitCert,
    path: Path
});

impl InclusionProof {
    /// The proof for the transaction at `index`; `None` if there is none.
    #[must_use]
    pub fn new(block: &Block, certificate: &CommitCert, index: usize) -> Option<Self> {
        let ids: Vec<Digest> = block.transactions().iter().map(Transaction::id).collect();
        Some(InclusionProof {
            header: block.header().clone(),
            certificate: certificate.clone(),
            path: Path::new(&ids, index)?,
        })
    }
}

/// An inclusion proof and the roster changes before it: all that the genesis roster needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerProof {
    /// The roster changes up to the block, in order.
    pub steps: Vec<EpochStep>,
    /// The inclusion proof.
    pub inclusion: InclusionProof,
}

impl Wire for LedgerProof {
    const MIN_SIZE: usize = 300;
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(self.steps.iter(), out);
        self.inclusion.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(LedgerProof {
            steps: r.list("steps", MAX_STEPS)?,
            inclusion: Wire::decode(r)?,
        })
    }
}

/// Checks that `transaction` is final on the chain of `genesis`; needs nothing else.
///
/// # Errors
/// [`ProofError`].
pub fn verify_proof(
    genesis: &Genesis,
    proof: &LedgerProof,
    transaction: &Transaction,
) -> Result<Height, ProofError> {
    verify_from(LightClient::new(genesis), proof, transaction)
}

pub(crate) fn verify_from(
    mut client: LightClient,
    proof: &LedgerProof,
    transaction: &Transaction,
) -> Result<Height, ProofError> {
    let inclusion = &proof.inclusion;
    for step in &proof.steps {
        client.follow(step)?;
    }
    client.check(&inclusion.header, &inclusion.certificate)?;
    let root = inclusion.path.root(&transaction.id());
    if root != Some(inclusion.header.transactions) {
        return Err(ProofError::NotIncluded);
    }
    Ok(inclusion.header.height)
}
