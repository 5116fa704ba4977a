//! Relatives who act for encounters.

use eligo_ledger::height::Height;

use crate::encoding::wire_struct;

use super::act::Delegation;

wire_struct! {
    /// A delegation that was made.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Delegated {
        pub(crate) delegation: Delegation,
        pub(crate) revoked: bool,
        pub(crate) height: Height,
    }
}
