//! Lies: what a Byzantine replica sends instead of what its core says.
//!
//! A liar runs a real core (perhaps without one rule) and its messages are changed on the way out.
//! It signs with its own key only.

use crate::block::{Block, Parent, Transaction};
use crate::certificate::{Ballot, CommitCert, EngineTag};
use crate::chain_state::ChainState;
use crate::digest::Digest;
use crate::height::{Epoch, Height, ReplicaId, Time, View};
use crate::identity::{Domain, Kind, SecretKey, Signature, Statement, simulated_keys};
use crate::pbft::message::{Decision, Message, NewView, Prepared, ViewChange};
use crate::sim::scenario::{Liar, below, chance};
use crate::wire::Wire;
use rand_chacha::ChaCha8Rng;
use rand_core::RngCore;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// The simulated replicas' signing keys.
#[must_use]
pub(crate) fn key_of(id: ReplicaId) -> Option<Arc<SecretKey>> {
    static KEYS: OnceLock<Vec<Arc<SecretKey>>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let seeds = simulated_keys().iter();
        seeds
            .map(|(seed, _)| Arc::new(SecretKey::from_seed(Zeroizing::new(*seed))))
            .collect()
    });
    keys.get(usize::from(id.get())).cloned()
}

/// What a liar remembers to lie better.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    prepares: BTreeMap<(Epoch, View, Height, Digest), BTreeMap<ReplicaId, Signature>>,
    blocks: BTreeMap<Digest, Arc<Block>>,
    floods: u32,
    /// The proposal of a NEW-VIEW that was not the forced one.
    lie: Option<Ballot>,
}

impl Memory {
    /// Overhears a message.
    pub(crate) fn hear(&mut self, message: &Message) {
        match message {
            Message::Prepare(b) => {
                let key = (b.epoch, b.view, b.height, b.digest);
                let votes = self.prepares.entry(key).or_default();
                votes.insert(b.from, b.signature);
            }
            Message::PrePrepare(_, block) => {
                self.blocks.insert(block.digest(), block.clone());
            }
            _ => {}
        }
    }
}

/// A liar's voice.
pub(crate) struct Voice<'a> {
    pub(crate) id: ReplicaId,
    pub(crate) liar: Liar,
    pub(crate) domain: &'a Domain,
    pub(crate) rng: &'a mut ChaCha8Rng,
    pub(crate) memory: &'a mut Memory,
}

impl Voice<'_> {
    /// What goes to `to` instead of `message`.
    pub(crate) fn speak(&mut self, to: ReplicaId, message: &Arc<Message>) -> Vec<Arc<Message>> {
        self.memory.hear(message);
        let honest = || vec![message.clone()];
        let one = |m| vec![Arc::new(m)];
        match (self.liar, &**message) {
            (Liar::Silent, _) | (Liar::Chatterer, Message::PrePrepare(..)) => Vec::new(),
            (Liar::Mutator, m) if chance(self.rng, 250) => one(self.mutate(m)),
            (Liar::Equivocator, Message::PrePrepare(b, block)) if to.get().is_multiple_of(2) => {
                let other = Arc::new(other_block(block, 1));
                let ballot = self.resign(b, other.digest());
                one(Message::PrePrepare(ballot, other))
            }
            (Liar::Equivocator, Message::Prepare(b) | Message::Commit(b)) => {
                let wrong = self.memory.blocks.keys().next_back().copied();
                let both = wrong.map(|d| self.resign(b, d));
                let lie = both.map(|b| Arc::new(vote(b)));
                honest().into_iter().chain(lie).collect()
            }
            (Liar::Orphaner, Message::PrePrepare(b, block)) => {
                let parent = Parent {
                    digest: Digest::new([9; 32]),
                    app_hash: block.header().app_hash,
                    outcomes: block.header().outcomes,
                    roster: block.header().roster,
                };
                let other = rebuilt(block, block.height(), block.header().time, &parent);
                let ballot = self.resign(b, other.digest());
                one(Message::PrePrepare(ballot, Arc::new(other)))
            }
            (Liar::Jumper, Message::PrePrepare(b, block)) => {
                let header = block.header();
                let other = rebuilt(
                    block,
                    block.height().plus(1),
                    header.time,
                    &as_parent(block),
                );
                let mut ballot = *b;
                ballot.height = other.height();
                let ballot = self.resign(&ballot, other.digest());
                one(Message::PrePrepare(ballot, Arc::new(other)))
            }
            (Liar::Jumper, Message::Prepare(b) | Message::Commit(b)) => {
                honest().into_iter().chain([Arc::new(vote(*b))]).collect()
            }
            (Liar::Forger, Message::ViewChange(vc, block)) => one(self.forge(vc, block.as_ref())),
            (Liar::Forger, Message::NewView(nv, block)) if chance(self.rng, 500) => {
                one(self.mutate_new_view(nv, block.as_ref()))
            }
            (Liar::Forger, Message::Status(_)) => {
                // Stands by its lie.
                let lie = self.memory.lie.map(|mut b| {
                    b.kind = Kind::Commit;
                    Arc::new(Message::Commit(self.resign(&b, b.digest)))
                });
                honest().into_iter().chain(lie).collect()
            }
            (Liar::Relabeller, m) => self.relabel(m).into_iter().chain(honest()).collect(),
            (Liar::Flooder, m) => self.flood(m).into_iter().chain(honest()).collect(),
            (Liar::Hasty, Message::PrePrepare(b, block)) if chance(self.rng, 300) => {
                let other = Arc::new(other_block(block, 4));
                let ballot = self.resign(b, other.digest());
                vec![
                    message.clone(),
                    Arc::new(Message::PrePrepare(ballot, other)),
                ]
            }
            (Liar::Hasty, Message::PrePrepare(b, block)) => {
                let other = Arc::new(other_block(block, 3));
                let mut ballot = *b;
                ballot.view = View::new(b.view.get() + 1 + below(self.rng, 4));
                let ballot = self.resign(&ballot, other.digest());
                vec![
                    message.clone(),
                    Arc::new(Message::PrePrepare(ballot, other)),
                ]
            }
            (Liar::Hasty, Message::Prepare(b) | Message::Commit(b)) => {
                let mut later = *b;
                later.view = b.view.next();
                let known = self.memory.blocks.keys().next_back().copied();
                let later = self.resign(&later, known.unwrap_or(b.digest));
                vec![message.clone(), Arc::new(vote(later))]
            }
            (Liar::Impostor, Message::Offer(offer)) => {
                let mut lie = (**offer).clone();
                falsify(&mut lie);
                one(Message::Offer(Arc::new(lie)))
            }
            (Liar::Impostor, Message::Chunk(h, i, bytes)) => {
                let mut bytes = bytes.clone();
                if let Some(b) = bytes.first_mut() {
                    *b ^= 1;
                }
                one(Message::Chunk(*h, *i, bytes))
            }
            _ => honest(),
        }
    }

    fn sign(&self, statement: &Statement) -> Signature {
        let key = key_of(self.id);
        key.map_or(Signature::new([0; 64]), |k| self.domain.sign(&k, statement))
    }

    /// The ballot for another digest, under the liar's own name.
    fn resign(&self, ballot: &Ballot, digest: Digest) -> Ballot {
        let statement = Statement {
            digest,
            ..ballot.statement()
        };
        Ballot {
            digest,
            from: self.id,
            signature: self.sign(&statement),
            ..*ballot
        }
    }

    /// Claims that another block was prepared, with signatures that prove nothing.
    fn forge(&mut self, vc: &ViewChange, block: Option<&Arc<Block>>) -> Message {
        let mut known = self.memory.blocks.values();
        let next = vc.ballot.height.next();
        let base = block.or_else(|| known.rfind(|b| b.height() == next));
        let Some(base) = base.cloned() else {
            return Message::ViewChange(Arc::new(vc.clone()), block.cloned());
        };
        let other = Arc::new(other_block(&base, 2));
        let prepared = Prepared {
            view: View::new(vc.ballot.view.get().saturating_sub(1)),
            height: next,
            digest: other.digest(),
            proposer: (self.id, Signature::new([1; 64])),
            backups: vec![(self.id, Signature::new([1; 64]))],
        };
        self.wish(vc, vc.certificate.clone(), Some(prepared), Some(other))
    }

    fn wish(
        &self,
        vc: &ViewChange,
        certificate: Option<CommitCert>,
        prepared: Option<Prepared>,
        block: Option<Arc<Block>>,
    ) -> Message {
        let content = ViewChange::content(vc.roster, certificate.as_ref(), prepared.as_ref());
        let changed = ViewChange {
            ballot: self.resign(&vc.ballot, content),
            roster: vc.roster,
            certificate,
            prepared,
        };
        Message::ViewChange(Arc::new(changed), block)
    }

    /// Sells PREPAREs as COMMITs.
    fn relabel(&mut self, message: &Message) -> Option<Arc<Message>> {
        let b = match message {
            Message::Prepare(b) | Message::Commit(b) => b,
            _ => return None,
        };
        let key = (b.epoch, b.view, b.height, b.digest);
        let mut votes = self.memory.prepares.get(&key).cloned().unwrap_or_default();
        let commit = Statement {
            kind: Kind::Commit,
            ..b.statement()
        };
        votes.insert(self.id, self.sign(&commit));
        let block = self.memory.blocks.get(&b.digest)?.clone();
        let certificate = CommitCert {
            engine: EngineTag::Pbft,
            height: b.height,
            view: b.view,
            block: b.digest,
            signatures: votes.into_iter().collect(),
        };
        let decision = Decision { block, certificate };
        Some(Arc::new(Message::Decided(vec![decision])))
    }

    fn flood(&mut self, message: &Message) -> Vec<Arc<Message>> {
        let Some(b) = message.ballot().filter(|_| self.memory.floods < 60) else {
            return Vec::new();
        };
        self.memory.floods += 1;
        let mut far = |i: u64| {
            let mut ballot = *b;
            ballot.kind = [Kind::PrePrepare, Kind::Prepare, Kind::Commit][(i % 3) as usize];
            ballot.height = b.height.plus(1 + below(self.rng, 2));
            ballot.view = View::new(b.view.get() + i);
            let ballot = self.resign(&ballot, b.digest);
            Arc::new(vote(ballot))
        };
        (0..40).map(&mut far).collect()
    }

    /// Changes one field.
    fn mutate(&mut self, message: &Message) -> Message {
        match message {
            Message::Prepare(b) => Message::Prepare(self.mutate_ballot(b)),
            Message::Commit(b) => Message::Commit(self.mutate_ballot(b)),
            Message::Checkpoint(b) => Message::Checkpoint(self.mutate_ballot(b)),
            Message::PrePrepare(b, block) => {
                if chance(self.rng, 500) {
                    let other = Arc::new(self.mutate_block(block));
                    let mut ballot = *b;
                    ballot.height = other.height();
                    Message::PrePrepare(self.resign(&ballot, other.digest()), other)
                } else {
                    Message::PrePrepare(self.mutate_ballot(b), block.clone())
                }
            }
            Message::ViewChange(vc, block) => self.mutate_wish(vc, block.as_ref()),
            Message::NewView(nv, block) => self.mutate_new_view(nv, block.as_ref()),
            Message::Status(p) => {
                let mut p = *p;
                match below(self.rng, 4) {
                    0 => p.epoch = Epoch::new(p.epoch.get() + 1),
                    1 => p.height = Height::new(self.rng.next_u64() % 40),
                    2 => p.view = View::new(self.rng.next_u64() % 9),
                    _ => p.changing = !p.changing,
                }
                Message::Status(p)
            }
            Message::Fetch(_) => Message::Fetch(Height::new(below(self.rng, 30))),
            Message::Decided(decisions) => {
                let mut decisions = decisions.clone();
                if let Some(d) = decisions.first_mut() {
                    match below(self.rng, 4) {
                        0 => drop(d.certificate.signatures.pop()),
                        1 => d.certificate.view = d.certificate.view.next(),
                        2 => d.block = Arc::new(other_block(&d.block, 1)),
                        _ => {
                            d.block = Arc::new(other_block(&d.block, 1));
                            d.certificate.block = d.block.digest();
                        }
                    }
                }
                Message::Decided(decisions)
            }
            Message::Offer(offer) => {
                let mut offer = (**offer).clone();
                match below(self.rng, 4) {
                    0 => drop(offer.proof.signatures.pop()),
                    1 => drop(offer.steps.pop()),
                    2 => offer.proof.height = offer.proof.height.next(),
                    _ => falsify(&mut offer),
                }
                Message::Offer(Arc::new(offer))
            }
            Message::Chunk(h, i, bytes) => {
                let mut bytes = bytes.clone();
                bytes.push(0);
                Message::Chunk(*h, *i, bytes)
            }
            Message::FetchChunk(h, i) => Message::FetchChunk(h.next(), *i),
            Message::Request(tx) => Message::Request(
                Transaction::new(tx.bytes().iter().rev().copied().collect::<Vec<u8>>())
                    .unwrap_or_else(|_| tx.clone()),
            ),
        }
    }

    fn mutate_ballot(&mut self, ballot: &Ballot) -> Ballot {
        let mut b = *ballot;
        match below(self.rng, 8) {
            0 => b.view = b.view.next(),
            1 => b.view = View::new(b.view.get().saturating_sub(1)),
            2 => b.height = b.height.next(),
            3 => b.height = b.height.previous(),
            4 => b.epoch = b.epoch.next(),
            5 => {
                let mut bytes = [0u8; 64];
                self.rng.fill_bytes(&mut bytes);
                b.signature = Signature::new(bytes);
                return b;
            }
            6 => {
                b.from = ReplicaId::new(below(self.rng, 13) as u16);
                return b;
            }
            _ => {
                let known = self.memory.blocks.keys().next_back().copied();
                return self.resign(&b, known.unwrap_or_default());
            }
        }
        self.resign(&b, b.digest)
    }

    fn mutate_block(&mut self, block: &Block) -> Block {
        let header = block.header();
        let mut parent = as_parent(block);
        match below(self.rng, 7) {
            0 => parent.digest = Digest::ZERO,
            1 => parent.app_hash = Digest::ZERO,
            2 => parent.outcomes = Digest::new([1; 32]),
            3 => parent.roster = Digest::ZERO,
            4 => return rebuilt(block, header.height.next(), header.time, &parent),
            5 => return rebuilt(block, header.height, header.time.plus_ms(1 << 20), &parent),
            _ => return other_block(block, 1),
        }
        rebuilt(block, header.height, header.time, &parent)
    }

    fn mutate_wish(&mut self, vc: &ViewChange, block: Option<&Arc<Block>>) -> Message {
        match below(self.rng, 6) {
            0 => self.wish(vc, vc.certificate.clone(), None, None),
            1 => self.wish(vc, None, vc.prepared.clone(), block.cloned()),
            2 => self.forge(vc, block),
            3 => {
                let mut certificate = vc.certificate.clone();
                if let Some(c) = &mut certificate {
                    c.signatures.pop();
                }
                self.wish(vc, certificate, vc.prepared.clone(), block.cloned())
            }
            4 => {
                let mut prepared = vc.prepared.clone();
                if let Some(p) = &mut prepared {
                    p.backups.pop();
                }
                self.wish(vc, vc.certificate.clone(), prepared, block.cloned())
            }
            _ => {
                let mut changed = vc.clone();
                changed.ballot.view = View::new(below(self.rng, 12));
                let digest = changed.ballot.digest;
                changed.ballot = self.resign(&changed.ballot, digest);
                Message::ViewChange(Arc::new(changed), block.cloned())
            }
        }
    }

    fn mutate_new_view(&mut self, nv: &NewView, block: Option<&Arc<Block>>) -> Message {
        let mut changed = nv.clone();
        let mut block = block.cloned();
        match below(self.rng, 4) {
            0 => drop(changed.view_changes.pop()),
            1 => {
                changed.proposal = None;
                block = None;
            }
            2 => {
                if let Some(b) = &block {
                    let other = Arc::new(other_block(b, 1));
                    let p = changed.proposal.as_ref();
                    changed.proposal = p.map(|p| self.resign(p, other.digest()));
                    self.memory.lie = changed.proposal;
                    block = Some(other);
                }
            }
            _ => {
                if let Some(first) = changed.view_changes.first().cloned() {
                    changed.view_changes.push(first);
                }
            }
        }
        let content = NewView::content(&changed.view_changes, changed.proposal.as_ref());
        changed.ballot.height = changed.height();
        changed.ballot = self.resign(&changed.ballot, content);
        Message::NewView(Arc::new(changed), block)
    }
}

fn vote(ballot: Ballot) -> Message {
    match ballot.kind {
        Kind::Commit => Message::Commit(ballot),
        Kind::Checkpoint => Message::Checkpoint(ballot),
        Kind::Prepare => Message::Prepare(ballot),
        _ => Message::Prepare(Ballot {
            kind: Kind::Prepare,
            ..ballot
        }),
    }
}

fn as_parent(block: &Block) -> Parent {
    let header = block.header();
    Parent {
        digest: header.parent,
        app_hash: header.app_hash,
        outcomes: header.outcomes,
        roster: header.roster,
    }
}

fn rebuilt(block: &Block, height: Height, time: Time, parent: &Parent) -> Block {
    Block::new(
        height,
        time,
        parent,
        block.transactions().to_vec(),
        block.certificate().cloned(),
        block.evidence().to_vec(),
    )
}

/// A block as good as the other, `ms` later.
pub(crate) fn other_block(block: &Block, ms: u64) -> Block {
    let time = block.header().time.plus_ms(ms);
    rebuilt(block, block.height(), time, &as_parent(block))
}

/// Changes the state a checkpoint is about.
fn falsify(offer: &mut crate::pbft::effect::StableCheckpoint) {
    if let Ok(mut state) = ChainState::from_wire(&offer.state.chain) {
        state.outcomes = Digest::new([7; 32]);
        offer.state.chain = state.to_wire().into();
        offer.proof.state = offer.state.digest();
    }
}
