//! What a cheating prover cannot do: for every part of the statement a witness that only that part
//! rejects, and every single witness value of the reference statement changed.

#![allow(clippy::unwrap_used)]

mod reference;

use std::collections::BTreeSet;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, One, UniformRand};
use eligo_circuits::{
    schnorr::SecretKey,
    statement::{HolderSecret, scenario::Scenario},
    system::{Mode, System},
};
use eligo_records::{
    cell::{Cells, Role},
    civil::CivilDay,
};
use eligo_verifier_contract::{Context, Day, Nullifier, Requirement, Sealed};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use reference::{scenario, today};

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(99)
}

fn build(scenario: &Scenario) -> System {
    let known = (&scenario.inputs, &scenario.witness());
    scenario.statement.synthesize(Mode::Check, Some(known))
}

/// The parts with a violated constraint.
fn violated(scenario: &Scenario) -> BTreeSet<&'static str> {
    let system = build(scenario);
    let parts: Vec<&'static str> = (0..system.constraints())
        .map(|r| system.part_of(r))
        .collect();
    let z = system.assignment().to_vec();
    let r1cs = system.r1cs();
    (0..r1cs.constraints())
        .filter(|row| r1cs.violates(*row, &z))
        .map(|row| parts[row])
        .collect()
}

fn only(part: &'static str) -> BTreeSet<&'static str> {
    BTreeSet::from([part])
}

/// The record with one cell changed, signed again by the hospital.
fn with_cell(scenario: &mut Scenario, role: impl Fn(Role, u8) -> bool, value: u64) {
    let layout = scenario.statement.layout().clone();
    let mut values = scenario.cells.values().to_vec();
    let at = layout
        .places()
        .iter()
        .position(|p| role(p.role, p.width))
        .unwrap();
    values[at] = value;
    scenario.cells = Cells::new(&layout, values).unwrap();
    scenario.sign(&mut rng());
}

#[test]
fn the_honest_claim_is_satisfied() {
    for issuers in [1, 8, 9] {
        assert_eq!(violated(&scenario("bench-64", issuers)), BTreeSet::new());
    }
}

#[test]
fn nullifier_of_another_person_or_requirement() {
    let mut s = scenario("bench-64", 1);
    let other = HolderSecret::new(Fr::from(4242));
    let requirement = s.inputs.requirement.to_field();
    s.inputs.nullifier = Nullifier::from_field(other.nullifier(requirement));
    assert_eq!(violated(&s), only("nullifier"));
    let mut s = scenario("bench-64", 1);
    s.inputs.requirement = Requirement::from_field(Fr::from(5));
    assert_eq!(violated(&s), only("nullifier"));
}

#[test]
fn another_holder_s_credential() {
    // The thief knows everything but z: holder and nullifier follow from the thief's own.
    let mut s = scenario("bench-64", 1);
    s.secret = HolderSecret::new(Fr::from(4242));
    let requirement = s.inputs.requirement.to_field();
    s.inputs.nullifier = Nullifier::from_field(s.secret.nullifier(requirement));
    assert_eq!(violated(&s), only("signature"));
}

#[test]
fn an_altered_record_salt_or_sealed() {
    let mut s = scenario("bench-64", 1);
    s.salt += Fr::one();
    assert_eq!(violated(&s), only("signature"));
    let mut s = scenario("bench-64", 1);
    s.sealed += Fr::one();
    s.inputs.sealed = Sealed::from_field(s.sealed);
    assert_eq!(violated(&s), only("signature"));
    let mut s = scenario("bench-64", 1);
    let layout = s.statement.layout().clone();
    let mut values = s.cells.values().to_vec();
    let last = values.len() - 1;
    values[last] += 1;
    s.cells = Cells::new(&layout, values).unwrap();
    assert_eq!(violated(&s), only("signature"));
}

#[test]
fn sealed_of_another_record_or_hidden_in_a_sale() {
    let mut s = scenario("bench-64", 1);
    s.inputs.sealed = Sealed::from_field(Fr::from(3));
    assert_eq!(violated(&s), only("sealed"));
    s.inputs.sealed = Sealed::NONE;
    assert_eq!(violated(&s), only("sealed"));
    // A count hides it, and that is all a count may do.
    s.sale = false;
    assert_eq!(violated(&s), BTreeSet::new());
    s.inputs.sealed = Sealed::from_field(s.sealed);
    assert_eq!(violated(&s), only("sealed"));
}

#[test]
fn a_signature_by_a_stranger() {
    let mut rng = rng();
    let mut s = scenario("bench-64", 1);
    s.issuer_key = SecretKey::generate(&mut rng);
    s.sign(&mut rng);
    assert_eq!(violated(&s), only("signature"));
    // In a tree, a stranger may show his own key, but it is no leaf.
    let mut s = scenario("bench-64", 9);
    s.issuer_key = SecretKey::generate(&mut rng);
    s.issuer = s.issuer_key.public();
    s.sign(&mut rng);
    assert_eq!(violated(&s), only("issuer"));
}

#[test]
fn other_accepted_issuers_than_claimed() {
    for issuers in [1, 9] {
        let mut s = scenario("bench-64", issuers);
        s.inputs.issuers = eligo_verifier_contract::IssuersRoot::from_field(Fr::from(1));
        assert_eq!(violated(&s), only("issuer"));
    }
    let mut s = scenario("bench-64", 9);
    s.path.positions[0] ^= 1;
    assert_eq!(violated(&s), only("issuer"));
    let mut s = scenario("bench-64", 9);
    s.path.children[1][7] += Fr::one();
    assert_eq!(violated(&s), only("issuer"));
}

#[test]
fn a_credential_that_is_expired_or_not_yet_valid() {
    let day = |n: u32| CivilDay::from_number(n).unwrap();
    for (issued, expires) in [
        (today().number() - 372, today().number() - 31),
        (today().number() + 31, today().number() + 372),
    ] {
        let mut s = scenario("bench-64", 1);
        (s.issued, s.expires) = (day(issued), day(expires));
        s.sign(&mut rng());
        // The honest prover's differences do not fit 18 bits, so what he commits to is not what was
        // signed; pretending that the credential says something else fails the same way.
        assert!(!violated(&s).is_empty());
        (s.issued, s.expires) = (day(today().number()), day(today().number()));
        assert_eq!(violated(&s), only("signature"));
    }
}

#[test]
fn a_record_that_does_not_meet_the_requirement() {
    type Which = fn(Role, u8) -> bool;
    let cases: [(Which, u64); 5] = [
        (|r, w| r == Role::Value && w == 18, 0),
        (
            |r, w| r == Role::Value && w == 18,
            u64::from(reference::today().number()),
        ),
        (|r, _| r == Role::Date, 0),
        (|r, w| r == Role::Value && w > 8 && w != 18, 1),
        (|r, _| r == Role::Recorded, 1),
    ];
    for (role, value) in cases {
        let mut s = scenario("bench-64", 1);
        with_cell(&mut s, role, value);
        assert_eq!(violated(&s), only("predicate"), "{value}");
    }
}

#[test]
fn another_day() {
    // The age test reads the public day, not the prover's.
    let mut s = scenario("bench-64", 1);
    let later = s.inputs.today.number() + 372 * 60;
    s.inputs.today = Day::from_number(later).unwrap();
    assert!(!violated(&s).is_empty());
}

#[test]
fn context_is_bound() {
    let s = scenario("bench-64", 1);
    let system = build(&s);
    let mut z = system.assignment().to_vec();
    let parts: Vec<&'static str> = (0..system.constraints())
        .map(|r| system.part_of(r))
        .collect();
    let r1cs = system.r1cs();
    z[6] = Context::from_field(Fr::from(77)).to_field();
    let row = r1cs.violated(&z).unwrap();
    assert_eq!(parts[row], "context");
}

/// Every part of the statement rejects some witness that all the others accept.
#[test]
fn every_part_rejects_something_alone() {
    for issuers in [1, 9] {
        let s = scenario("bench-64", issuers);
        let system = build(&s);
        let parts: Vec<&'static str> = (0..system.constraints())
            .map(|r| system.part_of(r))
            .collect();
        let mut z = system.assignment().to_vec();
        let r1cs = system.r1cs();
        let readers = r1cs.readers();
        let mut alone = BTreeSet::new();
        for (column, rows) in readers.iter().enumerate().skip(1) {
            let honest = z[column];
            z[column] += Fr::from(5);
            let rejecting: BTreeSet<&'static str> = rows
                .iter()
                .filter(|row| r1cs.violates(**row as usize, &z))
                .map(|row| parts[*row as usize])
                .collect();
            z[column] = honest;
            if rejecting.len() == 1 {
                alone.extend(rejecting);
            }
        }
        // A bit of two in the place of the next one keeps the element's value: only "a bit is 0 or 1" forbids it.
        for column in 7..z.len() - 1 {
            if z[column] != Fr::ZERO || z[column + 1] != Fr::ONE {
                continue;
            }
            (z[column], z[column + 1]) = (Fr::from(2), Fr::ZERO);
            let rejecting: BTreeSet<&'static str> = [column, column + 1]
                .iter()
                .flat_map(|c| &readers[*c])
                .filter(|row| r1cs.violates(**row as usize, &z))
                .map(|row| parts[*row as usize])
                .collect();
            (z[column], z[column + 1]) = (Fr::ZERO, Fr::ONE);
            if rejecting.len() == 1 {
                alone.extend(rejecting);
            }
        }
        let all: BTreeSet<&'static str> = parts.into_iter().collect();
        assert_eq!(alone, all, "{issuers} issuers");
    }
}

/// Every column of the reference statement, changed by one, negated, doubled, zeroed and at random,
/// violates a constraint, unless it is slack: the quotient of a comparison with nothing to divide.
#[test]
fn no_single_value_can_change() {
    for issuers in [1, 9] {
        let s = scenario("bench-64", issuers);
        let system = build(&s);
        let slack: BTreeSet<u32> = system.slack().iter().copied().collect();
        let mut z = system.assignment().to_vec();
        let r1cs = system.r1cs();
        let readers = r1cs.readers();
        let mut rng = rng();
        let mut free = 0;
        for column in 1..z.len() {
            let honest = z[column];
            let changes = [
                honest + Fr::one(),
                honest - Fr::one(),
                -honest,
                honest.double(),
                Fr::ZERO,
                Fr::ONE,
                Fr::rand(&mut rng),
            ];
            for changed in changes.into_iter().filter(|c| *c != honest) {
                z[column] = changed;
                let caught = readers[column]
                    .iter()
                    .any(|r| r1cs.violates(*r as usize, &z));
                if !caught {
                    assert!(
                        slack.contains(&(column as u32)),
                        "column {column} of {}",
                        z.len()
                    );
                    free += 1;
                }
            }
            z[column] = honest;
        }
        println!(
            "{issuers} issuers: {} columns, {free} free changes",
            z.len()
        );
    }
}
