//! One function per decoder, for fuzzing: whatever decodes must encode to the same bytes.

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
use crate::wire::Wire;

/// A decoder's name, and what tries it.
pub type Decoder = (&'static str, fn(&[u8]));

fn canonical<T: Wire>(bytes: &[u8]) {
    if let Ok(value) = T::from_wire(bytes) {
        assert_eq!(value.to_wire(), bytes, "two encodings of one value");
    }
}

macro_rules! decoders {
    ($($(#[$doc:meta])* $name:ident: $t:ty;)*) => {
        $($(#[$doc])* pub fn $name(bytes: &[u8]) { canonical::<$t>(bytes); })*
        /// Every decoder, by name.
        pub const ALL: &[Decoder] = &[$((stringify!($name), $name)),*];
    };
}

decoders! {
    /// A message between replicas.
    message: Message;
    /// A block.
    block: Block;
    /// A header.
    header: Header;
    /// A vote.
    ballot: Ballot;
    /// A commit certificate.
    commit_cert: CommitCert;
    /// A checkpoint certificate.
    checkpoint_cert: CheckpointCert;
    /// A prepared certificate.
    prepared: Prepared;
    /// A VIEW-CHANGE.
    view_change: ViewChange;
    /// A NEW-VIEW.
    new_view: NewView;
    /// Evidence against a liar.
    evidence: Evidence;
    /// A roster.
    roster: Roster;
    /// A genesis document.
    genesis: Genesis;
    /// A roster change for light clients.
    epoch_step: EpochStep;
    /// A proof of inclusion.
    ledger_proof: LedgerProof;
    /// A snapshot's description.
    snapshot_info: SnapshotInfo;
    /// A checkpoint's state.
    checkpoint_state: CheckpointState;
    /// The chain state in it.
    chain_state: ChainState;
    /// A stable checkpoint.
    stable_checkpoint: StableCheckpoint;
    /// A voting record.
    voting_record: VotingRecord;
    /// A durable write, as the log has it.
    write: Write;
    /// A stored block.
    delivery: Delivery;
    /// What executing a block gave.
    finalized: Finalized;
    /// What a replica is asked by its operator.
    control_request: Request;
    /// What it answers.
    control_answer: Answer;
    /// A request of the application that tests and examples run.
    slip: Slip;
    /// That application's state.
    books: Books;
}

/// Every decoder of the engine for several machines, by name.
#[cfg(feature = "malachite")]
pub const MALACHITE: &[Decoder] = crate::malachite::DECODERS;

/// Bytes of that engine to begin with.
#[cfg(feature = "malachite")]
pub use crate::malachite::samples as malachite_samples;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{MAX_BLOCK, Transaction};
    use crate::digest::Digest;
    use crate::height::{Epoch, Height, ReplicaId, View};
    use crate::identity::{Kind, Signature};
    use crate::wire::WireError;
    use proptest::prelude::*;

    fn samples() -> Vec<Vec<u8>> {
        let ballot = Ballot {
            epoch: Epoch::new(1),
            kind: Kind::Prepare,
            view: View::new(2),
            height: Height::new(3),
            digest: Digest::new([4; 32]),
            from: ReplicaId::new(5),
            signature: Signature::new([6; 64]),
        };
        let roster = Roster::first(crate::roster::simulated_members(4)).unwrap();
        let tx = Transaction::new(vec![1, 2, 3]).unwrap();
        vec![
            Message::Prepare(ballot).to_wire(),
            Message::Request(tx).to_wire(),
            Message::Decided(Vec::new()).to_wire(),
            roster.to_wire(),
            VotingRecord::default().to_wire(),
        ]
    }

    proptest! {
        #[test]
        fn no_decoder_panics_or_accepts_a_second_encoding(
            pick in 0..5usize,
            cut in 0..400usize,
            flips in proptest::collection::vec((0..400usize, any::<u8>()), 0..4),
            noise in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut bytes = samples()[pick].clone();
            for (at, mask) in flips {
                if let Some(b) = bytes.get_mut(at) {
                    *b ^= mask;
                }
            }
            bytes.truncate(cut.max(1));
            for (_, decode) in ALL {
                decode(&bytes);
                decode(&noise);
            }
        }
    }

    #[test]
    fn truncated_messages_are_refused() {
        for sample in samples() {
            for cut in 0..sample.len() {
                let part = &sample[..cut];
                assert!(Message::from_wire(part).is_err() && Roster::from_wire(part).is_err());
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
