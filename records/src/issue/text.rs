//! The issuing report for people.

use core::fmt;

use super::{AttributeReport, RecordedReport, Report, State, Unusable};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Patient {} under schema {}", self.patient, self.schema)?;
        writeln!(f, "\nUsed")?;
        let (present, absent): (Vec<_>, Vec<_>) = self
            .attributes
            .iter()
            .partition(|a| a.state == State::Present);
        present.iter().try_for_each(|a| write!(f, "{a}"))?;
        writeln!(
            f,
            "\nNot in this record (which does not say that the patient lacks it)"
        )?;
        for a in absent {
            write!(f, "{a}")?;
        }
        writeln!(f, "\nLeft out")?;
        let reasons = self.reasons();
        let older = self.older();
        if reasons.is_empty() && older.is_none() {
            writeln!(f, "  nothing")?;
        }
        for (reason, (count, example)) in reasons {
            writeln!(f, "  {count:>5} x {reason} ({example})")?;
        }
        if let Some((count, example)) = older {
            writeln!(f, "  {count:>5} x older than the reading used ({example})")?;
        }
        Ok(())
    }
}

/// At most this many unusable values or codes are listed for people.
const MAX_LISTED: usize = 5;

impl fmt::Display for AttributeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_none() && self.recorded.is_none() {
            write!(f, "  {}", self.name)?;
        } else {
            write!(f, "  {:<18}", self.name)?;
        }
        if let Some(value) = &self.value {
            write!(f, " {value}")?;
        }
        if let Some(source) = &self.source {
            write!(f, "  from {}", source.resource)?;
            if let (Some(value), Some(unit)) = (&source.value, &source.unit) {
                write!(f, ": {value} {unit}")?;
            }
            if let Some(date) = &source.date {
                write!(f, ", {date}")?;
            }
        }
        if let Some(recorded) = &self.recorded {
            match self.codes.len() {
                0 => f.write_str(" no code")?,
                1 => f.write_str(" 1 code")?,
                n => write!(f, " {n} codes")?,
            }
            match recorded {
                RecordedReport::Yes => f.write_str(", listing all that is known")?,
                RecordedReport::Excepted => f.write_str(", not said to list all that is known")?,
                RecordedReport::Hidden(by) => {
                    let some: Vec<&str> = by.iter().take(MAX_LISTED).map(String::as_str).collect();
                    write!(f, ", perhaps not all: see {}", some.join(", "))?;
                }
            }
        }
        writeln!(f)?;
        for code in &self.codes {
            write!(f, "    {}", code.code)?;
            if let Some(display) = &code.display {
                write!(f, " {display}")?;
            }
            if let Some(onset) = &code.onset {
                write!(f, ", {onset}")?;
            }
            writeln!(f)?;
        }
        for unusable in self.unusable.iter().take(MAX_LISTED) {
            let Unusable {
                resource, reason, ..
            } = unusable;
            write!(f, "    not used: {resource}")?;
            if let Some(date) = &unusable.date {
                write!(f, ", {date}")?;
            }
            writeln!(f, ": {reason}")?;
        }
        if let Some(more) = self
            .unusable
            .len()
            .checked_sub(MAX_LISTED)
            .filter(|m| *m > 0)
        {
            writeln!(f, "    not used: {more} more")?;
        }
        Ok(())
    }
}
