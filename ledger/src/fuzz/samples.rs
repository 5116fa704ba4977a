//! What a simulated ledger sends and stores, as bytes: inputs to begin with.

use std::collections::BTreeMap;

use crate::application::{Application, Query, QueryAnswer};
use crate::block::Outcome;
use crate::chain_state::{ChainState, CheckpointState};
use crate::cluster::control::{Answer, Refusal, Report, Request};
use crate::digest::Digest;
use crate::engine::Reply;
use crate::evidence::Evidence;
use crate::height::{Epoch, Height, ReplicaId, View};
use crate::light::{InclusionProof, LedgerProof};
use crate::pbft::effect::{Delivery, Write};
use crate::pbft::message::Message;
use crate::sim::Scenario;
use crate::sim::world::{Seen, genesis, run_watched};
use crate::teller::{Slip, Teller};
use crate::wire::Wire;

/// How many of a kind are kept.
const OF_A_KIND: usize = 2;
/// Longer encodings are left out: they are more of the same.
const LONGEST: usize = 1 << 14;

/// A few encodings of each kind: by a type's name and a variant's tag.
#[derive(Debug, Default)]
pub struct Samples(BTreeMap<(&'static str, u8), Vec<Vec<u8>>>);

impl Samples {
    /// Keeps a value, unless there are enough of its kind or its encoding is long.
    pub fn add<T: Wire>(&mut self, value: &T) {
        self.keep::<T>(0, value.to_wire());
    }

    /// Keeps one of an enumeration whose encodings begin with the variant.
    pub fn variant<T: Wire>(&mut self, value: &T) {
        let bytes = value.to_wire();
        self.keep::<T>(bytes.first().copied().unwrap_or_default(), bytes);
    }

    /// Keeps what is known to encode a value.
    pub fn keep<T>(&mut self, variant: u8, bytes: Vec<u8>) {
        let kind = (std::any::type_name::<T>(), variant);
        let kept = self.0.entry(kind).or_default();
        if kept.len() < OF_A_KIND && bytes.len() <= LONGEST && !kept.contains(&bytes) {
            kept.push(bytes);
        }
    }

    /// All that was kept.
    #[must_use]
    pub fn into_bytes(self) -> Vec<Vec<u8>> {
        self.0.into_values().flatten().collect()
    }
}

/// What to keep of a simulated world.
#[derive(Default)]
struct Onlooker(Samples);

impl Onlooker {
    fn seen(&mut self, seen: Seen<'_>) {
        match seen {
            Seen::Delivered(message) => self.message(message),
            Seen::Synced(write) => self.write(write),
        }
    }

    fn message(&mut self, message: &Message) {
        self.0.variant(message);
        if let Some(ballot) = message.ballot() {
            self.0.add(ballot);
        }
        match message {
            Message::Request(tx) => {
                // A client's request is the application's; its operator's carries one.
                self.0.keep::<Slip>(0, tx.bytes().to_vec());
                self.0.variant(&Request::Submit(tx.clone()));
            }
            Message::ViewChange(view_change, _) => {
                self.0.add(&**view_change);
                view_change
                    .prepared
                    .iter()
                    .for_each(|prepared| self.0.add(prepared));
            }
            Message::NewView(new_view, _) => self.0.add(&**new_view),
            _ => {}
        }
    }

    fn write(&mut self, write: &Write) {
        self.0.variant(write);
        match write {
            Write::Votes(record) => self.0.add(&**record),
            Write::Body(block) => self.0.add(&**block),
            Write::NewView(new_view) => self.0.add(&**new_view),
            Write::Decided(delivery) => self.delivery(delivery),
            Write::Checkpoint(checkpoint, _) | Write::Restored(checkpoint) => {
                self.0.add(&**checkpoint);
                self.0.add(&checkpoint.proof);
                self.state(&checkpoint.state);
                checkpoint.steps.iter().for_each(|step| self.0.add(step));
            }
        }
    }

    fn delivery(&mut self, delivery: &Delivery) {
        let decision = &delivery.decision;
        self.0.add(delivery);
        self.0.add(&delivery.done);
        self.0.add(decision.block.header());
        self.0.add(&decision.certificate);
        if let Some(inclusion) = InclusionProof::new(&decision.block, &decision.certificate, 0) {
            let proof = LedgerProof {
                steps: Vec::new(),
                inclusion,
            };
            self.0.add(&proof);
            self.0.variant(&Answer::Proof(Box::new(proof)));
        }
        // Two blocks of one proposer as if for one place.
        let signed = decision.block.evidence();
        signed
            .iter()
            .for_each(|evidence: &Evidence| self.0.add(evidence));
    }

    fn state(&mut self, state: &CheckpointState) {
        self.0.add(state);
        self.0.add(&state.snapshot);
        self.0.keep::<ChainState>(0, state.chain.to_vec());
    }
}

/// Valid encodings of everything that is decoded.
#[must_use]
pub fn samples() -> Vec<Vec<u8>> {
    let mut samples = Onlooker::default();
    for seed in 0..16 {
        let scenario = Scenario::draw(seed, 4, 4);
        let first = genesis(&scenario);
        samples.0.add(&first.roster);
        samples.0.add(&first);
        let mut teller = Teller::new();
        teller.init_chain(&first);
        teller.books.iter().for_each(|books| samples.0.add(books));
        run_watched(&scenario, &mut |seen| samples.seen(seen));
    }
    let query = Query {
        path: "balance".into(),
        data: vec![0, 1],
    };
    samples.0.variant(&Request::Query(query));
    samples.0.variant(&Request::Report);
    samples.0.variant(&Request::Prove(Height::new(3), 0));
    let outcome = Outcome {
        code: 1,
        data: vec![2; 8],
    };
    samples.0.variant(&Answer::Executed(Reply {
        height: Height::new(3),
        index: 1,
        outcome,
    }));
    samples.0.variant(&Answer::Report(Report {
        id: ReplicaId::new(1),
        chain: Digest::ZERO,
        height: Height::new(3),
        tip: Digest::ZERO,
        app_hash: Digest::ZERO,
        epoch: Epoch::default(),
        round: View::default(),
        proposer: ReplicaId::new(2),
        peers: 3,
        waiting: 4,
        lowest: Height::new(1),
        liars: vec![ReplicaId::new(0)],
        halted: false,
    }));
    for refusal in [Refusal::Application(1), Refusal::Stopped] {
        samples.0.variant(&Answer::Refused(refusal));
    }
    for value in [None, Some(vec![7; 9])] {
        samples.0.variant(&Answer::Query(QueryAnswer {
            height: Height::new(3),
            value,
            proof: vec![5; 40],
        }));
    }
    samples.0.into_bytes()
}
