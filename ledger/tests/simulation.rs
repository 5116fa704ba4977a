//! Schedules from seeds: no violation, the same history again, every line of the protocol reached.

use eligo_ledger::pbft::Coverage;
use eligo_ledger::sim::minimise::minimise;
use eligo_ledger::sim::{Scenario, run};

#[test]
fn schedules_from_seeds_violate_nothing_and_reach_every_line() {
    let mut coverage = Coverage::default();
    for seed in 0..400 {
        let report = run(&Scenario::draw(seed, 4, 10));
        assert_eq!(report.violations, [], "seed {seed}");
        coverage.add(&report.coverage);
    }
    for line in 1..=37 {
        assert!(coverage.line(line) > 0, "line {line} never ran");
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in [3, 7, 41, 99] {
        let scenario = Scenario::draw(seed, 4, 13);
        let (a, b) = (run(&scenario), run(&scenario));
        assert_eq!((a.history, a.events), (b.history, b.events), "seed {seed}");
        let other = run(&Scenario::draw(seed + 1000, 4, 13));
        assert_ne!(a.history, other.history);
    }
}

#[test]
fn a_failing_schedule_shrinks_and_still_fails() {
    use eligo_ledger::rules::Rule;
    let failing = Scenario::against(Rule::PersistBeforeSend, 63);
    let small = minimise(&failing);
    assert!(!run(&small).violations.is_empty());
    assert!(small.faults.len() <= failing.faults.len());
    assert!(small.requests <= failing.requests);
}
