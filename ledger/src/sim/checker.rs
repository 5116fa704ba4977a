//! What must never be seen, judged after every step from outside the replicas.

use crate::application::Genesis;
use crate::block::Transaction;
use crate::certificate::CommitCert;
use crate::digest::Digest;
use crate::height::{Epoch, Height, ReplicaId, View};
use crate::identity::{Domain, Kind};
use crate::light::{InclusionProof, LedgerProof, LightClient, verify_from};
use crate::pbft::effect::{Delivery, Divergence};
use crate::pbft::message::Message;
use crate::roster::Roster;
use crate::sim::client::Answered;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Something that must not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Two honest replicas decided differently.
    Fork(Height),
    /// Two honest replicas computed different states.
    AppHash(Height, ReplicaId),
    /// A block does not follow the one before.
    BrokenChain(Height),
    /// A transaction nobody asked for.
    Unrequested(Height),
    /// A request executed again.
    Repeated(Height),
    /// A certificate that the roster of its height does not verify.
    Certificate(Height),
    /// A certificate with a vote that an honest replica never sent.
    VoteNeverCast(Height, ReplicaId),
    /// An honest replica signed two things.
    DoubleVote(ReplicaId, Kind, View, Height),
    /// A request not answered in time.
    Unanswered(usize),
    /// An answer contradicts real time.
    NotLinearizable(Digest),
    /// A replica keeps more messages than it may.
    Memory(ReplicaId, usize),
    /// An honest replica stopped.
    Halted(ReplicaId, Height),
    /// A diverging replica was not named.
    NotNamed(ReplicaId, Height),
    /// A light client could not follow.
    LightClient(Height),
    /// A decoder does not give back what was encoded.
    Codec(&'static str),
}

type BallotKey = (ReplicaId, Epoch, Kind, View, Height);

/// The judge.
#[derive(Debug)]
pub struct Checker {
    domain: Domain,
    chain: BTreeMap<Height, (Digest, Digest)>,
    rosters: BTreeMap<Height, Arc<Roster>>,
    latest: Roster,
    light: LightClient,
    steps: Vec<crate::light::EpochStep>,
    requested: BTreeSet<Digest>,
    executed: BTreeMap<Digest, (Height, u32)>,
    ballots: BTreeMap<BallotKey, Digest>,
    honest: BTreeSet<ReplicaId>,
    may_halt: Option<ReplicaId>,
    /// The height at which that replica's state first differed.
    differs: Option<Height>,
    /// The highest position that was answered, with the time of the answer.
    answered: Vec<(u64, (Height, u32))>,
    named: BTreeSet<ReplicaId>,
    wrong_checkpoint: BTreeMap<ReplicaId, Height>,
    /// What was seen.
    pub violations: Vec<Violation>,
}

impl Checker {
    /// A judge of honest replicas.
    #[must_use]
    pub fn new(genesis: &Genesis, domain: Domain, honest: BTreeSet<ReplicaId>) -> Self {
        let roster = Arc::new(genesis.roster.clone());
        Checker {
            light: LightClient::within(domain.clone(), roster.clone()),
            chain: BTreeMap::from([(Height::default(), (domain.chain(), Digest::ZERO))]),
            domain,
            rosters: BTreeMap::from([(Height::default(), roster)]),
            latest: genesis.roster.clone(),
            steps: Vec::new(),
            requested: BTreeSet::new(),
            executed: BTreeMap::new(),
            ballots: BTreeMap::new(),
            honest,
            may_halt: None,
            differs: None,
            answered: Vec::new(),
            named: BTreeSet::new(),
            wrong_checkpoint: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    /// A replica that is known to miscount: it may stop, and must not go on unnoticed.
    pub fn expect_halt(&mut self, id: ReplicaId) {
        self.may_halt = Some(id);
    }

    /// Records a violation.
    pub fn report(&mut self, violation: Violation) {
        if self.violations.len() < 16 {
            self.violations.push(violation);
        }
    }

    /// How many heights were decided.
    #[must_use]
    pub fn height(&self) -> Height {
        self.chain
            .last_key_value()
            .map_or(Height::default(), |(h, _)| *h)
    }

    /// A client asks.
    pub fn requested(&mut self, tx: &Transaction) {
        self.requested.insert(tx.id());
    }

    /// A message leaves an honest replica.
    pub fn sent(&mut self, from: ReplicaId, message: &Message) {
        let Some(b) = message.ballot() else { return };
        if b.from != from || !self.honest.contains(&from) {
            return;
        }
        let key = (b.from, b.epoch, b.kind, b.view, b.height);
        let before = self.ballots.insert(key, b.digest);
        if before.is_some_and(|d| d != b.digest) {
            self.report(Violation::DoubleVote(from, b.kind, b.view, b.height));
        }
        if b.kind == Kind::Checkpoint && Some(from) == self.may_halt {
            self.wrong_checkpoint.entry(from).or_insert(b.height);
        }
    }

    /// An honest replica executed a block.
    pub fn decided(&mut self, id: ReplicaId, delivery: &Delivery) {
        let (block, done) = (&delivery.decision.block, &delivery.done);
        let height = block.height();
        self.check_certificate(id, height, &delivery.decision.certificate, block.digest());
        if let Some((digest, app_hash)) = self.chain.get(&height).copied() {
            if digest != block.digest() {
                self.report(Violation::Fork(height));
            } else if app_hash != done.app_hash {
                // A known miscounter may differ once, and must notice at the next block.
                let first = self.may_halt == Some(id) && self.differs.is_none();
                if first {
                    self.differs = Some(height);
                } else {
                    self.report(Violation::AppHash(height, id));
                }
            }
            return;
        }
        let parent = self.chain.get(&height.previous()).copied();
        if self.may_halt == Some(id) {
            // Its word is not the measure for the others.
            return;
        }
        match parent {
            Some((digest, app_hash)) => {
                let first = height == Height::new(1);
                let follows = block.header().parent == digest
                    && (first || block.header().app_hash == app_hash);
                if !follows {
                    self.report(Violation::BrokenChain(height));
                }
            }
            None => self.report(Violation::BrokenChain(height)),
        }
        for (tx, index) in block.transactions().iter().zip(0u32..) {
            if !self.requested.contains(&tx.id()) {
                self.report(Violation::Unrequested(height));
            }
            if self.executed.insert(tx.id(), (height, index)).is_some() {
                self.report(Violation::Repeated(height));
            }
        }
        self.chain.insert(height, (block.digest(), done.app_hash));
        self.follow_light(delivery);
        let next = &done.next.roster;
        if *next != self.latest
            && self.latest.successor(next.members().to_vec()).as_ref() == Ok(next)
        {
            self.latest = next.clone();
            self.rosters.insert(height.plus(2), Arc::new(next.clone()));
        }
    }

    fn roster(&self, height: Height) -> Option<Arc<Roster>> {
        let known = self.rosters.range(..=height).next_back();
        known.map(|(_, r)| r.clone())
    }

    fn check_certificate(
        &mut self,
        decider: ReplicaId,
        height: Height,
        certificate: &CommitCert,
        block: Digest,
    ) {
        let Some(roster) = self.roster(height) else {
            return;
        };
        let holds = certificate.block == block
            && certificate.height == height
            && certificate.verify(&self.domain, &roster).is_ok();
        if !holds {
            self.report(Violation::Certificate(height));
        }
        for (id, _) in &certificate.signatures {
            let key = (*id, roster.epoch(), Kind::Commit, certificate.view, height);
            // The decider's own vote leaves it after its write.
            let others = *id != decider && self.honest.contains(id);
            if others && self.ballots.get(&key) != Some(&block) {
                self.report(Violation::VoteNeverCast(height, *id));
            }
        }
    }

    /// The light client follows every change and accepts a proof from each block.
    fn follow_light(&mut self, delivery: &Delivery) {
        let (block, certificate) = (&delivery.decision.block, &delivery.decision.certificate);
        let height = block.height();
        let proof = InclusionProof::new(block, certificate, 0);
        let holds = match (proof, block.transactions().first()) {
            (Some(inclusion), Some(tx)) => {
                let proof = LedgerProof {
                    steps: self.steps.clone(),
                    inclusion,
                };
                let genesis = self.rosters.first_key_value().map(|(_, r)| r.clone());
                genesis.is_some_and(|g| {
                    let client = LightClient::within(self.domain.clone(), g);
                    verify_from(client, &proof, tx) == Ok(height)
                })
            }
            _ => true,
        };
        let mut followed = true;
        let next = self.roster(height.next());
        if let Some(next) = next
            && next.epoch() != self.light.roster().epoch()
        {
            let step = crate::light::EpochStep {
                header: block.header().clone(),
                certificate: certificate.clone(),
                roster: next,
            };
            followed = self.light.follow(&step).is_ok();
            self.steps.push(step);
        }
        if !holds || !followed {
            self.report(Violation::LightClient(height));
        }
    }

    /// A client accepted an answer.
    pub fn answered(&mut self, now_ms: u64, answered: &Answered) {
        let (height, index, _) = &answered.answer;
        let place = (*height, *index);
        let executed = self.executed.get(&answered.tx) == Some(&place);
        // What was answered before this request was sent comes before it.
        let earlier = self.answered.iter().filter(|(t, _)| *t < answered.sent_ms);
        let ordered = earlier.clone().all(|(_, p)| *p < place);
        if !executed || !ordered {
            self.report(Violation::NotLinearizable(answered.tx));
        }
        self.answered.push((now_ms, place));
    }

    /// An honest replica stopped.
    pub fn halted(&mut self, id: ReplicaId, height: Height) {
        if self.may_halt != Some(id) {
            self.report(Violation::Halted(id, height));
        }
    }

    /// A replica's checkpoint was found to differ.
    pub fn diverged(&mut self, divergence: &Divergence) {
        self.named.insert(divergence.replica);
    }

    /// How many messages an honest replica keeps.
    pub fn kept(&mut self, id: ReplicaId, messages: usize, members: usize) {
        // Per member: six kinds for later, a wish, a PREPARE and a COMMIT.
        if messages > 9 * (members + 1) {
            self.report(Violation::Memory(id, messages));
        }
    }

    /// The end of the run.
    pub fn finish(&mut self, unanswered: usize) {
        if unanswered > 0 {
            self.report(Violation::Unanswered(unanswered));
        }
        let wrong: Vec<_> = self.wrong_checkpoint.clone().into_iter().collect();
        for (id, height) in wrong {
            if !self.named.contains(&id) && self.height() > height.next() {
                self.report(Violation::NotNamed(id, height));
            }
        }
    }
}
