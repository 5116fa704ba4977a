//! The engine for several machines: Malachite's Tendermint, one replica a process, behind the feature
//! `malachite`.
//!
//! The application, the chain, proposers, evidence and certificates are the ledger's own; Malachite
//! orders, over libp2p among the replicas of one configuration and nobody else. What it is given is on
//! disk first, and its own log is kept beside it: a replica can be killed at any moment.
//!
//! PBFT's terms for Tendermint's: PRE-PREPARE is a proposal, PREPARE a prevote, COMMIT a precommit, a
//! view within a height a round. Rounds start over at each height.

mod codec;
mod context;
mod desk;
mod host;
mod misconduct;
mod parts;
mod signing;
mod store;
mod transport;

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
use host::Host;
use signing::{Pen, Seals};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use store::Store;
use tokio::sync::mpsc;
use transport::Transport;

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
        let id = config.replica();
        std::fs::create_dir_all(&config.data)?;
        let chain_id = genesis.digest();
        let store = Store::open(&config.data.join("ledger.redb"), chain_id, id)?;
        let mut chain = Chain::new(Arc::new(genesis), application);
        let epochs = Arc::new(Epochs::default());
        recover(id, &mut chain, &store, &epochs)?;
        let key = Arc::new(key);
        let seals = Seals {
            domain: *chain.domain(),
            epochs,
        };
        let pen = Pen { key, seals };
        let transport = Transport::start(config, &pen, chain_id)?;
        let desk = Desk::new(id, chain_id);
        transport.watch_peers(desk.clone());
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let pool = Mempool::new(PoolLimits {
            transactions: config.pool_transactions,
            bytes: config.pool_bytes,
        });
        let clock = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let (desk_of_host, network) = (desk.clone(), transport.network());
        let host = std::thread::Builder::new()
            .name(format!("replica-{id}"))
            .spawn(move || {
                let host = Host::new((id, pen), chain, (store, pool), desk_of_host, network);
                let (engine, transport) = transport.engine();
                let stop = clock.block_on(host.run(engine, inbox));
                tracing::info!("replica {id}: {stop}");
                transport.stop();
            })?;
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

/// Takes up the blocks of the ledger: those the application has, and those it is given again.
fn recover<A: Application>(
    id: ReplicaId,
    chain: &mut Chain<A>,
    store: &Store,
    epochs: &Epochs,
) -> Result<(), StartError> {
    let applied = chain.app().info().height;
    epochs.begin(Height::new(1), chain.roster().epoch());
    store.replay(|delivery| {
        let block = &delivery.decision.block;
        let certificate = delivery.decision.certificate.clone();
        if block.height() <= applied {
            chain.absorb(block, certificate, &delivery.done);
        } else {
            chain.apply(block, certificate);
        }
        let announced = block.height().plus(2);
        if let Some(roster) = chain.roster_at(announced) {
            epochs.begin(announced, roster.epoch());
        }
    })?;
    if chain.height() < applied {
        return Err(StartError::Ahead(id));
    }
    Ok(())
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
