//! What replicas say to each other.
//!
//! The six signed types are [`Ballot`]s with content; the rest helps a replica catch up and is
//! believed only as far as certificates prove it.

use crate::block::{Block, Transaction};
use crate::certificate::{Ballot, CommitCert, check_signers};
use crate::digest::{Digest, Purpose};
use crate::height::{Epoch, Height, ReplicaId, View};
use crate::identity::{Domain, Kind, Signature, Statement};
use crate::pbft::effect::StableCheckpoint;
use crate::roster::{MAX_MEMBERS, Roster};
use crate::wire::{Reader, Wire, WireError, encode_bytes, encode_list, wire_struct};
use std::sync::Arc;

/// The most blocks in one answer.
pub const MAX_BLOCKS: usize = 64;
/// The most bytes of any message.
pub const MAX_MESSAGE: usize = 64 << 20;

/// P: proof that a block was prepared: its PRE-PREPARE and q-1 PREPAREs of different backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The view it was prepared in.
    pub view: View,
    /// The height.
    pub height: Height,
    /// The block.
    pub digest: Digest,
    /// The proposer of that view, and its PRE-PREPARE's signature.
    pub proposer: (ReplicaId, Signature),
    /// The backups in order, and their PREPAREs' signatures.
    pub backups: Vec<(ReplicaId, Signature)>,
}

impl Prepared {
    /// True if `proposer` was the right one and q-1 other voters of `roster` prepared the same.
    #[must_use]
    pub fn verify(&self, domain: &Domain, roster: &Roster, proposer: ReplicaId) -> bool {
        let statement = |kind| Statement {
            epoch: roster.epoch(),
            kind,
            view: self.view,
            height: self.height,
            digest: self.digest,
        };
        let (id, signature) = &self.proposer;
        *id == proposer
            && self.backups.iter().all(|(b, _)| *b != proposer)
            && roster
                .voter(proposer)
                .is_some_and(|m| domain.verify(&m.key, &statement(Kind::PrePrepare), signature))
            && check_signers(
                domain,
                roster,
                roster.quorum() - 1,
                &statement(Kind::Prepare),
                &self.backups,
                |_, _| false,
            )
            .is_ok()
    }
}

impl Wire for Prepared {
    const MIN_SIZE: usize = 118;
    fn encode(&self, out: &mut Vec<u8>) {
        self.view.encode(out);
        self.height.encode(out);
        self.digest.encode(out);
        self.proposer.encode(out);
        encode_list(self.backups.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Prepared {
            view: Wire::decode(r)?,
            height: Wire::decode(r)?,
            digest: Wire::decode(r)?,
            proposer: Wire::decode(r)?,
            backups: r.list("backups", MAX_MEMBERS)?,
        })
    }
}

/// ⟨VIEW-CHANGE, v, h, C, P, i⟩: C is the certificate of h, P at most one block, for h+1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewChange {
    /// The signed part: the view asked for, h, and the digest of the content.
    pub ballot: Ballot,
    /// The roster it is counted in.
    pub roster: Digest,
    /// C; none at height 0.
    pub certificate: Option<CommitCert>,
    /// P.
    pub prepared: Option<Prepared>,
}

wire_struct!(ViewChange {
    ballot: Ballot,
    roster: Digest,
    certificate: Option<CommitCert>,
    prepared: Option<Prepared>,
});

impl ViewChange {
    /// What the ballot's digest is of.
    #[must_use]
    pub fn content(
        roster: Digest,
        certificate: Option<&CommitCert>,
        prepared: Option<&Prepared>,
    ) -> Digest {
        let certificate = certificate.map_or(Vec::new(), Wire::to_wire);
        let prepared = prepared.map_or(Vec::new(), Wire::to_wire);
        Purpose::ViewChange.hash(&[roster.as_bytes(), &certificate, &prepared])
    }

    /// True if the ballot is over this content.
    #[must_use]
    pub fn coherent(&self) -> bool {
        self.ballot.kind == Kind::ViewChange
            && self.ballot.digest
                == Self::content(
                    self.roster,
                    self.certificate.as_ref(),
                    self.prepared.as_ref(),
                )
    }
}

/// ⟨NEW-VIEW, v, V, O⟩: a quorum of VIEW-CHANGEs, and the PRE-PREPARE they force, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewView {
    /// The signed part: v, the highest certified height in V, and the digest of the content.
    pub ballot: Ballot,
    /// V, by sender.
    pub view_changes: Vec<ViewChange>,
    /// O: the proposer's PRE-PREPARE in v for the height after.
    pub proposal: Option<Ballot>,
}

impl NewView {
    /// What the ballot's digest is of.
    #[must_use]
    pub fn content(view_changes: &[ViewChange], proposal: Option<&Ballot>) -> Digest {
        let mut v = Vec::new();
        encode_list(view_changes.iter(), &mut v);
        let o = proposal.map_or(Vec::new(), Wire::to_wire);
        Purpose::NewView.hash(&[&v, &o])
    }

    /// The highest certified height in V.
    #[must_use]
    pub fn height(&self) -> Height {
        let heights = self.view_changes.iter().map(|vc| vc.ballot.height);
        heights.max().unwrap_or_default()
    }

    /// True if the ballot is over this content and height.
    #[must_use]
    pub fn coherent(&self) -> bool {
        self.ballot.kind == Kind::NewView
            && self.ballot.height == self.height()
            && self.ballot.digest == Self::content(&self.view_changes, self.proposal.as_ref())
    }
}

impl Wire for NewView {
    const MIN_SIZE: usize = 100;
    fn encode(&self, out: &mut Vec<u8>) {
        self.ballot.encode(out);
        encode_list(self.view_changes.iter(), out);
        self.proposal.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(NewView {
            ballot: Wire::decode(r)?,
            view_changes: r.list("view changes", MAX_MEMBERS)?,
            proposal: Wire::decode(r)?,
        })
    }
}

/// A block and the certificate that makes it final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The block.
    pub block: Arc<Block>,
    /// Its certificate.
    pub certificate: CommitCert,
}

wire_struct!(Decision {
    block: Arc<Block>,
    certificate: CommitCert
});

/// Where a replica says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Its epoch.
    pub epoch: Epoch,
    /// Its last certified height.
    pub height: Height,
    /// Its view.
    pub view: View,
    /// Whether it is changing the view.
    pub changing: bool,
}

wire_struct!(Position {
    epoch: Epoch,
    height: Height,
    view: View,
    changing: bool
});

/// A message between replicas.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A request, passed on by a replica.
    Request(Transaction),
    /// ⟨PRE-PREPARE, v, n, d⟩ and the block.
    PrePrepare(Ballot, Arc<Block>),
    /// ⟨PREPARE, v, n, d, i⟩.
    Prepare(Ballot),
    /// ⟨COMMIT, v, n, d, i⟩.
    Commit(Ballot),
    /// ⟨CHECKPOINT, n, d, i⟩.
    Checkpoint(Ballot),
    /// ⟨VIEW-CHANGE⟩ and the block of its P.
    ViewChange(Arc<ViewChange>, Option<Arc<Block>>),
    /// ⟨NEW-VIEW⟩ and the block of its O.
    NewView(Arc<NewView>, Option<Arc<Block>>),
    /// Where the sender is.
    Status(Position),
    /// Asks for blocks from a height on.
    Fetch(Height),
    /// Blocks in order.
    Decided(Vec<Decision>),
    /// A checkpoint, instead of blocks that were dropped.
    Offer(Arc<StableCheckpoint>),
    /// Asks for one chunk of the snapshot after a height.
    FetchChunk(Height, u32),
    /// One chunk.
    Chunk(Height, u32, Vec<u8>),
}

impl Message {
    /// The signed part, if the message has one.
    #[must_use]
    pub fn ballot(&self) -> Option<&Ballot> {
        match self {
            Message::PrePrepare(b, _)
            | Message::Prepare(b)
            | Message::Commit(b)
            | Message::Checkpoint(b) => Some(b),
            Message::ViewChange(vc, _) => Some(&vc.ballot),
            Message::NewView(nv, _) => Some(&nv.ballot),
            _ => None,
        }
    }

    /// True if ballot and type fit together.
    fn fits(&self) -> bool {
        match self {
            Message::PrePrepare(b, block) => {
                b.kind == Kind::PrePrepare
                    && b.digest == block.digest()
                    && b.height == block.height()
            }
            Message::Prepare(b) => b.kind == Kind::Prepare,
            Message::Commit(b) => b.kind == Kind::Commit,
            Message::Checkpoint(b) => b.kind == Kind::Checkpoint,
            Message::ViewChange(vc, block) => {
                let claimed = vc.prepared.as_ref().map(|p| p.digest);
                vc.coherent() && block.as_ref().is_none_or(|b| Some(b.digest()) == claimed)
            }
            Message::NewView(nv, block) => {
                let proposed = nv.proposal.map(|p| p.digest);
                nv.coherent() && block.as_ref().map(|b| b.digest()) == proposed
            }
            _ => true,
        }
    }
}

impl Wire for Message {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Message::Request(tx) => {
                out.push(1);
                tx.encode(out);
            }
            Message::PrePrepare(b, block) => {
                out.push(2);
                b.encode(out);
                block.encode(out);
            }
            Message::Prepare(b) => {
                out.push(3);
                b.encode(out);
            }
            Message::Commit(b) => {
                out.push(4);
                b.encode(out);
            }
            Message::Checkpoint(b) => {
                out.push(5);
                b.encode(out);
            }
            Message::ViewChange(vc, block) => {
                out.push(6);
                vc.encode(out);
                block.encode(out);
            }
            Message::NewView(nv, block) => {
                out.push(7);
                nv.encode(out);
                block.encode(out);
            }
            Message::Status(p) => {
                out.push(8);
                p.encode(out);
            }
            Message::Fetch(from) => {
                out.push(9);
                from.encode(out);
            }
            Message::Decided(blocks) => {
                out.push(10);
                encode_list(blocks.iter(), out);
            }
            Message::Offer(offer) => {
                out.push(11);
                offer.encode(out);
            }
            Message::FetchChunk(height, index) => {
                out.push(12);
                height.encode(out);
                index.encode(out);
            }
            Message::Chunk(height, index, bytes) => {
                out.push(13);
                height.encode(out);
                index.encode(out);
                encode_bytes(bytes, out);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        if r.left() > MAX_MESSAGE {
            return Err(WireError::TooLong {
                what: "message",
                count: r.left(),
                max: MAX_MESSAGE,
            });
        }
        let message = match u8::decode(r)? {
            1 => Message::Request(Wire::decode(r)?),
            2 => Message::PrePrepare(Wire::decode(r)?, Wire::decode(r)?),
            3 => Message::Prepare(Wire::decode(r)?),
            4 => Message::Commit(Wire::decode(r)?),
            5 => Message::Checkpoint(Wire::decode(r)?),
            6 => Message::ViewChange(Wire::decode(r)?, Wire::decode(r)?),
            7 => Message::NewView(Wire::decode(r)?, Wire::decode(r)?),
            8 => Message::Status(Wire::decode(r)?),
            9 => Message::Fetch(Wire::decode(r)?),
            10 => Message::Decided(r.list("blocks", MAX_BLOCKS)?),
            11 => Message::Offer(Wire::decode(r)?),
            12 => Message::FetchChunk(Wire::decode(r)?, Wire::decode(r)?),
            13 => {
                let (height, index) = (Wire::decode(r)?, Wire::decode(r)?);
                let bytes = r.bytes("chunk", crate::application::MAX_CHUNK)?;
                Message::Chunk(height, index, bytes.to_vec())
            }
            tag => {
                return Err(WireError::UnknownTag {
                    what: "message",
                    tag,
                });
            }
        };
        if message.fits() {
            Ok(message)
        } else {
            Err(WireError::Invalid { what: "message" })
        }
    }
}

/// Whether a message could have come off the wire: what [`Message::decode`] checks at the end.
pub(crate) fn coherent(message: &Message) -> bool {
    message.fits()
}
