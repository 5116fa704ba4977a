//! A patient's care between hospitals.

mod reading;
mod teams;
mod ward;
