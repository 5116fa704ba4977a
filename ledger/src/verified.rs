//! Signatures that were found right in this process.
//!
//! The replicas of one process are sent the same signatures. Whether one is right depends on nothing but
//! key, statement and signature, so each is checked once and the others are told.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many are remembered before the older half is forgotten.
const GENERATION: usize = 16_384;

/// A digest over key, statement and signature.
pub(crate) type Mark = [u8; 32];

/// What was found right lately, shared by replicas. Never iterated: only asked.
#[derive(Debug, Default)]
pub(crate) struct Verified(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    now: HashSet<Mark>,
    before: HashSet<Mark>,
}

impl Verified {
    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was found right.
    pub(crate) fn has(&self, mark: &Mark) -> bool {
        let known = self.lock();
        known.now.contains(mark) || known.before.contains(mark)
    }

    /// It was found right.
    pub(crate) fn add(&self, mark: Mark) {
        let mut known = self.lock();
        known.now.insert(mark);
        if known.now.len() >= GENERATION {
            known.before = std::mem::take(&mut known.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::height::{Epoch, Height, View};
    use crate::identity::{Domain, Kind, SecretKey, Signature, Statement};
    use std::sync::Arc;

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten_in_halves() {
        let verified = Verified::default();
        let mark = |i: usize| {
            let mut mark = [0; 32];
            mark[..8].copy_from_slice(&i.to_be_bytes());
            mark
        };
        for i in 0..5 * GENERATION {
            verified.add(mark(i));
            let known = verified.lock();
            assert!(known.now.len() + known.before.len() < 2 * GENERATION);
        }
        assert!(verified.has(&mark(5 * GENERATION - 1)));
        assert!(!verified.has(&mark(0)));
    }

    /// Only what held is remembered, and only as it was: another key, statement or signature is judged.
    #[test]
    fn remembering_never_makes_a_wrong_signature_right() {
        let key = |i| SecretKey::from_seed([i; 32].into());
        let domain = Domain::new(Digest::ZERO).remembering(Arc::default());
        let statement = |height| Statement {
            epoch: Epoch::new(0),
            kind: Kind::Commit,
            view: View::FIRST,
            height: Height::new(height),
            digest: Digest::new([3; 32]),
        };
        let (ours, theirs) = (key(1), key(2));
        let signature = domain.sign(&ours, &statement(1));
        let wrong = Signature::new([7; 64]);
        for _ in 0..2 {
            assert!(domain.verify(&ours.public(), &statement(1), &signature));
            assert!(!domain.verify(&theirs.public(), &statement(1), &signature));
            assert!(!domain.verify(&ours.public(), &statement(2), &signature));
            assert!(!domain.verify(&ours.public(), &statement(1), &wrong));
        }
        let other = Domain::new(Digest::new([1; 32]));
        assert!(!other.verify(&ours.public(), &statement(1), &signature));
    }
}
