//! The ledger's values in the engine's terms, and back.

use super::Ctx;
use crate::certificate::{CommitCert, EngineTag};
use crate::height::{ReplicaId, Time};
use crate::identity::Signature;
use crate::malachite::context::{Address, Proposal, round_of, view_of};
use arc_malachitebft_app_channel::app::types::ProposedValue;
use arc_malachitebft_app_channel::app::types::core::{
    CommitCertificate, CommitSignature, ExtendedCommitCertificate, LinearTimeouts, Validity,
    VoteExtensions,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) fn proposed(p: &Proposal, validity: Validity) -> ProposedValue<Ctx> {
    ProposedValue {
        height: p.height,
        round: p.round,
        valid_round: p.pol_round,
        proposer: p.proposer,
        value: p.value,
        validity,
    }
}

/// The engine's certificate as the ledger's.
pub(super) fn certified(certificate: &CommitCertificate<Ctx>) -> CommitCert {
    let signatures = certificate.commit_signatures.iter();
    let mut signatures: Vec<(ReplicaId, Signature)> =
        signatures.map(|s| (s.address.0, s.signature)).collect();
    signatures.sort_unstable_by_key(|(id, _)| *id);
    signatures.dedup_by_key(|(id, _)| *id);
    CommitCert {
        engine: EngineTag::Malachite,
        height: certificate.height,
        view: view_of(certificate.round),
        block: certificate.value_id,
        signatures,
    }
}

/// The ledger's certificate as the engine's.
pub(super) fn extended(certificate: &CommitCert) -> ExtendedCommitCertificate<Ctx> {
    let signatures = certificate.signatures.iter();
    let certificate = CommitCertificate {
        height: certificate.height,
        round: round_of(certificate.view),
        value_id: certificate.block,
        commit_signatures: signatures
            .map(|(id, signature)| CommitSignature::new(Address(*id), *signature))
            .collect(),
    };
    let none = VoteExtensions::new(Vec::new());
    ExtendedCommitCertificate::from_commit_certificate_and_extensions(certificate, none)
}

/// T is shared out: half of it for a proposal, a quarter for each of the votes.
pub(super) fn timeouts(pace: &crate::application::Timeouts) -> LinearTimeouts {
    let part = |n: u64| Duration::from_millis((pace.request_ms / n).max(1));
    LinearTimeouts {
        propose: part(2),
        propose_delta: part(4),
        prevote: part(4),
        prevote_delta: part(8),
        precommit: part(4),
        precommit_delta: part(8),
        rebroadcast: part(1),
        max_timeout: Duration::from_millis(pace.ceiling_ms.max(1)),
    }
}

pub(super) fn now() -> Time {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    Time::new(unix.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(0)))
}
