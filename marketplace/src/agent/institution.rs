//! The institution: fetches, opens and checks what it bought, disputes what is not what was signed, and
//! settles.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use eligo_sharing::keys::ReceivingKey;
use eligo_sharing::letter::LetterPublicKey;
use eligo_sharing::tcpre::{CombineError, ContentKey, Dispute, Transcript, combine};
use rand_core::OsRng;

use super::{Account, Agent, AgentError, Deed, Journal, for_each, now_ms};
use crate::client::{AcceptedClaim, Client, Desk};
use crate::encoding::{Blob, List};
use crate::event::{Event, Subject};
use crate::name::{ClaimId, RequirementName};
use crate::rejection::Rejection;
use crate::transaction::{ArbiterLetter, Body, DisputeEvidence};

/// What an institution finds in an opened record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is the record that was proved, signed by its hospital, and it meets the requirement.
    Sound,
    /// It is not; the hospital is at fault.
    Wrong(String),
}

/// Checks opened records, which this crate knows nothing about.
pub trait Judge {
    /// Opens the ciphertext in a file and checks what is inside. A sound record is kept before this returns;
    /// the same record may come again after a crash.
    ///
    /// # Errors
    /// [`AgentError`] if that is not known now; the record comes again.
    fn judge(
        &mut self,
        claim: &ClaimId,
        accepted: &AcceptedClaim,
        key: &ContentKey,
        ciphertext: &Path,
    ) -> Result<Judgement, AgentError>;
}

/// An institution at work on one requirement.
pub struct InstitutionAgent<'a, D> {
    client: &'a Client<D>,
    account: &'a SigningKey,
    requirement: RequirementName,
    receiving: &'a ReceivingKey,
    journal: Journal,
    judge: Box<dyn Judge + 'a>,
}

impl<D> std::fmt::Debug for InstitutionAgent<'_, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstitutionAgent")
            .field("requirement", &self.requirement)
            .finish_non_exhaustive()
    }
}

impl<'a, D: Desk> InstitutionAgent<'a, D> {
    /// Works on a requirement with the receiving key made for it.
    #[must_use]
    pub fn new(
        client: &'a Client<D>,
        account: &'a SigningKey,
        requirement: RequirementName,
        receiving: &'a ReceivingKey,
        journal: Journal,
        judge: impl Judge + 'a,
    ) -> Self {
        Self {
            client,
            account,
            requirement,
            receiving,
            journal,
            judge: Box::new(judge),
        }
    }

    fn delivered(&self) -> Result<Vec<ClaimId>, AgentError> {
        let steps = self
            .client
            .history(&Subject::Requirement(self.requirement))?;
        let claims = steps.into_iter().filter_map(|step| match step.event {
            Event::Delivered { claim, .. } => Some(claim),
            _ => None,
        });
        Ok(claims.collect())
    }

    /// Takes one claim one step further.
    fn attend(&mut self, id: ClaimId) -> Result<Vec<Deed>, AgentError> {
        let done = format!("done-{id}");
        if self.journal.has(&done)? {
            return Ok(Vec::new());
        }
        let accepted = self.client.accepted_claim(&id)?;
        let accepted = accepted.ok_or(AgentError::Nonsense { what: "a claim" })?;
        let mut deeds = Vec::new();
        let opened = format!("opened-{id}");
        if !self.journal.has(&opened)? {
            if let Some(over) = self.conclude(id, &accepted, &done)? {
                return Ok(vec![over]);
            }
            let verdict = self.open(id, &accepted)?;
            self.journal.write(&opened, verdict.as_bytes())?;
            deeds.push(Deed::new(id, format!("opened: {verdict}")));
        }
        deeds.extend(self.finish(id, &accepted, &done)?);
        Ok(deeds)
    }

    /// Fetches, combines, opens, judges; disputes what is wrong.
    fn open(&mut self, id: ClaimId, accepted: &AcceptedClaim) -> Result<String, AgentError> {
        let ciphertext = match fetch(self.client, &self.journal, accepted) {
            Ok(ciphertext) => ciphertext,
            Err(error) => return self.without_ciphertext(id, accepted, error),
        };
        let shares = accepted.shares();
        let key = match combine(self.receiving, &accepted.grant, &accepted.capsule, &shares) {
            Ok(key) => key,
            Err(CombineError::KeyCommitment) => {
                let raised = self.dispute(id, accepted)?;
                return Ok(format!("{raised}: the key is not the one committed to"));
            }
            Err(_) => return Err(AgentError::Nonsense { what: "the shares" }),
        };
        match self.judge.judge(&id, accepted, &key, &ciphertext)? {
            Judgement::Sound => Ok("the record that was proved".to_owned()),
            Judgement::Wrong(reason) => {
                let raised = self.dispute(id, accepted)?;
                Ok(format!("{raised}: {reason}"))
            }
        }
    }

    /// What cannot be had cannot be opened, and is not to be paid for: while half of the dispute window is
    /// left the storage may come back, then the arbiters decide.
    fn without_ciphertext(
        &self,
        id: ClaimId,
        accepted: &AcceptedClaim,
        error: AgentError,
    ) -> Result<String, AgentError> {
        let half_ms = self.client.parameters()?.dispute_ms / 2;
        let due_ms = accepted.seen.due_ms.unwrap_or(u64::MAX);
        if now_ms() < due_ms.saturating_sub(half_ms) || accepted.status != "delivered" {
            return Err(error);
        }
        tracing::warn!(%error, "the ciphertext cannot be had");
        let raised = self.dispute(id, accepted)?;
        Ok(format!("{raised}: the ciphertext cannot be had"))
    }

    /// Disputes a delivered claim whatever is in it, as after people looked at the record.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn dispute_claim(&self, id: ClaimId) -> Result<(), AgentError> {
        let accepted = self.client.accepted_claim(&id)?;
        let accepted = accepted.ok_or(AgentError::Refused(Rejection::UnknownClaim))?;
        if accepted.status != "delivered" {
            return Err(AgentError::Refused(Rejection::ClaimState));
        }
        match self.dispute(id, &accepted)? {
            DISPUTED => Ok(()),
            _ => Err(AgentError::Refused(Rejection::DisputeWindow)),
        }
    }

    /// Raises the dispute, once, and says whether it was in time.
    fn dispute(&self, id: ClaimId, accepted: &AcceptedClaim) -> Result<&'static str, AgentError> {
        let account = Account::new(self.client, self.account);
        let entry = format!("dispute-{id}");
        let sent = account.send_once(&self.journal, &entry, || {
            let shares = accepted.shares();
            let (grant, capsule) = (&accepted.grant, &accepted.capsule);
            let dispute = Dispute::raise(self.receiving, grant, capsule, &shares, &mut OsRng);
            let dispute = dispute.map_err(|_| AgentError::Nonsense { what: "the shares" })?;
            let evidence = match dispute {
                Dispute::KeyCommitment(shown) => {
                    DisputeEvidence::KeyCommitment(Blob::new(shown.0.to_bytes())?)
                }
                Dispute::Content(transcript) => self.letters(&id, &transcript)?,
            };
            Ok(Body::Dispute {
                claim: id,
                evidence,
            })
        });
        match sent.and_then(super::Sent::accepted) {
            // Already raised before a crash, or decided meanwhile.
            Ok(_) | Err(AgentError::Refused(Rejection::ClaimState)) => Ok(DISPUTED),
            Err(AgentError::Refused(Rejection::DisputeWindow)) => Ok("too late to dispute"),
            Err(error) => Err(error),
        }
    }

    /// The transcript opens the record: it goes to the arbiters alone.
    fn letters(
        &self,
        id: &ClaimId,
        transcript: &Transcript,
    ) -> Result<DisputeEvidence, AgentError> {
        let mut letters = Vec::new();
        let voting = self.client.arbiters()?;
        let voting: BTreeSet<u16> = { voting.iter().filter(|a| a.voting) }
            .map(|a| a.replica)
            .collect();
        let genesis = self.client.market_genesis()?;
        let arbiters = genesis.arbiters.as_slice().iter();
        // Their keys are the genesis document's: a node that gave its own would read the record.
        for arbiter in arbiters.filter(|a| voting.contains(&a.replica.get())) {
            let letter = LetterPublicKey::new(arbiter.letters).write(
                &transcript.to_bytes(),
                ARBITER_LETTER,
                id.as_bytes(),
                &mut OsRng,
            );
            let letter = letter.map_err(|_| AgentError::Nonsense { what: "an arbiter" })?;
            letters.push(ArbiterLetter {
                arbiter: arbiter.replica,
                letter: Blob::new(letter.to_bytes())?,
            });
        }
        Ok(DisputeEvidence::Content(List::new(letters)?))
    }

    fn over(&self, id: ClaimId, what: &str, done: &str) -> Result<Deed, AgentError> {
        self.journal.write(done, what.as_bytes())?;
        Ok(Deed::new(id, what))
    }

    /// Notes that a claim came to its end, if it did.
    fn conclude(
        &self,
        id: ClaimId,
        accepted: &AcceptedClaim,
        done: &str,
    ) -> Result<Option<Deed>, AgentError> {
        match accepted.status.as_str() {
            what @ ("refunded" | "upheld" | "expired") => self.over(id, what, done).map(Some),
            // Paid for: it is opened all the same.
            "settled" if self.journal.has(&format!("opened-{id}"))? => {
                self.over(id, "settled", done).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Settles when the dispute window is over.
    fn finish(
        &self,
        id: ClaimId,
        accepted: &AcceptedClaim,
        done: &str,
    ) -> Result<Option<Deed>, AgentError> {
        if let Some(over) = self.conclude(id, accepted, done)? {
            return Ok(Some(over));
        }
        let delivered = accepted.status == "delivered";
        if !delivered || accepted.seen.due_ms.is_none_or(|due| now_ms() <= due) {
            return Ok(None);
        }
        let account = Account::new(self.client, self.account);
        let sent = account.send(Body::Settle { claim: id })?;
        match sent.result {
            Ok(_) => self.over(id, "settled", done).map(Some),
            // A block did it, or clocks differ: the next step sees.
            Err(Rejection::ClaimState | Rejection::NotDue) => Ok(None),
            Err(reason) => Err(AgentError::Refused(reason)),
        }
    }
}

/// A claim's ciphertext as a file in the journal's folder, whole and checked.
pub(super) fn fetch<D: Desk>(
    client: &Client<D>,
    journal: &Journal,
    accepted: &AcceptedClaim,
) -> Result<PathBuf, AgentError> {
    let folder = journal.folder().join("ciphertexts");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(accepted.ciphertext.to_string());
    if !file.exists() {
        let mut staged = tempfile::NamedTempFile::new_in(&folder)?;
        client.desk().get(accepted.ciphertext, &mut staged)?;
        staged.flush()?;
        staged.as_file().sync_all()?;
        staged.persist(&file).map_err(|e| e.error)?;
        File::open(&folder)?.sync_all()?;
    }
    Ok(file)
}

/// What became of a record that is not what was proved.
const DISPUTED: &str = "disputed";

/// What letters to arbiters are for.
pub const ARBITER_LETTER: &[u8] = b"ELIGO-MARKET-V01-ARBITER";

impl<D: Desk> Agent for InstitutionAgent<'_, D> {
    fn step(&mut self) -> Result<Vec<Deed>, AgentError> {
        for_each(self.delivered()?, |claim| self.attend(claim))
    }
}
