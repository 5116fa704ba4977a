//! The grant: one label's key, encrypted to one institution, shared among proxies, and provably so.

use std::sync::OnceLock;

use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInt, PrimeField};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::capsule::label_key;
use super::{
    GrantId, Label, LabelTag, MAX_PROXIES, ProxyId, ProxyRoster, RequirementId, RosterError,
};
use super::{ShareKey, Window};
use crate::bfkem::{self, SecretPoint};
use crate::curve::{self, G1_BYTES, G2_BYTES};
use crate::domain::{int, lp, sha256};
use crate::keys::{ProxyKey, ProxyPublicKey, ReceivingPublicKey, RecordKey, RecordPublicKey};
use crate::pairing::{self, GT_BYTES, Gt, Prepared};
use crate::scalar::{Hedge, SecretScalar};
use crate::wire::{self, Fields, WireError};

const FORMAT: &[u8] = b"MEDPRE-V01-GRANT";

/// What a grant must be about. Taken from where it is authoritative (record entry, requirement, draw,
/// policy), never from the grant itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantTerms {
    /// A of the record's capsule.
    pub key: RecordPublicKey,
    /// l of the record's capsule.
    pub label: Label,
    /// B of the requirement, its possession checked.
    pub receiver: ReceivingPublicKey,
    /// The proxies drawn, and the policy's threshold.
    pub proxies: ProxyRoster,
    /// When it holds.
    pub window: Window,
    /// The requirement it answers.
    pub requirement: RequirementId,
}

impl GrantTerms {
    fn to_bytes(&self) -> Vec<u8> {
        let keys: Vec<_> = self.proxies.iter().map(|(_, key)| key.to_bytes()).collect();
        lp(&[
            &self.key.to_bytes(),
            self.label.as_bytes(),
            &self.receiver.to_bytes(),
            &int(self.proxies.threshold() as u64),
            &int(self.proxies.size() as u64),
            &lp(&keys
                .iter()
                .map(<[u8; G1_BYTES]>::as_slice)
                .collect::<Vec<_>>()),
            &int(self.window.not_before()),
            &int(self.window.not_after()),
            self.requirement.as_bytes(),
        ])
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, WireError> {
        let value = |field| WireError::Value { field };
        let key = fields.point("A", G2_BYTES, RecordPublicKey::from_bytes)?;
        let label = Label::new(fields.array("label")?);
        let receiver = fields.point("B", G1_BYTES, ReceivingPublicKey::from_bytes)?;
        let (t, n) = (fields.int("t")?, fields.int("n")?);
        let keys = fields.list("E", MAX_PROXIES, G1_BYTES, |f| {
            f.point("E", G1_BYTES, ProxyPublicKey::from_bytes)
        })?;
        if keys.len() as u64 != n {
            return Err(value("n"));
        }
        let proxies = ProxyRoster::new(t, keys).map_err(|error| match error {
            RosterError::Threshold { .. } => value("t"),
            RosterError::Size(_) | RosterError::Twice { .. } => value("E"),
        })?;
        let (begin, end) = (fields.int("not_before")?, fields.int("not_after")?);
        let window = Window::new(begin, end).map_err(|_| value("not_after"))?;
        let requirement = RequirementId::new(fields.array("requirement")?);
        Ok(Self {
            key,
            label,
            receiver,
            proxies,
            window,
            requirement,
        })
    }
}

/// What the patient publishes, before it is signed: terms, X1 = xP1 and X2 = xP2, commitments F_m =
/// gT^phi_m to the sharing polynomial, and the shares c_j = k_j + vE_j encrypted under V1 = vP1, V2 = vP2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub(super) terms: GrantTerms,
    pub(super) x1: G1Affine,
    pub(super) x2: G2Affine,
    pub(super) commitments: Vec<Gt>,
    pub(super) v1: G1Affine,
    pub(super) v2: G2Affine,
    pub(super) shares: Vec<G1Affine>,
}

/// A grant with the encounter key's signature, not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedGrant {
    grant: Grant,
    signer: VerifyingKey,
    signature: Signature,
}

/// A grant that says what its terms say, with every proxy's share shown right.
#[derive(Clone, Debug)]
pub struct VerifiedGrant {
    grant: Grant,
    id: GrantId,
    signer: VerifyingKey,
    /// How often its shares were refreshed.
    epoch: u32,
    /// The current commitments: refreshing changes them.
    commitments: Vec<Gt>,
    /// y_0, when it is first needed.
    y0: OnceLock<Gt>,
}

/// Why a grant is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// It is for another record, recipient, roster, window or requirement than it must be.
    #[error("the grant's {field} is not what it must be")]
    Terms {
        /// Which part.
        field: &'static str,
    },
    /// The encounter key did not sign it.
    #[error("the grant is not signed by the encounter key")]
    Signature,
    /// X1 and X2, or V1 and V2, hide different scalars.
    #[error("the grant's blinding points do not belong together")]
    Blinding,
    /// A proxy was given a wrong share.
    #[error("the grant gives proxy {proxy} a wrong share")]
    Share {
        /// The proxy.
        proxy: ProxyId,
    },
    /// A proxy that is not in the grant asked for its share.
    #[error("this proxy has no share of the grant")]
    NoShare,
}

/// Grants label l of record key a under the terms, signed by the encounter key. No pairings; 2n + 5
/// products in G1, two in G2, t - 1 powers in GT.
///
/// The random scalars are hedged with a: a weak generator gives nothing away. Products and powers are the same
/// whatever the scalars.
///
/// # Errors
/// [`GrantError::Terms`] if the terms are about another record key.
pub fn grant(
    key: &RecordKey,
    terms: GrantTerms,
    signer: &SigningKey,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<SignedGrant, GrantError> {
    if key.public() != terms.key {
        return Err(GrantError::Terms {
            field: "record key",
        });
    }
    let hedge = Hedge::new(key.to_bytes().as_slice(), &terms.to_bytes(), rng);
    let phis = (1..terms.proxies.threshold() as u64)
        .map(|m| hedge.scalar(&lp(&[b"phi", &int(m)])))
        .collect::<Vec<_>>();
    let grant = Grant::from_scalars(key, terms, &hedge.scalar(b"x"), &phis, &hedge.scalar(b"v"));
    Ok(grant.sign(signer))
}

impl Grant {
    pub(crate) fn from_scalars(
        key: &RecordKey,
        terms: GrantTerms,
        x: &SecretScalar,
        phis: &[SecretScalar],
        v: &SecretScalar,
    ) -> Self {
        // rk = D + xB
        let d = label_key(key, &terms.label);
        let rk = SecretPoint((d.0 + x.times_g1(&terms.receiver.0)).into_affine());
        let gt = pairing::generator();
        let commitments = phis.iter().map(|phi| gt.pow_secret(phi.expose())).collect();
        // c_j = rk + phi(j) P1 + vE_j, phi without constant term
        let shares = terms
            .proxies
            .iter()
            .map(|(j, e)| (share_point(&rk, phis, j).0 + v.times_g1(&e.0)).into_affine())
            .collect();
        let (x1, x2, v1, v2) = (x.in_g1(), x.in_g2(), v.in_g1(), v.in_g2());
        Self {
            terms,
            x1,
            x2,
            commitments,
            v1,
            v2,
            shares,
        }
    }

    pub(crate) fn sign(self, signer: &SigningKey) -> SignedGrant {
        let signature = signer.sign(&signed_bytes(&self.id()));
        SignedGrant {
            grant: self,
            signer: signer.verifying_key(),
            signature,
        }
    }

    /// gid = SHA256(LP("gid", G)).
    #[must_use]
    pub fn id(&self) -> GrantId {
        GrantId::new(sha256(&lp(&[b"gid", &self.to_bytes()])))
    }

    /// What it is about, as it says itself.
    #[must_use]
    pub fn terms(&self) -> &GrantTerms {
        &self.terms
    }

    /// G, canonical.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let commitments: Vec<_> = self.commitments.iter().map(|f| f.to_bytes()).collect();
        let shares: Vec<_> = self.shares.iter().map(curve::encode_g1).collect();
        lp(&[
            FORMAT,
            &self.terms.to_bytes(),
            &curve::encode_g1(&self.x1),
            &curve::encode_g2(&self.x2),
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

    fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", FORMAT)?;
        let mut inner = Fields::new(fields.bytes("terms", 512 + MAX_PROXIES * (G1_BYTES + 4))?);
        let terms = GrantTerms::read(&mut inner)?;
        inner.end()?;
        let grant = Self {
            x1: fields.point("X1", G1_BYTES, curve::decode_g1)?,
            x2: fields.point("X2", G2_BYTES, curve::decode_g2)?,
            commitments: fields.list("F", terms.proxies.threshold() - 1, GT_BYTES, |f| {
                f.point("F", GT_BYTES, Gt::from_bytes)
            })?,
            v1: fields.point("V1", G1_BYTES, curve::decode_g1)?,
            v2: fields.point("V2", G2_BYTES, curve::decode_g2)?,
            shares: fields.list("c", terms.proxies.size(), G1_BYTES, |f| {
                f.point("c", G1_BYTES, curve::decode_g1)
            })?,
            terms,
        };
        fields.end()?;
        if grant.commitments.len() + 1 != grant.terms.proxies.threshold() {
            return Err(WireError::Value { field: "F" });
        }
        if grant.shares.len() != grant.terms.proxies.size() {
            return Err(WireError::Value { field: "c" });
        }
        Ok(grant)
    }
}

/// k_j = rk + phi(j) P1.
fn share_point(rk: &SecretPoint, phis: &[SecretScalar], j: ProxyId) -> SecretPoint {
    let mask = evaluate_mask(phis, j);
    SecretPoint((rk.0 + mask.in_g1()).into_affine())
}

/// phi(j) = sum over m >= 1 of phi_m j^m.
pub(super) fn evaluate_mask(phis: &[SecretScalar], j: ProxyId) -> SecretMask {
    let mut coefficients = Zeroizing::new(Vec::with_capacity(phis.len() + 1));
    coefficients.push(Fr::from(0u64));
    coefficients.extend(phis.iter().map(|phi| *phi.expose()));
    SecretMask(Zeroizing::new(bfkem::evaluate(&coefficients, j.x())))
}

/// A secret scalar that may be zero.
pub(super) struct SecretMask(Zeroizing<Fr>);

impl SecretMask {
    pub(super) fn in_g1(&self) -> G1Affine {
        curve::mul_g1(&G1Affine::generator(), &self.0)
    }
}

fn signed_bytes(id: &GrantId) -> Vec<u8> {
    lp(&[b"MEDPRE-V01-GRANT-SIGNATURE", id.as_bytes()])
}

/// y_j / y_0 = product over m of F_m^(j^m), by Horner's rule: t - 1 powers with exponents of at most 7 bits.
pub(super) fn masked(commitments: &[Gt], j: ProxyId) -> Gt {
    let inner = commitments
        .iter()
        .rev()
        .fold(Gt::one(), |sum, f| sum.pow_small(j.x()) * *f);
    inner.pow_small(j.x())
}

/// Coefficients of 128 bits for checking many equations as one, derived from all that is checked.
pub(super) fn batch_coefficient(statement: &[u8; 32], what: &[u8], index: u64) -> Fr {
    let digest = sha256(&lp(&[b"MEDPRE-V01-BATCH", statement, what, &int(index)]));
    let mut limbs = BigInt::<4>::zero();
    for (limb, bytes) in limbs.0.iter_mut().zip(digest.chunks_exact(8).take(2)) {
        let mut word = [0u8; 8];
        word.copy_from_slice(bytes);
        *limb = u64::from_be_bytes(word);
    }
    Fr::from_bigint(limbs).unwrap_or_default()
}

impl SignedGrant {
    /// The grant, unverified.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Who says to have signed it.
    #[must_use]
    pub fn signer(&self) -> &VerifyingKey {
        &self.signer
    }

    /// Checks everything anyone can check: the terms, the signature, and that every proxy's encrypted share
    /// is right (so that no proxy's word need be waited for). `signer` is the encounter key of the record's
    /// entry.
    ///
    /// Four pairings in one final exponentiation, whatever n: the equations e(X1, P2) = e(P1, X2), e(V1, P2) =
    /// e(P1, V2) and, for each proxy, e(c_j, P2) = y_j e(E_j, V2) with y_0 = e(Q_l, A) e(B, X2) are checked as
    /// one combination, whose coefficients are a hash of all of the grant. If it fails, they are checked one
    /// by one, to name the culprit.
    ///
    /// # Errors
    /// [`GrantError`] says which part is wrong, and for whom.
    pub fn verify(
        self,
        terms: &GrantTerms,
        signer: &VerifyingKey,
    ) -> Result<VerifiedGrant, GrantError> {
        check_terms(&self.grant.terms, terms)?;
        let id = self.grant.id();
        let signed = self.signer == *signer
            && signer
                .verify_strict(&signed_bytes(&id), &self.signature)
                .is_ok();
        if !signed {
            return Err(GrantError::Signature);
        }
        let grant = self.grant;
        if !grant.holds_at_once(&id) {
            return Err(grant.find_culprit());
        }
        let commitments = grant.commitments.clone();
        Ok(VerifiedGrant {
            grant,
            id,
            signer: *signer,
            epoch: 0,
            commitments,
            y0: OnceLock::new(),
        })
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        lp(&[
            &self.grant.to_bytes(),
            self.signer.as_bytes(),
            &self.signature.to_bytes(),
        ])
    }

    /// Decodes a grant: every point valid and not the identity, exactly t - 1 commitments of order r and n
    /// shares, nothing left over.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        let grant = Grant::read(fields.bytes("grant", Self::LIMIT)?)?;
        let signer = wire::verifying_key(&fields.array("signer")?)
            .ok_or(WireError::Value { field: "signer" })?;
        let signature = Signature::from_bytes(&fields.array("signature")?);
        fields.end()?;
        Ok(Self {
            grant,
            signer,
            signature,
        })
    }

    /// The longest encoding.
    pub const LIMIT: usize = 2048 + MAX_PROXIES * (GT_BYTES + 2 * G1_BYTES + 12);
}

fn check_terms(found: &GrantTerms, expected: &GrantTerms) -> Result<(), GrantError> {
    let checks = [
        ("record key", found.key == expected.key),
        ("label", found.label == expected.label),
        ("recipient", found.receiver == expected.receiver),
        (
            "threshold",
            found.proxies.threshold() == expected.proxies.threshold(),
        ),
        ("proxies", found.proxies == expected.proxies),
        ("window", found.window == expected.window),
        ("requirement", found.requirement == expected.requirement),
    ];
    match checks.into_iter().find(|(_, holds)| !holds) {
        Some((field, _)) => Err(GrantError::Terms { field }),
        None => Ok(()),
    }
}

impl Grant {
    /// Q_l, to which the label is hashed.
    fn q(&self) -> G1Affine {
        bfkem::hash_id::<LabelTag>(&self.terms.key.0, self.terms.label.as_bytes())
    }

    /// y_0 = e(Q_l, A) e(B, X2). Two pairings, one final exponentiation.
    fn y0(&self) -> Gt {
        pairing::multi(&[
            (self.q(), self.terms.key.0),
            (self.terms.receiver.0, self.x2),
        ])
    }

    /// All equations as one, with coefficients d_j, dx, dv and d = sum of d_j:
    /// e(sum d_j c_j + dx X1 + dv V1, P2) = e(dQ_l, A) e(dB + dx P1, X2) e(sum d_j E_j + dv P1, V2)
    ///     * product over m >= 1 of F_m^(sum d_j j^m).
    fn holds_at_once(&self, id: &GrantId) -> bool {
        let coefficient = |what: &[u8], at| batch_coefficient(id.as_bytes(), what, at);
        let (dx, dv) = (coefficient(b"X", 0), coefficient(b"V", 0));
        let p1 = G1Affine::generator();
        let (mut left, mut to_v2) = (self.x1 * dx + self.v1 * dv, p1 * dv);
        let mut d = Fr::from(0u64);
        let mut powers = vec![d; self.commitments.len()];
        for ((j, e), c) in self.terms.proxies.iter().zip(&self.shares) {
            let dj = coefficient(b"c", j.x());
            left += *c * dj;
            to_v2 += e.0 * dj;
            d += dj;
            let mut power = dj;
            for sum in &mut powers {
                power *= Fr::from(j.x()); // d_j j^m
                *sum += power;
            }
        }
        let to_x2 = self.terms.receiver.0 * d + p1 * dx;
        let sides = pairing::multi(&[
            (left.into_affine(), G2Affine::generator()),
            ((self.q() * -d).into_affine(), self.terms.key.0),
            ((-to_x2).into_affine(), self.x2),
            ((-to_v2).into_affine(), self.v2),
        ]);
        let terms = self.commitments.iter().zip(&powers);
        sides == terms.fold(Gt::one(), |product, (f, d)| product * f.pow(d))
    }

    fn find_culprit(&self) -> GrantError {
        let y0 = self.y0();
        let (p1, p2) = (G1Affine::generator(), G2Affine::generator());
        let same = |in_g1: G1Affine, in_g2| pairing::is_one(&[(-in_g1, p2), (p1, in_g2)]);
        if !same(self.x1, self.x2) || !same(self.v1, self.v2) {
            return GrantError::Blinding;
        }
        let wrong = self
            .terms
            .proxies
            .iter()
            .zip(&self.shares)
            .find(|((j, e), c)| {
                let y = y0 * masked(&self.commitments, *j);
                pairing::multi(&[(**c, p2), (-e.0, self.v2)]) != y
            });
        wrong.map_or(GrantError::Blinding, |((proxy, _), _)| GrantError::Share {
            proxy,
        })
    }
}

impl VerifiedGrant {
    /// The grant's name.
    #[must_use]
    pub fn id(&self) -> GrantId {
        self.id
    }

    /// What it is about.
    #[must_use]
    pub fn terms(&self) -> &GrantTerms {
        &self.grant.terms
    }

    /// The encounter key that signed it, and that may revoke it.
    #[must_use]
    pub fn signer(&self) -> &VerifyingKey {
        &self.signer
    }

    /// How often its shares were refreshed.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    pub(crate) fn x1(&self) -> &G1Affine {
        &self.grant.x1
    }

    pub(super) fn commitments(&self) -> &[Gt] {
        &self.commitments
    }

    pub(super) fn refreshed(&self, commitments: Vec<Gt>) -> Self {
        Self {
            commitments,
            epoch: self.epoch.saturating_add(1),
            ..self.clone()
        }
    }

    /// y_j = y_0 times the product of F_m^(j^m): the public value of proxy j's share. y_0 takes two pairings
    /// the first time.
    pub(super) fn y(&self, j: ProxyId) -> Gt {
        *self.y0.get_or_init(|| self.grant.y0()) * masked(&self.commitments, j)
    }

    /// A proxy takes its share out: k_j = c_j - e_j V1, and checks e(k_j, P2) = y_j. One pairing, and
    /// two for y_0 if it was not needed before.
    ///
    /// For a refreshed grant this is the first epoch's share: [refresh](ShareKey::refresh) it likewise.
    ///
    /// # Errors
    /// [`GrantError::NoShare`] if the proxy is not in the roster. The share itself was checked with the grant.
    pub fn share_key(&self, proxy: &ProxyKey) -> Result<ShareKey, GrantError> {
        let id = self
            .grant
            .terms
            .proxies
            .position(&proxy.public())
            .ok_or(GrantError::NoShare)?;
        let c = self
            .grant
            .shares
            .get(usize::from(id.number()) - 1)
            .ok_or(GrantError::NoShare)?;
        let mask = SecretPoint(proxy.0.times_g1(&self.grant.v1));
        let k = SecretPoint((*c - mask.0).into_affine());
        let y0 = self.y0.get_or_init(|| self.grant.y0());
        let y = *y0 * masked(&self.grant.commitments, id);
        if pairing::pair_prepared(&k.0, Prepared::generator()) != y {
            return Err(GrantError::Share { proxy: id });
        }
        Ok(ShareKey::new(self, id, k, y))
    }
}

#[cfg(test)]
impl Grant {
    pub(crate) fn spoil_share(&mut self, at: usize) {
        self.shares[at] = (self.shares[at] + G1Affine::generator()).into_affine();
    }
}
