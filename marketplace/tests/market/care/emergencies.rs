//! Authorities open a record together; fewer than t open nothing; all of it leaves a trace.

use eligo_marketplace::care::act::{EmergencyTerms, emergency_letter_info};
use eligo_marketplace::care::{Act, CALL_MS};
use eligo_marketplace::ceremony::generate_in_process;
use eligo_marketplace::encoding::{Blob, Text};
use eligo_marketplace::name::EmergencyId;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::Actor;
use eligo_sharing::dkg::{GroupKey, Purpose};
use eligo_sharing::ibe::{Authority, CheckedSealed, Identity, OpenSealedError, Sealed, seal};
use eligo_sharing::letter::LetterKey;

use super::ward::Ward;

const SUMMARY: &[u8] = b"penicillin allergy; apixaban";

pub struct Office {
    pub ward: Ward,
    pub key: GroupKey,
    pub authorities: Vec<(Actor, Authority)>,
    pub sealed: CheckedSealed,
    pub letters: LetterKey,
}

impl Office {
    /// Three authorities of whom two decrypt, and a capsule for record 0.
    pub fn open() -> Self {
        let mut ward = Ward::open();
        let rng = &mut ward.market.rng;
        let (key, shares) =
            generate_in_process(Purpose::Identity, b"emergencies", (3, 2), rng).unwrap();
        let authorities: Vec<_> = shares
            .into_iter()
            .map(|share| (Actor::new(rng), Authority::new(share).unwrap()))
            .collect();
        let name = Identity::of_emergency("north", 1);
        let sealed = seal(&key, &name, SUMMARY, rng).unwrap();
        let letters = LetterKey::generate(rng);
        let bytes = sealed.to_bytes();
        let sealed = sealed.check(&key).unwrap();
        let mut office = Self {
            ward,
            key,
            authorities,
            sealed,
            letters,
        };
        let enter = office.enter("north", &bytes);
        office
            .ward
            .hospital_refused(0, enter.clone(), Rejection::NoIdentityKey);
        let accounts = office
            .authorities
            .iter()
            .map(|(a, _)| a.account())
            .collect();
        let contract = office.ward.solo.market.contract_mut().unwrap();
        contract.install_authorities(&office.key, accounts).unwrap();
        office.ward.hospital_acts(0, enter).unwrap();
        office
    }

    fn enter(&self, region: &str, sealed: &[u8]) -> Act {
        Act::EnterEmergency {
            record: self.ward.records[0].name(),
            region: Text::new(region).unwrap(),
            epoch: 1,
            sealed: Blob::new(sealed.to_vec()).unwrap(),
        }
    }

    fn terms(&mut self, record: usize) -> EmergencyTerms {
        EmergencyTerms {
            record: self.ward.records[record].name(),
            hospital: self.ward.market.hospitals[1].account(),
            letters: *self.letters.public().as_bytes(),
            reason: [3; 32],
            nonce: self.ward.market.nonce(),
        }
    }

    pub fn call(&mut self) -> EmergencyId {
        let terms = self.terms(0);
        let doctor = self.ward.doctors[3].account();
        let id = terms.name(&self.ward.market.chain, &doctor);
        self.ward.doctor_acts(3, Act::AskEmergency(terms)).unwrap();
        id
    }

    /// An authority's part in a letter.
    pub fn answer(&mut self, at: usize, emergency: EmergencyId) -> Act {
        let (rng, info) = (
            &mut self.ward.market.rng,
            emergency_letter_info(&self.ward.market.chain, &emergency),
        );
        let share = self.authorities[at]
            .1
            .decrypt(&self.key, &self.sealed, rng)
            .unwrap();
        let letter = self.letters.public();
        let letter = letter.write(&share.to_bytes(), &info, &[], rng).unwrap();
        Act::EmergencyShare {
            emergency,
            letter: Blob::new(letter.to_bytes()).unwrap(),
        }
    }

    pub fn answered(&mut self, at: usize, emergency: EmergencyId) -> Result<(), Rejection> {
        let act = self.answer(at, emergency);
        let key = self.authorities[at].0.key.clone();
        let answer = self.ward.market.act(&key, act);
        self.ward.solo.submit(answer)
    }
}

#[test]
fn two_of_three_authorities_open_and_the_history_shows_it() {
    let mut office = Office::open();
    let call = office.call();
    office.answered(0, call).unwrap();
    office.answered(2, call).unwrap();
    let (rng, key) = (&mut office.ward.market.rng, &office.key);
    let shares: Vec<_> = [0, 2]
        .map(|at: usize| office.authorities[at].1.decrypt(key, &office.sealed, rng))
        .into_iter()
        .map(|share| share.unwrap().verify(key, &office.sealed).unwrap())
        .collect();
    let summary = office.sealed.open_jointly(key, &shares).unwrap();
    assert_eq!(summary.as_slice(), SUMMARY);
    let trail = [
        "record_registered",
        "emergency_entered",
        "emergency_asked",
        "emergency_shared",
        "emergency_shared",
        "emergency_openable",
    ];
    let record = &office.ward.records[0];
    assert_eq!(office.ward.history(&record.name()), trail);
    // The patient, who knows the encounter, sees the same.
    let encounter = eligo_marketplace::care::scenario::encounter_of(record);
    assert_eq!(office.ward.history(&encounter), trail);
}

#[test]
fn colluding_authorities_below_the_threshold_open_nothing() {
    let mut office = Office::open();
    let call = office.call();
    office.answered(0, call).unwrap();
    let again = office.answered(0, call);
    assert_eq!(again, Err(Rejection::EmergencyShareTwice));
    let (rng, key) = (&mut office.ward.market.rng, &office.key);
    let share = office.authorities[0].1.decrypt(key, &office.sealed, rng);
    let share = share.unwrap().verify(key, &office.sealed).unwrap();
    let opened = office.sealed.open_jointly(key, &[share.clone(), share]);
    assert!(matches!(
        opened,
        Err(OpenSealedError::NotEnough { have: 1, need: 2 })
    ));
    let trail = office.ward.history(&office.ward.records[0].name());
    assert!(!trail.contains(&"emergency_openable".to_owned()));
}

#[test]
fn only_hospital_doctors_and_authorities_act_and_in_time() {
    let mut office = Office::open();
    let mut altered = office.sealed.to_bytes();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    let (sealed, twice) = (office.sealed.to_bytes(), Rejection::EmergencyTwice);
    let enter = office.enter("north", &sealed);
    office.ward.hospital_refused(0, enter.clone(), twice);
    office
        .ward
        .hospital_refused(1, enter, Rejection::NotPermitted);
    // For the other record: of this region, unaltered.
    let own = |office: &Office, region: &str, sealed: &[u8]| match office.enter(region, sealed) {
        Act::EnterEmergency {
            region,
            epoch,
            sealed,
            ..
        } => Act::EnterEmergency {
            record: office.ward.records[1].name(),
            region,
            epoch,
            sealed,
        },
        other => other,
    };
    let elsewhere = own(&office, "south", &sealed);
    let broken = own(&office, "north", &altered);
    assert!(Sealed::from_bytes(&altered).is_ok());
    for act in [elsewhere, broken] {
        office
            .ward
            .hospital_refused(1, act, Rejection::EmergencyCapsule);
    }
    // A doctor of another hospital, and one for a record without a capsule.
    let terms = office.terms(0);
    office
        .ward
        .doctor_refused(0, Act::AskEmergency(terms), Rejection::NotEmployed);
    let terms = office.terms(1);
    office
        .ward
        .doctor_refused(3, Act::AskEmergency(terms), Rejection::UnknownEmergency);
    let call = office.call();
    let answer = office.answer(0, call);
    office.ward.anyone_refused(answer, Rejection::NotKeyholder);
    office.ward.solo.pass(CALL_MS + 1_000);
    assert_eq!(office.answered(1, call), Err(Rejection::EmergencyOver));
}
