//! Ceremonies and elections as a client sees them. What was said in a ceremony is taken from the ledger, each
//! message by the transaction its authority signed; which round it is, is the node's word.

use eligo_sharing::dkg::Participant;

use super::history::nonsense;
use super::{Client, ClientError, Desk, Step};
use crate::convene::act::{Act, CeremonyTerms};
use crate::convene::event::Convened;
use crate::convene::transcript::{self, Message, Transcript};
use crate::convene::view::{CeremonyView, ElectionView, HospitalView};
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

    /// A ceremony with all that was said in it, every message proved to be on the ledger and its sender's.
    ///
    /// # Errors
    /// [`ClientError`], also if the ledger shows another ceremony than the node tells of.
    pub fn transcript(&self, view: &CeremonyView) -> Result<Transcript, ClientError> {
        let name = view.ceremony;
        let (mut terms, mut said) = (None, Vec::new());
        for step in self.history(&Subject::Ceremony(name))? {
            match &step.event {
                Event::Convened(Convened::CeremonyBegun { ceremony, .. }) if *ceremony == name => {
                    terms = Some(self.begun(step)?);
                }
                Event::Convened(Convened::Said { ceremony, .. }) if *ceremony == name => {
                    said.push(self.said(&name, step)?);
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
        let transcript = Transcript::new(ceremony, said.collect());
        if transcript.name() != name || view.terms().as_ref() != Some(&terms) {
            return Err(nonsense("another ceremony"));
        }
        Ok(transcript)
    }

    fn begun(&self, step: Step) -> Result<CeremonyTerms, ClientError> {
        let registrar = self.market_genesis()?.registrar;
        let signed = self.prove_step(step)?.signed;
        let signed = signed.filter(|signed| signed.sender() == registrar);
        match signed.as_ref().map(SignedTransaction::body) {
            Some(Body::Convene(Act::Begin(terms))) => Ok(terms.clone()),
            _ => Err(nonsense("a ceremony that the registrar did not begin")),
        }
    }

    fn said(&self, name: &CeremonyName, step: Step) -> Result<(AccountId, Message), ClientError> {
        let signed = self.prove_step(step)?.signed;
        let signed = signed.ok_or_else(|| nonsense("a ceremony's message"))?;
        match signed.body() {
            Body::Convene(Act::Say { ceremony, message }) if ceremony == name => {
                Ok((signed.sender(), message.clone()))
            }
            _ => Err(nonsense("a ceremony's message")),
        }
    }
}
