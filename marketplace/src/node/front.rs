//! The application with one question more: would you admit this transaction?

use eligo_ledger::application::{
    AppInfo, Application, Finalized, Genesis, Limits, NextParams, Pool, Query, QueryAnswer, Reject,
    RequestId, Restoration, SnapshotInfo, Verdict,
};
use eligo_ledger::block::{Block, Transaction};
use eligo_ledger::certificate::CommitCert;
use eligo_ledger::digest::Digest;
use eligo_ledger::height::Height;

/// Not a path an application has: it begins with a dot.
const ADMIT: &str = ".admit";

/// Asks whether a transaction would be admitted.
pub(super) fn question(transaction: &Transaction) -> Query {
    Query {
        path: ADMIT.into(),
        data: transaction.bytes().to_vec(),
    }
}

/// The application's code, if the answer is that it would not.
pub(super) fn refusal(answer: &[u8]) -> Option<u32> {
    answer.try_into().ok().map(u32::from_be_bytes)
}

/// An application behind the question.
#[derive(Debug)]
pub(super) struct Front<A>(A);

impl<A> Front<A> {
    pub(super) const fn new(inner: A) -> Self {
        Self(inner)
    }
}

impl<A: Application> Application for Front<A> {
    fn query(&self, query: &Query) -> QueryAnswer {
        if query.path != ADMIT {
            return self.0.query(query);
        }
        let admitted = Transaction::new(query.data.as_slice())
            .map_err(|_| ())
            .and_then(|tx| match self.0.check_tx(&tx) {
                Err(Reject::Application(code)) => Ok(code),
                _ => Err(()),
            });
        QueryAnswer {
            height: self.0.info().height,
            value: admitted.ok().map(|code| code.to_be_bytes().to_vec()),
            proof: Vec::new(),
        }
    }

    fn info(&self) -> AppInfo {
        self.0.info()
    }
    fn init_chain(&mut self, genesis: &Genesis) -> NextParams {
        self.0.init_chain(genesis)
    }
    fn check_tx(&self, tx: &Transaction) -> Result<(), Reject> {
        self.0.check_tx(tx)
    }
    fn request_id(&self, tx: &Transaction) -> RequestId {
        self.0.request_id(tx)
    }
    fn propose(&mut self, height: Height, limits: &Limits, pool: &dyn Pool) -> Vec<Transaction> {
        self.0.propose(height, limits, pool)
    }
    fn verify(&mut self, block: &Block) -> Verdict {
        self.0.verify(block)
    }
    fn finalize_block(&mut self, block: &Block) -> Finalized {
        self.0.finalize_block(block)
    }
    fn commit(&mut self, certificate: &CommitCert) -> Height {
        self.0.commit(certificate)
    }
    fn take_snapshot(&mut self, height: Height) -> SnapshotInfo {
        self.0.take_snapshot(height)
    }
    fn load_chunk(&self, height: Height, index: u32) -> Option<Vec<u8>> {
        self.0.load_chunk(height, index)
    }
    fn offer(&mut self, info: &SnapshotInfo, app_hash: Digest) -> bool {
        self.0.offer(info, app_hash)
    }
    fn apply_chunk(&mut self, index: u32, bytes: &[u8]) -> Restoration {
        self.0.apply_chunk(index, bytes)
    }
}
