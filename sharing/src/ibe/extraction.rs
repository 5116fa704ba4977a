//! Names, and the keys t authorities extract for them.

use std::collections::BTreeMap;

use ark_bls12_381::G1Affine;
use zeroize::Zeroizing;

use super::IdentityTag;
use crate::bfkem::{self, SecretPoint};
use crate::curve::{self, G1_BYTES};
use crate::dkg::{self, GroupKey, KeyShare, Participant, Purpose};
use crate::domain::{dst, int, lp};
use crate::tcpre::RecordId;
use crate::wire::{Fields, WireError};

const KEY_FORMAT: &[u8] = b"MEDIBE-V01-NAME-KEY";

/// A name one encrypts to. At most 1 KiB.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(Vec<u8>);

impl Identity {
    /// Longest name.
    pub const LIMIT: usize = 1024;

    /// A role in an organisation, in one epoch: LP("role", org, role, epoch). Revoked by not renewing it.
    #[must_use]
    pub fn of_role(organisation: &str, role: &str, epoch: u64) -> Self {
        Self(lp(&[
            b"role",
            organisation.as_bytes(),
            role.as_bytes(),
            &int(epoch),
        ]))
    }

    /// One version of one record: LP("record", org, rid, version). Its key opens nothing else.
    #[must_use]
    pub fn of_record(organisation: &str, record: &RecordId, version: u64) -> Self {
        Self(lp(&[
            b"record",
            organisation.as_bytes(),
            record.as_bytes(),
            &int(version),
        ]))
    }

    /// The break-glass name of one record in a region's epoch: LP("EMERGENCY", region, epoch, record), the
    /// record by the 32 bytes it is registered under. Its key, and t shares for it, open no other record's.
    #[must_use]
    pub fn of_emergency(region: &str, epoch: u64, record: &[u8; 32]) -> Self {
        Self(lp(&[b"EMERGENCY", region.as_bytes(), &int(epoch), record]))
    }

    /// The bytes that are hashed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, WireError> {
        fields
            .bytes("identity", Self::LIMIT)
            .map(|id| Self(id.to_vec()))
    }

    /// Q = H1\[ID\](LP(MPK, id)).
    pub(super) fn hash(&self, key: &GroupKey) -> G1Affine {
        bfkem::hash_id::<IdentityTag>(key.master(), &self.0)
    }
}

/// A key made for another purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key was made for {found:?}, not for {expected:?}")]
pub struct WrongPurpose {
    /// What it was made for.
    pub found: Purpose,
    /// What it is asked to do.
    pub expected: Purpose,
}

/// Refuses a key of another purpose.
pub(crate) fn require(key: &GroupKey, expected: Purpose) -> Result<(), WrongPurpose> {
    let found = key.purpose();
    if found == expected {
        Ok(())
    } else {
        Err(WrongPurpose { found, expected })
    }
}

/// One of the authorities: its share x_j of an identity master key.
///
/// ```compile_fail
/// fn twice(a: eligo_sharing::ibe::Authority) { drop(a); drop(a); }
/// ```
#[derive(Debug)]
pub struct Authority {
    pub(super) share: KeyShare,
}

/// D_j = x_j Q as it travels, in a [letter](crate::letter) to the requester. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(s: eligo_sharing::ibe::IdentityShare) { drop(s); drop(s); }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityShare {
    authority: Participant,
    point: SecretPoint,
}

/// A share of an identity key that was checked. Cannot be decoded, only verified. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(s: eligo_sharing::ibe::VerifiedIdentityShare) { drop(s); drop(s); }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedIdentityShare {
    identity: Identity,
    authority: Participant,
    point: SecretPoint,
}

/// D, the key of a name. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::ibe::IdentityKey) { drop(k); drop(k); }
/// ```
#[derive(Debug)]
pub struct IdentityKey {
    pub(super) identity: Identity,
    pub(super) d: SecretPoint,
}

/// Why no key comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// The master key is for something else.
    #[error(transparent)]
    Purpose(#[from] WrongPurpose),
    /// An authority's share is wrong; with the request, the share is proof against it.
    #[error("authority {authority} gave a wrong share")]
    WrongShare {
        /// The authority.
        authority: Participant,
    },
    /// Too few different shares.
    #[error("{have} shares, but {need} are needed")]
    NotEnough {
        /// How many there are.
        have: usize,
        /// t.
        need: usize,
    },
    /// Shares of different names.
    #[error("the shares are of different names")]
    Mixed,
    /// The combined key fails its check.
    #[error("the combined key is wrong")]
    Combined,
}

impl Authority {
    /// Takes up office with a share of an identity master key.
    ///
    /// # Errors
    /// [`WrongPurpose`] if the share is of another kind of key.
    pub fn new(share: KeyShare) -> Result<Self, WrongPurpose> {
        match share.purpose() {
            Purpose::Identity => Ok(Self { share }),
            found => Err(WrongPurpose {
                found,
                expected: Purpose::Identity,
            }),
        }
    }

    /// D_j = x_j Q, once policy allows and the ledger has logged it. One product in G1.
    ///
    /// # Errors
    /// [`WrongPurpose`] if the key is not the one it has a share of.
    pub fn extract(
        &self,
        key: &GroupKey,
        identity: &Identity,
    ) -> Result<IdentityShare, WrongPurpose> {
        require(key, Purpose::Identity)?;
        let statement = lp(&[&key.master_bytes(), &identity.0]);
        let point = SecretPoint(self.share.times_hash(dst::IDENTITY, &statement));
        Ok(IdentityShare {
            authority: self.share.participant(),
            point,
        })
    }
}

impl IdentityShare {
    /// Who made it.
    #[must_use]
    pub fn authority(&self) -> Participant {
        self.authority
    }

    /// e(D_j, P2) = e(Q, V_j). Two pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`ExtractError::WrongShare`] names the authority.
    pub fn verify(
        self,
        key: &GroupKey,
        identity: &Identity,
    ) -> Result<VerifiedIdentityShare, ExtractError> {
        require(key, Purpose::Identity)?;
        let Self { authority, point } = self;
        if key.is_product_of(authority, &point.0, &identity.hash(key)) {
            Ok(VerifiedIdentityShare {
                identity: identity.clone(),
                authority,
                point,
            })
        } else {
            Err(ExtractError::WrongShare { authority })
        }
    }

    /// Canonical bytes. They are secret: send them in a letter.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let point = Zeroizing::new(curve::encode_g1(&self.point.0));
        Zeroizing::new(lp(&[
            b"MEDIBE-V01-SHARE",
            &int(self.authority.x()),
            point.as_slice(),
        ]))
    }

    /// Decodes a share.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", b"MEDIBE-V01-SHARE")?;
        let authority = Participant::new(fields.int("authority")?);
        let authority = authority.ok_or(WireError::Value { field: "authority" })?;
        let point = SecretPoint(fields.point("D", G1_BYTES, curve::decode_g1)?);
        fields.end()?;
        Ok(Self { authority, point })
    }
}

impl IdentityKey {
    /// D = sum of lam_j D_j of t shares, checked by e(D, P2) = e(Q, MPK). Two pairings, one final
    /// exponentiation.
    ///
    /// # Errors
    /// [`ExtractError`] says what does not fit.
    pub fn combine(key: &GroupKey, shares: &[VerifiedIdentityShare]) -> Result<Self, ExtractError> {
        require(key, Purpose::Identity)?;
        let need = key.threshold();
        let identity = shares
            .first()
            .ok_or(ExtractError::NotEnough { have: 0, need })?;
        let identity = identity.identity.clone();
        let mut chosen = BTreeMap::new();
        for share in shares {
            if share.identity != identity {
                return Err(ExtractError::Mixed);
            }
            chosen.insert(share.authority.x(), share.point.0);
        }
        if chosen.len() < need {
            return Err(ExtractError::NotEnough {
                have: chosen.len(),
                need,
            });
        }
        let chosen: Vec<_> = chosen.into_iter().take(need).collect();
        let d = SecretPoint(dkg::interpolate_points(&chosen));
        if !key.is_product_of_master(&d.0, &identity.hash(key)) {
            return Err(ExtractError::Combined);
        }
        Ok(Self { identity, d })
    }

    /// Canonical bytes. They are secret: who has them is the name.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let point = Zeroizing::new(curve::encode_g1(&self.d.0));
        Zeroizing::new(lp(&[
            KEY_FORMAT,
            self.identity.as_bytes(),
            point.as_slice(),
        ]))
    }

    /// Takes back what [`to_bytes`](Self::to_bytes) gave, if it is a key under this master key:
    /// e(D, P2) = e(Q, MPK). Two pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8], key: &GroupKey) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", KEY_FORMAT)?;
        let identity = Identity::read(&mut fields)?;
        let d = SecretPoint(fields.point("D", G1_BYTES, curve::decode_g1)?);
        fields.end()?;
        let wrong = WireError::Value { field: "D" };
        require(key, Purpose::Identity).map_err(|_| wrong)?;
        if !key.is_product_of_master(&d.0, &identity.hash(key)) {
            return Err(wrong);
        }
        Ok(Self { identity, d })
    }

    /// Whose key it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}
