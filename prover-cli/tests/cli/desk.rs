//! A folder to run the program in, and the world most tests share.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

/// What one run printed and returned.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("not killed"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Checks the exit code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// Checks that standard error says this.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "`{text}` not in: {}", self.err);
        self
    }

    /// The one JSON object on the one line of standard output.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{}", self.out);
        let value: Value = serde_json::from_str(&self.out).expect("JSON");
        assert_eq!(value["version"], 1);
        value
    }
}

/// A folder to run the program in.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command line; words are separated by spaces. The passphrase is `open sesame`.
    pub fn run(&self, line: &str) -> Ran {
        self.run_words(&line.split_whitespace().collect::<Vec<_>>())
    }

    pub fn run_words(&self, words: &[&str]) -> Ran {
        Ran::of(self.command(words).stdin(Stdio::null()).output().unwrap())
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eligo"));
        command
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .env("ELIGO_PASSPHRASE", "open sesame");
        command
    }

    /// Runs with standard input.
    pub fn feed(&self, line: &str, input: &[u8]) -> Ran {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut child = self
            .command(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that refuses early does not read.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ran::of(child.wait_with_output().unwrap())
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Copies a file of the world.
    pub fn take(&self, names: &[&str]) -> &Self {
        for name in names {
            copy(&world().path(name), &self.path(name));
        }
        self
    }

    /// Names of everything in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn mode(&self, name: &str) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o777
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// The repository's fixtures.
pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(name);
    path.to_str().unwrap().to_owned()
}

/// A cheap wallet.
pub const CHEAP: &str = "--kdf-memory 8 --kdf-passes 1";

/// A small requirement on a small schema, so that keys are quick to make.
pub const ADULT: &str = r#"
id = "adult"
title = "Adults without atrial fibrillation"
publisher = "Institute"
schema = "core"
expression = """
age >= 18 years
and no diagnosis in icd10:I48
"""
"#;

/// A hospital, two wallets, two credentials, a requirement, its keys and a proof; made once.
///
/// `h.key h.pub w.json holder.json other.json cred.json nora.json adult.toml draft.toml keys proof`;
/// Marta's credential is eligible, Nora's is not; both are good from 2021-05-01 for a year.
pub fn world() -> &'static Desk {
    static WORLD: OnceLock<Desk> = OnceLock::new();
    WORLD.get_or_init(|| {
        let desk = Desk::new();
        let marta = fixture("fhir/marta-nowak.json");
        let nora = fixture("fhir/nora-o'dwyer.json");
        desk.run("hospital keygen --name Charité -o h.key").code(0);
        desk.run("hospital public h.key -o h.pub").code(0);
        for wallet in ["w.json", "other.json"] {
            desk.run(&format!("wallet new -o {wallet} {CHEAP}")).code(0);
        }
        desk.run("wallet holder --wallet w.json -o holder.json")
            .code(0);
        for (bundle, credential) in [(&marta, "cred.json"), (&nora, "nora.json")] {
            desk.run_words(&[
                "hospital",
                "issue",
                "--key",
                "h.key",
                "--holder",
                "holder.json",
                "--record",
                bundle,
                "--issued",
                "2021-05-01",
                "-o",
                credential,
            ])
            .code(0);
        }
        desk.write("draft.toml", ADULT);
        desk.write("adult.toml", format!("{ADULT}issuers = [\"h.pub\"]\n"));
        desk.run("keys generate --requirement adult.toml -o keys")
            .code(0);
        desk.run(&format!(
            "prove {WHO} --requirement adult.toml --keys keys {DAY} --context 0a0b -o proof"
        ))
        .code(0);
        desk
    })
}

pub const WHO: &str = "--wallet w.json --credential cred.json";
pub const DAY: &str = "--today 2021-06-01";
