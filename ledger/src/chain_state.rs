//! What all honest replicas agree on after a height, as one value with one encoding.

use crate::application::{Finalized, Genesis, NextParams, SnapshotInfo};
use crate::block::{Block, Outcome};
use crate::certificate::EngineTag;
use crate::digest::{Digest, Purpose};
use crate::height::{Height, ReplicaId, Time, View};
use crate::merkle;
use crate::proposer::ProposerOrder;
use crate::roster::Roster;
use crate::session::Sessions;
use crate::silence::Silences;
use crate::wire::{Reader, Wire, WireError, encode_list, sorted_map};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most epochs a state remembers.
const MAX_ROSTERS: usize = 4096;

/// What all honest replicas agree on after a height, besides the application's own state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChainState {
    pub(crate) height: Height,
    pub(crate) tip: Digest,
    pub(crate) time: Time,
    pub(crate) app_hash: Digest,
    pub(crate) outcomes: Digest,
    /// Rosters by the height from which they vote; known up to height + 2.
    pub(crate) rosters: BTreeMap<Height, Arc<Roster>>,
    pub(crate) params: NextParams,
    pub(crate) sessions: Sessions,
    pub(crate) silences: Silences,
    /// The last height of which each member's lie was reported.
    pub(crate) reported: BTreeMap<ReplicaId, Height>,
    /// The view in which the block before the tip was committed, as the tip says.
    pub(crate) certified_view: View,
    /// The proposers of the tip's height.
    pub(crate) order_before: ProposerOrder,
    /// The proposers of the next height.
    pub(crate) order: ProposerOrder,
}

impl Wire for ChainState {
    const MIN_SIZE: usize = 200;
    fn encode(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        self.tip.encode(out);
        self.time.encode(out);
        self.app_hash.encode(out);
        self.outcomes.encode(out);
        let rosters: Vec<(Height, Arc<Roster>)> =
            self.rosters.iter().map(|(h, r)| (*h, r.clone())).collect();
        encode_list(rosters.iter(), out);
        self.params.encode(out);
        self.sessions.encode(out);
        self.silences.encode(out);
        let reported: Vec<(ReplicaId, Height)> =
            self.reported.iter().map(|(k, v)| (*k, *v)).collect();
        encode_list(reported.iter(), out);
        self.certified_view.encode(out);
        self.order_before.encode(out);
        self.order.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let state = ChainState {
            height: Wire::decode(r)?,
            tip: Wire::decode(r)?,
            time: Wire::decode(r)?,
            app_hash: Wire::decode(r)?,
            outcomes: Wire::decode(r)?,
            rosters: sorted_map(r, "rosters", MAX_ROSTERS)?,
            params: Wire::decode(r)?,
            sessions: Wire::decode(r)?,
            silences: Wire::decode(r)?,
            reported: sorted_map(r, "reported", usize::from(u16::MAX))?,
            certified_view: Wire::decode(r)?,
            order_before: Wire::decode(r)?,
            order: Wire::decode(r)?,
        };
        if state.rosters.is_empty() {
            return Err(WireError::Invalid { what: "rosters" });
        }
        Ok(state)
    }
}

/// What was agreed at a checkpoint: enough, with the application's chunks, to start from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointState {
    /// The encoded chain state.
    pub(crate) chain: Arc<[u8]>,
    /// The application's snapshot.
    pub(crate) snapshot: SnapshotInfo,
}

/// The longest encoded chain state, in bytes.
const MAX_CHAIN_STATE: usize = u32::MAX as usize;

impl CheckpointState {
    /// What a CHECKPOINT signs.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Purpose::Checkpoint.hash(&[&self.chain, &self.snapshot.to_wire()])
    }

    /// The application's hash in this state.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are no chain state.
    #[cfg(feature = "malachite")]
    pub(crate) fn app_hash(&self) -> Result<Digest, WireError> {
        ChainState::from_wire(&self.chain).map(|state| state.app_hash)
    }
}

impl Wire for CheckpointState {
    const MIN_SIZE: usize = 16;
    fn encode(&self, out: &mut Vec<u8>) {
        crate::wire::encode_bytes(&self.chain, out);
        self.snapshot.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(CheckpointState {
            chain: r.bytes("chain state", MAX_CHAIN_STATE)?.into(),
            snapshot: Wire::decode(r)?,
        })
    }
}

impl ChainState {
    /// The state at height 0.
    pub(crate) fn genesis(genesis: &Genesis, params: NextParams, app_hash: Digest) -> ChainState {
        let roster = Arc::new(genesis.roster.clone());
        let chain = genesis.digest();
        let order = ProposerOrder::new(&params.policy, &roster, chain, Height::new(1), &[]);
        ChainState {
            height: Height::default(),
            tip: chain,
            time: genesis.time,
            app_hash,
            outcomes: Digest::ZERO,
            rosters: BTreeMap::from([(Height::default(), roster)]),
            params: NextParams {
                roster: genesis.roster.clone(),
                ..params
            },
            sessions: Sessions::default(),
            silences: Silences::default(),
            reported: BTreeMap::new(),
            certified_view: View::FIRST,
            order_before: order.clone(),
            order,
        }
    }

    /// The roster that votes at a height, given what is known now.
    pub(crate) fn roster_at(&self, height: Height) -> Option<&Arc<Roster>> {
        let known = self.rosters.range(..=height).next_back();
        known.map(|(_, r)| r)
    }

    /// Takes in an executed block: the next height's rosters, proposers and counters.
    pub(crate) fn absorb(
        &mut self,
        block: &Block,
        done: &Finalized,
        chain: Digest,
        requests: impl Iterator<Item = crate::application::RequestId>,
    ) {
        let height = block.height();
        self.count_silence(block);
        self.height = height;
        self.tip = block.digest();
        self.time = block.header().time;
        self.app_hash = done.app_hash;
        let outcomes: Vec<Digest> = done.outcomes.iter().map(Outcome::digest).collect();
        self.outcomes = merkle::root(&outcomes);
        for (index, request) in (0u32..).zip(requests) {
            self.sessions.executed(&request, height, index);
        }
        for evidence in block.evidence() {
            self.reported.insert(evidence.offender(), evidence.height());
        }
        for id in &done.ready {
            self.silences.ready(*id);
        }
        self.change_roster(height.plus(2), &done.next.roster);
        self.params.policy = done.next.policy.clone();
        self.params.timeouts = done.next.timeouts;
        let next = height.next();
        if let Some(roster) = self.roster_at(next) {
            let suspended = self.silences.suspended(next);
            let order = ProposerOrder::new(&self.params.policy, roster, chain, next, &suspended);
            self.order_before = std::mem::replace(&mut self.order, order);
        }
    }

    /// The successor the application names votes from `from` on; anything else is ignored.
    fn change_roster(&mut self, from: Height, named: &Roster) {
        let latest = &self.params.roster;
        if named == latest || latest.successor(named.members().to_vec()).as_ref() != Ok(named) {
            return;
        }
        self.params.roster = named.clone();
        self.rosters.insert(from, Arc::new(named.clone()));
        self.silences.retain(|id| named.voter(id).is_some());
        if self.rosters.len() > MAX_ROSTERS {
            self.rosters.pop_first();
        }
    }

    /// Reads the parent's certificate in `block`: who was silent at the parent's height.
    fn count_silence(&mut self, block: &Block) {
        let Some(certificate) = block.certificate() else {
            return;
        };
        let epoch_of = |h| self.roster_at(h).map(|r| r.epoch());
        let same_epoch = epoch_of(self.height) == epoch_of(self.height.previous());
        // Malachite's rounds start over at every height; PBFT's views go on.
        let goes_on = same_epoch && certificate.engine == EngineTag::Pbft;
        let from = if goes_on {
            self.certified_view
        } else {
            View::FIRST
        };
        let suspend_after = self.params.timeouts.suspend_after;
        let (order, now) = (&self.order_before, block.height());
        self.silences
            .count(order, from, certificate.view, now, suspend_after);
        self.certified_view = certificate.view;
    }
}
