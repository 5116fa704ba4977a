//! The values a claim makes public, and the formulas that make them.

use core::fmt;

use ark_bn254::Fr;

use crate::{
    digest::{field_digest, halves},
    field::{self, FieldError},
    hash::{Domain, poseidon},
};

macro_rules! public_value {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Fr);

        impl $name {
            /// The value as found in a public input; any field element can stand there.
            pub const fn from_field(element: Fr) -> Self {
                Self(element)
            }

            /// The value as a public input.
            pub const fn to_field(self) -> Fr {
                self.0
            }

            /// Reads 32 big-endian bytes; refuses numbers from the modulus on.
            pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, FieldError> {
                field::from_be_bytes(bytes).map(Self)
            }

            /// The value as 32 big-endian bytes.
            pub fn to_bytes(self) -> [u8; 32] {
                field::to_be_bytes(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), field::to_decimal(&self.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&field::to_decimal(&self.0))
            }
        }
    };
}

public_value! {
    /// Which requirement is met: `P(7, schema, program, terms_hi, terms_lo)`.
    Requirement
}
public_value! {
    /// Root of the tree of accepted issuers; see [`IssuerTree`](crate::IssuerTree).
    IssuersRoot
}
public_value! {
    /// One claim per person per requirement: `P(5, z, requirement)`.
    Nullifier
}
public_value! {
    /// Which sealed record is meant: `P(8, cap_hi, cap_lo, ct_hi, ct_lo)`; 0 in a count claim.
    Sealed
}
public_value! {
    /// Whom and what the proof is for; a copied proof is worthless to anyone else.
    Context
}

impl Requirement {
    /// The requirement of a schema, a program (each as its field element) and the SHA-256 of its
    /// terms.
    pub fn of(schema: Fr, program: Fr, terms: &[u8; 32]) -> Self {
        let [high, low] = halves(terms);
        Self(poseidon(Domain::Requirement, [schema, program, high, low]))
    }
}

impl Nullifier {
    /// The nullifier of the holder whose secret is `z`.
    pub fn of(z: &Fr, requirement: Requirement) -> Self {
        Self(poseidon(Domain::Nullifier, [*z, requirement.0]))
    }
}

impl Sealed {
    /// The value in a count claim, which names no record.
    pub const NONE: Self = Self(ark_ff::MontFp!("0"));

    /// The commitment to a capsule (SHA-256 of its bytes) and a ciphertext (its digest).
    pub fn of(capsule: &[u8; 32], ciphertext: &[u8; 32]) -> Self {
        let ([a, b], [c, d]) = (halves(capsule), halves(ciphertext));
        Self(poseidon(Domain::Sealed, [a, b, c, d]))
    }

    /// Whether no record is named.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

/// What a context binds a proof to.
#[derive(Clone, Copy, Debug)]
pub struct ContextParts<'a> {
    /// The chain's identifier.
    pub chain: &'a [u8],
    /// The contract's identifier on that chain.
    pub contract: &'a [u8],
    /// The account that submits and is paid.
    pub account: &'a [u8],
    /// The grant's digest.
    pub grant: &'a [u8],
    /// The ciphertexts of the proxies' shares, in the proxies' order.
    pub shares: &'a [&'a [u8]],
}

impl Context {
    /// `F("context", chain, contract, account, grant, shares..)`.
    pub fn of(parts: &ContextParts<'_>) -> Self {
        let mut all = alloc::vec![parts.chain, parts.contract, parts.account, parts.grant];
        all.extend_from_slice(parts.shares);
        Self(field_digest("context", &all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::circomlib;

    #[test]
    fn formulas() {
        let mut terms = [0; 32];
        terms[15] = 3;
        terms[31] = 4;
        let numbers = |n: &[u64]| n.iter().map(|n| Fr::from(*n)).collect::<Vec<_>>();
        let requirement = Requirement::of(Fr::from(1), Fr::from(2), &terms);
        assert_eq!(
            Some(requirement.to_field()),
            circomlib(&numbers(&[7, 1, 2, 3, 4]))
        );
        let sealed = Sealed::of(&terms, &terms);
        assert_eq!(
            Some(sealed.to_field()),
            circomlib(&numbers(&[8, 3, 4, 3, 4]))
        );
        let nullifier = Nullifier::of(&Fr::from(9), Requirement::from_field(Fr::from(6)));
        assert_eq!(Some(nullifier.to_field()), circomlib(&numbers(&[5, 9, 6])));
        assert!(Sealed::from_field(Fr::from(0)).is_none() && !sealed.is_none());
    }

    #[test]
    fn contexts_separate_their_parts() {
        let base = ContextParts {
            chain: b"c",
            contract: b"k",
            account: b"a",
            grant: b"g",
            shares: &[b"s", b"t"],
        };
        let context = Context::of(&base);
        let others = [
            ContextParts {
                chain: b"ck",
                contract: b"",
                ..base
            },
            ContextParts {
                account: b"b",
                ..base
            },
            ContextParts {
                shares: &[b"st"],
                ..base
            },
            ContextParts {
                shares: &[b"t", b"s"],
                ..base
            },
            ContextParts {
                grant: b"h",
                ..base
            },
        ];
        for other in others {
            assert_ne!(Context::of(&other), context, "{other:?}");
        }
        assert_eq!(context.to_bytes()[0], 0);
        assert_eq!(Context::from_bytes(&context.to_bytes()), Ok(context));
        assert!(Context::from_bytes(&[0xff; 32]).is_err());
    }
}
