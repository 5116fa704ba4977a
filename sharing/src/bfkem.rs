//! The core that re-encryption, identity-based encryption, the emergency capsule and the expiry gate
//! share: Boneh and Franklin's key encapsulation with Baek and Zheng's publicly checkable ciphertext and
//! verifiable decryption shares.
//!
//! ```text
//! master key  M = mP2            identity key  D = mQ,  Q = H1[tag](LP(M, id))
//! encap       U = rP2,  kap = e(rQ, M)                                  1 pairing
//! tag         W = r H1[CAPTAG](t)          check  e(W, P2) = e(H1[CAPTAG](t), U)     2 pairings, 1 final exp.
//! decap       kap = e(D, U)                                             1 pairing
//! share       rho = e(k, U) with a proof that log_P2 of e(k, P2) = y is the same k    3 pairings
//! verify      e(z, P2) / y^c,  e(z, U) / rho^c                          2 pairings
//! combine     product of rho_j^lam_j                                    none
//! ```
//!
//! It is generic over a [`Tag`], so that a key extracted for one purpose opens nothing of another.

use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{Field, One, Zero};
use rand_core::{CryptoRng, RngCore};
use zeroize::{Zeroize, Zeroizing};

use crate::curve::{self, G1_BYTES, SCALAR_BYTES};
use crate::domain::{self, dst, int, lp};
use crate::pairing::{self, GT_BYTES, Gt, Prepared};
use crate::scalar::{Hedge, SecretScalar};
use crate::wire::{Fields, WireError};

/// What separates one use of the core from another.
pub(crate) trait Tag {
    /// The tag under which identities are hashed to the curve.
    const IDENTITY: &'static [u8];
    /// The first part of the challenge of a share's proof.
    const SHARE: &'static [u8];
}

/// Q = H1\[tag\](LP(M, id)).
pub(crate) fn hash_id<T: Tag>(master: &G2Affine, id: &[u8]) -> G1Affine {
    domain::hash_to_g1(T::IDENTITY, &lp(&[&curve::encode_g2(master), id]))
}

/// A fresh encapsulation whose randomness r is still at hand, for the tag W.
pub(crate) struct Encapsulation {
    pub(crate) u: G2Affine,
    pub(crate) kap: Zeroizing<Gt>,
    r: SecretScalar,
}

/// U = rP2, kap = e(rQ, M). One pairing.
pub(crate) fn encap<T: Tag>(master: &G2Affine, id: &[u8], r: SecretScalar) -> Encapsulation {
    let q = hash_id::<T>(master, id);
    let kap = Zeroizing::new(pairing::pair(&r.times_g1(&q), master));
    Encapsulation {
        u: r.in_g2(),
        kap,
        r,
    }
}

impl Encapsulation {
    /// e(r point, key): a second key encapsulated by the same U.
    pub(crate) fn also(&self, point: &G1Affine, key: &G2Affine) -> Zeroizing<Gt> {
        Zeroizing::new(pairing::pair(&self.r.times_g1(point), key))
    }

    /// W = r H1\[CAPTAG\](statement). Consumes r.
    pub(crate) fn tag(self, statement: &[u8]) -> G1Affine {
        self.r.times_hash(dst::CAPSULE_TAG, statement)
    }
}

/// e(W, P2) = e(H1\[CAPTAG\](statement), U). Two pairings, one final exponentiation.
pub(crate) fn check(u: &G2Affine, w: &G1Affine, statement: &[u8]) -> bool {
    let hash = domain::hash_to_g1(dst::CAPSULE_TAG, statement);
    pairing::is_one(&[(-*w, G2Affine::generator()), (hash, *u)])
}

/// kap = e(D, U). One pairing.
pub(crate) fn decap(d: &SecretPoint, u: &G2Affine) -> Zeroizing<Gt> {
    Zeroizing::new(pairing::pair(&d.0, u))
}

/// A G1 point that is a key: wiped when dropped, not `Copy`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretPoint(pub(crate) G1Affine);

impl Drop for SecretPoint {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl core::fmt::Debug for SecretPoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SecretPoint(..)")
    }
}

/// rho = e(k, U) with a Fiat-Shamir proof (c, z).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShareProof {
    pub(crate) rho: Gt,
    c: Fr,
    z: G1Affine,
}

/// To what a share's proof is bound: the tag, and e.g. grant and proxy.
fn challenge<T: Tag>(context: &[&[u8]], u: &G2Affine, gts: [&Gt; 4]) -> Fr {
    let u = curve::encode_g2(u);
    let gts = gts.map(|gt| gt.to_bytes());
    let mut parts: Vec<&[u8]> = vec![T::SHARE];
    parts.extend_from_slice(context);
    parts.push(&u);
    parts.extend(gts.iter().map(<[u8; GT_BYTES]>::as_slice));
    domain::hash_to_scalar(&lp(&parts))
}

/// Makes the share of key k, whose public value is y = e(k, P2). Three pairings; the secret products are
/// constant-time.
pub(crate) fn share<T: Tag>(
    k: &SecretPoint,
    y: &Gt,
    u: &G2Affine,
    context: &[&[u8]],
    rng: &mut (impl CryptoRng + RngCore),
) -> ShareProof {
    let at_u = Prepared::new(u);
    let rho = pairing::pair_prepared(&k.0, &at_u);
    // tau is hedged: were it ever repeated for two challenges, k would be lost
    let encoded = Zeroizing::new(curve::encode_g1(&k.0));
    let hedge = Hedge::new(encoded.as_slice(), &lp(context), rng);
    let tau = hedge.scalar(b"tau");
    let t = tau.in_g1();
    let a1 = pairing::pair_prepared(&t, Prepared::generator());
    let a2 = pairing::pair_prepared(&t, &at_u);
    let c = challenge::<T>(context, u, [y, &rho, &a1, &a2]);
    let ck = SecretPoint(curve::mul_g1(&k.0, &c));
    ShareProof {
        rho,
        c,
        z: (t + ck.0).into(),
    }
}

/// Checks that rho = e(k, U) for the k with e(k, P2) = y. Two pairings, two exponentiations in GT.
///
/// The challenge is a hash of a1 and a2, which must therefore be computed for each share alone: what many
/// shares of one U have in common is U, which is [prepared](Prepared) once.
pub(crate) fn verify_share<T: Tag>(
    proof: &ShareProof,
    y: &Gt,
    u: &G2Affine,
    prepared: Option<&Prepared>,
    context: &[&[u8]],
) -> bool {
    let at_u = match prepared {
        Some(prepared) => pairing::pair_prepared(&proof.z, prepared),
        None => pairing::pair(&proof.z, u),
    };
    let at_p2 = pairing::pair_prepared(&proof.z, Prepared::generator());
    let a1 = at_p2 * y.pow(&proof.c).inverse();
    let a2 = at_u * proof.rho.pow(&proof.c).inverse();
    challenge::<T>(context, u, [y, &proof.rho, &a1, &a2]) == proof.c
}

/// Product of rho_j^lam_j: the value at 0 of the polynomial in the exponent. Ids are distinct, not 0.
pub(crate) fn combine(shares: &[(u64, Gt)]) -> Zeroizing<Gt> {
    let ids: Vec<u64> = shares.iter().map(|(id, _)| *id).collect();
    let mut product = Gt::one();
    for (id, rho) in shares {
        product = product * rho.pow(&lagrange_at_zero(*id, &ids));
    }
    Zeroizing::new(product)
}

/// lam_j(S) = product over k in S, k != j, of k / (k - j). Ids in S are distinct.
pub(crate) fn lagrange_at_zero(j: u64, ids: &[u64]) -> Fr {
    let (mut numerator, mut denominator) = (Fr::one(), Fr::one());
    for &k in ids.iter().filter(|&&k| k != j) {
        numerator *= Fr::from(k);
        denominator *= Fr::from(k) - Fr::from(j);
    }
    numerator * denominator.inverse().unwrap_or_else(Fr::zero)
}

/// The value of a polynomial, given by its coefficients lowest first, at `x`.
pub(crate) fn evaluate(coefficients: &[Fr], x: u64) -> Fr {
    let x = Fr::from(x);
    coefficients
        .iter()
        .rev()
        .fold(Fr::zero(), |sum, c| sum * x + c)
}

impl ShareProof {
    /// rho, c and z as three fields.
    pub(crate) fn fields(&self) -> [Vec<u8>; 3] {
        [
            self.rho.to_bytes().to_vec(),
            curve::encode_scalar(&self.c).to_vec(),
            curve::encode_g1(&self.z).to_vec(),
        ]
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, WireError> {
        Ok(Self {
            rho: fields.point("rho", GT_BYTES, Gt::from_bytes)?,
            c: fields.point("c", SCALAR_BYTES, curve::decode_scalar)?,
            z: fields.point("z", G1_BYTES, curve::decode_g1)?,
        })
    }
}

/// An index among shareholders as it enters a hash.
pub(crate) fn index(id: u8) -> [u8; 8] {
    int(u64::from(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::test_rng;
    use crate::pairing::count;

    struct Toy;
    impl Tag for Toy {
        const IDENTITY: &'static [u8] = b"TOY-ID";
        const SHARE: &'static [u8] = b"toy";
    }
    struct Other;
    impl Tag for Other {
        const IDENTITY: &'static [u8] = b"OTHER-ID";
        const SHARE: &'static [u8] = b"other";
    }

    #[test]
    fn what_is_encapsulated_comes_out_only_under_its_tag() {
        let mut rng = test_rng(1);
        let m = SecretScalar::random(&mut rng);
        let master = m.in_g2();
        let encapsulated = encap::<Toy>(&master, b"id", SecretScalar::random(&mut rng));
        let (u, kap) = (encapsulated.u, encapsulated.kap.clone());
        let w = encapsulated.tag(b"statement");
        assert!(check(&u, &w, b"statement"));
        assert!(!check(&u, &w, b"Statement"));
        let right = SecretPoint(m.times_g1(&hash_id::<Toy>(&master, b"id")));
        assert_eq!(decap(&right, &u), kap);
        let wrong = SecretPoint(m.times_g1(&hash_id::<Other>(&master, b"id")));
        assert_ne!(decap(&wrong, &u), kap);
    }

    #[test]
    fn shares_prove_themselves_in_their_context_only() {
        let mut rng = test_rng(2);
        let k = SecretPoint(SecretScalar::random(&mut rng).in_g1());
        let u = SecretScalar::random(&mut rng).in_g2();
        let y = pairing::pair(&k.0, &G2Affine::generator());
        let proof = share::<Toy>(&k, &y, &u, &[b"gid", b"1"], &mut rng);
        assert!(verify_share::<Toy>(&proof, &y, &u, None, &[b"gid", b"1"]));
        assert!(!verify_share::<Toy>(&proof, &y, &u, None, &[b"gid", b"2"]));
        assert!(!verify_share::<Other>(
            &proof,
            &y,
            &u,
            None,
            &[b"gid", b"1"]
        ));
        assert!(!verify_share::<Toy>(
            &proof,
            &proof.rho,
            &u,
            None,
            &[b"gid", b"1"]
        ));
        let elsewhere = SecretScalar::random(&mut rng).in_g2();
        assert!(!verify_share::<Toy>(
            &proof,
            &y,
            &elsewhere,
            None,
            &[b"gid", b"1"]
        ));
        let mut wrong = proof.clone();
        wrong.rho = wrong.rho * y;
        assert!(!verify_share::<Toy>(&wrong, &y, &u, None, &[b"gid", b"1"]));
    }

    #[test]
    fn interpolation_finds_the_constant_term() {
        let mut rng = test_rng(3);
        let f: Vec<Fr> = (0..3)
            .map(|_| *SecretScalar::random(&mut rng).expose())
            .collect();
        for ids in [[1, 2, 3], [5, 2, 64]] {
            let sum: Fr = ids
                .iter()
                .map(|&j| evaluate(&f, j) * lagrange_at_zero(j, &ids))
                .sum();
            assert_eq!(sum, f[0]);
        }
    }

    #[test]
    fn pairings_are_counted_as_documented() {
        let mut rng = test_rng(4);
        let (m, k) = (
            SecretScalar::random(&mut rng),
            SecretScalar::random(&mut rng),
        );
        let (master, k) = (m.in_g2(), SecretPoint(k.in_g1()));
        let encapsulated = encap::<Toy>(&master, b"id", SecretScalar::random(&mut rng));
        assert_eq!(
            count::of(|| encap::<Toy>(&master, b"id", SecretScalar::random(&mut rng))),
            (1, 1)
        );
        let u = encapsulated.u;
        let w = encapsulated.tag(b"s");
        assert_eq!(count::of(|| check(&u, &w, b"s")), (2, 1));
        assert_eq!(count::of(|| decap(&k, &u)), (1, 1));
        let y = pairing::pair(&k.0, &G2Affine::generator());
        assert_eq!(
            count::of(|| share::<Toy>(&k, &y, &u, &[], &mut rng)),
            (3, 3)
        );
        let proof = share::<Toy>(&k, &y, &u, &[], &mut rng);
        assert_eq!(
            count::of(|| verify_share::<Toy>(&proof, &y, &u, None, &[])),
            (2, 2)
        );
        assert_eq!(count::of(|| combine(&[(1, y), (2, y)])), (0, 0));
    }
}
