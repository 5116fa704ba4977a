//! Distributed key generation: n institutions make a key that t of them can use and fewer know nothing of.
//!
//! Gennaro, Jarecki, Krawczyk and Rabin (J. Cryptology 2007), with Pedersen commitments first and the public
//! key last, so that nobody can choose the key by withdrawing in time. n >= 2t - 1; fewer than t
//! participants may be corrupt. Messages go over an ordered, authenticated broadcast (the ledger), a window
//! of heights a round; a message outside its window is as good as none.
//!
//! | round | everyone | function |
//! | --- | --- | --- |
//! | 1 | deals: C_ik = a_ik P2 + b_ik Hp, and letters with f_i(j), f'_i(j) | [`deal`] |
//! | 2 | checks the letters, complains | [`Dealer::check`] |
//! | 3 | answers complaints by opening shares | [`Checker::answer`] |
//! | | the qualified dealers are settled | [`Deals::qualify`] |
//! | 4 | of these, each exposes A_ik = a_ik P2 | [`Checker::expose`] |
//! | 5 | objects to a false exposure, with the share that shows it | [`Exposer::object`] |
//! | 6 | opens its shares of dealers who lied or fell silent | [`Exposer::reveal`] |
//! | | the key is settled, publicly | [`Exposed::settle`] |
//! | | and everyone has a share of it | [`Exposer::finish`] |
//!
//! A dealer that fails after qualifying is not dropped: its polynomial is interpolated in public. Dropping it
//! would let the last to expose bias the key.
//!
//! What is public is computed by everyone alike from the messages in their order ([`Deals`], [`Qualified`],
//! [`Exposed`], [`GroupKey`]); what is secret is in each participant's own states, which are consumed step
//! by step.
//!
//! No pairings: every equation is between points of G2.
//!
//! **A ceremony for each purpose**: [`Purpose`] is in the key, and each use refuses a key of another.

mod ceremony;
#[cfg(any(test, feature = "test-util"))]
pub mod count;
mod deal;
mod exposure;
mod key;
mod qualification;
#[cfg(test)]
mod tests;

pub use ceremony::{Ceremony, CeremonyError, CeremonyId, MAX_PARTICIPANTS, Participant, Purpose};
pub use deal::{Deal, Dealer, Deals, NotParticipant, deal};
pub use exposure::{Exposed, Exposer, Exposure, FinishError, SettleError};
pub use key::{GroupKey, GroupKeyError, KeyShare, KeyShareError};
pub use qualification::{Checker, Complaint, Fault, OpenedShare, Qualified, QualifyError};

#[cfg(feature = "test-util")]
pub(crate) use deal::recode_dealt_share;
pub(crate) use key::interpolate_points;
#[cfg(test)]
pub(crate) use tests::simulate;
