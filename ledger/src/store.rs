//! What one replica keeps on disk: a `redb` file, and before it a log.
//!
//! Each batch of writes is appended to the log with one sync, which is all that a vote waits for. From
//! time to time what the log holds goes into the database in one transaction, and the log begins anew. After
//! a crash both together hold whole batches only. The files know their chain and replica and refuse any
//! other; without its log a database is refused as well, for votes may be missing.

mod journal;

use crate::digest::Digest;
use crate::height::{Height, ReplicaId};
use crate::pbft::effect::{Delivery, Recovered, StableCheckpoint, VotingRecord, Write};
use crate::pbft::message::{Decision, MAX_BLOCKS, NewView};
use crate::wire::{Reader, Wire, WireError};
use journal::Journal;
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const CHECKPOINTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("checkpoints");
/// Keyed by height and digest.
const BODIES: TableDefinition<'_, (u64, &[u8]), &[u8]> = TableDefinition::new("bodies");
const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");
/// About how many blocks may be in the log alone, and about how many bytes.
const MAX_LOGGED: usize = 128;
const MAX_LOGGED_BYTES: u64 = 8 << 20;
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
    /// The log cannot be read or written.
    #[error("the ledger's log: {0}")]
    Log(std::io::Error),
    /// The log is damaged, and not at its end: promises are lost.
    #[error("the ledger's log is damaged at byte {at}")]
    LogDamaged {
        /// Where.
        at: u64,
    },
    /// The log is not beside the database, or empty: promises are lost.
    #[error("the ledger's log {0} is missing or empty; a replica that forgets its votes is a liar")]
    LogMissing(PathBuf),
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

/// One replica's files.
#[derive(Debug)]
pub struct Store {
    db: Database,
    journal: Journal,
    /// What is in the log and not yet in the database.
    logged: Vec<Write>,
    /// The blocks among it.
    blocks: BTreeMap<u64, Arc<Delivery>>,
    /// How many there may be: not the same for all, so that not all replicas are busy at once.
    most: usize,
    /// Whether it is time to settle.
    due: bool,
}

impl Store {
    /// Opens or creates the files of a replica of a chain: the database at `path`, and its log beside
    /// it, with the extension `log`.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Foreign`] if a file is another's.
    pub fn open(path: &Path, chain: Digest, id: ReplicaId) -> Result<Store, StoreError> {
        let db = Database::create(path)?;
        let owner = (chain, id);
        let known = open_tables(&db, owner)?;
        let log = path.with_extension("log");
        if known && !log.exists() {
            return Err(StoreError::LogMissing(log));
        }
        let (journal, batches) = Journal::open(&log, owner, known)?;
        if !known {
            // From here on the log must be there.
            let tx = db.begin_write()?;
            tx.open_table(RECORDS)?
                .insert("owner", owner.to_wire().as_slice())?;
            tx.commit()?;
        }
        let mut store = Store {
            db,
            journal,
            logged: Vec::new(),
            blocks: BTreeMap::new(),
            most: MAX_LOGGED + usize::from(id.get() % 8) * 16,
            due: false,
        };
        for batch in batches {
            let mut r = Reader::new(&batch);
            while r.left() > 0 {
                store.logged.push(Wire::decode(&mut r)?);
            }
        }
        if !store.logged.is_empty() {
            store.settle()?;
        }
        Ok(store)
    }

    /// Carries out writes, all or none, and waits until they are on disk.
    ///
    /// # Errors
    /// [`StoreError`]: the replica must stop, for it may not vote.
    pub fn write(&mut self, writes: Vec<Write>) -> Result<(), StoreError> {
        // A record that a later one of the batch replaces need not be written.
        let last_votes = writes.iter().rposition(|w| matches!(w, Write::Votes(_)));
        let mut batch = Vec::new();
        for (i, write) in writes.into_iter().enumerate() {
            match &write {
                Write::Votes(_) if last_votes != Some(i) => continue,
                Write::Decided(delivery) => {
                    let height = delivery.decision.block.height().get();
                    self.blocks.insert(height, delivery.clone());
                }
                Write::Checkpoint(..) | Write::Restored(_) => self.due = true,
                Write::Votes(_) | Write::Body(_) | Write::NewView(_) => {}
            }
            write.encode(&mut batch);
            self.logged.push(write);
        }
        self.journal.append(&batch).map_err(StoreError::Log)?;
        self.due |= self.blocks.len() >= self.most || self.journal.size() >= MAX_LOGGED_BYTES;
        Ok(())
    }

    /// Moves what is in the log into the database when it is much, or a checkpoint. Nobody waits for it:
    /// it is for after what was written has been acted upon.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tidy(&mut self) -> Result<(), StoreError> {
        if self.due { self.settle() } else { Ok(()) }
    }

    /// Moves what is in the log into the database, and begins the log anew. A crash between the two
    /// carries the same writes out again, to the same end.
    fn settle(&mut self) -> Result<(), StoreError> {
        let mut tx = self.db.begin_write()?;
        tx.set_durability(Durability::Immediate)
            .map_err(redb::Error::from)?;
        let last_votes = self
            .logged
            .iter()
            .rposition(|w| matches!(w, Write::Votes(_)));
        let last_view = self
            .logged
            .iter()
            .rposition(|w| matches!(w, Write::NewView(_)));
        // A body is dropped with its block's decision: only those of later heights are needed.
        let decided = self.blocks.last_key_value().map_or(0, |(h, _)| *h);
        for (i, write) in self.logged.iter().enumerate() {
            let stale = match write {
                Write::Votes(_) => last_votes != Some(i),
                Write::NewView(_) => last_view != Some(i),
                Write::Body(block) => block.height().get() <= decided,
                _ => false,
            };
            if !stale {
                carry_out(&tx, write)?;
            }
        }
        tx.commit()?;
        self.journal.clear().map_err(StoreError::Log)?;
        self.logged.clear();
        self.blocks.clear();
        self.due = false;
        Ok(())
    }

    /// Everything, for a restart.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn recover(&mut self) -> Result<Recovered, StoreError> {
        if !self.logged.is_empty() {
            self.settle()?;
        }
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
        if let Some(delivery) = self.blocks.get(&height.get()) {
            return Ok(Some(Delivery::clone(delivery)));
        }
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
        let after = |d: &Decision| d.block.height().get() + 1;
        let next = decisions.last().map_or(from.get(), after);
        for (height, delivery) in (next..).zip(self.blocks.range(next..).map(|(_, d)| d)) {
            let decision = &delivery.decision;
            bytes += decision.block.payload_size();
            let full = bytes > MAX_SERVED && !decisions.is_empty();
            if full || decisions.len() >= MAX_BLOCKS || decision.block.height().get() != height {
                break;
            }
            decisions.push(decision.clone());
        }
        let here = decisions.first().map(|d| d.block.height()) == Some(from);
        let dropped = !here && tx.open_table(CHECKPOINTS)?.first()?.is_some();
        Ok((!dropped).then_some(decisions))
    }
}

/// Makes the tables; whether the database has this owner already.
fn open_tables(db: &Database, owner: (Digest, ReplicaId)) -> Result<bool, StoreError> {
    let tx = db.begin_write()?;
    tx.open_table(BLOCKS)?;
    tx.open_table(CHECKPOINTS)?;
    tx.open_table(BODIES)?;
    let records = tx.open_table(RECORDS)?;
    let known = records.get("owner")?.map(|v| v.value().to_vec());
    drop(records);
    if let Some(known) = &known
        && *known != owner.to_wire()
    {
        let (_, found) = <(Digest, ReplicaId)>::from_wire(known)?;
        let expected = owner.1;
        return Err(StoreError::Foreign { found, expected });
    }
    tx.commit()?;
    Ok(known.is_some())
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

#[cfg(test)]
mod tests;
