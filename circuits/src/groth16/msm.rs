//! Multi-scalar products over points that stay the same from proof to proof.
//!
//! Pippenger's method with signed digits, after splitting each scalar in two short ones (see [`super::glv`]).
//! Points are sorted by digit, and each bucket is summed as a binary tree, so that all additions of one level,
//! over all buckets and windows, are independent: the kernels do them in large batches with one inversion.
//! Then `sum i B_i` over a window's buckets is taken apart bit by bit: the buckets with odd i contribute
//! `2^0` times their sum, and pairs of neighbours are the buckets of the next bit. Zero digits cost nothing,
//! so a scalar costs in proportion to its length; ones and zeros next to nothing.

use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{AdditiveGroup, Zero};
use zeroize::Zeroize;

use super::{
    glv::Halves,
    kernel::{Curve, Engine, NEGATIVE, Pair},
    parallel,
};

/// No point.
const NONE: u32 = u32::MAX;

/// The sign in a digit's code.
const MINUS: u16 = 1 << 15;

/// Additions that make a task worth its overhead.
const TASK: usize = 1 << 14;

/// The most tasks of a product: a task keeps all its sums, 64 or 128 bytes each, until it ends.
const TASKS: usize = 8;

/// Points prepared for products with many vectors of scalars.
#[derive(Clone)]
pub(crate) struct Table<C: Curve> {
    engine: Engine,
    /// The points, then the same points times lambda.
    points: Vec<C::Packed>,
}

impl<C: Curve> Table<C> {
    pub(crate) fn new(engine: Engine, points: &[Affine<C>]) -> Self {
        let mut packed = Vec::with_capacity(2 * points.len());
        packed.extend(points.iter().map(|p| C::pack(engine, p)));
        packed.extend(points.iter().map(|p| C::pack(engine, &C::endomorphism(p))));
        Self {
            engine,
            points: packed,
        }
    }

    /// Number of points.
    pub(crate) fn len(&self) -> usize {
        self.points.len() / 2
    }

    /// The sum of scalars times points; what has no partner is left out.
    pub(crate) fn multiply(&self, scalars: &Halves) -> Projective<C> {
        let Some(plan) = Plan::new(scalars) else {
            return Projective::zero();
        };
        let tasks = plan.tasks();
        let sums = parallel::map(tasks.len(), |i| {
            let (first, last) = tasks.get(i).copied().unwrap_or_default();
            Windows::new(self, &plan, first, last).sum(scalars)
        });
        let mut by_bit = vec![Affine::<C>::identity(); plan.width * plan.windows];
        for (bit, point) in sums.into_iter().flatten() {
            if let Some(place) = by_bit.get_mut(bit) {
                *place = point;
            }
        }
        by_bit.iter().rev().fold(Projective::zero(), |sum, point| {
            let mut sum = sum;
            sum.double_in_place();
            sum + point
        })
    }
}

/// How the scalars are cut into digits.
struct Plan {
    /// Bits of a digit.
    width: usize,
    windows: usize,
    /// Half the radix in every window; added to a scalar, it makes all its digits non-negative.
    offset: [u128; 2],
    /// Expected non-zero digits in each window.
    density: Vec<usize>,
}

impl Plan {
    /// The cheapest width for scalars of these lengths; `None` if all are zero.
    fn new(scalars: &Halves) -> Option<Self> {
        let mut lengths = [0usize; 129];
        for part in scalars.first.iter().chain(&scalars.second) {
            lengths[128 - part.magnitude().leading_zeros() as usize] += 1;
        }
        let longest = lengths
            .iter()
            .rposition(|count| *count > 0)
            .filter(|l| *l > 0)?;
        let width = (2..=15).min_by_key(|width| {
            let additions: usize = density(&lengths, longest, *width).iter().sum();
            let buckets = windows(longest, *width) << (width - 1);
            additions + 2 * buckets + buckets / 4
        })?;
        let mut offset = [0u128; 2];
        for window in 0..windows(longest, width) {
            let bit = width * window + width - 1;
            offset[bit / 128] |= 1 << (bit % 128);
        }
        Some(Self {
            width,
            windows: windows(longest, width),
            offset,
            density: density(&lengths, longest, width),
        })
    }

    /// Ranges of windows, each with enough work.
    fn tasks(&self) -> Vec<(usize, usize)> {
        let cost =
            |window: &usize| self.density.get(*window).copied().unwrap_or(0) + (1 << self.width);
        let total: usize = (0..self.windows).map(|w| cost(&w)).sum();
        let share = total / (total / TASK).clamp(1, TASKS);
        let (mut tasks, mut first, mut sum) = (Vec::new(), 0, 0);
        for window in 0..self.windows {
            sum += cost(&window);
            if sum >= share || window + 1 == self.windows {
                tasks.push((first, window + 1));
                (first, sum) = (window + 1, 0);
            }
        }
        tasks
    }

    /// The digits of windows `first..last` as codes, window by window: 0, or the absolute value and
    /// [`MINUS`] if negative.
    fn codes(&self, scalars: &Halves, count: usize, first: usize, last: usize) -> Vec<u16> {
        let parts = 2 * count;
        let mut codes = vec![0u16; parts * (last - first)];
        let half = 1i64 << (self.width - 1);
        // The digits below can carry into the first window from a little under half of its weight on:
        // the offsets below add up to less than 3/4 of it.
        let skip = (self.width * first).saturating_sub(2).min(127);
        for (offset, half_scalars) in [(0, &scalars.first), (count, &scalars.second)] {
            for (i, part) in half_scalars.iter().enumerate().take(count) {
                let magnitude = part.magnitude();
                if magnitude >> skip == 0 {
                    continue;
                }
                let (low, carry) = magnitude.overflowing_add(self.offset[0]);
                let high = self.offset[1] + u128::from(carry);
                // A digit needs the windows up to the scalar's length, and one for the carry.
                let length = 128 - magnitude.leading_zeros() as usize;
                for window in first..last.min(length / self.width + 2) {
                    let bit = self.width * window;
                    let word = if bit >= 128 {
                        high >> (bit - 128)
                    } else if bit + self.width <= 128 {
                        low >> bit
                    } else {
                        low >> bit | high << (128 - bit)
                    };
                    let digit = (word as i64 & (2 * half - 1)) - half;
                    let negative = (digit < 0) != part.is_negative() && digit != 0;
                    let code = digit.unsigned_abs() as u16 | if negative { MINUS } else { 0 };
                    codes[(window - first) * parts + offset + i] = code;
                }
            }
        }
        codes
    }
}

/// Windows for signed digits of integers of up to `longest` bits: the offset is below 3/4 of their range, the
/// integers below a quarter.
fn windows(longest: usize, width: usize) -> usize {
    (longest + 2).div_ceil(width)
}

/// How many scalars reach into each window.
fn density(lengths: &[usize; 129], longest: usize, width: usize) -> Vec<usize> {
    (0..windows(longest, width))
        .map(|window| lengths.iter().skip((width * window).max(1)).sum())
        .collect()
}

/// Some of the windows of one product.
struct Windows<'a, C: Curve> {
    table: &'a Table<C>,
    plan: &'a Plan,
    first: usize,
    last: usize,
    /// Sums made so far.
    arena: Vec<C::Packed>,
    /// Additions of the next batch.
    pairs: Vec<Pair>,
}

/// A bucket or another set to be summed: a range of positions.
#[derive(Clone, Copy)]
struct List {
    start: u32,
    length: u32,
}

impl<'a, C: Curve> Windows<'a, C> {
    fn new(table: &'a Table<C>, plan: &'a Plan, first: usize, last: usize) -> Self {
        Self {
            table,
            plan,
            first,
            last,
            arena: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// Bit positions and the points that they weigh.
    fn sum(mut self, scalars: &Halves) -> Vec<(usize, Affine<C>)> {
        let (mut positions, buckets) = self.sort(scalars);
        // A sum for each point but one of each bucket, and two for each bucket.
        self.arena.reserve(positions.len() + buckets.len());
        let mut lists = buckets.clone();
        loop {
            lists.retain(|list| list.length > 1);
            if lists.is_empty() {
                break;
            }
            self.pair_lists(&mut positions, &mut lists);
            self.add();
        }
        let sums = buckets.iter().map(|list| {
            if list.length == 0 {
                NONE
            } else {
                positions[list.start as usize]
            }
        });
        let sums = self.weigh(&sums.collect::<Vec<u32>>());
        positions.zeroize();
        sums
    }

    /// Positions of the points of every bucket, and where each bucket's are: bucket 0 (always empty) to
    /// 2^(width-1) of the first window, then of the next.
    fn sort(&self, scalars: &Halves) -> (Vec<u32>, Vec<List>) {
        let count = self.table.len();
        let mut codes = self.plan.codes(scalars, count, self.first, self.last);
        let stride = (1 << (self.plan.width - 1)) + 1;
        let mut buckets = vec![
            List {
                start: 0,
                length: 0
            };
            stride * (self.last - self.first)
        ];
        let windows = codes.chunks_exact((2 * count).max(1));
        for (codes, buckets) in windows.clone().zip(buckets.chunks_exact_mut(stride)) {
            for code in codes {
                buckets[(code & !MINUS) as usize].length += 1;
            }
            buckets[0].length = 0;
        }
        let mut total = 0;
        for bucket in &mut buckets {
            bucket.start = total;
            total += bucket.length;
            bucket.length = 0;
        }
        let mut positions = vec![NONE; total as usize];
        for (codes, buckets) in windows.zip(buckets.chunks_exact_mut(stride)) {
            for (position, code) in (0u32..).zip(codes) {
                if *code != 0 {
                    let bucket = &mut buckets[(code & !MINUS) as usize];
                    let sign = u32::from(code & MINUS) << 16;
                    positions[(bucket.start + bucket.length) as usize] = position | sign;
                    bucket.length += 1;
                }
            }
        }
        codes.zeroize();
        (positions, buckets)
    }

    /// The position that the next pair's sum will have.
    fn next(&self) -> u32 {
        (self.table.points.len() + self.arena.len() + self.pairs.len()) as u32
    }

    fn pair(&mut self, a: u32, b: u32) -> u32 {
        let sum = self.next();
        self.pairs.push((a, b));
        sum
    }

    /// Halves each list: pairs become their sums.
    fn pair_lists(&mut self, positions: &mut [u32], lists: &mut [List]) {
        for list in lists {
            let items = &mut positions[list.start as usize..(list.start + list.length) as usize];
            let half = items.len() / 2;
            for j in 0..half {
                items[j] = self.pair(items[2 * j], items[2 * j + 1]);
            }
            if items.len() % 2 == 1 {
                items[half] = items[items.len() - 1];
            }
            list.length = list.length.div_ceil(2);
        }
    }

    fn add(&mut self) {
        C::add_pairs(
            self.table.engine,
            &self.table.points,
            &mut self.arena,
            &self.pairs,
        );
        self.pairs.clear();
    }

    /// Takes the sum of i times bucket i apart by the bits of i, for every window.
    fn weigh(&mut self, buckets: &[u32]) -> Vec<(usize, Affine<C>)> {
        let stride = (1 << (self.plan.width - 1)) + 1;
        let mut levels: Vec<Vec<u32>> = buckets.chunks(stride).map(<[u32]>::to_vec).collect();
        // The odd buckets of each bit of each window.
        let mut bits = Vec::new();
        let (mut odd, mut lists) = (Vec::new(), Vec::new());
        for bit in 0..self.plan.width {
            for (window, level) in levels.iter_mut().enumerate() {
                let start = odd.len() as u32;
                odd.extend(level.iter().skip(1).step_by(2).filter(|p| **p != NONE));
                bits.push(self.plan.width * (self.first + window) + bit);
                lists.push(List {
                    start,
                    length: odd.len() as u32 - start,
                });
                for k in 0..level.len().div_ceil(2) {
                    let right = level.get(2 * k + 1).copied().unwrap_or(NONE);
                    level[k] = match (level[2 * k], right) {
                        _ if k == 0 => NONE,
                        (left, NONE) => left,
                        (NONE, right) => right,
                        (left, right) => self.pair(left, right),
                    };
                }
                level.truncate(level.len().div_ceil(2));
            }
            self.pair_lists(&mut odd, &mut lists);
            self.add();
        }
        while lists.iter().any(|list| list.length > 1) {
            self.pair_lists(&mut odd, &mut lists);
            self.add();
        }
        let points = bits
            .into_iter()
            .zip(lists)
            .filter(|(_, list)| list.length > 0);
        points
            .map(|(bit, list)| (bit, self.point(odd[list.start as usize])))
            .collect()
    }

    fn point(&self, position: u32) -> Affine<C> {
        let index = (position & !NEGATIVE) as usize;
        let known = self.table.points.len();
        let packed = if index < known {
            &self.table.points[index]
        } else {
            &self.arena[index - known]
        };
        let point = C::unpack(self.table.engine, packed);
        if position & NEGATIVE == 0 {
            point
        } else {
            -point
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fr, g1, g2};
    use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
    use ark_ff::{Field, One, PrimeField, UniformRand};
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{RngCore, SeedableRng},
    };

    fn check<C: Curve>(points: &[Affine<C>], scalars: &[Fr]) {
        let bigints: Vec<_> = scalars.iter().map(|s| s.into_bigint()).collect();
        let expected = points
            .iter()
            .zip(&bigints)
            .fold(Projective::<C>::zero(), |sum, (p, s)| {
                sum + p.into_group().mul_bigint_plain(s)
            });
        for engine in Engine::all() {
            let product = Table::new(engine, points).multiply(&Halves::of(scalars));
            assert_eq!(product, expected, "{engine:?}, {} points", points.len());
        }
    }

    trait Plain {
        fn mul_bigint_plain(self, s: &ark_ff::BigInt<4>) -> Self;
    }

    impl<C: Curve> Plain for Projective<C> {
        fn mul_bigint_plain(self, s: &ark_ff::BigInt<4>) -> Self {
            ark_ff::BitIteratorBE::without_leading_zeros(s).fold(Self::zero(), |sum, bit| {
                let sum = sum.double();
                if bit { sum + self } else { sum }
            })
        }
    }

    /// Wherever the windows are cut into ranges, the digits of all ranges add up to the scalar: also
    /// where only the carry from below reaches a range.
    #[test]
    fn digits_add_up_for_every_cut() {
        let mut rng = ChaCha20Rng::seed_from_u64(17);
        let mut numbers: Vec<u128> = (0..20_000)
            .map(|_| (u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())) >> 2)
            .collect();
        for k in 1..126 {
            numbers.push(1 << k);
            numbers.extend((0..k).map(|j| (1 << k) - (1 << j)));
        }
        let scalars: Vec<Fr> = numbers.iter().map(|n| Fr::from(*n)).collect();
        let halves = Halves::of(&scalars);
        let plan = Plan::new(&halves).unwrap();
        let count = numbers.len();
        for cut in 1..plan.windows {
            let mut sums = vec![0i128; count];
            for (first, last) in [(0, cut), (cut, plan.windows)] {
                let codes = plan.codes(&halves, count, first, last);
                for (window, codes) in (first..last).zip(codes.chunks_exact(2 * count)) {
                    for (sum, code) in sums.iter_mut().zip(codes) {
                        let digit = i128::from(code & !MINUS);
                        let digit = if code & MINUS == 0 { digit } else { -digit };
                        let bit = plan.width * window;
                        *sum += digit.checked_shl(bit as u32).unwrap_or(0);
                    }
                }
            }
            for (sum, number) in sums.iter().zip(&numbers) {
                assert_eq!(sum.unsigned_abs(), *number, "cut at {cut}");
            }
        }
    }

    fn random_points<C: Curve>(count: usize, rng: &mut ChaCha20Rng) -> Vec<Affine<C>> {
        let points: Vec<Projective<C>> = (0..count).map(|_| Projective::rand(rng)).collect();
        Projective::normalize_batch(&points)
    }

    fn random_scalar(rng: &mut ChaCha20Rng) -> Fr {
        match rng.next_u32() % 8 {
            0 => Fr::zero(),
            1 => Fr::one(),
            2 => -Fr::one(),
            3 => Fr::from(rng.next_u64() % 1000),
            4 => -Fr::from(rng.next_u64()),
            _ => Fr::rand(rng),
        }
    }

    fn sizes<C: Curve>(sizes: &[usize], seed: u64) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        for size in sizes {
            let points = random_points::<C>(*size, &mut rng);
            let scalars: Vec<Fr> = (0..*size).map(|_| random_scalar(&mut rng)).collect();
            check(&points, &scalars);
        }
    }

    #[test]
    fn products_in_both_groups() {
        sizes::<g1::Config>(&[0, 1, 2, 3, 7, 8, 9, 50, 300], 1);
        sizes::<g2::Config>(&[0, 1, 2, 3, 8, 17, 100], 2);
    }

    #[test]
    fn large_products_agree_with_arkworks() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let points = random_points::<g1::Config>(6000, &mut rng);
        let scalars: Vec<Fr> = (0..6000).map(|_| Fr::rand(&mut rng)).collect();
        let expected = Projective::<g1::Config>::msm_unchecked(&points, &scalars);
        for engine in Engine::all() {
            assert_eq!(
                Table::new(engine, &points).multiply(&Halves::of(&scalars)),
                expected
            );
        }
    }

    #[test]
    fn equal_opposite_and_infinite_points() {
        fn exceptional<C: Curve>(seed: u64) {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let few = random_points::<C>(3, &mut rng);
            let points: Vec<Affine<C>> = (0..200)
                .map(|_| match rng.next_u32() % 8 {
                    0 => Affine::identity(),
                    k if k % 2 == 0 => few[k as usize % 3],
                    k => -few[k as usize % 3],
                })
                .collect();
            let all_ones = vec![Fr::one(); points.len()];
            check(&points, &all_ones);
            let few_scalars: Vec<Fr> = (0..200).map(|_| Fr::from(rng.next_u32() % 3)).collect();
            check(&points, &few_scalars);
            let scalars: Vec<Fr> = (0..200).map(|_| random_scalar(&mut rng)).collect();
            check(&points, &scalars);
            let edges = [
                Fr::one(),
                -Fr::one(),
                Fr::from(2u64).inverse().unwrap(),
                Fr::zero(),
            ];
            for edge in edges {
                check(&points, &vec![edge; points.len()]);
            }
        }
        exceptional::<g1::Config>(4);
        exceptional::<g2::Config>(5);
    }

    #[test]
    fn missing_partners_are_left_out() {
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        let points = random_points::<g1::Config>(5, &mut rng);
        let scalars: Vec<Fr> = (0..8).map(|_| Fr::rand(&mut rng)).collect();
        for engine in Engine::all() {
            let table = Table::new(engine, &points);
            let expected = Projective::<g1::Config>::msm_unchecked(&points, &scalars[..5]);
            assert_eq!(table.multiply(&Halves::of(&scalars)), expected);
            let expected = Projective::<g1::Config>::msm_unchecked(&points[..2], &scalars[..2]);
            assert_eq!(table.multiply(&Halves::of(&scalars[..2])), expected);
        }
    }
}
