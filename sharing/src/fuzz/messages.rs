//! Messages with canonical bytes, and what is read out of letters and streams.

use super::{BEACON, DKG, Decoder, GATE, IBE, OMS, SEARCH, TCPRE, TEAM};
use super::{decode_only, outcome, vectors};
use crate::domain::lp;
use crate::letter::Letter;
use crate::tcpre::{
    Capsule, ContentKey, GateShare, RefreshDeal, Revocation, Share, SignedGrant, Transcript,
};
use crate::{beacon, dkg, ibe, keys, oms, search, team};

macro_rules! messages {
    ($($name:literal: $file:ident $path:literal => $($module:ident::)? [$type:ident];)*) => {
        &[
            $(Decoder {
                name: $name,
                decodes: concat!(stringify!($type), "::from_bytes"),
                seeds: || vectors($file, $path),
                run: |input| {
                    let decoded = $($module::)?$type::from_bytes(input);
                    outcome(input, decoded, |value| value.to_bytes().to_vec())
                },
            },)*
            CONTENT_KEY,
            SEALED_RECORD,
            LETTER,
            DEALT_SHARE,
            POINTER,
        ]
    };
}

pub(super) const LIST: &[Decoder] = messages! {
    "capsule": TCPRE "/messages/capsule" => [Capsule];
    "grant": TCPRE "/messages/grant" => [SignedGrant];
    "share": TCPRE "/messages/share" => [Share];
    "refresh": TCPRE "/messages/refresh" => [RefreshDeal];
    "dispute": TCPRE "/messages/dispute" => [Transcript];
    "revocation": TCPRE "/messages/revocation" => [Revocation];
    "gate_share": GATE "/messages/gate_share" => [GateShare];
    "dkg_deal": DKG "/messages/deal" => dkg::[Deal];
    "dkg_exposure": DKG "/messages/exposure" => dkg::[Exposure];
    "dkg_opened": DKG "/messages/opened" => dkg::[OpenedShare];
    "dkg_complaint": DKG "/messages/complaint" => dkg::[Complaint];
    "dkg_key": DKG "/messages/key" => dkg::[GroupKey];
    "identity_share": IBE "/messages/identity_share" => ibe::[IdentityShare];
    "identity_sealed": IBE "/messages/sealed" => ibe::[Sealed];
    "decryption_share": IBE "/messages/decryption_share" => ibe::[DecryptionShare];
    "proxy_ciphertext": IBE "/messages/ciphertext" => ibe::[ProxyCiphertext];
    "delegation": IBE "/messages/delegation" => ibe::[DelegationKey];
    "transformed": IBE "/messages/transformed" => ibe::[TransformedCiphertext];
    "beacon_partial": BEACON "/rounds/0/partial" => beacon::[PartialSignature];
    "oms_chain": OMS "/messages/chain" => oms::[Chain];
    "oms_joint": OMS "/messages/joint" => oms::[Joint];
    "oms_key": OMS "/signers/0/key" => oms::[SignerKey];
    "oms_proof": OMS "/signers/0/proof" => oms::[SignerProof];
    "oms_secret": OMS "/signers/0/secret" => oms::[MultiSigner];
    "team_prekey": TEAM "/messages/prekey" => team::[SignedPrekey];
    "team_welcome": TEAM "/messages/welcome" => team::[Welcome];
    "team_confirmation": TEAM "/messages/confirmation" => team::[Confirmation];
    "team_message": TEAM "/messages/message" => team::[Message];
    "search_card": SEARCH "/messages/card" => search::[SearchCard];
    "search_row": SEARCH "/messages/row" => search::[Row];
    "search_token": SEARCH "/messages/token" => search::[SearchToken];
};

const CONTENT_KEY: Decoder = Decoder {
    name: "content_key",
    decodes: "ContentKey::from_bytes",
    seeds: || vec![vec![7; ContentKey::BYTES]],
    run: |input| {
        outcome(input, ContentKey::from_bytes(input), |key| {
            key.to_bytes().to_vec()
        })
    },
};

/// A sealed record's header and stream are decoded under a key of their own.
const SEALED_RECORD: Decoder = Decoder {
    name: "sealed_record",
    decodes: "ContentKey::open",
    seeds: || vectors(TCPRE, "/stored"),
    run: |input| {
        let first = |path| vectors(TCPRE, path).into_iter().next().unwrap_or_default();
        let key = keys::RecordKey::from_bytes(&first("/secrets/a"));
        let capsule = Capsule::from_bytes(&first("/messages/capsule"));
        let (Ok(key), Ok(capsule)) = (key, capsule) else {
            return "no vector".into();
        };
        let opened = capsule.check().map(|capsule| capsule.decapsulate(&key));
        let Ok(Ok(content)) = opened else {
            return "no vector".into();
        };
        decode_only(content.open(input, std::io::sink()))
    },
};

/// An encrypted letter, as it stands in the messages that carry one.
const LETTER: Decoder = Decoder {
    name: "letter",
    decodes: "Letter::from_bytes",
    seeds: || vec![lp(&[&[7; 32], &[9; 40]])],
    run: |input| outcome(input, Letter::from_bytes(input), Letter::to_bytes),
};

/// What a dealer's letter says, once open.
const DEALT_SHARE: Decoder = Decoder {
    name: "dkg_dealt_share",
    decodes: "SharePair::decode",
    seeds: || vec![vec![7; 64]],
    run: |input| {
        let read = dkg::recode_dealt_share(input).ok_or("no share");
        outcome(input, read, Clone::clone)
    },
};

/// What a row's pointer says, once open.
const POINTER: Decoder = Decoder {
    name: "search_pointer",
    decodes: "Pointer::unpadded",
    seeds: || {
        let pointer = search::Pointer::new(*b"s3://records/1").ok();
        let padded = pointer.map(|pointer| pointer.padded().to_vec());
        padded.into_iter().collect()
    },
    run: |input| {
        let whole = <&[u8; search::POINTER_BYTES]>::try_from(input).ok();
        let read = whole
            .and_then(search::Pointer::unpadded)
            .ok_or("no pointer");
        outcome(input, read, |pointer| pointer.padded().to_vec())
    },
};
