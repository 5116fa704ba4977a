//! A node over HTTP.

use std::io::{Read, Write};
use std::time::Duration;

use eligo_ledger::application::{Genesis, MAX_GENESIS_STATE};
use eligo_ledger::block::{MAX_BLOCK, Outcome, Transaction};
use eligo_ledger::height::Height;
use eligo_ledger::light::LedgerProof;
use eligo_ledger::pbft::effect::Delivery;
use eligo_ledger::wire::Wire;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use ureq::{Agent, Body, SendBody, http::Response};

use super::{Desk, DeskError, Problem, Said};
use crate::storage::{MAX_OBJECT, ObjectDigest, StorageError};

/// The longest answer in JSON, in bytes.
const MAX_JSON: usize = 16 << 20;
/// The longest proof, in bytes.
const MAX_PROOF: usize = 4 << 20;
/// Canonical bytes rather than JSON.
const BYTES: &str = "application/octet-stream";

/// A node at an address.
#[derive(Debug)]
pub struct HttpDesk {
    agent: Agent,
    url: String,
}

type Answer = Response<Body>;

impl HttpDesk {
    /// The node at `url`, such as `http://127.0.0.1:7117`; waits at most `patience` for each answer.
    #[must_use]
    pub fn new(url: &str, patience: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(patience))
            .max_redirects(0)
            .build();
        Self {
            agent: config.into(),
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// An answer; `None` for 404, an error for every other refusal.
    fn ask(&self, path: &str, accept: &str) -> Result<Option<Answer>, DeskError> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let answer = request.header("accept", accept).call();
        admitted(answer.map_err(unreachable)?)
    }

    fn ask_json(&self, path: &str) -> Result<Option<Value>, DeskError> {
        let Some(mut answer) = self.ask(path, "application/json")? else {
            return Ok(None);
        };
        json(&mut answer).map(Some)
    }

    fn ask_wire<T: Wire>(&self, path: &str, limit: usize) -> Result<Option<T>, DeskError> {
        let Some(mut answer) = self.ask(path, BYTES)? else {
            return Ok(None);
        };
        let bytes = all(&mut answer, limit)?;
        let value = T::from_wire(&bytes).map_err(|_| DeskError::Malformed("canonical bytes"))?;
        Ok(Some(value))
    }
}

fn unreachable(error: ureq::Error) -> DeskError {
    DeskError::Unreachable(error.to_string())
}

fn all(answer: &mut Answer, limit: usize) -> Result<Vec<u8>, DeskError> {
    let body = answer.body_mut().with_config().limit(limit as u64);
    body.read_to_vec().map_err(unreachable)
}

fn json(answer: &mut Answer) -> Result<Value, DeskError> {
    let bytes = all(answer, MAX_JSON)?;
    serde_json::from_slice(&bytes).map_err(|_| DeskError::Malformed("not JSON"))
}

fn admitted(mut answer: Answer) -> Result<Option<Answer>, DeskError> {
    if answer.status().is_success() {
        return Ok(Some(answer));
    }
    let problem = Problem::from_json(&json(&mut answer)?)
        .ok_or(DeskError::Malformed("a refusal without its problem"))?;
    match problem.kind() {
        super::ProblemKind::NotFound => Ok(None),
        _ => Err(problem.into()),
    }
}

/// Reads what `POST /v1/transactions` answers.
fn said(answer: &Value) -> Option<Said> {
    let outcome = answer.get("outcome")?;
    let number = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
    let bytes = |v: &Value| hex::decode(v.as_str()?).ok();
    Some(Said {
        height: Height::new(answer.get("height")?.as_u64()?),
        index: number(answer.get("index")?)?,
        outcome: Outcome {
            code: number(outcome.get("code")?)?,
            data: bytes(outcome.get("data")?)?,
        },
        proof: LedgerProof::from_wire(&bytes(answer.get("proof")?)?).ok()?,
    })
}

const ABSENT: DeskError = DeskError::Malformed("no such resource: not a node of this version");

impl Desk for HttpDesk {
    fn genesis(&self) -> Result<Genesis, DeskError> {
        let limit = MAX_GENESIS_STATE + (1 << 20);
        self.ask_wire("/v1/genesis", limit)?.ok_or(ABSENT)
    }

    fn height(&self) -> Result<Height, DeskError> {
        let status = self.ask_json("/v1/status")?.ok_or(ABSENT)?;
        let height = status.get("height").and_then(Value::as_u64);
        height
            .map(Height::new)
            .ok_or(DeskError::Malformed("a status without height"))
    }

    fn submit(&self, transaction: &Transaction) -> Result<Said, DeskError> {
        let request = self.agent.post(format!("{}/v1/transactions", self.url));
        let request = request.header("content-type", BYTES);
        let answer = request.send(transaction.bytes()).map_err(unreachable)?;
        let mut answer = admitted(answer)?.ok_or(ABSENT)?;
        said(&json(&mut answer)?).ok_or(DeskError::Malformed("a receipt"))
    }

    fn query(&self, path: &str, data: &[u8]) -> Result<Option<Vec<u8>>, DeskError> {
        let data = match data {
            [] => String::new(),
            data => {
                let and = if path.contains('?') { '&' } else { '?' };
                format!("{and}data={}", hex::encode(data))
            }
        };
        let path = format!("/v1/query/{path}{data}");
        let Some(mut answer) = self.ask(&path, "*/*")? else {
            return Ok(None);
        };
        all(&mut answer, MAX_JSON).map(Some)
    }

    fn block(&self, height: Height) -> Result<Option<Delivery>, DeskError> {
        self.ask_wire(&format!("/v1/blocks/{height}"), 2 * MAX_BLOCK)
    }

    fn proof(&self, height: Height, index: u32) -> Result<Option<LedgerProof>, DeskError> {
        self.ask_wire(&format!("/v1/blocks/{height}/proofs/{index}"), MAX_PROOF)
    }

    fn put(
        &self,
        digest: ObjectDigest,
        mut bytes: &mut (dyn Read + Send),
    ) -> Result<(), DeskError> {
        let request = self.agent.put(format!("{}/v1/objects/{digest}", self.url));
        let request = request.header("content-type", BYTES);
        let answer = request.send(SendBody::from_reader(&mut bytes));
        admitted(answer.map_err(unreachable)?)?.ok_or(ABSENT)?;
        Ok(())
    }

    fn get(&self, digest: ObjectDigest, out: &mut dyn Write) -> Result<u64, DeskError> {
        let answer = self.ask(&format!("/v1/objects/{digest}"), BYTES)?;
        let mut answer = answer.ok_or(StorageError::Missing(digest))?;
        let mut reader = answer.body_mut().as_reader();
        let (mut hash, mut size) = (Sha256::new(), 0u64);
        let mut piece = vec![0; 64 << 10];
        loop {
            let read = reader.read(&mut piece);
            let read = read.map_err(|e| DeskError::Unreachable(e.to_string()))?;
            let Some(bytes) = piece.get(..read).filter(|b| !b.is_empty()) else {
                break;
            };
            hash.update(bytes);
            size += bytes.len() as u64;
            if size > MAX_OBJECT {
                return Err(StorageError::TooLong { limit: MAX_OBJECT }.into());
            }
            out.write_all(bytes).map_err(StorageError::Read)?;
        }
        let found = ObjectDigest::new(hash.finalize().into());
        if found != digest {
            let expected = digest;
            return Err(StorageError::Swapped { expected, found }.into());
        }
        Ok(size)
    }

    fn size(&self, digest: ObjectDigest) -> Result<Option<u64>, DeskError> {
        let request = self.agent.head(format!("{}/v1/objects/{digest}", self.url));
        let answer = request.call().map_err(unreachable)?;
        let length = answer.headers().get("content-length");
        let length = length.and_then(|l| l.to_str().ok()?.parse().ok());
        match answer.status().as_u16() {
            200 => length
                .map(Some)
                .ok_or(DeskError::Malformed("an object without length")),
            404 => Ok(None),
            _ => Err(DeskError::Malformed("an answer to HEAD")),
        }
    }
}
