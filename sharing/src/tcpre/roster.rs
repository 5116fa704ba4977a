//! Which proxies hold shares, and how many are needed.

use core::num::NonZeroU8;

use crate::keys::ProxyPublicKey;

/// The most proxies a grant can have.
pub const MAX_PROXIES: usize = 64;

/// A proxy's place in a roster, from 1: the point at which its share of the polynomial is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProxyId(NonZeroU8);

/// A place outside 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("proxies are numbered 1 to {MAX_PROXIES}, not {0}")]
pub struct ProxyIdError(pub u64);

impl ProxyId {
    /// The id with this number.
    ///
    /// # Errors
    /// [`ProxyIdError`] if the number is not 1 to 64.
    pub fn new(number: u64) -> Result<Self, ProxyIdError> {
        u8::try_from(number)
            .ok()
            .and_then(NonZeroU8::new)
            .filter(|id| usize::from(id.get()) <= MAX_PROXIES)
            .map(Self)
            .ok_or(ProxyIdError(number))
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0.get()
    }

    pub(crate) fn x(self) -> u64 {
        u64::from(self.0.get())
    }
}

impl core::fmt::Display for ProxyId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// The proxies of a grant in order (the first is number 1), and the threshold t.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyRoster {
    threshold: u8,
    keys: Vec<ProxyPublicKey>,
}

/// Why proxies make no roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// None, or more than 64.
    #[error("a roster has 1 to {MAX_PROXIES} proxies, not {0}")]
    Size(usize),
    /// A threshold of none, or of more than there are.
    #[error("a threshold of {threshold} among {proxies} proxies")]
    Threshold {
        /// The threshold.
        threshold: u64,
        /// How many proxies there are.
        proxies: usize,
    },
    /// One key twice: its owner would hold two shares.
    #[error("proxies {first} and {second} have the same key")]
    Twice {
        /// Place of the one.
        first: u8,
        /// Place of the other.
        second: u8,
    },
}

impl ProxyRoster {
    /// A roster of which any `threshold` suffice.
    ///
    /// # Errors
    /// [`RosterError`] as it says.
    pub fn new(threshold: u64, keys: Vec<ProxyPublicKey>) -> Result<Self, RosterError> {
        if !(1..=MAX_PROXIES).contains(&keys.len()) {
            return Err(RosterError::Size(keys.len()));
        }
        let bad_threshold = RosterError::Threshold {
            threshold,
            proxies: keys.len(),
        };
        let t = u8::try_from(threshold).map_err(|_| bad_threshold)?;
        if t == 0 || usize::from(t) > keys.len() {
            return Err(bad_threshold);
        }
        for (second, key) in (1u8..).zip(&keys) {
            let twice = (1u8..)
                .zip(&keys)
                .take_while(|(at, _)| *at < second)
                .find(|(_, k)| *k == key);
            if let Some((first, _)) = twice {
                return Err(RosterError::Twice { first, second });
            }
        }
        Ok(Self { threshold: t, keys })
    }

    /// The roster that withstands f faulty proxies of n = 2f + 1: t = f + 1, so that f can neither open nor
    /// prevent opening. An even n withstands as many as n - 1.
    ///
    /// # Errors
    /// [`RosterError`] as it says.
    pub fn majority(keys: Vec<ProxyPublicKey>) -> Result<Self, RosterError> {
        Self::new(keys.len() as u64 / 2 + 1, keys)
    }

    /// t, how many shares open.
    #[must_use]
    pub fn threshold(&self) -> usize {
        usize::from(self.threshold)
    }

    /// n, how many proxies there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.keys.len()
    }

    /// The proxies with their places.
    pub fn iter(&self) -> impl Iterator<Item = (ProxyId, &ProxyPublicKey)> {
        (1u8..)
            .filter_map(|at| NonZeroU8::new(at).map(ProxyId))
            .zip(&self.keys)
    }

    /// Where a key stands.
    #[must_use]
    pub fn position(&self, key: &ProxyPublicKey) -> Option<ProxyId> {
        self.iter().find(|(_, k)| *k == key).map(|(id, _)| id)
    }

    pub(crate) fn contains(&self, id: ProxyId) -> bool {
        usize::from(id.number()) <= self.keys.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{ProxyKey, test_rng};

    #[test]
    fn rosters_are_checked() {
        let mut rng = test_rng(1);
        let keys: Vec<_> = (0..5)
            .map(|_| ProxyKey::generate(&mut rng).public())
            .collect();
        assert_eq!(ProxyRoster::majority(keys.clone()).unwrap().threshold(), 3);
        assert_eq!(ProxyRoster::new(1, Vec::new()), Err(RosterError::Size(0)));
        assert!(matches!(
            ProxyRoster::new(0, keys.clone()),
            Err(RosterError::Threshold { .. })
        ));
        assert!(matches!(
            ProxyRoster::new(6, keys.clone()),
            Err(RosterError::Threshold { .. })
        ));
        let mut twice = keys;
        twice[4] = twice[1];
        assert_eq!(
            ProxyRoster::new(3, twice),
            Err(RosterError::Twice {
                first: 2,
                second: 5
            })
        );
        assert_eq!(ProxyId::new(0), Err(ProxyIdError(0)));
        assert_eq!(ProxyId::new(65), Err(ProxyIdError(65)));
        assert_eq!(ProxyId::new(64).unwrap().number(), 64);
    }
}
