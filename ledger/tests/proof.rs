//! The size of what a client keeps to show that its transaction is final.

#![allow(clippy::unwrap_used)]

use eligo_ledger::block::{Block, Parent, Transaction};
use eligo_ledger::certificate::{CommitCert, EngineTag};
use eligo_ledger::digest::Digest;
use eligo_ledger::height::{Height, ReplicaId, Time, View};
use eligo_ledger::identity::Signature;
use eligo_ledger::light::{InclusionProof, LedgerProof};
use eligo_ledger::wire::Wire;

fn size(transactions: u32, signatures: u16) -> usize {
    let parent = Parent {
        digest: Digest::ZERO,
        app_hash: Digest::ZERO,
        outcomes: Digest::ZERO,
        roster: Digest::ZERO,
    };
    let txs = (0..transactions)
        .map(|i| Transaction::new(i.to_be_bytes().to_vec()).unwrap())
        .collect();
    let block = Block::new(Height::new(1), Time::new(1), &parent, txs, None, Vec::new());
    let certificate = CommitCert {
        engine: EngineTag::Pbft,
        height: Height::new(1),
        view: View::FIRST,
        block: block.digest(),
        signatures: (0..signatures)
            .map(|i| (ReplicaId::new(i), Signature::new([0; 64])))
            .collect(),
    };
    let inclusion = InclusionProof::new(&block, &certificate, 7).unwrap();
    let steps = Vec::new();
    LedgerProof { steps, inclusion }.to_wire().len()
}

#[test]
fn an_inclusion_proof_of_ten_thousand_fits_in_two_kilobytes() {
    // q of 4, 7 and 13 replicas.
    let sizes = [3, 5, 9].map(|q| size(10_000, q));
    assert_eq!(sizes, [955, 1087, 1351]);
    assert!(sizes.iter().all(|s| *s <= 2048));
}
