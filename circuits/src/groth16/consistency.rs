//! Whether a key's elements belong together and to its matrices: the check that a patient makes of a key that
//! somebody else set up, so that proofs under it hide the witness whatever the set-up knew
//! (Fuchsbauer 2018, <https://eprint.iacr.org/2017/587>, section 5; the equations are for this key's form).
//!
//! Write `H(f)` for the sum of `f(x_i) H_i` over the coset. In an honest key `H(f) = kappa f(tau)` for every f of degree
//! below n, with `kappa = (1 - tau^n) / (2 delta)`, and two further elements of G2 come with it, `M = 1 / kappa` and
//! `N = tau / kappa`. They turn everything that the matrices say about the key into pairing equations. For random weights
//! rho of the columns, and `a`, `b`, `c` the so weighted sums of the columns' polynomials:
//!
//! 1. `e(H(1), M) = e(1, 1)`: kappa and M are inverse units;
//! 2. `e(H(X f), M) = e(H(f), N)` for a random f of degree below n - 1: so H is evaluation at one tau, times kappa;
//! 3. `2 e(H(1), delta) = e(1, 1) - e(H(X^(n-1)), N)`: kappa is what it should be, and tau no root of unity of order n;
//! 4. `e(sum rho_k A_k, 1) = e(H(a), M)`, and `e(H(1), sum rho_k B_k) = e(H(b), 1)`, over all columns;
//! 5. `e(sum rho_k L_k, delta) = e(sum rho_k A_k, beta) + e(alpha, sum rho_k B_k) + e(H(c), M)` over the witness columns,
//!    and the same with the verifying key's elements and gamma over the instance columns.
//!
//! With random weights of 128 bits, a key that violates one passes with probability at most 2^-127.

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM, pairing::Pairing};
use ark_ff::{Field, One, Zero, batch_inversion};
use rand_core::{CryptoRng, RngCore};
use thiserror::Error;

use super::{ProvingKey, glv::Halves};
use crate::r1cs::Matrix;

/// The two elements that only the check uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckElements {
    /// `1 / kappa`.
    pub(crate) m: G2Affine,
    /// `tau / kappa`.
    pub(crate) n: G2Affine,
}

/// Why a key must not be used to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConsistencyError {
    /// The key carries no elements to check it by, as those made by other tools.
    #[error("this proving key carries nothing to check it by")]
    Unchecked,
    /// An element that must be a unit is infinity, or gamma equals delta.
    #[error("this proving key has degenerate elements")]
    Degenerate,
    /// The H query is not the powers of one secret.
    #[error("the proving key's H query is inconsistent")]
    Quotient,
    /// The A query is not the matrix A's.
    #[error("the proving key's A query does not belong to its matrices")]
    A,
    /// The B query is not the matrix B's.
    #[error("the proving key's B query does not belong to its matrices")]
    B,
    /// The L query is not the matrices'.
    #[error("the proving key's L query does not belong to its matrices")]
    L,
    /// The verifying key is not the matrices'.
    #[error("the verifying key does not belong to the matrices")]
    Verifying,
}

impl ProvingKey {
    /// Checks that the key is one of its matrices, whoever made it. The points must lie in their groups, so a key from
    /// elsewhere is first read with [`read_checked`](Self::read_checked). Costs about as much as three proofs.
    ///
    /// # Errors
    ///
    /// The part of the key that is wrong.
    pub fn check_consistency(
        &self,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), ConsistencyError> {
        let elements = self.check.ok_or(ConsistencyError::Unchecked)?;
        self.check_units(&elements)?;
        let coset = self.domain.coset_points();
        let ones = self.quotient_element(&vec![Fr::one(); coset.len()]);
        self.check_quotient(&elements, &coset, ones, rng)?;
        self.check_columns(&elements, ones, rng)
    }

    fn check_units(&self, elements: &CheckElements) -> Result<(), ConsistencyError> {
        let vk = &self.vk;
        let degenerate = vk.alpha_g1.is_zero()
            || [vk.beta_g2, vk.gamma_g2, vk.delta_g2, elements.m]
                .iter()
                .any(|p| p.is_zero())
            || vk.gamma_g2 == vk.delta_g2
            || vk.gamma_abc_g1.len() != self.system.instance as usize;
        if degenerate {
            Err(ConsistencyError::Degenerate)
        } else {
            Ok(())
        }
    }

    /// Equations 1 to 3.
    fn check_quotient(
        &self,
        elements: &CheckElements,
        coset: &[Fr],
        ones: G1Projective,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), ConsistencyError> {
        let (g1, g2) = (G1Affine::generator().into_group(), G2Affine::generator());
        let mut inverses = coset.to_vec();
        batch_inversion(&mut inverses);
        // X^n = -1 on the coset. From random values, take the leading coefficient away.
        let values: Vec<Fr> = coset.iter().map(|_| weight(rng)).collect();
        let sum: Fr = values.iter().zip(coset).map(|(v, x)| *v * x).sum();
        let lead = -sum * Fr::from(coset.len() as u64).inverse().unwrap_or_default();
        let f: Vec<Fr> = values
            .iter()
            .zip(&inverses)
            .map(|(v, i)| *v + lead * i)
            .collect();
        let shifted: Vec<Fr> = f.iter().zip(coset).map(|(f, x)| *f * x).collect();
        let last: Vec<Fr> = inverses.iter().map(|i| -*i).collect();
        let last = self.quotient_element(&last);

        let unit = vanishes(&[(ones, elements.m), (-g1, g2)]);
        let evaluation = vanishes(&[
            (self.quotient_element(&shifted), elements.m),
            (-self.quotient_element(&f), elements.n),
        ]);
        let scale = vanishes(&[
            (ones + ones, self.vk.delta_g2),
            (-g1, g2),
            (last, elements.n),
        ]);
        if unit && evaluation && scale {
            Ok(())
        } else {
            Err(ConsistencyError::Quotient)
        }
    }

    /// Equations 4 and 5.
    fn check_columns(
        &self,
        elements: &CheckElements,
        ones: G1Projective,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), ConsistencyError> {
        let (system, vk, g2) = (&self.system, &self.vk, G2Affine::generator());
        let instance = system.instance as usize;
        let weights: Vec<Fr> = (0..system.columns()).map(|_| weight(rng)).collect();
        // The weights of one kind of column, the others zero.
        let (mut public, mut private) = (weights.clone(), weights);
        public[instance..].fill(Fr::zero());
        private[..instance].fill(Fr::zero());
        let [public, private] = [public, private].map(|weights| self.weighted_columns(&weights));

        let a = (public.a + private.a, public.h_a + private.h_a);
        if !vanishes(&[(a.0, g2), (-a.1, elements.m)]) {
            return Err(ConsistencyError::A);
        }
        let b = (public.b + private.b, public.h_b + private.h_b);
        if !vanishes(&[(ones, b.0.into_affine()), (-b.1, g2)]) {
            return Err(ConsistencyError::B);
        }
        let share = |of: &WeightedColumns, element: G1Projective, unit: G2Affine| {
            vanishes(&[
                (element, unit),
                (-of.a, vk.beta_g2),
                (-vk.alpha_g1.into_group(), of.b.into_affine()),
                (-of.h_c, elements.m),
            ])
        };
        if !share(&private, private.l, vk.delta_g2) {
            return Err(ConsistencyError::L);
        }
        let ic = G1Projective::msm_unchecked(&vk.gamma_abc_g1, &public.weights);
        if share(&public, ic, vk.gamma_g2) {
            Ok(())
        } else {
            Err(ConsistencyError::Verifying)
        }
    }

    fn weighted_columns(&self, weights: &[Fr]) -> WeightedColumns {
        let prepared = self.prepared();
        let halves = Halves::of(weights);
        let polynomial = |matrix: &Matrix, consistency: bool| {
            let rows = 0..matrix.rows();
            let mut values: Vec<Fr> = rows.map(|row| matrix.row_product(row, weights)).collect();
            if consistency {
                values.extend_from_slice(&weights[..self.system.instance as usize]);
            }
            values.resize(self.domain.size(), Fr::zero());
            self.domain.move_to_coset(&mut values);
            self.quotient_element(&values)
        };
        WeightedColumns {
            a: prepared.a.multiply(&halves.select(&self.a.columns)),
            b: prepared.b.multiply(&halves.select(&self.b.columns)),
            l: prepared.l.multiply(&halves.select(&self.l.columns)),
            h_a: polynomial(&self.system.a, true),
            h_b: polynomial(&self.system.b, false),
            h_c: polynomial(&self.system.c, false),
            weights: weights.to_vec(),
        }
    }

    /// `H(f)`, f given by its values on the coset.
    fn quotient_element(&self, values: &[Fr]) -> G1Projective {
        self.prepared().h.multiply(&Halves::of(values))
    }
}

/// Sums over the columns, each weighted.
struct WeightedColumns {
    a: G1Projective,
    b: G2Projective,
    l: G1Projective,
    /// `H` of the weighted sums of the columns' polynomials.
    h_a: G1Projective,
    h_b: G1Projective,
    h_c: G1Projective,
    weights: Vec<Fr>,
}

/// 128 random bits.
fn weight(rng: &mut (impl RngCore + CryptoRng)) -> Fr {
    Fr::from(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()))
}

/// Whether the pairings of the pairs add up to zero.
fn vanishes(pairs: &[(G1Projective, G2Affine)]) -> bool {
    let (left, right): (Vec<G1Projective>, Vec<G2Affine>) = pairs.iter().copied().unzip();
    Bn254::multi_pairing(G1Projective::normalize_batch(&left), right).is_zero()
}
