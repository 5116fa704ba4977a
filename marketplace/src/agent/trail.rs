//! An ask's trail: everything the ledger shows of it, each step checked against the validators' keys. What
//! proxies serve, doctors open and patients look at rests on this and not on a node's word.

use std::collections::BTreeSet;

use eligo_sharing::keys::ReceivingPublicKey;
use eligo_sharing::oms::{Chain, RegisteredSigner, Roster, SignerKey, SignerProof};
use eligo_sharing::search::{WriterKeyProof, WriterPublicKey};
use eligo_sharing::tcpre::{
    Capsule, CheckedCapsule, GrantTerms, Share, SignedGrant, VerifiedGrant, VerifiedShare,
};

use super::AgentError;
use crate::care::act::{AskTerms, Hand, Permit, RecordGrant, TeamName};
use crate::care::{Act, CareEvent, case};
use crate::client::{Client, Desk, ProvenStep, Standing};
use crate::entry::RecordEntry;
use crate::event::{Event, Subject};
use crate::name::{
    AccountId, AskId, ChainId, DiagnosisName, EncounterName, RecordName, SignerName,
};
use crate::storage::ObjectDigest;
use crate::transaction::Body;

const fn nonsense(what: &'static str) -> AgentError {
    AgentError::Nonsense { what }
}

/// The act that brought a step about.
#[must_use]
pub fn act(step: &ProvenStep) -> Option<&Act> {
    match step.signed.as_ref()?.body() {
        Body::Care(act) => Some(act),
        _ => None,
    }
}

/// What a step says of care.
#[must_use]
pub const fn event(step: &ProvenStep) -> Option<&CareEvent> {
    match &step.step.event {
        Event::Care(event) => Some(event),
        _ => None,
    }
}

/// The checked steps of a subject, oldest first.
///
/// # Errors
/// [`AgentError::Client`] if a step is not what the ledger shows.
pub fn proved<D: Desk>(
    client: &Client<D>,
    subject: &Subject,
) -> Result<Vec<ProvenStep>, AgentError> {
    Ok(client.prove(client.history(subject)?)?)
}

/// An ask, and all that came of it.
#[derive(Clone, Debug)]
pub struct AskTrail {
    ask: AskId,
    doctor: AccountId,
    terms: AskTerms,
    steps: Vec<ProvenStep>,
}

/// A record that is granted in an ask, with everything that serving or opening it takes.
#[derive(Clone, Debug)]
pub struct GrantedRecord {
    /// The record.
    pub record: RecordName,
    /// Its entry, as it was registered.
    pub entry: RecordEntry,
    /// The grant, verified.
    pub grant: VerifiedGrant,
    /// The record's capsule, checked.
    pub capsule: CheckedCapsule,
    /// The ciphertext's digest.
    pub ciphertext: ObjectDigest,
}

impl AskTrail {
    /// Collects and checks the trail; none if there is no such ask.
    ///
    /// # Errors
    /// [`AgentError`], also if the node tells of another ask.
    pub fn of<D: Desk>(client: &Client<D>, ask: &AskId) -> Result<Option<Self>, AgentError> {
        let steps = proved(client, &Subject::Ask(*ask))?;
        let Some(first) = steps.first() else {
            return Ok(None);
        };
        let (Some(Act::Ask(terms)), Some(signed)) = (act(first), first.signed.as_ref()) else {
            return Err(nonsense("an ask"));
        };
        let chain = ChainId::from(client.chain());
        let (terms, doctor) = (terms.clone(), signed.sender());
        if terms.name(&chain, &doctor) != *ask {
            return Err(nonsense("another ask"));
        }
        Ok(Some(Self {
            ask: *ask,
            doctor,
            terms,
            steps,
        }))
    }

    /// Its name.
    #[must_use]
    pub const fn ask(&self) -> AskId {
        self.ask
    }

    /// Who asks.
    #[must_use]
    pub const fn doctor(&self) -> AccountId {
        self.doctor
    }

    /// What was asked.
    #[must_use]
    pub const fn terms(&self) -> &AskTerms {
        &self.terms
    }

    /// Every step, oldest first.
    #[must_use]
    pub fn steps(&self) -> &[ProvenStep] {
        &self.steps
    }

    /// The encounter asked at.
    #[must_use]
    pub fn encounter(&self) -> EncounterName {
        EncounterName::of(&self.terms.inbox)
    }

    /// The proxies drawn, in order, once they are.
    #[must_use]
    pub fn drawn(&self) -> Option<&[AccountId]> {
        self.steps.iter().find_map(|step| match event(step)? {
            CareEvent::AskDrawn { proxies, .. } => Some(proxies.as_slice()),
            _ => None,
        })
    }

    /// Whether the ask was withdrawn or revoked, or its period ended, as far as the ledger shows.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.steps.iter().filter_map(event).any(|event| {
            matches!(
                event,
                CareEvent::AskWithdrawn { .. }
                    | CareEvent::PermitRevoked { .. }
                    | CareEvent::AskEnded { .. }
            )
        })
    }

    /// Every permit with its step and whose hand signed it.
    pub fn permits(&self) -> impl Iterator<Item = (&ProvenStep, &Permit, Hand)> {
        self.steps.iter().filter_map(|step| match act(step)? {
            Act::Permit(signed) if signed.permit.ask == self.ask => {
                Some((step, &signed.permit, signed.hand))
            }
            _ => None,
        })
    }

    /// The records granted, each with the permit's end in milliseconds.
    pub fn granted(&self) -> impl Iterator<Item = (&RecordGrant, u64)> {
        self.permits()
            .flat_map(|(_, p, _)| p.grants.as_slice().iter().map(|g| (g, p.until_ms)))
    }

    /// The records whose reading the chain shows to have begun.
    #[must_use]
    pub fn read(&self) -> Vec<RecordName> {
        let begun = self.steps.iter().filter_map(|step| match event(step)? {
            CareEvent::RecordRead { record, .. } => Some(*record),
            _ => None,
        });
        begun.collect()
    }

    /// Whether the reading of a record is committed to by the chain: before that, no share is handed out.
    #[must_use]
    pub fn is_begun(&self, record: &RecordName) -> bool {
        self.steps.iter().any(|step| {
            let begun =
                matches!(event(step), Some(CareEvent::RecordRead { record: r, .. }) if r == record);
            begun && step.standing == Standing::Proved
        })
    }

    /// Whether this proxy answered for a record.
    #[must_use]
    pub fn has_share_of(&self, record: &RecordName, account: &AccountId) -> bool {
        self.steps.iter().filter_map(event).any(|event| {
            matches!(event, CareEvent::CareShared { record: r, proxy, .. } if r == record && proxy == account)
        })
    }

    /// A granted record, checked as the contract did.
    ///
    /// # Errors
    /// [`AgentError`] if it is not granted in this ask, or the node tells of another record.
    pub fn granted_record<D: Desk>(
        &self,
        client: &Client<D>,
        record: &RecordName,
    ) -> Result<GrantedRecord, AgentError> {
        // Only what the chain shows was accepted: a refused permit may hold another grant for the record.
        let proved = self
            .permits()
            .filter(|(step, ..)| step.standing == Standing::Proved);
        let mut granted = proved.flat_map(|(_, permit, _)| permit.grants.as_slice());
        let granted = granted
            .find(|granted| granted.record == *record)
            .ok_or(nonsense("a record that is not granted"))?;
        let entry = registered(client, record)?;
        let capsule = Capsule::from_bytes(&entry.capsule).ok();
        let capsule = capsule.and_then(|c| c.check().ok());
        let capsule = capsule.ok_or(nonsense("a capsule"))?;
        let signed = SignedGrant::from_bytes(granted.grant.as_slice());
        let signed = signed.map_err(|_| nonsense("a grant"))?;
        let receiver = ReceivingPublicKey::from_bytes(&self.terms.receiver);
        let own = signed.grant().terms().clone();
        let terms = GrantTerms {
            key: *capsule.key(),
            label: *capsule.label(),
            receiver: receiver.map_err(|_| nonsense("a receiving key"))?,
            requirement: self.ask.into(),
            ..own
        };
        // The encounter's own key, or a relative's: the contract knows whose hand it may be, and accepted it.
        let signer = *signed.signer();
        let grant = signed.verify(&terms, &signer);
        Ok(GrantedRecord {
            record: *record,
            ciphertext: ObjectDigest::new(*capsule.ciphertext_digest()),
            grant: grant.map_err(|_| nonsense("an accepted grant"))?,
            entry,
            capsule,
        })
    }

    /// The shares posted for a granted record, each verified here once more.
    #[must_use]
    pub fn shares(&self, granted: &GrantedRecord) -> Vec<VerifiedShare> {
        let posted = self.steps.iter().filter_map(|step| {
            let CareEvent::CareShared { record, .. } = event(step)? else {
                return None;
            };
            match act(step)? {
                Act::Share { share, .. } if *record == granted.record => Some(share),
                _ => None,
            }
        });
        posted
            .filter_map(|bytes| {
                let share = Share::from_bytes(bytes.as_slice()).ok()?;
                granted.grant.verify_share(&granted.capsule, &share).ok()
            })
            .collect()
    }
}

/// A record's entry as it was registered, by a transaction that the chain shows.
///
/// # Errors
/// [`AgentError`] if there is none.
pub fn registered<D: Desk>(
    client: &Client<D>,
    name: &RecordName,
) -> Result<RecordEntry, AgentError> {
    let steps = client.history(&Subject::Record(*name))?;
    let registered = steps
        .into_iter()
        .filter(|s| matches!(s.event, Event::RecordRegistered { record, .. } if record == *name));
    let proven = client.prove(registered.take(1).collect())?;
    let body = proven.first().and_then(|s| s.signed.as_ref());
    match body.map(crate::transaction::SignedTransaction::body) {
        Some(Body::Register(signed)) if signed.entry.name() == *name => Ok(signed.entry.clone()),
        _ => Err(nonsense("a record")),
    }
}

/// The key a hospital writes its index with now; none if it entered none.
///
/// # Errors
/// [`AgentError`].
pub fn writer<D: Desk>(
    client: &Client<D>,
    hospital: &AccountId,
) -> Result<Option<WriterPublicKey>, AgentError> {
    let steps = client.history(&Subject::Party(*hospital))?;
    let entered = steps.into_iter().filter(|step| {
        matches!(&step.event, Event::Care(CareEvent::WriterEntered { hospital: h }) if h == hospital)
    });
    let proven = client.prove(entered.collect())?;
    let Some(Act::EnterWriter { key, possession }) = proven.last().and_then(act) else {
        return Ok(None);
    };
    let key = WriterPublicKey::from_bytes(key).map_err(|_| nonsense("a writer key"))?;
    let proof = WriterKeyProof::from_bytes(possession).map_err(|_| nonsense("a writer key"))?;
    key.check_possession(&proof)
        .map_err(|_| nonsense("a writer key"))?;
    Ok(Some(key))
}

/// Every signing key a doctor entered, newest last, with the prekey of the last entry or renewal.
///
/// # Errors
/// [`AgentError`].
pub fn signers<D: Desk>(
    client: &Client<D>,
    doctor: &AccountId,
) -> Result<(Vec<RegisteredSigner>, Option<Vec<u8>>), AgentError> {
    let steps = client.history(&Subject::Party(*doctor))?;
    let entered = steps.into_iter().filter(|step| {
        matches!(
            &step.event,
            Event::Care(CareEvent::SignerEntered { doctor: d, .. } | CareEvent::PrekeyRenewed { doctor: d })
                if d == doctor
        )
    });
    let (mut keys, mut prekey) = (Vec::new(), None);
    for step in client.prove(entered.collect())? {
        match act(&step) {
            Some(Act::EnterSigner(entry)) => {
                let bad = || nonsense("a signing key");
                let key = SignerKey::from_bytes(entry.key.as_slice()).map_err(|_| bad())?;
                let proof =
                    SignerProof::from_bytes(entry.possession.as_slice()).map_err(|_| bad())?;
                keys.push(key.register(&proof).map_err(|_| bad())?);
                prekey = Some(entry.prekey.as_slice().to_vec());
            }
            Some(Act::RenewPrekey { prekey: renewed }) => {
                prekey = Some(renewed.as_slice().to_vec());
            }
            _ => {}
        }
    }
    Ok((keys, prekey))
}

/// A diagnosis as its team signed it.
#[derive(Clone, Debug)]
pub struct SignedDiagnosis {
    /// The hospital.
    pub hospital: AccountId,
    /// The epoch.
    pub epoch: u64,
    /// Who signed, in order.
    pub doctors: Vec<AccountId>,
    /// All signatures.
    pub chain: Chain,
}

/// The completed diagnosis of this name at an encounter, each signature verified here; none if the ledger has
/// no such diagnosis.
///
/// # Errors
/// [`AgentError`].
pub fn diagnosis<D: Desk>(
    client: &Client<D>,
    encounter: &EncounterName,
    name: &DiagnosisName,
) -> Result<Option<SignedDiagnosis>, AgentError> {
    let steps = proved(client, &Subject::Encounter(*encounter))?;
    let completed = steps.iter().find_map(|step| match event(step)? {
        CareEvent::DiagnosisCompleted {
            hospital,
            epoch,
            diagnosis,
            ..
        } if diagnosis == name => Some((step, *hospital, *epoch)),
        _ => None,
    });
    let Some((step, hospital, epoch)) = completed else {
        return Ok(None);
    };
    let Some(Act::SignOpinion { chain, .. }) = act(step) else {
        return Err(nonsense("a diagnosis"));
    };
    if eligo_sharing::domain::sha256(chain.as_slice()) != *name.as_bytes() {
        return Err(nonsense("another diagnosis"));
    }
    let doctors = steps.iter().find_map(|step| match event(step)? {
        CareEvent::TeamAssigned {
            hospital: h,
            epoch: e,
            doctors,
            ..
        } if (*h, *e) == (hospital, epoch) => Some(doctors.as_slice().to_vec()),
        _ => None,
    });
    let doctors = doctors.ok_or(nonsense("a team"))?;
    let chain = Chain::from_bytes(chain.as_slice()).map_err(|_| nonsense("a diagnosis"))?;
    let wrong = || nonsense("a diagnosis's signatures");
    if chain.steps().len() != doctors.len() {
        return Err(wrong());
    }
    // Each signature by the doctor whose place it is, with a key that this doctor entered.
    let mut roster = Roster::new();
    for (doctor, (signer, _)) in doctors.iter().zip(chain.steps()) {
        let keys = signers(client, doctor)?.0;
        let key = keys.into_iter().find(|key| key.id() == *signer);
        roster.insert(*signer, key.ok_or_else(wrong)?);
    }
    let order = chain.steps().iter();
    let order: Vec<_> = order
        .map(|(id, _)| SignerName::new(*id.as_bytes()))
        .collect();
    let team = TeamName {
        hospital,
        encounter: *encounter,
    };
    let case = case(&ChainId::from(client.chain()), &team, epoch, &order);
    let verified = chain.clone().verify(&case, &roster);
    verified.map_err(|_| wrong())?;
    Ok(Some(SignedDiagnosis {
        hospital,
        epoch,
        doctors,
        chain,
    }))
}

/// Asks a proxy was drawn for, each once.
///
/// # Errors
/// [`AgentError`].
pub fn asks_of_proxy<D: Desk>(
    client: &Client<D>,
    proxy: &AccountId,
) -> Result<BTreeSet<AskId>, AgentError> {
    let steps = client.history(&Subject::Party(*proxy))?;
    let drawn = steps.into_iter().filter_map(|step| match step.event {
        Event::Care(CareEvent::AskDrawn { ask, .. }) => Some(ask),
        _ => None,
    });
    Ok(drawn.collect())
}
