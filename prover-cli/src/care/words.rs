//! The words a record is found by: its diagnoses with all their prefixes, its department, its month.

use eligo_records::{civil::CivilDay, issue::Report};
use eligo_sharing::search::{Bucket, Field, Keyword};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Attempt, Failure, Kind};

/// The shortest prefix of an ICD code that is a word: a three-character category.
const CATEGORY: usize = 3;
/// How the schemas' attributes of diagnoses begin; the system follows.
const GROUP: &str = "diagnosis_";

/// A diagnosis as a word: `icd10:I635`, `snomed:432504007`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code {
    system: String,
    code: String,
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.to_string()
    }
}

impl TryFrom<String> for Code {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl core::fmt::Display for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}", self.system, self.code)
    }
}

impl core::str::FromStr for Code {
    type Err = String;

    /// `I63.5` is an ICD-10 code, `snomed:432504007` names its system; dots and case do not count.
    fn from_str(text: &str) -> Result<Self, String> {
        let (system, code) = text.split_once(':').unwrap_or(("icd10", text));
        let code: String = code.chars().filter(|c| *c != '.').collect();
        let fits = |part: &str, most| {
            (1..=most).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
        };
        if fits(system, 16) && fits(&code, 32) {
            Ok(Self {
                system: system.to_ascii_lowercase(),
                code: code.to_ascii_uppercase(),
            })
        } else {
            Err(format!(
                "`{text}` is no code; expected one such as I63.5 or snomed:432504007"
            ))
        }
    }
}

impl Code {
    /// The code and what it is a kind of: I63.5 is an I63. Codes of other systems have no prefixes.
    pub fn prefixes(&self) -> Vec<Self> {
        let shortest = match self.system.as_str() {
            "icd10" => CATEGORY.min(self.code.len()),
            _ => self.code.len(),
        };
        let upto = |end| Self {
            system: self.system.clone(),
            code: self.code.chars().take(end).collect(),
        };
        (shortest..=self.code.len()).map(upto).collect()
    }
}

/// A department as a word: lower case, single spaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Department(String);

impl From<Department> for String {
    fn from(department: Department) -> Self {
        department.0
    }
}

impl TryFrom<String> for Department {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl core::fmt::Display for Department {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::str::FromStr for Department {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = text.to_lowercase();
        let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
        if (1..=64).contains(&word.len()) && !word.chars().any(char::is_control) {
            Ok(Self(word))
        } else {
            Err("a department has 1 to 64 bytes".to_owned())
        }
    }
}

/// A month, `2026-05`: rows of one month are not found with another month's trapdoor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i32,
    month: u32,
}

impl core::fmt::Display for Month {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl core::str::FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (year, month) = text.split_once('-')?;
            let of = |part: &str, length| {
                (part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))
                    .then(|| part.parse().ok())?
            };
            let (year, month): (i32, i32) = (of(year, 4)?, of(month, 2)?);
            let month = u32::try_from(month).ok()?;
            (1..=12).contains(&month).then_some(Self { year, month })
        };
        read().ok_or_else(|| format!("`{text}` is no month; expected one such as 2026-05"))
    }
}

impl Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Month {
    /// The month of a day.
    pub fn of(day: CivilDay) -> Attempt<Self> {
        let text: String = day.to_string().chars().take(7).collect();
        text.parse().map_err(Failure::unexpected)
    }

    /// The month after.
    const fn next(self) -> Self {
        match self.month {
            12 => Self {
                year: self.year + 1,
                month: 1,
            },
            month => Self {
                year: self.year,
                month: month + 1,
            },
        }
    }

    /// This month and those up to another one, both included; at most two years of them.
    pub fn until(self, last: Self) -> Attempt<Vec<Self>> {
        let mut months = vec![];
        let mut month = self;
        while month <= last {
            months.push(month);
            month = month.next();
            if months.len() > 24 {
                return Err(Failure::usage("more than 24 months at once"));
            }
        }
        if months.is_empty() {
            return Err(Failure::usage(format!("{last} is before {self}")));
        }
        Ok(months)
    }

    /// The bucket of its rows.
    pub fn bucket(self) -> Attempt<Bucket> {
        Bucket::new(self.to_string()).map_err(Failure::unexpected)
    }
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// A diagnosis, or what is a kind of it.
    Diagnosis(Code),
    /// A department.
    Department(Department),
}

impl Wanted {
    /// As the index has it.
    pub fn keyword(&self) -> Attempt<Keyword> {
        let keyword = match self {
            Self::Diagnosis(code) => Keyword::new(Field::Diagnosis, code.to_string()),
            Self::Department(name) => Keyword::new(Field::Department, name.to_string()),
        };
        keyword.map_err(|e| Failure::new(Kind::Usage, e))
    }
}

impl core::fmt::Display for Wanted {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Diagnosis(code) => write!(f, "diagnosis {code}"),
            Self::Department(name) => write!(f, "department {name}"),
        }
    }
}

/// Every diagnosis of a record with all its prefixes, once each, from the issuing report.
pub fn diagnoses(report: &Report) -> Attempt<Vec<Code>> {
    diagnoses_in(&serde_json::to_value(report).map_err(Failure::unexpected)?)
}

/// The same, from a report that was kept as a file.
pub fn diagnoses_in(report: &Value) -> Attempt<Vec<Code>> {
    let malformed = || {
        Failure::new(Kind::File, "not an issuing report")
            .help("expected a file made by `eligo hospital issue --report`")
    };
    let attributes = report.get("attributes").and_then(Value::as_array);
    let mut words = Vec::new();
    for attribute in attributes.ok_or_else(malformed)? {
        let name = attribute.get("name").and_then(Value::as_str);
        let Some(edition) = name.ok_or_else(malformed)?.strip_prefix(GROUP) else {
            continue;
        };
        // The editions of ICD-10 agree on what is a kind of what.
        let system = match edition.starts_with("icd10") {
            true => "icd10",
            false => edition,
        };
        let codes = attribute.get("codes").and_then(Value::as_array);
        for code in codes.into_iter().flatten() {
            let code = code.get("code").and_then(Value::as_str);
            let code = format!("{system}:{}", code.ok_or_else(malformed)?);
            let code: Code = code.parse().map_err(|_| malformed())?;
            words.extend(code.prefixes());
        }
    }
    words.sort();
    words.dedup();
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        text.parse().unwrap()
    }

    #[test]
    fn a_code_is_found_by_what_it_is_a_kind_of() {
        let words: Vec<String> = code("I63.51")
            .prefixes()
            .iter()
            .map(Code::to_string)
            .collect();
        assert_eq!(words, ["icd10:I63", "icd10:I635", "icd10:I6351"]);
        assert_eq!(code("i63.5"), code("ICD10:I635"));
        assert_eq!(code("snomed:432504007").prefixes().len(), 1);
        assert_eq!(code("I6").prefixes(), [code("I6")]);
        for bad in ["", ":", "icd10:", "I63 5", "I63*"] {
            assert!(bad.parse::<Code>().is_err(), "{bad}");
        }
    }

    #[test]
    fn months_follow_one_another() {
        let month = |text: &str| text.parse::<Month>().unwrap();
        let all = month("2025-11").until(month("2026-02")).unwrap();
        let all: Vec<String> = all.iter().map(Month::to_string).collect();
        assert_eq!(all, ["2025-11", "2025-12", "2026-01", "2026-02"]);
        assert!(month("2026-02").until(month("2026-01")).is_err());
        assert!(month("2020-02").until(month("2026-01")).is_err());
        for bad in ["2026", "2026-13", "2026-00", "+026-01", "2026-1"] {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
    }
}
