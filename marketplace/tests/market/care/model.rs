//! Random histories by honest and dishonest parties against a plain model of care: flags and times, no
//! cryptography. What the model refuses the contract must refuse, and the other way round.

use std::collections::{BTreeMap, BTreeSet};

use eligo_marketplace::care::Act;
use eligo_marketplace::care::act::{Hand, Permit, TeamName};
use eligo_marketplace::care::scenario::{HOUR_MS, MadeAsk, TOMORROW_MS};
use eligo_marketplace::encoding::Blob;
use eligo_marketplace::name::AccountId;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::START_MS;
use proptest::prelude::*;

use super::ward::Ward;

/// What somebody does next. Numbers pick among what there is; `honest` is false for whoever has no right.
#[derive(Clone, Debug)]
enum Step {
    Ask,
    Permit {
        ask: usize,
        record: usize,
        honest: bool,
    },
    Replay {
        ask: usize,
    },
    Read {
        ask: usize,
        record: usize,
        honest: bool,
    },
    Share {
        ask: usize,
        record: usize,
        place: usize,
        honest: bool,
    },
    Revoke {
        ask: usize,
        honest: bool,
    },
    Withdraw {
        ask: usize,
        honest: bool,
    },
    Release,
    Employ,
    Sign {
        doctor: usize,
    },
    AskAgain,
    Pass {
        minutes: u64,
    },
}

fn arb_step() -> impl Strategy<Value = Step> {
    let (ask, record) = (0..4usize, 0..2usize);
    let mostly = prop::bool::weighted(0.8);
    prop_oneof![
        2 => Just(Step::Ask),
        4 => (ask.clone(), record.clone(), mostly)
            .prop_map(|(ask, record, honest)| Step::Permit { ask, record, honest }),
        1 => ask.clone().prop_map(|ask| Step::Replay { ask }),
        4 => (ask.clone(), record.clone(), mostly)
            .prop_map(|(ask, record, honest)| Step::Read { ask, record, honest }),
        6 => (ask.clone(), record, 0..3usize, prop::bool::weighted(0.9))
            .prop_map(|(ask, record, place, honest)| Step::Share { ask, record, place, honest }),
        2 => (ask.clone(), mostly).prop_map(|(ask, honest)| Step::Revoke { ask, honest }),
        1 => (ask, mostly).prop_map(|(ask, honest)| Step::Withdraw { ask, honest }),
        1 => Just(Step::Release),
        1 => Just(Step::Employ),
        4 => (0..3usize).prop_map(|doctor| Step::Sign { doctor }),
        2 => Just(Step::AskAgain),
        2 => (1..400u64).prop_map(|minutes| Step::Pass { minutes }),
    ]
}

struct Asked {
    made: MadeAsk,
    visit: u32,
    over: bool,
    /// By record: the permit, and the places that shared once somebody reads.
    granted: BTreeMap<usize, (Permit, Option<BTreeSet<usize>>)>,
}

struct Model {
    ward: Ward,
    team: TeamName,
    asks: Vec<Asked>,
    employed: bool,
    jailed: BTreeSet<[u8; 32]>,
    chain: Vec<u8>,
    signed: usize,
    asked: u8,
    slot_ends_ms: u64,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut ward = Ward::with_seed(seed);
        let team = ward.team();
        // The slot began with the last confirmation, in the block before.
        let slot_ends_ms = ward.solo.time_ms - 1_000 + HOUR_MS;
        Self {
            ward,
            team,
            asks: Vec::new(),
            employed: true,
            jailed: BTreeSet::new(),
            chain: Vec::new(),
            signed: 0,
            asked: 0,
            slot_ends_ms,
        }
    }

    /// One of the asks there are.
    fn pick(&self, ask: usize) -> usize {
        ask % self.asks.len().max(1)
    }

    fn now(&self) -> u64 {
        self.ward.solo.time_ms
    }

    /// Whether the record may be read or shared in the ask at this moment.
    fn live(&self, ask: usize, record: usize) -> bool {
        self.asks.get(ask).is_some_and(|asked| {
            let granted = asked.granted.contains_key(&record);
            !asked.over && granted && self.now() <= asked.made.terms.until_ms
        })
    }

    fn employs(&self) -> bool {
        self.employed && self.now() <= TOMORROW_MS
    }

    /// Asks whose period is over end with the block that sees it.
    fn close(&mut self, block_ms: u64) {
        for asked in &mut self.asks {
            asked.over |= asked.made.terms.until_ms < block_ms;
        }
    }

    fn step(&mut self, step: &Step) {
        let now = self.now();
        let (allowed, done) = match step {
            Step::Ask => self.ask(),
            Step::Permit {
                ask,
                record,
                honest,
            } => self.permit(self.pick(*ask), *record, *honest),
            Step::Replay { ask } => self.replay(self.pick(*ask)),
            Step::Read {
                ask,
                record,
                honest,
            } => self.read(self.pick(*ask), *record, *honest),
            Step::Share {
                ask,
                record,
                place,
                honest,
            } => self.share((self.pick(*ask), *record), *place, *honest),
            Step::Revoke { ask, honest } => self.revoke(self.pick(*ask), *honest),
            Step::Withdraw { ask, honest } => self.withdraw(self.pick(*ask), *honest),
            Step::Release => {
                let doctor = self.ward.doctors[3].account();
                let done = self.ward.hospital_acts(1, Act::Release { doctor });
                (std::mem::take(&mut self.employed), done)
            }
            Step::Employ => {
                let employ = self.ward.market.employ(1, self.ward.doctors[3].account());
                let allowed = now < TOMORROW_MS;
                self.employed |= allowed;
                (allowed, self.ward.solo.submit(employ))
            }
            Step::Sign { doctor } => self.sign(*doctor),
            Step::AskAgain => self.ask_again(),
            Step::Pass { minutes } => {
                self.ward.solo.pass(minutes * 60_000);
                (true, Ok(()))
            }
        };
        assert_eq!(done.is_ok(), allowed, "{step:?}: {done:?}");
        self.close(self.now() - 1_000);
        self.invariants();
    }

    /// At two visits in turn: every ask but the first two is made again.
    fn ask(&mut self) -> (bool, Result<(), Rejection>) {
        if self.asks.len() == 4 {
            return (true, Ok(()));
        }
        let visit = u32::try_from(self.asks.len() % 2).unwrap();
        let made = self.ward.make_ask(visit);
        let before = self.asks.iter().rfind(|asked| asked.visit == visit);
        let before = before.map(|asked| self.ward.drawn(asked.made.id));
        let honest = before.map(|drawn| {
            let honest = |(account, _): &(AccountId, _)| !self.jailed.contains(account.as_bytes());
            drawn.into_iter().filter(honest).collect::<Vec<_>>()
        });
        let all_serve = honest.as_ref().is_some_and(|honest| honest.len() == 3);
        let serving = all_serve || 5 - self.jailed.len() >= 3;
        let in_time = made.terms.until_ms > self.now();
        let allowed = self.employs() && in_time && serving;
        let done = self.ward.doctor_acts(3, Act::Ask(made.terms.clone()));
        if allowed {
            let id = made.id;
            self.asks.push(Asked {
                made,
                visit,
                over: false,
                granted: BTreeMap::new(),
            });
            self.close(self.now() - 1_000);
            // Whoever served and does still, serves this; nobody waits for a draw that has no place to fill.
            assert_eq!(self.ward.drawn(id).is_empty(), !all_serve);
            self.ward.two_rounds();
            let drawn = self.ward.drawn(id);
            assert!(drawn.starts_with(&honest.unwrap_or_default()));
        }
        (allowed, done)
    }

    fn permit(&mut self, ask: usize, record: usize, honest: bool) -> (bool, Result<(), Rejection>) {
        let now = self.now();
        let Some(asked) = self.asks.get_mut(ask) else {
            return (true, Ok(()));
        };
        if self.ward.drawn(asked.made.id).is_empty() {
            return (true, Ok(()));
        }
        let permit = self.ward.make_permit(&asked.made, &[record]);
        let visit = if honest { asked.visit } else { 9 };
        let done = self.ward.permit(visit, permit.clone());
        let in_time = now < asked.made.terms.until_ms;
        let new = !asked.granted.contains_key(&record);
        let allowed = honest && !asked.over && in_time && new;
        if allowed {
            asked.granted.insert(record, (permit, None));
        }
        (allowed, done)
    }

    fn replay(&mut self, ask: usize) -> (bool, Result<(), Rejection>) {
        let Some(asked) = self.asks.get(ask) else {
            return (true, Ok(()));
        };
        let Some((permit, _)) = asked.granted.values().next() else {
            return (true, Ok(()));
        };
        let (again, visit) = (permit.clone(), asked.visit);
        let done = self.ward.permit(visit, again);
        (false, done)
    }

    fn read(&mut self, ask: usize, record: usize, honest: bool) -> (bool, Result<(), Rejection>) {
        let live = self.live(ask, record);
        let employed = self.employs();
        let Some(asked) = self.asks.get_mut(ask) else {
            return (true, Ok(()));
        };
        let doctor = if honest { 3 } else { 0 };
        let done = self.ward.read(doctor, asked.made.id, record);
        let granted = asked.granted.get_mut(&record);
        let fresh = granted.as_ref().is_some_and(|(_, read)| read.is_none());
        let allowed = live && honest && employed && fresh;
        if let Some((_, read)) = granted.filter(|_| allowed) {
            *read = Some(BTreeSet::new());
        }
        (allowed, done)
    }

    fn share(
        &mut self,
        (ask, record): (usize, usize),
        place: usize,
        honest: bool,
    ) -> (bool, Result<(), Rejection>) {
        let live = self.live(ask, record);
        let Some(asked) = self.asks.get_mut(ask) else {
            return (true, Ok(()));
        };
        let Some((permit, shared)) = asked.granted.get_mut(&record) else {
            return (true, Ok(()));
        };
        let grant = self.ward.grant(&asked.made, permit, record);
        let account = self.ward.drawn(asked.made.id)[place].0;
        let sealed = &self.ward.records[record];
        // However late it is, the proxy would have made it in time.
        let market = &mut self.ward.market;
        let share = market.care_share(&account, asked.made.id, (sealed, &grant), START_MS);
        let (proxy, mut act) = share.unwrap();
        if let Act::Share { share, .. } = &mut act
            && !honest
        {
            let mut bytes = share.as_slice().to_vec();
            let last = bytes.len() - 5;
            bytes[last] ^= 1;
            *share = Blob::new(bytes).unwrap();
        }
        let done = self.ward.proxy_acts((proxy, act));
        let waits = shared.as_ref().is_some_and(|s| !s.contains(&place));
        let allowed = live && waits && honest;
        if let Some(places) = shared.as_mut().filter(|_| allowed) {
            places.insert(place);
        }
        if done == Err(Rejection::FalseShare) {
            assert!(live && waits && !honest);
            self.jailed.insert(*account.as_bytes());
        }
        (allowed, done)
    }

    fn revoke(&mut self, ask: usize, honest: bool) -> (bool, Result<(), Rejection>) {
        let Some(asked) = self.asks.get_mut(ask) else {
            return (true, Ok(()));
        };
        let visit = if honest { asked.visit } else { 9 };
        let inbox = self.ward.visit(visit).signer;
        let market = &mut self.ward.market;
        let revoke = market.revoke_permit(asked.made.id, Hand::Patient, &inbox);
        let allowed = honest && !asked.over;
        asked.over |= allowed;
        (allowed, self.ward.solo.submit(revoke))
    }

    fn withdraw(&mut self, ask: usize, honest: bool) -> (bool, Result<(), Rejection>) {
        let Some(asked) = self.asks.get_mut(ask) else {
            return (true, Ok(()));
        };
        let ask = asked.made.id;
        let allowed = honest && !asked.over;
        asked.over |= allowed;
        let doctor = if honest { 3 } else { 1 };
        let done = self.ward.doctor_acts(doctor, Act::Withdraw { ask });
        (allowed, done)
    }

    fn sign(&mut self, doctor: usize) -> (bool, Result<(), Rejection>) {
        if self.signed == 3 {
            let (chain, at) = (self.chain.clone(), (self.team, 0));
            return (false, self.ward.sign(doctor, at, &chain));
        }
        let (at, now) = ((self.team, 0), self.now());
        let chain = self.ward.opine(&[0, 1, 2], at, &self.chain, "opinion");
        let done = self.ward.sign(doctor, at, &chain);
        let employed = now <= TOMORROW_MS;
        let allowed = doctor == self.signed && now <= self.slot_ends_ms && employed;
        if allowed {
            (self.chain, self.asked) = (chain, 0);
            self.signed += 1;
            self.slot_ends_ms = now + HOUR_MS;
        }
        (allowed, done)
    }

    fn ask_again(&mut self) -> (bool, Result<(), Rejection>) {
        let (now, encounter) = (self.now(), self.team.encounter);
        let done = self.ward.hospital_acts(0, Act::AskAgain { encounter });
        let late = self.signed < 3 && now > self.slot_ends_ms;
        let allowed = late && self.asked < 2;
        if allowed {
            self.asked += 1;
            self.slot_ends_ms = now + HOUR_MS;
        }
        (allowed, done)
    }

    /// What holds after every step, read from the ledger and not from the model.
    fn invariants(&self) {
        let contract = self.ward.solo.contract();
        contract.check_books().unwrap();
        let key = (self.team.hospital, self.team.encounter);
        let team = contract.team_view(&key).unwrap();
        assert!(team.asked <= team.retries, "asked beyond the plan");
        assert_eq!(usize::from(team.signed), self.signed);
        if team.completed.is_some() {
            let bytes = hex::decode(&team.chain).unwrap();
            let chain = eligo_sharing::oms::Chain::from_bytes(&bytes).unwrap();
            let order = chain.steps().iter().map(|(id, _)| *id.as_bytes());
            let planned = team.signers.iter().map(|name| *name.as_bytes());
            assert!(order.eq(planned), "a diagnosis lacks a signature");
        }
        for asked in &self.asks {
            for (record, (_, shared)) in &asked.granted {
                let at = (asked.made.id, self.ward.records[*record].name());
                let seen = contract.granted_view(at).unwrap();
                assert!(seen.shares.is_empty() || seen.read.is_some());
                let expected = shared.as_ref().map_or(0, BTreeSet::len);
                assert_eq!(seen.shares.len(), expected);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]
    #[test]
    fn random_histories_keep_to_the_model(
        seed in 0..1000u64,
        steps in proptest::collection::vec(arb_step(), 10..50),
    ) {
        let mut model = Model::new(seed);
        let permit = |record| Step::Permit { ask: 0, record, honest: true };
        for step in [Step::Ask, permit(0), permit(1)].iter().chain(&steps) {
            model.step(step);
        }
    }
}
