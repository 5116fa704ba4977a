//! What clients and operators ask of a replica.

use super::{Host, Stop};
use crate::application::{Application, Reject};
use crate::block::Transaction;
use crate::height::Height;
use crate::light::{InclusionProof, LedgerProof};
use crate::malachite::desk::Command;
use crate::malachite::parts::{MAX_GOSSIP, Part, alone};
use tokio::sync::mpsc;

impl<A: Application> Host<A> {
    pub(super) fn told(
        &mut self,
        command: Option<Command>,
        more: &mut mpsc::Receiver<Command>,
    ) -> Result<(), Stop> {
        let mut command = command;
        // What waits is taken together, so that it travels together.
        for _ in 0..MAX_GOSSIP {
            match command {
                None | Some(Command::Stop) => return Err(Stop::Asked),
                Some(Command::Submit(tx, answer)) => {
                    answer.send(self.submitted(tx)).ok();
                }
                Some(Command::Query(query, answer)) => {
                    answer.send(self.chain.app().query(&query)).ok();
                }
                Some(Command::Prove(height, index, answer)) => {
                    answer.send(self.prove(height, index)).ok();
                }
                Some(Command::Block(height, answer)) => {
                    answer.send(self.store.block(height).ok().flatten()).ok();
                }
            }
            match more.try_recv() {
                Ok(next) => command = Some(next),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// A client's transaction: admitted here, and sent to the others; what has a used counter is
    /// answered at once.
    fn submitted(&mut self, tx: Transaction) -> Result<(), Reject> {
        let Some(place) = self.chain.executed(&tx) else {
            return self.waiting.submit(tx, &self.chain);
        };
        self.settle(&tx, place)
    }

    /// Tells whoever waits for a transaction whose counter was used at this place.
    fn settle(&self, tx: &Transaction, (height, index): (Height, u32)) -> Result<(), Reject> {
        let delivery = self.store.block(height).ok().flatten();
        let answer = delivery.and_then(|d| d.answer(&tx.id(), index));
        // The block may be dropped.
        let answer = answer.ok_or(Reject::Executed(height))?;
        self.desk.again(&tx.id(), &answer);
        Ok(())
    }

    pub(super) fn remind(&mut self) {
        for (tx, place) in self.waiting.remind(&self.chain) {
            self.settle(&tx, place).ok();
        }
    }

    /// Sends new transactions to the others.
    pub(super) async fn spread(&mut self) {
        for batch in self.waiting.spread(&self.chain) {
            let message = alone(Part::Waiting(batch), self.letter());
            self.publish(message).await;
        }
    }

    fn prove(&self, height: Height, index: u32) -> Option<LedgerProof> {
        let delivery = self.store.block(height).ok().flatten()?;
        let decision = &delivery.decision;
        let inclusion =
            InclusionProof::new(&decision.block, &decision.certificate, index as usize)?;
        let steps = self.chain.steps().iter();
        let before = steps.filter(|s| s.header.height < height);
        Some(LedgerProof {
            steps: before.cloned().collect(),
            inclusion,
        })
    }
}
