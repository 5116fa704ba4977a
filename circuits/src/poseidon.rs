//! The circomlib-compatible Poseidon permutation as constraints: `3 (8 t + R_P)` for `t - 1` inputs,
//! three less for the capacity and for each constant input.
//!
//! Native twin: `eligo_verifier_contract::hash`. The stock sponge gadget squeezes another state word,
//! so this one is our own.

use std::sync::OnceLock;

use ark_bn254::Fr;
use light_poseidon::{PoseidonParameters, parameters::bn254_x5::get_poseidon_parameters};

use crate::system::{Num, System};

/// Most inputs of one hash.
pub const MAX_INPUTS: usize = 12;

fn parameters(width: usize) -> &'static PoseidonParameters<Fr> {
    static CACHE: [OnceLock<PoseidonParameters<Fr>>; MAX_INPUTS + 2] =
        [const { OnceLock::new() }; MAX_INPUTS + 2];
    CACHE[width].get_or_init(|| match get_poseidon_parameters(width as u8) {
        Ok(parameters) => parameters,
        Err(_) => unreachable!("circomlib has parameters for every width from 2 to 13"),
    })
}

/// `P(inputs)`, 1 to 12 inputs, the first of which is a domain tag.
///
/// # Panics
/// When there are no inputs or more than 12: a mistake in the statement, not in anyone's data.
pub fn hash(system: &mut System, inputs: &[Num]) -> Num {
    let width = inputs.len() + 1;
    assert!((2..=MAX_INPUTS + 1).contains(&width));
    let p = parameters(width);
    let mut state: Vec<Num> = core::iter::once(Num::fixed(0u64))
        .chain(inputs.iter().cloned())
        .collect();
    let rounds = p.full_rounds + p.partial_rounds;
    for round in 0..rounds {
        let partial = (p.full_rounds / 2..p.full_rounds / 2 + p.partial_rounds).contains(&round);
        let last = round + 1 == rounds;
        for (i, word) in state.iter_mut().enumerate() {
            *word = word.offset(p.ark[round * width + i]);
            if i == 0 || !partial {
                *word = fifth_power(system, word);
            }
        }
        // Only word 0 leaves the permutation.
        let rows = if last { 1 } else { width };
        state = p.mds[..rows]
            .iter()
            .map(|row| Num::combine(row.iter().copied().zip(&state)))
            .collect();
    }
    state.swap_remove(0)
}

fn fifth_power(system: &mut System, x: &Num) -> Num {
    let x2 = system.mul(x, x);
    let x4 = system.mul(&x2, &x2);
    system.mul(&x4, x)
}

/// The number of constraints of a hash of `inputs` inputs of which `fixed` are constant.
pub fn cost(inputs: usize, fixed: usize) -> usize {
    let width = inputs + 1;
    let p = parameters(width);
    3 * (p.full_rounds * width + p.partial_rounds) - 3 * (1 + fixed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::Mode;
    use eligo_verifier_contract::hash::circomlib;

    #[test]
    fn agrees_with_the_native_twin_at_every_width_and_costs_what_it_says() {
        for n in 1..=MAX_INPUTS {
            for fixed in [0, 1, n] {
                let values: Vec<Fr> = (1..=n as u64).map(|i| Fr::from(i * i)).collect();
                let (mut system, _) = System::new(Mode::Check, &[]);
                let inputs: Vec<Num> = values
                    .iter()
                    .enumerate()
                    .map(|(i, v)| match i < fixed {
                        true => Num::fixed(*v),
                        false => system.alloc(Some(*v)),
                    })
                    .collect();
                let out = hash(&mut system, &inputs);
                assert_eq!(out.value(), circomlib(&values));
                if fixed < n {
                    assert_eq!(system.constraints(), cost(n, fixed));
                    let z = system.assignment().to_vec();
                    assert_eq!(system.r1cs().violated(&z), None);
                } else {
                    assert_eq!(system.constraints(), 0);
                }
            }
        }
    }
}
