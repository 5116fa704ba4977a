//! Five authorities make a key that none of them has, over the ledger. One of them cheats, and is named.

use std::time::Instant;

use ed25519_dalek::SigningKey;
use eligo_marketplace::{
    agent::{Account, Agent, AuthorityAgent, AuthorityIdentity, Journal, read_share},
    certificate::Role,
    client::{Client, Desk},
    convene::{
        act::{Act, CeremonyTerms, KeyPurpose, Windows},
        event::{AuthorityFault, Convened},
        transcript::Message,
        view::CeremonyView,
    },
    encoding::{Blob, List},
    event::Event,
    name::CeremonyName,
    node::dev::DevChain,
    transaction::Body,
};
use eligo_sharing::{
    dkg::{Deal, GroupKey, KeyShare},
    domain::lp,
};
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use super::{Figures, Region, Tour, note};
use crate::{
    care::emergency,
    failure::{Attempt, Failure},
    market::admission::admit,
};

const NAMES: [&str; 5] = [
    "Ministry of Health",
    "Medical Chamber",
    "Patients' Ombudsman",
    "Northern Health Office",
    "Data Protection Office",
];
/// Who cheats; from 0.
const CHEAT: usize = 3;
/// Whom it cheats; from 0.
const CHEATED: usize = 1;
/// How many must work together.
const THRESHOLD: u16 = 3;
/// How long a round lasts if somebody keeps silent: both must be over.
const WINDOWS: Windows = Windows {
    blocks: 2,
    ms: 1_000,
};
/// How often every authority looks, at most.
const PATIENCE: usize = 200;

impl Tour<'_> {
    /// Certifies the authorities.
    pub(super) fn authorities<D: Desk>(
        &self,
        client: &Client<D>,
        chain: &DevChain,
    ) -> Attempt<Vec<AuthorityIdentity>> {
        let mut members = Vec::new();
        for name in NAMES {
            let mut seed = Zeroizing::new([0; 32]);
            OsRng.fill_bytes(seed.as_mut_slice());
            let account = SigningKey::from_bytes(&seed);
            let member = AuthorityIdentity::generate(name, account, &mut OsRng);
            let role = (name, Role::Institution);
            admit(client, chain.registrar(), member.account(), role, 0)?;
            members.push(member);
        }
        Ok(members)
    }

    fn authority_journal(&self, number: usize) -> Attempt<Journal> {
        let folder = self
            .path("journals")
            .join(format!("authority-{}", number + 1));
        Journal::open(&folder).map_err(Failure::unexpected)
    }

    /// An authority's share of the key in force.
    pub(super) fn share_of(
        &self,
        number: usize,
        ceremony: &CeremonyName,
    ) -> Attempt<(GroupKey, KeyShare)> {
        let share = read_share(&self.authority_journal(number)?, ceremony)?;
        share.ok_or_else(|| Failure::unexpected("an authority without a share"))
    }

    /// The key generation.
    pub(super) fn make_key(&self, region: &Region, figures: &mut Figures) -> Attempt<()> {
        self.chapter(
            "Five authorities make the key for emergencies over the ledger; no one has it",
        );
        let at = Instant::now();
        let name = begin(region)?;
        let view = self.attend(region, &name)?;
        let member = |id| region.authorities.iter().find(|m| m.account() == id);
        let fault = view.faults.first();
        let fault = fault.ok_or_else(|| Failure::unexpected("nobody was caught cheating"))?;
        let cheat = member(fault.authority).map_or("nobody", AuthorityIdentity::name);
        let what = match fault.fault {
            AuthorityFault::Unanswered { holder } => {
                let holder = member(holder).map_or("another", AuthorityIdentity::name);
                format!("gave the {holder} a false share and did not answer for it")
            }
            other => format!("{other:?}"),
        };
        self.line(
            at,
            "ceremony",
            &format!("the {cheat} {what}: named, and left out"),
        );
        let (_, key) = emergency::identity_key(&region.client)?;
        let (n, t) = (key.size(), key.threshold());
        let text = format!("the key is in force; {t} of {n} must work together");
        self.line(Instant::now(), "ceremony", &text);
        note(figures, "cheating_authority", cheat);
        Ok(())
    }

    /// Lets every authority do its part until there is a key, or none can be.
    fn attend(&self, region: &Region, name: &CeremonyName) -> Attempt<CeremonyView> {
        for _ in 0..PATIENCE {
            for (number, identity) in region.authorities.iter().enumerate() {
                let journal = self.authority_journal(number)?;
                let mut agent = AuthorityAgent::new(&region.client, identity, journal);
                if number == CHEAT {
                    agent = agent.distorting(cheat);
                }
                agent.step()?;
            }
            let view: Option<CeremonyView> =
                region.client.ask(&format!("convene/ceremony/{name}"))?;
            let view = view.ok_or_else(|| Failure::unexpected("the ceremony is not there"))?;
            let shares = (0..region.authorities.len())
                .map(|number| Ok(read_share(&self.authority_journal(number)?, name)?.is_some()));
            if view.stage.is_over() && shares.collect::<Attempt<Vec<_>>>()?.into_iter().all(|s| s) {
                return Ok(view);
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Err(Failure::unexpected("the ceremony does not end"))
    }
}

fn begin(region: &Region) -> Attempt<CeremonyName> {
    let cards = region.authorities.iter().map(AuthorityIdentity::card);
    let terms = CeremonyTerms {
        purpose: KeyPurpose::Identity,
        threshold: THRESHOLD,
        authorities: List::new(cards.collect()).map_err(Failure::unexpected)?,
        windows: WINDOWS,
    };
    let registrar = Account::new(&region.client, region.chain.registrar());
    let begun = registrar.send(Body::Convene(Act::Begin(terms)))?;
    let name = begun.accepted()?.into_iter().find_map(|e| match e {
        Event::Convened(Convened::CeremonyBegun { ceremony, .. }) => Some(ceremony),
        _ => None,
    });
    name.ok_or_else(|| Failure::unexpected("a ceremony without a name"))
}

/// Sends one authority another one's letter, and does not answer the complaint.
fn cheat(message: Message) -> Option<Message> {
    match message {
        Message::Deal(bytes) => {
            let false_deal = misdirect(bytes.as_slice())?;
            Some(Message::Deal(Blob::new(false_deal).ok()?))
        }
        Message::Answers(_) => None,
        honest => Some(honest),
    }
}

/// A deal with one letter in another one's place: its addressee gets no share that fits.
fn misdirect(deal: &[u8]) -> Option<Vec<u8>> {
    let mut fields = split(deal)?;
    let mut letters = split(fields.pop()?)?;
    let other = letters.get(CHEATED + 1).copied()?;
    *letters.get_mut(CHEATED)? = other;
    let letters = lp(&letters);
    fields.push(&letters);
    let deal = lp(&fields);
    Deal::from_bytes(&deal).is_ok().then_some(deal)
}

/// The parts of an LP encoding.
fn split(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (part, rest) = rest.split_at_checked(length)?;
        parts.push(part);
        bytes = rest;
    }
    bytes.is_empty().then_some(parts)
}
