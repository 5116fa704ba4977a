//! The replica behind the engine: proposes, judges, keeps, executes, and serves those behind.

mod proposals;
mod requests;
mod terms;

use crate::application::Application;
use crate::chain::Chain;
use crate::evidence::Evidence;
use crate::height::{Height, ReplicaId, View};
use crate::malachite::codec::MAX_VALUES;
use crate::malachite::context::{LedgerContext, Proposal, Validators, view_of};
use crate::malachite::desk::{Command, Desk};
use crate::malachite::parts::{Assembly, Offer, Part, alone};
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
use arc_malachitebft_app_channel::app::engine::host::Next;
use arc_malachitebft_app_channel::app::streaming::StreamMessage;
use arc_malachitebft_app_channel::app::types::ProposedValue;
use arc_malachitebft_app_channel::app::types::core::{CommitCertificate, HeightParams, Validity};
use arc_malachitebft_app_channel::app::types::sync::RawDecidedValue;
use arc_malachitebft_app_channel::{AppMsg, NetworkMsg, Reply};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use terms::{certified, extended, now, proposed, timeouts};
use tokio::sync::mpsc::{self, error::TryRecvError};

type Ctx = LedgerContext;

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
    /// Whether a replica proposes at a height too far ahead to keep the block.
    behind: bool,
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
            behind: false,
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
                // First, so that no flood of messages keeps clients waiting or time from passing.
                _ = ticks.tick() => {
                    self.remind();
                    self.look_behind();
                    match commands.try_recv() {
                        Err(TryRecvError::Empty) => Ok(()),
                        command => self.told(command.ok(), commands),
                    }
                }
                message = engine.recv() => match message {
                    Some(message) => self.hear(message).await,
                    None => Err(Stop::Asked),
                },
                command = commands.recv() => self.told(command, commands),
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
        self.behind = false;
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
                || self.behind
                || !self.early.is_empty()
                || self.fetched == self.chain.height()
                || since.elapsed() >= heartbeat;
            if due && let Some((reply, _)) = self.held.next.take() {
                reply.send(Next::Start(next, params)).ok();
            }
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
