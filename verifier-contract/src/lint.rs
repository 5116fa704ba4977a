//! What makes a verifying key unsafe.
//!
//! Verification is `e(A, B) = e(alpha, beta) e(X, gamma) e(C, delta)` with
//! `X = IC_0 + sum x_i IC_i`. Every finding below is a way to satisfy it without a witness, or for
//! other inputs than those proved; each was deployed by somebody, and some lost money.

use alloc::vec::Vec;
use core::fmt;

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::PrimeField;

use crate::{
    key::{KeyParts, MAX_INPUTS},
    point::{self, Flaw, Place},
};

/// One reason to refuse a verifying key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    /// A point that is off its curve, outside its subgroup, or the identity.
    Point {
        /// Which one.
        place: Place,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// Two of beta, gamma and delta are equal or opposite.
    SamePair {
        /// One.
        first: Place,
        /// The other.
        second: Place,
    },
    /// Two of alpha and the input bases are equal or opposite.
    SameBase {
        /// One.
        first: Place,
        /// The other.
        second: Place,
    },
    /// A point is the group's standard generator or its opposite: its secret exponent is 1.
    Generator(Place),
    /// There are no input bases, or more than any statement has.
    Bases {
        /// How many there are.
        count: usize,
    },
}

impl Finding {
    /// A short stable name, for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Point { flaw, .. } => match flaw {
                Flaw::OffCurve => "off-curve",
                Flaw::OffSubgroup => "off-subgroup",
                Flaw::Identity => "identity",
            },
            Self::SamePair { .. } => "same-pair",
            Self::SameBase { .. } => "same-base",
            Self::Generator(_) => "generator",
            Self::Bases { .. } => "bases",
        }
    }

    /// What the finding lets an attacker do.
    pub const fn explanation(&self) -> &'static str {
        match self {
            Self::Point { flaw, place } => match (flaw, place) {
                (Flaw::OffCurve, _) => "no such point exists, so no check with it means anything",
                (Flaw::OffSubgroup, _) => {
                    "pairings with it are not bilinear, so proofs can be altered"
                }
                (Flaw::Identity, Place::Ic(_)) => {
                    "its public input does not enter the check: a proof for one value verifies for every other"
                }
                (Flaw::Identity, _) => {
                    "its term vanishes from the check, and proofs can be made without a witness"
                }
            },
            Self::SamePair { .. } => {
                "two terms of the check merge, and anyone can make a proof for any inputs (with gamma = delta: A = alpha, B = beta, C = -X)"
            }
            Self::SameBase { .. } => {
                "two terms can be exchanged or cancelled: a proof for some public inputs verifies for others"
            }
            Self::Generator(_) => {
                "its secret exponent is 1 and known to everyone: nobody contributed to the ceremony"
            }
            Self::Bases { .. } => "a key has one base more than public inputs",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point { place, flaw } => write!(f, "{place} is {flaw}"),
            Self::SamePair { first, second } | Self::SameBase { first, second } => {
                write!(f, "{first} and {second} are equal up to sign")
            }
            Self::Generator(place) => write!(f, "{place} is the standard generator up to sign"),
            Self::Bases { count } => write!(f, "{count} input bases"),
        }
    }
}

/// Everything wrong with a key; empty if it may be used. Costs a subgroup check for each of three
/// points and a sort of the bases.
pub fn lint(key: &KeyParts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !(1..=MAX_INPUTS + 1).contains(&key.ic.len()) {
        findings.push(Finding::Bases {
            count: key.ic.len(),
        });
    }
    let bases: Vec<(Place, G1Affine)> = core::iter::once((Place::Alpha, key.alpha))
        .chain(key.ic.iter().enumerate().map(|(i, p)| (Place::Ic(i), *p)))
        .collect();
    let pairs = [
        (Place::Beta, key.beta),
        (Place::Gamma, key.gamma),
        (Place::Delta, key.delta),
    ];
    for (place, point) in &bases {
        findings.extend(point_of(*place, point::flaw_g1(point)));
    }
    for (place, point) in &pairs {
        findings.extend(point_of(*place, point::flaw_g2(point)));
    }
    generators(&bases, &pairs, &mut findings);
    same_pairs(&pairs, &mut findings);
    same_bases(bases, &mut findings);
    findings
}

fn point_of(place: Place, flaw: Option<Flaw>) -> Option<Finding> {
    flaw.map(|flaw| Finding::Point { place, flaw })
}

fn generators(
    bases: &[(Place, G1Affine)],
    pairs: &[(Place, G2Affine)],
    findings: &mut Vec<Finding>,
) {
    for (place, point) in bases {
        if point.x == G1Affine::generator().x && !point.is_zero() {
            findings.push(Finding::Generator(*place));
        }
    }
    for (place, point) in pairs {
        // gamma = 1 is customary: only its difference from delta matters.
        if *place != Place::Gamma && point.x == G2Affine::generator().x && !point.is_zero() {
            findings.push(Finding::Generator(*place));
        }
    }
}

fn same_pairs(pairs: &[(Place, G2Affine); 3], findings: &mut Vec<Finding>) {
    for (i, (first, p)) in pairs.iter().enumerate() {
        for (second, q) in &pairs[i + 1..] {
            if p.x == q.x && !p.is_zero() && !q.is_zero() {
                let (first, second) = (*first, *second);
                findings.push(Finding::SamePair { first, second });
            }
        }
    }
}

/// Points with one x are equal or opposite; sorting finds them without comparing all pairs.
fn same_bases(mut bases: Vec<(Place, G1Affine)>, findings: &mut Vec<Finding>) {
    bases.retain(|(_, p)| !p.is_zero());
    bases.sort_by_key(|(place, p)| (p.x.into_bigint(), *place));
    for pair in bases.windows(2) {
        if let [(first, p), (second, q)] = pair
            && p.x == q.x
        {
            let (first, second) = (*first, *second);
            findings.push(Finding::SameBase { first, second });
        }
    }
}
