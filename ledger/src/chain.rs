//! The chain one replica has committed, below any engine: block validity, execution, rosters,
//! proposers, request de-duplication, checkpoints.
//!
//! Everything in the chain state is a function of the blocks alone, so it is equal on all honest
//! replicas at one height. The certificate of the tip is not: each replica holds the one it saw.

use crate::application::{Application, Finalized, Genesis, Pool, Verdict};
use crate::block::{Block, MAX_EVIDENCE, Parent, Transaction};
use crate::certificate::{CertificateError, CommitCert};
use crate::chain_state::{ChainState, CheckpointState};
use crate::digest::Digest;
use crate::evidence::Evidence;
use crate::height::{Height, ReplicaId, Time, View};
use crate::identity::{Domain, Signature};
use crate::light::EpochStep;
use crate::proposer::ProposerOrder;
use crate::roster::Roster;
use crate::rules::{Rule, Rules};
use crate::wire::{Wire, WireError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Evidence older than this many heights is not accepted.
const EVIDENCE_WINDOW: u64 = 10_000;
/// Why a block is not the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// Not the height after the tip.
    #[error("height {found}, not {expected}")]
    Height {
        /// The block's.
        found: Height,
        /// The one after the tip.
        expected: Height,
    },
    /// It names another parent.
    #[error("another parent")]
    Parent,
    /// Its application hash or results are not what this replica computed.
    #[error("another application state")]
    AppHash,
    /// It announces another roster.
    #[error("another roster")]
    Roster,
    /// It is not later than its parent.
    #[error("not later than its parent")]
    Time,
    /// The parent's certificate is missing or does not hold.
    #[error("the parent's certificate: {0}")]
    Certificate(CertificateError),
    /// The certificate is another block's.
    #[error("no certificate of the parent")]
    CertificateMissing,
    /// Evidence that proves nothing or was given before.
    #[error("the evidence against {0}")]
    Evidence(ReplicaId),
    /// Over the chain's limits.
    #[error("over the chain's limits")]
    Limits,
    /// A request that was executed, or twice in the block.
    #[error("transaction {0} repeats a request")]
    Repeated(u32),
    /// The application refuses it.
    #[error("the application says {0:?}")]
    Application(Verdict),
}

/// A committed chain and the application on top of it.
#[derive(Debug)]
pub struct Chain<A> {
    app: A,
    genesis: Arc<Genesis>,
    domain: Domain,
    rules: Rules,
    state: ChainState,
    certificate: Option<CommitCert>,
    steps: Vec<EpochStep>,
    /// The roster of the next height.
    voting: Arc<Roster>,
}

impl<A: Application> Chain<A> {
    /// A chain at its genesis.
    #[must_use]
    pub fn new(genesis: Arc<Genesis>, app: A) -> Self {
        let domain = Domain::new(genesis.digest());
        Self::with_rules(genesis, app, domain, Rules::ALL)
    }

    pub(crate) fn with_rules(
        genesis: Arc<Genesis>,
        mut app: A,
        domain: Domain,
        rules: Rules,
    ) -> Self {
        let next = app.init_chain(&genesis);
        let state = ChainState::genesis(&genesis, next, app.info().app_hash);
        let voting = Arc::new(genesis.roster.clone());
        Chain {
            app,
            genesis,
            domain,
            rules,
            state,
            certificate: None,
            steps: Vec::new(),
            voting,
        }
    }

    /// The last committed height.
    #[must_use]
    pub fn height(&self) -> Height {
        self.state.height
    }
    /// The digest of the last committed block; of the genesis document at height 0.
    #[must_use]
    pub fn tip(&self) -> Digest {
        self.state.tip
    }
    /// The application's hash.
    #[must_use]
    pub fn app_hash(&self) -> Digest {
        self.state.app_hash
    }
    /// The tip's certificate, as this replica holds it.
    #[must_use]
    pub fn certificate(&self) -> Option<&CommitCert> {
        self.certificate.as_ref()
    }
    /// The application.
    #[must_use]
    pub fn app(&self) -> &A {
        &self.app
    }
    pub(crate) fn app_mut(&mut self) -> &mut A {
        &mut self.app
    }
    /// The signing domain.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
    /// The genesis document.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }
    /// The pace now.
    #[must_use]
    pub fn timeouts(&self) -> &crate::application::Timeouts {
        &self.state.params.timeouts
    }
    /// Every roster change so far, provable to a light client.
    #[must_use]
    pub fn steps(&self) -> &[EpochStep] {
        &self.steps
    }
    /// The proposer of the next height in a view.
    #[must_use]
    pub fn primary(&self, view: View) -> ReplicaId {
        self.state.order.primary(view)
    }
    /// The proposers passed over at the next height.
    #[must_use]
    pub fn suspended(&self) -> Vec<ReplicaId> {
        self.state.silences.suspended(self.state.height.next())
    }

    /// Whose lies are on the ledger, with the height of the last one of each.
    pub fn reported(&self) -> impl Iterator<Item = (ReplicaId, Height)> {
        self.state
            .reported
            .iter()
            .map(|(id, height)| (*id, *height))
    }

    /// Whether evidence names somebody whom none on the ledger names: only that is worth a block of its
    /// own, for a liar could have a block made with every lie.
    pub(crate) fn names_another<'a>(
        &self,
        evidence: impl IntoIterator<Item = &'a Evidence>,
    ) -> bool {
        let mut offenders = evidence.into_iter().map(Evidence::offender);
        offenders.any(|id| !self.state.reported.contains_key(&id))
    }

    /// The roster that votes at a height, if it is known: up to two heights after the tip.
    #[must_use]
    pub fn roster_at(&self, height: Height) -> Option<&Arc<Roster>> {
        if height > self.state.height.plus(2) {
            return None;
        }
        if !self.rules.keep(Rule::RosterOfHeight) {
            return self.state.rosters.last_key_value().map(|(_, r)| r);
        }
        self.state.roster_at(height)
    }

    /// The roster that votes on the next block.
    #[must_use]
    pub fn roster(&self) -> &Arc<Roster> {
        &self.voting
    }

    /// Whether a request was executed, and where: its counter is not above its client's last.
    #[must_use]
    pub fn executed(&self, tx: &Transaction) -> Option<(Height, u32)> {
        let request = self.app.request_id(tx);
        self.state.sessions.stale(&request)
    }

    /// The counter of a client's last executed request.
    #[cfg(feature = "malachite")]
    pub(crate) fn last_counter(&self, client: &[u8; 32]) -> Option<u64> {
        self.state.sessions.last(client)
    }

    /// Proposes the next block from what waits.
    pub fn propose(&mut self, now: Time, pool: &dyn Pool, evidence: &[Evidence]) -> Block {
        let height = self.state.height.next();
        let limits = self.genesis.limits;
        let chosen = self.app.propose(height, &limits, pool);
        let mut counters = BTreeMap::new();
        let (mut bytes, mut fit) = (0usize, Vec::with_capacity(chosen.len()));
        for tx in chosen {
            bytes += tx.size();
            if bytes > limits.block_bytes as usize
                || fit.len() >= limits.block_transactions as usize
            {
                break;
            }
            if !self.repeats(&tx, &mut counters) {
                fit.push(tx);
            }
        }
        // One of each liar: a block with more is refused.
        let mut liars = BTreeSet::new();
        let evidence = evidence.iter().filter(|e| self.evidence_fault(e).is_none());
        let evidence = evidence.filter(|e| liars.insert(e.offender()));
        let evidence: Vec<Evidence> = evidence.take(MAX_EVIDENCE).copied().collect();
        let time = now.max(self.state.time.plus_ms(1));
        let certificate = self.certificate.clone();
        Block::new(height, time, &self.parent(), fit, certificate, evidence)
    }

    /// What the next header says about the state so far.
    fn parent(&self) -> Parent {
        let announced = self.state.roster_at(self.state.height.plus(2));
        Parent {
            digest: self.state.tip,
            app_hash: self.state.app_hash,
            outcomes: self.state.outcomes,
            roster: announced.map_or(Digest::ZERO, |r| r.digest()),
        }
    }

    /// Whether a request was executed or stands earlier in the same block.
    fn repeats(&self, tx: &Transaction, counters: &mut BTreeMap<[u8; 32], u64>) -> bool {
        if !self.rules.keep(Rule::RequestsOnce) {
            return false;
        }
        let request = self.app.request_id(tx);
        let earlier = counters.insert(request.client, request.counter);
        let repeated = earlier.is_some_and(|c| c >= request.counter)
            || self.state.sessions.stale(&request).is_some();
        if repeated && let Some(c) = earlier {
            counters.insert(request.client, c);
        }
        repeated
    }

    /// Judges a block before PREPARE. `known` says which of the certificate's signatures were
    /// verified before.
    ///
    /// # Errors
    /// The first [`BlockFault`], cheap ones first.
    pub fn check(
        &mut self,
        block: &Block,
        known: impl Fn(ReplicaId, &Signature) -> bool,
    ) -> Result<(), BlockFault> {
        self.check_header(block)?;
        let limits = self.genesis.limits;
        let sizes = block.transactions().iter().map(Transaction::size);
        let longest = sizes.clone().max().unwrap_or(0);
        if block.transactions().len() > limits.block_transactions as usize
            || sizes.sum::<usize>() > limits.block_bytes as usize
            || longest > limits.transaction_bytes as usize + 4
        {
            return Err(BlockFault::Limits);
        }
        self.check_certificate(block, known)?;
        for (i, evidence) in block.evidence().iter().enumerate() {
            let twice = block.evidence().iter().take(i);
            if let Some(fault) = self.evidence_fault(evidence) {
                return Err(fault);
            }
            if twice.clone().any(|e| e.offender() == evidence.offender()) {
                return Err(BlockFault::Evidence(evidence.offender()));
            }
        }
        let mut counters = BTreeMap::new();
        for (i, tx) in (0u32..).zip(block.transactions()) {
            if self.repeats(tx, &mut counters) {
                return Err(BlockFault::Repeated(i));
            }
        }
        match self.app.verify(block) {
            Verdict::Accept => Ok(()),
            verdict => Err(BlockFault::Application(verdict)),
        }
    }

    fn check_header(&self, block: &Block) -> Result<(), BlockFault> {
        let (header, expected) = (block.header(), self.state.height.next());
        if header.height != expected {
            let found = header.height;
            return Err(BlockFault::Height { found, expected });
        }
        let parent = self.parent();
        if header.parent != parent.digest && self.rules.keep(Rule::ParentChecked) {
            return Err(BlockFault::Parent);
        }
        let same_state = header.app_hash == parent.app_hash && header.outcomes == parent.outcomes;
        if !same_state && self.rules.keep(Rule::AppHashChecked) {
            return Err(BlockFault::AppHash);
        }
        if header.roster != parent.roster {
            return Err(BlockFault::Roster);
        }
        if header.time <= self.state.time {
            return Err(BlockFault::Time);
        }
        Ok(())
    }

    fn check_certificate(
        &self,
        block: &Block,
        known: impl Fn(ReplicaId, &Signature) -> bool,
    ) -> Result<(), BlockFault> {
        if self.state.height == Height::default() {
            return match block.certificate() {
                None => Ok(()),
                Some(_) => Err(BlockFault::CertificateMissing),
            };
        }
        let certificate = block.certificate();
        let certificate = certificate
            .filter(|c| c.height == self.state.height && c.block == self.state.tip)
            .ok_or(BlockFault::CertificateMissing)?;
        let roster = self
            .roster_at(self.state.height)
            .ok_or(BlockFault::CertificateMissing)?;
        certificate
            .verify_knowing(&self.domain, roster, known)
            .map_err(BlockFault::Certificate)
    }

    fn evidence_fault(&self, evidence: &Evidence) -> Option<BlockFault> {
        let height = evidence.height();
        let reported = self.state.reported.get(&evidence.offender());
        let fresh = reported.is_none_or(|h| *h < height)
            && height <= self.state.height.next()
            && height.plus(EVIDENCE_WINDOW) >= self.state.height;
        let proven = fresh
            && self
                .roster_at(height)
                .is_some_and(|r| evidence.verify(&self.domain, r));
        (!proven).then(|| BlockFault::Evidence(evidence.offender()))
    }

    /// Checks that a block is the certified next one, without judging its content.
    ///
    /// # Errors
    /// [`BlockFault`] if the certificate does not hold or this replica's state differs from the one
    /// the certified header names: then this replica, or a quorum, is wrong and must not go on.
    pub fn check_certified(
        &self,
        block: &Block,
        certificate: &CommitCert,
        known: impl Fn(ReplicaId, &Signature) -> bool,
    ) -> Result<(), BlockFault> {
        let (found, expected) = (block.height(), self.state.height.next());
        if found != expected || certificate.height != expected {
            return Err(BlockFault::Height { found, expected });
        }
        if certificate.block != block.digest() {
            return Err(BlockFault::CertificateMissing);
        }
        certificate
            .verify_knowing(&self.domain, &self.voting, known)
            .map_err(BlockFault::Certificate)?;
        self.check_header(block)
    }

    /// Executes a decided block. The caller has checked it and makes it durable.
    pub fn apply(&mut self, block: &Block, certificate: CommitCert) -> Finalized {
        let mut done = self.app.finalize_block(block);
        done.outcomes.truncate(block.transactions().len());
        self.absorb(block, certificate, &done);
        done
    }

    /// Takes in a block that the application executed before a restart.
    pub fn absorb(&mut self, block: &Block, certificate: CommitCert, done: &Finalized) {
        let requests = block.transactions().iter();
        let requests: Vec<_> = requests.map(|tx| self.app.request_id(tx)).collect();
        let chain = self.domain.chain();
        self.state.absorb(block, done, chain, requests.into_iter());
        let next = self.state.height.next();
        if let Some(roster) = self.roster_at(next).cloned() {
            if roster.epoch() != self.voting.epoch() {
                self.steps.push(EpochStep {
                    header: block.header().clone(),
                    certificate: certificate.clone(),
                    roster: roster.clone(),
                });
            }
            self.voting = roster;
        }
        self.certificate = Some(certificate);
    }

    /// Whether a checkpoint is due after the tip.
    #[must_use]
    pub fn checkpoint_due(&self) -> bool {
        self.state
            .height
            .get()
            .is_multiple_of(self.genesis.checkpoint_every)
    }

    /// The state to agree on, with a fresh snapshot of the application.
    pub fn checkpoint(&mut self) -> CheckpointState {
        let snapshot = self.app.take_snapshot(self.state.height);
        CheckpointState {
            chain: self.state.to_wire().into(),
            snapshot,
        }
    }

    /// Takes over a checkpoint whose application state was restored. The caller verified it.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are no chain state or the application is not at its hash.
    pub(crate) fn restore(
        &mut self,
        checkpoint: &CheckpointState,
        certificate: CommitCert,
        steps: Vec<EpochStep>,
    ) -> Result<(), WireError> {
        let state = ChainState::from_wire(&checkpoint.chain)?;
        if self.app.info().app_hash != state.app_hash {
            return Err(WireError::Invalid { what: "snapshot" });
        }
        self.restore_state(checkpoint, certificate, steps)
    }

    /// Takes over a checkpoint below or at the application's own height.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are no chain state.
    pub(crate) fn restore_state(
        &mut self,
        checkpoint: &CheckpointState,
        certificate: CommitCert,
        steps: Vec<EpochStep>,
    ) -> Result<(), WireError> {
        let state = ChainState::from_wire(&checkpoint.chain)?;
        self.state = state;
        self.certificate = Some(certificate);
        self.steps = steps;
        if let Some(roster) = self.roster_at(self.state.height.next()) {
            self.voting = roster.clone();
        }
        Ok(())
    }

    /// The order of proposers at the next height.
    #[must_use]
    pub fn order(&self) -> &ProposerOrder {
        &self.state.order
    }
}
