//! A search node: holds the encrypted rows of the index and tests them with the tokens that patients send it.
//! It learns neither words nor patients, only which rows answered.

use std::collections::{BTreeMap, BTreeSet};

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
    order::{Answer, Found, Place, SearchOrder},
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

/// The rows that a block's accepted transactions wrote, with their positions. A node that makes rows up gains
/// nothing: no token opens them.
pub fn rows_of(delivery: &Delivery) -> Vec<(Place, Row)> {
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

/// A token at work.
struct Live {
    token: VerifiedToken,
    answers: LetterPublicKey,
    places: Vec<Place>,
}

/// A search node at work.
pub struct Searcher<'a, D> {
    client: &'a Client<D>,
    key: &'a SearcherKey,
    upto: u64,
    rows: BTreeMap<Place, Row>,
    live: BTreeMap<AskId, Vec<Live>>,
    /// Which ask used a nonce, and until when it is remembered, in seconds.
    nonces: BTreeMap<[u8; 16], (AskId, u64)>,
}

impl<'a, D: Desk> Searcher<'a, D> {
    /// A node that holds no rows yet.
    pub const fn new(client: &'a Client<D>, key: &'a SearcherKey) -> Self {
        Self {
            client,
            key,
            upto: 0,
            rows: BTreeMap::new(),
            live: BTreeMap::new(),
            nonces: BTreeMap::new(),
        }
    }

    /// Reads the rows of blocks that are new; how many blocks there were.
    pub fn follow(&mut self) -> Attempt<u64> {
        let height = self.client.desk().height().map_err(Failure::from)?.get();
        let before = self.upto;
        while self.upto < height {
            let next = Height::new(self.upto + 1);
            let block = self.client.desk().block(next).map_err(Failure::from)?;
            let Some(block) = block else { break };
            self.rows.extend(rows_of(&block));
            self.upto += 1;
        }
        Ok(self.upto - before)
    }

    /// Whether every token of an ask says where to look, so that no other block is needed.
    pub fn knows_where(&mut self, ask: &AskId, now: u64) -> Attempt<bool> {
        self.learn(ask, now)?;
        let live = self.live.get(ask).map(Vec::as_slice).unwrap_or_default();
        Ok(live.iter().all(|l| !l.places.is_empty()))
    }

    /// How many rows it holds.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Forgets tokens whose time is over.
    pub fn forget(&mut self, now: u64) {
        for live in self.live.values_mut() {
            live.retain(|l| now <= l.token.terms().not_after);
        }
        self.live.retain(|_, live| !live.is_empty());
        self.nonces.retain(|_, (_, until)| now <= *until);
    }

    /// Answers an ask: every token that the patient sent this node for it is checked, and tested against the
    /// rows on all cores. The answer is also returned as it is written to the doctor.
    pub fn answer(&mut self, ask: &AskId, now: u64) -> Attempt<(Answer, Letter)> {
        self.forget(now);
        self.learn(ask, now)?;
        let live = self.live.get(ask).map(Vec::as_slice).unwrap_or_default();
        let Some(first) = live.first() else {
            return Err(Failure::new(Kind::Closed, "nothing to search for")
                .of(ask)
                .help("the patient sent this node no token for it, or its period is over"));
        };
        let answers = first.answers;
        let (mut found, mut tested, mut fetched) = (BTreeSet::new(), 0, 0);
        for live in live {
            let near;
            let rows = if live.places.is_empty() {
                &self.rows
            } else {
                let (at, blocks) = rows_at(self.client, &live.places)?;
                near = at;
                fetched += blocks;
                &near
            };
            tested += rows.len() as u64;
            found.extend(matches(&live.token, rows));
        }
        let answer = Answer {
            node: self.key.name.clone(),
            found: found.into_iter().collect(),
            tested,
            fetched,
        };
        let letter = answer.write_to(&answers, ask.as_bytes(), &mut OsRng)?;
        Ok((answer, letter))
    }

    /// Takes the tokens of an ask's permits from the ledger. Those of a permit that was revoked are dropped.
    fn learn(&mut self, ask: &AskId, now: u64) -> Attempt<()> {
        self.live.remove(ask);
        let trail = AskTrail::of(self.client, ask)?
            .ok_or_else(|| Failure::new(Kind::File, "there is no such ask").of(ask))?;
        if trail.is_over() {
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
                let nonces = &self.nonces;
                let used = |n: &[u8; 16]| nonces.get(n).is_some_and(|(other, _)| other != ask);
                let (Ok(token), Ok(answers)) = (order.token(), order.answers()) else {
                    continue;
                };
                let token = token.verify(&signer, &card.audience(), now, used);
                let Ok(token) = token else { continue };
                let terms = token.terms();
                self.nonces.insert(terms.nonce, (*ask, terms.not_after));
                live.push(Live {
                    answers,
                    places: order.places.clone(),
                    token,
                });
            }
        }
        if !live.is_empty() {
            self.live.insert(*ask, live);
        }
        Ok(())
    }
}

/// The rows that a token finds, tested on all cores.
pub fn matches(token: &VerifiedToken, rows: &BTreeMap<Place, Row>) -> Vec<Found> {
    let test = |(place, row): (&Place, &Row)| {
        let record = pointed(&token.find(row)?)?;
        let place = *place;
        Some(Found { record, place })
    };
    rows.par_iter().filter_map(test).collect()
}
