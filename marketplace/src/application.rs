//! The contract as the ledger's application.

use std::collections::VecDeque;

use eligo_ledger::application::{
    AppInfo, Application, Finalized, Genesis, NextParams, Query, QueryAnswer, Reject, RequestId,
    Restoration, SnapshotInfo, Verdict, chunk_digest,
};
use eligo_ledger::block::{Block, Outcome, Transaction};
use eligo_ledger::certificate::CommitCert;
use eligo_ledger::digest::Digest;
use eligo_ledger::height::{Height, ReplicaId};
use eligo_ledger::wire::Wire;
use eligo_sharing::beacon::BeaconKey;
use rayon::prelude::*;

use crate::admission::{self, Admitted};
use crate::contract::{Applied, Contract, Moment, StateError};
use crate::encoding::List;
use crate::event::{Event, MAX_EVENTS};
use crate::genesis::{GenesisError, MarketGenesis};
use crate::name::ChainId;
use crate::query;
use crate::rejection::Rejection;
use crate::transaction::{Body, request_id};
use crate::verification::verify_claims;

/// Bytes of a snapshot's chunk.
const CHUNK: usize = 256 << 10;
/// How many snapshots are kept.
const SNAPSHOTS: usize = 2;

/// Why a marketplace stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// There is none with this genesis.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// Its books are wrong.
    #[error(transparent)]
    State(#[from] StateError),
}

#[derive(Debug)]
struct Running {
    contract: Contract,
    beacon: BeaconKey,
}

#[derive(Debug)]
struct Restoring {
    info: SnapshotInfo,
    app_hash: Digest,
    bytes: Vec<u8>,
}

/// The marketplace on a ledger. State is kept in memory: a replica that restarts replays its blocks, or
/// restores a snapshot.
#[derive(Debug, Default)]
pub struct Market {
    running: Option<Running>,
    stopped: Option<Stopped>,
    hash: Digest,
    snapshots: VecDeque<(SnapshotInfo, Vec<u8>)>,
    restoring: Option<Restoring>,
}

impl Market {
    /// A marketplace before its chain.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The state, once there is a chain.
    #[must_use]
    pub fn contract(&self) -> Option<&Contract> {
        self.running.as_ref().map(|running| &running.contract)
    }

    /// Why it stands still, if it does. It then votes for no block.
    #[must_use]
    pub const fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_ref()
    }

    /// Whether a genesis document makes a marketplace.
    ///
    /// # Errors
    /// [`GenesisError`].
    pub fn check_genesis(genesis: &Genesis) -> Result<(), GenesisError> {
        start(genesis).map(|_| ())
    }

    /// Executes a block's transactions.
    fn execute(&mut self, block: &Block) -> (Vec<Outcome>, Vec<ReplicaId>) {
        let Some(running) = &mut self.running else {
            let outcomes = block
                .transactions()
                .iter()
                .map(|_| refused(Rejection::NotReady));
            return (outcomes.collect(), Vec::new());
        };
        let Running { contract, beacon } = running;
        let now = Moment {
            height: block.height(),
            time_ms: block.header().time.get(),
        };
        // Phase 1, on all cores.
        let admissions: Vec<Result<Admitted, Rejection>> = block
            .transactions()
            .par_iter()
            .map(|tx| admission::admit(contract, beacon, tx))
            .collect();
        contract.begin_block(&now);
        let pairings = verify_claims(contract, &admissions, &now);
        let (mut outcomes, mut ready) = (Vec::with_capacity(admissions.len()), Vec::new());
        for (position, admitted) in admissions.iter().enumerate() {
            let admitted = match admitted {
                Ok(admitted) => admitted,
                Err(reason) => {
                    outcomes.push(refused(*reason));
                    continue;
                }
            };
            // Phases 2 and 3, in order.
            let at = u32::try_from(position).unwrap_or(u32::MAX);
            let applied = contract.apply(admitted, beacon, pairings.get(&position), (&now, at));
            if let Body::Ready { replica } = admitted.transaction().body()
                && applied.rejection.is_none()
            {
                ready.push(*replica);
            }
            outcomes.push(outcome(applied));
        }
        if let Err(error) = contract.end_block(&now) {
            self.stopped = Some(error.into());
        }
        (outcomes, ready)
    }

    fn take_up(&mut self, contract: Contract, beacon: BeaconKey) {
        self.hash = contract.digest();
        self.running = Some(Running { contract, beacon });
    }
}

fn start(genesis: &Genesis) -> Result<(Contract, BeaconKey), GenesisError> {
    let market = MarketGenesis::from_wire(&genesis.app_state)?;
    let chain = ChainId::from(genesis.digest());
    let beacon = market.beacon_key()?;
    let contract = Contract::new(chain, &market, first_params(genesis))?;
    Ok((contract, beacon))
}

fn first_params(genesis: &Genesis) -> NextParams {
    NextParams {
        roster: genesis.roster.clone(),
        policy: genesis.policy.clone(),
        timeouts: genesis.timeouts,
    }
}

/// A refusal: its number, and its text.
fn refused(reason: Rejection) -> Outcome {
    Outcome {
        code: reason.code(),
        data: reason.to_string().into_bytes(),
    }
}

/// What happened: the events, [`read_outcome`](crate::event::read_outcome). After a refusal its text.
fn outcome(applied: Applied) -> Outcome {
    if let Some(reason) = applied.rejection {
        return refused(reason);
    }
    let events = List::<Event, MAX_EVENTS>::new(applied.events).unwrap_or_default();
    Outcome {
        code: 0,
        data: events.to_wire(),
    }
}

impl Application for Market {
    fn info(&self) -> AppInfo {
        AppInfo {
            height: self.contract().map_or(Height::default(), Contract::height),
            app_hash: self.hash,
        }
    }

    fn init_chain(&mut self, genesis: &Genesis) -> NextParams {
        if self.running.is_none() && self.stopped.is_none() {
            match start(genesis) {
                Ok((contract, beacon)) => self.take_up(contract, beacon),
                Err(error) => self.stopped = Some(error.into()),
            }
        }
        first_params(genesis)
    }

    fn check_tx(&self, tx: &Transaction) -> Result<(), Reject> {
        let contract = self.contract().filter(|_| self.stopped.is_none());
        let contract = contract.ok_or(Rejection::NotReady)?;
        let signed = admission::read(contract.chain(), tx)?;
        let last = contract.counters.get(&signed.sender()).copied();
        if last.is_some_and(|last| signed.counter() <= last) {
            return Err(Rejection::Replayed.into());
        }
        Ok(())
    }

    fn request_id(&self, tx: &Transaction) -> RequestId {
        request_id(tx)
    }

    /// A transaction that does not decode, or is not signed by its sender for this chain, has no place in a
    /// block; whatever else is wrong with it is its own affair.
    fn verify(&mut self, block: &Block) -> Verdict {
        let Some(contract) = self.contract().filter(|_| self.stopped.is_none()) else {
            return Verdict::Reject;
        };
        let chain = contract.chain();
        let wrong = block
            .transactions()
            .par_iter()
            .position_first(|tx| admission::read(chain, tx).is_err());
        match wrong.map(u32::try_from) {
            None => Verdict::Accept,
            Some(Ok(position)) => Verdict::RejectTransaction(position),
            Some(Err(_)) => Verdict::Reject,
        }
    }

    fn finalize_block(&mut self, block: &Block) -> Finalized {
        let (outcomes, ready) = self.execute(block);
        let next = match self.contract() {
            Some(contract) => {
                let (hash, next) = (contract.digest(), contract.next().clone());
                self.hash = hash;
                next
            }
            // Without a genesis nothing is ever voted for, so no block is decided.
            None => unreachable!("a marketplace without genesis votes for no block"),
        };
        Finalized {
            outcomes,
            app_hash: self.hash,
            next,
            ready,
        }
    }

    fn commit(&mut self, _certificate: &CommitCert) -> Height {
        Height::default()
    }

    fn query(&self, query: &Query) -> QueryAnswer {
        let value = match (self.contract(), query.path.as_str()) {
            (Some(contract), "status") => {
                let mut status = contract.status_view();
                status.stopped = self.stopped.map(|stopped| stopped.to_string());
                serde_json::to_vec(&status).ok()
            }
            (Some(contract), path) => query::answer(contract, path),
            (None, _) => None,
        };
        QueryAnswer {
            height: self.info().height,
            value,
            proof: Vec::new(),
        }
    }

    fn take_snapshot(&mut self, height: Height) -> SnapshotInfo {
        let bytes = self.contract().map_or_else(Vec::new, Wire::to_wire);
        let chunks = bytes.chunks(CHUNK).map(chunk_digest).collect();
        let info = SnapshotInfo { height, chunks };
        self.snapshots.push_back((info.clone(), bytes));
        while self.snapshots.len() > SNAPSHOTS {
            self.snapshots.pop_front();
        }
        info
    }

    fn load_chunk(&self, height: Height, index: u32) -> Option<Vec<u8>> {
        let (_, bytes) = self
            .snapshots
            .iter()
            .find(|(info, _)| info.height == height)?;
        let chunk = bytes.chunks(CHUNK).nth(usize::try_from(index).ok()?)?;
        Some(chunk.to_vec())
    }

    fn offer(&mut self, info: &SnapshotInfo, app_hash: Digest) -> bool {
        self.restoring = Some(Restoring {
            info: info.clone(),
            app_hash,
            bytes: Vec::new(),
        });
        !info.chunks.is_empty()
    }

    fn apply_chunk(&mut self, index: u32, bytes: &[u8]) -> Restoration {
        let Some(restoring) = &mut self.restoring else {
            return Restoration::Failed;
        };
        restoring.bytes.extend_from_slice(bytes);
        if (index as usize).saturating_add(1) < restoring.info.chunks.len() {
            return Restoration::Continue;
        }
        let Some(Restoring {
            info,
            app_hash,
            bytes,
        }) = self.restoring.take()
        else {
            return Restoration::Failed;
        };
        // The beacon's first key is the genesis document's, which every replica has; later ones are in the state.
        let beacon = self.running.as_ref().map(|running| running.beacon);
        match (Contract::from_wire(&bytes), beacon) {
            (Ok(contract), Some(beacon))
                if contract.digest() == app_hash && contract.check_books().is_ok() =>
            {
                self.take_up(contract, beacon);
                self.snapshots.push_back((info, bytes));
                Restoration::Complete
            }
            _ => Restoration::Failed,
        }
    }
}
