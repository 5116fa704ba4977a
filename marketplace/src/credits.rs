//! Money: whole credits, never negative, never silently wrapped.

use std::fmt;

use eligo_ledger::wire::{Reader, Wire, WireError};

use crate::rejection::Rejection;

/// An amount of credits.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Credits(u64);

impl Credits {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many credits.
    #[must_use]
    pub const fn new(amount: u64) -> Self {
        Self(amount)
    }

    /// How many.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`Rejection::Overflow`] above 2^64 - 1.
    pub fn plus(self, other: Self) -> Result<Self, Rejection> {
        self.0
            .checked_add(other.0)
            .map(Self)
            .ok_or(Rejection::Overflow)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`Rejection::Unfunded`] below zero.
    pub fn minus(self, other: Self) -> Result<Self, Rejection> {
        self.0
            .checked_sub(other.0)
            .map(Self)
            .ok_or(Rejection::Unfunded)
    }

    /// The product.
    ///
    /// # Errors
    /// [`Rejection::Overflow`] above 2^64 - 1.
    pub fn times(self, count: u64) -> Result<Self, Rejection> {
        self.0
            .checked_mul(count)
            .map(Self)
            .ok_or(Rejection::Overflow)
    }

    /// Takes up to `amount` out of here; what was there.
    pub(crate) fn take_up_to(&mut self, amount: Self) -> Self {
        let taken = Self(self.0.min(amount.0));
        self.0 -= taken.0;
        taken
    }

    /// Takes everything out of here.
    pub(crate) fn take_all(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Puts credits in here. All credits together are a 64-bit number, so no place overflows.
    pub(crate) fn put(&mut self, amount: Self) {
        self.0 = self.0.saturating_add(amount.0);
    }
}

impl fmt::Display for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Wire for Credits {
    const MIN_SIZE: usize = 8;
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        u64::decode(r).map(Self)
    }
}
