//! Orders opaque transactions for a deterministic application among n replicas of which
//! f = floor((n-1)/3) may lie, for every n from 4 on.
//!
//! * [`application`]: what is replicated; [`engine`]: what its users hold;
//! * [`chain`]: blocks, execution, rosters, proposers, below any engine;
//! * [`pbft`]: consensus as a pure `step(state, input, now) -> effects`;
//! * [`embedded`]: replicas as threads of one process, each on its own [`store`];
//! * `malachite`, behind the feature of that name: one replica a process, for several machines;
//! * [`cluster`]: the files of such a cluster, and how its replicas are asked;
//! * [`light`]: proofs that need the genesis document alone;
//! * [`sim`]: a cluster in which one seed decides everything that can go wrong.
//!
//! Deliberately absent: a consensus transport of its own, and anything about what the transactions
//! mean.

pub mod application;
pub mod block;
pub mod certificate;
pub mod chain;
mod chain_state;
pub mod cluster;
pub mod digest;
pub mod embedded;
pub mod engine;
pub mod evidence;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod height;
pub mod identity;
pub mod light;
#[cfg(feature = "malachite")]
pub mod malachite;
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
mod verified;
pub mod wire;
