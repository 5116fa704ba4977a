//! The institution: fetches, opens and checks what it bought, disputes what is not what was signed, and
//! settles.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use eligo_sharing::keys::ReceivingKey;
use eligo_sharing::letter::LetterPublicKey;
use eligo_sharing::tcpre::{CombineError, ContentKey, Dispute, Transcript, combine};
use rand_core::OsRng;

use super::{Account, Agent, AgentError, Deed, Journal};
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
            let verdict = self.open(id, &accepted)?;
            self.journal.write(&opened, verdict.as_bytes())?;
            deeds.push(Deed::new(id, format!("opened: {verdict}")));
        }
        deeds.extend(self.finish(id, &accepted, &done)?);
        Ok(deeds)
    }

    /// Fetches, combines, opens, judges; disputes what is wrong.
    fn open(&mut self, id: ClaimId, accepted: &AcceptedClaim) -> Result<String, AgentError> {
        let ciphertext = self.fetch(accepted)?;
        let shares = accepted.shares();
        let key = match combine(self.receiving, &accepted.grant, &accepted.capsule, &shares) {
            Ok(key) => key,
            Err(CombineError::KeyCommitment) => {
                self.dispute(id, accepted)?;
                return Ok("disputed: the key is not the one committed to".to_owned());
            }
            Err(_) => return Err(AgentError::Nonsense { what: "the shares" }),
        };
        match self.judge.judge(&id, accepted, &key, &ciphertext)? {
            Judgement::Sound => Ok("the record that was proved".to_owned()),
            Judgement::Wrong(reason) => {
                self.dispute(id, accepted)?;
                Ok(format!("disputed: {reason}"))
            }
        }
    }

    /// The ciphertext as a file, whole and checked.
    fn fetch(&self, accepted: &AcceptedClaim) -> Result<PathBuf, AgentError> {
        let folder = self.journal.folder().join("ciphertexts");
        std::fs::create_dir_all(&folder)?;
        let file = folder.join(accepted.ciphertext.to_string());
        if !file.exists() {
            let mut staged = tempfile::NamedTempFile::new_in(&folder)?;
            self.client.desk().get(accepted.ciphertext, &mut staged)?;
            staged.flush()?;
            staged.as_file().sync_all()?;
            staged.persist(&file).map_err(|e| e.error)?;
            File::open(&folder)?.sync_all()?;
        }
        Ok(file)
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
        self.dispute(id, &accepted)
    }

    /// Raises the dispute, once.
    fn dispute(&self, id: ClaimId, accepted: &AcceptedClaim) -> Result<(), AgentError> {
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
            Err(AgentError::Refused(Rejection::ClaimState)) => Ok(()),
            sent => sent.map(drop),
        }
    }

    /// The transcript opens the record: it goes to the arbiters alone.
    fn letters(
        &self,
        id: &ClaimId,
        transcript: &Transcript,
    ) -> Result<DisputeEvidence, AgentError> {
        let mut letters = Vec::new();
        for arbiter in self.client.arbiters()?.into_iter().filter(|a| a.voting) {
            let mut key = [0; 32];
            hex::decode_to_slice(&arbiter.letters, &mut key)
                .map_err(|_| AgentError::Nonsense { what: "an arbiter" })?;
            let letter = LetterPublicKey::new(key).write(
                &transcript.to_bytes(),
                ARBITER_LETTER,
                id.as_bytes(),
                &mut OsRng,
            );
            let letter = letter.map_err(|_| AgentError::Nonsense { what: "an arbiter" })?;
            letters.push(ArbiterLetter {
                arbiter: eligo_ledger::height::ReplicaId::new(arbiter.replica),
                letter: Blob::new(letter.to_bytes())?,
            });
        }
        Ok(DisputeEvidence::Content(List::new(letters)?))
    }

    /// Settles when the dispute window is over.
    fn finish(
        &self,
        id: ClaimId,
        accepted: &AcceptedClaim,
        done: &str,
    ) -> Result<Option<Deed>, AgentError> {
        let over = |what: &str| -> Result<Option<Deed>, AgentError> {
            self.journal.write(done, what.as_bytes())?;
            Ok(Some(Deed::new(id, what)))
        };
        match accepted.status.as_str() {
            "settled" | "refunded" | "upheld" | "expired" => return over(&accepted.status),
            "delivered" => {}
            _ => return Ok(None),
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
        if accepted.seen.due_ms.is_none_or(|due| now <= due) {
            return Ok(None);
        }
        let account = Account::new(self.client, self.account);
        let sent = account.send(Body::Settle { claim: id })?;
        match sent.result {
            Ok(_) => over("settled"),
            // A block did it, or clocks differ: the next step sees.
            Err(Rejection::ClaimState | Rejection::NotDue) => Ok(None),
            Err(reason) => Err(AgentError::Refused(reason)),
        }
    }
}

/// What letters to arbiters are for.
pub const ARBITER_LETTER: &[u8] = b"ELIGO-MARKET-V01-ARBITER";

impl<D: Desk> Agent for InstitutionAgent<'_, D> {
    fn step(&mut self) -> Result<Vec<Deed>, AgentError> {
        let mut deeds = Vec::new();
        for claim in self.delivered()? {
            deeds.extend(self.attend(claim)?);
        }
        Ok(deeds)
    }
}
