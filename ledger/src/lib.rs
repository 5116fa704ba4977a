//! Orders opaque transactions for a deterministic application among n replicas of which
//! f = floor((n-1)/3) may lie, for every n from 4 on.

pub mod application;
pub mod block;
pub mod certificate;
pub mod chain;
mod chain_state;
pub mod digest;
pub mod embedded;
pub mod engine;
pub mod evidence;
pub mod height;
pub mod identity;
pub mod light;
pub mod merkle;
pub mod pbft;
pub mod pool;
pub mod proposer;
pub mod roster;
pub mod rules;
mod session;
mod silence;
pub mod sim;
pub mod store;
pub mod teller;
pub mod wire;
