//! What the registrar certifies: who somebody is, and which role they have.

use ed25519_dalek::{Signature, Signer, SigningKey};
use eligo_ledger::wire::Wire;
use eligo_sharing::domain::lp;

use crate::encoding::{Text, wire_enum, wire_struct};
use crate::name::{AccountId, ChainId};
use crate::rejection::Rejection;
use crate::signature::verify;

/// The longest name of a party or organisation, in bytes.
pub const MAX_NAME: usize = 128;

wire_enum! {
    /// A hospital's level.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Level("level") {
        /// A tertiary hospital.
        1 => Tertiary,
        /// A secondary hospital.
        2 => Secondary,
        /// A community hospital.
        3 => Community,
    }
}

wire_enum! {
    /// What a party may do.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Role("role") {
        /// Registers records.
        1 => Hospital {
            /// Its level.
            level: Level,
            /// The Baby Jubjub key its credentials are signed with, in circomlib's packed form.
            issuer_key: [u8; 32],
        },
        /// Signs diagnoses.
        2 => Doctor,
        /// Publishes requirements.
        3 => Institution,
        /// Re-encrypts.
        4 => Proxy {
            /// Whose it is: all proxies of one organisation together weigh at most a third.
            organisation: Text<MAX_NAME>,
        },
        /// Orders transactions.
        5 => Replica,
    }
}

impl Role {
    /// The role's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hospital { .. } => "hospital",
            Self::Doctor => "doctor",
            Self::Institution => "institution",
            Self::Proxy { .. } => "proxy",
            Self::Replica => "replica",
        }
    }
}

wire_struct! {
    /// That an account is a party with a name and a role.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Certificate {
        /// Whose.
        pub subject: AccountId,
        /// Its name, unique on the chain; enters the hash of an institution's requirements.
        pub name: Text<MAX_NAME>,
        /// Its role.
        pub role: Role,
        /// Later certificates of the same subject have greater numbers.
        pub serial: u64,
    }
}

wire_struct! {
    /// A certificate with the registrar's signature, not yet checked.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SignedCertificate {
        /// What is certified.
        pub certificate: Certificate,
        /// By the registrar's account key.
        pub signature: [u8; 64],
    }
}

impl Certificate {
    /// `LP("ELIGO-MARKET-V01-CERTIFICATE", chain, certificate)`.
    fn signed_bytes(&self, chain: &ChainId) -> Vec<u8> {
        lp(&[
            b"ELIGO-MARKET-V01-CERTIFICATE",
            chain.as_bytes(),
            &self.to_wire(),
        ])
    }

    /// The registrar certifies.
    #[must_use]
    pub fn sign(self, chain: &ChainId, registrar: &SigningKey) -> SignedCertificate {
        let signature: Signature = registrar.sign(&self.signed_bytes(chain));
        SignedCertificate {
            certificate: self,
            signature: signature.to_bytes(),
        }
    }
}

impl SignedCertificate {
    /// Checks the registrar's signature.
    ///
    /// # Errors
    /// [`Rejection::CertificateSignature`].
    pub fn verify(&self, chain: &ChainId, registrar: &AccountId) -> Result<(), Rejection> {
        let message = self.certificate.signed_bytes(chain);
        if verify(registrar.as_bytes(), &message, &self.signature) {
            Ok(())
        } else {
            Err(Rejection::CertificateSignature)
        }
    }
}
