//! Which attribute a code means.

use super::model::Coding;
use crate::schema::{Choice, ChoiceSource, DateSource, Family, FlagSource, Kind, Number, Schema};

pub(super) const LOINC: &str = "http://loinc.org";
pub(super) const SNOMED: &str = "http://snomed.info/sct";
pub(super) const GENDER: &str = "http://hl7.org/fhir/administrative-gender";
/// For groups of families that no code of another system stands for.
const GROUP: &str = "urn:eligo:group";

/// Age in completed years; the first is written.
const AGE: &[(&str, &str)] = &[(SNOMED, "424144002"), (LOINC, "30525-0")];
const BIRTH_DATE: &[(&str, &str)] = &[(LOINC, "21112-8"), (SNOMED, "184099003")];
const SEX: &[(&str, &str)] = &[
    (SNOMED, "263495000"),
    (LOINC, "46098-0"),
    (LOINC, "76689-9"),
    (SNOMED, "184100006"),
];
const DEAD: &[(&str, &str)] = &[(SNOMED, "419099009")];
const FEMALE_AND_MALE: &[(&str, &str)] = &[("248152002", "female"), ("248153007", "male")];

/// A group of families in other languages.
struct Group {
    name: &'static str,
    /// The kinds of statement that mean it; the first is written.
    kinds: &'static [(&'static str, &'static str)],
    /// The modules of cohort definitions that mean it; the first is written.
    contexts: &'static [&'static str],
}

const GROUPS: &[Group] = &[
    Group {
        name: "diagnosis",
        kinds: &[
            (SNOMED, "64572001"),
            (SNOMED, "404684003"),
            (SNOMED, "439401001"),
            (SNOMED, "282291009"),
            (LOINC, "29308-4"),
        ],
        contexts: &["Diagnose", "Condition"],
    },
    Group {
        name: "procedure",
        kinds: &[(SNOMED, "71388002")],
        contexts: &["Prozedur"],
    },
    Group {
        name: "medication",
        kinds: &[
            (SNOMED, "410942007"),
            (SNOMED, "763158003"),
            (SNOMED, "416608005"),
            (SNOMED, "18629005"),
        ],
        contexts: &[
            "Medikamentenverabreichung",
            "Medikamentenverordnung",
            "Medikation",
        ],
    },
    Group {
        name: "allergy",
        kinds: &[
            (SNOMED, "609328004"),
            (SNOMED, "419199007"),
            (SNOMED, "416098002"),
        ],
        contexts: &["Allergie"],
    },
];

/// A scalar attribute.
#[derive(Clone, Copy)]
pub(super) struct Scalar<'a> {
    pub index: usize,
    pub name: &'a str,
    pub kind: &'a Kind,
}

/// A family.
#[derive(Clone, Copy)]
pub(super) struct CodeFamily<'a> {
    pub family: &'a Family,
}

/// The codes of a schema.
#[derive(Clone, Copy)]
pub(super) struct Vocabulary<'a> {
    pub schema: &'a Schema,
}

fn is(coding: &Coding, codes: &[(&str, &str)]) -> bool {
    codes.contains(&(coding.system.as_str(), coding.code.as_str()))
}

fn first(codes: &[(&str, &str)], display: &str) -> Option<Coding> {
    codes.first().map(|(system, code)| Coding {
        system: (*system).to_owned(),
        code: (*code).to_owned(),
        display: Some(display.to_owned()),
    })
}

/// `system|code`, or a bare code.
pub(super) fn split(text: &str) -> (&str, &str) {
    text.rsplit_once('|').unwrap_or(("", text))
}

/// Whether a code means the patient's age.
pub(super) fn is_age(coding: &Coding) -> bool {
    is(coding, AGE)
}

/// The code that means the patient's age.
pub(super) fn age() -> Option<Coding> {
    first(AGE, "Current chronological age")
}

/// The group of families that a kind of statement means.
pub(super) fn group_of(coding: &Coding) -> Option<&str> {
    if coding.system == GROUP {
        return Some(&coding.code);
    }
    GROUPS
        .iter()
        .find_map(|g| is(coding, g.kinds).then_some(g.name))
}

/// The kind of statement that means a group of families.
pub(super) fn kind_of(group: &str) -> Coding {
    let known = GROUPS.iter().find(|g| g.name == group);
    known
        .and_then(|g| first(g.kinds, g.name))
        .unwrap_or_else(|| Coding {
            system: GROUP.to_owned(),
            code: group.to_owned(),
            display: None,
        })
}

/// The group of families that a module of a cohort definition means.
pub(super) fn group_of_context(code: &str) -> Option<&str> {
    if code.is_empty() {
        return None;
    }
    let means = |c: &&str| c.eq_ignore_ascii_case(code);
    let known = GROUPS
        .iter()
        .find(|g| g.contexts.iter().any(means) || means(&g.name));
    Some(known.map_or(code, |g| g.name))
}

/// The module of a cohort definition that means a group of families.
pub(super) fn context_of(group: &str) -> &str {
    let known = GROUPS.iter().find(|g| g.name == group);
    known
        .and_then(|g| g.contexts.first().copied())
        .unwrap_or(group)
}

impl<'a> Vocabulary<'a> {
    fn scalars(&self) -> impl Iterator<Item = Scalar<'a>> {
        self.schema
            .attributes()
            .iter()
            .enumerate()
            .map(|(index, a)| Scalar {
                index,
                name: &a.name,
                kind: &a.kind,
            })
    }

    /// The number, choice, date or flag attributes that a code means.
    pub fn meant(&self, coding: &Coding) -> Vec<Scalar<'a>> {
        let listed = |codes: &[String]| {
            codes
                .iter()
                .any(|c| split(c) == (coding.system.as_str(), coding.code.as_str()))
        };
        self.scalars()
            .filter(|s| match s.kind {
                Kind::Number(n) => listed(&n.codes),
                Kind::Choice(Choice {
                    source: ChoiceSource::Observation(codes),
                    ..
                }) => listed(codes),
                Kind::Choice(_) => is(coding, SEX),
                Kind::Date(DateSource::BirthDate) => is(coding, BIRTH_DATE),
                Kind::Flag(FlagSource::Deceased) => is(coding, DEAD),
                Kind::Date(DateSource::DeathDate) | Kind::Family(_) => false,
            })
            .collect()
    }

    /// The code that means a scalar attribute, if there is one. For a choice, one that no other
    /// attribute shares, where possible.
    pub fn code_of(&self, scalar: Scalar<'_>) -> Option<Coding> {
        let display = self.schema.attributes().get(scalar.index)?.title.clone();
        let coding = |text: &String| {
            let (system, code) = split(text);
            Coding {
                system: system.to_owned(),
                code: code.to_owned(),
                display: Some(display.clone()),
            }
        };
        match scalar.kind {
            Kind::Number(Number { codes, .. })
            | Kind::Choice(Choice {
                source: ChoiceSource::Observation(codes),
                ..
            }) => {
                let all: Vec<_> = codes.iter().map(coding).collect();
                let own = all.iter().find(|c| self.meant(c).len() == 1);
                own.or(all.first()).cloned()
            }
            Kind::Choice(_) => first(SEX, &display),
            Kind::Date(DateSource::BirthDate) => first(BIRTH_DATE, &display),
            Kind::Flag(FlagSource::Deceased) => first(DEAD, &display),
            Kind::Date(DateSource::DeathDate) | Kind::Family(_) => None,
        }
    }

    /// The position of a choice's value that a code means.
    pub fn position(choice: &Choice, coding: &Coding) -> Option<usize> {
        let (system, mut code) = (coding.system.as_str(), coding.code.as_str());
        let of_gender = matches!(choice.source, ChoiceSource::PatientGender);
        if of_gender && system == SNOMED {
            code = FEMALE_AND_MALE.iter().find(|(c, _)| *c == code)?.1;
        }
        choice.values.iter().position(|v| {
            v.codes.iter().any(|c| {
                if of_gender {
                    (system == GENDER || system == SNOMED) && c == code
                } else {
                    split(c) == (system, code)
                }
            })
        })
    }

    /// The code that means a value of a choice.
    pub fn value_code(choice: &Choice, position: usize) -> Option<Coding> {
        let value = choice.values.get(position)?;
        let (system, code) = split(value.codes.first()?);
        let of_gender = matches!(choice.source, ChoiceSource::PatientGender);
        Some(Coding {
            system: if of_gender { GENDER } else { system }.to_owned(),
            code: code.to_owned(),
            display: Some(value.name.clone()),
        })
    }

    /// The families of a code system: of one group, or of any.
    pub fn families(&self, system: &str, group: Option<&str>) -> Vec<CodeFamily<'a>> {
        self.scalars()
            .filter_map(|s| match s.kind {
                Kind::Family(family) => Some(CodeFamily { family }),
                _ => None,
            })
            .filter(|f| {
                let of_system =
                    f.family.system == system || f.family.aliases.iter().any(|a| a == system);
                of_system && group.is_none_or(|g| g == f.family.group)
            })
            .collect()
    }

    /// The families of a group.
    pub fn families_of(&self, group: &str) -> impl Iterator<Item = &'a Family> {
        self.scalars().filter_map(move |s| match s.kind {
            Kind::Family(f) if f.group == group => Some(f),
            _ => None,
        })
    }

    /// Whether the schema has a group of families.
    pub fn has_group(&self, group: &str) -> bool {
        self.families_of(group).next().is_some()
    }

    /// Whether the schema knows when someone was born.
    pub fn has_birth_date(&self) -> bool {
        self.scalars()
            .any(|s| matches!(s.kind, Kind::Date(DateSource::BirthDate)))
    }
}
