//! Families: the codes of diagnoses, medications, procedures and allergies.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CodeReport, Filled, IssueError, Recorded, RecordedReport, State,
    desk::{Desk, list_codes},
};
use crate::{
    civil::CivilDay,
    code,
    fhir::{
        Reason,
        element::{Coding, canonical_system, shown},
        statement::{Statement, statement},
    },
    schema::{Attribute, Family, Kind, Schema},
};

/// The codes found for every family, and what may be hidden from each group.
pub(super) struct Families {
    /// By attribute index, then code.
    found: BTreeMap<usize, BTreeMap<u64, Found>>,
    /// By group: why its families cannot be said to list all that is known.
    hidden: BTreeMap<String, Vec<String>>,
}

#[derive(Default)]
struct Found {
    display: Option<String>,
    resources: BTreeSet<String>,
    onset: Option<CivilDay>,
}

impl Families {
    /// Reads every statement once and sorts its codes into the schema's families.
    pub(super) fn read(desk: &mut Desk<'_>, schema: &Schema) -> Self {
        let families: Vec<(usize, &Attribute, &Family)> = schema
            .attributes()
            .iter()
            .enumerate()
            .filter_map(|(i, a)| match &a.kind {
                Kind::Family(f) => Some((i, a, f)),
                _ => None,
            })
            .collect();
        let mut this = Self {
            found: BTreeMap::new(),
            hidden: BTreeMap::new(),
        };
        let records = desk.records;
        for (i, resource) in records.resources.iter().enumerate() {
            let reading: Vec<_> = families
                .iter()
                .filter(|(_, _, f)| f.resources.contains(&resource.kind))
                .copied()
                .collect();
            if reading.is_empty() {
                continue;
            }
            let before = desk
                .outcomes
                .get(i)
                .and_then(|o| o.left_out.first())
                .map(|l| l.reason.clone());
            let result = match before {
                Some(reason) => Err(reason),
                None => statement(records, desk.references, resource).and_then(|s| {
                    match desk.future(s.moment.as_ref()) {
                        Some(reason) => Err(reason),
                        None => Ok(s),
                    }
                }),
            };
            let hides = match result {
                Ok(statement) => this.sort(desk, i, &statement, &reading),
                Err(reason) => {
                    let hides = reason.hides();
                    if desk.admitted(i) {
                        desk.leave_out(i, None, "", reason);
                    }
                    hides
                }
            };
            if hides {
                let name = desk.name(i);
                this.hide(&reading, &name);
            }
        }
        this.hide_empty_sections(desk, &families);
        this
    }

    /// Sorts a statement's codes into the families; whether none of them holds it.
    fn sort(
        &mut self,
        desk: &mut Desk<'_>,
        resource: usize,
        statement: &Statement,
        families: &[(usize, &Attribute, &Family)],
    ) -> bool {
        let name = desk.name(resource);
        let day = statement.moment.as_ref().and_then(|m| m.day());
        let (mut placed, mut bad) = (false, false);
        for coding in &statement.codings {
            for (index, attribute, family) in families {
                if !holds(family, &coding.system) {
                    continue;
                }
                match code::encode(family.coding, &coding.code) {
                    Ok(value) => {
                        placed = true;
                        let codes = self.found.entry(*index).or_default();
                        let found = codes.entry(value).or_default();
                        found.display = found.display.take().or_else(|| coding.display.clone());
                        found.resources.insert(name.clone());
                        found.onset = found.onset.max(day);
                        desk.mark_used(resource, &attribute.name);
                        if let Some(medication) = statement.medication {
                            desk.mark_used(medication, &attribute.name);
                        }
                    }
                    Err(problem) => {
                        bad = true;
                        let reason = Reason::Code {
                            system: family.system.clone(),
                            code: shown(&coding.code),
                            problem,
                        };
                        desk.leave_out(resource, Some(&attribute.name), "/code", reason);
                    }
                }
            }
        }
        if !placed && statement.codings.iter().any(says_none_known) {
            desk.leave_out(resource, None, "", Reason::NoneKnown);
            return false;
        }
        if !placed && !bad {
            let codes = list_codes(&statement.codings);
            desk.leave_out(resource, None, "", Reason::System(codes));
        }
        !placed
    }

    fn hide(&mut self, families: &[(usize, &Attribute, &Family)], why: &str) {
        let groups: BTreeSet<&String> = families.iter().map(|(_, _, f)| &f.group).collect();
        for group in groups {
            let reasons = self.hidden.entry(group.clone()).or_default();
            reasons.push(why.to_owned());
        }
    }

    /// A document may say that a list is not available, or was not asked for.
    fn hide_empty_sections(&mut self, desk: &Desk<'_>, families: &[(usize, &Attribute, &Family)]) {
        for (section, reason) in desk.records.empty_sections() {
            let kind = match section.as_str() {
                "11450-4" => "Condition",
                "10160-0" => "MedicationStatement",
                "47519-4" => "Procedure",
                "48765-2" => "AllergyIntolerance",
                _ => continue,
            };
            if reason == "nilknown" {
                continue;
            }
            let about: Vec<_> = families
                .iter()
                .filter(|(_, _, f)| f.resources.iter().any(|r| r == kind))
                .copied()
                .collect();
            self.hide(&about, &format!("section {section}: {}", shown(&reason)));
        }
    }

    /// Fills a family's cells: `recorded`, the codes in ascending order after absent ones, and their
    /// onsets.
    pub(super) fn fill(
        &self,
        desk: &mut Desk<'_>,
        attribute: &Attribute,
        family: &Family,
        index: usize,
        schema: &str,
    ) -> Result<Filled, IssueError> {
        let none = BTreeMap::new();
        let found = self.found.get(&index).unwrap_or(&none);
        let room = usize::from(family.size);
        let Some(gap) = room.checked_sub(found.len()) else {
            return Err(IssueError::TooManyCodes {
                attribute: attribute.name.clone(),
                schema: schema.to_owned(),
                found: found.len(),
                room: family.size,
            });
        };
        let excepted = match &desk.options.recorded {
            Recorded::Judged => false,
            Recorded::Except(groups) => groups.contains(&family.group),
        };
        let hidden = self.hidden.get(&family.group);
        let recorded = !excepted && hidden.is_none();
        let absent = core::iter::repeat_n(0, gap);
        let mut filled = Filled::absent(attribute);
        filled.cells = vec![1 + u64::from(recorded)];
        filled.cells.extend(absent.clone());
        filled.cells.extend(found.keys().map(|c| c + 1));
        if family.onset {
            let onset = |f: &Found| f.onset.map_or(0, |d| 1 + u64::from(d.number()));
            filled.cells.extend(absent);
            filled.cells.extend(found.values().map(onset));
        }
        if !found.is_empty() {
            filled.report.state = State::Present;
        }
        filled.report.recorded = Some(match (recorded, hidden) {
            (true, _) => RecordedReport::Yes,
            (false, Some(hidden)) => RecordedReport::Hidden(hidden.clone()),
            (false, None) => RecordedReport::Excepted,
        });
        filled.report.codes = found
            .iter()
            .map(|(value, f)| CodeReport {
                code: code::decode(family.coding, *value).unwrap_or_default(),
                display: f.display.clone(),
                onset: f.onset.map(|d| d.to_string()),
                resources: f.resources.iter().cloned().collect(),
            })
            .collect();
        Ok(filled)
    }
}

/// The IPS codes for "no known allergies" and the like; those for "no information" say less.
fn says_none_known(coding: &Coding) -> bool {
    coding.system == "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
        && coding.code.starts_with("no-known-")
}

/// Whether a family holds codes of this system.
fn holds(family: &Family, system: &str) -> bool {
    family.system == system
        || family.aliases.iter().any(|a| a == system)
        || family.system == canonical_system(system)
}
