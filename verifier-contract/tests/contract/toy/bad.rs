//! Verifying keys that must be refused, each with a proof that shows why: stock `ark_groth16`
//! accepts it although nobody knows a witness, or for inputs that were not proved.

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use eligo_verifier_contract::{KeyParts, Proof};

use super::{Toy, combined, inputs};

/// A bad key, a proof, and public inputs for which stock verification accepts it.
pub struct Bad {
    pub name: &'static str,
    pub key: KeyParts,
    pub proof: Proof,
    pub inputs: Vec<Fr>,
}

pub fn all() -> Vec<Bad> {
    vec![
        gamma_is_delta(),
        gamma_is_minus_delta(),
        beta_is_gamma(),
        beta_is_delta(),
        identity_base(),
        same_bases(),
        untouched_ceremony(),
    ]
}

fn sound() -> KeyParts {
    Toy::new(6, 7).parts()
}

/// `e(A, B) = e(alpha, beta) e(X + C, gamma)`: A = alpha, B = beta, C = -X.
pub fn gamma_is_delta() -> Bad {
    let mut key = sound();
    key.delta = key.gamma;
    let inputs = inputs().to_field_elements().to_vec();
    let proof = Proof::new(key.alpha, key.beta, -combined(&key, &inputs)).unwrap();
    Bad {
        name: "gamma_is_delta",
        key,
        proof,
        inputs,
    }
}

fn gamma_is_minus_delta() -> Bad {
    let mut key = sound();
    key.delta = -key.gamma;
    let inputs = inputs().to_field_elements().to_vec();
    let proof = Proof::new(key.alpha, key.beta, combined(&key, &inputs)).unwrap();
    Bad {
        name: "gamma_is_minus_delta",
        key,
        proof,
        inputs,
    }
}

/// `e(A, B) = e(alpha + X, gamma) e(C, delta)`: A = alpha + X, B = gamma + delta, C = A.
fn beta_is_gamma() -> Bad {
    let mut key = sound();
    key.beta = key.gamma;
    let inputs = inputs().to_field_elements().to_vec();
    let a: G1Affine = (key.alpha + combined(&key, &inputs)).into();
    let b: G2Affine = (key.gamma + key.delta).into();
    let proof = Proof::new(a, b, a).unwrap();
    Bad {
        name: "beta_is_gamma",
        key,
        proof,
        inputs,
    }
}

/// `e(A, B) = e(alpha + C, delta) e(X, gamma)`: A = X, B = gamma, C = -alpha.
fn beta_is_delta() -> Bad {
    let mut key = sound();
    key.beta = key.delta;
    let inputs = inputs().to_field_elements().to_vec();
    let proof = Proof::new(combined(&key, &inputs), key.gamma, -key.alpha).unwrap();
    Bad {
        name: "beta_is_delta",
        key,
        proof,
        inputs,
    }
}

/// The nullifier's base is the identity: an honest proof for nullifier 0 holds for every other.
fn identity_base() -> Bad {
    let mut toy = Toy::new(6, 8);
    let mut inputs = inputs().to_field_elements().to_vec();
    inputs[2] = Fr::from(0);
    let proof = toy.prove(&inputs);
    let mut key = toy.parts();
    key.ic[3] = G1Affine::identity();
    inputs[2] = Fr::from(666);
    Bad {
        name: "identity_base",
        key,
        proof,
        inputs,
    }
}

/// Two bases are equal: their inputs can be exchanged. (Made by a statement that uses only their
/// sum, as a careless compiler might.)
fn same_bases() -> Bad {
    let mut toy = Toy::new(6, 9);
    let mut inputs = inputs().to_field_elements().to_vec();
    let (nullifier, sealed) = (inputs[2], inputs[3]);
    inputs[2] = nullifier + sealed;
    inputs[3] = Fr::from(0);
    let proof = toy.prove(&inputs);
    let mut key = toy.parts();
    key.ic[4] = key.ic[3];
    (inputs[2], inputs[3]) = (sealed, nullifier);
    Bad {
        name: "same_bases",
        key,
        proof,
        inputs,
    }
}

/// Powers of tau that nobody contributed to: tau = alpha = beta = delta = 1. Every quotient of the
/// statement vanishes and with it every input base. A = C = 5 and B = 1 satisfy
/// `A B = alpha beta + X gamma + C delta` with X = -1.
pub fn untouched_ceremony() -> Bad {
    let (one, two) = (G1Affine::generator(), G2Affine::generator());
    let mut ic = vec![G1Affine::identity(); 7];
    ic[0] = -one;
    let key = KeyParts {
        alpha: one,
        beta: two,
        gamma: two,
        delta: two,
        ic,
    };
    let five: G1Affine = (one * Fr::from(5)).into();
    let proof = Proof::new(five, two, five).unwrap();
    let inputs = inputs().to_field_elements().to_vec();
    Bad {
        name: "untouched_ceremony",
        key,
        proof,
        inputs,
    }
}
