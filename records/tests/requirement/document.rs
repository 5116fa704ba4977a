//! The published document.

use eligo_records::requirement::{
    DuoCode, Purpose, Requirement,
    document::{CheckError, DocumentError},
};

use super::small::schema;

const FULL: &str = r#"
id = "t2dm-2026"
title = "Type 2 diabetes, HbA1c 6.5 % or more"
publisher = "University Clinic, Diabetes Unit"
schema = "small@1"
kind = "sale"
expression = """
age between 18 and 75 years   # completed years
and hba1c >= 6.5 % within 12 months
"""
keywords = ["diabetes", "HbA1c"]
issuers = ["6f1a", "77b2"]
screened_later = ["able to give informed consent"]
reward = 120
number_wanted = 200
deadline = "2027-01-31"
chain = "eligo-test"
contract = "market"
nonce = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

[licence]
exclusive = true
until = "2028-01-31"
duo = ["DUO:0000007", "DUO:0000021"]
text_sha256 = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

[delivery]
threshold = 2
proxies = 3
receiving_key = "0a0b"
"#;

const SMALL: &str = r#"
id = "a"
title = "t"
publisher = "p"
schema = "small"
expression = "deceased"
"#;

#[test]
fn a_document_reads_and_writes_back() {
    for text in [FULL, SMALL] {
        let requirement = Requirement::from_toml(text).unwrap();
        let written = requirement.to_toml();
        let again = Requirement::from_toml(&written).unwrap();
        assert_eq!(again, requirement);
        assert_eq!(again.to_toml(), written);
        requirement.check(&schema()).unwrap();
    }
}

#[test]
fn its_terms_can_be_hashed() {
    let requirement = Requirement::from_toml(FULL).unwrap();
    let terms = requirement.terms();
    assert_eq!(terms.institution, "University Clinic, Diabetes Unit");
    assert_eq!(
        (terms.chain, terms.contract),
        (Some("eligo-test"), Some("market"))
    );
    assert_eq!(terms.nonce.unwrap()[31], 0x1f);
    assert_eq!(terms.purpose, Purpose::Sale);
    assert_eq!(terms.reward, 120);
    assert_eq!(terms.deadline.unwrap().to_string(), "2027-01-31");
    let licence = terms.licence.unwrap();
    assert!(licence.exclusive);
    assert_eq!(licence.duo[0], DuoCode::parse("DUO:0000007").unwrap());
    let delivery = terms.delivery.unwrap();
    assert_eq!((delivery.threshold, delivery.proxies), (2, 3));
    assert_eq!(requirement.missing(), [""; 0]);
    let draft = Requirement::from_toml(SMALL).unwrap();
    assert_eq!(draft.purpose(), Purpose::Count);
    assert!(draft.missing().contains(&"issuers"));
    assert!(!draft.missing().contains(&"licence"));
}

#[test]
fn what_is_wrong_is_named() {
    let table = [
        (
            "id = \"t2dm-2026\"",
            "id = \"T2DM\"",
            "`id` is 1 to 64 lower-case",
        ),
        ("id = \"t2dm-2026\"", "", "missing field `id`"),
        ("reward = 120", "rewards = 120", "unknown field `rewards`"),
        ("reward = 120", "reward = -1", "reward = -1"),
        (
            "reward = 120",
            "reward = 9223372036854775807",
            "`number_wanted` is 2^63",
        ),
        ("number_wanted = 200", "number_wanted = 0", "from 1"),
        ("kind = \"sale\"", "kind = \"gift\"", "`count` or `sale`"),
        ("title = \"T", "title = \"\\nT", "`title` is one line"),
        (
            "schema = \"small@1\"",
            "schema = \"small@01\"",
            "such as `core@1`",
        ),
        (
            "deadline = \"2027-01-31\"",
            "deadline = \"2027-02-30\"",
            "`deadline` is no date",
        ),
        ("until = \"2028-01-31\"", "", "`licence.until` is missing"),
        ("until = \"2028-01-31\"", "until = \"2028\"", "YYYY-MM-DD"),
        ("DUO:0000021", "DUO:21", "seven digits"),
        ("DUO:0000021", "DUO:0000007", "names a code twice"),
        ("DUO:0000021", "DUO:0000001", "no usable term"),
        ("\"77b2\"", "\"6f1a\"", "`6f1a` twice"),
        (
            "threshold = 2",
            "threshold = 4",
            "from 1 to `delivery.proxies`",
        ),
        (
            "receiving_key = \"0a0b\"",
            "receiving_key = \"0A\"",
            "lower-case hexadecimal",
        ),
        ("0001020304", "00010203", "64 lower-case hexadecimal"),
        (
            "exclusive = true",
            "exclusive = true\ntext = \"x\"",
            "exclude each other",
        ),
        ("and hba1c >= 6.5 %", "and hba1c >= ", "expression:2:15"),
    ];
    for (from, to, words) in table {
        assert!(FULL.contains(from), "{from}");
        let error = Requirement::from_toml(&FULL.replacen(from, to, 1)).expect_err(to);
        assert!(error.to_string().contains(words), "{to}:\n{error}");
    }
    let long = FULL.replacen("able to", &"able to ".repeat(200_000), 1);
    assert!(matches!(
        Requirement::from_toml(&long),
        Err(DocumentError::Length)
    ));
}

#[test]
fn another_schema_is_refused() {
    for reference in ["other", "small@2"] {
        let text = SMALL.replace("\"small\"", &format!("\"{reference}\""));
        let error = Requirement::from_toml(&text)
            .unwrap()
            .check(&schema())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the requirement reads the schema `{reference}`, not `small@1`")
        );
    }
    let text = SMALL.replace("\"deceased\"", "\"diseased\"");
    let error = Requirement::from_toml(&text).unwrap().check(&schema());
    assert!(matches!(error, Err(CheckError::Expression(d)) if d.len() == 1));
}
