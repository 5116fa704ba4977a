//! What replicas do on their machines: start, step, write, crash.

use super::{Batch, Event, Seen, World};
use crate::chain::Chain;
use crate::height::{Height, Time};
use crate::pbft::effect::{Effect, Write};
use crate::pbft::message::Message;
use crate::pbft::{Config, Input, Replica};
use crate::pool::PoolLimits;
use crate::rules::{Rule, Rules};
use crate::sim::liar::key_of;
use crate::sim::scenario::{Fault, Liar, below};
use crate::teller;
use std::sync::Arc;

impl World<'_> {
    pub(super) fn strike(&mut self, fault: Fault) {
        self.tell(|| format!("{fault:?}"));
        match fault {
            Fault::Crash {
                replica, for_ms, ..
            } => {
                let who = self.instances.iter().position(|i| i.id.get() == replica);
                if let Some(who) = who {
                    self.crash(who, for_ms);
                }
            }
            Fault::CrashAll { for_ms, .. } => {
                for who in 0..self.instances.len() {
                    self.crash(who, for_ms);
                }
            }
            Fault::Partition { for_ms, side, .. } => {
                self.partition = Some((side, self.now + for_ms));
            }
        }
    }

    /// Stops an instance: what was not synced is lost.
    fn crash(&mut self, who: usize, for_ms: u64) {
        let instance = &mut self.instances[who];
        let Some(replica) = instance.replica.take() else {
            return;
        };
        if instance.liar.is_none() {
            self.coverage.add(replica.coverage());
        }
        instance.queue.clear();
        instance.tick = None;
        instance.life += 1;
        let life = instance.life;
        let back = (self.now + for_ms).min(self.scenario.calm_ms.max(self.now + 1));
        self.at(back, Event::Restart(who, life));
    }

    pub(super) fn boot(&mut self, who: usize) {
        let scenario = self.scenario;
        let instance = &mut self.instances[who];
        let rules = match instance.liar {
            None => Rules::without(scenario.broken),
            Some(Liar::Rogue(rule)) => Rules::without(Some(rule)),
            Some(_) => Rules::ALL,
        };
        let (mut teller, recovered) = instance.disk.recover();
        teller.durable = scenario.prune;
        if let Some((id, height)) = scenario.miscounts
            && id == instance.id
        {
            teller.fault = teller::Fault::Miscounts(height);
        }
        let chain = Chain::with_rules(self.genesis.clone(), teller, self.domain.clone(), rules);
        let Some(key) = key_of(instance.id) else {
            return;
        };
        let config = Config {
            id: instance.id,
            key,
            pool: PoolLimits::default(),
        };
        let replica = Replica::recover_with_rules(config, chain, recovered, rules);
        match replica {
            Ok(replica) => {
                instance.replica = Some(replica);
                self.step(who, Input::Start);
            }
            Err(_) => {
                let id = instance.id;
                self.checker.halted(id, Height::default());
            }
        }
    }

    pub(super) fn step(&mut self, who: usize, input: Input) {
        let local = self.local(who);
        let instance = &mut self.instances[who];
        let Some(replica) = &mut instance.replica else {
            return;
        };
        let effects = replica.step(input, local);
        let honest = instance.liar.is_none();
        if honest {
            let (kept, members) = (replica.buffered(), usize::from(self.scenario.replicas) + 1);
            self.checker.kept(instance.id, kept, members);
        }
        let deadline = replica.deadline();
        self.plan_tick(who, deadline);
        let mut batch = Batch {
            writes: Vec::new(),
            then: Vec::new(),
        };
        for effect in effects {
            match effect {
                Effect::Persist(write) => {
                    if let Write::Decided(delivery) = &write
                        && honest
                    {
                        let id = self.instances[who].id;
                        self.checker.decided(id, delivery);
                        self.tell(|| format!("{id} decides {}", delivery.decision.block.height()));
                    }
                    batch.writes.push(write);
                }
                other => batch.then.push(other),
            }
        }
        let unsafe_order = self.scenario.broken == Some(Rule::PersistBeforeSend) && honest
            || self.instances[who].liar == Some(Liar::Rogue(Rule::PersistBeforeSend));
        if unsafe_order {
            let then = std::mem::take(&mut batch.then);
            self.carry_out(who, then);
        }
        self.enqueue(who, batch);
    }

    fn plan_tick(&mut self, who: usize, deadline: Option<Time>) {
        let Some(deadline) = deadline else { return };
        let local = self.local(who);
        let at = self.now + deadline.since_ms(local).max(1);
        let instance = &mut self.instances[who];
        if instance.tick.is_none_or(|t| at < t) {
            instance.tick = Some(at);
            self.at(at, Event::Tick(who, at));
        }
    }

    /// Writes wait for the disk; what follows a write waits with it.
    fn enqueue(&mut self, who: usize, batch: Batch) {
        let idle = self.instances[who].queue.is_empty();
        if batch.writes.is_empty() && batch.then.is_empty() {
            return;
        }
        if batch.writes.is_empty() && idle {
            self.carry_out(who, batch.then);
            return;
        }
        self.instances[who].queue.push_back(batch);
        if idle {
            self.begin_sync(who);
        }
    }

    fn begin_sync(&mut self, who: usize) {
        let slow = if self.now < self.scenario.calm_ms {
            self.scenario.disk_ms
        } else {
            1
        };
        let takes = below(&mut self.rng, slow + 1);
        let life = self.instances[who].life;
        self.at(self.now + takes, Event::Synced(who, life));
    }

    /// The first write is on disk: it and what waited behind it only for order may go on.
    pub(super) fn synced(&mut self, who: usize) {
        self.complete_front(who);
        while self.instances[who]
            .queue
            .front()
            .is_some_and(|b| b.writes.is_empty())
        {
            self.complete_front(who);
        }
        if !self.instances[who].queue.is_empty() {
            self.begin_sync(who);
        }
    }

    fn complete_front(&mut self, who: usize) {
        let Some(batch) = self.instances[who].queue.pop_front() else {
            return;
        };
        let mut stored = None;
        for write in &batch.writes {
            if let Some(onlooker) = &mut self.onlooker {
                onlooker(Seen::Synced(write));
            }
            self.instances[who].disk.write(write);
            match write {
                Write::Decided(d) => {
                    stored = Some(d.decision.block.height());
                }
                Write::Restored(c) => stored = Some(c.proof.height),
                _ => {}
            }
        }
        self.carry_out(who, batch.then);
        if let Some(height) = stored
            && self.instances[who].replica.is_some()
        {
            self.step(who, Input::Stored(height));
            let prune = self.scenario.prune;
            let instance = &mut self.instances[who];
            if prune
                && let Some(replica) = &instance.replica
                && replica.chain().height() == height
            {
                instance.disk.save(replica.chain().app());
            }
        }
    }

    fn carry_out(&mut self, who: usize, effects: Vec<Effect>) {
        for effect in effects {
            let (id, honest) = (self.instances[who].id, self.instances[who].liar.is_none());
            match effect {
                Effect::Send(to, message) => self.send(who, Some(to), &message),
                Effect::Broadcast(message) => self.send(who, None, &message),
                Effect::Deliver(delivery) => self.reply(who, &delivery),
                Effect::Serve(to, from) => match self.instances[who].disk.serve(from) {
                    Some(decisions) if decisions.is_empty() => {}
                    Some(decisions) => {
                        let message = Arc::new(Message::Decided(decisions));
                        self.send(who, Some(to), &message);
                    }
                    None => self.step(who, Input::Dropped(to)),
                },
                Effect::Resend(tx, height, index) => {
                    let outcome = self.instances[who].disk.outcome(&tx, height, index);
                    if let Some(outcome) = outcome {
                        self.answer(id, &tx, &(height, index, outcome));
                    }
                }
                Effect::Diverged(divergence) if honest => self.checker.diverged(&divergence),
                Effect::Halt(height) if honest => self.checker.halted(id, height),
                Effect::Persist(_) | Effect::Caught(_) | Effect::Diverged(_) | Effect::Halt(_) => {}
            }
        }
    }
}
