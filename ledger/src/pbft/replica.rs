//! One replica as a pure state machine: `step(state, input, now) -> effects`.
//!
//! No clock, no thread, no channel, no disk: time comes in with every input, everything that leaves
//! is an [`Effect`]. Numbers in comments are the lines of the pseudo-code in `docs/spec/pbft.md`.

use crate::application::{Application, Reject};
use crate::block::{Block, Transaction};
use crate::certificate::Ballot;
use crate::chain::Chain;
use crate::chain_state::CheckpointState;
use crate::digest::Digest;
use crate::evidence::Evidence;
use crate::height::{Height, ReplicaId, Time, View};
use crate::identity::{Kind, SecretKey, Statement};
use crate::pbft::catch_up::Transfer;
use crate::pbft::effect::{Effect, StableCheckpoint, VotingRecord, Write};
use crate::pbft::message::{Message, NewView, Position, Prepared, ViewChange, coherent};
use crate::pbft::timer::Timers;
use crate::pool::{Mempool, PoolLimits};
use crate::rules::{Rule, Rules};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often each numbered line of the pseudo-code ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage([u64; Coverage::LINES]);

impl Coverage {
    /// Lines are numbered from 1 to this minus 1.
    pub const LINES: usize = 41;

    /// How often a line ran.
    #[must_use]
    pub fn line(&self, line: usize) -> u64 {
        self.0.get(line).copied().unwrap_or(0)
    }

    /// Adds another replica's counts.
    pub fn add(&mut self, other: &Coverage) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a += b;
        }
    }
}

impl Default for Coverage {
    fn default() -> Self {
        Coverage([0; Coverage::LINES])
    }
}

/// What happens to a replica.
#[derive(Clone, Debug)]
pub enum Input {
    /// The first input after a start or restart.
    Start,
    /// A message from a peer; `from` is the channel's word and used for answers only.
    Message(ReplicaId, Arc<Message>),
    /// A client's request.
    Submit(Transaction),
    /// A deadline passed.
    Tick,
    /// The block of this height and all before it are on disk.
    Stored(Height),
    /// Blocks that a peer needs were dropped here.
    Dropped(ReplicaId),
}

/// What a replica is made of.
#[derive(Debug)]
pub struct Config {
    /// Its number.
    pub id: ReplicaId,
    /// Its signing key.
    pub key: Arc<SecretKey>,
    /// How much may wait here.
    pub pool: PoolLimits,
}

/// Voting in a view, or changing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Normal,
    Changing,
}

/// What is known of the next height.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The PRE-PREPARE of the current view.
    pub(crate) accepted: Option<(Ballot, Arc<Block>)>,
    /// What the NEW-VIEW of the current view forces.
    pub(crate) forced: Option<Digest>,
    /// The latest PREPARE of each sender.
    pub(crate) prepares: BTreeMap<ReplicaId, Ballot>,
    /// The latest COMMIT of each sender.
    pub(crate) commits: BTreeMap<ReplicaId, Ballot>,
    /// The last prepared block, of this or an earlier view.
    pub(crate) prepared: Option<(Prepared, Arc<Block>)>,
}

/// A VIEW-CHANGE and the block of its P.
pub(crate) type Wish = (Arc<ViewChange>, Option<Arc<Block>>);

/// One replica.
#[derive(Debug)]
pub struct Replica<A> {
    pub(crate) id: ReplicaId,
    pub(crate) key: Arc<SecretKey>,
    pub(crate) rules: Rules,
    pub(crate) chain: Chain<A>,
    pub(crate) pool: Mempool,
    pub(crate) view: View,
    pub(crate) mode: Mode,
    /// The last view this replica voted in.
    pub(crate) voted: View,
    pub(crate) slot: Slot,
    /// No vote below this height: it was voted on before a restart.
    pub(crate) floor: Height,
    /// What was promised before a restart at a height this replica has yet to come to again, and the
    /// blocks it names.
    pub(crate) promised: Option<(Box<VotingRecord>, Vec<Arc<Block>>)>,
    pub(crate) wishes: BTreeMap<ReplicaId, Wish>,
    pub(crate) own_wish: Option<Arc<ViewChange>>,
    pub(crate) new_view: Option<Arc<NewView>>,
    /// Signed messages for later, at most one per sender and kind.
    pub(crate) later: BTreeMap<(ReplicaId, Kind, u64), Arc<Message>>,
    pub(crate) evidence: BTreeMap<ReplicaId, Evidence>,
    pub(crate) checkpoints: BTreeMap<ReplicaId, BTreeMap<Height, Ballot>>,
    pub(crate) own_checkpoints: BTreeMap<Height, (CheckpointState, crate::certificate::CommitCert)>,
    pub(crate) stable: Option<Arc<StableCheckpoint>>,
    pub(crate) transfer: Option<Transfer>,
    /// The lowest height whose block the application still needs.
    pub(crate) retain: Height,
    /// When each peer was last helped.
    pub(crate) helped: BTreeMap<ReplicaId, Time>,
    pub(crate) fetched: Time,
    pub(crate) timers: Timers,
    pub(crate) halted: bool,
    pub(crate) now: Time,
    pub(crate) effects: Vec<Effect>,
    pub(crate) coverage: Coverage,
}

impl<A: Application> Replica<A> {
    /// A replica on a chain at its genesis.
    #[must_use]
    pub fn new(config: Config, chain: Chain<A>) -> Self {
        Self::with_rules(config, chain, Rules::ALL)
    }

    pub(crate) fn with_rules(config: Config, chain: Chain<A>, rules: Rules) -> Self {
        Replica {
            id: config.id,
            key: config.key,
            rules,
            chain,
            pool: Mempool::new(config.pool),
            view: View::FIRST,
            mode: Mode::Normal,
            voted: View::FIRST,
            slot: Slot::default(),
            floor: Height::default(),
            promised: None,
            wishes: BTreeMap::new(),
            own_wish: None,
            new_view: None,
            later: BTreeMap::new(),
            evidence: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            own_checkpoints: BTreeMap::new(),
            stable: None,
            transfer: None,
            retain: Height::default(),
            helped: BTreeMap::new(),
            fetched: Time::default(),
            timers: Timers::default(),
            halted: false,
            now: Time::default(),
            effects: Vec::new(),
            coverage: Coverage::default(),
        }
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> ReplicaId {
        self.id
    }
    /// The committed chain.
    #[must_use]
    pub const fn chain(&self) -> &Chain<A> {
        &self.chain
    }
    /// Transactions that wait here.
    #[must_use]
    pub const fn pool(&self) -> &Mempool {
        &self.pool
    }
    /// Where it is.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            epoch: self.chain.roster().epoch(),
            height: self.chain.height(),
            view: self.view,
            changing: self.mode == Mode::Changing,
        }
    }
    /// Whether it stopped because its state contradicts a certificate.
    #[must_use]
    pub const fn halted(&self) -> bool {
        self.halted
    }
    /// How often each line of the pseudo-code ran here.
    #[must_use]
    pub const fn coverage(&self) -> &Coverage {
        &self.coverage
    }
    /// How many messages wait for a later height or view.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.later.len() + self.wishes.len() + self.slot.prepares.len() + self.slot.commits.len()
    }
    /// When it next wants an [`Input::Tick`].
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        if self.halted {
            None
        } else {
            self.timers.next()
        }
    }

    /// Takes one input in and says what to do.
    #[must_use]
    pub fn step(&mut self, input: Input, now: Time) -> Vec<Effect> {
        self.now = self.now.max(now);
        if self.halted {
            return Vec::new();
        }
        match input {
            Input::Start => self.start(),
            Input::Submit(tx) => self.submit(tx),
            Input::Message(from, message) => self.receive(from, &message),
            Input::Tick => self.tick(),
            Input::Stored(height) => self.stored(height),
            Input::Dropped(to) => self.offer_checkpoint(to),
        }
        self.arm();
        std::mem::take(&mut self.effects)
    }

    /// Whether a transaction could be submitted now.
    ///
    /// # Errors
    /// [`Reject`].
    pub fn admit(&self, tx: &Transaction) -> Result<(), Reject> {
        let max = self.chain.genesis().limits.transaction_bytes as usize;
        let size = tx.bytes().len();
        if size > max {
            return Err(Reject::TooLong { size, max });
        }
        if let Some((height, _)) = self.chain.executed(tx)
            && self.rules.keep(Rule::RequestsOnce)
        {
            return Err(Reject::Executed(height));
        }
        self.pool.has_room_for(tx)?;
        self.chain.app().check_tx(tx)
    }

    /// Lines 1-2: a request.
    fn submit(&mut self, tx: Transaction) {
        match self.admit(&tx) {
            Err(Reject::Executed(_)) => {
                self.at(1);
                if let Some((height, index)) = self.chain.executed(&tx) {
                    self.effects.push(Effect::Resend(tx.id(), height, index));
                }
            }
            Err(_) => {}
            Ok(()) => {
                self.at(2);
                if self.pool.add(tx).is_ok() {
                    self.propose();
                }
            }
        }
    }

    fn receive(&mut self, from: ReplicaId, message: &Arc<Message>) {
        if from == self.id || !coherent(message) {
            return;
        }
        if !self.rules.keep(Rule::TimerResetByCommit) {
            self.timers.progress = None;
        }
        match &**message {
            Message::Request(tx) => self.submit(tx.clone()),
            Message::PrePrepare(..)
            | Message::Prepare(_)
            | Message::Commit(_)
            | Message::Checkpoint(_)
            | Message::ViewChange(..)
            | Message::NewView(..) => self.signed(from, message),
            Message::Status(position) => self.on_status(from, *position),
            Message::Fetch(height) => self.on_fetch(from, *height),
            Message::Decided(decisions) => self.on_decided(from, decisions),
            Message::Offer(offer) => self.on_offer(from, offer),
            Message::FetchChunk(height, index) => self.on_fetch_chunk(from, *height, *index),
            Message::Chunk(height, index, bytes) => self.on_chunk(from, *height, *index, bytes),
        }
    }

    /// A signed message: its author must vote at its height, and its signature must hold.
    fn signed(&mut self, from: ReplicaId, message: &Arc<Message>) {
        let Some(ballot) = message.ballot().copied() else {
            return;
        };
        if ballot.from == self.id {
            return;
        }
        let voting_height = match ballot.kind {
            Kind::ViewChange | Kind::NewView => ballot.height.next(),
            _ => ballot.height,
        };
        let next = self.chain.height().next();
        if voting_height < next && ballot.kind != Kind::Checkpoint && ballot.kind != Kind::NewView {
            self.at(29);
            self.help(from, voting_height.previous());
            // An old VIEW-CHANGE still counts, in its own epoch.
            if ballot.kind != Kind::ViewChange {
                return;
            }
        }
        if ballot.epoch > self.chain.roster().epoch() || voting_height > next.next() {
            self.at(27);
            self.fetch(from);
        }
        let Some(roster) = self.chain.roster_at(voting_height).cloned() else {
            return;
        };
        if !ballot.verify(self.chain.domain(), &roster) {
            return;
        }
        match &**message {
            Message::PrePrepare(b, block) => self.on_pre_prepare(b, block, message),
            Message::Prepare(b) => self.on_prepare(b, message),
            Message::Commit(b) => self.on_commit(b, message),
            Message::Checkpoint(b) => self.on_checkpoint(b),
            Message::ViewChange(vc, block) => self.on_view_change(from, vc, block.as_ref()),
            Message::NewView(nv, block) => self.on_new_view(from, nv, block.as_ref(), message),
            _ => {}
        }
    }

    /// Line 36: keeps a signed message for later, the latest of each sender and kind.
    pub(crate) fn keep_for_later(&mut self, message: &Arc<Message>) {
        self.at(36);
        let Some(ballot) = message.ballot() else {
            return;
        };
        let extra = if self.rules.keep(Rule::BuffersBounded) {
            0
        } else {
            self.later.len() as u64
        };
        let key = (ballot.from, ballot.kind, extra);
        let rank = |m: &Arc<Message>| m.ballot().map(|b| (b.height, b.view));
        if self
            .later
            .get(&key)
            .is_none_or(|old| rank(old) < rank(message))
        {
            self.later.insert(key, message.clone());
        }
    }

    /// Takes up what was kept, after the height or the view changed.
    pub(crate) fn replay_later(&mut self) {
        let kept = std::mem::take(&mut self.later);
        for (_, message) in kept {
            if let Some(ballot) = message.ballot().copied() {
                self.signed(ballot.from, &message);
            }
        }
    }

    /// A statement of this replica's own.
    pub(crate) fn ballot(&self, kind: Kind, view: View, height: Height, digest: Digest) -> Ballot {
        let statement = Statement {
            epoch: self.chain.roster().epoch(),
            kind,
            view,
            height,
            digest,
        };
        Ballot {
            epoch: statement.epoch,
            kind,
            view,
            height,
            digest,
            from: self.id,
            signature: self.chain.domain().sign(&self.key, &statement),
        }
    }

    /// Writes the voting record: before any message that depends on it.
    pub(crate) fn persist_votes(&mut self) {
        if self.promised.is_some() {
            // Nothing is promised below the floor, and what is on disk still holds.
            return;
        }
        let record = VotingRecord {
            epoch: self.chain.roster().epoch(),
            view: self.view,
            view_change: self.own_wish.clone(),
            height: self.chain.height().next(),
            accepted: self.slot.accepted.as_ref().map(|(b, _)| *b),
            prepared: self.slot.prepared.as_ref().map(|(p, _)| p.clone()),
            forced: self.slot.forced,
        };
        let write = Write::Votes(Box::new(record));
        self.effects.push(Effect::Persist(write));
    }

    pub(crate) fn broadcast(&mut self, message: Message) {
        self.effects.push(Effect::Broadcast(Arc::new(message)));
    }

    pub(crate) fn send(&mut self, to: ReplicaId, message: Message) {
        self.effects.push(Effect::Send(to, Arc::new(message)));
    }

    /// Marks a line of the pseudo-code.
    pub(crate) fn at(&mut self, line: usize) {
        if let Some(count) = self.coverage.0.get_mut(line) {
            *count += 1;
        }
    }

    /// Whether this replica votes on the next height.
    pub(crate) fn votes(&self) -> bool {
        self.chain.roster().voter(self.id).is_some()
            && self.chain.height().next() >= self.floor
            && self.transfer.is_none()
    }

    /// The view it may vote in now, if any.
    pub(crate) fn voting_view(&self) -> Option<View> {
        match self.mode {
            Mode::Normal => Some(self.view),
            Mode::Changing if !self.rules.keep(Rule::SilentAfterViewChange) => Some(self.voted),
            Mode::Changing => None,
        }
    }

    /// q of the roster that votes on the next height.
    pub(crate) fn quorum(&self) -> usize {
        let roster = self.chain.roster();
        if self.rules.keep(Rule::QuorumsIntersect) {
            roster.quorum()
        } else {
            2 * roster.faults() + 1
        }
    }

    /// Two ballots of one sender: proof of a lie, if they conflict.
    pub(crate) fn compare(&mut self, before: &Ballot, now: &Ballot) {
        if let Some(evidence) = Evidence::new(before, now) {
            self.at(34);
            if self.evidence.insert(now.from, evidence) != Some(evidence) {
                self.effects.push(Effect::Caught(evidence));
            }
        }
    }

    /// Application work after a block is on disk.
    fn stored(&mut self, height: Height) {
        if height == self.chain.height()
            && let Some(certificate) = self.chain.certificate().cloned()
        {
            self.retain = self.chain.app_mut().commit(&certificate);
        }
    }
}
