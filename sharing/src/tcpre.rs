//! Threshold conditional proxy re-encryption: a record is opened to one institution by t of n proxies,
//! none of which can read it, and nothing else is.
//!
//! The patient is the key authority over labels of records (Green and Ateniese 2007; Tang 2008; Ibraimi
//! et al. 2008), decryption is shared and checkable by anyone (Baek and Zheng 2004), and the re-encryption
//! key is a verifiable ElGamal encryption of one label's key to the institution. Notation: e: G1 x G2 ->
//! GT, generators P1, P2, gT = e(P1, P2).
//!
//! | step | who | function | pairings / final exponentiations |
//! | --- | --- | --- | --- |
//! | seal a record | hospital | [`seal`] | 1 / 1 |
//! | check a capsule | anyone | [`Capsule::check`] | 2 / 1 |
//! | open one's own | patient | [`CheckedCapsule::decapsulate`] | 1 / 1 |
//! | grant | patient | [`grant()`] | 0 / 0 |
//! | check a grant | anyone | [`SignedGrant::verify`] | 4 / 1, and t-1 powers, whatever n |
//! | take one's share | proxy | [`VerifiedGrant::share_key`] | 1 / 1 (*) |
//! | re-encrypt | proxy | [`ShareKey::reencrypt`] | 3 / 3 |
//! | check a share | anyone | [`VerifiedGrant::verify_share`] | 2 / 2 (*), and two powers |
//! | check many shares of one record | anyone | [`VerifiedGrant::verify_shares`] | 2 / 2 each, U prepared once |
//! | open | institution | [`combine`] | 1 / 1, and t powers |
//! | dispute | institution | [`Dispute::raise`] | 2 / 2 |
//!
//! (*) and 2 / 1 once for a grant: its y_0 is kept.
//!
//! The types keep the order of the steps: only a [`CheckedCapsule`] is re-encrypted, only a
//! [`VerifiedGrant`] yields keys, only [`VerifiedShare`]s are combined; none of the three can be made from
//! bytes, by `serde` or otherwise.
//!
//! ```compile_fail
//! fn decode(bytes: &[u8]) { let _: eligo_sharing::tcpre::VerifiedShare = serde_json::from_slice(bytes).unwrap(); }
//! ```
//! ```compile_fail
//! # use eligo_sharing::{keys::ReceivingKey, tcpre::*};
//! fn hasty(b: &ReceivingKey, g: &VerifiedGrant, c: &CheckedCapsule, unverified: &[Share]) { let _ = combine(b, g, c, unverified); }
//! ```
//!
//! # What a coalition gets
//!
//! All n proxies without the institution: D + xB, which opens nothing. The institution with t-1 proxies:
//! nothing. The institution with t proxies, at any time: the key of this one label, not another label's,
//! not the patient's. A revocation or an expiry therefore holds while fewer than t proxies disobey it.
//!
//! The composition has a proof sketch (bilinear Diffie-Hellman, random oracles, static corruption) and no
//! peer review. Commitments to the sharing polynomial are in GT and nowhere else: in G2 one share would
//! open the record to whoever learnt rP1.

mod capsule;
mod content;
mod dispute;
mod gate;
mod grant;
mod label;
mod open;
mod refresh;
mod revoke;
mod roster;
mod share;

pub use capsule::{Capsule, CapsuleError, CheckedCapsule, DecapsulateError};
pub use content::{ContentKey, OpenContentError, Opened, RekeyError, SealError, rekey, seal};
pub use dispute::{Dispute, DisputeError, KeyDispute, Transcript, Verdict};
pub use gate::{
    GateKey, GateShare, GateShareError, GatedRecord, OpenGatedError, SealGatedError,
    VerifiedGateShare, combine_gated, open_gated_alone, seal_gated,
};
pub use grant::{Grant, GrantError, GrantTerms, SignedGrant, VerifiedGrant, grant};
pub use label::{GrantId, Label, RecordId, RequirementId, SchemaId, Window, WindowError};
pub use open::{CombineError, combine};
pub use refresh::{RefreshDeal, RefreshError, VerifiedDeal};
pub use revoke::{Revocation, RevocationError};
pub use roster::{MAX_PROXIES, ProxyId, ProxyIdError, ProxyRoster, RosterError};
pub use share::{ReencryptError, Share, ShareError, ShareKey, VerifiedShare};

#[cfg(test)]
pub(crate) mod tests;

pub(crate) struct LabelTag;

impl crate::bfkem::Tag for LabelTag {
    const IDENTITY: &'static [u8] = crate::domain::dst::LABEL;
    const SHARE: &'static [u8] = b"TCPRE-share";
}
