//! Everything the marketplace decodes: whatever is read must be written back to the same bytes.

use std::sync::LazyLock;

use eligo_marketplace::fuzz;

use super::{Target, ledger};

/// What whole chains hold.
static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(fuzz::samples);

pub fn targets() -> Vec<Target> {
    ledger::from("market", fuzz::ALL, || SAMPLES.clone())
}
