//! From a record to a verified proof, and everything that is refused on the way.

use crate::desk::{ADULT, CHEAP, DAY, Desk, WHO, fixture, world};

const VERIFY: &str = "verify --requirement adult.toml --keys keys --proof proof";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.take(&[
        "w.json",
        "other.json",
        "cred.json",
        "nora.json",
        "adult.toml",
        "draft.toml",
        "h.pub",
        "keys",
        "proof",
    ]);
    desk
}

#[test]
fn a_proof_verifies_and_says_what_it_is() {
    let world = world();
    let ran = world
        .run(&format!("{VERIFY} {DAY} --context 0a0b --json"))
        .code(0);
    let json = ran.json();
    assert_eq!(json["valid"], true);
    assert_eq!(json["proofs"][0]["requirement"], "adult");
    assert_eq!(json["proofs"][0]["today"], "2021-06-01");
    assert!(
        json["proofs"][0]["context"]
            .as_str()
            .unwrap()
            .ends_with("0a0b")
    );
    // The day after is still accepted, two days after and the day before are not.
    world.run(&format!("{VERIFY} --today 2021-06-02")).code(0);
    world.run(&format!("{VERIFY} --today 2021-06-03")).code(7);
    world.run(&format!("{VERIFY} --today 2021-05-31")).code(7);
    world.run(VERIFY).code(7).says("2021-06-01");
    world
        .run(&format!("{VERIFY} {DAY} --context 0a0c"))
        .code(5)
        .says("context");
    // The verifying key alone, the file alone, the issuers alone.
    world.run(&format!("verify --requirement adult.toml --vk proof/verification_key.json --proof proof/proof.json {DAY}"))
        .code(0);
    world
        .run(&format!("{VERIFY} {DAY} --issuers h.pub"))
        .code(0);
}

#[test]
fn tampered_proofs_and_inputs_are_invalid() {
    let desk = desk();
    let public = desk.read("proof/public.json");
    let inputs: Vec<String> = serde_json::from_str(&public).unwrap();
    let with = |inputs: &[String]| serde_json::to_string(inputs).unwrap();
    for position in 0..6 {
        let mut altered = inputs.clone();
        altered[position] = "7".to_owned();
        desk.write("proof/public.json", with(&altered));
        desk.run(&format!("{VERIFY} {DAY}")).code(5);
    }
    let mut extra = inputs.clone();
    extra.push("0".to_owned());
    for altered in [&extra[..], &inputs[..5], &[]] {
        desk.write("proof/public.json", with(altered));
        desk.run(&format!("{VERIFY} {DAY}"))
            .code(5)
            .says("public inputs");
    }
    // The same number, not canonical: the sealed input is 0.
    let mut shifted = inputs.clone();
    shifted[3] =
        "21888242871839275222246405745257275088548364400416034343698204186575808495617".to_owned();
    desk.write("proof/public.json", with(&shifted));
    desk.run(&format!("{VERIFY} {DAY}")).code(5).says("modulus");
    desk.write("proof/public.json", &public[..public.len() / 2]);
    desk.run(&format!("{VERIFY} {DAY}")).code(3);
    desk.write("proof/public.json", &public);
    desk.run(&format!("{VERIFY} {DAY}")).code(0);

    let proof = desk.read("proof/proof.json");
    let swapped = proof
        .replace("pi_a", "pi_x")
        .replace("pi_c", "pi_a")
        .replace("pi_x", "pi_c");
    desk.write("proof/proof.json", swapped);
    desk.run(&format!("{VERIFY} {DAY}")).code(5);
    desk.write("proof/proof.json", &proof[..proof.len() / 2]);
    desk.run(&format!("{VERIFY} {DAY}")).code(3);
    desk.write("proof/proof.json", "{}");
    desk.run(&format!("{VERIFY} {DAY}")).code(3);
}

#[test]
fn a_proof_on_another_requirement_is_refused() {
    let desk = desk();
    // Same circuit, other terms: the digest differs, the keys do not.
    desk.write(
        "adult.toml",
        format!("{ADULT}issuers = [\"h.pub\"]\nreward = 5\n"),
    );
    desk.run(&format!("{VERIFY} {DAY}"))
        .code(5)
        .says("another requirement");
    // Another expression: other keys.
    desk.write(
        "adult.toml",
        format!("{}issuers = [\"h.pub\"]\n", ADULT.replace("18", "21")),
    );
    desk.run(&format!("{VERIFY} {DAY}"))
        .code(3)
        .says("the expression");
    desk.run(&format!(
        "prove {WHO} --requirement adult.toml --keys keys {DAY} -o p"
    ))
    .code(3)
    .says("the expression");
    // Closed.
    desk.write(
        "adult.toml",
        format!("{ADULT}issuers = [\"h.pub\"]\ndeadline = \"2021-05-31\"\n"),
    );
    desk.run(&format!(
        "prove {WHO} --requirement adult.toml --keys keys {DAY} -o p"
    ))
    .code(7)
    .says("closed");
    desk.run(&format!("explain {WHO} --requirement adult.toml {DAY}"))
        .code(7);
}

#[test]
fn issuers_count() {
    let desk = desk();
    desk.run("hospital keygen --name Stranger -o s.key").code(0);
    desk.run("hospital public s.key -o s.pub").code(0);
    desk.run(&format!("{VERIFY} {DAY} --issuers s.pub"))
        .code(6)
        .says("among those you trust");
    desk.write("both.pub", desk.read("s.pub") + &desk.read("h.pub"));
    desk.run(&format!("{VERIFY} {DAY} --issuers both.pub"))
        .code(0);
    // A requirement that accepts another hospital only.
    desk.write("adult.toml", format!("{ADULT}issuers = [\"s.pub\"]\n"));
    desk.run(&format!("{VERIFY} {DAY}")).code(6).says("issuers");
    desk.run(&format!("explain {WHO} --requirement adult.toml {DAY}"))
        .code(6)
        .says("Charité");
    desk.run("keys generate --requirement adult.toml -o strange")
        .code(0);
    desk.run(&format!(
        "prove {WHO} --requirement adult.toml --keys strange {DAY} -o p"
    ))
    .code(6);
    // A draft accepts no one: it is explained with a warning, and not proved.
    let ran = desk
        .run(&format!(
            "explain {WHO} --requirement draft.toml {DAY} --json"
        ))
        .code(0);
    assert_eq!(ran.json()["issuer"]["skipped"], true);
    assert!(ran.err.contains("warning: "));
    desk.run(&format!(
        "prove {WHO} --requirement draft.toml --keys keys {DAY} -o p"
    ))
    .code(3)
    .says("draft");
    desk.run("keys generate --requirement draft.toml -o k")
        .code(3)
        .says("draft");
    assert!(!desk.path("p").exists() && !desk.path("k").exists());
}

#[test]
fn several_issuers_make_a_tree_whose_root_is_checked() {
    let desk = desk();
    desk.run("hospital keygen --name Stranger -o s.key").code(0);
    desk.run("hospital public s.key -o s.pub").code(0);
    desk.run("hospital keygen --name Third -o t.key").code(0);
    desk.run("hospital public t.key -o t.pub").code(0);
    desk.write(
        "adult.toml",
        format!("{ADULT}issuers = [\"h.pub\", \"s.pub\"]\n"),
    );
    desk.run("keys generate --requirement adult.toml -o tree")
        .code(0);
    desk.run(&format!(
        "prove {WHO} --requirement adult.toml --keys tree {DAY} -o p --check-keys"
    ))
    .code(0);
    let verify = format!("verify --requirement adult.toml --keys tree --proof p {DAY}");
    desk.run(&verify).code(0);
    // The keys serve any two issuers; the proof does not.
    desk.write(
        "adult.toml",
        format!("{ADULT}issuers = [\"h.pub\", \"t.pub\"]\n"),
    );
    desk.run(&verify).code(6).says("other issuers");
}

#[test]
fn a_record_that_is_not_eligible_writes_nothing() {
    let desk = desk();
    let line = format!("--wallet w.json --credential nora.json --requirement adult.toml {DAY}");
    let ran = desk.run(&format!("prove {line} --keys keys -o p")).code(4);
    assert!(
        ran.err.contains("no diagnosis in icd10:I48") && ran.err.contains("I480"),
        "{}",
        ran.err
    );
    assert!(!desk.path("p").exists());
    let ran = desk
        .run(&format!("prove {line} --keys keys -o p --json"))
        .code(4);
    assert_eq!(ran.json()["error"]["kind"], "not-eligible");

    let ran = desk.run(&format!("explain {line} --json")).code(4);
    let json = ran.json();
    assert_eq!(json["eligible"], false);
    let holds: Vec<bool> = json["criteria"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["holds"].as_bool().unwrap())
        .collect();
    assert_eq!(holds, [true, true, false]);
    assert!(
        json["criteria"][2]["value"]
            .as_str()
            .unwrap()
            .contains("I48")
    );
    desk.run(&format!("explain {WHO} --requirement adult.toml {DAY}"))
        .code(0);
}

#[test]
fn wrong_wallets_altered_and_expired_credentials_have_their_own_errors() {
    let desk = desk();
    let explain = |who: &str, day: &str| {
        desk.run(&format!(
            "explain {who} --requirement adult.toml --today {day}"
        ))
    };
    explain("--wallet other.json --credential cred.json", "2021-06-01")
        .code(3)
        .says("another wallet");
    explain(WHO, "2021-04-30")
        .code(7)
        .says("valid from 2021-05-01");
    explain(WHO, "2022-05-02")
        .code(7)
        .says("expired on 2022-05-01");
    explain(WHO, "2022-05-01").code(0);
    for day in ["2021-04-30", "2022-05-02"] {
        desk.run(&format!(
            "prove {WHO} --requirement adult.toml --keys keys --today {day} -o p"
        ))
        .code(7);
    }
    desk.run(&format!("prove --wallet other.json --credential cred.json --requirement adult.toml --keys keys {DAY} -o p"))
        .code(3);
    let whole = desk.read("cred.json");
    desk.write("cred.json", whole.replace("2022-05-01", "2032-05-01"));
    explain(WHO, "2021-06-01").code(3).says("altered");
    let mut value: serde_json::Value = serde_json::from_str(&whole).unwrap();
    value["cells"][0] = 1.into();
    desk.write("cred.json", value.to_string());
    explain(WHO, "2021-06-01").code(3).says("altered");
    desk.write("cred.json", &whole[..whole.len() - 20]);
    explain(WHO, "2021-06-01").code(3);
    desk.run("explain --wallet w.json --credential none.json --requirement adult.toml")
        .code(3);
    explain(
        "--wallet w.json --credential cred.json --requirement",
        "yesterday",
    )
    .code(2);
    assert!(!desk.path("p").exists());
}

#[test]
fn altered_keys_are_refused() {
    let desk = desk();
    let prove = format!("prove {WHO} --requirement adult.toml --keys keys {DAY} -o p");
    let key = desk.path("keys/adult/proving.key");
    let mut bytes = std::fs::read(&key).unwrap();
    let whole = bytes.clone();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&key, &bytes).unwrap();
    desk.run(&prove).code(3).says("proving.key");
    desk.run("keys inspect keys").code(3);
    desk.run("keys check --requirement adult.toml --keys keys")
        .code(3);
    std::fs::write(&key, &whole[..last]).unwrap();
    desk.run(&prove).code(3);
    std::fs::write(&key, &whole).unwrap();
    desk.run("keys check --requirement adult.toml --keys keys")
        .code(0);
    desk.run("keys inspect keys/adult --json").code(0).json();

    // Two elements changed places: every point is on its curve, but the key is not the circuit's.
    let (first, second) = (whole.len() - 256, whole.len() - 128);
    let mut swapped = whole.clone();
    swapped.copy_within(second.., first);
    swapped[second..].copy_from_slice(&whole[first..second]);
    std::fs::write(&key, &swapped).unwrap();
    desk.run("keys check --requirement adult.toml --keys keys")
        .code(9)
        .says("B query");
    desk.run(&format!("{prove} --check-keys"))
        .code(9)
        .says("B query");
    assert!(!desk.path("p").exists());
    std::fs::write(&key, &whole).unwrap();
    let ran = desk
        .run("keys check --requirement adult.toml --keys keys --json")
        .code(0);
    assert_eq!(ran.json()["consistent"], true);

    // A safe key of another circuit in the place of the verifying key.
    std::fs::copy(
        fixture("vk/good/verification_key.json"),
        desk.path("keys/adult/verification_key.json"),
    )
    .unwrap();
    desk.run(&format!("{VERIFY} {DAY}"))
        .code(3)
        .says("circuit.json");
    desk.write("keys/adult/circuit.json", "{}");
    desk.run(&prove).code(3).says("circuit.json");
    assert!(!desk.path("p").exists());
}

#[test]
fn unsafe_keys_are_named() {
    let desk = desk();
    let flawed = std::fs::read_dir(fixture("vk")).unwrap().filter_map(|e| {
        let path = e.unwrap().path();
        path.join("verification_key.json").exists().then_some(path)
    });
    let mut seen = 0;
    for folder in flawed {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let vk = folder.join("verification_key.json");
        let vk = vk.to_str().unwrap();
        let safe = matches!(name.as_str(), "good" | "snarkjs");
        let ran = desk
            .run_words(&["keys", "lint", vk, "--json"])
            .code(if safe { 0 } else { 9 });
        assert_eq!(ran.json()["safe"], safe, "{name}");
        if !safe {
            assert!(!ran.json()["findings"].as_array().unwrap().is_empty());
            desk.run_words(&[
                "verify",
                "--requirement",
                "adult.toml",
                "--vk",
                vk,
                "--proof",
                "proof",
                "--today",
                "2021-06-01",
            ])
            .code(9);
        }
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
    desk.write("no.json", "[]");
    desk.run("keys lint no.json").code(3);
}

#[test]
fn many_proofs_at_once() {
    let desk = desk();
    desk.write(
        "senior.toml",
        format!(
            "{}issuers = [\"h.pub\"]\n",
            ADULT.replace("adult", "senior").replace("18", "50")
        ),
    );
    desk.run("keys generate --requirement senior.toml -o keys --jobs 1")
        .code(0);
    let line = format!(
        "prove {WHO} --credential nora.json --requirement adult.toml --requirement senior.toml --keys keys {DAY} -o many"
    );
    let ran = desk.run(&format!("{line} --json")).code(4);
    assert_eq!(ran.json()["proofs"].as_array().unwrap().len(), 4);
    let made: Vec<String> = {
        let mut names: Vec<String> = std::fs::read_dir(desk.path("many"))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(made, ["adult--cred", "senior--cred"]);
    let verify = format!(
        "verify --requirement adult.toml --requirement senior.toml --keys keys --proof many {DAY}"
    );
    let ran = desk.run(&format!("{verify} --json")).code(0);
    assert_eq!(ran.json()["proofs"].as_array().unwrap().len(), 2);
    // One bad proof among them is named.
    let (a, b) = (
        "many/adult--cred/public.json",
        "many/senior--cred/public.json",
    );
    let mut inputs: Vec<String> = serde_json::from_str(&desk.read(a)).unwrap();
    inputs[2] = "5".to_owned();
    desk.write(a, serde_json::to_string(&inputs).unwrap());
    let ran = desk.run(&verify).code(5);
    assert!(
        ran.err.contains("adult--cred") && ran.out.contains("senior--cred: valid"),
        "{}",
        ran.err
    );
    // With one requirement, the other's proof is not one on it.
    desk.write(a, desk.read(b));
    desk.run(&format!(
        "verify --requirement adult.toml --keys keys --proof many {DAY}"
    ))
    .code(5);
}

#[test]
fn a_sale_needs_a_sealed_record() {
    let desk = desk();
    desk.write(
        "sale.toml",
        format!(
            "{}issuers = [\"h.pub\"]\nkind = \"sale\"\n",
            ADULT.replace("adult", "sale")
        ),
    );
    desk.run("keys generate --requirement sale.toml -o keys")
        .code(0);
    desk.run(&format!(
        "prove {WHO} --requirement sale.toml --keys keys {DAY} -o p"
    ))
    .code(3)
    .says("sealed");
}

#[test]
fn work_can_be_made_constant() {
    let desk = desk();
    desk.run(&format!(
        "prove {WHO} --requirement adult.toml --keys keys {DAY} --constant-work --check-keys -o p"
    ))
    .code(0);
    desk.run(&format!("{VERIFY} {DAY}").replace("--proof proof", "--proof p"))
        .code(0);
}

#[test]
fn contexts_are_hexadecimal_and_fit() {
    let desk = desk();
    let prove = |context: &str| {
        desk.run(&format!(
            "prove {WHO} --requirement adult.toml --keys keys {DAY} -o p --context {context}"
        ))
    };
    prove("xyz").code(2);
    prove("abc").code(2);
    prove(&"ff".repeat(32)).code(2);
    prove(&"00".repeat(33)).code(2);
    prove(&"ff".repeat(31)).code(0);
}

#[test]
fn the_holder_document_of_another_format_is_refused() {
    let desk = desk();
    desk.run(&format!("wallet new -o n.json {CHEAP}")).code(0);
    desk.run_words(&[
        "hospital", "issue", "--key", "h.pub", "--holder", "w.json", "--record", "x", "-o", "c",
    ])
    .code(3);
    assert!(!desk.path("c").exists());
}

#[test]
fn circuits_are_exported_and_keys_of_others_not_imported() {
    let desk = desk();
    desk.run("export r1cs --requirement adult.toml -o adult.r1cs")
        .code(0);
    let bytes = std::fs::read(desk.path("adult.r1cs")).unwrap();
    assert_eq!(&bytes[..8], b"r1cs\x01\0\0\0");
    let wtns = format!("export wtns {WHO} --requirement adult.toml {DAY} -o adult.wtns");
    desk.run(&wtns).code(0).says("delete it");
    let witness = std::fs::read(desk.path("adult.wtns")).unwrap();
    assert_eq!(&witness[..8], b"wtns\x02\0\0\0");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(desk.path("adult.wtns"))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
    desk.run(
        &wtns
            .replace("cred.json", "nora.json")
            .replace(".wtns", "2.wtns"),
    )
    .code(4);
    assert!(!desk.path("adult2.wtns").exists());

    let vk = "keys/adult/verification_key.json";
    let ran = desk.run(&format!("export solidity --vk {vk}")).code(0);
    assert!(ran.out.contains("contract Groth16Verifier"));
    assert!(!ran.out.contains("{{"));
    let ran = desk
        .run(&format!("export solidity --gate --vk {vk}"))
        .code(0);
    assert!(ran.out.contains("contract EligibilityGate") && !ran.out.contains("{{"));
    let unsafe_key = fixture("vk/gamma_is_delta/verification_key.json");
    desk.run_words(&["export", "solidity", "--vk", &unsafe_key])
        .code(9);

    desk.run("export r1cs --requirement draft.toml -o draft.r1cs")
        .code(3);
    let ran = desk
        .run("export constraints --requirement adult.toml")
        .code(0);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let total = json["circuit"]["constraints"]["total"].as_u64().unwrap();
    assert_eq!(json["a"].as_array().unwrap().len() as u64, total);
    desk.run("keys import --zkey adult.r1cs --requirement adult.toml -o imported")
        .code(3)
        .says("zkey");
    assert!(!desk.path("imported").exists());
}
