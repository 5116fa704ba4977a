//! A beacon nobody can bias: threshold BLS signatures over round numbers.
//!
//! ```text
//! m = SHA256(I2OSP(round, 8))     sig_j = x_j H1[BEACON](m), checked by e(sig_j, P2) = e(H1(m), V_j)
//! sig = sum of lam_j sig_j        e(sig, P2) = e(H1(m), PK)            randomness = SHA256(sig)
//! ```
//!
//! The signature is unique, so whoever combines whichever t shares gets the same value; fewer than t learn
//! nothing of it before. The format is drand's (unchained, signatures in G1), so drand's public rounds
//! verify here too, and a consortium too small to be trusted with a beacon can read that one.
//!
//! A partial or a whole signature takes two pairings to check, with one final exponentiation.
//!
//! ```
//! use eligo_sharing::beacon::{BeaconKey, Round};
//! let quicknet = BeaconKey::drand_quicknet();
//! let signature = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";
//! let output = quicknet.verify(Round::new(1000), &signature.parse()?)?;
//! assert_eq!(
//!     output.randomness().to_string(),
//!     "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;

use ark_bls12_381::{G1Affine, G2Affine};
use ark_ec::AffineRepr;

use crate::curve::{self, G1_BYTES, PointError};
use crate::dkg::{self, GroupKey, KeyShare, Participant, Purpose};
use crate::domain::{self, dst, int, lp, sha256};
use crate::ibe::WrongPurpose;
use crate::keys::public_point;
use crate::pairing;
use crate::wire::{Fields, WireError, byte_string};

/// A beacon's round, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Round(u64);

impl Round {
    /// The round with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// m = SHA256(I2OSP(round, 8)).
    fn message(self) -> [u8; 32] {
        sha256(&int(self.0))
    }
}

byte_string! {
    /// SHA-256 of a round's signature: 32 bytes nobody chose.
    Randomness, 32
}

public_point! {
    /// A round's signature, to be verified.
    BeaconSignature, G1Affine, curve::G1_BYTES, encode_g1, decode_g1
}

/// A round whose signature was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeaconOutput {
    round: Round,
    signature: BeaconSignature,
}

impl BeaconOutput {
    /// Which round.
    #[must_use]
    pub fn round(&self) -> Round {
        self.round
    }

    /// Its signature.
    #[must_use]
    pub fn signature(&self) -> &BeaconSignature {
        &self.signature
    }

    /// SHA256(sig).
    #[must_use]
    pub fn randomness(&self) -> Randomness {
        Randomness::new(sha256(&self.signature.to_bytes()))
    }
}

/// The public key of a beacon, and the tag its messages are hashed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeaconKey {
    key: G2Affine,
    dst: &'static [u8],
}

/// Why a signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeaconError {
    /// The key is for something else.
    #[error(transparent)]
    Purpose(#[from] WrongPurpose),
    /// A share that is not its signer's.
    #[error("signer {signer} gave a wrong share of round {round}")]
    WrongShare {
        /// The signer.
        signer: Participant,
        /// The round.
        round: u64,
    },
    /// Too few different shares of the round.
    #[error("{have} shares of the round, but {need} are needed")]
    NotEnough {
        /// How many there are.
        have: usize,
        /// t.
        need: usize,
    },
    /// The signature is not the beacon's.
    #[error("the signature of round {round} is not the beacon's")]
    Signature {
        /// The round.
        round: u64,
    },
}

const DRAND_DST: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

impl BeaconKey {
    /// The key of our own beacon.
    ///
    /// # Errors
    /// [`WrongPurpose`] if the key is for something else.
    pub fn new(key: &GroupKey) -> Result<Self, WrongPurpose> {
        require_beacon(key.purpose())?;
        Ok(Self {
            key: *key.master(),
            dst: dst::BEACON,
        })
    }

    /// A drand network with signatures in G1 (scheme `bls-unchained-g1-rfc9380`), by its public key.
    ///
    /// # Errors
    /// [`PointError`] if the bytes are no key.
    pub fn drand(public_key: &[u8]) -> Result<Self, PointError> {
        Ok(Self {
            key: curve::decode_g2(public_key)?,
            dst: DRAND_DST,
        })
    }

    /// drand's quicknet: a round every 3 s since 1692803367.
    #[must_use]
    pub fn drand_quicknet() -> Self {
        const KEY: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";
        let bytes = hex::decode(KEY).unwrap_or_default();
        // the text above is a constant, and a key: the tests verify rounds with it
        #[allow(clippy::expect_used)]
        Self::drand(&bytes).expect("quicknet's key is a point of G2")
    }

    /// e(sig, P2) = e(H1(m), PK). Two pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`BeaconError::Signature`] if it is not the beacon's.
    pub fn verify(
        &self,
        round: Round,
        signature: &BeaconSignature,
    ) -> Result<BeaconOutput, BeaconError> {
        let hash = domain::hash_to_g1(self.dst, &round.message());
        if pairing::is_one(&[(-signature.0, G2Affine::generator()), (hash, self.key)]) {
            Ok(BeaconOutput {
                round,
                signature: *signature,
            })
        } else {
            Err(BeaconError::Signature { round: round.0 })
        }
    }
}

/// A participant of our own beacon.
///
/// ```compile_fail
/// fn twice(k: eligo_sharing::beacon::BeaconSigner) { drop(k); drop(k); }
/// ```
#[derive(Debug)]
pub struct BeaconSigner(KeyShare);

/// sig_j of one round, to be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialSignature {
    round: Round,
    signer: Participant,
    point: G1Affine,
}

/// A share of a round's signature that was checked. Cannot be decoded, only verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedPartial(PartialSignature);

fn require_beacon(found: Purpose) -> Result<(), WrongPurpose> {
    if found == Purpose::Beacon {
        Ok(())
    } else {
        Err(WrongPurpose {
            found,
            expected: Purpose::Beacon,
        })
    }
}

impl BeaconSigner {
    /// Takes up office with a share of a beacon key.
    ///
    /// # Errors
    /// [`WrongPurpose`] if the share is of another kind of key.
    pub fn new(share: KeyShare) -> Result<Self, WrongPurpose> {
        require_beacon(share.purpose())?;
        Ok(Self(share))
    }

    /// sig_j = x_j H1(m). One product in G1.
    #[must_use]
    pub fn sign(&self, round: Round) -> PartialSignature {
        let point = self.0.times_hash(dst::BEACON, &round.message());
        PartialSignature {
            round,
            signer: self.0.participant(),
            point,
        }
    }
}

impl PartialSignature {
    /// Its round.
    #[must_use]
    pub const fn round(&self) -> Round {
        self.round
    }

    /// Who made it.
    #[must_use]
    pub const fn signer(&self) -> Participant {
        self.signer
    }

    /// e(sig_j, P2) = e(H1(m), V_j). Two pairings, one final exponentiation.
    ///
    /// # Errors
    /// [`BeaconError::WrongShare`] names the signer.
    pub fn verify(self, key: &GroupKey) -> Result<VerifiedPartial, BeaconError> {
        require_beacon(key.purpose())?;
        let Self {
            round,
            signer,
            point,
        } = self;
        let hash = domain::hash_to_g1(dst::BEACON, &round.message());
        if key.is_product_of(signer, &point, &hash) {
            Ok(VerifiedPartial(self))
        } else {
            Err(BeaconError::WrongShare {
                signer,
                round: round.0,
            })
        }
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let point = curve::encode_g1(&self.point);
        lp(&[
            b"MEDBEACON-V01-PARTIAL",
            &int(self.round.0),
            &int(self.signer.x()),
            &point,
        ])
    }

    /// Decodes a partial signature.
    ///
    /// # Errors
    /// [`WireError`] names the field that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Fields::new(bytes);
        fields.literal("format", b"MEDBEACON-V01-PARTIAL")?;
        let round = Round(fields.int("round")?);
        let signer = Participant::new(fields.int("signer")?);
        let signer = signer.ok_or(WireError::Value { field: "signer" })?;
        let point = fields.point("sig", G1_BYTES, curve::decode_g1)?;
        fields.end()?;
        Ok(Self {
            round,
            signer,
            point,
        })
    }
}

/// sig = sum of lam_j sig_j over t shares of one round, verified against the key: two pairings, one final
/// exponentiation.
///
/// # Errors
/// [`BeaconError`] if there are too few of the round's.
pub fn combine(
    key: &GroupKey,
    round: Round,
    shares: &[VerifiedPartial],
) -> Result<BeaconOutput, BeaconError> {
    let beacon = BeaconKey::new(key)?;
    let of_round = shares.iter().filter(|VerifiedPartial(s)| s.round == round);
    let chosen: BTreeMap<_, _> = of_round
        .map(|VerifiedPartial(s)| (s.signer.x(), s.point))
        .collect();
    let need = key.threshold();
    if chosen.len() < need {
        return Err(BeaconError::NotEnough {
            have: chosen.len(),
            need,
        });
    }
    let chosen: Vec<_> = chosen.into_iter().take(need).collect();
    beacon.verify(round, &BeaconSignature(dkg::interpolate_points(&chosen)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkg::simulate;
    use crate::keys::test_rng;
    use crate::pairing::count;

    /// Rounds published by drand's quicknet.
    const ROUNDS: [(u64, &str, &str); 3] = [
        (
            1000,
            "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
            "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd",
        ),
        (
            1001,
            "b33bf3667cbd5a82de3a24b4e0e9fe5513cc1a0e840368c6e31f5fcfa79bea03f73896b25883abf2853d10337fb8fa41",
            "b0a591ad1b9002cfc372ac6e30abd3da8d3088d4caae026961743474fb94235f",
        ),
        (
            657_413,
            "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b",
            "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587",
        ),
    ];

    #[test]
    fn drands_rounds_verify() {
        let key = BeaconKey::drand_quicknet();
        for (round, signature, randomness) in ROUNDS {
            let signature: BeaconSignature = signature.parse().unwrap();
            let output = key.verify(Round::new(round), &signature).unwrap();
            assert_eq!(output.randomness().to_string(), randomness);
            let other = key.verify(Round::new(round + 1), &signature);
            assert_eq!(other, Err(BeaconError::Signature { round: round + 1 }));
        }
    }

    #[test]
    fn any_three_of_five_make_the_same_round() {
        let (key, shares) = simulate(Purpose::Beacon, 5, 3, &mut test_rng(1));
        let signers: Vec<_> = shares
            .into_iter()
            .map(|s| BeaconSigner::new(s).unwrap())
            .collect();
        let round = Round::new(7);
        let partials: Vec<_> = signers.iter().map(|s| s.sign(round)).collect();
        assert_eq!(
            PartialSignature::from_bytes(&partials[0].to_bytes()),
            Ok(partials[0])
        );
        let verified: Vec<_> = partials.iter().map(|p| p.verify(&key).unwrap()).collect();
        let one = combine(&key, round, &verified[..3]).unwrap();
        let two = combine(&key, round, &verified[1..]).unwrap();
        assert_eq!(one, two);
        let short = combine(&key, round, &verified[..2]).unwrap_err();
        assert_eq!(short, BeaconError::NotEnough { have: 2, need: 3 });
        let mut bad = partials[0];
        bad.signer = partials[1].signer;
        let signer = bad.signer;
        assert_eq!(
            bad.verify(&key),
            Err(BeaconError::WrongShare { signer, round: 7 })
        );
        let mixed = [
            verified[0],
            verified[1],
            signers[2].sign(Round::new(8)).verify(&key).unwrap(),
        ];
        assert!(combine(&key, round, &mixed).is_err());
        let beacon = BeaconKey::new(&key).unwrap();
        assert_eq!(count::of(|| beacon.verify(round, one.signature())), (2, 1));
        assert_eq!(count::of(|| partials[0].verify(&key)), (2, 1));
        assert_eq!(count::of(|| signers[0].sign(round)), (0, 0));
        assert_eq!(count::of(|| combine(&key, round, &verified)), (2, 1));
    }

    #[test]
    fn keys_of_another_purpose_are_refused() {
        let (key, mut shares) = simulate(Purpose::Gate, 3, 2, &mut test_rng(2));
        assert!(BeaconKey::new(&key).is_err());
        assert!(BeaconSigner::new(shares.remove(0)).is_err());
    }
}
