//! Bits, and comparisons of bits with constants.
//!
//! A comparison with a constant costs one constraint for each run of equal bits of the constant, not
//! one for each bit. For `v <= c`: `v` exceeds `c` exactly if at some position `c` has 0 and `v` has 1
//! while every higher position agrees. So for each maximal run of zeros in `c`, let `ones` be the
//! number of 1-bits of `v` in that run and `missed` the number of 0-bits of `v` where `c` has a 1
//! above the run; the witness `w` with `w * missed = ones` exists unless `missed = 0` and `ones > 0`.
//! Both are small counts, so nothing wraps. `v >= c` is the mirror image.
//!
//! Every comparison takes an optional guard `g`: it is enforced when `g = 1` and vacuous when `g = 0`
//! (`missed + 1 - g` in place of `missed`).

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};

use crate::system::{Bit, Num, System, ratio};

/// New bits with these values, lowest first: `n` constraints.
pub fn alloc(system: &mut System, value: Option<Fr>, n: usize) -> Vec<Bit> {
    let value = value.map(PrimeField::into_bigint);
    (0..n)
        .map(|i| system.alloc_bit(value.map(|v| v.get_bit(i))))
        .collect()
}

/// The `n` bits of a number, which so is below `2^n`: `n + 1` constraints. Unique for `n <= 253`.
pub fn decompose(system: &mut System, num: &Num, n: usize) -> Vec<Bit> {
    let bits = alloc(system, num.value(), n);
    system.enforce_equal(&Num::from_bits(&bits), num);
    bits
}

/// Enforces `bits <= bound` where the guard holds.
pub fn at_most(system: &mut System, bits: &[Bit], bound: u64, guard: Option<&Bit>) {
    compare(system, bits, bound, guard);
}

/// Enforces `bits >= bound` where the guard holds.
pub fn at_least(system: &mut System, bits: &[Bit], bound: u64, guard: Option<&Bit>) {
    debug_assert!(bits.len() >= 64 || bound >> bits.len() == 0);
    let bits: Vec<Bit> = bits.iter().map(Bit::not).collect();
    let mask = if bits.len() >= 64 {
        u64::MAX
    } else {
        (1 << bits.len()) - 1
    };
    // Complementing both sides turns >= into <=.
    compare(system, &bits, !bound & mask, guard);
}

fn compare(system: &mut System, bits: &[Bit], bound: u64, guard: Option<&Bit>) {
    let one = Num::fixed(1u64);
    let mut missed = guard.map_or_else(|| Num::fixed(0u64), |g| one.minus(g.num()));
    let mut position = bits.len();
    let is_one = |i: usize| i < 64 && bound >> i & 1 == 1;
    while position > 0 {
        // A run of ones: positions where v may fall below.
        while position > 0 && is_one(position - 1) {
            position -= 1;
            missed = missed.plus(&one).minus(bits[position].num());
        }
        // A run of zeros: positions where v may exceed.
        let mut ones = Num::fixed(0u64);
        while position > 0 && !is_one(position - 1) {
            position -= 1;
            ones = ones.plus(bits[position].num());
        }
        if ones.constant().is_some() {
            continue;
        }
        if missed.constant().is_some() {
            // Nothing above to fall below: every bit of the run is 0.
            system.enforce(&ones, &one, &Num::fixed(0u64));
            continue;
        }
        let w = system.alloc_slack(missed.value().zip(ones.value()).map(|(m, o)| ratio(o, m)));
        system.enforce(&w, &missed, &ones);
    }
}

/// Bits needed for the numbers `0..=largest`.
pub const fn width(largest: u64) -> usize {
    (64 - largest.leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::Mode;

    /// Whether `compare` can be met. Its quotient is determined where the divisor is not zero and
    /// irrelevant where it is, so the honest quotient decides.
    fn met(
        value: u64,
        n: usize,
        bound: u64,
        guard: Option<bool>,
        compare: fn(&mut System, &[Bit], u64, Option<&Bit>),
    ) -> bool {
        let (mut system, _) = System::new(Mode::Check, &[]);
        let bits = alloc(&mut system, Some(Fr::from(value)), n);
        let guard = guard.map(|g| system.alloc_bit(Some(g)));
        compare(&mut system, &bits, bound, guard.as_ref());
        let z = system.assignment().to_vec();
        system.r1cs().violated(&z).is_none()
    }

    #[test]
    fn comparisons_hold_exactly_when_they_should() {
        for n in 1..=6 {
            for bound in 0..1u64 << n {
                for value in 0..1u64 << n {
                    for guard in [None, Some(true), Some(false)] {
                        let vacuous = guard == Some(false);
                        assert_eq!(
                            met(value, n, bound, guard, at_most),
                            vacuous || value <= bound,
                            "{value} <= {bound} of {n} bits, {guard:?}"
                        );
                        assert_eq!(
                            met(value, n, bound, guard, at_least),
                            vacuous || value >= bound,
                            "{value} >= {bound} of {n} bits, {guard:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn wide_comparisons_hold_at_their_edges() {
        for n in [37usize, 60, 63] {
            let top = (1u64 << n) - 1;
            for bound in [0, 1, top / 3, top / 2, top - 1, top] {
                for value in [bound.saturating_sub(1), bound, (bound + 1).min(top), 0, top] {
                    assert_eq!(met(value, n, bound, None, at_most), value <= bound);
                    assert_eq!(met(value, n, bound, None, at_least), value >= bound);
                }
            }
        }
    }

    #[test]
    fn a_decomposition_bounds_its_number() {
        for (value, fits) in [(0u64, true), (255, true), (256, false), (1 << 40, false)] {
            let (mut system, _) = System::new(Mode::Check, &[]);
            let num = system.alloc(Some(Fr::from(value)));
            decompose(&mut system, &num, 8);
            let z = system.assignment().to_vec();
            assert_eq!(system.r1cs().violated(&z).is_none(), fits);
        }
        assert_eq!([0, 1, 2, 255, 256].map(width), [0, 1, 2, 8, 9]);
    }
}
