//! One function for each decoder, for fuzzing: whatever decodes must encode to the same bytes.

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

fn canonical<T: Wire>(bytes: &[u8]) {
    if let Ok(value) = T::from_wire(bytes) {
        assert_eq!(value.to_wire(), bytes, "two encodings of one value");
    }
}

macro_rules! decoders {
    ($($(#[$doc:meta])* $name:ident: $t:ty;)*) => {
        $($(#[$doc])* pub fn $name(bytes: &[u8]) { canonical::<$t>(bytes); })*
        /// Every decoder, by name.
        pub const ALL: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $name)),*];
    };
}

decoders! {
    /// A transaction.
    transaction: SignedTransaction;
    /// What it asks.
    body: Body;
    /// A claim.
    claim: ClaimRequest;
    /// A dispute's evidence.
    evidence: DisputeEvidence;
    /// A certificate.
    certificate: SignedCertificate;
    /// A record's entry.
    entry: SignedEntry;
    /// An offer.
    offer: Offer;
    /// A draft.
    draft: Draft;
    /// An event.
    event: Event;
    /// An event with what caused it.
    logged: Logged;
    /// An act of convening.
    act_of_convening: crate::convene::act::Act;
    /// What is said in a key generation.
    ceremony_message: crate::convene::transcript::Message;
    /// What happened in ceremonies and elections.
    convened: crate::convene::event::Convened;
    /// The marketplace's genesis.
    genesis: MarketGenesis;
    /// A snapshot of the whole state.
    contract: Contract;
    /// An act of care.
    care_act: Act;
    /// A doctor's ask.
    care_ask: AskTerms;
    /// A patient's permit.
    care_permit: SignedPermit;
    /// A delegation.
    care_delegation: SignedDelegation;
    /// What happened in a patient's care.
    care_event: CareEvent;
    /// An issuer's key, which has one form.
    issuer: IssuerBytes;
}

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

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_decoder_panics_or_accepts_a_second_encoding(
            tag in 0..30u8,
            noise in proptest::collection::vec(any::<u8>(), 0..400),
            zeros in 0..800usize,
        ) {
            let mut bytes = vec![7; 72];
            bytes.push(tag);
            bytes.extend_from_slice(&noise);
            bytes.resize(bytes.len() + zeros, 0);
            for (_, decode) in ALL {
                decode(&bytes);
                decode(bytes.get(72..).unwrap_or_default());
            }
        }
    }
}
