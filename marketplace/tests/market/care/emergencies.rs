//! Authorities open a record together; fewer than t open nothing; all of it leaves a trace.

use eligo_ledger::wire::Wire;
use eligo_marketplace::care::act::{EmergencyTerms, emergency_letter_info, emergency_name};
use eligo_marketplace::care::{Act, CALL_MS, MOST_OPEN_CALLS};
use eligo_marketplace::ceremony::generate_in_process;
use eligo_marketplace::contract::Contract;
use eligo_marketplace::convene::act::{
    Act as Convening, Authority as Seat, CeremonyTerms, KeyPurpose, Windows,
};
use eligo_marketplace::convene::part;
use eligo_marketplace::convene::transcript::{Transcript, ceremony};
use eligo_marketplace::encoding::{Blob, List, Text};
use eligo_marketplace::name::{CeremonyName, EmergencyId, RecordName};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::Actor;
use eligo_marketplace::transaction::Body;
use eligo_sharing::dkg::{GroupKey, Participant, Purpose};
use eligo_sharing::ibe::{
    Authority, CheckedSealed, DecryptionShare, IdentityKey, OpenSealedError, Sealed, seal,
};
use eligo_sharing::letter::LetterKey;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::ward::Ward;

const SUMMARY: &[u8] = b"penicillin allergy; apixaban";

pub struct Office {
    pub ward: Ward,
    pub key: GroupKey,
    pub authorities: Vec<(Actor, Authority)>,
    pub sealed: CheckedSealed,
    pub letters: LetterKey,
}

fn enter(record: RecordName, region: &str, sealed: &[u8]) -> Act {
    Act::EnterEmergency {
        record,
        region: Text::new(region).unwrap(),
        epoch: 1,
        sealed: Blob::new(sealed.to_vec()).unwrap(),
    }
}

/// A key generation over the ledger by three authorities, two of whom can use the key.
fn convene(ward: &mut Ward) -> (GroupKey, Vec<(Actor, Authority)>) {
    let rng_of = |at: u64| ChaCha20Rng::seed_from_u64(700 + at);
    let (hospitals, institutes) = (&ward.market.hospitals, &ward.market.institutions);
    let keys = [&hospitals[0], &institutes[0], &institutes[1]].map(|actor| actor.key.clone());
    let actors = keys.map(|key| Actor { key });
    let letters: Vec<_> = (10..13)
        .map(|at| LetterKey::generate(&mut rng_of(at)))
        .collect();
    let both = actors.iter().zip(&letters);
    let authorities = both.map(|(actor, letters)| Seat {
        account: actor.account(),
        letters: *letters.public().as_bytes(),
    });
    let terms = CeremonyTerms {
        purpose: KeyPurpose::Identity,
        threshold: 2,
        authorities: List::new(authorities.collect()).unwrap(),
        windows: Windows { blocks: 2, ms: 0 },
    };
    let made = ceremony(&ward.market.chain, 0, &terms).unwrap();
    let name = CeremonyName::new(*made.id().as_bytes());
    let begin = ward
        .market
        .by_registrar(Body::Convene(Convening::Begin(terms.clone())));
    ward.solo.submit(begin).unwrap();
    let mut said = Vec::new();
    let chain = ward.market.chain;
    let made = || ceremony(&chain, 0, &terms).unwrap();
    for _ in 0..40 {
        let stage = ward.solo.contract().ceremony_view(&name).unwrap().stage;
        if stage.is_over() {
            break;
        }
        let mut words = Vec::new();
        let (mut block, mut at) = (Vec::new(), 0);
        let transcript = Transcript::new(made(), said.clone());
        for (actor, letters) in actors.iter().zip(&letters) {
            let word = part::say(&transcript, stage, letters, &mut rng_of(at)).unwrap();
            at += 1;
            let Some(message) = word else {
                continue;
            };
            let saying = Convening::Say {
                ceremony: name,
                message: message.clone(),
            };
            block.push((actor.key.clone(), Body::Convene(saying)));
            words.push((Participant::new(at).unwrap(), message));
        }
        let mut transactions = Vec::new();
        for (key, body) in block {
            transactions.push(ward.market.sign(&key, body));
        }
        let outcomes = ward.solo.block(transactions);
        assert!(outcomes.iter().all(|outcome| outcome.code == 0));
        said.extend(words);
        for _ in 0..4 {
            if ward.solo.contract().ceremony_view(&name).unwrap().stage != stage {
                break;
            }
            ward.solo.pass(0);
        }
    }
    let key = ward.solo.contract().convene().identity_key();
    let key = key.unwrap().clone();
    let transcript = Transcript::new(made(), said);
    let mut authorities = Vec::new();
    for ((actor, letters), at) in actors.into_iter().zip(&letters).zip(0..) {
        let (same, share) = part::finish(&transcript, letters, &mut rng_of(at)).unwrap();
        assert_eq!(same, key);
        authorities.push((actor, Authority::new(share).unwrap()));
    }
    (key, authorities)
}

impl Office {
    /// Three authorities of whom two decrypt, and a capsule for record 0.
    pub fn open() -> Self {
        let mut ward = Ward::open();
        // Before there is any key, hospitals seal to nobody in particular.
        let rng = &mut ward.market.rng;
        let (other, _) = generate_in_process(Purpose::Identity, b"others", (3, 2), rng).unwrap();
        let name = emergency_name("north", 1, &ward.records[0].name());
        let early = seal(&other, &name, SUMMARY, rng).unwrap().to_bytes();
        let early = enter(ward.records[0].name(), "north", &early);
        ward.hospital_refused(0, early.clone(), Rejection::NoIdentityKey);
        let (key, authorities) = convene(&mut ward);
        ward.hospital_refused(0, early, Rejection::EmergencyCapsule);
        let rng = &mut ward.market.rng;
        let sealed = seal(&key, &name, SUMMARY, rng).unwrap();
        let letters = LetterKey::generate(rng);
        let act = enter(ward.records[0].name(), "north", &sealed.to_bytes());
        ward.hospital_acts(0, act).unwrap();
        let sealed = sealed.check(&key).unwrap();
        Self {
            ward,
            key,
            authorities,
            sealed,
            letters,
        }
    }

    /// A capsule for a record of its own, as it should be.
    fn capsule(&mut self, record: &RecordName) -> Vec<u8> {
        let name = emergency_name("north", 1, record);
        let sealed = seal(&self.key, &name, SUMMARY, &mut self.ward.market.rng);
        sealed.unwrap().to_bytes()
    }

    fn enter(&self, record: usize, region: &str, sealed: &[u8]) -> Act {
        enter(self.ward.records[record].name(), region, sealed)
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
        self.call_by(3, 0)
    }

    pub fn call_by(&mut self, doctor: usize, record: usize) -> EmergencyId {
        let terms = self.terms(record);
        let account = self.ward.doctors[doctor].account();
        let id = terms.name(&self.ward.market.chain, &account);
        let act = Act::AskEmergency(terms);
        self.ward.doctor_acts(doctor, act).unwrap();
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
    let other = office.ward.records[1].name();
    let mut altered = office.capsule(&other);
    let last = altered.len() - 1;
    altered[last] ^= 1;
    let (sealed, twice) = (office.sealed.to_bytes(), Rejection::EmergencyTwice);
    let enter = office.enter(0, "north", &sealed);
    office.ward.hospital_refused(0, enter.clone(), twice);
    office
        .ward
        .hospital_refused(1, enter, Rejection::NotPermitted);
    // For the other record: of this region, unaltered.
    let own = office.capsule(&other);
    let elsewhere = office.enter(1, "south", &own);
    let broken = office.enter(1, "north", &altered);
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

/// A hospital copies what another entered, as its own record's: a call for that would open the other's.
#[test]
fn a_copied_capsule_is_no_other_records() {
    let mut office = Office::open();
    let (theirs, own) = (office.ward.records[0].name(), office.ward.records[1].name());
    let sealed = office.sealed.to_bytes();
    let copy = office.enter(1, "north", &sealed);
    let refused = Rejection::EmergencyCapsule;
    office.ward.hospital_refused(1, copy, refused);
    // Nor does it help to rename it.
    let names = [&theirs, &own].map(|record| emergency_name("north", 1, record));
    let [from, to] = [&names[0], &names[1]].map(|name| name.as_bytes().to_vec());
    let at = sealed.windows(from.len()).position(|w| w == from).unwrap();
    let mut renamed = sealed;
    renamed[at..at + to.len()].copy_from_slice(&to);
    assert_eq!(Sealed::from_bytes(&renamed).unwrap().identity(), &names[1]);
    let copy = office.enter(1, "north", &renamed);
    office.ward.hospital_refused(1, copy, refused);
    // Had somebody let it pass: all the authorities give for this record opens nothing of the other's.
    let key = office.key.clone();
    let parts: Vec<_> = office
        .authorities
        .iter()
        .map(|(_, authority)| authority.extract(&key, &names[1]).unwrap())
        .map(|part| part.verify(&key, &names[1]).unwrap())
        .collect();
    let opened = office
        .sealed
        .open(&IdentityKey::combine(&key, &parts).unwrap());
    assert_eq!(opened, Err(OpenSealedError::OtherIdentity));
    let honest = Sealed::from_bytes(&office.capsule(&own)).unwrap();
    let honest = honest.check(&key).unwrap();
    let rng = &mut office.ward.market.rng;
    let shares: Vec<DecryptionShare> = office
        .authorities
        .iter()
        .map(|(_, authority)| authority.decrypt(&key, &honest, rng).unwrap())
        .collect();
    for share in shares {
        assert!(share.verify(&key, &office.sealed).is_err());
        assert!(share.verify(&key, &honest).is_ok());
    }
}

#[test]
fn a_doctor_calls_once_for_a_record_until_the_call_is_over() {
    let mut office = Office::open();
    let call = office.call();
    let again = Act::AskEmergency(office.terms(0));
    let open = Rejection::EmergencyOpen;
    office.ward.doctor_refused(3, again.clone(), open);
    // A colleague may, and an answer does not end a call.
    let colleague = office.ward.doctors[0].account();
    let employ = office.ward.market.employ(1, colleague);
    office.ward.solo.submit(employ).unwrap();
    office.call_by(0, 0);
    office.answered(0, call).unwrap();
    office.ward.doctor_refused(3, again, open);
    // Its last moment, and after it.
    let doctor = office.ward.doctors[3].account();
    let until_ms = office.ward.solo.time_ms + 2 * CALL_MS;
    office
        .ward
        .hospital_acts(1, Act::Employ { doctor, until_ms })
        .unwrap();
    let view = office.ward.solo.contract().emergency_view(&call).unwrap();
    office
        .ward
        .solo
        .pass(view.until_ms - office.ward.solo.time_ms - 1_000);
    let again = Act::AskEmergency(office.terms(0));
    assert!(office.ward.solo.time_ms <= view.until_ms);
    office.ward.doctor_refused(3, again, open);
    assert!(office.ward.solo.time_ms > view.until_ms);
    office.call();
}

#[test]
fn a_doctor_has_so_many_open_calls() {
    let mut office = Office::open();
    for n in 2..=MOST_OPEN_CALLS + 1 {
        let record = office.ward.register(0);
        let name = record.name();
        office.ward.records.push(record);
        let sealed = office.capsule(&name);
        let act = office.enter(n, "north", &sealed);
        office.ward.hospital_acts(0, act).unwrap();
    }
    office.call();
    for n in 2..=MOST_OPEN_CALLS {
        office.call_by(3, n);
    }
    let terms = office.terms(MOST_OPEN_CALLS + 1);
    let many = Act::AskEmergency(terms);
    let refused = Rejection::TooManyEmergencies;
    office.ward.doctor_refused(3, many, refused);
    // A replica that restores the state knows them too.
    let mut restored = office.ward.solo.contract().clone();
    let bytes = restored.to_wire();
    restored = Contract::from_wire(&bytes).unwrap();
    assert_eq!(restored.digest(), office.ward.solo.contract().digest());
    let doctor = office.ward.doctors[3].account();
    let now = office.ward.solo.time_ms;
    assert_eq!(restored.open_calls(&doctor, now), MOST_OPEN_CALLS);
    assert_eq!(restored.open_calls(&doctor, now + CALL_MS * 2), 0);
}

#[test]
fn an_authority_that_was_dismissed_answers_no_more() {
    let mut office = Office::open();
    let call = office.call();
    let party = office.authorities[1].0.account();
    let dismiss = office.ward.market.by_registrar(Body::Dismiss { party });
    office.ward.solo.submit(dismiss).unwrap();
    assert_eq!(office.answered(1, call), Err(Rejection::NotPermitted));
    office.answered(0, call).unwrap();
}
