//! Blocks: a header whose digest is voted on, and the body the header commits to.

use crate::certificate::CommitCert;
use crate::digest::{Digest, Purpose};
use crate::evidence::Evidence;
use crate::height::{Height, Time};
use crate::merkle;
use crate::wire::{Reader, Wire, WireError, encode_bytes, encode_list, wire_struct};
use std::fmt;
use std::sync::Arc;

/// The longest transaction, in bytes.
pub const MAX_TRANSACTION: usize = 1 << 20;
/// The most transactions in a block.
pub const MAX_TRANSACTIONS: usize = 1 << 16;
/// The largest encoded block, in bytes.
pub const MAX_BLOCK: usize = 16 << 20;
/// The most pieces of evidence in a block.
pub const MAX_EVIDENCE: usize = 64;
/// The longest data of a transaction's result.
pub const MAX_OUTCOME: usize = 4096;

/// Opaque bytes to be ordered, at most [`MAX_TRANSACTION`], with their digest. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Transaction {
    bytes: Arc<[u8]>,
    id: Digest,
}

impl Transaction {
    /// Takes the bytes in.
    ///
    /// # Errors
    /// [`WireError::TooLong`] above [`MAX_TRANSACTION`].
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Result<Self, WireError> {
        let bytes = bytes.into();
        if bytes.len() > MAX_TRANSACTION {
            return Err(WireError::TooLong {
                what: "transaction",
                count: bytes.len(),
                max: MAX_TRANSACTION,
            });
        }
        let id = Purpose::Transaction.hash(&[&bytes]);
        Ok(Transaction { bytes, id })
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// The digest of the bytes: the Merkle leaf.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.id
    }
    /// The encoded size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len() + 4
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tx:{:?}", self.id)
    }
}

impl Wire for Transaction {
    const MIN_SIZE: usize = 4;
    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(&self.bytes, out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Transaction::new(r.bytes("transaction", MAX_TRANSACTION)?)
    }
}

/// What became of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// 0 for success; the rest is the application's.
    pub code: u32,
    /// At most [`MAX_OUTCOME`] bytes; what is longer is cut.
    pub data: Vec<u8>,
}

impl Outcome {
    /// The digest of the result: the leaf under the next header's `outcomes`.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Purpose::Outcome.hash_wire(self)
    }
}

impl Wire for Outcome {
    const MIN_SIZE: usize = 8;
    fn encode(&self, out: &mut Vec<u8>) {
        self.code.encode(out);
        encode_bytes(self.data.get(..MAX_OUTCOME).unwrap_or(&self.data), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Outcome {
            code: Wire::decode(r)?,
            data: r.bytes("outcome", MAX_OUTCOME)?.to_vec(),
        })
    }
}

/// What replicas vote on. Neither view nor proposer is in it: they stand in the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The height, from 1.
    pub height: Height,
    /// The digest of the header before; of the genesis document for height 1.
    pub parent: Digest,
    /// The Merkle root over the transactions.
    pub transactions: Digest,
    /// The application's hash after the block before.
    pub app_hash: Digest,
    /// The Merkle root over the results of the block before.
    pub outcomes: Digest,
    /// The digest of the roster of the *next* height.
    pub roster: Digest,
    /// The proposer's clock, above the parent's.
    pub time: Time,
    /// The digest of the parent's certificate in the body; zero for height 1.
    pub certificate: Digest,
    /// The digest of the evidence in the body.
    pub evidence: Digest,
}

wire_struct!(Header {
    height: Height,
    parent: Digest,
    transactions: Digest,
    app_hash: Digest,
    outcomes: Digest,
    roster: Digest,
    time: Time,
    certificate: Digest,
    evidence: Digest,
});

impl Header {
    /// The block's digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Purpose::Header.hash_wire(self)
    }
}

/// A header and the body it commits to: the commitments hold in every value of this type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    header: Header,
    digest: Digest,
    transactions: Vec<Transaction>,
    certificate: Option<CommitCert>,
    evidence: Vec<Evidence>,
}

/// What a new block says about the state before it.
#[derive(Clone, Copy, Debug)]
pub struct Parent {
    /// The parent's digest.
    pub digest: Digest,
    /// The application's hash after it.
    pub app_hash: Digest,
    /// The Merkle root over its results.
    pub outcomes: Digest,
    /// The digest of the roster of the height after the new block.
    pub roster: Digest,
}

impl Block {
    /// Assembles a block and its header.
    #[must_use]
    pub fn new(
        height: Height,
        time: Time,
        parent: &Parent,
        transactions: Vec<Transaction>,
        certificate: Option<CommitCert>,
        evidence: Vec<Evidence>,
    ) -> Block {
        let header = Header {
            height,
            parent: parent.digest,
            transactions: transaction_root(&transactions),
            app_hash: parent.app_hash,
            outcomes: parent.outcomes,
            roster: parent.roster,
            time,
            certificate: certificate_digest(certificate.as_ref()),
            evidence: evidence_digest(&evidence),
        };
        Block {
            digest: header.digest(),
            header,
            transactions,
            certificate,
            evidence,
        }
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }
    /// The height.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.header.height
    }
    /// The header's digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }
    /// The transactions in order.
    #[must_use]
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }
    /// The parent's certificate, as its proposer held it.
    #[must_use]
    pub const fn certificate(&self) -> Option<&CommitCert> {
        self.certificate.as_ref()
    }
    /// Evidence against liars.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }
    /// The encoded size of the transactions.
    #[must_use]
    pub fn payload_size(&self) -> usize {
        self.transactions.iter().map(Transaction::size).sum()
    }
}

fn transaction_root(transactions: &[Transaction]) -> Digest {
    let ids: Vec<Digest> = transactions.iter().map(Transaction::id).collect();
    merkle::root(&ids)
}

fn certificate_digest(certificate: Option<&CommitCert>) -> Digest {
    certificate.map_or(Digest::ZERO, CommitCert::digest)
}

fn evidence_digest(evidence: &[Evidence]) -> Digest {
    let mut bytes = Vec::new();
    encode_list(evidence.iter(), &mut bytes);
    Purpose::Evidence.hash(&[&bytes])
}

impl Wire for Block {
    const MIN_SIZE: usize = Header::MIN_SIZE + 9;
    fn encode(&self, out: &mut Vec<u8>) {
        self.header.encode(out);
        encode_list(self.transactions.iter(), out);
        self.certificate.encode(out);
        encode_list(self.evidence.iter(), out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let start = r.left();
        let header = Header::decode(r)?;
        let transactions: Vec<Transaction> = r.list("transactions", MAX_TRANSACTIONS)?;
        let certificate: Option<CommitCert> = Wire::decode(r)?;
        let evidence: Vec<Evidence> = r.list("evidence", MAX_EVIDENCE)?;
        let size = start - r.left();
        if size > MAX_BLOCK {
            return Err(WireError::TooLong {
                what: "block",
                count: size,
                max: MAX_BLOCK,
            });
        }
        let committed = header.transactions == transaction_root(&transactions)
            && header.certificate == certificate_digest(certificate.as_ref())
            && header.evidence == evidence_digest(&evidence);
        if !committed {
            return Err(WireError::Invalid { what: "block body" });
        }
        Ok(Block {
            digest: header.digest(),
            header,
            transactions,
            certificate,
            evidence,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> Block {
        let parent = Parent {
            digest: Digest::new([1; 32]),
            app_hash: Digest::new([2; 32]),
            outcomes: Digest::ZERO,
            roster: Digest::new([3; 32]),
        };
        let txs = (0..5u8)
            .map(|i| Transaction::new(vec![i; 3]).unwrap())
            .collect();
        Block::new(Height::new(1), Time::new(9), &parent, txs, None, Vec::new())
    }

    #[test]
    fn a_block_decodes_to_itself() {
        assert_eq!(Block::from_wire(&block().to_wire()), Ok(block()));
    }

    #[test]
    fn a_body_that_the_header_does_not_commit_to_is_refused() {
        let bytes = block().to_wire();
        for i in Header::MIN_SIZE..bytes.len() {
            let mut other = bytes.clone();
            other[i] ^= 1;
            assert!(Block::from_wire(&other).is_err(), "byte {i}");
        }
    }
}
