//! What clients believe of a node about care: nothing that the chain does not show to have been accepted.

use eligo_marketplace::agent::trail::{self, AskTrail};
use eligo_marketplace::care::act::{Permit, TeamName};
use eligo_marketplace::care::scenario::{DoctorActor, MadeAsk, encounter_of, plan, signer_entry};
use eligo_marketplace::care::{Act, CareEvent};
use eligo_marketplace::name::{DiagnosisName, EncounterName, SignerName};
use eligo_marketplace::scenario::Actor;
use eligo_sharing::search::WriterKey;

use super::lying::Lying;
use super::*;

const HOUR_MS: u64 = 3_600_000;

/// A doctor of the hospital, and who asks at a visit.
pub struct Clinic {
    pub doctor: DoctorActor,
    pub inbox: Actor,
}

/// In milliseconds, a whole second: grants count in seconds.
fn in_an_hour() -> u64 {
    (now_ms() + HOUR_MS) / 1000 * 1000
}

impl Fair {
    /// Signs and hands in; what the ledger says.
    pub fn acts(&self, key: &ed25519_dalek::SigningKey, act: Act) -> Committed {
        self.sends(key, Body::Care(act))
    }

    pub fn sends(&self, key: &ed25519_dalek::SigningKey, body: Body) -> Committed {
        let sent = Account::new(&self.client, key).send(body).unwrap();
        let transaction = sent.transaction.to_transaction().unwrap();
        self.client.submit(&transaction).unwrap()
    }

    /// Somebody whom nobody certified.
    pub fn stranger(&mut self) -> Actor {
        Actor::new(&mut self.market.rng)
    }

    /// A doctor, certified and employed.
    pub fn doctor(&mut self, name: &str) -> DoctorActor {
        let (doctor, entering) = self.market.doctor(name).unwrap();
        let bodies = entering.iter().map(|transaction| {
            let signed = SignedTransaction::from_wire(transaction.bytes()).unwrap();
            signed.body().clone()
        });
        let keys = [&self.market.registrar.key, &doctor.actor.key];
        for (key, body) in keys.into_iter().zip(bodies) {
            assert!(self.sends(key, body).accepted());
        }
        let employ = Act::Employ {
            doctor: doctor.account(),
            until_ms: now_ms() + 24 * HOUR_MS,
        };
        let hospital = self.market.hospitals[0].key.clone();
        assert!(self.acts(&hospital, employ).accepted());
        doctor
    }

    pub fn clinic(&mut self) -> Clinic {
        let doctor = self.doctor("Doctor");
        let inbox = self.stranger();
        Clinic { doctor, inbox }
    }

    /// An ask at the visit, not handed in.
    pub fn make_ask(&mut self, clinic: &Clinic) -> MadeAsk {
        let (doctor, inbox) = (&clinic.doctor.actor, &clinic.inbox.key);
        let mut ask = self.market.make_ask(doctor, 0, inbox);
        ask.terms.until_ms = in_an_hour();
        ask.id = ask.terms.name(&self.market.chain, &doctor.account());
        ask
    }

    pub fn rounds(&self) {
        let registrar = &self.market.registrar.key;
        let mut beacon = BeaconAgent::new(&self.client, &self.hands, registrar);
        beacon.step().unwrap();
    }

    /// An ask that is made and drawn for.
    pub fn ask(&mut self, clinic: &Clinic) -> MadeAsk {
        let ask = self.make_ask(clinic);
        let asked = self.acts(&clinic.doctor.actor.key, Act::Ask(ask.terms.clone()));
        assert!(asked.accepted(), "{:?}", asked.outcome);
        self.rounds();
        ask
    }

    /// A permit of the record through the proxies that this client comes to.
    pub fn permit_by<D: Desk>(&mut self, client: &Client<D>, ask: &MadeAsk) -> Permit {
        let trail = AskTrail::proved(client, &ask.id).unwrap().unwrap();
        let roster = trail.witnessed_roster(client).unwrap().unwrap();
        let keys = roster.iter().map(|(_, key)| key.to_bytes());
        let accounts = trail.drawn().unwrap().iter().copied();
        let drawn: Vec<_> = accounts.zip(keys).collect();
        let until = ask.terms.until_ms;
        let records = [&self.record];
        self.market
            .make_permit(ask, &records, &drawn, until)
            .unwrap()
    }

    /// Hands a permit in from an account of its own.
    pub fn hand_in(&mut self, clinic: &Clinic, permit: Permit) -> Committed {
        let signed = self.market.sign_permit(permit, &clinic.inbox.key);
        let nobody = self.stranger();
        self.acts(&nobody.key, Act::Permit(signed))
    }
}

fn unproved<T>(answer: Result<T, AgentError>) {
    match answer {
        Err(AgentError::Unproved(_)) => {}
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("believed"),
    }
}

#[test]
fn what_was_just_accepted_is_believed_once_the_chain_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    // Each is in the last block when it is asked for.
    fair.registered(folder.path());
    let entry = trail::registered(&fair.client, &fair.record.name()).unwrap();
    assert_eq!(entry.name(), fair.record.name());
    let doctor = fair.doctor("Doctor");
    let renewed = doctor.signed_prekey.to_bytes();
    let renew = Act::RenewPrekey {
        prekey: Blob::new(renewed.clone()).unwrap(),
    };
    assert!(fair.acts(&doctor.actor.key, renew).accepted());
    let (keys, prekey) = trail::signers(&fair.client, &doctor.account()).unwrap();
    assert_eq!((keys.len(), prekey), (1, Some(renewed)));
    let hospital = fair.market.hospitals[0].key.clone();
    let mut written = Vec::new();
    for _ in 0..2 {
        let key = WriterKey::generate(&mut fair.market.rng);
        let enter = Act::EnterWriter {
            key: key.public().to_bytes(),
            possession: key.prove_possession().to_bytes(),
        };
        assert!(fair.acts(&hospital, enter).accepted());
        written.push(key.public());
    }
    let account = fair.market.hospitals[0].account();
    let writer = trail::writer(&fair.client, &account).unwrap();
    assert_eq!(writer, written.pop());
}

#[test]
fn a_refused_record_is_not_taken_for_registered() {
    let folder = tempfile::tempdir().unwrap();
    let fair = open(folder.path(), LONG_MS);
    let party = fair.market.hospitals[0].account();
    let registrar = fair.market.registrar.key.clone();
    assert!(fair.sends(&registrar, Body::Dismiss { party }).accepted());
    let registration = fair.registration(folder.path()).entry;
    let lineage = registration.entry.name().into();
    let record = registration.entry.name();
    let refused = fair.sends(&registrar, Body::Register(registration));
    let event = Event::RecordRegistered {
        record,
        lineage,
        hospital: party,
    };
    let liar = Lying::about(&fair, &refused, event);
    unproved(trail::registered(&liar, &record));
    assert!(trail::registered(&fair.client, &record).is_err());
}

#[test]
fn a_strangers_keys_are_not_taken_for_a_hospitals_or_a_doctors() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    let (doctor, stranger) = (fair.doctor("Doctor"), fair.stranger());
    let hospital = fair.market.hospitals[0].account();
    let key = WriterKey::generate(&mut fair.market.rng);
    let enter = Act::EnterWriter {
        key: key.public().to_bytes(),
        possession: key.prove_possession().to_bytes(),
    };
    let refused = fair.acts(&stranger.key, enter);
    let liar = Lying::about(
        &fair,
        &refused,
        CareEvent::WriterEntered { hospital }.into(),
    );
    unproved(trail::writer(&liar, &hospital));
    assert_eq!(trail::writer(&fair.client, &hospital).unwrap(), None);
    // A doctor that nobody certified, shown as the one whom everybody knows.
    let (other, _) = fair.market.doctor("Other").unwrap();
    let refused = fair.acts(&stranger.key, Act::EnterSigner(signer_entry(&other)));
    let event = CareEvent::SignerEntered {
        doctor: doctor.account(),
        signer: SignerName::new([1; 32]),
    };
    let liar = Lying::about(&fair, &refused, event.into());
    unproved(trail::signers(&liar, &doctor.account()));
    let (keys, _) = trail::signers(&fair.client, &doctor.account()).unwrap();
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_refused_team_and_a_refused_opinion_make_no_diagnosis() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    let (doctor, stranger) = (fair.doctor("Doctor"), fair.stranger());
    let encounter = encounter_of(&fair.record);
    let hospital = fair.market.hospitals[0].account();
    let team = plan(&[doctor.account()], [7; 32]);
    let refused = fair.acts(&stranger.key, Act::AssignTeam { encounter, team });
    let event = CareEvent::TeamAssigned {
        hospital,
        encounter,
        epoch: 0,
        doctors: List::new(vec![doctor.account()]).unwrap(),
    };
    let liar = Lying::about(&fair, &refused, event.into());
    let name = DiagnosisName::new([3; 32]);
    unproved(trail::diagnosis(&liar, &encounter, &name));
    // Signatures that are right, for a team that nobody assigned.
    let team = TeamName {
        hospital,
        encounter,
    };
    let (chain, _) = fair
        .market
        .opine(&[&doctor], (team, 0), &[], "opinion")
        .unwrap();
    let name = DiagnosisName::new(eligo_sharing::domain::sha256(&chain));
    let chain = Blob::new(chain).unwrap();
    let epoch = 0;
    let sign = Act::SignOpinion { team, epoch, chain };
    let refused = fair.acts(&doctor.actor.key, sign);
    let event = CareEvent::DiagnosisCompleted {
        hospital,
        encounter,
        epoch,
        diagnosis: name,
    };
    let liar = Lying::about(&fair, &refused, event.into());
    unproved(trail::diagnosis(&liar, &encounter, &name));
    let honest = trail::diagnosis(&fair.client, &encounter, &name).unwrap();
    assert!(honest.is_none());
}

#[test]
fn nothing_is_decided_on_an_ask_a_permit_or_a_read_that_was_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut fair = open(folder.path(), LONG_MS);
    fair.registered(folder.path());
    let clinic = fair.clinic();
    // An ask by a doctor whom nobody employs.
    let (stranger, inbox) = (fair.stranger(), fair.stranger());
    let mut refused = fair.market.make_ask(&stranger, 0, &inbox.key);
    refused.terms.until_ms = in_an_hour();
    let chain = fair.market.chain;
    refused.id = refused.terms.name(&chain, &stranger.account());
    let at = fair.acts(&stranger.key, Act::Ask(refused.terms.clone()));
    let asked = CareEvent::Asked {
        ask: refused.id,
        encounter: EncounterName::of(&refused.terms.inbox),
        doctor: stranger.account(),
        hospital: refused.terms.hospital,
        until_ms: refused.terms.until_ms,
    };
    let liar = Lying::about(&fair, &at, asked.into());
    unproved(AskTrail::proved(&liar, &refused.id));
    // It can be looked at, and comes to nothing.
    let seen = AskTrail::of(&liar, &refused.id).unwrap().unwrap();
    unproved(seen.place());

    // A permit that is not the patient's.
    let ask = fair.ask(&clinic);
    let client = Client::new(fair.market.genesis.clone(), fair.client.desk().clone()).unwrap();
    let permit = fair.permit_by(&client, &ask);
    let forged = fair.market.sign_permit(permit.clone(), &stranger.key);
    let nobody = fair.stranger();
    let at = fair.acts(&nobody.key, Act::Permit(forged));
    let permitted = CareEvent::Permitted {
        ask: ask.id,
        encounter: EncounterName::of(&ask.terms.inbox),
        records: List::new(vec![fair.record.name()]).unwrap(),
        searches: 0,
        until_ms: permit.until_ms,
        delegate: None,
    };
    let liar = Lying::about(&fair, &at, permitted.into());
    unproved(AskTrail::proved(&liar, &ask.id));
    let seen = AskTrail::of(&liar, &ask.id).unwrap().unwrap();
    assert!(seen.is_answered());
    assert_eq!((seen.permits().count(), seen.granted().count()), (0, 0));
    assert!(seen.granted_record(&liar, &fair.record.name()).is_err());

    // The patient permits; then somebody else than the doctor reads.
    assert!(fair.hand_in(&clinic, permit).accepted());
    let (ask, record) = (ask.id, fair.record.name());
    let at = fair.acts(&stranger.key, Act::Read { ask, record });
    let read = CareEvent::RecordRead {
        ask,
        encounter: EncounterName::of(&clinic.inbox.key.verifying_key().to_bytes()),
        record,
        doctor: clinic.doctor.account(),
    };
    let liar = Lying::about(&fair, &at, read.into());
    let seen = AskTrail::of(&liar, &ask).unwrap().unwrap();
    assert_eq!(seen.permits().count(), 1);
    assert_eq!((seen.read(), seen.is_begun(&record)), (vec![record], false));
    for n in 0..5 {
        let identity = fair.identity(n);
        let journal = Journal::open(&folder.path().join(format!("proxy-{n}"))).unwrap();
        // Those drawn are told that it is nonsense; nobody hands anything out.
        drop(ProxyAgent::new(&liar, &identity, journal).step());
    }
    let honest = AskTrail::proved(&fair.client, &ask).unwrap().unwrap();
    let events = honest.steps().iter().filter_map(trail::event);
    let shared = events.filter(|e| matches!(e, CareEvent::CareShared { .. }));
    assert_eq!((shared.count(), honest.read().len()), (0, 0));
}
