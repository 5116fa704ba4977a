//! Points of BN254 as numbers and bytes: which coordinates make a point, and which points count.
//!
//! Uncompressed points are big-endian and in the EVM's order (an extension coordinate's second part
//! first); the identity is all zeros.

use core::fmt;

use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::{AdditiveGroup, AffineRepr};

use crate::{
    field::{self, FieldError},
    pairing::frobenius,
};

/// Bytes of an uncompressed point of G1.
pub const G1_BYTES: usize = 64;
/// Bytes of an uncompressed point of G2.
pub const G2_BYTES: usize = 128;

/// A point of a proof or of a verifying key, named as in snarkjs's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A proof's first point, in G1.
    PiA,
    /// A proof's second point, in G2.
    PiB,
    /// A proof's third point, in G1.
    PiC,
    /// A key's alpha, in G1.
    Alpha,
    /// A key's beta, in G2.
    Beta,
    /// A key's gamma, in G2.
    Gamma,
    /// A key's delta, in G2.
    Delta,
    /// A key's input base, in G1: 0 the constant, `i` that of public input `i - 1`.
    Ic(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PiA => "pi_a",
            Self::PiB => "pi_b",
            Self::PiC => "pi_c",
            Self::Alpha => "vk_alpha_1",
            Self::Beta => "vk_beta_2",
            Self::Gamma => "vk_gamma_2",
            Self::Delta => "vk_delta_2",
            Self::Ic(index) => return write!(f, "IC[{index}]"),
        })
    }
}

/// What keeps a point from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Flaw {
    /// The coordinates satisfy no curve equation.
    #[error("not on the curve")]
    OffCurve,
    /// On the curve, outside the subgroup of prime order.
    #[error("outside the subgroup of prime order")]
    OffSubgroup,
    /// The identity.
    #[error("the identity")]
    Identity,
}

/// The first flaw of a point of G1.
pub(crate) fn flaw_g1(point: &G1Affine) -> Option<Flaw> {
    // The curve over the prime field has prime order: on the curve is in the group.
    if point.is_zero() {
        Some(Flaw::Identity)
    } else if !point.is_on_curve() {
        Some(Flaw::OffCurve)
    } else {
        None
    }
}

/// The first flaw of a point of G2.
pub(crate) fn flaw_g2(point: &G2Affine) -> Option<Flaw> {
    if point.is_zero() {
        Some(Flaw::Identity)
    } else if !point.is_on_curve() {
        Some(Flaw::OffCurve)
    } else if !in_subgroup(point) {
        Some(Flaw::OffSubgroup)
    } else {
        None
    }
}

/// The parameter x of BN254, whose group order is 36 x^4 + 36 x^3 + 18 x^2 + 6 x + 1.
const X: u64 = 4_965_661_367_192_848_881;

/// Whether a point of the twist has prime order: `(x+1) Q + F(x Q) + F^2(x Q) = F^3(2 x Q)` with `F`
/// the untwisted Frobenius map (El Housni, Guillevic, Piellard 2022), one 63-bit multiplication.
fn in_subgroup(q: &G2Affine) -> bool {
    let x_q: G2Affine = q.mul_bigint([X]).into();
    let once = frobenius(&x_q);
    let twice = frobenius(&once);
    let thrice = frobenius(&twice);
    x_q.into_group() + q + once + twice == thrice.into_group().double()
}

/// A point of G1 with these coordinates, unchecked; (0, 0) is the identity.
pub(crate) fn g1(x: Fq, y: Fq) -> G1Affine {
    if (x, y) == Default::default() {
        G1Affine::identity()
    } else {
        G1Affine::new_unchecked(x, y)
    }
}

/// A point of G2 with these coordinates, unchecked; (0, 0) is the identity.
pub(crate) fn g2(x: Fq2, y: Fq2) -> G2Affine {
    if (x, y) == Default::default() {
        G2Affine::identity()
    } else {
        G2Affine::new_unchecked(x, y)
    }
}

pub(crate) fn g1_to_bytes(point: &G1Affine) -> [u8; G1_BYTES] {
    let mut bytes = [0; G1_BYTES];
    if let Some((x, y)) = point.xy() {
        bytes[..32].copy_from_slice(&field::to_be_bytes(&x));
        bytes[32..].copy_from_slice(&field::to_be_bytes(&y));
    }
    bytes
}

pub(crate) fn g2_to_bytes(point: &G2Affine) -> [u8; G2_BYTES] {
    let mut bytes = [0; G2_BYTES];
    if let Some((x, y)) = point.xy() {
        for (chunk, part) in bytes.chunks_exact_mut(32).zip([x.c1, x.c0, y.c1, y.c0]) {
            chunk.copy_from_slice(&field::to_be_bytes(&part));
        }
    }
    bytes
}

/// Coordinates below the modulus, nothing else checked.
pub(crate) fn g1_from_bytes(bytes: &[u8; G1_BYTES]) -> Result<G1Affine, FieldError> {
    let [x, y] = coordinates(bytes)?;
    Ok(g1(x, y))
}

/// Coordinates below the modulus, nothing else checked.
pub(crate) fn g2_from_bytes(bytes: &[u8; G2_BYTES]) -> Result<G2Affine, FieldError> {
    let [x1, x0, y1, y0] = coordinates(bytes)?;
    Ok(g2(Fq2::new(x0, x1), Fq2::new(y0, y1)))
}

fn coordinates<const N: usize>(bytes: &[u8]) -> Result<[Fq; N], FieldError> {
    let mut numbers = [Fq::default(); N];
    let (chunks, _) = bytes.as_chunks::<32>();
    for (number, chunk) in numbers.iter_mut().zip(chunks) {
        *number = field::from_be_bytes(chunk)?;
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::CurveGroup;
    use ark_ff::Field;
    use ark_std::{UniformRand, rand::SeedableRng, rand::rngs::StdRng};

    /// Points of the twist, of any order.
    fn on_the_twist(rng: &mut StdRng) -> G2Affine {
        loop {
            if let Some(point) = G2Affine::get_point_from_x_unchecked(Fq2::rand(rng), true) {
                return point;
            }
        }
    }

    #[test]
    fn subgroup_check_agrees_with_arkworks() {
        // The group order of the twist is r (2q - r); 10069 and 5864401 divide the second factor.
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..20 {
            let wild = on_the_twist(&mut rng);
            assert!(!wild.is_in_correct_subgroup_assuming_on_curve());
            assert!(!in_subgroup(&wild));
            let tame = wild.mul_by_cofactor();
            assert!(tame.is_in_correct_subgroup_assuming_on_curve());
            assert!(in_subgroup(&tame));
            // An element of the complement alone.
            let rest: G2Affine = wild.mul_bigint(ark_bn254::Fr::characteristic()).into();
            assert!(!rest.is_zero() && !in_subgroup(&rest));
            let mixed: G2Affine = (rest + tame).into();
            assert!(!in_subgroup(&mixed));
        }
    }

    /// Small orders are where such formulas fail first.
    #[test]
    fn small_orders_are_refused() {
        let mut rng = StdRng::seed_from_u64(2);
        for order in [10_069u64, 5_864_401] {
            let mut point = on_the_twist(&mut rng);
            // (2q - r) r / order, as its factors one after the other.
            let cofactor = <ark_bn254::g2::Config as ark_ec::CurveConfig>::COFACTOR;
            let quotient = divided(cofactor, order);
            point = point.mul_bigint(ark_bn254::Fr::characteristic()).into();
            point = point.mul_bigint(quotient).into();
            assert!(!point.is_zero());
            assert!(point.mul_bigint([order]).into_affine().is_zero());
            assert_eq!(flaw_g2(&point), Some(Flaw::OffSubgroup));
        }
    }

    fn divided(number: &[u64], by: u64) -> Vec<u64> {
        let mut quotient = number.to_vec();
        let mut rest = 0u128;
        for limb in quotient.iter_mut().rev() {
            let wide = rest << 64 | u128::from(*limb);
            *limb = (wide / u128::from(by)) as u64;
            rest = wide % u128::from(by);
        }
        assert_eq!(rest, 0, "{by} divides the cofactor");
        quotient
    }

    #[test]
    fn bytes() {
        let mut rng = StdRng::seed_from_u64(3);
        let p = G1Affine::rand(&mut rng);
        let q = G2Affine::rand(&mut rng);
        assert_eq!(g1_from_bytes(&g1_to_bytes(&p)), Ok(p));
        assert_eq!(g2_from_bytes(&g2_to_bytes(&q)), Ok(q));
        let zero = G1Affine::identity();
        assert_eq!(g1_to_bytes(&zero), [0; 64]);
        assert_eq!(g1_from_bytes(&[0; 64]), Ok(zero));
        assert_eq!(g1_from_bytes(&[0xff; 64]), Err(FieldError::NotCanonical));
        assert_eq!(flaw_g1(&g1(Fq::from(1), Fq::from(1))), Some(Flaw::OffCurve));
        assert_eq!(flaw_g1(&zero), Some(Flaw::Identity));
    }
}
