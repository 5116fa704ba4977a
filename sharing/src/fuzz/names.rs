//! Names as text: digests, labels and ids in hex, and spelled ones.

use core::fmt::{Debug, Display};
use core::str::FromStr;

use super::{Decoder, WALLET, outcome, text};
use crate::beacon::Randomness;
use crate::dkg::CeremonyId;
use crate::letter::LetterPublicKey;
use crate::oms::{Opinion, SignerId};
use crate::tcpre::{GrantId, Label, RecordId, RequirementId, SchemaId};
use crate::team::TeamId;
use crate::wallet::{Holder, HospitalId, Pseudonym};

/// Reads a text and holds what it means against it. `serde` reads the same way.
pub(super) fn from_text<T: FromStr + Display>(input: &[u8]) -> String
where
    T::Err: Debug,
{
    let spelled = core::str::from_utf8(input).map_err(|_| "no text".to_owned());
    let read = spelled.and_then(|text| text.parse::<T>().map_err(|e| format!("{e:?}")));
    outcome(input, read, |value| value.to_string().into_bytes())
}

macro_rules! names {
    ($($name:literal: $type:ident, $seeds:expr;)*) => {
        &[$(Decoder {
            name: $name,
            decodes: concat!(stringify!($type), "::from_str"),
            seeds: || $seeds,
            run: from_text::<$type>,
        }),*]
    };
}

fn digest() -> Vec<Vec<u8>> {
    vec![b"07".repeat(32)]
}

pub(super) const LIST: &[Decoder] = names! {
    "label": Label, digest();
    "record_id": RecordId, digest();
    "grant_id": GrantId, digest();
    "requirement_id": RequirementId, digest();
    "schema_id": SchemaId, digest();
    "ceremony_id": CeremonyId, digest();
    "team_id": TeamId, digest();
    "signer_id": SignerId, digest();
    "opinion": Opinion, digest();
    "randomness": Randomness, digest();
    "pseudonym": Pseudonym, digest();
    "letter_key": LetterPublicKey, digest();
    "holder": Holder, text(WALLET, "/cases/0/holder");
    "hospital_id": HospitalId, vec![b"charite.example".to_vec()];
};
