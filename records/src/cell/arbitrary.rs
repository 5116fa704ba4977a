//! Random records for property tests.

use std::collections::BTreeSet;

use proptest::{collection::btree_set, prelude::*};

use super::{Cells, FLAG_BITS, Layout};
use crate::{
    civil::CIVIL_BITS,
    schema::{Kind, Schema},
};

/// Records of a schema: values absent, at both ends of their range and between; dates of all kinds;
/// families empty, full, crowded at either end, and between.
pub fn arb_cells(schema: &Schema) -> impl Strategy<Value = Cells> + use<> {
    let layout = Layout::of(schema);
    let attributes: Vec<BoxedStrategy<Vec<u64>>> = schema
        .attributes()
        .iter()
        .map(|a| arb_attribute(&a.kind))
        .collect();
    attributes.prop_filter_map("cells that fit the schema", move |cells| {
        Cells::new(&layout, cells.concat()).ok()
    })
}

/// A random schema with a record of it.
pub fn arb_record() -> impl Strategy<Value = (Schema, Cells)> {
    crate::schema::arb_schema().prop_flat_map(|schema| {
        let cells = arb_cells(&schema);
        (Just(schema), cells)
    })
}

fn arb_attribute(kind: &Kind) -> BoxedStrategy<Vec<u64>> {
    match kind {
        Kind::Number(n) => with_date(arb_cell((1 << n.width) - 1), n.dated),
        Kind::Choice(c) => with_date(arb_cell(c.values.len() as u64), c.dated),
        Kind::Date(_) => arb_date().prop_map(|d| vec![d]).boxed(),
        Kind::Flag(_) => arb_flag().prop_map(|f| vec![f]).boxed(),
        Kind::Family(f) => arb_family(f.size, f.coding.width(), f.onset).boxed(),
    }
}

fn with_date(value: impl Strategy<Value = u64> + 'static, dated: bool) -> BoxedStrategy<Vec<u64>> {
    if dated {
        (value, arb_date()).prop_map(|(v, d)| vec![v, d]).boxed()
    } else {
        value.prop_map(|v| vec![v]).boxed()
    }
}

/// Absent, least, most, or between; at most `most`.
fn arb_cell(most: u64) -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => Just(0),
        1 => Just(1.min(most)),
        1 => Just(most),
        4 => 0..=most,
    ]
}

/// Absent, any number of 18 bits, or a day of 2010 to 2029.
fn arb_date() -> impl Strategy<Value = u64> {
    let day = (110u64..130, 0u64..12, 0u64..28).prop_map(|(y, m, d)| 1 + 372 * y + 31 * m + d);
    prop_oneof![
        2 => Just(0),
        1 => arb_cell((1 << CIVIL_BITS) - 1),
        5 => day,
    ]
}

fn arb_flag() -> impl Strategy<Value = u64> {
    0..(1u64 << FLAG_BITS) - 1
}

fn arb_family(size: u16, width: u8, onset: bool) -> impl Strategy<Value = Vec<u64>> {
    let room = usize::from(size);
    let last = (1u64 << width) - 1;
    let crowd = u64::from(size) + 2;
    let codes = prop_oneof![
        1 => Just(BTreeSet::new()),
        2 => btree_set(1..=last, room),
        2 => btree_set(1..=last, 0..=room),
        // Crowded at one end, so that neighbours and sentinels meet.
        1 => btree_set(1..=crowd, 0..=room),
        1 => btree_set(last - crowd..=last, 0..=room),
    ];
    let onsets = proptest::collection::vec(arb_date(), if onset { room } else { 0 });
    (0u64..=2, codes, onsets).prop_map(move |(recorded, codes, onsets)| {
        let gap = room.saturating_sub(codes.len());
        let mut cells = vec![recorded];
        cells.extend(core::iter::repeat_n(0, gap));
        cells.extend(codes);
        // An absent code has no onset.
        let onsets = onsets.into_iter().enumerate();
        cells.extend(onsets.map(|(i, o)| if i < gap { 0 } else { o }));
        cells
    })
}
