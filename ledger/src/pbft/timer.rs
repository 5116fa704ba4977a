//! Deadlines. Lines 18 and 23, and what is sent again (line 35).

use crate::application::{Application, Pool, Timeouts};
use crate::digest::Digest;
use crate::height::{Height, Time};
use crate::pbft::message::Message;
use crate::pbft::replica::{Mode, Replica};
use crate::rules::Rule;

/// How many waiting requests are passed on at once.
const PASSED_ON: usize = 16;

/// What a replica waits for. Times are of its own clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    /// A known request must be committed by then.
    pub(crate) progress: Option<Time>,
    /// The view wished for must be entered by then.
    pub(crate) change: Option<Time>,
    /// Then everything current is sent again.
    pub(crate) resend: Option<Time>,
    /// No proposal before.
    pub(crate) not_before: Time,
    /// Views that failed since the last committed block.
    pub(crate) failures: u32,
    /// The request that waits longest, and how many blocks with room left it out.
    pub(crate) oldest: Option<Digest>,
    pub(crate) passed_over: u32,
    /// The height, and the request that waited longest, when things were last sent again.
    pub(crate) seen: (Height, Option<Digest>),
    /// Whether a proposal waits for `not_before`.
    pub(crate) paced: bool,
}

impl Timers {
    /// The next deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        let paced = self.paced.then_some(self.not_before);
        [self.progress, self.change, self.resend, paced]
            .into_iter()
            .flatten()
            .min()
    }

    /// Only committed work stops the timer and its doubling.
    pub(crate) fn committed(&mut self, now: Time, timeouts: &Timeouts) {
        self.progress = None;
        self.failures = 0;
        self.not_before = now.plus_ms(timeouts.interval_ms);
    }

    /// T after so many failures.
    fn patience_ms(&self, timeouts: &Timeouts, doubling: bool) -> u64 {
        let doublings = if doubling { self.failures.min(20) } else { 0 };
        (timeouts.request_ms << doublings).min(timeouts.ceiling_ms.max(timeouts.request_ms))
    }
}

impl<A: Application> Replica<A> {
    /// Sets what is not set yet, after every step.
    pub(crate) fn arm(&mut self) {
        let timeouts = *self.chain.timeouts();
        let doubling = self.rules.keep(Rule::TimersDouble);
        let patience = self.timers.patience_ms(&timeouts, doubling);
        let waiting = !self.pool.is_empty() || self.slot.accepted.is_some();
        let primary = self.chain.primary(self.view) == self.id;
        let watched = self.rules.keep(Rule::BackupsArmTimer) || primary;
        if self.mode == Mode::Normal && waiting && self.votes() && watched {
            // 2: a known request starts the timer.
            self.timers
                .progress
                .get_or_insert(self.now.plus_ms(patience));
        } else {
            self.timers.progress = None;
        }
        if self.mode == Mode::Changing && self.wishes_from(self.view) >= self.quorum() {
            // 21: T starts when a quorum wishes for the view or a later one.
            if self.timers.change.is_none() {
                self.at(21);
                self.timers.change = Some(self.now.plus_ms(patience));
            }
        } else {
            self.timers.change = None;
        }
        let busy = waiting || self.mode == Mode::Changing || self.transfer.is_some();
        let pause = if busy {
            timeouts.resend_ms
        } else {
            timeouts.heartbeat_ms
        };
        let resend = self.now.plus_ms(pause.max(1));
        self.timers.resend = Some(self.timers.resend.map_or(resend, |r| r.min(resend)));
        self.timers.paced = primary
            && self.mode == Mode::Normal
            && !self.pool.is_empty()
            && self.slot.accepted.is_none()
            && self.timers.not_before > self.now;
    }

    pub(crate) fn tick(&mut self) {
        let due = |t: Option<Time>, now: Time| t.is_some_and(|t| t <= now);
        self.propose();
        if due(self.timers.resend, self.now) {
            self.timers.resend = None;
            self.send_again();
        }
        if due(self.timers.change, self.now) {
            // 23: the new proposer failed too: the next view, with twice the patience.
            self.at(23);
            self.timers.change = None;
            self.give_up();
        } else if due(self.timers.progress, self.now) {
            // 18: no committed block in time.
            self.timers.progress = None;
            self.drop_stale();
            if !self.pool.is_empty() || self.slot.accepted.is_some() {
                self.give_up();
            }
        }
    }

    /// Line 18, too: a primary that keeps leaving the oldest request out.
    pub(crate) fn end_starvation(&mut self) {
        if self.starved() {
            self.timers.passed_over = 0;
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        self.timers.failures = self.timers.failures.saturating_add(1);
        self.change_view(self.view.next());
    }

    /// Whether the primary keeps leaving the oldest request out.
    fn starved(&self) -> bool {
        self.mode == Mode::Normal
            && self.rules.keep(Rule::NoStarvation)
            && self.timers.passed_over >= self.chain.timeouts().passed_over
            && self.pool.oldest().is_some_and(|tx| {
                Some(tx.id()) == self.timers.oldest && self.chain.app().check_tx(tx).is_ok()
            })
    }

    /// Line 35: the current votes, wish and position again, and the oldest requests to everyone.
    fn send_again(&mut self) {
        self.at(35);
        self.broadcast(Message::Status(self.position()));
        self.ask_for_chunk();
        let oldest = self.pool.oldest().map(|tx| tx.id());
        let seen = std::mem::replace(&mut self.timers.seen, (self.chain.height(), oldest));
        let moving = seen.0 != self.chain.height() && self.mode == Mode::Normal;
        if self.votes() && !moving {
            let mut again = Vec::new();
            if self.mode == Mode::Normal
                && let Some((ballot, block)) = &self.slot.accepted
            {
                if ballot.from == self.id {
                    again.push(Message::PrePrepare(*ballot, block.clone()));
                }
                let prepare = self.slot.prepares.get(&self.id);
                again.extend(prepare.map(|b| Message::Prepare(*b)));
            }
            let commit = self.slot.commits.get(&self.id);
            again.extend(commit.map(|b| Message::Commit(*b)));
            if let Some(wish) = &self.own_wish {
                let prepared = self.slot.prepared.as_ref().map(|(_, b)| b.clone());
                let block = wish.prepared.as_ref().and(prepared);
                again.push(Message::ViewChange(wish.clone(), block));
            }
            again.into_iter().for_each(|m| self.broadcast(m));
        }
        if oldest.is_none() || seen.1 != oldest {
            return;
        }
        let mut requests = Vec::new();
        self.pool.each(&mut |tx| {
            requests.push(tx.clone());
            requests.len() < PASSED_ON
        });
        requests
            .into_iter()
            .for_each(|tx| self.broadcast(Message::Request(tx)));
    }
}
