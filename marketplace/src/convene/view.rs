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

use eligo_ledger::proposer::ProposerPolicy;
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
