//! A hospital's ledger key: with it the hospital signs what is inside the records it seals.

use ed25519_dalek::{SigningKey, VerifyingKey};
use eligo_circuits::issuer::IssuerKey;
use eligo_verifier_contract::digest::sha256_lp;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    failure::{Attempt, Failure},
    file::Source,
};

const FORMAT: &str = "eligo hospital ledger key";
const VERSION: u32 = 1;
const LIMIT: usize = 4096;

/// The two secrets of an issuer's key file.
#[derive(Deserialize)]
struct Secrets {
    baby_jubjub: String,
    p256: String,
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.baby_jubjub.zeroize();
        self.p256.zeroize();
    }
}

/// The Ed25519 key that belongs to an issuer's key file, so that a hospital has one file to keep:
/// the seed is SHA-256 of `LP("ELIGO-HOSPITAL-LEDGER-V01", Baby Jubjub secret, P-256 secret)`, both in
/// hexadecimal.
pub fn ledger_key(issuer: &IssuerKey) -> Attempt<SigningKey> {
    let text = issuer.to_json().map_err(Failure::unexpected)?;
    let secrets: Secrets = serde_json::from_str(&text).map_err(Failure::unexpected)?;
    let seed = Zeroizing::new(sha256_lp(&[
        b"ELIGO-HOSPITAL-LEDGER-V01",
        secrets.baby_jubjub.as_bytes(),
        secrets.p256.as_bytes(),
    ]));
    Ok(SigningKey::from_bytes(&seed))
}

/// The public half, as everyone may know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerKeyCard {
    format: String,
    version: u32,
    /// The hospital's name, as it calls itself.
    pub name: String,
    /// The issuer key it goes with, hexadecimal.
    pub baby_jubjub: String,
    /// Ed25519, hexadecimal.
    ed25519: String,
}

impl LedgerKeyCard {
    /// The card of an issuer's ledger key.
    pub fn of(issuer: &IssuerKey) -> Attempt<Self> {
        let public = issuer.public();
        Ok(Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            name: public.name().to_owned(),
            baby_jubjub: public.schnorr().to_hex(),
            ed25519: hex::encode(ledger_key(issuer)?.verifying_key().as_bytes()),
        })
    }

    /// Reads a card.
    pub fn read(source: &Source) -> Attempt<Self> {
        let bytes = source.read(LIMIT)?;
        let card: Self = serde_json::from_slice(&bytes).map_err(|e| {
            Failure::file(source, &e)
                .at(format!("line {}, column {}", e.line(), e.column()))
                .help("expected a file made by `eligo hospital ledger-key`")
        })?;
        if card.format != FORMAT || card.version != VERSION {
            let found = format!("`{}` version {}", card.format, card.version);
            let what = format!("expected format `{FORMAT}` version {VERSION}, found {found}");
            return Err(Failure::file(source, what));
        }
        card.key().map_err(|e| e.of(source))?;
        Ok(card)
    }

    /// The key: canonical, and not of small order.
    pub fn key(&self) -> Attempt<VerifyingKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(&self.ed25519, &mut bytes)
            .ok()
            .and_then(|()| VerifyingKey::from_bytes(&bytes).ok())
            .filter(|k| !k.is_weak())
            .ok_or_else(|| {
                let what = "no Ed25519 key of 64 hexadecimal digits";
                Failure::new(crate::failure::Kind::File, what).at("ed25519")
            })
    }

    /// The card's text.
    pub fn to_json(&self) -> Attempt<String> {
        serde_json::to_string(self).map_err(Failure::unexpected)
    }
}
