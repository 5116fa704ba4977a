//! Names on the command line: as the ledger writes them, or as what the user has at hand shows them.

use eligo_marketplace::name::{EncounterName, RecordName};
use eligo_verifier_contract::{Fr, field};

use crate::{care::card::VisitCard, file::Source, market::offering::element_name};

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

/// An encounter: 64 hexadecimal digits, or the file with the visit's card.
pub fn encounter(text: &str) -> Result<EncounterName, String> {
    if let Ok(name) = text.parse() {
        return Ok(name);
    }
    let path = std::path::Path::new(text);
    if !path.is_file() {
        return Err(
            "an encounter's name is 64 hexadecimal digits; a file with its card (eligo care card) will do".to_owned(),
        );
    }
    let card =
        VisitCard::read_checked(&Source::File(path.to_owned())).map_err(|e| e.what().to_owned())?;
    Ok(EncounterName::of(card.encounter.as_bytes()))
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
