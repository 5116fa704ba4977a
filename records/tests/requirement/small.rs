//! A small schema with every kind of attribute, and records of it.

use eligo_records::{
    cell::{CellId, Cells, Layout, Role},
    civil::CivilDay,
    requirement::{Criteria, Diagnostic, Expression},
    schema::{
        Attribute, Choice, ChoiceSource, ChoiceValue, Coding, DateSource, Document, Family,
        FlagSource, InputUnit, Kind, Number, Schema,
    },
};

const LOINC: &str = "http://loinc.org";

fn attribute(name: &str, kind: Kind) -> Attribute {
    Attribute {
        name: name.into(),
        title: name.replace('_', " "),
        kind,
    }
}

fn number(
    codes: &[&str],
    units: &[(&str, &str)],
    scale: u8,
    min: i64,
    width: u8,
    dated: bool,
) -> Kind {
    Kind::Number(Number {
        codes: codes.iter().map(|c| format!("{LOINC}|{c}")).collect(),
        unit: units[0].0.into(),
        inputs: units
            .iter()
            .map(|(code, factor)| InputUnit {
                code: (*code).into(),
                factor: (*factor).into(),
            })
            .collect(),
        scale,
        min,
        width,
        dated,
    })
}

fn choice(source: ChoiceSource, values: &[(&str, &str)], dated: bool) -> Kind {
    Kind::Choice(Choice {
        source,
        values: values
            .iter()
            .map(|(name, code)| ChoiceValue {
                name: (*name).into(),
                codes: vec![(*code).into()],
            })
            .collect(),
        width: 3,
        dated,
    })
}

fn family(group: &str, prefix: &str, system: &str, coding: Coding, onset: bool) -> Kind {
    Kind::Family(Family {
        group: group.into(),
        prefix: prefix.into(),
        system: system.into(),
        aliases: vec![],
        resources: vec!["Condition".into()],
        coding,
        size: 4,
        onset,
    })
}

pub fn schema() -> Schema {
    let icd10 = "http://hl7.org/fhir/sid/icd-10";
    let snomed = "http://snomed.info/sct";
    let smoking = ChoiceSource::Observation(vec![format!("{LOINC}|72166-2")]);
    Schema::try_from(Document {
        name: "small".into(),
        version: 1,
        title: "every kind of attribute".into(),
        attributes: vec![
            attribute("birth_date", Kind::Date(DateSource::BirthDate)),
            attribute("deceased", Kind::Flag(FlagSource::Deceased)),
            attribute(
                "sex",
                choice(
                    ChoiceSource::PatientGender,
                    &[
                        ("female", "female"),
                        ("male", "male"),
                        ("other", "other"),
                        ("unknown", "unknown"),
                    ],
                    false,
                ),
            ),
            attribute(
                "smoking",
                choice(
                    smoking,
                    &[
                        ("current", "http://snomed.info/sct|77176002"),
                        ("former", "http://snomed.info/sct|8517006"),
                        ("never", "http://snomed.info/sct|266919005"),
                    ],
                    true,
                ),
            ),
            attribute(
                "hba1c",
                number(&["4548-4", "17856-6"], &[("%", "1")], 1, 0, 9, true),
            ),
            attribute(
                "hba1c_ifcc",
                number(&["59261-8"], &[("mmol/mol", "1")], 0, 0, 9, true),
            ),
            attribute(
                "systolic_bp",
                number(&["8480-6"], &[("mm[Hg]", "1")], 0, 0, 9, true),
            ),
            attribute(
                "base_excess",
                number(&["1925-7"], &[("mmol/L", "1")], 1, -300, 10, false),
            ),
            attribute(
                "egfr",
                number(&["33914-3"], &[("mL/min/{1.73_m2}", "1")], 0, 0, 9, false),
            ),
            attribute(
                "glucose",
                number(
                    &["2339-0"],
                    &[("mg/dL", "1"), ("mmol/L", "18")],
                    0,
                    0,
                    11,
                    true,
                ),
            ),
            attribute("score", number(&["0-0"], &[("1", "1")], 0, 0, 6, false)),
            attribute(
                "diagnosis_icd10",
                family("diagnosis", "icd10", icd10, Coding::Base37, true),
            ),
            attribute(
                "diagnosis_snomed",
                family("diagnosis", "snomed", snomed, Coding::Numeric, false),
            ),
            attribute(
                "medication_atc",
                family(
                    "medication",
                    "atc",
                    "http://www.whocc.no/atc",
                    Coding::Base37,
                    false,
                ),
            ),
        ],
    })
    .unwrap()
}

pub fn today() -> CivilDay {
    CivilDay::parse("2021-06-01").unwrap()
}

pub fn day(text: &str) -> u64 {
    u64::from(CivilDay::parse(text).unwrap().number()) + 1
}

pub fn check(source: &str) -> Result<Criteria, Vec<Diagnostic>> {
    let expression = Expression::parse(source).map_err(|e| vec![e])?;
    expression.check(&schema())
}

/// A record: cells by attribute and role, everything else absent.
#[derive(Clone, Default)]
pub struct Record {
    set: Vec<(String, Role, u64)>,
}

impl Record {
    /// Value cells by attribute name; `name@` for the date cell, `name!` for a recorded family,
    /// `name#i` and `name~i` for its code and onset cells.
    pub fn with(mut self, name: &str, cell: u64) -> Self {
        let (name, role) = if let Some(name) = name.strip_suffix('@') {
            (name, Role::Date)
        } else if let Some(name) = name.strip_suffix('!') {
            (name, Role::Recorded)
        } else if let Some((name, rank)) = name.split_once('#') {
            (name, Role::Code(rank.parse().unwrap()))
        } else if let Some((name, rank)) = name.split_once('~') {
            (name, Role::Onset(rank.parse().unwrap()))
        } else {
            (name, Role::Value)
        };
        self.set.push((name.into(), role, cell));
        self
    }

    pub fn cells(&self) -> Cells {
        let schema = schema();
        let layout = Layout::of(&schema);
        let mut values = vec![0; layout.places().len()];
        for (name, role, cell) in &self.set {
            let attribute = schema
                .attributes()
                .iter()
                .position(|a| a.name == *name)
                .unwrap();
            let place = layout
                .places()
                .iter()
                .position(|p| usize::from(p.attribute) == attribute && p.role == *role)
                .unwrap();
            assert!(layout.place(CellId(place as u16)).is_some());
            values[place] = *cell;
        }
        Cells::new(&layout, values).unwrap()
    }
}

/// Whether a record meets an expression today.
pub fn holds(source: &str, record: &Record) -> bool {
    let criteria = check(source).unwrap_or_else(|e| panic!("{source}: {e:?}"));
    criteria.holds(&record.cells(), today())
}
