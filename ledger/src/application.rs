//! Between the ledger and the application it replicates.
//!
//! An application is deterministic: no clock, no randomness, no network, no iteration over hash
//! maps. [`Application::verify`] and [`Application::finalize_block`] are pure functions of committed
//! state and block.

use crate::block::{Block, Outcome, Transaction};
use crate::certificate::CommitCert;
use crate::digest::{Digest, Purpose};
use crate::height::{Height, ReplicaId, Time};
use crate::proposer::ProposerPolicy;
use crate::roster::Roster;
use crate::wire::{Reader, Wire, WireError, encode_bytes, encode_list, wire_struct};

/// The longest application state in a genesis document, in bytes.
pub const MAX_GENESIS_STATE: usize = 16 << 20;
/// The longest name of a chain, in bytes.
pub const MAX_CHAIN_NAME: usize = 64;
/// The most chunks of a snapshot.
pub const MAX_CHUNKS: usize = 1 << 16;
/// The largest chunk of a snapshot, in bytes.
pub const MAX_CHUNK: usize = 1 << 20;

/// What all replicas start from; its digest is the chain's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// A name for people.
    pub name: String,
    /// Blocks are later than this.
    pub time: Time,
    /// The first roster.
    pub roster: Roster,
    /// Who proposes at first.
    pub policy: ProposerPolicy,
    /// The pace at first.
    pub timeouts: Timeouts,
    /// The sizes, for good.
    pub limits: Limits,
    /// K: a checkpoint every so many blocks. At least 1.
    pub checkpoint_every: u64,
    /// The application's initial state, opaque here.
    pub app_state: Vec<u8>,
}

impl Genesis {
    /// The chain's identity.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Purpose::Genesis.hash_wire(self)
    }
}

impl Wire for Genesis {
    const MIN_SIZE: usize = 64;
    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(self.name.as_bytes(), out);
        self.time.encode(out);
        self.roster.encode(out);
        self.policy.encode(out);
        self.timeouts.encode(out);
        self.limits.encode(out);
        self.checkpoint_every.encode(out);
        encode_bytes(&self.app_state, out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let name = r.bytes("chain name", MAX_CHAIN_NAME)?.to_vec();
        let genesis = Genesis {
            name: String::from_utf8(name).map_err(|_| WireError::Invalid { what: "chain name" })?,
            time: Wire::decode(r)?,
            roster: Wire::decode(r)?,
            policy: Wire::decode(r)?,
            timeouts: Wire::decode(r)?,
            limits: Wire::decode(r)?,
            checkpoint_every: Wire::decode(r)?,
            app_state: r.bytes("genesis state", MAX_GENESIS_STATE)?.to_vec(),
        };
        if genesis.checkpoint_every == 0 {
            return Err(WireError::Invalid {
                what: "checkpoint interval",
            });
        }
        Ok(genesis)
    }
}

/// Sizes every block keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most transactions in a block.
    pub block_transactions: u32,
    /// The most bytes of transactions in a block.
    pub block_bytes: u32,
    /// The longest transaction, in bytes.
    pub transaction_bytes: u32,
}

wire_struct!(Limits {
    block_transactions: u32,
    block_bytes: u32,
    transaction_bytes: u32
});

impl Default for Limits {
    fn default() -> Self {
        Limits {
            block_transactions: 10_000,
            block_bytes: 4 << 20,
            transaction_bytes: 256 << 10,
        }
    }
}

/// The pace of consensus. All in milliseconds but the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// T: how long a known request may wait for a committed block.
    pub request_ms: u64,
    /// T doubles with every failed view, up to this.
    pub ceiling_ms: u64,
    /// Unanswered messages are sent again after this.
    pub resend_ms: u64,
    /// An idle replica tells its height this often.
    pub heartbeat_ms: u64,
    /// The proposer waits at least this long after a block.
    pub interval_ms: u64,
    /// How far ahead of the local clock a fresh block may be.
    pub drift_ms: u64,
    /// A request passed over by this many blocks that had room is a reason to change the view.
    pub passed_over: u32,
    /// A proposer silent this many times is suspended; 0 for never.
    pub suspend_after: u32,
}

wire_struct!(Timeouts {
    request_ms: u64,
    ceiling_ms: u64,
    resend_ms: u64,
    heartbeat_ms: u64,
    interval_ms: u64,
    drift_ms: u64,
    passed_over: u32,
    suspend_after: u32,
});

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            request_ms: 2_000,
            ceiling_ms: 60_000,
            resend_ms: 500,
            heartbeat_ms: 5_000,
            interval_ms: 200,
            drift_ms: 5_000,
            passed_over: 16,
            suspend_after: 3,
        }
    }
}

/// What the next heights run under: the roster at h+2, policy and timeouts at h+1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextParams {
    /// The latest roster or its successor; anything else is ignored.
    pub roster: Roster,
    /// Who proposes.
    pub policy: ProposerPolicy,
    /// The pace.
    pub timeouts: Timeouts,
}

wire_struct!(NextParams {
    roster: Roster,
    policy: ProposerPolicy,
    timeouts: Timeouts
});

/// Where an application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppInfo {
    /// The last height it committed; 0 before the first.
    pub height: Height,
    /// Its hash after that height.
    pub app_hash: Digest,
}

/// Why a transaction is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// The application refuses it, with a code of its own.
    #[error("refused by the application with code {0}")]
    Application(u32),
    /// It is longer than the chain allows.
    #[error("{size} bytes; at most {max}")]
    TooLong {
        /// Its size.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// Its client's counter was used.
    #[error("already executed at height {0}")]
    Executed(Height),
    /// It waits already.
    #[error("already waiting")]
    Waiting,
    /// Too much waits.
    #[error("the pool is full")]
    PoolFull,
}

/// Whether a block may be voted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Accept,
    /// Its transaction at this position is at fault.
    RejectTransaction(u32),
    /// The block as a whole is at fault.
    Reject,
}

/// Who asks, and the asker's counter: o and t, c of a REQUEST. A client's counters grow strictly: a request
/// that is executed ends those with its counter or a smaller one that were not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId {
    /// The client.
    pub client: [u8; 32],
    /// Its counter.
    pub counter: u64,
}

/// What executing a block did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized {
    /// One result for each transaction.
    pub outcomes: Vec<Outcome>,
    /// The application's hash after the block.
    pub app_hash: Digest,
    /// What the next heights run under.
    pub next: NextParams,
    /// Replicas whose Ready statement was in the block.
    pub ready: Vec<ReplicaId>,
}

impl Wire for Finalized {
    const MIN_SIZE: usize = 60;
    fn encode(&self, out: &mut Vec<u8>) {
        encode_list(self.outcomes.iter(), out);
        self.app_hash.encode(out);
        self.next.encode(out);
        encode_list(self.ready.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Finalized {
            outcomes: r.list("outcomes", crate::block::MAX_TRANSACTIONS)?,
            app_hash: Wire::decode(r)?,
            next: Wire::decode(r)?,
            ready: r.list("ready", crate::roster::MAX_MEMBERS)?,
        })
    }
}

/// A question to an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What is asked, in the application's terms.
    pub path: String,
    /// Its argument.
    pub data: Vec<u8>,
}

/// An application's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryAnswer {
    /// The height it is as of.
    pub height: Height,
    /// The value, if there is one.
    pub value: Option<Vec<u8>>,
    /// A proof against the application's hash, in the application's form; may be empty.
    pub proof: Vec<u8>,
}

/// A snapshot: the digests of its chunks in order. The same on every honest replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// The height it is after.
    pub height: Height,
    /// The chunks' digests, [`chunk_digest`]; at most [`MAX_CHUNKS`]. None: no snapshot.
    pub chunks: Vec<Digest>,
}

impl Wire for SnapshotInfo {
    const MIN_SIZE: usize = 12;
    fn encode(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        encode_list(self.chunks.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(SnapshotInfo {
            height: Wire::decode(r)?,
            chunks: r.list("chunks", MAX_CHUNKS)?,
        })
    }
}

/// The digest of one chunk.
#[must_use]
pub fn chunk_digest(bytes: &[u8]) -> Digest {
    Purpose::Chunk.hash(&[bytes])
}

/// How a restoration goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restoration {
    /// The next chunk, please.
    Continue,
    /// The whole state is there.
    Complete,
    /// These chunks are no state.
    Failed,
}

/// Transactions that wait, oldest first.
pub trait Pool {
    /// Calls `take` with each, oldest first, until it returns false.
    fn each(&self, take: &mut dyn FnMut(&Transaction) -> bool);
}

impl Pool for Vec<Transaction> {
    fn each(&self, take: &mut dyn FnMut(&Transaction) -> bool) {
        for tx in self {
            if !take(tx) {
                break;
            }
        }
    }
}

/// A deterministic ledger; no clock, no randomness, no network.
pub trait Application: Send {
    /// Where it is: the recovery handshake. Blocks after this height are replayed to it.
    fn info(&self) -> AppInfo;

    /// Starts a chain. Called at every start; an application that has state keeps it.
    fn init_chain(&mut self, genesis: &Genesis) -> NextParams;

    /// Whether a transaction may wait in the pool. Not consensus; a block is judged by `verify`.
    ///
    /// # Errors
    /// [`Reject`].
    fn check_tx(&self, tx: &Transaction) -> Result<(), Reject>;

    /// Who asks. By default a transaction's content is its identity, so it is executed once.
    fn request_id(&self, tx: &Transaction) -> RequestId {
        RequestId {
            client: *tx.id().as_bytes(),
            counter: 1,
        }
    }

    /// Chooses what to propose; what is over the limits or was executed is left out afterwards.
    fn propose(&mut self, _height: Height, limits: &Limits, pool: &dyn Pool) -> Vec<Transaction> {
        let mut chosen = Vec::new();
        let mut bytes = 0usize;
        pool.each(&mut |tx| {
            bytes += tx.size();
            let room = bytes <= limits.block_bytes as usize
                && chosen.len() < limits.block_transactions as usize;
            if room {
                chosen.push(tx.clone());
            }
            room
        });
        chosen
    }

    /// Whether a block may be voted for; before PREPARE. Total and bounded in time.
    fn verify(&mut self, block: &Block) -> Verdict;

    /// Executes a decided block in memory.
    fn finalize_block(&mut self, block: &Block) -> Finalized;

    /// Makes everything finalized so far durable; returns the height up to which it will never need
    /// blocks again (0 for an application that keeps its state in memory).
    fn commit(&mut self, certificate: &CommitCert) -> Height;

    /// Answers from committed state.
    fn query(&self, query: &Query) -> QueryAnswer;

    /// Takes a snapshot after the block just finalized, and may drop older ones. By default none.
    fn take_snapshot(&mut self, height: Height) -> SnapshotInfo {
        SnapshotInfo {
            height,
            chunks: Vec::new(),
        }
    }

    /// One chunk of a snapshot it still has.
    fn load_chunk(&self, _height: Height, _index: u32) -> Option<Vec<u8>> {
        None
    }

    /// Starts to restore a certified snapshot; false if it cannot.
    fn offer(&mut self, _info: &SnapshotInfo, _app_hash: Digest) -> bool {
        false
    }

    /// Takes the next chunk, already checked against its certified digest.
    fn apply_chunk(&mut self, _index: u32, _bytes: &[u8]) -> Restoration {
        Restoration::Failed
    }
}
