//! Constants in an attribute's unit and on its scale.

use super::{
    super::model::{Quantity, Question, Report},
    Reason,
};
use crate::{
    requirement::{
        constant::Constant,
        syntax::{Comparator, Operand, Spanned},
    },
    schema::Number,
};

pub(super) fn number(value: Constant, unit: Option<&str>) -> Operand {
    Operand::Number {
        value,
        unit: unit.map(|u| Spanned::unwritten(u.to_owned())),
    }
}

/// Puts a constant into an attribute's unit and onto its scale.
pub(super) struct Rounding<'a, 'r> {
    number: &'a Number,
    question: &'a Question,
    report: &'r mut Report,
}

impl<'a, 'r> Rounding<'a, 'r> {
    pub fn new(number: &'a Number, question: &'a Question, report: &'r mut Report) -> Self {
        Self {
            number,
            question,
            report,
        }
    }

    /// The same comparison in the document's own unit, if the schema reads it; the language converts it
    /// as records are converted. A bound between two values that can be kept moves to the next one that
    /// meets it.
    pub fn compared(
        &mut self,
        comparator: Comparator,
        quantity: &Quantity,
    ) -> Result<(Comparator, Operand), Reason> {
        let Number { unit, scale, .. } = self.number;
        let written = quantity.unit.as_deref().unwrap_or("1");
        if written != unit {
            self.converted(written, quantity)?;
            return Ok((comparator, number(quantity.value, Some(written))));
        }
        let shown = (unit != "1").then_some(unit.as_str());
        let (floor, ceil) = quantity.value.scaled(*scale);
        if floor == ceil {
            return Ok((comparator, number(quantity.value, shown)));
        }
        let kept = |n: i128| {
            Constant::from_parts(n, (*scale).into()).map_err(|e| format!("the bound has {e}"))
        };
        let (comparator, bound) = match comparator {
            Comparator::Less | Comparator::AtMost => (Comparator::AtMost, kept(floor)?),
            Comparator::Greater | Comparator::AtLeast => (Comparator::AtLeast, kept(ceil)?),
            Comparator::Equal | Comparator::Unequal => {
                return Err(format!(
                    "records keep {scale} decimals, too few for {quantity}"
                ));
            }
        };
        let rounded = format!(
            "records keep {scale} decimals of `{unit}`; {quantity} became {comparator} {bound} {unit}, \
             which asks the same of the value kept",
        );
        self.report.note(&self.question.place, rounded);
        Ok((comparator, number(bound, shown)))
    }

    fn converted(&mut self, written: &str, quantity: &Quantity) -> Result<(), Reason> {
        let Number {
            unit,
            inputs,
            scale,
            ..
        } = self.number;
        let refused = || format!("`{written}` is no unit in which the schema reads this value");
        let input = inputs.iter().find(|i| i.code == written);
        let input = input.ok_or_else(refused)?;
        let (value, _) = quantity
            .value
            .in_unit(input, *scale)
            .map_err(|_| refused())?;
        if value != quantity.value {
            let compared = format!(
                "{quantity} is compared as {value} {unit}, converted and rounded as the values of \
                 records are"
            );
            self.report.note(&self.question.place, compared);
        }
        Ok(())
    }
}
