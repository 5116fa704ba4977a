//! What a command prints: text for people, or one JSON object on one line.

use std::{
    cell::Cell,
    fmt,
    io::{self, IsTerminal, Write},
};

use serde_json::{Map, Value};

use crate::failure::Failure;

/// Version of the JSON objects printed with `--json`.
const VERSION: u32 = 1;

/// How many of something, in words.
pub fn count<N: fmt::Display + PartialEq + From<u8>>(number: N, of: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {of}{plural}")
}

/// Where a command prints.
pub struct Console {
    json: bool,
    silent: bool,
    /// Standard output carries the artefact itself, so everything else goes to standard error.
    occupied: Cell<bool>,
}

impl Console {
    /// A console that prints JSON or text.
    pub const fn new(json: bool) -> Self {
        Self {
            json,
            silent: false,
            occupied: Cell::new(false),
        }
    }

    /// A console that prints nothing, for a command within another.
    pub const fn silent() -> Self {
        Self {
            json: false,
            silent: true,
            occupied: Cell::new(false),
        }
    }

    /// Whether JSON is printed.
    pub const fn json(&self) -> bool {
        self.json
    }

    /// Leaves standard output to the artefact.
    pub fn leave_stdout(&self) {
        self.occupied.set(true);
    }

    /// A line for people on standard output; nothing with `--json`.
    pub fn say(&self, text: impl AsRef<str>) {
        if !self.json && !self.silent {
            self.out(&printable(text.as_ref()));
        }
    }

    /// The command's result with `--json`: `version` and the fields of `object`.
    pub fn object(&self, object: Value) {
        if self.json {
            let mut all = Map::new();
            all.insert("version".to_owned(), VERSION.into());
            if let Value::Object(fields) = object {
                all.extend(fields);
            }
            self.out(&Value::Object(all).to_string());
        }
    }

    /// A line as it is, with or without `--json`.
    pub fn verbatim(&self, line: &str) {
        self.out(line);
    }

    /// A warning, on standard error.
    pub fn warn(&self, text: impl AsRef<str>) {
        if !self.silent {
            let _ = writeln!(io::stderr(), "warning: {}", printable(text.as_ref()));
        }
    }

    /// One failure of several, for people, on standard error.
    pub fn report(&self, failure: &Failure) {
        let _ = writeln!(io::stderr(), "{}", printable(&failure.to_string()));
    }

    /// A failure: for people on standard error, and with `--json` also as an object on standard output.
    pub fn fail(&self, failure: &Failure) {
        self.report(failure);
        self.object(serde_json::json!({ "error": failure.to_json() }));
    }

    /// Whether a person watches standard error.
    pub fn watched(&self) -> bool {
        !self.silent && io::stderr().is_terminal()
    }

    fn out(&self, line: &str) {
        // A reader that went away is not a failure of the command.
        let _ = if self.occupied.get() {
            writeln!(io::stderr(), "{line}")
        } else {
            let mut out = io::stdout().lock();
            writeln!(out, "{line}").and_then(|()| out.flush())
        };
    }
}

/// What a terminal shows and does not obey: control characters but the end of a line escaped, and those that turn
/// the direction of text.
fn printable(text: &str) -> String {
    let obeyed = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(obeyed) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if obeyed(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}
