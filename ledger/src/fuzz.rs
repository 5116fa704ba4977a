//! Every decoder, for fuzzing: whatever decodes must encode to the same bytes.

mod samples;

use crate::application::{Finalized, Genesis, SnapshotInfo};
use crate::block::{Block, Header};
use crate::certificate::{Ballot, CheckpointCert, CommitCert};
use crate::chain_state::{ChainState, CheckpointState};
use crate::cluster::control::{Answer, Request};
use crate::evidence::Evidence;
use crate::light::{EpochStep, LedgerProof};
use crate::pbft::effect::{Delivery, StableCheckpoint, VotingRecord, Write};
use crate::pbft::message::{Message, NewView, Prepared, ViewChange};
use crate::roster::Roster;
use crate::teller::{Books, Slip};
use crate::wire::{Wire, WireError};

pub use samples::{Samples, samples};

/// A decoder to try.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    /// What it decodes.
    pub name: &'static str,
    /// Decodes bytes and says how that ended, in few different ways.
    ///
    /// # Panics
    /// If what it accepts encodes to something else: a defect of the decoder.
    pub run: fn(&[u8]) -> String,
}

impl Decoder {
    /// The decoder of a type.
    #[must_use]
    pub const fn of<T: Wire>(name: &'static str) -> Self {
        Self {
            name,
            run: canonical::<T>,
        }
    }
}

fn canonical<T: Wire>(bytes: &[u8]) -> String {
    end(T::from_wire(bytes).map(|value| value.to_wire()), bytes)
}

/// How a decoder ended that made a value of some bytes, which this is again as bytes.
pub(crate) fn end(again: Result<Vec<u8>, WireError>, bytes: &[u8]) -> String {
    match again {
        Ok(again) => {
            assert_eq!(again, bytes, "two encodings of one value");
            "accepted".into()
        }
        // Without the numbers that the input made, so that few ends remain.
        Err(error) => error.to_string().replace(|c: char| c.is_ascii_digit(), ""),
    }
}

/// A valid input with some of its bytes changed, and no more than so many left.
#[must_use]
pub fn spoil(sample: &[u8], flips: &[(usize, u8)], cut: usize) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for (at, mask) in flips {
        if let Some(byte) = bytes.get_mut(*at) {
            *byte ^= mask;
        }
    }
    bytes.truncate(cut);
    bytes
}

/// Every decoder.
pub const ALL: &[Decoder] = &[
    Decoder::of::<Message>("message"),
    Decoder::of::<Block>("block"),
    Decoder::of::<Header>("header"),
    Decoder::of::<Ballot>("ballot"),
    Decoder::of::<CommitCert>("commit_cert"),
    Decoder::of::<CheckpointCert>("checkpoint_cert"),
    Decoder::of::<Prepared>("prepared"),
    Decoder::of::<ViewChange>("view_change"),
    Decoder::of::<NewView>("new_view"),
    Decoder::of::<Evidence>("evidence"),
    Decoder::of::<Roster>("roster"),
    Decoder::of::<Genesis>("genesis"),
    Decoder::of::<EpochStep>("epoch_step"),
    Decoder::of::<LedgerProof>("ledger_proof"),
    Decoder::of::<SnapshotInfo>("snapshot_info"),
    Decoder::of::<CheckpointState>("checkpoint_state"),
    Decoder::of::<ChainState>("chain_state"),
    Decoder::of::<StableCheckpoint>("stable_checkpoint"),
    Decoder::of::<VotingRecord>("voting_record"),
    Decoder::of::<Write>("write"),
    Decoder::of::<Delivery>("delivery"),
    Decoder::of::<Finalized>("finalized"),
    Decoder::of::<Request>("control_request"),
    Decoder::of::<Answer>("control_answer"),
    Decoder::of::<Slip>("slip"),
    Decoder::of::<Books>("books"),
];

/// Every decoder of the engine for several machines.
#[cfg(feature = "malachite")]
pub const MALACHITE: &[Decoder] = crate::malachite::DECODERS;

/// Bytes of that engine to begin with.
#[cfg(feature = "malachite")]
pub use crate::malachite::samples as malachite_samples;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::MAX_BLOCK;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(samples);

    proptest! {
        #[test]
        fn no_decoder_panics_or_accepts_a_second_encoding(
            pick in any::<proptest::sample::Index>(),
            flips in proptest::collection::vec((0..400usize, any::<u8>()), 0..4),
            cut in 0..2000usize,
            noise in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let bytes = spoil(pick.get::<Vec<u8>>(&SAMPLES), &flips, cut);
            for decoder in ALL {
                (decoder.run)(&bytes);
                (decoder.run)(&noise);
            }
        }
    }

    /// A target whose inputs it never accepts tries little.
    #[test]
    fn every_decoder_accepts_a_sample_and_none_of_its_beginnings() {
        for decoder in ALL {
            let accepts = |bytes: &[u8]| (decoder.run)(bytes) == "accepted";
            let accepted: Vec<_> = SAMPLES.iter().filter(|sample| accepts(sample)).collect();
            assert!(!accepted.is_empty(), "{}", decoder.name);
            for sample in accepted.iter().filter(|sample| sample.len() < 3000) {
                for cut in 0..sample.len() {
                    assert!(!accepts(&sample[..cut]), "{}: {cut}", decoder.name);
                }
            }
        }
    }

    #[test]
    fn an_oversized_message_is_refused_before_it_is_decoded() {
        let bytes = vec![2u8; crate::pbft::message::MAX_MESSAGE + 1];
        let refused = Message::from_wire(&bytes);
        assert!(matches!(
            refused,
            Err(WireError::TooLong {
                what: "message",
                ..
            })
        ));
        const { assert!(MAX_BLOCK < crate::pbft::message::MAX_MESSAGE) };
    }
}
