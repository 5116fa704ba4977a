//! Runs simulated schedules and judges every step.
//!
//! `cargo run --release -p eligo-ledger --example simulate -- --seeds 0..100000 --replicas 4..13`
//!
//! Seeds are half-open; the number of replicas is drawn from the seed, both ends included. The last
//! line is the number of violations; the exit code is 1 if there are any.
//!
//! `--without RULE` instead runs schedules made to provoke the absence of one rule (names as in
//! `eligo_ledger::rules::Rule`), without it: violations are then what is hoped for.

use eligo_ledger::pbft::Coverage;
use eligo_ledger::rules::Rule;
use eligo_ledger::sim::world::run_traced;
use eligo_ledger::sim::{Scenario, minimise::minimise, run};
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
struct Total {
    coverage: Coverage,
    events: u64,
    blocks: u64,
    messages: u64,
    failing: Vec<u64>,
}

/// What to run.
struct Plan {
    seeds: Range<u64>,
    replicas: Range<u16>,
    without: Option<Rule>,
}

impl Plan {
    fn scenario(&self, seed: u64) -> Scenario {
        match self.without {
            Some(rule) => Scenario::against(rule, seed),
            None => Scenario::draw(seed, self.replicas.start, self.replicas.end),
        }
    }
}

fn main() -> ExitCode {
    let plan = match arguments() {
        Ok(a) => a,
        Err(message) => {
            eprintln!(
                "{message}\nusage: simulate --seeds FROM..TO --replicas LEAST..MOST [--without RULE]"
            );
            return ExitCode::from(2);
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    let (next, total) = (
        AtomicU64::new(plan.seeds.start),
        Mutex::new(Total::default()),
    );
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&next, &plan, &total));
        }
    });
    let Ok(mut total) = total.into_inner() else {
        return ExitCode::FAILURE;
    };
    report(&total, &plan, started.elapsed().as_secs_f64());
    total.failing.sort_unstable();
    for seed in total.failing.iter().take(3) {
        explain(*seed, &plan);
    }
    println!("violations: {}", total.failing.len());
    if total.failing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn work(next: &AtomicU64, plan: &Plan, total: &Mutex<Total>) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= plan.seeds.end {
            return;
        }
        let report = run(&plan.scenario(seed));
        let Ok(mut total) = total.lock() else { return };
        total.coverage.add(&report.coverage);
        total.events += report.events;
        total.messages += report.messages;
        total.blocks += report.height.get();
        if !report.violations.is_empty() {
            println!("seed {seed}: {:?}", report.violations);
            total.failing.push(seed);
        }
    }
}

fn report(total: &Total, plan: &Plan, seconds: f64) {
    let (seeds, replicas) = (&plan.seeds, &plan.replicas);
    println!(
        "schedules: {} (seeds {}..{}, {} to {} replicas) in {seconds:.0} s",
        seeds.end - seeds.start,
        seeds.start,
        seeds.end,
        replicas.start,
        replicas.end
    );
    println!(
        "events: {}  messages: {}  blocks: {}",
        total.events, total.messages, total.blocks
    );
    println!("coverage of the numbered rules (line: times):");
    let lines: Vec<String> = (1..Coverage::LINES)
        .map(|l| (l, total.coverage.line(l)))
        .filter(|(_, n)| *n > 0)
        .map(|(l, n)| format!("{l:>3}: {n:<12}"))
        .collect();
    for row in lines.chunks(6) {
        println!("{}", row.concat());
    }
}

fn explain(seed: u64, plan: &Plan) {
    let small = minimise(&plan.scenario(seed));
    let report = run_traced(&small);
    println!("--- seed {seed}, minimised: {small:#?}");
    println!("{:?}", report.violations);
    for line in report.trace.iter().rev().take(60).rev() {
        println!("{line}");
    }
}

fn arguments() -> Result<Plan, String> {
    let (mut seeds, mut replicas, mut without) = (0..1000, 4..13, None);
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or(format!("{name} needs a value"))?;
        if name == "--without" {
            let rule = value.parse().map_err(|e| format!("{value}: {e}"))?;
            without = Some(rule);
            continue;
        }
        let (from, to) = value
            .split_once("..")
            .ok_or(format!("{value} is no range"))?;
        let bad = |_| format!("{value} is no range of numbers");
        match name.as_str() {
            "--seeds" => seeds = from.parse().map_err(bad)?..to.parse().map_err(bad)?,
            "--replicas" => replicas = from.parse().map_err(bad)?..to.parse().map_err(bad)?,
            _ => return Err(format!("unknown option {name}")),
        }
    }
    if replicas.start < 4 || replicas.end < replicas.start || replicas.end > 31 {
        return Err("replicas: 4 to 31".into());
    }
    Ok(Plan {
        seeds,
        replicas,
        without,
    })
}
