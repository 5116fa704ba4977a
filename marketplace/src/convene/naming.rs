//! Names and their keys over the ledger: a party asks for the key of a name of its own, the ledger logs it,
//! and each authority answers with its share in a letter. What a name may be is the policy: one's own
//! records, and one's own roles in the epoch that runs, so that a party which is dismissed gets no next one.

use eligo_ledger::wire::Wire;
use eligo_sharing::dkg::Participant;
use eligo_sharing::domain::{int, lp};
use eligo_sharing::ibe::Identity;
use eligo_sharing::tcpre::RecordId;

use crate::certificate::Role;
use crate::contract::{Contract, Moment};
use crate::convene::event::Convened;
use crate::encoding::{Blob, Text, wire_enum, wire_struct};
use crate::event::Event;
use crate::name::{AccountId, CeremonyName, ChainId};
use crate::rejection::Rejection;

/// The longest role, in bytes.
pub const MAX_ROLE: usize = 64;
/// The longest letter with a share of a name's key, in bytes.
pub const MAX_SHARE_LETTER: usize = 512;
/// How many days an epoch of roles lasts.
pub const EPOCH_DAYS: u32 = 30;

wire_enum! {
    /// A name of a party's.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Name("name") {
        /// One version of one of a hospital's records.
        1 => Record {
            /// The record, as the hospital numbers it.
            record: [u8; 32],
            /// Its version, from 1.
            version: u64,
        },
        /// A role in the epoch that runs.
        2 => Role {
            /// Such as a department.
            role: Text<MAX_ROLE>,
            /// The epoch: civil days / [`EPOCH_DAYS`].
            epoch: u64,
        },
    }
}

impl Name {
    /// The name under which it is sealed to: its party's account stands for the organisation.
    #[must_use]
    pub fn identity(&self, party: &AccountId) -> Identity {
        let organisation = party.to_string();
        match self {
            Self::Record { record, version } => {
                Identity::of_record(&organisation, &RecordId::new(*record), *version)
            }
            Self::Role { role, epoch } => Identity::of_role(&organisation, role.as_str(), *epoch),
        }
    }
}

/// The epoch of a day, a civil number.
#[must_use]
pub const fn epoch_of(day: u32) -> u64 {
    (day / EPOCH_DAYS) as u64
}

/// What a letter with a share is bound to: `LP("ELIGO-CONVENE-V01-NAME", chain, ask)`, and the authority's
/// number.
#[must_use]
pub fn letter_binding(chain: &ChainId, ask: u64, authority: Participant) -> (Vec<u8>, Vec<u8>) {
    let info = lp(&[b"ELIGO-CONVENE-V01-NAME", chain.as_bytes(), &int(ask)]);
    (info, vec![authority.number()])
}

wire_struct! {
    /// A party asks for the key of one of its names.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct NameAsk {
        pub(crate) party: AccountId,
        pub(crate) name: Name,
        /// Where shares are sealed to.
        pub(crate) letters: [u8; 32],
        /// Whose authorities answer.
        pub(crate) ceremony: CeremonyName,
    }
}

/// A letter with a share, as the ledger carries it.
pub type ShareLetter = Blob<MAX_SHARE_LETTER>;

pub(crate) fn check_ask(
    contract: &Contract,
    sender: &AccountId,
    name: &Name,
    now: &Moment,
) -> Result<CeremonyName, Rejection> {
    let role = &contract.admitted(sender)?.certificate.role;
    let theirs = match name {
        Name::Record { .. } => matches!(role, Role::Hospital { .. }),
        Name::Role { role: text, epoch } => {
            matches!(role, Role::Hospital { .. } | Role::Institution)
                && !text.as_str().is_empty()
                && *epoch == epoch_of(now.today()?)
        }
    };
    if !theirs {
        return Err(Rejection::NameNotTheirs);
    }
    let ceremony = contract.convene.identity_ceremony();
    ceremony.ok_or(Rejection::NoAuthorities)
}

pub(crate) fn write_ask(
    contract: &mut Contract,
    party: AccountId,
    (name, letters): (&Name, [u8; 32]),
    ceremony: CeremonyName,
    events: &mut Vec<Event>,
) {
    let ask = contract.convene.asked;
    contract.convene.asked = ask.saturating_add(1);
    let asked = NameAsk {
        party,
        name: name.clone(),
        letters,
        ceremony,
    };
    contract.convene.names.insert(ask, asked);
    events.push(Event::Convened(Convened::NameAsked { ask, party }));
}

pub(crate) fn check_share(
    contract: &Contract,
    sender: &AccountId,
    ask: u64,
) -> Result<Participant, Rejection> {
    let asked = contract.convene.names.get(&ask);
    let asked = asked.ok_or(Rejection::UnknownName)?;
    let participant = contract.convene.participant(&asked.ceremony, sender);
    let participant = participant.ok_or(Rejection::NotParticipant)?;
    // Dismissed, it has its share of the key still, and no business with names.
    contract.admitted(sender)?;
    let answered = (ask, participant.number());
    if contract.convene.name_shares.contains(&answered) {
        return Err(Rejection::SpokenAlready);
    }
    Ok(participant)
}

pub(crate) fn write_share(
    contract: &mut Contract,
    (authority, participant): (AccountId, Participant),
    ask: u64,
    letter: &ShareLetter,
    events: &mut Vec<Event>,
) {
    let key = (ask, participant.number());
    contract.convene.name_shares.insert(key, letter.clone());
    events.push(Event::Convened(Convened::NameShared { ask, authority }));
}

/// The bytes of a name as the view shows them.
pub(crate) fn name_bytes(name: &Name) -> Vec<u8> {
    name.to_wire()
}
