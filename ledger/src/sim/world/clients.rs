//! Clients of the simulated world.

use super::{Event, World};
use crate::digest::Digest;
use crate::height::ReplicaId;
use crate::pbft::effect::Delivery;
use crate::roster::simulated_members;
use crate::sim::checker::Violation;
use crate::sim::client::{Answer, Client};
use crate::sim::scenario::{Liar, Scenario, below};
use crate::teller::{self, Order};
use crate::wire::Wire;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

/// Clients ask again after this.
const CLIENT_MS: u64 = 400;

impl World<'_> {
    /// Whether a liar does not want to know of the first client's request.
    pub(super) fn starves(&self, who: usize, tx: &crate::block::Transaction) -> bool {
        let first_client = tx.bytes().get(..2) == Some(&[0, 0]);
        self.instances[who].liar == Some(Liar::Starver) && first_client
    }

    pub(super) fn ask(&mut self, client: usize) {
        let calm = self.scenario.calm_ms;
        let waited = self.clients[client]
            .waiting_since()
            .map_or(0, |sent| self.now.saturating_sub(sent.max(calm)));
        if waited > self.scenario.patience_ms {
            self.checker.report(Violation::Unanswered(1));
        }
        let Some((tx, attempts)) = self.clients[client].next(self.now) else {
            return;
        };
        self.checker.requested(&tx);
        if client == 0 && attempts == 0 {
            // The joiner is there when it is asked for.
            self.joined |= is_join(&tx);
        }
        if attempts == 0 {
            let to = below(&mut self.rng, self.instances.len() as u64) as usize;
            self.at(self.now + 1, Event::Submit(to, tx));
        } else {
            for to in 0..self.instances.len() {
                let delay = 1 + below(&mut self.rng, 5);
                self.at(self.now + delay, Event::Submit(to, tx.clone()));
            }
        }
        self.at(self.now + CLIENT_MS, Event::Ask(client));
    }

    pub(super) fn reply(&mut self, who: usize, delivery: &Delivery) {
        let id = self.instances[who].id;
        if self.instances[who].liar.is_some() {
            return;
        }
        let block = &delivery.decision.block;
        let results = block.transactions().iter().zip(&delivery.done.outcomes);
        let answers: Vec<_> = (0u32..)
            .zip(results)
            .map(|(i, (tx, outcome))| (tx.id(), (block.height(), i, outcome.clone())))
            .collect();
        for (tx, answer) in answers {
            self.answer(id, &tx, &answer);
        }
    }

    pub(super) fn answer(&mut self, from: ReplicaId, tx: &Digest, answer: &Answer) {
        let enough = self.scenario.faults_borne() + 1;
        for client in 0..self.clients.len() {
            let answered = self.clients[client].reply(from, tx, answer, enough);
            if let Some(answered) = answered {
                self.checker.answered(self.now, &answered);
                self.latencies_ms.push(self.now - answered.sent_ms);
                let pause = below(&mut self.rng, 30);
                self.at(self.now + pause, Event::Ask(client));
            }
        }
    }
}

fn is_join(tx: &crate::block::Transaction) -> bool {
    let slip = teller::Slip::from_wire(tx.bytes());
    slip.is_ok_and(|s| matches!(s.order, Order::Join(_)))
}

pub(super) fn draw_clients(scenario: &Scenario, rng: &mut ChaCha8Rng) -> Vec<Client> {
    let orders = |rng: &mut ChaCha8Rng, c: u16| {
        let mut todo: VecDeque<Order> = (0..scenario.requests)
            .map(|_| match below(rng, 8) {
                0..=3 => Order::Add(1 + below(rng, 9)),
                4..=6 => Order::Transfer {
                    from: below(rng, 64) as u16,
                    to: below(rng, 64) as u16,
                    amount: below(rng, 400),
                },
                _ => Order::Ready(ReplicaId::new(
                    below(rng, u64::from(scenario.replicas)) as u16
                )),
            })
            .collect();
        if c == 0 && scenario.joiner {
            let members = simulated_members(scenario.replicas + 1);
            if let Some(member) = members.last() {
                let at = todo.len() / 3;
                todo.insert(at, Order::Join(member.clone()));
                todo.push_back(Order::Leave(member.id));
                todo.push_back(Order::Add(1));
            }
        }
        todo
    };
    (0..scenario.clients)
        .map(|c| Client::new(c, orders(rng, c)))
        .collect()
}
