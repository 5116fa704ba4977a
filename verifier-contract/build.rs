//! Derives the constants of Poseidon over BN254's scalar field from nothing but their parameters,
//! as the designers' reference script does: a Grain LFSR seeded with field, S-box, width and rounds
//! yields the round constants and a Cauchy matrix. They are circomlib's. Written as Rust arrays in
//! Montgomery form; tests compare them with an independent copy.

use std::{env, fmt::Write, fs, io, path::Path};

/// Partial rounds for widths 2 to 13.
const PARTIAL: [usize; 12] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65];
const FULL: usize = 8;
const BITS: usize = 254;

/// The modulus, least limb first.
const P: Limbs = [
    0x43e1_f593_f000_0001,
    0x2833_e848_79b9_7091,
    0xb850_45b6_8181_585d,
    0x3064_4e72_e131_a029,
];
/// -1/P modulo 2^64.
const P_NEG_INVERSE: u64 = 0xc2e1_f593_efff_ffff;

type Limbs = [u64; 4];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut out = String::from("const TABLES: [Table; 12] = [\n");
    for (i, partial) in PARTIAL.into_iter().enumerate() {
        let width = i + 2;
        let (constants, matrix) = parameters(width, partial);
        let _ = writeln!(out, "Table {{ partial: {partial}, constants: &[");
        constants.iter().for_each(|c| element(&mut out, c));
        out.push_str("], matrix: &[");
        matrix.iter().for_each(|m| element(&mut out, m));
        out.push_str("] },\n");
    }
    out.push_str("];\n");
    let folder = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(Path::new(&folder).join("poseidon.rs"), out)
}

fn element(out: &mut String, number: &Limbs) {
    let m = to_montgomery(number);
    let _ = writeln!(
        out,
        "Fr::new_unchecked(BigInt([{},{},{},{}])),",
        m[0], m[1], m[2], m[3]
    );
}

/// Round constants, round by round, and the matrix, row by row, as plain numbers.
fn parameters(width: usize, partial: usize) -> (Vec<Limbs>, Vec<Limbs>) {
    let mut grain = Grain::new(width, partial);
    let constants = (0..(FULL + partial) * width)
        .map(|_| grain.element())
        .collect();
    // x_i + y_j has an inverse for all of them, or all are drawn again.
    loop {
        let drawn: Vec<Limbs> = (0..2 * width).map(|_| reduced(grain.number())).collect();
        let distinct = (0..drawn.len()).all(|i| !drawn[..i].contains(&drawn[i]));
        let (xs, ys) = drawn.split_at(width);
        let sums = xs.iter().flat_map(|x| ys.iter().map(move |y| sum(x, y)));
        let sums: Vec<Limbs> = sums.collect();
        if distinct && !sums.contains(&[0; 4]) {
            return (constants, sums.iter().map(inverse).collect());
        }
    }
}

/// The 80-bit register; bit 0 is the oldest.
struct Grain(u128);

impl Grain {
    fn new(width: usize, partial: usize) -> Self {
        // Prime field, S-box x^5, then the sizes, then ones; first bit oldest.
        let fields = [
            (1, 2),
            (0, 4),
            (BITS, 12),
            (width, 12),
            (FULL, 10),
            (partial, 10),
        ];
        let (mut state, mut at) = (0, 0);
        for (value, bits) in fields.into_iter().chain([((1 << 30) - 1, 30)]) {
            for bit in (0..bits).rev() {
                state |= ((value as u128 >> bit) & 1) << at;
                at += 1;
            }
        }
        let mut grain = Self(state);
        for _ in 0..160 {
            grain.step();
        }
        grain
    }

    fn step(&mut self) -> bool {
        let s = self.0;
        let new = (s >> 62 ^ s >> 51 ^ s >> 38 ^ s >> 23 ^ s >> 13 ^ s) & 1;
        self.0 = s >> 1 | new << 79;
        new == 1
    }

    /// Of each pair of bits the second counts, if the first is 1.
    fn bit(&mut self) -> bool {
        loop {
            let (counts, bit) = (self.step(), self.step());
            if counts {
                return bit;
            }
        }
    }

    /// 254 bits, highest first.
    fn number(&mut self) -> Limbs {
        let mut number = [0; 4];
        for at in (0..BITS).rev() {
            number[at / 64] |= u64::from(self.bit()) << (at % 64);
        }
        number
    }

    /// The next number that is below the modulus.
    fn element(&mut self) -> Limbs {
        loop {
            let number = self.number();
            if reduced(number) == number {
                return number;
            }
        }
    }
}

/// `n mod P` for n < 2 P.
fn reduced(n: Limbs) -> Limbs {
    let mut out = [0; 4];
    let mut borrow = false;
    for i in 0..4 {
        let (d, b1) = n[i].overflowing_sub(P[i]);
        let (d, b2) = d.overflowing_sub(u64::from(borrow));
        (out[i], borrow) = (d, b1 | b2);
    }
    if borrow { n } else { out }
}

fn sum(a: &Limbs, b: &Limbs) -> Limbs {
    let mut out = [0; 4];
    let mut carry = 0u128;
    for i in 0..4 {
        let wide = u128::from(a[i]) + u128::from(b[i]) + carry;
        out[i] = wide as u64;
        carry = wide >> 64;
    }
    reduced(out) // both below 2^254: no carry out
}

/// `a b / 2^256 mod P`.
fn montgomery(a: &Limbs, b: &Limbs) -> Limbs {
    let mut t = [0u64; 5];
    for &bi in b {
        t = folded(&t, a, bi);
        let m = t[0].wrapping_mul(P_NEG_INVERSE);
        t = folded(&t, &P, m);
        t = [t[1], t[2], t[3], t[4], 0];
    }
    reduced([t[0], t[1], t[2], t[3]])
}

/// `t + a b`, which fits five limbs.
fn folded(t: &[u64; 5], a: &Limbs, b: u64) -> [u64; 5] {
    let mut out = *t;
    let mut carry = 0u128;
    for i in 0..4 {
        let wide = u128::from(a[i]) * u128::from(b) + u128::from(t[i]) + carry;
        out[i] = wide as u64;
        carry = wide >> 64;
    }
    out[4] += carry as u64;
    out
}

/// `n 2^256 mod P`, by doubling.
fn to_montgomery(n: &Limbs) -> Limbs {
    (0..256).fold(*n, |n, _| sum(&n, &n))
}

/// `1 / n mod P` as `n^(P-2)`.
fn inverse(n: &Limbs) -> Limbs {
    let base = to_montgomery(n);
    let mut exponent = P;
    exponent[0] -= 2;
    let mut power = to_montgomery(&[1, 0, 0, 0]);
    for at in (0..BITS).rev() {
        power = montgomery(&power, &power);
        if exponent[at / 64] >> (at % 64) & 1 == 1 {
            power = montgomery(&power, &base);
        }
    }
    montgomery(&power, &[1, 0, 0, 0])
}
