//! Random histories by honest and dishonest parties against a plain model of the market: integers and sets,
//! no cryptography.

#![allow(missing_docs, clippy::unwrap_used)]

mod market;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use eligo_ledger::block::Transaction;
use eligo_marketplace::credits::Credits;
use eligo_marketplace::encoding::Blob;
use eligo_marketplace::name::AccountId;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Config, MadeClaim, SealedRecord, Wanted};
use eligo_marketplace::transaction::{Body, Finding};
use eligo_sharing::tcpre::Revocation;
use market::{Fair, letters};
use proptest::prelude::*;

/// What somebody does next. Numbers pick among what there is.
#[derive(Clone, Debug)]
enum Step {
    Transfer {
        from: usize,
        to: usize,
        amount: u64,
    },
    Publish {
        institution: usize,
        wanted: u32,
        exclusive: bool,
    },
    Withdraw {
        institution: usize,
        offer: usize,
    },
    Claim {
        person: u64,
        offer: usize,
        record: usize,
    },
    ForgedClaim {
        person: u64,
        offer: usize,
        record: usize,
    },
    Share {
        claim: usize,
        place: usize,
    },
    /// Three shares, one after the other.
    Deliver {
        claim: usize,
    },
    /// A dispute and three verdicts.
    Judge {
        claim: usize,
        against: bool,
    },
    FalseShare {
        claim: usize,
        place: usize,
    },
    Revoke {
        claim: usize,
    },
    Settle {
        claim: usize,
    },
    Expire {
        claim: usize,
    },
    Dispute {
        claim: usize,
    },
    Verdict {
        claim: usize,
        arbiter: usize,
        against: bool,
    },
    Bond {
        hospital: usize,
        amount: u64,
        back: bool,
    },
    Pass {
        ms: u64,
    },
    Replay {
        back: usize,
    },
}

fn arb_step() -> impl Strategy<Value = Step> {
    let n = 0..12usize;
    let claim = || 0..12usize;
    prop_oneof![
        1 => (0..4usize, 0..4usize, 0..400_000u64)
            .prop_map(|(from, to, amount)| Step::Transfer { from, to, amount }),
        3 => (0..2usize, 1..3u32, prop::bool::weighted(0.3)).prop_map(
            |(institution, wanted, exclusive)| Step::Publish { institution, wanted, exclusive }
        ),
        1 => (0..2usize, n.clone())
            .prop_map(|(institution, offer)| Step::Withdraw { institution, offer }),
        8 => (1..5u64, n.clone(), 0..3usize)
            .prop_map(|(person, offer, record)| Step::Claim { person, offer, record }),
        1 => (1..5u64, n, 0..3usize)
            .prop_map(|(person, offer, record)| Step::ForgedClaim { person, offer, record }),
        3 => (claim(), 0..5usize).prop_map(|(claim, place)| Step::Share { claim, place }),
        6 => claim().prop_map(|claim| Step::Deliver { claim }),
        1 => (claim(), 0..5usize).prop_map(|(claim, place)| Step::FalseShare { claim, place }),
        1 => claim().prop_map(|claim| Step::Revoke { claim }),
        1 => claim().prop_map(|claim| Step::Settle { claim }),
        1 => claim().prop_map(|claim| Step::Expire { claim }),
        1 => claim().prop_map(|claim| Step::Dispute { claim }),
        3 => (claim(), any::<bool>()).prop_map(|(claim, against)| Step::Judge { claim, against }),
        1 => (claim(), 0..4usize, any::<bool>())
            .prop_map(|(claim, arbiter, against)| Step::Verdict { claim, arbiter, against }),
        1 => (0..2usize, 1..1_500u64, any::<bool>())
            .prop_map(|(hospital, amount, back)| Step::Bond { hospital, amount, back }),
        2 => prop_oneof![4 => Just(500), 2 => Just(31_000), 1 => Just(61_000), 1 => Just(91_000)]
            .prop_map(|ms| Step::Pass { ms }),
        1 => (0..20usize).prop_map(|back| Step::Replay { back }),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Accepted,
    Delivered,
    Settled,
    Expired,
    Disputed,
    Refunded,
    Upheld,
}

/// A claim, plainly.
struct PlainClaim {
    made: MadeClaim,
    person: u64,
    offer: usize,
    record: usize,
    state: State,
    shares: BTreeSet<usize>,
    due_ms: u64,
    revoked: Option<u64>,
    verdicts: BTreeMap<usize, bool>,
}

impl PlainClaim {
    fn open(&self) -> bool {
        matches!(
            self.state,
            State::Accepted | State::Delivered | State::Disputed
        )
    }
    fn licensed(&self) -> bool {
        !matches!(self.state, State::Expired | State::Refunded)
    }
}

struct PlainOffer {
    wanted: Wanted,
    institution: usize,
    left: u32,
    open: bool,
    exclusive: bool,
    drawn: Vec<AccountId>,
}

/// The market as integers and sets.
struct Model {
    fair: Fair,
    money: BTreeMap<AccountId, u64>,
    bonds: [u64; 2],
    stakes: BTreeMap<AccountId, u64>,
    jailed: BTreeSet<AccountId>,
    offers: Vec<PlainOffer>,
    claims: Vec<PlainClaim>,
    records: Vec<(SealedRecord, usize)>,
    nullifiers: BTreeSet<(usize, u64)>,
    height: u64,
    sent: Vec<Transaction>,
}

const REWARD: u64 = 100;
const FEE: u64 = 2;
const PRICE: u64 = REWARD + 5 * FEE;

impl Model {
    fn new() -> Self {
        let mut fair = Fair::with(&Config::default(), false);
        let records = vec![
            (fair.register(0), 0),
            (fair.register(0), 0),
            (fair.register(1), 1),
        ];
        let mut money = BTreeMap::new();
        let paid = fair
            .market
            .hospitals
            .iter()
            .chain(&fair.market.institutions);
        let paid = paid.chain(fair.market.proxies.iter().map(|proxy| &proxy.actor));
        for actor in paid {
            money.insert(actor.account(), fair.solo.credits(&actor.account()));
        }
        let stakes = fair
            .market
            .proxies
            .iter()
            .map(|p| (p.actor.account(), 1_000))
            .collect();
        Self {
            height: fair.solo.contract().height().get(),
            fair,
            money,
            bonds: [2_000; 2],
            stakes,
            jailed: BTreeSet::new(),
            offers: Vec::new(),
            claims: Vec::new(),
            records,
            nullifiers: BTreeSet::new(),
            sent: Vec::new(),
        }
    }

    fn hospital(&self, at: usize) -> AccountId {
        self.fair.market.hospitals[at].account()
    }

    fn institution(&self, at: usize) -> AccountId {
        self.fair.market.institutions[at].account()
    }

    fn put(&mut self, account: AccountId, amount: u64) {
        *self.money.entry(account).or_default() += amount;
    }

    /// Submits; the contract must agree with the model whether it succeeds.
    fn submit(&mut self, transaction: Transaction, expected: bool, step: &Step) {
        self.sent.push(transaction.clone());
        let found = self.fair.solo.submit(transaction);
        assert_eq!(found.is_ok(), expected, "{step:?}: {found:?}");
        self.height += 1;
    }

    fn now(&self) -> u64 {
        self.fair.solo.time_ms
    }

    fn account_of(&self, at: usize) -> AccountId {
        match at {
            0 | 1 => self.institution(at),
            _ => self.hospital(at - 2),
        }
    }

    fn excluded(&self, record: usize, exclusive: bool) -> bool {
        self.claims
            .iter()
            .filter(|claim| claim.record == record && claim.licensed())
            .any(|claim| exclusive || self.offers[claim.offer].exclusive)
    }

    /// The step with its numbers brought down to what there is.
    fn pick(&self, step: &Step) -> Step {
        let mut step = step.clone();
        let (claims, offers) = (self.claims.len().max(1), self.offers.len().max(1));
        match &mut step {
            Step::Share { claim, .. }
            | Step::Deliver { claim }
            | Step::FalseShare { claim, .. }
            | Step::Revoke { claim }
            | Step::Settle { claim }
            | Step::Expire { claim }
            | Step::Dispute { claim }
            | Step::Judge { claim, .. }
            | Step::Verdict { claim, .. } => *claim %= claims,
            Step::Withdraw { offer, .. }
            | Step::Claim { offer, .. }
            | Step::ForgedClaim { offer, .. } => *offer %= offers,
            _ => {}
        }
        step
    }

    fn step(&mut self, step: &Step) {
        let step = &self.pick(step);
        match step {
            Step::Deliver { claim } => {
                for place in 0..3 {
                    self.step(&Step::Share {
                        claim: *claim,
                        place,
                    });
                }
                return;
            }
            Step::Judge { claim, against } => {
                self.step(&Step::Dispute { claim: *claim });
                for arbiter in 1..4 {
                    let (claim, against) = (*claim, *against);
                    self.step(&Step::Verdict {
                        claim,
                        arbiter,
                        against,
                    });
                }
                return;
            }
            _ => {}
        }
        match step {
            Step::Transfer { from, to, amount } => {
                let (a, b) = (self.account_of(*from), self.account_of(*to));
                let works = *amount > 0 && self.money[&a] >= *amount;
                let body = Body::Transfer {
                    to: b,
                    amount: Credits::new(*amount),
                };
                let transaction = match from {
                    0 | 1 => self.fair.market.by_institution(*from, body),
                    _ => self.fair.market.by_hospital(*from - 2, body),
                };
                if works {
                    *self.money.get_mut(&a).unwrap() -= amount;
                    self.put(b, *amount);
                }
                self.submit(transaction, works, step);
            }
            Step::Publish {
                institution,
                wanted,
                exclusive,
            } => {
                let mut offer = self.fair.market.want(*wanted, *exclusive);
                let transaction = self.fair.market.publish(*institution, &mut offer);
                let account = self.institution(*institution);
                let cost = PRICE * u64::from(*wanted);
                let works = self.money[&account] >= cost && self.jailed.is_empty();
                self.submit(transaction, works, step);
                if works {
                    *self.money.get_mut(&account).unwrap() -= cost;
                    self.fair.two_rounds();
                    self.height += 2;
                    let drawn = self.fair.solo.drawn(&offer.name);
                    self.offers.push(PlainOffer {
                        wanted: offer,
                        institution: *institution,
                        left: *wanted,
                        open: true,
                        exclusive: *exclusive,
                        drawn: drawn.iter().map(|(account, _)| *account).collect(),
                    });
                }
            }
            Step::Withdraw { institution, offer } => {
                let Some(plain) = self.offers.get(*offer) else {
                    return;
                };
                let requirement = plain.wanted.name;
                let works = plain.open && plain.institution == *institution;
                let back = PRICE * u64::from(plain.left);
                let body = Body::WithdrawRequirement { requirement };
                let transaction = self.fair.market.by_institution(*institution, body);
                if works {
                    let account = self.institution(*institution);
                    self.put(account, back);
                    let plain = &mut self.offers[*offer];
                    (plain.open, plain.left) = (false, 0);
                }
                self.submit(transaction, works, step);
            }
            Step::Claim {
                person,
                offer,
                record,
            } => self.claim(*person, *offer, *record, false, step),
            Step::ForgedClaim {
                person,
                offer,
                record,
            } => {
                self.claim(*person, *offer, *record, true, step);
            }
            Step::Share { claim, place } => self.share(*claim, *place, step),
            Step::FalseShare { claim, place } => self.false_share(*claim, *place, step),
            Step::Revoke { claim } => {
                let Some(plain) = self.claims.get(*claim) else {
                    return;
                };
                let works = plain.state == State::Accepted && plain.revoked.is_none();
                let signer = &self.records[plain.record].0.signer;
                let revocation = Revocation::new(plain.made.grant.id(), signer);
                let revocation = Blob::new(revocation.to_bytes()).unwrap();
                let body = Body::Revoke {
                    claim: plain.made.id,
                    revocation,
                };
                let transaction = self.fair.market.by_hospital(0, body);
                if works {
                    self.claims[*claim].revoked = Some(self.height + 1 + 2);
                }
                self.submit(transaction, works, step);
            }
            Step::Settle { claim } => {
                let Some(plain) = self.claims.get(*claim) else {
                    return;
                };
                let works = plain.state == State::Delivered && self.now() > plain.due_ms;
                let body = Body::Settle {
                    claim: plain.made.id,
                };
                let transaction = self.fair.market.by_hospital(1, body);
                self.submit(transaction, works, step);
            }
            Step::Expire { claim } => {
                let Some(plain) = self.claims.get(*claim) else {
                    return;
                };
                let works = plain.state == State::Accepted && self.now() > plain.due_ms;
                let body = Body::Expire {
                    claim: plain.made.id,
                };
                let transaction = self.fair.market.by_hospital(1, body);
                self.submit(transaction, works, step);
            }
            Step::Dispute { claim } => {
                let Some(plain) = self.claims.get(*claim) else {
                    return;
                };
                let institution = self.offers[plain.offer].institution;
                let account = self.institution(institution);
                let works = plain.state == State::Delivered
                    && self.now() <= plain.due_ms
                    && self.money[&account] >= 100;
                let evidence = letters(0..4);
                let body = Body::Dispute {
                    claim: plain.made.id,
                    evidence,
                };
                let transaction = self.fair.market.by_institution(institution, body);
                if works {
                    *self.money.get_mut(&account).unwrap() -= 100;
                    let due_ms = self.now() + 90_000;
                    let plain = &mut self.claims[*claim];
                    (plain.state, plain.due_ms) = (State::Disputed, due_ms);
                }
                self.submit(transaction, works, step);
            }
            Step::Verdict {
                claim,
                arbiter,
                against,
            } => {
                let Some(plain) = self.claims.get(*claim) else {
                    return;
                };
                let works = plain.state == State::Disputed && !plain.verdicts.contains_key(arbiter);
                let finding = match against {
                    true => Finding::HospitalAtFault,
                    false => Finding::DisputerAtFault,
                };
                let body = Body::Verdict {
                    claim: plain.made.id,
                    finding,
                };
                let transaction = self.fair.market.by_arbiter(*arbiter, body);
                if works {
                    let plain = &mut self.claims[*claim];
                    plain.verdicts.insert(*arbiter, *against);
                    if plain.verdicts.values().filter(|v| *v == against).count() >= 3 {
                        self.decide(*claim, Some(*against));
                    }
                }
                self.submit(transaction, works, step);
            }
            Step::Bond {
                hospital,
                amount,
                back,
            } => {
                let account = self.hospital(*hospital);
                let credits = Credits::new(*amount);
                let committed = self
                    .claims
                    .iter()
                    .any(|claim| claim.open() && self.records[claim.record].1 == *hospital);
                let (works, body) = match back {
                    true => (
                        !committed && self.bonds[*hospital] >= *amount,
                        Body::WithdrawBond { amount: credits },
                    ),
                    false => (
                        self.money[&account] >= *amount,
                        Body::DepositBond { amount: credits },
                    ),
                };
                let transaction = self.fair.market.by_hospital(*hospital, body);
                if works && *back {
                    self.bonds[*hospital] -= amount;
                    self.put(account, *amount);
                } else if works {
                    self.bonds[*hospital] += amount;
                    *self.money.get_mut(&account).unwrap() -= amount;
                }
                self.submit(transaction, works, step);
            }
            Step::Pass { ms } => {
                self.fair.solo.pass(*ms);
                self.height += 1;
            }
            Step::Deliver { .. } | Step::Judge { .. } => {}
            Step::Replay { back } => {
                let Some(old) = self.sent.iter().rev().nth(*back).cloned() else {
                    return;
                };
                assert_eq!(self.fair.solo.submit(old), Err(Rejection::Replayed));
                self.height += 1;
            }
        }
        self.end_block();
        self.compare(step);
    }

    fn claim(&mut self, person: u64, offer: usize, record: usize, forged: bool, step: &Step) {
        let Some(plain) = self.offers.get(offer) else {
            return;
        };
        let (sealed, hospital) = &self.records[record];
        let works = plain.open
            && plain.left > 0
            && self.bonds[*hospital] >= 1_000
            && !self.excluded(record, plain.exclusive)
            && !self.nullifiers.contains(&(offer, person))
            && !forged;
        let drawn = self.fair.solo.drawn(&plain.wanted.name);
        let now = self.fair.solo.time_ms;
        let market = &mut self.fair.market;
        let mut made = market
            .claim(person, &plain.wanted, sealed, &drawn, now)
            .unwrap();
        if forged {
            // Another claim's proof.
            let other = market
                .claim(person, &plain.wanted, sealed, &drawn, now)
                .unwrap();
            let mut request = made.request.clone();
            request.proof = other.request.proof;
            made.transaction = market.sign(&made.account.key, Body::Claim(request));
        }
        self.submit(made.transaction.clone(), works, step);
        if !works {
            assert_eq!(self.fair.solo.credits(&made.account.account()), 0);
            return;
        }
        self.nullifiers.insert((offer, person));
        let plain = &mut self.offers[offer];
        plain.left -= 1;
        plain.open = plain.left > 0;
        self.money.insert(made.account.account(), 0);
        self.claims.push(PlainClaim {
            made,
            person,
            offer,
            record,
            state: State::Accepted,
            shares: BTreeSet::new(),
            due_ms: now + 60_000,
            revoked: None,
            verdicts: BTreeMap::new(),
        });
    }

    fn may_share(&self, claim: usize, place: usize) -> bool {
        let plain = &self.claims[claim];
        matches!(plain.state, State::Accepted | State::Delivered)
            && self.now() <= plain.due_ms
            && plain
                .revoked
                .is_none_or(|effective| self.height + 1 < effective)
            && !plain.shares.contains(&place)
    }

    fn share(&mut self, claim: usize, place: usize, step: &Step) {
        let Some(plain) = self.claims.get(claim) else {
            return;
        };
        let works = self.may_share(claim, place);
        let account = self.offers[plain.offer].drawn[place];
        let (record, now) = (&self.records[plain.record].0, self.now());
        let transaction = self
            .fair
            .market
            .share(&account, &plain.made, record, now)
            .unwrap();
        if works {
            let plain = &mut self.claims[claim];
            plain.shares.insert(place);
            if plain.state == State::Accepted && plain.shares.len() == 3 {
                (plain.state, plain.due_ms) = (State::Delivered, now + 30_000);
            }
            self.put(account, FEE);
        }
        self.submit(transaction, works, step);
    }

    fn false_share(&mut self, claim: usize, place: usize, step: &Step) {
        let Some(plain) = self.claims.get(claim) else {
            return;
        };
        let lies = self.may_share(claim, place);
        let drawn = &self.offers[plain.offer].drawn;
        let (account, other) = (drawn[place], drawn[(place + 1) % 5]);
        let market = &mut self.fair.market;
        let capsule = self.records[plain.record]
            .0
            .capsule
            .clone()
            .check()
            .unwrap();
        let now = self.fair.solo.time_ms / 1000;
        let [mut lie, honest] = [account, other].map(|account| {
            let proxy = market
                .proxies
                .iter()
                .find(|p| p.actor.account() == account)
                .unwrap();
            let key = plain.made.grant.share_key(&proxy.key).unwrap();
            key.reencrypt(&capsule, now, &mut market.rng)
                .unwrap()
                .to_bytes()
        });
        let rho = lie.len() - (4 + 48) - (4 + 32) - 576;
        lie[rho..rho + 576].copy_from_slice(&honest[rho..rho + 576]);
        let at = market
            .proxies
            .iter()
            .position(|p| p.actor.account() == account)
            .unwrap();
        let share = Blob::new(lie).unwrap();
        let body = Body::PostShare {
            claim: plain.made.id,
            share,
        };
        let transaction = market.by_proxy(at, body);
        if lies {
            self.jailed.insert(account);
            let stake = self.stakes.get_mut(&account).unwrap();
            *stake -= (*stake).min(50);
        }
        self.submit(transaction, false, step);
    }

    fn decide(&mut self, claim: usize, against: Option<bool>) {
        let plain = &self.claims[claim];
        let (account, offer) = (plain.made.account.account(), &self.offers[plain.offer]);
        let institution = self.institution(offer.institution);
        let hospital = self.records[plain.record].1;
        let paid = FEE * plain.shares.len() as u64;
        if against == Some(true) {
            let compensation = self.bonds[hospital].min(REWARD);
            self.bonds[hospital] -= compensation;
            let fees = self.bonds[hospital].min(paid);
            self.bonds[hospital] -= fees;
            self.put(account, compensation);
            self.put(institution, PRICE - paid + fees + 100);
            self.claims[claim].state = State::Refunded;
        } else {
            let to = if against.is_some() {
                self.hospital(hospital)
            } else {
                institution
            };
            self.put(to, 100);
            self.put(account, REWARD);
            self.put(institution, PRICE - REWARD - paid);
            self.claims[claim].state = State::Upheld;
        }
    }

    fn expire(&mut self, claim: usize) {
        let plain = &self.claims[claim];
        let (offer, person, revoked) = (plain.offer, plain.person, plain.revoked.is_some());
        let back = PRICE - FEE * plain.shares.len() as u64;
        let silent = (0..5).filter(|place| !plain.shares.contains(place));
        let silent: Vec<_> = silent
            .map(|place| self.offers[offer].drawn[place])
            .collect();
        if !revoked {
            for account in silent {
                let stake = self.stakes.get_mut(&account).unwrap();
                *stake -= (*stake).min(5);
            }
        }
        let institution = self.institution(self.offers[offer].institution);
        self.put(institution, back);
        // Whoever revokes does not claim again.
        if !revoked {
            self.nullifiers.remove(&(offer, person));
        }
        self.claims[claim].state = State::Expired;
    }

    /// What happens by itself at the end of the block that was just decided.
    fn end_block(&mut self) {
        let time = self.fair.solo.contract().status_view().time_ms;
        for at in 0..self.claims.len() {
            let plain = &self.claims[at];
            let revoked = plain
                .revoked
                .is_some_and(|effective| self.height >= effective);
            let due = plain.due_ms < time;
            match plain.state {
                State::Accepted if revoked || due => self.expire(at),
                State::Delivered if due => {
                    let account = plain.made.account.account();
                    let paid = FEE * plain.shares.len() as u64;
                    let institution = self.institution(self.offers[plain.offer].institution);
                    self.put(account, REWARD);
                    self.put(institution, PRICE - REWARD - paid);
                    self.claims[at].state = State::Settled;
                }
                State::Disputed if due => self.decide(at, None),
                _ => {}
            }
        }
    }

    /// Contract and model agree on everything that matters.
    fn compare(&self, step: &Step) {
        let contract = self.fair.solo.contract();
        contract.check_books().unwrap();
        assert!(self.fair.solo.market.stopped().is_none());
        assert_eq!(contract.height().get(), self.height);
        for (account, money) in &self.money {
            assert_eq!(
                self.fair.solo.credits(account),
                *money,
                "{step:?}: {account}"
            );
        }
        for (account, stake) in &self.stakes {
            let view = contract.proxy_view(account).unwrap();
            assert_eq!(
                (view.stake.get(), view.jailed),
                (*stake, self.jailed.contains(account))
            );
        }
        for (at, bond) in self.bonds.iter().enumerate() {
            let party = contract.account_view(&self.hospital(at)).party.unwrap();
            assert_eq!(party.bond.get(), *bond, "{step:?}");
        }
        for claim in &self.claims {
            let state = format!("{:?}", claim.state).to_lowercase();
            assert_eq!(self.fair.solo.status(&claim.made.id), state, "{step:?}");
            // No delivery without payment, no payment without delivery.
            let paid = self.fair.solo.credits(&claim.made.account.account());
            match claim.state {
                State::Settled | State::Upheld => {
                    assert_eq!(paid, REWARD);
                    assert!(claim.shares.len() >= 3);
                }
                State::Refunded => assert!(claim.shares.len() >= 3),
                _ => assert_eq!(paid, 0),
            }
        }
        // One reward a person and requirement.
        let mut rewarded = BTreeSet::new();
        for claim in &self.claims {
            if matches!(
                claim.state,
                State::Settled | State::Upheld | State::Refunded
            ) {
                assert!(rewarded.insert((claim.offer, claim.person)), "{step:?}");
            }
        }
        // No exclusive licence beside another.
        for (record, _) in &self.records {
            let licences = contract.record_view(&record.name()).unwrap().licences;
            let exclusive = licences.iter().any(|licence| licence.exclusive);
            assert!(!exclusive || licences.len() == 1, "{step:?}");
        }
    }
}

/// How often the histories so far ended a claim in each state.
static REACHED: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

fn reached(state: State) {
    *REACHED
        .lock()
        .unwrap()
        .entry(format!("{state:?}"))
        .or_default() += 1;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    fn random_histories_keep_to_the_model(steps in proptest::collection::vec(arb_step(), 20..60)) {
        let mut model = Model::new();
        // Something to claim on, so that short histories are not idle.
        model.step(&Step::Publish { institution: 0, wanted: 2, exclusive: false });
        model.step(&Step::Publish { institution: 1, wanted: 2, exclusive: true });
        for step in &steps {
            model.step(step);
        }
        for claim in &model.claims {
            reached(claim.state);
        }
    }
}

#[test]
fn contract_and_model_agree_whatever_happens() {
    random_histories_keep_to_the_model();
    // A test that never gets there shows nothing.
    let reached = REACHED.lock().unwrap();
    for state in ["Settled", "Expired", "Refunded", "Upheld"] {
        assert!(reached.contains_key(state), "{state}: {reached:?}");
    }
}
