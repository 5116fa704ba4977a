//! Numbers: the latest usable reading, converted exactly.

use super::{
    AttributeReport, Filled, Source, State, Unusable,
    desk::{Desk, Measured},
};
use crate::{
    cell::CellValue,
    decimal::{Conversion, decimal_text},
    fhir::{
        Reason,
        element::{Quantity, matches},
    },
    schema::{Attribute, Number},
};

/// A reading in the schema's unit; out of range if the cell cannot hold it.
struct Scaled {
    quantity: Quantity,
    value: Result<i64, Reason>,
}

/// Fills a number's cells.
pub(super) fn fill(desk: &mut Desk<'_>, attribute: &Attribute, number: &Number) -> Filled {
    let wanted = |m: &Measured<'_>| matches(&m.reading.codings, &number.codes);
    let read = |m: &Measured<'_>| m.reading.quantity().and_then(|q| scale(number, q));
    let choice = choose(desk, attribute, wanted, read, |a, b| a.value == b.value);
    let mut filled = Filled::absent(attribute);
    filled.report.unusable = choice.unusable;
    let Some((chosen, scaled)) = choice.chosen else {
        return filled;
    };
    let Some(source) = source(desk, chosen) else {
        return filled;
    };
    let source = Source {
        value: Some(scaled.quantity.text),
        unit: Some(scaled.quantity.unit),
        ..source
    };
    match scaled.value {
        Err(reason) => {
            // The latest value stands, and the cell cannot hold it: absent, never an older one.
            leave_out(desk, chosen, attribute, reason.clone());
            filled.report.unusable.insert(0, source.unusable(reason));
            filled
        }
        Ok(value) => {
            let text = CellValue::Number {
                scaled: value,
                scale: number.scale,
                unit: number.unit.clone(),
            };
            write(
                &mut filled,
                desk,
                chosen,
                number.dated,
                value.abs_diff(number.min),
            );
            filled.report.value = Some(text.to_string());
            filled.report.source = Some(source);
            filled
        }
    }
}

fn scale(number: &Number, quantity: Quantity) -> Result<Scaled, Reason> {
    let accepted = || {
        let codes: Vec<&str> = number.inputs.iter().map(|u| u.code.as_str()).collect();
        codes.join(", ")
    };
    let conversion = number
        .inputs
        .iter()
        .find(|u| u.code == quantity.unit)
        .and_then(|u| Conversion::parse(&u.factor).ok())
        .ok_or_else(|| Reason::Unit {
            found: crate::fhir::element::shown(&quantity.unit),
            accepted: accepted(),
        })?;
    // 0 <= value - min <= 2^w - 2
    let most = number.min.saturating_add((1i64 << number.width) - 2);
    let value = i64::try_from(conversion.scaled(&quantity.value, number.scale))
        .ok()
        .filter(|v| (number.min..=most).contains(v))
        .ok_or_else(|| Reason::Range {
            least: decimal_text(number.min, number.scale),
            most: decimal_text(most, number.scale),
            unit: number.unit.clone(),
        });
    Ok(Scaled { quantity, value })
}

/// Which reading was chosen, and which ones as new or newer were unusable.
pub(super) struct Choosing<T> {
    pub(super) chosen: Option<(usize, T)>,
    pub(super) unusable: Vec<Unusable>,
}

/// Chooses the latest usable one of the wanted readings, by instant, then resource id, and marks
/// what became of each of them.
pub(super) fn choose<'a, T>(
    desk: &mut Desk<'a>,
    attribute: &Attribute,
    wanted: impl Fn(&Measured<'a>) -> bool,
    read: impl Fn(&Measured<'a>) -> Result<T, Reason>,
    same: impl Fn(&T, &T) -> bool,
) -> Choosing<T> {
    let mut usable: Vec<(usize, T)> = Vec::new();
    let mut refused: Vec<(usize, Reason)> = Vec::new();
    for (i, m) in desk.readings.iter().enumerate().filter(|(_, m)| wanted(m)) {
        match m.unusable.clone().map_or_else(|| read(m), Err) {
            Ok(value) => usable.push((i, value)),
            Err(reason) => refused.push((i, reason)),
        }
    }
    // Which of several different values of one resource is meant, nobody knows.
    let resource = |i: usize| desk.readings.get(i).map(|m| m.resource);
    let divided: Vec<usize> = usable
        .iter()
        .filter(|(i, a)| {
            let differs = |(j, b): &&(usize, T)| resource(*j) == resource(*i) && !same(a, b);
            usable.iter().any(|other| differs(&other))
        })
        .map(|(i, _)| *i)
        .collect();
    usable.retain(|(i, _)| !divided.contains(i));
    refused.extend(divided.into_iter().map(|i| (i, Reason::SeveralValues)));
    usable.sort_by_cached_key(|(i, _)| desk.rank(*i));
    refused.sort_by_cached_key(|(i, _)| core::cmp::Reverse(desk.rank(*i)));
    let chosen = usable.pop();
    let best = chosen.as_ref().and_then(|(i, _)| desk.rank(*i));
    let unusable = refused
        .iter()
        .filter(|(i, _)| desk.rank(*i) > best)
        .filter_map(|(i, reason)| Some(source(desk, *i)?.unusable(reason.clone())))
        .collect();
    let winner = chosen
        .as_ref()
        .and_then(|(i, _)| desk.readings.get(*i))
        .map(|m| desk.name(m.resource))
        .unwrap_or_default();
    for (i, _) in usable {
        leave_out(desk, i, attribute, Reason::NotLatest(winner.clone()));
    }
    for (i, reason) in refused {
        leave_out(desk, i, attribute, reason);
    }
    Choosing { chosen, unusable }
}

fn leave_out(desk: &mut Desk<'_>, reading: usize, attribute: &Attribute, reason: Reason) {
    if let Some(m) = desk.readings.get(reading) {
        let (resource, place) = (m.resource, m.reading.place.clone());
        desk.leave_out(resource, Some(&attribute.name), &place, reason);
    }
}

/// Where a reading comes from.
pub(super) fn source(desk: &Desk<'_>, reading: usize) -> Option<Source> {
    let m = desk.readings.get(reading)?;
    Some(Source {
        resource: desk.name(m.resource),
        place: m.reading.place.clone(),
        date: m.moment.as_ref().map(|m| m.text().to_owned()),
        value: None,
        unit: None,
    })
}

/// Writes a value cell and its date cell, and marks the resource used.
pub(super) fn write(
    filled: &mut Filled,
    desk: &mut Desk<'_>,
    reading: usize,
    dated: bool,
    value: u64,
) {
    let day = desk
        .readings
        .get(reading)
        .and_then(|m| m.moment.as_ref())
        .and_then(|m| m.day());
    filled.cells = vec![value + 1];
    if dated {
        filled
            .cells
            .push(day.map_or(0, |d| 1 + u64::from(d.number())));
        filled.report.date = day.map(|d| d.to_string());
    }
    filled.report.state = State::Present;
    let name = filled.report.name.clone();
    if let Some(m) = desk.readings.get(reading) {
        let resource = m.resource;
        desk.mark_used(resource, &name);
    }
}

impl AttributeReport {
    /// An attribute about which nothing usable was found.
    pub(super) fn absent(attribute: &Attribute) -> Self {
        Self {
            name: attribute.name.clone(),
            title: attribute.title.clone(),
            state: State::Absent,
            value: None,
            date: None,
            source: None,
            unusable: Vec::new(),
            recorded: None,
            codes: Vec::new(),
        }
    }
}
