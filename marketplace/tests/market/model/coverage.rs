//! Which transactions the histories contained, and what became of them.

use std::collections::BTreeMap;

use eligo_ledger::wire::{Wire, WireError};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::transaction::Body;

use super::world::State;

/// The transactions the model knows, by their tags.
const NAMES: &[(u8, &str)] = &[
    (1, "Certify"),
    (2, "Dismiss"),
    (3, "Transfer"),
    (4, "DepositBond"),
    (5, "WithdrawBond"),
    (6, "Register"),
    (7, "WithdrawRecord"),
    (8, "RegisterProxy"),
    (9, "WithdrawProxy"),
    (10, "Publish"),
    (11, "Draft"),
    (12, "WithdrawRequirement"),
    (13, "Claim"),
    (14, "Count"),
    (15, "PostShare"),
    (16, "Settle"),
    (17, "Expire"),
    (18, "Revoke"),
    (19, "Dispute"),
    (20, "Verdict"),
    (21, "BeaconRound"),
    (22, "Govern"),
    (23, "Ready"),
];

/// Transactions that are shown elsewhere: acts of care have a model of their own, ceremonies and elections
/// histories of theirs.
const ELSEWHERE: &[u8] = &[24, 25];

/// What became of the transactions of one kind, and how claims ended.
#[derive(Debug, Default)]
pub struct Coverage {
    accepted: BTreeMap<&'static str, usize>,
    refused: BTreeMap<(&'static str, Rejection), usize>,
    ended: BTreeMap<String, usize>,
}

fn name(tag: u8) -> &'static str {
    let known = NAMES.iter().find(|(known, _)| *known == tag);
    known.map_or("unknown", |(_, name)| name)
}

/// Whether transactions of this tag exist: the decoder gets past it.
fn exists(tag: u8) -> bool {
    !matches!(
        Body::from_wire(&[tag]),
        Err(WireError::UnknownTag {
            what: "transaction",
            ..
        })
    )
}

impl Coverage {
    pub fn note(&mut self, body: &Body, outcome: Result<(), Rejection>) {
        let name = name(body.to_wire()[0]);
        match outcome {
            Ok(()) => *self.accepted.entry(name).or_default() += 1,
            Err(reason) => *self.refused.entry((name, reason)).or_default() += 1,
        }
    }

    pub fn note_end(&mut self, state: State) {
        *self.ended.entry(format!("{state:?}")).or_default() += 1;
    }

    pub fn add(&mut self, other: Self) {
        for (name, times) in other.accepted {
            *self.accepted.entry(name).or_default() += times;
        }
        for (refusal, times) in other.refused {
            *self.refused.entry(refusal).or_default() += times;
        }
        for (state, times) in other.ended {
            *self.ended.entry(state).or_default() += times;
        }
    }

    pub fn ended(&self, state: State) -> usize {
        let times = self.ended.get(&format!("{state:?}"));
        times.copied().unwrap_or_default()
    }

    pub fn refused(&self, name: &'static str, reason: Rejection) -> usize {
        let times = self.refused.get(&(name, reason));
        times.copied().unwrap_or_default()
    }

    /// A new kind of transaction fails here until the model knows it.
    pub fn every_transaction_was_accepted_and_refused(&self) {
        for tag in (0..=u8::MAX).filter(|tag| exists(*tag) && !ELSEWHERE.contains(tag)) {
            let name = name(tag);
            assert_ne!(name, "unknown", "no history has transactions of tag {tag}");
            let accepted = self.accepted.get(name).copied().unwrap_or_default();
            let refused = self.refused.keys().filter(|(of, _)| *of == name).count();
            assert!(accepted > 0, "{name} was never accepted: {self:?}");
            assert!(refused > 0, "{name} was never refused: {self:?}");
        }
    }
}
