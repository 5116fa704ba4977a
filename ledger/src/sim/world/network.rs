//! Messages on their way: delayed, lost, doubled, kept back.

use super::{Event, World};
use crate::height::ReplicaId;
use crate::pbft::message::Message;
use crate::sim::checker::Violation;
use crate::sim::liar::Voice;
use crate::sim::scenario::{Liar, below, chance};
use crate::wire::Wire;
use std::sync::Arc;

impl World<'_> {
    pub(super) fn send(&mut self, who: usize, to: Option<ReplicaId>, message: &Arc<Message>) {
        let from = self.instances[who].id;
        if self.instances[who].liar.is_none() {
            self.checker.sent(from, message);
        }
        for other in 0..self.instances.len() {
            let id = self.instances[other].id;
            if id == from || to.is_some_and(|t| t != id) {
                continue;
            }
            if let Some(liar) = self.instances[who].liar
                && liar != Liar::Twins
            {
                let mut memory = std::mem::take(&mut self.instances[who].memory);
                let mut voice = Voice {
                    id: from,
                    liar,
                    domain: &self.domain,
                    rng: &mut self.rng,
                    memory: &mut memory,
                };
                let said = voice.speak(id, message);
                self.instances[who].memory = memory;
                said.iter().for_each(|m| self.transmit(who, other, m));
            } else {
                self.transmit(who, other, message);
            }
        }
    }

    fn transmit(&mut self, who: usize, to: usize, message: &Arc<Message>) {
        let (from, id) = (self.instances[who].id, self.instances[to].id);
        let joiner = ReplicaId::new(self.scenario.replicas);
        let apart = !self.joined && (from == joiner || id == joiner);
        let bit = |id: ReplicaId| 1u64 << (id.get() % 64);
        let unheard =
            self.instances[who].circle & bit(id) == 0 || self.instances[to].circle & bit(from) == 0;
        if apart || unheard {
            return;
        }
        let calm = self.now >= self.scenario.calm_ms;
        if let Some((side, until)) = self.partition
            && self.now < until
            && !calm
        {
            let of = |id: ReplicaId| side >> (id.get() % 32) & 1;
            if of(from) != of(id) {
                return;
            }
        }
        let network = self.scenario.network;
        let (slowest, loss, duplicates) = if calm {
            (self.scenario.calm_delay_ms, 0, 0)
        } else {
            (network.delay_ms, network.loss, network.duplicates)
        };
        if chance(&mut self.rng, loss) {
            return;
        }
        let mut message = message.clone();
        if chance(&mut self.rng, network.encoded) && crate::pbft::message::coherent(&message) {
            match Message::from_wire(&message.to_wire()) {
                Ok(decoded) if decoded == *message => message = Arc::new(decoded),
                _ => self.checker.violations.push(Violation::Codec("message")),
            }
        }
        let copies = if chance(&mut self.rng, duplicates) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let delay = 1 + below(&mut self.rng, slowest);
            let delivery = Event::Deliver(to, from, message.clone());
            self.at(self.now + delay, delivery);
        }
    }
}

pub(super) fn brief(message: &Message) -> String {
    let name = match message {
        Message::Request(tx) => return format!("REQUEST {tx:?}"),
        Message::PrePrepare(..) => "PRE-PREPARE",
        Message::Prepare(_) => "PREPARE",
        Message::Commit(_) => "COMMIT",
        Message::Checkpoint(_) => "CHECKPOINT",
        Message::ViewChange(vc, _) => {
            let p = vc.prepared.as_ref().map(|p| (p.view, p.digest));
            let b = &vc.ballot;
            return format!("VIEW-CHANGE v {} h {} P {p:?}", b.view, b.height);
        }
        Message::NewView(nv, _) => {
            let o = nv.proposal.map(|p| p.digest);
            return format!("NEW-VIEW v {} h {} O {o:?}", nv.ballot.view, nv.height());
        }
        Message::Status(p) => return format!("{p:?}"),
        Message::Fetch(h) => return format!("FETCH {h}"),
        Message::Decided(d) => return format!("DECIDED {} blocks", d.len()),
        Message::Offer(o) => return format!("OFFER {}", o.proof.height),
        Message::FetchChunk(h, i) => return format!("FETCH-CHUNK {h} {i}"),
        Message::Chunk(h, i, _) => return format!("CHUNK {h} {i}"),
    };
    let b = message.ballot();
    let place = b.map(|b| format!("e {} v {} n {} {:?}", b.epoch, b.view, b.height, b.digest));
    format!("{name} {}", place.unwrap_or_default())
}
