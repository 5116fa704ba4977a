//! Reading a Groth16 `.zkey`.

use std::{fmt, sync::OnceLock};

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G2Affine};
use ark_ff::{BigInt, BigInteger, One, PrimeField};
use ark_groth16::VerifyingKey;
use thiserror::Error;

use crate::{
    groth16::{
        ProvingKey, Section,
        domain::Domain,
        key::Query,
        points::{self, Encoding, Point},
    },
    r1cs::{Matrix, R1cs},
};

/// A section of a `.zkey`, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedSection(u32);

impl fmt::Display for ImportedSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            1 => "header",
            2 => "Groth16 header",
            3 => "public input points",
            4 => "coefficients",
            5 => "A points",
            6 => "B points in G1",
            7 => "B points in G2",
            8 => "C points",
            9 => "H points",
            _ => "unknown section",
        };
        write!(f, "section {} ({name})", self.0)
    }
}

/// Why a `.zkey` is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImportError {
    /// Not a `.zkey` of version 1.
    #[error("not a version 1 .zkey file")]
    Magic,
    /// A section is missing, doubled, or of another length than its content needs.
    #[error("{0} of the .zkey is missing, doubled, or of the wrong length")]
    Section(ImportedSection),
    /// Another proof system or another curve.
    #[error("the .zkey is not a Groth16 key over BN254")]
    Curve,
    /// The key is for a system of another size.
    #[error("the .zkey has {found} {what}, the circuit {expected}")]
    Size {
        /// What is counted.
        what: &'static str,
        /// In the circuit.
        expected: u32,
        /// In the file.
        found: u32,
    },
    /// The key's coefficients are not the circuit's.
    #[error("matrix {matrix} of the .zkey differs from the circuit's in row {row}")]
    Matrix {
        /// A or B.
        matrix: char,
        /// The first row that differs.
        row: usize,
    },
    /// Coordinates that are not canonical, off the curve, or infinity where there must be a point.
    #[error("point {index} in {section} of the .zkey is not a point of the group")]
    Point {
        /// The section.
        section: ImportedSection,
        /// Position in it.
        index: usize,
    },
    /// Points outside the prime-order subgroup.
    #[error("a point in {0} of the .zkey lies outside the prime-order subgroup")]
    Subgroup(ImportedSection),
}

impl ProvingKey {
    /// Reads a Groth16 `.zkey` that snarkjs made for the system's exported `.r1cs`. All points are checked as in
    /// [`read_checked`](Self::read_checked), and the coefficients are compared with the system's. (A `.zkey`
    /// does not hold the matrix C, so the system is needed.)
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with the file, or what in it belongs to another circuit.
    pub fn import_zkey(bytes: &[u8], system: R1cs) -> Result<Self, ImportError> {
        let file = Sections::split(bytes)?;
        if file.get(1)? != 1u32.to_le_bytes() {
            return Err(ImportError::Curve);
        }
        let domain = Domain::new(system.constraints() + system.instance as usize);
        let domain = domain.ok_or(ImportError::Section(ImportedSection(2)))?;
        let mut vk = header(file.get(2)?, &system, &domain)?;
        let (columns, instance) = (system.columns(), system.instance as usize);
        vk.gamma_abc_g1 = whole(&file, 3, instance)?;
        compare(&system, file.get(4)?)?;
        let b = query::<G2Affine>(&file, 7, columns, 0)?;
        let checks = [
            (
                2,
                points::check_subgroup(Section::Verifying, &[vk.beta_g2, vk.gamma_g2, vk.delta_g2]),
            ),
            (7, points::check_subgroup(Section::B, &b.points)),
        ];
        for (section, check) in checks {
            check.map_err(|_| ImportError::Subgroup(ImportedSection(section)))?;
        }
        Ok(Self {
            vk,
            a: query::<G1Affine>(&file, 5, columns, 0)?,
            b,
            l: query::<G1Affine>(&file, 8, columns - instance, system.instance)?,
            h: whole(&file, 9, domain.size())?,
            system,
            domain,
            check: None,
            metadata: Vec::new(),
            prepared: OnceLock::new(),
        })
    }
}

/// The contents by kind, kinds 1 to 9; others are passed over.
struct Sections<'a>([Option<&'a [u8]>; 10]);

impl<'a> Sections<'a> {
    fn split(bytes: &'a [u8]) -> Result<Self, ImportError> {
        let mut rest = bytes;
        let mut take = |length: usize| {
            let (taken, left) = rest.split_at_checked(length)?;
            rest = left;
            Some(taken)
        };
        let word = |take: &mut dyn FnMut(usize) -> Option<&'a [u8]>| take(4).and_then(u32_at);
        if take(4) != Some(b"zkey") || word(&mut take) != Some(1) {
            return Err(ImportError::Magic);
        }
        let count = word(&mut take).ok_or(ImportError::Magic)?;
        let mut sections = [None; 10];
        for _ in 0..count {
            let kind = word(&mut take).ok_or(ImportError::Section(ImportedSection(0)))?;
            let wrong = ImportError::Section(ImportedSection(kind));
            let length = take(8)
                .and_then(|b| b.try_into().ok())
                .map(u64::from_le_bytes);
            let length = length.and_then(|l| usize::try_from(l).ok());
            let content = length.and_then(&mut take).ok_or(wrong.clone())?;
            if let Some(place) = sections.get_mut(kind as usize)
                && place.replace(content).is_some()
            {
                return Err(wrong);
            }
        }
        Ok(Self(sections))
    }

    fn get(&self, kind: u32) -> Result<&'a [u8], ImportError> {
        let content = self.0.get(kind as usize).copied().flatten();
        content.ok_or(ImportError::Section(ImportedSection(kind)))
    }

    /// A section of `count` points.
    fn points<P: Point>(
        &self,
        kind: u32,
        count: usize,
    ) -> Result<std::slice::ChunksExact<'a, u8>, ImportError> {
        let content = self.get(kind)?;
        let length = P::length(Encoding::Montgomery);
        if Some(content.len()) != count.checked_mul(length) {
            return Err(ImportError::Section(ImportedSection(kind)));
        }
        Ok(content.chunks_exact(length))
    }
}

fn u32_at(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().copied().map(u32::from_le_bytes)
}

/// Field sizes and primes, counts, then alpha in G1, beta in G1 and G2, gamma in G2, delta in G1 and G2.
fn header(
    bytes: &[u8],
    system: &R1cs,
    domain: &Domain,
) -> Result<VerifyingKey<Bn254>, ImportError> {
    let section = ImportedSection(2);
    let mut curve = Vec::new();
    for modulus in [Fq::MODULUS, Fr::MODULUS] {
        curve.extend_from_slice(&32u32.to_le_bytes());
        curve.extend_from_slice(&modulus.to_bytes_le());
    }
    let rest = bytes.strip_prefix(&curve[..]).ok_or(ImportError::Curve)?;
    if rest.len() != 12 + 3 * 64 + 3 * 128 {
        return Err(ImportError::Section(section));
    }
    let expected = [
        ("columns", system.columns() as u32),
        ("public inputs", system.instance.saturating_sub(1)),
        ("domain elements", domain.size() as u32),
    ];
    for ((what, expected), found) in expected.into_iter().zip(rest.chunks_exact(4)) {
        let found = u32_at(found).unwrap_or_default();
        if found != expected {
            return Err(ImportError::Size {
                what,
                expected,
                found,
            });
        }
    }
    let points = rest.get(12..).unwrap_or_default();
    let g2 = |index: usize, start: usize| {
        let bytes = points.get(start..start + 128).unwrap_or_default();
        G2Affine::get(bytes, Encoding::Montgomery).ok_or(ImportError::Point { section, index })
    };
    let alpha = points.get(..64).unwrap_or_default();
    let alpha = G1Affine::get(alpha, Encoding::Montgomery);
    Ok(VerifyingKey {
        alpha_g1: alpha.ok_or(ImportError::Point { section, index: 0 })?,
        beta_g2: g2(2, 128)?,
        gamma_g2: g2(3, 256)?,
        delta_g2: g2(5, 448)?,
        gamma_abc_g1: Vec::new(),
    })
}

/// A section of points none of which is infinity.
fn whole<P: Point>(file: &Sections<'_>, kind: u32, count: usize) -> Result<Vec<P>, ImportError> {
    let section = ImportedSection(kind);
    let points = file.points::<P>(kind, count)?.enumerate();
    points
        .map(|(index, bytes)| {
            P::get(bytes, Encoding::Montgomery).ok_or(ImportError::Point { section, index })
        })
        .collect()
}

/// A section with a point for each column from `first` on, infinity being zeros.
fn query<P: Point>(
    file: &Sections<'_>,
    kind: u32,
    count: usize,
    first: u32,
) -> Result<Query<P>, ImportError> {
    let section = ImportedSection(kind);
    let mut query = Query {
        columns: Vec::new(),
        points: Vec::new(),
    };
    for (index, bytes) in file.points::<P>(kind, count)?.enumerate() {
        if bytes.iter().all(|b| *b == 0) {
            continue;
        }
        let point = P::get(bytes, Encoding::Montgomery);
        query
            .points
            .push(point.ok_or(ImportError::Point { section, index })?);
        query.columns.push(first + index as u32);
    }
    Ok(query)
}

/// Compares A (with its rows for the instance columns) and B with the file's triples of matrix, row, column
/// and value. A value stands there times 2^512.
fn compare(system: &R1cs, bytes: &[u8]) -> Result<(), ImportError> {
    const TRIPLE: usize = 12 + 32;
    let wrong = ImportError::Section(ImportedSection(4));
    let count = u32_at(bytes).ok_or(wrong.clone())? as usize;
    let triples = bytes.get(4..).unwrap_or_default();
    if Some(triples.len()) != count.checked_mul(TRIPLE) {
        return Err(wrong);
    }
    let rows = system.constraints() + system.instance as usize;
    let mut found = [vec![Vec::new(); rows], vec![Vec::new(); rows]];
    for triple in triples.chunks_exact(TRIPLE) {
        let word = |i: usize| triple.get(4 * i..).and_then(u32_at).unwrap_or(u32::MAX);
        let value = triple
            .get(12..)
            .and_then(coefficient)
            .ok_or(wrong.clone())?;
        let row = found
            .get_mut(word(0) as usize)
            .and_then(|m| m.get_mut(word(1) as usize));
        row.ok_or(wrong.clone())?.push((word(2), value));
    }
    let expected = |matrix: &Matrix, consistency: bool, row: usize| -> Vec<(u32, Fr)> {
        match row.checked_sub(system.constraints()) {
            Some(k) if consistency => vec![(k as u32, Fr::one())],
            Some(_) => Vec::new(),
            None => matrix.row(row).collect(),
        }
    };
    let matrices = [('A', &system.a, true), ('B', &system.b, false)];
    for ((matrix, ours, consistency), theirs) in matrices.into_iter().zip(found) {
        for (row, entries) in theirs.into_iter().enumerate() {
            let mut normal = Matrix::empty();
            normal.push_row(entries);
            if !normal.row(0).eq(expected(ours, consistency, row)) {
                return Err(ImportError::Matrix { matrix, row });
            }
        }
    }
    Ok(())
}

/// A coefficient; its bytes, taken for a Montgomery residue, are the value times 2^256.
fn coefficient(bytes: &[u8]) -> Option<Fr> {
    let mut limbs = [0u64; 4];
    for (limb, word) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(word.try_into().ok()?);
    }
    let limbs = BigInt(limbs);
    (limbs < Fr::MODULUS).then(|| Fr::new_unchecked(Fr::new_unchecked(limbs).into_bigint()))
}
