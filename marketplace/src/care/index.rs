//! What is looked up by something else than its name. Derived from the state, never part of it.

use super::Care;

/// Lookups derived from the tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct CareIndex {}

impl CareIndex {
    /// Everything, from the tables.
    pub(crate) fn of(_care: &Care) -> Self {
        Self {}
    }
}
