//! Poseidon as circomlib computes it, with a domain for every use.
//!
//! `P(x1..xn)` has width n + 1, state word 0 in and out, so that circom, JavaScript and Solidity
//! can recompute every value. In Eligo the first input is always the [`Domain`]; only
//! [`circomlib`] goes without.

mod permutation;

use ark_bn254::Fr;

use permutation::permute;

/// Most inputs of one hash, the domain's tag included.
pub const MAX_INPUTS: usize = 12;

/// What a hash is for: the tag that is its first input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Domain {
    /// A patient's public name: `P(1, z)`.
    Holder = 1,
    /// First block of a record: `P(2, schema, salt, e_1..e_9)`.
    Record = 2,
    /// An accepted issuer's key: `P(4, A.x, A.y)`.
    IssuerLeaf = 4,
    /// One claim per person per requirement: `P(5, z, requirement)`.
    Nullifier = 5,
    /// Challenge of a credential's signature.
    Signature = 6,
    /// A requirement: `P(7, schema, program, terms_hi, terms_lo)`.
    Requirement = 7,
    /// A sealed record: `P(8, cap_hi, cap_lo, ct_hi, ct_lo)`.
    Sealed = 8,
    /// Further blocks of a record: `P(9, h, next 10 elements)`.
    RecordChain = 9,
    /// Inner node of the issuers' tree: `P(10, 8 children)`.
    IssuerNode = 10,
}

impl Domain {
    /// Every domain.
    pub const ALL: [Self; 9] = [
        Self::Holder,
        Self::Record,
        Self::IssuerLeaf,
        Self::Nullifier,
        Self::Signature,
        Self::Requirement,
        Self::Sealed,
        Self::RecordChain,
        Self::IssuerNode,
    ];

    /// The tag.
    pub const fn tag(self) -> u64 {
        self as u64
    }

    /// The tag as a field element.
    pub fn element(self) -> Fr {
        Fr::from(self.tag())
    }
}

/// `P(domain, inputs..)`; at most eleven inputs, which the compiler checks.
pub fn poseidon<const N: usize>(domain: Domain, inputs: [Fr; N]) -> Fr {
    const { assert!(N < MAX_INPUTS, "Poseidon takes at most 12 inputs") };
    let mut all = [Fr::default(); MAX_INPUTS];
    all[0] = domain.element();
    all[1..=N].copy_from_slice(&inputs);
    permute(&all[..=N])
}

/// `P(inputs..)` without a domain, for comparing with circomlib; `None` unless there are 1 to 12.
pub fn circomlib(inputs: &[Fr]) -> Option<Fr> {
    (1..=MAX_INPUTS)
        .contains(&inputs.len())
        .then(|| permute(inputs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::from_decimal;

    fn numbers(inputs: &[u64]) -> Vec<Fr> {
        inputs.iter().map(|n| Fr::from(*n)).collect()
    }

    /// Vectors of circomlibjs (test/poseidon.js).
    #[test]
    fn agrees_with_circomlib() {
        for (inputs, hash) in [
            (
                &[1][..],
                "18586133768512220936620570745912940619677854269274689475585506675881198879027",
            ),
            (
                &[0, 0],
                "14744269619966411208579211824598458697587494354926760081771325075741142829156",
            ),
            (
                &[1, 2],
                "7853200120776062878684798364095072458815029376092732009249414926327459813530",
            ),
            (
                &[1, 2, 3, 4],
                "18821383157269793795438455681495246036402687001665670618754263018637548127333",
            ),
        ] {
            assert_eq!(
                circomlib(&numbers(inputs)),
                Some(from_decimal(hash).unwrap())
            );
        }
        assert_eq!(circomlib(&[]), None);
        assert_eq!(circomlib(&numbers(&[0; 13])), None);
    }

    /// Every width against light-poseidon, whose constants come from elsewhere.
    #[test]
    fn agrees_with_light_poseidon() {
        use ark_std::{UniformRand, test_rng};
        use light_poseidon::{Poseidon, PoseidonHasher};

        let mut rng = test_rng();
        for n in 1..=MAX_INPUTS {
            let mut reference = Poseidon::<Fr>::new_circom(n).unwrap();
            let edge = vec![-Fr::from(1); n];
            let random: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
            for inputs in [vec![Fr::from(0); n], edge, random] {
                assert_eq!(circomlib(&inputs), reference.hash(&inputs).ok(), "{n}");
            }
        }
    }

    #[test]
    fn the_domain_is_the_first_input() {
        for domain in Domain::ALL {
            assert_eq!(
                Some(poseidon(domain, [Fr::from(3), Fr::from(4)])),
                circomlib(&numbers(&[domain.tag(), 3, 4]))
            );
        }
        let eleven: [Fr; 11] = numbers(&[0; 11]).try_into().unwrap();
        assert_ne!(
            poseidon(Domain::Record, eleven),
            poseidon(Domain::RecordChain, eleven)
        );
    }
}
