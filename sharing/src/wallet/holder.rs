//! What the patient shows a hospital: the holder value, and the public keys of one encounter.

use ark_ff::{BigInteger, PrimeField};
use ed25519_dalek::VerifyingKey;
use light_poseidon::{Poseidon, PoseidonHasher};
use serde::{Deserialize, Serialize};

use super::{HolderSecret, HospitalId, Visit};
use crate::keys::{PossessionError, RecordKeyProof, RecordPublicKey};
use crate::wire;

type Fr = ark_bn254::Fr;

/// The domain tag of holder values in Poseidon hashes.
const TAG_HOLDER: u64 = 1;

/// holder = Poseidon(1, z), an element of the BN254 scalar field. Its text is the canonical decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder(Fr);

/// A holder value must be a decimal number below the BN254 scalar field's order, without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a holder value is a decimal number below the BN254 field's order, without leading zeros")]
pub struct HolderError;

impl Holder {
    pub(super) fn of(secret: &HolderSecret) -> Self {
        Self(poseidon2(Fr::from(TAG_HOLDER), *secret.expose()))
    }

    /// The element.
    #[must_use]
    pub fn as_fr(&self) -> &Fr {
        &self.0
    }

    /// 32 bytes, big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        to_be_bytes(&self.0)
    }
}

impl From<Fr> for Holder {
    fn from(element: Fr) -> Self {
        Self(element)
    }
}

impl core::fmt::Display for Holder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.0.into_bigint())
    }
}

impl core::str::FromStr for Holder {
    type Err = HolderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let canonical = text.bytes().all(|c| c.is_ascii_digit())
            && (1..=77).contains(&text.len())
            && (text == "0" || !text.starts_with('0'));
        if !canonical {
            return Err(HolderError);
        }
        // Horner in the field wraps silently, so what comes out must print as what went in
        let ten = Fr::from(10u64);
        let value = text
            .bytes()
            .fold(Fr::from(0u64), |sum, c| sum * ten + Fr::from(c - b'0'));
        let holder = Self(value);
        if holder.to_string() == text {
            Ok(holder)
        } else {
            Err(HolderError)
        }
    }
}

wire::serde_as_text!(Holder);

/// circomlib's Poseidon of two inputs.
fn poseidon2(a: Fr, b: Fr) -> Fr {
    // the parameters of every width up to 12 are compiled into the library
    #[allow(clippy::expect_used)]
    let mut hash = Poseidon::<Fr>::new_circom(2).expect("parameters for two inputs exist");
    #[allow(clippy::expect_used)]
    hash.hash(&[a, b]).expect("two inputs were announced")
}

pub(super) fn to_be_bytes(element: &Fr) -> [u8; 32] {
    let mut out = [0u8; 32];
    for (to, from) in out.iter_mut().zip(element.into_bigint().to_bytes_be()) {
        *to = from;
    }
    out
}

/// The public keys of one encounter, given to the hospital at the visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncounterCard {
    /// A_k, to which the hospital seals the record.
    pub key: RecordPublicKey,
    /// Proof that the patient has a_k.
    pub proof: RecordKeyProof,
    /// Verifies the patient's signatures for this encounter.
    pub signer: VerifyingKey,
}

impl EncounterCard {
    /// Checks the proof of possession. Two pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`PossessionError`] if it is not this key's.
    pub fn check(&self) -> Result<(), PossessionError> {
        self.key.check_possession(&self.proof)
    }

    const FORMAT: &str = "eligo-encounter";

    /// The card as a file of its own, which names neither holder nor hospital: for those who seal records,
    /// and for those who check grants.
    #[must_use]
    pub fn to_json(&self) -> String {
        // written by hand, because it cannot fail: no part needs escaping
        let (format, version) = (Self::FORMAT, HolderDocument::VERSION);
        let signer = hex::encode(self.signer.as_bytes());
        format!(
            "{{\n  \"format\": \"{format}\",\n  \"version\": {version},\n  \"key\": \"{}\",\n  \
             \"proof\": \"{}\",\n  \"signer\": \"{signer}\"\n}}\n",
            self.key, self.proof
        )
    }

    /// Reads a card, or the card in a holder document, and checks the proof of possession.
    ///
    /// # Errors
    /// [`EncounterCardError`] says what is wrong with it.
    pub fn from_json(bytes: &[u8]) -> Result<Self, EncounterCardError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Card {
            #[serde(rename = "format")]
            _format: String,
            version: u32,
            key: RecordPublicKey,
            proof: RecordKeyProof,
            signer: String,
        }
        #[derive(Deserialize)]
        struct Named {
            format: String,
        }
        if bytes.len() > HolderDocument::LIMIT {
            return Err(HolderDocumentError::TooLong { found: bytes.len() }.into());
        }
        let Named { format } = serde_json::from_slice(bytes).map_err(HolderDocumentError::Json)?;
        if format != Self::FORMAT {
            let document = HolderDocument::from_json(bytes)?;
            let encounter = document.encounter.ok_or(EncounterCardError::None)?;
            return Ok(encounter.2);
        }
        let card: Card = serde_json::from_slice(bytes).map_err(HolderDocumentError::Json)?;
        if card.version != HolderDocument::VERSION {
            let version = card.version;
            return Err(HolderDocumentError::Format { format, version }.into());
        }
        Ok(read_card(card.key, card.proof, &card.signer)?)
    }
}

/// Why a file holds no encounter card.
#[derive(Debug, thiserror::Error)]
pub enum EncounterCardError {
    /// A holder document without the keys of a visit.
    #[error("the holder document has no keys of a visit")]
    None,
    /// Neither a card nor a holder document.
    #[error(transparent)]
    Document(#[from] HolderDocumentError),
}

/// The document a patient hands over: the holder value and, for a hospital that will seal a record, the
/// keys of this visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderDocument {
    /// The holder value the hospital signs into the credential.
    pub holder: Holder,
    /// Which visit, and its keys.
    pub encounter: Option<(HospitalId, Visit, EncounterCard)>,
}

/// Why a file is no holder document.
#[derive(Debug, thiserror::Error)]
pub enum HolderDocumentError {
    /// Longer than any such document.
    #[error("{found} bytes are more than a holder document can have")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// Not the JSON of such a document, or a field of it is no valid value.
    #[error("not a holder document: {0}")]
    Json(#[from] serde_json::Error),
    /// Of another format or a later version.
    #[error("this is `{format}` version {version}, not `eligo-holder` version 1")]
    Format {
        /// The format it names.
        format: String,
        /// The version it names.
        version: u32,
    },
    /// The encounter's key comes without the proof that the patient has its secret.
    #[error("the encounter key: {0}")]
    Possession(#[from] PossessionError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    holder: Holder,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encounter: Option<Encounter>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encounter {
    hospital: HospitalId,
    visit: u32,
    key: RecordPublicKey,
    proof: RecordKeyProof,
    signer: String,
}

impl HolderDocument {
    const FORMAT: &str = "eligo-holder";
    const VERSION: u32 = 1;
    const LIMIT: usize = 4096;

    /// The JSON document.
    ///
    /// # Errors
    /// None that can occur for a value of this type; JSON's own error type is passed on.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let encounter = self
            .encounter
            .as_ref()
            .map(|(hospital, visit, card)| Encounter {
                hospital: hospital.clone(),
                visit: visit.number(),
                key: card.key,
                proof: card.proof,
                signer: hex::encode(card.signer.as_bytes()),
            });
        serde_json::to_string_pretty(&Document {
            format: Self::FORMAT.into(),
            version: Self::VERSION,
            holder: self.holder,
            encounter,
        })
    }

    /// Reads and checks the document, the proof of possession included.
    ///
    /// # Errors
    /// [`HolderDocumentError`] says what is wrong with it.
    pub fn from_json(bytes: &[u8]) -> Result<Self, HolderDocumentError> {
        if bytes.len() > Self::LIMIT {
            return Err(HolderDocumentError::TooLong { found: bytes.len() });
        }
        let document: Document = serde_json::from_slice(bytes)?;
        if document.format != Self::FORMAT || document.version != Self::VERSION {
            let Document {
                format, version, ..
            } = document;
            return Err(HolderDocumentError::Format { format, version });
        }
        let encounter = document.encounter.map(read_encounter).transpose()?;
        Ok(Self {
            holder: document.holder,
            encounter,
        })
    }
}

fn read_encounter(e: Encounter) -> Result<(HospitalId, Visit, EncounterCard), HolderDocumentError> {
    let card = read_card(e.key, e.proof, &e.signer)?;
    Ok((e.hospital, Visit::new(e.visit), card))
}

fn read_card(
    key: RecordPublicKey,
    proof: RecordKeyProof,
    signer: &str,
) -> Result<EncounterCard, HolderDocumentError> {
    let bad_signer = || serde::de::Error::custom("`signer` is no Ed25519 key in hex");
    let signer: [u8; 32] =
        wire::bytes_from_hex(signer).map_err(|_| -> serde_json::Error { bad_signer() })?;
    let signer =
        wire::verifying_key(&signer).ok_or_else(|| -> serde_json::Error { bad_signer() })?;
    let card = EncounterCard { key, proof, signer };
    card.check()?;
    Ok(card)
}

#[cfg(test)]
mod tests {
    use super::super::{Seed, Wallet};
    use super::*;

    fn document() -> HolderDocument {
        let wallet = Wallet::from_seed(Seed::from_bytes([3; 32]));
        let hospital = HospitalId::new("h").unwrap();
        let card = wallet.encounter(&hospital, Visit::new(2)).public();
        HolderDocument {
            holder: wallet.holder(),
            encounter: Some((hospital, Visit::new(2), card)),
        }
    }

    #[test]
    fn poseidon_is_circomlibs() {
        let p = |a: u64, b: u64| Holder(poseidon2(Fr::from(a), Fr::from(b))).to_string();
        assert_eq!(
            p(0, 0),
            "14744269619966411208579211824598458697587494354926760081771325075741142829156"
        );
        assert_eq!(
            p(1, 2),
            "7853200120776062878684798364095072458815029376092732009249414926327459813530"
        );
    }

    #[test]
    fn documents_round_trip() {
        let with = document();
        let without = HolderDocument {
            encounter: None,
            ..with.clone()
        };
        for document in [with, without] {
            let json = document.to_json().unwrap();
            assert_eq!(
                HolderDocument::from_json(json.as_bytes()).unwrap(),
                document
            );
        }
    }

    #[test]
    fn cards_stand_alone_or_in_a_holder_document() {
        let document = document();
        let card = document.encounter.clone().unwrap().2;
        let json = card.to_json();
        assert!(!json.contains(&document.holder.to_string()));
        assert_eq!(EncounterCard::from_json(json.as_bytes()).unwrap(), card);
        let whole = document.to_json().unwrap();
        assert_eq!(EncounterCard::from_json(whole.as_bytes()).unwrap(), card);
        let bare = HolderDocument {
            encounter: None,
            ..document
        };
        assert!(matches!(
            EncounterCard::from_json(bare.to_json().unwrap().as_bytes()),
            Err(EncounterCardError::None)
        ));
        let other = Wallet::from_seed(Seed::from_bytes([4; 32]));
        let stolen = EncounterCard {
            proof: other
                .encounter(&HospitalId::new("h").unwrap(), Visit::FIRST)
                .public()
                .proof,
            ..card
        };
        assert!(matches!(
            EncounterCard::from_json(stolen.to_json().as_bytes()),
            Err(EncounterCardError::Document(
                HolderDocumentError::Possession(_)
            ))
        ));
        for bad in [
            json.replace("\"version\": 1", "\"version\": 2"),
            json.replace("proof", "prof"),
            format!("{json} x"),
        ] {
            assert!(EncounterCard::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_without_its_proof_is_refused() {
        let mut document = document();
        let other = Wallet::from_seed(Seed::from_bytes([4; 32]));
        if let Some((hospital, visit, card)) = &mut document.encounter {
            card.key = other.encounter(hospital, *visit).key.public();
        }
        let json = document.to_json().unwrap();
        assert!(matches!(
            HolderDocument::from_json(json.as_bytes()),
            Err(HolderDocumentError::Possession(_))
        ));
    }

    #[test]
    fn malformed_documents_are_refused() {
        let good = document().to_json().unwrap();
        let from = |text: &str| HolderDocument::from_json(text.as_bytes());
        assert!(matches!(
            from(&good.replace("eligo-holder", "eligo-wallet")),
            Err(HolderDocumentError::Format { .. })
        ));
        assert!(matches!(
            from(&good.replace("\"version\": 1", "\"version\": 2")),
            Err(HolderDocumentError::Format { version: 2, .. })
        ));
        for bad in [
            "{}",
            "",
            "[]",
            &good.replace("\"visit\"", "\"visits\""),
            &format!("{good} x"),
        ] {
            assert!(
                matches!(from(bad), Err(HolderDocumentError::Json(_))),
                "{bad}"
            );
        }
        let long = format!("{good}{}", " ".repeat(5000));
        assert!(matches!(
            from(&long),
            Err(HolderDocumentError::TooLong { .. })
        ));
    }

    #[test]
    fn holder_text_is_canonical() {
        let p = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
        for bad in ["", "01", "-1", "1 ", "0x1", p, &"9".repeat(78)] {
            assert!(bad.parse::<Holder>().is_err(), "{bad:?}");
        }
        let largest =
            "21888242871839275222246405745257275088548364400416034343698204186575808495616";
        assert_eq!(largest.parse::<Holder>().unwrap().to_string(), largest);
        assert_eq!("0".parse::<Holder>().unwrap().to_string(), "0");
    }
}
