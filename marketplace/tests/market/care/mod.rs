//! A patient's care between hospitals.

mod attacks;
mod collusion;
mod draws;
mod emergencies;
mod model;
mod queries;
mod reading;
mod search;
mod teams;
mod ward;
