//! The statement on the reference schemas: satisfied, and what it costs.

#![allow(clippy::unwrap_used)]

mod reference;

use eligo_circuits::system::Mode;
use reference::scenario;

#[test]
fn the_reference_statements_are_satisfied_and_cost_what_they_may() {
    for (name, issuers, at_most) in [
        ("bench-64", 1, 5_000),
        ("bench-64", 64, 6_500),
        ("bench-1000", 1, 12_000),
    ] {
        let scenario = scenario(name, issuers);
        let (r1cs, parts) = scenario.statement.shape();
        println!(
            "{name}, {issuers} issuers: {} {parts:?}",
            r1cs.constraints()
        );
        assert_eq!(parts.values().sum::<usize>(), r1cs.constraints());
        assert!(r1cs.constraints() <= at_most);
        assert!(parts["signature"] <= 2_100);
        let z = scenario.assign();
        assert_eq!(z.len(), r1cs.columns());
        assert_eq!(r1cs.violated(&z), None);
        // Every mode builds the same system.
        let checked = scenario
            .statement
            .synthesize(Mode::Check, Some((&scenario.inputs, &scenario.witness())));
        assert_eq!(checked.assignment(), z);
        assert_eq!(checked.r1cs(), r1cs);
    }
}
