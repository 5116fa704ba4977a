//! How a hospital writes a record's rows: every word a row of its own, those of several records shuffled
//! together and filled up with rows that nobody can find, so that their number says nothing.

use ed25519_dalek::SigningKey;
use eligo_ledger::height::Height;
use eligo_marketplace::{
    agent::{Account, trail},
    care::{Act, CareEvent, act::MAX_ROWS},
    client::{Client, Desk},
    encoding::List,
    event::Event,
    name::{AccountId, RecordName},
    transaction::Body,
};
use eligo_sharing::{
    domain::lp,
    search::{Field, Keyword, Row, SearchKey, WriterKey},
};
use rand_core::{OsRng, RngCore};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    card::CheckedCard,
    crumbs::Receipt,
    order::Place,
    searching::pointer,
    words::{Code, Department, Month},
};
use crate::failure::{Attempt, Failure};

/// Rows are written in multiples of this.
const FILL: usize = 16;

/// A record to be found later.
pub struct Entry<'a> {
    /// The record.
    pub record: RecordName,
    /// The patient's visit.
    pub card: &'a CheckedCard,
    /// Its diagnoses with their prefixes.
    pub diagnoses: Vec<Code>,
    /// The department that treated.
    pub department: Department,
    /// The month of the treatment.
    pub month: Month,
}

/// The key a hospital writes its index with, derived from its ledger key, so that it has one file to keep.
pub fn writer_key(ledger: &SigningKey) -> Attempt<WriterKey> {
    let of = |attempt: u64| {
        let seed = Zeroizing::new(lp(&[
            b"ELIGO-HOSPITAL-WRITER-V01",
            ledger.as_bytes(),
            &attempt.to_be_bytes(),
        ]));
        let digest: Zeroizing<[u8; 32]> = Zeroizing::new(Sha256::digest(&seed).into());
        WriterKey::from_bytes(digest.as_slice()).ok()
    };
    // Less than half of all digests are scalars.
    (0..256)
        .find_map(of)
        .ok_or_else(|| Failure::unexpected("no writer key"))
}

/// Enters the hospital's writer key, unless it is entered.
pub fn enter_writer<D: Desk>(client: &Client<D>, ledger: &SigningKey) -> Attempt<WriterKey> {
    let key = writer_key(ledger)?;
    let hospital = AccountId::of(&ledger.verifying_key());
    if trail::writer(client, &hospital)? != Some(key.public()) {
        let act = Act::EnterWriter {
            key: key.public().to_bytes(),
            possession: key.prove_possession().to_bytes(),
        };
        let sent = Account::new(client, ledger).send(Body::Care(act))?;
        sent.accepted()?;
    }
    Ok(key)
}

/// A row before it has a place: whose department's it is, if it is one.
type Placed = (Option<usize>, Row);

fn rows(entries: &[Entry<'_>], writer: &WriterKey) -> Attempt<Vec<Placed>> {
    let mut wanted = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let pseudonym = entry.card.pseudonym();
        let word = |field, value: String| Keyword::new(field, value).map_err(Failure::usage);
        let department = word(Field::Department, entry.department.to_string())?;
        wanted.push((Some(number), number, department));
        let nym = Keyword::new(Field::Pseudonym, pseudonym.as_bytes().to_vec());
        wanted.push((None, number, nym.map_err(Failure::usage)?));
        for code in &entry.diagnoses {
            let code = code.to_string();
            let both = Keyword::both(code.as_bytes(), pseudonym.as_bytes());
            wanted.push((None, number, both.map_err(Failure::usage)?));
            wanted.push((None, number, word(Field::Diagnosis, code)?));
        }
    }
    let shared: Vec<_> = entries
        .iter()
        .map(|e| writer.share_with(&e.card.search))
        .collect();
    let made = wanted.par_iter().map(|(mark, number, keyword)| {
        let missing = || Failure::unexpected("an entry without a key");
        let entry = entries.get(*number).ok_or_else(missing)?;
        let shared = shared.get(*number).ok_or_else(missing)?;
        let (bucket, pointer) = (entry.month.bucket()?, pointer(&entry.record)?);
        let reader = entry.card.search.key();
        let row = Row::new(shared, &reader, keyword, &bucket, &pointer, &mut OsRng);
        Ok((*mark, row))
    });
    let mut made: Vec<Placed> = made.collect::<Attempt<_>>()?;
    fill(&mut made, writer)?;
    shuffle(&mut made);
    Ok(made)
}

/// Rows under a key that is thrown away at once.
fn fill(rows: &mut Vec<Placed>, writer: &WriterKey) -> Attempt<()> {
    let nobody = SearchKey::generate(&mut OsRng).card();
    let shared = writer.share_with(&nobody);
    let keyword = Keyword::new(Field::Pseudonym, vec![0]).map_err(Failure::unexpected)?;
    let month: Month = "2000-01".parse().map_err(Failure::unexpected)?;
    let (bucket, pointer) = (month.bucket()?, pointer(&RecordName::new([0; 32]))?);
    while rows.is_empty() || !rows.len().is_multiple_of(FILL) {
        let reader = nobody.key();
        let row = Row::new(&shared, &reader, &keyword, &bucket, &pointer, &mut OsRng);
        rows.push((None, row));
    }
    Ok(())
}

/// Fisher and Yates, with a bias of less than 2^-32 for the few rows there are.
fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let at = (u128::from(OsRng.next_u64()) * (last as u128 + 1)) >> 64;
        items.swap(last, usize::try_from(at).unwrap_or(last));
    }
}

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// One for each entry, for its patient.
    pub receipts: Vec<Receipt>,
    /// How many rows, those that nobody finds included.
    pub rows: usize,
    /// The last block.
    pub height: Height,
}

/// Writes the rows of several records, shuffled together.
pub fn index<D: Desk>(
    client: &Client<D>,
    ledger: &SigningKey,
    entries: &[Entry<'_>],
) -> Attempt<Written> {
    let writer = enter_writer(client, ledger)?;
    let rows = rows(entries, &writer)?;
    let account = Account::new(client, ledger);
    let mut places = vec![None; entries.len()];
    let mut height = Height::new(0);
    for batch in rows.chunks(MAX_ROWS) {
        let bytes = batch.iter().map(|(_, row)| {
            let bytes = row.to_bytes().try_into();
            bytes.map_err(|_| Failure::unexpected("a row of another length"))
        });
        let rows = List::new(bytes.collect::<Attempt<_>>()?).map_err(Failure::unexpected)?;
        let sent = account.send(Body::Care(Act::WriteRows { rows }))?;
        height = sent.height;
        let events = sent.accepted()?;
        let first = events.iter().find_map(|e| match e {
            Event::Care(CareEvent::RowsWritten { first, .. }) => Some(*first),
            _ => None,
        });
        let first = first.ok_or_else(|| Failure::unexpected("rows without a place"))?;
        for (position, (mark, _)) in (first..).zip(batch) {
            if let Some(place) = mark.and_then(|number| places.get_mut(number)) {
                let height = height.get();
                *place = Some(Place { height, position });
            }
        }
    }
    let hospital = AccountId::of(&ledger.verifying_key());
    let receipts = entries.iter().zip(places).map(|(entry, place)| {
        Ok(Receipt {
            hospital,
            record: entry.record,
            department: entry.department.clone(),
            diagnoses: entry.diagnoses.clone(),
            month: entry.month,
            place: place.ok_or_else(|| Failure::unexpected("a row without a place"))?,
        })
    });
    Ok(Written {
        receipts: receipts.collect::<Attempt<_>>()?,
        rows: rows.len(),
        height,
    })
}
