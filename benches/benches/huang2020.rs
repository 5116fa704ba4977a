//! Huang 2020, tables 3 and 4: key sizes, proof size and times for 100 to 1000 authenticated attributes,
//! beside the paper's rows. `cargo bench -p eligo-benches --bench huang2020`.
//!
//! The paper's inputs are all public to its circuit, so its proof and verifying key grow with them; ours
//! are committed to, so both stay constant. It is libsnark on an i7-4770, with 100 repetitions; ours runs
//! on this machine. The ratio is the paper's figure over ours.

#![allow(missing_docs, clippy::expect_used)]

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use eligo_benches::{Circuit, median_ms};
use eligo_circuits::{groth16::ProvingKey, verifying};
use eligo_verifier_contract::{PreparedKey, verify_inputs};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// Inputs, verifying key and proof in kilobytes. Proving key 15.3 MB and keys in about 16 s at every size.
const PAPER: [(usize, f64, f64); 5] = [
    (100, 3.5, 12.9),
    (250, 8.2, 31.6),
    (500, 16.0, 62.9),
    (750, 23.8, 94.1),
    (1000, 31.5, 125.4),
];
/// Key generation, proving and verification at 1000 inputs, in milliseconds.
const PAPER_1000: [f64; 3] = [16_300.0, 52_000.0, 614.0];

struct Row {
    inputs: usize,
    every: bool,
    constraints: usize,
    proving_key: usize,
    verifying_key: usize,
    keys_ms: f64,
    prove_ms: f64,
    verify_ms: f64,
}

fn measure(c: &mut Criterion, inputs: usize, every: bool) -> Row {
    let circuit = Circuit::attributes(inputs, every).expect("bench schemas ship with the records");
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let started = Instant::now();
    let key = ProvingKey::generate(circuit.system.clone(), &mut rng);
    let keys_ms = started.elapsed().as_secs_f64() * 1e3;
    let mut file = Vec::new();
    key.write(&mut file).expect("memory takes it");
    let checked = verifying::key(&key.verifying_key()).expect("a fresh key is safe");
    let verifying_key = checked.to_bytes().len();
    let prepared = PreparedKey::new(checked);
    let public = circuit.scenario.inputs.to_field_elements();

    let name = format!("{inputs}/{}", if every { "every" } else { "one" });
    let mut group = c.benchmark_group("huang2020");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(2));
    let mut proving = Vec::new();
    let mut proof = None;
    group.bench_function(format!("prove/{name}"), |b| {
        b.iter_custom(|n| {
            let started = Instant::now();
            for _ in 0..n {
                // As a patient does: the witness from the record, then the proof.
                let z = circuit.scenario.assign();
                proof = key.prove(&z, &mut rng).ok();
            }
            let elapsed = started.elapsed();
            proving.push(elapsed / n as u32);
            elapsed
        });
    });
    let proof =
        verifying::proof(&proof.expect("the claim is true")).expect("a fresh proof is sound");
    let mut verifying = Vec::new();
    group.bench_function(format!("verify/{name}"), |b| {
        b.iter_custom(|n| {
            let started = Instant::now();
            for _ in 0..n {
                verify_inputs(&prepared, &proof, &public).expect("the proof verifies");
            }
            let elapsed = started.elapsed();
            verifying.push(elapsed / n as u32);
            elapsed
        });
    });
    group.finish();
    Row {
        inputs,
        every,
        constraints: circuit.system.constraints(),
        proving_key: file.len(),
        verifying_key,
        keys_ms,
        prove_ms: median_ms(proving),
        verify_ms: median_ms(verifying),
    }
}

fn tables(c: &mut Criterion) {
    let rows: Vec<Row> = PAPER
        .iter()
        .flat_map(|(inputs, ..)| [(*inputs, false), (*inputs, true)])
        .map(|(inputs, every)| measure(c, inputs, every))
        .collect();
    println!(
        "\nHuang 2020, tables 3 and 4; in brackets the paper's figure and its ratio to ours\n"
    );
    println!(
        "| inputs | tested | constraints | proving key, MB | verifying key, KB | proof, bytes | keys, s | prove, ms | verify, ms |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for row in &rows {
        let Some((_, vk, proof)) = PAPER.iter().find(|p| p.0 == row.inputs) else {
            continue;
        };
        let beside = |ours: f64, paper: f64, digits: usize| {
            format!("{ours:.digits$} ({paper}, {:.0}x)", paper / ours)
        };
        let at_1000 = |ours: f64, paper: f64, digits: usize| match row.inputs {
            1000 => beside(ours, paper, digits),
            _ => format!("{ours:.digits$}"),
        };
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.inputs,
            if row.every { "every one" } else { "one" },
            row.constraints,
            beside(row.proving_key as f64 / 1e6, 15.3, 2),
            beside(row.verifying_key as f64 / 1e3, *vk, 2),
            beside(128.0, proof * 1e3, 0),
            beside(row.keys_ms / 1e3, PAPER_1000[0] / 1e3, 2),
            at_1000(row.prove_ms, PAPER_1000[1], 1),
            at_1000(row.verify_ms, PAPER_1000[2], 2),
        );
    }
    plot(&rows).expect("the folder for plots can be written");
}

/// `ELIGO_PLOTS=DIR` has the times and sizes drawn there, as SVG.
fn plot(rows: &[Row]) -> Result<(), Box<dyn std::error::Error>> {
    let Some(folder) = std::env::var_os("ELIGO_PLOTS").map(std::path::PathBuf::from) else {
        return Ok(());
    };
    std::fs::create_dir_all(&folder)?;
    draw(
        &folder.join("huang2020-prove.svg"),
        "Record to proof, ms",
        rows,
        |r| r.prove_ms,
    )?;
    draw(
        &folder.join("huang2020-keys.svg"),
        "Key generation, ms",
        rows,
        |r| r.keys_ms,
    )?;
    draw(
        &folder.join("huang2020-proving-key.svg"),
        "Proving key, MB",
        rows,
        |r| r.proving_key as f64 / 1e6,
    )?;
    Ok(())
}

fn draw(
    path: &std::path::Path,
    title: &str,
    rows: &[Row],
    value: impl Fn(&Row) -> f64,
) -> Result<(), Box<dyn std::error::Error>> {
    use plotters::prelude::*;
    let top = rows.iter().map(&value).fold(0.0, f64::max) * 1.1;
    let root = SVGBackend::new(path, (640, 400)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0usize..1050usize, 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc("attributes in the record")
        .draw()?;
    for (every, color, label) in [
        (false, &BLUE, "one tested"),
        (true, &RED, "every one tested"),
    ] {
        let points = rows.iter().filter(|r| r.every == every);
        let line = LineSeries::new(points.map(|r| (r.inputs, value(r))), color);
        let color = *color;
        chart
            .draw_series(line.point_size(3))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}

criterion_group!(benches, tables);
criterion_main!(benches);
