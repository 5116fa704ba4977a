//! What a schema must satisfy.

use std::collections::BTreeSet;

use super::{
    Attribute, Choice, ChoiceSource, Document, Family, Kind, MAX_CELLS, MAX_FAMILY, Number,
    SchemaError,
};
use crate::{decimal::Conversion, fhir::statement};

/// Longest text in a schema, in bytes.
const MAX_TEXT: usize = 256;
/// Most codes, units, values or aliases in one list.
const MAX_LIST: usize = 1024;
/// Bound on a number's minimum, either sign: `2^53`, so that readers in other languages agree.
const MAX_MINIMUM: u64 = 1 << 53;

/// Checks a schema's document.
pub(super) fn check(document: &Document) -> Result<(), SchemaError> {
    let fail = |place: &str, problem: &str| {
        Err(SchemaError {
            place: place.to_owned(),
            problem: problem.to_owned(),
        })
    };
    let dashed = document.name.replace('-', "_");
    if !well_named(&dashed) || document.title.len() > MAX_TEXT {
        return fail(
            "name",
            "a schema is named like an attribute, with `-` for `_`",
        );
    }
    if document.version == 0 {
        return fail("version", "versions count from 1");
    }
    let mut names = BTreeSet::new();
    let mut prefixes = BTreeSet::new();
    let mut cells = 0usize;
    for a in &document.attributes {
        if !well_named(&a.name) {
            return fail(
                &a.name,
                "a name is a lower-case letter, then at most 63 lower-case letters, digits or `_`",
            );
        }
        if !names.insert(a.name.as_str()) {
            return fail(&a.name, "the name is used twice");
        }
        if let Kind::Family(f) = &a.kind
            && !prefixes.insert((&f.group, &f.prefix))
        {
            return fail(&a.name, "the group already has a family of this prefix");
        }
        if let Err(problem) = check_attribute(a) {
            return fail(&a.name, problem);
        }
        cells = cells.saturating_add(crate::cell::cells_of(&a.kind));
    }
    if document.attributes.is_empty() || cells > MAX_CELLS {
        return fail(&document.name, "a schema has 1 to 4096 cells");
    }
    Ok(())
}

fn well_named(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn check_attribute(attribute: &Attribute) -> Result<(), &'static str> {
    if attribute.title.len() > MAX_TEXT {
        return Err("a title has at most 256 bytes");
    }
    match &attribute.kind {
        Kind::Number(number) => check_number(number),
        Kind::Choice(choice) => check_choice(choice),
        Kind::Family(family) => check_family(family),
        Kind::Date(_) | Kind::Flag(_) => Ok(()),
    }
}

fn check_number(n: &Number) -> Result<(), &'static str> {
    if !(2..=40).contains(&n.width) {
        return Err("a number's width is 2 to 40 bits");
    }
    if n.scale > 9 {
        return Err("a number's scale is at most 9");
    }
    if n.min.unsigned_abs() > MAX_MINIMUM {
        return Err("a number's minimum is at most 2^53, either sign");
    }
    if !n.inputs.iter().any(|u| u.code == n.unit && u.factor == "1") {
        return Err("the schema's own unit must be an input unit with factor 1");
    }
    let mut units = BTreeSet::new();
    for unit in &n.inputs {
        if unit.code.is_empty() || unit.code.len() > MAX_TEXT || !units.insert(&unit.code) {
            return Err("input units have different codes of 1 to 256 bytes");
        }
        if Conversion::parse(&unit.factor).is_err() {
            return Err("a conversion is a factor, a fraction, or an offset and one: `-32 * 5/9`");
        }
    }
    check_codes(&n.codes)
}

fn check_choice(c: &Choice) -> Result<(), &'static str> {
    if !(2..=16).contains(&c.width) || c.values.is_empty() || c.values.len() > (1 << c.width) - 1 {
        return Err("a choice's width is 2 to 16 bits and holds every value, at least one");
    }
    let mut names = BTreeSet::new();
    let mut codes = BTreeSet::new();
    for value in &c.values {
        if value.name.is_empty() || value.name.len() > 64 || !names.insert(&value.name) {
            return Err("a choice's values have different names of 1 to 64 bytes");
        }
        if !value.codes.iter().all(|c| codes.insert(c)) {
            return Err("a code means one value of a choice only");
        }
        if let ChoiceSource::Observation(_) = c.source {
            check_codes(&value.codes)?;
        }
    }
    match &c.source {
        ChoiceSource::PatientGender if c.dated => Err("the patient's gender has no date"),
        ChoiceSource::PatientGender => Ok(()),
        ChoiceSource::Observation(codes) => check_codes(codes),
    }
}

fn check_family(f: &Family) -> Result<(), &'static str> {
    if f.size == 0 || f.size > MAX_FAMILY {
        return Err("a family has 1 to 512 code cells");
    }
    if !well_named(&f.group) || !well_named(&f.prefix) {
        return Err("a family's group and prefix are named like an attribute");
    }
    let systems = core::iter::once(&f.system).chain(&f.aliases);
    if f.aliases.len() > MAX_LIST || systems.clone().any(|s| s.is_empty() || s.len() > MAX_TEXT) {
        return Err("code systems have 1 to 256 bytes");
    }
    let known = |r: &String| statement::TYPES.contains(&r.as_str());
    if f.resources.is_empty() || !f.resources.iter().all(known) {
        return Err(
            "a family is fed by Condition, MedicationRequest, MedicationStatement, Procedure or \
             AllergyIntolerance",
        );
    }
    Ok(())
}

/// `system|code` each.
fn check_codes(codes: &[String]) -> Result<(), &'static str> {
    let shaped = |c: &String| {
        c.len() <= MAX_TEXT
            && c.rsplit_once('|')
                .is_some_and(|(system, code)| !system.is_empty() && !code.is_empty())
    };
    if codes.is_empty() || codes.len() > MAX_LIST || !codes.iter().all(shaped) {
        return Err("codes are written `system|code`, at least one");
    }
    Ok(())
}
