//! Names: labels, ids, and the time a grant runs.

use crate::domain::{int, lp, sha256};
use crate::wire::byte_string;

byte_string! {
    /// What a record's key is derived for: 32 bytes that say nothing about the record.
    Label, 32
}
byte_string! {
    /// 32 random bytes a hospital draws for a record; its versions share them.
    RecordId, 32
}
byte_string! {
    /// A grant's name: SHA-256 of LP("gid", grant).
    GrantId, 32
}
byte_string! {
    /// A requirement's name: its field element, 32 bytes, big-endian. All zeros where there is none.
    RequirementId, 32
}
byte_string! {
    /// A schema's name: its field element, 32 bytes, big-endian.
    SchemaId, 32
}

impl RequirementId {
    /// For a grant outside any requirement, as in a referral.
    pub const NONE: Self = Self::new([0; 32]);
}

impl Label {
    /// l = SHA256(LP("rec", rid, version)).
    #[must_use]
    pub fn of_record(record: &RecordId, version: u64) -> Self {
        Self(sha256(&lp(&[b"rec", &record.0, &int(version)])))
    }

    /// l = SHA256(LP("cls", pseudonym of a class in a period)): one grant for all of a class's records in a
    /// period. `class` is HMAC(k_cls, class || period), made by who holds k_cls.
    #[must_use]
    pub fn of_class(class: &[u8; 32]) -> Self {
        Self(sha256(&lp(&[b"cls", class])))
    }

    /// The label under which a gated record is also sealed to the patient alone.
    #[must_use]
    pub fn for_self(&self) -> Self {
        Self(sha256(&lp(&[b"self", &self.0])))
    }
}

/// When a grant holds: from `not_before` to `not_after`, both included, in seconds since 1970 (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    not_before: u64,
    not_after: u64,
}

/// A window that ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the window ends ({not_after}) before it begins ({not_before})")]
pub struct WindowError {
    /// Its begin.
    pub not_before: u64,
    /// Its end.
    pub not_after: u64,
}

impl Window {
    /// A window of time.
    ///
    /// # Errors
    /// [`WindowError`] if it ends before it begins.
    pub const fn new(not_before: u64, not_after: u64) -> Result<Self, WindowError> {
        if not_before <= not_after {
            Ok(Self {
                not_before,
                not_after,
            })
        } else {
            Err(WindowError {
                not_before,
                not_after,
            })
        }
    }

    /// The first second in which it holds.
    #[must_use]
    pub const fn not_before(&self) -> u64 {
        self.not_before
    }

    /// The last second in which it holds.
    #[must_use]
    pub const fn not_after(&self) -> u64 {
        self.not_after
    }

    /// Whether `now` is in it.
    #[must_use]
    pub const fn holds(&self, now: u64) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}
