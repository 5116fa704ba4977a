//! Byte strings as field elements: `LP`, `F` and halves of digests.

use ark_bn254::Fr;
use ark_ff::{BigInt, PrimeField};
use sha2::{Digest, Sha256};

/// SHA-256 of `LP(parts..)`: every part behind its length as four big-endian bytes.
///
/// Parts are shorter than 4 GiB; integers go in as eight big-endian bytes.
pub fn sha256_lp(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        hasher.update(length.to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// `F(tag, parts..)`: the first 31 bytes of SHA-256(LP(tag, parts..)) as a big-endian integer.
pub fn field_digest(tag: &str, parts: &[&[u8]]) -> Fr {
    let mut all = alloc::vec![tag.as_bytes()];
    all.extend_from_slice(parts);
    let digest = sha256_lp(&all);
    let mut bytes = [0; 31];
    bytes.copy_from_slice(&digest[..31]);
    element(&bytes)
}

/// Thirty-one big-endian bytes as a field element; never wraps.
pub fn element(bytes: &[u8; 31]) -> Fr {
    Fr::from_be_bytes_mod_order(bytes)
}

/// A 32-byte digest as two 128-bit field elements, the high half first.
pub fn halves(digest: &[u8; 32]) -> [Fr; 2] {
    let number = |bytes: &[u8]| {
        let limb = |bytes: &[u8]| bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let (high, low) = bytes.split_at(8);
        // 128 bits are below the modulus.
        Fr::from_bigint(BigInt([limb(low), limb(high), 0, 0])).unwrap_or_default()
    };
    let (high, low) = digest.split_at(16);
    [number(high), number(low)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::to_be_bytes;

    #[test]
    fn length_prefixes_separate() {
        assert_ne!(sha256_lp(&[b"ab", b"c"]), sha256_lp(&[b"a", b"bc"]));
        assert_ne!(sha256_lp(&[]), sha256_lp(&[b""]));
        // SHA-256 of 00000001 61 computed independently.
        let direct: [u8; 32] = Sha256::digest([0, 0, 0, 1, b'a']).into();
        assert_eq!(sha256_lp(&[b"a"]), direct);
        assert_eq!(to_be_bytes(&field_digest("a", &[]))[1..], direct[..31]);
        assert_eq!(to_be_bytes(&field_digest("a", &[]))[0], 0);
    }

    #[test]
    fn halves_are_big_endian_high_first() {
        let mut digest = [0; 32];
        digest[15] = 7;
        digest[16] = 1;
        let [high, low] = halves(&digest);
        assert_eq!(high, Fr::from(7));
        assert_eq!(low, Fr::from(1u128 << 120));
        assert_eq!(halves(&[0xff; 32])[0], Fr::from(u128::MAX));
    }
}
