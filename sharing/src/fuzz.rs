//! Every decoder of the crate with valid inputs to begin from, for a fuzzer.
//!
//! What must hold of each: no input makes it panic or allocate more than the input is long by a small factor,
//! and what it accepts encodes to the very bytes it was decoded from.

mod documents;
mod keys;
mod messages;
mod names;

use serde_json::Value;

const BEACON: &str = include_str!("../vectors/beacon.json");
const DKG: &str = include_str!("../vectors/dkg.json");
const GATE: &str = include_str!("../vectors/gate.json");
const IBE: &str = include_str!("../vectors/ibe.json");
const OMS: &str = include_str!("../vectors/oms.json");
const SEARCH: &str = include_str!("../vectors/search.json");
const TCPRE: &str = include_str!("../vectors/tcpre.json");
const TEAM: &str = include_str!("../vectors/team.json");
const WALLET: &str = include_str!("../vectors/wallet.json");

/// A decoder and what to feed it.
#[derive(Clone, Copy)]
pub struct Decoder {
    /// Its name.
    pub name: &'static str,
    /// The function of this crate that it calls, `Type::function`.
    pub decodes: &'static str,
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

/// The text under a key of a vector file, as it stands there.
fn text(file: &str, path: &str) -> Vec<Vec<u8>> {
    let parsed: Value = serde_json::from_str(file).unwrap_or_default();
    let found = parsed.pointer(path).and_then(Value::as_str);
    found
        .map(|text| text.as_bytes().to_vec())
        .into_iter()
        .collect()
}

/// How decoding ended, where one value has many spellings (JSON) or is secret and cannot be written again.
fn decode_only<T, E: core::fmt::Debug>(decoded: Result<T, E>) -> String {
    outcome(&[], decoded.map(|_| ()), |()| Vec::new())
}

/// Every decoder. A test holds this list against the crate's sources.
#[must_use]
pub fn decoders() -> Vec<Decoder> {
    let listed = messages::LIST
        .iter()
        .chain(keys::POINTS)
        .chain(keys::SECRETS)
        .chain(names::LIST);
    listed.chain(documents::LIST).copied().collect()
}
