//! What a replica asks of the world, and what it must find again after a crash.

use crate::application::Finalized;
use crate::block::Block;
use crate::certificate::{Ballot, CheckpointCert};
use crate::chain_state::{ChainState, CheckpointState};
use crate::digest::Digest;
use crate::engine::{Answer, EngineError, Reply};
use crate::evidence::Evidence;
use crate::height::{Epoch, Height, ReplicaId, View};
use crate::identity::Domain;
use crate::light::{EpochStep, LightClient, MAX_STEPS};
use crate::pbft::message::{Decision, Message, NewView, Prepared, ViewChange};
use crate::roster::Roster;
use crate::wire::{Reader, Wire, WireError, encode_list, wire_struct};
use std::sync::Arc;

/// One thing to do. Effects are carried out in order: what follows a [`Effect::Persist`] must not
/// leave the replica before that write is on disk.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Write durably. The writes of one step belong together: all or none.
    Persist(Write),
    /// Send to one replica.
    Send(ReplicaId, Arc<Message>),
    /// Send to every other member of the roster.
    Broadcast(Arc<Message>),
    /// A block is final: tell the clients. Comes after its write.
    Deliver(Arc<Delivery>),
    /// Send stored blocks from a height on; if they were dropped, feed `Input::Dropped` back.
    Serve(ReplicaId, Height),
    /// A client's request whose counter was used by what is stored at this height and index: if that is the
    /// request itself, its result; else its counter is used up.
    Resend(Digest, Height, u32),
    /// A replica's checkpoint differs from the one a quorum signed.
    Diverged(Divergence),
    /// A replica lied; the proof will be proposed.
    Caught(Evidence),
    /// This replica's own state contradicts a certificate: it must stop.
    Halt(Height),
}

/// A replica whose ledger hash is not the agreed one (MedBlock's committers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Which replica.
    pub replica: ReplicaId,
    /// At which checkpoint.
    pub height: Height,
    /// What a quorum signed.
    pub agreed: Digest,
    /// What it signed.
    pub found: Digest,
}

/// A final block with what executing it gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The block and its certificate.
    pub decision: Decision,
    /// What executing it gave.
    pub done: Finalized,
}

wire_struct!(Delivery {
    decision: Decision,
    done: Finalized
});

impl Delivery {
    /// What to tell the client of a request whose counter was used at `index`; `None` if nothing is there.
    pub(crate) fn answer(&self, request: &Digest, index: u32) -> Option<Answer> {
        let block = &self.decision.block;
        let there = block.transactions().get(index as usize)?;
        if there.id() != *request {
            return Some(Err(EngineError::CounterUsed));
        }
        let outcome = self.done.outcomes.get(index as usize)?.clone();
        Some(Ok(Reply {
            height: block.height(),
            index,
            outcome,
        }))
    }
}

/// One durable write.
#[derive(Clone, Debug)]
pub enum Write {
    /// The replica's voting record, replacing the one before.
    Votes(Box<VotingRecord>),
    /// A block that the voting record names by its digest.
    Body(Arc<Block>),
    /// The NEW-VIEW that opened the current view.
    NewView(Arc<NewView>),
    /// A final block; bodies of its height are no longer needed.
    Decided(Arc<Delivery>),
    /// A stable checkpoint, and the height up to which the application needs no blocks. What is at
    /// or below the last checkpoint up to there may be dropped.
    Checkpoint(Box<StableCheckpoint>, Height),
    /// The chain starts over from a checkpoint of others.
    Restored(Box<StableCheckpoint>),
}

impl Wire for Write {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Write::Votes(record) => {
                out.push(1);
                record.encode(out);
            }
            Write::Body(block) => {
                out.push(2);
                block.encode(out);
            }
            Write::NewView(new_view) => {
                out.push(3);
                new_view.encode(out);
            }
            Write::Decided(delivery) => {
                out.push(4);
                delivery.encode(out);
            }
            Write::Checkpoint(checkpoint, retain) => {
                out.push(5);
                checkpoint.encode(out);
                retain.encode(out);
            }
            Write::Restored(checkpoint) => {
                out.push(6);
                checkpoint.encode(out);
            }
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => Write::Votes(Box::new(Wire::decode(r)?)),
            2 => Write::Body(Wire::decode(r)?),
            3 => Write::NewView(Wire::decode(r)?),
            4 => Write::Decided(Wire::decode(r)?),
            5 => Write::Checkpoint(Box::new(Wire::decode(r)?), Wire::decode(r)?),
            6 => Write::Restored(Box::new(Wire::decode(r)?)),
            tag => return Err(WireError::UnknownTag { what: "write", tag }),
        })
    }
}

/// Everything a replica has promised: no vote leaves before it is in here on disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VotingRecord {
    /// The epoch the view belongs to.
    pub epoch: Epoch,
    /// The view.
    pub view: View,
    /// The VIEW-CHANGE for `view`, while it is being changed to.
    pub view_change: Option<Arc<ViewChange>>,
    /// The height being decided.
    pub height: Height,
    /// The PRE-PREPARE made or accepted in `view`; a backup's PREPARE goes with it.
    pub accepted: Option<Ballot>,
    /// The proof of the last prepared block of this height; a COMMIT in its view goes with it.
    pub prepared: Option<Prepared>,
    /// The digest the NEW-VIEW of `view` forces at this height.
    pub forced: Option<Digest>,
}

wire_struct!(VotingRecord {
    epoch: Epoch,
    view: View,
    view_change: Option<Arc<ViewChange>>,
    height: Height,
    accepted: Option<Ballot>,
    prepared: Option<Prepared>,
    forced: Option<Digest>,
});

/// A checkpoint a quorum signed.
#[derive(Clone, Debug, PartialEq)]
pub struct StableCheckpoint {
    /// The signatures.
    pub proof: CheckpointCert,
    /// The state.
    pub state: CheckpointState,
    /// The certificate of the block at that height.
    pub certificate: crate::certificate::CommitCert,
    /// The roster changes up to it.
    pub steps: Vec<EpochStep>,
}

impl StableCheckpoint {
    /// The chain state, if the rosters lead from the first one to the checkpoint's, whose quorum signed
    /// state and block.
    pub(crate) fn proven(&self, domain: &Domain, first: Arc<Roster>) -> Option<ChainState> {
        let state = ChainState::from_wire(&self.state.chain).ok()?;
        let mut client = LightClient::within(domain.clone(), first);
        // Steps up to the checkpoint: the next height's roster may already be another.
        let before = |s: &&EpochStep| s.header.height < self.proof.height;
        let mut followed = self.steps.iter().filter(before);
        followed.try_for_each(|s| client.follow(s)).ok()?;
        if let Some(announced) = self.steps.iter().find(|s| !before(s)) {
            client.clone().follow(announced).ok()?;
        }
        let holds = self.proof.state == self.state.digest()
            && self.proof.height == state.height
            && self.state.snapshot.height == state.height
            && self.proof.verify(domain, client.roster()).is_ok()
            && self.certificate.block == state.tip
            && self.certificate.height == state.height
            && self.certificate.verify(domain, client.roster()).is_ok();
        holds.then_some(state)
    }
}

impl Wire for StableCheckpoint {
    const MIN_SIZE: usize = 120;
    fn encode(&self, out: &mut Vec<u8>) {
        self.proof.encode(out);
        self.state.encode(out);
        self.certificate.encode(out);
        encode_list(self.steps.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(StableCheckpoint {
            proof: Wire::decode(r)?,
            state: Wire::decode(r)?,
            certificate: Wire::decode(r)?,
            steps: r.list("steps", MAX_STEPS)?,
        })
    }
}

/// What a store gives back after a restart.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// The stable checkpoints kept, in order.
    pub checkpoints: Vec<StableCheckpoint>,
    /// Blocks after the first of them (or from height 1), in order.
    pub blocks: Vec<Arc<Delivery>>,
    /// The voting record.
    pub votes: Option<Box<VotingRecord>>,
    /// Bodies the record may name.
    pub bodies: Vec<Arc<Block>>,
    /// The NEW-VIEW of the current view.
    pub new_view: Option<Arc<NewView>>,
}
