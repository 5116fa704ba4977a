//! Proofs and their bytes.

use ark_bn254::{G1Affine, G2Affine};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

use crate::{
    field::FieldError,
    point::{self, Flaw, G1_BYTES, G2_BYTES, Place},
};

/// Bytes of a compressed proof.
pub const PROOF_BYTES: usize = 128;
/// Bytes of an uncompressed proof.
pub const PROOF_UNCOMPRESSED_BYTES: usize = 256;

/// A Groth16 proof whose three points are in their groups and none of which is the identity.
///
/// An honest prover's points are uniform; the identity among them is somebody's experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    a: G1Affine,
    b: G2Affine,
    c: G1Affine,
}

/// Why points or bytes are no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A point that does not count.
    #[error("{place} is {flaw}")]
    Point {
        /// Which one.
        place: Place,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// A coordinate that is no field element.
    #[error("{place}: {error}")]
    Coordinate {
        /// Of which point.
        place: Place,
        /// What is wrong with it.
        error: FieldError,
    },
    /// Neither 128 nor 256 bytes.
    #[error("{0} bytes; a proof has 128, or 256 uncompressed")]
    Length(usize),
    /// No compressed point, or not as this type writes it.
    #[error("{0} is not a canonically compressed point")]
    Encoding(Place),
}

impl Proof {
    /// Checks the points: on their curves, in their subgroups, not the identity.
    pub fn new(a: G1Affine, b: G2Affine, c: G1Affine) -> Result<Self, ProofError> {
        let flaws = [
            (Place::PiA, point::flaw_g1(&a)),
            (Place::PiB, point::flaw_g2(&b)),
            (Place::PiC, point::flaw_g1(&c)),
        ];
        match flaws.into_iter().find_map(|(p, flaw)| Some((p, flaw?))) {
            Some((place, flaw)) => Err(ProofError::Point { place, flaw }),
            None => Ok(Self { a, b, c }),
        }
    }

    /// The first point.
    pub const fn a(&self) -> &G1Affine {
        &self.a
    }

    /// The second point.
    pub const fn b(&self) -> &G2Affine {
        &self.b
    }

    /// The third point.
    pub const fn c(&self) -> &G1Affine {
        &self.c
    }

    /// 128 bytes: the points compressed as arkworks does (little-endian, sign in the top bits).
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        let mut bytes = [0; PROOF_BYTES];
        let (a, rest) = bytes.split_at_mut(32);
        let (b, c) = rest.split_at_mut(64);
        compress(&self.a, a);
        compress(&self.b, b);
        compress(&self.c, c);
        bytes
    }

    /// 256 bytes: a, b, c with coordinates in the EVM's order.
    pub fn to_uncompressed_bytes(&self) -> [u8; PROOF_UNCOMPRESSED_BYTES] {
        let mut bytes = [0; PROOF_UNCOMPRESSED_BYTES];
        bytes[..64].copy_from_slice(&point::g1_to_bytes(&self.a));
        bytes[64..192].copy_from_slice(&point::g2_to_bytes(&self.b));
        bytes[192..].copy_from_slice(&point::g1_to_bytes(&self.c));
        bytes
    }

    /// Reads either form, told apart by length. Every proof has one encoding of each length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        if let Ok(bytes) = <&[u8; PROOF_BYTES]>::try_from(bytes) {
            return Self::from_compressed(bytes);
        }
        let length = ProofError::Length(bytes.len());
        let bytes: &[u8; PROOF_UNCOMPRESSED_BYTES] = bytes.try_into().map_err(|_| length)?;
        let (a, rest) = bytes.split_first_chunk::<G1_BYTES>().ok_or(length)?;
        let (b, rest) = rest.split_first_chunk::<G2_BYTES>().ok_or(length)?;
        let (c, _) = rest.split_first_chunk::<G1_BYTES>().ok_or(length)?;
        let at = |place| move |error| ProofError::Coordinate { place, error };
        Self::new(
            point::g1_from_bytes(a).map_err(at(Place::PiA))?,
            point::g2_from_bytes(b).map_err(at(Place::PiB))?,
            point::g1_from_bytes(c).map_err(at(Place::PiC))?,
        )
    }

    fn from_compressed(bytes: &[u8; PROOF_BYTES]) -> Result<Self, ProofError> {
        let (a, rest) = bytes.split_at(32);
        let (b, c) = rest.split_at(64);
        let proof = Self::new(
            decompress(a, Place::PiA)?,
            decompress(b, Place::PiB)?,
            decompress(c, Place::PiC)?,
        )?;
        // One proof, one encoding: spare flag bits must be as the writer sets them.
        let again = proof.to_bytes();
        for (place, range) in [
            (Place::PiA, 0..32),
            (Place::PiB, 32..96),
            (Place::PiC, 96..128),
        ] {
            if again.get(range.clone()) != bytes.get(range) {
                return Err(ProofError::Encoding(place));
            }
        }
        Ok(proof)
    }
}

fn compress(point: &impl CanonicalSerialize, out: &mut [u8]) {
    // Writing to memory of the right size cannot fail; were it too short, reading would.
    if point.serialize_compressed(&mut *out).is_err() {
        out.fill(0xff);
    }
}

fn decompress<P: CanonicalDeserialize>(bytes: &[u8], place: Place) -> Result<P, ProofError> {
    // The point itself is checked, once, by `Proof::new`.
    P::deserialize_compressed_unchecked(bytes).map_err(|_| ProofError::Encoding(place))
}
