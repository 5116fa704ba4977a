//! What travels beside votes: blocks in pieces, and transactions that wait.

use crate::block::{Block, MAX_BLOCK, Transaction};
use crate::digest::{Digest, Purpose};
use crate::height::{Height, ReplicaId};
use crate::identity::Signature;
use crate::malachite::context::{LedgerContext, Proposal};
use crate::wire::{Reader, Wire, WireError, encode_bytes, encode_list, wire_struct};
use arc_malachitebft_app_channel::app::streaming::{StreamContent, StreamId, StreamMessage};
use arc_malachitebft_app_channel::app::types::core;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The size of a block's pieces, in bytes.
const CHUNK: usize = 256 << 10;
/// The most messages of one stream: opening, pieces, end.
const MAX_SEQUENCE: u64 = (MAX_BLOCK / CHUNK) as u64 + 3;
/// The most streams that are put together at once.
const MAX_STREAMS: usize = 16;
/// The most bytes of all of them together.
const MAX_ASSEMBLY: usize = 2 * MAX_BLOCK;
/// The most transactions in one message.
pub(super) const MAX_GOSSIP: usize = 4096;
/// The most bytes of transactions in one message, but for the last of them.
pub(super) const MAX_GOSSIP_BYTES: usize = 1 << 20;

/// One message beside the votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Opens the stream of a block: its signed proposal.
    Opening(Proposal, Signature),
    /// A piece of the block.
    Chunk(Bytes),
    /// Transactions that wait at the sender; a stream of its own.
    Waiting(Vec<Transaction>),
}

impl core::ProposalPart<LedgerContext> for Part {
    fn is_first(&self) -> bool {
        matches!(self, Part::Opening(..))
    }
    fn is_last(&self) -> bool {
        matches!(self, Part::Waiting(_))
    }
}

impl Wire for Part {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Part::Opening(proposal, signature) => {
                out.push(1);
                proposal.encode(out);
                signature.encode(out);
            }
            Part::Chunk(bytes) => {
                out.push(2);
                encode_bytes(bytes, out);
            }
            Part::Waiting(transactions) => {
                out.push(3);
                encode_list(transactions.iter(), out);
            }
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => Part::Opening(Wire::decode(r)?, Wire::decode(r)?),
            2 => Part::Chunk(Bytes::copy_from_slice(r.bytes("chunk", CHUNK)?)),
            3 => Part::Waiting(r.list("waiting transactions", MAX_GOSSIP)?),
            tag => return Err(WireError::UnknownTag { what: "part", tag }),
        })
    }
}

/// A proposed block, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// The proposal; its value is the block's digest.
    pub(super) proposal: Proposal,
    /// Its signature; none for a block that was fetched after its decision.
    pub(super) signature: Option<Signature>,
    /// The block.
    pub(super) block: Arc<Block>,
}

wire_struct!(Offer {
    proposal: Proposal,
    signature: Option<Signature>,
    block: Arc<Block>,
});

/// The messages that carry a proposed block. `attempt` tells one sending from the next.
pub(super) fn split(
    offer: &Offer,
    signature: Signature,
    sender: ReplicaId,
    attempt: u64,
) -> Vec<StreamMessage<Part>> {
    let id = stream_id(sender, attempt, offer.proposal.value);
    let bytes = Bytes::from(offer.block.to_wire());
    let mut contents = vec![StreamContent::Data(Part::Opening(
        offer.proposal,
        signature,
    ))];
    let mut at = 0;
    while at < bytes.len() {
        let end = bytes.len().min(at + CHUNK);
        contents.push(StreamContent::Data(Part::Chunk(bytes.slice(at..end))));
        at = end;
    }
    contents.push(StreamContent::Fin);
    let numbered = (0u64..).zip(contents);
    numbered
        .map(|(sequence, content)| StreamMessage::new(id.clone(), sequence, content))
        .collect()
}

/// The message that carries waiting transactions.
pub(super) fn waiting(
    transactions: Vec<Transaction>,
    sender: ReplicaId,
    attempt: u64,
) -> StreamMessage<Part> {
    let id = stream_id(sender, attempt, Digest::ZERO);
    StreamMessage::new(id, 0, StreamContent::Data(Part::Waiting(transactions)))
}

fn stream_id(sender: ReplicaId, attempt: u64, value: Digest) -> StreamId {
    let id = Purpose::Proposal.hash(&[&sender.to_wire(), &attempt.to_wire(), value.as_bytes()]);
    StreamId::new(Bytes::copy_from_slice(id.as_bytes()))
}

#[derive(Debug, Default)]
struct Stream {
    opening: Option<(Proposal, Signature)>,
    chunks: BTreeMap<u64, Bytes>,
    bytes: usize,
    /// The sequence number of the end.
    end: Option<u64>,
    /// When it began, in streams.
    age: u64,
}

/// Puts blocks together again, within bounds: the oldest streams give way.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    streams: BTreeMap<Vec<u8>, Stream>,
    bytes: usize,
    begun: u64,
}

impl Assembly {
    /// Takes one message in; the block, if that was its last. A block that is not the one its
    /// proposal names is dropped.
    pub(super) fn take(&mut self, message: StreamMessage<Part>) -> Option<Offer> {
        if message.sequence > MAX_SEQUENCE {
            return None;
        }
        let key = message.stream_id.to_bytes().to_vec();
        let begun = &mut self.begun;
        let stream = self.streams.entry(key.clone()).or_insert_with(|| {
            *begun += 1;
            Stream {
                age: *begun,
                ..Stream::default()
            }
        });
        match message.content {
            StreamContent::Data(Part::Opening(proposal, signature)) => {
                stream.opening.get_or_insert((proposal, signature));
            }
            StreamContent::Data(Part::Chunk(bytes)) => {
                let size = bytes.len();
                if stream.chunks.insert(message.sequence, bytes).is_none() {
                    stream.bytes += size;
                    self.bytes += size;
                }
            }
            StreamContent::Data(Part::Waiting(_)) => {}
            StreamContent::Fin => stream.end = Some(message.sequence),
        }
        let whole = stream.opening.is_some() && stream.end == Some(stream.chunks.len() as u64 + 1);
        if whole {
            let stream = self.remove(&key)?;
            return offer(stream);
        }
        self.make_room();
        None
    }

    fn remove(&mut self, key: &[u8]) -> Option<Stream> {
        let stream = self.streams.remove(key)?;
        self.bytes -= stream.bytes;
        Some(stream)
    }

    fn make_room(&mut self) {
        while self.streams.len() > MAX_STREAMS || self.bytes > MAX_ASSEMBLY {
            let oldest = self.streams.iter().min_by_key(|(_, s)| s.age);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.remove(&key);
        }
    }

    /// Drops what is of a height or below.
    pub(super) fn forget(&mut self, height: Height) {
        let old = |s: &Stream| s.opening.is_some_and(|(p, _)| p.height <= height);
        let keys = self.streams.iter().filter(|(_, s)| old(s));
        let keys: Vec<Vec<u8>> = keys.map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.remove(&key);
        }
    }
}

fn offer(stream: Stream) -> Option<Offer> {
    let (proposal, signature) = stream.opening?;
    if stream.bytes > MAX_BLOCK {
        return None;
    }
    let mut bytes = Vec::with_capacity(stream.bytes);
    for chunk in stream.chunks.values() {
        bytes.extend_from_slice(chunk);
    }
    let block = Block::from_wire(&bytes).ok()?;
    let named = block.digest() == proposal.value && block.height() == proposal.height;
    named.then(|| Offer {
        proposal,
        signature: Some(signature),
        block: Arc::new(block),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Parent;
    use crate::height::Time;
    use crate::malachite::context::Address;
    use arc_malachitebft_app_channel::app::types::core::Round;

    fn sample(size: usize) -> Offer {
        let parent = Parent {
            digest: Digest::new([1; 32]),
            app_hash: Digest::new([2; 32]),
            outcomes: Digest::ZERO,
            roster: Digest::new([3; 32]),
        };
        let tx = Transaction::new(vec![7; size]).unwrap();
        let block = Block::new(
            Height::new(1),
            Time::new(9),
            &parent,
            vec![tx],
            None,
            Vec::new(),
        );
        Offer {
            proposal: Proposal {
                height: Height::new(1),
                round: Round::new(0),
                value: block.digest(),
                pol_round: Round::Nil,
                proposer: Address(ReplicaId::new(2)),
            },
            signature: Some(Signature::new([5; 64])),
            block: Arc::new(block),
        }
    }

    #[test]
    fn a_block_is_put_together_in_any_order() {
        let offer = sample(700_000);
        let signature = offer.signature.unwrap();
        let mut messages = split(&offer, signature, ReplicaId::new(2), 1);
        assert_eq!(messages.len(), 5, "opening, three pieces, end");
        messages.reverse();
        let mut assembly = Assembly::default();
        let last = messages.pop().unwrap();
        for message in messages {
            assert_eq!(assembly.take(message), None);
        }
        assert_eq!(assembly.take(last), Some(offer));
        assert_eq!((assembly.bytes, assembly.streams.len()), (0, 0));
    }

    #[test]
    fn another_block_than_the_proposal_names_is_dropped() {
        let mut offer = sample(10);
        offer.proposal.value = Digest::new([9; 32]);
        let signature = offer.signature.unwrap();
        let mut assembly = Assembly::default();
        let mut messages = split(&offer, signature, ReplicaId::new(2), 1).into_iter();
        assert!(messages.all(|m| assembly.take(m).is_none()));
    }

    #[test]
    fn unfinished_streams_stay_within_bounds() {
        let mut assembly = Assembly::default();
        for attempt in 0..200u64 {
            let id = stream_id(ReplicaId::new(1), attempt, Digest::ZERO);
            let chunk = Part::Chunk(Bytes::from(vec![0; CHUNK]));
            for sequence in 0..2 * MAX_SEQUENCE {
                let content = StreamContent::Data(chunk.clone());
                assembly.take(StreamMessage::new(id.clone(), sequence, content));
            }
            assert!(assembly.streams.len() <= MAX_STREAMS && assembly.bytes <= MAX_ASSEMBLY);
        }
    }
}
