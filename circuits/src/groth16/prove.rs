//! Making a proof.
//!
//! The proof is first computed unblinded, `A0 = alpha + sum z_k A_k`, `B0 = beta + sum z_k B_k`,
//! `C0 = sum z_k L_k + sum h_i H_i`, then re-randomised with fresh units u and scalars v:
//! `A = A0 / u`, `B = u B0 + u v delta`, `C = C0 + v A0`. For `A0 != 0` this is a uniform element of the set of
//! valid proofs, as Groth's own blinding is (<https://eprint.iacr.org/2020/811>, theorem 3), and it needs
//! neither the B query in G1 nor its product, a fifth of the work in G1.

use ark_bn254::{Bn254, Fr, G1Projective, G2Projective};
use ark_ec::CurveGroup;
use ark_ff::{Field, One, UniformRand, Zero};
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
        let [a, b] = self.row_products(z)?;
        let prepared = self.prepared();
        let halves = Halves::of(z);
        let ((l, h), (a0, b0)) = parallel::join(
            || {
                parallel::join(
                    || prepared.l.multiply(&halves.select(&self.l.columns)),
                    || {
                        let quotient = Zeroizing::new(prepared.domain.quotient(a, b));
                        prepared.h.multiply(&Halves::of_integers(&quotient))
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
        let (a0, b0, c0) = (a0 + self.vk.alpha_g1, b0 + self.vk.beta_g2, l + h);
        self.blind(a0, b0, c0, rng)
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
