//! What a party uses to reach the ledger: hand in transactions, ask, fetch ciphertexts. A node is not
//! trusted with any of it: what it says is final is checked against the validators' keys in the genesis
//! document, and what it stores against its digest.

pub mod acceptance;
mod convened;
pub mod history;
mod http;
mod problem;
mod roster;
pub mod seen;

use std::io::{Read, Write};

use eligo_ledger::application::Genesis;
use eligo_ledger::block::{Outcome, Transaction};
use eligo_ledger::digest::Digest;
use eligo_ledger::height::{Height, Time};
use eligo_ledger::light::{LedgerProof, ProofError, verify_proof};
use eligo_ledger::merkle;
use eligo_ledger::pbft::effect::Delivery;
use eligo_ledger::wire::Wire;

pub use acceptance::{AcceptedClaim, DisputeLetter};
pub use history::{ProvenStep, Standing, Step};
pub use http::HttpDesk;
pub use problem::{Problem, ProblemKind};
pub use roster::Place;

use crate::genesis::{MarketGenesis, Parameters};
use crate::storage::{ObjectDigest, StorageError};

/// Why a desk does not serve.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// Nobody answers at that address, or not in time.
    #[error("the node cannot be reached: {0}")]
    Unreachable(String),
    /// It answers what no node answers.
    #[error("the node's answer makes no sense: {0}")]
    Malformed(&'static str),
    /// It refuses, and says why.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// The ciphertext storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl DeskError {
    /// Whether the same request may succeed later without anything else changing.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused(problem) => problem.kind().is_passing(),
            _ => false,
        }
    }

    /// The application's code, if it refused a transaction.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Refused(problem) => problem.code(),
            _ => None,
        }
    }
}

/// Where a transaction was executed, as a desk says; a [`Client`] checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The block.
    pub height: Height,
    /// The position in the block.
    pub index: u32,
    /// The result.
    pub outcome: Outcome,
    /// That the transaction is there.
    pub proof: LedgerProof,
}

/// What a node offers, over HTTP or within one process.
pub trait Desk: Send + Sync {
    /// The genesis document it serves.
    ///
    /// # Errors
    /// [`DeskError`].
    fn genesis(&self) -> Result<Genesis, DeskError>;

    /// The height of the last final block.
    ///
    /// # Errors
    /// [`DeskError`].
    fn height(&self) -> Result<Height, DeskError>;

    /// Hands in a transaction and waits until it is final. Handing it in again changes nothing and gives
    /// the same answer.
    ///
    /// # Errors
    /// [`DeskError::Refused`] if it is not admitted.
    fn submit(&self, transaction: &Transaction) -> Result<Said, DeskError>;

    /// Asks the application; `None` if there is nothing of that name.
    ///
    /// # Errors
    /// [`DeskError`].
    fn query(&self, path: &str, data: &[u8]) -> Result<Option<Vec<u8>>, DeskError>;

    /// A final block with its results; `None` if there is none of that height.
    ///
    /// # Errors
    /// [`DeskError`].
    fn block(&self, height: Height) -> Result<Option<Delivery>, DeskError>;

    /// Proof that a transaction is final.
    ///
    /// # Errors
    /// [`DeskError`].
    fn proof(&self, height: Height, index: u32) -> Result<Option<LedgerProof>, DeskError>;

    /// Stores a ciphertext under its digest.
    ///
    /// # Errors
    /// [`DeskError`].
    fn put(&self, digest: ObjectDigest, bytes: &mut (dyn Read + Send)) -> Result<(), DeskError>;

    /// Writes a ciphertext out and returns its size. If this fails, what was written is to be thrown away.
    ///
    /// # Errors
    /// [`DeskError::Storage`] with [`StorageError::Swapped`] if the bytes are not the digest's.
    fn get(&self, digest: ObjectDigest, out: &mut dyn Write) -> Result<u64, DeskError>;

    /// The size of a ciphertext, if it can be had.
    ///
    /// # Errors
    /// [`DeskError`].
    fn size(&self, digest: ObjectDigest) -> Result<Option<u64>, DeskError>;
}

/// Why a client does not believe, or got nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The desk.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The node's proof does not hold against the genesis roster.
    #[error("the node's proof does not hold: {0}")]
    Proof(#[from] ProofError),
    /// The node is on another chain than the genesis document's.
    #[error("the node serves chain {found}, not {expected}")]
    OtherChain {
        /// The digest of the genesis document at hand.
        expected: Digest,
        /// The digest of the node's.
        found: Digest,
    },
    /// The block's results are not those the next block commits to.
    #[error("the results of block {0} are not those the chain commits to")]
    OtherOutcome(Height),
    /// The proof is of another place than the node says.
    #[error("the proof is of block {proved}, not {said}")]
    OtherPlace {
        /// Where the node says the transaction is.
        said: Height,
        /// What its proof shows.
        proved: Height,
    },
    /// There is no such transaction.
    #[error("there is no transaction {index} in block {height}")]
    Missing {
        /// The block.
        height: Height,
        /// The position in it.
        index: u32,
    },
}

/// A transaction that is final: its inclusion was checked against the validators' keys.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The transaction.
    pub transaction: Transaction,
    /// The block.
    pub height: Height,
    /// The position in the block.
    pub index: u32,
    /// The block's time.
    pub time: Time,
    /// The result.
    pub outcome: Outcome,
    /// Whether the result, too, is what the chain commits to. A block's results are committed to by the
    /// next block; until there is one they are what f+1 replicas told the node.
    pub outcome_proved: bool,
}

impl Committed {
    /// Whether the application accepted it.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.outcome.code == 0
    }
}

/// A desk that is not trusted.
#[derive(Debug)]
pub struct Client<D> {
    desk: D,
    genesis: Genesis,
}

impl<D: Desk> Client<D> {
    /// Uses `desk` for the chain of `genesis`, which its user knows to be the right one.
    ///
    /// # Errors
    /// [`ClientError::OtherChain`] if the desk serves another.
    pub fn new(genesis: Genesis, desk: D) -> Result<Self, ClientError> {
        let (expected, found) = (genesis.digest(), desk.genesis()?.digest());
        if expected != found {
            return Err(ClientError::OtherChain { expected, found });
        }
        Ok(Self { desk, genesis })
    }

    /// Uses `desk` for whatever chain it serves. Compare [`Client::chain`] with what others use.
    ///
    /// # Errors
    /// [`ClientError::Desk`].
    pub fn trusting(desk: D) -> Result<Self, ClientError> {
        let genesis = desk.genesis()?;
        Ok(Self { desk, genesis })
    }

    /// The genesis document.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The chain's identity.
    #[must_use]
    pub fn chain(&self) -> Digest {
        self.genesis.digest()
    }

    /// The marketplace's part of the genesis document: what needs no node's word.
    ///
    /// # Errors
    /// [`ClientError::Desk`] if it is not a marketplace's.
    pub fn market_genesis(&self) -> Result<MarketGenesis, ClientError> {
        let market = MarketGenesis::from_wire(&self.genesis.app_state);
        Ok(market.map_err(|_| DeskError::Malformed("another application's genesis"))?)
    }

    /// Amounts and times.
    ///
    /// # Errors
    /// As [`Client::market_genesis`].
    pub fn parameters(&self) -> Result<Parameters, ClientError> {
        Ok(self.market_genesis()?.parameters)
    }

    /// The desk itself, for what needs no proof or carries its own.
    #[must_use]
    pub const fn desk(&self) -> &D {
        &self.desk
    }

    /// Hands in a transaction, waits until it is final, and checks that it is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn submit(&self, transaction: &Transaction) -> Result<Committed, ClientError> {
        let said = self.desk.submit(transaction)?;
        self.check_place(&said.proof, transaction, said.height, said.index)?;
        Ok(Committed {
            transaction: transaction.clone(),
            height: said.height,
            index: said.index,
            time: said.proof.inclusion.header.time,
            outcome: said.outcome,
            outcome_proved: false,
        })
    }

    /// Fetches a transaction and checks that it is final, and its result against the next block if there
    /// is one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn transaction(&self, height: Height, index: u32) -> Result<Committed, ClientError> {
        let missing = ClientError::Missing { height, index };
        let Some(block) = self.desk.block(height)? else {
            return Err(missing);
        };
        let at = index as usize;
        let found = block.decision.block.transactions().get(at);
        let outcome = block.done.outcomes.get(at);
        let (Some(transaction), Some(outcome)) = (found, outcome) else {
            return Err(missing);
        };
        let proof = self.desk.proof(height, index)?.ok_or(missing)?;
        self.check_place(&proof, transaction, height, index)?;
        Ok(Committed {
            transaction: transaction.clone(),
            height,
            index,
            time: proof.inclusion.header.time,
            outcome: outcome.clone(),
            outcome_proved: self.check_outcomes(height, &block.done.outcomes)?,
        })
    }

    fn check_place(
        &self,
        proof: &LedgerProof,
        transaction: &Transaction,
        height: Height,
        index: u32,
    ) -> Result<(), ClientError> {
        let proved = verify_proof(&self.genesis, proof, transaction)?;
        if proved != height || proof.inclusion.path.index() != index {
            return Err(ClientError::OtherPlace {
                said: height,
                proved,
            });
        }
        Ok(())
    }

    /// Whether the next block commits to these results; false if there is no next block yet.
    fn check_outcomes(&self, height: Height, outcomes: &[Outcome]) -> Result<bool, ClientError> {
        let next = height.next();
        let (Some(block), Some(proof)) = (self.desk.block(next)?, self.desk.proof(next, 0)?) else {
            return Ok(false);
        };
        let Some(first) = block.decision.block.transactions().first() else {
            return Ok(false);
        };
        self.check_place(&proof, first, next, 0)?;
        let leaves: Vec<Digest> = outcomes.iter().map(Outcome::digest).collect();
        if proof.inclusion.header.outcomes != merkle::root(&leaves) {
            return Err(ClientError::OtherOutcome(height));
        }
        Ok(true)
    }
}

impl<T: Desk + ?Sized> Desk for std::sync::Arc<T> {
    fn genesis(&self) -> Result<Genesis, DeskError> {
        (**self).genesis()
    }
    fn height(&self) -> Result<Height, DeskError> {
        (**self).height()
    }
    fn submit(&self, transaction: &Transaction) -> Result<Said, DeskError> {
        (**self).submit(transaction)
    }
    fn query(&self, path: &str, data: &[u8]) -> Result<Option<Vec<u8>>, DeskError> {
        (**self).query(path, data)
    }
    fn block(&self, height: Height) -> Result<Option<Delivery>, DeskError> {
        (**self).block(height)
    }
    fn proof(&self, height: Height, index: u32) -> Result<Option<LedgerProof>, DeskError> {
        (**self).proof(height, index)
    }
    fn put(&self, digest: ObjectDigest, bytes: &mut (dyn Read + Send)) -> Result<(), DeskError> {
        (**self).put(digest, bytes)
    }
    fn get(&self, digest: ObjectDigest, out: &mut dyn Write) -> Result<u64, DeskError> {
        (**self).get(digest, out)
    }
    fn size(&self, digest: ObjectDigest) -> Result<Option<u64>, DeskError> {
        (**self).size(digest)
    }
}
