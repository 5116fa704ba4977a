//! BLS12-381 as this crate uses it: `arkworks` types, `blst` arithmetic where it matters.
//!
//! Points, scalars and pairing values are arkworks' types, so that equations read as equations. What is
//! done with *secret* scalars (products in G1 and G2), and what is slow (hashing to the curve, decoding,
//! pairings), is done by `blst`, whose scalar products are constant-time. Both libraries keep field
//! elements as six 64-bit limbs in Montgomery form with R = 2^384 and build the same tower, so a point
//! crosses over by copying limbs; the tests hold the two against each other.

#![allow(unsafe_code)] // blst's C functions; each call below says why it is sound

use ark_bls12_381::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, BigInt, PrimeField, Zero};
use zeroize::Zeroize;

/// Bytes of a compressed G1 point.
pub const G1_BYTES: usize = 48;
/// Bytes of a compressed G2 point.
pub const G2_BYTES: usize = 96;
/// Bytes of a scalar, big-endian.
pub const SCALAR_BYTES: usize = 32;

/// Why bytes are not the point or scalar they claim to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// The wrong number of bytes.
    #[error("expected {expected} bytes, found {found}")]
    Length {
        /// Bytes the encoding has.
        expected: usize,
        /// Bytes that were given.
        found: usize,
    },
    /// Not the canonical encoding of an element of the curve or field.
    #[error("not a canonical encoding of an element")]
    Encoding,
    /// On the curve or in the field, but outside the subgroup of order r.
    #[error("not in the subgroup of prime order")]
    Subgroup,
    /// The identity, which is never a key, a commitment or a share.
    #[error("the identity element")]
    Identity,
}

pub(crate) fn fp_to_blst(x: &Fq) -> blst::blst_fp {
    blst::blst_fp { l: x.0.0 }
}

pub(crate) fn fp_from_blst(x: &blst::blst_fp) -> Fq {
    Fq::new_unchecked(BigInt(x.l))
}

fn fp2_to_blst(x: &Fq2) -> blst::blst_fp2 {
    blst::blst_fp2 {
        fp: [fp_to_blst(&x.c0), fp_to_blst(&x.c1)],
    }
}

fn fp2_from_blst(x: &blst::blst_fp2) -> Fq2 {
    Fq2::new(fp_from_blst(&x.fp[0]), fp_from_blst(&x.fp[1]))
}

pub(crate) fn g1_to_blst(point: &G1Affine) -> blst::blst_p1_affine {
    if point.is_zero() {
        return blst::blst_p1_affine::default();
    }
    blst::blst_p1_affine {
        x: fp_to_blst(&point.x),
        y: fp_to_blst(&point.y),
    }
}

pub(crate) fn g2_to_blst(point: &G2Affine) -> blst::blst_p2_affine {
    if point.is_zero() {
        return blst::blst_p2_affine::default();
    }
    blst::blst_p2_affine {
        x: fp2_to_blst(&point.x),
        y: fp2_to_blst(&point.y),
    }
}

fn g1_from_blst(point: &blst::blst_p1_affine) -> G1Affine {
    let (x, y) = (fp_from_blst(&point.x), fp_from_blst(&point.y));
    if x.is_zero() && y.is_zero() {
        G1Affine::identity()
    } else {
        G1Affine::new_unchecked(x, y)
    }
}

fn g2_from_blst(point: &blst::blst_p2_affine) -> G2Affine {
    let (x, y) = (fp2_from_blst(&point.x), fp2_from_blst(&point.y));
    if x == Fq2::ZERO && y == Fq2::ZERO {
        G2Affine::identity()
    } else {
        G2Affine::new_unchecked(x, y)
    }
}

fn scalar_to_blst(scalar: &Fr) -> blst::blst_scalar {
    let mut limbs = scalar.into_bigint();
    let mut out = blst::blst_scalar::default();
    for (bytes, limb) in out.b.chunks_exact_mut(8).zip(limbs.0) {
        bytes.copy_from_slice(&limb.to_le_bytes());
    }
    limbs.zeroize();
    out
}

macro_rules! group {
    ($mul:ident, $hash:ident, $decode:ident, $point:ident, $bytes:expr, $to:ident, $from:ident,
     $p:ident, $affine:ident, $from_affine:ident, $to_affine:ident, $mult:ident, $hash_to:ident,
     $uncompress:ident, $in_group:ident) => {
        /// `scalar * point`, in time independent of the scalar.
        pub(crate) fn $mul(point: &$point, scalar: &Fr) -> $point {
            let mut bits = scalar_to_blst(scalar);
            let (mut out, mut jacobian) = (blst::$affine::default(), blst::$p::default());
            // SAFETY: all pointers are to live, initialised locals; the scalar has 32 bytes, and 255 of
            // its bits are read.
            unsafe {
                blst::$from_affine(&mut jacobian, &$to(point));
                let base = jacobian;
                blst::$mult(&mut jacobian, &base, bits.b.as_ptr(), 255);
                blst::$to_affine(&mut out, &jacobian);
            }
            bits.b.zeroize();
            $from(&out)
        }

        /// RFC 9380 hash to the group.
        pub(crate) fn $hash(dst: &[u8], message: &[u8]) -> $point {
            let (mut out, mut jacobian) = (blst::$affine::default(), blst::$p::default());
            // SAFETY: lengths belong to their slices; no augmentation is given (null, 0).
            unsafe {
                blst::$hash_to(
                    &mut jacobian,
                    message.as_ptr(),
                    message.len(),
                    dst.as_ptr(),
                    dst.len(),
                    core::ptr::null(),
                    0,
                );
                blst::$to_affine(&mut out, &jacobian);
            }
            $from(&out)
        }

        /// Decodes a compressed point: canonical, on the curve, in the subgroup, not the identity.
        pub(crate) fn $decode(bytes: &[u8]) -> Result<$point, PointError> {
            let bytes: &[u8; $bytes] = bytes.try_into().map_err(|_| PointError::Length {
                expected: $bytes,
                found: bytes.len(),
            })?;
            let mut out = blst::$affine::default();
            // SAFETY: the function reads exactly the array's length and writes one affine point.
            match unsafe { blst::$uncompress(&mut out, bytes.as_ptr()) } {
                blst::BLST_ERROR::BLST_SUCCESS => {}
                blst::BLST_ERROR::BLST_POINT_NOT_IN_GROUP => return Err(PointError::Subgroup),
                _ => return Err(PointError::Encoding),
            }
            let point = $from(&out);
            if point.is_zero() {
                return Err(PointError::Identity);
            }
            // SAFETY: `out` was initialised by the decoding above.
            if !unsafe { blst::$in_group(&out) } {
                return Err(PointError::Subgroup);
            }
            Ok(point)
        }
    };
}

group!(
    mul_g1,
    hash_to_g1,
    decode_g1,
    G1Affine,
    G1_BYTES,
    g1_to_blst,
    g1_from_blst,
    blst_p1,
    blst_p1_affine,
    blst_p1_from_affine,
    blst_p1_to_affine,
    blst_p1_mult,
    blst_hash_to_g1,
    blst_p1_uncompress,
    blst_p1_affine_in_g1
);
group!(
    mul_g2,
    hash_to_g2,
    decode_g2,
    G2Affine,
    G2_BYTES,
    g2_to_blst,
    g2_from_blst,
    blst_p2,
    blst_p2_affine,
    blst_p2_from_affine,
    blst_p2_to_affine,
    blst_p2_mult,
    blst_hash_to_g2,
    blst_p2_uncompress,
    blst_p2_affine_in_g2
);

/// The compressed form of a G1 point.
#[must_use]
pub fn encode_g1(point: &G1Affine) -> [u8; G1_BYTES] {
    let mut out = [0u8; G1_BYTES];
    // SAFETY: writes exactly 48 bytes.
    unsafe { blst::blst_p1_affine_compress(out.as_mut_ptr(), &g1_to_blst(point)) };
    out
}

/// The compressed form of a G2 point.
#[must_use]
pub fn encode_g2(point: &G2Affine) -> [u8; G2_BYTES] {
    let mut out = [0u8; G2_BYTES];
    // SAFETY: writes exactly 96 bytes.
    unsafe { blst::blst_p2_affine_compress(out.as_mut_ptr(), &g2_to_blst(point)) };
    out
}

/// A scalar, big-endian.
pub(crate) fn encode_scalar(scalar: &Fr) -> [u8; SCALAR_BYTES] {
    let mut out = [0u8; SCALAR_BYTES];
    for (bytes, limb) in out.rchunks_exact_mut(8).zip(scalar.into_bigint().0) {
        bytes.copy_from_slice(&limb.to_be_bytes());
    }
    out
}

/// Decodes a big-endian scalar below r.
pub(crate) fn decode_scalar(bytes: &[u8]) -> Result<Fr, PointError> {
    let bytes: &[u8; SCALAR_BYTES] = bytes.try_into().map_err(|_| PointError::Length {
        expected: SCALAR_BYTES,
        found: bytes.len(),
    })?;
    let mut limbs = BigInt::<4>::zero();
    for (chunk, limb) in bytes.rchunks_exact(8).zip(limbs.0.iter_mut()) {
        let mut word = [0u8; 8];
        word.copy_from_slice(chunk);
        *limb = u64::from_be_bytes(word);
    }
    Fr::from_bigint(limbs).ok_or(PointError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::CurveGroup;
    use ark_ec::hashing::HashToCurve;
    use ark_ec::hashing::curve_maps::wb::WBMap;
    use ark_ec::hashing::map_to_curve_hasher::MapToCurveBasedHasher;
    use ark_ff::field_hashers::DefaultFieldHasher;
    use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
    use ark_std::UniformRand;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    const RFC_G1: &[u8] = b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
    const RFC_G2: &[u8] = b"QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";

    fn hex_of(x: &Fq) -> String {
        let mut bytes = Vec::new();
        x.serialize_compressed(&mut bytes).unwrap();
        bytes.reverse();
        hex::encode(bytes)
    }

    /// RFC 9380 appendix J.9.1 and J.10.1.
    #[test]
    fn hash_to_curve_matches_rfc_9380() {
        let empty = hash_to_g1(RFC_G1, b"");
        assert_eq!(
            hex_of(&empty.x),
            "052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1"
        );
        assert_eq!(
            hex_of(&empty.y),
            "08ba738453bfed09cb546dbb0783dbb3a5f1f566ed67bb6be0e8c67e2e81a4cc68ee29813bb7994998f3eae0c9c6a265"
        );
        let abc = hash_to_g1(RFC_G1, b"abc");
        assert_eq!(
            hex_of(&abc.x),
            "03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903"
        );
        assert_eq!(
            hex_of(&abc.y),
            "0b9c15f3fe6e5cf4211f346271d7b01c8f3b28be689c8429c85b67af215533311f0b8dfaaa154fa6b88176c229f2885d"
        );
        let g2 = hash_to_g2(RFC_G2, b"");
        assert_eq!(
            hex_of(&g2.x.c0),
            "0141ebfbdca40eb85b87142e130ab689c673cf60f1a3e98d69335266f30d9b8d4ac44c1038e9dcdd5393faf5c41fb78a"
        );
        assert_eq!(
            hex_of(&g2.x.c1),
            "05cb8437535e20ecffaef7752baddf98034139c38452458baeefab379ba13dff5bf5dd71b72418717047f5b0f37da03d"
        );
        assert_eq!(
            hex_of(&g2.y.c0),
            "0503921d7f6a12805e72940b963c0cf3471c7b2a524950ca195d11062ee75ec076daf2d4bc358c4b190c0c98064fdd92"
        );
        assert_eq!(
            hex_of(&g2.y.c1),
            "12424ac32561493f3fe3c260708a12b7c620e7be00099a974e259ddc7d1f6395c3c811cdd19f1e8dbf3e9ecfdcbab8d6"
        );
    }

    #[test]
    fn both_libraries_hash_alike() {
        type Hasher = MapToCurveBasedHasher<
            ark_bls12_381::G1Projective,
            DefaultFieldHasher<sha2::Sha256, 128>,
            WBMap<ark_bls12_381::g1::Config>,
        >;
        let dst = crate::domain::dst::LABEL;
        let oracle = Hasher::new(dst).unwrap();
        for message in [&b""[..], b"a", &[7; 300]] {
            assert_eq!(hash_to_g1(dst, message), oracle.hash(message).unwrap());
        }
    }

    #[test]
    fn both_libraries_multiply_and_encode_alike() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for scalar in [
            Fr::from(0u64),
            Fr::from(1u64),
            -Fr::from(1u64),
            Fr::rand(&mut rng),
        ] {
            let p = G1Affine::rand(&mut rng);
            let q = G2Affine::rand(&mut rng);
            assert_eq!(mul_g1(&p, &scalar), (p * scalar).into_affine());
            assert_eq!(mul_g2(&q, &scalar), (q * scalar).into_affine());
            let (mut a, mut b) = (Vec::new(), Vec::new());
            p.serialize_compressed(&mut a).unwrap();
            q.serialize_compressed(&mut b).unwrap();
            assert_eq!(encode_g1(&p).as_slice(), a);
            assert_eq!(encode_g2(&q).as_slice(), b);
            assert_eq!(decode_g1(&a), Ok(p));
            assert_eq!(decode_g2(&b), Ok(q));
            assert_eq!(decode_scalar(&encode_scalar(&scalar)), Ok(scalar));
        }
    }

    #[test]
    fn hostile_points_are_refused() {
        let identity = encode_g1(&G1Affine::identity());
        assert_eq!(decode_g1(&identity), Err(PointError::Identity));
        assert_eq!(
            decode_g1(&identity[1..]),
            Err(PointError::Length {
                expected: 48,
                found: 47
            })
        );
        let mut flags = identity;
        flags[47] = 1;
        assert_eq!(decode_g1(&flags), Err(PointError::Encoding));
        // x = 4 is on the curve but not in the subgroup
        let outside = (0u64..)
            .filter_map(|x| G1Affine::get_point_from_x_unchecked(Fq::from(x), false))
            .find(|p| !p.is_in_correct_subgroup_assuming_on_curve())
            .unwrap();
        assert_eq!(decode_g1(&encode_g1(&outside)), Err(PointError::Subgroup));
        assert_eq!(decode_scalar(&[0xff; 32]), Err(PointError::Encoding));
        let modulus = Fr::MODULUS.0;
        let mut bytes = [0u8; 32];
        for (chunk, limb) in bytes.rchunks_exact_mut(8).zip(modulus) {
            chunk.copy_from_slice(&limb.to_be_bytes());
        }
        assert_eq!(decode_scalar(&bytes), Err(PointError::Encoding));
        assert!(G1Affine::deserialize_compressed(&flags[..]).is_err());
        assert!(!G1Affine::generator().is_zero());
    }
}
