//! What the marketplace starts from: the `app_state` of the ledger's genesis document.

use eligo_ledger::height::ReplicaId;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::beacon::BeaconKey;
use eligo_sharing::dkg::GroupKey;

use crate::certificate::Certificate;
use crate::credits::Credits;
use crate::encoding::{Blob, List, wire_struct};
use crate::name::AccountId;
use crate::transaction::{MAX_ARBITERS, ProxyEntry};

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
    /// The most proxies of a requirement or an ask; at most 63.
    pub most_proxies: u16,
    /// How many proxies must work together at least, of a requirement or an ask; at least 2.
    pub least_threshold: u16,
}

/// The least threshold that may be, and the one that genesis documents mean that state none.
const LEAST_THRESHOLD: u16 = 2;
/// In the place of the most proxies: the least threshold follows.
const THRESHOLD_FOLLOWS: u16 = 1 << 15;

/// The fields in order. A least threshold of 2 is not written, so that documents without one keep their bytes;
/// any other is announced by the highest bit of the number before it.
impl Wire for Parameters {
    const MIN_SIZE: usize = 9 * 8 + 2;
    fn encode(&self, out: &mut Vec<u8>) {
        self.revocation_blocks.encode(out);
        self.delivery_ms.encode(out);
        self.dispute_ms.encode(out);
        self.arbitration_ms.encode(out);
        self.dispute_deposit.encode(out);
        self.minimum_bond.encode(out);
        self.minimum_stake.encode(out);
        self.false_share_penalty.encode(out);
        self.silence_penalty.encode(out);
        // Far more than may be: refused, whatever it was.
        let most = self.most_proxies.min(THRESHOLD_FOLLOWS - 1);
        if self.least_threshold == LEAST_THRESHOLD {
            most.encode(out);
        } else {
            (most | THRESHOLD_FOLLOWS).encode(out);
            self.least_threshold.encode(out);
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut parameters = Self {
            revocation_blocks: Wire::decode(r)?,
            delivery_ms: Wire::decode(r)?,
            dispute_ms: Wire::decode(r)?,
            arbitration_ms: Wire::decode(r)?,
            dispute_deposit: Wire::decode(r)?,
            minimum_bond: Wire::decode(r)?,
            minimum_stake: Wire::decode(r)?,
            false_share_penalty: Wire::decode(r)?,
            silence_penalty: Wire::decode(r)?,
            most_proxies: Wire::decode(r)?,
            least_threshold: LEAST_THRESHOLD,
        };
        if parameters.most_proxies & THRESHOLD_FOLLOWS != 0 {
            parameters.most_proxies &= !THRESHOLD_FOLLOWS;
            parameters.least_threshold = Wire::decode(r)?;
            if parameters.least_threshold == LEAST_THRESHOLD {
                let what = "least threshold";
                return Err(WireError::Invalid { what });
            }
        }
        Ok(parameters)
    }
}

impl Parameters {
    /// Whether some requirement could be published and some ask be made.
    pub(crate) fn check_proxies(&self) -> Result<(), GenesisError> {
        if self.most_proxies > 63 {
            return Err(GenesisError::Proxies(self.most_proxies));
        }
        let least = self.least_threshold;
        let most = self.most_proxies.saturating_add(1) / 2;
        if least < LEAST_THRESHOLD || least > most.max(LEAST_THRESHOLD) {
            return Err(GenesisError::Threshold(least));
        }
        Ok(())
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
            least_threshold: LEAST_THRESHOLD,
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
    /// A threshold that a single proxy reaches, or that the most proxies do not allow.
    #[error("a least threshold of {0} is below 2, or takes more proxies than there may be")]
    Threshold(u16),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn with(most_proxies: u16, least_threshold: u16) -> Parameters {
        Parameters {
            most_proxies,
            least_threshold,
            ..Parameters::default()
        }
    }

    #[test]
    fn a_least_threshold_is_written_only_if_it_is_another() {
        let old = Parameters::default().to_wire();
        assert_eq!(old.len(), Parameters::MIN_SIZE);
        let three = with(15, 3);
        let bytes = three.to_wire();
        assert_eq!(bytes.len(), old.len() + 2);
        assert_eq!(Parameters::from_wire(&old), Ok(Parameters::default()));
        assert_eq!(Parameters::from_wire(&bytes), Ok(three));
        // 2 is written in one way alone.
        let mut two = bytes;
        let at = two.len() - 2;
        two.truncate(at);
        2u16.encode(&mut two);
        assert!(Parameters::from_wire(&two).is_err());
    }

    #[test]
    fn thresholds_that_no_ask_could_keep_to_make_no_chain() {
        for (most, least) in [(15, 2), (15, 8), (5, 3), (63, 32)] {
            assert!(with(most, least).check_proxies().is_ok(), "{most} {least}");
        }
        for (most, least) in [(15, 0), (15, 1), (15, 9), (5, 4), (64, 2)] {
            assert!(with(most, least).check_proxies().is_err(), "{most} {least}");
        }
    }
}
