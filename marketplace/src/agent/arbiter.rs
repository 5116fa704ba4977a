//! An arbiter: judges contents that an institution disputes, for one replica, by what the ledger shows.

use std::path::Path;

use ed25519_dalek::SigningKey;
use eligo_ledger::height::{ReplicaId, Time};
use eligo_sharing::letter::{Letter, LetterKey};
use eligo_sharing::tcpre::{ContentKey, DisputeError, Transcript, Verdict};

use super::institution::{ARBITER_LETTER, fetch};
use super::{Account, Agent, AgentError, Deed, Journal, Judge, Judgement, for_each, now_ms};
use crate::client::{AcceptedClaim, Client, Desk, DisputeLetter};
use crate::event::{Event, Subject};
use crate::name::ClaimId;
use crate::rejection::Rejection;
use crate::transaction::{Body, Finding};

/// An arbiter at work.
pub struct ArbiterAgent<'a, D> {
    client: &'a Client<D>,
    replica: ReplicaId,
    account: &'a SigningKey,
    letters: &'a LetterKey,
    journal: Journal,
    judge: Box<dyn Judge + 'a>,
}

impl<D> std::fmt::Debug for ArbiterAgent<'_, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArbiterAgent")
            .field("replica", &self.replica)
            .finish_non_exhaustive()
    }
}

impl<'a, D: Desk> ArbiterAgent<'a, D> {
    /// Judges for a replica, with its arbiter's account and the key that letters to it are sealed to. What
    /// `judge` is shown it keeps nothing of.
    #[must_use]
    pub fn new(
        client: &'a Client<D>,
        (replica, account, letters): (ReplicaId, &'a SigningKey, &'a LetterKey),
        journal: Journal,
        judge: impl Judge + 'a,
    ) -> Self {
        let judge = Box::new(judge);
        Self {
            client,
            replica,
            account,
            letters,
            journal,
            judge,
        }
    }

    /// Judges one dispute, once the chain shows it.
    fn attend(&mut self, id: ClaimId) -> Result<Vec<Deed>, AgentError> {
        let entry = format!("judged-{id}");
        if self.journal.has(&entry)? {
            return Ok(Vec::new());
        }
        let accepted = self.client.accepted_claim(&id)?;
        let accepted = accepted.ok_or(AgentError::Nonsense { what: "a claim" })?;
        let mut letter = self.client.dispute_letter(&id, self.replica)?;
        if letter == DisputeLetter::Unproved {
            // If nobody else causes the next block, this does: the contract refuses to settle what is disputed.
            let account = Account::new(self.client, self.account);
            drop(account.send(Body::Settle { claim: id })?);
            letter = self.client.dispute_letter(&id, self.replica)?;
        }
        let (letter, raised) = match letter {
            DisputeLetter::Letter(letter, raised) => (letter, raised),
            DisputeLetter::None => {
                self.journal.write(&entry, b"not written to")?;
                return Ok(Vec::new());
            }
            DisputeLetter::Unproved => {
                let what = "the dispute";
                return Err(AgentError::Nonsense { what });
            }
        };
        let (finding, why) = self.find(&id, &accepted, (&letter, raised))?;
        self.give(id, finding)?;
        self.journal.write(&entry, why.as_bytes())?;
        let who = match finding {
            Finding::HospitalAtFault => "the hospital is at fault",
            Finding::DisputerAtFault => "the disputer is at fault",
        };
        Ok(vec![Deed::new(id, format!("{who}: {why}"))])
    }

    /// Who is at fault. A dispute that shows nothing is its maker's fault: it is on the ledger as it was made.
    fn find(
        &mut self,
        id: &ClaimId,
        accepted: &AcceptedClaim,
        (letter, raised): (&[u8], Time),
    ) -> Result<(Finding, String), AgentError> {
        let opened = Letter::from_bytes(letter).ok();
        let opened = opened.and_then(|l| self.letters.open(&l, ARBITER_LETTER, id.as_bytes()).ok());
        let transcript = opened.and_then(|bytes| Transcript::from_bytes(&bytes).ok());
        let Some(transcript) = transcript else {
            let why = "the letter holds no transcript".to_owned();
            return Ok((Finding::DisputerAtFault, why));
        };
        let shares = accepted.shares();
        match transcript.judge(&accepted.grant, &accepted.capsule, &shares) {
            Ok(Verdict::KeyStands(key)) => self.examine((id, raised), accepted, &key),
            Ok(Verdict::SealerAtFault) => {
                let why = "the key is not the one committed to".to_owned();
                Ok((Finding::HospitalAtFault, why))
            }
            Err(DisputeError::Combine(_)) => Err(AgentError::Nonsense { what: "the shares" }),
            Err(error) => Ok((Finding::DisputerAtFault, error.to_string())),
        }
    }

    /// Opens and checks the content. A ciphertext that cannot be had is waited for while half of the time is
    /// left; then it is the hospital's fault, who was to store it.
    fn examine(
        &mut self,
        (id, raised): (&ClaimId, Time),
        accepted: &AcceptedClaim,
        key: &ContentKey,
    ) -> Result<(Finding, String), AgentError> {
        let ciphertext = match fetch(self.client, &self.journal, accepted) {
            Ok(ciphertext) => ciphertext,
            Err(error) => {
                // By the chain's time of the dispute, not by what the node says is due.
                let half_ms = self.client.market_genesis()?.parameters.arbitration_ms / 2;
                if now_ms() < raised.plus_ms(half_ms).get() {
                    return Err(error);
                }
                let why = "the ciphertext cannot be had".to_owned();
                return Ok((Finding::HospitalAtFault, why));
            }
        };
        let judgement = self.judge.judge(id, accepted, key, &ciphertext)?;
        forget(&ciphertext)?;
        Ok(match judgement {
            Judgement::Sound => {
                let why = "the record is the one that was proved".to_owned();
                (Finding::DisputerAtFault, why)
            }
            Judgement::Wrong(why) => (Finding::HospitalAtFault, why),
        })
    }

    /// Gives the verdict, once; a dispute that was decided meanwhile needs none.
    fn give(&self, id: ClaimId, finding: Finding) -> Result<(), AgentError> {
        let account = Account::new(self.client, self.account);
        let own = account.id();
        let given = || {
            let steps = self.client.history(&Subject::Claim(id))?;
            let mine =
                |e: &Event| matches!(e, Event::VerdictGiven { arbiter, .. } if *arbiter == own);
            Ok(steps.iter().any(|step| mine(&step.event)))
        };
        let verdict = Body::Verdict { claim: id, finding };
        match account.send_unless(verdict, given) {
            Ok(_) | Err(AgentError::Refused(Rejection::ClaimState)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What was judged is not kept, sealed as it is.
fn forget(ciphertext: &Path) -> Result<(), AgentError> {
    match std::fs::remove_file(ciphertext) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}

impl<D: Desk> Agent for ArbiterAgent<'_, D> {
    fn step(&mut self) -> Result<Vec<Deed>, AgentError> {
        let disputes = self.client.disputes()?;
        for_each(disputes.into_iter().map(|d| d.claim), |id| self.attend(id))
    }
}
