//! The proxies' roster, and who of it serves which requirement.
//!
//! When a requirement is published, roster and stakes are snapshotted; the proxies are drawn by the
//! beacon's second round after the last one known then, which nobody knew. Who is drawn, and in which
//! order, is final for the requirement: grants name exactly these.

use eligo_sharing::beacon::Randomness;
use eligo_sharing::draw::{Candidate, Electorate, Occasion, Office};
use eligo_sharing::keys::{ProxyKeyProof, ProxyPublicKey};

use crate::certificate::{MAX_NAME, Role};
use crate::contract::Contract;
use crate::credits::Credits;
use crate::encoding::{List, Text, wire_enum, wire_struct};
use crate::event::Event;
use crate::name::{AccountId, ChainId, RequirementName};
use crate::rejection::Rejection;
use crate::transaction::ProxyEntry;

wire_struct! {
    /// A proxy of the roster.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Proxy {
        pub(crate) key: [u8; 48],
        pub(crate) organisation: Text<MAX_NAME>,
        pub(crate) stake: Credits,
        pub(crate) jailed: bool,
        /// Requirements it is drawn for, or may be, and that are not over.
        pub(crate) duties: u32,
        pub(crate) false_shares: u32,
        pub(crate) silences: u32,
    }
}

wire_struct! {
    /// A proxy in a snapshot of the roster.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Standing {
        pub(crate) proxy: DrawnProxy,
        pub(crate) organisation: Text<MAX_NAME>,
        pub(crate) weight: u64,
    }
}

wire_struct! {
    /// A proxy as a grant names it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DrawnProxy {
        /// Its account.
        pub account: AccountId,
        /// E, with which it stood for the draw.
        pub key: [u8; 48],
    }
}

wire_enum! {
    /// Who serves a requirement.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Service("draw") {
        /// To be drawn by a round from those who stood.
        1 => Pending {
            round: u64,
            standing: List<Standing, 4096>,
        },
        /// Drawn, in order.
        2 => Drawn {
            round: u64,
            proxies: List<DrawnProxy, 64>,
        },
    }
}

impl Service {
    /// The proxies in order, once they are drawn.
    pub(crate) fn drawn(&self) -> Option<&[DrawnProxy]> {
        match self {
            Self::Drawn { proxies, .. } => Some(proxies.as_slice()),
            Self::Pending { .. } => None,
        }
    }

    /// Everyone who is drawn, or may be.
    pub(crate) fn accounts(&self) -> Vec<AccountId> {
        match self {
            Self::Pending { standing, .. } => standing
                .as_slice()
                .iter()
                .map(|s| s.proxy.account)
                .collect(),
            Self::Drawn { proxies, .. } => proxies.as_slice().iter().map(|p| p.account).collect(),
        }
    }
}

/// A proxy's proof of possession: two pairings.
pub(crate) fn admit_proxy(entry: &ProxyEntry) -> Result<(), Rejection> {
    let key = ProxyPublicKey::from_bytes(&entry.key).map_err(|_| Rejection::ProxyKey)?;
    let possession =
        ProxyKeyProof::from_bytes(&entry.possession).map_err(|_| Rejection::ProxyPossession)?;
    key.check_possession(&possession)
        .map_err(|_| Rejection::ProxyPossession)
}

pub(crate) fn check_register(
    contract: &Contract,
    sender: &AccountId,
    entry: &ProxyEntry,
) -> Result<Text<MAX_NAME>, Rejection> {
    let Role::Proxy { organisation } = &contract.admitted(sender)?.certificate.role else {
        return Err(Rejection::NotPermitted);
    };
    let taken = contract
        .proxies
        .iter()
        .any(|(_, proxy)| proxy.key == entry.key);
    if taken || contract.proxies.contains(sender) {
        return Err(Rejection::ProxyTwice);
    }
    if entry.stake < contract.parameters.minimum_stake {
        return Err(Rejection::StakeTooSmall);
    }
    contract.require_funds(sender, entry.stake)?;
    Ok(organisation.clone())
}

pub(crate) fn write_register(
    contract: &mut Contract,
    sender: AccountId,
    entry: &ProxyEntry,
    organisation: Text<MAX_NAME>,
    events: &mut Vec<Event>,
) {
    let stake = contract.debit(&sender, entry.stake);
    let proxy = Proxy {
        key: entry.key,
        organisation,
        stake,
        jailed: false,
        duties: 0,
        false_shares: 0,
        silences: 0,
    };
    contract.proxies.insert(sender, proxy);
    let proxy = sender;
    events.push(Event::ProxyRegistered { proxy, stake });
}

pub(crate) fn check_withdraw(contract: &Contract, sender: &AccountId) -> Result<(), Rejection> {
    let proxy = contract
        .proxies
        .get(sender)
        .ok_or(Rejection::UnknownProxy)?;
    if proxy.duties > 0 {
        return Err(Rejection::ProxyBusy);
    }
    // A liar's entry stays when its stake is gone.
    if proxy.jailed && proxy.stake.is_zero() {
        return Err(Rejection::UnknownProxy);
    }
    Ok(())
}

pub(crate) fn write_withdraw(contract: &mut Contract, sender: AccountId, events: &mut Vec<Event>) {
    let Some(proxy) = contract.proxies.get_mut(&sender) else {
        return;
    };
    let (stake, jailed) = (proxy.stake.take_all(), proxy.jailed);
    // A liar gets the rest of its stake, and stays in the roster: it cannot register again as if new.
    if !jailed {
        contract.proxies.remove(&sender);
    }
    contract.credit(sender, stake);
    events.push(Event::ProxyWithdrawn { proxy: sender });
}

fn electorate(standing: &[Standing]) -> Option<Electorate> {
    let candidates: Vec<Candidate> = standing
        .iter()
        .map(|s| Candidate {
            id: s.proxy.account.to_string(),
            organisation: s.organisation.as_str().to_owned(),
            weight: s.weight,
            jailed: false,
        })
        .collect();
    Electorate::new(&candidates).ok()
}

/// Snapshots the roster for a draw of `n`.
pub(crate) fn snapshot(contract: &Contract, n: u16) -> Result<Service, Rejection> {
    let admitted = |account| contract.parties.get(account).is_some_and(|p| p.admitted);
    let standing: Vec<Standing> = contract
        .proxies
        .iter()
        .filter(|(account, proxy)| !proxy.jailed && admitted(account))
        .map(|(account, proxy)| Standing {
            proxy: DrawnProxy {
                account: *account,
                key: proxy.key,
            },
            organisation: proxy.organisation.clone(),
            weight: proxy.stake.get(),
        })
        .collect();
    let eligible = electorate(&standing)
        .ok_or(Rejection::Electorate)?
        .iter()
        .count();
    if eligible < usize::from(n) {
        return Err(Rejection::Electorate);
    }
    Ok(Service::Pending {
        round: contract.beacon_round.saturating_add(2),
        standing: List::new(standing).map_err(|_| Rejection::Electorate)?,
    })
}

/// A proxy of the roster with its key of now, if it serves: neither jailed nor dismissed.
pub(crate) fn serving(contract: &Contract, account: &AccountId) -> Option<DrawnProxy> {
    let proxy = contract.proxies.get(account).filter(|p| !p.jailed)?;
    contract.admitted(account).ok()?;
    Some(DrawnProxy {
        account: *account,
        key: proxy.key,
    })
}

/// Adds one duty to everyone who is drawn or may be.
pub(crate) fn engage(contract: &mut Contract, service: &Service) {
    for account in service.accounts() {
        if let Some(proxy) = contract.proxies.get_mut(&account) {
            proxy.duties = proxy.duties.saturating_add(1);
        }
    }
}

/// Takes one duty from everyone who is drawn or may be.
pub(crate) fn release(contract: &mut Contract, service: &Service) {
    for account in service.accounts() {
        if let Some(proxy) = contract.proxies.get_mut(&account) {
            proxy.duties = proxy.duties.saturating_sub(1);
        }
    }
}

/// Draws `n` in order from those who stood.
fn draw(
    chain: &ChainId,
    serial: u64,
    standing: &[Standing],
    n: u16,
    beta: Randomness,
) -> Option<Vec<DrawnProxy>> {
    let occasion = Occasion {
        chain: &chain.to_string(),
        office: Office::Proxy,
        epoch: serial,
        beta,
    };
    let drawn = electorate(standing)?.draw(&occasion, usize::from(n)).ok()?;
    drawn
        .iter()
        .map(|id| {
            let account: AccountId = id.parse().ok()?;
            let standing = standing.iter().find(|s| s.proxy.account == account)?;
            Some(standing.proxy.clone())
        })
        .collect()
}

/// Who serves, drawn in order from those who stood.
pub(crate) fn draw_service(
    chain: &ChainId,
    serial: u64,
    stood: &Service,
    n: u16,
    beta: Randomness,
) -> Option<Service> {
    let Service::Pending { round, standing } = stood else {
        return None;
    };
    let drawn = draw(chain, serial, standing.as_slice(), n, beta)?;
    let proxies = List::new(drawn).ok()?;
    let round = *round;
    Some(Service::Drawn { round, proxies })
}

/// Draws the proxies of every requirement that waits for this round.
pub(crate) fn draw_pending(
    contract: &mut Contract,
    round: u64,
    beta: Randomness,
    events: &mut Vec<Event>,
) {
    let waiting: Vec<(u64, RequirementName)> = contract
        .index
        .draws
        .iter()
        .take_while(|(at, _)| *at <= round)
        .copied()
        .collect();
    for (at, name) in waiting {
        contract.index.draws.remove(&(at, name));
        let chain = contract.chain;
        let Some(requirement) = contract.requirements.get_mut(&name) else {
            continue;
        };
        let Some(offer) = requirement.offer().filter(|_| !requirement.is_over()) else {
            continue;
        };
        let Service::Pending { standing, .. } = &requirement.service else {
            continue;
        };
        let n = offer.proxies;
        let drawn = draw(&chain, requirement.serial, standing.as_slice(), n, beta);
        // The snapshot was found large enough when it was taken.
        let Some(proxies) = drawn.and_then(|drawn| List::new(drawn).ok()) else {
            continue;
        };
        let drawn = Service::Drawn { round, proxies };
        let accounts = List::new(drawn.accounts()).unwrap_or_default();
        let stood = std::mem::replace(&mut requirement.service, drawn.clone());
        release(contract, &stood);
        engage(contract, &drawn);
        events.push(Event::ProxiesDrawn {
            requirement: name,
            round,
            proxies: accounts,
        });
    }
}
