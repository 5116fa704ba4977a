//! The engine's types in this ledger's terms: heights, digests, members and votes are our own.

use crate::digest::{Digest, Purpose};
use crate::height::{Epoch, Height, ReplicaId, View};
use crate::identity::{Kind, PublicKey, SecretKey, Signature, Statement};
use crate::malachite::parts::Part;
use crate::proposer::ProposerOrder;
use crate::roster::Roster;
use arc_malachitebft_app_channel::app::types::core::{
    self, LinearTimeouts, NilOrVal, Round, VoteType,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Ties the engine's types together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LedgerContext;

impl core::Context for LedgerContext {
    type Address = Address;
    type Height = Height;
    type ProposalPart = Part;
    type Proposal = Proposal;
    type Validator = Validator;
    type ValidatorSet = Validators;
    type Timeouts = LinearTimeouts;
    type Value = Digest;
    type Vote = Vote;
    type Extension = Bytes;
    type SigningScheme = StrictEd25519;

    fn select_proposer<'a>(
        &self,
        validators: &'a Validators,
        _height: Height,
        round: Round,
    ) -> &'a Validator {
        validators.proposer(view_of(round))
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        value: Digest,
        pol_round: Round,
        address: Address,
    ) -> Proposal {
        Proposal {
            height,
            round,
            value,
            pol_round,
            proposer: address,
        }
    }

    fn new_prevote(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<Digest>,
        address: Address,
    ) -> Vote {
        Vote {
            kind: VoteType::Prevote,
            height,
            round,
            value,
            voter: address,
        }
    }

    fn new_precommit(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<Digest>,
        address: Address,
    ) -> Vote {
        Vote {
            kind: VoteType::Precommit,
            height,
            round,
            value,
            voter: address,
        }
    }
}

/// A round as this ledger's view; nil counts as the first.
pub(super) fn view_of(round: Round) -> View {
    View::new(round.as_u32().map_or(0, u64::from))
}

/// A view as the engine's round; the engine never goes beyond `u32`.
pub(super) fn round_of(view: View) -> Round {
    u32::try_from(view.get()).map_or(Round::Nil, Round::new)
}

impl core::Height for Height {
    const ZERO: Self = Height::new(0);
    const INITIAL: Self = Height::new(1);

    fn increment_by(&self, n: u64) -> Self {
        self.plus(n)
    }
    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.get().checked_sub(n).map(Height::new)
    }
    fn as_u64(&self) -> u64 {
        self.get()
    }
}

impl core::Value for Digest {
    type Id = Digest;
    fn id(&self) -> Digest {
        *self
    }
}

/// A replica, as the engine addresses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Address(pub(super) ReplicaId);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "replica-{}", self.0)
    }
}

impl core::Address for Address {}

/// Ed25519 as everywhere in this ledger: strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StrictEd25519;

impl core::SigningScheme for StrictEd25519 {
    type DecodingError = NotAKey;
    type Signature = Signature;
    type PublicKey = PublicKey;
    type PrivateKey = Arc<SecretKey>;

    fn decode_signature(bytes: &[u8]) -> Result<Signature, NotAKey> {
        bytes.try_into().map(Signature::new).map_err(|_| NotAKey)
    }
    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.as_bytes().to_vec()
    }
    fn decode_public_key(bytes: &[u8]) -> Result<PublicKey, NotAKey> {
        let bytes = bytes.try_into().map_err(|_| NotAKey)?;
        PublicKey::new(bytes).map_err(|_| NotAKey)
    }
    fn encode_public_key(key: &PublicKey) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

/// Bytes that are neither key nor signature.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("neither a key nor a signature")]
pub(super) struct NotAKey;

/// A proposer's word: a block's digest, and the round in which it was locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) height: Height,
    pub(super) round: Round,
    pub(super) value: Digest,
    pub(super) pol_round: Round,
    pub(super) proposer: Address,
}

impl Proposal {
    /// What its proposer signs.
    pub(super) fn statement(&self, epoch: Epoch) -> Statement {
        let locked = self.pol_round.as_i64().to_be_bytes();
        Statement {
            epoch,
            kind: Kind::Propose,
            view: view_of(self.round),
            height: self.height,
            digest: Purpose::Proposal.hash(&[self.value.as_bytes(), &locked]),
        }
    }
}

impl core::Proposal<LedgerContext> for Proposal {
    fn height(&self) -> Height {
        self.height
    }
    fn round(&self) -> Round {
        self.round
    }
    fn value(&self) -> &Digest {
        &self.value
    }
    fn take_value(self) -> Digest {
        self.value
    }
    fn pol_round(&self) -> Round {
        self.pol_round
    }
    fn validator_address(&self) -> &Address {
        &self.proposer
    }
}

/// A prevote or precommit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vote {
    pub(super) kind: VoteType,
    pub(super) height: Height,
    pub(super) round: Round,
    pub(super) value: NilOrVal<Digest>,
    pub(super) voter: Address,
}

impl Vote {
    /// What its author signs: the zero digest for nil.
    pub(super) fn statement(&self, epoch: Epoch) -> Statement {
        Statement {
            epoch,
            kind: match self.kind {
                VoteType::Prevote => Kind::Prevote,
                VoteType::Precommit => Kind::Precommit,
            },
            view: view_of(self.round),
            height: self.height,
            digest: match self.value {
                NilOrVal::Nil => Digest::ZERO,
                NilOrVal::Val(digest) => digest,
            },
        }
    }
}

impl core::Vote<LedgerContext> for Vote {
    fn height(&self) -> Height {
        self.height
    }
    fn round(&self) -> Round {
        self.round
    }
    fn value(&self) -> &NilOrVal<Digest> {
        &self.value
    }
    fn take_value(self) -> NilOrVal<Digest> {
        self.value
    }
    fn vote_type(&self) -> VoteType {
        self.kind
    }
    fn validator_address(&self) -> &Address {
        &self.voter
    }
    fn extension(&self) -> Option<&core::SignedExtension<LedgerContext>> {
        None
    }
    fn take_extension(&mut self) -> Option<core::SignedExtension<LedgerContext>> {
        None
    }
    /// Votes are not extended on this ledger.
    fn extend(self, _extension: core::SignedExtension<LedgerContext>) -> Self {
        self
    }
}

/// A voter with its key; all votes weigh the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validator {
    address: Address,
    key: PublicKey,
}

impl core::Validator<LedgerContext> for Validator {
    fn address(&self) -> &Address {
        &self.address
    }
    fn public_key(&self) -> &PublicKey {
        &self.key
    }
    fn voting_power(&self) -> core::VotingPower {
        1
    }
}

/// The voters of one height, and who proposes in each of its rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validators {
    members: Arc<[Validator]>,
    order: ProposerOrder,
    /// Whoever proposes when the order names nobody who votes: never, for a roster's own order.
    first: Validator,
}

impl Validators {
    /// The voters of `roster` under an order; `None` for a roster without voters, which there is not.
    pub(super) fn new(roster: &Roster, order: &ProposerOrder) -> Option<Self> {
        let voters = roster.members().iter().filter(|m| m.votes);
        let members: Vec<Validator> = voters
            .map(|m| Validator {
                address: Address(m.id),
                key: m.key,
            })
            .collect();
        Some(Validators {
            first: members.first()?.clone(),
            members: members.into(),
            order: order.clone(),
        })
    }

    fn proposer(&self, view: View) -> &Validator {
        let id = Address(self.order.primary(view));
        self.members
            .iter()
            .find(|v| v.address == id)
            .unwrap_or(&self.first)
    }
}

impl core::ValidatorSet<LedgerContext> for Validators {
    fn count(&self) -> usize {
        self.members.len()
    }
    fn total_voting_power(&self) -> core::VotingPower {
        self.members.len() as core::VotingPower
    }
    fn get_by_address(&self, address: &Address) -> Option<&Validator> {
        self.members.iter().find(|v| v.address == *address)
    }
    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.members.get(index)
    }
}

/// Which epoch each height is in, as far as it is known: signatures name it, the engine does not.
#[derive(Debug, Default)]
pub(super) struct Epochs(RwLock<BTreeMap<Height, Epoch>>);

impl Epochs {
    /// From this height on, this epoch.
    pub(super) fn begin(&self, from: Height, epoch: Epoch) {
        let mut epochs = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = epochs.range(..=from).next_back().map(|(_, e)| *e);
        if before != Some(epoch) {
            epochs.insert(from, epoch);
        }
    }

    /// The epoch of a height.
    pub(super) fn at(&self, height: Height) -> Epoch {
        let epochs = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let epoch = epochs.range(..=height).next_back();
        epoch.map_or(Epoch::default(), |(_, e)| *e)
    }
}
