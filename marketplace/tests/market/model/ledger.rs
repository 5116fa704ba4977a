//! How the ledger is run, what a step does, and whether contract and model agree.

use std::collections::{BTreeMap, BTreeSet};

use eligo_ledger::height::ReplicaId;
use eligo_ledger::identity::SecretKey;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::{Class, Member};
use eligo_marketplace::name::{ClaimId, RequirementName};
use eligo_marketplace::transaction::{Body, Governance};

use super::step::{ClaimFault, Ending, EntryFault, Renewal, RosterChange, RoundFault, Shown, Step};
use super::world::{DEPOSIT, FEE, Model, PRICE, REWARD, State, day};

/// A claim on the last offer, and what is to become of it. 0 is the last claim.
fn sale(person: u64, record: usize, ending: Ending) -> Vec<Step> {
    let claim = 0;
    let made = Step::Claim {
        person,
        offer: 0,
        record,
        fault: ClaimFault::None,
    };
    let end = match ending {
        Ending::Settled => vec![Step::Wait { ms: 31_000 }, Step::Settle { claim }],
        Ending::Disputed(evidence) => vec![Step::Dispute {
            claim,
            by_owner: true,
            evidence,
        }],
        Ending::Judged(against) => vec![Step::Judge { claim, against }],
    };
    [vec![made, Step::Deliver { claim }], end].concat()
}

fn judgement(claim: usize, against: bool) -> Vec<Step> {
    let dispute = Step::Dispute {
        claim,
        by_owner: true,
        evidence: Shown::Content,
    };
    // One by somebody who is no arbiter, and one twice.
    let verdicts = [4, 3, 3, 2, 1, 0].map(|arbiter| Step::Verdict {
        claim,
        arbiter,
        against,
    });
    [vec![dispute], verdicts.to_vec()].concat()
}

fn suspension(who: usize, person: u64, record: usize) -> Vec<Step> {
    let by_registrar = true;
    let dismiss = Step::Dismiss { who, by_registrar };
    let renewal = Step::Certify {
        who,
        role: 0,
        renewal: Renewal::Next,
        by_registrar: false,
        forged: false,
    };
    let registration = Step::Register {
        hospital: who % 2,
        supersedes: None,
        fault: EntryFault::None,
        miskeyed: false,
    };
    let claim = Step::Claim {
        person,
        offer: 0,
        record,
        fault: ClaimFault::None,
    };
    let back = Step::Readmit { who };
    vec![dismiss.clone(), dismiss, renewal, registration, claim, back]
}

impl Model {
    fn member(&self, id: u16) -> Member {
        let key = match self.fair.market.replicas.get(usize::from(id)) {
            Some(key) => key.public(),
            None => SecretKey::from_seed([id as u8 + 100; 32].into()).public(),
        };
        Member {
            id: ReplicaId::new(id),
            key,
            power: 1,
            class: Class::Tertiary,
            may_propose: true,
            votes: true,
            region: String::new(),
        }
    }

    fn govern(&mut self, step: &Step, change: RosterChange, by_registrar: bool) {
        let (body, possible) = match change {
            RosterChange::Policy => (Governance::Policy(ProposerPolicy::Rotation), true),
            RosterChange::Join(id) => {
                let possible = !self.members.contains_key(&id);
                (Governance::Join(self.member(id)), possible)
            }
            RosterChange::Leave(id) => {
                let possible = self.members.contains_key(&id) && self.members.len() > 4;
                (Governance::Leave(ReplicaId::new(id)), possible)
            }
        };
        let works = by_registrar && possible;
        let key = match by_registrar {
            true => self.fair.market.registrar.key.clone(),
            false => self.people[0].clone(),
        };
        self.submit(&key, Body::Govern(body), works, step);
        match change {
            RosterChange::Join(id) if works => {
                self.members.insert(id, self.member(id));
            }
            RosterChange::Leave(id) if works => {
                self.members.remove(&id);
            }
            _ => {}
        }
    }

    /// One change of the roster a block: the second is refused.
    fn join_twice(&mut self, step: &Step) {
        let mut new = (4..9).filter(|id| !self.members.contains_key(id));
        let (Some(first), Some(second)) = (new.next(), new.next()) else {
            return self.idle();
        };
        let block = [first, second].map(|id| {
            let join = Body::Govern(Governance::Join(self.member(id)));
            self.fair.market.by_registrar(join)
        });
        self.submit_all(block.to_vec(), &[true, false], step);
        self.members.insert(first, self.member(first));
    }

    fn ready(&mut self, step: &Step, replica: usize, arbiter: usize) {
        let body = Body::Ready {
            replica: ReplicaId::new(replica as u16),
        };
        let transaction = self.fair.market.by_arbiter(arbiter, body);
        self.submit_signed(transaction, replica == arbiter, step);
    }

    /// The steps a composite step is made of.
    pub fn parts(&self, step: &Step) -> Option<Vec<Step>> {
        Some(match step {
            Step::Offer(of) => {
                let round = Step::Round(RoundFault::None);
                vec![Step::Publish(of.clone()), round.clone(), round]
            }
            Step::Readmit { who } => self.readmission(*who),
            Step::Suspension {
                who,
                person,
                record,
            } => suspension(*who, *person, *record),
            Step::Deliver { claim } => {
                let claim = *claim;
                (0..3).map(|place| Step::Share { claim, place }).collect()
            }
            Step::Late { claim } => {
                let claim = *claim;
                vec![Step::Wait { ms: 61_000 }, Step::Expire { claim }]
            }
            Step::Sale {
                person,
                record,
                ending,
            } => sale(*person, *record, *ending),
            Step::Judge { claim, against } => judgement(*claim, *against),
            Step::Replace { out } => {
                let absent = (4..9).find(|id| !self.members.contains_key(id));
                let govern = |change| Step::Govern {
                    change,
                    by_registrar: true,
                };
                let join = absent.map(RosterChange::Join).map(govern);
                let leave = govern(RosterChange::Leave(*out));
                join.into_iter().chain([leave]).collect()
            }
            _ => return None,
        })
    }

    /// Nothing is there for the step to be about: an empty block.
    pub fn idle(&mut self) {
        self.fair.solo.block(Vec::new());
        self.height += 1;
    }

    /// One transaction, or none; whether there was a block.
    pub fn carry_out(&mut self, step: &Step) -> bool {
        match step {
            Step::Transfer { from, to, amount } => self.transfer(step, (*from, *to), *amount),
            Step::Certify { .. } => self.certify(step),
            Step::Dismiss { who, by_registrar } => self.dismiss(step, *who, *by_registrar),
            Step::Bond { who, amount, back } => self.bond(step, *who, *amount, *back),
            Step::RegisterProxy {
                who, key, stake, ..
            } => {
                self.register_proxy(step, (*who, *key), *stake);
            }
            Step::WithdrawProxy { who } => self.withdraw_proxy(step, *who),
            Step::Register { .. } => self.register(step),
            Step::WithdrawRecord { record, forged } => self.withdraw_record(step, *record, *forged),
            Step::Publish(of) => self.publish(step, of),
            Step::Round(fault) => self.beacon_round(step, *fault),
            Step::Draft { who, wanted, fee } => self.draft(step, *who, (*wanted, *fee)),
            Step::Count {
                person,
                draft,
                fault,
            } => self.count(step, (*person, *draft), *fault),
            Step::Withdraw { who, draft, at } => self.withdraw(step, *who, (*draft, *at)),
            Step::Claim {
                person,
                offer,
                record,
                ..
            } => {
                self.claim(step, *person, (*offer, *record));
            }
            Step::Share { claim, place } => self.share(step, *claim, *place),
            Step::UndrawnShare { claim } => self.undrawn_share(step, *claim),
            Step::FalseShare { claim, place } => self.false_share(step, *claim, *place),
            Step::Revoke { claim, forged } => self.revoke(step, *claim, *forged),
            Step::Settle { claim } => self.end(step, *claim, State::Settled),
            Step::Expire { claim } => self.end(step, *claim, State::Expired),
            Step::Dispute { claim, .. } => self.dispute(step, *claim),
            Step::Verdict {
                claim,
                arbiter,
                against,
            } => self.verdict(step, *claim, (*arbiter, *against)),
            Step::Govern {
                change,
                by_registrar,
            } => self.govern(step, *change, *by_registrar),
            Step::JoinTwice => self.join_twice(step),
            Step::Ready { replica, arbiter } => self.ready(step, *replica, *arbiter),
            Step::Pass { ms } => {
                self.fair.solo.time_ms += ms;
                self.idle();
            }
            Step::Wait { ms } => {
                self.fair.solo.time_ms += ms;
                return false;
            }
            Step::Replay { back } => return self.replay(*back),
            Step::Offer(_)
            | Step::Readmit { .. }
            | Step::Suspension { .. }
            | Step::Deliver { .. }
            | Step::Sale { .. }
            | Step::Late { .. }
            | Step::Replace { .. }
            | Step::Judge { .. } => unreachable!("a composite step"),
        }
        true
    }

    /// Contract and model agree on everything that matters.
    pub fn compare(&self, step: &Step) {
        let contract = self.fair.solo.contract();
        contract.check_books().unwrap();
        assert!(self.fair.solo.market.stopped().is_none());
        assert_eq!(contract.height().get(), self.height);
        let status = contract.status_view();
        assert_eq!(status.beacon_round, self.round, "{step:?}");
        assert_eq!(status.forfeited.get(), self.forfeited, "{step:?}");
        assert_eq!(status.records, self.records.len(), "{step:?}");
        assert_eq!(status.claims, self.claims.len(), "{step:?}");
        let requirements = self.offers.len() + self.drafts.len();
        assert_eq!(status.requirements, requirements, "{step:?}");
        let members = contract.next().roster.members().iter();
        let members: Vec<u16> = members.map(|member| member.id.get()).collect();
        assert!(members.iter().eq(self.members.keys()), "{step:?}");
        for (account, money) in &self.money {
            let found = self.fair.solo.credits(account);
            assert_eq!(found, *money, "{step:?}: {account}");
        }
        self.compare_parties(step);
        self.compare_requirements(step);
        self.compare_claims(step);
        self.compare_licences(step);
        self.check_conservation(step);
    }

    fn compare_parties(&self, step: &Step) {
        let contract = self.fair.solo.contract();
        for who in 0..self.people.len() {
            let account = self.account(who);
            let found = contract.account_view(&account).party;
            let found = found.map(|p| {
                (
                    p.name,
                    p.serial,
                    p.admitted,
                    p.bond.get(),
                    p.open_claims as usize,
                )
            });
            let open = self.open_claims_of_hospital(who);
            let plain = self.parties.get(&who);
            let plain = plain.map(|p| (p.name.clone(), p.serial, p.admitted, p.bond, open));
            assert_eq!(found, plain, "{step:?}: person {who}");
            let found = contract.proxy_view(&account);
            let found = found.map(|p| (p.stake.get(), p.jailed, p.duties as usize));
            let plain = self.proxies.get(&account);
            let plain = plain.map(|p| (p.stake, p.jailed, self.duties(&account)));
            assert_eq!(found, plain, "{step:?}: proxy {who}");
        }
    }

    fn compare_requirements(&self, step: &Step) {
        let contract = self.fair.solo.contract();
        let found = |name: &RequirementName| {
            let view = contract.requirement_view(name).unwrap();
            (view.status, view.left, view.counted, view.escrow.get())
        };
        for plain in &self.offers {
            let escrow = PRICE * u64::from(plain.left);
            let expected = (plain.status, plain.left, 0, escrow);
            assert_eq!(found(&plain.wanted.name), expected, "{step:?}");
        }
        for plain in &self.drafts {
            let escrow = plain.draft.fee.get() * u64::from(plain.left);
            let expected = (plain.status, plain.left, plain.counted, escrow);
            assert_eq!(found(&plain.name), expected, "{step:?}");
        }
    }

    fn compare_claims(&self, step: &Step) {
        let mut rewarded = BTreeSet::new();
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
            // One reward a person and requirement.
            let ended = matches!(
                claim.state,
                State::Settled | State::Upheld | State::Refunded
            );
            if ended {
                assert!(rewarded.insert((claim.offer, claim.person)), "{step:?}");
            }
        }
    }

    /// The licences of every lineage are those of its claims, and no live exclusive one is beside another.
    fn compare_licences(&self, step: &Step) {
        let contract = self.fair.solo.contract();
        let today = day(contract.status_view().time_ms);
        for record in &self.records {
            let view = contract.record_view(&record.sealed.name()).unwrap();
            assert_eq!(view.withdrawn, record.withdrawn, "{step:?}");
            let first = self.records[record.lineage].sealed.name();
            assert_eq!(view.lineage.as_bytes(), first.as_bytes(), "{step:?}");
            let found = view.licences.iter().map(|l| (l.claim, l.running));
            let found: BTreeMap<ClaimId, bool> = found.collect();
            let claims = self.claims.iter().filter(|claim| {
                self.records[claim.record].lineage == record.lineage && claim.licensed()
            });
            let runs = |state| matches!(state, State::Settled | State::Upheld);
            let expected = claims.map(|claim| (claim.made.id, runs(claim.state)));
            assert_eq!(found, expected.collect(), "{step:?}");
            let live = view.licences.iter();
            let live: Vec<_> = live
                .filter(|l| l.until.is_none_or(|until| until >= today))
                .collect();
            let exclusive = live.iter().any(|licence| licence.exclusive);
            assert!(!exclusive || live.len() == 1, "{step:?}");
        }
    }

    /// All credits are somewhere in the model, too.
    fn check_conservation(&self, step: &Step) {
        let reserve = |claim: &&super::world::PlainClaim| PRICE - claim.paid();
        let open = self.claims.iter().filter(|claim| claim.open());
        let reserved: u64 = open.map(|claim| reserve(&claim)).sum();
        let disputed = self.claims.iter().filter(|c| c.state == State::Disputed);
        let all = self.money.values().sum::<u64>()
            + self.parties.values().map(|party| party.bond).sum::<u64>()
            + self.proxies.values().map(|proxy| proxy.stake).sum::<u64>()
            + self.escrows()
            + reserved
            + DEPOSIT * disputed.count() as u64
            + self.forfeited;
        assert_eq!(all, self.supply, "{step:?}");
        const { assert!(FEE * 5 < PRICE) };
    }
}
