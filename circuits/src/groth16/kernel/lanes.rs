//! Arithmetic modulo a 254-bit prime on eight values at once, with AVX-512 IFMA.
//!
//! A value is five limbs of 52 bits, limb by limb in the lanes of five registers, in Montgomery form with
//! R = 2^260. Values need not be below the modulus p: p / R < 0.012, so a product of operands below a p and
//! b p is below (1 + 0.012 a b) p, and sums of a few products need no reduction in between.
//!
//! In memory a value is four words of 64 bits (still times 2^260), below 2^256.

// Limbs of several operands and constants are walked together.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::{
    __m512i, __mmask8, _mm256_extract_epi64, _mm512_add_epi64, _mm512_and_si512,
    _mm512_castsi512_si256, _mm512_cmpeq_epi64_mask, _mm512_extracti64x4_epi64,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64,
    _mm512_or_si512, _mm512_permutex2var_epi64, _mm512_permutexvar_epi64, _mm512_set_epi64,
    _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_srai_epi64,
    _mm512_srli_epi64, _mm512_sub_epi64, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

use ark_ff::{MontConfig, PrimeField};

const MASK: u64 = (1 << 52) - 1;

/// A prime modulus of 254 bits.
pub(crate) trait Modulus {
    /// The prime, in words of 64 bits.
    const WORDS: [u64; 4];
    /// The prime, in limbs of 52 bits.
    const LIMBS: [u64; 5] = limbs(Self::WORDS);
    /// Twice the prime.
    const TWO: [u64; 5] = multiple(Self::LIMBS, 2);
    /// -1/p modulo 2^52.
    const INVERSE: u64;
    /// For each value of the top three bits of a 256-bit integer, the largest multiple of p not above the
    /// least integer with those bits; limb by limb.
    const MULTIPLES: [[u64; 8]; 5] = multiples(Self::LIMBS);
}

/// The modulus of BN254's coordinates.
pub(crate) struct Base;

impl Modulus for Base {
    const WORDS: [u64; 4] = ark_bn254::Fq::MODULUS.0;
    const INVERSE: u64 = <ark_bn254::FqConfig as MontConfig<4>>::INV & MASK;
}

/// The modulus of BN254's scalars.
pub(crate) struct Scalar;

impl Modulus for Scalar {
    const WORDS: [u64; 4] = ark_bn254::Fr::MODULUS.0;
    const INVERSE: u64 = <ark_bn254::FrConfig as MontConfig<4>>::INV & MASK;
}

const fn limbs(w: [u64; 4]) -> [u64; 5] {
    [
        w[0] & MASK,
        (w[0] >> 52 | w[1] << 12) & MASK,
        (w[1] >> 40 | w[2] << 24) & MASK,
        (w[2] >> 28 | w[3] << 36) & MASK,
        w[3] >> 16,
    ]
}

const fn multiple(limbs: [u64; 5], factor: u64) -> [u64; 5] {
    let mut result = [0; 5];
    let mut carry = 0;
    let mut i = 0;
    while i < 5 {
        let sum = limbs[i] * factor + carry;
        result[i] = sum & MASK;
        carry = sum >> 52;
        i += 1;
    }
    result[4] += carry << 52; // the top limb has room
    result
}

const fn multiples(limbs: [u64; 5]) -> [[u64; 8]; 5] {
    // p lies between 1.5 and 1.6 times 2^253.
    const QUOTIENTS: [u64; 8] = [0, 0, 1, 1, 2, 3, 3, 4];
    let mut table = [[0; 8]; 5];
    let mut i = 0;
    while i < 8 {
        let product = multiple(limbs, QUOTIENTS[i]);
        let mut j = 0;
        while j < 5 {
            table[j][i] = product[j];
            j += 1;
        }
        i += 1;
    }
    table
}

/// Eight values, limbs below 2^52 but for the top one.
#[derive(Clone, Copy)]
pub(crate) struct Lanes([__m512i; 5]);

/// Eight sums, limbs not yet carried (possibly negative).
#[derive(Clone, Copy)]
pub(crate) struct Loose([__m512i; 5]);

/// Wraps functions in the target features they all need.
macro_rules! with_ifma {
    ($($(#[$attribute:meta])* $vis:vis fn $name:ident $([$($generic:tt)*])? ($($arguments:tt)*) $(-> $result:ty)? $body:block)*) => {
        $($(#[$attribute])*
        #[inline]
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512ifma")]
        $vis fn $name $(<$($generic)*>)? ($($arguments)*) $(-> $result)? $body)*
    };
}
pub(crate) use with_ifma;

with_ifma! {
    fn splat(word: u64) -> __m512i {
        _mm512_set1_epi64(word as i64)
    }

    fn splat_limbs(limbs: &[u64; 5]) -> [__m512i; 5] {
        let mut all = [_mm512_setzero_si512(); 5];
        for j in 0..5 {
            all[j] = splat(limbs[j]);
        }
        all
    }

    /// The same value in all lanes, given by its words.
    pub(crate) fn broadcast(words: [u64; 4]) -> Lanes {
        Lanes(splat_limbs(&limbs(words)))
    }

    /// `a b / R`.
    pub(crate) fn mul[M: Modulus](a: &Lanes, b: &Lanes) -> Lanes {
        carry(&mul_loose::<M>(a, b))
    }

    /// `a b / R`, not carried.
    pub(crate) fn mul_loose[M: Modulus](a: &Lanes, b: &Lanes) -> Loose {
        let mut t = [_mm512_setzero_si512(); 6];
        for i in 0..5 {
            accumulate(&mut t, a, b.0[i]);
            reduce_limb::<M>(&mut t);
        }
        Loose([t[0], t[1], t[2], t[3], t[4]])
    }

    /// `(a b + c d) / R`.
    pub(crate) fn mul_add[M: Modulus](a: &Lanes, b: &Lanes, c: &Lanes, d: &Lanes) -> Lanes {
        carry(&mul_add_loose::<M>(a, b, c, d))
    }

    /// `(a b + c d) / R`, not carried.
    pub(crate) fn mul_add_loose[M: Modulus](a: &Lanes, b: &Lanes, c: &Lanes, d: &Lanes) -> Loose {
        let mut t = [_mm512_setzero_si512(); 6];
        for i in 0..5 {
            accumulate(&mut t, a, b.0[i]);
            accumulate(&mut t, c, d.0[i]);
            reduce_limb::<M>(&mut t);
        }
        Loose([t[0], t[1], t[2], t[3], t[4]])
    }

    /// `t += a b`.
    fn accumulate(t: &mut [__m512i; 6], a: &Lanes, b: __m512i) {
        for j in 0..5 {
            t[j] = _mm512_madd52lo_epu64(t[j], a.0[j], b);
        }
        for j in 0..5 {
            t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], a.0[j], b);
        }
    }

    /// `t = (t + m p) / 2^52` for the m that makes the division exact.
    fn reduce_limb[M: Modulus](t: &mut [__m512i; 6]) {
        let zero = _mm512_setzero_si512();
        let m = _mm512_madd52lo_epu64(zero, t[0], splat(M::INVERSE));
        for j in 0..5 {
            t[j] = _mm512_madd52lo_epu64(t[j], m, splat(M::LIMBS[j]));
        }
        for j in 0..5 {
            t[j + 1] = _mm512_madd52hi_epu64(t[j + 1], m, splat(M::LIMBS[j]));
        }
        let carry = _mm512_srli_epi64::<52>(t[0]);
        *t = [_mm512_add_epi64(t[1], carry), t[2], t[3], t[4], t[5], zero];
    }

    /// Limbs below 2^52; the sum must not be negative.
    pub(crate) fn carry(a: &Loose) -> Lanes {
        let mask = splat(MASK);
        let mut limbs = a.0;
        for j in 0..4 {
            limbs[j + 1] = _mm512_add_epi64(limbs[j + 1], _mm512_srai_epi64::<52>(limbs[j]));
            limbs[j] = _mm512_and_si512(limbs[j], mask);
        }
        Lanes(limbs)
    }

    /// `a - b + 2p`, for b below 2p.
    pub(crate) fn sub_loose[M: Modulus](a: &Loose, b: &Lanes) -> Loose {
        let mut limbs = a.0;
        for j in 0..5 {
            let raised = _mm512_add_epi64(limbs[j], splat(M::TWO[j]));
            limbs[j] = _mm512_sub_epi64(raised, b.0[j]);
        }
        Loose(limbs)
    }

    /// `a - b + 2p`, for b below 2p.
    pub(crate) fn sub[M: Modulus](a: &Lanes, b: &Lanes) -> Lanes {
        carry(&sub_loose::<M>(&Loose(a.0), b))
    }

    /// `a + b`, not carried.
    pub(crate) fn add_loose(a: &Lanes, b: &Lanes) -> Loose {
        let mut limbs = a.0;
        for j in 0..5 {
            limbs[j] = _mm512_add_epi64(limbs[j], b.0[j]);
        }
        Loose(limbs)
    }

    /// `a + b`.
    pub(crate) fn add(a: &Lanes, b: &Lanes) -> Lanes {
        carry(&add_loose(a, b))
    }

    /// `2p - a` in the lanes of the mask, a in the others; for a below 2p.
    pub(crate) fn negate_some[M: Modulus](mask: __mmask8, a: &Lanes) -> Lanes {
        let mut limbs = a.0;
        for j in 0..5 {
            limbs[j] = _mm512_mask_sub_epi64(limbs[j], mask, splat(M::TWO[j]), limbs[j]);
        }
        carry(&Loose(limbs))
    }

    /// The lanes whose value has its top 48 bits set, as no residue has.
    pub(crate) fn marked(a: &Lanes) -> __mmask8 {
        _mm512_cmpeq_epi64_mask(a.0[4], splat(u64::MAX >> 16))
    }

    /// Zero in all lanes.
    pub(crate) fn zero() -> Lanes {
        Lanes([_mm512_setzero_si512(); 5])
    }

    /// Eight times eight values with rows and columns exchanged: lane i of j becomes lane j of i.
    pub(crate) fn transpose(block: &mut [Lanes; 8]) {
        let low = register(&[0, 1, 8, 9, 4, 5, 12, 13]);
        let high = register(&[2, 3, 10, 11, 6, 7, 14, 15]);
        let first = register(&[0, 1, 2, 3, 8, 9, 10, 11]);
        let second = register(&[4, 5, 6, 7, 12, 13, 14, 15]);
        for limb in 0..5 {
            let mut rows = [_mm512_setzero_si512(); 8];
            for j in 0..8 {
                rows[j] = block[j].0[limb];
            }
            // Two by two, then four by four, then halves.
            let mut twos = rows;
            for j in 0..4 {
                twos[2 * j] = _mm512_unpacklo_epi64(rows[2 * j], rows[2 * j + 1]);
                twos[2 * j + 1] = _mm512_unpackhi_epi64(rows[2 * j], rows[2 * j + 1]);
            }
            let mut fours = twos;
            for (j, k) in [(0, 0), (1, 1), (4, 4), (5, 5)] {
                fours[k] = _mm512_permutex2var_epi64(twos[j], low, twos[j + 2]);
                fours[k + 2] = _mm512_permutex2var_epi64(twos[j], high, twos[j + 2]);
            }
            for j in 0..4 {
                block[j].0[limb] = _mm512_permutex2var_epi64(fours[j], first, fours[j + 4]);
                block[j + 4].0[limb] = _mm512_permutex2var_epi64(fours[j], second, fours[j + 4]);
            }
        }
    }

    /// b in the lanes of the mask, a in the others.
    pub(crate) fn replace(mask: __mmask8, a: &Lanes, b: &Lanes) -> Lanes {
        let mut limbs = a.0;
        for j in 0..5 {
            limbs[j] = _mm512_mask_blend_epi64(mask, limbs[j], b.0[j]);
        }
        Lanes(limbs)
    }

    /// A value below 2^256 brought below 1.7 p.
    pub(crate) fn reduce[M: Modulus](a: &Loose) -> Lanes {
        let a = carry(a);
        let top = _mm512_srli_epi64::<45>(a.0[4]);
        let mut limbs = a.0;
        for j in 0..5 {
            let row = &M::MULTIPLES[j];
            let multiple = _mm512_permutexvar_epi64(top, register(row));
            limbs[j] = _mm512_sub_epi64(limbs[j], multiple);
        }
        carry(&Loose(limbs))
    }

    fn register(words: &[u64; 8]) -> __m512i {
        let w = words.map(|w| w as i64);
        _mm512_set_epi64(w[7], w[6], w[5], w[4], w[3], w[2], w[1], w[0])
    }

    fn two_rows(low: &[u64; 4], high: &[u64; 4]) -> __m512i {
        register(&[low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]])
    }

    /// Eight values from memory, one a lane.
    pub(crate) fn load(rows: [&[u64; 4]; 8]) -> Lanes {
        // Words 0..4 of rows i and i + 4.
        let z0 = two_rows(rows[0], rows[4]);
        let z1 = two_rows(rows[1], rows[5]);
        let z2 = two_rows(rows[2], rows[6]);
        let z3 = two_rows(rows[3], rows[7]);
        let (even01, odd01) = (_mm512_unpacklo_epi64(z0, z1), _mm512_unpackhi_epi64(z0, z1));
        let (even23, odd23) = (_mm512_unpacklo_epi64(z2, z3), _mm512_unpackhi_epi64(z2, z3));
        let first = register(&[0, 1, 8, 9, 4, 5, 12, 13]);
        let second = register(&[2, 3, 10, 11, 6, 7, 14, 15]);
        unpack([
            _mm512_permutex2var_epi64(even01, first, even23),
            _mm512_permutex2var_epi64(odd01, first, odd23),
            _mm512_permutex2var_epi64(even01, second, even23),
            _mm512_permutex2var_epi64(odd01, second, odd23),
        ])
    }

    /// Eight consecutive values of memory words already arranged by lanes.
    fn unpack(w: [__m512i; 4]) -> Lanes {
        let mask = splat(MASK);
        Lanes([
            _mm512_and_si512(w[0], mask),
            _mm512_and_si512(
                _mm512_or_si512(_mm512_srli_epi64::<52>(w[0]), _mm512_slli_epi64::<12>(w[1])),
                mask,
            ),
            _mm512_and_si512(
                _mm512_or_si512(_mm512_srli_epi64::<40>(w[1]), _mm512_slli_epi64::<24>(w[2])),
                mask,
            ),
            _mm512_and_si512(
                _mm512_or_si512(_mm512_srli_epi64::<28>(w[2]), _mm512_slli_epi64::<36>(w[3])),
                mask,
            ),
            _mm512_srli_epi64::<16>(w[3]),
        ])
    }

    /// Eight values below 2^256 to memory, one a lane.
    pub(crate) fn store(a: &Lanes) -> [[u64; 4]; 8] {
        let l = &a.0;
        let w0 = _mm512_or_si512(l[0], _mm512_slli_epi64::<52>(l[1]));
        let w1 = _mm512_or_si512(_mm512_srli_epi64::<12>(l[1]), _mm512_slli_epi64::<40>(l[2]));
        let w2 = _mm512_or_si512(_mm512_srli_epi64::<24>(l[2]), _mm512_slli_epi64::<28>(l[3]));
        let w3 = _mm512_or_si512(_mm512_srli_epi64::<36>(l[3]), _mm512_slli_epi64::<16>(l[4]));
        let (low01, high01) = (_mm512_unpacklo_epi64(w0, w1), _mm512_unpackhi_epi64(w0, w1));
        let (low23, high23) = (_mm512_unpacklo_epi64(w2, w3), _mm512_unpackhi_epi64(w2, w3));
        // low01 holds words 0 and 1 of rows 0, 2, 4, 6; high01 those of rows 1, 3, 5, 7.
        let first = register(&[0, 1, 8, 9, 4, 5, 12, 13]);
        let second = register(&[2, 3, 10, 11, 6, 7, 14, 15]);
        let mut rows = [[0; 4]; 8];
        let pairs = [
            (_mm512_permutex2var_epi64(low01, first, low23), 0),
            (_mm512_permutex2var_epi64(high01, first, high23), 1),
            (_mm512_permutex2var_epi64(low01, second, low23), 2),
            (_mm512_permutex2var_epi64(high01, second, high23), 3),
        ];
        for (pair, row) in pairs {
            let low = _mm512_castsi512_si256(pair);
            let high = _mm512_extracti64x4_epi64::<1>(pair);
            rows[row] = [
                _mm256_extract_epi64::<0>(low) as u64,
                _mm256_extract_epi64::<1>(low) as u64,
                _mm256_extract_epi64::<2>(low) as u64,
                _mm256_extract_epi64::<3>(low) as u64,
            ];
            rows[row + 4] = [
                _mm256_extract_epi64::<0>(high) as u64,
                _mm256_extract_epi64::<1>(high) as u64,
                _mm256_extract_epi64::<2>(high) as u64,
                _mm256_extract_epi64::<3>(high) as u64,
            ];
        }
        rows
    }
}
