//! Inputs for fuzzing to begin with.

use super::*;
use crate::height::ReplicaId;
use crate::malachite::parts::{Told, Want, alone};

/// Something of each kind that replicas send each other or keep, as bytes.
#[must_use]
pub fn samples() -> Vec<Vec<u8>> {
    let (replica, height) = (ReplicaId::new(1), Height::new(7));
    let signature = Signature::new([4; 64]);
    let vote = Vote {
        kind: VoteType::Precommit,
        height,
        round: Round::new(2),
        value: NilOrVal::Val(Digest::new([5; 32])),
        voter: Address(replica),
    };
    let proposal = Proposal {
        height,
        round: Round::new(2),
        value: Digest::new([5; 32]),
        pol_round: Round::Nil,
        proposer: Address(replica),
    };
    let told = |after| Told {
        tx: crate::block::Transaction::new(vec![7; 40]).unwrap_or_else(|_| unreachable!()),
        after,
    };
    let want = Want {
        replica,
        height,
        attempt: 6,
    };
    let response = sync::Response::ValueResponse(sync::ValueResponse::new(
        height,
        vec![sync::RawDecidedValue::new(
            Bytes::from_static(b"block"),
            ExtendedCommitCertificate {
                height,
                round: Round::new(0),
                value_id: Digest::new([5; 32]),
                commit_signatures: vec![ExtendedCommitSignature::new(
                    Address(replica),
                    signature,
                    None,
                )],
            },
        )],
    ));
    let nil = SignedMessage::new(
        Vote {
            value: NilOrVal::Nil,
            ..vote
        },
        signature,
    );
    let skip = RoundCertificate {
        height,
        round: Round::new(1),
        cert_type: RoundCertificateType::Skip,
        round_signatures: vec![RoundSignature::new(
            VoteType::Prevote,
            NilOrVal::Nil,
            Address(replica),
            signature,
        )],
    };
    let ballot = crate::certificate::Ballot {
        epoch: crate::height::Epoch::new(1),
        kind: crate::identity::Kind::Checkpoint,
        view: crate::height::View::FIRST,
        height,
        digest: Digest::new([4; 32]),
        from: replica,
        signature,
    };
    let polka = PolkaCertificate {
        height,
        round: Round::new(0),
        value_id: Digest::new([5; 32]),
        polka_signatures: vec![PolkaSignature::new(Address(replica), signature)],
    };
    let asked = sync::ValueRequest::new(height..=height.next());
    // A SHA-256 multihash.
    let peer = [&[0x12, 0x20][..], &[8; 32]].concat();
    let peer = sync::PeerId::from_bytes(&peer).unwrap_or_else(|_| unreachable!());
    let status = sync::Status::<Ctx> {
        peer_id: peer,
        tip_height: height,
        history_min_height: Height::new(1),
    };
    let proposed = ProposedValue::<Ctx> {
        height,
        round: Round::new(2),
        valid_round: Round::Nil,
        proposer: Address(replica),
        value: Digest::new([5; 32]),
        validity: Validity::Valid,
    };
    let waiting = Part::Waiting(vec![told(None), told(Some(3))]);
    let encoded = [
        WireCodec.encode(&SignedConsensusMsg::<Ctx>::Vote(SignedMessage::new(
            vote, signature,
        ))),
        WireCodec.encode(&SignedConsensusMsg::<Ctx>::Proposal(SignedMessage::new(
            proposal, signature,
        ))),
        WireCodec.encode(&SignedConsensusMsg::<Ctx>::Vote(nil.clone())),
        WireCodec.encode(&LivenessMsg::<Ctx>::Vote(nil)),
        WireCodec.encode(&LivenessMsg::<Ctx>::PolkaCertificate(polka.clone())),
        WireCodec.encode(&LivenessMsg::<Ctx>::SkipRoundCertificate(skip)),
        WireCodec.encode(&polka),
        WireCodec.encode(&waiting),
        WireCodec.encode(&Part::Wanted(want)),
        WireCodec.encode(&Part::Opening(proposal, signature)),
        WireCodec.encode(&Part::Chunk(Bytes::from_static(b"block"))),
        WireCodec.encode(&Part::Checkpoint(ballot)),
        WireCodec.encode(&Part::Offering(replica, replica)),
        WireCodec.encode(&StreamMessage::<Part>::new(
            StreamId::new(Bytes::from_static(b"stream")),
            4,
            StreamContent::Fin,
        )),
        WireCodec.encode(&alone(waiting, (replica, 9))),
        WireCodec.encode(&response),
        WireCodec.encode(&sync::Request::<Ctx>::ValueRequest(asked)),
        WireCodec.encode(&status),
        WireCodec.encode(&ValidatorProof::<Ctx>::new(
            vec![6; 32],
            peer.to_bytes(),
            signature,
        )),
        WireCodec.encode(&proposed),
    ];
    encoded.into_iter().flatten().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::spoil;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_decoder_panics_or_accepts_a_second_encoding(
            pick in any::<proptest::sample::Index>(),
            flips in proptest::collection::vec((0..500usize, any::<u8>()), 0..4),
            cut in 0..500usize,
        ) {
            let bytes = spoil(pick.get::<Vec<u8>>(&samples()), &flips, cut);
            for decoder in DECODERS {
                (decoder.run)(&bytes);
            }
        }
    }

    #[test]
    fn every_decoder_accepts_a_sample() {
        let samples = samples();
        assert_eq!(samples.len(), 20, "one was not encoded");
        for decoder in DECODERS {
            let mut ends = samples.iter().map(|sample| (decoder.run)(sample));
            assert!(ends.any(|end| end == "accepted"), "{}", decoder.name);
        }
    }
}
