//! The interface as an OpenAPI 3.1 document.

use serde_json::{Map, Value, json};

use crate::client::ProblemKind;

/// Every operation: path, method, identifier, summary, content types of its answer, kinds of its refusals.
type Operation = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [ProblemKind],
);

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

use ProblemKind::{Malformed, NotFound, Rejected, Stopped, Swapped, TimedOut, TooLong};

/// The operations.
pub(super) const OPERATIONS: [Operation; 11] = [
    (
        "/v1/transactions",
        "post",
        "submit",
        "Hand in a signed transaction and wait until it is final",
        &[JSON],
        &[Rejected, TooLong, TimedOut, Stopped],
    ),
    (
        "/v1/query/{path}",
        "get",
        "query",
        "Ask the contract",
        &[JSON],
        &[Malformed, NotFound, TooLong, Stopped],
    ),
    (
        "/v1/blocks/{height}",
        "get",
        "block",
        "A final block: a summary, or its canonical bytes with results",
        &[JSON, BYTES],
        &[Malformed, NotFound],
    ),
    (
        "/v1/blocks/{height}/proofs/{index}",
        "get",
        "proof",
        "Proof, from the genesis roster alone, that a transaction is final",
        &[JSON, BYTES],
        &[Malformed, NotFound, Stopped],
    ),
    (
        "/v1/genesis",
        "get",
        "genesis",
        "The genesis document's canonical bytes; compare its digest with what others use",
        &[BYTES],
        &[],
    ),
    (
        "/v1/status",
        "get",
        "status",
        "Where the chain and each replica are",
        &[JSON],
        &[],
    ),
    (
        "/v1/events",
        "get",
        "events",
        "What happened to a record or a requirement, or by a party, from a height on",
        &[JSON],
        &[Malformed],
    ),
    (
        "/v1/objects/{digest}",
        "get",
        "object",
        "A ciphertext by the SHA-256 of its bytes",
        &[BYTES],
        &[Malformed, NotFound],
    ),
    (
        "/v1/objects/{digest}",
        "put",
        "store",
        "Store a ciphertext under the SHA-256 of its bytes",
        &[JSON],
        &[Malformed, Swapped, TooLong],
    ),
    (
        "/metrics",
        "get",
        "metrics",
        "Counters in Prometheus's text format",
        &["text/plain"],
        &[],
    ),
    (
        "/openapi.json",
        "get",
        "openapi",
        "This document",
        &[JSON],
        &[],
    ),
];

/// The document.
pub(super) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for (path, method, id, summary, types, problems) in OPERATIONS {
        let mut parameters = path_parameters(path);
        parameters.extend(query_parameters(id));
        let mut operation = json!({
            "operationId": id,
            "summary": summary,
            "parameters": parameters,
            "responses": responses(id, types, problems),
        });
        if matches!(method, "post" | "put")
            && let Some(operation) = operation.as_object_mut()
        {
            let schema = json!({ "type": "string", "format": "binary" });
            let body = json!({ "required": true, "content": { BYTES: { "schema": schema } } });
            operation.insert("requestBody".into(), body);
        }
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(entry) = entry.as_object_mut() {
            entry.insert(method.into(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Eligo node",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The marketplace contract on a PBFT ledger. Do not trust a node: check proofs against the genesis roster.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": schemas() },
    })
}

fn parameter(name: &str, place: &str, description: &str, schema: Value) -> Value {
    json!({
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": schema,
    })
}

fn path_parameters(path: &str) -> Vec<Value> {
    let number = || json!({ "type": "integer", "minimum": 0 });
    let known = [
        (
            "path",
            "What is asked, in the contract's terms",
            json!({ "type": "string" }),
        ),
        ("height", "A block's height, from 1", number()),
        ("index", "A transaction's position in its block", number()),
        (
            "digest",
            "SHA-256 in hexadecimal",
            json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
        ),
    ];
    let named = known
        .into_iter()
        .filter(|(name, ..)| path.contains(&format!("{{{name}}}")));
    named
        .map(|(name, description, schema)| parameter(name, "path", description, schema))
        .collect()
}

fn query_parameters(id: &str) -> Vec<Value> {
    let text = || json!({ "type": "string" });
    match id {
        "query" => vec![
            parameter("data", "query", "The argument, in hexadecimal", text()),
            parameter("after", "query", "In lists: how many to pass over", text()),
            parameter("limit", "query", "In lists: how many to show", text()),
        ],
        "events" => vec![
            parameter("record", "query", "About this record", text()),
            parameter("requirement", "query", "About this requirement", text()),
            parameter("party", "query", "Of this party", text()),
            parameter(
                "from",
                "query",
                "From this height on",
                json!({ "type": "integer", "minimum": 0 }),
            ),
        ],
        _ => Vec::new(),
    }
}

fn responses(id: &str, types: &[&str], problems: &[ProblemKind]) -> Value {
    let mut content = Map::new();
    for kind in types {
        let schema = match (*kind, id) {
            (JSON, "submit") => json!({ "$ref": "#/components/schemas/Receipt" }),
            (JSON, "events") => json!({ "$ref": "#/components/schemas/Events" }),
            (JSON, _) => json!({ "type": "object" }),
            (BYTES, _) => json!({ "type": "string", "format": "binary" }),
            _ => json!({ "type": "string" }),
        };
        content.insert((*kind).to_owned(), json!({ "schema": schema }));
    }
    let success = if id == "store" { "201" } else { "200" };
    let mut all = Map::new();
    all.insert(
        success.into(),
        json!({ "description": "Done", "content": content }),
    );
    for kind in problems.iter().chain(&[ProblemKind::Busy]) {
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        let body = json!({
            "description": kind.title(),
            "content": { "application/problem+json": { "schema": schema } },
        });
        all.insert(kind.status().to_string(), body);
    }
    Value::Object(all)
}

fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer", "minimum": 0 });
    json!({
        "Problem": {
            "type": "object",
            "description": "RFC 9457; `code` and `rejection` are the contract's, where it refused",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {
                    "type": "string",
                    "enum": ProblemKind::ALL.map(|k| format!("urn:eligo:problem:{}", k.name())),
                },
                "title": text(), "status": number(), "detail": text(),
                "code": number(), "rejection": text(),
            },
        },
        "Receipt": {
            "type": "object",
            "description": "Where a transaction was executed; `proof` is the canonical bytes of its inclusion proof, in hexadecimal",
            "required": ["transaction", "height", "index", "outcome", "events", "proof"],
            "properties": {
                "transaction": text(), "height": number(), "index": number(), "proof": text(),
                "outcome": {
                    "type": "object",
                    "required": ["code", "name", "data"],
                    "properties": { "code": number(), "name": text(), "data": text() },
                },
                "events": { "type": "array", "items": { "$ref": "#/components/schemas/Event" } },
            },
        },
        "Event": {
            "type": "object",
            "required": ["height", "index", "time_ms", "event"],
            "properties": {
                "height": number(), "index": number(), "time_ms": number(),
                "record": { "type": ["string", "null"] },
                "requirement": { "type": ["string", "null"] },
                "parties": { "type": "array", "items": text() },
                "event": {},
            },
        },
        "Events": {
            "type": "object",
            "description": "At most 1000 or so; `next` is the height to ask from next",
            "required": ["events", "next"],
            "properties": {
                "events": { "type": "array", "items": { "$ref": "#/components/schemas/Event" } },
                "next": number(),
            },
        },
    })
}
