//! A search node: holds the encrypted rows of the index and tests them with the tokens that patients send it.
//! It learns neither words nor patients, only which rows answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError},
    time::{Duration, Instant},
};

use ed25519_dalek::{SigningKey, VerifyingKey};
use eligo_ledger::{height::Height, pbft::effect::Delivery, wire::Wire};
use eligo_marketplace::{
    agent::trail::AskTrail,
    care::{Act, CareEvent, act::Hand},
    client::{Client, Desk},
    event::{Event, read_outcome},
    name::{AccountId, AskId, RecordName},
    transaction::{Body, SignedTransaction},
};
use eligo_sharing::{
    letter::{Letter, LetterKey, LetterPublicKey},
    search::{Pointer, Row, VerifiedToken},
};
use rand_core::{OsRng, RngCore};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{
    form::{self, Form},
    order::{Answer, AnswerLetter, Found, Place, SearchOrder},
};
use crate::{
    console::Console,
    failure::{Attempt, Failure, Kind},
    file::Source,
};

/// A search node's keys: the account that permits name it by, and where tokens are sealed to.
pub struct SearcherKey {
    name: String,
    account: SigningKey,
    letters: LetterKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    name: String,
    account: String,
    letters: String,
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.account.zeroize();
        self.letters.zeroize();
    }
}

impl Form for Keys {
    const NAME: &'static str = "eligo search node";
    const MADE_BY: &'static str = "care searcher";
}

/// What patients need of a search node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearcherCard {
    /// Its name.
    pub name: String,
    /// Its account.
    pub account: AccountId,
    letters: String,
}

impl Form for SearcherCard {
    const NAME: &'static str = "eligo search node card";
    const MADE_BY: &'static str = "care searcher";
}

impl SearcherCard {
    /// Whom tokens are sealed to.
    pub fn letters(&self) -> Attempt<LetterPublicKey> {
        Ok(LetterPublicKey::new(form::bytes(&self.letters, "letters")?))
    }

    /// The audience that tokens name.
    pub fn audience(&self) -> String {
        self.account.to_string()
    }
}

impl SearcherKey {
    /// Draws keys.
    pub fn generate(name: &str) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(seed.as_mut_slice());
        Self {
            name: name.to_owned(),
            account: SigningKey::from_bytes(&seed),
            letters: LetterKey::generate(&mut OsRng),
        }
    }

    /// The key file's text.
    pub fn to_text(&self) -> Attempt<Zeroizing<String>> {
        let keys = Keys {
            name: self.name.clone(),
            account: hex::encode(self.account.as_bytes()),
            letters: hex::encode(self.letters.expose()),
        };
        keys.text()
    }

    /// Reads a key file.
    pub fn read(source: &Source, console: &Console) -> Attempt<Self> {
        let keys = Keys::read_secret(source, console)?;
        let of = |e: Failure| e.of(source);
        let account = Zeroizing::new(form::bytes(&keys.account, "account").map_err(of)?);
        Ok(Self {
            name: keys.name.clone(),
            account: SigningKey::from_bytes(&account),
            letters: form::message(&keys.letters, "letters", LetterKey::from_bytes).map_err(of)?,
        })
    }

    /// What patients need.
    pub fn card(&self) -> SearcherCard {
        SearcherCard {
            name: self.name.clone(),
            account: AccountId::of(&self.account.verifying_key()),
            letters: hex::encode(self.letters.public().as_bytes()),
        }
    }
}

/// A pointer as hospitals write it: one byte of version, the record's name.
pub fn pointer(record: &RecordName) -> Attempt<Pointer> {
    let mut bytes = vec![1];
    bytes.extend_from_slice(record.as_bytes());
    Pointer::new(bytes).map_err(Failure::unexpected)
}

/// The record a pointer names; none if a hospital wrote something else.
pub fn pointed(pointer: &Pointer) -> Option<RecordName> {
    let (1, name) = pointer.as_bytes().split_first().map(|(v, n)| (*v, n))? else {
        return None;
    };
    Some(RecordName::new(name.try_into().ok()?))
}

/// A row with its place.
type Placed = (Place, Row);

/// The rows that a block's accepted transactions wrote, with their positions. A node that makes rows up gains
/// nothing: no token opens them.
pub fn rows_of(delivery: &Delivery) -> Vec<Placed> {
    let block = &delivery.decision.block;
    let height = block.header().height.get();
    let outcomes = &delivery.done.outcomes;
    let mut found = Vec::new();
    for (transaction, outcome) in block.transactions().iter().zip(outcomes) {
        if outcome.code != 0 {
            continue;
        }
        let signed = SignedTransaction::from_wire(transaction.bytes());
        let Ok(Body::Care(Act::WriteRows { rows })) = signed.as_ref().map(|s| s.body()) else {
            continue;
        };
        let events = read_outcome(&outcome.data).unwrap_or_default();
        let first = events.iter().find_map(|e| match e {
            Event::Care(CareEvent::RowsWritten { first, .. }) => Some(*first),
            _ => None,
        });
        let Some(first) = first else { continue };
        let decoded = (first..)
            .zip(rows.as_slice())
            .filter_map(|(position, row)| {
                let place = Place { height, position };
                Some((place, Row::from_bytes(row).ok()?))
            });
        found.extend(decoded);
    }
    found
}

/// The rows at these places, by fetching their blocks and no others; also how many were fetched.
pub fn rows_at<D: Desk>(
    client: &Client<D>,
    places: &[Place],
) -> Attempt<(BTreeMap<Place, Row>, u64)> {
    let heights: BTreeSet<u64> = places.iter().map(|p| p.height).collect();
    let mut rows = BTreeMap::new();
    let fetched = heights.len() as u64;
    for height in heights {
        let block = client.desk().block(Height::new(height));
        let block = block.map_err(Failure::from)?;
        let block = block.map(|b| rows_of(&b)).unwrap_or_default();
        rows.extend(
            block
                .into_iter()
                .filter(|(place, _)| places.contains(place)),
        );
    }
    Ok((rows, fetched))
}

/// The asks that a block answered anew or ended: what was found for them is of yesterday.
fn changed_by(delivery: &Delivery) -> BTreeSet<AskId> {
    let accepted = delivery.done.outcomes.iter().filter(|o| o.code == 0);
    let events = accepted.flat_map(|o| read_outcome(&o.data).unwrap_or_default());
    let changed = events.filter_map(|event| match event {
        Event::Care(
            CareEvent::Permitted { ask, .. }
            | CareEvent::PermitRevoked { ask, .. }
            | CareEvent::AskWithdrawn { ask, .. },
        ) => Some(ask),
        _ => None,
    });
    changed.collect()
}

/// How many rows are in a piece. Whoever tests rows holds the pieces of that moment, and new rows go into a copy
/// of the last.
const PIECE: usize = 4096;
/// How long the ledger may not have been looked at for what was found to be told again without asking it.
const FRESH: Duration = Duration::from_secs(2);
/// How many asks' answers are kept, and how many refusals.
const MOST_KEPT: usize = 1024;
/// How long a refusal holds without the ledger being asked again.
const REFUSED: Duration = Duration::from_secs(3);
/// The same where the ledger could not be reached, or does not show the permit yet.
const UNREACHED: Duration = Duration::from_secs(1);

/// The rows of all blocks up to one. A clone is a snapshot: it costs nothing, and whoever tests it is in nobody's
/// way.
#[derive(Clone, Default)]
struct Rows {
    upto: u64,
    count: usize,
    pieces: Vec<Arc<Vec<Placed>>>,
}

impl Rows {
    fn add(&mut self, height: u64, rows: Vec<Placed>) {
        self.upto = height;
        self.count += rows.len();
        for row in rows {
            match self.pieces.last_mut().filter(|last| last.len() < PIECE) {
                Some(last) => Arc::make_mut(last).push(row),
                None => self.pieces.push(Arc::new(vec![row])),
            }
        }
    }

    /// The rows from the nth on, in pieces.
    fn since(&self, first: usize) -> Vec<&[Placed]> {
        let starts = (0..).step_by(PIECE);
        let pieces = starts.zip(&self.pieces).filter_map(|(start, piece)| {
            let known = first.saturating_sub(start).min(piece.len());
            piece.get(known..)
        });
        pieces.filter(|piece| !piece.is_empty()).collect()
    }
}

/// A token at work.
#[derive(PartialEq, Eq)]
struct Live {
    token: VerifiedToken,
    answers: LetterPublicKey,
    places: Vec<Place>,
}

/// What was found for an ask so far.
struct Kept {
    live: Vec<Live>,
    /// When the first of the tokens ends, in seconds.
    until: u64,
    /// How many of the node's rows were tested.
    upto: usize,
    found: BTreeSet<Found>,
    tested: u64,
    fetched: u64,
    /// The answer of then, as it is written to the doctor.
    told: Option<Told>,
}

/// An answer to an ask.
#[derive(Clone)]
pub struct Told {
    /// What was found.
    pub answer: Arc<Answer>,
    /// The letter to the doctor, as a form's text.
    pub text: Arc<str>,
    /// How many rows were tested for it just now: none if it was told before, and nothing is new.
    pub tested_now: u64,
}

/// A place for an ask's answer; who works on it holds it.
type Slot = Arc<Mutex<Option<Kept>>>;

/// Asks that were refused a moment ago, and why: anyone may ask, and each time the ledger would be asked for the
/// whole ask, and a block be caused perhaps.
#[derive(Default)]
struct Refusals(BTreeMap<AskId, (Instant, Failure)>);

impl Refusals {
    /// Why an ask was refused just now.
    fn of(&self, ask: &AskId, now: Instant) -> Option<Failure> {
        let (until, failure) = self.0.get(ask)?;
        (now < *until).then(|| failure.clone())
    }

    /// Keeps a refusal for a moment; not that there is no such ask, which costs little and may change unseen.
    fn keep(&mut self, ask: &AskId, failure: &Failure, now: Instant) {
        let lasts = match failure.kind() {
            Kind::File => return,
            Kind::Network => UNREACHED,
            _ => REFUSED,
        };
        self.0.retain(|_, (until, _)| now < *until);
        if self.0.len() >= MOST_KEPT {
            let oldest = self.0.iter().min_by_key(|(_, (until, _))| *until);
            if let Some(oldest) = oldest.map(|(ask, _)| *ask) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(*ask, (now + lasts, failure.clone()));
    }
}

/// The answers that are kept, and the tokens that were used.
#[derive(Default)]
struct Memory {
    /// By ask: when it was last asked for, until when it holds in seconds, and what.
    answers: BTreeMap<AskId, (u64, u64, Slot)>,
    asked: u64,
    refused: Refusals,
    /// Which ask used a nonce, and until when it is remembered, in seconds.
    nonces: BTreeMap<[u8; 16], (AskId, u64)>,
}

fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds a slot that nobody works on: who asks for a slow ask again and again takes one hand and not all.
fn hold_free<'s>(slot: &'s Slot, ask: &AskId) -> Attempt<MutexGuard<'s, Option<Kept>>> {
    match slot.try_lock() {
        Ok(held) => Ok(held),
        Err(TryLockError::Poisoned(held)) => Ok(held.into_inner()),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::new(Kind::Network, "this ask is being searched for already").of(ask))
        }
    }
}

/// A search node at work; many may ask it at once.
pub struct Searcher<'a, D> {
    client: &'a Client<D>,
    key: &'a SearcherKey,
    rows: RwLock<Rows>,
    memory: Mutex<Memory>,
    /// Held by who reads new blocks; when the last was read.
    following: Mutex<()>,
    followed: Mutex<Option<Instant>>,
}

impl<'a, D: Desk> Searcher<'a, D> {
    /// A node that holds no rows yet.
    pub fn new(client: &'a Client<D>, key: &'a SearcherKey) -> Self {
        Self {
            client,
            key,
            rows: RwLock::default(),
            memory: Mutex::default(),
            following: Mutex::default(),
            followed: Mutex::default(),
        }
    }

    fn rows(&self) -> Rows {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.clone()
    }

    /// Reads the blocks that are new: their rows, and which asks they end; how many there were.
    pub fn follow(&self) -> Attempt<u64> {
        let _alone = hold(&self.following);
        let height = self.client.desk().height().map_err(Failure::from)?.get();
        let before = self.rows().upto;
        for next in before + 1..=height {
            let block = self.client.desk().block(Height::new(next));
            let Some(block) = block.map_err(Failure::from)? else {
                return Ok(next - 1 - before);
            };
            let rows = rows_of(&block);
            let mut held = self.rows.write().unwrap_or_else(PoisonError::into_inner);
            held.add(next, rows);
            drop(held);
            let changed = changed_by(&block);
            if !changed.is_empty() {
                let mut memory = hold(&self.memory);
                memory.answers.retain(|ask, _| !changed.contains(ask));
                memory.refused.0.retain(|ask, _| !changed.contains(ask));
            }
        }
        *hold(&self.followed) = Some(Instant::now());
        Ok(height.saturating_sub(before))
    }

    /// Whether the last block was read just now: what ends an ask was seen.
    fn is_fresh(&self) -> bool {
        hold(&self.followed).is_some_and(|at| at.elapsed() < FRESH)
    }

    /// How many rows it holds.
    pub fn len(&self) -> usize {
        self.rows().count
    }

    /// Forgets answers and tokens whose time is over.
    pub fn forget(&self, now: u64) {
        let mut memory = hold(&self.memory);
        memory.answers.retain(|_, (_, until, _)| now <= *until);
        memory.nonces.retain(|_, (_, until)| now <= *until);
    }

    /// Answers an ask: every token that the patient sent this node for it is checked, and tested against the rows
    /// on all cores. What was found is kept while the ask is open: asked again, only new rows are tested. A refusal
    /// is kept for a moment; who asks while another is answered for the same ask is told to come again.
    pub fn answer(&self, ask: &AskId, now: u64) -> Attempt<Told> {
        if let Some(refused) = hold(&self.memory).refused.of(ask, Instant::now()) {
            return Err(refused);
        }
        let slot = self.slot(ask);
        let mut held = hold_free(&slot, ask)?;
        let known = held.take().filter(|k| now <= k.until);
        let answered = match known {
            Some(kept) if self.is_fresh() => self.search(ask, kept),
            known => self
                .learn(ask, now)
                .and_then(|live| self.search(ask, Kept::again(live, known))),
        };
        let mut memory = hold(&self.memory);
        // Another may stand there by now: a block came in between that changed the ask.
        let own = memory.answers.get_mut(ask);
        let own = own.filter(|(_, _, other)| Arc::ptr_eq(other, &slot));
        match answered {
            Ok((kept, told)) => {
                if let Some((_, until, _)) = own {
                    *until = kept.until;
                }
                drop(memory);
                *held = Some(kept);
                Ok(told)
            }
            Err(failure) => {
                if own.is_some() {
                    memory.answers.remove(ask);
                    memory.refused.keep(ask, &failure, Instant::now());
                }
                Err(failure)
            }
        }
    }

    /// The place for an ask's answer. One is there before the ledger is asked about the ask, so that what changes
    /// it from then on empties it.
    fn slot(&self, ask: &AskId) -> Slot {
        let mut memory = hold(&self.memory);
        let asked = memory.asked;
        memory.asked += 1;
        if let Some((last, _, slot)) = memory.answers.get_mut(ask) {
            *last = asked;
            return Arc::clone(slot);
        }
        if memory.answers.len() >= MOST_KEPT {
            let oldest = memory.answers.iter().min_by_key(|(_, (last, ..))| *last);
            if let Some(oldest) = oldest.map(|(ask, _)| *ask) {
                memory.answers.remove(&oldest);
            }
        }
        let slot = Slot::default();
        let entry = (asked, u64::MAX, Arc::clone(&slot));
        memory.answers.insert(*ask, entry);
        slot
    }

    /// Tests the rows that were not tested, and writes to the doctor if there is anything new to say.
    fn search(&self, ask: &AskId, mut kept: Kept) -> Attempt<(Kept, Told)> {
        let everywhere = kept.live.iter().any(|l| l.places.is_empty());
        if everywhere && (kept.told.is_none() || !self.is_fresh()) {
            self.follow()?;
        }
        let rows = self.rows();
        let mut tested = 0;
        for live in &kept.live {
            if live.places.is_empty() {
                let new = rows.since(kept.upto);
                tested += new.iter().map(|piece| piece.len() as u64).sum::<u64>();
                kept.found.extend(matches(&live.token, &new));
            } else if kept.told.is_none() {
                let (near, blocks) = rows_at(self.client, &live.places)?;
                let near: Vec<Placed> = near.into_iter().collect();
                tested += near.len() as u64;
                kept.fetched += blocks;
                kept.found.extend(matches(&live.token, &[near.as_slice()]));
            }
        }
        kept.upto = rows.count;
        kept.tested += tested;
        let told = match kept.told.take().filter(|_| tested == 0) {
            Some(told) => Told {
                tested_now: 0,
                ..told
            },
            None => self.write(ask, &kept, tested)?,
        };
        kept.told = Some(told.clone());
        Ok((kept, told))
    }

    fn write(&self, ask: &AskId, kept: &Kept, tested_now: u64) -> Attempt<Told> {
        let first = kept.live.first();
        let to = first.ok_or_else(|| Failure::unexpected("an answer to nobody"))?;
        let answer = Answer {
            node: self.key.name.clone(),
            found: kept.found.iter().cloned().collect(),
            tested: kept.tested,
            fetched: kept.fetched,
        };
        let letter = answer.write_to(&to.answers, ask.as_bytes(), &mut OsRng)?;
        let text = AnswerLetter::of(&letter).text()?;
        Ok(Told {
            answer: Arc::new(answer),
            text: text.as_str().into(),
            tested_now,
        })
    }

    /// Takes the tokens of an ask's permits from the ledger: of those that the chain shows to have been accepted,
    /// and none of an ask that is over.
    fn learn(&self, ask: &AskId, now: u64) -> Attempt<Vec<Live>> {
        let trail = AskTrail::proved(self.client, ask)?
            .ok_or_else(|| Failure::new(Kind::File, "there is no such ask").of(ask))?;
        if trail.is_over() || now > trail.terms().until_ms / 1000 {
            return Err(Failure::new(Kind::Closed, "the ask is over, or was revoked").of(ask));
        }
        let card = self.key.card();
        let mut live = Vec::new();
        for (_, permit, hand) in trail.permits() {
            // A relative grants; who searches is the patient, whom the answer is for.
            let Hand::Patient = hand else { continue };
            let signer = VerifyingKey::from_bytes(&trail.terms().inbox)
                .map_err(|_| Failure::new(Kind::File, "the ask's inbox is no key"))?;
            let mine = permit.tokens.as_slice().iter();
            for letter in mine.filter(|t| t.node == card.account) {
                // A letter that is none, or for something else, is its patient's loss.
                let Ok(letter) = Letter::from_bytes(letter.letter.as_slice()) else {
                    continue;
                };
                let Ok(order) = SearchOrder::open(&letter, &self.key.letters, ask.as_bytes())
                else {
                    continue;
                };
                let (Ok(token), Ok(answers)) = (order.token(), order.answers()) else {
                    continue;
                };
                let mut memory = hold(&self.memory);
                let nonces = &memory.nonces;
                let used = |n: &[u8; 16]| nonces.get(n).is_some_and(|(other, _)| other != ask);
                let token = token.verify(&signer, &card.audience(), now, used);
                let Ok(token) = token else { continue };
                let terms = token.terms();
                memory.nonces.insert(terms.nonce, (*ask, terms.not_after));
                live.push(Live {
                    answers,
                    places: order.places.clone(),
                    token,
                });
            }
        }
        if live.is_empty() {
            return Err(Failure::new(Kind::Closed, "nothing to search for")
                .of(ask)
                .help("the patient sent this node no token for it, or its period is over"));
        }
        Ok(live)
    }
}

impl Kept {
    /// What was found with the same tokens before; nothing if they are others.
    fn again(live: Vec<Live>, known: Option<Self>) -> Self {
        let known = known.filter(|known| known.live == live);
        known.unwrap_or_else(|| Self::of(live))
    }

    /// Nothing yet.
    fn of(live: Vec<Live>) -> Self {
        let ends = live.iter().map(|l| l.token.terms().not_after);
        Self {
            until: ends.min().unwrap_or_default(),
            live,
            upto: 0,
            found: BTreeSet::new(),
            tested: 0,
            fetched: 0,
            told: None,
        }
    }
}

/// The rows that a token finds, tested on all cores.
fn matches(token: &VerifiedToken, rows: &[&[Placed]]) -> Vec<Found> {
    let test = |(place, row): &Placed| {
        let record = pointed(&token.find(row)?)?;
        let place = *place;
        Some(Found { record, place })
    };
    let rows = rows.par_iter().flat_map(|piece| piece.par_iter());
    rows.filter_map(test).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use eligo_sharing::{
        search::{Bucket, Field, Keyword, SearchToken, WriterKey},
        wallet::{HospitalId, Wallet},
    };

    use super::*;

    const ASK: AskId = AskId::new([7; 32]);

    fn closed() -> Failure {
        Failure::new(Kind::Closed, "the ask is over")
    }

    #[test]
    fn a_refusal_holds_for_a_moment() {
        let (mut refused, now) = (Refusals::default(), Instant::now());
        refused.keep(&ASK, &closed(), now);
        let again = |after| refused.of(&ASK, now + after).map(|f| f.kind());
        assert_eq!(again(Duration::ZERO), Some(Kind::Closed));
        assert_eq!(again(REFUSED), None);
        assert!(refused.of(&AskId::new([8; 32]), now).is_none());
    }

    #[test]
    fn what_may_change_unseen_is_not_kept_and_an_outage_for_less() {
        let (mut refused, now) = (Refusals::default(), Instant::now());
        let unknown = Failure::new(Kind::File, "there is no such ask");
        refused.keep(&ASK, &unknown, now);
        assert!(refused.of(&ASK, now).is_none());
        let away = Failure::new(Kind::Network, "no node");
        refused.keep(&ASK, &away, now);
        assert!(refused.of(&ASK, now).is_some());
        assert!(refused.of(&ASK, now + UNREACHED).is_none());
    }

    #[test]
    fn so_many_refusals_are_kept_and_no_more() {
        let (mut refused, now) = (Refusals::default(), Instant::now());
        for n in 0..2 * MOST_KEPT as u64 {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&n.to_le_bytes());
            refused.keep(&AskId::new(name), &closed(), now + Duration::from_micros(n));
        }
        assert_eq!(refused.0.len(), MOST_KEPT);
        // The oldest went.
        assert!(refused.of(&AskId::new([0; 32]), now).is_none());
    }

    #[test]
    fn who_asks_while_another_is_answered_does_not_wait() {
        let slot = Slot::default();
        let held = hold_free(&slot, &ASK).ok().unwrap();
        let busy = hold_free(&slot, &ASK).err().unwrap();
        assert_eq!(busy.kind(), Kind::Network);
        drop(held);
        assert!(hold_free(&slot, &ASK).is_ok());
    }

    /// A token of a patient's for a word, with everything it is used with.
    fn live(order: &SearchToken, signer: &SigningKey, letters: &LetterKey) -> Live {
        let token = SearchToken::from_bytes(&order.to_bytes()).unwrap();
        let token = token.verify(&signer.verifying_key(), "node", 0, |_| false);
        Live {
            token: token.unwrap(),
            answers: letters.public(),
            places: Vec::new(),
        }
    }

    #[test]
    fn what_was_found_is_kept_with_the_same_tokens_and_no_others() {
        let wallet = Wallet::generate(&mut OsRng);
        let key = wallet.search_key(&HospitalId::new("h").unwrap());
        let shared = key.share_with(&WriterKey::generate(&mut OsRng).public());
        let (signer, letters) = (
            SigningKey::from_bytes(&[1; 32]),
            LetterKey::generate(&mut OsRng),
        );
        let bucket = Bucket::new("2026-01").unwrap();
        let order = |word: &str| {
            let word = Keyword::new(Field::Diagnosis, word).unwrap();
            let doors = vec![key.trapdoor(&shared, &word, &bucket)];
            SearchToken::new(doors, "node", 9, &signer, &mut OsRng).unwrap()
        };
        let (first, second) = (order("I63"), order("I64"));
        let of = |order| live(order, &signer, &letters);
        let known = || Kept {
            upto: 5,
            ..Kept::of(vec![of(&first)])
        };
        assert_eq!(Kept::again(vec![of(&first)], Some(known())).upto, 5);
        assert_eq!(Kept::again(vec![of(&second)], Some(known())).upto, 0);
        let both = vec![of(&first), of(&second)];
        assert_eq!(Kept::again(both, Some(known())).upto, 0);
        assert_eq!(Kept::again(vec![of(&first)], None).upto, 0);
    }
}
