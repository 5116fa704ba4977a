//! A patient, or a relative, answers an ask: which records, until when, and what may be searched for.

use std::collections::BTreeSet;

use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use eligo_marketplace::{
    agent::trail::{self, AskTrail},
    care::{
        Act, CareEvent,
        act::{
            Hand, Permit, RecordGrant, SignedPermit, TokenLetter, ask_letter_info, revocation_bytes,
        },
    },
    client::{Client, Desk},
    encoding::{Blob, List},
    event::{Event, Subject},
    name::{AccountId, AskId, ChainId, EncounterName, RecordName},
};
use eligo_sharing::{
    keys::RecordKey,
    letter::{Letter, LetterKey},
    search::{SearchToken, Trapdoor},
    tcpre::{Capsule, GrantTerms, ProxyRoster, Window, grant},
    wallet::Wallet,
};
use rand_core::OsRng;

use super::{
    crumbs::Crumb,
    form::Form,
    opening::{proved_trail_of, trail_of},
    order::{Place, SearchOrder},
    request::Request,
    searching::SearcherCard,
    words::Wanted,
};
use crate::failure::{Attempt, Failure, Kind};

/// How much longer ago than now a grant begins, in seconds: clocks differ.
const SLACK: u64 = 600;

/// An ask as the patient's device reads it: what the letter says, and what the ledger certifies.
pub struct Asked {
    /// What the ledger shows of it.
    pub trail: AskTrail,
    /// The letter.
    pub request: Request,
    /// The doctor's certified name.
    pub doctor: Option<String>,
    /// The hospital's certified name.
    pub hospital: Option<String>,
}

impl Asked {
    /// Whether the letter names whom the ledger certifies.
    pub fn is_as_it_says(&self) -> bool {
        self.doctor.as_ref() == Some(&self.request.doctor)
            && self.hospital.as_ref() == Some(&self.request.hospital)
    }
}

/// Reads an ask with the letter key of the visit it was addressed to.
pub fn read_ask<D: Desk>(client: &Client<D>, ask: &AskId, letters: &LetterKey) -> Attempt<Asked> {
    let trail = trail_of(client, ask)?;
    let chain = ChainId::from(client.chain());
    let terms = trail.terms();
    let letter = Letter::from_bytes(terms.letter.as_slice())
        .map_err(|e| Failure::new(Kind::File, e).of(ask))?;
    let info = ask_letter_info(&chain, &terms.inbox);
    let request = Request::open(&letter, letters, &info).map_err(|e| e.of(ask))?;
    Ok(Asked {
        doctor: certified_name(client, &trail.doctor())?,
        hospital: certified_name(client, &terms.hospital)?,
        request,
        trail,
    })
}

/// The name that the ledger certifies an account under.
fn certified_name<D: Desk>(client: &Client<D>, id: &AccountId) -> Attempt<Option<String>> {
    let party = client.account(id)?.and_then(|a| a.party);
    Ok(party.filter(|p| p.admitted).map(|p| p.name))
}

/// An ask at a visit, as far as it matters to another one there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenAsk {
    /// The ask.
    pub ask: AskId,
    /// Who asks.
    pub doctor: AccountId,
    /// The name that the ledger certifies the doctor under.
    pub name: Option<String>,
    /// Through which hospital.
    pub hospital: AccountId,
    /// Whether it is neither over nor taken back.
    pub is_open: bool,
    /// Whether it was permitted.
    pub is_answered: bool,
}

/// What the doctor of an ask asks besides at the same visit. Each hospital's asks have a draw of proxies of their own,
/// so who asks through several may choose among draws.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Besides {
    /// The other asks of the same account, or of one that is certified under the same name; also those that are over.
    pub asks: Vec<AskId>,
    /// Through how many hospitals all of them are, this one included.
    pub hospitals: usize,
    /// An open ask of the same account through another hospital that came first, or was permitted: one of the two is
    /// enough.
    pub stands: Option<AskId>,
}

impl Besides {
    /// Finds them among all asks at the visit, oldest first.
    pub fn of(ask: &AskId, all: &[SeenAsk]) -> Self {
        let Some((this, own)) = all.iter().enumerate().find(|(_, seen)| seen.ask == *ask) else {
            return Self::default();
        };
        let is_whose =
            |o: &SeenAsk| o.doctor == own.doctor || (o.name.is_some() && o.name == own.name);
        let theirs = || all.iter().filter(|o| is_whose(o));
        let hospitals: BTreeSet<_> = theirs().map(|o| o.hospital).collect();
        let mut others = all.iter().enumerate().filter(|(at, other)| {
            let elsewhere = other.doctor == own.doctor && other.hospital != own.hospital;
            elsewhere && other.is_open && (*at < this || other.is_answered)
        });
        Self {
            asks: theirs().map(|o| o.ask).filter(|o| o != ask).collect(),
            hospitals: hospitals.len(),
            stands: others.next().map(|(_, other)| other.ask),
        }
    }

    /// What the patient is to know before permitting.
    pub fn warning(&self, ask: &AskId) -> Option<String> {
        (self.hospitals > 1).then(|| {
            format!(
                "ask {ask}: {} asks at this visit are by this doctor or name, through {} hospitals, each with its own \
                 draw of proxies; permit one of them at most",
                self.asks.len().saturating_add(1),
                self.hospitals
            )
        })
    }
}

/// Every ask at an encounter as it matters to the others, oldest first, also those whose letters cannot be read. A node
/// can leave some out.
pub fn seen_at<D: Desk>(
    client: &Client<D>,
    encounter: &EncounterName,
    now_ms: u64,
) -> Attempt<Vec<SeenAsk>> {
    let mut seen = Vec::new();
    for ask in asks_at(client, encounter)? {
        let trail = trail_of(client, &ask)?;
        if trail.encounter() != *encounter {
            continue;
        }
        let (doctor, terms) = (trail.doctor(), trail.terms());
        seen.push(SeenAsk {
            ask,
            doctor,
            name: certified_name(client, &doctor)?,
            hospital: terms.hospital,
            is_open: !trail.is_over() && now_ms <= terms.until_ms,
            is_answered: trail.is_answered(),
        });
    }
    Ok(seen)
}

/// Every ask addressed to an encounter, oldest first.
pub fn asks_at<D: Desk>(client: &Client<D>, encounter: &EncounterName) -> Attempt<Vec<AskId>> {
    let steps = client.history(&Subject::Encounter(*encounter))?;
    let asks = steps.into_iter().filter_map(|step| match step.event {
        Event::Care(CareEvent::Asked { ask, .. }) => Some(ask),
        _ => None,
    });
    Ok(asks.collect())
}

/// A record of the patient's, with the secret that can grant it and the hand that signs for it.
pub struct Own<'a> {
    /// The record.
    pub record: RecordName,
    /// a of its encounter.
    pub key: &'a RecordKey,
    /// Its encounter's signing key, or the relative's account.
    pub signer: &'a SigningKey,
}

/// A search that is allowed: at which node, with what, where.
pub struct Search<'a> {
    /// The node.
    pub node: &'a SearcherCard,
    /// One for each word, month and hospital.
    pub trapdoors: Vec<Trapdoor>,
    /// Where matching rows are known to be; everywhere if empty.
    pub places: Vec<Place>,
}

/// Who answers: the encounter's own key, or a relative's account under a delegation.
#[derive(Clone, Copy)]
pub struct Answering<'a> {
    /// The key that signs.
    pub signer: &'a SigningKey,
    /// Whose hand it is.
    pub hand: Hand,
}

/// The proxies drawn for an ask, with the keys they stood with when it was made: the chain's word for both.
fn proxies<D: Desk>(client: &Client<D>, trail: &AskTrail) -> Attempt<ProxyRoster> {
    trail.witnessed_roster(client)?.ok_or_else(|| {
        Failure::new(Kind::Closed, "the ask's proxies are not drawn yet")
            .help("try again when the beacon has made its round")
    })
}

fn grant_of<D: Desk>(
    client: &Client<D>,
    trail: &AskTrail,
    proxies: &ProxyRoster,
    own: &Own<'_>,
    window: Window,
) -> Attempt<RecordGrant> {
    let entry = trail::registered(client, &own.record)?;
    let capsule = Capsule::from_bytes(&entry.capsule).map_err(|e| Failure::new(Kind::File, e))?;
    let capsule = capsule.check().map_err(|e| Failure::new(Kind::File, e))?;
    if *capsule.key() != own.key.public() {
        let what = "the record was sealed to the keys of another visit, or of another wallet";
        return Err(Failure::new(Kind::File, what).of(own.record));
    }
    let receiver = eligo_sharing::keys::ReceivingPublicKey::from_bytes(&trail.terms().receiver);
    let terms = GrantTerms {
        key: *capsule.key(),
        label: *capsule.label(),
        receiver: receiver.map_err(|e| Failure::new(Kind::File, e))?,
        proxies: proxies.clone(),
        window,
        requirement: trail.ask().into(),
    };
    let signed = grant(own.key, terms, own.signer, &mut OsRng);
    let signed = signed.map_err(|e| Failure::new(Kind::File, e))?;
    Ok(RecordGrant {
        record: own.record,
        grant: Blob::new(signed.to_bytes()).map_err(Failure::unexpected)?,
    })
}

/// Prepares the answer: grants of these records until `until` (seconds since 1970), and what nodes may
/// search for.
pub fn permit<D: Desk>(
    client: &Client<D>,
    asked: &Asked,
    answering: Answering<'_>,
    (records, searches): (&[Own<'_>], &[Search<'_>]),
    until: u64,
) -> Attempt<Act> {
    // What was looked at may be of a block whose results the chain does not commit to: an ask that was refused.
    let trail = &proved_trail_of(client, &asked.trail.ask())?;
    if trail.is_over() {
        return Err(Failure::new(Kind::Closed, "the ask is over").of(trail.ask()));
    }
    let roster = proxies(client, trail)?;
    let now = client.market_status()?.time_ms / 1000;
    let window =
        Window::new(now.saturating_sub(SLACK), until).map_err(|e| Failure::new(Kind::Closed, e))?;
    let grants = records
        .iter()
        .map(|own| grant_of(client, trail, &roster, own, window))
        .collect::<Attempt<Vec<_>>>()?;
    let mut tokens = Vec::new();
    for search in searches {
        let audience = search.node.audience();
        let (doors, signer) = (search.trapdoors.clone(), answering.signer);
        let token = SearchToken::new(doors, &audience, until, signer, &mut OsRng);
        let token = token.map_err(|e| Failure::new(Kind::Usage, e))?;
        let order = SearchOrder::new(&token, &asked.request.answers()?, search.places.clone());
        let to = search.node.letters()?;
        let letter = order.write_to(&to, trail.ask().as_bytes(), &mut OsRng)?;
        tokens.push(TokenLetter {
            node: search.node.account,
            letter: Blob::new(letter.to_bytes()).map_err(Failure::usage)?,
        });
    }
    let permit = Permit {
        ask: trail.ask(),
        until_ms: until.saturating_mul(1000),
        grants: List::new(grants).map_err(Failure::usage)?,
        tokens: List::new(tokens).map_err(Failure::usage)?,
    };
    let chain = ChainId::from(client.chain());
    let signature = answering.signer.sign(&permit.signed_bytes(&chain));
    Ok(Act::Permit(SignedPermit {
        permit,
        hand: answering.hand,
        signature: signature.to_bytes(),
    }))
}

/// Takes back what was permitted in an ask.
pub fn revocation(chain: &ChainId, ask: AskId, answering: Answering<'_>) -> Act {
    let signature = answering.signer.sign(&revocation_bytes(chain, &ask));
    Act::RevokePermit {
        ask,
        hand: answering.hand,
        signature: signature.to_bytes(),
    }
}

/// The crumbs that a request is about, with what answers it.
pub fn matching<'c>(request: &Request, crumbs: &'c [Crumb]) -> Attempt<Vec<&'c Crumb>> {
    let months = request.months()?;
    let about = |crumb: &&Crumb| {
        let mut wanted = request.wanted.iter();
        wanted.any(|w| crumb.receipt.answers(w, &months))
    };
    Ok(crumbs.iter().filter(about).collect())
}

/// Trapdoors for exactly what is asked, at the hospitals of these crumbs, and where to look: only if all that
/// is asked for are departments does the device know the places.
pub fn search<'n, D: Desk>(
    client: &Client<D>,
    wallet: &Wallet,
    request: &Request,
    crumbs: &[&Crumb],
    node: &'n SearcherCard,
) -> Attempt<Search<'n>> {
    let mut hospitals: Vec<_> = crumbs
        .iter()
        .map(|c| (&c.hospital, c.receipt.hospital))
        .collect();
    hospitals.sort();
    hospitals.dedup();
    let mut trapdoors = Vec::new();
    for (hospital, account) in hospitals {
        let writer = trail::writer(client, &account)?;
        let Some(writer) = writer else { continue };
        let key = wallet.search_key(hospital);
        let shared = key.share_with(&writer);
        for month in request.months()? {
            let bucket = month.bucket()?;
            for wanted in &request.wanted {
                trapdoors.push(key.trapdoor(&shared, &wanted.keyword()?, &bucket));
            }
        }
    }
    let all_known = request
        .wanted
        .iter()
        .all(|w| matches!(w, Wanted::Department(_)));
    let places = match all_known {
        true => crumbs.iter().map(|c| c.receipt.place).collect(),
        false => Vec::new(),
    };
    Ok(Search {
        node,
        trapdoors,
        places,
    })
}

/// The account that hands an answer in for the patient: nothing links it to the patient's others.
pub fn account_for(wallet: &Wallet, chain: &ChainId, ask: &AskId) -> SigningKey {
    let purpose = eligo_marketplace::name::RequirementName::new(*ask.as_bytes());
    eligo_marketplace::agent::claim_account(wallet, chain, &purpose)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(ask: u8, (doctor, name): (u8, &str), hospital: u8) -> SeenAsk {
        SeenAsk {
            ask: AskId::new([ask; 32]),
            doctor: AccountId::new([doctor; 32]),
            name: Some(name.to_owned()),
            hospital: AccountId::new([hospital; 32]),
            is_open: true,
            is_answered: false,
        }
    }

    const FARAH: (u8, &str) = (1, "farah");

    #[test]
    fn a_doctors_second_hospital_is_seen_and_its_ask_is_one_too_many() {
        let mut all = [
            seen(1, FARAH, 1),
            seen(2, (2, "chen"), 2),
            seen(3, FARAH, 2),
        ];
        let of = |n: usize, all: &[SeenAsk]| Besides::of(&all[n].ask, all);
        let third = of(2, &all);
        assert_eq!(
            (third.asks.as_slice(), third.hospitals),
            (&[all[0].ask][..], 2)
        );
        assert_eq!(third.stands, Some(all[0].ask));
        assert!(
            third
                .warning(&all[2].ask)
                .is_some_and(|w| w.contains("2 hospitals"))
        );
        // The first may be permitted, unless the other was.
        assert_eq!(of(0, &all).stands, None);
        all[2].is_answered = true;
        assert_eq!(of(0, &all).stands, Some(all[2].ask));
        // Another doctor's ask through another hospital is what referral is for.
        let second = of(1, &all);
        assert_eq!((second.hospitals, second.stands), (1, None));
        assert_eq!(second.warning(&all[1].ask), None);
    }

    #[test]
    fn an_ask_that_is_over_is_counted_and_stands_in_nobodys_way() {
        let mut all = [seen(1, FARAH, 1), seen(2, FARAH, 2)];
        all[0].is_open = false;
        let besides = Besides::of(&all[1].ask, &all);
        assert_eq!((besides.hospitals, besides.stands), (2, None));
        assert!(besides.warning(&all[1].ask).is_some());
    }

    #[test]
    fn one_hospitals_asks_have_one_draw_and_another_account_of_a_name_is_shown() {
        let all = [seen(1, FARAH, 1), seen(2, FARAH, 1)];
        let besides = Besides::of(&all[1].ask, &all);
        assert_eq!((besides.asks.len(), besides.hospitals), (1, 1));
        assert_eq!((besides.stands, besides.warning(&all[1].ask)), (None, None));
        let named = [seen(1, FARAH, 1), seen(2, (9, "farah"), 2)];
        let besides = Besides::of(&named[1].ask, &named);
        assert_eq!((besides.hospitals, besides.stands), (2, None));
    }
}
