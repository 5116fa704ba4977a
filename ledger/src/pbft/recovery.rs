//! Starting again from what was on disk. Line 37.

use crate::application::Application;
use crate::block::Block;
use crate::chain::Chain;
use crate::height::{Height, View};
use crate::identity::Kind;
use crate::pbft::effect::{Recovered, VotingRecord};
use crate::pbft::message::Message;
use crate::pbft::replica::{Config, Mode, Replica};
use crate::rules::Rules;
use crate::wire::WireError;
use std::sync::Arc;

impl<A: Application> Replica<A> {
    /// Line 37: replays the blocks, then takes up every promise of the voting record.
    ///
    /// An application that kept its state gets only the blocks after its own height. One that did
    /// not is replayed from the start; if those blocks were dropped, the replica begins at the
    /// genesis, fetches a checkpoint, and does not vote where it may have voted before.
    ///
    /// # Errors
    /// [`WireError::Invalid`] if the application is neither at the genesis, nor at the checkpoint,
    /// nor at one of the blocks.
    pub fn recover(
        config: Config,
        chain: Chain<A>,
        recovered: Recovered,
    ) -> Result<Self, WireError> {
        Self::recover_with_rules(config, chain, recovered, Rules::ALL)
    }

    pub(crate) fn recover_with_rules(
        config: Config,
        chain: Chain<A>,
        recovered: Recovered,
        rules: Rules,
    ) -> Result<Self, WireError> {
        let mut replica = Self::with_rules(config, chain, rules);
        let applied = replica.chain.app().info().height;
        let whole = recovered.blocks.first();
        let whole = whole.is_some_and(|b| b.decision.block.height() == Height::new(1));
        let checkpoints = recovered.checkpoints.iter();
        let usable = checkpoints.filter(|c| c.proof.height <= applied);
        if let Some(checkpoint) = usable.max_by_key(|c| c.proof.height)
            && !whole
        {
            replica.chain.restore_state(
                &checkpoint.state,
                checkpoint.certificate.clone(),
                checkpoint.steps.clone(),
            )?;
        }
        let stable = recovered.checkpoints.last().cloned();
        replica.stable = stable.map(Arc::new);
        for delivery in &recovered.blocks {
            let block = &delivery.decision.block;
            if block.height() != replica.chain.height().next() {
                continue;
            }
            let certificate = delivery.decision.certificate.clone();
            if block.height() <= applied {
                replica.chain.absorb(block, certificate, &delivery.done);
            } else {
                replica.chain.apply(block, certificate);
            }
            if replica.chain.checkpoint_due()
                && let Some(certificate) = replica.chain.certificate().cloned()
            {
                let state = replica.chain.checkpoint();
                let height = replica.chain.height();
                replica.own_checkpoints.insert(height, (state, certificate));
                while replica.own_checkpoints.len() > 2 {
                    replica.own_checkpoints.pop_first();
                }
            }
        }
        if replica.chain.height() < applied {
            return Err(WireError::Invalid {
                what: "application height",
            });
        }
        if let Some(record) = recovered.votes {
            replica.resume(&record, &recovered.bodies);
            if record.height > replica.chain.height().next() {
                replica.promised = Some((record, recovered.bodies));
            }
            let epoch = replica.chain.roster().epoch();
            replica.new_view = recovered
                .new_view
                .filter(|nv| nv.ballot.epoch == epoch && nv.ballot.view == replica.view);
        }
        Ok(replica)
    }

    /// Takes up the promises of a record: its view, and its votes if it is about the next height.
    fn resume(&mut self, record: &VotingRecord, bodies: &[Arc<Block>]) {
        self.floor = record.height;
        if record.epoch != self.chain.roster().epoch() {
            return;
        }
        // A later view may have been entered since; what was prepared before still counts.
        let current = record.view >= self.view;
        if current {
            self.view = record.view;
            self.voted = record.view;
            self.own_wish = record.view_change.clone();
            if record.view_change.is_some() {
                self.mode = Mode::Changing;
            }
        }
        if record.height != self.chain.height().next() {
            return;
        }
        let body = |digest| bodies.iter().find(|b| b.digest() == digest).cloned();
        if current {
            self.slot.forced = record.forced;
        }
        if let Some(accepted) = record.accepted
            && current
            && let Some(block) = body(accepted.digest)
        {
            if accepted.from != self.id && self.votes() {
                let own = self.ballot(
                    Kind::Prepare,
                    accepted.view,
                    accepted.height,
                    accepted.digest,
                );
                self.slot.prepares.insert(self.id, own);
            }
            self.slot.accepted = Some((accepted, block));
        }
        if let Some(prepared) = &record.prepared
            && let Some(block) = body(prepared.digest)
        {
            if self.votes() {
                let own = self.ballot(
                    Kind::Commit,
                    prepared.view,
                    prepared.height,
                    prepared.digest,
                );
                self.slot.commits.insert(self.id, own);
            }
            self.slot.prepared = Some((prepared.clone(), block));
        }
    }

    /// Takes up what was promised before a restart, when its height is reached again by blocks or by a
    /// snapshot of others.
    pub(crate) fn take_up_promises(&mut self) {
        let next = self.chain.height().next();
        match self.promised.take() {
            Some((record, bodies)) if record.height == next => self.resume(&record, &bodies),
            Some(later) if later.0.height > next => self.promised = Some(later),
            // Passed: the blocks are certified.
            _ => {}
        }
    }

    /// The first step after a start.
    pub(crate) fn start(&mut self) {
        self.at(37);
        if self.mode == Mode::Changing {
            match self.own_wish.clone() {
                Some(wish) if wish.ballot.height == self.chain.height() => {
                    let block = self.slot.prepared.as_ref().map(|(_, b)| b.clone());
                    let block = wish.prepared.as_ref().and(block);
                    self.wishes.insert(self.id, (wish, block));
                }
                Some(_) => self.wish_again(),
                None => {}
            }
        }
        if self.view == View::FIRST || self.mode == Mode::Changing || self.new_view.is_some() {
            let position = Message::Status(self.position());
            self.broadcast(position);
        }
        self.timers.resend = Some(self.now);
        self.propose();
    }
}
