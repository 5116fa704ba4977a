//! Transactions: what anyone can ask of the marketplace.

use ed25519_dalek::{Signature, Signer, SigningKey};
use eligo_ledger::application::RequestId;
use eligo_ledger::block::Transaction;
use eligo_ledger::height::ReplicaId;
use eligo_ledger::proposer::ProposerPolicy;
use eligo_ledger::roster::Member;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::domain::{int, lp};
use eligo_sharing::tcpre::SignedGrant;
use eligo_verifier_contract::{Context, ContextParts, PROOF_BYTES};

use crate::care::Act;
use crate::certificate::SignedCertificate;
use crate::convene;
use crate::credits::Credits;
use crate::encoding::{Blob, List, wire_enum, wire_struct};
use crate::entry::SignedEntry;
use crate::name::{AccountId, ChainId, ClaimId, RecordName, RequirementName};
use crate::offer::{CONTRACT, Draft, Offer};
use crate::rejection::Rejection;
use crate::signature::verify;

/// The longest grant, share, transcript or letter, in bytes.
pub const MAX_GRANT: usize = SignedGrant::LIMIT;
/// The longest share of a re-encryption, in bytes.
pub const MAX_SHARE: usize = 1024;
/// The longest revocation, in bytes.
pub const MAX_REVOCATION: usize = 256;
/// The longest transcript of a dispute, in bytes.
pub const MAX_TRANSCRIPT: usize = 1024;
/// The longest letter to an arbiter, in bytes.
pub const MAX_LETTER: usize = 4096;
/// The most arbiters.
pub const MAX_ARBITERS: usize = 64;

/// A signed transaction: what, by whom, on which chain, and the sender's how-manieth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTransaction {
    chain: ChainId,
    sender: AccountId,
    counter: u64,
    body: Body,
    signature: [u8; 64],
}

/// Bytes before the body: chain, sender, counter.
const SENDER_AT: usize = 32;

impl SignedTransaction {
    /// Signs. Counters of one account grow strictly; gaps are allowed.
    #[must_use]
    pub fn sign(chain: ChainId, key: &SigningKey, counter: u64, body: Body) -> Self {
        let sender = AccountId::of(&key.verifying_key());
        let message = signed_bytes(&chain, &sender, counter, &body);
        let signature: Signature = key.sign(&message);
        let signature = signature.to_bytes();
        Self {
            chain,
            sender,
            counter,
            body,
            signature,
        }
    }

    /// Checks the chain and the sender's signature.
    ///
    /// # Errors
    /// [`Rejection::OtherChain`] or [`Rejection::Signature`].
    pub fn verify(&self, chain: &ChainId) -> Result<(), Rejection> {
        if self.chain != *chain {
            return Err(Rejection::OtherChain);
        }
        let message = signed_bytes(&self.chain, &self.sender, self.counter, &self.body);
        if verify(self.sender.as_bytes(), &message, &self.signature) {
            Ok(())
        } else {
            Err(Rejection::Signature)
        }
    }

    /// The chain it is for.
    #[must_use]
    pub const fn chain(&self) -> &ChainId {
        &self.chain
    }

    /// Who asks.
    #[must_use]
    pub const fn sender(&self) -> AccountId {
        self.sender
    }

    /// The sender's counter.
    #[must_use]
    pub const fn counter(&self) -> u64 {
        self.counter
    }

    /// What is asked.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// The ledger's form of it; its [`id`](Transaction::id) is the [`ClaimId`] of a claim.
    ///
    /// # Errors
    /// [`WireError::TooLong`] above the ledger's limit.
    pub fn to_transaction(&self) -> Result<Transaction, WireError> {
        Transaction::new(self.to_wire())
    }
}

impl Wire for SignedTransaction {
    const MIN_SIZE: usize = 32 + 32 + 8 + 1 + 64;
    fn encode(&self, out: &mut Vec<u8>) {
        self.chain.encode(out);
        self.sender.encode(out);
        self.counter.encode(out);
        self.body.encode(out);
        self.signature.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            chain: Wire::decode(r)?,
            sender: Wire::decode(r)?,
            counter: Wire::decode(r)?,
            body: Wire::decode(r)?,
            signature: Wire::decode(r)?,
        })
    }
}

/// `LP("ELIGO-MARKET-V01-TRANSACTION", chain, sender, counter, body)`.
fn signed_bytes(chain: &ChainId, sender: &AccountId, counter: u64, body: &Body) -> Vec<u8> {
    lp(&[
        b"ELIGO-MARKET-V01-TRANSACTION",
        chain.as_bytes(),
        sender.as_bytes(),
        &int(counter),
        &body.to_wire(),
    ])
}

/// Who asks and the asker's counter, read from a transaction's first bytes; whatever is too short is a
/// request of its own.
#[must_use]
pub fn request_id(transaction: &Transaction) -> RequestId {
    let read = || {
        let mut reader = Reader::new(transaction.bytes().get(SENDER_AT..)?);
        let client = reader.array().ok()?;
        let counter = u64::decode(&mut reader).ok()?;
        Some(RequestId { client, counter })
    };
    read().unwrap_or(RequestId {
        client: *transaction.id().as_bytes(),
        counter: 1,
    })
}

/// What a claim's proof is bound to: `F("context", chain, contract, account, gid)` with gid, the grant's
/// name, a digest over every proxy's encrypted share among the rest. In a count there is no grant, and its
/// place is empty. A proof so serves one account, which is paid, and one grant, on one chain.
#[must_use]
pub fn claim_context(chain: &ChainId, account: &AccountId, grant: Option<&SignedGrant>) -> Context {
    let grant = grant.map(|grant| *grant.grant().id().as_bytes());
    Context::of(&ContextParts {
        chain: chain.as_bytes(),
        contract: CONTRACT.as_bytes(),
        account: account.as_bytes(),
        grant: grant.as_ref().map_or(&[][..], |id| id.as_slice()),
        shares: &[],
    })
}

wire_enum! {
    /// What can be asked.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[allow(clippy::large_enum_variant)] // Lives as long as its decoding; most bytes are on the heap.
    pub enum Body("transaction") {
        /// Admits a party or renews its certificate. By anyone.
        1 => Certify(SignedCertificate),
        /// Ends a party's certificate. By the registrar.
        2 => Dismiss {
            /// Whose.
            party: AccountId,
        },
        /// Moves credits.
        3 => Transfer {
            /// To this account.
            to: AccountId,
            /// How many.
            amount: Credits,
        },
        /// Adds to a hospital's bond, out of which buyers and patients are made whole. By the hospital.
        4 => DepositBond {
            /// How many credits.
            amount: Credits,
        },
        /// Takes back from the bond while no claim on the hospital's records is open.
        5 => WithdrawBond {
            /// How many credits.
            amount: Credits,
        },
        /// Registers a sealed record. By anyone who has both signatures.
        6 => Register(SignedEntry),
        /// Takes a record off the market; accepted claims go on. By anyone who has the signature.
        7 => WithdrawRecord {
            /// The record.
            record: RecordName,
            /// By its encounter key, [`sign_withdrawal`](crate::entry::sign_withdrawal).
            signature: [u8; 64],
        },
        /// Enters the proxies' roster with a stake. By a certified proxy.
        8 => RegisterProxy(ProxyEntry),
        /// Leaves the roster and takes the stake back. By the proxy, when it serves nothing any more.
        9 => WithdrawProxy,
        /// Publishes a requirement and locks its escrow. By an institution.
        10 => Publish(Offer),
        /// Publishes a draft to be counted and locks its fees. By an institution.
        11 => Draft(Draft),
        /// Ends a requirement; what is not reserved comes back. By its institution.
        12 => WithdrawRequirement {
            /// The requirement.
            requirement: RequirementName,
        },
        /// Claims: proof, grant, and the proxies' encrypted shares in it. By a fresh account, which is paid.
        13 => Claim(ClaimRequest),
        /// Is counted. By an account that did nothing before.
        14 => Count(CountRequest),
        /// A proxy's share. By that proxy.
        15 => PostShare {
            /// The claim.
            claim: ClaimId,
            /// The share's bytes.
            share: Blob<MAX_SHARE>,
        },
        /// Settles a delivered claim whose dispute window is over. By anyone; blocks do it by themselves.
        16 => Settle {
            /// The claim.
            claim: ClaimId,
        },
        /// Ends an accepted claim that was not delivered in time. By anyone; blocks do it by themselves.
        17 => Expire {
            /// The claim.
            claim: ClaimId,
        },
        /// Takes a grant back, effective some blocks later. By anyone who has the signature.
        18 => Revoke {
            /// The claim.
            claim: ClaimId,
            /// The revocation's bytes.
            revocation: Blob<MAX_REVOCATION>,
        },
        /// Disputes a delivered record, with a deposit. By the institution.
        19 => Dispute {
            /// The claim.
            claim: ClaimId,
            /// What is shown.
            evidence: DisputeEvidence,
        },
        /// Judges a disputed content. By an arbiter.
        20 => Verdict {
            /// The claim.
            claim: ClaimId,
            /// Who is at fault.
            finding: Finding,
        },
        /// The beacon's next round. By anyone.
        21 => BeaconRound {
            /// The round.
            round: u64,
            /// Its signature.
            signature: [u8; 48],
        },
        /// Changes how the ledger is run. By the registrar.
        22 => Govern(Governance),
        /// A suspended proposer is back. By its arbiter's account.
        23 => Ready {
            /// Which replica.
            replica: ReplicaId,
        },
        /// An act of a patient's care: teams, the encrypted index, asking, granting, reading.
        24 => Care(Act),
        /// Key generations, elections, who runs which replica.
        25 => Convene(convene::act::Act),
    }
}

wire_struct! {
    /// How a proxy enters the roster.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ProxyEntry {
        /// E, to which its shares are encrypted.
        pub key: [u8; 48],
        /// Proof that the proxy has e.
        pub possession: [u8; 96],
        /// Its stake: its weight in draws, and what it loses for false shares and silence.
        pub stake: Credits,
    }
}

wire_struct! {
    /// A claim on a requirement for sale.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ClaimRequest {
        /// The requirement.
        pub requirement: RequirementName,
        /// The record.
        pub record: RecordName,
        /// The six public inputs, 32 big-endian bytes each.
        pub inputs: [u8; 192],
        /// The proof, compressed.
        pub proof: [u8; PROOF_BYTES],
        /// The signed grant's bytes, the proxies' encrypted shares among them.
        pub grant: Blob<MAX_GRANT>,
    }
}

wire_struct! {
    /// A claim on a draft: names no record and grants nothing.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct CountRequest {
        /// The draft.
        pub requirement: RequirementName,
        /// The six public inputs, 32 big-endian bytes each.
        pub inputs: [u8; 192],
        /// The proof, compressed.
        pub proof: [u8; PROOF_BYTES],
    }
}

wire_struct! {
    /// A transcript, encrypted to one arbiter.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ArbiterLetter {
        /// The arbiter's replica.
        pub arbiter: ReplicaId,
        /// The letter's bytes.
        pub letter: Blob<MAX_LETTER>,
    }
}

wire_enum! {
    /// What a dispute shows.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum DisputeEvidence("evidence") {
        /// The capsule's key is not the one committed to: judged here. The transcript's bytes.
        1 => KeyCommitment(Blob<MAX_TRANSCRIPT>),
        /// The content is not what was signed: judged by arbiters, who alone can read the transcript.
        2 => Content(List<ArbiterLetter, MAX_ARBITERS>),
    }
}

wire_enum! {
    /// Who is at fault in a dispute.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Finding("finding") {
        /// The hospital sealed something else than it signed.
        1 => HospitalAtFault,
        /// The record is what was signed.
        2 => DisputerAtFault,
    }
}

wire_enum! {
    /// A change of how the ledger is run; one of the roster in a block.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Governance("governance") {
        /// Another policy of who proposes, from the next block on.
        1 => Policy(ProposerPolicy),
        /// A member joins or changes, two blocks later.
        2 => Join(Member),
        /// A member leaves, two blocks later.
        3 => Leave(ReplicaId),
    }
}
