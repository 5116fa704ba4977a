//! A node: the contract on replicas of this process, or on one replica of a cluster of processes (feature
//! `malachite`); an archive of final blocks with an index of what happened in them; ciphertext storage; and
//! all of it served over HTTP.
//!
//! A [`Node`] is itself a [`Desk`]: what is in the same process needs no socket.

mod archive;
pub mod dev;
mod door;
mod front;
mod http;
mod market;
mod metrics;
mod openapi;
mod order;
mod requests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use eligo_ledger::application::{Application, Finalized, Genesis, Query, Reject};
use eligo_ledger::block::{Block, Transaction};
#[cfg(feature = "malachite")]
use eligo_ledger::cluster::{ReplicaConfig, control::ControlServer};
use eligo_ledger::embedded::{ClusterConfig, Embedded, StartError};
use eligo_ledger::engine::{EngineError, Status};
use eligo_ledger::height::{Height, ReplicaId};
use eligo_ledger::identity::SecretKey;
use eligo_ledger::light::LedgerProof;
#[cfg(feature = "malachite")]
use eligo_ledger::malachite::{Malachite, StartError as StartReplicaError};
use eligo_ledger::pbft::effect::Delivery;
use eligo_ledger::pool::PoolLimits;
use eligo_ledger::store::{Store, StoreError};
use futures_util::{StreamExt, stream};
use serde_json::Value;

pub use archive::{Archive, ArchiveError, Filter, Notice};
pub use door::{Door, DoorLimits};
pub use http::{HttpLimits, Server};

use crate::client::{Desk, DeskError, Problem, ProblemKind, Said};
use crate::storage::{ObjectDigest, Objects, StorageError};
use front::Front;
use metrics::Metrics;
use order::Order;

/// An application that a node can serve: it names its refusals, and says what happened in a block.
pub trait Served: Application {
    /// The name of a refusal, and what it means.
    fn refusal(code: u32) -> Option<(&'static str, String)>;

    /// What happened in a block, transaction by transaction.
    fn notices(block: &Block, done: &Finalized) -> Vec<Notice>;
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A replica.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A replica's file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The block archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The ciphertext storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The system gives no thread or socket.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// The replica of a cluster.
    #[cfg(feature = "malachite")]
    #[error(transparent)]
    Cluster(#[from] eligo_ledger::malachite::StartError),
}

/// What a node is made of.
#[derive(Debug)]
pub struct NodeConfig {
    /// Where replicas' files and the archive are.
    pub directory: PathBuf,
    /// The genesis document.
    pub genesis: Genesis,
    /// The replicas that run here, with their keys.
    pub keys: BTreeMap<ReplicaId, Arc<SecretKey>>,
    /// How much may wait at each.
    pub pool: PoolLimits,
    /// Where ciphertexts are.
    pub objects: Objects,
    /// How long a submission waits for its block.
    pub patience: Duration,
}

/// What a node of a cluster of processes is made of.
#[cfg(feature = "malachite")]
#[derive(Debug)]
pub struct MemberConfig {
    /// The replica that runs here, its key and ledger, and where the others are.
    pub replica: ReplicaConfig,
    /// Where the archive is.
    pub directory: PathBuf,
    /// Where ciphertexts are. The nodes of a cluster serve one store, or each serves its own.
    pub objects: Objects,
    /// How long a submission waits for its block.
    pub patience: Duration,
}

/// A running node.
pub struct Node<A: Served + 'static> {
    engine: Arc<Order<A>>,
    genesis: Genesis,
    archive: Arc<Archive>,
    objects: Objects,
    runtime: tokio::runtime::Runtime,
    stopping: Arc<AtomicBool>,
    follower: Mutex<Option<JoinHandle<()>>>,
    metrics: Metrics,
    patience: Duration,
    /// Answers whoever asks the replica of a cluster.
    #[cfg(feature = "malachite")]
    control: Option<ControlServer>,
}

impl<A: Served + 'static> std::fmt::Debug for Node<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

impl<A: Served + 'static> Node<A> {
    /// Starts the replicas, each with an application of its own, and follows their blocks.
    ///
    /// # Errors
    /// [`NodeError`].
    pub fn start(
        config: NodeConfig,
        make: impl Fn(ReplicaId) -> A + Send + Sync + 'static,
    ) -> Result<Self, NodeError> {
        let replicas = config.directory.join("replicas");
        std::fs::create_dir_all(&replicas)?;
        let archive = Archive::open(&config.directory.join("blocks"), A::notices)?;
        for id in config.keys.keys() {
            // What became final while the archive was not looking.
            let path = replicas.join(format!("replica-{id}.redb"));
            if path.exists() {
                let store = Store::open(&path, config.genesis.digest(), *id)?;
                while let Some(delivery) = store.block(archive.height().next())? {
                    archive.add(Arc::new(delivery))?;
                }
            }
        }
        let cluster = ClusterConfig {
            directory: replicas,
            genesis: config.genesis.clone(),
            keys: config.keys,
            pool: config.pool,
        };
        let engine = Embedded::start(cluster, move |id| Front::new(make(id)))?;
        let served = (config.genesis, config.objects, config.patience);
        Self::serve(Order::Here(engine), archive, served)
    }

    /// Starts one replica of a cluster of processes, and follows its blocks. The replica also answers at its
    /// control address, as `eligo cluster status` asks.
    ///
    /// # Errors
    /// [`NodeError`].
    #[cfg(feature = "malachite")]
    pub fn join(config: MemberConfig, application: A) -> Result<Self, NodeError> {
        let (genesis, key) = config.replica.open().map_err(StartReplicaError::from)?;
        std::fs::create_dir_all(&config.directory)?;
        let archive = Archive::open(&config.directory.join("blocks"), A::notices)?;
        let front = Front::new(application);
        let replica = Malachite::with(&config.replica, genesis.clone(), key, front)?;
        let replica = Arc::new(replica);
        let control = ControlServer::start(config.replica.control, replica.clone())?;
        let served = (genesis, config.objects, config.patience);
        let mut node = Self::serve(Order::Among(replica), archive, served)?;
        node.control = Some(control);
        Ok(node)
    }

    fn serve(
        engine: Order<A>,
        archive: Archive,
        (genesis, objects, patience): (Genesis, Objects, Duration),
    ) -> Result<Self, NodeError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("node")
            .enable_all()
            .build()?;
        let (engine, archive) = (Arc::new(engine), Arc::new(archive));
        let stopping = Arc::new(AtomicBool::new(false));
        let follower = follow(&engine, &archive, &stopping)?;
        Ok(Self {
            engine,
            genesis,
            archive,
            objects,
            runtime,
            stopping,
            follower: Mutex::new(Some(follower)),
            metrics: Metrics::default(),
            patience,
            #[cfg(feature = "malachite")]
            control: None,
        })
    }

    /// The archive of final blocks.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Where each replica is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.engine.status()
    }

    /// Whether it works: false after a replica of a cluster stopped by itself, because its disk failed or
    /// its state contradicts a certificate.
    #[must_use]
    pub fn going(&self) -> bool {
        self.engine.going()
    }

    /// Stops one replica of this process; false if it was not running, or is one of a cluster's.
    pub fn stop_replica(&self, id: ReplicaId) -> bool {
        match self.engine.as_ref() {
            Order::Here(engine) => engine.stop_replica(id),
            #[cfg(feature = "malachite")]
            Order::Among(_) => false,
        }
    }

    /// Starts one replica of this process again from its file.
    ///
    /// # Errors
    /// [`NodeError::Start`].
    pub fn start_replica(&self, id: ReplicaId) -> Result<(), NodeError> {
        match self.engine.as_ref() {
            Order::Here(engine) => Ok(engine.start_replica(id)?),
            #[cfg(feature = "malachite")]
            Order::Among(_) => Err(StartError::NoKey(id).into()),
        }
    }

    /// Asks the first replica that runs.
    fn ask(&self, query: &Query) -> Result<Option<Vec<u8>>, EngineError> {
        let answer = self.engine.query(&self.genesis.roster, query)?;
        // What an answer speaks of can be fetched: the archive is as far.
        let until = Instant::now() + self.patience;
        self.archive.wait(answer.height, until);
        Ok(answer.value)
    }

    /// Refuses what the application would refuse; what was executed already is not refused again.
    fn admit(&self, transaction: &Transaction) -> Result<(), DeskError> {
        let size = transaction.bytes().len();
        let max = self.genesis.limits.transaction_bytes as usize;
        if size > max {
            let reject = Reject::TooLong { size, max };
            return Err(Problem::new(ProblemKind::TooLong, reject).into());
        }
        if self.archive.place(&transaction.id()).is_some() {
            return Ok(());
        }
        let answer = self.ask(&front::question(transaction)).map_err(stalled)?;
        match answer.as_deref().map(front::refusal) {
            // Executed meanwhile: the archive is as far as the answer.
            Some(Some(_)) if self.archive.place(&transaction.id()).is_some() => Ok(()),
            Some(Some(code)) => {
                let (name, text) = A::refusal(code).unwrap_or(("unknown", String::new()));
                Err(Problem::rejected(code, name, text).into())
            }
            _ => Ok(()),
        }
    }

    /// Waits until the replica that is asked has the block, so that a query sees what was submitted.
    fn proved(&self, height: Height, index: u32) -> Result<LedgerProof, DeskError> {
        let until = Instant::now() + self.patience;
        loop {
            let proof = self.engine.prove(height, index).map_err(stalled)?;
            if let Some(proof) = proof {
                self.archive.wait(height, until);
                return Ok(proof);
            }
            if Instant::now() >= until {
                return Err(stalled(EngineError::TimedOut));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn follow<A: Application + 'static>(
    engine: &Arc<Order<A>>,
    archive: &Arc<Archive>,
    stopping: &Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    let blocks = engine.blocks();
    let (engine, archive, stopping) = (engine.clone(), archive.clone(), stopping.clone());
    let follower = move || {
        // What became final before anybody followed.
        catch_up(&engine, &archive);
        while !stopping.load(Ordering::Relaxed) {
            match blocks.next(Duration::from_millis(100)) {
                Ok(delivery) => {
                    if delivery.decision.block.height() > archive.height().next() {
                        catch_up(&engine, &archive);
                    }
                    keep(&archive, delivery);
                }
                Err(EngineError::TimedOut) => {}
                Err(_) => break,
            }
        }
    };
    std::thread::Builder::new()
        .name("archive".into())
        .spawn(follower)
}

fn keep(archive: &Archive, delivery: Arc<Delivery>) {
    if let Err(error) = archive.add(delivery) {
        tracing::error!(%error, "the archive misses a block until the next start");
    }
}

/// Takes the blocks that the engine has and the archive has not.
fn catch_up<A: Application + 'static>(engine: &Order<A>, archive: &Archive) {
    let mut next = archive.height().next();
    while let Ok(Some(delivery)) = engine.block(next) {
        keep(archive, Arc::new(delivery));
        if archive.height() < next {
            return;
        }
        next = archive.height().next();
    }
}

/// An engine that gives no answer, as a problem.
fn stalled(error: EngineError) -> DeskError {
    let kind = match error {
        EngineError::TimedOut => ProblemKind::TimedOut,
        EngineError::Rejected(Reject::PoolFull | Reject::Waiting) => ProblemKind::Busy,
        EngineError::Rejected(_) | EngineError::CounterUsed => ProblemKind::Rejected,
        EngineError::Stopped | EngineError::NotRunning(_) => ProblemKind::Stopped,
    };
    Problem::new(kind, error).into()
}

impl<A: Served + 'static> Desk for Node<A> {
    fn genesis(&self) -> Result<Genesis, DeskError> {
        Ok(self.genesis.clone())
    }

    fn height(&self) -> Result<Height, DeskError> {
        Ok(self.archive.height())
    }

    fn submit(&self, transaction: &Transaction) -> Result<Said, DeskError> {
        self.admit(transaction)?;
        let known = self.archive.place(&transaction.id());
        let (height, index, outcome) = match known {
            Some(place) => place,
            None => {
                let receipt = self.engine.submit(transaction.clone()).map_err(stalled)?;
                match receipt.wait(self.patience) {
                    Ok(reply) => (reply.height, reply.index, reply.outcome),
                    Err(EngineError::CounterUsed) => {
                        // Executed meanwhile, or refused by the application's own name for it.
                        self.admit(transaction)?;
                        let place = self.archive.place(&transaction.id());
                        place.ok_or_else(|| stalled(EngineError::CounterUsed))?
                    }
                    Err(error) => return Err(stalled(error)),
                }
            }
        };
        self.metrics.submitted(outcome.code == 0);
        Ok(Said {
            height,
            index,
            outcome,
            proof: self.proved(height, index)?,
        })
    }

    fn query(&self, path: &str, data: &[u8]) -> Result<Option<Vec<u8>>, DeskError> {
        let query = Query {
            path: path.to_owned(),
            data: data.to_vec(),
        };
        self.ask(&query).map_err(stalled)
    }

    fn block(&self, height: Height) -> Result<Option<Delivery>, DeskError> {
        let block = self.archive.block(height);
        block.map_err(|e| Problem::new(ProblemKind::Internal, e).into())
    }

    fn proof(&self, height: Height, index: u32) -> Result<Option<LedgerProof>, DeskError> {
        if height > self.archive.height() {
            return Ok(None);
        }
        self.engine.prove(height, index).map_err(stalled)
    }

    fn put(&self, digest: ObjectDigest, bytes: &mut (dyn Read + Send)) -> Result<(), DeskError> {
        let pieces = std::iter::from_fn(|| {
            let mut piece = vec![0; 64 << 10];
            match bytes.read(&mut piece) {
                Ok(0) => None,
                Ok(n) => {
                    piece.truncate(n);
                    Some(Ok(Bytes::from(piece)))
                }
                Err(e) => Some(Err(e)),
            }
        });
        let put = self.objects.put(digest, stream::iter(pieces));
        self.runtime.block_on(put)?;
        Ok(())
    }

    fn get(&self, digest: ObjectDigest, out: &mut dyn Write) -> Result<u64, DeskError> {
        self.runtime.block_on(async {
            let (size, mut pieces) = self.objects.get(digest).await?;
            while let Some(piece) = pieces.next().await {
                out.write_all(&piece?).map_err(StorageError::Read)?;
            }
            Ok(size)
        })
    }

    fn size(&self, digest: ObjectDigest) -> Result<Option<u64>, DeskError> {
        Ok(self.runtime.block_on(self.objects.size(digest))?)
    }
}

impl<A: Served + 'static> Drop for Node<A> {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        let mut follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(follower) = follower.take()
            && follower.join().is_err()
        {
            tracing::error!("the archive's thread panicked");
        }
    }
}

/// What a transaction did, as JSON.
fn said_to_json<A: Served>(transaction: &Transaction, said: &Said, events: Vec<Value>) -> Value {
    use eligo_ledger::wire::Wire;
    let name = match said.outcome.code {
        0 => "accepted",
        code => A::refusal(code).map_or("unknown", |(name, _)| name),
    };
    serde_json::json!({
        "transaction": transaction.id().to_string(),
        "height": said.height.get(),
        "index": said.index,
        "outcome": {
            "code": said.outcome.code,
            "name": name,
            "data": hex::encode(&said.outcome.data),
        },
        "events": events,
        "proof": hex::encode(said.proof.to_wire()),
    })
}
