//! The evaluation domain of a proving key, with its twiddle factors made once.
//!
//! Values on the domain become values on the coset in two half-transforms whose permutations cancel:
//! natural order to bit-reversed coefficients, then bit-reversed coefficients to natural order.

use ark_bn254::Fr;
use ark_ff::{BigInt, FftField, Field, One, PrimeField, Zero, batch_inversion};
use zeroize::Zeroizing;

#[cfg(target_arch = "x86_64")]
use super::kernel::transform::Tables;
use super::{kernel::Engine, parallel};

/// The largest supported domain, 2^27: the coset lies in the domain of twice the size, and the scalar
/// field has 2^28-th roots of unity.
pub(crate) const MAX_LOG_SIZE: u32 = 27;

/// The `n`-th roots of unity, `n` a power of two, and their coset by a primitive `2n`-th root.
#[derive(Clone)]
pub(crate) struct Domain {
    log_size: u32,
    /// `omega^-rev(j)` for `j < n/2`, `rev` reversing `log2(n) - 1` bits.
    pub(super) inverse_twiddles: Vec<Fr>,
    /// `omega^rev(j)` likewise.
    pub(super) twiddles: Vec<Fr>,
    /// `g^rev(j) / n` for `j < n`: the move to the coset `g * <omega>`, `g^2 = omega`.
    pub(super) coset: Vec<Fr>,
    /// The same for the engine that works on eight values at a time.
    #[cfg(target_arch = "x86_64")]
    lanes: Option<Tables>,
}

impl Domain {
    /// The smallest domain with at least `rows` elements; `None` above 2^27.
    pub(crate) fn new(rows: usize) -> Option<Self> {
        let size = rows.max(2).checked_next_power_of_two()?;
        let log_size = size.trailing_zeros();
        if log_size > MAX_LOG_SIZE {
            return None;
        }
        let shift = Fr::get_root_of_unity(2 * size as u64)?;
        let omega = shift.square();
        let scale = Fr::from(size as u64).inverse()?;
        Some(Self {
            log_size,
            inverse_twiddles: reversed_powers(omega.inverse()?, Fr::one(), log_size - 1),
            twiddles: reversed_powers(omega, Fr::one(), log_size - 1),
            coset: reversed_powers(shift, scale, log_size),
            #[cfg(target_arch = "x86_64")]
            lanes: None,
        })
    }

    /// Readies the engine's tables.
    pub(crate) fn prepare(&mut self, engine: Engine) {
        #[cfg(target_arch = "x86_64")]
        if engine == Engine::Ifma {
            self.lanes = Tables::new(self);
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = engine;
    }

    /// The integers `A B - C` at the elements of the coset, where A and B have the given values on the domain,
    /// and C their products.
    pub(crate) fn quotient(
        &self,
        mut a: Zeroizing<Vec<Fr>>,
        mut b: Zeroizing<Vec<Fr>>,
    ) -> Vec<BigInt<4>> {
        let c = a.iter().zip(b.iter()).map(|(a, b)| *a * b);
        let mut c = Zeroizing::new(c.collect::<Vec<Fr>>());
        #[cfg(target_arch = "x86_64")]
        if let Some(tables) = &self.lanes {
            return tables.quotient([&a, &b, &c]);
        }
        parallel::join(
            || self.move_to_coset(&mut c),
            || parallel::join(|| self.move_to_coset(&mut a), || self.move_to_coset(&mut b)),
        );
        let values = a.iter().zip(b.iter()).zip(c.iter());
        values
            .map(|((a, b), c)| (*a * b - c).into_bigint())
            .collect()
    }

    pub(crate) fn size(&self) -> usize {
        1 << self.log_size
    }

    /// Values of a polynomial of degree below `n` on the domain become its values on the coset.
    ///
    /// `values` has `n` elements, in natural order before and after.
    pub(crate) fn move_to_coset(&self, values: &mut [Fr]) {
        debug_assert_eq!(values.len(), self.size());
        self.interpolate(values);
        for (value, factor) in values.iter_mut().zip(&self.coset) {
            *value *= factor;
        }
        self.evaluate(values);
    }

    /// Natural-order values to bit-reversed coefficients, times `n`.
    fn interpolate(&self, values: &mut [Fr]) {
        let mut half = values.len() / 2;
        while half > 0 {
            for (block, twiddle) in values
                .chunks_exact_mut(2 * half)
                .zip(&self.inverse_twiddles)
            {
                let (low, high) = block.split_at_mut(half);
                for (x, y) in low.iter_mut().zip(high) {
                    let product = *y * twiddle;
                    *y = *x - product;
                    *x += product;
                }
            }
            half /= 2;
        }
    }

    /// Bit-reversed coefficients to natural-order values.
    fn evaluate(&self, values: &mut [Fr]) {
        let mut half = 1;
        while half < values.len() {
            for (block, twiddle) in values.chunks_exact_mut(2 * half).zip(&self.twiddles) {
                let (low, high) = block.split_at_mut(half);
                for (x, y) in low.iter_mut().zip(high) {
                    let difference = *x - *y;
                    *x += *y;
                    *y = difference * twiddle;
                }
            }
            half *= 2;
        }
    }

    /// The Lagrange polynomials of the domain at `tau`, which must lie outside it.
    pub(crate) fn lagrange(&self, tau: Fr) -> Vec<Fr> {
        let omega = self.root(self.log_size);
        lagrange_orbit(tau, Fr::one(), omega, self.size(), self.size())
    }

    /// The Lagrange polynomials of the domain of twice the size at `tau`, those of its odd elements
    /// (the coset) only.
    pub(crate) fn coset_lagrange(&self, tau: Fr) -> Vec<Fr> {
        let shift = self.root(self.log_size + 1);
        lagrange_orbit(tau, shift, shift.square(), self.size(), 2 * self.size())
    }

    /// The elements of the coset, in order.
    pub(crate) fn coset_points(&self) -> Vec<Fr> {
        let shift = self.root(self.log_size + 1);
        powers(shift, shift.square(), self.size())
    }

    /// A primitive `2^log`-th root of unity, the one snarkjs uses.
    fn root(&self, log: u32) -> Fr {
        Fr::get_root_of_unity(1 << log).unwrap_or_else(Fr::one)
    }
}

/// `(tau^order - 1) x / (order (tau - x))` for the `count` points `x = start * step^i`.
fn lagrange_orbit(tau: Fr, start: Fr, step: Fr, count: usize, order: usize) -> Vec<Fr> {
    let factor = (tau.pow([order as u64]) - Fr::one())
        * Fr::from(order as u64).inverse().unwrap_or_default();
    let points = powers(start, step, count);
    let mut values: Vec<Fr> = points.iter().map(|x| tau - x).collect();
    batch_inversion(&mut values);
    for (value, x) in values.iter_mut().zip(&points) {
        *value *= factor * x;
    }
    values
}

/// `start * step^i` for `i < count`.
fn powers(start: Fr, step: Fr, count: usize) -> Vec<Fr> {
    std::iter::successors(Some(start), |x| Some(*x * step))
        .take(count)
        .collect()
}

/// `scale * base^rev(i)` for `i < 2^log`, `rev` reversing `log` bits.
fn reversed_powers(base: Fr, scale: Fr, log: u32) -> Vec<Fr> {
    let mut table = vec![Fr::zero(); 1 << log];
    if let Some(first) = table.first_mut() {
        *first = scale;
    }
    // The bit of weight 2^b of the exponent stands at position log - 1 - b of the index.
    let mut power = base;
    let mut squares = Vec::with_capacity(log as usize);
    for _ in 0..log {
        squares.push(power);
        power.square_in_place();
    }
    let mut filled = 1;
    for square in squares.iter().rev() {
        let (done, rest) = table.split_at_mut(filled);
        for (target, source) in rest.iter_mut().zip(done.iter()) {
            *target = *source * square;
        }
        filled *= 2;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::UniformRand;
    use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    #[test]
    fn agrees_with_arkworks_on_every_small_domain() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for log in 1..=11 {
            let n = 1usize << log;
            let domain = Domain::new(n).unwrap();
            let values: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
            let plain = Radix2EvaluationDomain::<Fr>::new(n).unwrap();
            let double = Radix2EvaluationDomain::<Fr>::new(2 * n).unwrap();
            let coefficients = plain.ifft(&values);
            let expected: Vec<Fr> = double
                .fft(&coefficients)
                .into_iter()
                .skip(1)
                .step_by(2)
                .collect();
            let mut moved = values.clone();
            domain.move_to_coset(&mut moved);
            assert_eq!(moved, expected, "size {n}");

            let others: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
            for engine in Engine::all() {
                let mut domain = domain.clone();
                domain.prepare(engine);
                let (a, b) = (values.clone().into(), others.clone().into());
                let quotient = domain.quotient(a, b);
                let (mut a, mut b) = (values.clone(), others.clone());
                let mut c: Vec<Fr> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();
                for vector in [&mut a, &mut b, &mut c] {
                    domain.move_to_coset(vector);
                }
                let expected = a
                    .iter()
                    .zip(&b)
                    .zip(&c)
                    .map(|((a, b), c)| (*a * b - c).into_bigint());
                assert!(quotient.into_iter().eq(expected), "{engine:?}, size {n}");
            }

            let tau = Fr::rand(&mut rng);
            assert_eq!(
                domain.lagrange(tau),
                plain.evaluate_all_lagrange_coefficients(tau)
            );
            let odd: Vec<Fr> = double
                .evaluate_all_lagrange_coefficients(tau)
                .into_iter()
                .skip(1)
                .step_by(2)
                .collect();
            assert_eq!(domain.coset_lagrange(tau), odd);
        }
    }

    #[test]
    fn sizes_round_up_and_stop_at_the_two_adicity() {
        assert_eq!(Domain::new(1).unwrap().size(), 2);
        assert_eq!(Domain::new(9).unwrap().size(), 16);
        assert!(Domain::new((1 << MAX_LOG_SIZE) + 1).is_none());
        assert!(Domain::new(usize::MAX).is_none());
    }
}
