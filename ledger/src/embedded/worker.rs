//! One replica's thread: inputs in, one sync, effects out.

use crate::application::{Application, Query, QueryAnswer};
use crate::embedded::clerk::Report;
use crate::engine::{Alarm, ReplicaStatus};
use crate::height::{Height, ReplicaId, Time};
use crate::light::{InclusionProof, LedgerProof};
use crate::pbft::message::Message;
use crate::pbft::{Effect, Input, Replica, Write};
use crate::store::Store;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The most inputs that share one sync.
const BATCH: usize = 4096;

/// Where each running replica takes its inputs.
pub(super) type Peers = BTreeMap<ReplicaId, Sender<Command>>;

/// What a worker is told.
pub(super) enum Command {
    Input(Input),
    Query(Query, Sender<QueryAnswer>),
    Prove(Height, u32, Sender<Option<LedgerProof>>),
    Status(Sender<ReplicaStatus>),
    Stop,
}

/// Local time that never runs backwards.
struct Clock {
    start: Instant,
    unix_ms: u64,
}

impl Clock {
    fn now(&self) -> Time {
        let elapsed = self.start.elapsed().as_millis();
        Time::new(self.unix_ms + u64::try_from(elapsed).unwrap_or(u64::MAX / 2))
    }
}

pub(super) struct Worker<A> {
    replica: Replica<A>,
    store: Store,
    inbox: Receiver<Command>,
    peers: Arc<RwLock<Peers>>,
    reports: Sender<Report>,
    clock: Clock,
}

impl<A: Application> Worker<A> {
    pub(super) fn new(
        replica: Replica<A>,
        store: Store,
        inbox: Receiver<Command>,
        peers: Arc<RwLock<Peers>>,
        reports: Sender<Report>,
    ) -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        let unix_ms = unix.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(0));
        let clock = Clock {
            start: Instant::now(),
            unix_ms,
        };
        Worker {
            replica,
            store,
            inbox,
            peers,
            reports,
            clock,
        }
    }

    /// Works until told to stop, or until the disk fails: a replica that cannot store must not vote.
    pub(super) fn run(mut self) {
        let started = self.replica.step(Input::Start, self.clock.now());
        let mut going = self.carry_out(started);
        while going {
            let mut effects = Vec::new();
            going = match self.inbox.recv_timeout(self.until_deadline()) {
                Ok(command) => self.take(command, &mut effects),
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => false,
            };
            for _ in 0..BATCH {
                let Ok(command) = self.inbox.try_recv() else {
                    break;
                };
                going = going && self.take(command, &mut effects);
            }
            let now = self.clock.now();
            if self.replica.deadline().is_some_and(|d| d <= now) {
                effects.extend(self.replica.step(Input::Tick, now));
            }
            going = self.carry_out(effects) && going;
        }
    }

    fn until_deadline(&self) -> Duration {
        let now = self.clock.now();
        let wait = self.replica.deadline().map_or(1_000, |d| d.since_ms(now));
        Duration::from_millis(wait.clamp(1, 1_000))
    }

    /// Takes one command; false for the last.
    fn take(&mut self, command: Command, effects: &mut Vec<Effect>) -> bool {
        match command {
            Command::Stop => return false,
            Command::Input(input) => {
                effects.extend(self.replica.step(input, self.clock.now()));
            }
            Command::Query(query, answer) => {
                let found = self.replica.chain().app().query(&query);
                answer.send(found).ok();
            }
            Command::Prove(height, index, answer) => {
                answer.send(self.prove(height, index)).ok();
            }
            Command::Status(answer) => {
                answer.send(self.status()).ok();
            }
        }
        true
    }

    fn status(&self) -> ReplicaStatus {
        let position = self.replica.position();
        ReplicaStatus {
            id: self.replica.id(),
            height: position.height,
            epoch: position.epoch,
            view: position.view,
            changing: position.changing,
            primary: self.replica.chain().primary(position.view),
            waiting: self.replica.pool().len(),
            halted: self.replica.halted(),
        }
    }

    fn prove(&self, height: Height, index: u32) -> Option<LedgerProof> {
        let delivery = self.store.block(height).ok().flatten()?;
        let decision = &delivery.decision;
        let inclusion =
            InclusionProof::new(&decision.block, &decision.certificate, index as usize)?;
        let steps = self.replica.chain().steps().iter();
        let before = steps.filter(|s| s.header.height < height);
        Some(LedgerProof {
            steps: before.cloned().collect(),
            inclusion,
        })
    }

    /// Writes first, with one sync; then everything else in order. False if the disk failed.
    fn carry_out(&mut self, mut effects: Vec<Effect>) -> bool {
        while !effects.is_empty() {
            let mut writes = Vec::new();
            let mut then = Vec::new();
            let mut stored = None;
            for effect in effects {
                match effect {
                    Effect::Persist(write) => {
                        match &write {
                            Write::Decided(d) => stored = Some(d.decision.block.height()),
                            Write::Restored(c) => stored = Some(c.proof.height),
                            _ => {}
                        }
                        writes.push(write);
                    }
                    other => then.push(other),
                }
            }
            if !writes.is_empty() && self.store.write(writes).is_err() {
                self.alarm(Alarm::DiskFailed);
                return false;
            }
            effects = Vec::new();
            let now = self.clock.now();
            if let Some(height) = stored {
                effects.extend(self.replica.step(Input::Stored(height), now));
            }
            for effect in then {
                self.release(effect, &mut effects);
            }
        }
        if self.store.tidy().is_err() {
            self.alarm(Alarm::DiskFailed);
            return false;
        }
        true
    }

    fn release(&mut self, effect: Effect, more: &mut Vec<Effect>) {
        let id = self.replica.id();
        match effect {
            Effect::Send(to, message) => self.send(Some(to), &message),
            Effect::Broadcast(message) => self.send(None, &message),
            Effect::Deliver(delivery) => {
                self.reports.send(Report::Delivered(id, delivery)).ok();
            }
            Effect::Resend(tx, height, index) => {
                if let Ok(Some(delivery)) = self.store.block(height)
                    && let Some(answer) = delivery.answer(&tx, index)
                {
                    self.reports.send(Report::Again(id, tx, answer)).ok();
                }
            }
            Effect::Serve(to, from) => match self.store.serve(from) {
                Ok(Some(decisions)) if !decisions.is_empty() => {
                    self.send(Some(to), &Arc::new(Message::Decided(decisions)));
                }
                Ok(None) => {
                    let now = self.clock.now();
                    more.extend(self.replica.step(Input::Dropped(to), now));
                }
                _ => {}
            },
            Effect::Diverged(divergence) => self.alarm(Alarm::Diverged(divergence)),
            Effect::Caught(evidence) => self.alarm(Alarm::Caught(evidence)),
            Effect::Halt(height) => self.alarm(Alarm::Halted(height)),
            // Carried out before anything is released.
            Effect::Persist(_) => {}
        }
    }

    fn alarm(&self, alarm: Alarm) {
        self.reports
            .send(Report::Alarm(self.replica.id(), alarm))
            .ok();
    }

    fn send(&self, to: Option<ReplicaId>, message: &Arc<Message>) {
        let own = self.replica.id();
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        for (id, peer) in peers.iter() {
            if *id != own && to.is_none_or(|t| t == *id) {
                let input = Command::Input(Input::Message(own, message.clone()));
                peer.send(input).ok();
            }
        }
    }
}
