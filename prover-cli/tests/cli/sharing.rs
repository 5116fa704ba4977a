//! From seal to open, in files.

use std::{fs, sync::OnceLock};

use crate::desk::{ADULT, DAY, Desk, fixture, world};

const VISIT: &str = "--wallet w.json --hospital charite.example --visit 3";
const SHARED: &str = "--grant grant.json --capsule r.sealed.capsule --encounter encounter.json";

/// A record issued and sealed, a requirement of kind `sale`, keys and a proof, five proxies, a grant to an
/// institution, and all five shares, of which the second is a lie.
fn office() -> &'static Desk {
    static OFFICE: OnceLock<Desk> = OnceLock::new();
    OFFICE.get_or_init(|| {
        let desk = Desk::new();
        desk.take(&["h.key", "h.pub", "w.json"]);
        desk.run("hospital ledger-key h.key -o h.ledger").code(0);
        desk.run(&format!("wallet encounter {VISIT} -o encounter.json"))
            .code(0);
        desk.run("wallet holder --wallet w.json -o holder.json")
            .code(0);
        let marta = fixture("fhir/marta-nowak.json");
        let issue = format!(
            "hospital issue --key h.key --holder holder.json --issued 2021-05-01 -o cred.json \
             --encounter encounter.json --sealed-out r.sealed --record {marta}"
        );
        desk.run(&issue).code(0);
        let sale = format!("{ADULT}kind = \"sale\"\nissuers = [\"h.pub\"]\n");
        desk.write("sale.toml", sale);
        desk.run("keys generate --requirement sale.toml -o keys")
            .code(0);
        desk.run(&format!(
            "prove --wallet w.json --credential cred.json --requirement sale.toml --keys keys {DAY} -o proof"
        ))
        .code(0);
        desk.run("keys receiving -o i.key --card i.card").code(0);
        let mut cards = String::new();
        for p in 1..=5 {
            desk.run(&format!("keys proxy -o p{p}.key --card p{p}.card"))
                .code(0);
            cards.push_str(&format!(" --proxy p{p}.card"));
        }
        desk.run(&format!(
            "grant {VISIT} --capsule r.sealed.capsule --to i.card{cards} --from 2026-01-01 --until 2027-01-01 -o grant.json"
        ))
        .code(0);
        for p in 1..=5 {
            desk.run(&format!(
                "reencrypt --key p{p}.key {SHARED} --at 2026-06-01 -o p{p}.share"
            ))
            .code(0);
        }
        let other = desk.run(&format!(
            "reencrypt --key p2.key {SHARED} --at 2026-06-01 -o p2.again"
        ));
        other.code(0);
        desk.write("p2.share", lie(&desk, "p2.again", "p3.share"));
        desk
    })
}

/// The first proxy's share with the second's value in it.
fn lie(desk: &Desk, mine: &str, other: &str) -> String {
    let data = |name: &str| {
        let json: serde_json::Value = serde_json::from_str(&desk.read(name)).unwrap();
        decode(json["data"].as_str().unwrap())
    };
    let (mut share, other) = (data(mine), data(other));
    // The value stands before the challenge (4 + 32 bytes) and the response (4 + 48).
    let from = share.len() - (4 + 48) - (4 + 32) - 576;
    share[from..from + 576].copy_from_slice(&other[from..from + 576]);
    format!(
        r#"{{"format": "eligo-share", "version": 1, "data": "{}"}}"#,
        encode(&share)
    )
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn decode(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter(|b| *b != b'=');
    let digits: Vec<u32> = digits
        .map(|b| ALPHABET.iter().position(|a| *a == b).unwrap() as u32)
        .collect();
    let group = |four: &[u32]| {
        let word = (0..4).fold(0, |w, i| w << 6 | four.get(i).copied().unwrap_or(0));
        word.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

fn encode(bytes: &[u8]) -> String {
    let group = |three: &[u8]| {
        let word = (0..3).fold(0u32, |w, i| {
            w << 8 | u32::from(three.get(i).copied().unwrap_or(0))
        });
        let digit = |i: usize| match i <= three.len() {
            true => char::from(ALPHABET[(word >> (18 - 6 * i) & 63) as usize]),
            false => '=',
        };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// A desk with some of the office's files.
fn desk(names: &[&str]) -> Desk {
    let desk = Desk::new();
    for name in names {
        desk.write(name, fs::read(office().path(name)).unwrap());
    }
    desk
}

const INSTITUTION: [&str; 9] = [
    "i.key",
    "grant.json",
    "r.sealed",
    "r.sealed.capsule",
    "encounter.json",
    "p1.share",
    "p2.share",
    "p3.share",
    "p5.share",
];

#[test]
fn a_liar_is_named_and_the_institution_opens_exactly_the_proved_record() {
    let office = office();
    let ran = office.run(&format!(
        "combine --key i.key {SHARED} --share p1.share --share p2.share --share p3.share --share p5.share -o content.key --json"
    ));
    let ran = ran.code(0).says("proxy 2 gave a wrong share");
    let combined = ran.json();
    assert_eq!(combined["verified"], serde_json::json!([1, 3, 5]));
    assert_eq!(combined["liars"][0]["proxy"], 2);
    assert_eq!(combined["liars"][0]["share"], "p2.share");
    let card: serde_json::Value = serde_json::from_str(&office.read("p2.card")).unwrap();
    assert_eq!(combined["liars"][0]["key"], card["key"]);
    assert_eq!(office.mode("content.key"), 0o600);

    let open = "open --key content.key --capsule r.sealed.capsule --issuer h.ledger --requirement sale.toml \
                --proof proof r.sealed";
    let opened = office.run(&format!("{open} -o bundle.json --json")).code(0);
    let opened = opened.json();
    assert_eq!(opened["opened_matches_proof"], true);
    assert_eq!(opened["today"], "2021-06-01");
    let credential: serde_json::Value = serde_json::from_str(&office.read("cred.json")).unwrap();
    assert_eq!(opened["record"], credential["record"]);
    let public: Vec<String> = serde_json::from_str(&office.read("proof/public.json")).unwrap();
    assert_eq!(public[3], credential["sealed"].as_str().unwrap());
    let marta = fs::read_to_string(fixture("fhir/marta-nowak.json")).unwrap();
    assert_eq!(office.read("bundle.json"), marta);
    assert_eq!(office.mode("bundle.json"), 0o600);

    // The patient opens it alone, and another hospital's name is not believed.
    let own =
        format!("open {VISIT} --capsule r.sealed.capsule --issuer h.ledger r.sealed -o own.json");
    office.run(&own).code(0);
    assert_eq!(office.read("own.json"), marta);
    office.run("hospital keygen --name Other -o o.key").code(0);
    office.run("hospital ledger-key o.key -o o.ledger").code(0);
    let by = "open --key content.key --capsule r.sealed.capsule --issuer o.ledger r.sealed -o x";
    office.run(by).code(6).says("did not sign this record");
    // A proof about another sealed record is told apart.
    let (other, altered) = ("altered", &public[3]);
    fs::create_dir(office.path(other)).unwrap();
    let text = office.read("proof/public.json").replace(altered, "7");
    office.write("altered/public.json", text);
    let with = open.replace("--proof proof", "--proof altered");
    office
        .run(&format!("{with} -o x"))
        .code(5)
        .says("another sealed record");
    assert!(!office.path("x").exists());
}

#[test]
fn too_few_right_shares_open_nothing() {
    let desk = desk(&INSTITUTION);
    let combine = format!("combine --key i.key {SHARED} -o content.key");
    desk.run(&format!("{combine} --share p1.share --share p3.share"))
        .code(2)
        .says("2 right shares, and 3 are needed");
    let lied = desk.run(&format!(
        "{combine} --share p1.share --share p2.share --share p3.share --json"
    ));
    let lied = lied.code(5).says("proxy 2 gave a wrong share");
    assert_eq!(lied.json()["error"]["code"], 5);
    // One share three times is one share.
    desk.run(&format!(
        "{combine} --share p1.share --share p1.share --share p1.share"
    ))
    .code(2)
    .says("1 right shares");
    assert!(!desk.path("content.key").exists());
}

#[test]
fn a_transcript_goes_to_arbiters_alone() {
    let desk = desk(&INSTITUTION);
    desk.run(&format!(
        "combine --key i.key {SHARED} --share p1.share --share p3.share --share p5.share --transcript t -o k"
    ))
    .code(0);
    assert_eq!(desk.mode("t"), 0o600);
    assert!(desk.read("t").contains("eligo-dispute"));
}

#[test]
fn proxies_answer_only_in_time_and_not_after_a_revocation() {
    let desk = desk(&[
        "p1.key",
        "grant.json",
        "r.sealed.capsule",
        "encounter.json",
        "w.json",
    ]);
    let answer = format!("reencrypt --key p1.key {SHARED} -o s");
    desk.run(&format!("{answer} --at 2025-12-31T23:59:59Z"))
        .code(7)
        .says("holds only from 2026-01-01T00:00:00Z");
    desk.run(&format!("{answer} --at 2027-01-02"))
        .code(7)
        .says("held until 2027-01-01T23:59:59Z");
    desk.run(&format!(
        "revoke {VISIT} --grant grant.json -o revocation.json"
    ))
    .code(0);
    desk.run(&format!(
        "{answer} --at 2026-06-01 --revocation revocation.json"
    ))
    .code(7)
    .says("revoked");
    assert!(!desk.path("s").exists());
    desk.run(&format!("{answer} --at 2027-01-01T23:59:59Z"))
        .code(0);
    // Only the visit that granted revokes, and a proxy that was not chosen has no share.
    let other = VISIT.replace("--visit 3", "--visit 4");
    desk.run(&format!("revoke {other} --grant grant.json -o x"))
        .code(3)
        .says("another visit");
    desk.run("keys proxy -o p9.key --card p9.card").code(0);
    desk.run(&format!(
        "reencrypt --key p9.key {SHARED} -o x --at 2026-06-01"
    ))
    .code(3)
    .says("has no share");
}

#[test]
fn what_was_altered_or_swapped_is_refused() {
    let desk = desk(&INSTITUTION);
    desk.run(&format!(
        "combine --key i.key {SHARED} --share p1.share --share p3.share --share p5.share -o content.key"
    ))
    .code(0);
    let whole = fs::read(desk.path("r.sealed")).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for (name, bytes) in [
        ("flipped", flipped),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("longer", [whole.as_slice(), b"x"].concat()),
        ("empty", Vec::new()),
    ] {
        desk.write(name, bytes);
        desk.run(&format!("open --key content.key {name} -o out"))
            .code(3)
            .says(name);
        let printed = desk
            .run(&format!("open --key content.key {name} -o -"))
            .code(3);
        assert!(printed.out.is_empty());
    }
    assert!(!desk.path("out").exists());
    // Another capsule, another card, another institution's key.
    desk.take(&["w.json"]);
    let other = VISIT.replace("--visit 3", "--visit 4");
    desk.run(&format!("wallet encounter {other} -o other.card"))
        .code(0);
    desk.feed("seal --to other.card -o other.sealed", b"another")
        .code(0);
    let shares = "--share p1.share --share p3.share --share p5.share -o x";
    let line = |capsule: &str, card: &str, key: &str| {
        format!(
            "combine --key {key} --grant grant.json --capsule {capsule} --encounter {card} {shares}"
        )
    };
    desk.run(&line("other.sealed.capsule", "encounter.json", "i.key"))
        .code(3)
        .says("record key is not");
    desk.run(&line("r.sealed.capsule", "other.card", "i.key"))
        .code(3)
        .says("not signed");
    desk.run("keys receiving -o j.key --card j.card").code(0);
    desk.run(&line("r.sealed.capsule", "encounter.json", "j.key"))
        .code(3)
        .says("another receiving key");
    desk.run("open --key content.key other.sealed -o x").code(3);
    let capsule = desk.read("r.sealed.capsule");
    desk.write(
        "bent.capsule",
        capsule.replacen("\"data\": \"", "\"data\": \"A", 1),
    );
    desk.run(&line("bent.capsule", "encounter.json", "i.key"))
        .code(3)
        .says("bent.capsule");
    assert!(!desk.path("x").exists());
}

#[test]
fn files_of_any_size_stream_through_pipes() {
    let desk = Desk::new();
    desk.take(&["w.json"]);
    desk.run(&format!("wallet encounter {VISIT} -o e.card"))
        .code(0);
    let open = format!("open {VISIT} --capsule c");
    for length in [0, 1, 65_536, 65_537, 1_000_003] {
        let plain = vec![b'a'; length];
        let sealed = desk
            .feed("seal --to e.card --capsule c --force -o s", &plain)
            .code(0);
        assert!(sealed.err.is_empty(), "{}", sealed.err);
        desk.run(&format!("{open} s -o out --force")).code(0);
        assert_eq!(fs::read(desk.path("out")).unwrap(), plain);
        assert_eq!(desk.mode("out"), 0o600);
        let sealed = fs::read(desk.path("s")).unwrap();
        let piped = desk.feed(&format!("{open} -o -"), &sealed).code(0);
        assert_eq!(piped.out.as_bytes(), plain);
        let piped = desk.run(&format!("{open} s -o - --json")).code(0);
        assert_eq!(piped.out.as_bytes(), plain);
    }
    desk.feed("seal --to e.card", b"x")
        .code(2)
        .says("--capsule");
    desk.feed("seal --to e.card -o s", b"x")
        .code(2)
        .says("--force");
    desk.feed("seal --to e.card -o -", b"x").code(2);
    desk.run(&format!("open {VISIT} s -o x")).code(2);
    let holder = "wallet holder --wallet w.json -o holder.json";
    desk.run(holder).code(0);
    desk.feed("seal --to holder.json -o t", b"x")
        .code(3)
        .says("no keys of a visit");
}

#[test]
fn a_sealed_record_needs_the_patients_visit() {
    let desk = Desk::new();
    desk.take(&["h.key", "holder.json"]);
    let marta = fixture("fhir/marta-nowak.json");
    desk.run(&format!(
        "hospital issue --key h.key --holder holder.json --record {marta} --sealed-out s -o c.json"
    ))
    .code(3)
    .says("eligo wallet holder --hospital");
    assert_eq!(desk.names(), ["h.key", "holder.json"]);
    // A holder document with a visit is enough.
    desk.take(&["w.json"]);
    desk.run("wallet holder --wallet w.json --hospital h --visit 1 -o visit.json")
        .code(0);
    let ran = desk.run(&format!(
        "hospital issue --key h.key --holder visit.json --record {marta} --sealed-out s -o c.json --json"
    ));
    let json = ran.code(0).json();
    let credential: serde_json::Value = serde_json::from_str(&desk.read("c.json")).unwrap();
    assert_eq!(json["sealed_record"]["sealed"], credential["sealed"]);
    assert_eq!(json["sealed_record"]["record"], credential["record"]);
    assert_ne!(credential["sealed"], "0");
    let count = &world().read("cred.json");
    let count: serde_json::Value = serde_json::from_str(count).unwrap();
    assert_eq!(count["sealed"], "0");
}

#[test]
fn grants_are_checked_before_they_are_made() {
    let desk = desk(&["r.sealed.capsule", "i.card", "p1.card", "p2.card", "w.json"]);
    let grant = |rest: &str| {
        desk.run(&format!(
            "grant {VISIT} --capsule r.sealed.capsule --to i.card --proxy p1.card {rest} -o g"
        ))
    };
    grant("--proxy p1.card").code(2).says("same key");
    grant("--proxy p2.card --threshold 3")
        .code(2)
        .says("threshold of 3");
    grant("--from 2027-01-01 --until 2026-01-01")
        .code(2)
        .says("before it begins");
    grant("--until yesterday").code(2).says("no moment");
    desk.run(&format!(
        "grant {} --capsule r.sealed.capsule --to i.card --proxy p1.card -o g",
        VISIT.replace("--visit 3", "--visit 4")
    ))
    .code(3)
    .says("another visit");
    desk.run(&format!(
        "grant {VISIT} --capsule r.sealed.capsule --to p1.card --proxy i.card -o g"
    ))
    .code(3)
    .says("eligo keys");
    assert!(!desk.path("g").exists());
    let json = grant("--proxy p2.card --json").code(0).json();
    assert_eq!(json["threshold"], 2);
    assert_eq!(json["not_after"], serde_json::Value::Null);
}
