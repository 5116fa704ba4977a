//! A statement as small as can be, with the public inputs of the real one: each input is the
//! product of two witnesses. Keys and proofs of it are made by stock `ark_groth16`.
#![allow(dead_code, clippy::unwrap_used)] // Each program uses a part.

pub mod bad;
pub mod files;

use ark_bn254::{Bn254, Fr, G1Affine};
use ark_groth16::{Groth16, ProvingKey};
use ark_relations::{
    gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError},
    lc,
};
use ark_snark::SNARK;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use eligo_verifier_contract::{KeyParts, PreparedKey, Proof, PublicInputs, VerifyingKey};

/// Public inputs; none of them for set-up.
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

/// A key pair and the generator of everything random.
pub struct Toy {
    pub proving: ProvingKey<Bn254>,
    pub rng: StdRng,
}

impl Toy {
    /// Keys for a statement with so many public inputs.
    pub fn new(inputs: usize, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let circuit = Products {
            inputs: vec![Fr::from(1); inputs],
        };
        let proving =
            Groth16::<Bn254>::generate_random_parameters_with_reduction(circuit, &mut rng).unwrap();
        Self { proving, rng }
    }

    pub fn parts(&self) -> KeyParts {
        let vk = &self.proving.vk;
        KeyParts {
            alpha: vk.alpha_g1,
            beta: vk.beta_g2,
            gamma: vk.gamma_g2,
            delta: vk.delta_g2,
            ic: vk.gamma_abc_g1.clone(),
        }
    }

    pub fn key(&self) -> VerifyingKey {
        VerifyingKey::new(self.parts()).unwrap()
    }

    pub fn prepared(&self) -> PreparedKey {
        PreparedKey::new(self.key())
    }

    pub fn prove(&mut self, inputs: &[Fr]) -> Proof {
        let inputs = inputs.to_vec();
        let proof =
            Groth16::<Bn254>::prove(&self.proving, Products { inputs }, &mut self.rng).unwrap();
        Proof::new(proof.a, proof.b, proof.c).unwrap()
    }

    /// What stock `ark_groth16` says.
    pub fn stock_accepts(&self, proof: &Proof, inputs: &[Fr]) -> bool {
        stock_accepts(&self.parts(), proof, inputs)
    }
}

pub fn stock(proof: &Proof) -> ark_groth16::Proof<Bn254> {
    ark_groth16::Proof {
        a: *proof.a(),
        b: *proof.b(),
        c: *proof.c(),
    }
}

/// What stock `ark_groth16` says of a key that nobody linted.
pub fn stock_accepts(key: &KeyParts, proof: &Proof, inputs: &[Fr]) -> bool {
    let vk = ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: key.alpha,
        beta_g2: key.beta,
        gamma_g2: key.gamma,
        delta_g2: key.delta,
        gamma_abc_g1: key.ic.clone(),
    };
    Groth16::<Bn254>::verify(&vk, inputs, &stock(proof)).unwrap()
}

/// `IC_0 + sum x_i IC_i`.
pub fn combined(key: &KeyParts, inputs: &[Fr]) -> G1Affine {
    let bases = key.ic[1..].iter().zip(inputs);
    (bases
        .map(|(base, x)| *base * x)
        .sum::<ark_bn254::G1Projective>()
        + key.ic[0])
        .into()
}

/// Public inputs that tell their places apart.
pub fn inputs() -> PublicInputs {
    let numbers: Vec<Fr> = (0..6u64).map(|i| Fr::from(45_000 + 11 * i)).collect();
    PublicInputs::from_field_elements(&numbers).unwrap()
}
