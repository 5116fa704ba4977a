//! Who makes a key, for what, and how many of them it will take to use it.

use core::num::NonZeroU8;

use crate::domain::{int, lp, sha256};
use crate::letter::LetterPublicKey;
use crate::wire::byte_string;

/// The most participants a ceremony can have.
pub const MAX_PARTICIPANTS: usize = 127;

byte_string! {
    /// A ceremony's name: a digest of everything that defines it.
    CeremonyId, 32
}

/// What a key is for. A key for one purpose is refused for every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Identity-based encryption: identity keys are extracted from it.
    Identity,
    /// The expiry gate of re-encryption.
    Gate,
    /// The randomness beacon.
    Beacon,
}

impl Purpose {
    pub(super) const fn tag(self) -> &'static [u8] {
        match self {
            Self::Identity => b"identity",
            Self::Gate => b"gate",
            Self::Beacon => b"beacon",
        }
    }

    pub(super) fn from_tag(tag: &[u8]) -> Option<Self> {
        [Self::Identity, Self::Gate, Self::Beacon]
            .into_iter()
            .find(|p| p.tag() == tag)
    }
}

/// A participant's number, from 1: the point at which its share is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Participant(NonZeroU8);

impl Participant {
    /// The participant with this number; none if it is not 1 to 127.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        let number = u8::try_from(number).ok().and_then(NonZeroU8::new)?;
        (usize::from(number.get()) <= MAX_PARTICIPANTS).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0.get()
    }

    pub(crate) fn x(self) -> u64 {
        u64::from(self.0.get())
    }

    pub(super) fn at(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

impl core::fmt::Display for Participant {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// The fixed points of a ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony {
    id: CeremonyId,
    purpose: Purpose,
    threshold: u8,
    keys: Vec<LetterPublicKey>,
}

/// Why there can be no such ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CeremonyError {
    /// None, or more than 127 participants.
    #[error("a ceremony has 1 to {MAX_PARTICIPANTS} participants, not {0}")]
    Size(usize),
    /// A threshold of none, or too high for n >= 2t - 1.
    #[error(
        "threshold {threshold} among {participants}: it must be at least 1, and n at least 2t - 1"
    )]
    Threshold {
        /// t.
        threshold: u64,
        /// n.
        participants: usize,
    },
    /// Two participants have one key.
    #[error("two participants have the same key")]
    SameKey,
}

impl Ceremony {
    /// A ceremony of the owners of `keys`, numbered from 1 in that order. `context` names it uniquely (chain,
    /// epoch): letters and messages of another do not fit.
    ///
    /// # Errors
    /// [`CeremonyError`] as it says.
    pub fn new(
        purpose: Purpose,
        context: &[u8],
        threshold: u64,
        keys: Vec<LetterPublicKey>,
    ) -> Result<Self, CeremonyError> {
        if !(1..=MAX_PARTICIPANTS).contains(&keys.len()) {
            return Err(CeremonyError::Size(keys.len()));
        }
        let bad = CeremonyError::Threshold {
            threshold,
            participants: keys.len(),
        };
        let t = u8::try_from(threshold).map_err(|_| bad)?;
        if t == 0 || 2 * usize::from(t) - 1 > keys.len() {
            return Err(bad);
        }
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != keys.len() {
            return Err(CeremonyError::SameKey);
        }
        let list: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes().as_slice()).collect();
        let id = sha256(&lp(&[
            b"MEDDKG-V01",
            purpose.tag(),
            context,
            &int(threshold),
            &int(keys.len() as u64),
            &lp(&list),
        ]));
        Ok(Self {
            id: CeremonyId::new(id),
            purpose,
            threshold: t,
            keys,
        })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> CeremonyId {
        self.id
    }

    /// What the key will be for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// t.
    #[must_use]
    pub fn threshold(&self) -> usize {
        usize::from(self.threshold)
    }

    /// n.
    #[must_use]
    pub fn size(&self) -> usize {
        self.keys.len()
    }

    /// The participants with their keys.
    pub fn participants(&self) -> impl Iterator<Item = (Participant, &LetterPublicKey)> {
        (1u8..)
            .filter_map(|at| NonZeroU8::new(at).map(Participant))
            .zip(&self.keys)
    }

    /// The participant with this key.
    #[must_use]
    pub fn position(&self, key: &LetterPublicKey) -> Option<Participant> {
        self.participants()
            .find(|(_, k)| *k == key)
            .map(|(at, _)| at)
    }

    pub(super) fn contains(&self, participant: Participant) -> bool {
        participant.at() < self.keys.len()
    }
}
