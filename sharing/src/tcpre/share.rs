//! A proxy's work: re-encrypting one capsule under its share, with a proof.

use rand_core::{CryptoRng, RngCore};

use super::{CheckedCapsule, GrantId, Label, LabelTag, ProxyId, Revocation, RevocationError};
use super::{VerifiedGrant, Window};
use crate::bfkem::{self, SecretPoint, ShareProof, index};
use crate::domain::{int, lp};
use crate::keys::RecordPublicKey;
use crate::pairing::{Gt, Prepared};
use crate::wire::{Fields, WireError};

/// k_j, a proxy's share of a grant. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::tcpre::ShareKey) { drop(k); drop(k); }
/// ```
#[derive(Debug)]
pub struct ShareKey {
    pub(super) grant: GrantId,
    pub(super) epoch: u32,
    pub(super) proxy: ProxyId,
    pub(super) k: SecretPoint,
    pub(super) y: Gt,
    key: RecordPublicKey,
    label: Label,
    window: Window,
    signer: ed25519_dalek::VerifyingKey,
}

/// Why a proxy does not re-encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReencryptError {
    /// The grant's window is not open yet.
    #[error("the grant holds only from {not_before} on")]
    NotYet {
        /// When it begins, seconds since 1970.
        not_before: u64,
    },
    /// The grant's window is over.
    #[error("the grant held until {not_after}")]
    Expired {
        /// When it ended, seconds since 1970.
        not_after: u64,
    },
    /// The capsule is of another record.
    #[error("the grant is for another record than this capsule's")]
    OtherRecord,
}

/// A share of a re-encryption as it travels: (j, rho_j, c, z), not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub(super) grant: GrantId,
    epoch: u32,
    pub(super) proxy: ProxyId,
    proof: ShareProof,
}

/// A share whose proof was checked against its grant and capsule. Cannot be decoded, only verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedShare {
    pub(super) grant: GrantId,
    pub(super) epoch: u32,
    pub(super) u: ark_bls12_381::G2Affine,
    pub(super) proxy: ProxyId,
    pub(super) rho: Gt,
}

/// Why a share is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// It is a share of another grant, or of another epoch of this one.
    #[error("proxy {proxy}'s share is not of this grant and epoch")]
    OtherGrant {
        /// Who sent it.
        proxy: ProxyId,
    },
    /// The grant has no such proxy.
    #[error("the grant has no proxy {proxy}")]
    NoSuchProxy {
        /// Who it says to be from.
        proxy: ProxyId,
    },
    /// The capsule is of another record than the grant.
    #[error("the capsule is of another record than the grant")]
    OtherRecord,
    /// The proof fails: the proxy lied.
    #[error("proxy {proxy} gave a wrong share")]
    Wrong {
        /// The liar.
        proxy: ProxyId,
    },
}

impl ShareError {
    /// The proxy to blame, if it is one.
    #[must_use]
    pub fn culprit(&self) -> Option<ProxyId> {
        match self {
            Self::Wrong { proxy } => Some(*proxy),
            _ => None,
        }
    }
}

fn context(grant: &GrantId, proxy: ProxyId) -> [Vec<u8>; 2] {
    [grant.as_bytes().to_vec(), index(proxy.number()).to_vec()]
}

impl ShareKey {
    pub(super) fn new(grant: &VerifiedGrant, proxy: ProxyId, k: SecretPoint, y: Gt) -> Self {
        let terms = grant.terms();
        Self {
            grant: grant.id(),
            epoch: 0,
            proxy,
            k,
            y,
            key: terms.key,
            label: terms.label,
            window: terms.window,
            signer: *grant.signer(),
        }
    }

    /// Which proxy's share it is.
    #[must_use]
    pub fn proxy(&self) -> ProxyId {
        self.proxy
    }

    /// The grant it is a share of.
    #[must_use]
    pub fn grant(&self) -> GrantId {
        self.grant
    }

    /// rho_j = e(k_j, U) with its proof. `now`, in seconds since 1970, must be in the grant's window; that the
    /// grant is neither revoked nor unpaid is for the caller to know. Three pairings.
    ///
    /// # Errors
    /// [`ReencryptError`] if the window is closed or the capsule another record's.
    pub fn reencrypt(
        &self,
        capsule: &CheckedCapsule,
        now: u64,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Share, ReencryptError> {
        if now < self.window.not_before() {
            return Err(ReencryptError::NotYet {
                not_before: self.window.not_before(),
            });
        }
        if !self.window.holds(now) {
            return Err(ReencryptError::Expired {
                not_after: self.window.not_after(),
            });
        }
        if capsule.key != self.key || capsule.label != self.label {
            return Err(ReencryptError::OtherRecord);
        }
        let context = context(&self.grant, self.proxy);
        let context = context.each_ref().map(Vec::as_slice);
        let proof = bfkem::share::<LabelTag>(&self.k, &self.y, &capsule.u, &context, rng);
        Ok(Share {
            grant: self.grant,
            epoch: self.epoch,
            proxy: self.proxy,
            proof,
        })
    }

    /// Obeys a revocation: k_j is wiped.
    ///
    /// # Errors
    /// The key back, and why the revocation is not one of this grant's patient.
    pub fn revoke(self, revocation: &Revocation) -> Result<(), Box<(Self, RevocationError)>> {
        match revocation.verify(&self.grant, &self.signer) {
            Ok(()) => Ok(()),
            Err(error) => Err(Box::new((self, error))),
        }
    }
}

impl VerifiedGrant {
    /// Checks a share's proof: two pairings, two powers in GT.
    ///
    /// # Errors
    /// [`ShareError`] names the proxy.
    pub fn verify_share(
        &self,
        capsule: &CheckedCapsule,
        share: &Share,
    ) -> Result<VerifiedShare, ShareError> {
        self.verify_at(capsule, None, share)
    }

    /// Checks many shares of one record, each as [`verify_share`](Self::verify_share) does: two pairings
    /// each, with the lines of U computed once for all. What comes out is in the order of what went in.
    #[must_use]
    pub fn verify_shares(
        &self,
        capsule: &CheckedCapsule,
        shares: &[Share],
    ) -> Vec<Result<VerifiedShare, ShareError>> {
        let at_u = Prepared::new(&capsule.u);
        let verify = |share| self.verify_at(capsule, Some(&at_u), share);
        shares.iter().map(verify).collect()
    }

    fn verify_at(
        &self,
        capsule: &CheckedCapsule,
        at_u: Option<&Prepared>,
        share: &Share,
    ) -> Result<VerifiedShare, ShareError> {
        let proxy = share.proxy;
        if share.grant != self.id() || share.epoch != self.epoch() {
            return Err(ShareError::OtherGrant { proxy });
        }
        if !self.terms().proxies.contains(proxy) {
            return Err(ShareError::NoSuchProxy { proxy });
        }
        if capsule.key != self.terms().key || capsule.label != self.terms().label {
            return Err(ShareError::OtherRecord);
        }
        let context = context(&share.grant, proxy);
        let context = context.each_ref().map(Vec::as_slice);
        let (y, u) = (self.y(proxy), &capsule.u);
        if !bfkem::verify_share::<LabelTag>(&share.proof, &y, u, at_u, &context) {
            return Err(ShareError::Wrong { proxy });
        }
        let (grant, epoch, rho) = (share.grant, share.epoch, share.proof.rho);
        Ok(VerifiedShare {
            grant,
            epoch,
            u: capsule.u,
            proxy,
            rho,
        })
    }
}

impl VerifiedShare {
    /// Whose share it is.
    #[must_use]
    pub fn proxy(&self) -> ProxyId {
        self.proxy
    }
}

impl Share {
    /// Whose share it says to be.
    #[must_use]
    pub fn proxy(&self) -> ProxyId {
        self.proxy
    }

    /// Of which grant it says to be.
    #[must_use]
    pub fn grant(&self) -> GrantId {
        self.grant
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let [rho, c, z] = self.proof.fields();
        lp(&[
            FORMAT,
            self.grant.as_bytes(),
            &int(u64::from(self.epoch)),
            &index(self.proxy.number()),
            &rho,
            &c,
            &z,
        ])
    }

    /// Decodes a share; rho_j must be of order r.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let grant = GrantId::new(fields.array("grant")?);
        let epoch = u32::try_from(fields.int("epoch")?);
        let epoch = epoch.map_err(|_| WireError::Value { field: "epoch" })?;
        let proxy = ProxyId::new(fields.int("proxy")?);
        let proxy = proxy.map_err(|_| WireError::Value { field: "proxy" })?;
        let proof = ShareProof::read(&mut fields)?;
        fields.end()?;
        Ok(Self {
            grant,
            epoch,
            proxy,
            proof,
        })
    }
}

const FORMAT: &[u8] = b"MEDPRE-V01-SHARE";

#[cfg(test)]
impl ShareKey {
    pub(crate) fn point(&self) -> &ark_bls12_381::G1Affine {
        &self.k.0
    }
}
