//! Elections: who proposes, who re-encrypts. Votes and stakes are noted when an election is called; a later
//! round of the beacon, which nobody knew then, draws. No organisation weighs more than a third.
//!
//! An election says who orders, endorses or re-encrypts, never who decides: every voter of the roster keeps
//! its vote, and a block is final with a quorum of them all.

use std::collections::{BTreeMap, BTreeSet};

use eligo_ledger::digest::Digest;
use eligo_ledger::height::ReplicaId;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::MAX_REGION;
use eligo_sharing::beacon::Randomness;
use eligo_sharing::draw::{Candidate, DrawError, Electorate, Occasion, Office as DrawnOffice};

use crate::certificate::Level;
use crate::contract::Contract;
use crate::convene::act::Office;
use crate::convene::event::Convened;
use crate::convene::level::level_of;
use crate::encoding::{List, Text, wire_enum, wire_struct};
use crate::event::Event;
use crate::name::AccountId;
use crate::proxy::{self, Service};
use crate::rejection::Rejection;

wire_struct! {
    /// A hospital that stands as endorser.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Standing {
        pub(crate) hospital: AccountId,
        pub(crate) replica: ReplicaId,
        pub(crate) region: Text<MAX_REGION>,
        pub(crate) votes: u64,
    }
}

wire_enum! {
    /// Who stands.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Candidates("candidates") {
        /// Hospitals with their votes.
        1 => Hospitals(List<Standing, 256>),
        /// Every proposer of the roster.
        2 => Everyone,
        /// Proxies with their stakes.
        3 => Proxies(Service),
    }
}

wire_struct! {
    /// An election.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Election {
        pub(crate) office: Office,
        /// The round that draws; none where nothing is drawn.
        pub(crate) round: Option<u64>,
        pub(crate) candidates: Candidates,
        /// Who was elected, once somebody was.
        pub(crate) elected: Option<List<AccountId, 256>>,
    }
}

pub(crate) fn check_vote(
    contract: &Contract,
    sender: &AccountId,
    candidate: &AccountId,
) -> Result<(), Rejection> {
    level_of(contract, sender)?;
    level_of(contract, candidate)?;
    let places = &contract.convene.places;
    let here = places.get(sender).ok_or(Rejection::Region)?;
    let same = places.get(candidate) == Some(here);
    same.then_some(()).ok_or(Rejection::Region)
}

pub(crate) fn write_vote(
    contract: &mut Contract,
    hospital: AccountId,
    candidate: AccountId,
    events: &mut Vec<Event>,
) {
    contract.convene.votes.insert(hospital, candidate);
    events.push(Event::Convened(Convened::Voted {
        hospital,
        candidate,
    }));
}

/// Hospitals of a region that run a replica which may propose, tertiary or secondary, with the votes of
/// their region's hospitals.
fn hospitals_standing(contract: &Contract) -> Vec<Standing> {
    let places = &contract.convene.places;
    let mut votes: BTreeMap<AccountId, u64> = BTreeMap::new();
    for (hospital, region) in places.iter() {
        if level_of(contract, hospital).is_err() {
            continue;
        }
        let choice = contract.convene.votes.get(hospital).unwrap_or(hospital);
        if places.get(choice) == Some(region) {
            *votes.entry(*choice).or_default() += 1;
        }
    }
    let hosts = contract.convene.hosts.iter();
    let standing = hosts.filter_map(|(replica, hospital)| {
        let member = contract.next.roster.voter(*replica)?;
        let level = level_of(contract, hospital).ok()?;
        let may = member.may_propose && level != Level::Community;
        may.then_some(Standing {
            hospital: *hospital,
            replica: *replica,
            region: places.get(hospital)?.clone(),
            votes: votes.get(hospital).copied().unwrap_or_default(),
        })
    });
    standing.collect()
}

fn electorate(standing: &[Standing]) -> Result<Electorate, DrawError> {
    let candidates: Vec<Candidate> = standing
        .iter()
        .map(|s| Candidate {
            id: s.hospital.to_string(),
            organisation: s.hospital.to_string(),
            weight: s.votes,
            jailed: false,
        })
        .collect();
    Electorate::new(&candidates)
}

/// Who stands, as of now.
pub(crate) fn check_elect(
    contract: &Contract,
    sender: &AccountId,
    office: &Office,
) -> Result<Candidates, Rejection> {
    contract.require_registrar(sender)?;
    match office {
        Office::Primaries | Office::Orderers => Ok(Candidates::Everyone),
        Office::Proxies { count } => {
            let most = contract.parameters.most_proxies;
            if *count == 0 || *count > most {
                return Err(Rejection::Electorate);
            }
            proxy::snapshot(contract, *count).map(Candidates::Proxies)
        }
        Office::Endorsers { per_region, .. } => {
            let standing = hospitals_standing(contract);
            if *per_region == 0 || electorate(&standing).is_err() {
                return Err(Rejection::Electorate);
            }
            let standing = List::new(standing).map_err(|_| Rejection::Electorate)?;
            Ok(Candidates::Hospitals(standing))
        }
    }
}

pub(crate) fn write_elect(
    contract: &mut Contract,
    office: &Office,
    candidates: Candidates,
    events: &mut Vec<Event>,
) {
    let serial = contract.convene.called;
    contract.convene.called = serial.saturating_add(1);
    let mut election = Election {
        office: office.clone(),
        round: None,
        candidates,
        elected: None,
    };
    if *office == Office::Primaries {
        contract.next.policy = ProposerPolicy::Rotation;
        election.elected = Some(List::default());
        events.push(Event::Convened(Convened::Elected {
            election: serial,
            round: None,
            elected: List::default(),
        }));
    } else {
        let round = contract.beacon_round.saturating_add(2);
        election.round = Some(round);
        if let Candidates::Proxies(service) = &election.candidates {
            proxy::engage(contract, service);
        }
        contract.convene.pending.insert((round, serial));
        events.push(Event::Convened(Convened::ElectionCalled {
            election: serial,
            round,
        }));
    }
    contract.convene.elections.insert(serial, election);
}

/// Draws every election that waits for this round.
pub(crate) fn draw_elections(
    contract: &mut Contract,
    round: u64,
    beta: Randomness,
    events: &mut Vec<Event>,
) {
    let pending = contract.convene.pending.iter();
    let due: Vec<(u64, u64)> = pending
        .take_while(|(at, _)| *at <= round)
        .copied()
        .collect();
    for (at, serial) in due {
        contract.convene.pending.remove(&(at, serial));
        let Some(mut election) = contract.convene.elections.get(&serial).cloned() else {
            continue;
        };
        let elected = fill(contract, serial, &mut election, beta);
        let elected = List::new(elected).unwrap_or_default();
        election.elected = Some(elected.clone());
        contract.convene.elections.insert(serial, election);
        events.push(Event::Convened(Convened::Elected {
            election: serial,
            round: Some(round),
            elected,
        }));
    }
}

fn fill(
    contract: &mut Contract,
    serial: u64,
    election: &mut Election,
    beta: Randomness,
) -> Vec<AccountId> {
    let elected = match (&election.office, &election.candidates) {
        (
            Office::Endorsers {
                per_region,
                blocks_per_turn,
            },
            Candidates::Hospitals(standing),
        ) => {
            let chain = contract.chain.to_string();
            let drawn = draw_endorsers(&chain, serial, standing.as_slice(), *per_region, beta);
            contract.next.policy = ProposerPolicy::Endorsers {
                order: drawn.iter().map(|s| s.replica).collect(),
                turn: 0,
                since: contract.height.next(),
                blocks_per_turn: *blocks_per_turn,
            };
            drawn.iter().map(|s| s.hospital).collect()
        }
        (Office::Orderers, _) => {
            contract.next.policy = ProposerPolicy::Beacon {
                beta: Digest::new(*beta.as_bytes()),
                epoch: serial,
            };
            Vec::new()
        }
        (Office::Proxies { count }, Candidates::Proxies(stood)) => {
            let drawn = proxy::draw_service(&contract.chain, serial, stood, *count, beta);
            let (stood, drawn) = (stood.clone(), drawn);
            seat_committee(contract, serial, &stood, drawn)
        }
        _ => Vec::new(),
    };
    // Who stood is drawn from; nobody needs it afterwards.
    election.candidates = Candidates::Everyone;
    elected
}

/// The committee takes its duties on, and the one before is rid of its own.
fn seat_committee(
    contract: &mut Contract,
    serial: u64,
    stood: &Service,
    drawn: Option<Service>,
) -> Vec<AccountId> {
    proxy::release(contract, stood);
    let Some(drawn) = drawn else {
        return Vec::new();
    };
    if let Some(before) = contract.convene.committee.take() {
        proxy::release(contract, &before.service);
    }
    proxy::engage(contract, &drawn);
    let accounts = drawn.accounts();
    contract.convene.committee = Some(Committee {
        election: serial,
        service: drawn,
    });
    accounts
}

wire_struct! {
    /// The proxies in office.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Committee {
        pub(crate) election: u64,
        pub(crate) service: Service,
    }
}

/// All who stand, in the order they are drawn; of each region the first `per_region`. With weights in
/// proportion that is a draw within each region, by one beacon value.
fn draw_endorsers(
    chain: &str,
    serial: u64,
    standing: &[Standing],
    per_region: u16,
    beta: Randomness,
) -> Vec<Standing> {
    let occasion = Occasion {
        chain,
        office: DrawnOffice::Endorser,
        epoch: serial,
        beta,
    };
    let Ok(electorate) = electorate(standing) else {
        return Vec::new();
    };
    let all = electorate.iter().count();
    let drawn = electorate.draw(&occasion, all).unwrap_or_default();
    let mut seats: BTreeMap<&str, u16> = BTreeMap::new();
    let mut elected = Vec::new();
    for id in drawn {
        let Some(hospital) = standing.iter().find(|s| s.hospital.to_string() == id) else {
            continue;
        };
        let taken = seats.entry(hospital.region.as_str()).or_default();
        if *taken < per_region {
            *taken += 1;
            elected.push(hospital.clone());
        }
    }
    elected
}

/// Elections that wait for a round, by the round: what the indices are made of.
pub(crate) fn pending<'a>(
    elections: impl Iterator<Item = (&'a u64, &'a Election)>,
) -> BTreeSet<(u64, u64)> {
    let open = elections.filter(|(_, e)| e.elected.is_none());
    open.filter_map(|(serial, e)| Some((e.round?, *serial)))
        .collect()
}

/// Whether a proxy may take another key: one that serves nothing, and the key is nobody's.
pub(crate) fn check_renew(
    contract: &Contract,
    sender: &AccountId,
    key: &[u8; 48],
) -> Result<(), Rejection> {
    contract.admitted(sender)?;
    let proxy = contract
        .proxies
        .get(sender)
        .ok_or(Rejection::UnknownProxy)?;
    if proxy.duties > 0 {
        return Err(Rejection::ProxyBusy);
    }
    if proxy.jailed || contract.proxies.iter().any(|(_, p)| p.key == *key) {
        return Err(Rejection::ProxyTwice);
    }
    Ok(())
}

pub(crate) fn write_renew(
    contract: &mut Contract,
    sender: AccountId,
    key: [u8; 48],
    events: &mut Vec<Event>,
) {
    if let Some(proxy) = contract.proxies.get_mut(&sender) {
        proxy.key = key;
        events.push(Event::Convened(Convened::ProxyKeyRenewed { proxy: sender }));
    }
}
