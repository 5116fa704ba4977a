//! A prover of a statement as small as can be, with the public inputs of the real one: each input is the
//! product of two witnesses. Real Groth16 proofs by stock `ark_groth16`; the contract cannot tell.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use ark_bn254::{Bn254, Fr};
use ark_groth16::{Groth16, ProvingKey};
use ark_relations::{
    gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError},
    lc,
};
use ark_snark::SNARK;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use eligo_marketplace::issuer::IssuerKey;
use eligo_marketplace::scenario::Prover;
use eligo_verifier_contract::{
    KeyParts, Nullifier, Proof, PublicInputs, Requirement, VerifyingKey,
};

#[derive(Clone)]
struct Products {
    inputs: Vec<Fr>,
}

impl ConstraintSynthesizer<Fr> for Products {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        for input in self.inputs {
            let a = cs.new_witness_variable(|| Ok(Fr::from(2)))?;
            let b = cs.new_witness_variable(|| Ok(input / Fr::from(2)))?;
            let c = cs.new_input_variable(|| Ok(input))?;
            cs.enforce_r1cs_constraint(|| lc!() + a, || lc!() + b, || lc!() + c)?;
        }
        Ok(())
    }
}

#[derive(Debug)]
pub struct Toy {
    proving: ProvingKey<Bn254>,
    rng: StdRng,
    hospitals: u64,
}

impl Toy {
    pub fn new(hospitals: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(1);
        let inputs = vec![Fr::from(1); 6];
        let proving = Groth16::<Bn254>::generate_random_parameters_with_reduction(
            Products { inputs },
            &mut rng,
        )
        .unwrap();
        Self {
            proving,
            rng,
            hospitals,
        }
    }
}

pub fn proof(proof: ark_groth16::Proof<Bn254>) -> Proof {
    Proof::new(proof.a, proof.b, proof.c).unwrap()
}

impl Prover for Toy {
    fn verifying_key(&self) -> VerifyingKey {
        let vk = &self.proving.vk;
        VerifyingKey::new(KeyParts {
            alpha: vk.alpha_g1,
            beta: vk.beta_g2,
            gamma: vk.gamma_g2,
            delta: vk.delta_g2,
            ic: vk.gamma_abc_g1.clone(),
        })
        .unwrap()
    }

    fn issuers(&self) -> Vec<[u8; 32]> {
        (1..=self.hospitals)
            .map(|n| IssuerKey::multiple_of_base(n).to_bytes())
            .collect()
    }

    fn nullifier(&self, person: u64, requirement: Requirement) -> Nullifier {
        Nullifier::of(&Fr::from(person), requirement)
    }

    fn prove(&mut self, _person: u64, inputs: &PublicInputs) -> Proof {
        let inputs = inputs.to_field_elements().to_vec();
        proof(Groth16::<Bn254>::prove(&self.proving, Products { inputs }, &mut self.rng).unwrap())
    }
}

/// Another proof of the same statement, as anyone can make from a proof and the key.
pub fn rerandomised(toy: &Toy, proof: &Proof) -> Proof {
    let mut rng = StdRng::seed_from_u64(99);
    let stock = ark_groth16::Proof::<Bn254> {
        a: *proof.a(),
        b: *proof.b(),
        c: *proof.c(),
    };
    let other = Groth16::<Bn254>::rerandomize_proof(&toy.proving.vk, &stock, &mut rng);
    self::proof(other)
}
