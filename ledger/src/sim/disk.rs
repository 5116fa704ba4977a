//! A simulated disk: what was synced survives a crash, what was not is gone.

use crate::block::{Block, Outcome};
use crate::digest::Digest;
use crate::height::Height;
use crate::pbft::effect::{Delivery, Recovered, StableCheckpoint, VotingRecord, Write};
use crate::pbft::message::{Decision, MAX_BLOCKS, NewView};
use crate::teller::Teller;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one instance has on disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    checkpoints: Vec<StableCheckpoint>,
    blocks: BTreeMap<Height, Arc<Delivery>>,
    votes: Option<Box<VotingRecord>>,
    bodies: Vec<Arc<Block>>,
    new_view: Option<Arc<NewView>>,
    /// The application's saved state, if it keeps one.
    saved: Option<Vec<u8>>,
}

impl Disk {
    /// Carries out a synced write.
    pub fn write(&mut self, write: &Write) {
        match write {
            Write::Votes(record) => self.votes = Some(record.clone()),
            Write::Body(block) => {
                self.bodies.retain(|b| b.height() >= block.height());
                if !self.bodies.iter().any(|b| b.digest() == block.digest()) {
                    self.bodies.push(block.clone());
                }
            }
            Write::NewView(new_view) => self.new_view = Some(new_view.clone()),
            Write::Decided(delivery) => {
                let height = delivery.decision.block.height();
                self.blocks.insert(height, delivery.clone());
            }
            Write::Checkpoint(checkpoint, retain) => {
                self.checkpoints.push((**checkpoint).clone());
                let heights = self.checkpoints.iter().map(|c| c.proof.height);
                if let Some(base) = heights.filter(|h| h <= retain).max() {
                    self.checkpoints.retain(|c| c.proof.height >= base);
                    self.blocks.retain(|h, _| *h > base);
                }
            }
            Write::Restored(checkpoint) => {
                self.blocks.clear();
                self.checkpoints = vec![(**checkpoint).clone()];
            }
        }
    }

    /// The application after a block was stored.
    pub fn save(&mut self, teller: &Teller) {
        self.saved = Some(teller.save());
    }

    /// The application and the rest, as found after a restart.
    #[must_use]
    pub fn recover(&self) -> (Teller, Recovered) {
        let mut teller = Teller::new();
        if let Some(saved) = &self.saved
            && teller.load(saved).is_err()
        {
            teller = Teller::new();
        }
        let recovered = Recovered {
            checkpoints: self.checkpoints.clone(),
            blocks: self.blocks.values().cloned().collect(),
            votes: self.votes.clone(),
            bodies: self.bodies.clone(),
            new_view: self.new_view.clone(),
        };
        (teller, recovered)
    }

    /// Blocks from a height on; `None` if they were dropped.
    #[must_use]
    pub fn serve(&self, from: Height) -> Option<Vec<Decision>> {
        let decisions = self.blocks.range(from..).take(MAX_BLOCKS);
        let decisions: Vec<Decision> = decisions.map(|(_, d)| d.decision.clone()).collect();
        let first = decisions.first().map(|d| d.block.height());
        (first == Some(from) || first.is_none() && self.checkpoints.is_empty()).then_some(decisions)
    }

    /// The stored result of one transaction, if it is the one at this place.
    #[must_use]
    pub fn outcome(&self, tx: &Digest, height: Height, index: u32) -> Option<Outcome> {
        let answer = self.blocks.get(&height)?.answer(tx, index)?;
        answer.ok().map(|reply| reply.outcome)
    }
}
