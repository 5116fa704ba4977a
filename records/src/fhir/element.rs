//! The FHIR data types this crate reads: codings, quantities, and how odd text is shown.

use serde_json::Value;

use super::Reason;
use crate::decimal::{Decimal, DecimalError};

/// Most codings read of one concept.
const MAX_CODINGS: usize = 64;
/// Longest text shown in a message, in characters.
const MAX_SHOWN: usize = 120;

/// A coding with both its system and its code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coding {
    /// Canonical URI of the code system.
    pub system: String,
    /// Code.
    pub code: String,
    /// Display text, for reports.
    pub display: Option<String>,
}

/// A quantity fit for use: an exact number, no comparator, a UCUM code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// The number.
    pub value: Decimal,
    /// The number as written.
    pub text: String,
    /// UCUM code.
    pub unit: String,
}

/// A member of an object, unless it is `null`.
pub fn member<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).filter(|v| !v.is_null())
}

/// A text member.
pub fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// The elements of an array member; of a single object, that one.
pub fn items<'a>(value: &'a Value, key: &str) -> core::slice::Iter<'a, Value> {
    match value.get(key) {
        Some(Value::Array(items)) => items.iter(),
        Some(one @ Value::Object(_)) => core::slice::from_ref(one).iter(),
        _ => [].iter(),
    }
}

/// Text from outside as messages show it: control characters escaped, at most 120 characters.
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == MAX_SHOWN {
            out.push('…');
            break;
        }
        if c.is_control()
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
        {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// The codings of a `CodeableConcept` that name both system and code.
pub fn codings(concept: &Value) -> Vec<Coding> {
    items(concept, "coding")
        .take(MAX_CODINGS)
        .filter_map(|c| {
            Some(Coding {
                system: text(c, "system")?.to_owned(),
                code: text(c, "code")?.to_owned(),
                display: text(c, "display").map(shown),
            })
        })
        .collect()
}

/// Whether one of the codings is one of `system|code`.
pub fn matches(codings: &[Coding], listed: &[String]) -> bool {
    codings.iter().any(|c| listed.iter().any(|l| is(c, l)))
}

/// Whether a coding is `system|code`; LOINC and SNOMED CT also by their OIDs.
pub fn is(coding: &Coding, listed: &str) -> bool {
    let Some((system, code)) = listed.rsplit_once('|') else {
        return false;
    };
    coding.code == code && canonical_system(&coding.system) == system
}

/// The canonical URI of a system given by its OID.
pub fn canonical_system(system: &str) -> &str {
    match system {
        "urn:oid:2.16.840.1.113883.6.1" => "http://loinc.org",
        "urn:oid:2.16.840.1.113883.6.96" => "http://snomed.info/sct",
        "urn:oid:2.16.840.1.113883.6.8" => "http://unitsofmeasure.org",
        other => other,
    }
}

/// The code of a status-like concept: a `CodeableConcept`, or a bare code as older versions have it.
pub fn status_code<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    let status = member(value, key)?;
    match status {
        Value::String(code) => Some(code),
        concept => Some(
            items(concept, "coding")
                .find_map(|c| text(c, "code"))
                .unwrap_or("(no code)"),
        ),
    }
}

/// Refuses elements whose meaning an unknown modifier changes.
pub fn unmodified(value: &Value) -> Result<(), Reason> {
    if let Some(extension) = items(value, "modifierExtension").next() {
        let url = text(extension, "url").unwrap_or("(no url)");
        return Err(Reason::Modifier(shown(url)));
    }
    match text(value, "implicitRules") {
        Some(rules) => Err(Reason::Modifier(shown(rules))),
        None => Ok(()),
    }
}

/// Reads a `Quantity`, fail-closed: a missing unit, a comparator, or text for a number is no value.
pub fn quantity(value: &Value) -> Result<Quantity, Reason> {
    unmodified(value)?;
    if let Some(comparator) = text(value, "comparator") {
        return Err(Reason::Comparator(shown(comparator)));
    }
    let number = match member(value, "value") {
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(Reason::NotANumber),
        None => return Err(Reason::NoValue),
    };
    let decimal = Decimal::parse(&number).map_err(|e| match e {
        DecimalError::Text => Reason::NotANumber,
        DecimalError::Size => Reason::NumberSize,
    })?;
    let Some(code) = text(value, "code").filter(|c| !c.is_empty()) else {
        return Err(Reason::NoUnit);
    };
    match text(value, "system").map(canonical_system) {
        Some("http://unitsofmeasure.org") => {}
        other => return Err(Reason::UnitSystem(shown(other.unwrap_or("none")))),
    }
    Ok(Quantity {
        value: decimal,
        text: number,
        unit: code.to_owned(),
    })
}
