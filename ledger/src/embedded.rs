//! The embedded engine: n replicas as threads of one process, over channels, each with its own
//! durable file. No ports. Any replica can be stopped and started at any moment.
//!
//! A replica takes all waiting inputs, steps through them, makes their writes durable with one
//! sync of its log, and only then lets anything leave: under load many steps share a sync. A signature
//! that one replica found right is not checked again by the others of the process.

mod clerk;
mod worker;

use crate::application::{Application, Genesis, Query, QueryAnswer};
use crate::block::Transaction;
use crate::chain::Chain;
use crate::engine::{Alarms, Blocks, Engine, EngineError, Receipt, Status};
use crate::height::{Height, ReplicaId};
use crate::identity::{Domain, SecretKey};
use crate::light::LedgerProof;
use crate::pbft::{Config, Input, Replica};
use crate::pool::PoolLimits;
use crate::rules::Rules;
use crate::store::{Store, StoreError};
use crate::verified::Verified;
use crate::wire::WireError;
use clerk::{Clerk, Report};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;
use worker::{Command, Peers, Worker};

/// Why a replica does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is in its file does not fit the application.
    #[error("replica {0} cannot take up its state: {1}")]
    State(ReplicaId, WireError),
    /// There is no key for it.
    #[error("no key for replica {0}")]
    NoKey(ReplicaId),
    /// The system gives no thread or directory.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// It runs already.
    #[error("replica {0} runs already")]
    Running(ReplicaId),
}

/// What a cluster is made of.
#[derive(Debug)]
pub struct ClusterConfig {
    /// Where the replicas' files are, `replica-N.redb`.
    pub directory: PathBuf,
    /// The genesis document.
    pub genesis: Genesis,
    /// The replicas that run here, with their keys.
    pub keys: BTreeMap<ReplicaId, Arc<SecretKey>>,
    /// How much may wait at each.
    pub pool: PoolLimits,
}

type MakeApplication<A> = dyn Fn(ReplicaId) -> A + Send + Sync;
type Workers = BTreeMap<ReplicaId, (Sender<Command>, JoinHandle<()>)>;

/// A running cluster.
pub struct Embedded<A: Application + 'static> {
    config: ClusterConfig,
    genesis: Arc<Genesis>,
    make: Box<MakeApplication<A>>,
    peers: Arc<RwLock<Peers>>,
    workers: Mutex<Workers>,
    clerk: Clerk,
    reports: Sender<Report>,
    /// Signatures that one of the replicas found right.
    verified: Arc<Verified>,
}

impl<A: Application + 'static> std::fmt::Debug for Embedded<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded")
            .field("directory", &self.config.directory)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<A: Application + 'static> Embedded<A> {
    /// Starts every replica for which there is a key, each with an application of its own.
    ///
    /// # Errors
    /// [`StartError`]; replicas already started are stopped again.
    pub fn start(
        config: ClusterConfig,
        make: impl Fn(ReplicaId) -> A + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        std::fs::create_dir_all(&config.directory)?;
        let genesis = Arc::new(config.genesis.clone());
        let (reports, inbox) = channel();
        let clerk = Clerk::start(inbox, genesis.roster.weak_quorum())?;
        let cluster = Embedded {
            genesis,
            make: Box::new(make),
            peers: Arc::default(),
            workers: Mutex::default(),
            clerk,
            reports,
            verified: Arc::default(),
            config,
        };
        let ids: Vec<ReplicaId> = cluster.config.keys.keys().copied().collect();
        for id in ids {
            cluster.start_replica(id)?;
        }
        Ok(cluster)
    }

    /// Starts one replica from its file.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start_replica(&self, id: ReplicaId) -> Result<(), StartError> {
        let mut workers = lock(&self.workers);
        if workers.contains_key(&id) {
            return Err(StartError::Running(id));
        }
        let key = self.config.keys.get(&id).ok_or(StartError::NoKey(id))?;
        let path = self.config.directory.join(format!("replica-{id}.redb"));
        let mut store = Store::open(&path, self.genesis.digest(), id)?;
        let domain = Domain::new(self.genesis.digest()).remembering(self.verified.clone());
        let (genesis, app) = (self.genesis.clone(), (self.make)(id));
        let chain = Chain::with_rules(genesis, app, domain, Rules::ALL);
        let config = Config {
            id,
            key: key.clone(),
            pool: self.config.pool,
        };
        let replica = Replica::recover(config, chain, store.recover()?)
            .map_err(|e| StartError::State(id, e))?;
        let (sender, inbox) = channel();
        let worker = Worker::new(
            replica,
            store,
            inbox,
            self.peers.clone(),
            self.reports.clone(),
        );
        let thread = std::thread::Builder::new()
            .name(format!("replica-{id}"))
            .spawn(move || worker.run())?;
        self.peers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, sender.clone());
        workers.insert(id, (sender, thread));
        Ok(())
    }

    /// Stops one replica; false if it was not running.
    pub fn stop_replica(&self, id: ReplicaId) -> bool {
        let worker = lock(&self.workers).remove(&id);
        let mut peers = self.peers.write().unwrap_or_else(PoisonError::into_inner);
        peers.remove(&id);
        drop(peers);
        let Some((sender, thread)) = worker else {
            return false;
        };
        let stopping = sender.send(Command::Stop).is_ok();
        drop(sender);
        thread.join().is_ok() && stopping
    }

    fn ask<T>(
        &self,
        id: ReplicaId,
        command: impl FnOnce(Sender<T>) -> Command,
    ) -> Result<T, EngineError> {
        let (answer, inbox) = channel();
        let workers = lock(&self.workers);
        let (sender, _) = workers.get(&id).ok_or(EngineError::NotRunning(id))?;
        sender
            .send(command(answer))
            .map_err(|_| EngineError::Stopped)?;
        drop(workers);
        inbox
            .recv_timeout(Duration::from_secs(30))
            .map_err(|_| EngineError::Stopped)
    }

    /// What goes wrong from now on: liars, replicas that differ, replicas that stop.
    #[must_use]
    pub fn alarms(&self) -> Alarms {
        self.clerk.alarms()
    }

    fn anyone(&self) -> Result<ReplicaId, EngineError> {
        let first = lock(&self.workers).keys().next().copied();
        first.ok_or(EngineError::Stopped)
    }

    /// Asks one replica's application.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn query(&self, id: ReplicaId, query: Query) -> Result<QueryAnswer, EngineError> {
        self.ask(id, |answer| Command::Query(query, answer))
    }

    /// Proves that the transaction at `index` of a block is final, from the genesis roster alone;
    /// `None` if no running replica has it.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn prove(&self, height: Height, index: u32) -> Result<Option<LedgerProof>, EngineError> {
        let id = self.anyone()?;
        self.ask(id, |answer| Command::Prove(height, index, answer))
    }
}

impl<A: Application + 'static> Engine for Embedded<A> {
    fn submit(&self, tx: Transaction) -> Result<Receipt, EngineError> {
        let receipt = self.clerk.expect(tx.id());
        let workers = lock(&self.workers);
        let mut reached = false;
        for (sender, _) in workers.values() {
            let input = Command::Input(Input::Submit(tx.clone()));
            reached |= sender.send(input).is_ok();
        }
        if reached {
            Ok(receipt)
        } else {
            Err(EngineError::Stopped)
        }
    }

    fn blocks(&self) -> Blocks {
        self.clerk.blocks()
    }

    fn status(&self) -> Status {
        let ids: Vec<ReplicaId> = lock(&self.workers).keys().copied().collect();
        let replicas = ids.into_iter();
        Status {
            replicas: replicas
                .filter_map(|id| self.ask(id, Command::Status).ok())
                .collect(),
        }
    }

    fn stop(self) {
        drop(self);
    }
}

impl<A: Application + 'static> Drop for Embedded<A> {
    fn drop(&mut self) {
        let ids: Vec<ReplicaId> = lock(&self.workers).keys().copied().collect();
        for id in ids {
            self.stop_replica(id);
        }
    }
}
