//! The matrices in a key file: a dictionary of coefficients, then rows of differences and references.

use std::collections::HashMap;

use ark_bn254::Fr;
use ark_ff::{BigInt, BigInteger, PrimeField};
use sha2::{Digest as _, Sha256};

use super::{
    ReadError, Section,
    cursor::{Cursor, put_varint},
};
use crate::r1cs::{Matrix, R1cs};

impl R1cs {
    /// What identifies the system: SHA-256 of "eligo/r1cs/v1", the numbers of instance columns, witness
    /// columns and constraints (32 bits each, little-endian) and the matrices as docs/key-format.md writes them.
    pub fn digest(&self) -> [u8; 32] {
        self.digest_of(&encode(self))
    }

    /// The digest, given the encoded matrices.
    pub(crate) fn digest_of(&self, matrices: &[u8]) -> [u8; 32] {
        let mut hasher = Sha256::new_with_prefix(b"eligo/r1cs/v1");
        for count in [self.instance, self.witness, self.constraints() as u32] {
            hasher.update(count.to_le_bytes());
        }
        hasher.chain_update(matrices).finalize().into()
    }
}

/// Number of distinct coefficients, those in order of first use (32 bytes each, little-endian, canonical),
/// then the rows of A, of B and of C. A row is its number of entries, then for each entry the column less
/// the next possible one and the coefficient's position in the dictionary.
pub(crate) fn encode(system: &R1cs) -> Vec<u8> {
    let mut positions: HashMap<BigInt<4>, u32> = HashMap::new();
    let mut dictionary = Vec::new();
    let mut rows = Vec::new();
    for matrix in [&system.a, &system.b, &system.c] {
        for row in 0..matrix.rows() {
            put_varint(matrix.row(row).count() as u32, &mut rows);
            let mut next = 0;
            for (column, value) in matrix.row(row) {
                put_varint(column - next, &mut rows);
                next = column + 1;
                let fresh = positions.len() as u32;
                let position = *positions.entry(value.0).or_insert_with(|| {
                    dictionary.extend_from_slice(&value.into_bigint().to_bytes_le());
                    fresh
                });
                put_varint(position, &mut rows);
            }
        }
    }
    let mut out = Vec::with_capacity(4 + dictionary.len() + rows.len());
    out.extend_from_slice(&(positions.len() as u32).to_le_bytes());
    out.extend_from_slice(&dictionary);
    out.extend_from_slice(&rows);
    out
}

/// Reads what [`encode`] writes, and nothing else.
///
/// `base` is where the section begins in its file.
pub(crate) fn decode(
    bytes: &[u8],
    base: usize,
    instance: u32,
    witness: u32,
    rows: u32,
) -> Result<R1cs, ReadError> {
    let mut cursor = Cursor::within(bytes, Section::Matrices, base);
    let mut dictionary = Dictionary::read(&mut cursor)?;
    let columns = instance + witness;
    let a = matrix(&mut cursor, &mut dictionary, rows, columns)?;
    let b = matrix(&mut cursor, &mut dictionary, rows, columns)?;
    let c = matrix(&mut cursor, &mut dictionary, rows, columns)?;
    cursor.expect_remaining(0)?;
    if dictionary.used != dictionary.values.len() {
        return Err(cursor.malformed("unused coefficient"));
    }
    Ok(R1cs {
        instance,
        witness,
        a,
        b,
        c,
    })
}

struct Dictionary {
    values: Vec<Fr>,
    /// How many have been referred to so far.
    used: usize,
}

impl Dictionary {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, ReadError> {
        let count = cursor.u32()? as usize;
        let bytes = cursor.take(count.saturating_mul(32))?;
        let mut values = Vec::with_capacity(count);
        for chunk in bytes.chunks_exact(32) {
            let mut limbs = [0u64; 4];
            for (limb, word) in limbs.iter_mut().zip(chunk.chunks_exact(8)) {
                *limb = word.iter().rev().fold(0, |acc, b| acc << 8 | u64::from(*b));
            }
            match Fr::from_bigint(BigInt(limbs)) {
                Some(value) if !limbs.iter().all(|l| *l == 0) => values.push(value),
                _ => return Err(cursor.malformed("zero or non-canonical coefficient")),
            }
        }
        let mut sorted: Vec<&Fr> = values.iter().collect();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(cursor.malformed("the same coefficient twice"));
        }
        Ok(Self { values, used: 0 })
    }

    fn get(&mut self, position: u32) -> Option<Fr> {
        let position = position as usize;
        if position > self.used {
            return None;
        }
        self.used = self.used.max(position + 1);
        self.values.get(position).copied()
    }
}

fn matrix(
    cursor: &mut Cursor<'_>,
    dictionary: &mut Dictionary,
    rows: u32,
    columns: u32,
) -> Result<Matrix, ReadError> {
    // A row takes a byte, an entry two.
    if rows as usize > cursor.remaining() {
        return Err(cursor.malformed("more rows than bytes"));
    }
    let mut matrix = Matrix::empty();
    matrix.starts.reserve(rows as usize);
    for _ in 0..rows {
        let entries = cursor.varint()?;
        if entries > columns {
            return Err(cursor.malformed("more entries in a row than columns"));
        }
        let mut next = 0u32;
        for _ in 0..entries {
            let column = cursor.varint()?.checked_add(next).filter(|k| *k < columns);
            let column = column.ok_or_else(|| cursor.malformed("column out of range"))?;
            next = column + 1;
            let position = cursor.varint()?;
            let value = dictionary.get(position);
            let value = value.ok_or_else(|| cursor.malformed("coefficient out of order"))?;
            matrix.columns.push(column);
            matrix.values.push(value);
        }
        matrix.starts.push(matrix.columns.len() as u32);
    }
    Ok(matrix)
}
