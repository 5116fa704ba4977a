//! Sealing to names, the alternative to a patient's key: a record is sealed to the name of one version of one
//! record of an organisation, under the authorities' identity key (Qu 2022's setting, by Green and
//! Ateniese's re-encryption). The organisation gets that name's key from t authorities, and with it makes a
//! delegation that has a proxy turn the capsule into one for another institution's name. A delegation opens
//! the one record it names, even to a proxy and an institution that collude.
//!
//! Here t authorities together can open everything; nobody can open anything of a patient's own key. So this
//! is what institutions may use among themselves, chosen expressly, never what a patient's record falls
//! back to.
//!
//! ```text
//! seal:    a fresh content key seals the record; its 96 bytes are encrypted to Identity::of_record
//! open:    IdentityKey of that name -> content key -> record
//! pass on: delegate(IdentityKey, Identity::of_role(..)) -> DelegationKey, in a letter to the proxy
//! proxy:   ProxyCiphertext::transform(DelegationKey) -> TransformedCiphertext
//! ```

use std::io::{Read, Write};

use eligo_sharing::dkg::GroupKey;
use eligo_sharing::ibe::{
    DelegationKey, Identity, IdentityKey, ProxyCiphertext, ProxyCiphertextError, SealedError,
    TransformedCiphertext, WrongPurpose, delegate, encrypt,
};
use eligo_sharing::keys::RecordKey;
use eligo_sharing::tcpre::{
    CapsuleError, ContentKey, DecapsulateError, Label, RecordId, SchemaId, SealError, seal,
};
use rand_core::{CryptoRng, RngCore};

/// One version of one record of an organisation: what is sealed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordAddress {
    /// The organisation: of a hospital on the ledger its account, as [`Name`](super::naming::Name) has it.
    pub organisation: String,
    /// The record.
    pub record: RecordId,
    /// Its version, from 1.
    pub version: u64,
}

/// Why a record is not sealed to a name.
#[derive(Debug, thiserror::Error)]
pub enum SealNamedError {
    /// Reading or writing.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The fresh capsule does not hold.
    #[error(transparent)]
    Capsule(#[from] CapsuleError),
    /// The fresh capsule does not open.
    #[error(transparent)]
    Decapsulate(#[from] DecapsulateError),
    /// The identity key is for another purpose.
    #[error(transparent)]
    Name(#[from] SealedError),
}

/// Why a capsule to a name gives no content key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenNamedError {
    /// Altered, or to another name.
    #[error(transparent)]
    Capsule(#[from] ProxyCiphertextError),
    /// It opens to something else than a content key.
    #[error("the capsule holds no content key")]
    NoContentKey,
}

impl RecordAddress {
    /// Its name.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::of_record(&self.organisation, &self.record, self.version)
    }
}

/// Seals a record of any length to its own name: writes the ciphertext to `sealed` and returns the capsule.
///
/// # Errors
/// [`SealNamedError`]; what was written is then to be thrown away.
pub fn seal_to_name(
    authorities: &GroupKey,
    address: &RecordAddress,
    schema: SchemaId,
    record: impl Read,
    sealed: impl Write,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<ProxyCiphertext, SealNamedError> {
    let once = RecordKey::generate(rng);
    let label = Label::of_record(&address.record, address.version);
    let capsule = seal(&once.public(), label, schema, record, sealed, rng)?;
    let content = capsule.check()?.decapsulate(&once)?.to_bytes();
    Ok(encrypt(
        authorities,
        &address.identity(),
        content.as_slice(),
        rng,
    )?)
}

/// The content key, for the organisation that has its record's name's key.
///
/// # Errors
/// [`OpenNamedError`].
pub fn open_named(
    capsule: &ProxyCiphertext,
    key: &IdentityKey,
) -> Result<ContentKey, OpenNamedError> {
    content_key(&capsule.open(key)?)
}

/// Lets a proxy pass the record on to a name, an institution's role in an epoch. Goes to the proxy in a
/// letter.
///
/// # Errors
/// [`WrongPurpose`] if the authorities' key is no identity key.
pub fn pass_on(
    key: &IdentityKey,
    to: &Identity,
    authorities: &GroupKey,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<DelegationKey, WrongPurpose> {
    delegate(key, to, authorities, rng)
}

/// The content key, for the institution that the record was passed on to.
///
/// # Errors
/// [`OpenNamedError`].
pub fn open_passed_on(
    capsule: &TransformedCiphertext,
    key: &IdentityKey,
) -> Result<ContentKey, OpenNamedError> {
    content_key(&capsule.open(key)?)
}

fn content_key(bytes: &[u8]) -> Result<ContentKey, OpenNamedError> {
    ContentKey::from_bytes(bytes).map_err(|_| OpenNamedError::NoContentKey)
}
