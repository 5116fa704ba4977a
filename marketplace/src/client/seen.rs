//! What queries answer, as far as agents and people need it. A node could say anything here: what matters
//! is checked against the ledger in [`history`](super::history).

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Client, ClientError, Desk, DeskError};
use crate::care::view::AskView;
use crate::credits::Credits;
use crate::name::{AccountId, ClaimId, RecordName, RequirementName};
use crate::query::{MOST, PAGE_BYTES};

/// The most entries taken from a node that always has more.
const LONGEST_LIST: usize = 1 << 20;

/// Where the marketplace is.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenStatus {
    /// The last block.
    pub height: u64,
    /// Its time, milliseconds since 1970.
    pub time_ms: u64,
    /// The day claims may name, a civil number.
    pub today: u32,
    /// The beacon's last round.
    pub beacon_round: u64,
    /// The last round that a draw waits for.
    #[serde(default)]
    pub awaited_round: Option<u64>,
    /// Registered records.
    pub records: u64,
    /// Accepted claims.
    pub claims: u64,
    /// Amounts and times.
    pub parameters: SeenParameters,
}

/// Amounts and times.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenParameters {
    /// A revocation takes effect so many blocks later.
    pub revocation_blocks: u64,
    /// How long proxies have to deliver, in milliseconds.
    pub delivery_ms: u64,
    /// How long an institution may dispute, in milliseconds.
    pub dispute_ms: u64,
    /// What a disputer deposits.
    pub dispute_deposit: Credits,
    /// What a hospital's bond is at least.
    pub minimum_bond: Credits,
}

/// An account.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenAccount {
    /// Which.
    pub account: AccountId,
    /// What it holds.
    pub credits: Credits,
    /// The last counter it used.
    pub counter: u64,
    /// The party it is.
    pub party: Option<SeenParty>,
}

/// A party.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenParty {
    /// Its certified name.
    pub name: String,
    /// Its role.
    pub role: String,
    /// A hospital's level.
    #[serde(default)]
    pub level: Option<crate::certificate::Level>,
    /// A hospital's issuer key, hexadecimal.
    pub issuer_key: Option<String>,
    /// Its certificate's number.
    pub serial: u64,
    /// Whether it is admitted now.
    pub admitted: bool,
    /// A hospital's bond.
    pub bond: Credits,
}

/// A registered record.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenRecord {
    /// Its name.
    pub record: RecordName,
    /// The capsule's bytes, hexadecimal.
    pub capsule: String,
    /// The ciphertext's digest, hexadecimal.
    pub ciphertext: String,
    /// Where the ciphertext is.
    pub uri: String,
    /// The hospital.
    pub hospital: AccountId,
    /// The encounter's Ed25519 key, hexadecimal.
    pub encounter: String,
    /// The block that registered it.
    pub height: u64,
    /// Whether the patient took it off the market.
    pub withdrawn: bool,
}

/// A published requirement.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenRequirement {
    /// Its name.
    pub requirement: RequirementName,
    /// `sale` or `count`.
    pub kind: String,
    /// Who published it.
    pub institution: AccountId,
    /// The institution's certified name.
    pub institution_name: String,
    /// `open`, `withdrawn`, `complete` or `past`.
    pub status: String,
    /// The document.
    pub document: Option<String>,
    /// The accepted issuers' keys, hexadecimal.
    pub issuers: Vec<String>,
    /// How many were wanted.
    pub wanted: u32,
    /// How many more are.
    pub left: u32,
    /// Last day, a civil number.
    pub deadline: u32,
    /// The verifying key's canonical bytes, hexadecimal.
    pub verifying_key: String,
    /// Credits for each record.
    pub reward: Credits,
    /// What is locked and not reserved.
    pub escrow: Credits,
    /// The block that published it.
    pub height: u64,
    /// How many were counted, in a draft.
    pub counted: u32,
    /// What only a requirement for sale has.
    pub sale: Option<SeenSale>,
}

/// What only a requirement for sale has.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenSale {
    /// B, hexadecimal.
    pub receiving_key: String,
    /// t.
    pub threshold: u16,
    /// n.
    pub proxies: u16,
    /// Credits for each share.
    pub proxy_fee: Credits,
    /// Whether the licence excludes others.
    pub exclusive: bool,
    /// The licence's last day, a civil number.
    pub until: Option<u32>,
    /// The proxies drawn, in order; none before the draw.
    pub drawn: Option<Vec<SeenProxy>>,
    /// The beacon's round that draws them.
    pub draw_round: u64,
}

/// A proxy drawn for a requirement.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenProxy {
    /// Its account.
    pub account: AccountId,
    /// E, hexadecimal.
    pub key: String,
}

/// A claim.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenClaim {
    /// Its name.
    pub claim: ClaimId,
    /// Where it is in its life.
    pub status: String,
    /// Why it was rejected: number and text.
    pub reason: Option<(u32, String)>,
    /// Everything else, unless it was rejected.
    pub accepted: Option<SeenAccepted>,
}

/// An accepted claim.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenAccepted {
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
    /// The grant's bytes, hexadecimal.
    pub grant: String,
    /// The grant's name.
    pub grant_id: String,
    /// The public inputs' bytes, hexadecimal.
    pub inputs: String,
    /// The day it was proved for, a civil number.
    pub today: u32,
    /// The block that accepted it.
    pub height: u64,
    /// When it expires, settles or is decided next, milliseconds since 1970.
    pub due_ms: Option<u64>,
    /// From which height on no share is taken.
    pub revoked: Option<u64>,
    /// Shares posted: the proxy's number and the share's bytes, hexadecimal.
    pub shares: Vec<(u8, String)>,
    /// How many are needed.
    pub threshold: u16,
}

/// Who judges disputes.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenArbiter {
    /// For which replica.
    pub replica: u16,
    /// Where letters to it are sealed to, hexadecimal.
    pub letters: String,
    /// Whether that replica votes.
    pub voting: bool,
}

/// A proxy of the roster.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenRosterProxy {
    /// Its account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// E, to which its shares are encrypted, hexadecimal.
    pub key: String,
    /// What it serves now.
    pub duties: u32,
    /// Whether it lied.
    pub jailed: bool,
    /// False shares it posted.
    pub false_shares: u32,
}

impl<D: Desk> Client<D> {
    /// Asks a question and reads the answer; `None` if there is no such thing.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ClientError> {
        let Some(answer) = self.desk().query(path, &[])? else {
            return Ok(None);
        };
        let read = serde_json::from_slice(&answer);
        let read = read.map_err(|_| DeskError::Malformed("an answer of the contract's"))?;
        Ok(Some(read))
    }

    /// Asks for one thing, and takes no other for it.
    pub(super) fn ask_for<T: DeserializeOwned>(
        &self,
        path: &str,
        is_it: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>, ClientError> {
        match self.ask(path)? {
            Some(seen) if !is_it(&seen) => {
                Err(DeskError::Malformed("another than asked for").into())
            }
            seen => Ok(seen),
        }
    }

    /// A piece of a list, and whether there may be more: it is as long as was asked for, or as an answer gets.
    pub(super) fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        limit: usize,
    ) -> Result<(Vec<T>, bool), ClientError> {
        let Some(answer) = self.desk().query(path, &[])? else {
            return Ok((Vec::new(), false));
        };
        let read: Result<Vec<T>, _> = serde_json::from_slice(&answer);
        let page = read.map_err(|_| DeskError::Malformed("an answer of the contract's"))?;
        let full = page.len() >= limit || answer.len() >= PAGE_BYTES;
        let more = full && !page.is_empty();
        Ok((page, more))
    }

    /// All of a list, however long.
    pub(super) fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        loop {
            let piece = format!("{path}?after={}&limit={MOST}", all.len());
            let (page, more) = self.page(&piece, MOST)?;
            all.extend(page);
            if !more {
                return Ok(all);
            }
            if all.len() > LONGEST_LIST {
                return Err(DeskError::Malformed("a list without an end").into());
            }
        }
    }

    /// Where the marketplace is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn market_status(&self) -> Result<SeenStatus, ClientError> {
        let status = self.ask("status")?;
        Ok(status.ok_or(DeskError::Malformed("no marketplace"))?)
    }

    /// An account.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn account(&self, id: &AccountId) -> Result<Option<SeenAccount>, ClientError> {
        self.ask_for(&format!("account/{id}"), |seen: &SeenAccount| {
            seen.account == *id
        })
    }

    /// A record.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn record(&self, name: &RecordName) -> Result<Option<SeenRecord>, ClientError> {
        self.ask_for(&format!("record/{name}"), |seen: &SeenRecord| {
            seen.record == *name
        })
    }

    /// A requirement.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn requirement(
        &self,
        name: &RequirementName,
    ) -> Result<Option<SeenRequirement>, ClientError> {
        self.ask_for(&format!("requirement/{name}"), |seen: &SeenRequirement| {
            seen.requirement == *name
        })
    }

    /// A claim.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn claim(&self, id: &ClaimId) -> Result<Option<SeenClaim>, ClientError> {
        self.ask_for(&format!("claim/{id}"), |seen: &SeenClaim| seen.claim == *id)
    }

    /// Open requirements for sale.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn offers(&self) -> Result<Vec<SeenRequirement>, ClientError> {
        self.list("offers")
    }

    /// Every requirement.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn requirements(&self) -> Result<Vec<SeenRequirement>, ClientError> {
        self.list("requirements")
    }

    /// Claims on a requirement.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn claims(&self, requirement: &RequirementName) -> Result<Vec<SeenClaim>, ClientError> {
        self.list(&format!("claims/{requirement}"))
    }

    /// Claims whose content is disputed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn disputes(&self) -> Result<Vec<SeenClaim>, ClientError> {
        self.list("disputes")
    }

    /// Who judges disputes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn arbiters(&self) -> Result<Vec<SeenArbiter>, ClientError> {
        self.list("arbiters")
    }

    /// Doctors' asks that are not over.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn open_asks(&self) -> Result<Vec<AskView>, ClientError> {
        self.list("care/asks")
    }

    /// The proxies' roster.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn proxies(&self) -> Result<Vec<SeenRosterProxy>, ClientError> {
        self.list("proxies")
    }
}
