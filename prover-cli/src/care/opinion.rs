//! Opinions of a team: texts that stay with the record, each with the salt of its commitment on the ledger.

use eligo_marketplace::name::AccountId;
use eligo_sharing::oms::{Opinion, OpinionSalt};
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroize;

use super::form::{self, Form};
use crate::failure::{Attempt, Failure, Kind};

/// Whose opinion a FHIR resource is.
const DOCTOR: &str = "urn:eligo:doctor";
/// What opens its commitment.
const SALT: &str = "urn:eligo:opinion-salt";
/// The longest opinion, in characters.
const MAX_TEXT: usize = 20_000;

/// A doctor's opinion as it is handed to the hospital, over the team's channel or by hand.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Whose.
    pub doctor: AccountId,
    /// The opinion.
    pub text: String,
    salt: String,
}

impl core::fmt::Debug for Note {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Note")
            .field("doctor", &self.doctor)
            .finish_non_exhaustive()
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.text.zeroize();
        self.salt.zeroize();
    }
}

impl Form for Note {
    const NAME: &'static str = "eligo opinion";
    const MADE_BY: &'static str = "care sign";
    const LIMIT: usize = 256 << 10;
}

impl Note {
    /// An opinion and its commitment, which alone goes on the ledger.
    pub fn write(
        doctor: AccountId,
        text: &str,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Attempt<(Self, Opinion)> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_TEXT {
            return Err(Failure::usage(format!(
                "an opinion has 1 to {MAX_TEXT} characters"
            )));
        }
        let (opinion, salt) = Opinion::commit(text.as_bytes(), rng);
        let note = Self {
            doctor,
            text: text.to_owned(),
            salt: hex::encode(salt.expose()),
        };
        Ok((note, opinion))
    }

    /// Whether it is what was signed.
    pub fn is(&self, opinion: &Opinion) -> bool {
        let salt = form::bytes(&self.salt, "salt").map(OpinionSalt::new);
        salt.is_ok_and(|salt| opinion.is_of(self.text.as_bytes(), &salt))
    }

    fn resource(&self, number: usize, patient: &str) -> Value {
        json!({
            "resourceType": "ClinicalImpression",
            "id": format!("opinion-{number}"),
            "status": "completed",
            "subject": { "reference": patient },
            "identifier": [
                { "system": DOCTOR, "value": self.doctor.to_string() },
                { "system": SALT, "value": self.salt },
            ],
            "summary": self.text,
        })
    }

    fn of(resource: &Value) -> Option<Self> {
        let identified = |system: &str| {
            let all = resource.get("identifier")?.as_array()?;
            let mine = all
                .iter()
                .find(|i| i.get("system").and_then(Value::as_str) == Some(system))?;
            mine.get("value")?.as_str().map(str::to_owned)
        };
        if resource.get("resourceType")?.as_str()? != "ClinicalImpression" {
            return None;
        }
        Some(Self {
            doctor: identified(DOCTOR)?.parse().ok()?,
            text: resource.get("summary")?.as_str()?.to_owned(),
            salt: identified(SALT)?,
        })
    }
}

fn entries(bundle: &Value) -> impl Iterator<Item = &Value> {
    let all = bundle.get("entry").and_then(Value::as_array);
    all.into_iter().flatten().filter_map(|e| e.get("resource"))
}

/// The bundle with the team's opinions in it, in their order.
pub fn attach(bundle: &[u8], notes: &[Note]) -> Attempt<Vec<u8>> {
    let bad = |what: &str| Failure::new(Kind::File, format!("the bundle: {what}"));
    let mut bundle: Value = serde_json::from_slice(bundle).map_err(|e| bad(&e.to_string()))?;
    let patients = entries(&bundle).filter_map(|r| {
        (r.get("resourceType")?.as_str()? == "Patient")
            .then(|| Some(format!("Patient/{}", r.get("id")?.as_str()?)))?
    });
    let patients: Vec<String> = patients.collect();
    let [patient] = patients.as_slice() else {
        return Err(bad("expected one patient with an id"));
    };
    let all = bundle.get_mut("entry").and_then(Value::as_array_mut);
    let all = all.ok_or_else(|| bad("no entries"))?;
    all.extend((1..).zip(notes).map(|(number, note)| {
        let resource = note.resource(number, patient);
        json!({ "fullUrl": format!("urn:eligo:opinion-{number}"), "resource": resource })
    }));
    serde_json::to_vec(&bundle).map_err(Failure::unexpected)
}

/// The opinions in a bundle, in their order.
pub fn attached(bundle: &[u8]) -> Attempt<Vec<Note>> {
    let bundle: Value = serde_json::from_slice(bundle).map_err(|e| Failure::new(Kind::File, e))?;
    Ok(entries(&bundle).filter_map(Note::of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::OsRng;

    const BUNDLE: &[u8] = include_bytes!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../fixtures/fhir/marta-nowak.json"
    ));

    #[test]
    fn opinions_travel_in_the_bundle_and_open_their_commitments_only() {
        let doctor = |n: u8| AccountId::new([n; 32]);
        let (first, one) = Note::write(doctor(1), "Left-sided weakness.", &mut OsRng).unwrap();
        let (second, two) = Note::write(doctor(2), "No haemorrhage.", &mut OsRng).unwrap();
        let bundle = attach(BUNDLE, &[first, second]).unwrap();
        let read = attached(&bundle).unwrap();
        let doctors: Vec<_> = read.iter().map(|n| n.doctor).collect();
        assert_eq!(doctors, [doctor(1), doctor(2)]);
        assert!(read[0].is(&one) && read[1].is(&two) && !read[0].is(&two));
        let altered = String::from_utf8(bundle)
            .unwrap()
            .replace("No haem", "A haem");
        assert!(!attached(altered.as_bytes()).unwrap()[1].is(&two));
        assert!(attached(BUNDLE).unwrap().is_empty());
        assert!(Note::write(doctor(1), " ", &mut OsRng).is_err());
    }
}
