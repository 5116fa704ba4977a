//! The work in progress while a record is made.

use jiff::Timestamp;
use serde_json::Value;

use super::{AttributeReport, LeftOut, Options, Outcome, Report};
use crate::{
    fhir::{
        Moment, Reason, Records, References, Resource,
        element::{Coding, codings, member, shown},
        observation::{Reading, circumstances, readings},
        patient::Patient,
        statement,
    },
    schema::{Kind, Schema},
};

/// The work in progress: the records, whose they are, and what became of each resource so far.
pub(super) struct Desk<'a> {
    pub(super) records: &'a Records,
    pub(super) references: &'a References<'a>,
    pub(super) patient: &'a Patient,
    pub(super) options: &'a Options,
    /// What became of each resource.
    pub(super) outcomes: Vec<Outcome>,
    /// Usable readings of this patient's observations, and unusable ones with the reason.
    pub(super) readings: Vec<Measured<'a>>,
}

/// A reading with its observation's circumstances.
pub(super) struct Measured<'a> {
    pub(super) resource: usize,
    pub(super) reading: Reading<'a>,
    pub(super) moment: Option<Moment>,
    pub(super) unusable: Option<Reason>,
}

/// Orders readings: latest instant, then greatest resource id, then last in the input.
pub(super) type Rank = (Option<Timestamp>, Option<String>, usize);

impl<'a> Desk<'a> {
    /// Sets aside what is not this patient's, not read, or not yet true; takes the readings.
    pub(super) fn open(
        records: &'a Records,
        references: &'a References<'a>,
        patient: &'a Patient,
        options: &'a Options,
        schema: &Schema,
    ) -> Self {
        let read = types_read(schema);
        let mut desk = Self {
            records,
            references,
            patient,
            options,
            outcomes: vec![Outcome::default(); records.resources.len()],
            readings: Vec::new(),
        };
        for (i, resource) in records.resources.iter().enumerate() {
            if let Err(reason) = desk.admit(i, resource, &read) {
                desk.leave_out(i, None, "", reason);
            } else if resource.kind == "Observation" {
                desk.take_readings(i, &resource.body);
            }
        }
        desk
    }

    fn admit(&self, i: usize, resource: &Resource, read: &[&str]) -> Result<(), Reason> {
        if let Some(reason) = self.records.set_apart.get(i).cloned().flatten() {
            return Err(reason);
        }
        match resource.kind.as_str() {
            "Patient" if self.patient.resource == Some(i) => Ok(()),
            "Patient" => Err(Reason::OtherPatient(resource.name())),
            // Read through the statements that refer to it.
            "Medication" => Ok(()),
            kind if read.contains(&kind) => {
                self.patient.owns(self.records, self.references, resource)
            }
            kind => Err(Reason::Type(kind.to_owned())),
        }
    }

    fn take_readings(&mut self, i: usize, body: &'a Value) {
        let circumstances = circumstances(body);
        let future = self.future(circumstances.moment.as_ref());
        let unusable = circumstances.unusable.or(future);
        self.readings
            .extend(readings(body).into_iter().map(|reading| Measured {
                resource: i,
                reading,
                moment: circumstances.moment.clone(),
                unusable: unusable.clone(),
            }));
    }

    /// Whether a moment lies after the day up to which the record counts.
    pub(super) fn future(&self, moment: Option<&Moment>) -> Option<Reason> {
        let moment = moment?;
        (moment.day()? > self.options.until?).then(|| Reason::Future(moment.text().to_owned()))
    }

    /// Whether a resource passed the first look.
    pub(super) fn admitted(&self, i: usize) -> bool {
        let refused = |o: &Outcome| o.left_out.iter().any(|l| l.attribute.is_none());
        !self.outcomes.get(i).is_some_and(refused)
    }

    /// Where a reading stands among the others.
    pub(super) fn rank(&self, reading: usize) -> Option<Rank> {
        let m = self.readings.get(reading)?;
        let resource = self.records.resources.get(m.resource)?;
        let instant = m.moment.as_ref().map(Moment::instant);
        Some((instant, resource.id.clone(), reading))
    }

    pub(super) fn mark_used(&mut self, i: usize, attribute: &str) {
        if let Some(outcome) = self.outcomes.get_mut(i) {
            outcome.used_for.insert(attribute.to_owned());
        }
    }

    pub(super) fn leave_out(
        &mut self,
        i: usize,
        attribute: Option<&str>,
        place: &str,
        reason: Reason,
    ) {
        if let Some(outcome) = self.outcomes.get_mut(i) {
            outcome.left_out.push(LeftOut {
                attribute: attribute.map(str::to_owned),
                place: place.to_owned(),
                reason,
            });
        }
    }

    pub(super) fn name(&self, i: usize) -> String {
        let resource = self.records.resources.get(i);
        resource.map(Resource::name).unwrap_or_default()
    }

    /// Explains what is still unexplained, and writes the report.
    pub(super) fn close(mut self, schema: &Schema, attributes: Vec<AttributeReport>) -> Report {
        for (i, resource) in self.records.resources.iter().enumerate() {
            let explained = |o: &Outcome| !o.used_for.is_empty() || !o.left_out.is_empty();
            if self.outcomes.get(i).is_some_and(explained) {
                continue;
            }
            let reason = match resource.kind.as_str() {
                "Medication" => Reason::Unreferenced,
                _ => Reason::NotAsked(codes_of(&resource.body)),
            };
            self.leave_out(i, None, "", reason);
        }
        Report::new(
            schema,
            self.patient,
            self.records,
            self.outcomes,
            attributes,
        )
    }
}

/// The resource types that feed a schema.
fn types_read(schema: &Schema) -> Vec<&str> {
    let mut read = vec!["Patient", "Observation"];
    for attribute in schema.attributes() {
        if let Kind::Family(f) = &attribute.kind {
            let known = f.resources.iter().map(String::as_str);
            read.extend(known.filter(|r| statement::TYPES.contains(r)));
        }
    }
    read
}

/// The codes of a resource, for a message.
fn codes_of(body: &Value) -> String {
    let codings = member(body, "code").map(codings).unwrap_or_default();
    list_codes(&codings)
}

pub(super) fn list_codes(codings: &[Coding]) -> String {
    if codings.is_empty() {
        return "it has none".to_owned();
    }
    let codes: Vec<String> = codings
        .iter()
        .take(5)
        .map(|c| format!("{}|{}", shown(&c.system), shown(&c.code)))
        .collect();
    codes.join(", ")
}
