//! Rounds 4 to 6: the public key is exposed; who lies or falls silent is reconstructed, not dropped.

use std::collections::{BTreeMap, BTreeSet};

use ark_bls12_381::{Fr, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{One, Zero};
use zeroize::Zeroizing;

use super::Qualified;
use super::deal::{SharePair, evaluate_points, read_participant};
use super::{Ceremony, CeremonyId, GroupKey, KeyShare, MAX_PARTICIPANTS, OpenedShare, Participant};
use crate::curve::{self, G2_BYTES};
use crate::domain::{int, lp};
use crate::wire::{Fields, WireError};

/// A qualified dealer's A_ik = a_ik P2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    ceremony: CeremonyId,
    dealer: Participant,
    points: Vec<G2Affine>,
}

/// What was exposed, and whose polynomial must be reconstructed, in public.
#[derive(Clone, Debug)]
pub struct Exposed {
    qualified: Qualified,
    points: BTreeMap<Participant, Vec<G2Affine>>,
    missing: BTreeSet<Participant>,
    unfounded: BTreeSet<(Participant, Participant)>,
}

/// Too few shares of a dealer were opened to reconstruct its polynomial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// Fewer than t valid shares were opened.
    #[error("dealer {dealer} must be reconstructed: {have} shares are open, {need} are needed")]
    NotEnough {
        /// The dealer.
        dealer: Participant,
        /// Valid shares so far.
        have: usize,
        /// t.
        need: usize,
    },
    /// The key came out as the identity: of probability 2^-255 unless nobody was honest.
    #[error("the key is the identity")]
    Identity,
}

/// A participant after exposing.
///
/// ```compile_fail
/// fn twice(e: eligo_sharing::dkg::Exposer<'_>) { drop(e); drop(e); }
/// ```
pub struct Exposer<'a> {
    ceremony: &'a Ceremony,
    me: Participant,
    shares: BTreeMap<Participant, SharePair>,
}

/// A participant's shares do not add up to its verification key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FinishError {
    /// The key is another ceremony's.
    #[error("the key is another ceremony's")]
    OtherCeremony,
    /// The participant misses the share of a qualified dealer.
    #[error("the share of qualified dealer {dealer} is missing")]
    Missing {
        /// The dealer.
        dealer: Participant,
    },
    /// x_j P2 is not V_j.
    #[error("the shares do not add up to the verification key")]
    Mismatch,
}

impl Exposure {
    pub(super) fn new(ceremony: CeremonyId, dealer: Participant, points: Vec<G2Affine>) -> Self {
        Self {
            ceremony,
            dealer,
            points,
        }
    }

    /// Who exposes.
    #[must_use]
    pub fn dealer(&self) -> Participant {
        self.dealer
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let points: Vec<_> = self.points.iter().map(curve::encode_g2).collect();
        lp(&[
            b"MEDDKG-V01-EXPOSURE",
            self.ceremony.as_bytes(),
            &int(self.dealer.x()),
            &lp(&points
                .iter()
                .map(<[u8; G2_BYTES]>::as_slice)
                .collect::<Vec<_>>()),
        ])
    }

    /// Decodes an exposure.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", b"MEDDKG-V01-EXPOSURE")?;
        let ceremony = CeremonyId::new(fields.array("ceremony")?);
        let dealer = read_participant(&mut fields, "dealer")?;
        let points = fields.list("A", MAX_PARTICIPANTS, G2_BYTES, |f| {
            f.point("A", G2_BYTES, curve::decode_g2)
        })?;
        fields.end()?;
        Ok(Self {
            ceremony,
            dealer,
            points,
        })
    }
}

/// s P2 = sum over k of j^k A_k.
fn fits(s: &Fr, points: &[G2Affine], holder: Participant) -> bool {
    #[cfg(any(test, feature = "test-util"))]
    super::count::record();
    curve::mul_g2(&G2Affine::generator(), s) == evaluate_points(points, holder.x())
}

impl Qualified {
    /// The first well-formed exposure of each qualified dealer.
    fn well_formed(&self, exposures: &[Exposure]) -> BTreeMap<Participant, Vec<G2Affine>> {
        let mut points = BTreeMap::new();
        for e in exposures {
            let good = e.ceremony == self.ceremony.id()
                && self.deals.contains_key(&e.dealer)
                && e.points.len() == self.ceremony.threshold();
            if good {
                points.entry(e.dealer).or_insert_with(|| e.points.clone());
            }
        }
        points
    }

    /// Collects exposures and objections in their order. An objection counts if its share fits the dealer's
    /// commitments but not its exposure. Dealers who exposed nothing, or something else than they
    /// committed to, are to be reconstructed.
    ///
    /// Each objection is judged once, whatever the others say: two equations in G2 at most, one if its share
    /// does not contradict the exposure, none if there is no exposure to object to.
    #[must_use]
    pub fn expose(self, exposures: &[Exposure], objections: &[OpenedShare]) -> Exposed {
        let mut points = self.well_formed(exposures);
        let (mut refuted, mut unfounded) = (BTreeSet::new(), BTreeSet::new());
        for o in objections {
            let exposed = points.get(&o.dealer);
            if exposed.is_some_and(|exposed| self.sustains(o, exposed)) {
                refuted.insert(o.dealer);
            } else {
                unfounded.insert((o.holder, o.dealer));
            }
        }
        points.retain(|dealer, _| !refuted.contains(dealer));
        let missing = self.dealers().filter(|d| !points.contains_key(d)).collect();
        Exposed {
            qualified: self,
            points,
            missing,
            unfounded,
        }
    }

    /// Whether an objection's share contradicts the exposure and is the one its dealer committed to.
    fn sustains(&self, o: &OpenedShare, exposed: &[G2Affine]) -> bool {
        let deal = self.deals.get(&o.dealer);
        let deal = deal.filter(|_| o.ceremony == self.ceremony.id());
        deal.filter(|_| self.ceremony.contains(o.holder))
            .is_some_and(|deal| {
                !fits(&o.s, exposed, o.holder) && o.pair().fits(&deal.commitments, o.holder)
            })
    }
}

impl Exposed {
    /// Whose polynomials are to be reconstructed.
    #[must_use]
    pub fn missing(&self) -> &BTreeSet<Participant> {
        &self.missing
    }

    /// Objections, holder and dealer, that the holder's share does not bear out: the exposure they are against
    /// fits it, or there is none.
    #[must_use]
    pub fn unfounded(&self) -> &BTreeSet<(Participant, Participant)> {
        &self.unfounded
    }

    /// Settles the key: MPK = sum of A_i0 and V_j = sum of sum of j^k A_ik over the qualified dealers, those
    /// who lied or fell silent interpolated from t opened shares that fit their commitments.
    ///
    /// # Errors
    /// [`SettleError::NotEnough`] names the dealer for whom too few shares are open.
    pub fn settle(self, opened: &[OpenedShare]) -> Result<GroupKey, SettleError> {
        let Self {
            qualified,
            mut points,
            missing,
            ..
        } = self;
        for dealer in missing {
            points.insert(dealer, reconstruct(&qualified, dealer, opened)?);
        }
        let t = qualified.ceremony.threshold();
        let mut sums = vec![G2Projective::zero(); t];
        for dealer in points.values() {
            for (sum, point) in sums.iter_mut().zip(dealer) {
                *sum += point;
            }
        }
        let sums = G2Projective::normalize_batch(&sums);
        let dealers = points.keys().copied().collect();
        GroupKey::from_coefficients(&qualified.ceremony, dealers, &sums)
            .ok_or(SettleError::Identity)
    }
}

/// Interpolates a dealer's polynomial from t valid opened shares, and returns its A_k.
fn reconstruct(
    qualified: &Qualified,
    dealer: Participant,
    opened: &[OpenedShare],
) -> Result<Vec<G2Affine>, SettleError> {
    let need = qualified.ceremony.threshold();
    let mut valid = BTreeMap::new();
    let deal = qualified.deals.get(&dealer);
    for o in opened.iter().filter(|o| o.dealer == dealer) {
        if valid.len() == need {
            break;
        }
        let fits = o.ceremony == qualified.ceremony.id()
            && qualified.ceremony.contains(o.holder)
            && deal.is_some_and(|deal| o.pair().fits(&deal.commitments, o.holder));
        if fits {
            valid.insert(o.holder.x(), o.s);
        }
    }
    if valid.len() < need {
        return Err(SettleError::NotEnough {
            dealer,
            have: valid.len(),
            need,
        });
    }
    let coefficients = interpolate(&valid);
    Ok(coefficients
        .iter()
        .map(|a| curve::mul_g2(&G2Affine::generator(), a))
        .collect())
}

/// The coefficients of the polynomial through the points, lowest first.
fn interpolate(points: &BTreeMap<u64, Fr>) -> Vec<Fr> {
    let mut coefficients = vec![Fr::zero(); points.len()];
    let ids: Vec<u64> = points.keys().copied().collect();
    for (&j, &value) in points {
        // the numerator of the Lagrange basis polynomial of j, its value at j divided out
        let mut basis = vec![Fr::one()];
        let mut at_j = Fr::one();
        for &k in ids.iter().filter(|&&k| k != j) {
            basis = times_linear(&basis, Fr::from(k));
            at_j *= Fr::from(j) - Fr::from(k);
        }
        let scale = value / at_j;
        for (sum, b) in coefficients.iter_mut().zip(basis) {
            *sum += b * scale;
        }
    }
    coefficients
}

/// polynomial * (X - root).
fn times_linear(polynomial: &[Fr], root: Fr) -> Vec<Fr> {
    let mut out = vec![Fr::zero()];
    out.extend_from_slice(polynomial);
    for (slot, c) in out.iter_mut().zip(polynomial) {
        *slot -= *c * root;
    }
    out
}

impl<'a> Exposer<'a> {
    pub(super) fn new(
        ceremony: &'a Ceremony,
        me: Participant,
        shares: BTreeMap<Participant, SharePair>,
    ) -> Self {
        Self {
            ceremony,
            me,
            shares,
        }
    }

    /// Which participant it is.
    #[must_use]
    pub fn participant(&self) -> Participant {
        self.me
    }

    /// Round 5: opens the share of every dealer whose exposure it contradicts. One product in G2 a dealer.
    #[must_use]
    pub fn object(&self, qualified: &Qualified, exposures: &[Exposure]) -> Vec<OpenedShare> {
        let points = qualified.well_formed(exposures);
        let contradicts = |(dealer, share): &(&Participant, &SharePair)| {
            points
                .get(dealer)
                .is_some_and(|exposed| !fits(&share.s, exposed, self.me))
        };
        self.open(self.shares.iter().filter(contradicts))
    }

    /// Round 6: opens the shares of dealers that must be reconstructed.
    #[must_use]
    pub fn reveal(&self, exposed: &Exposed) -> Vec<OpenedShare> {
        self.open(
            self.shares
                .iter()
                .filter(|(dealer, _)| exposed.missing.contains(dealer)),
        )
    }

    fn open<'b>(
        &self,
        shares: impl Iterator<Item = (&'b Participant, &'b SharePair)>,
    ) -> Vec<OpenedShare> {
        let id = self.ceremony.id();
        shares
            .map(|(dealer, share)| OpenedShare::of(id, *dealer, self.me, share))
            .collect()
    }

    /// x_j = sum of s_ij over the qualified dealers, checked against V_j.
    ///
    /// # Errors
    /// [`FinishError`] if a share is missing or the sum does not fit.
    pub fn finish(self, key: &GroupKey) -> Result<KeyShare, FinishError> {
        if key.ceremony() != self.ceremony.id() {
            return Err(FinishError::OtherCeremony);
        }
        let mut x = Zeroizing::new(Fr::zero());
        for &dealer in key.dealers() {
            let share = self
                .shares
                .get(&dealer)
                .ok_or(FinishError::Missing { dealer })?;
            *x += *share.s;
        }
        KeyShare::new(key, self.me, &x).ok_or(FinishError::Mismatch)
    }
}

impl core::fmt::Debug for Exposer<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Exposer")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Exposure {
    pub(super) fn spoil(&mut self) {
        if let Some(first) = self.points.first_mut() {
            *first = (*first + G2Affine::generator()).into_affine();
        }
    }
}
