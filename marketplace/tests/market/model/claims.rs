//! Claims from acceptance to their end, and what blocks do by themselves.

use std::collections::{BTreeMap, BTreeSet};

use eligo_marketplace::encoding::Blob;
use eligo_marketplace::scenario::Actor;
use eligo_marketplace::transaction::Body;
use eligo_sharing::tcpre::Revocation;

use super::step::{ClaimFault, Step};
use super::world::{FEE, Model, PRICE, PlainClaim, REWARD, State, day};

impl Model {
    fn is_excluded(&self, record: usize, exclusive: bool) -> bool {
        let (lineage, today) = (self.records[record].lineage, day(self.now()));
        self.claims
            .iter()
            .filter(|claim| self.records[claim.record].lineage == lineage && claim.licensed())
            .map(|claim| &self.offers[claim.offer])
            .filter(|offer| offer.until.is_none_or(|until| until >= today))
            .any(|offer| exclusive || offer.exclusive)
    }

    pub fn open_claims_of_hospital(&self, who: usize) -> usize {
        let open = self.claims.iter().filter(|claim| claim.open());
        open.filter(|claim| self.records[claim.record].hospital == who)
            .count()
    }

    fn may_claim(&self, person: u64, at: usize, record: usize) -> bool {
        let (offer, plain) = (&self.offers[at], &self.records[record]);
        let hospital = self.admitted(plain.hospital);
        offer.status == "open"
            && offer.deadline >= day(self.now())
            && offer.pending.is_none()
            && self.admitted(offer.institution).is_some()
            && !plain.withdrawn
            && hospital.is_some_and(|hospital| hospital.bond >= 1_000)
            && offer.issuers.contains(&plain.hospital)
            && !self.is_excluded(record, offer.exclusive)
            && !self.nullifiers.contains(&(at, person))
    }

    pub fn claim(&mut self, step: &Step, person: u64, (offer, record): (usize, usize)) {
        let Step::Claim { fault, .. } = *step else {
            return;
        };
        let works = fault == ClaimFault::None && self.may_claim(person, offer, record);
        let now = self.now();
        let wanted = &self.offers[offer].wanted;
        let mut drawn = self.fair.solo.drawn(&wanted.name);
        if drawn.is_empty() {
            // Before the draw nobody knows; let it be the first offer's.
            drawn = self.fair.solo.drawn(&self.offers[0].wanted.name);
        }
        let market = &mut self.fair.market;
        let sealed = &self.records[record].sealed;
        let made = market.claim(person, wanted, sealed, &drawn, now).unwrap();
        let transaction = match fault {
            ClaimFault::None => made.transaction.clone(),
            ClaimFault::OtherProof => {
                let other = market.claim(person, wanted, sealed, &drawn, now).unwrap();
                let mut request = made.request.clone();
                request.proof = other.request.proof;
                market.sign(&made.account.key, Body::Claim(request))
            }
            ClaimFault::Stolen => {
                let thief = Actor::new(&mut market.rng);
                market.sign(&thief.key, Body::Claim(made.request.clone()))
            }
        };
        self.submit_signed(transaction, works, step);
        if !works {
            assert_eq!(self.fair.solo.credits(&made.account.account()), 0);
            return;
        }
        self.nullifiers.insert((offer, person));
        let plain = &mut self.offers[offer];
        plain.left -= 1;
        if plain.left == 0 {
            plain.status = "complete";
        }
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

    pub fn share(&mut self, step: &Step, claim: usize, place: usize) {
        let Some(plain) = self.claims.get(claim) else {
            return self.idle();
        };
        let (works, now) = (self.may_share(claim, place), self.now());
        let account = self.offers[plain.offer].drawn[place];
        let record = &self.records[plain.record].sealed;
        let market = &mut self.fair.market;
        // The grant does not hold for ever; a share for its last moment may come late.
        let moment = now.min(plain.due_ms);
        let share = market.share(&account, &plain.made, record, moment);
        let Some(transaction) = share else {
            assert!(!works, "{step:?}: the proxy has another key");
            return self.idle();
        };
        self.submit_signed(transaction, works, step);
        if works {
            let plain = &mut self.claims[claim];
            plain.shares.insert(place);
            if plain.state == State::Accepted && plain.shares.len() == 3 {
                (plain.state, plain.due_ms) = (State::Delivered, now + 30_000);
            }
            self.put(account, FEE);
        }
    }

    /// The bytes of a drawn proxy's share, whether or not it would be taken; none if it has another key now.
    fn share_bytes(&mut self, claim: usize, place: usize) -> Option<Vec<u8>> {
        let plain = &self.claims[claim];
        let account = self.offers[plain.offer].drawn[place];
        let capsule = self.records[plain.record].sealed.capsule.clone();
        let moment = self.now().min(plain.due_ms) / 1000;
        let market = &mut self.fair.market;
        let mut proxies = market.proxies.iter();
        let proxy = proxies.find(|p| p.actor.account() == account).unwrap();
        let key = plain.made.grant.share_key(&proxy.key).ok()?;
        let share = key.reencrypt(&capsule.check().unwrap(), moment, &mut market.rng);
        Some(share.unwrap().to_bytes())
    }

    pub fn undrawn_share(&mut self, step: &Step, claim: usize) {
        let Some(plain) = self.claims.get(claim) else {
            return self.idle();
        };
        let drawn = &self.offers[plain.offer].drawn;
        let undrawn = (0..self.people.len()).find(|who| !drawn.contains(&self.account(*who)));
        let id = plain.made.id;
        let Some(bytes) = self.share_bytes(claim, 0) else {
            return self.idle();
        };
        let share = Blob::new(bytes).unwrap();
        let body = Body::PostShare { claim: id, share };
        self.submit_by(undrawn.unwrap(), body, false, step);
    }

    pub fn false_share(&mut self, step: &Step, claim: usize, place: usize) {
        if claim >= self.claims.len() {
            return self.idle();
        }
        let lies = self.may_share(claim, place);
        let (lie, honest) = (
            self.share_bytes(claim, place),
            self.share_bytes(claim, (place + 1) % 5),
        );
        let (Some(mut lie), Some(honest)) = (lie, honest) else {
            return self.idle();
        };
        let rho = lie.len() - (4 + 48) - (4 + 32) - 576;
        lie[rho..rho + 576].copy_from_slice(&honest[rho..rho + 576]);
        let plain = &self.claims[claim];
        let account = self.offers[plain.offer].drawn[place];
        let at = (0..self.people.len()).find(|who| self.account(*who) == account);
        let body = Body::PostShare {
            claim: plain.made.id,
            share: Blob::new(lie).unwrap(),
        };
        self.submit_by(at.unwrap(), body, false, step);
        if lies {
            self.proxies.get_mut(&account).unwrap().jailed = true;
            self.slash(account, 50);
        }
    }

    pub fn revoke(&mut self, step: &Step, claim: usize, forged: bool) {
        let Some(plain) = self.claims.get(claim) else {
            return self.idle();
        };
        let works = plain.state == State::Accepted && plain.revoked.is_none() && !forged;
        let signer = match forged {
            true => &self.people[0],
            false => &self.records[plain.record].sealed.signer,
        };
        let revocation = Revocation::new(plain.made.grant.id(), signer).to_bytes();
        let body = Body::Revoke {
            claim: plain.made.id,
            revocation: Blob::new(revocation).unwrap(),
        };
        self.submit_by(0, body, works, step);
        if works {
            self.claims[claim].revoked = Some(self.height + 2);
        }
    }

    /// Anyone may ask for what blocks do by themselves; the end of this block does the rest.
    pub fn end(&mut self, step: &Step, claim: usize, ended: State) {
        let Some(plain) = self.claims.get(claim) else {
            return self.idle();
        };
        let before = match ended {
            State::Settled => State::Delivered,
            _ => State::Accepted,
        };
        let works = plain.state == before && self.now() > plain.due_ms;
        let claim = plain.made.id;
        let body = match ended {
            State::Settled => Body::Settle { claim },
            _ => Body::Expire { claim },
        };
        self.submit_by(1, body, works, step);
    }

    fn expire(&mut self, claim: usize) {
        let plain = &self.claims[claim];
        let (offer, person, revoked) = (plain.offer, plain.person, plain.revoked.is_some());
        let back = PRICE - plain.paid();
        let silent = (0..5).filter(|place| !plain.shares.contains(place));
        let silent: Vec<_> = silent
            .map(|place| self.offers[offer].drawn[place])
            .collect();
        if !revoked {
            for account in silent {
                self.slash(account, 5);
            }
            // Whoever revokes does not claim again.
            self.nullifiers.remove(&(offer, person));
        }
        let institution = self.account(self.offers[offer].institution);
        self.put(institution, back);
        self.claims[claim].state = State::Expired;
    }

    pub fn pay(&mut self, claim: usize, state: State) {
        let plain = &self.claims[claim];
        let (account, paid) = (plain.made.account.account(), plain.paid());
        let institution = self.account(self.offers[plain.offer].institution);
        self.put(account, REWARD);
        self.put(institution, PRICE - REWARD - paid);
        self.claims[claim].state = state;
    }

    /// What happens by itself at the end of the block that was just decided.
    pub fn end_block(&mut self) {
        let time = self.fair.solo.contract().status_view().time_ms;
        for at in 0..self.claims.len() {
            let plain = &self.claims[at];
            let revoked = plain
                .revoked
                .is_some_and(|effective| self.height >= effective);
            let due = plain.due_ms < time;
            match plain.state {
                State::Accepted if revoked || due => self.expire(at),
                State::Delivered if due => self.pay(at, State::Settled),
                State::Disputed if due => self.decide(at, None),
                _ => {}
            }
        }
        self.close_past(day(time));
    }
}
