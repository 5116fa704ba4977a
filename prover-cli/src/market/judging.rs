//! What an institution does with a record it opened: check that it is the one that was proved, and keep it.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use ed25519_dalek::VerifyingKey;
use eligo_marketplace::{
    agent::{AgentError, Judge, Judgement},
    client::AcceptedClaim,
    name::ClaimId,
};
use eligo_records::{civil::CivilDay, schema::Schema};
use eligo_sharing::tcpre::{ContentKey, OpenContentError};

use crate::{
    file::{self, Access},
    publication::Publication,
    sealing::{OpenRecordError, check_opened, open_record, still_holds},
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

impl Judge for RecordJudge<'_> {
    fn judge(
        &mut self,
        claim: &ClaimId,
        accepted: &AcceptedClaim,
        key: &ContentKey,
        ciphertext: &Path,
    ) -> Result<Judgement, AgentError> {
        let opened = match open_record(key, File::open(ciphertext)?, &self.schemas) {
            Ok(opened) => opened,
            // Not the hospital's fault: this machine's disk.
            Err(OpenRecordError::Open(OpenContentError::Read(e) | OpenContentError::Write(e))) => {
                return Err(e.into());
            }
            // The requirement's own schema is at hand, so what was sealed is under another.
            Err(OpenRecordError::UnknownSchema(name)) => {
                return Ok(Judgement::Wrong(format!(
                    "it was sealed under another schema, {name}"
                )));
            }
            Err(error) => return Ok(Judgement::Wrong(error.to_string())),
        };
        // A hospital's account is the key with which it signs what it seals.
        let hospital = VerifyingKey::from_bytes(accepted.seen.hospital.as_bytes());
        let hospital = hospital.map_err(|_| nonsense("the hospital"))?;
        if let Err(error) = check_opened(&opened, &hospital) {
            return Ok(Judgement::Wrong(error.to_string()));
        }
        let today = CivilDay::from_number(accepted.seen.today);
        let today = today.map_err(|_| nonsense("the claim's day"))?;
        if !still_holds(&opened, self.publication.criteria().program(), today) {
            let what = "the record does not meet the requirement that was proved";
            return Ok(Judgement::Wrong(what.to_owned()));
        }
        let kept = Self::file(&self.folder, claim);
        file::write(&kept, &opened.bundle, Access::Secret, true)
            .map_err(|e| std::io::Error::other(e.to_string()))?;
        Ok(Judgement::Sound)
    }
}
