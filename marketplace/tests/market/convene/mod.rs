//! Keys made together and offices filled, over the ledger.

#[cfg(feature = "node")]
mod authority;
mod beacon;
mod ceremony;
mod election;
mod named;
#[cfg(feature = "node")]
mod omission;
