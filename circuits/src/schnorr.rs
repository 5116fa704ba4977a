//! Short-challenge Schnorr signatures over Baby Jubjub, as hospitals sign credentials.
//!
//! `R = r B8`, `c` = the low 128 bits of `P(6, R.x, A.x, A.y, message..)`, `s = r + c a mod l`; verified
//! by recomputing `R' = s B8 - c A` and `c` from `R'.x`. A signer draws again when the top 16 bits of the
//! hash equal those of the field's order, so that one 16-bit comparison makes the hash's bits unique in a
//! circuit.
//!
//! Signing multiplies by secret scalars with arkworks, which is not constant-time: keep issuer keys off
//! machines that others can time.

pub mod gadget;

use ark_bn254::Fr;
use ark_ec::CurveGroup;
use ark_ed_on_bn254::{EdwardsProjective, Fr as Scalar};
use ark_ff::{BigInteger, PrimeField, Zero};
use hkdf::Hkdf;
use rand_core::{CryptoRng, RngCore};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use eligo_verifier_contract::hash::{Domain, poseidon};

use crate::jubjub::{Point, base};

/// Elements of a signed message.
pub const MESSAGE: usize = 5;
/// Bits of a challenge.
pub const CHALLENGE_BITS: usize = 128;
/// The top 16 bits of the field's order; a challenge hash must have smaller ones.
pub const ORDER_TOP: u64 = 0xC191;
/// Bits of a hash below those 16.
pub const TOP_AT: usize = 238;

/// A signing scalar; wiped on drop, never printed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretKey(Scalar);

impl core::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}

/// A signature `(c, s)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    challenge: u128,
    response: Scalar,
}

/// Why a signature, or a secret key, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchnorrError {
    /// A scalar is not below the group's order, or a secret is zero.
    #[error("the scalar is not canonical")]
    NotCanonical,
    /// The signature is not the signer's over this message.
    #[error("the signature does not verify")]
    Invalid,
}

impl SecretKey {
    /// A fresh key.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        loop {
            let mut wide = Zeroizing::new([0u8; 48]);
            rng.fill_bytes(&mut *wide);
            let scalar = Scalar::from_be_bytes_mod_order(&*wide);
            if !scalar.is_zero() {
                return Self(scalar);
            }
        }
    }

    /// 32 little-endian bytes, for storage.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        let mut scalar = self.0.into_bigint().to_bytes_le();
        bytes.copy_from_slice(&scalar);
        scalar.zeroize();
        bytes
    }

    /// Reads what [`SecretKey::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SchnorrError> {
        let scalar = scalar_from_bytes(bytes)?;
        if scalar.is_zero() {
            return Err(SchnorrError::NotCanonical);
        }
        Ok(Self(scalar))
    }

    /// The public key `A = a B8`.
    pub fn public(&self) -> Point {
        let point = (EdwardsProjective::from(base()) * self.0).into_affine();
        // a is neither 0 nor a multiple of the prime order, so this is a point of the subgroup.
        Point::new(point).unwrap_or_else(|_| unreachable!("a nonzero multiple of the base"))
    }

    /// Signs a message.
    pub fn sign(&self, message: &[Fr; MESSAGE], rng: &mut (impl RngCore + CryptoRng)) -> Signature {
        let key = self.public();
        loop {
            let r = self.nonce(message, rng);
            let commitment = (EdwardsProjective::from(base()) * *r).into_affine();
            let Ok(commitment) = Point::new(commitment) else {
                continue;
            };
            let hash = challenge_hash(commitment.coordinates().0, &key, message);
            let Some(challenge) = challenge(hash) else {
                continue;
            };
            let response = *r + Scalar::from(challenge) * self.0;
            let signature = Signature {
                challenge,
                response,
            };
            if signature.verify(&key, message).is_ok() {
                return signature;
            }
        }
    }

    /// Hedged: depends on the secret and the message even if the generator fails, and on the generator
    /// even if the message repeats.
    fn nonce(
        &self,
        message: &[Fr; MESSAGE],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Zeroizing<Scalar> {
        let mut input = Zeroizing::new(Vec::with_capacity(32 * (MESSAGE + 2)));
        input.extend_from_slice(&*self.to_bytes());
        for element in message {
            input.extend_from_slice(&element.into_bigint().to_bytes_be());
        }
        let mut fresh = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(&mut *fresh);
        input.extend_from_slice(&*fresh);
        let mut wide = Zeroizing::new([0u8; 48]);
        let expanded =
            Hkdf::<Sha256>::new(Some(b"ELIGO-SCHNORR-V01"), &input).expand(b"nonce", &mut *wide);
        debug_assert!(expanded.is_ok(), "48 bytes are within HKDF's limit");
        Zeroizing::new(Scalar::from_be_bytes_mod_order(&*wide))
    }
}

impl Signature {
    /// A signature from its parts.
    pub fn new(challenge: u128, response: &[u8; 32]) -> Result<Self, SchnorrError> {
        Ok(Self {
            challenge,
            response: scalar_from_bytes(response)?,
        })
    }

    /// `c`.
    pub const fn challenge(&self) -> u128 {
        self.challenge
    }

    /// `s`, 32 little-endian bytes.
    pub fn response(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (to, from) in bytes
            .iter_mut()
            .zip(self.response.into_bigint().to_bytes_le())
        {
            *to = from;
        }
        bytes
    }

    /// Accepts the signer's signature over this message and nothing else.
    pub fn verify(&self, key: &Point, message: &[Fr; MESSAGE]) -> Result<(), SchnorrError> {
        let commitment = EdwardsProjective::from(base()) * self.response
            - EdwardsProjective::from(key.affine()) * Scalar::from(self.challenge);
        let commitment = Point::new(commitment.into_affine()).map_err(|_| SchnorrError::Invalid)?;
        let hash = challenge_hash(commitment.coordinates().0, key, message);
        if challenge(hash) == Some(self.challenge) {
            Ok(())
        } else {
            Err(SchnorrError::Invalid)
        }
    }
}

fn scalar_from_bytes(bytes: &[u8; 32]) -> Result<Scalar, SchnorrError> {
    let scalar = Scalar::from_le_bytes_mod_order(bytes);
    if scalar.into_bigint().to_bytes_le() == bytes {
        Ok(scalar)
    } else {
        Err(SchnorrError::NotCanonical)
    }
}

fn challenge_hash(commitment_x: Fr, key: &Point, message: &[Fr; MESSAGE]) -> Fr {
    let (x, y) = key.coordinates();
    let [m0, m1, m2, m3, m4] = *message;
    poseidon(Domain::Signature, [commitment_x, x, y, m0, m1, m2, m3, m4])
}

/// The low 128 bits, unless the top 16 equal (or exceed) those of the field's order.
fn challenge(hash: Fr) -> Option<u128> {
    let [l0, l1, _, l3] = hash.into_bigint().0;
    let top = l3 >> (TOP_AT - 192);
    (top < ORDER_TOP).then_some(u128::from(l0) | u128::from(l1) << 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn message(n: u64) -> [Fr; MESSAGE] {
        [1, 2, 3, 4, 5].map(|i| Fr::from(i * n))
    }

    #[test]
    fn top_bits_are_those_of_the_order() {
        let order = Fr::MODULUS.0;
        assert_eq!(order[3] >> (TOP_AT - 192), ORDER_TOP);
    }

    #[test]
    fn signs_and_refuses_everything_else() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let key = SecretKey::generate(&mut rng);
        let other = SecretKey::generate(&mut rng);
        let signature = key.sign(&message(7), &mut rng);
        assert_eq!(signature.verify(&key.public(), &message(7)), Ok(()));
        assert_eq!(
            signature.verify(&key.public(), &message(8)),
            Err(SchnorrError::Invalid)
        );
        assert_eq!(
            signature.verify(&other.public(), &message(7)),
            Err(SchnorrError::Invalid)
        );
        let bumped = Signature {
            challenge: signature.challenge ^ 1,
            ..signature
        };
        assert!(bumped.verify(&key.public(), &message(7)).is_err());
    }

    #[test]
    fn encodings_are_canonical() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let key = SecretKey::generate(&mut rng);
        let again = SecretKey::from_bytes(&key.to_bytes()).unwrap();
        assert_eq!(again.public(), key.public());
        let s = key.sign(&message(1), &mut rng);
        assert_eq!(Signature::new(s.challenge(), &s.response()), Ok(s));
        assert_eq!(
            Signature::new(0, &[0xff; 32]),
            Err(SchnorrError::NotCanonical)
        );
        assert!(SecretKey::from_bytes(&[0; 32]).is_err());
        let order: [u8; 32] = Scalar::MODULUS.to_bytes_le().try_into().unwrap();
        assert!(SecretKey::from_bytes(&order).is_err());
    }

    #[test]
    fn nonces_differ_between_signatures_and_secrets_do_not_print() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let key = SecretKey::generate(&mut rng);
        let (a, b) = (
            key.sign(&message(1), &mut rng),
            key.sign(&message(1), &mut rng),
        );
        assert_ne!(a, b);
        assert_eq!(format!("{key:?}"), "SecretKey(redacted)");
    }
}
