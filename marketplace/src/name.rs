//! What things on the marketplace are called: 32 bytes each, a type for every purpose.

use std::fmt;

use eligo_ledger::digest::Digest;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::tcpre::RequirementId;
use eligo_verifier_contract::{Requirement, Sealed};

/// Text that is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits")]
pub struct NameError;

macro_rules! name {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The name with these bytes.
            #[must_use]
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let [a, b, c, d, ..] = self.0;
                write!(f, concat!(stringify!($name), "({:02x}{:02x}{:02x}{:02x})"), a, b, c, d)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| NameError)?;
                Ok(Self(bytes))
            }
        }

        impl Wire for $name {
            const MIN_SIZE: usize = 32;
            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
            fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
                r.array().map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.to_string())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// Who signs transactions: an Ed25519 verifying key. Patients use a fresh one for every claim.
    AccountId
}
name! {
    /// The chain: the digest of its genesis document.
    ChainId
}
name! {
    /// A registered record: its `sealed`, 32 big-endian bytes.
    RecordName
}
name! {
    /// A record and everything that supersedes it: the name of the first.
    Lineage
}
name! {
    /// A published requirement, for sale or count: its field element, 32 big-endian bytes.
    RequirementName
}
name! {
    /// A claim: the digest of the transaction that made it.
    ClaimId
}
name! {
    /// A key generation: the digest of everything that defines it.
    CeremonyName
}
name! {
    /// A claimant's one claim on a requirement, as in the proof: 32 big-endian bytes.
    NullifierName
}
name! {
    /// An encounter: the SHA-256 of its one-time Ed25519 key,
    /// [`Pseudonym`](eligo_sharing::wallet::Pseudonym).
    EncounterName
}
name! {
    /// A doctor's ask: the digest of chain, doctor and terms.
    AskId
}
name! {
    /// A delegation to a relative: the digest of what was signed.
    DelegationId
}
name! {
    /// A call to the authorities: the digest of chain, doctor and terms.
    EmergencyId
}
name! {
    /// A completed diagnosis: the SHA-256 of its team's signatures.
    DiagnosisName
}
name! {
    /// A doctor's signing key: [`SignerId`](eligo_sharing::oms::SignerId).
    SignerName
}

impl EncounterName {
    /// The name of the encounter with this key.
    #[must_use]
    pub fn of(key: &[u8; 32]) -> Self {
        Self(eligo_sharing::domain::sha256(key))
    }
}

impl From<AskId> for RequirementId {
    /// What the grants of a permit say to answer.
    fn from(ask: AskId) -> Self {
        Self::new(ask.0)
    }
}

impl AccountId {
    /// The account of a verifying key.
    #[must_use]
    pub fn of(key: &ed25519_dalek::VerifyingKey) -> Self {
        Self(key.to_bytes())
    }
}

impl From<Digest> for ChainId {
    fn from(genesis: Digest) -> Self {
        Self(*genesis.as_bytes())
    }
}

impl From<Digest> for ClaimId {
    fn from(transaction: Digest) -> Self {
        Self(*transaction.as_bytes())
    }
}

impl From<Sealed> for RecordName {
    fn from(sealed: Sealed) -> Self {
        Self(sealed.to_bytes())
    }
}

impl From<RecordName> for Lineage {
    fn from(first: RecordName) -> Self {
        Self(first.0)
    }
}

impl From<Requirement> for RequirementName {
    fn from(requirement: Requirement) -> Self {
        Self(requirement.to_bytes())
    }
}

impl From<RequirementName> for RequirementId {
    fn from(name: RequirementName) -> Self {
        Self::new(name.0)
    }
}
