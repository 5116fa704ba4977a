//! A record that was opened, as a doctor reads it: every value with where it comes from.

use eligo_records::{
    fhir::Input,
    issue::{Options, Report, State, issue},
};
use serde_json::{Value, json};

use crate::{
    failure::{Attempt, Failure, Kind},
    sealing::OpenedRecord,
};

/// The name under which the opened bundle is read.
const FILE: &str = "the record";

/// What an opened record says.
pub struct Summary {
    report: Report,
    /// Whether the bundle still gives the very cells that the hospital signed.
    agrees: bool,
}

impl Summary {
    /// Reads an opened record's bundle again, as the hospital did.
    pub fn of(opened: &OpenedRecord) -> Attempt<Self> {
        let input = Input {
            name: FILE,
            content: &opened.bundle,
        };
        let issued = issue(&opened.schema, &[input], &Options::default());
        let issued = issued.map_err(|e| Failure::new(Kind::File, e))?;
        Ok(Self {
            agrees: issued.cells.values() == opened.cells.values(),
            report: issued.report,
        })
    }

    /// Whether every value shown is one that the hospital signed.
    pub const fn agrees(&self) -> bool {
        self.agrees
    }

    /// A line for each value, with its origin.
    pub fn lines(&self) -> Vec<String> {
        let present = self.report.attributes.iter();
        present
            .filter(|a| a.state == State::Present)
            .flat_map(|a| {
                let text = a.to_string();
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let present: Vec<Value> = self
            .report
            .attributes
            .iter()
            .filter(|a| a.state == State::Present)
            .filter_map(|a| serde_json::to_value(a).ok())
            .collect();
        json!({ "agrees": self.agrees, "values": present })
    }
}
