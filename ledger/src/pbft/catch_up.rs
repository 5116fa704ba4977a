//! Catching up: positions, blocks with certificates, snapshots with a quorum's proof. Lines 27 to 33.

use crate::application::{Application, Restoration, chunk_digest};
use crate::chain_state::ChainState;
use crate::height::View;
use crate::height::{Height, ReplicaId};
use crate::pbft::effect::{Effect, StableCheckpoint, Write};
use crate::pbft::message::{Decision, Message, Position};
use crate::pbft::replica::{Mode, Replica, Slot};
use crate::rules::Rule;
use crate::wire::Wire;
use std::sync::Arc;

/// A snapshot being fetched.
#[derive(Debug)]
pub(crate) struct Transfer {
    checkpoint: Arc<StableCheckpoint>,
    /// The chunk wanted next.
    next: u32,
    /// Whom to ask.
    peer: ReplicaId,
}

impl<A: Application> Replica<A> {
    /// Line 28: where a peer says it is.
    pub(crate) fn on_status(&mut self, from: ReplicaId, peer: Position) {
        self.at(28);
        let own = self.position();
        if peer.height < own.height {
            self.help(from, peer.height);
        } else if peer.height > own.height {
            self.fetch(from);
        }
        let behind = peer.view < own.view || (peer.view == own.view && peer.changing);
        if peer.epoch == own.epoch && behind && !own.changing {
            self.show_view(from);
        }
    }

    /// At most one help per peer and half a resend interval.
    pub(crate) fn may_help(&mut self, to: ReplicaId) -> bool {
        let pause = self.chain.timeouts().resend_ms / 2;
        let last = self.helped.get(&to);
        let free = last.is_none_or(|t| self.now.since_ms(*t) >= pause);
        if free && self.chain.roster().member(to).is_some() {
            self.helped.insert(to, self.now);
        }
        free
    }

    /// Line 29: sends blocks to a peer at `height`.
    pub(crate) fn help(&mut self, to: ReplicaId, height: Height) {
        if height < self.chain.height() && self.may_help(to) {
            self.effects.push(Effect::Serve(to, height.next()));
        }
    }

    /// Line 31: asks a peer that is ahead.
    pub(crate) fn fetch(&mut self, from: ReplicaId) {
        let pause = self.chain.timeouts().resend_ms / 2;
        if self.now.since_ms(self.fetched) >= pause || self.fetched.get() == 0 {
            self.at(31);
            self.fetched = self.now;
            self.send(from, Message::Fetch(self.chain.height().next()));
        }
    }

    pub(crate) fn on_fetch(&mut self, from: ReplicaId, height: Height) {
        if height <= self.chain.height() && height > Height::default() {
            self.effects.push(Effect::Serve(from, height));
        }
    }

    /// Line 32: certified blocks, whatever the mode.
    pub(crate) fn on_decided(&mut self, from: ReplicaId, decisions: &[Decision]) {
        if self.mode == Mode::Changing && !self.rules.keep(Rule::CommitDuringViewChange) {
            return;
        }
        for decision in decisions {
            if decision.block.height() != self.chain.height().next() {
                continue;
            }
            self.at(32);
            if !self.decide(decision.clone()) {
                return;
            }
            self.transfer = None;
        }
        if decisions.len() == crate::pbft::message::MAX_BLOCKS {
            self.send(from, Message::Fetch(self.chain.height().next()));
        }
    }

    /// Line 33: the blocks a peer needs were dropped here: offers the stable checkpoint.
    pub(crate) fn offer_checkpoint(&mut self, to: ReplicaId) {
        if let Some(stable) = self.stable.clone() {
            self.send(to, Message::Offer(stable));
        }
    }

    /// Line 33: a checkpoint from a peer, believed as far as a quorum signed it.
    pub(crate) fn on_offer(&mut self, from: ReplicaId, offer: &Arc<StableCheckpoint>) {
        let height = offer.proof.height;
        let current = self.transfer.as_ref();
        let newer = current.is_none_or(|t| t.checkpoint.proof.height < height);
        if height <= self.chain.height() || !newer || !self.offer_holds(offer) {
            return;
        }
        let Ok(state) = ChainState::from_wire(&offer.state.chain) else {
            return;
        };
        let snapshot = &offer.state.snapshot;
        if !self.chain.app_mut().offer(snapshot, state.app_hash) {
            return;
        }
        self.at(33);
        self.transfer = Some(Transfer {
            checkpoint: offer.clone(),
            next: 0,
            peer: from,
        });
        self.ask_for_chunk();
    }

    /// Whether a quorum signed it, by rosters that lead there from the genesis.
    fn offer_holds(&self, offer: &StableCheckpoint) -> bool {
        let first = Arc::new(self.chain.genesis().roster.clone());
        !self.rules.keep(Rule::StateIsProven) || offer.proven(self.chain.domain(), first).is_some()
    }

    /// Asks for the chunk wanted next.
    pub(crate) fn ask_for_chunk(&mut self) {
        if let Some(t) = &self.transfer {
            let ask = Message::FetchChunk(t.checkpoint.proof.height, t.next);
            self.send(t.peer, ask);
        }
    }

    pub(crate) fn on_fetch_chunk(&mut self, from: ReplicaId, height: Height, index: u32) {
        if let Some(bytes) = self.chain.app().load_chunk(height, index) {
            self.send(from, Message::Chunk(height, index, bytes));
        }
    }

    /// A chunk, checked against its certified digest.
    pub(crate) fn on_chunk(&mut self, from: ReplicaId, height: Height, index: u32, bytes: &[u8]) {
        let Some(transfer) = &mut self.transfer else {
            return;
        };
        let snapshot = &transfer.checkpoint.state.snapshot;
        let expected = snapshot.chunks.get(index as usize);
        let wanted = height == transfer.checkpoint.proof.height && index == transfer.next;
        let proven =
            !self.rules.keep(Rule::StateIsProven) || expected == Some(&chunk_digest(bytes));
        if !wanted || !proven {
            return;
        }
        transfer.peer = from;
        match self.chain.app_mut().apply_chunk(index, bytes) {
            Restoration::Continue => {
                transfer.next += 1;
                self.ask_for_chunk();
            }
            Restoration::Failed => self.transfer = None,
            Restoration::Complete => self.finish_transfer(),
        }
    }

    fn finish_transfer(&mut self) {
        let Some(Transfer { checkpoint, .. }) = self.transfer.take() else {
            return;
        };
        let epoch = self.chain.roster().epoch();
        let restored = self.chain.restore(
            &checkpoint.state,
            checkpoint.certificate.clone(),
            checkpoint.steps.clone(),
        );
        if restored.is_err() {
            // The application's old state is gone and the new one is not what was certified.
            self.halted = true;
            self.effects.push(Effect::Halt(checkpoint.proof.height));
            return;
        }
        self.slot = Slot::default();
        if self.chain.roster().epoch() != epoch {
            self.view = View::FIRST;
            self.mode = Mode::Normal;
            self.wishes.clear();
            self.own_wish = None;
            self.new_view = None;
        }
        self.take_up_promises();
        self.stable = Some(checkpoint.clone());
        let write = Write::Restored(Box::new((*checkpoint).clone()));
        self.effects.push(Effect::Persist(write));
        self.persist_votes();
        if self.mode == Mode::Changing {
            self.wish_again();
        }
        let peers = Message::Status(self.position());
        self.broadcast(peers);
    }
}
