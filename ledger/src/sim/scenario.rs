//! What one schedule is: drawn from a seed, or set by hand for a test.

use crate::digest::Digest;
use crate::height::{Height, ReplicaId};
use crate::proposer::ProposerPolicy;
use crate::rules::Rule;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// A number below `n` (0 for n = 0).
pub(crate) fn below(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    if n == 0 { 0 } else { rng.next_u64() % n }
}

/// True `per_mille` times in a thousand.
pub(crate) fn chance(rng: &mut ChaCha8Rng, per_mille: u32) -> bool {
    below(rng, 1000) < u64::from(per_mille)
}

/// What the network does to each message until the calm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Delays are drawn from 1 to this; messages overtake each other.
    pub delay_ms: u64,
    /// Lost messages per mille.
    pub loss: u32,
    /// Duplicated messages per mille.
    pub duplicates: u32,
    /// Messages that go through the codec per mille.
    pub encoded: u32,
}

/// A disturbance at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A replica stops, losing what was not synced, and comes back.
    Crash {
        /// When.
        at_ms: u64,
        /// Who.
        replica: u16,
        /// For how long.
        for_ms: u64,
    },
    /// All stop at once and come back.
    CrashAll {
        /// When.
        at_ms: u64,
        /// For how long.
        for_ms: u64,
    },
    /// Two sides hear nothing of each other.
    Partition {
        /// When.
        at_ms: u64,
        /// For how long.
        for_ms: u64,
        /// Whose bit is set is on one side.
        side: u32,
    },
}

/// How a replica lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Liar {
    /// Says nothing.
    Silent,
    /// Two unmodified instances with one identity, each seen by some.
    Twins,
    /// Changes a field of what it sends, differently for each recipient, and signs it again.
    Mutator,
    /// Runs the protocol without one rule.
    Rogue(Rule),
    /// Proposes different blocks to different replicas.
    Equivocator,
    /// Claims a prepared certificate it does not have.
    Forger,
    /// Makes commit certificates of PREPAREs.
    Relabeller,
    /// Proposes a block beyond the next height.
    Jumper,
    /// Sends votes for far heights and views.
    Flooder,
    /// As primary proposes nothing, but keeps talking.
    Chatterer,
    /// Never proposes the first client's requests.
    Starver,
    /// Answers requests for blocks with a state of its own making.
    Impostor,
    /// As primary proposes a block with a wrong parent.
    Orphaner,
    /// Proposes only in views above the current one, without a NEW-VIEW.
    Hasty,
}

/// One schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Decides everything below that is drawn, and every draw of the run.
    pub seed: u64,
    /// How many vote at first.
    pub replicas: u16,
    /// Whether one more joins, and later leaves.
    pub joiner: bool,
    /// Clients, and requests of each, one after the other.
    pub clients: u16,
    /// Requests of each client.
    pub requests: u16,
    /// Who proposes.
    pub policy: ProposerPolicy,
    /// K.
    pub checkpoint_every: u64,
    /// Whether blocks below the stable checkpoint are dropped; then the application keeps its state.
    pub prune: bool,
    /// The network until the calm.
    pub network: Network,
    /// Syncs take from 0 to this.
    pub disk_ms: u64,
    /// Clocks differ by up to this, either way.
    pub skew_ms: u64,
    /// T.
    pub request_ms: u64,
    /// Whether honest messages get slower than T, so that only doubling helps.
    pub calm_delay_ms: u64,
    /// Disturbances.
    pub faults: Vec<Fault>,
    /// Who lies, and how.
    pub liars: Vec<(ReplicaId, Liar)>,
    /// A replica whose application miscounts from a height on.
    pub miscounts: Option<(ReplicaId, Height)>,
    /// When the network calms and everybody is up again.
    pub calm_ms: u64,
    /// Every request must be answered within this time, counted from the calm at the earliest.
    pub patience_ms: u64,
    /// The rule that honest replicas do without.
    pub broken: Option<Rule>,
}

impl Scenario {
    /// The scenario of a seed, with a number of replicas from `least` to `most`.
    #[must_use]
    pub fn draw(seed: u64, least: u16, most: u16) -> Scenario {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rng = &mut rng;
        let span = u64::from(most.saturating_sub(least)) + 1;
        let replicas = least + below(rng, span) as u16;
        let calm_ms = 500 + below(rng, 3000);
        // Swarm: each kind of disturbance is wholly absent half the time.
        let mut some = |n: u64| if below(rng, 2) == 0 { 0 } else { below(rng, n) };
        let network = Network {
            delay_ms: 2 + some(60),
            loss: some(250) as u32,
            duplicates: some(200) as u32,
            encoded: 20,
        };
        let (disk_ms, skew_ms) = (some(30), some(2500));
        let joiner = some(4) == 1;
        let prune = some(4) == 1;
        let count = some(6);
        let faults = (0..count)
            .map(|_| draw_fault(rng, replicas, calm_ms))
            .collect();
        let policy = draw_policy(rng, replicas);
        let most_liars = u64::from((replicas - 1) / 3);
        let liars = below(rng, most_liars + 1);
        let mut ids: Vec<u16> = (0..replicas).collect();
        let liars = (0..liars)
            .map(|_| {
                let id = ids.remove(below(rng, ids.len() as u64) as usize);
                (ReplicaId::new(id), draw_liar(rng))
            })
            .collect();
        Scenario {
            seed,
            replicas,
            joiner,
            clients: 1 + below(rng, 2) as u16,
            requests: 2 + below(rng, 5) as u16,
            policy,
            checkpoint_every: 1 + below(rng, 4),
            prune,
            network,
            disk_ms,
            skew_ms,
            request_ms: 60 + below(rng, 200),
            calm_delay_ms: 8,
            faults,
            liars,
            miscounts: None,
            calm_ms,
            patience_ms: 60_000,
            broken: None,
        }
    }

    /// Four honest replicas on a good network: a start for scenarios set by hand.
    #[must_use]
    pub fn quiet(seed: u64, replicas: u16) -> Scenario {
        Scenario {
            seed,
            replicas,
            joiner: false,
            clients: 2,
            requests: 4,
            policy: ProposerPolicy::Sticky,
            checkpoint_every: 4,
            prune: false,
            network: Network {
                delay_ms: 5,
                loss: 0,
                duplicates: 0,
                encoded: 0,
            },
            disk_ms: 0,
            skew_ms: 0,
            request_ms: 100,
            calm_delay_ms: 8,
            faults: Vec::new(),
            liars: Vec::new(),
            miscounts: None,
            calm_ms: 100,
            patience_ms: 60_000,
            broken: None,
        }
    }

    /// A schedule in which missing `rule` can show: the disturbances and the liar that provoke it.
    #[must_use]
    pub fn against(rule: Rule, seed: u64) -> Scenario {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xa9a1);
        let rng = &mut rng;
        let mut s = Scenario::quiet(seed, 4);
        s.broken = Some(rule);
        let anyone = ReplicaId::new(below(rng, 4) as u16);
        let liar = |l| vec![(anyone, l)];
        match rule {
            Rule::PreparedIsProven | Rule::NewViewRecomputed | Rule::InvalidPreparedIsolated => {
                s.liars = liar(Liar::Forger);
                s.disturb(rng);
            }
            Rule::NewViewNeedsQuorum => {
                s.liars = liar(Liar::Rogue(Rule::ViewChangeCarriesPrepared));
                s.disturb(rng);
            }
            Rule::KindsSeparated => s.liars = liar(Liar::Relabeller),
            Rule::ViewMatches => {
                s.liars = liar(Liar::Hasty);
                s.disturb(rng);
            }
            Rule::OneDigestPerView => s.liars = vec![(ReplicaId::new(0), Liar::Hasty)],
            Rule::ParentChecked => s.liars = vec![(ReplicaId::new(0), Liar::Orphaner)],
            Rule::HeightWindow => s.liars = vec![(ReplicaId::new(0), Liar::Jumper)],
            Rule::BuffersBounded => s.liars = liar(Liar::Flooder),
            Rule::BackupsArmTimer | Rule::TimerResetByCommit => {
                s.liars = vec![(ReplicaId::new(0), Liar::Chatterer)];
                s.request_ms = 300;
            }
            Rule::NoStarvation => {
                s.liars = vec![(ReplicaId::new(0), Liar::Starver)];
                s.clients = 3;
                s.requests = 300;
                s.patience_ms = 1_500;
            }
            Rule::TimersDouble => {
                s.request_ms = 40;
                s.calm_delay_ms = 250;
                s.requests = 2;
            }
            Rule::CheckpointOfState | Rule::AppHashChecked => {
                let height = Height::new(1 + below(rng, 4));
                s.miscounts = Some((ReplicaId::new(below(rng, 4) as u16), height));
                s.checkpoint_every = 1;
            }
            Rule::StateIsProven => {
                s.liars = liar(Liar::Impostor);
                s.joiner = true;
                s.prune = true;
                s.checkpoint_every = 2;
                s.requests = 9;
            }
            Rule::RosterOfHeight => s.joiner = true,
            Rule::QuorumsIntersect => s.replicas = 5 + below(rng, 2) as u16,
            Rule::RequestsOnce | Rule::PersistBeforeSend => {
                s.disturb(rng);
                s.disk_ms = 20;
            }
            Rule::ViewChangeCarriesPrepared
            | Rule::HighestPreparedWins
            | Rule::SilentAfterViewChange
            | Rule::CommitDuringViewChange => {
                if below(rng, 2) == 0 {
                    s.liars = liar(Liar::Twins);
                }
                s.disturb(rng);
            }
        }
        s
    }

    /// A bad network with impatient replicas: many view changes.
    fn disturb(&mut self, rng: &mut ChaCha8Rng) {
        self.network = Network {
            delay_ms: 5 + below(rng, 60),
            loss: 50 + below(rng, 350) as u32,
            duplicates: 50,
            encoded: 0,
        };
        self.calm_ms = 4_000;
        self.requests = 6;
        self.request_ms = 30 + below(rng, 100);
        let replicas = self.replicas;
        self.faults = (0..below(rng, 8))
            .map(|_| draw_fault(rng, replicas, 4_000))
            .collect();
    }

    /// f of the smallest roster.
    #[must_use]
    pub fn faults_borne(&self) -> usize {
        usize::from(self.replicas - 1) / 3
    }
}

fn draw_fault(rng: &mut ChaCha8Rng, replicas: u16, calm_ms: u64) -> Fault {
    let at_ms = below(rng, calm_ms);
    let for_ms = 10 + below(rng, 800);
    match below(rng, 8) {
        0..=3 => Fault::Crash {
            at_ms,
            for_ms,
            replica: below(rng, u64::from(replicas)) as u16,
        },
        4 => Fault::CrashAll { at_ms, for_ms },
        _ => Fault::Partition {
            at_ms,
            for_ms,
            side: rng.next_u32(),
        },
    }
}

fn draw_policy(rng: &mut ChaCha8Rng, replicas: u16) -> ProposerPolicy {
    match below(rng, 6) {
        0 | 1 => ProposerPolicy::Sticky,
        2 => ProposerPolicy::Rotation,
        3 => ProposerPolicy::Endorsers {
            order: (0..replicas.min(5)).map(ReplicaId::new).collect(),
            turn: below(rng, 7),
            since: Height::default(),
            blocks_per_turn: below(rng, 4) as u32,
        },
        4 => ProposerPolicy::Beacon {
            beta: Digest::new([rng.next_u32() as u8; 32]),
            epoch: 1,
        },
        _ => ProposerPolicy::Stake,
    }
}

fn draw_liar(rng: &mut ChaCha8Rng) -> Liar {
    match below(rng, 24) {
        0 => Liar::Silent,
        1..=7 => Liar::Twins,
        8..=13 => Liar::Mutator,
        14 => Liar::Equivocator,
        15 => Liar::Forger,
        16 => Liar::Relabeller,
        17 => Liar::Jumper,
        18 => Liar::Flooder,
        19 => Liar::Chatterer,
        20 => Liar::Starver,
        21 => Liar::Impostor,
        22 => Liar::Orphaner,
        _ => {
            let at = below(rng, Rule::ALL.len() as u64) as usize;
            Liar::Rogue(Rule::ALL.get(at).copied().unwrap_or(Rule::PreparedIsProven))
        }
    }
}
