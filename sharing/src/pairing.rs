//! Pairings and the target group.
//!
//! Every pairing of this crate goes through [`multi`] or [`is_one`], so that the number of Miller loops
//! and final exponentiations of each operation can be stated in its documentation and pinned in a test.

#![allow(unsafe_code)] // blst's C functions; each call below says why it is sound

use ark_bls12_381::{Bls12_381, Fq, Fq2, Fq6, Fq12, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::pairing::PairingOutput;
use ark_ff::{BigInt, Field, PrimeField};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::curve::{PointError, fp_from_blst, fp_to_blst, g1_to_blst, g2_to_blst};

/// Bytes of an encoded pairing value: twelve base field elements, each little-endian.
pub const GT_BYTES: usize = 576;
const FP_BYTES: usize = 48;

/// An element of the target group, written multiplicatively.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gt(blst::blst_fp12);

impl core::fmt::Debug for Gt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Gt(..)")
    }
}

impl Zeroize for Gt {
    fn zeroize(&mut self) {
        for fp in limbs_mut(&mut self.0) {
            fp.l.zeroize();
        }
    }
}

fn limbs_mut(f: &mut blst::blst_fp12) -> impl Iterator<Item = &mut blst::blst_fp> {
    f.fp6
        .iter_mut()
        .flat_map(|six| six.fp2.iter_mut())
        .flat_map(|two| two.fp.iter_mut())
}

fn limbs(f: &blst::blst_fp12) -> impl Iterator<Item = &blst::blst_fp> {
    f.fp6
        .iter()
        .flat_map(|six| six.fp2.iter())
        .flat_map(|two| two.fp.iter())
}

impl Gt {
    pub(crate) fn one() -> Self {
        Self(blst::blst_fp12::default())
    }

    pub(crate) fn is_one(&self) -> bool {
        *self == Self::one()
    }

    pub(crate) fn inverse(&self) -> Self {
        let mut out = self.0;
        // SAFETY: in and out are one live local; in the cyclotomic subgroup the conjugate is the inverse.
        unsafe { blst::blst_fp12_conjugate(&mut out) };
        Self(out)
    }

    fn square(&self) -> Self {
        let mut out = blst::blst_fp12::default();
        // SAFETY: both pointers are to live locals; the value is in the cyclotomic subgroup.
        unsafe { blst::blst_fp12_cyclotomic_sqr(&mut out, &self.0) };
        Self(out)
    }

    /// `self^(p^n)`, and since p = x modulo r, `self^(x^n)`, x the (negative) curve parameter.
    fn frobenius(&self, n: usize) -> Self {
        let mut out = blst::blst_fp12::default();
        // SAFETY: both pointers are to live locals; n is 1, 2 or 3, the powers blst has.
        unsafe { blst::blst_fp12_frobenius_map(&mut out, &self.0, n) };
        Self(out)
    }

    /// `self^exponent` for a public exponent: neither its products nor its table reads hide it.
    ///
    /// The exponent is written in base |x| (four digits of 64 bits) and the four powers are taken at once:
    /// 64 squarings instead of 255.
    pub(crate) fn pow(&self, exponent: &Fr) -> Self {
        let digits = base_x_digits(exponent);
        // x is negative: x^n = (-1)^n |x|^n
        let bases = [
            *self,
            self.frobenius(1).inverse(),
            self.frobenius(2),
            self.frobenius(3).inverse(),
        ];
        let mut table = [Self::one(); 16];
        for index in 1..16usize {
            let low = index.trailing_zeros() as usize;
            table[index] = table[index & (index - 1)] * bases[low];
        }
        let mut out = Self::one();
        for bit in (0..64).rev() {
            out = out.square();
            let index = digits.iter().enumerate().fold(0, |index, (at, digit)| {
                index | (((digit >> bit) & 1) as usize) << at
            });
            if index != 0 {
                out = out * table[index];
            }
        }
        out
    }

    /// `self^exponent` for a secret exponent, four bits at a time: the same products for every exponent, and
    /// every entry of the table is read each time. 252 squarings and 64 products.
    pub(crate) fn pow_secret(&self, exponent: &Fr) -> Self {
        let mut table = [Self::one(); 16];
        for index in 1..16usize {
            table[index] = table[index - 1] * *self;
        }
        let mut words = exponent.into_bigint();
        let mut out = Self::one();
        for word in words.0.iter().rev() {
            for place in (0..16).rev() {
                for _ in 0..4 {
                    out = out.square();
                }
                out = out * Self::select(&table, word >> (4 * place) & 15);
            }
        }
        words.zeroize();
        out
    }

    /// The entry of a table at a secret index.
    fn select(table: &[Self; 16], index: u64) -> Self {
        let mut out = Self(blst::blst_fp12::default());
        limbs_mut(&mut out.0).for_each(|fp| fp.l = [0; 6]);
        for (at, entry) in (0u64..).zip(table) {
            let mask = u64::from(at.ct_eq(&index).unwrap_u8()).wrapping_neg();
            for (to, from) in limbs_mut(&mut out.0).zip(limbs(&entry.0)) {
                for (to, from) in to.l.iter_mut().zip(from.l) {
                    *to |= from & mask;
                }
            }
        }
        out
    }

    /// `self^exponent` for a short public exponent.
    pub(crate) fn pow_small(&self, exponent: u64) -> Self {
        let mut out = Self::one();
        for bit in (0..u64::BITS - exponent.leading_zeros()).rev() {
            out = out.square();
            if exponent >> bit & 1 == 1 {
                out = out * *self;
            }
        }
        out
    }

    /// The 576-byte canonical encoding (arkworks' compressed `PairingOutput`).
    pub(crate) fn to_bytes(self) -> [u8; GT_BYTES] {
        let mut out = [0u8; GT_BYTES];
        for (bytes, fp) in out.chunks_exact_mut(FP_BYTES).zip(limbs(&self.0)) {
            let limbs = fp_from_blst(fp).into_bigint();
            for (word, limb) in bytes.chunks_exact_mut(8).zip(limbs.0) {
                word.copy_from_slice(&limb.to_le_bytes());
            }
        }
        out
    }

    /// Decodes a canonical non-identity element of order r.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, PointError> {
        if bytes.len() != GT_BYTES {
            return Err(PointError::Length {
                expected: GT_BYTES,
                found: bytes.len(),
            });
        }
        let mut out = blst::blst_fp12::default();
        for (chunk, fp) in bytes.chunks_exact(FP_BYTES).zip(limbs_mut(&mut out)) {
            let mut raw = BigInt::<6>([0; 6]);
            for (word, limb) in chunk.chunks_exact(8).zip(raw.0.iter_mut()) {
                let mut le = [0u8; 8];
                le.copy_from_slice(word);
                *limb = u64::from_le_bytes(le);
            }
            *fp = fp_to_blst(&Fq::from_bigint(raw).ok_or(PointError::Encoding)?);
        }
        let value = Self(out);
        if value.is_one() {
            return Err(PointError::Identity);
        }
        if !value.0.in_group() {
            return Err(PointError::Subgroup);
        }
        Ok(value)
    }

    /// The same value in arkworks' type, whose group is written additively.
    #[allow(dead_code)]
    pub(crate) fn to_ark(self) -> PairingOutput<Bls12_381> {
        let mut fps = limbs(&self.0).map(fp_from_blst);
        let mut fp = || fps.next().unwrap_or(Fq::ONE);
        let mut fp2 = || Fq2::new(fp(), fp());
        let mut fp6 = || Fq6::new(fp2(), fp2(), fp2());
        PairingOutput(Fq12::new(fp6(), fp6()))
    }
}

impl core::ops::Mul for Gt {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
}

/// Digits of a scalar in base |x| = 0xd201000000010000, lowest first; r < |x|^4.
fn base_x_digits(scalar: &Fr) -> [u64; 4] {
    const X: u128 = 0xd201_0000_0001_0000;
    let mut value = scalar.into_bigint().0;
    let mut digits = [0u64; 4];
    for digit in &mut digits {
        let mut remainder: u128 = 0;
        for limb in value.iter_mut().rev() {
            let wide = remainder << 64 | u128::from(*limb);
            *limb = (wide / X) as u64;
            remainder = wide % X;
        }
        *digit = remainder as u64;
    }
    digits
}

/// Product of e(P, Q) over the pairs: one Miller loop a pair with shared squarings, one final
/// exponentiation. Pairs with an identity contribute nothing.
pub(crate) fn multi(pairs: &[(G1Affine, G2Affine)]) -> Gt {
    #[cfg(test)]
    count::record(pairs.len());
    let live = || pairs.iter().filter(|(p, q)| !p.is_zero() && !q.is_zero());
    let ps: Vec<_> = live().map(|(p, _)| g1_to_blst(p)).collect();
    let qs: Vec<_> = live().map(|(_, q)| g2_to_blst(q)).collect();
    if ps.is_empty() {
        return Gt::one();
    }
    let (p_ptrs, q_ptrs) = (
        [ps.as_ptr(), core::ptr::null()],
        [qs.as_ptr(), core::ptr::null()],
    );
    let mut out = blst::blst_fp12::default();
    // SAFETY: each list starts with a pointer to `ps.len()` contiguous points and a null, which is how
    // blst takes a contiguous array; both vectors outlive the call.
    unsafe { blst::blst_miller_loop_n(&mut out, q_ptrs.as_ptr(), p_ptrs.as_ptr(), ps.len()) };
    Gt(out.final_exp())
}

/// e(P, Q).
pub(crate) fn pair(p: &G1Affine, q: &G2Affine) -> Gt {
    multi(&[(*p, *q)])
}

/// A point of G2 whose lines were computed once, for many pairings with it (19,584 bytes). Not the identity.
pub(crate) struct Prepared(Box<[blst::blst_fp6; LINES]>);

/// Lines of a Miller loop over the bits of the curve parameter.
const LINES: usize = 68;

impl Prepared {
    pub(crate) fn new(q: &G2Affine) -> Self {
        let mut lines = Box::new([blst::blst_fp6::default(); LINES]);
        // SAFETY: blst writes exactly 68 lines; both pointers are to live values.
        unsafe { blst::blst_precompute_lines(lines.as_mut_ptr(), &g2_to_blst(q)) };
        Self(lines)
    }

    /// P2, prepared once.
    pub(crate) fn generator() -> &'static Self {
        static GENERATOR: std::sync::OnceLock<Prepared> = std::sync::OnceLock::new();
        GENERATOR.get_or_init(|| Self::new(&G2Affine::generator()))
    }
}

/// e(P, Q), with Q prepared.
pub(crate) fn pair_prepared(p: &G1Affine, q: &Prepared) -> Gt {
    #[cfg(test)]
    count::record(1);
    if p.is_zero() {
        return Gt::one();
    }
    let mut out = blst::blst_fp12::default();
    // SAFETY: the lines are the 68 that blst computed; all pointers are to live values.
    unsafe { blst::blst_miller_loop_lines(&mut out, q.0.as_ptr(), &g1_to_blst(p)) };
    Gt(out.final_exp())
}

/// gT = e(P1, P2), computed once.
pub(crate) fn generator() -> &'static Gt {
    static GENERATOR: std::sync::OnceLock<Gt> = std::sync::OnceLock::new();
    GENERATOR.get_or_init(|| {
        let (p, q) = (
            g1_to_blst(&G1Affine::generator()),
            g2_to_blst(&G2Affine::generator()),
        );
        Gt(blst::blst_fp12::miller_loop(&q, &p).final_exp())
    })
}

/// Whether the product of e(P, Q) over the pairs is 1.
pub(crate) fn is_one(pairs: &[(G1Affine, G2Affine)]) -> bool {
    multi(pairs).is_one()
}

/// Counts pairings of the current thread, so that tests can pin what an operation costs.
#[cfg(test)]
pub(crate) mod count {
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    }

    pub(super) fn record(miller_loops: usize) {
        COUNT.with(|c| c.set((c.get().0 + miller_loops, c.get().1 + 1)));
    }

    /// (Miller loops, final exponentiations) that `work` needs.
    pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (usize, usize) {
        COUNT.with(|c| c.set((0, 0)));
        drop(work());
        COUNT.with(Cell::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::AffineRepr;
    use ark_ec::pairing::Pairing;
    use ark_ff::One;
    use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
    use ark_std::UniformRand;

    #[test]
    fn both_libraries_pair_alike() {
        let mut rng = crate::keys::test_rng(4);
        let (p, q) = (G1Affine::rand(&mut rng), G2Affine::rand(&mut rng));
        let ours = multi(&[
            (p, q),
            (G1Affine::generator(), q),
            (G1Affine::identity(), q),
        ]);
        let theirs = Bls12_381::multi_pairing([p, G1Affine::generator()], [q, q]);
        assert_eq!(ours.to_ark(), theirs);
        let mut bytes = Vec::new();
        theirs.serialize_compressed(&mut bytes).unwrap();
        assert_eq!(ours.to_bytes().as_slice(), bytes);
        assert_eq!(Gt::from_bytes(&bytes), Ok(ours));
        for k in [
            Fr::from(0u64),
            Fr::from(1u64),
            -Fr::from(1u64),
            Fr::rand(&mut rng),
        ] {
            assert_eq!(ours.pow(&k).to_ark(), theirs * k);
            assert_eq!(ours.pow_secret(&k).to_ark(), theirs * k);
        }
        assert_eq!(ours * ours.inverse(), Gt::one());
        assert_eq!(multi(&[]), Gt::one());
    }

    #[test]
    fn prepared_points_pair_alike() {
        let mut rng = crate::keys::test_rng(5);
        let (p, q) = (G1Affine::rand(&mut rng), G2Affine::rand(&mut rng));
        let prepared = Prepared::new(&q);
        assert_eq!(pair_prepared(&p, &prepared), pair(&p, &q));
        assert_eq!(pair_prepared(&G1Affine::identity(), &prepared), Gt::one());
        let p2 = G2Affine::generator();
        assert_eq!(pair_prepared(&p, Prepared::generator()), pair(&p, &p2));
    }

    #[test]
    fn the_generator_of_gt_is_the_published_one() {
        let g = pair(&G1Affine::generator(), &G2Affine::generator());
        assert_eq!(
            hex::encode(crate::domain::sha256(&g.to_bytes())),
            "ff9912603bb02b77bc6ec1deaeddf9d1fee40ac17a781fb13c9c6e7a9f74d22b"
        );
    }

    #[test]
    fn hostile_target_elements_are_refused() {
        let five = Fq12::from(5u64);
        let mut bytes = Vec::new();
        five.serialize_compressed(&mut bytes).unwrap();
        assert_eq!(Gt::from_bytes(&bytes), Err(PointError::Subgroup));
        assert!(PairingOutput::<Bls12_381>::deserialize_compressed(&bytes[..]).is_err());
        assert_eq!(
            Gt::from_bytes(&Gt::one().to_bytes()),
            Err(PointError::Identity)
        );
        assert_eq!(Gt::from_bytes(&[0; GT_BYTES]), Err(PointError::Subgroup));
        assert_eq!(Gt::from_bytes(&[0xff; GT_BYTES]), Err(PointError::Encoding));
        assert!(matches!(
            Gt::from_bytes(&bytes[1..]),
            Err(PointError::Length { .. })
        ));
        // -1 has order 2: in the cyclotomic subgroup's conjugation, outside the order-r group
        let minus_one = Gt(blst::blst_fp12::default());
        let mut negated = minus_one;
        for fp in limbs_mut(&mut negated.0) {
            *fp = fp_to_blst(&-fp_from_blst(fp));
        }
        assert_eq!(
            Gt::from_bytes(&negated.to_bytes()),
            Err(PointError::Subgroup)
        );
        assert_eq!(Gt::one().to_ark().0, Fq12::one());
    }
}
