//! Writes the synthetic patients of `fixtures/fhir/`:
//!
//! ```text
//! cargo run -p eligo-records --example fixtures
//! ```
//!
//! Nobody here exists. Each patient makes one point about reading a record or about being eligible
//! on 2021-06-01; `fixtures/fhir/README.md`, written too, says which.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";
const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
const ATC: &str = "http://www.whocc.no/atc";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const UCUM: &str = "http://unitsofmeasure.org";

/// File name, what it shows, eligible for the stroke study, for the diabetes study; and the content.
struct Fixture {
    file: &'static str,
    shows: &'static str,
    stroke: bool,
    diabetes: bool,
    text: String,
}

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/fhir"));
    fs::create_dir_all(&folder)?;
    let fixtures = fixtures();
    for fixture in &fixtures {
        fs::write(folder.join(fixture.file), &fixture.text)?;
    }
    fs::write(folder.join("README.md"), readme(&fixtures))
}

fn readme(fixtures: &[Fixture]) -> String {
    let mut text = String::from(
        "# Synthetic patients\n\n\
         Nobody here exists; `cargo run -p eligo-records --example fixtures` writes every file. Eligible\n\
         as of 2021-06-01 for two studies:\n\n\
         * **stroke**: alive, age 40 to 80, ICD-10 I63 or SNOMED CT 432504007 or 230690007, latest systolic\n  \
         blood pressure below 140 mm[Hg] from 2019-06-01 to 2021-06-01, no atrial fibrillation (ICD-10 I48,\n  \
         SNOMED CT 49436004);\n\
         * **diabetes**: alive, age 18 to 75, ICD-10 E11 or SNOMED CT 44054006, latest HbA1c at least 6.5 %\n  \
         from 2020-06-01 to 2021-06-01, and not an eGFR below 30.\n\n\
         | file | stroke | diabetes | shows |\n| --- | --- | --- | --- |\n",
    );
    let yes = |eligible| if eligible { "yes" } else { "no" };
    for f in fixtures {
        let (stroke, diabetes) = (yes(f.stroke), yes(f.diabetes));
        text += &format!("| `{}` | {stroke} | {diabetes} | {} |\n", f.file, f.shows);
    }
    text
}

fn fixtures() -> Vec<Fixture> {
    let fixture = |file, shows, stroke, diabetes, record: Record| Fixture {
        file,
        shows,
        stroke,
        diabetes,
        text: record.bundle(),
    };
    let marta = marta(true);
    let lines = self::marta(false).lines();
    vec![
        fixture(
            "marta-nowak.json",
            "ICD-10, heart rate, blood group, ATC; the patient of the demonstration",
            true,
            false,
            marta,
        ),
        Fixture {
            file: "marta-nowak.ndjson",
            shows: "the same patient as NDJSON",
            stroke: true,
            diabetes: false,
            text: lines,
        },
        fixture(
            "nora-o'dwyer.json",
            "an apostrophe; atrial fibrillation excludes her",
            false,
            false,
            nora(),
        ),
        fixture(
            "žofie-müllerová.json",
            "letters beyond ASCII; a pressure of exactly 140 is not below 140",
            false,
            false,
            zofie(),
        ),
        fixture(
            "tomás-reyes.json",
            "exactly at the bounds: HbA1c 6.5 % and 75 years old until tomorrow",
            false,
            true,
            tomas(),
        ),
        fixture(
            "ines-duarte.json",
            "HbA1c 6.455 % reaches 6.5 only when rounded to one decimal",
            false,
            false,
            ines(),
        ),
        fixture(
            "pavel-horak.json",
            "HbA1c 7.56 % is too old, and so is a pressure of 128",
            false,
            false,
            pavel(),
        ),
        fixture(
            "hugo-lindqvist.json",
            "the newest pressures have no unit: the latest usable one counts",
            true,
            false,
            hugo(),
        ),
        fixture(
            "agnes-weber.json",
            "eligible but for having died",
            false,
            false,
            agnes(),
        ),
        fixture("mila-rossi.json", "a child", false, false, mila()),
        fixture(
            "owen-clarke.json",
            "HbA1c 53 mmol/mol (IFCC) is never converted to per cent",
            false,
            false,
            owen(),
        ),
        fixture(
            "lea-fontaine.json",
            "one of everything that cannot be used",
            false,
            false,
            lea(),
        ),
        fixture(
            "sofia-andersen-r5.json",
            "FHIR R5: `medication.concept` and `.reference`, `occurrencePeriod`",
            true,
            false,
            sofia(),
        ),
        Fixture {
            file: "two-patients.json",
            shows: "two patients, of whom `ward-1` is eligible; the other has the better values",
            stroke: true,
            diabetes: false,
            text: two_patients(),
        },
    ]
}

/// One patient's resources.
struct Record {
    number: u32,
    id: String,
    /// Whether references and full URLs are `urn:uuid:`, as in transactions; else `Patient/id`.
    uuids: bool,
    resources: Vec<Value>,
}

impl Record {
    fn new(number: u32, id: &str, uuids: bool, patient: Value) -> Self {
        let mut record = Self {
            number,
            id: id.to_owned(),
            uuids,
            resources: Vec::new(),
        };
        record.add("Patient", patient);
        if let Some(patient) = record.resources.first_mut() {
            patient["id"] = json!(id);
        }
        record
    }

    fn uuid(&self, n: usize) -> String {
        format!("urn:uuid:{:08x}-0000-4000-8000-{n:012x}", self.number)
    }

    fn subject(&self) -> Value {
        if self.uuids {
            json!({"reference": self.uuid(0)})
        } else {
            json!({"reference": format!("Patient/{}", self.id)})
        }
    }

    fn add(&mut self, kind: &str, mut resource: Value) {
        resource["resourceType"] = json!(kind);
        if resource.get("id").is_none() {
            resource["id"] = json!(format!("{}-{}", self.id, self.resources.len()));
        }
        self.resources.push(resource);
    }

    /// An observation of `code` with the members of `rest`.
    fn observation(&mut self, code: &str, date: &str, rest: Value) -> &mut Self {
        let mut o = json!({
            "status": "final",
            "subject": self.subject(),
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "effectiveDateTime": date,
        });
        merge(&mut o, rest);
        self.add("Observation", o);
        self
    }

    fn measured(&mut self, code: &str, date: &str, value: &str, unit: &str) -> &mut Self {
        self.observation(code, date, json!({"valueQuantity": quantity(value, unit)}))
    }

    fn pressure(&mut self, panel: &str, date: &str, systolic: &str, diastolic: &str) -> &mut Self {
        let component = |code, value| {
            json!({
                "code": {"coding": [{"system": LOINC, "code": code}]},
                "valueQuantity": quantity(value, "mm[Hg]"),
            })
        };
        self.observation(
            panel,
            date,
            json!({"component": [component("8462-4", diastolic), component("8480-6", systolic)]}),
        )
    }

    fn answered(&mut self, code: &str, date: &str, system: &str, answer: &str) -> &mut Self {
        let value = json!({"coding": [{"system": system, "code": answer}]});
        self.observation(code, date, json!({"valueCodeableConcept": value}))
    }

    fn condition(&mut self, system: &str, code: &str, display: &str, onset: &str) -> &mut Self {
        self.condition_with(system, code, display, onset, "confirmed")
    }

    fn condition_with(
        &mut self,
        system: &str,
        code: &str,
        display: &str,
        onset: &str,
        verification: &str,
    ) -> &mut Self {
        let status = |system: &str, code: &str| {
            let system = format!("http://terminology.hl7.org/CodeSystem/condition-{system}");
            json!({"coding": [{"system": system, "code": code}]})
        };
        let condition = json!({
            "subject": self.subject(),
            "clinicalStatus": status("clinical", "active"),
            "verificationStatus": status("ver-status", verification),
            "code": {"coding": [{"system": system, "code": code, "display": display}]},
            "onsetDateTime": onset,
        });
        self.add("Condition", condition);
        self
    }

    fn prescribed(&mut self, system: &str, code: &str, display: &str, date: &str) -> &mut Self {
        let request = json!({
            "subject": self.subject(),
            "status": "active",
            "intent": "order",
            "authoredOn": date,
            "medicationCodeableConcept":
                {"coding": [{"system": system, "code": code, "display": display}]},
        });
        self.add("MedicationRequest", request);
        self
    }

    fn done(&mut self, code: &str, display: &str, start: &str, end: &str) -> &mut Self {
        let procedure = json!({
            "subject": self.subject(),
            "status": "completed",
            "code": {"coding": [{"system": SNOMED, "code": code, "display": display}]},
            "performedPeriod": {"start": start, "end": end},
        });
        self.add("Procedure", procedure);
        self
    }

    fn allergic(&mut self, system: &str, code: &str, display: &str) -> &mut Self {
        let code = json!({"coding": [{"system": system, "code": code, "display": display}]});
        let verification = json!({"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
            "code": "confirmed"}]});
        let allergy = json!({
            "patient": self.subject(),
            "verificationStatus": verification,
            "code": code,
        });
        self.add("AllergyIntolerance", allergy);
        self
    }

    fn entries(&self) -> Vec<Value> {
        let entry = |(n, resource): (usize, &Value)| match self.uuids {
            true => json!({"fullUrl": self.uuid(n), "resource": resource}),
            false => json!({"resource": resource}),
        };
        self.resources.iter().enumerate().map(entry).collect()
    }

    fn bundle(&self) -> String {
        bundle(self.entries())
    }

    fn lines(&self) -> String {
        self.resources.iter().map(|r| format!("{r}\n")).collect()
    }
}

fn bundle(entries: Vec<Value>) -> String {
    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": entries});
    format!("{bundle:#}\n")
}

fn quantity(value: &str, unit: &str) -> Value {
    // The number keeps every digit of its text.
    let value: Value = serde_json::from_str(value).unwrap_or_default();
    json!({"value": value, "unit": unit, "system": UCUM, "code": unit})
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

fn person(family: &str, given: &str, gender: &str, born: &str) -> Value {
    json!({
        "name": [{"family": family, "given": [given]}],
        "gender": gender,
        "birthDate": born,
    })
}

fn marta(uuids: bool) -> Record {
    let mut r = Record::new(
        1,
        "marta-nowak",
        uuids,
        person("Nowak", "Marta", "female", "1962-03-14"),
    );
    r.condition(
        ICD10,
        "I63.9",
        "Cerebral infarction, unspecified",
        "2019-11-02",
    )
    .condition(
        ICD10,
        "I10",
        "Essential (primary) hypertension",
        "2011-05-20",
    )
    .condition(ICD10, "E78.0", "Pure hypercholesterolaemia", "2014-09")
    .pressure(
        "85354-9",
        "2020-02-11T08:40:00+01:00",
        "151.02948571620348",
        "93.58201746203985",
    )
    .pressure(
        "85354-9",
        "2021-03-15T09:05:00+01:00",
        "126.93487120564873",
        "81.20594837261045",
    )
    .measured(
        "8867-4",
        "2021-03-15T09:05:00+01:00",
        "71.84930265718294",
        "/min",
    )
    .measured("8302-2", "2021-03-15", "166.4", "cm")
    .measured("29463-7", "2021-03-15", "70.25", "kg")
    .measured("39156-5", "2021-03-15", "25.37031250000000", "kg/m2")
    .measured("8310-5", "2021-03-15T09:05:00+01:00", "98.1", "[degF]")
    .measured("59408-5", "2021-03-15T09:05:00+01:00", "97.5", "%")
    .measured("14647-2", "2021-03-10", "4.9", "mmol/L")
    .measured("39469-2", "2021-03-10", "2.6", "mmol/L")
    .measured("14646-4", "2021-03-10", "1.42", "mmol/L")
    .measured("14927-8", "2021-03-10", "1.31", "mmol/L")
    .measured("14682-9", "2021-03-10", "78", "umol/L")
    .measured(
        "62238-1",
        "2021-03-10",
        "74.20395817264031",
        "mL/min/{1.73_m2}",
    )
    .measured("4548-4", "2021-03-10", "5.6", "%")
    .answered("882-1", "2019-11-02T17:30:00+01:00", SNOMED, "278147001")
    .answered("72166-2", "2021-03-15", SNOMED, "8517006")
    .prescribed(ATC, "B01AC06", "acetylsalicylic acid", "2019-11-08")
    .prescribed(ATC, "C10AA05", "atorvastatin", "2019-11-08")
    .prescribed(ATC, "C09AA05", "ramipril", "2020-02-11")
    .done(
        "303653007",
        "Computed tomography of head",
        "2019-11-02T16:05:00+01:00",
        "2019-11-02T16:25:00+01:00",
    )
    .allergic(SNOMED, "91936005", "Allergy to penicillin");
    r
}

fn nora() -> Record {
    let mut r = Record::new(
        2,
        "nora-odwyer",
        false,
        person("O'Dwyer", "Nora", "female", "1951-08-30"),
    );
    r.condition(
        ICD10,
        "I63.4",
        "Cerebral infarction due to embolism",
        "2020-01-19",
    )
    .condition(
        ICD10,
        "I48.0",
        "Paroxysmal atrial fibrillation",
        "2020-01-21",
    )
    .pressure(
        "55284-4",
        "2021-04-02T10:00:00Z",
        "109.08837465920184",
        "70.4",
    )
    .prescribed(RXNORM, "1364430", "apixaban 5 MG Oral Tablet", "2020-01-25");
    r
}

fn zofie() -> Record {
    let mut r = Record::new(
        3,
        "zofie-mullerova",
        true,
        person("Müllerová", "Žofie", "female", "1970-12-01"),
    );
    r.condition(
        SNOMED,
        "230690007",
        "Cerebrovascular accident",
        "2018-07-07",
    )
    .pressure("85354-9", "2021-05-01T07:55:00+02:00", "140", "88")
    .measured("33914-3", "2021-05-01", "101.5", "mL/min/{1.73_m2}");
    r
}

fn tomas() -> Record {
    let mut r = Record::new(
        4,
        "tomas-reyes",
        false,
        person("Reyes", "Tomás", "male", "1945-06-02"),
    );
    r.condition(SNOMED, "44054006", "Diabetes mellitus type 2", "2009-02-17")
        .condition(
            ICD10,
            "E11.9",
            "Type 2 diabetes mellitus without complications",
            "2009-02-17",
        )
        .measured("4548-4", "2020-06-01T00:00:00Z", "6.5", "%")
        .measured("33914-3", "2021-01-20", "30", "mL/min/{1.73_m2}")
        .pressure("55284-4", "2021-01-20T08:00:00Z", "133.2", "79.9")
        .prescribed(ATC, "A10BA02", "metformin", "2009-03-01");
    r
}

fn ines() -> Record {
    let mut r = Record::new(
        5,
        "ines-duarte",
        true,
        person("Duarte", "Inês", "female", "1988-10-10"),
    );
    r.condition(ICD10, "E11.6", "Type 2 diabetes mellitus", "2017-03-03")
        .measured("4548-4", "2021-02-14T11:20:00Z", "6.4549761337541520", "%")
        .measured("4548-4", "2020-02-10T11:20:00Z", "7.9549761337541524", "%")
        .measured(
            "33914-3",
            "2021-02-14T11:20:00Z",
            "154.20463416610795",
            "mL/min/{1.73_m2}",
        )
        .answered("82810-3", "2021-02-14", LOINC, "LA26683-5");
    r
}

fn pavel() -> Record {
    let mut r = Record::new(
        6,
        "pavel-horak",
        false,
        person("Horák", "Pavel", "male", "1973-04-22"),
    );
    r.condition(SNOMED, "44054006", "Diabetes mellitus type 2", "2016-06-06")
        .condition(SNOMED, "432504007", "Cerebral infarction", "2017-12-24")
        .measured(
            "17856-6",
            "2019-06-25T04:22:04+00:00",
            "7.5644552137788220",
            "%",
        )
        .pressure("85354-9", "2019-05-31T23:30:00-05:00", "128.4", "80");
    r
}

fn hugo() -> Record {
    let mut r = Record::new(
        7,
        "hugo-lindqvist",
        true,
        person("Lindqvist", "Hugo", "male", "1949-01-15"),
    );
    r.condition(SNOMED, "432504007", "Cerebral infarction", "2020-03-03")
        .pressure("55284-4", "2020-08-19T08:00:00+00:00", "118.27", "74");
    for day in ["2021-01-04", "2021-01-05", "2021-01-06"] {
        let bare = json!({"value": 171.5, "system": UCUM});
        let component = json!({
            "code": {"coding": [{"system": LOINC, "code": "8480-6"}]},
            "valueQuantity": bare,
        });
        r.observation("55284-4", day, json!({"component": [component]}));
    }
    r
}

fn agnes() -> Record {
    let mut r = Record::new(
        8,
        "agnes-weber",
        false,
        json!({
            "gender": "female",
            "birthDate": "1950-02-02",
            "deceasedDateTime": "2021-04-18T03:10:00+02:00",
            "name": [{"text": "Agnes Weber"}],
        }),
    );
    r.condition(
        ICD10,
        "I63.3",
        "Cerebral infarction due to thrombosis",
        "2019-08-08",
    )
    .pressure("85354-9", "2021-04-17T20:00:00+02:00", "121", "77");
    r
}

fn mila() -> Record {
    let mut r = Record::new(
        9,
        "mila-rossi",
        true,
        json!({"gender": "female", "birthDate": "2015-08-22", "deceasedBoolean": false}),
    );
    r.pressure("55284-4", "2021-02-28T09:00:00Z", "98.2204857610293", "61")
        .measured("8302-2", "2021-02-28", "44.5", "[in_i]")
        .measured("29463-7", "2021-02-28", "42.75", "[lb_av]");
    r
}

fn owen() -> Record {
    let mut r = Record::new(
        10,
        "owen-clarke",
        false,
        person("Clarke", "Owen", "male", "1966-06-06"),
    );
    r.condition(SNOMED, "44054006", "Diabetes mellitus type 2", "2012-12-12")
        .measured("59261-8", "2021-03-30T07:45:00+01:00", "53", "mmol/mol")
        .measured("4548-4", "2021-03-30T07:45:00+01:00", "53", "mmol/mol")
        .measured("33914-3", "2021-03-30", "55", "mL/min");
    r
}

/// One of everything that cannot be used, each newer than something that can.
fn lea() -> Record {
    let mut r = Record::new(
        11,
        "lea-fontaine",
        true,
        json!({"gender": "unknown", "birthDate": "1980-05", "meta": {"versionId": "3"}}),
    );
    let absent = json!({"dataAbsentReason": {"coding": [{
        "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "not-performed"}]}});
    r.measured("8867-4", "2020-01-01", "64", "/min")
        .measured("8867-4", "2021-01-01", "64", "{bpm}")
        .observation("8867-4", "2021-01-02", absent)
        .observation("8867-4", "2021-01-03", json!({"valueString": "fast"}))
        .observation(
            "8867-4",
            "2021-01-04",
            json!({"valueQuantity": quantity("1e999999999", "/min")}),
        )
        .measured("8867-4", "2021-02-31", "64", "/min")
        .measured("2339-0", "2021-01-01", "90", "mg/dL");
    let mut below = quantity("50", "mg/dL");
    below["comparator"] = json!("<");
    r.observation("2339-0", "2021-01-05", json!({"valueQuantity": below}))
        .observation(
            "2339-0",
            "2021-01-06",
            json!({"status": "preliminary",
            "valueQuantity": quantity("95", "mg/dL")}),
        )
        .observation(
            "2339-0",
            "2021-01-07",
            json!({"status": "entered-in-error",
            "valueQuantity": quantity("900", "mg/dL")}),
        )
        .measured("29463-7", "2021-01-08", "99999", "kg")
        .measured("8302-2", "2021", "171", "cm")
        .condition_with(
            ICD10,
            "I48.9",
            "Atrial fibrillation",
            "2020-01-01",
            "refuted",
        )
        .condition_with(
            ICD10,
            "C50.9",
            "Malignant neoplasm of breast",
            "2020-01-01",
            "provisional",
        )
        .condition(ICD10, "E10-E14", "Diabetes mellitus", "2020-01-01")
        .condition(
            "http://example.org/house-codes",
            "17",
            "Something of our own",
            "2020-01-01",
        );
    let subject = r.subject();
    r.add(
        "Condition",
        json!({"subject": subject.clone(), "code": {"text": "feels tired"}}),
    );
    r.add(
        "MedicationRequest",
        json!({"subject": subject.clone(), "status": "active", "intent": "order",
            "medicationReference": {"reference": "Medication/elsewhere"}}),
    );
    r.add(
        "MedicationRequest",
        json!({"subject": subject.clone(), "status": "active", "intent": "order",
            "contained": [{"resourceType": "Medication", "id": "m",
                "code": {"coding": [{"system": ATC, "code": "N02BE01"}]}}],
            "medicationReference": {"reference": "#m"}}),
    );
    r.add(
        "MedicationStatement",
        json!({"subject": subject, "status": "not-taken",
            "medicationCodeableConcept": {"coding": [{"system": ATC, "code": "A10BA02"}]}}),
    );
    r
}

fn sofia() -> Record {
    let mut r = Record::new(
        12,
        "sofia-andersen",
        true,
        person("Andersen", "Sofia", "female", "1958-09-09"),
    );
    r.condition(SNOMED, "432504007", "Cerebral infarction", "2019-10-10")
        .pressure("85354-9", "2021-05-20T10:10:00+02:00", "131.75", "84")
        .answered("883-9", "2018-03-11T16:07:54+00:00", SNOMED, "112144000");
    let subject = r.subject();
    let medication = r.uuid(r.resources.len() + 1);
    r.add(
        "MedicationStatement",
        json!({"status": "recorded", "subject": subject.clone(),
            "effectiveDateTime": "2021-05-20",
            "medication": {"reference": {"reference": medication}}}),
    );
    r.add(
        "Medication",
        json!({"status": "active", "code": {"coding": [
            {"system": ATC, "code": "B01AC04", "display": "clopidogrel"}]}}),
    );
    r.add(
        "MedicationRequest",
        json!({"status": "active", "intent": "order", "subject": subject.clone(),
            "authoredOn": "2019-10-20",
            "medication": {"concept": {"coding": [
                {"system": ATC, "code": "C10AA07", "display": "rosuvastatin"}]}}}),
    );
    r.add(
        "Procedure",
        json!({"status": "completed", "subject": subject,
            "occurrencePeriod": {"start": "2019-10-10T12:00:00+02:00", "end": "2019-10-10T12:40:00+02:00"},
            "code": {"coding": [{"system": SNOMED, "code": "413552005",
                "display": "Magnetic resonance imaging of brain"}]}}),
    );
    r
}

fn two_patients() -> String {
    let mut first = Record::new(
        13,
        "ward-1",
        false,
        person("Breit", "Jan", "male", "1964-07-07"),
    );
    first
        .condition(
            ICD10,
            "I63.9",
            "Cerebral infarction, unspecified",
            "2020-05-05",
        )
        .pressure("85354-9", "2021-05-05T08:00:00+02:00", "138.5", "88");
    // The same name: patients are told apart by id.
    let mut second = Record::new(
        14,
        "ward-2",
        false,
        person("Breit", "Jan", "male", "1999-01-01"),
    );
    second.pressure("85354-9", "2021-05-06T08:00:00+02:00", "112.5", "70");
    let mut entries = first.entries();
    entries.extend(second.entries());
    bundle(entries)
}
