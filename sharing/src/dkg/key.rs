//! The key that comes out: public for everyone, a share for each participant.

use ark_bls12_381::{Fr, G1Affine, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{Field, One, Zero};
use zeroize::Zeroizing;

use super::deal::{evaluate_points, read_participant};
use super::{Ceremony, CeremonyId, MAX_PARTICIPANTS, Participant, Purpose};
use crate::curve::{self, G2_BYTES, PointError, SCALAR_BYTES};
use crate::domain::{self, int, lp};
use crate::pairing;
use crate::scalar::SecretScalar;
use crate::wire::{Fields, WireError};

const FORMAT: &[u8] = b"MEDDKG-V01-KEY";
const SHARE_FORMAT: &[u8] = b"MEDDKG-V01-KEYSHARE";

/// MPK with the verification keys V_j = x_j P2 of all participants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupKey {
    ceremony: CeremonyId,
    purpose: Purpose,
    threshold: u8,
    dealers: Vec<Participant>,
    master: G2Affine,
    shares: Vec<G2Affine>,
}

/// Why bytes are no group key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupKeyError {
    /// Not the encoding of one.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The verification keys do not lie on one polynomial of degree t - 1 with the master key at 0.
    #[error("the verification keys do not belong to the master key")]
    Inconsistent,
}

/// x_j, a participant's share. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::dkg::KeyShare) { drop(k); drop(k); }
/// ```
#[derive(Debug)]
pub struct KeyShare {
    ceremony: CeremonyId,
    purpose: Purpose,
    participant: Participant,
    x: SecretScalar,
}

/// Why bytes are no share of this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyShareError {
    /// Not the encoding of one.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A share of another key.
    #[error("the share is of another key")]
    OtherKey,
}

impl GroupKey {
    /// From the sums of all dealers' A_k; none if the key is the identity.
    pub(super) fn from_coefficients(
        ceremony: &Ceremony,
        dealers: Vec<Participant>,
        sums: &[G2Affine],
    ) -> Option<Self> {
        let master = *sums.first()?;
        let shares: Vec<_> = ceremony
            .participants()
            .map(|(j, _)| evaluate_points(sums, j.x()))
            .collect();
        let degenerate = master.is_zero() || shares.iter().any(AffineRepr::is_zero);
        (!degenerate).then(|| Self {
            ceremony: ceremony.id(),
            purpose: ceremony.purpose(),
            threshold: ceremony.threshold() as u8,
            dealers,
            master,
            shares,
        })
    }

    /// The ceremony it came out of.
    #[must_use]
    pub fn ceremony(&self) -> CeremonyId {
        self.ceremony
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// t.
    #[must_use]
    pub fn threshold(&self) -> usize {
        usize::from(self.threshold)
    }

    /// n.
    #[must_use]
    pub fn size(&self) -> usize {
        self.shares.len()
    }

    /// MPK, compressed.
    #[must_use]
    pub fn master_bytes(&self) -> [u8; G2_BYTES] {
        curve::encode_g2(&self.master)
    }

    /// The qualified dealers.
    #[must_use]
    pub fn dealers(&self) -> &[Participant] {
        &self.dealers
    }

    pub(crate) fn master(&self) -> &G2Affine {
        &self.master
    }

    /// V_j.
    pub(crate) fn share(&self, j: Participant) -> Option<&G2Affine> {
        self.shares.get(j.at())
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let shares: Vec<_> = self.shares.iter().map(curve::encode_g2).collect();
        let dealers: Vec<u8> = self.dealers.iter().map(|d| d.number()).collect();
        lp(&[
            FORMAT,
            self.ceremony.as_bytes(),
            self.purpose.tag(),
            &int(u64::from(self.threshold)),
            &dealers,
            &curve::encode_g2(&self.master),
            &lp(&shares
                .iter()
                .map(<[u8; G2_BYTES]>::as_slice)
                .collect::<Vec<_>>()),
        ])
    }

    /// Decodes a key, and checks that all verification keys belong to it.
    ///
    /// # Errors
    /// [`GroupKeyError`] says what does not fit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, GroupKeyError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let ceremony = CeremonyId::new(fields.array("ceremony")?);
        let purpose = Purpose::from_tag(fields.bytes("purpose", 16)?)
            .ok_or(WireError::Value { field: "purpose" })?;
        let t = fields.int("t")?;
        let numbers = fields.bytes("dealers", MAX_PARTICIPANTS)?;
        let master = fields.point("MPK", G2_BYTES, curve::decode_g2)?;
        let shares = fields.list("V", MAX_PARTICIPANTS, G2_BYTES, |f| {
            f.point("V", G2_BYTES, curve::decode_g2)
        })?;
        fields.end()?;
        let n = shares.len();
        let threshold = u8::try_from(t)
            .ok()
            .filter(|&t| t > 0 && 2 * usize::from(t) - 1 <= n)
            .ok_or(WireError::Value { field: "t" })?;
        let ascending = numbers.is_sorted_by(|a, b| a < b);
        let dealers: Option<Vec<_>> = numbers
            .iter()
            .map(|&d| Participant::new(u64::from(d)).filter(|d| d.at() < n))
            .collect();
        let dealers = dealers
            .filter(|d| ascending && d.len() >= usize::from(threshold))
            .ok_or(WireError::Value { field: "dealers" })?;
        let key = Self {
            ceremony,
            purpose,
            threshold,
            dealers,
            master,
            shares,
        };
        if key.is_consistent(bytes) {
            Ok(key)
        } else {
            Err(GroupKeyError::Inconsistent)
        }
    }

    /// SCRAPE's test (Cascudo and David 2017): a random word of the dual code must vanish on (MPK, V_1..V_n).
    fn is_consistent(&self, statement: &[u8]) -> bool {
        // a random polynomial of degree n + 1 - t - 1, its coefficients a hash of what is tested
        let n = self.shares.len() as u64;
        let random: Vec<Fr> = (0..=n - u64::from(self.threshold))
            .map(|k| domain::hash_to_scalar(&lp(&[b"MEDDKG-V01-DUAL", statement, &int(k)])))
            .collect();
        let word: Vec<Fr> = (0..=n)
            .map(|i| {
                let differences = (0..=n)
                    .filter(|&j| j != i)
                    .map(|j| Fr::from(i) - Fr::from(j));
                let denominator: Fr = differences.product();
                crate::bfkem::evaluate(&random, i) * denominator.inverse().unwrap_or_else(Fr::one)
            })
            .collect();
        let points: Vec<_> = core::iter::once(self.master)
            .chain(self.shares.iter().copied())
            .collect();
        // the word must be orthogonal to polynomials of degree t - 1 over n + 1 points
        G2Projective::msm(&points, &word).is_ok_and(|sum| sum.is_zero())
    }
}

impl KeyShare {
    pub(super) fn new(key: &GroupKey, participant: Participant, x: &Zeroizing<Fr>) -> Option<Self> {
        let v = key.share(participant)?;
        let x = SecretScalar::from_fr(**x);
        (x.in_g2() == *v).then(|| Self {
            ceremony: key.ceremony,
            purpose: key.purpose,
            participant,
            x,
        })
    }

    /// Whose share it is.
    #[must_use]
    pub fn participant(&self) -> Participant {
        self.participant
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The ceremony of its key.
    #[must_use]
    pub fn ceremony(&self) -> CeremonyId {
        self.ceremony
    }

    pub(crate) fn scalar(&self) -> &SecretScalar {
        &self.x
    }

    /// The share, to be kept where only its owner reads.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(lp(&[
            SHARE_FORMAT,
            self.ceremony.as_bytes(),
            &int(self.participant.x()),
            Zeroizing::new(curve::encode_scalar(self.x.expose())).as_slice(),
        ]))
    }

    /// Takes back what [`to_bytes`](Self::to_bytes) gave, and checks x_j P2 = V_j.
    ///
    /// # Errors
    /// [`KeyShareError`] if it is no share, or not of this key.
    pub fn from_bytes(bytes: &[u8], key: &GroupKey) -> Result<Self, KeyShareError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", SHARE_FORMAT)?;
        let ceremony = CeremonyId::new(fields.array("ceremony")?);
        let participant = read_participant(&mut fields, "participant")?;
        let x = Zeroizing::new(fields.point("x", SCALAR_BYTES, curve::decode_scalar)?);
        fields.end()?;
        if x.is_zero() {
            return Err(WireError::Point {
                field: "x",
                source: PointError::Identity,
            }
            .into());
        }
        if ceremony != key.ceremony {
            return Err(KeyShareError::OtherKey);
        }
        Self::new(key, participant, &x).ok_or(KeyShareError::OtherKey)
    }

    /// x_j H1\[dst\](message), what extraction and the beacon publish.
    pub(crate) fn times_hash(&self, dst: &[u8], message: &[u8]) -> G1Affine {
        self.x.times_hash(dst, message)
    }
}

impl GroupKey {
    /// e(point, P2) = e(hash, V_j): whether `point` is j's product with `hash`. Two pairings, one final
    /// exponentiation.
    pub(crate) fn is_product_of(&self, j: Participant, point: &G1Affine, hash: &G1Affine) -> bool {
        self.share(j)
            .is_some_and(|v| pairing::is_one(&[(-*point, G2Affine::generator()), (*hash, *v)]))
    }

    /// e(point, P2) = e(hash, MPK). Two pairings, one final exponentiation.
    pub(crate) fn is_product_of_master(&self, point: &G1Affine, hash: &G1Affine) -> bool {
        pairing::is_one(&[(-*point, G2Affine::generator()), (*hash, self.master)])
    }
}

/// Sum of lam_j points_j: the point at 0. Ids are distinct.
pub(crate) fn interpolate_points(points: &[(u64, G1Affine)]) -> G1Affine {
    let ids: Vec<u64> = points.iter().map(|(id, _)| *id).collect();
    let sum: ark_bls12_381::G1Projective = points
        .iter()
        .map(|(id, point)| *point * crate::bfkem::lagrange_at_zero(*id, &ids))
        .sum();
    sum.into_affine()
}
