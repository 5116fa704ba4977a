//! The Solidity contracts on a real EVM, from the bytecode in `fixtures/evm`: the same proofs are
//! accepted as natively, everything else reverts, and gas is pinned.

#[path = "../../../verifier-contract/tests/contract/toy/mod.rs"]
mod toy;

use std::{fs, path::PathBuf};

use ark_bn254::Fr;
use eligo_evm::{Chain, Outcome};
use eligo_verifier_contract::{
    Context, Day, IssuersRoot, Nullifier, Proof, PublicInputs, Requirement, Sealed,
    field::to_be_bytes, snarkjs, solidity, verify_inputs,
};
use serde_json::Value;
use toy::Toy;

const DEPLOYER: [u8; 20] = [0xd0; 20];
const ALICE: [u8; 20] = [0xa1; 20];
const MALLORY: [u8; 20] = [0x66; 20];
const REGISTRAR: [u8; 20] = [0x4e; 20];
const NOON: u64 = 1_622_548_800; // 2021-06-01 12:00 UTC
const DAY_S: u64 = 86_400;

/// Gas of `verify` for six inputs beyond the transaction's own, and the floor that the prices of the
/// precompiled contracts set: 45,000 + 4 * 34,000 for the pairing, 6,000 + 150 for each input.
const VERIFY_GAS: u64 = 221_136;
const FLOOR_GAS: u64 = 181_150 + 6 * 6_150;
/// Gas of an accepted `claim`: the same, a word of storage, an event, SHA-256 and the calendar.
const CLAIM_GAS: u64 = 248_759;

fn fixture(path: &str) -> Vec<u8> {
    fs::read(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures")
            .join(path),
    )
    .unwrap()
}

/// A contract's creation code and the selectors of its methods.
struct Code(Value);

impl Code {
    fn of(name: &str) -> Self {
        let all: Value = serde_json::from_slice(&fixture("evm/bytecode.json")).unwrap();
        Self(all["contracts"][name].clone())
    }

    fn creation(&self) -> Vec<u8> {
        unhex(self.0["creation"].as_str().unwrap())
    }

    /// Call data: a method's selector and words.
    fn call(&self, method: &str, words: &[[u8; 32]]) -> Vec<u8> {
        let selector = self.0["methods"][method].as_str().unwrap();
        [unhex(selector), words.concat()].concat()
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |i| u8::from_str_radix(&text[i..i + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn word(n: u64) -> [u8; 32] {
    to_be_bytes(&Fr::from(n))
}

fn address(account: [u8; 20]) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(&account);
    word
}

/// A number from the modulus on that is the same modulo it.
fn plus_r(word: &[u8; 32]) -> [u8; 32] {
    let r = to_be_bytes(&-Fr::from(1));
    let mut out = [0; 32];
    let mut carry = 1u16; // r - 1 and 1
    for i in (0..32).rev() {
        carry += u16::from(word[i]) + u16::from(r[i]);
        out[i] = carry as u8;
        carry >>= 8;
    }
    assert_eq!(carry, 0);
    out
}

fn proof_words(proof: &Proof) -> Vec<[u8; 32]> {
    let bytes = proof.to_uncompressed_bytes();
    bytes.as_chunks::<32>().0.to_vec()
}

/// The fixture's key pair, so that other inputs can be proved.
fn toy() -> Toy {
    Toy::new(6, 100)
}

const PROOF_INVALID: [u8; 4] = [0x7f, 0xcd, 0xd1, 0xf4];
const INPUT_NOT_CANONICAL: [u8; 4] = [0x14, 0xce, 0x44, 0xf9];
const ALREADY_CLAIMED: [u8; 4] = [0xb3, 0x16, 0x7b, 0xfa];
const NOT_TODAY: [u8; 4] = [0x7c, 0x12, 0x6b, 0x56];
const WRONG_RECORD: [u8; 4] = [0x94, 0x22, 0xc4, 0x4e];
const NOT_REGISTRAR: [u8; 4] = [0x2a, 0xd9, 0x53, 0x51];
const NOT_A_FIELD_ELEMENT: [u8; 4] = [0xea, 0xc0, 0xb3, 0xd9];
const VERIFY: &str = "verify(uint256[8],uint256[6])";
const CLAIM: &str = "claim(uint256[8],uint256,uint256,uint256,bytes32)";

/// The contract in the fixtures is what the library writes for the key in the fixtures.
#[test]
fn the_source_is_pinned() {
    let key = snarkjs::read_key(&fixture("vk/good/verification_key.json")).unwrap();
    let source = solidity::gate(&key).unwrap();
    assert_eq!(source.as_bytes(), fixture("evm/EligibilityGate.sol"));
    assert_eq!(key, toy().key());
}

struct Verifier {
    chain: Chain,
    at: [u8; 20],
    code: Code,
}

impl Verifier {
    fn new() -> Self {
        let mut chain = Chain::new(1, NOON);
        let code = Code::of("Groth16Verifier");
        let at = chain.create(DEPLOYER, code.creation()).unwrap();
        Self { chain, at, code }
    }

    fn verify(&mut self, words: &[[u8; 32]]) -> Outcome {
        let data = self.code.call(VERIFY, words);
        self.chain.call(ALICE, self.at, data)
    }
}

#[test]
fn the_fixture_verifies_at_its_price() {
    let mut verifier = Verifier::new();
    let proof = snarkjs::read_proof(&fixture("vk/good/proof.json")).unwrap();
    let inputs = snarkjs::read_public(&fixture("vk/good/public.json")).unwrap();
    let words = [
        proof_words(&proof),
        inputs.iter().map(to_be_bytes).collect(),
    ]
    .concat();
    match verifier.verify(&words) {
        Outcome::Returned { output, gas, .. } => {
            assert!(output.is_empty());
            println!("verify: {gas} gas, floor {FLOOR_GAS}");
            assert_eq!(gas, VERIFY_GAS);
        }
        other => panic!("{other:?}"),
    }
    let digest = verifier.code.call("KEY_DIGEST()", &[]);
    match verifier.chain.call(ALICE, verifier.at, digest) {
        Outcome::Returned { output, .. } => assert_eq!(output, toy().key().digest().0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_tampered_reverts() {
    let mut verifier = Verifier::new();
    let mut toy = toy();
    let inputs = toy::inputs().to_field_elements();
    let proof = proof_words(&toy.prove(&inputs));
    let inputs: Vec<[u8; 32]> = inputs.iter().map(to_be_bytes).collect();
    let words = [proof.clone(), inputs.clone()].concat();
    assert!(verifier.verify(&words).returned());

    for i in 0..14 {
        for change in [1, 0x80] {
            let mut bent = words.clone();
            bent[i][31] ^= change;
            assert_eq!(
                verifier.verify(&bent).selector(),
                Some(PROOF_INVALID),
                "{i}"
            );
        }
        let mut zero = words.clone();
        zero[i] = [0; 32];
        assert_eq!(
            verifier.verify(&zero).selector(),
            Some(PROOF_INVALID),
            "{i}"
        );
    }
    for i in 0..6 {
        for bad in [plus_r(&inputs[i]), plus_r(&[0; 32]), [0xff; 32]] {
            let mut bent = words.clone();
            bent[8 + i] = bad;
            let expected = [&INPUT_NOT_CANONICAL[..], &word(i as u64)].concat();
            assert_eq!(verifier.verify(&bent), Outcome::Reverted(expected));
        }
        let mut swapped = words.clone();
        swapped.swap(8 + i, 8 + (i + 1) % 6);
        assert_eq!(verifier.verify(&swapped).selector(), Some(PROOF_INVALID));
    }
    // Identities: A and C, B, all.
    for range in [0..2, 6..8, 2..6, 0..8] {
        let mut zero = words.clone();
        zero[range].fill([0; 32]);
        assert_eq!(verifier.verify(&zero).selector(), Some(PROOF_INVALID));
    }
    // Coordinates from the modulus on, which the precompiled contracts refuse.
    for i in 0..8 {
        let mut long = words.clone();
        long[i] = [0xff; 32];
        assert_eq!(verifier.verify(&long).selector(), Some(PROOF_INVALID));
    }
    assert_eq!(
        verifier.verify(&words[..13]),
        Outcome::Reverted(vec![]),
        "call data cut short"
    );
}

/// The call data kept for a real node.
#[test]
fn the_kept_claim_is_accepted() {
    let kept: Value = serde_json::from_slice(&fixture("evm/claim.json")).unwrap();
    let bytes = |name: &str| unhex(kept[name].as_str().unwrap().strip_prefix("0x").unwrap());
    let account: [u8; 20] = bytes("account").try_into().unwrap();
    let mut chain = Chain::new(
        kept["chainId"].as_u64().unwrap(),
        kept["timestamp"].as_u64().unwrap(),
    );
    let creation = [
        Code::of("EligibilityGate").creation(),
        bytes("constructorArguments"),
    ]
    .concat();
    let at = chain.create(account, creation).unwrap();
    assert_eq!(at.to_vec(), bytes("contract"));
    assert!(chain.call(account, at, bytes("callData")).returned());
    let again = chain.call(account, at, bytes("callData"));
    assert_eq!(again.selector(), Some(ALREADY_CLAIMED));
}

/// Honest and bent proofs: natively and on the EVM, the same.
#[test]
fn agrees_with_the_native_verifier() {
    let mut verifier = Verifier::new();
    let mut toy = toy();
    let key = toy.prepared();
    for round in 0..12u64 {
        let mut inputs: Vec<Fr> = (0..6).map(|i| -Fr::from(round * 7 + i)).collect();
        let mut proof = toy.prove(&inputs);
        match round % 4 {
            1 => inputs[(round % 6) as usize] += Fr::from(round),
            2 => proof = Proof::new(-*proof.a(), *proof.b(), *proof.c()).unwrap(),
            3 => {
                // (-A, -B) proves the same.
                proof = Proof::new(-*proof.a(), -*proof.b(), *proof.c()).unwrap();
            }
            _ => {}
        }
        let words = [
            proof_words(&proof),
            inputs.iter().map(to_be_bytes).collect(),
        ]
        .concat();
        let native = verify_inputs(&key, &proof, &inputs).is_ok();
        assert_eq!(verifier.verify(&words).returned(), native, "{round}");
        assert_eq!(native, round % 4 == 0 || round % 4 == 3);
    }
}

struct Gate {
    chain: Chain,
    chain_id: u64,
    at: [u8; 20],
    code: Code,
    toy: Toy,
}

impl Gate {
    fn new(chain_id: u64, registrar: [u8; 20]) -> Self {
        let mut chain = Chain::new(chain_id, NOON);
        let code = Code::of("EligibilityGate");
        let arguments = [word(1001), word(1002), address(registrar)].concat();
        let creation = [code.creation(), arguments].concat();
        let at = chain.create(DEPLOYER, creation).unwrap();
        Self {
            chain,
            chain_id,
            at,
            code,
            toy: toy(),
        }
    }

    /// What `claimant` has to prove.
    fn inputs(&self, claimant: [u8; 20], sealed: u64, nullifier: u64) -> PublicInputs {
        PublicInputs {
            requirement: Requirement::from_field(Fr::from(1001)),
            issuers: IssuersRoot::from_field(Fr::from(1002)),
            nullifier: Nullifier::from_field(Fr::from(nullifier)),
            sealed: Sealed::from_field(Fr::from(sealed)),
            today: Day::from_unix(NOON).unwrap(),
            context: solidity::context(self.chain_id, &self.at, &claimant, &[7; 32]),
        }
    }

    fn prove(&mut self, inputs: &PublicInputs) -> Proof {
        self.toy.prove(&inputs.to_field_elements())
    }

    fn claim(&mut self, from: [u8; 20], proof: &Proof, inputs: &PublicInputs) -> Outcome {
        self.claim_with(from, proof, inputs, [7; 32])
    }

    fn claim_with(
        &mut self,
        from: [u8; 20],
        proof: &Proof,
        inputs: &PublicInputs,
        grant: [u8; 32],
    ) -> Outcome {
        let mut words = proof_words(proof);
        let today = inputs.today.to_field();
        words.extend([
            inputs.nullifier.to_bytes(),
            inputs.sealed.to_bytes(),
            to_be_bytes(&today),
            grant,
        ]);
        let data = self.code.call(CLAIM, &words);
        self.chain.call(from, self.at, data)
    }

    fn register(&mut self, from: [u8; 20], sealed: u64) -> Outcome {
        let data = self.code.call("register(uint256)", &[word(sealed)]);
        self.chain.call(from, self.at, data)
    }

    fn view(&mut self, method: &str, words: &[[u8; 32]]) -> Vec<u8> {
        let data = self.code.call(method, words);
        match self.chain.call(ALICE, self.at, data) {
            Outcome::Returned { output, .. } => output,
            other => panic!("{other:?}"),
        }
    }
}

/// Whether it reverted with this error.
fn with(outcome: &Outcome, error: [u8; 4]) -> bool {
    outcome.selector() == Some(error)
}

#[test]
fn a_count_claim_counts_once() {
    let mut gate = Gate::new(1, [0; 20]);
    let inputs = gate.inputs(ALICE, 0, 5);
    let proof = gate.prove(&inputs);
    match gate.claim(ALICE, &proof, &inputs) {
        Outcome::Returned { gas, topics, .. } => {
            println!("claim: {gas} gas");
            assert_eq!(gas, CLAIM_GAS);
            assert_eq!(topics.len(), 1);
            assert_eq!(topics[0][1..], [word(5), word(0)]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(gate.view("claimed(uint256)", &[word(5)]), word(1));
    // Again, with another proof of the same.
    let again = gate.prove(&inputs);
    assert!(with(&gate.claim(ALICE, &again, &inputs), ALREADY_CLAIMED));
    // The same person from another account: the nullifier is the person's.
    let inputs = gate.inputs(MALLORY, 0, 5);
    let other = gate.prove(&inputs);
    assert!(with(&gate.claim(MALLORY, &other, &inputs), ALREADY_CLAIMED));
    let inputs = gate.inputs(MALLORY, 0, 6);
    let other = gate.prove(&inputs);
    assert!(gate.claim(MALLORY, &other, &inputs).returned());
}

#[test]
fn a_copied_proof_is_worthless() {
    let mut gate = Gate::new(1, [0; 20]);
    let inputs = gate.inputs(ALICE, 0, 5);
    let proof = gate.prove(&inputs);
    assert_eq!(
        gate.claim(MALLORY, &proof, &inputs).selector(),
        Some(PROOF_INVALID)
    );
    let other_grant = gate.claim_with(ALICE, &proof, &inputs, [8; 32]);
    assert_eq!(other_grant.selector(), Some(PROOF_INVALID));
    // On another chain, and at another contract of the same chain.
    let mut elsewhere = Gate::new(2, [0; 20]);
    assert_eq!(
        elsewhere.claim(ALICE, &proof, &inputs).selector(),
        Some(PROOF_INVALID)
    );
    let arguments = [word(1001), word(1002), address([0; 20])].concat();
    let creation = [gate.code.creation(), arguments].concat();
    let first = gate.at;
    gate.at = gate.chain.create(DEPLOYER, creation).unwrap();
    assert_ne!(gate.at, first);
    assert_eq!(
        gate.claim(ALICE, &proof, &inputs).selector(),
        Some(PROOF_INVALID)
    );
    // Nothing of this used up the claim.
    gate.at = first;
    assert!(gate.claim(ALICE, &proof, &inputs).returned());
}

#[test]
fn the_day_is_the_blocks_or_the_one_before() {
    let mut gate = Gate::new(1, [0; 20]);
    let inputs = gate.inputs(ALICE, 0, 5);
    let proof = gate.prove(&inputs);
    for wrong in [NOON - DAY_S, NOON + 2 * DAY_S] {
        gate.chain.time_s = wrong;
        assert!(
            with(&gate.claim(ALICE, &proof, &inputs), NOT_TODAY),
            "{wrong}"
        );
    }
    // A day that the proof does not say.
    gate.chain.time_s = NOON + 2 * DAY_S;
    let mut later = inputs;
    later.today = Day::from_unix(NOON + 2 * DAY_S).unwrap();
    assert_eq!(
        gate.claim(ALICE, &proof, &later).selector(),
        Some(PROOF_INVALID)
    );
    gate.chain.time_s = NOON + DAY_S;
    assert!(gate.claim(ALICE, &proof, &inputs).returned());
}

#[test]
fn sales_name_registered_records() {
    let mut gate = Gate::new(1, REGISTRAR);
    let inputs = gate.inputs(ALICE, 77, 5);
    let proof = gate.prove(&inputs);
    assert!(
        with(&gate.claim(ALICE, &proof, &inputs), WRONG_RECORD),
        "not registered"
    );
    assert!(
        with(&gate.register(ALICE, 77), NOT_REGISTRAR),
        "not the registrar"
    );
    assert!(
        with(&gate.register(REGISTRAR, 0), NOT_A_FIELD_ELEMENT),
        "0 names no record"
    );
    assert!(gate.register(REGISTRAR, 77).returned());
    let mut none = inputs;
    none.sealed = Sealed::NONE;
    assert!(with(&gate.claim(ALICE, &proof, &none), WRONG_RECORD));
    assert!(gate.register(REGISTRAR, 78).returned());
    let mut other = inputs;
    other.sealed = Sealed::from_field(Fr::from(78));
    assert_eq!(
        gate.claim(ALICE, &proof, &other).selector(),
        Some(PROOF_INVALID)
    );
    assert!(gate.claim(ALICE, &proof, &inputs).returned());

    let mut counts = Gate::new(1, [0; 20]);
    let inputs = counts.inputs(ALICE, 77, 5);
    let proof = counts.prove(&inputs);
    assert!(
        with(&counts.claim(ALICE, &proof, &inputs), WRONG_RECORD),
        "a count names no record"
    );
    let zero = counts.register([0; 20], 77);
    assert!(zero.returned(), "an account nobody has");
}

/// The nullifier plus the modulus would be another key of the mapping and the same to the proof.
#[test]
fn a_wrapped_nullifier_is_no_second_claim() {
    let mut gate = Gate::new(1, [0; 20]);
    let inputs = gate.inputs(ALICE, 0, 5);
    let proof = gate.prove(&inputs);
    assert!(gate.claim(ALICE, &proof, &inputs).returned());
    let mut words = proof_words(&proof);
    let today = to_be_bytes(&inputs.today.to_field());
    words.extend([plus_r(&word(5)), word(0), today, [7; 32]]);
    let data = gate.code.call(CLAIM, &words);
    let outcome = gate.chain.call(ALICE, gate.at, data);
    assert_eq!(outcome.selector(), Some(INPUT_NOT_CANONICAL));
}

#[test]
fn contexts_and_days_agree_with_the_library() {
    for chain_id in [1, 137, u64::MAX] {
        let mut gate = Gate::new(chain_id, REGISTRAR);
        let output = gate.view("context(address,bytes32)", &[address(ALICE), [9; 32]]);
        let context: Context = solidity::context(chain_id, &gate.at, &ALICE, &[9; 32]);
        assert_eq!(output, context.to_bytes());
    }
    let mut gate = Gate::new(1, REGISTRAR);
    let days = (0..160u64).map(|i| i * 1_000_003 * 97 % 15_000_000_000);
    let edges = [
        0,
        86_399,
        86_400,
        951_782_400,
        951_868_800,
        4_107_542_399,
        4_107_542_400,
    ];
    for time_s in days.chain(edges) {
        let output = gate.view("civilDay(uint256)", &[word(time_s)]);
        assert_eq!(
            output,
            word(u64::from(Day::from_unix(time_s).unwrap().number())),
            "{time_s}"
        );
    }
}
