//! Input bases made ready: sums of a few fixed points with full scalars, and points times the
//! short scalars of a batch.

use alloc::vec::Vec;

use ark_bn254::{Fr, G1Affine, G1Projective, g1::Config};
use ark_ec::{AdditiveGroup, AffineRepr, CurveGroup, VariableBaseMSM, scalar_mul::glv::GLVConfig};
use ark_ff::{BigInteger, PrimeField};

/// Width of signed windows.
const WINDOW: usize = 5;
/// Odd multiples kept of each base: 1, 3, .. 15.
const ODD: usize = 1 << (WINDOW - 2);

/// `X = IC_0 + sum x_i IC_i` with shared doublings.
#[derive(Clone, Debug)]
pub(crate) struct InputBases {
    /// Odd multiples of every base, the constant's first.
    odd: Vec<[G1Affine; ODD]>,
}

impl InputBases {
    pub(crate) fn new(ic: &[G1Affine]) -> Self {
        let mut multiples = Vec::with_capacity(ic.len() * ODD);
        for base in ic {
            let twice = base.into_group().double();
            let mut multiple = base.into_group();
            for _ in 0..ODD {
                multiples.push(multiple);
                multiple += twice;
            }
        }
        let affine = G1Projective::normalize_batch(&multiples);
        Self {
            odd: affine.as_chunks::<ODD>().0.to_vec(),
        }
    }

    /// `constant IC_0 + sum scalar_i IC_i`; scalars beyond the bases are ignored, missing ones 0.
    pub(crate) fn sum(&self, constant: &Fr, scalars: &[Fr]) -> G1Projective {
        let digits: Vec<Vec<i64>> = core::iter::once(constant)
            .chain(scalars)
            .map(|s| s.into_bigint().find_wnaf(WINDOW).unwrap_or_default())
            .collect();
        let longest = digits.iter().map(Vec::len).max().unwrap_or(0);
        let mut sum = G1Projective::ZERO;
        for bit in (0..longest).rev() {
            sum.double_in_place();
            for (digits, odd) in digits.iter().zip(&self.odd) {
                match digits.get(bit) {
                    Some(d) if *d > 0 => sum += multiple(odd, *d),
                    Some(d) if *d < 0 => sum -= multiple(odd, *d),
                    _ => {}
                }
            }
        }
        sum
    }
}

/// A digit's multiple; digits are odd and below 16.
fn multiple(odd: &[G1Affine; ODD], digit: i64) -> G1Affine {
    let index = (digit.unsigned_abs() / 2) as usize;
    odd.get(index).copied().unwrap_or_default()
}

/// A scalar `low + high lambda` of a batch, with lambda the endomorphism's eigenvalue: 2^128
/// different ones, at the price of 64 doublings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    pub(crate) low: u64,
    pub(crate) high: u64,
}

impl Short {
    pub(crate) fn to_field(self) -> Fr {
        Fr::from(self.low) + Fr::from(self.high) * Config::LAMBDA
    }

    /// The scalar times a point.
    pub(crate) fn times(self, point: &G1Affine) -> G1Projective {
        let image = Config::endomorphism_affine(point);
        let both = (point.into_group() + image).into_affine();
        let mut sum = G1Projective::ZERO;
        for bit in (0..64).rev() {
            sum.double_in_place();
            match (self.low >> bit & 1, self.high >> bit & 1) {
                (1, 0) => sum += *point,
                (0, 1) => sum += image,
                (1, 1) => sum += both,
                _ => {}
            }
        }
        sum
    }

    /// `sum scalar_i point_i`.
    pub(crate) fn sum(scalars: &[Self], points: &[G1Affine]) -> G1Projective {
        let images = points.iter().map(Config::endomorphism_affine);
        let all: Vec<G1Affine> = points.iter().copied().chain(images).collect();
        let low = scalars.iter().map(|s| s.low);
        let numbers: Vec<u64> = low.chain(scalars.iter().map(|s| s.high)).collect();
        G1Projective::msm_u64(&all, &numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_std::{UniformRand, test_rng};

    #[test]
    fn sums() {
        let mut rng = test_rng();
        let bases: Vec<G1Affine> = (0..7).map(|_| G1Affine::rand(&mut rng)).collect();
        let ready = InputBases::new(&bases);
        let mut scalars: Vec<Fr> = (0..7).map(|_| Fr::rand(&mut rng)).collect();
        for edge in [Fr::from(0), Fr::from(1), -Fr::from(1), Fr::from(1u64 << 18)] {
            scalars[3] = edge;
            scalars[0] = edge;
            let expected: G1Projective = bases.iter().zip(&scalars).map(|(b, s)| *b * s).sum();
            assert_eq!(ready.sum(&scalars[0], &scalars[1..]), expected);
        }
    }

    #[test]
    fn short_scalars() {
        let mut rng = test_rng();
        let points: Vec<G1Affine> = (0..5).map(|_| G1Affine::rand(&mut rng)).collect();
        let scalars = [
            (0, 0),
            (1, 0),
            (0, 1),
            (u64::MAX, u64::MAX),
            (1 << 63, 12345),
        ]
        .map(|(low, high)| Short { low, high });
        for (s, p) in scalars.iter().zip(&points) {
            assert_eq!(s.times(p), *p * s.to_field());
        }
        let expected: G1Projective = scalars
            .iter()
            .zip(&points)
            .map(|(s, p)| *p * s.to_field())
            .sum();
        assert_eq!(Short::sum(&scalars, &points), expected);
    }
}
