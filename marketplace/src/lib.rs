//! The marketplace.
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "node")]
pub mod node;
#[cfg(feature = "client")]
pub mod storage;
