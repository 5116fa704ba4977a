//! The engine for any processor, and the judge of the other one.

use ark_ec::{AffineRepr, CurveGroup, short_weierstrass::Affine};
use ark_ff::{Field, One};

use super::{Curve, Engine, NEGATIVE, Pair};

/// Additions that share an inversion.
const BATCH: usize = 1024;

pub(super) fn add_pairs<C: Curve>(table: &[C::Packed], arena: &mut Vec<C::Packed>, pairs: &[Pair]) {
    arena.reserve(pairs.len());
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let (mut denominators, mut sums) = (Vec::new(), Vec::new());
    for batch in pairs.chunks(BATCH) {
        left.clear();
        right.clear();
        left.extend(batch.iter().map(|(a, _)| point::<C>(table, arena, *a)));
        right.extend(batch.iter().map(|(_, b)| point::<C>(table, arena, *b)));
        add_batch(&left, &right, &mut denominators, &mut sums);
        arena.extend(sums.iter().map(|p| C::pack(Engine::Portable, p)));
    }
}

fn point<C: Curve>(table: &[C::Packed], arena: &[C::Packed], position: u32) -> Affine<C> {
    let index = (position & !NEGATIVE) as usize;
    let packed = table
        .get(index)
        .unwrap_or_else(|| &arena[index - table.len()]);
    let point = C::unpack(Engine::Portable, packed);
    if position & NEGATIVE == 0 {
        point
    } else {
        -point
    }
}

fn add_batch<C: Curve>(
    left: &[Affine<C>],
    right: &[Affine<C>],
    factors: &mut Vec<(C::BaseField, C::BaseField)>,
    sums: &mut Vec<Affine<C>>,
) {
    // A pair that no chord goes through has denominator one, and is added on its own.
    let denominator = |p: &Affine<C>, q: &Affine<C>| {
        if p.is_zero() || q.is_zero() || p.x == q.x {
            C::BaseField::one()
        } else {
            q.x - p.x
        }
    };
    factors.clear();
    let mut product = C::BaseField::one();
    for (p, q) in left.iter().zip(right) {
        let denominator = denominator(p, q);
        factors.push((product, denominator));
        product *= denominator;
    }
    // A product of non-zero factors has an inverse.
    let mut inverse = product.inverse().unwrap_or_default();
    sums.clear();
    sums.resize(left.len(), Affine::identity());
    let places = sums
        .iter_mut()
        .zip(factors.iter())
        .zip(left.iter().zip(right));
    for ((sum, (prefix, denominator)), (p, q)) in places.rev() {
        let slope = (q.y - p.y) * (inverse * prefix);
        inverse *= denominator;
        *sum = if denominator.is_one() {
            (p.into_group() + q).into_affine()
        } else {
            let x = slope.square() - p.x - q.x;
            Affine::new_unchecked(x, slope * (p.x - x) - p.y)
        };
    }
}

/// The sum of one pair in the other engine's memory form, for pairs that no chord goes through.
#[cfg(target_arch = "x86_64")]
pub(super) fn add_alone<C: Curve>(
    engine: Engine,
    table: &[C::Packed],
    arena: &[C::Packed],
    pair: Pair,
) -> C::Packed {
    let point = |position: u32| {
        let index = (position & !NEGATIVE) as usize;
        let packed = table
            .get(index)
            .unwrap_or_else(|| &arena[index - table.len()]);
        let point = C::unpack(engine, packed);
        if position & NEGATIVE == 0 {
            point
        } else {
            -point
        }
    };
    C::pack(
        engine,
        &(point(pair.0).into_group() + point(pair.1)).into_affine(),
    )
}

/// Inverts all of a few values with one inversion; false, and nothing done, if one of them is zero.
#[cfg(target_arch = "x86_64")]
pub(super) fn invert_together<const N: usize>(values: &mut [ark_bn254::Fq; N]) -> bool {
    use ark_bn254::Fq;
    let mut prefixes = [Fq::one(); N];
    let mut product = Fq::one();
    for (value, prefix) in values.iter().zip(&mut prefixes) {
        *prefix = product;
        product *= value;
    }
    let Some(mut inverse) = product.inverse() else {
        return false;
    };
    for (value, prefix) in values.iter_mut().zip(&prefixes).rev() {
        let own = inverse * prefix;
        inverse *= *value;
        *value = own;
    }
    true
}
