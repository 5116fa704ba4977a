//! The beacon: its signers make the next round when a requirement, an ask or an election waits for one.

use eligo_sharing::beacon::{BeaconError, BeaconSigner, Round, combine};
use eligo_sharing::dkg::GroupKey;

use ed25519_dalek::SigningKey;

use super::{Account, Agent, AgentError, Deed};
use crate::client::{Client, Desk};
use crate::rejection::Rejection;
use crate::transaction::Body;

/// The signers of a beacon who are in one place.
#[derive(Debug)]
pub struct BeaconHands {
    key: GroupKey,
    signers: Vec<BeaconSigner>,
}

impl BeaconHands {
    /// Signers with shares of `key`.
    #[must_use]
    pub const fn new(key: GroupKey, signers: Vec<BeaconSigner>) -> Self {
        Self { key, signers }
    }

    /// A round's signature.
    ///
    /// # Errors
    /// [`BeaconError`] if there are too few signers here, or one is wrong.
    pub fn sign(&self, round: u64) -> Result<[u8; 48], BeaconError> {
        let round = Round::new(round);
        let partials = self.signers.iter().map(|s| s.sign(round).verify(&self.key));
        let partials = partials.collect::<Result<Vec<_>, _>>()?;
        let output = combine(&self.key, round, &partials)?;
        Ok(output.signature().to_bytes())
    }
}

/// Makes rounds while requirements, asks or elections wait for them.
#[derive(Debug)]
pub struct BeaconAgent<'a, D> {
    client: &'a Client<D>,
    hands: &'a BeaconHands,
    account: &'a SigningKey,
}

impl<'a, D: Desk> BeaconAgent<'a, D> {
    /// Hands rounds in from `account`.
    #[must_use]
    pub const fn new(
        client: &'a Client<D>,
        hands: &'a BeaconHands,
        account: &'a SigningKey,
    ) -> Self {
        Self {
            client,
            hands,
            account,
        }
    }
}

/// The last round that a requirement, an ask or an election waits for, as a node tells.
pub(super) fn last_wanted<D: Desk>(client: &Client<D>) -> Result<Option<u64>, AgentError> {
    let offers = client.offers()?;
    let waiting = offers.iter().filter_map(|o| o.sale.as_ref());
    let wanted = waiting.filter(|s| s.drawn.is_none()).map(|s| s.draw_round);
    let elections = client.elections()?;
    let called = elections.iter().filter(|e| e.elected.is_none());
    let asks = client.open_asks()?;
    let asked = asks.iter().filter(|a| a.drawn.is_none());
    let wanted = wanted.chain(called.filter_map(|e| e.round));
    let wanted = wanted.chain(asked.map(|a| a.draw_round));
    // An ask that is over is drawn for all the same, and is in no list.
    let awaited = client.market_status()?.awaited_round;
    Ok(wanted.chain(awaited).max())
}

impl<D: Desk> BeaconAgent<'_, D> {
    /// Whether the beacon's next round verifies by these signers' key: not once a ceremony made another.
    fn is_in_office(&self) -> Result<bool, AgentError> {
        let Some(ceremony) = self.client.beacon()?.and_then(|seen| seen.ceremony) else {
            return Ok(true);
        };
        let made = self.client.ceremony(&ceremony)?.and_then(|seen| seen.key);
        Ok(made == Some(hex::encode(self.hands.key.to_bytes())))
    }
}

impl<D: Desk> Agent for BeaconAgent<'_, D> {
    fn step(&mut self) -> Result<Vec<Deed>, AgentError> {
        let Some(last) = last_wanted(self.client)? else {
            return Ok(Vec::new());
        };
        if !self.is_in_office()? {
            return Ok(Vec::new());
        }
        let mut deeds = Vec::new();
        let reached = self.client.market_status()?.beacon_round;
        for round in reached.saturating_add(1)..=last {
            let signature = self.hands.sign(round);
            let signature = signature.map_err(|_| AgentError::Nonsense { what: "the beacon" })?;
            let account = Account::new(self.client, self.account);
            match account.send(Body::BeaconRound { round, signature }) {
                // Somebody else was faster, or another key came into force.
                Err(AgentError::Refused(Rejection::BeaconRound | Rejection::BeaconSignature)) => {
                    break;
                }
                Ok(sent)
                    if matches!(
                        sent.result,
                        Err(Rejection::BeaconRound | Rejection::BeaconSignature)
                    ) =>
                {
                    break;
                }
                sent => drop(sent?.accepted()?),
            }
            deeds.push(Deed::new(format!("round {round}"), "beacon round signed"));
        }
        Ok(deeds)
    }
}
