//! Building a constraint system: one description of the statement gives, in one pass, either the
//! matrices (when making keys) or the witness (when proving).
//!
//! A gadget is written once against [`System`]. In [`Mode::Shape`] there are no values and every
//! constraint is recorded; in [`Mode::Witness`] there are only values and nothing is recorded, so
//! proving never rebuilds the matrices; [`Mode::Check`] does both, for tests. A gadget must allocate
//! the same columns in every mode: control flow may depend on constants and shapes, never on values.

use std::collections::BTreeMap;

use ark_bn254::Fr;
use ark_ff::{Field, One, Zero};

use crate::r1cs::{Matrix, R1cs};

/// What a pass over the statement produces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Matrices, no values.
    Shape,
    /// Values, no matrices.
    Witness,
    /// Both.
    Check,
}

/// A linear combination of columns: in witness mode its value, in shape mode its terms.
#[derive(Clone, Debug)]
pub struct Num {
    value: Option<Fr>,
    /// Columns with coefficients, each column once; empty when `fixed` and in witness mode.
    terms: Vec<(u32, Fr)>,
    /// A constant of the circuit, known in every mode.
    fixed: bool,
}

/// A column (or linear combination) constrained to be 0 or 1.
#[derive(Clone, Debug)]
pub struct Bit(Num);

impl Num {
    /// A constant of the circuit.
    pub fn fixed(value: impl Into<Fr>) -> Self {
        Self {
            value: Some(value.into()),
            terms: Vec::new(),
            fixed: true,
        }
    }

    /// The value; `None` in shape mode unless constant.
    pub const fn value(&self) -> Option<Fr> {
        self.value
    }

    /// The constant this is, if it is one.
    pub fn constant(&self) -> Option<Fr> {
        if self.fixed { self.value } else { None }
    }

    fn entries(&self) -> Vec<(u32, Fr)> {
        match self.constant() {
            Some(c) if c.is_zero() => Vec::new(),
            Some(c) => vec![(0, c)],
            None => self.terms.clone(),
        }
    }

    /// `sum coefficient_i * part_i`.
    pub fn combine<'a>(parts: impl IntoIterator<Item = (Fr, &'a Num)>) -> Self {
        let mut value = Some(Fr::zero());
        let mut constant = Fr::zero();
        let mut fixed = true;
        let mut terms: BTreeMap<u32, Fr> = BTreeMap::new();
        for (coefficient, part) in parts {
            value = value.zip(part.value).map(|(sum, v)| sum + coefficient * v);
            if let Some(c) = part.constant() {
                constant += coefficient * c;
                continue;
            }
            fixed = false;
            for (column, c) in &part.terms {
                *terms.entry(*column).or_default() += *c * coefficient;
            }
        }
        if fixed {
            return Self::fixed(constant);
        }
        // In witness mode there are no terms, and none must appear.
        if !constant.is_zero() && !terms.is_empty() {
            *terms.entry(0).or_default() += constant;
        }
        let terms = terms.into_iter().filter(|(_, c)| !c.is_zero()).collect();
        Self {
            value,
            terms,
            fixed,
        }
    }

    /// `self + other`.
    pub fn plus(&self, other: &Self) -> Self {
        Self::combine([(Fr::one(), self), (Fr::one(), other)])
    }

    /// `self - other`.
    pub fn minus(&self, other: &Self) -> Self {
        Self::combine([(Fr::one(), self), (-Fr::one(), other)])
    }

    /// `self * constant`.
    pub fn times(&self, constant: impl Into<Fr>) -> Self {
        Self::combine([(constant.into(), self)])
    }

    /// `self + constant`.
    pub fn offset(&self, constant: impl Into<Fr>) -> Self {
        self.plus(&Self::fixed(constant))
    }

    /// `sum 2^i bits_i`.
    pub fn from_bits(bits: &[Bit]) -> Self {
        let mut weight = Fr::one();
        Self::combine(bits.iter().map(|bit| {
            let term = (weight, &bit.0);
            weight.double_in_place();
            term
        }))
    }
}

use ark_ff::AdditiveGroup;

impl Bit {
    /// As a number.
    pub const fn num(&self) -> &Num {
        &self.0
    }

    /// The value; `None` in shape mode.
    pub fn value(&self) -> Option<bool> {
        self.0.value.map(|v| !v.is_zero())
    }

    /// `1 - bit`.
    pub fn not(&self) -> Self {
        Self(Num::fixed(1u64).minus(&self.0))
    }
}

/// Constraints by part of the statement.
pub type Parts = BTreeMap<&'static str, usize>;

/// A constraint system under construction.
pub struct System {
    mode: Mode,
    instance: u32,
    values: Vec<Fr>,
    columns: u32,
    a: Matrix,
    b: Matrix,
    c: Matrix,
    parts: Parts,
    starts: Vec<(usize, &'static str)>,
    part: &'static str,
    slack: Vec<u32>,
}

impl System {
    /// A system with these public inputs (values needed unless the mode is shape; their number always).
    pub fn new(mode: Mode, public: &[Option<Fr>]) -> (Self, Vec<Num>) {
        let mut system = Self {
            mode,
            instance: public.len() as u32 + 1,
            values: if mode == Mode::Shape {
                Vec::new()
            } else {
                vec![Fr::one()]
            },
            columns: 1,
            a: Matrix::empty(),
            b: Matrix::empty(),
            c: Matrix::empty(),
            parts: Parts::new(),
            starts: vec![(0, "other")],
            part: "other",
            slack: Vec::new(),
        };
        let inputs = public.iter().map(|value| system.alloc(*value)).collect();
        (system, inputs)
    }

    /// Constraints added from here on count under this name.
    pub fn part(&mut self, name: &'static str) {
        self.part = name;
        self.starts.push((self.constraints(), name));
    }

    /// The part to which a constraint belongs.
    pub fn part_of(&self, row: usize) -> &'static str {
        let after = self.starts.partition_point(|(start, _)| *start <= row);
        self.starts
            .get(after.wrapping_sub(1))
            .map_or("other", |(_, name)| name)
    }

    /// A new column. Its value is ignored in shape mode and counts as zero where it is missing, which
    /// an honest prover's never is.
    pub fn alloc(&mut self, value: Option<Fr>) -> Num {
        let column = self.columns;
        self.columns += 1;
        let value = match self.mode {
            Mode::Shape => None,
            Mode::Witness | Mode::Check => {
                let value = value.unwrap_or_default();
                self.values.push(value);
                Some(value)
            }
        };
        let terms = match self.mode {
            Mode::Witness => Vec::new(),
            Mode::Shape | Mode::Check => vec![(column, Fr::one())],
        };
        Num {
            value,
            terms,
            fixed: false,
        }
    }

    /// A new column that some assignments leave undetermined by design (see [`System::slack`]).
    pub fn alloc_slack(&mut self, value: Option<Fr>) -> Num {
        self.slack.push(self.columns);
        self.alloc(value)
    }

    /// A new column constrained to be 0 or 1: one constraint.
    pub fn alloc_bit(&mut self, value: Option<bool>) -> Bit {
        let bit = self.alloc(value.map(Fr::from));
        self.enforce(&bit, &bit, &bit);
        Bit(bit)
    }

    /// `a * b = c`.
    pub fn enforce(&mut self, a: &Num, b: &Num, c: &Num) {
        *self.parts.entry(self.part).or_default() += 1;
        if self.mode != Mode::Witness {
            self.a.push_row(a.entries());
            self.b.push_row(b.entries());
            self.c.push_row(c.entries());
        }
    }

    /// `a = b`: one constraint.
    pub fn enforce_equal(&mut self, a: &Num, b: &Num) {
        self.enforce(&a.minus(b), &Num::fixed(1u64), &Num::fixed(0u64));
    }

    /// `a * b`: one constraint, none when either is constant.
    pub fn mul(&mut self, a: &Num, b: &Num) -> Num {
        if let Some(c) = a.constant() {
            return b.times(c);
        }
        if let Some(c) = b.constant() {
            return a.times(c);
        }
        let product = self.alloc(a.value.zip(b.value).map(|(a, b)| a * b));
        self.enforce(a, b, &product);
        product
    }

    /// The `q` with `q * b = a`: one constraint, none when both are constant. Where `b` is zero the
    /// constraint leaves `q` free (if `a` is zero) or cannot be met: the caller must rule that out.
    pub fn div(&mut self, a: &Num, b: &Num) -> Num {
        let quotient = a.value.zip(b.value).map(|(a, b)| ratio(a, b));
        if let (Some(_), Some(_), Some(q)) = (a.constant(), b.constant(), quotient) {
            return Num::fixed(q);
        }
        let q = self.alloc(quotient);
        self.enforce(&q, b, a);
        q
    }

    /// `bit ? yes : no`: one constraint.
    pub fn select(&mut self, bit: &Bit, yes: &Num, no: &Num) -> Num {
        self.mul(&bit.0, &yes.minus(no)).plus(no)
    }

    /// Columns that a satisfying assignment may leave undetermined: quotients of comparisons whose
    /// dividend and divisor are both zero. No statement reads them.
    pub fn slack(&self) -> &[u32] {
        &self.slack
    }

    /// Constraints so far, by part.
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Number of constraints so far.
    pub fn constraints(&self) -> usize {
        self.parts.values().sum()
    }

    /// The matrices; without rows in witness mode.
    pub fn r1cs(self) -> R1cs {
        R1cs {
            instance: self.instance,
            witness: self.columns - self.instance,
            a: self.a,
            b: self.b,
            c: self.c,
        }
    }

    /// The assignment; empty in shape mode.
    pub fn assignment(&self) -> &[Fr] {
        &self.values
    }

    /// Takes the assignment; empty in shape mode.
    pub fn into_assignment(self) -> Vec<Fr> {
        self.values
    }
}

/// `a / b`, and 0 where `b` is 0.
pub(crate) fn ratio(a: Fr, b: Fr) -> Fr {
    b.inverse().map_or(Fr::zero(), |inverse| a * inverse)
}
