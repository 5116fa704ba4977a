//! R64 and R1000: our prover against stock `ark_groth16`, the same circuit in the same run, each with its
//! own key. `cargo bench -p eligo-benches --bench proving`.

#![allow(missing_docs, clippy::expect_used)]

use std::time::{Duration, Instant};

use ark_bn254::Bn254;
use ark_groth16::Groth16;
use ark_snark::SNARK;
use criterion::{Criterion, criterion_group, criterion_main};
use eligo_benches::{Circuit, median_ms};
use eligo_circuits::groth16::{ProvingKey, Synthesizer};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

fn compare(c: &mut Criterion, name: &str) {
    let circuit = Circuit::reference(name).expect("reference requirements ship with the fixtures");
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let ours = ProvingKey::generate(circuit.system.clone(), &mut rng);
    let (stock, _) =
        Groth16::<Bn254>::circuit_specific_setup(Synthesizer::new(&circuit.system), &mut rng)
            .expect("the circuit has a key");

    let mut group = c.benchmark_group("proving");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(4));
    let mut times = [Vec::new(), Vec::new()];
    group.bench_function(format!("{name}/eligo"), |b| {
        b.iter_custom(|n| {
            let started = Instant::now();
            for _ in 0..n {
                let z = circuit.scenario.assign();
                ours.prove(&z, &mut rng).expect("the claim is true");
            }
            let elapsed = started.elapsed();
            times[0].push(elapsed / n as u32);
            elapsed
        });
    });
    group.bench_function(format!("{name}/ark-groth16"), |b| {
        b.iter_custom(|n| {
            let started = Instant::now();
            for _ in 0..n {
                let z = circuit.scenario.assign();
                let claim = Synthesizer::with_assignment(&circuit.system, &z);
                Groth16::<Bn254>::prove(&stock, claim, &mut rng).expect("the claim is true");
            }
            let elapsed = started.elapsed();
            times[1].push(elapsed / n as u32);
            elapsed
        });
    });
    group.finish();
    let [ours, stock] = times.map(median_ms);
    println!(
        "{name}: {} constraints, record to proof {ours:.1} ms, ark-groth16 {stock:.1} ms, ratio {:.2}\n",
        circuit.system.constraints(),
        stock / ours
    );
}

fn references(c: &mut Criterion) {
    for name in ["r64", "r1000"] {
        compare(c, name);
    }
}

criterion_group!(benches, references);
criterion_main!(benches);
