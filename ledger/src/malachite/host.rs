//! The replica behind the engine: proposes, judges, keeps, executes, and serves those behind.

use crate::application::{Application, Reject};
use crate::block::{Block, Transaction};
use crate::certificate::{CommitCert, EngineTag};
use crate::chain::Chain;
use crate::evidence::Evidence;
use crate::height::{Height, ReplicaId, Time, View};
use crate::identity::Signature;
use crate::light::{InclusionProof, LedgerProof};
use crate::malachite::codec::MAX_VALUES;
use crate::malachite::context::{Address, LedgerContext, Proposal, Validators, round_of, view_of};
use crate::malachite::desk::{Command, Desk};
use crate::malachite::parts::{Assembly, MAX_GOSSIP, Offer, Part, Publisher, Whole, alone, split};
use crate::malachite::signing::Pen;
use crate::malachite::snapshots::Snapshots;
use crate::malachite::store::Store;
use crate::malachite::waiting::Waiting;
use crate::malachite::{announce, misconduct};
use crate::pbft::effect::Delivery;
use crate::pbft::message::Decision;
use crate::pool::Mempool;
use crate::store::StoreError;
use crate::wire::Wire;
use arc_malachitebft_app_channel::app::consensus::VoteExtensionError;
use arc_malachitebft_app_channel::app::engine::host::{Next, SyncedValueOutcome};
use arc_malachitebft_app_channel::app::streaming::{StreamContent, StreamMessage};
use arc_malachitebft_app_channel::app::types::core::{
    CommitCertificate, CommitSignature, ExtendedCommitCertificate, HeightParams, LinearTimeouts,
    Round, Validity, VoteExtensions,
};
use arc_malachitebft_app_channel::app::types::sync::RawDecidedValue;
use arc_malachitebft_app_channel::app::types::{LocallyProposedValue, ProposedValue};
use arc_malachitebft_app_channel::{AppMsg, NetworkMsg, Reply};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

type Ctx = LedgerContext;

/// Rounds ahead of the current one whose blocks are kept.
const ROUNDS_AHEAD: u64 = 8;
/// The most blocks of one round that are kept: more than one is a liar's.
const OFFERS_A_ROUND: usize = 4;
/// The most blocks of later heights that are held in memory.
const EARLY: usize = 4;
/// How often what waits is looked after.
const TICK: Duration = Duration::from_millis(10);
/// A start is held back for peers no longer than this.
const GATE: Duration = Duration::from_secs(10);
/// The most bytes of blocks in one answer to a replica behind.
const MAX_SERVED: usize = 4 << 20;

/// Why a replica stops.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// It was told to, or the engine is gone.
    #[error("stopped")]
    Asked,
    /// Its disk: it must not vote.
    #[error(transparent)]
    Disk(#[from] StoreError),
    /// It took over a checkpoint of others: the engine must begin again from there.
    #[error("restored from a snapshot of height {0}")]
    Restored(Height),
    /// Its state contradicts a certificate.
    #[error("height {0}: a certified block contradicts this replica's state")]
    Halted(Height),
}

/// Where to say at which height to begin.
type Begin = Reply<(Height, HeightParams<Ctx>)>;

/// What the engine waits for.
#[derive(Default)]
struct Held {
    /// The first start, until enough peers are there.
    ready: Option<(Begin, Instant)>,
    /// The next height, until there is something to order.
    next: Option<(Reply<Next<Ctx>>, Instant)>,
}

pub(super) struct Host<A> {
    pub(super) id: ReplicaId,
    pub(super) pen: Pen,
    pub(super) chain: Chain<A>,
    pub(super) store: Store,
    waiting: Waiting,
    pub(super) desk: Desk,
    pub(super) network: mpsc::Sender<NetworkMsg<Ctx>>,
    pub(super) snapshots: Snapshots,
    /// Messages to be sent after this step.
    pub(super) letters: Vec<StreamMessage<Part>>,
    round: View,
    assembly: Assembly,
    early: VecDeque<Offer>,
    /// The latest of each liar, to be proposed.
    evidence: BTreeMap<ReplicaId, Evidence>,
    held: Held,
    /// The last height whose block was fetched after its decision.
    fetched: Height,
    /// Tells one sending of parts from the next, across restarts.
    attempt: u64,
}

impl<A: Application> Host<A> {
    pub(super) fn new(
        (id, pen): (ReplicaId, Pen),
        chain: Chain<A>,
        (store, pool): (Store, Mempool),
        (desk, network): (Desk, mpsc::Sender<NetworkMsg<Ctx>>),
        snapshots: Snapshots,
    ) -> Self {
        Host {
            id,
            pen,
            chain,
            store,
            waiting: Waiting::new(pool),
            desk,
            network,
            snapshots,
            letters: Vec::new(),
            round: View::FIRST,
            assembly: Assembly::default(),
            early: VecDeque::new(),
            evidence: BTreeMap::new(),
            held: Held::default(),
            fetched: Height::default(),
            attempt: now().get() << 20,
        }
    }

    /// Works until told to stop, the engine is gone, the disk fails, a certificate contradicts this
    /// replica's state, or a checkpoint was taken over. After that last it may run again with another
    /// engine.
    pub(super) async fn run(
        &mut self,
        mut engine: mpsc::Receiver<AppMsg<Ctx>>,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Stop {
        self.held = Held::default();
        self.round = View::FIRST;
        self.early.clear();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.say();
        loop {
            let done = tokio::select! {
                biased;
                message = engine.recv() => match message {
                    Some(message) => self.hear(message).await,
                    None => Err(Stop::Asked),
                },
                command = commands.recv() => self.told(command, commands),
                _ = ticks.tick() => {
                    self.remind();
                    self.look_behind();
                    Ok(())
                }
            };
            if let Err(stop) = done {
                return stop;
            }
            self.spread().await;
            self.post().await;
            self.release();
            self.say();
        }
    }

    async fn hear(&mut self, message: AppMsg<Ctx>) -> Result<(), Stop> {
        match message {
            AppMsg::ConsensusReady { reply } => {
                self.held.ready = Some((reply, Instant::now()));
            }
            AppMsg::StartedRound {
                round, reply_value, ..
            } => {
                let values = self.started(view_of(round))?;
                reply_value.send(values).ok();
            }
            AppMsg::GetValue {
                height,
                round,
                reply,
                ..
            } => self.propose(height, round, reply).await?,
            AppMsg::ReceivedProposalPart {
                from,
                published_by,
                part,
                reply,
            } => {
                let publisher = published_by.unwrap_or(from).to_bytes();
                let value = self.received(publisher, part)?;
                reply.send(value).ok();
            }
            AppMsg::RestreamProposal {
                height,
                round,
                valid_round,
                address,
                value_id,
            } => {
                let proposal = Proposal {
                    height,
                    round,
                    value: value_id,
                    pol_round: valid_round,
                    proposer: address,
                };
                self.send_again(proposal).await?;
            }
            AppMsg::Decided {
                certificate, reply, ..
            } => {
                self.decided(&certificate)?;
                reply.send(()).ok();
            }
            AppMsg::Finalized {
                evidence, reply, ..
            } => {
                let found = misconduct::evidence(&evidence, &self.pen.seals.epochs);
                self.caught(found);
                self.held.next = Some((reply, Instant::now()));
            }
            AppMsg::ProcessSyncedValue {
                height,
                round,
                proposer,
                value_bytes,
                reply,
            } => {
                let outcome = self.synced(height, round, proposer, &value_bytes)?;
                reply.send(outcome).ok();
            }
            AppMsg::GetDecidedValues { range, reply } => {
                let values = self.serve(*range.start(), *range.end())?;
                reply.send(values).ok();
            }
            AppMsg::GetHistoryMinHeight { reply } => {
                reply.send(self.store.lowest()?).ok();
            }
            AppMsg::ExtendVote { reply, .. } => {
                reply.send(None).ok();
            }
            AppMsg::VerifyVoteExtensions {
                extensions, reply, ..
            } => {
                // Votes are not extended on this ledger.
                let refused =
                    |(address, _)| (address, Err(VoteExtensionError::InvalidVoteExtension));
                reply
                    .send(extensions.into_iter().map(refused).collect())
                    .ok();
            }
        }
        Ok(())
    }

    /// Keeps evidence to be proposed, the latest of each liar.
    fn caught(&mut self, found: Vec<Evidence>) {
        for evidence in found {
            let offender = evidence.offender();
            let before = self.evidence.insert(offender, evidence);
            if before.is_none() {
                tracing::warn!(
                    "replica {offender} said two things at height {}",
                    evidence.height()
                );
            }
        }
    }

    /// The height being decided.
    pub(super) fn next(&self) -> Height {
        self.chain.height().next()
    }

    /// A round began: what was proposed in it, kept from before a crash or come early.
    fn started(&mut self, round: View) -> Result<Vec<ProposedValue<Ctx>>, Stop> {
        self.round = round;
        let next = self.next();
        let early: Vec<Offer> = self.early.drain(..).collect();
        for offer in early {
            if offer.proposal.height == next {
                self.judge(offer)?;
            } else if offer.proposal.height > next {
                self.early.push_back(offer);
            }
        }
        let offers = self.store.offers(next)?;
        let of_round = offers.iter().filter(|o| view_of(o.proposal.round) == round);
        Ok(of_round
            .map(|o| proposed(&o.proposal, Validity::Valid))
            .collect())
    }

    /// Proposes: what was proposed in this round before a crash, or a new block, on disk before the
    /// engine hears of it.
    async fn propose(
        &mut self,
        height: Height,
        round: Round,
        reply: Reply<LocallyProposedValue<Ctx>>,
    ) -> Result<(), Stop> {
        if height != self.next() {
            return Ok(());
        }
        let own = Address(self.id);
        let offers = self.store.offers(height)?;
        let before = offers
            .into_iter()
            .find(|o| o.proposal.round == round && o.proposal.proposer == own);
        let offer = match before {
            Some(offer) => offer,
            None => {
                let evidence: Vec<Evidence> = self.evidence.values().copied().collect();
                let waiting = self.waiting.proposable(&self.chain);
                let block = self.chain.propose(now(), &waiting, &evidence);
                let proposal = Proposal {
                    height,
                    round,
                    value: block.digest(),
                    pol_round: Round::Nil,
                    proposer: own,
                };
                let offer = Offer {
                    proposal,
                    signature: Some(self.pen.propose(&proposal)),
                    block: Arc::new(block),
                };
                self.store.keep(&offer)?;
                offer
            }
        };
        let value = LocallyProposedValue::new(height, round, offer.proposal.value);
        reply.send(value).ok();
        self.stream(&offer).await;
        Ok(())
    }

    async fn stream(&mut self, offer: &Offer) {
        let Some(signature) = offer.signature else {
            return;
        };
        for message in split(offer, signature, self.letter()) {
            self.publish(message).await;
        }
    }

    /// The next sending's name.
    pub(super) fn letter(&mut self) -> (ReplicaId, u64) {
        self.attempt += 1;
        (self.id, self.attempt)
    }

    /// Sends a part without pieces after this step.
    pub(super) fn write(&mut self, part: Part) {
        let message = alone(part, self.letter());
        self.letters.push(message);
    }

    async fn publish(&self, message: StreamMessage<Part>) {
        let message = NetworkMsg::PublishProposalPart(message);
        // Without a network there is nobody to tell; the engine says so itself.
        self.network.send(message).await.ok();
    }

    /// Sends a block again: as it was signed, or under this replica's own new proposal of a block
    /// that was locked in an earlier round.
    async fn send_again(&mut self, proposal: Proposal) -> Result<(), Stop> {
        let offers = self.store.offers(proposal.height)?;
        if let Some(offer) = offers.iter().find(|o| o.proposal == proposal) {
            self.stream(offer).await;
            return Ok(());
        }
        let known = offers.iter().find(|o| o.proposal.value == proposal.value);
        if let Some(known) = known
            && proposal.proposer == Address(self.id)
        {
            let offer = Offer {
                proposal,
                signature: Some(self.pen.propose(&proposal)),
                block: known.block.clone(),
            };
            self.store.keep(&offer)?;
            self.stream(&offer).await;
        }
        Ok(())
    }

    fn received(
        &mut self,
        publisher: Publisher,
        message: StreamMessage<Part>,
    ) -> Result<Option<ProposedValue<Ctx>>, Stop> {
        match message.content {
            StreamContent::Data(Part::Waiting(told)) => {
                for told in told {
                    // What another replica admitted may be executed or refused here; it says nothing.
                    self.waiting.hear(told, &self.chain).ok();
                }
                return Ok(None);
            }
            StreamContent::Data(Part::Checkpoint(ballot)) => {
                self.on_checkpoint(&ballot)?;
                return Ok(None);
            }
            StreamContent::Data(Part::Wanted(want)) => {
                self.on_wanted(want)?;
                return Ok(None);
            }
            StreamContent::Data(Part::Fetch(fetch)) => {
                self.on_fetch(fetch)?;
                return Ok(None);
            }
            _ => {}
        }
        match self.assembly.take(publisher, message) {
            Some(Whole::Checkpoint(to, from, bytes)) => {
                self.on_offer(to, from, &bytes)?;
                Ok(None)
            }
            Some(Whole::Snapshot(fetch, bytes)) => {
                self.on_piece(fetch, &bytes)?;
                Ok(None)
            }
            Some(Whole::Block(offer)) if offer.proposal.height > self.next() => {
                self.early.push_back(offer);
                while self.early.len() > EARLY {
                    self.early.pop_front();
                }
                Ok(None)
            }
            Some(Whole::Block(offer)) => self.judge(offer),
            None => Ok(None),
        }
    }

    /// Judges a proposed block of the next height, and keeps it if it is valid.
    fn judge(&mut self, offer: Offer) -> Result<Option<ProposedValue<Ctx>>, Stop> {
        let p = offer.proposal;
        let view = view_of(p.round);
        let near = view.get() <= self.round.get().saturating_add(ROUNDS_AHEAD);
        if p.height != self.next() || !near || p.proposer.0 != self.chain.primary(view) {
            return Ok(None);
        }
        let roster = self.chain.roster().clone();
        let signed = offer.signature.is_some_and(|s| {
            let member = roster.voter(p.proposer.0);
            member.is_some_and(|m| self.pen.seals.proposed(&p, &m.key, &s))
        });
        if !signed {
            return Ok(None);
        }
        let same_round = |o: &&Offer| o.proposal.round == p.round;
        let offers = self.store.offers(p.height)?;
        if offers.iter().any(|o| o.proposal == p) {
            return Ok(Some(proposed(&p, Validity::Valid)));
        }
        if offers.iter().filter(same_round).count() >= OFFERS_A_ROUND {
            return Ok(None);
        }
        // A fresh block is not far ahead of this replica's clock; a locked one was judged before.
        let drift = self.chain.timeouts().drift_ms;
        let timely = p.pol_round != Round::Nil || offer.block.header().time <= now().plus_ms(drift);
        if !timely || self.chain.check(&offer.block, |_, _| false).is_err() {
            return Ok(Some(proposed(&p, Validity::Invalid)));
        }
        self.store.keep(&offer)?;
        Ok(Some(proposed(&p, Validity::Valid)))
    }

    /// A block the engine fetched, whose certificate it checked.
    fn synced(
        &mut self,
        height: Height,
        round: Round,
        proposer: Address,
        bytes: &Bytes,
    ) -> Result<SyncedValueOutcome<Ctx>, Stop> {
        if height != self.next() {
            return Ok(SyncedValueOutcome::LocalTransientError);
        }
        let block = match Block::from_wire(bytes) {
            Ok(block) if block.height() == height => block,
            _ => return Ok(SyncedValueOutcome::PeerFault),
        };
        let proposal = Proposal {
            height,
            round,
            value: block.digest(),
            pol_round: Round::Nil,
            proposer,
        };
        if self.chain.check(&block, |_, _| false).is_err() {
            let value = proposed(&proposal, Validity::Invalid);
            return Ok(SyncedValueOutcome::Verdict(value));
        }
        self.store.keep(&Offer {
            proposal,
            signature: None,
            block: Arc::new(block),
        })?;
        self.fetched = height;
        let value = proposed(&proposal, Validity::Valid);
        Ok(SyncedValueOutcome::Verdict(value))
    }

    /// Executes a decided block and makes it durable, then tells the clients.
    fn decided(&mut self, certificate: &CommitCertificate<Ctx>) -> Result<(), Stop> {
        let height = certificate.height;
        if height != self.next() {
            // The log is replayed after a crash between the disk and the engine.
            return Ok(());
        }
        let halted = || Stop::Halted(height);
        let offers = self.store.offers(height)?;
        let offer = offers
            .into_iter()
            .find(|o| o.proposal.value == certificate.value_id);
        let block = offer.ok_or_else(halted)?.block;
        let certificate = certified(certificate);
        self.chain
            .check_certified(&block, &certificate, |_, _| false)
            .map_err(|_| halted())?;
        let done = self.chain.apply(&block, certificate.clone());
        let delivery = Arc::new(Delivery {
            decision: Decision {
                block: block.clone(),
                certificate: certificate.clone(),
            },
            done,
        });
        self.store.decide(&delivery)?;
        self.chain.app_mut().commit(&certificate);
        self.waiting.executed(&block, &self.chain);
        for evidence in block.evidence() {
            self.evidence.remove(&evidence.offender());
        }
        announce(&self.chain, &self.pen.seals.epochs);
        self.assembly.forget(height);
        self.round = View::FIRST;
        self.desk.deliver(&delivery, self.chain.app().info());
        self.snapshots.moved();
        self.checkpoint()
    }

    /// Final blocks for a replica behind.
    fn serve(&self, from: Height, to: Height) -> Result<Vec<RawDecidedValue<Ctx>>, Stop> {
        let mut values = Vec::new();
        let (mut at, mut bytes) = (from.max(Height::new(1)), 0);
        while at <= to && values.len() < MAX_VALUES {
            let Some(delivery) = self.store.block(at)? else {
                break;
            };
            let block = Bytes::from(delivery.decision.block.to_wire());
            bytes += block.len();
            if bytes > MAX_SERVED && !values.is_empty() {
                break;
            }
            let certificate = extended(&delivery.decision.certificate);
            values.push(RawDecidedValue::new(block, certificate));
            at = at.next();
        }
        Ok(values)
    }

    /// What the next height runs under.
    fn params(&self) -> Option<HeightParams<Ctx>> {
        let validators = Validators::new(self.chain.roster(), self.chain.order())?;
        let pace = self.chain.timeouts();
        let target = Duration::from_millis(pace.interval_ms);
        let target = (!target.is_zero() && self.fetched < self.chain.height()).then_some(target);
        Some(HeightParams::new(validators, timeouts(pace), target))
    }

    /// Lets the engine go on: at first when a quorum is connected, later when there is something to
    /// order, or a heartbeat is due, or this replica is behind.
    fn release(&mut self) {
        let Some(params) = self.params() else { return };
        let next = self.next();
        if let Some((_, since)) = &self.held.ready {
            let quorum = self.chain.roster().voters() * 2 / 3 + 1;
            let enough = self.desk.report().peers as usize + 1 >= quorum;
            if (enough || since.elapsed() >= GATE)
                && let Some((reply, _)) = self.held.ready.take()
            {
                reply.send((next, params.clone())).ok();
            }
        }
        if let Some((_, since)) = &self.held.next {
            let heartbeat = Duration::from_millis(self.chain.timeouts().heartbeat_ms);
            let due = self.waiting.due(&self.chain)
                || self.chain.names_another(self.evidence.values())
                || !self.early.is_empty()
                || self.fetched == self.chain.height()
                || since.elapsed() >= heartbeat;
            if due && let Some((reply, _)) = self.held.next.take() {
                reply.send(Next::Start(next, params)).ok();
            }
        }
    }

    fn told(
        &mut self,
        command: Option<Command>,
        more: &mut mpsc::Receiver<Command>,
    ) -> Result<(), Stop> {
        let mut command = command;
        // What waits is taken together, so that it travels together.
        for _ in 0..MAX_GOSSIP {
            match command {
                None | Some(Command::Stop) => return Err(Stop::Asked),
                Some(Command::Submit(tx, answer)) => {
                    answer.send(self.submitted(tx)).ok();
                }
                Some(Command::Query(query, answer)) => {
                    answer.send(self.chain.app().query(&query)).ok();
                }
                Some(Command::Prove(height, index, answer)) => {
                    answer.send(self.prove(height, index)).ok();
                }
                Some(Command::Block(height, answer)) => {
                    answer.send(self.store.block(height).ok().flatten()).ok();
                }
            }
            match more.try_recv() {
                Ok(next) => command = Some(next),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// A client's transaction: admitted here, and sent to the others; what has a used counter is
    /// answered at once.
    fn submitted(&mut self, tx: Transaction) -> Result<(), Reject> {
        let Some(place) = self.chain.executed(&tx) else {
            return self.waiting.submit(tx, &self.chain);
        };
        self.settle(&tx, place)
    }

    /// Tells whoever waits for a transaction whose counter was used at this place.
    fn settle(&self, tx: &Transaction, (height, index): (Height, u32)) -> Result<(), Reject> {
        let delivery = self.store.block(height).ok().flatten();
        let answer = delivery.and_then(|d| d.answer(&tx.id(), index));
        // The block may be dropped.
        let answer = answer.ok_or(Reject::Executed(height))?;
        self.desk.again(&tx.id(), &answer);
        Ok(())
    }

    fn remind(&mut self) {
        for (tx, place) in self.waiting.remind(&self.chain) {
            self.settle(&tx, place).ok();
        }
    }

    /// Sends new transactions to the others.
    async fn spread(&mut self) {
        for batch in self.waiting.spread(&self.chain) {
            let message = alone(Part::Waiting(batch), self.letter());
            self.publish(message).await;
        }
    }

    /// Sends what was written in this step.
    async fn post(&mut self) {
        for message in std::mem::take(&mut self.letters) {
            self.publish(message).await;
        }
    }

    /// The replica is over, or halted.
    pub(super) fn close(&self, stop: &Stop) {
        self.desk
            .update(|r| r.halted = matches!(stop, Stop::Halted(_)));
        self.desk.close();
    }

    fn prove(&self, height: Height, index: u32) -> Option<LedgerProof> {
        let delivery = self.store.block(height).ok().flatten()?;
        let decision = &delivery.decision;
        let inclusion =
            InclusionProof::new(&decision.block, &decision.certificate, index as usize)?;
        let steps = self.chain.steps().iter();
        let before = steps.filter(|s| s.header.height < height);
        Some(LedgerProof {
            steps: before.cloned().collect(),
            inclusion,
        })
    }

    /// Brings the report up to date.
    fn say(&self) {
        let info = self.chain.app().info();
        self.desk.update(|report| {
            report.height = self.chain.height();
            report.tip = self.chain.tip();
            report.app_hash = info.app_hash;
            report.epoch = self.chain.roster().epoch();
            report.round = self.round;
            report.proposer = self.chain.primary(self.round);
            report.waiting = self.waiting.len() as u64;
            report.liars = self.chain.reported().map(|(id, _)| id).collect();
        });
    }
}

fn proposed(p: &Proposal, validity: Validity) -> ProposedValue<Ctx> {
    ProposedValue {
        height: p.height,
        round: p.round,
        valid_round: p.pol_round,
        proposer: p.proposer,
        value: p.value,
        validity,
    }
}

/// The engine's certificate as the ledger's.
fn certified(certificate: &CommitCertificate<Ctx>) -> CommitCert {
    let signatures = certificate.commit_signatures.iter();
    let mut signatures: Vec<(ReplicaId, Signature)> =
        signatures.map(|s| (s.address.0, s.signature)).collect();
    signatures.sort_unstable_by_key(|(id, _)| *id);
    signatures.dedup_by_key(|(id, _)| *id);
    CommitCert {
        engine: EngineTag::Malachite,
        height: certificate.height,
        view: view_of(certificate.round),
        block: certificate.value_id,
        signatures,
    }
}

/// The ledger's certificate as the engine's.
fn extended(certificate: &CommitCert) -> ExtendedCommitCertificate<Ctx> {
    let signatures = certificate.signatures.iter();
    let certificate = CommitCertificate {
        height: certificate.height,
        round: round_of(certificate.view),
        value_id: certificate.block,
        commit_signatures: signatures
            .map(|(id, signature)| CommitSignature::new(Address(*id), *signature))
            .collect(),
    };
    let none = VoteExtensions::new(Vec::new());
    ExtendedCommitCertificate::from_commit_certificate_and_extensions(certificate, none)
}

/// T is shared out: half of it for a proposal, a quarter for each of the votes.
fn timeouts(pace: &crate::application::Timeouts) -> LinearTimeouts {
    let part = |n: u64| Duration::from_millis((pace.request_ms / n).max(1));
    LinearTimeouts {
        propose: part(2),
        propose_delta: part(4),
        prevote: part(4),
        prevote_delta: part(8),
        precommit: part(4),
        precommit_delta: part(8),
        rebroadcast: part(1),
        max_timeout: Duration::from_millis(pace.ceiling_ms.max(1)),
    }
}

fn now() -> Time {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    Time::new(unix.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(0)))
}
