//! Errors and warnings with their place in the source, and how they are shown.

use core::fmt::{self, Write};

/// A range of bytes of an expression's source. Spans take no part in comparing syntax: see
/// [`Spanned`](super::syntax::Spanned).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The span from one byte to another.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest span that covers both.
    pub fn join(self, other: Self) -> Self {
        Self::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// The text it covers; empty when it does not lie in `source`.
    pub fn text(self, source: &str) -> &str {
        source.get(self.start..self.end).unwrap_or_default()
    }
}

/// Whether a diagnostic forbids or only warns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The expression is refused.
    Error,
    /// The expression means what it says, which may surprise.
    Warning,
}

/// What is wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the expression is refused.
    pub severity: Severity,
    /// Where in the source.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            span,
            message: message.into(),
            help: None,
        }
    }

    /// A warning at a place.
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(span, message)
        }
    }

    /// Adds advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds advice if there is some.
    #[must_use]
    pub fn with_maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// The line and column (from 1, in characters) where it starts.
    pub fn position(&self, source: &str) -> (usize, usize) {
        let before = source.get(..self.span.start).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        (before.matches('\n').count() + 1, column + 1)
    }

    /// Shows the offending line with carets under the span. `name` is what the source is called, such
    /// as a file name. Ends with a newline.
    pub fn render(&self, name: &str, source: &str) -> String {
        let (line_number, column) = self.position(source);
        let line = source.lines().nth(line_number - 1).unwrap_or_default();
        let gutter = " ".repeat(line_number.to_string().len());
        let room = line.chars().count().saturating_sub(column - 1).max(1);
        let carets = self.span.text(source).lines().next().unwrap_or_default();
        let carets = "^".repeat(carets.chars().count().clamp(1, room));
        // Tabs before the caret are kept, so that it stands under its character on every terminal.
        let indent: String = line
            .chars()
            .take(column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{self}");
        let _ = writeln!(out, "{gutter}--> {name}:{line_number}:{column}");
        let _ = writeln!(out, "{gutter} |");
        let _ = writeln!(out, "{line_number} | {line}");
        let _ = writeln!(out, "{gutter} | {indent}{carets}");
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{gutter} = help: {help}");
        }
        out
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{label}: {}", self.message)
    }
}

impl core::error::Error for Diagnostic {}

/// `did you mean ..?`, if one of the candidates is close to what was written.
pub(crate) fn suggestion<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let lower = written.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|c| (closeness(&lower, &c.to_ascii_lowercase()), c))
        .filter(|(closeness, _)| *closeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| format!("did you mean `{c}`?"))
}

fn closeness(a: &str, b: &str) -> f64 {
    if a.len() >= 3 && strsim::damerau_levenshtein(a, b) == 1 {
        return 1.0;
    }
    strsim::jaro_winkler(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_under_the_culprit() {
        let source = "age >= 18 years\n\tand größe < 2 m";
        let start = source.find("größe").unwrap();
        let shown = Diagnostic::error(Span::new(start, start + "größe".len()), "unknown attribute")
            .with_help("did you mean `height`?")
            .render("r.toml", source);
        assert_eq!(
            shown,
            "error: unknown attribute\n --> r.toml:2:6\n  |\n2 | \tand größe < 2 m\n  | \t    ^^^^^\n  = help: did you mean `height`?\n"
        );
    }

    #[test]
    fn spans_outside_the_source_render_without_panic() {
        for span in [Span::new(0, 9), Span::new(9, 12), Span::new(1, 0)] {
            assert!(
                Diagnostic::warning(span, "w")
                    .render("x", "é")
                    .contains("warning: w")
            );
        }
    }

    #[test]
    fn close_names_are_suggested_and_far_ones_are_not() {
        let names = ["systolic_bp", "diastolic_bp", "hba1c"];
        assert_eq!(
            suggestion("sistolic_bp", names).unwrap(),
            "did you mean `systolic_bp`?"
        );
        assert_eq!(suggestion("HbA1c", names).unwrap(), "did you mean `hba1c`?");
        assert_eq!(suggestion("zzz", names), None);
    }
}
