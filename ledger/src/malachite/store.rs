//! What one replica keeps on disk, in one `redb` file: final blocks, proposed ones not yet decided, and
//! the last stable checkpoint with the application's snapshot.
//!
//! The engine's certificates carry digests alone, and its log is replayed after a crash: a block that
//! was voted for must still be here then. It is on disk before the engine hears of it.

use crate::digest::Digest;
use crate::height::{Height, ReplicaId};
use crate::malachite::context::view_of;
use crate::malachite::parts::Offer;
use crate::pbft::effect::{Delivery, StableCheckpoint};
use crate::store::StoreError;
use crate::wire::{Wire, WireError};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use std::path::Path;

const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
/// Keyed by height; round and digest.
const OFFERS: TableDefinition<'_, (u64, &[u8]), &[u8]> = TableDefinition::new("offers");
/// Pieces of snapshots, keyed by height and number.
const SNAPSHOTS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("snapshots");
const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");
const CHECKPOINT: &str = "checkpoint";

/// One replica's file.
#[derive(Debug)]
pub(super) struct Store {
    db: Database,
}

impl Store {
    /// Opens or creates the file of a replica of a chain; refuses any other's.
    pub(super) fn open(path: &Path, chain: Digest, id: ReplicaId) -> Result<Self, StoreError> {
        let store = Store {
            db: Database::create(path)?,
        };
        let tx = store.db.begin_write()?;
        {
            tx.open_table(BLOCKS)?;
            tx.open_table(OFFERS)?;
            tx.open_table(SNAPSHOTS)?;
            let mut records = tx.open_table(RECORDS)?;
            let owner = (chain, id).to_wire();
            let known = records.get("owner")?.map(|v| v.value().to_vec());
            match known {
                None => drop(records.insert("owner", owner.as_slice())?),
                Some(known) if known == owner => {}
                Some(known) => {
                    let (_, found) = <(Digest, ReplicaId)>::from_wire(&known)?;
                    return Err(StoreError::Foreign {
                        found,
                        expected: id,
                    });
                }
            }
        }
        tx.commit()?;
        Ok(store)
    }

    /// Keeps a proposed block; on disk when this returns.
    pub(super) fn keep(&self, offer: &Offer) -> Result<(), StoreError> {
        let mut tx = self.db.begin_write()?;
        tx.set_durability(Durability::Immediate)
            .map_err(redb::Error::from)?;
        let round = view_of(offer.proposal.round);
        let place = (round, offer.proposal.value).to_wire();
        let key = (offer.proposal.height.get(), place.as_slice());
        tx.open_table(OFFERS)?
            .insert(key, offer.to_wire().as_slice())?;
        tx.commit()?;
        Ok(())
    }

    /// The blocks proposed at a height, in order of their rounds.
    pub(super) fn offers(&self, height: Height) -> Result<Vec<Offer>, StoreError> {
        let tx = self.db.begin_read()?;
        let offers = tx.open_table(OFFERS)?;
        let h = height.get();
        let mut found = Vec::new();
        for entry in offers.range((h, [].as_slice())..(h + 1, [].as_slice()))? {
            found.push(Offer::from_wire(entry?.1.value())?);
        }
        Ok(found)
    }

    /// Keeps a final block, and drops what else was proposed up to its height; on disk when this
    /// returns.
    pub(super) fn decide(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let mut tx = self.db.begin_write()?;
        tx.set_durability(Durability::Immediate)
            .map_err(redb::Error::from)?;
        let height = delivery.decision.block.height().get();
        tx.open_table(BLOCKS)?
            .insert(height, delivery.to_wire().as_slice())?;
        tx.open_table(OFFERS)?
            .retain_in(..(height + 1, [].as_slice()), |_, _| false)?;
        tx.commit()?;
        Ok(())
    }

    /// A final block with its results.
    pub(super) fn block(&self, height: Height) -> Result<Option<Delivery>, StoreError> {
        let tx = self.db.begin_read()?;
        let value = tx.open_table(BLOCKS)?.get(height.get())?;
        Ok(match value {
            Some(v) => Some(Delivery::from_wire(v.value())?),
            None => None,
        })
    }

    /// The final blocks from a height on, one at a time; they must follow each other.
    pub(super) fn replay(
        &self,
        from: Height,
        mut take: impl FnMut(Delivery),
    ) -> Result<(), StoreError> {
        let tx = self.db.begin_read()?;
        let mut next = from;
        for entry in tx.open_table(BLOCKS)?.range(from.get()..)? {
            let delivery = Delivery::from_wire(entry?.1.value())?;
            if delivery.decision.block.height() != next {
                return Err(WireError::Invalid {
                    what: "block's place",
                }
                .into());
            }
            next = next.next();
            take(delivery);
        }
        Ok(())
    }

    /// The lowest height whose block is here, and all after it; the next one if there is none.
    pub(super) fn lowest(&self) -> Result<Height, StoreError> {
        let tx = self.db.begin_read()?;
        let first = tx.open_table(BLOCKS)?.first()?.map(|(h, _)| h.value());
        Ok(match first {
            Some(height) => Height::new(height),
            None => match self.checkpoint()? {
                Some(checkpoint) => checkpoint.proof.height.next(),
                None => Height::new(1),
            },
        })
    }

    /// The last stable checkpoint.
    pub(super) fn checkpoint(&self) -> Result<Option<StableCheckpoint>, StoreError> {
        let tx = self.db.begin_read()?;
        let value = tx.open_table(RECORDS)?.get(CHECKPOINT)?;
        Ok(match value {
            Some(v) => Some(StableCheckpoint::from_wire(v.value())?),
            None => None,
        })
    }

    /// A piece of a snapshot.
    pub(super) fn piece(&self, height: Height, index: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let tx = self.db.begin_read()?;
        let piece = tx.open_table(SNAPSHOTS)?.get((height.get(), index))?;
        Ok(piece.map(|v| v.value().to_vec()))
    }

    /// Keeps a piece of a snapshot being fetched.
    pub(super) fn keep_piece(
        &self,
        height: Height,
        index: u32,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let tx = self.db.begin_write()?;
        tx.open_table(SNAPSHOTS)?
            .insert((height.get(), index), bytes)?;
        tx.commit()?;
        Ok(())
    }

    /// Keeps a stable checkpoint with its snapshot's pieces, in place of the one before, and drops the
    /// blocks below `keep_from`; all or nothing, on disk when this returns.
    pub(super) fn keep_checkpoint(
        &self,
        checkpoint: &StableCheckpoint,
        pieces: &[Vec<u8>],
        keep_from: Height,
    ) -> Result<(), StoreError> {
        let height = checkpoint.proof.height.get();
        let mut tx = self.db.begin_write()?;
        tx.set_durability(Durability::Immediate)
            .map_err(redb::Error::from)?;
        {
            let mut snapshots = tx.open_table(SNAPSHOTS)?;
            for (index, piece) in (0u32..).zip(pieces) {
                snapshots.insert((height, index), piece.as_slice())?;
            }
            snapshots.retain(|(h, _), _| h == height)?;
            tx.open_table(BLOCKS)?
                .retain_in(..keep_from.get(), |_, _| false)?;
            tx.open_table(RECORDS)?
                .insert(CHECKPOINT, checkpoint.to_wire().as_slice())?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Goes on from a checkpoint of others, whose snapshot is here: nothing below it is left.
    pub(super) fn adopt(&self, checkpoint: &StableCheckpoint) -> Result<(), StoreError> {
        let next = checkpoint.proof.height.next();
        self.keep_checkpoint(checkpoint, &[], next)?;
        let mut tx = self.db.begin_write()?;
        tx.set_durability(Durability::Immediate)
            .map_err(redb::Error::from)?;
        tx.open_table(OFFERS)?
            .retain_in(..(next.get(), [].as_slice()), |_, _| false)?;
        tx.commit()?;
        Ok(())
    }
}
