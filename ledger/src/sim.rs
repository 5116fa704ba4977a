//! A simulated cluster: one seed decides delay, loss, duplication, reordering, partitions, crashes
//! that lose unsynced writes, restarts, slow disks, clock skew, and who lies how.
//!
//! The replicas are the real [`crate::pbft::Replica`]; only network, disks, clocks, clients and
//! signatures are simulated. [`checker`] judges every step. The same [`scenario::Scenario`] gives
//! the same history, so a failure is its seed, and [`minimise`] finds a smaller scenario that still
//! fails.

pub mod checker;
pub mod client;
pub mod disk;
pub mod liar;
pub mod minimise;
pub mod scenario;
pub mod world;

pub use checker::Violation;
pub use scenario::Scenario;
pub use world::{Report, run};
