//! What orders a node's transactions: replicas of this process, or one of a cluster of processes.

use eligo_ledger::application::{Application, Query, QueryAnswer};
use eligo_ledger::block::Transaction;
use eligo_ledger::embedded::Embedded;
use eligo_ledger::engine::{Blocks, Engine, EngineError, Receipt, Status};
use eligo_ledger::height::Height;
use eligo_ledger::light::LedgerProof;
#[cfg(feature = "malachite")]
use eligo_ledger::malachite::Malachite;
use eligo_ledger::pbft::effect::Delivery;
use eligo_ledger::roster::Roster;

use super::front::Front;

/// The engine behind a node.
#[allow(clippy::large_enum_variant)] // One in a process.
pub(super) enum Order<A: Application + 'static> {
    /// Replicas of this process.
    Here(Embedded<Front<A>>),
    /// One replica; the others are processes of their own.
    #[cfg(feature = "malachite")]
    Among(std::sync::Arc<Malachite>),
}

impl<A: Application + 'static> std::fmt::Debug for Order<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Order").field(&self.status()).finish()
    }
}

impl<A: Application + 'static> Order<A> {
    pub(super) fn submit(&self, transaction: Transaction) -> Result<Receipt, EngineError> {
        match self {
            Self::Here(engine) => engine.submit(transaction),
            #[cfg(feature = "malachite")]
            Self::Among(engine) => engine.submit(transaction),
        }
    }

    /// Final blocks from now on.
    pub(super) fn blocks(&self) -> Blocks {
        match self {
            Self::Here(engine) => engine.blocks(),
            #[cfg(feature = "malachite")]
            Self::Among(engine) => engine.blocks(),
        }
    }

    pub(super) fn status(&self) -> Status {
        match self {
            Self::Here(engine) => engine.status(),
            #[cfg(feature = "malachite")]
            Self::Among(engine) => engine.status(),
        }
    }

    /// Whether it works: false after a replica of a cluster stopped by itself.
    pub(super) fn going(&self) -> bool {
        match self {
            Self::Here(_) => true,
            #[cfg(feature = "malachite")]
            Self::Among(engine) => engine.going(),
        }
    }

    /// Asks the first replica of the roster that runs here.
    pub(super) fn query(&self, roster: &Roster, query: &Query) -> Result<QueryAnswer, EngineError> {
        match self {
            Self::Here(engine) => {
                for member in roster.members() {
                    match engine.query(member.id, query.clone()) {
                        Err(EngineError::NotRunning(_)) => {}
                        other => return other,
                    }
                }
                Err(EngineError::Stopped)
            }
            #[cfg(feature = "malachite")]
            Self::Among(engine) => engine.query(query.clone()),
        }
    }

    pub(super) fn prove(
        &self,
        height: Height,
        index: u32,
    ) -> Result<Option<LedgerProof>, EngineError> {
        match self {
            Self::Here(engine) => engine.prove(height, index),
            #[cfg(feature = "malachite")]
            Self::Among(engine) => engine.prove(height, index),
        }
    }

    /// A final block that the archive missed. Replicas of this process are read before they start; `None`
    /// for theirs.
    #[cfg_attr(not(feature = "malachite"), allow(unused_variables))]
    pub(super) fn block(&self, height: Height) -> Result<Option<Delivery>, EngineError> {
        match self {
            Self::Here(_) => Ok(None),
            #[cfg(feature = "malachite")]
            Self::Among(engine) => engine.block(height),
        }
    }
}
