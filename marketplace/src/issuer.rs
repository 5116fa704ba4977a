//! A hospital's issuer key: a point of Baby Jubjub, in circomlib's packed form.
//!
//! arkworks' curve is the twist with `a = 1`: `x_ark = x_circomlib * sqrt(168700)`, `y` unchanged.

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ed_on_bn254::EdwardsAffine;
use ark_ff::{BigInteger, Field, MontFp, PrimeField};

use crate::rejection::Rejection;

const ROOT_A: Fr =
    MontFp!("7214280148105020021932206872019688659210616427216992810330019057549499971851");
/// circomlib's base point, in arkworks' coordinates.
#[cfg(feature = "test-util")]
const BASE8_X: Fr =
    MontFp!("15863623088992515880085393097393553694825975317405843389771115419751650972659");
#[cfg(feature = "test-util")]
const BASE8_Y: Fr =
    MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203");
const EDWARDS_A: u64 = 168_700;
const EDWARDS_D: u64 = 168_696;

/// An issuer's public key: on the curve, of prime order, not the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuerKey {
    x: Fr,
    y: Fr,
}

impl IssuerKey {
    /// Reads circomlib's packed form: `y` in 32 little-endian bytes, the top bit set when `x` is more
    /// than half of the field's order. Only the one canonical form is accepted.
    ///
    /// # Errors
    /// [`Rejection::IssuerKey`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Rejection> {
        Self::decode(bytes).ok_or(Rejection::IssuerKey)
    }

    fn decode(bytes: &[u8; 32]) -> Option<Self> {
        let mut y_bytes = *bytes;
        let sign = y_bytes[31] >> 7 == 1;
        y_bytes[31] &= 0x7f;
        let y = Fr::from_le_bytes_mod_order(&y_bytes);
        if y.into_bigint().to_bytes_le() != y_bytes {
            return None;
        }
        // a x^2 + y^2 = 1 + d x^2 y^2
        let y2 = y.square();
        let denominator = Fr::from(EDWARDS_A) - Fr::from(EDWARDS_D) * y2;
        let root = ((Fr::ONE - y2) * denominator.inverse()?).sqrt()?;
        let x = if is_high(root) == sign { root } else { -root };
        let point = EdwardsAffine::new_unchecked(x * ROOT_A, y);
        let sound = is_high(x) == sign
            && point.is_on_curve()
            && !point.is_zero()
            && point.is_in_correct_subgroup_assuming_on_curve();
        sound.then_some(Self { x, y })
    }

    /// The packed form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (byte, from) in bytes.iter_mut().zip(self.y.into_bigint().to_bytes_le()) {
            *byte = from;
        }
        bytes[31] |= u8::from(is_high(self.x)) << 7;
        bytes
    }

    /// A multiple of circomlib's base point, not of its order: for tests that need some key.
    ///
    /// # Panics
    /// For 0.
    #[cfg(feature = "test-util")]
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn multiple_of_base(n: u64) -> Self {
        use ark_ec::CurveGroup;
        let base = EdwardsAffine::new_unchecked(BASE8_X, BASE8_Y);
        let point = (base * ark_ed_on_bn254::Fr::from(n)).into_affine();
        assert!(!point.is_zero());
        Self {
            x: point.x * ROOT_A.inverse().expect("not zero"),
            y: point.y,
        }
    }

    /// circomlib's coordinates.
    #[must_use]
    pub const fn coordinates(&self) -> (Fr, Fr) {
        (self.x, self.y)
    }
}

fn is_high(x: Fr) -> bool {
    x.into_bigint() > Fr::MODULUS_MINUS_ONE_DIV_TWO
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_written_and_nothing_else_is() {
        for n in 1..20 {
            let key = IssuerKey::multiple_of_base(n);
            let bytes = key.to_bytes();
            assert_eq!(IssuerKey::from_bytes(&bytes), Ok(key));
            // The other sign is the inverse point.
            let mut other = bytes;
            other[31] ^= 0x80;
            assert_ne!(IssuerKey::from_bytes(&other), Ok(key));
        }
        // The identity, a point of order two, and a coordinate from the modulus on.
        let mut one = [0; 32];
        one[0] = 1;
        for bytes in [one, [0; 32], [0xff; 32]] {
            assert_eq!(IssuerKey::from_bytes(&bytes), Err(Rejection::IssuerKey));
        }
    }
}
