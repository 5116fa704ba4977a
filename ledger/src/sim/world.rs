//! The simulated world: instances, network, disks, clocks, clients; one event after another.

use crate::application::{Genesis, Limits, Timeouts};
use crate::chain::Chain;
use crate::digest::{Digest, Purpose};
use crate::height::{Height, ReplicaId, Time};
use crate::identity::Domain;
use crate::pbft::effect::{Delivery, Effect, Write};
use crate::pbft::message::Message;
use crate::pbft::{Config, Coverage, Input, Replica};
use crate::pool::PoolLimits;
use crate::roster::{Roster, simulated_members};
use crate::rules::{Rule, Rules};
use crate::sim::checker::{Checker, Violation};
use crate::sim::client::Client;
use crate::sim::disk::Disk;
use crate::sim::liar::{Memory, Voice, key_of};
use crate::sim::scenario::{Fault, Liar, Scenario, below, chance};
use crate::teller::{self, Order, Teller};
use crate::wire::Wire;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::sync::Arc;

/// Local clocks read this at the start of the world.
const START_MS: u64 = 1_700_000_000_000;
/// No run takes more events.
const MAX_EVENTS: u64 = 2_000_000;
/// Clients ask again after this.
const CLIENT_MS: u64 = 400;

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Report {
    /// What must not happen and did.
    pub violations: Vec<Violation>,
    /// A digest of every event in order: equal for equal scenarios.
    pub history: Digest,
    /// Events.
    pub events: u64,
    /// Blocks decided.
    pub height: Height,
    /// Messages delivered.
    pub messages: u64,
    /// How many of them carried a signature to verify.
    pub signed: u64,
    /// From a request's first sending to its answer, one each.
    pub latencies_ms: Vec<u64>,
    /// How often each line of the pseudo-code ran, over honest replicas.
    pub coverage: Coverage,
    /// The last events, newest last.
    pub trace: Vec<String>,
}

/// What [`run_watched`] shows.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// A replica received this.
    Delivered(&'a Message),
    /// A replica has this on its disk.
    Synced(&'a Write),
}

type Onlooker<'a> = &'a mut dyn FnMut(Seen<'_>);

enum Event {
    Deliver(usize, ReplicaId, Arc<Message>),
    Submit(usize, crate::block::Transaction),
    Tick(usize, u64),
    Synced(usize, u32),
    Strike(Fault),
    Restart(usize, u32),
    Ask(usize),
    Redraw,
}

/// What waits for a sync: the writes of one step, then what may follow.
struct Batch {
    writes: Vec<Write>,
    then: Vec<Effect>,
}

struct Instance {
    id: ReplicaId,
    replica: Option<Replica<Teller>>,
    disk: Disk,
    queue: VecDeque<Batch>,
    life: u32,
    skew_ms: i64,
    tick: Option<u64>,
    liar: Option<Liar>,
    memory: Memory,
    /// Whom a twin hears and speaks to; all for others.
    circle: u64,
}

struct World<'a> {
    scenario: &'a Scenario,
    rng: ChaCha8Rng,
    domain: Domain,
    genesis: Arc<Genesis>,
    instances: Vec<Instance>,
    clients: Vec<Client>,
    checker: Checker,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    serial: u64,
    now: u64,
    partition: Option<(u32, u64)>,
    joined: bool,
    messages: u64,
    signed: u64,
    latencies_ms: Vec<u64>,
    onlooker: Option<Onlooker<'a>>,
    hasher: Vec<u8>,
    history: Digest,
    coverage: Coverage,
    trace: VecDeque<String>,
    tracing: bool,
}

/// Runs a scenario to its end or its first violation.
#[must_use]
pub fn run(scenario: &Scenario) -> Report {
    let mut world = World::new(scenario, false);
    world.go()
}

/// [`run`], keeping the last events as text.
#[must_use]
pub fn run_traced(scenario: &Scenario) -> Report {
    let mut world = World::new(scenario, true);
    world.go()
}

/// [`run`], showing every message delivered and every write synced.
pub fn run_watched(scenario: &Scenario, onlooker: &mut dyn FnMut(Seen<'_>)) -> Report {
    let mut world = World::new(scenario, false);
    world.onlooker = Some(onlooker);
    world.go()
}

/// What the world of a scenario begins with.
pub(crate) fn genesis(scenario: &Scenario) -> Genesis {
    let members = simulated_members(scenario.replicas);
    let Ok(roster) = Roster::first(members) else {
        unreachable!("a scenario has at least four replicas");
    };
    Genesis {
        name: "simulation".into(),
        time: Time::new(START_MS - 1),
        roster,
        policy: scenario.policy.clone(),
        timeouts: Timeouts {
            request_ms: scenario.request_ms,
            ceiling_ms: scenario.request_ms * 32,
            resend_ms: 100,
            heartbeat_ms: 400,
            interval_ms: 0,
            drift_ms: 5_000,
            passed_over: 8,
            suspend_after: 3,
        },
        limits: Limits::default(),
        checkpoint_every: scenario.checkpoint_every,
        app_state: Vec::new(),
    }
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, tracing: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(scenario.seed ^ 0x5eed);
        let genesis = Arc::new(genesis(scenario));
        let separate = scenario.broken != Some(Rule::KindsSeparated);
        let domain = Domain::simulated(genesis.digest(), separate);
        let liars: BTreeMap<ReplicaId, Liar> = scenario.liars.iter().copied().collect();
        let members = scenario.replicas + u16::from(scenario.joiner);
        let ids = (0..members).map(ReplicaId::new);
        let honest: BTreeSet<ReplicaId> = ids.clone().filter(|i| !liars.contains_key(i)).collect();
        let mut checker = Checker::new(&genesis, domain.clone(), honest);
        if let Some((id, _)) = scenario.miscounts {
            checker.expect_halt(id);
        }
        let mut instances = Vec::new();
        for id in ids {
            let liar = liars.get(&id).copied();
            let copies = if liar == Some(Liar::Twins) { 2 } else { 1 };
            for _ in 0..copies {
                let skew = below(&mut rng, 2 * scenario.skew_ms + 1) as i64;
                instances.push(Instance {
                    id,
                    replica: None,
                    disk: Disk::default(),
                    queue: VecDeque::new(),
                    life: 0,
                    skew_ms: skew - scenario.skew_ms as i64,
                    tick: None,
                    liar,
                    memory: Memory::default(),
                    circle: u64::MAX,
                });
            }
        }
        let clients = draw_clients(scenario, &mut rng);
        World {
            scenario,
            rng,
            domain,
            genesis,
            instances,
            clients,
            checker,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            serial: 0,
            now: 0,
            partition: None,
            joined: false,
            messages: 0,
            signed: 0,
            latencies_ms: Vec::new(),
            onlooker: None,
            hasher: Vec::new(),
            history: Digest::ZERO,
            coverage: Coverage::default(),
            trace: VecDeque::new(),
            tracing,
        }
    }

    fn go(&mut self) -> Report {
        for i in 0..self.instances.len() {
            self.boot(i);
        }
        for fault in &self.scenario.faults {
            let at = match fault {
                Fault::Crash { at_ms, .. }
                | Fault::CrashAll { at_ms, .. }
                | Fault::Partition { at_ms, .. } => *at_ms,
            };
            self.at(at, Event::Strike(*fault));
        }
        for c in 0..self.clients.len() {
            let start = below(&mut self.rng, 40);
            self.at(start, Event::Ask(c));
        }
        self.at(0, Event::Redraw);
        let mut events = 0;
        while let Some(Reverse((at, serial))) = self.queue.pop() {
            let done = self.clients.iter().all(Client::done);
            if events >= MAX_EVENTS || (done && at > self.scenario.calm_ms) {
                break;
            }
            let Some(event) = self.events.remove(&serial) else {
                continue;
            };
            self.now = at;
            events += 1;
            self.happen(event);
            if !self.checker.violations.is_empty() {
                break;
            }
        }
        let unanswered = self.clients.iter().filter(|c| !c.done()).count();
        if self.checker.violations.is_empty() {
            self.checker.finish(unanswered);
        }
        self.flush_history();
        for instance in self.instances.iter().filter(|i| i.liar.is_none()) {
            if let Some(replica) = &instance.replica {
                self.coverage.add(replica.coverage());
            }
        }
        Report {
            violations: std::mem::take(&mut self.checker.violations),
            history: self.history,
            events,
            height: self.checker.height(),
            messages: self.messages,
            signed: self.signed,
            latencies_ms: std::mem::take(&mut self.latencies_ms),
            coverage: self.coverage.clone(),
            trace: std::mem::take(&mut self.trace).into(),
        }
    }

    fn at(&mut self, at: u64, event: Event) {
        self.serial += 1;
        self.queue.push(Reverse((at, self.serial)));
        self.events.insert(self.serial, event);
    }

    fn flush_history(&mut self) {
        let tail = std::mem::take(&mut self.hasher);
        self.history = Purpose::Draw.hash(&[self.history.as_bytes(), &tail]);
    }

    /// Every event goes into the history.
    fn note(&mut self, who: usize, what: u8, detail: &Digest) {
        self.hasher.extend_from_slice(&self.now.to_be_bytes());
        self.hasher.extend_from_slice(&(who as u16).to_be_bytes());
        self.hasher.push(what);
        self.hasher.extend_from_slice(detail.as_bytes());
        if self.hasher.len() > 1 << 14 {
            self.flush_history();
        }
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.tracing {
            let now = self.now;
            self.trace.push_back(format!("{now:>6} ms  {}", line()));
            if self.trace.len() > 400 {
                self.trace.pop_front();
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver(to, from, message) => {
                let tag = message.ballot().map_or(Digest::ZERO, |b| b.digest);
                self.note(to, 1, &tag);
                let id = self.instances[to].id;
                self.tell(|| format!("{from} -> {id}#{to}: {}", brief(&message)));
                self.messages += 1;
                self.signed += u64::from(message.ballot().is_some());
                if let Some(onlooker) = &mut self.onlooker {
                    onlooker(Seen::Delivered(&message));
                }
                let hears = matches!(self.instances[to].liar, Some(l) if l != Liar::Twins);
                if hears {
                    self.instances[to].memory.hear(&message);
                }
                let starved = matches!(&*message, Message::Request(tx) if self.starves(to, tx));
                if !starved {
                    self.step(to, Input::Message(from, message));
                }
            }
            Event::Submit(to, tx) => {
                self.note(to, 2, &tx.id());
                if !self.starves(to, &tx) {
                    self.step(to, Input::Submit(tx));
                }
            }
            Event::Tick(to, at) => {
                if self.instances[to].tick == Some(at) {
                    self.note(to, 3, &Digest::ZERO);
                    self.instances[to].tick = None;
                    self.step(to, Input::Tick);
                }
            }
            Event::Synced(who, life) => {
                if self.instances[who].life == life {
                    self.note(who, 4, &Digest::ZERO);
                    self.synced(who);
                }
            }
            Event::Strike(fault) => self.strike(fault),
            Event::Restart(who, life) => {
                if self.instances[who].life == life {
                    self.note(who, 5, &Digest::ZERO);
                    self.boot(who);
                }
            }
            Event::Ask(client) => self.ask(client),
            Event::Redraw => {
                for instance in &mut self.instances {
                    if instance.liar == Some(Liar::Twins) {
                        instance.circle = self.rng.next_u64();
                    }
                }
                let pause = 20 + below(&mut self.rng, 300);
                self.at(self.now + pause, Event::Redraw);
            }
        }
    }

    /// Whether a liar does not want to know of the first client's request.
    fn starves(&self, who: usize, tx: &crate::block::Transaction) -> bool {
        let first_client = tx.bytes().get(..2) == Some(&[0, 0]);
        self.instances[who].liar == Some(Liar::Starver) && first_client
    }

    fn local(&self, who: usize) -> Time {
        let t = (START_MS + self.now) as i64 + self.instances[who].skew_ms;
        Time::new(t.max(0) as u64)
    }

    fn strike(&mut self, fault: Fault) {
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

    fn boot(&mut self, who: usize) {
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

    fn step(&mut self, who: usize, input: Input) {
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
    fn synced(&mut self, who: usize) {
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

    fn send(&mut self, who: usize, to: Option<ReplicaId>, message: &Arc<Message>) {
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

    fn ask(&mut self, client: usize) {
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

    fn reply(&mut self, who: usize, delivery: &Delivery) {
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

    fn answer(&mut self, from: ReplicaId, tx: &Digest, answer: &super::client::Answer) {
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

fn draw_clients(scenario: &Scenario, rng: &mut ChaCha8Rng) -> Vec<Client> {
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

fn brief(message: &Message) -> String {
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
