//! The commitment to a record, natively and in the circuit.
//!
//! ```text
//! h_0    = P(2, schema, salt, e_1..e_9)       e_i the packed elements, zero padded
//! h_i    = P(9, h_{i-1}, next 10 elements)    until all are absorbed
//! record = h_last
//! ```

use std::collections::{BTreeMap, BTreeSet};

use ark_bn254::Fr;
use ark_ff::PrimeField;
use eligo_records::{
    cell::{CellId, Cells, Layout},
    schema::SchemaId,
};
use eligo_verifier_contract::hash::{Domain, poseidon as native};

use crate::{
    bits, poseidon,
    system::{Bit, Num, System},
};

/// Elements in the first block.
const FIRST: usize = 9;
/// Elements in each further block.
const NEXT: usize = 10;

/// The schema's field element.
pub fn schema_element(schema: SchemaId) -> Fr {
    Fr::from_be_bytes_mod_order(&schema.0)
}

/// The packed elements of a record.
pub fn elements(layout: &Layout, cells: &Cells) -> Vec<Fr> {
    cells
        .elements(layout)
        .iter()
        .map(|bytes| Fr::from_le_bytes_mod_order(bytes))
        .collect()
}

/// `record`: the commitment under a salt of 248 random bits.
pub fn commit(layout: &Layout, salt: Fr, cells: &Cells) -> Fr {
    let elements = elements(layout, cells);
    let (first, rest) = elements.split_at(elements.len().min(FIRST));
    let [e1, e2, e3, e4, e5, e6, e7, e8, e9] = padded(first);
    let schema = schema_element(layout.schema());
    let start = native(
        Domain::Record,
        [schema, salt, e1, e2, e3, e4, e5, e6, e7, e8, e9],
    );
    rest.chunks(NEXT).fold(start, |h, chunk| {
        let [e1, e2, e3, e4, e5, e6, e7, e8, e9, e10] = padded(chunk);
        native(
            Domain::RecordChain,
            [h, e1, e2, e3, e4, e5, e6, e7, e8, e9, e10],
        )
    })
}

fn padded<const N: usize>(elements: &[Fr]) -> [Fr; N] {
    let mut all = [Fr::default(); N];
    for (to, from) in all.iter_mut().zip(elements) {
        *to = *from;
    }
    all
}

/// A record in the circuit.
pub struct Record {
    elements: Vec<Num>,
    cells: BTreeMap<CellId, Vec<Bit>>,
}

impl Record {
    /// Allocates a record. Elements in `open` are decomposed into exactly their cells' widths, a
    /// constraint a bit; the others are one column each.
    pub fn alloc(
        system: &mut System,
        layout: &Layout,
        open: &BTreeSet<u16>,
        cells: Option<&Cells>,
    ) -> Self {
        let values = cells.map(|c| elements(layout, c));
        let mut opened = BTreeMap::new();
        let mut parts: BTreeMap<u16, Vec<(u8, Num)>> = BTreeMap::new();
        for (i, place) in layout.places().iter().enumerate() {
            if open.contains(&place.element) {
                let id = CellId(i as u16);
                let value = cells.map(|c| Fr::from(c.get(id)));
                let bits = bits::alloc(system, value, place.width.into());
                let part = parts.entry(place.element).or_default();
                part.push((place.offset, Num::from_bits(&bits)));
                opened.insert(id, bits);
            }
        }
        let elements = (0..layout.elements())
            .map(|e| match parts.get(&e) {
                Some(parts) => Num::combine(parts.iter().map(|(o, n)| (power(*o), n))),
                None => {
                    let value = values.as_ref().and_then(|v| v.get(usize::from(e)).copied());
                    system.alloc(value)
                }
            })
            .collect();
        Self {
            elements,
            cells: opened,
        }
    }

    /// The bits of a cell of an opened element, lowest first.
    pub fn bits(&self, cell: CellId) -> Option<&[Bit]> {
        self.cells.get(&cell).map(Vec::as_slice)
    }

    /// A packed element.
    pub fn element(&self, index: u16) -> Option<&Num> {
        self.elements.get(usize::from(index))
    }

    /// The commitment.
    pub fn commit(&self, system: &mut System, schema: SchemaId, salt: &Num) -> Num {
        let zero = Num::fixed(0u64);
        let block = |elements: &[Num], n: usize| {
            let mut all = elements.to_vec();
            all.resize(n, zero.clone());
            all
        };
        let (first, rest) = self.elements.split_at(self.elements.len().min(FIRST));
        let mut inputs = vec![
            Num::fixed(Domain::Record.element()),
            Num::fixed(schema_element(schema)),
            salt.clone(),
        ];
        inputs.extend(block(first, FIRST));
        let start = poseidon::hash(system, &inputs);
        rest.chunks(NEXT).fold(start, |h, chunk| {
            let mut inputs = vec![Num::fixed(Domain::RecordChain.element()), h];
            inputs.extend(block(chunk, NEXT));
            poseidon::hash(system, &inputs)
        })
    }
}

/// `2^n`.
pub(crate) fn power(n: u8) -> Fr {
    let mut limbs = [0u64; 4];
    limbs[usize::from(n / 64)] = 1 << (n % 64);
    Fr::from_bigint(ark_ff::BigInt(limbs)).unwrap_or_default()
}
