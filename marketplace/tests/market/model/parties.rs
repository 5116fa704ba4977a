//! Certificates, money, bonds, and the proxies' roster.

use eligo_marketplace::certificate::{Certificate, Level, Role};
use eligo_marketplace::credits::Credits;
use eligo_marketplace::encoding::Text;
use eligo_marketplace::issuer::IssuerKey;
use eligo_marketplace::scenario::{Prover, proxy_entry};
use eligo_marketplace::transaction::Body;

use super::step::{Renewal, Step};
use super::world::{Model, PROXIES_AT, PlainParty, PlainProxy, same};

fn issuer_key(role: &Role) -> Option<[u8; 32]> {
    match role {
        Role::Hospital { issuer_key, .. } => Some(*issuer_key),
        _ => None,
    }
}

fn own_role(who: usize, role: usize) -> Role {
    match role {
        0 => Role::Hospital {
            level: Level::Community,
            issuer_key: IssuerKey::multiple_of_base(50 + who as u64).to_bytes(),
        },
        1 => Role::Institution,
        2 => Role::Proxy {
            organisation: Text::new(format!("Organisation {}", who - PROXIES_AT)).unwrap(),
        },
        _ => Role::Doctor,
    }
}

impl Model {
    pub fn role_of_genesis(&self, who: usize) -> Role {
        match who {
            0 | 1 => Role::Hospital {
                level: Level::Tertiary,
                issuer_key: self.fair.market.prover.issuers()[who],
            },
            2 | 3 => Role::Institution,
            _ => own_role(who, 2),
        }
    }

    pub fn transfer(&mut self, step: &Step, (from, to): (usize, usize), amount: u64) {
        let (a, b) = (self.account(from), self.account(to));
        let works = amount > 0 && self.money[&a] >= amount;
        let credits = Credits::new(amount);
        let body = Body::Transfer {
            to: b,
            amount: credits,
        };
        self.submit_by(from, body, works, step);
        if works {
            self.take(a, amount);
            self.put(b, amount);
        }
    }

    /// A certificate for `who`, as the renewal has it.
    fn certify_as(&self, who: usize, role: usize, renewal: Renewal) -> Certificate {
        let known = self.parties.get(&who);
        let last = known.map_or(0, |party| party.serial);
        let serial = match renewal {
            Renewal::OldSerial => last,
            _ => last + 1,
        };
        let other = |other: usize| self.parties.get(&other);
        let name = match renewal {
            Renewal::Renamed => Some(format!("Person {who}, {serial}")),
            Renewal::NameOf(at) => other(at).map(|party| party.name.clone()),
            _ => None,
        };
        let role_of = match renewal {
            Renewal::RoleOf(at) => other(at).map(|party| party.role.clone()),
            _ => None,
        };
        let name = name.or_else(|| known.map(|party| party.name.clone()));
        let role_of = role_of.or_else(|| known.map(|party| party.role.clone()));
        let role = match who {
            0..PROXIES_AT => role_of.unwrap_or_else(|| self.role_of_genesis(who)),
            _ => role_of.unwrap_or_else(|| own_role(who, role)),
        };
        Certificate {
            subject: self.account(who),
            name: Text::new(name.unwrap_or_else(|| format!("Person {who}"))).unwrap(),
            role,
            serial,
        }
    }

    fn may_be_certified(&self, who: usize, certificate: &Certificate, by_registrar: bool) -> bool {
        let kept = self.parties.get(&who).is_none_or(|party| {
            let key = issuer_key(&party.role);
            let role = match key {
                Some(_) => key == issuer_key(&certificate.role),
                None => party.role == certificate.role,
            };
            role && certificate.serial > party.serial && (party.admitted || by_registrar)
        });
        let mut others = self.parties.iter().filter(|(at, _)| **at != who);
        let key = issuer_key(&certificate.role);
        kept && others.all(|(_, other)| {
            other.name != certificate.name.as_str()
                && (key.is_none() || issuer_key(&other.role) != key)
        })
    }

    pub fn certify(&mut self, step: &Step) {
        let Step::Certify {
            who,
            role,
            renewal,
            by_registrar,
            forged,
        } = *step
        else {
            return;
        };
        let certificate = self.certify_as(who, role, renewal);
        let works = !forged && self.may_be_certified(who, &certificate, by_registrar);
        let (own, registrar) = (
            self.people[who].clone(),
            self.fair.market.registrar.key.clone(),
        );
        let signer = if forged { &own } else { &registrar };
        let signed = certificate.clone().sign(&self.fair.market.chain, signer);
        let sender = if by_registrar { &registrar } else { &own };
        self.submit(sender, Body::Certify(signed), works, step);
        if works {
            let bond = self.parties.get(&who).map_or(0, |party| party.bond);
            let party = PlainParty {
                name: certificate.name.as_str().to_owned(),
                role: certificate.role,
                serial: certificate.serial,
                admitted: true,
                bond,
            };
            self.parties.insert(who, party);
        }
    }

    pub fn dismiss(&mut self, step: &Step, who: usize, by_registrar: bool) {
        let works = by_registrar && self.admitted(who).is_some();
        let body = Body::Dismiss {
            party: self.account(who),
        };
        match by_registrar {
            true => {
                let registrar = self.fair.market.registrar.key.clone();
                self.submit(&registrar, body, works, step);
            }
            false => self.submit_by(who, body, works, step),
        }
        if works {
            self.parties.get_mut(&who).unwrap().admitted = false;
        }
    }

    /// Whom the registrar takes back: the next who was dismissed.
    pub fn readmission(&self, who: usize) -> Vec<Step> {
        let dismissed = |at: &&usize| self.parties.get(at).is_some_and(|party| !party.admitted);
        let everyone: Vec<usize> = (who..who + self.people.len())
            .map(|at| at % self.people.len())
            .collect();
        let who = everyone.iter().find(dismissed).copied();
        let certify = who.map(|who| Step::Certify {
            who,
            role: 0,
            renewal: Renewal::Next,
            by_registrar: true,
            forged: false,
        });
        certify.into_iter().collect()
    }

    pub fn bond(&mut self, step: &Step, who: usize, amount: u64, back: bool) {
        let account = self.account(who);
        let credits = Credits::new(amount);
        let bond = self.parties.get(&who).map_or(0, |party| party.bond);
        let is_hospital = |party: &PlainParty| issuer_key(&party.role).is_some();
        let committed = self.open_claims_of_hospital(who) > 0;
        let (works, body) = match back {
            true => (
                self.parties.contains_key(&who) && !committed && bond >= amount,
                Body::WithdrawBond { amount: credits },
            ),
            false => (
                self.admitted(who).is_some_and(is_hospital) && self.money[&account] >= amount,
                Body::DepositBond { amount: credits },
            ),
        };
        self.submit_by(who, body, works, step);
        if !works {
            return;
        }
        let bond = &mut self.parties.get_mut(&who).unwrap().bond;
        if back {
            *bond -= amount;
            self.put(account, amount);
        } else {
            *bond += amount;
            self.take(account, amount);
        }
    }

    pub fn register_proxy(&mut self, step: &Step, (who, key): (usize, usize), stake: u64) {
        let Step::RegisterProxy { borrowed, .. } = *step else {
            return;
        };
        let key = key % self.keys.len();
        let account = self.account(who);
        let is_proxy = |party: &PlainParty| matches!(party.role, Role::Proxy { .. });
        let works = !borrowed
            && self.admitted(who).is_some_and(is_proxy)
            && !self.proxies.contains_key(&account)
            && !self.proxies.values().any(|proxy| proxy.key == key)
            && stake >= 100
            && self.money[&account] >= stake;
        let mut entry = proxy_entry(&self.keys[key], Credits::new(stake));
        if borrowed {
            let other = &self.keys[(key + 1) % self.keys.len()];
            entry.possession = other.prove_possession().to_bytes();
        }
        self.submit_by(who, Body::RegisterProxy(entry), works, step);
        if works {
            self.take(account, stake);
            let jailed = false;
            self.proxies
                .insert(account, PlainProxy { key, stake, jailed });
            self.fair.market.proxies[who - PROXIES_AT].key = same(&self.keys[key]);
        }
    }

    /// Requirements that are not over and that the proxy is drawn for, or may be.
    pub fn duties(&self, account: &eligo_marketplace::name::AccountId) -> usize {
        let offers = self.offers.iter().enumerate();
        let serves = |(at, offer): &(usize, &super::world::PlainOffer)| {
            !self.is_over(*at) && offer.drawn.contains(account)
        };
        offers.filter(serves).count()
    }

    pub fn withdraw_proxy(&mut self, step: &Step, who: usize) {
        let account = self.account(who);
        let idle = self.duties(&account) == 0;
        let left = |proxy: &PlainProxy| !proxy.jailed || proxy.stake > 0;
        let works = idle && self.proxies.get(&account).is_some_and(left);
        self.submit_by(who, Body::WithdrawProxy, works, step);
        if works {
            let proxy = self.proxies.get_mut(&account).unwrap();
            let (stake, jailed) = (std::mem::take(&mut proxy.stake), proxy.jailed);
            if !jailed {
                self.proxies.remove(&account);
            }
            self.put(account, stake);
        }
    }
}
