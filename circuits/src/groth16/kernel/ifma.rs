//! The engine for processors with AVX-512 IFMA: eight additions at a time.

use std::arch::x86_64::__mmask8;

use ark_bn254::{Fq, g1, g2};
use ark_ff::{Field, One};

use super::{
    Engine, NEGATIVE, Packed, Pair,
    lanes::{self, Base, Lanes, with_ifma},
    portable, residue,
};

/// Whether the processor has all that the functions here are compiled for.
pub(super) fn available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512ifma")
}

/// Sums in G1; as [`Curve::add_pairs`] says.
#[allow(unsafe_code)]
pub(super) fn add_pairs_g1(table: &[Packed<2>], arena: &mut Vec<Packed<2>>, pairs: &[Pair]) {
    assert!(available(), "engine chosen for another processor");
    // SAFETY: the processor has the target features, which is all that the function asks for.
    unsafe { base::add_pairs(table, arena, pairs) }
}

/// Sums in G2; as [`Curve::add_pairs`] says.
#[allow(unsafe_code)]
pub(super) fn add_pairs_g2(table: &[Packed<4>], arena: &mut Vec<Packed<4>>, pairs: &[Pair]) {
    assert!(available(), "engine chosen for another processor");
    // SAFETY: the processor has the target features, which is all that the function asks for.
    unsafe { quadratic::add_pairs(table, arena, pairs) }
}

/// The memory form of one.
fn one_words() -> [u64; 4] {
    (Fq::one() * Engine::Ifma.factor()).0.0
}

/// The value of a residue in memory.
fn to_field(words: [u64; 4]) -> Fq {
    residue(words) * Engine::Ifma.inverse_factor()
}

fn to_words(value: Fq) -> [u64; 4] {
    (value * Engine::Ifma.factor()).0.0
}

/// The batch addition over one coordinate field, whose arithmetic the including module defines.
macro_rules! batch_addition {
    ($rows:literal, $config:ty) => {
        /// Additions that share an inversion, at most; their products fit the second-level cache.
        const BATCH: usize = 4096 / $rows;

        type Point = Packed<{ 2 * $rows }>;

        /// Eight pairs, the last one repeated if there are fewer.
        struct Group<'a> {
            left: [&'a Point; 8],
            right: [&'a Point; 8],
            negate_left: __mmask8,
            negate_right: __mmask8,
        }

        #[inline(always)]
        fn find<'a>(table: &'a [Point], arena: &'a [Point], position: u32) -> &'a Point {
            let index = (position & !NEGATIVE) as usize;
            if index < table.len() {
                &table[index]
            } else {
                &arena[index - table.len()]
            }
        }

        #[inline(always)]
        fn group<'a>(table: &'a [Point], arena: &'a [Point], pairs: &[Pair]) -> Group<'a> {
            let eight: [Pair; 8] = match pairs.try_into() {
                Ok(eight) => eight,
                Err(_) => std::array::from_fn(|lane| pairs[lane.min(pairs.len() - 1)]),
            };
            let sign = |of: fn(&Pair) -> u32| {
                let signs = eight.iter().enumerate();
                signs.fold(0, |mask, (lane, pair)| mask | ((of(pair) >> 31) as u8) << lane)
            };
            Group {
                left: std::array::from_fn(|lane| find(table, arena, eight[lane].0)),
                right: std::array::from_fn(|lane| find(table, arena, eight[lane].1)),
                negate_left: sign(|pair| pair.0),
                negate_right: sign(|pair| pair.1),
            }
        }

        /// The lanes whose points have equal x.
        #[cold]
        fn equal(group: &Group<'_>) -> __mmask8 {
            let lanes = group.left.iter().zip(&group.right).enumerate();
            lanes.fold(0, |mask, (lane, (p, q))| {
                let same = (0..$rows).all(|i| residue(p.0[i]) == residue(q.0[i]));
                mask | u8::from(same) << lane
            })
        }

        with_ifma! {
            pub(super) fn add_pairs(table: &[Point], arena: &mut Vec<Point>, pairs: &[Pair]) {
                arena.reserve(pairs.len());
                let mut prefixes = Vec::with_capacity(pairs.len().min(BATCH).div_ceil(8));
                for batch in pairs.chunks(BATCH) {
                    let start = arena.len();
                    // A zero among the denominators shows in their product.
                    let (inverses, strict) = match denominators(table, arena, batch, &mut prefixes, false) {
                        Some(inverses) => (inverses, false),
                        None => {
                            let all = denominators(table, arena, batch, &mut prefixes, true);
                            (all.unwrap_or([broadcast_one(); 2]), true)
                        }
                    };
                    arena.resize(start + batch.len(), Packed([[0; 4]; 2 * $rows]));
                    let (before, sums) = arena.split_at_mut(start);
                    chords(table, before, batch, &prefixes, inverses, strict, sums);
                }
            }

            /// The lanes whose pairs no chord goes through; equal x are looked for if `strict`.
            fn exceptions(group: &Group<'_>, x1: &Element, x2: &Element, strict: bool) -> __mmask8 {
                let infinite = marked(x1) | marked(x2);
                if strict { infinite | equal(group) } else { infinite }
            }

            /// Multiplies up the denominators in two chains, and inverts the two products.
            fn denominators(
                table: &[Point],
                arena: &[Point],
                batch: &[Pair],
                prefixes: &mut Vec<Element>,
                strict: bool,
            ) -> Option<[Element; 2]> {
                prefixes.clear();
                let one = broadcast_one();
                let mut products = [one; 2];
                for (i, pairs) in batch.chunks(8).enumerate() {
                    let group = group(table, arena, pairs);
                    let (x1, x2) = (load_x(&group.left), load_x(&group.right));
                    let alone = exceptions(&group, &x1, &x2, strict);
                    let difference = sub(&x2, &x1);
                    let difference = if alone == 0 { difference } else { replace(alone, &difference, &one) };
                    prefixes.push(products[i & 1]);
                    products[i & 1] = mul(&difference, &products[i & 1]);
                }
                invert(&products)
            }

            /// Walks back through the batch, from the inverses of the products to the sums.
            fn chords(
                table: &[Point],
                arena: &[Point],
                batch: &[Pair],
                prefixes: &[Element],
                mut inverses: [Element; 2],
                strict: bool,
                sums: &mut [Point],
            ) {
                let one = broadcast_one();
                let groups = batch.chunks(8).zip(sums.chunks_mut(8)).zip(prefixes);
                for (i, ((pairs, sums), prefix)) in groups.enumerate().rev() {
                    let group = group(table, arena, pairs);
                    let (x1, x2) = (load_x(&group.left), load_x(&group.right));
                    let alone = exceptions(&group, &x1, &x2, strict);
                    let y1 = negate_some(group.negate_left, &load_y(&group.left));
                    let y2 = negate_some(group.negate_right, &load_y(&group.right));
                    let difference = sub(&x2, &x1);
                    let difference = if alone == 0 { difference } else { replace(alone, &difference, &one) };
                    let inverse = mul(prefix, &inverses[i & 1]);
                    inverses[i & 1] = mul(&difference, &inverses[i & 1]);
                    let slope = mul(&sub(&y2, &y1), &inverse);
                    let x = square_less(&slope, &x1, &x2);
                    let y = mul_less(&sub(&x1, &x), &slope, &y1);
                    write(&x, &y, sums);
                    if alone != 0 {
                        for (lane, (pair, sum)) in pairs.iter().zip(sums).enumerate() {
                            if alone >> lane & 1 == 1 {
                                *sum = portable::add_alone::<$config>(Engine::Ifma, table, arena, *pair);
                            }
                        }
                    }
                }
            }
        }
    };
}

/// Coordinates in the prime field.
mod base {
    use super::*;

    type Element = Lanes;
    batch_addition!(1, g1::Config);

    with_ifma! {
        fn broadcast_one() -> Element {
            lanes::broadcast(one_words())
        }

        fn load_x(points: &[&Point; 8]) -> Element {
            lanes::load(points.map(|p| &p.0[0]))
        }

        fn load_y(points: &[&Point; 8]) -> Element {
            lanes::load(points.map(|p| &p.0[1]))
        }

        fn sub(a: &Element, b: &Element) -> Element {
            lanes::sub::<Base>(a, b)
        }

        fn mul(a: &Element, b: &Element) -> Element {
            lanes::mul::<Base>(a, b)
        }

        fn marked(x: &Element) -> __mmask8 {
            lanes::marked(x)
        }

        fn negate_some(mask: __mmask8, a: &Element) -> Element {
            lanes::negate_some::<Base>(mask, a)
        }

        fn replace(mask: __mmask8, a: &Element, b: &Element) -> Element {
            lanes::replace(mask, a, b)
        }

        /// `a^2 - b - c`.
        fn square_less(a: &Element, b: &Element, c: &Element) -> Element {
            let square = lanes::mul_loose::<Base>(a, a);
            let less = lanes::sub_loose::<Base>(&square, b);
            lanes::reduce::<Base>(&lanes::sub_loose::<Base>(&less, c))
        }

        /// `a b - c`.
        fn mul_less(a: &Element, b: &Element, c: &Element) -> Element {
            let product = lanes::mul_loose::<Base>(a, b);
            lanes::reduce::<Base>(&lanes::sub_loose::<Base>(&product, c))
        }

        fn write(x: &Element, y: &Element, sums: &mut [Point]) {
            let rows = lanes::store(x).into_iter().zip(lanes::store(y));
            for (sum, (x, y)) in sums.iter_mut().zip(rows) {
                sum.0 = [x, y];
            }
        }

        fn invert(products: &[Element; 2]) -> Option<[Element; 2]> {
            let both = lanes::store(&mul(&products[0], &products[1]));
            let mut values = both.map(to_field);
            if !portable::invert_together(&mut values) {
                return None;
            }
            let words = values.map(to_words);
            let inverse = lanes::load(words.each_ref());
            Some([mul(&inverse, &products[1]), mul(&inverse, &products[0])])
        }
    }
}

/// Coordinates in the quadratic extension by a square root of -1.
mod quadratic {
    use super::*;

    type Element = [Lanes; 2];
    batch_addition!(2, g2::Config);

    with_ifma! {
        fn broadcast_one() -> Element {
            [lanes::broadcast(one_words()), lanes::broadcast([0; 4])]
        }

        fn load_x(points: &[&Point; 8]) -> Element {
            [lanes::load(points.map(|p| &p.0[0])), lanes::load(points.map(|p| &p.0[1]))]
        }

        fn load_y(points: &[&Point; 8]) -> Element {
            [lanes::load(points.map(|p| &p.0[2])), lanes::load(points.map(|p| &p.0[3]))]
        }

        fn sub(a: &Element, b: &Element) -> Element {
            [lanes::sub::<Base>(&a[0], &b[0]), lanes::sub::<Base>(&a[1], &b[1])]
        }

        /// `a b`, for b below 2p.
        fn mul(a: &Element, b: &Element) -> Element {
            let minus_b1 = lanes::negate_some::<Base>(0xff, &b[1]);
            [
                lanes::mul_add::<Base>(&a[0], &b[0], &a[1], &minus_b1),
                lanes::mul_add::<Base>(&a[0], &b[1], &a[1], &b[0]),
            ]
        }

        fn marked(x: &Element) -> __mmask8 {
            lanes::marked(&x[0])
        }

        fn negate_some(mask: __mmask8, a: &Element) -> Element {
            [lanes::negate_some::<Base>(mask, &a[0]), lanes::negate_some::<Base>(mask, &a[1])]
        }

        fn replace(mask: __mmask8, a: &Element, b: &Element) -> Element {
            [lanes::replace(mask, &a[0], &b[0]), lanes::replace(mask, &a[1], &b[1])]
        }

        /// `a^2 - b - c`: `(a0 + a1)(a0 - a1)` and `2 a0 a1`.
        fn square_less(a: &Element, b: &Element, c: &Element) -> Element {
            let (sum, difference) = (lanes::add(&a[0], &a[1]), lanes::sub::<Base>(&a[0], &a[1]));
            let real = lanes::mul_loose::<Base>(&sum, &difference);
            let imaginary = lanes::mul_loose::<Base>(&lanes::add(&a[0], &a[0]), &a[1]);
            let less = lanes::sub_loose::<Base>(&real, &b[0]);
            let real = lanes::reduce::<Base>(&lanes::sub_loose::<Base>(&less, &c[0]));
            let less = lanes::sub_loose::<Base>(&imaginary, &b[1]);
            [real, lanes::reduce::<Base>(&lanes::sub_loose::<Base>(&less, &c[1]))]
        }

        /// `a b - c`, for b below 2p.
        fn mul_less(a: &Element, b: &Element, c: &Element) -> Element {
            let minus_b1 = lanes::negate_some::<Base>(0xff, &b[1]);
            let real = lanes::mul_add_loose::<Base>(&a[0], &b[0], &a[1], &minus_b1);
            let imaginary = lanes::mul_add_loose::<Base>(&a[0], &b[1], &a[1], &b[0]);
            [
                lanes::reduce::<Base>(&lanes::sub_loose::<Base>(&real, &c[0])),
                lanes::reduce::<Base>(&lanes::sub_loose::<Base>(&imaginary, &c[1])),
            ]
        }

        fn write(x: &Element, y: &Element, sums: &mut [Point]) {
            let (x0, x1) = (lanes::store(&x[0]), lanes::store(&x[1]));
            let (y0, y1) = (lanes::store(&y[0]), lanes::store(&y[1]));
            for (lane, sum) in sums.iter_mut().enumerate() {
                sum.0 = [x0[lane], x1[lane], y0[lane], y1[lane]];
            }
        }

        /// By the norms, which lie in the prime field.
        fn invert(products: &[Element; 2]) -> Option<[Element; 2]> {
            let both = mul(&products[0], &products[1]);
            let (real, imaginary) = (lanes::store(&both[0]).map(to_field), lanes::store(&both[1]).map(to_field));
            let mut norms: [Fq; 8] =
                std::array::from_fn(|lane| real[lane].square() + imaginary[lane].square());
            if !portable::invert_together(&mut norms) {
                return None;
            }
            let real: [_; 8] = std::array::from_fn(|lane| to_words(real[lane] * norms[lane]));
            let imaginary: [_; 8] = std::array::from_fn(|lane| to_words(-imaginary[lane] * norms[lane]));
            let inverse = [lanes::load(real.each_ref()), lanes::load(imaginary.each_ref())];
            Some([mul(&products[1], &inverse), mul(&products[0], &inverse)])
        }
    }
}
