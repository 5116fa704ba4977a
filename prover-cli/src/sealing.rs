//! Sealed records: what a hospital encrypts to a patient with a credential, and what an institution checks
//! after it opened one.
//!
//! The plaintext is `LP(schema, salt, cells, bundle, sig)`: the schema's and the salt's field elements (32
//! big-endian bytes each), the cells (8 big-endian bytes each), the FHIR bundle, and the hospital's Ed25519
//! signature over `LP("content", label, schema, record)`. The credential names the ciphertext by
//! `sealed = P(8, halves of SHA-256(capsule), halves of the ciphertext's digest)`, so a proof is about this
//! ciphertext; the signature says that the hospital put this very record in it.

use std::io::{self, Read, Write};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use eligo_circuits::{
    credential::Salt,
    record::{commit, schema_element},
};
use eligo_records::civil::CivilDay;
use eligo_records::{
    cell::{CellError, Cells, Layout},
    fhir::MAX_BYTES,
    program::Program,
    schema::{MAX_CELLS, Schema},
};
use eligo_sharing::{
    keys::RecordPublicKey,
    tcpre::{Capsule, ContentKey, Label, OpenContentError, SchemaId, SealError, seal},
};
use eligo_verifier_contract::{Fr, Sealed, field};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::schemas;

/// Longest plaintext: the largest bundle that is issued from, and the largest record.
const MAX_CONTENT: usize = 2 * MAX_BYTES + 8 * MAX_CELLS + 1024;
/// Bytes of a cell.
const CELL_BYTES: usize = 8;

/// A record to be sealed.
pub struct Record<'a> {
    /// The schema it follows.
    pub schema: &'a Schema,
    /// Its cells.
    pub cells: &'a Cells,
    /// The FHIR JSON it was made from.
    pub bundle: &'a [u8],
}

/// A record that was sealed.
#[derive(Debug)]
pub struct SealedRecord {
    /// What goes on the ledger.
    pub capsule: Capsule,
    /// What the credential must be issued under.
    pub salt: Salt,
    /// The commitment to the record.
    pub record: Fr,
    /// What the credential and every sale claim name.
    pub sealed: Sealed,
}

/// A record that was opened. `Debug` shows none of it.
pub struct OpenedRecord {
    /// The label it was sealed under.
    pub label: Label,
    /// The schema it follows.
    pub schema: Schema,
    /// Its cells.
    pub cells: Cells,
    /// The FHIR JSON it was made from.
    pub bundle: Zeroizing<Vec<u8>>,
    /// The commitment, recomputed.
    pub record: Fr,
    signature: Signature,
}

impl core::fmt::Debug for OpenedRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OpenedRecord({}, redacted)", self.label)
    }
}

/// Why an opened ciphertext is no record, or not the hospital's: all but [`OpenRecordError::Open`] and
/// [`OpenRecordError::UnknownSchema`] are the hospital's fault.
#[derive(Debug, thiserror::Error)]
pub enum OpenRecordError {
    /// The ciphertext does not open.
    #[error(transparent)]
    Open(#[from] OpenContentError),
    /// What is inside is not of the agreed form.
    #[error("what was sealed is no record: field `{0}` is malformed")]
    Content(&'static str),
    /// The header and the content name different schemas.
    #[error("the sealed record names two schemas")]
    TwoSchemas,
    /// A schema that is not at hand.
    #[error("the record follows the schema {0}, which is not at hand")]
    UnknownSchema(String),
    /// The cells are no record of the schema.
    #[error("what was sealed is no record: {0}")]
    Cells(#[from] CellError),
    /// The hospital did not sign this record under this label.
    #[error("the hospital did not sign this record under this label")]
    Signature,
}

/// The schema's field element, 32 big-endian bytes.
pub fn schema_id(schema: &Schema) -> SchemaId {
    SchemaId::new(field::to_be_bytes(&schema_element(schema.id())))
}

/// What a credential and a sale claim name: the capsule, and the ciphertext whose digest is in it.
pub fn sealed_of(capsule: &Capsule) -> Sealed {
    Sealed::of(&capsule.digest(), capsule.ciphertext_digest())
}

/// Seals a record to a patient's encounter key, whose possession was checked, under a fresh salt.
pub fn seal_record(
    record: &Record<'_>,
    key: &RecordPublicKey,
    label: Label,
    hospital: &SigningKey,
    sealed: impl Write,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<SealedRecord, SealError> {
    let schema = schema_id(record.schema);
    let salt = Salt::draw(rng);
    let commitment = commit(&Layout::of(record.schema), *salt.expose(), record.cells);
    let signature = hospital.sign(&content_statement(&label, &schema, &commitment));
    let cells: Zeroizing<Vec<u8>> = Zeroizing::new(
        record
            .cells
            .values()
            .iter()
            .flat_map(|c| c.to_be_bytes())
            .collect(),
    );
    let salt_bytes = Zeroizing::new(field::to_be_bytes(salt.expose()));
    let content = lp(&[
        schema.as_bytes(),
        salt_bytes.as_slice(),
        &cells,
        record.bundle,
        &signature.to_bytes(),
    ]);
    let capsule = seal(key, label, schema, content.as_slice(), sealed, rng)?;
    Ok(SealedRecord {
        sealed: sealed_of(&capsule),
        capsule,
        salt,
        record: commitment,
    })
}

/// Opens a sealed record: decrypts all of it, and recomputes the commitment to it. `given` are schemas that
/// do not ship.
pub fn open_record(
    key: &ContentKey,
    sealed: impl Read,
    given: &[Schema],
) -> Result<OpenedRecord, OpenRecordError> {
    let mut content = Bounded(Zeroizing::new(Vec::new()));
    let opened = key.open(sealed, &mut content)?;
    read_content(&content.0, *key.label(), opened.schema, given)
}

/// Reads the plaintext sealed under a label, whose header named a schema.
fn read_content(
    content: &[u8],
    label: Label,
    header: SchemaId,
    given: &[Schema],
) -> Result<OpenedRecord, OpenRecordError> {
    let mut rest = content;
    let mut take = |name: &'static str, limit: usize| {
        let field = split_field(&mut rest).ok_or(OpenRecordError::Content(name))?;
        if field.len() > limit {
            return Err(OpenRecordError::Content(name));
        }
        Ok(field)
    };
    let schema = take("schema", 32)?;
    let salt = take("salt", 32)?;
    let cells = take("cells", CELL_BYTES * MAX_CELLS)?;
    let bundle = Zeroizing::new(take("bundle", MAX_CONTENT)?.to_vec());
    let signature = take("sig", Signature::BYTE_SIZE)?;
    let signature =
        Signature::from_slice(signature).map_err(|_| OpenRecordError::Content("sig"))?;
    if !rest.is_empty() {
        return Err(OpenRecordError::Content("end"));
    }
    if schema != header.as_bytes() {
        return Err(OpenRecordError::TwoSchemas);
    }
    let schema = find_schema(&header, given)?;
    let salt: Fr = <[u8; 32]>::try_from(salt)
        .ok()
        .and_then(|bytes| field::from_be_bytes(&bytes).ok())
        .ok_or(OpenRecordError::Content("salt"))?;
    let (cells, partial) = cells.as_chunks::<CELL_BYTES>();
    if !partial.is_empty() {
        return Err(OpenRecordError::Content("cells"));
    }
    let layout = Layout::of(schema);
    let values = cells.iter().map(|c| u64::from_be_bytes(*c)).collect();
    let cells = Cells::new(&layout, values)?;
    Ok(OpenedRecord {
        label,
        schema: schema.clone(),
        record: commit(&layout, salt, &cells),
        cells,
        bundle,
        signature,
    })
}

/// Checks that the hospital signed this record under this label: it is the one its credential is about.
pub fn check_opened(opened: &OpenedRecord, hospital: &VerifyingKey) -> Result<(), OpenRecordError> {
    let schema = schema_id(&opened.schema);
    let statement = content_statement(&opened.label, &schema, &opened.record);
    hospital
        .verify_strict(&statement, &opened.signature)
        .map_err(|_| OpenRecordError::Signature)
}

/// Whether an opened record meets a program on a day: what the proof claimed, evaluated again.
pub fn still_holds(opened: &OpenedRecord, program: &Program, today: CivilDay) -> bool {
    program.schema() == opened.schema.id() && program.holds(&opened.cells, today)
}

/// What the hospital signs: `LP("content", label, schema, record)`.
fn content_statement(label: &Label, schema: &SchemaId, record: &Fr) -> Vec<u8> {
    lp(&[
        b"content",
        label.as_bytes(),
        schema.as_bytes(),
        &field::to_be_bytes(record),
    ])
    .to_vec()
}

fn find_schema<'a>(id: &SchemaId, given: &'a [Schema]) -> Result<&'a Schema, OpenRecordError> {
    // An element of 31 bytes is written in 32.
    let name = id.to_string();
    name.strip_prefix("00")
        .and_then(|hex| schemas::named(hex, given))
        .ok_or(OpenRecordError::UnknownSchema(name))
}

/// Every part behind its length as four big-endian bytes.
fn lp(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length = parts.iter().map(|p| 4 + p.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    for part in parts {
        // every part is far below 4 GiB
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

fn split_field<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (field, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(field)
}

/// Plaintext in memory, up to a limit.
struct Bounded(Zeroizing<Vec<u8>>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_CONTENT {
            return Err(io::Error::other("more than a sealed record can hold"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eligo_records::schema::shipped;
    use eligo_sharing::keys::RecordKey;
    use rand_core::OsRng;

    const BUNDLE: &[u8] = br#"{"resourceType":"Bundle"}"#;

    struct Sealing {
        key: ContentKey,
        stored: Vec<u8>,
        record: SealedRecord,
    }

    fn schema() -> &'static Schema {
        shipped("bench-64").unwrap()
    }

    fn hospital() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn cells() -> Cells {
        let layout = Layout::of(schema());
        Cells::new(&layout, vec![0; layout.places().len()]).unwrap()
    }

    fn sealed() -> Sealing {
        let (patient, label) = (RecordKey::generate(&mut OsRng), Label::new([1; 32]));
        let record = Record {
            schema: schema(),
            cells: &cells(),
            bundle: BUNDLE,
        };
        let mut stored = Vec::new();
        let record = seal_record(
            &record,
            &patient.public(),
            label,
            &hospital(),
            &mut stored,
            &mut OsRng,
        )
        .unwrap();
        let capsule = record.capsule.clone().check().unwrap();
        let key = capsule.decapsulate(&patient).unwrap();
        Sealing {
            key,
            stored,
            record,
        }
    }

    /// Seals any plaintext, as a hospital could.
    fn forged(content: &[u8], schema: SchemaId) -> Result<OpenedRecord, OpenRecordError> {
        let (patient, label) = (RecordKey::generate(&mut OsRng), Label::new([1; 32]));
        let mut stored = Vec::new();
        let capsule = seal(
            &patient.public(),
            label,
            schema,
            content,
            &mut stored,
            &mut OsRng,
        )
        .unwrap();
        let key = capsule.check().unwrap().decapsulate(&patient).unwrap();
        open_record(&key, stored.as_slice(), &[])
    }

    fn parts(signature: &[u8]) -> Vec<Vec<u8>> {
        let cells = cells();
        let cells = cells.values().iter().flat_map(|c| c.to_be_bytes());
        vec![
            schema_id(schema()).as_bytes().to_vec(),
            vec![0; 32],
            cells.collect(),
            BUNDLE.to_vec(),
            signature.to_vec(),
        ]
    }

    fn content(parts: &[Vec<u8>]) -> Zeroizing<Vec<u8>> {
        lp(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_opened_is_what_was_certified() {
        let Sealing {
            key,
            stored,
            record,
        } = sealed();
        let opened = open_record(&key, stored.as_slice(), &[]).unwrap();
        assert_eq!(opened.record, record.record);
        assert_eq!(opened.bundle.as_slice(), BUNDLE);
        assert!(opened.cells == cells());
        check_opened(&opened, &hospital().verifying_key()).unwrap();
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
        assert!(matches!(
            check_opened(&opened, &other),
            Err(OpenRecordError::Signature)
        ));
        assert!(!format!("{opened:?}").contains("Bundle"));
        assert_eq!(record.sealed, sealed_of(&record.capsule));
    }

    #[test]
    fn a_hospital_that_seals_another_record_or_under_another_label_is_found_out() {
        let Sealing { key, stored, .. } = sealed();
        let opened = open_record(&key, stored.as_slice(), &[]).unwrap();
        let same = forged(
            &content(&parts(&opened.signature.to_bytes())),
            schema_id(schema()),
        );
        // The signature is over another salt's commitment.
        assert!(matches!(
            check_opened(&same.unwrap(), &hospital().verifying_key()),
            Err(OpenRecordError::Signature)
        ));
        let moved = OpenedRecord {
            label: Label::new([2; 32]),
            ..opened
        };
        assert!(check_opened(&moved, &hospital().verifying_key()).is_err());
    }

    #[test]
    fn plaintext_of_any_other_form_is_refused() {
        let good = parts(&[0; 64]);
        let id = schema_id(schema());
        assert!(forged(&content(&good), id).is_ok());
        let with = |at: usize, part: Vec<u8>| {
            let mut parts = good.clone();
            parts[at] = part;
            forged(&content(&parts), id).unwrap_err()
        };
        assert!(matches!(with(0, vec![0; 32]), OpenRecordError::TwoSchemas));
        assert!(matches!(
            with(0, vec![0; 33]),
            OpenRecordError::Content("schema")
        ));
        assert!(matches!(
            with(1, vec![0xff; 32]),
            OpenRecordError::Content("salt")
        ));
        assert!(matches!(with(1, vec![]), OpenRecordError::Content("salt")));
        assert!(matches!(
            with(2, vec![0; 9]),
            OpenRecordError::Content("cells")
        ));
        assert!(matches!(with(2, vec![0; 8]), OpenRecordError::Cells(_)));
        assert!(matches!(
            with(2, vec![0xff; good[2].len()]),
            OpenRecordError::Cells(_)
        ));
        assert!(matches!(
            with(4, vec![0; 63]),
            OpenRecordError::Content("sig")
        ));
        let mut longer = content(&good).to_vec();
        longer.push(0);
        assert!(matches!(
            forged(&longer, id),
            Err(OpenRecordError::Content("end"))
        ));
        assert!(matches!(
            forged(b"", id),
            Err(OpenRecordError::Content("schema"))
        ));
        assert!(matches!(
            forged(&[0xff; 40], id),
            Err(OpenRecordError::Content("schema"))
        ));
        let unknown = SchemaId::new([9; 32]);
        let mut elsewhere = good.clone();
        elsewhere[0] = vec![9; 32];
        assert!(matches!(
            forged(&content(&elsewhere), unknown),
            Err(OpenRecordError::UnknownSchema(_))
        ));
    }

    /// Every alteration of a byte or a length is an error or another record, never a panic.
    #[test]
    fn altered_plaintext_is_read_as_from_an_enemy() {
        let (id, label) = (schema_id(schema()), Label::new([1; 32]));
        let good = content(&parts(&[0; 64]));
        let record = read_content(&good, label, id, &[]).unwrap().record;
        // the cells begin behind the schema, the salt and three lengths
        let cells = 3 * 4 + 64..3 * 4 + 64 + 8 * cells().values().len();
        for at in 0..good.len() {
            for bit in [0, 3, 7] {
                let mut altered = good.to_vec();
                altered[at] ^= 1 << bit;
                if let Ok(read) = read_content(&altered, label, id, &[]) {
                    let salt_or_cells = (4 + 32 + 4..cells.end).contains(&at);
                    assert_eq!(read.record != record, salt_or_cells, "{at}");
                }
            }
            assert!(read_content(&good[..at], label, id, &[]).is_err());
        }
    }
}
