//! The public inputs of the statement, and their order.

use ark_bn254::Fr;

use crate::{
    day::{Day, DayError},
    field::{self, FieldError},
    statement::{Context, IssuersRoot, Nullifier, Requirement, Sealed},
};

/// How many public inputs the statement has.
pub const PUBLIC_INPUTS: usize = 6;

/// What a claim's proof is about.
///
/// The order of the six field elements is this struct's order and is fixed nowhere else:
/// requirement, issuers, nullifier, sealed, today, context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicInputs {
    /// Which requirement is met.
    pub requirement: Requirement,
    /// Whose signatures count.
    pub issuers: IssuersRoot,
    /// The claimant's one claim on this requirement.
    pub nullifier: Nullifier,
    /// Which sealed record is meant, or none.
    pub sealed: Sealed,
    /// The day the statement was true.
    pub today: Day,
    /// Whom and what the proof is for.
    pub context: Context,
}

/// Why field elements are no public inputs of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputsError {
    /// Not six of them.
    #[error("{0} public inputs; the statement has 6")]
    Count(usize),
    /// The fifth is no day.
    #[error("public input 4 (today): {0}")]
    Today(DayError),
    /// Bytes that are no field element.
    #[error("public input {index}: {error}")]
    Element {
        /// Position, from 0.
        index: usize,
        /// What is wrong with it.
        error: FieldError,
    },
}

impl PublicInputs {
    /// The names, in order.
    pub const NAMES: [&'static str; PUBLIC_INPUTS] = [
        "requirement",
        "issuers",
        "nullifier",
        "sealed",
        "today",
        "context",
    ];

    /// The field elements, in order.
    pub fn to_field_elements(&self) -> [Fr; PUBLIC_INPUTS] {
        [
            self.requirement.to_field(),
            self.issuers.to_field(),
            self.nullifier.to_field(),
            self.sealed.to_field(),
            self.today.to_field(),
            self.context.to_field(),
        ]
    }

    /// Reads exactly six field elements, in order.
    pub fn from_field_elements(elements: &[Fr]) -> Result<Self, InputsError> {
        let [requirement, issuers, nullifier, sealed, today, context] = elements else {
            return Err(InputsError::Count(elements.len()));
        };
        Ok(Self {
            requirement: Requirement::from_field(*requirement),
            issuers: IssuersRoot::from_field(*issuers),
            nullifier: Nullifier::from_field(*nullifier),
            sealed: Sealed::from_field(*sealed),
            today: Day::from_field(today).map_err(InputsError::Today)?,
            context: Context::from_field(*context),
        })
    }

    /// The field elements as 192 bytes, each 32 of them big-endian.
    pub fn to_bytes(&self) -> [u8; 32 * PUBLIC_INPUTS] {
        let mut bytes = [0; 32 * PUBLIC_INPUTS];
        for (chunk, element) in bytes.chunks_exact_mut(32).zip(self.to_field_elements()) {
            chunk.copy_from_slice(&field::to_be_bytes(&element));
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; refuses numbers from the modulus on.
    pub fn from_bytes(bytes: &[u8; 32 * PUBLIC_INPUTS]) -> Result<Self, InputsError> {
        let mut elements = [Fr::default(); PUBLIC_INPUTS];
        let (chunks, _) = bytes.as_chunks::<32>();
        for (index, (element, chunk)) in elements.iter_mut().zip(chunks).enumerate() {
            *element = field::from_be_bytes(chunk)
                .map_err(|error| InputsError::Element { index, error })?;
        }
        Self::from_field_elements(&elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs() -> PublicInputs {
        let numbers: Vec<Fr> = (10..16u64).map(Fr::from).collect();
        PublicInputs::from_field_elements(&numbers).unwrap()
    }

    #[test]
    fn the_order_is_pinned() {
        let inputs = inputs();
        let expected: Vec<Fr> = (10..16u64).map(Fr::from).collect();
        assert_eq!(inputs.to_field_elements().to_vec(), expected);
        assert_eq!(inputs.requirement.to_field(), Fr::from(10));
        assert_eq!(inputs.issuers.to_field(), Fr::from(11));
        assert_eq!(inputs.nullifier.to_field(), Fr::from(12));
        assert_eq!(inputs.sealed.to_field(), Fr::from(13));
        assert_eq!(inputs.today.number(), 14);
        assert_eq!(inputs.context.to_field(), Fr::from(15));
    }

    #[test]
    fn strict() {
        let elements = inputs().to_field_elements();
        assert_eq!(
            PublicInputs::from_field_elements(&elements[..5]),
            Err(InputsError::Count(5))
        );
        let mut seven = elements.to_vec();
        seven.push(Fr::from(0));
        assert_eq!(
            PublicInputs::from_field_elements(&seven),
            Err(InputsError::Count(7))
        );
        let mut late = elements;
        late[4] = Fr::from(1u64 << 18);
        assert!(matches!(
            PublicInputs::from_field_elements(&late),
            Err(InputsError::Today(_))
        ));
    }

    #[test]
    fn bytes() {
        let inputs = inputs();
        let mut bytes = inputs.to_bytes();
        assert_eq!(PublicInputs::from_bytes(&bytes), Ok(inputs));
        bytes[32..64].fill(0xff);
        let error = FieldError::NotCanonical;
        assert_eq!(
            PublicInputs::from_bytes(&bytes),
            Err(InputsError::Element { index: 1, error })
        );
    }
}
