//! Random requirements for property tests: expressions an author could write, and programs as circuits
//! meet them. Constants are drawn near the values of a record, so that both answers occur.

mod expression;
mod program;

use proptest::{prelude::*, sample::select};

pub use expression::{arb_criterion, arb_node};
pub use program::{arb_formula, arb_program};

use crate::{
    cell::{Cells, Layout, arb_record},
    civil::{CIVIL_BITS, CivilDay},
    program::Program,
    schema::Schema,
};

/// A day of 2010 to 2029.
pub fn arb_today() -> impl Strategy<Value = CivilDay> {
    (110u32..130, 0u32..12, 0u32..28).prop_map(|(y, m, d)| {
        let number = 372 * y + 31 * m + d;
        // Months of 28 days and more have the first 28.
        CivilDay::from_number(number).unwrap_or_else(|_| unreachable!("{number}"))
    })
}

/// A random schema, a record of it, a day, and a program over it.
pub fn arb_question() -> impl Strategy<Value = (Schema, Cells, CivilDay, Program)> {
    (arb_record(), arb_today()).prop_flat_map(|((schema, cells), today)| {
        let program = arb_program(&schema, &cells, today);
        (Just(schema), Just(cells), Just(today), program)
    })
}

/// A number close to another, at either end of `0..=most`, or anywhere between.
fn near(value: u64, most: u64) -> impl Strategy<Value = u64> {
    let close = [
        value.saturating_sub(1),
        value,
        value.saturating_add(1).min(most),
        0,
        1.min(most),
        most.saturating_sub(1),
        most,
    ];
    prop_oneof![
        4 => select(close.to_vec()),
        1 => 0..=most,
    ]
}

/// Civil units close to those between a date cell and today, as a least and a most.
fn near_elapsed(cell: u64, today: CivilDay) -> impl Strategy<Value = (u32, u32)> {
    let most = (1u64 << CIVIL_BITS) - 1;
    let since = (u64::from(today.number()) + 1)
        .saturating_sub(cell)
        .min(most);
    (near(since, most), near(since, most)).prop_map(|(a, b)| (a.min(b) as u32, a.max(b) as u32)) // at most 18 bits
}

fn layout_of(schema: &Schema) -> Layout {
    Layout::of(schema)
}
