//! Diagnoses: a team signs one after the other, each within a slot, in epochs.

use eligo_ledger::height::Height;

use crate::encoding::{Blob, List, wire_struct};
use crate::name::{AccountId, DiagnosisName, SignerName};
use crate::table::Table;

use super::act::{MAX_CHAIN, MAX_TEAM, TeamPlan};

wire_struct! {
    /// A team at work, or done.
    #[derive(Clone, Debug)]
    pub(crate) struct Team {
        pub(crate) epoch: u64,
        pub(crate) plan: TeamPlan,
        /// The doctors' keys in order, as they were when the epoch began.
        pub(crate) signers: List<SignerName, MAX_TEAM>,
        /// Digests of the doctors' confirmations.
        pub(crate) confirmed: Table<AccountId, [u8; 32]>,
        /// The last accepted signatures; empty before the first.
        pub(crate) chain: Blob<MAX_CHAIN>,
        /// How many have signed.
        pub(crate) signed: u8,
        /// How often the doctor in turn was asked again.
        pub(crate) asked: u8,
        /// The slot's last millisecond since 1970.
        pub(crate) slot_ends_ms: u64,
        pub(crate) completed: Option<DiagnosisName>,
        pub(crate) height: Height,
    }
}
