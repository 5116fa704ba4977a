//! A key generation on the ledger, with authorities that cheat in every way there is: the right key comes
//! out, and the cheat is named.

use eligo_ledger::block::Transaction;
use eligo_ledger::wire::Wire;
use eligo_marketplace::care;
use eligo_marketplace::care::act::emergency_name;
use eligo_marketplace::contract::Contract;
use eligo_marketplace::convene::act::{Act, Authority, CeremonyTerms, KeyPurpose, Windows};
use eligo_marketplace::convene::event::AuthorityFault;
use eligo_marketplace::convene::naming::{EPOCH_DAYS, Name, epoch_of};
use eligo_marketplace::convene::part;
use eligo_marketplace::convene::transcript::{Message, Opened, Stage, Transcript, ceremony};
use eligo_marketplace::convene::view::CeremonyView;
use eligo_marketplace::encoding::{Blob, List, Text};
use eligo_marketplace::name::{AccountId, CeremonyName};
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Actor, Config, Scenario};
use eligo_marketplace::solo::Solo;
use eligo_marketplace::transaction::Body;
use eligo_sharing::dkg::count::equations_of;
use eligo_sharing::dkg::{self, Exposed, GroupKey, KeyShare, Participant};
use eligo_sharing::domain::{int, lp};
use eligo_sharing::ibe::{
    Authority as Extractor, ExtractError, Identity, IdentityKey, encrypt, seal,
};
use eligo_sharing::letter::LetterKey;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::Toy;

const N: usize = 5;
const T: u16 = 3;
/// An entry of a deal's list of letters: 32 bytes of key, 64 of shares, 16 of tag, four lengths.
pub const LETTER: usize = 4 + 4 + 32 + 4 + 64 + 16;

pub struct Hall {
    pub market: Scenario<Toy>,
    pub solo: Solo,
    letters: Vec<LetterKey>,
    terms: CeremonyTerms,
    name: CeremonyName,
    said: Vec<(Participant, Message)>,
}

pub fn seat(at: usize) -> Participant {
    Participant::new(at as u64 + 1).unwrap()
}

fn rng_of(at: usize) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(900 + at as u64)
}

impl Hall {
    pub fn open() -> Self {
        Self::open_for(KeyPurpose::Identity)
    }

    pub fn open_for(purpose: KeyPurpose) -> Self {
        let config = Config {
            institutions: N + 1,
            ..Config::default()
        };
        let market = Scenario::new(Toy::new(1), &config).unwrap();
        let letters: Vec<_> = (0..N)
            .map(|at| LetterKey::generate(&mut rng_of(50 + at)))
            .collect();
        let authorities = market.institutions.iter().zip(&letters);
        let authorities = authorities.map(|(actor, letters)| Authority {
            account: actor.account(),
            letters: *letters.public().as_bytes(),
        });
        let terms = CeremonyTerms {
            purpose,
            threshold: T,
            authorities: List::new(authorities.collect()).unwrap(),
            windows: Windows { blocks: 3, ms: 0 },
        };
        let solo = Solo::new(&market.genesis);
        let made = ceremony(&market.chain, 0, &terms).unwrap();
        let name = CeremonyName::new(*made.id().as_bytes());
        Self {
            market,
            solo,
            letters,
            terms,
            name,
            said: Vec::new(),
        }
    }

    fn begin(&mut self) -> Result<(), Rejection> {
        let begin = Body::Convene(Act::Begin(self.terms.clone()));
        let begin = self.market.by_registrar(begin);
        self.solo.submit(begin)
    }

    fn account(&self, at: usize) -> AccountId {
        self.market.institutions[at].account()
    }

    pub fn name(&self) -> CeremonyName {
        self.name
    }

    fn view(&self) -> CeremonyView {
        self.solo.contract().ceremony_view(&self.name).unwrap()
    }

    pub fn transcript(&self) -> Transcript {
        let made = ceremony(&self.market.chain, 0, &self.terms).unwrap();
        Transcript::new(made, self.said.clone())
    }

    fn act(&mut self, at: usize, message: Message) -> Transaction {
        let ceremony = self.name;
        self.market
            .by_institution(at, Body::Convene(Act::Say { ceremony, message }))
    }

    /// What an honest participant says now.
    fn word(&self, at: usize) -> Option<Message> {
        let stage = self.view().stage;
        part::say(
            &self.transcript(),
            stage,
            &self.letters[at],
            &mut rng_of(at),
        )
        .unwrap()
    }

    /// One round: everyone speaks in one block, cheats as they like; then blocks pass until it ends.
    fn round(&mut self, cheat: &dyn Fn(&Hall, usize, Message) -> Option<Message>) {
        let stage = self.view().stage;
        let mut said = Vec::new();
        let mut block = Vec::new();
        // Last first: nothing may hang on the order.
        for at in (0..N).rev() {
            let word = self.word(at).and_then(|word| cheat(self, at, word));
            if let Some(word) = word {
                block.push(self.act(at, word.clone()));
                said.push((seat(at), word));
            }
        }
        let outcomes = self.solo.block(block);
        assert!(
            outcomes.iter().all(|o| o.code == 0),
            "{stage:?}: {outcomes:?}"
        );
        self.said.extend(said);
        for _ in 0..5 {
            if self.view().stage != stage {
                return;
            }
            self.solo.pass(0);
        }
        panic!("{stage:?} does not end");
    }

    pub fn run(
        &mut self,
        cheat: &dyn Fn(&Hall, usize, Message) -> Option<Message>,
    ) -> CeremonyView {
        self.begin().unwrap();
        for _ in 0..6 {
            if self.view().stage.is_over() {
                break;
            }
            self.round(cheat);
        }
        self.view()
    }

    pub fn key(&self) -> GroupKey {
        let made = self.solo.contract().convene().key_of(&self.name);
        made.unwrap().clone()
    }

    pub fn share(&self, at: usize) -> KeyShare {
        let finished = part::finish(&self.transcript(), &self.letters[at], &mut rng_of(at));
        let (key, share) = finished.unwrap();
        assert_eq!(key, self.key());
        share
    }

    fn faults(&self) -> Vec<(usize, AuthorityFault)> {
        let place = |id| (0..N).find(|at| self.account(*at) == id).unwrap();
        let faults = self.view().faults.into_iter();
        faults.map(|f| (place(f.authority), f.fault)).collect()
    }
}

/// Exchanges the letters of two participants in a deal: neither opens.
pub fn swap_letters(deal: &[u8], n: usize, a: usize, b: usize) -> Vec<u8> {
    let mut bytes = deal.to_vec();
    let at = |h: usize| deal.len() - (n - h) * LETTER;
    bytes[at(a)..at(a) + LETTER].copy_from_slice(&deal[at(b)..at(b) + LETTER]);
    bytes[at(b)..at(b) + LETTER].copy_from_slice(&deal[at(a)..at(a) + LETTER]);
    bytes
}

fn spoil(message: Message, pairs: &[(usize, usize)]) -> Message {
    let Message::Deal(deal) = message else {
        return message;
    };
    let spoilt = pairs.iter().fold(deal.as_slice().to_vec(), |deal, (a, b)| {
        swap_letters(&deal, N, *a, *b)
    });
    Message::Deal(Blob::new(spoilt).unwrap())
}

fn opens_with_three_not_with_two(hall: &Hall) {
    let key = hall.key();
    let mut rng = rng_of(0);
    let identity = Identity::of_emergency("north", 1, &[1; 32]);
    let sealed = encrypt(&key, &identity, b"allergic to penicillin", &mut rng).unwrap();
    let share = |at: usize| {
        let extractor = Extractor::new(hall.share(at)).unwrap();
        let part = extractor.extract(&key, &identity).unwrap();
        part.verify(&key, &identity).unwrap()
    };
    let parts: Vec<_> = [4, 1, 3].map(share).into();
    let opened = IdentityKey::combine(&key, &parts).unwrap();
    assert_eq!(
        sealed.open(&opened).unwrap().as_slice(),
        b"allergic to penicillin"
    );
    let short = IdentityKey::combine(&key, &parts[..2]).unwrap_err();
    assert_eq!(short, ExtractError::NotEnough { have: 2, need: 3 });
}

pub fn honest(_: &Hall, _: usize, message: Message) -> Option<Message> {
    Some(message)
}

#[test]
fn honest_authorities_make_a_key_in_four_blocks_that_three_can_use() {
    let mut hall = Hall::open();
    let before = hall.solo.contract().height().get();
    let view = hall.run(&honest);
    assert_eq!(view.stage, Stage::Settled);
    assert_eq!(hall.solo.contract().height().get() - before, 1 + 4);
    assert!(view.faults.is_empty() && view.in_force);
    assert_eq!(view.key, Some(hex::encode(hall.key().to_bytes())));
    opens_with_three_not_with_two(&hall);
    let seats = hall.solo.contract().convene().authorities();
    assert_eq!(seats.len(), N);
    assert_eq!(
        (seats[2].participant, seats[2].account),
        (seat(2), hall.account(2))
    );
    // A replica that restores the state has the same key.
    let bytes = hall.solo.contract().to_wire();
    let restored = Contract::from_wire(&bytes).unwrap();
    assert_eq!(restored.digest(), hall.solo.contract().digest());
    assert_eq!(restored.convene().identity_key(), Some(&hall.key()));
    // What was said is in the blocks; the state keeps the key alone.
    assert!(bytes.len() < 40_000, "{}", bytes.len());
}

type Cheat = dyn Fn(&Hall, usize, Message) -> Option<Message>;

fn named(cheat: &Cheat, expected: &[(usize, AuthorityFault)]) -> Hall {
    let mut hall = Hall::open();
    let view = hall.run(cheat);
    assert_eq!(view.stage, Stage::Settled);
    assert_eq!(hall.faults(), expected);
    opens_with_three_not_with_two(&hall);
    hall
}

#[test]
fn who_does_not_deal_or_does_not_answer_is_named_and_left_out() {
    let silent: &Cheat = &|_, at, m| (at != 2 || m.stage() != Stage::Deal).then_some(m);
    let hall = named(silent, &[(2, AuthorityFault::NoDeal)]);
    assert!(!hall.key().dealers().contains(&seat(2)));
    let holder = hall.account(0);
    let unanswered: &Cheat = &|_, at, m| {
        // One letter is for another: the swap wrongs two, of whom one complains louder.
        let m = if at == 2 { spoil(m, &[(0, 1)]) } else { m };
        (at != 2 || m.stage() != Stage::Answer).then_some(m)
    };
    let hall = named(unanswered, &[(2, AuthorityFault::Unanswered { holder })]);
    assert!(!hall.key().dealers().contains(&seat(2)));
}

#[test]
fn who_answers_stays_and_the_wronged_have_their_shares() {
    let answered: &Cheat = &|_, at, m| Some(if at == 2 { spoil(m, &[(0, 1)]) } else { m });
    let hall = named(answered, &[]);
    assert!(hall.key().dealers().contains(&seat(2)));
}

#[test]
fn whom_as_many_complain_about_as_can_use_the_key_is_named() {
    let wrong: &Cheat = &|_, at, m| {
        Some(if at == 2 {
            spoil(m, &[(0, 1), (3, 4)])
        } else {
            m
        })
    };
    named(wrong, &[(2, AuthorityFault::ManyComplaints)]);
}

#[test]
fn slander_moves_nobody() {
    let slander: &Cheat = &|hall, at, m| match m {
        Message::Complaints(_) if at == 4 => {
            let id = hall.transcript().ceremony().id();
            let complaints = (0..N as u64).map(|dealer| {
                let (dealer, holder) = (int(dealer + 1), int(5));
                let parts: [&[u8]; 4] = [b"MEDDKG-V01-COMPLAINT", id.as_bytes(), &dealer, &holder];
                Blob::new(lp(&parts)).unwrap()
            });
            Some(Message::Complaints(
                List::new(complaints.collect()).unwrap(),
            ))
        }
        m => Some(m),
    };
    let hall = named(slander, &[]);
    assert_eq!(hall.key().dealers().len(), N);
}

/// The last to expose sees what the key would be. Whatever it does then, lie, keep silent, keep silent to
/// the end, the key is the one that was settled when it was qualified.
#[test]
fn nobody_bends_the_key_by_refusing_or_lying_when_it_is_exposed() {
    let key = named(&honest, &[]).key();
    let refusing: &Cheat = &|_, at, m| (at != 4 || m.stage() < Stage::Expose).then_some(m);
    let refused = [
        (4, AuthorityFault::NoExposure),
        (4, AuthorityFault::NoOpening),
    ];
    assert_eq!(named(refusing, &refused).key(), key);
    let lying: &Cheat = &|_, at, m| match m {
        Message::Exposure(exposure) if at == 4 => {
            // A_0 becomes A_1: a point of the group, and not what it committed to.
            let mut bytes = exposure.as_slice().to_vec();
            let first = bytes.len() - usize::from(T) * 100;
            bytes.copy_within(first + 100..first + 200, first);
            Some(Message::Exposure(Blob::new(bytes).unwrap()))
        }
        m => Some(m),
    };
    assert_eq!(
        named(lying, &[(4, AuthorityFault::FalseExposure)]).key(),
        key
    );
}

/// Objects to every exposure, as if nobody had exposed anything.
fn object_to_everyone(hall: &Hall, at: usize) -> Message {
    let transcript = hall.transcript();
    let dealt = dkg::deal(transcript.ceremony(), &hall.letters[at], &mut rng_of(at));
    let (checker, _) = dealt.unwrap().0.check(&transcript.deals());
    let qualified = transcript.qualify().unwrap();
    let (exposer, _) = checker.expose(&qualified);
    let none: Exposed = qualified.expose(&[], &[]);
    let shares = exposer.reveal(&none);
    let shares = shares.iter().map(|s| Blob::new(s.to_bytes()).unwrap());
    Message::Objections(Opened::new(shares.collect()).unwrap())
}

#[test]
fn who_objects_falsely_is_named_and_wrongs_nobody() {
    let objecting: &Cheat = &|hall, at, m| match m {
        Message::Objections(_) if at == 3 => {
            let Message::Objections(all) = object_to_everyone(hall, at) else {
                return None;
            };
            let first = all.as_slice()[..1].to_vec();
            Some(Message::Objections(Opened::new(first).unwrap()))
        }
        m => Some(m),
    };
    let dealer = Hall::open().account(0);
    named(objecting, &[(3, AuthorityFault::FalseObjection { dealer })]);
}

/// What the block that ends the round costs every replica, however many object to however much.
#[test]
fn objections_are_judged_once_each_when_their_round_ends() {
    let equations = |liars: &[usize]| {
        let mut hall = Hall::open();
        hall.begin().unwrap();
        while hall.view().stage != Stage::Object {
            hall.round(&honest);
        }
        let mut block = Vec::new();
        for at in 0..N {
            let word = match liars.contains(&at) {
                true => object_to_everyone(&hall, at),
                false => hall.word(at).unwrap(),
            };
            block.push(hall.act(at, word));
        }
        let (outcomes, equations) = equations_of(|| hall.solo.block(block));
        assert!(outcomes.iter().all(|o| o.code == 0), "{outcomes:?}");
        assert_eq!(hall.view().stage, Stage::Settled);
        assert_eq!(hall.faults().len(), liars.len() * N);
        equations
    };
    assert_eq!(equations(&[]), 0);
    assert_eq!(equations(&[3]), N);
    assert_eq!(equations(&[0, 1, 2, 3, 4]), N * N);
}

#[test]
fn without_enough_honest_authorities_there_is_no_key() {
    let mut hall = Hall::open();
    let few: &Cheat = &|_, at, m| (at < 2).then_some(m);
    let view = hall.run(few);
    assert_eq!(view.stage, Stage::Failed);
    assert_eq!(
        hall.faults(),
        [2, 3, 4].map(|at| (at, AuthorityFault::NoDeal))
    );
    assert!(hall.solo.contract().convene().identity_key().is_none());
}

#[test]
fn what_is_out_of_place_is_refused() {
    let mut hall = Hall::open();
    let refuse = |hall: &mut Hall, transaction, reason| {
        assert_eq!(hall.solo.submit(transaction), Err(reason));
    };
    let begin = Body::Convene(Act::Begin(hall.terms.clone()));
    let not_registrar = hall.market.by_institution(0, begin);
    refuse(&mut hall, not_registrar, Rejection::NotPermitted);
    for (threshold, blocks) in [(0, 3), (4, 3), (3, 0)] {
        let mut terms = hall.terms.clone();
        (terms.threshold, terms.windows.blocks) = (threshold, blocks);
        let begin = hall.market.by_registrar(Body::Convene(Act::Begin(terms)));
        refuse(&mut hall, begin, Rejection::CeremonyTerms);
    }
    let mut twice = hall.terms.clone();
    let mut authorities = twice.authorities.as_slice().to_vec();
    authorities[1].account = authorities[0].account;
    twice.authorities = List::new(authorities).unwrap();
    let begin = hall.market.by_registrar(Body::Convene(Act::Begin(twice)));
    refuse(&mut hall, begin, Rejection::CeremonyTerms);
    let mut stranger = hall.terms.clone();
    let mut authorities = stranger.authorities.as_slice().to_vec();
    authorities[1].account = Actor::new(&mut rng_of(77)).account();
    stranger.authorities = List::new(authorities).unwrap();
    let begin = hall
        .market
        .by_registrar(Body::Convene(Act::Begin(stranger)));
    refuse(&mut hall, begin, Rejection::NotPermitted);
    // Every refusal is a block.
    hall.terms.windows.blocks = 50;
    hall.begin().unwrap();
    // Not its part, not its turn, not its words, twice.
    let deal = hall.word(0).unwrap();
    let outsider = hall.act(N, deal.clone());
    refuse(&mut hall, outsider, Rejection::NotParticipant);
    let other = hall.act(1, deal.clone());
    refuse(&mut hall, other, Rejection::CeremonyMessage);
    let noise = hall.act(0, Message::Deal(Blob::new(vec![1; 99]).unwrap()));
    refuse(&mut hall, noise, Rejection::CeremonyMessage);
    let early = hall.act(0, Message::Complaints(List::default()));
    refuse(&mut hall, early, Rejection::CeremonyStage);
    let (ceremony, deal) = (hall.name, hall.word(0).unwrap());
    let close = Body::Convene(Act::Close { ceremony });
    let close = hall.market.by_institution(0, close);
    let twice = [deal.clone(), deal].map(|deal| hall.act(0, deal));
    let [once, again] = twice;
    let codes: Vec<u32> = hall
        .solo
        .block(vec![close, once, again])
        .iter()
        .map(|o| o.code)
        .collect();
    let (not_due, spoken) = (Rejection::NotDue.code(), Rejection::SpokenAlready.code());
    assert_eq!(codes, [not_due, 0, spoken]);
    let unknown = Body::Convene(Act::Close {
        ceremony: CeremonyName::new([7; 32]),
    });
    let unknown = hall.market.by_institution(0, unknown);
    assert_eq!(hall.solo.submit(unknown), Err(Rejection::UnknownCeremony));
    // A snapshot in the middle of it goes on as the original does.
    let bytes = hall.solo.contract().to_wire();
    let restored = Contract::from_wire(&bytes).unwrap();
    assert_eq!(restored.digest(), hall.solo.contract().digest());
    assert_eq!(restored.to_wire(), bytes);
}

/// A window of time cannot be filled up with blocks.
#[test]
fn a_round_lasts_its_time_however_many_blocks_pass() {
    let mut hall = Hall::open();
    hall.terms.windows.ms = 60_000;
    let made = ceremony(&hall.market.chain, 0, &hall.terms).unwrap();
    hall.name = CeremonyName::new(*made.id().as_bytes());
    hall.begin().unwrap();
    for _ in 0..30 {
        hall.solo.pass(0);
    }
    assert_eq!(hall.view().stage, Stage::Deal);
    hall.solo.pass(60_000);
    assert_eq!(hall.view().stage, Stage::Complain);
}

/// A party asks for names of its own alone, and an authority answers once.
#[test]
fn a_name_is_asked_for_by_whose_it_is() {
    let mut hall = Hall::open();
    let letters = *LetterKey::generate(&mut rng_of(60)).public().as_bytes();
    let record = Name::Record {
        record: [9; 32],
        version: 1,
    };
    let today = hall.solo.contract().status_view().today;
    let role = |today, role: &str| Name::Role {
        role: Text::new(role).unwrap(),
        epoch: epoch_of(today),
    };
    let ask = |name: &Name| {
        let name = name.clone();
        Body::Convene(Act::AskName { name, letters })
    };
    let early = hall.market.by_hospital(0, ask(&record));
    assert_eq!(hall.solo.submit(early), Err(Rejection::NoAuthorities));
    hall.run(&honest);
    let today = today.max(hall.solo.contract().status_view().today);
    let buyers = hall.market.by_institution(0, ask(&record));
    let nobodys = hall.market.by_proxy(0, ask(&role(today, "neurology")));
    let empty = hall.market.by_hospital(0, ask(&role(today, "")));
    let next = hall
        .market
        .by_hospital(0, ask(&role(today + EPOCH_DAYS, "neurology")));
    for refused in [buyers, nobodys, empty, next] {
        assert_eq!(hall.solo.submit(refused), Err(Rejection::NameNotTheirs));
    }
    for name in [record, role(today, "neurology")] {
        let asked = hall.market.by_hospital(0, ask(&name));
        hall.solo.submit(asked).unwrap();
    }
    let share = |ask| {
        let letter = Blob::new(vec![1; 100]).unwrap();
        Body::Convene(Act::ShareName { ask, letter })
    };
    let stranger = hall.market.by_hospital(0, share(0));
    assert_eq!(hall.solo.submit(stranger), Err(Rejection::NotParticipant));
    let unknown = hall.market.by_institution(0, share(2));
    assert_eq!(hall.solo.submit(unknown), Err(Rejection::UnknownName));
    let first = hall.market.by_institution(0, share(1));
    hall.solo.submit(first).unwrap();
    let again = hall.market.by_institution(0, share(1));
    assert_eq!(hall.solo.submit(again), Err(Rejection::SpokenAlready));
    let party = hall.account(1);
    let dismiss = hall.market.by_registrar(Body::Dismiss { party });
    hall.solo.submit(dismiss).unwrap();
    let dismissed = hall.market.by_institution(1, share(1));
    assert_eq!(hall.solo.submit(dismissed), Err(Rejection::NotPermitted));
    let view = hall.solo.contract().name_view(1).unwrap();
    assert_eq!(
        (view.party, view.shares.len()),
        (hall.market.hospitals[0].account(), 1)
    );
    let bytes = hall.solo.contract().to_wire();
    let restored = Contract::from_wire(&bytes).unwrap();
    assert_eq!(restored.digest(), hall.solo.contract().digest());
}

/// The key that comes out is the one emergencies are sealed under.
#[test]
fn emergencies_are_sealed_to_the_authorities_of_the_last_ceremony() {
    let mut hall = Hall::open();
    let record = hall.market.seal(0, None);
    let registered = hall.market.register(0, &record);
    hall.solo.submit(registered).unwrap();
    let other = named(&honest, &[]);
    hall.run(&honest);
    assert_eq!(hall.key(), other.key());
    let name = emergency_name("north", 1, &record.name());
    let sealed = seal(&hall.key(), &name, b"apixaban", &mut rng_of(1)).unwrap();
    let enter = care::Act::EnterEmergency {
        record: record.name(),
        region: Text::new("north").unwrap(),
        epoch: 1,
        sealed: Blob::new(sealed.to_bytes()).unwrap(),
    };
    let enter = hall.market.by_hospital(0, Body::Care(enter));
    hall.solo.submit(enter).unwrap();
}
