//! A cluster of one replica a process: its folder, its replicas' configuration, their keys.
//!
//! [`found`] writes a ready cluster: the genesis document, and for each replica a folder with its key
//! (mode 0600) and its configuration. A folder can be carried to its machine as it is; only the
//! addresses need to be changed there. [`control`] is how a running replica is asked.

pub mod control;

use crate::application::{Genesis, Limits, Timeouts};
use crate::height::{ReplicaId, Time};
use crate::identity::{PublicKey, SecretKey};
use crate::proposer::ProposerPolicy;
use crate::roster::{Class, Member, Roster, RosterError};
use crate::wire::{Wire, WireError};
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The genesis document of a cluster.
pub const GENESIS: &str = "genesis";
/// A replica's configuration, in its folder.
pub const CONFIG: &str = "replica.json";
/// A replica's key, in its folder: 64 hexadecimal digits, mode 0600.
const KEY: &str = "key";
/// A replica's ledger, in its folder.
const DATA: &str = "data";
const MAX_CONFIG: u64 = 1 << 20;
const MAX_GENESIS: u64 = 32 << 20;

/// Why a cluster's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A file.
    #[error("{file}: {error}")]
    File {
        /// Which one.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is longer than any of its kind.
    #[error("{file} is too long")]
    TooLong {
        /// Which one.
        file: PathBuf,
    },
    /// A configuration does not read.
    #[error("{file}: {error}")]
    Config {
        /// Which one.
        file: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// The genesis document is damaged.
    #[error("{file}: {error}")]
    Genesis {
        /// Which one.
        file: PathBuf,
        /// Why.
        error: WireError,
    },
    /// Not a key.
    #[error("{file} is not a replica's key")]
    Key {
        /// Which one.
        file: PathBuf,
    },
    /// Others can read a key.
    #[error("{file} can be read by others (mode {mode:o}); make it 0600")]
    Exposed {
        /// Which one.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The key is not the one the genesis roster names.
    #[error("the key is not replica {0}'s on this chain")]
    OtherKey(ReplicaId),
    /// The replicas make no roster.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// There is a cluster already, or a part of one.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// There is no replica in the folder.
    #[error("{0}: no cluster is there")]
    Empty(PathBuf),
    /// The ports would pass 65,535.
    #[error("no {0} ports from there on")]
    Ports(u16),
}

/// Another replica, as a configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Its number.
    pub id: u16,
    /// Where it listens for replicas.
    pub address: SocketAddr,
    /// Its network key, [`SecretKey::network`], 64 hexadecimal digits.
    pub network_key: String,
}

/// One replica's configuration: the content of its one file. Paths are relative to that file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicaConfig {
    /// Its number in the roster.
    pub id: u16,
    /// The genesis document.
    pub genesis: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The folder of its ledger.
    pub data: PathBuf,
    /// Where it listens for replicas.
    pub listen: SocketAddr,
    /// Where it can be asked and given transactions. Without authentication: a loopback address.
    pub control: SocketAddr,
    /// The other replicas: nobody else is talked to.
    pub peers: Vec<Peer>,
    /// How many transactions may wait here.
    pub pool_transactions: usize,
    /// How many bytes of transactions may wait here.
    pub pool_bytes: usize,
    /// How many blocks to keep below the last stable checkpoint, whose snapshot is kept in any case; all
    /// if absent. Of a dropped block nothing can be proven here any longer.
    #[serde(default)]
    pub keep_blocks: Option<u64>,
}

impl ReplicaConfig {
    /// Reads a configuration; its paths are then absolute or relative to the working folder.
    ///
    /// # Errors
    /// [`ClusterError`], naming the file.
    pub fn read(file: &Path) -> Result<Self, ClusterError> {
        let bytes = read_bounded(file, MAX_CONFIG)?;
        let mut config: ReplicaConfig =
            serde_json::from_slice(&bytes).map_err(|error| ClusterError::Config {
                file: file.to_owned(),
                error,
            })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        config.genesis = folder.join(&config.genesis);
        config.key = folder.join(&config.key);
        config.data = folder.join(&config.data);
        Ok(config)
    }

    /// The replica's number.
    #[must_use]
    pub const fn replica(&self) -> ReplicaId {
        ReplicaId::new(self.id)
    }

    /// Reads the genesis document and the key, which must belong together.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub fn open(&self) -> Result<(Genesis, SecretKey), ClusterError> {
        let genesis = read_genesis(&self.genesis)?;
        let key = read_key(&self.key)?;
        let member = genesis.roster.member(self.replica());
        if member.is_some_and(|m| m.key != key.public()) {
            return Err(ClusterError::OtherKey(self.replica()));
        }
        Ok((genesis, key))
    }
}

/// What a new cluster is to be.
#[derive(Clone, Debug)]
pub struct Charter {
    /// A name for people.
    pub name: String,
    /// Blocks are later than this.
    pub time: Time,
    /// How many replicas, all voting and proposing.
    pub replicas: u16,
    /// Who proposes at first.
    pub policy: ProposerPolicy,
    /// The pace at first.
    pub timeouts: Timeouts,
    /// The sizes, for good.
    pub limits: Limits,
    /// The application's initial state, opaque here.
    pub app_state: Vec<u8>,
    /// Where all replicas listen at first; other machines' addresses are for the operators to enter.
    pub host: IpAddr,
    /// Replica i listens on this port plus i, and is asked on this port plus 100 plus i.
    pub base_port: u16,
}

/// How far a replica's control port is from its own.
const CONTROL: u16 = 100;

impl Charter {
    fn listens(&self, i: u16) -> SocketAddr {
        SocketAddr::new(self.host, self.base_port.wrapping_add(i))
    }
    fn is_asked(&self, i: u16) -> SocketAddr {
        let port = self.base_port.wrapping_add(CONTROL).wrapping_add(i);
        SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port)
    }
}

/// Writes a ready cluster into a folder: the genesis document, and a folder for each replica with its
/// key and configuration. Nothing that exists is overwritten.
///
/// # Errors
/// [`ClusterError`]; what was written until then stays.
pub fn found(
    dir: &Path,
    charter: &Charter,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Genesis, ClusterError> {
    let n = charter.replicas;
    if n > CONTROL || charter.base_port.checked_add(2 * CONTROL).is_none() {
        return Err(ClusterError::Ports(n));
    }
    let keys: Vec<SecretKey> = (0..n)
        .map(|_| {
            let mut seed = Zeroizing::new([0u8; 32]);
            rng.fill_bytes(seed.as_mut());
            SecretKey::from_seed(seed)
        })
        .collect();
    let members = (0..n).zip(&keys).map(|(i, key)| member(i, key.public()));
    let genesis = Genesis {
        name: charter.name.clone(),
        time: charter.time,
        roster: Roster::first(members.collect())?,
        policy: charter.policy.clone(),
        timeouts: charter.timeouts,
        limits: charter.limits,
        checkpoint_every: 128,
        app_state: charter.app_state.clone(),
    };
    let folders = (0..n).map(|i| replica_folder(dir, ReplicaId::new(i)));
    if let Some(there) = folders
        .chain([dir.join(GENESIS)])
        .find(|path| path.exists())
    {
        return Err(ClusterError::Exists(there));
    }
    make_folder(dir)?;
    write_new(&dir.join(GENESIS), &genesis.to_wire(), 0o644)?;
    let peers: Vec<Peer> = (0..n)
        .zip(&keys)
        .map(|(i, key)| Peer {
            id: i,
            address: charter.listens(i),
            network_key: hex::encode(key.network().public().as_bytes()),
        })
        .collect();
    for (i, key) in (0..n).zip(&keys) {
        let folder = replica_folder(dir, ReplicaId::new(i));
        make_folder(&folder)?;
        let digits = Zeroizing::new(format!("{}\n", hex::encode(key.to_seed())));
        write_new(&folder.join(KEY), digits.as_bytes(), 0o600)?;
        let config = ReplicaConfig {
            id: i,
            genesis: Path::new("..").join(GENESIS),
            key: KEY.into(),
            data: DATA.into(),
            listen: charter.listens(i),
            control: charter.is_asked(i),
            peers: peers.iter().filter(|p| p.id != i).cloned().collect(),
            pool_transactions: 100_000,
            pool_bytes: 64 << 20,
            keep_blocks: None,
        };
        let file = folder.join(CONFIG);
        let error = |error| ClusterError::Config {
            file: file.clone(),
            error,
        };
        let mut text = serde_json::to_string_pretty(&config).map_err(error)?;
        text.push('\n');
        write_new(&file, text.as_bytes(), 0o644)?;
    }
    Ok(genesis)
}

/// A replica's folder in a cluster's.
#[must_use]
pub fn replica_folder(dir: &Path, id: ReplicaId) -> PathBuf {
    dir.join(format!("replica-{id}"))
}

/// The configurations in a cluster's folder, in order of the replicas' numbers.
///
/// # Errors
/// [`ClusterError`].
pub fn configurations(dir: &Path) -> Result<Vec<ReplicaConfig>, ClusterError> {
    let error = |error| ClusterError::File {
        file: dir.to_owned(),
        error,
    };
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).map_err(error)? {
        let file = entry.map_err(error)?.path().join(CONFIG);
        if file.is_file() {
            all.push(ReplicaConfig::read(&file)?);
        }
    }
    if all.is_empty() {
        return Err(ClusterError::Empty(dir.to_owned()));
    }
    all.sort_by_key(|c| c.id);
    Ok(all)
}

/// Reads a genesis document.
///
/// # Errors
/// [`ClusterError`].
pub fn read_genesis(file: &Path) -> Result<Genesis, ClusterError> {
    let bytes = read_bounded(file, MAX_GENESIS)?;
    Genesis::from_wire(&bytes).map_err(|error| ClusterError::Genesis {
        file: file.to_owned(),
        error,
    })
}

fn member(id: u16, key: PublicKey) -> Member {
    Member {
        id: ReplicaId::new(id),
        key,
        power: 1,
        class: Class::Tertiary,
        may_propose: true,
        votes: true,
        region: String::new(),
    }
}

/// Reads a key that nobody else can read.
fn read_key(file: &Path) -> Result<SecretKey, ClusterError> {
    let digits = Zeroizing::new(read_bounded(file, 128)?);
    only_ours(file)?;
    let mut seed = Zeroizing::new([0u8; 32]);
    let trimmed = digits.trim_ascii_end();
    hex::decode_to_slice(trimmed, seed.as_mut()).map_err(|_| ClusterError::Key {
        file: file.to_owned(),
    })?;
    Ok(SecretKey::from_seed(seed))
}

#[cfg(unix)]
fn only_ours(file: &Path) -> Result<(), ClusterError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::metadata(file).map_err(|error| ClusterError::File {
        file: file.to_owned(),
        error,
    })?;
    match metadata.permissions().mode() & 0o777 {
        mode if mode & 0o077 == 0 => Ok(()),
        mode => Err(ClusterError::Exposed {
            file: file.to_owned(),
            mode,
        }),
    }
}

#[cfg(not(unix))]
fn only_ours(_: &Path) -> Result<(), ClusterError> {
    Ok(())
}

fn read_bounded(file: &Path, limit: u64) -> Result<Vec<u8>, ClusterError> {
    let error = |error| ClusterError::File {
        file: file.to_owned(),
        error,
    };
    let mut bytes = Vec::new();
    let source = File::open(file).map_err(error)?;
    source
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(error)?;
    if bytes.len() as u64 > limit {
        return Err(ClusterError::TooLong {
            file: file.to_owned(),
        });
    }
    Ok(bytes)
}

fn make_folder(dir: &Path) -> Result<(), ClusterError> {
    fs::create_dir_all(dir).map_err(|error| ClusterError::File {
        file: dir.to_owned(),
        error,
    })
}

fn write_new(file: &Path, bytes: &[u8], mode: u32) -> Result<(), ClusterError> {
    let error = |error| ClusterError::File {
        file: file.to_owned(),
        error,
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    set_mode(&mut options, mode);
    let mut out = options.open(file).map_err(error)?;
    out.write_all(bytes).map_err(error)?;
    out.sync_all().map_err(error)
}

#[cfg(unix)]
fn set_mode(options: &mut OpenOptions, mode: u32) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(mode);
}

#[cfg(not(unix))]
fn set_mode(_: &mut OpenOptions, _: u32) {}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;

    fn charter(replicas: u16) -> Charter {
        Charter {
            name: "test".into(),
            time: Time::new(1),
            replicas,
            policy: ProposerPolicy::Rotation,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            app_state: Vec::new(),
            host: IpAddr::from([127, 0, 0, 1]),
            base_port: 7200,
        }
    }

    #[test]
    fn a_new_cluster_can_be_opened_by_each_replica() {
        let dir = tempfile::tempdir().unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let genesis = found(dir.path(), &charter(4), &mut rng).unwrap();
        let all = configurations(dir.path()).unwrap();
        assert_eq!(all.len(), 4);
        for config in &all {
            let (found, key) = config.open().unwrap();
            assert_eq!(found, genesis);
            assert_eq!(config.peers.len(), 3);
            let others = all.iter().filter(|c| c.id != config.id);
            for other in others {
                let seen = other.peers.iter().find(|p| p.id == config.id).unwrap();
                let network = hex::encode(key.network().public().as_bytes());
                assert_eq!((seen.address, &seen.network_key), (config.listen, &network));
            }
        }
    }

    #[test]
    fn nothing_is_overwritten_and_three_are_too_few() {
        let dir = tempfile::tempdir().unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        found(dir.path(), &charter(4), &mut rng).unwrap();
        let again = found(dir.path(), &charter(4), &mut rng);
        assert!(matches!(again, Err(ClusterError::Exists(_))));
        // Nor where only a part of one is left: keys of one chain beside the genesis of another are of no use.
        fs::remove_file(dir.path().join(GENESIS)).unwrap();
        let beside = found(dir.path(), &charter(4), &mut rng);
        assert!(matches!(beside, Err(ClusterError::Exists(_))));
        assert!(!dir.path().join(GENESIS).exists());
        let none = configurations(tempfile::tempdir().unwrap().path());
        assert!(matches!(none, Err(ClusterError::Empty(_))));
        let other = tempfile::tempdir().unwrap();
        let few = found(other.path(), &charter(3), &mut rng);
        assert!(matches!(few, Err(ClusterError::Roster(_))));
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_ours_alone_and_must_stay_so() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        found(dir.path(), &charter(4), &mut rng).unwrap();
        let config = &configurations(dir.path()).unwrap()[0];
        let mode = fs::metadata(&config.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&config.key, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(config.open(), Err(ClusterError::Exposed { .. })));
    }
}
