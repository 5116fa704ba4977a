//! What happened in ceremonies and elections.

use eligo_sharing::dkg;

use crate::certificate::Level;
use crate::convene::act::KeyPurpose;
use crate::convene::transcript::Stage;
use crate::encoding::{List, wire_enum};
use crate::event::Subject;
use crate::name::{AccountId, AskId, CeremonyName, RequirementName};

wire_enum! {
    /// How an authority cheated or failed in a key generation.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum AuthorityFault("authority's fault") {
        /// It made no well-formed deal in time.
        1 => NoDeal,
        /// It did not answer this participant's complaint with a share that fits.
        2 => Unanswered {
            /// Who complained.
            holder: AccountId,
        },
        /// So many complain that at least one of them is honest.
        3 => ManyComplaints,
        /// It was qualified and exposed nothing.
        4 => NoExposure,
        /// It exposed something else than it committed to.
        5 => FalseExposure,
        /// It objected to an exposure that its share does not contradict.
        6 => FalseObjection {
            /// Whose exposure.
            dealer: AccountId,
        },
        /// It opened no shares of those to be reconstructed.
        7 => NoOpening,
    }
}

wire_enum! {
    /// Something that happened.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Convened("convening event") {
        /// A key generation began.
        1 => CeremonyBegun {
            /// Which.
            ceremony: CeremonyName,
            /// What the key will be for.
            purpose: KeyPurpose,
            /// Who takes part, in order.
            authorities: List<AccountId, { dkg::MAX_PARTICIPANTS }>,
        },
        /// An authority spoke; what it said is in the transaction.
        2 => Said {
            /// In which ceremony.
            ceremony: CeremonyName,
            /// Who.
            authority: AccountId,
            /// In which round.
            stage: Stage,
        },
        /// A round ended.
        3 => RoundEnded {
            /// In which ceremony.
            ceremony: CeremonyName,
            /// Which round comes now, or how it ended.
            stage: Stage,
        },
        /// An authority cheated or failed.
        4 => AuthorityFault {
            /// In which ceremony.
            ceremony: CeremonyName,
            /// Who.
            authority: AccountId,
            /// How.
            fault: AuthorityFault,
        },
        /// A key is in force.
        5 => KeySettled {
            /// Out of which ceremony.
            ceremony: CeremonyName,
            /// What it is for.
            purpose: KeyPurpose,
            /// SHA-256 of the key's bytes.
            key: [u8; 32],
        },
        /// A hospital is in another region, or first in one.
        6 => HospitalPlaced {
            /// The hospital.
            hospital: AccountId,
        },
        /// A hospital runs a replica.
        7 => ReplicaHosted {
            /// The hospital.
            hospital: AccountId,
            /// The replica.
            replica: u16,
        },
        /// A replica's part in proposing follows its hospital's certificate, two blocks later.
        8 => ReplicaChanged {
            /// The hospital.
            hospital: AccountId,
            /// The replica.
            replica: u16,
            /// The hospital's level; none if it is admitted no more.
            level: Option<Level>,
        },
        /// A hospital voted.
        9 => Voted {
            /// Who.
            hospital: AccountId,
            /// For whom.
            candidate: AccountId,
        },
        /// Votes and stakes were noted; a later round of the beacon draws.
        10 => ElectionCalled {
            /// Which.
            election: u64,
            /// The beacon's round.
            round: u64,
        },
        /// An office was filled.
        11 => Elected {
            /// By which election.
            election: u64,
            /// By which round; none where nothing is drawn.
            round: Option<u64>,
            /// Who, in order: hospitals or proxies; nobody where all take turns.
            elected: List<AccountId, 256>,
        },
        /// A proxy took another key.
        12 => ProxyKeyRenewed {
            /// The proxy.
            proxy: AccountId,
        },
        /// A party asked for the key of a name of its own.
        13 => NameAsked {
            /// Which ask.
            ask: u64,
            /// The party.
            party: AccountId,
        },
        /// An authority gave its share of it, in a letter.
        14 => NameShared {
            /// Which ask.
            ask: u64,
            /// The authority.
            authority: AccountId,
        },
        /// From a round on the beacon's rounds verify by another key.
        15 => BeaconPassed {
            /// The ceremony that made the key.
            ceremony: CeremonyName,
            /// The first round.
            round: u64,
        },
        /// An authority gave its part of the beacon's next round.
        16 => RoundSigned {
            /// The ceremony that made the key.
            ceremony: CeremonyName,
            /// Who.
            authority: AccountId,
            /// Which round.
            round: u64,
        },
        /// Somebody had the chain say where a ceremony is; what it says is in the transaction.
        17 => Witnessed {
            /// Which ceremony.
            ceremony: CeremonyName,
            /// Its round, or its end.
            stage: Stage,
        },
        /// The contract bore witness to who was drawn; whom, is in the transaction.
        18 => DrawWitnessed {
            /// For which requirement, or for which ask as grants name it.
            service: RequirementName,
            /// How many were drawn.
            proxies: u16,
        },
    }
}

impl Convened {
    /// Everything it is about.
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        use Subject::{Ask, Ceremony, Party, Requirement};
        match self {
            Self::CeremonyBegun {
                ceremony,
                authorities,
                ..
            } => {
                let mut all = vec![Ceremony(*ceremony)];
                all.extend(authorities.as_slice().iter().map(|a| Party(*a)));
                all
            }
            Self::Said {
                ceremony,
                authority,
                ..
            }
            | Self::AuthorityFault {
                ceremony,
                authority,
                ..
            }
            | Self::RoundSigned {
                ceremony,
                authority,
                ..
            } => vec![Ceremony(*ceremony), Party(*authority)],
            Self::RoundEnded { ceremony, .. }
            | Self::KeySettled { ceremony, .. }
            | Self::BeaconPassed { ceremony, .. }
            | Self::Witnessed { ceremony, .. } => vec![Ceremony(*ceremony)],
            Self::HospitalPlaced { hospital }
            | Self::ReplicaHosted { hospital, .. }
            | Self::ReplicaChanged { hospital, .. } => vec![Party(*hospital)],
            Self::Voted {
                hospital,
                candidate,
            } => vec![Party(*hospital), Party(*candidate)],
            Self::ElectionCalled { .. } => Vec::new(),
            Self::Elected { elected, .. } => elected.as_slice().iter().map(|e| Party(*e)).collect(),
            Self::ProxyKeyRenewed { proxy } => vec![Party(*proxy)],
            Self::NameAsked { party, .. } => vec![Party(*party)],
            Self::NameShared { authority, .. } => vec![Party(*authority)],
            // It is one of them, and there is nothing else of this name.
            Self::DrawWitnessed { service, .. } => {
                vec![Requirement(*service), Ask(AskId::new(*service.as_bytes()))]
            }
        }
    }

    /// Whether it happens at the end of a block, by no transaction.
    #[cfg(feature = "client")]
    pub(crate) const fn happens_by_itself(&self) -> bool {
        matches!(
            self,
            Self::RoundEnded { .. }
                | Self::AuthorityFault { .. }
                | Self::KeySettled { .. }
                | Self::BeaconPassed { .. }
                | Self::ReplicaChanged { .. }
                | Self::Elected { .. }
        )
    }
}
