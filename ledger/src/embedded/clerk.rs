//! Collects replies: a result counts when f+1 replicas give the same.

use crate::digest::Digest;
use crate::engine::{Alarm, Alarms, Answer, Blocks, Receipt, Reply};
use crate::height::{Height, ReplicaId};
use crate::pbft::effect::Delivery;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Heights, and requests asked again, whose replies are still being counted.
const WINDOW: usize = 256;

/// What a replica reports, after it is on its disk.
pub(super) enum Report {
    /// A block was executed.
    Delivered(ReplicaId, Arc<Delivery>),
    /// A request came again, or too late; what there is to say.
    Again(ReplicaId, Digest, Answer),
    /// Something is wrong.
    Alarm(ReplicaId, Alarm),
}

#[derive(Default)]
struct Desk {
    waiting: BTreeMap<Digest, Vec<Sender<Answer>>>,
    streams: Vec<Sender<Arc<Delivery>>>,
    watchers: Vec<Sender<(ReplicaId, Alarm)>>,
}

impl Desk {
    fn answer(&mut self, tx: &Digest, answer: &Answer) {
        for receipt in self.waiting.remove(tx).into_iter().flatten() {
            receipt.send(answer.clone()).ok();
        }
    }
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

struct Counter {
    desk: Arc<Mutex<Desk>>,
    enough: usize,
    /// By height and (block, application hash): who said so.
    blocks: BTreeMap<Height, BTreeMap<(Digest, Digest), Vec<ReplicaId>>>,
    /// By request for which somebody waits: what is said of it, and by whom.
    again: BTreeMap<Digest, Vec<(Answer, Vec<ReplicaId>)>>,
    done: Height,
}

impl Counter {
    fn run(mut self, inbox: &Receiver<Report>) {
        while let Ok(report) = inbox.recv() {
            match report {
                Report::Delivered(id, delivery) => self.delivered(id, &delivery),
                Report::Again(id, tx, answer) => self.again(id, tx, answer),
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
            let reply = Reply {
                height,
                index,
                outcome: outcome.clone(),
            };
            desk.answer(&tx.id(), &Ok(reply));
            self.again.remove(&tx.id());
        }
    }

    fn again(&mut self, id: ReplicaId, tx: Digest, answer: Answer) {
        let mut desk = lock(&self.desk);
        if !desk.waiting.contains_key(&tx) {
            return;
        }
        let said = self.again.entry(tx).or_default();
        let at = said.iter().position(|(a, _)| *a == answer);
        let at = at.unwrap_or_else(|| {
            said.push((answer.clone(), Vec::new()));
            said.len() - 1
        });
        let Some((_, voices)) = said.get_mut(at) else {
            return;
        };
        if !voices.contains(&id) {
            voices.push(id);
        }
        if voices.len() >= self.enough {
            desk.answer(&tx, &answer);
            self.again.remove(&tx);
        }
        if self.again.len() > WINDOW {
            self.again.retain(|tx, _| desk.waiting.contains_key(tx));
        }
    }
}
