//! A requirement file, checked against its schema, with the issuers it accepts.

use std::path::PathBuf;

use eligo_circuits::{
    claim::{self, RequirementError},
    issuer::{IssuerPublic, MAX_KEY_BYTES},
    jubjub::Point,
};
use eligo_records::{
    cell::Layout,
    civil::CivilDay,
    requirement::{
        Criteria, Diagnostic, Licence, Purpose, Requirement,
        document::{CheckError, DocumentError, MAX_DOCUMENT},
    },
    schema::{self, Schema},
};
use eligo_verifier_contract::{IssuersRoot, Kind, Terms, digest::sha256_lp};

use crate::{
    failure::{Attempt, Failure, Kind as FailureKind},
    file::{Source, folder_of},
};

/// The `deadline` in the terms of a requirement that has none.
const NO_DEADLINE: u32 = u32::MAX;
/// Largest list of issuers read.
const ISSUERS_LIMIT: usize = 4 << 20;

/// A requirement file.
pub struct Publication {
    source: Source,
    document: Requirement,
    schema: Schema,
    criteria: Criteria,
    issuers: Vec<Point>,
}

impl Publication {
    /// Reads a requirement and checks it against its schema: one that ships, or one of `schemas`.
    pub fn read(source: &Source, schemas: &[Schema]) -> Attempt<Self> {
        let text = source.read_text(MAX_DOCUMENT)?;
        Self::parse(source, &text, schemas)
    }

    /// Checks a requirement's text; `source` is where it comes from.
    pub fn parse(source: &Source, text: &str, schemas: &[Schema]) -> Attempt<Self> {
        let document = Requirement::from_toml(text).map_err(|e| malformed(source, &e))?;
        let schema = schema_of(source, &document, schemas)?;
        let criteria = document
            .check(&schema)
            .map_err(|e| inconsistent(source, &document, &e))?;
        let issuers = document
            .issuers()
            .iter()
            .map(|text| issuer(text, source))
            .collect::<Attempt<Vec<Point>>>()?;
        Ok(Self {
            source: source.clone(),
            document,
            schema,
            criteria,
            issuers,
        })
    }

    /// Where it was read.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The document.
    pub const fn document(&self) -> &Requirement {
        &self.document
    }

    /// The institution's own identifier.
    pub fn id(&self) -> &str {
        self.document.id()
    }

    /// The schema it reads.
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The expression, checked.
    pub const fn criteria(&self) -> &Criteria {
        &self.criteria
    }

    /// The accepted issuers' keys; none in a draft.
    pub fn issuers(&self) -> &[Point] {
        &self.issuers
    }

    /// Whether it names no issuers, so that nothing can be proved yet.
    pub fn is_draft(&self) -> bool {
        self.issuers.is_empty()
    }

    /// Refuses a claim after the last day.
    pub fn open_on(&self, day: CivilDay) -> Attempt<()> {
        match self.document.deadline() {
            Some(last) if day > last => Err(Failure::new(
                FailureKind::Closed,
                format!("the requirement closed on {last}, and today is {day}"),
            )
            .of(&self.source)
            .help("nothing can be claimed on it any more")),
            _ => Ok(()),
        }
    }

    /// What is proved; a draft is refused.
    pub fn statement(&self) -> Attempt<claim::Requirement> {
        if self.is_draft() {
            return Err(Failure::file(
                &self.source,
                "a draft: it names no issuers, so no credential can meet it",
            )
            .at("issuers")
            .help("add the accepted hospitals' public keys: issuers = [\"...\"] (eligo hospital public)"));
        }
        self.statement_for(self.issuers.clone())
    }

    /// What would be proved if these issuers were accepted.
    pub fn statement_for(&self, issuers: Vec<Point>) -> Attempt<claim::Requirement> {
        let kind = match self.document.purpose() {
            Purpose::Count => Kind::Count,
            Purpose::Sale => Kind::Sale,
        };
        let layout = Layout::of(&self.schema);
        let program = self.criteria.program().clone();
        claim::Requirement::new(layout, program, issuers, kind, |root| {
            self.terms(kind, root)
        })
        .map_err(|e| match e {
            RequirementError::Issuers(e) => Failure::file(&self.source, e).at("issuers"),
            RequirementError::Schema => Failure::unexpected(e).of(&self.source),
        })
    }

    /// The digest of the terms; keys left out of the document count as empty, 0, or no deadline.
    fn terms(&self, kind: Kind, issuers: IssuersRoot) -> [u8; 32] {
        let terms = self.document.terms();
        let receiving_key = terms
            .delivery
            .and_then(|d| d.receiving_key.as_ref())
            .and_then(|k| hex::decode(k).ok())
            .unwrap_or_default();
        let nonce = terms.nonce;
        Terms {
            chain: terms.chain.unwrap_or_default(),
            contract: terms.contract.unwrap_or_default(),
            institution: terms.institution,
            nonce: nonce.as_ref().map(|n| n.as_slice()).unwrap_or_default(),
            kind,
            issuers,
            receiving_key: &receiving_key,
            threshold: terms.delivery.map_or(0, |d| d.threshold),
            proxies: terms.delivery.map_or(0, |d| d.proxies),
            reward: terms.reward,
            licence: terms.licence.map_or([0; 32], licence_digest),
            deadline: terms.deadline.map_or(NO_DEADLINE, CivilDay::number),
        }
        .digest()
    }
}

/// SHA-256 of `LP("ELIGO-LICENCE-V01", exclusive, until, text digest, codes..)`: `exclusive` one byte,
/// `until` a date or empty, the digest of the agreement's text or empty, the DUO codes as listed.
fn licence_digest(licence: &Licence) -> [u8; 32] {
    let until = licence.until.map(|d| d.to_string()).unwrap_or_default();
    let text = match (&licence.text, licence.text_sha256) {
        (Some(text), _) => sha256(text.as_bytes()).to_vec(),
        (None, Some(digest)) => digest.0.to_vec(),
        (None, None) => Vec::new(),
    };
    let codes: Vec<String> = licence.duo.iter().map(ToString::to_string).collect();
    let exclusive = [u8::from(licence.exclusive)];
    let mut parts: Vec<&[u8]> = vec![b"ELIGO-LICENCE-V01", &exclusive, until.as_bytes(), &text];
    parts.extend(codes.iter().map(String::as_bytes));
    sha256_lp(&parts)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).into()
}

fn schema_of(source: &Source, document: &Requirement, given: &[Schema]) -> Attempt<Schema> {
    let wanted = document.schema();
    let shipped = schema::shipped(wanted.name());
    let mut candidates = given.iter().chain(shipped);
    candidates
        .find(|s| wanted.names(s))
        .cloned()
        .ok_or_else(|| {
            Failure::file(source, format!("there is no schema `{wanted}`"))
                .at("schema")
                .help(format!(
                    "name one of {}, or give the schema's file with --schema-file",
                    schema::NAMES.join(", ")
                ))
        })
}

fn malformed(source: &Source, error: &DocumentError) -> Failure {
    match error {
        DocumentError::Length => Failure::file(source, error),
        DocumentError::Toml(e) => Failure::file(source, e.message())
            .showing(e.to_string())
            .help("`eligo requirement check --help` shows a requirement to start from"),
        DocumentError::Value { key, problem } => {
            Failure::file(source, format!("`{key}` {problem}")).at(key)
        }
        DocumentError::Expression {
            diagnostic,
            source_text,
        } => at_expression(source, diagnostic, source_text),
    }
}

fn inconsistent(source: &Source, document: &Requirement, error: &CheckError) -> Failure {
    match error {
        CheckError::Schema { .. } => Failure::file(source, error).at("schema"),
        CheckError::Expression(diagnostics) => {
            let text = document.expression().source();
            let Some((first, rest)) = diagnostics.split_first() else {
                return Failure::unexpected("an error without a reason").of(source);
            };
            let mut failure = at_expression(source, first, text);
            if !rest.is_empty() {
                let all: Vec<String> = diagnostics
                    .iter()
                    .map(|d| d.render("expression", text))
                    .collect();
                failure = failure.showing(all.concat());
            }
            failure
        }
    }
}

fn at_expression(source: &Source, diagnostic: &Diagnostic, text: &str) -> Failure {
    let (line, column) = diagnostic.position(text);
    let failure = Failure::file(source, &diagnostic.message)
        .at(format!("expression, line {line}, column {column}"))
        .showing(excerpt(diagnostic, text));
    match &diagnostic.help {
        Some(help) => failure.help(help),
        None => failure,
    }
}

/// The offending line with carets, without the message and the advice around it.
fn excerpt(diagnostic: &Diagnostic, text: &str) -> String {
    let rendered = diagnostic.render("expression", text);
    let lines = rendered.lines().skip(1);
    let lines: Vec<&str> = lines.take_while(|l| !l.contains(" = help: ")).collect();
    lines.join("\n")
}

/// An issuer in a requirement: a Baby Jubjub key in hexadecimal, or the name of a public key file
/// beside the requirement.
fn issuer(text: &str, requirement: &Source) -> Attempt<Point> {
    let hexadecimal = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if hexadecimal {
        return Point::from_hex(text).map_err(|e| {
            Failure::file(requirement, e)
                .at(format!("issuers, `{text}`"))
                .help("copy `baby_jubjub` from the hospital's public key file")
        });
    }
    let path = match requirement {
        Source::File(path) => folder_of(path).join(text),
        Source::Stdin => PathBuf::from(text),
    };
    if !path.is_file() {
        return Err(Failure::file(
            requirement,
            format!("`{text}` is neither a key of 64 hexadecimal digits nor a public key file beside the requirement"),
        )
        .at("issuers")
        .help("`eligo hospital public KEY` prints the public key"));
    }
    read_issuer(&Source::File(path)).map(|key| *key.schnorr())
}

/// Reads an issuer's public keys.
pub fn read_issuer(source: &Source) -> Attempt<IssuerPublic> {
    let bytes = source.read(MAX_KEY_BYTES)?;
    IssuerPublic::from_json(&bytes)
        .map_err(|e| Failure::file(source, e).help("expected what `eligo hospital public` printed"))
}

/// Reads a list of issuers: public key files one after another, a JSON list of them, or a key in
/// hexadecimal a line; empty lines and lines that begin with `#` are left out.
pub fn read_issuers(source: &Source) -> Attempt<Vec<Point>> {
    let text = source.read_text(ISSUERS_LIMIT)?;
    let trimmed = text.trim_start();
    if trimmed.starts_with(['[', '{']) {
        return read_issuer_documents(source, trimmed);
    }
    let mut keys = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = Point::from_hex(line).map_err(|e| {
            Failure::file(source, e)
                .at(format!("line {}", number + 1))
                .help("expected a key of 64 hexadecimal digits, or public key files")
        })?;
        keys.push(key);
    }
    if keys.is_empty() {
        return Err(Failure::file(source, "lists no issuer")
            .help("expected a key of 64 hexadecimal digits, or public key files"));
    }
    Ok(keys)
}

fn read_issuer_documents(source: &Source, text: &str) -> Attempt<Vec<Point>> {
    let bad = |e: serde_json::Error| {
        Failure::file(source, &e)
            .at(format!("line {}, column {}", e.line(), e.column()))
            .help("expected what `eligo hospital public` printed")
    };
    let listed: Vec<IssuerPublic> = if text.starts_with('[') {
        serde_json::from_str(text).map_err(bad)?
    } else {
        serde_json::Deserializer::from_str(text)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(bad)?
    };
    Ok(listed.iter().map(|k| *k.schnorr()).collect())
}
