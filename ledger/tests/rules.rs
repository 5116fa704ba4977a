//! Each rule matters: without it the checkers object, with it the same schedule is clean.
//!
//! The seeds were found by `cargo run --release -p eligo-ledger --example simulate -- --seeds
//! 0..10000 --without RULE`; a change of replica or simulator may ask for new ones.

use eligo_ledger::rules::Rule;
use eligo_ledger::sim::{Scenario, Violation, run};

/// Runs the schedule without the rule, then with it.
fn caught(rule: Rule, seed: u64, expected: impl Fn(&Violation) -> bool) {
    let without = Scenario::against(rule, seed);
    let report = run(&without);
    assert!(
        report.violations.iter().any(expected),
        "without {rule:?}, seed {seed}: {:?}",
        report.violations
    );
    let with = Scenario {
        broken: None,
        ..without
    };
    let report = run(&with);
    assert_eq!(report.violations, [], "with {rule:?}, seed {seed}");
}

macro_rules! catches {
    ($($name:ident: $rule:ident, $seed:literal, $violation:pat,)*) => {$(
        #[test]
        fn $name() {
            caught(Rule::$rule, $seed, |v| matches!(v, $violation));
        }
    )*};
}

catches! {
    a_view_change_without_prepared_certificate_forks:
        ViewChangeCarriesPrepared, 48, Violation::Fork(_),
    an_unproven_prepared_certificate_forks: PreparedIsProven, 95, Violation::Fork(_),
    any_prepared_certificate_instead_of_the_highest_forks:
        HighestPreparedWins, 45404, Violation::Fork(_),
    voting_on_after_a_view_change_forks: SilentAfterViewChange, 119, Violation::Fork(_),
    a_new_view_from_f_plus_one_forks: NewViewNeedsQuorum, 8564, Violation::Fork(_),
    a_new_view_that_backups_do_not_recompute_forks: NewViewRecomputed, 4732, Violation::Fork(_),
    an_invalid_prepared_certificate_that_spoils_others_forks:
        InvalidPreparedIsolated, 271, Violation::Fork(_),
    prepares_sold_as_commits_certify_what_was_never_committed:
        KindsSeparated, 8, Violation::VoteNeverCast(..),
    votes_sent_before_they_are_stored_are_cast_twice:
        PersistBeforeSend, 63, Violation::DoubleVote(..),
    a_proposal_of_a_higher_view_forks: ViewMatches, 9, Violation::Fork(_),
    a_second_proposal_in_a_view_gets_a_second_vote:
        OneDigestPerView, 1, Violation::DoubleVote(..),
    a_block_without_the_right_parent_breaks_the_chain:
        ParentChecked, 1, Violation::BrokenChain(_),
    ignoring_certified_blocks_during_a_view_change_stops_the_chain:
        CommitDuringViewChange, 1, Violation::Unanswered(_),
    a_block_beyond_the_next_height_breaks_the_chain: HeightWindow, 1, Violation::BrokenChain(_),
    a_checkpoint_of_the_block_hides_a_diverging_replica:
        CheckpointOfState, 0, Violation::NotNamed(..),
    a_state_without_a_quorums_proof_is_someones_invention: StateIsProven, 151, Violation::Halted(..),
    a_request_proposed_again_is_executed_again: RequestsOnce, 0, Violation::Repeated(_),
    backups_without_a_timer_follow_a_silent_primary_for_ever:
        BackupsArmTimer, 0, Violation::Unanswered(_),
    a_primary_starves_a_client: NoStarvation, 3, Violation::Unanswered(_),
    a_timer_that_does_not_double_never_waits_long_enough: TimersDouble, 0, Violation::Unanswered(_),
    a_timer_reset_by_any_message_never_ends: TimerResetByCommit, 0, Violation::Unanswered(_),
    unbounded_buffers_grow: BuffersBounded, 0, Violation::Memory(..),
    votes_counted_in_another_heights_roster_decide_nothing:
        RosterOfHeight, 0, Violation::Unanswered(_),
    a_replica_that_diverges_goes_on_unnoticed: AppHashChecked, 7, Violation::AppHash(..),
    two_f_plus_one_of_five_certifies_too_early: QuorumsIntersect, 0, Violation::Certificate(_),
}
