//! Positions: a block's height, a view, an epoch, a replica's identity, a moment.

use crate::wire::{Reader, Wire, WireError};
use std::fmt;

macro_rules! position {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name($inner);

        impl $name {
            /// The value with this number.
            #[must_use]
            pub const fn new(number: $inner) -> Self { $name(number) }
            /// Its number.
            #[must_use]
            pub const fn get(self) -> $inner { self.0 }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}", self.0) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}", self.0) }
        }
        impl Wire for $name {
            const MIN_SIZE: usize = <$inner as Wire>::MIN_SIZE;
            fn encode(&self, out: &mut Vec<u8>) { self.0.encode(out); }
            fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> { <$inner>::decode(r).map($name) }
        }
    };
}

position!(
    /// A block's place in the chain; the genesis is 0, the first block 1.
    Height(u64)
);
position!(
    /// A period under one proposer of one epoch. Views only grow; a roster change starts over at 0.
    View(u64)
);
position!(
    /// How many roster changes took effect so far. Signatures of one epoch mean nothing in another.
    Epoch(u64)
);
position!(
    /// A replica's number, fixed by the roster.
    ReplicaId(u16)
);
position!(
    /// Milliseconds since 1970-01-01 UTC, by some replica's clock.
    Time(u64)
);

impl Height {
    /// The height after this one.
    #[must_use]
    pub const fn next(self) -> Height {
        Height(self.0.saturating_add(1))
    }
    /// The height before this one; 0 stays 0.
    #[must_use]
    pub const fn previous(self) -> Height {
        Height(self.0.saturating_sub(1))
    }
    /// The height `n` later.
    #[must_use]
    pub const fn plus(self, n: u64) -> Height {
        Height(self.0.saturating_add(n))
    }
}

impl View {
    /// The first view of an epoch.
    pub const FIRST: View = View(0);
    /// The view after this one.
    #[must_use]
    pub const fn next(self) -> View {
        View(self.0.saturating_add(1))
    }
}

impl Epoch {
    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Epoch {
        Epoch(self.0.saturating_add(1))
    }
}

impl Time {
    /// `ms` milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Time {
        Time(self.0.saturating_add(ms))
    }
    /// Milliseconds since `earlier`, 0 if it is later.
    #[must_use]
    pub const fn since_ms(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
