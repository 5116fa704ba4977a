//! Simulated clients: one request at a time, to one replica first, to all when no answer comes, and
//! believing an answer that f+1 replicas give.

use crate::block::{Outcome, Transaction};
use crate::digest::Digest;
use crate::height::{Height, ReplicaId};
use crate::teller::{Order, Slip};
use std::collections::{BTreeMap, VecDeque};

/// An answer: where the request was executed, and the result.
pub type Answer = (Height, u32, Outcome);

/// One client.
#[derive(Debug)]
pub struct Client {
    id: [u8; 32],
    counter: u64,
    todo: VecDeque<Order>,
    current: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    tx: Transaction,
    sent_ms: u64,
    attempts: u32,
    replies: BTreeMap<ReplicaId, Answer>,
}

/// A request with its accepted answer.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The request's digest.
    pub tx: Digest,
    /// When it was first sent.
    pub sent_ms: u64,
    /// The answer.
    pub answer: Answer,
}

impl Client {
    /// A client with things to ask.
    #[must_use]
    pub fn new(number: u16, todo: VecDeque<Order>) -> Self {
        let mut id = [0u8; 32];
        id[..2].copy_from_slice(&number.to_be_bytes());
        Client {
            id,
            counter: 0,
            todo,
            current: None,
        }
    }

    /// When the request that waits was first sent.
    #[must_use]
    pub fn waiting_since(&self) -> Option<u64> {
        self.current.as_ref().map(|p| p.sent_ms)
    }

    /// Whether everything was answered.
    #[must_use]
    pub fn done(&self) -> bool {
        self.current.is_none() && self.todo.is_empty()
    }

    /// The request to send now, and how often it was sent before.
    pub fn next(&mut self, now_ms: u64) -> Option<(Transaction, u32)> {
        if self.current.is_none() {
            let order = self.todo.pop_front()?;
            self.counter += 1;
            let slip = Slip {
                client: self.id,
                counter: self.counter,
                order,
            };
            self.current = Some(Pending {
                tx: slip.transaction().ok()?,
                sent_ms: now_ms,
                attempts: 0,
                replies: BTreeMap::new(),
            });
        }
        let pending = self.current.as_mut()?;
        let attempts = pending.attempts;
        pending.attempts += 1;
        Some((pending.tx.clone(), attempts))
    }

    /// Takes a reply in; the answer, once `enough` replicas give the same.
    pub fn reply(
        &mut self,
        from: ReplicaId,
        tx: &Digest,
        answer: &Answer,
        enough: usize,
    ) -> Option<Answered> {
        let pending = self.current.as_mut().filter(|p| p.tx.id() == *tx)?;
        pending.replies.insert(from, answer.clone());
        let same = pending.replies.values().filter(|a| *a == answer).count();
        if same < enough {
            return None;
        }
        let answered = Answered {
            tx: *tx,
            sent_ms: pending.sent_ms,
            answer: answer.clone(),
        };
        self.current = None;
        Some(answered)
    }
}
