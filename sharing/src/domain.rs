//! Every domain separation of this crate, in one place.
//!
//! A label key, a trapdoor, an identity key and a beacon signature are all "scalar times hash to the
//! curve". What keeps one from being used as another is that each purpose has its own key *and* its own
//! tag; the tags are listed here so that nobody can pick one twice without seeing it.

use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ff::PrimeField;
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::curve;

/// Tags of hashes to the curve (RFC 9380, suites `BLS12381G1_XMD:SHA-256_SSWU_RO_` and its G2 twin).
pub mod dst {
    macro_rules! g1 {
        ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
            $($(#[$doc])* pub const $name: &[u8] =
                concat!($text, "-with-BLS12381G1_XMD:SHA-256_SSWU_RO_").as_bytes();)*
            #[cfg(test)]
            pub(super) const ALL_G1: &[&[u8]] = &[$($name),*];
        };
    }
    g1! {
        /// A record label under a patient's encounter key.
        LABEL = "MEDPRE-V01-LABEL";
        /// The tag that seals a capsule against alteration.
        CAPSULE_TAG = "MEDPRE-V01-CAPTAG";
        /// A label under the expiry gate's master key.
        GATE = "MEDPRE-V01-GATE";
        /// Possession of an encounter key.
        POP_RECORD = "MEDPRE-V01-POP-A";
        /// An identity under a distributed master key.
        IDENTITY = "MEDIBE-V01-ID";
        /// The blinding point of identity-based re-encryption.
        BLIND = "MEDIBE-V01-BLIND";
        /// A keyword of the encrypted index.
        KEYWORD = "MEDPEKS-V01-KW";
        /// Possession of a search key.
        POP_SEARCH = "MEDPEKS-V01-POP";
        /// A signer's step of an ordered multisignature.
        OMS_MESSAGE = "MEDOMS-V01-MSG";
        /// Possession of a multisigner's first key part.
        OMS_POP1 = "MEDOMS-V01-POP1";
        /// Possession of a multisigner's second key part.
        OMS_POP2 = "MEDOMS-V01-POP2";
        /// Possession of a multisigner's third key part.
        OMS_POP3 = "MEDOMS-V01-POP3";
        /// A round of the randomness beacon.
        BEACON = "MEDBEACON-V01";
    }
    /// Possession of a receiving key (hash to G2, because the key is in G1).
    pub const POP_RECEIVING: &[u8] = b"MEDPRE-V01-POP-B-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
    /// Possession of a proxy's encryption key (hash to G2).
    pub const POP_PROXY: &[u8] = b"MEDPRE-V01-POP-E-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
    /// Possession of a hospital's search key (hash to G2).
    pub const POP_WRITER: &[u8] = b"MEDPEKS-V01-POP-E-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
    /// The second Pedersen base of distributed key generation (hash of the empty string to G2).
    pub const PEDERSEN: &[u8] = b"MEDDKG-V01-PEDERSEN-H-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
    #[cfg(test)]
    pub(super) const ALL_G2: &[&[u8]] = &[POP_RECEIVING, POP_PROXY, POP_WRITER, PEDERSEN];
}

/// Length-prefixed concatenation, the only way anything enters a hash here:
/// `LP(x1,..,xk) = I2OSP(len x1, 4) || x1 || ... || I2OSP(len xk, 4) || xk`.
///
/// Integers go in as eight big-endian bytes ([`int`]), points and pairing values in their compressed
/// canonical form. Parts are far below 4 GiB everywhere in this crate.
///
/// ```
/// assert_eq!(eligo_sharing::domain::lp(&[b"ab", b""]), b"\0\0\0\x02ab\0\0\0\0");
/// ```
#[must_use]
pub fn lp(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        debug_assert!(u32::try_from(part.len()).is_ok());
        out.extend_from_slice(&(part.len() as u32).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// An integer as it enters [`lp`]: eight bytes, big-endian.
#[must_use]
pub const fn int(value: u64) -> [u8; 8] {
    value.to_be_bytes()
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// `H1[dst](message)`: RFC 9380 hash to G1.
pub fn hash_to_g1(dst: &[u8], message: &[u8]) -> G1Affine {
    curve::hash_to_g1(dst, message)
}

/// RFC 9380 hash to G2.
pub fn hash_to_g2(dst: &[u8], message: &[u8]) -> G2Affine {
    curve::hash_to_g2(dst, message)
}

/// `Hs(m) = OS2IP(SHA256(0x00||m) || SHA256(0x01||m)) mod r`: a hash to scalars, 2^-256 from uniform.
#[must_use]
pub fn hash_to_scalar(message: &[u8]) -> Fr {
    let mut wide = [0u8; 64];
    for (prefix, half) in wide.chunks_exact_mut(32).enumerate() {
        let digest = Sha256::new()
            .chain_update([prefix as u8])
            .chain_update(message);
        half.copy_from_slice(&digest.finalize());
    }
    Fr::from_be_bytes_mod_order(&wide)
}

/// HKDF-SHA256 (RFC 5869), extract and expand, to `N` bytes (N at most 8160).
pub fn kdf<const N: usize>(salt: &[u8], ikm: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    expand(&Hkdf::<Sha256>::new(Some(salt), ikm), info)
}

/// HKDF-Expand to `N` bytes.
pub(crate) fn expand<const N: usize>(prk: &Hkdf<Sha256>, info: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32) };
    let mut out = Zeroizing::new([0u8; N]);
    let expanded = prk.expand(info, out.as_mut_slice());
    debug_assert!(expanded.is_ok(), "length is checked when compiled");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_purposes_share_a_tag() {
        let all: BTreeSet<_> = dst::ALL_G1.iter().chain(dst::ALL_G2).collect();
        assert_eq!(all.len(), dst::ALL_G1.len() + dst::ALL_G2.len());
        assert!(
            all.iter()
                .all(|tag| tag.len() <= 255 && tag.starts_with(b"MED"))
        );
    }

    #[test]
    fn parts_cannot_run_together() {
        assert_ne!(lp(&[b"a", b"bc"]), lp(&[b"ab", b"c"]));
        assert_ne!(lp(&[b""]), lp(&[]));
    }

    #[test]
    fn hkdf_matches_rfc_5869_a1() {
        let okm: Zeroizing<[u8; 42]> = kdf(
            &hex::decode("000102030405060708090a0b0c").unwrap(),
            &[0x0b; 22],
            &hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap(),
        );
        assert_eq!(
            hex::encode(okm.as_slice()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }

    #[test]
    fn hkdf_matches_rfc_5869_a2_and_a3() {
        let range = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
        let okm: Zeroizing<[u8; 82]> = kdf(&range(0x60, 0xaf), &range(0, 0x4f), &range(0xb0, 0xff));
        assert_eq!(
            hex::encode(okm.as_slice()),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
             da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
        );
        let okm: Zeroizing<[u8; 42]> = kdf(b"", &[0x0b; 22], b"");
        assert_eq!(
            hex::encode(okm.as_slice()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        );
    }
}
