//! The registrar admits parties and hands out credits.

use ed25519_dalek::SigningKey;
use eligo_marketplace::{
    agent::Account,
    certificate::{Certificate, Role},
    client::{Client, Desk},
    credits::Credits,
    encoding::Text,
    name::{AccountId, ChainId},
    transaction::Body,
};

use crate::failure::{Attempt, Failure};

/// Certifies a party, unless it is certified so already, and gives it credits.
pub fn admit<D: Desk>(
    client: &Client<D>,
    registrar: &SigningKey,
    subject: AccountId,
    (name, role): (&str, Role),
    credits: u64,
) -> Attempt<()> {
    let known = client.account(&subject)?.and_then(|a| a.party);
    let account = Account::new(client, registrar);
    // A hospital of another level needs another certificate.
    let level = match &role {
        Role::Hospital { level, .. } => Some(*level),
        _ => None,
    };
    let current = known
        .as_ref()
        .is_some_and(|p| p.name == name && p.role == role.name() && p.level == level && p.admitted);
    if !current {
        let certificate = Certificate {
            subject,
            name: Text::new(name).map_err(Failure::usage)?,
            role,
            serial: known.map_or(1, |p| p.serial + 1),
        };
        let chain = ChainId::from(client.chain());
        let signed = certificate.sign(&chain, registrar);
        account.send(Body::Certify(signed))?.accepted()?;
    }
    if credits > 0 {
        let amount = Credits::new(credits);
        let transfer = Body::Transfer {
            to: subject,
            amount,
        };
        account.send(transfer)?.accepted()?;
    }
    Ok(())
}
