//! Ed25519 as everything on the chain is checked: strict, so that no two replicas ever disagree.

use ed25519_dalek::{Signature, VerifyingKey};

/// A verifying key that is canonical and not of small order.
pub(crate) fn verifying_key(bytes: &[u8; 32]) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(bytes).ok()?;
    (!key.is_weak() && key.to_bytes() == *bytes).then_some(key)
}

/// Whether the key signed the message.
pub(crate) fn verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    verifying_key(key).is_some_and(|key| {
        key.verify_strict(message, &Signature::from_bytes(signature))
            .is_ok()
    })
}
