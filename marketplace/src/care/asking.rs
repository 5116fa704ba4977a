//! Asks: who asks a patient for records, and which proxies will serve.

use eligo_ledger::height::Height;

use crate::encoding::{List, wire_enum, wire_struct};
use crate::name::{AccountId, RecordName};
use crate::proxy::Service;

use super::act::AskTerms;
use super::permission::MAX_RECORDS;

wire_enum! {
    /// Whether an ask is still answered and read under.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Stage("ask") {
        1 => Open,
        2 => Withdrawn,
        3 => Revoked,
        4 => Ended,
    }
}

wire_struct! {
    /// A doctor's ask.
    #[derive(Clone, Debug)]
    pub(crate) struct Ask {
        pub(crate) doctor: AccountId,
        pub(crate) terms: AskTerms,
        pub(crate) stage: Stage,
        /// Its number among all asks: the epoch of its draw.
        pub(crate) serial: u64,
        pub(crate) service: Service,
        /// What was granted, in order.
        pub(crate) records: List<RecordName, MAX_RECORDS>,
        pub(crate) height: Height,
    }
}
