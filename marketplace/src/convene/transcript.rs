//! What is said in a key generation, and what follows from it: computed alike by the contract and by every
//! authority, from the messages in their order.

use std::collections::BTreeSet;

use eligo_sharing::dkg::{
    Ceremony, CeremonyError, Complaint, Deal, Deals, Exposed, Exposure, GroupKey, MAX_PARTICIPANTS,
    OpenedShare, Participant, Qualified, QualifyError, SettleError,
};
use eligo_sharing::domain::{int, lp};
use eligo_sharing::letter::LetterPublicKey;

use crate::convene::act::CeremonyTerms;
use crate::encoding::{Blob, List, wire_enum};
use crate::name::{CeremonyName, ChainId};

/// The longest deal, in bytes.
pub const MAX_DEAL: usize = 32 << 10;
/// The longest exposure, in bytes.
pub const MAX_EXPOSURE: usize = 8 << 10;
/// The longest complaint or opened share, in bytes.
pub const MAX_OPENED: usize = 256;

/// Complaints or opened shares, each in its canonical bytes.
pub type Opened = List<Blob<MAX_OPENED>, MAX_PARTICIPANTS>;

wire_enum! {
    /// A round of a ceremony, or its end.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Stage("stage") {
        /// Everyone deals.
        1 => Deal,
        /// Everyone says about whose deals it complains; about nobody's, if it has nothing against any.
        2 => Complain,
        /// Who is complained about answers. Passed over if nobody is.
        3 => Answer,
        /// The qualified expose their part of the public key.
        4 => Expose,
        /// Everyone says which exposures are false, with the shares that show it.
        5 => Object,
        /// Everyone opens its shares of those who lied or fell silent. Passed over if nobody did.
        6 => Open,
        /// There is a key.
        7 => Settled,
        /// There is none: too many lied or kept silent.
        8 => Failed,
    }
}

impl Stage {
    /// Whether nothing more is said.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Settled | Self::Failed)
    }
}

wire_enum! {
    /// What an authority says in a round.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Message("ceremony message") {
        /// A [`Deal`].
        1 => Deal(Blob<MAX_DEAL>),
        /// [`Complaint`]s.
        2 => Complaints(Opened),
        /// [`OpenedShare`]s of one's own polynomial.
        3 => Answers(Opened),
        /// An [`Exposure`].
        4 => Exposure(Blob<MAX_EXPOSURE>),
        /// [`OpenedShare`]s that contradict exposures.
        5 => Objections(Opened),
        /// [`OpenedShare`]s of those to be reconstructed.
        6 => Openings(Opened),
    }
}

/// What is said is no message of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of this participant")]
pub struct NotTheirs;

impl Message {
    /// The round it belongs to.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Deal(_) => Stage::Deal,
            Self::Complaints(_) => Stage::Complain,
            Self::Answers(_) => Stage::Answer,
            Self::Exposure(_) => Stage::Expose,
            Self::Objections(_) => Stage::Object,
            Self::Openings(_) => Stage::Open,
        }
    }

    /// Whether everything in it decodes and speaks for `sender`, one of `size` participants, about each other
    /// participant at most once and in order.
    ///
    /// # Errors
    /// [`NotTheirs`].
    pub fn check(&self, sender: Participant, size: usize) -> Result<(), NotTheirs> {
        let about = match self {
            Self::Deal(b) => {
                let deal = Deal::from_bytes(b.as_slice()).map_err(|_| NotTheirs)?;
                (deal.dealer() == sender).then(Vec::new)
            }
            Self::Exposure(b) => {
                let exposure = Exposure::from_bytes(b.as_slice()).map_err(|_| NotTheirs)?;
                (exposure.dealer() == sender).then(Vec::new)
            }
            Self::Complaints(list) => each(list, |b| {
                let complaint = Complaint::from_bytes(b).ok()?;
                (complaint.holder == sender).then_some(complaint.dealer)
            }),
            Self::Answers(list) => each(list, |b| {
                let share = OpenedShare::from_bytes(b).ok()?;
                (share.dealer == sender).then_some(share.holder)
            }),
            Self::Objections(list) | Self::Openings(list) => each(list, |b| {
                let share = OpenedShare::from_bytes(b).ok()?;
                (share.holder == sender).then_some(share.dealer)
            }),
        };
        let about = about.ok_or(NotTheirs)?;
        let in_order = about.is_sorted_by(|a, b| a < b);
        let known = about
            .last()
            .is_none_or(|last| usize::from(last.number()) <= size);
        (in_order && known).then_some(()).ok_or(NotTheirs)
    }
}

/// What each entry is about; none if one of them is not the sender's.
fn each(list: &Opened, about: impl Fn(&[u8]) -> Option<Participant>) -> Option<Vec<Participant>> {
    list.as_slice()
        .iter()
        .map(|b| about(b.as_slice()))
        .collect()
}

/// A ceremony's fixed points: `context = LP(chain, serial)`.
///
/// # Errors
/// [`CeremonyError`] if the terms allow none.
pub fn ceremony(
    chain: &ChainId,
    serial: u64,
    terms: &CeremonyTerms,
) -> Result<Ceremony, CeremonyError> {
    let keys = terms.authorities.as_slice().iter();
    let keys = keys.map(|a| LetterPublicKey::new(a.letters)).collect();
    let context = lp(&[b"ELIGO-CONVENE-V01", chain.as_bytes(), &int(serial)]);
    Ceremony::new(terms.purpose.into(), &context, terms.threshold.into(), keys)
}

/// A ceremony with everything that was said in it, in order.
#[derive(Clone, Debug)]
pub struct Transcript {
    ceremony: Ceremony,
    said: Vec<(Participant, Message)>,
}

/// Why no key follows from a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// Too few are qualified.
    #[error(transparent)]
    Qualify(#[from] QualifyError),
    /// Too few opened the shares of somebody to be reconstructed.
    #[error(transparent)]
    Settle(#[from] SettleError),
}

impl Transcript {
    /// What was said in a ceremony; each message by the participant with that number, at most one a round.
    #[must_use]
    pub const fn new(ceremony: Ceremony, said: Vec<(Participant, Message)>) -> Self {
        Self { ceremony, said }
    }

    /// The ceremony.
    #[must_use]
    pub const fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> CeremonyName {
        CeremonyName::new(*self.ceremony.id().as_bytes())
    }

    /// Whether this participant has spoken in a round.
    #[must_use]
    pub fn has_spoken(&self, participant: Participant, stage: Stage) -> bool {
        let mut said = self.said.iter();
        said.any(|(who, message)| *who == participant && message.stage() == stage)
    }

    /// How many messages there were in the rounds before this one.
    #[must_use]
    pub fn said_before(&self, stage: Stage) -> usize {
        let before = self.said.iter();
        before.filter(|(_, m)| m.stage() < stage).count()
    }

    /// Everyone who takes part.
    pub fn participants(&self) -> impl Iterator<Item = Participant> {
        self.ceremony.participants().map(|(at, _)| at)
    }

    fn opened(&self, stage: Stage) -> Vec<OpenedShare> {
        let lists = self
            .said
            .iter()
            .filter_map(move |(_, message)| match message {
                Message::Answers(list) | Message::Objections(list) | Message::Openings(list) => {
                    (message.stage() == stage).then_some(list)
                }
                _ => None,
            });
        let blobs = lists.flat_map(|list| list.as_slice());
        let shares = blobs.filter_map(|b| OpenedShare::from_bytes(b.as_slice()).ok());
        shares.collect()
    }

    /// Round 1's outcome.
    #[must_use]
    pub fn deals(&self) -> Deals {
        let deals = self.said.iter().filter_map(|(_, message)| match message {
            Message::Deal(b) => Deal::from_bytes(b.as_slice()).ok(),
            _ => None,
        });
        Deals::collect(&self.ceremony, deals)
    }

    /// Round 2's.
    #[must_use]
    pub fn complaints(&self) -> Vec<Complaint> {
        let lists = self.said.iter().filter_map(|(_, message)| match message {
            Message::Complaints(list) => Some(list.as_slice()),
            _ => None,
        });
        let complaints = lists.flatten().map(|b| Complaint::from_bytes(b.as_slice()));
        complaints.filter_map(Result::ok).collect()
    }

    /// Who must answer: who dealt and is complained about.
    #[must_use]
    pub fn accused(&self) -> BTreeSet<Participant> {
        let accused = self.complaints().into_iter().map(|c| c.dealer);
        accused
            .filter(|d| self.has_spoken(*d, Stage::Deal))
            .collect()
    }

    /// Who is qualified after round 3, and who is not and why.
    ///
    /// # Errors
    /// [`QualifyError`] if too few are.
    pub fn qualify(&self) -> Result<Qualified, QualifyError> {
        let answers = self.opened(Stage::Answer);
        self.deals().qualify(&self.complaints(), &answers)
    }

    /// Round 4's exposures.
    #[must_use]
    pub fn exposures(&self) -> Vec<Exposure> {
        let exposures = self.said.iter().filter_map(|(_, message)| match message {
            Message::Exposure(b) => Exposure::from_bytes(b.as_slice()).ok(),
            _ => None,
        });
        exposures.collect()
    }

    /// Round 5's objections.
    #[must_use]
    pub fn objections(&self) -> Vec<OpenedShare> {
        self.opened(Stage::Object)
    }

    /// What is exposed after round 5, who is to be reconstructed, and who objected falsely: each objection
    /// judged once.
    ///
    /// # Errors
    /// [`QualifyError`] if there is nobody to expose anything.
    pub fn expose(&self) -> Result<Exposed, QualifyError> {
        let qualified = self.qualify()?;
        Ok(qualified.expose(&self.exposures(), &self.objections()))
    }

    /// The key after round 6.
    ///
    /// # Errors
    /// [`NoKey`] says why there is none.
    pub fn settle(&self) -> Result<GroupKey, NoKey> {
        self.settle_exposed(self.expose()?)
    }

    /// The key after round 6, from what [`expose`](Self::expose) gave.
    ///
    /// # Errors
    /// [`NoKey`] says why there is none.
    pub fn settle_exposed(&self, exposed: Exposed) -> Result<GroupKey, NoKey> {
        Ok(exposed.settle(&self.opened(Stage::Open))?)
    }
}
