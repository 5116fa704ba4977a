//! A hospital's signing keys: Baby Jubjub Schnorr for the circuit, ES256 for the world outside.

use p256::ecdsa;
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{
    jubjub::{Point, PointError},
    schnorr::{SchnorrError, SecretKey},
};

const SECRET_FORMAT: &str = "eligo issuer secret key";
const PUBLIC_FORMAT: &str = "eligo issuer public key";
const VERSION: u32 = 1;
/// Largest key file read.
pub const MAX_KEY_BYTES: usize = 4096;

/// A hospital's secret keys; wiped on drop, never printed.
pub struct IssuerKey {
    name: String,
    schnorr: SecretKey,
    es256: ecdsa::SigningKey,
}

impl core::fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IssuerKey({}, redacted)", self.name)
    }
}

/// A hospital's public keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerPublic {
    name: String,
    schnorr: Point,
    es256: ecdsa::VerifyingKey,
}

/// Why bytes are no issuer key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerKeyError {
    /// Too large, or not the expected JSON.
    #[error("not an issuer key file: {0}")]
    Format(String),
    /// Of another kind or version.
    #[error("expected format `{expected}` version 1, found `{found}`")]
    Kind {
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// The Baby Jubjub key.
    #[error("the Baby Jubjub key: {0}")]
    Point(#[from] PointError),
    /// The Baby Jubjub secret.
    #[error("the Baby Jubjub secret: {0}")]
    Scalar(#[from] SchnorrError),
    /// The P-256 key.
    #[error("the P-256 key is not 64 (secret) or 66 (public) hexadecimal digits of a valid key")]
    P256,
    /// An empty or very long name.
    #[error("a hospital's name has 1 to 200 characters")]
    Name,
}

#[derive(Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct SecretDocument {
    format: String,
    version: u32,
    name: String,
    baby_jubjub: String,
    p256: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicDocument {
    format: String,
    version: u32,
    name: String,
    baby_jubjub: String,
    p256: String,
}

fn check_kind(expected: &'static str, format: &str, version: u32) -> Result<(), IssuerKeyError> {
    if format == expected && version == VERSION {
        return Ok(());
    }
    let found = format!("{format} version {version}");
    Err(IssuerKeyError::Kind { expected, found })
}

fn check_name(name: &str) -> Result<(), IssuerKeyError> {
    if name.trim().is_empty() || name.chars().count() > 200 {
        return Err(IssuerKeyError::Name);
    }
    Ok(())
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, IssuerKeyError> {
    if bytes.len() > MAX_KEY_BYTES {
        let text = format!("{} bytes; at most {MAX_KEY_BYTES} are read", bytes.len());
        return Err(IssuerKeyError::Format(text));
    }
    serde_json::from_slice(bytes).map_err(|e| IssuerKeyError::Format(e.to_string()))
}

impl IssuerKey {
    /// Fresh keys for a hospital.
    pub fn generate(
        name: &str,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, IssuerKeyError> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            schnorr: SecretKey::generate(rng),
            es256: ecdsa::SigningKey::random(rng),
        })
    }

    /// The public keys.
    pub fn public(&self) -> IssuerPublic {
        IssuerPublic {
            name: self.name.clone(),
            schnorr: self.schnorr.public(),
            es256: *self.es256.verifying_key(),
        }
    }

    pub(crate) const fn schnorr(&self) -> &SecretKey {
        &self.schnorr
    }

    pub(crate) const fn es256(&self) -> &ecdsa::SigningKey {
        &self.es256
    }

    /// The secret key file, JSON.
    pub fn to_json(&self) -> Result<Zeroizing<String>, IssuerKeyError> {
        let es256 = Zeroizing::new(<[u8; 32]>::from(self.es256.to_bytes()));
        let document = SecretDocument {
            format: SECRET_FORMAT.to_owned(),
            version: VERSION,
            name: self.name.clone(),
            baby_jubjub: hex::encode(*self.schnorr.to_bytes()),
            p256: hex::encode(*es256),
        };
        serde_json::to_string(&document)
            .map(Zeroizing::new)
            .map_err(|e| IssuerKeyError::Format(e.to_string()))
    }

    /// Reads a secret key file.
    pub fn from_json(bytes: &[u8]) -> Result<Self, IssuerKeyError> {
        let document: SecretDocument = parse(bytes)?;
        check_kind(SECRET_FORMAT, &document.format, document.version)?;
        check_name(&document.name)?;
        let mut scalar = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&document.baby_jubjub, &mut *scalar).map_err(|_| PointError::Text)?;
        let mut es256 = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&document.p256, &mut *es256).map_err(|_| IssuerKeyError::P256)?;
        Ok(Self {
            name: document.name.clone(),
            schnorr: SecretKey::from_bytes(&scalar)?,
            es256: ecdsa::SigningKey::from_slice(&*es256).map_err(|_| IssuerKeyError::P256)?,
        })
    }
}

impl IssuerPublic {
    /// The hospital's name, as it calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Baby Jubjub key, which requirements accept.
    pub const fn schnorr(&self) -> &Point {
        &self.schnorr
    }

    /// The P-256 key.
    pub const fn es256(&self) -> &ecdsa::VerifyingKey {
        &self.es256
    }

    /// The public key file, JSON.
    pub fn to_json(&self) -> Result<String, IssuerKeyError> {
        serde_json::to_string(&self.document()).map_err(|e| IssuerKeyError::Format(e.to_string()))
    }

    /// Reads a public key file.
    pub fn from_json(bytes: &[u8]) -> Result<Self, IssuerKeyError> {
        Self::from_document(&parse(bytes)?)
    }

    fn document(&self) -> PublicDocument {
        PublicDocument {
            format: PUBLIC_FORMAT.to_owned(),
            version: VERSION,
            name: self.name.clone(),
            baby_jubjub: self.schnorr.to_hex(),
            p256: hex::encode(self.es256.to_encoded_point(true)),
        }
    }

    fn from_document(document: &PublicDocument) -> Result<Self, IssuerKeyError> {
        check_kind(PUBLIC_FORMAT, &document.format, document.version)?;
        check_name(&document.name)?;
        let p256 = hex::decode(&document.p256).map_err(|_| IssuerKeyError::P256)?;
        if p256.len() != 33 {
            return Err(IssuerKeyError::P256);
        }
        Ok(Self {
            name: document.name.clone(),
            schnorr: Point::from_hex(&document.baby_jubjub)?,
            es256: ecdsa::VerifyingKey::from_sec1_bytes(&p256).map_err(|_| IssuerKeyError::P256)?,
        })
    }
}

impl Serialize for IssuerPublic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for IssuerPublic {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = PublicDocument::deserialize(deserializer)?;
        Self::from_document(&document).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    #[test]
    fn keys_round_trip_and_do_not_print() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let key = IssuerKey::generate("Hospital", &mut rng).unwrap();
        let again = IssuerKey::from_json(key.to_json().unwrap().as_bytes()).unwrap();
        assert_eq!(again.public(), key.public());
        let public = key.public().to_json().unwrap();
        assert_eq!(IssuerPublic::from_json(public.as_bytes()), Ok(key.public()));
        assert!(!format!("{key:?}").contains(&hex::encode(*key.schnorr.to_bytes())));
    }

    #[test]
    fn mixed_up_and_damaged_files_are_refused() {
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        let key = IssuerKey::generate("Hospital", &mut rng).unwrap();
        let secret = key.to_json().unwrap();
        let public = key.public().to_json().unwrap();
        assert!(matches!(
            IssuerKey::from_json(public.as_bytes()),
            Err(IssuerKeyError::Kind { .. })
        ));
        assert!(matches!(
            IssuerPublic::from_json(secret.as_bytes()),
            Err(IssuerKeyError::Kind { .. })
        ));
        assert!(
            IssuerPublic::from_json(public.replace("\"version\":1", "\"version\":2").as_bytes())
                .is_err()
        );
        assert!(IssuerPublic::from_json(&public.as_bytes()[..public.len() - 1]).is_err());
        assert!(IssuerPublic::from_json(&vec![b' '; MAX_KEY_BYTES + 1]).is_err());
        assert_eq!(
            IssuerKey::generate(" ", &mut rng).unwrap_err(),
            IssuerKeyError::Name
        );
    }
}
