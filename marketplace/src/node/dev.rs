//! A chain of one's own with no set-up: four replicas, five proxies, a registrar and a beacon, whose keys
//! all lie in one folder. For trying things out: who has the folder is everyone.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use eligo_ledger::application::{Genesis, Limits, Timeouts};
use eligo_ledger::height::{ReplicaId, Time};
use eligo_ledger::identity::SecretKey;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::{Class, Member, Roster, RosterError};
use eligo_ledger::wire::{Wire, WireError};
use eligo_sharing::beacon::BeaconSigner;
use eligo_sharing::dkg::{GroupKey, KeyShare, Purpose};
use eligo_sharing::keys::ProxyKey;
use eligo_sharing::letter::LetterKey;
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::agent::{BeaconHands, ProxyIdentity};
use crate::ceremony::generate_in_process;
use crate::certificate::{Certificate, Role};
use crate::credits::Credits;
use crate::encoding::{Blob, List, Text};
use crate::genesis::{Arbiter, FirstProxy, Holding, MarketGenesis, Parameters};
use crate::name::AccountId;
use crate::transaction::ProxyEntry;

/// Replicas of a development chain.
pub const REPLICAS: u16 = 4;
/// Proxies of a development chain.
pub const PROXIES: u16 = 5;
/// What the registrar holds at first, to be handed out.
pub const TREASURY: u64 = 1_000_000_000;
/// What each proxy stakes.
const STAKE: u64 = 1_000;

const GENESIS: &str = "genesis";
const SECRETS: &str = "secrets.json";
const FORMAT: &str = "eligo development chain";
const VERSION: u32 = 1;
const LIMIT: u64 = 1 << 20;

/// Why there is no development chain.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// A file.
    #[error("{file}: {error}")]
    File {
        /// Which one.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The genesis document is damaged.
    #[error("the genesis document: {0}")]
    Genesis(#[from] WireError),
    /// The secrets are damaged.
    #[error("the chain's secrets are damaged: {0}")]
    Secrets(&'static str),
    /// The replicas make no roster.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The beacon's key was not made.
    #[error("the beacon's key was not made")]
    Beacon,
}

/// A development chain: its genesis document and everyone's keys.
pub struct DevChain {
    genesis: Genesis,
    replicas: BTreeMap<ReplicaId, Arc<SecretKey>>,
    registrar: SigningKey,
    arbiters: Vec<(ReplicaId, SigningKey, LetterKey)>,
    proxies: Vec<ProxyIdentity>,
    beacon: BeaconHands,
}

impl std::fmt::Debug for DevChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevChain")
            .field("chain", &self.genesis.digest())
            .finish_non_exhaustive()
    }
}

/// What a new chain keeps to.
#[derive(Clone, Debug)]
pub struct DevTerms {
    /// Its name.
    pub name: String,
    /// Milliseconds since 1970: blocks are later.
    pub time_ms: u64,
    /// Amounts and times.
    pub parameters: Parameters,
    /// The pace.
    pub timeouts: Timeouts,
}

impl DevTerms {
    /// For trying things out: a dispute window of two seconds.
    #[must_use]
    pub fn quick(name: &str, time_ms: u64) -> Self {
        Self {
            name: name.to_owned(),
            time_ms,
            parameters: Parameters {
                dispute_ms: 2_000,
                ..Parameters::default()
            },
            timeouts: Timeouts {
                request_ms: 1_000,
                resend_ms: 200,
                heartbeat_ms: 1_000,
                interval_ms: 0,
                ..Timeouts::default()
            },
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplicaSecrets {
    replica: String,
    arbiter: String,
    letters: String,
    beacon: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Secrets {
    format: String,
    version: u32,
    registrar: String,
    replicas: Vec<ReplicaSecrets>,
    proxies: Vec<String>,
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.registrar.zeroize();
        for r in &mut self.replicas {
            let all = [
                &mut r.replica,
                &mut r.arbiter,
                &mut r.letters,
                &mut r.beacon,
            ];
            all.into_iter().for_each(Zeroize::zeroize);
        }
        self.proxies.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl DevChain {
    /// The chain in a folder; made there first if there is none.
    ///
    /// # Errors
    /// [`DevError`].
    pub fn open(
        folder: &Path,
        terms: &DevTerms,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Self, DevError> {
        if !folder.join(GENESIS).exists() {
            Self::make(folder, terms, rng)?;
        }
        Self::read(folder)
    }

    /// Where the genesis document is, for clients to check proofs against.
    #[must_use]
    pub fn genesis_file(folder: &Path) -> PathBuf {
        folder.join(GENESIS)
    }

    /// The genesis document.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The replicas' signing keys.
    #[must_use]
    pub const fn replicas(&self) -> &BTreeMap<ReplicaId, Arc<SecretKey>> {
        &self.replicas
    }

    /// Who certifies, and holds the treasury.
    #[must_use]
    pub const fn registrar(&self) -> &SigningKey {
        &self.registrar
    }

    /// The proxies.
    #[must_use]
    pub fn proxies(&self) -> &[ProxyIdentity] {
        &self.proxies
    }

    /// Who judges disputes: for which replica, with which account, and which letters are theirs.
    #[must_use]
    pub fn arbiters(&self) -> &[(ReplicaId, SigningKey, LetterKey)] {
        &self.arbiters
    }

    /// The beacon's signers.
    #[must_use]
    pub const fn beacon(&self) -> &BeaconHands {
        &self.beacon
    }

    fn make(
        folder: &Path,
        terms: &DevTerms,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<(), DevError> {
        let registrar = seed(rng);
        let letters: Vec<LetterKey> = (0..REPLICAS).map(|_| LetterKey::generate(rng)).collect();
        let size = (usize::from(REPLICAS), u64::from(REPLICAS) / 3 + 1);
        let made = generate_in_process(Purpose::Beacon, terms.name.as_bytes(), size, rng);
        let (group, shares) = made.ok_or(DevError::Beacon)?;
        let mut members = Vec::new();
        let mut arbiters = Vec::new();
        let mut replicas = Vec::new();
        for ((number, letter), share) in (0..REPLICAS).zip(&letters).zip(&shares) {
            let (replica, arbiter) = (seed(rng), seed(rng));
            members.push(Member {
                id: ReplicaId::new(number),
                key: SecretKey::from_seed(replica.clone()).public(),
                power: 1,
                class: Class::Tertiary,
                may_propose: true,
                votes: true,
                region: String::new(),
            });
            arbiters.push(Arbiter {
                replica: ReplicaId::new(number),
                account: account(&arbiter),
                letters: *letter.public().as_bytes(),
            });
            replicas.push(ReplicaSecrets {
                replica: hex::encode(replica.as_slice()),
                arbiter: hex::encode(arbiter.as_slice()),
                letters: hex::encode(letter.expose()),
                beacon: hex::encode(share.to_bytes().as_slice()),
            });
        }
        let proxies: Vec<ProxyIdentity> = (1..=PROXIES)
            .map(|n| ProxyIdentity::generate(&format!("Proxy {n}"), rng))
            .collect();
        let market = MarketGenesis {
            registrar: account(&registrar),
            holdings: holdings(&account(&registrar), &proxies)?,
            parties: List::new(proxies.iter().map(certificate).collect::<Result<_, _>>()?)?,
            proxies: List::new(proxies.iter().map(first).collect())?,
            arbiters: List::new(arbiters)?,
            beacon: Blob::new(group.to_bytes())?,
            parameters: terms.parameters.clone(),
        };
        let genesis = Genesis {
            name: terms.name.clone(),
            time: Time::new(terms.time_ms),
            roster: Roster::first(members)?,
            policy: ProposerPolicy::Sticky,
            timeouts: terms.timeouts,
            limits: Limits::default(),
            checkpoint_every: 64,
            app_state: market.to_app_state(),
        };
        let secrets = Secrets {
            format: FORMAT.to_owned(),
            version: VERSION,
            registrar: hex::encode(registrar.as_slice()),
            replicas,
            proxies: proxies.iter().map(|p| p.to_json().to_string()).collect(),
        };
        std::fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
        let text = serde_json::to_string(&secrets).map_err(|_| DevError::Secrets("encoding"))?;
        write(
            &folder.join(SECRETS),
            Zeroizing::new(text).as_bytes(),
            0o600,
        )?;
        let keys = folder.join("proxies");
        std::fs::create_dir_all(&keys).map_err(|error| at(&keys, error))?;
        for (n, proxy) in (1u16..).zip(&proxies) {
            let file = keys.join(format!("proxy-{n}.key"));
            write(&file, proxy.to_json().as_bytes(), 0o600)?;
        }
        // Last: a chain with a genesis document is whole.
        write(&folder.join(GENESIS), &genesis.to_wire(), 0o644)
    }

    fn read(folder: &Path) -> Result<Self, DevError> {
        let genesis = Genesis::from_wire(&bounded(&folder.join(GENESIS))?)?;
        let text = Zeroizing::new(bounded(&folder.join(SECRETS))?);
        let secrets: Secrets =
            serde_json::from_slice(&text).map_err(|_| DevError::Secrets("not JSON"))?;
        if secrets.format != FORMAT || secrets.version != VERSION {
            return Err(DevError::Secrets("another format or version"));
        }
        let market = MarketGenesis::from_wire(&genesis.app_state)?;
        let group = GroupKey::from_bytes(market.beacon.as_slice()).map_err(|_| DevError::Beacon)?;
        let mut replicas = BTreeMap::new();
        let mut arbiters = Vec::new();
        let mut signers = Vec::new();
        for (number, r) in (0u16..).zip(&secrets.replicas) {
            let id = ReplicaId::new(number);
            replicas.insert(id, Arc::new(SecretKey::from_seed(unhex(&r.replica)?)));
            let letters = LetterKey::from_bytes(unhex(&r.letters)?.as_slice());
            let letters = letters.map_err(|_| DevError::Secrets("letter key"))?;
            arbiters.push((id, SigningKey::from_bytes(&*unhex(&r.arbiter)?), letters));
            let share = hex::decode(&r.beacon).map(Zeroizing::new);
            let share = share.map_err(|_| DevError::Secrets("beacon share"))?;
            let share = KeyShare::from_bytes(&share, &group).map_err(|_| DevError::Beacon)?;
            signers.push(BeaconSigner::new(share).map_err(|_| DevError::Beacon)?);
        }
        let proxies = secrets.proxies.iter().map(|text| {
            ProxyIdentity::from_json(text.as_bytes()).map_err(|_| DevError::Secrets("proxy"))
        });
        Ok(Self {
            replicas,
            registrar: SigningKey::from_bytes(&*unhex(&secrets.registrar)?),
            arbiters,
            proxies: proxies.collect::<Result<_, _>>()?,
            beacon: BeaconHands::new(group, signers),
            genesis,
        })
    }
}

fn seed(rng: &mut (impl CryptoRng + RngCore)) -> Zeroizing<[u8; 32]> {
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(seed.as_mut_slice());
    seed
}

fn account(seed: &[u8; 32]) -> AccountId {
    AccountId::of(&SigningKey::from_bytes(seed).verifying_key())
}

fn holdings(
    registrar: &AccountId,
    proxies: &[ProxyIdentity],
) -> Result<List<Holding, 65536>, WireError> {
    let treasury = Holding {
        account: *registrar,
        credits: Credits::new(TREASURY),
    };
    let stakes = proxies.iter().map(|p| Holding {
        account: p.account(),
        credits: Credits::new(2 * STAKE),
    });
    List::new(std::iter::once(treasury).chain(stakes).collect())
}

/// Every proxy an organisation of its own: no organisation may weigh more than a third.
fn certificate(proxy: &ProxyIdentity) -> Result<Certificate, WireError> {
    Ok(Certificate {
        subject: proxy.account(),
        name: Text::new(proxy.name())?,
        role: Role::Proxy {
            organisation: Text::new(format!("Operator of {}", proxy.name()))?,
        },
        serial: 1,
    })
}

fn first(proxy: &ProxyIdentity) -> FirstProxy {
    FirstProxy {
        account: proxy.account(),
        entry: proxy_entry(proxy.key(), STAKE),
    }
}

/// A proxy's entry into the roster.
#[must_use]
pub fn proxy_entry(key: &ProxyKey, stake: u64) -> ProxyEntry {
    ProxyEntry {
        key: key.public().to_bytes(),
        possession: key.prove_possession().to_bytes(),
        stake: Credits::new(stake),
    }
}

fn at(file: &Path, error: std::io::Error) -> DevError {
    let file = file.to_owned();
    DevError::File { file, error }
}

/// Writes a file whole or not at all; never over another.
fn write(file: &Path, bytes: &[u8], mode: u32) -> Result<(), DevError> {
    let staged = file.with_extension("new");
    let written = || {
        std::fs::remove_file(&staged).ok();
        let mut options = std::fs::OpenOptions::new();
        let mut out = options
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&staged)?;
        out.set_permissions(std::fs::Permissions::from_mode(mode))?;
        out.write_all(bytes)?;
        out.sync_all()?;
        std::fs::rename(&staged, file)
    };
    written().map_err(|error| at(file, error))
}

fn bounded(file: &Path) -> Result<Vec<u8>, DevError> {
    let length = std::fs::metadata(file)
        .map_err(|error| at(file, error))?
        .len();
    if length > LIMIT {
        return Err(DevError::Secrets("too long"));
    }
    std::fs::read(file).map_err(|error| at(file, error))
}

fn unhex(text: &str) -> Result<Zeroizing<[u8; 32]>, DevError> {
    let mut bytes = Zeroizing::new([0; 32]);
    let read = hex::decode_to_slice(text, bytes.as_mut_slice());
    read.map_err(|_| DevError::Secrets("expected 64 hexadecimal digits"))?;
    Ok(bytes)
}
