//! Queries by path, answered in JSON from committed state.
//!
//! | path | answer |
//! | --- | --- |
//! | `status` | [`StatusView`] |
//! | `account/ACCOUNT` | [`AccountView`]; also for accounts that were never used |
//! | `parties` | list of [`AccountView`] |
//! | `record/RECORD`, `records` | [`RecordView`], list |
//! | `requirement/NAME`, `requirements`, `offers`, `drafts` | [`RequirementView`]; all, open for sale, open to be counted |
//! | `claim/CLAIM`, `claims`, `claims/NAME` | [`ClaimView`]; all accepted, those under a requirement |
//! | `proxy/ACCOUNT`, `proxies` | [`ProxyView`], list |
//! | `care/..` | a patient's care, [`care::view`] |
//! | `disputes` | list of [`ClaimView`]: what arbiters are to judge |
//! | `arbiters` | list of replica, account and letter key |
//! | `convene/..` | [as listed there](crate::convene::view) |
//! | `events`, `events/record/..`, `events/requirement/..`, `events/claim/..`, `events/party/..`, `events/ceremony/..`, `events/encounter/..`, `events/ask/..` | list of [`EventView`], oldest first |
//!
//! Lists take `?after=N&limit=M`: how many to pass over, and how many to show, 1000 at most, and fewer where
//! they are long ([`PAGE_BYTES`]). A list that is shorter in both is at its end.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::care;
use crate::certificate::Role;
use crate::claim::{Claim, Stage};
use crate::contract::{Contract, Moment};
use crate::credits::Credits;
use crate::event::{Logged, Place, Subject};
use crate::licence::Licensed;
use crate::name::{AccountId, ClaimId, RecordName, RequirementName};
use crate::offer::CONTRACT;
use crate::party::Party;
use crate::proxy::{Proxy, Service};
use crate::record::Record;
use crate::rejection::Rejection;
use crate::requirement::{Requirement, Status};
use crate::transaction::Finding;
use crate::view::*;

/// The most entries of a list.
pub const MOST: usize = 1000;
/// A list ends with the entry that reaches so many bytes: whoever asks goes on after it.
pub const PAGE_BYTES: usize = 4 << 20;

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    after: usize,
    limit: usize,
}

impl Page {
    fn read(text: &str) -> Option<Self> {
        let (mut after, mut limit) = (0, MOST);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=')? {
                ("after", number) => after = number.parse().ok()?,
                ("limit", number) => limit = number.parse().ok()?,
                _ => return None,
            }
        }
        let limit = limit.min(MOST);
        Some(Self { after, limit })
    }

    /// This part of a list as JSON.
    pub(crate) fn of<T: Serialize>(self, all: impl Iterator<Item = T>) -> Option<Vec<u8>> {
        let mut out = vec![b'['];
        for (n, entry) in all.skip(self.after).take(self.limit).enumerate() {
            if n > 0 {
                out.push(b',');
            }
            serde_json::to_writer(&mut out, &entry).ok()?;
            if out.len() >= PAGE_BYTES {
                break;
            }
        }
        out.push(b']');
        Some(out)
    }
}

pub(crate) fn json(value: &impl Serialize) -> Option<Vec<u8>> {
    serde_json::to_vec(value).ok()
}

/// The answer to a path; none if there is no such thing.
#[must_use]
pub fn answer(contract: &Contract, path: &str) -> Option<Vec<u8>> {
    let (path, page) = path.split_once('?').unwrap_or((path, ""));
    let page = Page::read(page)?;
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match segments.as_slice() {
        ["status"] => json(&contract.status_view()),
        ["account", account] => json(&contract.account_view(&account.parse().ok()?)),
        ["parties"] => {
            let all = contract
                .parties
                .iter()
                .map(|(id, _)| contract.account_view(id));
            page.of(all)
        }
        ["record", name] => json(&contract.record_view(&name.parse().ok()?)?),
        ["records"] => {
            let all = contract.records.iter();
            page.of(all.filter_map(|(name, _)| contract.record_view(name)))
        }
        ["requirement", name] => json(&contract.requirement_view(&name.parse().ok()?)?),
        ["requirements"] => page.of(contract.requirement_views(|_| true)),
        ["offers"] => {
            let open = |r: &Requirement| r.status == Status::Open && r.offer().is_some();
            page.of(contract.requirement_views(open))
        }
        ["drafts"] => {
            let open = |r: &Requirement| r.status == Status::Open && r.draft().is_some();
            page.of(contract.requirement_views(open))
        }
        ["claim", id] => json(&contract.claim_view(&id.parse().ok()?)?),
        ["claims"] => {
            let all = contract.claims.iter();
            page.of(all.filter_map(|(id, _)| contract.claim_view(id)))
        }
        ["claims", name] => page.of(contract.claims_under(name.parse().ok()?)),
        ["disputes"] => page.of(contract.disputes()),
        ["proxy", account] => json(&contract.proxy_view(&account.parse().ok()?)?),
        ["proxies"] => {
            let all = contract.proxies.iter();
            page.of(all.filter_map(|(id, _)| contract.proxy_view(id)))
        }
        ["convene", "ceremonies"] => page.of(contract.ceremony_views()),
        ["convene", "ceremony", name] => json(&contract.ceremony_view(&name.parse().ok()?)?),
        ["convene", "identity"] => {
            let name = contract.convene().identity_ceremony()?;
            json(&contract.ceremony_view(&name)?)
        }
        ["convene", "elections"] => page.of(contract.election_views()),
        ["convene", "election", number] => json(&contract.election_view(number.parse().ok()?)?),
        ["convene", "names"] => page.of(contract.name_views()),
        ["convene", "name", number] => json(&contract.name_view(number.parse().ok()?)?),
        ["convene", "hospitals"] => page.of(contract.hospital_views()),
        ["convene", "beacon"] => json(&contract.beacon_view()),
        ["convene", "offices"] => json(&contract.offices_view()),
        ["arbiters"] => json(&contract.arbiter_views()),
        ["events"] => {
            let all = contract.events.iter();
            page.of(all.map(|(place, logged)| event_view(*place, logged)))
        }
        ["care", path @ ..] => care::view::answer(contract, path, page),
        ["events", kind, name] => page.of(contract.events_about(subject(kind, name)?)),
        _ => None,
    }
}

fn subject(kind: &str, name: &str) -> Option<Subject> {
    Some(match kind {
        "record" => Subject::Record(name.parse().ok()?),
        "requirement" => Subject::Requirement(name.parse().ok()?),
        "claim" => Subject::Claim(name.parse().ok()?),
        "party" => Subject::Party(name.parse().ok()?),
        "encounter" => Subject::Encounter(name.parse().ok()?),
        "ask" => Subject::Ask(name.parse().ok()?),
        "ceremony" => Subject::Ceremony(name.parse().ok()?),
        "round" => Subject::Round(name.parse().ok()?),
        _ => return None,
    })
}

fn event_view(place: Place, logged: &Logged) -> EventView {
    EventView {
        height: place.height.get(),
        number: place.number,
        time_ms: logged.time_ms,
        transaction: logged.transaction,
        event: logged.event.clone(),
    }
}

impl Contract {
    fn now(&self) -> Moment {
        Moment {
            height: self.height,
            time_ms: self.time_ms,
        }
    }

    /// Where the marketplace is.
    #[must_use]
    pub fn status_view(&self) -> StatusView {
        StatusView {
            chain: self.chain.to_string(),
            contract: CONTRACT,
            height: self.height.get(),
            time_ms: self.time_ms,
            today: self.now().today().unwrap_or_default(),
            beacon_round: self.beacon_round,
            awaited_round: self.awaited_round(),
            registrar: self.registrar,
            credits: self.supply,
            forfeited: self.forfeited,
            records: self.records.len(),
            requirements: self.requirements.len(),
            claims: self.claims.len(),
            stopped: None,
            parameters: self.parameters.clone(),
        }
    }

    /// An account, used or not.
    #[must_use]
    pub fn account_view(&self, account: &AccountId) -> AccountView {
        AccountView {
            account: *account,
            credits: self.balance(account),
            counter: self.counters.get(account).copied().unwrap_or_default(),
            party: self.parties.get(account).map(party_view),
        }
    }

    /// A registered record.
    #[must_use]
    pub fn record_view(&self, name: &RecordName) -> Option<RecordView> {
        let Record {
            entry,
            lineage,
            height,
            withdrawn,
            ..
        } = self.records.get(name)?;
        let all = (*lineage, ClaimId::new([0; 32]))..=(*lineage, ClaimId::new([0xff; 32]));
        let licences = self.licences.range(all);
        Some(RecordView {
            record: *name,
            lineage: *lineage,
            capsule: hex::encode(entry.capsule),
            ciphertext: hex::encode(entry.ciphertext),
            uri: entry.uri.as_str().to_owned(),
            hospital: entry.hospital,
            encounter: hex::encode(entry.encounter),
            supersedes: entry.supersedes,
            team: entry.team.map(hex::encode),
            height: height.get(),
            withdrawn: *withdrawn,
            licences: licences
                .map(|((_, claim), l)| licence_view(*claim, l))
                .collect(),
        })
    }

    fn requirement_views(
        &self,
        wanted: impl Fn(&Requirement) -> bool,
    ) -> impl Iterator<Item = RequirementView> {
        self.requirements
            .iter()
            .filter(move |(_, requirement)| wanted(requirement))
            .filter_map(|(name, _)| self.requirement_view(name))
    }

    /// A published requirement.
    #[must_use]
    pub fn requirement_view(&self, name: &RequirementName) -> Option<RequirementView> {
        let requirement = self.requirements.get(name)?;
        let question = requirement.question();
        let party = self.parties.get(&requirement.institution);
        let document = String::from_utf8(question.document.as_slice().to_vec());
        Some(RequirementView {
            requirement: *name,
            kind: if requirement.offer().is_some() {
                "sale"
            } else {
                "count"
            },
            institution: requirement.institution,
            institution_name: party
                .map(|party| party.certificate.name.as_str().to_owned())
                .unwrap_or_default(),
            status: match requirement.status {
                Status::Open => "open",
                Status::Withdrawn => "withdrawn",
                Status::Complete => "complete",
                Status::Past => "past",
            },
            nonce: hex::encode(question.nonce),
            schema: hex::encode(question.schema),
            program: hex::encode(question.program),
            document: document.ok(),
            issuers: question
                .issuers
                .as_slice()
                .iter()
                .map(hex::encode)
                .collect(),
            issuers_root: hex::encode(requirement.issuers_root),
            keywords: question
                .keywords
                .as_slice()
                .iter()
                .map(|word| word.as_str().to_owned())
                .collect(),
            wanted: question.wanted,
            left: requirement.left,
            deadline: question.deadline,
            verifying_key: hex::encode(question.verifying_key.as_slice()),
            reward: match (requirement.offer(), requirement.draft()) {
                (Some(offer), _) => offer.reward,
                (_, Some(draft)) => draft.fee,
                _ => Credits::ZERO,
            },
            escrow: requirement.escrow,
            height: requirement.height.get(),
            counted: requirement.counted,
            sale: sale_view(requirement),
        })
    }

    fn claims_under(&self, name: RequirementName) -> impl Iterator<Item = ClaimView> {
        let all = (name, ClaimId::new([0; 32]))..=(name, ClaimId::new([0xff; 32]));
        let claims = self.index.claims.range(all);
        claims.filter_map(|(_, id)| self.claim_view(id))
    }

    /// Claims whose content arbiters are to judge, those that are decided first first.
    fn disputes(&self) -> impl Iterator<Item = ClaimView> {
        let due = self.index.due.iter();
        let disputed = due.filter(|(_, id)| {
            let claim = self.claims.get(id);
            claim.is_some_and(|claim| claim.stage == Stage::Disputed)
        });
        disputed.filter_map(|(_, id)| self.claim_view(id))
    }

    /// A claim, accepted or lately rejected.
    #[must_use]
    pub fn claim_view(&self, id: &ClaimId) -> Option<ClaimView> {
        if let Some(claim) = self.claims.get(id) {
            return Some(ClaimView {
                claim: *id,
                status: claim.stage.name(),
                reason: None,
                accepted: Some(self.accepted_view(claim)),
            });
        }
        let height = self.index.rejected.get(id)?;
        let reason = Rejection::from_code(*self.rejected.get(&(*height, *id))?)?;
        Some(ClaimView::rejected(*id, reason))
    }

    fn accepted_view(&self, claim: &Claim) -> AcceptedView {
        let terms = &claim.terms;
        let request = &terms.request;
        let requirement = self.requirements.get(&request.requirement);
        let offer = requirement.and_then(|requirement| requirement.offer());
        let today = request.inputs.get(156..160).and_then(|b| b.try_into().ok());
        let grant = claim.grant(self).map(|grant| grant.id().to_string());
        AcceptedView {
            requirement: request.requirement,
            record: request.record,
            account: terms.account,
            institution: terms.institution,
            hospital: terms.hospital,
            grant_id: grant.unwrap_or_default(),
            grant: hex::encode(request.grant.as_slice()),
            inputs: hex::encode(request.inputs),
            proof: hex::encode(request.proof),
            today: today.map(u32::from_be_bytes).unwrap_or_default(),
            reserve: claim.reserve,
            height: terms.height.get(),
            due_ms: claim.is_open().then_some(claim.due_ms),
            revoked: claim.revoked.map(|height| height.get()),
            shares: claim
                .shares
                .iter()
                .map(|(place, share)| (*place, hex::encode(share.as_slice())))
                .collect(),
            threshold: offer.map(|offer| offer.threshold).unwrap_or_default(),
            dispute: claim.contest.as_ref().map(|contest| DisputeView {
                deposit: contest.deposit,
                letters: contest
                    .letters
                    .as_slice()
                    .iter()
                    .map(|letter| (letter.arbiter.get(), hex::encode(letter.letter.as_slice())))
                    .collect(),
                verdicts: contest
                    .verdicts
                    .iter()
                    .map(|(arbiter, finding): (&AccountId, &Finding)| (*arbiter, *finding))
                    .collect(),
            }),
        }
    }

    /// The proxies drawn for a requirement, in order: account and key; none before the draw.
    #[must_use]
    pub fn drawn(&self, name: &RequirementName) -> Option<Vec<(AccountId, [u8; 48])>> {
        let drawn = self.requirements.get(name)?.drawn()?.iter();
        Some(drawn.map(|proxy| (proxy.account, proxy.key)).collect())
    }

    /// A proxy.
    #[must_use]
    pub fn proxy_view(&self, account: &AccountId) -> Option<ProxyView> {
        let Proxy {
            key,
            organisation,
            stake,
            jailed,
            duties,
            false_shares,
            silences,
        } = self.proxies.get(account)?;
        let party = self.parties.get(account);
        Some(ProxyView {
            account: *account,
            name: party
                .map(|party| party.certificate.name.as_str().to_owned())
                .unwrap_or_default(),
            organisation: organisation.as_str().to_owned(),
            key: hex::encode(key),
            stake: *stake,
            jailed: *jailed,
            duties: *duties,
            false_shares: *false_shares,
            silences: *silences,
        })
    }

    fn arbiter_views(&self) -> Vec<ArbiterView> {
        let arbiters = self.arbiters.as_slice().iter();
        arbiters
            .map(|arbiter| ArbiterView {
                replica: arbiter.replica.get(),
                account: arbiter.account,
                letters: hex::encode(arbiter.letters),
                voting: self.next.roster.voter(arbiter.replica).is_some(),
            })
            .collect()
    }

    /// Events about any of these, each once, oldest first.
    pub(crate) fn events_about_any(&self, subjects: &[Subject]) -> impl Iterator<Item = EventView> {
        let first = Place {
            height: eligo_ledger::height::Height::default(),
            number: 0,
        };
        let last = Place {
            height: eligo_ledger::height::Height::new(u64::MAX),
            number: u32::MAX,
        };
        let events = &self.index.events;
        let of = |subject: &Subject| events.range((*subject, first)..=(*subject, last));
        let places: BTreeSet<Place> = subjects.iter().flat_map(of).map(|(_, at)| *at).collect();
        places
            .into_iter()
            .filter_map(|place| Some(event_view(place, self.events.get(&place)?)))
    }

    fn events_about(&self, subject: Subject) -> impl Iterator<Item = EventView> {
        let first = Place {
            height: eligo_ledger::height::Height::default(),
            number: 0,
        };
        let last = Place {
            height: eligo_ledger::height::Height::new(u64::MAX),
            number: u32::MAX,
        };
        let places = self.index.events.range((subject, first)..=(subject, last));
        places.filter_map(|(_, place)| Some(event_view(*place, self.events.get(place)?)))
    }
}

fn party_view(party: &Party) -> PartyView {
    let certificate = &party.certificate;
    let (mut level, mut issuer_key, mut organisation) = (None, None, None);
    match &certificate.role {
        Role::Hospital {
            level: l,
            issuer_key: key,
        } => (level, issuer_key) = (Some(*l), Some(hex::encode(key))),
        Role::Proxy { organisation: o } => organisation = Some(o.as_str().to_owned()),
        Role::Doctor | Role::Institution | Role::Replica => {}
    }
    PartyView {
        name: certificate.name.as_str().to_owned(),
        role: certificate.role.name(),
        level,
        issuer_key,
        organisation,
        serial: certificate.serial,
        admitted: party.admitted,
        bond: party.bond,
        open_claims: party.open_claims,
    }
}

fn licence_view(claim: ClaimId, licence: &Licensed) -> LicenceView {
    LicenceView {
        claim,
        exclusive: licence.exclusive,
        until: licence.until,
        running: licence.running,
    }
}

fn sale_view(requirement: &Requirement) -> Option<SaleView> {
    let offer = requirement.offer()?;
    let draw_round = match &requirement.service {
        Service::Pending { round, .. } | Service::Drawn { round, .. } => *round,
    };
    let drawn = requirement.drawn().map(|proxies| {
        let proxies = proxies.iter();
        proxies
            .map(|proxy| DrawnView {
                account: proxy.account,
                key: hex::encode(proxy.key),
            })
            .collect()
    });
    Some(SaleView {
        receiving_key: hex::encode(offer.receiving_key),
        threshold: offer.threshold,
        proxies: offer.proxies,
        proxy_fee: offer.proxy_fee,
        exclusive: offer.licence.exclusive,
        until: offer.licence.until,
        duo: offer.licence.duo.as_slice().to_vec(),
        text: offer.licence.text.map(hex::encode),
        drawn,
        draw_round,
    })
}
