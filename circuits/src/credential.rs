//! A credential: a hospital's signature over a holder, a commitment to a record, the sealed record on
//! the ledger (0 for none) and the days between which it is good; with the record itself, so the file
//! is as secret as the record.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use eligo_records::{
    cell::{CellError, Cells, Layout},
    civil::{CivilDay, CivilError},
    schema::Schema,
};
use eligo_verifier_contract::{digest::sha256_lp, field};
use p256::ecdsa::{
    self,
    signature::hazmat::{PrehashSigner, PrehashVerifier},
};
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::{
    issuer::{IssuerKey, IssuerPublic},
    jubjub::Point,
    record::commit,
    schnorr::{MESSAGE, Signature},
    statement::{HolderSecret, message},
};

const FORMAT: &str = "eligo credential";
const VERSION: u32 = 1;
/// Largest credential file read.
pub const MAX_CREDENTIAL_BYTES: usize = 1 << 20;

/// A credential whose parts agree with one another: the record matches its commitment and both of the
/// issuer's signatures verify.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    issuer: IssuerPublic,
    holder: Fr,
    record: Fr,
    sealed: Fr,
    issued: CivilDay,
    expires: CivilDay,
    signature: Signature,
    es256: ecdsa::Signature,
    salt: Fr,
    cells: Cells,
}

impl core::fmt::Debug for Credential {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "Credential(by {}, {} to {}, record redacted)",
            self.issuer.name(),
            self.issued,
            self.expires
        )
    }
}

/// Why bytes are no credential.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Too large, or not the expected JSON.
    #[error("not a credential file: {0}")]
    Format(String),
    /// Of another kind or version.
    #[error("expected format `eligo credential` version 1, found `{0}`")]
    Kind(String),
    /// Over a schema other than the one given.
    #[error("the credential's schema is {found}, not {expected}")]
    Schema {
        /// Identity in the file.
        found: String,
        /// Identity given.
        expected: String,
    },
    /// A number that is not canonical.
    #[error("`{0}` is not a canonical number")]
    Number(&'static str),
    /// A date.
    #[error("`{0}`: {1}")]
    Day(&'static str, CivilError),
    /// Cells that are no record.
    #[error("the record: {0}")]
    Cells(#[from] CellError),
    /// The record is not the one signed.
    #[error("the record does not match the commitment that was signed: the file was altered")]
    Altered,
    /// A signature does not verify.
    #[error(
        "the issuer's {0} signature does not verify: the file was altered, or signed by another"
    )]
    Signature(&'static str),
    /// Ends before it begins.
    #[error("the credential expires on {expires}, before it is issued on {issued}")]
    Days {
        /// First day.
        issued: CivilDay,
        /// Last day.
        expires: CivilDay,
    },
}

/// Why a good credential cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UseError {
    /// Issued to another wallet.
    #[error("the credential was issued to another wallet")]
    WrongWallet,
    /// Not valid yet.
    #[error("the credential is valid from {issued}, and today is {today}")]
    NotYetValid {
        /// First day.
        issued: CivilDay,
        /// The day of use.
        today: CivilDay,
    },
    /// No longer valid.
    #[error("the credential expired on {expires}, and today is {today}")]
    Expired {
        /// Last day.
        expires: CivilDay,
        /// The day of use.
        today: CivilDay,
    },
    /// Signed by a hospital that is not accepted.
    #[error("the credential was signed by {name} ({key}), which is not among the accepted issuers")]
    UnknownIssuer {
        /// The hospital's name, as it calls itself.
        name: String,
        /// Its Baby Jubjub key.
        key: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    schema: SchemaReference,
    issuer: IssuerPublic,
    holder: String,
    record: String,
    sealed: String,
    issued: String,
    expires: String,
    challenge: String,
    response: String,
    es256: String,
    salt: String,
    cells: Vec<u64>,
}

/// Which schema a credential follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaReference {
    /// Short name.
    pub name: String,
    /// Version.
    pub version: u32,
    /// Identity, hexadecimal.
    pub id: String,
}

/// What a hospital puts into a credential.
pub struct Grounds<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// The record.
    pub cells: Cells,
    /// Whom it is about.
    pub holder: Fr,
    /// Which sealed record it belongs to; 0 for none, which supports count claims only.
    pub sealed: Fr,
    /// First day.
    pub issued: CivilDay,
    /// Last day.
    pub expires: CivilDay,
}

/// What blinds the commitment to a record: 248 random bits. Wiped when dropped.
pub struct Salt(Fr);

impl Salt {
    /// Draws a salt.
    pub fn draw(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut salt = [0u8; 31];
        rng.fill_bytes(&mut salt);
        let drawn = Self(Fr::from_le_bytes_mod_order(&salt));
        salt.zeroize();
        drawn
    }

    /// The element. It is `Copy`: copy it nowhere else than into the record's own container.
    pub const fn expose(&self) -> &Fr {
        &self.0
    }
}

impl Drop for Salt {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl core::fmt::Debug for Salt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Salt(..)")
    }
}

impl Credential {
    /// Signs a credential, with a fresh salt.
    pub fn issue(
        key: &IssuerKey,
        grounds: Grounds<'_>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, CredentialError> {
        Self::issue_salted(key, grounds, &Salt::draw(rng), rng)
    }

    /// Signs a credential whose record is committed to under a salt drawn before: a sealed record holds
    /// the salt, and the credential names the sealed record. One salt serves one record.
    pub fn issue_salted(
        key: &IssuerKey,
        grounds: Grounds<'_>,
        salt: &Salt,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, CredentialError> {
        let salt = *salt.expose();
        let (issued, expires) = (grounds.issued, grounds.expires);
        if issued > expires {
            return Err(CredentialError::Days { issued, expires });
        }
        let layout = Layout::of(grounds.schema);
        // Cells of another schema would sign nonsense.
        let cells = Cells::new(&layout, grounds.cells.values().to_vec())?;
        let record = commit(&layout, salt, &cells);
        let id = layout.schema();
        let signed = message(
            id,
            grounds.holder,
            record,
            grounds.sealed,
            (issued, expires),
        );
        let signature = key.schnorr().sign(&signed, rng);
        let issuer = key.public();
        let digest = digest(&signed, &issuer);
        let es256 = key
            .es256()
            .sign_prehash(&digest)
            .map_err(|_| CredentialError::Signature("ES256"))?;
        Ok(Self {
            issuer,
            holder: grounds.holder,
            record,
            sealed: grounds.sealed,
            issued,
            expires,
            signature,
            es256,
            salt,
            cells,
        })
    }

    /// Which schema a file says it follows, to look it up before [`Credential::from_json`].
    pub fn schema_of(bytes: &[u8]) -> Result<SchemaReference, CredentialError> {
        parse(bytes).map(|d| d.schema)
    }

    /// Reads a credential and checks that its parts agree.
    pub fn from_json(bytes: &[u8], schema: &Schema) -> Result<Self, CredentialError> {
        let document = parse(bytes)?;
        let layout = Layout::of(schema);
        let expected = schema.id().to_string();
        if document.schema.id != expected {
            let found = document.schema.id;
            return Err(CredentialError::Schema { found, expected });
        }
        // The identity is what was signed; a name that is not its own misleads whoever reads it.
        if (document.schema.name.as_str(), document.schema.version)
            != (schema.name(), schema.version())
        {
            return Err(CredentialError::Altered);
        }
        let credential = Self::from_document(document, &layout)?;
        credential.check(&layout)?;
        Ok(credential)
    }

    fn from_document(document: Document, layout: &Layout) -> Result<Self, CredentialError> {
        let number =
            |name, text: &str| field::from_decimal(text).map_err(|_| CredentialError::Number(name));
        let day =
            |name, text: &str| CivilDay::parse(text).map_err(|e| CredentialError::Day(name, e));
        let mut challenge = [0; 16];
        hex::decode_to_slice(&document.challenge, &mut challenge)
            .map_err(|_| CredentialError::Number("challenge"))?;
        let mut response = [0; 32];
        hex::decode_to_slice(&document.response, &mut response)
            .map_err(|_| CredentialError::Number("response"))?;
        let mut es256 = [0; 64];
        hex::decode_to_slice(&document.es256, &mut es256)
            .map_err(|_| CredentialError::Number("es256"))?;
        Ok(Self {
            issuer: document.issuer,
            holder: number("holder", &document.holder)?,
            record: number("record", &document.record)?,
            sealed: number("sealed", &document.sealed)?,
            issued: day("issued", &document.issued)?,
            expires: day("expires", &document.expires)?,
            signature: Signature::new(u128::from_be_bytes(challenge), &response)
                .map_err(|_| CredentialError::Number("response"))?,
            es256: ecdsa::Signature::from_slice(&es256)
                .map_err(|_| CredentialError::Number("es256"))?,
            salt: number("salt", &document.salt)?,
            cells: Cells::new(layout, document.cells)?,
        })
    }

    fn check(&self, layout: &Layout) -> Result<(), CredentialError> {
        let (issued, expires) = self.days();
        if issued > expires {
            return Err(CredentialError::Days { issued, expires });
        }
        if commit(layout, self.salt, &self.cells) != self.record {
            return Err(CredentialError::Altered);
        }
        let signed = self.signed(layout);
        self.signature
            .verify(self.issuer.schnorr(), &signed)
            .map_err(|_| CredentialError::Signature("Schnorr"))?;
        self.issuer
            .es256()
            .verify_prehash(&digest(&signed, &self.issuer), &self.es256)
            .map_err(|_| CredentialError::Signature("ES256"))
    }

    fn signed(&self, layout: &Layout) -> [Fr; MESSAGE] {
        message(
            layout.schema(),
            self.holder,
            self.record,
            self.sealed,
            self.days(),
        )
    }

    /// The credential file, JSON.
    pub fn to_json(&self, schema: &Schema) -> Result<String, CredentialError> {
        let document = Document {
            format: FORMAT.to_owned(),
            version: VERSION,
            schema: SchemaReference {
                name: schema.name().to_owned(),
                version: schema.version(),
                id: schema.id().to_string(),
            },
            issuer: self.issuer.clone(),
            holder: field::to_decimal(&self.holder),
            record: field::to_decimal(&self.record),
            sealed: field::to_decimal(&self.sealed),
            issued: self.issued.to_string(),
            expires: self.expires.to_string(),
            challenge: hex::encode(self.signature.challenge().to_be_bytes()),
            response: hex::encode(self.signature.response()),
            es256: hex::encode(self.es256.to_bytes()),
            salt: field::to_decimal(&self.salt),
            cells: self.cells.values().to_vec(),
        };
        serde_json::to_string(&document).map_err(|e| CredentialError::Format(e.to_string()))
    }

    /// Whether this wallet may use the credential on this day.
    pub fn usable(&self, secret: &HolderSecret, today: CivilDay) -> Result<(), UseError> {
        if secret.holder() != self.holder {
            return Err(UseError::WrongWallet);
        }
        let (issued, expires) = self.days();
        if today < issued {
            return Err(UseError::NotYetValid { issued, today });
        }
        if today > expires {
            return Err(UseError::Expired { expires, today });
        }
        Ok(())
    }

    /// The issuer's position among the accepted keys.
    pub fn accepted_by(&self, accepted: &[Point]) -> Result<usize, UseError> {
        accepted
            .iter()
            .position(|key| key == self.issuer.schnorr())
            .ok_or_else(|| UseError::UnknownIssuer {
                name: self.issuer.name().to_owned(),
                key: self.issuer.schnorr().to_hex(),
            })
    }

    /// Who signed.
    pub const fn issuer(&self) -> &IssuerPublic {
        &self.issuer
    }

    /// Whom it is about: `P(1, z)`.
    pub const fn holder(&self) -> Fr {
        self.holder
    }

    /// The commitment to the record.
    pub const fn record(&self) -> Fr {
        self.record
    }

    /// The sealed record on the ledger; 0 for none.
    pub const fn sealed(&self) -> Fr {
        self.sealed
    }

    /// First and last day.
    pub const fn days(&self) -> (CivilDay, CivilDay) {
        (self.issued, self.expires)
    }

    /// The Schnorr signature.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The salt of the commitment.
    pub const fn salt(&self) -> Fr {
        self.salt
    }

    /// The record.
    pub const fn cells(&self) -> &Cells {
        &self.cells
    }
}

fn parse(bytes: &[u8]) -> Result<Document, CredentialError> {
    if bytes.len() > MAX_CREDENTIAL_BYTES {
        let found = format!("{} bytes; at most {MAX_CREDENTIAL_BYTES}", bytes.len());
        return Err(CredentialError::Format(found));
    }
    let document: Document =
        serde_json::from_slice(bytes).map_err(|e| CredentialError::Format(e.to_string()))?;
    if document.format != FORMAT || document.version != VERSION {
        let found = format!("{} version {}", document.format, document.version);
        return Err(CredentialError::Kind(found));
    }
    Ok(document)
}

/// What ES256 signs: SHA-256 of `LP("ELIGO-CREDENTIAL-V01", A, message..)`.
fn digest(message: &[Fr; MESSAGE], issuer: &IssuerPublic) -> [u8; 32] {
    let elements = message.map(|e| field::to_be_bytes(&e));
    let key = issuer.schnorr().to_bytes();
    let mut parts: Vec<&[u8]> = vec![b"ELIGO-CREDENTIAL-V01", &key, issuer.name().as_bytes()];
    parts.extend(elements.iter().map(|e| e.as_slice()));
    sha256_lp(&parts)
}
