//! Files written by earlier versions, which every version reads: one sale, in `fixtures/golden/sale-v1`.
//!
//! `ELIGO_REGENERATE=1 cargo test -p eligo-prover-cli --test cli golden` writes them anew; only a new version
//! of a format is a reason to. The proving key is not among them (`circuits/tests/groth16` has one): what a
//! verifier needs is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::desk::{ADULT, CHEAP, DAY, Desk, fixture};

const SHARED: &str = "--grant grant.json --capsule r.sealed.capsule --encounter encounter.json";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/golden/sale-v1")
}

/// Every file of a folder, with its path in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(PathBuf::from(path.file_name().unwrap())),
        }
    }
    files.sort();
    files
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    let name = Path::new(path.file_name().unwrap());
    files(path).iter().map(|f| name.join(f)).collect()
}

fn write_anew() {
    let desk = Desk::new();
    desk.write(
        "sale.toml",
        format!("{ADULT}kind = \"sale\"\nissuers = [\"h.pub\"]\n"),
    );
    // By its bare name: the report repeats the path.
    let record = "pavel-horak.json";
    fs::copy(fixture("fhir/pavel-horak.json"), desk.path(record)).unwrap();
    let visit = "--wallet w.json --hospital golden.example --visit 1";
    for line in [
        "hospital keygen --name Golden -o h.key",
        "hospital public h.key -o h.pub",
        "hospital ledger-key h.key -o h.ledger",
        &format!("wallet new -o w.json {CHEAP}"),
        "wallet holder --wallet w.json -o holder.json",
        &format!("wallet encounter {visit} -o encounter.json"),
        &format!(
            "hospital issue --key h.key --holder holder.json --issued 2021-05-01 -o cred.json --report report.json \
             --encounter encounter.json --sealed-out r.sealed --record {record}"
        ),
        "institution keygen --name Institute -o i.institution",
        "requirement sign sale.toml --key i.institution",
        "keys generate --requirement sale.toml -o keys",
        &format!(
            "prove --wallet w.json --credential cred.json --requirement sale.toml --keys keys {DAY} --context 0a0b -o proof"
        ),
        "keys receiving -o i.key --card i.card",
        "keys proxy -o p1.key --card p1.card",
        "keys proxy -o p2.key --card p2.card",
        "keys proxy -o p3.key --card p3.card",
        &format!(
            "grant {visit} --capsule r.sealed.capsule --to i.card --proxy p1.card --proxy p2.card --proxy p3.card \
             --threshold 2 --from 2026-01-01 --until 2027-01-01 -o grant.json"
        ),
        &format!("reencrypt --key p1.key {SHARED} --at 2026-06-01 -o p1.share"),
        &format!("reencrypt --key p3.key {SHARED} --at 2026-06-01 -o p3.share"),
        &format!("combine --key i.key {SHARED} --share p1.share --share p3.share -o content.key"),
    ] {
        desk.run(line).code(0);
    }
    fs::remove_file(desk.path(record)).unwrap();
    let _ = fs::remove_dir_all(folder());
    for file in files(&desk.path("")) {
        if file.extension().is_some_and(|e| e == "key") && file.starts_with("keys") {
            continue;
        }
        let to = folder().join(&file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(desk.path(file.to_str().unwrap()), to).unwrap();
    }
}

/// A desk with every golden file.
fn desk() -> Desk {
    let desk = Desk::new();
    for file in files(&folder()) {
        let to = desk.path(file.to_str().unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(folder().join(&file), to).unwrap();
    }
    desk
}

#[test]
fn files_of_version_1_are_read() {
    if std::env::var_os("ELIGO_REGENERATE").is_some() {
        write_anew();
    }
    let desk = desk();
    // The wallet and its passphrase, the holder file it derives, the hospital's keys.
    desk.run("wallet holder --wallet w.json -o holder.again")
        .code(0);
    assert_eq!(desk.read("holder.again"), desk.read("holder.json"));
    desk.run("hospital public h.key -o pub.again").code(0);
    assert_eq!(desk.read("pub.again"), desk.read("h.pub"));
    desk.run("hospital ledger-key h.key -o ledger.again")
        .code(0);
    assert_eq!(desk.read("ledger.again"), desk.read("h.ledger"));
    // The issuing report, requirement and its signature, the credential.
    let report: serde_json::Value = serde_json::from_str(&desk.read("report.json")).unwrap();
    assert_eq!(report["version"], 1);
    let checked = desk
        .run("requirement check sale.toml --json")
        .code(0)
        .json();
    assert_eq!(checked["signature"]["name"], "Institute");
    desk.run(&format!(
        "explain --wallet w.json --credential cred.json --requirement sale.toml {DAY}"
    ))
    .code(0);
    // The proof, with and without the folder of keys; another context is another claim.
    let verify = format!("verify --requirement sale.toml --proof proof {DAY}");
    desk.run(&format!("{verify} --keys keys --context 0a0b"))
        .code(0);
    desk.run(&format!("{verify} --vk proof/verification_key.json"))
        .code(0);
    desk.run(&format!("{verify} --keys keys --context 0a0c"))
        .code(5);
}

#[test]
fn a_sale_of_version_1_is_completed() {
    let desk = desk();
    // Shares of version 1, and one made today, combine to the same content key.
    desk.run(&format!(
        "reencrypt --key p2.key {SHARED} --at 2026-06-01 -o p2.share"
    ))
    .code(0);
    for (shares, key) in [
        ("--share p1.share --share p3.share", "old"),
        ("--share p1.share --share p2.share", "mixed"),
    ] {
        desk.run(&format!(
            "combine --key i.key {SHARED} {shares} -o {key}.key"
        ))
        .code(0);
        assert_eq!(desk.read(&format!("{key}.key")), desk.read("content.key"));
    }
    let opened = desk.run(
        "open --key content.key --capsule r.sealed.capsule --issuer h.ledger --requirement sale.toml \
         --proof proof r.sealed -o bundle.json --json",
    );
    assert_eq!(opened.code(0).json()["opened_matches_proof"], true);
    assert_eq!(
        desk.read("bundle.json"),
        fs::read_to_string(fixture("fhir/pavel-horak.json")).unwrap()
    );
    // The patient's grant can be taken back by the wallet that made it.
    desk.run("revoke --wallet w.json --hospital golden.example --visit 1 --grant grant.json -o revocation.json")
        .code(0);
}
