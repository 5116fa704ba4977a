//! Explanations.

use eligo_records::requirement::{explain, ranges::code_cells};
use eligo_records::schema::Coding;

use super::small::{Record, check, day, today};

#[test]
fn every_criterion_says_which_value_decided() {
    let source = "age between 40 and 80 years
        and any diagnosis in icd10:I63, snomed:230690007
        and systolic_bp < 140 mm[Hg] within 24 months
        and no diagnosis in icd10:I48
        and (hba1c >= 6.5 % or sex = female)
        and not (egfr < 30 mL/min/{1.73_m2})";
    let code = |c| code_cells(Coding::Base37, c, None).unwrap().lo();
    let record = Record::default()
        .with("birth_date", day("1965-03-02"))
        .with("diagnosis_icd10!", 2)
        .with("diagnosis_icd10#2", code("E11.9"))
        .with("diagnosis_icd10#3", code("I63.9"))
        .with("systolic_bp", 1 + 141)
        .with("systolic_bp@", day("2020-12-31"))
        .with("hba1c", 1 + 71);
    let criteria = check(source).unwrap();
    let explanation = explain(&criteria, &record.cells(), today());
    assert!(!explanation.holds);
    assert_eq!(explanation.failing().count(), 1);
    let shown: Vec<_> = explanation
        .criteria
        .iter()
        .map(|c| (c.criterion.as_str(), c.holds, c.implied))
        .collect();
    assert_eq!(
        shown,
        [
            ("not deceased", true, true),
            ("age between 40 and 80 years", true, false),
            ("any diagnosis in icd10:I63, snomed:230690007", true, false),
            ("systolic_bp < 140 mm[Hg] within 24 months", false, false),
            ("no diagnosis in icd10:I48", true, false),
            ("hba1c >= 6.5 % or sex = female", true, false),
            ("not (egfr < 30 mL/min/{1.73_m2})", true, false),
        ]
    );
    let readings = |i: usize| &explanation.criteria[i].readings;
    assert_eq!(readings(0)[0].value, None);
    assert_eq!(readings(1)[0].value.as_deref(), Some("56"));
    assert_eq!(readings(1)[1].value.as_deref(), Some("1965-03-02"));
    assert_eq!(
        readings(2)[0].codes.as_deref(),
        Some(&["I639".to_owned()][..])
    );
    assert_eq!(readings(2)[1].value, None);
    let pressure = &readings(3)[0];
    assert_eq!(
        [&pressure.value, &pressure.unit, &pressure.date].map(|t| t.as_deref().unwrap()),
        ["141", "mm[Hg]", "2020-12-31"]
    );
    assert_eq!(
        readings(4)[0].value.as_deref(),
        Some("none of the 2 codes recorded")
    );
    assert_eq!(readings(4)[0].recorded, Some(true));
    assert_eq!(
        explanation.criteria[5].parts[0].readings[0]
            .value
            .as_deref(),
        Some("7.1")
    );
    assert!(
        explanation.warnings[0].contains("missing data"),
        "{:?}",
        explanation.warnings
    );
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["criteria"][3]["holds"], false);
    assert_eq!(json["criteria"][5]["combination"], "any");
}

#[test]
fn a_record_of_another_schema_meets_nothing() {
    let criteria = check("deceased or not deceased").unwrap();
    let other = eligo_records::schema::Document {
        name: "other".into(),
        ..super::small::schema().into()
    };
    let other = eligo_records::schema::Schema::try_from(other).unwrap();
    let layout = eligo_records::cell::Layout::of(&other);
    let cells = eligo_records::cell::Cells::new(&layout, vec![0; layout.places().len()]).unwrap();
    let explanation = explain(&criteria, &cells, today());
    assert!(!explanation.holds);
    assert!(explanation.criteria.iter().all(|c| !c.holds));
    assert!(
        explanation
            .warnings
            .iter()
            .any(|w| w.contains("another schema"))
    );
}
