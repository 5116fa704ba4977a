//! What each party's machine does by itself: watch the ledger, act, remember.
//!
//! An agent is a state machine that is asked for one [`step`](Agent::step) after another. What it did is
//! in its [`Journal`], on disk before anything depends on it; a step that was cut off anywhere is simply
//! done again, and a transaction that was signed is handed in again as it was, never signed anew while it
//! may still be executed.

mod account;
mod arbiter;
mod authority;
mod beacon;
mod hospital;
mod institution;
mod journal;
mod patient;
mod proxy;
pub mod trail;

use std::time::Duration;

use eligo_ledger::height::Height;
use eligo_ledger::wire::WireError;

pub use account::{Account, Sent};
pub use arbiter::ArbiterAgent;
pub use authority::{AuthorityAgent, AuthorityIdentity, AuthorityIdentityError, read_share};
pub use beacon::{BeaconAgent, BeaconHands};
pub use hospital::{HospitalAgent, Registration, patient_entry, sealed_entry};
pub use institution::{InstitutionAgent, Judge, Judgement};
pub use journal::{Journal, JournalError};
pub use patient::{ClaimDraft, PatientError, claim_account, draft_grant, revocation};
pub use proxy::{ProxyAgent, ProxyIdentity, ProxyIdentityError};

use crate::client::{ClientError, DeskError};
use crate::rejection::Rejection;

/// Why a step was not finished.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The ledger, or the node in between.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The agent's own memory.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The contract refuses.
    #[error("refused: {0}")]
    Refused(Rejection),
    /// A transaction is too long.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// What the node says makes no sense.
    #[error("what the node says of {what} makes no sense")]
    Nonsense {
        /// Of what.
        what: &'static str,
    },
    /// That the contract accepted a step of this block is only the node's word: it does not show the next block,
    /// which commits to the results.
    #[error("the chain does not show yet what came of block {0}")]
    Unproved(Height),
    /// A file of the agent's.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// A file that an agent is to work on.
    #[error("{file}: {error}")]
    Unread {
        /// Which one.
        file: std::path::PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl From<DeskError> for AgentError {
    fn from(error: DeskError) -> Self {
        Self::Client(error.into())
    }
}

impl AgentError {
    /// Whether nothing can be done before somebody looks: the agent's own disk fails, or the node lies.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        match self {
            Self::Journal(_) => true,
            Self::Client(error) => matches!(
                error,
                ClientError::Proof(_)
                    | ClientError::OtherChain { .. }
                    | ClientError::OtherOutcome(_)
                    | ClientError::OtherPlace { .. }
            ),
            _ => false,
        }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Client(ClientError::Desk(error)) => error.is_passing(),
            // A node that tells of a block before it shows it.
            Self::Client(ClientError::Missing { .. }) | Self::Unproved(_) => true,
            _ => false,
        }
    }
}

/// Now, in milliseconds since 1970, by this machine's clock.
fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Does something about each of many. What fails for one is left for the next step, and keeps none of the
/// others waiting: who can make one claim or entry go wrong must not stop the rest.
fn for_each<T>(
    all: impl IntoIterator<Item = T>,
    mut attend: impl FnMut(T) -> Result<Vec<Deed>, AgentError>,
) -> Result<Vec<Deed>, AgentError> {
    let (mut deeds, mut failure) = (Vec::new(), None);
    for one in all {
        match attend(one) {
            Ok(done) => deeds.extend(done),
            Err(error) if error.is_lasting() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "left for later");
                failure.get_or_insert(error);
            }
        }
    }
    match failure {
        Some(error) if deeds.is_empty() => Err(error),
        _ => Ok(deeds),
    }
}

/// Something an agent did, for its log: no names of people, no contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What it was about: a claim, a record, a round.
    pub subject: String,
    /// What was done.
    pub what: String,
}

impl Deed {
    pub(crate) fn new(subject: impl ToString, what: impl ToString) -> Self {
        let (subject, what) = (subject.to_string(), what.to_string());
        Self { subject, what }
    }
}

/// A machine that works for a party.
pub trait Agent {
    /// Does what can be done now, and says what was done. Safe to repeat after a crash at any point.
    ///
    /// # Errors
    /// [`AgentError`]; the next step takes up where this one ended.
    fn step(&mut self) -> Result<Vec<Deed>, AgentError>;

    /// Steps until told to stop, waiting `pause` where there is nothing to do, longer after failures.
    ///
    /// # Errors
    /// The first [`AgentError`] that [lasts](AgentError::is_lasting).
    fn run(
        &mut self,
        pause: Duration,
        going: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(&Deed),
    ) -> Result<(), AgentError> {
        let mut wait = pause;
        while going() {
            match self.step() {
                Ok(deeds) => {
                    wait = pause;
                    deeds.iter().for_each(&mut *tell);
                    if !deeds.is_empty() {
                        continue;
                    }
                }
                Err(error) if !error.is_lasting() => {
                    tracing::warn!(%error, "trying again");
                    wait = (wait * 2).min(Duration::from_secs(30));
                }
                Err(error) => return Err(error),
            }
            let mut left = wait;
            while going() && !left.is_zero() {
                let nap = left.min(Duration::from_millis(100));
                std::thread::sleep(nap);
                left -= nap;
            }
        }
        Ok(())
    }
}
