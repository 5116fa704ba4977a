//! Why a node refuses, as RFC 9457 problem details.

use serde_json::{Value, json};

/// Kinds of problems, each with its name in `type`, its HTTP status and its title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The request is malformed.
    Malformed,
    /// The transaction is not admitted.
    Rejected,
    /// There is nothing of that name.
    NotFound,
    /// Another method is meant.
    Method,
    /// The request is too long.
    TooLong,
    /// The bytes are not the digest's.
    Swapped,
    /// Too many requests at once.
    Busy,
    /// The ledger gave no answer in time.
    TimedOut,
    /// The ledger has stopped.
    Stopped,
    /// The node's disk or memory.
    Internal,
}

impl ProblemKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::Rejected,
        Self::NotFound,
        Self::Method,
        Self::TooLong,
        Self::Swapped,
        Self::Busy,
        Self::TimedOut,
        Self::Stopped,
        Self::Internal,
    ];

    const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::Malformed => ("malformed", 400, "The request is malformed"),
            Self::Rejected => ("rejected", 422, "The transaction is not admitted"),
            Self::NotFound => ("not-found", 404, "There is nothing of that name"),
            Self::Method => ("method", 405, "Another method is meant"),
            Self::TooLong => ("too-long", 413, "The request is too long"),
            Self::Swapped => ("swapped", 409, "The bytes are not the digest's"),
            Self::Busy => ("busy", 503, "Too many requests at once"),
            Self::TimedOut => ("timed-out", 504, "The ledger gave no answer in time"),
            Self::Stopped => ("stopped", 502, "The ledger has stopped"),
            Self::Internal => ("internal", 500, "The node cannot read or write its files"),
        }
    }

    /// The name in `type`, after `urn:eligo:problem:`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// The title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(
            self,
            Self::Busy | Self::TimedOut | Self::Stopped | Self::Internal
        )
    }
}

/// Why a node refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", kind.title())]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    code: Option<u32>,
    rejection: Option<String>,
}

const URN: &str = "urn:eligo:problem:";

impl Problem {
    /// A problem of a kind.
    pub fn new(kind: ProblemKind, detail: impl ToString) -> Self {
        Self {
            kind,
            detail: detail.to_string(),
            code: None,
            rejection: None,
        }
    }

    /// A transaction the application refuses with a code of this name.
    pub fn rejected(code: u32, name: impl ToString, detail: impl ToString) -> Self {
        Self {
            code: Some(code),
            rejection: Some(name.to_string()),
            ..Self::new(ProblemKind::Rejected, detail)
        }
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// What happened, for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The application's code.
    #[must_use]
    pub const fn code(&self) -> Option<u32> {
        self.code
    }

    /// The code's name.
    #[must_use]
    pub fn rejection(&self) -> Option<&str> {
        self.rejection.as_deref()
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut document = json!({
            "type": format!("{URN}{}", self.kind.name()),
            "title": self.kind.title(),
            "status": self.kind.status(),
            "detail": self.detail,
        });
        if let Some(object) = document.as_object_mut() {
            if let Some(code) = self.code {
                object.insert("code".into(), code.into());
            }
            if let Some(rejection) = &self.rejection {
                object.insert("rejection".into(), rejection.as_str().into());
            }
        }
        document
    }

    /// Reads a document; `None` if it is none of a node's.
    #[must_use]
    pub fn from_json(document: &Value) -> Option<Self> {
        let name = document.get("type")?.as_str()?.strip_prefix(URN)?;
        let mut kinds = ProblemKind::ALL.into_iter();
        let code = document.get("code").and_then(Value::as_u64);
        let rejection = document.get("rejection").and_then(Value::as_str);
        Some(Self {
            kind: kinds.find(|k| k.name() == name)?,
            detail: document.get("detail")?.as_str()?.to_owned(),
            code: code.and_then(|c| u32::try_from(c).ok()),
            rejection: rejection.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_problem_comes_back_from_its_document() {
        for kind in ProblemKind::ALL {
            let plain = Problem::new(kind, "why");
            assert_eq!(Problem::from_json(&plain.to_json()), Some(plain));
        }
        let rejected = Problem::rejected(42, "false-share", "proxy 3 lied");
        assert_eq!(Problem::from_json(&rejected.to_json()), Some(rejected));
    }
}
