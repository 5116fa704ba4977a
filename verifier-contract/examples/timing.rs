//! What verification costs: `cargo run --release -p eligo-verifier-contract --example timing`.
#![allow(clippy::unwrap_used)]

#[path = "../tests/contract/toy/mod.rs"]
mod toy;

use std::time::Instant;

use ark_bn254::{Bn254, Fr};
use ark_groth16::Groth16;
use ark_snark::SNARK;
use eligo_verifier_contract::{Entry, Proof, verify_batch, verify_inputs};

/// Milliseconds of the best of several runs.
fn best(runs: usize, mut work: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..runs).map(time).fold(f64::INFINITY, f64::min)
}

fn main() {
    let mut toy = toy::Toy::new(6, 1);
    let key = toy.prepared();
    let inputs = toy::inputs().to_field_elements().map(|x| x * -Fr::from(3));
    let proofs: Vec<Proof> = (0..100).map(|_| toy.prove(&inputs)).collect();
    let bytes = proofs[0].to_bytes();

    let vk = Groth16::<Bn254>::process_vk(&toy.proving.vk).unwrap();
    let stock = toy::stock(&proofs[0]);
    let line = |name: &str, ms: f64| println!("{name:<44}{ms:>9.3} ms");
    line(
        "stock ark_groth16, prepared key",
        best(30, || {
            assert!(Groth16::<Bn254>::verify_with_processed_vk(&vk, &inputs, &stock).unwrap());
        }),
    );
    line(
        "one proof",
        best(30, || {
            verify_inputs(&key, &proofs[0], &inputs).unwrap();
        }),
    );
    line(
        "decode and check a compressed proof",
        best(30, || {
            Proof::from_bytes(&bytes).unwrap();
        }),
    );
    let entry = |proof| Entry {
        key: &key,
        proof,
        inputs: &inputs,
    };
    let entries: Vec<Entry<'_>> = proofs.iter().map(entry).collect();
    for n in [2, 10, 100] {
        let ms = best(10, || verify_batch(&entries[..n]).unwrap());
        line(&format!("batch of {n}, each"), ms / n as f64);
    }
}
