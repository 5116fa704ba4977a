//! Many multiples of one point, for set-up.
//!
//! A table holds every digit's multiple of every window's power; a product is the sum of one entry a window.
//! Products are summed as the buckets of [`super::msm`] are: level by level, in large batches.

use ark_bn254::Fr;
use ark_ec::{
    CurveGroup,
    short_weierstrass::{Affine, Projective},
};
use ark_ff::{AdditiveGroup, PrimeField};
use zeroize::{Zeroize, Zeroizing};

use super::{
    kernel::{Curve, Engine, NEGATIVE, Pair},
    parallel,
};

const BITS: usize = Fr::MODULUS_BIT_SIZE as usize;

/// Products that one task makes at a time.
const CHUNK: usize = 512;

/// Multiples of a point.
pub(crate) struct FixedBase<C: Curve> {
    engine: Engine,
    /// Bits of a digit; digits are signed.
    width: usize,
    windows: usize,
    /// For each window w, `d 2^(width w)` times the point, d from 1 to 2^(width-1).
    multiples: Vec<C::Packed>,
}

impl<C: Curve> FixedBase<C> {
    /// Prepares for about `count` products.
    pub(crate) fn new(engine: Engine, point: Affine<C>, count: usize) -> Self {
        let cost = |width: &usize| windows(*width) * (count + (1 << (width - 1)));
        let width = (4..=14).min_by_key(cost).unwrap_or(8);
        let windows = windows(width);
        // 2^b times the point, for every bit.
        let mut powers = Vec::with_capacity(width * windows);
        let mut power = Projective::from(point);
        for _ in 0..width * windows {
            powers.push(power);
            power.double_in_place();
        }
        let powers = Projective::normalize_batch(&powers);
        let powers: Vec<C::Packed> = powers.iter().map(|p| C::pack(engine, p)).collect();
        let tables = parallel::map(windows, |w| {
            multiples::<C>(engine, &powers[width * w..width * (w + 1)])
        });
        Self {
            engine,
            width,
            windows,
            multiples: tables.concat(),
        }
    }

    /// The products with the scalars, in order.
    pub(crate) fn multiply(&self, scalars: &[Fr]) -> Vec<Affine<C>> {
        let chunks: Vec<&[Fr]> = scalars.chunks(CHUNK).collect();
        parallel::map(chunks.len(), |i| self.multiply_chunk(chunks[i])).concat()
    }

    fn multiply_chunk(&self, scalars: &[Fr]) -> Vec<Affine<C>> {
        let mut lists: Vec<Zeroizing<Vec<u32>>> = scalars
            .iter()
            .map(|s| Zeroizing::new(self.entries(s)))
            .collect();
        let known = self.multiples.len();
        let mut arena = Vec::with_capacity(scalars.len() * self.windows);
        let mut pairs: Vec<Pair> = Vec::new();
        while lists.iter().any(|list| list.len() > 1) {
            for list in &mut lists {
                let half = list.len() / 2;
                for j in 0..half {
                    pairs.push((list[2 * j], list[2 * j + 1]));
                    list[j] = (known + arena.len() + pairs.len() - 1) as u32;
                }
                if list.len() % 2 == 1 {
                    list[half] = list[list.len() - 1];
                }
                let left = list.len().div_ceil(2);
                list.truncate(left);
            }
            C::add_pairs(self.engine, &self.multiples, &mut arena, &pairs);
            pairs.zeroize();
            pairs.clear();
        }
        let point = |position: u32| {
            let index = (position & !NEGATIVE) as usize;
            let packed = if index < known {
                &self.multiples[index]
            } else {
                &arena[index - known]
            };
            let point = C::unpack(self.engine, packed);
            if position & NEGATIVE == 0 {
                point
            } else {
                -point
            }
        };
        lists
            .iter()
            .map(|list| list.first().map_or(Affine::identity(), |p| point(*p)))
            .collect()
    }

    /// The table's entries that add up to the scalar's product.
    fn entries(&self, scalar: &Fr) -> Vec<u32> {
        let mut bits = Zeroizing::new(scalar.into_bigint());
        let half = 1u64 << (self.width - 1);
        let mut entries = Vec::with_capacity(self.windows);
        let mut carry = 0;
        for window in 0..self.windows {
            let digit = (bits.0[0] & (2 * half - 1)) + carry;
            *bits >>= self.width as u32;
            carry = u64::from(digit > half);
            let (magnitude, sign) = if carry == 1 {
                (2 * half - digit, NEGATIVE)
            } else {
                (digit, 0)
            };
            if magnitude > 0 {
                entries.push((window as u64 * half + magnitude - 1) as u32 | sign);
            }
        }
        entries
    }
}

/// Windows for signed digits of scalars.
fn windows(width: usize) -> usize {
    (BITS + 1).div_ceil(width)
}

/// The multiples 1 to 2^(width-1) of a point, given its powers-of-two multiples.
fn multiples<C: Curve>(engine: Engine, powers: &[C::Packed]) -> Vec<C::Packed> {
    let mut multiples = vec![powers[0]];
    multiples.reserve(1 << (powers.len() - 1));
    for power in &powers[1..] {
        // From 1 .. k the multiples k+1 .. 2k-1, k the previous power; 2k is given.
        let k = multiples.len() as u32;
        let pairs: Vec<Pair> = (0..k - 1).map(|i| (k - 1, i)).collect();
        C::add_pairs(engine, &[], &mut multiples, &pairs);
        multiples.push(*power);
    }
    multiples
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{g1, g2};
    use ark_ff::{One, UniformRand, Zero};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn check<C: Curve>(count: usize, seed: u64) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let base = Projective::<C>::rand(&mut rng).into_affine();
        let mut scalars = vec![Fr::zero(), Fr::one(), -Fr::one(), Fr::from(2u64)];
        let mut power = Fr::one();
        for _ in 0..254 {
            power.double_in_place();
            scalars.extend([power, -power, power - Fr::one()]);
        }
        scalars.extend((0..count).map(|_| Fr::rand(&mut rng)));
        let expected: Vec<_> = scalars.iter().map(|s| (base * s).into_affine()).collect();
        for engine in Engine::all() {
            let table = FixedBase::new(engine, base, scalars.len());
            assert!(table.multiply(&scalars) == expected, "{engine:?}");
        }
    }

    #[test]
    fn multiples_in_both_groups() {
        check::<g1::Config>(500, 1);
        check::<g2::Config>(20, 2);
    }
}
