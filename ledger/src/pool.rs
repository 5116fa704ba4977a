//! The transactions that wait at one replica: bounded, oldest first, each once.

use crate::application::{Pool, Reject};
use crate::block::Transaction;
use crate::digest::Digest;
use std::collections::BTreeMap;

/// How much may wait at one replica.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Transactions.
    pub transactions: usize,
    /// Bytes.
    pub bytes: usize,
}

impl Default for PoolLimits {
    fn default() -> Self {
        PoolLimits {
            transactions: 100_000,
            bytes: 64 << 20,
        }
    }
}

/// A bounded first-in first-out pool.
#[derive(Clone, Debug, Default)]
pub struct Mempool {
    limits: PoolLimits,
    queue: BTreeMap<u64, Transaction>,
    places: BTreeMap<Digest, u64>,
    bytes: usize,
    next: u64,
}

impl Mempool {
    /// An empty pool.
    #[must_use]
    pub fn new(limits: PoolLimits) -> Self {
        Mempool {
            limits,
            ..Mempool::default()
        }
    }

    /// Whether a transaction would be taken in: cheaper to ask first than what its application asks.
    ///
    /// # Errors
    /// As [`Mempool::add`].
    pub fn has_room_for(&self, tx: &Transaction) -> Result<(), Reject> {
        if self.places.contains_key(&tx.id()) {
            return Err(Reject::Waiting);
        }
        let bytes = self.bytes + tx.size();
        if self.queue.len() >= self.limits.transactions || bytes > self.limits.bytes {
            return Err(Reject::PoolFull);
        }
        Ok(())
    }

    /// Takes a transaction in.
    ///
    /// # Errors
    /// [`Reject::Waiting`] or [`Reject::PoolFull`].
    pub fn add(&mut self, tx: Transaction) -> Result<(), Reject> {
        self.has_room_for(&tx)?;
        self.bytes += tx.size();
        self.places.insert(tx.id(), self.next);
        self.queue.insert(self.next, tx);
        self.next += 1;
        Ok(())
    }

    /// Drops a transaction.
    pub fn remove(&mut self, id: &Digest) {
        if let Some(place) = self.places.remove(id)
            && let Some(tx) = self.queue.remove(&place)
        {
            self.bytes -= tx.size();
        }
    }

    /// The one that waits longest.
    #[must_use]
    pub fn oldest(&self) -> Option<&Transaction> {
        self.queue.first_key_value().map(|(_, tx)| tx)
    }

    /// Whether it waits here.
    #[must_use]
    pub fn contains(&self, id: &Digest) -> bool {
        self.places.contains_key(id)
    }
    /// All, oldest first, each with its place: places only grow.
    #[cfg(feature = "malachite")]
    pub(crate) fn queued(&self) -> impl Iterator<Item = (u64, &Transaction)> {
        self.queue.iter().map(|(place, tx)| (*place, tx))
    }
    /// The place of what comes next.
    #[cfg(feature = "malachite")]
    pub(crate) const fn end(&self) -> u64 {
        self.next
    }
    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }
    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
    /// Bytes that wait.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Pool for Mempool {
    fn each(&self, take: &mut dyn FnMut(&Transaction) -> bool) {
        for tx in self.queue.values() {
            if !take(tx) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_bounded_and_holds_each_once() {
        let tx = |i: u8| Transaction::new(vec![i; 10]).unwrap();
        let mut pool = Mempool::new(PoolLimits {
            transactions: 10,
            bytes: 30,
        });
        pool.add(tx(1)).unwrap();
        assert_eq!(pool.add(tx(1)), Err(Reject::Waiting));
        pool.add(tx(2)).unwrap();
        assert_eq!(pool.add(tx(3)), Err(Reject::PoolFull));
        pool.remove(&tx(1).id());
        assert_eq!((pool.oldest(), pool.bytes()), (Some(&tx(2)), 14));
        pool.add(tx(3)).unwrap();
    }
}
