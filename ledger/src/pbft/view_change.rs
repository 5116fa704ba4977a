//! Changing the view: VIEW-CHANGE and NEW-VIEW. Lines 18 to 26.

use crate::application::Application;
use crate::block::Block;
use crate::certificate::Ballot;
use crate::digest::Digest;
use crate::height::{Height, ReplicaId, View};
use crate::identity::Kind;
use crate::pbft::effect::{Effect, Write};
use crate::pbft::message::{Message, NewView, Prepared, ViewChange};
use crate::pbft::replica::{Mode, Replica};
use crate::rules::Rule;
use std::sync::Arc;

impl<A: Application> Replica<A> {
    /// Line 18: leaves the view and wishes for `target`.
    pub(crate) fn change_view(&mut self, target: View) {
        if !self.votes() || target <= self.view {
            return;
        }
        self.at(18);
        self.view = target;
        self.mode = Mode::Changing;
        self.slot.forced = None;
        if self.rules.keep(Rule::SilentAfterViewChange) {
            self.slot.accepted = None;
        }
        self.timers.progress = None;
        self.timers.change = None;
        self.wish();
    }

    /// After a certified block arrived while changing: the same wish from the new height. One made at
    /// this height before a restart stays as it was signed.
    pub(crate) fn wish_again(&mut self) {
        if !self.votes() {
            return;
        }
        let made = |w: &Arc<ViewChange>| {
            let b = &w.ballot;
            let epoch = self.chain.roster().epoch();
            (b.epoch, b.view, b.height) == (epoch, self.view, self.chain.height())
        };
        let Some(wish) = self.own_wish.clone().filter(made) else {
            return self.wish();
        };
        let block = self.slot.prepared.as_ref().map(|(_, b)| b.clone());
        let block = wish.prepared.as_ref().and(block);
        self.wishes.insert(self.id, (wish.clone(), block.clone()));
        self.persist_votes();
        self.broadcast(Message::ViewChange(wish, block));
        self.check_wishes();
    }

    fn wish(&mut self) {
        let height = self.chain.height();
        let roster = self.chain.roster().digest();
        let certificate = self.chain.certificate().cloned();
        let carried = self.rules.keep(Rule::ViewChangeCarriesPrepared);
        let prepared = self.slot.prepared.clone().filter(|_| carried);
        let (prepared, block) = prepared.map_or((None, None), |(p, b)| (Some(p), Some(b)));
        let content = ViewChange::content(roster, certificate.as_ref(), prepared.as_ref());
        let wish = Arc::new(ViewChange {
            ballot: self.ballot(Kind::ViewChange, self.view, height, content),
            roster,
            certificate,
            prepared,
        });
        self.own_wish = Some(wish.clone());
        self.wishes.insert(self.id, (wish.clone(), block.clone()));
        self.persist_votes();
        self.broadcast(Message::ViewChange(wish, block));
        self.check_wishes();
    }

    /// Line 19: another's VIEW-CHANGE. What cannot be proven spoils only the message it is in.
    pub(crate) fn on_view_change(
        &mut self,
        from: ReplicaId,
        wish: &Arc<ViewChange>,
        block: Option<&Arc<Block>>,
    ) {
        if wish.ballot.epoch != self.chain.roster().epoch() {
            return;
        }
        let left_behind = wish.ballot.view < self.view
            || (wish.ballot.view == self.view && self.mode == Mode::Normal);
        if left_behind {
            self.show_view(from);
            return;
        }
        if !self.certified(wish) {
            return;
        }
        if wish.ballot.height > self.chain.height() {
            self.fetch(from);
        }
        if wish.ballot.height == self.chain.height()
            && self.rules.keep(Rule::InvalidPreparedIsolated)
        {
            let sound = wish.prepared.as_ref().is_none_or(|p| {
                let here = block.is_some() || self.body(&p.digest).is_some();
                here && self.proven(p, wish.ballot.view)
            });
            if !sound {
                return;
            }
        }
        self.at(19);
        let rank = |w: &ViewChange| (w.ballot.view, w.ballot.height);
        let old = self.wishes.get(&wish.ballot.from);
        if old.is_none_or(|(o, _)| rank(o) < rank(wish)) {
            let block = block.cloned();
            self.wishes.insert(wish.ballot.from, (wish.clone(), block));
            self.check_wishes();
        }
    }

    /// C holds, and the wish is counted in this roster.
    fn certified(&self, wish: &ViewChange) -> bool {
        let height = wish.ballot.height;
        let certificate = match &wish.certificate {
            None => height == Height::default(),
            Some(c) => {
                let own = self.chain.certificate() == Some(c);
                let verified = || {
                    let roster = self.chain.roster_at(height);
                    roster.is_some_and(|r| c.verify(self.chain.domain(), r).is_ok())
                };
                c.height == height && (own || verified())
            }
        };
        certificate && wish.roster == self.chain.roster().digest()
    }

    /// P is a quorum's work in an earlier view of the next height.
    fn proven(&self, prepared: &Prepared, wished: View) -> bool {
        if !self.rules.keep(Rule::PreparedIsProven) {
            return true;
        }
        let proposer = self.chain.primary(prepared.view);
        prepared.height == self.chain.height().next()
            && prepared.view < wished
            && prepared.verify(self.chain.domain(), self.chain.roster(), proposer)
    }

    /// How many wish for this view or have gone past it: they no longer vote below it, and their
    /// own wish for it may have been lost.
    pub(crate) fn wishes_from(&self, view: View) -> usize {
        let there = self.wishes.values().filter(|(w, _)| w.ballot.view >= view);
        there.count()
    }

    /// Lines 20 and 22.
    pub(crate) fn check_wishes(&mut self) {
        let higher: Vec<View> = self
            .wishes
            .values()
            .map(|(w, _)| w.ballot.view)
            .filter(|v| *v > self.view)
            .collect();
        if higher.len() >= self.chain.roster().weak_quorum()
            && let Some(smallest) = higher.into_iter().min()
        {
            // 20: an honest replica has given up: join.
            self.at(20);
            self.change_view(smallest);
            return;
        }
        if self.mode == Mode::Changing && self.votes() && self.chain.primary(self.view) == self.id {
            self.open_view();
        }
    }

    fn enough(&self) -> usize {
        if self.rules.keep(Rule::NewViewNeedsQuorum) {
            self.quorum()
        } else {
            self.chain.roster().weak_quorum()
        }
    }

    /// Line 22: the new proposer opens the view with a quorum of wishes and what they force.
    fn open_view(&mut self) {
        let height = self.chain.height();
        let usable = |w: &ViewChange| w.ballot.view == self.view && w.ballot.height <= height;
        let wishes = self.wishes.values().filter(|(w, _)| usable(w));
        let sound: Vec<ViewChange> = wishes
            .filter(|(w, _)| {
                let now_provable = w.ballot.height == height;
                !self.rules.keep(Rule::InvalidPreparedIsolated)
                    || !now_provable
                    || w.prepared
                        .as_ref()
                        .is_none_or(|p| self.proven(p, w.ballot.view))
            })
            .map(|(w, _)| (**w).clone())
            .collect();
        let newest = sound.iter().any(|w| w.ballot.height == height);
        if sound.len() < self.enough() || !newest {
            return;
        }
        let forced = self.forced(&sound, height);
        let block = forced.and_then(|digest| self.body(&digest));
        if forced.is_some() && block.is_none() {
            return;
        }
        self.at(22);
        let proposal =
            forced.map(|digest| self.ballot(Kind::PrePrepare, self.view, height.next(), digest));
        let content = NewView::content(&sound, proposal.as_ref());
        let new_view = Arc::new(NewView {
            ballot: self.ballot(Kind::NewView, self.view, height, content),
            view_changes: sound,
            proposal,
        });
        self.enter_view(&new_view, forced);
        if let (Some(ballot), Some(block)) = (proposal, &block) {
            self.slot.accepted = Some((ballot, block.clone()));
            self.effects
                .push(Effect::Persist(Write::Body(block.clone())));
            self.persist_votes();
        }
        self.broadcast(Message::NewView(new_view, block));
        self.check_prepared();
        self.replay_later();
        self.propose();
    }

    /// O: the digest prepared in the highest view, among the wishes from `height`.
    fn forced(&self, wishes: &[ViewChange], height: Height) -> Option<Digest> {
        let there = wishes.iter().filter(|w| w.ballot.height == height);
        let claims = there.filter_map(|w| w.prepared.as_ref().map(|p| (w, p)));
        let claims: Vec<&Prepared> = claims.map(|(_, p)| p).collect();
        if !self.rules.keep(Rule::InvalidPreparedIsolated)
            && claims.iter().any(|p| !self.proven(p, self.view.next()))
        {
            return None;
        }
        let chosen = if self.rules.keep(Rule::HighestPreparedWins) {
            claims.iter().max_by_key(|p| p.view)
        } else {
            claims.iter().min_by_key(|p| p.view)
        };
        chosen.map(|p| p.digest)
    }

    /// Lines 24-26: a NEW-VIEW. The backup computes O itself.
    pub(crate) fn on_new_view(
        &mut self,
        from: ReplicaId,
        new_view: &Arc<NewView>,
        block: Option<&Arc<Block>>,
        message: &Arc<Message>,
    ) {
        let ballot = &new_view.ballot;
        let old = ballot.view < self.view
            || (ballot.view == self.view && self.mode == Mode::Normal)
            || ballot.epoch != self.chain.roster().epoch();
        if old || !self.wishes_hold(new_view) {
            return;
        }
        let (height, asserted) = (self.chain.height(), new_view.height());
        if asserted > height {
            // 26: the certificate in V proves a block this replica lacks.
            self.at(26);
            self.keep_for_later(message);
            self.fetch(from);
            return;
        }
        if asserted < height {
            // 25: nothing in V is about the next height; V alone opens the view.
            self.at(25);
            self.enter_view(new_view, None);
            self.replay_later();
            self.propose();
            return;
        }
        if self.chain.primary(ballot.view) != ballot.from {
            return;
        }
        let there = new_view.view_changes.iter();
        let mut claims = there.filter(|w| w.ballot.height == height);
        let proven = claims.all(|w| {
            let claim = w.prepared.as_ref();
            claim.is_none_or(|p| self.proven(p, ballot.view))
        });
        let forced = self.forced(&new_view.view_changes, height);
        let proposed = new_view.proposal.map(|p| p.digest);
        let recomputed = !self.rules.keep(Rule::NewViewRecomputed) || forced == proposed;
        let isolated = self.rules.keep(Rule::InvalidPreparedIsolated);
        if (isolated && !proven) || !recomputed || !self.proposal_fits(new_view) {
            return;
        }
        self.at(24);
        self.enter_view(new_view, proposed);
        if let (Some(proposal), Some(block)) = (new_view.proposal, block) {
            self.accept(&proposal, block);
        }
        self.replay_later();
        self.propose();
    }

    fn proposal_fits(&self, new_view: &NewView) -> bool {
        let Some(p) = &new_view.proposal else {
            return true;
        };
        p.kind == Kind::PrePrepare
            && p.from == new_view.ballot.from
            && p.view == new_view.ballot.view
            && p.height == self.chain.height().next()
            && p.verify(self.chain.domain(), self.chain.roster())
    }

    /// V is a quorum of distinct, signed, certified wishes for this view.
    fn wishes_hold(&self, new_view: &NewView) -> bool {
        let wishes = &new_view.view_changes;
        let sorted = wishes.windows(2).all(|w| match w {
            [a, b] => a.ballot.from < b.ballot.from,
            _ => true,
        });
        let (domain, roster) = (self.chain.domain(), self.chain.roster());
        sorted
            && wishes.len() >= self.enough()
            && wishes.iter().all(|w| {
                let known = self.wishes.get(&w.ballot.from);
                let known = known.is_some_and(|(k, _)| **k == *w);
                w.ballot.view == new_view.ballot.view
                    && w.coherent()
                    && (known || (w.ballot.verify(domain, roster) && self.certified(w)))
            })
    }

    /// Line 25: votes in the view from now on.
    fn enter_view(&mut self, new_view: &Arc<NewView>, forced: Option<Digest>) {
        self.view = new_view.ballot.view;
        self.mode = Mode::Normal;
        self.own_wish = None;
        self.slot.accepted = None;
        self.slot.forced = forced;
        self.new_view = Some(new_view.clone());
        self.timers.change = None;
        self.timers.progress = None;
        let view = self.view;
        self.wishes.retain(|_, (w, _)| w.ballot.view > view);
        self.effects
            .push(Effect::Persist(Write::NewView(new_view.clone())));
        self.persist_votes();
    }

    /// Line 30: shows a replica that was left behind the NEW-VIEW of this view, or this wish.
    pub(crate) fn show_view(&mut self, to: ReplicaId) {
        if !self.may_help(to) {
            return;
        }
        self.at(30);
        if let Some(new_view) = self.new_view.clone()
            && self.mode == Mode::Normal
        {
            let proposal: Option<&Ballot> = new_view.proposal.as_ref();
            let block = proposal.and_then(|p| self.body(&p.digest));
            if block.is_some() || proposal.is_none() {
                self.send(to, Message::NewView(new_view, block));
            }
        }
    }
}
