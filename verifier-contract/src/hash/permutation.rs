//! The Poseidon permutation: eight full rounds around the partial ones, S-box x^5.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInt, Field};

use super::MAX_INPUTS;

const WIDTH: usize = MAX_INPUTS + 1;
const FULL: usize = 8;

/// Constants for one width.
struct Table {
    /// Partial rounds.
    partial: usize,
    /// Round constants, a row of the width for each round.
    constants: &'static [Fr],
    /// The matrix, row by row.
    matrix: &'static [Fr],
}

// `const TABLES: [Table; 12]`, for widths 2 to 13: see build.rs.
include!(concat!(env!("OUT_DIR"), "/poseidon.rs"));

static ALL: [Table; MAX_INPUTS] = TABLES;

/// Word 0 after permuting `(0, inputs..)`; 0 without inputs or with more than twelve.
pub(super) fn permute(inputs: &[Fr]) -> Fr {
    let Some(table) = inputs.len().checked_sub(1).and_then(|i| ALL.get(i)) else {
        return Fr::ZERO;
    };
    let width = inputs.len() + 1;
    let mut state = [Fr::ZERO; WIDTH];
    for (word, input) in state.iter_mut().skip(1).zip(inputs) {
        *word = *input;
    }
    for (round, constants) in table.constants.chunks_exact(width).enumerate() {
        for (word, constant) in state.iter_mut().zip(constants) {
            *word += constant;
        }
        let partial = (FULL / 2..FULL / 2 + table.partial).contains(&round);
        let boxes = if partial { 1 } else { width };
        for word in state.iter_mut().take(boxes) {
            *word *= word.square().square();
        }
        let mut mixed = [Fr::ZERO; WIDTH];
        for (word, row) in mixed.iter_mut().zip(table.matrix.chunks_exact(width)) {
            *word = row.iter().zip(&state).map(|(m, s)| *m * s).sum();
        }
        state = mixed;
    }
    state[0]
}
