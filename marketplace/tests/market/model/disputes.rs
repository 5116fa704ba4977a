//! Disputes: judged by the transcript, or by arbiters.

use crate::fair::{letters, verified_shares};
use eligo_marketplace::encoding::Blob;
use eligo_marketplace::transaction::{Body, DisputeEvidence, Finding};
use eligo_sharing::tcpre::Dispute;

use super::step::{Shown, Step};
use super::world::{DEPOSIT, Model, PRICE, REWARD, State};

impl Model {
    /// The transcript of a delivered claim; nothing like one otherwise.
    fn transcript(&mut self, claim: usize) -> Vec<u8> {
        let plain = &self.claims[claim];
        let record = &self.records[plain.record].sealed;
        let capsule = record.capsule.clone().check().unwrap();
        let shares = verified_shares(&self.fair.solo, &plain.made, &capsule);
        let key = &self.offers[plain.offer].wanted.receiving;
        let (grant, rng) = (&plain.made.grant, &mut self.fair.market.rng);
        match Dispute::raise(key, grant, &capsule, &shares, rng) {
            Ok(Dispute::KeyCommitment(shown)) => shown.0.to_bytes(),
            Ok(Dispute::Content(transcript)) => transcript.to_bytes(),
            Err(_) => vec![1; 64],
        }
    }

    fn evidence(&mut self, claim: usize, shown: Shown) -> DisputeEvidence {
        match shown {
            Shown::Content => letters(0..4),
            Shown::FewLetters => letters(0..1),
            Shown::Transcript | Shown::ForgedTranscript => {
                let mut bytes = self.transcript(claim);
                if shown == Shown::ForgedTranscript {
                    *bytes.last_mut().unwrap() ^= 1;
                }
                DisputeEvidence::KeyCommitment(Blob::new(bytes).unwrap())
            }
        }
    }

    pub fn dispute(&mut self, step: &Step, claim: usize) {
        let Step::Dispute {
            by_owner,
            evidence: shown,
            ..
        } = *step
        else {
            return;
        };
        if claim >= self.claims.len() {
            return self.idle();
        }
        let evidence = self.evidence(claim, shown);
        let plain = &self.claims[claim];
        let owner = self.offers[plain.offer].institution;
        let who = if by_owner { owner } else { 5 - owner.min(5) };
        let account = self.account(who);
        // With no arbiter but one left, one letter is enough.
        let others = self.voting_arbiters().iter().any(|at| *at > 0);
        let convincing = match shown {
            Shown::Content | Shown::Transcript => true,
            Shown::FewLetters => !others,
            Shown::ForgedTranscript => false,
        };
        let works = who == owner
            && plain.state == State::Delivered
            && self.now() <= plain.due_ms
            && self.money[&account] >= DEPOSIT
            && convincing;
        let (id, due_ms) = (plain.made.id, self.now() + 90_000);
        let body = Body::Dispute {
            claim: id,
            evidence,
        };
        self.submit_by(who, body, works, step);
        if !works {
            return;
        }
        self.take(account, DEPOSIT);
        let plain = &mut self.claims[claim];
        (plain.state, plain.due_ms) = (State::Disputed, due_ms);
        if shown == Shown::Transcript {
            let miskeyed = self.records[self.claims[claim].record].miskeyed;
            self.decide(claim, Some(miskeyed));
        }
    }

    pub fn voting_arbiters(&self) -> Vec<usize> {
        let votes = |at: &usize| self.members.contains_key(&(*at as u16));
        (0..4).filter(votes).collect()
    }

    pub fn verdict(&mut self, step: &Step, claim: usize, (arbiter, against): (usize, bool)) {
        let Some(plain) = self.claims.get(claim) else {
            return self.idle();
        };
        let voting = self.voting_arbiters();
        let works = plain.state == State::Disputed
            && voting.contains(&arbiter)
            && !plain.verdicts.contains_key(&arbiter);
        let finding = match against {
            true => Finding::HospitalAtFault,
            false => Finding::DisputerAtFault,
        };
        let body = Body::Verdict {
            claim: plain.made.id,
            finding,
        };
        match arbiter {
            0..4 => {
                let transaction = self.fair.market.by_arbiter(arbiter, body);
                self.submit_signed(transaction, works, step);
            }
            _ => self.submit_by(0, body, works, step),
        }
        if !works {
            return;
        }
        let plain = &mut self.claims[claim];
        plain.verdicts.insert(arbiter, against);
        let agreeing = plain
            .verdicts
            .iter()
            .filter(|(at, finding)| voting.contains(at) && **finding == against);
        // Of so many who vote, so many decide: any two deciding groups share an honest one.
        let quorum = [1, 1, 2, 2, 3][voting.len()];
        if agreeing.count() >= quorum {
            self.decide(claim, Some(against));
        }
    }

    /// Against the hospital, for it, or nobody's decision: the record stands.
    pub fn decide(&mut self, claim: usize, against: Option<bool>) {
        let plain = &self.claims[claim];
        let (account, paid) = (plain.made.account.account(), plain.paid());
        let institution = self.account(self.offers[plain.offer].institution);
        let hospital = self.records[plain.record].hospital;
        if against == Some(true) {
            let bond = &mut self.parties.get_mut(&hospital).unwrap().bond;
            let compensation = (*bond).min(REWARD);
            *bond -= compensation;
            let fees = (*bond).min(paid);
            *bond -= fees;
            self.put(account, compensation);
            self.put(institution, PRICE - paid + fees + DEPOSIT);
            self.claims[claim].state = State::Refunded;
        } else {
            let to = match against {
                Some(_) => self.account(hospital),
                None => institution,
            };
            self.put(to, DEPOSIT);
            self.pay(claim, State::Upheld);
        }
    }
}
