//! What one replica keeps on disk, in one `redb` file: final blocks, and proposed ones not yet decided.
//!
//! The engine's certificates carry digests alone, and its log is replayed after a crash: a block that
//! was voted for must still be here then. It is on disk before the engine hears of it.

use crate::digest::Digest;
use crate::height::{Height, ReplicaId};
use crate::malachite::context::view_of;
use crate::malachite::parts::Offer;
use crate::pbft::effect::Delivery;
use crate::store::StoreError;
use crate::wire::{Wire, WireError};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use std::path::Path;

const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
/// Keyed by height; round and digest.
const OFFERS: TableDefinition<'_, (u64, &[u8]), &[u8]> = TableDefinition::new("offers");
const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");

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

    /// All final blocks in order, one at a time; they must follow each other from height 1.
    pub(super) fn replay(&self, mut take: impl FnMut(Delivery)) -> Result<(), StoreError> {
        let tx = self.db.begin_read()?;
        let mut next = Height::new(1);
        for entry in tx.open_table(BLOCKS)?.iter()? {
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
}
