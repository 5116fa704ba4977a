//! A replica that lies, to try the others: only with the feature `byzantine`.
//!
//! It stands between the engine and the network. After every vote and proposal it sends a second one that
//! conflicts, rightly signed; with every vote it sends one whose signature is wrong and one in another
//! replica's name; the pieces of every other block of its own it spoils on the way.

use crate::digest::{Digest, Purpose};
use crate::height::ReplicaId;
use crate::malachite::context::{Address, LedgerContext, Proposal, Vote};
use crate::malachite::parts::Part;
use crate::malachite::signing::Pen;
use arc_malachitebft_app_channel::NetworkMsg;
use arc_malachitebft_app_channel::app::consensus::SignedConsensusMsg;
use arc_malachitebft_app_channel::app::engine::network::{Msg, NetworkRef};
use arc_malachitebft_app_channel::app::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::core::{NilOrVal, SignedMessage};
use async_trait::async_trait;
use bytes::Bytes;
use ractor::{Actor, ActorProcessingErr, ActorRef, SpawnErr};
use tokio::sync::mpsc;

type Ctx = LedgerContext;

/// The engine's way to the network, and the replica's.
pub(super) type Ways = (NetworkRef<Ctx>, mpsc::Sender<NetworkMsg<Ctx>>);

struct Liar {
    network: NetworkRef<Ctx>,
    pen: Pen,
}

/// Puts a liar before the network.
pub(super) async fn stand_before((network, parts): Ways, pen: Pen) -> Result<Ways, SpawnErr> {
    let liar = Liar { network, pen };
    let (liar, _) = Actor::spawn(None, liar, ()).await?;
    let (spoiled, mut inbox) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut streams = 0u64;
        while let Some(message) = inbox.recv().await {
            if parts.send(spoil(message, &mut streams)).await.is_err() {
                return;
            }
        }
    });
    Ok((liar, spoiled))
}

#[async_trait]
impl Actor for Liar {
    type Msg = Msg<Ctx>;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Msg<Ctx>>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Msg<Ctx>>,
        message: Msg<Ctx>,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let lies = match &message {
            Msg::PublishConsensusMsg(SignedConsensusMsg::Vote(vote)) => self.votes(&vote.message),
            Msg::PublishConsensusMsg(SignedConsensusMsg::Proposal(p)) => {
                vec![self.proposal(&p.message)]
            }
            _ => Vec::new(),
        };
        self.network.cast(message)?;
        for lie in lies {
            self.network.cast(Msg::PublishConsensusMsg(lie))?;
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Msg<Ctx>>,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        self.network.stop(None);
        Ok(())
    }
}

impl Liar {
    /// A conflicting vote, one with the signature of another, one in the next replica's name.
    fn votes(&self, vote: &Vote) -> Vec<SignedConsensusMsg<Ctx>> {
        let value = match vote.value {
            NilOrVal::Nil => NilOrVal::Val(other(&Digest::ZERO)),
            NilOrVal::Val(digest) if vote.height.get().is_multiple_of(2) => {
                NilOrVal::Val(other(&digest))
            }
            NilOrVal::Val(_) => NilOrVal::Nil,
        };
        let second = Vote { value, ..*vote };
        let signed = |vote: &Vote| {
            let statement = vote.statement(self.pen.seals.epochs.at(vote.height));
            self.pen.seals.domain.sign(&self.pen.key, &statement)
        };
        let third = Vote {
            value: NilOrVal::Val(other(&other(&Digest::ZERO))),
            ..*vote
        };
        let next = ReplicaId::new(vote.voter.0.get() + 1);
        let fourth = Vote {
            voter: Address(if next.get() > 3 {
                ReplicaId::new(0)
            } else {
                next
            }),
            ..second
        };
        let votes = [
            SignedMessage::new(second, signed(&second)),
            SignedMessage::new(third, signed(vote)),
            SignedMessage::new(fourth, signed(&fourth)),
        ];
        votes.map(SignedConsensusMsg::Vote).into()
    }

    /// A conflicting proposal.
    fn proposal(&self, proposal: &Proposal) -> SignedConsensusMsg<Ctx> {
        let second = Proposal {
            value: other(&proposal.value),
            ..*proposal
        };
        let signature = self.pen.propose(&second);
        SignedConsensusMsg::Proposal(SignedMessage::new(second, signature))
    }
}

fn other(digest: &Digest) -> Digest {
    Purpose::Proposal.hash(&[digest.as_bytes()])
}

/// Turns over the last byte of the pieces of every other block.
fn spoil(message: NetworkMsg<Ctx>, streams: &mut u64) -> NetworkMsg<Ctx> {
    let NetworkMsg::PublishProposalPart(mut message) = message;
    match &mut message.content {
        StreamContent::Data(Part::Opening(..)) => *streams += 1,
        StreamContent::Data(Part::Chunk(bytes)) if streams.is_multiple_of(2) => {
            let mut spoiled = bytes.to_vec();
            if let Some(last) = spoiled.last_mut() {
                *last ^= 1;
            }
            *bytes = Bytes::from(spoiled);
        }
        _ => {}
    }
    NetworkMsg::PublishProposalPart(message)
}
