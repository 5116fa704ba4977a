//! Blocks on their way to a vote: made, sent, put together, judged.

use super::terms::{now, proposed};
use super::{Ctx, Host, Stop};
use crate::application::Application;
use crate::block::Block;
use crate::evidence::Evidence;
use crate::height::Height;
use crate::malachite::context::{Address, Proposal, view_of};
use crate::malachite::parts::{Offer, Part, Publisher, Whole, split};
use crate::wire::Wire;
use arc_malachitebft_app_channel::Reply;
use arc_malachitebft_app_channel::app::engine::host::SyncedValueOutcome;
use arc_malachitebft_app_channel::app::streaming::{StreamContent, StreamMessage};
use arc_malachitebft_app_channel::app::types::core::{Round, Validity};
use arc_malachitebft_app_channel::app::types::{LocallyProposedValue, ProposedValue};
use bytes::Bytes;
use std::sync::Arc;

/// Rounds ahead of the current one whose blocks are kept.
const ROUNDS_AHEAD: u64 = 8;
/// The most blocks of one round that are kept: more than one is a liar's.
const OFFERS_A_ROUND: usize = 4;
/// The most blocks of later heights that are held in memory.
const EARLY: usize = 4;

impl<A: Application> Host<A> {
    /// Proposes: what was proposed in this round before a crash, or a new block, on disk before the
    /// engine hears of it.
    pub(super) async fn propose(
        &mut self,
        height: Height,
        round: Round,
        reply: Reply<LocallyProposedValue<Ctx>>,
    ) -> Result<(), Stop> {
        if height != self.next() {
            return Ok(());
        }
        let own = Address(self.id);
        let offers = self.store.offers(height)?;
        let before = offers
            .into_iter()
            .find(|o| o.proposal.round == round && o.proposal.proposer == own);
        let offer = match before {
            Some(offer) => offer,
            None => {
                let evidence: Vec<Evidence> = self.evidence.values().copied().collect();
                let waiting = self.waiting.proposable(&self.chain);
                let block = self.chain.propose(now(), &waiting, &evidence);
                let proposal = Proposal {
                    height,
                    round,
                    value: block.digest(),
                    pol_round: Round::Nil,
                    proposer: own,
                };
                let offer = Offer {
                    proposal,
                    signature: Some(self.pen.propose(&proposal)),
                    block: Arc::new(block),
                };
                self.store.keep(&offer)?;
                offer
            }
        };
        let value = LocallyProposedValue::new(height, round, offer.proposal.value);
        reply.send(value).ok();
        self.stream(&offer).await;
        Ok(())
    }

    async fn stream(&mut self, offer: &Offer) {
        let Some(signature) = offer.signature else {
            return;
        };
        for message in split(offer, signature, self.letter()) {
            self.publish(message).await;
        }
    }

    /// Sends a block again: as it was signed, or under this replica's own new proposal of a block
    /// that was locked in an earlier round.
    pub(super) async fn send_again(&mut self, proposal: Proposal) -> Result<(), Stop> {
        let offers = self.store.offers(proposal.height)?;
        if let Some(offer) = offers.iter().find(|o| o.proposal == proposal) {
            self.stream(offer).await;
            return Ok(());
        }
        let known = offers.iter().find(|o| o.proposal.value == proposal.value);
        if let Some(known) = known
            && proposal.proposer == Address(self.id)
        {
            let offer = Offer {
                proposal,
                signature: Some(self.pen.propose(&proposal)),
                block: known.block.clone(),
            };
            self.store.keep(&offer)?;
            self.stream(&offer).await;
        }
        Ok(())
    }

    pub(super) fn received(
        &mut self,
        publisher: Publisher,
        message: StreamMessage<Part>,
    ) -> Result<Option<ProposedValue<Ctx>>, Stop> {
        match message.content {
            StreamContent::Data(Part::Waiting(told)) => {
                for told in told {
                    // What another replica admitted may be executed or refused here; it says nothing.
                    self.waiting.hear(told, &self.chain).ok();
                }
                return Ok(None);
            }
            StreamContent::Data(Part::Checkpoint(ballot)) => {
                self.on_checkpoint(&ballot)?;
                return Ok(None);
            }
            StreamContent::Data(Part::Wanted(want)) => {
                self.on_wanted(want)?;
                return Ok(None);
            }
            StreamContent::Data(Part::Fetch(fetch)) => {
                self.on_fetch(fetch)?;
                return Ok(None);
            }
            _ => {}
        }
        match self.assembly.take(publisher, message) {
            Some(Whole::Checkpoint(to, from, bytes)) => {
                self.on_offer(to, from, &bytes)?;
                Ok(None)
            }
            Some(Whole::Snapshot(fetch, bytes)) => {
                self.on_piece(fetch, &bytes)?;
                Ok(None)
            }
            Some(Whole::Block(offer)) if offer.proposal.height > self.next() => {
                self.hold(offer);
                Ok(None)
            }
            Some(Whole::Block(offer)) => self.judge(offer),
            None => Ok(None),
        }
    }

    /// Keeps a block of a height soon to come, the latest of each proposer. It says that this replica is behind, so
    /// it must be a replica's own.
    fn hold(&mut self, offer: Offer) {
        let p = &offer.proposal;
        if !self.signed(&offer) {
            return;
        }
        if p.height > self.next().plus(EARLY as u64) {
            self.behind = true;
            return;
        }
        self.early.retain(|o| o.proposal.proposer != p.proposer);
        self.early.push_back(offer);
        while self.early.len() > EARLY {
            self.early.pop_front();
        }
    }

    /// Whether its proposer votes on the next block, and signed it.
    fn signed(&self, offer: &Offer) -> bool {
        let p = &offer.proposal;
        let member = self.chain.roster().voter(p.proposer.0);
        member
            .zip(offer.signature)
            .is_some_and(|(m, s)| self.pen.seals.proposed(p, &m.key, &s))
    }

    /// Judges a proposed block of the next height, and keeps it if it is valid.
    pub(super) fn judge(&mut self, offer: Offer) -> Result<Option<ProposedValue<Ctx>>, Stop> {
        let p = offer.proposal;
        let view = view_of(p.round);
        let near = view.get() <= self.round.get().saturating_add(ROUNDS_AHEAD);
        if p.height != self.next() || !near || p.proposer.0 != self.chain.primary(view) {
            return Ok(None);
        }
        if !self.signed(&offer) {
            return Ok(None);
        }
        let same_round = |o: &&Offer| o.proposal.round == p.round;
        let offers = self.store.offers(p.height)?;
        if offers.iter().any(|o| o.proposal == p) {
            return Ok(Some(proposed(&p, Validity::Valid)));
        }
        if offers.iter().filter(same_round).count() >= OFFERS_A_ROUND {
            return Ok(None);
        }
        // A fresh block is not far ahead of this replica's clock; a locked one was judged before.
        let drift = self.chain.timeouts().drift_ms;
        let timely = p.pol_round != Round::Nil || offer.block.header().time <= now().plus_ms(drift);
        if !timely || self.chain.check(&offer.block, |_, _| false).is_err() {
            return Ok(Some(proposed(&p, Validity::Invalid)));
        }
        self.store.keep(&offer)?;
        Ok(Some(proposed(&p, Validity::Valid)))
    }

    /// A block the engine fetched, whose certificate it checked.
    pub(super) fn synced(
        &mut self,
        height: Height,
        round: Round,
        proposer: Address,
        bytes: &Bytes,
    ) -> Result<SyncedValueOutcome<Ctx>, Stop> {
        if height != self.next() {
            return Ok(SyncedValueOutcome::LocalTransientError);
        }
        let block = match Block::from_wire(bytes) {
            Ok(block) if block.height() == height => block,
            _ => return Ok(SyncedValueOutcome::PeerFault),
        };
        let proposal = Proposal {
            height,
            round,
            value: block.digest(),
            pol_round: Round::Nil,
            proposer,
        };
        if self.chain.check(&block, |_, _| false).is_err() {
            let value = proposed(&proposal, Validity::Invalid);
            return Ok(SyncedValueOutcome::Verdict(value));
        }
        self.store.keep(&Offer {
            proposal,
            signature: None,
            block: Arc::new(block),
        })?;
        self.fetched = height;
        let value = proposed(&proposal, Validity::Valid);
        Ok(SyncedValueOutcome::Verdict(value))
    }
}
