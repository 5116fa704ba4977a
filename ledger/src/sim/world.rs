//! The simulated world: instances, network, disks, clocks, clients; one event after another.

mod clients;
mod machines;
mod network;

use crate::application::{Genesis, Limits, Timeouts};
use crate::digest::{Digest, Purpose};
use crate::height::{Height, ReplicaId, Time};
use crate::identity::Domain;
use crate::pbft::effect::{Effect, Write};
use crate::pbft::message::Message;
use crate::pbft::{Coverage, Input, Replica};
use crate::roster::{Roster, simulated_members};
use crate::rules::Rule;
use crate::sim::checker::{Checker, Violation};
use crate::sim::client::Client;
use crate::sim::disk::Disk;
use crate::sim::liar::Memory;
use crate::sim::scenario::{Fault, Liar, Scenario, below};
use crate::teller::Teller;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::sync::Arc;

/// Local clocks read this at the start of the world.
const START_MS: u64 = 1_700_000_000_000;
/// No run takes more events.
const MAX_EVENTS: u64 = 2_000_000;

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
        let clients = clients::draw_clients(scenario, &mut rng);
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
                self.tell(|| format!("{from} -> {id}#{to}: {}", network::brief(&message)));
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

    fn local(&self, who: usize) -> Time {
        let t = (START_MS + self.now) as i64 + self.instances[who].skew_ms;
        Time::new(t.max(0) as u64)
    }
}
