//! Wallets and their passphrases.

use crate::desk::{CHEAP, Desk};

#[test]
fn a_wallet_is_secret_and_comes_back_from_its_words() {
    let desk = Desk::new();
    desk.run(&format!("wallet new -o w.json {CHEAP}")).code(0);
    assert_eq!(desk.mode("w.json"), 0o600);
    desk.run("wallet holder --wallet w.json -o h.json").code(0);
    desk.run("wallet backup --wallet w.json -o words").code(0);
    assert_eq!(desk.mode("words"), 0o600);
    let printed = desk.run("wallet backup --wallet w.json").code(0);
    assert_eq!(printed.out, desk.read("words"));
    assert_eq!(printed.out.split_whitespace().count(), 24);

    desk.run(&format!(
        "wallet recover --words words -o again.json {CHEAP}"
    ))
    .code(0);
    desk.run("wallet holder --wallet again.json -o h2.json")
        .code(0);
    assert_eq!(desk.read("h.json"), desk.read("h2.json"));
    // Also from standard input.
    desk.feed(
        &format!("wallet recover --words - -o third.json {CHEAP}"),
        printed.out.as_bytes(),
    )
    .code(0);
    desk.run("wallet holder --wallet third.json -o -").code(0);
}

#[test]
fn wrong_words_are_refused_and_not_repeated() {
    let desk = Desk::new();
    desk.write("words", "zoo ".repeat(23));
    desk.run("wallet recover --words words -o w.json")
        .code(3)
        .says("expected 24 words");
    desk.write("words", format!("{}sossidge", "zoo ".repeat(23)));
    let ran = desk
        .run("wallet recover --words words -o w.json")
        .code(3)
        .says("word 24");
    assert!(!ran.err.contains("sossidge"));
    assert_eq!(desk.names(), ["words"]);
}

#[test]
fn the_passphrase_opens_and_can_be_changed() {
    let desk = Desk::new();
    desk.run(&format!("wallet new -o w.json {CHEAP}")).code(0);
    desk.write("old", "open sesame\n");
    desk.write("new", "other\n");
    desk.write("wrong", "wrong\n");
    let ran = desk.run("wallet holder --wallet w.json --passphrase-file wrong -o h.json");
    ran.code(10).says("help: ");
    let json = desk.run("wallet holder --wallet w.json --passphrase-file wrong -o h.json --json");
    let error = &json.code(10).json()["error"];
    assert_eq!(
        (error["code"].as_u64(), error["kind"].as_str()),
        (Some(10), Some("wrong-passphrase"))
    );
    assert!(!desk.path("h.json").exists());

    desk.run(&format!(
        "wallet passwd --wallet w.json --passphrase-file old --new-passphrase-file new {CHEAP}"
    ))
    .code(0)
    .says("others can read this secret");
    assert_eq!(desk.mode("w.json"), 0o600);
    desk.run("wallet holder --wallet w.json -o h.json").code(10);
    desk.run("wallet holder --wallet w.json --passphrase-file new -o h.json")
        .code(0);
    desk.run("wallet passwd --wallet w.json --passphrase-file old --new-passphrase-file new")
        .code(10);
    // From standard input.
    desk.feed(
        "wallet holder --wallet w.json --passphrase-file - -o h2.json",
        b"other\n",
    )
    .code(0);
}

#[test]
fn without_a_terminal_or_a_passphrase_the_program_says_how_to_give_one() {
    let desk = Desk::new();
    let output = desk
        .command(&["wallet", "new", "-o", "w.json"])
        .env_remove("ELIGO_PASSPHRASE")
        .stdin(std::process::Stdio::null())
        .output();
    let output = output.unwrap();
    // Where the tests run at a terminal of their own, the prompt would wait: there is none in CI.
    if output.status.code() == Some(2) {
        assert!(String::from_utf8_lossy(&output.stderr).contains("ELIGO_PASSPHRASE"));
    }
}

#[test]
fn damaged_wallets_are_bad_files() {
    let desk = Desk::new();
    desk.run(&format!("wallet new -o w.json {CHEAP}")).code(0);
    let whole = desk.read("w.json");
    desk.write("cut.json", &whole[..whole.len() / 2]);
    desk.run("wallet holder --wallet cut.json -o h.json")
        .code(3);
    let at = whole.find("\"sealed\"").unwrap() + 12;
    let digit = if whole.as_bytes()[at] == b'0' {
        "1"
    } else {
        "0"
    };
    let altered = format!("{}{digit}{}", &whole[..at], &whole[at + 1..]);
    desk.write("altered.json", altered);
    desk.run("wallet holder --wallet altered.json -o h.json")
        .code(3)
        .says("altered");
    desk.run("wallet holder --wallet none.json -o h.json")
        .code(3)
        .says("no such file");
    assert!(!desk.path("h.json").exists());
}

#[test]
fn the_passphrase_is_never_taken_from_an_argument() {
    let desk = Desk::new();
    desk.run("wallet new -o w.json --passphrase secret").code(2);
    assert!(desk.names().is_empty());
}
