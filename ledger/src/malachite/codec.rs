//! The engine's messages in this ledger's canonical byte form, decoded as from an enemy.

#[cfg(any(test, feature = "fuzz"))]
mod samples;

#[cfg(any(test, feature = "fuzz"))]
pub use samples::samples;

use crate::digest::Digest;
use crate::height::Height;
use crate::identity::Signature;
use crate::malachite::context::{Address, LedgerContext, Proposal, Vote};
use crate::malachite::parts::Part;
use crate::roster::MAX_MEMBERS;
use crate::wire::{Reader, Wire, WireError, encode_bytes, encode_count};
use arc_malachitebft_app_channel::app::consensus::{
    LivenessMsg, ProposedValue, SignedConsensusMsg,
};
use arc_malachitebft_app_channel::app::streaming::{StreamContent, StreamId, StreamMessage};
use arc_malachitebft_app_channel::app::types::codec::{Codec, HasEncodedLen};
use arc_malachitebft_app_channel::app::types::core::{
    ExtendedCommitCertificate, ExtendedCommitSignature, NilOrVal, PolkaCertificate, PolkaSignature,
    Round, RoundCertificate, RoundCertificateType, RoundSignature, SignedMessage, ValidatorProof,
    Validity, VoteType,
};
use arc_malachitebft_sync as sync;
use bytes::Bytes;

/// The longest block in an answer, with room for its certificate.
const MAX_VALUE: usize = crate::block::MAX_BLOCK;
/// The most blocks in one answer.
pub(super) const MAX_VALUES: usize = 64;
const MAX_ID: usize = 128;

type Ctx = LedgerContext;

/// Encodes and decodes everything the engine sends or writes to its log.
#[derive(Clone, Copy, Debug)]
pub(super) struct WireCodec;

/// One of the engine's types, which cannot have [`Wire`] itself.
trait Foreign: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError>;
}

macro_rules! codec {
    ($($name:literal: $t:ty),* $(,)?) => {
        $(
        impl Codec<$t> for WireCodec {
            type Error = WireError;
            fn decode(&self, bytes: Bytes) -> Result<$t, WireError> {
                let mut r = Reader::new(&bytes);
                let value = <$t as Foreign>::get(&mut r)?;
                r.finish()?;
                Ok(value)
            }
            fn encode(&self, value: &$t) -> Result<Bytes, WireError> {
                let mut out = Vec::new();
                Foreign::put(value, &mut out);
                Ok(out.into())
            }
        }
        )*
        /// Every decoder: whatever decodes must encode to the same bytes.
        #[cfg(any(test, feature = "fuzz"))]
        pub(crate) const DECODERS: &[crate::fuzz::Decoder] =
            &[$(crate::fuzz::Decoder { name: $name, run: canonical::<$t> }),*];
    };
}

#[cfg(any(test, feature = "fuzz"))]
fn canonical<T>(bytes: &[u8]) -> String
where
    WireCodec: Codec<T, Error = WireError>,
{
    let again = WireCodec
        .decode(Bytes::copy_from_slice(bytes))
        .and_then(|value: T| WireCodec.encode(&value));
    crate::fuzz::end(again.map(Into::into), bytes)
}

codec!(
    "part": Part,
    "vote": SignedConsensusMsg<Ctx>,
    "liveness": LivenessMsg<Ctx>,
    "stream": StreamMessage<Part>,
    "validator": ValidatorProof<Ctx>,
    "status": sync::Status<Ctx>,
    "sync_request": sync::Request<Ctx>,
    "sync_response": sync::Response<Ctx>,
    "proposed_value": ProposedValue<Ctx>,
    "polka": PolkaCertificate<Ctx>,
);

impl HasEncodedLen<sync::Response<Ctx>> for WireCodec {
    fn encoded_len(&self, response: &sync::Response<Ctx>) -> Result<usize, WireError> {
        self.encode(response).map(|bytes| bytes.len())
    }
}

impl Foreign for Part {
    fn put(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Part::decode(r)
    }
}

/// Nil is 0, round r is r + 1.
fn put_round(round: Round, out: &mut Vec<u8>) {
    round.as_u32().map_or(0, |r| u64::from(r) + 1).encode(out);
}

fn get_round(r: &mut Reader<'_>) -> Result<Round, WireError> {
    match u64::decode(r)? {
        0 => Ok(Round::Nil),
        n => u32::try_from(n - 1)
            .map(Round::new)
            .map_err(|_| WireError::Invalid { what: "round" }),
    }
}

/// A round that is not nil.
fn get_some_round(r: &mut Reader<'_>) -> Result<Round, WireError> {
    match get_round(r)? {
        Round::Nil => Err(WireError::Invalid { what: "round" }),
        round => Ok(round),
    }
}

/// Nil is the zero digest, as in the signed form.
fn put_value(value: &NilOrVal<Digest>, out: &mut Vec<u8>) {
    match value {
        NilOrVal::Nil => Digest::ZERO.encode(out),
        NilOrVal::Val(digest) => digest.encode(out),
    }
}

fn get_value(r: &mut Reader<'_>) -> Result<NilOrVal<Digest>, WireError> {
    Ok(match Digest::decode(r)? {
        Digest::ZERO => NilOrVal::Nil,
        digest => NilOrVal::Val(digest),
    })
}

fn put_kind(kind: VoteType, out: &mut Vec<u8>) {
    out.push(match kind {
        VoteType::Prevote => 1,
        VoteType::Precommit => 2,
    });
}

fn get_kind(r: &mut Reader<'_>) -> Result<VoteType, WireError> {
    Ok(match u8::decode(r)? {
        1 => VoteType::Prevote,
        2 => VoteType::Precommit,
        tag => return Err(WireError::UnknownTag { what: "vote", tag }),
    })
}

impl Wire for Address {
    const MIN_SIZE: usize = 2;
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Wire::decode(r).map(Address)
    }
}

impl Wire for Proposal {
    const MIN_SIZE: usize = 58;
    fn encode(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        put_round(self.round, out);
        self.value.encode(out);
        put_round(self.pol_round, out);
        self.proposer.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Proposal {
            height: Wire::decode(r)?,
            round: get_some_round(r)?,
            value: Wire::decode(r)?,
            pol_round: get_round(r)?,
            proposer: Wire::decode(r)?,
        })
    }
}

impl Wire for Vote {
    const MIN_SIZE: usize = 51;
    fn encode(&self, out: &mut Vec<u8>) {
        put_kind(self.kind, out);
        self.height.encode(out);
        put_round(self.round, out);
        put_value(&self.value, out);
        self.voter.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Vote {
            kind: get_kind(r)?,
            height: Wire::decode(r)?,
            round: get_some_round(r)?,
            value: get_value(r)?,
            voter: Wire::decode(r)?,
        })
    }
}

fn put_signed<T: Wire>(signed: &SignedMessage<Ctx, T>, out: &mut Vec<u8>) {
    signed.message.encode(out);
    signed.signature.encode(out);
}

fn get_signed<T: Wire>(r: &mut Reader<'_>) -> Result<SignedMessage<Ctx, T>, WireError> {
    Ok(SignedMessage::new(T::decode(r)?, Signature::decode(r)?))
}

impl Foreign for SignedConsensusMsg<Ctx> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            SignedConsensusMsg::Vote(vote) => {
                out.push(1);
                put_signed(vote, out);
            }
            SignedConsensusMsg::Proposal(proposal) => {
                out.push(2);
                put_signed(proposal, out);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => SignedConsensusMsg::Vote(get_signed(r)?),
            2 => SignedConsensusMsg::Proposal(get_signed(r)?),
            tag => {
                return Err(WireError::UnknownTag {
                    what: "consensus message",
                    tag,
                });
            }
        })
    }
}

fn put_list<T>(items: &[T], out: &mut Vec<u8>, mut put: impl FnMut(&T, &mut Vec<u8>)) {
    encode_count(items.len(), out);
    for item in items {
        put(item, out);
    }
}

fn get_list<T>(
    r: &mut Reader<'_>,
    (what, max, min_size): (&'static str, usize, usize),
    mut get: impl FnMut(&mut Reader<'_>) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    let count = r.count(what, max, min_size)?;
    (0..count).map(|_| get(r)).collect()
}

/// An address and a signature.
const SIGNATURES: (&str, usize, usize) = ("signatures", MAX_MEMBERS, 66);

impl Foreign for PolkaCertificate<Ctx> {
    fn put(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        put_round(self.round, out);
        self.value_id.encode(out);
        put_list(&self.polka_signatures, out, |s, out| {
            s.address.encode(out);
            s.signature.encode(out);
        });
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(PolkaCertificate {
            height: Wire::decode(r)?,
            round: get_some_round(r)?,
            value_id: Wire::decode(r)?,
            polka_signatures: get_list(r, SIGNATURES, |r| {
                Ok(PolkaSignature::new(Wire::decode(r)?, Wire::decode(r)?))
            })?,
        })
    }
}

impl Foreign for RoundCertificate<Ctx> {
    fn put(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        put_round(self.round, out);
        out.push(match self.cert_type {
            RoundCertificateType::Skip => 1,
            RoundCertificateType::Precommit => 2,
        });
        put_list(&self.round_signatures, out, |s, out| {
            put_kind(s.vote_type, out);
            put_value(&s.value_id, out);
            s.address.encode(out);
            s.signature.encode(out);
        });
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(RoundCertificate {
            height: Wire::decode(r)?,
            round: get_some_round(r)?,
            cert_type: match u8::decode(r)? {
                1 => RoundCertificateType::Skip,
                2 => RoundCertificateType::Precommit,
                tag => {
                    return Err(WireError::UnknownTag {
                        what: "round certificate",
                        tag,
                    });
                }
            },
            round_signatures: get_list(r, ("signatures", 2 * MAX_MEMBERS, 99), |r| {
                Ok(RoundSignature::new(
                    get_kind(r)?,
                    get_value(r)?,
                    Wire::decode(r)?,
                    Wire::decode(r)?,
                ))
            })?,
        })
    }
}

impl Foreign for LivenessMsg<Ctx> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            LivenessMsg::Vote(vote) => {
                out.push(1);
                put_signed(vote, out);
            }
            LivenessMsg::PolkaCertificate(certificate) => {
                out.push(2);
                certificate.put(out);
            }
            LivenessMsg::SkipRoundCertificate(certificate) => {
                out.push(3);
                certificate.put(out);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => LivenessMsg::Vote(get_signed(r)?),
            2 => LivenessMsg::PolkaCertificate(Foreign::get(r)?),
            3 => LivenessMsg::SkipRoundCertificate(Foreign::get(r)?),
            tag => {
                return Err(WireError::UnknownTag {
                    what: "liveness message",
                    tag,
                });
            }
        })
    }
}

impl Foreign for StreamMessage<Part> {
    fn put(&self, out: &mut Vec<u8>) {
        encode_bytes(&self.stream_id.to_bytes(), out);
        self.sequence.encode(out);
        match &self.content {
            StreamContent::Fin => out.push(0),
            StreamContent::Data(part) => {
                out.push(1);
                part.encode(out);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let id = r.bytes("stream", MAX_ID)?;
        let id = StreamId::new(Bytes::copy_from_slice(id));
        let sequence = Wire::decode(r)?;
        let content = if bool::decode(r)? {
            StreamContent::Data(Part::decode(r)?)
        } else {
            StreamContent::Fin
        };
        Ok(StreamMessage::new(id, sequence, content))
    }
}

impl Foreign for ValidatorProof<Ctx> {
    fn put(&self, out: &mut Vec<u8>) {
        encode_bytes(&self.public_key, out);
        encode_bytes(&self.peer_id, out);
        self.signature.encode(out);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(ValidatorProof::new(
            r.bytes("public key", MAX_ID)?.to_vec(),
            r.bytes("peer", MAX_ID)?.to_vec(),
            Wire::decode(r)?,
        ))
    }
}

impl Foreign for ProposedValue<Ctx> {
    fn put(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        put_round(self.round, out);
        put_round(self.valid_round, out);
        self.proposer.encode(out);
        self.value.encode(out);
        self.validity.to_bool().encode(out);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(ProposedValue {
            height: Wire::decode(r)?,
            round: get_some_round(r)?,
            valid_round: get_round(r)?,
            proposer: Wire::decode(r)?,
            value: Wire::decode(r)?,
            validity: Validity::from_bool(bool::decode(r)?),
        })
    }
}

impl Foreign for sync::Status<Ctx> {
    fn put(&self, out: &mut Vec<u8>) {
        encode_bytes(&self.peer_id.to_bytes(), out);
        self.tip_height.encode(out);
        self.history_min_height.encode(out);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let peer = r.bytes("peer", MAX_ID)?;
        Ok(sync::Status {
            peer_id: sync::PeerId::from_bytes(peer)
                .map_err(|_| WireError::Invalid { what: "peer" })?,
            tip_height: Wire::decode(r)?,
            history_min_height: Wire::decode(r)?,
        })
    }
}

impl Foreign for sync::Request<Ctx> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            sync::Request::ValueRequest(request) => {
                request.range.start().encode(out);
                request.range.end().encode(out);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let (start, end): (Height, Height) = Wire::decode(r)?;
        Ok(sync::Request::ValueRequest(sync::ValueRequest::new(
            start..=end,
        )))
    }
}

impl Foreign for ExtendedCommitCertificate<Ctx> {
    fn put(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        put_round(self.round, out);
        self.value_id.encode(out);
        put_list(&self.commit_signatures, out, |s, out| {
            s.address.encode(out);
            s.signature.encode(out);
        });
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(ExtendedCommitCertificate {
            height: Wire::decode(r)?,
            round: get_some_round(r)?,
            value_id: Wire::decode(r)?,
            commit_signatures: get_list(r, SIGNATURES, |r| {
                let (address, signature) = Wire::decode(r)?;
                Ok(ExtendedCommitSignature::new(address, signature, None))
            })?,
        })
    }
}

impl Foreign for sync::Response<Ctx> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            sync::Response::ValueResponse(response) => {
                response.start_height.encode(out);
                put_list(&response.values, out, |value, out| {
                    encode_bytes(&value.value_bytes, out);
                    value.certificate.put(out);
                });
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let start = Wire::decode(r)?;
        let values = get_list(r, ("blocks", MAX_VALUES, 56), |r| {
            let bytes = Bytes::copy_from_slice(r.bytes("block", MAX_VALUE)?);
            Ok(sync::RawDecidedValue::new(bytes, Foreign::get(r)?))
        })?;
        Ok(sync::Response::ValueResponse(sync::ValueResponse::new(
            start, values,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::height::ReplicaId;
    use arc_malachitebft_app_channel::app::types::core::Context as _;

    fn vote(value: NilOrVal<Digest>) -> SignedConsensusMsg<Ctx> {
        let voter = Address(ReplicaId::new(3));
        let vote = LedgerContext.new_precommit(Height::new(7), Round::new(2), value, voter);
        SignedConsensusMsg::Vote(SignedMessage::new(vote, Signature::new([9; 64])))
    }

    #[test]
    fn messages_decode_to_themselves_and_only_whole() {
        for value in [NilOrVal::Nil, NilOrVal::Val(Digest::new([5; 32]))] {
            let message = vote(value);
            let bytes = WireCodec.encode(&message).unwrap();
            let back: SignedConsensusMsg<Ctx> = WireCodec.decode(bytes.clone()).unwrap();
            assert_eq!(back, message);
            for cut in 0..bytes.len() {
                let part: Result<SignedConsensusMsg<Ctx>, _> = WireCodec.decode(bytes.slice(..cut));
                assert!(part.is_err(), "{cut} bytes");
            }
            let mut longer = bytes.to_vec();
            longer.push(0);
            let longer: Result<SignedConsensusMsg<Ctx>, _> = WireCodec.decode(longer.into());
            assert!(longer.is_err());
        }
    }

    #[test]
    fn answers_decode_to_themselves_and_claim_no_more_than_they_hold() {
        let signature =
            ExtendedCommitSignature::new(Address(ReplicaId::new(1)), Signature::new([4; 64]), None);
        let certificate = ExtendedCommitCertificate {
            height: Height::new(7),
            round: Round::new(0),
            value_id: Digest::new([5; 32]),
            commit_signatures: vec![signature],
        };
        let value = sync::RawDecidedValue::new(Bytes::from_static(b"block"), certificate);
        let response = sync::ValueResponse::new(Height::new(7), vec![value]);
        let response = sync::Response::ValueResponse(response);
        let bytes = WireCodec.encode(&response).unwrap();
        assert_eq!(WireCodec.encoded_len(&response), Ok(bytes.len()));
        let back: sync::Response<Ctx> = WireCodec.decode(bytes.clone()).unwrap();
        assert_eq!(back, response);
        // The count of blocks follows the height.
        let mut many = bytes.to_vec();
        many[8..12].copy_from_slice(&[0, 0, 0xff, 0xff]);
        let many: Result<sync::Response<Ctx>, _> = WireCodec.decode(many.into());
        assert!(many.is_err());
    }
}
