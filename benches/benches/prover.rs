//! Where a proof's time goes, against stock `ark_groth16` in the same run: `cargo bench -p eligo-benches --bench prover`.
//! With `-- --summary` one line of JSON, with `-- --steps` a table of what each step takes; the figures are medians.
//! `ELIGO_KERNEL=portable` leaves the processor's vector instructions out.

#![allow(missing_docs, clippy::expect_used)]

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Projective};
use ark_ec::VariableBaseMSM;
use ark_ff::{BigInt, PrimeField};
use ark_groth16::{
    Groth16,
    r1cs_to_qap::{LibsnarkReduction, R1CSToQAP},
};
use ark_poly::GeneralEvaluationDomain;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystem, R1CS_PREDICATE_LABEL};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use ark_snark::SNARK;
use criterion::Criterion;
use eligo_benches::{Circuit, median_ms};
use eligo_circuits::{
    groth16::{KeyDigest, Phases, ProvingKey, Synthesizer, Work},
    r1cs::{Matrix, R1cs},
};
use eligo_verifier_contract::{
    batch::{Entry, verify_batch},
    key::{KeyParts, PreparedKey, VerifyingKey},
    proof::Proof,
    verify::verify_inputs,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

const REPETITIONS: usize = 15;

fn main() {
    if std::env::args().any(|argument| argument == "--summary") {
        println!("{}", summary());
        return;
    }
    if std::env::args().any(|argument| argument == "--steps") {
        steps();
        return;
    }
    if let Some(folder) = std::env::args().skip_while(|a| a != "--cold").nth(1) {
        cold(folder.as_ref());
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    for name in ["r64", "r1000", "r1000-all"] {
        let circuit = reference(name);
        let assign = || circuit.scenario.assign();
        criterion.bench_function(&format!("{name}/witness"), |b| b.iter(assign));
        compare(&mut criterion, name, &circuit.system, &circuit.assignment);
    }
    let (system, z) = chain((1 << 17) / 3);
    compare(&mut criterion, "chain-2^17", &system, &z);
}

fn reference(name: &str) -> Circuit {
    Circuit::reference(name).expect("reference requirements ship with the fixtures")
}

fn compare(criterion: &mut Criterion, name: &str, system: &R1cs, z: &[Fr]) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let key = ProvingKey::generate(system.clone(), &mut rng);
    let (mut file, mut compressed) = (Vec::new(), Vec::new());
    key.write(&mut file).expect("a vector takes all");
    key.write_compressed(&mut compressed)
        .expect("a vector takes all");
    let digest = key.digest();
    key.prepare();
    println!(
        "{name}: {} constraints, {} columns, key {} bytes, compressed {}",
        system.constraints(),
        system.columns(),
        file.len(),
        compressed.len()
    );
    println!("  {:?}", key.measure(z).expect("the claim is true"));

    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300));
    group.bench_function("set-up", |b| {
        b.iter(|| ProvingKey::generate(system.clone(), &mut rng))
    });
    group.bench_function("load, pinned", |b| {
        b.iter(|| ProvingKey::read_pinned(&file, &digest).expect("the file is whole"));
    });
    group.bench_function("load, checked", |b| {
        b.iter(|| ProvingKey::read_checked(&file).expect("the file is whole"));
    });
    group.bench_function("load and prove", |b| {
        b.iter(|| {
            let key = ProvingKey::read_pinned(&file, &digest).expect("the file is whole");
            key.prove(z, &mut rng).expect("the claim is true")
        });
    });
    group.bench_function("prove", |b| {
        b.iter(|| key.prove(z, &mut rng).expect("the claim is true"))
    });
    group.bench_function("prove, constant work", |b| {
        b.iter(|| {
            key.prove_with(Work::Constant, z, &mut rng)
                .expect("the claim is true")
        });
    });
    let (stock, _) = Groth16::<Bn254>::circuit_specific_setup(Synthesizer::new(system), &mut rng)
        .expect("the circuit has a key");
    group.bench_function("prove, ark-groth16", |b| {
        b.iter(|| {
            let claim = Synthesizer::with_assignment(system, z);
            Groth16::<Bn254>::prove(&stock, claim, &mut rng).expect("the claim is true")
        });
    });
    group.finish();
}

/// What each step takes, one after another on all cores, ours beside arkworks'.
fn steps() {
    println!("| circuit | step | ark-groth16, ms | eligo, ms | ratio |");
    println!("| --- | --- | --- | --- | --- |");
    for name in ["r64", "r1000", "r1000-all"] {
        let circuit = reference(name);
        steps_of(name, &circuit.system, &circuit.assignment, Some(&circuit));
    }
    let (system, z) = chain((1 << 17) / 3);
    steps_of("chain-2^17", &system, &z, None);
}

fn steps_of(name: &str, system: &R1cs, z: &[Fr], circuit: Option<&Circuit>) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (stock, _) = Groth16::<Bn254>::circuit_specific_setup(Synthesizer::new(system), &mut rng)
        .expect("the circuit has a key");
    let key = ProvingKey::generate(system.clone(), &mut rng);
    key.prepare();
    let mut file = Vec::new();
    key.write(&mut file).expect("a vector takes all");
    let digest = key.digest();

    let synthesize = || {
        let cs = ConstraintSystem::<Fr>::new_ref();
        Synthesizer::with_assignment(system, z)
            .generate_constraints(cs.clone())
            .expect("the claim is true");
        cs.finalize();
        let matrices = cs.to_matrices().expect("a system has matrices");
        (cs, matrices)
    };
    let (cs, matrices) = synthesize();
    let matrices = &matrices[R1CS_PREDICATE_LABEL];
    let instance = cs.num_instance_variables();
    let quotient = || {
        LibsnarkReduction::witness_map_from_matrices::<Fr, GeneralEvaluationDomain<Fr>>(
            matrices,
            instance,
            cs.num_constraints(),
            z,
        )
        .expect("the domain is large enough")
    };
    let h: Vec<_> = quotient().into_iter().map(Fr::into_bigint).collect();
    let z_integers: Vec<_> = z.iter().map(|x| x.into_bigint()).collect();
    let witness = &z_integers[instance..];

    let mut phases: Vec<Phases> = (0..REPETITIONS)
        .map(|_| key.measure(z).expect("the claim is true"))
        .collect();
    let mut ours = |step: fn(&Phases) -> Duration| {
        phases.sort_by_key(step);
        step(&phases[REPETITIONS / 2]).as_secs_f64() * 1e3
    };
    let g1 = |bases: &[G1Affine], scalars: &[BigInt<4>]| {
        median(|| G1Projective::msm_bigint(bases, scalars))
    };
    let print = |step: &str, stock: Option<f64>, ours: f64| match stock {
        Some(stock) if ours == 0.0 => println!("| {name} | {step} | {stock:.1} | none | |"),
        Some(stock) => {
            let ratio = stock / ours;
            println!("| {name} | {step} | {stock:.1} | {ours:.1} | {ratio:.1} |");
        }
        None => println!("| {name} | {step} | - | {ours:.1} | |"),
    };
    if let Some(circuit) = circuit {
        print("witness", None, median(|| circuit.scenario.assign()));
    }
    print("synthesis and matrices", Some(median(synthesize)), 0.0);
    let transforms = ours(|p| p.matrices) + ours(|p| p.transforms);
    print(
        "matrix products and transforms",
        Some(median(quotient)),
        transforms,
    );
    print(
        "product A in G1",
        Some(g1(&stock.a_query, &z_integers)),
        ours(|p| p.split + p.a),
    );
    print(
        "product B in G1",
        Some(g1(&stock.b_g1_query, &z_integers)),
        0.0,
    );
    let b = median(|| G2Projective::msm_bigint(&stock.b_g2_query, &z_integers));
    print("product B in G2", Some(b), ours(|p| p.b));
    print(
        "product L in G1",
        Some(g1(&stock.l_query, witness)),
        ours(|p| p.l),
    );
    print(
        "product H in G1",
        Some(g1(&stock.h_query, &h)),
        ours(|p| p.h),
    );
    let claim = || Synthesizer::with_assignment(system, z);
    let whole =
        median(|| Groth16::<Bn254>::prove(&stock, claim(), &mut rng).expect("the claim is true"));
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let proof = median(|| key.prove(z, &mut rng).expect("the claim is true"));
    print("a whole proof, warm key", Some(whole), proof);
    let constant = median(|| {
        key.prove_with(Work::Constant, z, &mut rng)
            .expect("the claim is true")
    });
    print("a whole proof, constant work", Some(whole), constant);
    let load = median(|| ProvingKey::read_pinned(&file, &digest).expect("the file is whole"));
    print("loading the key, pinned", None, load);
    let check = median(|| ProvingKey::read_checked(&file).expect("the file is whole"));
    print("loading the key, every point checked", None, check);
    let folder = cold_files(&stock, &file, &digest, z);
    let cold = |prover: &str| {
        median_ms(
            (0..5)
                .map(|_| cold_process(folder.path(), prover))
                .collect(),
        )
    };
    print(
        "a cold process, start to proof",
        Some(cold("stock")),
        cold("eligo"),
    );
    let consistency = median(|| key.check_consistency(&mut rng).expect("an honest key"));
    print("checking every element of the key", None, consistency);
    let setup = || {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        Groth16::<Bn254>::circuit_specific_setup(Synthesizer::new(system), &mut rng)
    };
    let stock_setup = median_of(3, setup);
    let setup = median(|| ProvingKey::generate(system.clone(), &mut rng));
    print("set-up", Some(stock_setup), setup);
}

/// What a process needs to prove: both keys, and the assignment.
fn cold_files(
    stock: &ark_groth16::ProvingKey<Bn254>,
    key: &[u8],
    digest: &KeyDigest,
    z: &[Fr],
) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut stock_file, mut witness) = (Vec::new(), Vec::new());
    stock
        .serialize_uncompressed(&mut stock_file)
        .and_then(|()| z.serialize_uncompressed(&mut witness))
        .expect("a vector takes all");
    let digest = digest.to_string();
    for (name, bytes) in [
        ("eligo", key),
        ("digest", digest.as_bytes()),
        ("stock", &stock_file),
        ("witness", &witness),
    ] {
        std::fs::write(folder.path().join(name), bytes).expect("a writable folder");
    }
    folder
}

/// From the start of a process to its end with a proof. What the stock prover's process takes to get the
/// matrices, which its key does not carry, is left out.
fn cold_process(folder: &Path, prover: &str) -> Duration {
    let program = std::env::current_exe().expect("this program");
    let started = Instant::now();
    let output = Command::new(program)
        .arg("--cold")
        .arg(folder)
        .env("ELIGO_COLD", prover)
        .output()
        .expect("this program runs");
    let elapsed = started.elapsed();
    let printed = String::from_utf8_lossy(&output.stdout);
    let left_out: f64 = printed.trim().parse().expect("a time");
    elapsed.saturating_sub(Duration::from_secs_f64(left_out))
}

/// One proof in a process of its own; prints the seconds to leave out.
fn cold(folder: &Path) {
    let read = |name: &str| std::fs::read(folder.join(name)).expect("a file of the parent's");
    let key = || {
        let pinned = String::from_utf8_lossy(&read("digest")).parse::<KeyDigest>();
        ProvingKey::read_pinned(&read("eligo"), &pinned.expect("a digest"))
            .expect("the file is whole")
    };
    let witness = || {
        Vec::<Fr>::deserialize_uncompressed_unchecked(&read("witness")[..]).expect("the witness")
    };
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    if std::env::var("ELIGO_COLD").is_ok_and(|prover| prover == "stock") {
        let started = Instant::now();
        let system = key().system().clone();
        let left_out = started.elapsed();
        let stock = ark_groth16::ProvingKey::<Bn254>::deserialize_uncompressed_unchecked(
            &read("stock")[..],
        )
        .expect("the file is whole");
        let z = witness();
        let claim = Synthesizer::with_assignment(&system, &z);
        Groth16::<Bn254>::prove(&stock, claim, &mut rng).expect("the claim is true");
        println!("{}", left_out.as_secs_f64());
    } else {
        key()
            .prove(&witness(), &mut rng)
            .expect("the claim is true");
        println!("0");
    }
}

/// x -> x^5 + 1, three constraints a step.
fn chain(length: usize) -> (R1cs, Vec<Fr>) {
    let one = Fr::from(1u64);
    let (mut a, mut b, mut c) = (Matrix::empty(), Matrix::empty(), Matrix::empty());
    let mut z = vec![one, Fr::from(0u64), Fr::from(3u64)];
    let mut x = vec![(2, one)];
    for _ in 0..length {
        let value: Fr = x.iter().map(|(k, v)| z[*k as usize] * v).sum();
        let column = z.len() as u32;
        let (square, fourth) = (value * value, value * value * value * value);
        for (left, right, product) in [
            (x.clone(), x.clone(), square),
            (vec![(column, one)], vec![(column, one)], fourth),
            (vec![(column + 1, one)], x.clone(), fourth * value),
        ] {
            a.push_row(left);
            b.push_row(right);
            c.push_row(vec![(z.len() as u32, one)]);
            z.push(product);
        }
        x = vec![(0, one), (column + 2, one)];
    }
    z[1] = x.iter().map(|(k, v)| z[*k as usize] * v).sum();
    a.push_row(x);
    b.push_row(vec![(0, one)]);
    c.push_row(vec![(1, one)]);
    let witness = z.len() as u32 - 2;
    (
        R1cs {
            instance: 2,
            witness,
            a,
            b,
            c,
        },
        z,
    )
}

/// The median time in milliseconds of several runs.
fn median<T>(run: impl FnMut() -> T) -> f64 {
    median_of(REPETITIONS, run)
}

fn median_of<T>(repetitions: usize, mut run: impl FnMut() -> T) -> f64 {
    let mut times = Vec::with_capacity(repetitions);
    for _ in 0..repetitions {
        let started = Instant::now();
        std::hint::black_box(run());
        times.push(started.elapsed());
    }
    median_ms(times)
}

fn summary() -> serde_json::Value {
    let mut figures = serde_json::Map::new();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    // Our figures first, and the peak of memory after them: stock's is not ours.
    for (name, circuit) in ["r64", "r1000", "r1000-all"].map(|name| (name, reference(name))) {
        let key = ProvingKey::generate(circuit.system.clone(), &mut rng);
        key.prepare();
        let set_up = peak_mb();
        let (system, z) = (&circuit.system, &circuit.assignment);
        let name = name.replace('-', "_");
        let ours = median(|| key.prove(z, &mut rng).expect("the claim is true"));
        eprintln!(
            "{name}: peak {set_up} MB after the set-up, {} MB after proofs",
            peak_mb()
        );
        figures.insert(format!("{name}_prove_ms"), ours.into());
        if name != "r1000_all" {
            let mut file = Vec::new();
            key.write(&mut file).expect("a vector takes all");
            figures.insert(format!("{name}_pk_bytes"), file.len().into());
        }
        if name == "r1000" {
            let setup = median(|| ProvingKey::generate(system.clone(), &mut rng));
            figures.insert("r1000_setup_ms".to_owned(), setup.into());
        }
    }
    figures.insert("peak_mb".to_owned(), peak_mb().into());
    let (single, batch) = verification(&reference("r64"), &mut rng);
    figures.insert("verify_ms".to_owned(), single.into());
    figures.insert("batch100_verify_ms_each".to_owned(), (batch / 100.0).into());
    for name in ["r64", "r1000", "r1000-all"] {
        let circuit = reference(name);
        let (system, z) = (&circuit.system, &circuit.assignment);
        let (key, _) = Groth16::<Bn254>::circuit_specific_setup(Synthesizer::new(system), &mut rng)
            .expect("the circuit has a key");
        let stock = median(|| {
            let claim = Synthesizer::with_assignment(system, z);
            Groth16::<Bn254>::prove(&key, claim, &mut rng).expect("the claim is true")
        });
        figures.insert(
            format!("stock_{}_prove_ms", name.replace('-', "_")),
            stock.into(),
        );
    }
    serde_json::Value::Object(figures)
}

/// One verification, and a batch of a hundred.
fn verification(circuit: &Circuit, rng: &mut ChaCha20Rng) -> (f64, f64) {
    let key = ProvingKey::generate(circuit.system.clone(), rng);
    let vk = key.verifying_key();
    let parts = KeyParts {
        alpha: vk.alpha_g1,
        beta: vk.beta_g2,
        gamma: vk.gamma_g2,
        delta: vk.delta_g2,
        ic: vk.gamma_abc_g1,
    };
    let prepared = PreparedKey::new(VerifyingKey::new(parts).expect("an honest key"));
    let inputs = &circuit.assignment[1..circuit.system.instance as usize];
    let proofs: Vec<Proof> = (0..100)
        .map(|_| {
            key.prove(&circuit.assignment, rng)
                .expect("the claim is true")
        })
        .map(|p| Proof::new(p.a, p.b, p.c).expect("an honest proof"))
        .collect();
    let entries: Vec<Entry<'_>> = proofs
        .iter()
        .map(|proof| Entry {
            key: &prepared,
            proof,
            inputs,
        })
        .collect();
    let single =
        median(|| verify_inputs(&prepared, &proofs[0], inputs).expect("the proof is valid"));
    let batch = median(|| verify_batch(&entries).expect("the proofs are valid"));
    (single, batch)
}

/// The process's largest resident size so far, in megabytes; 0 where the system does not say.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1000
}
