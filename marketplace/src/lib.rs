//! The marketplace: a deterministic contract on the ledger, from a certified hospital to a settled sale.
//!
//! * [`transaction`]: what anyone can ask; [`rejection`]: why it is refused; [`event`]: what happened;
//! * [`genesis`]: what it starts from; [`view`] and [`query`]: what can be seen of it;
//! * [`care`]: a patient's care between hospitals: teams, the encrypted index, asking, granting, reading;
//! * [`contract`]: the state and the three phases every transaction passes; [`admission`]: the first;
//! * [`convene`]: keys made together, elections, who runs which replica;
//! * [`application`]: the contract as the ledger's application;
//! * `node`, `storage`, `client`, `agent`, each behind a feature: the contract served over HTTP, ciphertexts,
//!   what speaks to a node and believes it nothing, and what each party's machine does by itself.
//!
//! Deliberately absent: plaintext records, circuits and proving. The crate depends on the verifier
//! contract, on sharing and on the ledger alone, so it cannot name an attribute.

pub mod admission;
#[cfg(feature = "client")]
pub mod agent;
pub mod application;
pub mod care;
pub mod ceremony;
pub mod certificate;
mod claim;
#[cfg(feature = "client")]
pub mod client;
pub mod contract;
pub mod convene;
pub mod credits;
mod delivery;
mod dispute;
pub mod encoding;
pub mod entry;
pub mod event;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod genesis;
mod governance;
mod index;
pub mod issuer;
mod licence;
pub mod name;
#[cfg(feature = "node")]
pub mod node;
pub mod offer;
mod party;
mod proxy;
pub mod query;
mod record;
pub mod rejection;
mod requirement;
#[cfg(feature = "test-util")]
pub mod scenario;
mod signature;
#[cfg(feature = "test-util")]
pub mod solo;
#[cfg(feature = "client")]
pub mod storage;
mod table;
pub mod transaction;
mod verification;
pub mod view;
