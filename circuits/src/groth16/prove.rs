//! Making a proof.
//!
//! The proof is first computed unblinded, `A0 = alpha + sum z_k A_k`, `B0 = beta + sum z_k B_k`,
//! `C0 = sum z_k L_k + sum h_i H_i`, then re-randomised with fresh units u and scalars v:
//! `A = A0 / u`, `B = u B0 + u v delta`, `C = C0 + v A0`. For `A0 != 0` this is a uniform element of the set of
//! valid proofs, as Groth's own blinding is (<https://eprint.iacr.org/2020/811>, theorem 3), and it needs
//! neither the B query in G1 nor its product, a fifth of the work in G1.

use std::time::{Duration, Instant};

use ark_bn254::{Bn254, Fr, G1Projective, G2Projective};
use ark_ec::CurveGroup;
use ark_ff::{BigInt, Field, One, PrimeField, UniformRand, Zero};
use ark_groth16::Proof;
use rand_core::{CryptoRng, RngCore};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{ProvingKey, glv::Halves, parallel};
use crate::r1cs::Matrix;

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProveError {
    /// The assignment has another number of columns than the system.
    #[error("the assignment has {found} columns, the constraint system {expected}")]
    Length {
        /// Columns of the system.
        expected: usize,
        /// Columns of the assignment.
        found: usize,
    },
    /// Column 0 of the assignment is not one.
    #[error("column 0 of the assignment is not the constant one")]
    One,
    /// The assignment does not satisfy the system.
    #[error("constraint {row} is not satisfied")]
    Unsatisfied {
        /// The first violated row.
        row: usize,
    },
    /// The key was made so that a proof could not be blinded. For an honest key this happens with
    /// probability 2^-254.
    #[error("this proving key cannot blind a proof: it was not made honestly")]
    Blinding,
}

/// What the work of the multi-scalar products, by far the most of a proof's, may depend on.
///
/// What always depends on the witness is the order in which memory is touched; what never does is the number of
/// operations in the matrix products and the transforms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// Zeros cost nothing and short values little, so the time tells how many values are short or zero.
    #[default]
    Least,
    /// Every value is masked by a random one before it is multiplied, and the mask taken off the sum: all look
    /// like uniform ones of full length. Costs up to three times as much, most where most values are bits.
    Constant,
}

/// The time of each step of a proof.
#[derive(Clone, Copy, Debug)]
pub struct Phases {
    /// `Az`, `Bz`, `Cz`, and comparing.
    pub matrices: Duration,
    /// The six transforms.
    pub transforms: Duration,
    /// Splitting the assignment's values.
    pub split: Duration,
    /// The product with the A query.
    pub a: Duration,
    /// The product with the B query, in G2.
    pub b: Duration,
    /// The product with the L query.
    pub l: Duration,
    /// The product with the H query.
    pub h: Duration,
}

fn timed<T>(step: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = step();
    (result, started.elapsed())
}

/// A secret factor; value k of a vector is masked with the factor times public weight k.
struct Mask {
    factor: Zeroizing<Fr>,
    weights: Vec<Fr>,
}

impl Mask {
    fn draw(key: &ProvingKey, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self {
            factor: Zeroizing::new(Fr::rand(rng)),
            weights: weights(key.system.columns().max(key.h.len())),
        }
    }

    fn apply(&self, values: impl Iterator<Item = Fr>) -> Halves {
        let masked = values
            .zip(&self.weights)
            .map(|(x, weight)| x + *self.factor * weight);
        Halves::of(&Zeroizing::new(masked.collect::<Vec<Fr>>()))
    }
}

/// Powers of a constant of large order.
fn weights(count: usize) -> Vec<Fr> {
    let step = Fr::from_be_bytes_mod_order(b"eligo/constant-work/v1");
    std::iter::successors(Some(step), |x| Some(*x * step))
        .take(count)
        .collect()
}

fn masked(mask: Option<&Mask>, values: &[Fr]) -> Halves {
    match mask {
        Some(mask) => mask.apply(values.iter().copied()),
        None => Halves::of(values),
    }
}

fn masked_integers(mask: Option<&Mask>, integers: &[BigInt<4>]) -> Halves {
    match mask {
        Some(mask) => mask.apply(
            integers
                .iter()
                .map(|x| Fr::from_bigint(*x).unwrap_or_default()),
        ),
        None => Halves::of_integers(integers),
    }
}

/// See [`ProvingKey::weighted`].
#[derive(Clone)]
pub(crate) struct Weighted {
    a: G1Projective,
    b: G2Projective,
    /// Of the L and H queries together.
    c: G1Projective,
}

impl ProvingKey {
    /// Proves that `z` satisfies the system: column 0 is one, then the public inputs, then the witness.
    ///
    /// # Errors
    ///
    /// If `z` is not a satisfying assignment; the first violated row is named.
    pub fn prove(
        &self,
        z: &[Fr],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Proof<Bn254>, ProveError> {
        self.prove_with(Work::Least, z, rng)
    }

    /// [`prove`](Self::prove), choosing what the time may depend on.
    ///
    /// # Errors
    ///
    /// As [`prove`](Self::prove).
    pub fn prove_with(
        &self,
        work: Work,
        z: &[Fr],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Proof<Bn254>, ProveError> {
        let [a, b] = self.row_products(z)?;
        let prepared = self.prepared();
        let mask = match work {
            Work::Least => None,
            Work::Constant => Some(Mask::draw(self, rng)),
        };
        let mask = mask.as_ref();
        let halves = masked(mask, z);
        let ((l, h), (a0, b0)) = parallel::join(
            || {
                parallel::join(
                    || prepared.l.multiply(&halves.select(&self.l.columns)),
                    || {
                        let quotient = Zeroizing::new(prepared.domain.quotient(a, b));
                        prepared.h.multiply(&masked_integers(mask, &quotient))
                    },
                )
            },
            || {
                parallel::join(
                    || prepared.a.multiply(&halves.select(&self.a.columns)),
                    || prepared.b.multiply(&halves.select(&self.b.columns)),
                )
            },
        );
        let (mut a0, mut b0, mut c0) = (a0 + self.vk.alpha_g1, b0 + self.vk.beta_g2, l + h);
        if let Some(mask) = mask {
            let weighted = self.weighted();
            a0 -= weighted.a * *mask.factor;
            b0 -= weighted.b * *mask.factor;
            c0 -= weighted.c * *mask.factor;
        }
        self.blind(a0, b0, c0, rng)
    }

    /// How long each step of a proof takes when they follow one another, each on all cores.
    ///
    /// # Errors
    ///
    /// As [`prove`](Self::prove).
    pub fn measure(&self, z: &[Fr]) -> Result<Phases, ProveError> {
        let prepared = self.prepared();
        let (products, matrices) = timed(|| self.row_products(z));
        let [a, b] = products?;
        let (quotient, transforms) = timed(|| Zeroizing::new(prepared.domain.quotient(a, b)));
        let (halves, split) = timed(|| Halves::of(z));
        Ok(Phases {
            matrices,
            transforms,
            split,
            a: timed(|| prepared.a.multiply(&halves.select(&self.a.columns))).1,
            b: timed(|| prepared.b.multiply(&halves.select(&self.b.columns))).1,
            l: timed(|| prepared.l.multiply(&halves.select(&self.l.columns))).1,
            h: timed(|| prepared.h.multiply(&Halves::of_integers(&quotient))).1,
        })
    }

    /// Each query's sum of its points times the weights of a [`Mask`].
    fn weighted(&self) -> &Weighted {
        let prepared = self.prepared();
        prepared.weighted.get_or_init(|| {
            let halves = Halves::of(&weights(self.system.columns().max(self.h.len())));
            let l = prepared.l.multiply(&halves.select(&self.l.columns));
            Weighted {
                a: prepared.a.multiply(&halves.select(&self.a.columns)),
                b: prepared.b.multiply(&halves.select(&self.b.columns)),
                c: l + prepared.h.multiply(&halves),
            }
        })
    }

    fn blind(
        &self,
        a0: G1Projective,
        b0: G2Projective,
        c0: G1Projective,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Proof<Bn254>, ProveError> {
        if a0.is_zero() {
            return Err(ProveError::Blinding);
        }
        let (u, u_inverse) = loop {
            let u = Fr::rand(rng);
            if let Some(inverse) = u.inverse() {
                break (Zeroizing::new(u), Zeroizing::new(inverse));
            }
        };
        let v = Zeroizing::new(Fr::rand(rng));
        Ok(Proof {
            a: (a0 * *u_inverse).into_affine(),
            b: ((b0 + self.vk.delta_g2 * *v) * *u).into_affine(),
            c: (c0 + a0 * *v).into_affine(),
        })
    }

    /// `Az` and `Bz` over the domain, after checking `Az * Bz = Cz` on every row.
    fn row_products(&self, z: &[Fr]) -> Result<[Zeroizing<Vec<Fr>>; 2], ProveError> {
        if z.len() != self.system.columns() {
            return Err(ProveError::Length {
                expected: self.system.columns(),
                found: z.len(),
            });
        }
        if z.first() != Some(&Fr::one()) {
            return Err(ProveError::One);
        }
        let multiply = |matrix: &Matrix| {
            let mut products = Vec::with_capacity(self.domain.size());
            products.extend((0..matrix.rows()).map(|row| matrix.row_product(row, z)));
            Zeroizing::new(products)
        };
        let system = &self.system;
        let ((mut a, mut b), c) = parallel::join(
            || parallel::join(|| multiply(&system.a), || multiply(&system.b)),
            || multiply(&system.c),
        );
        let rows = a.iter().zip(b.iter()).zip(c.iter());
        if let Some(row) = rows.into_iter().position(|((a, b), c)| *a * b != *c) {
            return Err(ProveError::Unsatisfied { row });
        }
        a.extend_from_slice(&z[..system.instance as usize]);
        a.resize(self.domain.size(), Fr::zero());
        b.resize(self.domain.size(), Fr::zero());
        Ok([a, b])
    }
}
