//! Names on the command line: as the ledger writes them, or as what the user has at hand shows them.

use std::convert::Infallible;

use eligo_marketplace::name::{EncounterName, RecordName};
use eligo_verifier_contract::{Fr, field};

use crate::{
    care::card::VisitCard, failure::Attempt, file::Source, market::offering::element_name,
};

/// A record: 64 hexadecimal digits, or the decimal number that credentials and reports have as `sealed`.
pub fn record(text: &str) -> Result<RecordName, String> {
    if let Ok(name) = text.parse() {
        return Ok(name);
    }
    match field::from_decimal::<Fr>(text) {
        Ok(sealed) => Ok(RecordName::new(element_name(&sealed))),
        Err(_) => Err(
            "a record's name is 64 hexadecimal digits, or `sealed` as its credential has it"
                .to_owned(),
        ),
    }
}

/// An encounter as it was given: by its name, or by the file with the visit's card.
#[derive(Clone, Debug)]
pub enum Encounter {
    Name(EncounterName),
    Card(Source),
}

impl Encounter {
    /// The name; a card is read and checked.
    pub fn name(&self) -> Attempt<EncounterName> {
        match self {
            Self::Name(name) => Ok(*name),
            Self::Card(file) => {
                let card = VisitCard::read_checked(file).map_err(|e| match file {
                    Source::File(path) if !path.is_file() => e.help(
                        "an encounter is given by its name, 64 hexadecimal digits, or by its card (eligo care card)",
                    ),
                    _ => e,
                })?;
                Ok(EncounterName::of(card.encounter.as_bytes()))
            }
        }
    }
}

/// An encounter: 64 hexadecimal digits, or a file.
pub fn encounter(text: &str) -> Result<Encounter, Infallible> {
    Ok(match text.parse() {
        Ok(name) => Encounter::Name(name),
        Err(_) => Encounter::Card(text.parse()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_known_by_its_name_and_by_its_number() {
        let name = RecordName::new(element_name(&Fr::from(258u64)));
        assert_eq!(record("258"), Ok(name));
        assert_eq!(record(&name.to_string()), Ok(name));
        let modulus =
            "21888242871839275222246405745257275088548364400416034343698204186575808495617";
        for wrong in [modulus, "-1", "0258", "", "beef"] {
            assert!(record(wrong).is_err(), "{wrong}");
        }
    }
}
