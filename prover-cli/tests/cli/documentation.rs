//! `docs/cli.md`: its commands, run in order, do what it shows.

use std::{fs, path::PathBuf};

use crate::desk::{Desk, fixture};

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md")
}

/// The words of a command line: separated by spaces, or between double quotes.
fn words(line: &str) -> Vec<String> {
    line.split('"')
        .enumerate()
        .flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// The text with every number, hexadecimal or decimal, as `#`.
fn masked(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '.')) {
        let (body, end) = match word.char_indices().last() {
            Some((i, c)) if !(c.is_ascii_alphanumeric() || c == '.') => word.split_at(i),
            _ => (word, ""),
        };
        let number = body.bytes().any(|b| b.is_ascii_digit())
            && body.bytes().all(|b| b.is_ascii_hexdigit() || b == b'.');
        out.push_str(if number { "#" } else { body });
        out.push_str(end);
    }
    // Columns shift with the numbers in them.
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn prepare(desk: &Desk) {
    for (from, to) in [
        ("fhir/marta-nowak.json", "marta.json"),
        ("fhir/nora-o'dwyer.json", "nora.json"),
        ("fhir/two-patients.json", "two-patients.json"),
        ("criteria/heart-failure.ccdl.json", "cohort.json"),
        (
            "vk/gamma_is_delta/verification_key.json",
            "gamma-is-delta.json",
        ),
    ] {
        fs::copy(fixture(from), desk.path(to)).unwrap();
    }
    let own = desk.run("schema show core --json").out;
    desk.write("own.json", own.replacen("\"core\"", "\"own\"", 1));
    desk.write("passphrase", "open sesame\n");
    desk.write("new-passphrase", "another\n");
    for name in ["passphrase", "new-passphrase"] {
        let owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(desk.path(name), owner).unwrap();
    }
    let stroke =
        fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("demo/stroke.toml"));
    let stroke = format!("{}issuers = [\"hospital.pub\"]\n", stroke.unwrap());
    desk.write(
        "wrong.toml",
        stroke.replace("systolic_bp < 140 mm[Hg]", "sistolic_bp < 140 mmHg"),
    );
    desk.write("stroke.toml", stroke);
}

#[test]
fn documentation() {
    let overwrite = std::env::var("ELIGO_DOCS").is_ok_and(|v| v == "overwrite");
    let text = fs::read_to_string(page()).unwrap();
    let desk = Desk::new();
    prepare(&desk);
    let mut written = String::new();
    let mut lines = text.lines().peekable();
    let (mut inside, mut commands) = (false, 0);
    while let Some(line) = lines.next() {
        written.push_str(line);
        written.push('\n');
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ => {}
        }
        let Some(command) = line.strip_prefix("$ eligo ").filter(|_| inside) else {
            continue;
        };
        let mut code = 0;
        if let Some(expected) = lines.next_if(|l| l.starts_with("? ")) {
            code = expected[2..].parse().unwrap();
            written.push_str(expected);
            written.push('\n');
        }
        let mut shown = String::new();
        while let Some(output) = lines.next_if(|l| *l != "```" && !l.starts_with("$ ")) {
            shown.push_str(output);
            shown.push('\n');
        }
        let words = words(command);
        let ran = desk.run_words(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(ran.code, code, "{command}\n{}{}", ran.out, ran.err);
        let mut output = format!("{}{}", ran.out, ran.err);
        if !output.is_empty() && !output.ends_with('\n') {
            output.push('\n');
        }
        if !overwrite {
            assert_eq!(masked(&shown), masked(&output), "{command}");
        }
        written.push_str(&output);
        commands += 1;
    }
    assert!(commands > 25, "{commands}");
    if overwrite {
        fs::write(page(), written).unwrap();
    }
}
