//! FHIR R5 `ResearchStudy`: how many are wanted, and where eligibility is defined.

use super::{ImportError, json};

/// What a study says about recruitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Study {
    /// Its identifier.
    pub id: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// How many participants are wanted.
    pub target_number: Option<u64>,
    /// A reference to the `Group` or `EvidenceVariable` that says who is eligible, such as
    /// `Group/t2dm`.
    pub eligibility: Option<String>,
}

impl Study {
    /// Reads a study.
    ///
    /// # Errors
    ///
    /// When the text is too long, no JSON, or no `ResearchStudy`.
    pub fn read(text: &str) -> Result<Self, ImportError> {
        let value = json::read(text)?;
        let top = json::Cursor::top(&value);
        if top.text_of("resourceType")? != Some("ResearchStudy") {
            return top.wrong("a resource of the type `ResearchStudy`");
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let recruitment = top.get("recruitment");
        let target = recruitment.as_ref().and_then(|r| r.get("targetNumber"));
        let target_number = match target {
            Some(number) => match number.decimal()?.whole().map(u64::try_from) {
                Some(Ok(n)) => Some(n),
                _ => return number.wrong("a whole number"),
            },
            None => None,
        };
        let eligibility = recruitment.and_then(|r| r.get("eligibility"));
        Ok(Self {
            id: super::fhir::id(&top)?,
            title: owned(top.text_of("title")?),
            target_number,
            eligibility: owned(eligibility.map_or(Ok(None), |e| e.text_of("reference"))?),
        })
    }
}
