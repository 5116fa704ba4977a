//! One function for each request.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query as Params, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use eligo_ledger::block::Transaction;
use eligo_ledger::height::Height;
use eligo_ledger::pbft::effect::Delivery;
use eligo_ledger::wire::Wire;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::http::Shared;
use super::{Filter, Node, Served, openapi as document, said_to_json};
use crate::client::{Desk, DeskError, Problem, ProblemKind};
use crate::storage::{ObjectDigest, StorageError};

/// The longest path and data of a query, in bytes.
const MAX_QUERY: usize = 512;
const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

/// A problem as a response.
#[derive(Debug)]
pub(super) struct Refusal(Box<Problem>);

impl Refusal {
    pub(super) fn new(kind: ProblemKind, detail: impl ToString) -> Self {
        Problem::new(kind, detail).into()
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Refused(problem) => problem.into(),
            DeskError::Storage(error) => error.into(),
            error => Self::new(ProblemKind::Internal, error),
        }
    }
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        let kind = match error {
            StorageError::Missing(_) => ProblemKind::NotFound,
            StorageError::Swapped { .. } => ProblemKind::Swapped,
            StorageError::TooLong { .. } => ProblemKind::TooLong,
            StorageError::Read(_) => ProblemKind::Malformed,
            StorageError::Store(error) => {
                tracing::error!(%error, "storage");
                return Self::new(ProblemKind::Internal, "the storage does not answer");
            }
        };
        Self::new(kind, error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.kind().status());
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let body = self.0.to_json().to_string();
        (status.unwrap_or_default(), kind, body).into_response()
    }
}

type Answer = Result<Response, Refusal>;
type Door<A> = State<Arc<Shared<A>>>;

fn typed(kind: &'static str, body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, kind)], body.into()).into_response()
}

fn in_json(value: &Value) -> Response {
    typed(JSON, value.to_string())
}

/// Does what may wait on a thread that may wait.
async fn on_thread<A: Served + 'static, T: Send + 'static>(
    shared: &Shared<A>,
    doing: impl FnOnce(&Node<A>) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let node = shared.node.clone();
    let done = tokio::task::spawn_blocking(move || doing(&node)).await;
    done.map_err(|_| Refusal::new(ProblemKind::Internal, "the request failed"))?
}

fn wants_bytes(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|a| a.to_str().ok());
    accept.is_some_and(|a| a.contains(BYTES))
}

fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Refusal> {
    let malformed = || Refusal::new(ProblemKind::Malformed, format!("{what}: expected a number"));
    text.parse().map_err(|_| malformed())
}

fn digest(text: &str) -> Result<ObjectDigest, Refusal> {
    text.parse()
        .map_err(|e| Refusal::new(ProblemKind::Malformed, e))
}

fn absent(what: &str) -> Refusal {
    Refusal::new(ProblemKind::NotFound, what)
}

/// `POST /v1/transactions`: waits for the block.
pub(super) async fn submit<A: Served + 'static>(
    State(shared): Door<A>,
    body: Body,
) -> Result<Response, Refusal> {
    let max = shared.node.genesis.limits.transaction_bytes as usize;
    let too_long = |_| Refusal::new(ProblemKind::TooLong, format!("more than {max} bytes"));
    let bytes = to_bytes(body, max).await.map_err(too_long)?;
    on_thread(&shared, move |node| {
        let transaction =
            Transaction::new(bytes.as_ref()).map_err(|e| Refusal::new(ProblemKind::TooLong, e))?;
        let said = node.submit(&transaction)?;
        let events = node.archive.events_of(said.height, said.index);
        Ok(in_json(&said_to_json::<A>(&transaction, &said, events)))
    })
    .await
}

/// `GET /v1/query/{path}?data=HEX`: the application's answer as it is.
pub(super) async fn query<A: Served + 'static>(
    State(shared): Door<A>,
    Path(path): Path<String>,
    Params(mut params): Params<BTreeMap<String, String>>,
) -> Answer {
    let data = hex::decode(params.remove("data").unwrap_or_default())
        .map_err(|_| Refusal::new(ProblemKind::Malformed, "data: expected hexadecimal digits"))?;
    if path.len() > MAX_QUERY || data.len() > MAX_QUERY {
        return Err(Refusal::new(ProblemKind::TooLong, "the query is too long"));
    }
    if path.starts_with('.') {
        return Err(absent("no such query"));
    }
    // What else is asked for is the application's to understand.
    let rest: Vec<String> = params.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let path = match rest.as_slice() {
        [] => path,
        rest => format!("{path}?{}", rest.join("&")),
    };
    let answer = on_thread(&shared, move |node| Ok(node.query(&path, &data)?)).await?;
    let answer = answer.ok_or_else(|| absent("there is nothing of that name"))?;
    Ok(typed(JSON, answer))
}

/// `GET /v1/blocks/{height}`.
pub(super) async fn block<A: Served + 'static>(
    State(shared): Door<A>,
    Path(height): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let height = Height::new(number(&height, "height")?);
    let block = on_thread(&shared, move |node| Ok(node.block(height)?)).await?;
    let block = block.ok_or_else(|| absent("no such block"))?;
    Ok(if wants_bytes(&headers) {
        typed(BYTES, block.to_wire())
    } else {
        in_json(&block_to_json(&block))
    })
}

fn block_to_json(delivery: &Delivery) -> Value {
    let block = &delivery.decision.block;
    let results = block.transactions().iter().zip(&delivery.done.outcomes);
    let transactions: Vec<Value> = results
        .map(|(tx, outcome)| {
            json!({ "id": tx.id().to_string(), "bytes": tx.bytes().len(), "code": outcome.code })
        })
        .collect();
    let header = block.header();
    json!({
        "height": block.height().get(),
        "digest": block.digest().to_string(),
        "parent": header.parent.to_string(),
        "time_ms": header.time.get(),
        "app_hash_before": header.app_hash.to_string(),
        "app_hash": delivery.done.app_hash.to_string(),
        "transactions": transactions,
        "evidence": block.evidence().len(),
        "certificate": hex::encode(delivery.decision.certificate.to_wire()),
    })
}

/// `GET /v1/blocks/{height}/proofs/{index}`.
pub(super) async fn proof<A: Served + 'static>(
    State(shared): Door<A>,
    Path((height, index)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let height = Height::new(number(&height, "height")?);
    let index = number(&index, "index")?;
    let proof = on_thread(&shared, move |node| Ok(node.proof(height, index)?)).await?;
    let proof = proof.ok_or_else(|| absent("no such transaction"))?;
    Ok(if wants_bytes(&headers) {
        typed(BYTES, proof.to_wire())
    } else {
        in_json(&json!({
            "height": height.get(),
            "index": index,
            "root": proof.inclusion.header.transactions.to_string(),
            "proof": hex::encode(proof.to_wire()),
        }))
    })
}

/// `GET /v1/genesis`: canonical bytes.
pub(super) async fn genesis<A: Served + 'static>(State(shared): Door<A>) -> Response {
    typed(BYTES, shared.node.genesis.to_wire())
}

/// `GET /v1/status`.
pub(super) async fn status<A: Served + 'static>(State(shared): Door<A>) -> Answer {
    let status = on_thread(&shared, |node| Ok(node.status())).await?;
    let replicas: Vec<Value> = status
        .replicas
        .iter()
        .map(|r| {
            json!({
                "id": r.id.get(),
                "height": r.height.get(),
                "epoch": r.epoch.get(),
                "view": r.view.get(),
                "changing_view": r.changing,
                "primary": r.primary.get(),
                "waiting": r.waiting,
                "halted": r.halted,
            })
        })
        .collect();
    let node = &shared.node;
    Ok(in_json(&json!({
        "name": node.genesis.name,
        "chain": node.genesis.digest().to_string(),
        "height": node.archive.height().get(),
        "version": env!("CARGO_PKG_VERSION"),
        "replicas": replicas,
        "transaction_bytes": node.genesis.limits.transaction_bytes,
        "object_bytes": node.objects.limit(),
    })))
}

/// `GET /v1/events?record=&requirement=&party=&from=`.
pub(super) async fn events<A: Served + 'static>(
    State(shared): Door<A>,
    Params(mut params): Params<BTreeMap<String, String>>,
) -> Answer {
    let from = params.remove("from").unwrap_or_default();
    let filter = Filter {
        record: params.remove("record"),
        requirement: params.remove("requirement"),
        party: params.remove("party"),
        from: Height::new(match from.as_str() {
            "" => 0,
            from => number(from, "from")?,
        }),
    };
    if let Some(unknown) = params.keys().next() {
        let detail = format!("unknown parameter `{unknown}`");
        return Err(Refusal::new(ProblemKind::Malformed, detail));
    }
    let (events, next) = shared.node.archive.events(&filter);
    Ok(in_json(&json!({ "events": events, "next": next.get() })))
}

/// `PUT /v1/objects/{digest}`: streams the ciphertext in.
pub(super) async fn store<A: Served + 'static>(
    State(shared): Door<A>,
    Path(name): Path<String>,
    body: Body,
) -> Answer {
    let digest = digest(&name)?;
    let pause = shared.limits.pause_timeout;
    let pieces = stream::unfold(body.into_data_stream(), move |mut body| async move {
        let piece = match tokio::time::timeout(pause, body.next()).await {
            Ok(piece) => piece?.map_err(io::Error::other),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        Some((piece, body))
    });
    let size = shared.node.objects.put(digest, pieces.boxed()).await?;
    let stored = json!({ "digest": digest.to_string(), "bytes": size });
    Ok((StatusCode::CREATED, in_json(&stored)).into_response())
}

/// `GET /v1/objects/{digest}`: streams the ciphertext out.
pub(super) async fn object<A: Served + 'static>(
    State(shared): Door<A>,
    Path(name): Path<String>,
) -> Answer {
    let (size, pieces) = shared.node.objects.get(digest(&name)?).await?;
    let mut response = typed(BYTES, Body::from_stream(pieces));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, size.into());
    Ok(response)
}

/// `GET /metrics`.
pub(super) async fn metrics<A: Served + 'static>(State(shared): Door<A>) -> Answer {
    let page = on_thread(&shared, |node| {
        let (height, status) = (node.archive.height(), node.status());
        Ok(node.metrics.page(height, &status))
    });
    Ok(typed("text/plain; version=0.0.4", page.await?))
}

/// `GET /openapi.json`.
pub(super) async fn openapi() -> Response {
    in_json(&document::document())
}
