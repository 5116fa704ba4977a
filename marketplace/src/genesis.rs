//! What the marketplace starts from: the `app_state` of the ledger's genesis document.

use eligo_ledger::height::ReplicaId;
use eligo_ledger::wire::{Wire, WireError};
use eligo_sharing::beacon::BeaconKey;
use eligo_sharing::dkg::GroupKey;

use crate::certificate::Certificate;
use crate::credits::Credits;
use crate::encoding::{Blob, List, wire_struct};
use crate::name::AccountId;
use crate::transaction::{MAX_ARBITERS, ProxyEntry};

wire_struct! {
    /// Amounts and times that every transaction keeps to.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
    pub struct Parameters {
        /// W: a revocation takes effect so many blocks later.
        pub revocation_blocks: u64,
        /// How long after acceptance the proxies have to deliver, in milliseconds of block time.
        pub delivery_ms: u64,
        /// How long after delivery the institution may dispute, in milliseconds of block time.
        pub dispute_ms: u64,
        /// How long arbiters have after that, in milliseconds of block time.
        pub arbitration_ms: u64,
        /// What a disputer deposits.
        pub dispute_deposit: Credits,
        /// What a hospital's bond is at least for its records to be claimed on.
        pub minimum_bond: Credits,
        /// What a proxy's stake is at least.
        pub minimum_stake: Credits,
        /// What a proxy loses for a false share; it is not drawn again.
        pub false_share_penalty: Credits,
        /// What a proxy loses for a claim that expired without its share.
        pub silence_penalty: Credits,
        /// The most proxies of a requirement; at most 63.
        pub most_proxies: u16,
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            revocation_blocks: 2,
            delivery_ms: 3_600_000,
            dispute_ms: 86_400_000,
            arbitration_ms: 604_800_000,
            dispute_deposit: Credits::new(100),
            minimum_bond: Credits::new(1_000),
            minimum_stake: Credits::new(100),
            false_share_penalty: Credits::new(50),
            silence_penalty: Credits::new(5),
            most_proxies: 15,
        }
    }
}

wire_struct! {
    /// What an account holds at first.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Holding {
        /// The account.
        pub account: AccountId,
        /// Its credits.
        pub credits: Credits,
    }
}

wire_struct! {
    /// A proxy that is there from the start; its stake comes out of its holding.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct FirstProxy {
        /// Its account, certified as a proxy.
        pub account: AccountId,
        /// Key and stake.
        pub entry: ProxyEntry,
    }
}

wire_struct! {
    /// Who judges disputes for a replica while that replica votes.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Arbiter {
        /// The replica.
        pub replica: ReplicaId,
        /// The account that gives its verdicts.
        pub account: AccountId,
        /// Where letters to it are sealed to, a [`LetterPublicKey`](eligo_sharing::letter::LetterPublicKey).
        pub letters: [u8; 32],
    }
}

wire_struct! {
    /// The marketplace's part of the genesis document.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct MarketGenesis {
        /// Who certifies.
        pub registrar: AccountId,
        /// All credits there will ever be.
        pub holdings: List<Holding, 65536>,
        /// Parties that need no later certificate.
        pub parties: List<Certificate, 4096>,
        /// Proxies from the start.
        pub proxies: List<FirstProxy, 1024>,
        /// Who judges disputes.
        pub arbiters: List<Arbiter, MAX_ARBITERS>,
        /// The beacon's key, made by the first replicas together: a
        /// [`GroupKey`] of purpose beacon.
        pub beacon: Blob<16384>,
        /// The rest.
        pub parameters: Parameters,
    }
}

/// Why there is no marketplace with this genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Not the encoding of one.
    #[error("the marketplace's genesis: {0}")]
    Bytes(#[from] WireError),
    /// The beacon's key.
    #[error("the beacon's key is no group key of that purpose")]
    Beacon,
    /// An account twice.
    #[error("account {0} is listed twice")]
    Twice(AccountId),
    /// More credits than can be counted.
    #[error("the holdings exceed what can be counted")]
    Overflow,
    /// A party that could not have been certified.
    #[error("party {party}: {reason}")]
    Party {
        /// Which.
        party: AccountId,
        /// Why not.
        reason: crate::rejection::Rejection,
    },
    /// More proxies than a grant can have.
    #[error("{0} proxies for one requirement are too many")]
    Proxies(u16),
}

impl MarketGenesis {
    /// The bytes for the ledger's genesis document.
    #[must_use]
    pub fn to_app_state(&self) -> Vec<u8> {
        self.to_wire()
    }

    /// Reads the beacon's key.
    ///
    /// # Errors
    /// [`GenesisError::Beacon`].
    pub fn beacon_key(&self) -> Result<BeaconKey, GenesisError> {
        let key = GroupKey::from_bytes(self.beacon.as_slice()).map_err(|_| GenesisError::Beacon)?;
        BeaconKey::new(&key).map_err(|_| GenesisError::Beacon)
    }
}
