//! Requirements: errors with their place, signatures, sizes, other languages.

use crate::desk::{ADULT, Desk, fixture};

#[test]
fn errors_name_the_place_and_what_to_do() {
    let desk = Desk::new();
    desk.write("r.toml", ADULT.replace("no diagnosis", "no diagnoses"));
    let ran = desk.run("requirement check r.toml").code(3);
    assert!(
        ran.err.contains("r.toml: expression, line 2"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains('^') && ran.err.contains("diagnosis"),
        "{}",
        ran.err
    );
    desk.write(
        "r.toml",
        ADULT.replace("schema = \"core\"", "schema = \"cor\""),
    );
    desk.run("requirement check r.toml")
        .code(3)
        .says("there is no schema `cor`");
    desk.write("r.toml", ADULT.replace("title", "titel"));
    desk.run("requirement check r.toml").code(3).says("titel");
    desk.write("r.toml", ADULT.replace("\"adult\"", "\"../adult\""));
    desk.run("requirement check r.toml")
        .code(3)
        .says("r.toml: id");
    desk.write("r.toml", format!("{ADULT}issuers = [\"nowhere.pub\"]\n"));
    desk.run("requirement check r.toml")
        .code(3)
        .says("nowhere.pub");
    desk.write("r.toml", b"\xff\xfe");
    desk.run("requirement check r.toml").code(3).says("UTF-8");
    let ran = desk
        .feed("requirement check - --json", ADULT.as_bytes())
        .code(0);
    assert_eq!(ran.json()["draft"], true);
    assert_eq!(ran.json()["implies_alive"], true);
}

#[test]
fn signatures_bind_the_requirement() {
    let desk = Desk::new();
    desk.write("r.toml", ADULT);
    desk.run("institution keygen --name Institute -o i.key")
        .code(0);
    desk.run("institution public i.key -o i.pub").code(0);
    desk.run("institution keygen --name Other -o o.key").code(0);
    desk.run("institution public o.key -o o.pub").code(0);
    assert_eq!(desk.mode("i.key"), 0o600);
    desk.run("requirement check r.toml --publisher i.pub")
        .code(3)
        .says("not signed");
    desk.run("requirement sign r.toml --key i.key").code(0);
    desk.run("requirement sign r.toml --key i.key").code(2);
    let ran = desk
        .run("requirement check r.toml --publisher i.pub --json")
        .code(0);
    assert_eq!(ran.json()["signature"]["name"], "Institute");
    desk.run("requirement check r.toml --publisher o.pub")
        .code(3)
        .says("signed by Institute");
    // Reformatting does not matter; changing does.
    desk.write("r.toml", format!("# a remark\n{ADULT}"));
    desk.run("requirement check r.toml").code(0);
    desk.write("r.toml", ADULT.replace("18", "17"));
    desk.run("requirement check r.toml")
        .code(3)
        .says("not over this requirement");
    desk.write("r.toml.sig", "{}");
    desk.run("requirement check r.toml")
        .code(3)
        .says("r.toml.sig");
    desk.run("requirement sign r.toml --key i.pub -o s").code(3);
}

#[test]
fn sizes_are_integers_by_part() {
    let desk = Desk::new();
    desk.write("r.toml", ADULT);
    let ran = desk
        .run("requirement size r.toml --json")
        .code(0)
        .says("draft");
    let json = ran.json();
    let total = json["constraints"]["total"].as_u64().unwrap();
    let parts = json["constraints"]["parts"].as_object().unwrap();
    assert_eq!(
        parts.values().map(|n| n.as_u64().unwrap()).sum::<u64>(),
        total
    );
    assert!(parts["signature"].as_u64().unwrap() <= 2100);
    assert_eq!(
        json["domain"].as_u64().unwrap(),
        (total + 7).next_power_of_two()
    );
}

#[test]
fn requirements_come_from_and_go_to_other_languages() {
    let desk = Desk::new();
    desk.run("hospital keygen -o h.key").code(0);
    desk.run("hospital public h.key -o h.pub").code(0);
    for (from, to, file) in [
        ("ccdl", "ccdl", "heart-failure.ccdl.json"),
        ("group", "group-r4", "hypertension.group-r4.json"),
        ("group", "group-r5", "lipids.group-r5.json"),
        (
            "evidence-variable",
            "evidence-variable",
            "kidney.evidence-variable.json",
        ),
    ] {
        let document = fixture(&format!("criteria/{file}"));
        let toml = format!("{to}.toml");
        let there = desk.run_words(&[
            "requirement",
            "import",
            "--from",
            from,
            &document,
            "--issuer",
            "h.pub",
            "-o",
            &toml,
            "--json",
        ]);
        let there = there.code(0).json();
        let checked = desk
            .run(&format!("requirement check {toml} --json"))
            .code(0)
            .json();
        assert_eq!(checked["draft"], false);
        desk.run(&format!("requirement export --to {to} {toml} -o {to}.json"))
            .code(0);
        let back = desk
            .run(&format!(
                "requirement import --from {from} {to}.json -o back.toml --force --json"
            ))
            .code(0);
        // The same criteria; the values of a choice may come in another order.
        let words = |json: &serde_json::Value| {
            let text = json["expression"].as_str().unwrap().replace(',', "");
            let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            words.sort();
            words
        };
        assert_eq!(words(&back.json()), words(&there));
    }
    let (kidney, study) = (
        fixture("criteria/kidney.evidence-variable.json"),
        fixture("criteria/recruitment.research-study.json"),
    );
    desk.run_words(&[
        "requirement",
        "import",
        "--from",
        "evidence-variable",
        &kidney,
        "--study",
        &study,
        "-o",
        "study.toml",
    ])
    .code(0);
    assert!(desk.read("study.toml").contains("number_wanted = 240"));
    let wrong = fixture("criteria/lipids.group-r5.json");
    desk.run_words(&[
        "requirement",
        "import",
        "--from",
        "ccdl",
        &wrong,
        "-o",
        "wrong.toml",
    ])
    .code(3);
    assert!(!desk.path("wrong.toml").exists());
}

#[test]
fn schemas_are_shown_and_checked() {
    let desk = Desk::new();
    let shown = desk.run("schema show core --json").code(0);
    desk.write("core.json", &shown.out);
    let checked = desk.run("schema check core.json --json").code(0).json();
    assert_eq!(checked["name"], "core");
    let listed = desk.run("schema list --json").code(0).json();
    assert!(
        listed["schemas"]
            .as_array()
            .unwrap()
            .iter()
            .any(|s| s["id"] == checked["id"])
    );
    desk.write("bad.json", shown.out.replace("\"sex\"", "\"Sex\""));
    desk.run("schema check bad.json").code(3).says("Sex");
    desk.run("schema show nothing").code(2).says("core-large");
    // A schema of one's own is given by file.
    desk.write("own.json", shown.out.replacen("\"core\"", "\"own\"", 1));
    desk.write(
        "r.toml",
        ADULT.replace("schema = \"core\"", "schema = \"own\""),
    );
    desk.run("requirement check r.toml")
        .code(3)
        .says("--schema-file");
    desk.run("requirement check r.toml --schema-file own.json")
        .code(0);
}
