//! Why a resource, or one value in it, is not used.

use serde::{Serialize, Serializer, ser::SerializeStruct};

/// Why something is left out. Serialized as `{"code", "text"}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Reason {
    /// The schema reads no resource of this type.
    #[error("the schema does not read {0} resources")]
    Type(String),
    /// None of its codes feeds the schema.
    #[error("none of its codes feeds the schema: {0}")]
    NotAsked(String),
    /// A copy of a resource already read.
    #[error("the same resource was already read")]
    Copy,
    /// An older version of a resource.
    #[error("a later version of the resource was read")]
    OlderVersion,
    /// Versions that differ, and nothing says which is later.
    #[error(
        "the resource occurs in different versions, and `meta.lastUpdated` does not say which is later"
    )]
    ConflictingVersions,
    /// About somebody else.
    #[error("it is about {0}, not this patient")]
    OtherPatient(String),
    /// Does not say whom it is about.
    #[error("it does not say whom it is about")]
    NoSubject,
    /// About somebody who is not in the input: perhaps this patient, under a name we cannot follow.
    #[error("it is about {0}, which is not in the input")]
    UnknownSubject(String),
    /// Its focus is somebody or something other than the patient.
    #[error("its focus is {0}, not the patient")]
    OtherFocus(String),
    /// Carries a modifier that may change its meaning.
    #[error("it carries the modifier {0}, which may change its meaning")]
    Modifier(String),
    /// Status unfit for use.
    #[error("its status is {0}")]
    Status(String),
    /// No status where one is required.
    #[error("it has no status")]
    NoStatus,
    /// Verification status unfit for use.
    #[error("its verification status is {0}")]
    Verification(String),
    /// A medication request that is no order.
    #[error("its intent is {0}, not an order")]
    Intent(String),
    /// A request not to do something.
    #[error("it asks for something not to be done")]
    DoNotPerform,
    /// A medication the patient does not take.
    #[error("the patient does not take it: {0}")]
    NotTaken(String),
    /// Dated after the day of issue.
    #[error("it is dated {0}, after the day of issue")]
    Future(String),
    /// A text that is no date.
    #[error("its date `{0}` is no FHIR date")]
    Date(String),
    /// No value.
    #[error("it has no value")]
    NoValue,
    /// No value, with the reason given.
    #[error("its value is absent: {0}")]
    DataAbsent(String),
    /// A value of a type the attribute cannot use.
    #[error("its value is a {0}")]
    ValueType(String),
    /// Not a number.
    #[error("its value is no number")]
    NotANumber,
    /// Too many digits.
    #[error("its value has too many digits or too large an exponent")]
    NumberSize,
    /// `<` and the like.
    #[error("its value is only bounded (`{0}`)")]
    Comparator(String),
    /// No unit code.
    #[error("its value has no unit code")]
    NoUnit,
    /// A unit from another system than UCUM.
    #[error("its unit is not from UCUM but from {0}")]
    UnitSystem(String),
    /// A unit the attribute does not accept.
    #[error("its unit `{found}` is none of {accepted}")]
    Unit {
        /// Unit found.
        found: String,
        /// Units accepted.
        accepted: String,
    },
    /// Not representable.
    #[error("its value is outside {least} to {most} {unit}")]
    Range {
        /// Least.
        least: String,
        /// Most.
        most: String,
        /// Unit.
        unit: String,
    },
    /// None of a choice's values.
    #[error("its value is none of the listed ones: {0}")]
    Answer(String),
    /// Codes of two different values of a choice.
    #[error("its codes mean two different values")]
    ConflictingAnswers,
    /// Several of its parts are the attribute's, with different values.
    #[error("it gives several different values for this")]
    SeveralValues,
    /// Not the latest.
    #[error("{0} is later")]
    NotLatest(String),
    /// No code at all, only text perhaps.
    #[error("it has no code")]
    NoCode,
    /// Codes of systems that no family holds.
    #[error("no family of the schema holds its codes: {0}")]
    System(String),
    /// A statement that none are known.
    #[error("it says that none are known")]
    NoneKnown,
    /// A code that is none.
    #[error("`{code}` is no code of {system}: {problem}")]
    Code {
        /// System.
        system: String,
        /// Code.
        code: String,
        /// What is wrong with it.
        problem: crate::code::CodeError,
    },
    /// A medication that is not in the input.
    #[error("its medication {0} is not in the input")]
    Medication(String),
    /// A medication that nothing of this patient refers to.
    #[error("nothing that is used refers to it")]
    Unreferenced,
    /// The patient resource lacks this, or says it unusably.
    #[error("the patient resource has no usable {0}")]
    Demographic(String),
}

impl Reason {
    /// Short stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Type(_) => "type",
            Self::NotAsked(_) => "not-asked",
            Self::Copy => "copy",
            Self::OlderVersion => "older-version",
            Self::ConflictingVersions => "conflicting-versions",
            Self::OtherPatient(_) => "other-patient",
            Self::NoSubject => "no-subject",
            Self::UnknownSubject(_) => "unknown-subject",
            Self::OtherFocus(_) => "other-focus",
            Self::Modifier(_) => "modifier",
            Self::Status(_) => "status",
            Self::NoStatus => "no-status",
            Self::Verification(_) => "verification",
            Self::Intent(_) => "intent",
            Self::DoNotPerform => "do-not-perform",
            Self::NotTaken(_) => "not-taken",
            Self::Future(_) => "future",
            Self::Date(_) => "date",
            Self::NoValue => "no-value",
            Self::DataAbsent(_) => "data-absent",
            Self::ValueType(_) => "value-type",
            Self::NotANumber => "not-a-number",
            Self::NumberSize => "number-size",
            Self::Comparator(_) => "comparator",
            Self::NoUnit => "no-unit",
            Self::UnitSystem(_) => "unit-system",
            Self::Unit { .. } => "unit",
            Self::Range { .. } => "range",
            Self::Answer(_) => "answer",
            Self::ConflictingAnswers => "conflicting-answers",
            Self::SeveralValues => "several-values",
            Self::NotLatest(_) => "not-latest",
            Self::NoCode => "no-code",
            Self::System(_) => "system",
            Self::NoneKnown => "none-known",
            Self::Code { .. } => "code",
            Self::Medication(_) => "medication",
            Self::Unreferenced => "unreferenced",
            Self::Demographic(_) => "demographic",
        }
    }

    /// Whether leaving a diagnosis, medication, procedure or allergy out for this reason may hide one
    /// that the patient has, so that its family can no longer be said to list all that is known.
    pub fn hides(&self) -> bool {
        match self {
            Self::Status(s) => !matches!(
                s.as_str(),
                "entered-in-error"
                    | "cancelled"
                    | "draft"
                    | "intended"
                    | "not-done"
                    | "not-taken"
                    | "preparation"
            ),
            Self::Verification(s) => !matches!(s.as_str(), "refuted" | "entered-in-error"),
            Self::NoStatus
            | Self::NoSubject
            | Self::UnknownSubject(_)
            | Self::ConflictingVersions
            | Self::Modifier(_)
            | Self::NoCode
            | Self::System(_)
            | Self::Code { .. }
            | Self::Medication(_)
            | Self::Date(_) => true,
            _ => false,
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Reason", 2)?;
        object.serialize_field("code", self.code())?;
        object.serialize_field("text", &self.to_string())?;
        object.end()
    }
}
