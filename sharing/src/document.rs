//! Messages as files: a small JSON envelope that names what is in it.
//!
//! ```json
//! { "format": "eligo-share", "version": 1, "data": "<base64 of the canonical bytes>" }
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::curve::PointError;
use crate::keys::{
    PossessionError, ProxyKey, ProxyKeyProof, ProxyPublicKey, ReceivingKey, ReceivingKeyProof,
    ReceivingPublicKey,
};
use crate::tcpre::{Capsule, ContentKey, RefreshDeal, Revocation, Share, SignedGrant, Transcript};
use crate::wire::WireError;

/// A message with canonical bytes that can be kept in a file.
pub trait Document: Sized {
    /// What the file says it is.
    const FORMAT: &'static str;
    /// The longest canonical encoding.
    const LIMIT: usize;

    /// The canonical bytes.
    fn encode(&self) -> Vec<u8>;

    /// Decodes the canonical bytes.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    fn decode(bytes: &[u8]) -> Result<Self, WireError>;

    /// The file's text.
    fn to_json(&self) -> String {
        write(Self::FORMAT, &self.encode())
    }

    /// Reads a file: its length is limited before anything is allocated for it.
    ///
    /// # Errors
    /// [`DocumentError`] says what is wrong with it.
    fn from_json(file: &[u8]) -> Result<Self, DocumentError> {
        Self::decode(&read(Self::FORMAT, Self::LIMIT, file)?).map_err(DocumentError::Content)
    }
}

/// Why a file is not the document it should be.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Longer than any document of this format.
    #[error("{found} bytes are more than this kind of document can have ({limit})")]
    TooLong {
        /// Its length.
        found: usize,
        /// The longest it could have.
        limit: usize,
    },
    /// No JSON of the right shape.
    #[error("not a document: {0}")]
    Json(#[from] serde_json::Error),
    /// Another format, or a later version.
    #[error("expected `{expected}` version {VERSION}, found `{found}` version {version}")]
    Format {
        /// The format that was asked for.
        expected: &'static str,
        /// The format the file names.
        found: String,
        /// The version it names.
        version: u32,
    },
    /// The content is not base64.
    #[error("the document's data are not base64")]
    Base64,
    /// The content is no message of this kind.
    #[error("the document's data: {0}")]
    Content(#[source] WireError),
    /// The content is no key.
    #[error("the document's key: {0}")]
    Key(#[source] PointError),
    /// The key comes with another key's proof of possession.
    #[error(transparent)]
    Possession(#[from] PossessionError),
}

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    format: String,
    version: u32,
    data: String,
}

fn write(format: &str, data: &[u8]) -> String {
    // written by hand, because it cannot fail: neither part needs escaping
    let data = STANDARD.encode(data);
    format!(
        "{{\n  \"format\": \"{format}\",\n  \"version\": {VERSION},\n  \"data\": \"{data}\"\n}}\n"
    )
}

fn read(
    format: &'static str,
    limit: usize,
    file: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DocumentError> {
    let file_limit = limit / 3 * 4 + 1024;
    if file.len() > file_limit {
        return Err(DocumentError::TooLong {
            found: file.len(),
            limit: file_limit,
        });
    }
    let envelope: Envelope = serde_json::from_slice(file)?;
    if envelope.format != format || envelope.version != VERSION {
        let (found, version) = (envelope.format, envelope.version);
        return Err(DocumentError::Format {
            expected: format,
            found,
            version,
        });
    }
    let text = Zeroizing::new(envelope.data);
    STANDARD
        .decode(text.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| DocumentError::Base64)
}

macro_rules! document {
    ($name:ident, $format:literal, $limit:expr) => {
        impl Document for $name {
            const FORMAT: &'static str = $format;
            const LIMIT: usize = $limit;

            fn encode(&self) -> Vec<u8> {
                self.to_bytes().to_vec()
            }

            fn decode(bytes: &[u8]) -> Result<Self, WireError> {
                Self::from_bytes(bytes)
            }
        }
    };
}
document!(Capsule, "eligo-capsule", Capsule::BYTES);
document!(SignedGrant, "eligo-grant", SignedGrant::LIMIT);
document!(Share, "eligo-share", 1024);
document!(Revocation, "eligo-revocation", 256);
document!(Transcript, "eligo-dispute", 1024);
document!(RefreshDeal, "eligo-refresh", SignedGrant::LIMIT);

/// Secret keys in files of their owner: the same envelope, wiped from memory after use. Nothing but the
/// file's permissions protects them.
macro_rules! secret_document {
    ($name:ident, $format:literal) => {
        impl $name {
            /// The key as a file that only its owner may read.
            #[must_use]
            pub fn to_secret_json(&self) -> Zeroizing<String> {
                Zeroizing::new(write($format, self.to_bytes().as_slice()))
            }

            /// Reads the file again.
            ///
            /// # Errors
            /// [`DocumentError`] says what is wrong with it.
            pub fn from_secret_json(file: &[u8]) -> Result<Self, DocumentError> {
                Self::from_bytes(&read($format, 32, file)?).map_err(DocumentError::Key)
            }
        }
    };
}
secret_document!(ReceivingKey, "eligo-receiving-key-secret");
secret_document!(ProxyKey, "eligo-proxy-key-secret");

impl ContentKey {
    /// What [`crate::tcpre::combine`] found, as a file that only its owner may read: whoever has it reads
    /// that one record.
    #[must_use]
    pub fn to_secret_json(&self) -> Zeroizing<String> {
        Zeroizing::new(write(CONTENT_KEY, self.to_bytes().as_slice()))
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// [`DocumentError`] says what is wrong with it.
    pub fn from_secret_json(file: &[u8]) -> Result<Self, DocumentError> {
        let bytes = read(CONTENT_KEY, Self::BYTES, file)?;
        Self::from_bytes(&bytes).map_err(DocumentError::Content)
    }
}
const CONTENT_KEY: &str = "eligo-content-key-secret";

macro_rules! card {
    ($(#[$doc:meta])* $card:ident of $secret:ident: $key:ident, $proof:ident, $format:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $card {
            key: $key,
            proof: $proof,
        }

        impl $card {
            /// The card of a key.
            #[must_use]
            pub fn of(secret: &$secret) -> Self {
                Self { key: secret.public(), proof: secret.prove_possession() }
            }

            /// The key, whose possession was proved.
            #[must_use]
            pub fn key(&self) -> $key {
                self.key
            }

            /// The proof of possession.
            #[must_use]
            pub fn proof(&self) -> &$proof {
                &self.proof
            }

            /// The file's text.
            #[must_use]
            pub fn to_json(&self) -> String {
                let (key, proof) = (self.key, self.proof);
                format!(
                    concat!(
                        "{{\n  \"format\": \"", $format, "\",\n  \"version\": {},\n",
                        "  \"key\": \"{}\",\n  \"proof\": \"{}\"\n}}\n"
                    ),
                    VERSION, key, proof
                )
            }

            /// Reads a card and checks the proof. Two pairings, one final exponentiation.
            ///
            /// # Errors
            /// [`DocumentError`] says what is wrong with it.
            pub fn from_json(file: &[u8]) -> Result<Self, DocumentError> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Card {
                    format: String,
                    version: u32,
                    key: $key,
                    proof: $proof,
                }
                const LIMIT: usize = 1024;
                if file.len() > LIMIT {
                    return Err(DocumentError::TooLong { found: file.len(), limit: LIMIT });
                }
                let Card { format, version, key, proof } = serde_json::from_slice(file)?;
                if format != $format || version != VERSION {
                    return Err(DocumentError::Format { expected: $format, found: format, version });
                }
                key.check_possession(&proof)?;
                Ok(Self { key, proof })
            }
        }
    };
}
card! {
    /// An institution's receiving key with its proof of possession, checked when read.
    ReceivingKeyCard of ReceivingKey: ReceivingPublicKey, ReceivingKeyProof, "eligo-receiving-key"
}
card! {
    /// A proxy's key with its proof of possession, checked when read.
    ProxyKeyCard of ProxyKey: ProxyPublicKey, ProxyKeyProof, "eligo-proxy-key"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::test_rng;
    use crate::tcpre::GrantId;
    use ed25519_dalek::SigningKey;

    #[test]
    fn documents_round_trip_and_know_their_kind() {
        let revocation = Revocation::new(GrantId::new([1; 32]), &SigningKey::from_bytes(&[2; 32]));
        let json = revocation.to_json();
        assert_eq!(Revocation::from_json(json.as_bytes()).unwrap(), revocation);
        assert!(matches!(
            Share::from_json(json.as_bytes()),
            Err(DocumentError::Format { .. })
        ));
        let later = json.replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(
            Revocation::from_json(later.as_bytes()),
            Err(DocumentError::Format { version: 2, .. })
        ));
        for bad in [
            "",
            "{}",
            "[1]",
            &json.replace("data", "date"),
            &format!("{json}x"),
        ] {
            assert!(matches!(
                Revocation::from_json(bad.as_bytes()),
                Err(DocumentError::Json(_))
            ));
        }
        let long = format!("{json}{}", " ".repeat(4000));
        assert!(matches!(
            Revocation::from_json(long.as_bytes()),
            Err(DocumentError::TooLong { .. })
        ));
    }

    #[test]
    fn content_keys_are_kept() {
        let key = ContentKey::from_bytes(&[7; 96]).unwrap();
        let json = key.to_secret_json();
        let again = ContentKey::from_secret_json(json.as_bytes()).unwrap();
        assert_eq!(again.to_bytes(), key.to_bytes());
        assert!(!format!("{key:?}").contains("7, 7"));
        for bytes in [&[7; 95][..], &[7; 97], &[]] {
            assert!(ContentKey::from_bytes(bytes).is_err());
        }
    }

    #[test]
    fn keys_are_kept_and_cards_checked() {
        let mut rng = test_rng(1);
        let key = ReceivingKey::generate(&mut rng);
        let again = ReceivingKey::from_secret_json(key.to_secret_json().as_bytes()).unwrap();
        assert_eq!(again.public(), key.public());
        assert!(ProxyKey::from_secret_json(key.to_secret_json().as_bytes()).is_err());
        let card = ReceivingKeyCard::of(&key);
        assert_eq!(
            ReceivingKeyCard::from_json(card.to_json().as_bytes()).unwrap(),
            card
        );
        let read = || ReceivingKeyCard::from_json(card.to_json().as_bytes());
        assert_eq!(crate::pairing::count::of(read), (2, 1));
        let proxy = ProxyKeyCard::of(&ProxyKey::generate(&mut rng));
        assert_eq!(
            ProxyKeyCard::from_json(proxy.to_json().as_bytes()).unwrap(),
            proxy
        );
        let stolen = ReceivingKeyCard {
            key: ReceivingKey::generate(&mut rng).public(),
            ..card
        };
        assert!(matches!(
            ReceivingKeyCard::from_json(stolen.to_json().as_bytes()),
            Err(DocumentError::Possession(_))
        ));
    }
}
