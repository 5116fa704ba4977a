//! Files: JSON envelopes of messages and secrets, cards, the wallet.

use super::{Decoder, TCPRE, WALLET};
use super::{decode_only, text, vectors};
use crate::document::{Document, ProxyKeyCard, ReceivingKeyCard};
use crate::keys::{ProxyKey, ReceivingKey};
use crate::tcpre::{Capsule, ContentKey, RefreshDeal, Revocation, Share, SignedGrant, Transcript};
use crate::wallet::{EncounterCard, HolderDocument, Passphrase, Wallet};

macro_rules! documents {
    ($($name:literal: $type:ident $path:literal;)*) => {
        &[
            $(Decoder {
                name: $name,
                decodes: concat!(stringify!($type), "::from_json"),
                seeds: || {
                    let messages = vectors(TCPRE, $path);
                    let read = messages.iter().filter_map(|bytes| $type::from_bytes(bytes).ok());
                    read.map(|message| message.to_json().into_bytes()).collect()
                },
                run: |input| decode_only($type::from_json(input)),
            },)*
            RECEIVING_FILE,
            PROXY_FILE,
            CONTENT_KEY_FILE,
            RECEIVING_CARD,
            PROXY_CARD,
            ENCOUNTER_CARD,
            HOLDER_DOCUMENT,
            WALLET_FILE,
            BACKUP_WORDS,
        ]
    };
}

pub(super) const LIST: &[Decoder] = documents! {
    "capsule_document": Capsule "/messages/capsule";
    "grant_document": SignedGrant "/messages/grant";
    "share_document": Share "/messages/share";
    "revocation_document": Revocation "/messages/revocation";
    "dispute_document": Transcript "/messages/dispute";
    "refresh_document": RefreshDeal "/messages/refresh";
};

/// What `write` makes of the secrets under a path.
fn files<T>(path: &str, read: fn(&[u8]) -> Option<T>, write: fn(&T) -> String) -> Vec<Vec<u8>> {
    let secrets = vectors(TCPRE, path);
    let keys = secrets.iter().filter_map(|secret| read(secret));
    keys.map(|key| write(&key).into_bytes()).collect()
}

fn receiving_key(secret: &[u8]) -> Option<ReceivingKey> {
    ReceivingKey::from_bytes(secret).ok()
}

fn proxy_key(secret: &[u8]) -> Option<ProxyKey> {
    ProxyKey::from_bytes(secret).ok()
}

const RECEIVING_FILE: Decoder = Decoder {
    name: "receiving_secret_file",
    decodes: "ReceivingKey::from_secret_json",
    seeds: || {
        files("/secrets/b", receiving_key, |key| {
            key.to_secret_json().to_string()
        })
    },
    run: |input| decode_only(ReceivingKey::from_secret_json(input)),
};

const PROXY_FILE: Decoder = Decoder {
    name: "proxy_secret_file",
    decodes: "ProxyKey::from_secret_json",
    seeds: || {
        files("/secrets/e", proxy_key, |key| {
            key.to_secret_json().to_string()
        })
    },
    run: |input| decode_only(ProxyKey::from_secret_json(input)),
};

const CONTENT_KEY_FILE: Decoder = Decoder {
    name: "content_key_file",
    decodes: "ContentKey::from_secret_json",
    seeds: || {
        let key = ContentKey::from_bytes(&[7; ContentKey::BYTES]).ok();
        let file = key.map(|key| key.to_secret_json().as_bytes().to_vec());
        file.into_iter().collect()
    },
    run: |input| decode_only(ContentKey::from_secret_json(input)),
};

const RECEIVING_CARD: Decoder = Decoder {
    name: "receiving_card",
    decodes: "ReceivingKeyCard::from_json",
    seeds: || {
        files("/secrets/b", receiving_key, |key| {
            ReceivingKeyCard::of(key).to_json()
        })
    },
    run: |input| decode_only(ReceivingKeyCard::from_json(input)),
};

const PROXY_CARD: Decoder = Decoder {
    name: "proxy_card",
    decodes: "ProxyKeyCard::from_json",
    seeds: || {
        files("/secrets/e", proxy_key, |key| {
            ProxyKeyCard::of(key).to_json()
        })
    },
    run: |input| decode_only(ProxyKeyCard::from_json(input)),
};

const ENCOUNTER_CARD: Decoder = Decoder {
    name: "encounter_card",
    decodes: "EncounterCard::from_json",
    seeds: || {
        let documents = text(WALLET, "/cases/0/document");
        let card = |document: &Vec<u8>| EncounterCard::from_json(document).ok();
        let cards = documents.iter().filter_map(card);
        cards.map(|card| card.to_json().into_bytes()).collect()
    },
    run: |input| decode_only(EncounterCard::from_json(input)),
};

const HOLDER_DOCUMENT: Decoder = Decoder {
    name: "holder_document",
    decodes: "HolderDocument::from_json",
    seeds: || text(WALLET, "/cases/0/document"),
    run: |input| decode_only(HolderDocument::from_json(input)),
};

const WALLET_FILE: Decoder = Decoder {
    name: "wallet_file",
    decodes: "Wallet::open",
    seeds: || text(WALLET, "/file/text"),
    run: |input| {
        // the cost an input may ask for is limited, but too high to fuzz with
        if !contains(input, b"\"memory_kib\": 32,") || !contains(input, b"\"passes\": 2,") {
            return "another cost".into();
        }
        let passphrase = Passphrase::new("correct horse battery staple".into());
        passphrase.map_or_else(|_| String::new(), |p| decode_only(Wallet::open(input, &p)))
    },
};

const BACKUP_WORDS: Decoder = Decoder {
    name: "backup_words",
    decodes: "Wallet::from_words",
    seeds: || text(WALLET, "/cases/1/words"),
    run: |input| {
        let read = core::str::from_utf8(input).ok().map(Wallet::from_words);
        read.map_or_else(|| "no text".into(), decode_only)
    },
};

fn contains(input: &[u8], part: &[u8]) -> bool {
    input.windows(part.len()).any(|window| window == part)
}
