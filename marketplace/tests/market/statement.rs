//! A sale and a count with proofs of the real statement: a credential signed over the sealed record.

use ark_bn254::Fr;
use eligo_circuits::groth16::ProvingKey;
use eligo_circuits::statement::HolderSecret;
use eligo_circuits::statement::scenario::{Scenario as Claim, meeting};
use eligo_circuits::verifying;
use eligo_marketplace::credits::Credits;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Config, Prover, START_MS, Scenario};
use eligo_marketplace::solo::Solo;
use eligo_marketplace::transaction::Body;
use eligo_records::cell::Layout;
use eligo_records::civil::CivilDay;
use eligo_records::program::{Formula, Program, Test};
use eligo_records::schema::shipped;
use eligo_verifier_contract::{Day, Nullifier, Proof, PublicInputs, Requirement, VerifyingKey};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// One hospital's credentials for everyone, and the circuit over them.
struct Credentials {
    claim: Claim,
    key: ProvingKey,
    rng: ChaCha20Rng,
}

impl Credentials {
    fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let layout = Layout::of(shipped("bench-64").unwrap());
        let cell = layout.first_cell(1).unwrap();
        let formula = Formula::Test(Test::Outside { cell, lo: 2, hi: 2 });
        let today = Day::from_unix(START_MS / 1000).unwrap().number();
        let today = CivilDay::from_number(today).unwrap();
        let cells = meeting(&layout, &formula, today).unwrap();
        let program = Program::new(&layout, formula).unwrap();
        let claim = Claim::new(layout, program, cells, today, 1, &mut rng).unwrap();
        let (system, _) = claim.statement.shape();
        let key = ProvingKey::generate(system, &mut rng);
        Self { claim, key, rng }
    }
}

fn secret(person: u64) -> HolderSecret {
    HolderSecret::new(Fr::from(person))
}

impl Prover for Credentials {
    fn verifying_key(&self) -> VerifyingKey {
        verifying::key(&self.key.verifying_key()).unwrap()
    }

    fn issuers(&self) -> Vec<[u8; 32]> {
        vec![self.claim.issuer.to_bytes()]
    }

    fn nullifier(&self, person: u64, requirement: Requirement) -> Nullifier {
        Nullifier::from_field(secret(person).nullifier(requirement.to_field()))
    }

    fn prove(&mut self, person: u64, inputs: &PublicInputs) -> Proof {
        let claim = &mut self.claim;
        claim.secret = secret(person);
        claim.sale = !inputs.sealed.is_none();
        if claim.sale {
            claim.sealed = inputs.sealed.to_field();
        }
        claim.inputs = *inputs;
        claim.today = CivilDay::from_number(inputs.today.number()).unwrap();
        claim.sign(&mut self.rng);
        let proof = self.key.prove(&claim.assign(), &mut self.rng).unwrap();
        verifying::proof(&proof).unwrap()
    }
}

#[test]
fn the_real_statement_is_sold_and_counted() {
    let mut market = Scenario::new(Credentials::new(), &Config::default()).unwrap();
    let mut solo = Solo::new(&market.genesis);
    let bond = market.by_hospital(
        0,
        Body::DepositBond {
            amount: Credits::new(2_000),
        },
    );
    solo.submit(bond).unwrap();
    let record = market.seal(0, None);
    let registration = market.register(0, &record);
    solo.submit(registration).unwrap();
    let mut wanted = market.want(2, false);
    let publish = market.publish(0, &mut wanted);
    solo.submit(publish).unwrap();
    for round in 1..=2 {
        let round = market.round(round);
        solo.submit(round).unwrap();
    }
    let (drawn, now) = (solo.drawn(&wanted.name), solo.time_ms);
    let claim = market.claim(1, &wanted, &record, &drawn, now).unwrap();
    // Its proof does not serve another person's nullifier.
    let other = market.claim(2, &wanted, &record, &drawn, now).unwrap();
    let mut stolen = other.request.clone();
    stolen.proof = claim.request.proof;
    let stolen = market.sign(&other.account.key, Body::Claim(stolen));
    assert_eq!(solo.submit(stolen), Err(Rejection::Proof));
    solo.submit(claim.transaction.clone()).unwrap();
    for (account, _) in &drawn[..3] {
        let share = market
            .share(account, &claim, &record, solo.time_ms)
            .unwrap();
        solo.submit(share).unwrap();
    }
    solo.pass(31_000);
    assert_eq!(solo.status(&claim.id), "settled");
    let draft = market.draft(2, 1);
    let publish = market.by_institution(0, Body::Draft(draft.clone()));
    solo.submit(publish).unwrap();
    let (account, count) = market.count(1, &draft, 0, solo.time_ms).unwrap();
    solo.submit(count).unwrap();
    assert_eq!(solo.credits(&account.account()), 1);
}
