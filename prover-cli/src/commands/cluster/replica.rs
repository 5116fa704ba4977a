//! `eligo cluster run`: one replica in this process, until it is interrupted.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use eligo_ledger::{
    application::Application,
    cluster::{ReplicaConfig, control::ControlServer},
    malachite::{Malachite, StartError},
    teller::Teller,
};
use eligo_marketplace::application::Market;
use serde_json::json;

use crate::{
    console::Console,
    failure::{Attempt, Failure, Kind, shown},
    interrupt,
};

/// Run one replica until it is interrupted
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo cluster run --config cluster/replica-0/replica.json\n\n\
    Runs the marketplace if the genesis document has its state (eligo cluster init --like), else the counter\n\
    application for trying things out. It can be killed at any moment and started again."
)]
pub struct Run {
    /// The replica's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Log to standard error, as JSON
    #[arg(long)]
    log: bool,
}

pub fn run(args: &Run, console: &Console) -> Attempt<u8> {
    if args.log {
        let log = tracing_subscriber::fmt()
            .json()
            .with_writer(std::io::stderr);
        // Only a second subscriber could fail, and there is none.
        log.try_init().ok();
    }
    let config = ReplicaConfig::read(&args.config).map_err(super::failed)?;
    let (genesis, _) = config.open().map_err(super::failed)?;
    interrupt::be_patient();
    if genesis.app_state.is_empty() {
        serve(args, &config, Teller::new(), console)
    } else {
        serve(args, &config, Market::new(), console)
    }
}

fn serve<A: Application + 'static>(
    args: &Run,
    config: &ReplicaConfig,
    application: A,
    console: &Console,
) -> Attempt<u8> {
    let replica = Malachite::start(config, application).map_err(|e| match e {
        StartError::Cluster(e) => super::failed(e),
        StartError::Engine(_) | StartError::System(_) => Failure::new(Kind::Network, e),
        _ => Failure::new(Kind::File, e).of(shown(&args.config)),
    })?;
    let replica = Arc::new(replica);
    let server = ControlServer::start(config.control, replica.clone()).map_err(|e| {
        Failure::new(
            Kind::Network,
            format!("cannot listen on {}: {e}", config.control),
        )
    })?;
    console.say(format!(
        "replica {} listens on {}, is asked on {}",
        config.id,
        config.listen,
        server.address()
    ));
    console.object(json!({
        "id": config.id,
        "listen": config.listen.to_string(),
        "control": server.address().to_string(),
    }));
    while interrupt::going() {
        if !replica.going() {
            return Err(Failure::new(
                Kind::File,
                "the replica stopped: its disk failed, or its state contradicts a certificate",
            )
            .help("keep its folder for inspection; do not start a copy of it"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    console.say("stopped");
    Ok(0)
}
