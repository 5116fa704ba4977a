//! snarkjs's files: `proof.json`, `public.json`, `verification_key.json`.
//!
//! Numbers are decimal strings. Only canonical ones are read: below their modulus, no leading
//! zeros, affine points (third coordinate 1). Files are refused by size before they are parsed, and
//! keys that are read or written are linted.

mod json;
mod key;
mod proof;

use alloc::string::String;
use core::fmt;

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;

use crate::{
    field::{self, FieldError, to_decimal},
    key::{MAX_INPUTS, UnsafeKey},
    point::{self, Place},
    proof::ProofError,
};
use json::Json;

pub use key::{read_key, read_key_parts, write_key};
pub use proof::{read_proof, write_proof};

/// Longest `proof.json` that is read, in bytes.
pub const PROOF_LIMIT: usize = 16 * 1024;
/// Longest `public.json` that is read, in bytes.
pub const PUBLIC_LIMIT: usize = 128 * (MAX_INPUTS + 1);
/// Longest `verification_key.json` that is read, in bytes.
pub const KEY_LIMIT: usize = 16 * 1024 + 256 * (MAX_INPUTS + 1);

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnarkjsError {
    /// Larger than any such file.
    #[error("{length} bytes; such a file has at most {limit}")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes accepted.
        limit: usize,
    },
    /// No JSON of the expected shape.
    #[error("line {line}, column {column}: {expected}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the file should be.
        expected: Expected,
    },
    /// Another proof system.
    #[error("`protocol` is not \"groth16\"")]
    Protocol,
    /// Another curve.
    #[error("`curve` is not \"bn128\"")]
    Curve,
    /// A number that is no field element.
    #[error("{at}: {error}")]
    Number {
        /// Where.
        at: At,
        /// What is wrong with it.
        error: FieldError,
    },
    /// A third coordinate that is not 1 (or, for the identity, 0).
    #[error("{0} is not affine: the third coordinate must be 1")]
    NotAffine(Place),
    /// `nPublic` does not say how many input bases there are.
    #[error("`nPublic` is {n_public}, but IC has {bases} points; expected one more than `nPublic`")]
    Count {
        /// What the file says.
        n_public: u64,
        /// What it has.
        bases: usize,
    },
    /// More public inputs than any statement has.
    #[error("more than 1024 public inputs")]
    TooMany,
    /// The points are no proof.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The key must not be used.
    #[error(transparent)]
    Unsafe(#[from] UnsafeKey),
}

/// What a file should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// `proof.json`.
    Proof,
    /// `public.json`.
    Public,
    /// `verification_key.json`.
    Key,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proof => {
                "expected a snarkjs proof: an object with pi_a, pi_b, pi_c, protocol, curve"
            }
            Self::Public => "expected snarkjs public inputs: an array of decimal strings",
            Self::Key => {
                "expected a snarkjs verifying key: an object with protocol, curve, nPublic, vk_alpha_1, vk_beta_2, vk_gamma_2, vk_delta_2, IC"
            }
        })
    }
}

/// Where in a file a number stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A coordinate of a point.
    Point(Place),
    /// A public input, from 0.
    Input(usize),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point(place) => write!(f, "{place}"),
            Self::Input(index) => write!(f, "public input {index}"),
        }
    }
}

/// Reads `public.json`: any number of inputs up to 1024, each canonical.
pub fn read_public(bytes: &[u8]) -> Result<alloc::vec::Vec<Fr>, SnarkjsError> {
    let texts: json::Bounded<&str> = json::parse(bytes, PUBLIC_LIMIT, Expected::Public)?;
    if texts.overflowed() {
        return Err(SnarkjsError::TooMany);
    }
    let number = |(index, text): (usize, &&str)| {
        let at = At::Input(index);
        field::from_decimal(text).map_err(|error| SnarkjsError::Number { at, error })
    };
    texts.items().iter().enumerate().map(number).collect()
}

/// Writes `public.json`.
pub fn write_public(inputs: &[Fr]) -> String {
    Json::list(inputs.iter().map(|x| Json::text(to_decimal(x)))).to_file()
}

type G1Text<'a> = [&'a str; 3];
type G2Text<'a> = [[&'a str; 2]; 3];

fn coordinate(text: &str, place: Place) -> Result<Fq, SnarkjsError> {
    let at = At::Point(place);
    field::from_decimal(text).map_err(|error| SnarkjsError::Number { at, error })
}

/// A point whose coordinates are numbers; not yet known to be on the curve.
fn read_g1(text: &G1Text<'_>, place: Place) -> Result<G1Affine, SnarkjsError> {
    match *text {
        ["0", "1", "0"] => Ok(G1Affine::identity()),
        // (0, 0) is our mark of the identity, and on no curve: only (0, 1, 0) is read as it.
        ["0", "0", _] | [_, _, "0"] => Err(SnarkjsError::NotAffine(place)),
        [x, y, "1"] => Ok(point::g1(coordinate(x, place)?, coordinate(y, place)?)),
        _ => Err(SnarkjsError::NotAffine(place)),
    }
}

fn read_g2(text: &G2Text<'_>, place: Place) -> Result<G2Affine, SnarkjsError> {
    const ZERO: [&str; 2] = ["0", "0"];
    const ONE: [&str; 2] = ["1", "0"];
    match *text {
        [ZERO, ONE, ZERO] => Ok(G2Affine::identity()),
        [ZERO, ZERO, _] => Err(SnarkjsError::NotAffine(place)),
        [x, y, ONE] => {
            let both = |[c0, c1]: [&str; 2]| {
                Ok::<_, SnarkjsError>(Fq2::new(coordinate(c0, place)?, coordinate(c1, place)?))
            };
            Ok(point::g2(both(x)?, both(y)?))
        }
        _ => Err(SnarkjsError::NotAffine(place)),
    }
}

fn g1_json(point: &G1Affine) -> Json {
    let (x, y) = point.xy().unwrap_or_default();
    let third = if point.is_zero() { "0" } else { "1" };
    let y = if point.is_zero() {
        String::from("1")
    } else {
        to_decimal(&y)
    };
    Json::list([Json::text(to_decimal(&x)), Json::text(y), Json::text(third)])
}

fn fq2_json(x: &Fq2) -> Json {
    Json::list([&x.c0, &x.c1].map(|c| Json::text(to_decimal(c))))
}

fn g2_json(point: &G2Affine) -> Json {
    use ark_ff::Field;
    let (x, y, third) = match point.xy() {
        Some((x, y)) => (x, y, Fq2::ONE),
        None => (Fq2::default(), Fq2::ONE, Fq2::default()),
    };
    Json::list([x, y, third].iter().map(fq2_json))
}
