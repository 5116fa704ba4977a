//! A record's entry: what hospital and patient sign together.

use ed25519_dalek::{Signature, Signer, SigningKey};
use eligo_ledger::wire::Wire;
use eligo_sharing::domain::lp;
use eligo_sharing::tcpre::Capsule;
use eligo_verifier_contract::Sealed;

use crate::encoding::{Text, wire_struct};
use crate::name::{AccountId, ChainId, RecordName};

/// The longest address of a ciphertext, in bytes.
pub const MAX_URI: usize = 1024;

wire_struct! {
    /// A sealed record and where its ciphertext is. Nothing in it is derived from the plaintext alone.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct RecordEntry {
        /// The 336 bytes of the capsule.
        pub capsule: [u8; Capsule::BYTES],
        /// The ciphertext's digest; the one in the capsule.
        pub ciphertext: [u8; 32],
        /// Where the ciphertext can be had.
        pub uri: Text<MAX_URI>,
        /// The hospital's account.
        pub hospital: AccountId,
        /// The Ed25519 key of the patient's encounter: signs this entry, grants and revocations.
        pub encounter: [u8; 32],
        /// Proof that the patient has the secret of the capsule's record key.
        pub possession: [u8; 48],
        /// The same data issued, keyed or shaped before, by the same hospital.
        pub supersedes: Option<RecordName>,
        /// SHA-256 of the doctors' ordered multisignature, where a team made the diagnosis.
        pub team: Option<[u8; 32]>,
    }
}

wire_struct! {
    /// An entry with both signatures, not yet checked.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SignedEntry {
        /// The entry.
        pub entry: RecordEntry,
        /// By the patient's encounter key.
        pub patient: [u8; 64],
        /// By the hospital's account key.
        pub hospital: [u8; 64],
    }
}

impl RecordEntry {
    /// What both sign: `LP("ELIGO-MARKET-V01-RECORD", chain, entry)`.
    #[must_use]
    pub fn signed_bytes(&self, chain: &ChainId) -> Vec<u8> {
        lp(&[
            b"ELIGO-MARKET-V01-RECORD",
            chain.as_bytes(),
            &self.to_wire(),
        ])
    }

    /// One party's signature.
    #[must_use]
    pub fn sign(&self, chain: &ChainId, key: &SigningKey) -> [u8; 64] {
        let signature: Signature = key.sign(&self.signed_bytes(chain));
        signature.to_bytes()
    }

    /// The record's name: `sealed` of the capsule and the ciphertext.
    #[must_use]
    pub fn name(&self) -> RecordName {
        let capsule = eligo_sharing::domain::sha256(&self.capsule);
        Sealed::of(&capsule, &self.ciphertext).into()
    }
}

/// The patient's signature over a record's withdrawal, by the encounter key.
#[must_use]
pub fn sign_withdrawal(chain: &ChainId, record: &RecordName, encounter: &SigningKey) -> [u8; 64] {
    let signature: Signature = encounter.sign(&crate::offer::withdrawal_bytes(chain, record));
    signature.to_bytes()
}
