//! The market from outside: on one replica, on several, with agents, and under attack. One program: each
//! would compile the curves again.

#![allow(missing_docs, clippy::unwrap_used)]

#[cfg(feature = "node")]
mod agents;
mod attacks;
mod care;
#[cfg(feature = "malachite")]
mod cluster;
mod convene;
#[cfg(feature = "node")]
mod desk;
mod fair;
mod golden;
#[cfg(feature = "node")]
mod hushed;
mod model;
mod refusals;
mod replicas;
mod sale;
mod statement;
mod support;
