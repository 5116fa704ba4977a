//! How records travel: proxy re-encryption, distributed keys, encrypted search, ordered multisignatures,
//! the patient's wallet, and the beacon that chooses who serves.

#![forbid(clippy::todo)]

pub mod beacon;
mod bfkem;
pub mod curve;
pub mod dkg;
pub mod document;
pub mod domain;
pub mod draw;
#[cfg(feature = "test-util")]
pub mod fuzz;
pub mod ibe;
pub mod keys;
pub mod letter;
pub mod oms;
mod pairing;
mod scalar;
pub mod search;
pub mod tcpre;
pub mod team;
#[cfg(test)]
mod threats;
pub mod wallet;
mod wire;

pub use pairing::GT_BYTES;
pub use wire::WireError;
