//! An account that sends transactions, each once.

use ed25519_dalek::SigningKey;
use eligo_ledger::height::Height;
use eligo_ledger::wire::Wire;

use super::{AgentError, Journal, JournalError};
use crate::client::{Client, Desk};
use crate::event::{Event, read_outcome};
use crate::name::{AccountId, ChainId, ClaimId};
use crate::rejection::Rejection;
use crate::transaction::{Body, SignedTransaction};

/// How often a transaction is signed anew because its account was used elsewhere meanwhile.
const TRIES: usize = 5;

/// A transaction that was executed.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The transaction.
    pub transaction: SignedTransaction,
    /// The block.
    pub height: Height,
    /// The position in the block.
    pub index: u32,
    /// What it brought about, or why it was refused on the ledger.
    pub result: Result<Vec<Event>, Rejection>,
}

/// A key with which transactions are signed, and where they are handed in.
#[derive(Debug)]
pub struct Account<'a, D> {
    client: &'a Client<D>,
    key: &'a SigningKey,
}

impl<'a, D: Desk> Account<'a, D> {
    /// The account of a key.
    #[must_use]
    pub const fn new(client: &'a Client<D>, key: &'a SigningKey) -> Self {
        Self { client, key }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> AccountId {
        AccountId::of(&self.key.verifying_key())
    }

    fn sign(&self, body: Body) -> Result<SignedTransaction, AgentError> {
        let counter = self.client.account(&self.id())?.map_or(0, |a| a.counter);
        let chain = ChainId::from(self.client.chain());
        let next = counter.saturating_add(1);
        Ok(SignedTransaction::sign(chain, self.key, next, body))
    }

    /// Signs and hands in. For what may be asked twice without harm.
    ///
    /// # Errors
    /// [`AgentError`]; a refusal that is not on the ledger is [`AgentError::Refused`].
    pub fn send(&self, body: Body) -> Result<Sent, AgentError> {
        for _ in 0..TRIES {
            match self.hand_in(self.sign(body.clone())?) {
                Err(AgentError::Refused(Rejection::Replayed)) => {}
                Ok(sent) if sent.result == Err(Rejection::Replayed) => {}
                done => return done,
            }
        }
        Err(AgentError::Refused(Rejection::Replayed))
    }

    /// Causes a block. The chain commits to a block's results in the next one, and nobody else may be about to
    /// cause it. The contract refuses what is sent for it: nothing comes of it but the account's counter.
    ///
    /// # Errors
    /// [`AgentError`], as [`Account::send`], but for the refusal.
    pub fn cause_block(&self) -> Result<(), AgentError> {
        // A claim that nobody made.
        let claim = ClaimId::new([0; 32]);
        match self.send(Body::Settle { claim }) {
            Ok(_) | Err(AgentError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Signs and hands in what needs to be done only once, unless `done` finds it done: before, or when the
    /// ledger refuses it. So whoever dies after it was heard just asks again. `None` if it was done before.
    ///
    /// # Errors
    /// [`AgentError`], as [`Account::send`]; [`AgentError::Refused`] if the ledger refuses and it is not done.
    pub fn send_unless(
        &self,
        body: Body,
        done: impl Fn() -> Result<bool, AgentError>,
    ) -> Result<Option<Sent>, AgentError> {
        if done()? {
            return Ok(None);
        }
        let sent = self.send(body);
        let reason = match &sent {
            Ok(sent) => sent.result.as_ref().err().copied(),
            Err(AgentError::Refused(reason)) => Some(*reason),
            Err(_) => None,
        };
        match reason {
            None => sent.map(Some),
            Some(_) if done()? => Ok(None),
            Some(reason) => Err(AgentError::Refused(reason)),
        }
    }

    /// Signs and hands in once for this entry of the journal, however often it is called: what was signed
    /// is kept, and handed in again until it is known to be executed or refused. What the ledger refused is
    /// forgotten: asked again, it is signed anew, for what stood against it may be gone.
    ///
    /// # Errors
    /// [`AgentError`], as [`Account::send`].
    pub fn send_once(
        &self,
        journal: &Journal,
        entry: &str,
        body: impl FnOnce() -> Result<Body, AgentError>,
    ) -> Result<Sent, AgentError> {
        let mut signed = match journal.read(entry)? {
            Some(bytes) => SignedTransaction::from_wire(&bytes)
                .map_err(|_| JournalError::Damaged(entry.to_owned()))?,
            None => {
                let signed = self.sign(body()?)?;
                journal.write(entry, &signed.to_wire())?;
                signed
            }
        };
        for _ in 0..TRIES {
            let body = signed.body().clone();
            match self.hand_in(signed) {
                // The counter went to another transaction, so this one never was and never will be executed.
                Err(AgentError::Refused(Rejection::Replayed)) => {}
                Ok(sent) if sent.result == Err(Rejection::Replayed) => {}
                Ok(sent) if sent.result.is_err() => {
                    journal.forget(entry)?;
                    return Ok(sent);
                }
                done => return done,
            }
            signed = self.sign(body)?;
            journal.write(entry, &signed.to_wire())?;
        }
        Err(AgentError::Refused(Rejection::Replayed))
    }

    fn hand_in(&self, signed: SignedTransaction) -> Result<Sent, AgentError> {
        let transaction = signed.to_transaction()?;
        let committed = match self.client.submit(&transaction) {
            Ok(committed) => committed,
            Err(crate::client::ClientError::Desk(error)) => {
                let reason = error.code().and_then(Rejection::from_code);
                return Err(reason.map_or_else(|| error.into(), AgentError::Refused));
            }
            Err(error) => return Err(error.into()),
        };
        let result = match committed.outcome.code {
            0 => Ok(read_outcome(&committed.outcome.data)?),
            code => Err(Rejection::from_code(code).unwrap_or(Rejection::Malformed)),
        };
        Ok(Sent {
            transaction: signed,
            height: committed.height,
            index: committed.index,
            result,
        })
    }
}

impl Sent {
    /// What it brought about.
    ///
    /// # Errors
    /// [`AgentError::Refused`] if it was refused on the ledger.
    pub fn accepted(self) -> Result<Vec<Event>, AgentError> {
        self.result.map_err(AgentError::Refused)
    }
}
