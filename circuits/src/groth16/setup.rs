//! Making a key, with the toxic waste drawn here and wiped here.

use std::sync::OnceLock;

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, One, UniformRand, Zero};
use ark_groth16::VerifyingKey;
use rand_core::{CryptoRng, RngCore};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    ProvingKey, consistency::CheckElements, domain::Domain, fixed_base::FixedBase, kernel::Engine,
    key::Query, parallel,
};
use crate::r1cs::{Matrix, R1cs};

/// Whoever knows any of these can prove false statements.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Trapdoor {
    tau: Fr,
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    gamma_inverse: Fr,
    delta_inverse: Fr,
}

impl Trapdoor {
    /// Draws until every value is a unit and tau lies outside the domain of twice the size.
    fn draw(domain: &Domain, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        loop {
            let (tau, alpha, beta) = (Fr::rand(rng), Fr::rand(rng), Fr::rand(rng));
            let (gamma, delta) = (Fr::rand(rng), Fr::rand(rng));
            let usable = !alpha.is_zero()
                && !beta.is_zero()
                && tau.pow([2 * domain.size() as u64]) != Fr::one()
                && gamma != delta;
            if let (true, Some(gamma_inverse), Some(delta_inverse)) =
                (usable, gamma.inverse(), delta.inverse())
            {
                return Self {
                    tau,
                    alpha,
                    beta,
                    gamma,
                    delta,
                    gamma_inverse,
                    delta_inverse,
                };
            }
        }
    }
}

impl ProvingKey {
    /// Makes a key for the system from fresh randomness, which is wiped before returning.
    ///
    /// # Panics
    ///
    /// If constraints and instance columns together exceed 2^27.
    pub fn generate(system: R1cs, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let rows = system.constraints() + system.instance as usize;
        #[allow(clippy::expect_used)]
        let domain = Domain::new(rows).expect("more than 2^27 constraints");
        let trapdoor = Trapdoor::draw(&domain, rng);
        let at_tau = evaluate_columns(&system, &Zeroizing::new(domain.lagrange(trapdoor.tau)));
        let instance = system.instance as usize;
        let mut combined = Zeroizing::new(combine(&at_tau, instance, &trapdoor));
        let mut h = Zeroizing::new(domain.coset_lagrange(trapdoor.tau));
        h.iter_mut()
            .for_each(|value| *value *= trapdoor.delta_inverse);

        let check = check_elements(&h, &trapdoor);
        let engine = Engine::detect();
        let (g1, g2) = parallel::join(
            || {
                FixedBase::new(
                    engine,
                    G1Affine::generator(),
                    3 * system.columns() + h.len(),
                )
            },
            || FixedBase::new(engine, G2Affine::generator(), system.columns()),
        );
        let gamma_abc_g1 = g1.multiply(&combined[..instance]);
        combined[..instance].fill(Fr::zero());
        let ((a, b), (l, h)) = parallel::join(
            || {
                let a = Query::commit(&at_tau.a, |s| g1.multiply(s));
                (a, Query::commit(&at_tau.b, |s| g2.multiply(s)))
            },
            || {
                (
                    Query::commit(&combined, |s| g1.multiply(s)),
                    g1.multiply(&h),
                )
            },
        );
        Self {
            vk: VerifyingKey {
                alpha_g1: (G1Affine::generator() * trapdoor.alpha).into_affine(),
                beta_g2: (G2Affine::generator() * trapdoor.beta).into_affine(),
                gamma_g2: (G2Affine::generator() * trapdoor.gamma).into_affine(),
                delta_g2: (G2Affine::generator() * trapdoor.delta).into_affine(),
                gamma_abc_g1,
            },
            a,
            b,
            l,
            h,
            system,
            domain,
            check: Some(check),
            metadata: Vec::new(),
            prepared: OnceLock::new(),
        }
    }
}

/// The sum of the H query's scalars is kappa; see [`super::consistency`].
fn check_elements(h: &[Fr], trapdoor: &Trapdoor) -> CheckElements {
    // A unit, since tau is no root of unity of twice the domain's order.
    let kappa: Zeroizing<Fr> = Zeroizing::new(h.iter().sum());
    let inverse = Zeroizing::new(kappa.inverse().unwrap_or_default());
    CheckElements {
        m: (G2Affine::generator() * *inverse).into_affine(),
        n: (G2Affine::generator() * (trapdoor.tau * *inverse)).into_affine(),
    }
}

/// Each column's share of the verification equation, over gamma for the instance and over delta for the witness.
fn combine(at_tau: &Columns, instance: usize, trapdoor: &Trapdoor) -> Vec<Fr> {
    let columns = at_tau.a.iter().zip(&at_tau.b).zip(&at_tau.c);
    let shares = columns.enumerate().map(|(k, ((a, b), c))| {
        let sum = trapdoor.beta * a + trapdoor.alpha * b + c;
        if k < instance {
            sum * trapdoor.gamma_inverse
        } else {
            sum * trapdoor.delta_inverse
        }
    });
    shares.collect()
}

impl<G> Query<G> {
    /// Commits to the non-zero scalars, the index of a scalar being its column.
    fn commit(scalars: &[Fr], commit: impl FnOnce(&[Fr]) -> Vec<G>) -> Self {
        let present = (0..).zip(scalars).filter(|(_, s)| !s.is_zero());
        let (columns, values): (Vec<u32>, Vec<Fr>) = present.map(|(k, s)| (k, *s)).unzip();
        Self {
            columns,
            points: commit(&Zeroizing::new(values)),
        }
    }
}

/// Each column's three polynomials at tau.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Columns {
    a: Vec<Fr>,
    b: Vec<Fr>,
    c: Vec<Fr>,
}

/// `sum_rows lagrange[row] * matrix[row][column]`; A has a further row `z_k * 0 = 0` for each instance column.
fn evaluate_columns(system: &R1cs, lagrange: &[Fr]) -> Columns {
    let weigh = |matrix: &Matrix| {
        let mut columns = vec![Fr::zero(); system.columns()];
        for (row, weight) in lagrange.iter().enumerate().take(matrix.rows()) {
            for (column, value) in matrix.row(row) {
                if let Some(sum) = columns.get_mut(column as usize) {
                    *sum += value * weight;
                }
            }
        }
        columns
    };
    let (mut a, b, c) = (weigh(&system.a), weigh(&system.b), weigh(&system.c));
    let consistency = lagrange.get(system.constraints()..).unwrap_or_default();
    for (sum, weight) in a.iter_mut().zip(consistency).take(system.instance as usize) {
        *sum += weight;
    }
    Columns { a, b, c }
}
