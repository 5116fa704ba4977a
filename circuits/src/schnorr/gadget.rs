//! Verifying a credential's signature in the circuit. Native twin: [`Signature::verify`].
//!
//! `R' = s B8 - c A` is one chain of additions on the Montgomery form, whose incomplete addition costs
//! three constraints, started at a fixed point that makes up for the recodings below.
//!
//! * **s** occurs nowhere else, so it enters as digits, never as a number: 83 digits in
//!   {±1, ±3, ±5, ±7} and one in {±1, ±3}. `|digit|` selects one of four fixed points (two bits and their
//!   product); its `v` coordinate is any square root of the selected point's `v^2`, so a digit's sign
//!   costs nothing: 7 constraints a digit, 3 bits each.
//! * **c** is tied to the hash, so its bits are needed. For a key fixed in the circuit, two bits select
//!   ±1 or ±3 times a fixed point (4 constraints). For a witness key, the chain doubles and adds
//!   `±A` by a signed recoding: 6 constraints a bit.
//!
//! **No addition meets a zero denominator** except with negligible probability: every partial sum
//! after the start has a coefficient of `A` that is odd over two, or at least 1 and at most
//! 2^128 in absolute value, hence never zero, so a collision with a table point is a linear equation that
//! gives the issuer's secret. An issuer could find one, but an issuer can sign anything anyway.

use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_ec::CurveGroup;
use ark_ed_on_bn254::{EdwardsProjective, Fr as Scalar};
use ark_ff::{BigInteger, Field, One, PrimeField};

use super::{CHALLENGE_BITS, MESSAGE, ORDER_TOP, Signature, TOP_AT};
use crate::{
    bits,
    jubjub::{EDWARDS_A, EDWARDS_D, MONTGOMERY_A, Point, base, half, montgomery, odd_multiples},
    poseidon,
    system::{Bit, Num, System},
};
use eligo_verifier_contract::hash::Domain;

/// Three-bit digits of `s`.
const THREES: usize = 83;
/// Bits of `s`: a two-bit digit follows the three-bit ones.
const RESPONSE_BITS: usize = 3 * THREES + 2;
/// Bits of a Poseidon hash.
const HASH_BITS: usize = 254;

/// The issuer's key in the circuit.
pub enum Key {
    /// Fixed: the requirement names this one hospital.
    Fixed(Point),
    /// A witness, in circomlib's Edwards coordinates, on the curve.
    Witness(Box<WitnessKey>),
}

/// A key that is a witness.
pub struct WitnessKey {
    x: Num,
    y: Num,
    montgomery: Montgomery,
}

#[derive(Clone)]
struct Montgomery {
    u: Num,
    v: Num,
}

impl WitnessKey {
    /// A witness key, on the curve: five constraints. It must be shown elsewhere to be one of the
    /// accepted keys, which are all in the prime-order subgroup.
    pub fn alloc(system: &mut System, key: Option<Point>) -> Self {
        let coordinates = key.map(|k| k.coordinates());
        let x = system.alloc(coordinates.map(|c| c.0));
        let y = system.alloc(coordinates.map(|c| c.1));
        // a x^2 + y^2 = 1 + d x^2 y^2
        let x2 = system.mul(&x, &x);
        let y2 = system.mul(&y, &y);
        let right = x2.times(EDWARDS_A).plus(&y2).offset(-Fr::one());
        system.enforce(&x2.times(EDWARDS_D), &y2, &right);
        // u = (1 + y) / (1 - y), v = u / x; y = 1 and x = 0 are points of low order, never accepted.
        let one = Num::fixed(1u64);
        let u = system.div(&one.plus(&y), &one.minus(&y));
        let v = system.div(&u, &x);
        Self {
            x,
            y,
            montgomery: Montgomery { u, v },
        }
    }
}

impl Key {
    /// circomlib's coordinates.
    pub fn coordinates(&self) -> (Num, Num) {
        match self {
            Self::Fixed(point) => {
                let (x, y) = point.coordinates();
                (Num::fixed(x), Num::fixed(y))
            }
            Self::Witness(key) => (key.x.clone(), key.y.clone()),
        }
    }
}

/// Enforces that the key signed the message.
pub fn verify(
    system: &mut System,
    key: &Key,
    message: &[Num; MESSAGE],
    signature: Option<&Signature>,
) {
    // The challenge's bits come first, as witnesses; the hash must equal them in the end.
    let challenge = signature.map(|s| Fr::from(s.challenge()));
    let low = bits::alloc(system, challenge, CHALLENGE_BITS);

    // R' = s B8 - c A
    let start = match key {
        Key::Fixed(point) => add_fixed(system, *point, &low),
        Key::Witness(witness) => add_witness(system, &witness.montgomery, &low),
    };
    let commitment = add_response(system, start, signature);
    let commitment_x = system.div(&commitment.u, &commitment.v);

    // hash = P(6, R'.x, A.x, A.y, message)
    let (x, y) = key.coordinates();
    let mut inputs = vec![Num::fixed(Domain::Signature.element()), commitment_x, x, y];
    inputs.extend(message.iter().cloned());
    let hash = poseidon::hash(system, &inputs);

    // hash = c + 2^128 high, below the order by its top 16 bits
    let value = hash.value().map(PrimeField::into_bigint);
    let mut all = low;
    for i in CHALLENGE_BITS..HASH_BITS {
        all.push(system.alloc_bit(value.map(|v| v.get_bit(i))));
    }
    system.enforce_equal(&Num::from_bits(&all), &hash);
    bits::at_most(system, &all[TOP_AT..], ORDER_TOP - 1, None);
}

/// `start - c A` for a fixed `A`: 64 signed two-bit digits, `c = (sum d_i 4^i + 2^128 - 1) / 2`.
fn add_fixed(system: &mut System, key: Point, challenge: &[Bit]) -> Montgomery {
    let minus_half = EdwardsProjective::from(key.affine()) * -half();
    let tables = odd_multiples(minus_half, CHALLENGE_BITS / 2, 2, 2);
    let recoding = minus_half * (Scalar::from(2u64).pow([CHALLENGE_BITS as u64]) - Scalar::one());
    let mut sum = fixed_point(recoding + response_recoding());
    let two_inverse = Fr::from(2u64).inverse().unwrap_or_default();
    for (table, pair) in tables.iter().zip(challenge.chunks(2)) {
        let ([(u1, v1), (u3, v3)], [b0, b1]) = (table.as_slice(), pair) else {
            unreachable!("two points and two bits a window");
        };
        // g = (2 b1 - 1)(2 b0 - 1): 1 selects ±3, -1 selects ±1.
        let product = system.mul(b1.num(), b0.num());
        let signed = |bit: &Bit| bit.num().times(2u64).offset(-Fr::one());
        let g = Num::combine([
            (Fr::from(4u64), &product),
            (-Fr::from(2u64), b1.num()),
            (-Fr::from(2u64), b0.num()),
            (Fr::one(), &Num::fixed(1u64)),
        ]);
        let u = g
            .times((*u3 - u1) * two_inverse)
            .offset((*u3 + u1) * two_inverse);
        let v = Num::combine([
            ((*v3 + v1) * two_inverse, &signed(b1)),
            ((*v3 - v1) * two_inverse, &signed(b0)),
        ]);
        sum = add(system, &sum, &Montgomery { u, v });
    }
    sum
}

/// `start - c A` for a witness `A`: with `P = -A`,
/// `c = 2^127 + sum_{i=1}^{127} (2 b_i - 1) 2^(i-1) - (1 - b_0)`.
fn add_witness(system: &mut System, key: &Montgomery, challenge: &[Bit]) -> Montgomery {
    let minus = Montgomery {
        u: key.u.clone(),
        v: key.v.times(-Fr::one()),
    };
    // The start is doubled 127 times on the way.
    let down = Scalar::from(2u64)
        .pow([CHALLENGE_BITS as u64 - 1])
        .inverse()
        .unwrap_or_default();
    let start = fixed_point(response_recoding() * down);
    let mut sum = add(system, &start, &minus);
    for bit in challenge.iter().skip(1).rev() {
        let sign = bit.num().times(2u64).offset(-Fr::one());
        let v = system.mul(&sign, &minus.v);
        sum = double_and_add(
            system,
            &sum,
            &Montgomery {
                u: minus.u.clone(),
                v,
            },
        );
    }
    let less = add(system, &sum, key);
    let Some(lowest) = challenge.first() else {
        return sum;
    };
    Montgomery {
        u: system.select(lowest, &sum.u, &less.u),
        v: system.select(lowest, &sum.v, &less.v),
    }
}

/// What the signed digits of `s` leave over: `(2^251 - 1) / 2 * B8`.
fn response_recoding() -> EdwardsProjective {
    let excess = Scalar::from(2u64).pow([RESPONSE_BITS as u64]) - Scalar::one();
    EdwardsProjective::from(base()) * (excess * half())
}

/// Adds `s B8` less its recoding.
fn add_response(
    system: &mut System,
    mut sum: Montgomery,
    signature: Option<&Signature>,
) -> Montgomery {
    static TABLES: OnceLock<Vec<Vec<(Fr, Fr)>>> = OnceLock::new();
    let tables = TABLES.get_or_init(|| {
        let half_base = EdwardsProjective::from(base()) * half();
        let mut tables = odd_multiples(half_base, THREES, 3, 4);
        let top = half_base * Scalar::from(2u64).pow([3 * THREES as u64]);
        tables.extend(odd_multiples(top, 1, 2, 2));
        tables
    });
    let s = signature.map(|s| s.response.into_bigint());
    for (i, table) in tables.iter().enumerate() {
        let digit = s.map(|s| {
            let width = if i < THREES { 3 } else { 2 };
            let bits = (0..width).map(|j| u8::from(s.get_bit(3 * i + j)) << j);
            2 * bits.sum::<u8>() as i8 - (1 << width) + 1
        });
        let window = window(system, table, digit);
        sum = add(system, &sum, &window);
    }
    sum
}

/// One of `±table[..]`, by a signed odd digit.
fn window(system: &mut System, table: &[(Fr, Fr)], digit: Option<i8>) -> Montgomery {
    let index = digit.map(|d| usize::from(d.unsigned_abs()) / 2);
    let low = system.alloc_bit(index.map(|k| k & 1 == 1));
    let high = match table.len() {
        4 => {
            let high = system.alloc_bit(index.map(|k| k >> 1 == 1));
            let both = system.mul(low.num(), high.num());
            Some((high, both))
        }
        _ => None,
    };
    let coordinates = |f: fn(&(Fr, Fr)) -> Fr| {
        let values: Vec<Fr> = table.iter().map(f).collect();
        select(&values, &low, high.as_ref())
    };
    let u = coordinates(|p| p.0);
    let v_squared = coordinates(|p| p.1.square());
    let v = digit.zip(index).and_then(|(d, k)| {
        let (_, v) = table.get(k)?;
        Some(if d < 0 { -*v } else { *v })
    });
    let v = system.alloc(v);
    system.enforce(&v, &v, &v_squared);
    Montgomery { u, v }
}

/// The value at position `low + 2 high`, linear in the bits and their product.
fn select(values: &[Fr], low: &Bit, high: Option<&(Bit, Num)>) -> Num {
    match (values, high) {
        ([f0, f1, f2, f3], Some((high, both))) => Num::combine([
            (*f1 - f0, low.num()),
            (*f2 - f0, high.num()),
            (*f3 - f2 - f1 + f0, both),
            (*f0, &Num::fixed(1u64)),
        ]),
        ([f0, f1], None) => low.num().times(*f1 - f0).offset(*f0),
        _ => unreachable!("tables have two or four points"),
    }
}

fn fixed_point(point: EdwardsProjective) -> Montgomery {
    let (u, v) = montgomery(point.into_affine());
    Montgomery {
        u: Num::fixed(u),
        v: Num::fixed(v),
    }
}

/// `p + q`, incomplete: three constraints.
fn add(system: &mut System, p: &Montgomery, q: &Montgomery) -> Montgomery {
    let slope = system.div(&q.v.minus(&p.v), &q.u.minus(&p.u));
    let u = third(system, &slope, &p.u, &q.u);
    let v = reflect(system, &slope, p, &u);
    Montgomery { u, v }
}

/// `(p + q) + p`, incomplete: five constraints, since the `v` of `p + q` is never needed.
fn double_and_add(system: &mut System, p: &Montgomery, q: &Montgomery) -> Montgomery {
    let slope = system.div(&q.v.minus(&p.v), &q.u.minus(&p.u));
    let sum_u = third(system, &slope, &p.u, &q.u);
    // The second slope is 2 p.v / (p.u - sum_u) less the first.
    let both = system.div(&p.v.times(2u64), &p.u.minus(&sum_u));
    let slope = both.minus(&slope);
    let u = third(system, &slope, &p.u, &sum_u);
    let v = reflect(system, &slope, p, &u);
    Montgomery { u, v }
}

/// `slope^2 - A - u1 - u2`.
fn third(system: &mut System, slope: &Num, u1: &Num, u2: &Num) -> Num {
    let rest = u1.plus(u2).offset(MONTGOMERY_A);
    let value = slope.value().map(|s| s.square());
    let u = system.alloc(value.zip(rest.value()).map(|(s, r)| s - r));
    system.enforce(slope, slope, &u.plus(&rest));
    u
}

/// `slope (p.u - u) - p.v`.
fn reflect(system: &mut System, slope: &Num, p: &Montgomery, u: &Num) -> Num {
    let run = p.u.minus(u);
    let value = slope.value().zip(run.value()).zip(p.v.value());
    let v = system.alloc(value.map(|((s, r), v)| s * r - v));
    system.enforce(slope, &run, &v.plus(&p.v));
    v
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{schnorr::SecretKey, system::Mode};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn build(mode: Mode, fixed: bool, key: Point, signature: Option<&Signature>) -> System {
        let values = [10u64, 20, 30, 40, 50].map(|v| Some(Fr::from(v)));
        let (mut system, inputs) = System::new(mode, &values);
        let message: [Num; MESSAGE] = inputs.try_into().unwrap();
        let key = if fixed {
            Key::Fixed(key)
        } else {
            Key::Witness(Box::new(WitnessKey::alloc(&mut system, Some(key))))
        };
        verify(&mut system, &key, &message, signature);
        system
    }

    fn satisfied(system: System) -> bool {
        let z = system.assignment().to_vec();
        system.r1cs().violated(&z).is_none()
    }

    #[test]
    fn accepts_what_the_native_verifier_accepts_and_nothing_else() {
        let mut rng = ChaCha20Rng::seed_from_u64(11);
        for fixed in [true, false] {
            let key = SecretKey::generate(&mut rng);
            let message = [10u64, 20, 30, 40, 50].map(Fr::from);
            let good = key.sign(&message, &mut rng);
            let system = build(Mode::Check, fixed, key.public(), Some(&good));
            println!("{fixed} {:?}", system.constraints());
            assert!(satisfied(system));
            let elsewhere = key.sign(&[Fr::one(); MESSAGE], &mut rng);
            assert!(!satisfied(build(
                Mode::Check,
                fixed,
                key.public(),
                Some(&elsewhere)
            )));
            let other = SecretKey::generate(&mut rng).public();
            assert!(!satisfied(build(Mode::Check, fixed, other, Some(&good))));
            let wrong = Signature::new(good.challenge() ^ 1, &good.response()).unwrap();
            assert!(!satisfied(build(
                Mode::Check,
                fixed,
                key.public(),
                Some(&wrong)
            )));
        }
    }

    #[test]
    fn every_mode_allocates_the_same_columns() {
        let mut rng = ChaCha20Rng::seed_from_u64(12);
        let key = SecretKey::generate(&mut rng);
        let message = [10u64, 20, 30, 40, 50].map(Fr::from);
        let signature = key.sign(&message, &mut rng);
        for fixed in [true, false] {
            let shape = build(Mode::Shape, fixed, key.public(), None).r1cs();
            let check = build(Mode::Check, fixed, key.public(), Some(&signature));
            let witness = build(Mode::Witness, fixed, key.public(), Some(&signature));
            assert_eq!(check.assignment(), witness.assignment());
            assert_eq!(check.r1cs(), shape);
        }
    }
}
