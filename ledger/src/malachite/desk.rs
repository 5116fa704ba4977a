//! Where clients wait: for results, for blocks, for the replica's report.

use crate::application::{AppInfo, Query, QueryAnswer, Reject};
use crate::block::Transaction;
use crate::cluster::control::Report;
use crate::digest::Digest;
use crate::engine::{Answer, Blocks, Receipt, Reply};
use crate::height::{Height, ReplicaId};
use crate::light::LedgerProof;
use crate::pbft::effect::Delivery;
use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a replica is told by its process.
pub(super) enum Command {
    /// A transaction, and where its admission is said.
    Submit(Transaction, Sender<Result<(), Reject>>),
    Query(Query, Sender<QueryAnswer>),
    Prove(Height, u32, Sender<Option<LedgerProof>>),
    Block(Height, Sender<Option<Delivery>>),
    Stop,
}

#[derive(Debug)]
struct Books {
    waiting: BTreeMap<Digest, Vec<Sender<Answer>>>,
    streams: Vec<Sender<Arc<Delivery>>>,
    report: Report,
}

/// Shared between the replica and those who ask it.
#[derive(Clone, Debug)]
pub(super) struct Desk(Arc<Mutex<Books>>);

impl Desk {
    pub(super) fn new(id: ReplicaId, chain: Digest) -> Self {
        let report = Report {
            id,
            chain,
            height: Height::default(),
            tip: chain,
            app_hash: Digest::ZERO,
            epoch: Default::default(),
            round: Default::default(),
            proposer: Default::default(),
            peers: 0,
            waiting: 0,
            lowest: Height::new(1),
            liars: Vec::new(),
            halted: false,
        };
        Desk(Arc::new(Mutex::new(Books {
            waiting: BTreeMap::new(),
            streams: Vec::new(),
            report,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom to tell the result of a transaction.
    pub(super) fn expect(&self, tx: Digest) -> Receipt {
        let (sender, reply) = channel();
        self.lock().waiting.entry(tx).or_default().push(sender);
        Receipt { reply }
    }

    /// A transaction was refused: nobody waits for it, unless it waited before.
    pub(super) fn dismiss(&self, tx: Digest) {
        let mut books = self.lock();
        if let Some(waiting) = books.waiting.get_mut(&tx) {
            waiting.pop();
            if waiting.is_empty() {
                books.waiting.remove(&tx);
            }
        }
    }

    pub(super) fn blocks(&self) -> Blocks {
        let (sender, stream) = channel();
        self.lock().streams.push(sender);
        Blocks { stream }
    }

    pub(super) fn report(&self) -> Report {
        self.lock().report.clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.lock().report);
    }

    /// A block is final and on disk.
    pub(super) fn deliver(&self, delivery: &Arc<Delivery>, info: AppInfo) {
        let mut books = self.lock();
        let block = &delivery.decision.block;
        books.report.height = block.height();
        books.report.tip = block.digest();
        books.report.app_hash = info.app_hash;
        books.streams.retain(|s| s.send(delivery.clone()).is_ok());
        let results = block.transactions().iter().zip(&delivery.done.outcomes);
        for (index, (tx, outcome)) in (0u32..).zip(results) {
            let reply = Reply {
                height: block.height(),
                index,
                outcome: outcome.clone(),
            };
            Self::answer(&mut books, &tx.id(), &Ok(reply));
        }
    }

    /// What there is to say of a transaction that is not in a new block.
    pub(super) fn again(&self, tx: &Digest, answer: &Answer) {
        Self::answer(&mut self.lock(), tx, answer);
    }

    fn answer(books: &mut Books, tx: &Digest, answer: &Answer) {
        for receipt in books.waiting.remove(tx).into_iter().flatten() {
            receipt.send(answer.clone()).ok();
        }
    }

    /// The replica is over: nobody waits any longer.
    pub(super) fn close(&self) {
        let mut books = self.lock();
        books.waiting.clear();
        books.streams.clear();
    }
}
