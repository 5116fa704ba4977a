//! Proactive refresh: the proxies re-randomise their shares without the patient, so that shares stolen in
//! different epochs are of no use together.
//!
//! Proxy i deals a polynomial delta_i without constant term: gT^delta_im in public, and delta_i(j)P1 to
//! proxy j by the same publicly verifiable encryption as in a grant, so a wrong deal is refused by
//! everyone before it is applied. k_j += sum of delta_i(j)P1, F_m *= prod of gT^delta_im; y_0 stays.

use std::collections::BTreeSet;

use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use rand_core::{CryptoRng, RngCore};

use super::grant::{batch_coefficient, evaluate_mask, masked};
use super::{GrantId, MAX_PROXIES, ProxyId, ShareKey, VerifiedGrant};
use crate::bfkem::{SecretPoint, index};
use crate::curve::{self, G1_BYTES, G2_BYTES};
use crate::domain::{int, lp, sha256};
use crate::keys::ProxyKey;
use crate::pairing::{self, GT_BYTES, Gt};
use crate::scalar::Hedge;
use crate::wire::{Fields, WireError};

const FORMAT: &[u8] = b"MEDPRE-V01-REFRESH";

/// One proxy's contribution to a refresh, not yet verified. Whoever carries it authenticates the dealer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshDeal {
    grant: GrantId,
    epoch: u32,
    dealer: ProxyId,
    commitments: Vec<Gt>,
    v1: G1Affine,
    v2: G2Affine,
    shares: Vec<G1Affine>,
}

/// A contribution that gives every proxy the right share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDeal(RefreshDeal);

/// Why a refresh fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// A deal for another grant or epoch.
    #[error("proxy {dealer}'s deal is for another grant or epoch")]
    OtherGrant {
        /// Who dealt.
        dealer: ProxyId,
    },
    /// A deal that is wrong for someone.
    #[error("proxy {dealer}'s deal is wrong")]
    Wrong {
        /// Who dealt.
        dealer: ProxyId,
    },
    /// Two deals of one proxy.
    #[error("proxy {dealer} dealt twice")]
    Twice {
        /// Who dealt.
        dealer: ProxyId,
    },
    /// No deal at all, or a sum that cancels out.
    #[error("the deals change nothing")]
    Nothing,
    /// The refresher is no proxy of the grant.
    #[error("this proxy has no share of the grant")]
    NoShare,
}

impl RefreshDeal {
    /// Deals for the grant's current epoch. No pairing; t - 1 powers of gT.
    ///
    /// # Errors
    /// [`RefreshError::NoShare`] if the dealer is not in the roster.
    pub fn new(
        dealer: &ProxyKey,
        grant: &VerifiedGrant,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<Self, RefreshError> {
        let proxies = &grant.terms().proxies;
        let id = proxies
            .position(&dealer.public())
            .ok_or(RefreshError::NoShare)?;
        let doing = lp(&[
            FORMAT,
            grant.id().as_bytes(),
            &int(u64::from(grant.epoch())),
        ]);
        let hedge = Hedge::new(dealer.to_bytes().as_slice(), &doing, rng);
        let deltas: Vec<_> = (1..proxies.threshold() as u64)
            .map(|m| hedge.scalar(&lp(&[b"delta", &int(m)])))
            .collect();
        let v = hedge.scalar(b"v");
        let gt = pairing::generator();
        let share = |(j, e): (ProxyId, &crate::keys::ProxyPublicKey)| {
            let s = SecretPoint(evaluate_mask(&deltas, j).in_g1());
            (s.0 + v.times_g1(&e.0)).into_affine()
        };
        Ok(Self {
            grant: grant.id(),
            epoch: grant.epoch(),
            dealer: id,
            commitments: deltas
                .iter()
                .map(|delta| gt.pow_secret(delta.expose()))
                .collect(),
            v1: v.in_g1(),
            v2: v.in_g2(),
            shares: proxies.iter().map(share).collect(),
        })
    }

    /// Who says to have dealt it.
    #[must_use]
    pub fn dealer(&self) -> ProxyId {
        self.dealer
    }

    /// Checks that it is for this grant and epoch and gives every proxy the right share: e(c_j, P2) =
    /// prod F_m^(j^m) e(E_j, V2), all at once. Two pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`RefreshError`] names the dealer.
    pub fn verify(self, grant: &VerifiedGrant) -> Result<VerifiedDeal, RefreshError> {
        let (dealer, proxies) = (self.dealer, &grant.terms().proxies);
        if self.grant != grant.id() || self.epoch != grant.epoch() || !proxies.contains(dealer) {
            return Err(RefreshError::OtherGrant { dealer });
        }
        if self.commitments.len() + 1 != proxies.threshold() || self.shares.len() != proxies.size()
        {
            return Err(RefreshError::Wrong { dealer });
        }
        let statement = sha256(&self.to_bytes());
        let dv = batch_coefficient(&statement, b"V", 0);
        let (mut left, mut keys) = (self.v1 * dv, G1Affine::generator() * dv);
        let mut right = Gt::one();
        for ((j, e), c) in proxies.iter().zip(&self.shares) {
            let d: Fr = batch_coefficient(&statement, b"c", j.x());
            left += *c * d;
            keys += e.0 * d;
            right = right * masked(&self.commitments, j).pow(&d);
        }
        let pairs = [
            (left.into_affine(), G2Affine::generator()),
            ((-keys).into_affine(), self.v2),
        ];
        if pairing::multi(&pairs) == right {
            Ok(VerifiedDeal(self))
        } else {
            Err(RefreshError::Wrong { dealer })
        }
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let commitments: Vec<_> = self.commitments.iter().map(|f| f.to_bytes()).collect();
        let shares: Vec<_> = self.shares.iter().map(curve::encode_g1).collect();
        lp(&[
            FORMAT,
            self.grant.as_bytes(),
            &int(u64::from(self.epoch)),
            &index(self.dealer.number()),
            &lp(&commitments
                .iter()
                .map(<[u8; GT_BYTES]>::as_slice)
                .collect::<Vec<_>>()),
            &curve::encode_g1(&self.v1),
            &curve::encode_g2(&self.v2),
            &lp(&shares
                .iter()
                .map(<[u8; G1_BYTES]>::as_slice)
                .collect::<Vec<_>>()),
        ])
    }

    /// Decodes a deal.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let grant = GrantId::new(fields.array("grant")?);
        let epoch = u32::try_from(fields.int("epoch")?);
        let epoch = epoch.map_err(|_| WireError::Value { field: "epoch" })?;
        let dealer = ProxyId::new(fields.int("dealer")?);
        let dealer = dealer.map_err(|_| WireError::Value { field: "dealer" })?;
        let commitments = fields.list("F", MAX_PROXIES, GT_BYTES, |f| {
            f.point("F", GT_BYTES, Gt::from_bytes)
        })?;
        let v1 = fields.point("V1", G1_BYTES, curve::decode_g1)?;
        let v2 = fields.point("V2", G2_BYTES, curve::decode_g2)?;
        let shares = fields.list("c", MAX_PROXIES, G1_BYTES, |f| {
            f.point("c", G1_BYTES, curve::decode_g1)
        })?;
        fields.end()?;
        Ok(Self {
            grant,
            epoch,
            dealer,
            commitments,
            v1,
            v2,
            shares,
        })
    }
}

impl VerifiedGrant {
    /// The grant after a refresh by these deals, in an epoch of its own. No pairing.
    ///
    /// # Errors
    /// [`RefreshError`] if a deal is of another epoch or twice there, or nothing would change.
    pub fn refresh(&self, deals: &[VerifiedDeal]) -> Result<Self, RefreshError> {
        check_set(self.id(), self.epoch(), deals)?;
        let mut commitments = self.commitments().to_vec();
        for VerifiedDeal(deal) in deals {
            for (f, delta) in commitments.iter_mut().zip(&deal.commitments) {
                *f = *f * *delta;
            }
        }
        if commitments == self.commitments() {
            return Err(RefreshError::Nothing);
        }
        Ok(self.refreshed(commitments))
    }
}

impl ShareKey {
    /// The proxy's share after the same refresh; the old one is wiped. One pairing.
    ///
    /// # Errors
    /// [`RefreshError`] as [`VerifiedGrant::refresh`]; the old share is then gone too, and is taken out of
    /// the grant again.
    pub fn refresh(self, proxy: &ProxyKey, deals: &[VerifiedDeal]) -> Result<Self, RefreshError> {
        check_set(self.grant, self.epoch, deals)?;
        let mut fresh = self;
        for VerifiedDeal(deal) in deals {
            let c = deal.shares.get(usize::from(fresh.proxy.number()) - 1);
            let c = c.ok_or(RefreshError::NoShare)?;
            let mask = SecretPoint(proxy.0.times_g1(&deal.v1));
            fresh.k = SecretPoint((fresh.k.0 + *c - mask.0).into_affine());
            fresh.y = fresh.y * masked(&deal.commitments, fresh.proxy);
        }
        if pairing::pair(&fresh.k.0, &G2Affine::generator()) != fresh.y {
            return Err(RefreshError::NoShare);
        }
        fresh.epoch = fresh.epoch.saturating_add(1);
        Ok(fresh)
    }
}

fn check_set(grant: GrantId, epoch: u32, deals: &[VerifiedDeal]) -> Result<(), RefreshError> {
    if deals.is_empty() {
        return Err(RefreshError::Nothing);
    }
    let mut dealers = BTreeSet::new();
    for VerifiedDeal(deal) in deals {
        let dealer = deal.dealer;
        if deal.grant != grant || deal.epoch != epoch {
            return Err(RefreshError::OtherGrant { dealer });
        }
        if !dealers.insert(dealer) {
            return Err(RefreshError::Twice { dealer });
        }
    }
    Ok(())
}
