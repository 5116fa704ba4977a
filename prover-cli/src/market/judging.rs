//! What an institution does with a record it opened: check that it is the one that was proved, and keep it.
//! What an arbiter does with a disputed one: the same, and keep nothing.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use ed25519_dalek::VerifyingKey;
use eligo_marketplace::{
    agent::{AgentError, Judge, Judgement},
    client::{AcceptedClaim, Client, Desk},
    name::ClaimId,
};
use eligo_records::{civil::CivilDay, schema::Schema};
use eligo_sharing::tcpre::{ContentKey, OpenContentError};

use super::claiming::check_offer;
use crate::{
    failure::Failure,
    file::{self, Access},
    publication::Publication,
    schemas::SchemaArgs,
    sealing::{OpenRecordError, OpenedRecord, check_opened, open_record, still_holds},
};

/// Checks opened records against one requirement, and keeps the sound ones in a folder.
pub struct RecordJudge<'a> {
    publication: &'a Publication,
    schemas: Vec<Schema>,
    folder: PathBuf,
}

impl<'a> RecordJudge<'a> {
    /// Keeps records in `folder`, named for their claims.
    pub fn new(publication: &'a Publication, schemas: Vec<Schema>, folder: &Path) -> Self {
        Self {
            publication,
            schemas,
            folder: folder.to_owned(),
        }
    }

    /// Where the record of a claim is kept.
    pub fn file(folder: &Path, claim: &ClaimId) -> PathBuf {
        folder.join(format!("{claim}.bundle.json"))
    }
}

fn nonsense(what: &'static str) -> AgentError {
    AgentError::Nonsense { what }
}

/// Checks disputed records for an arbiter, each against the requirement that it was proved for, and keeps
/// nothing.
pub struct DisputeJudge<'a, D> {
    client: &'a Client<D>,
    schemas: SchemaArgs,
}

impl<'a, D> DisputeJudge<'a, D> {
    /// Takes requirements from the ledger; `schemas` beside those that ship.
    pub const fn new(client: &'a Client<D>, schemas: SchemaArgs) -> Self {
        Self { client, schemas }
    }
}

impl<D: Desk> Judge for DisputeJudge<'_, D> {
    fn judge(
        &mut self,
        _: &ClaimId,
        accepted: &AcceptedClaim,
        key: &ContentKey,
        ciphertext: &Path,
    ) -> Result<Judgement, AgentError> {
        let seen = self.client.requirement(&accepted.seen.requirement)?;
        let seen = seen.ok_or_else(|| nonsense("a requirement"))?;
        let offer = check_offer(seen, &self.schemas).map_err(failed)?;
        let given = self.schemas.read().map_err(failed)?;
        let examined = examine(&offer.publication, &given, accepted, (key, ciphertext))?;
        Ok(match examined {
            Ok(_) => Judgement::Sound,
            Err(why) => Judgement::Wrong(why),
        })
    }
}

fn failed(failure: Failure) -> AgentError {
    std::io::Error::other(failure.to_string()).into()
}

/// Opens a record and checks that it is what its hospital signed and what was proved; else says why not.
fn examine(
    publication: &Publication,
    schemas: &[Schema],
    accepted: &AcceptedClaim,
    (key, ciphertext): (&ContentKey, &Path),
) -> Result<Result<OpenedRecord, String>, AgentError> {
    let opened = match open_record(key, File::open(ciphertext)?, schemas) {
        Ok(opened) => opened,
        // Not the hospital's fault: this machine's disk.
        Err(OpenRecordError::Open(OpenContentError::Read(e) | OpenContentError::Write(e))) => {
            return Err(e.into());
        }
        // The requirement's own schema is at hand, so what was sealed is under another.
        Err(OpenRecordError::UnknownSchema(name)) => {
            return Ok(Err(format!("it was sealed under another schema, {name}")));
        }
        Err(error) => return Ok(Err(error.to_string())),
    };
    // A hospital's account is the key with which it signs what it seals.
    let hospital = VerifyingKey::from_bytes(accepted.seen.hospital.as_bytes());
    let hospital = hospital.map_err(|_| nonsense("the hospital"))?;
    if let Err(error) = check_opened(&opened, &hospital) {
        return Ok(Err(error.to_string()));
    }
    let today = CivilDay::from_number(accepted.seen.today);
    let today = today.map_err(|_| nonsense("the claim's day"))?;
    if !still_holds(&opened, publication.criteria().program(), today) {
        let what = "the record does not meet the requirement that was proved";
        return Ok(Err(what.to_owned()));
    }
    Ok(Ok(opened))
}

impl Judge for RecordJudge<'_> {
    fn judge(
        &mut self,
        claim: &ClaimId,
        accepted: &AcceptedClaim,
        key: &ContentKey,
        ciphertext: &Path,
    ) -> Result<Judgement, AgentError> {
        let opened = match examine(self.publication, &self.schemas, accepted, (key, ciphertext))? {
            Ok(opened) => opened,
            Err(why) => return Ok(Judgement::Wrong(why)),
        };
        let kept = Self::file(&self.folder, claim);
        file::write(&kept, &opened.bundle, Access::Secret, true)
            .map_err(|e| std::io::Error::other(e.to_string()))?;
        Ok(Judgement::Sound)
    }
}
