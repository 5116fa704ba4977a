//! The engine's own part of the process: its runtime, its network, its log.

use crate::cluster::{Peer, ReplicaConfig};
use crate::digest::Digest;
use crate::height::ReplicaId;
use crate::identity::PublicKey;
use crate::malachite::StartError;
use crate::malachite::codec::WireCodec;
use crate::malachite::context::{Address, LedgerContext};
use crate::malachite::desk::Desk;
use crate::malachite::signing::Pen;
use arc_malachitebft_app_channel::app::config::{
    ConsensusConfig, NodeConfig, P2pConfig, ValuePayload, ValueSyncConfig,
};
use arc_malachitebft_app_channel::app::metrics::SharedRegistry;
use arc_malachitebft_app_channel::app::net::PeerId;
use arc_malachitebft_app_channel::app::types::Keypair;
use arc_malachitebft_app_channel::app::types::codec::Codec;
use arc_malachitebft_app_channel::spawn::spawn_network_actor;
use arc_malachitebft_app_channel::{
    AppMsg, Channels, ConsensusContext, EngineBuilder, EngineHandle, NetworkIdentity, NetworkMsg,
    NetworkRequest, RequestContext, SyncContext, WalContext,
};
use bytesize::ByteSize;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc;

type Ctx = LedgerContext;

/// The largest message between replicas: a batch of transactions, or a block's piece.
const MAX_MESSAGE: u64 = 4 << 20;
/// The largest answer to a replica behind.
const MAX_ANSWER: u64 = 24 << 20;
/// How often replicas tell each other their height.
const STATUS: Duration = Duration::from_millis(500);
/// How long the engine may take to stop.
const STOP: Duration = Duration::from_secs(1);
/// How often connections are counted.
const COUNT: Duration = Duration::from_millis(100);

/// The engine's settings.
#[derive(Clone, Debug)]
struct Settings {
    moniker: String,
    consensus: ConsensusConfig,
    sync: ValueSyncConfig,
}

impl NodeConfig for Settings {
    fn moniker(&self) -> &str {
        &self.moniker
    }
    fn consensus(&self) -> &ConsensusConfig {
        &self.consensus
    }
    fn consensus_mut(&mut self) -> &mut ConsensusConfig {
        &mut self.consensus
    }
    fn value_sync(&self) -> &ValueSyncConfig {
        &self.sync
    }
    fn value_sync_mut(&mut self) -> &mut ValueSyncConfig {
        &mut self.sync
    }
}

/// How a replica behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conduct {
    /// As it should.
    Honest,
    /// As a liar, for trying the others.
    #[cfg(feature = "byzantine")]
    Lying,
}

/// A running engine.
pub(super) struct Transport {
    runtime: tokio::runtime::Runtime,
    channels: Channels<Ctx>,
    handle: EngineHandle,
}

/// What is left of it when its messages are taken: what stops it.
pub(super) struct Running {
    runtime: tokio::runtime::Runtime,
    handle: EngineHandle,
}

impl Transport {
    pub(super) fn start(
        config: &ReplicaConfig,
        pen: &Pen,
        chain: Digest,
        conduct: Conduct,
    ) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("engine")
            .enable_all()
            .build()?;
        let engine = |e: &dyn std::fmt::Display| StartError::Engine(e.to_string());
        let mut seed = pen.key.network().to_seed();
        let keypair = Keypair::ed25519_from_bytes(&mut *seed).map_err(|e| engine(&e))?;
        let settings = settings(config, chain)?;
        let address = Address(config.replica());
        let peer = keypair.public().to_peer_id();
        let proof = pen.proof(pen.key.public().as_bytes().to_vec(), peer.to_bytes());
        let proof = WireCodec.encode(&proof).map_err(|e| engine(&e))?;
        let name = address.to_string();
        let identity = NetworkIdentity::new_validator(name.clone(), keypair, name, proof);
        let log = config.data.join("consensus.wal");
        let built = runtime.block_on(async {
            let registry = SharedRegistry::global().with_moniker(&settings.moniker);
            let network = spawn_network_actor(
                identity,
                &settings.consensus,
                &settings.sync,
                &registry,
                WireCodec,
            )
            .await?;
            let network = match conduct {
                Conduct::Honest => network,
                #[cfg(feature = "byzantine")]
                Conduct::Lying => super::liar::stand_before(network, pen.clone()).await?,
            };
            EngineBuilder::new(LedgerContext, settings)
                .with_default_wal(WalContext::new(log, WireCodec))
                .with_custom_network(network.0, network.1)
                .with_default_sync(SyncContext::new(WireCodec))
                .with_default_consensus(ConsensusContext::new_validator(
                    address,
                    Box::new(pen.seals.clone()),
                    Box::new(pen.clone()),
                ))
                .with_default_request(RequestContext::new(64))
                .build()
                .await
        });
        let (channels, handle) = built.map_err(|e| StartError::Engine(format!("{e:#}")))?;
        Ok(Transport {
            runtime,
            channels,
            handle,
        })
    }

    /// Counts connections for the report.
    pub(super) fn watch_peers(&self, desk: Desk) {
        let requests = self.channels.net_requests.clone();
        self.runtime.spawn(async move {
            while let Ok(state) = NetworkRequest::dump_state(&requests).await {
                let peers = state.map_or(0, |s| s.peers.len());
                let peers = u32::try_from(peers).unwrap_or(u32::MAX);
                desk.update(|r| r.peers = peers);
                tokio::time::sleep(COUNT).await;
            }
        });
    }

    pub(super) fn network(&self) -> mpsc::Sender<NetworkMsg<Ctx>> {
        self.channels.network.clone()
    }

    /// Takes the engine's messages.
    pub(super) fn engine(self) -> (mpsc::Receiver<AppMsg<Ctx>>, Running) {
        let running = Running {
            runtime: self.runtime,
            handle: self.handle,
        };
        (self.channels.consensus, running)
    }
}

impl Running {
    /// Stops the engine and frees its ports and log.
    pub(super) fn stop(self) {
        let actor = self.handle.actor;
        self.runtime.block_on(async {
            let children = actor.get_cell();
            children.stop_children_and_wait(None, Some(STOP)).await;
            actor.stop(None);
        });
        // Nothing is lost: all that was said is on disk.
        self.runtime.shutdown_timeout(STOP);
    }
}

fn settings(config: &ReplicaConfig, chain: Digest) -> Result<Settings, StartError> {
    let peers = config.peers.iter().map(|peer| {
        let id = peer_id(peer).ok_or(StartError::NetworkKey(ReplicaId::new(peer.id)))?;
        parse(format!("{}/p2p/{id}", multiaddr(peer.address)))
    });
    let mut p2p = P2pConfig {
        listen_addr: parse(multiaddr(config.listen))?,
        persistent_peers: peers.collect::<Result<_, _>>()?,
        persistent_peers_only: true,
        pubsub_max_size: ByteSize::b(MAX_MESSAGE),
        rpc_max_size: ByteSize::b(MAX_ANSWER),
        ..P2pConfig::default()
    };
    p2p.discovery.enabled = false;
    // Replicas of another chain do not even speak the same protocol.
    p2p.protocol_names.consensus = format!("/eligo/{chain}/consensus/v1");
    p2p.protocol_names.sync = format!("/eligo/{chain}/sync/v1");
    Ok(Settings {
        moniker: Address(config.replica()).to_string(),
        consensus: ConsensusConfig {
            enabled: true,
            value_payload: ValuePayload::ProposalAndParts,
            p2p,
            ..ConsensusConfig::default()
        },
        sync: ValueSyncConfig {
            enabled: true,
            status_update_interval: STATUS,
            request_timeout: Duration::from_secs(5),
            max_response_size: ByteSize::b(MAX_ANSWER),
            ..ValueSyncConfig::default()
        },
    })
}

fn parse<T: std::str::FromStr>(address: String) -> Result<T, StartError>
where
    T::Err: std::fmt::Display,
{
    address
        .parse()
        .map_err(|e: T::Err| StartError::Engine(format!("{address}: {e}")))
}

fn multiaddr(address: SocketAddr) -> String {
    let family = if address.is_ipv4() { "ip4" } else { "ip6" };
    format!("/{family}/{}/tcp/{}", address.ip(), address.port())
}

/// A peer's identity on the network: the identity multihash of its Ed25519 key as libp2p writes keys
/// (libp2p peer-ids specification, "Ed25519").
fn peer_id(peer: &Peer) -> Option<PeerId> {
    let mut key = [0u8; 32];
    hex::decode_to_slice(&peer.network_key, &mut key).ok()?;
    PublicKey::new(key).ok()?;
    let mut bytes = vec![0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
    bytes.extend_from_slice(&key);
    PeerId::from_bytes(&bytes).ok()
}
