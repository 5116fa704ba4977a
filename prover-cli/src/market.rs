//! What the commands of the marketplace and the demonstration share: requirements as offers, claims,
//! opened records, histories.

pub mod admission;
pub mod audit;
pub mod claiming;
pub mod connection;
pub mod judging;
pub mod offering;
pub mod refusal;

use eligo_marketplace::{
    agent::{AgentError, Journal, PatientError},
    client::{ClientError, DeskError, ProblemKind},
    rejection::Rejection,
};

use crate::{
    failure::{Attempt, Failure, Kind, shown},
    market::refusal::rejected,
};

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        match &error {
            DeskError::Unreachable(_) => Self::new(Kind::Network, &error)
                .help("start a node with `eligo node --dev`, or name one with --node URL"),
            DeskError::Refused(problem) => match problem.code().and_then(Rejection::from_code) {
                Some(reason) => rejected(reason),
                None if problem.kind().is_passing() => Self::new(Kind::Network, &error)
                    .help("the node is there but cannot serve now; try again"),
                None if problem.kind() == ProblemKind::Malformed => Self::usage(&error),
                None if problem.kind() == ProblemKind::Rejected => Self::new(Kind::Refused, &error)
                    .help("look at what is on the ledger now, and try again"),
                None => Self::new(Kind::File, &error),
            },
            DeskError::Malformed(_) => Self::new(Kind::Network, &error)
                .help("is this the address of an Eligo node of this version?"),
            DeskError::Storage(_) => Self::new(Kind::File, &error)
                .help("the ciphertext cannot be had from this node's storage"),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Desk(error) => error.into(),
            ClientError::OtherChain { .. } => Self::new(Kind::Network, error)
                .help("name the genesis document of this node's chain with --genesis"),
            ClientError::Missing { .. } => Self::new(Kind::Network, error),
            error => {
                Self::new(Kind::ProofInvalid, error).help("do not trust this node; use another one")
            }
        }
    }
}

/// Opens an agent's or a claimant's memory, or begins it.
pub fn journal(folder: &std::path::Path) -> Attempt<Journal> {
    Journal::open(folder).map_err(|e| {
        Failure::new(Kind::File, e)
            .of(shown(folder))
            .help("name the folder of the journal; it is made if there is none")
    })
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::Client(error) => error.into(),
            AgentError::Refused(reason) => rejected(reason),
            error @ AgentError::Unproved(_) => Self::new(Kind::Network, error)
                .help("try again; a node that keeps the next block to itself is not to be trusted"),
            error @ AgentError::Nonsense { .. } => {
                Self::new(Kind::ProofInvalid, error).help("do not trust this node; use another one")
            }
            error @ AgentError::Unread { .. } => Self::new(Kind::File, error),
            error => Self::unexpected(error),
        }
    }
}

impl From<PatientError> for Failure {
    fn from(error: PatientError) -> Self {
        match error {
            PatientError::NotDrawn => {
                Self::new(Kind::Closed, error).help("try again when the beacon has made its round")
            }
            error => Self::new(Kind::File, error),
        }
    }
}
