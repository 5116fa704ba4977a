//! Checkpoints and snapshots, in the ledger's layer: the engine knows neither.
//!
//! Every K blocks the replicas sign their state. What a quorum signed is stable: it is kept with the
//! application's snapshot, a restart begins there, and blocks below may be dropped. A replica whose next
//! block the others have dropped asks one of them after another for its stable checkpoint, believes it as
//! far as rosters from the genesis on and a quorum signed it, fetches the snapshot piece by piece, and
//! begins again from there.

use crate::application::{Application, MAX_CHUNK, Restoration, SnapshotInfo, chunk_digest};
use crate::block::MAX_BLOCK;
use crate::certificate::{Ballot, CheckpointCert, CommitCert, checkpoint_statement};
use crate::chain::Chain;
use crate::chain_state::CheckpointState;
use crate::digest::Digest;
use crate::height::{Height, ReplicaId};
use crate::identity::{Kind, Signature};
use crate::malachite::announce;
use crate::malachite::host::{Host, Stop};
use crate::malachite::parts::{Fetch, Part, Want, stream};
use crate::malachite::store::Store;
use crate::pbft::effect::StableCheckpoint;
use crate::store::StoreError;
use crate::wire::Wire;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many checkpoints are kept until one is stable, one's own and each peer's.
const KEPT: usize = 2;
/// After so long without a block, and every so often, a replica says what it waits for.
const STALL: Duration = Duration::from_secs(1);
/// How often a piece is asked for before another checkpoint may be taken.
const MAX_ASKED: u32 = 5;
/// The most bytes of snapshots that are sent in a [`STALL`].
const MAX_SENT: usize = 16 << 20;

/// A snapshot being fetched.
#[derive(Debug)]
struct Transfer {
    checkpoint: StableCheckpoint,
    from: ReplicaId,
    /// The piece wanted next.
    next: u32,
    /// How often it was asked for.
    asked: u32,
}

/// What a replica knows of checkpoints.
#[derive(Debug)]
pub(super) struct Snapshots {
    /// How many blocks are kept below a stable checkpoint; all if absent.
    keep_blocks: Option<u64>,
    own: BTreeMap<Height, (CheckpointState, CommitCert, Ballot)>,
    ballots: BTreeMap<ReplicaId, BTreeMap<Height, Ballot>>,
    stable: Option<Arc<StableCheckpoint>>,
    transfer: Option<Transfer>,
    /// When the last block was decided, or this was last looked after.
    looked: Instant,
    attempt: u64,
    /// Bytes sent since.
    sent: (Instant, usize),
}

impl Snapshots {
    pub(super) fn new(keep_blocks: Option<u64>, stable: Option<StableCheckpoint>) -> Self {
        Snapshots {
            keep_blocks,
            own: BTreeMap::new(),
            ballots: BTreeMap::new(),
            stable: stable.map(Arc::new),
            transfer: None,
            looked: Instant::now(),
            attempt: 0,
            sent: (Instant::now(), 0),
        }
    }

    /// A block was decided.
    pub(super) fn moved(&mut self) {
        self.looked = Instant::now();
    }

    fn stable_height(&self) -> Height {
        let stable = self.stable.as_ref();
        stable.map_or(Height::default(), |s| s.proof.height)
    }

    /// Whether so many bytes may be sent now.
    fn may_send(&mut self, bytes: usize) -> bool {
        if self.sent.0.elapsed() >= STALL {
            self.sent = (Instant::now(), 0);
        }
        let free = self.sent.1 == 0 || self.sent.1 + bytes <= MAX_SENT;
        if free {
            self.sent.1 += bytes;
        }
        free
    }
}

/// Restores an application that is behind a stored checkpoint from the snapshot beside it, and the chain
/// with it. False if the application takes no snapshots.
///
/// # Errors
/// [`StoreError`] if the snapshot is damaged or not what was certified.
pub(super) fn restore<A: Application>(
    chain: &mut Chain<A>,
    store: &Store,
    checkpoint: &StableCheckpoint,
) -> Result<bool, StoreError> {
    let damaged = || crate::wire::WireError::Invalid { what: "snapshot" };
    let app_hash = checkpoint.state.app_hash()?;
    let (height, snapshot) = (checkpoint.proof.height, &checkpoint.state.snapshot);
    if snapshot.chunks.is_empty() || !chain.app_mut().offer(snapshot, app_hash) {
        return Ok(false);
    }
    for (index, digest) in (0u32..).zip(&snapshot.chunks) {
        let piece = store.piece(height, index)?.ok_or_else(damaged)?;
        if chunk_digest(&piece) != *digest {
            return Err(damaged().into());
        }
        let last = index as usize + 1 == snapshot.chunks.len();
        match (chain.app_mut().apply_chunk(index, &piece), last) {
            (Restoration::Continue, false) | (Restoration::Complete, true) => {}
            _ => return Err(damaged().into()),
        }
    }
    chain.restore(
        &checkpoint.state,
        checkpoint.certificate.clone(),
        checkpoint.steps.clone(),
    )?;
    Ok(true)
}

impl<A: Application> Host<A> {
    /// Signs the state after every K-th block.
    pub(super) fn checkpoint(&mut self) -> Result<(), Stop> {
        let height = self.chain.height();
        let certificate = self.chain.certificate().cloned();
        let (true, Some(certificate)) = (self.chain.checkpoint_due(), certificate) else {
            return Ok(());
        };
        let Some(roster) = self.chain.roster_at(height).cloned() else {
            return Ok(());
        };
        let state = self.chain.checkpoint();
        let statement = checkpoint_statement(&roster, height, state.digest());
        let ballot = Ballot {
            epoch: statement.epoch,
            kind: Kind::Checkpoint,
            view: statement.view,
            height,
            digest: statement.digest,
            from: self.id,
            signature: self.chain.domain().sign(&self.pen.key, &statement),
        };
        let own = &mut self.snapshots.own;
        own.insert(height, (state, certificate, ballot));
        while own.len() > KEPT {
            own.pop_first();
        }
        if roster.voter(self.id).is_some() {
            self.write(Part::Checkpoint(ballot));
            self.count(&ballot);
        }
        self.make_stable(height)
    }

    /// Another's signature on its state.
    pub(super) fn on_checkpoint(&mut self, ballot: &Ballot) -> Result<(), Stop> {
        let every = self.chain.genesis().checkpoint_every;
        let expected = ballot.kind == Kind::Checkpoint
            && ballot.height.get().is_multiple_of(every)
            && ballot.height > self.snapshots.stable_height();
        let roster = self.chain.roster_at(ballot.height);
        let signed = roster.is_some_and(|r| ballot.verify(self.chain.domain(), r));
        if !expected || !signed {
            return Ok(());
        }
        self.count(ballot);
        self.make_stable(ballot.height)
    }

    fn count(&mut self, ballot: &Ballot) {
        let of_sender = self.snapshots.ballots.entry(ballot.from).or_default();
        of_sender.entry(ballot.height).or_insert(*ballot);
        while of_sender.len() > KEPT {
            of_sender.pop_first();
        }
    }

    /// A quorum signed one state: it is kept. If it is not this replica's, the replica must stop.
    fn make_stable(&mut self, height: Height) -> Result<(), Stop> {
        let Some(roster) = self.chain.roster_at(height).cloned() else {
            return Ok(());
        };
        let Some((state, certificate, _)) = self.snapshots.own.get(&height).cloned() else {
            return Ok(());
        };
        let mut tally: BTreeMap<Digest, Vec<(ReplicaId, Signature)>> = BTreeMap::new();
        for ballot in self
            .snapshots
            .ballots
            .values()
            .filter_map(|b| b.get(&height))
        {
            let signers = tally.entry(ballot.digest).or_default();
            signers.push((ballot.from, ballot.signature));
        }
        let quorum = roster.quorum();
        let agreed = tally
            .into_iter()
            .find(|(_, signers)| signers.len() >= quorum);
        let Some((agreed, signatures)) = agreed else {
            return Ok(());
        };
        if agreed != state.digest() {
            return Err(Stop::Halted(height));
        }
        let steps = self.chain.steps().iter();
        let steps = steps.filter(|s| s.header.height <= height);
        self.keep_stable(StableCheckpoint {
            proof: CheckpointCert {
                height,
                state: agreed,
                signatures,
            },
            state,
            certificate,
            steps: steps.cloned().collect(),
        })
    }

    /// Writes a stable checkpoint with its snapshot, and drops what it makes superfluous. Without the
    /// whole snapshot every block is still needed.
    fn keep_stable(&mut self, checkpoint: StableCheckpoint) -> Result<(), Stop> {
        let height = checkpoint.proof.height;
        self.snapshots.own.retain(|h, _| *h > height);
        self.snapshots
            .ballots
            .values_mut()
            .for_each(|b| b.retain(|h, _| *h > height));
        let Some(pieces) = self.pieces(&checkpoint.state.snapshot) else {
            return Ok(());
        };
        let lowest = self.store.lowest()?;
        let sendable = checkpoint.to_wire().len() <= MAX_BLOCK;
        let keep_from = match self.snapshots.keep_blocks {
            Some(kept) if sendable => Height::new(height.next().get().saturating_sub(kept)),
            _ => lowest,
        };
        let keep_from = keep_from.max(lowest);
        self.store
            .keep_checkpoint(&checkpoint, &pieces, keep_from)?;
        self.desk.update(|r| r.lowest = keep_from);
        self.snapshots.stable = Some(Arc::new(checkpoint));
        Ok(())
    }

    /// All pieces of a snapshot of this replica's own; `None` if the application has none.
    fn pieces(&self, info: &SnapshotInfo) -> Option<Vec<Vec<u8>>> {
        let indices = (0u32..).zip(&info.chunks);
        let piece = |(index, _)| self.chain.app().load_chunk(info.height, index);
        let pieces: Option<Vec<Vec<u8>>> = indices.map(piece).collect();
        pieces.filter(|p| !p.is_empty() && p.iter().all(|bytes| bytes.len() <= MAX_CHUNK))
    }

    /// Nothing was decided for a while: says what is missing, and what others may have missed.
    pub(super) fn look_behind(&mut self) {
        if self.snapshots.looked.elapsed() < STALL {
            return;
        }
        self.snapshots.looked = Instant::now();
        self.snapshots.attempt += 1;
        let lost = self.snapshots.own.values().next_back();
        if let Some(ballot) = lost.map(|(_, _, ballot)| *ballot) {
            self.write(Part::Checkpoint(ballot));
        }
        let transfer = &mut self.snapshots.transfer;
        if let Some(t) = transfer {
            t.asked += 1;
            if t.asked > MAX_ASKED || t.checkpoint.proof.height <= self.chain.height() {
                *transfer = None;
            }
        }
        if self.snapshots.transfer.is_some() {
            self.ask_for_piece();
        } else {
            self.write(Part::Wanted(Want {
                replica: self.id,
                height: self.next(),
                attempt: self.snapshots.attempt,
            }));
        }
    }

    /// Another waits for a block that was dropped here: offers the checkpoint, if it is this replica's
    /// turn to answer.
    pub(super) fn on_wanted(&mut self, want: Want) -> Result<(), Stop> {
        let others = self.chain.roster().members().iter().map(|m| m.id);
        let others: Vec<ReplicaId> = others.filter(|id| *id != want.replica).collect();
        let turn = want.attempt.checked_rem(others.len() as u64).unwrap_or(0);
        let asked = usize::try_from(turn).ok().and_then(|t| others.get(t));
        let behind = want.height <= self.chain.height() && want.height < self.store.lowest()?;
        let Some(stable) = self.snapshots.stable.clone() else {
            return Ok(());
        };
        if asked != Some(&self.id) || !behind || stable.proof.height < want.height {
            return Ok(());
        }
        let bytes = stable.to_wire();
        if self.snapshots.may_send(bytes.len()) {
            let opening = Part::Offering(want.replica, self.id);
            let messages = stream(opening, bytes.into(), self.letter());
            self.letters.extend(messages);
        }
        Ok(())
    }

    /// A checkpoint for this replica: believed as far as it is proven.
    pub(super) fn on_offer(
        &mut self,
        to: ReplicaId,
        from: ReplicaId,
        bytes: &[u8],
    ) -> Result<(), Stop> {
        if to != self.id || self.snapshots.transfer.is_some() {
            return Ok(());
        }
        let Ok(checkpoint) = StableCheckpoint::from_wire(bytes) else {
            return Ok(());
        };
        let first = Arc::new(self.chain.genesis().roster.clone());
        let ahead = checkpoint.proof.height > self.chain.height();
        let whole = !checkpoint.state.snapshot.chunks.is_empty();
        if !ahead || !whole || checkpoint.proven(self.chain.domain(), first).is_none() {
            return Ok(());
        }
        self.snapshots.transfer = Some(Transfer {
            checkpoint,
            from,
            next: 0,
            asked: 0,
        });
        self.ask_for_piece();
        Ok(())
    }

    fn ask_for_piece(&mut self) {
        if let Some(t) = &self.snapshots.transfer {
            let fetch = Fetch {
                replica: self.id,
                from: t.from,
                height: t.checkpoint.proof.height,
                index: t.next,
            };
            self.write(Part::Fetch(fetch));
        }
    }

    /// Another asks for a piece.
    pub(super) fn on_fetch(&mut self, fetch: Fetch) -> Result<(), Stop> {
        if fetch.from != self.id {
            return Ok(());
        }
        let Some(piece) = self.store.piece(fetch.height, fetch.index)? else {
            return Ok(());
        };
        if self.snapshots.may_send(piece.len()) {
            let messages = stream(Part::Snapshot(fetch), piece.into(), self.letter());
            self.letters.extend(messages);
        }
        Ok(())
    }

    /// A piece, checked against its certified digest. After the last one the replica goes on from there.
    pub(super) fn on_piece(&mut self, fetch: Fetch, bytes: &[u8]) -> Result<(), Stop> {
        let Some(t) = &mut self.snapshots.transfer else {
            return Ok(());
        };
        let chunks = &t.checkpoint.state.snapshot.chunks;
        let height = t.checkpoint.proof.height;
        let wanted = fetch.replica == self.id && (fetch.height, fetch.index) == (height, t.next);
        if !wanted || chunks.get(t.next as usize) != Some(&chunk_digest(bytes)) {
            return Ok(());
        }
        self.store.keep_piece(height, t.next, bytes)?;
        t.next += 1;
        t.asked = 0;
        self.snapshots.looked = Instant::now();
        if (t.next as usize) < chunks.len() {
            self.ask_for_piece();
            return Ok(());
        }
        match self.snapshots.transfer.take() {
            Some(transfer) if height > self.chain.height() => self.take_over(transfer),
            _ => Ok(()),
        }
    }

    /// The checkpoint is on disk first; then application and chain go on from it.
    fn take_over(&mut self, transfer: Transfer) -> Result<(), Stop> {
        let Transfer { checkpoint, .. } = transfer;
        let height = checkpoint.proof.height;
        self.store.adopt(&checkpoint)?;
        match restore(&mut self.chain, &self.store, &checkpoint) {
            Ok(true) => {}
            // What a quorum certified is not what the application makes of it.
            Ok(false) | Err(StoreError::Damaged(_)) => return Err(Stop::Halted(height)),
            Err(e) => return Err(e.into()),
        }
        announce(&self.chain, &self.pen.seals.epochs);
        self.snapshots.own.clear();
        self.snapshots.ballots.clear();
        self.snapshots.stable = Some(Arc::new(checkpoint));
        self.desk.update(|r| r.lowest = height.next());
        Err(Stop::Restored(height))
    }
}
