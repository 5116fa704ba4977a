//! How records travel: proxy re-encryption, distributed keys, encrypted search, ordered multisignatures,
//! the patient's wallet, and the beacon that chooses who serves.

#![forbid(clippy::todo)]

pub mod curve;
pub mod domain;
pub mod keys;
#[allow(dead_code)] // its callers follow
mod pairing;
mod scalar;
pub mod search;
pub mod wallet;
#[allow(dead_code)] // its callers follow
mod wire;

pub use pairing::GT_BYTES;
pub use wire::WireError;
