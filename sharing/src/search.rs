//! Search over an encrypted index, without learning the word.
//!
//! A hospital writes rows; a patient makes trapdoors; nodes match one against the other and find encrypted
//! pointers. Boneh, Di Crescenzo, Ostrovsky and Persiano's scheme (Eurocrypt 2004) hashes the bare keyword,
//! so whoever has a trapdoor can guess it; here what is hashed also holds a key that only the hospital and
//! the patient have, as in authenticated searchable encryption (Huang and Li 2017):
//!
//! ```text
//! hospital HS = e P1        patient Y1 = yP1, Y2 = yP2        kSR = HKDF(e Y1 = y HS, LP(HS, Y1))
//! V(f, v, bucket) = H1[KW](LP(kSR, f, v, bucket))
//! row       U = rP2, tag || kp = HKDF(e(rV, Y2), LP(U)), pointer padded and encrypted under kp     1 pairing
//! trapdoor  T = yV              test: the same from e(T, U)                                        1 pairing
//! ```
//!
//! Each keyword has a row of its own, with its own r: the diagnosis, the pseudonym, both together, the
//! department (MedBlock's bread crumbs, encrypted). Trapdoors for two of them are unrelated points. The
//! **bucket** (a month, say) is in V: a trapdoor lists the buckets it was made for and matches nothing
//! later, whoever keeps it. In addition a [`SearchToken`] carries trapdoors to one audience until a time,
//! signed, in a letter.
//!
//! What remains: the hospital that wrote a row recognises a trapdoor for it (inherent); nodes see which rows
//! match, and can remember it.

mod index;
mod keys;
#[cfg(test)]
mod tests;
mod token;

pub use index::{
    Bucket, Field, IndexEntry, Keyword, KeywordError, POINTER_BYTES, Pointer, PointerError, Row,
    Trapdoor,
};
pub use keys::{
    SearchCard, SearchKey, SearchKeyProof, SearchPublicKey, SharedIndexKey, WriterKey,
    WriterKeyProof, WriterPublicKey,
};
pub use token::{SearchToken, TokenError, TokenTerms, VerifiedToken};
