//! Scalars as short combinations of 1 and lambda, a cube root of one that multiplies points for the price
//! of a field multiplication (Gallant, Lambert, Vanstone 2001).

use std::fmt;

use ark_bn254::Fr;
use ark_ff::{BigInt, BigInteger, PrimeField};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A primitive cube root of one, as the endomorphisms of both groups multiply by it.
#[cfg(test)]
pub(crate) const LAMBDA: Fr =
    ark_ff::MontFp!("4407920970296243842393367215006156084916469457145843978461");

// The lattice of (a, b) with a + b lambda = 0 has the short basis (A1, B1), (-B1, A2), of determinant r.
const A1: u128 = 147946756881789319010696353538189108491;
const B1: u128 = 9931322734385697763;
const A2: u128 = 147946756881789319000765030803803410728;

/// 2^256 A2 / r and 2^256 B1 / r, rounded down.
const QUOTIENT_1: [u64; 3] = [0x7a7b_d9d4_391e_b18d, 0x4cce_f014_a773_d2cf, 2];
const QUOTIENT_2: [u64; 3] = [0xd91d_232e_c7e0_b3d7, 2, 0];

/// Scalars up to this many bits are left whole.
const SHORT: u32 = 126;

/// An integer below 2^127 in absolute value: the sign in the top bit, the absolute value below it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Zeroize)]
pub(crate) struct Part(u128);

impl Part {
    fn new(magnitude: u128, negative: bool) -> Self {
        Self(magnitude | u128::from(negative) << 127)
    }

    pub(crate) fn magnitude(self) -> u128 {
        self.0 & !(1 << 127)
    }

    pub(crate) fn is_negative(self) -> bool {
        self.0 >> 127 == 1
    }
}

/// Scalars `first[i] + lambda second[i]`.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Halves {
    pub(crate) first: Vec<Part>,
    pub(crate) second: Vec<Part>,
}

impl fmt::Debug for Halves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Halves({})", self.first.len())
    }
}

impl Halves {
    pub(crate) fn of(scalars: &[Fr]) -> Self {
        let (first, second) = scalars.iter().map(|s| split(s.into_bigint())).unzip();
        Self { first, second }
    }

    /// The same for scalars given as integers below r.
    pub(crate) fn of_integers(scalars: &[BigInt<4>]) -> Self {
        let (first, second) = scalars.iter().map(|k| split(*k)).unzip();
        Self { first, second }
    }

    /// The scalars of some columns; zero for those that do not exist.
    pub(crate) fn select(&self, columns: &[u32]) -> Self {
        let pick = |parts: &[Part]| {
            let part = |k: &u32| parts.get(*k as usize).copied().unwrap_or_default();
            columns.iter().map(part).collect()
        };
        Self {
            first: pick(&self.first),
            second: pick(&self.second),
        }
    }
}

/// The two parts of a scalar. One whose absolute value is short has no second part.
fn split(k: BigInt<4>) -> (Part, Part) {
    if k.num_bits() <= SHORT {
        return (Part::new(low(&k.0), false), Part::default());
    }
    let mut opposite = Fr::MODULUS;
    opposite.sub_with_borrow(&k);
    if opposite.num_bits() <= SHORT {
        return (Part::new(low(&opposite.0), true), Part::default());
    }
    let (c1, c2) = (quotient(&k.0, &QUOTIENT_1), quotient(&k.0, &QUOTIENT_2));
    // The results are below 2^127 in absolute value, so 128 bits of each sum are enough.
    let first = low(&k.0)
        .wrapping_sub(c1.wrapping_mul(A1))
        .wrapping_sub(c2.wrapping_mul(B1));
    let second = c2.wrapping_mul(A2).wrapping_sub(c1.wrapping_mul(B1));
    (signed(first), signed(second))
}

fn low(words: &[u64; 4]) -> u128 {
    u128::from(words[0]) | u128::from(words[1]) << 64
}

fn signed(value: u128) -> Part {
    let value = value as i128;
    Part::new(value.unsigned_abs(), value < 0)
}

/// `k factor / 2^256`, rounded to the nearest integer.
fn quotient(k: &[u64; 4], factor: &[u64; 3]) -> u128 {
    let mut product = [0u64; 7];
    for (i, a) in k.iter().enumerate() {
        let mut carry = 0u128;
        for (j, b) in factor.iter().enumerate() {
            let sum = u128::from(product[i + j]) + u128::from(*a) * u128::from(*b) + carry;
            product[i + j] = sum as u64;
            carry = sum >> 64;
        }
        product[i + 3] = carry as u64;
    }
    let whole = u128::from(product[4]) | u128::from(product[5]) << 64;
    whole + u128::from(product[3] >> 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, Field, One, UniformRand, Zero};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn value(part: Part) -> Fr {
        let magnitude = Fr::from(part.magnitude());
        if part.is_negative() {
            -magnitude
        } else {
            magnitude
        }
    }

    fn check(scalar: Fr) {
        let (first, second) = split(scalar.into_bigint());
        assert_eq!(value(first) + LAMBDA * value(second), scalar, "{scalar}");
        for part in [first, second] {
            assert!(part.magnitude() < 1 << 127, "{scalar}");
        }
    }

    #[test]
    fn parts_recombine() {
        assert_eq!(LAMBDA * LAMBDA + LAMBDA + Fr::one(), Fr::zero());
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut power = Fr::one();
        for _ in 0..256 {
            for edge in [power, power - Fr::one(), power + Fr::one(), power * LAMBDA] {
                check(edge);
                check(-edge);
            }
            power.double_in_place();
        }
        for _ in 0..20_000 {
            let scalar = Fr::rand(&mut rng);
            check(scalar);
            check(scalar.inverse().unwrap());
        }
        for halves in [Fr::from(A1), Fr::from(A2), Fr::from(B1)] {
            for factor in 0..50u64 {
                let edge = halves * Fr::from(2 * factor + 1) * Fr::from(2u64).inverse().unwrap();
                check(edge);
                check(edge + Fr::one());
                check(edge - Fr::one());
            }
        }
    }

    #[test]
    fn short_scalars_stay_whole() {
        for short in [0u64, 1, 2, u64::MAX] {
            let whole = (Part::new(short.into(), false), Part::default());
            assert!(split(Fr::from(short).into_bigint()) == whole);
            if short > 0 {
                let whole = (Part::new(short.into(), true), Part::default());
                assert!(split((-Fr::from(short)).into_bigint()) == whole);
            }
        }
    }
}
