//! Signers' keys, and their registration.

use ark_bls12_381::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::bfkem::SecretPoint;
use crate::curve::{self, G1_BYTES, G2_BYTES, SCALAR_BYTES};
use crate::domain::{self, dst, int, lp, sha256};
use crate::keys::{PossessionError, possessed};
use crate::pairing;
use crate::scalar::{Hedge, SecretScalar};
use crate::wire::{Fields, WireError, byte_string};

byte_string! {
    /// A signer's name: SHA-256 of LP of its public key.
    SignerId, 32
}

/// s, t, u. Wiped when dropped.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::oms::MultiSigner) { drop(k); drop(k); }
/// ```
#[derive(Debug)]
pub struct MultiSigner {
    s: SecretScalar,
    t: SecretScalar,
    u: SecretScalar,
    public: SignerKey,
}

/// S, T1, T2, U1, U2, not yet registered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SignerKey {
    pub(super) s: G2Affine,
    t1: G1Affine,
    pub(super) t2: G2Affine,
    u1: G1Affine,
    pub(super) u2: G2Affine,
}

impl core::fmt::Debug for SignerKey {
    /// The first bytes of the encoding of S.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let start = curve::encode_g2(&self.s)[..8].to_vec();
        write!(f, "SignerKey({})", hex::encode(start))
    }
}

/// s H1\[POP1\](pk), t H1\[POP2\](pk), u H1\[POP3\](pk).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignerProof([G1Affine; 3]);

/// A key whose possession was proved. Only such sign and are verified against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisteredSigner(SignerKey);

impl MultiSigner {
    /// Draws a key. Five products.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut draw = || SecretScalar::random(rng);
        Self::from_scalars(draw(), draw(), draw())
    }

    fn from_scalars(s: SecretScalar, t: SecretScalar, u: SecretScalar) -> Self {
        let public = SignerKey {
            s: s.in_g2(),
            t1: t.in_g1(),
            t2: t.in_g2(),
            u1: u.in_g1(),
            u2: u.in_g2(),
        };
        Self { s, t, u, public }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &SignerKey {
        &self.public
    }

    /// Proves possession of all three scalars.
    #[must_use]
    pub fn prove_possession(&self) -> SignerProof {
        let statement = lp(&[&self.public.to_bytes()]);
        let proof = |scalar: &SecretScalar, dst| scalar.times_hash(dst, &statement);
        SignerProof([
            proof(&self.s, dst::OMS_POP1),
            proof(&self.t, dst::OMS_POP2),
            proof(&self.u, dst::OMS_POP3),
        ])
    }

    /// The three scalars, to be kept where only their owner reads.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(3 * SCALAR_BYTES));
        for scalar in [&self.s, &self.t, &self.u] {
            out.extend_from_slice(&*Zeroizing::new(curve::encode_scalar(scalar.expose())));
        }
        out
    }

    /// Takes back what [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    /// [`WireError`] if these are not three non-zero scalars.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let (parts, rest) = bytes.as_chunks::<SCALAR_BYTES>();
        let [s, t, u] = parts else {
            return Err(WireError::Length {
                field: "scalars",
                found: bytes.len(),
            });
        };
        if !rest.is_empty() {
            return Err(WireError::Trailing(rest.len()));
        }
        let read = |bytes: &[u8; 32]| match curve::decode_scalar(bytes) {
            Ok(scalar) if scalar != Fr::from(0u64) => Ok(SecretScalar::from_fr(scalar)),
            Ok(_) => Err(WireError::Value { field: "scalar" }),
            Err(source) => Err(WireError::Point {
                field: "scalar",
                source,
            }),
        };
        Ok(Self::from_scalars(read(s)?, read(t)?, read(u)?))
    }

    /// Adds this signer at position k behind those before it: (Q, R) becomes (Q', R'). Five products in G1.
    pub(super) fn add(
        &self,
        message: &[u8],
        k: u64,
        before: &[RegisteredSigner],
        (q, r): (G1Affine, G1Affine),
        rng: &mut (impl CryptoRng + RngCore),
    ) -> (G1Affine, G1Affine) {
        let hedge = Hedge::new(&self.to_bytes(), message, rng);
        let sum =
            weighted::<G1Projective>(before.iter().map(|RegisteredSigner(key)| (key.t1, key.u1)));
        let mut attempt = 0;
        loop {
            // R' = 0 would leave the order unsigned; it has probability 2^-255
            let rho = hedge.scalar(&lp(&[b"rho", &int(attempt)]));
            let new_r = (r + rho.in_g1()).into_affine();
            attempt += 1;
            if new_r.is_zero() {
                continue;
            }
            let weight = Zeroizing::new(*self.t.expose() + Fr::from(k) * self.u.expose());
            let x = SecretPoint(curve::mul_g1(&new_r, &weight));
            let z = SecretPoint(rho.times_g1(&sum));
            let signed = self.s.times_hash(dst::OMS_MESSAGE, message);
            return ((q + signed + x.0 + z.0).into_affine(), new_r);
        }
    }
}

/// sum over i of (A_i + i B_i), i from 1: by suffix sums, without any product.
fn weighted<P: CurveGroup>(
    points: impl DoubleEndedIterator<Item = (P::Affine, P::Affine)>,
) -> P::Affine
where
    P::Affine: AffineRepr<Group = P>,
{
    let (mut sum, mut suffix) = (P::zero(), P::zero());
    for (a, b) in points.rev() {
        suffix += b;
        sum += a;
        sum += suffix;
    }
    sum.into_affine()
}

/// sum over i of (T2_i + i U2_i), against which R is paired.
pub(super) fn order_key(signers: &[RegisteredSigner]) -> G2Affine {
    weighted::<G2Projective>(signers.iter().map(|RegisteredSigner(key)| (key.t2, key.u2)))
}

impl SignerKey {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> SignerId {
        SignerId::new(sha256(&lp(&[&self.to_bytes()])))
    }

    /// Registers a key: e(pop_i, P2) = e(H1\[POPi\](pk), key_i), and T1, T2 and U1, U2 hide the same scalars.
    /// All five equations at once: four pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`PossessionError`] if any of them fails.
    pub fn register(self, proof: &SignerProof) -> Result<RegisteredSigner, PossessionError> {
        let bytes = self.to_bytes();
        let statement = lp(&[&bytes]);
        let hash = |dst| domain::hash_to_g1(dst, &statement);
        let d = |at: u64| {
            let digest = lp(&[b"MEDOMS-V01-BATCH", &bytes, &proof.to_bytes(), &int(at)]);
            domain::hash_to_scalar(&digest)
        };
        let [pop1, pop2, pop3] = proof.0;
        let p1 = G1Affine::generator();
        // e(d0 pop1 + d1 pop2 + d2 pop3 + d3 T1 + d4 U1, P2)
        //   = e(d0 H1, S) e(d1 H2 + d3 P1, T2) e(d2 H3 + d4 P1, U2)
        let left = pop1 * d(0) + pop2 * d(1) + pop3 * d(2) + self.t1 * d(3) + self.u1 * d(4);
        let to_s = hash(dst::OMS_POP1) * d(0);
        let to_t = hash(dst::OMS_POP2) * d(1) + p1 * d(3);
        let to_u = hash(dst::OMS_POP3) * d(2) + p1 * d(4);
        let points = G1Projective::normalize_batch(&[-left, to_s, to_t, to_u]);
        let keys = [G2Affine::generator(), self.s, self.t2, self.u2];
        let pairs: Vec<_> = points.into_iter().zip(keys).collect();
        possessed(pairing::is_one(&pairs)).map(|()| RegisteredSigner(self))
    }

    /// Canonical bytes: five fields.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        lp(&[
            &curve::encode_g2(&self.s),
            &curve::encode_g1(&self.t1),
            &curve::encode_g2(&self.t2),
            &curve::encode_g1(&self.u1),
            &curve::encode_g2(&self.u2),
        ])
    }

    /// Decodes a key: every point in its group, none the identity.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        let key = Self {
            s: fields.point("S", G2_BYTES, curve::decode_g2)?,
            t1: fields.point("T1", G1_BYTES, curve::decode_g1)?,
            t2: fields.point("T2", G2_BYTES, curve::decode_g2)?,
            u1: fields.point("U1", G1_BYTES, curve::decode_g1)?,
            u2: fields.point("U2", G2_BYTES, curve::decode_g2)?,
        };
        fields.end()?;
        Ok(key)
    }

    #[cfg(test)]
    pub(super) fn with_s(self, s: G2Affine) -> Self {
        Self { s, ..self }
    }
}

impl RegisteredSigner {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &SignerKey {
        &self.0
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> SignerId {
        self.0.id()
    }
}

impl SignerProof {
    /// Canonical bytes: three fields.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let points = self.0.each_ref().map(curve::encode_g1);
        lp(&points.each_ref().map(<[u8; G1_BYTES]>::as_slice))
    }

    /// Decodes a proof.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        let mut point = |field| fields.point(field, G1_BYTES, curve::decode_g1);
        let points = [point("pop1")?, point("pop2")?, point("pop3")?];
        fields.end()?;
        Ok(Self(points))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::test_rng;

    #[test]
    fn weights_are_positions() {
        let mut rng = test_rng(1);
        let points: Vec<_> = (0..4)
            .map(|_| {
                (
                    SecretScalar::random(&mut rng).in_g1(),
                    SecretScalar::random(&mut rng).in_g1(),
                )
            })
            .collect();
        let expected: G1Projective = points
            .iter()
            .zip(1u64..)
            .map(|((a, b), i)| *b * Fr::from(i) + a)
            .sum();
        let found = weighted::<G1Projective>(points.into_iter());
        assert_eq!(found, expected.into_affine());
    }
}
