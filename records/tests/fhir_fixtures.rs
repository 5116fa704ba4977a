//! The synthetic patients of `fixtures/fhir/`: what is read of each, and who is eligible.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use eligo_records::{
    cell::{CellId, Cells, Layout},
    civil::CivilDay,
    code,
    fhir::Input,
    issue::{IssueError, Issued, Options, RecordedReport, State, issue},
    program::{Formula, Program, Test},
    schema::{Schema, shipped},
};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/fhir"))
}

fn issued(file: &str, patient: Option<&str>) -> Result<Issued, IssueError> {
    let content = fs::read(folder().join(file)).unwrap();
    let options = Options {
        patient: patient.map(str::to_owned),
        ..Options::default()
    };
    let input = Input {
        name: file,
        content: &content,
    };
    issue(shipped("core").unwrap(), &[input], &options)
}

/// Tests over `core`.
struct Asking<'a> {
    schema: &'a Schema,
    layout: Layout,
    today: CivilDay,
}

impl Asking<'_> {
    fn cell(&self, name: &str) -> CellId {
        let position = self.schema.position(name).unwrap();
        self.layout.first_cell(position).unwrap()
    }

    fn within(&self, name: &str, lo: u64, hi: u64) -> Formula {
        let cell = self.cell(name);
        Formula::Test(Test::Within { cell, lo, hi })
    }

    fn age(&self, from: u32, to: u32) -> Formula {
        Formula::Test(Test::Elapsed {
            cell: self.cell("birth_date"),
            least: 372 * from,
            most: 372 * (to + 1) - 1,
        })
    }

    fn dated(&self, name: &str, from: &str, to: &str) -> Formula {
        let cell = CellId(self.cell(name).0 + 1);
        let number = |d| 1 + u64::from(CivilDay::parse(d).unwrap().number());
        let (lo, hi) = (number(from), number(to));
        Formula::Test(Test::Within { cell, lo, hi })
    }

    fn any(&self, family: &str, code: &str) -> Formula {
        let (family, lo, hi) = self.codes(family, code);
        Formula::Test(Test::AnyCode {
            family,
            lo,
            hi,
            onset: None,
        })
    }

    fn no(&self, family: &str, code: &str) -> Formula {
        let (family, lo, hi) = self.codes(family, code);
        Formula::Test(Test::NoCode { family, lo, hi })
    }

    fn codes(&self, family: &str, code: &str) -> (eligo_records::cell::FamilyCells, u64, u64) {
        let position = self.schema.position(family).unwrap();
        let (_, f) = self
            .schema
            .group("diagnosis")
            .find(|(i, _)| *i == position)
            .unwrap();
        let (lo, hi) = code::range(f.coding, code).unwrap();
        (self.layout.family(self.schema, position).unwrap(), lo, hi)
    }

    fn alive(&self) -> Formula {
        let cell = self.cell("deceased");
        Formula::Test(Test::Outside { cell, lo: 2, hi: 2 })
    }

    fn stroke(&self, cells: &Cells) -> bool {
        let formula = Formula::All(vec![
            self.alive(),
            self.age(40, 80),
            Formula::Any(vec![
                self.any("diagnosis_icd10", "I63"),
                self.any("diagnosis_snomed", "432504007"),
                self.any("diagnosis_snomed", "230690007"),
            ]),
            // Below 140 at three decimals: at most 139.999, whose cell is 140000.
            self.within("systolic_bp", 1, 140_000),
            self.dated("systolic_bp", "2019-06-01", "2021-06-01"),
            self.no("diagnosis_icd10", "I48"),
            self.no("diagnosis_snomed", "49436004"),
        ]);
        Program::new(&self.layout, formula)
            .unwrap()
            .holds(cells, self.today)
    }

    fn diabetes(&self, cells: &Cells) -> bool {
        let egfr = self.cell("egfr");
        let formula = Formula::All(vec![
            self.alive(),
            self.age(18, 75),
            Formula::Any(vec![
                self.any("diagnosis_icd10", "E11"),
                self.any("diagnosis_snomed", "44054006"),
            ]),
            self.within("hba1c", 65_001, (1 << 20) - 1),
            self.dated("hba1c", "2020-06-01", "2021-06-01"),
            Formula::Test(Test::Outside {
                cell: egfr,
                lo: 1,
                hi: 30_000,
            }),
        ]);
        Program::new(&self.layout, formula)
            .unwrap()
            .holds(cells, self.today)
    }
}

#[test]
fn eligibility_is_as_the_readme_says() {
    let schema = shipped("core").unwrap();
    let asking = Asking {
        schema,
        layout: Layout::of(schema),
        today: CivilDay::parse("2021-06-01").unwrap(),
    };
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let rows: BTreeMap<&str, (bool, bool)> = readme
        .lines()
        .filter(|l| l.starts_with("| `"))
        .map(|l| {
            let cells: Vec<&str> = l.split('|').map(str::trim).collect();
            (
                cells[1].trim_matches('`'),
                (cells[2] == "yes", cells[3] == "yes"),
            )
        })
        .collect();
    assert_eq!(rows.len(), 14);
    for (file, (stroke, diabetes)) in rows {
        let patient = (file == "two-patients.json").then_some("ward-1");
        let cells = issued(file, patient).unwrap().cells;
        assert_eq!(asking.stroke(&cells), stroke, "{file}");
        assert_eq!(asking.diabetes(&cells), diabetes, "{file}");
    }
}

#[test]
fn the_patient_of_the_demonstration_fills_most_of_core() {
    let issued = issued("marta-nowak.json", None).unwrap();
    for (name, value) in [
        ("birth_date", "1962-03-14"),
        ("sex", "female"),
        ("systolic_bp", "126.935 mm[Hg]"),
        ("heart_rate", "71.85 /min"),
        ("temperature", "36.722 Cel"),
        ("cholesterol", "189.483 mg/dL"),
        ("creatinine", "0.882 mg/dL"),
        ("blood_group", "O"),
        ("rhesus", "positive"),
        ("smoking", "former"),
    ] {
        let found = issued.report.attribute(name).unwrap();
        assert_eq!(found.value.as_deref(), Some(value), "{name}");
    }
    let pressure = issued.report.attribute("systolic_bp").unwrap();
    let source = pressure.source.as_ref().unwrap();
    assert_eq!(source.value.as_deref(), Some("126.93487120564873"));
    assert_eq!(source.date.as_deref(), Some("2021-03-15T09:05:00+01:00"));
    assert_eq!(source.place, "/component/1");
    let icd10 = issued.report.attribute("diagnosis_icd10").unwrap();
    let codes: Vec<&str> = icd10.codes.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(codes, ["E780", "I10", "I639"]);
    // A partial onset is absent.
    assert_eq!(icd10.codes[0].onset, None);
    assert_eq!(icd10.codes[2].onset.as_deref(), Some("2019-11-02"));
    assert_eq!(icd10.recorded, Some(RecordedReport::Yes));
}

#[test]
fn ndjson_and_bundle_give_the_same_cells() {
    let bundle = issued("marta-nowak.json", None).unwrap();
    // Without full URLs the references still resolve, by id of the patient.
    let lines = issued("marta-nowak.ndjson", None);
    match lines {
        Ok(lines) => assert_eq!(lines.cells, bundle.cells),
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn one_of_everything_unusable_is_reported() {
    let issued = issued("lea-fontaine.json", None).unwrap();
    let report = &issued.report;
    let reasons = |name: &str| -> Vec<&str> {
        let unusable = &report.attribute(name).unwrap().unusable;
        unusable.iter().map(|u| u.reason.code()).collect()
    };
    let heart = report.attribute("heart_rate").unwrap();
    assert_eq!(heart.value.as_deref(), Some("64 /min"));
    assert_eq!(heart.date.as_deref(), Some("2020-01-01"));
    assert_eq!(
        reasons("heart_rate"),
        ["number-size", "value-type", "data-absent", "unit"]
    );
    assert_eq!(reasons("glucose"), ["status", "status", "comparator"]);
    assert_eq!(reasons("weight"), ["range"]);
    assert_eq!(report.attribute("weight").unwrap().state, State::Absent);
    // A partial date: the value stands, its date is absent.
    let height = report.attribute("height").unwrap();
    assert_eq!(height.value.as_deref(), Some("171 cm"));
    assert_eq!(height.date, None);
    assert_eq!(reasons("birth_date"), ["demographic"]);
    assert_eq!(reasons("sex"), ["demographic"]);
    let icd10 = report.attribute("diagnosis_icd10").unwrap();
    assert!(icd10.codes.is_empty());
    match icd10.recorded.as_ref().unwrap() {
        RecordedReport::Hidden(by) => assert_eq!(by.len(), 4), // all but the refuted one
        other => panic!("{other:?}"),
    }
    let atc = report.attribute("medication_atc").unwrap();
    assert_eq!(atc.codes.len(), 1);
    assert_eq!(atc.codes[0].code, "N02BE01");
    let every: Vec<&str> = report
        .resources
        .iter()
        .flat_map(|r| &r.left_out)
        .map(|l| l.reason.code())
        .collect();
    for code in [
        "date",
        "verification",
        "code",
        "system",
        "no-code",
        "medication",
        "status",
    ] {
        assert!(every.contains(&code), "{code}");
    }
}

#[test]
fn r5_medications_and_procedures_are_read() {
    let issued = issued("sofia-andersen-r5.json", None).unwrap();
    let atc = issued.report.attribute("medication_atc").unwrap();
    let codes: Vec<&str> = atc.codes.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(codes, ["B01AC04", "C10AA07"]);
    let procedures = issued.report.attribute("procedure_snomed").unwrap();
    assert_eq!(procedures.codes[0].onset.as_deref(), Some("2019-10-10"));
    let group = issued.report.attribute("blood_group").unwrap();
    assert_eq!(group.value.as_deref(), Some("A"));
}

#[test]
fn of_two_patients_one_is_chosen_and_nothing_of_the_other_is_sealed() {
    assert!(matches!(
        issued("two-patients.json", None),
        Err(IssueError::Patient(_))
    ));
    let one = issued("two-patients.json", Some("ward-1")).unwrap();
    let pressure = one.report.attribute("systolic_bp").unwrap();
    assert_eq!(pressure.value.as_deref(), Some("138.5 mm[Hg]"));
    let other = one.report.resource("Observation/ward-2-1").unwrap();
    assert_eq!(other.left_out[0].reason.code(), "other-patient");
    let sealed = String::from_utf8(one.bundle).unwrap();
    assert!(sealed.contains("ward-1-1") && !sealed.contains("ward-2"));
    assert!(issued("two-patients.json", Some("ward-3")).is_err());
}
