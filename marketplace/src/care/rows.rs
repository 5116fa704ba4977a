//! The encrypted index: rows by height and position, and nothing with them.
//!
//! Whose a row is, whom it is about and which rows belong together is in none of it. A hospital writes the
//! rows of several records in one shuffled batch.

use eligo_ledger::height::Height;
use eligo_sharing::search::{Row, WriterKeyProof, WriterPublicKey};
use rayon::prelude::*;

use crate::contract::Contract;
use crate::encoding::List;
use crate::event::Event;
use crate::name::AccountId;
use crate::rejection::Rejection;

use super::act::{MAX_ROWS, ROW_BYTES};
use super::team::require_hospital;
use super::{Care, CareEvent};

/// A batch of rows.
pub(crate) type Rows = List<[u8; ROW_BYTES], MAX_ROWS>;

/// What tells rows apart: the head of their random point.
pub(crate) type RowMark = [u8; 32];

pub(crate) fn mark(row: &[u8; ROW_BYTES]) -> RowMark {
    let mut mark = [0; 32];
    mark.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
    mark
}

/// A writer key's possession: two pairings.
pub(crate) fn admit_writer(key: &[u8; 48], possession: &[u8; 96]) -> Result<(), Rejection> {
    let key = WriterPublicKey::from_bytes(key).map_err(|_| Rejection::WriterKey)?;
    let proof = WriterKeyProof::from_bytes(possession).map_err(|_| Rejection::WriterKey)?;
    key.check_possession(&proof)
        .map_err(|_| Rejection::WriterKey)
}

/// Every row has a valid point: no node fails on it later.
pub(crate) fn admit_rows(rows: &Rows) -> Result<(), Rejection> {
    let rows = rows.as_slice();
    let valid = rows.par_iter().all(|row| Row::from_bytes(row).is_ok());
    if valid && !rows.is_empty() {
        Ok(())
    } else {
        Err(Rejection::RowMalformed)
    }
}

pub(crate) fn check_enter_writer(
    contract: &Contract,
    sender: &AccountId,
    key: &[u8; 48],
) -> Result<(), Rejection> {
    require_hospital(contract, sender)?;
    let taken = contract.care.writers.iter().any(|(_, other)| other == key);
    if taken {
        return Err(Rejection::WriterTwice);
    }
    Ok(())
}

pub(crate) fn write_enter_writer(
    contract: &mut Contract,
    hospital: AccountId,
    key: [u8; 48],
    events: &mut Vec<Event>,
) {
    contract.care.writers.insert(hospital, key);
    events.push(CareEvent::WriterEntered { hospital }.into());
}

pub(crate) fn check_writer(contract: &Contract, sender: &AccountId) -> Result<(), Rejection> {
    require_hospital(contract, sender)?;
    let entered = contract.care.writers.contains(sender);
    entered.then_some(()).ok_or(Rejection::UnknownWriter)
}

pub(crate) fn check_write(
    contract: &Contract,
    sender: &AccountId,
    rows: &Rows,
) -> Result<(), Rejection> {
    check_writer(contract, sender)?;
    let known = &contract.index.care.rows;
    let mut marks: Vec<RowMark> = rows.as_slice().iter().map(mark).collect();
    marks.sort_unstable();
    let repeats = marks.windows(2).any(|pair| pair.first() == pair.get(1));
    if repeats || marks.iter().any(|mark| known.contains(mark)) {
        return Err(Rejection::RowTwice);
    }
    Ok(())
}

pub(crate) fn write_rows(contract: &mut Contract, rows: &Rows, events: &mut Vec<Event>) {
    let height = contract.height;
    let first = contract.care.next_position(height);
    contract
        .index
        .care
        .rows
        .extend(rows.as_slice().iter().map(mark));
    contract.care.rows.insert((height, first), rows.clone());
    let rows = u32::try_from(rows.as_slice().len()).unwrap_or(u32::MAX);
    events.push(CareEvent::RowsWritten { first, rows }.into());
}

impl Care {
    /// Where the next row of a block stands.
    fn next_position(&self, height: Height) -> u32 {
        let here = (height, 0)..=(height, u32::MAX);
        let last = self.rows.range(here).next_back();
        last.map_or(0, |((_, first), rows)| {
            let count = u32::try_from(rows.as_slice().len()).unwrap_or(u32::MAX);
            first.saturating_add(count)
        })
    }
}
