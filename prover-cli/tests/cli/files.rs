//! Files: whole or not at all, never over another, secrets for the owner alone.

use std::{os::unix::fs::symlink, process::Stdio, time::Duration};

use crate::desk::{ADULT, CHEAP, Desk, world};

#[test]
fn nothing_is_overwritten_without_force() {
    let desk = Desk::new();
    desk.run("hospital keygen -o h.key").code(0);
    let first = desk.read("h.key");
    desk.run("hospital keygen -o h.key").code(2).says("--force");
    assert_eq!(desk.read("h.key"), first);
    desk.run("hospital keygen -o h.key --force").code(0);
    assert_ne!(desk.read("h.key"), first);
    assert_eq!(desk.mode("h.key"), 0o600);

    desk.take(&[
        "w.json",
        "cred.json",
        "adult.toml",
        "h.pub",
        "keys",
        "proof",
    ]);
    let before = desk.read("proof/proof.json");
    let line = "prove --wallet w.json --credential cred.json --requirement adult.toml --keys keys --today 2021-06-01 -o proof";
    desk.run(line).code(2).says("exists already");
    assert_eq!(desk.read("proof/proof.json"), before);
    desk.run(&format!("{line} --force")).code(0);
    assert_ne!(desk.read("proof/proof.json"), before);
    desk.run("keys generate --requirement adult.toml -o keys")
        .code(2)
        .says("--force");
}

#[test]
fn a_cluster_is_made_once_and_asked_where_it_is() {
    let desk = Desk::new();
    desk.run("cluster init -o cluster").code(0);
    let genesis = || std::fs::read(desk.path("cluster/genesis")).unwrap();
    let before = genesis();
    desk.run("cluster init -o cluster")
        .code(2)
        .says("exists already");
    assert_eq!(genesis(), before);
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.run("cluster status --dir empty")
        .code(3)
        .says("no cluster is there");
}

#[test]
fn a_link_that_leads_nowhere_is_not_written_through() {
    let desk = Desk::new();
    symlink(desk.path("elsewhere"), desk.path("h.key")).unwrap();
    desk.run("hospital keygen -o h.key").code(2);
    assert!(!desk.path("elsewhere").exists());
}

#[test]
fn secrets_have_mode_0600_and_public_files_do_not() {
    let world = world();
    for secret in ["h.key", "w.json", "cred.json"] {
        assert_eq!(world.mode(secret), 0o600, "{secret}");
    }
    for public in [
        "h.pub",
        "holder.json",
        "keys/adult/proving.key",
        "proof/proof.json",
    ] {
        assert_eq!(world.mode(public) & 0o444, 0o444, "{public}");
    }
    let desk = Desk::new();
    desk.take(&["h.key"]);
    let ran = desk.run("hospital public h.key").code(0);
    assert!(ran.err.is_empty(), "{}", ran.err);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(desk.path("h.key"), open).unwrap();
    desk.run("hospital public h.key").code(0).says("chmod 600");
}

#[test]
fn missing_folders_and_folders_in_the_place_of_files_are_named() {
    let desk = Desk::new();
    desk.run("hospital keygen -o no/such/h.key")
        .code(2)
        .says("mkdir -p no/such");
    desk.run("hospital keygen -o .").code(2).says("a folder");
    desk.run("hospital public .").code(3).says("a folder");
    desk.run("hospital public none.key")
        .code(3)
        .says("none.key: no such file");
    assert!(desk.names().is_empty());
}

#[test]
fn standard_input_and_output_stand_for_files() {
    let desk = Desk::new();
    let key = desk.run("hospital keygen -o -").code(0);
    assert_eq!(key.out.lines().count(), 1);
    assert!(
        key.err.contains("secret key"),
        "the summary goes elsewhere: {}",
        key.err
    );
    let public = desk.feed("hospital public -", key.out.as_bytes()).code(0);
    assert!(public.out.contains("eligo issuer public key"));
    // With --json the artefact keeps standard output to itself.
    let both = desk.run("hospital keygen -o - --json").code(0);
    assert!(both.out.contains("eligo issuer secret key") && both.out.lines().count() == 1);
    // One standard input feeds one argument.
    desk.feed(
        "explain --wallet w --credential - --requirement -",
        ADULT.as_bytes(),
    )
    .code(2)
    .says("standard input");
    assert!(desk.names().is_empty());
}

#[test]
fn files_that_are_too_large_are_refused_unread() {
    let desk = Desk::new();
    desk.write("big", vec![b' '; 1 << 20]);
    desk.run("hospital public big").code(3).says("at most");
    desk.run("wallet holder --wallet big -o h.json")
        .code(3)
        .says("at most");
}

#[test]
fn an_interrupted_run_leaves_nothing() {
    let desk = Desk::new();
    desk.take(&["adult.toml", "h.pub"]);
    let mut child = desk
        .command(&[
            "keys",
            "generate",
            "--requirement",
            "adult.toml",
            "-o",
            "keys",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let _ = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    let code = child.wait().unwrap().code();
    // On a machine that is fast enough the run was over; else nothing of it is left.
    if code == Some(130) {
        assert_eq!(desk.names(), ["adult.toml", "h.pub"]);
    } else {
        assert_eq!(code, Some(0));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let desk = Desk::new();
    let mut child = desk
        .command(&["schema", "list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    desk.run(&format!("wallet new -o w.json {CHEAP}")).code(0);
}

/// `eligo export ... | head` is no failure: the reader went away with what it wanted.
#[test]
fn an_artefacts_reader_that_goes_away_is_no_failure() {
    let desk = Desk::new();
    desk.take(&["adult.toml", "h.pub"]);
    let mut child = desk
        .command(&[
            "export",
            "constraints",
            "--requirement",
            "adult.toml",
            "-o",
            "-",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds is written, and nobody reads it.
    drop(child.stdout.take());
    let ran = child.wait_with_output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert!(!said.contains("error"), "{said}");
}
