//! The normal case: PRE-PREPARE, PREPARE, COMMIT, execution. Lines 3 to 16.

use crate::application::Application;
use crate::block::Block;
use crate::certificate::{Ballot, CommitCert, EngineTag};
use crate::chain::BlockFault;
use crate::digest::Digest;
use crate::evidence::Evidence;
use crate::height::{ReplicaId, View};
use crate::identity::{Kind, Signature};
use crate::pbft::effect::{Delivery, Effect, Write};
use crate::pbft::message::{Decision, Message, Prepared};
use crate::pbft::replica::{Mode, Replica, Slot};
use crate::rules::Rule;
use std::collections::BTreeMap;
use std::sync::Arc;

impl<A: Application> Replica<A> {
    /// Line 3: the primary proposes when something waits and nothing is in flight.
    pub(crate) fn propose(&mut self) {
        let ready = self.mode == Mode::Normal
            && self.votes()
            && self.chain.primary(self.view) == self.id
            && self.slot.accepted.is_none()
            && self.slot.forced.is_none()
            && (!self.pool.is_empty() || self.chain.names_another(self.evidence.values()));
        if !ready || self.now < self.timers.not_before {
            return;
        }
        let evidence: Vec<Evidence> = self.evidence.values().copied().collect();
        let block = self.chain.propose(self.now, &self.pool, &evidence);
        if block.transactions().is_empty() && !self.chain.names_another(block.evidence()) {
            self.drop_stale();
            return;
        }
        self.at(3);
        self.pre_prepare(Arc::new(block));
    }

    /// Makes and sends the PRE-PREPARE of the current view.
    pub(crate) fn pre_prepare(&mut self, block: Arc<Block>) {
        let ballot = self.ballot(Kind::PrePrepare, self.view, block.height(), block.digest());
        self.slot.accepted = Some((ballot, block.clone()));
        self.voted = self.view;
        self.effects
            .push(Effect::Persist(Write::Body(block.clone())));
        self.persist_votes();
        self.broadcast(Message::PrePrepare(ballot, block));
        self.check_prepared();
    }

    /// Lines 4-8.
    pub(crate) fn on_pre_prepare(
        &mut self,
        ballot: &Ballot,
        block: &Arc<Block>,
        message: &Arc<Message>,
    ) {
        // 4: the next height, the current view, the right proposer.
        if ballot.height > self.chain.height().next() && self.rules.keep(Rule::HeightWindow) {
            return self.keep_for_later(message);
        }
        if ballot.view > self.view || (ballot.view == self.view && self.mode == Mode::Changing) {
            if self.rules.keep(Rule::ViewMatches) {
                return self.keep_for_later(message);
            }
            self.view = ballot.view;
            self.mode = Mode::Normal;
            self.own_wish = None;
            self.slot.accepted = None;
            self.slot.forced = None;
        }
        if self.voting_view() != Some(ballot.view) || self.chain.primary(ballot.view) != ballot.from
        {
            return;
        }
        self.at(4);
        // 5: one digest for a view and height.
        if let Some((before, _)) = self.slot.accepted
            && before.view == ballot.view
        {
            self.at(5);
            self.compare(&before, ballot);
            if before.digest == ballot.digest || self.rules.keep(Rule::OneDigestPerView) {
                return;
            }
        }
        // 6: what the NEW-VIEW forces, or a fresh block with a plausible time.
        let drift = self.chain.timeouts().drift_ms;
        let plausible = match self.slot.forced {
            Some(digest) => digest == ballot.digest,
            None => block.header().time <= self.now.plus_ms(drift),
        };
        if !plausible {
            return;
        }
        self.at(6);
        self.accept(ballot, block);
    }

    /// Lines 7-8: judges the block and votes for it.
    pub(crate) fn accept(&mut self, ballot: &Ballot, block: &Arc<Block>) {
        match self.check_block(block) {
            Ok(()) => {}
            Err(BlockFault::Height { .. }) if !self.rules.keep(Rule::HeightWindow) => {}
            Err(_) => {
                self.at(7);
                return;
            }
        }
        self.at(8);
        self.slot.accepted = Some((*ballot, block.clone()));
        self.voted = ballot.view;
        self.effects
            .push(Effect::Persist(Write::Body(block.clone())));
        self.persist_votes();
        if self.votes() && ballot.from != self.id {
            let own = self.ballot(Kind::Prepare, ballot.view, ballot.height, ballot.digest);
            self.slot.prepares.insert(self.id, own);
            self.broadcast(Message::Prepare(own));
        }
        self.check_prepared();
        self.check_committed();
    }

    fn check_block(&mut self, block: &Block) -> Result<(), BlockFault> {
        let held = self.chain.certificate().cloned();
        let view = block.certificate().map(|c| c.view);
        self.chain.check(block, |id, signature| {
            held.as_ref()
                .is_some_and(|h| Some(h.view) == view && h.signatures.contains(&(id, *signature)))
        })
    }

    /// Line 9: a PREPARE of a backup.
    pub(crate) fn on_prepare(&mut self, ballot: &Ballot, message: &Arc<Message>) {
        if ballot.height > self.chain.height().next() && self.rules.keep(Rule::HeightWindow) {
            return self.keep_for_later(message);
        }
        self.at(9);
        let before = self.slot.prepares.get(&ballot.from).copied();
        if self.counts(before, ballot) {
            self.slot.prepares.insert(ballot.from, *ballot);
            self.check_prepared();
        }
    }

    /// Line 11: a COMMIT.
    pub(crate) fn on_commit(&mut self, ballot: &Ballot, message: &Arc<Message>) {
        if ballot.height > self.chain.height().next() && self.rules.keep(Rule::HeightWindow) {
            return self.keep_for_later(message);
        }
        self.at(11);
        let before = self.slot.commits.get(&ballot.from).copied();
        if self.counts(before, ballot) {
            self.slot.commits.insert(ballot.from, *ballot);
            self.check_committed();
        }
    }

    /// Whether a vote replaces the sender's one before: only in a higher view.
    fn counts(&mut self, before: Option<Ballot>, ballot: &Ballot) -> bool {
        let Some(before) = before else {
            return true;
        };
        self.compare(&before, ballot);
        before.view < ballot.view
    }

    /// Line 10: prepared is the PRE-PREPARE and q-1 PREPAREs of different backups.
    pub(crate) fn check_prepared(&mut self) {
        let Some((proposal, block)) = self.slot.accepted.clone() else {
            return;
        };
        if !self.votes() || self.voting_view() != Some(proposal.view) {
            return;
        }
        let done = self
            .slot
            .prepared
            .as_ref()
            .is_some_and(|(p, _)| p.view == proposal.view && p.digest == proposal.digest);
        let backups: Vec<(ReplicaId, Signature)> = self
            .slot
            .prepares
            .values()
            .filter(|b| b.view == proposal.view && b.digest == proposal.digest)
            .filter(|b| b.from != proposal.from)
            .map(|b| (b.from, b.signature))
            .collect();
        if done || backups.len() + 1 < self.quorum() {
            return;
        }
        self.at(10);
        let prepared = Prepared {
            view: proposal.view,
            height: proposal.height,
            digest: proposal.digest,
            proposer: (proposal.from, proposal.signature),
            backups,
        };
        self.slot.prepared = Some((prepared, block));
        self.persist_votes();
        let own = self.ballot(
            Kind::Commit,
            proposal.view,
            proposal.height,
            proposal.digest,
        );
        self.slot.commits.insert(self.id, own);
        self.broadcast(Message::Commit(own));
        self.check_committed();
    }

    /// Line 12: committed is q COMMITs for a block that is here.
    pub(crate) fn check_committed(&mut self) {
        if self.mode == Mode::Changing && !self.rules.keep(Rule::CommitDuringViewChange) {
            return;
        }
        let mut tally: BTreeMap<(View, Digest), Vec<(ReplicaId, Signature)>> = BTreeMap::new();
        for b in self.slot.commits.values() {
            let votes = tally.entry((b.view, b.digest)).or_default();
            votes.push((b.from, b.signature));
        }
        let quorum = self.quorum();
        let Some(((view, digest), signatures)) =
            tally.into_iter().find(|(_, votes)| votes.len() >= quorum)
        else {
            return;
        };
        let Some(block) = self.body(&digest) else {
            return;
        };
        self.at(12);
        let certificate = CommitCert {
            engine: EngineTag::Pbft,
            height: block.height(),
            view,
            block: digest,
            signatures,
        };
        self.decide(Decision { block, certificate });
    }

    /// A block this replica holds for the next height.
    pub(crate) fn body(&self, digest: &Digest) -> Option<Arc<Block>> {
        let accepted = self.slot.accepted.as_ref().map(|(_, b)| b);
        let prepared = self.slot.prepared.as_ref().map(|(_, b)| b);
        let wished = self.wishes.values().filter_map(|(_, b)| b.as_ref());
        let mut held = accepted.into_iter().chain(prepared).chain(wished);
        held.find(|b| b.digest() == *digest).cloned()
    }

    /// Line 13: executes a certified block; in any mode, also while the view changes.
    pub(crate) fn decide(&mut self, decision: Decision) -> bool {
        if let Err(fault) = self.check_decision(&decision) {
            // The certificate holds but the header is not about this replica's state: stop.
            if matches!(
                fault,
                BlockFault::AppHash | BlockFault::Roster | BlockFault::Parent
            ) {
                self.at(16);
                self.halted = true;
                self.effects.push(Effect::Halt(decision.block.height()));
            }
            return false;
        }
        self.at(13);
        let epoch = self.chain.roster().epoch();
        let block = decision.block.clone();
        let done = self.chain.apply(&block, decision.certificate.clone());
        for tx in block.transactions() {
            self.pool.remove(&tx.id());
        }
        for evidence in block.evidence() {
            self.evidence.remove(&evidence.offender());
        }
        let delivery = Arc::new(Delivery { decision, done });
        self.effects
            .push(Effect::Persist(Write::Decided(delivery.clone())));
        self.effects.push(Effect::Deliver(delivery));
        self.slot = Slot::default();
        self.timers.committed(self.now, self.chain.timeouts());
        if self.chain.roster().epoch() != epoch {
            // 14: a new roster starts over at view 0.
            self.at(14);
            self.enter_epoch();
        }
        self.take_up_promises();
        self.checkpoint();
        self.notice_passing_over(&block);
        if self.mode == Mode::Changing {
            self.wish_again();
        }
        self.replay_later();
        self.drop_stale();
        self.end_starvation();
        self.propose();
        true
    }

    fn check_decision(&self, decision: &Decision) -> Result<(), BlockFault> {
        let view = decision.certificate.view;
        let known = |id: ReplicaId, signature: &Signature| {
            let own = self.slot.commits.get(&id);
            own.is_some_and(|b| {
                b.view == view
                    && b.digest == decision.certificate.block
                    && b.signature == *signature
            })
        };
        let (block, certificate) = (&decision.block, &decision.certificate);
        match self.chain.check_certified(block, certificate, known) {
            // The simulated mistakes below would be noticed here, one line too late.
            Err(BlockFault::Height { .. }) if !self.rules.keep(Rule::HeightWindow) => Ok(()),
            Err(BlockFault::Certificate(_)) if !self.rules.keep(Rule::QuorumsIntersect) => Ok(()),
            other => other,
        }
    }

    fn enter_epoch(&mut self) {
        self.view = View::FIRST;
        self.voted = View::FIRST;
        self.mode = Mode::Normal;
        self.wishes.clear();
        self.own_wish = None;
        self.new_view = None;
        self.persist_votes();
    }

    /// Requests that were executed meanwhile, or overtaken, no longer wait.
    pub(crate) fn drop_stale(&mut self) {
        if !self.rules.keep(Rule::RequestsOnce) {
            return;
        }
        while let Some(tx) = self.pool.oldest() {
            let used = self.chain.executed(tx);
            if used.is_none() && self.chain.app().check_tx(tx).is_ok() {
                break;
            }
            let id = tx.id();
            self.pool.remove(&id);
            if let Some((height, index)) = used {
                self.effects.push(Effect::Resend(id, height, index));
            }
        }
    }

    /// Counts blocks with room that left the oldest request out.
    fn notice_passing_over(&mut self, block: &Block) {
        let limits = self.chain.genesis().limits;
        let room = block.transactions().len() * 2 < limits.block_transactions as usize
            && block.payload_size() * 2 < limits.block_bytes as usize;
        let oldest = self.pool.oldest().map(|tx| tx.id());
        let same = oldest.is_some() && oldest == self.timers.oldest;
        self.timers.oldest = oldest;
        self.timers.passed_over = match (same, room) {
            (true, true) => self.timers.passed_over + 1,
            (true, false) => self.timers.passed_over,
            (false, _) => 0,
        };
    }
}
