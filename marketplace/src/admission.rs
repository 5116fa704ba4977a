//! The stateless phase: what can be said of a transaction's bytes by themselves.

use std::sync::OnceLock;

use eligo_ledger::block::Transaction;
use eligo_ledger::wire::Wire;
use eligo_sharing::beacon::{BeaconKey, Randomness};
use eligo_sharing::tcpre::CheckedCapsule;

use crate::care;
use crate::claim::{ParsedClaim, ParsedCount, parse_claim, parse_count};
use crate::contract::Contract;
use crate::convene;
use crate::governance::admit_round;
use crate::name::{ChainId, ClaimId};
use crate::proxy::admit_proxy;
use crate::record::admit_entry;
use crate::rejection::Rejection;
use crate::requirement::{AdmittedQuestion, admit_offer, admit_question};
use crate::transaction::{Body, SignedTransaction};

/// A transaction that decodes and is signed, with what its content turned out to be.
#[derive(Clone, Debug)]
pub struct Admitted {
    transaction: SignedTransaction,
    id: ClaimId,
    /// None until somebody asks.
    findings: OnceLock<Result<Findings, Rejection>>,
}

/// What the stateless checks of a content gave.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
pub(crate) enum Findings {
    /// Nothing beyond the signature.
    Plain,
    /// A record's capsule.
    Entry(CheckedCapsule),
    /// A requirement's key and issuers.
    Question(AdmittedQuestion),
    /// A claim.
    Claim(ParsedClaim),
    /// A count claim.
    Count(ParsedCount),
    /// A round's randomness.
    Round(Randomness),
    /// An act of care.
    Care(care::Finding),
}

impl Admitted {
    /// The transaction.
    #[must_use]
    pub const fn transaction(&self) -> &SignedTransaction {
        &self.transaction
    }

    /// Its digest, a claim's name.
    #[must_use]
    pub const fn id(&self) -> ClaimId {
        self.id
    }

    /// What the content turned out to be; examined now if it was not before.
    pub(crate) fn findings(
        &self,
        chain: &ChainId,
        beacon: &BeaconKey,
    ) -> Result<&Findings, Rejection> {
        let examined = || examine(chain, beacon, self.transaction.body());
        let findings = self.findings.get_or_init(examined);
        findings.as_ref().map_err(|reason| *reason)
    }

    /// What it turned out to be, if that was examined.
    pub(crate) fn examined(&self) -> Option<&Findings> {
        self.findings.get()?.as_ref().ok()
    }
}

/// Decodes and checks chain and signature: whatever fails here has no place in a block.
///
/// # Errors
/// [`Rejection::Malformed`], [`Rejection::OtherChain`] or [`Rejection::Signature`].
pub fn read(chain: &ChainId, transaction: &Transaction) -> Result<SignedTransaction, Rejection> {
    let signed =
        SignedTransaction::from_wire(transaction.bytes()).map_err(|_| Rejection::Malformed)?;
    signed.verify(chain)?;
    Ok(signed)
}

/// As [`read`], and everything about the content that needs no state. What `contract` would not heed is not
/// examined yet: it costs pairings, and a stranger asks for them for nothing. If an earlier transaction of the
/// block changes that, it is examined in its turn, with the same result.
///
/// # Errors
/// As [`read`]; a content that is at fault is admitted, to be refused with its reason in the block.
pub fn admit(
    contract: &Contract,
    beacon: &BeaconKey,
    transaction: &Transaction,
) -> Result<Admitted, Rejection> {
    let chain = contract.chain();
    let signed = read(chain, transaction)?;
    let admitted = Admitted {
        id: transaction.id().into(),
        findings: OnceLock::new(),
        transaction: signed,
    };
    let signed = &admitted.transaction;
    if contract.heed(&signed.sender(), signed.body()).is_ok() {
        // Keys change at the end of blocks alone, so all of a block is examined by the same.
        let beacon = convene::beacon::key_for(contract, signed.body(), beacon);
        admitted.findings(chain, &beacon).ok();
    }
    Ok(admitted)
}

fn examine(chain: &ChainId, beacon: &BeaconKey, body: &Body) -> Result<Findings, Rejection> {
    Ok(match body {
        Body::Register(entry) => Findings::Entry(admit_entry(chain, entry)?),
        Body::Publish(offer) => Findings::Question(admit_offer(offer)?),
        Body::Draft(draft) => Findings::Question(admit_question(&draft.question)?),
        Body::Claim(request) => Findings::Claim(parse_claim(request)?),
        Body::Count(request) => Findings::Count(parse_count(request)?),
        Body::BeaconRound { round, signature } => {
            Findings::Round(admit_round(beacon, *round, signature)?)
        }
        Body::Care(act) => Findings::Care(care::examine(act)?),
        Body::RegisterProxy(entry) => {
            admit_proxy(entry)?;
            Findings::Plain
        }
        Body::Convene(act) => {
            convene::admit(act)?;
            Findings::Plain
        }
        _ => Findings::Plain,
    })
}
