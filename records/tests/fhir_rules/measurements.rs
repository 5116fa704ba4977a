//! Observations: what is usable, and which one counts.

use eligo_records::{
    cell::Layout, civil::CivilDay, fhir::Input, issue::Options, issue::State, issue::issue,
};
use serde_json::{Value, json};

use crate::record::{
    ICD10, SNOMED, bundle, condition, core, made, observation, ucum, value, why, with,
};

#[test]
fn every_unusable_quantity_has_its_reason() {
    let plain = || ucum("70", "/min");
    for (quantity, reason) in [
        (with(plain(), json!({"comparator": "<"})), "comparator"),
        (with(plain(), json!({"code": null})), "no-unit"),
        (with(plain(), json!({"code": ""})), "no-unit"),
        (with(plain(), json!({"system": null})), "unit-system"),
        (
            with(plain(), json!({"system": "http://example.org"})),
            "unit-system",
        ),
        (with(plain(), json!({"value": "70"})), "not-a-number"),
        (with(plain(), json!({"value": null})), "no-value"),
        (ucum("70", "Hz"), "unit"),
        (ucum("1e999999999", "/min"), "number-size"),
        (ucum("-1", "/min"), "range"),
        (ucum("655.345", "/min"), "range"),
        (
            with(
                plain(),
                json!({"modifierExtension": [{"url": "http://example.org/not"}]}),
            ),
            "modifier",
        ),
    ] {
        let issued = made(&[observation("o", "8867-4", "2021-01-01", quantity.clone())]);
        assert_eq!(value(&issued, "heart_rate"), None, "{quantity}");
        assert_eq!(why(&issued, "Observation/o"), [reason], "{quantity}");
        let layout = Layout::of(core());
        let cell = layout
            .first_cell(core().position("heart_rate").unwrap())
            .unwrap();
        assert_eq!(issued.cells.get(cell), 0);
    }
    // The largest value the cell holds.
    let issued = made(&[observation(
        "o",
        "8867-4",
        "2021-01-01",
        ucum("655.344", "/min"),
    )]);
    assert_eq!(value(&issued, "heart_rate"), Some("655.34 /min"));
}

#[test]
fn every_unusable_observation_has_its_reason() {
    let plain = || observation("o", "8867-4", "2021-01-01", ucum("70", "/min"));
    for (members, reason) in [
        (json!({"status": "preliminary"}), "status"),
        (json!({"status": "entered-in-error"}), "status"),
        (json!({"status": null}), "no-status"),
        (json!({"effectiveDateTime": "yesterday"}), "date"),
        (
            json!({"dataAbsentReason": {"text": "refused"}}),
            "data-absent",
        ),
        (
            json!({"subject": {"reference": "Patient/q"}}),
            "unknown-subject",
        ),
        (
            json!({"subject": {"reference": "Group/p"}}),
            "unknown-subject",
        ),
        (json!({"subject": {"display": "P."}}), "no-subject"),
        (json!({"subject": null}), "no-subject"),
        (
            json!({"focus": [{"reference": "Patient/fetus"}]}),
            "other-focus",
        ),
        (
            json!({"modifierExtension": [{"url": "http://example.org/not"}]}),
            "modifier",
        ),
        (
            json!({"implicitRules": "http://example.org/rules"}),
            "modifier",
        ),
        (
            json!({"valueQuantity": null, "valueInteger": 70}),
            "value-type",
        ),
        (json!({"valueQuantity": null}), "no-value"),
    ] {
        let issued = made(&[with(plain(), members.clone())]);
        assert_eq!(value(&issued, "heart_rate"), None, "{members}");
        assert_eq!(why(&issued, "Observation/o"), [reason], "{members}");
    }
    for status in ["final", "amended", "corrected"] {
        let issued = made(&[with(plain(), json!({"status": status}))]);
        assert_eq!(value(&issued, "heart_rate"), Some("70 /min"));
    }
}

#[test]
fn the_latest_usable_one_supplies_value_and_date() {
    let hr = |id: &str, date: &str, v: &str| observation(id, "8867-4", date, ucum(v, "/min"));
    // As instants b is the latest, though a's text sorts after it.
    let issued = made(&[
        hr("a", "2021-01-02T01:00:00+14:00", "61"),
        hr("b", "2021-01-01T23:00:00-05:00", "62"),
        hr("c", "2021-01-01", "63"),
    ]);
    let report = issued.report.attribute("heart_rate").unwrap();
    assert_eq!(report.value.as_deref(), Some("62 /min"));
    assert_eq!(report.date.as_deref(), Some("2021-01-01"));
    assert_eq!(why(&issued, "Observation/a"), ["not-latest"]);
    // A tie goes to the greatest id, whatever the order of the input.
    for order in [["a", "b"], ["b", "a"]] {
        let [x, y] = order.map(|id| {
            hr(
                id,
                "2021-01-01T10:00:00Z",
                if id == "a" { "61" } else { "62" },
            )
        });
        assert_eq!(value(&made(&[x, y]), "heart_rate"), Some("62 /min"));
    }
    // Newer unusable ones are named, older ones not.
    let issued = made(&[
        hr("old", "2019-01-01", "61"),
        with(
            hr("older", "2018-01-01", "61"),
            json!({"status": "preliminary"}),
        ),
        with(
            hr("newer", "2020-01-01", "61"),
            json!({"status": "preliminary"}),
        ),
    ]);
    let report = issued.report.attribute("heart_rate").unwrap();
    let named: Vec<&str> = report
        .unusable
        .iter()
        .map(|u| u.resource.as_str())
        .collect();
    assert_eq!(named, ["Observation/newer"]);
    assert_eq!(report.date.as_deref(), Some("2019-01-01"));
}

#[test]
fn a_latest_value_out_of_range_is_not_replaced_by_an_older_one() {
    let issued = made(&[
        observation("old", "8867-4", "2020-01-01", ucum("61", "/min")),
        observation("new", "8867-4", "2021-01-01", ucum("6100", "/min")),
    ]);
    let report = issued.report.attribute("heart_rate").unwrap();
    assert_eq!(report.state, State::Absent);
    assert_eq!(report.unusable[0].reason.code(), "range");
}

#[test]
fn components_of_both_panels_count() {
    for panel in ["85354-9", "55284-4"] {
        let component = |code: &str, v: &str| {
            json!({"code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "valueQuantity": ucum(v, "mm[Hg]")})
        };
        let absent = json!({"code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]},
            "dataAbsentReason": {"coding": [{"code": "not-performed", "system": "s"}]}});
        let o = with(
            observation("o", panel, "2021-01-01", Value::Null),
            json!({"component": [component("8480-6", "107"), absent]}),
        );
        let issued = made(&[o]);
        assert_eq!(value(&issued, "systolic_bp"), Some("107 mm[Hg]"));
        assert_eq!(value(&issued, "diastolic_bp"), None);
        let left = &issued.report.resource("Observation/o").unwrap().left_out;
        assert_eq!(left[0].place, "/component/1");
        assert_eq!(left[0].reason.code(), "data-absent");
    }
}

#[test]
fn times_are_read_wherever_they_are_given() {
    let at = |members: Value| {
        let o = observation("o", "8867-4", "x", ucum("70", "/min"));
        let issued = made(&[with(with(o, json!({"effectiveDateTime": null})), members)]);
        let report = issued.report.attribute("heart_rate").unwrap();
        assert_eq!(report.state, State::Present);
        report.date.clone()
    };
    let day = |d: &str| Some(d.to_owned());
    assert_eq!(
        at(json!({"effectiveInstant": "2020-02-29T10:00:00Z"})),
        day("2020-02-29")
    );
    assert_eq!(
        at(json!({"effectivePeriod": {"start": "2020-01-01", "end": "2020-01-03"}})),
        day("2020-01-03")
    );
    assert_eq!(
        at(json!({"effectivePeriod": {"start": "2020-01-01"}})),
        day("2020-01-01")
    );
    assert_eq!(
        at(json!({"issued": "2016-03-18T05:27:04Z"})),
        day("2016-03-18")
    );
    assert_eq!(at(json!({"effectiveDateTime": "2020-02"})), None);
    assert_eq!(at(json!({})), None);
}

#[test]
fn haemoglobin_a1c_units_are_never_converted() {
    let percent = observation("a", "4548-4", "2021-01-01", ucum("7", "%"));
    let ifcc = observation("b", "59261-8", "2021-01-01", ucum("53", "mmol/mol"));
    let wrong = observation("c", "4548-4", "2021-01-02", ucum("53", "mmol/mol"));
    let issued = made(&[percent, ifcc, wrong]);
    assert_eq!(value(&issued, "hba1c"), Some("7 %"));
    assert_eq!(value(&issued, "hba1c_ifcc"), Some("53 mmol/mol"));
    assert_eq!(why(&issued, "Observation/c"), ["unit"]);
}

#[test]
fn answers_need_exactly_one_meaning() {
    let answer = |codes: &[(&str, &str)]| {
        let codings: Vec<Value> = codes
            .iter()
            .map(|(s, c)| json!({"system": s, "code": c}))
            .collect();
        let o = observation("o", "72166-2", "2021-01-01", Value::Null);
        made(&[with(
            o,
            json!({"valueCodeableConcept": {"coding": codings}}),
        )])
    };
    let loinc = "http://loinc.org";
    let issued = answer(&[
        ("http://example.org", "x"),
        (SNOMED, "266919005"),
        (loinc, "LA18978-9"),
    ]);
    assert_eq!(value(&issued, "smoking"), Some("never"));
    let issued = answer(&[(SNOMED, "266919005"), (loinc, "LA15920-4")]);
    assert_eq!(why(&issued, "Observation/o"), ["conflicting-answers"]);
    let issued = answer(&[(SNOMED, "266927001")]);
    assert_eq!(why(&issued, "Observation/o"), ["answer"]);
}

#[test]
fn what_comes_after_the_day_of_issue_is_left_out() {
    let text = bundle(&[
        observation("a", "8867-4", "2021-06-01", ucum("61", "/min")),
        observation("b", "8867-4", "2021-06-02", ucum("62", "/min")),
        with(
            condition("c", ICD10, "I10"),
            json!({"onsetDateTime": "2022-01-01"}),
        ),
    ]);
    let options = Options {
        until: Some(CivilDay::parse("2021-06-01").unwrap()),
        ..Options::default()
    };
    let input = Input {
        name: "r",
        content: text.as_bytes(),
    };
    let issued = issue(core(), &[input], &options).unwrap();
    assert_eq!(value(&issued, "heart_rate"), Some("61 /min"));
    assert_eq!(why(&issued, "Observation/b"), ["future"]);
    assert_eq!(why(&issued, "Condition/c"), ["future"]);
}
