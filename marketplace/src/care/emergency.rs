//! Emergencies: authorities open a record together when its patient cannot answer.

use eligo_ledger::height::Height;

use crate::certificate::MAX_NAME;
use crate::encoding::{Blob, Text, wire_struct};
use crate::name::AccountId;
use crate::table::Table;
use crate::transaction::MAX_LETTER;

use super::act::{EmergencyTerms, MAX_EMERGENCY};

wire_struct! {
    /// A record's capsule for emergencies.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct EmergencyCapsule {
        pub(crate) region: Text<MAX_NAME>,
        pub(crate) epoch: u64,
        pub(crate) sealed: Blob<MAX_EMERGENCY>,
    }
}

wire_struct! {
    /// A call to the authorities.
    #[derive(Clone, Debug)]
    pub(crate) struct Emergency {
        pub(crate) doctor: AccountId,
        pub(crate) terms: EmergencyTerms,
        pub(crate) height: Height,
        /// The authorities' letters.
        pub(crate) letters: Table<AccountId, Blob<MAX_LETTER>>,
    }
}
