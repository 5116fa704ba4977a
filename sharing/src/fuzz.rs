//! Every decoder of the crate with valid inputs to begin from, for a fuzzer.
//!
//! What must hold of each: no input makes it panic or allocate more than the input is long by a small factor,
//! and what it accepts encodes to the very bytes it was decoded from.

use serde_json::Value;

use crate::dkg::{self, GroupKey};
use crate::document::{Document, ProxyKeyCard, ReceivingKeyCard};
use crate::tcpre::{
    Capsule, ContentKey, GateShare, RefreshDeal, Revocation, Share, SignedGrant, Transcript,
};
use crate::wallet::{EncounterCard, Holder, HolderDocument, Passphrase, Wallet};
use crate::{beacon, ibe, keys, oms, search, team};

/// A decoder and what to feed it.
#[derive(Clone, Copy)]
pub struct Decoder {
    /// Its name.
    pub name: &'static str,
    /// Valid inputs.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Decodes an input and says how that ended, in few different ways.
    ///
    /// # Panics
    /// If an accepted input does not encode to itself: a defect of the decoder.
    pub run: fn(&[u8]) -> String,
}

impl core::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name)
    }
}

fn outcome<T, E: core::fmt::Debug>(
    input: &[u8],
    decoded: Result<T, E>,
    encode: impl Fn(&T) -> Vec<u8>,
) -> String {
    match decoded {
        Ok(value) => {
            assert!(
                encode(&value) == input,
                "an accepted input encodes to something else"
            );
            "accepted".into()
        }
        // without numbers from the input, so that few outcomes remain
        Err(error) => format!("{error:?}")
            .chars()
            .filter(|c| !c.is_ascii_digit())
            .take(80)
            .collect(),
    }
}

/// The hex strings under a key of a vector file, or of its `messages`.
fn vectors(file: &str, name: &str) -> Vec<Vec<u8>> {
    let parsed: Value = serde_json::from_str(file).unwrap_or_default();
    let found = parsed.pointer(name).cloned().unwrap_or_default();
    let list = if let Value::Array(list) = found {
        list
    } else {
        vec![found]
    };
    list.iter()
        .filter_map(Value::as_str)
        .filter_map(|text| hex::decode(text).ok())
        .collect()
}

/// A public key's decoder, fed with the keys of the vectors' secrets.
macro_rules! public_key {
    ($name:literal: $path:literal => $secret:ident, $public:ident) => {
        Decoder {
            name: $name,
            seeds: || {
                let secrets = vectors(include_str!("../vectors/tcpre.json"), $path);
                let key = |secret: &Vec<u8>| keys::$secret::from_bytes(secret).ok();
                let keys = secrets.iter().filter_map(key);
                keys.map(|key| key.public().to_bytes().to_vec()).collect()
            },
            run: |input| {
                outcome(input, keys::$public::from_bytes(input), |key| {
                    key.to_bytes().to_vec()
                })
            },
        }
    };
}

const KEYS: &[Decoder] = &[
    public_key!("record_key": "/secrets/a" => RecordKey, RecordPublicKey),
    public_key!("receiving_key": "/secrets/b" => ReceivingKey, ReceivingPublicKey),
    public_key!("proxy_key": "/secrets/e" => ProxyKey, ProxyPublicKey),
];

macro_rules! decoders {
    ($($name:literal: $file:literal $path:literal => $decode:expr;)*) => {
        &[$(Decoder {
            name: $name,
            seeds: || vectors(include_str!(concat!("../vectors/", $file, ".json")), $path),
            run: |input| outcome(input, $decode(input), |value| value.to_bytes().to_vec()),
        }),*]
    };
}

const BINARY: &[Decoder] = decoders! {
    "capsule": "tcpre" "/messages/capsule" => Capsule::from_bytes;
    "grant": "tcpre" "/messages/grant" => SignedGrant::from_bytes;
    "share": "tcpre" "/messages/share" => Share::from_bytes;
    "refresh": "tcpre" "/messages/refresh" => RefreshDeal::from_bytes;
    "dispute": "tcpre" "/messages/dispute" => Transcript::from_bytes;
    "revocation": "tcpre" "/messages/revocation" => Revocation::from_bytes;
    "gate_share": "gate" "/messages/gate_share" => GateShare::from_bytes;
    "dkg_deal": "dkg" "/messages/deal" => dkg::Deal::from_bytes;
    "dkg_exposure": "dkg" "/messages/exposure" => dkg::Exposure::from_bytes;
    "dkg_opened": "dkg" "/messages/opened" => dkg::OpenedShare::from_bytes;
    "dkg_complaint": "dkg" "/messages/complaint" => dkg::Complaint::from_bytes;
    "dkg_key": "dkg" "/messages/key" => GroupKey::from_bytes;
    "identity_share": "ibe" "/messages/identity_share" => ibe::IdentityShare::from_bytes;
    "identity_sealed": "ibe" "/messages/sealed" => ibe::Sealed::from_bytes;
    "decryption_share": "ibe" "/messages/decryption_share" => ibe::DecryptionShare::from_bytes;
    "proxy_ciphertext": "ibe" "/messages/ciphertext" => ibe::ProxyCiphertext::from_bytes;
    "delegation": "ibe" "/messages/delegation" => ibe::DelegationKey::from_bytes;
    "transformed": "ibe" "/messages/transformed" => ibe::TransformedCiphertext::from_bytes;
    "beacon_partial": "beacon" "/rounds/0/partial" => beacon::PartialSignature::from_bytes;
    "oms_chain": "oms" "/messages/chain" => oms::Chain::from_bytes;
    "oms_joint": "oms" "/messages/joint" => oms::Joint::from_bytes;
    "oms_key": "oms" "/signers/0/key" => oms::SignerKey::from_bytes;
    "oms_proof": "oms" "/signers/0/proof" => oms::SignerProof::from_bytes;
    "oms_secret": "oms" "/signers/0/secret" => oms::MultiSigner::from_bytes;
    "team_prekey": "team" "/messages/prekey" => team::SignedPrekey::from_bytes;
    "team_welcome": "team" "/messages/welcome" => team::Welcome::from_bytes;
    "team_confirmation": "team" "/messages/confirmation" => team::Confirmation::from_bytes;
    "team_message": "team" "/messages/message" => team::Message::from_bytes;
    "search_card": "search" "/messages/card" => search::SearchCard::from_bytes;
    "search_row": "search" "/messages/row" => search::Row::from_bytes;
    "search_token": "search" "/messages/token" => search::SearchToken::from_bytes;
};

fn text(file: &str, path: &str) -> Vec<Vec<u8>> {
    let parsed: Value = serde_json::from_str(file).unwrap_or_default();
    let found = parsed.pointer(path).and_then(Value::as_str);
    found
        .map(|text| text.as_bytes().to_vec())
        .into_iter()
        .collect()
}

fn json_only<T, E: core::fmt::Debug>(decoded: Result<T, E>) -> String {
    // JSON has many spellings of one value, so nothing is said about its bytes
    outcome(&[], decoded.map(|_| ()), |()| Vec::new())
}

const TEXT: &[Decoder] = &[
    Decoder {
        name: "wallet_file",
        seeds: || text(include_str!("../vectors/wallet.json"), "/file/text"),
        run: |input| {
            // the cost an input may ask for is limited, but too high to fuzz with
            if !contains(input, b"\"memory_kib\": 32,") || !contains(input, b"\"passes\": 2,") {
                return "another cost".into();
            }
            let passphrase = Passphrase::new("correct horse battery staple".into());
            passphrase.map_or_else(|_| String::new(), |p| json_only(Wallet::open(input, &p)))
        },
    },
    Decoder {
        name: "holder_document",
        seeds: || text(include_str!("../vectors/wallet.json"), "/cases/0/document"),
        run: |input| json_only(HolderDocument::from_json(input)),
    },
    Decoder {
        name: "encounter_card",
        seeds: || {
            let documents = text(include_str!("../vectors/wallet.json"), "/cases/0/document");
            let card = |document: &Vec<u8>| EncounterCard::from_json(document).ok();
            let cards = documents.iter().filter_map(card);
            cards.map(|card| card.to_json().into_bytes()).collect()
        },
        run: |input| json_only(EncounterCard::from_json(input)),
    },
    Decoder {
        name: "content_key",
        seeds: || vec![vec![7; ContentKey::BYTES]],
        run: |input| {
            outcome(input, ContentKey::from_bytes(input), |key| {
                key.to_bytes().to_vec()
            })
        },
    },
    Decoder {
        name: "content_key_file",
        seeds: || {
            let key = ContentKey::from_bytes(&[7; ContentKey::BYTES]).ok();
            let file = key.map(|key| key.to_secret_json().as_bytes().to_vec());
            file.into_iter().collect()
        },
        run: |input| json_only(ContentKey::from_secret_json(input)),
    },
    Decoder {
        name: "holder",
        seeds: || text(include_str!("../vectors/wallet.json"), "/cases/0/holder"),
        run: |input| {
            let read = core::str::from_utf8(input).map_err(|_| "no text");
            let read = read.and_then(|t| t.parse::<Holder>().map_err(|_| "no holder"));
            outcome(input, read, |holder| holder.to_string().into_bytes())
        },
    },
    Decoder {
        name: "backup_words",
        seeds: || text(include_str!("../vectors/wallet.json"), "/cases/1/words"),
        run: |input| {
            let read = core::str::from_utf8(input).ok().map(Wallet::from_words);
            read.map_or_else(|| "no text".into(), json_only)
        },
    },
    Decoder {
        name: "share_document",
        seeds: || {
            let shares = vectors(include_str!("../vectors/tcpre.json"), "/messages/share");
            let shares = shares
                .iter()
                .filter_map(|bytes| Share::from_bytes(bytes).ok());
            shares.map(|share| share.to_json().into_bytes()).collect()
        },
        run: |input| json_only(Share::from_json(input)),
    },
    Decoder {
        name: "receiving_card",
        seeds: || card_seeds(b"eligo-receiving-key", "/secrets/b"),
        run: |input| json_only(ReceivingKeyCard::from_json(input)),
    },
    Decoder {
        name: "proxy_card",
        seeds: || card_seeds(b"eligo-proxy-key", "/secrets/e"),
        run: |input| json_only(ProxyKeyCard::from_json(input)),
    },
];

fn contains(input: &[u8], part: &[u8]) -> bool {
    input.windows(part.len()).any(|window| window == part)
}

fn card_seeds(kind: &[u8], path: &str) -> Vec<Vec<u8>> {
    let secrets = vectors(include_str!("../vectors/tcpre.json"), path);
    let card = |secret: &Vec<u8>| {
        if kind == b"eligo-proxy-key" {
            let key = crate::keys::ProxyKey::from_bytes(secret).ok()?;
            Some(ProxyKeyCard::of(&key).to_json().into_bytes())
        } else {
            let key = crate::keys::ReceivingKey::from_bytes(secret).ok()?;
            Some(ReceivingKeyCard::of(&key).to_json().into_bytes())
        }
    };
    secrets.iter().filter_map(card).collect()
}

/// A sealed record's header and stream are decoded under a key of their own.
const STREAM: Decoder = Decoder {
    name: "sealed_record",
    seeds: || vectors(include_str!("../vectors/tcpre.json"), "/stored"),
    run: |input| {
        let file = include_str!("../vectors/tcpre.json");
        let first = |path| vectors(file, path).into_iter().next().unwrap_or_default();
        let key = crate::keys::RecordKey::from_bytes(&first("/secrets/a"));
        let capsule = Capsule::from_bytes(&first("/messages/capsule"));
        let (Ok(key), Ok(capsule)) = (key, capsule) else {
            return "no vector".into();
        };
        let opened = capsule.check().map(|capsule| capsule.decapsulate(&key));
        let Ok(Ok(content)) = opened else {
            return "no vector".into();
        };
        json_only(content.open(input, std::io::sink()))
    },
};

/// Every decoder.
#[must_use]
pub fn decoders() -> Vec<Decoder> {
    let listed = BINARY.iter().chain(KEYS).chain(TEXT);
    listed.copied().chain([STREAM]).collect()
}
