//! Baby Jubjub in circomlib's coordinates.
//!
//! arkworks' `ark-ed-on-bn254` is the twist with `a = 1`; circomlib's has `a = 168700`. The map is
//! `x_ark = x_circomlib * sqrt(168700)`, `y` unchanged. Everything that is hashed, printed or read by
//! others is in circomlib's coordinates; arkworks does the arithmetic. arkworks is not constant-time.

use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ed_on_bn254::{EdwardsAffine, EdwardsProjective, Fr as Scalar};
use ark_ff::{AdditiveGroup, BigInteger, Field, MontFp, One, PrimeField, Zero};

/// `sqrt(168700)` in the base field.
const ROOT_A: Fr =
    MontFp!("7214280148105020021932206872019688659210616427216992810330019057549499971851");
/// circomlib's base point, of prime order, in arkworks' coordinates.
const BASE8_X: Fr =
    MontFp!("15863623088992515880085393097393553694825975317405843389771115419751650972659");
const BASE8_Y: Fr =
    MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203");
/// `a` of circomlib's twisted Edwards form.
pub const EDWARDS_A: u64 = 168_700;
/// `d` of circomlib's twisted Edwards form.
pub const EDWARDS_D: u64 = 168_696;
/// `A` of the birationally equivalent Montgomery form `v^2 = u^3 + A u^2 + u`.
pub const MONTGOMERY_A: u64 = 168_698;

/// circomlib's base point `B8`.
pub fn base() -> EdwardsAffine {
    EdwardsAffine::new_unchecked(BASE8_X, BASE8_Y)
}

/// A point of the prime-order subgroup other than the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point(EdwardsAffine);

/// Why bytes or coordinates are no public point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// Not 32 bytes of hexadecimal.
    #[error("expected 64 hexadecimal digits")]
    Text,
    /// A coordinate is not below the field's order, or the sign bit contradicts it.
    #[error("the coordinate is not canonical")]
    NotCanonical,
    /// Not on the curve.
    #[error("the point is not on Baby Jubjub")]
    OffCurve,
    /// On the curve, but outside the prime-order subgroup, or the identity.
    #[error("the point is not in the prime-order subgroup")]
    WrongSubgroup,
}

impl Point {
    /// Checks a point given in arkworks' coordinates.
    pub fn new(point: EdwardsAffine) -> Result<Self, PointError> {
        if !point.is_on_curve() {
            return Err(PointError::OffCurve);
        }
        if point.is_zero() || !point.is_in_correct_subgroup_assuming_on_curve() {
            return Err(PointError::WrongSubgroup);
        }
        Ok(Self(point))
    }

    /// The point in arkworks' coordinates.
    pub const fn affine(&self) -> EdwardsAffine {
        self.0
    }

    /// circomlib's coordinates.
    pub fn coordinates(&self) -> (Fr, Fr) {
        (self.0.x * root_a_inverse(), self.0.y)
    }

    /// Checks a point given in circomlib's coordinates.
    pub fn from_coordinates(x: Fr, y: Fr) -> Result<Self, PointError> {
        Self::new(EdwardsAffine::new_unchecked(x * ROOT_A, y))
    }

    /// circomlib's packed form: `y` in 32 little-endian bytes, the top bit set when `x` is more than
    /// half of the field's order.
    pub fn to_bytes(&self) -> [u8; 32] {
        let (x, y) = self.coordinates();
        let mut bytes = [0; 32];
        for (byte, from) in bytes.iter_mut().zip(y.into_bigint().to_bytes_le()) {
            *byte = from;
        }
        bytes[31] |= u8::from(is_high(x)) << 7;
        bytes
    }

    /// Reads the packed form; refuses anything [`Point::to_bytes`] would not write.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, PointError> {
        let mut y_bytes = *bytes;
        let sign = y_bytes[31] >> 7 == 1;
        y_bytes[31] &= 0x7f;
        let y = Fr::from_le_bytes_mod_order(&y_bytes);
        if y.into_bigint().to_bytes_le() != y_bytes {
            return Err(PointError::NotCanonical);
        }
        // a x^2 + y^2 = 1 + d x^2 y^2
        let y2 = y.square();
        let denominator = Fr::from(EDWARDS_A) - Fr::from(EDWARDS_D) * y2;
        let x2 = denominator
            .inverse()
            .map(|i| (Fr::one() - y2) * i)
            .ok_or(PointError::OffCurve)?;
        let root = x2.sqrt().ok_or(PointError::OffCurve)?;
        let x = if is_high(root) == sign { root } else { -root };
        if is_high(x) != sign {
            return Err(PointError::NotCanonical);
        }
        Self::from_coordinates(x, y)
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self, PointError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| PointError::Text)?;
        Self::from_bytes(&bytes)
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.to_bytes())
    }
}

fn is_high(x: Fr) -> bool {
    x.into_bigint() > Fr::MODULUS_MINUS_ONE_DIV_TWO
}

fn root_a_inverse() -> Fr {
    static INVERSE: OnceLock<Fr> = OnceLock::new();
    *INVERSE.get_or_init(|| ROOT_A.inverse().unwrap_or_default())
}

/// Montgomery coordinates of a point that is neither the identity nor of order two.
pub(crate) fn montgomery(point: EdwardsAffine) -> (Fr, Fr) {
    // u = (1 + y) / (1 - y), v = u / x, one inversion for both.
    let x = point.x * root_a_inverse();
    let inverse = ((Fr::one() - point.y) * x).inverse().unwrap_or_default();
    let u = (Fr::one() + point.y) * inverse * x;
    let v = (Fr::one() + point.y) * inverse;
    (u, v)
}

/// Montgomery coordinates of `1, 3, .., 2n - 1` times `base * 2^(step * i)` for each window `i`.
pub(crate) fn odd_multiples(
    base: EdwardsProjective,
    windows: usize,
    step: usize,
    n: usize,
) -> Vec<Vec<(Fr, Fr)>> {
    let mut points = Vec::with_capacity(windows * n);
    let mut start = base;
    for _ in 0..windows {
        let twice = start.double();
        let mut multiple = start;
        for _ in 0..n {
            points.push(multiple);
            multiple += twice;
        }
        (0..step).for_each(|_| {
            start.double_in_place();
        });
    }
    EdwardsProjective::normalize_batch(&points)
        .chunks(n)
        .map(|window| window.iter().map(|p| montgomery(*p)).collect())
        .collect()
}

/// `1/2` in the scalar field.
pub(crate) fn half() -> Scalar {
    Scalar::from(2u64).inverse().unwrap_or_else(Scalar::zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AX: Fr =
        MontFp!("13277427435165878497778222415993513565335242147425444199013288855685581939618");
    const AY: Fr =
        MontFp!("13622229784656158136036771217484571176836296686641868549125388198837476602820");

    #[test]
    fn base_point_is_circomlibs() {
        let base = Point::new(base()).unwrap();
        let (x, y) = base.coordinates();
        assert_eq!(
            x,
            MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553")
        );
        assert_eq!(
            y,
            MontFp!(
                "16950150798460657717958625567821834550301663161624707787222815936182638968203"
            )
        );
        let x2 = x.square();
        let y2 = y.square();
        assert_eq!(
            Fr::from(EDWARDS_A) * x2 + y2,
            Fr::one() + Fr::from(EDWARDS_D) * x2 * y2
        );
        let (u, v) = montgomery(base.affine());
        assert_eq!(
            v.square(),
            u * (u.square() + Fr::from(MONTGOMERY_A) * u + Fr::one())
        );
    }

    #[test]
    fn circomlibs_eddsa_key_is_a_point_and_packs_and_unpacks() {
        let key = Point::from_coordinates(AX, AY).unwrap();
        let packed = key.to_bytes();
        assert_eq!(Point::from_bytes(&packed), Ok(key));
        assert_eq!(Point::from_hex(&key.to_hex()), Ok(key));
        let mut other_sign = packed;
        other_sign[31] ^= 0x80;
        let mirrored = Point::from_bytes(&other_sign).unwrap();
        assert_eq!(mirrored.coordinates(), (-AX, AY));
    }

    #[test]
    fn bad_points_are_refused() {
        assert_eq!(Point::from_coordinates(AX, AX), Err(PointError::OffCurve));
        assert_eq!(
            Point::from_coordinates(Fr::zero(), Fr::one()),
            Err(PointError::WrongSubgroup)
        );
        assert_eq!(
            Point::from_coordinates(Fr::zero(), -Fr::one()),
            Err(PointError::WrongSubgroup)
        );
        let low_order = EdwardsAffine::new_unchecked(Fr::zero(), -Fr::one());
        let mixed = (EdwardsProjective::from(base()) + low_order).into_affine();
        assert_eq!(Point::new(mixed), Err(PointError::WrongSubgroup));
        assert_eq!(
            Point::from_bytes(&[0xff; 32]),
            Err(PointError::NotCanonical)
        );
        assert_eq!(Point::from_hex("zz"), Err(PointError::Text));
        // y = 1 or -1 has x = 0: the sign bit must be clear, and the point is of low order anyway.
        let mut identity = [0u8; 32];
        identity[0] = 1;
        assert_eq!(Point::from_bytes(&identity), Err(PointError::WrongSubgroup));
        identity[31] = 0x80;
        assert_eq!(Point::from_bytes(&identity), Err(PointError::NotCanonical));
    }
}
