//! Field elements as bytes and decimals, canonical only.
//!
//! An element and the same element plus the modulus are different strings but equal numbers in a
//! careless verifier, which is how one nullifier gets spent twice. Nothing here reduces.

use alloc::string::{String, ToString};

use ark_ff::{BigInt, BigInteger, PrimeField};

/// Longest decimal of a 254-bit number.
pub const DECIMAL_DIGITS: usize = 77;

/// Why a string is no field element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Empty, longer than 77 characters, or with a character that is no digit.
    #[error("not a decimal number of at most 77 digits")]
    NotDecimal,
    /// More than one digit, the first of them 0.
    #[error("a decimal number with leading zeros")]
    LeadingZero,
    /// Not smaller than the field's modulus.
    #[error("the number is not smaller than the field's modulus")]
    NotCanonical,
}

/// Reads 32 big-endian bytes; refuses numbers from the modulus on.
pub fn from_be_bytes<F: PrimeField<BigInt = BigInt<4>>>(bytes: &[u8; 32]) -> Result<F, FieldError> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *limb = chunk.iter().fold(0, |n, b| n << 8 | u64::from(*b));
    }
    F::from_bigint(BigInt(limbs)).ok_or(FieldError::NotCanonical)
}

/// The 32 big-endian bytes of an element.
pub fn to_be_bytes<F: PrimeField<BigInt = BigInt<4>>>(element: &F) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, limb) in bytes
        .chunks_exact_mut(8)
        .zip(element.into_bigint().0.iter().rev())
    {
        chunk.copy_from_slice(&limb.to_be_bytes());
    }
    bytes
}

/// Reads a decimal without sign, spaces or leading zeros; refuses numbers from the modulus on.
pub fn from_decimal<F: PrimeField<BigInt = BigInt<4>>>(text: &str) -> Result<F, FieldError> {
    if text.is_empty() || text.len() > DECIMAL_DIGITS || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(FieldError::NotDecimal);
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(FieldError::LeadingZero);
    }
    let mut number = BigInt::<4>::zero();
    for digit in text.bytes().map(|b| u64::from(b - b'0')) {
        // 10 n + digit; 77 digits stay under 2^256.
        let mut carry = u128::from(digit);
        for limb in &mut number.0 {
            let wide = u128::from(*limb) * 10 + carry;
            *limb = (wide & u128::from(u64::MAX)) as u64;
            carry = wide >> 64;
        }
        if carry != 0 {
            return Err(FieldError::NotCanonical);
        }
    }
    F::from_bigint(number).ok_or(FieldError::NotCanonical)
}

/// The decimal of an element.
pub fn to_decimal<F: PrimeField>(element: &F) -> String {
    element.into_bigint().to_string()
}

/// The element as an integer, if it is below 2^64.
pub(crate) fn small<F: PrimeField<BigInt = BigInt<4>>>(element: &F) -> Option<u64> {
    let number = element.into_bigint();
    (number.num_bits() <= 64).then(|| number.0[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fq, Fr};
    use proptest::prelude::*;

    const R: &str = "21888242871839275222246405745257275088548364400416034343698204186575808495617";

    #[test]
    fn canonical_only() {
        assert_eq!(from_decimal::<Fr>(R), Err(FieldError::NotCanonical));
        let most = R.replace("617", "616");
        assert_eq!(from_decimal::<Fr>(&most), Ok(-Fr::from(1)));
        for bad in [
            "",
            "-1",
            "+1",
            " 1",
            "1 ",
            "0x1",
            "1e3",
            "１",
            &"9".repeat(78),
        ] {
            assert_eq!(
                from_decimal::<Fr>(bad),
                Err(FieldError::NotDecimal),
                "{bad}"
            );
        }
        assert_eq!(from_decimal::<Fr>("00"), Err(FieldError::LeadingZero));
        assert_eq!(from_decimal::<Fr>("01"), Err(FieldError::LeadingZero));
        assert_eq!(
            from_decimal::<Fr>(&"9".repeat(77)),
            Err(FieldError::NotCanonical)
        );
        let mut bytes = to_be_bytes(&-Fr::from(1));
        assert_eq!(from_be_bytes(&bytes), Ok(-Fr::from(1)));
        bytes[31] += 1;
        assert_eq!(from_be_bytes::<Fr>(&bytes), Err(FieldError::NotCanonical));
    }

    proptest! {
        #[test]
        fn round_trips(bytes: [u8; 32]) {
            let x = Fr::from_be_bytes_mod_order(&bytes);
            prop_assert_eq!(from_be_bytes(&to_be_bytes(&x)), Ok(x));
            prop_assert_eq!(from_decimal(&to_decimal(&x)), Ok(x));
            let y = Fq::from_be_bytes_mod_order(&bytes);
            prop_assert_eq!(from_decimal(&to_decimal(&y)), Ok(y));
        }
    }
}
