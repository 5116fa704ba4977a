//! Between the application's users and whatever orders their transactions.

use crate::application::Reject;
use crate::block::{Outcome, Transaction};
use crate::evidence::Evidence;
use crate::height::{Epoch, Height, ReplicaId, View};
use crate::pbft::effect::{Delivery, Divergence};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Why an engine gives no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The engine stopped.
    #[error("the engine has stopped")]
    Stopped,
    /// No answer in time; the transaction may still be executed.
    #[error("no answer in time")]
    TimedOut,
    /// The transaction is not admitted.
    #[error(transparent)]
    Rejected(#[from] Reject),
    /// That replica is not running.
    #[error("replica {0} is not running")]
    NotRunning(ReplicaId),
    /// The last request of its client that was executed is another one, with this counter or a later one. So
    /// this one will not be executed any more; if it was before, its result is in its block.
    #[error(
        "its counter is used up: it was executed before, or must be signed again with a new one"
    )]
    CounterUsed,
}

/// Where a transaction was executed, and with what result: f+1 replicas say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The block.
    pub height: Height,
    /// The position in the block.
    pub index: u32,
    /// The result.
    pub outcome: Outcome,
}

/// What a client is told in the end.
pub(crate) type Answer = Result<Reply, EngineError>;

/// A submitted transaction.
#[derive(Debug)]
pub struct Receipt {
    pub(crate) reply: Receiver<Answer>,
}

impl Receipt {
    /// Waits for the reply.
    ///
    /// # Errors
    /// [`EngineError::TimedOut`], [`EngineError::Stopped`] or [`EngineError::CounterUsed`].
    pub fn wait(&self, at_most: Duration) -> Result<Reply, EngineError> {
        self.reply.recv_timeout(at_most).map_err(|e| match e {
            RecvTimeoutError::Timeout => EngineError::TimedOut,
            RecvTimeoutError::Disconnected => EngineError::Stopped,
        })?
    }
}

/// Final blocks as they come, from the moment of asking.
#[derive(Debug)]
pub struct Blocks {
    pub(crate) stream: Receiver<Arc<Delivery>>,
}

impl Blocks {
    /// Waits for the next final block.
    ///
    /// # Errors
    /// [`EngineError::TimedOut`] or [`EngineError::Stopped`].
    pub fn next(&self, at_most: Duration) -> Result<Arc<Delivery>, EngineError> {
        self.stream.recv_timeout(at_most).map_err(|e| match e {
            RecvTimeoutError::Timeout => EngineError::TimedOut,
            RecvTimeoutError::Disconnected => EngineError::Stopped,
        })
    }
}

/// Something an operator must look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A replica's checkpoint is not the agreed one.
    Diverged(Divergence),
    /// A replica lied; the proof will be proposed.
    Caught(Evidence),
    /// This replica's state contradicts what a quorum signed at a height: it stopped.
    Halted(Height),
    /// This replica's disk failed: it stopped, for it may no longer vote.
    DiskFailed,
}

/// Alarms as they come, from the moment of asking, each with the replica that raised it.
#[derive(Debug)]
pub struct Alarms {
    pub(crate) stream: Receiver<(ReplicaId, Alarm)>,
}

impl Alarms {
    /// Waits for the next alarm.
    ///
    /// # Errors
    /// [`EngineError::TimedOut`] or [`EngineError::Stopped`].
    pub fn next(&self, at_most: Duration) -> Result<(ReplicaId, Alarm), EngineError> {
        self.stream.recv_timeout(at_most).map_err(|e| match e {
            RecvTimeoutError::Timeout => EngineError::TimedOut,
            RecvTimeoutError::Disconnected => EngineError::Stopped,
        })
    }
}

/// Where one replica is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// Which one.
    pub id: ReplicaId,
    /// Its last committed height.
    pub height: Height,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its view.
    pub view: View,
    /// Whether it is changing the view.
    pub changing: bool,
    /// The proposer it follows.
    pub primary: ReplicaId,
    /// Transactions that wait there.
    pub waiting: usize,
    /// Whether it stopped because its state contradicts a certificate.
    pub halted: bool,
}

/// Where an engine is: every running replica it knows of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The replicas in order.
    pub replicas: Vec<ReplicaStatus>,
}

/// Orders transactions.
pub trait Engine {
    /// Submits a transaction to be ordered.
    ///
    /// # Errors
    /// [`EngineError`].
    fn submit(&self, tx: Transaction) -> Result<Receipt, EngineError>;
    /// Final blocks from now on.
    fn blocks(&self) -> Blocks;
    /// Where it is.
    fn status(&self) -> Status;
    /// Stops it, everything final being on disk.
    fn stop(self);
}
