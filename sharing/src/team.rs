//! A team's key: one random key, wrapped to each doctor, confirmed by all, new in every epoch.
//!
//! ```text
//! lead     K random, gid = SHA256(LP("MEDGRP-V01", encounter, epoch, sorted (id, prekey, Ed25519 key)s, nonce))
//!          a letter with K to each doctor's one-time signed prekey, info = LP("MEDGRP-V01", gid), aad = id
//!          Ed25519 signature over LP("MEDGRP-WELCOME", gid, SHA256(LP(letters)))
//! doctor   checks lead, signature and roster, opens its letter, destroys the prekey,
//!          publishes tau = HMAC(HKDF(K, "confirm", gid), id)
//! everyone uses the key only after every tau verified
//! traffic  one key a sender: HKDF(K, "aead", LP(gid, sender)), counter nonces
//! ```
//!
//! So: the key's sender is known, all have the same key, old traffic stays closed when a long-term key leaks
//! (prekeys are gone), and who left does not read on: joining and leaving are an epoch with a fresh key. No
//! doctor learns anything from another's letter. One who is in the roster reads everything of the epoch,
//! naturally.

mod channel;
mod welcome;

pub use channel::{ChannelError, Message, Receiver, Sender};
pub use welcome::{
    ConfirmError, Confirmation, DoctorId, DoctorIdError, Member, PendingKey, Prekey, PrekeyError,
    SignedPrekey, TeamId, TeamKey, Welcome, WelcomeError, found,
};

#[cfg(test)]
mod tests;
