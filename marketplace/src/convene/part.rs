//! An authority's part in a key generation: what it says in each round, and the share it ends with. All of it
//! follows from what was said before and from one source of randomness, which must give the same each time:
//! so a part that was broken off is taken up again with the same words.

use eligo_ledger::wire::WireError;
use eligo_sharing::dkg::{
    self, Complaint, FinishError, GroupKey, KeyShare, NotParticipant, OpenedShare, QualifyError,
};
use eligo_sharing::letter::LetterKey;
use rand_core::{CryptoRng, RngCore};

use crate::convene::transcript::{Message, NoKey, Opened, Stage, Transcript};
use crate::encoding::{Blob, List};

/// Why there is nothing to say, or no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// The letter key takes no part.
    #[error(transparent)]
    NotParticipant(#[from] NotParticipant),
    /// Too few are qualified.
    #[error(transparent)]
    Qualify(#[from] QualifyError),
    /// No key follows.
    #[error(transparent)]
    NoKey(#[from] NoKey),
    /// The shares do not fit the key.
    #[error(transparent)]
    Finish(#[from] FinishError),
    /// What is to be said is too long.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// What the owner of `letters` says in a round; none if it is not its turn.
///
/// # Errors
/// [`PartError`].
pub fn say(
    transcript: &Transcript,
    stage: Stage,
    letters: &LetterKey,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<Option<Message>, PartError> {
    let (dealer, deal) = dkg::deal(transcript.ceremony(), letters, rng)?;
    let me = dealer.participant();
    if stage == Stage::Deal {
        return Ok(Some(Message::Deal(Blob::new(deal.to_bytes())?)));
    }
    let (checker, complaints) = dealer.check(&transcript.deals());
    if stage == Stage::Complain {
        let complaints = complaints.iter().map(Complaint::to_bytes);
        return Ok(Some(Message::Complaints(blobs(complaints)?)));
    }
    if stage == Stage::Answer {
        if !transcript.accused().contains(&me) {
            return Ok(None);
        }
        // Complaints stand in the order they were made.
        let mut answers = checker.answer(&transcript.complaints());
        answers.sort_by_key(|share| share.holder);
        answers.dedup_by_key(|share| share.holder);
        return Ok(Some(Message::Answers(shares(&answers)?)));
    }
    let qualified = transcript.qualify()?;
    let (exposer, exposure) = checker.expose(&qualified);
    Ok(match (stage, exposure) {
        (Stage::Expose, Some(exposure)) => Some(Message::Exposure(Blob::new(exposure.to_bytes())?)),
        (Stage::Object, _) => {
            let objections = exposer.object(&qualified, &transcript.exposures());
            Some(Message::Objections(shares(&objections)?))
        }
        (Stage::Open, _) => {
            let revealed = exposer.reveal(&transcript.expose()?);
            Some(Message::Openings(shares(&revealed)?))
        }
        _ => None,
    })
}

/// The key that follows from all that was said, whatever anyone says it is, and the share of it that the owner
/// of `letters` has.
///
/// # Errors
/// [`PartError`].
pub fn finish(
    transcript: &Transcript,
    letters: &LetterKey,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<(GroupKey, KeyShare), PartError> {
    let (dealer, _) = dkg::deal(transcript.ceremony(), letters, rng)?;
    let (checker, _) = dealer.check(&transcript.deals());
    let (exposer, _) = checker.expose(&transcript.qualify()?);
    let key = transcript.settle()?;
    let share = exposer.finish(&key)?;
    Ok((key, share))
}

fn blobs(all: impl Iterator<Item = Vec<u8>>) -> Result<Opened, WireError> {
    let blobs: Result<Vec<_>, _> = all.map(Blob::new).collect();
    List::new(blobs?)
}

fn shares(all: &[OpenedShare]) -> Result<Opened, WireError> {
    blobs(all.iter().map(OpenedShare::to_bytes))
}
