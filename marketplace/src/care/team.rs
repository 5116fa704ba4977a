//! Doctors: the keys they sign with, and who employs them.

use std::sync::OnceLock;

use eligo_ledger::height::Height;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::oms::{RegisteredSigner, SignerKey, SignerProof};

use crate::encoding::{Blob, wire_struct};
use crate::name::{AccountId, SignerName};

use super::act::{MAX_PREKEY, MAX_SIGNER};

/// A signing key whose possession was proved. It stays: earlier diagnoses are checked against it.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    pub(crate) doctor: AccountId,
    key: Blob<MAX_SIGNER>,
    possession: Blob<MAX_SIGNER>,
    /// The key, checked when it was entered, or again when it is first used after a restart.
    registered: OnceLock<RegisteredSigner>,
}

impl Wire for Signer {
    const MIN_SIZE: usize = 32 + 4 + 4;
    fn encode(&self, out: &mut Vec<u8>) {
        self.doctor.encode(out);
        self.key.encode(out);
        self.possession.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            doctor: Wire::decode(r)?,
            key: Wire::decode(r)?,
            possession: Wire::decode(r)?,
            registered: OnceLock::new(),
        })
    }
}

impl Signer {
    pub(crate) fn registered(&self) -> Option<&RegisteredSigner> {
        if self.registered.get().is_none() {
            let key = SignerKey::from_bytes(self.key.as_slice()).ok()?;
            let proof = SignerProof::from_bytes(self.possession.as_slice()).ok()?;
            let registered = key.register(&proof).ok()?;
            return Some(self.registered.get_or_init(|| registered));
        }
        self.registered.get()
    }
}

wire_struct! {
    /// What a doctor signs with now, and where a team's key is sent.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct DoctorCard {
        pub(crate) signer: SignerName,
        pub(crate) prekey: Blob<MAX_PREKEY>,
    }
}

wire_struct! {
    /// That a hospital employs a doctor.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Employment {
        pub(crate) until_ms: u64,
        pub(crate) since: Height,
    }
}
