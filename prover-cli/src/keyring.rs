//! Folders of keys: `proving.key`, `verification_key.json` and `circuit.json` of one requirement each.

use std::path::{Path, PathBuf};

use eligo_circuits::{
    claim::Requirement,
    groth16::{KeyDigest, ProvingKey},
};
use eligo_verifier_contract::{
    KeyParts, VerifyingKey,
    snarkjs::{self, SnarkjsError},
};
use serde::{Deserialize, Serialize};

use crate::{
    circuit::{self, Circuit},
    failure::{Attempt, Failure, Kind, shown},
    file::Source,
    folder,
    publication::Publication,
};

/// The proving key, with its matrices.
pub const PROVING: &str = "proving.key";
/// The verifying key.
pub const VERIFYING: &str = "verification_key.json";
/// What the keys are of.
pub const CIRCUIT: &str = "circuit.json";
/// All of them.
pub const NAMES: [&str; 3] = [PROVING, VERIFYING, CIRCUIT];
/// Largest proving key read.
const PROVING_LIMIT: usize = 4 << 30;

/// The keys of one requirement, on disk.
#[derive(Debug)]
pub struct KeyFolder {
    path: PathBuf,
    description: Description,
}

/// The file `circuit.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    circuit: Circuit,
    proving_key: Pinned,
    /// SHA-256 of the verifying key's canonical bytes.
    verifying_key: String,
}

/// A file whose content is known.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pinned {
    sha256: String,
    bytes: u64,
}

/// What was written.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Bytes of the proving key.
    pub proving: usize,
    /// Bytes of the verifying key.
    pub verifying: usize,
}

impl KeyFolder {
    /// The folder of a requirement's keys: `keys` itself, or the one in it named for the requirement.
    pub fn find(keys: &Path, requirement: &str) -> Attempt<Self> {
        if keys.join(CIRCUIT).is_file() {
            return Self::open(keys);
        }
        let inner = keys.join(requirement);
        if inner.join(CIRCUIT).is_file() {
            return Self::open(&inner);
        }
        Err(Failure::file(shown(keys), format!("holds no keys of `{requirement}`")).help(
            "name the folder that `eligo keys generate` made, or the one in it named for the requirement",
        ))
    }

    /// All folders of keys: `keys` itself, or those in it.
    pub fn all(keys: &Path) -> Attempt<Vec<Self>> {
        if keys.join(CIRCUIT).is_file() {
            return Ok(vec![Self::open(keys)?]);
        }
        let entries = std::fs::read_dir(keys).map_err(|e| crate::file::unreadable(keys, &e))?;
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|e| e.ok().map(|e| e.path()))
            .filter(|p| p.join(CIRCUIT).is_file())
            .collect();
        paths.sort();
        if paths.is_empty() {
            return Err(Failure::file(shown(keys), "holds no keys")
                .help("name the folder that `eligo keys generate` made"));
        }
        paths.iter().map(|p| Self::open(p)).collect()
    }

    fn open(path: &Path) -> Attempt<Self> {
        let source = Source::File(path.join(CIRCUIT));
        let bytes = source.read(circuit::LIMIT)?;
        let description: Description = serde_json::from_slice(&bytes).map_err(|e| {
            Failure::file(&source, &e)
                .at(format!("line {}, column {}", e.line(), e.column()))
                .help("expected a file made by `eligo keys generate`")
        })?;
        description.circuit.check().map_err(|e| e.of(&source))?;
        Ok(Self {
            path: path.to_owned(),
            description,
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the keys are of.
    pub const fn circuit(&self) -> &Circuit {
        &self.description.circuit
    }

    /// The proving key's digest, hexadecimal, and its size.
    pub fn proving_pin(&self) -> (&str, u64) {
        let pinned = &self.description.proving_key;
        (&pinned.sha256, pinned.bytes)
    }

    /// The verifying key's digest, hexadecimal.
    pub fn verifying_pin(&self) -> &str {
        &self.description.verifying_key
    }

    /// Refuses keys of another circuit than the requirement's; with `other_issuers` when it is the issuers
    /// alone that differ.
    pub fn matches(
        &self,
        publication: &Publication,
        statement: &Requirement,
        other_issuers: Kind,
    ) -> Attempt<()> {
        let matched = self
            .circuit()
            .matches(publication, statement, other_issuers);
        matched.map_err(|e| e.of(shown(&self.path)))
    }

    /// Reads the proving key: its bytes are hashed and compared with the pinned digest, its points then
    /// taken unchecked.
    pub fn proving_key(&self) -> Attempt<ProvingKey> {
        let source = Source::File(self.path.join(PROVING));
        let digest = self.pinned_digest()?;
        let bytes = source.read(PROVING_LIMIT)?;
        ProvingKey::read_pinned(&bytes, &digest).map_err(|e| {
            Failure::file(&source, e)
                .help("the file was cut short or altered; copy the keys again from where they were published")
        })
    }

    /// Reads a proving key that need not be what circuit.json says: every point is checked.
    pub fn proving_key_checked(&self) -> Attempt<ProvingKey> {
        let source = Source::File(self.path.join(PROVING));
        let bytes = source.read(PROVING_LIMIT)?;
        ProvingKey::read_checked(&bytes).map_err(|e| Failure::file(&source, e))
    }

    fn pinned_digest(&self) -> Attempt<KeyDigest> {
        self.description.proving_key.sha256.parse().map_err(|_| {
            Failure::file(
                shown(&self.path.join(CIRCUIT)),
                "expected 64 lower-case hexadecimal digits",
            )
            .at("proving_key.sha256")
        })
    }

    /// Reads the verifying key, which must be the pinned one and have no flaw.
    pub fn verifying_key(&self) -> Attempt<VerifyingKey> {
        let source = Source::File(self.path.join(VERIFYING));
        let key = read_verifying(&source)?;
        if hex::encode(key.digest().0) != self.description.verifying_key {
            return Err(
                Failure::file(&source, "not the verifying key that circuit.json names")
                    .help("copy the keys again from where they were published"),
            );
        }
        Ok(key)
    }
}

/// Writes a folder of keys.
pub fn write(path: &Path, circuit: Circuit, key: &ProvingKey, force: bool) -> Attempt<Written> {
    let verifying = verifying_key(key)?;
    let mut proving = Vec::new();
    key.write(&mut proving).map_err(Failure::unexpected)?;
    let description = Description {
        circuit,
        proving_key: Pinned {
            sha256: KeyDigest::of(&proving).to_string(),
            bytes: proving.len() as u64,
        },
        verifying_key: hex::encode(verifying.digest().0),
    };
    let mut text = serde_json::to_vec_pretty(&description).map_err(Failure::unexpected)?;
    text.push(b'\n');
    let public = snarkjs::write_key(&verifying).into_bytes();
    let written = Written {
        proving: proving.len(),
        verifying: public.len(),
    };
    let parts = [(PROVING, proving), (VERIFYING, public), (CIRCUIT, text)];
    folder::write(path, &parts, force)?;
    Ok(written)
}

/// The verifying key that belongs to a proving key; refused if it has a flaw.
pub fn verifying_key(key: &ProvingKey) -> Attempt<VerifyingKey> {
    let points = key.verifying_key();
    let parts = KeyParts {
        alpha: points.alpha_g1,
        beta: points.beta_g2,
        gamma: points.gamma_g2,
        delta: points.delta_g2,
        ic: points.gamma_abc_g1,
    };
    VerifyingKey::new(parts).map_err(|e| Failure::new(Kind::UnsafeKey, e))
}

/// Reads a verifying key; one with a flaw is refused as unsafe.
pub fn read_verifying(source: &Source) -> Attempt<VerifyingKey> {
    let bytes = source.read(snarkjs::KEY_LIMIT)?;
    snarkjs::read_key(&bytes).map_err(|e| match e {
        SnarkjsError::Unsafe(e) => {
            let explained: Vec<String> = e
                .findings
                .iter()
                .map(|f| format!("  {f}: {}", f.explanation()))
                .collect();
            Failure::new(
                Kind::UnsafeKey,
                "an unsafe verifying key: false proofs may pass",
            )
            .of(source)
            .showing(explained.join("\n"))
            .help("do not use it; ask its maker for a key from a proper set-up")
        }
        e => Failure::file(source, e),
    })
}
