//! A patient's care between hospitals.

mod attacks;
mod collusion;
mod emergencies;
mod model;
mod reading;
mod search;
mod teams;
mod ward;
