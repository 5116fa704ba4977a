//! Group elements in a key file.

use std::io::{self, Write};

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine, G2Projective, g1, g2};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM, short_weierstrass::Affine};
use ark_ff::{BigInt, PrimeField};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

use super::{ReadError, Section, cursor::Cursor, parallel};

/// How points stand in a file, and what reading checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Both coordinates, little-endian, times 2^256 mod p; checked to be canonical and on the curve.
    Montgomery,
    /// The same, unchecked.
    Trusted,
    /// The first coordinate and the sign of the second, as arkworks compresses points.
    Compressed,
}

/// A point of G1 or G2 other than infinity.
pub(crate) trait Point: Sized + Copy + Send + Sync {
    /// Bytes of a point.
    fn length(encoding: Encoding) -> usize;
    fn put(&self, encoding: Encoding, out: &mut Vec<u8>);
    /// Reads [`length`](Self::length) bytes; `None` for anything but a point of the curve.
    fn get(bytes: &[u8], encoding: Encoding) -> Option<Self>;
}

impl Point for Affine<g1::Config> {
    fn length(encoding: Encoding) -> usize {
        if encoding == Encoding::Compressed {
            32
        } else {
            64
        }
    }

    fn put(&self, encoding: Encoding, out: &mut Vec<u8>) {
        if encoding == Encoding::Compressed {
            return put_compressed(self, out);
        }
        put_coordinate(&self.x, out);
        put_coordinate(&self.y, out);
    }

    fn get(bytes: &[u8], encoding: Encoding) -> Option<Self> {
        if encoding == Encoding::Compressed {
            return get_compressed(bytes);
        }
        let (x, y) = bytes.split_at_checked(32)?;
        let point = Self::new_unchecked(coordinate(x, encoding)?, coordinate(y, encoding)?);
        (encoding == Encoding::Trusted || point.is_on_curve() && !point.is_zero()).then_some(point)
    }
}

impl Point for Affine<g2::Config> {
    fn length(encoding: Encoding) -> usize {
        2 * G1Affine::length(encoding)
    }

    fn put(&self, encoding: Encoding, out: &mut Vec<u8>) {
        if encoding == Encoding::Compressed {
            return put_compressed(self, out);
        }
        for part in [&self.x.c0, &self.x.c1, &self.y.c0, &self.y.c1] {
            put_coordinate(part, out);
        }
    }

    fn get(bytes: &[u8], encoding: Encoding) -> Option<Self> {
        if encoding == Encoding::Compressed {
            return get_compressed(bytes);
        }
        let mut parts = bytes
            .chunks_exact(32)
            .map(|part| coordinate(part, encoding));
        let mut next = || parts.next().flatten();
        let (x, y) = (Fq2::new(next()?, next()?), Fq2::new(next()?, next()?));
        let point = Self::new_unchecked(x, y);
        (encoding == Encoding::Trusted || point.is_on_curve() && !point.is_zero()).then_some(point)
    }
}

fn put_compressed(point: &impl CanonicalSerialize, out: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    match point.serialize_compressed(out) {
        Ok(()) | Err(_) => {}
    }
}

/// The subgroup is checked for a whole section at a time, by [`check_subgroup`].
fn get_compressed<P: AffineRepr + CanonicalDeserialize + CanonicalSerialize>(
    bytes: &[u8],
) -> Option<P> {
    let point = P::deserialize_compressed_unchecked(bytes).ok()?;
    let mut again = Vec::with_capacity(bytes.len());
    put_compressed(&point, &mut again);
    (!point.is_zero() && again == bytes).then_some(point)
}

fn put_coordinate(value: &Fq, out: &mut Vec<u8>) {
    for limb in value.0.0 {
        out.extend_from_slice(&limb.to_le_bytes());
    }
}

fn coordinate(bytes: &[u8], encoding: Encoding) -> Option<Fq> {
    let mut limbs = [0u64; 4];
    for (limb, word) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(word.try_into().ok()?);
    }
    let limbs = BigInt(limbs);
    (encoding == Encoding::Trusted || limbs < Fq::MODULUS).then(|| Fq::new_unchecked(limbs))
}

pub(crate) fn put_all<P: Point>(points: &[P], encoding: Encoding, out: &mut Vec<u8>) {
    for point in points {
        point.put(encoding, out);
    }
}

pub(crate) fn write_all<P: Point>(
    points: &[P],
    encoding: Encoding,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(512 * P::length(encoding));
    for chunk in points.chunks(512) {
        buffer.clear();
        put_all(chunk, encoding, &mut buffer);
        out.write_all(&buffer)?;
    }
    Ok(())
}

/// Reads `count` points, after making sure that there are as many.
pub(crate) fn take_all<P: Point>(
    cursor: &mut Cursor<'_>,
    count: usize,
    encoding: Encoding,
) -> Result<Vec<P>, ReadError> {
    let (offset, length) = (cursor.offset(), P::length(encoding));
    let bytes = cursor.take(count.saturating_mul(length))?;
    let decode = |(index, chunk): (usize, &[u8])| {
        P::get(chunk, encoding).ok_or(ReadError::Point {
            section: cursor.section(),
            index,
            offset: offset + index * length,
        })
    };
    let chunks = bytes.chunks_exact(length).enumerate();
    if encoding == Encoding::Trusted {
        return chunks.map(decode).collect();
    }
    let chunks: Vec<(usize, &[u8])> = chunks.collect();
    let blocks: Vec<&[(usize, &[u8])]> = chunks.chunks(256).collect();
    let decoded = parallel::map(blocks.len(), |i| {
        let block = blocks.get(i).copied().unwrap_or_default();
        block
            .iter()
            .copied()
            .map(decode)
            .collect::<Result<Vec<P>, _>>()
    });
    decoded
        .into_iter()
        .try_fold(Vec::with_capacity(count), |mut all, block| {
            all.extend(block?);
            Ok(all)
        })
}

/// Checks that all points of the curve lie in G2's prime-order subgroup.
///
/// The twist's cofactor has no prime factor below 10069. A sum with random 14-bit weights hides a point
/// outside the subgroup with probability at most 2^-13, ten such sums with at most 2^-130; the weights are
/// taken from a hash of the points, so that who chose the points cannot have chosen them against the weights.
pub(crate) fn check_subgroup(section: Section, points: &[G2Affine]) -> Result<(), ReadError> {
    const SUMS: usize = 10;
    let outside = if points.len() < 2 * SUMS {
        points
            .iter()
            .any(|p| !p.is_in_correct_subgroup_assuming_on_curve())
    } else {
        let weights = weights(points, SUMS);
        weights.iter().any(|weights| {
            let sum = G2Projective::msm_unchecked(points, weights).into_affine();
            !sum.is_in_correct_subgroup_assuming_on_curve()
        })
    };
    if outside {
        return Err(ReadError::Subgroup { section });
    }
    Ok(())
}

fn weights(points: &[G2Affine], sums: usize) -> Vec<Vec<Fr>> {
    use sha2::{Digest as _, Sha256};
    let mut hasher = Sha256::new();
    hasher.update(b"eligo/key-subgroup/v1");
    let mut buffer = Vec::with_capacity(128);
    for point in points {
        buffer.clear();
        point.put(Encoding::Montgomery, &mut buffer);
        hasher.update(&buffer);
    }
    let seed = hasher.finalize();
    (0..sums as u64)
        .map(|sum| {
            (0..points.len().div_ceil(16) as u64)
                .flat_map(|block| {
                    let digest = Sha256::new()
                        .chain_update(seed)
                        .chain_update(sum.to_le_bytes())
                        .chain_update(block.to_le_bytes())
                        .finalize();
                    let words: Vec<Fr> = digest
                        .chunks_exact(2)
                        .map(|pair| pair.iter().fold(0u64, |acc, b| acc << 8 | u64::from(*b)))
                        .map(|word| Fr::from(word >> 2))
                        .collect();
                    words
                })
                .take(points.len())
                .collect()
        })
        .collect()
}
