//! What waits at one replica: taken in, sent to the others, proposed in its clients' order, and given up
//! when overtaken.
//!
//! Messages between replicas come in any order, or not at all, while a client's counters only grow: a block
//! with a client's fifth request and not its fourth ends the fourth for good. So whoever tells of a request
//! says after which one of the same client it came, and a proposer that has not seen that one holds the
//! request back, until it has, or until two reminders have passed without it.

use crate::application::{Application, Reject, RequestId};
use crate::block::{Block, Transaction};
use crate::chain::Chain;
use crate::digest::Digest;
use crate::height::Height;
use crate::malachite::parts::{MAX_GOSSIP, MAX_GOSSIP_BYTES, Told};
use crate::pool::Mempool;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// New transactions are sent to the others this often, so that many travel together; after a pause at once.
const SPREAD: Duration = Duration::from_millis(10);
/// What waits this long is sent to the others again: they may have been away.
const REMIND: Duration = Duration::from_secs(1);
/// The most transactions of one reminder.
const MAX_REMINDED: usize = 256;

pub(super) struct Waiting {
    pool: Mempool,
    /// Client by client, the counters in the pool, and how many requests have each.
    counters: BTreeMap<[u8; 32], BTreeMap<u64, u32>>,
    /// After which counter of its client a request in the pool came, if that is known.
    after: BTreeMap<Digest, u64>,
    /// To be sent to the others.
    outbox: Vec<Transaction>,
    /// When the outbox was last emptied.
    spread: Instant,
    reminded: Instant,
    /// Where the pool ended at the last reminder, and at the one before it.
    ends: (u64, u64),
    /// What [`Waiting::due`] found, and of what.
    found: Option<((Height, u64, u64), bool)>,
}

impl Waiting {
    pub(super) fn new(pool: Mempool) -> Self {
        Waiting {
            pool,
            counters: BTreeMap::new(),
            after: BTreeMap::new(),
            outbox: Vec::new(),
            spread: Instant::now(),
            reminded: Instant::now(),
            ends: (0, 0),
            found: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.pool.len()
    }

    /// Takes in what another replica tells of.
    pub(super) fn hear<A: Application>(
        &mut self,
        told: Told,
        chain: &Chain<A>,
    ) -> Result<(), Reject> {
        let id = told.tx.id();
        let after = match self.admit(told.tx, chain) {
            Ok(()) => told.after,
            // Of two who tell, the one who holds it back less is believed: the other may lie.
            Err(Reject::Waiting) => {
                let before = *self.after.get(&id).ok_or(Reject::Waiting)?;
                let less = told.after.is_none_or(|after| after < before);
                if !less {
                    return Err(Reject::Waiting);
                }
                told.after
            }
            Err(reject) => return Err(reject),
        };
        match after {
            Some(after) => self.after.insert(id, after),
            None => self.after.remove(&id),
        };
        self.found = None;
        Ok(())
    }

    /// Takes a client's transaction in, to be sent to the others.
    pub(super) fn submit<A: Application>(
        &mut self,
        tx: Transaction,
        chain: &Chain<A>,
    ) -> Result<(), Reject> {
        match self.admit(tx.clone(), chain) {
            Ok(()) => {
                self.outbox.push(tx);
                Ok(())
            }
            // Whoever asks again waits for the same block. What was only heard of may have been told as if it came
            // after what nobody has; its client knows better.
            Err(Reject::Waiting) => {
                if self.after.remove(&tx.id()).is_some() {
                    self.found = None;
                    self.outbox.push(tx);
                }
                Ok(())
            }
            Err(reject) => Err(reject),
        }
    }

    fn admit<A: Application>(&mut self, tx: Transaction, chain: &Chain<A>) -> Result<(), Reject> {
        let size = tx.bytes().len();
        let max = chain.genesis().limits.transaction_bytes as usize;
        if size > max {
            return Err(Reject::TooLong { size, max });
        }
        if let Some((height, _)) = chain.executed(&tx) {
            return Err(Reject::Executed(height));
        }
        self.pool.has_room_for(&tx)?;
        chain.app().check_tx(&tx)?;
        let RequestId { client, counter } = chain.app().request_id(&tx);
        self.pool.add(tx)?;
        let counters = self.counters.entry(client).or_default();
        *counters.entry(counter).or_default() += 1;
        Ok(())
    }

    fn remove<A: Application>(&mut self, tx: &Transaction, chain: &Chain<A>) {
        let id = tx.id();
        if !self.pool.contains(&id) {
            return;
        }
        self.pool.remove(&id);
        self.after.remove(&id);
        let RequestId { client, counter } = chain.app().request_id(tx);
        if let Some(counters) = self.counters.get_mut(&client) {
            if let Some(count) = counters.get_mut(&counter) {
                *count -= 1;
                if *count == 0 {
                    counters.remove(&counter);
                }
            }
            if counters.is_empty() {
                self.counters.remove(&client);
            }
        }
    }

    /// A block is final: what is in it no longer waits.
    pub(super) fn executed<A: Application>(&mut self, block: &Block, chain: &Chain<A>) {
        for tx in block.transactions() {
            self.remove(tx, chain);
        }
    }

    /// Whether a place in the pool was there at the reminder before the last.
    const fn old(&self, place: u64) -> bool {
        place < self.ends.1
    }

    /// Whether something can be proposed.
    pub(super) fn due<A: Application>(&mut self, chain: &Chain<A>) -> bool {
        if self.pool.is_empty() {
            return false;
        }
        let of = (chain.height(), self.pool.end(), self.ends.1);
        if let Some((before, due)) = self.found
            && before == of
        {
            return due;
        }
        let mut due = false;
        self.turns(chain, |_| {
            due = true;
            false
        });
        self.found = Some((of, due));
        due
    }

    /// What can be proposed, in order.
    pub(super) fn proposable<A: Application>(&self, chain: &Chain<A>) -> Vec<Transaction> {
        let mut found = Vec::with_capacity(self.pool.len());
        self.turns(chain, |tx| {
            found.push(tx.clone());
            true
        });
        found
    }

    /// Calls `take` with what can be proposed until it returns false: oldest first, but each client's
    /// requests in the order of their counters, and none before what it came after, unless it is old.
    fn turns<A: Application>(&self, chain: &Chain<A>, mut take: impl FnMut(&Transaction) -> bool) {
        let mut lines: BTreeMap<[u8; 32], Line<'_>> = BTreeMap::new();
        let mut order = Vec::with_capacity(self.pool.len());
        for (place, tx) in self.pool.queued() {
            let RequestId { client, counter } = chain.app().request_id(tx);
            let line = lines.entry(client).or_insert_with(|| Line {
                last: chain.last_counter(&client),
                ..Line::default()
            });
            if line.last.is_none_or(|last| counter > last) {
                // The first of a counter counts.
                line.requests.entry(counter).or_insert(tx);
                order.push(client);
                if self.old(place) {
                    line.old = line.old.max(Some(counter));
                }
            }
        }
        for client in order {
            let Some(line) = lines.get_mut(&client) else {
                continue;
            };
            let Some((&counter, &tx)) = line.requests.first_key_value() else {
                continue;
            };
            let after = self.after.get(&tx.id());
            if after.is_none_or(|a| Some(*a) <= line.last) || Some(counter) <= line.old {
                line.requests.pop_first();
                line.last = Some(counter);
                if !take(tx) {
                    return;
                }
            }
        }
    }

    /// What is to be sent to the others now, message by message.
    pub(super) fn spread<A: Application>(&mut self, chain: &Chain<A>) -> Vec<Vec<Told>> {
        let soon = self.spread.elapsed() < SPREAD && self.outbox.len() < MAX_GOSSIP;
        if soon || self.outbox.is_empty() {
            return Vec::new();
        }
        self.spread = Instant::now();
        let mut batches: Vec<Vec<Told>> = Vec::new();
        let mut bytes = 0;
        for tx in std::mem::take(&mut self.outbox) {
            let size = tx.size();
            let RequestId { client, counter } = chain.app().request_id(&tx);
            let earlier = self.counters.get(&client);
            let seen = earlier.and_then(|c| c.range(..counter).next_back());
            let seen = seen.map(|(counter, _)| *counter);
            // Of what was only heard, more may have been said than was seen.
            let after = seen.max(self.after.get(&tx.id()).copied());
            let told = Told { tx, after };
            match batches.last_mut() {
                Some(batch) if batch.len() < MAX_GOSSIP && bytes < MAX_GOSSIP_BYTES => {
                    batch.push(told);
                    bytes += size;
                }
                _ => {
                    batches.push(vec![told]);
                    bytes = size;
                }
            }
        }
        batches
    }

    /// Once in a while has the others told again of what waits long. Returns what waits in vain, with the
    /// place of the request that took its counter.
    pub(super) fn remind<A: Application>(
        &mut self,
        chain: &Chain<A>,
    ) -> Vec<(Transaction, (Height, u32))> {
        if self.reminded.elapsed() < REMIND {
            return Vec::new();
        }
        self.reminded = Instant::now();
        self.remind_now(chain)
    }

    fn remind_now<A: Application>(
        &mut self,
        chain: &Chain<A>,
    ) -> Vec<(Transaction, (Height, u32))> {
        let queued = self.pool.queued();
        let used = queued.filter_map(|(_, tx)| {
            let place = chain.executed(tx)?;
            Some((tx.clone(), place))
        });
        let overtaken: Vec<_> = used.collect();
        for (tx, _) in &overtaken {
            self.remove(tx, chain);
        }
        let mut bytes = 0;
        for (number, (_, tx)) in self.pool.queued().take(MAX_REMINDED).enumerate() {
            // The first is told of whatever its size, and keeps no other back.
            bytes += if number == 0 { 0 } else { tx.size() };
            if bytes >= MAX_GOSSIP_BYTES / 4 {
                break;
            }
            if !self.outbox.contains(tx) {
                self.outbox.push(tx.clone());
            }
        }
        self.ends = (self.pool.end(), self.ends.0);
        overtaken
    }
}

/// A client's requests.
#[derive(Default)]
struct Line<'a> {
    last: Option<u64>,
    /// The largest counter of what is old.
    old: Option<u64>,
    requests: BTreeMap<u64, &'a Transaction>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::{Genesis, Limits, Timeouts};
    use crate::block::Parent;
    use crate::certificate::{CommitCert, EngineTag};
    use crate::height::{Time, View};
    use crate::pool::PoolLimits;
    use crate::proposer::ProposerPolicy;
    use crate::roster::{Roster, simulated_members};
    use crate::teller::{Order, Slip, Teller};
    use std::sync::Arc;

    fn chain() -> Chain<Teller> {
        let genesis = Genesis {
            name: "waiting".into(),
            time: Time::new(1),
            roster: Roster::first(simulated_members(4)).unwrap(),
            policy: ProposerPolicy::Sticky,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            checkpoint_every: 128,
            app_state: Vec::new(),
        };
        Chain::new(Arc::new(genesis), Teller::new())
    }

    fn slip(client: u8, counter: u64) -> Transaction {
        let slip = Slip {
            client: [client; 32],
            counter,
            order: Order::Add(1),
        };
        slip.transaction().unwrap()
    }

    fn told(client: u8, counter: u64, after: Option<u64>) -> Told {
        Told {
            tx: slip(client, counter),
            after,
        }
    }

    fn waiting(chain: &Chain<Teller>, heard: &[(u8, u64, Option<u64>)]) -> Waiting {
        let mut waiting = Waiting::new(Mempool::new(PoolLimits::default()));
        for (client, counter, after) in heard {
            let told = told(*client, *counter, *after);
            waiting.hear(told, chain).unwrap();
        }
        waiting
    }

    fn turns(waiting: &Waiting, chain: &Chain<Teller>) -> Vec<(u8, u64)> {
        let found = waiting.proposable(chain);
        let ids = found.iter().map(|tx| chain.app().request_id(tx));
        ids.map(|id| (id.client[0], id.counter)).collect()
    }

    fn apply(waiting: &mut Waiting, chain: &mut Chain<Teller>, block: &Block) {
        let certificate = CommitCert {
            engine: EngineTag::Malachite,
            height: block.height(),
            view: View::FIRST,
            block: block.digest(),
            signatures: Vec::new(),
        };
        chain.apply(block, certificate);
        waiting.executed(block, chain);
    }

    #[test]
    fn a_clients_requests_are_proposed_in_order_however_they_came() {
        let chain = chain();
        let heard = [
            (1, 30, Some(20)),
            (1, 10, None),
            (2, 7, None),
            (1, 20, Some(10)),
            (1, 50, Some(40)),
        ];
        let mut waiting = waiting(&chain, &heard);
        assert!(waiting.due(&chain));
        let found = turns(&waiting, &chain);
        assert_eq!(found, [(1, 10), (1, 20), (2, 7), (1, 30)], "40 is missing");
    }

    #[test]
    fn nothing_is_proposed_over_a_gap_before_it_is_old() {
        let mut chain = chain();
        let mut waiting = waiting(&chain, &[(1, 2, Some(1)), (1, 4, Some(3))]);
        assert!(!waiting.due(&chain), "no empty block is made meanwhile");
        assert!(turns(&waiting, &chain).is_empty());
        waiting.remind_now(&chain);
        waiting.hear(told(1, 3, Some(2)), &chain).unwrap();
        assert!(!waiting.due(&chain));
        waiting.remind_now(&chain);
        assert!(waiting.due(&chain));
        assert_eq!(turns(&waiting, &chain), [(1, 2), (1, 3), (1, 4)]);
        // The gap is filled too late.
        let others = [slip(1, 2), slip(1, 3), slip(1, 4)];
        let parent = chain.propose(Time::new(5), &Mempool::default(), &[]);
        let block = with(&parent, others.to_vec());
        waiting.hear(told(1, 1, None), &chain).unwrap();
        apply(&mut waiting, &mut chain, &block);
        assert_eq!(waiting.len(), 1);
        assert!(!waiting.due(&chain), "overtaken");
        let overtaken = waiting.remind_now(&chain);
        assert_eq!(overtaken, [(slip(1, 1), (Height::new(1), 2))]);
        assert_eq!(waiting.len(), 0);
        assert!(waiting.counters.is_empty() && waiting.after.is_empty());
    }

    fn with(block: &Block, transactions: Vec<Transaction>) -> Block {
        let header = block.header();
        let parent = Parent {
            digest: header.parent,
            app_hash: header.app_hash,
            outcomes: header.outcomes,
            roster: header.roster,
        };
        Block::new(
            header.height,
            header.time,
            &parent,
            transactions,
            None,
            Vec::new(),
        )
    }

    #[test]
    fn a_liar_holds_nothing_back_that_an_honest_replica_tells_of() {
        let chain = chain();
        let mut waiting = waiting(&chain, &[(1, 2, Some(u64::MAX)), (1, 1, None)]);
        assert_eq!(turns(&waiting, &chain), [(1, 1)]);
        waiting.hear(told(1, 2, Some(1)), &chain).unwrap();
        assert_eq!(turns(&waiting, &chain), [(1, 1), (1, 2)]);
        // Nor is what holds it back forgotten for a liar's sake.
        let mut held = super::tests::waiting(&chain, &[(1, 2, Some(1))]);
        held.hear(told(1, 2, Some(9)), &chain).unwrap_err();
        assert!(turns(&held, &chain).is_empty());
        held.hear(told(1, 1, None), &chain).unwrap();
        assert_eq!(turns(&held, &chain), [(1, 1), (1, 2)]);
        let again = waiting.hear(told(1, 2, None), &chain);
        assert_eq!(again, Ok(()));
        let liar = waiting.hear(told(1, 2, Some(9)), &chain);
        assert_eq!(liar, Err(Reject::Waiting));
        assert_eq!(turns(&waiting, &chain), [(1, 1), (1, 2)]);
    }

    #[test]
    fn a_client_knows_better_than_a_rumour() {
        let chain = chain();
        let mut waiting = waiting(&chain, &[(1, 2, Some(u64::MAX))]);
        assert!(!waiting.due(&chain));
        waiting.submit(slip(1, 2), &chain).unwrap();
        assert!(waiting.due(&chain));
        waiting.spread -= SPREAD;
        assert_eq!(waiting.spread(&chain), [[told(1, 2, None)]]);
        // Once is enough.
        waiting.submit(slip(1, 2), &chain).unwrap();
        assert!(waiting.outbox.is_empty());
    }

    #[test]
    fn one_long_request_does_not_keep_the_others_from_being_told_again() {
        let chain = chain();
        let mut waiting = waiting(&chain, &[]);
        let slip = |length| Slip {
            client: [1; 32],
            counter: 1,
            order: Order::Idle(vec![0; length]),
        };
        let most = chain.genesis().limits.transaction_bytes as usize;
        let long = slip(most - slip(0).transaction().unwrap().bytes().len());
        let long = long.transaction().unwrap();
        assert_eq!(long.bytes().len(), most);
        let told = Told {
            tx: long,
            after: None,
        };
        waiting.hear(told.clone(), &chain).unwrap();
        waiting
            .hear(super::tests::told(2, 1, None), &chain)
            .unwrap();
        waiting.remind_now(&chain);
        waiting.spread -= SPREAD;
        let batches = waiting.spread(&chain);
        let again: Vec<&Told> = batches.iter().flatten().collect();
        assert_eq!(again, [&told, &super::tests::told(2, 1, None)]);
    }

    #[test]
    fn what_was_missed_is_told_again() {
        let chain = chain();
        let mut waiting = waiting(&chain, &[(1, 10, None)]);
        waiting.spread -= SPREAD;
        assert!(waiting.spread(&chain).is_empty(), "another replica's");
        waiting.submit(slip(1, 20), &chain).unwrap();
        assert_eq!(waiting.spread(&chain), [[told(1, 20, Some(10))]]);
        waiting.remind_now(&chain);
        waiting.spread -= SPREAD;
        let again = [[told(1, 10, None), told(1, 20, Some(10))]];
        assert_eq!(waiting.spread(&chain), again);
        // What others said of it is said on by who has not seen the one before.
        let mut behind = super::tests::waiting(&chain, &[(1, 20, Some(10))]);
        behind.remind_now(&chain);
        behind.spread -= SPREAD;
        assert_eq!(behind.spread(&chain), [[told(1, 20, Some(10))]]);
    }
}
