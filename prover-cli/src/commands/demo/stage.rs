//! The ledger of the demonstration: four replicas, five proxies, storage on disk, in this process.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use ed25519_dalek::SigningKey;
use eligo_circuits::issuer::IssuerKey;
use eligo_ledger::pool::PoolLimits;
use eligo_marketplace::{
    agent::{Account, HospitalAgent, Journal, Registration, sealed_entry},
    application::Market,
    certificate::{Level, Role},
    client::Client,
    credits::Credits,
    name::{AccountId, ChainId},
    node::{
        Node, NodeConfig,
        dev::{DevChain, DevTerms},
    },
    storage::Objects,
    transaction::Body,
};
use rand_core::OsRng;

use super::{
    Tour,
    parties::{HOSPITAL_NAME, INSTITUTE_NAME, MARTA, NORA},
};
use crate::{
    commands::hospital,
    document,
    failure::{Attempt, Failure},
    ledger_key::ledger_key,
    market::{admission::admit, audit::short},
    moment,
    publisher::Publisher,
};

/// What the hospital stands for its records with.
const BOND: u64 = 10_000;
/// What the institute has to spend.
const BUDGET: u64 = 5_000;
/// How long the institute may dispute, in milliseconds: short, for a demonstration.
const DISPUTE_MS: u64 = 1_500;

/// Where the demonstration plays.
pub struct Stage {
    /// Everyone's keys that nobody brings along.
    pub chain: DevChain,
    /// A client that checks what the node says.
    pub client: Client<Arc<Node<Market>>>,
    /// The hospital's account.
    pub hospital: SigningKey,
    /// The institute's account.
    pub institute: SigningKey,
}

impl Stage {
    /// The node, to stop a replica of.
    pub fn node(&self) -> &Node<Market> {
        self.client.desk()
    }

    /// The chain's identity.
    pub fn id(&self) -> ChainId {
        ChainId::from(self.client.chain())
    }
}

/// Starts four replicas on disk.
pub fn start(folder: &Path) -> Attempt<(DevChain, Arc<Node<Market>>)> {
    let mut terms = DevTerms::quick("eligo-demo", moment::now()? * 1000 - 1000);
    terms.parameters.dispute_ms = DISPUTE_MS;
    let chain = DevChain::open(folder, &terms, &mut OsRng).map_err(Failure::unexpected)?;
    let config = NodeConfig {
        directory: folder.to_owned(),
        genesis: chain.genesis().clone(),
        keys: chain.replicas().clone(),
        pool: PoolLimits::default(),
        objects: Objects::local(&folder.join("objects")).map_err(Failure::unexpected)?,
        patience: Duration::from_secs(30),
    };
    let node = Node::start(config, |_| Market::new()).map_err(Failure::unexpected)?;
    Ok((chain, Arc::new(node)))
}

impl Tour<'_> {
    /// Ledger, parties, records.
    pub fn set(&self) -> Attempt<Stage> {
        self.chapter("Four replicas agree on every step; the registrar admits the parties");
        let at = Instant::now();
        let (chain, node) = start(&self.path("node"))?;
        let client = Client::new(chain.genesis().clone(), node)?;
        let name = short(&client.chain().to_string());
        let text = format!("node/: chain {name}, beacon key by distributed generation, 5 proxies");
        self.line(at, "node", &text);
        let issuer = hospital::read_key(&self.source("hospital.key"), &self.silent)?;
        let institute = Publisher::read(&self.source("institute.key"), &self.silent)?;
        let stage = Stage {
            hospital: ledger_key(&issuer)?,
            institute: institute.signing_key().clone(),
            chain,
            client,
        };
        self.admit(&stage, &issuer)?;
        for name in [MARTA, NORA] {
            self.register(&stage, name)?;
        }
        Ok(stage)
    }

    fn admit(&self, stage: &Stage, issuer: &IssuerKey) -> Attempt<()> {
        let at = Instant::now();
        let (client, registrar) = (&stage.client, stage.chain.registrar());
        let hospital = Role::Hospital {
            level: Level::Tertiary,
            issuer_key: issuer.public().schnorr().to_bytes(),
        };
        let of = |key: &SigningKey| AccountId::of(&key.verifying_key());
        let role = (HOSPITAL_NAME, hospital);
        admit(client, registrar, of(&stage.hospital), role, BOND)?;
        let amount = Credits::new(BOND);
        let account = Account::new(client, &stage.hospital);
        account.send(Body::DepositBond { amount })?.accepted()?;
        let role = (INSTITUTE_NAME, Role::Institution);
        admit(client, registrar, of(&stage.institute), role, BUDGET)?;
        let text = format!("{HOSPITAL_NAME}, bond {BOND}; {INSTITUTE_NAME}, budget {BUDGET}");
        self.line(at, "registrar", &text);
        Ok(())
    }

    /// Hospital and patient sign the entry; the hospital stores the ciphertext and registers it.
    fn register(&self, stage: &Stage, name: &str) -> Attempt<()> {
        let at = Instant::now();
        let capsule = document::read_capsule(&self.source(&format!("{name}.sealed.capsule")))?;
        let encounter = self.encounter(name)?;
        let digest = hex::encode(capsule.ciphertext_digest());
        let uri = format!("eligo-object:{digest}");
        let entry = sealed_entry(
            &stage.id(),
            &capsule,
            &uri,
            &encounter,
            &stage.hospital,
            None,
        )?;
        let registration = Registration {
            entry,
            ciphertext: self.path(&format!("{name}.sealed")),
        };
        let journal = Journal::open(&self.path("journals/hospital"));
        let journal = journal.map_err(Failure::unexpected)?;
        let inbox = self.path("journals/inbox");
        let agent = HospitalAgent::new(&stage.client, &stage.hospital, &inbox, journal);
        agent.register(&registration)?;
        let record = registration.entry.entry.name().to_string();
        let text = format!(
            "{name}'s record {} on the ledger, ciphertext stored",
            short(&record)
        );
        self.line(at, "agent hospital", &text);
        Ok(())
    }
}
