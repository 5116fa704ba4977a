//! Drives the program: what it writes, what it refuses, and with which exit code.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "cli/care.rs"]
mod care;
#[path = "cli/convening.rs"]
mod convening;
#[path = "cli/desk.rs"]
mod desk;
#[path = "cli/documentation.rs"]
mod documentation;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/golden.rs"]
mod golden;
#[path = "cli/liar.rs"]
mod liar;
#[path = "cli/market.rs"]
mod market;
#[path = "cli/patients.rs"]
mod patients;
#[path = "cli/proofs.rs"]
mod proofs;
#[path = "cli/requirements.rs"]
mod requirements;
#[path = "cli/sharing.rs"]
mod sharing;
#[path = "cli/wallets.rs"]
mod wallets;
