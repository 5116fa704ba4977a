//! The engine for several machines: Malachite's Tendermint, one replica a process, behind the feature
//! `malachite`.
//!
//! The application, the chain, proposers, evidence and certificates are the ledger's own; Malachite
//! orders, over libp2p among the replicas of one configuration and nobody else. What it is given is on
//! disk first, and its own log is kept beside it: a replica can be killed at any moment. Snapshots are
//! the ledger's as well: a restart begins at the last one, and a replica far behind fetches one.
//!
//! PBFT's terms for Tendermint's: PRE-PREPARE is a proposal, PREPARE a prevote, COMMIT a precommit, a
//! view within a height a round. Rounds start over at each height.

mod codec;
mod context;
mod desk;
mod host;
#[cfg(feature = "byzantine")]
mod liar;
mod misconduct;
mod parts;
mod signing;
mod snapshots;
mod store;
mod transport;
mod waiting;

#[cfg(any(test, feature = "fuzz"))]
pub(crate) use codec::DECODERS;
#[cfg(any(test, feature = "fuzz"))]
pub use codec::samples;

use crate::application::{Application, Genesis, Query, QueryAnswer};
use crate::block::Transaction;
use crate::chain::Chain;
use crate::cluster::control::{Asked, Report};
use crate::cluster::{ClusterError, ReplicaConfig};
use crate::engine::{Blocks, Engine, EngineError, Receipt, Reply, Status};
use crate::height::{Height, ReplicaId};
use crate::identity::SecretKey;
use crate::light::LedgerProof;
use crate::pbft::effect::Delivery;
use crate::pool::{Mempool, PoolLimits};
use crate::store::StoreError;
use context::Epochs;
use desk::{Command, Desk};
use host::{Host, Stop};
use signing::{Pen, Seals};
use snapshots::Snapshots;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use store::Store;
use tokio::sync::mpsc;
use transport::{Conduct, Transport};

/// The most questions and transactions that wait for the replica.
const COMMANDS: usize = 8192;
/// How long the replica may be busy before it answers a question.
const BUSY: Duration = Duration::from_secs(30);

/// Why a replica does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its configuration, genesis document or key.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Its ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is in its ledger does not fit the application.
    #[error("replica {0}: the application is ahead of the ledger")]
    Ahead(ReplicaId),
    /// The blocks that the application needs were dropped, and it takes no snapshots.
    #[error("replica {0}: the application cannot begin at height {1}")]
    Behind(ReplicaId, Height),
    /// A peer's network key in the configuration is no key.
    #[error("the network key of replica {0} is no key")]
    NetworkKey(ReplicaId),
    /// The system gives no thread, folder or port.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// The consensus engine.
    #[error("the consensus engine does not start: {0}")]
    Engine(String),
}

/// One running replica.
#[derive(Debug)]
pub struct Malachite {
    desk: Desk,
    commands: mpsc::Sender<Command>,
    host: Mutex<Option<JoinHandle<()>>>,
}

impl Malachite {
    /// Starts the replica of a configuration from its ledger.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start<A: Application + 'static>(
        config: &ReplicaConfig,
        application: A,
    ) -> Result<Self, StartError> {
        let (genesis, key) = config.open()?;
        Self::with(config, genesis, key, application)
    }

    /// [`Malachite::start`] with genesis document and key at hand.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn with<A: Application + 'static>(
        config: &ReplicaConfig,
        genesis: Genesis,
        key: SecretKey,
        application: A,
    ) -> Result<Self, StartError> {
        Self::run(config, (genesis, key), application, Conduct::Honest)
    }

    /// [`Malachite::start`] for a replica that lies: it says everything twice, differently, forges
    /// signatures, and spoils what it sends. For trying a cluster, and never to be started with a key
    /// that is needed again.
    ///
    /// # Errors
    /// [`StartError`].
    #[cfg(feature = "byzantine")]
    pub fn start_liar<A: Application + 'static>(
        config: &ReplicaConfig,
        application: A,
    ) -> Result<Self, StartError> {
        Self::run(config, config.open()?, application, Conduct::Lying)
    }

    fn run<A: Application + 'static>(
        config: &ReplicaConfig,
        (genesis, key): (Genesis, SecretKey),
        application: A,
        conduct: Conduct,
    ) -> Result<Self, StartError> {
        let id = config.replica();
        std::fs::create_dir_all(&config.data)?;
        let chain_id = genesis.digest();
        let store = Store::open(&config.data.join("ledger.redb"), chain_id, id)?;
        let mut chain = Chain::new(Arc::new(genesis), application);
        let epochs = Arc::new(Epochs::default());
        recover(id, &mut chain, &store, &epochs)?;
        let key = Arc::new(key);
        let seals = Seals {
            domain: chain.domain().clone(),
            epochs,
        };
        let pen = Pen { key, seals };
        let begin = {
            let (config, pen) = (config.clone(), pen.clone());
            move || Transport::start(&config, &pen, chain_id, conduct)
        };
        let transport = begin()?;
        let desk = Desk::new(id, chain_id);
        let lowest = store.lowest()?;
        desk.update(|r| r.lowest = lowest);
        let (commands, mut inbox) = mpsc::channel(COMMANDS);
        let pool = Mempool::new(PoolLimits {
            transactions: config.pool_transactions,
            bytes: config.pool_bytes,
        });
        let clock = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let snapshots = Snapshots::new(config.keep_blocks, store.checkpoint()?);
        let (network, counted) = (transport.network(), desk.clone());
        let host = Host::new(
            (id, pen),
            chain,
            (store, pool),
            (desk.clone(), network),
            snapshots,
        );
        let host = std::thread::Builder::new()
            .name(format!("replica-{id}"))
            .spawn(move || work(host, transport, &clock, &mut inbox, begin, &counted))?;
        Ok(Malachite {
            desk,
            commands,
            host: Mutex::new(Some(host)),
        })
    }

    fn tell(&self, command: Command) -> Result<(), EngineError> {
        use mpsc::error::TrySendError;
        self.commands.try_send(command).map_err(|e| match e {
            TrySendError::Closed(_) => EngineError::Stopped,
            TrySendError::Full(_) => EngineError::Rejected(crate::application::Reject::PoolFull),
        })
    }

    /// Asks the application.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn query(&self, query: Query) -> Result<QueryAnswer, EngineError> {
        let (answer, inbox) = channel();
        self.tell(Command::Query(query, answer))?;
        inbox.recv_timeout(BUSY).map_err(|_| EngineError::Stopped)
    }

    /// Proves that the transaction at `index` of a block is final; `None` if there is none.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn prove(&self, height: Height, index: u32) -> Result<Option<LedgerProof>, EngineError> {
        let (answer, inbox) = channel();
        self.tell(Command::Prove(height, index, answer))?;
        inbox.recv_timeout(BUSY).map_err(|_| EngineError::Stopped)
    }

    /// A final block with its results; `None` if the replica does not have it.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn block(&self, height: Height) -> Result<Option<Delivery>, EngineError> {
        let (answer, inbox) = channel();
        self.tell(Command::Block(height, answer))?;
        inbox.recv_timeout(BUSY).map_err(|_| EngineError::Stopped)
    }

    /// Where the replica is.
    #[must_use]
    pub fn report(&self) -> Report {
        self.desk.report()
    }

    /// Whether it still works: false after it halted or its disk failed.
    #[must_use]
    pub fn going(&self) -> bool {
        !self.commands.is_closed()
    }

    fn end(&self) {
        use mpsc::error::TrySendError;
        while let Err(TrySendError::Full(_)) = self.commands.try_send(Command::Stop) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = host.take() {
            host.join().ok();
        }
    }
}

/// Runs a replica. After it took over a checkpoint of others the engine begins again from there.
fn work<A: Application>(
    mut host: Host<A>,
    mut transport: Transport,
    clock: &tokio::runtime::Runtime,
    inbox: &mut mpsc::Receiver<Command>,
    begin: impl Fn() -> Result<Transport, StartError>,
    desk: &Desk,
) {
    loop {
        transport.watch_peers(desk.clone());
        host.network = transport.network();
        let (engine, running) = transport.engine();
        let stop = clock.block_on(host.run(engine, inbox));
        tracing::info!("replica {}: {stop}", host.id);
        running.stop();
        let again = match stop {
            Stop::Restored(_) => begin(),
            _ => return host.close(&stop),
        };
        match again {
            Ok(again) => transport = again,
            Err(e) => {
                tracing::error!("replica {}: {e}", host.id);
                return host.close(&stop);
            }
        }
    }
}

/// Takes up what is in the ledger: the last checkpoint if the application is behind it, and the blocks
/// after it, those the application has and those it is given again.
fn recover<A: Application>(
    id: ReplicaId,
    chain: &mut Chain<A>,
    store: &Store,
    epochs: &Epochs,
) -> Result<(), StartError> {
    let applied = chain.app().info().height;
    epochs.begin(Height::new(1), chain.roster().epoch());
    if let Some(checkpoint) = store.checkpoint()? {
        let height = checkpoint.proof.height;
        if applied >= height {
            let certificate = checkpoint.certificate.clone();
            let restored = chain.restore_state(&checkpoint.state, certificate, checkpoint.steps);
            restored.map_err(StoreError::from)?;
        } else if !snapshots::restore(chain, store, &checkpoint)?
            && store.lowest()? > Height::new(1)
        {
            return Err(StartError::Behind(id, height));
        }
        announce(chain, epochs);
    }
    let next = chain.height().next();
    store.replay(next, |delivery| {
        let block = &delivery.decision.block;
        let certificate = delivery.decision.certificate.clone();
        if block.height() <= applied {
            chain.absorb(block, certificate, &delivery.done);
        } else {
            chain.apply(block, certificate);
        }
        announce(chain, epochs);
    })?;
    if chain.height() < applied {
        return Err(StartError::Ahead(id));
    }
    Ok(())
}

/// Tells the signers which epochs the next heights are in.
fn announce<A: Application>(chain: &Chain<A>, epochs: &Epochs) {
    for ahead in [1, 2] {
        let at = chain.height().plus(ahead);
        if let Some(roster) = chain.roster_at(at) {
            epochs.begin(at, roster.epoch());
        }
    }
}

impl Engine for Malachite {
    fn submit(&self, tx: Transaction) -> Result<Receipt, EngineError> {
        let id = tx.id();
        let receipt = self.desk.expect(id);
        let (answer, admitted) = channel();
        let told = self.tell(Command::Submit(tx, answer));
        let verdict = told.and_then(|()| match admitted.recv_timeout(BUSY) {
            Ok(verdict) => verdict.map_err(EngineError::Rejected),
            Err(_) => Err(EngineError::Stopped),
        });
        match verdict {
            Ok(()) => Ok(receipt),
            Err(e) => {
                self.desk.dismiss(id);
                Err(e)
            }
        }
    }

    fn blocks(&self) -> Blocks {
        self.desk.blocks()
    }

    fn status(&self) -> Status {
        Status {
            replicas: vec![(&self.report()).into()],
        }
    }

    fn stop(self) {
        self.end();
    }
}

impl Asked for Malachite {
    fn report(&self) -> Report {
        Malachite::report(self)
    }
    fn submit(&self, tx: Transaction, at_most: Duration) -> Result<Reply, EngineError> {
        Engine::submit(self, tx)?.wait(at_most)
    }
    fn query(&self, query: Query) -> Result<QueryAnswer, EngineError> {
        Malachite::query(self, query)
    }
    fn prove(&self, height: Height, index: u32) -> Result<Option<LedgerProof>, EngineError> {
        Malachite::prove(self, height, index)
    }
}

impl Drop for Malachite {
    fn drop(&mut self) {
        self.end();
    }
}
