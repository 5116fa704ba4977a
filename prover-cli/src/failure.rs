//! What goes wrong, as a person reads it and as a script does.

use std::{fmt, path::Path};

use serde_json::{Value, json};

/// Kinds of failure; each has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing the user did.
    Unexpected,
    /// The command line.
    Usage,
    /// A file that cannot be read, is malformed, or was altered; a credential of another wallet.
    File,
    /// The record does not meet the requirement.
    NotEligible,
    /// The proof does not show what it should.
    ProofInvalid,
    /// A hospital that is not among the accepted.
    UntrustedIssuer,
    /// Too early or too late.
    Closed,
    /// The node cannot be reached, or does not answer.
    Network,
    /// A verifying key with which false proofs may pass.
    UnsafeKey,
    /// Not the wallet's passphrase.
    Passphrase,
    /// The ledger's contract refuses, for what it knows.
    Refused,
}

impl Kind {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::File => 3,
            Self::NotEligible => 4,
            Self::ProofInvalid => 5,
            Self::UntrustedIssuer => 6,
            Self::Closed => 7,
            Self::Network => 8,
            Self::UnsafeKey => 9,
            Self::Passphrase => 10,
            Self::Refused => 11,
        }
    }

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unexpected => "unexpected",
            Self::Usage => "usage",
            Self::File => "bad-file",
            Self::NotEligible => "not-eligible",
            Self::ProofInvalid => "proof-invalid",
            Self::UntrustedIssuer => "untrusted-issuer",
            Self::Closed => "closed",
            Self::Network => "network",
            Self::UnsafeKey => "unsafe-key",
            Self::Passphrase => "wrong-passphrase",
            Self::Refused => "refused",
        }
    }
}

/// Why a command failed: which file, where in it, what was expected, and what to do.
#[derive(Clone, Debug)]
pub struct Failure(Box<Story>);

#[derive(Clone, Debug)]
struct Story {
    kind: Kind,
    file: Option<String>,
    place: Option<String>,
    what: String,
    /// Lines shown under the message, such as a source line with carets.
    detail: Option<String>,
    help: Option<String>,
}

/// The result of a command or of a step of it.
pub type Attempt<T> = Result<T, Failure>;

impl Failure {
    /// A failure of a kind.
    pub fn new(kind: Kind, what: impl fmt::Display) -> Self {
        Self(Box::new(Story {
            kind,
            file: None,
            place: None,
            what: what.to_string(),
            detail: None,
            help: None,
        }))
    }

    /// Wrong use of the command line.
    pub fn usage(what: impl fmt::Display) -> Self {
        Self::new(Kind::Usage, what)
    }

    /// A bad file.
    pub fn file(path: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self::new(Kind::File, what).of(path)
    }

    /// Something that does not happen.
    pub fn unexpected(what: impl fmt::Display) -> Self {
        Self::new(Kind::Unexpected, what)
    }

    /// Names the file.
    #[must_use]
    pub fn of(mut self, file: impl fmt::Display) -> Self {
        self.0.file.get_or_insert(file.to_string());
        self
    }

    /// Names the place in the file.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.place = Some(place.to_string());
        self
    }

    /// Shows lines under the message.
    #[must_use]
    pub fn showing(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.0.help = Some(help.to_string());
        self
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What went wrong, without the file.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// Says what to do besides.
    #[must_use]
    pub fn also(self, help: impl fmt::Display) -> Self {
        match self.0.help.clone() {
            Some(first) => self.help(format!("{first}; {help}")),
            None => self.help(help),
        }
    }

    /// The object under `error` in JSON.
    pub fn to_json(&self) -> Value {
        let mut object = json!({
            "code": self.0.kind.code(),
            "kind": self.0.kind.name(),
            "message": self.what(),
        });
        let optional = [
            ("file", &self.0.file),
            ("place", &self.0.place),
            ("detail", &self.0.detail),
            ("help", &self.0.help),
        ];
        for (name, value) in optional {
            if let (Some(value), Some(object)) = (value, object.as_object_mut()) {
                object.insert(name.to_owned(), json!(value));
            }
        }
        object
    }
}

impl fmt::Display for Failure {
    /// `error: FILE: PLACE: what`, then the detail, then `help: what to do`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("error: ")?;
        for part in [&self.0.file, &self.0.place].into_iter().flatten() {
            write!(f, "{part}: ")?;
        }
        f.write_str(&self.0.what)?;
        if let Some(detail) = &self.0.detail {
            write!(f, "\n{}", detail.trim_end())?;
        }
        if let Some(help) = &self.0.help {
            write!(f, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

/// A path as messages name it.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}
