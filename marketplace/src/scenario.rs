//! A made-up market around any prover: parties, a sealed record, a published requirement, a valid claim
//! with its shares. What tests and benches start from; every step may be done differently.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use eligo_ledger::application::{Genesis, Limits, Timeouts};
use eligo_ledger::block::Transaction;
use eligo_ledger::height::{ReplicaId, Time};
use eligo_ledger::identity::SecretKey;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::{Class, Member, Roster};
use eligo_sharing::beacon::BeaconSigner;
use eligo_sharing::dkg::{GroupKey, Purpose};
use eligo_sharing::keys::{ProxyKey, ProxyPublicKey, ReceivingKey, RecordKey};
use eligo_sharing::letter::LetterKey;
use eligo_sharing::tcpre::{
    Capsule, GrantTerms, Label, ProxyRoster, RecordId, SchemaId, SignedGrant, VerifiedGrant,
    Window, grant, seal,
};
use eligo_verifier_contract::{
    Day, IssuersRoot, Nullifier, Proof, PublicInputs, Requirement, Sealed, VerifyingKey,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::ceremony::{generate_in_process, sign_round};
use crate::certificate::{Certificate, Level, Role};
use crate::credits::Credits;
use crate::encoding::{Blob, List, Text};
use crate::entry::{RecordEntry, SignedEntry};
use crate::genesis::{Arbiter, FirstProxy, Holding, MarketGenesis, Parameters};
use crate::name::{AccountId, ChainId, ClaimId, RecordName, RequirementName};
use crate::offer::{Draft, Licence, Offer, Question};
use crate::transaction::{
    Body, ClaimRequest, CountRequest, ProxyEntry, SignedTransaction, claim_context,
};

/// The first block's time, milliseconds since 1970: 15 June 2025.
pub const START_MS: u64 = 1_750_000_000_000;
/// What every account of the scenario that needs money starts with.
pub const HOLDING: Credits = Credits::new(1_000_000);

/// Proves the eligibility statement of a hospital's patients, whichever circuit that takes.
pub trait Prover {
    /// The key that checks its proofs.
    fn verifying_key(&self) -> VerifyingKey;
    /// The issuer keys of the hospitals it makes credentials for, packed as circomlib does.
    fn issuers(&self) -> Vec<[u8; 32]>;
    /// A person's nullifier.
    fn nullifier(&self, person: u64, requirement: Requirement) -> Nullifier;
    /// Proves these public inputs for a person whose credential names `inputs.sealed`.
    fn prove(&mut self, person: u64, inputs: &PublicInputs) -> Proof;
}

/// A party with an account.
#[derive(Debug)]
pub struct Actor {
    /// Signs its transactions.
    pub key: SigningKey,
}

impl Actor {
    /// An account of its own.
    #[must_use]
    pub fn new(rng: &mut ChaCha20Rng) -> Self {
        let key = signing_key(rng);
        Self { key }
    }

    /// Its account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        AccountId::of(&self.key.verifying_key())
    }
}

/// A proxy: account and re-encryption key.
#[derive(Debug)]
pub struct ProxyActor {
    /// Its account.
    pub actor: Actor,
    /// e.
    pub key: ProxyKey,
}

/// Who judges for a replica.
#[derive(Debug)]
pub struct ArbiterActor {
    /// Its account.
    pub actor: Actor,
    /// Opens letters to it.
    pub letters: LetterKey,
}

/// A sealed record with the secrets of the encounter it was made in.
#[derive(Debug)]
pub struct SealedRecord {
    /// a.
    pub key: RecordKey,
    /// Signs entry, grants, revocations.
    pub signer: SigningKey,
    /// The capsule.
    pub capsule: Capsule,
    /// The stored ciphertext.
    pub ciphertext: Vec<u8>,
    /// Its entry.
    pub entry: RecordEntry,
}

impl SealedRecord {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> RecordName {
        self.entry.name()
    }
}

/// A requirement with the key that opens what it buys.
#[derive(Debug)]
pub struct Wanted {
    /// What is published.
    pub offer: Offer,
    /// b.
    pub receiving: ReceivingKey,
    /// Its name.
    pub name: RequirementName,
}

/// A claim ready to be submitted.
#[derive(Debug)]
pub struct MadeClaim {
    /// The account that is paid.
    pub account: Actor,
    /// The transaction.
    pub transaction: Transaction,
    /// Its name.
    pub id: ClaimId,
    /// What it asks.
    pub request: ClaimRequest,
    /// The grant in it, verified.
    pub grant: VerifiedGrant,
}

/// Numbers of the scenario.
#[derive(Clone, Debug)]
pub struct Config {
    /// Of everything random.
    pub seed: u64,
    /// Replicas.
    pub replicas: u16,
    /// Proxies in the roster, each of an organisation of its own.
    pub proxies: u16,
    /// Institutions.
    pub institutions: usize,
    /// What the market runs under.
    pub parameters: Parameters,
    /// How fast the ledger runs.
    pub timeouts: Timeouts,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            replicas: 4,
            proxies: 5,
            institutions: 2,
            parameters: Parameters {
                delivery_ms: 60_000,
                dispute_ms: 30_000,
                arbitration_ms: 90_000,
                ..Parameters::default()
            },
            timeouts: Timeouts {
                interval_ms: 0,
                ..Timeouts::default()
            },
        }
    }
}

/// Everybody, with their secrets.
#[derive(Debug)]
pub struct Scenario<P> {
    /// Of everything random.
    pub rng: ChaCha20Rng,
    /// Makes the proofs.
    pub prover: P,
    /// Certifies.
    pub registrar: Actor,
    /// As many as the prover has issuers.
    pub hospitals: Vec<Actor>,
    /// Buyers.
    pub institutions: Vec<Actor>,
    /// The proxies' roster.
    pub proxies: Vec<ProxyActor>,
    /// One for each replica.
    pub arbiters: Vec<ArbiterActor>,
    /// The replicas' keys.
    pub replicas: Vec<SecretKey>,
    /// The beacon's key.
    pub beacon: GroupKey,
    /// Its signers.
    pub signers: Vec<BeaconSigner>,
    /// The ledger's genesis document.
    pub genesis: Genesis,
    /// The chain.
    pub chain: ChainId,
    counters: BTreeMap<AccountId, u64>,
}

fn text<const MAX: usize>(text: impl Into<String>) -> Text<MAX> {
    Text::new(text).unwrap_or_default()
}

fn list<T, const MAX: usize>(values: Vec<T>) -> List<T, MAX> {
    List::new(values).unwrap_or_default()
}

impl<P: Prover> Scenario<P> {
    /// Hospitals with bonds to be, institutions, proxies, arbiters, replicas, a beacon, and a genesis that
    /// certifies them all. None if the numbers allow none.
    pub fn new(prover: P, config: &Config) -> Option<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(config.seed);
        let registrar = Actor::new(&mut rng);
        let issuers = prover.issuers();
        let hospitals: Vec<Actor> = issuers.iter().map(|_| Actor::new(&mut rng)).collect();
        let institutions: Vec<Actor> = (0..config.institutions)
            .map(|_| Actor::new(&mut rng))
            .collect();
        let proxies: Vec<ProxyActor> = (0..config.proxies)
            .map(|_| ProxyActor {
                actor: Actor::new(&mut rng),
                key: ProxyKey::generate(&mut rng),
            })
            .collect();
        let arbiters: Vec<ArbiterActor> = (0..config.replicas)
            .map(|_| ArbiterActor {
                actor: Actor::new(&mut rng),
                letters: LetterKey::generate(&mut rng),
            })
            .collect();
        let replicas: Vec<SecretKey> = (0..config.replicas)
            .map(|_| SecretKey::from_seed(signing_key(&mut rng).to_bytes().into()))
            .collect();
        let signers = usize::from(config.replicas);
        let quorum = (signers as u64 - 1) / 3 + 1;
        let (beacon, shares) =
            generate_in_process(Purpose::Beacon, b"scenario", (signers, quorum), &mut rng)?;
        let signers: Option<Vec<_>> = shares
            .into_iter()
            .map(|share| BeaconSigner::new(share).ok())
            .collect();
        let mut scenario = Self {
            rng,
            prover,
            registrar,
            hospitals,
            institutions,
            proxies,
            arbiters,
            genesis: ledger_genesis(&replicas, config)?,
            replicas,
            beacon,
            signers: signers?,
            chain: ChainId::new([0; 32]),
            counters: BTreeMap::new(),
        };
        scenario.genesis.app_state = scenario.market_genesis(&issuers, config).to_app_state();
        scenario.chain = scenario.genesis.digest().into();
        Some(scenario)
    }

    /// The marketplace's part of the genesis document.
    fn market_genesis(&self, issuers: &[[u8; 32]], config: &Config) -> MarketGenesis {
        let mut parties = Vec::new();
        let mut certify = |actor: &Actor, name: String, role| {
            parties.push(Certificate {
                subject: actor.account(),
                name: text(name),
                role,
                serial: 1,
            });
        };
        for (n, (hospital, issuer_key)) in self.hospitals.iter().zip(issuers).enumerate() {
            let (level, issuer_key) = (Level::Tertiary, *issuer_key);
            certify(
                hospital,
                format!("Hospital {n}"),
                Role::Hospital { level, issuer_key },
            );
        }
        for (n, institution) in self.institutions.iter().enumerate() {
            certify(institution, format!("Institute {n}"), Role::Institution);
        }
        for (n, proxy) in self.proxies.iter().enumerate() {
            let organisation = text(format!("Organisation {n}"));
            certify(
                &proxy.actor,
                format!("Proxy {n}"),
                Role::Proxy { organisation },
            );
        }
        let paid = self.hospitals.iter().chain(&self.institutions);
        let paid = paid.chain(self.proxies.iter().map(|proxy| &proxy.actor));
        let holdings = paid.map(|actor| Holding {
            account: actor.account(),
            credits: HOLDING,
        });
        MarketGenesis {
            registrar: self.registrar.account(),
            holdings: list(holdings.collect()),
            parties: list(parties),
            proxies: list(
                self.proxies
                    .iter()
                    .map(|proxy| FirstProxy {
                        account: proxy.actor.account(),
                        entry: proxy_entry(&proxy.key, Credits::new(1_000)),
                    })
                    .collect(),
            ),
            arbiters: list(
                (0u16..)
                    .zip(&self.arbiters)
                    .map(|(replica, arbiter)| Arbiter {
                        replica: ReplicaId::new(replica),
                        account: arbiter.actor.account(),
                        letters: *arbiter.letters.public().as_bytes(),
                    })
                    .collect(),
            ),
            beacon: Blob::new(self.beacon.to_bytes()).unwrap_or_default(),
            parameters: config.parameters.clone(),
        }
    }

    /// Signs with the account's next counter.
    pub fn sign(&mut self, key: &SigningKey, body: Body) -> Transaction {
        let counter = self
            .counters
            .entry(AccountId::of(&key.verifying_key()))
            .or_default();
        *counter += 1;
        let signed = SignedTransaction::sign(self.chain, key, *counter, body);
        // Bodies are bounded below the ledger's limit.
        #[allow(clippy::expect_used)]
        signed.to_transaction().expect("a bounded body")
    }

    /// A transaction of a hospital.
    pub fn by_hospital(&mut self, hospital: usize, body: Body) -> Transaction {
        let key = self.hospitals[hospital].key.clone();
        self.sign(&key, body)
    }

    /// A transaction of an institution.
    pub fn by_institution(&mut self, institution: usize, body: Body) -> Transaction {
        let key = self.institutions[institution].key.clone();
        self.sign(&key, body)
    }

    /// A transaction of a proxy.
    pub fn by_proxy(&mut self, proxy: usize, body: Body) -> Transaction {
        let key = self.proxies[proxy].actor.key.clone();
        self.sign(&key, body)
    }

    /// A transaction of an arbiter.
    pub fn by_arbiter(&mut self, arbiter: usize, body: Body) -> Transaction {
        let key = self.arbiters[arbiter].actor.key.clone();
        self.sign(&key, body)
    }

    /// A transaction of the registrar.
    pub fn by_registrar(&mut self, body: Body) -> Transaction {
        let key = self.registrar.key.clone();
        self.sign(&key, body)
    }

    /// A round of the beacon, posted by the registrar.
    pub fn round(&mut self, round: u64) -> Transaction {
        let output = sign_round(&self.beacon, &self.signers, round);
        let signature = output.map(|output| output.signature().to_bytes());
        let signature = signature.unwrap_or([0; 48]);
        self.by_registrar(Body::BeaconRound { round, signature })
    }

    /// Seals some content for a fresh encounter.
    #[allow(clippy::expect_used)] // Memory is read and written.
    pub fn seal(&mut self, hospital: usize, supersedes: Option<RecordName>) -> SealedRecord {
        let (key, signer) = (
            RecordKey::generate(&mut self.rng),
            signing_key(&mut self.rng),
        );
        let mut id = [0; 32];
        rand_core::RngCore::fill_bytes(&mut self.rng, &mut id);
        let label = Label::of_record(&RecordId::new(id), 1);
        let mut ciphertext = Vec::new();
        let (public, schema) = (key.public(), SchemaId::new([2; 32]));
        let content = &b"content"[..];
        let capsule = seal(
            &public,
            label,
            schema,
            content,
            &mut ciphertext,
            &mut self.rng,
        )
        .expect("memory");
        let entry = RecordEntry {
            capsule: capsule.to_bytes(),
            ciphertext: *capsule.ciphertext_digest(),
            uri: text("file:sealed"),
            hospital: self.hospitals[hospital].account(),
            encounter: signer.verifying_key().to_bytes(),
            possession: key.prove_possession().to_bytes(),
            supersedes,
            team: None,
        };
        SealedRecord {
            key,
            signer,
            capsule,
            ciphertext,
            entry,
        }
    }

    /// The registration of a record, signed by both.
    pub fn register(&mut self, hospital: usize, record: &SealedRecord) -> Transaction {
        let signed = SignedEntry {
            entry: record.entry.clone(),
            patient: record.entry.sign(&self.chain, &record.signer),
            hospital: record
                .entry
                .sign(&self.chain, &self.hospitals[hospital].key),
        };
        self.by_hospital(hospital, Body::Register(signed))
    }

    /// A question for records of all hospitals, open for a month.
    pub fn question(&mut self, wanted: u32) -> Question {
        let mut nonce = [0; 32];
        rand_core::RngCore::fill_bytes(&mut self.rng, &mut nonce);
        let month = Day::from_unix(START_MS / 1000).map_or(0, Day::number) + 31;
        Question {
            nonce,
            schema: [3; 31],
            program: [4; 31],
            document: Blob::new(b"age >= 40 years".to_vec()).unwrap_or_default(),
            issuers: list(self.prover.issuers()),
            keywords: list(vec![text("stroke")]),
            wanted,
            deadline: month,
            verifying_key: Blob::new(self.prover.verifying_key().to_bytes()).unwrap_or_default(),
        }
    }

    /// An offer of 100 credits a record and 2 a share, three of five proxies, to be changed and published.
    pub fn want(&mut self, wanted: u32, exclusive: bool) -> Wanted {
        let receiving = ReceivingKey::generate(&mut self.rng);
        let offer = Offer {
            question: self.question(wanted),
            receiving_key: receiving.public().to_bytes(),
            possession: receiving.prove_possession().to_bytes(),
            threshold: 3,
            proxies: 5,
            reward: Credits::new(100),
            proxy_fee: Credits::new(2),
            licence: Licence {
                exclusive,
                until: None,
                duo: list(vec![text("DUO:0000007")]),
                text: Some([5; 32]),
            },
        };
        let name = RequirementName::new([0; 32]);
        Wanted {
            offer,
            receiving,
            name,
        }
    }

    /// Publishes an offer, which gets its name.
    pub fn publish(&mut self, institution: usize, wanted: &mut Wanted) -> Transaction {
        let name = format!("Institute {institution}");
        if let Ok(requirement) = wanted.offer.requirement(&self.chain, &name) {
            wanted.name = requirement;
        }
        self.by_institution(institution, Body::Publish(wanted.offer.clone()))
    }

    /// A draft that offers a fee.
    pub fn draft(&mut self, wanted: u32, fee: u64) -> Draft {
        Draft {
            question: self.question(wanted),
            fee: Credits::new(fee),
        }
    }

    /// The proxies drawn, as a grant takes them.
    #[must_use]
    pub fn roster(drawn: &[(AccountId, [u8; 48])]) -> Option<ProxyRoster> {
        let keys = drawn
            .iter()
            .map(|(_, key)| ProxyPublicKey::from_bytes(key).ok());
        ProxyRoster::majority(keys.collect::<Option<Vec<_>>>()?).ok()
    }

    /// What a grant of this record for this requirement is about.
    pub fn grant_terms(
        &self,
        wanted: &Wanted,
        record: &SealedRecord,
        drawn: &[(AccountId, [u8; 48])],
        time_ms: u64,
    ) -> Option<GrantTerms> {
        let now = time_ms / 1000;
        Some(GrantTerms {
            key: record.key.public(),
            label: *record.capsule.label(),
            receiver: wanted.receiving.public(),
            proxies: Self::roster(drawn)?,
            window: Window::new(now.saturating_sub(60), now + 86_400).ok()?,
            requirement: wanted.name.into(),
        })
    }

    /// Public inputs of a claim in a block of this time.
    pub fn inputs(
        &self,
        person: u64,
        (requirement, issuers): (RequirementName, IssuersRoot),
        sealed: Sealed,
        (account, grant): (AccountId, Option<&SignedGrant>),
        time_ms: u64,
    ) -> Option<PublicInputs> {
        let requirement = Requirement::from_bytes(requirement.as_bytes()).ok()?;
        Some(PublicInputs {
            requirement,
            issuers,
            nullifier: self.prover.nullifier(person, requirement),
            sealed,
            today: Day::from_unix(time_ms / 1000).ok()?,
            context: claim_context(&self.chain, &account, grant),
        })
    }

    /// A valid claim by a person, from a fresh account, for a block of this time.
    pub fn claim(
        &mut self,
        person: u64,
        wanted: &Wanted,
        record: &SealedRecord,
        drawn: &[(AccountId, [u8; 48])],
        time_ms: u64,
    ) -> Option<MadeClaim> {
        let terms = self.grant_terms(wanted, record, drawn, time_ms)?;
        self.claim_with(person, wanted, record, &terms, time_ms)
    }

    /// A claim whose grant is about something else, perhaps.
    pub fn claim_with(
        &mut self,
        person: u64,
        wanted: &Wanted,
        record: &SealedRecord,
        terms: &GrantTerms,
        time_ms: u64,
    ) -> Option<MadeClaim> {
        let account = Actor::new(&mut self.rng);
        let signed = grant(&record.key, terms.clone(), &record.signer, &mut self.rng).ok()?;
        let root = wanted.offer.question.issuers_root().ok()?;
        let sealed = Sealed::from_bytes(record.name().as_bytes()).ok()?;
        let granted = (account.account(), Some(&signed));
        let inputs = self.inputs(person, (wanted.name, root), sealed, granted, time_ms)?;
        let request = ClaimRequest {
            requirement: wanted.name,
            record: record.name(),
            inputs: inputs.to_bytes(),
            proof: self.prover.prove(person, &inputs).to_bytes(),
            grant: Blob::new(signed.to_bytes()).ok()?,
        };
        let transaction = self.sign(&account.key, Body::Claim(request.clone()));
        let signer = record.signer.verifying_key();
        Some(MadeClaim {
            id: transaction.id().into(),
            account,
            transaction,
            request,
            grant: signed.verify(terms, &signer).ok()?,
        })
    }

    /// A valid count claim by a person, from a fresh account.
    pub fn count(
        &mut self,
        person: u64,
        draft: &Draft,
        institution: usize,
        time_ms: u64,
    ) -> Option<(Actor, Transaction)> {
        let account = Actor::new(&mut self.rng);
        let institution = format!("Institute {institution}");
        let requirement = draft.requirement(&self.chain, &institution).ok()?;
        let root = draft.question.issuers_root().ok()?;
        let counted = (account.account(), None);
        let inputs = self.inputs(person, (requirement, root), Sealed::NONE, counted, time_ms)?;
        let request = CountRequest {
            requirement,
            inputs: inputs.to_bytes(),
            proof: self.prover.prove(person, &inputs).to_bytes(),
        };
        let transaction = self.sign(&account.key, Body::Count(request));
        Some((account, transaction))
    }

    /// The honest share of the proxy with this account.
    pub fn share(
        &mut self,
        account: &AccountId,
        claim: &MadeClaim,
        record: &SealedRecord,
        time_ms: u64,
    ) -> Option<Transaction> {
        let at = self
            .proxies
            .iter()
            .position(|p| p.actor.account() == *account)?;
        let key = claim.grant.share_key(&self.proxies.get(at)?.key).ok()?;
        let capsule = record.capsule.clone().check().ok()?;
        let share = key
            .reencrypt(&capsule, time_ms / 1000, &mut self.rng)
            .ok()?;
        let share = Blob::new(share.to_bytes()).ok()?;
        let claim = claim.id;
        Some(self.by_proxy(at, Body::PostShare { claim, share }))
    }
}

fn signing_key(rng: &mut ChaCha20Rng) -> SigningKey {
    let mut seed = [0; 32];
    rand_core::RngCore::fill_bytes(rng, &mut seed);
    SigningKey::from_bytes(&seed)
}

/// How a proxy enters the roster.
#[must_use]
pub fn proxy_entry(key: &ProxyKey, stake: Credits) -> ProxyEntry {
    ProxyEntry {
        key: key.public().to_bytes(),
        possession: key.prove_possession().to_bytes(),
        stake,
    }
}

fn ledger_genesis(replicas: &[SecretKey], config: &Config) -> Option<Genesis> {
    let members = (0u16..).zip(replicas).map(|(id, key)| Member {
        id: ReplicaId::new(id),
        key: key.public(),
        power: 1,
        class: Class::Tertiary,
        may_propose: true,
        votes: true,
        region: String::new(),
    });
    Some(Genesis {
        name: "scenario".into(),
        time: Time::new(1),
        roster: Roster::first(members.collect()).ok()?,
        policy: ProposerPolicy::Sticky,
        timeouts: config.timeouts,
        limits: Limits::default(),
        checkpoint_every: 8,
        app_state: Vec::new(),
    })
}
