//! Who serves: a weighted draw that everyone recomputes.
//!
//! ```text
//! seed = SHA256(LP("MEDSEL-V01", chain, purpose, epoch, beta))
//! for k = 0..n-1: X = OS2IP(SHA512(LP(seed, I2OSP(k, 4)))) mod W_remaining
//!                 walk the candidates in order of id, take the first whose running sum exceeds X, remove it
//! ```
//!
//! Weights (votes, delegated stake) are integers, snapshotted at a height; beta is the randomness of the
//! first beacon round fixed after it, at least two rounds later, so nobody knew it when the weights were
//! set. No organisation weighs more than a third of all, whatever its stake.
//!
//! A draw says who proposes, endorses or re-encrypts. It never says who decides: a small random committee
//! can be corrupt by chance, so finality is all validators'.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha512};

use crate::beacon::Randomness;
use crate::domain::{int, lp, sha256};

/// The most candidates of a draw.
pub const MAX_CANDIDATES: usize = 4096;

/// One who may be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its unique name; candidates are walked in its byte order.
    pub id: String,
    /// Whose it is: an organisation's candidates together are capped.
    pub organisation: String,
    /// Its votes or stake.
    pub weight: u64,
    /// Excluded for misbehaviour.
    pub jailed: bool,
}

/// What is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Office {
    /// Proxies of a claim, n = 2f + 1.
    Proxy,
    /// Who orders transactions.
    Orderer,
    /// Who endorses, one region each.
    Endorser,
}

impl Office {
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Proxy => b"proxy",
            Self::Orderer => b"orderer",
            Self::Endorser => b"endorser",
        }
    }
}

/// What makes a draw this one and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion<'a> {
    /// The chain's id.
    pub chain: &'a str,
    /// The office.
    pub office: Office,
    /// The epoch, or a claim's number.
    pub epoch: u64,
    /// The beacon's randomness, fixed after the snapshot.
    pub beta: Randomness,
}

/// Candidates with the weights that count: capped, the jailed and weightless left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Electorate(BTreeMap<String, u64>);

/// Why nobody is drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// More candidates than 4096.
    #[error("{0} candidates are more than a draw takes")]
    TooMany(usize),
    /// Two candidates have one id.
    #[error("candidate `{id}` stands twice")]
    Twice {
        /// The id.
        id: String,
    },
    /// Fewer than three organisations with weight: one would have more than a third.
    #[error("{0} organisations have weight; with fewer than three, one has more than a third")]
    Organisations(usize),
    /// More are to be drawn than can be.
    #[error("{wanted} are to be drawn, {eligible} can be")]
    NotEnough {
        /// How many are wanted.
        wanted: usize,
        /// How many can be drawn.
        eligible: usize,
    },
}

impl Electorate {
    /// Takes a snapshot. An organisation's weight is cut to the largest c with which no one has more than a
    /// third of what then remains; within it, candidates keep their proportions, rounding going to the first
    /// by id. Candidates whose weight becomes zero are not eligible.
    ///
    /// # Errors
    /// [`DrawError`] as it says.
    pub fn new(candidates: &[Candidate]) -> Result<Self, DrawError> {
        if candidates.len() > MAX_CANDIDATES {
            return Err(DrawError::TooMany(candidates.len()));
        }
        let mut ids = BTreeSet::new();
        if let Some(twice) = candidates.iter().find(|c| !ids.insert(&c.id)) {
            return Err(DrawError::Twice {
                id: twice.id.clone(),
            });
        }
        let mut organisations: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for c in candidates.iter().filter(|c| !c.jailed && c.weight > 0) {
            organisations
                .entry(&c.organisation)
                .or_default()
                .insert(&c.id, c.weight);
        }
        if organisations.len() < 3 {
            return Err(DrawError::Organisations(organisations.len()));
        }
        let totals: Vec<u128> = organisations
            .values()
            .map(|members| total(members))
            .collect();
        let cap = largest_cap(&totals);
        let mut capped = BTreeMap::new();
        for members in organisations.values() {
            let shares = shrink(members, total(members).min(cap));
            capped.extend(shares.filter(|(_, weight)| *weight > 0));
        }
        Ok(Self(capped))
    }

    /// The candidates that can be drawn, with their weights, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(id, weight)| (id.as_str(), *weight))
    }

    /// Draws n different candidates, in the order they were drawn.
    ///
    /// # Errors
    /// [`DrawError::NotEnough`] if there are fewer.
    pub fn draw(&self, occasion: &Occasion<'_>, n: usize) -> Result<Vec<String>, DrawError> {
        if n > self.0.len() {
            return Err(DrawError::NotEnough {
                wanted: n,
                eligible: self.0.len(),
            });
        }
        let Occasion {
            chain,
            office,
            epoch,
            beta,
        } = occasion;
        let seed = sha256(&lp(&[
            b"MEDSEL-V01",
            chain.as_bytes(),
            office.tag(),
            &int(*epoch),
            beta.as_bytes(),
        ]));
        let mut remaining: Vec<(&str, u64)> = self.iter().collect();
        let mut drawn = Vec::new();
        for k in 0..n as u32 {
            let weight: u128 = remaining.iter().map(|(_, w)| u128::from(*w)).sum();
            let x = modulo(&Sha512::digest(lp(&[&seed, &k.to_be_bytes()])), weight);
            let mut sum = 0u128;
            let chosen = remaining.iter().position(|(_, w)| {
                sum += u128::from(*w);
                sum > x
            });
            // x is below the total, so the running sum exceeds it somewhere
            if let Some(at) = chosen {
                drawn.push(remaining.remove(at).0.to_owned());
            }
        }
        Ok(drawn)
    }
}

/// MedBlock's rotation: endorsers propose in turn, the next after a failed view. None if there are none.
#[must_use]
pub fn in_turn(endorsers: &[String], view: u64) -> Option<&String> {
    let at = view.checked_rem(endorsers.len() as u64)?;
    endorsers.get(usize::try_from(at).ok()?)
}

fn total(members: &BTreeMap<&str, u64>) -> u128 {
    members.values().map(|w| u128::from(*w)).sum()
}

/// The largest c such that cutting every total to c leaves none above a third of the sum.
fn largest_cap(totals: &[u128]) -> u128 {
    let fits = |c: u128| {
        let cut: u128 = totals.iter().map(|&w| w.min(c)).sum();
        let largest = totals.iter().map(|&w| w.min(c)).max().unwrap_or(0);
        3 * largest <= cut
    };
    // the larger c, the larger the share of the largest: fits is true up to some c and false after
    let (mut low, mut high) = (0u128, totals.iter().copied().max().unwrap_or(0));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// Scales weights to sum to `target` exactly: rounded down, the remainder one each to the first by id.
fn shrink<'a>(
    members: &'a BTreeMap<&str, u64>,
    target: u128,
) -> impl Iterator<Item = (String, u64)> + use<'a> {
    let sum = total(members).max(1);
    // weights are 64-bit and there are at most 4096: the product fits 128 bits unless target is larger than
    // 64 bits, and then it is the sum itself or at least a part of at most 4096 * 2^64
    let scale = move |w: u64| scale(w, target, sum);
    let floors: u128 = members.values().map(|&w| u128::from(scale(w))).sum();
    let mut left = target.saturating_sub(floors);
    members.iter().map(move |(id, &w)| {
        let extra = u64::from(left > 0);
        left = left.saturating_sub(1);
        ((*id).to_owned(), scale(w).saturating_add(extra).min(w))
    })
}

/// floor(w * target / sum), with target <= sum <= 4096 * 2^64.
fn scale(w: u64, target: u128, sum: u128) -> u64 {
    // long multiplication in two halves of w, so that nothing exceeds 128 bits: target < 2^76
    let (high, low) = (u128::from(w >> 32), u128::from(w & 0xffff_ffff));
    let high = high * target; // < 2^108
    let quotient = (high / sum) << 32;
    let rest = ((high % sum) << 32) + low * target; // < 2^109
    u64::try_from(quotient + rest / sum).unwrap_or(w)
}

/// A big-endian number modulo m, m > 0.
fn modulo(bytes: &[u8], m: u128) -> u128 {
    // m is at most 4096 * 2^64 = 2^76, so the shift by 8 does not overflow
    bytes
        .iter()
        .fold(0, |rest, byte| ((rest << 8) | u128::from(*byte)) % m)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: &str, organisation: &str, weight: u64) -> Candidate {
        Candidate {
            id: id.into(),
            organisation: organisation.into(),
            weight,
            jailed: false,
        }
    }

    fn occasion(beta: u8) -> Occasion<'static> {
        Occasion {
            chain: "eligo-test",
            office: Office::Proxy,
            epoch: 3,
            beta: Randomness::new([beta; 32]),
        }
    }

    fn four() -> Vec<Candidate> {
        [("d", 40), ("a", 10), ("c", 30), ("b", 20)]
            .map(|(id, w)| candidate(id, id, w))
            .into()
    }

    #[test]
    fn everyone_draws_the_same_whatever_the_order_of_the_list() {
        let mut list = four();
        let one = Electorate::new(&list)
            .unwrap()
            .draw(&occasion(1), 3)
            .unwrap();
        list.reverse();
        let two = Electorate::new(&list)
            .unwrap()
            .draw(&occasion(1), 3)
            .unwrap();
        assert_eq!(one, two);
        assert_eq!(one.iter().collect::<BTreeSet<_>>().len(), 3);
        let others = (2..12).map(|beta| Electorate::new(&list).unwrap().draw(&occasion(beta), 3));
        assert!(others.map(Result::unwrap).any(|drawn| drawn != one));
        let office = Occasion {
            office: Office::Orderer,
            ..occasion(1)
        };
        let epoch = Occasion {
            epoch: 4,
            ..occasion(1)
        };
        let electorate = Electorate::new(&list).unwrap();
        let drawn = [occasion(1), office, epoch].map(|o| electorate.draw(&o, 4).unwrap());
        assert!(drawn[0] != drawn[1] || drawn[0] != drawn[2]);
    }

    #[test]
    fn weights_are_what_they_say() {
        let electorate = Electorate::new(&four()).unwrap();
        // 40 of 100 is more than a third: cut to 30 (of 90)
        let weights: Vec<_> = electorate.iter().collect();
        assert_eq!(weights, [("a", 10), ("b", 20), ("c", 30), ("d", 30)]);
        let mut counts = BTreeMap::new();
        for epoch in 0..3000 {
            let drawn = electorate
                .draw(
                    &Occasion {
                        epoch,
                        ..occasion(9)
                    },
                    1,
                )
                .unwrap();
            *counts.entry(drawn[0].clone()).or_insert(0) += 1;
        }
        for (id, weight) in weights {
            let (found, expected) = (f64::from(counts[id]), 3000.0 * weight as f64 / 90.0);
            assert!(
                (found - expected).abs() < 5.0 * expected.sqrt(),
                "{id}: {found} of {expected}"
            );
        }
    }

    #[test]
    fn no_organisation_has_more_than_a_third() {
        let list = [
            candidate("a1", "big", u64::MAX),
            candidate("a2", "big", u64::MAX / 3),
            candidate("b", "small", 7),
            candidate("c", "middle", 1000),
            candidate("d", "other", 5),
        ];
        let weights: BTreeMap<_, _> = Electorate::new(&list)
            .unwrap()
            .iter()
            .map(|(i, w)| (i.to_owned(), w))
            .collect();
        let big = weights.get("a1").unwrap_or(&0) + weights.get("a2").unwrap_or(&0);
        assert!(3 * big <= weights.values().sum());
        assert!(3 * weights["c"] <= weights.values().sum());
        let equal = Electorate::new(&four()[..3]).unwrap();
        assert!(equal.iter().all(|(_, w)| w == 10));
        assert_eq!(
            Electorate::new(&four()[..2]),
            Err(DrawError::Organisations(2))
        );
    }

    #[test]
    fn the_jailed_and_the_doubled_do_not_stand() {
        let mut list = four();
        list[0].jailed = true;
        let drawn = Electorate::new(&list)
            .unwrap()
            .draw(&occasion(1), 3)
            .unwrap();
        assert!(!drawn.contains(&"d".to_owned()));
        let short = Electorate::new(&list).unwrap().draw(&occasion(1), 4);
        assert_eq!(
            short,
            Err(DrawError::NotEnough {
                wanted: 4,
                eligible: 3
            })
        );
        list[1].id = "b".into();
        assert_eq!(
            Electorate::new(&list),
            Err(DrawError::Twice { id: "b".into() })
        );
    }

    #[test]
    fn endorsers_take_turns() {
        let names = ["a", "b", "c"].map(String::from);
        assert_eq!(in_turn(&names, 4).map(String::as_str), Some("b"));
        assert_eq!(in_turn(&[], 4), None);
    }

    #[test]
    fn big_numbers_are_reduced_exactly() {
        assert_eq!(modulo(&[1, 0], 100), 56);
        assert_eq!(modulo(&[0xff; 64], 1), 0);
        assert_eq!(scale(u64::MAX, 1 << 70, 1 << 70), u64::MAX);
        assert_eq!(scale(10, 1, 3), 3);
    }
}
