//! The engine's evidence of equivocation in the ledger's form.

use crate::certificate::Ballot;
use crate::evidence::Evidence;
use crate::height::ReplicaId;
use crate::identity::{Signature, Statement};
use crate::malachite::context::{Epochs, LedgerContext};
use arc_malachitebft_app_channel::app::types::MisbehaviorEvidence;
use arc_malachitebft_app_channel::app::types::core::{SignedProposal, SignedVote};

/// What the engine caught, each pair of conflicting statements once.
pub(super) fn evidence(
    found: &MisbehaviorEvidence<LedgerContext>,
    epochs: &Epochs,
) -> Vec<Evidence> {
    let mut all = Vec::new();
    for (address, pairs) in &found.votes {
        for (a, b) in pairs {
            let ballot = |vote: &SignedVote<LedgerContext>| {
                let statement = vote.message.statement(epochs.at(vote.message.height));
                ballot(address.0, statement, vote.signature)
            };
            all.extend(Evidence::new(&ballot(a), &ballot(b)));
        }
    }
    for (address, pairs) in &found.proposals {
        for (a, b) in pairs {
            let ballot = |p: &SignedProposal<LedgerContext>| {
                let statement = p.message.statement(epochs.at(p.message.height));
                ballot(address.0, statement, p.signature)
            };
            all.extend(Evidence::new(&ballot(a), &ballot(b)));
        }
    }
    all
}

fn ballot(from: ReplicaId, s: Statement, signature: Signature) -> Ballot {
    Ballot {
        epoch: s.epoch,
        kind: s.kind,
        view: s.view,
        height: s.height,
        digest: s.digest,
        from,
        signature,
    }
}
