//! What happened, typed, and found by record, requirement, claim or party.

use eligo_ledger::height::Height;
use eligo_ledger::wire::Wire;

use crate::care::CareEvent;
use crate::certificate::Level;
use crate::convene::event::Convened;
use crate::credits::Credits;
use crate::encoding::{List, wire_enum, wire_struct};
use crate::name::{
    AccountId, AskId, CeremonyName, ClaimId, EncounterName, Lineage, RecordName, RequirementName,
};
use crate::transaction::Finding;

wire_enum! {
    /// Something that happened.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Event("event") {
        /// A party was admitted, or its certificate renewed.
        1 => PartyCertified {
            /// The party.
            party: AccountId,
            /// A hospital's level.
            level: Option<Level>,
        },
        /// A party's certificate ended.
        2 => PartyDismissed {
            /// The party.
            party: AccountId,
        },
        /// Credits moved.
        3 => Transferred {
            /// From.
            from: AccountId,
            /// To.
            to: AccountId,
            /// How many.
            amount: Credits,
        },
        /// A hospital's bond changed.
        4 => BondChanged {
            /// The hospital.
            hospital: AccountId,
            /// What the bond is now.
            bond: Credits,
        },
        /// A record was registered.
        5 => RecordRegistered {
            /// The record.
            record: RecordName,
            /// Its hospital.
            hospital: AccountId,
            /// Its lineage.
            lineage: Lineage,
        },
        /// A record was taken off the market.
        6 => RecordWithdrawn {
            /// The record.
            record: RecordName,
        },
        /// A proxy entered the roster.
        7 => ProxyRegistered {
            /// The proxy.
            proxy: AccountId,
            /// Its stake.
            stake: Credits,
        },
        /// A proxy left the roster.
        8 => ProxyWithdrawn {
            /// The proxy.
            proxy: AccountId,
        },
        /// A requirement was published and its escrow locked.
        9 => RequirementPublished {
            /// The requirement.
            requirement: RequirementName,
            /// By whom.
            institution: AccountId,
            /// What was locked.
            escrow: Credits,
        },
        /// A requirement's proxies were drawn.
        10 => ProxiesDrawn {
            /// The requirement.
            requirement: RequirementName,
            /// The beacon's round.
            round: u64,
            /// The proxies in order: the first has number 1.
            proxies: List<AccountId, 64>,
        },
        /// A requirement was withdrawn, completed or ran out; what was not reserved came back.
        11 => RequirementClosed {
            /// The requirement.
            requirement: RequirementName,
            /// Whose.
            institution: AccountId,
            /// What came back.
            returned: Credits,
        },
        /// A claim was accepted: its reward and fees are reserved.
        12 => ClaimAccepted {
            /// The claim.
            claim: ClaimId,
            /// The requirement.
            requirement: RequirementName,
            /// The record.
            record: RecordName,
            /// Who is paid.
            account: AccountId,
        },
        /// A claim was rejected.
        13 => ClaimRejected {
            /// The claim.
            claim: ClaimId,
            /// The [reason's](crate::rejection::Rejection) number.
            reason: u32,
        },
        /// Somebody was counted.
        14 => Counted {
            /// The draft.
            requirement: RequirementName,
            /// How many are counted now.
            count: u32,
        },
        /// A share was verified and its fee paid.
        15 => SharePosted {
            /// The claim.
            claim: ClaimId,
            /// The record.
            record: RecordName,
            /// The proxy.
            proxy: AccountId,
            /// The fee.
            fee: Credits,
        },
        /// A share was false: evidence against the proxy.
        16 => FalseShare {
            /// The claim.
            claim: ClaimId,
            /// The proxy.
            proxy: AccountId,
            /// SHA-256 of the share's bytes.
            share: [u8; 32],
            /// What it lost.
            slashed: Credits,
        },
        /// A proxy let a claim expire without a word.
        17 => ProxySilent {
            /// The claim.
            claim: ClaimId,
            /// The proxy.
            proxy: AccountId,
            /// What it lost.
            slashed: Credits,
        },
        /// Enough shares are there: the institution can open.
        18 => Delivered {
            /// The claim.
            claim: ClaimId,
            /// The requirement.
            requirement: RequirementName,
            /// The record.
            record: RecordName,
        },
        /// The reward moved and the licence runs.
        19 => Settled {
            /// The claim.
            claim: ClaimId,
            /// The requirement.
            requirement: RequirementName,
            /// The record.
            record: RecordName,
            /// Who was paid.
            account: AccountId,
            /// How much.
            reward: Credits,
        },
        /// A claim ended undelivered: its reserve went back, its licence is released.
        20 => Expired {
            /// The claim.
            claim: ClaimId,
            /// The requirement.
            requirement: RequirementName,
            /// The record.
            record: RecordName,
            /// What went back.
            returned: Credits,
        },
        /// A grant was revoked.
        21 => Revoked {
            /// The claim.
            claim: ClaimId,
            /// The record.
            record: RecordName,
            /// From this height on no share is taken.
            effective: u64,
        },
        /// A delivered record is disputed.
        22 => Disputed {
            /// The claim.
            claim: ClaimId,
            /// The record.
            record: RecordName,
            /// By whom.
            institution: AccountId,
            /// Against whom.
            hospital: AccountId,
        },
        /// An arbiter judged.
        23 => VerdictGiven {
            /// The claim.
            claim: ClaimId,
            /// The arbiter.
            arbiter: AccountId,
            /// Who is at fault.
            finding: Finding,
        },
        /// The hospital was at fault: the buyer is refunded, the patient made whole from its bond.
        24 => Refunded {
            /// The claim.
            claim: ClaimId,
            /// The record.
            record: RecordName,
            /// The hospital.
            hospital: AccountId,
            /// What the institution got back.
            refund: Credits,
            /// What the patient got from the bond.
            compensation: Credits,
        },
        /// The record was what was signed: the reward moved all the same.
        25 => Upheld {
            /// The claim.
            claim: ClaimId,
            /// The record.
            record: RecordName,
            /// Who was paid.
            account: AccountId,
            /// What the disputer lost to the hospital.
            deposit: Credits,
        },
        /// A round of the beacon.
        26 => BeaconRound {
            /// The round.
            round: u64,
        },
        /// The ledger's roster or policy changes.
        27 => Governed {
            /// By the registrar.
            registrar: AccountId,
        },
        /// Something happened in a patient's care.
        28 => Care(CareEvent),
        /// In a ceremony or an election.
        60 => Convened(Convened),
    }
}

/// What events are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A record.
    Record(RecordName),
    /// A requirement.
    Requirement(RequirementName),
    /// A claim.
    Claim(ClaimId),
    /// An account.
    Party(AccountId),
    /// An encounter.
    Encounter(EncounterName),
    /// A doctor's ask.
    Ask(AskId),
    /// A key generation.
    Ceremony(CeremonyName),
    /// A round of the beacon.
    Round(u64),
}

impl Event {
    /// Everything the event is about.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        use Subject::{Claim, Party, Record, Requirement};
        match self {
            Self::PartyCertified { party, .. } | Self::PartyDismissed { party } => {
                vec![Party(*party)]
            }
            Self::Transferred { from, to, .. } => vec![Party(*from), Party(*to)],
            Self::BondChanged { hospital, .. } => vec![Party(*hospital)],
            Self::RecordRegistered {
                record, hospital, ..
            } => vec![Record(*record), Party(*hospital)],
            Self::RecordWithdrawn { record } => vec![Record(*record)],
            Self::ProxyRegistered { proxy, .. } | Self::ProxyWithdrawn { proxy } => {
                vec![Party(*proxy)]
            }
            Self::RequirementPublished {
                requirement,
                institution,
                ..
            }
            | Self::RequirementClosed {
                requirement,
                institution,
                ..
            } => vec![Requirement(*requirement), Party(*institution)],
            Self::ProxiesDrawn {
                requirement,
                proxies,
                ..
            } => {
                let mut all = vec![Requirement(*requirement)];
                all.extend(proxies.as_slice().iter().map(|proxy| Party(*proxy)));
                all
            }
            Self::ClaimAccepted {
                claim,
                requirement,
                record,
                account,
            }
            | Self::Settled {
                claim,
                requirement,
                record,
                account,
                ..
            } => vec![
                Claim(*claim),
                Requirement(*requirement),
                Record(*record),
                Party(*account),
            ],
            Self::ClaimRejected { claim, .. } => vec![Claim(*claim)],
            Self::Counted { requirement, .. } => vec![Requirement(*requirement)],
            Self::SharePosted {
                claim,
                record,
                proxy,
                ..
            } => vec![Claim(*claim), Record(*record), Party(*proxy)],
            Self::FalseShare { claim, proxy, .. } | Self::ProxySilent { claim, proxy, .. } => {
                vec![Claim(*claim), Party(*proxy)]
            }
            Self::Delivered {
                claim,
                requirement,
                record,
            }
            | Self::Expired {
                claim,
                requirement,
                record,
                ..
            } => vec![Claim(*claim), Requirement(*requirement), Record(*record)],
            Self::Revoked { claim, record, .. } => vec![Claim(*claim), Record(*record)],
            Self::Disputed {
                claim,
                record,
                institution,
                hospital,
            } => vec![
                Claim(*claim),
                Record(*record),
                Party(*institution),
                Party(*hospital),
            ],
            Self::VerdictGiven { claim, arbiter, .. } => vec![Claim(*claim), Party(*arbiter)],
            Self::Refunded {
                claim,
                record,
                hospital,
                ..
            } => vec![Claim(*claim), Record(*record), Party(*hospital)],
            Self::Upheld {
                claim,
                record,
                account,
                ..
            } => vec![Claim(*claim), Record(*record), Party(*account)],
            Self::BeaconRound { round } => vec![Subject::Round(*round)],
            Self::Governed { registrar } => vec![Party(*registrar)],
            Self::Care(event) => event.subjects(),
            Self::Convened(convened) => convened.subjects(),
        }
    }
}

impl<'de, T: serde::Deserialize<'de>, const MAX: usize> serde::Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let values = <Vec<T> as serde::Deserialize>::deserialize(from)?;
        Self::new(values).map_err(serde::de::Error::custom)
    }
}

impl<T: serde::Serialize, const MAX: usize> serde::Serialize for List<T, MAX> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(to)
    }
}

wire_struct! {
    /// Where an event stands in the history: in order.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub struct Place {
        /// The block.
        pub height: Height,
        /// Its number among the block's events, from 0.
        pub number: u32,
    }
}

wire_struct! {
    /// An event with what caused it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Logged {
        /// The block's time, milliseconds since 1970.
        pub time_ms: u64,
        /// The transaction's position in the block; none for what the block's end does by itself.
        pub transaction: Option<u32>,
        /// What happened.
        pub event: Event,
    }
}

/// The events of one transaction as they stand in its outcome.
///
/// # Errors
/// [`WireError`](eligo_ledger::wire::WireError) if the bytes are none, as after a refusal.
pub fn read_outcome(data: &[u8]) -> Result<Vec<Event>, eligo_ledger::wire::WireError> {
    List::<Event, MAX_EVENTS>::from_wire(data).map(|events| events.as_slice().to_vec())
}

/// The most events of one transaction.
pub const MAX_EVENTS: usize = 4096;
