//! Which key the beacon's rounds verify by, and rounds that authorities sign together over the ledger.
//!
//! The genesis document's key verifies until a ceremony made another: from the round after the last one then
//! known on, that one does. So a beacon whose signers are lost can be replaced, and no round verifies by two
//! keys. The key is new to everyone: no less than t of its authorities know a round of it early, and they can
//! bend nothing that was called before, as the last to speak in a ceremony bends no key.
//!
//! The authorities of such a key post their parts of the next round, each proving itself; the t-th part makes
//! the round. A draw uses the second round after the last known one, so what is seen of the next round before
//! it is whole decides nothing.

use eligo_sharing::beacon::{BeaconKey, PartialSignature, Randomness, Round, combine};
use eligo_sharing::dkg::{GroupKey, Participant};

use crate::contract::Contract;
use crate::convene::event::Convened;
use crate::encoding::Blob;
use crate::event::Event;
use crate::governance;
use crate::name::{AccountId, CeremonyName};
use crate::rejection::Rejection;
use crate::transaction::Body;

/// The longest part of a round, in bytes.
pub const MAX_PART: usize = 160;

/// An authority's part of a round: a [`PartialSignature`]'s bytes.
pub type RoundPart = Blob<MAX_PART>;

/// What a part does to its round.
pub(crate) enum Posted {
    /// It is kept beside the others.
    Part,
    /// With the others it makes the round.
    Whole(Randomness),
}

/// The key by which this content's round verifies, if it is a round; `first` is the genesis document's.
pub(crate) fn key_for(contract: &Contract, body: &Body, first: &BeaconKey) -> BeaconKey {
    let Body::BeaconRound { round, .. } = body else {
        return *first;
    };
    let made = contract.convene.beacon_key(*round);
    let made = made.and_then(|key| BeaconKey::new(key).ok());
    made.unwrap_or(*first)
}

/// Puts a key that was made in force from the next round on.
pub(crate) fn write_pass(contract: &mut Contract, ceremony: CeremonyName, events: &mut Vec<Event>) {
    let round = contract.beacon_round.saturating_add(1);
    contract.convene.beacon_keys.insert(round, ceremony);
    // Parts of the key before are worth nothing now.
    contract.convene.forget_parts();
    events.push(Event::Convened(Convened::BeaconPassed { ceremony, round }));
}

/// The ceremony and number of an authority that may give its part of this round now.
pub(crate) fn check_turn(
    contract: &Contract,
    sender: &AccountId,
    round: u64,
) -> Result<(CeremonyName, Participant), Rejection> {
    governance::check_round(contract, round)?;
    let ceremony = contract.convene.beacon_ceremony(round);
    let ceremony = ceremony.ok_or(Rejection::NoAuthorities)?;
    let participant = contract.convene.participant(&ceremony, sender);
    let participant = participant.ok_or(Rejection::NotParticipant)?;
    let spoken = (round, participant.number());
    if contract.convene.round_parts.contains(&spoken) {
        return Err(Rejection::SpokenAlready);
    }
    Ok((ceremony, participant))
}

/// Whether it is the sender's part of the round, and what it does: two pairings, and where it is the t-th two
/// for each.
pub(crate) fn check_part(
    contract: &Contract,
    sender: &AccountId,
    round: u64,
    part: &RoundPart,
) -> Result<(CeremonyName, Participant, Posted), Rejection> {
    let (ceremony, participant) = check_turn(contract, sender, round)?;
    let key = contract.convene.key_of(&ceremony);
    let key = key.ok_or(Rejection::NoAuthorities)?;
    let mut parts = vec![verified(key, round, participant, part)?];
    let before = contract
        .convene
        .round_parts
        .range((round, 0)..=(round, u8::MAX));
    let before: Vec<_> = before.collect();
    if before.len().saturating_add(1) < key.threshold() {
        return Ok((ceremony, participant, Posted::Part));
    }
    for ((_, number), part) in before {
        let Some(who) = Participant::new((*number).into()) else {
            continue;
        };
        parts.push(verified(key, round, who, part)?);
    }
    let output = combine(key, Round::new(round), &parts);
    let output = output.map_err(|_| Rejection::BeaconSignature)?;
    Ok((ceremony, participant, Posted::Whole(output.randomness())))
}

fn verified(
    key: &GroupKey,
    round: u64,
    who: Participant,
    part: &RoundPart,
) -> Result<eligo_sharing::beacon::VerifiedPartial, Rejection> {
    let part = PartialSignature::from_bytes(part.as_slice());
    let part = part.map_err(|_| Rejection::BeaconSignature)?;
    if part.round() != Round::new(round) || part.signer() != who {
        return Err(Rejection::BeaconSignature);
    }
    part.verify(key).map_err(|_| Rejection::BeaconSignature)
}

pub(crate) fn write_part(
    contract: &mut Contract,
    authority: AccountId,
    (ceremony, participant, posted): (CeremonyName, Participant, Posted),
    (round, part): (u64, &RoundPart),
    events: &mut Vec<Event>,
) {
    let place = (round, participant.number());
    contract.convene.round_parts.insert(place, part.clone());
    events.push(Event::Convened(Convened::RoundSigned {
        ceremony,
        authority,
        round,
    }));
    if let Posted::Whole(randomness) = posted {
        governance::write_round(contract, round, randomness, events);
    }
}
