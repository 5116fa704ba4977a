//! What travels beside votes: blocks in pieces, and transactions that wait.

use crate::block::{Block, MAX_BLOCK, Transaction};
use crate::certificate::Ballot;
use crate::digest::Purpose;
use crate::height::{Height, ReplicaId};
use crate::identity::Signature;
use crate::malachite::context::{LedgerContext, Proposal};
use crate::wire::{Reader, Wire, WireError, encode_bytes, encode_list, wire_struct};
use arc_malachitebft_app_channel::app::streaming::{StreamContent, StreamId, StreamMessage};
use arc_malachitebft_app_channel::app::types::core;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// The size of a block's pieces, in bytes.
const CHUNK: usize = 256 << 10;
/// The most messages of one stream: opening, pieces, end.
const MAX_SEQUENCE: u64 = (MAX_BLOCK / CHUNK) as u64 + 3;
/// The most streams of one publisher that are put together at once.
const MAX_STREAMS: usize = 4;
/// The most bytes of all publishers' streams together.
pub(super) const MAX_ASSEMBLY: usize = 2 * MAX_BLOCK;
/// The most transactions in one message.
pub(super) const MAX_GOSSIP: usize = 4096;
/// The most bytes of transactions in one message, but for the last of them.
pub(super) const MAX_GOSSIP_BYTES: usize = 1 << 20;

/// One message beside the votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Opens the stream of a block: its signed proposal.
    Opening(Proposal, Signature),
    /// A piece of what the stream carries.
    Chunk(Bytes),
    /// Transactions that wait at the sender; a stream of its own.
    Waiting(Vec<Told>),
    /// A replica's signature on its state; a stream of its own.
    Checkpoint(Ballot),
    /// A replica has decided nothing for a while; a stream of its own.
    Wanted(Want),
    /// Asks for a piece of a snapshot; a stream of its own.
    Fetch(Fetch),
    /// Opens the stream of a stable checkpoint, for the first of the two, from the second.
    Offering(ReplicaId, ReplicaId),
    /// Opens the stream of the piece that was asked for.
    Snapshot(Fetch),
}

/// A transaction that waits at the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) tx: Transaction,
    /// The counter of the request of the same client that waits there before it.
    pub(super) after: Option<u64>,
}

wire_struct!(Told {
    tx: Transaction,
    after: Option<u64>
});

/// Who needs a block, and how often it has said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Want {
    /// Who.
    pub(super) replica: ReplicaId,
    /// Its next height.
    pub(super) height: Height,
    /// Tells who is to answer.
    pub(super) attempt: u64,
}

wire_struct!(Want {
    replica: ReplicaId,
    height: Height,
    attempt: u64
});

/// One piece of a snapshot, asked of one replica by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fetch {
    /// Who needs it.
    pub(super) replica: ReplicaId,
    /// Who has it.
    pub(super) from: ReplicaId,
    /// The snapshot's height.
    pub(super) height: Height,
    /// Which piece.
    pub(super) index: u32,
}

wire_struct!(Fetch {
    replica: ReplicaId,
    from: ReplicaId,
    height: Height,
    index: u32
});

impl Part {
    /// Whether pieces follow.
    const fn opens(&self) -> bool {
        matches!(
            self,
            Part::Opening(..) | Part::Offering(..) | Part::Snapshot(_)
        )
    }
}

impl core::ProposalPart<LedgerContext> for Part {
    fn is_first(&self) -> bool {
        self.opens()
    }
    fn is_last(&self) -> bool {
        !self.opens() && !matches!(self, Part::Chunk(_))
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
            Part::Checkpoint(ballot) => {
                out.push(4);
                ballot.encode(out);
            }
            Part::Wanted(want) => {
                out.push(5);
                want.encode(out);
            }
            Part::Fetch(fetch) => {
                out.push(6);
                fetch.encode(out);
            }
            Part::Offering(to, from) => {
                out.push(7);
                to.encode(out);
                from.encode(out);
            }
            Part::Snapshot(fetch) => {
                out.push(8);
                fetch.encode(out);
            }
        }
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(r)? {
            1 => Part::Opening(Wire::decode(r)?, Wire::decode(r)?),
            2 => Part::Chunk(Bytes::copy_from_slice(r.bytes("chunk", CHUNK)?)),
            3 => Part::Waiting(r.list("waiting transactions", MAX_GOSSIP)?),
            4 => Part::Checkpoint(Wire::decode(r)?),
            5 => Part::Wanted(Wire::decode(r)?),
            6 => Part::Fetch(Wire::decode(r)?),
            7 => Part::Offering(Wire::decode(r)?, Wire::decode(r)?),
            8 => Part::Snapshot(Wire::decode(r)?),
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

/// The messages that carry a proposed block.
pub(super) fn split(
    offer: &Offer,
    signature: Signature,
    letter: (ReplicaId, u64),
) -> Vec<StreamMessage<Part>> {
    let opening = Part::Opening(offer.proposal, signature);
    stream(opening, offer.block.to_wire().into(), letter)
}

/// The messages that carry `bytes`, after an opening. A letter is its sender and a number that tells
/// one sending from the next.
pub(super) fn stream(
    opening: Part,
    bytes: Bytes,
    letter: (ReplicaId, u64),
) -> Vec<StreamMessage<Part>> {
    let id = stream_id(letter);
    let mut contents = vec![StreamContent::Data(opening)];
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

/// The message that carries a part without pieces.
pub(super) fn alone(part: Part, letter: (ReplicaId, u64)) -> StreamMessage<Part> {
    StreamMessage::new(stream_id(letter), 0, StreamContent::Data(part))
}

fn stream_id((sender, attempt): (ReplicaId, u64)) -> StreamId {
    let id = Purpose::Proposal.hash(&[&sender.to_wire(), &attempt.to_wire()]);
    StreamId::new(Bytes::copy_from_slice(id.as_bytes()))
}

/// What a stream carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// A proposed block.
    Block(Offer),
    /// A stable checkpoint in bytes, for the first of the two, from the second.
    Checkpoint(ReplicaId, ReplicaId, Vec<u8>),
    /// A piece of a snapshot.
    Snapshot(Fetch, Vec<u8>),
}

/// A publisher of streams: its identity on the network.
pub(super) type Publisher = Vec<u8>;

#[derive(Debug, Default)]
struct Stream {
    opening: Option<Part>,
    chunks: BTreeMap<u64, Bytes>,
    bytes: usize,
    /// The sequence number of the end.
    end: Option<u64>,
    /// When it began, in streams.
    age: u64,
}

/// Puts streams together again, within bounds: a publisher's oldest gives way to its newest, and when
/// all together are too much, the oldest of whoever takes most. So a liar displaces itself.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    streams: BTreeMap<(Publisher, Vec<u8>), Stream>,
    bytes: usize,
    begun: u64,
}

impl Assembly {
    /// Takes one message in; what it carried, if that was its last. A block that is not the one its
    /// proposal names is dropped.
    pub(super) fn take(
        &mut self,
        publisher: Publisher,
        message: StreamMessage<Part>,
    ) -> Option<Whole> {
        if message.sequence > MAX_SEQUENCE {
            return None;
        }
        let key = (publisher, message.stream_id.to_bytes().to_vec());
        let begun = &mut self.begun;
        let stream = self.streams.entry(key.clone()).or_insert_with(|| {
            *begun += 1;
            Stream {
                age: *begun,
                ..Stream::default()
            }
        });
        match message.content {
            StreamContent::Data(Part::Chunk(bytes)) => {
                // The first of a number counts: what replaces it would go uncounted.
                if let Entry::Vacant(place) = stream.chunks.entry(message.sequence) {
                    stream.bytes += bytes.len();
                    self.bytes += bytes.len();
                    place.insert(bytes);
                }
            }
            StreamContent::Data(part) if part.opens() => {
                stream.opening.get_or_insert(part);
            }
            StreamContent::Data(_) => {}
            StreamContent::Fin => stream.end = Some(message.sequence),
        }
        let whole = stream.opening.is_some() && stream.end == Some(stream.chunks.len() as u64 + 1);
        if whole {
            let stream = self.remove(&key)?;
            return joined(stream);
        }
        self.make_room(&key.0);
        None
    }

    fn remove(&mut self, key: &(Publisher, Vec<u8>)) -> Option<Stream> {
        let stream = self.streams.remove(key)?;
        self.bytes -= stream.bytes;
        Some(stream)
    }

    fn make_room(&mut self, publisher: &Publisher) {
        let own = |streams: &BTreeMap<(Publisher, Vec<u8>), Stream>| {
            streams.keys().filter(|(p, _)| p == publisher).count()
        };
        while own(&self.streams) > MAX_STREAMS {
            self.drop_oldest(&publisher.clone());
        }
        while self.bytes > MAX_ASSEMBLY {
            let mut held: BTreeMap<&Publisher, usize> = BTreeMap::new();
            for ((p, _), stream) in &self.streams {
                *held.entry(p).or_default() += stream.bytes;
            }
            let Some((greediest, _)) = held.into_iter().max_by_key(|(_, bytes)| *bytes) else {
                return;
            };
            self.drop_oldest(&greediest.clone());
        }
    }

    fn drop_oldest(&mut self, publisher: &Publisher) {
        let own = self.streams.iter().filter(|((p, _), _)| p == publisher);
        let oldest = own.min_by_key(|(_, s)| s.age);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.remove(&key);
        }
    }

    /// Drops blocks of a height or below.
    pub(super) fn forget(&mut self, height: Height) {
        let old =
            |s: &Stream| matches!(&s.opening, Some(Part::Opening(p, _)) if p.height <= height);
        let keys = self.streams.iter().filter(|(_, s)| old(s));
        let keys: Vec<_> = keys.map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.remove(&key);
        }
    }
}

fn joined(stream: Stream) -> Option<Whole> {
    if stream.bytes > MAX_BLOCK {
        return None;
    }
    let mut bytes = Vec::with_capacity(stream.bytes);
    for chunk in stream.chunks.values() {
        bytes.extend_from_slice(chunk);
    }
    match stream.opening? {
        Part::Opening(proposal, signature) => {
            let block = Block::from_wire(&bytes).ok()?;
            let named = block.digest() == proposal.value && block.height() == proposal.height;
            named.then(|| {
                Whole::Block(Offer {
                    proposal,
                    signature: Some(signature),
                    block: Arc::new(block),
                })
            })
        }
        Part::Offering(to, from) => Some(Whole::Checkpoint(to, from, bytes)),
        Part::Snapshot(fetch) => Some(Whole::Snapshot(fetch, bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Parent;
    use crate::digest::Digest;
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
    fn parts_decode_to_themselves_and_only_whole() {
        let offer = sample(3);
        let told = |after| Told {
            tx: Transaction::new(vec![7; 3]).unwrap(),
            after,
        };
        let (from, to) = (ReplicaId::new(1), ReplicaId::new(2));
        let fetch = Fetch {
            replica: to,
            from,
            height: Height::new(4),
            index: 5,
        };
        let want = Want {
            replica: to,
            height: Height::new(4),
            attempt: 6,
        };
        let parts = [
            Part::Opening(offer.proposal, offer.signature.unwrap()),
            Part::Chunk(Bytes::from_static(b"piece")),
            Part::Waiting(vec![told(None), told(Some(u64::MAX))]),
            Part::Wanted(want),
            Part::Fetch(fetch),
            Part::Offering(to, from),
            Part::Snapshot(fetch),
        ];
        for part in parts {
            let mut bytes = part.to_wire();
            assert_eq!(Part::from_wire(&bytes), Ok(part));
            for cut in 0..bytes.len() {
                assert!(Part::from_wire(&bytes[..cut]).is_err(), "{cut} bytes");
            }
            bytes.push(0);
            assert!(Part::from_wire(&bytes).is_err());
        }
        // A count of more than the bytes can hold.
        let mut many = Part::Waiting(vec![told(None)]).to_wire();
        many[1..5].copy_from_slice(&[0, 0, 0x0f, 0xff]);
        assert!(Part::from_wire(&many).is_err());
    }

    #[test]
    fn a_block_is_put_together_in_any_order() {
        let offer = sample(700_000);
        let signature = offer.signature.unwrap();
        let mut messages = split(&offer, signature, (ReplicaId::new(2), 1));
        assert_eq!(messages.len(), 5, "opening, three pieces, end");
        messages.reverse();
        let mut assembly = Assembly::default();
        let last = messages.pop().unwrap();
        for message in messages {
            assert_eq!(assembly.take(vec![2], message), None);
        }
        assert_eq!(assembly.take(vec![2], last), Some(Whole::Block(offer)));
        assert_eq!((assembly.bytes, assembly.streams.len()), (0, 0));
    }

    #[test]
    fn another_block_than_the_proposal_names_is_dropped() {
        let mut offer = sample(10);
        offer.proposal.value = Digest::new([9; 32]);
        let signature = offer.signature.unwrap();
        let mut assembly = Assembly::default();
        let mut messages = split(&offer, signature, (ReplicaId::new(2), 1)).into_iter();
        assert!(messages.all(|m| assembly.take(vec![2], m).is_none()));
    }

    fn piece(attempt: u64, sequence: u64, size: usize) -> StreamMessage<Part> {
        let chunk = Part::Chunk(Bytes::from(vec![0; size]));
        let id = stream_id((ReplicaId::new(1), attempt));
        StreamMessage::new(id, sequence, StreamContent::Data(chunk))
    }

    /// Bytes really held, however they were counted.
    fn held(assembly: &Assembly) -> usize {
        let streams = assembly.streams.values();
        streams
            .flat_map(|s| s.chunks.values())
            .map(Bytes::len)
            .sum()
    }

    #[test]
    fn unfinished_streams_stay_within_bounds() {
        let mut assembly = Assembly::default();
        for attempt in 0..40 {
            for publisher in 0..6 {
                for sequence in 0..2 * MAX_SEQUENCE {
                    // A small piece first, to be replaced by a great one.
                    assembly.take(vec![publisher], piece(attempt, sequence, 0));
                    assembly.take(vec![publisher], piece(attempt, sequence, CHUNK));
                    assembly.take(vec![publisher], piece(attempt + 1000, sequence, CHUNK));
                }
            }
            assert!(assembly.streams.len() <= 6 * MAX_STREAMS);
            assert_eq!(assembly.bytes, held(&assembly));
            assert!(assembly.bytes <= MAX_ASSEMBLY);
        }
    }

    #[test]
    fn a_flood_of_one_publisher_displaces_nobody_else() {
        let offer = sample(700_000);
        let signature = offer.signature.unwrap();
        let mut messages = split(&offer, signature, (ReplicaId::new(2), 1));
        let last = messages.pop().unwrap();
        let mut assembly = Assembly::default();
        for message in messages {
            assembly.take(vec![2], message);
        }
        for attempt in 0..100 {
            for sequence in 1..=MAX_SEQUENCE {
                assembly.take(vec![1], piece(attempt, sequence, CHUNK));
            }
        }
        assert_eq!(assembly.take(vec![2], last), Some(Whole::Block(offer)));
    }
}
