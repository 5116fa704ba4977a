//! One replica of a cluster in a process of its own, with the counter application of the tests.
//!
//! `replica run CONFIG` runs the replica of a configuration until it is killed; `replica lie CONFIG` runs one
//! that votes and proposes twice, forges votes and spoils its blocks, to see what the others make of it. `replica load CONTROL
//! COUNT CLIENT` sends that many transactions to a running one and prints how long each took. With
//! `eligo cluster init` (or `found` in the library) for the files, this is all it takes to try a cluster.

use eligo_ledger::cluster::ReplicaConfig;
use eligo_ledger::cluster::control::{Control, ControlServer};
use eligo_ledger::malachite::{Malachite, StartError};
use eligo_ledger::teller::{Order, Slip, Teller};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["run", config] => run(Path::new(config), Malachite::start),
        ["lie", config] => run(Path::new(config), Malachite::start_liar),
        ["load", control, count, client] => load(control, count.parse()?, client.parse()?),
        _ => Err(
            "usage: replica run CONFIG | replica lie CONFIG | replica load CONTROL COUNT CLIENT"
                .into(),
        ),
    }
}

type Start = fn(&ReplicaConfig, Teller) -> Result<Malachite, StartError>;

fn run(file: &Path, start: Start) -> Result<(), Box<dyn Error>> {
    let config = ReplicaConfig::read(file)?;
    let replica = Arc::new(start(&config, Teller::new())?);
    let server = ControlServer::start(config.control, replica.clone())?;
    println!("replica {} is asked at {}", config.id, server.address());
    while replica.going() {
        std::thread::sleep(Duration::from_millis(100));
    }
    Err("the replica stopped".into())
}

fn load(control: &str, count: u64, client: u8) -> Result<(), Box<dyn Error>> {
    let mut control = Control::connect(control.parse()?, Duration::from_secs(5))?;
    let begun = control.report()?.height;
    let start = Instant::now();
    let mut waits = Vec::new();
    for counter in 1..=count {
        let slip = Slip {
            client: [client; 32],
            counter,
            order: Order::Add(1),
        };
        let sent = Instant::now();
        control.submit(slip.transaction()?)?;
        waits.push(sent.elapsed());
    }
    let seconds = start.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at =
        |share: usize| waits.get((waits.len() * share / 100).min(waits.len().saturating_sub(1)));
    let end = control.report()?;
    println!(
        "{count} transactions one after another in {seconds:.2} s, {} blocks, p50 {:?}, p99 {:?}, height {}, hash {}",
        end.height.get() - begun.get(),
        at(50).copied().unwrap_or_default(),
        at(99).copied().unwrap_or_default(),
        end.height,
        end.app_hash,
    );
    Ok(())
}
