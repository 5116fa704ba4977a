//! What queries about convening answer with, as JSON; read again by clients.
//!
//! | path | answer |
//! | --- | --- |
//! | `convene/ceremonies` | list of [`CeremonyView`] |
//! | `convene/ceremony/NAME` | [`CeremonyView`] |
//! | `convene/identity` | [`CeremonyView`] of the identity key in force |
//! | `convene/elections` | list of [`ElectionView`] |
//! | `convene/election/NUMBER` | [`ElectionView`] |
//! | `convene/names` | list of [`NameView`] |
//! | `convene/name/NUMBER` | [`NameView`] |
//! | `convene/hospitals` | list of [`HospitalView`]: who is where and runs which replica |
//! | `convene/offices` | [`OfficesView`]: who proposes, and which proxies are in office |
//! | `convene/beacon` | [`BeaconView`]: whose key verifies the beacon's next round |

use eligo_ledger::height::ReplicaId;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::Class;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::convene::act::{Authority, CeremonyTerms, KeyPurpose, Office, Windows};
use crate::convene::ceremony::Convening;
use crate::convene::election::Election;
use crate::convene::event::AuthorityFault;
use crate::convene::naming::name_bytes;
use crate::convene::transcript::Stage;
use crate::encoding::List;
use crate::name::{AccountId, CeremonyName};

/// A ceremony and where it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CeremonyView {
    /// Its name.
    pub ceremony: CeremonyName,
    /// Its number on this chain.
    pub serial: u64,
    /// What the key is for.
    pub purpose: KeyPurpose,
    /// t.
    pub threshold: u16,
    /// The authorities in order.
    pub authorities: Vec<AuthorityView>,
    /// How many blocks a round lasts at least, if somebody keeps silent.
    pub window_blocks: u32,
    /// How many milliseconds, too.
    pub window_ms: u64,
    /// The round.
    pub stage: Stage,
    /// The height at which it began.
    pub opened: u64,
    /// When it ends at the earliest if somebody keeps silent, milliseconds since 1970.
    pub ends_ms: u64,
    /// Who cheated or failed.
    pub faults: Vec<FaultView>,
    /// The key's bytes, hexadecimal, once there is one.
    pub key: Option<String>,
    /// Whether it is the one in force.
    pub in_force: bool,
}

/// An authority of a ceremony.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorityView {
    /// Its account.
    pub account: AccountId,
    /// Where letters to it are sealed to, hexadecimal.
    pub letters: String,
}

/// Who failed, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultView {
    /// The authority.
    pub authority: AccountId,
    /// How.
    pub fault: AuthorityFault,
}

/// An election.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElectionView {
    /// Its number.
    pub election: u64,
    /// `endorsers`, `primaries`, `orderers` or `proxies`.
    pub office: String,
    /// The round that draws; none where nothing is drawn.
    pub round: Option<u64>,
    /// Who was elected, in order; none before the draw.
    pub elected: Option<Vec<AccountId>>,
}

/// A name whose key was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NameView {
    /// The ask's number.
    pub ask: u64,
    /// Whose name it is.
    pub party: AccountId,
    /// The name's bytes, hexadecimal.
    pub name: String,
    /// Where shares are sealed to, hexadecimal.
    pub letters: String,
    /// Whose authorities answer.
    pub ceremony: CeremonyName,
    /// The authorities that answered, by number, with their letters, hexadecimal.
    pub shares: Vec<(u8, String)>,
}

/// Where a hospital is, and what it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HospitalView {
    /// The hospital.
    pub hospital: AccountId,
    /// Its region.
    pub region: Option<String>,
    /// Its replica.
    pub replica: Option<u16>,
    /// For whom it votes.
    pub vote: Option<AccountId>,
    /// Whether its replica is among the endorsers in turn now.
    pub endorses: bool,
}

/// Who proposes and who re-encrypts now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfficesView {
    /// How the proposer is chosen: `sticky`, `rotation`, `endorsers`, `beacon` or `stake`.
    pub policy: String,
    /// Endorsers in turn, by their replicas; empty under every other policy.
    pub endorsers: Vec<u16>,
    /// Every replica.
    pub replicas: Vec<ReplicaView>,
    /// Elected proxies in office, in order; none before an election of proxies.
    pub proxies: Option<Vec<OfficerView>>,
}

/// A replica's part in proposing and voting.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplicaView {
    /// Its number.
    pub replica: u16,
    /// `tertiary`, `secondary` or `community`.
    pub class: String,
    /// Its region; empty for none.
    pub region: String,
    /// Whether it may propose.
    pub may_propose: bool,
    /// Whether it votes.
    pub votes: bool,
    /// The hospital that runs it, if one was named.
    pub hospital: Option<AccountId>,
}

/// An elected proxy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfficerView {
    /// Its account.
    pub account: AccountId,
    /// The key it serves under, hexadecimal.
    pub key: String,
}

/// Where the beacon is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BeaconView {
    /// The last round.
    pub round: u64,
    /// The ceremony whose key verifies the next one; none where that is the genesis document's.
    pub ceremony: Option<CeremonyName>,
    /// The first round that this key verifies.
    pub since: u64,
    /// The authorities that gave their parts of the next round, by number.
    pub signed: Vec<u8>,
}

impl CeremonyView {
    /// The ceremony's terms; none if what the view says is none.
    #[must_use]
    pub fn terms(&self) -> Option<CeremonyTerms> {
        let authorities = self.authorities.iter().map(|a| {
            let mut letters = [0; 32];
            hex::decode_to_slice(&a.letters, &mut letters).ok()?;
            let account = a.account;
            Some(Authority { account, letters })
        });
        Some(CeremonyTerms {
            purpose: self.purpose,
            threshold: self.threshold,
            authorities: List::new(authorities.collect::<Option<Vec<_>>>()?).ok()?,
            windows: Windows {
                blocks: self.window_blocks,
                ms: self.window_ms,
            },
        })
    }
}

fn ceremony_view(contract: &Contract, name: &CeremonyName, c: &Convening) -> CeremonyView {
    let in_force = contract.convene.in_force.get(&c.terms.purpose) == Some(name);
    let authorities = c.terms.authorities.as_slice().iter();
    let faults = c.faults.as_slice().iter();
    CeremonyView {
        ceremony: *name,
        serial: c.serial,
        purpose: c.terms.purpose,
        threshold: c.terms.threshold,
        authorities: authorities
            .map(|a| AuthorityView {
                account: a.account,
                letters: hex::encode(a.letters),
            })
            .collect(),
        window_blocks: c.terms.windows.blocks,
        window_ms: c.terms.windows.ms,
        stage: c.stage,
        opened: c.opened.get(),
        ends_ms: c.ends_ms(),
        faults: faults
            .map(|f| FaultView {
                authority: f.authority,
                fault: f.fault,
            })
            .collect(),
        key: c.key.as_ref().map(|key| hex::encode(key.bytes())),
        in_force,
    }
}

const fn class_name(class: Class) -> &'static str {
    match class {
        Class::Tertiary => "tertiary",
        Class::Secondary => "secondary",
        Class::Community => "community",
    }
}

fn election_view(number: u64, election: &Election) -> ElectionView {
    let office = match election.office {
        Office::Endorsers { .. } => "endorsers",
        Office::Primaries => "primaries",
        Office::Orderers => "orderers",
        Office::Proxies { .. } => "proxies",
    };
    ElectionView {
        election: number,
        office: office.to_owned(),
        round: election.round,
        elected: election.elected.as_ref().map(|e| e.as_slice().to_vec()),
    }
}

impl Contract {
    /// A ceremony.
    #[must_use]
    pub fn ceremony_view(&self, name: &CeremonyName) -> Option<CeremonyView> {
        let convening = self.convene.ceremonies.get(name)?;
        Some(ceremony_view(self, name, convening))
    }

    pub(crate) fn ceremony_views(&self) -> impl Iterator<Item = CeremonyView> {
        let all = self.convene.ceremonies.iter();
        all.map(|(name, c)| ceremony_view(self, name, c))
    }

    /// An election.
    #[must_use]
    pub fn election_view(&self, number: u64) -> Option<ElectionView> {
        let election = self.convene.elections.get(&number)?;
        Some(election_view(number, election))
    }

    pub(crate) fn election_views(&self) -> impl Iterator<Item = ElectionView> {
        let all = self.convene.elections.iter();
        all.map(|(number, election)| election_view(*number, election))
    }

    /// A name whose key was asked for.
    #[must_use]
    pub fn name_view(&self, ask: u64) -> Option<NameView> {
        let asked = self.convene.names.get(&ask)?;
        let shares = self.convene.name_shares.range((ask, 0)..=(ask, u8::MAX));
        Some(NameView {
            ask,
            party: asked.party,
            name: hex::encode(name_bytes(&asked.name)),
            letters: hex::encode(asked.letters),
            ceremony: asked.ceremony,
            shares: shares
                .map(|((_, who), letter)| (*who, hex::encode(letter.as_slice())))
                .collect(),
        })
    }

    pub(crate) fn name_views(&self) -> impl Iterator<Item = NameView> {
        let all = self.convene.names.iter();
        all.filter_map(|(ask, _)| self.name_view(*ask))
    }

    pub(crate) fn offices_view(&self) -> OfficesView {
        let (policy, endorsers): (_, &[ReplicaId]) = match &self.next.policy {
            ProposerPolicy::Sticky => ("sticky", &[]),
            ProposerPolicy::Rotation => ("rotation", &[]),
            ProposerPolicy::Endorsers { order, .. } => ("endorsers", order),
            ProposerPolicy::Beacon { .. } => ("beacon", &[]),
            ProposerPolicy::Stake => ("stake", &[]),
        };
        let members = self.next.roster.members().iter();
        let committee = self.convene.committee();
        OfficesView {
            policy: policy.to_owned(),
            endorsers: endorsers.iter().map(|id| id.get()).collect(),
            replicas: members
                .map(|m| ReplicaView {
                    replica: m.id.get(),
                    class: class_name(m.class).to_owned(),
                    region: m.region.clone(),
                    may_propose: m.may_propose,
                    votes: m.votes,
                    hospital: self.convene.hosts.get(&m.id).copied(),
                })
                .collect(),
            proxies: committee.map(|all| {
                let officer = |(account, key): (AccountId, [u8; 48])| OfficerView {
                    account,
                    key: hex::encode(key),
                };
                all.into_iter().map(officer).collect()
            }),
        }
    }

    /// Where the beacon is.
    #[must_use]
    pub fn beacon_view(&self) -> BeaconView {
        let next = self.beacon_round.saturating_add(1);
        let convene = &self.convene;
        let since = convene.beacon_keys.range(..=next).next_back();
        let parts = convene.round_parts.range((next, 0)..=(next, u8::MAX));
        BeaconView {
            round: self.beacon_round,
            ceremony: convene.beacon_ceremony(next),
            since: since.map_or(1, |(round, _)| *round),
            signed: parts.map(|((_, who), _)| *who).collect(),
        }
    }

    pub(crate) fn hospital_views(&self) -> impl Iterator<Item = HospitalView> {
        let endorsers = match &self.next.policy {
            ProposerPolicy::Endorsers { order, .. } => order.as_slice(),
            _ => &[],
        };
        let convene = &self.convene;
        let hospitals = self
            .parties
            .iter()
            .filter(|(_, p)| p.issuer_key().is_some());
        hospitals.map(move |(hospital, _)| {
            let mut hosts = convene.hosts.iter();
            let replica = hosts.find(|(_, host)| *host == hospital).map(|(id, _)| *id);
            HospitalView {
                hospital: *hospital,
                region: convene.region(hospital).map(str::to_owned),
                replica: replica.map(|id| id.get()),
                vote: convene.votes.get(hospital).copied(),
                endorses: replica.is_some_and(|id| endorsers.contains(&id)),
            }
        })
    }
}
