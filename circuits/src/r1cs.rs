//! A rank-1 constraint system as three sparse matrices.
//!
//! Column 0 is the constant one, then the public inputs, then the witness. A full assignment `z` has
//! that order and satisfies the system when `(A z) * (B z) = C z` row by row.

use ark_bn254::Fr;
use ark_ff::Zero;

/// A sparse matrix in compressed-row form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// `rows + 1` ascending offsets into `columns` and `values`.
    pub starts: Vec<u32>,
    /// Column of each entry, ascending and without duplicates within a row.
    pub columns: Vec<u32>,
    /// Coefficient of each entry, never zero.
    pub values: Vec<Fr>,
}

impl Matrix {
    /// A matrix without rows.
    pub fn empty() -> Self {
        Self {
            starts: vec![0],
            columns: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Appends a row; entries may come in any order and repeat.
    pub fn push_row(&mut self, mut entries: Vec<(u32, Fr)>) {
        entries.sort_unstable_by_key(|(column, _)| *column);
        entries.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        for (column, value) in entries {
            if !value.is_zero() {
                self.columns.push(column);
                self.values.push(value);
            }
        }
        self.starts.push(self.columns.len() as u32);
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// One row's entries; empty for a row that does not exist.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (u32, Fr)> + '_ {
        let bound = |i: usize| self.starts.get(i).map_or(0, |s| *s as usize);
        let range = bound(row)..bound(row + 1).max(bound(row));
        let columns = self.columns.get(range.clone()).unwrap_or_default();
        let values = self.values.get(range).unwrap_or_default();
        columns.iter().copied().zip(values.iter().copied())
    }

    /// The row's product with an assignment.
    pub fn row_product(&self, row: usize, z: &[Fr]) -> Fr {
        self.row(row)
            .map(|(column, value)| z.get(column as usize).map_or(Fr::zero(), |x| *x * value))
            .sum()
    }
}

/// `(A z) * (B z) = C z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct R1cs {
    /// Columns before the witness: the constant one and the public inputs.
    pub instance: u32,
    /// Witness columns.
    pub witness: u32,
    /// Left factors.
    pub a: Matrix,
    /// Right factors.
    pub b: Matrix,
    /// Products.
    pub c: Matrix,
}

impl R1cs {
    /// Number of constraints.
    pub fn constraints(&self) -> usize {
        self.a.rows()
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.instance as usize + self.witness as usize
    }

    /// The first row the assignment violates, if any.
    pub fn violated(&self, z: &[Fr]) -> Option<usize> {
        (0..self.constraints()).find(|&row| self.violates(row, z))
    }

    /// Whether the assignment violates a row.
    pub fn violates(&self, row: usize, z: &[Fr]) -> bool {
        self.a.row_product(row, z) * self.b.row_product(row, z) != self.c.row_product(row, z)
    }

    /// For each column, the rows that read it.
    pub fn readers(&self) -> Vec<Vec<u32>> {
        let mut readers = vec![Vec::new(); self.columns()];
        for row in 0..self.constraints() {
            for matrix in [&self.a, &self.b, &self.c] {
                for (column, _) in matrix.row(row) {
                    if let Some(rows) = readers.get_mut(column as usize)
                        && rows.last() != Some(&(row as u32))
                    {
                        rows.push(row as u32);
                    }
                }
            }
        }
        readers
    }
}
