//! Permits: what a patient grants in answer to an ask, until when, and taking it back.

use std::sync::{Arc, OnceLock};

use eligo_ledger::height::Height;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::tcpre::VerifiedGrant;

use crate::encoding::{Blob, List, wire_struct};
use crate::name::AccountId;
use crate::table::Table;
use crate::transaction::{MAX_GRANT, MAX_SHARE};

use super::act::{MAX_TOKENS, TokenLetter};

/// The most records granted in one ask.
pub const MAX_RECORDS: usize = 32;

wire_struct! {
    /// A permit that was given.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Permitted {
        pub(crate) until_ms: u64,
        pub(crate) delegate: Option<AccountId>,
        /// For the search nodes; dropped when the ask is over.
        pub(crate) tokens: List<TokenLetter, MAX_TOKENS>,
        pub(crate) height: Height,
    }
}

/// A record that is granted in an ask.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    pub(crate) grant: Blob<MAX_GRANT>,
    pub(crate) until_ms: u64,
    /// When the doctor began to read.
    pub(crate) read: Option<Height>,
    /// By the proxies' numbers.
    pub(crate) shares: Table<u8, Blob<MAX_SHARE>>,
    /// What the doctor said of it.
    pub(crate) opened: Option<bool>,
    /// The grant, verified when it was accepted, or again when it is first used after a restart.
    verified: OnceLock<Arc<VerifiedGrant>>,
}

impl Wire for Granted {
    const MIN_SIZE: usize = 4 + 8 + 1 + 4 + 1;
    fn encode(&self, out: &mut Vec<u8>) {
        self.grant.encode(out);
        self.until_ms.encode(out);
        self.read.encode(out);
        self.shares.encode(out);
        self.opened.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            grant: Wire::decode(r)?,
            until_ms: Wire::decode(r)?,
            read: Wire::decode(r)?,
            shares: Wire::decode(r)?,
            opened: Wire::decode(r)?,
            verified: OnceLock::new(),
        })
    }
}
