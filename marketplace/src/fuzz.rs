//! Every decoder, for fuzzing: whatever decodes must encode to the same bytes.

mod samples;

use eligo_ledger::fuzz::Decoder;
use eligo_ledger::wire::Wire;

use crate::care::act::{AskTerms, SignedDelegation, SignedPermit};
use crate::care::{Act, CareEvent};
use crate::certificate::SignedCertificate;
use crate::contract::Contract;
use crate::entry::SignedEntry;
use crate::event::{Event, Logged};
use crate::genesis::MarketGenesis;
use crate::offer::{Draft, Offer};
use crate::transaction::{Body, ClaimRequest, DisputeEvidence, SignedTransaction};

pub use samples::samples;

/// Every decoder.
pub const ALL: &[Decoder] = &[
    Decoder::of::<SignedTransaction>("transaction"),
    Decoder::of::<Body>("body"),
    Decoder::of::<ClaimRequest>("claim"),
    Decoder::of::<DisputeEvidence>("evidence"),
    Decoder::of::<SignedCertificate>("certificate"),
    Decoder::of::<SignedEntry>("entry"),
    Decoder::of::<Offer>("offer"),
    Decoder::of::<Draft>("draft"),
    Decoder::of::<Event>("event"),
    Decoder::of::<Logged>("logged"),
    Decoder::of::<crate::convene::act::Act>("act_of_convening"),
    Decoder::of::<crate::convene::transcript::Message>("ceremony_message"),
    Decoder::of::<crate::convene::event::Convened>("convened"),
    Decoder::of::<MarketGenesis>("genesis"),
    Decoder::of::<Contract>("contract"),
    Decoder::of::<Act>("care_act"),
    Decoder::of::<AskTerms>("care_ask"),
    Decoder::of::<SignedPermit>("care_permit"),
    Decoder::of::<SignedDelegation>("care_delegation"),
    Decoder::of::<CareEvent>("care_event"),
    Decoder::of::<IssuerBytes>("issuer"),
];

/// An issuer's key as it travels.
#[derive(Debug)]
struct IssuerBytes(crate::issuer::IssuerKey);

impl Wire for IssuerBytes {
    const MIN_SIZE: usize = 32;
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.to_bytes().encode(out);
    }
    fn decode(
        r: &mut eligo_ledger::wire::Reader<'_>,
    ) -> Result<Self, eligo_ledger::wire::WireError> {
        let what = "issuer key";
        crate::issuer::IssuerKey::from_bytes(&r.array()?)
            .map(Self)
            .map_err(|_| eligo_ledger::wire::WireError::Invalid { what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eligo_ledger::fuzz::spoil;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(samples);

    proptest! {
        #[test]
        fn no_decoder_panics_or_accepts_a_second_encoding(
            pick in any::<proptest::sample::Index>(),
            flips in proptest::collection::vec((0..400usize, any::<u8>()), 0..4),
            cut in 0..2000usize,
        ) {
            let bytes = spoil(pick.get::<Vec<u8>>(&SAMPLES), &flips, cut);
            for decoder in ALL {
                (decoder.run)(&bytes);
            }
        }
    }

    /// A target whose inputs it never accepts tries little.
    #[test]
    fn every_decoder_accepts_a_sample() {
        for decoder in ALL {
            let mut ends = SAMPLES.iter().map(|sample| (decoder.run)(sample));
            assert!(ends.any(|end| end == "accepted"), "{}", decoder.name);
        }
    }
}
