//! What a cell means: reading it back, and writing it.

use core::fmt;

use super::{Place, Role};
use crate::{
    civil::CivilDay,
    code,
    decimal::decimal_text,
    schema::{Kind, Schema},
};

/// The meaning of one cell that is not absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CellValue {
    /// A quantity: the value times `10^scale`, in the unit.
    Number {
        /// The value in units of `10^-scale`.
        scaled: i64,
        /// Decimal digits.
        scale: u8,
        /// UCUM code of the unit.
        unit: String,
    },
    /// The name of a choice's value.
    Choice(String),
    /// A date: of birth, of death, of an observation, of an onset.
    Date(CivilDay),
    /// A flag, also a family's `recorded`.
    Flag(bool),
    /// A code, without dots.
    Code(String),
}

impl fmt::Display for CellValue {
    /// As people write it: `6.5 %`, `2019-06-25`, `I639`, `yes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number {
                scaled,
                scale,
                unit,
            } => match unit.as_str() {
                "1" => f.write_str(&decimal_text(*scaled, *scale)),
                unit => write!(f, "{} {unit}", decimal_text(*scaled, *scale)),
            },
            Self::Choice(name) | Self::Code(name) => f.write_str(name),
            Self::Date(day) => day.fmt(f),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
        }
    }
}

impl CellValue {
    /// What a cell says; `None` when it is absent, or when no value of the attribute has this
    /// integer.
    pub fn decode(schema: &Schema, place: &Place, cell: u64) -> Option<Self> {
        let value = cell.checked_sub(1)?;
        if cell >> place.width != 0 {
            return None;
        }
        let date = || {
            let number = u32::try_from(value).ok()?;
            Some(Self::Date(CivilDay::from_number(number).ok()?))
        };
        let kind = &schema.attributes().get(usize::from(place.attribute))?.kind;
        match (place.role, kind) {
            (Role::Date | Role::Onset(_), _) | (Role::Value, Kind::Date(_)) => date(),
            (Role::Recorded, _) | (Role::Value, Kind::Flag(_)) => match value {
                0 => Some(Self::Flag(false)),
                1 => Some(Self::Flag(true)),
                _ => None,
            },
            (Role::Value, Kind::Number(n)) => Some(Self::Number {
                scaled: i64::try_from(value).ok()?.checked_add(n.min)?,
                scale: n.scale,
                unit: n.unit.clone(),
            }),
            (Role::Value, Kind::Choice(c)) => {
                let chosen = c.values.get(usize::try_from(value).ok()?)?;
                Some(Self::Choice(chosen.name.clone()))
            }
            (Role::Code(_), Kind::Family(f)) => code::decode(f.coding, value).map(Self::Code),
            (Role::Value, Kind::Family(_)) | (Role::Code(_), _) => None,
        }
    }

    /// The cell that says this; `None` when the attribute cannot say it (out of range, another kind,
    /// not one of its choices, no such code).
    pub fn encode(&self, schema: &Schema, place: &Place) -> Option<u64> {
        let kind = &schema.attributes().get(usize::from(place.attribute))?.kind;
        let value = match (self, place.role, kind) {
            (Self::Date(day), Role::Date | Role::Onset(_), _)
            | (Self::Date(day), Role::Value, Kind::Date(_)) => u64::from(day.number()),
            (Self::Flag(flag), Role::Recorded, _)
            | (Self::Flag(flag), Role::Value, Kind::Flag(_)) => u64::from(*flag),
            (
                Self::Number {
                    scaled,
                    scale,
                    unit,
                },
                Role::Value,
                Kind::Number(n),
            ) if *scale == n.scale && *unit == n.unit => {
                u64::try_from(scaled.checked_sub(n.min)?).ok()?
            }
            (Self::Choice(name), Role::Value, Kind::Choice(c)) => {
                c.values.iter().position(|v| v.name == *name)? as u64
            }
            (Self::Code(text), Role::Code(_), Kind::Family(f)) => {
                code::encode(f.coding, text).ok()?
            }
            _ => return None,
        };
        let cell = value.checked_add(1)?;
        (cell >> place.width == 0).then_some(cell)
    }
}
