//! The proxy: re-encrypts its share of every accepted claim and of every reading it was drawn for, while the
//! grant holds.
//!
//! What it has done with, it remembers for ever. So it takes nobody's word for that but the chain's, or its own
//! clock's: a node that says that an ask is over, or a share posted or refused, is asked again.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use eligo_sharing::keys::ProxyKey;
use eligo_sharing::tcpre::{Share, VerifiedGrant};
use rand_core::{CryptoRng, OsRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::trail::{self, AskTrail, asks_of_proxy};
use super::{Account, Agent, AgentError, Deed, Journal, for_each, now_ms};
use crate::care::{Act, CareEvent};
use crate::client::{AcceptedClaim, Client, Desk, Standing};
use crate::encoding::Blob;
use crate::event::{Event, Subject};
use crate::name::{AccountId, AskId, ClaimId, RecordName, RequirementName};
use crate::rejection::Rejection;
use crate::transaction::Body;

const FORMAT: &str = "eligo proxy";
const VERSION: u32 = 1;

/// A proxy's name and keys: the account it is paid on, and the key its shares are encrypted to; with the keys
/// it had before, under which it still serves what was granted to them.
pub struct ProxyIdentity {
    name: String,
    account: SigningKey,
    key: ProxyKey,
    former: Vec<ProxyKey>,
}

/// The most former keys that a proxy keeps.
const MAX_FORMER_KEYS: usize = 16;

impl std::fmt::Debug for ProxyIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyIdentity")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Not a proxy's key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a proxy's key file of this version")]
pub struct ProxyIdentityError;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    name: String,
    account: String,
    key: String,
    /// Last first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former: Vec<String>,
}

impl Drop for Document {
    fn drop(&mut self) {
        self.account.zeroize();
        self.key.zeroize();
        self.former.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl ProxyIdentity {
    /// A proxy with these keys.
    #[must_use]
    pub fn new(name: &str, account: SigningKey, key: ProxyKey) -> Self {
        Self {
            name: name.to_owned(),
            account,
            key,
            former: Vec::new(),
        }
    }

    /// Draws keys.
    #[must_use]
    pub fn generate(name: &str, rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        Self {
            name: name.to_owned(),
            account: SigningKey::from_bytes(&seed),
            key: ProxyKey::generate(rng),
            former: Vec::new(),
        }
    }

    /// The same proxy with another key, and the keys so far as former ones; the oldest above
    /// sixteen of them is dropped.
    #[must_use]
    pub fn renewed(mut self, key: ProxyKey) -> Self {
        let before = std::mem::replace(&mut self.key, key);
        self.former.insert(0, before);
        self.former.truncate(MAX_FORMER_KEYS);
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account's name.
    #[must_use]
    pub fn account(&self) -> AccountId {
        AccountId::of(&self.account.verifying_key())
    }

    /// The account's key.
    #[must_use]
    pub const fn signer(&self) -> &SigningKey {
        &self.account
    }

    /// The key its shares are encrypted to.
    #[must_use]
    pub const fn key(&self) -> &ProxyKey {
        &self.key
    }

    /// The keys it had before, last first.
    #[must_use]
    pub fn former(&self) -> &[ProxyKey] {
        &self.former
    }

    /// The one of its keys that a grant names.
    #[must_use]
    pub fn key_in(&self, grant: &VerifiedGrant) -> Option<&ProxyKey> {
        let mut keys = std::iter::once(&self.key).chain(&self.former);
        keys.find(|key| {
            let public = key.public();
            grant.terms().proxies.iter().any(|(_, k)| *k == public)
        })
    }

    /// The file.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<String> {
        let document = Document {
            format: FORMAT.to_owned(),
            version: VERSION,
            name: self.name.clone(),
            account: hex::encode(self.account.as_bytes()),
            key: hex::encode(self.key.to_bytes().as_slice()),
            former: self
                .former
                .iter()
                .map(|key| hex::encode(key.to_bytes().as_slice()))
                .collect(),
        };
        // Strings and a number: there is nothing in it that could fail.
        Zeroizing::new(serde_json::to_string(&document).unwrap_or_default())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ProxyIdentityError`].
    pub fn from_json(file: &[u8]) -> Result<Self, ProxyIdentityError> {
        let document: Document = serde_json::from_slice(file).map_err(|_| ProxyIdentityError)?;
        if document.format != FORMAT || document.version != VERSION {
            return Err(ProxyIdentityError);
        }
        let mut account = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&document.account, account.as_mut_slice())
            .map_err(|_| ProxyIdentityError)?;
        if document.former.len() > MAX_FORMER_KEYS {
            return Err(ProxyIdentityError);
        }
        let key = |text: &String| {
            let key = Zeroizing::new(hex::decode(text).map_err(|_| ProxyIdentityError)?);
            ProxyKey::from_bytes(&key).map_err(|_| ProxyIdentityError)
        };
        Ok(Self {
            name: document.name.clone(),
            account: SigningKey::from_bytes(&account),
            key: key(&document.key)?,
            former: document.former.iter().map(key).collect::<Result<_, _>>()?,
        })
    }
}

/// How long it waits after a refusal before it tries again, in milliseconds: twice as long after each further one.
const FIRST_PAUSE_MS: u64 = 10_000;
/// How long it waits at most.
const LONGEST_PAUSE_MS: u64 = 3_600_000;

/// Refusals of the same thing: how many, and until when it waits.
#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    times: u32,
    until_ms: u64,
}

/// What a proxy does to its share before it posts it. The honest do nothing.
type Distort = dyn Fn(Share, &VerifiedGrant) -> Vec<u8> + Send;

/// A proxy at work.
pub struct ProxyAgent<'a, D> {
    client: &'a Client<D>,
    identity: &'a ProxyIdentity,
    journal: Journal,
    /// What was refused lately, by the journal's entry. Started again, it tries at once.
    pauses: RefCell<BTreeMap<String, Pause>>,
    distort: Option<Box<Distort>>,
}

impl<D> std::fmt::Debug for ProxyAgent<'_, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyAgent")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl<'a, D: Desk> ProxyAgent<'a, D> {
    /// Works with a journal of its own.
    #[must_use]
    pub fn new(client: &'a Client<D>, identity: &'a ProxyIdentity, journal: Journal) -> Self {
        Self {
            client,
            identity,
            journal,
            pauses: RefCell::default(),
            distort: None,
        }
    }

    /// Makes it a liar, to show what becomes of liars.
    #[must_use]
    pub fn distorting(
        mut self,
        distort: impl Fn(Share, &VerifiedGrant) -> Vec<u8> + Send + 'static,
    ) -> Self {
        self.distort = Some(Box::new(distort));
        self
    }

    /// Requirements it was drawn for.
    fn duties(&self) -> Result<Vec<RequirementName>, AgentError> {
        let me = self.identity.account();
        let steps = self.client.history(&Subject::Party(me))?;
        let drawn = steps.into_iter().filter_map(|step| match step.event {
            Event::ProxiesDrawn { requirement, .. } => Some(requirement),
            _ => None,
        });
        Ok(drawn.collect())
    }

    /// Accepted claims on a requirement, with where they were accepted.
    fn claims(&self, requirement: RequirementName) -> Result<Vec<ClaimId>, AgentError> {
        let steps = self.client.history(&Subject::Requirement(requirement))?;
        let accepted = steps.into_iter().filter_map(|step| match step.event {
            Event::ClaimAccepted { claim, .. } => Some(claim),
            _ => None,
        });
        Ok(accepted.collect())
    }

    /// Whether something was refused so lately that it is not tried again yet.
    fn pauses(&self, entry: &str) -> bool {
        let pauses = self.pauses.borrow();
        pauses.get(entry).is_some_and(|p| now_ms() < p.until_ms)
    }

    /// Notes a refusal. It is a node's word for all one knows: what is refused for good ends with its time.
    fn pause(&self, entry: &str) {
        let mut pauses = self.pauses.borrow_mut();
        let pause = pauses.entry(entry.to_owned()).or_default();
        let longer = FIRST_PAUSE_MS.saturating_mul(1 << pause.times.min(16));
        pause.times = pause.times.saturating_add(1);
        pause.until_ms = now_ms().saturating_add(longer.min(LONGEST_PAUSE_MS));
    }

    /// Serves a claim, unless it is served or past serving.
    fn serve(&self, id: ClaimId) -> Result<Option<Deed>, AgentError> {
        let done = format!("done-{id}");
        if self.journal.has(&done)? || self.pauses(&done) {
            return Ok(None);
        }
        let Some(mut claim) = self.client.accepted_claim(&id)? else {
            return Ok(None);
        };
        // None if it has another key meanwhile than this file: started with that, it serves the claim.
        let key = self.identity.key_in(&claim.grant);
        let posted = key.is_some_and(|key| claim.has_share_of(key));
        let wanted = claim.wants_shares() && key.is_some() && !posted;
        if self.is_late(&claim)? {
            self.journal.write(&done, b"too late")?;
            return Ok(wanted.then(|| Deed::new(id, "too late to serve")));
        }
        if posted && self.has_posted(id)? {
            self.journal.write(&done, b"share posted")?;
        }
        if !wanted {
            // As the node says: it is asked again until the time is over.
            return Ok(None);
        }
        let account = Account::new(self.client, self.identity.signer());
        if !claim.proved {
            // A share is out as soon as the node has it, so the acceptance must be the chain's word and not
            // the node's. Only the next block has it, and if nobody else causes one, this does: it is too
            // early to settle, so the contract refuses it.
            drop(account.send(Body::Settle { claim: id })?);
            let again = self.client.accepted_claim(&id)?.filter(|c| c.proved);
            claim = again.ok_or(AgentError::Nonsense {
                what: "the claim's acceptance",
            })?;
        }
        let entry = format!("share-{id}");
        let sent = account.send_once(&self.journal, &entry, || {
            let share = Blob::new(self.share(&claim)?)?;
            Ok(Body::PostShare { claim: id, share })
        });
        let what = self.what_came(&done, "share", sent)?;
        Ok(Some(Deed::new(id, what)))
    }

    /// Whether the chain shows this proxy's share of a claim.
    fn has_posted(&self, id: ClaimId) -> Result<bool, AgentError> {
        let me = self.identity.account();
        let mut steps = self.client.history(&Subject::Claim(id))?;
        steps.retain(
            |step| matches!(step.event, Event::SharePosted { claim, proxy, .. } if (claim, proxy) == (id, me)),
        );
        let steps = self.client.prove(steps)?;
        Ok(steps.iter().any(|s| s.standing == Standing::Proved))
    }

    /// What came of a share. Posted, the next block shows it, and then it is done for good; refused, because
    /// the others were faster or the patient changed their mind or the node says so, it is left for later.
    fn what_came(
        &self,
        done: &str,
        what: &str,
        sent: Result<super::Sent, AgentError>,
    ) -> Result<String, AgentError> {
        match sent.and_then(super::Sent::accepted) {
            Ok(_) => Ok(format!("{what} posted")),
            Err(AgentError::Refused(reason)) => {
                self.pause(done);
                Ok(format!("{what} refused: {reason}"))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the time for delivery is over by this machine's clock, whatever the node says of claim and time.
    fn is_late(&self, claim: &AcceptedClaim) -> Result<bool, AgentError> {
        let delivery_ms = self.client.parameters()?.delivery_ms;
        Ok(now_ms() > claim.accepted.get().saturating_add(delivery_ms))
    }

    fn share(&self, claim: &AcceptedClaim) -> Result<Vec<u8>, AgentError> {
        let wrong = AgentError::Nonsense { what: "the grant" };
        let Some(key) = self.identity.key_in(&claim.grant) else {
            return Err(wrong);
        };
        let key = claim.grant.share_key(key).map_err(|_| wrong)?;
        let now = self.client.market_status()?.time_ms / 1000;
        let share = key.reencrypt(&claim.capsule, now, &mut OsRng);
        let share = share.map_err(|_| AgentError::Refused(Rejection::GrantWindow))?;
        Ok(match &self.distort {
            Some(distort) => distort(share, &claim.grant),
            None => share.to_bytes(),
        })
    }
}

/// Reading: what a doctor reads under a permit.
impl<D: Desk> ProxyAgent<'_, D> {
    /// Serves what is read in an ask, unless it is served or past serving.
    fn attend(&self, ask: AskId) -> Result<Vec<Deed>, AgentError> {
        let over = format!("over-{ask}");
        if self.journal.has(&over)? {
            return Ok(Vec::new());
        }
        let Some(trail) = AskTrail::of(self.client, &ask)? else {
            return Ok(Vec::new());
        };
        // The ask's terms are what it is named for, so its last moment is the doctor's own word.
        if now_ms() > trail.terms().until_ms || is_over_for_good(&trail) {
            self.journal.write(&over, b"over")?;
            return Ok(Vec::new());
        }
        if trail.is_over() {
            // As the node says.
            return Ok(Vec::new());
        }
        for_each(trail.read(), |record| {
            Ok(self.serve_read(ask, record)?.into_iter().collect())
        })
    }

    fn serve_read(&self, ask: AskId, record: RecordName) -> Result<Option<Deed>, AgentError> {
        let done = format!("done-{ask}-{record}");
        if self.journal.has(&done)? || self.pauses(&done) {
            return Ok(None);
        }
        let account = Account::new(self.client, self.identity.signer());
        let entry = format!("share-{ask}-{record}");
        let share = match self.share_of(ask, record)? {
            Answer::Never(why) => {
                self.journal.write(&done, why.as_bytes())?;
                return Ok(None);
            }
            Answer::NotNow => return Ok(None),
            Answer::Unproved => {
                // A share must not go out on a node's word that the doctor was allowed to read. Only the next
                // block has the chain's, and if nobody else causes one, this does.
                let nobodys = ClaimId::new(*ask.as_bytes());
                drop(account.send(Body::Settle { claim: nobodys })?);
                match self.share_of(ask, record)? {
                    Answer::Share(share) => share,
                    _ => {
                        return Err(AgentError::Nonsense {
                            what: "the reading",
                        });
                    }
                }
            }
            Answer::Share(share) => share,
        };
        let sent = account.send_once(&self.journal, &entry, || {
            let share = Blob::new(share)?;
            Ok(Body::Care(Act::Share { ask, record, share }))
        });
        let what = self.what_came(&done, "share for reading", sent)?;
        Ok(Some(Deed::new(record, what)))
    }

    /// This proxy's answer to a reading, as the ledger has it now.
    fn share_of(&self, ask: AskId, record: RecordName) -> Result<Answer, AgentError> {
        let trail = AskTrail::of(self.client, &ask)?;
        let trail = trail.ok_or(AgentError::Nonsense { what: "an ask" })?;
        if trail.is_over() {
            return Ok(Answer::NotNow);
        }
        let me = self.identity.account();
        if shows(&trail, |event| shares(event, &record, &me)) {
            return Ok(Answer::Never("answered"));
        }
        let told = trail
            .steps()
            .iter()
            .filter_map(trail::event)
            .any(|event| shares(event, &record, &me));
        if told {
            // Posted in the last block, or so the node says.
            return Ok(Answer::NotNow);
        }
        if !trail.is_begun(&record) {
            return Ok(Answer::Unproved);
        }
        let granted = trail.granted_record(self.client, &record)?;
        let Some(key) = self.identity.key_in(&granted.grant) else {
            // Granted through others, or to another key of its than this file has.
            return Ok(Answer::NotNow);
        };
        let key = granted.grant.share_key(key);
        let key = key.map_err(|_| AgentError::Nonsense { what: "the grant" })?;
        let now = (now_ms() / 1000).max(self.client.market_status()?.time_ms / 1000);
        let Ok(share) = key.reencrypt(&granted.capsule, now, &mut OsRng) else {
            // By the node's clock, perhaps; by one's own, the ask will be over.
            return Ok(Answer::NotNow);
        };
        Ok(Answer::Share(match &self.distort {
            Some(distort) => distort(share, &granted.grant),
            None => share.to_bytes(),
        }))
    }
}

/// Whether the chain itself shows something in an ask's trail.
fn shows(trail: &AskTrail, what: impl Fn(&CareEvent) -> bool) -> bool {
    let proved = trail.steps().iter();
    let mut proved = proved.filter(|step| step.standing == Standing::Proved);
    proved.any(|step| trail::event(step).is_some_and(&what))
}

/// Whether the chain shows that the ask was withdrawn or revoked. That it ended by itself no transaction shows;
/// one's own clock does.
fn is_over_for_good(trail: &AskTrail) -> bool {
    shows(trail, |event| {
        matches!(
            event,
            CareEvent::AskWithdrawn { .. } | CareEvent::PermitRevoked { .. }
        )
    })
}

fn shares(event: &CareEvent, of: &RecordName, by: &AccountId) -> bool {
    matches!(event, CareEvent::CareShared { record, proxy, .. } if (record, proxy) == (of, by))
}

/// What a proxy has to say to a reading.
enum Answer {
    /// Nothing, whatever comes, and why.
    Never(&'static str),
    /// Nothing as the node tells it; asked again.
    NotNow,
    /// The chain does not commit to the reading yet.
    Unproved,
    /// The share's bytes.
    Share(Vec<u8>),
}

impl<D: Desk> Agent for ProxyAgent<'_, D> {
    fn step(&mut self) -> Result<Vec<Deed>, AgentError> {
        let claims = self.duties().and_then(|requirements| {
            for_each(requirements, |requirement| {
                for_each(self.claims(requirement)?, |claim| {
                    Ok(self.serve(claim)?.into_iter().collect())
                })
            })
        });
        let asks = asks_of_proxy(self.client, &self.identity.account());
        let reads = asks.and_then(|asks| for_each(asks, |ask| self.attend(ask)));
        // What goes wrong with the one keeps the other from nothing.
        match (claims, reads) {
            (Ok(mut deeds), Ok(more)) => {
                deeds.extend(more);
                Ok(deeds)
            }
            (Ok(deeds), Err(error)) | (Err(error), Ok(deeds))
                if !deeds.is_empty() && !error.is_lasting() =>
            {
                Ok(deeds)
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}
