//! The inner loops: many independent additions of affine points, each the chord through two points, with one
//! field inversion for all of them.
//!
//! There are two engines, which agree on every input: a portable one in arkworks' field arithmetic, and
//! one that works on eight additions at once with AVX-512 IFMA where the processor has it.

#[cfg(target_arch = "x86_64")]
mod ifma;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod portable;
#[cfg(target_arch = "x86_64")]
pub(crate) mod transform;

use ark_bn254::{Fq, Fr, g1, g2};
use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{BigInt, Field, MontFp};

/// How points are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// One at a time, on any processor.
    Portable,
    /// Eight at a time, with AVX-512 IFMA.
    #[cfg(target_arch = "x86_64")]
    Ifma,
}

/// Whether `ELIGO_KERNEL=portable` asks tests and benches for the portable engine.
#[cfg(target_arch = "x86_64")]
fn portable_wanted() -> bool {
    cfg!(feature = "test-util") && std::env::var_os("ELIGO_KERNEL").is_some_and(|k| k == "portable")
}

impl Engine {
    /// The fastest engine of this processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if ifma::available() && !portable_wanted() {
            return Self::Ifma;
        }
        Self::Portable
    }

    /// Every engine this processor has.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        all.extend(Some(Self::detect()).filter(|e| *e != Self::Portable));
        all
    }

    /// The factor by which coordinates in memory differ from arkworks' (R = 2^260 against 2^256).
    fn factor(self) -> Fq {
        match self {
            Self::Portable => MontFp!("1"),
            #[cfg(target_arch = "x86_64")]
            Self::Ifma => MontFp!("16"),
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn inverse_factor(self) -> Fq {
        match self {
            Self::Portable => MontFp!("1"),
            Self::Ifma => MontFp!(
                "12312136615409592312513603231707217237391675025980025810262583815737939742328"
            ),
        }
    }
}

/// The memory form of a point: its coordinates' Montgomery residues (one row of four words each; two for
/// an element of the quadratic extension), as the engine wants them. Infinity has [`INFINITY`] as its first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Packed<const ROWS: usize>(pub(crate) [[u64; 4]; ROWS]);

/// No residue: all are below 2^256 - 1.
const INFINITY: [u64; 4] = [u64::MAX; 4];

impl<const ROWS: usize> Packed<ROWS> {
    fn from_rows(rows: impl Iterator<Item = [u64; 4]>) -> Self {
        let mut packed = [[0; 4]; ROWS];
        for (target, row) in packed.iter_mut().zip(rows) {
            *target = row;
        }
        Self(packed)
    }
}

impl<const ROWS: usize> AsRef<[[u64; 4]]> for Packed<ROWS> {
    fn as_ref(&self) -> &[[u64; 4]] {
        &self.0
    }
}

/// Two points to be added, each a position (in the table, then in the arena) and a sign.
pub(crate) type Pair = (u32, u32);

/// The bit of a position that asks for the negative of the point.
pub(crate) const NEGATIVE: u32 = 1 << 31;

/// A group whose points the engines add.
pub(crate) trait Curve:
    SWCurveConfig<ScalarField = Fr, BaseField: Field<BasePrimeField = Fq>>
{
    /// [`Packed`] with the curve's number of rows.
    type Packed: Copy + Send + Sync + AsRef<[[u64; 4]]>;

    /// The cube root of one by which a point's x coordinate is multiplied to give [`LAMBDA`](super::glv::LAMBDA)
    /// times the point.
    const ROOT: Fq;

    /// The rows, of which there are as many as a point has.
    fn packed(rows: impl Iterator<Item = [u64; 4]>) -> Self::Packed;

    /// Appends the sum of each pair to the arena. Positions below the length of the table lie in it, others
    /// in the arena as it is before the call.
    ///
    /// # Panics
    ///
    /// If a position lies outside both.
    fn add_pairs(
        engine: Engine,
        table: &[Self::Packed],
        arena: &mut Vec<Self::Packed>,
        pairs: &[Pair],
    );

    /// Arkworks' form to the engine's.
    fn pack(engine: Engine, point: &Affine<Self>) -> Self::Packed {
        if point.is_zero() {
            return Self::packed(std::iter::repeat(INFINITY));
        }
        let coordinates = [point.x, point.y];
        let rows = coordinates
            .iter()
            .flat_map(|c| c.to_base_prime_field_elements());
        // The portable engine's form is arkworks' own: nothing to multiply, in its innermost loop.
        if engine == Engine::Portable {
            return Self::packed(rows.map(|x| x.0.0));
        }
        let factor = engine.factor();
        Self::packed(rows.map(|x| (x * factor).0.0))
    }

    /// The engine's form to arkworks'.
    fn unpack(engine: Engine, packed: &Self::Packed) -> Affine<Self> {
        let rows = packed.as_ref();
        if rows.first() == Some(&INFINITY) {
            return Affine::identity();
        }
        let (x, y) = rows.split_at(rows.len() / 2);
        let coordinate = |rows: &[[u64; 4]]| {
            let parts = rows.iter().map(|row| match engine {
                Engine::Portable => Fq::new_unchecked(BigInt(*row)),
                #[cfg(target_arch = "x86_64")]
                Engine::Ifma => residue(*row) * engine.inverse_factor(),
            });
            Self::BaseField::from_base_prime_field_elems(parts).unwrap_or_default()
        };
        Affine::new_unchecked(coordinate(x), coordinate(y))
    }

    /// [`LAMBDA`](super::glv::LAMBDA) times the point.
    fn endomorphism(point: &Affine<Self>) -> Affine<Self> {
        if point.is_zero() {
            return *point;
        }
        Affine::new_unchecked(point.x.mul_by_base_prime_field(&Self::ROOT), point.y)
    }
}

impl Curve for g1::Config {
    type Packed = Packed<2>;

    const ROOT: Fq = MontFp!("2203960485148121921418603742825762020974279258880205651966");

    fn packed(rows: impl Iterator<Item = [u64; 4]>) -> Packed<2> {
        Packed::from_rows(rows)
    }

    fn add_pairs(engine: Engine, table: &[Packed<2>], arena: &mut Vec<Packed<2>>, pairs: &[Pair]) {
        match engine {
            Engine::Portable => portable::add_pairs::<Self>(table, arena, pairs),
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma => ifma::add_pairs_g1(table, arena, pairs),
        }
    }
}

impl Curve for g2::Config {
    type Packed = Packed<4>;

    const ROOT: Fq =
        MontFp!("21888242871839275220042445260109153167277707414472061641714758635765020556616");

    fn packed(rows: impl Iterator<Item = [u64; 4]>) -> Packed<4> {
        Packed::from_rows(rows)
    }

    fn add_pairs(engine: Engine, table: &[Packed<4>], arena: &mut Vec<Packed<4>>, pairs: &[Pair]) {
        match engine {
            Engine::Portable => portable::add_pairs::<Self>(table, arena, pairs),
            #[cfg(target_arch = "x86_64")]
            Engine::Ifma => ifma::add_pairs_g2(table, arena, pairs),
        }
    }
}

/// The field element of a residue that may exceed the modulus.
#[cfg(target_arch = "x86_64")]
fn residue(words: [u64; 4]) -> Fq {
    use ark_ff::{BigInteger as _, PrimeField as _};

    let mut words = BigInt(words);
    while words >= Fq::MODULUS {
        words.sub_with_borrow(&Fq::MODULUS);
    }
    Fq::new_unchecked(words)
}
