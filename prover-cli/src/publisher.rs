//! An institution's signing key, and its signature over a requirement.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use eligo_records::requirement::Requirement;
use eligo_verifier_contract::digest::sha256_lp;

use crate::{
    console::Console,
    failure::{Attempt, Failure},
    file::Source,
};

const SECRET_FORMAT: &str = "eligo institution secret key";
const PUBLIC_FORMAT: &str = "eligo institution public key";
const SIGNATURE_FORMAT: &str = "eligo requirement signature";
const VERSION: u32 = 1;
const LIMIT: usize = 8192;

/// An institution's signing key: Ed25519, wiped on drop.
pub struct Publisher {
    name: String,
    key: SigningKey,
}

/// An institution's public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublisherPublic {
    format: String,
    version: u32,
    /// The institution's name, as it calls itself.
    pub name: String,
    /// Ed25519, hexadecimal.
    pub ed25519: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretDocument {
    format: String,
    version: u32,
    name: String,
    ed25519: String,
}

impl Drop for SecretDocument {
    fn drop(&mut self) {
        self.ed25519.zeroize();
    }
}

/// A detached signature over a requirement's canonical text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequirementSignature {
    format: String,
    version: u32,
    /// The requirement's own identifier.
    requirement: String,
    /// Who signed.
    publisher: PublisherPublic,
    /// Ed25519, hexadecimal.
    signature: String,
}

impl Publisher {
    /// Draws a key.
    pub fn generate(name: &str) -> Attempt<Self> {
        if name.trim().is_empty() || name.chars().count() > 200 {
            return Err(Failure::usage(
                "an institution's name has 1 to 200 characters",
            ));
        }
        let mut secret = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(&mut *secret);
        Ok(Self {
            name: name.to_owned(),
            key: SigningKey::from_bytes(&secret),
        })
    }

    /// The secret key file.
    pub fn to_json(&self) -> Attempt<Zeroizing<String>> {
        let document = SecretDocument {
            format: SECRET_FORMAT.to_owned(),
            version: VERSION,
            name: self.name.clone(),
            ed25519: hex::encode(self.key.as_bytes()),
        };
        let text = serde_json::to_string(&document).map_err(Failure::unexpected)?;
        Ok(Zeroizing::new(text))
    }

    /// Reads a secret key file.
    pub fn read(source: &Source, console: &Console) -> Attempt<Self> {
        let bytes = source.read_secret(LIMIT, console)?;
        let document: SecretDocument = parse(source, &bytes)?;
        kind(source, SECRET_FORMAT, &document.format, document.version)?;
        let mut secret = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&document.ed25519, &mut *secret)
            .map_err(|_| Failure::file(source, "expected 64 hexadecimal digits").at("ed25519"))?;
        Ok(Self {
            name: document.name.clone(),
            key: SigningKey::from_bytes(&secret),
        })
    }

    /// The public key.
    pub fn public(&self) -> PublisherPublic {
        PublisherPublic {
            format: PUBLIC_FORMAT.to_owned(),
            version: VERSION,
            name: self.name.clone(),
            ed25519: hex::encode(self.key.verifying_key().as_bytes()),
        }
    }

    /// The key, which is also the institution's account on the ledger.
    pub const fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    /// Signs a requirement.
    pub fn sign(&self, requirement: &Requirement) -> RequirementSignature {
        RequirementSignature {
            format: SIGNATURE_FORMAT.to_owned(),
            version: VERSION,
            requirement: requirement.id().to_owned(),
            publisher: self.public(),
            signature: hex::encode(self.key.sign(&message(requirement)).to_bytes()),
        }
    }
}

/// What is signed: SHA-256 of `LP("ELIGO-REQUIREMENT-SIGNATURE-V01", canonical TOML)`.
fn message(requirement: &Requirement) -> [u8; 32] {
    let text = requirement.to_toml();
    sha256_lp(&[b"ELIGO-REQUIREMENT-SIGNATURE-V01", text.as_bytes()])
}

impl PublisherPublic {
    /// Reads a public key file.
    pub fn read(source: &Source) -> Attempt<Self> {
        let public: Self = parse(source, &source.read(LIMIT)?)?;
        kind(source, PUBLIC_FORMAT, &public.format, public.version)?;
        public.key(source)?;
        Ok(public)
    }

    fn key(&self, source: &Source) -> Attempt<VerifyingKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(&self.ed25519, &mut bytes)
            .ok()
            .and_then(|()| VerifyingKey::from_bytes(&bytes).ok())
            .filter(|k| !k.is_weak())
            .ok_or_else(|| {
                Failure::file(source, "no Ed25519 key of 64 hexadecimal digits").at("ed25519")
            })
    }
}

impl RequirementSignature {
    /// Reads a signature file.
    pub fn read(source: &Source) -> Attempt<Self> {
        let signature: Self = parse(source, &source.read(LIMIT)?)?;
        kind(
            source,
            SIGNATURE_FORMAT,
            &signature.format,
            signature.version,
        )?;
        Ok(signature)
    }

    /// Who signed, if the signature is over this requirement.
    pub fn check(&self, requirement: &Requirement, source: &Source) -> Attempt<&PublisherPublic> {
        let key = self.publisher.key(source)?;
        let mut bytes = [0; 64];
        let wrong = || {
            Failure::file(source, "the signature is not over this requirement")
                .at("signature")
                .help("the requirement was changed after it was signed: sign it again, or use the one that was signed")
        };
        hex::decode_to_slice(&self.signature, &mut bytes).map_err(|_| wrong())?;
        key.verify_strict(&message(requirement), &Signature::from_bytes(&bytes))
            .map_err(|_| wrong())?;
        Ok(&self.publisher)
    }
}

fn parse<'a, T: Deserialize<'a>>(source: &Source, bytes: &'a [u8]) -> Attempt<T> {
    serde_json::from_slice(bytes).map_err(|e| {
        Failure::file(source, &e).at(format!("line {}, column {}", e.line(), e.column()))
    })
}

fn kind(source: &Source, expected: &str, format: &str, version: u32) -> Attempt<()> {
    if format == expected && version == VERSION {
        return Ok(());
    }
    let what = format!(
        "expected format `{expected}` version {VERSION}, found `{format}` version {version}"
    );
    Err(Failure::file(source, what))
}
