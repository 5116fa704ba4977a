//! The quotient's transforms, eight values at a time with AVX-512 IFMA.
//!
//! Value i of a vector is lane i mod 8 of block i / 8. Butterflies over eight or more values work on whole
//! blocks; those over four, two and one, which end the way down and begin the way up, on eight blocks
//! with rows and columns exchanged. Down the way values grow by 2p a stage, which R leaves room for; on the
//! way up every sum is reduced.

use ark_bn254::Fr;
use ark_ff::{BigInt, BigInteger, MontFp, PrimeField};

use super::{
    super::domain::Domain,
    ifma,
    lanes::{self, Lanes, Scalar, with_ifma},
};

/// The factor by which memory forms differ from arkworks'.
const FACTOR: Fr = MontFp!("16");

/// Twiddle factors in the engine's form; see [`Domain`].
#[derive(Clone)]
pub(crate) struct Tables {
    inverse_twiddles: Vec<[u64; 4]>,
    twiddles: Vec<[u64; 4]>,
    /// Times 16, since values come in arkworks' form.
    coset: Vec<[u64; 4]>,
}

impl Tables {
    /// `None` if the domain has less than 64 elements.
    pub(crate) fn new(domain: &Domain) -> Option<Self> {
        let words = |values: &[Fr], factor: Fr| values.iter().map(|x| (*x * factor).0.0).collect();
        (domain.size() >= 64).then(|| Self {
            inverse_twiddles: words(&domain.inverse_twiddles, FACTOR),
            twiddles: words(&domain.twiddles, FACTOR),
            coset: words(&domain.coset, FACTOR * FACTOR),
        })
    }

    /// Values on the domain become values on the coset, in the engine's form.
    #[allow(unsafe_code)]
    fn move_to_coset(&self, values: &[Fr]) -> Vec<Lanes> {
        assert!(ifma::available(), "engine chosen for another processor");
        // SAFETY: the processor has the target features, which is all that the function asks for.
        unsafe { move_to_coset(self, values) }
    }

    /// The integers `a b - c` on the coset, of three vectors of values on the domain.
    #[allow(unsafe_code)]
    pub(crate) fn quotient(&self, vectors: [&[Fr]; 3]) -> Vec<BigInt<4>> {
        let moved = super::super::parallel::map(3, |i| self.move_to_coset(vectors[i]));
        // SAFETY: as above.
        let quotient = unsafe { combine(&moved) };
        for mut vector in moved {
            // SAFETY: as above.
            unsafe { wipe(&mut vector) }
        }
        quotient
    }
}

with_ifma! {
    fn move_to_coset(tables: &Tables, values: &[Fr]) -> Vec<Lanes> {
        let blocks = values.chunks_exact(8);
        let mut blocks: Vec<Lanes> = blocks
            .map(|block| lanes::load(std::array::from_fn(|lane| &block[lane].0.0)))
            .collect();
        let mut half = blocks.len() / 2;
        while half > 0 {
            for (block, twiddle) in blocks.chunks_exact_mut(2 * half).zip(&tables.inverse_twiddles) {
                let twiddle = lanes::broadcast(*twiddle);
                let (low, high) = block.split_at_mut(half);
                for (x, y) in low.iter_mut().zip(high) {
                    (*x, *y) = down(x, y, &twiddle);
                }
            }
            half /= 2;
        }
        for (index, block) in blocks.chunks_exact_mut(8).enumerate() {
            if let Ok(block) = block.try_into() {
                turn(tables, index, block);
            }
        }
        let mut half = 1;
        while half < blocks.len() {
            for (block, twiddle) in blocks.chunks_exact_mut(2 * half).zip(&tables.twiddles) {
                let twiddle = lanes::broadcast(*twiddle);
                let (low, high) = block.split_at_mut(half);
                for (x, y) in low.iter_mut().zip(high) {
                    (*x, *y) = up(x, y, &twiddle);
                }
            }
            half *= 2;
        }
        blocks
    }

    /// `x + t y` and `x - t y`.
    fn down(x: &Lanes, y: &Lanes, twiddle: &Lanes) -> (Lanes, Lanes) {
        let product = lanes::mul::<Scalar>(y, twiddle);
        (lanes::add(x, &product), lanes::sub::<Scalar>(x, &product))
    }

    /// `x + y` and `t (x - y)`.
    fn up(x: &Lanes, y: &Lanes, twiddle: &Lanes) -> (Lanes, Lanes) {
        let sum = lanes::reduce::<Scalar>(&lanes::add_loose(x, y));
        (sum, lanes::mul::<Scalar>(&lanes::sub::<Scalar>(x, y), twiddle))
    }

    /// The last three stages down, the coset's factors, the first three stages up.
    fn turn(tables: &Tables, index: usize, blocks: &mut [Lanes; 8]) {
        // Afterwards lane k of j is value 8k + j of the 64.
        lanes::transpose(blocks);
        for (half, per_lane) in [(4, 1), (2, 2), (1, 4)] {
            for part in 0..per_lane {
                let twiddle = lane_twiddles(&tables.inverse_twiddles, index, per_lane, part);
                for j in 2 * half * part..2 * half * part + half {
                    (blocks[j], blocks[j + half]) = down(&blocks[j], &blocks[j + half], &twiddle);
                }
            }
        }
        for (j, block) in blocks.iter_mut().enumerate() {
            let factors = lane_twiddles(&tables.coset, index, 8, j);
            *block = lanes::mul::<Scalar>(block, &factors);
        }
        for (half, per_lane) in [(1, 4), (2, 2), (4, 1)] {
            for part in 0..per_lane {
                let twiddle = lane_twiddles(&tables.twiddles, index, per_lane, part);
                for j in 2 * half * part..2 * half * part + half {
                    (blocks[j], blocks[j + half]) = up(&blocks[j], &blocks[j + half], &twiddle);
                }
            }
        }
        lanes::transpose(blocks);
    }

    /// For each lane k the entry `(8 index + k) per_lane + part`.
    fn lane_twiddles(table: &[[u64; 4]], index: usize, per_lane: usize, part: usize) -> Lanes {
        lanes::load(std::array::from_fn(|k| &table[(8 * index + k) * per_lane + part]))
    }

    fn combine(moved: &[Vec<Lanes>]) -> Vec<BigInt<4>> {
        let [a, b, c] = moved else { return Vec::new() };
        let one = lanes::broadcast([1, 0, 0, 0]);
        let mut integers = Vec::with_capacity(8 * a.len());
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            let product = lanes::mul_loose::<Scalar>(a, b);
            let difference = lanes::carry(&lanes::sub_loose::<Scalar>(&product, c));
            // Out of Montgomery form; below 1.1 p.
            for words in lanes::store(&lanes::mul::<Scalar>(&difference, &one)) {
                let mut integer = BigInt(words);
                if integer >= Fr::MODULUS {
                    integer.sub_with_borrow(&Fr::MODULUS);
                }
                integers.push(integer);
            }
        }
        integers
    }

    fn wipe(vector: &mut [Lanes]) {
        vector.fill(lanes::zero());
        std::hint::black_box(&vector);
    }
}
