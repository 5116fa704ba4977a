//! Verification of many proofs together.
//!
//! Each proof's equation is raised to a random power and all are multiplied:
//!
//! ```text
//! prod e(r_i A_i, B_i) * e(sum r_i alpha, -beta) * e(sum r_i X_i, -gamma) * e(sum r_i C_i, -delta) = 1
//! ```
//!
//! with `N + 3` pairs for `N` proofs under one key (three more for each further key) and one final
//! exponentiation. A ledger has no randomness, so the powers come from a transcript of everything
//! that is checked (Fiat and Shamir): `seed = SHA-256(LP("batch", n, (key digest, proof, inputs)..))`,
//! `r_i` = the first 16 bytes of `SHA-256(LP("batch scalar", seed, i))` as `low + high lambda`, two
//! 64-bit numbers and the endomorphism's eigenvalue, so there are 2^128 of them. A batch with a
//! false proof is accepted with probability 2^-128 for each transcript that a forger tries.

use alloc::{collections::BTreeMap, vec::Vec};

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::CurveGroup;
use ark_ff::Field;
use sha2::{Digest, Sha256};

use crate::{
    bases::Short,
    digest::sha256_lp,
    field::to_be_bytes,
    key::{KeyDigest, PreparedKey},
    pairing::{Lines, finish, miller},
    proof::Proof,
    verify::{VerifyError, check_count, verify_inputs},
};

/// One proof of a batch, with the key and inputs it is to be checked under.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a PreparedKey,
    /// The proof.
    pub proof: &'a Proof,
    /// All public inputs.
    pub inputs: &'a [Fr],
}

/// Which entries of a batch are not accepted, by position, ascending, each with its reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} of the batch's proofs are not valid", self.culprits.len())]
pub struct BatchError {
    /// Never empty.
    pub culprits: Vec<(usize, VerifyError)>,
}

/// Checks all entries; on failure names every bad one.
///
/// A clean batch costs one check. A bad proof is found by halving, so `b` bad ones among `n` cost
/// about `2 b log2(n)` checks of shrinking batches.
pub fn verify_batch(entries: &[Entry<'_>]) -> Result<(), BatchError> {
    let mut culprits = Vec::new();
    let mut counted = Vec::with_capacity(entries.len());
    for (position, entry) in entries.iter().enumerate() {
        match check_count(entry.key, entry.inputs) {
            Ok(()) => counted.push((position, *entry)),
            Err(error) => culprits.push((position, error)),
        }
    }
    bisect(&counted, &mut culprits);
    culprits.sort_by_key(|(position, _)| *position);
    if culprits.is_empty() {
        Ok(())
    } else {
        Err(BatchError { culprits })
    }
}

fn bisect(entries: &[(usize, Entry<'_>)], culprits: &mut Vec<(usize, VerifyError)>) {
    match entries {
        [] => {}
        [(position, entry)] => {
            if let Err(error) = verify_inputs(entry.key, entry.proof, entry.inputs) {
                culprits.push((*position, error));
            }
        }
        _ if holds(entries) => {}
        _ => {
            let (left, right) = entries.split_at(entries.len() / 2);
            bisect(left, culprits);
            bisect(right, culprits);
        }
    }
}

/// What has to be summed for one key.
struct Group<'a> {
    key: &'a PreparedKey,
    scalars: Vec<Short>,
    c: Vec<G1Affine>,
    /// Sum of the scalars.
    constant: Fr,
    /// Sum of scalar times input, for every input.
    inputs: Vec<Fr>,
}

impl<'a> Group<'a> {
    fn new(key: &'a PreparedKey) -> Self {
        Self {
            key,
            scalars: Vec::new(),
            c: Vec::new(),
            constant: Fr::default(),
            inputs: alloc::vec![Fr::default(); key.inputs()],
        }
    }

    fn push(&mut self, entry: &Entry<'_>, r: Short) {
        let factor = r.to_field();
        self.scalars.push(r);
        self.c.push(*entry.proof.c());
        self.constant += factor;
        for (sum, input) in self.inputs.iter_mut().zip(entry.inputs) {
            *sum += factor * input;
        }
    }

    fn pairs(&self) -> [(G1Projective, &'a Lines); 3] {
        let key = self.key;
        [
            (key.key().parts().alpha * self.constant, &key.beta_neg),
            (key.bases.sum(&self.constant, &self.inputs), &key.gamma_neg),
            (Short::sum(&self.scalars, &self.c), &key.delta_neg),
        ]
    }
}

/// Whether the combined equation holds.
fn holds(entries: &[(usize, Entry<'_>)]) -> bool {
    let scalars = scalars(entries);
    let mut groups: BTreeMap<KeyDigest, Group<'_>> = BTreeMap::new();
    for ((_, entry), r) in entries.iter().zip(&scalars) {
        groups
            .entry(entry.key.digest())
            .or_insert_with(|| Group::new(entry.key))
            .push(entry, *r);
    }
    let (sums, lines): (Vec<G1Projective>, Vec<&Lines>) =
        groups.values().flat_map(Group::pairs).unzip();
    let sums = G1Projective::normalize_batch(&sums);
    let fixed: Vec<(G1Affine, &Lines)> = sums.into_iter().zip(lines).collect();
    finish(miller(&moving(entries, &scalars), &fixed)) == Some(Field::ONE)
}

/// `(r_i A_i, B_i)`.
fn moving(entries: &[(usize, Entry<'_>)], scalars: &[Short]) -> Vec<(G1Affine, G2Affine)> {
    let times = |((_, entry), r): (&(usize, Entry<'_>), &Short)| r.times(entry.proof.a());
    #[cfg(feature = "parallel")]
    let points: Vec<G1Projective> = {
        use rayon::prelude::*;
        entries.par_iter().zip(scalars).map(times).collect()
    };
    #[cfg(not(feature = "parallel"))]
    let points: Vec<G1Projective> = entries.iter().zip(scalars).map(times).collect();
    let points = G1Projective::normalize_batch(&points);
    let b = entries.iter().map(|(_, entry)| *entry.proof.b());
    points.into_iter().zip(b).collect()
}

/// The transcript's scalars.
fn scalars(entries: &[(usize, Entry<'_>)]) -> Vec<Short> {
    let mut transcript = Sha256::new();
    let mut absorb = |part: &[u8]| {
        // Parts are a few hundred bytes, so their lengths fit.
        transcript.update((part.len() as u32).to_be_bytes());
        transcript.update(part);
    };
    absorb(b"batch");
    absorb(&(entries.len() as u64).to_be_bytes());
    for (_, entry) in entries {
        absorb(&entry.key.digest().0);
        absorb(&entry.proof.to_uncompressed_bytes());
        // As many inputs as the key says, which its digest covers.
        for input in entry.inputs {
            absorb(&to_be_bytes(input));
        }
    }
    let seed: [u8; 32] = transcript.finalize().into();
    (0..entries.len() as u64)
        .map(|i| {
            let digest = sha256_lp(&[b"batch scalar", &seed, &i.to_be_bytes()]);
            let number = |bytes: &[u8]| bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
            let (low, high) = digest.split_at(8);
            let (low, high) = (number(low), number(high.get(..8).unwrap_or_default()));
            Short { low, high }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pairing::tally, toy::Toy};

    /// Pairs and final exponentiations of a check.
    fn work(check: impl FnOnce()) -> (usize, usize) {
        tally::take();
        check();
        tally::take()
    }

    #[test]
    fn work_is_pinned() {
        let mut toys = [Toy::new(6, 1), Toy::new(6, 2)];
        let keys = [toys[0].prepared(), toys[1].prepared()];
        let inputs: Vec<Fr> = (1..7u64).map(Fr::from).collect();
        let proofs: Vec<Proof> = (0..20).map(|i| toys[i % 2].prove(&inputs)).collect();
        let entry = |i: usize, key: usize| Entry {
            key: &keys[key],
            proof: &proofs[i],
            inputs: &inputs,
        };
        let one = work(|| verify_inputs(&keys[0], &proofs[0], &inputs).unwrap());
        assert_eq!(one, (3, 1));
        let same: Vec<Entry<'_>> = (0..20).step_by(2).map(|i| entry(i, 0)).collect();
        assert_eq!(work(|| verify_batch(&same).unwrap()), (10 + 3, 1));
        let mixed: Vec<Entry<'_>> = (0..20).map(|i| entry(i, i % 2)).collect();
        assert_eq!(work(|| verify_batch(&mixed).unwrap()), (20 + 6, 1));
        let mut bad = same;
        bad[7] = entry(1, 0);
        let (_, exponentiations) = work(|| assert!(verify_batch(&bad).is_err()));
        assert!(exponentiations <= 1 + 2 * 4, "{exponentiations}");
    }

    #[test]
    fn scalars_depend_on_everything() {
        let mut toy = Toy::new(2, 1);
        let (key, other) = (toy.prepared(), Toy::new(2, 2).prepared());
        let inputs = [Fr::from(1), Fr::from(2)];
        let swapped = [Fr::from(2), Fr::from(1)];
        let (a, b) = (toy.prove(&inputs), toy.prove(&inputs));
        let first = Entry {
            key: &key,
            proof: &a,
            inputs: &inputs,
        };
        let of = |entries: &[Entry<'_>]| {
            let entries: Vec<_> = entries.iter().copied().enumerate().collect();
            scalars(&entries)
        };
        let base = of(&[first, first]);
        assert_ne!(base[0], base[1]);
        assert_eq!(base, of(&[first, first]));
        for changed in [
            Entry { proof: &b, ..first },
            Entry {
                inputs: &swapped,
                ..first
            },
            Entry {
                key: &other,
                ..first
            },
        ] {
            assert_ne!(
                of(&[first, changed])[0],
                base[0],
                "a later entry changes all scalars"
            );
        }
        assert_ne!(of(&[first])[0], base[0]);
    }
}
