//! Records to credentials, the demonstration, and the studies on patients.

use std::{fs, path::Path};

use serde_json::Value;

use crate::desk::{CHEAP, DAY, Desk, fixture};

const STROKE: &str = r#"
id = "stroke"
title = "Stroke"
publisher = "Institute"
schema = "core"
expression = """
age between 40 and 80 years
and any diagnosis in icd10:I63, snomed:432504007, snomed:230690007
and systolic_bp < 140 mm[Hg] from 2019-06-01 to 2021-06-01
and no diagnosis in icd10:I48, snomed:49436004
"""
issuers = ["h.pub"]
"#;

fn clinic() -> Desk {
    let desk = Desk::new();
    desk.take(&["h.key", "h.pub", "w.json", "holder.json"]);
    desk
}

fn issue(desk: &Desk, record: &str, output: &str, more: &[&str]) -> crate::desk::Ran {
    let mut words = vec![
        "hospital",
        "issue",
        "--key",
        "h.key",
        "--holder",
        "holder.json",
        "--record",
        record,
        "--issued",
        "2021-06-01",
        "-o",
        output,
    ];
    words.extend(more);
    desk.run_words(&words)
}

#[test]
fn every_synthetic_patient_is_as_its_table_says() {
    let desk = clinic();
    desk.write("stroke.toml", STROKE);
    let table = fs::read_to_string(fixture("fhir/README.md")).unwrap();
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let file = cells
            .next()?
            .strip_prefix('`')?
            .strip_suffix('`')?
            .to_owned();
        Some((file, cells.next()? == "yes"))
    });
    let mut seen = 0;
    for (file, eligible) in rows {
        let record = fixture(&format!("fhir/{file}"));
        let more: &[&str] = if file == "two-patients.json" {
            issue(&desk, &record, "c.json", &["--force"])
                .code(3)
                .says("--patient");
            &["--patient", "ward-1", "--force"]
        } else {
            &["--force"]
        };
        issue(&desk, &record, "c.json", more).code(0);
        let code = if eligible { 0 } else { 4 };
        desk.run(&format!(
            "explain --wallet w.json --credential c.json --requirement stroke.toml {DAY}"
        ))
        .code(code);
        seen += 1;
    }
    assert!(seen >= 14, "{seen}");
}

#[test]
fn records_come_from_folders_lines_and_standard_input() {
    let desk = clinic();
    let bundle = fs::read(fixture("fhir/marta-nowak.json")).unwrap();
    let ran = desk.feed(
        "hospital issue --key h.key --holder holder.json --record - --issued 2021-06-01 -o a.json --report r.json --json",
        &bundle,
    );
    let json = ran.code(0).json();
    assert_eq!(json["patient"], "marta-nowak");
    assert!(json["report"]["attributes"].as_array().unwrap().len() > 20);
    assert_eq!((desk.mode("a.json"), desk.mode("r.json")), (0o600, 0o600));
    let report: Value = serde_json::from_str(&desk.read("r.json")).unwrap();
    assert_eq!(report["schema"], "core");
    let lines = fixture("fhir/marta-nowak.ndjson");
    issue(&desk, &lines, "b.json", &[]).code(0);
    fs::create_dir(desk.path("folder")).unwrap();
    fs::copy(&lines, desk.path("folder/marta.ndjson")).unwrap();
    desk.write("folder/notes.txt", "not read");
    issue(&desk, "folder", "c.json", &[]).code(0);
    let cells = |name: &str| {
        let value: Value = serde_json::from_str(&desk.read(name)).unwrap();
        value["cells"].clone()
    };
    assert_eq!(cells("a.json"), cells("b.json"));
    assert_eq!(cells("b.json"), cells("c.json"));
    // The credential to standard output, the summary elsewhere.
    let ran = issue(&desk, &lines, "-", &[]).code(0);
    assert_eq!(ran.out.lines().count(), 1);
    assert!(ran.out.contains("eligo credential"));
}

#[test]
fn records_that_cannot_be_read_write_nothing() {
    let desk = clinic();
    let before = desk.names();
    issue(&desk, "none.json", "c.json", &[])
        .code(3)
        .says("none.json");
    desk.write(
        "cut.json",
        &fs::read(fixture("fhir/marta-nowak.json")).unwrap()[..2000],
    );
    issue(&desk, "cut.json", "c.json", &["--report", "r.json"])
        .code(3)
        .says("cut.json");
    desk.write("cut.json", "{\"resourceType\": \"Bundle\", \"entry\": []}");
    issue(&desk, "cut.json", "c.json", &[]).code(3);
    let marta = fixture("fhir/marta-nowak.json");
    issue(&desk, &marta, "c.json", &["--patient", "somebody"]).code(3);
    issue(&desk, &marta, "c.json", &["--schema", "nothing"]).code(2);
    issue(&desk, &marta, "c.json", &["--valid-months", "0"]).code(2);
    issue(&desk, &marta, "-", &["--report", "-"]).code(2);
    fs::remove_file(desk.path("cut.json")).unwrap();
    assert_eq!(desk.names(), before);
}

#[test]
fn too_many_codes_suggest_the_larger_schema() {
    let desk = clinic();
    let condition = |i: usize| {
        serde_json::json!({"resource": {
            "resourceType": "Condition", "id": format!("c{i}"), "subject": {"reference": "Patient/p"},
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": format!("A{:02}.{}", i / 10, i % 10)}]}
        }})
    };
    let mut entries = vec![
        serde_json::json!({"resource": {"resourceType": "Patient", "id": "p", "birthDate": "1960-01-01"}}),
    ];
    entries.extend((0..60).map(condition));
    let bundle =
        serde_json::json!({"resourceType": "Bundle", "type": "collection", "entry": entries});
    desk.write("many.json", bundle.to_string());
    issue(&desk, "many.json", "c.json", &[])
        .code(3)
        .says("--schema core-large");
    issue(&desk, "many.json", "c.json", &["--schema", "core-large"]).code(0);
    // A requirement on `core` does not read it.
    desk.write("stroke.toml", STROKE);
    desk.run(&format!(
        "explain --wallet w.json --credential c.json --requirement stroke.toml {DAY}"
    ))
    .code(3)
    .says("another schema");
}

#[test]
fn the_demonstration_runs_and_leaves_its_files() {
    let desk = Desk::new();
    let ran = desk.run("demo --out tour --json").code(0);
    let json = ran.json();
    assert_eq!(json["status"], "ok");
    assert_eq!(json["proof_bytes"], 128);
    assert_eq!(json["ineligible_exit"], 4);
    assert_eq!(json["tampered_exit"], 5);
    assert_eq!(json["second_claim_exit"], 7);
    assert_eq!(json["out"], "tour");
    for shown in ["settled", "opened_matches_proof", "audit_verified", "valid"] {
        assert_eq!(json[shown], true, "{shown}");
    }
    assert_eq!(json["paid"], 300);
    assert_eq!(json["replicas_running"], 3);
    assert_eq!(json["lying_proxy"], "Proxy 4");
    assert!(json["blocks"].as_u64().unwrap() >= 12);
    for figure in ["verify_ms", "prove_ms", "keygen_ms", "constraints"] {
        assert!(json[figure].as_f64().unwrap() > 0.0, "{figure}");
    }
    assert!(!desk.path("tour/nora.proof").exists());
    // What was left behind serves.
    desk.run("verify --requirement tour/stroke.toml --keys tour/keys --proof tour/marta.proof")
        .code(0);
    assert_eq!(desk.mode("tour/node/secrets.json"), 0o600);
    desk.run("requirement check tour/stroke.toml").code(0);
    desk.run("demo --out tour").code(2).says("not empty");
}

/// Both trials and all ten patients of the shared data, where it is at hand.
#[test]
fn the_shared_patients_are_eligible_as_expected() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let Ok(expected) = fs::read_to_string(data.join("criteria/expected.json")) else {
        return;
    };
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let today = format!("--today {}", expected["asOf"].as_str().unwrap());
    let desk = clinic();
    desk.run(&format!("wallet new -o x.json {CHEAP}")).code(0);
    for study in ["stroke", "t2dm"] {
        let ccdl = data.join(format!("criteria/ccdl-{study}.json"));
        desk.run_words(&[
            "requirement",
            "import",
            "--from",
            "ccdl",
            ccdl.to_str().unwrap(),
            "--issuer",
            "h.pub",
            "--id",
            study,
            "-o",
            &format!("{study}.toml"),
        ])
        .code(0);
    }
    desk.run("keys generate --requirement stroke.toml --requirement t2dm.toml -o keys")
        .code(0);
    let mut seen = 0;
    for study in ["stroke", "t2dm"] {
        for (file, verdict) in expected[study].as_object().unwrap() {
            let record = data.join("fhir/synthea_r4").join(file);
            issue(&desk, record.to_str().unwrap(), "c.json", &["--force"]).code(0);
            let eligible = verdict["eligible"].as_bool().unwrap();
            let who =
                format!("--wallet w.json --credential c.json --requirement {study}.toml {today}");
            let ran = desk
                .run(&format!("explain {who} --json"))
                .code(if eligible { 0 } else { 4 });
            assert_eq!(ran.json()["eligible"], eligible, "{study} {file}");
            let proof = format!("proof{seen}");
            desk.run(&format!("prove {who} --keys keys -o {proof}"))
                .code(if eligible { 0 } else { 4 });
            assert_eq!(desk.path(&proof).exists(), eligible);
            if eligible {
                desk.run(&format!(
                    "verify --requirement {study}.toml --keys keys --proof {proof} {today}"
                ))
                .code(0);
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 20);
}
