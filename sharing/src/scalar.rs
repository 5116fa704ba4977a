//! Secret scalars: one wrapper, from which every secret key of the crate is made.

use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{PrimeField, UniformRand, Zero};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroize;

use crate::{curve, domain};

/// A non-zero secret scalar modulo r. Wiped when dropped; `Debug` shows nothing; neither `Copy` nor `Clone`.
pub(crate) struct SecretScalar(Fr);

impl SecretScalar {
    pub(crate) fn random(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        loop {
            let scalar = Fr::rand(rng);
            if !scalar.is_zero() {
                return Self(scalar);
            }
        }
    }

    /// Reduces 48 uniform bytes modulo r (bias below 2^-128). Zero, of probability 2^-255, becomes 1.
    pub(crate) fn from_wide(bytes: &[u8; 48]) -> Self {
        Self::from_fr(Fr::from_be_bytes_mod_order(bytes))
    }

    /// Takes a scalar over; zero becomes 1.
    pub(crate) fn from_fr(scalar: Fr) -> Self {
        if scalar.is_zero() {
            Self(Fr::from(1u64))
        } else {
            Self(scalar)
        }
    }

    pub(crate) fn expose(&self) -> &Fr {
        &self.0
    }

    pub(crate) fn times_g1(&self, point: &G1Affine) -> G1Affine {
        curve::mul_g1(point, &self.0)
    }

    pub(crate) fn times_g2(&self, point: &G2Affine) -> G2Affine {
        curve::mul_g2(point, &self.0)
    }

    /// The scalar times P1.
    pub(crate) fn in_g1(&self) -> G1Affine {
        self.times_g1(&G1Affine::generator())
    }

    /// The scalar times P2.
    pub(crate) fn in_g2(&self) -> G2Affine {
        self.times_g2(&G2Affine::generator())
    }

    /// The scalar times `H1[dst](message)`.
    pub(crate) fn times_hash(&self, dst: &[u8], message: &[u8]) -> G1Affine {
        self.times_g1(&domain::hash_to_g1(dst, message))
    }
}

impl Drop for SecretScalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl core::fmt::Debug for SecretScalar {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SecretScalar(..)")
    }
}

/// Randomness for one operation, hedged: drawn from the generator *and* from a secret of the caller and
/// what is being done, so that neither a weak generator nor a repeated one gives the secret away.
pub(crate) struct Hedge(hkdf::Hkdf<sha2::Sha256>);

impl Hedge {
    pub(crate) fn new(secret: &[u8], doing: &[u8], rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut fresh = zeroize::Zeroizing::new([0u8; 32]);
        rng.fill_bytes(fresh.as_mut_slice());
        let ikm = zeroize::Zeroizing::new(domain::lp(&[secret, fresh.as_slice(), doing]));
        Self(hkdf::Hkdf::new(Some(b"ELIGO-HEDGE-V01"), &ikm))
    }

    /// The scalar called `name`; the same name gives the same scalar.
    pub(crate) fn scalar(&self, name: &[u8]) -> SecretScalar {
        SecretScalar::from_wide(&domain::expand(&self.0, name))
    }
}
