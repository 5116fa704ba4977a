//! One marketplace fed with blocks directly: what consensus would decide, without consensus.

use eligo_ledger::application::{Application, Genesis};
use eligo_ledger::block::{Block, Outcome, Parent, Transaction};
use eligo_ledger::digest::Digest;
use eligo_ledger::height::Time;

use crate::application::Market;
use crate::contract::Contract;
use crate::name::{AccountId, RequirementName};
use crate::rejection::Rejection;
use crate::scenario::START_MS;

/// A marketplace and the time of its next block.
#[derive(Debug)]
pub struct Solo {
    /// The marketplace.
    pub market: Market,
    /// The next block's time, milliseconds since 1970.
    pub time_ms: u64,
    /// The blocks so far.
    pub blocks: Vec<Block>,
}

impl Solo {
    /// Before the first block.
    #[must_use]
    pub fn new(genesis: &Genesis) -> Self {
        let mut market = Market::new();
        market.init_chain(genesis);
        Self {
            market,
            time_ms: START_MS,
            blocks: Vec::new(),
        }
    }

    /// The state.
    ///
    /// # Panics
    /// If the genesis made none.
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn contract(&self) -> &Contract {
        self.market.contract().expect("a genesis")
    }

    /// Decides a block of these transactions; a second passes.
    pub fn block(&mut self, transactions: Vec<Transaction>) -> Vec<Outcome> {
        let parent = Parent {
            digest: Digest::ZERO,
            app_hash: self.market.info().app_hash,
            outcomes: Digest::ZERO,
            roster: Digest::ZERO,
        };
        let height = self.market.info().height.next();
        let time = Time::new(self.time_ms);
        let block = Block::new(height, time, &parent, transactions, None, Vec::new());
        let finalized = self.market.finalize_block(&block);
        self.blocks.push(block);
        self.time_ms += 1_000;
        finalized.outcomes
    }

    /// Decides a block of one transaction.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn submit(&mut self, transaction: Transaction) -> Result<(), Rejection> {
        let outcomes = self.block(vec![transaction]);
        match outcomes
            .first()
            .and_then(|outcome| Rejection::from_code(outcome.code))
        {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }

    /// Lets time pass, to an empty block.
    pub fn pass(&mut self, ms: u64) {
        self.time_ms += ms;
        self.block(Vec::new());
    }

    /// The proxies drawn for a requirement, in order.
    #[must_use]
    pub fn drawn(&self, name: &RequirementName) -> Vec<(AccountId, [u8; 48])> {
        self.contract().drawn(name).unwrap_or_default()
    }

    /// What an account holds.
    #[must_use]
    pub fn credits(&self, account: &AccountId) -> u64 {
        self.contract().account_view(account).credits.get()
    }

    /// Where a claim stands.
    #[must_use]
    pub fn status(&self, claim: &crate::name::ClaimId) -> &'static str {
        self.contract()
            .claim_view(claim)
            .map_or("unknown", |view| view.status)
    }
}
