//! The contract's word on who serves a requirement or an ask.
//!
//! A draw is made at the end of a block, so no transaction's result shows it, and who grants would have only a
//! node's word for it. So anyone may say who was drawn; that the contract accepted it shows that it is so. It
//! changes nothing.

use crate::contract::Contract;
use crate::convene::event::Convened;
use crate::event::Event;
use crate::name::{AskId, RequirementName};
use crate::proxy::{DrawnProxy, Service};
use crate::rejection::Rejection;

/// Who serves a requirement, or an ask by the name it has in grants.
fn service_of<'a>(
    contract: &'a Contract,
    name: &RequirementName,
) -> Result<&'a Service, Rejection> {
    if let Some(requirement) = contract.requirements.get(name) {
        return Ok(&requirement.service);
    }
    let ask = AskId::new(*name.as_bytes());
    let asked = contract.care.service(&ask);
    asked.ok_or(Rejection::UnknownRequirement)
}

/// Whether exactly these were drawn, with these keys, in this order.
pub(crate) fn check(
    contract: &Contract,
    service: &RequirementName,
    proxies: &[DrawnProxy],
) -> Result<(), Rejection> {
    let drawn = service_of(contract, service)?.drawn();
    match drawn.ok_or(Rejection::DrawPending)? == proxies {
        true => Ok(()),
        false => Err(Rejection::OtherDraw),
    }
}

/// What is told of it.
pub(crate) fn event(service: RequirementName, proxies: &[DrawnProxy]) -> Event {
    Event::Convened(Convened::DrawWitnessed {
        service,
        proxies: u16::try_from(proxies.len()).unwrap_or(u16::MAX),
    })
}
