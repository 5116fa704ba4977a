//! Final blocks as files, and an index of what happened in them. Everything here is derived: a block
//! that is missing after a crash is taken from a replica's file at the next start.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use eligo_ledger::application::Finalized;
use eligo_ledger::block::{Block, Outcome};
use eligo_ledger::digest::Digest;
use eligo_ledger::height::{Height, Time};
use eligo_ledger::pbft::effect::Delivery;
use eligo_ledger::wire::{Wire, WireError};
use serde_json::{Value, json};

/// The most notices in one answer.
const MAX_FOUND: usize = 1000;

/// Why the archive does not work.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Its folder.
    #[error("the block archive: {0}")]
    Folder(#[from] std::io::Error),
    /// A block in it.
    #[error("block {height} in the archive is damaged: {error}")]
    Damaged {
        /// Which one.
        height: Height,
        /// How.
        error: WireError,
    },
}

/// Something that happened, as an application tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The transaction's position in its block; for what the block itself brought about, the number of
    /// its transactions.
    pub index: u32,
    /// The record it is about.
    pub record: Option<String>,
    /// The requirement it is about.
    pub requirement: Option<String>,
    /// Who took part.
    pub parties: Vec<String>,
    /// What happened.
    pub value: Value,
}

/// Which notices are wanted: all that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// About this record.
    pub record: Option<String>,
    /// About this requirement.
    pub requirement: Option<String>,
    /// Of this party.
    pub party: Option<String>,
    /// From this height on.
    pub from: Height,
}

impl Filter {
    fn fits(&self, notice: &Notice) -> bool {
        let same = |asked: &Option<String>, found: &Option<String>| {
            asked.is_none() || asked.as_deref() == found.as_deref()
        };
        let party = self.party.as_ref();
        same(&self.record, &notice.record)
            && same(&self.requirement, &notice.requirement)
            && party.is_none_or(|p| notice.parties.contains(p))
    }
}

type Tell = fn(&Block, &Finalized) -> Vec<Notice>;
type Place = (Height, u32, Outcome);

#[derive(Default)]
struct Index {
    height: Height,
    places: BTreeMap<Digest, Place>,
    notices: BTreeMap<Height, (Time, Vec<Notice>)>,
}

/// The archive.
pub struct Archive {
    folder: PathBuf,
    tell: Tell,
    index: Mutex<Index>,
    grown: Condvar,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Archive {
    /// Opens the archive in a folder and reads it in.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub(super) fn open(folder: &Path, tell: Tell) -> Result<Self, ArchiveError> {
        std::fs::create_dir_all(folder)?;
        let archive = Self {
            folder: folder.to_owned(),
            tell,
            index: Mutex::default(),
            grown: Condvar::new(),
        };
        while let Some(delivery) = archive.block(archive.height().next())? {
            archive.note(&delivery);
        }
        Ok(archive)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, height: Height) -> PathBuf {
        self.folder.join(format!("{:012}.block", height.get()))
    }

    /// The last height up to which it has every block.
    #[must_use]
    pub fn height(&self) -> Height {
        self.index().height
    }

    /// Adds the next block; one that it has, or that leaves a gap, changes nothing.
    ///
    /// # Errors
    /// [`ArchiveError::Folder`].
    pub(super) fn add(&self, delivery: Arc<Delivery>) -> Result<(), ArchiveError> {
        let height = delivery.decision.block.height();
        if height != self.height().next() {
            return Ok(());
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&delivery.to_wire())?;
        file.persist(self.path(height)).map_err(|e| e.error)?;
        self.note(&delivery);
        Ok(())
    }

    fn note(&self, delivery: &Delivery) {
        let block = &delivery.decision.block;
        let height = block.height();
        let notices = (self.tell)(block, &delivery.done);
        let mut index = self.index();
        let results = block.transactions().iter().zip(&delivery.done.outcomes);
        for (at, (transaction, outcome)) in (0u32..).zip(results) {
            let place = (height, at, outcome.clone());
            index.places.insert(transaction.id(), place);
        }
        index.notices.insert(height, (block.header().time, notices));
        index.height = height;
        drop(index);
        self.grown.notify_all();
    }

    /// Waits until the archive has a block, or until it is too late.
    pub(super) fn wait(&self, height: Height, until: Instant) {
        let mut index = self.index();
        while index.height < height {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.grown.wait_timeout(index, left);
            index = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Where a transaction was executed, and with what result.
    #[must_use]
    pub fn place(&self, transaction: &Digest) -> Option<Place> {
        self.index().places.get(transaction).cloned()
    }

    /// A final block with its results.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn block(&self, height: Height) -> Result<Option<Delivery>, ArchiveError> {
        match std::fs::read(self.path(height)) {
            Ok(bytes) => {
                let damaged = |error| ArchiveError::Damaged { height, error };
                Delivery::from_wire(&bytes).map(Some).map_err(damaged)
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// What happened, oldest first, and the height to go on from.
    #[must_use]
    pub fn events(&self, filter: &Filter) -> (Vec<Value>, Height) {
        let index = self.index();
        let mut found = Vec::new();
        for (height, (time, notices)) in index.notices.range(filter.from..) {
            if found.len() >= MAX_FOUND {
                return (found, *height);
            }
            let fitting = notices.iter().filter(|n| filter.fits(n));
            found.extend(fitting.map(|n| told(*height, *time, n)));
        }
        (found, index.height.next())
    }

    /// What one transaction brought about.
    #[must_use]
    pub fn events_of(&self, height: Height, at: u32) -> Vec<Value> {
        let index = self.index();
        let Some((time, notices)) = index.notices.get(&height) else {
            return Vec::new();
        };
        let fitting = notices.iter().filter(|n| n.index == at);
        fitting.map(|n| told(height, *time, n)).collect()
    }
}

fn told(height: Height, time: Time, notice: &Notice) -> Value {
    json!({
        "height": height.get(),
        "index": notice.index,
        "time_ms": time.get(),
        "record": notice.record,
        "requirement": notice.requirement,
        "parties": notice.parties,
        "event": notice.value,
    })
}
