//! The chain's word on who was drawn, for whoever is about to grant.
//!
//! A grant can be used outside the ledger by the proxies it names, so that the contract refuses one for others
//! comes too late. The contract draws by itself at the end of a block, which only a node tells of. What it
//! accepted as [`Act::WitnessDraw`] is shown by a transaction's result, to which the chain commits.

use eligo_sharing::tcpre::ProxyRoster;

use super::{AskTrail, all_proved, nobody, nonsense};
use crate::agent::{Account, AgentError};
use crate::client::seen::SeenProxy;
use crate::client::{Client, Desk, Standing, Step};
use crate::convene::act::{Act, DrawnProxy, MAX_DRAWN};
use crate::convene::event::Convened;
use crate::encoding::List;
use crate::event::{Event, Subject};
use crate::name::RequirementName;
use crate::rejection::Rejection;
use crate::transaction::{Body, SignedTransaction};

type Drawn = List<DrawnProxy, MAX_DRAWN>;

/// Whether a step is the contract's word on a draw: nothing that an ask's trail rests on, and anyone may add more.
pub(super) const fn is_witness(step: &Step) -> bool {
    matches!(step.event, Event::Convened(Convened::DrawWitnessed { .. }))
}

/// Whether a transaction that the contract accepted says that exactly these were drawn.
fn check<D: Desk>(
    client: &Client<D>,
    step: Step,
    service: &RequirementName,
    drawn: &Drawn,
) -> Result<(), AgentError> {
    let shown = all_proved(client, vec![step])?;
    let shown = shown.iter().find(|step| step.standing == Standing::Proved);
    let signed = shown.and_then(|step| step.signed.as_ref());
    match signed.map(SignedTransaction::body) {
        Some(Body::Convene(Act::WitnessDraw {
            service: of,
            proxies,
        })) if of == service && proxies == drawn => Ok(()),
        _ => Err(nonsense("who was drawn")),
    }
}

/// Asks the contract whether these were drawn, from an account that is thrown away.
fn ask_contract<D: Desk>(
    client: &Client<D>,
    service: RequirementName,
    drawn: &Drawn,
) -> Result<Step, AgentError> {
    let sent = Account::new(client, &nobody()).send(Body::Convene(Act::WitnessDraw {
        service,
        proxies: drawn.clone(),
    }))?;
    let (height, index) = (sent.height, sent.index);
    let said = sent.accepted()?.into_iter();
    let mut said = said.filter(|event| {
        matches!(event, Event::Convened(Convened::DrawWitnessed { service: of, .. }) if *of == service)
    });
    Ok(Step {
        event: said.next().ok_or(nonsense("who was drawn"))?,
        height,
        number: 0,
        time_ms: 0,
        transaction: Some(index),
    })
}

/// Makes sure that exactly these proxies were drawn for a requirement, or for an ask by the name it has in grants,
/// with these keys and in this order: by what the contract said before, or else by asking it. Nothing may be
/// granted before.
///
/// # Errors
/// [`AgentError::Nonsense`] if others were drawn, [`AgentError::Unproved`] if the node does not show the block
/// that commits to the contract's answer.
pub fn witnessed<D: Desk>(
    client: &Client<D>,
    service: RequirementName,
    drawn: Vec<DrawnProxy>,
) -> Result<(), AgentError> {
    let drawn = List::new(drawn).map_err(|_| nonsense("who was drawn"))?;
    let told = client.history(&Subject::Requirement(service))?;
    // A draw is made once, so one is as good as the next.
    let step = match told.into_iter().find(is_witness) {
        Some(step) => step,
        None => match ask_contract(client, service, &drawn) {
            Err(AgentError::Refused(Rejection::OtherDraw)) => {
                return Err(nonsense("who was drawn"));
            }
            asked => asked?,
        },
    };
    check(client, step, &service, &drawn)
}

/// Makes sure that exactly the proxies that a node names were drawn for a requirement, and that they are named with
/// the keys they stood with.
///
/// # Errors
/// As [`witnessed`].
pub fn witnessed_offer<D: Desk>(
    client: &Client<D>,
    requirement: RequirementName,
    named: &[SeenProxy],
) -> Result<(), AgentError> {
    client.check_drawn(&requirement, named)?;
    let drawn = named.iter().map(|proxy| {
        let mut key = [0; 48];
        hex::decode_to_slice(&proxy.key, &mut key).map_err(|_| nonsense("a proxy's key"))?;
        let account = proxy.account;
        Ok(DrawnProxy { account, key })
    });
    let drawn = drawn.collect::<Result<Vec<_>, AgentError>>()?;
    witnessed(client, requirement, drawn)
}

impl AskTrail {
    /// The proxies that a grant in answer to the ask names: the [roster](AskTrail::roster), once the chain shows
    /// that exactly these were drawn; none before the draw.
    ///
    /// # Errors
    /// As [`AskTrail::roster`] and [`witnessed`].
    pub fn witnessed_roster<D: Desk>(
        &self,
        client: &Client<D>,
    ) -> Result<Option<ProxyRoster>, AgentError> {
        let (Some(roster), Some(accounts)) = (self.roster(client)?, self.drawn()) else {
            return Ok(None);
        };
        let keys = roster.iter().map(|(_, key)| key.to_bytes());
        let drawn = accounts.iter().zip(keys).map(|(account, key)| DrawnProxy {
            account: *account,
            key,
        });
        let service = RequirementName::new(*self.ask.as_bytes());
        witnessed(client, service, drawn.collect())?;
        Ok(Some(roster))
    }
}
