//! Requirements, the beacon's rounds that draw their proxies, and counts.

use std::collections::BTreeSet;

use ark_bls12_381::G1Affine;
use ark_ec::AffineRepr;
use ed25519_dalek::SigningKey;
use eligo_marketplace::encoding::List;
use eligo_marketplace::name::{AccountId, RequirementName};
use eligo_marketplace::offer::Draft;
use eligo_marketplace::scenario::{Actor, Prover};
use eligo_marketplace::transaction::{Body, CountRequest};
use eligo_sharing::curve::encode_g1;
use eligo_verifier_contract::Sealed;

use super::step::{CountFault, PublishStep, RoundFault, Step};
use super::world::{Model, PRICE, PlainDraft, PlainOffer, PlainParty, day};

fn is_institution(party: &PlainParty) -> bool {
    party.role == eligo_marketplace::certificate::Role::Institution
}

impl Model {
    fn name_of(&self, who: usize) -> &str {
        self.parties.get(&who).map_or("Nobody", |party| &party.name)
    }

    fn may_ask(&self, who: usize, issuers: &[usize], cost: u64) -> bool {
        self.admitted(who).is_some_and(is_institution)
            && issuers.iter().all(|at| self.admitted(*at).is_some())
            && self.money[&self.account(who)] >= cost
    }

    /// Whoever stands for a draw now, and whether they are enough.
    fn standing(&self) -> (Vec<AccountId>, bool) {
        let people = (0..self.people.len()).filter(|who| self.admitted(*who).is_some());
        let accounts = people.map(|who| self.account(who));
        let free = |account: &AccountId| self.proxies.get(account).is_some_and(|p| !p.jailed);
        let standing: Vec<AccountId> = accounts.filter(free).collect();
        let weighty = standing.iter().filter(|a| self.proxies[a].stake > 0);
        let enough = weighty.count() >= 5;
        (standing, enough)
    }

    pub fn publish(&mut self, step: &Step, of: &PublishStep) {
        let issuers: Vec<usize> = (0..2).filter(|at| of.issuers & (1 << at) != 0).collect();
        let market = &mut self.fair.market;
        let mut wanted = market.want(of.wanted, of.exclusive);
        let keys = market.prover.issuers();
        let question = &mut wanted.offer.question;
        question.issuers = List::new(issuers.iter().map(|at| keys[*at]).collect()).unwrap();
        question.deadline = day(self.fair.solo.time_ms) + 30;
        let deadline = question.deadline;
        let until = of.ends.then_some(deadline);
        wanted.offer.licence.until = until;
        let chain = self.fair.market.chain;
        wanted.name = wanted
            .offer
            .requirement(&chain, self.name_of(of.who))
            .unwrap();
        let cost = PRICE * u64::from(of.wanted);
        let (standing, enough) = self.standing();
        let works = self.may_ask(of.who, &issuers, cost) && enough;
        let body = Body::Publish(wanted.offer.clone());
        self.submit_by(of.who, body, works, step);
        if works {
            self.take(self.account(of.who), cost);
            self.offers.push(PlainOffer {
                wanted,
                institution: of.who,
                left: of.wanted,
                status: "open",
                exclusive: of.exclusive,
                issuers,
                deadline,
                until,
                pending: Some(self.round + 2),
                drawn: standing,
            });
        }
    }

    pub fn beacon_round(&mut self, step: &Step, fault: RoundFault) {
        let next = self.round + 1;
        let round = match fault {
            RoundFault::Skipped => next + 1,
            RoundFault::Old => self.round,
            RoundFault::None | RoundFault::Forged => next,
        };
        let works = fault == RoundFault::None;
        if fault == RoundFault::Forged {
            let signature = encode_g1(&G1Affine::generator());
            self.submit_by(0, Body::BeaconRound { round, signature }, works, step);
            return;
        }
        let transaction = self.fair.market.round(round);
        self.submit_signed(transaction, works, step);
        if works {
            self.round = next;
            self.draw();
        }
    }

    /// Who is drawn is for the beacon to say; that they are five of those who stood is not.
    fn draw(&mut self) {
        let round = self.round;
        for offer in &mut self.offers {
            let due = offer.pending.is_some_and(|at| at <= round);
            if !due || offer.status != "open" {
                continue;
            }
            let drawn = self.fair.solo.drawn(&offer.wanted.name);
            let drawn: Vec<AccountId> = drawn.iter().map(|(account, _)| *account).collect();
            let different: BTreeSet<_> = drawn.iter().collect();
            assert_eq!((drawn.len(), different.len()), (5, 5));
            assert!(drawn.iter().all(|account| offer.drawn.contains(account)));
            (offer.pending, offer.drawn) = (None, drawn);
        }
    }

    pub fn draft(&mut self, step: &Step, who: usize, (wanted, fee): (u32, u64)) {
        let mut draft = self.fair.market.draft(wanted, fee);
        let deadline = day(self.now()) + 30;
        draft.question.deadline = deadline;
        let chain = self.fair.market.chain;
        let name = draft.requirement(&chain, self.name_of(who)).unwrap();
        let cost = fee * u64::from(wanted);
        let works = self.may_ask(who, &[0, 1], cost);
        self.submit_by(who, Body::Draft(draft.clone()), works, step);
        if works {
            self.take(self.account(who), cost);
            self.drafts.push(PlainDraft {
                draft,
                name,
                institution: who,
                left: wanted,
                counted: 0,
                status: "open",
                deadline,
            });
        }
    }

    fn count_request(
        &mut self,
        person: u64,
        (draft, name): (&Draft, RequirementName),
        account: AccountId,
    ) -> CountRequest {
        let root = draft.question.issuers_root().unwrap();
        let now = self.fair.solo.time_ms;
        let market = &mut self.fair.market;
        let who = (account, None);
        let inputs = market.inputs(person, (name, root), Sealed::NONE, who, now);
        let inputs = inputs.unwrap();
        CountRequest {
            requirement: name,
            inputs: inputs.to_bytes(),
            proof: market.prover.prove(person, &inputs).to_bytes(),
        }
    }

    pub fn count(&mut self, step: &Step, (person, at): (u64, usize), fault: CountFault) {
        let Some(plain) = self.drafts.get(at) else {
            return self.idle();
        };
        let works = fault == CountFault::None
            && plain.status == "open"
            && self.admitted(plain.institution).is_some()
            && !self.counted.contains(&(at, person));
        let (draft, name) = (plain.draft.clone(), plain.name);
        let fresh = Actor::new(&mut self.fair.market.rng).key;
        let used = self
            .claims
            .last()
            .map(|claim| claim.made.account.key.clone());
        let key: SigningKey = match fault {
            CountFault::UsedAccount => used.unwrap_or_else(|| self.people[0].clone()),
            CountFault::None | CountFault::OtherProof => fresh,
        };
        let account = AccountId::of(&key.verifying_key());
        let mut request = self.count_request(person, (&draft, name), account);
        if fault == CountFault::OtherProof {
            let other = self.count_request(person + 1, (&draft, name), account);
            request.proof = other.proof;
        }
        self.submit(&key, Body::Count(request), works, step);
        if works {
            self.counted.insert((at, person));
            let plain = &mut self.drafts[at];
            plain.left -= 1;
            plain.counted += 1;
            if plain.left == 0 {
                plain.status = "complete";
            }
            self.put(account, draft.fee.get());
        }
    }

    pub fn withdraw(&mut self, step: &Step, who: usize, (draft, at): (bool, usize)) {
        let (name, works) = if draft {
            let Some(plain) = self.drafts.get(at) else {
                return self.idle();
            };
            let works = plain.status == "open" && plain.institution == who;
            (plain.name, works)
        } else {
            let plain = &self.offers[at];
            let works = plain.status == "open" && plain.institution == who;
            (plain.wanted.name, works)
        };
        let body = Body::WithdrawRequirement { requirement: name };
        self.submit_by(who, body, works, step);
        if works && draft {
            self.close_draft(at, "withdrawn");
        } else if works {
            self.close_offer(at, "withdrawn");
        }
    }

    pub fn close_offer(&mut self, at: usize, status: &'static str) {
        let plain = &mut self.offers[at];
        let back = PRICE * u64::from(std::mem::take(&mut plain.left));
        plain.status = status;
        let account = self.account(self.offers[at].institution);
        self.put(account, back);
    }

    fn close_draft(&mut self, at: usize, status: &'static str) {
        let plain = &mut self.drafts[at];
        let left = std::mem::take(&mut plain.left);
        let back = plain.draft.fee.get() * u64::from(left);
        plain.status = status;
        let account = self.account(self.drafts[at].institution);
        self.put(account, back);
    }

    /// Closes whatever is past its last day.
    pub fn close_past(&mut self, today: u32) {
        for at in 0..self.offers.len() {
            if self.offers[at].status == "open" && self.offers[at].deadline < today {
                self.close_offer(at, "past");
            }
        }
        for at in 0..self.drafts.len() {
            if self.drafts[at].status == "open" && self.drafts[at].deadline < today {
                self.close_draft(at, "past");
            }
        }
    }

    /// Whether nothing more happens under an offer.
    pub fn is_over(&self, at: usize) -> bool {
        let mut claims = self.claims.iter().filter(|claim| claim.offer == at);
        self.offers[at].status != "open" && !claims.any(|claim| claim.open())
    }

    /// What is locked in escrows.
    pub fn escrows(&self) -> u64 {
        let offers = self.offers.iter().map(|o| PRICE * u64::from(o.left));
        let drafts = self.drafts.iter();
        let drafts = drafts.map(|d| d.draft.fee.get() * u64::from(d.left));
        offers.chain(drafts).sum()
    }
}
