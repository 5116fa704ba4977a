//! Ceremonies and elections as a client sees them. What was said in a ceremony is taken from the ledger, each
//! message by the transaction its authority signed; which round it is, is the node's word until the chain was
//! made to say it ([`Act::Witness`]).

use std::collections::BTreeSet;

use eligo_ledger::wire::Wire;
use eligo_sharing::dkg::{GroupKey, Participant};
use eligo_sharing::domain::sha256;
use eligo_sharing::ibe::{IdentityKey, IdentityShare};
use eligo_sharing::letter::{Letter, LetterKey, LetterPublicKey};

use super::history::{Standing, nonsense};
use super::{Client, ClientError, Desk, ProvenStep};
use crate::convene::act::{Act, CeremonyTerms};
use crate::convene::event::Convened;
use crate::convene::naming::{Name, letter_binding};
use crate::convene::transcript::{self, Message, Stage, Transcript};
use crate::convene::view::{
    BeaconView, CeremonyView, ElectionView, HospitalView, NameView, OfficesView,
};
use crate::event::{Event, Subject};
use crate::name::{AccountId, CeremonyName, ChainId};
use crate::transaction::{Body, SignedTransaction};

impl<D: Desk> Client<D> {
    /// Every ceremony.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn ceremonies(&self) -> Result<Vec<CeremonyView>, ClientError> {
        self.list("convene/ceremonies")
    }

    /// A ceremony.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn ceremony(&self, name: &CeremonyName) -> Result<Option<CeremonyView>, ClientError> {
        let path = format!("convene/ceremony/{name}");
        self.ask_for(&path, |seen: &CeremonyView| seen.ceremony == *name)
    }

    /// The ceremony whose identity key is in force.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn identity_ceremony(&self) -> Result<Option<CeremonyView>, ClientError> {
        self.ask("convene/identity")
    }

    /// Every election.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn elections(&self) -> Result<Vec<ElectionView>, ClientError> {
        self.list("convene/elections")
    }

    /// Where every hospital is and what it runs.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn hospitals(&self) -> Result<Vec<HospitalView>, ClientError> {
        self.list("convene/hospitals")
    }

    /// Who proposes, and which proxies are in office.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn offices(&self) -> Result<Option<OfficesView>, ClientError> {
        self.ask("convene/offices")
    }

    /// Whose key verifies the beacon's next round.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn beacon(&self) -> Result<Option<BeaconView>, ClientError> {
        self.ask("convene/beacon")
    }

    /// How a round of the beacon stands: on the chain, shown by the next block, or only told of.
    ///
    /// # Errors
    /// [`ClientError`], also if the node shows no such round.
    pub fn round_standing(&self, round: u64) -> Result<Standing, ClientError> {
        let posted = Event::BeaconRound { round };
        let mut steps = self.history(&Subject::Round(round))?.into_iter();
        let step = steps.find(|step| step.event == posted);
        let step = step.ok_or_else(|| nonsense("a round that nobody made"))?;
        Ok(self.prove_step(step)?.standing)
    }

    /// A ceremony with all that was said in it, every message proved to be on the ledger and its sender's. That
    /// the contract took those of the last block is the node's word.
    ///
    /// # Errors
    /// [`ClientError`], also if the ledger shows another ceremony than the node tells of.
    pub fn transcript(&self, view: &CeremonyView) -> Result<Transcript, ClientError> {
        Ok(self.collected(view)?.0)
    }

    /// What has the chain say that a ceremony is where the node says, after just the messages that the node
    /// shows. Refused if not.
    ///
    /// # Errors
    /// As [`Client::transcript`]; also if the key that is said to be there does not follow.
    pub fn witness(&self, view: &CeremonyView) -> Result<Act, ClientError> {
        witness(view, &self.collected(view)?.0)
    }

    /// The same, nothing of it up to the round it is in the node's word: every message of the rounds before is
    /// proved, none is left out, and the ceremony has been in that round. None before somebody had the
    /// chain say so and the next block shows it.
    ///
    /// # Errors
    /// As [`Client::witness`].
    pub fn witnessed_transcript(
        &self,
        view: &CeremonyView,
    ) -> Result<Option<Transcript>, ClientError> {
        let (transcript, unproved) = self.collected(view)?;
        if unproved.is_some_and(|stage| stage < view.stage) {
            return Ok(None);
        }
        let wanted = witness(view, &transcript)?;
        let name = view.ceremony;
        for step in self.history(&Subject::Ceremony(name))? {
            let witnessed = Convened::Witnessed {
                ceremony: name,
                stage: view.stage,
            };
            if step.event != Event::Convened(witnessed) {
                continue;
            }
            let proven = self.prove_step(step)?;
            let body = proven.signed.as_ref().map(SignedTransaction::body);
            let same = matches!(body, Some(Body::Convene(act)) if *act == wanted);
            if same && proven.standing == Standing::Proved {
                return Ok(Some(transcript));
            }
        }
        Ok(None)
    }

    /// A transcript, and the first round of which the chain does not commit to everything yet.
    fn collected(&self, view: &CeremonyView) -> Result<(Transcript, Option<Stage>), ClientError> {
        let name = view.ceremony;
        let (mut terms, mut said) = (None, Vec::new());
        let mut unproved: Option<Stage> = None;
        let mut doubt = |stage: Stage| unproved = Some(unproved.map_or(stage, |s| s.min(stage)));
        for step in self.history(&Subject::Ceremony(name))? {
            match &step.event {
                Event::Convened(Convened::CeremonyBegun { ceremony, .. }) if *ceremony == name => {
                    let begun = self.prove_step(step)?;
                    if begun.standing != Standing::Proved {
                        doubt(Stage::Deal);
                    }
                    terms = Some(self.begun(begun)?);
                }
                Event::Convened(Convened::Said { ceremony, .. }) if *ceremony == name => {
                    let step = self.prove_step(step)?;
                    let proved = step.standing == Standing::Proved;
                    let (account, message) = message_of(&name, step)?;
                    if !proved {
                        doubt(message.stage());
                    }
                    said.push((account, message));
                }
                _ => {}
            }
        }
        let terms = terms.ok_or_else(|| nonsense("a ceremony that nobody began"))?;
        let chain = ChainId::from(self.chain());
        let ceremony = transcript::ceremony(&chain, view.serial, &terms);
        let ceremony = ceremony.map_err(|_| nonsense("a ceremony"))?;
        let accounts = terms.authorities.as_slice();
        let said = said.into_iter().filter_map(|(account, message)| {
            let at = accounts.iter().position(|a| a.account == account)?;
            let who = Participant::new(u64::try_from(at).ok()?.saturating_add(1))?;
            Some((who, message))
        });
        let said: Vec<(Participant, Message)> = said.collect();
        let words = said.iter().map(|(who, m)| (*who, m.stage()));
        if words.collect::<BTreeSet<_>>().len() != said.len() {
            return Err(nonsense("an authority that speaks twice in a round"));
        }
        let transcript = Transcript::new(ceremony, said);
        if transcript.name() != name || view.terms().as_ref() != Some(&terms) {
            return Err(nonsense("another ceremony"));
        }
        Ok((transcript, unproved))
    }

    /// The key that a ceremony ended in, as it follows from what the ledger shows was said; none before the chain
    /// was made to say so, which every authority does before it takes its share.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn settled_key(&self, view: &CeremonyView) -> Result<Option<GroupKey>, ClientError> {
        if view.stage != Stage::Settled {
            return Ok(None);
        }
        let Some(transcript) = self.witnessed_transcript(view)? else {
            return Ok(None);
        };
        let key = transcript.settle();
        key.map(Some)
            .map_err(|_| nonsense("a key that does not follow"))
    }

    /// Every name whose key was asked for.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn names(&self) -> Result<Vec<NameView>, ClientError> {
        self.list("convene/names")
    }

    /// A name whose key was asked for.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn name(&self, ask: u64) -> Result<Option<NameView>, ClientError> {
        self.ask_for(&format!("convene/name/{ask}"), |seen: &NameView| {
            seen.ask == ask
        })
    }

    /// What a party asked for, and where it wants the shares sealed to, if the chain shows that it asked and
    /// was let; none before the next block shows it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn proven_name(
        &self,
        view: &NameView,
    ) -> Result<Option<(Name, LetterPublicKey)>, ClientError> {
        let steps = self.history(&Subject::Party(view.party))?.into_iter();
        let (ask, party) = (view.ask, view.party);
        let asked = Event::Convened(Convened::NameAsked { ask, party });
        let step = steps.into_iter().find(|step| step.event == asked);
        let step = step.ok_or_else(|| nonsense("a name that nobody asked for"))?;
        let proven = self.prove_step(step)?;
        let Some(signed) = proven.signed.filter(|signed| signed.sender() == party) else {
            return Err(nonsense("a name that somebody else asked for"));
        };
        let Body::Convene(Act::AskName { name, letters }) = signed.body() else {
            return Err(nonsense("an ask for a name"));
        };
        let shown = proven.standing == Standing::Proved;
        Ok(shown.then(|| (name.clone(), LetterPublicKey::new(*letters))))
    }

    /// The key of a name that was asked for with this letter key, once enough authorities answered. A share
    /// that is false is passed over.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn name_key(
        &self,
        ask: u64,
        letters: &LetterKey,
    ) -> Result<Option<IdentityKey>, ClientError> {
        let Some(view) = self.name(ask)? else {
            return Ok(None);
        };
        let Some(ceremony) = self.ceremony(&view.ceremony)? else {
            return Ok(None);
        };
        let Some(key) = self.settled_key(&ceremony)? else {
            return Ok(None);
        };
        let bytes = hex::decode(&view.name).map_err(|_| nonsense("a name"))?;
        let name = Name::from_wire(&bytes).map_err(|_| nonsense("a name"))?;
        let identity = name.identity(&view.party);
        let chain = ChainId::from(self.chain());
        let shares = view.shares.iter().filter_map(|(number, letter)| {
            let authority = Participant::new((*number).into())?;
            let (info, aad) = letter_binding(&chain, ask, authority);
            let letter = Letter::from_bytes(&hex::decode(letter).ok()?).ok()?;
            let share = letters.open(&letter, &info, &aad).ok()?;
            let share = IdentityShare::from_bytes(&share).ok()?;
            share.verify(&key, &identity).ok()
        });
        let shares: Vec<_> = shares.collect();
        Ok(IdentityKey::combine(&key, &shares).ok())
    }

    fn begun(&self, step: ProvenStep) -> Result<CeremonyTerms, ClientError> {
        let registrar = self.market_genesis()?.registrar;
        let signed = step.signed.filter(|signed| signed.sender() == registrar);
        match signed.as_ref().map(SignedTransaction::body) {
            Some(Body::Convene(Act::Begin(terms))) => Ok(terms.clone()),
            _ => Err(nonsense("a ceremony that the registrar did not begin")),
        }
    }
}

/// The act that has the chain say what a node says of a ceremony.
fn witness(view: &CeremonyView, transcript: &Transcript) -> Result<Act, ClientError> {
    let said = transcript.said_before(view.stage);
    let key = match view.stage {
        Stage::Settled => {
            let key = transcript.settle();
            let key = key.map_err(|_| nonsense("a key that does not follow"))?;
            Some(sha256(&key.to_bytes()))
        }
        _ => None,
    };
    Ok(Act::Witness {
        ceremony: view.ceremony,
        stage: view.stage,
        said: u32::try_from(said).map_err(|_| nonsense("a ceremony"))?,
        key,
    })
}

/// What was said in a ceremony, and by whom.
fn message_of(name: &CeremonyName, step: ProvenStep) -> Result<(AccountId, Message), ClientError> {
    let signed = step.signed;
    let signed = signed.ok_or_else(|| nonsense("a ceremony's message"))?;
    match signed.body() {
        Body::Convene(Act::Say { ceremony, message }) if ceremony == name => {
            Ok((signed.sender(), message.clone()))
        }
        _ => Err(nonsense("a ceremony's message")),
    }
}
