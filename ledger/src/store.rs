//! What one replica keeps on disk, in one `redb` file.
//!
//! Each batch of writes is one transaction with an fsync; after a crash the file holds whole batches
//! only. The file knows its chain and replica and refuses any other.

use crate::digest::Digest;
use crate::height::{Height, ReplicaId};
use crate::pbft::effect::{Delivery, Recovered, StableCheckpoint, VotingRecord, Write};
use crate::pbft::message::{Decision, MAX_BLOCKS, NewView};
use crate::wire::{Wire, WireError};
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};
use std::path::Path;
use std::sync::Arc;

const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const CHECKPOINTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("checkpoints");
/// Keyed by height and digest.
const BODIES: TableDefinition<'_, (u64, &[u8]), &[u8]> = TableDefinition::new("bodies");
const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");
/// The most bytes of blocks in one answer to a peer.
const MAX_SERVED: usize = 32 << 20;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refuses.
    #[error("the ledger file: {0}")]
    Database(Box<redb::Error>),
    /// A value in it is damaged.
    #[error("the ledger file holds a damaged value: {0}")]
    Damaged(#[from] WireError),
    /// It belongs to another chain or replica.
    #[error("the ledger file is of replica {found}, not {expected}, or of another chain")]
    Foreign {
        /// The file's replica.
        found: ReplicaId,
        /// The one wanted.
        expected: ReplicaId,
    },
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(e: E) -> Self {
        StoreError::Database(Box::new(e.into()))
    }
}

/// One replica's file.
#[derive(Debug)]
pub struct Store {
    db: Database,
}

impl Store {
    /// Opens or creates the file of a replica of a chain.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Foreign`] if the file is another's.
    pub fn open(path: &Path, chain: Digest, id: ReplicaId) -> Result<Store, StoreError> {
        let store = Store {
            db: Database::create(path)?,
        };
        let tx = store.db.begin_write()?;
        {
            tx.open_table(BLOCKS)?;
            tx.open_table(CHECKPOINTS)?;
            tx.open_table(BODIES)?;
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

    /// Carries out writes, all or none, and waits until they are on disk.
    ///
    /// # Errors
    /// [`StoreError::Database`]: the replica must stop, for it may not vote.
    pub fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let mut tx = self.db.begin_write()?;
        tx.set_durability(Durability::Immediate)
            .map_err(redb::Error::from)?;
        // A record that a later one of the batch replaces need not be written.
        let last_votes = writes.iter().rposition(|w| matches!(w, Write::Votes(_)));
        for (i, write) in writes.iter().enumerate() {
            if !matches!(write, Write::Votes(_)) || last_votes == Some(i) {
                carry_out(&tx, write)?;
            }
        }
        tx.commit()?;
        Ok(())
    }

    /// Everything, for a restart.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn recover(&self) -> Result<Recovered, StoreError> {
        let tx = self.db.begin_read()?;
        let records = tx.open_table(RECORDS)?;
        let mut recovered = Recovered::default();
        if let Some(v) = records.get("votes")? {
            recovered.votes = Some(Box::new(VotingRecord::from_wire(v.value())?));
        }
        if let Some(v) = records.get("new view")? {
            recovered.new_view = Some(Arc::new(NewView::from_wire(v.value())?));
        }
        for entry in tx.open_table(CHECKPOINTS)?.iter()? {
            let checkpoint = StableCheckpoint::from_wire(entry?.1.value())?;
            recovered.checkpoints.push(checkpoint);
        }
        for entry in tx.open_table(BODIES)?.iter()? {
            recovered.bodies.push(Wire::from_wire(entry?.1.value())?);
        }
        for entry in tx.open_table(BLOCKS)?.iter()? {
            recovered.blocks.push(Wire::from_wire(entry?.1.value())?);
        }
        Ok(recovered)
    }

    /// A final block with its results.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block(&self, height: Height) -> Result<Option<Delivery>, StoreError> {
        let tx = self.db.begin_read()?;
        let value = tx.open_table(BLOCKS)?.get(height.get())?;
        Ok(match value {
            Some(v) => Some(Delivery::from_wire(v.value())?),
            None => None,
        })
    }

    /// Blocks from a height on, at most [`MAX_BLOCKS`]; `None` if they were dropped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn serve(&self, from: Height) -> Result<Option<Vec<Decision>>, StoreError> {
        let tx = self.db.begin_read()?;
        let blocks = tx.open_table(BLOCKS)?;
        let mut decisions = Vec::new();
        let mut bytes = 0;
        for entry in blocks.range(from.get()..)?.take(MAX_BLOCKS) {
            let value = entry?.1;
            bytes += value.value().len();
            if bytes > MAX_SERVED && !decisions.is_empty() {
                break;
            }
            decisions.push(Delivery::from_wire(value.value())?.decision);
        }
        let here = decisions.first().map(|d| d.block.height()) == Some(from);
        let dropped = !here && tx.open_table(CHECKPOINTS)?.first()?.is_some();
        Ok((!dropped).then_some(decisions))
    }
}

fn carry_out(tx: &WriteTransaction, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::Votes(record) => put(tx, "votes", &**record)?,
        Write::NewView(new_view) => put(tx, "new view", new_view)?,
        Write::Body(block) => {
            let mut bodies = tx.open_table(BODIES)?;
            let key = (block.height().get(), block.digest());
            bodies.insert(
                (key.0, key.1.as_bytes().as_slice()),
                block.to_wire().as_slice(),
            )?;
        }
        Write::Decided(delivery) => {
            let height = delivery.decision.block.height().get();
            let mut blocks = tx.open_table(BLOCKS)?;
            blocks.insert(height, delivery.to_wire().as_slice())?;
            let mut bodies = tx.open_table(BODIES)?;
            bodies.retain_in(..(height + 1, [].as_slice()), |_, _| false)?;
        }
        Write::Checkpoint(checkpoint, retain) => {
            let mut checkpoints = tx.open_table(CHECKPOINTS)?;
            let height = checkpoint.proof.height.get();
            checkpoints.insert(height, checkpoint.to_wire().as_slice())?;
            let base = checkpoints.range(..=retain.get())?.next_back();
            let base = base.transpose()?.map(|(h, _)| h.value());
            if let Some(base) = base {
                checkpoints.retain_in(..base, |_, _| false)?;
                let mut blocks = tx.open_table(BLOCKS)?;
                blocks.retain_in(..=base, |_, _| false)?;
            } else {
                // Every block is still needed: only the last checkpoint serves anyone.
                checkpoints.retain_in(..height, |_, _| false)?;
            }
        }
        Write::Restored(checkpoint) => {
            let mut blocks = tx.open_table(BLOCKS)?;
            blocks.retain(|_, _| false)?;
            let mut checkpoints = tx.open_table(CHECKPOINTS)?;
            checkpoints.retain(|_, _| false)?;
            checkpoints.insert(
                checkpoint.proof.height.get(),
                checkpoint.to_wire().as_slice(),
            )?;
        }
    }
    Ok(())
}

fn put(tx: &WriteTransaction, name: &str, value: &impl Wire) -> Result<(), StoreError> {
    let mut records = tx.open_table(RECORDS)?;
    records.insert(name, value.to_wire().as_slice())?;
    Ok(())
}
