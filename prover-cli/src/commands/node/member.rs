//! `eligo node --cluster`: one replica of a cluster of processes, served over HTTP.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use eligo_ledger::cluster::{ClusterError, ReplicaConfig};
use eligo_ledger::malachite::StartError;
use eligo_marketplace::{
    application::Market,
    node::{MemberConfig, Node as MarketNode, NodeError},
    storage::Objects,
};

use super::{Helpers, Node, existing, listen, log_requests, run_until_stopped};
use crate::{
    console::Console,
    failure::{Attempt, Failure, Kind, shown},
    interrupt,
};

/// One replica of a cluster.
#[derive(Args, Debug)]
pub(super) struct Member {
    /// Serve one replica of a cluster: its configuration (eligo cluster init --like)
    #[arg(long, value_name = "FILE", conflicts_with = "dev")]
    cluster: Option<PathBuf>,
    /// Folder of ciphertexts, of this node alone or shared by the cluster; beside the configuration otherwise
    #[arg(long, value_name = "DIR", requires = "cluster")]
    objects: Option<PathBuf>,
    /// Run the beacon, the arbiters and the proxies whose keys are in this development chain's folder, beside one node of the cluster
    #[arg(long, value_name = "DIR", requires = "cluster")]
    helpers: Option<PathBuf>,
}

impl Member {
    pub(super) const fn is_given(&self) -> bool {
        self.cluster.is_some()
    }
}

pub(super) fn serve(args: &Node, console: &Console) -> Attempt<u8> {
    let Some(file) = &args.member.cluster else {
        return Err(Failure::usage("which replica?").help("--cluster FILE"));
    };
    if args.log {
        log_requests();
    }
    let replica = ReplicaConfig::read(file).map_err(unreadable)?;
    let (genesis, _) = replica.open().map_err(unreadable)?;
    if genesis.app_state.is_empty() {
        return Err(
            Failure::usage("the cluster's genesis document has no marketplace in it")
                .help("make the cluster with `eligo cluster init --like GENESIS`"),
        );
    }
    let helpers = args.member.helpers.as_deref().map(existing);
    let helpers = helpers.transpose()?;
    interrupt::be_patient();
    let folder = file.parent().map(PathBuf::from).unwrap_or_default();
    let objects = args.member.objects.clone();
    let objects = objects.unwrap_or_else(|| folder.join("objects"));
    let config = MemberConfig {
        directory: folder.join("node"),
        objects: Objects::local(&objects).map_err(Failure::unexpected)?,
        patience: Duration::from_secs(30),
        replica: replica.clone(),
    };
    let node = MarketNode::join(config, Market::new()).map_err(|e| match e {
        NodeError::Cluster(StartError::Engine(_) | StartError::System(_))
        | NodeError::System(_) => Failure::new(Kind::Network, e),
        _ => Failure::new(Kind::File, e).of(shown(file)),
    })?;
    let server = listen(node, args.listen, &replica.genesis, console)?;
    let helpers = helpers.as_ref().map(|keys| Helpers {
        keys,
        journals: folder.join("journals"),
        proxies: !args.no_proxies,
    });
    let node = server.node().clone();
    run_until_stopped(&node, helpers.as_ref())?;
    console.say("stopped");
    Ok(0)
}

fn unreadable(error: ClusterError) -> Failure {
    Failure::new(Kind::File, error)
}
