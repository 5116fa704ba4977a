//! Products of pairings by one shared Miller loop.
//!
//! `e(P, Q)` is the optimal ate pairing of BN254. A line through points of the twist with slope
//! `l` and offset `m = l x - y` is taken at `P` as `1 - l (x_P / y_P) w + m (1 / y_P) w^3`: scaling
//! by a factor of a subfield is undone by the final exponentiation, and a leading 1 saves three
//! multiplications a line.

use alloc::vec::Vec;

use ark_bn254::{Bn254, Config, Fq, Fq2, Fq6, Fq12, Fq12Config, G1Affine, G2Affine};
use ark_ec::{
    AffineRepr,
    bn::{BnConfig, G2Prepared},
    pairing::{MillerLoopOutput, Pairing},
};
use ark_ff::{AdditiveGroup, Field, Fp12Config, batch_inversion};

/// From so many moving points on, their lines are made together with one inversion a step.
const TOGETHER: usize = 8;

/// A line through points of the twist.
#[derive(Clone, Copy, Debug)]
struct Line {
    slope: Fq2,
    offset: Fq2,
}

/// The lines that the Miller loop meets for one fixed point of G2.
#[derive(Clone, Debug)]
pub(crate) struct Lines(Vec<Line>);

impl Lines {
    pub(crate) fn of(point: &G2Affine) -> Self {
        // arkworks' lines (c0, c1, c2) scaled to c0 = 1.
        let prepared = G2Prepared::<Config>::from(*point).ell_coeffs;
        let mut inverses: Vec<Fq2> = prepared.iter().map(|(c0, _, _)| *c0).collect();
        batch_inversion(&mut inverses);
        let line = |((_, c1, c2), inverse): (&(Fq2, Fq2, Fq2), &Fq2)| Line {
            slope: -*c1 * inverse,
            offset: *c2 * inverse,
        };
        Self(prepared.iter().zip(&inverses).map(line).collect())
    }
}

/// A point of G1 as lines need it.
#[derive(Clone, Copy)]
struct At {
    x_over_y_neg: Fq,
    y_inverse: Fq,
}

fn at(points: &[G1Affine]) -> Vec<At> {
    let mut inverses: Vec<Fq> = points.iter().map(|p| p.y).collect();
    batch_inversion(&mut inverses);
    let one = |(p, inverse): (&G1Affine, &Fq)| At {
        x_over_y_neg: -p.x * inverse,
        y_inverse: *inverse,
    };
    points.iter().zip(&inverses).map(one).collect()
}

/// Multiplies `f` by a line's value at a point.
fn multiply(f: &mut Fq12, line: &Line, at: &At) {
    let mut c3 = line.slope;
    let mut c4 = line.offset;
    c3.mul_assign_by_fp(&at.x_over_y_neg);
    c4.mul_assign_by_fp(&at.y_inverse);
    // (f0 + f1 w)(1 + (c3 + c4 v) w)
    let (mut right, mut wrapped): (Fq6, Fq6) = (f.c0, f.c1);
    right.mul_by_01(&c3, &c4);
    wrapped.mul_by_01(&c3, &c4);
    Fq12Config::mul_fp6_by_nonresidue_in_place(&mut wrapped);
    f.c0 += wrapped;
    f.c1 += right;
}

/// Moving points: `T` starts at `Q` and walks the Miller loop.
struct Walkers {
    at: Vec<At>,
    q: Vec<G2Affine>,
    t: Vec<(Fq2, Fq2)>,
    scratch: Vec<Fq2>,
}

impl Walkers {
    fn new(pairs: &[(G1Affine, G2Affine)]) -> Self {
        let p: Vec<G1Affine> = pairs.iter().map(|(p, _)| *p).collect();
        let q: Vec<G2Affine> = pairs.iter().map(|(_, q)| *q).collect();
        Self {
            at: at(&p),
            t: q.iter().map(|q| (q.x, q.y)).collect(),
            scratch: Vec::with_capacity(q.len()),
            q,
        }
    }

    /// `T <- 2T`. No `T` has order 2: all are in a group of odd prime order.
    fn double(&mut self, f: &mut Fq12) {
        self.scratch.clear();
        self.scratch.extend(self.t.iter().map(|(_, y)| y.double()));
        batch_inversion(&mut self.scratch);
        for ((t, inverse), at) in self.t.iter_mut().zip(&self.scratch).zip(&self.at) {
            let square = t.0.square();
            let slope = (square.double() + square) * inverse;
            let x = t.0;
            step(t, x, slope, f, at);
        }
    }

    /// `T <- T + Q'`. `T` is never `Q'` or its opposite inside the loop.
    fn add(&mut self, others: &[(Fq2, Fq2)], f: &mut Fq12) {
        self.scratch.clear();
        let differences = self.t.iter().zip(others).map(|(t, other)| t.0 - other.0);
        self.scratch.extend(differences);
        batch_inversion(&mut self.scratch);
        let rest = self.scratch.iter().zip(&self.at);
        for ((t, other), (inverse, at)) in self.t.iter_mut().zip(others).zip(rest) {
            let slope = (t.1 - other.1) * inverse;
            step(t, other.0, slope, f, at);
        }
    }

    fn others(&self, map: impl Fn(&G2Affine) -> G2Affine) -> Vec<(Fq2, Fq2)> {
        let coordinates = |q: G2Affine| (q.x, q.y);
        self.q.iter().map(|q| coordinates(map(q))).collect()
    }
}

/// Takes the line with the given slope through `T` into `f`, and moves `T` to where it leads.
fn step(t: &mut (Fq2, Fq2), other_x: Fq2, slope: Fq2, f: &mut Fq12, at: &At) {
    let offset = slope * t.0 - t.1;
    multiply(f, &Line { slope, offset }, at);
    let x = slope.square() - t.0 - other_x;
    *t = (x, offset - slope * x);
}

/// The point's image under the untwisted Frobenius map.
pub(crate) fn frobenius(q: &G2Affine) -> G2Affine {
    let mut image = *q;
    image.x.frobenius_map_in_place(1);
    image.x *= Config::TWIST_MUL_BY_Q_X;
    image.y.frobenius_map_in_place(1);
    image.y *= Config::TWIST_MUL_BY_Q_Y;
    image
}

/// The Miller loop's value of all pairs together; pairs with an identity in G1 count as 1.
///
/// Moving points must be in the prime-order subgroup and not the identity.
pub(crate) fn miller(moving: &[(G1Affine, G2Affine)], fixed: &[(G1Affine, &Lines)]) -> Fq12 {
    let moving: Vec<_> = moving
        .iter()
        .filter(|(p, _)| !p.is_zero())
        .copied()
        .collect();
    let fixed: Vec<_> = fixed
        .iter()
        .filter(|(p, _)| !p.is_zero())
        .copied()
        .collect();
    tally::pairs(moving.len() + fixed.len());
    if moving.len() < TOGETHER {
        let lines: Vec<Lines> = moving.iter().map(|(_, q)| Lines::of(q)).collect();
        let all = moving.iter().zip(&lines).map(|((p, _), lines)| (*p, lines));
        return walk(&[], &all.chain(fixed).collect::<Vec<_>>());
    }
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        // The value is a product, so the split does not show in it.
        let share = moving.len().div_ceil(rayon::current_num_threads());
        let parts = moving.par_chunks(share.max(TOGETHER));
        let (moved, still) = rayon::join(
            || parts.map(|part| walk(part, &[])).product::<Fq12>(),
            || walk(&[], &fixed),
        );
        moved * still
    }
    #[cfg(not(feature = "parallel"))]
    walk(&moving, &fixed)
}

fn walk(moving: &[(G1Affine, G2Affine)], fixed: &[(G1Affine, &Lines)]) -> Fq12 {
    let points: Vec<G1Affine> = fixed.iter().map(|(p, _)| *p).collect();
    let at = at(&points);
    let mut lines: Vec<_> = fixed.iter().map(|(_, lines)| lines.0.iter()).collect();
    let mut next = |f: &mut Fq12| {
        for (lines, at) in lines.iter_mut().zip(&at) {
            if let Some(line) = lines.next() {
                multiply(f, line, at);
            }
        }
    };
    let mut walkers = Walkers::new(moving);
    let (plus, minus) = (walkers.others(|q| *q), walkers.others(|q| -*q));
    let mut f = Fq12::ONE;
    for (i, digit) in Config::ATE_LOOP_COUNT.iter().rev().skip(1).enumerate() {
        if i > 0 {
            f.square_in_place();
        }
        walkers.double(&mut f);
        next(&mut f);
        if *digit != 0 {
            walkers.add(if *digit > 0 { &plus } else { &minus }, &mut f);
            next(&mut f);
        }
    }
    let once = walkers.others(frobenius);
    walkers.add(&once, &mut f);
    next(&mut f);
    let twice_neg = walkers.others(|q| -frobenius(&frobenius(q)));
    walkers.add(&twice_neg, &mut f);
    next(&mut f);
    f
}

/// The final exponentiation; `None` for 0, which no Miller loop gives.
pub(crate) fn finish(f: Fq12) -> Option<Fq12> {
    tally::exponentiation();
    Bn254::final_exponentiation(MillerLoopOutput(f)).map(|output| output.0)
}

/// Counts pairs and final exponentiations in tests, so that they can be pinned.
pub(crate) mod tally {
    #[cfg(test)]
    std::thread_local! {
        static COUNTS: core::cell::Cell<(usize, usize)> = const { core::cell::Cell::new((0, 0)) };
    }

    #[cfg(test)]
    pub(crate) fn take() -> (usize, usize) {
        COUNTS.take()
    }

    pub(super) fn pairs(_count: usize) {
        #[cfg(test)]
        COUNTS.set((COUNTS.get().0 + _count, COUNTS.get().1));
    }

    pub(super) fn exponentiation() {
        #[cfg(test)]
        COUNTS.set((COUNTS.get().0, COUNTS.get().1 + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_std::{UniformRand, test_rng};

    fn pairs(n: usize) -> Vec<(G1Affine, G2Affine)> {
        let mut rng = test_rng();
        (0..n)
            .map(|_| (G1Affine::rand(&mut rng), G2Affine::rand(&mut rng)))
            .collect()
    }

    #[test]
    fn agrees_with_arkworks() {
        for n in [0, 1, 2, TOGETHER - 1, TOGETHER, 21] {
            let pairs = pairs(n);
            let expected =
                Bn254::multi_pairing(pairs.iter().map(|p| p.0), pairs.iter().map(|p| p.1));
            assert_eq!(finish(miller(&pairs, &[])), Some(expected.0), "{n}");
            let lines: Vec<Lines> = pairs.iter().map(|p| Lines::of(&p.1)).collect();
            let fixed: Vec<_> = pairs.iter().zip(&lines).map(|(p, l)| (p.0, l)).collect();
            assert_eq!(finish(miller(&[], &fixed)), Some(expected.0), "{n}");
            let half = n / 2;
            assert_eq!(
                finish(miller(&pairs[..half], &fixed[half..])),
                Some(expected.0),
                "{n}"
            );
        }
    }

    #[test]
    fn identities_count_as_one() {
        let mut pairs = pairs(TOGETHER + 1);
        let expected = finish(miller(&pairs[1..], &[]));
        pairs[0].0 = G1Affine::identity();
        assert_eq!(finish(miller(&pairs, &[])), expected);
    }
}
