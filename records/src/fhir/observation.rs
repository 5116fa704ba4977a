//! Observations and their components as readings: what was measured, when, and the value.

use serde_json::Value;

use super::{
    Moment, Reason,
    element::{self, Coding, Quantity, codings, items, member, shown, text, unmodified},
};

/// One value of an observation: its own, or a component's.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// JSON pointer within the resource: empty, or `/component/N`.
    pub place: String,
    /// What was measured.
    pub codings: Vec<Coding>,
    /// The observation or component.
    pub body: &'a Value,
}

/// What an observation says about all its readings.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// When it was true of the patient; `issued` where no effective time is given.
    pub moment: Option<Moment>,
    /// Why none of its values can be used.
    pub unusable: Option<Reason>,
}

/// Most components read of one observation.
const MAX_COMPONENTS: usize = 1_000;

/// The observation's own reading, then its components'.
pub fn readings(observation: &Value) -> Vec<Reading<'_>> {
    let reading = |place: String, body| Reading {
        place,
        codings: member(body, "code").map(codings).unwrap_or_default(),
        body,
    };
    let components = items(observation, "component")
        .take(MAX_COMPONENTS)
        .enumerate();
    core::iter::once(reading(String::new(), observation))
        .chain(components.map(|(i, c)| reading(format!("/component/{i}"), c)))
        .collect()
}

/// Time and status of an observation.
pub fn circumstances(observation: &Value) -> Circumstances {
    let (moment, odd_date) = match moment(observation) {
        Ok(moment) => (moment, None),
        Err(reason) => (None, Some(reason)),
    };
    let unusable = unmodified(observation)
        .err()
        .or_else(|| match text(observation, "status") {
            Some("final" | "amended" | "corrected") => None,
            Some(other) => Some(Reason::Status(shown(other))),
            None => Some(Reason::NoStatus),
        })
        .or(odd_date);
    Circumstances { moment, unusable }
}

/// `effectiveDateTime`, `effectiveInstant`, the end (else the start) of `effectivePeriod`, else
/// `issued`.
fn moment(observation: &Value) -> Result<Option<Moment>, Reason> {
    let period = member(observation, "effectivePeriod");
    let written = text(observation, "effectiveDateTime")
        .or_else(|| text(observation, "effectiveInstant"))
        .or_else(|| period.and_then(|p| text(p, "end").or_else(|| text(p, "start"))))
        .or_else(|| text(observation, "issued"));
    parse(written)
}

/// Reads an optional date.
pub(super) fn parse(written: Option<&str>) -> Result<Option<Moment>, Reason> {
    match written {
        None => Ok(None),
        Some(text) => Moment::parse(text)
            .map(Some)
            .map_err(|_| Reason::Date(shown(text))),
    }
}

impl Reading<'_> {
    /// The value as a quantity.
    pub fn quantity(&self) -> Result<Quantity, Reason> {
        self.present()?;
        match member(self.body, "valueQuantity") {
            Some(value) => element::quantity(value),
            None => Err(self.other_value()),
        }
    }

    /// The codes of the value.
    pub fn answer(&self) -> Result<Vec<Coding>, Reason> {
        self.present()?;
        match member(self.body, "valueCodeableConcept") {
            Some(value) => Ok(codings(value)),
            None => Err(self.other_value()),
        }
    }

    fn present(&self) -> Result<(), Reason> {
        unmodified(self.body)?;
        match member(self.body, "dataAbsentReason") {
            None => Ok(()),
            Some(reason) => {
                let code = codings(reason).into_iter().next().map(|c| shown(&c.code));
                let text = text(reason, "text").map(shown);
                Err(Reason::DataAbsent(
                    code.or(text)
                        .unwrap_or_else(|| "no reason given".to_owned()),
                ))
            }
        }
    }

    /// A value of another type than wanted, or none.
    fn other_value(&self) -> Reason {
        let found = self.body.as_object().and_then(|o| {
            let given = o.iter().filter(|(_, v)| !v.is_null());
            given.map(|(k, _)| k).find_map(|k| k.strip_prefix("value"))
        });
        match found {
            Some(kind) => Reason::ValueType(shown(kind)),
            None => Reason::NoValue,
        }
    }
}
