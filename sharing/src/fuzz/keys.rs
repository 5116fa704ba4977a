//! Public keys, proofs and signatures that are one point, and secret keys.

use std::sync::OnceLock;

use super::names::from_text;
use super::{BEACON, DKG, Decoder, IBE, SEARCH, TCPRE};
use super::{decode_only, outcome, vectors};
use crate::beacon::{BeaconKey, BeaconSignature};
use crate::dkg::{GroupKey, KeyShare};
use crate::ibe::IdentityKey;
use crate::keys::{
    ProxyKey, ProxyKeyProof, ProxyPublicKey, ReceivingKey, ReceivingKeyProof, ReceivingPublicKey,
    RecordKey, RecordKeyProof, RecordPublicKey,
};
use crate::letter::LetterKey;
use crate::search::{
    SearchKey, SearchKeyProof, SearchPublicKey, WriterKey, WriterKeyProof, WriterPublicKey,
};

fn in_hex(seeds: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let spell = |bytes: &Vec<u8>| hex::encode(bytes).into_bytes();
    seeds.iter().map(spell).collect()
}

/// The bytes and the text of each.
macro_rules! points {
    ($($bytes:literal $text:literal: $type:ident, $seeds:expr;)*) => {
        &[$(
            Decoder {
                name: $bytes,
                decodes: concat!(stringify!($type), "::from_bytes"),
                seeds: || $seeds,
                run: |input| outcome(input, $type::from_bytes(input), |key| key.to_bytes().to_vec()),
            },
            Decoder {
                name: $text,
                decodes: concat!(stringify!($type), "::from_str"),
                seeds: || in_hex($seeds),
                run: from_text::<$type>,
            },
        )*]
    };
}

/// The public keys of secret ones.
macro_rules! public {
    ($file:ident $path:literal => $secret:ident) => {{
        let secrets = vectors($file, $path);
        let keys = secrets.iter().filter_map(|s| $secret::from_bytes(s).ok());
        keys.map(|key| key.public().to_bytes().to_vec()).collect()
    }};
}

pub(super) const POINTS: &[Decoder] = points! {
    "record_key" "record_key_text": RecordPublicKey, public!(TCPRE "/secrets/a" => RecordKey);
    "receiving_key" "receiving_key_text": ReceivingPublicKey, public!(TCPRE "/secrets/b" => ReceivingKey);
    "proxy_key" "proxy_key_text": ProxyPublicKey, public!(TCPRE "/secrets/e" => ProxyKey);
    "record_proof" "record_proof_text": RecordKeyProof, vectors(TCPRE, "/record_possession");
    "receiving_proof" "receiving_proof_text": ReceivingKeyProof, vectors(TCPRE, "/receiving_possession");
    "proxy_proof" "proxy_proof_text": ProxyKeyProof, vectors(TCPRE, "/proxy_possession");
    "search_key" "search_key_text": SearchPublicKey, vectors(SEARCH, "/Y2");
    "search_proof" "search_proof_text": SearchKeyProof, proofs_of_cards();
    "writer_key" "writer_key_text": WriterPublicKey, vectors(SEARCH, "/HS");
    "writer_proof" "writer_proof_text": WriterKeyProof, vectors(SEARCH, "/writer_possession");
    "beacon_signature" "beacon_signature_text": BeaconSignature, vectors(BEACON, "/rounds/0/signature");
};

/// A card ends with its proof.
fn proofs_of_cards() -> Vec<Vec<u8>> {
    let cards = vectors(SEARCH, "/messages/card");
    let proof = |card: &Vec<u8>| {
        let last = card.last_chunk::<{ SearchKeyProof::BYTES }>();
        last.map(|proof| proof.to_vec())
    };
    cards.iter().filter_map(proof).collect()
}

macro_rules! secrets {
    ($($name:literal: $type:ident, $file:ident $path:literal;)*) => {
        &[
            $(Decoder {
                name: $name,
                decodes: concat!(stringify!($type), "::from_bytes"),
                seeds: || vectors($file, $path),
                run: |input| outcome(input, $type::from_bytes(input), |key| key.to_bytes().to_vec()),
            },)*
            LETTER_KEY,
            KEY_SHARE,
            NAME_KEY,
            DRAND_KEY,
        ]
    };
}

pub(super) const SECRETS: &[Decoder] = secrets! {
    "record_secret": RecordKey, TCPRE "/secrets/a";
    "receiving_secret": ReceivingKey, TCPRE "/secrets/b";
    "proxy_secret": ProxyKey, TCPRE "/secrets/e";
    "search_secret": SearchKey, SEARCH "/reader";
    "writer_secret": WriterKey, SEARCH "/writer";
};

const LETTER_KEY: Decoder = Decoder {
    name: "letter_secret",
    decodes: "LetterKey::from_bytes",
    seeds: || vectors(DKG, "/letter_keys"),
    run: |input| {
        outcome(input, LetterKey::from_bytes(input), |key| {
            key.expose().to_vec()
        })
    },
};

/// The key whose shares are read.
fn group_key() -> Option<&'static GroupKey> {
    static KEY: OnceLock<Option<GroupKey>> = OnceLock::new();
    let read = || {
        let key = vectors(DKG, "/messages/key").into_iter().next()?;
        GroupKey::from_bytes(&key).ok()
    };
    KEY.get_or_init(read).as_ref()
}

const KEY_SHARE: Decoder = Decoder {
    name: "dkg_key_share",
    decodes: "KeyShare::from_bytes",
    seeds: || vectors(DKG, "/shares"),
    run: |input| {
        group_key().map_or_else(
            || "no vector".into(),
            |key| {
                outcome(input, KeyShare::from_bytes(input, key), |share| {
                    share.to_bytes().to_vec()
                })
            },
        )
    },
};

const NAME_KEY: Decoder = Decoder {
    name: "name_key",
    decodes: "IdentityKey::from_bytes",
    seeds: || vectors(IBE, "/messages/name_key"),
    run: |input| {
        group_key().map_or_else(
            || "no vector".into(),
            |key| {
                outcome(input, IdentityKey::from_bytes(input, key), |name| {
                    name.to_bytes().to_vec()
                })
            },
        )
    },
};

const DRAND_KEY: Decoder = Decoder {
    name: "drand_key",
    decodes: "BeaconKey::drand",
    seeds: || vectors(SEARCH, "/Y2"),
    run: |input| decode_only(BeaconKey::drand(input)),
};
