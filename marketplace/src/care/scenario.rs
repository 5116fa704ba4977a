//! Doctors, encounters, teams, asks and permits, made up around a [`Scenario`]: what tests and benches of
//! care start from; every step may be done differently.

use std::collections::BTreeMap;

use ed25519_dalek::{Signature, Signer, SigningKey};
use eligo_ledger::block::Transaction;
use eligo_sharing::domain::sha256;
use eligo_sharing::keys::ReceivingKey;
use eligo_sharing::oms::{
    Chain, MultiSigner, Opinion, OpinionSalt, RegisteredSigner, Roster, VerifiedChain,
};
use eligo_sharing::tcpre::{GrantTerms, SignedGrant, VerifiedGrant, Window, grant};
use eligo_sharing::team::{DoctorId, Prekey, SignedPrekey};

use super::act::{
    AskTerms, Delegation, Hand, Permit, RecordGrant, SignedDelegation, SignedPermit, SignerEntry,
    TeamName, TeamPlan, TokenLetter, delegation_end_bytes, revocation_bytes,
};
use super::{Act, case};
use crate::certificate::{Certificate, Role};
use crate::encoding::{Blob, List, Text};
use crate::name::{AccountId, AskId, DelegationId, EncounterName, RecordName, SignerName};
use crate::scenario::{Actor, Prover, START_MS, Scenario, SealedRecord};
use crate::transaction::Body;

/// An hour, in milliseconds.
pub const HOUR_MS: u64 = 3_600_000;
/// When everything made here ends by default: a day after the first block.
pub const TOMORROW_MS: u64 = START_MS + 24 * HOUR_MS;

/// A doctor: account, signing key, prekey.
#[derive(Debug)]
pub struct DoctorActor {
    /// Its account.
    pub actor: Actor,
    /// s, t, u.
    pub signer: MultiSigner,
    /// The signing key with its possession proved.
    pub registered: RegisteredSigner,
    /// Opens the next team's welcome.
    pub prekey: Prekey,
    /// Its public half.
    pub signed_prekey: SignedPrekey,
}

impl DoctorActor {
    /// Its account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.actor.account()
    }

    /// Its signing key's name.
    #[must_use]
    pub fn name(&self) -> SignerName {
        SignerName::new(*self.registered.id().as_bytes())
    }
}

/// An ask with the key that opens what is granted.
#[derive(Debug)]
pub struct MadeAsk {
    /// Its name.
    pub id: AskId,
    /// The doctor's account.
    pub doctor: AccountId,
    /// The form.
    pub terms: AskTerms,
    /// b.
    pub receiving: ReceivingKey,
}

fn list<T, const MAX: usize>(values: Vec<T>) -> List<T, MAX> {
    List::new(values).unwrap_or_default()
}

fn blob<const MAX: usize>(bytes: Vec<u8>) -> Blob<MAX> {
    Blob::new(bytes).unwrap_or_default()
}

fn sign(key: &SigningKey, message: &[u8]) -> [u8; 64] {
    let signature: Signature = key.sign(message);
    signature.to_bytes()
}

/// The name of a record's encounter.
#[must_use]
pub fn encounter_of(record: &SealedRecord) -> EncounterName {
    EncounterName::of(&record.entry.encounter)
}

impl<P: Prover> Scenario<P> {
    /// Thirty-two random bytes.
    pub fn nonce(&mut self) -> [u8; 32] {
        let mut nonce = [0; 32];
        rand_core::RngCore::fill_bytes(&mut self.rng, &mut nonce);
        nonce
    }

    /// Signs an act with the account's next counter.
    pub fn act(&mut self, key: &SigningKey, act: Act) -> Transaction {
        self.sign(key, Body::Care(act))
    }

    /// An act of a hospital.
    pub fn hospital_acts(&mut self, hospital: usize, act: Act) -> Transaction {
        self.by_hospital(hospital, Body::Care(act))
    }

    /// An act from a fresh account, as patients do.
    pub fn anyone_acts(&mut self, act: Act) -> Transaction {
        let account = Actor::new(&mut self.rng);
        self.act(&account.key, act)
    }

    /// A doctor, the certificate and the entry of its keys. None if the drawn key proves nothing.
    pub fn doctor(&mut self, name: &str) -> Option<(DoctorActor, Vec<Transaction>)> {
        let actor = Actor::new(&mut self.rng);
        let signer = MultiSigner::generate(&mut self.rng);
        let id = DoctorId::new(actor.account().to_string()).ok()?;
        let (prekey, signed_prekey) = Prekey::generate(id, &actor.key, &mut self.rng);
        let certificate = Certificate {
            subject: actor.account(),
            name: Text::new(name).unwrap_or_default(),
            role: Role::Doctor,
            serial: 1,
        };
        let certificate = certificate.sign(&self.chain, &self.registrar.key);
        let certify = self.by_registrar(Body::Certify(certificate));
        let doctor = DoctorActor {
            registered: signer.public().register(&signer.prove_possession()).ok()?,
            actor,
            signer,
            prekey,
            signed_prekey,
        };
        let entry = Act::EnterSigner(signer_entry(&doctor));
        let enter = self.act(&doctor.actor.key, entry);
        Some((doctor, vec![certify, enter]))
    }

    /// An employment until tomorrow.
    pub fn employ(&mut self, hospital: usize, doctor: AccountId) -> Transaction {
        let until_ms = TOMORROW_MS;
        self.hospital_acts(hospital, Act::Employ { doctor, until_ms })
    }

    /// A hospital's team for an encounter.
    #[must_use]
    pub fn team_name(&self, hospital: usize, encounter: EncounterName) -> TeamName {
        let hospital = self.hospitals[hospital].account();
        TeamName {
            hospital,
            encounter,
        }
    }

    /// Confirms as a doctor of the team, having accepted this welcome.
    pub fn confirm(
        &mut self,
        doctor: &DoctorActor,
        team: TeamName,
        epoch: u64,
        welcome: [u8; 32],
    ) -> Transaction {
        let confirmation = sha256(doctor.account().as_bytes());
        let act = Act::ConfirmTeam {
            team,
            epoch,
            welcome,
            confirmation,
        };
        self.act(&doctor.actor.key, act)
    }

    /// Signs an opinion after the chain so far. None if that does not verify.
    pub fn opine(
        &mut self,
        doctors: &[&DoctorActor],
        (team, epoch): (TeamName, u64),
        before: &[u8],
        text: &str,
    ) -> Option<(Vec<u8>, OpinionSalt)> {
        let signers: Vec<SignerName> = doctors.iter().map(|d| d.name()).collect();
        let case = case(&self.chain, &team, epoch, &signers);
        let roster: Roster = doctors
            .iter()
            .map(|d| (d.registered.id(), d.registered))
            .collect::<BTreeMap<_, _>>();
        let before = match before {
            [] => VerifiedChain::begin(case),
            bytes => Chain::from_bytes(bytes).ok()?.verify(&case, &roster).ok()?,
        };
        let doctor = doctors.get(before.signers().len())?;
        let (opinion, salt) = Opinion::commit(text.as_bytes(), &mut self.rng);
        let signed = before.sign(&doctor.signer, &doctor.registered, opinion, &mut self.rng);
        Some((signed.ok()?.to_bytes(), salt))
    }

    /// An ask at the encounter with this key, until an hour before tomorrow ends, three proxies.
    pub fn make_ask(&mut self, doctor: &Actor, hospital: usize, inbox: &SigningKey) -> MadeAsk {
        let receiving = ReceivingKey::generate(&mut self.rng);
        let terms = AskTerms {
            hospital: self.hospitals[hospital].account(),
            inbox: inbox.verifying_key().to_bytes(),
            receiver: receiving.public().to_bytes(),
            possession: receiving.prove_possession().to_bytes(),
            threshold: 2,
            until_ms: TOMORROW_MS - HOUR_MS,
            letter: blob(b"sealed to the patient".to_vec()),
            nonce: self.nonce(),
        };
        let doctor = doctor.account();
        MadeAsk {
            id: terms.name(&self.chain, &doctor),
            doctor,
            terms,
            receiving,
        }
    }

    /// What a grant of a record in answer to an ask is about.
    pub fn care_terms(
        &self,
        ask: &MadeAsk,
        record: &SealedRecord,
        drawn: &[(AccountId, [u8; 48])],
        until_ms: u64,
    ) -> Option<GrantTerms> {
        Some(GrantTerms {
            key: record.key.public(),
            label: *record.capsule.label(),
            receiver: ask.receiving.public(),
            proxies: Self::roster(drawn)?,
            window: Window::new(START_MS / 1000 - 60, until_ms / 1000).ok()?,
            requirement: ask.id.into(),
        })
    }

    /// Grants under these terms, by the record's encounter or another hand.
    pub fn care_grant(
        &mut self,
        record: &SealedRecord,
        terms: GrantTerms,
        signer: &SigningKey,
    ) -> Option<RecordGrant> {
        let signed = grant(&record.key, terms, signer, &mut self.rng).ok()?;
        Some(RecordGrant {
            record: record.name(),
            grant: blob(signed.to_bytes()),
        })
    }

    /// A permit of these records, each granted by its own encounter.
    pub fn make_permit(
        &mut self,
        ask: &MadeAsk,
        records: &[&SealedRecord],
        drawn: &[(AccountId, [u8; 48])],
        until_ms: u64,
    ) -> Option<Permit> {
        let mut grants = Vec::new();
        for record in records {
            let terms = self.care_terms(ask, record, drawn, until_ms)?;
            let signer = record.signer.clone();
            grants.push(self.care_grant(record, terms, &signer)?);
        }
        Some(Permit {
            ask: ask.id,
            until_ms,
            grants: list(grants),
            tokens: List::default(),
        })
    }

    /// A permit signed by the patient's inbox.
    pub fn sign_permit(&self, permit: Permit, inbox: &SigningKey) -> SignedPermit {
        self.sign_permit_as(permit, Hand::Patient, inbox)
    }

    /// A permit signed by this hand.
    pub fn sign_permit_as(&self, permit: Permit, hand: Hand, key: &SigningKey) -> SignedPermit {
        let signature = sign(key, &permit.signed_bytes(&self.chain));
        SignedPermit {
            permit,
            hand,
            signature,
        }
    }

    /// A revocation by this hand, from a fresh account.
    pub fn revoke_permit(&mut self, ask: AskId, hand: Hand, key: &SigningKey) -> Transaction {
        let signature = sign(key, &revocation_bytes(&self.chain, &ask));
        self.anyone_acts(Act::RevokePermit {
            ask,
            hand,
            signature,
        })
    }

    /// A delegation signed by every encounter.
    pub fn delegate(&mut self, delegation: Delegation, by: &[&SigningKey]) -> Transaction {
        let message = delegation.signed_bytes(&self.chain);
        let signatures = by.iter().map(|key| sign(key, &message)).collect();
        self.anyone_acts(Act::Delegate(SignedDelegation {
            delegation,
            signatures: list(signatures),
        }))
    }

    /// The end of a delegation by an encounter.
    pub fn end_delegation(&mut self, delegation: DelegationId, by: &SigningKey) -> Transaction {
        let signature = sign(by, &delegation_end_bytes(&self.chain, &delegation));
        self.anyone_acts(Act::RevokeDelegation {
            delegation,
            encounter: by.verifying_key().to_bytes(),
            signature,
        })
    }

    /// The honest share of the proxy with this account.
    pub fn care_share(
        &mut self,
        account: &AccountId,
        ask: AskId,
        (record, grant): (&SealedRecord, &VerifiedGrant),
        time_ms: u64,
    ) -> Option<(usize, Act)> {
        let mut proxies = self.proxies.iter();
        let at = proxies.position(|p| p.actor.account() == *account)?;
        let key = grant.share_key(&self.proxies.get(at)?.key).ok()?;
        let capsule = record.capsule.clone().check().ok()?;
        let share = key.reencrypt(&capsule, time_ms / 1000, &mut self.rng);
        let share = Blob::new(share.ok()?.to_bytes()).ok()?;
        let record = record.name();
        Some((at, Act::Share { ask, record, share }))
    }
}

/// How a doctor enters the signers' roster.
#[must_use]
pub fn signer_entry(doctor: &DoctorActor) -> SignerEntry {
    SignerEntry {
        key: blob(doctor.signer.public().to_bytes()),
        possession: blob(doctor.signer.prove_possession().to_bytes()),
        prekey: blob(doctor.signed_prekey.to_bytes()),
    }
}

/// A plan with the first for a lead, an hour each, asked again twice.
#[must_use]
pub fn plan(doctors: &[AccountId], welcome: [u8; 32]) -> TeamPlan {
    TeamPlan {
        doctors: list(doctors.to_vec()),
        lead: doctors.first().copied().unwrap_or(AccountId::new([0; 32])),
        slot_ms: HOUR_MS,
        retries: 2,
        welcome,
    }
}

/// The grant in a permit, verified as the contract does.
#[must_use]
pub fn verified(permit: &Permit, record: &RecordName, terms: &GrantTerms) -> Option<VerifiedGrant> {
    let mut grants = permit.grants.as_slice().iter();
    let granted = grants.find(|granted| granted.record == *record)?;
    let signed = SignedGrant::from_bytes(granted.grant.as_slice()).ok()?;
    let signer = *signed.signer();
    signed.verify(terms, &signer).ok()
}

/// A letter for a search node.
#[must_use]
pub fn token(node: AccountId, letter: Vec<u8>) -> TokenLetter {
    let letter = blob(letter);
    TokenLetter { node, letter }
}
