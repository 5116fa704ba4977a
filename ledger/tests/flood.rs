//! What a liar can make a replica hold: oversized, truncated and future-view floods, measured in bytes by
//! the allocator. The bounds are those of `docs/spec/pbft.md`.

#![allow(clippy::unwrap_used)]

use eligo_ledger::application::{Genesis, Limits, Timeouts};
use eligo_ledger::block::{Block, Parent, Transaction};
use eligo_ledger::certificate::Ballot;
use eligo_ledger::chain::Chain;
use eligo_ledger::digest::Digest;
use eligo_ledger::height::{Epoch, Height, ReplicaId, Time, View};
use eligo_ledger::identity::{Domain, Kind, SecretKey, Signature};
use eligo_ledger::pbft::message::{MAX_MESSAGE, NewView, ViewChange};
use eligo_ledger::pbft::{Config, Input, Message, Replica};
use eligo_ledger::pool::PoolLimits;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::{Class, Member, Roster};
use eligo_ledger::teller::Teller;
use eligo_ledger::wire::Wire;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

/// Counts the bytes that each thread holds, and the most it ever held.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // While a thread ends its counters are gone, and nobody asks any longer.
    HELD.try_with(|held| {
        held.set(held.get() + bytes);
        PEAK.try_with(|peak| peak.set(peak.get().max(held.get())))
            .ok();
    })
    .ok();
}

// SAFETY: every call goes to the system's allocator unchanged; the counters allocate nothing.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn held() -> usize {
    HELD.get().max(0).cast_unsigned()
}

/// The most bytes that `work` held at any moment beyond those held before.
fn peak(work: impl FnOnce()) -> usize {
    let before = HELD.get();
    PEAK.set(before);
    work();
    (PEAK.get() - before).max(0).cast_unsigned()
}

/// The size of each block of a flood.
const BLOCK: usize = 256 << 10;
const LIAR: ReplicaId = ReplicaId::new(1);

fn key(i: u8) -> SecretKey {
    SecretKey::from_seed([i + 1; 32].into())
}

fn genesis() -> Genesis {
    let members = (0..4u8).map(|i| Member {
        id: ReplicaId::new(i.into()),
        key: key(i).public(),
        power: 1,
        class: Class::Tertiary,
        may_propose: true,
        votes: true,
        region: String::new(),
    });
    Genesis {
        name: "flood".into(),
        time: Time::new(1),
        roster: Roster::first(members.collect()).unwrap(),
        policy: ProposerPolicy::Rotation,
        timeouts: Timeouts::default(),
        limits: Limits::default(),
        checkpoint_every: 4,
        app_state: Vec::new(),
    }
}

fn replica() -> Replica<Teller> {
    let config = Config {
        id: ReplicaId::new(0),
        key: Arc::new(key(0)),
        pool: PoolLimits::default(),
    };
    Replica::new(config, Chain::new(Arc::new(genesis()), Teller::new()))
}

/// A ballot of the liar's, rightly signed.
fn ballot(kind: Kind, view: u64, height: u64, digest: Digest) -> Ballot {
    let mut ballot = Ballot {
        epoch: Epoch::new(0),
        kind,
        view: View::new(view),
        height: Height::new(height),
        digest,
        from: LIAR,
        signature: Signature::new([0; 64]),
    };
    let domain = Domain::new(genesis().digest());
    ballot.signature = domain.sign(&key(1), &ballot.statement());
    ballot
}

/// A block of its own for each view.
fn block(view: u64, height: u64) -> Arc<Block> {
    let parent = Parent {
        digest: genesis().digest(),
        app_hash: Digest::ZERO,
        outcomes: Digest::ZERO,
        roster: Digest::ZERO,
    };
    let mut bytes = vec![7; BLOCK / 8];
    bytes[..8].copy_from_slice(&view.to_be_bytes());
    let tx = Transaction::new(bytes).unwrap();
    let (height, time) = (Height::new(height), Time::new(2));
    let block = Block::new(height, time, &parent, vec![tx; 8], None, Vec::new());
    // Through the codec, as from the network: nothing is shared.
    Arc::new(Block::from_wire(&block.to_wire()).unwrap())
}

/// Everything that is signed, of one view and height, with a block wherever there may be one.
fn messages(view: u64, height: u64) -> Vec<Message> {
    let block = block(view, height);
    let (digest, v, h) = (block.digest(), View::new(view), Height::new(height));
    let roster = genesis().roster.digest();
    let wished = ViewChange::content(roster, None, None);
    let wish = ViewChange {
        ballot: ballot(Kind::ViewChange, view, height - 1, wished),
        roster,
        certificate: None,
        prepared: None,
    };
    let proposal = ballot(Kind::PrePrepare, view, height, digest);
    let wishes = vec![wish.clone(); 3];
    let content = NewView::content(&wishes, Some(&proposal));
    let new_view = NewView {
        ballot: ballot(Kind::NewView, view, height - 1, content),
        view_changes: wishes,
        proposal: Some(proposal),
    };
    assert_eq!((proposal.view, proposal.height), (v, h));
    vec![
        Message::PrePrepare(proposal, block.clone()),
        Message::Prepare(ballot(Kind::Prepare, view, height, digest)),
        Message::Commit(ballot(Kind::Commit, view, height, digest)),
        Message::Checkpoint(ballot(Kind::Checkpoint, 0, 4 * view, digest)),
        Message::ViewChange(Arc::new(wish), None),
        Message::NewView(Arc::new(new_view), Some(block)),
    ]
}

#[test]
fn a_flood_of_future_views_holds_three_blocks_of_each_member_at_most() {
    const VIEWS: u64 = 300;
    let mut replica = replica();
    let before = held();
    let mut worst = 0;
    for view in 1..=VIEWS {
        for height in [1, 2, 3] {
            for message in messages(view, height) {
                let now = Time::new(1_000);
                drop(replica.step(Input::Message(LIAR, Arc::new(message)), now));
            }
            worst = worst.max(held().saturating_sub(before));
        }
    }
    // 900 blocks came, 225 MiB and twice in messages. A PRE-PREPARE, a wish and a NEW-VIEW may be held.
    let bound = 3 * BLOCK + (64 << 10);
    assert!(worst <= bound, "{worst} bytes held, {bound} allowed");
    assert!(worst >= BLOCK, "nothing was held at all: {worst} bytes");
    assert!(replica.buffered() <= 10, "{}", replica.buffered());
}

#[test]
fn a_flood_of_truncated_messages_holds_nothing() {
    for message in messages(5, 2) {
        let whole = message.to_wire();
        let before = held();
        for cut in (0..whole.len()).step_by(1 + whole.len() / 500) {
            let most = peak(|| assert!(Message::from_wire(&whole[..cut]).is_err()));
            // What is decoded before the end is missed is never more than what came.
            assert!(most <= 2 * cut + 4096, "{most} bytes for {cut}");
        }
        assert_eq!(held(), before);
    }
}

#[test]
fn a_flood_of_oversized_messages_holds_nothing() {
    // Every length and count in a message is replaced by the greatest: nothing is allocated on its word.
    for message in messages(5, 2) {
        let whole = message.to_wire();
        let end = whole.len().min(600);
        for at in 0..end {
            let mut lying = whole.clone();
            let last = lying.len().min(at + 4);
            lying[at..last].fill(0xff);
            let most = peak(|| drop(Message::from_wire(&lying)));
            assert!(most <= 3 * lying.len() + 4096, "{most} bytes at {at}");
        }
    }
    // A message beyond the limit is refused before it is decoded.
    let oversized = vec![1; MAX_MESSAGE + 1];
    let most = peak(|| assert!(Message::from_wire(&oversized).is_err()));
    assert!(most <= 4096, "{most} bytes for a message that is too long");
}
