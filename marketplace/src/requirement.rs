//! Published requirements: what is wanted, the escrow behind it, and who will deliver it.

use eligo_ledger::height::Height;
use eligo_sharing::keys::{ReceivingKeyProof, ReceivingPublicKey};
use eligo_verifier_contract::{Day, IssuersRoot, Requirement as RequirementDigest, VerifyingKey};

use crate::certificate::{Certificate, Role};
use crate::contract::{Contract, Moment};
use crate::credits::Credits;
use crate::encoding::{List, wire_enum, wire_struct};
use crate::event::Event;
use crate::name::{AccountId, RequirementName};
use crate::offer::{Draft, Offer, Question};
use crate::proxy::{self, DrawnProxy, Service};
use crate::rejection::Rejection;

wire_enum! {
    /// What was published.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[allow(clippy::large_enum_variant)]
    pub(crate) enum Published("published") {
        1 => Sale(Offer),
        2 => Count(Draft),
    }
}

wire_enum! {
    /// Whether claims are taken.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Status("status") {
        1 => Open,
        2 => Withdrawn,
        3 => Complete,
        4 => Past,
    }
}

wire_struct! {
    /// A published requirement.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Requirement {
        pub(crate) institution: AccountId,
        pub(crate) published: Published,
        pub(crate) issuers_root: [u8; 32],
        pub(crate) status: Status,
        /// Locked and not reserved: exactly what the records still wanted cost.
        pub(crate) escrow: Credits,
        pub(crate) left: u32,
        pub(crate) counted: u32,
        pub(crate) open_claims: u32,
        pub(crate) height: Height,
        /// Its number among all requirements: the epoch of its draw.
        pub(crate) serial: u64,
        pub(crate) service: Service,
    }
}

impl Requirement {
    pub(crate) fn question(&self) -> &Question {
        match &self.published {
            Published::Sale(offer) => &offer.question,
            Published::Count(draft) => &draft.question,
        }
    }

    pub(crate) fn offer(&self) -> Option<&Offer> {
        match &self.published {
            Published::Sale(offer) => Some(offer),
            Published::Count(_) => None,
        }
    }

    pub(crate) fn draft(&self) -> Option<&Draft> {
        match &self.published {
            Published::Sale(_) => None,
            Published::Count(draft) => Some(draft),
        }
    }

    /// The proxies in order, once they are drawn.
    pub(crate) fn drawn(&self) -> Option<&[DrawnProxy]> {
        self.service.drawn()
    }

    /// Whether nothing more happens under it.
    pub(crate) fn is_over(&self) -> bool {
        self.status != Status::Open && self.open_claims == 0
    }
}

/// What a published requirement's stateless checks gave.
#[derive(Clone, Debug)]
pub(crate) struct AdmittedQuestion {
    key: VerifyingKey,
    root: IssuersRoot,
}

/// The parts of a question that need no state: the verifying key is linted, the issuers make a tree.
pub(crate) fn admit_question(question: &Question) -> Result<AdmittedQuestion, Rejection> {
    if question.wanted == 0 {
        return Err(Rejection::NothingWanted);
    }
    let root = question.issuers_root()?;
    let key = VerifyingKey::from_bytes(question.verifying_key.as_slice())
        .map_err(|_| Rejection::UnsafeKey)?;
    if !key.fits_statement() {
        return Err(Rejection::KeyNotStatement);
    }
    Ok(AdmittedQuestion { key, root })
}

/// As [`admit_question`], and the receiving key's possession (two pairings).
pub(crate) fn admit_offer(offer: &Offer) -> Result<AdmittedQuestion, Rejection> {
    let f = offer.threshold.saturating_sub(1);
    if f == 0 || u32::from(offer.proxies) != 2 * u32::from(f) + 1 {
        return Err(Rejection::ProxyPolicy);
    }
    let key = ReceivingPublicKey::from_bytes(&offer.receiving_key)
        .map_err(|_| Rejection::ReceivingKey)?;
    let possession = ReceivingKeyProof::from_bytes(&offer.possession)
        .map_err(|_| Rejection::ReceivingPossession)?;
    key.check_possession(&possession)
        .map_err(|_| Rejection::ReceivingPossession)?;
    offer.licence.digest()?;
    admit_question(&offer.question)
}

/// Everything to be written for a requirement.
#[derive(Debug)]
pub(crate) struct Publication {
    name: RequirementName,
    requirement: Requirement,
    key: VerifyingKey,
}

fn check_question<'a>(
    contract: &'a Contract,
    sender: &AccountId,
    question: &Question,
    now: &Moment,
) -> Result<&'a Certificate, Rejection> {
    let party = contract.admitted(sender)?;
    if party.certificate.role != Role::Institution {
        return Err(Rejection::NotPermitted);
    }
    if Day::from_number(question.deadline).is_err() || question.deadline < now.today()? {
        return Err(Rejection::DeadlinePassed);
    }
    for issuer in question.issuers.as_slice() {
        let account = contract.index.issuer_keys.get(issuer);
        let party = account.and_then(|account| contract.parties.get(account));
        if !party.is_some_and(|party| party.admitted) {
            return Err(Rejection::IssuerNotAdmitted);
        }
    }
    Ok(&party.certificate)
}

fn publication(
    contract: &Contract,
    sender: &AccountId,
    name: RequirementName,
    published: Published,
    admitted: &AdmittedQuestion,
    (price, service): (Credits, Service),
) -> Result<Publication, Rejection> {
    if contract.requirements.contains(&name) {
        return Err(Rejection::RequirementTwice);
    }
    let wanted = match &published {
        Published::Sale(offer) => offer.question.wanted,
        Published::Count(draft) => draft.question.wanted,
    };
    let escrow = price.times(u64::from(wanted))?;
    contract.require_funds(sender, escrow)?;
    let requirement = Requirement {
        institution: *sender,
        published,
        issuers_root: admitted.root.to_bytes(),
        status: Status::Open,
        escrow,
        left: wanted,
        counted: 0,
        open_claims: 0,
        height: contract.height,
        serial: contract.requirements.len() as u64,
        service,
    };
    let key = admitted.key.clone();
    Ok(Publication {
        name,
        requirement,
        key,
    })
}

pub(crate) fn check_publish(
    contract: &Contract,
    sender: &AccountId,
    offer: &Offer,
    admitted: &AdmittedQuestion,
    now: &Moment,
) -> Result<Publication, Rejection> {
    let certificate = check_question(contract, sender, &offer.question, now)?;
    let parameters = &contract.parameters;
    if offer.threshold < parameters.least_threshold || offer.proxies > parameters.most_proxies {
        return Err(Rejection::ProxyPolicy);
    }
    if offer
        .licence
        .until
        .is_some_and(|until| until < offer.question.deadline)
    {
        return Err(Rejection::LicenceTerms);
    }
    let name = offer.requirement(&contract.chain, certificate.name.as_str())?;
    let service = proxy::snapshot(contract, offer.proxies)?;
    let published = Published::Sale(offer.clone());
    let paid = (offer.price()?, service);
    publication(contract, sender, name, published, admitted, paid)
}

pub(crate) fn check_draft(
    contract: &Contract,
    sender: &AccountId,
    draft: &Draft,
    admitted: &AdmittedQuestion,
    now: &Moment,
) -> Result<Publication, Rejection> {
    let certificate = check_question(contract, sender, &draft.question, now)?;
    let name = draft.requirement(&contract.chain, certificate.name.as_str())?;
    let service = Service::Drawn {
        round: 0,
        proxies: List::default(),
    };
    let published = Published::Count(draft.clone());
    publication(
        contract,
        sender,
        name,
        published,
        admitted,
        (draft.fee, service),
    )
}

pub(crate) fn write_publish(
    contract: &mut Contract,
    publication: Publication,
    events: &mut Vec<Event>,
) {
    let Publication {
        name,
        mut requirement,
        key,
    } = publication;
    let institution = requirement.institution;
    requirement.escrow = contract.debit(&institution, requirement.escrow);
    let escrow = requirement.escrow;
    if let Ok(digest) = RequirementDigest::from_bytes(name.as_bytes()) {
        // A new name and a fitting key: nothing is refused.
        let registered = contract.registry.register(digest, &key);
        debug_assert!(registered.is_ok());
    }
    proxy::engage(contract, &requirement.service);
    contract.index.add_requirement(&name, &requirement);
    contract.requirements.insert(name, requirement);
    events.push(Event::RequirementPublished {
        requirement: name,
        institution,
        escrow,
    });
}

pub(crate) fn check_withdraw(
    contract: &Contract,
    sender: &AccountId,
    name: &RequirementName,
) -> Result<(), Rejection> {
    let requirement = contract
        .requirements
        .get(name)
        .ok_or(Rejection::UnknownRequirement)?;
    if requirement.institution != *sender {
        return Err(Rejection::NotOwner);
    }
    if requirement.status != Status::Open {
        return Err(Rejection::RequirementClosed);
    }
    Ok(())
}

/// Takes no more claims; what is not reserved goes back.
pub(crate) fn close(
    contract: &mut Contract,
    name: RequirementName,
    status: Status,
    events: &mut Vec<Event>,
) {
    let Some(requirement) = contract.requirements.get_mut(&name) else {
        return;
    };
    requirement.status = status;
    requirement.left = 0;
    let returned = requirement.escrow.take_all();
    let institution = requirement.institution;
    let deadline = requirement.question().deadline;
    contract.index.deadlines.remove(&(deadline, name));
    contract.credit(institution, returned);
    events.push(Event::RequirementClosed {
        requirement: name,
        institution,
        returned,
    });
    release_if_over(contract, &name);
}

/// Lets the proxies go when nothing more happens under a requirement.
pub(crate) fn release_if_over(contract: &mut Contract, name: &RequirementName) {
    let Some(requirement) = contract.requirements.get(name) else {
        return;
    };
    if !requirement.is_over() {
        return;
    }
    let service = requirement.service.clone();
    if let Service::Pending { round, .. } = &service {
        contract.index.draws.remove(&(*round, *name));
    }
    proxy::release(contract, &service);
}

/// A claim under the requirement is over.
pub(crate) fn finish_claim(contract: &mut Contract, name: &RequirementName) {
    if let Some(requirement) = contract.requirements.get_mut(name) {
        requirement.open_claims = requirement.open_claims.saturating_sub(1);
    }
    release_if_over(contract, name);
}

/// Closes every requirement whose deadline is past.
pub(crate) fn close_past(contract: &mut Contract, today: u32, events: &mut Vec<Event>) {
    let past: Vec<RequirementName> = contract
        .index
        .deadlines
        .iter()
        .take_while(|(deadline, _)| *deadline < today)
        .map(|(_, name)| *name)
        .collect();
    for name in past {
        close(contract, name, Status::Past, events);
    }
}
