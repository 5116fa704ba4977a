//! What institutions do together beside the market and the care of patients: make keys that no one of them
//! has ([`transcript`], by distributed key generation over the ledger), and choose who proposes blocks and
//! who re-encrypts. A part of the contract with its own state, acts, events and views.

pub mod act;
pub mod beacon;
pub(crate) mod ceremony;
pub(crate) mod election;
pub mod event;
pub(crate) mod level;
pub mod named;
pub mod naming;
pub mod part;
pub mod transcript;
pub mod view;
pub(crate) mod witness;

use std::collections::BTreeSet;

use eligo_ledger::digest::{Digest, Purpose};
use eligo_ledger::height::ReplicaId;
use eligo_ledger::roster::MAX_REGION;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::beacon::Randomness;
use eligo_sharing::dkg::{GroupKey, Participant};

use crate::contract::{Contract, Moment};
use crate::convene::act::{Act, KeyPurpose};
use crate::convene::beacon::RoundPart;
use crate::convene::ceremony::{Convening, Said};
use crate::convene::election::{Committee, Election};
use crate::convene::event::Convened;
use crate::convene::naming::{NameAsk, ShareLetter};
use crate::convene::transcript::Transcript;
use crate::encoding::Text;
use crate::event::Event;
use crate::name::{AccountId, CeremonyName, ChainId};
use crate::proxy::{self, Service};
use crate::rejection::Rejection;
use crate::table::Table;
use crate::transaction::ProxyEntry;

/// Ceremonies, elections, and who runs which replica.
#[derive(Clone, Debug, Default)]
pub struct Convene {
    /// Ceremonies begun so far: the next one's number.
    pub(crate) begun: u64,
    pub(crate) ceremonies: Table<CeremonyName, Convening>,
    /// What was said in ceremonies that are not over, in order.
    pub(crate) said: Table<(CeremonyName, u32), Said>,
    /// The latest key of each purpose.
    pub(crate) in_force: Table<KeyPurpose, CeremonyName>,
    pub(crate) places: Table<AccountId, Text<MAX_REGION>>,
    pub(crate) hosts: Table<ReplicaId, AccountId>,
    pub(crate) votes: Table<AccountId, AccountId>,
    /// Elections called so far: the next one's number.
    pub(crate) called: u64,
    pub(crate) elections: Table<u64, Election>,
    pub(crate) committee: Option<Committee>,
    /// Names asked for so far: the next one's number.
    pub(crate) asked: u64,
    pub(crate) names: Table<u64, NameAsk>,
    /// Letters by ask and authority.
    pub(crate) name_shares: Table<(u64, u8), ShareLetter>,
    /// Keys of the beacon that ceremonies made, by the first round each verifies.
    pub(crate) beacon_keys: Table<u64, CeremonyName>,
    /// Parts of the beacon's next round, by round and authority.
    pub(crate) round_parts: Table<(u64, u8), RoundPart>,
    /// Ceremonies that are not over. Derived.
    pub(crate) open: BTreeSet<CeremonyName>,
    /// Ceremonies in which somebody spoke in the block under way.
    pub(crate) heard: BTreeSet<CeremonyName>,
    /// Elections that wait for a round. Derived.
    pub(crate) pending: BTreeSet<(u64, u64)>,
}

/// An authority in office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its number: which share of the key it has.
    pub participant: Participant,
    /// Its account.
    pub account: AccountId,
}

impl Convene {
    /// The key in force for a purpose.
    #[must_use]
    pub fn key(&self, purpose: KeyPurpose) -> Option<&GroupKey> {
        self.key_of(self.in_force.get(&purpose)?)
    }

    /// The identity key in force: what emergency records and names are sealed under.
    #[must_use]
    pub fn identity_key(&self) -> Option<&GroupKey> {
        self.key(KeyPurpose::Identity)
    }

    /// The ceremony of the identity key in force; its name tells keys apart after another was made.
    #[must_use]
    pub fn identity_ceremony(&self) -> Option<CeremonyName> {
        self.in_force.get(&KeyPurpose::Identity).copied()
    }

    /// The ceremony whose key verifies a round of the beacon; none where that is the genesis document's.
    #[must_use]
    pub fn beacon_ceremony(&self, round: u64) -> Option<CeremonyName> {
        let last = self.beacon_keys.range(..=round).next_back();
        last.map(|(_, ceremony)| *ceremony)
    }

    /// The key that verifies a round of the beacon; none where that is the genesis document's.
    #[must_use]
    pub fn beacon_key(&self, round: u64) -> Option<&GroupKey> {
        self.key_of(&self.beacon_ceremony(round)?)
    }

    /// Forgets parts of a round that is whole, or whose key another follows.
    pub(crate) fn forget_parts(&mut self) {
        let all: Vec<_> = self.round_parts.iter().map(|(place, _)| *place).collect();
        for place in all {
            self.round_parts.remove(&place);
        }
    }

    /// The key of a ceremony, in force or not: what was sealed under it stays sealed under it.
    #[must_use]
    pub fn key_of(&self, ceremony: &CeremonyName) -> Option<&GroupKey> {
        self.ceremonies.get(ceremony)?.key.as_ref()?.key()
    }

    /// The authorities of a ceremony, in order of their numbers.
    #[must_use]
    pub fn authorities_of(&self, ceremony: &CeremonyName) -> Vec<Seat> {
        let Some(convening) = self.ceremonies.get(ceremony) else {
            return Vec::new();
        };
        let all = convening.terms.authorities.as_slice().iter();
        let seats = all.zip(1..).filter_map(|(authority, number)| {
            Some(Seat {
                participant: Participant::new(number)?,
                account: authority.account,
            })
        });
        seats.collect()
    }

    /// The authorities of the identity key in force.
    #[must_use]
    pub fn authorities(&self) -> Vec<Seat> {
        let ceremony = self.identity_ceremony();
        ceremony.map_or_else(Vec::new, |name| self.authorities_of(&name))
    }

    /// Which share of a ceremony's key an account has.
    #[must_use]
    pub fn participant(&self, ceremony: &CeremonyName, account: &AccountId) -> Option<Participant> {
        self.ceremonies.get(ceremony)?.participant(account)
    }

    /// The service of the elected proxies in office.
    pub(crate) fn in_office(&self) -> Option<&Service> {
        Some(&self.committee.as_ref()?.service)
    }

    /// The elected proxies in office, in order, with their keys; none before an election of proxies.
    #[must_use]
    pub fn committee(&self) -> Option<Vec<(AccountId, [u8; 48])>> {
        let Service::Drawn { proxies, .. } = &self.committee.as_ref()?.service else {
            return None;
        };
        let drawn = proxies.as_slice().iter();
        Some(drawn.map(|p| (p.account, p.key)).collect())
    }

    /// A hospital's region.
    #[must_use]
    pub fn region(&self, hospital: &AccountId) -> Option<&str> {
        self.places.get(hospital).map(Text::as_str)
    }

    /// What was said in a ceremony that is not over, in order.
    pub(crate) fn said_in(&self, name: &CeremonyName) -> impl Iterator<Item = &Said> {
        let all = self.said.range((*name, 0)..=(*name, u32::MAX));
        all.map(|(_, said)| said)
    }

    fn forget_said(&mut self, name: &CeremonyName) {
        let all = self.said.range((*name, 0)..=(*name, u32::MAX));
        let keys: Vec<_> = all.map(|(key, _)| *key).collect();
        for key in keys {
            self.said.remove(&key);
        }
    }

    /// A ceremony with what was said in it; none if there is no such ceremony.
    pub(crate) fn transcript(&self, chain: &ChainId, name: &CeremonyName) -> Option<Transcript> {
        let convening = self.ceremonies.get(name)?;
        let ceremony = transcript::ceremony(chain, convening.serial, &convening.terms).ok()?;
        let said = self.said_in(name).filter_map(|said| {
            let who = Participant::new(said.participant.into())?;
            Some((who, said.message.clone()))
        });
        Some(Transcript::new(ceremony, said.collect()))
    }

    /// A digest of it all; none where nothing was ever convened.
    pub(crate) fn digest(&self) -> Option<Digest> {
        let tables = [self.places.len(), self.hosts.len(), self.votes.len()];
        if self.begun == 0 && self.called == 0 && tables == [0; 3] {
            return None;
        }
        let mut head = Vec::new();
        self.encode_head(&mut head);
        let tables = [
            self.ceremonies.digest(),
            self.said.digest(),
            self.in_force.digest(),
            self.places.digest(),
            self.hosts.digest(),
            self.votes.digest(),
            self.elections.digest(),
            self.names.digest(),
            self.name_shares.digest(),
        ];
        let mut parts: Vec<&[u8]> = vec![b"convene", &head];
        parts.extend(tables.iter().map(|digest| digest.as_bytes().as_slice()));
        let beacon = [self.beacon_keys.digest(), self.round_parts.digest()];
        // A chain whose beacon no ceremony replaced has the state it had before one could.
        if self.beacon_keys.len() > 0 {
            parts.extend(beacon.iter().map(|digest| digest.as_bytes().as_slice()));
        }
        Some(Purpose::Application.hash(&parts))
    }

    fn encode_head(&self, out: &mut Vec<u8>) {
        self.begun.encode(out);
        self.called.encode(out);
        self.committee.encode(out);
        self.asked.encode(out);
    }
}

impl Wire for Convene {
    const MIN_SIZE: usize = 25;
    fn encode(&self, out: &mut Vec<u8>) {
        self.encode_head(out);
        self.ceremonies.encode(out);
        self.said.encode(out);
        self.in_force.encode(out);
        self.places.encode(out);
        self.hosts.encode(out);
        self.votes.encode(out);
        self.elections.encode(out);
        self.names.encode(out);
        self.name_shares.encode(out);
        self.beacon_keys.encode(out);
        self.round_parts.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let (begun, called, committee) = (Wire::decode(r)?, Wire::decode(r)?, Wire::decode(r)?);
        let asked = Wire::decode(r)?;
        let ceremonies: Table<CeremonyName, Convening> = Wire::decode(r)?;
        let mut convene = Self {
            begun,
            called,
            committee,
            asked,
            ceremonies,
            said: Wire::decode(r)?,
            in_force: Wire::decode(r)?,
            places: Wire::decode(r)?,
            hosts: Wire::decode(r)?,
            votes: Wire::decode(r)?,
            elections: Wire::decode(r)?,
            names: Wire::decode(r)?,
            name_shares: Wire::decode(r)?,
            beacon_keys: Wire::decode(r)?,
            round_parts: Wire::decode(r)?,
            ..Self::default()
        };
        let open = convene
            .ceremonies
            .iter()
            .filter(|(_, c)| !c.stage.is_over());
        convene.open = open.map(|(name, _)| *name).collect();
        convene.pending = election::pending(convene.elections.iter());
        Ok(convene)
    }
}

/// What an act costs pairings for, stateless.
pub(crate) fn admit(act: &Act) -> Result<(), Rejection> {
    match act {
        Act::RenewProxyKey { key, possession } => proxy::admit_proxy(&ProxyEntry {
            key: *key,
            possession: *possession,
            stake: crate::credits::Credits::ZERO,
        }),
        _ => Ok(()),
    }
}

/// Whether somebody may ask this at all, before anything is computed about it.
pub(crate) fn heed(contract: &Contract, sender: &AccountId, act: &Act) -> Result<(), Rejection> {
    match act {
        Act::RenewProxyKey { key, .. } => election::check_renew(contract, sender, key),
        Act::SignRound { round, .. } => beacon::check_turn(contract, sender, *round).map(|_| ()),
        _ => Ok(()),
    }
}

/// Check, then write, for each kind of act.
pub(crate) fn carry_out(
    contract: &mut Contract,
    sender: AccountId,
    act: &Act,
    now: &Moment,
    events: &mut Vec<Event>,
) -> Result<(), Rejection> {
    match act {
        Act::Begin(terms) => {
            let name = ceremony::check_begin(contract, &sender, terms)?;
            ceremony::write_begin(contract, name, terms, now, events);
        }
        Act::Say {
            ceremony: name,
            message,
        } => {
            let participant = ceremony::check_say(contract, &sender, name, message)?;
            ceremony::write_say(contract, *name, (sender, participant), message, events);
        }
        Act::Close { ceremony: name } => ceremony::check_close(contract, &sender, name, now)?,
        Act::Place { hospital, region } => {
            level::check_place(contract, &sender, hospital)?;
            level::write_place(contract, *hospital, region, events);
        }
        Act::Host { hospital, replica } => {
            level::check_host(contract, &sender, hospital, *replica)?;
            level::write_host(contract, *hospital, *replica, events);
        }
        Act::Vote { candidate } => {
            election::check_vote(contract, &sender, candidate)?;
            election::write_vote(contract, sender, *candidate, events);
        }
        Act::Elect(office) => {
            let candidates = election::check_elect(contract, &sender, office)?;
            election::write_elect(contract, office, candidates, events);
        }
        Act::RenewProxyKey { key, .. } => {
            election::check_renew(contract, &sender, key)?;
            election::write_renew(contract, sender, *key, events);
        }
        Act::AskName { name, letters } => {
            let ceremony = naming::check_ask(contract, &sender, name, now)?;
            naming::write_ask(contract, sender, (name, *letters), ceremony, events);
        }
        Act::ShareName { ask, letter } => {
            let participant = naming::check_share(contract, &sender, *ask)?;
            naming::write_share(contract, (sender, participant), *ask, letter, events);
        }
        Act::SignRound { round, part } => {
            let posted = beacon::check_part(contract, &sender, *round, part)?;
            beacon::write_part(contract, sender, posted, (*round, part), events);
        }
        Act::Witness {
            ceremony: name,
            stage,
            said,
            key,
        } => {
            ceremony::check_witness(contract, name, *stage, (*said, key.as_ref()))?;
            let (ceremony, stage) = (*name, *stage);
            events.push(Event::Convened(Convened::Witnessed { ceremony, stage }));
        }
        Act::WitnessDraw { service, proxies } => {
            witness::check(contract, service, proxies.as_slice())?;
            events.push(witness::event(*service, proxies.as_slice()));
        }
    }
    Ok(())
}

/// What happens by itself at the end of a block, with the rounds of the beacon that were posted in it.
pub(crate) fn end_block(
    contract: &mut Contract,
    rounds: &[(u64, Randomness)],
    now: &Moment,
    events: &mut Vec<Event>,
) {
    for (round, beta) in rounds {
        election::draw_elections(contract, *round, *beta, events);
    }
    ceremony::end_rounds(contract, now, events);
    level::follow_certificates(contract, events);
}
