//! Collects replies: a result counts when f+1 replicas give the same.

use crate::block::Outcome;
use crate::digest::Digest;
use crate::engine::{Alarm, Alarms, Blocks, Receipt, Reply};
use crate::height::{Height, ReplicaId};
use crate::pbft::effect::Delivery;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Heights whose replies are still being counted.
const WINDOW: usize = 256;

/// What a replica reports, after it is on its disk.
pub(super) enum Report {
    /// A block was executed.
    Delivered(ReplicaId, Arc<Delivery>),
    /// A request came again; its result.
    Again(ReplicaId, Digest, Height, u32, Outcome),
    /// Something is wrong.
    Alarm(ReplicaId, Alarm),
}

#[derive(Default)]
struct Desk {
    waiting: BTreeMap<Digest, Vec<Sender<Reply>>>,
    streams: Vec<Sender<Arc<Delivery>>>,
    watchers: Vec<Sender<(ReplicaId, Alarm)>>,
}

/// The thread that answers clients.
pub(super) struct Clerk {
    desk: Arc<Mutex<Desk>>,
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clerk {
    pub(super) fn start(inbox: Receiver<Report>, enough: usize) -> std::io::Result<Clerk> {
        let desk = Arc::new(Mutex::new(Desk::default()));
        let counter = Counter {
            desk: desk.clone(),
            enough,
            blocks: BTreeMap::new(),
            again: BTreeMap::new(),
            done: Height::default(),
        };
        std::thread::Builder::new()
            .name("clerk".into())
            .spawn(move || counter.run(&inbox))?;
        Ok(Clerk { desk })
    }

    pub(super) fn expect(&self, tx: Digest) -> Receipt {
        let (sender, reply) = channel();
        let mut desk = lock(&self.desk);
        desk.waiting.entry(tx).or_default().push(sender);
        Receipt { reply }
    }

    pub(super) fn blocks(&self) -> Blocks {
        let (sender, stream) = channel();
        lock(&self.desk).streams.push(sender);
        Blocks { stream }
    }

    pub(super) fn alarms(&self) -> Alarms {
        let (sender, stream) = channel();
        lock(&self.desk).watchers.push(sender);
        Alarms { stream }
    }
}

type Place = (Digest, Height, u32, Outcome);

struct Counter {
    desk: Arc<Mutex<Desk>>,
    enough: usize,
    /// By height and (block, application hash): who said so.
    blocks: BTreeMap<Height, BTreeMap<(Digest, Digest), Vec<ReplicaId>>>,
    again: BTreeMap<Place, Vec<ReplicaId>>,
    done: Height,
}

impl Counter {
    fn run(mut self, inbox: &Receiver<Report>) {
        while let Ok(report) = inbox.recv() {
            match report {
                Report::Delivered(id, delivery) => self.delivered(id, &delivery),
                Report::Again(id, tx, height, index, outcome) => {
                    self.again(id, (tx, height, index, outcome));
                }
                Report::Alarm(id, alarm) => {
                    let watchers = &mut lock(&self.desk).watchers;
                    watchers.retain(|w| w.send((id, alarm)).is_ok());
                }
            }
        }
    }

    fn delivered(&mut self, id: ReplicaId, delivery: &Arc<Delivery>) {
        let block = &delivery.decision.block;
        let height = block.height();
        if height <= self.done {
            return;
        }
        let said = (block.digest(), delivery.done.app_hash);
        let voices = self.blocks.entry(height).or_default();
        let voices = voices.entry(said).or_default();
        if !voices.contains(&id) {
            voices.push(id);
        }
        if voices.len() < self.enough {
            return;
        }
        self.done = height;
        self.blocks.retain(|h, _| *h > height);
        while self.blocks.len() > WINDOW {
            self.blocks.pop_last();
        }
        let mut desk = lock(&self.desk);
        desk.streams.retain(|s| s.send(delivery.clone()).is_ok());
        let results = block.transactions().iter().zip(&delivery.done.outcomes);
        for (index, (tx, outcome)) in (0u32..).zip(results) {
            for receipt in desk.waiting.remove(&tx.id()).into_iter().flatten() {
                let reply = Reply {
                    height,
                    index,
                    outcome: outcome.clone(),
                };
                receipt.send(reply).ok();
            }
        }
    }

    fn again(&mut self, id: ReplicaId, place: Place) {
        let voices = self.again.entry(place.clone()).or_default();
        if !voices.contains(&id) {
            voices.push(id);
        }
        if voices.len() >= self.enough {
            self.again.remove(&place);
            let (tx, height, index, outcome) = place;
            let mut desk = lock(&self.desk);
            for receipt in desk.waiting.remove(&tx).into_iter().flatten() {
                let outcome = outcome.clone();
                receipt
                    .send(Reply {
                        height,
                        index,
                        outcome,
                    })
                    .ok();
            }
        } else {
            while self.again.len() > WINDOW {
                self.again.pop_first();
            }
        }
    }
}
