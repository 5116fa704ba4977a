//! Parties and their money: certificates, transfers, hospitals' bonds.

use crate::certificate::{Certificate, Role, SignedCertificate};
use crate::contract::Contract;
use crate::credits::Credits;
use crate::encoding::wire_struct;
use crate::event::Event;
use crate::issuer::IssuerKey;
use crate::name::AccountId;
use crate::rejection::Rejection;

wire_struct! {
    /// A party.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Party {
        pub(crate) certificate: Certificate,
        pub(crate) admitted: bool,
        pub(crate) bond: Credits,
        /// Claims on a hospital's records that are not finished.
        pub(crate) open_claims: u32,
    }
}

impl Party {
    /// A hospital's issuer key.
    pub(crate) fn issuer_key(&self) -> Option<&[u8; 32]> {
        match &self.certificate.role {
            Role::Hospital { issuer_key, .. } => Some(issuer_key),
            _ => None,
        }
    }
}

/// Whether a certificate may take effect: a party's role never changes, its name and issuer key are its
/// own alone.
pub(crate) fn check_certificate(
    contract: &Contract,
    certificate: &Certificate,
) -> Result<(), Rejection> {
    let subject = &certificate.subject;
    if certificate.name.as_str().trim().is_empty() {
        return Err(Rejection::PartyName);
    }
    if let Some(party) = contract.parties.get(subject) {
        let old = &party.certificate;
        if certificate.serial <= old.serial {
            return Err(Rejection::CertificateStale);
        }
        let key_kept = match (&old.role, &certificate.role) {
            (Role::Hospital { issuer_key: a, .. }, Role::Hospital { issuer_key: b, .. }) => a == b,
            (old, new) => old == new,
        };
        if !key_kept {
            return Err(Rejection::RoleFixed);
        }
    }
    let owner = contract.index.names.get(certificate.name.as_str());
    if owner.is_some_and(|owner| owner != subject) {
        return Err(Rejection::NameTaken);
    }
    if let Role::Hospital { issuer_key, .. } = &certificate.role {
        IssuerKey::from_bytes(issuer_key)?;
        let owner = contract.index.issuer_keys.get(issuer_key);
        if owner.is_some_and(|owner| owner != subject) {
            return Err(Rejection::IssuerKeyTaken);
        }
    }
    Ok(())
}

/// Anyone may hand in a certificate; that of a dismissed party only the registrar, or a renewal signed before
/// the dismissal and kept back would undo it.
pub(crate) fn check_certify(
    contract: &Contract,
    sender: &AccountId,
    signed: &SignedCertificate,
) -> Result<(), Rejection> {
    signed.verify(&contract.chain, &contract.registrar)?;
    let known = contract.parties.get(&signed.certificate.subject);
    if known.is_some_and(|party| {
        !party.admitted && signed.certificate.serial > party.certificate.serial
    }) {
        contract.require_registrar(sender)?;
    }
    check_certificate(contract, &signed.certificate)
}

pub(crate) fn write_certify(
    contract: &mut Contract,
    certificate: &Certificate,
    events: &mut Vec<Event>,
) {
    let subject = certificate.subject;
    let (mut bond, mut open_claims) = (Credits::ZERO, 0);
    if let Some(old) = contract.parties.get(&subject) {
        (bond, open_claims) = (old.bond, old.open_claims);
        contract.index.names.remove(old.certificate.name.as_str());
    }
    let party = Party {
        certificate: certificate.clone(),
        admitted: true,
        bond,
        open_claims,
    };
    contract.index.add_party(&subject, &party);
    contract.parties.insert(subject, party);
    let level = match certificate.role {
        Role::Hospital { level, .. } => Some(level),
        _ => None,
    };
    events.push(Event::PartyCertified {
        party: subject,
        level,
    });
}

pub(crate) fn check_dismiss(
    contract: &Contract,
    sender: &AccountId,
    party: &AccountId,
) -> Result<(), Rejection> {
    contract.require_registrar(sender)?;
    let party = contract.parties.get(party).ok_or(Rejection::UnknownParty)?;
    if party.admitted {
        Ok(())
    } else {
        Err(Rejection::UnknownParty)
    }
}

pub(crate) fn write_dismiss(contract: &mut Contract, subject: AccountId, events: &mut Vec<Event>) {
    if let Some(party) = contract.parties.get_mut(&subject) {
        party.admitted = false;
        events.push(Event::PartyDismissed { party: subject });
    }
}

pub(crate) fn check_transfer(
    contract: &Contract,
    sender: &AccountId,
    amount: Credits,
) -> Result<(), Rejection> {
    if amount.is_zero() {
        return Err(Rejection::NoAmount);
    }
    contract.require_funds(sender, amount)
}

pub(crate) fn write_transfer(
    contract: &mut Contract,
    from: AccountId,
    to: AccountId,
    amount: Credits,
    events: &mut Vec<Event>,
) {
    let moved = contract.debit(&from, amount);
    contract.credit(to, moved);
    events.push(Event::Transferred {
        from,
        to,
        amount: moved,
    });
}

pub(crate) fn check_deposit_bond(
    contract: &Contract,
    sender: &AccountId,
    amount: Credits,
) -> Result<(), Rejection> {
    let party = contract.admitted(sender)?;
    party.issuer_key().ok_or(Rejection::NotPermitted)?;
    check_transfer(contract, sender, amount)
}

pub(crate) fn write_deposit_bond(
    contract: &mut Contract,
    hospital: AccountId,
    amount: Credits,
    events: &mut Vec<Event>,
) {
    let moved = contract.debit(&hospital, amount);
    if let Some(party) = contract.parties.get_mut(&hospital) {
        party.bond.put(moved);
        let bond = party.bond;
        events.push(Event::BondChanged { hospital, bond });
    }
}

pub(crate) fn check_withdraw_bond(
    contract: &Contract,
    sender: &AccountId,
    amount: Credits,
) -> Result<(), Rejection> {
    let party = contract
        .parties
        .get(sender)
        .ok_or(Rejection::NotPermitted)?;
    if amount.is_zero() {
        return Err(Rejection::NoAmount);
    }
    if party.open_claims > 0 {
        return Err(Rejection::BondCommitted);
    }
    party.bond.minus(amount).map(|_| ())
}

pub(crate) fn write_withdraw_bond(
    contract: &mut Contract,
    hospital: AccountId,
    amount: Credits,
    events: &mut Vec<Event>,
) {
    let Some(party) = contract.parties.get_mut(&hospital) else {
        return;
    };
    let moved = party.bond.take_up_to(amount);
    let bond = party.bond;
    contract.credit(hospital, moved);
    events.push(Event::BondChanged { hospital, bond });
}
