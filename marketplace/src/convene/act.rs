//! What can be asked of convening: ceremonies, votes, elections, and who runs which replica.

use eligo_ledger::height::ReplicaId;
use eligo_ledger::roster::MAX_REGION;
use eligo_sharing::dkg;

use crate::convene::beacon::RoundPart;
use crate::convene::naming::{Name, ShareLetter};
use crate::convene::transcript::{Message, Stage};
use crate::encoding::{List, Text, wire_enum, wire_struct};
use crate::name::{AccountId, CeremonyName, RequirementName};
pub use crate::proxy::DrawnProxy;

/// How many proxies serve a requirement or an ask at most.
pub const MAX_DRAWN: usize = 64;

wire_enum! {
    /// What a key made together is for. Each purpose has its own; the latest is in force.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum KeyPurpose("purpose of a key") {
        /// Identity-based encryption: emergencies, and sealing to names.
        1 => Identity,
        /// The expiry gate of re-encryption.
        2 => Gate,
        /// The randomness beacon.
        3 => Beacon,
    }
}

impl From<KeyPurpose> for dkg::Purpose {
    fn from(purpose: KeyPurpose) -> Self {
        match purpose {
            KeyPurpose::Identity => Self::Identity,
            KeyPurpose::Gate => Self::Gate,
            KeyPurpose::Beacon => Self::Beacon,
        }
    }
}

wire_struct! {
    /// An authority that takes part in a ceremony.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Authority {
        /// Its account, an admitted party's: signs what it says.
        pub account: AccountId,
        /// Where shares for it are sealed to, a
        /// [`LetterPublicKey`](eligo_sharing::letter::LetterPublicKey).
        pub letters: [u8; 32],
    }
}

wire_struct! {
    /// How long each round of a ceremony lasts at most: both must be over. A round ends before that when
    /// everyone whose turn it is has spoken.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Windows {
        /// Blocks, at least 1.
        pub blocks: u32,
        /// Milliseconds of block time; 0 for heights alone. With it nobody can shut a slow participant out by
        /// filling blocks.
        pub ms: u64,
    }
}

wire_struct! {
    /// What a ceremony starts from.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct CeremonyTerms {
        /// What the key is for.
        pub purpose: KeyPurpose,
        /// t: how many can use the key, and fewer learn nothing of it.
        pub threshold: u16,
        /// The participants, numbered from 1 in this order; n >= 2t - 1.
        pub authorities: List<Authority, { dkg::MAX_PARTICIPANTS }>,
        /// How long each round lasts.
        pub windows: Windows,
    }
}

wire_enum! {
    /// An office, and how it is filled.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Office("office") {
        /// Endorsers who propose in turn: of each region the hospitals drawn first, by their votes.
        1 => Endorsers {
            /// How many of each region.
            per_region: u16,
            /// How many blocks a turn lasts.
            blocks_per_turn: u32,
        },
        /// Tertiary and secondary hospitals propose in rotation, community hospitals verify. Nothing is drawn:
        /// in force from the next block on.
        2 => Primaries,
        /// Every proposer in an order drawn from the beacon.
        3 => Orderers,
        /// A standing committee of proxies, by stake.
        4 => Proxies {
            /// How many.
            count: u16,
        },
    }
}

wire_enum! {
    /// What can be asked.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Act("convening") {
        /// Begins a key generation. By the registrar.
        1 => Begin(CeremonyTerms),
        /// Says what a round wants of an authority, once. By that authority.
        2 => Say {
            /// The ceremony.
            ceremony: CeremonyName,
            /// What is said.
            message: Message,
        },
        /// Asks for a block in which a round whose time is up ends. By an authority of the ceremony.
        3 => Close {
            /// The ceremony.
            ceremony: CeremonyName,
        },
        /// Says in which region a hospital is. By the registrar.
        4 => Place {
            /// The hospital.
            hospital: AccountId,
            /// The region; empty for none.
            region: Text<MAX_REGION>,
        },
        /// Says which hospital runs a replica: the replica's class, region and right to propose follow the
        /// hospital's certificate from then on. By the registrar.
        5 => Host {
            /// The hospital.
            hospital: AccountId,
            /// The replica.
            replica: ReplicaId,
        },
        /// Votes for a hospital of one's own region as endorser, until one votes otherwise; who never voted
        /// votes for itself. By a hospital.
        6 => Vote {
            /// For whom.
            candidate: AccountId,
        },
        /// Fills an office. By the registrar.
        7 => Elect(Office),
        /// Takes another key. By a proxy that serves nothing.
        8 => RenewProxyKey {
            /// E, to which its shares are encrypted from now on.
            key: [u8; 48],
            /// Proof that the proxy has e.
            possession: [u8; 96],
        },
        /// Asks the authorities for the key of a name of one's own. By a hospital or an institution.
        9 => AskName {
            /// The name.
            name: Name,
            /// Where the shares are sealed to, a
            /// [`LetterPublicKey`](eligo_sharing::letter::LetterPublicKey).
            letters: [u8; 32],
        },
        /// Gives one's share of a name's key, in a letter. By an authority.
        10 => ShareName {
            /// The ask's number.
            ask: u64,
            /// The letter.
            letter: ShareLetter,
        },
        /// Gives one's part of the beacon's next round. By an authority of the key that verifies it.
        11 => SignRound {
            /// The round.
            round: u64,
            /// The part.
            part: RoundPart,
        },
        /// Says where a ceremony is, and is refused unless it is there. That is the chain's own word for it: a
        /// node can prove each step that it tells of, and leave out others. By anyone.
        12 => Witness {
            /// The ceremony.
            ceremony: CeremonyName,
            /// Its round, or its end.
            stage: Stage,
            /// How many messages there were in the rounds before this one.
            said: u32,
            /// SHA-256 of the key's bytes, if one came out.
            key: Option<[u8; 32]>,
        },
        /// Has the contract say in a transaction's result who serves a requirement or an ask: a draw is made at
        /// the end of a block, which no result shows. By anyone; refused unless it is exactly so.
        13 => WitnessDraw {
            /// The requirement, or the ask as grants name it.
            service: RequirementName,
            /// Who was drawn, in order.
            proxies: List<DrawnProxy, MAX_DRAWN>,
        },
    }
}
