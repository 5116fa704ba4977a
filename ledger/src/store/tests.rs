//! What a replica wrote is found again, wherever it was when the process ended.

use super::*;
use crate::application::{Finalized, NextParams, Timeouts};
use crate::block::{Block, Parent};
use crate::certificate::{CommitCert, EngineTag};
use crate::height::{Time, View};
use crate::proposer::ProposerPolicy;
use crate::roster::{Roster, simulated_members};

const ID: ReplicaId = ReplicaId::new(2);

fn delivery(height: u64) -> Arc<Delivery> {
    let roster = Roster::first(simulated_members(4)).unwrap();
    let parent = Parent {
        digest: Digest::new([1; 32]),
        app_hash: Digest::ZERO,
        outcomes: Digest::ZERO,
        roster: roster.digest(),
    };
    let (height, time) = (Height::new(height), Time::new(height));
    let block = Block::new(height, time, &parent, Vec::new(), None, Vec::new());
    let certificate = CommitCert {
        engine: EngineTag::Pbft,
        height,
        view: View::FIRST,
        block: block.digest(),
        signatures: Vec::new(),
    };
    Arc::new(Delivery {
        decision: Decision {
            block: Arc::new(block),
            certificate,
        },
        done: Finalized {
            outcomes: Vec::new(),
            app_hash: Digest::ZERO,
            next: NextParams {
                roster,
                policy: ProposerPolicy::Sticky,
                timeouts: Timeouts::default(),
            },
            ready: Vec::new(),
        },
    })
}

fn votes(height: u64) -> Write {
    Write::Votes(Box::new(VotingRecord {
        height: Height::new(height),
        ..VotingRecord::default()
    }))
}

/// A block's writes as a replica makes them.
fn decide(store: &mut Store, height: u64) {
    let decided = delivery(height);
    let body = decided.decision.block.clone();
    store.write(vec![Write::Body(body), votes(height)]).unwrap();
    store.write(vec![votes(height)]).unwrap();
    store.write(vec![Write::Decided(decided)]).unwrap();
    store.tidy().unwrap();
}

#[test]
fn everything_is_there_again_wherever_the_log_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("replica.redb");
    let chain = Digest::new([9; 32]);
    let mut height = 0;
    // Restarts fall before, at and after the moments when the log goes into the database.
    for run in [1, 2, 157, 1, 160, 159, 350] {
        let mut store = Store::open(&path, chain, ID).unwrap();
        let recovered = store.recover().unwrap();
        assert_eq!(recovered.blocks.len() as u64, height);
        assert!(recovered.bodies.is_empty());
        for _ in 0..run {
            height += 1;
            decide(&mut store, height);
            let block = store.block(Height::new(height)).unwrap().unwrap();
            assert_eq!(block, *delivery(height));
        }
        let from = Height::new(height.saturating_sub(70).max(1));
        let served = store.serve(from).unwrap().unwrap();
        let heights = served.iter().map(|d| d.block.height());
        let expected = (from.get()..=height).take(MAX_BLOCKS).map(Height::new);
        assert!(heights.eq(expected), "served from {from} at {height}");
        let next = delivery(height + 1).decision.block.clone();
        store
            .write(vec![Write::Body(next), votes(height + 1)])
            .unwrap();
        drop(store);
        let mut store = Store::open(&path, chain, ID).unwrap();
        let recovered = store.recover().unwrap();
        assert_eq!(recovered.blocks.len() as u64, height);
        assert_eq!(recovered.votes.unwrap().height, Height::new(height + 1));
        assert_eq!(recovered.bodies.len(), 1, "the body of what was voted for");
        // The block is decided as it was voted for.
        height += 1;
        store.write(vec![Write::Decided(delivery(height))]).unwrap();
    }
}

#[test]
fn a_database_without_its_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("replica.redb");
    let mut store = Store::open(&path, Digest::ZERO, ID).unwrap();
    decide(&mut store, 1);
    drop(store);
    let other = Store::open(&path, Digest::ZERO, ReplicaId::new(3));
    assert!(matches!(other, Err(StoreError::Foreign { .. })));
    // A log without its beginning is no new one.
    for length in [0, 33] {
        let log = std::fs::OpenOptions::new()
            .write(true)
            .open(path.with_extension("log"));
        log.unwrap().set_len(length).unwrap();
        let emptied = Store::open(&path, Digest::ZERO, ID);
        assert!(matches!(emptied, Err(StoreError::LogMissing(_))));
    }
    std::fs::remove_file(path.with_extension("log")).unwrap();
    let without = Store::open(&path, Digest::ZERO, ID);
    assert!(matches!(without, Err(StoreError::LogMissing(_))));
}
