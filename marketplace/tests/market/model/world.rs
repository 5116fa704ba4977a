//! The market as integers and sets, beside the contract.

use std::collections::{BTreeMap, BTreeSet};

use crate::fair::Fair;
use ed25519_dalek::SigningKey;
use eligo_ledger::block::Transaction;
use eligo_ledger::roster::Member;
use eligo_ledger::wire::Wire;
use eligo_marketplace::certificate::Role;
use eligo_marketplace::name::AccountId;
use eligo_marketplace::offer::Draft;
use eligo_marketplace::rejection::Rejection;
use eligo_marketplace::scenario::{Actor, Config, MadeClaim, ProxyActor, SealedRecord, Wanted};
use eligo_marketplace::transaction::{Body, SignedTransaction};
use eligo_sharing::keys::ProxyKey;
use eligo_verifier_contract::Day;

use super::coverage::Coverage;
use super::step::{Renewal, Step};

pub const REWARD: u64 = 100;
pub const FEE: u64 = 2;
pub const PRICE: u64 = REWARD + 5 * FEE;
pub const DEPOSIT: u64 = 100;

/// People: two hospitals, two institutions, five proxies of the roster, two to be, two newcomers.
pub const PROXIES_AT: usize = 4;
pub const PEOPLE: usize = 13;
const CERTIFIED: usize = 11;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Accepted,
    Delivered,
    Settled,
    Expired,
    Disputed,
    Refunded,
    Upheld,
}

pub struct PlainParty {
    pub name: String,
    pub role: Role,
    pub serial: u64,
    pub admitted: bool,
    pub bond: u64,
}

pub struct PlainProxy {
    pub key: usize,
    pub stake: u64,
    pub jailed: bool,
}

pub struct PlainRecord {
    pub sealed: SealedRecord,
    pub hospital: usize,
    /// The first record of its lineage.
    pub lineage: usize,
    pub withdrawn: bool,
    pub miskeyed: bool,
}

pub struct PlainOffer {
    pub wanted: Wanted,
    pub institution: usize,
    pub left: u32,
    pub status: &'static str,
    pub exclusive: bool,
    pub issuers: Vec<usize>,
    pub deadline: u32,
    /// The last day of the licences.
    pub until: Option<u32>,
    /// The round that draws.
    pub pending: Option<u64>,
    /// Who is drawn, in order; before the draw, whoever may be.
    pub drawn: Vec<AccountId>,
}

pub struct PlainDraft {
    pub draft: Draft,
    pub name: eligo_marketplace::name::RequirementName,
    pub institution: usize,
    pub left: u32,
    pub counted: u32,
    pub status: &'static str,
    pub deadline: u32,
}

/// A claim, plainly.
pub struct PlainClaim {
    pub made: MadeClaim,
    pub person: u64,
    pub offer: usize,
    pub record: usize,
    pub state: State,
    pub shares: BTreeSet<usize>,
    pub due_ms: u64,
    pub revoked: Option<u64>,
    pub verdicts: BTreeMap<usize, bool>,
}

impl PlainClaim {
    pub fn open(&self) -> bool {
        matches!(
            self.state,
            State::Accepted | State::Delivered | State::Disputed
        )
    }
    pub fn licensed(&self) -> bool {
        !matches!(self.state, State::Expired | State::Refunded)
    }
    /// Fees of the shares so far.
    pub fn paid(&self) -> u64 {
        FEE * self.shares.len() as u64
    }
}

pub struct Model {
    pub fair: Fair,
    pub people: Vec<SigningKey>,
    /// What a proxy may register with: each proxy's own key first.
    pub keys: Vec<ProxyKey>,
    pub money: BTreeMap<AccountId, u64>,
    pub parties: BTreeMap<usize, PlainParty>,
    pub proxies: BTreeMap<AccountId, PlainProxy>,
    pub records: Vec<PlainRecord>,
    pub offers: Vec<PlainOffer>,
    pub drafts: Vec<PlainDraft>,
    pub claims: Vec<PlainClaim>,
    pub nullifiers: BTreeSet<(usize, u64)>,
    pub counted: BTreeSet<(usize, u64)>,
    pub members: BTreeMap<u16, Member>,
    pub round: u64,
    pub height: u64,
    pub forfeited: u64,
    pub supply: u64,
    sent: Vec<Transaction>,
    coverage: Coverage,
}

pub fn same(key: &ProxyKey) -> ProxyKey {
    ProxyKey::from_bytes(key.to_bytes().as_slice()).unwrap()
}

pub fn day(time_ms: u64) -> u32 {
    Day::from_unix(time_ms / 1000).unwrap().number()
}

impl Model {
    pub fn new() -> Self {
        let mut fair = Fair::with(&Config::default(), false);
        let market = &mut fair.market;
        while market.proxies.len() < PEOPLE - PROXIES_AT {
            let actor = Actor::new(&mut market.rng);
            let key = ProxyKey::generate(&mut market.rng);
            market.proxies.push(ProxyActor { actor, key });
        }
        let actors = market.hospitals.iter().chain(&market.institutions);
        let actors = actors.chain(market.proxies.iter().map(|proxy| &proxy.actor));
        let people: Vec<SigningKey> = actors.map(|actor| actor.key.clone()).collect();
        let mut keys: Vec<ProxyKey> = market.proxies.iter().map(|p| same(&p.key)).collect();
        keys.push(ProxyKey::generate(&mut market.rng));
        let members = market.genesis.roster.members().iter();
        let members = members.map(|m| (m.id.get(), m.clone())).collect();
        let mut model = Self {
            people,
            keys,
            money: BTreeMap::new(),
            parties: BTreeMap::new(),
            proxies: BTreeMap::new(),
            records: Vec::new(),
            offers: Vec::new(),
            drafts: Vec::new(),
            claims: Vec::new(),
            nullifiers: BTreeSet::new(),
            counted: BTreeSet::new(),
            members,
            round: fair.round,
            height: fair.solo.contract().height().get(),
            forfeited: 0,
            supply: fair.solo.contract().status_view().credits.get(),
            sent: Vec::new(),
            coverage: Coverage::default(),
            fair,
        };
        model.take_over();
        model.prepare();
        model
    }

    /// What genesis and the fair's opening made.
    fn take_over(&mut self) {
        for who in 0..PEOPLE {
            let account = self.account(who);
            let view = self.fair.solo.contract().account_view(&account);
            self.money.insert(account, view.credits.get());
            let Some(party) = view.party else {
                continue;
            };
            let role = self.role_of_genesis(who);
            let (name, serial, admitted) = (party.name, 1, true);
            let bond = party.bond.get();
            self.parties.insert(
                who,
                PlainParty {
                    name,
                    role,
                    serial,
                    admitted,
                    bond,
                },
            );
        }
        for key in 0..5 {
            let proxy = PlainProxy {
                key,
                stake: 1_000,
                jailed: false,
            };
            self.proxies.insert(self.account(PROXIES_AT + key), proxy);
        }
        let (spare, other) = (
            self.fair.market.want(1, false),
            self.fair.market.seal(0, None),
        );
        let wanted = std::mem::replace(&mut self.fair.wanted, spare);
        let sealed = std::mem::replace(&mut self.fair.record, other);
        let drawn = self.fair.solo.drawn(&wanted.name);
        self.offers.push(PlainOffer {
            institution: 2,
            left: 2,
            status: "open",
            exclusive: false,
            issuers: vec![0, 1],
            deadline: wanted.offer.question.deadline,
            until: None,
            pending: None,
            drawn: drawn.iter().map(|(account, _)| *account).collect(),
            wanted,
        });
        self.records.push(PlainRecord {
            sealed,
            hospital: 0,
            lineage: 0,
            withdrawn: false,
            miskeyed: false,
        });
    }

    /// Something to claim on, so that short histories are not idle, and proxies in reserve.
    fn prepare(&mut self) {
        for who in PROXIES_AT + 5..CERTIFIED {
            self.step(&Step::Certify {
                who,
                role: 2,
                renewal: Renewal::Next,
                by_registrar: false,
                forged: false,
            });
            let (from, to, amount) = (2, who, 3_000);
            self.step(&Step::Transfer { from, to, amount });
            let key = who - PROXIES_AT;
            self.step(&Step::RegisterProxy {
                who,
                key,
                stake: 1_000,
                borrowed: false,
            });
        }
        self.sent.clear();
    }

    pub fn account(&self, who: usize) -> AccountId {
        AccountId::of(&self.people[who].verifying_key())
    }

    pub fn now(&self) -> u64 {
        self.fair.solo.time_ms
    }

    pub fn admitted(&self, who: usize) -> Option<&PlainParty> {
        self.parties.get(&who).filter(|party| party.admitted)
    }

    pub fn put(&mut self, account: AccountId, amount: u64) {
        *self.money.entry(account).or_default() += amount;
    }

    pub fn take(&mut self, account: AccountId, amount: u64) {
        *self.money.get_mut(&account).unwrap() -= amount;
    }

    /// What a proxy loses; never more than it has.
    pub fn slash(&mut self, account: AccountId, penalty: u64) {
        let proxy = self.proxies.get_mut(&account).unwrap();
        let slashed = proxy.stake.min(penalty);
        proxy.stake -= slashed;
        self.forfeited += slashed;
    }

    /// Signs and submits; the contract must agree with the model whether it succeeds.
    pub fn submit(&mut self, key: &SigningKey, body: Body, works: bool, step: &Step) {
        let transaction = self.fair.market.sign(key, body);
        self.submit_signed(transaction, works, step);
    }

    pub fn submit_by(&mut self, who: usize, body: Body, works: bool, step: &Step) {
        let key = self.people[who].clone();
        self.submit(&key, body, works, step);
    }

    pub fn submit_signed(&mut self, transaction: Transaction, works: bool, step: &Step) {
        self.submit_all(vec![transaction], &[works], step);
    }

    /// Several in one block.
    pub fn submit_all(&mut self, block: Vec<Transaction>, work: &[bool], step: &Step) {
        let outcomes = self.fair.solo.block(block.clone());
        assert_eq!(outcomes.len(), block.len());
        for ((transaction, outcome), works) in block.iter().zip(&outcomes).zip(work) {
            let found = Rejection::from_code(outcome.code).map_or(Ok(()), Err);
            assert_eq!(found.is_ok(), *works, "{step:?}: {found:?}");
            let signed = SignedTransaction::from_wire(transaction.bytes()).unwrap();
            self.coverage.note(signed.body(), found);
        }
        self.sent.extend(block);
        self.height += 1;
    }

    pub fn finish(mut self) -> Coverage {
        for claim in &self.claims {
            self.coverage.note_end(claim.state);
        }
        self.coverage
    }

    pub fn replay(&mut self, back: usize) -> bool {
        let Some(old) = self.sent.iter().rev().nth(back).cloned() else {
            return false;
        };
        assert_eq!(self.fair.solo.submit(old), Err(Rejection::Replayed));
        self.height += 1;
        true
    }

    /// One step, the end of its block, and a comparison; a composite step is several.
    pub fn step(&mut self, step: &Step) {
        let parts = self.parts(step);
        if let Some(parts) = parts {
            for part in parts {
                self.step(&part);
            }
            return;
        }
        let step = &self.pick(step);
        if self.carry_out(step) {
            self.end_block();
            self.compare(step);
        }
    }

    /// The step with its numbers brought down to what there is.
    fn pick(&self, step: &Step) -> Step {
        let mut step = step.clone();
        // Counted from the last: what is old is over.
        let recent = |at: usize, of: usize| match of {
            0 => 0,
            of => of - 1 - at % of.min(4),
        };
        let offers = self.offers.len();
        match &mut step {
            Step::Share { claim, .. }
            | Step::UndrawnShare { claim }
            | Step::FalseShare { claim, .. }
            | Step::Revoke { claim, .. }
            | Step::Settle { claim }
            | Step::Expire { claim }
            | Step::Dispute { claim, .. }
            | Step::Verdict { claim, .. } => *claim = recent(*claim, self.claims.len()),
            Step::Claim { offer, record, .. } => {
                *offer = recent(*offer, offers);
                *record %= self.records.len();
            }
            Step::WithdrawRecord { record, .. } => *record %= self.records.len(),
            Step::Count { draft, .. } => *draft = recent(*draft, self.drafts.len()),
            Step::Withdraw {
                draft: true, at, ..
            } => *at %= self.drafts.len().max(1),
            Step::Withdraw { at, .. } => *at = recent(*at, offers),
            _ => {}
        }
        step
    }
}
