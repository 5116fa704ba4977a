//! Every domain-separated hash of the ledger, in one place.
//!
//! SHA-256 over `LP(tag, parts..)`: each part with its 4-byte length, the tag first. The two Merkle
//! prefixes follow RFC 6962 (0x00 leaf, 0x01 node) with a tag of their own.

use crate::wire::{Reader, Wire, WireError};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of nothing: parent of the first block, certificate digest where there is none.
    pub const ZERO: Digest = Digest([0; 32]);

    /// A digest computed elsewhere.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Wire for Digest {
    const MIN_SIZE: usize = 32;
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Digest(r.array()?))
    }
}

/// What a digest is of. Two different purposes never hash the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A block header.
    Header,
    /// A list of transactions' identity: the transaction itself.
    Transaction,
    /// A roster.
    Roster,
    /// The genesis document.
    Genesis,
    /// A commit certificate.
    Certificate,
    /// The evidence list of a block.
    Evidence,
    /// One transaction's result.
    Outcome,
    /// The content of a view-change.
    ViewChange,
    /// The content of a new-view.
    NewView,
    /// The state agreed at a checkpoint.
    Checkpoint,
    /// One chunk of a snapshot.
    Chunk,
    /// The state of an application.
    Application,
    /// The deterministic draw of a proposer order.
    Draw,
    /// What a Malachite proposal signs: the block and the round it was locked in.
    Proposal,
    /// A batch in a replica's log, against damage.
    Journal,
}

impl Purpose {
    fn tag(self) -> &'static [u8] {
        match self {
            Purpose::Header => b"ELIGO-V1-HEADER",
            Purpose::Transaction => b"ELIGO-V1-TRANSACTION",
            Purpose::Roster => b"ELIGO-V1-ROSTER",
            Purpose::Genesis => b"ELIGO-V1-GENESIS",
            Purpose::Certificate => b"ELIGO-V1-CERTIFICATE",
            Purpose::Evidence => b"ELIGO-V1-EVIDENCE",
            Purpose::Outcome => b"ELIGO-V1-OUTCOME",
            Purpose::ViewChange => b"ELIGO-V1-VIEW-CHANGE",
            Purpose::NewView => b"ELIGO-V1-NEW-VIEW",
            Purpose::Checkpoint => b"ELIGO-V1-CHECKPOINT",
            Purpose::Chunk => b"ELIGO-V1-CHUNK",
            Purpose::Application => b"ELIGO-V1-APPLICATION",
            Purpose::Draw => b"ELIGO-V1-DRAW",
            Purpose::Proposal => b"ELIGO-V1-PROPOSAL",
            Purpose::Journal => b"ELIGO-V1-JOURNAL",
        }
    }

    /// `SHA-256(LP(tag, parts..))`.
    #[must_use]
    pub fn hash(self, parts: &[&[u8]]) -> Digest {
        let mut h = Sha256::new();
        for part in std::iter::once(self.tag()).chain(parts.iter().copied()) {
            h.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            h.update(part);
        }
        Digest(h.finalize().into())
    }

    /// The digest of a value's canonical encoding.
    #[must_use]
    pub fn hash_wire(self, value: &impl Wire) -> Digest {
        self.hash(&[&value.to_wire()])
    }
}

/// The digest of a Merkle leaf: `SHA-256(0x00 || "ELIGO-V1-MERKLE" || d)`.
pub(crate) fn merkle_leaf(d: &Digest) -> Digest {
    let mut h = Sha256::new();
    h.update([0u8]);
    h.update(b"ELIGO-V1-MERKLE");
    h.update(d.0);
    Digest(h.finalize().into())
}

/// The digest of a Merkle node: `SHA-256(0x01 || "ELIGO-V1-MERKLE" || left || right)`.
pub(crate) fn merkle_node(left: &Digest, right: &Digest) -> Digest {
    let mut h = Sha256::new();
    h.update([1u8]);
    h.update(b"ELIGO-V1-MERKLE");
    h.update(left.0);
    h.update(right.0);
    Digest(h.finalize().into())
}

/// Plain SHA-256, for the simulated signatures only.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut h = Sha256::new();
    for p in parts {
        h.update(p);
    }
    h.finalize().into()
}
