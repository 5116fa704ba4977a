//! Checkpoints: every K blocks replicas sign their state; a quorum makes it stable and names whoever
//! differs. Lines 15 to 17.

use crate::application::Application;
use crate::certificate::{Ballot, CheckpointCert};
use crate::digest::Digest;
use crate::height::{Height, ReplicaId};
use crate::identity::{Kind, Signature};
use crate::pbft::effect::{Divergence, Effect, StableCheckpoint, Write};
use crate::pbft::message::Message;
use crate::pbft::replica::Replica;
use crate::rules::Rule;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many checkpoints are kept, one's own and each peer's.
const KEPT: usize = 2;

impl<A: Application> Replica<A> {
    /// Line 15: signs the state after every K-th block.
    pub(crate) fn checkpoint(&mut self) {
        if !self.chain.checkpoint_due() {
            return;
        }
        let Some(certificate) = self.chain.certificate().cloned() else {
            return;
        };
        self.at(15);
        let height = self.chain.height();
        let state = self.chain.checkpoint();
        let digest = if self.rules.keep(Rule::CheckpointOfState) {
            state.digest()
        } else {
            self.chain.tip()
        };
        self.own_checkpoints.insert(height, (state, certificate));
        while self.own_checkpoints.len() > KEPT {
            self.own_checkpoints.pop_first();
        }
        let Some(roster) = self.chain.roster_at(height).cloned() else {
            return;
        };
        if roster.voter(self.id).is_none() {
            return;
        }
        let statement = crate::certificate::checkpoint_statement(&roster, height, digest);
        let ballot = Ballot {
            epoch: statement.epoch,
            kind: Kind::Checkpoint,
            view: statement.view,
            height,
            digest,
            from: self.id,
            signature: self.chain.domain().sign(&self.key, &statement),
        };
        self.broadcast(Message::Checkpoint(ballot));
        self.count_checkpoint(&ballot);
    }

    /// Line 16: another's CHECKPOINT.
    pub(crate) fn on_checkpoint(&mut self, ballot: &Ballot) {
        let every = self.chain.genesis().checkpoint_every;
        if ballot.height.get().is_multiple_of(every) && ballot.view.get() == 0 {
            self.count_checkpoint(ballot);
        }
    }

    fn count_checkpoint(&mut self, ballot: &Ballot) {
        let of_sender = self.checkpoints.entry(ballot.from).or_default();
        of_sender.entry(ballot.height).or_insert(*ballot);
        while of_sender.len() > KEPT {
            of_sender.pop_first();
        }
        self.make_stable(ballot.height);
    }

    /// Line 16: a quorum signed one state; line 17: who signed another is named.
    fn make_stable(&mut self, height: Height) {
        let stable = self.stable.as_ref().map(|s| s.proof.height);
        let Some(roster) = self.chain.roster_at(height).cloned() else {
            return;
        };
        let votes = self.checkpoints.values().filter_map(|c| c.get(&height));
        let mut tally: BTreeMap<Digest, Vec<(ReplicaId, Signature)>> = BTreeMap::new();
        for b in votes {
            let signers = tally.entry(b.digest).or_default();
            signers.push((b.from, b.signature));
        }
        let Some((&agreed, signatures)) = tally
            .iter()
            .find(|(_, signers)| signers.len() >= roster.quorum())
        else {
            return;
        };
        for (&found, signers) in tally.iter().filter(|(d, _)| **d != agreed) {
            for (replica, _) in signers {
                self.at(17);
                self.effects.push(Effect::Diverged(Divergence {
                    replica: *replica,
                    height,
                    agreed,
                    found,
                }));
            }
        }
        let own = self.own_checkpoints.get(&height);
        let Some((state, certificate)) = own.filter(|_| stable.is_none_or(|s| s < height)) else {
            return;
        };
        if state.digest() != agreed {
            if self.rules.keep(Rule::CheckpointOfState) {
                self.halted = true;
                self.effects.push(Effect::Halt(height));
            }
            return;
        }
        let checkpoint = StableCheckpoint {
            proof: CheckpointCert {
                height,
                state: agreed,
                signatures: signatures.clone(),
            },
            state: state.clone(),
            certificate: certificate.clone(),
            steps: self.steps_until(height),
        };
        self.at(16);
        self.stable = Some(Arc::new(checkpoint.clone()));
        let retain = self.retain.min(height);
        let write = Write::Checkpoint(Box::new(checkpoint), retain);
        self.effects.push(Effect::Persist(write));
    }

    fn steps_until(&self, height: Height) -> Vec<crate::light::EpochStep> {
        let steps = self.chain.steps().iter();
        steps
            .filter(|s| s.header.height <= height)
            .cloned()
            .collect()
    }
}
