//! Key pairs of re-encryption: one type for each purpose, so that none can stand in for another.
//!
//! | secret | public | in | whose |
//! | --- | --- | --- | --- |
//! | [`RecordKey`] a | [`RecordPublicKey`] A = aP2 | G2 | a patient's, one for each encounter |
//! | [`ReceivingKey`] b | [`ReceivingPublicKey`] B = bP1 | G1 | an institution's, one for each requirement |
//! | [`ProxyKey`] e | [`ProxyPublicKey`] E = eP1 | G1 | a proxy's |
//!
//! Each comes with a proof of possession, checked once where the key is registered: without it a key made
//! out of other people's keys would be accepted.

use ark_bls12_381::{G1Affine, G2Affine};
use ark_ec::AffineRepr;

use crate::curve;
use crate::domain::{self, dst, lp};
use crate::pairing;
use crate::scalar::SecretScalar;

/// A proof of possession does not belong to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof of possession does not belong to this key")]
pub struct PossessionError;

/// Makes a public type out of a curve point: checked decoding, hex text, ordering by encoding.
macro_rules! public_point {
    ($(#[$doc:meta])* $name:ident, $point:ident, $bytes:expr, $encode:ident, $decode:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name(pub(crate) ark_bls12_381::$point);

        impl $name {
            /// Bytes of the encoding.
            pub const BYTES: usize = $bytes;

            /// The compressed encoding.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; $bytes] {
                $crate::curve::$encode(&self.0)
            }

            /// Decodes a canonical, non-identity point of the prime-order subgroup.
            ///
            /// # Errors
            /// [`PointError`](crate::curve::PointError) says what the bytes are instead.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, $crate::curve::PointError> {
                $crate::curve::$decode(bytes).map(Self)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&hex::encode(self.to_bytes()))
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), hex::encode(&self.to_bytes()[..8]))
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::curve::PointError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::wire::bytes_from_hex::<{ $bytes }>(text).and_then(|b| Self::from_bytes(&b))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                self.to_bytes().cmp(&other.to_bytes())
            }
        }

        impl core::hash::Hash for $name {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                self.to_bytes().hash(state);
            }
        }

        $crate::wire::serde_as_text!($name);
    };
}
pub(crate) use public_point;

/// Makes a secret scalar's type: its public key, its proof, its bytes, and nothing printable.
macro_rules! secret_key {
    ($(#[$doc:meta])* $name:ident => $public:ident, $in_group:ident) => {
        $(#[$doc])*
        pub struct $name(pub(crate) $crate::scalar::SecretScalar);

        impl $name {
            /// Draws a key.
            #[must_use]
            pub fn generate(rng: &mut (impl rand_core::CryptoRng + rand_core::RngCore)) -> Self {
                Self($crate::scalar::SecretScalar::random(rng))
            }

            /// The public half.
            #[must_use]
            pub fn public(&self) -> $public {
                $public(self.0.$in_group())
            }

            /// The scalar, big-endian, to be kept where only its owner reads.
            #[must_use]
            pub fn to_bytes(&self) -> zeroize::Zeroizing<[u8; 32]> {
                zeroize::Zeroizing::new($crate::curve::encode_scalar(self.0.expose()))
            }

            /// Takes back what [`to_bytes`](Self::to_bytes) gave.
            ///
            /// # Errors
            /// [`PointError`](crate::curve::PointError) if the bytes are not a non-zero scalar below r.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, $crate::curve::PointError> {
                let scalar = $crate::curve::decode_scalar(bytes)?;
                if ark_ff::Zero::is_zero(&scalar) {
                    return Err($crate::curve::PointError::Identity);
                }
                Ok(Self($crate::scalar::SecretScalar::from_fr(scalar)))
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}
pub(crate) use secret_key;

public_point! {
    /// A patient's encounter key A, under which a hospital seals this encounter's record.
    RecordPublicKey, G2Affine, curve::G2_BYTES, encode_g2, decode_g2
}
public_point! {
    /// Possession of a [`RecordKey`]: a * H1\[POP-A\](LP(A)).
    RecordKeyProof, G1Affine, curve::G1_BYTES, encode_g1, decode_g1
}
public_point! {
    /// An institution's receiving key B, made for one requirement.
    ReceivingPublicKey, G1Affine, curve::G1_BYTES, encode_g1, decode_g1
}
public_point! {
    /// Possession of a [`ReceivingKey`]: b * H2\[POP-B\](LP(B)).
    ReceivingKeyProof, G2Affine, curve::G2_BYTES, encode_g2, decode_g2
}
public_point! {
    /// A proxy's encryption key E, to which its shares of grants are encrypted.
    ProxyPublicKey, G1Affine, curve::G1_BYTES, encode_g1, decode_g1
}
public_point! {
    /// Possession of a [`ProxyKey`]: e * H2\[POP-E\](LP(E)).
    ProxyKeyProof, G2Affine, curve::G2_BYTES, encode_g2, decode_g2
}

secret_key! {
    /// A patient's secret for one encounter. Never leaves the device.
    ///
    /// ```compile_fail
    /// fn twice(key: eligo_sharing::keys::RecordKey) { drop(key); drop(key); }
    /// ```
    RecordKey => RecordPublicKey, in_g2
}
secret_key! {
    /// An institution's secret for one requirement.
    ///
    /// ```compile_fail
    /// fn twice(key: eligo_sharing::keys::ReceivingKey) { drop(key); drop(key); }
    /// ```
    ReceivingKey => ReceivingPublicKey, in_g1
}
secret_key! {
    /// A proxy's decryption key for the shares addressed to it.
    ///
    /// ```compile_fail
    /// fn twice(key: eligo_sharing::keys::ProxyKey) { drop(key); drop(key); }
    /// ```
    ProxyKey => ProxyPublicKey, in_g1
}

impl RecordKey {
    pub(crate) fn from_wide(bytes: &[u8; 48]) -> Self {
        Self(SecretScalar::from_wide(bytes))
    }

    /// Proves possession. One G1 product.
    #[must_use]
    pub fn prove_possession(&self) -> RecordKeyProof {
        let statement = lp(&[&self.public().to_bytes()]);
        RecordKeyProof(self.0.times_hash(dst::POP_RECORD, &statement))
    }
}

impl RecordPublicKey {
    /// Checks e(proof, P2) = e(H1\[POP-A\](LP(A)), A). Two pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`PossessionError`] if the proof is not this key's.
    pub fn check_possession(&self, proof: &RecordKeyProof) -> Result<(), PossessionError> {
        let hash = domain::hash_to_g1(dst::POP_RECORD, &lp(&[&self.to_bytes()]));
        possessed(pairing::is_one(&[
            (-proof.0, G2Affine::generator()),
            (hash, self.0),
        ]))
    }
}

macro_rules! possession_in_g2 {
    ($secret:ident, $public:ident, $proof:ident, $dst:expr) => {
        impl $secret {
            /// Proves possession. One G2 product.
            #[must_use]
            pub fn prove_possession(&self) -> $proof {
                let hash = domain::hash_to_g2($dst, &lp(&[&self.public().to_bytes()]));
                $proof(self.0.times_g2(&hash))
            }
        }

        impl $public {
            /// Checks e(P1, proof) = e(key, H2(LP(key))). Two pairings, one final exponentiation.
            ///
            /// # Errors
            /// [`PossessionError`] if the proof is not this key's.
            pub fn check_possession(&self, proof: &$proof) -> Result<(), PossessionError> {
                let hash = domain::hash_to_g2($dst, &lp(&[&self.to_bytes()]));
                possessed(pairing::is_one(&[
                    (-G1Affine::generator(), proof.0),
                    (self.0, hash),
                ]))
            }
        }
    };
}
possession_in_g2!(
    ReceivingKey,
    ReceivingPublicKey,
    ReceivingKeyProof,
    dst::POP_RECEIVING
);
possession_in_g2!(ProxyKey, ProxyPublicKey, ProxyKeyProof, dst::POP_PROXY);

pub(crate) fn possessed(holds: bool) -> Result<(), PossessionError> {
    if holds { Ok(()) } else { Err(PossessionError) }
}

/// Public keys of any kind, from a seed; for tests.
#[cfg(test)]
pub(crate) fn test_rng(seed: u64) -> rand_chacha::ChaCha20Rng {
    rand_core::SeedableRng::seed_from_u64(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn possession_is_of_one_key_and_one_purpose() {
        let mut rng = test_rng(1);
        let (a, other) = (RecordKey::generate(&mut rng), RecordKey::generate(&mut rng));
        assert_eq!(a.public().check_possession(&a.prove_possession()), Ok(()));
        assert!(
            other
                .public()
                .check_possession(&a.prove_possession())
                .is_err()
        );
        let b = ReceivingKey::generate(&mut rng);
        assert_eq!(b.public().check_possession(&b.prove_possession()), Ok(()));
        // the same scalar proves nothing under another purpose
        let e = ProxyKey::from_bytes(b.to_bytes().as_slice()).unwrap();
        assert_eq!(e.public().to_bytes(), b.public().to_bytes());
        let borrowed = ReceivingKeyProof::from_bytes(&e.prove_possession().to_bytes()).unwrap();
        assert!(b.public().check_possession(&borrowed).is_err());
    }

    #[test]
    fn a_key_made_of_other_keys_has_no_proof() {
        let mut rng = test_rng(2);
        let victim = ReceivingKey::generate(&mut rng);
        let x = ReceivingKey::generate(&mut rng);
        let rogue = ReceivingPublicKey((x.public().0 - victim.public().0).into());
        assert!(rogue.check_possession(&x.prove_possession()).is_err());
    }

    #[test]
    fn pairings_are_counted_as_documented() {
        use crate::pairing::count;
        let mut rng = test_rng(4);
        let (a, b) = (
            RecordKey::generate(&mut rng),
            ReceivingKey::generate(&mut rng),
        );
        let e = ProxyKey::generate(&mut rng);
        let (of_a, of_b, of_e) = (
            a.prove_possession(),
            b.prove_possession(),
            e.prove_possession(),
        );
        assert_eq!(count::of(|| a.prove_possession()), (0, 0));
        assert_eq!(count::of(|| a.public().check_possession(&of_a)), (2, 1));
        assert_eq!(count::of(|| b.public().check_possession(&of_b)), (2, 1));
        assert_eq!(count::of(|| e.public().check_possession(&of_e)), (2, 1));
    }

    #[test]
    fn text_and_bytes_round_trip_and_are_canonical() {
        let mut rng = test_rng(3);
        let key = RecordKey::generate(&mut rng);
        let public = key.public();
        assert_eq!(public.to_string().parse::<RecordPublicKey>(), Ok(public));
        assert!(
            public
                .to_string()
                .to_uppercase()
                .parse::<RecordPublicKey>()
                .is_err()
        );
        let json = serde_json::to_string(&public).unwrap();
        assert_eq!(
            serde_json::from_str::<RecordPublicKey>(&json).unwrap(),
            public
        );
        assert_eq!(
            RecordKey::from_bytes(key.to_bytes().as_slice())
                .unwrap()
                .public(),
            public
        );
        assert!(RecordKey::from_bytes(&[0; 32]).is_err());
        assert_eq!(format!("{key:?}"), "RecordKey(..)");
    }
}
