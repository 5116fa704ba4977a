//! Writes the shipped schemas to `records/schemas/`:
//!
//! ```text
//! cargo run -p eligo-records --example schemas
//! ```
//!
//! A published schema never changes: a change here needs a new version, and new ids in
//! `records/tests/fhir_schemas.rs`.

use eligo_records::schema::{
    Attribute, Choice, ChoiceSource, ChoiceValue, Coding, DateSource, Document, Family, FlagSource,
    InputUnit, Kind, Number, Schema,
};

const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");
    let mut documents = vec![core(), core_large()];
    documents.extend([64, 100, 250, 500, 750, 1000].map(bench));
    for document in documents {
        let schema = Schema::try_from(document.clone())?;
        std::fs::write(format!("{folder}/{}.json", schema.name()), text(&document)?)?;
        let layout = eligo_records::cell::Layout::of(&schema);
        println!(
            "{} {} {}: {} attributes, {} cells, {} elements",
            schema.id(),
            schema.name(),
            schema.version(),
            schema.attributes().len(),
            layout.places().len(),
            layout.elements()
        );
    }
    Ok(())
}

/// One attribute a line, so that changes can be read.
fn text(document: &Document) -> serde_json::Result<String> {
    let attributes: Vec<String> = document
        .attributes
        .iter()
        .map(|a| serde_json::to_string(a).map(|a| format!("  {a}")))
        .collect::<Result<_, _>>()?;
    Ok(format!(
        "{{\"name\":{},\"version\":{},\"title\":{},\"attributes\":[\n{}\n]}}\n",
        serde_json::to_string(&document.name)?,
        document.version,
        serde_json::to_string(&document.title)?,
        attributes.join(",\n")
    ))
}

/// Scalars first, those that requirements ask for most often sharing the first element.
fn core() -> Document {
    let mut attributes = person();
    attributes.extend(measurements());
    attributes.extend(answers());
    let [icd10, icd10cm, icd10gm, snomed, atc, rxnorm] = SYSTEMS;
    let d = ("diagnosis", "Diagnoses", &["Condition"][..]);
    let m = (
        "medication",
        "Medications",
        &["MedicationRequest", "MedicationStatement"][..],
    );
    let p = ("procedure", "Procedures", &["Procedure"][..]);
    let a = ("allergy", "Allergies", &["AllergyIntolerance"][..]);
    attributes.extend([
        family(d, icd10, 24, true),
        family(d, icd10cm, 24, true),
        family(d, icd10gm, 24, true),
        family(d, snomed, 48, true),
        family(m, atc, 24, true),
        family(m, rxnorm, 32, true),
        family(p, snomed, 64, true),
        family(a, snomed, 24, false),
        family(a, rxnorm, 12, false),
    ]);
    Document {
        name: "core".into(),
        version: 1,
        title: "Demographics, vital signs, common laboratory values, diagnoses, medications, \
                procedures and allergies"
            .into(),
        attributes,
    }
}

/// `core` with families for long histories, more code systems, and more laboratory values.
fn core_large() -> Document {
    let mut attributes = person();
    attributes.extend(measurements());
    attributes.extend(answers());
    attributes.extend(more_measurements());
    let [icd10, icd10cm, icd10gm, snomed, atc, rxnorm] = SYSTEMS;
    let d = ("diagnosis", "Diagnoses", &["Condition"][..]);
    let m = (
        "medication",
        "Medications",
        &["MedicationRequest", "MedicationStatement"][..],
    );
    let p = ("procedure", "Procedures", &["Procedure"][..]);
    let a = ("allergy", "Allergies", &["AllergyIntolerance"][..]);
    attributes.extend([
        family(d, icd10, 96, true),
        family(d, icd10cm, 96, true),
        family(d, icd10gm, 96, true),
        family(d, snomed, 128, true),
        family(m, atc, 64, true),
        family(m, rxnorm, 96, true),
        family(m, snomed, 64, true),
        family(p, snomed, 192, true),
        family(p, OPS, 64, true),
        family(p, CPT, 64, true),
        family(a, snomed, 64, false),
        family(a, rxnorm, 48, false),
        family(a, atc, 32, false),
    ]);
    Document {
        name: "core-large".into(),
        version: 1,
        title: "As core, with more laboratory values, more code systems, and room for long \
                histories"
            .into(),
        attributes,
    }
}

/// Demographics.
fn person() -> Vec<Attribute> {
    let sex = |name: &str| ChoiceValue {
        name: name.into(),
        codes: vec![name.into()],
    };
    vec![
        attribute(
            "birth_date",
            "Date of birth",
            Kind::Date(DateSource::BirthDate),
        ),
        attribute("deceased", "Has died", Kind::Flag(FlagSource::Deceased)),
        attribute(
            "sex",
            "Administrative gender",
            Kind::Choice(Choice {
                source: ChoiceSource::PatientGender,
                values: vec![sex("male"), sex("female"), sex("other")],
                width: 2,
                dated: false,
            }),
        ),
    ]
}

/// Vital signs and laboratory values; `(unit, factor)`, the schema's own first.
fn measurements() -> Vec<Attribute> {
    const BPM: &[(&str, &str)] = &[
        ("/min", "1"),
        ("1/min", "1"),
        ("{beats}/min", "1"),
        ("{Beats}/min", "1"),
    ];
    const GFR: &[(&str, &str)] = &[
        ("mL/min/{1.73_m2}", "1"),
        ("mL/min/{1.73m2}", "1"),
        ("mL/min/{1.73.m2}", "1"),
        ("mL/min/1.73m2", "1"),
        ("mL/min/1.73_m2", "1"),
        ("mL/min/1.73.m2", "1"),
    ];
    const CHOLESTEROL: &[(&str, &str)] = &[("mg/dL", "1"), ("mmol/L", "38.67")];
    vec![
        number(
            "systolic_bp",
            "Systolic blood pressure",
            &["8480-6"],
            &[("mm[Hg]", "1")],
            3,
            19,
        ),
        number(
            "hba1c",
            "Haemoglobin A1c, NGSP",
            &["4548-4", "17856-6"],
            &[("%", "1")],
            4,
            20,
        ),
        number(
            "egfr",
            "Estimated glomerular filtration rate",
            &[
                "33914-3", "62238-1", "98979-8", "48642-3", "48643-1", "77147-7", "88293-6",
                "88294-4", "69405-9",
            ],
            GFR,
            3,
            19,
        ),
        number(
            "bmi",
            "Body mass index",
            &["39156-5"],
            &[("kg/m2", "1")],
            3,
            18,
        ),
        number(
            "glucose",
            "Glucose",
            &["2339-0", "2345-7", "14749-6", "15074-8"],
            &[("mg/dL", "1"), ("mmol/L", "18.0156")],
            3,
            21,
        ),
        number(
            "diastolic_bp",
            "Diastolic blood pressure",
            &["8462-4"],
            &[("mm[Hg]", "1")],
            3,
            19,
        ),
        number("heart_rate", "Heart rate", &["8867-4"], BPM, 2, 16),
        number(
            "weight",
            "Body weight",
            &["29463-7", "3141-9"],
            &[("kg", "1"), ("g", "0.001"), ("[lb_av]", "0.45359237")],
            3,
            20,
        ),
        number(
            "height",
            "Body height",
            &["8302-2", "8306-3"],
            &[("cm", "1"), ("m", "100"), ("mm", "0.1"), ("[in_i]", "2.54")],
            3,
            19,
        ),
        number(
            "creatinine",
            "Creatinine",
            &["2160-0", "38483-4", "14682-9"],
            &[("mg/dL", "1"), ("umol/L", "0.011312")],
            3,
            16,
        ),
        number(
            "ldl",
            "LDL cholesterol",
            &["18262-6", "13457-7", "2089-1", "39469-2", "22748-8"],
            CHOLESTEROL,
            3,
            20,
        ),
        number(
            "spo2",
            "Oxygen saturation",
            &["59408-5", "2708-6"],
            &[("%", "1")],
            2,
            14,
        ),
        number(
            "hdl",
            "HDL cholesterol",
            &["2085-9", "14646-4"],
            CHOLESTEROL,
            3,
            19,
        ),
        number(
            "triglycerides",
            "Triglycerides",
            &["2571-8", "14927-8"],
            &[("mg/dL", "1"), ("mmol/L", "88.57")],
            2,
            20,
        ),
        number(
            "cholesterol",
            "Total cholesterol",
            &["2093-3", "14647-2"],
            CHOLESTEROL,
            3,
            21,
        ),
        number(
            "temperature",
            "Body temperature",
            &["8310-5", "8331-1"],
            &[("Cel", "1"), ("[degF]", "-32 * 5/9")],
            3,
            16,
        ),
        number(
            "lvef",
            "Left ventricular ejection fraction",
            &["10230-1", "8806-2", "18043-0"],
            &[("%", "1")],
            3,
            17,
        ),
        number(
            "nt_probnp",
            "NT-proBNP",
            &["33762-6", "71425-3"],
            &[("pg/mL", "1"), ("ng/L", "1"), ("pmol/L", "8.457")],
            2,
            24,
        ),
        number(
            "hba1c_ifcc",
            "Haemoglobin A1c, IFCC",
            &["59261-8"],
            &[("mmol/mol", "1")],
            3,
            19,
        ),
    ]
}

/// What `core-large` measures beyond `core`.
fn more_measurements() -> Vec<Attribute> {
    const CELLS: &[(&str, &str)] = &[("10*3/uL", "1"), ("10*9/L", "1")];
    vec![
        number(
            "haemoglobin",
            "Haemoglobin",
            &["718-7"],
            &[("g/dL", "1"), ("g/L", "0.1")],
            3,
            16,
        ),
        number(
            "platelets",
            "Platelets",
            &["777-3", "26515-7"],
            CELLS,
            2,
            19,
        ),
        number(
            "leukocytes",
            "Leukocytes",
            &["6690-2", "26464-8"],
            CELLS,
            3,
            21,
        ),
        number(
            "sodium",
            "Sodium",
            &["2947-0", "2951-2"],
            &[("mmol/L", "1"), ("meq/L", "1")],
            2,
            16,
        ),
        number(
            "potassium",
            "Potassium",
            &["6298-4", "2823-3"],
            &[("mmol/L", "1"), ("meq/L", "1")],
            3,
            15,
        ),
        number(
            "respiratory_rate",
            "Respiratory rate",
            &["9279-1"],
            &[
                ("/min", "1"),
                ("1/min", "1"),
                ("{breaths}/min", "1"),
                ("{Breaths}/min", "1"),
            ],
            2,
            14,
        ),
        number(
            "alt",
            "Alanine aminotransferase",
            &["1742-6"],
            &[("U/L", "1")],
            2,
            20,
        ),
        number(
            "ast",
            "Aspartate aminotransferase",
            &["1920-8"],
            &[("U/L", "1")],
            2,
            20,
        ),
        number(
            "bilirubin",
            "Bilirubin, total",
            &["1975-2", "14631-6"],
            &[("mg/dL", "1"), ("umol/L", "0.05847")],
            3,
            17,
        ),
        number(
            "albumin",
            "Albumin",
            &["1751-7"],
            &[("g/dL", "1"), ("g/L", "0.1")],
            3,
            14,
        ),
    ]
}

/// Coded answers, and what is asked for least.
fn answers() -> Vec<Attribute> {
    vec![
        choice(
            "blood_group",
            "Blood group, ABO",
            &["883-9", "882-1"],
            &[
                (
                    "A",
                    &["112144000", "278149003", "278152006"],
                    &["LA19710-5", "LA21325-8", "LA21326-6"],
                ),
                (
                    "B",
                    &["112149005", "278150003", "278153001"],
                    &["LA19709-7", "LA21327-4", "LA21328-2"],
                ),
                (
                    "AB",
                    &["165743006", "278151004", "278154007"],
                    &["LA28449-9", "LA21323-3", "LA21324-1"],
                ),
                (
                    "O",
                    &["58460004", "278147001", "278148006"],
                    &["LA19708-9", "LA21321-7", "LA21322-5"],
                ),
            ],
            3,
        ),
        choice(
            "rhesus",
            "Rhesus factor D",
            &["10331-7", "882-1"],
            &[
                (
                    "positive",
                    &[
                        "165747007",
                        "10828004",
                        "278149003",
                        "278150003",
                        "278151004",
                        "278147001",
                    ],
                    &[
                        "LA6576-8",
                        "LA21325-8",
                        "LA21327-4",
                        "LA21323-3",
                        "LA21321-7",
                    ],
                ),
                (
                    "negative",
                    &[
                        "165746003",
                        "260385009",
                        "278152006",
                        "278153001",
                        "278154007",
                        "278148006",
                    ],
                    &[
                        "LA6577-6",
                        "LA21326-6",
                        "LA21328-2",
                        "LA21324-1",
                        "LA21322-5",
                    ],
                ),
            ],
            2,
        ),
        choice(
            "smoking",
            "Tobacco smoking status",
            &["72166-2"],
            &[
                ("never", &["266919005"], &["LA18978-9"]),
                ("former", &["8517006"], &["LA15920-4"]),
                (
                    "current",
                    &[
                        "449868002",
                        "428041000124106",
                        "428071000124103",
                        "428061000124105",
                    ],
                    &["LA18976-3", "LA18977-1", "LA18981-3", "LA18982-1"],
                ),
            ],
            2,
        ),
        choice(
            "pregnancy",
            "Pregnancy status",
            &["82810-3"],
            &[
                ("pregnant", &["77386006"], &["LA15173-0"]),
                ("not_pregnant", &["60001007"], &["LA26683-5"]),
            ],
            2,
        ),
        attribute(
            "death_date",
            "Date of death",
            Kind::Date(DateSource::DeathDate),
        ),
    ]
}

/// Name, title, canonical URI, aliases, coding.
type System = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    Coding,
);

const SYSTEMS: [System; 6] = [
    (
        "icd10",
        "ICD-10",
        "http://hl7.org/fhir/sid/icd-10",
        &["urn:oid:2.16.840.1.113883.6.3"],
        Coding::Base37,
    ),
    (
        "icd10cm",
        "ICD-10-CM",
        "http://hl7.org/fhir/sid/icd-10-cm",
        &["urn:oid:2.16.840.1.113883.6.90"],
        Coding::Base37,
    ),
    (
        "icd10gm",
        "ICD-10-GM",
        "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
        &["http://fhir.de/CodeSystem/dimdi/icd-10-gm"],
        Coding::Base37,
    ),
    (
        "snomed",
        "SNOMED CT",
        SNOMED,
        &["urn:oid:2.16.840.1.113883.6.96"],
        Coding::Numeric,
    ),
    (
        "atc",
        "ATC",
        "http://www.whocc.no/atc",
        &["urn:oid:2.16.840.1.113883.6.73"],
        Coding::Base37,
    ),
    (
        "rxnorm",
        "RxNorm",
        "http://www.nlm.nih.gov/research/umls/rxnorm",
        &["urn:oid:2.16.840.1.113883.6.88"],
        Coding::Numeric,
    ),
];
const OPS: System = (
    "ops",
    "OPS",
    "http://fhir.de/CodeSystem/bfarm/ops",
    &["http://fhir.de/CodeSystem/dimdi/ops"],
    Coding::Base37,
);
const CPT: System = (
    "cpt",
    "CPT",
    "http://www.ama-assn.org/go/cpt",
    &["urn:oid:2.16.840.1.113883.6.12"],
    Coding::Base37,
);

fn attribute(name: &str, title: &str, kind: Kind) -> Attribute {
    Attribute {
        name: name.into(),
        title: title.into(),
        kind,
    }
}

fn number(
    name: &str,
    title: &str,
    loinc: &[&str],
    units: &[(&str, &str)],
    scale: u8,
    width: u8,
) -> Attribute {
    let inputs: Vec<InputUnit> = units
        .iter()
        .map(|(code, factor)| InputUnit {
            code: (*code).into(),
            factor: (*factor).into(),
        })
        .collect();
    attribute(
        name,
        title,
        Kind::Number(Number {
            codes: loinc.iter().map(|c| format!("{LOINC}|{c}")).collect(),
            unit: units[0].0.into(),
            inputs,
            scale,
            min: 0,
            width,
            dated: true,
        }),
    )
}

/// `values`: name, SNOMED CT codes, LOINC answer codes.
fn choice(
    name: &str,
    title: &str,
    loinc: &[&str],
    values: &[(&str, &[&str], &[&str])],
    width: u8,
) -> Attribute {
    attribute(
        name,
        title,
        Kind::Choice(Choice {
            source: ChoiceSource::Observation(
                loinc.iter().map(|c| format!("{LOINC}|{c}")).collect(),
            ),
            values: values
                .iter()
                .map(|(name, snomed, loinc)| ChoiceValue {
                    name: (*name).into(),
                    codes: snomed
                        .iter()
                        .map(|c| format!("{SNOMED}|{c}"))
                        .chain(loinc.iter().map(|c| format!("{LOINC}|{c}")))
                        .collect(),
                })
                .collect(),
            width,
            dated: true,
        }),
    )
}

fn family(group: (&str, &str, &[&str]), system: System, size: u16, onset: bool) -> Attribute {
    let (prefix, title, uri, aliases, coding) = system;
    attribute(
        &format!("{}_{prefix}", group.0),
        &format!("{}, {title}", group.1),
        Kind::Family(Family {
            group: group.0.into(),
            prefix: prefix.into(),
            system: uri.into(),
            aliases: aliases.iter().map(|a| (*a).into()).collect(),
            resources: group.2.iter().map(|r| (*r).into()).collect(),
            coding,
            size,
            onset,
        }),
    )
}

/// A schema of `cells` cells for measuring: a date of birth, a deceased flag, dated numbers of mixed
/// widths, and a family of 16 ICD-10 codes (its `recorded` flag not counted). With 64 cells no scalar
/// is wider than 24 bits; the larger ones reach 40.
fn bench(cells: usize) -> Document {
    let widths: [u8; 4] = if cells == 64 {
        [12, 16, 20, 24]
    } else {
        [16, 24, 32, 40]
    };
    let pairs = (cells - 18) / 2;
    let mut attributes = vec![
        attribute(
            "birth_date",
            "Date of birth",
            Kind::Date(DateSource::BirthDate),
        ),
        attribute("deceased", "Has died", Kind::Flag(FlagSource::Deceased)),
    ];
    attributes.extend((1..=pairs).zip(widths.iter().cycle()).map(|(i, width)| {
        attribute(
            &format!("v{i:03}"),
            &format!("Value {i}"),
            Kind::Number(Number {
                codes: vec![format!("urn:eligo:bench|v{i:03}")],
                unit: "1".into(),
                inputs: vec![InputUnit {
                    code: "1".into(),
                    factor: "1".into(),
                }],
                scale: 2,
                min: 0,
                width: *width,
                dated: true,
            }),
        )
    }));
    attributes.push(family(
        ("diagnosis", "Diagnoses", &["Condition"]),
        SYSTEMS[0],
        16,
        false,
    ));
    Document {
        name: format!("bench-{cells}"),
        version: 1,
        title: format!("{cells} cells for measuring"),
        attributes,
    }
}
