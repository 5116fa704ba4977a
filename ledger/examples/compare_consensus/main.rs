//! Compares consensus methods under one load, as n grows from 4 to 100.
//!
//! `cargo run --release -p eligo-ledger --example compare_consensus` writes `docs/consensus.md` and
//! its plots. PBFT is the real replica in the simulator; the delegated-stake schedule and proof of
//! work are models, in `models.rs`.

mod models;
mod plot;

use eligo_ledger::digest::Digest;
use eligo_ledger::height::{Epoch, Height, View};
use eligo_ledger::identity::{Domain, Kind, SecretKey, Statement};
use eligo_ledger::sim::Scenario;
use eligo_ledger::sim::world::{Seen, run_watched};
use eligo_ledger::wire::Wire;
use models::Cost;
use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

const SIZES: [u16; 9] = [4, 7, 10, 13, 19, 31, 49, 73, 100];

/// One method's costs at every n.
pub struct Series {
    name: &'static str,
    costs: Vec<(u16, Cost)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs");
    std::fs::create_dir_all(docs.join("img"))?;
    let verify_us = verification_us();
    let all: Vec<Series> = vec![
        series("PBFT (simulated replicas)", |n| pbft(n, verify_us)),
        series("delegated stake (model)", |n| {
            models::delegated_stake(n, verify_us)
        }),
        series("proof of work (model)", |n| {
            models::proof_of_work(n, verify_us)
        }),
    ];
    type Figure = (&'static str, &'static str, fn(&Cost) -> f64);
    let figures: [Figure; 4] = [
        ("messages", "messages a block", |c| c.messages),
        ("bytes", "kilobytes a block", |c| c.bytes / 1e3),
        ("cpu", "CPU ms a block, all nodes", |c| c.cpu_ms),
        ("finality", "seconds to finality", |c| c.finality_ms / 1e3),
    ];
    for (file, title, of) in figures {
        let path = docs.join("img").join(format!("consensus-{file}.svg"));
        plot::lines(&path, title, &all, of)?;
    }
    let text = document(&all, verify_us)?;
    std::fs::write(docs.join("consensus.md"), text)?;
    println!("wrote docs/consensus.md and docs/img/consensus-*.svg");
    Ok(())
}

fn series(name: &'static str, cost: impl Fn(u16) -> Cost) -> Series {
    let costs = SIZES.iter().map(|n| (*n, cost(*n))).collect();
    Series { name, costs }
}

/// The real replicas: per decided block, with all status messages and resends.
fn pbft(n: u16, verify_us: f64) -> Cost {
    let mut scenario = Scenario::quiet(u64::from(n), n);
    scenario.network.delay_ms = models::DELAY_MS;
    scenario.calm_delay_ms = models::DELAY_MS;
    scenario.request_ms = 2_000;
    scenario.clients = 2;
    scenario.requests = 6;
    let mut bytes = 0;
    let report = run_watched(&scenario, &mut |seen| {
        if let Seen::Delivered(message) = seen {
            bytes += message.to_wire().len();
        }
    });
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    let blocks = report.height.get().max(1) as f64;
    let answers = report.latencies_ms.len().max(1) as f64;
    Cost {
        messages: report.messages as f64 / blocks,
        bytes: bytes as f64 / blocks,
        cpu_ms: report.signed as f64 / blocks * verify_us / 1e3,
        finality_ms: report.latencies_ms.iter().sum::<u64>() as f64 / answers,
    }
}

/// What one signature check costs here, in microseconds.
fn verification_us() -> f64 {
    let key = SecretKey::from_seed([3; 32].into());
    let domain = Domain::new(Digest::ZERO);
    let statement = Statement {
        epoch: Epoch::new(0),
        kind: Kind::Commit,
        view: View::FIRST,
        height: Height::new(1),
        digest: Digest::ZERO,
    };
    let signature = domain.sign(&key, &statement);
    let (public, started) = (key.public(), Instant::now());
    let rounds = 2_000;
    let good = (0..rounds).filter(|_| domain.verify(&public, &statement, &signature));
    let good = good.count();
    assert_eq!(good, rounds);
    started.elapsed().as_secs_f64() * 1e6 / rounds as f64
}

fn document(all: &[Series], verify_us: f64) -> Result<String, std::fmt::Error> {
    let mut out = String::from(include_str!("preface.md"));
    writeln!(
        out,
        "One signature check took {verify_us:.0} µs in the run that wrote this page.\n"
    )?;
    for series in all {
        writeln!(out, "### {}\n", series.name)?;
        writeln!(
            out,
            "| n | messages a block | kB a block | CPU ms a block | seconds to finality |"
        )?;
        writeln!(out, "| ---: | ---: | ---: | ---: | ---: |")?;
        for (n, c) in &series.costs {
            writeln!(
                out,
                "| {n} | {:.0} | {:.1} | {:.1} | {:.3} |",
                c.messages,
                c.bytes / 1e3,
                c.cpu_ms,
                c.finality_ms / 1e3
            )?;
        }
        out.push('\n');
    }
    out.push_str("## Plots\n\n");
    for (file, what) in [
        ("messages", "Messages a block"),
        ("bytes", "Kilobytes a block"),
        ("cpu", "CPU a block"),
        ("finality", "Time to finality"),
    ] {
        writeln!(out, "![{what}](img/consensus-{file}.svg)\n")?;
    }
    Ok(out)
}
