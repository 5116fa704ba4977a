//! PBFT (Castro and Liskov 1999, signed) for a chain with one block in flight.
//!
//! [`Replica::step`] is the whole protocol; `docs/spec/pbft.md` has it as numbered pseudo-code.

mod catch_up;
mod checkpoint;
pub mod effect;
pub mod message;
mod normal;
mod recovery;
mod replica;
mod timer;
mod view_change;

pub use effect::{Effect, Recovered, Write};
pub use message::Message;
pub use replica::{Config, Coverage, Input, Replica};
