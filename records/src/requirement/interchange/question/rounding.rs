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

    /// The same comparison of values kept to the scale: a bound between two of them moves to the next
    /// one that meets it.
    pub fn compared(
        &mut self,
        comparator: Comparator,
        quantity: &Quantity,
    ) -> Result<(Comparator, Operand), Reason> {
        let Number { unit, scale, .. } = self.number;
        let value = self.in_unit(quantity)?;
        let (floor, ceil) = value.scaled(*scale);
        let kept = |n: i128| {
            Constant::from_parts(n, (*scale).into()).map_err(|e| format!("the bound has {e}"))
        };
        let shown = (unit != "1").then_some(unit.as_str());
        if floor == ceil {
            return Ok((comparator, number(kept(floor)?, shown)));
        }
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

    fn in_unit(&mut self, quantity: &Quantity) -> Result<Constant, Reason> {
        let Number { unit, inputs, .. } = self.number;
        let written = quantity.unit.as_deref().unwrap_or("1");
        if written == unit {
            return Ok(quantity.value);
        }
        let refused = || format!("`{written}` is no unit in which the schema reads this value");
        let input = inputs
            .iter()
            .find(|i| i.code == written)
            .ok_or_else(refused)?;
        let value = quantity.value.in_unit(input).map_err(|_| refused())?;
        if value != quantity.value {
            let converted = format!("{quantity} is {value} {unit}");
            self.report.note(&self.question.place, converted);
        }
        Ok(value)
    }
}
