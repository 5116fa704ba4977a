//! Random histories by honest and dishonest parties against a plain model of the market: integers and sets,
//! no cryptography. Every transaction there is occurs in them, accepted and refused.

mod claims;
mod coverage;
mod disputes;
mod ledger;
mod offers;
mod parties;
mod records;
mod step;
mod world;

use std::sync::{Mutex, PoisonError};

use eligo_marketplace::rejection::Rejection;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use coverage::Coverage;
use step::{arb_step, errands};
use world::{Model, State};

/// Runs so many histories of the generator's; what they reached.
fn histories(cases: u32, rng: Option<TestRng>) -> Coverage {
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = match rng {
        Some(rng) => TestRunner::new_with_rng(config, rng),
        None => TestRunner::new(config),
    };
    let reached = Mutex::new(Coverage::default());
    let run = runner.run(&proptest::collection::vec(arb_step(), 40..90), |steps| {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
        }
        let mut reached = reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.add(model.finish());
        Ok(())
    });
    if let Err(failure) = run {
        panic!("{failure}");
    }
    reached.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn contract_and_model_agree_whatever_happens() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut reached = histories(18, Some(rng));
    let mut model = Model::new();
    errands().iter().for_each(|step| model.step(step));
    reached.add(model.finish());
    // A test that never gets there shows nothing.
    reached.every_transaction_was_accepted_and_refused();
    for state in [
        State::Settled,
        State::Expired,
        State::Refunded,
        State::Upheld,
    ] {
        assert!(reached.ended(state) > 0, "{state:?}: {reached:?}");
    }
    for (name, reason) in REASONS {
        let times = reached.refused(name, *reason);
        assert!(times > 0, "{name} never met {reason:?}: {reached:?}");
    }
}

#[test]
fn contract_and_model_agree_on_histories_never_seen_before() {
    histories(3, None);
}

/// What the histories have to run into, or the model shows nothing about it.
const REASONS: &[(&str, Rejection)] = &[
    ("Certify", Rejection::CertificateSignature),
    ("Certify", Rejection::CertificateStale),
    ("Certify", Rejection::NameTaken),
    ("Certify", Rejection::IssuerKeyTaken),
    ("Certify", Rejection::RoleFixed),
    ("Certify", Rejection::NotPermitted),
    ("Dismiss", Rejection::NotPermitted),
    ("Dismiss", Rejection::UnknownParty),
    ("Transfer", Rejection::Unfunded),
    ("DepositBond", Rejection::NotPermitted),
    ("WithdrawBond", Rejection::BondCommitted),
    ("WithdrawBond", Rejection::Unfunded),
    ("Register", Rejection::RecordTwice),
    ("Register", Rejection::LabelTwice),
    ("Register", Rejection::PatientSignature),
    ("Register", Rejection::Supersedes),
    ("Register", Rejection::NotPermitted),
    ("WithdrawRecord", Rejection::PatientSignature),
    ("WithdrawRecord", Rejection::RecordWithdrawn),
    ("RegisterProxy", Rejection::ProxyTwice),
    ("RegisterProxy", Rejection::ProxyPossession),
    ("RegisterProxy", Rejection::NotPermitted),
    ("WithdrawProxy", Rejection::ProxyBusy),
    ("WithdrawProxy", Rejection::UnknownProxy),
    ("Publish", Rejection::NotPermitted),
    ("Publish", Rejection::IssuerNotAdmitted),
    ("Draft", Rejection::NotPermitted),
    ("WithdrawRequirement", Rejection::NotOwner),
    ("WithdrawRequirement", Rejection::RequirementClosed),
    ("Claim", Rejection::DrawPending),
    ("Claim", Rejection::OfferFull),
    ("Claim", Rejection::RequirementClosed),
    ("Claim", Rejection::InstitutionDismissed),
    ("Claim", Rejection::HospitalDismissed),
    ("Claim", Rejection::HospitalNotAccepted),
    ("Claim", Rejection::HospitalBond),
    ("Claim", Rejection::RecordWithdrawn),
    ("Claim", Rejection::ExclusiveLicence),
    ("Claim", Rejection::NullifierUsed),
    ("Claim", Rejection::Context),
    ("Claim", Rejection::Proof),
    ("Count", Rejection::NullifierUsed),
    ("Count", Rejection::NotOneTime),
    ("Count", Rejection::Proof),
    ("PostShare", Rejection::NotDrawn),
    ("PostShare", Rejection::ShareTwice),
    ("PostShare", Rejection::FalseShare),
    ("PostShare", Rejection::ClaimExpired),
    ("Settle", Rejection::NotDue),
    ("Settle", Rejection::ClaimState),
    ("Expire", Rejection::NotDue),
    ("Expire", Rejection::ClaimState),
    ("Revoke", Rejection::RevocationSignature),
    ("Revoke", Rejection::ClaimState),
    ("Dispute", Rejection::NotOwner),
    ("Dispute", Rejection::ClaimState),
    ("Dispute", Rejection::DisputeLetters),
    ("Dispute", Rejection::DisputeTranscript),
    ("Verdict", Rejection::ClaimState),
    ("Verdict", Rejection::VerdictTwice),
    ("Verdict", Rejection::NotArbiter),
    ("BeaconRound", Rejection::BeaconRound),
    ("BeaconRound", Rejection::BeaconSignature),
    ("Govern", Rejection::NotPermitted),
    ("Govern", Rejection::Roster),
    ("Ready", Rejection::NotArbiter),
];
