//! What queries answer with, as JSON: names in hexadecimal, amounts and times as integers.

use serde::Serialize;

use crate::credits::Credits;
use crate::encoding::Text;
use crate::event::Event;
use crate::genesis::Parameters;
use crate::name::{AccountId, ClaimId, Lineage, RecordName, RequirementName};
use crate::rejection::Rejection;

/// `status`: where the marketplace is.
#[derive(Clone, Debug, Serialize)]
pub struct StatusView {
    /// The chain's name.
    pub chain: String,
    /// The contract's name.
    pub contract: &'static str,
    /// The last block.
    pub height: u64,
    /// Its time, milliseconds since 1970.
    pub time_ms: u64,
    /// The day claims may name, a civil number.
    pub today: u32,
    /// The beacon's last round.
    pub beacon_round: u64,
    /// The last round that a draw waits for; also one for an ask that is over. None if none does.
    pub awaited_round: Option<u64>,
    /// Who certifies.
    pub registrar: AccountId,
    /// All credits there are.
    pub credits: Credits,
    /// Credits lost by proxies that lied or kept silent.
    pub forfeited: Credits,
    /// Registered records.
    pub records: usize,
    /// Published requirements.
    pub requirements: usize,
    /// Accepted claims.
    pub claims: usize,
    /// Why it stopped, if it did.
    pub stopped: Option<String>,
    /// Amounts and times.
    pub parameters: Parameters,
}

/// `account/ACCOUNT`: an account, and the party it is.
#[derive(Clone, Debug, Serialize)]
pub struct AccountView {
    /// The account.
    pub account: AccountId,
    /// What it holds.
    pub credits: Credits,
    /// The last counter it used; 0 for none. The next is greater.
    pub counter: u64,
    /// The party, if it is one.
    pub party: Option<PartyView>,
}

/// A party.
#[derive(Clone, Debug, Serialize)]
pub struct PartyView {
    /// Its certified name.
    pub name: String,
    /// Its role: `hospital`, `doctor`, `institution`, `proxy` or `replica`.
    pub role: &'static str,
    /// A hospital's level.
    pub level: Option<crate::certificate::Level>,
    /// A hospital's issuer key, circomlib's packed form.
    pub issuer_key: Option<String>,
    /// A proxy's organisation.
    pub organisation: Option<String>,
    /// Its certificate's number.
    pub serial: u64,
    /// Whether it is admitted now.
    pub admitted: bool,
    /// A hospital's bond.
    pub bond: Credits,
    /// Claims that its bond stands for.
    pub open_claims: u32,
}

/// `record/RECORD`: a registered record.
#[derive(Clone, Debug, Serialize)]
pub struct RecordView {
    /// Its name, `sealed`.
    pub record: RecordName,
    /// Its lineage.
    pub lineage: Lineage,
    /// The capsule's 336 bytes.
    pub capsule: String,
    /// The ciphertext's digest.
    pub ciphertext: String,
    /// Where the ciphertext is.
    pub uri: String,
    /// The hospital.
    pub hospital: AccountId,
    /// The encounter's key.
    pub encounter: String,
    /// What it supersedes.
    pub supersedes: Option<RecordName>,
    /// Digest of a team's signature.
    pub team: Option<String>,
    /// The block that registered it.
    pub height: u64,
    /// Whether the patient took it off the market.
    pub withdrawn: bool,
    /// Licences on its lineage, reserved or running.
    pub licences: Vec<LicenceView>,
}

/// A licence on a lineage.
#[derive(Clone, Debug, Serialize)]
pub struct LicenceView {
    /// The claim it comes from.
    pub claim: ClaimId,
    /// Whether it excludes others.
    pub exclusive: bool,
    /// Its last day, a civil number; none if it never ends.
    pub until: Option<u32>,
    /// Whether it runs; otherwise it is reserved.
    pub running: bool,
}

/// `requirement/NAME`, `offers`, `drafts`: a published requirement.
#[derive(Clone, Debug, Serialize)]
pub struct RequirementView {
    /// Its name.
    pub requirement: RequirementName,
    /// `sale` or `count`.
    pub kind: &'static str,
    /// Who published it.
    pub institution: AccountId,
    /// The certified name of who published it.
    pub institution_name: String,
    /// `open`, `withdrawn`, `complete` or `past`.
    pub status: &'static str,
    /// Sets it apart from every other.
    pub nonce: String,
    /// The schema's field element.
    pub schema: String,
    /// The program's field element.
    pub program: String,
    /// The document, if it is UTF-8.
    pub document: Option<String>,
    /// The accepted issuers' keys in order.
    pub issuers: Vec<String>,
    /// The root of their tree, 32 big-endian bytes.
    pub issuers_root: String,
    /// Keywords.
    pub keywords: Vec<String>,
    /// How many were wanted.
    pub wanted: u32,
    /// How many more are.
    pub left: u32,
    /// Last day, a civil number.
    pub deadline: u32,
    /// The verifying key's canonical bytes.
    pub verifying_key: String,
    /// Credits for each record, or for each who is counted.
    pub reward: Credits,
    /// What is locked and not reserved.
    pub escrow: Credits,
    /// The block that published it.
    pub height: u64,
    /// How many were counted, in a draft.
    pub counted: u32,
    /// What only a requirement for sale has.
    pub sale: Option<SaleView>,
}

/// What only a requirement for sale has.
#[derive(Clone, Debug, Serialize)]
pub struct SaleView {
    /// B.
    pub receiving_key: String,
    /// t.
    pub threshold: u16,
    /// n.
    pub proxies: u16,
    /// Credits for each share.
    pub proxy_fee: Credits,
    /// Whether the licence excludes others.
    pub exclusive: bool,
    /// The licence's last day, a civil number; none if it never ends.
    pub until: Option<u32>,
    /// DUO codes.
    pub duo: Vec<Text<16>>,
    /// SHA-256 of the agreement's text.
    pub text: Option<String>,
    /// The proxies drawn, in order; none before the draw.
    pub drawn: Option<Vec<DrawnView>>,
    /// The beacon's round that draws them.
    pub draw_round: u64,
}

/// A proxy as a grant needs it.
#[derive(Clone, Debug, Serialize)]
pub struct DrawnView {
    /// Its account.
    pub account: AccountId,
    /// E.
    pub key: String,
}

/// `claim/CLAIM`: a claim.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimView {
    /// Its name.
    pub claim: ClaimId,
    /// `accepted`, `delivered`, `settled`, `rejected`, `expired`, `disputed`, `refunded` or `upheld`.
    pub status: &'static str,
    /// Why it was rejected: number and text.
    pub reason: Option<(u32, String)>,
    /// Everything else, unless it was rejected.
    pub accepted: Option<AcceptedView>,
}

/// An accepted claim.
#[derive(Clone, Debug, Serialize)]
pub struct AcceptedView {
    /// The requirement.
    pub requirement: RequirementName,
    /// The record.
    pub record: RecordName,
    /// Who is paid.
    pub account: AccountId,
    /// The institution.
    pub institution: AccountId,
    /// The hospital.
    pub hospital: AccountId,
    /// The grant's name.
    pub grant_id: String,
    /// The grant's bytes.
    pub grant: String,
    /// The six public inputs' bytes.
    pub inputs: String,
    /// The proof's bytes.
    pub proof: String,
    /// The day it was proved for, a civil number.
    pub today: u32,
    /// What is reserved for it.
    pub reserve: Credits,
    /// The block that accepted it.
    pub height: u64,
    /// When it expires, settles or is decided next, milliseconds since 1970; none when it is over.
    pub due_ms: Option<u64>,
    /// From which height on no share is taken, if it was revoked.
    pub revoked: Option<u64>,
    /// Shares posted: the proxy's number and the share's bytes.
    pub shares: Vec<(u8, String)>,
    /// How many are needed.
    pub threshold: u16,
    /// The dispute, if there is one.
    pub dispute: Option<DisputeView>,
}

/// A dispute.
#[derive(Clone, Debug, Serialize)]
pub struct DisputeView {
    /// What the disputer deposited.
    pub deposit: Credits,
    /// Letters to the arbiters: replica and bytes.
    pub letters: Vec<(u16, String)>,
    /// Verdicts so far.
    pub verdicts: Vec<(AccountId, crate::transaction::Finding)>,
}

/// `proxy/ACCOUNT`, `proxies`: a proxy.
#[derive(Clone, Debug, Serialize)]
pub struct ProxyView {
    /// Its account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Its organisation.
    pub organisation: String,
    /// E.
    pub key: String,
    /// Its stake.
    pub stake: Credits,
    /// Whether it lied once, and is not drawn any more.
    pub jailed: bool,
    /// Requirements and claims it serves.
    pub duties: u32,
    /// False shares it posted.
    pub false_shares: u32,
    /// Claims it let expire.
    pub silences: u32,
}

/// `events/..`: something that happened.
#[derive(Clone, Debug, Serialize)]
pub struct EventView {
    /// The block.
    pub height: u64,
    /// Its number among the block's events.
    pub number: u32,
    /// The block's time, milliseconds since 1970.
    pub time_ms: u64,
    /// The transaction's position in the block; none for what the block's end did.
    pub transaction: Option<u32>,
    /// What happened.
    pub event: Event,
}

impl ClaimView {
    /// A claim that was rejected.
    #[must_use]
    pub fn rejected(claim: ClaimId, reason: Rejection) -> Self {
        Self {
            claim,
            status: "rejected",
            reason: Some((reason.code(), reason.to_string())),
            accepted: None,
        }
    }
}

/// `arbiters`: who judges disputes.
#[derive(Clone, Debug, Serialize)]
pub struct ArbiterView {
    /// The replica.
    pub replica: u16,
    /// Its account.
    pub account: AccountId,
    /// Where letters to it are sealed to.
    pub letters: String,
    /// Whether its replica votes now.
    pub voting: bool,
}
