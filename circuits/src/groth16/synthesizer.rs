//! The same circuit for stock arkworks.

use ark_bn254::Fr;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
};

use crate::r1cs::{Matrix, R1cs};

/// An [`R1cs`] with or without an assignment, as stock `ark_groth16` takes circuits: constraint for constraint
/// and column for column, so that its own keys and proofs are comparable with ours.
#[derive(Clone, Copy, Debug)]
pub struct Synthesizer<'a> {
    system: &'a R1cs,
    assignment: Option<&'a [Fr]>,
}

impl<'a> Synthesizer<'a> {
    /// The circuit without an assignment, for set-up.
    pub fn new(system: &'a R1cs) -> Self {
        Self {
            system,
            assignment: None,
        }
    }

    /// The circuit with a full assignment, column 0 being one.
    pub fn with_assignment(system: &'a R1cs, z: &'a [Fr]) -> Self {
        Self {
            system,
            assignment: Some(z),
        }
    }

    fn value(&self, column: u32) -> Result<Fr, SynthesisError> {
        self.assignment
            .and_then(|z| z.get(column as usize).copied())
            .ok_or(SynthesisError::AssignmentMissing)
    }
}

impl ConstraintSynthesizer<Fr> for Synthesizer<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let mut variables = vec![Variable::One];
        for column in 1..self.system.columns() as u32 {
            variables.push(if column < self.system.instance {
                cs.new_input_variable(|| self.value(column))?
            } else {
                cs.new_witness_variable(|| self.value(column))?
            });
        }
        let combine = |matrix: &Matrix, row: usize| {
            let mut sum = LinearCombination::zero();
            for (column, value) in matrix.row(row) {
                if let Some(variable) = variables.get(column as usize) {
                    sum += (value, *variable);
                }
            }
            sum
        };
        for row in 0..self.system.constraints() {
            cs.enforce_r1cs_constraint(
                || combine(&self.system.a, row),
                || combine(&self.system.b, row),
                || combine(&self.system.c, row),
            )?;
        }
        Ok(())
    }
}
