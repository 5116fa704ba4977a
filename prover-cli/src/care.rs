//! The referral path outside the ledger: what doctors, patients, hospitals, search nodes and authorities keep
//! on their own machines and hand to one another. The ledger's part is `eligo_marketplace::care`.

pub mod asking;
pub mod card;
pub mod crumbs;
pub mod doctor;
pub mod emergency;
pub mod form;
pub mod history;
pub mod indexing;
pub mod mandate;
pub mod opening;
pub mod opinion;
pub mod order;
pub mod permitting;
pub mod request;
pub mod searching;
pub mod service;
pub mod summary;
pub mod teams;
pub mod words;
